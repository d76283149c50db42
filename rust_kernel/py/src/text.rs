//! Text across the border: ids of bounded length, free text, canonical JSON.

use dita_kernel::id::{ID_BYTES_MAX, Id, IdError};
use dita_kernel::input::METADATA_BYTES_MAX;
use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyMapping, PyString, PyTuple};

use crate::errors::Error;

/// Puts an id, text of at most 64 bytes, into its place. Into the place rather than returned: moving an id's odd
/// number of bytes through a `Result` costs more than reading it.
///
/// # Errors
/// Longer or not UTF-8: by field and value. Another type: likewise.
#[inline]
pub fn read_id(place: &mut Id, value: &Bound<'_, PyAny>, field: &'static str) -> Result<(), Error> {
    let Ok(text) = value.cast::<PyString>() else {
        return Err(Error::wrong_type(field, value, "str"));
    };
    let Ok(text) = text.to_str() else {
        return Err(not_utf8(value, field));
    };
    match Id::new(text) {
        Ok(id) => *place = id,
        Err(IdError::TooLong) => return Err(too_long(value, field, ID_BYTES_MAX)),
    }
    Ok(())
}

/// As [`read_id`]; `None` means not given.
#[inline]
pub fn read_optional_id(place: &mut Id, value: &Bound<'_, PyAny>, field: &'static str) -> Result<(), Error> {
    if value.is_none() {
        *place = Id::EMPTY;
        return Ok(());
    }
    read_id(place, value, field)
}

#[cold]
fn too_long(value: &Bound<'_, PyAny>, field: &'static str, limit: usize) -> Error {
    Error::value(field, value, &format!("is longer than {limit} bytes"))
}

#[cold]
fn not_utf8(value: &Bound<'_, PyAny>, field: &'static str) -> Error {
    Error::value(field, value, "is not valid Unicode text")
}

/// An id as `str`; `""` when not given.
#[inline]
pub fn get_id<'py>(py: Python<'py>, id: &Id) -> Bound<'py, PyString> {
    PyString::new(py, id.as_str())
}

/// A slot number. One that no kernel can have (negative, over 32 bits) becomes the largest, which the kernel then
/// answers with INVALID_SLOT_ID: a wrong slot is an outcome, not an exception.
///
/// # Errors
/// Another type, `bool` included.
#[inline]
pub fn read_slot(value: &Bound<'_, PyAny>, field: &'static str) -> Result<u32, Error> {
    if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        return Ok(value.extract::<u32>().unwrap_or(u32::MAX));
    }
    Err(Error::wrong_type(field, value, "int"))
}

