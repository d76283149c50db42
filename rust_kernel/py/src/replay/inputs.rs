//! The log's inputs as plain dicts.

use dita_kernel::id::Id;
use dita_kernel::input::{
    AccountEvent, AdoptedSlots, ControlChange, EffectResult, FeeSample, FundingTerms, Input, InstrumentSpec,
    OpeningState, RecalledEvent, RiskLimits, SlotOverride, Verdict,
};
use dita_kernel::num::Decimal;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::intent::KernelIntent;
use crate::venue_event::VenueEvent;
use crate::{bounds, number, text};

/// A dict that is filled row by row; what is absent is left out.
pub struct Sheet<'py>(pub Bound<'py, PyDict>);

impl<'py> Sheet<'py> {
    /// An empty one.
    pub fn new(py: Python<'py>) -> Sheet<'py> {
        Sheet(PyDict::new(py))
    }

    /// An id, where there is one.
    pub fn id(&self, name: &str, id: &Id) -> PyResult<()> {
        if id.is_empty() { Ok(()) } else { self.0.set_item(name, text::get_id(self.0.py(), id)) }
    }

    /// A number, where there is one.
    pub fn number(&self, name: &str, value: impl Into<Option<Decimal>>) -> PyResult<()> {
        match value.into() {
            Some(value) => self.0.set_item(name, number::get(self.0.py(), value)?),
            None => Ok(()),
        }
    }

    /// A public name, where there is one.
    pub fn name(&self, name: &str, value: Option<&'static str>) -> PyResult<()> {
        value.map_or(Ok(()), |value| self.0.set_item(name, value))
    }

    /// Free text, where there is some.
    pub fn text(&self, name: &str, value: &str) -> PyResult<()> {
        if value.is_empty() { Ok(()) } else { self.0.set_item(name, value) }
    }
}

/// An input as a dict of what it says; what is absent is left out. Times are int nanoseconds.
pub fn input_dict<'py>(py: Python<'py>, input: &Input) -> PyResult<Bound<'py, PyDict>> {
    let sheet = Sheet::new(py);
    match input {
        Input::Intent(intent) => return record(Bound::new(py, KernelIntent::from((**intent).clone()))?),
        Input::Venue(event) => return record(Bound::new(py, VenueEvent::from((**event).clone()))?),
        Input::Account(event) => account(&sheet, event)?,
        Input::Instrument(spec) => instrument(&sheet, spec)?,
        Input::Listed(listed) => instrument(&sheet, &listed.0)?,
        Input::Seed { asset, amount } => {
            sheet.id("asset", asset)?;
            sheet.number("amount", *amount)?;
        }
        Input::Mark { symbol, price, venue_time_ns, ages } => {
            sheet.id("symbol", symbol)?;
            sheet.number("price", *price)?;
            sheet.0.set_item("venue_time", venue_time_ns)?;
            sheet.0.set_item("ages", ages)?;
        }
        Input::Time | Input::Restart => {}
        Input::Capacity { max_slots, remembered_orders } => {
            sheet.0.set_item("max_slots", max_slots)?;
            sheet.0.set_item("remembered_orders", remembered_orders)?;
        }
        Input::Bots(transfer) => {
            sheet.id("transfer_id", &transfer.transfer_id)?;
            sheet.id("from", &transfer.from)?;
            sheet.id("to", &transfer.to)?;
            sheet.id("asset", &transfer.asset)?;
            sheet.number("amount", transfer.amount)?;
            sheet.0.set_item("opens", transfer.opens)?;
            sheet.id("by", &transfer.by)?;
        }
        Input::BotLimits(limits) => {
            sheet.id("bot", &limits.bot)?;
            sheet.id("asset", &limits.asset)?;
            limits.max_slots.map_or(Ok(()), |count| sheet.0.set_item("max_slots", count))?;
            sheet.number("max_order_notional", limits.max_order_notional)?;
            sheet.number("max_notional", limits.max_notional)?;
            sheet.id("by", &limits.by)?;
        }
        Input::Effect(result) => effect(&sheet, result)?,
        Input::Control(change) => control(&sheet, change)?,
        Input::Opening(opening) => self::opening(&sheet, opening)?,
        Input::Funding(terms) => funding(&sheet, terms)?,
        Input::Adopt(adopted) => adopt(&sheet, adopted)?,
        Input::Override(change) => slot_override(&sheet, change)?,
        Input::Calibration(sample) => calibration(&sheet, sample)?,
        Input::Edge { symbol, edge_bps } => {
            sheet.id("symbol", symbol)?;
            sheet.number("edge_bps", *edge_bps)?;
        }
        Input::Recalled(recalled) => {
            let seq = match recalled.verdict {
                Verdict::Booked { seq } | Verdict::Removed { seq, .. } => Some(seq),
                Verdict::NotBooked => None,
            };
            sheet.0.set_item("booked_seq", seq)?;
            let event = match &recalled.event {
                RecalledEvent::Venue(event) => record(Bound::new(py, VenueEvent::from((**event).clone()))?)?,
                RecalledEvent::Account(event) => {
                    let sheet = Sheet::new(py);
                    account(&sheet, event)?;
                    sheet.0
                }
                RecalledEvent::Intent(intent) => {
                    record(Bound::new(py, KernelIntent::from((**intent).clone()))?)?
                }
            };
            sheet.0.set_item("event", event)?;
        }
    }
    Ok(sheet.0)
}

