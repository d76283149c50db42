//! The twin: a live log beside the log of a simulated venue that was given the same intents at the same kernel times, and
//! what each difference between the two came to.
//!
//! [`Side`] is what one log came to: its trades with every fill, and its result. [`Given`] is what the twin is given of the
//! live one. [`compare`] puts two sides side by side: every row is an exact amount, and their sum is the difference of the
//! results. Nothing here changes a log.

mod compare;
mod given;
mod matching;
mod side;

pub use compare::{Comparison, Estimates, Row, RowKind};
pub use given::{Given, GivenInput, Standing};
pub use side::{Side, SideFill, SideTrade};

pub use compare::compare;
