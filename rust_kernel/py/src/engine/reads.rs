//! What the kernel shows as plain dicts: account, ledger, positions, control, the transition table.

use dita_engine::form::{FieldValue, FieldValues};
use dita_engine::{AccountFigures, BotRow, account, bot_rows, json};
use dita_kernel::calibration::Calibration;
use dita_kernel::exchange::Exchange;
use dita_kernel::id::Id;
use dita_kernel::kernel::{Control, Kernel, Standing};
use dita_kernel::ledger::Transaction;
use dita_kernel::names::{Origin, PositionSide, TradeStage};
use dita_kernel::num::{Decimal, Money};
use dita_kernel::position::Basis;
use dita_kernel::slot::table::{Rule, TABLE, rule_number};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::{names, number, text, time};

/// An asset's figures, copied out of the core.
pub struct AccountView {
    name: Id,
    figures: AccountFigures,
    exchange: Exchange,
    bots: Vec<BotRow>,
    seq: u64,
}

/// One asset, or nothing where the kernel has none of that name.
pub fn account_view(kernel: &Kernel, name: &Id) -> Option<AccountView> {
    let place = kernel.asset_of(name)?;
    Some(AccountView {
        name: name.clone(),
        figures: account(kernel, place)?,
        exchange: kernel.assets().get(usize::from(place))?.exchange,
        bots: bot_rows(kernel, place),
        seq: kernel.seq(),
    })
}

/// The asset that an account without a name means: the first instrument's settlement asset, else the first asset.
pub fn settlement_asset(kernel: &Kernel) -> Option<Id> {
    let settle = kernel.instruments().first().map(|rules| rules.spec.settle.clone());
    settle.or_else(|| kernel.assets().first().map(|asset| asset.name.clone()))
}

fn money_or_none(py: Python<'_>, amount: Option<Money>) -> PyResult<Bound<'_, PyAny>> {
    match amount {
        Some(amount) => number::get_money(py, amount),
        None => Ok(py.None().into_bound(py)),
    }
}

impl AccountView {
    /// The asset.
    pub fn name(&self) -> &Id {
        &self.name
    }

    /// The same as JSON, for people who look on; without the number of the input.
    pub fn to_json(&self) -> String {
        json::account(self.name.as_str(), &self.figures, &self.exchange, &self.bots)
    }

    /// As kernel.md section 8 names it.
    pub fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (figures, exchange) = (&self.figures, &self.exchange);
        let dict = PyDict::new(py);
        dict.set_item("asset", text::get_id(py, &self.name))?;
        for (name, amount) in [
            ("capital", figures.capital),
            ("equity", figures.equity),
            ("realized_pnl", figures.realized_pnl),
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
            dict.set_item(name, number::get_money(py, amount)?)?;
        }
        dict.set_item("open_positions", figures.open_positions)?;
        dict.set_item("leverage", number::get(py, figures.leverage)?)?;
        for (name, amount) in [
            ("e_wallet_balance", exchange.wallet_balance),
            ("e_available_margin", exchange.available_margin),
            ("e_used_margin", exchange.used_margin),
            ("e_maint_margin", exchange.maint_margin),
            ("reconcile_delta", figures.report.delta),
        ] {
            dict.set_item(name, money_or_none(py, amount)?)?;
        }
        dict.set_item("margin_status", names::get(py, figures.margin_status)?)?;
        dict.set_item(
            "assumed_tiers",
            PyTuple::new(py, figures.assumed_tiers.iter().map(|id| text::get_id(py, id)))?,
        )?;
        dict.set_item("reconcile_status", names::get(py, figures.report.status)?)?;
        dict.set_item("reconcile_explanation", &figures.report.explanation)?;
        dict.set_item("reconcile_causes", self.causes(py)?)?;
        if !self.bots.is_empty() {
            dict.set_item("bots", bots_list(py, &self.name, &self.bots)?)?;
        }
        dict.set_item("event_seq", self.seq)?;
        Ok(dict)
    }

    fn causes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let causes = PyList::empty(py);
        for part in &self.figures.report.parts {
            let cause = PyDict::new(py);
            cause.set_item("cause", part.cause.name())?;
            cause.set_item("amount", number::get_money(py, part.amount)?)?;
            cause.set_item("proof", part.proof.name())?;
            cause.set_item(
                "references",
                PyList::new(py, part.references.iter().map(|id| text::get_id(py, id)))?,
            )?;
            causes.append(cause)?;
        }
        Ok(causes)
    }
}

