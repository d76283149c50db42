//! Who hears: switches, closes, and longer bars.

use std::sync::{Arc, Mutex, PoisonError};

use dita_kernel::id::Id;
use dita_play::{BarBuilder as Builder, Listener as Core, Subscription};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PyString};
use pyo3::{IntoPyObjectExt, PyTraverseError, intern};

use super::Kind;
use super::views::Bar;
use crate::errors::Error;
use crate::text;

/// A listener's callbacks; `None` where it has none.
pub struct Callbacks {
    pub quote: Option<Py<PyAny>>,
    pub trade: Option<Py<PyAny>>,
    pub bar: Option<Py<PyAny>>,
    pub book: Option<Py<PyAny>>,
    /// Ends a callback that somebody suspects; raises what there is to be raised in it.
    pub settle: Py<PyAny>,
}

impl Callbacks {
    pub fn of(&self, kind: Kind) -> Option<&Py<PyAny>> {
        match kind {
            Kind::Quote => self.quote.as_ref(),
            Kind::Trade => self.trade.as_ref(),
            Kind::Bar => self.bar.as_ref(),
            Kind::Book => self.book.as_ref(),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.quote)?;
        visit.call(&self.trade)?;
        visit.call(&self.bar)?;
        visit.call(&self.book)?;
        visit.call(&self.settle)
    }
}

/// A strategy as a player has it: which bars it hears, and whether it is called. Its switches count from the next event on,
/// from whatever thread they are set.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Listener {
    core: Arc<Core>,
}

impl Listener {
    /// What the player has of it.
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Calls a callback of its, under the watch of who looks whether it ends. `settle` ends one that is suspected, and
    /// raises what there is to be raised in it.
    #[inline]
    pub fn call<'py, T: IntoPyObject<'py>>(
        &self,
        py: Python<'py>,
        thread: u64,
        settle: &Py<PyAny>,
        callback: &Py<PyAny>,
        told: T,
    ) -> PyResult<()> {
        let told = told.into_bound_py_any(py)?;
        self.core.enter(thread);
        let called = callback.bind(py).call1((&told,)).map(drop);
        match self.core.leave() {
            true => called.and(settle.call0(py).map(drop)),
            false => called,
        }
    }
}

#[pymethods]
impl Listener {
    /// Says whether an entry waits until an exit has closed its trade: `("follow", ...)` comes then, where it may have.
    fn waits(&self, waits: bool) {
        self.core.set_waits(waits);
    }

