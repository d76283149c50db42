//! An engine on its log, as its threads share it: batches, reads that see what waits, recovery, closing, forks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use dita_engine::EngineError;
use dita_kernel::input::Input;
use pyo3::prelude::*;

use super::adapter::Trouble;
use super::drain::{Poison, SIGNAL_INTERVAL, Shared, State, Taken, queued, this_thread};
use super::log;
use crate::errors::{Error, LogTrouble};
use crate::outcome::OutcomeView;

impl State {
    /// Takes what waits to be taken before the state is read.
    pub fn settle_marks(&mut self) -> Result<(), Error> {
        self.core.settle_marks().map_err(|error| self.log_failed(&error))
    }

    /// Makes everything durable, and leaves a snapshot. A state that is not to be trusted leaves none.
    pub fn close_log(&mut self) -> Result<(), Error> {
        if self.poisoned.is_some() {
            self.core.leave_log();
            return Ok(());
        }
        self.core.close_log().map_err(|error| self.log_failed(&error))
    }

    #[cold]
    fn log_failed(&mut self, error: &EngineError) -> Error {
        let poison = Poison::Log(log::failure(error));
        self.poisoned = Some(poison.clone());
        poison.into()
    }
}

impl Shared {
    /// The error of a process that was forked from the one that made the engine.
    #[cold]
    pub fn forked(&self) -> Error {
        let advice =
            "use the kernel where it was opened, and start other processes with the start method \"spawn\"";
        let here = std::process::id();
        match self.log_owner {
            Some(owner) => {
                let why = format!(
                    "this kernel's log belongs to process {owner}, and this is process {here}, forked from it: {advice}"
                );
                Error::Log(LogTrouble::Other, why.into_boxed_str())
            }
            None => {
                let why = format!(
                    "this kernel belongs to the process that process {here} was forked from: {advice}"
                );
                Error::Forked(why.into_boxed_str())
            }
        }
    }

    /// In a forked process: lets the log go without a word to it.
    pub fn forget_log(&self) {
        // Another thread may have held the lock at the fork; then nobody will ever let it go.
        let state = match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(mut state) = state {
            state.closed = true;
            state.core.disown_log();
        }
    }

    /// Takes the question what became of orders from the inbox, where a recovery has left it, and gives what went wrong
    /// at the adapter.
    pub fn resume(&self, py: Python<'_>) -> Result<Vec<Trouble>, Error> {
        let mut state = self.open()?;
        state.recovering = Some(Vec::new());
        self.drain_if_idle(py, state)?;
        Ok(self.lock().recovering.take().unwrap_or_default())
    }

    /// Makes everything durable that was taken so far.
    pub fn sync(&self, py: Python<'_>) -> Result<(), Error> {
        drop(self.open()?);
        py.detach(|| {
            let mut state = self.lock();
            self.guarded(&mut state, |state| state.core.sync_log().map_err(|error| state.log_failed(&error)))
        })
    }

    /// Puts several inputs in that become durable together: all of them, or none.
    pub fn put_batch(
        &self,
        py: Python<'_>,
        inputs: Vec<Input>,
        time_ns: Option<i64>,
    ) -> Result<Vec<OutcomeView>, Error> {
        let mut state = self.open()?;
        if let Some(time_ns) = time_ns {
            state.tell(time_ns);
        }
        self.guarded(&mut state, State::bring_due)?;
        let (room, wanted) = (state.core.room(), inputs.len());
        if room < wanted {
            let why =
                format!("{wanted} inputs come together and the inbox has room for {room}: raise inbox_max");
            return Err(Error::InboxFull(why.into_boxed_str()));
        }
        if state.writer == this_thread() {
            let outcomes = inputs.iter().map(|input| queued(&state, input)).collect();
            for input in inputs {
                state.wanted.hear(&input);
                state.core.push(input, false)?;
            }
            return Ok(outcomes);
        }
        let tickets = self.guarded(&mut state, |state| {
            inputs.into_iter().map(|input| state.push_next(input, true)).collect::<Result<Vec<_>, _>>()
        })?;
        let taken: Vec<Taken> = if state.writer == 0 {
            let (mut state, interrupt) = self.drain(py, state)?;
            let taken = tickets.iter().map(|ticket| state.take(*ticket)).collect();
            drop(state);
            if let Some(interrupt) = interrupt {
                return Err(interrupt.into());
            }
            taken
        } else {
            let drained = state.join();
            drop(state);
            self.wait(py, &tickets, drained)?
        };
        taken.into_iter().map(|taken| self.outcome(py, taken)).collect()
    }

