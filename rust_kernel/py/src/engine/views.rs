//! The core's slots and orders as the value types show them: copied while the state is held, shown afterwards.

use dita_kernel::id::Id;
use dita_kernel::input::ExitSpec;
use dita_kernel::instrument::Instrument;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::TradeStage;
use dita_kernel::num::{Decimal, Money, Qty};
use dita_kernel::order::{Order, OrderRef, OrderRole};
use dita_kernel::slot::Slot;

use crate::order::{Amend, OrderView};
use crate::slot::{SlotView, blank};

fn average(rules: &Instrument, value: Money, qty: Qty) -> Option<Decimal> {
    rules.average_price(value, qty).map(|price| rules.price_decimal(price))
}

/// An order.
pub fn order_view(kernel: &Kernel, order: &Order) -> Option<OrderView> {
    let rules = kernel.instruments().get(order.instrument as usize)?;
    let ours = order.role != OrderRole::External;
    let slot = kernel.slot(order.slot_id).filter(|slot| ours && slot.trade_number == order.trade_number);
    let extra = order.extra.as_deref();
    Some(OrderView {
        internal_trade_id: order.trade_id.clone(),
        slot_id: ours.then_some(order.slot_id),
        venue_order_id: order.venue_order_id.clone(),
        other_venue_ids: order.other_venue_ids.clone(),
        venue_client_id: order.client_id.clone(),
        intent_id: order.intent_id.clone(),
        owner: order.owner().clone(),
        asset: rules.spec.symbol.clone(),
        side: order.side,
        order_side: order.order_side,
        position_side: order.position_side,
        intended_size: rules.qty_decimal(order.qty),
        filled_size: rules.qty_decimal(order.filled),
        remaining_size: rules.qty_decimal(order.remaining()),
        average_fill_price: average(rules, order.filled_value, order.filled),
        status: order.reported_status(),
        order_type: order.order_type,
        limit_price: order.limit_price.map(|price| rules.price_decimal(price)),
        trigger_price: order.trigger_price().map(|price| rules.price_decimal(price)),
        trigger_by: order.trigger_by(),
        attached: order.is_attached(),
        time_in_force: order.time_in_force,
        expire_time_ns: order.expire_time_ns,
        valid_until_ns: extra.and_then(|extra| extra.valid_until_ns),
        post_only: order.post_only,
        reduce_only: order.reduce_only,
        oco_group: order.oco_group().cloned().unwrap_or_default(),
        triggered: extra.is_some_and(|extra| extra.triggered),
        stale: kernel.is_stale(order),
        doubt: order.doubt,
        pending_cancel: order.cancel_requested,
        pending_amend: order.amendment().map(|amendment| {
            Box::new(Amend {
                request_id: amendment.request_id.clone(),
                size: rules.qty_decimal(amendment.qty),
                limit_price: amendment.limit_price.map(|price| rules.price_decimal(price)),
                trigger_price: amendment.trigger_price.map(|price| rules.price_decimal(price)),
            })
        }),
        metadata: slot.map(|slot| slot.metadata.clone()).unwrap_or_default(),
    })
}

/// Every order, live and remembered, by number.
pub fn order_views(kernel: &Kernel, live_only: bool) -> Vec<OrderView> {
    let wanted = |order: &&Order| order.role != OrderRole::External && (!live_only || order.is_live());
    let mut orders: Vec<&Order> = kernel.orders().iter().filter(wanted).collect();
    orders.sort_unstable_by_key(|order| order.number);
    orders.into_iter().filter_map(|order| order_view(kernel, order)).collect()
}

/// A slot with its orders.
pub fn slot_view(kernel: &Kernel, slot_id: u32) -> Option<SlotView> {
    let slot = kernel.slot(slot_id)?;
    let rules = kernel.instruments().get(slot.instrument as usize).filter(|_| slot.trade_number > 0);
    let Some(rules) = rules else { return Some(blank(slot_id)) };
    let order = |reference: Option<OrderRef>| {
        reference.and_then(|it| kernel.orders().get(it)).and_then(|order| order_view(kernel, order))
    };
    Some(SlotView {
        slot_id,
        trade_id: slot.trade_id.clone(),
        owner: slot.owner.clone(),
        asset: rules.spec.symbol.clone(),
        side: slot.side,
        entry_price: average(rules, slot.entry_value, slot.initial),
        size: rules.qty_decimal(slot.size()),
        initial_size: rules.qty_decimal(slot.initial),
        leverage: Some(slot.leverage),
        entry_time_ns: (slot.entry_time_ns != 0 || !slot.initial.is_zero()).then_some(slot.entry_time_ns),
        unrealized_pnl: kernel.unrealized(slot.instrument, &slot.basis),
        realized_pnl: slot.realized,
        closed: slot.stage == TradeStage::Closed,
        exit_leg_ratios: slot.ratios.clone(),
        active_leg_index: leg_index(slot, rules),
        active_entry_order: order(slot.entry),
        exit_orders: slot
            .other_exits
            .iter()
            .copied()
            .chain(slot.exit)
            .filter_map(|it| order(Some(it)))
            .collect(),
        fsm_state: slot.stage,
        close_reason: close_reason(slot),
        last_event_time_ns: Some(slot.last_event_time_ns),
        metadata: slot.metadata.clone(),
        fees_paid: slot.fees,
        funding_net: slot.funding,
        unprotected: slot.unprotected,
        cost: slot.basis.cost,
        contract_multiplier: rules.spec.contract_multiplier,
        inverse: rules.spec.inverse,
        seen_event_ids: fills_seen(kernel, slot),
        exits: exits_of(slot),
    })
}

/// The venue's ids of the fills of the orders that the slot names, oldest order first.
fn fills_seen(kernel: &Kernel, slot: &Slot) -> Vec<Id> {
    let named = slot.entry.into_iter().chain(slot.other_exits.iter().copied()).chain(slot.exit);
    let fills = named.filter_map(|it| kernel.orders().get(it)).flat_map(|order| &order.fills);
    fills.map(|fill| &fill.venue_trade_id).filter(|id| !id.is_empty()).cloned().collect()
}

/// The exits that are attached to the trade, but those that the strategy has canceled.
fn exits_of(slot: &Slot) -> Vec<ExitSpec> {
    let all = slot.attached.iter().flat_map(|attached| &attached.exits);
    all.filter(|exit| !exit.withdrawn).map(|exit| exit.spec.clone()).collect()
}

/// How many of the ladder's targets are met.
pub fn leg_index(slot: &Slot, rules: &Instrument) -> u32 {
    u32::try_from(slot.active_leg_index(rules.lot)).unwrap_or(u32::MAX)
}

/// Why the trade ended; the core keeps the exit's reason from the request on.
pub fn close_reason(slot: &Slot) -> Id {
    if slot.stage == TradeStage::Closed { slot.close_reason.clone() } else { Id::EMPTY }
}
