//! How the timer's thread is woken and ended, and what it counts.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::drain::SIGNAL_INTERVAL;
use crate::foreign::Foreign;
use crate::repair::Wanted;
use crate::state::State;

/// After each drain so many orders are looked through for a question that is due before the next wake.
const WATCHED_FEW: usize = 64;

/// How the thread is woken and ended.
#[derive(Default)]
pub(crate) struct Alarm {
    ringing: Mutex<Ringing>,
    bell: Condvar,
    /// Lateness that means that the process did not run, ns.
    pub(crate) late_ns: i64,
    pub(crate) thread: Mutex<Option<JoinHandle<()>>>,
    /// The thread's mark ([`crate::this_thread`]).
    pub(crate) mark: AtomicUsize,
    pub(crate) wakes: AtomicU64,
    pub(crate) late_wakes: AtomicU64,
    /// What tests say that the next sleep was too long, ns.
    pub(crate) overslept_ns: AtomicI64,
}

#[derive(Default)]
pub(crate) struct Ringing {
    pub(crate) rung: bool,
    end: bool,
    pub(crate) ended: bool,
}

pub(crate) fn unpoisoned<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Alarm {
    /// Of a thread that is to be started; `late_ns` says how late means that the process did not run.
    pub(crate) fn of(late_ns: i64) -> Alarm {
        Alarm { late_ns, ..Alarm::default() }
    }

    /// A drain has ended: something may be due before the timer wakes.
    #[inline]
    pub(crate) fn hear<F: Foreign>(&self, state: &State<F>) {
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

    /// Has the thread end. Waits for nothing.
    pub(crate) fn end(&self) {
        self.ring(|ringing| ringing.end = true);
    }

    pub(crate) fn ring(&self, how: impl FnOnce(&mut Ringing)) {
        how(&mut unpoisoned(&self.ringing));
        self.bell.notify_all();
    }

    /// Sleeps; `false` where the thread has to end.
    pub(crate) fn sleep(&self, longest: Duration) -> bool {
        let ringing = unpoisoned(&self.ringing);
        let waited = self.bell.wait_timeout_while(ringing, longest, |ringing| !ringing.rung && !ringing.end);
        let mut ringing = waited.unwrap_or_else(PoisonError::into_inner).0;
        ringing.rung = false;
        !ringing.end
    }

    /// True where the thread goes on.
    pub(crate) fn runs(&self) -> bool {
        !unpoisoned(&self.ringing).ended
    }

    /// True once the thread has ended; waits for that a while.
    pub(crate) fn has_ended(&self) -> bool {
        let ringing = unpoisoned(&self.ringing);
        let waited = self.bell.wait_timeout_while(ringing, SIGNAL_INTERVAL, |ringing| !ringing.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }
}
