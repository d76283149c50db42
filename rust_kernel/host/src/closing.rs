//! A kernel's beginning and end: what a recovery has left to ask, making everything durable, closing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dita_engine::Note;
use dita_kernel::id::Id;

use crate::drain::{Drain, SIGNAL_INTERVAL, this_thread};
use crate::error::{Failure, HostError};
use crate::foreign::Foreign;
use crate::state::State;

impl<F: Foreign> Drain<F> {
    /// Takes the question what became of orders from the inbox, where a recovery has left it, and gives what went wrong
    /// at the venue.
    ///
    /// # Errors
    /// As [`Drain::drain_if_idle`].
    pub fn resume(&self, held: F::Held<'_>) -> Result<Vec<F::Trouble>, Failure<F>> {
        let mut state = self.open()?;
        state.recovering = Some(Vec::new());
        self.drain_if_idle(held, state)?;
        Ok(self.lock().recovering.take().unwrap_or_default())
    }

    /// Makes everything durable that was taken so far.
    ///
    /// # Errors
    /// The kernel cannot be used, or its log failed.
    pub fn sync(&self, held: F::Held<'_>) -> Result<(), Failure<F>> {
        drop(self.open()?);
        F::released(held, || {
            let mut state = self.lock();
            self.guarded(&mut state, |state| state.core.sync_log().map_err(|error| state.log_failed(&error)))
        })
    }

    /// Writes nothing to the log until [`Drain::let_go`]; see [`dita_engine::Engine::hold`].
    ///
    /// # Errors
    /// It was closed, it is poisoned, or it is another process's.
    pub fn hold(&self) -> Result<(), Failure<F>> {
        self.open()?.core.hold();
        Ok(())
    }

    /// Notes a text under a name; see [`dita_engine::Engine::note`].
    ///
    /// # Errors
    /// The log failed.
    pub fn note(&self, name: Id, note: Note) -> Result<(), Failure<F>> {
        let mut state = self.open()?;
        self.guarded(&mut state, |state| {
            state.core.note(name, note).map_err(|error| state.log_failed(&error))
        })
    }

    /// Writes down who holds which slots; see [`dita_engine::Engine::lease`].
    ///
    /// # Errors
    /// The log failed.
    pub fn lease(&self, name: Id, lease: Note) -> Result<(), Failure<F>> {
        let mut state = self.open()?;
        self.guarded(&mut state, |state| {
            state.core.lease(name, lease).map_err(|error| state.log_failed(&error))
        })
    }

    /// Ends [`Drain::hold`]: what was held is written.
    ///
    /// # Errors
    /// The log failed.
    pub fn let_go(&self, held: F::Held<'_>) -> Result<(), Failure<F>> {
        drop(self.open()?);
        F::released(held, || {
            let mut state = self.lock();
            self.guarded(&mut state, |state| state.core.let_go().map_err(|error| state.log_failed(&error)))
        })
    }

    /// Closes the kernel and its log, once nobody drains. From inside a drain: at its end. With `patience`, other threads
    /// that drain are waited for so long; `false` where one still does, and the log is as a kill would leave it.
    ///
    /// # Errors
    /// The log failed, or the call was interrupted.
    pub fn close(&self, held: F::Held<'_>, patience: Option<Duration>) -> Result<bool, Failure<F>> {
        if self.is_forked() {
            self.forget_log();
            return Ok(true);
        }
        let began = Instant::now();
        loop {
            let closed = F::released(held, || self.close_at_rest(self.lock()))?;
            if closed {
                break;
            }
            if patience.is_some_and(|patience| began.elapsed() >= patience) {
                return Ok(false);
            }
            F::check_signals(held).map_err(HostError::Interrupted)?;
        }
        let left = || patience.map(|patience| patience.saturating_sub(began.elapsed()));
        let heeded = self.end_heeding(held, left())?;
        Ok(self.end_timer(held, left())? && heeded)
    }

    /// True once closed; false where another thread is still draining after a while.
    fn close_at_rest(&self, mut state: MutexGuard<'_, State<F>>) -> Result<bool, Failure<F>> {
        state.closed = true;
        if state.writer == this_thread() {
            state.closing = true;
            return Ok(true);
        }
        if state.writer != 0 {
            let drained = state.join();
            let waited =
                self.quiet.wait_timeout_while(state, SIGNAL_INTERVAL, |state| state.drained == drained);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
            if state.writer != 0 {
                return Ok(false);
            }
        }
        self.guarded(&mut state, State::close_log)?;
        Ok(true)
    }
}

impl<F: Foreign> Drop for Drain<F> {
    fn drop(&mut self) {
        let forked = self.is_forked();
        if let Some(alarm) = self.alarm.get().filter(|_| !forked) {
            alarm.end();
        }
        if let Some(heeding) = self.heeding.get().filter(|_| !forked) {
            heeding.end();
        }
        if !self.has_log() {
            return;
        }
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if forked {
            // The files are the parent's, and the log's thread is not in this process.
            state.core.disown_log();
            return;
        }
        // Nobody closed it. There is nobody to tell of a failure either: the next opening finds what it left.
        let _ = catch_unwind(AssertUnwindSafe(|| state.close_log()));
    }
}
