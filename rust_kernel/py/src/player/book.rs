//! `Book`: what a strategy hears of the order book.

use dita_kernel::num::Decimal;
use dita_play::{Backend, Player as Core, float};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use super::backend::{Failed, Play};
use crate::engine::Shared;
use crate::{number, time};

/// So many levels of a side are shown.
pub const LEVELS_MAX: usize = 50;

/// Bids and asks, each with the best first.
type Levels = [Vec<(Decimal, Decimal)>; 2];

/// The order book after a change, as the venue has it. It never changes.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Book {
    #[pyo3(get)]
    symbol: Py<PyString>,
    #[pyo3(get)]
    time_ns: i64,
    levels: Levels,
}

/// The venue's book of a market.
pub fn levels(py: Python<'_>, core: &Core, market: usize, shared: &Shared) -> Result<Levels, Failed> {
    let Some(symbol) = core.symbols().get(market) else { return Ok(Levels::default()) };
    Play::holding(shared, py).read(|engine| {
        let venue = engine.simulated_venue();
        venue.and_then(|venue| venue.book(symbol, LEVELS_MAX)).unwrap_or_default()
    })
}

impl Book {
    pub fn of(py: Python<'_>, symbol: Py<PyString>, time_ns: i64, levels: Levels) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, Book { symbol, time_ns, levels })?.into_any())
    }
}

fn exact<'py>(py: Python<'py>, &(price, size): &(Decimal, Decimal)) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, [number::get(py, price)?, number::get(py, size)?])
}

fn exact_list<'py>(
    py: Python<'py>,
    levels: &[(Decimal, Decimal)],
    count: usize,
) -> PyResult<Bound<'py, PyList>> {
    let shown = levels.iter().take(count).map(|one| exact(py, one)).collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, shown)
}

fn floats(levels: &[(Decimal, Decimal)], count: usize) -> Vec<(f64, f64)> {
    levels.iter().take(count).map(|&(price, size)| (float(price), float(size))).collect()
}

#[pymethods]
impl Book {
    /// Price and size of the best bid; None where nobody bids.
    #[getter]
    fn best_bid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.levels[0].first().map(|one| exact(py, one)).transpose()
    }

    /// Price and size of the best ask; None where nobody asks.
    #[getter]
    fn best_ask<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.levels[1].first().map(|one| exact(py, one)).transpose()
    }

    /// The best bids with their sizes, at most so many, the best first.
    #[pyo3(signature = (count=LEVELS_MAX))]
    fn bids<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyList>> {
        exact_list(py, &self.levels[0], count)
    }

    /// The best asks with their sizes, at most so many, the best first.
    #[pyo3(signature = (count=LEVELS_MAX))]
    fn asks<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyList>> {
        exact_list(py, &self.levels[1], count)
    }

    /// The best bids for indicators.
    #[pyo3(signature = (count=LEVELS_MAX))]
    fn bids_float(&self, count: usize) -> Vec<(f64, f64)> {
        floats(&self.levels[0], count)
    }

    /// The best asks for indicators.
    #[pyo3(signature = (count=LEVELS_MAX))]
    fn asks_float(&self, count: usize) -> Vec<(f64, f64)> {
        floats(&self.levels[1], count)
    }

    /// When it was, UTC.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get(py, self.time_ns)
    }
}
