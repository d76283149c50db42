//! The pure core of the DITA execution kernel.
#![no_std]
extern crate alloc;

pub mod effect;
pub mod id;
pub mod input;
pub mod ledger;
pub mod names;
pub mod num;
pub mod slot;
