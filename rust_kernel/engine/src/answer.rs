//! What an input came to, with all that followed from it before the engine was quiet.

use std::sync::Arc;

use dita_kernel::effect::Notice;
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

/// What came of one input of the owner's.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// The kernel's own verdict; code, severity and detail are the venue's refusal where it refused at once.
    pub outcome: Outcome,
    /// The trade concerned.
    pub trade_id: Id,
    /// All stage changes until quiet.
    pub transitions: Vec<TransitionRecord>,
    /// All remarks until quiet.
    pub notices: Vec<Notice>,
    /// All venue events until quiet.
    pub events: Vec<Box<VenueEvent>>,
    /// True where the input survives a power loss by now; false without a log.
    pub durable: bool,
}

impl Answer {
    /// An answer from which nothing has followed.
    #[inline]
    pub(crate) fn of(outcome: Outcome) -> Answer {
        Answer {
            outcome,
            trade_id: Id::EMPTY,
            transitions: Vec::new(),
            notices: Vec::new(),
            events: Vec::new(),
            durable: false,
        }
    }
}

/// A stage change as followers see it.
#[derive(Clone, PartialEq, Debug)]
pub struct Observed {
    /// The change.
    pub record: TransitionRecord,
    /// The venue's event that caused it, where one did.
    pub event: Option<Arc<VenueEvent>>,
}
