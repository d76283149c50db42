//! AMEND: a working order's new total and prices, by FIX's rules.
//!
//! A total includes what is filled. Until the venue has answered, the order is what it was *and* what was asked for:
//! the worse of the two is held back as exposure.

use alloc::boxed::Box;

use super::Kernel;
use super::bounds::check_band;
use super::intent::checks::{Prices, is_worse};
use super::intent::{invalid, permitted, precision};
use super::room::sells;
use crate::effect::{AmendRequest, Command, Effects};
use crate::id::Id;
use crate::input::Intent;
use crate::instrument::Instrument;
use crate::names::{KernelDiagnosticCode as Code, OrderDoubt, OrderSide, VenueOrderStatus};
use crate::num::{Decimal, Money, Price, Qty, Rounding};
use crate::order::{Amendment, Order, OrderRole};
use crate::outcome::{Outcome, Refusal};
use crate::planted::{Bug, planted};
use crate::risk::Attempt;
use crate::slot::Slot;
use crate::slot::table::Symbol;

/// What an AMEND does.
#[derive(Debug)]
pub(crate) struct AmendPlan {
    /// The order's place.
    place: u32,
    /// Its request id and time are given when it is carried out.
    amendment: Amendment,
}

impl Kernel {
    pub(crate) fn plan_amend(
        &self,
        now_ns: i64,
        slot: &Slot,
        intent: &Intent,
    ) -> Result<AmendPlan, Box<Refusal>> {
        let place = self.order_to_amend(slot, intent)?;
        permitted(slot, Symbol::Amend)?;
        let order = self.orders.at(place);
        check_free(order)?;
        if order.is_attached() {
            let why = "is an exit of its entry, which the kernel keeps: cancel it, and send an EXIT";
            return Err(invalid("target_client_id", &order.client_id, why));
        }
        if self.parts_beside(slot, order).count() > 1 {
            let why = "is one of the orders of an exit in parts: cancel that, and send an EXIT";
            return Err(invalid("target_client_id", &order.client_id, why));
        }
        if let Some(until) = intent.expire_time_ns.filter(|_| intent.expire_time_ns != order.expire_time_ns) {
            return Err(invalid(
                "expire_time",
                until,
                "cannot be amended: cancel the order and send another",
            ));
        }
        if let Some(size) = intent.quote_size {
            return Err(invalid("quote_size", size, "cannot be amended: give the new target_size"));
        }
        let rules = &self.instruments[order.instrument as usize];
        let qty = amended_total(rules, slot, order, intent)?;
        if order.role == OrderRole::Exit && qty > order.qty && !self.leaves_room(slot, order, qty) {
            let shown = intent.target_size.unwrap_or_else(|| rules.qty_decimal(qty));
            let why = "is more than the position beside what its other exits may sell: cancel one first";
            return Err(invalid("target_size", shown, why));
        }
        let limit_price = amended_price(rules, order, "limit_price", order.limit_price, intent.limit_price)?;
        let trigger_price =
            amended_price(rules, order, "trigger_price", order.trigger_price(), intent.trigger_price)?;
        if qty == order.qty && limit_price == order.limit_price && trigger_price == order.trigger_price() {
            return Err(invalid("action", intent.action, "changes neither the total nor a price"));
        }
        let prices = Prices { limit: limit_price, trigger: trigger_price };
        let reserve_price = if is_raised(rules, order, qty, prices) {
            amended_reserve(rules, order, prices)
        } else {
            // What adds no risk is not valued anew: it is held back at what it was, or at less.
            lesser(rules, order.reserve_price, amended_reserve(rules, order, prices))
        };
        let amendment = Amendment {
            request_id: Id::EMPTY,
            qty,
            limit_price,
            trigger_price,
            reserve_price,
            sent_time_ns: now_ns,
        };
        if order.role == OrderRole::Entry {
            self.check_amended_entry(now_ns, slot, order, &amendment, intent)?;
        }
        Ok(AmendPlan { place, amendment })
    }

    /// Whether an exit may have a larger total beside the others of its trade.
    fn leaves_room(&self, slot: &Slot, order: &Order, total: Qty) -> bool {
        let is_other = |exit: &&Order| exit.number != order.number && sells(exit) == sells(order);
        let others = self.exits_of(slot).filter(is_other);
        let taken = others.fold(Qty::ZERO, |sum, exit| sum + exit.may_fill());
        taken + (total - order.filled) <= slot.size()
    }