    #[new]
    #[pyo3(signature = (*, symbols, intervals, warmup, slots, quotes=true, trades=true, bars=true, books=false))]
    #[allow(clippy::too_many_arguments)] // what a strategy's class says of itself
    fn new(
        symbols: Vec<Bound<'_, PyAny>>,
        intervals: Vec<String>,
        warmup: u64,
        slots: Vec<u32>,
        quotes: bool,
        trades: bool,
        bars: bool,
        books: bool,
    ) -> Result<Listener, Error> {
        let read = |symbol: &Bound<'_, PyAny>| {
            let mut id = Id::EMPTY;
            text::read_id(&mut id, symbol, "symbols").map(|()| id)
        };
        let symbols = symbols.iter().map(read).collect::<Result<_, _>>()?;
        let subscription = Subscription { symbols, quotes, trades, bars, books, intervals, warmup, slots };
        Ok(Listener { core: Arc::new(Core::new(subscription)) })
    }

    /// Whether its callbacks are called.
    #[getter]
    fn running(&self) -> bool {
        self.core.is_running()
    }

    /// Sets whether its callbacks are called.
    fn run(&self, running: bool) {
        self.core.set_running(running);
    }

    /// Takes a closed bar of the market's own length; returns those to dispatch, the shortest first. Raises `ValueError`
    /// where a length that it wants cannot be built from such bars.
    fn add_bar<'py>(&self, bar: &Bound<'py, Bar>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let (py, own) = (bar.py(), bar.get());
        let Some(place) = self.core.place_of(own.symbol.bind(py).to_str()?) else { return Ok(Vec::new()) };
        let mut closed = Vec::new();
        let heard = self.core.add_bar(place, &own.closed(), &mut closed);
        heard.map_err(pyo3::exceptions::PyValueError::new_err)?;
        let told = closed.iter().map(|one| Ok(Bar::of(py, own.symbol.clone_ref(py), one)?.into_bound(py)));
        told.collect()
    }

    /// Says that its bars come from the market: quotes and trades make none.
    fn has_bars(&self) {
        self.core.has_bars();
    }

    /// Counts a bar that was dispatched, while it warms up.
    fn count_bar(&self, bar: &Bound<'_, Bar>) -> PyResult<()> {
        let own = bar.get();
        if let Some(place) = self.core.place_of(own.symbol.bind(bar.py()).to_str()?) {
            self.core.count_bar(place, own.interval());
        }
        Ok(())
    }

    /// Forgets its bars and closes: those that it is given next are its history.
    fn forget_bars(&self) {
        self.core.forget_bars();
    }

    /// Whether each bar that it hears has come often enough, and it runs.
    #[getter]
    fn is_warm(&self) -> bool {
        self.core.is_warm()
    }

    /// Ends its warm-up.
    fn end_warm_up(&self) {
        self.core.end_warm_up();
    }

    /// Sets when its next timer runs out, ns; `None` for none.
    fn set_next_timer(&self, at_ns: Option<i64>) {
        self.core.set_next_timer(at_ns);
    }

    /// Begins a callback, in a thread.
    fn enter(&self, thread: u64) {
        self.core.enter(thread);
    }

    /// Ends it; true where somebody suspects it: then `settle` ends it.
    fn leave(&self) -> bool {
        self.core.leave()
    }

    /// Ends a callback that somebody suspected.
    fn settle(&self) {
        self.core.settle();
    }

    /// Suspects that the callback that runs takes too long.
    fn suspect(&self) {
        self.core.suspect();
    }

    /// How many callbacks were called.
    #[getter]
    fn calls(&self) -> u64 {
        self.core.calls()
    }

    /// Which thread is in a callback; 0 where none is.
    #[getter]
    fn thread(&self) -> u64 {
        self.core.thread()
    }

    /// Notes that it has acted: the player's owner is asked after the callback. Gives how many callbacks were called.
    fn act(&self) -> u64 {
        self.core.act();
        self.core.calls()
    }

    /// The last closes of an instrument's bars, oldest first; without an interval, of the shortest that it hears. A read-only
    /// buffer of doubles, which is what there was when it was asked for: bars that close later do not change it.
    #[pyo3(signature = (symbol, count, interval=None))]
    fn closes<'py>(
        &self,
        py: Python<'py>,
        symbol: &str,
        count: usize,
        interval: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let place = self.core.place_of(symbol);
        let bytes = place.map(|place| self.core.closes(place, count, interval)).unwrap_or_default();
        PyMemoryView::from(&PyBytes::new(py, &bytes))?.call_method1(intern!(py, "cast"), (intern!(py, "d"),))
    }
}

/// Builds bars of one length of one instrument. They begin at multiples of their length since 1970.
#[pyclass(frozen, module = "dita._kernel")]
pub struct BarBuilder {
    core: Mutex<Builder>,
}

#[pymethods]
impl BarBuilder {
    #[new]
    fn new(interval: &Bound<'_, PyString>) -> Result<BarBuilder, Error> {
        let core = Builder::new(interval.to_str()?).ok_or_else(|| no_interval(interval))?;
        Ok(BarBuilder { core: Mutex::new(core) })
    }

    /// Takes a closed bar, which lies within one of the longer ones; gives the longer one that is closed by it. It has the
    /// parts that came.
    fn add(&self, bar: &Bound<'_, Bar>) -> PyResult<Option<Py<PyAny>>> {
        let (py, part) = (bar.py(), bar.get());
        let closed = {
            let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
            core.add(part.open_ns, part.close_ns, &part.prices)
        };
        closed.map(|closed| Bar::of(py, part.symbol.clone_ref(py), &closed)).transpose()
    }

    /// The length of what is built.
    #[getter]
    fn interval(&self) -> String {
        self.core.lock().unwrap_or_else(PoisonError::into_inner).interval().to_string()
    }
}

fn no_interval(interval: &Bound<'_, PyString>) -> Error {
    Error::value("interval", interval, "is none: write it like 1s, 5m, 1h, 1d")
}

/// The length of an interval, ns.
#[pyfunction]
pub fn interval_ns(interval: &Bound<'_, PyString>) -> Result<i64, Error> {
    dita_play::interval_ns(interval.to_str()?).ok_or_else(|| no_interval(interval))
}

/// An interval's name.
#[pyfunction]
pub fn interval_text(length_ns: i64) -> String {
    dita_play::interval_text(length_ns)
}
