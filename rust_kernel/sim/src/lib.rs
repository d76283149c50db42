//! The simulated venue of DITA, which is also its paper venue.
//!
//! It answers as an exchange does: orders in, acknowledgements, fills, settlements and wallet frames out, all as
//! the core's own [`Input`](dita_kernel::input::Input)s. Its account is kept by its own code ([`wallet`]), so that
//! what it reports is a second opinion on the kernel's books and not their echo.
//!
//! The same configuration and the same calls give the same answers to the last bit: no clock, no floats, no hash
//! of the process; chance comes from one seeded generator.
//!
//! In this slice: linear perpetuals, a one-way account, MARKET and LIMIT orders, GTC, IOC and FOK. Everything else
//! is refused by name. There is no margin check, no funding and no liquidation yet.
#![deny(missing_docs, clippy::float_arithmetic)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod admission;
mod book;
pub mod config;
pub mod error;
mod events;
mod fills;
mod flight;
mod forms;
mod index;
mod matching;
mod numbering;
mod orders;
mod random;
pub mod reject;
mod resting;
mod rules;
mod taking;
pub mod venue;
pub mod wallet;

pub use config::SimConfig;
pub use error::SimError;
pub use reject::Reject;
pub use venue::{Counters, OpenOrder, SimVenue};
