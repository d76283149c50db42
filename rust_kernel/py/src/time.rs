//! Times across the border: aware `datetime` or int nanoseconds in, nanoseconds since 1970-01-01 UTC inside.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyInt, PyType};

use crate::errors::Error;

const WANTED: &str = "an aware datetime or int nanoseconds";

struct Clock {
    datetime: Py<PyType>,
    timedelta: Py<PyType>,
    epoch: Py<PyAny>,
}

static CLOCK: PyOnceLock<Clock> = PyOnceLock::new();

fn clock(py: Python<'_>) -> PyResult<&'static Clock> {
    CLOCK.get_or_try_init(py, || {
        let module = py.import("datetime")?;
        let datetime = module.getattr("datetime")?;
        let timedelta = module.getattr("timedelta")?;
        let utc = module.getattr("timezone")?.getattr("utc")?;
        Ok(Clock {
            epoch: datetime.call1((1970, 1, 1, 0, 0, 0, 0, utc))?.unbind(),
            datetime: datetime.cast_into::<PyType>()?.unbind(),
            timedelta: timedelta.cast_into::<PyType>()?.unbind(),
        })
    })
}

/// Nanoseconds since 1970-01-01 UTC.
///
/// # Errors
/// A naive datetime, a time outside of 1677 to 2262, another type: by field and value.
#[inline]
pub fn read(value: &Bound<'_, PyAny>, field: &'static str) -> Result<i64, Error> {
    if value.is_exact_instance_of::<PyInt>() {
        return read_int(value, field);
    }
    read_datetime(value, field)
}

#[inline]
fn read_int(value: &Bound<'_, PyAny>, field: &'static str) -> Result<i64, Error> {
    value.extract::<i64>().map_err(|_| out_of_range(value, field))
}

fn read_datetime(value: &Bound<'_, PyAny>, field: &'static str) -> Result<i64, Error> {
    let py = value.py();
    let clock = clock(py)?;
    if !value.is_instance(clock.datetime.bind(py))? {
        if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
            return read_int(value, field);
        }
        return Err(Error::wrong_type(field, value, WANTED));
    }
    let since = match value.sub(clock.epoch.bind(py)) {
        Ok(since) => since,
        // Python refuses the difference of a naive and an aware datetime with a TypeError.
        Err(error) if error.is_instance_of::<PyTypeError>(py) => {
            return Err(Error::value(field, value, "has no time zone: pass an aware datetime"));
        }
        Err(error) => return Err(error.into()),
    };
    // A timedelta is normalised: days, then 0 to 86,399 seconds, then 0 to 999,999 microseconds.
    let days: i64 = since.getattr(intern!(py, "days"))?.extract()?;
    let seconds: i64 = since.getattr(intern!(py, "seconds"))?.extract()?;
    let micros: i64 = since.getattr(intern!(py, "microseconds"))?.extract()?;
    let nanos = (days * 86_400 + seconds)
        .checked_mul(1_000_000_000)
        .and_then(|whole| whole.checked_add(micros * 1000));
    nanos.ok_or_else(|| out_of_range(value, field))
}

#[cold]
fn out_of_range(value: &Bound<'_, PyAny>, field: &'static str) -> Error {
    Error::value(field, value, "is outside of what 64-bit nanoseconds reach (1677 to 2262)")
}

/// As [`read`]; `None` means absent.
#[inline]
pub fn read_optional(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<i64>, Error> {
    if value.is_none() { Ok(None) } else { read(value, field).map(Some) }
}

/// An aware UTC `datetime`, truncated to its microseconds.
pub fn get(py: Python<'_>, nanos: i64) -> PyResult<Bound<'_, PyAny>> {
    let clock = clock(py)?;
    let micros = nanos.div_euclid(1000);
    let since =
        clock.timedelta.bind(py).call1((0, micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000)))?;
    clock.epoch.bind(py).add(since)
}

/// An aware UTC `datetime` or `None`.
pub fn get_optional(py: Python<'_>, nanos: Option<i64>) -> PyResult<Bound<'_, PyAny>> {
    match nanos {
        Some(nanos) => get(py, nanos),
        None => Ok(py.None().into_bound(py)),
    }
}
