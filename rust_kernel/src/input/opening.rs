//! What the venue's account holds before the first trade.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::{OrderSide, OrderType, PositionSide};
use crate::num::Decimal;

/// What the venue's account holds, taken as one.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct OpeningState {
    /// The venue's time of it, ns.
    pub timestamp_ns: i64,
    /// Wallet balances without unrealised PnL, by asset.
    pub balances: Vec<(Id, Decimal)>,
    /// Positions.
    pub positions: Vec<OpeningPosition>,
    /// Orders at work.
    pub orders: Vec<OpeningOrder>,
    /// Fills up to here are in it; the venue's own cursor, opaque.
    pub fill_cursor: Id,
    /// Wallet entries up to here are in it; the venue's own cursor, opaque.
    pub income_cursor: Id,
}

/// A position of an opening state.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OpeningPosition {
    /// The instrument.
    pub symbol: Id,
    /// Which of the venue's books.
    pub position_side: PositionSide,
    /// Signed: + long.
    pub size: Decimal,
    /// Average entry price.
    pub entry_price: Decimal,
}

/// An order of an opening state.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OpeningOrder {
    /// The instrument.
    pub symbol: Id,
    /// The venue's id.
    pub venue_order_id: Id,
    /// Its client id, ours or a stranger's.
    pub venue_client_id: Id,
    /// BUY or SELL.
    pub order_side: OrderSide,
    /// Which of the venue's books.
    pub position_side: PositionSide,
    /// Type.
    pub order_type: OrderType,
    /// Total ordered.
    pub size: Decimal,
    /// How much of it is filled.
    pub filled_size: Decimal,
    /// Its limit or trigger.
    pub price: Option<Decimal>,
    /// Never increases the position.
    pub reduce_only: bool,
}
