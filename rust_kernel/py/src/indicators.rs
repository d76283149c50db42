//! `dita.indicators`: the indicators' Python faces. Floats in, floats out; nothing here is money.

use dita_indicators as core;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString};

use crate::errors::Error;

/// A finite float: of a float, an int, or what else says that it is a number. No text and no bool.
#[inline]
fn read(value: &Bound<'_, PyAny>, field: &'static str) -> Result<f64, Error> {
    let number = match value.cast_exact::<PyFloat>() {
        Ok(float) => float.value(),
        Err(_) => read_other(value, field)?,
    };
    if number.is_finite() { Ok(number) } else { Err(Error::value(field, value, "must be finite")) }
}

#[cold]
fn read_other(value: &Bound<'_, PyAny>, field: &'static str) -> Result<f64, Error> {
    if value.is_instance_of::<PyBool>() || value.is_instance_of::<PyString>() {
        return Err(Error::wrong_type(field, value, "a float"));
    }
    value.extract().map_err(|_| Error::wrong_type(field, value, "a float"))
}

fn read_length(value: &Bound<'_, PyAny>, least: usize) -> Result<usize, Error> {
    if value.is_instance_of::<PyBool>() || !value.is_instance_of::<PyInt>() {
        return Err(Error::wrong_type("length", value, "an int"));
    }
    match value.extract::<usize>() {
        Ok(length) if (least..=core::LENGTH_MAX).contains(&length) => Ok(length),
        _ => Err(Error::value("length", value, &format!("must be from {least} to {}", core::LENGTH_MAX))),
    }
}

/// What all of them have.
macro_rules! indicator {
    ($name:ident) => {
        #[pymethods]
        impl $name {
            /// How many values it has heard.
            #[getter]
            fn count(&self) -> u64 {
                self.0.count()
            }

            /// Whether it has heard enough to have a value.
            #[getter]
            fn ready(&self) -> bool {
                self.0.value().is_some()
            }

            /// Forget everything heard.
            fn reset(&mut self) {
                self.0.reset();
            }
        }
    };
    ($name:ident, length) => {
        indicator!($name);

        #[pymethods]
        impl $name {
            /// How many values it spans.
            #[getter]
            fn length(&self) -> usize {
                self.0.length()
            }

            fn __repr__(&self) -> String {
                format!("{}(length={}, count={})", stringify!($name), self.0.length(), self.0.count())
            }
        }
    };
}

/// Exponential average.
#[pyclass(module = "dita.indicators")]
pub struct Ema(core::Ema);
indicator!(Ema, length);

#[pymethods]
impl Ema {
    #[new]
    #[pyo3(signature = (length, *, seed = None), text_signature = "(length, *, seed='first')")]
    fn new(length: &Bound<'_, PyAny>, seed: Option<&Bound<'_, PyAny>>) -> Result<Ema, Error> {
        let seed = match seed {
            None => core::Seed::First,
            Some(given) => match given.extract::<&str>() {
                Ok("first") => core::Seed::First,
                Ok("mean") => core::Seed::Mean,
                _ => return Err(Error::value("seed", given, "is neither first nor mean")),
            },
        };
        Ok(Ema(core::Ema::new(read_length(length, 1)?, seed)))
    }

    /// Take a value.
    fn update(&mut self, value: &Bound<'_, PyAny>) -> Result<Option<f64>, Error> {
        Ok(self.0.update(read(value, "value")?))
    }

    /// The average.
    #[getter]
    fn value(&self) -> Option<f64> {
        self.0.value()
    }
}

/// Mean of the last values.
#[pyclass(module = "dita.indicators")]
pub struct Sma(core::Sma);
indicator!(Sma, length);

#[pymethods]
impl Sma {
    #[new]
    fn new(length: &Bound<'_, PyAny>) -> Result<Sma, Error> {
        Ok(Sma(core::Sma::new(read_length(length, 1)?)))
    }

    /// Take a value.
    fn update(&mut self, value: &Bound<'_, PyAny>) -> Result<Option<f64>, Error> {
        Ok(self.0.update(read(value, "value")?))
    }

    /// The mean.
    #[getter]
    fn value(&self) -> Option<f64> {
        self.0.value()
    }
}

/// Relative strength index.
#[pyclass(module = "dita.indicators")]
pub struct Rsi(core::Rsi);
indicator!(Rsi, length);

#[pymethods]
impl Rsi {
    #[new]
    fn new(length: &Bound<'_, PyAny>) -> Result<Rsi, Error> {
        Ok(Rsi(core::Rsi::new(read_length(length, 1)?)))
    }

    /// Take a value.
    fn update(&mut self, value: &Bound<'_, PyAny>) -> Result<Option<f64>, Error> {
        Ok(self.0.update(read(value, "value")?))
    }

    /// The index.
    #[getter]
    fn value(&self) -> Option<f64> {
        self.0.value()
    }
}

/// Standard deviation of the last values.
#[pyclass(module = "dita.indicators")]
pub struct Deviation(core::Deviation);
indicator!(Deviation, length);

#[pymethods]
impl Deviation {
    #[new]
    #[pyo3(signature = (length, *, ddof = None), text_signature = "(length, *, ddof=0)")]
    fn new(length: &Bound<'_, PyAny>, ddof: Option<&Bound<'_, PyAny>>) -> Result<Deviation, Error> {
        let ddof = match ddof {
            None => 0,
            Some(given) => match given.extract::<usize>() {
                Ok(ddof @ 0..=1) if !given.is_instance_of::<PyBool>() => ddof,
                _ => return Err(Error::value("ddof", given, "is neither 0 nor 1")),
            },
        };
        Ok(Deviation(core::Deviation::new(read_length(length, ddof + 1)?, ddof)))
    }

