//! One writer at a time: who finds the engine at rest drains it, the others wait or leave their input behind.
//!
//! The state's lock is held for short sections of Rust only. It is never held while Python runs, and no Python
//! object is made while it is held: making one may run the garbage collector, and with it any finalizer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use dita_engine::{Answer, Clock, Engine as Shell, EngineError, Observed, Progress, Ticket};
use dita_kernel::id::Id;
use dita_kernel::input::{ControlChange, Input, RiskLimits};
use dita_kernel::names::{KernelDiagnosticCode, Severity};
use dita_kernel::outcome::{Detail as CoreDetail, Outcome};
use dita_kernel::risk::Limits;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::adapter::{Question, Trouble};
use super::log;
use super::settings::ControlUpdate;
use super::timer::{Alarm, Wanted};
use super::views::slot_view;
use crate::details::{Detail, Details};
use crate::errors::{Error, LogTrouble};
use crate::outcome::OutcomeView;
use crate::slot::{SlotView, TradeSlot};
use crate::transition::KernelTransition;
use crate::venue_event::VenueEvent;

/// How often a thread that waits for another one's drain looks for signals (Ctrl-C).
pub const SIGNAL_INTERVAL: Duration = Duration::from_millis(100);

/// Counts the forks on this process's way from the one that loaded the extension.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Tells that this process was forked off another one: the engines that came along are not its own.
#[pyfunction]
pub fn was_forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// What the lock guards.
pub struct State {
    pub core: Shell,
    /// The thread that drains; 0 when none does.
    pub writer: usize,
    /// Counts the drains that ended: a waiting thread's answer is there once its number has passed.
    pub drained: u64,
    pub waiting: u32,
    /// The latest time that local callers told, ns.
    pub told_ns: i64,
    pub closed: bool,
    pub poisoned: Option<Poison>,
    /// Closed from inside a drain: its end closes the log.
    pub closing: bool,
    /// What went wrong at the adapter with no caller of its own to tell, while a recovery asks it.
    pub recovering: Option<Vec<Trouble>>,
    troubles: Vec<(Ticket, Trouble)>,
    /// Why a ticket's intent wants to cancel: requests do not carry it.
    reasons: Vec<(Ticket, Id)>,
    observed_seq: u64,
    /// The limits as they will be once the control changes that wait are taken.
    asked_limits: Option<RiskLimits>,
    /// What the timer has under way.
    pub wanted: Wanted,
}

/// Why nothing goes on.
#[derive(Clone, Debug)]
pub enum Poison {
    /// A step failed half way.
    Step(Box<str>),
    /// The log failed.
    Log(Box<str>),
}

impl From<Poison> for Error {
    #[cold]
    fn from(poison: Poison) -> Error {
        match poison {
            Poison::Step(why) => Error::Poisoned(why),
            Poison::Log(why) => Error::Log(LogTrouble::Failed, why),
        }
    }
}

/// The engine and who waits for it.
pub struct Shared {
    pub state: Mutex<State>,
    /// The process whose log it is.
    pub log_owner: Option<u32>,
    /// How often this process had been forked off another one when the engine was made.
    pub forks: u32,
    pub quiet: Condvar,
    pub adapter: Option<Py<PyAny>>,
    pub observer: Option<Py<PyAny>>,
    /// The timer's, once it runs.
    pub alarm: OnceLock<Arc<Alarm>>,
}

/// Whether the thread that works has the interpreter.
#[derive(Clone, Copy)]
pub enum Hold<'py> {
    /// It has.
    Has(Python<'py>),
    /// It takes it where Python has to be called, and gives it back. Never while the state's lock is held.
    Takes,
}

impl Hold<'_> {
    /// Calls Python; `None` where the interpreter is ending.
    pub fn with<R>(self, call: impl for<'a> FnOnce(Python<'a>) -> R) -> Option<R> {
        match self {
            Hold::Has(py) => Some(call(py)),
            Hold::Takes => Python::try_attach(call),
        }
    }
}

