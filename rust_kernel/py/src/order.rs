//! `VenueOrder`: an order as the kernel knows it.

use dita_kernel::id::Id;
use dita_kernel::names::{
    OrderDoubt, OrderSide, OrderType, PositionSide, TimeInForce, TradeSide, VenueOrderStatus,
};
use dita_kernel::num::Decimal;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::Error;
use crate::record::{self, Field, Shown};
use crate::{names, number, text, time};

/// A change of an order that the venue has been asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Amend {
    /// Our id of the request.
    pub request_id: Id,
    /// The order's new total.
    pub size: Decimal,
    /// The new limit, where the type has one.
    pub limit_price: Option<Decimal>,
    /// The new trigger, where the type has one.
    pub trigger_price: Option<Decimal>,
}

/// An order's facts, as the engine reads them out of the core.
#[derive(Clone, PartialEq, Debug)]
pub struct OrderView {
    /// The trade it belongs to.
    pub internal_trade_id: Id,
    /// The slot that owns it; `None` in the unassigned book.
    pub slot_id: Option<u32>,
    /// The venue's id, where it is known.
    pub venue_order_id: Id,
    /// Further ids of the venue for the same order.
    pub other_venue_ids: Vec<Id>,
    /// Our id.
    pub venue_client_id: Id,
    /// The intent that asked for it.
    pub intent_id: Id,
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
    /// Until when it may be sent again. Nanoseconds since 1970-01-01 UTC.
    pub valid_until_ns: Option<i64>,
    /// Reject rather than take liquidity.
    pub post_only: bool,
    /// Never increase the position.
    pub reduce_only: bool,
    /// Orders of one group cancel one another; empty where it is in none.
    pub oco_group: Id,
    /// True once the trigger was reached.
    pub triggered: bool,
    /// True while the connection is gone and the venue's word of it may be old.
    pub stale: bool,
    /// Which request of ours the venue has left unanswered.
    pub doubt: OrderDoubt,
    /// True while a cancel is outstanding.
    pub pending_cancel: bool,
    /// The change that the venue has been asked for.
    pub pending_amend: Option<Box<Amend>>,
    /// The caller's own data as canonical JSON; empty when none.
    pub metadata: Box<str>,
}

