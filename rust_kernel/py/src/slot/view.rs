//! A slot's fields: what the engine reads out of the core, and what Python gives by name.

use dita_kernel::id::Id;
use dita_kernel::input::ExitSpec;
use dita_kernel::names::{TradeSide, TradeStage};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, Rounding, divide, multiply_divide, pow10, product};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::errors::Error;
use crate::order::OrderView;
use crate::record::{self, Field, Shown};
use crate::{exit_spec, names, number, text, time};

/// A slot's facts, as the engine reads them out of the core.
#[derive(Clone, PartialEq, Debug)]
pub struct SlotView {
    /// The slot.
    pub slot_id: u32,
    /// The trade; empty when the slot was never used.
    pub trade_id: Id,
    /// The instrument.
    pub asset: Id,
    /// The position's side.
    pub side: TradeSide,
    /// The entry fills' average price; absent before the first.
    pub entry_price: Option<Decimal>,
    /// What is open, in base units or contracts.
    pub size: Decimal,
    /// What was filled on entry, net of busts.
    pub initial_size: Decimal,
    /// The leverage at the venue, where it is known.
    pub leverage: Option<Decimal>,
    /// The first entry fill's time. Nanoseconds since 1970-01-01 UTC.
    pub entry_time_ns: Option<i64>,
    /// Profit or loss of what is open, at the last mark, in the settlement asset.
    pub unrealized_pnl: Money,
    /// Profit or loss of what was closed, before fees and funding, in the settlement asset.
    pub realized_pnl: Money,
    /// True when the trade is over.
    pub closed: bool,
    /// Parts of the position for the exit ladder. Empty means `(1,)`.
    pub exit_leg_ratios: Vec<Decimal>,
    /// How many of the ladder's targets are met.
    pub active_leg_index: u32,
    /// The entry order, where there is one.
    pub active_entry_order: Option<OrderView>,
    /// The exit orders, oldest first.
    pub exit_orders: Vec<OrderView>,
    /// The slot's stage.
    pub fsm_state: TradeStage,
    /// Why the trade ended; empty while it has not.
    pub close_reason: Id,
    /// The kernel's time of the last input that concerned the slot. Nanoseconds since 1970-01-01 UTC.
    pub last_event_time_ns: Option<i64>,
    /// The entry intent's metadata as canonical JSON; empty when none.
    pub metadata: Box<str>,
    /// Fees charged so far, in the settlement asset.
    pub fees_paid: Money,
    /// Funding so far, + when received, in the settlement asset.
    pub funding_net: Money,
    /// True when a protective exit failed and nothing guards the position.
    pub unprotected: bool,
    /// What is open cost this much, + for a long and - for a short, the other way round for an inverse contract: the
    /// exact basis under `entry_price`.
    pub cost: Money,
    /// Base units per contract.
    pub contract_multiplier: Decimal,
    /// True where a contract is worth `contract_multiplier / price` in base units.
    pub inverse: bool,
    /// Whose trade it is; empty when nobody's.
    pub owner: Id,
    /// The venue's ids of the fills booked for the trade's entry order, and for the exit orders that the slot still names.
    pub seen_event_ids: Vec<Id>,
    /// The exits that are attached to the trade.
    pub exits: Vec<ExitSpec>,
}

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
    Field::optional("active_entry_order", |s, n, v| { s.active_entry_order = OrderView::from_value(v, n)?; Ok(()) }),
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
    let Some(order) = OrderView::from_value(value, name)? else { return Ok(()) };
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
        match OrderView::from_value(&one, &place)? {
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

/// What a slot that was never used holds.
pub fn blank(slot_id: u32) -> SlotView {
    SlotView {
        slot_id,
        trade_id: Id::EMPTY,
        owner: Id::EMPTY,
        seen_event_ids: Vec::new(),
        exits: Vec::new(),
        asset: Id::EMPTY,
        side: TradeSide::Flat,
        entry_price: None,
        size: Decimal::ZERO,
        initial_size: Decimal::ZERO,
        leverage: None,
        entry_time_ns: None,
        unrealized_pnl: Money::ZERO,
        realized_pnl: Money::ZERO,
        closed: false,
        exit_leg_ratios: Vec::new(),
        active_leg_index: 0,
        active_entry_order: None,
        exit_orders: Vec::new(),
        fsm_state: TradeStage::Idle,
        close_reason: Id::EMPTY,
        last_event_time_ns: None,
        metadata: "".into(),
        fees_paid: Money::ZERO,
        funding_net: Money::ZERO,
        unprotected: false,
        cost: Money::ZERO,
        contract_multiplier: Decimal::ONE,
        inverse: false,
    }
}

/// A slot from its fields by name; what is left out follows from the others.
pub(super) fn read(fields: &Bound<'_, PyDict>) -> Result<SlotView, Error> {
    record::check_required(&FIELDS, fields)?;
    let mut view = blank(0);
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

impl SlotView {
    /// What the position is worth at `price`, signed like `cost`; `None` where it does not fit.
    fn value_at(&self, price: Decimal) -> Option<Money> {
        let size = product(self.size.mantissa(), self.contract_multiplier.mantissa())?;
        let size_scale = self.size.scale() + self.contract_multiplier.scale();
        let magnitude = if self.inverse {
            // In coin, which an inverse long is short of: it counts as −.
            let scale = MONEY_SCALE + price.scale();
            match scale.checked_sub(size_scale) {
                Some(power) => multiply_divide(size, pow10(power)?, price.mantissa(), Rounding::HalfEven)?,
                None => {
                    let divisor = product(price.mantissa(), pow10(size_scale - scale)?)?;
                    divide(size, divisor, Rounding::HalfEven)?
                }
            }
            .checked_neg()?
        } else {
            let mantissa = product(size, price.mantissa())?;
            let scale = size_scale + price.scale();
            match scale.checked_sub(MONEY_SCALE) {
                Some(excess) => divide(mantissa, pow10(excess)?, Rounding::HalfEven)?,
                None => product(mantissa, pow10(MONEY_SCALE - scale)?)?,
            }
        };
        match self.side {
            TradeSide::Long => Some(Money(magnitude)),
            TradeSide::Short => magnitude.checked_neg().map(Money),
            TradeSide::Flat => Some(Money::ZERO),
        }
    }

    /// Profit or loss of what is open at `price`; `None` where it does not fit.
    pub(super) fn unrealized_at(&self, price: Decimal) -> Option<Money> {
        if self.side == TradeSide::Flat {
            return Some(Money::ZERO);
        }
        self.value_at(price)?.0.checked_sub(self.cost.0).map(Money)
    }
}
