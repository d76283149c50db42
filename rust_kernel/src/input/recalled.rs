//! What the log knows of an event that the memory was too short for.

use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

use super::{AccountEvent, VenueEvent};

/// An event that was refused because it may be of what is forgotten, with the log's verdict: replay needs no look-up.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Recalled {
    /// What the log knows.
    pub verdict: Verdict,
    /// The event.
    pub event: RecalledEvent,
}

/// What the log knows of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// It was booked by the input of that number.
    Booked {
        /// The input's sequence number.
        seq: u64,
    },
    /// It is new.
    NotBooked,
}

/// The kinds of event that the log is asked about.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum RecalledEvent {
    /// A fill.
    Venue(Box<VenueEvent>),
    /// A fill's settlement, or a wallet entry.
    Account(Box<AccountEvent>),
}
