//! Whether the venue takes an order: every rule, in the order in which it is tested.

use dita_kernel::effect::OrderRequest;
use dita_kernel::names::{OrderSide, OrderType, PositionSide, TimeInForce};
use dita_kernel::num::Decimal;

use crate::events::set;
use crate::fills::{Desk, Market};
use crate::orders::{Order, Orders};
use crate::reject::Reject;
use crate::rules::{GridFault, exact};

/// Writes the order as the venue has it, with its id, into `order`; or says why not.
#[inline]
pub(crate) fn admit(
    desk: &mut Desk,
    market: &Market,
    orders: &Orders,
    request: &OrderRequest,
    order: &mut Order,
) -> Result<(), Reject> {
    let client_hash = request.venue_client_id.hash64();
    check_client_id(orders, request, client_hash)?;
    check_terms(request)?;
    let asked = check_size(market, request.size)?;
    let limit = check_limit(market, request)?;
    check_market(market, request, limit)?;
    let size = if request.reduce_only { reducible(market, request.order_side, asked)? } else { asked };
    check_notional(market, request, size, limit)?;
    let rejects = desk.behaviour.rejects;
    if desk.random.happens(rejects) {
        return Err(Reject::Drawn);
    }
    order.venue_order_id = desk.order_ids.next_id();
    order.venue_client_id.clone_from(&request.venue_client_id);
    set(&mut order.trade_id, &request.trade_id);
    order.slot_id = request.slot_id;
    order.side = request.side;
    order.order_side = request.order_side;
    order.time_in_force = request.time_in_force;
    order.reduce_only = request.reduce_only;
    order.cut = size < asked;
    order.limit = limit;
    order.size = size;
    order.filled = 0;
    order.paid = 0;
    order.sequence = desk.order_ids.count();
    order.client_hash = client_hash;
    Ok(())
}

#[inline]
fn check_client_id(orders: &Orders, request: &OrderRequest, hash: u64) -> Result<(), Reject> {
    if request.venue_client_id.is_empty() {
        return Err(Reject::MissingClientId);
    }
    match orders.by_client(&request.venue_client_id, hash) {
        Some(_) => Err(Reject::DuplicateClientId),
        None => Ok(()),
    }
}

#[inline]
fn check_terms(request: &OrderRequest) -> Result<(), Reject> {
    match request.order_type {
        OrderType::Market | OrderType::Limit => {}
        OrderType::StopMarket | OrderType::StopLimit | OrderType::TakeProfit => {
            return Err(Reject::OrderTypeNotYet);
        }
    }
    match request.time_in_force {
        TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok => {}
        TimeInForce::Gtd => return Err(Reject::GoodTillDateNotYet),
    }
    match request.position_side {
        PositionSide::Both => Ok(()),
        PositionSide::Long | PositionSide::Short => Err(Reject::HedgeModeNotYet),
    }
}

#[inline]
fn check_size(market: &Market, size: Decimal) -> Result<i128, Reject> {
    let rules = &market.rules;
    let quantity = rules.quantity.mantissa(size).map_err(|fault| match fault {
        GridFault::NotPositive => Reject::SizeNotPositive,
        GridFault::Off => Reject::SizeOffLot,
        GridFault::TooLarge => Reject::TooLarge,
    })?;
    if quantity < rules.min_quantity {
        return Err(Reject::SizeBelowMinimum);
    }
    if quantity > rules.max_quantity {
        return Err(Reject::SizeAboveMaximum);
    }
    Ok(quantity)
}

#[inline]
fn check_limit(market: &Market, request: &OrderRequest) -> Result<Option<i128>, Reject> {
    let is_market = request.order_type == OrderType::Market;
    let value = match request.limit_price {
        None if is_market => return Ok(None),
        None => return Err(Reject::MissingLimitPrice),
        Some(_) if is_market => return Err(Reject::UnexpectedLimitPrice),
        Some(value) => value,
    };
    let price = market.rules.price.mantissa(value).map_err(|fault| match fault {
        GridFault::NotPositive => Reject::PriceNotPositive,
        GridFault::Off => Reject::PriceOffTick,
        GridFault::TooLarge => Reject::TooLarge,
    })?;
    if price > market.rules.max_price { Err(Reject::PriceAboveMaximum) } else { Ok(Some(price)) }
}

/// A market order needs a market, and a post-only order must not meet one.
#[inline]
fn check_market(market: &Market, request: &OrderRequest, limit: Option<i128>) -> Result<(), Reject> {
    let ladder = market.book.opposite(request.order_side);
    match limit {
        None if request.post_only => Err(Reject::PostOnlyWouldTake),
        None if ladder.best().is_none() => Err(Reject::NoMarket),
        Some(limit) if request.post_only && ladder.reaches(limit) => Err(Reject::PostOnlyWouldTake),
        None | Some(_) => Ok(()),
    }
}

/// A reduce-only size, cut to the position as it is now.
fn reducible(market: &Market, side: OrderSide, size: i128) -> Result<i128, Reject> {
    match market.position.closable(side) {
        0 => Err(Reject::ReduceOnlyNoPosition),
        closable => Ok(size.min(closable)),
    }
}

/// The order's worth: at least the minimum (which venues waive for what only reduces), and never, at the highest
/// price it could fill at, more than the venue's numbers hold.
#[inline]
fn check_notional(
    market: &Market,
    request: &OrderRequest,
    size: i128,
    limit: Option<i128>,
) -> Result<(), Reject> {
    let rules = &market.rules;
    let levels = market.book.opposite(request.order_side).levels();
    let touch = levels.first().map_or(0, |level| level.price);
    let highest = match request.order_side {
        OrderSide::Buy => levels.last().map_or(0, |level| level.price),
        OrderSide::Sell => touch,
    };
    // Slippage stays below 100 %, so twice the level bounds every taker price.
    let bound = highest.saturating_add(highest).max(limit.unwrap_or(0));
    if rules.notional(bound, size).is_none_or(|notional| notional > rules.max_notional) {
        return Err(Reject::TooLarge);
    }
    if rules.min_notional == 0 || request.reduce_only {
        return Ok(());
    }
    let notional = exact(rules.notional(limit.unwrap_or(touch), size)); // at most what was just bounded
    if notional < rules.min_notional { Err(Reject::NotionalBelowMinimum) } else { Ok(()) }
}
