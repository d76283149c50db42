//! The seldom inputs from Python values: opening state, funding, adopted slots, overrides, fees that were seen.

use dita_engine::SlotView;
use dita_kernel::id::Id;
use dita_kernel::input::{
    AdoptedSlot, AdoptedSlots, FeeSample, FundingTerms, OpeningOrder, OpeningPosition, OpeningState,
    SlotOverride,
};
use dita_kernel::names::{OrderSide, OrderType, PositionSide};
use dita_kernel::num::Decimal;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Error;
use crate::record::{self, Field};
use crate::slot::TradeSlot;
use crate::{names, number, text, time};

#[rustfmt::skip]
const OPENING: [Field<OpeningState>; 6] = [
    Field::optional("timestamp", |o, n, v| { o.timestamp_ns = time::read(v, n)?; Ok(()) }),
    Field::required("balances", |o, n, v| { o.balances = balances(v, n)?; Ok(()) }),
    Field::optional("positions", |o, n, v| { o.positions = rows(v, n, &POSITION, blank_position)?; Ok(()) }),
    Field::optional("orders", |o, n, v| { o.orders = rows(v, n, &ORDER, blank_order)?; Ok(()) }),
    Field::optional("fill_cursor", |o, n, v| text::read_optional_id(&mut o.fill_cursor, v, n)),
    Field::optional("income_cursor", |o, n, v| text::read_optional_id(&mut o.income_cursor, v, n)),
];

#[rustfmt::skip]
const POSITION: [Field<OpeningPosition>; 4] = [
    Field::required("symbol", |p, n, v| text::read_id(&mut p.symbol, v, n)),
    Field::optional("position_side", |p, n, v| { p.position_side = names::read(v, n)?; Ok(()) }),
    Field::required("size", |p, n, v| { p.size = number::read(v, n)?; Ok(()) }),
    Field::required("entry_price", |p, n, v| { p.entry_price = number::read(v, n)?; Ok(()) }),
];

