//! The pure core of the DITA execution kernel.
//!
//! [`kernel::Kernel`] owns every trade from intent to closed. It is a deterministic state machine: one way in
//! ([`kernel::Kernel::step`]), no clock, no I/O, no floats, no randomness. The same inputs in the same order give
//! the same state to the last bit.
//!
//! # Invariants
//! [`invariant::check`] holds them against the whole state.
//!
//! - I1: every quantity filled is booked once, and only once.
//! - I2: position = Σ fills; Σ slots + unassigned = book.
//! - I3: every ledger transaction balances to zero; K is the wallet's balance.
//! - I4: no order is sent that is not recorded first.
//! - I5: each live order is in exactly one slot or unassigned; the indexes agree with the slots.
//! - I6: a refused input changes no trading state.
//! - I7: replaying the inputs gives the live state, bit for bit.
//! - I8: exposure reserved ≥ exposure that the venue may hold.
//! - I9: nothing but a step changes state.
//! - I10: Σ causes + unexplained = delta.
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::float_arithmetic,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic_in_result_fn,
        clippy::wildcard_enum_match_arm
    )
)]
extern crate alloc;
#[cfg(test)]
extern crate std;

/// The version of the rules: another one takes some input to another state. A log says under which it was written.
pub const RULES_VERSION: u32 = 3;

pub mod attached;
pub mod book;
pub mod bots;
pub mod bounds;
pub mod calibration;
pub mod codec;
pub mod effect;
pub mod exchange;
pub mod fees;
pub mod funding;
pub mod id;
pub mod index;
pub mod input;
pub mod instrument;
pub mod invariant;
pub mod kernel;
pub mod ledger;
pub mod limits;
pub mod margin;
pub mod names;
pub mod num;
pub mod oco;
pub mod order;
pub mod outcome;
pub mod planted;
pub mod position;
pub mod reconcile;
pub mod risk;
pub mod slot;
pub mod soundness;
pub mod unassigned;
