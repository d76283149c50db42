//! E: what the exchange reports of wallets and positions, as it came.

use serde::{Deserialize, Serialize};

use crate::num::{Money, Price, Qty};

/// What the exchange reports of one asset.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// Balance without unrealised PnL; `None` before the first frame.
    pub wallet_balance: Option<Money>,
    /// As reported.
    pub available_margin: Option<Money>,
    /// As reported.
    pub used_margin: Option<Money>,
    /// As reported.
    pub maint_margin: Option<Money>,
    /// Kernel time of the last frame, ns.
    pub frame_time_ns: i64,
    /// The venue's time of it, ns: what was booked up to here is in it.
    pub frame_venue_time_ns: i64,
    /// Kernel time since which K and E have differed at every frame; `None` while they agree.
    pub differs_since_ns: Option<i64>,
    /// Kernel time of the last booking in the wallet, ns.
    pub booked_time_ns: i64,
    /// Fees that are predicted and not settled yet: K carries them, E may not.
    pub unsettled_fees: Money,
    /// How many fills those are: each may be off by one unit of the venue's rounding.
    pub unsettled_fills: u32,
}

/// A position as the venue reported it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reported {
    /// Signed: + long.
    pub qty: Qty,
    /// Its average entry price, where it was told.
    pub entry_price: Option<Price>,
    /// Kernel time of the report, ns.
    pub time_ns: i64,
    /// The venue's time of it, ns.
    pub venue_time_ns: i64,
}
