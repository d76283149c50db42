//! `TradeSlot`: one slot at one moment.

#[cfg(test)]
mod tests;
mod view;

use dita_engine::{SlotView, json};
use dita_kernel::num::Decimal;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::Error;
use crate::order::VenueOrder;
use crate::{exit_spec, names, number, record, text, time};
use view::{NAMES, read};

/// One slot at one moment, frozen: methods that change something return the changed copy.
#[pyclass(frozen, module = "dita._kernel")]
pub struct TradeSlot {
    view: SlotView,
}

impl From<SlotView> for TradeSlot {
    #[inline]
    fn from(view: SlotView) -> TradeSlot {
        TradeSlot { view }
    }
}

impl TradeSlot {
    /// The plain data.
    #[inline]
    pub fn view(&self) -> &SlotView {
        &self.view
    }
}

#[pymethods]
impl TradeSlot {
    #[new]
    #[pyo3(
        signature = (**fields),
        text_signature = "(*, slot_id, trade_id='', asset='', side='FLAT', entry_price=None, size=0, \
            initial_size=None, leverage=None, entry_time=None, unrealized_pnl=0, realized_pnl=0, closed=None, \
            exit_leg_ratios=(), active_leg_index=0, active_entry_order=None, active_exit_order=None, \
            exit_orders=(), fsm_state=None, close_reason='', last_event_time=None, metadata=None, fees_paid=0, \
            funding_net=0, unprotected=False, cost=None, contract_multiplier=1, inverse=False, \
            owner='', seen_event_ids=(), exits=())"
    )]
    fn new(fields: Option<&Bound<'_, PyDict>>) -> Result<TradeSlot, Error> {
        match fields {
            Some(fields) => read(fields).map(TradeSlot::from),
            None => Err(Error::missing("slot_id")),
        }
    }

    /// A slot from what `to_dict` gave.
    #[staticmethod]
    fn from_dict(fields: &Bound<'_, PyAny>) -> Result<TradeSlot, Error> {
        read(&record::items(fields, "fields")?).map(TradeSlot::from)
    }

    /// The slot.
    #[getter]
    fn slot_id(&self) -> u32 {
        self.view.slot_id
    }

    /// The trade; empty when the slot was never used.
    #[getter]
    fn trade_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.trade_id)
    }

    /// Whose trade it is; empty when nobody's.
    #[getter]
    fn owner<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.owner)
    }

    /// The venue's ids of the fills booked for the trade's entry order, and for the exit orders that the slot still names.
    #[getter]
    fn seen_event_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.view.seen_event_ids.iter().map(|id| text::get_id(py, id)))
    }

    /// The exits that are attached to the trade, but those that the strategy has canceled.
    #[getter]
    fn exits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        exit_spec::get_all(py, &self.view.exits)
    }

    /// The instrument.
    #[getter]
    fn asset<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.asset)
    }

    /// The position's side.
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.side)
    }

    /// The entry fills' average price; absent before the first.
    #[getter]
    fn entry_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.view.entry_price)
    }

    /// What is open, in base units or contracts.
    #[getter]
    fn size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.view.size)
    }

    /// What was filled on entry, net of busts.
    #[getter]
    fn initial_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.view.initial_size)
    }

    /// The leverage at the venue, where it is known.
    #[getter]
    fn leverage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.view.leverage)
    }

    /// The first entry fill's time. Aware UTC `datetime`, truncated to microseconds.
    #[getter]
    fn entry_time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get_optional(py, self.view.entry_time_ns)
    }

    /// The first entry fill's time. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn entry_time_ns(&self) -> Option<i64> {
        self.view.entry_time_ns
    }

    /// Profit or loss of what is open, at the last mark, in the settlement asset.
    #[getter]
    fn unrealized_pnl<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_money(py, self.view.unrealized_pnl)
    }

    /// Profit or loss of what was closed, before fees and funding, in the settlement asset.
    #[getter]
    fn realized_pnl<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_money(py, self.view.realized_pnl)
    }

    /// True when the trade is over.
    #[getter]
    fn closed(&self) -> bool {
        self.view.closed
    }

    /// Parts of the position for the exit ladder, as `decimal.Decimal`; they sum to 1.
    #[getter]
    fn exit_leg_ratios<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        number::get_ratios(py, &self.view.exit_leg_ratios)
    }

    /// How many of the ladder's targets are met.
    #[getter]
    fn active_leg_index(&self) -> u32 {
        self.view.active_leg_index
    }

    /// The entry order: a VenueOrder or `None`.
    #[getter]
    fn active_entry_order(&self) -> Option<VenueOrder> {
        self.view.active_entry_order.clone().map(VenueOrder::from)
    }

    /// The newest exit order: a VenueOrder or `None`.
    #[getter]
    fn active_exit_order(&self) -> Option<VenueOrder> {
        self.view.exit_orders.last().cloned().map(VenueOrder::from)
    }

    /// The exit orders, oldest first: a tuple of VenueOrder.
    #[getter]
    fn exit_orders<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let made = self.view.exit_orders.iter().map(|order| Bound::new(py, VenueOrder::from(order.clone())));
        PyTuple::new(py, made.collect::<PyResult<Vec<_>>>()?)
    }

    /// The slot's stage.
    #[getter]
    fn fsm_state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.fsm_state)
    }

    /// Why the trade ended; empty while it has not.
    #[getter]
    fn close_reason<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.close_reason)
    }

    /// The kernel's time of the last input that concerned the slot. Aware UTC `datetime`, truncated to microseconds.
    #[getter]
    fn last_event_time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get_optional(py, self.view.last_event_time_ns)
    }

    /// The kernel's time of the last input that concerned the slot. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn last_event_time_ns(&self) -> Option<i64> {
        self.view.last_event_time_ns
    }

    /// The entry intent's metadata as canonical JSON; empty when none.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text::get_json(py, &self.view.metadata)
    }

    /// Fees charged so far, in the settlement asset.
    #[getter]
    fn fees_paid<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_money(py, self.view.fees_paid)
    }

    /// Funding so far, + when received, in the settlement asset.
    #[getter]
    fn funding_net<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_money(py, self.view.funding_net)
    }

    /// True when a protective exit failed and nothing guards the position.
    #[getter]
    fn unprotected(&self) -> bool {
        self.view.unprotected
    }

    /// What is open cost this much in the settlement asset, + for a long and - for a short (an inverse contract's the
    /// other way round): the exact basis.
    #[getter]
    fn cost<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_money(py, self.view.cost)
    }

    /// Base units per contract; for an inverse one, quote units.
    #[getter]
    fn contract_multiplier<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.view.contract_multiplier)
    }

    /// True where the contract is settled in base units.
    #[getter]
    fn inverse(&self) -> bool {
        self.view.inverse
    }

    /// True where the slot takes a new trade.
    fn is_free(&self) -> bool {
        self.view.fsm_state.is_free()
    }

    /// True where the slot holds a position.
    fn is_open(&self) -> bool {
        self.view.size.is_positive()
    }

    /// A copy valued at `price` (quote units): `unrealized_pnl` follows, rounded half-even at 1e-18.
    fn mark_price(&self, price: &Bound<'_, PyAny>) -> Result<TradeSlot, Error> {
        let mark = number::read(price, "price")?;
        let mut view = self.view.clone();
        view.unrealized_pnl = view
            .unrealized_at(mark)
            .ok_or_else(|| Error::value("price", price, "is too large for this position"))?;
        Ok(TradeSlot { view })
    }

    /// The next unmet part of the exit ladder, as a fraction of `initial_size`; 0 when all are met.
    fn next_exit_ratio<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let whole = [Decimal::ONE];
        let ratios =
            if self.view.exit_leg_ratios.is_empty() { &whole[..] } else { &self.view.exit_leg_ratios };
        let next = usize::try_from(self.view.active_leg_index).ok().and_then(|index| ratios.get(index));
        number::get(py, next.copied().unwrap_or(Decimal::ZERO))
    }

    /// A copy with one more target of the exit ladder met; unchanged when all are.
    fn consume_exit_leg(&self) -> TradeSlot {
        let mut view = self.view.clone();
        let legs = view.exit_leg_ratios.len().max(1);
        if usize::try_from(view.active_leg_index).is_ok_and(|index| index < legs) {
            view.active_leg_index += 1;
        }
        TradeSlot { view }
    }

    /// Every field by name, orders as dicts; times are int nanoseconds. `TradeSlot.from_dict` reads it back.
    fn to_dict<'py>(slf: &Bound<'py, TradeSlot>) -> PyResult<Bound<'py, PyDict>> {
        record::to_dict_of(slf.as_any(), &NAMES)
    }

    /// One JSON object with the fields of `to_dict`, decimals as text; `from_dict` reads it back once it is parsed.
    fn to_json(&self) -> String {
        json::slot(&self.view)
    }

    fn __repr__(slf: &Bound<'_, TradeSlot>) -> PyResult<String> {
        record::repr_of(slf.as_any(), &NAMES)
    }

    fn __eq__(&self, other: &TradeSlot) -> bool {
        self.view == other.view
    }

    fn __getnewargs_ex__<'py>(
        slf: &Bound<'py, TradeSlot>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        Ok((PyTuple::empty(slf.py()), record::to_dict_of(slf.as_any(), &NAMES)?))
    }
}
