//! `KernelTransition`: one stage change of one slot.

use dita_engine::TransitionRecord;
use dita_kernel::id::Id;
use dita_kernel::names::{KernelMode, KernelVerbosity, TradeStage};
use dita_kernel::slot::table::{Symbol, rule_number};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::Error;
use crate::record::{self, Field, Shown};
use crate::{names, number, text, time};

/// A stage change with its circumstances, as plain data.
#[derive(Clone, PartialEq, Debug)]
pub struct TransitionView {
    /// The kernel's time of the input that caused it. Nanoseconds since 1970-01-01 UTC.
    pub timestamp_ns: i64,
    /// The trade.
    pub trade_id: Id,
    /// The slot.
    pub slot_id: u32,
    /// The stage before.
    pub prev_state: TradeStage,
    /// The stage after.
    pub next_state: TradeStage,
    /// What happened, in the transition table's words.
    pub trigger: Symbol,
    /// The intent that caused it; empty when another input did.
    pub intent_id: Id,
    /// The venue event that caused it; empty when another input did.
    pub event_id: Id,
    /// The kernel's mode at that time.
    pub control_mode: KernelMode,
    /// The kernel's verbosity at that time.
    pub control_verbosity: KernelVerbosity,
    /// What else there is to say, as canonical JSON; empty when nothing.
    pub details: Box<str>,
    /// The input's sequence number.
    pub seq: u64,
    /// The transition table's row.
    pub rule: u16,
}

/// Every field in the constructor's order.
#[rustfmt::skip]
const FIELDS: [Field<TransitionView>; 13] = [
    Field::required_time("timestamp", |t, n, v| { t.timestamp_ns = time::read(v, n)?; Ok(()) }),
    Field::required("trade_id", |t, n, v| text::read_id(&mut t.trade_id, v, n)),
    Field::required("slot_id", |t, n, v| { t.slot_id = text::read_own_slot(v, n)?.ok_or_else(|| Error::missing(n))?; Ok(()) }),
    Field::required("prev_state", |t, n, v| { t.prev_state = names::read(v, n)?; Ok(()) }),
    Field::required("next_state", |t, n, v| { t.next_state = names::read(v, n)?; Ok(()) }),
    Field::required("trigger", read_trigger),
    Field::optional("intent_id", |t, n, v| text::read_optional_id(&mut t.intent_id, v, n)),
    Field::optional("event_id", |t, n, v| text::read_optional_id(&mut t.event_id, v, n)),
    Field::optional("control_mode", |t, n, v| { t.control_mode = names::read(v, n)?; Ok(()) }),
    Field::optional("control_verbosity", |t, n, v| { t.control_verbosity = names::read(v, n)?; Ok(()) }),
    Field::optional("details", |t, n, v| { t.details = text::read_json(v, n)?; Ok(()) }),
    Field::optional("seq", |t, n, v| { t.seq = number::read_whole(v, n)?; Ok(()) }),
    Field::optional("rule", |t, n, v| { t.rule = number::read_whole(v, n)?; Ok(()) }),
];
const NAMES: [Shown; FIELDS.len()] = record::shown_names(&FIELDS);

fn read_trigger(
    transition: &mut TransitionView,
    name: &'static str,
    value: &Bound<'_, PyAny>,
) -> Result<(), Error> {
    let mut trigger = Id::EMPTY;
    text::read_id(&mut trigger, value, name)?;
    match Symbol::from_name(trigger.as_str()) {
        Some(symbol) => transition.trigger = symbol,
        None => return Err(Error::value(name, value, "is no word of the transition table")),
    }
    Ok(())
}

/// A transition from its fields by name; the rule is the table's row where it is not given.
fn read(fields: &Bound<'_, PyDict>) -> Result<TransitionView, Error> {
    record::check_required(&FIELDS, fields)?;
    let mut view = TransitionView {
        timestamp_ns: 0,
        trade_id: Id::EMPTY,
        slot_id: 0,
        prev_state: TradeStage::Idle,
        next_state: TradeStage::Idle,
        trigger: Symbol::Enter,
        intent_id: Id::EMPTY,
        event_id: Id::EMPTY,
        control_mode: KernelMode::Paper,
        control_verbosity: KernelVerbosity::Normal,
        details: "".into(),
        seq: 0,
        rule: 0,
    };
    record::apply_changes(&mut view, &FIELDS, fields)?;
    if !fields.contains("rule")? {
        view.rule = rule_number(view.prev_state, view.trigger);
    }
    Ok(view)
}