/// Every field in the constructor's order.
#[rustfmt::skip]
const FIELDS: [Field<OrderView>; 30] = [
    Field::optional("internal_trade_id", |o, n, v| text::read_optional_id(&mut o.internal_trade_id, v, n)),
    Field::optional("slot_id", |o, n, v| { o.slot_id = text::read_own_slot(v, n)?; Ok(()) }),
    Field::optional("venue_order_id", |o, n, v| text::read_optional_id(&mut o.venue_order_id, v, n)),
    Field::required("venue_client_id", |o, n, v| text::read_optional_id(&mut o.venue_client_id, v, n)),
    Field::required("asset", |o, n, v| text::read_id(&mut o.asset, v, n)),
    Field::required("side", |o, n, v| { o.side = names::read(v, n)?; Ok(()) }),
    Field::required("order_side", |o, n, v| { o.order_side = names::read(v, n)?; Ok(()) }),
    Field::optional("position_side", |o, n, v| { o.position_side = names::read(v, n)?; Ok(()) }),
    Field::required("intended_size", |o, n, v| { o.intended_size = number::read_size(v, n)?; Ok(()) }),
    Field::optional("filled_size", |o, n, v| { o.filled_size = number::read_size(v, n)?; Ok(()) }),
    Field::optional("remaining_size", |o, n, v| { o.remaining_size = number::read_size(v, n)?; Ok(()) }),
    Field::optional("average_fill_price", |o, n, v| { o.average_fill_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("status", |o, n, v| { o.status = names::read(v, n)?; Ok(()) }),
    Field::optional("order_type", |o, n, v| { o.order_type = names::read(v, n)?; Ok(()) }),
    Field::optional("limit_price", |o, n, v| { o.limit_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("trigger_price", |o, n, v| { o.trigger_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("time_in_force", |o, n, v| { o.time_in_force = names::read(v, n)?; Ok(()) }),
    Field::time("expire_time", |o, n, v| { o.expire_time_ns = time::read_optional(v, n)?; Ok(()) }),
    Field::optional("post_only", |o, n, v| { o.post_only = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("reduce_only", |o, n, v| { o.reduce_only = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("oco_group", |o, n, v| text::read_optional_id(&mut o.oco_group, v, n)),
    Field::optional("triggered", |o, n, v| { o.triggered = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("stale", |o, n, v| { o.stale = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("pending_cancel", |o, n, v| { o.pending_cancel = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("pending_amend", |o, n, v| { o.pending_amend = Amend::read(v, n)?; Ok(()) }),
    Field::time("valid_until", |o, n, v| { o.valid_until_ns = time::read_optional(v, n)?; Ok(()) }),
    Field::optional("other_venue_ids", |o, n, v| { o.other_venue_ids = text::read_ids(v, n)?; Ok(()) }),
    Field::optional("intent_id", |o, n, v| text::read_optional_id(&mut o.intent_id, v, n)),
    Field::optional("doubt", |o, n, v| { o.doubt = names::read(v, n)?; Ok(()) }),
    Field::optional("metadata", |o, n, v| { o.metadata = text::read_json(v, n)?; Ok(()) }),
];
const NAMES: [Shown; FIELDS.len()] = record::shown_names(&FIELDS);

/// An amendment's fields.
#[rustfmt::skip]
const AMENDMENT: [Field<Amend>; 4] = [
    Field::required("request_id", |a, n, v| text::read_id(&mut a.request_id, v, n)),
    Field::required("size", |a, n, v| { a.size = number::read_size(v, n)?; Ok(()) }),
    Field::optional("limit_price", |a, n, v| { a.limit_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("trigger_price", |a, n, v| { a.trigger_price = number::read_optional(v, n)?; Ok(()) }),
];

impl Amend {
    fn read(value: &Bound<'_, PyAny>, name: &'static str) -> Result<Option<Box<Amend>>, Error> {
        if value.is_none() {
            return Ok(None);
        }
        let mut amend =
            Amend { request_id: Id::EMPTY, size: Decimal::ZERO, limit_price: None, trigger_price: None };
        record::read_nested(&mut amend, &AMENDMENT, value, name)?;
        Ok(Some(Box::new(amend)))
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("request_id", text::get_id(py, &self.request_id))?;
        dict.set_item("size", number::get(py, self.size)?)?;
        dict.set_item("limit_price", number::get_optional(py, self.limit_price)?)?;
        dict.set_item("trigger_price", number::get_optional(py, self.trigger_price)?)?;
        Ok(dict)
    }
}

impl OrderView {
    /// An order with every optional field absent.
    fn blank() -> OrderView {
        OrderView {
            internal_trade_id: Id::EMPTY,
            slot_id: None,
            venue_order_id: Id::EMPTY,
            other_venue_ids: Vec::new(),
            venue_client_id: Id::EMPTY,
            intent_id: Id::EMPTY,
            asset: Id::EMPTY,
            side: TradeSide::Flat,
            order_side: OrderSide::Buy,
            position_side: PositionSide::Both,
            intended_size: Decimal::ZERO,
            filled_size: Decimal::ZERO,
            remaining_size: Decimal::ZERO,
            average_fill_price: None,
            status: VenueOrderStatus::New,
            order_type: OrderType::Market,
            limit_price: None,
            trigger_price: None,
            time_in_force: TimeInForce::Gtc,
            expire_time_ns: None,
            valid_until_ns: None,
            post_only: false,
            reduce_only: false,
            oco_group: Id::EMPTY,
            triggered: false,
            stale: false,
            doubt: OrderDoubt::None,
            pending_cancel: false,
            pending_amend: None,
            metadata: "".into(),
        }
    }

    /// An order from its fields by name.
    fn read(fields: &Bound<'_, PyDict>) -> Result<OrderView, Error> {
        record::check_required(&FIELDS, fields)?;
        let mut view = OrderView::blank();
        record::apply_changes(&mut view, &FIELDS, fields)?;
        if !fields.contains("remaining_size")? && !view.status.is_ended() {
            view.remaining_size = number::difference(view.intended_size, view.filled_size)
                .filter(|left| !left.is_negative())
                .unwrap_or(Decimal::ZERO);
        }
        Ok(view)
    }

    /// An order that a slot's field is given as: a VenueOrder, or what its `to_dict` gives.
    pub fn from_value(value: &Bound<'_, PyAny>, name: &str) -> Result<Option<OrderView>, Error> {
        if value.is_none() {
            return Ok(None);
        }
        if let Ok(order) = value.cast::<VenueOrder>() {
            return Ok(Some(order.get().view.clone()));
        }
        let fields = record::items(value, name)?;
        OrderView::read(&fields).map(Some).map_err(|error| error.within(&format!("{name}.")))
    }

    /// The outstanding requests by name.
    fn requests(&self) -> impl Iterator<Item = &'static str> + use<> {
        let cancel = self.pending_cancel.then_some("CANCEL");
        let amend = self.pending_amend.is_some().then_some("AMEND");
        cancel.into_iter().chain(amend)
    }

    /// True while something remains or it is in doubt.
    pub fn is_live(&self) -> bool {
        !self.status.is_ended()
    }
}

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
    #[new]
    #[pyo3(
        signature = (**fields),
        text_signature = "(*, venue_client_id, asset, side, order_side, intended_size, internal_trade_id='', \
            slot_id=None, venue_order_id='', position_side='BOTH', filled_size=0, remaining_size=None, \
            average_fill_price=None, status='NEW', order_type='MARKET', limit_price=None, trigger_price=None, \
            time_in_force='GTC', expire_time=None, post_only=False, reduce_only=False, oco_group='', \
            triggered=False, stale=False, pending_cancel=False, pending_amend=None, valid_until=None, \
            other_venue_ids=(), intent_id='', doubt='NONE', metadata=None)"
    )]
    fn new(fields: Option<&Bound<'_, PyDict>>) -> Result<VenueOrder, Error> {
        let Some(fields) = fields else { return Err(Error::missing("venue_client_id")) };
        Ok(VenueOrder { view: OrderView::read(fields)? })
    }

    /// An order from what `to_dict` gave.
    #[staticmethod]
    fn from_dict(fields: &Bound<'_, PyAny>) -> Result<VenueOrder, Error> {
        match OrderView::from_value(fields, "fields")? {
            Some(view) => Ok(VenueOrder { view }),
            None => Err(Error::wrong_type("fields", fields, "a mapping")),
        }
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
        self.view.pending_amend.as_ref().map(|amend| amend.to_dict(py)).transpose()
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
        record::to_dict_of(slf.as_any(), &NAMES)
    }

    fn __repr__(slf: &Bound<'_, VenueOrder>) -> PyResult<String> {
        record::repr_of(slf.as_any(), &NAMES)
    }

    fn __eq__(&self, other: &VenueOrder) -> bool {
        self.view == other.view
    }

    fn __getnewargs_ex__<'py>(
        slf: &Bound<'py, VenueOrder>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        Ok((PyTuple::empty(slf.py()), record::to_dict_of(slf.as_any(), &NAMES)?))
    }
}
