//! Money between the bots that share an account.

use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::num::Decimal;

/// Capital goes from one bot to another, or comes from what is nobody's or goes there. No wallet moves by it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BotTransfer {
    /// Tells it from others: one that was taken already does nothing again.
    pub transfer_id: Id,
    /// Who gives: an owner; empty for what is nobody's.
    pub from: Id,
    /// Who takes, likewise.
    pub to: Id,
    /// The asset.
    pub asset: Id,
    /// How much, in units of the asset.
    pub amount: Decimal,
    /// True where it gives an owner its first capital: from here on it is a bot with a budget. Where it is one, nothing
    /// happens.
    pub opens: bool,
    /// Who asked for it.
    pub by: Id,
}
