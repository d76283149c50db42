//! The kernel's tests, in one binary: what is linked once is built once. The sequences that broke real systems are in
//! another (`sequences/`), as the planted bugs are held against them alone.
#![allow(missing_docs)]

mod common;

mod bad_input;
mod busts;
mod calibration;
mod codec;
mod doubt;
mod drift;
mod exits;
mod funding;
mod intents;
mod joins;
mod oco;
mod opening;
mod orders;
mod overrides;
mod products;
mod provenance;
mod random;
mod review;
mod risk;
mod trades;
