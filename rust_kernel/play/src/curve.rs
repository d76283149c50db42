//! What a run's money did over time, kept in little memory however long the run is. What must be exact, the deepest fall
//! and the closes of days, is found on the way.

use std::cmp::Ordering;

use dita_kernel::num::{Decimal, Money};
use ethnum::I256;

use crate::numbers::compare;
use crate::thinning::{POINTS_MAX, Thinning};

const DAY_NS: i64 = 86_400_000_000_000;

/// The account at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EquityRow {
    /// UTC, ns.
    pub time_ns: i64,
    /// What the wallet must hold.
    pub k: Money,
    /// What the venue says that it holds.
    pub e: Option<Money>,
    /// K and the unrealised profit of what is open.
    pub equity: Money,
}

/// A fall from a peak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fall {
    /// Money between peak and trough.
    pub amount: Money,
    /// Equity at the peak.
    pub peak: Money,
    /// When it was there for the last time before the fall.
    pub peak_time_ns: i64,
    /// When it was first at the lowest.
    pub trough_time_ns: i64,
    /// When the peak was reached again.
    pub recovered_time_ns: Option<i64>,
}

impl Fall {
    /// True where this is the deeper one as a fraction of its peak.
    fn is_deeper(&self, other: &Fall) -> bool {
        let product = |a: Money, b: Money| I256::from(a.0) * I256::from(b.0);
        product(self.amount, other.peak) > product(other.amount, self.peak)
    }
}

/// Takes the account at every moment; keeps few points, each day's close, and the deepest fall, exactly.
#[derive(Clone, Debug)]
pub struct EquityCurve {
    points: Thinning<EquityRow>,
    last: Option<EquityRow>,
    peak: (i64, Money),
    trough: Money,
    by_fraction: Option<Fall>,
    by_amount: Option<Fall>,
    longest_ns: i64,
    day: i64,
    days: Vec<(i64, Money)>,
    /// The days that had no row but the first, by their starts; whether the day that runs has had one.
    quiet_days: Vec<i64>,
    has_row: bool,
}

impl Default for EquityCurve {
    fn default() -> EquityCurve {
        EquityCurve::new(POINTS_MAX)
    }
}

impl EquityCurve {
    /// Nothing recorded; at most `points_max` points are kept.
    pub fn new(points_max: usize) -> EquityCurve {
        let by_equity = |a: &EquityRow, b: &EquityRow| a.equity.0.cmp(&b.equity.0);
        EquityCurve {
            points: Thinning::new(points_max, by_equity),
            last: None,
            peak: (0, Money::ZERO),
            trough: Money::ZERO,
            by_fraction: None,
            by_amount: None,
            longest_ns: 0,
            day: 0,
            days: Vec::new(),
            quiet_days: Vec::new(),
            has_row: false,
        }
    }

    /// Records the account; gives back the time of the last row where this one is before it.
    ///
    /// # Errors
    /// It is: nothing is recorded.
    #[inline]
    pub fn add(&mut self, row: EquityRow) -> Result<(), i64> {
        match self.last {
            None => {
                self.day = row.time_ns.div_euclid(DAY_NS);
                self.peak = (row.time_ns, row.equity);
                self.trough = row.equity;
            }
            Some(last) => {
                if row.time_ns < last.time_ns {
                    return Err(last.time_ns);
                }
                self.close_days(row.time_ns.div_euclid(DAY_NS), last.equity);
                self.has_row = true;
                self.fall(row.time_ns, row.equity);
            }
        }
        self.last = Some(row);
        self.points.add(row.time_ns, row);
        Ok(())
    }

    #[inline]
    fn close_days(&mut self, day: i64, equity: Money) {
        while self.day < day {
            self.days.push((self.day * DAY_NS, equity));
            if !std::mem::take(&mut self.has_row) {
                self.quiet_days.push(self.day * DAY_NS);
            }
            self.day += 1;
        }
    }

    #[inline]
    fn fall(&mut self, time_ns: i64, equity: Money) {
        let (peak_time_ns, peak) = self.peak;
        if equity.0 >= peak.0 {
            if self.trough.0 < peak.0 {
                self.recovered(time_ns);
            }
            (self.peak, self.trough) = ((time_ns, equity), equity);
            return;
        }
        self.longest_ns = self.longest_ns.max(time_ns - peak_time_ns);
        if equity.0 >= self.trough.0 {
            return;
        }
        self.trough = equity;
        let amount = peak - equity;
        let fall = Fall { amount, peak, peak_time_ns, trough_time_ns: time_ns, recovered_time_ns: None };
        if self.by_amount.is_none_or(|deepest| fall.amount.0 > deepest.amount.0) {
            self.by_amount = Some(fall);
        }
        if peak.0 > 0 && self.by_fraction.is_none_or(|deepest| fall.is_deeper(&deepest)) {
            self.by_fraction = Some(fall);
        }
    }

    /// Whatever has not recovered yet fell from the peak that is reached now.
    fn recovered(&mut self, time_ns: i64) {
        self.longest_ns = self.longest_ns.max(time_ns - self.peak.0);
        for fall in [&mut self.by_amount, &mut self.by_fraction].into_iter().flatten() {
            fall.recovered_time_ns.get_or_insert(time_ns);
        }
    }

    /// What is kept, oldest first.
    pub fn points(&self) -> Vec<EquityRow> {
        self.points.rows().into_iter().map(|row| row.value).collect()
    }

    /// Each UTC day's start and the equity at its end, the last day as far as it went. A day without a row closes where the
    /// day before it did.
    pub fn daily(&self) -> Vec<(i64, Money)> {
        let last = self.last.map(|last| (self.day * DAY_NS, last.equity));
        self.days.iter().copied().chain(last).collect()
    }

    /// The starts of the UTC days on which nothing was recorded after the run's first row: the market had no prices.
    pub fn quiet_days(&self) -> Vec<i64> {
        let last = self.last.filter(|_| !self.has_row).map(|_| self.day * DAY_NS);
        self.quiet_days.iter().copied().chain(last).collect()
    }

    /// The deepest fall as a fraction of its peak, the earliest of equals.
    pub fn drawdown(&self) -> Option<Fall> {
        self.by_fraction
    }

    /// The deepest fall in money, the earliest of equals.
    pub fn drawdown_by_amount(&self) -> Option<Fall> {
        self.by_amount
    }

    /// The longest time from a peak until it was reached again, or until the last row.
    pub fn longest_below_peak_ns(&self) -> i64 {
        self.longest_ns
    }

    /// How long each stretch is of which four points are kept.
    pub fn width_ns(&self) -> i64 {
        self.points.width_ns()
    }
}

/// A symbol's prices for a chart, thinned as equity is.
#[derive(Clone, Debug)]
pub struct PriceCurve {
    points: Thinning<Decimal>,
}

impl Default for PriceCurve {
    fn default() -> PriceCurve {
        PriceCurve::new(POINTS_MAX)
    }
}

impl PriceCurve {
    /// None recorded; at most `points_max` are kept.
    pub fn new(points_max: usize) -> PriceCurve {
        let by_price = |a: &Decimal, b: &Decimal| -> Ordering { compare(*a, *b) };
        PriceCurve { points: Thinning::new(points_max, by_price) }
    }

    /// Records a price, not before the one before it.
    #[inline]
    pub fn add(&mut self, time_ns: i64, price: Decimal) {
        self.points.add(time_ns, price);
    }

    /// Time and price of what is kept, oldest first.
    pub fn points(&self) -> Vec<(i64, Decimal)> {
        self.points.rows().into_iter().map(|row| (row.time_ns, row.value)).collect()
    }
}
