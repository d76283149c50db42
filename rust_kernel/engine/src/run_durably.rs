//! The loop with a log: what was taken is written down, and nothing leaves before it is durable.

use dita_kernel::id::Id;
use dita_kernel::input::{Input, Stamp};
use dita_kernel::names::KernelDiagnosticCode as Code;
use dita_kernel::names::Severity;
use dita_kernel::outcome::{Detail, Outcome};
use dita_log::{Key, LogError, Need};

use crate::answer::Answer;
use crate::durable::{Durable, SharedDisk, intent_key};
use crate::note::Note;
use crate::port::{self, Port};
use crate::run::{Engine, EngineError, Progress, Ticket, VenueCall, Waiting};

/// So many requests of a batch may wait for the others.
const HELD_MAX: usize = 1024;

/// How a log stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogStanding {
    /// The last input that was written down.
    pub last_seq: u64,
    /// Everything up to here survives a power loss.
    pub durable_seq: u64,
    /// Which opening this is.
    pub epoch: u32,
    /// The last inputs of the snapshots, oldest first.
    pub snapshots: Vec<u64>,
    /// Sealed segments.
    pub sealed_segments: usize,
    /// Memory that the index of ids takes for what is sealed, in bytes.
    pub index_bytes: usize,
    /// How many times a call has waited until records were synced, since the log was opened.
    pub sync_waits: u64,
    /// How long those calls waited for it, in all, ns.
    pub sync_wait_ns: u64,
    /// Why the last snapshot could not be written, if it could not.
    pub snapshot_failure: Option<String>,
}

impl Engine {
    #[inline(never)]
    pub(crate) fn run_durably(&mut self) -> Progress {
        if let Some(failed) = &self.failed {
            return Progress::Failed(failed.clone());
        }
        for _ in 0..self.run_max {
            match self.turn() {
                Ok(None) => {}
                Ok(Some(progress)) => return progress,
                Err(error) => return Progress::Failed(self.fail(error)),
            }
        }
        Progress::Yield
    }

    /// From here on nothing is taken and nothing leaves: what is in memory is ahead of the log, and only the log counts.
    #[cold]
    fn fail(&mut self, error: LogError) -> EngineError {
        let error = EngineError::Log(error);
        self.outgoing.clear();
        self.inbox.clear();
        self.fed = 0;
        self.failed = Some(error.clone());
        error
    }

    fn turn(&mut self) -> Result<Option<Progress>, LogError> {
        if self.must_serve() {
            return self.serve_durably();
        }
        if let Some(waiting) = self.next_input().or_else(|| self.heed_last()) {
            let waiting = self.heed_first(waiting);
            self.take_durably(waiting)?;
            return Ok(None);
        }
        if let Some(durable) = &mut self.durable {
            durable.settle(&mut self.kernel)?;
        }
        self.show_at_rest();
        self.give_back();
        Ok(Some(Progress::Quiet))
    }

    /// True where a request has to leave now: always, unless more of a batch follows that does not depend on it.
    fn must_serve(&self) -> bool {
        if self.outgoing.is_empty() {
            return false;
        }
        match self.inbox.front() {
            Some(next) if next.batched => {
                self.outgoing.len() >= HELD_MAX || self.outgoing.concern(&next.input)
            }
            Some(_) | None => true,
        }
    }

    /// Puts the oldest request to the venue, once its cause is durable.
    fn serve_durably(&mut self) -> Result<Option<Progress>, LogError> {
        let (Some(durable), Some(call)) = (&mut self.durable, self.outgoing.first()) else { return Ok(None) };
        // What is held leaves to nobody outside of this process: a simulated venue dies with it.
        let stays = durable.held && matches!(self.port, Port::Sim(_));
        if !stays && durable.log.durable_seq() < call.cause_seq {
            durable.log.settle(Need::BeforeEffects)?;
        }
        let Some(call) = self.outgoing.pop() else { return Ok(None) };
        match &mut self.port {
            Port::Foreign => {
                self.show_plane();
                return Ok(Some(Progress::Call(Box::new(call))));
            }
            Port::Sim(venue) => port::ask(venue, self.last_ns, &call.command, &mut self.feedback),
        }
        let mut answers = core::mem::take(&mut self.feedback);
        self.feed(call.ticket, answers.drain(..));
        self.feedback = answers;
        Ok(None)
    }

