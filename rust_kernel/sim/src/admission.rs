//! Whether the venue takes an order: every rule, in the order in which it is tested.

use dita_kernel::effect::OrderRequest;
use dita_kernel::names::{OrderSide, OrderType, PositionSide};
use dita_kernel::num::{Decimal, Rounding, multiply_divide};

use crate::conditional::reference;
use crate::events::set;
use crate::fills::{Desk, Market};
use crate::orders::{Order, Orders};
use crate::reject::Reject;
use crate::rules::{Bounds, GridFault, Kind, MONEY_UNIT, UNITS_MAX_MONEY, exact};
use crate::terms::{self, Terms, is_met};

/// Writes the order as the venue has it, with its id, into `order`; or says why not.
///
/// `SPECIAL` where the request or the account is not plain: then its seldom terms are read too.
#[inline]
pub(crate) fn admit<const SPECIAL: bool>(
    desk: &mut Desk,
    market: &Market,
    orders: &Orders,
    request: &OrderRequest,
    order: &mut Order,
) -> Result<(), Reject> {
    let client_hash = request.venue_client_id.hash64();
    check_client_id(orders, request, client_hash)?;
    let terms = if SPECIAL { Some(read_terms(desk, market, request)?) } else { None };
    let dormant = SPECIAL && terms.as_ref().is_some_and(|terms| terms.dormant);
    let asked = check_size(market, request.size)?;
    let limit = check_limit(market, request)?;
    let reduces = if SPECIAL {
        reduces(market, request.reduce_only, request.order_side, request.position_side)
    } else {
        request.reduce_only
    };
    let mut size = asked;
    if !dormant {
        check_market(market, request, limit)?;
        if reduces {
            size = reducible(market, request, asked)?;
        }
    }
    check_notional(market, request, size, limit)?;
    if let Some(bounds) = &market.rules.bounds {
        check_bounds(market, bounds, request, asked, limit)?;
    }
    if SPECIAL {
        check_trigger(desk, market, request, terms.as_deref())?;
    }
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
    order.position_side = request.position_side;
    order.time_in_force = request.time_in_force;
    order.reduce_only = reduces;
    order.cut = size < asked;
    order.limit = limit;
    order.size = size;
    order.filled = 0;
    order.paid = 0;
    order.sequence = desk.order_ids.count();
    order.client_hash = client_hash;
    if SPECIAL || order.terms.is_some() {
        order.terms = terms;
    }
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

/// The seldom terms, and whether the account takes this position side.
fn read_terms(desk: &Desk, market: &Market, request: &OrderRequest) -> Result<Box<Terms>, Reject> {
    match (desk.behaviour.hedge_mode && market.rules.kind != Kind::Spot, request.position_side) {
        (false, PositionSide::Both) | (true, PositionSide::Long | PositionSide::Short) => {}
        (false, PositionSide::Long | PositionSide::Short) => return Err(Reject::OneWayAccount),
        (true, PositionSide::Both) => return Err(Reject::HedgeAccount),
    }
    terms::read(market, request, desk.now_ns)
}

/// True where the order must never open: spot knows no such thing, as it knows no position.
pub(crate) fn reduces(
    market: &Market,
    reduce_only: bool,
    order_side: OrderSide,
    position_side: PositionSide,
) -> bool {
    market.rules.kind != Kind::Spot && (reduce_only || closes_hedge(order_side, position_side))
}

/// In hedge mode an order of the other side than its book only ever closes.
fn closes_hedge(order_side: OrderSide, position_side: PositionSide) -> bool {
    match position_side {
        PositionSide::Both => false,
        PositionSide::Long => order_side == OrderSide::Sell,
        PositionSide::Short => order_side == OrderSide::Buy,
    }
}

/// Venues refuse a trigger that is met already.
fn check_trigger(
    desk: &Desk,
    market: &Market,
    request: &OrderRequest,
    terms: Option<&Terms>,
) -> Result<(), Reject> {
    let Some(trigger) = terms.and_then(|terms| terms.trigger) else { return Ok(()) };
    let on_mark = desk.behaviour.trigger_on_mark || terms.is_some_and(|terms| terms.by_mark);
    let met = reference(market, on_mark, None).is_some_and(|price| {
        is_met(request.order_type, request.order_side, market.rules.price18(trigger), price)
    });
    if met { Err(Reject::WouldTriggerAtOnce) } else { Ok(()) }
}

fn trigger_of(market: &Market, request: &OrderRequest) -> Option<i128> {
    request.trigger_price.and_then(|price| market.rules.price.mantissa(price).ok())
}

#[inline]
pub(crate) fn check_size(market: &Market, size: Decimal) -> Result<i128, Reject> {
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

/// The order's size, limit and number, as far as the venue bounds them. A conditional order's limit is held against the
/// mark of when it triggers, and what takes at once is never open.
#[cold]
fn check_bounds(
    market: &Market,
    bounds: &Bounds,
    request: &OrderRequest,
    size: i128,
    limit: Option<i128>,
) -> Result<(), Reject> {
    check_market_size(bounds, size, limit)?;
    let dormant = request.trigger_price.is_some();
    if let Some(limit) = limit.filter(|_| !dormant) {
        check_band(market, bounds, request.order_side, limit)?;
    }
    let (stops, open) = (market.dormant.len(), market.buys.len() + market.sells.len());
    if request.order_type != OrderType::Market && stops + open >= bounds.open_orders {
        return Err(Reject::TooManyOpenOrders);
    }
    if dormant && stops >= bounds.open_stops {
        return Err(Reject::TooManyOpenStops);
    }
    Ok(())
}

/// What has no limit is market once it trades.
pub(crate) fn check_market_size(bounds: &Bounds, size: i128, limit: Option<i128>) -> Result<(), Reject> {
    if limit.is_none() && size > bounds.market_max { Err(Reject::MarketSizeAboveMaximum) } else { Ok(()) }
}

/// No buy far above the mark, and no sell far below.
pub(crate) fn check_band(
    market: &Market,
    bounds: &Bounds,
    side: OrderSide,
    limit: i128,
) -> Result<(), Reject> {
    let (Some((low, high)), Some(mark)) = (bounds.band, market.mark) else { return Ok(()) };
    let (factor, rounding) = match side {
        OrderSide::Buy => (high, Rounding::Floor),
        OrderSide::Sell => (low, Rounding::Ceiling),
    };
    let Some(worst) = multiply_divide(mark, factor, MONEY_UNIT, rounding) else { return Ok(()) };
    let price = market.rules.price18(limit);
    let beyond = match side {
        OrderSide::Buy => price > worst,
        OrderSide::Sell => price < worst,
    };
    if beyond { Err(Reject::PriceOutsideBand) } else { Ok(()) }
}

#[inline]
fn check_limit(market: &Market, request: &OrderRequest) -> Result<Option<i128>, Reject> {
    let value = match (request.order_type, request.limit_price) {
        (OrderType::Market | OrderType::StopMarket | OrderType::TakeProfit, None) => return Ok(None),
        (OrderType::Limit | OrderType::StopLimit, None) => return Err(Reject::MissingLimitPrice),
        (OrderType::Market | OrderType::StopMarket, Some(_)) => return Err(Reject::UnexpectedLimitPrice),
        (OrderType::Limit | OrderType::StopLimit | OrderType::TakeProfit, Some(value)) => value,
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
fn reducible(market: &Market, request: &OrderRequest, size: i128) -> Result<i128, Reject> {
    match market.closable(request.order_side, request.position_side) {
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
    let ladder = market.book.opposite(request.order_side);
    let touch = ladder.best().map_or(0, |level| level.price);
    let highest = match request.order_side {
        OrderSide::Buy => ladder.worst().map_or(0, |level| level.price),
        OrderSide::Sell => touch,
    };
    // Slippage stays below 100 %, so twice the level bounds every taker price.
    let bound = highest.saturating_add(highest).max(limit.unwrap_or(0));
    if rules.kind == Kind::Inverse {
        return check_coins(market, request, size, limit);
    }
    if rules.notional(bound, size).is_none_or(|notional| notional > rules.max_notional) {
        return Err(Reject::TooLarge);
    }
    if rules.min_notional == 0 || request.reduce_only {
        return Ok(());
    }
    let price = limit.or_else(|| trigger_of(market, request)).unwrap_or(touch);
    let Some(notional) = rules.notional(price, size) else { return Err(Reject::TooLarge) };
    if notional < rules.min_notional { Err(Reject::NotionalBelowMinimum) } else { Ok(()) }
}

/// The same of an inverse contract, whose worth in coin is highest at the lowest price.
#[cold]
fn check_coins(
    market: &Market,
    request: &OrderRequest,
    size: i128,
    limit: Option<i128>,
) -> Result<(), Reject> {
    let rules = &market.rules;
    let value = |price| rules.value_at(size, rules.price18(price));
    if value(rules.price.step).is_none_or(|value| value.0 > UNITS_MAX_MONEY) {
        return Err(Reject::TooLarge);
    }
    if rules.min_notional == 0 || request.reduce_only {
        return Ok(());
    }
    let touch = market.book.opposite(request.order_side).best().map(|level| level.price);
    let price = limit.or_else(|| trigger_of(market, request)).or(touch).unwrap_or(rules.price.step);
    let minimum = exact(dita_kernel::num::product(rules.min_notional, rules.to_money));
    match value(price) {
        Some(value) if value.0 >= minimum => Ok(()),
        Some(_) | None => Err(Reject::NotionalBelowMinimum),
    }
}
