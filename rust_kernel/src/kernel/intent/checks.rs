//! What can be said of an intent by its own fields and the instrument's rules.

use alloc::boxed::Box;

use super::invalid;
use crate::attached::check_specs;
use crate::input::{Attachment, Intent};
use crate::instrument::Instrument;
use crate::kernel::EXIT_LEGS_MAX;
use crate::kernel::intent::precision;
use crate::names::{
    KernelCommandType, KernelDiagnosticCode as Code, OrderSide, OrderType, TimeInForce, TradeSide, TriggerBy,
};
use crate::num::{Decimal, MONEY_SCALE, Money, Price, Qty, Rounding, divide, product};
use crate::outcome::Refusal;
use crate::slot::Slot;

/// An order's prices, on the tick grid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prices {
    pub(crate) limit: Option<Price>,
    pub(crate) trigger: Option<Price>,
}

impl Prices {
    /// The price that the order itself names, or where it names none the mark.
    #[inline]
    pub(crate) fn own(self, mark: Price) -> Price {
        self.limit.or(self.trigger).unwrap_or(mark)
    }

    /// The one at which the order is worth more, where there are two.
    #[inline]
    pub(crate) fn worst(self, inverse: bool) -> Option<Price> {
        match (self.limit, self.trigger) {
            (Some(limit), Some(trigger)) => {
                Some(if is_worse(limit, trigger, inverse) { limit } else { trigger })
            }
            (limit, trigger) => limit.or(trigger),
        }
    }
}

/// True where an order is worth more at the first price.
#[inline]
pub(crate) fn is_worse(price: Price, than: Price, inverse: bool) -> bool {
    if inverse { price < than } else { price > than }
}

/// What contradicts itself.
#[inline]
pub(super) fn check_kind(now_ns: i64, intent: &Intent) -> Result<(), Box<Refusal>> {
    if let Some(until) = intent.expire_time_ns.filter(|until| *until <= now_ns) {
        return Err(invalid("expire_time", until, "has passed"));
    }
    if intent.order_type != OrderType::Market || intent.post_only || intent.time_in_force == TimeInForce::Gtd
    {
        check_flags(intent)?;
    }
    if intent.quote_size.is_some() {
        check_quote_size(intent)?;
    }
    Ok(())
}

fn check_flags(intent: &Intent) -> Result<(), Box<Refusal>> {
    if intent.time_in_force == TimeInForce::Gtd && intent.expire_time_ns.is_none() {
        return Err(invalid("expire_time", "None", "is needed for GTD"));
    }
    if intent.post_only && !intent.order_type.has_limit() {
        return Err(invalid("post_only", true, "only a LIMIT or STOP_LIMIT order can refuse to take"));
    }
    Ok(())
}

#[cold]
fn check_quote_size(intent: &Intent) -> Result<(), Box<Refusal>> {
    let shown = intent.quote_size.unwrap_or(Decimal::ZERO);
    if intent.action != KernelCommandType::Enter {
        return Err(invalid("quote_size", shown, "belongs to an ENTER only"));
    }
    if intent.target_size.is_some() {
        return Err(invalid("quote_size", shown, "and target_size exclude each other"));
    }
    if !shown.is_positive() {
        return Err(invalid("quote_size", shown, "must be above zero"));
    }
    Ok(())
}

/// What few intents say belongs to some of them.
#[cold]
pub(super) fn check_attachment(intent: &Intent, attached: &Attachment) -> Result<(), Box<Refusal>> {
    if attached.trigger_by == TriggerBy::Mark && !intent.order_type.is_triggered() {
        return Err(invalid("trigger_by", attached.trigger_by, "does not belong to this order_type"));
    }
    if intent.action != KernelCommandType::Enter && attached.add {
        return Err(invalid("add", true, "belongs to an ENTER only"));
    }
    if intent.action != KernelCommandType::Enter && !attached.exits.is_empty() {
        return Err(invalid("exits", attached.exits.len(), "belong to an ENTER only"));
    }
    if attached.add && !attached.exits.is_empty() {
        return Err(invalid(
            "exits",
            attached.exits.len(),
            "came with the trade's first ENTER: they grow with it",
        ));
    }
    check_specs(&attached.exits, intent.side)
}

