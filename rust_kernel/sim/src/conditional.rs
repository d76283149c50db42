//! Orders that wait for a trigger.
//!
//! A stop triggers when the market moves to it against the order's owner (up for a buy, down for a sell), a take-profit
//! the other way. What is watched is a print's price, and after a quote or new depth the middle of the best two; or,
//! where the order or `trigger_on_mark` says so, the mark and nothing else. One that is met when it arrives is rejected.
//!
//! What is triggered acts at once as the market or limit order that it stood for. A reduce-only one is cut to the
//! position at that time, and expires where there is none.

use dita_kernel::input::{Input, RareFields};
use dita_kernel::names::{KernelEventKind, Liquidity, OrderSide, TimeInForce, VenueOrderStatus};
use dita_kernel::num::{Decimal, MONEY_SCALE};

use crate::events;
use crate::fills::{Desk, Fill, Market};
use crate::orders::{Order, Orders};
use crate::reject::Reject;
use crate::taking;
use crate::terms::is_met;
use crate::venue::SimVenue;

/// What triggers are held against, at scale 18.
pub(crate) fn reference(market: &Market, on_mark: bool, print: Option<i128>) -> Option<i128> {
    if on_mark {
        return market.mark;
    }
    if let Some(price) = print {
        return Some(market.rules.price18(price));
    }
    let best = |side| market.book.opposite(side).best().map(|level| level.price);
    match (best(OrderSide::Buy), best(OrderSide::Sell)) {
        (Some(ask), Some(bid)) => Some(market.rules.price18(ask).midpoint(market.rules.price18(bid))),
        (one, other) => one.or(other).map(|price| market.rules.price18(price)),
    }
}

impl Market {
    /// The middle of the best two with as few digits as it needs, from their ticks; `None` where one is missing, or where
    /// it has more digits than this way holds.
    pub(crate) fn middle(&self) -> Option<Decimal> {
        let best = |side| self.book.opposite(side).best().map(|level| level.price);
        let sum = best(OrderSide::Buy)?.checked_add(best(OrderSide::Sell)?)?;
        // Halves are fives of the next decimal place.
        let mut mantissa = u64::try_from(sum).ok()?.checked_mul(5)?;
        let mut scale = self.rules.price.scale.checked_add(1).filter(|scale| *scale <= MONEY_SCALE)?;
        while scale > 0 && mantissa % 10 == 0 {
            (mantissa, scale) = (mantissa / 10, scale - 1);
        }
        Decimal::new(i128::from(mantissa), scale).ok()
    }
}

impl SimVenue {
    /// Triggers what is met, the oldest first; `by_mark` looks only at those that the mark triggers.
    pub(crate) fn wake(&mut self, market: usize, print: Option<i128>, by_mark: bool, out: &mut Vec<Input>) {
        let all_on_mark = self.desk.behaviour.trigger_on_mark;
        let mark = reference(&self.markets[market], true, None);
        let last = if by_mark { None } else { reference(&self.markets[market], false, print) };
        let mut index = 0;
        while let Some(&place) = self.markets[market].dormant.get(index) {
            let price = if all_on_mark || self.is_by_mark(place) { mark } else { last };
            if price.is_some_and(|price| self.is_due(market, place, price)) {
                self.markets[market].dormant.remove(index);
                self.trigger(market, place, out);
            } else {
                index += 1;
            }
        }
    }

    /// True where the mark triggers some order that waits.
    pub(crate) fn waits_for_mark(&self, market: usize) -> bool {
        let dormant = &self.markets[market].dormant;
        let all_on_mark = self.desk.behaviour.trigger_on_mark && !dormant.is_empty();
        all_on_mark || dormant.iter().any(|place| self.is_by_mark(*place))
    }

    fn is_by_mark(&self, place: u32) -> bool {
        self.orders.live(place).and_then(|order| order.terms.as_ref()).is_some_and(|terms| terms.by_mark)
    }