    /// Closes the kernel and its log, once nobody drains. From inside a drain: at its end. With `patience`, other threads
    /// that drain are waited for so long; `false` where one still does, and the log is as a kill would leave it.
    pub fn close(&self, py: Python<'_>, patience: Option<Duration>) -> Result<bool, Error> {
        if self.is_forked() {
            self.forget_log();
            return Ok(true);
        }
        let began = Instant::now();
        loop {
            let closed = py.detach(|| self.close_at_rest(self.lock()))?;
            if closed {
                break;
            }
            if patience.is_some_and(|patience| began.elapsed() >= patience) {
                return Ok(false);
            }
            py.check_signals()?;
        }
        self.end_timer(py, patience.map(|patience| patience.saturating_sub(began.elapsed())))
    }

    /// True once closed; false where another thread is still draining after a while.
    fn close_at_rest(&self, mut state: MutexGuard<'_, State>) -> Result<bool, Error> {
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

impl Drop for Shared {
    fn drop(&mut self) {
        let forked = self.is_forked();
        if let Some(alarm) = self.alarm.get().filter(|_| !forked) {
            alarm.end();
        }
        if self.log_owner.is_none() {
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Condvar, Mutex};
    use std::time::Duration;

    use dita_engine::{Engine as Shell, EngineConfig, LogSettings, Port};
    use dita_log::disk::{Hook, HookedDisk};
    use dita_log::{DiskFile, MemoryDisk, SyncPolicy};

    use super::super::drain::Patience;
    use super::*;

    /// How long a sync waits before it gives up and the test fails.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// What the first sync waits for.
    #[derive(Default)]
    struct Gate {
        /// Whether it is open.
        open: Mutex<bool>,
        opened: Condvar,
    }

    impl Gate {
        fn open(&self) {
            *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.opened.notify_all();
        }

        fn pass(&self) -> io::Result<()> {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.opened.wait_timeout_while(open, PATIENCE, |open| !*open);
            let in_time = *waited.unwrap_or_else(PoisonError::into_inner).0;
            if in_time { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
        }
    }

    /// Segments are synced once the gate is open.
    impl Hook for Gate {
        fn sync(&self, name: &str, file: &dyn DiskFile) -> io::Result<()> {
            if name.ends_with(".seg") {
                self.pass()?;
            }
            file.sync()
        }
    }

    /// An engine on a log whose syncs wait for the gate.
    fn gated(policy: SyncPolicy) -> Result<(Arc<Gate>, Arc<Shared>), Error> {
        let gate = Arc::new(Gate::default());
        let disk = Arc::new(HookedDisk::new(Arc::new(MemoryDisk::new()), gate.clone()));
        let settings = LogSettings { policy, ..LogSettings::default() };
        let opened = Shell::recover(EngineConfig::default(), Port::Foreign, disk, &settings, &mut |_| {})?;
        Ok((gate, Arc::new(Shared::new(State::new(opened.0), None, None))))
    }

    #[test]
    fn another_thread_has_the_interpreter_during_a_sync_and_its_input_is_answered_by_the_same_drain()
    -> PyResult<()> {
        Python::initialize();
        Python::attach(|py| {
            let (gate, shared) = gated(SyncPolicy::Always)?;
            let other = std::thread::spawn({
                let shared = shared.clone();
                move || {
                    Python::attach(|py| {
                        // The interpreter is there, and the lock is held by who waits for the disk.
                        gate.open();
                        let outcome = shared.put(py, Input::Time, None, Patience::Answer)?;
                        Ok::<_, Error>((outcome.answer.outcome.seq, outcome.answer.durable))
                    })
                }
            });
            let outcome = shared.put(py, Input::Time, None, Patience::Answer)?;
            assert_eq!((outcome.answer.outcome.seq, outcome.answer.durable), (1, true));
            let theirs = py.detach(|| other.join()).map_err(|_| Error::Closed)??;
            assert_eq!(theirs, (2, true));
            Ok(())
        })
    }

    #[test]
    fn another_thread_has_the_interpreter_while_everything_is_made_durable() -> PyResult<()> {
        type Way = fn(&Shared, Python<'_>) -> Result<(), Error>;
        let ways: [Way; 2] = [Shared::sync, |shared, py| shared.close(py, None).map(drop)];
        Python::initialize();
        Python::attach(|py| {
            for way in ways {
                let (gate, shared) = gated(SyncPolicy::Off)?;
                let outcome = shared.put(py, Input::Time, None, Patience::Answer)?;
                assert!(!outcome.answer.durable);
                let other = std::thread::spawn(move || Python::attach(|_| gate.open()));
                way(&shared, py)?;
                py.detach(|| other.join()).map_err(|_| Error::Closed)?;
            }
            Ok(())
        })
    }
}
