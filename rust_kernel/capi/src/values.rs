//! What a kernel is given, field by field: intents, events, slots, an operator's changes, fees that were seen.
//!
//! The names are those of the Python classes; `tests/capi/test_names.py` holds the two against each other.

use dita_engine::{Amend, OrderView, SlotView, blank_slot, difference};
use dita_kernel::attached::check_spec_alone;
use dita_kernel::id::Id;
use dita_kernel::input::{
    AccountEvent, AdoptedSlot, Attachment, ExitSpec, FeeSample, Intent, OpeningOrder, OpeningPosition,
    OpeningState, Provenance, RareFields, SlotOverride, VenueEvent,
};
use dita_kernel::names::{
    AccountEventKind, ExitKind, KernelCommandType, KernelEventKind, Liquidity, OrderDoubt, OrderSide,
    OrderType, PositionSide, Regime, TimeInForce, TradeSide, TradeStage, TriggerBy, VenueOrderStatus,
};
use dita_kernel::num::Decimal;
use dita_kernel::outcome::Detail;

use crate::parse::Value;
use crate::read::{self, Field, Fields};
use crate::wrong::Wrong;
use crate::{name, perhaps_name};

// -------------------------------------------------------------------------------------------------- intents

/// An intent's fields.
#[rustfmt::skip]
pub const INTENT: [Field<Intent>; 32] = [
    Field::required("timestamp", |i, n, v| { i.timestamp_ns = read::time(v, n)?; Ok(()) }),
    Field::required("intent_id", |i, n, v| { i.intent_id = read::id(v, n)?; Ok(()) }),
    Field::required("trade_id", |i, n, v| { i.trade_id = read::id(v, n)?; Ok(()) }),
    Field::required("slot_id", |i, n, v| { i.slot_id = read::slot(v, n)?; Ok(()) }),
    Field::required("asset", |i, n, v| { i.asset = read::id(v, n)?; Ok(()) }),
    Field::required("side", |i, n, v| { i.side = name!(TradeSide, v, n)?; Ok(()) }),
    Field::required("action", |i, n, v| { i.action = name!(KernelCommandType, v, n)?; Ok(()) }),
    Field::optional("reference_price", |i, n, v| { i.reference_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("target_size", |i, n, v| { i.target_size = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("leverage", |i, n, v| { i.leverage = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("exit_leg_ratios", |i, n, v| { i.exit_leg_ratios = if *v == Value::Null { Vec::new() } else { read::ratios(v, n)? }; Ok(()) }),
    Field::optional("reason", |i, n, v| { i.reason = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("metadata", |i, n, v| { i.metadata = read::json(v, n)?; Ok(()) }),
    Field::optional("stage", |i, n, v| { i.stage = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("order_type", |i, n, v| { if *v != Value::Null { i.order_type = name!(OrderType, v, n)?; } Ok(()) }),
    Field::optional("limit_price", |i, n, v| { i.limit_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("time_in_force", |i, n, v| { if *v != Value::Null { i.time_in_force = name!(TimeInForce, v, n)?; } Ok(()) }),
    Field::optional("expire_time", |i, n, v| { i.expire_time_ns = read::perhaps_time(v, n)?; Ok(()) }),
    Field::optional("post_only", |i, n, v| { if *v != Value::Null { i.post_only = read::flag(v, n)?; } Ok(()) }),
    Field::optional("reduce_only", |i, n, v| { if *v != Value::Null { i.reduce_only = read::flag(v, n)?; } Ok(()) }),
    Field::optional("trigger_price", |i, n, v| { i.trigger_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("quote_size", |i, n, v| { i.quote_size = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("oco_group", |i, n, v| { i.oco_group = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("target_client_id", |i, n, v| { i.target_client_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("valid_until", |i, n, v| { i.valid_until_ns = read::perhaps_time(v, n)?; Ok(()) }),
    Field::optional("source_run", |i, n, v| { provenance(i).source_run = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("regime", |i, n, v| { provenance(i).regime = perhaps_name!(Regime, v, n)?; Ok(()) }),
    Field::optional("override_ref", |i, n, v| { provenance(i).override_ref = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("owner", |i, n, v| { i.owner = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("add", |i, n, v| { if *v != Value::Null { attached(i).add = read::flag(v, n)?; } Ok(()) }),
    Field::optional("trigger_by", |i, n, v| { if *v != Value::Null { attached(i).trigger_by = name!(TriggerBy, v, n)?; } Ok(()) }),
    Field::optional("exits", |i, n, v| { attached(i).exits = if *v == Value::Null { Vec::new() } else { exits(v, n)? }; Ok(()) }),
];

fn provenance(intent: &mut Intent) -> &mut Provenance {
    intent.provenance.get_or_insert_default()
}

fn attached(intent: &mut Intent) -> &mut Attachment {
    intent.attached.get_or_insert_with(|| Box::new(Attachment::NONE))
}

/// An intent of which only what must be there is set.
pub fn blank_intent() -> Intent {
    Intent::new(KernelCommandType::Enter, Id::EMPTY, Id::EMPTY, 0, Id::EMPTY, TradeSide::Long)
}

/// What says nothing is none.
pub fn drop_empty_parts(intent: &mut Intent) {
    if intent.attached.as_deref() == Some(&Attachment::NONE) {
        intent.attached = None;
    }
    if intent.provenance.as_deref() == Some(&Provenance::default()) {
        intent.provenance = None;
    }
}

/// An intent.
///
/// # Errors
/// A field that is missing or not known, or a value that its field refuses.
pub fn intent(given: &Fields<'_>) -> Result<Intent, Wrong> {
    let mut intent = blank_intent();
    read::fill(&mut intent, &INTENT, given)?;
    drop_empty_parts(&mut intent);
    Ok(intent)
}

/// The number that was given for a slot that no kernel has.
pub fn given_slot(given: &Fields<'_>) -> Option<i128> {
    let (_, value) = given.iter().find(|(name, _)| name == "slot_id")?;
    let number = read::whole::<i128>(value, "slot_id").ok()?;
    (u32::try_from(number).is_err()).then_some(number)
}

/// An attached exit's fields.
#[rustfmt::skip]
pub const EXIT: [Field<ExitSpec>; 6] = [
    Field::required("kind", |s, n, v| { s.kind = name!(ExitKind, v, n)?; Ok(()) }),
    Field::optional("trigger_price", |s, n, v| { s.trigger_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("offset", |s, n, v| { s.offset = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("limit_price", |s, n, v| { s.limit_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("ratio", |s, n, v| { s.ratio = read::number(v, n)?; Ok(()) }),
    Field::optional("trigger_by", |s, n, v| { s.trigger_by = name!(TriggerBy, v, n)?; Ok(()) }),
];

fn blank_exit() -> ExitSpec {
    ExitSpec {
        kind: ExitKind::Stop,
        trigger_price: None,
        offset: None,
        limit_price: None,
        ratio: Decimal::ONE,
        trigger_by: TriggerBy::Last,
    }
}

fn exits(value: &Value<'_>, field: &str) -> Result<Vec<ExitSpec>, Wrong> {
    let exits = read::rows(value, field, &EXIT, blank_exit)?;
    for (at, exit) in exits.iter().enumerate() {
        let Err(refusal) = check_spec_alone(exit) else { continue };
        let wrong = match &refusal.detail {
            Detail::Field { field, value, why } => {
                Wrong::value(field.trim_start_matches("exits."), &**value, *why)
            }
            _ => Wrong::value("kind", exit.kind.name(), "is no exit"),
        };
        return Err(wrong.within(&format!("{field}[{at}].")));
    }
    Ok(exits)
}

// --------------------------------------------------------------------------------------------------- events

/// A venue event's fields.
#[rustfmt::skip]
pub const VENUE_EVENT: [Field<VenueEvent>; 35] = [
    Field::required("timestamp", |e, n, v| { e.timestamp_ns = read::time(v, n)?; Ok(()) }),
    Field::optional("event_id", |e, n, v| { e.event_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("trade_id", |e, n, v| { e.trade_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("slot_id", |e, n, v| { e.slot_id = if *v == Value::Null { None } else { Some(read::slot(v, n)?) }; Ok(()) }),
    Field::required("kind", |e, n, v| { e.kind = name!(KernelEventKind, v, n)?; Ok(()) }),
    Field::optional("status", |e, n, v| { e.status = perhaps_name!(VenueOrderStatus, v, n)?; Ok(()) }),
    Field::optional("venue_order_id", |e, n, v| { e.venue_order_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("venue_client_id", |e, n, v| { e.venue_client_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("side", |e, n, v| { e.side = perhaps_name!(TradeSide, v, n)?; Ok(()) }),
    Field::optional("asset", |e, n, v| { e.asset = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("price", |e, n, v| { e.price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("size", |e, n, v| { e.size = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("filled_size", |e, n, v| { e.filled_size = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("remaining_size", |e, n, v| { e.remaining_size = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("reason", |e, n, v| set_rare(e, read::long_text(v, n)?, |rare| &mut rare.reason)),
    Field::optional("raw_payload", |e, n, v| set_rare(e, read::payload(v, n)?, |rare| &mut rare.raw_payload)),
    Field::optional("metadata", |e, n, v| set_rare(e, read::json(v, n)?, |rare| &mut rare.metadata)),
    Field::optional("order_side", |e, n, v| { e.order_side = perhaps_name!(OrderSide, v, n)?; Ok(()) }),
    Field::optional("position_side", |e, n, v| { e.position_side = perhaps_name!(PositionSide, v, n)?; Ok(()) }),
    Field::optional("venue_trade_id", |e, n, v| { e.venue_trade_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("fee", |e, n, v| { e.fee = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("fee_asset", |e, n, v| { e.fee_asset = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("realized_pnl", |e, n, v| { e.realized_pnl = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("liquidity", |e, n, v| { e.liquidity = perhaps_name!(Liquidity, v, n)?; Ok(()) }),
    Field::optional("ts_init", |e, n, v| { e.received_ns = read::time(v, n)?; Ok(()) }),
    Field::optional("order_size", |e, n, v| { e.order_size = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("order_price", |e, n, v| { e.order_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("average_price", |e, n, v| { e.average_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("request_id", |e, n, v| set_rare(e, read::perhaps_id(v, n)?, |rare| &mut rare.request_id)),
    Field::optional("reason_code", |e, n, v| set_rare(e, read::perhaps_id(v, n)?, |rare| &mut rare.reason_code)),
    Field::optional("parent_order_id", |e, n, v| set_rare(e, read::perhaps_id(v, n)?, |rare| &mut rare.parent_order_id)),
    Field::optional("ref_trade_id", |e, n, v| set_rare(e, read::perhaps_id(v, n)?, |rare| &mut rare.ref_trade_id)),
    Field::optional("retry_after_ms", |e, n, v| set_rare(e, read::perhaps_whole(v, n)?, |rare| &mut rare.retry_after_ms)),
    Field::optional("venue_sequence", |e, n, v| { e.venue_sequence = read::sequence(v, n)?; Ok(()) }),
    Field::optional("order_created", |e, n, v| set_rare(e, read::perhaps_time(v, n)?, |rare| &mut rare.order_created_ns)),
];

/// Sets a seldom field; the box that holds them is made only for a value that says something.
fn set_rare<T: PartialEq + Default>(
    event: &mut VenueEvent,
    value: T,
    place: fn(&mut RareFields) -> &mut T,
) -> Result<(), Wrong> {
    if event.rare.is_some() || value != T::default() {
        *place(event.rare.get_or_insert_default()) = value;
    }
    if event.rare.as_deref() == Some(&RareFields::default()) {
        event.rare = None;
    }
    Ok(())
}

/// A venue event.
///
/// # Errors
/// As [`intent`].
pub fn venue_event(given: &Fields<'_>) -> Result<VenueEvent, Wrong> {
    let mut event = VenueEvent::new(KernelEventKind::OrderAck, 0);
    read::fill(&mut event, &VENUE_EVENT, given)?;
    let of = |fields: &'_ Fields<'_>, name: &str| fields.iter().position(|(key, _)| key == name);
    // A program that was written for the older system says the wait there.
    if event.kind == KernelEventKind::RateLimited
        && of(given, "retry_after_ms").is_none()
        && let Some(Value::Object(metadata)) = of(given, "metadata").map(|at| &given[at].1)
        && let Some(at) = of(metadata, "retry_after_ms")
    {
        let wait = read::perhaps_whole(&metadata[at].1, "metadata.retry_after_ms")?;
        set_rare(&mut event, wait, |rare| &mut rare.retry_after_ms)?;
    }
    Ok(event)
}

/// An account event's fields.
#[rustfmt::skip]
pub const ACCOUNT_EVENT: [Field<AccountEvent>; 21] = [
    Field::required("kind", |e, n, v| { e.kind = name!(AccountEventKind, v, n)?; Ok(()) }),
    Field::required("timestamp", |e, n, v| { e.timestamp_ns = read::time(v, n)?; Ok(()) }),
    Field::optional("event_id", |e, n, v| { e.event_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("venue_txn_id", |e, n, v| { e.venue_txn_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("asset", |e, n, v| { e.asset = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("symbol", |e, n, v| { e.symbol = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("venue_trade_id", |e, n, v| { e.venue_trade_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("amount", |e, n, v| { e.amount = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("realized_pnl", |e, n, v| { e.realized_pnl = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("fee", |e, n, v| { e.fee = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("fee_asset", |e, n, v| { e.fee_asset = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("wallet_balance", |e, n, v| { e.wallet_balance = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("available_margin", |e, n, v| { e.available_margin = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("used_margin", |e, n, v| { e.used_margin = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("maint_margin", |e, n, v| { e.maint_margin = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("position_side", |e, n, v| { e.position_side = perhaps_name!(PositionSide, v, n)?; Ok(()) }),
    Field::optional("size", |e, n, v| { e.size = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("entry_price", |e, n, v| { e.entry_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("rate", |e, n, v| { e.rate = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("mark_price", |e, n, v| { e.mark_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("venue_sequence", |e, n, v| { e.venue_sequence = read::sequence(v, n)?; Ok(()) }),
];

/// An account event.
///
/// # Errors
/// As [`intent`].
pub fn account_event(given: &Fields<'_>) -> Result<AccountEvent, Wrong> {
    let mut event = AccountEvent::new(AccountEventKind::Adjustment, 0);
    read::fill(&mut event, &ACCOUNT_EVENT, given)?;
    Ok(event)
}

// -------------------------------------------------------------------------------------------- opening state

#[rustfmt::skip]
const OPENING: [Field<OpeningState>; 6] = [
    Field::optional("timestamp", |o, n, v| { o.timestamp_ns = read::time(v, n)?; Ok(()) }),
    Field::required("balances", |o, n, v| { o.balances = balances(v, n)?; Ok(()) }),
    Field::optional("positions", |o, n, v| { o.positions = read::rows(v, n, &POSITION, blank_position)?; Ok(()) }),
    Field::optional("orders", |o, n, v| { o.orders = read::rows(v, n, &OPENING_ORDER, blank_opening_order)?; Ok(()) }),
    Field::optional("fill_cursor", |o, n, v| { o.fill_cursor = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("income_cursor", |o, n, v| { o.income_cursor = read::perhaps_id(v, n)?; Ok(()) }),
];

#[rustfmt::skip]
const POSITION: [Field<OpeningPosition>; 4] = [
    Field::required("symbol", |p, n, v| { p.symbol = read::id(v, n)?; Ok(()) }),
    Field::optional("position_side", |p, n, v| { p.position_side = name!(PositionSide, v, n)?; Ok(()) }),
    Field::required("size", |p, n, v| { p.size = read::number(v, n)?; Ok(()) }),
    Field::required("entry_price", |p, n, v| { p.entry_price = read::number(v, n)?; Ok(()) }),
];

#[rustfmt::skip]
const OPENING_ORDER: [Field<OpeningOrder>; 10] = [
    Field::required("symbol", |o, n, v| { o.symbol = read::id(v, n)?; Ok(()) }),
    Field::optional("venue_order_id", |o, n, v| { o.venue_order_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("venue_client_id", |o, n, v| { o.venue_client_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::required("order_side", |o, n, v| { o.order_side = name!(OrderSide, v, n)?; Ok(()) }),
    Field::optional("position_side", |o, n, v| { o.position_side = name!(PositionSide, v, n)?; Ok(()) }),
    Field::optional("order_type", |o, n, v| { o.order_type = name!(OrderType, v, n)?; Ok(()) }),
    Field::required("size", |o, n, v| { o.size = read::number(v, n)?; Ok(()) }),
    Field::optional("filled_size", |o, n, v| { o.filled_size = read::number(v, n)?; Ok(()) }),
    Field::optional("price", |o, n, v| { o.price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("reduce_only", |o, n, v| { o.reduce_only = read::flag(v, n)?; Ok(()) }),
];

fn blank_position() -> OpeningPosition {
    OpeningPosition {
        symbol: Id::EMPTY,
        position_side: PositionSide::Both,
        size: Decimal::ZERO,
        entry_price: Decimal::ZERO,
    }
}

fn blank_opening_order() -> OpeningOrder {
    OpeningOrder {
        symbol: Id::EMPTY,
        venue_order_id: Id::EMPTY,
        venue_client_id: Id::EMPTY,
        order_side: OrderSide::Buy,
        position_side: PositionSide::Both,
        order_type: OrderType::Limit,
        size: Decimal::ZERO,
        filled_size: Decimal::ZERO,
        price: None,
        reduce_only: false,
    }
}

/// Asset to amount.
///
/// # Errors
/// No object, or an amount that is no number.
pub fn balances(value: &Value<'_>, field: &str) -> Result<Vec<(Id, Decimal)>, Wrong> {
    let read = |(asset, amount): &(std::borrow::Cow<'_, str>, Value<'_>)| {
        let place = format!("{field}.{asset}");
        let id = Id::new(asset).map_err(|_| Wrong::value(&place, &**asset, "is longer than 64 bytes"))?;
        Ok((id, read::number(amount, &place)?))
    };
    read::object(value, field)?.iter().map(read).collect()
}

/// An opening state; its time is `now_ns` where it has none.
///
/// # Errors
/// As [`intent`].
pub fn opening(value: &Value<'_>, now_ns: i64) -> Result<OpeningState, Wrong> {
    let mut opening = OpeningState { timestamp_ns: now_ns, ..OpeningState::default() };
    read::fill(&mut opening, &OPENING, read::object(value, "opening_state")?)?;
    Ok(opening)
}

// ---------------------------------------------------------------------------------------------------- slots

/// An order's fields, as a slot has them.
#[rustfmt::skip]
pub const ORDER: [Field<OrderView>; 33] = [
    Field::optional("internal_trade_id", |o, n, v| { o.internal_trade_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("slot_id", |o, n, v| { o.slot_id = read::perhaps_whole(v, n)?; Ok(()) }),
    Field::optional("venue_order_id", |o, n, v| { o.venue_order_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::required("venue_client_id", |o, n, v| { o.venue_client_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::required("asset", |o, n, v| { o.asset = read::id(v, n)?; Ok(()) }),
    Field::required("side", |o, n, v| { o.side = name!(TradeSide, v, n)?; Ok(()) }),
    Field::required("order_side", |o, n, v| { o.order_side = name!(OrderSide, v, n)?; Ok(()) }),
    Field::optional("position_side", |o, n, v| { o.position_side = name!(PositionSide, v, n)?; Ok(()) }),
    Field::required("intended_size", |o, n, v| { o.intended_size = read::size(v, n)?; Ok(()) }),
    Field::optional("filled_size", |o, n, v| { o.filled_size = read::size(v, n)?; Ok(()) }),
    Field::optional("remaining_size", |o, n, v| { o.remaining_size = read::size(v, n)?; Ok(()) }),
    Field::optional("average_fill_price", |o, n, v| { o.average_fill_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("status", |o, n, v| { o.status = name!(VenueOrderStatus, v, n)?; Ok(()) }),
    Field::optional("order_type", |o, n, v| { o.order_type = name!(OrderType, v, n)?; Ok(()) }),
    Field::optional("limit_price", |o, n, v| { o.limit_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("trigger_price", |o, n, v| { o.trigger_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("time_in_force", |o, n, v| { o.time_in_force = name!(TimeInForce, v, n)?; Ok(()) }),
    Field::optional("expire_time", |o, n, v| { o.expire_time_ns = read::perhaps_time(v, n)?; Ok(()) }),
    Field::optional("post_only", |o, n, v| { o.post_only = read::flag(v, n)?; Ok(()) }),
    Field::optional("reduce_only", |o, n, v| { o.reduce_only = read::flag(v, n)?; Ok(()) }),
    Field::optional("oco_group", |o, n, v| { o.oco_group = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("triggered", |o, n, v| { o.triggered = read::flag(v, n)?; Ok(()) }),
    Field::optional("stale", |o, n, v| { o.stale = read::flag(v, n)?; Ok(()) }),
    Field::optional("pending_cancel", |o, n, v| { o.pending_cancel = read::flag(v, n)?; Ok(()) }),
    Field::optional("pending_amend", |o, n, v| { o.pending_amend = amend(v, n)?; Ok(()) }),
    Field::optional("valid_until", |o, n, v| { o.valid_until_ns = read::perhaps_time(v, n)?; Ok(()) }),
    Field::optional("other_venue_ids", |o, n, v| { o.other_venue_ids = read::ids(v, n)?; Ok(()) }),
    Field::optional("intent_id", |o, n, v| { o.intent_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("doubt", |o, n, v| { o.doubt = name!(OrderDoubt, v, n)?; Ok(()) }),
    Field::optional("metadata", |o, n, v| { o.metadata = read::json(v, n)?; Ok(()) }),
    Field::optional("owner", |o, n, v| { o.owner = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("trigger_by", |o, n, v| { o.trigger_by = name!(TriggerBy, v, n)?; Ok(()) }),
    Field::optional("attached", |o, n, v| { o.attached = read::flag(v, n)?; Ok(()) }),
];

#[rustfmt::skip]
const AMEND: [Field<Amend>; 4] = [
    Field::required("request_id", |a, n, v| { a.request_id = read::id(v, n)?; Ok(()) }),
    Field::required("size", |a, n, v| { a.size = read::size(v, n)?; Ok(()) }),
    Field::optional("limit_price", |a, n, v| { a.limit_price = read::perhaps_number(v, n)?; Ok(()) }),
    Field::optional("trigger_price", |a, n, v| { a.trigger_price = read::perhaps_number(v, n)?; Ok(()) }),
];

fn amend(value: &Value<'_>, field: &str) -> Result<Option<Box<Amend>>, Wrong> {
    if *value == Value::Null {
        return Ok(None);
    }
    let mut amend =
        Amend { request_id: Id::EMPTY, size: Decimal::ZERO, limit_price: None, trigger_price: None };
    read::fill_within(&mut amend, &AMEND, value, field)?;
    Ok(Some(Box::new(amend)))
}

fn order(value: &Value<'_>, field: &str) -> Result<Option<OrderView>, Wrong> {
    if *value == Value::Null {
        return Ok(None);
    }
    let mut view = OrderView::blank();
    read::fill_within(&mut view, &ORDER, value, field)?;
    let given = read::object(value, field)?;
    if !given.iter().any(|(name, _)| name == "remaining_size") && !view.status.is_ended() {
        view.remaining_size = difference(view.intended_size, view.filled_size)
            .filter(|left| !left.is_negative())
            .unwrap_or(Decimal::ZERO);
    }
    Ok(Some(view))
}

fn orders(value: &Value<'_>, field: &str) -> Result<Vec<OrderView>, Wrong> {
    let read = |(at, one): (usize, &Value<'_>)| {
        let place = format!("{field}[{at}]");
        order(one, &place)?.ok_or_else(|| Wrong::wrong_type(&place, one, "an order"))
    };
    read::list(value, field)?.iter().enumerate().map(read).collect()
}

/// The newest exit order is the last of all of them, whichever is read first.
fn newest_exit(
    slot: &mut SlotView,
    newest: Option<OrderView>,
    value: &Value<'_>,
    field: &str,
) -> Result<(), Wrong> {
    match newest {
        Some(newest) if slot.exit_orders.is_empty() => slot.exit_orders.push(newest),
        Some(newest) if slot.exit_orders.last() != Some(&newest) => {
            return Err(Wrong::given(field, value, "disagree: active_exit_order is the last of exit_orders"));
        }
        Some(_) | None => {}
    }
    Ok(())
}

/// A slot's fields, as `dita_kernel_get_slot_json` gives them.
#[rustfmt::skip]
pub const SLOT: [Field<SlotView>; 30] = [
    Field::required("slot_id", |s, n, v| { s.slot_id = read::whole(v, n)?; Ok(()) }),
    Field::optional("trade_id", |s, n, v| { s.trade_id = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("asset", |s, n, v| { s.asset = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("side", |s, n, v| { s.side = name!(TradeSide, v, n)?; Ok(()) }),
    Field::optional("entry_price", |s, n, v| { s.entry_price = read::price(v, n)?; Ok(()) }),
    Field::optional("size", |s, n, v| { s.size = read::size(v, n)?; Ok(()) }),
    Field::optional("initial_size", |s, n, v| { s.initial_size = read::size(v, n)?; Ok(()) }),
    Field::optional("leverage", |s, n, v| { s.leverage = read::price(v, n)?; Ok(()) }),
    Field::optional("entry_time", |s, n, v| { s.entry_time_ns = read::perhaps_time(v, n)?; Ok(()) }),
    Field::optional("unrealized_pnl", |s, n, v| { s.unrealized_pnl = read::money(v, n)?; Ok(()) }),
    Field::optional("realized_pnl", |s, n, v| { s.realized_pnl = read::money(v, n)?; Ok(()) }),
    Field::optional("closed", |s, n, v| { s.closed = read::flag(v, n)?; Ok(()) }),
    Field::optional("exit_leg_ratios", |s, n, v| { s.exit_leg_ratios = read::ratios(v, n)?; Ok(()) }),
    Field::optional("active_leg_index", |s, n, v| { s.active_leg_index = read::whole(v, n)?; Ok(()) }),
    Field::optional("active_entry_order", |s, n, v| { s.active_entry_order = order(v, n)?; Ok(()) }),
    Field::optional("active_exit_order", |s, n, v| newest_exit(s, order(v, n)?, v, n)),
    Field::optional("exit_orders", |s, n, v| {
        let newest = s.exit_orders.pop();
        s.exit_orders = orders(v, n)?;
        newest_exit(s, newest, v, n)
    }),
    Field::optional("fsm_state", |s, n, v| { s.fsm_state = name!(TradeStage, v, n)?; Ok(()) }),
    Field::optional("close_reason", |s, n, v| { s.close_reason = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("last_event_time", |s, n, v| { s.last_event_time_ns = read::perhaps_time(v, n)?; Ok(()) }),
    Field::optional("metadata", |s, n, v| { s.metadata = read::json(v, n)?; Ok(()) }),
    Field::optional("fees_paid", |s, n, v| { s.fees_paid = read::money(v, n)?; Ok(()) }),
    Field::optional("funding_net", |s, n, v| { s.funding_net = read::money(v, n)?; Ok(()) }),
    Field::optional("unprotected", |s, n, v| { s.unprotected = read::flag(v, n)?; Ok(()) }),
    Field::optional("cost", |s, n, v| { s.cost = read::money(v, n)?; Ok(()) }),
    Field::optional("contract_multiplier", |s, n, v| { s.contract_multiplier = read::price(v, n)?.unwrap_or(Decimal::ONE); Ok(()) }),
    Field::optional("inverse", |s, n, v| { s.inverse = read::flag(v, n)?; Ok(()) }),
    Field::optional("owner", |s, n, v| { s.owner = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("seen_event_ids", |s, n, v| { s.seen_event_ids = read::ids(v, n)?; Ok(()) }),
    Field::optional("exits", |s, n, v| { s.exits = exits(v, n)?; Ok(()) }),
];

/// A slot; what is left out follows from the others.
fn slot(value: &Value<'_>, place: &str) -> Result<SlotView, Wrong> {
    let mut view = blank_slot(0);
    read::fill_within(&mut view, &SLOT, value, place)?;
    let given = |name: &str| {
        read::object(value, place).is_ok_and(|fields| fields.iter().any(|(field, _)| field == name))
    };
    if !given("initial_size") {
        view.initial_size = view.size;
    }
    if !given("fsm_state") {
        view.fsm_state = match (view.closed, view.size.is_positive()) {
            (true, _) => TradeStage::Closed,
            (false, true) => TradeStage::PositionOpen,
            (false, false) => TradeStage::Idle,
        };
    }
    if given("closed") && view.closed != (view.fsm_state == TradeStage::Closed) {
        let why = format!("does not go with fsm_state {}", view.fsm_state.name());
        let wrong = Wrong::value("closed", if view.closed { "true" } else { "false" }, why);
        return Err(wrong.within(&format!("{place}.")));
    }
    if view.size.is_positive() && view.side == TradeSide::Flat {
        let wrong = Wrong::value("side", "FLAT", "is no side of a position: LONG or SHORT");
        return Err(wrong.within(&format!("{place}.")));
    }
    if view.fsm_state.is_free() && view.size.is_positive() {
        let why = format!("does not go with a position of {}", view.size);
        let wrong = Wrong::value("fsm_state", view.fsm_state.name(), why);
        return Err(wrong.within(&format!("{place}.")));
    }
    Ok(view)
}

/// Trades known from elsewhere, and the orders that they had at work.
pub struct Known {
    /// The trades; free slots are left out.
    pub slots: Vec<AdoptedSlot>,
    /// The orders at work: they are not taken, and must be attached.
    pub orders: Vec<(u32, Id)>,
}

/// Slots known from elsewhere.
///
/// # Errors
/// One that cannot be read, by its place.
pub fn known(value: &Value<'_>, field: &str) -> Result<Known, Wrong> {
    let mut known = Known { slots: Vec::new(), orders: Vec::new() };
    for (at, one) in read::list(value, field)?.iter().enumerate() {
        let place = format!("{field}[{at}]");
        let view = slot(one, &place)?;
        let orders = view.active_entry_order.iter().chain(&view.exit_orders).filter(|order| order.is_live());
        known.orders.extend(orders.map(|order| (view.slot_id, order.venue_client_id.clone())));
        if !view.fsm_state.is_free() {
            known.slots.push(adopted(view).map_err(|wrong| wrong.within(&format!("{place}.")))?);
        }
    }
    Ok(known)
}

fn adopted(view: SlotView) -> Result<AdoptedSlot, Wrong> {
    Ok(AdoptedSlot {
        slot_id: view.slot_id,
        entry_price: view.entry_price.ok_or_else(|| Wrong::missing("entry_price"))?,
        realized_pnl: read::of_money(view.realized_pnl, "realized_pnl")?,
        fees_paid: read::of_money(view.fees_paid, "fees_paid")?,
        funding_net: read::of_money(view.funding_net, "funding_net")?,
        leverage: view.leverage.unwrap_or(Decimal::ONE),
        entry_time_ns: view.entry_time_ns.unwrap_or_default(),
        trade_id: view.trade_id,
        owner: view.owner,
        asset: view.asset,
        side: view.side,
        size: view.size,
        initial_size: view.initial_size,
        exit_leg_ratios: view.exit_leg_ratios,
        metadata: view.metadata,
    })
}

/// An override's fields: what an operator changes of a slot.
#[rustfmt::skip]
pub const OVERRIDE: [Field<SlotOverride>; 17] = [
    Field::required("by", |o, n, v| { o.by = read::id(v, n)?; Ok(()) }),
    Field::required("reason", |o, n, v| { o.reason = read::long_text(v, n)?; Ok(()) }),
    Field::optional("trade_id", |o, n, v| { o.trade_id = Some(read::id(v, n)?); Ok(()) }),
    Field::optional("asset", |o, n, v| { o.asset = Some(read::id(v, n)?); Ok(()) }),
    Field::optional("side", |o, n, v| { o.side = Some(name!(TradeSide, v, n)?); Ok(()) }),
    Field::optional("size", |o, n, v| { o.size = Some(read::number(v, n)?); Ok(()) }),
    Field::optional("entry_price", |o, n, v| { o.entry_price = Some(read::number(v, n)?); Ok(()) }),
    Field::optional("initial_size", |o, n, v| { o.initial_size = Some(read::number(v, n)?); Ok(()) }),
    Field::optional("realized_pnl", |o, n, v| { o.realized_pnl = Some(read::number(v, n)?); Ok(()) }),
    Field::optional("leverage", |o, n, v| { o.leverage = Some(read::number(v, n)?); Ok(()) }),
    Field::optional("exit_leg_ratios", |o, n, v| { o.exit_leg_ratios = Some(read::ratios(v, n)?); Ok(()) }),
    Field::optional("close_reason", |o, n, v| { o.close_reason = Some(read::id(v, n)?); Ok(()) }),
    Field::optional("closed", |o, n, v| { o.closed = Some(read::flag(v, n)?); Ok(()) }),
    Field::optional("unprotected", |o, n, v| { o.unprotected = Some(read::flag(v, n)?); Ok(()) }),
    Field::optional("metadata", |o, n, v| { o.metadata = Some(read::json(v, n)?); Ok(()) }),
    Field::optional("entry_order", |o, n, v| { o.entry_order = Some(read::id(v, n)?); Ok(()) }),
    Field::optional("exit_order", |o, n, v| { o.exit_order = Some(read::id(v, n)?); Ok(()) }),
];

/// An operator's change of a slot.
///
/// # Errors
/// As [`intent`].
pub fn slot_override(slot_id: u32, given: &Fields<'_>) -> Result<SlotOverride, Wrong> {
    let mut change = SlotOverride::new(slot_id, Id::EMPTY, "".into());
    read::fill(&mut change, &OVERRIDE, given)?;
    Ok(change)
}

/// A fee's fields.
#[rustfmt::skip]
pub const FEE: [Field<FeeSample>; 7] = [
    Field::optional("asset", |s, n, v| { s.symbol = read::perhaps_id(v, n)?; Ok(()) }),
    Field::required("fill_price", |s, n, v| { s.price = read::number(v, n)?; Ok(()) }),
    Field::required("fill_qty", |s, n, v| { s.size = read::number(v, n)?; Ok(()) }),
    Field::required("actual_fee", |s, n, v| { s.fee = read::number(v, n)?; Ok(()) }),
    Field::optional("fee_asset", |s, n, v| { s.fee_asset = read::perhaps_id(v, n)?; Ok(()) }),
    Field::optional("order_side", |s, n, v| { s.order_side = perhaps_name!(OrderSide, v, n)?; Ok(()) }),
    Field::optional("liquidity", |s, n, v| { s.liquidity = perhaps_name!(Liquidity, v, n)?; Ok(()) }),
];

/// A fee that was seen.
///
/// # Errors
/// As [`intent`].
pub fn fee(given: &Fields<'_>) -> Result<FeeSample, Wrong> {
    let mut sample = FeeSample {
        symbol: Id::EMPTY,
        price: Decimal::ZERO,
        size: Decimal::ZERO,
        fee: Decimal::ZERO,
        fee_asset: Id::EMPTY,
        order_side: None,
        liquidity: Some(Liquidity::Taker),
    };
    read::fill(&mut sample, &FEE, given)?;
    Ok(sample)
}
