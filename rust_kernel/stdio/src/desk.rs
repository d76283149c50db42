//! Orders and cancels: what the kernel is asked for, and what is told of it.

use dita_engine::{Note, SharedDisk, each_note};
use dita_host::{Foreign, Patience, closes, opens, standing};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, Intent};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{
    KernelCommandType, KernelDiagnosticCode, KernelEventKind, OrderSide, Product, TradeSide, VenueOrderStatus,
};
use dita_kernel::num::{self, Decimal, Money, Qty};
use dita_kernel::outcome::{Detail, Outcome};

use crate::command::{OrderLine, Price};
use crate::orders::{Kept, Order, Part, Place};
use crate::session::{Session, Trouble};
use crate::strategies::StrategyRunner;

const INSUFFICIENT_FUNDS: &str = "insufficient_funds";
const DUPLICATE: &str = "duplicate_client_order_id";
const UNKNOWN_ORDER: &str = "unknown_order";
const UNKNOWN_SYMBOL: &str = "unknown_symbol";

/// What of an order the kernel is asked for: which slot, which action, how much.
type Wish = (u32, KernelCommandType, Qty);

/// The protocol's word for a refusal: the known ones, else the kernel's code.
fn reason_of(outcome: &Outcome) -> String {
    match &outcome.detail {
        Detail::Limit { limit: "available_capital", .. } => INSUFFICIENT_FUNDS.into(),
        Detail::Venue { reason, .. } if outcome.code == KernelDiagnosticCode::VenueRejected => {
            reason.to_string()
        }
        _ => outcome.code.name().to_ascii_lowercase(),
    }
}

/// How an instrument stands for an order.
struct Listed {
    place: u32,
    symbol: Id,
    qty_scale: u8,
    price_scale: u8,
    is_spot: bool,
}

fn listed(kernel: &Kernel, symbol: &str) -> Option<Listed> {
    let id = Id::new(symbol).ok()?;
    let place = kernel.instrument_of(&id).or_else(|| {
        let upper = Id::new(&symbol.to_ascii_uppercase()).ok()?;
        kernel.instrument_of(&upper)
    })?;
    let rules = kernel.instruments().get(place as usize)?;
    Some(Listed {
        place,
        symbol: rules.spec.symbol.clone(),
        qty_scale: rules.qty_scale,
        price_scale: rules.price_scale,
        is_spot: rules.spec.product == Product::Spot,
    })
}

