//! Exact numbers: [`Decimal`] as it comes from outside, and [`Price`], [`Qty`], [`Money`], [`Rate`] inside.
//!
//! Outside, a number is a mantissa and a decimal scale. Inside, a price and a quantity are mantissas at their
//! instrument's scales, chosen so that `price × quantity × multiplier` *is* money at 1e-18: no division on the way
//! to a notional. Every rounding goes through a function whose name says its direction.

use core::fmt;
use core::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use ethnum::I256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Decimal places of [`Money`].
pub const MONEY_SCALE: u8 = 18;
/// The largest scale a [`Decimal`] can carry.
pub const DECIMAL_SCALE_MAX: u8 = 28;
/// No single price, quantity or amount that comes in may exceed this many whole units: with it, no sum the
/// kernel can reach in a lifetime of inputs overflows.
pub const UNITS_MAX: i128 = 1_000_000_000_000_000;

const POW10: [i128; 39] = {
    let mut table = [1_i128; 39];
    let mut i = 1;
    while i < 39 {
        #[allow(clippy::arithmetic_side_effects)] // compile time: an overflow would not compile
        {
            table[i] = table[i - 1] * 10;
            i += 1;
        }
    }
    table
};

/// The powers of ten that fit a word and leave room for another one in an `i128`.
const POW10_SHORT: [u64; 19] = {
    let mut table = [1_u64; 19];
    let mut i = 0;
    while i < 19 {
        table[i] = POW10[i] as u64;
        i = i.wrapping_add(1);
    }
    table
};

/// [`UNITS_MAX`] at each scale.
const LIMITS: [u128; 24] = {
    let mut table = [0_u128; 24];
    let mut i = 0;
    while i < 24 {
        #[allow(clippy::arithmetic_side_effects)] // compile time: an overflow would not compile
        {
            table[i] = (POW10[i] * UNITS_MAX) as u128;
            i += 1;
        }
    }
    table
};

/// `10^exponent`, or `None` past what an `i128` holds.
#[inline]
pub const fn pow10(exponent: u8) -> Option<i128> {
    if (exponent as usize) < POW10.len() { Some(POW10[exponent as usize]) } else { None }
}

/// Why a number cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumError {
    /// Not a number: empty, NaN, infinite, or other text.
    NotANumber,
    /// More digits than the type or the instrument can hold exactly.
    Inexact,
    /// Too large.
    Overflow,
}

/// How a division that leaves a remainder ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rounding {
    /// To the nearest, ties to the even neighbour.
    HalfEven,
    /// Toward zero.
    Down,
    /// Away from zero.
    Up,
    /// Toward minus infinity.
    Floor,
    /// Toward plus infinity.
    Ceiling,
    /// To the nearest, ties away from zero.
    HalfUp,
}

#[cold]
#[inline(never)]
fn overflow() -> ! {
    // Unreachable while `UNITS_MAX` bounds the inputs. Wrapping money would be worse than stopping: the shell
    // catches this and poisons the kernel.
    panic!("money or quantity overflow: the kernel stops rather than wrap")
}

// ------------------------------------------------------------------------------------------------ Decimal

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

// -------------------------------------------------------------------------------------------- arithmetic

/// `a × b`, or `None` past an `i128`. Two factors of 64 bits are one multiplication; else the unsigned product
/// compiles to three where the signed checked one calls a routine.
#[inline]
pub fn product(a: i128, b: i128) -> Option<i128> {
    if a == i128::from(a as i64) && b == i128::from(b as i64) {
        return Some(i128::from(a as i64).wrapping_mul(i128::from(b as i64)));
    }
    let magnitude = a.unsigned_abs().checked_mul(b.unsigned_abs())?;
    let value = i128::try_from(magnitude).ok()?;
    Some(if (a < 0) != (b < 0) { value.wrapping_neg() } else { value })
}

/// `value / divisor` with `divisor > 0`, rounded as told; `None` for a divisor of zero or less.
#[inline]
pub fn divide(value: i128, divisor: i128, rounding: Rounding) -> Option<i128> {
    if divisor <= 0 {
        return None;
    }
    let (magnitude, unit) = (value.unsigned_abs(), divisor.unsigned_abs());
    let quotient = if (magnitude | unit) >> 64 == 0 {
        u128::from((magnitude as u64).checked_div(unit as u64)?)
    } else {
        magnitude.checked_div(unit)?
    };
    let remainder = magnitude.wrapping_sub(quotient.wrapping_mul(unit));
    let negative = value < 0;
    let away = remainder != 0
        && match rounding {
            Rounding::HalfEven => match remainder.cmp(&unit.wrapping_sub(remainder)) {
                core::cmp::Ordering::Less => false,
                core::cmp::Ordering::Greater => true,
                core::cmp::Ordering::Equal => quotient & 1 == 1,
            },
            Rounding::Down => false,
            Rounding::Up => true,
            Rounding::Floor => negative,
            Rounding::Ceiling => !negative,
            Rounding::HalfUp => remainder >= unit.wrapping_sub(remainder),
        };
    let rounded = i128::try_from(quotient).ok()?.checked_add(i128::from(away))?;
    Some(if negative { rounded.wrapping_neg() } else { rounded })
}

