//! An exhaustive check of the order and slot machines: breadth first over the real kernel, beside a small venue and
//! a wire that loses, repeats and reorders.
//!
//! Every state reached is held against the kernel's invariants, and healed: the venue answers everything, and kernel
//! and venue must agree on positions, fills and live orders, with nothing in doubt; then what is open is closed. A
//! state from which that fails is a dead end, and an error. What is *not* here: a crash of the kernel itself (it
//! comes back by replay of its log, which proves I7 elsewhere), and money beyond the invariants (the naive model's).

pub mod bounds;
pub mod cells;
pub mod heal;
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
