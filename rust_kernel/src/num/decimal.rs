//! A decimal from outside: a mantissa of 28 digits and a scale, exact or refused.

use super::{NumError, POW10_SHORT, Rounding, divide, pow10, product};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Scale 0 to 28 as an enum, so that `Option<Decimal>` is as small as `Decimal`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[rustfmt::skip]
enum Scale {
    S0, S1, S2, S3, S4, S5, S6, S7, S8, S9, S10, S11, S12, S13, S14,
    S15, S16, S17, S18, S19, S20, S21, S22, S23, S24, S25, S26, S27, S28,
}

#[rustfmt::skip]
const SCALES: [Scale; 29] = [
    Scale::S0, Scale::S1, Scale::S2, Scale::S3, Scale::S4, Scale::S5, Scale::S6, Scale::S7, Scale::S8, Scale::S9,
    Scale::S10, Scale::S11, Scale::S12, Scale::S13, Scale::S14, Scale::S15, Scale::S16, Scale::S17, Scale::S18,
    Scale::S19, Scale::S20, Scale::S21, Scale::S22, Scale::S23, Scale::S24, Scale::S25, Scale::S26, Scale::S27,
    Scale::S28,
];

/// An exact decimal from outside: a signed 96-bit mantissa (28 digits) and a scale of 0 to 28.
#[derive(Clone, Copy)]
pub struct Decimal {
    low: u64,
    high: i32,
    scale: Scale,
}

const _: () = assert!(core::mem::size_of::<Option<Decimal>>() == 16, "Option<Decimal> must stay at 16 bytes");

impl Decimal {
    /// 0
    pub const ZERO: Decimal = Decimal { low: 0, high: 0, scale: Scale::S0 };
    /// 1
    pub const ONE: Decimal = Decimal { low: 1, high: 0, scale: Scale::S0 };

    /// `mantissa × 10^-scale`.
    ///
    /// # Errors
    /// [`NumError::Inexact`] for a scale over 28, [`NumError::Overflow`] for a mantissa over 96 bits.
    #[inline]
    pub fn new(mantissa: i128, scale: u8) -> Result<Decimal, NumError> {
        let &scale = SCALES.get(usize::from(scale)).ok_or(NumError::Inexact)?;
        let high = i32::try_from((mantissa >> 64) as i64).map_err(|_| NumError::Overflow)?;
        Ok(Decimal { low: mantissa as u64, high, scale })
    }

    /// The same value with as few digits as it needs, from a mantissa of any length.
    ///
    /// # Errors
    /// As [`Decimal::new`], after trailing zeros are gone.
    pub fn normalized(mut mantissa: i128, mut scale: u8) -> Result<Decimal, NumError> {
        while scale > 0 && mantissa.checked_rem(10) == Some(0) {
            mantissa = mantissa.checked_div(10).ok_or(NumError::Overflow)?;
            scale = scale.saturating_sub(1);
        }
        Decimal::new(mantissa, scale)
    }

    /// The signed mantissa.
    #[inline]
    pub fn mantissa(self) -> i128 {
        (i128::from(self.high) << 64) | i128::from(self.low)
    }

    /// The number of decimal places.
    #[inline]
    pub fn scale(self) -> u8 {
        self.scale as u8
    }

    /// True below zero.
    #[inline]
    pub fn is_negative(self) -> bool {
        self.high < 0
    }

    /// True at zero.
    #[inline]
    pub fn is_zero(self) -> bool {
        self.low == 0 && self.high == 0
    }

    /// True above zero.
    #[inline]
    pub fn is_positive(self) -> bool {
        !self.is_negative() && !self.is_zero()
    }

    /// The mantissa at `scale`, when that loses nothing.
    ///
    /// # Errors
    /// [`NumError::Inexact`] where digits would be lost, [`NumError::Overflow`] where it does not fit.
    #[inline]
    pub fn at_scale(self, scale: u8) -> Result<i128, NumError> {
        if scale == self.scale() {
            return Ok(self.mantissa());
        }
        if scale < self.scale() {
            return self.at_coarser_scale(scale);
        }
        let exponent = scale.wrapping_sub(self.scale());
        match POW10_SHORT.get(usize::from(exponent)) {
            // Not negative, one word, and times 1e18 at most: one multiplication, which always fits.
            Some(factor) if self.high == 0 => {
                Ok(u128::from(self.low).wrapping_mul(u128::from(*factor)) as i128)
            }
            _ => self.at_much_finer_scale(exponent),
        }
    }

    #[inline(never)]
    fn at_much_finer_scale(self, exponent: u8) -> Result<i128, NumError> {
        let factor = pow10(exponent).ok_or(NumError::Overflow)?;
        product(self.mantissa(), factor).ok_or(NumError::Overflow)
    }

    #[cold]
    fn at_coarser_scale(self, scale: u8) -> Result<i128, NumError> {
        let divisor = pow10(self.scale().wrapping_sub(scale)).ok_or(NumError::Overflow)?;
        let mantissa = self.mantissa();
        match (mantissa.checked_rem(divisor), mantissa.checked_div(divisor)) {
            (Some(0), Some(quotient)) => Ok(quotient),
            _ => Err(NumError::Inexact),
        }
    }

