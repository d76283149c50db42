//! Why a kernel does not take something, or nothing any more.

use dita_engine::EngineError;

use crate::foreign::Foreign;

/// The error of calls on a kernel whose venue is `F`.
pub type Failure<F> = HostError<<F as Foreign>::Interrupt>;

/// Why a call came to nothing.
#[derive(Debug)]
pub enum HostError<I> {
    /// The kernel was closed.
    Closed,
    /// The kernel belongs to the process that this one was forked from.
    Forked {
        /// Whose it is, and what to do.
        why: Box<str>,
        /// True where it is its log that belongs to that process.
        log: bool,
    },
    /// A step failed half way: the state in memory is not to be trusted any more.
    Poisoned(Box<str>),
    /// The log failed at work.
    LogFailed(Box<str>),
    /// Several inputs come together, and the inbox has no room for them.
    NoRoom(Box<str>),
    /// The engine refuses it.
    Engine(EngineError),
    /// The system gives no thread for the timer.
    NoTimer(Box<str>),
    /// The caller was interrupted.
    Interrupted(I),
}

impl<I> From<EngineError> for HostError<I> {
    #[cold]
    fn from(error: EngineError) -> HostError<I> {
        HostError::Engine(error)
    }
}

/// Why nothing goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Poison {
    /// A step failed half way.
    Step(Box<str>),
    /// The log failed.
    Log(Box<str>),
}

impl<I> From<Poison> for HostError<I> {
    #[cold]
    fn from(poison: Poison) -> HostError<I> {
        match poison {
            Poison::Step(why) => HostError::Poisoned(why),
            Poison::Log(why) => HostError::LogFailed(why),
        }
    }
}

/// Why a log takes nothing more, with what to do.
#[cold]
pub fn log_failure(error: &EngineError) -> Box<str> {
    let advice = "nothing more is taken, and nothing has left whose cause is not durable: close this kernel, put the \
                  disk right, and open the log again";
    format!("the log failed ({error}); {advice}").into_boxed_str()
}

/// A panic's text.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "no text".to_owned(),
    }
}
