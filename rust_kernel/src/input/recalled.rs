//! What the log knows of an event, or of an intent, that the memory was too short for.

use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

use super::{AccountEvent, Intent, VenueEvent};

/// An event that was refused because it may be of what is forgotten, or an intent that was accepted before and is forgotten,
/// with the log's verdict: replay needs no look-up.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Recalled {
    /// What the log knows.
    pub verdict: Verdict,
    /// The event, or the intent.
    pub event: RecalledEvent,
}

/// What the log knows of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// It was booked, or accepted, by the input of that number.
    Booked {
        /// The input's sequence number.
        seq: u64,
    },
    /// It is new.
    NotBooked,
    /// The intent was accepted by the input of that number, whose record is gone.
    Removed {
        /// The input's sequence number.
        seq: u64,
        /// When it came, kernel time, ns, to the minute; `None` where the log does not tell.
        time_ns: Option<i64>,
    },
}

/// What the log is asked about.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum RecalledEvent {
    /// A fill.
    Venue(Box<VenueEvent>),
    /// A fill's settlement, or a wallet entry.
    Account(Box<AccountEvent>),
    /// An intent.
    Intent(Box<Intent>),
}
