//! `OrderBook`: a live order book, from raw messages.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dita_play::depth::{Level, OrderBook as Core, Said, Verdict};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use super::fault_error;
use crate::number;

/// An instrument's order book, made of a venue's raw messages (Binance's depth stream and snapshots). Exact, and shown only
/// while it is known to be whole. Threads may share it.
#[pyclass(frozen, module = "dita._kernel")]
pub struct OrderBook {
    core: Mutex<Core>,
}

impl OrderBook {
    /// Nothing of Python's is called while it is held, so nobody waits for long.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn level<'py>(py: Python<'py>, (price, size): Level) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, [number::get(py, price)?, number::get(py, size)?])
}

fn levels<'py>(py: Python<'py>, levels: Vec<Level>) -> PyResult<Bound<'py, PyList>> {
    let levels = levels.into_iter().map(|one| level(py, one)).collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, levels)
}

fn word(said: Said) -> &'static str {
    match said {
        Said::Nothing => "nothing",
        Said::Depth(Verdict::Used) => "used",
        Said::Depth(Verdict::Waiting) => "waiting",
        Said::Depth(Verdict::Stale) => "stale",
        Said::Depth(Verdict::Gap) => "gap",
        Said::Crossed => "crossed",
    }
}

#[pymethods]
impl OrderBook {
    #[new]
    fn new(symbol: &str) -> OrderBook {
        OrderBook { core: Mutex::new(Core::new(symbol)) }
    }

    /// Takes a raw message: "used", "waiting", "stale", "gap", "crossed" or "nothing". Raises `ValueError(message, None)` for
    /// one that cannot be read.
    fn take(&self, py: Python<'_>, message: &Bound<'_, PyAny>) -> PyResult<&'static str> {
        let said = if let Ok(text) = message.cast::<PyString>() {
            self.core().take(text.to_str()?)
        } else {
            let bytes = message.cast::<PyBytes>()?.as_bytes();
            let text = std::str::from_utf8(bytes)
                .map_err(|_| dita_play::Fault::text("the message is not UTF-8 text"));
            text.and_then(|text| self.core().take(text))
        };
        said.map(word).map_err(|fault| fault_error(py, &fault))
    }

    /// Forgets the book, as where the stream was cut: a snapshot is needed.
    fn reset(&self) {
        self.core().reset();
    }

    /// The instrument.
    #[getter]
    fn symbol(&self) -> String {
        self.core().symbol().to_owned()
    }

    /// True while there is no book that may be used: fetch a snapshot and give it to `take`.
    #[getter]
    fn needs_snapshot(&self) -> bool {
        self.core().needs_snapshot()
    }

    /// The venue's number of the last update that the book holds.
    #[getter]
    fn last_update(&self) -> Option<u64> {
        self.core().last_update()
    }

    /// Price and size of the best bid.
    #[getter]
    fn best_bid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let best = self.core().bids(1).pop();
        best.map(|one| level(py, one)).transpose()
    }

    /// Price and size of the best ask.
    #[getter]
    fn best_ask<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let best = self.core().asks(1).pop();
        best.map(|one| level(py, one)).transpose()
    }

    /// The best bids with their sizes, at most so many, the best first.
    #[pyo3(signature = (count=usize::MAX))]
    fn bids<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyList>> {
        let found = self.core().bids(count);
        levels(py, found)
    }

    /// The best asks with their sizes, at most so many, the best first.
    #[pyo3(signature = (count=usize::MAX))]
    fn asks<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyList>> {
        let found = self.core().asks(count);
        levels(py, found)
    }

    /// What was seen so far, by name.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (counts, (levels, crossed), (bids, asks)) = {
            let core = self.core();
            (core.counts(), core.applied(), core.depth())
        };
        let dict = PyDict::new(py);
        for (name, count) in [
            ("updates", counts.updates),
            ("snapshots", counts.snapshots),
            ("gaps", counts.gaps),
            ("crossed", crossed),
            ("stale", counts.stale),
            ("unused", counts.unused),
            ("levels", levels),
            ("bids", bids as u64),
            ("asks", asks as u64),
        ] {
            dict.set_item(name, count)?;
        }
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let side = |best: Option<Level>| {
            best.map_or_else(|| "None".to_owned(), |(price, size)| format!("{price}/{size}"))
        };
        let (symbol, bid, ask, last) = {
            let core = self.core();
            (core.symbol().to_owned(), core.bids(1).pop(), core.asks(1).pop(), core.last_update())
        };
        let symbol = PyString::new(py, &symbol).repr()?;
        let last = last.map_or_else(|| "needs_snapshot".to_owned(), |last| format!("last_update={last}"));
        Ok(format!("OrderBook({symbol}, bid={}, ask={}, {last})", side(bid), side(ask)))
    }
}
