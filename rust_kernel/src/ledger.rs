//! The double-entry ledger.
use serde::{Deserialize, Serialize};
/// Stub, replaced in the next commit.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Transaction {
    /// The input.
    pub seq: u64,
}
