//! What the value types have in common: fields in a table, so that constructor, `replace`, `to_dict` and `repr`
//! follow one list.

use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString, PyTuple};

use crate::errors::Error;

/// Reads a Python value into a field.
pub type Read<T> = fn(&mut T, &'static str, &Bound<'_, PyAny>) -> Result<(), Error>;

/// One field of a value type: its public name and how a Python value enters it.
pub struct Field<T> {
    /// The public name.
    pub name: &'static str,
    /// True where `repr` shows it even when it has the default's value.
    pub required: bool,
    /// True where `to_dict` and `repr` give nanoseconds from `<name>_ns`, so that nothing is lost.
    pub is_time: bool,
    /// Reads a Python value into it.
    pub read: Read<T>,
}

impl<T> Field<T> {
    /// One that must be given.
    pub const fn required(name: &'static str, read: Read<T>) -> Field<T> {
        Field { name, required: true, is_time: false, read }
    }

    /// One that may be left out.
    pub const fn optional(name: &'static str, read: Read<T>) -> Field<T> {
        Field { name, required: false, is_time: false, read }
    }

    /// A time that must be given.
    pub const fn required_time(name: &'static str, read: Read<T>) -> Field<T> {
        Field { name, required: true, is_time: true, read }
    }

    /// A time that may be left out.
    pub const fn time(name: &'static str, read: Read<T>) -> Field<T> {
        Field { name, required: false, is_time: true, read }
    }
}

/// Applies keyword changes to `target`.
///
/// # Errors
/// A name that is no field, or a value that its field refuses.
pub fn apply_changes<T>(
    target: &mut T,
    fields: &[Field<T>],
    changes: &Bound<'_, PyDict>,
) -> Result<(), Error> {
    for (name, value) in changes {
        let text = name.cast::<PyString>().map_err(PyErr::from)?;
        match fields.iter().find(|field| text.to_str().is_ok_and(|text| text == field.name)) {
            Some(field) => (field.read)(target, field.name, &value)?,
            None => {
                return Err(unknown(text, &value, "field here", fields));
            }
        }
    }
    Ok(())
}

/// A name is none of the fields': the error lists those that there are.
#[cold]
pub fn unknown<T>(
    name: &Bound<'_, PyString>,
    value: &Bound<'_, PyAny>,
    what: &str,
    fields: &[Field<T>],
) -> Error {
    let mut known: Vec<&str> = fields.iter().map(|field| field.name).collect();
    known.sort_unstable();
    let why = format!("is no {what}; there are {}", known.join(", "));
    Error::value(name.to_string_lossy().into_owned(), value, &why)
}

/// Reads a mapping's items into `target`. Every required field must be there.
///
/// # Errors
/// No mapping, a missing or unknown key, or a value that its field refuses.
pub fn read_mapping<T>(
    target: &mut T,
    fields: &[Field<T>],
    value: &Bound<'_, PyAny>,
    name: &str,
) -> Result<(), Error> {
    let items = items(value, name)?;
    check_required(fields, &items)?;
    apply_changes(target, fields, &items)
}

/// As [`read_mapping`], of a mapping inside of another: errors name the way to it.
///
/// # Errors
/// The same.
pub fn read_nested<T>(
    target: &mut T,
    fields: &[Field<T>],
    value: &Bound<'_, PyAny>,
    place: &str,
) -> Result<(), Error> {
    let items = items(value, place)?;
    let read = check_required(fields, &items).and_then(|()| apply_changes(target, fields, &items));
    read.map_err(|error| error.within(&format!("{place}.")))
}

/// A mapping's items.
///
/// # Errors
/// It is none.
pub fn items<'py>(value: &Bound<'py, PyAny>, name: &str) -> Result<Bound<'py, PyDict>, Error> {
    let Ok(mapping) = value.cast::<PyMapping>() else {
        return Err(Error::wrong_type(name.to_owned(), value, "a mapping"));
    };
    let items = PyDict::new(value.py());
    items.update(mapping)?;
    Ok(items)
}