/// What a caller does when another thread is draining.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Waits for the answer.
    Answer,
    /// Leaves the input behind.
    None,
}

/// An answer with what went wrong at the adapter meanwhile.
pub type Taken = Option<(Answer, Vec<Trouble>)>;

/// A number that only this thread has now.
pub fn this_thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

impl State {
    pub fn new(core: Shell) -> State {
        State {
            core,
            writer: 0,
            drained: 0,
            waiting: 0,
            told_ns: i64::MIN,
            closed: false,
            poisoned: None,
            closing: false,
            recovering: None,
            troubles: Vec::new(),
            reasons: Vec::new(),
            observed_seq: 0,
            asked_limits: None,
            wanted: Wanted::default(),
        }
    }

    /// Hears a time from a local caller.
    #[inline]
    pub fn tell(&mut self, time_ns: i64) {
        self.told_ns = self.told_ns.max(time_ns);
        self.core.tell_time(time_ns);
    }

    /// Kernel time of the last input, or where time is driven, what local callers have told since.
    pub fn latest_ns(&self) -> i64 {
        match self.core.clock() {
            Clock::Driven => self.core.now_ns().max(self.told_ns),
            Clock::System => self.core.now_ns(),
        }
    }

    /// A change of the controls as the core takes it: whole limits, upon those that changes in waiting ask for.
    pub fn change(&mut self, update: ControlUpdate) -> ControlChange {
        let kernel = self.core.kernel();
        let change = update.change(self.asked_limits.as_ref().unwrap_or(&kernel.control().limits.given));
        let waits =
            self.writer != 0 && change.limits.as_ref().is_some_and(|limits| Limits::load(limits).is_ok());
        if waits {
            self.asked_limits.clone_from(&change.limits);
        }
        change
    }

    /// The thread that drains reads to the end what came of it, also where another one has closed the kernel meanwhile.
    fn readable(&self) -> Result<(), Error> {
        if self.closed && self.poisoned.is_none() && self.writer == this_thread() {
            return Ok(());
        }
        self.usable()
    }

    fn usable(&self) -> Result<(), Error> {
        if let Some(poison) = &self.poisoned {
            return Err(poison.clone().into());
        }
        if self.closed { Err(Error::Closed) } else { Ok(()) }
    }

    #[inline]
    fn push(&mut self, input: Input) -> Result<Ticket, Error> {
        self.bring_due()?;
        self.push_next(input, false)
    }

    /// The simulated venue's answers that are due by now come before what is new.
    #[inline]
    pub fn bring_due(&mut self) -> Result<(), Error> {
        if self.core.simulated_venue().is_some_and(|venue| venue.next_due_ns().is_some()) {
            self.core.with_venue(|venue, now_ns, out| {
                venue.advance(now_ns, out);
                Ok(())
            })?;
        }
        Ok(())
    }

    #[inline]
    pub fn push_next(&mut self, input: Input, batched: bool) -> Result<Ticket, Error> {
        self.wanted.hear(&input);
        let reason = match &input {
            Input::Intent(intent) if !intent.reason.is_empty() => Some(intent.reason.clone()),
            _ => None,
        };
        let pushed = if batched { self.core.push_batched(input, true) } else { self.core.push(input, true) };
        let Some(ticket) = pushed? else {
            return Err(Error::Poisoned("a wanted input has no ticket".into()));
        };
        if let (Some(reason), None) = (reason, self.core.simulated_venue()) {
            self.reasons.push((ticket, reason));
        }
        Ok(ticket)
    }

    /// The answer with what the bindings know of it. Makes no Python object.
    #[inline]
    pub fn take(&mut self, ticket: Ticket) -> Taken {
        if !self.reasons.is_empty() {
            self.reasons.retain(|(known, _)| *known != ticket);
        }
        let mut troubles = Vec::new();
        while let Some(at) = self.troubles.iter().position(|(known, _)| *known == ticket) {
            // Not dropped here: the end of an exception may run Python.
            troubles.push(self.troubles.remove(at).1);
        }
        Some((self.core.take_answer(ticket)?, troubles))
    }

