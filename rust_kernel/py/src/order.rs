//! `VenueOrder`: an order as the kernel knows it.

use dita_kernel::id::Id;
use dita_kernel::names::{
    OrderDoubt, OrderSide, OrderType, PositionSide, TimeInForce, TradeSide, VenueOrderStatus,
};
use dita_kernel::num::Decimal;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::record::{self, Shown};
use crate::{names, number, text, time};

/// An order's facts, as the engine reads them out of the core.
#[derive(Clone, PartialEq, Debug)]
pub struct OrderView {
    /// The trade it belongs to.
    pub internal_trade_id: Id,
    /// The slot that owns it; `None` in the unassigned book.
    pub slot_id: Option<u32>,
    /// The venue's id, where it is known.
    pub venue_order_id: Id,
    /// Our id.
    pub venue_client_id: Id,
    /// The instrument.
    pub asset: Id,
    /// The position's side.
    pub side: TradeSide,
    /// BUY or SELL.
    pub order_side: OrderSide,
    /// The venue's position book.
    pub position_side: PositionSide,
    /// The order's total, in base units or contracts.
    pub intended_size: Decimal,
    /// What is filled so far.
    pub filled_size: Decimal,
    /// What remains.
    pub remaining_size: Decimal,
    /// The fills' average price, where something is filled.
    pub average_fill_price: Option<Decimal>,
    /// What the venue has reported, nothing else.
    pub status: VenueOrderStatus,
    /// The order's type.
    pub order_type: OrderType,
    /// The limit, where the type has one.
    pub limit_price: Option<Decimal>,
    /// The trigger, where the type has one.
    pub trigger_price: Option<Decimal>,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// When a GTD order ends. Nanoseconds since 1970-01-01 UTC.
    pub expire_time_ns: Option<i64>,
    /// Reject rather than take liquidity.
    pub post_only: bool,
    /// Never increase the position.
    pub reduce_only: bool,
    /// Which request of ours the venue has left unanswered.
    pub doubt: OrderDoubt,
    /// The outstanding requests by name.
    pub requests: Vec<&'static str>,
    /// The caller's own data as canonical JSON; empty when none.
    pub metadata: Box<str>,
}

const NAMES: [Shown; 23] = [
    ("internal_trade_id", false),
    ("slot_id", false),
    ("venue_order_id", false),
    ("venue_client_id", false),
    ("asset", false),
    ("side", false),
    ("order_side", false),
    ("position_side", false),
    ("intended_size", false),
    ("filled_size", false),
    ("remaining_size", false),
    ("average_fill_price", false),
    ("status", false),
    ("order_type", false),
    ("limit_price", false),
    ("trigger_price", false),
    ("time_in_force", false),
    ("expire_time", true),
    ("post_only", false),
    ("reduce_only", false),
    ("doubt", false),
    ("requests", false),
    ("metadata", false),
];

/// An order as the kernel knows it: a frozen copy.
#[pyclass(frozen, module = "dita._kernel")]
pub struct VenueOrder {
    view: OrderView,
}

impl From<OrderView> for VenueOrder {
    #[inline]
    fn from(view: OrderView) -> VenueOrder {
        VenueOrder { view }
    }
}

impl VenueOrder {
    /// The plain data.
    #[inline]
    pub fn view(&self) -> &OrderView {
        &self.view
    }
}

#[pymethods]
impl VenueOrder {
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
        PyTuple::new(py, &self.view.requests)
    }

    /// The caller's own data as canonical JSON; empty when none.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text::get_json(py, &self.view.metadata)
    }

    /// Every field by name; times are int nanoseconds.
    fn to_dict<'py>(slf: &Bound<'py, VenueOrder>) -> PyResult<Bound<'py, PyDict>> {
        record::to_dict_of(slf.as_any(), &NAMES)
    }

    fn __repr__(slf: &Bound<'_, VenueOrder>) -> PyResult<String> {
        record::repr_of(slf.as_any(), &NAMES)
    }

    fn __eq__(&self, other: &VenueOrder) -> bool {
        self.view == other.view
    }
}
