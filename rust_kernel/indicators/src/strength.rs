//! How one-sided a market moves.

/// The relative strength index, as Wilder smooths it: the means of the first `length` rises and falls, and from then on
/// each takes the part 1 / length. 50 where nothing moved.
#[derive(Clone, Debug)]
pub struct Rsi {
    length: usize,
    count: u64,
    last: f64,
    rises: f64,
    falls: f64,
}

impl Rsi {
    /// An index that has heard nothing.
    #[must_use]
    pub fn new(length: usize) -> Rsi {
        Rsi { length: length.max(1), count: 0, last: 0.0, rises: 0.0, falls: 0.0 }
    }

    /// Take a value.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let change = value - self.last;
        // The first value has nothing to be compared with.
        let weight = self.count.min(self.length as u64) as f64;
        if self.count > 0 {
            self.rises += (change.max(0.0) - self.rises) / weight;
            self.falls += ((-change).max(0.0) - self.falls) / weight;
        }
        (self.last, self.count) = (value, self.count + 1);
        self.value()
    }

    /// The index, 0 to 100; nothing before `length` changes, which are `length + 1` values.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let moved = self.rises + self.falls;
        let index = if moved > 0.0 { 100.0 * (self.rises / moved) } else { 50.0 };
        (self.count > self.length as u64).then_some(index)
    }

    /// How many changes it spans.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// How many values it has heard.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Forget everything heard.
    pub fn reset(&mut self) {
        *self = Rsi::new(self.length);
    }
}

#[cfg(test)]
mod tests {
    use super::Rsi;

    /// Closes of a worked example that charting sites publish, with its fourteen-day index to two digits.
    const CLOSES: [f64; 20] = [
        44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931,
        46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439,
    ];

    #[test]
    fn the_index_is_the_published_one() {
        let mut rsi = Rsi::new(14);
        let found: Vec<f64> = CLOSES.iter().filter_map(|close| rsi.update(*close)).collect();
        let rounded: Vec<f64> = found.iter().map(|index| (index * 100.0).round() / 100.0).collect();
        assert_eq!(rounded, [70.53, 66.32, 66.55, 69.41, 66.36, 57.97]);
    }

    #[test]
    fn only_rises_are_a_hundred_only_falls_nothing_and_no_move_the_middle() {
        for (step, expected) in [(1.0, 100.0), (-1.0, 0.0), (0.0, 50.0)] {
            let mut rsi = Rsi::new(3);
            let last = (0..4).map(|n| rsi.update(100.0 + step * f64::from(n))).last().flatten();
            assert_eq!(last, Some(expected));
        }
    }
}