/// As [`read_slot`]; `None` means not given.
pub fn read_optional_slot(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<u32>, Error> {
    if value.is_none() { Ok(None) } else { read_slot(value, field).map(Some) }
}

/// The slot that something is in; `None` means none.
///
/// # Errors
/// Negative or over 32 bits: by field and value. Another type: likewise.
pub fn read_own_slot(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<u32>, Error> {
    if value.is_none() {
        return Ok(None);
    }
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        return Err(Error::wrong_type(field, value, "int"));
    }
    match value.extract::<u32>() {
        Ok(slot_id) => Ok(Some(slot_id)),
        Err(_) => Err(Error::value(field, value, "is no slot's number")),
    }
}

/// Several ids: a list or tuple.
///
/// # Errors
/// One that is no id, or no list: by field and value.
pub fn read_ids(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Vec<Id>, Error> {
    if !value.is_instance_of::<PyList>() && !value.is_instance_of::<PyTuple>() {
        return Err(Error::wrong_type(field, value, "a tuple or list of str"));
    }
    let mut ids = Vec::new();
    for one in value.try_iter()? {
        let mut id = Id::EMPTY;
        read_id(&mut id, &one?, field)?;
        ids.push(id);
    }
    Ok(ids)
}

/// A flag. Only `True` and `False`: a truthy text here would be a mistake.
///
/// # Errors
/// Another type.
#[inline]
pub fn read_flag(value: &Bound<'_, PyAny>, field: &'static str) -> Result<bool, Error> {
    match value.cast::<PyBool>() {
        Ok(flag) => Ok(flag.is_true()),
        Err(_) => Err(Error::wrong_type(field, value, "bool")),
    }
}

/// Whole milliseconds, zero or more; `None` means not given.
///
/// # Errors
/// Negative or over 64 bits: by field and value. Another type: likewise.
pub fn read_millis(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<u64>, Error> {
    if value.is_none() {
        return Ok(None);
    }
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        return Err(Error::wrong_type(field, value, "int milliseconds"));
    }
    match value.extract::<u64>() {
        Ok(millis) => Ok(Some(millis)),
        Err(_) => Err(Error::value(field, value, "is not a whole number of milliseconds")),
    }
}

/// A venue's own number of a message, zero or more; `None` means not given.
///
/// # Errors
/// Negative or over 63 bits: by field and value. Another type: likewise.
pub fn read_sequence(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<i64>, Error> {
    if value.is_none() {
        return Ok(None);
    }
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        return Err(Error::wrong_type(field, value, "int"));
    }
    match value.extract::<i64>() {
        Ok(number) if number >= 0 => Ok(Some(number)),
        Ok(_) | Err(_) => Err(Error::value(field, value, "is not a whole number from 0 to 2^63 - 1")),
    }
}

/// Text of at most 4,096 bytes; `None` means not given.
///
/// # Errors
/// Longer, not UTF-8, or another type: by field and value.
pub fn read_text(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Box<str>, Error> {
    if value.is_none() {
        return Ok("".into());
    }
    let Ok(text) = value.cast::<PyString>() else {
        return Err(Error::wrong_type(field, value, "str"));
    };
    match text.to_str() {
        Ok(text) if text.len() > METADATA_BYTES_MAX => Err(too_long(value, field, METADATA_BYTES_MAX)),
        Ok(text) => Ok(text.into()),
        Err(_) => Err(not_utf8(value, field)),
    }
}

struct Json {
    encode: Py<PyAny>,
    decode: Py<PyAny>,
}

static JSON: PyOnceLock<Json> = PyOnceLock::new();

fn json(py: Python<'_>) -> PyResult<&'static Json> {
    JSON.get_or_try_init(py, || {
        let module = py.import("json")?;
        let options = PyDict::new(py);
        options.set_item("sort_keys", true)?;
        options.set_item("separators", (",", ":"))?;
        options.set_item("ensure_ascii", false)?;
        options.set_item("allow_nan", false)?;
        let encoder = module.getattr("JSONEncoder")?.call((), Some(&options))?;
        let decoder = module.getattr("JSONDecoder")?.call0()?;
        Ok(Json { encode: encoder.getattr("encode")?.unbind(), decode: decoder.getattr("decode")?.unbind() })
    })
}

/// A mapping as canonical JSON (sorted keys, no spaces, UTF-8), at most 4,096 bytes. `None` and `{}` are nothing.
///
/// # Errors
/// What JSON cannot say (NaN, other types), more bytes: by field and value.
pub fn read_json(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Box<str>, Error> {
    let py = value.py();
    if value.is_none() {
        return Ok("".into());
    }
    let plain = if value.is_instance_of::<PyDict>() {
        value.clone()
    } else if value.cast::<PyMapping>().is_ok() {
        py.get_type::<PyDict>().call1((value,))?
    } else {
        return Err(Error::wrong_type(field, value, "a mapping"));
    };
    if plain.len()? == 0 {
        return Ok("".into());
    }
    let encoded = match json(py)?.encode.bind(py).call1((plain,)) {
        Ok(encoded) => encoded,
        Err(error) if is_refusal(&error, py) => {
            let why = format!("cannot be written as JSON: {}", error.value(py));
            return Err(Error::value(field, value, &why));
        }
        // An interrupt or a lack of memory is not the value's fault.
        Err(error) => return Err(error.into()),
    };
    let text = encoded.cast::<PyString>().map_err(PyErr::from)?;
    match text.to_str() {
        Ok(text) if text.len() > METADATA_BYTES_MAX => Err(too_long(value, field, METADATA_BYTES_MAX)),
        Ok(text) => Ok(text.into()),
        Err(_) => Err(not_utf8(value, field)),
    }
}

fn is_refusal(error: &PyErr, py: Python<'_>) -> bool {
    error.is_instance_of::<PyTypeError>(py)
        || error.is_instance_of::<PyValueError>(py)
        || error.is_instance_of::<PyRecursionError>(py)
}

/// Canonical JSON as a new `dict`; nothing reads as `{}`.
pub fn get_json<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    if text.is_empty() {
        return Ok(PyDict::new(py).into_any());
    }
    json(py)?.decode.bind(py).call1((text,))
}

/// What the venue sent: text as it is, a mapping as canonical JSON.
///
/// # Errors
/// As [`read_text`] and [`read_json`].
pub fn read_payload(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Box<str>, Error> {
    if value.is_instance_of::<PyString>() { read_text(value, field) } else { read_json(value, field) }
}

/// A payload as it came: a JSON object as a new `dict`, other text as `str`; nothing reads as `{}`.
pub fn get_payload<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    if (text.is_empty() || text.starts_with('{'))
        && let Ok(parsed) = get_json(py, text)
    {
        return Ok(parsed);
    }
    Ok(PyString::new(py, text).into_any())
}
