//! The simulated venue of DITA, which is also its paper venue.
//!
//! It answers as an exchange does: orders in, acknowledgements, fills, settlements and wallet frames out, all as
//! the core's own [`Input`](dita_kernel::input::Input)s. Its account is kept by its own code ([`wallet`]), so that
//! what it reports is a second opinion on the kernel's books and not their echo.
//!
//! The same configuration and the same calls give the same answers to the last bit: no clock, no floats, no hash
//! of the process; chance comes from one seeded generator.
//!
//! Linear and inverse perpetuals, one-way or in hedge mode, and spot; every order type, time in force and flag of the
//! kernel; amends; margin, liquidation, auto-deleveraging, funding. What a setting turns on stands in [`SimConfig`].
#![deny(missing_docs, clippy::float_arithmetic)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod account;
mod admission;
mod aftermath;
mod amend;
pub mod bars;
mod book;
mod chaos;
mod conditional;
pub mod config;
mod counters;
pub mod error;
mod events;
pub mod faults;
mod feed;
mod fills;
mod flight;
mod forms;
mod funding;
mod index;
mod latency;
mod liquidation;
mod margin;
mod matching;
mod mishaps;
pub mod model;
mod numbering;
mod odd;
mod orders;
mod random;
pub mod reject;
mod resting;
mod resume;
mod rules;
mod serving;
mod statement;
mod taking;
mod terms;
pub mod venue;
mod views;
pub mod wallet;

pub use bars::Bar;
pub use book::{Ladder, Level};
pub use config::SimConfig;
pub use counters::Counters;
pub use error::SimError;
pub use faults::{FaultCounters, SimFaults};
pub use latency::LatencySample;
pub use reject::Reject;
pub use statement::StatementLine;
pub use venue::SimVenue;
pub use views::OpenOrder;
