//! Exact numbers: [`Decimal`] as it comes from outside, and [`Price`], [`Qty`], [`Money`], [`Rate`] inside.
//!
//! Outside, a number is a mantissa and a decimal scale. Inside, a price and a quantity are mantissas at their
//! instrument's scales, chosen so that `price × quantity × multiplier` *is* money at 1e-18: no division on the way
//! to a notional. Every rounding goes through a function whose name says its direction.

mod decimal;
mod division;
mod rate;
#[cfg(test)]
mod tests;

use core::fmt;
use core::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use serde::{Deserialize, Serialize};

pub use decimal::{Decimal, write_scaled};
pub use division::{divide, multiply_divide, product};
pub use rate::Rate;

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
