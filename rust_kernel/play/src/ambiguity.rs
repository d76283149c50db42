//! Bars that leave open which of a trade's orders fills first.

use dita_kernel::id::Id;
use dita_kernel::instrument::Instrument;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{OrderType, TradeSide, TradeStage};
use dita_kernel::num::Decimal;
use dita_kernel::order::Order;
use dita_kernel::slot::Slot;

use crate::numbers::compare;

/// Adds the trades of which a stop and a target both lie in a bar. Says whether the last one of them is short: then the
/// bar's high is the stop's side.
pub(crate) fn look<'a>(
    kernel: &Kernel,
    slots: impl Iterator<Item = &'a u32>,
    symbol: &Id,
    low: Decimal,
    high: Decimal,
    found: &mut Vec<Id>,
) -> Option<bool> {
    let mut is_short = None;
    for slot in slots.filter_map(|slot_id| kernel.slot(*slot_id)) {
        let may_be =
            !slot.other_exits.is_empty() && !matches!(slot.stage, TradeStage::Idle | TradeStage::Closed);
        let rules = kernel.instruments().get(slot.instrument as usize).filter(|_| may_be);
        let Some(rules) = rules.filter(|rules| rules.spec.symbol == *symbol) else { continue };
        if holds_both(kernel, slot, rules, low, high) {
            found.push(slot.trade_id.clone());
            is_short = Some(slot.side == TradeSide::Short);
        }
    }
    is_short
}

fn holds_both(kernel: &Kernel, slot: &Slot, rules: &Instrument, low: Decimal, high: Decimal) -> bool {
    let lies_in = |price: Option<_>| {
        price
            .map(|price| rules.price_decimal(price))
            .is_some_and(|price| compare(low, price).is_le() && compare(price, high).is_le())
    };
    let is_stop = |order: &Order| matches!(order.order_type, OrderType::StopMarket | OrderType::StopLimit);
    let (mut stop, mut target) = (false, false);
    let exits = slot.other_exits.iter().copied().chain(slot.exit);
    for order in exits.filter_map(|it| kernel.orders().get(it)).filter(|order| order.is_live()) {
        if is_stop(order) {
            stop |= lies_in(order.trigger_price());
        } else {
            target |= lies_in(order.limit_price.or(order.trigger_price()));
        }
    }
    stop && target
}
