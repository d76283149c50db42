//! What the drain's lock guards: the engine, who writes, who waits, and what is known of it.

use dita_engine::{Answer, Clock, Engine, EngineError, Note, Observed, Ticket};
use dita_kernel::id::Id;
use dita_kernel::input::{ControlChange, Input, RiskLimits};
use dita_kernel::risk::Limits;

use crate::callers::{Given, Taken};
use crate::drain::this_thread;
use crate::error::{Failure, HostError, Poison, log_failure};
use crate::foreign::Foreign;
use crate::repair::Wanted;

/// What the lock guards. It is held for short sections only, and never while anything foreign runs.
pub struct State<F: Foreign> {
    /// The engine.
    pub core: Engine,
    /// The thread that drains; 0 when none does.
    pub(crate) writer: usize,
    /// Counts the drains that ended: a waiting thread's answer is there once its number has passed.
    pub(crate) drained: u64,
    pub(crate) waiting: u32,
    /// The latest time that local callers told, ns.
    told_ns: i64,
    pub(crate) closed: bool,
    pub(crate) poisoned: Option<Poison>,
    /// Closed from inside a drain: its end closes the log.
    pub(crate) closing: bool,
    /// What went wrong at the venue with no caller of its own to tell, while a recovery asks it.
    pub(crate) recovering: Option<Vec<F::Trouble>>,
    troubles: Vec<(Ticket, F::Trouble)>,
    /// Why a ticket's intent wants to cancel: requests do not carry it.
    reasons: Vec<(Ticket, Id)>,
    observed_seq: u64,
    /// The limits as they will be once the control changes that wait are taken.
    asked_limits: Option<RiskLimits>,
    /// What the timer has under way.
    pub(crate) wanted: Wanted,
}

impl<F: Foreign> State<F> {
    /// Of an engine that nobody has called yet.
    pub fn new(core: Engine) -> State<F> {
        State {
            core,
            writer: 0,
            drained: 0,
            waiting: 0,
            told_ns: i64::MIN,
            closed: false,
            poisoned: None,
            closing: false,
            recovering: None,
            troubles: Vec::new(),
            reasons: Vec::new(),
            observed_seq: 0,
            asked_limits: None,
            wanted: Wanted::default(),
        }
    }

    /// Hears a time from a local caller, ns.
    #[inline]
    pub fn tell(&mut self, time_ns: i64) {
        self.told_ns = self.told_ns.max(time_ns);
        self.core.tell_time(time_ns);
    }

    /// Kernel time of the last input, or where time is driven, what local callers have told since, ns.
    pub fn latest_ns(&self) -> i64 {
        match self.core.clock() {
            Clock::Driven => self.core.now_ns().max(self.told_ns),
            Clock::System => self.core.now_ns(),
        }
    }

    /// True once closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// True where this thread drains: it is called by what the drain calls.
    pub fn is_drained_here(&self) -> bool {
        self.writer == this_thread()
    }

    /// A change of the controls as the core takes it: whole limits, which `change` makes upon those that changes in
    /// waiting ask for.
    pub fn change(&mut self, change: impl FnOnce(&RiskLimits) -> ControlChange) -> ControlChange {
        let kernel = self.core.kernel();
        let change = change(self.asked_limits.as_ref().unwrap_or(&kernel.control().limits.given));
        let waits =
            self.writer != 0 && change.limits.as_ref().is_some_and(|limits| Limits::load(limits).is_ok());
        if waits {
            self.asked_limits.clone_from(&change.limits);
        }
        change
    }

    /// The thread that drains reads to the end what came of it, also where another one has closed the kernel meanwhile.
    pub(crate) fn readable(&self) -> Result<(), Failure<F>> {
        if self.closed && self.poisoned.is_none() && self.writer == this_thread() {
            return Ok(());
        }
        self.usable()
    }

    pub(crate) fn usable(&self) -> Result<(), Failure<F>> {
        if let Some(poison) = &self.poisoned {
            return Err(poison.clone().into());
        }
        if self.closed { Err(HostError::Closed) } else { Ok(()) }
    }

    #[inline]
    pub(crate) fn push(&mut self, input: Input) -> Result<Ticket, Failure<F>> {
        self.bring_due()?;
        self.push_next(input, false, None)
    }

