//! Builds longer bars from shorter ones, by the same rule everywhere. A closed bar never changes.

use std::sync::Arc;

use dita_kernel::num::Decimal;

use crate::numbers::{compare, sum};

const SECOND_NS: i64 = 1_000_000_000;
const UNITS: [(char, i64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];

/// The length of an interval, ns: "1s", "5m", "1h", "1d" and so on; `None` for other texts.
pub fn interval_ns(interval: &str) -> Option<i64> {
    let mut chars = interval.chars();
    let unit = chars.next_back()?;
    let digits = chars.as_str();
    let is_number = (1..=5).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || digits.starts_with('0') {
        return None;
    }
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(digits.parse::<i64>().ok()? * seconds * SECOND_NS)
}

/// An interval's name.
pub fn interval_text(length_ns: i64) -> String {
    for (name, seconds) in UNITS.iter().rev() {
        if length_ns % (seconds * SECOND_NS) == 0 {
            return format!("{}{name}", length_ns / (seconds * SECOND_NS));
        }
    }
    format!("{length_ns}ns")
}

/// A closed bar of one instrument.
#[derive(Clone, PartialEq, Debug)]
pub struct ClosedBar {
    /// "1m", "1h" and so on.
    pub interval: Arc<str>,
    /// When it began, ns.
    pub open_ns: i64,
    /// When it ended, ns.
    pub close_ns: i64,
    /// Open, high, low, close, volume.
    pub prices: [Decimal; 5],
}

/// Builds bars of one length of one instrument. They begin at multiples of their length since 1970.
#[derive(Clone, Debug)]
pub struct BarBuilder {
    interval: Arc<str>,
    length_ns: i64,
    /// What came of the bar that is being built, and when it begins.
    open: Option<(i64, [Decimal; 5])>,
}

impl BarBuilder {
    /// A builder without a bar; `None` where the interval is none.
    pub fn new(interval: &str) -> Option<BarBuilder> {
        Some(BarBuilder { interval: interval.into(), length_ns: interval_ns(interval)?, open: None })
    }

    /// The length of what is built.
    pub fn interval(&self) -> &Arc<str> {
        &self.interval
    }

    /// The length of what is built, ns.
    pub fn length_ns(&self) -> i64 {
        self.length_ns
    }

    /// True where a bar begins at this very time, and none is being built.
    pub(crate) fn begins_at(&self, time_ns: i64) -> bool {
        self.open.is_none() && time_ns % self.length_ns == 0
    }

    /// Takes a closed bar, which lies within one of the longer ones; gives the longer one that is closed by it. It has the
    /// parts that came.
    pub fn add(&mut self, open_ns: i64, close_ns: i64, prices: &[Decimal; 5]) -> Option<ClosedBar> {
        let start_ns = open_ns.div_euclid(self.length_ns) * self.length_ns;
        // The last part never came: what came is all there is.
        let left = self.open.take_if(|(begun_ns, _)| start_ns > *begun_ns);
        let finished = left.map(|(begun_ns, prices)| self.closed(begun_ns, prices));
        match &mut self.open {
            None => self.open = Some((start_ns, *prices)),
            Some((_, so_far)) => join(so_far, prices),
        }
        if finished.is_none() && close_ns >= start_ns + self.length_ns {
            return self.open.take().map(|(begun_ns, prices)| self.closed(begun_ns, prices));
        }
        finished
    }

    fn closed(&self, open_ns: i64, prices: [Decimal; 5]) -> ClosedBar {
        let (interval, close_ns) = (Arc::clone(&self.interval), open_ns + self.length_ns);
        ClosedBar { interval, open_ns, close_ns, prices }
    }
}

fn join(so_far: &mut [Decimal; 5], part: &[Decimal; 5]) {
    if compare(part[1], so_far[1]).is_gt() {
        so_far[1] = part[1];
    }
    if compare(part[2], so_far[2]).is_lt() {
        so_far[2] = part[2];
    }
    so_far[3] = part[3];
    // A sum that does not fit stays as it was.
    so_far[4] = sum(so_far[4], part[4]).unwrap_or(so_far[4]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_NS: i64 = 60 * SECOND_NS;

    fn prices(values: [i128; 5]) -> [Decimal; 5] {
        values.map(|value| Decimal::new(value, 0).unwrap_or(Decimal::ZERO))
    }

    #[test]
    fn intervals_have_names() {
        for (text, length) in [("1s", 1), ("5m", 300), ("1h", 3600), ("2d", 172_800), ("99999s", 99_999)] {
            assert_eq!(interval_ns(text), Some(length * SECOND_NS), "{text}");
        }
        for text in ["", "m", "0m", "01m", "5x", "-5m", "123456s", "5 m"] {
            assert_eq!(interval_ns(text), None, "{text}");
        }
        assert_eq!([60, 90, 7200, 86_400].map(|s| interval_text(s * SECOND_NS)), ["1m", "90s", "2h", "1d"]);
        assert_eq!(interval_text(5), "5ns");
    }

    #[test]
    fn a_longer_bar_closes_with_its_last_part_or_with_the_first_of_the_next() {
        let Some(mut builder) = BarBuilder::new("3m") else { panic!("3m is an interval") };
        let mut add = |minute: i64, values| {
            let (open_ns, close_ns) = (minute * MINUTE_NS, (minute + 1) * MINUTE_NS);
            builder.add(open_ns, close_ns, &prices(values)).map(|bar| (bar.open_ns / MINUTE_NS, bar.prices))
        };
        assert_eq!(add(0, [5, 7, 4, 6, 1]), None);
        assert_eq!(add(1, [6, 9, 5, 8, 2]), None);
        assert_eq!(add(2, [8, 8, 3, 4, 3]), Some((0, prices([5, 9, 3, 4, 6]))));
        assert_eq!(add(3, [4, 5, 4, 5, 1]), None);
        assert_eq!(add(7, [1, 2, 1, 2, 1]), Some((3, prices([4, 5, 4, 5, 1]))), "its last part never came");
        assert_eq!(add(8, [2, 3, 2, 3, 1]), Some((6, prices([1, 3, 1, 3, 2]))));
    }
}
