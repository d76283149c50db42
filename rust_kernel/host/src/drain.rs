//! One writer at a time: who finds the engine at rest drains it, the others wait or leave their input behind.
//!
//! The state's lock is held for short sections of Rust only. It is never held while anything foreign runs, and nothing
//! foreign is made or ended while it is held: that may run a garbage collector, and with it anything at all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use dita_engine::{Engine, EngineError, Progress, VenueCall};

use crate::alarm::Alarm;
use crate::error::{Failure, HostError, Poison, log_failure, panic_text};
use crate::foreign::{Audience, Foreign, Hold, Reply};
use crate::fork::Owner;
use crate::heeding::Heeding;
use crate::state::State;

/// How often a thread that waits for another one's drain looks whether it is interrupted (Ctrl-C).
pub const SIGNAL_INTERVAL: Duration = Duration::from_millis(100);

/// An engine, who works with it and who waits for it.
pub struct Drain<F: Foreign> {
    pub(crate) state: Mutex<State<F>>,
    pub(crate) owner: Owner,
    pub(crate) quiet: Condvar,
    pub(crate) foreign: F,
    /// The timer's, once it runs.
    pub(crate) alarm: OnceLock<Arc<Alarm>>,
    /// The thread that heeds a halt, once the kernel is shared.
    pub(crate) heeding: OnceLock<Arc<Heeding>>,
    /// Who hears without anything foreign.
    pub(crate) audience: OnceLock<Arc<dyn Audience>>,
}

/// What a drain gives back: the lock in the caller's hands, and what ends its call.
pub type Drained<'a, F> = (MutexGuard<'a, State<F>>, Option<<F as Foreign>::Interrupt>);

/// A number that only this thread has now.
pub fn this_thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

/// The writer's part: should the shell itself panic, nobody must wait for ever.
struct Writing<'a, F: Foreign>(&'a Drain<F>);

impl<F: Foreign> Drop for Writing<'_, F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.lock();
            self.0.poison(&mut state, "what is around the kernel panicked");
        }
    }
}

impl<F: Foreign> Drain<F> {
    /// Of a state that nobody has called yet, with its venue outside and those who look on.
    pub fn new(state: State<F>, foreign: F) -> Drain<F> {
        let owner = Owner::here(state.core.has_log());
        Drain {
            state: Mutex::new(state),
            owner,
            quiet: Condvar::new(),
            foreign,
            alarm: OnceLock::new(),
            heeding: OnceLock::new(),
            audience: OnceLock::new(),
        }
    }

    /// Whether it goes on: it is at rest, or has come further than when this was asked last. `before` keeps how far that was.
    /// Waits for the lock: where a thread holds that and hangs, so does who asks.
    pub fn goes_on(&self, before: &mut Option<(u64, u64)>) -> bool {
        let state = self.lock();
        let at = (state.writer != 0).then(|| (state.drained, state.core.kernel().seq()));
        drop(state);
        let goes_on = at.is_none() || at != *before;
        *before = at;
        goes_on
    }

    /// What is outside.
    pub fn foreign(&self) -> &F {
        &self.foreign
    }

    /// Has somebody hear what happens from now on; once.
    ///
    /// # Errors
    /// As [`Drain::open`]; somebody hears already.
    pub fn listen(&self, audience: Arc<dyn Audience>) -> Result<(), Failure<F>> {
        let mut state = self.open()?;
        state.core.observe();
        let first = self.audience.set(audience).is_ok();
        drop(state);
        if first { Ok(()) } else { Err(HostError::NoTimer("somebody hears of this kernel already".into())) }
    }

    fn is_observed(&self) -> bool {
        self.foreign.observes() || self.audience.get().is_some()
    }

    /// True where the engine stands on a log.
    pub fn has_log(&self) -> bool {
        self.owner.log_owner.is_some()
    }

