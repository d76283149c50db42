//! How the venue behaves: latency, faults, slippage, and which events it sends.

use dita_kernel::num::Decimal;

use crate::error::SimError;
use crate::random::Chance;
use crate::taking::Slippage;

/// The venue's settings. [`Default`] is the venue that always fills, at once, without a fault.
#[derive(Clone, PartialEq, Debug)]
pub struct SimConfig {
    /// Where chance starts. The same seed and the same calls give the same events.
    pub seed: u64,
    /// A request's whole round trip in nanoseconds: it arrives after half of it (rounded down), and the answer is
    /// back after all of it. A fill that the market causes takes the way back only. 0 answers inside the call.
    pub latency_ns: i64,
    /// How often an order that can fill does, 0 to 1. A miss: MARKET, IOC and FOK expire with nothing filled; a
    /// GTC limit stays in the book, and has a new chance with the next quote, depth or print that reaches it.
    pub fill_rate: Decimal,
    /// How often an order without a fault is rejected all the same, 0 to 1.
    pub reject_rate: Decimal,
    /// How often what fills at once comes in two: first 50 to 90 % of it on the lot grid, then the rest, both in
    /// one answer. A quantity of one lot cannot be parted.
    pub partial_fill_rate: Decimal,
    /// By how many basis points every taker price is worse than the book's, rounded to the tick against the
    /// taker: 0 up to, and not including, 10000. A limit order never fills worse than its limit.
    pub slippage_bps: Decimal,
    /// True: a fill carries its fee. False: it does not, and a FILL_SETTLED always follows it.
    pub fee_in_fill: bool,
    /// Whether a FILL_SETTLED (realised PnL, fee) follows each fill.
    pub settle_events: bool,
    /// Whether an ACCOUNT_UPDATE (wallet balance) ends each batch of fills.
    pub wallet_events: bool,
}

impl Default for SimConfig {
    fn default() -> SimConfig {
        SimConfig {
            seed: 0,
            latency_ns: 0,
            fill_rate: Decimal::ONE,
            reject_rate: Decimal::ZERO,
            partial_fill_rate: Decimal::ZERO,
            slippage_bps: Decimal::ZERO,
            fee_in_fill: true,
            settle_events: true,
            wallet_events: true,
        }
    }
}

/// The settings as the venue uses them, checked once.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    /// From the trader to the venue, ns.
    pub(crate) way_in_ns: i64,
    /// From the venue to the trader, ns.
    pub(crate) way_back_ns: i64,
    pub(crate) fills: Chance,
    pub(crate) rejects: Chance,
    pub(crate) splits: Chance,
    pub(crate) slippage: Slippage,
    pub(crate) fee_in_fill: bool,
    pub(crate) settle_events: bool,
    pub(crate) wallet_events: bool,
}

impl SimConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`SimError::Config`] names the first one out of range.
    pub(crate) fn behaviour(&self) -> Result<Behaviour, SimError> {
        let chance = |field, value| {
            Chance::from_rate(value).ok_or(SimError::Config {
                field,
                value,
                must: "a rate from 0 to 1 with at most 12 places",
            })
        };
        if self.latency_ns < 0 {
            let value = Decimal::new(i128::from(self.latency_ns), 0).unwrap_or(Decimal::ZERO);
            return Err(SimError::Config { field: "latency_ns", value, must: "0 or more" });
        }
        let way_in_ns = self.latency_ns / 2;
        Ok(Behaviour {
            way_in_ns,
            way_back_ns: self.latency_ns - way_in_ns,
            fills: chance("fill_rate", self.fill_rate)?,
            rejects: chance("reject_rate", self.reject_rate)?,
            splits: chance("partial_fill_rate", self.partial_fill_rate)?,
            slippage: Slippage::from_basis_points(self.slippage_bps).ok_or(SimError::Config {
                field: "slippage_bps",
                value: self.slippage_bps,
                must: "from 0 to below 10000 with at most 8 places",
            })?,
            fee_in_fill: self.fee_in_fill,
            settle_events: self.settle_events || !self.fee_in_fill,
            wallet_events: self.wallet_events,
        })
    }
}