/// A ratio of one at 1e-18.
const ONE: i128 = 1_000_000_000_000_000_000;

/// What the newest fee that was seen says, and what is known of the rates.
pub fn calibration_dict<'py>(
    py: Python<'py>,
    calibration: &Calibration,
    asset: &Id,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    if let Some(reading) = &calibration.meter.last {
        let deviation =
            reading.ratio.map(|ratio| Money((ratio.0 - ONE).saturating_abs().saturating_mul(100)));
        let status = match deviation {
            None if reading.expected == reading.actual => "OK",
            Some(deviation) if deviation.0 < ONE => "OK",
            Some(deviation) if deviation.0 < ONE.saturating_mul(5) => "WARN",
            Some(_) | None => "ERROR",
        };
        dict.set_item("expected_fee", number::get_money(py, reading.expected)?)?;
        dict.set_item("expected_fee_asset", text::get_id(py, asset))?;
        dict.set_item("actual_fee", number::get_money(py, reading.actual)?)?;
        dict.set_item("ratio", money_or_none(py, reading.ratio)?)?;
        dict.set_item("deviation_pct", money_or_none(py, deviation)?)?;
        dict.set_item("calibration_status", status)?;
        dict.set_item("why", reading.why.name())?;
        dict.set_item("implied_rate", number::get_optional(py, reading.implied_rate)?)?;
    }
    dict.set_item("calibration_ratio", money_or_none(py, calibration.meter.ratio_ema)?)?;
    dict.set_item("calibration_samples", calibration.meter.samples)?;
    dict.set_item("configured_rate", number::get(py, calibration.configured)?)?;
    dict.set_item("observed_rate", number::get(py, calibration.observed)?)?;
    let changes = PyList::empty(py);
    for change in &calibration.changes {
        let row = PyDict::new(py);
        row.set_item("seq", change.seq)?;
        row.set_item("rate", number::get(py, change.rate)?)?;
        changes.append(row)?;
    }
    dict.set_item("rate_changes", changes)?;
    Ok(dict)
}

/// One transaction with its asset's name.
pub fn transaction_dict<'py>(
    py: Python<'py>,
    transaction: &Transaction,
    asset: &Id,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("number", transaction.number)?;
    dict.set_item("seq", transaction.seq)?;
    dict.set_item("asset", text::get_id(py, asset))?;
    dict.set_item("cause", transaction.cause.name())?;
    dict.set_item("from", transaction.from.name())?;
    dict.set_item("to", transaction.to.name())?;
    dict.set_item("amount", number::get_money(py, transaction.amount)?)?;
    dict.set_item("slot_id", transaction.slot_id)?;
    dict.set_item("trade_id", text::get_id(py, &transaction.trade_id))?;
    dict.set_item("reference", text::get_id(py, &transaction.reference))?;
    Ok(dict)
}