    /// The mantissa at `scale`, rounded as told.
    ///
    /// # Errors
    /// [`NumError::Overflow`] where it does not fit.
    #[inline(always)] // nearly always a multiplication, and a call would cost as much
    pub fn at_scale_rounded(self, scale: u8, rounding: Rounding) -> Result<i128, NumError> {
        if scale >= self.scale() { self.at_scale(scale) } else { self.rounded_to_scale(scale, rounding) }
    }

    #[cold]
    #[inline(never)]
    fn rounded_to_scale(self, scale: u8, rounding: Rounding) -> Result<i128, NumError> {
        let divisor = pow10(self.scale().wrapping_sub(scale)).ok_or(NumError::Overflow)?;
        divide(self.mantissa(), divisor, rounding).ok_or(NumError::Overflow)
    }

    /// Reads `[+-]digits[.digits][e[+-]digits]`.
    ///
    /// # Errors
    /// [`NumError::NotANumber`] for anything else (NaN and infinities too); [`NumError::Inexact`] or
    /// [`NumError::Overflow`] where 28 digits do not hold it.
    pub fn parse(text: &str) -> Result<Decimal, NumError> {
        let bytes = text.trim().as_bytes();
        let (negative, digits) = match bytes.split_first() {
            Some((b'-', rest)) => (true, rest),
            Some((b'+', rest)) => (false, rest),
            _ => (false, bytes),
        };
        let mut mantissa: i128 = 0;
        let mut places: i32 = 0;
        let mut seen_digit = false;
        let mut seen_point = false;
        let mut exponent: i32 = 0;
        let mut rest = digits.iter();
        while let Some(&byte) = rest.next() {
            match byte {
                b'0'..=b'9' => {
                    let digit = i128::from(byte.wrapping_sub(b'0'));
                    mantissa = product(mantissa, 10)
                        .and_then(|tenfold| tenfold.checked_add(digit))
                        .ok_or(NumError::Overflow)?;
                    seen_digit = true;
                    if seen_point {
                        places = places.saturating_add(1);
                    }
                }
                b'.' if !seen_point => seen_point = true,
                b'e' | b'E' if seen_digit => {
                    exponent = parse_exponent(rest.as_slice())?;
                    break;
                }
                _ => return Err(NumError::NotANumber),
            }
        }
        if !seen_digit {
            return Err(NumError::NotANumber);
        }
        if negative {
            mantissa = mantissa.checked_neg().ok_or(NumError::Overflow)?;
        }
        let scale = places.saturating_sub(exponent);
        if mantissa == 0 {
            return Decimal::new(0, u8::try_from(scale.clamp(0, 28)).unwrap_or(0));
        }
        if scale < 0 {
            let grow = u8::try_from(scale.saturating_neg()).map_err(|_| NumError::Overflow)?;
            let factor = pow10(grow).ok_or(NumError::Overflow)?;
            return Decimal::new(mantissa.checked_mul(factor).ok_or(NumError::Overflow)?, 0);
        }
        let scale = u8::try_from(scale).map_err(|_| NumError::Inexact)?;
        match Decimal::new(mantissa, scale) {
            Ok(value) => Ok(value),
            Err(_) => Decimal::normalized(mantissa, scale),
        }
    }
}

fn parse_exponent(bytes: &[u8]) -> Result<i32, NumError> {
    core::str::from_utf8(bytes).ok().and_then(|text| text.parse::<i32>().ok()).ok_or(NumError::NotANumber)
}

impl PartialEq for Decimal {
    /// Equal by value: 1.0 equals 1.00.
    fn eq(&self, other: &Decimal) -> bool {
        let scale = self.scale().max(other.scale());
        match (self.at_scale(scale), other.at_scale(scale)) {
            (Ok(a), Ok(b)) => a == b,
            // Aligning one of them overflows only when their magnitudes are worlds apart.
            _ => false,
        }
    }
}

impl Eq for Decimal {}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.mantissa(), self.scale(), false)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.mantissa(), self.scale()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        let (mantissa, scale) = <(i128, u8)>::deserialize(deserializer)?;
        Decimal::new(mantissa, scale).map_err(|_| serde::de::Error::custom("decimal out of range"))
    }
}

/// Writes `mantissa × 10^-scale` without exponent; with `trim`, without trailing zeros.
pub fn write_scaled(f: &mut impl fmt::Write, mantissa: i128, scale: u8, trim: bool) -> fmt::Result {
    let magnitude = mantissa.unsigned_abs();
    let unit = pow10(scale).ok_or(fmt::Error)?.unsigned_abs();
    let (whole, mut fraction) = match (magnitude.checked_div(unit), magnitude.checked_rem(unit)) {
        (Some(whole), Some(fraction)) => (whole, fraction),
        _ => return Err(fmt::Error),
    };
    if mantissa < 0 {
        f.write_char('-')?;
    }
    write!(f, "{whole}")?;
    let mut width = usize::from(scale);
    if trim {
        while width > 0 && fraction.checked_rem(10) == Some(0) {
            fraction = fraction.checked_div(10).unwrap_or(0);
            width = width.saturating_sub(1);
        }
    }
    if width > 0 {
        write!(f, ".{fraction:0width$}")?;
    }
    Ok(())
}
