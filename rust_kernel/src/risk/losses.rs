//! Results by day and from their peak, for the limits on losses.
//!
//! A result is all that an account has made in one settlement asset: realised and unrealised profit, less fees, with
//! funding, rebates and adjustments; what was brought in or taken out does not count. The day's first result is the one
//! that stood when the first input of that UTC day was taken. The peak is the highest result that stood when an input
//! was taken, while there is a limit on the drawdown.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::num::{Money, Rounding, divide};

const DAY_NS: i128 = 86_400_000_000_000;

#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
struct Row {
    day_start: Money,
    peak: Option<Money>,
}

/// What is remembered of results, by settlement asset.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Losses {
    rows: Vec<Row>,
    next_midnight_ns: i64,
    /// From this kernel time on, the next input looks at the results: every input while peaks are watched, else the
    /// first one of the day.
    pub(crate) due_ns: i64,
}

impl Default for Losses {
    fn default() -> Losses {
        Losses { rows: Vec::new(), next_midnight_ns: i64::MIN, due_ns: i64::MIN }
    }
}

impl Losses {
    /// Looks at the results, by asset, as they stand before an input at `now_ns`.
    pub(crate) fn sample(&mut self, now_ns: i64, watches_peak: bool, results: impl Iterator<Item = Money>) {
        let new_day = now_ns >= self.next_midnight_ns;
        for (place, result) in results.enumerate() {
            if self.rows.len() <= place {
                self.rows.push(Row::default());
            }
            let row = &mut self.rows[place];
            if new_day {
                row.day_start = result;
            }
            row.peak = watches_peak.then(|| row.peak.filter(|peak| *peak > result).unwrap_or(result));
        }
        if new_day {
            let midnight = divide(i128::from(now_ns), DAY_NS, Rounding::Floor)
                .map_or(i128::MAX, |days| days.saturating_add(1).saturating_mul(DAY_NS));
            self.next_midnight_ns = i64::try_from(midnight).unwrap_or(i64::MAX);
        }
        self.due_ns = if watches_peak { i64::MIN } else { self.next_midnight_ns };
    }

    /// What an asset's day has cost so far.
    pub(crate) fn lost(&self, asset: u16, now_ns: i64, result: Money) -> Money {
        if now_ns >= self.next_midnight_ns {
            return Money::ZERO; // the day begins with this very input
        }
        self.row(asset).day_start - result
    }

    /// The highest result of an asset, with the one that stands now.
    pub(crate) fn peak(&self, asset: u16, result: Money) -> Money {
        self.row(asset).peak.filter(|peak| *peak > result).unwrap_or(result)
    }

    fn row(&self, asset: u16) -> Row {
        self.rows.get(usize::from(asset)).copied().unwrap_or_default()
    }
}
