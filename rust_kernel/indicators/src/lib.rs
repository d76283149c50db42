//! Indicators: what strategies look at a market through. Each takes one value, or one bar, at a time, and has none of its
//! own before it has heard enough.
//!
//! Floats, on purpose: an indicator is an opinion. Money, prices and sizes of orders are exact and the kernel's; nothing of
//! it is used here, and nothing of this there. The same values in the same order give the same bits on every machine that
//! computes as IEEE 754 says: there are no fused operations, and `sqrt` is exact to the last bit.
//!
//! What is given has to be finite; the callers see to that. Sums over a window are made anew once a window, so that what a
//! running sum loses does not pile up.

mod averages;
mod bands;
mod ranges;
mod strength;
mod volume;
mod window;

pub use averages::{Ema, Seed, Sma};
pub use bands::{Band, Bollinger, Deviation};
pub use ranges::{Atr, Channel, Donchian};
pub use strength::Rsi;
pub use volume::Vwap;

/// The longest window.
pub const LENGTH_MAX: usize = 100_000;
