//! The loop.

use std::collections::VecDeque;
use std::sync::Arc;

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{EffectResult, Input, Stamp};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{KernelDiagnosticCode, Severity};
use dita_kernel::outcome::{Detail, Outcome};
use dita_sim::{SimError, SimVenue};

use crate::answer::{Answer, Observed, TransitionRecord};
use crate::clock::Clock;
use crate::port::{self, Port};

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
        }
    }
}

impl std::error::Error for EngineError {}

/// Marks an input whose answer the owner wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(u64);

/// A request that a venue outside must be asked.
#[derive(Clone, PartialEq, Debug)]
pub struct VenueCall {
    /// The input that it followed from, if its answer is wanted: pass it to [`Engine::feed`].
    pub ticket: Option<Ticket>,
    /// The request.
    pub command: Command,
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
}

struct Waiting {
    ticket: Option<Ticket>,
    input: Input,
}

/// The shell.
pub struct Engine {
    kernel: Kernel,
    clock: Clock,
    told_ns: i64,
    last_ns: i64,
    port: Port,
    inbox: VecDeque<Waiting>,
    inbox_max: usize,
    run_max: usize,
    outgoing: VecDeque<VenueCall>,
    effects: Effects,
    feedback: Vec<Input>,
    /// Events that were read: a native venue takes their memory back.
    spent: Vec<Input>,
    answers: Vec<(Ticket, Answer)>,
    next_ticket: u64,
    observed: Option<Vec<Observed>>,
}