/// A value type's own dict, without what is absent.
fn record<'py, T>(record: Bound<'py, T>) -> PyResult<Bound<'py, PyDict>> {
    let whole = record.into_any().call_method0("to_dict")?.cast_into::<PyDict>().map_err(PyErr::from)?;
    let short = PyDict::new(whole.py());
    for (name, value) in whole {
        let is_empty = value.len().is_ok_and(|length| length == 0);
        if !value.is_none() && !is_empty {
            short.set_item(name, value)?;
        }
    }
    Ok(short)
}

fn account(sheet: &Sheet<'_>, event: &AccountEvent) -> PyResult<()> {
    sheet.name("kind", Some(event.kind.name()))?;
    sheet.0.set_item("timestamp", event.timestamp_ns)?;
    for (name, id) in [
        ("event_id", &event.event_id),
        ("venue_txn_id", &event.venue_txn_id),
        ("asset", &event.asset),
        ("symbol", &event.symbol),
        ("venue_trade_id", &event.venue_trade_id),
        ("fee_asset", &event.fee_asset),
    ] {
        sheet.id(name, id)?;
    }
    for (name, value) in [
        ("amount", event.amount),
        ("realized_pnl", event.realized_pnl),
        ("fee", event.fee),
        ("wallet_balance", event.wallet_balance),
        ("available_margin", event.available_margin),
        ("used_margin", event.used_margin),
        ("maint_margin", event.maint_margin),
        ("size", event.size),
        ("entry_price", event.entry_price),
        ("rate", event.rate),
        ("mark_price", event.mark_price),
    ] {
        sheet.number(name, value)?;
    }
    event.venue_sequence.map_or(Ok(()), |number| sheet.0.set_item("venue_sequence", number))?;
    sheet.name("position_side", event.position_side.map(|side| side.name()))
}