/// The remembered transactions for another process, by the names of [`transaction_dict`].
pub fn transaction_rows(kernel: &Kernel) -> Vec<FieldValues> {
    let id = |id: &Id| FieldValue::Text(id.as_str().into());
    // Both count from 1, and never so far.
    let whole = |number: u64| FieldValue::Whole(number.try_into().unwrap_or(i64::MAX));
    let row = |it: &Transaction| {
        let asset = &kernel.assets().get(usize::from(it.asset))?.name;
        let fields = [
            ("number", whole(it.number)),
            ("seq", whole(it.seq)),
            ("asset", id(asset)),
            ("cause", FieldValue::Text(it.cause.name().into())),
            ("from", FieldValue::Text(it.from.name().into())),
            ("to", FieldValue::Text(it.to.name().into())),
            ("amount", FieldValue::Money(it.amount)),
            ("slot_id", it.slot_id.map_or(FieldValue::Nothing, |slot_id| FieldValue::Whole(slot_id.into()))),
            ("trade_id", id(&it.trade_id)),
            ("reference", id(&it.reference)),
        ];
        Some(fields_of(fields))
    };
    kernel.ledger().recent().filter_map(row).collect()
}

fn fields_of<const N: usize>(fields: [(&str, FieldValue); N]) -> FieldValues {
    FieldValues(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// The rows of an account by its bots, with the asset's name.
pub fn bots_of(kernel: &Kernel, asset: Option<Id>) -> Option<(Id, Vec<BotRow>)> {
    let name = asset.or_else(|| settlement_asset(kernel))?;
    let rows = bot_rows(kernel, kernel.asset_of(&name)?);
    Some((name, rows))
}

/// A list of rows of bots.
pub fn bots_list<'py>(py: Python<'py>, asset: &Id, rows: &[BotRow]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for row in rows {
        let dict = PyDict::new(py);
        dict.set_item("bot", text::get_id(py, &row.standing.bot.name))?;
        dict.set_item("kind", row.kind)?;
        dict.set_item("asset", text::get_id(py, asset))?;
        for (name, amount) in row.amounts() {
            dict.set_item(name, number::get_money(py, amount)?)?;
        }
        dict.set_item("slots", row.standing.slots)?;
        if let Some(notional) = row.notional() {
            dict.set_item("notional", number::get_money(py, notional)?)?;
            dict.set_item("max_slots", row.max_slots())?;
            for (name, limit) in row.limits() {
                dict.set_item(name, limit.map(|limit| number::get_money(py, limit)).transpose()?)?;
            }
        }
        list.append(dict)?;
    }
    Ok(list)
}

/// A position in a book.
pub struct PositionView {
    symbol: Id,
    side: PositionSide,
    size: Decimal,
    entry_price: Option<Decimal>,
    cost: Money,
    unrealized: Money,
    margin: Option<PositionMargin>,
    /// As the venue last reported it, and that less what is booked; absent where this is no venue's book.
    reported: Option<(Decimal, Decimal)>,
    /// How it came to belong to no slot; absent in a venue's book.
    origin: Option<Origin>,
}

/// The venue's positions as the kernel books them, beside what the venue last reported: those of which either says
/// that they are not flat.
pub fn positions(kernel: &Kernel) -> Vec<PositionView> {
    let mut found = Vec::new();
    let standings = standings(kernel);
    for (place, rules) in (0_u32..).zip(kernel.instruments()) {
        let reported = kernel.reported(place);
        for ((basis, side), reported) in kernel.book(place).into_iter().zip(PositionSide::ALL).zip(reported) {
            let told = reported.map(|reported| reported.qty);
            if basis.qty.is_zero() && told.is_none_or(|told| told.is_zero()) {
                continue;
            }
            let mut position = position(kernel, &standings, place, &basis, *side);
            position.reported =
                told.map(|told| (rules.qty_decimal(told), rules.qty_decimal(told - basis.qty)));
            found.push(position);
        }
    }
    found
}

/// What of them belongs to no slot: a row for each origin.
pub fn unassigned(kernel: &Kernel) -> Vec<PositionView> {
    let mut found = Vec::new();
    let standings = standings(kernel);
    for (place, _) in (0_u32..).zip(kernel.instruments()) {
        for (held, side) in kernel.unassigned_parts(place).into_iter().zip(PositionSide::ALL) {
            for (origin, basis) in held.by_origin().into_iter().filter(|(_, basis)| !basis.qty.is_zero()) {
                let position = position(kernel, &standings, place, &basis, *side);
                found.push(PositionView { origin: Some(origin), ..position });
            }
        }
    }
    found
}

/// What stands behind each asset's positions, by asset.
fn standings(kernel: &Kernel) -> Vec<Standing> {
    (0_u16..).zip(kernel.assets()).map(|(asset, _)| kernel.standing(asset)).collect()
}

fn position(
    kernel: &Kernel,
    standings: &[Standing],
    place: u32,
    basis: &Basis,
    side: PositionSide,
) -> PositionView {
    let rules = &kernel.instruments()[place as usize];
    PositionView {
        symbol: rules.spec.symbol.clone(),
        side,
        size: rules.qty_decimal(basis.qty),
        entry_price: rules.average_price(basis.cost, basis.qty).map(|price| rules.price_decimal(price)),
        cost: basis.cost,
        unrealized: kernel.unrealized(place, basis),
        margin: position_margin(kernel, standings, place, basis, side),
        reported: None,
        origin: None,
    }
}

/// What a position of a derivative must hold.
struct PositionMargin {
    initial: Money,
    maintenance: Money,
    liquidation_price: Option<Decimal>,
}

/// `None` for spot, which is paid for, and for a flat position.
fn position_margin(
    kernel: &Kernel,
    standings: &[Standing],
    place: u32,
    basis: &Basis,
    side: PositionSide,
) -> Option<PositionMargin> {
    let rules = kernel.instruments().get(place as usize)?;
    let held = kernel.position_margin(place, basis)?;
    let price = kernel.liquidation_price(place, side, standings.get(usize::from(rules.settle))?);
    Some(PositionMargin {
        initial: held.initial,
        maintenance: held.maintenance,
        liquidation_price: price.map(|price| rules.price_decimal(price)),
    })
}

impl PositionView {
    /// The same for another process.
    pub fn told_with_report(&self) -> FieldValues {
        let number = |value: Option<Decimal>| value.map_or(FieldValue::Nothing, FieldValue::Number);
        let money = |value: Option<Money>| value.map_or(FieldValue::Nothing, FieldValue::Money);
        let held = self.margin.as_ref();
        fields_of([
            ("symbol", FieldValue::Text(self.symbol.as_str().into())),
            ("position_side", FieldValue::Text(self.side.name().into())),
            ("size", FieldValue::Number(self.size)),
            ("entry_price", number(self.entry_price)),
            ("cost", FieldValue::Money(self.cost)),
            ("unrealized_pnl", FieldValue::Money(self.unrealized)),
            ("initial_margin", money(held.map(|held| held.initial))),
            ("maint_margin", money(held.map(|held| held.maintenance))),
            ("liquidation_price", number(held.and_then(|held| held.liquidation_price))),
            ("reported_size", number(self.reported.map(|(size, _)| size))),
            ("difference", number(self.reported.map(|(_, difference)| difference))),
        ])
    }

    /// By the names of POSITION_UPDATE; `size` and `cost` are signed, + long.
    pub fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("symbol", text::get_id(py, &self.symbol))?;
        dict.set_item("position_side", names::get(py, self.side)?)?;
        dict.set_item("size", number::get(py, self.size)?)?;
        dict.set_item("entry_price", number::get_optional(py, self.entry_price)?)?;
        dict.set_item("cost", number::get_money(py, self.cost)?)?;
        dict.set_item("unrealized_pnl", number::get_money(py, self.unrealized)?)?;
        let money = |value: Option<Money>| value.map(|value| number::get_money(py, value)).transpose();
        let held = self.margin.as_ref();
        dict.set_item("initial_margin", money(held.map(|held| held.initial))?)?;
        dict.set_item("maint_margin", money(held.map(|held| held.maintenance))?)?;
        let price = held.and_then(|held| held.liquidation_price);
        dict.set_item("liquidation_price", number::get_optional(py, price)?)?;
        if let Some(origin) = self.origin {
            dict.set_item("origin", origin.name())?;
        }
        Ok(dict)
    }

    /// With what the venue reported: `reported_size`, and `difference`, that less `size`; `None` before a report.
    pub fn to_dict_with_report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = self.to_dict(py)?;
        dict.set_item("reported_size", number::get_optional(py, self.reported.map(|(size, _)| size))?)?;
        dict.set_item("difference", number::get_optional(py, self.reported.map(|(_, gap)| gap))?)?;
        Ok(dict)
    }
}

