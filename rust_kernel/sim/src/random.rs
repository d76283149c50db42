//! Chance, from one seed: a SplitMix64 generator and draws against fixed-point thresholds.

use dita_kernel::num::{Decimal, Rate};

/// How often something happens. The two certainties draw nothing, so that a venue without faults spends no time
/// on chance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Chance {
    Never,
    Always,
    /// When a uniform 64-bit draw is below this: the rate in units of 2^-64, rounded down.
    Below(u64),
}

impl Chance {
    /// From a rate of 0 to 1 with at most 12 places; `None` outside of that.
    pub(crate) fn from_rate(rate: Decimal) -> Option<Chance> {
        if rate.is_negative() {
            return None;
        }
        let reduced = Rate::from_decimal(rate).ok()?.to_decimal();
        if reduced.is_zero() {
            return Some(Chance::Never);
        }
        let unit = 10_u128.checked_pow(u32::from(reduced.scale()))?;
        let scaled = reduced.mantissa().unsigned_abs().checked_mul(1 << 64)?;
        Some(u64::try_from(scaled.checked_div(unit)?).map_or(Chance::Always, Chance::Below))
    }
}

/// Sebastiano Vigna's SplitMix64: 64 bits of state, every seed is good.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// Draws from here on what no other life of the same seed draws; the first draws what the seed says.
    pub(crate) fn begin_life(&mut self, life: u32) {
        self.state ^= u64::from(life.saturating_sub(1)).wrapping_mul(0xD1B5_4A32_D192_ED03);
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Whether it happens this time.
    #[inline]
    pub(crate) fn happens(&mut self, chance: Chance) -> bool {
        match chance {
            Chance::Never => false,
            Chance::Always => true,
            Chance::Below(threshold) => self.draw() < threshold,
        }
    }

    /// A whole number from `low` to `high`, both included; `low` where the range is empty.
    pub(crate) fn between(&mut self, low: i128, high: i128) -> i128 {
        let span = u64::try_from(high.saturating_sub(low).saturating_add(1)).unwrap_or(u64::MAX);
        // The high half of the product is uniform on 0..span, up to a bias of span / 2^64.
        let offset = (u128::from(self.draw()) * u128::from(span)) >> 64;
        low.saturating_add(offset as i128)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first outputs for seed 1234567, as published with the reference implementation.
        let mut random = Random::new(1_234_567);
        let got: Vec<u64> = (0..3).map(|_| random.draw()).collect();
        assert_eq!(got, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_rate_becomes_a_threshold() {
        for (rate, want) in [
            ("0", Some(Chance::Never)),
            ("1", Some(Chance::Always)),
            ("1.000", Some(Chance::Always)),
            ("0.5", Some(Chance::Below(1 << 63))),
            ("0.25", Some(Chance::Below(1 << 62))),
            ("1.01", None),
            ("-0.1", None),
            ("0.0000000000001", None),
        ] {
            assert_eq!(Chance::from_rate(Decimal::parse(rate).unwrap()), want, "{rate}");
        }
    }

    #[test]
    fn a_quarter_happens_a_quarter_of_the_time() {
        let mut random = Random::new(7);
        let hits = (0..100_000).filter(|_| random.happens(Chance::Below(1 << 62))).count();
        assert!((24_500..25_500).contains(&hits), "{hits}");
        for _ in 0..1_000 {
            assert!((5..=9).contains(&random.between(5, 9)));
        }
        assert_eq!(random.between(3, 3), 3);
    }
}
