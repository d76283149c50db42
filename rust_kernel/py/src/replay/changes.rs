//! What if: a log with other rates, limits or latency.

use std::path::PathBuf;

use dita_engine::{AssetResult, Changes, Counts, RefusedIntent, TradeResult, WhatIf, WhatIfError};
use dita_kernel::id::Id;
use dita_kernel::input::RiskLimits;
use dita_kernel::num::Money;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::hex;
use super::watch::{disk, watched};
use crate::engine::calls::refused;
use crate::engine::settings::ControlUpdate;
use crate::errors::Error;
use crate::outcome::core_details;
use crate::{number, text};

/// Replays a log with changes, beside the log as it is. Rates are fractions, `latency_ns` is in nanoseconds; `limits` has
/// those that shall be others.
#[pyfunction]
#[pyo3(signature = (log_dir, *, taker_rate=None, maker_rate=None, symbol=None, limits=None, latency_ns=0, progress=None))]
#[allow(clippy::too_many_arguments)]
pub fn what_if<'py>(
    py: Python<'py>,
    log_dir: PathBuf,
    taker_rate: Option<&Bound<'py, PyAny>>,
    maker_rate: Option<&Bound<'py, PyAny>>,
    symbol: Option<&Bound<'py, PyAny>>,
    limits: Option<&Bound<'py, PyDict>>,
    latency_ns: i64,
    progress: Option<Py<PyAny>>,
) -> Result<Bound<'py, PyDict>, Error> {
    let rate =
        |value: Option<&Bound<'py, PyAny>>, name| value.map(|value| number::read(value, name)).transpose();
    let mut changes = Changes {
        taker_rate: rate(taker_rate, "taker_rate")?,
        maker_rate: rate(maker_rate, "maker_rate")?,
        symbol: Id::EMPTY,
        limits: RiskLimits::default(),
        latency_ns,
    };
    if let Some(symbol) = symbol {
        text::read_id(&mut changes.symbol, symbol, "symbol")?;
    }
    if let Some(limits) = limits {
        let keywords = PyDict::new(py);
        keywords.set_item("limits", limits)?;
        let change = ControlUpdate::read(Some(&keywords))?.change(&RiskLimits::default());
        changes.limits = change.limits.unwrap_or_default();
    }
    let disk = disk(log_dir);
    let found = watched(py, progress.as_ref(), |watch| match dita_engine::what_if(&disk, &changes, watch) {
        Ok(found) => Ok(Ok(found)),
        Err(WhatIfError::Replay(error)) => Err(error),
        Err(other) => Ok(Err(other)),
    })?;
    match found {
        Ok(found) => Ok(what_if_dict(py, &found)?),
        Err(WhatIfError::Field { field, why }) => Err(Error::text_value(field, "", why)),
        Err(WhatIfError::Refused(outcome)) => Err(refused(&outcome)),
        Err(WhatIfError::Replay(error)) => Err(crate::engine::log::refusal(&error)),
    }
}

fn pair(dict: &Bound<'_, PyDict>, name: &str, [then, now]: [Money; 2]) -> PyResult<()> {
    let py = dict.py();
    let row = PyDict::new(py);
    row.set_item("then", number::get_money(py, then)?)?;
    row.set_item("now", number::get_money(py, now)?)?;
    row.set_item("difference", number::get_money(py, now - then)?)?;
    dict.set_item(name, row)
}

fn what_if_dict<'py>(py: Python<'py>, found: &WhatIf) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("began", found.began)?;
    dict.set_item("replayed", found.replayed)?;
    let [then, now] = &found.state_hash;
    dict.set_item("state_hash_then", hex(then))?;
    dict.set_item("state_hash_now", hex(now))?;
    let assets = PyList::empty(py);
    for asset in &found.assets {
        assets.append(asset_dict(py, asset)?)?;
    }
    dict.set_item("assets", assets)?;
    dict.set_item("trades_all", found.trades_all)?;
    let trades = PyList::empty(py);
    for TradeResult { trade_id, asset, k } in &found.trades {
        let row = PyDict::new(py);
        row.set_item("trade_id", text::get_id(py, trade_id))?;
        row.set_item("asset", text::get_id(py, asset))?;
        pair(&row, "k", *k)?;
        trades.append(row)?;
    }
    dict.set_item("trades", trades)?;
    let refused = PyList::empty(py);
    for intent in &found.refused {
        refused.append(refused_dict(py, intent)?)?;
    }
    dict.set_item("refused", refused)?;
    dict.set_item("counts", counts_dict(py, &found.counts)?)?;
    Ok(dict)
}

fn asset_dict<'py>(py: Python<'py>, result: &AssetResult) -> PyResult<Bound<'py, PyDict>> {
    let AssetResult { asset, k, realized, fees, funding } = result;
    let row = PyDict::new(py);
    row.set_item("asset", text::get_id(py, asset))?;
    pair(&row, "k", *k)?;
    pair(&row, "realized_pnl", *realized)?;
    pair(&row, "fees_paid", *fees)?;
    pair(&row, "funding_net", *funding)?;
    Ok(row)
}

fn refused_dict<'py>(py: Python<'py>, intent: &RefusedIntent) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("seq", intent.seq)?;
    row.set_item("time_ns", intent.stamp_ns)?;
    row.set_item("intent_id", text::get_id(py, &intent.intent_id))?;
    row.set_item("trade_id", text::get_id(py, &intent.trade_id))?;
    row.set_item("code", intent.code.name())?;
    row.set_item("details", core_details(&intent.detail).to_dict(py)?)?;
    Ok(row)
}

fn counts_dict<'py>(py: Python<'py>, counts: &Counts) -> PyResult<Bound<'py, PyDict>> {
    let Counts {
        fills_taken,
        fills_made,
        fees_recomputed,
        fees_scaled,
        refused,
        followed,
        let_through,
        dropped,
        entries_changed,
        settled_ahead,
        unanswered,
        repriced,
        without_mark,
    } = *counts;
    let dict = PyDict::new(py);
    for (name, number) in [
        ("fills_taken", fills_taken),
        ("fills_made", fills_made),
        ("fees_recomputed", fees_recomputed),
        ("fees_scaled", fees_scaled),
        ("refused", refused),
        ("followed", followed),
        ("let_through", let_through),
        ("dropped", dropped),
        ("entries_changed", entries_changed),
        ("settled_ahead", settled_ahead),
        ("unanswered", unanswered),
        ("repriced", repriced),
        ("without_mark", without_mark),
    ] {
        dict.set_item(name, number)?;
    }
    Ok(dict)
}
