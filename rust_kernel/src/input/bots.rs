//! Money between the bots that share an account, and what each may do at most.

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

/// What a bot may do at most, beside its budget, in trades that settle in an asset. It replaces what was set before; a
/// limit that is `None` is none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BotLimits {
    /// The bot: an owner with a capital in the asset.
    pub bot: Id,
    /// The asset.
    pub asset: Id,
    /// Slots that may carry its trades at once.
    pub max_slots: Option<u32>,
    /// One order, in units of the asset.
    pub max_order_notional: Option<Decimal>,
    /// Its positions and working entries together, in units of the asset.
    pub max_notional: Option<Decimal>,
    /// Who set them.
    pub by: Id,
}
