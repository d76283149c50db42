//! The whole state as bytes and back, and its hash.

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Kernel;
use super::aside::{Aside, Bounded, Leftover, Shown};
use crate::bots::{BotLimit, Bots};
use crate::codec::{self, CodecError};
use crate::invariant::{self, Violation};
use crate::soundness::Flaw;

/// Why bytes are no kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SnapshotError {
    /// They cannot be read.
    Codec(CodecError),
    /// A field holds what no kernel can have there.
    Unsound(Flaw),
    /// The state breaks an invariant.
    Broken(Violation),
}

impl core::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            SnapshotError::Codec(error) => error.fmt(f),
            SnapshotError::Unsound(flaw) => write!(f, "the stored state is unsound: {flaw}"),
            SnapshotError::Broken(violation) => {
                write!(f, "the stored state breaks invariant I{}: {}", violation.invariant, violation.what)
            }
        }
    }
}

impl core::error::Error for SnapshotError {}

impl Kernel {
    /// The whole state: a kernel of these bytes goes on exactly as this one does.
    ///
    /// # Errors
    /// [`CodecError::Malformed`] where something cannot be written; nothing in a kernel is so.
    pub fn to_snapshot(&self) -> Result<Vec<u8>, CodecError> {
        let mut bytes = Vec::new();
        codec::encode(self, &mut bytes)?;
        if !self.aside.is_empty() {
            codec::encode(&self.aside, &mut bytes)?;
        }
        let bots = self.aside.bots.as_deref();
        if !(self.aside.left.is_empty() && self.aside.bounded.is_empty()) || bots.is_some() {
            codec::encode(&self.aside.left, &mut bytes)?;
        }
        if !self.aside.bounded.is_empty() || bots.is_some() {
            codec::encode(&self.aside.bounded, &mut bytes)?;
        }
        if let Some(bots) = bots {
            codec::encode(bots, &mut bytes)?;
            if !bots.limits.is_empty() {
                codec::encode(&bots.limits, &mut bytes)?;
            }
        }
        Ok(bytes)
    }

    /// A kernel of the bytes of [`Kernel::to_snapshot`].
    ///
    /// # Errors
    /// [`SnapshotError`] where they are of another version, damaged, or hold a state that breaks an invariant.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Kernel, SnapshotError> {
        let kernel = match codec::decode(bytes) {
            Err(CodecError::TrailingBytes { count }) => with_aside(bytes, count),
            read => read,
        };
        let mut kernel: Kernel = kernel.map_err(SnapshotError::Codec)?;
        kernel.find_guarded();
        kernel.find_crowded();
        kernel.load_bounds().map_err(SnapshotError::Unsound)?;
        kernel.check_sound().map_err(SnapshotError::Unsound)?;
        invariant::check(&kernel).map_err(SnapshotError::Broken)?;
        Ok(kernel)
    }

    /// The whole trading state, to be written. Sequence number and kernel time stay outside, so that a refused input
    /// leaves it as it was.
    pub fn trading_state(&self) -> impl Serialize + '_ {
        let wallet_entries: Vec<_> =
            self.wallet_entries.iter().map(super::window::Window::trading_state).collect();
        (
            (
                &self.config,
                self.opened,
                &self.opening,
                &self.control,
                &self.slots,
                self.orders.trading_state(),
            ),
            (&self.instruments, &self.books, &self.assets, &self.ledger, &self.exposure),
            (
                self.intents.trading_state(),
                wallet_entries,
                &self.entry_marks,
                &self.funding,
                &self.meters,
                &self.groups,
                &self.guard,
            ),
            (&self.watch, &self.connection, &self.entries_forgotten_ns, Shown(&self.aside)),
        )
    }

    /// A hash of [`Kernel::trading_state`]: 32 bytes of BLAKE3.
    pub fn state_hash(&self) -> [u8; 32] {
        // Every part of the state is of a kind that postcard writes.
        let bytes = postcard::to_allocvec(&self.trading_state()).unwrap_or_default();
        *blake3::hash(&bytes).as_bytes()
    }
}

/// A kernel, and behind it what only few have.
#[cold]
fn with_aside(bytes: &[u8], count: usize) -> Result<Kernel, CodecError> {
    let left_over = CodecError::TrailingBytes { count };
    let (kernel, aside) = split_last(bytes, count).ok_or(left_over.clone())?;
    let mut kernel: Kernel = codec::decode(kernel)?;
    // What is empty is not written.
    kernel.aside = read_aside(aside).filter(|aside| !aside.is_empty()).ok_or(left_over)?;
    Ok(kernel)
}

/// Few of them have what is stored behind the rest of it.
fn read_aside(bytes: &[u8]) -> Option<Aside> {
    let (mut aside, behind): (Aside, _) = read_first(bytes)?;
    let Some(behind) = behind else { return Some(aside) };
    let (left, behind): (Vec<Leftover>, _) = read_first(behind)?;
    aside.left = left;
    // What was added later stands behind the one before: the last one that is there is not empty.
    let Some(behind) = behind else { return Some(aside).filter(|aside| !aside.left.is_empty()) };
    let (bounded, behind): (Vec<Bounded>, _) = read_first(behind)?;
    aside.bounded = bounded;
    let Some(behind) = behind else { return Some(aside).filter(|aside| !aside.bounded.is_empty()) };
    let (mut bots, behind): (Box<Bots>, _) = read_first(behind)?;
    if let Some(behind) = behind {
        bots.limits = codec::decode(behind).ok().filter(|limits: &Vec<BotLimit>| !limits.is_empty())?;
    }
    aside.bots = Some(bots);
    Some(aside)
}

/// What stands first, and the bytes behind it, where there are any.
fn read_first<T: DeserializeOwned>(bytes: &[u8]) -> Option<(T, Option<&[u8]>)> {
    match codec::decode(bytes) {
        Err(CodecError::TrailingBytes { count }) => {
            let (first, behind) = split_last(bytes, count)?;
            Some((codec::decode(first).ok()?, Some(behind)))
        }
        read => read.ok().map(|first| (first, None)),
    }
}

fn split_last(bytes: &[u8], count: usize) -> Option<(&[u8], &[u8])> {
    bytes.len().checked_sub(count).and_then(|at| bytes.split_at_checked(at))
}
