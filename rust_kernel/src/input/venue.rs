//! What the venue says of an order.

use alloc::boxed::Box;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::id::Id;
use crate::names::{KernelEventKind, Liquidity, OrderSide, PositionSide, TradeSide, VenueOrderStatus};
use crate::num::Decimal;

/// What the venue said of an order. Absent fields are `None` or empty: venues differ.
///
/// A fill with its fee and `realized_pnl` is FIX's ExecutionReport: the kernel books the fill and settles it by the reported
/// figures in one step.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(from = "Stored")]
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
    /// The venue's realised PnL of this fill before fees, in the settlement asset. A fill that has one is settled.
    pub realized_pnl: Option<Decimal>,
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
            realized_pnl: None,
            venue_sequence: None,
            rare: None,
        }
    }
}

/// What an event ends with in its stored form. The first two are an `Option<RareFields>`, byte for byte: an event without a
/// profit is stored as it was before there was one.
#[derive(Serialize, Deserialize)]
enum End<Rare> {
    None,
    Rare(Rare),
    Profit(Decimal),
    ProfitAndRare(Decimal, Rare),
}

macro_rules! stored {
    ($($field:ident: $type:ty,)*) => {
        impl Serialize for VenueEvent {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let count = [$(stringify!($field)),*].len().saturating_add(1);
                let mut stored = serializer.serialize_struct("VenueEvent", count)?;
                $(stored.serialize_field(stringify!($field), &self.$field)?;)*
                let end = match (self.realized_pnl, self.rare.as_deref()) {
                    (None, None) => End::None,
                    (None, Some(rare)) => End::Rare(rare),
                    (Some(profit), None) => End::Profit(profit),
                    (Some(profit), Some(rare)) => End::ProfitAndRare(profit, rare),
                };
                stored.serialize_field("end", &end)?;
                stored.end()
            }
        }

        #[derive(Deserialize)]
        struct Stored {
            $($field: $type,)*
            end: End<Box<RareFields>>,
        }

        impl From<Stored> for VenueEvent {
            fn from(stored: Stored) -> VenueEvent {
                let (realized_pnl, rare) = match stored.end {
                    End::None => (None, None),
                    End::Rare(rare) => (None, Some(rare)),
                    End::Profit(profit) => (Some(profit), None),
                    End::ProfitAndRare(profit, rare) => (Some(profit), Some(rare)),
                };
                VenueEvent { $($field: stored.$field,)* realized_pnl, rare }
            }
        }
    };
}

stored! {
    timestamp_ns: i64,
    received_ns: i64,
    kind: KernelEventKind,
    status: Option<VenueOrderStatus>,
    order_side: Option<OrderSide>,
    position_side: Option<PositionSide>,
    side: Option<TradeSide>,
    liquidity: Option<Liquidity>,
    slot_id: Option<u32>,
    event_id: Id,
    trade_id: Id,
    venue_order_id: Id,
    venue_client_id: Id,
    asset: Id,
    price: Option<Decimal>,
    size: Option<Decimal>,
    filled_size: Option<Decimal>,
    remaining_size: Option<Decimal>,
    order_size: Option<Decimal>,
    order_price: Option<Decimal>,
    average_price: Option<Decimal>,
    venue_trade_id: Id,
    fee: Option<Decimal>,
    fee_asset: Id,
    venue_sequence: Option<i64>,
}
