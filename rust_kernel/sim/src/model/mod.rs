//! An exhaustive check of the order and slot machines: breadth first over the real kernel, beside a small venue and
//! a wire that loses, repeats and reorders.
//!
//! Every state reached is held against the kernel's invariants, and healed: the venue answers everything, and kernel
//! and venue must agree on positions, fills and live orders, with nothing in doubt; then what is open is closed. A
//! state from which that fails is a dead end, and an error; so is a cell of the transition table that goes somewhere
//! and that no search reaches.
//!
//! What is abstracted: names, counters and times but for what they decide (the settling window, which answer belongs to
//! which request), and money, as every fill has one price (the naive model's subject). A crash is a restart from the
//! kernel's own state, through its bytes, with all that was in flight lost; that the log gives back that state is
//! proven elsewhere.

mod actions;
pub mod bounds;
pub mod heal;
mod inputs;
pub mod machine;
pub mod message;
pub mod projection;
pub mod quick;
pub mod report;
pub mod runs;
pub mod search;
pub mod trader;
pub mod venue;

pub use bounds::{Bounds, FillStyle, Wire};
pub use report::{Report, check, story};
pub use search::{Finding, Search, search};
