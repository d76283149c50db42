//! `VenueOrder`: an order as the kernel knows it.

mod view;

use dita_engine::{OrderView, json};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::Error;
use crate::{names, number, record, text, time};
pub use view::from_value;
use view::{NAMES, amend_dict, read, without_reason};

/// An order as the kernel knows it: a frozen copy.
#[pyclass(frozen, module = "dita._kernel")]
pub struct VenueOrder {
    view: OrderView,
    /// Why the venue rejected it, ended it or refused its change: known to the event alone.
    reason: Box<str>,
}

impl From<OrderView> for VenueOrder {
    #[inline]
    fn from(view: OrderView) -> VenueOrder {
        VenueOrder { view, reason: "".into() }
    }
}

impl VenueOrder {
    /// An order as an event has left it, with the venue's reason.
    pub fn with_reason(view: OrderView, reason: &str) -> VenueOrder {
        VenueOrder { view, reason: reason.into() }
    }

    /// The plain data.
    #[inline]
    pub fn view(&self) -> &OrderView {
        &self.view
    }
}

#[pymethods]
impl VenueOrder {
    #[new]
    #[pyo3(
        signature = (**fields),
        text_signature = "(*, venue_client_id, asset, side, order_side, intended_size, internal_trade_id='', \
            slot_id=None, venue_order_id='', position_side='BOTH', filled_size=0, remaining_size=None, \
            average_fill_price=None, status='NEW', order_type='MARKET', limit_price=None, trigger_price=None, \
            time_in_force='GTC', expire_time=None, post_only=False, reduce_only=False, oco_group='', \
            triggered=False, stale=False, pending_cancel=False, pending_amend=None, valid_until=None, \
            other_venue_ids=(), intent_id='', doubt='NONE', metadata=None, owner='', trigger_by='LAST', \
            attached=False, reason='')"
    )]
    fn new(fields: Option<&Bound<'_, PyDict>>) -> Result<VenueOrder, Error> {
        let Some(fields) = fields else { return Err(Error::missing("venue_client_id")) };
        let (fields, reason) = without_reason(fields)?;
        Ok(VenueOrder { view: read(&fields)?, reason })
    }

    /// An order from what `to_dict` gave.
    #[staticmethod]
    fn from_dict(fields: &Bound<'_, PyAny>) -> Result<VenueOrder, Error> {
        if let Ok(order) = fields.cast::<VenueOrder>() {
            let order = order.get();
            return Ok(VenueOrder { view: order.view.clone(), reason: order.reason.clone() });
        }
        VenueOrder::new(Some(&record::items(fields, "fields")?))
    }

    /// The trade it belongs to.
    #[getter]
    fn internal_trade_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.internal_trade_id)
    }

    /// The slot that owns it; `None` in the unassigned book.
    #[getter]
    fn slot_id(&self) -> Option<u32> {
        self.view.slot_id
    }

    /// The venue's id, where it is known.
    #[getter]
    fn venue_order_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.venue_order_id)
    }

    /// Our id.
    #[getter]
    fn venue_client_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.venue_client_id)
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

    /// BUY or SELL.
    #[getter]
    fn order_side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.order_side)
    }

    /// The venue's position book.
    #[getter]
    fn position_side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.position_side)
    }

    /// The order's total, in base units or contracts.
    #[getter]
    fn intended_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.view.intended_size)
    }

    /// What is filled so far.
    #[getter]
    fn filled_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.view.filled_size)
    }

    /// What remains.
    #[getter]
    fn remaining_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.view.remaining_size)
    }

    /// The fills' average price, where something is filled.
    #[getter]
    fn average_fill_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.view.average_fill_price)
    }

    /// What the venue has reported, nothing else.
    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.status)
    }

    /// The order's type.
    #[getter]
    fn order_type<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.order_type)
    }

    /// The limit, where the type has one.
    #[getter]
    fn limit_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.view.limit_price)
    }

    /// The trigger, where the type has one.
    #[getter]
    fn trigger_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.view.trigger_price)
    }

    /// Which price the trigger is held against.
    #[getter]
    fn trigger_by<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.trigger_by)
    }

    /// True for an exit that was attached to its trade's entry: the kernel keeps its size and its price.
    #[getter]
    fn attached(&self) -> bool {
        self.view.attached
    }

    /// How long it lives.
    #[getter]
    fn time_in_force<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.time_in_force)
    }

    /// When a GTD order ends. Aware UTC `datetime`, truncated to microseconds.
    #[getter]
    fn expire_time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get_optional(py, self.view.expire_time_ns)
    }

    /// When a GTD order ends. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn expire_time_ns(&self) -> Option<i64> {
        self.view.expire_time_ns
    }

    /// Reject rather than take liquidity.
    #[getter]
    fn post_only(&self) -> bool {
        self.view.post_only
    }

    /// Never increase the position.
    #[getter]
    fn reduce_only(&self) -> bool {
        self.view.reduce_only
    }

    /// Which request of ours the venue has left unanswered.
    #[getter]
    fn doubt<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.view.doubt)
    }

    /// The outstanding requests by name.
    #[getter]
    fn requests<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.view.requests().collect::<Vec<_>>())
    }

    /// True while a cancel is outstanding.
    #[getter]
    fn pending_cancel(&self) -> bool {
        self.view.pending_cancel
    }

    /// The change that the venue has been asked for: `request_id size limit_price trigger_price`, or `None`.
    #[getter]
    fn pending_amend<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.view.pending_amend.as_ref().map(|amend| amend_dict(amend, py)).transpose()
    }

    /// Orders of one group cancel one another; empty where it is in none.
    #[getter]
    fn oco_group<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.oco_group)
    }

    /// True once the trigger was reached.
    #[getter]
    fn triggered(&self) -> bool {
        self.view.triggered
    }

    /// True while the connection is gone and the venue's word of it may be old.
    #[getter]
    fn stale(&self) -> bool {
        self.view.stale
    }

    /// Until when it may be sent again. Aware UTC `datetime`, truncated to microseconds.
    #[getter]
    fn valid_until<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get_optional(py, self.view.valid_until_ns)
    }

    /// Until when it may be sent again. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn valid_until_ns(&self) -> Option<i64> {
        self.view.valid_until_ns
    }

    /// Further ids of the venue for the same order: a tuple.
    #[getter]
    fn other_venue_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.view.other_venue_ids.iter().map(|id| text::get_id(py, id)))
    }

    /// The intent that asked for it.
    #[getter]
    fn intent_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.intent_id)
    }

    /// Whose trade it was sent for; empty when nobody's.
    #[getter]
    fn owner<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.view.owner)
    }

    /// The venue's reason, where `on_order` was called because the venue rejected it, ended it or refused a change;
    /// empty elsewhere.
    #[getter]
    fn reason(&self) -> &str {
        &self.reason
    }

    /// True while something remains or it is in doubt.
    fn is_live(&self) -> bool {
        self.view.is_live()
    }

    /// The caller's own data as canonical JSON; empty when none.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text::get_json(py, &self.view.metadata)
    }

    /// Every field by name; times are int nanoseconds, so that `VenueOrder.from_dict(order.to_dict()) == order`.
    fn to_dict<'py>(slf: &Bound<'py, VenueOrder>) -> PyResult<Bound<'py, PyDict>> {
        let dict = record::to_dict_of(slf.as_any(), &NAMES)?;
        let reason = &slf.get().reason;
        if !reason.is_empty() {
            dict.set_item("reason", &**reason)?;
        }
        Ok(dict)
    }

    /// One JSON object with the fields of `to_dict`, decimals as text; `from_dict` reads it back once it is parsed.
    fn to_json(&self) -> String {
        json::order_with_reason(&self.view, &self.reason)
    }

    fn __repr__(slf: &Bound<'_, VenueOrder>) -> PyResult<String> {
        record::repr_of(slf.as_any(), &[NAMES.as_slice(), &[("reason", false)]].concat())
    }

    fn __eq__(&self, other: &VenueOrder) -> bool {
        self.view == other.view && self.reason == other.reason
    }

    fn __getnewargs_ex__<'py>(
        slf: &Bound<'py, VenueOrder>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        Ok((PyTuple::empty(slf.py()), VenueOrder::to_dict(slf)?))
    }
}
