//! A process that was forked off another one has a copy of its kernels, and must not use them.

use std::sync::TryLockError;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::drain::Drain;
use crate::error::{Failure, HostError};
use crate::foreign::Foreign;

/// Counts the forks on this process's way from the one that was started.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Tells that this process was forked off another one: the kernels that came along are not its own.
pub fn was_forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Whose a kernel is.
pub(crate) struct Owner {
    /// The process whose log it is.
    pub(crate) log_owner: Option<u32>,
    /// How often this process had been forked off another one when the kernel was made.
    forks: u32,
}

impl Owner {
    /// This process.
    pub(crate) fn here(has_log: bool) -> Owner {
        Owner { log_owner: has_log.then(std::process::id), forks: FORKS.load(Ordering::Relaxed) }
    }
}

impl<F: Foreign> Drain<F> {
    /// True in a process that was forked from the one that made the engine. A log is worth asking the system each time;
    /// without one it is the forks that [`was_forked`] was told of that count.
    #[inline]
    pub fn is_forked(&self) -> bool {
        self.owner.forks != FORKS.load(Ordering::Relaxed)
            || self.owner.log_owner.is_some_and(|owner| owner != std::process::id())
    }

    /// The error of a process that was forked from the one that made the engine.
    #[cold]
    pub(crate) fn forked(&self) -> Failure<F> {
        let advice =
            "use the kernel where it was opened, and start other processes with the start method \"spawn\"";
        let here = std::process::id();
        let why = match self.owner.log_owner {
            Some(owner) => format!(
                "this kernel's log belongs to process {owner}, and this is process {here}, forked from it: {advice}"
            ),
            None => {
                format!("this kernel belongs to the process that process {here} was forked from: {advice}")
            }
        };
        HostError::Forked { why: why.into_boxed_str(), log: self.owner.log_owner.is_some() }
    }

    /// In a forked process: lets the log go without a word to it.
    pub(crate) fn forget_log(&self) {
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
}
