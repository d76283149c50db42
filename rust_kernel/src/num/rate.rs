//! A rate, and its part of an amount.

use super::{Decimal, MONEY_SCALE, Money, NumError, Rounding, multiply_divide, overflow, pow10, product};
use serde::{Deserialize, Serialize};

/// A fee or funding rate as a fraction (0.0005 = 0.05 %): a reduced decimal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rate {
    mantissa: i64,
    scale: u8,
}

impl Rate {
    /// 0
    pub const ZERO: Rate = Rate { mantissa: 0, scale: 0 };

    /// From a decimal of at most 12 places, with a magnitude of at most 1.
    ///
    /// # Errors
    /// [`NumError::Inexact`] past 12 places, [`NumError::Overflow`] past 1.
    pub fn from_decimal(value: Decimal) -> Result<Rate, NumError> {
        let mantissa = value.at_scale(12)?;
        if mantissa.unsigned_abs() > 1_000_000_000_000 {
            return Err(NumError::Overflow);
        }
        let reduced = Decimal::normalized(mantissa, 12)?;
        let mantissa = i64::try_from(reduced.mantissa()).map_err(|_| NumError::Overflow)?;
        Ok(Rate { mantissa, scale: reduced.scale() })
    }

    /// True where a stored rate is one that [`Rate::from_decimal`] gives.
    pub(crate) fn is_sound(self) -> bool {
        let decimal = Decimal::new(i128::from(self.mantissa), self.scale);
        decimal.and_then(Rate::from_decimal) == Ok(self)
    }

    /// As a decimal.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(i128::from(self.mantissa), self.scale).unwrap_or(Decimal::ZERO)
    }

    /// `amount × rate`, rounded to `decimals` places: one division.
    #[inline(always)] // one place asks for it with every fill
    pub fn of(self, amount: Money, decimals: u8, rounding: Rounding) -> Money {
        let places = MONEY_SCALE.saturating_sub(decimals);
        let divisor = pow10(self.scale.saturating_add(places));
        let unit = pow10(places);
        match (divisor, unit) {
            (Some(divisor), Some(unit)) => {
                let units = multiply_divide(amount.0, i128::from(self.mantissa), divisor, rounding);
                match units.and_then(|units| product(units, unit)) {
                    Some(value) => Money(value),
                    None => overflow(),
                }
            }
            _ => overflow(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_rate_is_a_reduced_fraction_of_at_most_one() {
        for (mantissa, scale, sound) in [
            (0, 0, true),
            (1, 0, true),
            (-1, 0, true),
            (5, 4, true),
            (2, 0, false),
            (10, 1, false),
            (50, 5, false),
            (1, 12, true),
            (1, 13, false),
            (1, 200, false),
            (i64::MAX, 0, false),
            (i64::MIN, 12, false),
        ] {
            assert_eq!(Rate { mantissa, scale }.is_sound(), sound, "{mantissa} at {scale}");
        }
    }
}
