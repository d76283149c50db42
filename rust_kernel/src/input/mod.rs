//! Everything that can happen to the kernel.
//!
//! An input carries all that the core needs to decide; the kernel's own time and sequence number come in the
//! [`Stamp`] beside it. Times are nanoseconds since 1970-01-01 UTC.

mod account;
mod bots;
mod control;
mod instrument;
mod intent;
mod opening;
mod recalled;
mod slots;
mod venue;

use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::num::Decimal;

pub use account::{AccountEvent, FeeSample, FundingTerms};
pub use bots::{BotLimits, BotTransfer};
pub use control::{AUDITED_MAX, Arming, ControlChange, RiskLimits, override_end_s, override_giver};
pub use instrument::{InstrumentSpec, Listed, MarginTier, OrderBounds, PriceBand};
pub use intent::{Attachment, EXIT_SPECS_MAX, ExitSpec, Intent, Provenance};
pub use opening::{OpeningOrder, OpeningPosition, OpeningState};
pub use recalled::{Recalled, RecalledEvent, Verdict};
pub use slots::{AdoptedSlot, AdoptedSlots, SlotOverride};
pub use venue::{RareFields, VenueEvent};

/// The kernel's own monotonic time of an input, in nanoseconds, as the shell stamped it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Stamp(pub i64);

/// One thing that happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Input {
    /// A strategy wants something.
    Intent(Box<Intent>),
    /// The venue said something of an order.
    Venue(Box<VenueEvent>),
    /// The venue said something of the account.
    Account(Box<AccountEvent>),
    /// An instrument and its rules; a second one of the same symbol replaces rates, minimums and leverage.
    Instrument(Box<InstrumentSpec>),
    /// Capital to start with, for paper and tests.
    Seed {
        /// The asset.
        asset: Id,
        /// What the wallet holds.
        amount: Decimal,
    },
    /// The price positions are valued at.
    Mark {
        /// The instrument.
        symbol: Id,
        /// Units of quote per base.
        price: Decimal,
        /// The venue's time of it.
        venue_time_ns: i64,
        /// True where it was taken while time ran by itself: then it is worth nothing once it is older than
        /// `max_mark_age`. Where time is driven a mark does not age.
        ages: bool,
    },
    /// Time passed.
    Time,
    /// An effect came to something.
    Effect(EffectResult),
    /// An operator changed the controls.
    Control(Box<ControlChange>),
    /// What the venue's account holds, taken as one, before the first trade.
    Opening(Box<OpeningState>),
    /// A funding rate, and when it applies.
    Funding(Box<FundingTerms>),
    /// Trades known from elsewhere: all of them, or none.
    Adopt(Box<AdoptedSlots>),
    /// An operator's own hand on a slot.
    Override(Box<SlotOverride>),
    /// A fee that was seen, to be held against the prediction.
    Calibration(Box<FeeSample>),
    /// A strategy's edge, for the edge monitor.
    Edge {
        /// The instrument.
        symbol: Id,
        /// Basis points.
        edge_bps: Decimal,
    },
    /// The process started again, with the state of its log: requests without an answer are in doubt, and the venue is
    /// asked.
    Restart,
    /// An event that the memory was too short for, and what the log knows of it.
    Recalled(Box<Recalled>),
    /// The kernel was opened with more room than its log has. Less is refused: what is there stays.
    Capacity {
        /// How many trades may run at once.
        max_slots: u32,
        /// How many ended orders are remembered for late events.
        remembered_orders: u32,
    },
    /// As [`Input::Instrument`], of one whose orders the venue bounds further.
    Listed(Box<Listed>),
    /// Capital goes from one bot of the account to another.
    Bots(Box<BotTransfer>),
    /// What a bot of the account may do at most.
    BotLimits(Box<BotLimits>),
}

impl Input {
    /// An instrument and its rules, in the form that stores all of them.
    pub fn instrument(mut spec: InstrumentSpec) -> Input {
        spec.bounds = spec.bounds.filter(|bounds| !bounds.is_empty());
        if spec.bounds.is_none() {
            return Input::Instrument(Box::new(spec));
        }
        Input::Listed(Box::new(Listed(spec)))
    }

