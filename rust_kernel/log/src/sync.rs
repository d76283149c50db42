//! When records become durable: the policies, the one gate that every sync passes, and the thread that keeps a batch's
//! time bound when nobody calls.

use crate::disk::{Disk, DiskFile};
use crate::error::LogError;
use crate::mark::{MARK_NAME, MarkFile};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many times the thread looks again, after the delay of a batch each time, before it sleeps until it is woken: waking
/// it costs the owner more than appending, and where records come often it is awake anyway.
const LOOKS_MAX: u32 = 64;
/// With a shorter delay it does not look again: it would do little else.
const LOOK_MIN: Duration = Duration::from_micros(100);

/// When records are synced by themselves. What leads to an effect is synced before it in any case, except with `Off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// At the end of each drain.
    Always,
    /// So long after the first record that waits, or when so many wait, whichever is first. A thread syncs, and the
    /// owner goes on meanwhile.
    Batch {
        /// How long a record may wait, in microseconds.
        delay_us_max: u64,
        /// How many may wait.
        records_max: u64,
    },
    /// Only when a segment is sealed, a snapshot written or the log closed: for backtests.
    Off,
    /// As `Off`, but each drain is written to its file at its end, so that readers see it: for a queue.
    Written,
}

impl Default for SyncPolicy {
    fn default() -> SyncPolicy {
        SyncPolicy::Batch { delay_us_max: 1_000, records_max: 256 }
    }
}

/// What the records of a drain lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Something leaves the kernel: it must not outrun its cause.
    BeforeEffects,
    /// Nothing leaves: the policy's bounds are enough.
    WithinPolicy,
}

/// What the owner's calls have waited for, since the log was opened: their own syncs of records and, where it was at one,
/// the thread's. Rolls and snapshots sync more than records; that is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncWaits {
    /// How many times.
    pub count: u64,
    /// How long in all.
    pub total: Duration,
}