#[rustfmt::skip]
const ORDER: [Field<OpeningOrder>; 10] = [
    Field::required("symbol", |o, n, v| text::read_id(&mut o.symbol, v, n)),
    Field::optional("venue_order_id", |o, n, v| text::read_optional_id(&mut o.venue_order_id, v, n)),
    Field::optional("venue_client_id", |o, n, v| text::read_optional_id(&mut o.venue_client_id, v, n)),
    Field::required("order_side", |o, n, v| { o.order_side = names::read(v, n)?; Ok(()) }),
    Field::optional("position_side", |o, n, v| { o.position_side = names::read(v, n)?; Ok(()) }),
    Field::optional("order_type", |o, n, v| { o.order_type = names::read(v, n)?; Ok(()) }),
    Field::required("size", |o, n, v| { o.size = number::read(v, n)?; Ok(()) }),
    Field::optional("filled_size", |o, n, v| { o.filled_size = number::read(v, n)?; Ok(()) }),
    Field::optional("price", |o, n, v| { o.price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("reduce_only", |o, n, v| { o.reduce_only = text::read_flag(v, n)?; Ok(()) }),
];

fn blank_position() -> OpeningPosition {
    OpeningPosition {
        symbol: Id::EMPTY,
        position_side: PositionSide::Both,
        size: Decimal::ZERO,
        entry_price: Decimal::ZERO,
    }
}

fn blank_order() -> OpeningOrder {
    OpeningOrder {
        symbol: Id::EMPTY,
        venue_order_id: Id::EMPTY,
        venue_client_id: Id::EMPTY,
        order_side: OrderSide::Buy,
        position_side: PositionSide::Both,
        order_type: OrderType::Limit,
        size: Decimal::ZERO,
        filled_size: Decimal::ZERO,
        price: None,
        reduce_only: false,
    }
}

/// Asset to amount.
pub fn balances(value: &Bound<'_, PyAny>, name: &'static str) -> Result<Vec<(Id, Decimal)>, Error> {
    let given = record::items(value, name)?;
    let mut read = Vec::with_capacity(given.len());
    for (asset, amount) in given {
        let mut id = Id::EMPTY;
        text::read_id(&mut id, &asset, name)?;
        read.push((id, number::read(&amount, name)?));
    }
    Ok(read)
}

/// Rows of the same fields; an error names the row.
pub fn rows<T>(
    value: &Bound<'_, PyAny>,
    name: &'static str,
    fields: &[Field<T>],
    blank: fn() -> T,
) -> Result<Vec<T>, Error> {
    let Ok(given) = value.try_iter() else {
        return Err(Error::wrong_type(name, value, "a list of mappings"));
    };
    let mut read = Vec::new();
    for (at, row) in given.enumerate() {
        let mut one = blank();
        record::read_nested(&mut one, fields, &row?, &format!("{name}[{at}]"))?;
        read.push(one);
    }
    Ok(read)
}

/// An opening state; its time is `now_ns` where it has none.
pub fn opening(value: &Bound<'_, PyAny>, now_ns: i64) -> Result<OpeningState, Error> {
    let mut opening = OpeningState { timestamp_ns: now_ns, ..OpeningState::default() };
    record::read_mapping(&mut opening, &OPENING, value, "opening_state")?;
    Ok(opening)
}

#[rustfmt::skip]
const FUNDING: [Field<FundingTerms>; 5] = [
    Field::optional("rate", |t, n, v| { t.rate = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("next_boundary", |t, n, v| { t.next_boundary_ns = time::read_optional(v, n)?; Ok(()) }),
    Field::optional("interval_secs", |t, n, v| { t.interval_secs = if v.is_none() { None } else { Some(number::read_whole(v, n)?) }; Ok(()) }),
    Field::optional("mark_price", |t, n, v| { t.mark_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("timestamp", |t, n, v| { t.venue_time_ns = time::read_optional(v, n)?.unwrap_or_default(); Ok(()) }),
];

/// Funding terms from keywords.
pub fn funding(asset: &Bound<'_, PyAny>, terms: Option<&Bound<'_, PyDict>>) -> Result<FundingTerms, Error> {
    let mut read = FundingTerms {
        symbol: Id::EMPTY,
        rate: None,
        next_boundary_ns: None,
        interval_secs: None,
        mark_price: None,
        venue_time_ns: 0,
    };
    text::read_id(&mut read.symbol, asset, "asset")?;
    if let Some(terms) = terms {
        record::apply_changes(&mut read, &FUNDING, terms)?;
    }
    Ok(read)
}

/// Slots known from elsewhere; free ones are left out.
pub fn adopted(slots: &Bound<'_, PyAny>, by: &Bound<'_, PyAny>) -> Result<AdoptedSlots, Error> {
    let mut adopted = AdoptedSlots::default();
    text::read_id(&mut adopted.by, by, "by")?;
    let Ok(given) = slots.try_iter() else {
        return Err(Error::wrong_type("slots", slots, "an iterable of TradeSlot"));
    };
    for (at, slot) in given.enumerate() {
        let slot = slot?;
        let place = format!("slots[{at}]");
        let Ok(slot) = slot.cast::<TradeSlot>() else {
            return Err(Error::wrong_type(place, &slot, "TradeSlot"));
        };
        let view = slot.get().view();
        if !view.fsm_state.is_free() {
            let slot = adopted_slot(view).map_err(|error| error.within(&format!("{place}.")))?;
            adopted.slots.push(slot);
        }
    }
    Ok(adopted)
}

fn adopted_slot(view: &SlotView) -> Result<AdoptedSlot, Error> {
    let entry_price = view.entry_price.ok_or_else(|| Error::missing("entry_price"))?;
    Ok(AdoptedSlot {
        slot_id: view.slot_id,
        trade_id: view.trade_id.clone(),
        owner: view.owner.clone(),
        asset: view.asset.clone(),
        side: view.side,
        size: view.size,
        entry_price,
        initial_size: view.initial_size,
        realized_pnl: number::of_money(view.realized_pnl, "realized_pnl")?,
        fees_paid: number::of_money(view.fees_paid, "fees_paid")?,
        funding_net: number::of_money(view.funding_net, "funding_net")?,
        leverage: view.leverage.unwrap_or(Decimal::ONE),
        exit_leg_ratios: view.exit_leg_ratios.clone(),
        entry_time_ns: view.entry_time_ns.unwrap_or_default(),
        metadata: view.metadata.clone(),
    })
}

/// The orders that adopted slots had at work: they are not taken, and must be attached.
pub fn orders_left(slots: &Bound<'_, PyAny>) -> Result<Vec<(u32, Id)>, Error> {
    let mut left = Vec::new();
    for slot in slots.try_iter()? {
        let slot = slot?;
        let Ok(slot) = slot.cast::<TradeSlot>() else { continue };
        let view = slot.get().view();
        let orders = view.active_entry_order.iter().chain(&view.exit_orders).filter(|order| order.is_live());
        left.extend(orders.map(|order| (view.slot_id, order.venue_client_id.clone())));
    }
    Ok(left)
}

#[rustfmt::skip]
const OVERRIDE: [Field<SlotOverride>; 15] = [
    Field::optional("trade_id", |o, n, v| set_id(&mut o.trade_id, v, n)),
    Field::optional("asset", |o, n, v| set_id(&mut o.asset, v, n)),
    Field::optional("side", |o, n, v| { o.side = Some(names::read(v, n)?); Ok(()) }),
    Field::optional("size", |o, n, v| { o.size = Some(number::read(v, n)?); Ok(()) }),
    Field::optional("entry_price", |o, n, v| { o.entry_price = Some(number::read(v, n)?); Ok(()) }),
    Field::optional("initial_size", |o, n, v| { o.initial_size = Some(number::read(v, n)?); Ok(()) }),
    Field::optional("realized_pnl", |o, n, v| { o.realized_pnl = Some(number::read(v, n)?); Ok(()) }),
    Field::optional("leverage", |o, n, v| { o.leverage = Some(number::read(v, n)?); Ok(()) }),
    Field::optional("exit_leg_ratios", |o, n, v| { o.exit_leg_ratios = Some(number::read_ratios(v, n)?); Ok(()) }),
    Field::optional("close_reason", |o, n, v| set_id(&mut o.close_reason, v, n)),
    Field::optional("closed", |o, n, v| { o.closed = Some(text::read_flag(v, n)?); Ok(()) }),
    Field::optional("unprotected", |o, n, v| { o.unprotected = Some(text::read_flag(v, n)?); Ok(()) }),
    Field::optional("metadata", |o, n, v| { o.metadata = Some(text::read_json(v, n)?); Ok(()) }),
    Field::optional("entry_order", |o, n, v| set_id(&mut o.entry_order, v, n)),
    Field::optional("exit_order", |o, n, v| set_id(&mut o.exit_order, v, n)),
];

fn set_id(place: &mut Option<Id>, value: &Bound<'_, PyAny>, name: &'static str) -> Result<(), Error> {
    text::read_id(place.insert(Id::EMPTY), value, name)
}

/// An operator's change of a slot, from keywords.
pub fn slot_override(
    slot_id: u32,
    by: &Bound<'_, PyAny>,
    reason: &Bound<'_, PyAny>,
    changes: Option<&Bound<'_, PyDict>>,
) -> Result<SlotOverride, Error> {
    let mut who = Id::EMPTY;
    text::read_id(&mut who, by, "by")?;
    let mut change = SlotOverride::new(slot_id, who, text::read_text(reason, "reason")?);
    if let Some(changes) = changes {
        record::apply_changes(&mut change, &OVERRIDE, changes)?;
    }
    Ok(change)
}

#[rustfmt::skip]
const SAMPLE: [Field<FeeSample>; 7] = [
    Field::required("symbol", |s, n, v| text::read_id(&mut s.symbol, v, n)),
    Field::required("fill_price", |s, n, v| { s.price = number::read(v, n)?; Ok(()) }),
    Field::required("fill_qty", |s, n, v| { s.size = number::read(v, n)?; Ok(()) }),
    Field::required("actual_fee", |s, n, v| { s.fee = number::read(v, n)?; Ok(()) }),
    Field::optional("fee_asset", |s, n, v| text::read_optional_id(&mut s.fee_asset, v, n)),
    Field::optional("order_side", |s, n, v| { s.order_side = names::read_optional(v, n)?; Ok(()) }),
    Field::optional("liquidity", |s, n, v| { s.liquidity = names::read_optional(v, n)?; Ok(()) }),
];

/// A fee that was seen, from keywords.
pub fn fee_sample(given: &Bound<'_, PyDict>) -> Result<FeeSample, Error> {
    record::check_required(&SAMPLE, given)?;
    let mut sample = FeeSample {
        symbol: Id::EMPTY,
        price: Decimal::ZERO,
        size: Decimal::ZERO,
        fee: Decimal::ZERO,
        fee_asset: Id::EMPTY,
        order_side: None,
        liquidity: None,
    };
    record::apply_changes(&mut sample, &SAMPLE, given)?;
    Ok(sample)
}
