//! What only few orders have: a trigger, an end, a place in line of its own. A plain order carries none of it.

use dita_kernel::effect::OrderRequest;
use dita_kernel::id::Id;
use dita_kernel::names::{OrderSide, OrderType, PositionSide, TimeInForce, TriggerBy};
use dita_kernel::num::Money;

use crate::fills::Market;
use crate::reject::Reject;
use crate::rules::GridFault;

/// An order's seldom terms.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) order_type: OrderType,
    /// At the price scale; `None` where the type has none.
    pub(crate) trigger: Option<i128>,
    /// True where the order says that its trigger is held against the mark.
    pub(crate) by_mark: bool,
    /// True until it is triggered, or what it waits for has come.
    pub(crate) dormant: bool,
    /// True while it has not met the market yet: see `fill_delay_ns`.
    pub(crate) meets_market: bool,
    pub(crate) post_only: bool,
    /// When a GTD order ends, ns.
    pub(crate) expire_ns: Option<i64>,
    /// When it came between two bars, ns: what a bar's path came to before is none of its. 0 where it came otherwise.
    pub(crate) from_ns: i64,
    /// Its group, where the venue itself knows groups.
    pub(crate) oco_group: Id,
    /// Its first venue id, once it has a second one.
    pub(crate) first_order_id: Id,
    /// Its place in line, where it is not that of its number: see [`crate::orders::Order::priority`].
    pub(crate) priority: u64,
    /// True where the trader was told that it is canceled and it is not.
    pub(crate) told_canceled: bool,
    /// What it has cost so far, where that is what the venue tells.
    pub(crate) fees: Money,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms {
            order_type: OrderType::Limit,
            trigger: None,
            by_mark: false,
            dormant: false,
            meets_market: false,
            post_only: false,
            expire_ns: None,
            from_ns: 0,
            oco_group: Id::EMPTY,
            first_order_id: Id::EMPTY,
            priority: 0,
            told_canceled: false,
            fees: Money::ZERO,
        }
    }
}

/// True where a request asks for more than a plain market or limit order is.
#[inline]
pub(crate) fn is_special(request: &OrderRequest) -> bool {
    !matches!(request.order_type, OrderType::Market | OrderType::Limit)
        || request.time_in_force == TimeInForce::Gtd
        || request.position_side != PositionSide::Both
        || request.post_only
        || request.trigger_price.is_some()
        || request.oco_group.is_some()
}

/// True where orders of this type wait for a trigger.
pub(crate) fn has_trigger(order_type: OrderType) -> bool {
    match order_type {
        OrderType::StopMarket | OrderType::StopLimit | OrderType::TakeProfit => true,
        OrderType::Market | OrderType::Limit => false,
    }
}

/// Reads the seldom terms of a request.
pub(crate) fn read(market: &Market, request: &OrderRequest, now_ns: i64) -> Result<Box<Terms>, Reject> {
    let expire_ns = match (request.time_in_force, request.expire_time_ns) {
        (TimeInForce::Gtd, None) => return Err(Reject::MissingExpireTime),
        (TimeInForce::Gtd, Some(expire_ns)) if expire_ns <= now_ns => return Err(Reject::ExpireTimePassed),
        (TimeInForce::Gtd, Some(expire_ns)) => Some(expire_ns),
        (TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok, _) => None,
    };
    let dormant = has_trigger(request.order_type);
    let trigger = match request.trigger_price {
        None if dormant => return Err(Reject::MissingTrigger),
        None => None,
        Some(_) if !dormant => return Err(Reject::UnexpectedTrigger),
        Some(value) => Some(read_trigger(market, value)?),
    };
    Ok(Box::new(Terms {
        order_type: request.order_type,
        trigger,
        by_mark: request.trigger_by == TriggerBy::Mark,
        dormant,
        post_only: request.post_only,
        expire_ns,
        oco_group: request.oco_group.as_deref().cloned().unwrap_or_default(),
        ..Terms::default()
    }))
}

/// A trigger price on the tick grid.
pub(crate) fn read_trigger(market: &Market, value: dita_kernel::num::Decimal) -> Result<i128, Reject> {
    let price = market.rules.price.mantissa(value).map_err(|fault| match fault {
        GridFault::NotPositive => Reject::TriggerNotPositive,
        GridFault::Off => Reject::TriggerOffTick,
        GridFault::TooLarge => Reject::TooLarge,
    })?;
    if price > market.rules.max_price { Err(Reject::TriggerAboveMaximum) } else { Ok(price) }
}

/// True where a trigger is met by a market that rises to it, else by one that falls to it.
pub(crate) fn is_rising(order_type: OrderType, side: OrderSide) -> bool {
    match (order_type, side) {
        (OrderType::TakeProfit, OrderSide::Buy) => false,
        (OrderType::TakeProfit, OrderSide::Sell) => true,
        (OrderType::StopMarket | OrderType::StopLimit | OrderType::Market | OrderType::Limit, side) => {
            side == OrderSide::Buy
        }
    }
}

/// True where a dormant order's trigger is met at a price; both at the same scale.
pub(crate) fn is_met(order_type: OrderType, side: OrderSide, trigger: i128, price: i128) -> bool {
    let rising = is_rising(order_type, side);
    if rising { price >= trigger } else { price <= trigger }
}
