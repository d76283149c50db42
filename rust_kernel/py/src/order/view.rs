//! An order's fields as Python gives them by name.

use dita_engine::{Amend, OrderView, difference};
use dita_kernel::id::Id;
use dita_kernel::num::Decimal;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::VenueOrder;
use crate::errors::Error;
use crate::record::{self, Field, Shown};
use crate::{names, number, text, time};

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
    Field::optional("pending_amend", |o, n, v| { o.pending_amend = read_amend(v, n)?; Ok(()) }),
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

/// An amendment from its fields; `None` where there is none.
pub(super) fn read_amend(value: &Bound<'_, PyAny>, name: &'static str) -> Result<Option<Box<Amend>>, Error> {
    if value.is_none() {
        return Ok(None);
    }
    let mut amend =
        Amend { request_id: Id::EMPTY, size: Decimal::ZERO, limit_price: None, trigger_price: None };
    record::read_nested(&mut amend, &AMENDMENT, value, name)?;
    Ok(Some(Box::new(amend)))
}

/// An amendment by its fields' names.
pub(super) fn amend_dict<'py>(amend: &Amend, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("request_id", text::get_id(py, &amend.request_id))?;
    dict.set_item("size", number::get(py, amend.size)?)?;
    dict.set_item("limit_price", number::get_optional(py, amend.limit_price)?)?;
    dict.set_item("trigger_price", number::get_optional(py, amend.trigger_price)?)?;
    Ok(dict)
}

/// An order's fields without the event's reason, and that reason.
pub(super) fn without_reason<'py>(
    fields: &Bound<'py, PyDict>,
) -> Result<(Bound<'py, PyDict>, Box<str>), Error> {
    let Some(reason) = fields.get_item("reason")? else { return Ok((fields.clone(), "".into())) };
    let Ok(text) = reason.extract::<String>() else {
        return Err(Error::wrong_type("reason", &reason, "text"));
    };
    let rest = fields.copy()?;
    rest.del_item("reason")?;
    Ok((rest, text.into()))
}

/// An order from its fields by name.
pub(super) fn read(fields: &Bound<'_, PyDict>) -> Result<OrderView, Error> {
    record::check_required(&FIELDS, fields)?;
    let mut view = OrderView::blank();
    record::apply_changes(&mut view, &FIELDS, fields)?;
    if !fields.contains("remaining_size")? && !view.status.is_ended() {
        view.remaining_size = difference(view.intended_size, view.filled_size)
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
        return Ok(Some(order.get().view().clone()));
    }
    let fields = record::items(value, name)?;
    let (fields, _) = without_reason(&fields)?; // a slot's order is as it stands, whatever an event said
    read(&fields).map(Some).map_err(|error| error.within(&format!("{name}.")))
}
