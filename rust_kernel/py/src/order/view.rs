//! An order's fields: what the engine reads out of the core, and what Python gives by name.

use dita_kernel::effect::CancelRequest;
use dita_kernel::id::Id;
use dita_kernel::names::{
    OrderDoubt, OrderSide, OrderType, PositionSide, TimeInForce, TradeSide, TriggerBy, VenueOrderStatus,
};
use dita_kernel::num::Decimal;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::VenueOrder;
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
    /// Which price the trigger is held against.
    pub trigger_by: TriggerBy,
    /// True for an exit that was attached to its trade's entry: the kernel keeps its size and its price.
    pub attached: bool,
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
    /// Whose trade it was sent for; empty when nobody's.
    pub owner: Id,
}

/// Every field in the constructor's order.
#[rustfmt::skip]
const FIELDS: [Field<OrderView>; 33] = [
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
    Field::optional("owner", |o, n, v| text::read_optional_id(&mut o.owner, v, n)),
    Field::optional("trigger_by", |o, n, v| { o.trigger_by = names::read(v, n)?; Ok(()) }),
    Field::optional("attached", |o, n, v| { o.attached = text::read_flag(v, n)?; Ok(()) }),
];
pub(super) const NAMES: [Shown; FIELDS.len()] = record::shown_names(&FIELDS);

/// An amendment's fields.
#[rustfmt::skip]
const AMENDMENT: [Field<Amend>; 4] = [
    Field::required("request_id", |a, n, v| text::read_id(&mut a.request_id, v, n)),
    Field::required("size", |a, n, v| { a.size = number::read_size(v, n)?; Ok(()) }),
    Field::optional("limit_price", |a, n, v| { a.limit_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("trigger_price", |a, n, v| { a.trigger_price = number::read_optional(v, n)?; Ok(()) }),
];

impl Amend {
    pub(super) fn read(value: &Bound<'_, PyAny>, name: &'static str) -> Result<Option<Box<Amend>>, Error> {
        if value.is_none() {
            return Ok(None);
        }
        let mut amend =
            Amend { request_id: Id::EMPTY, size: Decimal::ZERO, limit_price: None, trigger_price: None };
        record::read_nested(&mut amend, &AMENDMENT, value, name)?;
        Ok(Some(Box::new(amend)))
    }

    pub(super) fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
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
            owner: Id::EMPTY,
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
            trigger_by: TriggerBy::Last,
            attached: false,
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

    /// An order of which nothing is known but its names.
    pub fn named(request: CancelRequest) -> OrderView {
        OrderView {
            venue_client_id: request.venue_client_id,
            venue_order_id: request.venue_order_id,
            asset: request.asset,
            pending_cancel: true,
            ..OrderView::blank()
        }
    }

    /// An order from its fields by name.
    pub(super) fn read(fields: &Bound<'_, PyDict>) -> Result<OrderView, Error> {
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
    pub(super) fn requests(&self) -> impl Iterator<Item = &'static str> + use<> {
        let cancel = self.pending_cancel.then_some("CANCEL");
        let amend = self.pending_amend.is_some().then_some("AMEND");
        cancel.into_iter().chain(amend)
    }

    /// True while something remains or it is in doubt.
    pub fn is_live(&self) -> bool {
        match self.status {
            // It rests with its leaves, or is over without.
            VenueOrderStatus::DoneForDay => self.remaining_size.is_positive(),
            // What is pending is so until it is answered, whatever fills meanwhile.
            VenueOrderStatus::PendingCancel | VenueOrderStatus::PendingReplace => {
                number::difference(self.intended_size, self.filled_size).is_some_and(Decimal::is_positive)
            }
            VenueOrderStatus::New
            | VenueOrderStatus::Sent
            | VenueOrderStatus::Acked
            | VenueOrderStatus::PartiallyFilled
            | VenueOrderStatus::Stopped => true,
            VenueOrderStatus::Filled
            | VenueOrderStatus::Canceled
            | VenueOrderStatus::Rejected
            | VenueOrderStatus::Expired => false,
        }
    }
}
