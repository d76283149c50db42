//! A live kernel's own clock: a thread that wakes when something is due, and goes through the same drain as everybody.
//!
//! It sleeps until the core or the simulated venue next wants something, and never longer than [`POLL`], so that it
//! notices when it has slept too long: then the process was stopped or the machine suspended, and what the venue said
//! meanwhile may be lost. It takes the interpreter only where an adapter, an observer or the repair has to be called.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dita_engine::{CLOCK_SKEW_TOLD_NS, Clock, boot_ns};
use dita_kernel::input::{Input, RareFields, VenueEvent};
use dita_kernel::names::{KernelDiagnosticCode, KernelEventKind};
use pyo3::exceptions::PyOSError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Engine;
use super::drain::{Hold, SIGNAL_INTERVAL, Shared, State, this_thread};
use crate::errors::Error;
use crate::names;

/// The longest sleep: an idle kernel wakes ten times a second.
const POLL: Duration = Duration::from_millis(100);
/// After a repair that came to nothing the next one waits so long, ns.
const REPAIR_AGAIN_NS: i64 = 5_000_000_000;
/// After each drain so many orders are looked through for a question that is due before the next wake.
const WATCHED_FEW: usize = 64;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// What the timer has under way, guarded by the state's lock.
pub struct Wanted {
    /// Kernel time up to which it sleeps, ns; `i64::MIN` while it is awake.
    sleeps_until_ns: i64,
    /// The drain that it has left its inputs behind.
    behind: Option<u64>,
    /// True from a DISCONNECTED of the venue's own until its RESYNCED: then the repair is the adapter's.
    venue_says_down: bool,
    /// What there is to repair.
    repair: Option<Repair>,
}

/// A stretch of time in which the venue was not heard.
#[derive(Clone, Copy)]
struct Repair {
    /// Kernel time of its beginning, ns.
    since_ns: i64,
    /// The next attempt, as time since the machine was started, ns.
    next_ns: i64,
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted { sleeps_until_ns: i64::MIN, behind: None, venue_says_down: false, repair: None }
    }
}

impl Wanted {
    /// Hears what the venue says of the connection.
    #[inline]
    pub fn hear(&mut self, input: &Input) {
        let Input::Venue(event) = input else { return };
        if event.kind == KernelEventKind::Disconnected {
            self.venue_says_down = true;
        } else if event.kind == KernelEventKind::Resynced {
            self.venue_says_down = false;
        }
    }
}

/// How the thread is woken and ended.
pub struct Alarm {
    ringing: Mutex<Ringing>,
    bell: Condvar,
    /// Python's part of a repair: `asleep(since_ns)` and `repair(since_ns) -> bool`.
    waking: Option<Py<PyAny>>,
    /// Lateness that means that the process did not run, ns.
    late_ns: i64,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The thread's mark ([`this_thread`]).
    mark: AtomicUsize,
    wakes: AtomicU64,
    late_wakes: AtomicU64,
    /// What tests say that the next sleep was too long, ns.
    overslept_ns: AtomicI64,
}

#[derive(Default)]
struct Ringing {
    rung: bool,
    end: bool,
    ended: bool,
}

