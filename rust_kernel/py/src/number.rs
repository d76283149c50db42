//! Numbers across the border: `Decimal`, `int`, `str` and `float` in, `decimal.Decimal` out. Never a rounding.

use std::fmt::{self, Write};
use std::sync::{Mutex, PoisonError};

use dita_kernel::num::{Decimal, MONEY_SCALE, Money, NumError};
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyString, PyTuple, PyType};

use crate::errors::Error;

const WANTED: &str = "Decimal, int, str or float";

static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();

fn decimal_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    DECIMAL.import(py, "decimal", "Decimal")
}

/// Text on the stack: the longest number here has 41 characters.
struct Digits {
    bytes: [u8; 64],
    len: usize,
}

impl Digits {
    fn of(write: impl FnOnce(&mut Digits) -> fmt::Result) -> Result<Digits, fmt::Error> {
        let mut digits = Digits { bytes: [0; 64], len: 0 };
        write(&mut digits)?;
        Ok(digits)
    }

    /// A mantissa of one word.
    fn of_short(mut mantissa: u64, scale: u8) -> Digits {
        let (mut bytes, mut at, mut places) = ([0_u8; 64], 64, scale);
        loop {
            at -= 1;
            bytes[at] = b'0' + (mantissa % 10) as u8;
            mantissa /= 10;
            if places > 0 {
                places -= 1;
                if places == 0 {
                    at -= 1;
                    bytes[at] = b'.';
                    if mantissa == 0 {
                        at -= 1;
                        bytes[at] = b'0';
                    }
                }
            }
            if mantissa == 0 && places == 0 {
                break;
            }
        }
        bytes.copy_within(at.., 0);
        Digits { bytes, len: bytes.len() - at }
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// An exact number.
///
/// # Errors
/// NaN, infinities, other text, more digits than 28 hold: by field and value. Another type (`bool` too): likewise.
pub fn read(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Decimal, Error> {
    let py = value.py();
    if value.is_exact_instance_of::<PyString>() {
        return parse_str(value, field);
    }
    if value.is_exact_instance(decimal_class(py)?) {
        return parse_decimal(value, field);
    }
    if value.is_exact_instance_of::<PyInt>() {
        return parse_int(value, field);
    }
    if value.is_exact_instance_of::<PyFloat>() {
        return parse_float(value, field);
    }
    read_subclass(value, field)
}

#[cold]
fn read_subclass(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Decimal, Error> {
    if value.is_instance_of::<PyBool>() {
        Err(Error::wrong_type(field, value, WANTED))
    } else if value.is_instance_of::<PyString>() {
        parse_str(value, field)
    } else if value.is_instance(decimal_class(value.py())?)? {
        parse_decimal(value, field)
    } else if value.is_instance_of::<PyInt>() {
        parse_int(value, field)
    } else if value.is_instance_of::<PyFloat>() {
        parse_float(value, field)
    } else {
        Err(Error::wrong_type(field, value, WANTED))
    }
}

#[inline]
fn parse_str(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Decimal, Error> {
    let text = value.cast::<PyString>().map_err(PyErr::from)?;
    // Text that is not UTF-8 (lone surrogates) is no number either.
    parse(text.to_str().unwrap_or_default(), value, field)
}

#[inline]
fn parse_decimal(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Decimal, Error> {
    let text = value.str()?;
    parse(text.to_str()?, value, field)
}

#[inline]
fn parse_int(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Decimal, Error> {
    let whole = match value.extract::<i64>() {
        Ok(small) => i128::from(small),
        Err(_) => value.extract::<i128>().map_err(|error| too_large_or(error, value, field))?,
    };
    Decimal::new(whole, 0).map_err(|why| refused(why, value, field))
}

#[cold]
fn too_large_or(error: PyErr, value: &Bound<'_, PyAny>, field: &'static str) -> Error {
    if error.is_instance_of::<PyOverflowError>(value.py()) {
        refused(NumError::Overflow, value, field)
    } else {
        error.into()
    }
}

#[inline]
fn parse_float(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Decimal, Error> {
    let float: f64 = value.extract()?;
    if !float.is_finite() {
        return Err(refused(NumError::NotANumber, value, field));
    }
    if let Some((mantissa, scale)) = short_decimal(float) {
        return Decimal::new(i128::from(mantissa), scale).map_err(|why| refused(why, value, field));
    }
    // Python's own text, of a plain float: subclasses print otherwise, and Rust breaks ties between two shortest
    // texts the other way.
    let text = PyFloat::new(value.py(), float).repr()?;
    parse(text.to_str()?, value, field)
}

/// The shortest decimal of a float that has at most 15 digits and 9 decimal places, as nearly all prices and sizes
/// have. A decimal of at most 15 digits survives the way through a float, so no two of them name the same one:
/// when `mantissa / 10^scale` *is* the float (both are exact floats, so the division is correctly rounded), this
/// is the decimal that the shortest text would have named, at a tenth of the cost.
fn short_decimal(float: f64) -> Option<(i64, u8)> {
    const POWERS: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
    const LIMIT: f64 = 1e15;
    for (scale, power) in (0_u8..).zip(POWERS) {
        let near = float * power;
        if near.abs() > LIMIT {
            return None;
        }
        // To the nearest; a miss would only fail the comparison.
        let mantissa = (near + 0.5_f64.copysign(near)) as i64;
        if mantissa as f64 / power == float {
            return Some((mantissa, scale));
        }
    }
    None
}

#[inline]
fn parse(text: &str, value: &Bound<'_, PyAny>, field: &'static str) -> Result<Decimal, Error> {
    Decimal::parse(text).map_err(|why| refused(why, value, field))
}

#[cold]
fn refused(why: NumError, value: &Bound<'_, PyAny>, field: &'static str) -> Error {
    let why = match why {
        NumError::NotANumber => "is not a number that the kernel takes",
        NumError::Inexact => "has more digits than the kernel holds exactly (28 decimal places)",
        NumError::Overflow => "is too large (28 digits)",
    };
    Error::value(field, value, why)
}

/// As [`read`]; `None` means absent.
#[inline]
pub fn read_optional(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<Decimal>, Error> {
    if value.is_none() { Ok(None) } else { read(value, field).map(Some) }
}

/// A whole number, zero or more.
///
/// # Errors
/// Negative or too large: by field and value. Another type, `bool` included: likewise.
pub fn read_whole<T: for<'a, 'py> FromPyObject<'a, 'py>>(
    value: &Bound<'_, PyAny>,
    field: &'static str,
) -> Result<T, Error> {
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        return Err(Error::wrong_type(field, value, "int"));
    }
    value.extract::<T>().map_err(|_| Error::value(field, value, "is out of range"))
}

/// An unsigned quantity.
///
/// # Errors
/// As [`read`], and below zero.
pub fn read_size(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Decimal, Error> {
    let size = read(value, field)?;
    if size.is_negative() { Err(Error::value(field, value, "must be zero or more")) } else { Ok(size) }
}

/// A price that is known; `None` where it is not.
///
/// # Errors
/// As [`read`], and zero or below.
pub fn read_price(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<Decimal>, Error> {
    match read_optional(value, field)? {
        Some(price) if !price.is_positive() => Err(Error::value(field, value, "must be above zero")),
        price => Ok(price),
    }
}

/// An amount of money, exactly.
///
/// # Errors
/// As [`read`], and digits beyond 1e-18.
pub fn read_money(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Money, Error> {
    Money::from_decimal(read(value, field)?).map_err(|why| refused(why, value, field))
}

/// Money as a decimal.
///
/// # Errors
/// Too large for one: by field.
pub fn of_money(value: Money, field: &'static str) -> Result<Decimal, Error> {
    Decimal::normalized(value.0, MONEY_SCALE)
        .map_err(|_| Error::text_value(field, &value.to_string(), "is too large (28 digits)"))
}

/// The parts of an exit ladder: a tuple or list of numbers. `(1,)` is the default and stored as nothing.
pub fn read_ratios(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Vec<Decimal>, Error> {
    let ratios = if let Ok(tuple) = value.cast::<PyTuple>() {
        tuple.iter_borrowed().map(|part| read(&part, field)).collect::<Result<Vec<_>, _>>()?
    } else if let Ok(list) = value.cast::<PyList>() {
        list.iter().map(|part| read(&part, field)).collect::<Result<Vec<_>, _>>()?
    } else {
        return Err(Error::wrong_type(field, value, "a tuple or list of numbers"));
    };
    Ok(if ratios.as_slice() == [Decimal::ONE] { Vec::new() } else { ratios })
}

/// An exit ladder as a tuple of `decimal.Decimal`; nothing stored reads as `(1,)`.
pub fn get_ratios<'py>(py: Python<'py>, ratios: &[Decimal]) -> PyResult<Bound<'py, PyTuple>> {
    let stored = if ratios.is_empty() { &[Decimal::ONE] } else { ratios };
    let parts = stored.iter().map(|ratio| get(py, *ratio)).collect::<PyResult<Vec<_>>>()?;
    PyTuple::new(py, parts)
}

/// `decimal.Decimal`, with the digits that came in.
pub fn get(py: Python<'_>, value: Decimal) -> PyResult<Bound<'_, PyAny>> {
    let place = Lately::place(value);
    if let Some(made) = Lately::find(py, place, value) {
        return Ok(made);
    }
    let made = match u64::try_from(value.mantissa()) {
        Ok(mantissa) => from_text(py, Ok(Digits::of_short(mantissa, value.scale())))?,
        Err(_) => from_text(py, Digits::of(|digits| write!(digits, "{value}")))?,
    };
    Lately::keep(place, value, &made);
    Ok(made)
}

/// Decimals that were made lately. Prices and sizes come again and again, and a Decimal never changes: one that is found
/// here costs a fifth of a new one.
struct Lately {
    value: Decimal,
    made: Py<PyAny>,
}

/// Of two, a power; each takes 32 bytes.
const LATELY_MAX: usize = 4_096;
static LATELY: Mutex<Vec<Option<Lately>>> = Mutex::new(Vec::new());

impl Lately {
    #[inline]
    fn place(value: Decimal) -> usize {
        let mixed = (value.mantissa() as u64 ^ u64::from(value.scale())).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> (u64::BITS - LATELY_MAX.trailing_zeros())) as usize
    }

    /// No Python runs while the lock is held, so nobody ever waits for it.
    #[inline]
    fn find(py: Python<'_>, place: usize, value: Decimal) -> Option<Bound<'_, PyAny>> {
        let lately = LATELY.lock().unwrap_or_else(PoisonError::into_inner);
        let one = lately.get(place)?.as_ref()?;
        // The same digits, not only the same value: 1.0 is shown as 1.0.
        let same = one.value.scale() == value.scale() && one.value.mantissa() == value.mantissa();
        same.then(|| one.made.bind(py).clone())
    }

    fn keep(place: usize, value: Decimal, made: &Bound<'_, PyAny>) {
        let mut lately = LATELY.lock().unwrap_or_else(PoisonError::into_inner);
        if lately.is_empty() {
            lately.resize_with(LATELY_MAX, || None);
        }
        let before =
            lately.get_mut(place).and_then(|one| one.replace(Lately { value, made: made.clone().unbind() }));
        drop(lately);
        drop(before);
    }
}

/// `decimal.Decimal` or `None`.
#[inline]
pub fn get_optional(py: Python<'_>, value: Option<Decimal>) -> PyResult<Bound<'_, PyAny>> {
    match value {
        Some(value) => get(py, value),
        None => Ok(py.None().into_bound(py)),
    }
}

/// Money as `decimal.Decimal`: all its digits, no trailing zeros, no exponent.
pub fn get_money(py: Python<'_>, value: Money) -> PyResult<Bound<'_, PyAny>> {
    from_text(py, Digits::of(|digits| value.write(digits)))
}

fn from_text(py: Python<'_>, digits: Result<Digits, fmt::Error>) -> PyResult<Bound<'_, PyAny>> {
    let digits =
        digits.map_err(|fmt::Error| PyOverflowError::new_err("a number of more than 64 characters"))?;
    decimal_class(py)?.call1((digits.as_str(),))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_digits_are_those_of_the_decimal() {
        for mantissa in [0, 1, 9, 10, 100, 618_001, 1_000_000_000_000_000_001, u64::MAX] {
            for scale in 0..=28 {
                let Ok(value) = Decimal::new(i128::from(mantissa), scale) else { continue };
                assert_eq!(
                    Digits::of_short(mantissa, scale).as_str(),
                    value.to_string(),
                    "{mantissa} {scale}"
                );
            }
        }
    }
}