/// One stage change of one slot, frozen.
#[pyclass(frozen, module = "dita._kernel")]
pub struct KernelTransition {
    view: TransitionView,
}

impl From<TransitionView> for KernelTransition {
    #[inline]
    fn from(view: TransitionView) -> KernelTransition {
        KernelTransition { view }
    }
}

impl From<&TransitionRecord> for KernelTransition {
    fn from(record: &TransitionRecord) -> KernelTransition {
        KernelTransition::from(TransitionView {
            timestamp_ns: record.timestamp_ns,
            trade_id: record.trade_id.clone(),
            slot_id: record.slot_id,
            prev_state: record.prev_state,
            next_state: record.next_state,
            trigger: record.trigger,
            intent_id: record.intent_id.clone(),
            event_id: record.event_id.clone(),
            control_mode: record.mode,
            control_verbosity: record.verbosity,
            details: "".into(),
            seq: record.seq,
            rule: record.rule,
        })
    }
}

impl KernelTransition {
    /// The plain data.
    #[inline]
    pub fn view(&self) -> &TransitionView {
        &self.view
    }
}

#[pymethods]
impl KernelTransition {
    #[new]
    #[pyo3(
        signature = (**fields),
        text_signature = "(*, timestamp, trade_id, slot_id, prev_state, next_state, trigger, intent_id='', \
            event_id='', control_mode='PAPER', control_verbosity='NORMAL', details=None, seq=0, rule=None)"
    )]
    fn new(fields: Option<&Bound<'_, PyDict>>) -> Result<KernelTransition, Error> {
        match fields {
            Some(fields) => read(fields).map(KernelTransition::from),
            None => Err(Error::missing("timestamp")),
        }
    }

    /// A transition from what `to_dict` gave.
    #[staticmethod]
    fn from_dict(fields: &Bound<'_, PyAny>) -> Result<KernelTransition, Error> {
        read(&record::items(fields, "fields")?).map(KernelTransition::from)
    }

    /// The kernel's time of the input that caused it. Aware UTC `datetime`, truncated to microseconds.
    #[getter]
    fn timestamp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get(py, self.view.timestamp_ns)
    }

    /// The kernel's time of the input that caused it. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn timestamp_ns(&self) -> i64 {
        self.view.timestamp_ns
    }

    /// The trade.
    #[getter]
    fn trade_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.trade_id)
    }

    /// The slot.
    #[getter]
    fn slot_id(&self) -> u32 {
        self.view.slot_id
    }

    /// The stage before.
    #[getter]
    fn prev_state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.prev_state)
    }

    /// The stage after.
    #[getter]
    fn next_state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.next_state)
    }

    /// What happened, in the transition table's words.
    #[getter]
    fn trigger(&self) -> &'static str {
        self.view.trigger.name()
    }

    /// The intent that caused it; empty when another input did.
    #[getter]
    fn intent_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.intent_id)
    }

    /// The venue event that caused it; empty when another input did.
    #[getter]
    fn event_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.event_id)
    }

    /// The kernel's mode at that time.
    #[getter]
    fn control_mode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.control_mode)
    }

    /// The kernel's verbosity at that time.
    #[getter]
    fn control_verbosity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.control_verbosity)
    }

    /// What else there is to say.
    #[getter]
    fn details<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text::get_json(py, &self.view.details)
    }

    /// The input's sequence number.
    #[getter]
    fn seq(&self) -> u64 {
        self.view.seq
    }

    /// The transition table's row.
    #[getter]
    fn rule(&self) -> u16 {
        self.view.rule
    }

    /// Every field by name; times are int nanoseconds.
    fn to_dict<'py>(slf: &Bound<'py, KernelTransition>) -> PyResult<Bound<'py, PyDict>> {
        record::to_dict_of(slf.as_any(), &NAMES)
    }

    fn __repr__(slf: &Bound<'_, KernelTransition>) -> PyResult<String> {
        record::repr_of(slf.as_any(), &NAMES)
    }

    fn __eq__(&self, other: &KernelTransition) -> bool {
        self.view == other.view
    }

    fn __getnewargs_ex__<'py>(
        slf: &Bound<'py, KernelTransition>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        Ok((PyTuple::empty(slf.py()), record::to_dict_of(slf.as_any(), &NAMES)?))
    }
}
