//! The bodies of the fuzz targets: each takes any bytes and panics where something is wrong.
//!
//! They know no fuzz engine. `engine/` beside this crate drives them with libFuzzer (`make fuzz`), `tests/corpora.rs`
//! replays the committed corpora with every `cargo test`, and `examples/seeds.rs` writes the first entries of a corpus
//! from real runs. The target `bindings` is written in Python (`tests/bindings_fuzz.py`).
#![forbid(unsafe_code)]

mod bytes;
pub mod capi;
pub mod codec;
pub mod log;
pub mod snapshot;
pub mod stdio;
pub mod step;
pub mod wire;

/// A target's name and its body.
pub type Target = (&'static str, fn(&[u8]));

/// The targets that are written in Rust.
pub const TARGETS: [Target; 7] = [
    ("capi", capi::run),
    ("codec", codec::run),
    ("log", log::run),
    ("snapshot", snapshot::run),
    ("stdio", stdio::run),
    ("step", step::run),
    ("wire", wire::run),
];