pub(crate) fn check_ratios(ratios: &[Decimal]) -> Result<(), Box<Refusal>> {
    const ONE: i128 = 1_000_000_000_000_000_000;
    if ratios.is_empty() {
        return Ok(());
    }
    if ratios.len() > EXIT_LEGS_MAX {
        return Err(invalid("exit_leg_ratios", ratios.len(), "has more than 31 legs"));
    }
    let mut sum: i128 = 0;
    for ratio in ratios {
        let mantissa = ratio
            .at_scale(MONEY_SCALE)
            .ok()
            .filter(|mantissa| (1..=ONE).contains(mantissa))
            .ok_or_else(|| invalid("exit_leg_ratios", ratio, "each must be above 0 and at most 1"))?;
        sum = sum.saturating_add(mantissa);
    }
    if sum == ONE { Ok(()) } else { Err(invalid("exit_leg_ratios", Money(sum), "must sum to 1")) }
}

/// What the intent says of the trade that the slot carries.
#[inline(always)]
pub(super) fn check_trade(slot: &Slot, rules: &Instrument, intent: &Intent) -> Result<(), Box<Refusal>> {
    if slot.stage.is_free() {
        return Ok(()); // the table says what is wrong
    }
    if !intent.trade_id.is_empty() && intent.trade_id != slot.trade_id {
        return Err(invalid("trade_id", &intent.trade_id, "is not the trade that the slot carries"));
    }
    if !intent.asset.is_empty() && intent.asset != rules.spec.symbol {
        return Err(invalid("asset", &intent.asset, "is not the asset of the slot's trade"));
    }
    if intent.side != TradeSide::Flat && intent.side != slot.side {
        return Err(invalid("side", intent.side, "is not the side of the slot's position"));
    }
    if !intent.owner.is_empty() && intent.owner != slot.owner {
        return Err(invalid("owner", &intent.owner, "is not the owner of the slot's trade"));
    }
    Ok(())
}

/// Limit and trigger on the grid, each where the type has one and nowhere else.
#[inline(always)]
pub(super) fn checked_prices(
    rules: &Instrument,
    intent: &Intent,
    side: OrderSide,
) -> Result<Prices, Box<Refusal>> {
    let limit = match (intent.order_type.has_limit(), intent.limit_price) {
        (true, Some(value)) => Some(on_grid(rules, "limit_price", value, side)?),
        (false, None) => None,
        (true, None) => return Err(invalid("limit_price", "None", "is needed for this order_type")),
        (false, Some(value)) => {
            return Err(invalid("limit_price", value, "does not belong to this order_type"));
        }
    };
    let trigger = match (intent.order_type.is_triggered(), intent.trigger_price) {
        (true, Some(value)) => Some(on_grid(rules, "trigger_price", value, side)?),
        (false, None) => None,
        (true, None) => return Err(invalid("trigger_price", "None", "is needed for this order_type")),
        (false, Some(value)) => {
            return Err(invalid("trigger_price", value, "does not belong to this order_type"));
        }
    };
    Ok(Prices { limit, trigger })
}

/// A price on the tick grid, rounded to the passive side.
pub(crate) fn on_grid(
    rules: &Instrument,
    field: &'static str,
    value: Decimal,
    side: OrderSide,
) -> Result<Price, Box<Refusal>> {
    if !value.is_positive() {
        return Err(invalid(field, value, "must be above zero"));
    }
    let price = rules.limit_price(value, side).map_err(precision(field, value))?;
    if price.is_zero() {
        return Err(Refusal::field(Code::BelowFloor, field, value, "is under one tick"));
    }
    if rules.max_price.is_some_and(|max| price > max) {
        return Err(invalid(field, value, "is above the venue's highest price"));
    }
    Ok(price)
}

#[inline]
pub(super) fn check_floor(
    rules: &Instrument,
    qty: Qty,
    price: Price,
    (field, size): (&'static str, Decimal),
) -> Result<(), Box<Refusal>> {
    // A value out of bounds is no small one.
    let is_small =
        |least: Money| !least.is_zero() && rules.value(price, qty).is_some_and(|worth| worth < least);
    if qty.is_zero() || qty < rules.min_qty || is_small(rules.min_notional) {
        return Err(Refusal::field(Code::BelowFloor, field, size, "is under the venue's minimum"));
    }
    if rules.max_qty.is_some_and(|max| qty > max) {
        return Err(invalid(field, size, "is above the venue's largest order"));
    }
    Ok(())
}

/// How much `money` buys at a price, down to the lot grid.
pub(super) fn bought_for(rules: &Instrument, money: Money, price: Price) -> Option<Qty> {
    let of_one = product(price.0, rules.unit).filter(|one| *one > 0)?;
    divide(money.0, of_one, Rounding::Floor).map(|qty| rules.whole_lots(Qty(qty)))
}

/// The smallest quantity worth `money` at a price.
pub(super) fn worth_at_least(rules: &Instrument, money: Money, price: Price) -> Option<Qty> {
    let of_one = product(price.0, rules.unit).filter(|one| *one > 0)?;
    divide(money.0, of_one, Rounding::Ceiling).map(Qty)
}
