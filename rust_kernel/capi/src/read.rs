//! JSON values as the core's: numbers exactly, names by the core's own lists, ids bounded. Never a rounding.

use dita_kernel::id::{ID_BYTES_MAX, Id};
use dita_kernel::input::METADATA_BYTES_MAX;
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, NumError};

use crate::parse::Value;
use crate::wrong::Wrong;

/// Reads a value into a field.
pub type Read<T> = fn(&mut T, &'static str, &Value<'_>) -> Result<(), Wrong>;

/// One field: its name, and how a value enters it.
pub struct Field<T> {
    /// The public name.
    pub name: &'static str,
    required: bool,
    read: Read<T>,
}

impl<T> Field<T> {
    /// One that must be given.
    pub const fn required(name: &'static str, read: Read<T>) -> Field<T> {
        Field { name, required: true, read }
    }

    /// One that may be left out.
    pub const fn optional(name: &'static str, read: Read<T>) -> Field<T> {
        Field { name, required: false, read }
    }
}

/// An object's fields.
pub type Fields<'a> = [(std::borrow::Cow<'a, str>, Value<'a>)];

/// The fields of what has to be an object.
///
/// # Errors
/// It is none.
pub fn object<'a>(value: &'a Value<'a>, name: &str) -> Result<&'a Fields<'a>, Wrong> {
    match value {
        Value::Object(fields) => Ok(fields),
        other => Err(Wrong::wrong_type(name, other, "an object")),
    }
}

/// The items of what has to be a list.
///
/// # Errors
/// It is none.
pub fn list<'a>(value: &'a Value<'a>, name: &str) -> Result<&'a [Value<'a>], Wrong> {
    match value {
        Value::List(items) => Ok(items),
        other => Err(Wrong::wrong_type(name, other, "a list")),
    }
}

/// Reads an object into `target`. Every required field must be there, and no other than those.
///
/// # Errors
/// A field that is missing or not known, or a value that its field refuses.
pub fn fill<T>(target: &mut T, table: &[Field<T>], given: &Fields<'_>) -> Result<(), Wrong> {
    for field in table.iter().filter(|field| field.required) {
        if !given.iter().any(|(name, _)| name == field.name) {
            return Err(Wrong::missing(field.name));
        }
    }
    for (name, value) in given {
        match table.iter().find(|field| name == field.name) {
            Some(field) => (field.read)(target, field.name, value)?,
            None => return Err(unknown(name, value, table.iter().map(|field| field.name))),
        }
    }
    Ok(())
}

/// As [`fill`], of an object inside of another: errors name the way to it.
///
/// # Errors
/// The same.
pub fn fill_within<T>(
    target: &mut T,
    table: &[Field<T>],
    value: &Value<'_>,
    place: &str,
) -> Result<(), Wrong> {
    let given = object(value, place)?;
    fill(target, table, given).map_err(|wrong| wrong.within(&format!("{place}.")))
}

/// Rows of the same fields; an error names the row.
///
/// # Errors
/// No list, or a row that cannot be read.
pub fn rows<T>(value: &Value<'_>, name: &str, table: &[Field<T>], blank: fn() -> T) -> Result<Vec<T>, Wrong> {
    let read = |(at, row): (usize, &Value<'_>)| {
        let mut one = blank();
        fill_within(&mut one, table, row, &format!("{name}[{at}]"))?;
        Ok(one)
    };
    list(value, name)?.iter().enumerate().map(read).collect()
}

/// A name that is none of those that there are.
#[cold]
pub fn unknown(name: &str, value: &Value<'_>, known: impl Iterator<Item = &'static str>) -> Wrong {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    Wrong::given(name, value, format!("is no field here; there are {}", known.join(", ")))
}

// -------------------------------------------------------------------------------------------------- numbers

/// An exact number: a JSON number, or a decimal as text.
///
/// # Errors
/// It is none, or has more digits than the kernel holds.
pub fn number(value: &Value<'_>, field: &str) -> Result<Decimal, Wrong> {
    let text = match value {
        Value::Number(text) | Value::Text(text) => &**text,
        other => return Err(Wrong::wrong_type(field, other, "a number, or a decimal as text")),
    };
    Decimal::parse(text).map_err(|why| Wrong::value(field, text, refusal(why)))
}

fn refusal(why: NumError) -> &'static str {
    match why {
        NumError::NotANumber => "is not a number that the kernel takes",
        NumError::Inexact => "has more digits than the kernel holds exactly (28 decimal places)",
        NumError::Overflow => "is too large (28 digits)",
    }
}

