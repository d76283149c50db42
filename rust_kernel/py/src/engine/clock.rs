//! A live kernel's own clock: its timer, and how the clock stands.

use std::time::Duration;

use dita_engine::{CLOCK_SKEW_TOLD_NS, Clock};
use dita_kernel::names::KernelDiagnosticCode;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Engine, outside};
use crate::errors::Error;
use crate::names;

#[pymethods]
impl Engine {
    /// Starts the timer, where time is not driven; once. `late_ms`: a wake-up so much too late means that the process did
    /// not run. `waking` has `asleep(since_ns, lost_ns)` and `repair(since_ns) -> bool`.
    #[pyo3(signature = (late_ms, waking=None))]
    fn start_timer(&self, late_ms: i64, waking: Option<Py<PyAny>>) -> Result<(), Error> {
        outside::start_timer(&self.shared, late_ms, waking)
    }

    /// Ends the timer, and waits for that, at most so long; `false` where it is still at work.
    #[pyo3(signature = (patience_ms=None))]
    fn end_timer(&self, py: Python<'_>, patience_ms: Option<u64>) -> Result<bool, Error> {
        Ok(self.shared.end_timer(py, patience_ms.map(Duration::from_millis))?)
    }

    /// Has the timer believe that it wakes so much too late, ns: for tests, which should not wait for that.
    fn oversleep(&self, lost_ns: i64) {
        self.shared.oversleep(lost_ns);
    }

    /// How the clock stands.
    fn clock_standing<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let mut state = self.shared.open()?;
        let live = state.core.clock() == Clock::System;
        let skew_ns = if live { state.core.clock_skew_ns() } else { 0 };
        let down_ns = state.core.kernel().disconnected_since_ns();
        drop(state);
        let skewed = skew_ns.saturating_abs() > CLOCK_SKEW_TOLD_NS;
        let code = if skewed { KernelDiagnosticCode::ClockSkew } else { KernelDiagnosticCode::Ok };
        let timer = self.shared.timer();
        let dict = PyDict::new(py);
        dict.set_item("source", if live { "SYSTEM" } else { "MANUAL" })?;
        dict.set_item("diagnostic_code", names::get(py, code)?)?;
        dict.set_item("skew_ns", skew_ns)?;
        dict.set_item("timer", timer.runs)?;
        dict.set_item("wakes", timer.wakes)?;
        dict.set_item("late_wakes", timer.late_wakes)?;
        dict.set_item("disconnected_since_ns", down_ns)?;
        Ok(dict)
    }
}