/// `a × b / divisor`, exact in between, rounded as told.
#[inline]
pub fn multiply_divide(a: i128, b: i128, divisor: i128, rounding: Rounding) -> Option<i128> {
    match product(a, b) {
        Some(value) => divide(value, divisor, rounding),
        None => multiply_divide_wide(a, b, divisor, rounding),
    }
}

#[cold]
#[inline(never)]
fn multiply_divide_wide(a: i128, b: i128, divisor: i128, rounding: Rounding) -> Option<i128> {
    if divisor <= 0 {
        return None;
    }
    let value = I256::from(a).checked_mul(I256::from(b))?;
    let unit = I256::from(divisor);
    let quotient = value.checked_div_euclid(unit)?; // toward minus infinity, as the divisor is positive
    let remainder = value.checked_rem_euclid(unit)?.as_i128();
    let floor = i128::try_from(quotient).ok()?;
    let negative = value.is_negative();
    let up = remainder != 0
        && match rounding {
            Rounding::Floor => false,
            Rounding::Ceiling => true,
            Rounding::Down => negative,
            Rounding::Up => !negative,
            Rounding::HalfEven => match remainder.cmp(&divisor.wrapping_sub(remainder)) {
                core::cmp::Ordering::Less => false,
                core::cmp::Ordering::Greater => true,
                core::cmp::Ordering::Equal => floor & 1 == 1,
            },
            // Of a negative value's tie the floor is the one away from zero.
            Rounding::HalfUp => match remainder.cmp(&divisor.wrapping_sub(remainder)) {
                core::cmp::Ordering::Less => false,
                core::cmp::Ordering::Greater => true,
                core::cmp::Ordering::Equal => !negative,
            },
        };
    floor.checked_add(i128::from(up))
}

macro_rules! mantissa_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
        pub struct $name(pub i128);

        impl $name {
            /// Zero.
            pub const ZERO: $name = $name(0);
            /// The magnitude.
            #[inline]
            pub fn abs(self) -> $name {
                $name(self.0.wrapping_abs())
            }
            /// True at zero.
            #[inline]
            pub fn is_zero(self) -> bool {
                self.0 == 0
            }
            /// -1, 0 or 1.
            #[inline]
            pub fn signum(self) -> i128 {
                self.0.signum()
            }
        }
        impl Add for $name {
            type Output = $name;
            #[inline]
            fn add(self, other: $name) -> $name {
                match self.0.checked_add(other.0) {
                    Some(sum) => $name(sum),
                    None => overflow(),
                }
            }
        }
        impl Sub for $name {
            type Output = $name;
            #[inline]
            fn sub(self, other: $name) -> $name {
                match self.0.checked_sub(other.0) {
                    Some(difference) => $name(difference),
                    None => overflow(),
                }
            }
        }
        impl Neg for $name {
            type Output = $name;
            #[inline]
            fn neg(self) -> $name {
                match self.0.checked_neg() {
                    Some(value) => $name(value),
                    None => overflow(),
                }
            }
        }
        impl AddAssign for $name {
            #[inline]
            fn add_assign(&mut self, other: $name) {
                *self = *self + other;
            }
        }
        impl SubAssign for $name {
            #[inline]
            fn sub_assign(&mut self, other: $name) {
                *self = *self - other;
            }
        }
    };
}

mantissa_type! {
    /// A price: a mantissa at its instrument's price scale.
    Price
}
mantissa_type! {
    /// A quantity in base units or contracts: a mantissa at its instrument's quantity scale. Signed where it is
    /// a position: + long, − short.
    Qty
}
mantissa_type! {
    /// An amount of one asset at 1e-18.
    Money
}

impl Money {
    /// From a decimal, exactly.
    ///
    /// # Errors
    /// [`NumError::Inexact`] past 18 decimals, [`NumError::Overflow`] past [`UNITS_MAX`] units.
    pub fn from_decimal(value: Decimal) -> Result<Money, NumError> {
        let mantissa = value.at_scale(MONEY_SCALE)?;
        bounded(mantissa, MONEY_SCALE).map(Money)
    }

    /// As a normalised decimal mantissa and scale, for display.
    pub fn write(self, f: &mut impl fmt::Write) -> fmt::Result {
        write_scaled(f, self.0, MONEY_SCALE, true)
    }