/// What the log and its thread share.
pub(crate) struct Shared {
    disk: Arc<dyn Disk>,
    durable_seq: AtomicU64,
    poisoned: AtomicBool,
    cause: Mutex<Option<LogError>>,
    /// Held over each sync. The system tells a failed sync once: without the gate a second sync of the same file
    /// could succeed while the first one's failure is not yet known here.
    gate: Mutex<MarkFile>,
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

/// What the thread is to sync, and when.
#[derive(Default)]
struct Waiting {
    target: Option<Target>,
    due: Option<Instant>,
    /// Enough records wait: it is due at once.
    now: bool,
    stop: bool,
    /// When the thread looks by itself, at the latest; `None` where it has to be woken.
    looks: Option<Instant>,
    /// The delay that was asked for last, where there was one.
    delay: Duration,
    /// Something was asked for since the thread looked last.
    asked: bool,
    /// How often the owner had to wake the thread.
    wakings: u64,
}

/// A file, and the last sequence number written to it.
#[derive(Clone)]
pub(crate) struct Target {
    pub file: Arc<dyn DiskFile>,
    pub name: Arc<str>,
    pub seq: u64,
}

/// A lock whose holder panicked is still good here: each section leaves its fields whole.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new(disk: Arc<dyn Disk>, mark: MarkFile, durable_seq: u64) -> Shared {
        Shared {
            disk,
            durable_seq: AtomicU64::new(durable_seq),
            poisoned: AtomicBool::new(false),
            cause: Mutex::new(None),
            gate: Mutex::new(mark),
            waiting: Mutex::new(Waiting::default()),
            wake: Condvar::new(),
        }
    }

    pub fn durable_seq(&self) -> u64 {
        self.durable_seq.load(Ordering::Acquire)
    }

    /// An error if anything failed before.
    #[inline]
    pub fn check(&self) -> Result<(), LogError> {
        if self.poisoned.load(Ordering::Acquire) { Err(self.refusal()) } else { Ok(()) }
    }

    #[cold]
    fn refusal(&self) -> LogError {
        let cause = hold(&self.cause).as_ref().map_or_else(String::new, ToString::to_string);
        LogError::Poisoned { cause }
    }

    /// The first failure, if there was one.
    pub fn failure(&self) -> Option<LogError> {
        hold(&self.cause).clone()
    }

    /// Nothing more is taken from here on. Gives the error back, for the caller to return.
    pub fn poison(&self, error: LogError) -> LogError {
        hold(&self.cause).get_or_insert_with(|| error.clone());
        self.poisoned.store(true, Ordering::Release);
        error
    }

    /// The error of a write to a file that failed.
    #[cold]
    pub fn failed_write(&self, name: &str, error: &io::Error) -> LogError {
        LogError::io(self.disk.path(name), "write", error)
    }

    /// Syncs, and says so in the mark; gives how long the disk took, with what it was at before. A failure poisons and is
    /// never tried again.
    pub fn sync(&self, target: &Target) -> Result<Duration, LogError> {
        let start = Instant::now();
        let mut mark = hold(&self.gate);
        self.check()?;
        if let Err(error) = target.file.sync() {
            return Err(self.poison(LogError::io(self.disk.path(&target.name), "sync", &error)));
        }
        let took = start.elapsed();
        let before = self.durable_seq.fetch_max(target.seq, Ordering::AcqRel);
        if before < target.seq
            && let Err(error) = mark.write(target.seq)
        {
            return Err(self.poison(self.failed_write(MARK_NAME, &error)));
        }
        Ok(took)
    }

    /// Makes the mark itself durable.
    pub fn sync_mark(&self) -> Result<(), LogError> {
        let mark = hold(&self.gate);
        self.check()?;
        mark.sync().map_err(|error| self.poison(LogError::io(self.disk.path(MARK_NAME), "sync", &error)))
    }

    /// Asks the thread to sync `target` after `delay`, unless it is due earlier already.
    pub fn schedule(&self, target: Target, delay: Duration) {
        let mut waiting = hold(&self.waiting);
        waiting.target = Some(target);
        waiting.asked = true;
        // The clock is read only where the answer can matter.
        if waiting.due.is_none() || delay.is_zero() && !waiting.now {
            let due = Instant::now() + delay;
            waiting.now = delay.is_zero();
            // A full batch says nothing of when the next record may be due.
            if !waiting.now {
                waiting.delay = delay;
            }
            waiting.due = Some(due);
            if waiting.looks.is_none_or(|looks| looks > due) {
                waiting.wakings += 1;
                self.wake.notify_one();
            }
        }
    }

    /// Nothing waits any more: the caller has synced.
    pub fn unschedule(&self) {
        let mut waiting = hold(&self.waiting);
        waiting.target = None;
        waiting.due = None;
        waiting.now = false;
    }

    pub fn wakings(&self) -> u64 {
        hold(&self.waiting).wakings
    }

    /// Ends the thread.
    pub fn stop(&self) {
        hold(&self.waiting).stop = true;
        self.wake.notify_one();
    }

    /// The thread's body.
    pub fn keep_bound(&self) {
        let mut waiting = hold(&self.waiting);
        let mut looks_left = 0;
        while !waiting.stop {
            if std::mem::take(&mut waiting.asked) {
                looks_left = if waiting.delay < LOOK_MIN { 0 } else { LOOKS_MAX };
            }
            let now = Instant::now();
            match waiting.due {
                Some(due) if due <= now => {
                    waiting.due = None;
                    waiting.now = false;
                    let target = waiting.target.take();
                    // It looks again without being woken.
                    waiting.looks = Some(now);
                    drop(waiting);
                    // A failure has poisoned the log; the owner's next call says so.
                    if target.is_some_and(|target| self.sync(&target).is_err()) {
                        return;
                    }
                    waiting = hold(&self.waiting);
                }
                Some(due) => waiting = self.sleep(waiting, due, now),
                None if looks_left > 0 => {
                    looks_left -= 1;
                    let next = now + waiting.delay;
                    waiting = self.sleep(waiting, next, now);
                }
                None => {
                    waiting.looks = None;
                    waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Sleeps until it is time, or the owner wakes the thread.
    fn sleep<'a>(
        &self,
        mut waiting: MutexGuard<'a, Waiting>,
        until: Instant,
        now: Instant,
    ) -> MutexGuard<'a, Waiting> {
        waiting.looks = Some(until);
        let woken = self.wake.wait_timeout(waiting, until.saturating_duration_since(now));
        woken.unwrap_or_else(PoisonError::into_inner).0
    }
}
