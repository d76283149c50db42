//! A shared kernel's own thread: it sleeps on the halt's bell, so that a kernel to which nobody speaks is halted as well,
//! and shows now and then what the drains have left for somebody who has time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dita_engine::Plane;
use dita_kernel::kernel::Kernel;
use dita_zinc::Halt;

use crate::alarm::unpoisoned;
use crate::drain::{Drain, SIGNAL_INTERVAL, this_thread};
use crate::error::{Failure, HostError};
use crate::foreign::Foreign;

/// How long the thread sleeps while the kernel is at work.
const BEAT: Duration = Duration::from_millis(5);
/// The same while it rests.
const REST: Duration = Duration::from_millis(20);

/// How the thread is woken and ended.
pub(crate) struct Heeding {
    halt: Arc<Halt>,
    end: AtomicBool,
    ended: AtomicBool,
    mark: AtomicUsize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Heeding {
    /// Has the thread end. Waits for nothing.
    pub(crate) fn end(&self) {
        self.end.store(true, Ordering::Release);
        self.halt.ring();
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// The thread. It holds the drain only while it works, so that one that nobody closes can still go.
fn run<F: Foreign>(drain: &Weak<Drain<F>>, heeding: &Heeding) {
    heeding.mark.store(this_thread(), Ordering::Release);
    let mut seen_seq = 0;
    while !heeding.end.load(Ordering::Acquire) {
        // Before the halt is looked at: what is asked for behind that look has rung, and ends the sleep at once.
        let rung = heeding.halt.rung();
        let Some(drain) = drain.upgrade() else { return };
        let Some(seq) = drain.heed() else { return };
        drop(drain);
        let longest = if std::mem::replace(&mut seen_seq, seq) == seq { REST } else { BEAT };
        heeding.halt.wait(rung, longest);
    }
}

impl<F: Foreign> Drain<F> {
    /// Shows the kernel in a plane, and heeds its halt, until it is closed; once.
    ///
    /// # Errors
    /// The kernel cannot be used, or the system gives no thread.
    pub fn share(self: &Arc<Self>, plane: Plane) -> Result<(), Failure<F>> {
        let heeding = Arc::new(Heeding {
            halt: Arc::clone(plane.halt()),
            end: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            mark: AtomicUsize::new(0),
            thread: Mutex::new(None),
        });
        let mut state = self.open()?;
        if self.heeding.set(Arc::clone(&heeding)).is_err() {
            return Err(HostError::NoTimer("the kernel is shared already".into()));
        }
        self.guarded(&mut state, |state| {
            state.core.share(plane);
            Ok(())
        })?;
        drop(state);
        let (drain, its) = (Arc::downgrade(self), Arc::clone(&heeding));
        let body = move || {
            // What panics in here is a bug of the shell: the drain has poisoned the kernel, and says so.
            let _ = catch_unwind(AssertUnwindSafe(|| run(&drain, &its)));
            its.ended.store(true, Ordering::Release);
        };
        match std::thread::Builder::new().name("dita-zinc".into()).spawn(body) {
            Ok(thread) => *unpoisoned(&heeding.thread) = Some(thread),
            Err(error) => {
                heeding.ended.store(true, Ordering::Release);
                let why = format!("the kernel's halt cannot be watched: {error}");
                return Err(HostError::NoTimer(why.into_boxed_str()));
            }
        }
        Ok(())
    }

    /// Shows a part of the market, where the kernel is shared; `show` gives its number, and is told the last input. Whoever
    /// hears of the kernel is told.
    ///
    /// # Errors
    /// As [`Drain::open`].
    pub fn show_market(
        &self,
        show: impl FnOnce(&mut Plane, &Kernel, u64) -> Option<u64>,
    ) -> Result<Option<u64>, Failure<F>> {
        let mut state = self.open()?;
        let shown = self.guarded(&mut state, |state| {
            Ok(state.core.with_plane(|plane, kernel| show(plane, kernel, kernel.seq())).flatten())
        })?;
        drop(state);
        if let (Some(number), Some(audience)) = (shown, self.audience.get()) {
            audience.hear_market(number);
        }
        Ok(shown)
    }

    /// Takes what an operator has asked for, and shows what drains have left. Gives the last input; `None` once there
    /// will be no more.
    fn heed(&self) -> Option<u64> {
        if self.is_forked() {
            return None;
        }
        let mut state = self.lock();
        state.usable().ok()?;
        // Where somebody drains already, that drain finds the halt, at the latest before it rests.
        if state.core.is_halt_asked() {
            state = self.take(state)?;
        }
        self.guarded(&mut state, |state| {
            state.core.show_figures();
            Ok(())
        })
        .ok()?;
        Some(state.core.kernel().seq())
    }

    /// Has the thread end, and waits for that where another thread asks, with `patience` at most so long; `false` where
    /// it is still at work.
    pub(crate) fn end_heeding(
        &self,
        held: F::Held<'_>,
        patience: Option<Duration>,
    ) -> Result<bool, Failure<F>> {
        let Some(heeding) = self.heeding.get().filter(|_| !self.is_forked()) else { return Ok(true) };
        heeding.end();
        if heeding.mark.load(Ordering::Acquire) == this_thread() {
            return Ok(true);
        }
        let began = Instant::now();
        while !heeding.has_ended() {
            if patience.is_some_and(|patience| began.elapsed() >= patience) {
                return Ok(false);
            }
            F::released(held, || {
                let until = Instant::now() + SIGNAL_INTERVAL;
                while !heeding.has_ended() && Instant::now() < until {
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
            F::check_signals(held).map_err(HostError::Interrupted)?;
        }
        let thread = unpoisoned(&heeding.thread).take();
        let joined = F::released(held, || thread.map(JoinHandle::join));
        debug_assert!(joined.is_none_or(|joined| joined.is_ok()));
        Ok(true)
    }
}