    /// The simulated venue's answers that are due by now come before what is new.
    #[inline]
    pub(crate) fn bring_due(&mut self) -> Result<(), Failure<F>> {
        if self.core.simulated_venue().is_some_and(|venue| venue.next_due_ns().is_some()) {
            self.core.with_venue(|venue, now_ns, out| {
                venue.advance(now_ns, out);
                Ok(())
            })?;
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn push_next(
        &mut self,
        input: Input,
        batched: bool,
        note: Option<(Id, Note)>,
    ) -> Result<Ticket, Failure<F>> {
        self.wanted.hear(&input);
        let reason = match &input {
            Input::Intent(intent) if !intent.reason.is_empty() => Some(intent.reason.clone()),
            _ => None,
        };
        let pushed = match (note, batched) {
            (Some((name, note)), _) => self.core.push_noted(input, true, name, note),
            (None, true) => self.core.push_batched(input, true),
            (None, false) => self.core.push(input, true),
        };
        let Some(ticket) = pushed? else {
            return Err(HostError::Poisoned("a wanted input has no ticket".into()));
        };
        if let (Some(reason), None) = (reason, self.core.simulated_venue()) {
            self.reasons.push((ticket, reason));
        }
        Ok(ticket)
    }

    /// Puts in what waits behind a drain and wants no answer.
    pub(crate) fn leave(&mut self, input: Input) -> Result<(), Failure<F>> {
        self.wanted.hear(&input);
        self.core.push(input, false)?;
        Ok(())
    }

    /// The answer with what went wrong at the venue on its way.
    #[inline]
    pub(crate) fn take(&mut self, ticket: Ticket) -> Taken<F> {
        if !self.reasons.is_empty() {
            self.reasons.retain(|(known, _)| *known != ticket);
        }
        let mut troubles = Vec::new();
        while let Some(at) = self.troubles.iter().position(|(known, _)| *known == ticket) {
            // Not dropped here: the end of what is foreign may run foreign code.
            troubles.push(self.troubles.remove(at).1);
        }
        let answer: Answer = self.core.take_answer(ticket)?;
        Some(Given { answer, troubles, queued: false })
    }

    /// Why the intent that a request followed from wants it.
    pub(crate) fn reason(&self, ticket: Option<Ticket>) -> Option<Id> {
        let ticket = ticket?;
        self.reasons.iter().find(|(known, _)| *known == ticket).map(|(_, reason)| reason.clone())
    }

    /// Another thread waits for the drain that is going on; gives its number.
    pub(crate) fn join(&mut self) -> u64 {
        self.waiting += 1;
        self.drained
    }

    /// Keeps what went wrong at the venue, for who asked. Gives back what nobody is told: it must not end under the lock.
    #[must_use]
    pub(crate) fn note(&mut self, ticket: Option<Ticket>, trouble: Option<F::Trouble>) -> Option<F::Trouble> {
        match (ticket, trouble, &mut self.recovering) {
            (Some(ticket), Some(trouble), _) => self.troubles.push((ticket, trouble)),
            (None, Some(trouble), Some(kept)) => kept.push(trouble),
            (None, trouble, None) => return trouble,
            (_, None, _) => {}
        }
        None
    }

    /// True where those who look on have not seen the last input.
    pub(crate) fn is_unseen(&self) -> bool {
        self.observed_seq != self.core.kernel().seq()
    }

    /// What those who look on have not seen yet, and the last input that they will then have seen.
    pub(crate) fn unseen(&mut self) -> (Vec<Observed>, u64) {
        self.observed_seq = self.core.kernel().seq();
        (self.core.take_observed(), self.observed_seq)
    }

    /// Nothing waits any more: the limits are what the kernel says.
    pub(crate) fn forget_asked_limits(&mut self) {
        self.asked_limits = None;
    }

    /// Takes what waits to be taken before the state is read.
    pub(crate) fn settle_marks(&mut self) -> Result<(), Failure<F>> {
        self.core.settle_marks().map_err(|error| self.log_failed(&error))
    }

    /// Makes everything durable, and leaves a snapshot. A state that is not to be trusted leaves none.
    pub(crate) fn close_log(&mut self) -> Result<(), Failure<F>> {
        self.core.end_sharing();
        if self.poisoned.is_some() {
            self.core.leave_log();
            return Ok(());
        }
        self.core.close_log().map_err(|error| self.log_failed(&error))
    }

    #[cold]
    pub(crate) fn log_failed(&mut self, error: &EngineError) -> Failure<F> {
        let poison = Poison::Log(log_failure(error));
        self.poisoned = Some(poison.clone());
        poison.into()
    }
}
