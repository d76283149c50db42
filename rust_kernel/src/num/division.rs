//! Products and quotients of mantissas, exact in between; the remainder goes where the caller says.

use super::Rounding;
use ethnum::I256;

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
pub(super) fn multiply_divide_wide(a: i128, b: i128, divisor: i128, rounding: Rounding) -> Option<i128> {
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
