//! How far values spread around their mean.

use crate::window::Window;

/// The standard deviation of the last values.
#[derive(Clone, Debug)]
pub struct Deviation {
    window: Window,
    ddof: usize,
    count: u64,
    mean: f64,
    squares: f64,
}

impl Deviation {
    /// A deviation that has heard nothing. The sum of squares is divided by `length - ddof`.
    #[must_use]
    pub fn new(length: usize, ddof: usize) -> Deviation {
        let window = Window::new(length.max(ddof + 1));
        Deviation { window, ddof, count: 0, mean: 0.0, squares: 0.0 }
    }

    /// Take a value.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.count += 1;
        let before = self.mean;
        match self.window.push(value) {
            // Welford's step, and the same for a window that moves on.
            None => {
                self.mean += (value - before) / self.window.len() as f64;
                self.squares += (value - before) * (value - self.mean);
            }
            Some(left) => {
                self.mean += (value - left) / self.window.length() as f64;
                self.squares += (value - left) * ((value - self.mean) + (left - before));
            }
        }
        if self.window.is_round() {
            self.make_anew();
        }
        self.value()
    }

    fn make_anew(&mut self) {
        let values = self.window.values();
        self.mean = values.iter().sum::<f64>() / values.len() as f64;
        self.squares = values.iter().map(|value| (value - self.mean) * (value - self.mean)).sum();
    }

    /// The deviation; nothing before `length` values.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let divisor = (self.window.length() - self.ddof) as f64;
        // Roundings may bring a sum of squares below zero.
        self.window.is_full().then(|| (self.squares.max(0.0) / divisor).sqrt())
    }

    /// The mean of the same values; nothing before `length` of them.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        self.window.is_full().then_some(self.mean)
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
        (self.count, self.mean, self.squares) = (0, 0.0, 0.0);
    }
}

/// Bollinger's bands at one moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Band {
    /// The mean less so many deviations.
    pub lower: f64,
    /// The mean.
    pub middle: f64,
    /// The mean and so many deviations.
    pub upper: f64,
}

/// Bollinger's bands: the mean of the last values, and so many deviations (of the whole, ddof 0) around it.
#[derive(Clone, Debug)]
pub struct Bollinger {
    deviation: Deviation,
    width: f64,
}

impl Bollinger {
    /// Bands that have heard nothing.
    #[must_use]
    pub fn new(length: usize, width: f64) -> Bollinger {
        Bollinger { deviation: Deviation::new(length, 0), width }
    }

    /// Take a value.
    pub fn update(&mut self, value: f64) -> Option<Band> {
        self.deviation.update(value);
        self.value()
    }

    /// The bands; nothing before `length` values.
    #[must_use]
    pub fn value(&self) -> Option<Band> {
        let (middle, apart) = (self.deviation.mean()?, self.width * self.deviation.value()?);
        Some(Band { lower: middle - apart, middle, upper: middle + apart })
    }

    /// How many values they span.
    #[must_use]
    pub fn length(&self) -> usize {
        self.deviation.length()
    }

    /// How many deviations they are wide, on each side.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.width
    }

    /// How many values they have heard.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.deviation.count()
    }

    /// Forget everything heard.
    pub fn reset(&mut self) {
        self.deviation.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::{Bollinger, Deviation};

    /// The textbook's example: 2, 4, 4, 4, 5, 5, 7, 9 deviate by 2 from their mean of 5.
    const TEXTBOOK: [f64; 8] = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];

    #[test]
    fn the_textbooks_example_deviates_by_two_and_of_a_sample_by_more() {
        for (ddof, expected) in [(0, 2.0), (1, (32.0_f64 / 7.0).sqrt())] {
            let mut deviation = Deviation::new(8, ddof);
            let last = TEXTBOOK.iter().map(|value| deviation.update(*value)).last().flatten();
            assert_eq!(last, Some(expected));
        }
    }

    #[test]
    fn a_window_that_moves_on_is_what_its_values_are_by_themselves() {
        let mut moving = Deviation::new(5, 0);
        let values: Vec<f64> = (0..200).map(|n| 40_000.0 + f64::from(n * 37 % 101) / 8.0).collect();
        for (number, value) in values.iter().enumerate() {
            let found = moving.update(*value);
            if number < 4 {
                assert_eq!(found, None);
                continue;
            }
            let mut alone = Deviation::new(5, 0);
            let wanted =
                values[number - 4..=number].iter().map(|value| alone.update(*value)).last().flatten();
            assert!((found.unwrap_or(-1.0) - wanted.unwrap_or(-2.0)).abs() < 1e-8, "{number}");
        }
    }

    #[test]
    fn bands_stand_two_deviations_around_the_mean() {
        let mut bands = Bollinger::new(8, 2.0);
        let band = TEXTBOOK.iter().map(|value| bands.update(*value)).last().flatten();
        assert_eq!(band.map(|band| (band.lower, band.middle, band.upper)), Some((1.0, 5.0, 9.0)));
    }

    #[test]
    fn values_that_do_not_move_deviate_by_nothing() {
        let mut deviation = Deviation::new(3, 0);
        assert!(
            (0..100).map(|_| deviation.update(0.1)).skip(2).all(|found| found.is_some_and(|by| by < 1e-16))
        );
    }
}
