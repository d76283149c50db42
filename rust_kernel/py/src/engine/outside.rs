//! What is outside of the kernel, in Python: the adapter, those who look on, and who catches up with the venue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use dita_engine::form::FieldValues;
use dita_engine::{Answer, Clock, EngineError, Observed, SlotView, slot_view};
use dita_host::{Drain, Foreign, Given, HostError, Reply};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::kernel::Kernel;
use dita_link::Serves;
use dita_link::message::Topic;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyOSError;
use pyo3::gc::PyVisit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::adapter::{Question, Trouble};
use super::log;
use super::reads::{self, PositionView};
use crate::details::{Detail, Details};
use crate::errors::{Error, LogTrouble};
use crate::outcome::OutcomeView;
use crate::slot::TradeSlot;
use crate::telling::Watcher;
use crate::transition::KernelTransition;
use crate::venue_event::VenueEvent;

/// The drain of a kernel that Python has.
pub type Shared = Drain<Outside>;
/// What its lock guards.
pub type State = dita_host::State<Outside>;

/// Tells that this process was forked off another one: the engines that came along are not its own.
#[pyfunction]
pub fn was_forked() {
    dita_host::was_forked();
}

/// Python's objects that the drain calls.
pub struct Outside {
    adapter: Option<Py<PyAny>>,
    observer: Option<Py<PyAny>>,
    /// Keeps what has happened until strategies are told.
    watcher: Option<Py<Watcher>>,
    /// Its part of a repair: `asleep(since_ns, lost_ns)` and `repair(since_ns) -> bool`.
    waking: OnceLock<Py<PyAny>>,
    /// Changes of trades were shown to the observer since somebody last asked.
    news: AtomicBool,
}

/// What observers are told: made into objects once the lock is free.
pub struct Seen {
    changes: Vec<Observed>,
    /// Each slot concerned as it is now.
    slots: Vec<SlotView>,
}

impl Outside {
    /// Of an adapter and those who look on, where there are such.
    pub fn new(
        adapter: Option<Py<PyAny>>,
        observer: Option<Py<PyAny>>,
        watcher: Option<Py<Watcher>>,
    ) -> Outside {
        Outside { adapter, observer, watcher, waking: OnceLock::new(), news: AtomicBool::new(false) }
    }

    /// True where changes of trades were shown to the observer since [`Outside::take_news`].
    #[inline]
    pub fn has_news(&self) -> bool {
        self.news.load(Ordering::Acquire)
    }

    /// The same, once.
    #[inline]
    pub fn take_news(&self) -> bool {
        self.has_news() && self.news.swap(false, Ordering::AcqRel)
    }

    /// What it holds, for the garbage collector.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.adapter)?;
        visit.call(&self.observer)?;
        visit.call(&self.watcher)?;
        visit.call(self.waking.get())
    }
}

impl Foreign for Outside {
    type Held<'py> = Python<'py>;
    type Interrupt = PyErr;
    type Trouble = Trouble;
    type Question = Question;
    type Seen = Seen;

    fn released<R: Send>(py: Python<'_>, work: impl FnOnce() -> R + Send) -> R {
        py.detach(work)
    }

    fn check_signals(py: Python<'_>) -> PyResult<()> {
        py.check_signals()
    }