/// As [`number`]; `null` means absent.
///
/// # Errors
/// The same.
pub fn perhaps_number(value: &Value<'_>, field: &str) -> Result<Option<Decimal>, Wrong> {
    if *value == Value::Null { Ok(None) } else { number(value, field).map(Some) }
}

/// Zero or more.
///
/// # Errors
/// As [`number`], and below zero.
pub fn size(value: &Value<'_>, field: &str) -> Result<Decimal, Wrong> {
    match number(value, field)? {
        size if size.is_negative() => Err(Wrong::given(field, value, "must be zero or more")),
        size => Ok(size),
    }
}

/// Above zero; `null` means absent.
///
/// # Errors
/// As [`number`], and zero or below.
pub fn price(value: &Value<'_>, field: &str) -> Result<Option<Decimal>, Wrong> {
    match perhaps_number(value, field)? {
        Some(price) if !price.is_positive() => Err(Wrong::given(field, value, "must be above zero")),
        price => Ok(price),
    }
}

/// An amount of money, exactly.
///
/// # Errors
/// As [`number`], and digits beyond 1e-18.
pub fn money(value: &Value<'_>, field: &str) -> Result<Money, Wrong> {
    Money::from_decimal(number(value, field)?).map_err(|why| Wrong::given(field, value, refusal(why)))
}

/// Money as a decimal.
///
/// # Errors
/// Too large for one.
pub fn of_money(value: Money, field: &str) -> Result<Decimal, Wrong> {
    Decimal::normalized(value.0, MONEY_SCALE)
        .map_err(|_| Wrong::value(field, value.to_string(), "is too large (28 digits)"))
}

/// The parts of an exit ladder. `[1]` is the default, and stored as nothing.
///
/// # Errors
/// No list of numbers.
pub fn ratios(value: &Value<'_>, field: &str) -> Result<Vec<Decimal>, Wrong> {
    let ratios = list(value, field)?.iter().map(|part| number(part, field)).collect::<Result<Vec<_>, _>>()?;
    Ok(if ratios.as_slice() == [Decimal::ONE] { Vec::new() } else { ratios })
}

/// A whole number of a Rust type.
///
/// # Errors
/// Another value, or out of range.
pub fn whole<T: std::str::FromStr>(value: &Value<'_>, field: &str) -> Result<T, Wrong> {
    let Value::Number(text) = value else { return Err(Wrong::wrong_type(field, value, "a whole number")) };
    if !text.bytes().all(|byte| matches!(byte, b'-' | b'0'..=b'9')) {
        return Err(Wrong::given(field, value, "is no whole number"));
    }
    text.parse().map_err(|_| Wrong::given(field, value, "is out of range"))
}

/// As [`whole`]; `null` means absent.
///
/// # Errors
/// The same.
pub fn perhaps_whole<T: std::str::FromStr>(value: &Value<'_>, field: &str) -> Result<Option<T>, Wrong> {
    if *value == Value::Null { Ok(None) } else { whole(value, field).map(Some) }
}

/// A venue's own number of a message: zero or more.
///
/// # Errors
/// As [`whole`], and below zero.
pub fn sequence(value: &Value<'_>, field: &str) -> Result<Option<i64>, Wrong> {
    match perhaps_whole::<i64>(value, field)? {
        Some(below) if below < 0 => {
            Err(Wrong::given(field, value, "is not a whole number from 0 to 2^63 - 1"))
        }
        number => Ok(number),
    }
}

/// Nanoseconds since 1970-01-01 UTC.
///
/// # Errors
/// As [`whole`].
pub fn time(value: &Value<'_>, field: &str) -> Result<i64, Wrong> {
    whole(value, field)
}

/// As [`time`]; `null` means absent.
///
/// # Errors
/// The same.
pub fn perhaps_time(value: &Value<'_>, field: &str) -> Result<Option<i64>, Wrong> {
    perhaps_whole(value, field)
}

/// Milliseconds in whole nanoseconds, zero or more.
///
/// # Errors
/// As [`number`], and any other.
pub fn millis(value: &Value<'_>, field: &str) -> Result<i64, Wrong> {
    const NANOS_PER_MILLI_DIGITS: u8 = 6;
    let nanos = number(value, field)?.at_scale(NANOS_PER_MILLI_DIGITS).ok();
    nanos
        .and_then(|nanos| i64::try_from(nanos).ok())
        .filter(|nanos| *nanos >= 0)
        .ok_or_else(|| Wrong::given(field, value, "is not 0 or more milliseconds in whole nanoseconds"))
}