fn instrument(sheet: &Sheet<'_>, spec: &InstrumentSpec) -> PyResult<()> {
    for (name, id) in [
        ("symbol", &spec.symbol),
        ("base", &spec.base),
        ("quote", &spec.quote),
        ("settle", &spec.settle),
        ("fee_asset", &spec.fee_asset),
    ] {
        sheet.id(name, id)?;
    }
    sheet.name("product", Some(spec.product.name()))?;
    sheet.0.set_item("inverse", spec.inverse)?;
    sheet.name("margin_convention", Some(spec.margin_convention.name()))?;
    sheet.name("margin_mode", Some(spec.margin_mode.name()))?;
    sheet.name("opposite_slots", Some(spec.opposite_slots.name()))?;
    sheet.name("pair_off", Some(spec.pair_off.name()))?;
    for (name, value) in [
        ("tick_size", Some(spec.tick_size)),
        ("lot_step", Some(spec.lot_step)),
        ("min_qty", spec.min_qty),
        ("max_qty", spec.max_qty),
        ("min_notional", spec.min_notional),
        ("max_price", spec.max_price),
        ("contract_multiplier", Some(spec.contract_multiplier)),
        ("maker_rate", Some(spec.maker_rate)),
        ("taker_rate", Some(spec.taker_rate)),
        ("leverage", Some(spec.leverage)),
        ("market_max_qty", spec.bounds.as_ref().and_then(|bounds| bounds.market_max_qty)),
    ] {
        sheet.number(name, value)?;
    }
    let Some(bounds) = &spec.bounds else { return Ok(()) };
    if let Some(band) = bounds::get_band(sheet.0.py(), bounds.price_band)? {
        sheet.0.set_item("price_band", band)?;
    }
    for (name, count) in
        [("max_open_orders", bounds.max_open_orders), ("max_open_stops", bounds.max_open_stops)]
    {
        count.map_or(Ok(()), |count| sheet.0.set_item(name, count))?;
    }
    Ok(())
}

fn effect(sheet: &Sheet<'_>, result: &EffectResult) -> PyResult<()> {
    match result {
        EffectResult::LeverageSet { symbol, leverage } => {
            sheet.name("kind", Some("LEVERAGE_SET"))?;
            sheet.id("symbol", symbol)?;
            sheet.number("leverage", *leverage)
        }
        EffectResult::LeverageRefused { symbol, reason } => {
            sheet.name("kind", Some("LEVERAGE_REFUSED"))?;
            sheet.id("symbol", symbol)?;
            sheet.text("reason", reason)
        }
        EffectResult::NotSent { venue_client_id, reason } => {
            sheet.name("kind", Some("NOT_SENT"))?;
            sheet.id("venue_client_id", venue_client_id)?;
            sheet.text("reason", reason)
        }
    }
}

fn control(sheet: &Sheet<'_>, change: &ControlChange) -> PyResult<()> {
    sheet.name("mode", change.mode.map(|mode| mode.name()))?;
    sheet.name("gate", change.gate.map(|gate| gate.name()))?;
    sheet.name("verbosity", change.verbosity.map(|verbosity| verbosity.name()))?;
    sheet.name("regime", change.regime.map(|regime| regime.name()))?;
    for (name, flag) in [
        ("frozen", change.frozen),
        ("kill_switch", change.kill_switch),
        ("require_audit", change.require_audit),
        ("debug_clickhouse_enabled", change.debug_clickhouse_enabled),
    ] {
        if let Some(flag) = flag {
            sheet.0.set_item(name, flag)?;
        }
    }
    if let Some(limits) = &change.limits {
        let rows = Sheet::new(sheet.0.py());
        self::limits(&rows, limits)?;
        sheet.0.set_item("limits", rows.0)?;
    }
    let audited: Vec<_> = change.audited.iter().map(|id| text::get_id(sheet.0.py(), id)).collect();
    if !audited.is_empty() {
        sheet.0.set_item("audited", audited)?;
    }
    sheet.id("updated_by", &change.updated_by)
}

fn limits(sheet: &Sheet<'_>, limits: &RiskLimits) -> PyResult<()> {
    for (name, value) in limits.decimals() {
        sheet.number(name, value)?;
    }
    for (name, count) in limits.counts() {
        if let Some(count) = count {
            sheet.0.set_item(name, count)?;
        }
    }
    sheet.name("edge_freeze_cancels", limits.edge_freeze_cancels.map(|scope| scope.name()))
}