    fn attached<R>(call: impl FnOnce(Python<'_>) -> R) -> Option<R> {
        Python::try_attach(call)
    }

    fn tell(py: Python<'_>, error: PyErr) {
        error.write_unraisable(py, None);
    }

    fn answers(&self) -> bool {
        self.adapter.is_some()
    }

    fn question(kernel: &Kernel, command: Command, reason: Option<Id>) -> Question {
        Question::of(kernel, command, reason)
    }

    #[inline]
    fn ask(&self, py: Python<'_>, question: Question, now_ns: i64) -> Reply<Outside> {
        match &self.adapter {
            Some(adapter) => question.ask(py, adapter.bind(py), now_ns),
            None => Reply::default(),
        }
    }

    fn observes(&self) -> bool {
        self.observer.is_some() || self.watcher.is_some()
    }

    fn look(&self, kernel: &Kernel, changes: Vec<Observed>) -> Seen {
        let mut slots: Vec<u32> = changes.iter().map(|change| change.record.slot_id).collect();
        slots.sort_unstable();
        slots.dedup();
        let slots = slots.into_iter().filter_map(|slot_id| slot_view(kernel, slot_id)).collect();
        Seen { changes, slots }
    }

    fn hear(&self, seen: Seen) -> Option<Seen> {
        if self.observer.is_some() {
            return Some(seen);
        }
        // Without an observer nothing of Python's is called, so the interpreter is not taken.
        if !seen.changes.is_empty() {
            self.news.store(true, Ordering::Release);
        }
        if let Some(watcher) = &self.watcher {
            watcher.get().hear(seen.changes, seen.slots);
        }
        None
    }

    fn show(&self, py: Python<'_>, seen: Seen, seq: u64) -> PyResult<()> {
        let is_news = !seen.changes.is_empty();
        let shown = match (&self.observer, &self.watcher) {
            (Some(observer), watcher) => {
                if let Some(watcher) = watcher {
                    watcher.get().hear(seen.changes.clone(), seen.slots.clone());
                }
                observe(observer.bind(py), seen, seq)
            }
            (None, Some(_) | None) => Ok(()),
        };
        if is_news {
            self.news.store(true, Ordering::Release);
        }
        shown
    }

    fn catches_up(&self) -> bool {
        self.waking.get().is_some()
    }

    fn asleep(&self, py: Python<'_>, since_ns: i64, lost_ns: i64) -> PyResult<()> {
        let Some(waking) = self.waking.get() else { return Ok(()) };
        waking.call_method1(py, intern!(py, "asleep"), (since_ns, lost_ns)).map(drop)
    }

    fn repair(&self, py: Python<'_>, since_ns: i64) -> bool {
        let Some(waking) = self.waking.get() else { return false };
        let answer = waking.call_method1(py, intern!(py, "repair"), (since_ns,));
        answer.and_then(|answer| answer.extract::<bool>(py)).unwrap_or_else(|error| {
            error.write_unraisable(py, None);
            false
        })
    }
}

/// Hands a drain's transitions, the slots concerned, the venue's event behind each transition, and the last input that
/// the slots have seen to the followers.
fn observe(observer: &Bound<'_, PyAny>, seen: Seen, seq: u64) -> PyResult<()> {
    let py = observer.py();
    let Seen { changes, slots } = seen;
    let transitions = changes.iter().map(|change| Bound::new(py, KernelTransition::from(&change.record)));
    let transitions = PyList::new(py, transitions.collect::<PyResult<Vec<_>>>()?)?;
    let events = changes.iter().map(|change| {
        let event = change.event.as_ref().map(|event| VenueEvent::from((**event).clone()));
        event.map(|event| Bound::new(py, event)).transpose()
    });
    let events = PyList::new(py, events.collect::<PyResult<Vec<_>>>()?)?;
    let slots = slots.into_iter().map(|view| Bound::new(py, TradeSlot::from(view)));
    let slots = PyList::new(py, slots.collect::<PyResult<Vec<_>>>()?)?;
    observer.call1((transitions, slots, events, seq))?;
    Ok(())
}

/// What a caller was given as an outcome shows it.
#[inline]
pub fn outcome(shared: &Shared, py: Python<'_>, given: Given<Outside>) -> OutcomeView {
    let Given { answer, troubles, queued } = given;
    if queued {
        return OutcomeView { answer, extra: Details::EMPTY.with("queued", Detail::Flag(true)) };
    }
    // The first one is what went wrong; a query that failed as well only followed from it.
    let extra = match (troubles.into_iter().next(), &shared.foreign().adapter) {
        (Some(trouble), Some(adapter)) => trouble.details(adapter.bind(py)),
        (Some(_), None) | (None, _) => Details::EMPTY,
    };
    OutcomeView { answer, extra }
}

impl Serves for Outside {
    fn told(&self, given: Given<Outside>) -> (Answer, FieldValues) {
        let Given { answer, troubles, queued } = given;
        let extra = match (troubles.into_iter().next(), &self.adapter) {
            (Some(trouble), Some(adapter)) => {
                Python::try_attach(|py| trouble.details(adapter.bind(py))).unwrap_or(Details::EMPTY)
            }
            (Some(_) | None, _) if queued => Details::EMPTY.with("queued", Detail::Flag(true)),
            (Some(_), None) | (None, _) => Details::EMPTY,
        };
        let view = OutcomeView { answer, extra };
        let details = view.details().told();
        (view.answer, details)
    }

