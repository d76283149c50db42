//! Decimals of a market file: how they are read, compared and rounded. Exact, or refused by field and value.

use std::cmp::Ordering;

use dita_kernel::num::{Decimal, NumError};

use crate::fault::Fault;

/// Longer texts are no numbers of a market.
const DECIMAL_LENGTH_MAX: usize = 64;
/// Beyond this power of ten no market has numbers.
const DECIMAL_EXPONENT_MAX: i64 = 64;
/// So many digits fit a word.
const DIGITS_SHORT: usize = 18;

/// A number that is not below zero, unrounded.
///
/// # Errors
/// It is none; by field and value.
#[inline]
pub fn read_decimal(text: &str, field: &str) -> Result<Decimal, Fault> {
    read_short(text.as_bytes()).map_or_else(|| read_long(text, field), Ok)
}

/// A number above zero, unrounded.
///
/// # Errors
/// It is none; by field and value.
#[inline]
pub fn read_price(text: &str, field: &str) -> Result<Decimal, Fault> {
    let price = read_decimal(text, field)?;
    if price.is_zero() {
        return Err(Fault::text(format!("{field}: must be above zero, got ")).value(text));
    }
    Ok(price)
}

/// Plain digits with or without a point, as nearly all files write nearly all numbers.
#[inline]
fn read_short(bytes: &[u8]) -> Option<Decimal> {
    if bytes.is_empty() || bytes.len() > DIGITS_SHORT || bytes[0] == b'.' {
        return None;
    }
    let (mut mantissa, mut places, mut seen) = (0_u64, 0_u8, 0_u8);
    for &byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            places += seen;
        } else if byte == b'.' && seen == 0 {
            seen = 1;
        } else {
            return None;
        }
    }
    if seen == 1 && places == 0 {
        return None;
    }
    Decimal::new(i128::from(mantissa), places).ok()
}

#[cold]
fn read_long(text: &str, field: &str) -> Result<Decimal, Fault> {
    let fault = |what: &str| Fault::text(format!("{field}: {what}"));
    if text.chars().count() > DECIMAL_LENGTH_MAX {
        return Err(fault("more than 64 characters for a number: ").value(text));
    }
    let no_number = || fault("expected a decimal number, got ").value(text);
    if !text.is_ascii() || text.contains(['_', ' ', '\t']) {
        return Err(no_number());
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
    let digits_of =
        |prefix: &str| unsigned.strip_prefix(prefix).filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    if matches!(unsigned.as_str(), "inf" | "infinity") || digits_of("nan").or(digits_of("snan")).is_some() {
        return Err(fault("expected a finite number, got ").value(text));
    }
    let (mantissa, exponent) = unsigned
        .split_once('e')
        .map_or((unsigned.as_str(), Some(0)), |(mantissa, exponent)| (mantissa, read_exponent(exponent)));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let points = mantissa.bytes().filter(|byte| *byte == b'.').count();
    let (Some(exponent), true) = (exponent, digits > 0 && points <= 1 && digits + points == mantissa.len())
    else {
        return Err(no_number());
    };
    if text.starts_with('-') {
        return Err(fault("must not be negative, got ").value(text));
    }
    let first = mantissa.bytes().filter(u8::is_ascii_digit).position(|byte| byte != b'0');
    let whole = mantissa.find('.').unwrap_or(mantissa.len()) as i64;
    let adjusted = first.map_or(0, |first| whole - 1 - first as i64 + exponent);
    if adjusted.abs() > DECIMAL_EXPONENT_MAX {
        return Err(fault("out of any market's range, got ").value(text));
    }
    if first.is_none() {
        let places = (digits as i64 - whole - exponent).clamp(0, 28);
        return Ok(Decimal::new(0, places as u8).unwrap_or(Decimal::ZERO));
    }
    Decimal::parse(&unsigned).map_err(|why| {
        let why = match why {
            NumError::NotANumber => "is no number that the kernel takes: ",
            NumError::Inexact => "has more digits than the kernel holds exactly (28 decimal places): ",
            NumError::Overflow => "is too large (28 digits): ",
        };
        fault(why).value(text)
    })
}

/// An exponent, as far as it matters.
fn read_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size =
        digits.trim_start_matches('0').get(..9).map_or_else(|| digits.parse().unwrap_or(0), |_| 999_999_999);
    Some(if text.starts_with('-') { -size } else { size })
}

/// Which of two numbers is greater.
#[inline]
pub fn compare(a: Decimal, b: Decimal) -> Ordering {
    if a.scale() == b.scale() {
        return a.mantissa().cmp(&b.mantissa());
    }
    let scale = a.scale().max(b.scale());
    match (a.at_scale(scale), b.at_scale(scale)) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        // Only a number worlds away from the other cannot be written at its scale.
        (Err(_), _) => a.mantissa().cmp(&0),
        (_, Err(_)) => 0.cmp(&b.mantissa()),
    }
}

