//! `Dispatcher`: dispatches a market that comes event by event to strategies' callbacks.

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use dita_play::{Callback, Dispatch, Dispatcher as Core, Event, Refused};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use pyo3::{PyTraverseError, gc::PyVisit};

use super::listener::Callbacks;
use super::views::{self, Bar};
use super::{Kind, Listener, Subscribers, step_of};
use crate::errors::Error;
use crate::telling::this_thread;
use crate::text;

/// The event that is being dispatched.
struct Current {
    symbol: Py<PyString>,
    /// A quote or a trade with its callback; `None` for a bar.
    tick: Option<(Event, Py<PyAny>, Kind)>,
}

#[derive(Default)]
struct Inner {
    core: Core,
    current: Option<Current>,
}

/// Dispatches quotes, trades and bars to strategies' callbacks as they come, in the order of `Player`.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Dispatcher {
    inner: Mutex<Inner>,
    subscribers: Subscribers,
}

impl Dispatcher {
    /// The dispatcher at rest: never waits for it, as its holder may wait for the interpreter.
    fn inner(&self) -> PyResult<MutexGuard<'_, Inner>> {
        match self.inner.try_lock() {
            Ok(inner) => Ok(inner),
            Err(TryLockError::Poisoned(inner)) => Ok(inner.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(PyRuntimeError::new_err("the dispatcher is dispatching in another thread"))
            }
        }
    }

    /// The next step, and the object that its callback gets.
    fn step(&self, py: Python<'_>) -> PyResult<Result<Option<Stepped>, Refused>> {
        let mut guard = self.inner()?;
        let Inner { core, current } = &mut *guard;
        let Some(Current { symbol, tick }) = current else { return Ok(Ok(None)) };
        let step = match core.next(tick.as_ref().map(|(event, ..)| event)) {
            Ok(Some(step)) => step,
            Ok(None) => {
                *current = None;
                return Ok(Ok(None));
            }
            Err(refused) => return Ok(Err(refused)),
        };
        Ok(Ok(Some(match (step, core.callback(), tick) {
            (Dispatch::Warmed(subscriber), ..) => Stepped::Warmed(subscriber),
            (Dispatch::Callback(to), Callback::Bar(_, bar), _) => {
                Stepped::Call(to, Bar::of(py, symbol.clone_ref(py), bar)?, Kind::Bar)
            }
            (Dispatch::Callback(to), Callback::Tick | Callback::Nothing, Some((_, told, kind))) => {
                Stepped::Call(to, told.clone_ref(py), *kind)
            }
            (Dispatch::Callback(_), Callback::Tick | Callback::Nothing, None) => return Ok(Ok(None)),
        })))
    }
}

/// One step: a callback, or the end of a warm-up.
enum Stepped {
    Call(usize, Py<PyAny>, Kind),
    Warmed(usize),
}

#[pymethods]
impl Dispatcher {
    #[new]
    fn new() -> Dispatcher {
        Dispatcher { inner: Mutex::default(), subscribers: Subscribers::default() }
    }

    /// What it holds of Python's, for the garbage collector.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.subscribers.traverse(&visit)
    }

    /// Lets go of its subscribers: with the runner that holds it they are a cycle.
    fn __clear__(&self) {
        self.subscribers.clear();
    }

    /// Adds a subscriber; returns its place. Subscribers receive an event in the order of their adding. A callback is `None`
    /// where there is none; `settle` ends a callback that is suspected.
    #[pyo3(signature = (listener, settle, *, on_quote=None, on_trade=None, on_bar=None, on_book=None))]
    fn listen(
        &self,
        listener: Py<Listener>,
        settle: Py<PyAny>,
        on_quote: Option<Py<PyAny>>,
        on_trade: Option<Py<PyAny>>,
        on_bar: Option<Py<PyAny>>,
        on_book: Option<Py<PyAny>>,
    ) -> PyResult<usize> {
        let place = self.inner()?.core.add_listener(Arc::clone(listener.get().core()));
        let callbacks = Callbacks { quote: on_quote, trade: on_trade, bar: on_bar, book: on_book, settle };
        self.subscribers.add(listener, callbacks);
        Ok(place)
    }

    /// Begins a quote, a trade or a closed bar; `next` dispatches it.
    fn begin(&self, event: &Bound<'_, PyAny>) -> Result<(), Error> {
        let py = event.py();
        let mut guard = self.inner()?;
        let Inner { core, current } = &mut *guard;
        let place = |core: &mut Core, symbol: &Py<PyString>| {
            let name = symbol.bind(py);
            if let Some(place) = core.market_of(name.to_str()?) {
                return Ok(place);
            }
            let mut id = dita_kernel::id::Id::EMPTY;
            text::read_id(&mut id, name, "symbol")?;
            Ok::<usize, Error>(core.add_market(id))
        };
        if let Ok(bar) = event.cast::<Bar>() {
            let symbol = bar.get().symbol.clone_ref(py);
            let market = place(core, &symbol)?;
            core.begin_bar(market, bar.get().closed());
            *current = Some(Current { symbol, tick: None });
            return Ok(());
        }
        let (symbol, tick) = views::event_of(event)?;
        let market = place(core, &symbol)?;
        core.begin_tick(market, &tick);
        let kind = if event.is_instance_of::<views::QuoteTick>() { Kind::Quote } else { Kind::Trade };
        *current = Some(Current { symbol, tick: Some((tick, event.clone().unbind(), kind)) });
        Ok(())
    }

    /// Calls the next callback of the event that was begun, and says what there is to do: `("called", subscriber)`,
    /// `("raised", (subscriber, error, callback))`, `("warmed", subscriber)`, `("refused", (subscriber, message))`, `("end", None)`.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match self.step(py)? {
            Err(Refused { subscriber, why }) => step_of(py, "refused", (subscriber, why)),
            Ok(None) => step_of(py, "end", py.None()),
            Ok(Some(Stepped::Warmed(subscriber))) => step_of(py, "warmed", subscriber),
            Ok(Some(Stepped::Call(to, told, kind))) => {
                let Some(called) = self.subscribers.get(to) else { return step_of(py, "called", to) };
                match called.call(py, this_thread(py)?, told, kind) {
                    Ok(_) => step_of(py, "called", to),
                    Err(error) => step_of(py, "raised", (to, error.into_value(py), kind.name())),
                }
            }
        }
    }
}
