//! Where kernel time comes from. The core never reads a clock: the engine stamps each input.

use std::time::{SystemTime, UNIX_EPOCH};

/// The source of kernel time, in nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// The machine's clock, for live trading. Never runs backwards: a step back of the machine's clock holds it.
    System,
    /// The latest time that the owner has told, for replays, paper on recorded data, and tests.
    Driven,
}

impl Clock {
    /// The stamp of the next input: not before `last`, and where time is driven, not before `told`.
    #[inline]
    pub(crate) fn stamp(self, last: i64, told: i64) -> i64 {
        match self {
            Clock::System => last.max(system_ns()),
            Clock::Driven => last.max(told),
        }
    }
}

/// The machine's clock, ns.
pub fn system_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
