//! Orders that take from the book.
//!
//! An order walks the levels from the best, as far as its limit allows, and fills at each for what is known to be
//! there. A plain MARKET order (good till cancel, as most venues write it) never hangs: what exceeds the known
//! liquidity fills at the last level's price. A MARKET order that says IOC or FOK is held to the known liquidity,
//! as a limit order is. Every price is worse than the level's by the slippage, but never worse than the limit.

use dita_kernel::input::Input;
use dita_kernel::names::{Liquidity, OrderSide, TimeInForce};
use dita_kernel::num::{Decimal, Rounding, divide, multiply_divide, pow10, product};

use crate::fills::{Desk, Fill, Market};
use crate::orders::Order;
use crate::rules::exact;

/// How much worse than the book a taker fares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slippage {
    /// The part of `unit` by which a price is worse.
    part: i128,
    unit: i128,
}

impl Slippage {
    /// `None` outside of 0 to below 10000, or past 8 places.
    pub(crate) fn from_basis_points(value: Decimal) -> Option<Slippage> {
        let part = value.at_scale(8).ok()?;
        let unit = product(10_000, pow10(8)?)?;
        (0..unit).contains(&part).then_some(Slippage { part, unit })
    }

    /// The price that a taker gets for a level's, on the tick grid: up for a buyer, down (but not to zero) for a
    /// seller.
    #[inline]
    pub(crate) fn worsen(self, price: i128, taker: OrderSide, tick: i128) -> i128 {
        if self.part == 0 {
            return price;
        }
        let rounding = match taker {
            OrderSide::Buy => Rounding::Ceiling,
            OrderSide::Sell => Rounding::Floor,
        };
        let factor = self.unit + taker.sign() * self.part;
        let slipped = exact(multiply_divide(price, factor, self.unit, rounding));
        let ticks = exact(divide(slipped, tick, rounding));
        exact(product(ticks.max(1), tick))
    }
}

/// The limit of an order that has none: every price is within it.
#[inline]
pub(crate) fn limit_or_any(order: &Order) -> i128 {
    match (order.limit, order.order_side) {
        (Some(limit), _) => limit,
        (None, OrderSide::Buy) => i128::MAX,
        (None, OrderSide::Sell) => 0,
    }
}

/// How much of the order fills now, before chance, where the best level is within the limit but does not hold all.
fn takeable(market: &Market, order: &Order, limit: i128) -> i128 {
    let wanted = order.remaining();
    let known = market.book.opposite(order.order_side).available(limit).min(wanted);
    match order.time_in_force {
        TimeInForce::Gtc | TimeInForce::Gtd if order.limit.is_none() => wanted,
        TimeInForce::Fok if known < wanted => 0,
        TimeInForce::Gtc | TimeInForce::Gtd | TimeInForce::Ioc | TimeInForce::Fok => known,
    }
}

/// What an order pays or gets for `quantity` of a level.
#[inline]
fn fill_at(desk: &Desk, market: &Market, side: OrderSide, level: i128, limit: i128, quantity: i128) -> Fill {
    let slipped = desk.behaviour.slippage.worsen(level, side, market.rules.price.step);
    let price = match side {
        OrderSide::Buy => slipped.min(limit),
        OrderSide::Sell => slipped.max(limit),
    };
    Fill { price, quantity, liquidity: Liquidity::Taker }
}

/// Fills what the order can take now. What is left afterwards is the caller's to rest or to expire.
#[inline]
pub(crate) fn take(desk: &mut Desk, market: &mut Market, order: &mut Order, out: &mut Vec<Input>) {
    let side = order.order_side;
    let limit = limit_or_any(order);
    let ladder = market.book.opposite(side);
    let Some(best) = ladder.best().filter(|best| ladder.within(best.price, limit)) else { return };
    let wanted = order.remaining();
    let one_level = best.size >= wanted;
    let quantity = if one_level { wanted } else { takeable(market, order, limit) };
    if quantity == 0 || desk.misses() {
        return;
    }
    let first = desk.first_part(quantity, market.rules.quantity.step);
    if one_level {
        let fill = fill_at(desk, market, side, best.price, limit, quantity);
        desk.fill_parted(market, order, &fill, first, out);
    } else {
        walk(desk, market, order, [quantity, first], out);
    }
    if desk.behaviour.depth_is_taken {
        market.book.opposite_mut(side).consume(quantity);
    }
    desk.report_wallet(market, out);
}

/// Fills `left` level by level, the `first` part of it apart.
fn walk(
    desk: &mut Desk,
    market: &mut Market,
    order: &mut Order,
    [mut left, mut first]: [i128; 2],
    out: &mut Vec<Input>,
) {
    let side = order.order_side;
    let limit = limit_or_any(order);
    let mut index = 0;
    while left > 0 {
        let Some((level, is_last)) = market.book.opposite(side).behind(index) else { break };
        index += 1;
        // Only a plain MARKET order can want more than all the levels hold: the last one gives it.
        let quantity = if is_last { left } else { level.size.min(left) };
        let fill = fill_at(desk, market, side, level.price, limit, quantity);
        first = desk.fill_parted(market, order, &fill, first, out);
        left -= quantity;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slippage_is_against_the_taker_and_on_the_tick() {
        for (points, price, side, tick, want) in [
            ("0", 10_000, OrderSide::Buy, 5, 10_000),
            ("10", 10_000, OrderSide::Buy, 1, 10_010),
            ("10", 10_000, OrderSide::Sell, 1, 9_990),
            ("10", 10_000, OrderSide::Buy, 25, 10_025),
            ("10", 10_000, OrderSide::Sell, 25, 9_975),
            ("0.001", 10_000, OrderSide::Buy, 1, 10_001), // 10000.001, up
            ("0.001", 10_000, OrderSide::Sell, 1, 9_999),
            ("9999", 10, OrderSide::Sell, 5, 5), // 0.001, but never to zero
        ] {
            let slippage = Slippage::from_basis_points(Decimal::parse(points).unwrap()).unwrap();
            assert_eq!(slippage.worsen(price, side, tick), want, "{points} bps of {price} {side}");
        }
        for points in ["-1", "10000", "0.000000001"] {
            assert_eq!(Slippage::from_basis_points(Decimal::parse(points).unwrap()), None, "{points}");
        }
    }
}
