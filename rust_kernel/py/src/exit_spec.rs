//! `ExitSpec`: an exit that an ENTER brings along.

use dita_kernel::attached::check_spec_alone;
use dita_kernel::input::ExitSpec as Core;
use dita_kernel::names::{ExitKind, TriggerBy};
use dita_kernel::num::Decimal;
use dita_kernel::outcome::Detail;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::errors::Error;
use crate::record::{self, Field};
use crate::{names, number};

/// An exit that is sent at its trade's first fill, and sized with its fills; frozen.
#[pyclass(frozen, module = "dita._kernel")]
#[derive(Clone)]
pub struct ExitSpec {
    inner: Core,
}

/// Every field in the constructor's order.
#[rustfmt::skip]
const FIELDS: [Field<Core>; 6] = [
    Field::required("kind", |s, n, v| { s.kind = names::read(v, n)?; Ok(()) }),
    Field::optional("trigger_price", |s, n, v| { s.trigger_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("offset", |s, n, v| { s.offset = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("limit_price", |s, n, v| { s.limit_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("ratio", |s, n, v| { s.ratio = number::read(v, n)?; Ok(()) }),
    Field::optional("trigger_by", |s, n, v| { s.trigger_by = names::read(v, n)?; Ok(()) }),
];

/// What optional fields hold when they are left out.
fn blank() -> Core {
    Core {
        kind: ExitKind::Stop,
        trigger_price: None,
        offset: None,
        limit_price: None,
        ratio: Decimal::ONE,
        trigger_by: TriggerBy::Last,
    }
}

/// What contradicts itself is refused where it is written.
fn checked(inner: Core) -> Result<ExitSpec, Error> {
    let Err(refusal) = check_spec_alone(&inner) else { return Ok(ExitSpec { inner }) };
    let Detail::Field { field, value, why } = &refusal.detail else {
        return Err(Error::text_value("kind", inner.kind.name(), "is no exit"));
    };
    Err(Error::text_value(field.trim_start_matches("exits."), value, why))
}

#[pymethods]
impl ExitSpec {
    #[new]
    #[pyo3(
        signature = (kind, trigger_price=None, offset=None, limit_price=None, ratio=None, trigger_by=None),
        text_signature = "(kind, trigger_price=None, offset=None, limit_price=None, ratio=1, trigger_by='LAST')"
    )]
    fn new(
        kind: &Bound<'_, PyAny>,
        trigger_price: Option<&Bound<'_, PyAny>>,
        offset: Option<&Bound<'_, PyAny>>,
        limit_price: Option<&Bound<'_, PyAny>>,
        ratio: Option<&Bound<'_, PyAny>>,
        trigger_by: Option<&Bound<'_, PyAny>>,
    ) -> Result<ExitSpec, Error> {
        let mut inner = blank();
        let given = [Some(kind), trigger_price, offset, limit_price, ratio, trigger_by];
        for (field, value) in FIELDS.iter().zip(given) {
            if let Some(value) = value {
                (field.read)(&mut inner, field.name, value)?;
            }
        }
        checked(inner)
    }

    /// What it is for.
    #[getter]
    fn kind<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.inner.kind)
    }

    /// The trigger, in quote units.
    #[getter]
    fn trigger_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.trigger_price)
    }

    /// How far from the average entry price it triggers, as a fraction of it; a TRAIL's distance from the best mark.
    #[getter]
    fn offset<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.offset)
    }

    /// STOP: the limit once it is triggered. TARGET: the limit at which it rests, without a trigger. In quote units.
    #[getter]
    fn limit_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.limit_price)
    }

    /// TARGET: the part of `initial_size` that it closes.
    #[getter]
    fn ratio<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.inner.ratio)
    }

    /// Which price the trigger is held against.
    #[getter]
    fn trigger_by<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.inner.trigger_by)
    }

    /// Every field by name: `ExitSpec(**spec.to_dict()) == spec`.
    fn to_dict<'py>(slf: &Bound<'py, ExitSpec>) -> PyResult<Bound<'py, PyDict>> {
        record::to_dict(slf.as_any(), &FIELDS)
    }

    /// A copy with some fields changed. Raises InvalidInput or InvalidType like the constructor.
    #[pyo3(signature = (**changes))]
    fn replace(&self, changes: Option<&Bound<'_, PyDict>>) -> Result<ExitSpec, Error> {
        let mut inner = self.inner.clone();
        if let Some(changes) = changes {
            record::apply_changes(&mut inner, &FIELDS, changes)?;
        }
        checked(inner)
    }

    fn __repr__(slf: &Bound<'_, ExitSpec>) -> PyResult<String> {
        record::repr(slf, &FIELDS, &Bound::new(slf.py(), ExitSpec { inner: blank() })?)
    }

    fn __eq__(&self, other: &ExitSpec) -> bool {
        self.inner == other.inner
    }

    fn __hash__(&self) -> u64 {
        // Not the numbers: 1.0 and 1.00 are equal and must hash alike.
        (self.inner.kind as u64) << 8 | self.inner.trigger_by as u64
    }

    fn __getnewargs_ex__<'py>(
        slf: &Bound<'py, ExitSpec>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        Ok((PyTuple::empty(slf.py()), record::to_dict(slf.as_any(), &FIELDS)?))
    }
}

/// A tuple or list of them; each may be a mapping.
///
/// # Errors
/// Another type, or a field that cannot be taken.
pub fn read_all(value: &Bound<'_, PyAny>, name: &'static str) -> Result<Vec<Core>, Error> {
    if value.is_none() {
        return Ok(Vec::new());
    }
    if !value.is_instance_of::<PyTuple>() && !value.is_instance_of::<PyList>() {
        return Err(Error::wrong_type(name, value, "a tuple or list of ExitSpec"));
    }
    let mut exits = Vec::new();
    for (at, one) in value.try_iter()?.enumerate() {
        let one = one?;
        if let Ok(spec) = one.cast::<ExitSpec>() {
            exits.push(spec.get().inner.clone());
            continue;
        }
        let place = format!("{name}[{at}]");
        if !one.is_instance_of::<PyDict>() {
            return Err(Error::wrong_type(place, &one, "ExitSpec"));
        }
        let mut inner = blank();
        record::read_nested(&mut inner, &FIELDS, &one, &place)?;
        exits.push(checked(inner).map_err(|error| error.within(&format!("{place}.")))?.inner);
    }
    Ok(exits)
}

/// As a tuple.
///
/// # Errors
/// What Python has against a new object.
pub fn get_all<'py>(py: Python<'py>, exits: &[Core]) -> PyResult<Bound<'py, PyTuple>> {
    let made = exits.iter().map(|inner| Bound::new(py, ExitSpec { inner: inner.clone() }));
    PyTuple::new(py, made.collect::<PyResult<Vec<_>>>()?)
}
