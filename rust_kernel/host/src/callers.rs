//! Those who put something in: who drains it, who waits for another one's drain, and who leaves it behind.

use std::sync::{MutexGuard, PoisonError};

use dita_engine::{Answer, Note, Ticket};
use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::names::{KernelDiagnosticCode, Severity};
use dita_kernel::outcome::{Detail, Outcome};

use crate::drain::{Drain, Drained, SIGNAL_INTERVAL, this_thread};
use crate::error::{Failure, HostError};
use crate::foreign::{Foreign, Hold};
use crate::state::State;

/// What a caller does when another thread is draining.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patience {
    /// Waits for the answer.
    Answer,
    /// Leaves the input behind.
    None,
}

/// What a caller gets for an input.
pub struct Given<F: Foreign> {
    /// The engine's answer.
    pub answer: Answer,
    /// What went wrong at the venue on its way. The first is the cause of the others.
    pub troubles: Vec<F::Trouble>,
    /// True where it waits behind others: there is no verdict yet.
    pub queued: bool,
}

/// An answer that may be missing.
pub(crate) type Taken<F> = Option<Given<F>>;

impl<F: Foreign> State<F> {
    /// The answer to what was not taken: the kernel is as it was.
    pub fn untaken(
        &self,
        (code, severity): (KernelDiagnosticCode, Severity),
        slot_id: Option<u32>,
        trade_id: Id,
    ) -> Answer {
        let kernel = self.core.kernel();
        let outcome = Outcome {
            seq: kernel.seq(),
            accepted: false,
            code,
            severity,
            slot_id,
            state: slot_id.and_then(|slot_id| kernel.slot(slot_id)).map(|slot| slot.stage),
            detail: Detail::None,
        };
        Answer {
            outcome,
            trade_id,
            transitions: Vec::new(),
            notices: Vec::new(),
            events: Vec::new(),
            durable: false,
        }
    }

    /// What the caller of an input gets that waits behind others: no verdict yet.
    fn queued(&self, input: &Input) -> Given<F> {
        let (slot_id, trade_id) = match input {
            Input::Intent(intent) => (Some(intent.slot_id), intent.trade_id.clone()),
            Input::Venue(event) => (event.slot_id, event.trade_id.clone()),
            other => (other.slot_id(), Id::EMPTY),
        };
        let answer = self.untaken((KernelDiagnosticCode::Ok, Severity::Info), slot_id, trade_id);
        Given { answer, troubles: Vec::new(), queued: true }
    }
}

fn known<F: Foreign>(taken: Taken<F>) -> Result<Given<F>, Failure<F>> {
    taken.ok_or_else(|| HostError::Poisoned("an answer is missing".into()))
}

impl<F: Foreign> Drain<F> {
    /// Puts an input in, and drains where nobody else does. `time_ns` is what a local caller told of the time.
    ///
    /// # Errors
    /// The kernel cannot be used or not go on, the inbox is full, or the call was interrupted: then the input was taken
    /// all the same.
    #[inline]
    pub fn put(
        &self,
        held: F::Held<'_>,
        input: Input,
        time_ns: Option<i64>,
        patience: Patience,
    ) -> Result<Given<F>, Failure<F>> {
        self.put_with(Hold::Has(held), input, time_ns, patience)
    }

    /// The same, of a thread that takes what foreign calls need only where there are such.
    ///
    /// # Errors
    /// As [`Drain::put`].
    #[inline]
    pub fn put_with(
        &self,
        hold: Hold<'_, F>,
        input: Input,
        time_ns: Option<i64>,
        patience: Patience,
    ) -> Result<Given<F>, Failure<F>> {
        let mut state = self.open()?;
        if let Some(time_ns) = time_ns {
            state.tell(time_ns);
        }
        self.put_and(hold, state, input, patience, Drain::drain)
    }

    /// The same for a caller that hands the answer on before anybody else is shown what has happened: it owes
    /// [`Drain::show_rest`] right after.
    ///
    /// # Errors
    /// As [`Drain::put`].
    #[inline]
    pub fn put_unshown(
        &self,
        hold: Hold<'_, F>,
        input: Input,
        patience: Patience,
    ) -> Result<Given<F>, Failure<F>> {
        self.put_and(hold, self.open()?, input, patience, Drain::drain_unshown)
    }