    /// Rounded to `decimals` places.
    pub fn rounded(self, decimals: u8, rounding: Rounding) -> Money {
        let Some(unit) = MONEY_SCALE.checked_sub(decimals).and_then(pow10) else { return self };
        match divide(self.0, unit, rounding).and_then(|units| product(units, unit)) {
            Some(value) => Money(value),
            None => overflow(),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

/// A mantissa that stays within [`UNITS_MAX`] whole units at `scale`.
///
/// # Errors
/// [`NumError::Overflow`] beyond.
#[inline]
pub fn bounded(mantissa: i128, scale: u8) -> Result<i128, NumError> {
    let limit = LIMITS.get(usize::from(scale)).ok_or(NumError::Overflow)?;
    if mantissa.unsigned_abs() > *limit { Err(NumError::Overflow) } else { Ok(mantissa) }
}

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
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn dec(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or(Decimal::ZERO)
    }

    #[test]
    fn decimals_parse_exactly_or_not_at_all() {
        for (text, mantissa, scale) in [
            ("0.1", 1, 1),
            ("-0.10", -10, 2),
            ("1e-7", 1, 7),
            ("1E+3", 1000, 0),
            ("+5", 5, 0),
            (".5", 5, 1),
            ("5.", 5, 0),
            ("61800.30", 6_180_030, 2),
            ("0E-30", 0, 28),
        ] {
            let value = Decimal::parse(text);
            assert_eq!(value.map(|v| (v.mantissa(), v.scale())), Ok((mantissa, scale)), "{text}");
        }
        for text in ["", "nan", "NaN", "inf", "-Infinity", "1.2.3", "1e", "e5", "--1", "0x10", "1_000", "1,5"]
        {
            assert_eq!(Decimal::parse(text), Err(NumError::NotANumber), "{text}");
        }
        assert_eq!(Decimal::parse("1e40"), Err(NumError::Overflow));
        assert!(Decimal::parse("1e-40").is_err());
    }

    #[test]
    fn decimals_are_equal_by_value() {
        assert_eq!(dec("1.0"), dec("1.00"));
        assert_ne!(dec("1.0"), dec("1.01"));
        assert_eq!(dec("-2.50").to_string(), "-2.50");
    }

    #[test]
    fn rounding_names_its_direction() {
        use Rounding::{Ceiling, Down, Floor, HalfEven, HalfUp, Up};
        for (value, divisor, mode, want) in [
            (25, 10, HalfEven, 2),
            (35, 10, HalfEven, 4),
            (-25, 10, HalfEven, -2),
            (26, 10, HalfEven, 3),
            (29, 10, Down, 2),
            (-29, 10, Down, -2),
            (21, 10, Up, 3),
            (-21, 10, Up, -3),
            (-21, 10, Floor, -3),
            (21, 10, Floor, 2),
            (21, 10, Ceiling, 3),
            (-29, 10, Ceiling, -2),
            (25, 10, HalfUp, 3),
            (-25, 10, HalfUp, -3),
            (24, 10, HalfUp, 2),
            (-24, 10, HalfUp, -2),
            (-26, 10, HalfUp, -3),
        ] {
            assert_eq!(divide(value, divisor, mode), Some(want), "{value}/{divisor} {mode:?}");
            assert_eq!(
                multiply_divide_wide(value, 1, divisor, mode),
                Some(want),
                "wide {value}/{divisor} {mode:?}"
            );
        }
        assert_eq!(divide(1, 0, Down), None);
    }

    proptest! {
        #[test]
        fn short_ways_lead_where_the_long_one_does(
            value in any::<i128>(), drop in 0_u32..127, divisor in 1_i128..i128::MAX, shrink in 0_u32..126, zeros in 0_u8..38,
            mantissa in -(1_i128 << 95)..(1_i128 << 95), narrow in 0_u32..95, from in 0_u8..=28, to in 0_u8..=28,
        ) {
            for (value, divisor) in [(value >> drop, (divisor >> shrink).max(1)), (value >> drop, POW10[usize::from(zeros)])] {
                prop_assert_eq!(divide(value, divisor, Rounding::Down), Some(value / divisor));
                prop_assert_eq!(divide(value, divisor, Rounding::Floor), Some(value.div_euclid(divisor)));
            }
            let decimal = Decimal::new(mantissa >> narrow, from).map_err(|_| TestCaseError::fail("out of range"))?;
            if to >= from {
                let long = (mantissa >> narrow).checked_mul(POW10[usize::from(to - from)]);
                prop_assert_eq!(decimal.at_scale(to).ok(), long);
            }
        }
    }

    #[test]
    fn wide_product_survives_where_128_bits_do_not() {
        let cost = 10_i128.pow(30);
        assert_eq!(product(cost, cost), None);
        assert_eq!(multiply_divide(cost, cost, cost, Rounding::HalfEven), Some(cost));
    }

    #[test]
    fn a_rate_takes_its_part_to_the_unit() {
        let rate = Rate::from_decimal(dec("0.0005")).unwrap_or(Rate::ZERO);
        let notional = Money::from_decimal(dec("61800.30")).unwrap_or_default();
        assert_eq!(rate.of(notional, 8, Rounding::HalfEven).to_string(), "30.90015");
        let odd = Money::from_decimal(dec("0.00001")).unwrap_or_default();
        assert_eq!(rate.of(odd, 8, Rounding::Up).to_string(), "0.00000001");
        assert!(Rate::from_decimal(dec("1.1")).is_err());
    }

    #[test]
    fn amounts_beyond_the_bound_are_refused() {
        assert_eq!(Money::from_decimal(dec("1000000000000001")), Err(NumError::Overflow));
        assert!(Money::from_decimal(dec("1000000000000000")).is_ok());
        assert_eq!(Money::from_decimal(dec("0.0000000000000000001")), Err(NumError::Inexact));
    }
}
