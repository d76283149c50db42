//! Orders that wait in the book, when the market comes to them.
//!
//! They fill as maker at their own limit, the best price first and then the earliest:
//! - when the other side's quote reaches the limit (ask ≤ a buy's limit, bid ≥ a sell's), up to what that quote
//!   holds within the limit, all waiting orders together;
//! - when a print goes through the limit, whole; when it is at the limit, up to the print's size, all waiting
//!   orders at that price together. With `queue_position` strangers come first: what the book showed at the price when
//!   the order came, less what has been printed there since, and never more than the book still shows.
//!
//! With `limit_through` the market must go beyond the limit. When a bar opens beyond it, they fill at the open.
//!
//! A reduce-only order never fills beyond the position; when the market comes and there is none left, it expires.

use dita_kernel::input::Input;
use dita_kernel::names::{Liquidity, OrderSide, VenueOrderStatus};

use crate::book::UNLIMITED;
use crate::fills::{Desk, Fill, Market};
use crate::orders::{Order, Orders};
use crate::reject::Reject;

/// What came to the waiting orders.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arrival {
    /// A change of the book.
    Quote,
    /// A trade of others.
    Print { price: i128, size: i128 },
}

impl Arrival {
    /// A print's price.
    pub(crate) fn print(self) -> Option<i128> {
        match self {
            Arrival::Quote => None,
            Arrival::Print { price, .. } => Some(price),
        }
    }

    /// What it holds for a waiting order of this side and limit, or `None` where it does not reach it.
    fn holds(self, market: &Market, side: OrderSide, limit: i128, through: bool) -> Option<i128> {
        let ladder = market.book.opposite(side);
        match self {
            Arrival::Quote if through && ladder.best().is_some_and(|best| best.price == limit) => None,
            Arrival::Print { price, .. } if through && price == limit => None,
            Arrival::Quote => ladder.reaches(limit).then(|| ladder.available(limit)),
            Arrival::Print { price, size } if price == limit => Some(size),
            Arrival::Print { price, .. } => ladder.within(price, limit).then_some(UNLIMITED),
        }
    }
}

/// Fills the waiting orders of one side.
pub(crate) fn meet(
    desk: &mut Desk,
    market: &mut Market,
    orders: &mut Orders,
    side: OrderSide,
    arrival: Arrival,
    out: &mut Vec<Input>,
) {
    let fills_before = desk.counters.fills;
    let through = desk.behaviour.limit_through;
    let mut index = market.queue(side).len();
    let mut used = 0;
    while index > 0 {
        index -= 1;
        let Some(place) = market.queue(side).at(index) else { break };
        let Some(order) = orders.live_mut(place) else { break };
        let Some(held) = order.limit.and_then(|limit| arrival.holds(market, side, limit, through)) else {
            break;
        };
        let mut left = if held == UNLIMITED { held } else { held - used };
        if left <= 0 {
            break;
        }
        if held != UNLIMITED && arrival.print().is_some() {
            left -= market.queue(side).serve_ahead(index, left, held);
            if left == 0 {
                continue; // those behind have more before them, and the same print passed them too
            }
        }
        let (filled, end) = fill_waiting(desk, market, order, left, out);
        if held != UNLIMITED {
            used += filled;
        }
        if let Some(status) = end {
            market.queue(side).remove_at(index);
            orders.end(place, status);
        }
    }
    if desk.counters.fills > fills_before {
        desk.report_wallet(market, out);
    }
}

/// Fills one waiting order up to `left`: how much, and its status where that ended it.
fn fill_waiting(
    desk: &mut Desk,
    market: &mut Market,
    order: &mut Order,
    left: i128,
    out: &mut Vec<Input>,
) -> (i128, Option<VenueOrderStatus>) {
    let mut quantity = order.remaining().min(left);
    if order.reduce_only {
        quantity = quantity.min(market.closable(order.order_side, order.position_side));
        if quantity == 0 {
            desk.expire(market, order, Reject::ReduceOnlyNoPosition, out);
            return (0, Some(VenueOrderStatus::Expired));
        }
    }
    let Some(limit) = order.limit.filter(|_| !desk.misses()) else { return (0, None) };
    let open = market.book.opposite(order.order_side).best().filter(|_| desk.opening);
    let price = open.map_or(limit, |open| open.price);
    let first = desk.first_part(quantity, market.rules.quantity.step);
    desk.fill_parted(market, order, &Fill { price, quantity, liquidity: Liquidity::Maker }, first, out);
    (quantity, (order.remaining() <= 0).then_some(VenueOrderStatus::Filled))
}
