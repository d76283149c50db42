//! A live kernel's own clock: a thread that wakes when something is due, and goes through the same drain as everybody.
//!
//! It sleeps until the core or the simulated venue next wants something, and never longer than [`POLL`], so that it
//! notices when it has slept too long: then the process was stopped or the machine suspended, and what the venue said
//! meanwhile may be lost. It takes what foreign calls need only where something foreign has to be called.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dita_engine::{Clock, boot_ns};
use dita_kernel::input::Input;

use crate::alarm::{Alarm, unpoisoned};
use crate::drain::{Drain, this_thread};
use crate::error::{Failure, HostError};
use crate::foreign::{Foreign, Hold};
use crate::state::State;

/// The longest sleep: an idle kernel wakes ten times a second.
const POLL: Duration = Duration::from_millis(100);
pub(crate) const NANOS_PER_MILLI: i64 = 1_000_000;

/// How a timer stands.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct TimerStanding {
    /// True while it runs.
    pub runs: bool,
    /// How often it has woken.
    pub wakes: u64,
    /// How often so late that the process cannot have run.
    pub late_wakes: u64,
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

/// The thread. It holds the drain only while it works, so that one that nobody closes can still go.
fn run<F: Foreign>(drain: &Weak<Drain<F>>, alarm: &Alarm) {
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
        let Some(drain) = drain.upgrade() else { return };
        let Some(next) = drain.tick(alarm, lost) else { return };
        longest = next;
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl<F: Foreign> Drain<F> {
    /// Does what is due, and gives how long there is nothing to do at most; `None` once there never will be.
    fn tick(&self, alarm: &Alarm, lost: Option<i64>) -> Option<Duration> {
        drop(self.at_work()?);
        if let Some(lost_ns) = lost {
            alarm.late_wakes.fetch_add(1, Ordering::Relaxed);
            self.lose(lost_ns)?;
        }
        let state = self.at_work()?;
        let before_ns = state.core.next_due_ns(self.is_asked(&state));
        drop(self.bring(state)?);
        self.try_repair()?;
        let mut state = self.at_work()?;
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
    pub(crate) fn at_work(&self) -> Option<MutexGuard<'_, State<F>>> {
        if self.is_forked() {
            return None;
        }
        let mut state = self.lock();
        state.wanted.sleeps_until_ns = i64::MIN;
        let over = state.closed || state.poisoned.is_some();
        (!over).then_some(state)
    }

    /// True where every request was put to a venue outside, which should have answered.
    fn is_asked(&self, state: &State<F>) -> bool {
        self.foreign.answers() && state.writer == 0
    }

    /// Brings what is due, and drains where nobody else does.
    fn bring<'a>(&'a self, mut state: MutexGuard<'a, State<F>>) -> Option<MutexGuard<'a, State<F>>> {
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
    pub(crate) fn take<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<F>>,
    ) -> Option<MutexGuard<'a, State<F>>> {
        if state.writer != 0 {
            state.wanted.behind = Some(state.drained);
            return Some(state);
        }
        let (state, interrupt) = self.drain(Hold::Takes, state).ok()?;
        let Some(interrupt) = interrupt else { return Some(state) };
        drop(state);
        F::attached(|held| F::tell(held, interrupt))?;
        self.at_work()
    }

    pub(crate) fn push_own(&self, mut state: MutexGuard<'_, State<F>>, input: Input) -> Option<()> {
        let pushed = self.guarded(&mut state, |state| Ok(state.core.push(input, false)?));
        match pushed {
            Ok(_) => self.take(state).map(drop),
            Err(_) => Some(()),
        }
    }

    /// Starts the timer, where time is not driven; once. A wake-up `late_ms` too late means that the process did not run.
    ///
    /// # Errors
    /// The kernel cannot be used, or the system gives no thread.
    pub fn start_timer(self: &Arc<Self>, late_ms: i64) -> Result<(), Failure<F>> {
        let clock = self.open()?.core.clock();
        if clock == Clock::Driven {
            return Ok(());
        }
        let alarm = Arc::new(Alarm::of(late_ms.saturating_mul(NANOS_PER_MILLI)));
        if self.alarm.set(alarm.clone()).is_err() {
            return Ok(());
        }
        let drain = Arc::downgrade(self);
        let its = alarm.clone();
        let body = move || {
            // What panics in here is a bug of the shell: the drain has poisoned the kernel, and says so.
            let _ = catch_unwind(AssertUnwindSafe(|| run(&drain, &its)));
            its.ring(|ringing| ringing.ended = true);
        };
        match std::thread::Builder::new().name("dita-timer".into()).spawn(body) {
            Ok(thread) => *unpoisoned(&alarm.thread) = Some(thread),
            Err(error) => {
                alarm.ring(|ringing| ringing.ended = true);
                let why = format!("the kernel's timer cannot be started: {error}");
                return Err(HostError::NoTimer(why.into_boxed_str()));
            }
        }
        Ok(())
    }

    /// Has the timer end, and waits for that where another thread asks, with `patience` at most so long; `false` where it
    /// is still at work.
    ///
    /// # Errors
    /// The call was interrupted.
    pub fn end_timer(&self, held: F::Held<'_>, patience: Option<Duration>) -> Result<bool, Failure<F>> {
        let Some(alarm) = self.alarm.get().filter(|_| !self.is_forked()) else { return Ok(true) };
        alarm.end();
        if alarm.mark.load(Ordering::Acquire) == this_thread() {
            return Ok(true);
        }
        let began = Instant::now();
        while !F::released(held, || alarm.has_ended()) {
            if patience.is_some_and(|patience| began.elapsed() >= patience) {
                return Ok(false);
            }
            F::check_signals(held).map_err(HostError::Interrupted)?;
        }
        let thread = unpoisoned(&alarm.thread).take();
        // It has said that it ended: a panic of its own was caught before.
        let joined = F::released(held, || thread.map(JoinHandle::join));
        debug_assert!(joined.is_none_or(|joined| joined.is_ok()));
        Ok(true)
    }

    /// How the timer stands.
    pub fn timer(&self) -> TimerStanding {
        self.alarm.get().map_or_else(TimerStanding::default, |alarm| TimerStanding {
            runs: alarm.runs(),
            wakes: alarm.wakes.load(Ordering::Relaxed),
            late_wakes: alarm.late_wakes.load(Ordering::Relaxed),
        })
    }

    /// Has the timer believe that it wakes so much too late, ns: for tests, which should not wait for that.
    pub fn oversleep(&self, lost_ns: i64) {
        if let Some(alarm) = self.alarm.get() {
            alarm.overslept_ns.store(lost_ns, Ordering::Relaxed);
            alarm.ring(|ringing| ringing.rung = true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

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