    /// The state, whether the kernel can still be used or not.
    pub fn lock(&self) -> MutexGuard<'_, State<F>> {
        // Panics are caught while the lock is held; `poisoned` is our own mark.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, if the kernel can still be used.
    ///
    /// # Errors
    /// It was closed, it is poisoned, or it is another process's.
    #[inline]
    pub fn open(&self) -> Result<MutexGuard<'_, State<F>>, Failure<F>> {
        // Before the lock: at the fork another thread may have held it.
        if self.is_forked() {
            return Err(self.forked());
        }
        let state = self.lock();
        state.usable()?;
        Ok(state)
    }

    /// The state to be read: what waits to be taken before it is read is taken.
    ///
    /// # Errors
    /// As [`Drain::open`].
    #[inline]
    pub fn settled(&self) -> Result<MutexGuard<'_, State<F>>, Failure<F>> {
        if self.is_forked() {
            return Err(self.forked());
        }
        let mut state = self.lock();
        state.readable()?;
        if state.core.marks_wait() {
            self.guarded(&mut state, State::settle_marks)?;
        }
        Ok(state)
    }

    #[cold]
    pub(crate) fn poison(&self, state: &mut State<F>, what: &str) -> Failure<F> {
        let why = format!("a step of the kernel failed half way ({what}): reopen the kernel from its log");
        self.stop(state, Poison::Step(why.into_boxed_str()))
    }

    /// Nothing goes on from here: whoever waits is told.
    #[cold]
    fn stop(&self, state: &mut State<F>, poison: Poison) -> Failure<F> {
        state.poisoned = Some(poison.clone());
        self.end_drain(state);
        poison.into()
    }

    /// Nobody drains any more: whoever waits is told.
    fn end_drain(&self, state: &mut State<F>) {
        state.writer = 0;
        state.drained = state.drained.wrapping_add(1);
        if state.waiting > 0 {
            self.quiet.notify_all();
        }
        if let Some(alarm) = self.alarm.get() {
            alarm.hear(state);
        }
    }

    /// Runs a short section that may panic: then the kernel is poisoned.
    ///
    /// # Errors
    /// The section's own, or [`HostError::Poisoned`].
    pub fn guarded<R>(
        &self,
        state: &mut State<F>,
        section: impl FnOnce(&mut State<F>) -> Result<R, Failure<F>>,
    ) -> Result<R, Failure<F>> {
        match catch_unwind(AssertUnwindSafe(|| section(state))) {
            Ok(result) => result,
            Err(panic) => Err(self.poison(state, &panic_text(&*panic))),
        }
    }

    /// Drains unless somebody does already: for market data, which has no answer.
    ///
    /// # Errors
    /// As [`Drain::drain`]; what interrupted the call.
    pub fn drain_if_idle(
        &self,
        held: F::Held<'_>,
        state: MutexGuard<'_, State<F>>,
    ) -> Result<(), Failure<F>> {
        if state.writer != 0 {
            return Ok(());
        }
        let (state, interrupt) = self.drain(Hold::Has(held), state)?;
        drop(state);
        interrupt.map_or(Ok(()), |interrupt| Err(HostError::Interrupted(interrupt)))
    }

    /// Calls the simulated venue inside, and drains what it says. Those who look on are shown changes of trades at once; a
    /// market that changes none they hear of with the next change, or the next call of another kind.
    ///
    /// # Errors
    /// As [`Drain::drain`]; the venue's own; what interrupted the call.
    #[inline]
    pub fn play(
        &self,
        hold: Hold<'_, F>,
        time_ns: Option<i64>,
        call: impl FnOnce(&mut Engine) -> Result<(), EngineError>,
    ) -> Result<(), Failure<F>> {
        let mut state = self.open()?;
        if let Some(time_ns) = time_ns {
            state.tell(time_ns);
        }
        self.guarded(&mut state, |state| Ok(call(&mut state.core)?))?;
        if state.writer != 0 {
            return Ok(());
        }
        let (state, interrupt) = self.drain_and_show(hold, state, |state| state.core.has_observed())?;
        drop(state);
        interrupt.map_or(Ok(()), |interrupt| Err(HostError::Interrupted(interrupt)))
    }

    /// Works until quiet. The lock comes back in the caller's hands.
    ///
    /// # Errors
    /// The kernel is poisoned or its log failed on the way, or this process was forked inside of it.
    #[inline]
    pub fn drain<'a>(
        &'a self,
        hold: Hold<'_, F>,
        state: MutexGuard<'a, State<F>>,
    ) -> Result<Drained<'a, F>, Failure<F>> {
        self.drain_and_show(hold, state, State::is_unseen)
    }

    /// Works until quiet, and shows it to nobody, but for what a venue outside is asked in between.
    #[inline]
    pub(crate) fn drain_unshown<'a>(
        &'a self,
        hold: Hold<'_, F>,
        mut state: MutexGuard<'a, State<F>>,
    ) -> Result<Drained<'a, F>, Failure<F>> {
        state.core.show_later(true);
        let (mut state, interrupt) = self.drain_and_show(hold, state, |_| false)?;
        state.core.show_later(false);
        Ok((state, interrupt))
    }

    /// Works until quiet. Those who look on are shown what has happened where `is_due` says so.
    #[inline]
    fn drain_and_show<'a>(
        &'a self,
        hold: Hold<'_, F>,
        mut state: MutexGuard<'a, State<F>>,
        is_due: impl Fn(&State<F>) -> bool,
    ) -> Result<Drained<'a, F>, Failure<F>> {
        let mut interrupt = None;
        state.writer = this_thread();
        let _writing = Writing(self);
        loop {
            let progress;
            (state, progress) = self.work(hold, state)?;
            match progress {
                // Something came in while what the thread holds was taken back: this drain is its too.
                Progress::Quiet if !state.core.is_quiet() || state.core.is_halt_asked() => {}
                Progress::Quiet if self.is_observed() && is_due(&state) => {
                    let seen;
                    (state, seen) = self.show(hold, state)?;
                    interrupt = interrupt.or(seen);
                }
                Progress::Quiet => {
                    self.rest(&mut state)?;
                    return Ok((state, interrupt));
                }
                Progress::Yield => {
                    drop(state);
                    state = self.lock();
                }
                Progress::Failed(error) => {
                    let poison = Poison::Log(log_failure(&error));
                    return Err(self.stop(&mut state, poison));
                }
                Progress::Call(call) => {
                    let pressed;
                    (state, pressed) = self.ask(hold, state, *call)?;
                    interrupt = interrupt.or(pressed);
                }
            }
        }
    }

    /// Shows what has happened to those who look on.
    fn show<'a>(
        &'a self,
        hold: Hold<'_, F>,
        mut state: MutexGuard<'a, State<F>>,
    ) -> Result<Drained<'a, F>, Failure<F>> {
        if let Err(failed) = self.guarded(&mut state, State::settle_marks) {
            self.end_drain(&mut state);
            return Err(failed);
        }
        let (changes, seq) = state.unseen();
        if let Some(audience) = self.audience.get() {
            audience.hear(state.core.kernel(), &changes, seq);
        }
        if !self.foreign.observes() {
            return Ok((state, None));
        }
        let seen = self.foreign.look(state.core.kernel(), changes);
        let Some(seen) = self.foreign.hear(seen) else { return Ok((state, None)) };
        drop(state);
        let shown = hold.with(|held| self.foreign.show(held, seen, seq));
        let mut state = self.come_back()?;
        match shown {
            Some(shown) => Ok((state, shown.err())),
            None => Err(self.left_alone(&mut state)),
        }
    }

    /// Puts a request to the venue outside, and feeds back what it answers.
    #[inline]
    fn ask<'a>(
        &'a self,
        hold: Hold<'_, F>,
        state: MutexGuard<'a, State<F>>,
        call: VenueCall,
    ) -> Result<Drained<'a, F>, Failure<F>> {
        let now_ns = state.core.now_ns();
        let question = F::question(state.core.kernel(), call.command, state.reason(call.ticket));
        drop(state);
        let reply = if self.foreign.answers() {
            hold.with(|held| self.foreign.ask(held, question, now_ns))
        } else {
            Some(Reply::default())
        };
        let mut state = self.come_back()?;
        let Some(reply) = reply else { return Err(self.left_alone(&mut state)) };
        for input in &reply.inputs {
            state.wanted.hear(input);
        }
        state.core.feed(call.ticket, reply.inputs);
        if let Some(nobodys) = state.note(call.ticket, reply.trouble) {
            drop(state);
            drop(nobodys);
            state = self.come_back()?;
        }
        Ok((state, reply.interrupt))
    }

    /// Ends a drain that has come to rest.
    #[inline]
    fn rest(&self, state: &mut State<F>) -> Result<(), Failure<F>> {
        state.forget_asked_limits();
        let closing = std::mem::take(&mut state.closing);
        let closed = if closing { self.guarded(state, State::close_log) } else { Ok(()) };
        self.end_drain(state);
        closed
    }

    /// What a request needs is not to be had any more, and it could not be put: as a kill would leave it.
    #[cold]
    fn left_alone(&self, state: &mut State<F>) -> Failure<F> {
        self.poison(state, "the interpreter ended")
    }

    /// The state again, after something foreign ran. It may have forked: the child goes no further.
    #[inline]
    fn come_back(&self) -> Result<MutexGuard<'_, State<F>>, Failure<F>> {
        if self.is_forked() { Err(self.forked()) } else { Ok(self.lock()) }
    }

    /// Lets the engine work. With a log it waits for the disk, so other threads get what this one holds meanwhile. The
    /// lock is then taken and let go of without that: who has it waits for the lock in [`Drain::open`], and would wait for
    /// ever if the lock's owner waited for what they have.
    #[inline]
    fn work<'a>(
        &'a self,
        hold: Hold<'_, F>,
        mut state: MutexGuard<'a, State<F>>,
    ) -> Result<(MutexGuard<'a, State<F>>, Progress), Failure<F>> {
        match hold {
            Hold::Has(held) if state.core.has_log() => {
                drop(state);
                let progress = F::released(held, || self.run(&mut self.lock()))?;
                Ok((self.lock(), progress))
            }
            Hold::Has(_) | Hold::Takes => {
                let progress = self.run(&mut state)?;
                Ok((state, progress))
            }
        }
    }

    #[inline]
    fn run(&self, state: &mut State<F>) -> Result<Progress, Failure<F>> {
        match catch_unwind(AssertUnwindSafe(|| state.core.run())) {
            Ok(progress) => Ok(progress),
            Err(panic) => Err(self.poison(state, &panic_text(&*panic))),
        }
    }
}