fn unpoisoned<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Alarm {
    /// A drain has ended: something may be due before the timer wakes.
    #[inline]
    pub fn hear(&self, state: &State) {
        let Wanted { sleeps_until_ns, behind, .. } = state.wanted;
        let kernel = state.core.kernel();
        let answer_ns = state.core.simulated_venue().and_then(|venue| venue.next_due_ns());
        // Of many orders the poll finds what is due.
        let few = (1..=WATCHED_FEW).contains(&kernel.watched());
        let question_ns = if few { kernel.next_due_ns() } else { None };
        let sooner = [answer_ns, question_ns].into_iter().flatten().any(|due_ns| due_ns < sleeps_until_ns);
        if behind.is_some() || sooner {
            self.ring(|ringing| ringing.rung = true);
        }
    }

    /// Python's part of a repair.
    pub fn waking(&self) -> Option<&Py<PyAny>> {
        self.waking.as_ref()
    }

    /// Has the thread end. Waits for nothing.
    pub fn end(&self) {
        self.ring(|ringing| ringing.end = true);
    }

    fn ring(&self, how: impl FnOnce(&mut Ringing)) {
        how(&mut unpoisoned(&self.ringing));
        self.bell.notify_all();
    }

    /// Sleeps; `false` where the thread has to end.
    fn sleep(&self, longest: Duration) -> bool {
        let ringing = unpoisoned(&self.ringing);
        let waited = self.bell.wait_timeout_while(ringing, longest, |ringing| !ringing.rung && !ringing.end);
        let mut ringing = waited.unwrap_or_else(PoisonError::into_inner).0;
        ringing.rung = false;
        !ringing.end
    }

    /// True once the thread has ended; waits for that a while.
    fn has_ended(&self) -> bool {
        let ringing = unpoisoned(&self.ringing);
        let waited = self.bell.wait_timeout_while(ringing, SIGNAL_INTERVAL, |ringing| !ringing.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }
}

/// Notices that the process did not run for a while.
struct Watchman {
    late_ns: i64,
    /// Time since the machine was started less the time that it ran, ns: grows by each suspend.
    suspended_ns: i64,
}

impl Watchman {
    /// For how long nothing ran, ns, if it was too long: asleep past the planned time, or suspended at whatever moment.
    fn lost(&mut self, planned_ns: i64, woke_ns: i64, suspended_ns: i64) -> Option<i64> {
        let suspended = suspended_ns.saturating_sub(std::mem::replace(&mut self.suspended_ns, suspended_ns));
        Some(woke_ns.saturating_sub(planned_ns).max(suspended)).filter(|late_ns| *late_ns > self.late_ns)
    }
}

/// The thread. It holds the engine only while it works, so that one that nobody closes can still go.
fn run(engine: &Weak<Shared>, alarm: &Alarm) {
    let (start_ns, started) = (boot_ns(), Instant::now());
    let mut watchman = Watchman { late_ns: alarm.late_ns, suspended_ns: 0 };
    let mut longest = Duration::ZERO;
    alarm.mark.store(this_thread(), Ordering::Release);
    loop {
        let planned_ns = boot_ns().saturating_add(nanos(longest));
        if !alarm.sleep(longest) {
            return;
        }
        let planned_ns = planned_ns.saturating_sub(alarm.overslept_ns.swap(0, Ordering::Relaxed));
        let (woke_ns, ran) = (boot_ns(), nanos(started.elapsed()));
        let lost = watchman.lost(planned_ns, woke_ns, woke_ns.saturating_sub(start_ns).saturating_sub(ran));
        alarm.wakes.fetch_add(1, Ordering::Relaxed);
        let Some(engine) = engine.upgrade() else { return };
        let Some(next) = engine.tick(alarm, lost) else { return };
        longest = next;
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// What the timer says of the connection.
fn connection_event(kind: KernelEventKind, time_ns: i64, reason: String) -> Input {
    let mut event = VenueEvent::new(kind, time_ns);
    event.rare = Some(Box::new(RareFields { reason: reason.into_boxed_str(), ..RareFields::default() }));
    Input::Venue(Box::new(event))
}

impl Shared {
    /// Does what is due, and gives how long there is nothing to do at most; `None` once there never will be.
    fn tick(&self, alarm: &Alarm, lost: Option<i64>) -> Option<Duration> {
        let state = self.at_work()?;
        drop(state);
        if let Some(lost_ns) = lost {
            alarm.late_wakes.fetch_add(1, Ordering::Relaxed);
            self.lose(alarm, lost_ns)?;
        }
        let mut state = self.at_work()?;
        let before_ns = state.core.next_due_ns(self.is_asked(&state));
        drop(self.bring(state)?);
        self.try_repair(alarm)?;
        state = self.at_work()?;
        let (now_ns, due_ns) = (state.core.clock_ns(), state.core.next_due_ns(self.is_asked(&state)));
        let longest = match due_ns {
            // What could not be brought is tried again with the next wake.
            Some(due_ns) if due_ns <= now_ns && (Some(due_ns) == before_ns || state.writer != 0) => POLL,
            Some(due_ns) => {
                let wait_ns = u64::try_from(due_ns.saturating_sub(now_ns)).unwrap_or(0);
                POLL.min(Duration::from_nanos(wait_ns))
            }
            None => POLL,
        };
        state.wanted.sleeps_until_ns = now_ns.saturating_add(nanos(longest));
        Some(longest)
    }

    /// The state, while the kernel takes anything.
    fn at_work(&self) -> Option<MutexGuard<'_, State>> {
        if self.is_forked() {
            return None;
        }
        let mut state = self.lock();
        state.wanted.sleeps_until_ns = i64::MIN;
        let over = state.closed || state.poisoned.is_some();
        (!over).then_some(state)
    }

    /// True where every request was put to an adapter, which should have answered.
    fn is_asked(&self, state: &State) -> bool {
        self.adapter.is_some() && state.writer == 0
    }

    /// Brings what is due, and drains where nobody else does.
    fn bring<'a>(&'a self, mut state: MutexGuard<'a, State>) -> Option<MutexGuard<'a, State>> {
        let asked = self.is_asked(&state);
        let busy = state.writer != 0;
        if busy && state.wanted.behind == Some(state.drained) {
            return Some(state);
        }
        state.wanted.behind = None;
        let brought = self.guarded(&mut state, |state| Ok(state.core.bring_due(asked)?));
        match brought {
            Ok(0) => Some(state),
            Ok(_) => self.take(state),
            // A full inbox has room once its drain is over.
            Err(_) if state.poisoned.is_none() => Some(state),
            Err(_) => None,
        }
    }

    /// Has what is in the inbox taken: by the drain that goes on, or here.
    fn take<'a>(&'a self, mut state: MutexGuard<'a, State>) -> Option<MutexGuard<'a, State>> {
        if state.writer != 0 {
            state.wanted.behind = Some(state.drained);
            return Some(state);
        }
        let (state, interrupt) = self.drain_with(Hold::Takes, state).ok()?;
        let Some(interrupt) = interrupt else { return Some(state) };
        drop(state);
        tell(interrupt)?;
        self.at_work()
    }

    /// The process did not run for a while: what the venue said then may be lost.
    fn lose(&self, alarm: &Alarm, lost_ns: i64) -> Option<()> {
        let mut state = self.at_work()?;
        // Where it is gone already, whoever has said so repairs it. Before the first input there is nothing to lose.
        if state.core.kernel().seq() == 0 || state.core.kernel().disconnected_since_ns().is_some() {
            return Some(());
        }
        let since_ns = state.core.clock_ns().saturating_sub(lost_ns);
        drop(state);
        // Before any input of the time after: should this process end now, the next one must ask as far back.
        if let Some(waking) = &alarm.waking {
            let told = Python::try_attach(|py| {
                waking.call_method1(py, intern!(py, "asleep"), (since_ns, lost_ns)).map(drop)
            })?;
            told.or_else(|error| tell(error).ok_or(())).ok()?;
        }
        let mut state = self.at_work()?;
        let reason = format!("this process did not run for {} ms", lost_ns / NANOS_PER_MILLI);
        let gone = connection_event(KernelEventKind::Disconnected, since_ns, reason);
        state.wanted.repair = Some(Repair { since_ns, next_ns: i64::MIN });
        self.push_own(state, gone)
    }

    fn push_own(&self, mut state: MutexGuard<'_, State>, input: Input) -> Option<()> {
        let pushed = self.guarded(&mut state, |state| Ok(state.core.push(input, false)?));
        match pushed {
            Ok(_) => self.take(state).map(drop),
            Err(_) => Some(()),
        }
    }

    /// Catches up with the venue, where there is something to catch up with and the adapter does not do it by itself.
    fn try_repair(&self, alarm: &Alarm) -> Option<()> {
        let mut state = self.at_work()?;
        let Some(repair) = state.wanted.repair.filter(|_| state.writer == 0) else { return Some(()) };
        if state.core.kernel().disconnected_since_ns().is_none() {
            state.wanted.repair = None;
            return Some(());
        }
        if state.wanted.venue_says_down || boot_ns() < repair.next_ns {
            return Some(());
        }
        let inside = state.core.simulated_venue().is_some();
        drop(state);
        let repaired = match &alarm.waking {
            _ if inside => true,
            Some(waking) => Python::try_attach(|py| {
                let answer = waking.call_method1(py, intern!(py, "repair"), (repair.since_ns,));
                answer.and_then(|answer| answer.extract::<bool>(py)).unwrap_or_else(|error| {
                    error.write_unraisable(py, None);
                    false
                })
            })?,
            None => false,
        };
        let mut state = self.at_work()?;
        let next_ns = boot_ns().saturating_add(REPAIR_AGAIN_NS);
        state.wanted.repair = Some(Repair { next_ns, ..repair });
        if !repaired || state.wanted.venue_says_down {
            return Some(());
        }
        let now_ns = state.core.clock_ns();
        self.push_own(state, connection_event(KernelEventKind::Resynced, now_ns, "caught up".into()))
    }

    /// Starts the timer, where time is not driven; once.
    pub fn start_timer(self: &Arc<Self>, late_ms: i64, waking: Option<Py<PyAny>>) -> Result<(), Error> {
        let clock = self.open()?.core.clock();
        if clock == Clock::Driven {
            return Ok(());
        }
        let alarm = Arc::new(Alarm {
            ringing: Mutex::default(),
            bell: Condvar::new(),
            waking,
            late_ns: late_ms.saturating_mul(NANOS_PER_MILLI),
            thread: Mutex::new(None),
            mark: AtomicUsize::new(0),
            wakes: AtomicU64::new(0),
            late_wakes: AtomicU64::new(0),
            overslept_ns: AtomicI64::new(0),
        });
        if self.alarm.set(alarm.clone()).is_err() {
            return Ok(());
        }
        let engine = Arc::downgrade(self);
        let its = alarm.clone();
        let body = move || {
            // What panics in here is a bug of the bindings: the drain has poisoned the kernel, and says so.
            let _ = catch_unwind(AssertUnwindSafe(|| run(&engine, &its)));
            its.ring(|ringing| ringing.ended = true);
        };
        match std::thread::Builder::new().name("dita-timer".into()).spawn(body) {
            Ok(thread) => *unpoisoned(&alarm.thread) = Some(thread),
            Err(error) => {
                alarm.ring(|ringing| ringing.ended = true);
                let why = format!("the kernel's timer cannot be started: {error}");
                return Err(PyOSError::new_err(why).into());
            }
        }
        Ok(())
    }

    /// Has the timer end, and waits for that where another thread asks, with `patience` at most so long; `false` where it
    /// is still at work.
    pub fn end_timer(&self, py: Python<'_>, patience: Option<Duration>) -> Result<bool, Error> {
        let Some(alarm) = self.alarm.get().filter(|_| !self.is_forked()) else { return Ok(true) };
        alarm.end();
        if alarm.mark.load(Ordering::Acquire) == this_thread() {
            return Ok(true);
        }
        let began = Instant::now();
        while !py.detach(|| alarm.has_ended()) {
            if patience.is_some_and(|patience| began.elapsed() >= patience) {
                return Ok(false);
            }
            py.check_signals()?;
        }
        let thread = unpoisoned(&alarm.thread).take();
        // It has said that it ended: a panic of its own was caught before.
        let joined = py.detach(|| thread.map(JoinHandle::join));
        debug_assert!(joined.is_none_or(|joined| joined.is_ok()));
        Ok(true)
    }
}

/// Shows what nobody is there to be raised to; `None` where the interpreter is ending.
fn tell(error: PyErr) -> Option<()> {
    Python::try_attach(|py| error.write_unraisable(py, None))
}

#[pymethods]
impl Engine {
    /// Starts the timer, where time is not driven; once. `late_ms`: a wake-up so much too late means that the process did
    /// not run. `waking` has `asleep(since_ns, lost_ns)` and `repair(since_ns) -> bool`.
    #[pyo3(signature = (late_ms, waking=None))]
    fn start_timer(&self, late_ms: i64, waking: Option<Py<PyAny>>) -> Result<(), Error> {
        self.shared.start_timer(late_ms, waking)
    }

    /// Ends the timer, and waits for that, at most so long; `false` where it is still at work.
    #[pyo3(signature = (patience_ms=None))]
    fn end_timer(&self, py: Python<'_>, patience_ms: Option<u64>) -> Result<bool, Error> {
        self.shared.end_timer(py, patience_ms.map(Duration::from_millis))
    }

    /// Has the timer believe that it wakes so much too late, ns: for tests, which should not wait for that.
    fn oversleep(&self, lost_ns: i64) {
        if let Some(alarm) = self.shared.alarm.get() {
            alarm.overslept_ns.store(lost_ns, Ordering::Relaxed);
            alarm.ring(|ringing| ringing.rung = true);
        }
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
        let alarm = self.shared.alarm.get();
        let count =
            |counter: fn(&Alarm) -> &AtomicU64| alarm.map_or(0, |it| counter(it).load(Ordering::Relaxed));
        let dict = PyDict::new(py);
        dict.set_item("source", if live { "SYSTEM" } else { "MANUAL" })?;
        dict.set_item("diagnostic_code", names::get(py, code)?)?;
        dict.set_item("skew_ns", skew_ns)?;
        dict.set_item("timer", alarm.is_some_and(|it| !unpoisoned(&it.ringing).ended))?;
        dict.set_item("wakes", count(|it| &it.wakes))?;
        dict.set_item("late_wakes", count(|it| &it.late_wakes))?;
        dict.set_item("disconnected_since_ns", down_ns)?;
        Ok(dict)
    }
}

#[cfg(test)]
mod tests {
    use dita_engine::{Engine as Shell, EngineConfig, Port};
    use dita_kernel::id::Id;
    use dita_kernel::input::{FundingTerms, InstrumentSpec};
    use dita_kernel::num::Decimal;

    use super::super::drain::Patience;
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    /// How long a thread may take to end before the test fails.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A kernel without a venue, whose timer runs.
    fn live() -> Result<Arc<Shared>, Error> {
        let config = EngineConfig { clock: Clock::System, ..EngineConfig::default() };
        let shared = Arc::new(Shared::new(State::new(Shell::new(config, Port::Foreign)?), None, None));
        shared.start_timer(5_000, None)?;
        Ok(shared)
    }

    #[test]
    fn a_kernel_that_is_poisoned_or_closed_ends_its_timer() -> PyResult<()> {
        type Way = fn(&Shared, Python<'_>) -> Result<(), Error>;
        let ways: [Way; 2] = [
            |shared, _| {
                let section = |_: &mut State| -> Result<(), Error> { panic!("overflow") };
                assert!(matches!(shared.guarded(&mut shared.lock(), section), Err(Error::Poisoned(_))));
                Ok(())
            },
            |shared, py| shared.close(py, Some(PATIENCE)).map(|closed| assert!(closed)),
        ];
        Python::initialize();
        Python::attach(|py| {
            for way in ways {
                let shared = live()?;
                let alarm = shared.alarm.get().cloned().ok_or(Error::Closed)?;
                assert!(!unpoisoned(&alarm.ringing).ended);
                way(&shared, py)?;
                let began = Instant::now();
                while !py.detach(|| alarm.has_ended()) {
                    assert!(began.elapsed() < PATIENCE, "the timer goes on");
                }
                assert!(shared.end_timer(py, Some(PATIENCE))?, "again, it does nothing");
            }
            Ok(())
        })
    }

    #[test]
    fn a_timer_goes_with_its_kernel_and_needs_no_interpreter_for_a_tick() -> PyResult<()> {
        Python::initialize();
        Python::attach(|py| {
            let shared = live()?;
            let alarm = shared.alarm.get().cloned().ok_or(Error::Closed)?;
            shared.put(py, Input::Time, None, Patience::Answer)?;
            let spec = InstrumentSpec::linear(
                Id::new("BTCUSDT").unwrap_or_default(),
                Id::new("BTC").unwrap_or_default(),
                Id::new("USDT").unwrap_or_default(),
                Decimal::ONE,
                Decimal::ONE,
            );
            let symbol = spec.symbol.clone();
            shared.put(py, Input::Instrument(Box::new(spec)), None, Patience::Answer)?;
            let boundary_ns = shared.lock().core.clock_ns() + SECOND / 20;
            let terms = FundingTerms {
                symbol,
                rate: Some(Decimal::ZERO),
                next_boundary_ns: Some(boundary_ns),
                interval_secs: None,
                mark_price: None,
                venue_time_ns: 0,
            };
            shared.put(py, Input::Funding(Box::new(terms)), None, Patience::Answer)?;
            // This thread keeps the interpreter meanwhile.
            let seq = shared.lock().core.kernel().seq();
            let began = Instant::now();
            while shared.lock().core.kernel().seq() == seq {
                assert!(began.elapsed() < PATIENCE, "the boundary was not met");
                std::thread::yield_now();
            }
            assert!(shared.lock().core.now_ns() >= boundary_ns);
            drop(shared);
            while !py.detach(|| alarm.has_ended()) {
                assert!(began.elapsed() < PATIENCE, "nobody has told it");
            }
            Ok(())
        })
    }

    #[test]
    #[rustfmt::skip]
    fn a_process_that_slept_past_its_time_or_was_suspended_has_lost_that_time() {
        // planned, woke, suspended in all; lost
        let mut watchman = Watchman { late_ns: 5 * SECOND, suspended_ns: 0 };
        for (planned_ns, woke_ns, suspended_ns, lost) in [
            (0, 0,               0,           None),
            (0, 5 * SECOND,      0,           None),
            (0, 5 * SECOND + 1,  0,           Some(5 * SECOND + 1)),
            (0, -1,              4 * SECOND,  None),
            (0, 0,               8 * SECOND,  None),
            // In the midst of work, which is no sleep.
            (0, 0,               20 * SECOND, Some(12 * SECOND)),
            (0, 0,               20 * SECOND, None),
            (0, 30 * SECOND,     50 * SECOND, Some(30 * SECOND)),
        ] {
            assert_eq!(watchman.lost(planned_ns, woke_ns, suspended_ns), lost, "{woke_ns} {suspended_ns}");
        }
    }
}
