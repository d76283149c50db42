//! What an input came to, with all that followed from it before the engine was quiet.

use dita_kernel::effect::Transition;
use dita_kernel::id::Id;
use dita_kernel::input::VenueEvent;
use dita_kernel::names::{KernelMode, KernelVerbosity, TradeStage};
use dita_kernel::outcome::Outcome;
use dita_kernel::slot::table::Symbol;

/// A stage change with its circumstances.
#[derive(Clone, PartialEq, Debug)]
pub struct TransitionRecord {
    /// Kernel time, ns.
    pub timestamp_ns: i64,
    /// The input's number.
    pub seq: u64,
    /// The slot.
    pub slot_id: u32,
    /// The trade it carried at that time.
    pub trade_id: Id,
    /// Before.
    pub prev_state: TradeStage,
    /// After.
    pub next_state: TradeStage,
    /// What happened, in the table's words.
    pub trigger: Symbol,
    /// The table's row.
    pub rule: u16,
    /// The intent that caused it; empty when another input did.
    pub intent_id: Id,
    /// The venue event that caused it; empty when another input did.
    pub event_id: Id,
    /// The mode at that time.
    pub mode: KernelMode,
    /// The verbosity at that time.
    pub verbosity: KernelVerbosity,
}

/// The input that an answer is about, as far as its transitions name it.
#[derive(Clone, Debug)]
pub enum Root {
    /// An intent, by its id.
    Intent(Id),
    /// A venue event, by its id.
    Event(Id),
    /// Any other input.
    Other,
}

/// Which input caused a stage change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The one that the answer is about.
    Root,
    /// The venue event at that place of [`Answer::events`].
    Event(u32),
    /// Any other input.
    Other,
}

/// A stage change as an answer keeps it: what it shares with the answer (trade, intent, event) is looked up there
/// when somebody reads it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The core's record.
    pub transition: Transition,
    /// Kernel time, ns.
    pub timestamp_ns: i64,
    /// What caused it.
    pub cause: Cause,
    /// The trade that the slot carried, where it is not the answer's.
    pub other_trade: Option<Box<Id>>,
    /// The mode at that time.
    pub mode: KernelMode,
    /// The verbosity at that time.
    pub verbosity: KernelVerbosity,
}

/// What came of one input of the owner's.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The kernel's own verdict; code, severity and detail are the venue's refusal where it refused at once.
    pub outcome: Outcome,
    /// The trade concerned.
    pub trade_id: Id,
    /// The input.
    pub root: Root,
    /// All stage changes until quiet.
    pub changes: Vec<Change>,
    /// All venue events until quiet.
    pub events: Vec<Box<VenueEvent>>,
}

impl Answer {
    /// The stage changes with their circumstances, in the order in which they happened.
    pub fn transitions(&self) -> impl ExactSizeIterator<Item = TransitionRecord> + '_ {
        self.changes.iter().map(|change| self.record(change))
    }

    fn record(&self, change: &Change) -> TransitionRecord {
        let (intent_id, event_id) = match (change.cause, &self.root) {
            (Cause::Root, Root::Intent(id)) => (id, &Id::EMPTY),
            (Cause::Root, Root::Event(id)) => (&Id::EMPTY, id),
            (Cause::Root, Root::Other) | (Cause::Other, _) => (&Id::EMPTY, &Id::EMPTY),
            (Cause::Event(at), _) => {
                (&Id::EMPTY, self.events.get(at as usize).map_or(&Id::EMPTY, |event| event_id(event)))
            }
        };
        let Transition { seq, slot_id, prev_state, next_state, trigger, rule } = change.transition;
        TransitionRecord {
            timestamp_ns: change.timestamp_ns,
            seq,
            slot_id,
            trade_id: change.other_trade.as_deref().unwrap_or(&self.trade_id).clone(),
            prev_state,
            next_state,
            trigger,
            rule,
            intent_id: intent_id.clone(),
            event_id: event_id.clone(),
            mode: change.mode,
            verbosity: change.verbosity,
        }
    }
}

/// By what can be read of them: how a transition's circumstances are kept makes no difference.
impl PartialEq for Answer {
    fn eq(&self, other: &Answer) -> bool {
        (&self.outcome, &self.trade_id, &self.events) == (&other.outcome, &other.trade_id, &other.events)
            && self.transitions().eq(other.transitions())
    }
}

/// What a transition calls an event: its id, or else the fill's.
pub(crate) fn event_id(event: &VenueEvent) -> &Id {
    if event.event_id.is_empty() { &event.venue_trade_id } else { &event.event_id }
}
