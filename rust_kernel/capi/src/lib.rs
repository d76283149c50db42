//! The C ABI.
//!
//! [`abi`] has what C sees and nothing else does: pointers are read there, panics end there. Below it everything is
//! ordinary Rust: [`kernel`] are the calls, [`parse`] and [`read`] take JSON, [`answer`] writes it, [`outside`] is the
//! caller's venue.
#![deny(missing_docs, clippy::float_arithmetic)]

pub mod abi;
pub mod answer;
pub mod forms;
pub mod handle;
pub mod kernel;
pub mod outside;
pub mod parse;
pub mod read;
pub mod settings;
pub mod values;
pub mod wrong;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
