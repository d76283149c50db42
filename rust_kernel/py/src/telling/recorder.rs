//! `Recorder`: what a run comes to, as Python reads it at the end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dita_engine::SlotView;
use dita_kernel::id::Id;
use dita_play::{Execution, Facts, Recorder as Core, TradeRow, Unfilled};
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::Happening;
use crate::errors::Error;
use crate::slot::TradeSlot;
use crate::{number, text};

/// Hears every change of every slot, and writes down what the run comes to.
#[pyclass(frozen, module = "dita._kernel")]
#[derive(Default)]
pub struct Recorder {
    core: Mutex<Core>,
}

fn facts(slot: &SlotView) -> Facts<'_> {
    Facts {
        trade_id: &slot.trade_id,
        owner: &slot.owner,
        asset: &slot.asset,
        side: slot.side,
        size: slot.size,
        entry_price: slot.entry_price,
        entry_time_ns: slot.entry_time_ns,
        realized: slot.realized_pnl,
        fees: slot.fees_paid,
        funding: slot.funding_net,
        close_reason: &slot.close_reason,
    }
}

impl Recorder {
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, where every figure was taken.
    fn whole(&self) -> PyResult<MutexGuard<'_, Core>> {
        let core = self.core();
        match core.overflowed() {
            true => Err(PyOverflowError::new_err("a fill's value is larger than the run's sums take")),
            false => Ok(core),
        }
    }

    /// Takes one change.
    pub fn hear(&self, happening: &Happening) {
        let Happening { change, slot, event, .. } = happening;
        self.core().hear(change, &facts(slot), event.as_deref());
    }

    /// Says that bars leave open which of a trade's orders fills first.
    pub fn mark_ambiguous(&self, trade_id: &Id) {
        self.core().mark_ambiguous(trade_id);
    }
}

/// Number, owner, instrument, side, entry and exit time, value and size of entry and exit, profit, fees, funding, reason,
/// and whether it is ambiguous.
fn row<'py>(py: Python<'py>, row: &TradeRow) -> PyResult<Bound<'py, PyTuple>> {
    let items = [
        row.number.into_pyobject(py)?.into_any(),
        text::get_id(py, &row.owner).into_any(),
        text::get_id(py, &row.asset).into_any(),
        row.side.name().into_pyobject(py)?.into_any(),
        row.entry_time_ns.into_pyobject(py)?.into_any(),
        row.exit_time_ns.into_pyobject(py)?.into_any(),
        number::get_money(py, row.entry_value)?,
        number::get(py, row.entry_size)?,
        number::get_money(py, row.exit_value)?,
        number::get(py, row.exit_size)?,
        number::get_money(py, row.realized)?,
        number::get_money(py, row.fees)?,
        number::get_money(py, row.funding)?,
        text::get_id(py, &row.reason).into_any(),
        row.ambiguous.into_pyobject(py)?.to_owned().into_any(),
    ];
    PyTuple::new(py, items)
}

fn execution<'py>(py: Python<'py>, one: &Execution) -> PyResult<Bound<'py, PyTuple>> {
    let items = [
        one.time_ns.into_pyobject(py)?.into_any(),
        text::get_id(py, &one.asset).into_any(),
        one.side.map(|side| side.name()).into_pyobject(py)?.into_any(),
        number::get(py, one.price)?,
        number::get(py, one.size)?,
        number::get_optional(py, one.fee)?,
        one.liquidity.map(|liquidity| liquidity.name()).into_pyobject(py)?.into_any(),
        one.trade.into_pyobject(py)?.into_any(),
    ];
    PyTuple::new(py, items)
}

#[pymethods]
impl Recorder {
    #[new]
    fn new() -> Recorder {
        Recorder::default()
    }

    /// Takes over the trades that run already, with what was paid for them.
    fn begin_with(&self, slots: Vec<Bound<'_, TradeSlot>>) {
        let mut core = self.core();
        for slot in &slots {
            let view = slot.get().view();
            if !view.fsm_state.is_free() && !view.size.is_zero() {
                core.begin_with(&facts(view));
            }
        }
    }

    /// Says that bars leave open which of a trade's orders fills first.
    #[pyo3(name = "mark_ambiguous")]
    fn mark(&self, trade_id: &Bound<'_, PyAny>) -> Result<(), Error> {
        let mut id = Id::EMPTY;
        text::read_id(&mut id, trade_id, "trade_id")?;
        self.mark_ambiguous(&id);
        Ok(())
    }

    /// Every trade by number: those that have ended, and those that these slots run at the end. Raises `OverflowError` where
    /// a sum does not fit.
    fn trades<'py>(
        &self,
        py: Python<'py>,
        slots: Vec<Bound<'py, TradeSlot>>,
    ) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let rows = self.whole()?.trades(slots.iter().map(|slot| facts(slot.get().view())));
        rows.iter().map(|one| row(py, one)).collect()
    }

    /// How many trades have ended.
    #[getter]
    fn ended(&self) -> usize {
        self.core().ended()
    }

    /// Every execution: time, instrument, side, price, size, fee, liquidity, and its trade's number. What the venue has not
    /// said is `None`.
    fn executions<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        self.core().executions().iter().map(|one| execution(py, one)).collect()
    }

    /// The orders that were rejected or expired: strategy, instrument, "rejected" or "expired", the venue's reason, how many,
    /// and the time of the first.
    fn unfilled<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let row = |one: &Unfilled| {
            let (owner, asset) = (text::get_id(py, &one.owner), text::get_id(py, &one.asset));
            (owner, asset, one.ended, &*one.reason, one.count, one.first_ns).into_pyobject(py)
        };
        self.core().unfilled().iter().map(row).collect()
    }

    /// How many orders were placed, filled, rejected, canceled and expired.
    #[getter]
    fn orders<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (counts, made) = (self.core().orders().clone(), PyDict::new(py));
        counts.iter().try_for_each(|(name, count)| made.set_item(name, count))?;
        Ok(made)
    }

    /// What was paid, as maker and as taker.
    #[getter]
    fn fees_by_cause<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (fees, made) = (self.whole()?.fees().clone(), PyDict::new(py));
        fees.iter().try_for_each(|(name, fee)| made.set_item(name, number::get_money(py, *fee)?))?;
        Ok(made)
    }

    /// What trades have received, by instrument: those that have ended, and those that these slots run at the end.
    fn funding_by_symbol<'py>(
        &self,
        py: Python<'py>,
        slots: Vec<Bound<'py, TradeSlot>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let funding = self.core().funding(slots.iter().map(|slot| facts(slot.get().view())));
        let made = PyDict::new(py);
        let set =
            |(symbol, sum): &(Id, _)| made.set_item(text::get_id(py, symbol), number::get_money(py, *sum)?);
        funding.iter().try_for_each(set)?;
        Ok(made)
    }

    /// Price times size of all fills.
    #[getter]
    fn turnover<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let turnover = self.whole()?.turnover();
        number::get_money(py, turnover)
    }
}
