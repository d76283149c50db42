//! `TradeSlot`: one slot at one moment.

use dita_kernel::id::Id;
use dita_kernel::names::{TradeSide, TradeStage};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, Rounding, divide, multiply_divide, pow10, product};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::errors::Error;
use crate::order::{OrderView, VenueOrder};
use crate::record::{self, Field, Shown};
use crate::{names, number, text, time};

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
}

/// Every field in the constructor's order.
#[rustfmt::skip]
const FIELDS: [Field<SlotView>; 27] = [
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
];
const NAMES: [Shown; FIELDS.len()] = record::shown_names(&FIELDS);

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
fn read(fields: &Bound<'_, PyDict>) -> Result<SlotView, Error> {
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
    fn unrealized_at(&self, price: Decimal) -> Option<Money> {
        if self.side == TradeSide::Flat {
            return Some(Money::ZERO);
        }
        self.value_at(price)?.0.checked_sub(self.cost.0).map(Money)
    }
}

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
            funding_net=0, unprotected=False, cost=None, contract_multiplier=1, inverse=False)"
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

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or(Decimal::ZERO)
    }

    fn view(side: TradeSide, size: &str, cost: &str, multiplier: &str) -> SlotView {
        SlotView {
            slot_id: 0,
            trade_id: Id::EMPTY,
            asset: Id::EMPTY,
            side,
            entry_price: None,
            size: number(size),
            initial_size: number(size),
            leverage: None,
            entry_time_ns: None,
            unrealized_pnl: Money::ZERO,
            realized_pnl: Money::ZERO,
            closed: false,
            exit_leg_ratios: vec![number("0.5"), number("0.3"), number("0.2")],
            active_leg_index: 0,
            active_entry_order: None,
            exit_orders: Vec::new(),
            fsm_state: TradeStage::PositionOpen,
            close_reason: Id::EMPTY,
            last_event_time_ns: None,
            metadata: "".into(),
            fees_paid: Money::ZERO,
            funding_net: Money(-1),
            unprotected: false,
            cost: Money::from_decimal(number(cost)).unwrap_or(Money::ZERO),
            contract_multiplier: number(multiplier),
            inverse: false,
        }
    }

    #[test]
    #[rustfmt::skip]
    fn a_mark_values_the_exact_basis() {
        for (side, size, cost, multiplier, price, pnl) in [
            (TradeSide::Long,  "2",                     "200",   "1",     "110.5",                  "21"),
            (TradeSide::Short, "2",                     "-200",  "1",     "110.5",                  "-21"),
            (TradeSide::Flat,  "0",                     "0",     "1",     "110.5",                  "0"),
            (TradeSide::Long,  "3",                     "0.3",   "0.001", "101",                    "0.003"),
            (TradeSide::Long,  "0.000000000000000001",  "0",     "1",     "0.5",                    "0"), // a tie: to even
            (TradeSide::Long,  "0.000000000000000001",  "0",     "1",     "1.5",                    "0.000000000000000002"),
            (TradeSide::Long,  "1000000000000",         "0",     "1",     "1000000000000000000000", "too large"),
        ] {
            let got = view(side, size, cost, multiplier).unrealized_at(number(price));
            assert_eq!(got.map_or("too large".into(), |money| money.to_string()), pnl, "{side} {size} at {price}");
        }
    }

    #[test]
    fn legs_are_consumed_in_order_and_no_further() -> PyResult<()> {
        Python::initialize();
        Python::attach(|py| {
            let mut slot = TradeSlot::from(view(TradeSide::Long, "1", "1", "1"));
            for ratio in ["0.5", "0.3", "0.2", "0", "0"] {
                assert_eq!(slot.next_exit_ratio(py)?.to_string(), ratio);
                slot = slot.consume_exit_leg();
            }
            assert_eq!(slot.view.active_leg_index, 3);
            slot.view.exit_leg_ratios.clear();
            slot.view.active_leg_index = 0;
            assert_eq!(slot.next_exit_ratio(py)?.to_string(), "1");
            assert_eq!(slot.consume_exit_leg().next_exit_ratio(py)?.to_string(), "0");
            Ok(())
        })
    }

    #[test]
    fn a_slot_reads_back() -> PyResult<()> {
        Python::initialize();
        Python::attach(|py| {
            let slot = Bound::new(py, TradeSlot::from(view(TradeSide::Long, "2", "200", "1")))?;
            let globals = PyDict::new(py);
            globals.set_item("slot", &slot)?;
            let check = c"
assert slot.is_open() and not slot.is_free() and slot.side == 'LONG' and slot.fsm_state == 'POSITION_OPEN'
marked = slot.mark_price('110')
assert str(marked.unrealized_pnl) == '20' and slot.unrealized_pnl == 0 and marked != slot == slot.mark_price(100)
assert format(slot.funding_net, 'f') == '-0.000000000000000001'
assert slot.active_entry_order is slot.active_exit_order is slot.entry_time is None and slot.exit_orders == ()
assert list(slot.to_dict()) == NAMES and slot.to_dict()['metadata'] == {}
assert repr(slot).startswith('TradeSlot(slot_id=0, side=') and 'trade_id' not in repr(slot)
for bad in ('x', None, float('nan')):
    try:
        slot.mark_price(bad)
    except (ValueError, TypeError) as error:
        assert error.field == 'price'
    else:
        raise AssertionError(bad)
";
            globals.set_item("NAMES", NAMES.map(|(name, _)| name))?;
            py.run(check, Some(&globals), None)
        })
    }
}