/// What lies between two numbers; `None` where it does not fit.
pub fn middle(a: Decimal, b: Decimal) -> Option<Decimal> {
    let scale = a.scale().max(b.scale());
    let whole = a.at_scale(scale).ok()?.checked_add(b.at_scale(scale).ok()?)?;
    Decimal::normalized(whole.checked_mul(5)?, scale.checked_add(1)?).ok()
}

/// A sum; `None` where it does not fit.
pub fn sum(a: Decimal, b: Decimal) -> Option<Decimal> {
    let scale = a.scale().max(b.scale());
    let whole = a.at_scale(scale).ok()?.checked_add(b.at_scale(scale).ok()?)?;
    Decimal::new(whole, scale).ok()
}

/// A price on the tick grid, half to even; `None` where it is there already, or cannot be.
pub fn rounded(price: Decimal, tick: Decimal) -> Option<Decimal> {
    let scale = price.scale().max(tick.scale());
    let (at, step) = (price.at_scale(scale).ok()?, tick.at_scale(scale).ok()?);
    if step <= 0 || at % step == 0 {
        return None;
    }
    let (ticks, rest) = (at.div_euclid(step), at.rem_euclid(step));
    let up = match (rest * 2).cmp(&step) {
        Ordering::Less => 0,
        Ordering::Equal => ticks & 1,
        Ordering::Greater => 1,
    };
    Decimal::new((ticks + up) * tick.mantissa(), tick.scale()).ok()
}

/// The nearest float, for indicators.
#[inline]
pub fn float(value: Decimal) -> f64 {
    const POWERS: [f64; 23] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
        1e18, 1e19, 1e20, 1e21, 1e22,
    ];
    let mantissa = value.mantissa();
    match POWERS.get(usize::from(value.scale())) {
        // Both are exact floats: so the quotient is correctly rounded.
        Some(power) if mantissa.unsigned_abs() < 1 << 53 => mantissa as f64 / power,
        _ => value.to_string().parse().unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_digits() {
        for text in ["58710.20", "0", "0.000", "1", "123456789012345678", "1234567890123456789.125"] {
            assert_eq!(read_decimal(text, "x").map(|value| value.to_string()), Ok(text.to_owned()));
        }
        for (text, plain) in [("1E-5", "0.00001"), ("1.5e3", "1500"), ("5.", "5"), (".5", "0.5"), ("+2", "2")]
        {
            assert_eq!(
                read_decimal(text, "x").map(|value| value.to_string()),
                Ok(plain.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_named() {
        for (text, message) in [
            ("", "x: expected a decimal number, got ''"),
            ("1_0", "x: expected a decimal number, got '1_0'"),
            ("nan", "x: expected a finite number, got 'nan'"),
            ("-5", "x: must not be negative, got '-5'"),
            ("-0", "x: must not be negative, got '-0'"),
            ("1e999999999", "x: out of any market's range, got '1e999999999'"),
            ("1e", "x: expected a decimal number, got '1e'"),
        ] {
            assert_eq!(read_decimal(text, "x").map_err(|fault| fault.to_string()), Err(message.to_owned()));
        }
        let long = "9".repeat(65);
        assert!(read_decimal(&long, "x").is_err_and(|fault| fault.to_string().contains("more than 64")));
        for text in ["0", "0.00", "000", "0e5"] {
            assert!(
                read_price(text, "x").is_err_and(|fault| fault.to_string().contains("above zero")),
                "{text}"
            );
        }
    }

    #[test]
    fn prices_are_rounded_half_to_even_on_the_grid() {
        let number = |text| read_decimal(text, "x").unwrap_or(Decimal::ZERO);
        for (price, tick, on_grid) in [
            ("100.4", "1", "100"),
            ("100.5", "1", "100"),
            ("101.5", "1", "102"),
            ("100.13", "0.05", "100.15"),
            ("0.3000000000000004", "0.1", "0.3"),
        ] {
            let made = rounded(number(price), number(tick)).map(|price| price.to_string());
            assert_eq!(made.as_deref(), Some(on_grid), "{price}");
        }
        assert!(rounded(number("100.10"), number("0.1")).is_none());
    }

    #[test]
    fn a_float_is_the_nearest_one() {
        for text in ["0.1", "58710.20", "0.30000000000000004", "9007199254740993", "123456789.123456789"] {
            let parsed: f64 = text.parse().unwrap_or(f64::NAN);
            assert!(read_decimal(text, "x").is_ok_and(|value| float(value) == parsed), "{text}");
        }
    }
}
