//! What the venue says of an order.

use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::{KernelEventKind, Liquidity, OrderSide, PositionSide, TradeSide, VenueOrderStatus};
use crate::num::Decimal;

/// What the venue said of an order. Absent fields are `None` or empty: venues differ.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VenueEvent {
    /// The venue's time, ns. May run backwards.
    pub timestamp_ns: i64,
    /// When we received it, ns.
    pub received_ns: i64,
    /// What kind.
    pub kind: KernelEventKind,
    /// The order's status as the venue names it.
    pub status: Option<VenueOrderStatus>,
    /// BUY or SELL.
    pub order_side: Option<OrderSide>,
    /// The venue's position book.
    pub position_side: Option<PositionSide>,
    /// The position's side.
    pub side: Option<TradeSide>,
    /// Maker or taker.
    pub liquidity: Option<Liquidity>,
    /// A hint.
    pub slot_id: Option<u32>,
    /// The venue's or adapter's id of this event.
    pub event_id: Id,
    /// A hint.
    pub trade_id: Id,
    /// The venue's id of the order.
    pub venue_order_id: Id,
    /// Our id of the order.
    pub venue_client_id: Id,
    /// The instrument.
    pub asset: Id,
    /// This fill's price.
    pub price: Option<Decimal>,
    /// This fill's quantity.
    pub size: Option<Decimal>,
    /// The order's cumulative quantity.
    pub filled_size: Option<Decimal>,
    /// What the venue says remains.
    pub remaining_size: Option<Decimal>,
    /// The order's total as the venue now has it.
    pub order_size: Option<Decimal>,
    /// The order's price as the venue now has it.
    pub order_price: Option<Decimal>,
    /// The order's average price.
    pub average_price: Option<Decimal>,
    /// The fill's id.
    pub venue_trade_id: Id,
    /// This fill's fee: + a charge, − a rebate.
    pub fee: Option<Decimal>,
    /// What the fee is paid in; empty means the settlement asset.
    pub fee_asset: Id,
    /// The venue's own number of this message, where it numbers them: a later one is higher. No rule reads it.
    pub venue_sequence: Option<i64>,
    /// What only few events bring; absent on the hot path.
    pub rare: Option<Box<RareFields>>,
}

/// A venue event's seldom fields.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct RareFields {
    /// The venue's reason as text.
    pub reason: Box<str>,
    /// The venue's reason as its own code.
    pub reason_code: Id,
    /// Which of our requests it answers.
    pub request_id: Id,
    /// An algo or triggered order's other id.
    pub parent_order_id: Id,
    /// The fill that a bust or a correction refers to.
    pub ref_trade_id: Id,
    /// How long to wait before a retry, ms.
    pub retry_after_ms: Option<u64>,
    /// When the venue made the order, its time, ns.
    pub order_created_ns: Option<i64>,
    /// As the venue sent it, at most [`METADATA_BYTES_MAX`](super::METADATA_BYTES_MAX).
    pub raw_payload: Box<str>,
    /// Canonical JSON, at most [`METADATA_BYTES_MAX`](super::METADATA_BYTES_MAX).
    pub metadata: Box<str>,
}

impl VenueEvent {
    /// An event with every optional field absent.
    pub fn new(kind: KernelEventKind, timestamp_ns: i64) -> VenueEvent {
        VenueEvent {
            timestamp_ns,
            received_ns: timestamp_ns,
            kind,
            status: None,
            order_side: None,
            position_side: None,
            side: None,
            liquidity: None,
            slot_id: None,
            event_id: Id::EMPTY,
            trade_id: Id::EMPTY,
            venue_order_id: Id::EMPTY,
            venue_client_id: Id::EMPTY,
            asset: Id::EMPTY,
            price: None,
            size: None,
            filled_size: None,
            remaining_size: None,
            order_size: None,
            order_price: None,
            average_price: None,
            venue_trade_id: Id::EMPTY,
            fee: None,
            fee_asset: Id::EMPTY,
            venue_sequence: None,
            rare: None,
        }
    }
}
