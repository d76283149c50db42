//! `KernelTransition`: one stage change of one slot.

use dita_engine::TransitionRecord;
use dita_kernel::id::Id;
use dita_kernel::names::{KernelMode, KernelVerbosity, TradeStage};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::details::Details;
use crate::record::{self, Shown};
use crate::{names, text, time};

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
    pub trigger: &'static str,
    /// The intent that caused it; empty when another input did.
    pub intent_id: Id,
    /// The venue event that caused it; empty when another input did.
    pub event_id: Id,
    /// The kernel's mode at that time.
    pub control_mode: KernelMode,
    /// The kernel's verbosity at that time.
    pub control_verbosity: KernelVerbosity,
    /// What else there is to say.
    pub details: Details,
    /// The input's sequence number.
    pub seq: u64,
    /// The transition table's row.
    pub rule: u16,
}

const NAMES: [Shown; 13] = [
    ("timestamp", true),
    ("trade_id", false),
    ("slot_id", false),
    ("prev_state", false),
    ("next_state", false),
    ("trigger", false),
    ("intent_id", false),
    ("event_id", false),
    ("control_mode", false),
    ("control_verbosity", false),
    ("details", false),
    ("seq", false),
    ("rule", false),
];

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
            trigger: record.trigger.name(),
            intent_id: record.intent_id.clone(),
            event_id: record.event_id.clone(),
            control_mode: record.mode,
            control_verbosity: record.verbosity,
            details: Details::EMPTY,
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
        self.view.trigger
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
    fn details<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.view.details.to_dict(py)
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
}
