//! The loop.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{EffectResult, Input, Stamp};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{KernelDiagnosticCode, Severity};
use dita_kernel::outcome::{Detail, Outcome};
use dita_log::LogError;
use dita_sim::{SimError, SimVenue};

use crate::answer::{Answer, Observed, TransitionRecord};
use crate::answers::Answers;
use crate::clock::{Clock, LiveClock};
use crate::durable::{Durable, LogSettings, SharedDisk};
use crate::note::Note;
use crate::outgoing::Outgoing;
use crate::plane::Plane;
use crate::port::{self, Port};
use crate::queue::Queue;
use crate::recovery::{self, Recovery, ReplayError, ReplayProgress};
use crate::screen::Screen;
use crate::warm::Warm;

/// Stage changes of an intent whose venue answers at once: requested, sent, working, done.
const TRANSITIONS_USUAL: usize = 4;

/// Settings of an engine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The core's.
    pub kernel: KernelConfig,
    /// Where kernel time comes from.
    pub clock: Clock,
    /// How many inputs may wait.
    pub inbox_max: usize,
    /// How many inputs one [`Engine::run`] takes at most before it gives the owner a turn.
    pub run_max: usize,
    /// True where transitions are kept for followers (see [`Engine::take_observed`]).
    pub observe: bool,
}

impl Default for EngineConfig {
    fn default() -> EngineConfig {
        EngineConfig {
            kernel: KernelConfig::default(),
            clock: Clock::Driven,
            inbox_max: 65_536,
            run_max: 1_000_000,
            observe: false,
        }
    }
}

