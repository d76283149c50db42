//! Funding: what positions pay or receive at each boundary.

use serde::{Deserialize, Serialize};

/// Schedules, rates and predictions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FundingBook {
    /// The next boundary of any instrument, kernel time, ns: what every step compares with.
    pub(crate) next_due_ns: i64,
}

impl Default for FundingBook {
    fn default() -> FundingBook {
        FundingBook { next_due_ns: i64::MAX }
    }
}