    /// The order that an AMEND means: one that works, else one of the slot's trade that has filled, which the venue may
    /// let grow. A group is over with its first member's fill.
    fn order_to_amend(&self, slot: &Slot, intent: &Intent) -> Result<u32, Box<Refusal>> {
        let none = match self.chosen_order(slot, intent) {
            Err(refusal) if refusal.code == Code::NoActiveOrder => refusal,
            chosen => return chosen,
        };
        let target = &intent.target_client_id;
        let filled = |place: &u32| {
            let order = self.orders.at(*place);
            order.status == VenueOrderStatus::Filled
                && order.oco_group().is_none()
                && (target.is_empty() || order.client_id == *target)
                && self.owner_of(order.role, order.slot_id, order.trade_number) == Some(intent.slot_id)
        };
        if !target.is_empty() {
            return self.orders.by_client_id(target).filter(filled).ok_or(none);
        }
        let seats = slot.entry.into_iter().chain(slot.exit);
        let mut seated =
            seats.filter(|seat| self.orders.get(*seat).is_some()).map(|seat| seat.place).filter(filled);
        match (seated.next(), seated.next()) {
            (Some(first), Some(second)) => Err(self.ambiguous([first, second].into_iter().chain(seated))),
            (only, _) => only.ok_or(none),
        }
    }

    /// What raises an entry's size, or makes it likelier to fill, passes as an entry does; the rest reduces risk.
    fn check_amended_entry(
        &self,
        now_ns: i64,
        slot: &Slot,
        order: &Order,
        amendment: &Amendment,
        intent: &Intent,
    ) -> Result<(), Box<Refusal>> {
        let rules = &self.instruments[order.instrument as usize];
        let shown = rules.qty_decimal(amendment.qty);
        let notional = rules.value(amendment.reserve_price, amendment.qty).ok_or_else(|| {
            Refusal::field(Code::Precision, "target_size", shown, "the order's value is too large")
        })?;
        let prices = Prices { limit: amendment.limit_price, trigger: amendment.trigger_price };
        let own = rules.value(prices.own(amendment.reserve_price), amendment.qty).unwrap_or(notional);
        if own < rules.min_notional {
            return Err(Refusal::field(
                Code::BelowFloor,
                "target_size",
                shown,
                "is under the venue's minimum",
            ));
        }
        let remaining =
            rules.value(amendment.reserve_price, amendment.qty - order.filled).unwrap_or(notional);
        if !is_raised(rules, order, amendment.qty, prices) {
            return Ok(());
        }
        if let Some(until) = intent.valid_until_ns.filter(|until| *until < now_ns) {
            return Err(invalid("valid_until", until, "has passed"));
        }
        self.check_gate()?;
        self.check_provenance(intent)?;
        self.check_amended_regime(intent, order, prices.limit, rules.mark, now_ns)?;
        let mark = self.mark_of(rules, now_ns)?;
        if let Some(bounds) = &rules.bounds {
            check_band((rules, bounds), order.order_side, order.order_type, prices, mark)?;
        }
        // What is reserved already is not counted twice, and what is filled is in the position.
        let added = if remaining > order.reserved { remaining - order.reserved } else { Money::ZERO };
        let own = added;
        let added = self.exposure.increase(order.instrument, order.order_side, added);
        let attempt = Attempt {
            instrument: order.instrument,
            rules,
            qty: amendment.qty,
            notional,
            added,
            leverage: slot.leverage,
            mark,
            limit_price: amendment.limit_price,
            trigger_price: amendment.trigger_price,
            open_slots: self.busy_slots().saturating_sub(1),
        };
        let limits = &self.control.limits;
        limits.check(&self.exposure, &attempt)?;
        if limits.looks_further() {
            self.check_further(now_ns, &attempt)?;
        }
        self.guard.check_amend(limits, now_ns)?;
        if self.aside.bots.is_some() {
            self.check_bot_limits(&slot.owner, &attempt, own, false)?;
            if !own.is_zero() {
                self.check_budget(&slot.owner, &attempt, own)?;
            }
        }
        if added.is_zero() { Ok(()) } else { self.check_capital(&attempt) }
    }