impl<F: Foreign, C: StrategyRunner<Interrupt = F::Interrupt>> Session<'_, F, C> {
    // ------------------------------------------------------------------------------------------------ orders

    pub(crate) fn order(&mut self, line: &OrderLine<'_>) -> Result<(), Trouble<F::Interrupt>> {
        let now_ns = self.clock.now_ns();
        let found = listed(self.drain.settled()?.core.kernel(), line.symbol);
        let symbol = found.as_ref().map_or(line.symbol, |listed| listed.symbol.as_str());
        self.out.order_received(self.commands, line, symbol);
        if self.orders.is_used(line.client_id) {
            self.out.refused(now_ns, line.client_id, Some((line, symbol)), DUPLICATE);
            return Ok(());
        }
        if self.orders.is_full() {
            self.out.error(now_ns, "too many orders: no more ids can be remembered");
            return Ok(());
        }
        let Some(listed) = found else {
            self.out.refused(now_ns, line.client_id, Some((line, symbol)), UNKNOWN_SYMBOL);
            return Ok(());
        };
        let has_price = self.prices.get(listed.place as usize).is_some_and(Option::is_some);
        if line.at == Price::Market && !has_price {
            self.out.error(now_ns, "no market");
            return Ok(());
        }
        if !has_price {
            self.value_at(listed.place, &listed.symbol, line.price)?;
        }
        let mut order = blank(line, &listed, now_ns);
        let mut wishes = Vec::new();
        match self.wishes(line, &listed, &mut order, &mut wishes)? {
            Full::No => {}
            Full::Yes => {
                self.out.error(now_ns, "too many open orders");
                return Ok(());
            }
        }
        let place = self.orders.add(order);
        for (number, wish) in (1_u32..).zip(wishes) {
            self.send(place, line, number, wish)?;
        }
        self.tell_news(now_ns)?;
        // Also where the venue has said nothing yet, or nothing was sent.
        self.show(place, now_ns)?;
        self.tell_account(false)
    }

    /// Notes in the log how an order stands.
    fn keep(&self, place: Place) -> Result<(), Trouble<F::Interrupt>> {
        if self.drain.has_log() {
            let order = self.orders.at(place);
            let note = Note { told_seq: 0, time_ns: order.last_ns, text: order.to_text().into() };
            self.drain.note(self.owner.clone(), note)?;
        }
        Ok(())
    }

    /// Takes the orders of earlier sessions from the log: those that ended as they were noted, the others as the kernel has
    /// them.
    pub(crate) fn put_orders_back(&mut self, disk: &SharedDisk) -> Result<(), Trouble<F::Interrupt>> {
        let state = self.drain.settled()?;
        let (kernel, orders, owner) = (state.core.kernel(), &mut self.orders, &self.owner);
        each_note(disk, &mut |(_, name, note)| {
            let kept = Kept::read(&note.text).filter(|_| name == *owner);
            if let Some(order) = kept.and_then(|kept| noted(&kept, kernel)) {
                orders.put_back(order);
            }
        })
        .map_err(|error| Trouble::Log(Box::new(error)))?;
        drop(state);
        let now_ns = self.clock.now_ns();
        for place in self.orders.live_places() {
            let order = self.orders.at(place);
            for part in order.parts.iter().filter(|part| !part.status.is_ended()) {
                self.seats.work(part.slot_id, order.instrument, part.client_id.clone(), place);
                self.balances.hold(order.instrument, order.side, part.held);
            }
            // What came of it at the restart, or was not noted any more.
            self.show(place, now_ns)?;
        }
        Ok(())
    }

    /// Without a market an order's own limit is the only price that there is: what is held is valued at it.
    fn value_at(&mut self, place: u32, symbol: &Id, price: Decimal) -> Result<(), Trouble<F::Interrupt>> {
        let Some(marked) = self.marked.get_mut(place as usize) else { return Ok(()) };
        if *marked != Some(price) {
            *marked = Some(price);
            let now_ns = self.clock.now_ns();
            let mark = Input::Mark { symbol: symbol.clone(), price, venue_time_ns: now_ns, ages: false };
            // A price that no market can have is refused here, and the order after it.
            self.put(mark)?;
        }
        Ok(())
    }

    /// What the kernel is asked for: closes first, then an opening.
    fn wishes(
        &mut self,
        line: &OrderLine<'_>,
        listed: &Listed,
        order: &mut Order,
        wishes: &mut Vec<Wish>,
    ) -> Result<Full, Trouble<F::Interrupt>> {
        let Ok(size) = line.size.at_scale(listed.qty_scale) else {
            order.refused = true;
            order.reason = KernelDiagnosticCode::Precision.name().to_ascii_lowercase();
            return Ok(Full::No);
        };
        order.size = Qty(size);
        let mut parts = Vec::new();
        let state = self.drain.settled()?;
        let kernel = state.core.kernel();
        let busy = self.seats.busy(listed.place);
        let left = closes(kernel, busy, listed.place, line.side, order.size, &mut parts);
        wishes.extend(parts.into_iter().map(|(slot_id, part)| (slot_id, KernelCommandType::Exit, part)));
        if left.is_zero() {
            return Ok(Full::No);
        }
        if line.side == OrderSide::Sell && listed.is_spot {
            order.refused = true;
            order.reason = INSUFFICIENT_FUNDS.into();
            return Ok(Full::No);
        }
        match self.seats.first_free(kernel) {
            Some(slot_id) => wishes.push((slot_id, KernelCommandType::Enter, left)),
            None if wishes.is_empty() => return Ok(Full::Yes),
            None => {
                order.refused = true;
                order.reason = "no_free_slot".into();
            }
        }
        Ok(Full::No)
    }

    /// Asks the kernel for a part of an order.
    fn send(
        &mut self,
        place: Place,
        line: &OrderLine<'_>,
        number: u32,
        (slot_id, action, size): Wish,
    ) -> Result<(), Trouble<F::Interrupt>> {
        let order = self.orders.at(place);
        let (instrument, symbol) = (order.instrument, order.symbol.clone());
        let mut text = String::with_capacity(64);
        text.push_str(line.client_id);
        text.push('.');
        text.push_str(&number.to_string());
        let intent_id = Id::new(&text).unwrap_or_default();
        let (trade_id, side) = match action {
            KernelCommandType::Enter => (order.client_id.clone(), opens(line.side)),
            _ => self.carried(slot_id)?,
        };
        let mut intent = Intent::new(action, intent_id, trade_id, slot_id, symbol, side);
        intent.target_size = Decimal::new(size.0, order.qty_scale).ok();
        intent.order_type = line.at.order_type();
        intent.limit_price = (line.at == Price::Limit).then_some(line.price);
        intent.time_in_force = line.time_in_force;
        intent.post_only = line.post_only;
        intent.owner = self.owner.clone();
        let answer = self.put(Input::Intent(Box::new(intent)))?;
        if !answer.accepted {
            let order = self.orders.at_mut(place);
            order.refused = true;
            order.reason = reason_of(&answer);
            return Ok(());
        }
        let Some(client_id) = self.sent(slot_id, action)? else { return Ok(()) };
        self.seats.work(slot_id, instrument, client_id.clone(), place);
        if line.side == OrderSide::Sell {
            self.balances.hold(instrument, line.side, size);
        }
        let part = Part {
            client_id,
            slot_id,
            status: VenueOrderStatus::Sent,
            filled: Qty::ZERO,
            value: Money::ZERO,
            held: size,
        };
        self.orders.at_mut(place).parts.push(part);
        Ok(())
    }

    /// The trade of a slot.
    fn carried(&self, slot_id: u32) -> Result<(Id, TradeSide), Trouble<F::Interrupt>> {
        let state = self.drain.open()?;
        let slot = state.core.kernel().slot(slot_id);
        Ok(slot.map_or((Id::EMPTY, TradeSide::Flat), |slot| (slot.trade_id.clone(), slot.side)))
    }

    /// The order that a slot has sent last.
    fn sent(&self, slot_id: u32, action: KernelCommandType) -> Result<Option<Id>, Trouble<F::Interrupt>> {
        let state = self.drain.open()?;
        let kernel = state.core.kernel();
        let slot = kernel.slot(slot_id);
        let reference = slot.and_then(|slot| match action {
            KernelCommandType::Enter => slot.entry,
            _ => slot.exit,
        });
        let order = reference.and_then(|reference| kernel.orders().get(reference));
        Ok(order.map(|order| order.client_id.clone()))
    }

    /// Puts an input in; what the venue says at once is news.
    fn put(&mut self, input: Input) -> Result<Outcome, Trouble<F::Interrupt>> {
        let now_ns = self.clock.now_ns();
        let given = self.drain.put(self.held, input, Some(now_ns), Patience::Answer)?;
        self.news.extend(given.answer.events);
        Ok(given.answer.outcome)
    }

    // ----------------------------------------------------------------------------------------------- cancels

    pub(crate) fn cancel(&mut self, client_id: &str) -> Result<(), Trouble<F::Interrupt>> {
        let now_ns = self.clock.now_ns();
        self.out.cancel_received(self.commands, client_id);
        let Some(place) = self.orders.find(client_id) else {
            self.out.refused(now_ns, client_id, None, UNKNOWN_ORDER);
            return Ok(());
        };
        let order = self.orders.at_mut(place);
        if order.has_ended() {
            let before = std::mem::replace(&mut order.reason, "order_ended".into());
            self.out.order_update(now_ns, order);
            order.reason = before;
            return Ok(());
        }
        let live = order.parts.iter().filter(|part| !part.status.is_ended());
        let live: Vec<(u32, Id)> = live.map(|part| (part.slot_id, part.client_id.clone())).collect();
        let symbol = order.symbol.clone();
        for (number, (slot_id, target)) in (1_u32..).zip(live) {
            let (trade_id, side) = self.carried(slot_id)?;
            // A number that no earlier session has used.
            let seq = self.drain.open()?.core.kernel().seq();
            let text = format!("{}-c{seq}.{number}", self.owner);
            let intent_id = Id::new(&text).unwrap_or_default();
            let mut intent =
                Intent::new(KernelCommandType::Cancel, intent_id, trade_id, slot_id, symbol.clone(), side);
            intent.target_client_id = target;
            intent.owner = self.owner.clone();
            let answer = self.put(Input::Intent(Box::new(intent)))?;
            if !answer.accepted {
                self.out.error(now_ns, &format!("cancel: {client_id:?} is refused: {}", reason_of(&answer)));
            }
        }
        self.tell_news(now_ns)
    }

    // -------------------------------------------------------------------------------------------------- news

    /// Tells what the venue has said since the last time.
    pub(crate) fn tell_news(&mut self, now_ns: i64) -> Result<(), Trouble<F::Interrupt>> {
        if self.news.is_empty() {
            return Ok(());
        }
        let news = std::mem::take(&mut self.news);
        let mut whose: Vec<Option<Place>> = Vec::with_capacity(news.len());
        for event in &news {
            let slot_id = event.slot_id.unwrap_or(u32::MAX);
            whose.push(self.seats.whose(slot_id, &event.venue_client_id));
        }
        for at in 0..news.len() {
            let Some(place) = whose[at] else { continue };
            for (event, owner) in news.iter().zip(&mut whose).skip(at) {
                if *owner != Some(place) {
                    continue;
                }
                *owner = None;
                self.hear(place, now_ns, event);
            }
            self.show(place, now_ns)?;
        }
        self.tell_account(false)
    }

    /// Hears one event of an order.
    fn hear(&mut self, place: Place, now_ns: i64, event: &dita_kernel::input::VenueEvent) {
        let order = self.orders.at_mut(place);
        if order.venue_order_id.is_empty() {
            order.venue_order_id.clone_from(&event.venue_order_id);
        }
        if let Some(reason) = event.rare.as_ref().map(|rare| &rare.reason).filter(|reason| !reason.is_empty())
        {
            order.reason = reason.to_string();
        }
        if matches!(event.kind, KernelEventKind::PartialFill | KernelEventKind::FullFill) {
            self.out.fill(now_ns, order, event);
        }
    }

    /// Reads from the kernel how an order stands, and tells it where that has changed, or for the first time.
    fn show(&mut self, place: Place, now_ns: i64) -> Result<(), Trouble<F::Interrupt>> {
        let state = self.drain.settled()?;
        let kernel = state.core.kernel();
        let order = self.orders.at_mut(place);
        if order.has_ended() {
            return Ok(());
        }
        let mut stands = Vec::with_capacity(order.parts.len());
        let (mut filled, mut value) = (Qty::ZERO, Money::ZERO);
        for part in &mut order.parts {
            if let Some(known) = kernel.orders().by_client_id(&part.client_id) {
                let known = kernel.orders().at(known);
                part.status = known.status;
                (part.filled, part.value) = (known.filled, known.filled_value);
                let held = if known.status.is_ended() { Qty::ZERO } else { known.remaining() };
                self.balances.hold(order.instrument, order.side, held - part.held);
                part.held = held;
            }
            filled += part.filled;
            value += part.value;
            stands.push((part.status, part.filled.0));
        }
        let status = standing(&stands, order.size.0, order.refused);
        if order.shown && status == order.status && filled == order.filled {
            return Ok(());
        }
        order.shown = true;
        (order.status, order.filled, order.last_ns) = (status, filled, now_ns);
        let rules = kernel.instruments().get(order.instrument as usize);
        order.average = rules.and_then(|rules| rules.average_price(value, filled)).unwrap_or_default();
        self.out.order_update(now_ns, order);
        self.out.order_state(order);
        let ended = status.is_ended();
        for part in order.parts.iter().filter(|part| part.status.is_ended()) {
            let is_free = kernel.slot(part.slot_id).is_some_and(|slot| slot.stage.is_free());
            self.seats.leave(part.slot_id, &part.client_id, is_free);
        }
        drop(state);
        self.keep(place)?;
        if ended {
            self.orders.end(place);
        }
        Ok(())
    }

    /// Tells the balances where they have changed, or in any case.
    pub(crate) fn tell_account(&mut self, in_any_case: bool) -> Result<(), Trouble<F::Interrupt>> {
        let state = self.drain.settled()?;
        self.balances.tell(self.clock.now_ns(), state.core.kernel(), in_any_case, &mut self.out);
        Ok(())
    }
}

