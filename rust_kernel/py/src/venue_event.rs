//! `VenueEvent`: what the venue said of an order.

use dita_kernel::id::Id;
use dita_kernel::input::{RareFields, VenueEvent as CoreEvent};
use dita_kernel::names::KernelEventKind;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::Error;
use crate::record::{self, Field};
use crate::{names, number, text, time};

/// What the venue said of an order, frozen. Everything but `timestamp` and `kind` may be missing: venues differ.
#[pyclass(frozen, module = "dita._kernel")]
pub struct VenueEvent {
    inner: CoreEvent,
}

/// Every field, in the order of the contract.
#[rustfmt::skip]
const FIELDS: [Field<CoreEvent>; 35] = [
    Field::required_time("timestamp", |i, n, v| { i.timestamp_ns = time::read(v, n)?; Ok(()) }),
    Field::optional("event_id", |i, n, v| text::read_optional_id(&mut i.event_id, v, n)),
    Field::optional("trade_id", |i, n, v| text::read_optional_id(&mut i.trade_id, v, n)),
    Field::optional("slot_id", |i, n, v| { i.slot_id = text::read_optional_slot(v, n)?; Ok(()) }),
    Field::required("kind", |i, n, v| { i.kind = names::read(v, n)?; Ok(()) }),
    Field::optional("status", |i, n, v| { i.status = names::read_optional(v, n)?; Ok(()) }),
    Field::optional("venue_order_id", |i, n, v| text::read_optional_id(&mut i.venue_order_id, v, n)),
    Field::optional("venue_client_id", |i, n, v| text::read_optional_id(&mut i.venue_client_id, v, n)),
    Field::optional("side", |i, n, v| { i.side = names::read_optional(v, n)?; Ok(()) }),
    Field::optional("asset", |i, n, v| text::read_optional_id(&mut i.asset, v, n)),
    Field::optional("price", |i, n, v| { i.price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("size", |i, n, v| { i.size = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("filled_size", |i, n, v| { i.filled_size = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("remaining_size", |i, n, v| { i.remaining_size = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("reason", |i, n, v| set_rare(i, text::read_text(v, n)?, |rare| &mut rare.reason)),
    Field::optional("raw_payload", |i, n, v| set_rare(i, text::read_payload(v, n)?, |rare| &mut rare.raw_payload)),
    Field::optional("metadata", |i, n, v| set_rare(i, text::read_json(v, n)?, |rare| &mut rare.metadata)),
    Field::optional("order_side", |i, n, v| { i.order_side = names::read_optional(v, n)?; Ok(()) }),
    Field::optional("position_side", |i, n, v| { i.position_side = names::read_optional(v, n)?; Ok(()) }),
    Field::optional("venue_trade_id", |i, n, v| text::read_optional_id(&mut i.venue_trade_id, v, n)),
    Field::optional("fee", |i, n, v| { i.fee = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("fee_asset", |i, n, v| text::read_optional_id(&mut i.fee_asset, v, n)),
    Field::optional("realized_pnl", |i, n, v| { i.realized_pnl = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("liquidity", |i, n, v| { i.liquidity = names::read_optional(v, n)?; Ok(()) }),
    Field::time("ts_init", |i, n, v| { i.received_ns = time::read(v, n)?; Ok(()) }),
    Field::optional("order_size", |i, n, v| { i.order_size = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("order_price", |i, n, v| { i.order_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("average_price", |i, n, v| { i.average_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("request_id", |i, n, v| set_rare_id(i, n, v, |rare| &mut rare.request_id)),
    Field::optional("reason_code", |i, n, v| set_rare_id(i, n, v, |rare| &mut rare.reason_code)),
    Field::optional("parent_order_id", |i, n, v| set_rare_id(i, n, v, |rare| &mut rare.parent_order_id)),
    Field::optional("ref_trade_id", |i, n, v| set_rare_id(i, n, v, |rare| &mut rare.ref_trade_id)),
    Field::optional("retry_after_ms", |i, n, v| set_rare(i, text::read_millis(v, n)?, |rare| &mut rare.retry_after_ms)),
    Field::optional("venue_sequence", |i, n, v| { i.venue_sequence = text::read_sequence(v, n)?; Ok(()) }),
    Field::time("order_created", |i, n, v| set_rare(i, time::read_optional(v, n)?, |rare| &mut rare.order_created_ns)),
];

/// Sets a seldom field; the box that holds them is made only for a value that says something.
fn set_rare<T: PartialEq + Default>(
    event: &mut CoreEvent,
    value: T,
    place: fn(&mut RareFields) -> &mut T,
) -> Result<(), Error> {
    if event.rare.is_some() || value != T::default() {
        *place(event.rare.get_or_insert_default()) = value;
    }
    if event.rare.as_deref() == Some(&RareFields::default()) {
        event.rare = None;
    }
    Ok(())
}

fn set_rare_id(
    event: &mut CoreEvent,
    field: &'static str,
    value: &Bound<'_, PyAny>,
    place: fn(&mut RareFields) -> &mut Id,
) -> Result<(), Error> {
    let mut id = Id::EMPTY;
    text::read_optional_id(&mut id, value, field)?;
    set_rare(event, id, place)
}

fn blank() -> CoreEvent {
    CoreEvent::new(KernelEventKind::OrderAck, 0)
}

impl VenueEvent {
    /// The core's event.
    #[inline]
    pub fn core(&self) -> &CoreEvent {
        &self.inner
    }

    fn rare_id<'py>(&self, py: Python<'py>, place: fn(&RareFields) -> &Id) -> Bound<'py, PyString> {
        text::get_id(py, self.inner.rare.as_deref().map_or(&Id::EMPTY, place))
    }
}

impl From<CoreEvent> for VenueEvent {
    #[inline]
    fn from(inner: CoreEvent) -> VenueEvent {
        VenueEvent { inner }
    }
}

impl VenueEvent {
    /// The core's own.
    pub fn inner(&self) -> &CoreEvent {
        &self.inner
    }
}

#[pymethods]
impl VenueEvent {
    // The commonest fields first: the keywords are looked up one after another.
    #[new]
    #[pyo3(
        signature = (
            timestamp, *, kind, status=None, venue_client_id=None, venue_order_id=None, asset=None,
            price=None, size=None, filled_size=None, venue_trade_id=None, order_side=None, fee=None,
            liquidity=None, remaining_size=None, slot_id=None, trade_id=None, event_id=None,
            side=None, ts_init=None, reason=None, raw_payload=None, metadata=None,
            position_side=None, fee_asset=None, order_size=None, order_price=None,
            average_price=None, request_id=None, reason_code=None, parent_order_id=None,
            ref_trade_id=None, retry_after_ms=None, venue_sequence=None, order_created=None,
            realized_pnl=None
        ),
        text_signature = "(timestamp, *, kind, event_id='', trade_id='', slot_id=None, status=None, venue_order_id='', \
            venue_client_id='', side=None, asset='', price=None, size=None, filled_size=None, \
            remaining_size=None, reason='', raw_payload=None, metadata=None, order_side=None, \
            position_side=None, venue_trade_id='', fee=None, fee_asset='', realized_pnl=None, liquidity=None, ts_init=None, \
            order_size=None, order_price=None, average_price=None, request_id='', reason_code='', \
            parent_order_id='', ref_trade_id='', retry_after_ms=None, venue_sequence=None, order_created=None)"
    )]
    #[allow(clippy::too_many_arguments)]
    fn new(
        timestamp: &Bound<'_, PyAny>,
        kind: &Bound<'_, PyAny>,
        status: Option<&Bound<'_, PyAny>>,
        venue_client_id: Option<&Bound<'_, PyAny>>,
        venue_order_id: Option<&Bound<'_, PyAny>>,
        asset: Option<&Bound<'_, PyAny>>,
        price: Option<&Bound<'_, PyAny>>,
        size: Option<&Bound<'_, PyAny>>,
        filled_size: Option<&Bound<'_, PyAny>>,
        venue_trade_id: Option<&Bound<'_, PyAny>>,
        order_side: Option<&Bound<'_, PyAny>>,
        fee: Option<&Bound<'_, PyAny>>,
        liquidity: Option<&Bound<'_, PyAny>>,
        remaining_size: Option<&Bound<'_, PyAny>>,
        slot_id: Option<&Bound<'_, PyAny>>,
        trade_id: Option<&Bound<'_, PyAny>>,
        event_id: Option<&Bound<'_, PyAny>>,
        side: Option<&Bound<'_, PyAny>>,
        ts_init: Option<&Bound<'_, PyAny>>,
        reason: Option<&Bound<'_, PyAny>>,
        raw_payload: Option<&Bound<'_, PyAny>>,
        metadata: Option<&Bound<'_, PyAny>>,
        position_side: Option<&Bound<'_, PyAny>>,
        fee_asset: Option<&Bound<'_, PyAny>>,
        order_size: Option<&Bound<'_, PyAny>>,
        order_price: Option<&Bound<'_, PyAny>>,
        average_price: Option<&Bound<'_, PyAny>>,
        request_id: Option<&Bound<'_, PyAny>>,
        reason_code: Option<&Bound<'_, PyAny>>,
        parent_order_id: Option<&Bound<'_, PyAny>>,
        ref_trade_id: Option<&Bound<'_, PyAny>>,
        retry_after_ms: Option<&Bound<'_, PyAny>>,
        venue_sequence: Option<&Bound<'_, PyAny>>,
        order_created: Option<&Bound<'_, PyAny>>,
        realized_pnl: Option<&Bound<'_, PyAny>>,
    ) -> Result<VenueEvent, Error> {
        let given = [
            Some(timestamp),
            event_id,
            trade_id,
            slot_id,
            Some(kind),
            status,
            venue_order_id,
            venue_client_id,
            side,
            asset,
            price,
            size,
            filled_size,
            remaining_size,
            reason,
            raw_payload,
            metadata,
            order_side,
            position_side,
            venue_trade_id,
            fee,
            fee_asset,
            realized_pnl,
            liquidity,
            ts_init,
            order_size,
            order_price,
            average_price,
            request_id,
            reason_code,
            parent_order_id,
            ref_trade_id,
            retry_after_ms,
            venue_sequence,
            order_created,
        ];
        let mut inner = blank();
        for (field, value) in FIELDS.iter().zip(given) {
            if let Some(value) = value {
                (field.read)(&mut inner, field.name, value)?;
            }
        }
        // An adapter that was written for the older system says the wait there.
        if retry_after_ms.is_none()
            && inner.kind == KernelEventKind::RateLimited
            && let Some(Ok(metadata)) = metadata.map(Bound::cast::<PyDict>)
            && let Some(wait) = metadata.get_item("retry_after_ms")?
        {
            set_rare(&mut inner, text::read_millis(&wait, "metadata.retry_after_ms")?, |rare| {
                &mut rare.retry_after_ms
            })?;
        }
        if ts_init.is_none() {
            inner.received_ns = inner.timestamp_ns;
        }
        Ok(VenueEvent { inner })
    }

    /// The venue's time; may run backwards. Aware UTC `datetime`, truncated to microseconds.
    #[getter]
    fn timestamp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get(py, self.inner.timestamp_ns)
    }

    /// The venue's time; may run backwards. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn timestamp_ns(&self) -> i64 {
        self.inner.timestamp_ns
    }

    /// The venue's or adapter's id of this event.
    #[getter]
    fn event_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.event_id)
    }

    /// The trade, a hint.
    #[getter]
    fn trade_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.trade_id)
    }

    /// The slot, a hint.
    #[getter]
    fn slot_id(&self) -> Option<u32> {
        self.inner.slot_id
    }

    /// What kind.
    #[getter]
    fn kind<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get(py, self.inner.kind)
    }

    /// The order's status as the venue names it.
    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get_optional(py, self.inner.status)
    }

    /// The venue's id of the order.
    #[getter]
    fn venue_order_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.venue_order_id)
    }

    /// Our id of the order.
    #[getter]
    fn venue_client_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.venue_client_id)
    }

    /// The position's side.
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get_optional(py, self.inner.side)
    }

    /// The instrument.
    #[getter]
    fn asset<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.asset)
    }

    /// This fill's price, in quote units.
    #[getter]
    fn price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.price)
    }

    /// This fill's quantity, in base units or contracts.
    #[getter]
    fn size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.size)
    }

    /// The order's cumulative quantity.
    #[getter]
    fn filled_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.filled_size)
    }

    /// What the venue says remains.
    #[getter]
    fn remaining_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.remaining_size)
    }

    /// The venue's reason as text.
    #[getter]
    fn reason(&self) -> &str {
        self.inner.rare.as_deref().map_or("", |rare| &rare.reason)
    }

    /// As the venue sent it: a JSON object as a new `dict`, other text as `str`; `{}` when none.
    #[getter]
    fn raw_payload<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text::get_payload(py, self.inner.rare.as_deref().map_or("", |rare| &rare.raw_payload))
    }

    /// The adapter's own data: a new `dict` at each read; `{}` when none.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text::get_json(py, self.inner.rare.as_deref().map_or("", |rare| &rare.metadata))
    }

    /// BUY or SELL.
    #[getter]
    fn order_side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get_optional(py, self.inner.order_side)
    }

    /// The venue's position book.
    #[getter]
    fn position_side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get_optional(py, self.inner.position_side)
    }

    /// The fill's id.
    #[getter]
    fn venue_trade_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.venue_trade_id)
    }

    /// This fill's fee: + is a charge, - a rebate.
    #[getter]
    fn fee<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.fee)
    }

    /// What the fee is paid in; empty means the settlement asset.
    #[getter]
    fn fee_asset<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.fee_asset)
    }

    /// The venue's realised PnL of this fill before fees, in the settlement asset.
    ///
    /// A fill that has one is settled by it.
    #[getter]
    fn realized_pnl<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.realized_pnl)
    }

    /// Maker or taker.
    #[getter]
    fn liquidity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        names::get_optional(py, self.inner.liquidity)
    }

    /// When it was received; the venue's time where it was not given. Aware UTC `datetime`, truncated to microseconds.
    #[getter]
    fn ts_init<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get(py, self.inner.received_ns)
    }

    /// When it was received; the venue's time where it was not given. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn ts_init_ns(&self) -> i64 {
        self.inner.received_ns
    }

    /// The order's total as the venue now has it.
    #[getter]
    fn order_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.order_size)
    }

    /// The order's price as the venue now has it.
    #[getter]
    fn order_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.order_price)
    }

    /// The order's average price.
    #[getter]
    fn average_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.average_price)
    }

    /// Which of our requests it answers.
    #[getter]
    fn request_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        self.rare_id(py, |rare| &rare.request_id)
    }

    /// The venue's reason as its own code.
    #[getter]
    fn reason_code<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        self.rare_id(py, |rare| &rare.reason_code)
    }

    /// An algo or triggered order's other id.
    #[getter]
    fn parent_order_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        self.rare_id(py, |rare| &rare.parent_order_id)
    }

    /// The fill that a bust or a correction refers to.
    #[getter]
    fn ref_trade_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        self.rare_id(py, |rare| &rare.ref_trade_id)
    }

    /// How long to wait before a retry, milliseconds.
    #[getter]
    fn retry_after_ms(&self) -> Option<u64> {
        self.inner.rare.as_deref().and_then(|rare| rare.retry_after_ms)
    }

    /// The venue's own number of this message, where it numbers them: a later one is higher.
    #[getter]
    fn venue_sequence(&self) -> Option<i64> {
        self.inner.venue_sequence
    }

    /// When the venue made the order, by its clock; None where it did not say. Aware UTC `datetime`, truncated to
    /// microseconds.
    #[getter]
    fn order_created<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get_optional(py, self.inner.rare.as_deref().and_then(|rare| rare.order_created_ns))
    }

    /// The same; nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn order_created_ns(&self) -> Option<i64> {
        self.inner.rare.as_deref().and_then(|rare| rare.order_created_ns)
    }

    /// Every field by name; times are int nanoseconds, so that `VenueEvent(**event.to_dict()) == event`.
    fn to_dict<'py>(slf: &Bound<'py, VenueEvent>) -> PyResult<Bound<'py, PyDict>> {
        record::to_dict(slf.as_any(), &FIELDS)
    }

    /// A copy with some fields changed. Raises InvalidInput or InvalidType like the constructor.
    #[pyo3(signature = (**changes))]
    fn replace(&self, changes: Option<&Bound<'_, PyDict>>) -> Result<VenueEvent, Error> {
        let mut inner = self.inner.clone();
        if let Some(changes) = changes {
            record::apply_changes(&mut inner, &FIELDS, changes)?;
        }
        Ok(VenueEvent { inner })
    }

    fn __repr__(slf: &Bound<'_, VenueEvent>) -> PyResult<String> {
        let mut default = blank();
        default.received_ns = slf.get().inner.timestamp_ns;
        record::repr(slf, &FIELDS, &Bound::new(slf.py(), VenueEvent::from(default))?)
    }

    fn __eq__(&self, other: &VenueEvent) -> bool {
        self.inner == other.inner
    }

    fn __hash__(&self) -> u64 {
        // Not the numbers: 1.0 and 1.00 are equal and must hash alike.
        let event = &self.inner;
        let words = [
            event.venue_client_id.hash64(),
            event.venue_trade_id.hash64(),
            event.timestamp_ns.cast_unsigned(),
        ];
        words.iter().fold(event.kind as u64, |hash, word| {
            (hash.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        })
    }

    fn __getnewargs_ex__<'py>(
        slf: &Bound<'py, VenueEvent>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        Ok((PyTuple::empty(slf.py()), record::to_dict(slf.as_any(), &FIELDS)?))
    }
}