    fn is_due(&self, market: usize, place: u32, price: i128) -> bool {
        let rules = &self.markets[market].rules;
        let price_ns = if !self.walks.is_empty() { self.markets[market].price_ns } else { i64::MAX };
        self.orders.live(place).filter(|order| !order.came_after(price_ns)).is_some_and(|order| {
            order.terms.as_ref().is_some_and(|terms| {
                let trigger = terms.trigger.map(|trigger| rules.price18(trigger));
                trigger.is_some_and(|trigger| is_met(terms.order_type, order.order_side, trigger, price))
            })
        })
    }

    fn trigger(&mut self, market_place: usize, place: u32, out: &mut Vec<Input>) {
        let SimVenue { desk, markets, orders, .. } = self;
        let market = &mut markets[market_place];
        let second = desk.behaviour.two_ids_on_trigger.then(|| desk.order_ids.next_id());
        let number = desk.order_ids.count();
        let Some(order) = orders.live_mut(place) else { return };
        let mut rare = RareFields::default();
        let renumbered = second.map(|second| {
            let first = core::mem::replace(&mut order.venue_order_id, second);
            rare.parent_order_id.clone_from(&first);
            order.terms_mut().first_order_id = first;
            core::mem::replace(&mut order.sequence, number)
        });
        order.terms_mut().dormant = false;
        desk.counters.triggered += 1;
        let rare = renumbered.is_some().then(|| Box::new(rare));
        let moment = desk.moment();
        let kind = KernelEventKind::Triggered;
        events::as_it_is(desk.forms.venue(out), kind, order, &market.rules, rare, moment);
        if let Some(first) = renumbered {
            orders.renumbered(first, number);
        }
        self.set_to_work(market_place, place, out);
    }

    /// Lets an order that has waited meet the market, or a bar's open.
    pub(crate) fn meet_open(&mut self, market_place: usize, place: u32, out: &mut Vec<Input>) {
        let Some(order) = self.orders.live_mut(place) else { return };
        order.terms_mut().dormant = false;
        self.set_to_work(market_place, place, out);
    }

    /// What an order that no longer waits does, where the account can carry it.
    fn set_to_work(&mut self, market_place: usize, place: u32, out: &mut Vec<Input>) {
        let funds = match self.orders.live(place) {
            Some(order) => self.check_funds(market_place, order, order.remaining()),
            None => Ok(()),
        };
        if let Err(reason) = funds {
            return self.expire_live(place, reason, out);
        }
        let SimVenue { desk, markets, orders, .. } = self;
        act(desk, &mut markets[market_place], orders, place, out);
    }

    /// Ends an order that waits in no queue.
    fn expire_live(&mut self, place: u32, reason: Reject, out: &mut Vec<Input>) {
        let Some(order) = self.orders.live(place) else { return };
        self.desk.expire(&self.markets[order.market as usize], order, reason, out);
        self.orders.end(place, VenueOrderStatus::Expired);
    }
}

/// What a triggered order does: it takes, and what is left rests or expires.
fn act(desk: &mut Desk, market: &mut Market, orders: &mut Orders, place: u32, out: &mut Vec<Input>) {
    let Some(order) = orders.live_mut(place) else { return };
    let end = match refusal(market, order) {
        Some(reason) => {
            desk.expire(market, order, reason, out);
            Some(VenueOrderStatus::Expired)
        }
        None => {
            if !fill_unopposed(desk, market, order, out) {
                taking::take(desk, market, order, out);
            }
            after_taking(desk, market, order, place, out)
        }
    };
    if let Some(status) = end {
        orders.end(place, status);
    }
}

/// Fills an order at its limit where nobody stands on the other side, the settings say so, and chance does. One that
/// misses rests, and is not drawn for again.
fn fill_unopposed(desk: &mut Desk, market: &mut Market, order: &mut Order, out: &mut Vec<Input>) -> bool {
    let alone = desk.behaviour.fill_without_market && market.book.opposite(order.order_side).best().is_none();
    let Some(price) = order.limit.filter(|_| alone) else { return false };
    if desk.misses() {
        return false;
    }
    let fill = Fill { price, quantity: order.remaining(), liquidity: Liquidity::Maker };
    let first = desk.first_part(fill.quantity, market.rules.quantity.step);
    desk.fill_parted(market, order, &fill, first, out);
    desk.report_wallet(market, out);
    true
}