/// Whether there is no slot for an order.
enum Full {
    Yes,
    No,
}

/// An order as it was noted, its parts as the kernel has them where it still does.
fn noted(kept: &Kept<'_>, kernel: &Kernel) -> Option<Order> {
    let listed = listed(kernel, kept.symbol)?;
    let part = |text: &str| {
        let part = Part::read(text)?;
        let Some(known) = kernel.orders().by_client_id(&part.client_id) else { return Some(part) };
        let known = kernel.orders().at(known);
        let held = if known.status.is_ended() { Qty::ZERO } else { known.remaining() };
        Some(Part { slot_id: known.slot_id, status: known.status, held, ..part })
    };
    let parts = if kept.status.is_ended() { "" } else { kept.parts };
    Some(Order {
        client_id: Id::new(kept.client_id).ok()?,
        symbol: listed.symbol,
        instrument: listed.place,
        qty_scale: listed.qty_scale,
        price_scale: listed.price_scale,
        side: kept.side,
        quantity: kept.quantity,
        size: Qty(kept.quantity.at_scale(listed.qty_scale).unwrap_or(i128::MAX)),
        price: kept.price,
        venue_order_id: Id::new(kept.venue_order_id).ok()?,
        status: kept.status,
        filled: Qty(kept.filled),
        average: num::Price(kept.average),
        refused: kept.refused,
        shown: true,
        reason: kept.reason.to_owned(),
        last_ns: kept.last_ns,
        parts: parts.split(',').filter_map(part).collect(),
    })
}

/// An order of which nothing was sent yet.
fn blank(line: &OrderLine<'_>, listed: &Listed, now_ns: i64) -> Order {
    Order {
        client_id: Id::new(line.client_id).unwrap_or_default(),
        symbol: listed.symbol.clone(),
        instrument: listed.place,
        qty_scale: listed.qty_scale,
        price_scale: listed.price_scale,
        side: line.side,
        quantity: line.size,
        size: Qty(i128::MAX),
        price: line.price,
        venue_order_id: Id::EMPTY,
        status: VenueOrderStatus::New,
        filled: Qty::ZERO,
        average: num::Price::ZERO,
        refused: false,
        shown: false,
        reason: String::new(),
        last_ns: now_ns,
        parts: Vec::new(),
    }
}
