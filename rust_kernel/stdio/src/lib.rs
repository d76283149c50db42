//! The engine protocol: commands come as lines, events go as NDJSON, and a kernel trades in between.
//!
//! [`Session`] is the whole of it: who feeds it lines ([`Lines`], or a loop of one's own) gets bytes to write. It drives
//! the time of a kernel with a simulated venue, so the same lines at the same times give the same bytes. It knows no
//! language and no process: strategies, where there are any, are behind [`StrategyRunner`].
#![deny(missing_docs, clippy::float_arithmetic)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod alone;
mod balances;
mod clock;
mod command;
mod desk;
mod events;
mod json;
mod lines;
mod market;
mod orders;
mod queries;
mod seats;
#[cfg(unix)]
mod server;
mod session;
mod strategies;

pub use alone::{Alone, Interrupted};
pub use clock::Pace;
pub use command::{Command, Fault, LINE_BYTES_MAX, OrderLine, Price, parse};
pub use events::hello;
pub use lines::{Lines, Received};
pub use market::{FileMarket, Market, Synthetic};
pub use orders::{ENDED_MAX, IDS_MAX};
#[cfg(unix)]
pub use server::Server;
pub use session::{Pulse, Session, Settings, Trouble};
pub use strategies::{NoStrategies, Standing, StrategyRunner, Verb};
