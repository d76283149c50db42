//! `Player`: plays markets to strategies' callbacks. Python runs where a callback is, and where something has happened.

mod backend;
mod book;
mod channel;
mod conversion;
mod curves;
mod dispatcher;
mod listener;
mod markets;
mod order_book;
pub(crate) mod views;

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

use dita_kernel::id::Id;
use dita_play::{
    Callback, Channel, Event, EventKind, Fault, Market, Player as Core, Settings, Step, Stop, Window,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use pyo3::{PyTraverseError, gc::PyVisit};

use crate::engine::{Engine, Shared};
use crate::errors::Error;
use crate::telling::{Recorder, Watcher, this_thread};
use crate::{number, text};
use backend::{Failed, Play};
use listener::Callbacks;
pub use listener::Listener;
use markets::MarketReader;

/// A channel holds so many batches.
const BATCHES_MAX: usize = 4;
/// After so many moments without a callback the interpreter is let go of.
const MOMENTS_HELD: u32 = 64;

/// Registers the classes and functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Player>()?;
    module.add_class::<dispatcher::Dispatcher>()?;
    module.add_class::<Listener>()?;
    module.add_class::<MarketReader>()?;
    module.add_class::<order_book::OrderBook>()?;
    module.add_class::<conversion::CaptureConversion>()?;
    module.add_class::<views::Bar>()?;
    module.add_class::<views::QuoteTick>()?;
    module.add_class::<views::TradeTick>()?;
    module.add_class::<book::Book>()?;
    module.add_class::<curves::EquityCurve>()?;
    module.add_class::<curves::PriceCurve>()?;
    module.add_class::<listener::BarBuilder>()?;
    module.add_function(wrap_pyfunction!(listener::interval_ns, module)?)?;
    module.add_function(wrap_pyfunction!(listener::interval_text, module)?)
}

/// What the player knows of a market beside its events.
struct Place {
    symbol: Py<PyString>,
    /// Where a market that Python reads is put in; gone once it has ended.
    sender: Mutex<Option<SyncSender<Vec<Event>>>>,
}

/// What a callback is given, and which.
type Object = (Py<PyAny>, Kind);
/// What is to do next, and with which object.
type Stepped = (Step, Option<Object>);

/// Who is called.
struct Called {
    listener: Py<Listener>,
    callbacks: Callbacks,
}

impl Called {
    /// Calls the subscriber; true where it has acted.
    fn call(&self, py: Python<'_>, thread: u64, told: Py<PyAny>, kind: Kind) -> PyResult<bool> {
        let Some(callback) = self.callbacks.of(kind) else { return Ok(false) };
        let one = self.listener.get();
        one.call(py, thread, &self.callbacks.settle, callback, told)?;
        Ok(one.core().take_acted())
    }
}

/// The subscribers in the order of their adding.
#[derive(Default)]
pub struct Subscribers(Mutex<Vec<Arc<Called>>>);

impl Subscribers {
    fn list(&self) -> MutexGuard<'_, Vec<Arc<Called>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, listener: Py<Listener>, callbacks: Callbacks) {
        self.list().push(Arc::new(Called { listener, callbacks }));
    }

    fn get(&self, place: usize) -> Option<Arc<Called>> {
        self.list().get(place).cloned()
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(called) = self.0.try_lock() else { return Ok(()) };
        called.iter().try_for_each(|one| {
            visit.call(&one.listener)?;
            one.callbacks.traverse(visit)
        })
    }

    fn clear(&self) {
        let called = std::mem::take(&mut *self.list());
        drop(called);
    }
}

/// Plays markets to strategies' callbacks, on a kernel with a simulated venue.
///
/// `next` plays until the owner has something to do, and says what: a tuple of its name and what belongs to it.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Player {
    engine: Py<Engine>,
    shared: Arc<Shared>,
    core: Mutex<Core>,
    places: Mutex<Vec<Arc<Place>>>,
    subscribers: Subscribers,
    /// Who tells what has happened, where the owner has nothing to do with it.
    telling: OnceLock<(Py<Watcher>, Py<Recorder>)>,
}

fn busy() -> PyErr {
    PyRuntimeError::new_err("the player is playing: ask it between two steps")
}

