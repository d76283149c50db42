//! Slots by another hand than the strategy's: trades known from elsewhere, and an operator's overrides.

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::TradeSide;
use crate::num::Decimal;

/// Trades known from elsewhere. Their positions must lie in the unassigned book.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct AdoptedSlots {
    /// Who says so.
    pub by: Id,
    /// The trades.
    pub slots: Vec<AdoptedSlot>,
}

/// A trade known from elsewhere.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AdoptedSlot {
    /// The slot that shall carry it; it must be free.
    pub slot_id: u32,
    /// The trade.
    pub trade_id: Id,
    /// Whose it is; empty when nobody's.
    pub owner: Id,
    /// The instrument.
    pub asset: Id,
    /// LONG or SHORT.
    pub side: TradeSide,
    /// The position's size, unsigned.
    pub size: Decimal,
    /// Its average entry price.
    pub entry_price: Decimal,
    /// What entries filled, net of busts.
    pub initial_size: Decimal,
    /// Realised so far, before fees.
    pub realized_pnl: Decimal,
    /// Fees so far, + paid.
    pub fees_paid: Decimal,
    /// Funding so far, + received.
    pub funding_net: Decimal,
    /// The leverage asked for.
    pub leverage: Decimal,
    /// The exit ladder; empty means `(1,)`.
    pub exit_leg_ratios: Vec<Decimal>,
    /// When its first fill came, ns.
    pub entry_time_ns: i64,
    /// Canonical JSON; empty when none.
    pub metadata: Box<str>,
}

/// An operator's own hand on a slot; absent fields stay as they are.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SlotOverride {
    /// The slot.
    pub slot_id: u32,
    /// Who. Never empty.
    pub by: Id,
    /// Why. Never empty.
    pub reason: Box<str>,
    /// A free slot takes this trade; a busy one is renamed to it.
    pub trade_id: Option<Id>,
    /// A free slot's instrument.
    pub asset: Option<Id>,
    /// A free slot's side.
    pub side: Option<TradeSide>,
    /// The position's size, unsigned: the difference goes to or comes from the unassigned book.
    pub size: Option<Decimal>,
    /// The position's average entry price. Quantity that comes or goes is valued at it; what the rest changes in cost is
    /// booked between slots.
    pub entry_price: Option<Decimal>,
    /// What entries filled.
    pub initial_size: Option<Decimal>,
    /// Realised so far: the difference is booked between slots.
    pub realized_pnl: Option<Decimal>,
    /// The leverage shown.
    pub leverage: Option<Decimal>,
    /// The exit ladder.
    pub exit_leg_ratios: Option<Vec<Decimal>>,
    /// Why the trade ended, or is to end.
    pub close_reason: Option<Id>,
    /// True frees the slot: what it holds goes to the unassigned book.
    pub closed: Option<bool>,
    /// Whether a protective exit is missing.
    pub unprotected: Option<bool>,
    /// Canonical JSON.
    pub metadata: Option<Box<str>>,
    /// An order that is known as nobody's, by the venue's id, becomes the slot's entry: its fills move into the slot.
    pub entry_order: Option<Id>,
    /// Likewise, an exit.
    pub exit_order: Option<Id>,
}

impl SlotOverride {
    /// An override that changes nothing yet.
    pub fn new(slot_id: u32, by: Id, reason: Box<str>) -> SlotOverride {
        SlotOverride {
            slot_id,
            by,
            reason,
            trade_id: None,
            asset: None,
            side: None,
            size: None,
            entry_price: None,
            initial_size: None,
            realized_pnl: None,
            leverage: None,
            exit_leg_ratios: None,
            close_reason: None,
            closed: None,
            unprotected: None,
            metadata: None,
            entry_order: None,
            exit_order: None,
        }
    }
}
