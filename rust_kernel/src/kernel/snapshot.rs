//! The whole state as bytes and back, and its hash.

use alloc::vec::Vec;
use serde::Serialize;

use super::Kernel;
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
        Ok(bytes)
    }

    /// A kernel of the bytes of [`Kernel::to_snapshot`].
    ///
    /// # Errors
    /// [`SnapshotError`] where they are of another version, damaged, or hold a state that breaks an invariant.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Kernel, SnapshotError> {
        let mut kernel: Kernel = codec::decode(bytes).map_err(SnapshotError::Codec)?;
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
            (&self.watch, &self.connection, &self.entries_forgotten_ns, &self.aside),
        )
    }

    /// A hash of [`Kernel::trading_state`]: 32 bytes of BLAKE3.
    pub fn state_hash(&self) -> [u8; 32] {
        // Every part of the state is of a kind that postcard writes.
        let bytes = postcard::to_allocvec(&self.trading_state()).unwrap_or_default();
        *blake3::hash(&bytes).as_bytes()
    }
}