    /// One input: stamp, step, log. Input and outcome stay where they are until they are taken apart: each move of them
    /// waits on the one before.
    #[inline]
    fn take_durably(&mut self, mut waiting: Waiting) -> Result<(), LogError> {
        let now_ns = self.clock_ns();
        self.last_ns = now_ns;
        let stamp = Stamp(now_ns);
        self.age(&mut waiting.input);
        // While losses are watched, a mark by itself may lead to something; so may one that moves a stop.
        let can_wait = matches!(waiting.input, Input::Mark { .. })
            && !self.kernel.watches_losses()
            && !self.kernel.moves_a_stop(&waiting.input);
        if can_wait && self.kernel.validate(stamp, &waiting.input).is_ok() {
            self.hold_mark(waiting.ticket, stamp, waiting.input);
            return Ok(());
        }
        self.step_marks()?;
        if self.may_be_known(&waiting.input) {
            waiting.input = self.recognise(waiting.input)?;
        }
        let mut key = None;
        if let (Input::Intent(intent), Some(durable)) = (&waiting.input, &self.durable) {
            let its = intent_key(&intent.intent_id);
            if let Some(seq) = durable.log.find(&its)? {
                waiting.input = durable.recognise_intent(&self.kernel, seq, waiting.input)?;
            }
            key = Some(its);
        }
        if let Some(noted) = waiting.note.take() {
            self.note_first(*noted)?;
        }
        self.effects.clear();
        let outcome = self.kernel.step(stamp, &waiting.input, &mut self.effects);
        self.record(stamp, &waiting.input, key, &outcome)?;
        self.end_together();
        self.note_on_plane(&waiting.input, &outcome);
        if outcome.asks_the_log() {
            return self.ask_the_log(waiting.ticket, waiting.input, outcome);
        }
        self.conclude(waiting.ticket, waiting.input, outcome);
        Ok(())
    }

    /// A fill of an order that is not known here may be one that the log has booked, told again with another time.
    #[inline]
    fn may_be_known(&self, input: &Input) -> bool {
        matches!(input, Input::Venue(event) if self.kernel.is_strangers_fill(event))
    }

    #[cold]
    fn recognise(&self, input: Input) -> Result<Input, LogError> {
        match &self.durable {
            Some(durable) => durable.recognise(&self.kernel, input),
            None => Ok(input),
        }
    }

    /// Writes a note down so that it counts only together with the input that comes right after it, and with what else
    /// is of its batch.
    #[cold]
    fn note_first(&mut self, (name, note): (Id, Note)) -> Result<(), LogError> {
        let Some(durable) = &mut self.durable else { return Ok(()) };
        durable.log.keep_together(true);
        durable.together = true;
        durable.note(&mut self.kernel, name, note)
    }

    /// What a note was written with is whole: from here on the log takes its records one by one.
    #[inline]
    fn end_together(&mut self) {
        let Some(durable) = self.durable.as_mut().filter(|durable| durable.together) else { return };
        if self.inbox.front().is_some_and(|next| next.batched && next.note.is_none()) {
            return;
        }
        durable.together = false;
        // What a program of this process holds stays held.
        durable.log.keep_together(durable.held);
    }

    #[inline(always)]
    fn record(
        &mut self,
        stamp: Stamp,
        input: &Input,
        intent_key: Option<Key>,
        outcome: &Outcome,
    ) -> Result<(), LogError> {
        match &mut self.durable {
            Some(durable) => durable.record(&self.kernel, stamp, input, intent_key, outcome),
            None => Ok(()),
        }
    }

    #[inline]
    fn conclude(&mut self, ticket: Option<Ticket>, input: Input, outcome: Outcome) {
        let cause_seq = outcome.seq;
        self.report(ticket, input, outcome);
        for command in self.effects.commands.drain(..) {
            self.outgoing.push(VenueCall { ticket, command, cause_seq });
        }
    }