/// Why the engine does not take something.
#[derive(Clone, PartialEq, Debug)]
pub enum EngineError {
    /// The inbox is full.
    InboxFull {
        /// How many inputs it holds.
        capacity: usize,
    },
    /// A setting is out of range.
    Config(&'static str),
    /// The venue inside cannot take this.
    Venue(SimError),
    /// There is no simulated venue inside.
    NoSimulatedVenue,
    /// The log does not lead to a kernel.
    Replay(Box<ReplayError>),
    /// The log takes nothing more: what is in memory is ahead of what is on disk.
    Log(LogError),
}

impl core::fmt::Display for EngineError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            EngineError::InboxFull { capacity } => {
                write!(
                    f,
                    "the inbox holds {capacity} inputs and is full: let the kernel drain, or raise inbox_max"
                )
            }
            EngineError::Config(what) => f.write_str(what),
            EngineError::Venue(error) => error.fmt(f),
            EngineError::NoSimulatedVenue => f.write_str("this kernel has no simulated venue"),
            EngineError::Replay(error) => error.fmt(f),
            EngineError::Log(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EngineError {}

/// Marks an input whose answer the owner wants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ticket(u64);

impl Ticket {
    /// How many tickets were given out from `earlier` on; of a later one, more than there are.
    #[inline]
    pub(crate) fn since(self, earlier: Ticket) -> u64 {
        self.0.wrapping_sub(earlier.0)
    }

    #[cfg(test)]
    pub(crate) fn of(number: u64) -> Ticket {
        Ticket(number)
    }
}

/// A request that a venue outside must be asked.
#[derive(Clone, PartialEq, Debug)]
pub struct VenueCall {
    /// The input that it followed from, if its answer is wanted: pass it to [`Engine::feed`].
    pub ticket: Option<Ticket>,
    /// The request.
    pub command: Command,
    /// The input that asked for it.
    pub(crate) cause_seq: u64,
}

/// How far [`Engine::run`] came.
#[derive(Clone, PartialEq, Debug)]
pub enum Progress {
    /// Nothing is left.
    Quiet,
    /// A venue outside must be asked; then call [`Engine::run`] again.
    Call(Box<VenueCall>),
    /// The bound on inputs was reached; call [`Engine::run`] again.
    Yield,
    /// The log failed: nothing more is taken, and nothing has left whose cause is not durable.
    Failed(EngineError),
}

pub(crate) struct Waiting {
    pub(crate) ticket: Option<Ticket>,
    pub(crate) input: Input,
    /// Part of a batch: what it leads to may wait for the rest.
    pub(crate) batched: bool,
    /// What its sender wants back: written down right before it, and together with it or not at all.
    pub(crate) note: Option<Box<(Id, Note)>>,
}

impl Waiting {
    /// One that comes by itself, and with nothing beside it.
    pub(crate) fn alone(ticket: Option<Ticket>, input: Input) -> Waiting {
        Waiting { ticket, input, batched: false, note: None }
    }
}

/// The shell.
pub struct Engine {
    pub(crate) kernel: Kernel,
    pub(crate) clock: Clock,
    pub(crate) live: LiveClock,
    pub(crate) told_ns: i64,
    pub(crate) last_ns: i64,
    pub(crate) port: Port,
    pub(crate) inbox: VecDeque<Waiting>,
    /// How many at the inbox's front are answers to what was asked last: they are taken in their order.
    pub(crate) fed: usize,
    inbox_max: usize,
    pub(crate) run_max: usize,
    pub(crate) outgoing: Outgoing,
    pub(crate) effects: Effects,
    pub(crate) feedback: Vec<Input>,
    /// Events that were read: a native venue takes their memory back.
    spent: Vec<Input>,
    pub(crate) answers: Answers,
    next_ticket: u64,
    observed: Option<Vec<Observed>>,
    pub(crate) durable: Option<Box<Durable>>,
    /// What followers of a kernel without a log read.
    pub(crate) queue: Option<Box<Queue>>,
    /// What other processes see, and where operators halt it.
    pub(crate) plane: Option<Box<Plane>>,
    /// The plane shows nothing until somebody says so: whoever waits for an answer comes first.
    pub(crate) shows_later: bool,
    /// What people who look on were shown last.
    pub(crate) screen: Option<Box<Screen>>,
    /// Set once the log has failed.
    pub(crate) failed: Option<EngineError>,
}

impl Engine {
    /// An engine at rest.
    ///
    /// # Errors
    /// [`EngineError::Config`] names the setting that is out of range.
    pub fn new(config: EngineConfig, port: Port) -> Result<Engine, EngineError> {
        let kernel = Kernel::new(config.kernel.clone()).map_err(EngineError::Config)?;
        Engine::around(kernel, config, port)
    }

    /// An engine on its log: a new one, or the one that the log leads to. Then whatever was on its way is in doubt, and
    /// the first [`Engine::run`] asks the venue. One that is simulated and inside must be new, without money: it goes on with
    /// what the kernel knows.
    ///
    /// # Errors
    /// [`EngineError::Replay`] says what is wrong with the log and what to do; the files are as they were.
    pub fn recover(
        config: EngineConfig,
        port: Port,
        disk: SharedDisk,
        settings: &LogSettings,
        progress: &mut dyn FnMut(ReplayProgress),
    ) -> Result<(Engine, Recovery), EngineError> {
        Engine::recover_until(config, port, disk, settings, &mut |at| {
            progress(at);
            ControlFlow::Continue(())
        })
    }

    /// The same, as long as `progress` says so.
    ///
    /// # Errors
    /// As [`Engine::recover`]; [`ReplayError::Stopped`] where `progress` breaks.
    pub fn recover_until(
        config: EngineConfig,
        port: Port,
        disk: SharedDisk,
        settings: &LogSettings,
        progress: &mut dyn FnMut(ReplayProgress) -> ControlFlow<()>,
    ) -> Result<(Engine, Recovery), EngineError> {
        Engine::take_over(config, port, disk, settings, None, progress)
    }

    /// The same, with a replica that has followed the log: what it has need not be replayed. One that does not fit is not used, and
    /// [`Recovery::remarks`] says why.
    ///
    /// # Errors
    /// As [`Engine::recover_until`].
    pub fn take_over(
        config: EngineConfig,
        port: Port,
        disk: SharedDisk,
        settings: &LogSettings,
        warm: Option<Warm>,
        progress: &mut dyn FnMut(ReplayProgress) -> ControlFlow<()>,
    ) -> Result<(Engine, Recovery), EngineError> {
        Kernel::new(config.kernel.clone()).map_err(EngineError::Config)?;
        let (kernel, durable, recovery, wider) =
            recovery::open(&config.kernel, disk, settings, warm, progress)
                .map_err(|error| EngineError::Replay(Box::new(error)))?;
        let begun = recovery.last_seq > 0;
        let mut engine = Engine::around(kernel, config, port)?;
        engine.durable = Some(Box::new(durable));
        if begun {
            engine.last_ns = engine.kernel.now_ns();
            engine.resume_venue(recovery.epoch)?;
            engine.inbox.push_back(Waiting::alone(None, Input::Restart));
        }
        if let Some(input) = wider {
            engine.inbox.push_back(Waiting::alone(None, input));
        }
        Ok((engine, recovery))
    }

    /// An engine without a log, whose inputs followers read: through a log of the disk's, which a thread of its own writes.
    /// Nothing waits for that, and nothing in it is durable.
    ///
    /// # Errors
    /// As [`Engine::recover`]; [`EngineError::Config`] where the disk has a log already.
    pub fn queued(
        config: EngineConfig,
        port: Port,
        disk: SharedDisk,
        settings: &LogSettings,
    ) -> Result<(Engine, Recovery), EngineError> {
        let (kernel, durable, recovery, _) =
            recovery::open(&config.kernel, disk.clone(), settings, None, &mut |_| ControlFlow::Continue(()))
                .map_err(|error| EngineError::Replay(Box::new(error)))?;
        if recovery.last_seq > 0 {
            return Err(EngineError::Config("a queue begins in an empty directory"));
        }
        let queue = Queue::new(durable.log, disk, &config.kernel, settings);
        let mut engine = Engine::around(kernel, config, port)?;
        engine.queue = Some(Box::new(queue));
        Ok((engine, recovery))
    }

    /// Why the followers of a kernel without a log get nothing more, if they do not.
    pub fn queue_failure(&self) -> Option<String> {
        self.queue.as_ref().and_then(|queue| queue.failure())
    }

    /// A venue inside died with its process, and goes on where the kernel is.
    fn resume_venue(&mut self, epoch: u32) -> Result<(), EngineError> {
        let Port::Sim(venue) = &mut self.port else { return Ok(()) };
        venue.resume(&self.kernel, epoch).map_err(EngineError::Venue)?;
        self.with_venue(|venue, now_ns, out| {
            venue.advance(now_ns, out);
            Ok(())
        })
    }

    fn around(kernel: Kernel, config: EngineConfig, port: Port) -> Result<Engine, EngineError> {
        if config.inbox_max == 0 || config.run_max == 0 {
            return Err(EngineError::Config("inbox_max and run_max must be above zero"));
        }
        Ok(Engine {
            kernel,
            clock: config.clock,
            live: LiveClock::default(),
            told_ns: 0,
            last_ns: 0,
            port,
            inbox: VecDeque::new(),
            fed: 0,
            inbox_max: config.inbox_max,
            run_max: config.run_max,
            outgoing: Outgoing::default(),
            effects: Effects::default(),
            feedback: Vec::new(),
            spent: Vec::new(),
            answers: Answers::default(),
            next_ticket: 0,
            observed: config.observe.then(Vec::new),
            durable: None,
            queue: None,
            plane: None,
            shows_later: false,
            screen: None,
            failed: None,
        })
    }

    /// The core, to read.
    #[inline]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The simulated venue, to read.
    pub fn simulated_venue(&self) -> Option<&SimVenue> {
        match &self.port {
            Port::Sim(venue) => Some(venue),
            Port::Foreign => None,
        }
    }

    /// Tells the time, ns; only a [`Clock::Driven`] engine listens, and only to later times.
    #[inline]
    pub fn tell_time(&mut self, now_ns: i64) {
        self.told_ns = self.told_ns.max(now_ns);
    }

    /// Where kernel time comes from.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The stamp that an input would get now, ns: not before the last one's.
    #[inline]
    pub fn clock_ns(&mut self) -> i64 {
        match self.clock {
            Clock::System => self.last_ns.max(self.live.now_ns(self.last_ns)),
            Clock::Driven => self.last_ns.max(self.told_ns),
        }
    }

    /// By how much the machine's clock is ahead of kernel time, ns; 0 where time is driven.
    pub fn clock_skew_ns(&mut self) -> i64 {
        self.clock_ns();
        self.live.skew_ns()
    }

    /// Kernel time of the last input, ns.
    pub fn now_ns(&self) -> i64 {
        self.last_ns
    }

    /// True where nothing waits.
    pub fn is_quiet(&self) -> bool {
        self.inbox.is_empty() && self.outgoing.is_empty()
    }

    /// Puts an input into the inbox. With `wanted`, its answer can be taken by the ticket once the engine is quiet.
    ///
    /// # Errors
    /// [`EngineError::InboxFull`]: nothing was put in.
    #[inline]
    pub fn push(&mut self, input: Input, wanted: bool) -> Result<Option<Ticket>, EngineError> {
        self.put(input, wanted, false, None)
    }

    /// The same for one of several that come together: with a log they become durable together, and what they lead to
    /// leaves after that. Those that concern one slot still follow one another.
    ///
    /// # Errors
    /// As [`Engine::push`].
    pub fn push_batched(&mut self, input: Input, wanted: bool) -> Result<Option<Ticket>, EngineError> {
        self.put(input, wanted, self.durable.is_some(), None)
    }

    /// The same for the first of them, with a note that stands in the log right before it: note and batch are there
    /// together, or nothing of them. Of a batch whose inputs concern one slot at a venue outside, what has to leave is
    /// written with the note before the rest. Without a log the note is nothing.
    ///
    /// # Errors
    /// As [`Engine::push`].
    pub fn push_noted(
        &mut self,
        input: Input,
        wanted: bool,
        name: Id,
        note: Note,
    ) -> Result<Option<Ticket>, EngineError> {
        let has_log = self.durable.is_some();
        self.put(input, wanted, has_log, has_log.then(|| Box::new((name, note))))
    }

    #[inline]
    fn put(
        &mut self,
        input: Input,
        wanted: bool,
        batched: bool,
        note: Option<Box<(Id, Note)>>,
    ) -> Result<Option<Ticket>, EngineError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        if self.inbox.len() >= self.inbox_max {
            return Err(EngineError::InboxFull { capacity: self.inbox_max });
        }
        let ticket = wanted.then(|| {
            self.next_ticket += 1;
            Ticket(self.next_ticket)
        });
        self.inbox.push_back(Waiting { ticket, input, batched, note });
        Ok(ticket)
    }

    /// How many inputs wait in the inbox.
    pub fn waiting(&self) -> usize {
        self.inbox.len()
    }

    /// How many inputs the inbox has room for.
    pub fn room(&self) -> usize {
        self.inbox_max.saturating_sub(self.inbox.len())
    }

    /// Puts in what a venue outside answered to a [`VenueCall`], in front of everything that waits: an answer belongs
    /// to its question. Answers to several questions stay in the order of the questions. Not bounded by the inbox: the
    /// question was.
    pub fn feed(&mut self, ticket: Option<Ticket>, inputs: impl IntoIterator<Item = Input>) {
        let first = self.fed;
        for input in inputs {
            self.inbox.insert(self.fed, Waiting::alone(ticket, input));
            self.fed += 1;
        }
        self.tell_created(first);
    }

    /// When the venue made an order is told once in an answer, with the order's status: it holds for the fills beside it.
    fn tell_created(&mut self, first: usize) {
        let told = |waiting: &Waiting| match &waiting.input {
            Input::Venue(event) => {
                let created_ns = event.rare.as_ref()?.order_created_ns?;
                Some((event.venue_client_id.clone(), created_ns))
            }
            _ => None,
        };
        let Some((client_id, created_ns)) = self.inbox.range(first..self.fed).find_map(told) else { return };
        for waiting in self.inbox.range_mut(first..self.fed) {
            if let Input::Venue(event) = &mut waiting.input
                && event.venue_client_id == client_id
            {
                event.rare.get_or_insert_default().order_created_ns.get_or_insert(created_ns);
            }
        }
    }

    /// Takes the answer to an input, once the engine is quiet.
    #[inline]
    pub fn take_answer(&mut self, ticket: Ticket) -> Option<Answer> {
        let mut answer = self.answers.take(ticket)?;
        answer.durable = self.durable_seq().is_some_and(|seq| seq >= answer.outcome.seq);
        Some(answer)
    }

    pub(crate) fn has_answer(&self, ticket: Ticket) -> bool {
        self.answers.has(ticket)
    }

    /// Keeps transitions for followers from now on.
    pub fn observe(&mut self) {
        self.observed.get_or_insert_default();
    }

    /// Takes the transitions since the last call, where the engine observes.
    pub fn take_observed(&mut self) -> Vec<Observed> {
        self.observed.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// True where there are transitions that [`Engine::take_observed`] would give.
    pub fn has_observed(&self) -> bool {
        self.observed.as_ref().is_some_and(|observed| !observed.is_empty())
    }

    /// Works until quiet, until a venue outside must be asked, or until the bound.
    #[inline]
    pub fn run(&mut self) -> Progress {
        if self.durable.is_some() {
            return self.run_durably();
        }
        for _ in 0..self.run_max {
            if let Some(call) = self.outgoing.pop() {
                // A venue may take its time, and followers see meanwhile what it was asked for.
                self.hand_over();
                self.show_plane();
                return Progress::Call(Box::new(call));
            }
            let Some(waiting) = self.next_input().or_else(|| self.heed_last()) else {
                self.hand_over();
                self.show_at_rest();
                self.give_back();
                return Progress::Quiet;
            };
            let waiting = self.heed_first(waiting);
            self.take(waiting);
        }
        self.hand_over();
        self.show_at_rest();
        Progress::Yield
    }

    #[inline]
    fn hand_over(&mut self) {
        if let Some(queue) = &mut self.queue {
            queue.hand_over(&self.kernel);
        }
    }

    #[inline]
    pub(crate) fn next_input(&mut self) -> Option<Waiting> {
        self.fed = self.fed.saturating_sub(1);
        self.inbox.pop_front()
    }

    #[inline]
    pub(crate) fn give_back(&mut self) {
        match &mut self.port {
            Port::Sim(venue) => venue.reclaim(&mut self.spent),
            Port::Foreign => self.spent.clear(),
        }
    }

    /// A mark that is taken while time runs by itself ages.
    #[inline]
    pub(crate) fn age(&self, input: &mut Input) {
        if let Input::Mark { ages, .. } = input {
            *ages = self.clock == Clock::System;
        }
    }

    /// One input: stamp, step, venue, feedback.
    #[inline]
    fn take(&mut self, waiting: Waiting) {
        let Waiting { ticket, mut input, .. } = waiting;
        self.age(&mut input);
        let now_ns = self.clock_ns();
        self.last_ns = now_ns;
        self.effects.clear();
        let outcome = self.kernel.step(Stamp(now_ns), &input, &mut self.effects);
        if let Some(queue) = &mut self.queue {
            queue.note(self.kernel.seq(), Stamp(now_ns), &input, outcome.accepted);
        }
        self.note_on_plane(&input, &outcome);
        self.report(ticket, input, outcome);
        self.serve(now_ns, ticket);
    }

    /// Puts the step's requests to the venue, and its answers in front of the inbox.
    #[inline]
    fn serve(&mut self, now_ns: i64, ticket: Option<Ticket>) {
        let commands = &mut self.effects.commands;
        match &mut self.port {
            Port::Sim(venue) => {
                for command in commands.iter() {
                    port::ask(venue, now_ns, command, &mut self.feedback);
                }
                commands.clear();
            }
            Port::Foreign => {
                for command in commands.drain(..) {
                    self.outgoing.push(VenueCall { ticket, command, cause_seq: 0 });
                }
            }
        }
        for input in self.feedback.drain(..).rev() {
            self.inbox.push_front(Waiting::alone(ticket, input));
        }
    }

    /// Writes down what came of an input, for its owner and for followers.
    #[inline]
    pub(crate) fn report(&mut self, ticket: Option<Ticket>, input: Input, outcome: Outcome) {
        if ticket.is_none() && self.observed.is_none() {
            self.spent.push(input);
            return;
        }
        if let Some(mut observed) = self.observed.take() {
            self.show(&input, &mut observed);
            self.observed = Some(observed);
        }
        let Some(ticket) = ticket else {
            self.spent.push(input);
            return;
        };
        let mut notices = core::mem::take(&mut self.effects.notices);
        let (kernel, effects, last_ns) = (&self.kernel, &self.effects, self.last_ns);
        if let Some(answer) = self.answers.get_mut(ticket) {
            answer.notices.append(&mut notices);
            self.spent.extend(go_on_with_answer(answer, kernel, effects, last_ns, input, outcome));
            return;
        }
        let answer = begin_answer(kernel, effects, last_ns, &input, outcome);
        self.answers.keep(ticket, Answer { notices, ..answer });
    }

    /// Adds the step's transitions to what followers see, with the event that caused them.
    #[cold]
    fn show(&self, input: &Input, observed: &mut Vec<Observed>) {
        if self.effects.transitions.is_empty() {
            return;
        }
        let event = if let Input::Venue(event) = input { Some(Arc::new((**event).clone())) } else { None };
        let mut records = Vec::new();
        describe(&self.kernel, &self.effects, self.last_ns, input, &mut records);
        observed.extend(records.into_iter().map(|record| Observed { record, event: event.clone() }));
    }

    // -------------------------------------------------------------------------------- the simulated venue inside

    /// Calls the simulated venue (quotes, depth, prints), and puts what it says into the inbox.
    ///
    /// # Errors
    /// [`EngineError::NoSimulatedVenue`], or what the venue does not take.
    #[inline]
    pub fn with_venue(
        &mut self,
        call: impl FnOnce(&mut SimVenue, i64, &mut Vec<Input>) -> Result<(), SimError>,
    ) -> Result<(), EngineError> {
        let now_ns = self.clock_ns();
        let Port::Sim(venue) = &mut self.port else { return Err(EngineError::NoSimulatedVenue) };
        let result = call(venue, now_ns, &mut self.feedback);
        for input in self.feedback.drain(..) {
            self.inbox.push_back(Waiting::alone(None, input));
        }
        result.map_err(EngineError::Venue)
    }
}

/// The answer to an input, as its own step leaves it, but for the remarks.
#[inline]
pub(crate) fn begin_answer(
    kernel: &Kernel,
    effects: &Effects,
    timestamp_ns: i64,
    input: &Input,
    outcome: Outcome,
) -> Answer {
    let first = effects.transitions.first().map(|transition| transition.slot_id);
    let slot_id = outcome.slot_id.or(first);
    let trade_id = match (input, slot_id.and_then(|slot_id| kernel.slot(slot_id))) {
        (_, Some(slot)) if outcome.accepted => slot.trade_id.clone(),
        (Input::Venue(event), _) => event.trade_id.clone(),
        (input, _) => input.intent().map(|intent| intent.trade_id.clone()).unwrap_or_default(),
    };
    let mut transitions = Vec::new();
    if !effects.transitions.is_empty() {
        transitions.reserve_exact(TRANSITIONS_USUAL);
        describe(kernel, effects, timestamp_ns, input, &mut transitions);
    }
    Answer { trade_id, transitions, ..Answer::of(outcome) }
}

/// The answer goes on with a step that followed from it, but for the remarks. Gives back what it did not keep.
#[inline]
pub(crate) fn go_on_with_answer(
    answer: &mut Answer,
    kernel: &Kernel,
    effects: &Effects,
    timestamp_ns: i64,
    input: Input,
    outcome: Outcome,
) -> Option<Input> {
    describe(kernel, effects, timestamp_ns, &input, &mut answer.transitions);
    add_feedback(answer, input, outcome)
}

/// Adds what the venue said to the answer of the input that it followed from. Where it refused at once, its code
/// stands in for OK; the kernel's own verdict (`accepted`) stays, except for an intent whose only answer is a rate
/// limit. Gives back what it did not keep.
#[inline]
fn add_feedback(answer: &mut Answer, input: Input, outcome: Outcome) -> Option<Input> {
    match input {
        Input::Venue(event) => answer.events.push(event),
        Input::Effect(result) => {
            add_effect(answer, result, &outcome);
            return None;
        }
        other @ (Input::Intent(_)
        | Input::Account(_)
        | Input::Instrument(_)
        | Input::Seed { .. }
        | Input::Mark { .. }
        | Input::Time
        | Input::Control(_)
        | Input::Opening(_)
        | Input::Funding(_)
        | Input::Adopt(_)
        | Input::Override(_)
        | Input::Calibration(_)
        | Input::Edge { .. }
        | Input::Restart
        | Input::Recalled(_)
        | Input::Capacity { .. }
        | Input::Bots(_)
        | Input::BotLimits(_)
        | Input::Listed(_)) => return Some(other),
    }
    answer.outcome.state = outcome.state.or(answer.outcome.state);
    // The venue has answered nothing else, so nothing of the intent is at work.
    let of_an_intent = answer.transitions.first().is_some_and(|first| !first.intent_id.is_empty());
    if outcome.code == KernelDiagnosticCode::RateLimited && of_an_intent && answer.events.len() == 1 {
        answer.outcome.accepted = false;
    }
    if outcome.severity > answer.outcome.severity || outcome.severity >= Severity::Critical {
        answer.outcome.code = outcome.code;
        answer.outcome.severity = outcome.severity;
        if outcome.detail != Detail::None {
            answer.outcome.detail = outcome.detail;
        }
    }
    None
}

/// What came of an effect: the stage is the last one that the slot went to, and a request that came to nothing is
/// the venue's refusal.
#[cold]
fn add_effect(answer: &mut Answer, result: EffectResult, outcome: &Outcome) {
    let slot_id = answer.outcome.slot_id;
    let last = answer.transitions.iter().rev().find(|record| Some(record.slot_id) == slot_id);
    answer.outcome.state = last.map(|record| record.next_state).or(answer.outcome.state);
    match result {
        EffectResult::LeverageSet { .. } => {}
        EffectResult::LeverageRefused { reason, .. } | EffectResult::NotSent { reason, .. } => {
            if outcome.accepted && outcome.code == KernelDiagnosticCode::Ok {
                answer.outcome.code = KernelDiagnosticCode::VenueRejected;
                answer.outcome.severity = Severity::Warning;
                answer.outcome.detail = Detail::Venue { reason, reason_code: Id::EMPTY };
            }
        }
    }
}

/// Adds a step's transitions, with the input that caused them.
fn describe(
    kernel: &Kernel,
    effects: &Effects,
    timestamp_ns: i64,
    input: &Input,
    records: &mut Vec<TransitionRecord>,
) {
    if effects.transitions.is_empty() {
        return;
    }
    let (intent_id, event_id) = match input {
        Input::Intent(intent) => (&intent.intent_id, &Id::EMPTY),
        Input::Venue(event) if event.event_id.is_empty() => (&Id::EMPTY, &event.venue_trade_id),
        Input::Venue(event) => (&Id::EMPTY, &event.event_id),
        _ => (&Id::EMPTY, &Id::EMPTY),
    };
    let control = kernel.control();
    for transition in &effects.transitions {
        let trade_id = kernel.slot(transition.slot_id).map(|slot| slot.trade_id.clone());
        records.push(TransitionRecord {
            timestamp_ns,
            seq: transition.seq,
            slot_id: transition.slot_id,
            trade_id: trade_id.unwrap_or_default(),
            prev_state: transition.prev_state,
            next_state: transition.next_state,
            trigger: transition.trigger,
            rule: transition.rule,
            intent_id: intent_id.clone(),
            event_id: event_id.clone(),
            mode: control.mode,
            verbosity: control.verbosity,
        });
    }
}