    /// The slot that the input itself names.
    pub fn slot_id(&self) -> Option<u32> {
        match self {
            Input::Intent(intent) => Some(intent.slot_id),
            Input::Recalled(recalled) => match &recalled.event {
                RecalledEvent::Intent(intent) => Some(intent.slot_id),
                RecalledEvent::Venue(_) | RecalledEvent::Account(_) => None,
            },
            Input::Venue(event) => event.slot_id,
            Input::Override(change) => Some(change.slot_id),
            Input::Account(_)
            | Input::Instrument(_)
            | Input::Seed { .. }
            | Input::Mark { .. }
            | Input::Time
            | Input::Effect(_)
            | Input::Control(_)
            | Input::Opening(_)
            | Input::Funding(_)
            | Input::Adopt(_)
            | Input::Calibration(_)
            | Input::Edge { .. }
            | Input::Restart
            | Input::Capacity { .. }
            | Input::Bots(_)
            | Input::BotLimits(_)
            | Input::Listed(_) => None,
        }
    }

    /// The intent in it, as it came or recalled by the log.
    #[inline]
    pub fn intent(&self) -> Option<&Intent> {
        match self {
            Input::Intent(intent) => Some(intent),
            Input::Recalled(recalled) => match &recalled.event {
                RecalledEvent::Intent(intent) => Some(intent),
                RecalledEvent::Venue(_) | RecalledEvent::Account(_) => None,
            },
            Input::Venue(_)
            | Input::Account(_)
            | Input::Instrument(_)
            | Input::Seed { .. }
            | Input::Mark { .. }
            | Input::Time
            | Input::Effect(_)
            | Input::Control(_)
            | Input::Opening(_)
            | Input::Funding(_)
            | Input::Adopt(_)
            | Input::Override(_)
            | Input::Calibration(_)
            | Input::Edge { .. }
            | Input::Restart
            | Input::Capacity { .. }
            | Input::Bots(_)
            | Input::BotLimits(_)
            | Input::Listed(_) => None,
        }
    }

    /// What the venue said in it, told now or recalled by the log; `None` where it is of another kind.
    pub fn news(&self) -> Option<News<'_>> {
        match self {
            Input::Venue(event) => Some(News::Order(event)),
            Input::Account(event) => Some(News::Account(event)),
            Input::Recalled(recalled) => match &recalled.event {
                RecalledEvent::Venue(event) => Some(News::Order(event)),
                RecalledEvent::Account(event) => Some(News::Account(event)),
                RecalledEvent::Intent(_) => None,
            },
            Input::Intent(_)
            | Input::Instrument(_)
            | Input::Seed { .. }
            | Input::Mark { .. }
            | Input::Time
            | Input::Effect(_)
            | Input::Control(_)
            | Input::Opening(_)
            | Input::Funding(_)
            | Input::Adopt(_)
            | Input::Override(_)
            | Input::Calibration(_)
            | Input::Edge { .. }
            | Input::Restart
            | Input::Capacity { .. }
            | Input::Bots(_)
            | Input::BotLimits(_)
            | Input::Listed(_) => None,
        }
    }
}

/// What the venue says.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// Of an order.
    Order(&'a VenueEvent),
    /// Of the account.
    Account(&'a AccountEvent),
}

/// The longest `owner`, in bytes: it is stored inline.
pub const OWNER_BYTES_MAX: usize = 31;
/// The longest `metadata` and `raw_payload`, in canonical bytes.
pub const METADATA_BYTES_MAX: usize = 4096;

/// What came of an effect.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum EffectResult {
    /// The venue confirmed a leverage setting.
    LeverageSet {
        /// The instrument.
        symbol: Id,
        /// As it now is.
        leverage: Decimal,
    },
    /// The venue refused a leverage setting.
    LeverageRefused {
        /// The instrument.
        symbol: Id,
        /// Why.
        reason: Box<str>,
    },
    /// The request surely never left: the order is not live.
    NotSent {
        /// Our id of the order.
        venue_client_id: Id,
        /// Why.
        reason: Box<str>,
    },
}