    pub(crate) fn commit_amend(
        &mut self,
        plan: &AmendPlan,
        intent: &Intent,
        key: u64,
        effects: &mut Effects,
    ) -> Outcome {
        self.send_amendment(plan.place, plan.amendment.clone(), effects);
        self.remember_order(intent, key, plan.place)
    }

    /// Asks the venue for a change.
    pub(crate) fn send_amendment(&mut self, place: u32, mut amendment: Amendment, effects: &mut Effects) {
        let order = self.orders.at(place);
        let slot_id = order.slot_id;
        amendment.request_id = self.orders.request_id(order.number, self.seq);
        let rules = &self.instruments[order.instrument as usize];
        effects.commands.push(Command::Amend(AmendRequest {
            venue_client_id: order.client_id.clone(),
            venue_order_id: order.venue_order_id.clone(),
            request_id: amendment.request_id.clone(),
            asset: rules.spec.symbol.clone(),
            slot_id: order.slot_id,
            order_side: order.order_side,
            size: rules.qty_decimal(amendment.qty),
            limit_price: amendment.limit_price.map(|price| rules.price_on_wire(price)),
            trigger_price: amendment.trigger_price.map(|price| rules.price_on_wire(price)),
        }));
        self.guard.take_cancel(&self.control.limits, self.now_ns);
        let extra = self.orders.at_mut(place).extra_mut();
        extra.amendment = Some(amendment);
        extra.given_up = None;
        self.refresh_reservation(place);
        self.watch_order(place);
        self.move_slot(slot_id, Symbol::Amend, effects);
    }

    /// The change that the venue has been asked for is off the table. One that is only `given_up` counts again should
    /// the venue say after all that it was made.
    #[cold]
    pub(crate) fn drop_amendment(&mut self, place: u32, given_up: bool) {
        let order = self.orders.at_mut(place);
        let Some(extra) = &mut order.extra else { return };
        let amendment = extra.amendment.take();
        extra.given_up = if given_up { amendment } else { None };
        if order.doubt == OrderDoubt::Amend {
            order.doubt = OrderDoubt::None;
        }
        if order.status == VenueOrderStatus::PendingReplace {
            order.status = order.working_status();
        }
        if let Some(extra) = &mut order.extra {
            extra.beside = extra.beside.filter(|beside| *beside != VenueOrderStatus::PendingReplace);
        }
        self.refresh_reservation(place);
    }
}

/// True where the venue may be asked to make an order another one.
pub(crate) fn is_free(order: &Order) -> bool {
    check_free(order).is_ok()
}

/// One request at a time: what a second one would mean depends on the answer to the first.
fn check_free(order: &Order) -> Result<(), Box<Refusal>> {
    let busy = |why| Err(Refusal::field(Code::SlotBusy, "target_client_id", &order.client_id, why));
    if order.doubt != OrderDoubt::None {
        return Err(Refusal::field(
            Code::InDoubt,
            "target_client_id",
            &order.client_id,
            "may or may not be live: wait until the venue has answered",
        ));
    }
    if order.status == VenueOrderStatus::New {
        return busy("has not left for the venue: cancel it and send another");
    }
    let reported = order.reported_status();
    if order.cancel_requested || reported == VenueOrderStatus::PendingCancel {
        return busy("is being canceled");
    }
    if order.amendment().is_some() || reported == VenueOrderStatus::PendingReplace {
        return busy("is being amended: wait for the venue's answer");
    }
    Ok(())
}

/// The new total on the grid; the old one where none is given.
fn amended_total(
    rules: &Instrument,
    slot: &Slot,
    order: &Order,
    intent: &Intent,
) -> Result<Qty, Box<Refusal>> {
    let Some(size) = intent.target_size else {
        if order.status == VenueOrderStatus::Filled {
            return Err(invalid(
                "target_size",
                "None",
                "is needed, as the order has filled: give a larger total",
            ));
        }
        return Ok(order.qty);
    };
    if !size.is_positive() {
        return Err(invalid("target_size", size, "must be above zero"));
    }
    let qty = rules.qty_rounded(size, Rounding::Floor).map_err(precision("target_size", size))?;
    if qty <= order.filled {
        return Err(invalid("target_size", size, "is not above what is filled: use CANCEL"));
    }
    if qty < rules.min_qty {
        return Err(Refusal::field(Code::BelowFloor, "target_size", size, "is under the venue's minimum"));
    }
    if rules.largest(order.order_type).is_some_and(|max| qty > max) {
        return Err(invalid("target_size", size, "is above the venue's largest order"));
    }
    if order.role == OrderRole::Exit && qty > order.qty && qty > order.filled + slot.size() {
        return Err(invalid("target_size", size, "is more than the position"));
    }
    Ok(qty)
}