    /// Another thread waits for the drain that is going on; gives its number.
    pub fn join(&mut self) -> u64 {
        self.waiting += 1;
        self.drained
    }

    /// Keeps what went wrong at the adapter, for who asked.
    fn note(&mut self, ticket: Option<Ticket>, trouble: Option<Trouble>) {
        match (ticket, trouble) {
            (Some(ticket), Some(trouble)) => self.troubles.push((ticket, trouble)),
            (None, Some(trouble)) => {
                if let Some(kept) = &mut self.recovering {
                    kept.push(trouble);
                }
            }
            (_, None) => {}
        }
    }

    /// What followers have not seen yet: the transitions, and each slot concerned as it is now.
    fn unseen(&mut self) -> (Vec<Observed>, Vec<SlotView>) {
        self.observed_seq = self.core.kernel().seq();
        let changes = self.core.take_observed();
        let mut slots: Vec<u32> = changes.iter().map(|change| change.record.slot_id).collect();
        slots.sort_unstable();
        slots.dedup();
        let views = slots.into_iter().filter_map(|slot_id| slot_view(self.core.kernel(), slot_id));
        let views = views.collect();
        (changes, views)
    }
}

impl From<EngineError> for Error {
    #[cold]
    fn from(error: EngineError) -> Error {
        use dita_sim::SimError;
        match error {
            EngineError::InboxFull { .. } => Error::InboxFull(error.to_string().into_boxed_str()),
            EngineError::Replay(error) => log::refusal(&error),
            EngineError::Log(_) => Error::Log(LogTrouble::Failed, log::failure(&error)),
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

/// The writer's part: should the bindings themselves panic, nobody must wait for ever.
struct Writing<'a>(&'a Shared);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.lock();
            self.0.poison(&mut state, "the bindings panicked");
        }
    }
}

impl Shared {
    pub fn new(state: State, adapter: Option<Py<PyAny>>, observer: Option<Py<PyAny>>) -> Shared {
        let log_owner = state.core.has_log().then(std::process::id);
        let forks = FORKS.load(Ordering::Relaxed);
        let (quiet, alarm) = (Condvar::new(), OnceLock::new());
        Shared { state: Mutex::new(state), log_owner, forks, quiet, adapter, observer, alarm }
    }

    /// True in a process that was forked from the one that made the engine. A log is worth asking the system each time;
    /// without one it is Python's own forks that count.
    #[inline]
    pub fn is_forked(&self) -> bool {
        self.forks != FORKS.load(Ordering::Relaxed)
            || self.log_owner.is_some_and(|owner| owner != std::process::id())
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Panics are caught while the lock is held; `poisoned` is our own mark.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, if the kernel can still be used.
    #[inline]
    pub fn open(&self) -> Result<MutexGuard<'_, State>, Error> {
        // Before the lock: at the fork another thread may have held it.
        if self.is_forked() {
            return Err(self.forked());
        }
        let state = self.lock();
        state.usable()?;
        Ok(state)
    }

