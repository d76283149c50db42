//! A step of a replay as a plain dict: the input, what came of it, what followed.

use dita_engine::{Step, kind_name};
use dita_kernel::effect::{Command, Notice, Transition};
use dita_kernel::id::Id;
use dita_kernel::ledger::Transaction;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::inputs::{Sheet, input_dict};
use crate::engine::reads::transaction_dict;
use crate::number;
use crate::outcome::core_details;

/// What a step did.
pub struct Deeds<'a> {
    pub transitions: &'a [Transition],
    pub notices: &'a [Notice],
    pub commands: &'a [Command],
    pub booked: Vec<(&'a Transaction, Id)>,
    pub booked_missing: u64,
}

/// The step as a dict. Times are int nanoseconds, names are text.
pub fn step_dict<'py>(py: Python<'py>, step: &Step, deeds: &Deeds<'_>) -> PyResult<Bound<'py, PyDict>> {
    let outcome = &step.outcome;
    let dict = PyDict::new(py);
    dict.set_item("seq", step.seq)?;
    dict.set_item("time_ns", step.stamp_ns)?;
    dict.set_item("epoch", step.epoch)?;
    dict.set_item("type", kind_name(step.kind))?;
    dict.set_item("input", input_dict(py, &step.input)?)?;
    dict.set_item("accepted", outcome.accepted)?;
    dict.set_item("accepted_then", step.accepted_then)?;
    dict.set_item("code", outcome.code.name())?;
    dict.set_item("severity", outcome.severity.name())?;
    dict.set_item("slot_id", outcome.slot_id)?;
    dict.set_item("state", outcome.state.map(|state| state.name()))?;
    dict.set_item("details", core_details(&outcome.detail).to_dict(py)?)?;
    dict.set_item("transitions", rows(py, deeds.transitions, transition_dict)?)?;
    dict.set_item("notices", rows(py, deeds.notices, notice_dict)?)?;
    dict.set_item("requests", rows(py, deeds.commands, command_dict)?)?;
    let booked = deeds.booked.iter().map(|(transaction, asset)| transaction_dict(py, transaction, asset));
    dict.set_item("ledger", PyList::new(py, booked.collect::<PyResult<Vec<_>>>()?)?)?;
    dict.set_item("ledger_missing", deeds.booked_missing)?;
    Ok(dict)
}

fn rows<'py, T>(
    py: Python<'py>,
    items: &[T],
    row: impl Fn(Python<'py>, &T) -> PyResult<Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, items.iter().map(|item| row(py, item)).collect::<PyResult<Vec<_>>>()?)
}

fn transition_dict<'py>(py: Python<'py>, change: &Transition) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("slot_id", change.slot_id)?;
    dict.set_item("prev_state", change.prev_state.name())?;
    dict.set_item("next_state", change.next_state.name())?;
    dict.set_item("trigger", change.trigger.name())?;
    dict.set_item("rule", change.rule)?;
    Ok(dict)
}

fn notice_dict<'py>(py: Python<'py>, notice: &Notice) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("code", notice.code.name())?;
    dict.set_item("severity", notice.severity.name())?;
    dict.set_item("slot_id", notice.slot_id)?;
    Ok(dict)
}

fn command_dict<'py>(py: Python<'py>, command: &Command) -> PyResult<Bound<'py, PyDict>> {
    let sheet = Sheet::new(py);
    let kind = match command {
        Command::Submit(order) => {
            sheet.id("venue_client_id", &order.venue_client_id)?;
            sheet.id("trade_id", &order.trade_id)?;
            sheet.0.set_item("slot_id", order.slot_id)?;
            sheet.id("asset", &order.asset)?;
            sheet.name("side", Some(order.side.name()))?;
            sheet.name("order_side", Some(order.order_side.name()))?;
            sheet.name("order_type", Some(order.order_type.name()))?;
            sheet.name("time_in_force", Some(order.time_in_force.name()))?;
            sheet.0.set_item("post_only", order.post_only)?;
            sheet.0.set_item("reduce_only", order.reduce_only)?;
            sheet.number("size", order.size)?;
            sheet.0.set_item("limit_price", number::get_optional(py, order.limit_price)?)?;
            sheet.0.set_item("trigger_price", number::get_optional(py, order.trigger_price)?)?;
            "SUBMIT"
        }
        Command::Cancel(request) | Command::Query(request) => {
            sheet.id("venue_client_id", &request.venue_client_id)?;
            sheet.id("venue_order_id", &request.venue_order_id)?;
            sheet.id("asset", &request.asset)?;
            sheet.0.set_item("slot_id", request.slot_id)?;
            if matches!(command, Command::Cancel(_)) { "CANCEL" } else { "QUERY" }
        }
        Command::Amend(request) => {
            sheet.id("venue_client_id", &request.venue_client_id)?;
            sheet.id("venue_order_id", &request.venue_order_id)?;
            sheet.id("request_id", &request.request_id)?;
            sheet.id("asset", &request.asset)?;
            sheet.0.set_item("slot_id", request.slot_id)?;
            sheet.number("size", request.size)?;
            sheet.number("limit_price", request.limit_price)?;
            sheet.number("trigger_price", request.trigger_price)?;
            "AMEND"
        }
        Command::SetLeverage { symbol, leverage } => {
            sheet.id("asset", symbol)?;
            sheet.number("leverage", *leverage)?;
            "SET_LEVERAGE"
        }
    };
    sheet.0.set_item("type", kind)?;
    Ok(sheet.0)
}
