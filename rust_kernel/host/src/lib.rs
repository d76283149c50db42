//! Owns kernels. Whoever has an [`dita_engine::Engine`] has it through a [`Drain`]: one writer at a time, callers that
//! wait for it, a mark for what failed half way, a guard against forks, and a live kernel's timer.
//!
//! A venue outside is [`Foreign`]. Nothing here knows which language it is written in: what a calling thread holds
//! meanwhile (Python's interpreter), and must let go of before it waits, is [`Foreign::Held`].
#![deny(missing_docs, clippy::float_arithmetic)]

mod alarm;
mod callers;
mod closing;
mod drain;
mod error;
mod foreign;
mod fork;
mod heeding;
mod plain;
mod repair;
mod state;
mod timer;

pub use callers::{Given, Patience};
pub use drain::{Drain, SIGNAL_INTERVAL, this_thread};
pub use error::{Failure, HostError, Poison, log_failure};
pub use foreign::{Audience, Foreign, Hold, Reply};
pub use fork::was_forked;
pub use plain::{PLAIN_ID_BYTES_MAX, closes, is_plain_id, opens, standing};
pub use state::State;
pub use timer::TimerStanding;