/// Every required field must be there.
///
/// # Errors
/// The first one that is missing.
pub fn check_required<T>(fields: &[Field<T>], given: &Bound<'_, PyDict>) -> Result<(), Error> {
    for field in fields.iter().filter(|field| field.required) {
        if !given.contains(field.name)? {
            return Err(Error::missing(field.name));
        }
    }
    Ok(())
}

/// The names of a constructor's fields, for `to_dict` and `repr`.
pub const fn shown_names<T, const N: usize>(fields: &[Field<T>; N]) -> [Shown; N] {
    let mut names = [("", false); N];
    let mut at = 0;
    while at < N {
        names[at] = (fields[at].name, fields[at].is_time);
        at += 1;
    }
    names
}

/// A field's value as `to_dict` gives it: nanoseconds for a time, else the attribute.
fn plain<'py>(record: &Bound<'py, PyAny>, name: &str, is_time: bool) -> PyResult<Bound<'py, PyAny>> {
    if is_time { record.getattr(format!("{name}_ns").as_str()) } else { record.getattr(name) }
}

/// Every field by name. Times are int nanoseconds, so that `Class(**record.to_dict()) == record`.
pub fn to_dict<'py, T>(record: &Bound<'py, PyAny>, fields: &[Field<T>]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(record.py());
    for field in fields {
        dict.set_item(field.name, plain(record, field.name, field.is_time)?)?;
    }
    Ok(dict)
}

/// `Class(name=value, ...)` with the fields that differ from `default`'s.
pub fn repr<T, C: PyTypeInfo>(
    record: &Bound<'_, C>,
    fields: &[Field<T>],
    default: &Bound<'_, C>,
) -> PyResult<String> {
    let mut text = String::from(record.as_any().get_type().name()?.to_str()?);
    text.push('(');
    let mut separator = "";
    for field in fields {
        let value = plain(record.as_any(), field.name, field.is_time)?;
        if !field.required && value.eq(plain(default.as_any(), field.name, field.is_time)?)? {
            continue;
        }
        text.push_str(separator);
        separator = ", ";
        text.push_str(field.name);
        text.push('=');
        text.push_str(&shown(&value)?);
    }
    text.push(')');
    Ok(text)
}

/// A value as `repr` shows it: an enumeration's member as its plain name.
pub fn shown(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_instance_of::<PyString>() {
        return Ok(PyString::new(value.py(), &value.str()?.to_string_lossy()).repr()?.to_string());
    }
    Ok(value.repr()?.to_string())
}

/// A read-only field: its name, and whether it is a time.
pub type Shown = (&'static str, bool);

/// Every named field; times are int nanoseconds, and what has a `to_dict` of its own is a dict too.
pub fn to_dict_of<'py>(record: &Bound<'py, PyAny>, names: &[Shown]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(record.py());
    for &(name, is_time) in names {
        dict.set_item(name, nested(plain(record, name, is_time)?)?)?;
    }
    Ok(dict)
}

fn nested(value: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    if let Ok(tuple) = value.cast::<PyTuple>() {
        let parts = tuple.iter().map(nested).collect::<PyResult<Vec<_>>>()?;
        return Ok(PyTuple::new(value.py(), parts)?.into_any());
    }
    match value.getattr_opt("to_dict")? {
        Some(to_dict) => to_dict.call0(),
        None => Ok(value),
    }
}

/// `Class(name=value, ...)` of the named fields that say something.
pub fn repr_of(record: &Bound<'_, PyAny>, names: &[Shown]) -> PyResult<String> {
    let mut text = String::from(record.get_type().name()?.to_str()?);
    text.push('(');
    let mut separator = "";
    for &(name, is_time) in names {
        let value = plain(record, name, is_time)?;
        // Zero says something; nothing, empty text and empty collections do not.
        let is_empty = value.is_none() || value.len().is_ok_and(|len| len == 0);
        if is_empty {
            continue;
        }
        text.push_str(separator);
        separator = ", ";
        text.push_str(name);
        text.push('=');
        text.push_str(&shown(&value)?);
    }
    text.push(')');
    Ok(text)
}