impl Player {
    /// The player at rest: never waits for it, as it may wait for the interpreter.
    fn core(&self) -> PyResult<MutexGuard<'_, Core>> {
        match self.core.try_lock() {
            Ok(core) => Ok(core),
            Err(TryLockError::Poisoned(core)) => Ok(core.into_inner()),
            Err(TryLockError::WouldBlock) => Err(busy()),
        }
    }

    fn place(&self, market: usize) -> PyResult<Arc<Place>> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(market).cloned().ok_or_else(|| PyRuntimeError::new_err("market: there is no such market"))
    }

    fn add(&self, py: Python<'_>, market: Market, sender: Option<SyncSender<Vec<Event>>>) -> PyResult<usize> {
        let symbol = text::get_id(py, &market.symbol).unbind();
        let at = self.core()?.add_market(market);
        let place = Place { symbol, sender: Mutex::new(sender) };
        self.places.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(place));
        Ok(at)
    }

    /// Tells what has happened to trades; false where the owner has to.
    fn tell(&self, py: Python<'_>) -> PyResult<bool> {
        let Some((watcher, recorder)) = self.telling.get() else { return Ok(false) };
        let recorder = recorder.get();
        for trade_id in self.core()?.take_ambiguous() {
            recorder.mark_ambiguous(&trade_id);
        }
        watcher.get().tell_all(py, Some(recorder)).map(|raised| !raised)
    }

    /// What is there while it plays: nothing is added meanwhile.
    fn stage(&self, py: Python<'_>) -> PyResult<Stage> {
        Ok(Stage {
            thread: this_thread(py)?,
            places: self.places.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            called: self.subscribers.list().clone(),
        })
    }

    /// Plays on, and lets go of the interpreter where callbacks are far apart. What is to be told comes as an object.
    fn step(&self, py: Python<'_>, stage: &Stage) -> Result<Stepped, Stop<Failed>> {
        let failed = |error: PyErr| Stop::Backend(Failed::from(Error::from(error)));
        let mut guard = self.core().map_err(failed)?;
        let core = &mut *guard;
        let mut step = core.next(&mut Play::holding(&self.shared, py), MOMENTS_HELD)?;
        if step == Step::Far {
            step = py.detach(|| core.next(&mut Play::alone(&self.shared), u32::MAX))?;
        }
        match step {
            Step::Callback(_) => Ok((step, Some(stage.told(py, core, &self.shared)?))),
            _ => Ok((step, None)),
        }
    }
}

/// What a player has while it plays.
struct Stage {
    thread: u64,
    places: Vec<Arc<Place>>,
    called: Vec<Arc<Called>>,
}

impl Stage {
    /// The event as its listeners see it.
    fn told(&self, py: Python<'_>, core: &Core, shared: &Shared) -> Result<Object, Stop<Failed>> {
        let failed = |error: PyErr| Stop::Backend(Failed::from(Error::from(error)));
        match (core.callback(), core.event()) {
            (Callback::Tick, Some((market, event))) if matches!(event.what, EventKind::Depth(_)) => {
                let symbol = self.places.get(market).ok_or_else(|| failed(busy()))?.symbol.clone_ref(py);
                let levels = book::levels(py, core, market, shared).map_err(Stop::Backend)?;
                let book = book::Book::of(py, symbol, event.time_ns, levels).map_err(failed)?;
                Ok((book, Kind::Book))
            }
            _ => self.of_feed(py, core).map_err(failed),
        }
    }

    /// A bar, a quote or a trade, as the feed has it.
    fn of_feed(&self, py: Python<'_>, core: &Core) -> PyResult<Object> {
        let symbol = |market: usize| {
            let place = self.places.get(market).ok_or_else(busy)?;
            Ok::<_, PyErr>(place.symbol.clone_ref(py))
        };
        match core.callback() {
            Callback::Bar(market, bar) => Ok((views::Bar::of(py, symbol(*market)?, bar)?, Kind::Bar)),
            Callback::Tick | Callback::Nothing => {
                let (market, event) = core.event().ok_or_else(busy)?;
                views::tick(py, symbol(market)?, event)
            }
        }
    }

    /// Calls a listener; says whether the owner has to look at what came of it. What it raised comes back.
    fn call(&self, py: Python<'_>, listener: usize, (told, kind): Object) -> Result<bool, (PyErr, Kind)> {
        let Some(called) = self.called.get(listener) else { return Ok(false) };
        called.call(py, self.thread, told, kind).map_err(|error| (error, kind))
    }
}

/// Which callback an event is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `on_quote`.
    Quote,
    /// `on_trade`.
    Trade,
    /// `on_bar`.
    Bar,
    /// `on_book`.
    Book,
}

impl Kind {
    /// The callback's name.
    fn name(self) -> &'static str {
        match self {
            Kind::Quote => "on_quote",
            Kind::Trade => "on_trade",
            Kind::Bar => "on_bar",
            Kind::Book => "on_book",
        }
    }
}

fn step_of<'py, T: IntoPyObject<'py>>(
    py: Python<'py>,
    name: &'static str,
    what: T,
) -> PyResult<Bound<'py, PyTuple>> {
    (name, what).into_pyobject(py)
}