    /// The state to be read: what waits to be taken before it is read is taken.
    #[inline]
    pub fn settled(&self) -> Result<MutexGuard<'_, State>, Error> {
        if self.is_forked() {
            return Err(self.forked());
        }
        let mut state = self.lock();
        state.readable()?;
        if state.core.marks_wait() {
            self.guarded(&mut state, State::settle_marks)?;
        }
        Ok(state)
    }

    #[cold]
    fn poison(&self, state: &mut State, what: &str) -> Error {
        let why = format!("a step of the kernel failed half way ({what}): reopen the kernel from its log");
        self.stop(state, Poison::Step(why.into_boxed_str()))
    }

    /// Nothing goes on from here: whoever waits is told.
    #[cold]
    fn stop(&self, state: &mut State, poison: Poison) -> Error {
        state.poisoned = Some(poison.clone());
        self.end_drain(state);
        poison.into()
    }

    /// Nobody drains any more: whoever waits is told.
    fn end_drain(&self, state: &mut State) {
        state.writer = 0;
        state.drained = state.drained.wrapping_add(1);
        if state.waiting > 0 {
            self.quiet.notify_all();
        }
        if let Some(alarm) = self.alarm.get() {
            alarm.hear(state);
        }
    }

    /// Runs a short section that may panic.
    pub fn guarded<R>(
        &self,
        state: &mut State,
        section: impl FnOnce(&mut State) -> Result<R, Error>,
    ) -> Result<R, Error> {
        match catch_unwind(AssertUnwindSafe(|| section(state))) {
            Ok(result) => result,
            Err(panic) => Err(self.poison(state, &panic_text(&*panic))),
        }
    }

    /// Puts an input in, and drains where nobody else does. `time_ns` is what a local caller told of the time.
    #[inline]
    pub fn put(
        &self,
        py: Python<'_>,
        input: Input,
        time_ns: Option<i64>,
        patience: Patience,
    ) -> Result<OutcomeView, Error> {
        let mut state = self.open()?;
        if let Some(time_ns) = time_ns {
            state.tell(time_ns);
        }
        if state.writer != 0 {
            return self.put_behind(py, state, input, patience);
        }
        let ticket = self.guarded(&mut state, |state| state.push(input))?;
        let (mut state, interrupt) = self.drain(py, state)?;
        let taken = state.take(ticket);
        drop(state);
        match interrupt {
            Some(interrupt) => Err(interrupt.into()),
            None => self.outcome(py, taken),
        }
    }

    /// What to do behind another thread's drain, or inside one's own.
    #[cold]
    fn put_behind(
        &self,
        py: Python<'_>,
        mut state: MutexGuard<'_, State>,
        input: Input,
        patience: Patience,
    ) -> Result<OutcomeView, Error> {
        if state.writer == this_thread() || patience == Patience::None {
            let outcome = queued(&state, &input);
            state.wanted.hear(&input);
            state.core.push(input, false)?;
            return Ok(outcome);
        }
        let ticket = self.guarded(&mut state, |state| state.push(input))?;
        let drained = state.join();
        drop(state);
        let taken: Vec<Taken> = self.wait(py, &[ticket], drained)?;
        self.outcome(py, taken.into_iter().next().flatten())
    }

    /// Waits, without the interpreter, until the drain that was going on has ended.
    pub fn wait(&self, py: Python<'_>, tickets: &[Ticket], drained: u64) -> Result<Vec<Taken>, Error> {
        loop {
            let taken = py.detach(|| {
                let (mut state, _) = self
                    .quiet
                    .wait_timeout_while(self.lock(), SIGNAL_INTERVAL, |state| state.drained == drained)
                    .unwrap_or_else(PoisonError::into_inner);
                if state.drained == drained {
                    return Ok(None);
                }
                state.waiting -= 1;
                match &state.poisoned {
                    Some(poison) => Err(Error::from(poison.clone())),
                    None => Ok(Some(tickets.iter().map(|ticket| state.take(*ticket)).collect())),
                }
            })?;
            if let Some(taken) = taken {
                return Ok(taken);
            }
            // The answer is then nobody's; the input itself is taken all the same.
            py.check_signals()?;
        }
    }

    /// Drains unless somebody does already: for market data, which has no answer.
    pub fn drain_if_idle(&self, py: Python<'_>, state: MutexGuard<'_, State>) -> Result<(), Error> {
        if state.writer != 0 {
            return Ok(());
        }
        let (state, interrupt) = self.drain(py, state)?;
        drop(state);
        interrupt.map_or(Ok(()), |interrupt| Err(interrupt.into()))
    }

    /// Works until quiet. The lock comes back in the caller's hands.
    #[inline]
    pub fn drain<'a>(
        &'a self,
        py: Python<'_>,
        state: MutexGuard<'a, State>,
    ) -> Result<(MutexGuard<'a, State>, Option<PyErr>), Error> {
        self.drain_with(Hold::Has(py), state)
    }

    /// The same for a thread that need not have the interpreter.
    #[inline]
    pub fn drain_with<'a>(
        &'a self,
        hold: Hold<'_>,
        mut state: MutexGuard<'a, State>,
    ) -> Result<(MutexGuard<'a, State>, Option<PyErr>), Error> {
        let mut interrupt = None;
        state.writer = this_thread();
        let _writing = Writing(self);
        loop {
            let progress;
            (state, progress) = self.work(hold, state)?;
            match progress {
                // Something came in while the interpreter was taken back: this drain is its too.
                Progress::Quiet if !state.core.is_quiet() => {}
                Progress::Quiet => {
                    if let Some(observer) = &self.observer
                        && state.observed_seq != state.core.kernel().seq()
                    {
                        if let Err(failed) = self.guarded(&mut state, State::settle_marks) {
                            self.end_drain(&mut state);
                            return Err(failed);
                        }
                        let (changes, slots) = state.unseen();
                        let seq = state.observed_seq;
                        drop(state);
                        let seen = hold.with(|py| observe(observer.bind(py), changes, slots, seq));
                        state = self.come_back()?;
                        let Some(seen) = seen else { return Err(self.left_alone(&mut state)) };
                        interrupt = interrupt.or(seen.err());
                        continue;
                    }
                    state.asked_limits = None;
                    let closing = std::mem::take(&mut state.closing);
                    let closed = if closing { self.guarded(&mut state, State::close_log) } else { Ok(()) };
                    self.end_drain(&mut state);
                    closed?;
                    return Ok((state, interrupt));
                }
                Progress::Yield => {
                    drop(state);
                    state = self.lock();
                }
                Progress::Failed(error) => {
                    let poison = Poison::Log(log::failure(&error));
                    return Err(self.stop(&mut state, poison));
                }
                Progress::Call(call) => {
                    let reason = call.ticket.and_then(|ticket| {
                        let found = state.reasons.iter().find(|(known, _)| *known == ticket);
                        found.map(|(_, reason)| reason.clone())
                    });
                    let now_ns = state.core.now_ns();
                    let question = Question::of(state.core.kernel(), call.command, reason);
                    drop(state);
                    let reply = match &self.adapter {
                        Some(adapter) => hold.with(|py| question.ask(py, adapter.bind(py), now_ns)),
                        None => Some(super::adapter::Reply::default()),
                    };
                    state = self.come_back()?;
                    let Some(reply) = reply else { return Err(self.left_alone(&mut state)) };
                    for input in &reply.inputs {
                        state.wanted.hear(input);
                    }
                    state.core.feed(call.ticket, reply.inputs);
                    state.note(call.ticket, reply.trouble);
                    interrupt = interrupt.or(reply.interrupt);
                }
            }
        }
    }

    /// The interpreter is ending, and a request could not be put: as a kill would leave it.
    #[cold]
    fn left_alone(&self, state: &mut State) -> Error {
        self.poison(state, "the interpreter ended")
    }

    /// The state again, after Python ran. Python may have forked: the child goes no further.
    #[inline]
    fn come_back(&self) -> Result<MutexGuard<'_, State>, Error> {
        if self.is_forked() { Err(self.forked()) } else { Ok(self.lock()) }
    }

    /// Lets the engine work. With a log it waits for the disk, so other threads get the interpreter meanwhile. The lock
    /// is then taken and let go of without the interpreter: who has it waits for the lock in [`Shared::open`], and would
    /// wait for ever if the lock's owner waited for the interpreter.
    #[inline]
    fn work<'a>(
        &'a self,
        hold: Hold<'_>,
        mut state: MutexGuard<'a, State>,
    ) -> Result<(MutexGuard<'a, State>, Progress), Error> {
        match hold {
            Hold::Has(py) if state.core.has_log() => {
                drop(state);
                let progress = py.detach(|| self.run(&mut self.lock()))?;
                Ok((self.lock(), progress))
            }
            Hold::Has(_) | Hold::Takes => {
                let progress = self.run(&mut state)?;
                Ok((state, progress))
            }
        }
    }

    #[inline]
    fn run(&self, state: &mut State) -> Result<Progress, Error> {
        match catch_unwind(AssertUnwindSafe(|| state.core.run())) {
            Ok(progress) => Ok(progress),
            Err(panic) => Err(self.poison(state, &panic_text(&*panic))),
        }
    }

    #[inline]
    pub fn outcome(&self, py: Python<'_>, taken: Taken) -> Result<OutcomeView, Error> {
        let Some((answer, troubles)) = taken else {
            return Err(Error::Poisoned("an answer is missing".into()));
        };
        // The first one is what went wrong; a query that failed as well only followed from it.
        let extra = match (troubles.into_iter().next(), &self.adapter) {
            (Some(trouble), Some(adapter)) => trouble.details(adapter.bind(py)),
            (Some(_), None) | (None, _) => Details::EMPTY,
        };
        Ok(OutcomeView { answer, extra })
    }
}

