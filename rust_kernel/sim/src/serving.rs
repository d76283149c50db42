//! What the venue does with a request that has arrived.

use dita_kernel::effect::{CancelRequest, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{EffectResult, Input};
use dita_kernel::names::{KernelEventKind, OrderSide, TimeInForce, VenueOrderStatus};
use dita_kernel::num::Decimal;

use crate::admission;
use crate::events::{self, Report};
use crate::fills::{Desk, Market};
use crate::flight::Cargo;
use crate::orders::{Finished, Order, Orders, Place};
use crate::reject::Reject;
use crate::taking;
use crate::terms::is_special;
use crate::venue::SimVenue;

impl SimVenue {
    /// The market of an order: mostly that of the one before.
    #[inline]
    pub(crate) fn order_market(&self, symbol: &Id) -> Option<usize> {
        let last = self.current.market as usize;
        match self.markets.get(last) {
            Some(market) if market.rules.symbol == *symbol => Some(last),
            Some(_) | None => self.market_place(symbol),
        }
    }

    #[inline]
    pub(crate) fn take_order(&mut self, request: &OrderRequest, out: &mut Vec<Input>) {
        let Some(place) = self.order_market(&request.asset) else {
            return self.reject(request, None, Reject::UnknownSymbol, out);
        };
        if self.markets[place].odd || is_special(request) || self.waits(place) {
            return self.take_special(place, request, out);
        }
        let SimVenue { desk, markets, orders, current, .. } = self;
        let admitted = admission::admit::<false>(desk, &markets[place], orders, request, current);
        let carried = admitted.and_then(|()| self.check_funds(place, &self.current, self.current.size));
        if let Err(reject) = carried {
            return self.reject(request, Some(place as u32), reject, out);
        }
        let SimVenue { desk, markets, orders, current, .. } = self;
        let market = &mut markets[place];
        current.market = place as u32;
        desk.counters.orders += 1;
        let moment = desk.moment();
        events::acknowledged(desk.forms.venue(out), current, &market.rules, moment);
        taking::take(desk, market, current, out);
        if current.remaining() == 0 {
            return orders.remember(current, VenueOrderStatus::Filled);
        }
        let _kept = rest_or_expire(desk, market, orders, current, out);
    }

    /// Takes an order that is not plain, or that comes to a market or an account that is not.
    #[cold]
    #[inline(never)]
    fn take_special(&mut self, place: usize, request: &OrderRequest, out: &mut Vec<Input>) {
        let from = out.len();
        let SimVenue { desk, markets, orders, current, .. } = self;
        let admitted = admission::admit::<true>(desk, &markets[place], orders, request, current);
        if let Err(reject) = admitted.and_then(|()| self.check_funds(place, &self.current, self.current.size))
        {
            return self.reject(request, Some(place as u32), reject, out);
        }
        let held = self.waits(place) && !self.current.is_dormant();
        let SimVenue { desk, markets, orders, current, flight, walks, .. } = self;
        let market = &mut markets[place];
        current.market = place as u32;
        desk.counters.orders += 1;
        if held {
            let terms = current.terms_mut();
            terms.dormant = true;
            terms.meets_market = desk.behaviour.fill_delay_ns > 0;
        }
        if market.in_bars && !market.walking && current.is_dormant() && walks.is_empty() {
            current.terms_mut().from_ns = desk.now_ns;
        }
        if desk.strikes(|faults| faults.instant_expired) {
            desk.counters.faults.instant_expired += 1;
            desk.expire(market, current, Reject::Drawn, out);
            return orders.remember(current, VenueOrderStatus::Expired);
        }
        let moment = desk.moment();
        events::acknowledged(desk.forms.venue(out), current, &market.rules, moment);
        let kept = if current.is_dormant() {
            let kept = orders.keep(current.clone());
            market.dormant.push(kept);
            if held && desk.behaviour.fill_delay_ns > 0 {
                let due_ns = desk.now_ns.saturating_add(desk.behaviour.fill_delay_ns);
                flight.send(due_ns, Cargo::Meet { place: kept, sequence: current.sequence });
            }
            Some(kept)
        } else if let Some(reason) = kill(desk, market, orders, current) {
            desk.expire(market, current, reason, out);
            orders.remember(current, VenueOrderStatus::Expired);
            None
        } else {
            taking::take(desk, market, current, out);
            if current.remaining() <= 0 {
                orders.remember(current, VenueOrderStatus::Filled);
                None
            } else {
                rest_or_expire(desk, market, orders, current, out)
            }
        };
        if let (Some(kept), Some(expire_ns)) =
            (kept, current.terms.as_ref().and_then(|terms| terms.expire_ns))
        {
            flight.send(expire_ns, Cargo::Expire { place: kept, sequence: current.sequence });
        }
        self.conclude(place, from, out);
    }

    /// The end of a GTD order, if it is still there under its number or its second one.
    pub(crate) fn expire_order(&mut self, place: u32, sequence: u64, out: &mut Vec<Input>) {
        let from = out.len();
        let now_ns = self.desk.now_ns;
        let Some(order) = self.orders.live(place) else { return };
        let due = order.terms.as_ref().and_then(|terms| terms.expire_ns).is_some_and(|end| end <= now_ns);
        if !due || order.sequence < sequence {
            return;
        }
        let market = order.market as usize;
        self.end_live(place, VenueOrderStatus::Expired, Some(Reject::TimeEnded), out);
        self.conclude(market, from, out);
    }

    /// Rejects an order and remembers it under its client id, unless that names another order or none.
    #[cold]
    fn reject(&mut self, request: &OrderRequest, market: Option<u32>, reject: Reject, out: &mut Vec<Input>) {
        self.desk.counters.rejects += 1;
        let named = !matches!(reject, Reject::MissingClientId | Reject::DuplicateClientId);
        if let Some(market) = market.filter(|_| named) {
            let hash = request.venue_client_id.hash64();
            self.orders.remember_rejected(request, market, hash);
        }
        out.push(events::rejected(request, reject, self.desk.moment()));
    }

    /// True where what is sent now meets a later price: the next bar's open, or what its path comes to next where the bar
    /// has begun already by then.
    #[inline]
    fn waits_for_open(&self, place: usize) -> bool {
        let market = &self.markets[place];
        let is_later = self.desk.now_ns > market.price_ns && !market.walking;
        market.in_bars && (self.desk.behaviour.hold_for_open || is_later) && self.walks.is_empty()
    }

    /// True where what is sent now meets the market later.
    #[inline]
    fn waits(&self, place: usize) -> bool {
        self.desk.behaviour.fill_delay_ns > 0 || self.waits_for_open(place)
    }

    /// Lets an order that has waited for `fill_delay_ns` meet the market, if it is still there: or the next bar's open,
    /// where the market is between two bars and its settings say so.
    pub(crate) fn meet_market(&mut self, place: u32, sequence: u64, out: &mut Vec<Input>) {
        let Some(order) = self.orders.live_mut(place).filter(|order| order.sequence == sequence) else {
            return;
        };
        order.terms_mut().meets_market = false;
        let market = order.market as usize;
        if self.waits_for_open(market) {
            return;
        }
        let from = out.len();
        let dormant = &mut self.markets[market].dormant;
        if let Some(at) = dormant.iter().position(|kept| *kept == place) {
            dormant.remove(at);
            self.meet_open(market, place, out);
        }
        self.conclude(market, from, out);
    }

    pub(crate) fn find_order(&self, request: &CancelRequest) -> Option<Place> {
        let id = &request.venue_client_id;
        let by_client = if id.is_empty() { None } else { self.orders.by_client(id, id.hash64()) };
        by_client.or_else(|| {
            let number = self.desk.order_ids.number_of(&request.venue_order_id)?;
            self.orders.by_sequence(number)
        })
    }

    pub(crate) fn cancel_order(&mut self, request: &CancelRequest, out: &mut Vec<Input>) {
        let moment = self.desk.moment();
        match self.find_order(request) {
            None => out.push(events::unknown(KernelEventKind::CancelReject, request, moment)),
            Some(Place::Live(place)) => self.cancel_live(place, out),
            Some(Place::Ended(place)) => {
                let Some(ended) = self.orders.ended(place) else { return };
                let filled = ended.status == VenueOrderStatus::Filled;
                let reason = if filled { Reject::AlreadyFilled } else { Reject::AlreadyEnded };
                let rules = &self.markets[ended.market as usize].rules;
                let report = Report::of_ended(ended, self.venue_order_id(ended));
                out.push(report.event(KernelEventKind::CancelReject, rules, Some(reason), moment));
            }
        }
    }

    /// Cancels a live order on request, unless a fault makes less of it.
    fn cancel_live(&mut self, place: u32, out: &mut Vec<Input>) {
        let from = out.len();
        if self.desk.strikes(|faults| faults.false_cancel) {
            return self.seem_canceled(place, out);
        }
        let Some(order) = self.orders.live(place) else { return };
        let market = order.market as usize;
        let waits = order.limit.is_some() && !order.is_dormant() && !order.reduce_only;
        if waits && self.desk.strikes(|faults| faults.late_fill) {
            self.fill_late(place, out);
        } else {
            self.end_live(place, VenueOrderStatus::Canceled, None, out);
        }
        self.conclude(market, from, out);
    }

    /// Ends a live order before it is filled, on request or for a reason of the venue's.
    pub(crate) fn end_live(
        &mut self,
        place: u32,
        status: VenueOrderStatus,
        reason: Option<Reject>,
        out: &mut Vec<Input>,
    ) {
        let Some(order) = self.orders.live(place) else { return };
        let market = &mut self.markets[order.market as usize];
        if order.is_dormant() {
            market.dormant.retain(|&kept| kept != place);
        } else if let Some(limit) = order.limit {
            market.queue(order.order_side).remove(order.order_side, limit, order.priority());
        }
        match reason {
            Some(reason) if status == VenueOrderStatus::Expired => {
                self.desk.expire(market, order, reason, out);
            }
            Some(_) | None => {
                let what = (KernelEventKind::CancelAck, status);
                let moment = self.desk.moment();
                events::ended(self.desk.forms.venue(out), what, order, &market.rules, reason, moment);
                self.desk.counters.cancels += 1;
            }
        }
        self.orders.end(place, status);
    }

    pub(crate) fn venue_order_id(&self, ended: &Finished) -> Id {
        if ended.sequence == 0 { Id::EMPTY } else { self.desk.order_ids.id_of(ended.sequence) }
    }

    pub(crate) fn tell_status(&mut self, request: &CancelRequest, out: &mut Vec<Input>) {
        let found = self.find_order(request).and_then(|place| match place {
            Place::Live(place) => self.orders.live(place).map(|order| (order.market, Report::of_live(order))),
            Place::Ended(place) => self
                .orders
                .ended(place)
                .map(|ended| (ended.market, Report::of_ended(ended, self.venue_order_id(ended)))),
        });
        let moment = self.desk.moment();
        out.push(match found {
            None => events::unknown(KernelEventKind::OrderNotFound, request, moment),
            Some((market, report)) => {
                let rules = &self.markets[market as usize].rules;
                report.event(KernelEventKind::OrderStatus, rules, None, moment)
            }
        });
    }

    pub(crate) fn change_leverage(&mut self, symbol: &Id, leverage: Decimal, out: &mut Vec<Input>) {
        let symbol = symbol.clone();
        let refused = |symbol, reason: &str| EffectResult::LeverageRefused { symbol, reason: reason.into() };
        let result = match self.market_place(&symbol) {
            None => refused(symbol, Reject::UnknownSymbol.text()),
            Some(_) if !leverage.is_positive() => refused(symbol, "leverage: not positive"),
            Some(place) => {
                self.markets[place].rules.leverage = leverage;
                EffectResult::LeverageSet { symbol, leverage }
            }
        };
        out.push(Input::Effect(result));
    }
}

/// What becomes of an order that could not fill, or not wholly: a GTC limit rests, the others expire. The place of
/// one that rests.
#[inline]
fn rest_or_expire(
    desk: &mut Desk,
    market: &mut Market,
    orders: &mut Orders,
    order: &Order,
    out: &mut Vec<Input>,
) -> Option<u32> {
    match (order.limit, order.time_in_force) {
        (Some(limit), TimeInForce::Gtc | TimeInForce::Gtd) => {
            let place = orders.keep(order.clone());
            market.rest(order, limit, place, desk.behaviour.queue_position);
            Some(place)
        }
        (None, _) | (Some(_), TimeInForce::Ioc | TimeInForce::Fok) => {
            desk.expire(market, order, Reject::NotFilledAtOnce, out);
            orders.remember(order, VenueOrderStatus::Expired);
            None
        }
    }
}

/// Why the venue ends an order that it has acknowledged, before it takes.
fn kill(desk: &mut Desk, market: &Market, orders: &Orders, order: &Order) -> Option<Reject> {
    if desk.behaviour.self_trade_prevention && meets_own(market, orders, order) {
        return Some(Reject::SelfTrade);
    }
    if order.terms.as_ref().is_some_and(|terms| terms.post_only)
        && desk.strikes(|faults| faults.kill_post_only)
    {
        desk.counters.faults.kill_post_only += 1;
        return Some(Reject::PostOnlyWouldTake);
    }
    if order.reduce_only && desk.strikes(|faults| faults.kill_reduce_only) {
        desk.counters.faults.kill_reduce_only += 1;
        return Some(Reject::ReduceOnlyNoPosition);
    }
    if desk.strikes(|faults| faults.kill_self_trade) {
        desk.counters.faults.kill_self_trade += 1;
        return Some(Reject::SelfTrade);
    }
    None
}

/// True where an order of the same account waits at a price that this one would take.
fn meets_own(market: &Market, orders: &Orders, order: &Order) -> bool {
    let others = match order.order_side {
        OrderSide::Buy => &market.sells,
        OrderSide::Sell => &market.buys,
    };
    let best = others.len().checked_sub(1).and_then(|last| others.at(last));
    let limit = best.and_then(|place| orders.live(place)).and_then(|other| other.limit);
    limit.is_some_and(|limit| {
        let ladder = market.book.opposite(order.order_side);
        let wanted = taking::limit_or_any(order);
        ladder.within(limit, wanted)
    })
}