    /// A mark waits until something reads it: of several only the last one is taken.
    fn hold_mark(&mut self, ticket: Option<Ticket>, stamp: Stamp, input: Input) {
        if let (Some(plane), Input::Mark { symbol, price, venue_time_ns, .. }) = (&mut self.plane, &input) {
            plane.show_mark(&self.kernel, symbol, *price, *venue_time_ns);
        }
        if let Some(durable) = &mut self.durable {
            durable.hold_mark(stamp, input);
        }
        let Some(ticket) = ticket.filter(|ticket| !self.has_answer(*ticket)) else { return };
        let outcome = Outcome {
            // At the earliest; nothing is durable by it yet.
            seq: self.kernel.seq() + 1,
            accepted: true,
            code: Code::Ok,
            severity: Severity::Info,
            slot_id: None,
            state: None,
            detail: Detail::None,
        };
        self.answers.keep(ticket, Answer::of(outcome));
    }

    fn step_marks(&mut self) -> Result<(), LogError> {
        let Some(durable) = &mut self.durable else { return Ok(()) };
        if durable.marks.is_empty() {
            return Ok(());
        }
        let mut marks = core::mem::take(&mut durable.marks);
        for (stamp, input) in marks.drain(..) {
            self.effects.clear();
            let outcome = self.kernel.step(stamp, &input, &mut self.effects);
            self.record(stamp, &input, None, &outcome)?;
            self.note_on_plane(&input, &outcome);
            self.conclude(None, input, outcome);
        }
        if let Some(durable) = &mut self.durable {
            durable.marks = marks;
        }
        Ok(())
    }

    /// The memory is too short for an event: what the log knows of it comes in with it.
    #[cold]
    fn ask_the_log(
        &mut self,
        ticket: Option<Ticket>,
        input: Input,
        outcome: Outcome,
    ) -> Result<(), LogError> {
        let Some(durable) = &self.durable else { return Ok(()) };
        match durable.recall(&self.kernel, input)? {
            Ok(recalled) => {
                self.fed += 1;
                self.inbox.push_front(Waiting::alone(ticket, recalled));
            }
            Err(input) => self.conclude(ticket, input, outcome),
        }
        Ok(())
    }

    /// Takes the marks that wait, so that the state shows them. To be called before it is read.
    ///
    /// # Errors
    /// [`EngineError::Log`]: from here on the engine takes nothing.
    #[inline]
    pub fn settle_marks(&mut self) -> Result<(), EngineError> {
        if self.durable.as_ref().is_none_or(|durable| durable.marks.is_empty()) {
            return Ok(());
        }
        self.step_marks().map_err(|error| self.fail(error))
    }

    /// True where marks wait that [`Engine::settle_marks`] would take.
    #[inline]
    pub fn marks_wait(&self) -> bool {
        self.durable.as_ref().is_some_and(|durable| !durable.marks.is_empty())
    }

    /// True for an engine with a log that is open.
    #[inline]
    pub fn has_log(&self) -> bool {
        self.durable.is_some()
    }

    /// Everything up to here survives a power loss; `None` without a log.
    #[inline]
    pub fn durable_seq(&self) -> Option<u64> {
        self.durable.as_ref().map(|durable| durable.log.durable_seq())
    }

    /// How the log stands; `None` without one.
    pub fn log_standing(&self) -> Option<LogStanding> {
        let Durable { log, snapshot_failure, .. } = self.durable.as_deref()?;
        let waits = log.sync_waits();
        Some(LogStanding {
            last_seq: log.last_seq(),
            durable_seq: log.durable_seq(),
            epoch: log.epoch(),
            snapshots: log.snapshots().to_vec(),
            sealed_segments: log.sealed().len(),
            index_bytes: log.index_bytes(),
            sync_waits: waits.count,
            sync_wait_ns: u64::try_from(waits.total.as_nanos()).unwrap_or(u64::MAX),
            snapshot_failure: snapshot_failure.as_ref().map(ToString::to_string),
        })
    }