    #[inline]
    fn put_and<'a, 'h>(
        &'a self,
        hold: Hold<'h, F>,
        mut state: MutexGuard<'a, State<F>>,
        input: Input,
        patience: Patience,
        drain: impl FnOnce(&'a Self, Hold<'h, F>, MutexGuard<'a, State<F>>) -> Result<Drained<'a, F>, Failure<F>>,
    ) -> Result<Given<F>, Failure<F>> {
        if state.writer != 0 {
            return self.put_behind(hold, state, input, patience);
        }
        let ticket = self.guarded(&mut state, |state| state.push(input))?;
        let (mut state, interrupt) = drain(self, hold, state)?;
        let taken = state.take(ticket);
        drop(state);
        match interrupt {
            Some(interrupt) => Err(HostError::Interrupted(interrupt)),
            None => known(taken),
        }
    }

    /// Shows to everybody what [`Drain::put_unshown`] has left. Where another thread drains, that one does.
    ///
    /// # Errors
    /// As [`Drain::drain`]; what interrupted the call.
    #[inline]
    pub fn show_rest(&self, hold: Hold<'_, F>) -> Result<(), Failure<F>> {
        let state = self.open()?;
        if state.writer != 0 {
            return Ok(());
        }
        let (state, interrupt) = self.drain(hold, state)?;
        drop(state);
        interrupt.map_or(Ok(()), |interrupt| Err(HostError::Interrupted(interrupt)))
    }

    /// What to do behind another thread's drain, or inside one's own.
    #[cold]
    fn put_behind(
        &self,
        hold: Hold<'_, F>,
        mut state: MutexGuard<'_, State<F>>,
        input: Input,
        patience: Patience,
    ) -> Result<Given<F>, Failure<F>> {
        if state.writer == this_thread() || patience == Patience::None {
            let given = state.queued(&input);
            state.leave(input)?;
            return Ok(given);
        }
        let ticket = self.guarded(&mut state, |state| state.push(input))?;
        let drained = state.join();
        drop(state);
        let taken = self.wait(hold, &[ticket], drained)?;
        known(taken.into_iter().next().flatten())
    }

    /// Puts several inputs in that become durable together: all of them, or none.
    ///
    /// # Errors
    /// As [`Drain::put`]; [`HostError::NoRoom`] where the inbox has no room for all of them.
    pub fn put_batch(
        &self,
        hold: Hold<'_, F>,
        inputs: Vec<Input>,
        time_ns: Option<i64>,
    ) -> Result<Vec<Given<F>>, Failure<F>> {
        self.put_batch_with(hold, inputs, time_ns, None)
    }

    /// The same with a note that becomes durable together with them; see [`dita_engine::Engine::push_noted`].
    ///
    /// # Errors
    /// As [`Drain::put_batch`].
    pub fn put_noted(
        &self,
        hold: Hold<'_, F>,
        inputs: Vec<Input>,
        name: Id,
        note: Note,
    ) -> Result<Vec<Given<F>>, Failure<F>> {
        self.put_batch_with(hold, inputs, None, Some((name, note)))
    }

    fn put_batch_with(
        &self,
        hold: Hold<'_, F>,
        inputs: Vec<Input>,
        time_ns: Option<i64>,
        mut note: Option<(Id, Note)>,
    ) -> Result<Vec<Given<F>>, Failure<F>> {
        let mut state = self.open()?;
        if let Some(time_ns) = time_ns {
            state.tell(time_ns);
        }
        self.guarded(&mut state, State::bring_due)?;
        let (room, wanted) = (state.core.room(), inputs.len());
        if room < wanted {
            let why =
                format!("{wanted} inputs come together and the inbox has room for {room}: raise inbox_max");
            return Err(HostError::NoRoom(why.into_boxed_str()));
        }
        if state.writer == this_thread() {
            let given = inputs.iter().map(|input| state.queued(input)).collect();
            if let Some((name, note)) = note {
                // They come behind what this thread drains: the note is there before them.
                state.core.note(name, note).map_err(|error| state.log_failed(&error))?;
            }
            inputs.into_iter().try_for_each(|input| state.leave(input))?;
            return Ok(given);
        }
        let tickets = self.guarded(&mut state, |state| {
            let pushed = inputs.into_iter().map(|input| state.push_next(input, true, note.take()));
            pushed.collect::<Result<Vec<_>, _>>()
        })?;
        let taken = if state.writer == 0 {
            let (mut state, interrupt) = self.drain(hold, state)?;
            let taken: Vec<Taken<F>> = tickets.iter().map(|ticket| state.take(*ticket)).collect();
            drop(state);
            if let Some(interrupt) = interrupt {
                return Err(HostError::Interrupted(interrupt));
            }
            taken
        } else {
            let drained = state.join();
            drop(state);
            self.wait(hold, &tickets, drained)?
        };
        taken.into_iter().map(known).collect()
    }

    /// Waits, with nothing held, until the drain that was going on has ended.
    fn wait(&self, hold: Hold<'_, F>, tickets: &[Ticket], drained: u64) -> Result<Vec<Taken<F>>, Failure<F>> {
        loop {
            let look = || {
                let (mut state, _) = self
                    .quiet
                    .wait_timeout_while(self.lock(), SIGNAL_INTERVAL, |state| state.drained == drained)
                    .unwrap_or_else(PoisonError::into_inner);
                if state.drained == drained {
                    return Ok(None);
                }
                state.waiting -= 1;
                match &state.poisoned {
                    Some(poison) => Err(Failure::<F>::from(poison.clone())),
                    None => Ok(Some(tickets.iter().map(|ticket| state.take(*ticket)).collect())),
                }
            };
            let taken: Option<Vec<Taken<F>>> = match hold {
                Hold::Has(held) => F::released(held, look)?,
                Hold::Takes => look()?,
            };
            if let Some(taken) = taken {
                return Ok(taken);
            }
            // The answer is then nobody's; the input itself is taken all the same.
            if let Hold::Has(held) = hold {
                F::check_signals(held).map_err(HostError::Interrupted)?;
            }
        }
    }
}