    fn rows(&self, kernel: &Kernel, topic: Topic) -> Vec<FieldValues> {
        match topic {
            Topic::Positions => reads::positions(kernel).iter().map(PositionView::told_with_report).collect(),
            Topic::Ledger => reads::transaction_rows(kernel),
            Topic::Account | Topic::Control | Topic::Health | Topic::Instrument => Vec::new(),
        }
    }
}

/// Starts the timer, where time is not driven; once.
pub fn start_timer(shared: &Arc<Shared>, late_ms: i64, waking: Option<Py<PyAny>>) -> Result<(), Error> {
    if shared.open()?.core.clock() == Clock::Driven {
        return Ok(());
    }
    if let Some(waking) = waking {
        // Of a timer that runs already nothing changes.
        let _ = shared.foreign().waking.set(waking);
    }
    Ok(shared.start_timer(late_ms)?)
}

impl From<HostError<PyErr>> for Error {
    #[cold]
    fn from(error: HostError<PyErr>) -> Error {
        match error {
            HostError::Closed => Error::Closed,
            HostError::Forked { why, log: true } => Error::Log(LogTrouble::Other, why),
            HostError::Forked { why, log: false } => Error::Forked(why),
            HostError::Poisoned(why) => Error::Poisoned(why),
            HostError::LogFailed(why) => Error::Log(LogTrouble::Failed, why),
            HostError::NoRoom(why) => Error::InboxFull(why),
            HostError::Engine(error) => error.into(),
            HostError::NoTimer(why) => PyOSError::new_err(String::from(why)).into(),
            HostError::Interrupted(error) => error.into(),
        }
    }
}

impl From<EngineError> for Error {
    #[cold]
    fn from(error: EngineError) -> Error {
        use dita_sim::SimError;
        match error {
            EngineError::InboxFull { .. } => Error::InboxFull(error.to_string().into_boxed_str()),
            EngineError::Replay(error) => log::refusal(&error),
            EngineError::Log(_) => Error::Log(LogTrouble::Failed, dita_host::log_failure(&error)),
            EngineError::Config(what) => Error::text_value("settings", "", what),
            EngineError::NoSimulatedVenue => Error::NotYetSupported(error.to_string().into_boxed_str()),
            EngineError::Venue(error) => match error {
                SimError::Config { field, value, must } => {
                    Error::text_value(field, &value.to_string(), &format!("must be {must}"))
                }
                SimError::Instrument { symbol, field, value, must } => {
                    let value = value.map(|value| value.to_string()).unwrap_or_default();
                    Error::text_value(field, &value, &format!("of {symbol} must be {must}"))
                }
                SimError::UnknownSymbol(symbol) => {
                    Error::text_value("symbol", symbol.as_str(), "is no instrument of this venue")
                }
                SimError::MarketData { symbol, field, value, must } => {
                    Error::text_value(field, &value.to_string(), &format!("of {symbol} must be {must}"))
                }
                SimError::Amount { asset, value, must } => {
                    Error::text_value("balances", &format!("{value} {asset}"), &format!("must be {must}"))
                }
                SimError::Resume { field, must } => Error::text_value(field, "", &format!("must be {must}")),
            },
        }
    }
}
