//! What few venues bound of orders, across the border: the band about the mark, and counts.

use dita_kernel::input::{OrderBounds, PriceBand};
use dita_kernel::num::Decimal;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::errors::Error;
use crate::number;

/// A pair of multiples of the mark, or how far from it as a fraction of it.
pub fn read_band(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<PriceBand>, Error> {
    const WHY: &str =
        "must be a pair of multiples of the mark, from 0 to 1 and from 1 on, or a fraction below 1";
    if value.is_none() {
        return Ok(None);
    }
    let band = if value.is_instance_of::<PyTuple>() || value.is_instance_of::<PyList>() {
        if value.len()? != 2 {
            return Err(Error::value(field, value, WHY));
        }
        let end = |at: usize| -> Result<Decimal, Error> { number::read(&value.get_item(at)?, field) };
        PriceBand { low: end(0)?, high: end(1)? }
    } else {
        let part = number::read(value, field)?;
        let one = Decimal::ONE.at_scale(part.scale()).unwrap_or_default();
        let at = |mantissa: i128| Decimal::normalized(mantissa, part.scale());
        match (at(one - part.mantissa()), at(one + part.mantissa())) {
            (Ok(low), Ok(high)) if one > 0 && !part.is_negative() => PriceBand { low, high },
            _ => return Err(Error::value(field, value, WHY)),
        }
    };
    let fits = !band.low.is_negative() && at_most(band.low, Decimal::ONE) && at_most(Decimal::ONE, band.high);
    if fits { Ok(Some(band)) } else { Err(Error::value(field, value, WHY)) }
}

fn at_most(one: Decimal, other: Decimal) -> bool {
    let scale = one.scale().max(other.scale());
    matches!((one.at_scale(scale), other.at_scale(scale)), (Ok(one), Ok(other)) if one <= other)
}

/// A count of at least 1.
pub fn read_count(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<u32>, Error> {
    if value.is_none() {
        return Ok(None);
    }
    match number::read_whole(value, field)? {
        0 => Err(Error::value(field, value, "must be at least 1")),
        count => Ok(Some(count)),
    }
}

/// Low and high.
pub fn get_band(py: Python<'_>, band: Option<PriceBand>) -> PyResult<Option<Bound<'_, PyTuple>>> {
    let pair = band.map(|band| PyTuple::new(py, [number::get(py, band.low)?, number::get(py, band.high)?]));
    pair.transpose()
}

/// The bounds of a specification, to write.
pub fn of_spec(bounds: &mut Option<Box<OrderBounds>>) -> &mut OrderBounds {
    bounds.get_or_insert_default()
}