#[pymethods]
impl Player {
    #[new]
    #[pyo3(signature = (engine, asset, capital, *, start_ns=None, end_ns=None, round_prices=false, stops_first=false, speed=None, resume_ns=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        engine: Py<Engine>,
        asset: &Bound<'_, PyAny>,
        capital: &Bound<'_, PyAny>,
        start_ns: Option<i64>,
        end_ns: Option<i64>,
        round_prices: bool,
        stops_first: bool,
        speed: Option<f64>,
        resume_ns: Option<i64>,
    ) -> Result<Player, Error> {
        let mut name = Id::EMPTY;
        text::read_id(&mut name, asset, "asset")?;
        let settings = Settings {
            asset: name,
            capital: number::read_money(capital, "capital")?,
            window: Window { start_ns, end_ns },
            round_prices,
            stops_first,
            speed,
            resume_ns,
        };
        let shared = engine.get().shared();
        let (core, places) = (Mutex::new(Core::new(settings)), Mutex::default());
        let subscribers = Subscribers::default();
        Ok(Player { engine, shared, core, places, subscribers, telling: OnceLock::new() })
    }

    /// What it holds of Python's, for the garbage collector.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.engine)?;
        if let Some((watcher, recorder)) = self.telling.get() {
            visit.call(watcher)?;
            visit.call(recorder)?;
        }
        self.subscribers.traverse(&visit)
    }

    /// Adds a market that a reader reads, which is the player's then; gives its place.
    fn add_file(
        &self,
        reader: &Bound<'_, MarketReader>,
        symbol: &Bound<'_, PyAny>,
        tick: &Bound<'_, PyAny>,
        step_ns: i64,
    ) -> Result<usize, Error> {
        let mut name = Id::EMPTY;
        text::read_id(&mut name, symbol, "symbol")?;
        let (tick, source) = (number::read(tick, "tick")?, Box::new(reader.get().take()?));
        Ok(self.add(reader.py(), Market { symbol: name, tick, step_ns, source }, None)?)
    }

    /// Adds a market that `give` fills; gives its place.
    fn add_channel(
        &self,
        symbol: &Bound<'_, PyAny>,
        tick: &Bound<'_, PyAny>,
        step_ns: i64,
    ) -> Result<usize, Error> {
        let mut name = Id::EMPTY;
        text::read_id(&mut name, symbol, "symbol")?;
        let (sender, channel) = Channel::new(BATCHES_MAX);
        let (tick, source) = (number::read(tick, "tick")?, Box::new(channel));
        Ok(self.add(symbol.py(), Market { symbol: name, tick, step_ns, source }, Some(sender))?)
    }

    /// Adds who hears, once all markets were added; gives its place. A callback is `None` where there is none; `settle` ends a
    /// callback that somebody suspects.
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
        let place = self.core()?.add_listener(Arc::clone(listener.get().core()));
        let callbacks = Callbacks { quote: on_quote, trade: on_trade, bar: on_bar, book: on_book, settle };
        self.subscribers.add(listener, callbacks);
        Ok(place)
    }

    /// Has a watcher tell what happens to trades, and a recorder write it down, without a word to the owner: `("news", None)`
    /// comes then only once a callback has raised.
    fn tell_by(&self, watcher: Py<Watcher>, recorder: Py<Recorder>) -> PyResult<()> {
        self.telling.set((watcher, recorder)).map_err(|_| PyRuntimeError::new_err("somebody tells already"))
    }

    /// Puts events of a market in, in time order, as `dita.market` has them; an empty list ends it. Gives how many it took:
    /// one that cannot be read is taken by nobody, and raises where it comes first.
    fn give(&self, market: usize, events: &Bound<'_, PyList>) -> PyResult<usize> {
        let place = self.place(market)?;
        let mut sender = place.sender.lock().map_err(|_| busy())?;
        if events.is_empty() {
            sender.take();
            return Ok(0);
        }
        let batch = channel::read_batch(events)?;
        let taken = batch.len();
        let sent = sender.as_ref().map(|sender| sender.try_send(batch));
        match sent {
            Some(Ok(())) => Ok(taken),
            Some(Err(_)) => Err(PyRuntimeError::new_err("market: its channel is full")),
            None => Err(PyRuntimeError::new_err("market: it has ended, or is a file")),
        }
    }

    /// Plays until there is something to do: `("begin", ns)`, `("due", ns)`, `("wait", s)`, `("news", None)`,
    /// `("raised", (listener, error, callback))`, `("warmed", listener)`, `("starved", market)`, `("look", None)`,
    /// `("follow", within)` (see `Listener.waits`; true: within bars, where nothing is told), `("fault", (market, line, message))`, `("refused", (listener, message))`, `("end", None)`. Raises what the venue does not take.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let stage = self.stage(py)?;
        loop {
            let (step, told) = match self.step(py, &stage) {
                Ok(stepped) => stepped,
                Err(Stop::Backend(failed)) => return Err(failed.into_error().into()),
                Err(Stop::Listener(listener, why)) => return step_of(py, "refused", (listener, why)),
                Err(Stop::Market(market, fault)) => {
                    return step_of(py, "fault", (market, fault.line, markets::message(py, &fault)?));
                }
            };
            match step {
                Step::Callback(listener) => {
                    match told.map_or(Ok(false), |told| stage.call(py, listener, told)) {
                        Ok(has_acted) => {
                            if self.shared.foreign().take_news() || has_acted {
                                if !self.tell(py)? {
                                    return step_of(py, "news", py.None());
                                }
                                if self.core()?.waits() {
                                    return step_of(py, "follow", false);
                                }
                            }
                        }
                        Err((error, kind)) => {
                            return step_of(py, "raised", (listener, error.into_value(py), kind.name()));
                        }
                    }
                }
                Step::Look => {
                    py.check_signals()?;
                    return step_of(py, "look", py.None());
                }
                Step::Far => {}
                Step::Begin(at_ns) => return step_of(py, "begin", at_ns),
                Step::Due(at_ns) => return step_of(py, "due", at_ns),
                Step::Wait(wait) => return step_of(py, "wait", wait.as_secs_f64()),
                Step::News => {
                    self.shared.foreign().take_news();
                    if !self.tell(py)? {
                        return step_of(py, "news", py.None());
                    }
                    if self.core()?.waits() {
                        return step_of(py, "follow", false);
                    }
                }
                Step::Follow => return step_of(py, "follow", true),
                Step::Warmed(listener) => return step_of(py, "warmed", listener),
                Step::Starved(market) => return step_of(py, "starved", market),
                Step::End => return step_of(py, "end", py.None()),
            }
        }
    }

    /// From when on `("due", ns)` has to come, besides the listeners' timers; `None` for never.
    fn set_due(&self, due_ns: Option<i64>) -> PyResult<()> {
        self.core()?.set_due(due_ns);
        Ok(())
    }

    /// Takes the bars of before an interruption, oldest first.
    fn take_past(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let past = self.core()?.take_past();
        past.iter()
            .map(|(market, bar)| views::Bar::of(py, self.place(*market)?.symbol.clone_ref(py), bar))
            .collect()
    }

    /// Takes the ids of the trades of which bars have left open which order fills first.
    fn take_ambiguous(&self) -> PyResult<Vec<String>> {
        Ok(self.core()?.take_ambiguous().iter().map(|id| id.as_str().to_owned()).collect())
    }

    /// The instrument and the time, ns, of the moment that is being played.
    #[getter]
    fn place_of(&self) -> PyResult<Option<(String, i64)>> {
        Ok(self.core()?.place().map(|(symbol, at_ns)| (symbol.as_str().to_owned(), at_ns)))
    }

    /// When the first event was, and the last moment, ns.
    #[getter]
    fn span_ns(&self) -> PyResult<Option<(i64, i64)>> {
        Ok(self.core()?.span_ns())
    }

    /// How many events were played, how many of them bars, and how many prices were rounded.
    #[getter]
    fn counts(&self) -> PyResult<(u64, u64, u64)> {
        Ok(self.core()?.counts())
    }

    /// How much of the files was read, from 0 to 1; of a market that `give` fills, 0.
    #[getter]
    fn fraction(&self) -> PyResult<f64> {
        Ok(self.core()?.fraction())
    }

    /// True where a market's file ended without a line end: its last row may have been cut off.
    fn is_cut(&self, market: usize) -> PyResult<bool> {
        Ok(self.core()?.is_cut(market))
    }

    /// How many bars of a market were missing so far, where a file is read.
    fn gaps(&self, market: usize) -> PyResult<u64> {
        Ok(self.core()?.gaps(market))
    }

    /// How many rows of a market were left out so far because their time goes back, where a file is read.
    fn disordered(&self, market: usize) -> PyResult<u64> {
        Ok(self.core()?.disordered(market))
    }

    /// What the money did: a copy.
    #[getter]
    fn equity(&self) -> PyResult<curves::EquityCurve> {
        Ok(curves::EquityCurve::from(self.core()?.equity().clone()))
    }

    /// A market's prices, thinned: time and price.
    fn prices<'py>(&self, py: Python<'py>, market: usize) -> PyResult<Vec<(i64, Bound<'py, PyAny>)>> {
        let points = self.core()?.prices(market).map(|curve| curve.points()).unwrap_or_default();
        points.into_iter().map(|(at_ns, price)| Ok((at_ns, number::get(py, price)?))).collect()
    }
}

/// A market's fault, which a reader raises as `ValueError(message, line)`.
fn fault_error(py: Python<'_>, fault: &Fault) -> PyErr {
    match markets::message(py, fault) {
        Ok(message) => pyo3::exceptions::PyValueError::new_err((message, fault.line)),
        Err(error) => error,
    }
}
