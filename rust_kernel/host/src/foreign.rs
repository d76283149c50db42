//! What is outside: a venue that another language asks, those who look on, and what a thread holds when it calls.

use dita_engine::Observed;
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::kernel::Kernel;

/// A venue outside, with those who look on.
///
/// What takes `held` is called in the thread that drains, never while the state's lock is held, and may call the kernel
/// again: such an input waits in the inbox, and is taken by the same drain. What takes the kernel is called while the
/// lock is held, and must call nothing foreign.
pub trait Foreign: Send + Sync + Sized + 'static {
    /// What a thread has while it calls the kernel.
    type Held<'a>: Copy;
    /// What ends a call before its time, such as Ctrl-C.
    type Interrupt: Send;
    /// What went wrong at the venue, for who asked.
    type Trouble: Send;
    /// A request to the venue with all that it needs.
    type Question;
    /// What those who look on are told.
    type Seen;

    /// Lets go of what the thread holds, does some work, and takes it again.
    fn released<R: Send>(held: Self::Held<'_>, work: impl FnOnce() -> R + Send) -> R;

    /// Looks whether the call has to end, as a thread does that waits for long.
    ///
    /// # Errors
    /// It has to.
    fn check_signals(held: Self::Held<'_>) -> Result<(), Self::Interrupt>;

    /// Calls with what [`Foreign::Held`] says, from a thread that has none; `None` where there is none to be had any
    /// more. Never while the state's lock is held.
    fn attached<R>(call: impl FnOnce(Self::Held<'_>) -> R) -> Option<R>;

    /// Tells what nobody is there to be told.
    fn tell(held: Self::Held<'_>, interrupt: Self::Interrupt);

    /// True where somebody answers what [`Foreign::ask`] asks.
    fn answers(&self) -> bool;

    /// Reads what a request is about. `reason` is the intent's that led to it, where it had one.
    fn question(kernel: &Kernel, command: Command, reason: Option<Id>) -> Self::Question;

    /// Asks the venue. `now_ns` is the kernel's time.
    fn ask(&self, held: Self::Held<'_>, question: Self::Question, now_ns: i64) -> Reply<Self>;

    /// True where somebody looks on.
    fn observes(&self) -> bool;

    /// Reads what those who look on shall see of the changes.
    fn look(&self, kernel: &Kernel, changes: Vec<Observed>) -> Self::Seen;

    /// Takes what can be heard without what a thread holds, and gives what is left for [`Foreign::show`]. Called while the lock
    /// is held.
    fn hear(&self, seen: Self::Seen) -> Option<Self::Seen> {
        Some(seen)
    }

    /// Shows it. `seq` is the last input that it knows of.
    ///
    /// # Errors
    /// What ends the call that drains, once it has drained.
    fn show(&self, held: Self::Held<'_>, seen: Self::Seen, seq: u64) -> Result<(), Self::Interrupt>;

    /// True where [`Foreign::asleep`] and [`Foreign::repair`] do anything.
    fn catches_up(&self) -> bool;

    /// The process did not run: the venue was not heard from `since_ns` on, for `lost_ns` at the least.
    ///
    /// # Errors
    /// What is told to nobody.
    fn asleep(&self, held: Self::Held<'_>, since_ns: i64, lost_ns: i64) -> Result<(), Self::Interrupt>;

    /// Asks the venue what was missed since then; true where all of it is known.
    fn repair(&self, held: Self::Held<'_>, since_ns: i64) -> bool;
}

/// Who hears what has happened, in the thread that drains and while the lock is held: it calls nothing foreign, and waits for
/// nobody.
pub trait Audience: Send + Sync {
    /// Hears the changes since the last time. `seq` is the last input that the kernel has taken.
    fn hear(&self, kernel: &Kernel, changes: &[Observed], seq: u64);

    /// The market up to this number stands in shared memory.
    fn hear_market(&self, shown: u64);
}

/// What came of a question.
pub struct Reply<F: Foreign> {
    /// What the venue said.
    pub inputs: Vec<Input>,
    /// What went wrong.
    pub trouble: Option<F::Trouble>,
    /// What ends the call, once the drain is over.
    pub interrupt: Option<F::Interrupt>,
}

impl<F: Foreign> Default for Reply<F> {
    fn default() -> Reply<F> {
        Reply { inputs: Vec::new(), trouble: None, interrupt: None }
    }
}

/// Whether the thread that works has what foreign calls need.
pub enum Hold<'a, F: Foreign> {
    /// It has.
    Has(F::Held<'a>),
    /// It takes it where something foreign has to be called, and gives it back.
    Takes,
}

impl<F: Foreign> Clone for Hold<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Foreign> Copy for Hold<'_, F> {}

impl<F: Foreign> Hold<'_, F> {
    /// Calls something foreign; `None` where that cannot be done any more.
    pub(crate) fn with<R>(self, call: impl FnOnce(F::Held<'_>) -> R) -> Option<R> {
        match self {
            Hold::Has(held) => Some(call(held)),
            Hold::Takes => F::attached(call),
        }
    }
}
