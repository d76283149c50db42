//! `KernelOutcome`: what came of one input.

use dita_kernel::id::Id;
use dita_kernel::input::VenueEvent;
use dita_kernel::names::{KernelDiagnosticCode, Severity, TradeStage};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::details::Details;
use crate::record::{self, Shown};
use crate::transition::{KernelTransition, TransitionView};
use crate::venue_event::VenueEvent as PyVenueEvent;
use crate::{names, text};

/// An outcome as plain data: nothing becomes a Python object before it is read.
#[derive(Clone, PartialEq, Debug)]
pub struct OutcomeView {
    /// The kernel's own verdict; what the venue says comes as later events.
    pub accepted: bool,
    /// The slot, where one is concerned.
    pub slot_id: Option<u32>,
    /// The trade, where one is concerned.
    pub trade_id: Id,
    /// The slot's stage after the input.
    pub state: TradeStage,
    /// Why the kernel said what it said.
    pub diagnostic_code: KernelDiagnosticCode,
    /// How bad it is.
    pub severity: Severity,
    /// The stage changes, in the order in which they happened.
    pub transitions: Vec<TransitionView>,
    /// The venue's events, where the venue answered at once.
    pub emitted_events: Vec<VenueEvent>,
    /// What else there is to say: `field` and `value`, `reason`, `retry_after_ms`, limits.
    pub details: Details,
}

const NAMES: [Shown; 9] = [
    ("accepted", false),
    ("slot_id", false),
    ("trade_id", false),
    ("state", false),
    ("diagnostic_code", false),
    ("severity", false),
    ("transitions", false),
    ("emitted_events", false),
    ("details", false),
];

/// What came of one input, frozen.
#[pyclass(frozen, module = "dita._kernel")]
pub struct KernelOutcome {
    view: OutcomeView,
}

impl From<OutcomeView> for KernelOutcome {
    #[inline]
    fn from(view: OutcomeView) -> KernelOutcome {
        KernelOutcome { view }
    }
}

impl KernelOutcome {
    /// The plain data.
    #[inline]
    pub fn view(&self) -> &OutcomeView {
        &self.view
    }
}

#[pymethods]
impl KernelOutcome {
    /// The kernel's own verdict; what the venue says comes as later events.
    #[getter]
    fn accepted(&self) -> bool {
        self.view.accepted
    }

    /// The slot, where one is concerned.
    #[getter]
    fn slot_id(&self) -> Option<u32> {
        self.view.slot_id
    }

    /// The trade, where one is concerned.
    #[getter]
    fn trade_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.trade_id)
    }

    /// The slot's stage after the input.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.state)
    }

    /// Why the kernel said what it said.
    #[getter]
    fn diagnostic_code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.diagnostic_code)
    }

    /// How bad it is.
    #[getter]
    fn severity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.severity)
    }

    /// The stage changes, in the order in which they happened: a tuple of KernelTransition.
    #[getter]
    fn transitions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let made = self
            .view
            .transitions
            .iter()
            .map(|transition| Bound::new(py, KernelTransition::from(transition.clone())));
        PyTuple::new(py, made.collect::<PyResult<Vec<_>>>()?)
    }

    /// The venue's events, where the venue answered at once: a tuple of VenueEvent.
    #[getter]
    fn emitted_events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let made =
            self.view.emitted_events.iter().map(|event| Bound::new(py, PyVenueEvent::from(event.clone())));
        PyTuple::new(py, made.collect::<PyResult<Vec<_>>>()?)
    }

    /// What else there is to say: `field` and `value`, `reason`, `retry_after_ms`, limits.
    #[getter]
    fn details<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.view.details.to_dict(py)
    }

    /// Every field by name; times are int nanoseconds.
    fn to_dict<'py>(slf: &Bound<'py, KernelOutcome>) -> PyResult<Bound<'py, PyDict>> {
        record::to_dict_of(slf.as_any(), &NAMES)
    }

    fn __repr__(slf: &Bound<'_, KernelOutcome>) -> PyResult<String> {
        record::repr_of(slf.as_any(), &NAMES)
    }

    fn __eq__(&self, other: &KernelOutcome) -> bool {
        self.view == other.view
    }
}
