//! The machine that runs a strategy graph.
//!
//! A graph is a list of steps; each step reads steps before it, so a run is one pass over the list and always ends. Values
//! are exact decimals; yes is 1 and no is 0. A step that cannot be computed is a fault that spreads to what reads it: one on
//! a way that a branch did not take changes nothing.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::float_arithmetic,
        clippy::arithmetic_side_effects
    )
)]

mod arithmetic;
mod machine;

pub use arithmetic::{Op, Why};
pub use machine::{Built, Fault, Machine, Route, Step};