    /// Take a value.
    fn update(&mut self, value: &Bound<'_, PyAny>) -> Result<Option<f64>, Error> {
        Ok(self.0.update(read(value, "value")?))
    }

    /// The deviation.
    #[getter]
    fn value(&self) -> Option<f64> {
        self.0.value()
    }
}

/// Bollinger's bands.
#[pyclass(module = "dita.indicators")]
pub struct Bollinger(core::Bollinger);
indicator!(Bollinger, length);

fn of_band(band: core::Band) -> (f64, f64, f64) {
    (band.lower, band.middle, band.upper)
}

#[pymethods]
impl Bollinger {
    #[new]
    #[pyo3(signature = (length, width = None), text_signature = "(length, width=2.0)")]
    fn new(length: &Bound<'_, PyAny>, width: Option<&Bound<'_, PyAny>>) -> Result<Bollinger, Error> {
        let wide = width.map_or(Ok(2.0), |given| read(given, "width"))?;
        match width {
            Some(given) if wide <= 0.0 => Err(Error::value("width", given, "must be above zero")),
            _ => Ok(Bollinger(core::Bollinger::new(read_length(length, 1)?, wide))),
        }
    }

    /// How many deviations the bands are wide, on each side.
    #[getter]
    fn width(&self) -> f64 {
        self.0.width()
    }

    /// Take a value.
    fn update(&mut self, value: &Bound<'_, PyAny>) -> Result<Option<(f64, f64, f64)>, Error> {
        Ok(self.0.update(read(value, "value")?).map(of_band))
    }

    /// Lower band, mean, upper band.
    #[getter]
    fn value(&self) -> Option<(f64, f64, f64)> {
        self.0.value().map(of_band)
    }
}

/// Average true range.
#[pyclass(module = "dita.indicators")]
pub struct Atr(core::Atr);
indicator!(Atr, length);

#[pymethods]
impl Atr {
    #[new]
    fn new(length: &Bound<'_, PyAny>) -> Result<Atr, Error> {
        Ok(Atr(core::Atr::new(read_length(length, 1)?)))
    }

    /// Take a bar's high, low and close.
    fn update(
        &mut self,
        high: &Bound<'_, PyAny>,
        low: &Bound<'_, PyAny>,
        close: &Bound<'_, PyAny>,
    ) -> Result<Option<f64>, Error> {
        let (top, bottom) = read_range(high, low)?;
        Ok(self.0.update(top, bottom, read(close, "close")?))
    }

    /// The average.
    #[getter]
    fn value(&self) -> Option<f64> {
        self.0.value()
    }
}

#[inline]
fn read_range(high: &Bound<'_, PyAny>, low: &Bound<'_, PyAny>) -> Result<(f64, f64), Error> {
    let (top, bottom) = (read(high, "high")?, read(low, "low")?);
    if top < bottom {
        Err(Error::value("high", high, &format!("is below low {bottom}")))
    } else {
        Ok((top, bottom))
    }
}

/// Donchian's channel.
#[pyclass(module = "dita.indicators")]
pub struct Donchian(core::Donchian);
indicator!(Donchian, length);

fn of_channel(channel: core::Channel) -> (f64, f64, f64) {
    (channel.lower, channel.middle, channel.upper)
}

#[pymethods]
impl Donchian {
    #[new]
    fn new(length: &Bound<'_, PyAny>) -> Result<Donchian, Error> {
        Ok(Donchian(core::Donchian::new(read_length(length, 1)?)))
    }

    /// Take a bar's high and low.
    fn update(
        &mut self,
        high: &Bound<'_, PyAny>,
        low: &Bound<'_, PyAny>,
    ) -> Result<Option<(f64, f64, f64)>, Error> {
        let (top, bottom) = read_range(high, low)?;
        Ok(self.0.update(top, bottom).map(of_channel))
    }

    /// Lowest low, the middle, highest high.
    #[getter]
    fn value(&self) -> Option<(f64, f64, f64)> {
        self.0.value().map(of_channel)
    }
}

/// Mean price weighed by volume.
#[pyclass(module = "dita.indicators")]
pub struct Vwap(core::Vwap);
indicator!(Vwap);

#[pymethods]
impl Vwap {
    #[new]
    fn new() -> Vwap {
        Vwap(core::Vwap::new())
    }

    /// Take a price and what was traded at it.
    fn update(&mut self, price: &Bound<'_, PyAny>, volume: &Bound<'_, PyAny>) -> Result<Option<f64>, Error> {
        let (at, traded) = (read(price, "price")?, read(volume, "volume")?);
        if traded < 0.0 {
            return Err(Error::value("volume", volume, "must not be below zero"));
        }
        Ok(self.0.update(at, traded))
    }

    /// The mean.
    #[getter]
    fn value(&self) -> Option<f64> {
        self.0.value()
    }

    /// The volume so far.
    #[getter]
    fn volume(&self) -> f64 {
        self.0.volume()
    }

    fn __repr__(&self) -> String {
        format!("Vwap(count={})", self.0.count())
    }
}

/// Adds them to the module.
///
/// # Errors
/// The interpreter has no memory.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Ema>()?;
    module.add_class::<Sma>()?;
    module.add_class::<Rsi>()?;
    module.add_class::<Deviation>()?;
    module.add_class::<Bollinger>()?;
    module.add_class::<Atr>()?;
    module.add_class::<Donchian>()?;
    module.add_class::<Vwap>()
}
