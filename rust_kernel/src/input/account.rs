//! What the venue says of the account, of funding and of fees.

use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::{AccountEventKind, Liquidity, OrderSide, PositionSide};
use crate::num::Decimal;

/// What the venue said of the account. Signs are canonical: a fee is + when charged; funding, transfers, rebates
/// and adjustments are + when credited.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AccountEvent {
    /// What kind.
    pub kind: AccountEventKind,
    /// The venue's time, ns.
    pub timestamp_ns: i64,
    /// The venue's or adapter's id of this event.
    pub event_id: Id,
    /// The venue's id of the wallet entry: the key under which it is booked once.
    pub venue_txn_id: Id,
    /// The asset.
    pub asset: Id,
    /// The instrument, where it has one.
    pub symbol: Id,
    /// FILL_SETTLED: which fill.
    pub venue_trade_id: Id,
    /// FUNDING_FEE, TRANSFER, REBATE, LIQUIDATION_FEE, ADJUSTMENT.
    pub amount: Option<Decimal>,
    /// FILL_SETTLED: the venue's realised PnL before fees.
    pub realized_pnl: Option<Decimal>,
    /// FILL_SETTLED: the venue's fee.
    pub fee: Option<Decimal>,
    /// FILL_SETTLED: what the fee is paid in; empty means the settlement asset.
    pub fee_asset: Id,
    /// ACCOUNT_UPDATE: balance without unrealised PnL, isolated margin included.
    pub wallet_balance: Option<Decimal>,
    /// ACCOUNT_UPDATE.
    pub available_margin: Option<Decimal>,
    /// ACCOUNT_UPDATE.
    pub used_margin: Option<Decimal>,
    /// ACCOUNT_UPDATE.
    pub maint_margin: Option<Decimal>,
    /// POSITION_UPDATE.
    pub position_side: Option<PositionSide>,
    /// POSITION_UPDATE: signed, + long. FILL_SETTLED: what was traded, + bought, − sold; where one trade id may be on two
    /// fills, it tells which of them is meant.
    pub size: Option<Decimal>,
    /// POSITION_UPDATE.
    pub entry_price: Option<Decimal>,
    /// FUNDING_FEE.
    pub rate: Option<Decimal>,
    /// FUNDING_FEE.
    pub mark_price: Option<Decimal>,
    /// The venue's own number of this message, where it numbers them: a later one is higher. No rule reads it.
    pub venue_sequence: Option<i64>,
}

impl AccountEvent {
    /// An event with every optional field absent.
    pub fn new(kind: AccountEventKind, timestamp_ns: i64) -> AccountEvent {
        AccountEvent {
            kind,
            timestamp_ns,
            event_id: Id::EMPTY,
            venue_txn_id: Id::EMPTY,
            asset: Id::EMPTY,
            symbol: Id::EMPTY,
            venue_trade_id: Id::EMPTY,
            amount: None,
            realized_pnl: None,
            fee: None,
            fee_asset: Id::EMPTY,
            wallet_balance: None,
            available_margin: None,
            used_margin: None,
            maint_margin: None,
            position_side: None,
            size: None,
            entry_price: None,
            rate: None,
            mark_price: None,
            venue_sequence: None,
        }
    }

    /// FILL_SETTLED: the fill's side, where it is told.
    #[inline]
    pub fn traded_side(&self) -> Option<OrderSide> {
        let size = self.size.filter(|size| !size.is_zero())?;
        Some(if size.is_negative() { OrderSide::Sell } else { OrderSide::Buy })
    }
}

/// A funding rate. Absent fields stay as they are.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FundingTerms {
    /// The instrument.
    pub symbol: Id,
    /// The rate of the next boundary: longs pay a positive one.
    pub rate: Option<Decimal>,
    /// When the next boundary is, ns.
    pub next_boundary_ns: Option<i64>,
    /// Seconds from one boundary to the next, from that one on.
    pub interval_secs: Option<u32>,
    /// The price that values the position at the boundary; absent means the mark.
    pub mark_price: Option<Decimal>,
    /// The venue's time of it, ns.
    pub venue_time_ns: i64,
}

/// A fee that was seen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FeeSample {
    /// The instrument.
    pub symbol: Id,
    /// The fill's price.
    pub price: Decimal,
    /// The fill's quantity.
    pub size: Decimal,
    /// What was charged, + a charge.
    pub fee: Decimal,
    /// What it was paid in; empty means as predicted.
    pub fee_asset: Id,
    /// BUY or SELL, where known: spot needs it.
    pub order_side: Option<OrderSide>,
    /// Maker or taker, where known.
    pub liquidity: Option<Liquidity>,
}
