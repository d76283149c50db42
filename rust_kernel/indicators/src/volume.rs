//! Prices weighed by what was traded at them.

/// The mean price since the beginning, or since `reset`, weighed by volume.
#[derive(Clone, Debug, Default)]
pub struct Vwap {
    count: u64,
    mean: f64,
    volume: f64,
}

impl Vwap {
    /// A mean that has heard nothing.
    #[must_use]
    pub fn new() -> Vwap {
        Vwap::default()
    }

    /// Take a price and what was traded at it; the volume is not below zero.
    pub fn update(&mut self, price: f64, volume: f64) -> Option<f64> {
        self.count += 1;
        if volume > 0.0 {
            self.volume += volume;
            self.mean += (price - self.mean) * (volume / self.volume);
        }
        self.value()
    }

    /// The mean; nothing before there was any volume.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.volume > 0.0).then_some(self.mean)
    }

    /// The volume so far.
    #[must_use]
    pub fn volume(&self) -> f64 {
        self.volume
    }

    /// How many prices it has heard.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Forget everything heard: a new session begins.
    pub fn reset(&mut self) {
        *self = Vwap::default();
    }
}

#[cfg(test)]
mod tests {
    use super::Vwap;

    #[test]
    fn a_price_counts_by_its_volume_and_one_without_does_not() {
        let mut vwap = Vwap::new();
        assert_eq!(vwap.update(7.0, 0.0), None);
        assert_eq!(vwap.update(10.0, 1.0), Some(10.0));
        assert_eq!(vwap.update(16.0, 2.0), Some((10.0 + 32.0) / 3.0));
        assert_eq!(vwap.update(99.0, 0.0), Some(14.0));
        vwap.reset();
        assert_eq!((vwap.value(), vwap.count()), (None, 0));
    }
}