/// Why a triggered order ends at once. A reduce-only one is cut to the position on the way.
fn refusal(market: &Market, order: &mut Order) -> Option<Reject> {
    if order.reduce_only {
        let closable = market.closable(order.order_side, order.position_side);
        if closable == 0 {
            return Some(Reject::ReduceOnlyNoPosition);
        }
        order.size = order.size.min(closable);
    }
    let ladder = market.book.opposite(order.order_side);
    let post_only = order.terms.as_ref().is_some_and(|terms| terms.post_only);
    match order.limit {
        None if ladder.best().is_none() => Some(Reject::NoMarket),
        Some(limit) if post_only && ladder.reaches(limit) => Some(Reject::PostOnlyWouldTake),
        None | Some(_) => None,
    }
}

/// Puts a kept order that has taken what it could into the queue, or says how it ended.
pub(crate) fn after_taking(
    desk: &mut Desk,
    market: &mut Market,
    order: &Order,
    place: u32,
    out: &mut Vec<Input>,
) -> Option<VenueOrderStatus> {
    if order.remaining() <= 0 {
        return Some(VenueOrderStatus::Filled);
    }
    match (order.limit, order.time_in_force) {
        (Some(limit), TimeInForce::Gtc | TimeInForce::Gtd) => {
            market.rest(order, limit, place, desk.behaviour.queue_position);
            None
        }
        (None, _) | (Some(_), TimeInForce::Ioc | TimeInForce::Fok) => {
            desk.expire(market, order, Reject::NotFilledAtOnce, out);
            Some(VenueOrderStatus::Expired)
        }
    }
}

#[cfg(test)]
mod tests {
    use dita_kernel::id::Id;
    use dita_kernel::input::InstrumentSpec;

    use super::*;
    use crate::config::SimConfig;
    use crate::rules::decimal_of;

    #[test]
    #[rustfmt::skip]
    fn the_middle_from_ticks_is_the_middle_at_eighteen_places_to_the_digit() {
        for (tick, bid, ask, middle) in [
            ("0.1",     "61800.2",   "61800.3",   Some("61800.25")),
            ("0.1",     "61800.2",   "61800.4",   Some("61800.3")),
            ("0.1",     "61799.5",   "61800.5",   Some("61800")),
            ("1",       "99999",     "100001",    Some("100000")),
            ("0.5",     "10",        "10.5",      Some("10.25")),
            ("0.00001", "0.00001",   "0.00002",   Some("0.000015")),
            ("0.00001", "0.00001",   "0.00001",   Some("0.00001")),
            ("1",       "1000000000000000", "1000000000000000", Some("1000000000000000")),
            ("0.000000000000000001", "0.000000000000000001", "0.000000000000000002", None),
        ] {
            let decimal = |text| Decimal::parse(text).unwrap_or_else(|_| panic!("{text}"));
            let id = |text| Id::new(text).unwrap_or_default();
            let spec = InstrumentSpec::linear(id("S"), id("B"), id("Q"), decimal(tick), decimal("1"));
            let Ok(mut venue) = SimVenue::new(SimConfig::default()) else { panic!("no venue") };
            assert_eq!(venue.add_instrument(&spec), Ok(()), "{tick}");
            let mut out = Vec::new();
            let (bid, ask) = (decimal(bid), decimal(ask));
            assert_eq!(venue.quote(0, &id("S"), bid, None, ask, None, &mut out), Ok(()), "{tick}");
            let market = &venue.markets[0];
            let slow = reference(market, false, None).map(|middle| decimal_of(middle, MONEY_SCALE));
            let fast = market.middle();
            assert_eq!(fast.map(|it| it.to_string()), middle.map(String::from), "{tick} {bid} {ask}");
            if let (Some(fast), Some(slow)) = (fast, slow) {
                assert_eq!((fast.mantissa(), fast.scale()), (slow.mantissa(), slow.scale()), "{tick} {bid} {ask}");
            }
        }
    }
}
