//! Results by day and from their peak, for the limits on losses.
//!
//! A result is all that an account has made in one settlement asset: realised and unrealised profit, less fees, with
//! funding, rebates and adjustments; what was brought in or taken out does not count. The day's first result is the one
//! that stood when the first input of that UTC day was taken. The peak is the highest result that stood when an input
//! was taken, while there is a limit on the drawdown.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::num::{Money, Rounding, divide};
use crate::soundness::{Amounts, Places, Sound, hold};

const DAY_NS: i128 = 86_400_000_000_000;

#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
struct Row {
    day_start: Money,
    peak: Option<Money>,
    /// True from when a limit on losses was met until it is not met any more.
    met: bool,
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
            self.next_midnight_ns = midnight_after(now_ns);
        }
        self.due_ns = self.due_after(watches_peak);
    }

    fn due_after(&self, watches_peak: bool) -> i64 {
        if watches_peak { i64::MIN } else { self.next_midnight_ns }
    }

    /// Whether stored results are ones that this code could have made at that time.
    pub(crate) fn check_sound(
        &self,
        places: Places,
        watches_peak: bool,
        now_ns: i64,
        amounts: &mut Amounts,
    ) -> Sound {
        let rows = self.rows.len();
        hold(rows <= places.assets, "guard.losses.rows", rows, "there are more than assets")?;
        for (asset, row) in self.rows.iter().enumerate() {
            amounts.add(format_args!("guard.losses.rows[{asset}].day_start"), row.day_start.0)?;
            amounts.add(format_args!("guard.losses.rows[{asset}].peak"), row.peak.unwrap_or_default().0)?;
        }
        let next = self.next_midnight_ns;
        // Before its first input a kernel has had no day; that input may come at the first moment that there is.
        let begun = next == midnight_after(now_ns) || (now_ns == i64::MIN && next == i64::MIN);
        hold(begun, "guard.losses.next_midnight_ns", next, "it is not the end of the kernel's day")?;
        let due = self.due_ns;
        hold(
            due == self.due_after(watches_peak),
            "guard.losses.due_ns",
            due,
            "results are looked at by the limits",
        )
    }

    /// When the kernel's day ends, ns.
    pub(crate) fn next_midnight_ns(&self) -> i64 {
        self.next_midnight_ns
    }

    /// True where a limit was met when this was last looked at.
    pub(crate) fn is_met(&self, asset: u16) -> bool {
        self.row(asset).met
    }

    pub(crate) fn set_met(&mut self, asset: u16, met: bool) {
        let place = usize::from(asset);
        if self.rows.len() <= place {
            self.rows.resize(place.saturating_add(1), Row::default());
        }
        self.rows[place].met = met;
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

fn midnight_after(now_ns: i64) -> i64 {
    let midnight = divide(i128::from(now_ns), DAY_NS, Rounding::Floor)
        .map_or(i128::MAX, |days| days.saturating_add(1).saturating_mul(DAY_NS));
    i64::try_from(midnight).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000_000;
    /// The end of the first day that there is.
    const FIRST: i64 = i64::MIN / DAY * DAY;

    #[test]
    #[rustfmt::skip]
    fn stored_results_are_of_the_kernels_day_and_looked_at_as_the_limits_want() {
        let places = Places { slots: 1, instruments: 1, assets: 1 };
        // next midnight, due, now, peaks watched
        for (next_midnight_ns, due_ns, now_ns, watches_peak, field) in [
            (i64::MIN, i64::MIN, i64::MIN, false, None),
            (FIRST,    FIRST,    i64::MIN, false, None),
            (DAY,      DAY,      0,        false, None),
            (DAY,      DAY,      DAY - 1,  false, None),
            (DAY,      i64::MIN, 0,        true,  None),
            (0,        0,        -1,       false, None),
            (DAY,      DAY,      DAY,      false, Some("guard.losses.next_midnight_ns")),
            (DAY,      DAY,      -1,       false, Some("guard.losses.next_midnight_ns")),
            (DAY,      DAY,      i64::MIN, false, Some("guard.losses.next_midnight_ns")),
            (i64::MIN, i64::MIN, 0,        false, Some("guard.losses.next_midnight_ns")),
            (DAY,      i64::MIN, 0,        false, Some("guard.losses.due_ns")),
            (DAY,      DAY,      0,        true,  Some("guard.losses.due_ns")),
            (DAY,      i64::MAX, 0,        false, Some("guard.losses.due_ns")),
        ] {
            let losses = Losses { rows: Vec::new(), next_midnight_ns, due_ns };
            let found = losses.check_sound(places, watches_peak, now_ns, &mut Amounts::default());
            let found = found.err().map(|flaw| flaw.field);
            assert_eq!(found.as_deref(), field, "{next_midnight_ns} {due_ns} {now_ns} {watches_peak}");
        }
        let rows = |rows| Losses { rows, ..Losses::default() };
        let large = Money(i128::MAX);
        for (losses, field) in [
            (rows(alloc::vec![Row::default(); 1]), None),
            (rows(alloc::vec![Row::default(); 2]), Some("guard.losses.rows")),
            (rows(alloc::vec![Row { day_start: large, ..Row::default() }]), Some("guard.losses.rows[0].day_start")),
            (rows(alloc::vec![Row { peak: Some(large), ..Row::default() }]), Some("guard.losses.rows[0].peak")),
        ] {
            let found = losses.check_sound(places, false, i64::MIN, &mut Amounts::default());
            assert_eq!(found.err().map(|flaw| flaw.field).as_deref(), field);
        }
    }
}