/// What the guards have done by themselves.
pub struct GuardView {
    kill_switch: bool,
    freeze_events: u64,
    last_freeze_reason: String,
    last_freeze_symbol: Id,
}

/// Copies it out of the core.
pub fn guard_view(kernel: &Kernel) -> GuardView {
    let guard = kernel.guard();
    GuardView {
        kill_switch: guard.kill_switch(),
        freeze_events: guard.freeze_events(),
        last_freeze_reason: guard.last_freeze_reason().to_owned(),
        last_freeze_symbol: guard.last_freeze_symbol().clone(),
    }
}

/// The controls.
pub fn control_dict<'py>(
    py: Python<'py>,
    control: &Control,
    guard: &GuardView,
) -> PyResult<Bound<'py, PyDict>> {
    let given = &control.limits.given;
    let limits = PyDict::new(py);
    for (name, value) in given.decimals() {
        limits.set_item(name, number::get_optional(py, value)?)?;
    }
    for (name, value) in given.counts() {
        limits.set_item(name, value)?;
    }
    limits.set_item("edge_freeze_cancels", names::get_optional(py, given.edge_freeze_cancels)?)?;
    let dict = PyDict::new(py);
    dict.set_item("mode", names::get(py, control.mode)?)?;
    dict.set_item("gate", names::get(py, control.gate)?)?;
    dict.set_item("verbosity", names::get(py, control.verbosity)?)?;
    dict.set_item("debug_clickhouse_enabled", control.debug_clickhouse_enabled)?;
    dict.set_item("frozen", control.frozen)?;
    dict.set_item("limits", limits)?;
    dict.set_item("kill_switch", guard.kill_switch)?;
    dict.set_item("freeze_events", guard.freeze_events)?;
    dict.set_item("last_freeze_reason", &guard.last_freeze_reason)?;
    dict.set_item("last_freeze_symbol", text::get_id(py, &guard.last_freeze_symbol))?;
    dict.set_item("require_audit", control.require_audit)?;
    dict.set_item("regime", names::get(py, control.regime)?)?;
    dict.set_item(
        "audited",
        PyTuple::new(py, control.audited.iter().map(|id| text::get_id(py, id)).collect::<Vec<_>>())?,
    )?;
    dict.set_item("version", control.version)?;
    dict.set_item("updated_by", text::get_id(py, &control.updated_by))?;
    dict.set_item("updated_at", time::get_optional(py, control.changed_at_ns())?)?;
    Ok(dict)
}

/// The kernel's transition table, a row per cell: (stage, symbol, verdict, next stage or code, rule number).
/// The verdict is GO, IGNORE or REFUSE.
#[pyfunction]
pub fn transition_table(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let rows = PyList::empty(py);
    for (symbol, cells) in &TABLE {
        for (stage, cell) in TradeStage::ALL.iter().zip(cells) {
            let (verdict, result) = match cell {
                Rule::Go(next) => ("GO", names::get(py, *next)?),
                Rule::Ignore(code) => ("IGNORE", names::get(py, *code)?),
                Rule::Refuse(code) => ("REFUSE", names::get(py, *code)?),
            };
            let number = rule_number(*stage, *symbol);
            let row = PyTuple::new(
                py,
                [
                    names::get(py, *stage)?,
                    pyo3::types::PyString::new(py, symbol.name()).into_any(),
                    pyo3::types::PyString::new(py, verdict).into_any(),
                    result,
                    number.into_pyobject(py)?.into_any(),
                ],
            )?;
            rows.append(row)?;
        }
    }
    Ok(rows)
}
