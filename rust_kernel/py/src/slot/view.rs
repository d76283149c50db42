//! A slot's fields as Python gives them by name.

use dita_engine::{SlotView, blank_slot};
use dita_kernel::names::{TradeSide, TradeStage};
use dita_kernel::num::Decimal;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::errors::Error;
use crate::record::{self, Field, Shown};
use crate::{exit_spec, names, number, text, time};

/// Every field in the constructor's order.
#[rustfmt::skip]
const FIELDS: [Field<SlotView>; 30] = [
    Field::required("slot_id", |s, n, v| { s.slot_id = text::read_own_slot(v, n)?.ok_or_else(|| Error::missing(n))?; Ok(()) }),
    Field::optional("trade_id", |s, n, v| text::read_optional_id(&mut s.trade_id, v, n)),
    Field::optional("asset", |s, n, v| text::read_optional_id(&mut s.asset, v, n)),
    Field::optional("side", |s, n, v| { s.side = names::read(v, n)?; Ok(()) }),
    Field::optional("entry_price", |s, n, v| { s.entry_price = number::read_price(v, n)?; Ok(()) }),
    Field::optional("size", |s, n, v| { s.size = number::read_size(v, n)?; Ok(()) }),
    Field::optional("initial_size", |s, n, v| { s.initial_size = number::read_size(v, n)?; Ok(()) }),
    Field::optional("leverage", |s, n, v| { s.leverage = number::read_price(v, n)?; Ok(()) }),
    Field::time("entry_time", |s, n, v| { s.entry_time_ns = time::read_optional(v, n)?; Ok(()) }),
    Field::optional("unrealized_pnl", |s, n, v| { s.unrealized_pnl = number::read_money(v, n)?; Ok(()) }),
    Field::optional("realized_pnl", |s, n, v| { s.realized_pnl = number::read_money(v, n)?; Ok(()) }),
    Field::optional("closed", |s, n, v| { s.closed = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("exit_leg_ratios", |s, n, v| { s.exit_leg_ratios = number::read_ratios(v, n)?; Ok(()) }),
    Field::optional("active_leg_index", |s, n, v| { s.active_leg_index = text::read_own_slot(v, n)?.unwrap_or_default(); Ok(()) }),
    Field::optional("active_entry_order", |s, n, v| { s.active_entry_order = crate::order::from_value(v, n)?; Ok(()) }),
    Field::optional("active_exit_order", read_exit),
    Field::optional("exit_orders", read_exits),
    Field::optional("fsm_state", |s, n, v| { s.fsm_state = names::read(v, n)?; Ok(()) }),
    Field::optional("close_reason", |s, n, v| text::read_optional_id(&mut s.close_reason, v, n)),
    Field::time("last_event_time", |s, n, v| { s.last_event_time_ns = time::read_optional(v, n)?; Ok(()) }),
    Field::optional("metadata", |s, n, v| { s.metadata = text::read_json(v, n)?; Ok(()) }),
    Field::optional("fees_paid", |s, n, v| { s.fees_paid = number::read_money(v, n)?; Ok(()) }),
    Field::optional("funding_net", |s, n, v| { s.funding_net = number::read_money(v, n)?; Ok(()) }),
    Field::optional("unprotected", |s, n, v| { s.unprotected = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("cost", |s, n, v| { s.cost = number::read_money(v, n)?; Ok(()) }),
    Field::optional("contract_multiplier", |s, n, v| { s.contract_multiplier = number::read_price(v, n)?.unwrap_or(Decimal::ONE); Ok(()) }),
    Field::optional("inverse", |s, n, v| { s.inverse = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("owner", |s, n, v| text::read_optional_id(&mut s.owner, v, n)),
    Field::optional("seen_event_ids", |s, n, v| { s.seen_event_ids = text::read_ids(v, n)?; Ok(()) }),
    Field::optional("exits", |s, n, v| { s.exits = exit_spec::read_all(v, n)?; Ok(()) }),
];
pub(super) const NAMES: [Shown; FIELDS.len()] = record::shown_names(&FIELDS);

/// The newest exit order; the last of `exit_orders` where both are given.
fn read_exit(slot: &mut SlotView, name: &'static str, value: &Bound<'_, PyAny>) -> Result<(), Error> {
    let Some(order) = crate::order::from_value(value, name)? else { return Ok(()) };
    if slot.exit_orders.is_empty() {
        slot.exit_orders.push(order);
    } else if slot.exit_orders.last() != Some(&order) {
        return Err(Error::value(name, value, "is not the last of exit_orders"));
    }
    Ok(())
}

fn read_exits(slot: &mut SlotView, name: &'static str, value: &Bound<'_, PyAny>) -> Result<(), Error> {
    if !value.is_instance_of::<PyTuple>() && !value.is_instance_of::<PyList>() {
        return Err(Error::wrong_type(name, value, "a tuple or list of VenueOrder"));
    }
    let newest = slot.exit_orders.pop();
    for (at, one) in value.try_iter()?.enumerate() {
        let one = one?;
        let place = format!("{name}[{at}]");
        match crate::order::from_value(&one, &place)? {
            Some(order) => slot.exit_orders.push(order),
            None => return Err(Error::wrong_type(place, &one, "VenueOrder")),
        }
    }
    match newest {
        Some(newest) if slot.exit_orders.is_empty() => slot.exit_orders.push(newest),
        Some(newest) if slot.exit_orders.last() != Some(&newest) => {
            return Err(Error::value(name, value, "does not end with active_exit_order"));
        }
        Some(_) | None => {}
    }
    Ok(())
}

/// A slot from its fields by name; what is left out follows from the others.
pub(super) fn read(fields: &Bound<'_, PyDict>) -> Result<SlotView, Error> {
    record::check_required(&FIELDS, fields)?;
    let mut view = blank_slot(0);
    record::apply_changes(&mut view, &FIELDS, fields)?;
    let given = |name: &str| fields.contains(name);
    if view.size.is_positive() && view.side == TradeSide::Flat {
        return Err(Error::text_value("side", "FLAT", "is no side of a position: LONG or SHORT"));
    }
    if !given("initial_size")? {
        view.initial_size = view.size;
    }
    if !given("fsm_state")? {
        view.fsm_state = match (view.closed, view.size.is_positive()) {
            (true, _) => TradeStage::Closed,
            (false, true) => TradeStage::PositionOpen,
            (false, false) => TradeStage::Idle,
        };
    }
    let ended = view.fsm_state == TradeStage::Closed;
    if !given("closed")? {
        view.closed = ended;
    } else if view.closed != ended {
        let why = format!("does not go with fsm_state {}", view.fsm_state);
        return Err(Error::text_value("closed", if view.closed { "True" } else { "False" }, &why));
    }
    if view.fsm_state.is_free() && view.size.is_positive() {
        let why = format!("does not go with a position of {}", view.size);
        return Err(Error::text_value("fsm_state", view.fsm_state.name(), &why));
    }
    if !given("cost")?
        && let Some(price) = view.entry_price
    {
        let worth = view.value_at(price);
        view.cost = worth.ok_or_else(|| {
            Error::text_value("entry_price", &price.to_string(), "is too large for this position")
        })?;
    }
    Ok(view)
}
