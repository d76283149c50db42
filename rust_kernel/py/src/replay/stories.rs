//! Stories out of a log: of one trade, and of the difference between K and E.

use std::path::PathBuf;

use dita_engine::{
    DriftChange, DriftStory, PartStory, Story, StoryStep, TradeFigures, drift_story, kind_name, kind_of,
    story,
};
use dita_kernel::id::Id;
use dita_kernel::num::Money;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::inputs::{Sheet, input_dict};
use super::steps::{Deeds, step_dict};
use super::until;
use super::watch::{disk, watched};
use crate::errors::Error;
use crate::{number, text};

fn money(dict: &Bound<'_, PyDict>, name: &str, amount: Money) -> PyResult<()> {
    dict.set_item(name, number::get_money(dict.py(), amount)?)
}

/// Everything in a log that had to do with a trade, as a dict.
#[pyfunction]
#[pyo3(signature = (log_dir, trade_id, *, progress=None))]
pub fn explain_trade<'py>(
    py: Python<'py>,
    log_dir: PathBuf,
    trade_id: &Bound<'py, PyAny>,
    progress: Option<Py<PyAny>>,
) -> Result<Bound<'py, PyDict>, Error> {
    let mut id = Id::EMPTY;
    text::read_id(&mut id, trade_id, "trade_id")?;
    if id.is_empty() {
        return Err(Error::text_value("trade_id", "''", "must not be empty"));
    }
    let disk = disk(log_dir);
    let found = watched(py, progress.as_ref(), |watch| story(&disk, &id, watch))?;
    Ok(story_dict(py, &found)?)
}

fn story_dict<'py>(py: Python<'py>, story: &Story) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("trade_id", text::get_id(py, &story.trade_id))?;
    dict.set_item("began", story.began)?;
    dict.set_item("replayed", story.replayed)?;
    let steps = PyList::empty(py);
    for step in &story.steps {
        steps.append(story_step_dict(py, step)?)?;
    }
    dict.set_item("steps", steps)?;
    dict.set_item("steps_left_out", story.steps_left_out)?;
    dict.set_item("figures", story.figures.as_ref().map(|it| figures_dict(py, it)).transpose()?)?;
    Ok(dict)
}

fn story_step_dict<'py>(py: Python<'py>, step: &StoryStep) -> PyResult<Bound<'py, PyDict>> {
    let deeds = Deeds {
        transitions: &step.transitions,
        notices: &step.notices,
        commands: &step.commands,
        booked: step.booked.iter().map(|(transaction, asset)| (transaction, asset.clone())).collect(),
        booked_missing: step.booked_missing,
    };
    let dict = step_dict(py, &step.step, &deeds)?;
    money(&dict, "funding", step.funding)?;
    Ok(dict)
}

fn figures_dict<'py>(py: Python<'py>, figures: &TradeFigures) -> PyResult<Bound<'py, PyDict>> {
    let sheet = Sheet::new(py);
    sheet.0.set_item("slot_id", figures.slot_id)?;
    sheet.id("symbol", &figures.symbol)?;
    sheet.name("side", Some(figures.side.name()))?;
    sheet.name("stage", Some(figures.stage.name()))?;
    sheet.id("asset", &figures.asset)?;
    sheet.number("initial_size", figures.initial_size)?;
    sheet.number("size", figures.size)?;
    sheet.0.set_item("entry_price", number::get_optional(py, figures.entry_price)?)?;
    money(&sheet.0, "realized_pnl", figures.realized)?;
    money(&sheet.0, "unrealized_pnl", figures.unrealized)?;
    money(&sheet.0, "fees_paid", figures.fees)?;
    money(&sheet.0, "funding_net", figures.funding)?;
    sheet.0.set_item("close_reason", text::get_id(py, &figures.close_reason))?;
    Ok(sheet.0)
}

/// Where the difference between K and E comes from, by asset, as a dict.
#[pyfunction]
#[pyo3(signature = (log_dir, *, until_seq=None, until_ns=None, progress=None))]
pub fn explain_drift<'py>(
    py: Python<'py>,
    log_dir: PathBuf,
    until_seq: Option<u64>,
    until_ns: Option<i64>,
    progress: Option<Py<PyAny>>,
) -> Result<Bound<'py, PyDict>, Error> {
    let disk = disk(log_dir);
    let until = until(until_seq, until_ns);
    let found = watched(py, progress.as_ref(), |watch| drift_story(&disk, until, watch))?;
    let dict = PyDict::new(py);
    dict.set_item("began", found.began)?;
    dict.set_item("replayed", found.replayed)?;
    dict.set_item("seq", found.seq)?;
    dict.set_item("now_ns", (found.seq > 0).then_some(found.now_ns))?;
    let assets = PyList::empty(py);
    for asset in &found.assets {
        assets.append(drift_dict(py, asset)?)?;
    }
    dict.set_item("assets", assets)?;
    Ok(dict)
}

fn drift_dict<'py>(py: Python<'py>, drift: &DriftStory) -> PyResult<Bound<'py, PyDict>> {
    let optional = |amount: Option<Money>| amount.map(|amount| number::get_money(py, amount)).transpose();
    let dict = PyDict::new(py);
    dict.set_item("asset", text::get_id(py, &drift.asset))?;
    money(&dict, "k", drift.k)?;
    dict.set_item("e", optional(drift.e)?)?;
    dict.set_item("delta", optional(drift.report.delta)?)?;
    money(&dict, "tolerance", drift.report.tolerance)?;
    dict.set_item("status", drift.report.status.name())?;
    dict.set_item("explanation", &drift.report.explanation)?;
    dict.set_item("frame_ns", drift.frame_ns)?;
    dict.set_item("parted", drift.parted.as_ref().map(|it| change_dict(py, it)).transpose()?)?;
    let parts = PyList::empty(py);
    for part in &drift.parts {
        parts.append(part_dict(py, part)?)?;
    }
    dict.set_item("parts", parts)?;
    Ok(dict)
}

fn part_dict<'py>(py: Python<'py>, story: &PartStory) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("cause", story.part.cause.name())?;
    money(&dict, "amount", story.part.amount)?;
    dict.set_item("proof", story.part.proof.name())?;
    let references = story.part.references.iter().map(|id| text::get_id(py, id));
    dict.set_item("references", PyList::new(py, references)?)?;
    dict.set_item("arose", change_dict(py, &story.arose)?)?;
    let changes = PyList::empty(py);
    for change in &story.changes {
        changes.append(change_dict(py, change)?)?;
    }
    dict.set_item("changes", changes)?;
    dict.set_item("changes_all", story.changes_all)?;
    Ok(dict)
}

fn change_dict<'py>(py: Python<'py>, change: &DriftChange) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("seq", change.seq)?;
    dict.set_item("time_ns", change.stamp_ns)?;
    dict.set_item("type", kind_name(kind_of(&change.input)))?;
    dict.set_item("input", input_dict(py, &change.input)?)?;
    money(&dict, "amount", change.amount)?;
    money(&dict, "delta", change.delta)?;
    Ok(dict)
}