    /// Makes everything durable that was taken so far.
    ///
    /// # Errors
    /// [`EngineError::Log`]: from here on the engine takes nothing.
    pub fn sync_log(&mut self) -> Result<(), EngineError> {
        if let Some(queue) = &mut self.queue {
            queue.flush(&self.kernel);
        }
        self.settle_marks()?;
        let Some(durable) = &mut self.durable else { return Ok(()) };
        match durable.log.sync() {
            Ok(_) => Ok(()),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Writes nothing down until [`Engine::let_go`]: what is taken meanwhile, and the notes on it, is durable together or
    /// not at all. What leaves to a venue outside is written and synced before it all the same. Without a log: nothing.
    pub fn hold(&mut self) {
        if let Some(durable) = &mut self.durable {
            durable.held = true;
            durable.log.keep_together(true);
        }
    }

    /// Notes a text under a name: see [`Note`]. Without a log: nothing.
    ///
    /// # Errors
    /// [`EngineError::Log`]: from here on the engine takes nothing.
    pub fn note(&mut self, name: Id, note: Note) -> Result<(), EngineError> {
        self.settle_marks()?;
        let Some(durable) = &mut self.durable else { return Ok(()) };
        let written = durable.note(&mut self.kernel, name, note);
        // What is held stays held.
        written.and_then(|()| durable.settle(&mut self.kernel)).map_err(|error| self.fail(error))
    }

    /// Writes down who holds which slots, as a record that no step sees; an empty text ends it. Without a log: nothing.
    ///
    /// # Errors
    /// As [`Engine::note`].
    pub fn lease(&mut self, name: Id, lease: Note) -> Result<(), EngineError> {
        self.settle_marks()?;
        let Some(durable) = &mut self.durable else { return Ok(()) };
        let written = durable.lease(&mut self.kernel, name, lease);
        let synced = if durable.held { written } else { written.and_then(|()| durable.log.sync().map(drop)) };
        synced.map_err(|error| self.fail(error))
    }

    /// Where the log's files are, for those who read it beside the engine; `None` without a log.
    pub fn log_disk(&self) -> Option<SharedDisk> {
        self.durable.as_ref().map(|durable| SharedDisk::clone(durable.log.disk()))
    }

    /// The leases that stand, by name.
    pub fn leases(&self) -> impl Iterator<Item = (&Id, &Note)> {
        self.durable.iter().flat_map(|durable| &durable.kept.leases)
    }

    /// Ends [`Engine::hold`]: what was held is written, and synced as the log's policy says.
    ///
    /// # Errors
    /// [`EngineError::Log`]: from here on the engine takes nothing.
    pub fn let_go(&mut self) -> Result<(), EngineError> {
        let Some(durable) = &mut self.durable else { return Ok(()) };
        durable.held = false;
        durable.log.keep_together(false);
        durable.settle(&mut self.kernel).map_err(|error| self.fail(error))
    }

    /// The input that an intent of this id was accepted as, however long ago; `None` without a log, or where none was.
    ///
    /// # Errors
    /// [`EngineError::Log`]: the log's index cannot be read; from here on the engine takes nothing.
    pub fn taken(&mut self, intent_id: &Id) -> Result<Option<u64>, EngineError> {
        let Some(durable) = &self.durable else { return Ok(None) };
        durable.log.find(&intent_key(intent_id)).map_err(|error| self.fail(error))
    }

    /// The newest note of a name, where the log has one.
    pub fn noted(&self, name: &Id) -> Option<&Note> {
        self.durable.as_ref().and_then(|durable| durable.kept.notes.get(name))
    }

    /// How many names have a note.
    pub fn notes(&self) -> usize {
        self.durable.as_ref().map_or(0, |durable| durable.kept.notes.len())
    }

    /// Makes everything durable, leaves a snapshot, so that the next opening is quick, and closes the log.
    ///
    /// # Errors
    /// [`EngineError::Log`]: what was not durable before may be lost.
    pub fn close_log(&mut self) -> Result<(), EngineError> {
        self.queue = None;
        if self.failed.is_some() {
            self.durable = None;
            return Ok(());
        }
        self.settle_marks()?;
        let Some(mut durable) = self.durable.take() else { return Ok(()) };
        let closed = durable.snapshot(&mut self.kernel).and_then(|()| durable.log.close());
        closed.map_err(|error| self.fail(error))
    }

    /// Closes the log as it is, without a snapshot: for an engine whose state in memory is not to be trusted.
    pub fn leave_log(&mut self) {
        self.queue = None;
        self.durable = None;
    }

    /// Forgets the log without a word to it or its files: in a forked process they are the parent's.
    pub fn disown_log(&mut self) {
        if let Some(durable) = self.durable.take() {
            durable.log.disown();
        }
    }
}
