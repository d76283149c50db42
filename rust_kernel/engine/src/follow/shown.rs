//! Slots, orders, accounts and controls as JSON, by the names that Python gives them.

use dita_kernel::id::Id;
use dita_kernel::instrument::Instrument;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::TradeStage;
use dita_kernel::num::{Decimal, Money, Qty};
use dita_kernel::order::{Order, OrderRef, OrderRole};
use dita_kernel::slot::Slot;

use crate::account::account;
use crate::bots::bot_rows;
use crate::json::{self, Object, quoted};
use crate::views::fills_seen;

fn average(rules: &Instrument, value: Money, qty: Qty) -> Option<Decimal> {
    rules.average_price(value, qty).map(|price| rules.price_decimal(price))
}

/// Whose state it is, and as of when: every value begins with this.
fn head(kernel: &Kernel, name: &str) -> Object {
    let mut object = Object::begin();
    object.text("kernel", name);
    object.plain("seq", kernel.seq());
    object.plain("time_ns", kernel.now_ns());
    object
}

/// A slot that has carried a trade.
pub(super) fn slot(kernel: &Kernel, name: &str, slot_id: u32, slot: &Slot) -> Option<String> {
    let rules = kernel.instruments().get(slot.instrument as usize)?;
    let mut object = head(kernel, name);
    object.plain("slot_id", slot_id);
    object.id("trade_id", &slot.trade_id);
    object.id("owner", &slot.owner);
    object.id("asset", &rules.spec.symbol);
    object.text("side", slot.side.name());
    object.text("fsm_state", slot.stage.name());
    object.flag("closed", slot.stage == TradeStage::Closed);
    object.number("size", rules.qty_decimal(slot.size()));
    object.number("initial_size", rules.qty_decimal(slot.initial));
    object.number_or_null("entry_price", average(rules, slot.entry_value, slot.initial));
    let mark = kernel.valuation_price(slot.instrument).map(|price| rules.price_decimal(price));
    object.number_or_null("mark_price", mark);
    object.number("leverage", slot.leverage);
    object.money("unrealized_pnl", kernel.unrealized(slot.instrument, &slot.basis));
    object.money("realized_pnl", slot.realized);
    object.money("fees_paid", slot.fees);
    object.money("funding_net", slot.funding);
    object.money("cost", slot.basis.cost);
    object.whole_or_null("entry_time", (slot.entry_time_ns != 0).then_some(slot.entry_time_ns));
    object.plain("last_event_time", slot.last_event_time_ns);
    object.list("exit_leg_ratios", slot.ratios.iter().map(|ratio| quoted(&ratio.to_string())));
    object.plain("active_leg_index", slot.active_leg_index(rules.lot));
    object.id("close_reason", if slot.stage == TradeStage::Closed { &slot.close_reason } else { &Id::EMPTY });
    object.flag("unprotected", slot.unprotected);
    let client_id = |it: OrderRef| kernel.orders().get(it).map(|order| order.client_id.as_str());
    let whole = |it: Option<OrderRef>| order(kernel, name, kernel.orders().get(it?)?);
    object.raw("active_entry_order", whole(slot.entry).as_deref().unwrap_or("null"));
    object.raw("active_exit_order", whole(slot.exit).as_deref().unwrap_or("null"));
    object.texts("exit_orders", slot.other_exits.iter().copied().chain(slot.exit).filter_map(client_id));
    object.texts("seen_event_ids", fills_seen(kernel, slot).iter().map(Id::as_str));
    object.raw("metadata", json_or_none(&slot.metadata));
    Some(object.end())
}

/// The caller's own data is canonical JSON already.
fn json_or_none(metadata: &str) -> &str {
    if metadata.is_empty() { "{}" } else { metadata }
}

/// An order of ours.
pub(super) fn order(kernel: &Kernel, name: &str, order: &Order) -> Option<String> {
    let rules = kernel.instruments().get(order.instrument as usize)?;
    let price = |price: Option<_>| price.map(|price| rules.price_decimal(price));
    let mut object = head(kernel, name);
    object.id("venue_client_id", &order.client_id);
    object.id("venue_order_id", &order.venue_order_id);
    object.id("intent_id", &order.intent_id);
    object.id("internal_trade_id", &order.trade_id);
    object.text("owner", order.owner().as_str());
    object.plain("slot_id", order.slot_id);
    object.text("role", role_name(order.role));
    object.id("asset", &rules.spec.symbol);
    object.text("side", order.side.name());
    object.text("order_side", order.order_side.name());
    object.text("position_side", order.position_side.name());
    object.text("order_type", order.order_type.name());
    object.text("time_in_force", order.time_in_force.name());
    object.text("status", order.reported_status().name());
    object.flag("live", order.is_live());
    object.text("doubt", order.doubt.name());
    object.flag("stale", kernel.is_stale(order));
    object.number("intended_size", rules.qty_decimal(order.qty));
    object.number("filled_size", rules.qty_decimal(order.filled));
    object.number("remaining_size", rules.qty_decimal(order.remaining()));
    object.number_or_null("average_fill_price", average(rules, order.filled_value, order.filled));
    object.number_or_null("limit_price", price(order.limit_price));
    object.number_or_null("trigger_price", price(order.trigger_price()));
    object.flag("reduce_only", order.reduce_only);
    object.flag("post_only", order.post_only);
    object.flag("pending_cancel", order.cancel_requested);
    object.flag("pending_amend", order.amendment().is_some());
    object.text("oco_group", order.oco_group().map_or("", Id::as_str));
    object.whole_or_null("expire_time", order.expire_time_ns);
    object.whole_or_null("sent_time", (order.sent_time_ns != 0).then_some(order.sent_time_ns));
    Some(object.end())
}