/// Hands a drain's transitions, the slots concerned, the venue's event behind each transition, and the last input that
/// the slots have seen to the followers.
fn observe(
    observer: &Bound<'_, PyAny>,
    changes: Vec<Observed>,
    slots: Vec<SlotView>,
    seq: u64,
) -> PyResult<()> {
    let py = observer.py();
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

/// The outcome of an input that waits behind others: no verdict yet.
pub fn queued(state: &State, input: &Input) -> OutcomeView {
    let (slot_id, trade_id) = match input {
        Input::Intent(intent) => (Some(intent.slot_id), intent.trade_id.clone()),
        Input::Venue(event) => (event.slot_id, event.trade_id.clone()),
        other => (other.slot_id(), Id::EMPTY),
    };
    let answer = untaken(state, (KernelDiagnosticCode::Ok, Severity::Info), slot_id, trade_id);
    OutcomeView { answer, extra: Details::EMPTY.with("queued", Detail::Flag(true)) }
}

/// The answer to what was not taken: the kernel is as it was.
pub fn untaken(
    state: &State,
    (code, severity): (KernelDiagnosticCode, Severity),
    slot_id: Option<u32>,
    trade_id: Id,
) -> Answer {
    let kernel = state.core.kernel();
    let outcome = Outcome {
        seq: kernel.seq(),
        accepted: false,
        code,
        severity,
        slot_id,
        state: slot_id.and_then(|slot_id| kernel.slot(slot_id)).map(|slot| slot.stage),
        detail: CoreDetail::None,
    };
    Answer {
        outcome,
        trade_id,
        transitions: Vec::new(),
        notices: Vec::new(),
        events: Vec::new(),
        durable: false,
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "no text".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use dita_engine::{EngineConfig, Port};

    use super::*;

    #[test]
    fn a_panic_poisons_the_kernel_and_stays_inside() -> PyResult<()> {
        Python::initialize();
        Python::attach(|py| {
            let core = Shell::new(EngineConfig::default(), Port::Foreign).map_err(Error::from)?;
            let shared = Shared::new(State::new(core), None, None);
            shared.put(py, Input::Time, None, Patience::Answer)?;
            let section = |_: &mut State| -> Result<(), Error> { panic!("overflow") };
            let failed = shared.guarded(&mut shared.lock(), section);
            assert!(matches!(failed, Err(Error::Poisoned(_))));
            for _ in 0..2 {
                let later = shared.put(py, Input::Time, None, Patience::Answer);
                let Err(Error::Poisoned(why)) = later else { panic!("a poisoned kernel went on") };
                assert!(why.contains("overflow") && why.contains("reopen"), "{why}");
            }
            Ok(())
        })
    }
}
