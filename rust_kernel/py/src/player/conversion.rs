//! `CaptureConversion`: raw captures on their way into a file of columns.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dita_play::read::Tolerance;
use dita_play::{Conversion, Misplaced};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::markets::{message, named};

/// Converts raw captures of one instrument, each of which goes on where the one before it ends, into one file of columns.
/// What cannot be raises `ValueError(message, line, capture)`: the capture by its place, `None` for the file that is written.
#[pyclass(frozen, module = "dita._kernel")]
pub struct CaptureConversion {
    core: Mutex<Option<Conversion>>,
}

impl CaptureConversion {
    fn core(&self) -> MutexGuard<'_, Option<Conversion>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn misplaced(py: Python<'_>, Misplaced { capture, fault }: &Misplaced) -> PyErr {
    match message(py, fault) {
        Ok(message) => PyValueError::new_err((message, fault.line, *capture)),
        Err(error) => error,
    }
}

fn ended() -> PyErr {
    PyRuntimeError::new_err("the conversion has ended")
}

#[pymethods]
impl CaptureConversion {
    #[new]
    #[pyo3(signature = (captures, out, *, allow_late_lines=false, skip_bad_lines=false))]
    fn new(
        py: Python<'_>,
        captures: Vec<PathBuf>,
        out: PathBuf,
        allow_late_lines: bool,
        skip_bad_lines: bool,
    ) -> PyResult<CaptureConversion> {
        let tolerance = Tolerance { late_lines: allow_late_lines, bad_lines: skip_bad_lines };
        let opened = Conversion::open(captures, &out, tolerance);
        let core = Mutex::new(Some(opened.map_err(|wrong| misplaced(py, &wrong))?));
        Ok(CaptureConversion { core })
    }

    /// Converts so many events; false where there are no more.
    fn step(&self, py: Python<'_>, events: u32) -> PyResult<bool> {
        let stepped = py.detach(|| self.core().as_mut().map(|core| core.step(events)));
        stepped.ok_or_else(ended)?.map_err(|wrong| misplaced(py, &wrong))
    }

    /// How much of the captures has been read, from 0 to 1.
    #[getter]
    fn fraction(&self) -> f64 {
        self.core().as_ref().map_or(1.0, Conversion::fraction)
    }

    /// The instrument.
    #[getter]
    fn symbol(&self) -> PyResult<String> {
        self.core().as_ref().map(|core| core.symbol().to_owned()).ok_or_else(ended)
    }

    /// Ends the file, gives it its name, and says what the captures told, with the bytes that were `written`.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let core = self.core().take().ok_or_else(ended)?;
        let converted = py.detach(|| core.finish()).map_err(|wrong| misplaced(py, &wrong))?;
        let counts = named(py, &converted.counts)?;
        counts.set_item("written", converted.written)?;
        Ok(counts)
    }

    /// Gives it up: what was written is removed.
    fn close(&self) {
        self.core().take();
    }
}