/// What an order is for.
pub(super) fn role_name(role: OrderRole) -> &'static str {
    match role {
        OrderRole::Entry => "ENTRY",
        OrderRole::Exit => "EXIT",
        OrderRole::External => "EXTERNAL",
    }
}

/// An asset's account: K, E, and the named difference.
pub fn asset(kernel: &Kernel, name: &str, place: u16) -> Option<String> {
    let state = kernel.assets().get(usize::from(place))?;
    let figures = account(kernel, place)?;
    let mut object = head(kernel, name);
    object.id("asset", &state.name);
    for (key, amount) in [
        ("equity", figures.equity),
        ("unrealized_pnl", figures.unrealized_pnl),
        ("open_notional", figures.open_notional),
        ("reserved_notional", figures.reserved_notional),
        ("available_capital", figures.available_capital),
        ("k_capital", figures.capital),
        ("k_realized_pnl", figures.realized_pnl),
        ("k_fees_paid", figures.fees_paid),
        ("k_funding_net", figures.funding_net),
        ("maint_margin", figures.maint_margin),
        ("reconcile_tolerance", figures.report.tolerance),
    ] {
        object.money(key, amount);
    }
    for (key, amount) in [
        ("e_wallet_balance", state.exchange.wallet_balance),
        ("e_available_margin", state.exchange.available_margin),
        ("e_used_margin", state.exchange.used_margin),
        ("e_maint_margin", state.exchange.maint_margin),
        ("reconcile_delta", figures.report.delta),
    ] {
        object.money_or_null(key, amount);
    }
    object.plain("open_positions", figures.open_positions);
    object.number("leverage", figures.leverage);
    object.text("margin_status", figures.margin_status.name());
    object.texts("assumed_tiers", figures.assumed_tiers.iter().map(Id::as_str));
    object.text("reconcile_status", figures.report.status.name());
    object.text("reconcile_explanation", &figures.report.explanation);
    object.list("reconcile_causes", causes(&figures.report));
    let rows = bot_rows(kernel, place);
    if !rows.is_empty() {
        object.list("bots", rows.iter().map(json::bot));
    }
    Some(object.end())
}

/// The parts of a difference, each as JSON.
pub(super) fn causes(report: &dita_kernel::reconcile::Report) -> Vec<String> {
    let part = |part: &dita_kernel::reconcile::Part| {
        let mut object = Object::begin();
        object.text("cause", part.cause.name());
        object.money("amount", part.amount);
        object.text("proof", part.proof.name());
        object.texts("references", part.references.iter().map(Id::as_str));
        object.end()
    };
    report.parts.iter().map(part).collect()
}

/// The controls, and what the guards have done by themselves.
pub fn control(kernel: &Kernel, name: &str) -> String {
    let (control, guard) = (kernel.control(), kernel.guard());
    let mut object = head(kernel, name);
    object.text("mode", control.mode.name());
    object.text("gate", control.gate.name());
    object.text("verbosity", control.verbosity.name());
    object.flag("debug_clickhouse_enabled", control.debug_clickhouse_enabled);
    object.flag("frozen", control.frozen);
    object.flag("kill_switch", guard.kill_switch());
    object.raw("limits", &limits(&control.limits.given));
    object.flag("require_audit", control.require_audit);
    object.text("regime", control.regime.name());
    object.texts("audited", control.audited.iter().map(Id::as_str));
    object.plain("freeze_events", guard.freeze_events());
    object.text("last_freeze_reason", guard.last_freeze_reason());
    object.id("last_freeze_symbol", guard.last_freeze_symbol());
    object.plain("version", control.version);
    object.id("updated_by", &control.updated_by);
    object.whole_or_null("updated_at", control.changed_at_ns());
    object.end()
}

/// How the kernel's loop stands.
pub fn health(kernel: &Kernel, name: &str, inbox_room: usize, durable_seq: Option<u64>) -> String {
    let mut object = head(kernel, name);
    object.plain("inbox_room", inbox_room);
    match durable_seq {
        Some(seq) => object.plain("durable_seq", seq),
        None => object.raw("durable_seq", "null"),
    }
    object.plain("busy_slots", kernel.slots().iter().filter(|slot| !slot.stage.is_free()).count());
    object.end()
}

/// Limits by name: those that are set.
pub(super) fn limits(given: &dita_kernel::input::RiskLimits) -> String {
    let mut object = Object::begin();
    for (key, value) in given.decimals() {
        if let Some(value) = value {
            object.number(key, value);
        }
    }
    for (key, value) in given.counts() {
        if let Some(value) = value {
            object.plain(key, value);
        }
    }
    if let Some(scope) = given.edge_freeze_cancels {
        object.text("edge_freeze_cancels", scope.name());
    }
    object.end()
}