fn opening(sheet: &Sheet<'_>, opening: &OpeningState) -> PyResult<()> {
    let py = sheet.0.py();
    sheet.0.set_item("timestamp", opening.timestamp_ns)?;
    let balances = PyDict::new(py);
    for (asset, amount) in &opening.balances {
        balances.set_item(text::get_id(py, asset), number::get(py, *amount)?)?;
    }
    sheet.0.set_item("balances", balances)?;
    let mut positions = Vec::new();
    for position in &opening.positions {
        let row = Sheet::new(py);
        row.id("symbol", &position.symbol)?;
        row.name("position_side", Some(position.position_side.name()))?;
        row.number("size", position.size)?;
        row.number("entry_price", position.entry_price)?;
        positions.push(row.0);
    }
    sheet.0.set_item("positions", positions)?;
    let mut orders = Vec::new();
    for order in &opening.orders {
        let row = Sheet::new(py);
        row.id("symbol", &order.symbol)?;
        row.id("venue_order_id", &order.venue_order_id)?;
        row.id("venue_client_id", &order.venue_client_id)?;
        row.name("order_side", Some(order.order_side.name()))?;
        row.name("order_type", Some(order.order_type.name()))?;
        row.number("size", order.size)?;
        row.number("filled_size", order.filled_size)?;
        row.number("price", order.price)?;
        orders.push(row.0);
    }
    sheet.0.set_item("orders", orders)
}

fn funding(sheet: &Sheet<'_>, terms: &FundingTerms) -> PyResult<()> {
    sheet.id("symbol", &terms.symbol)?;
    sheet.number("rate", terms.rate)?;
    sheet.number("mark_price", terms.mark_price)?;
    sheet.0.set_item("next_boundary", terms.next_boundary_ns)?;
    sheet.0.set_item("interval_secs", terms.interval_secs)
}

fn adopt(sheet: &Sheet<'_>, adopted: &AdoptedSlots) -> PyResult<()> {
    sheet.id("by", &adopted.by)?;
    let mut slots = Vec::new();
    for slot in &adopted.slots {
        let row = Sheet::new(sheet.0.py());
        row.0.set_item("slot_id", slot.slot_id)?;
        row.id("trade_id", &slot.trade_id)?;
        row.id("asset", &slot.asset)?;
        row.name("side", Some(slot.side.name()))?;
        row.number("size", slot.size)?;
        row.number("entry_price", slot.entry_price)?;
        slots.push(row.0);
    }
    sheet.0.set_item("slots", slots)
}

fn slot_override(sheet: &Sheet<'_>, change: &SlotOverride) -> PyResult<()> {
    sheet.0.set_item("slot_id", change.slot_id)?;
    sheet.id("by", &change.by)?;
    sheet.text("reason", &change.reason)?;
    for (name, id) in [
        ("trade_id", &change.trade_id),
        ("asset", &change.asset),
        ("close_reason", &change.close_reason),
        ("entry_order", &change.entry_order),
        ("exit_order", &change.exit_order),
    ] {
        if let Some(id) = id {
            sheet.id(name, id)?;
        }
    }
    for (name, value) in [
        ("size", change.size),
        ("entry_price", change.entry_price),
        ("initial_size", change.initial_size),
        ("realized_pnl", change.realized_pnl),
        ("leverage", change.leverage),
    ] {
        sheet.number(name, value)?;
    }
    sheet.name("side", change.side.map(|side| side.name()))?;
    for (name, flag) in [("closed", change.closed), ("unprotected", change.unprotected)] {
        if let Some(flag) = flag {
            sheet.0.set_item(name, flag)?;
        }
    }
    Ok(())
}

fn calibration(sheet: &Sheet<'_>, sample: &FeeSample) -> PyResult<()> {
    sheet.id("symbol", &sample.symbol)?;
    sheet.number("price", sample.price)?;
    sheet.number("size", sample.size)?;
    sheet.number("fee", sample.fee)?;
    sheet.id("fee_asset", &sample.fee_asset)?;
    sheet.name("order_side", sample.order_side.map(|side| side.name()))?;
    sheet.name("liquidity", sample.liquidity.map(|liquidity| liquidity.name()))
}
