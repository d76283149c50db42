//! How often things happened.

use crate::faults::FaultCounters;

/// How often things happened.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// Orders taken (acknowledged).
    pub orders: u64,
    /// Fills.
    pub fills: u64,
    /// Orders rejected.
    pub rejects: u64,
    /// Orders canceled on request, or by the venue itself.
    pub cancels: u64,
    /// Orders expired.
    pub expired: u64,
    /// Orders changed on request.
    pub amends: u64,
    /// Changes refused.
    pub amend_rejects: u64,
    /// Conditional orders triggered.
    pub triggered: u64,
    /// Reduce-only orders cut to the position.
    pub trimmed: u64,
    /// Funding payments.
    pub fundings: u64,
    /// Positions liquidated.
    pub liquidations: u64,
    /// Positions auto-deleveraged.
    pub adls: u64,
    /// Transfers.
    pub transfers: u64,
    /// Faults.
    pub faults: FaultCounters,
}
