//! What a run's money and prices did over time, kept in little memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dita_play::{EquityCurve as Equity, EquityRow, Fall, PriceCurve as Prices};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::Error;
use crate::number;

/// Time, K, E and equity.
type Point<'py> = (i64, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);
/// Amount, peak, its time, the trough's time, and when it had recovered.
type Drawdown<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, i64, i64, Option<i64>);

fn check_points(points_max: usize) -> PyResult<()> {
    if points_max < 4 {
        return Err(PyValueError::new_err(format!("points_max must be 4 or more, not {points_max}")));
    }
    Ok(())
}

/// Takes the account at every moment; keeps few points, each day's close, and the deepest fall, exactly.
#[pyclass(frozen, module = "dita._kernel")]
pub struct EquityCurve {
    core: Mutex<Equity>,
}

impl From<Equity> for EquityCurve {
    fn from(core: Equity) -> EquityCurve {
        EquityCurve { core: Mutex::new(core) }
    }
}

impl EquityCurve {
    fn core(&self) -> MutexGuard<'_, Equity> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drawdown(py: Python<'_>, fall: Option<Fall>) -> PyResult<Option<Drawdown<'_>>> {
    let Some(fall) = fall else { return Ok(None) };
    let (amount, peak) = (number::get_money(py, fall.amount)?, number::get_money(py, fall.peak)?);
    Ok(Some((amount, peak, fall.peak_time_ns, fall.trough_time_ns, fall.recovered_time_ns)))
}

#[pymethods]
impl EquityCurve {
    #[new]
    #[pyo3(signature = (points_max=10_000))]
    fn new(points_max: usize) -> PyResult<EquityCurve> {
        check_points(points_max)?;
        Ok(EquityCurve::from(Equity::new(points_max)))
    }

    /// Records the account; `ValueError` where the time is before the last one.
    fn add(
        &self,
        time_ns: i64,
        k: &Bound<'_, PyAny>,
        e: &Bound<'_, PyAny>,
        equity: &Bound<'_, PyAny>,
    ) -> Result<(), Error> {
        let e = if e.is_none() { None } else { Some(number::read_money(e, "e")?) };
        let row = EquityRow {
            time_ns,
            k: number::read_money(k, "k")?,
            e,
            equity: number::read_money(equity, "equity")?,
        };
        let before =
            |last_ns| PyValueError::new_err(format!("time_ns {time_ns} is before the last one, {last_ns}"));
        Ok(self.core().add(row).map_err(before)?)
    }

    /// What is kept, oldest first: time, K, E, equity.
    fn points<'py>(&self, py: Python<'py>) -> PyResult<Vec<Point<'py>>> {
        let rows = self.core().points();
        let point = |row: EquityRow| {
            let e = row.e.map(|e| number::get_money(py, e)).transpose()?;
            let e = e.unwrap_or_else(|| py.None().into_bound(py));
            Ok((row.time_ns, number::get_money(py, row.k)?, e, number::get_money(py, row.equity)?))
        };
        rows.into_iter().map(point).collect()
    }

    /// Each UTC day's start and the equity at its end.
    fn daily<'py>(&self, py: Python<'py>) -> PyResult<Vec<(i64, Bound<'py, PyAny>)>> {
        let days = self.core().daily();
        days.into_iter().map(|(day_ns, equity)| Ok((day_ns, number::get_money(py, equity)?))).collect()
    }

    /// The starts of the UTC days on which nothing was recorded after the first row.
    fn quiet_days(&self) -> Vec<i64> {
        self.core().quiet_days()
    }

    /// The deepest fall as a fraction of its peak: amount, peak, its time, the trough's time, the time of recovery.
    fn drawdown<'py>(&self, py: Python<'py>) -> PyResult<Option<Drawdown<'py>>> {
        let fall = self.core().drawdown();
        drawdown(py, fall)
    }

    /// The deepest fall in money.
    fn drawdown_by_amount<'py>(&self, py: Python<'py>) -> PyResult<Option<Drawdown<'py>>> {
        let fall = self.core().drawdown_by_amount();
        drawdown(py, fall)
    }

    /// The longest time from a peak until it was reached again, or until the last row.
    #[getter]
    fn longest_below_peak_ns(&self) -> i64 {
        self.core().longest_below_peak_ns()
    }

    /// How long each stretch is of which four points are kept.
    #[getter]
    fn width_ns(&self) -> i64 {
        self.core().width_ns()
    }
}

/// A symbol's prices for a chart, thinned as equity is.
#[pyclass(frozen, module = "dita._kernel")]
pub struct PriceCurve {
    core: Mutex<Prices>,
}

#[pymethods]
impl PriceCurve {
    #[new]
    #[pyo3(signature = (points_max=10_000))]
    fn new(points_max: usize) -> PyResult<PriceCurve> {
        check_points(points_max)?;
        Ok(PriceCurve { core: Mutex::new(Prices::new(points_max)) })
    }

    /// Records a price, not before the one before it.
    fn add(&self, time_ns: i64, price: &Bound<'_, PyAny>) -> Result<(), Error> {
        let price = number::read(price, "price")?;
        self.core.lock().unwrap_or_else(PoisonError::into_inner).add(time_ns, price);
        Ok(())
    }

    /// Time and price of what is kept, oldest first.
    fn points<'py>(&self, py: Python<'py>) -> PyResult<Vec<(i64, Bound<'py, PyAny>)>> {
        let points = self.core.lock().unwrap_or_else(PoisonError::into_inner).points();
        points.into_iter().map(|(at_ns, price)| Ok((at_ns, number::get(py, price)?))).collect()
    }
}