/// A slot's number. One that no kernel can have becomes the largest, and the kernel then says so.
///
/// # Errors
/// No whole number.
pub fn slot(value: &Value<'_>, field: &str) -> Result<u32, Wrong> {
    match whole::<i128>(value, field) {
        Ok(number) => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
        Err(wrong) => Err(wrong),
    }
}

// ---------------------------------------------------------------------------------------------------- texts

/// True or false, and nothing else.
///
/// # Errors
/// Another value.
pub fn flag(value: &Value<'_>, field: &str) -> Result<bool, Wrong> {
    match value {
        Value::Flag(flag) => Ok(*flag),
        other => Err(Wrong::wrong_type(field, other, "true or false")),
    }
}

/// A text.
///
/// # Errors
/// Another value.
pub fn text<'a>(value: &'a Value<'_>, field: &str) -> Result<&'a str, Wrong> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(Wrong::wrong_type(field, other, "a text")),
    }
}

/// An id: a text of at most 64 bytes.
///
/// # Errors
/// Longer, or another value.
pub fn id(value: &Value<'_>, field: &str) -> Result<Id, Wrong> {
    let given = text(value, field)?;
    Id::new(given).map_err(|_| Wrong::value(field, given, format!("is longer than {ID_BYTES_MAX} bytes")))
}

/// As [`id`]; `null` means empty.
///
/// # Errors
/// The same.
pub fn perhaps_id(value: &Value<'_>, field: &str) -> Result<Id, Wrong> {
    if *value == Value::Null { Ok(Id::EMPTY) } else { id(value, field) }
}

/// Several ids.
///
/// # Errors
/// No list of ids.
pub fn ids(value: &Value<'_>, field: &str) -> Result<Vec<Id>, Wrong> {
    list(value, field)?.iter().map(|one| id(one, field)).collect()
}

/// A text of at most 4,096 bytes; `null` means empty.
///
/// # Errors
/// Longer, or another value.
pub fn long_text(value: &Value<'_>, field: &str) -> Result<Box<str>, Wrong> {
    if *value == Value::Null {
        return Ok("".into());
    }
    bounded(text(value, field)?, field)
}

fn bounded(text: &str, field: &str) -> Result<Box<str>, Wrong> {
    if text.len() > METADATA_BYTES_MAX {
        return Err(Wrong::value(field, text, format!("is longer than {METADATA_BYTES_MAX} bytes")));
    }
    Ok(text.into())
}

/// An object as canonical JSON of at most 4,096 bytes; `null` and `{}` are nothing.
///
/// # Errors
/// Longer, or another value.
pub fn json(value: &Value<'_>, field: &str) -> Result<Box<str>, Wrong> {
    if *value == Value::Null {
        return Ok("".into());
    }
    if object(value, field)?.is_empty() {
        return Ok("".into());
    }
    let mut text = String::new();
    value.write_canonical(&mut text);
    bounded(&text, field)
}

/// What the venue sent: a text as it is, an object as canonical JSON.
///
/// # Errors
/// As [`long_text`] and [`json`].
pub fn payload(value: &Value<'_>, field: &str) -> Result<Box<str>, Wrong> {
    if matches!(value, Value::Text(_)) { long_text(value, field) } else { json(value, field) }
}

/// A member of one of the core's enumerations, by its name.
///
/// # Errors
/// No member's name, or another value.
pub fn name<E: Copy>(
    value: &Value<'_>,
    field: &str,
    from_name: fn(&str) -> Option<E>,
    all: impl Iterator<Item = &'static str>,
) -> Result<E, Wrong> {
    let given = text(value, field)?;
    from_name(given).ok_or_else(|| {
        let names: Vec<&str> = all.collect();
        Wrong::value(field, given, format!("is none of {}", names.join(", ")))
    })
}

/// [`name`] of an enumeration: `name!(OrderSide, value, field)`.
#[macro_export]
macro_rules! name {
    ($class:ident, $value:expr, $field:expr) => {
        $crate::read::name($value, $field, $class::from_name, $class::ALL.iter().map(|it| it.name()))
    };
}

/// The same; `null` means absent.
#[macro_export]
macro_rules! perhaps_name {
    ($class:ident, $value:expr, $field:expr) => {
        if *$value == $crate::parse::Value::Null {
            Ok(None)
        } else {
            $crate::name!($class, $value, $field).map(Some)
        }
    };
}
