//! Averages of a value.

use crate::window::Window;

/// What an exponential average begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seed {
    /// The first value, as in `ewm(adjust=False)` of pandas.
    First,
    /// The mean of the first `length` values, as in most charts.
    Mean,
}

/// The exponential average: each value takes the part 2 / (length + 1) of the distance to it.
#[derive(Clone, Debug)]
pub struct Ema {
    length: usize,
    seed: Seed,
    part: f64,
    count: u64,
    average: f64,
}

impl Ema {
    /// An average that has heard nothing.
    #[must_use]
    pub fn new(length: usize, seed: Seed) -> Ema {
        let length = length.max(1);
        Ema { length, seed, part: 2.0 / (length as f64 + 1.0), count: 0, average: 0.0 }
    }

    /// Take a value.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.count += 1;
        self.average = if self.seed == Seed::Mean && self.count <= self.length as u64 {
            // The mean so far; at `length` it is the one to begin with.
            self.average + (value - self.average) / self.count as f64
        } else if self.count == 1 {
            value
        } else {
            self.part * value + (1.0 - self.part) * self.average
        };
        self.value()
    }

    /// The average; nothing before `length` values.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.count >= self.length as u64).then_some(self.average)
    }

    /// How many values it spans.
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
        (self.count, self.average) = (0, 0.0);
    }
}

/// The mean of the last values.
#[derive(Clone, Debug)]
pub struct Sma {
    window: Window,
    count: u64,
    sum: f64,
}

impl Sma {
    /// A mean that has heard nothing.
    #[must_use]
    pub fn new(length: usize) -> Sma {
        Sma { window: Window::new(length), count: 0, sum: 0.0 }
    }

    /// Take a value.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.count += 1;
        self.sum += value - self.window.push(value).unwrap_or(0.0);
        if self.window.is_round() {
            self.sum = self.window.values().iter().sum();
        }
        self.value()
    }

    /// The mean; nothing before `length` values.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.window.is_full().then(|| self.sum / self.window.length() as f64)
    }

    /// How many values it spans.
    #[must_use]
    pub fn length(&self) -> usize {
        self.window.length()
    }

    /// How many values it has heard.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Forget everything heard.
    pub fn reset(&mut self) {
        self.window.clear();
        (self.count, self.sum) = (0, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Ema, Seed, Sma};

    /// Closes of a worked example that charting sites publish, with its ten-day averages to two digits.
    pub(crate) const CLOSES: [f64; 15] = [
        22.2734, 22.1940, 22.0847, 22.1741, 22.1840, 22.1344, 22.2337, 22.4323, 22.2436, 22.2933, 22.1542,
        22.3926, 22.3816, 22.6109, 23.3558,
    ];

    fn rounded(values: Vec<Option<f64>>) -> Vec<f64> {
        values.into_iter().flatten().map(|value| (value * 100.0).round() / 100.0).collect()
    }

    #[test]
    fn a_mean_is_the_published_one() {
        let mut sma = Sma::new(10);
        let found = rounded(CLOSES.iter().map(|close| sma.update(*close)).collect());
        assert_eq!(found, [22.22, 22.21, 22.23, 22.26, 22.31, 22.42]);
    }

    #[test]
    fn an_exponential_average_that_begins_with_the_mean_is_the_published_one() {
        let mut ema = Ema::new(10, Seed::Mean);
        let found = rounded(CLOSES.iter().map(|close| ema.update(*close)).collect());
        assert_eq!(found, [22.22, 22.21, 22.24, 22.27, 22.33, 22.52]);
    }

    #[test]
    fn one_that_begins_with_the_first_value_is_two_parts_of_three_of_the_way_for_a_length_of_two() {
        let mut ema = Ema::new(2, Seed::First);
        assert_eq!(ema.update(3.0), None);
        let second = ema.update(6.0).unwrap_or_default();
        assert!((second - 5.0).abs() < 1e-12, "{second}");
        ema.reset();
        assert_eq!((ema.value(), ema.count()), (None, 0));
    }

    #[test]
    fn what_a_running_sum_loses_is_gone_after_two_windows() {
        let mut sma = Sma::new(4);
        for value in [1e16, 1.0, 1.0, 1.0, 0.1, 0.2, 0.3, 0.4] {
            sma.update(value);
        }
        assert_eq!(sma.value(), Some((0.1 + 0.2 + 0.3 + 0.4) / 4.0));
    }
}
