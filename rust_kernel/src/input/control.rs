//! What an operator changes: gates, limits, audits.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::{ControlGate, FreezeScope, KernelMode, KernelVerbosity, Regime};
use crate::num::Decimal;

/// An operator's change; absent fields stay as they are.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct ControlChange {
    /// LIVE, PAPER or SHADOW.
    pub mode: Option<KernelMode>,
    /// NORMAL, REDUCE_ONLY or HALTED.
    pub gate: Option<ControlGate>,
    /// How much is reported.
    pub verbosity: Option<KernelVerbosity>,
    /// Whether the journal writes to ClickHouse.
    pub debug_clickhouse_enabled: Option<bool>,
    /// Whether entries are frozen.
    pub frozen: Option<bool>,
    /// Risk limits: the whole set, or unchanged.
    pub limits: Option<RiskLimits>,
    /// True stops everything that increases risk: the gate goes to HALTED and every working entry is canceled. False
    /// only takes the mark off: the gate stays where it is.
    pub kill_switch: Option<bool>,
    /// Whether an entry needs an audited source run.
    pub require_audit: Option<bool>,
    /// The regime of the whole market; an intent's own may be worse.
    pub regime: Option<Regime>,
    /// Runs and actions that have been audited since; the last [`AUDITED_MAX`] are remembered.
    pub audited: Vec<Id>,
    /// What the controls' version is by it, as the control plane counts; absent counts one up.
    pub version: Option<u64>,
    /// Who.
    pub updated_by: Id,
    /// What the venue is, and how the kernel was opened on it: the shell's, at each opening.
    pub arming: Option<Arming>,
}

/// What trading with real money takes beside the mode and the limits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Arming {
    /// Whether the venue trades real money.
    pub real_money: bool,
    /// Whether the program that opened the kernel said that it is live.
    pub said_live: bool,
    /// Whether the machine that it runs on is set to be live.
    pub set_live: bool,
}

/// How many audited runs and actions a kernel remembers.
pub const AUDITED_MAX: usize = 1024;

/// Until when an override holds, in seconds since 1970: what its id has after `@`. A run's has none: so neither passes for
/// the other.
pub fn override_end_s(id: &Id) -> Option<i64> {
    let (_, end) = id.as_str().rsplit_once('@')?;
    end.bytes().all(|byte| byte.is_ascii_digit()).then(|| end.parse().ok()).flatten()
}

/// Who gave an override: what its id has before its last hyphen, else all before its end.
pub fn override_giver(id: &Id) -> &str {
    let named = id.as_str().rsplit_once('@').map_or("", |(named, _)| named);
    named.rsplit_once('-').map(|(who, _)| who).filter(|who| !who.is_empty()).unwrap_or(named)
}

/// Pre-trade limits. `None` means: no limit.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct RiskLimits {
    /// One order, in settlement units.
    pub max_order_notional: Option<Decimal>,
    /// Positions and working entries of one settlement asset together, at worst, in its units.
    pub max_total_notional: Option<Decimal>,
    /// The leverage an intent may ask for.
    pub max_leverage: Option<Decimal>,
    /// How far a limit price may be from the last mark, as a fraction.
    pub price_collar: Option<Decimal>,
    /// Slots that may carry a trade at once.
    pub max_open_slots: Option<u32>,
    /// Fat finger: one order, in the instrument's quantity units.
    pub max_order_size: Option<Decimal>,
    /// Positions and working entries of one instrument at worst, in settlement units.
    pub max_symbol_notional: Option<Decimal>,
    /// Positions and working entries at worst of all instruments with one base asset, in settlement units.
    pub max_asset_notional: Option<Decimal>,
    /// Token bucket: orders that may leave in a burst.
    pub order_burst: Option<u32>,
    /// Token bucket: orders that may leave a second in the long run.
    pub orders_per_second: Option<Decimal>,
    /// Tokens of the order bucket that only exits may take.
    pub order_reserve_for_exits: Option<u32>,
    /// Token bucket: cancels and amends that may leave in a burst.
    pub cancel_burst: Option<u32>,
    /// Token bucket: cancels and amends that may leave a second in the long run.
    pub cancels_per_second: Option<Decimal>,
    /// What may be lost from one UTC midnight to the next, realised and unrealised, in settlement units.
    pub max_daily_loss: Option<Decimal>,
    /// How far equity may fall from its peak, as a fraction.
    pub max_drawdown: Option<Decimal>,
    /// Edge monitor: an edge below this freezes entries, in basis points.
    pub min_edge_bps: Option<Decimal>,
    /// Edge monitor: what a freeze cancels; `None` means working entries.
    pub edge_freeze_cancels: Option<FreezeScope>,
    /// How old a mark may be that an entry is valued at, in seconds; `None` means 60. Where time is driven, marks do
    /// not age.
    pub max_mark_age: Option<Decimal>,
}

impl RiskLimits {
    /// Those that are decimals, by their public names.
    pub fn decimals(&self) -> [(&'static str, Option<Decimal>); 13] {
        [
            ("max_order_notional", self.max_order_notional),
            ("max_total_notional", self.max_total_notional),
            ("max_leverage", self.max_leverage),
            ("price_collar", self.price_collar),
            ("max_order_size", self.max_order_size),
            ("max_symbol_notional", self.max_symbol_notional),
            ("max_asset_notional", self.max_asset_notional),
            ("orders_per_second", self.orders_per_second),
            ("cancels_per_second", self.cancels_per_second),
            ("max_daily_loss", self.max_daily_loss),
            ("max_drawdown", self.max_drawdown),
            ("min_edge_bps", self.min_edge_bps),
            ("max_mark_age", self.max_mark_age),
        ]
    }

    /// Those that are whole numbers, by their public names.
    pub fn counts(&self) -> [(&'static str, Option<u32>); 4] {
        [
            ("max_open_slots", self.max_open_slots),
            ("order_burst", self.order_burst),
            ("order_reserve_for_exits", self.order_reserve_for_exits),
            ("cancel_burst", self.cancel_burst),
        ]
    }
}
