//! The simulator that tries to break DITA.
//!
//! One seed decides everything: the account, the market, what the strategy and the operators do, what the venue does,
//! which faults strike how often, when the process dies and what is left of its disk then. Auditors look on at every
//! step; at the end the venue is healed, and the kernel's books must be the venue's to the last unit.
//!
//! The same seed gives the same run to the last bit, in a debug build and in a release build: there is no clock here,
//! no hash of the process, and no thread that decides anything.
#![deny(missing_docs, clippy::float_arithmetic)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod audit;
mod campaign;
mod dice;
mod discrepancy;
mod ending;
pub mod faults;
mod kept;
mod naive;
mod owed;
mod plan;
mod quiet;
mod run;
mod script;
mod shell;
mod shrink;
mod story;
mod trouble;
mod world;

pub use campaign::{Campaign, FAILURES_KEPT, Progress, Summary, run};
pub use discrepancy::{NOTHING, Naming};
pub use naive::{Compared, FIGURES};
pub use run::{INPUTS, Options, SeedReport, run_seed};
pub use shrink::{Shrunk, numbers, ranges, shrink};
pub use trouble::Trouble;