/// A new price on the grid, to the passive side; the old one where none is given.
fn amended_price(
    rules: &Instrument,
    order: &Order,
    field: &'static str,
    old: Option<Price>,
    new: Option<Decimal>,
) -> Result<Option<Price>, Box<Refusal>> {
    let Some(value) = new else { return Ok(old) };
    if old.is_none() {
        return Err(invalid(field, value, "does not belong to this order's type"));
    }
    if !value.is_positive() {
        return Err(invalid(field, value, "must be above zero"));
    }
    let price = rules.limit_price(value, order.order_side).map_err(precision(field, value))?;
    if price.is_zero() {
        return Err(Refusal::field(Code::BelowFloor, field, value, "is under one tick"));
    }
    if rules.max_price.is_some_and(|max| price > max) {
        return Err(invalid(field, value, "is above the venue's highest price"));
    }
    Ok(Some(price))
}

/// True where an order with that total and those prices would be a greater risk than it is: larger, worth more than it is
/// held back at, likelier to fill, or with another trigger.
fn is_raised(rules: &Instrument, order: &Order, qty: Qty, prices: Prices) -> bool {
    let is_dearer = prices
        .worst(rules.spec.inverse)
        .is_some_and(|own| is_worse(own, order.reserve_price, rules.spec.inverse));
    qty > order.qty
        || is_dearer
        || bolder(order.order_side, order.limit_price, prices.limit)
        || prices.trigger != order.trigger_price()
}

/// The price that an order is valued at, such that its exposure is not taken for less than it may be: the worst of mark,
/// limit and trigger. Inverse contracts are worth more coin at lower prices: with them it is the lowest.
#[inline]
pub(crate) fn at_worst(rules: &Instrument, prices: Prices, mark: Price) -> Price {
    let inverse = rules.spec.inverse;
    match prices.worst(inverse) {
        Some(price) if is_worse(price, mark, inverse) => price,
        Some(_) | None => mark,
    }
}

/// The price at which a changed order is held back: as an entry's is, or without a mark by its own prices.
pub(crate) fn amended_reserve(rules: &Instrument, order: &Order, prices: Prices) -> Price {
    match (prices.worst(rules.spec.inverse), rules.mark) {
        (Some(_), Some(mark)) => at_worst(rules, prices, mark),
        (Some(price), None) => price,
        (None, _) => order.reserve_price,
    }
}

/// The one at which an order is worth less.
fn lesser(rules: &Instrument, one: Price, other: Price) -> Price {
    if is_worse(one, other, rules.spec.inverse) { other } else { one }
}

/// True where a new limit is likelier to fill than the old one.
fn bolder(side: OrderSide, old: Option<Price>, new: Option<Price>) -> bool {
    match (side, old, new) {
        (OrderSide::Buy, Some(old), Some(new)) => new > old,
        (OrderSide::Sell, Some(old), Some(new)) => new < old,
        (OrderSide::Buy | OrderSide::Sell, _, _) => false,
    }
}

/// What an entry may still fill at worst: as it is, as the venue says it is, or as it shall be.
#[cold]
pub(crate) fn worst_case(rules: &Instrument, order: &Order) -> Money {
    // In bounds when it was planned.
    let value = |price, qty| rules.value(price, qty).unwrap_or(order.reserved);
    let (told, unfilled) = (order.remaining(), order.unfilled());
    // Each by itself: what the venue says may be out of bounds.
    let (as_told, as_it_is) = (value(order.reserve_price, told), value(order.reserve_price, unfilled));
    let as_it_is = if as_told > as_it_is { as_told } else { as_it_is };
    let grows = |amendment: &&Amendment| amendment.qty > order.filled && !planted(Bug::AmendFreesTooEarly);
    match order.amendment().filter(grows) {
        Some(amendment) => {
            let as_it_shall_be = value(amendment.reserve_price, amendment.qty - order.filled);
            if as_it_shall_be > as_it_is { as_it_shall_be } else { as_it_is }
        }
        None => as_it_is,
    }
}