impl Engine {
    /// An engine at rest.
    ///
    /// # Errors
    /// [`EngineError::Config`] names the setting that is out of range.
    pub fn new(config: EngineConfig, port: Port) -> Result<Engine, EngineError> {
        if config.inbox_max == 0 || config.run_max == 0 {
            return Err(EngineError::Config("inbox_max and run_max must be above zero"));
        }
        Ok(Engine {
            kernel: Kernel::new(config.kernel).map_err(EngineError::Config)?,
            clock: config.clock,
            told_ns: 0,
            last_ns: 0,
            port,
            inbox: VecDeque::new(),
            inbox_max: config.inbox_max,
            run_max: config.run_max,
            outgoing: VecDeque::new(),
            effects: Effects::default(),
            feedback: Vec::new(),
            spent: Vec::new(),
            answers: Vec::new(),
            next_ticket: 0,
            observed: config.observe.then(Vec::new),
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
        if self.inbox.len() >= self.inbox_max {
            return Err(EngineError::InboxFull { capacity: self.inbox_max });
        }
        let ticket = wanted.then(|| {
            self.next_ticket += 1;
            Ticket(self.next_ticket)
        });
        self.inbox.push_back(Waiting { ticket, input });
        Ok(ticket)
    }

    /// Puts in what a venue outside answered to a [`VenueCall`], in front of everything that waits: an answer belongs
    /// to its question. Not bounded by the inbox: the question was.
    pub fn feed(&mut self, ticket: Option<Ticket>, inputs: impl DoubleEndedIterator<Item = Input>) {
        for input in inputs.rev() {
            self.inbox.push_front(Waiting { ticket, input });
        }
    }

    /// Takes the answer to an input, once the engine is quiet.
    #[inline]
    pub fn take_answer(&mut self, ticket: Ticket) -> Option<Answer> {
        let at = self.answers.iter().position(|(known, _)| *known == ticket)?;
        Some(self.answers.swap_remove(at).1)
    }

    /// Takes the transitions since the last call, where the engine observes.
    pub fn take_observed(&mut self) -> Vec<Observed> {
        self.observed.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Works until quiet, until a venue outside must be asked, or until the bound.
    #[inline]
    pub fn run(&mut self) -> Progress {
        for _ in 0..self.run_max {
            if let Some(call) = self.outgoing.pop_front() {
                return Progress::Call(Box::new(call));
            }
            let Some(waiting) = self.inbox.pop_front() else {
                self.give_back();
                return Progress::Quiet;
            };
            self.take(waiting);
        }
        Progress::Yield
    }

    #[inline]
    fn give_back(&mut self) {
        match &mut self.port {
            Port::Sim(venue) => venue.reclaim(&mut self.spent),
            Port::Foreign => self.spent.clear(),
        }
    }

    /// One input: stamp, step, venue, feedback. The write-ahead log will stand between the stamp and the step, and
    /// its sync between the step and the venue.
    #[inline]
    fn take(&mut self, waiting: Waiting) {
        let Waiting { ticket, input } = waiting;
        let now_ns = self.clock.stamp(self.last_ns, self.told_ns);
        self.last_ns = now_ns;
        self.effects.clear();
        let outcome = self.kernel.step(Stamp(now_ns), &input, &mut self.effects);
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
                self.outgoing.extend(commands.drain(..).map(|command| VenueCall { ticket, command }));
            }
        }
        for input in self.feedback.drain(..).rev() {
            self.inbox.push_front(Waiting { ticket, input });
        }
    }

    /// Writes down what came of an input, for its owner and for followers.
    #[inline]
    fn report(&mut self, ticket: Option<Ticket>, input: Input, outcome: Outcome) {
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
        // The answer is nearly always the only one, and in its place already.
        if let Some(at) = self.answers.iter().position(|(known, _)| *known == ticket) {
            let mut transitions = core::mem::take(&mut self.answers[at].1.transitions);
            self.describe(&input, &mut transitions);
            let answer = &mut self.answers[at].1;
            answer.transitions = transitions;
            answer.notices.append(&mut self.effects.notices);
            self.spent.extend(add_feedback(answer, input, outcome));
            return;
        }
        let first = self.effects.transitions.first().map(|transition| transition.slot_id);
        let slot_id = outcome.slot_id.or(first);
        let trade_id = match (&input, slot_id.and_then(|slot_id| self.kernel.slot(slot_id))) {
            (_, Some(slot)) if outcome.accepted => slot.trade_id.clone(),
            (Input::Intent(intent), _) => intent.trade_id.clone(),
            (Input::Venue(event), _) => event.trade_id.clone(),
            _ => Id::EMPTY,
        };
        let mut transitions = Vec::new();
        if !self.effects.transitions.is_empty() {
            transitions.reserve_exact(TRANSITIONS_USUAL);
            self.describe(&input, &mut transitions);
        }
        let notices = core::mem::take(&mut self.effects.notices);
        self.answers.push((ticket, Answer { outcome, trade_id, transitions, notices, events: Vec::new() }));
    }

    /// Adds the step's transitions to what followers see, with the event that caused them.
    #[cold]
    fn show(&self, input: &Input, observed: &mut Vec<Observed>) {
        if self.effects.transitions.is_empty() {
            return;
        }
        let event = if let Input::Venue(event) = input { Some(Arc::new((**event).clone())) } else { None };
        let mut records = Vec::new();
        self.describe(input, &mut records);
        observed.extend(records.into_iter().map(|record| Observed { record, event: event.clone() }));
    }

    fn describe(&self, input: &Input, records: &mut Vec<TransitionRecord>) {
        let (intent_id, event_id) = match input {
            Input::Intent(intent) => (&intent.intent_id, &Id::EMPTY),
            Input::Venue(event) if event.event_id.is_empty() => (&Id::EMPTY, &event.venue_trade_id),
            Input::Venue(event) => (&Id::EMPTY, &event.event_id),
            _ => (&Id::EMPTY, &Id::EMPTY),
        };
        let control = self.kernel.control();
        for transition in &self.effects.transitions {
            let trade_id = self.kernel.slot(transition.slot_id).map(|slot| slot.trade_id.clone());
            records.push(TransitionRecord {
                timestamp_ns: self.last_ns,
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
        let now_ns = self.clock.stamp(self.last_ns, self.told_ns);
        let Port::Sim(venue) = &mut self.port else { return Err(EngineError::NoSimulatedVenue) };
        let result = call(venue, now_ns, &mut self.feedback);
        for input in self.feedback.drain(..) {
            self.inbox.push_back(Waiting { ticket: None, input });
        }
        result.map_err(EngineError::Venue)
    }
}

/// Adds what the venue said to the answer of the input that it followed from. Where it refused at once, its code
/// stands in for OK; the kernel's own verdict (`accepted`) stays. Gives back what it did not keep.
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
        | Input::Recalled(_)) => return Some(other),
    }
    answer.outcome.state = outcome.state.or(answer.outcome.state);
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
