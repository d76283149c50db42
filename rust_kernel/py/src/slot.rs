//! `TradeSlot`: one slot at one moment.

use dita_kernel::id::Id;
use dita_kernel::names::{TradeSide, TradeStage};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, Rounding, divide, pow10, product};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::Error;
use crate::order::{OrderView, VenueOrder};
use crate::record::{self, Shown};
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
    /// What is open cost this much, + for a long and - for a short: the exact basis under `entry_price`.
    pub cost: Money,
    /// Base units per contract.
    pub contract_multiplier: Decimal,
}

const NAMES: [Shown; 24] = [
    ("slot_id", false),
    ("trade_id", false),
    ("asset", false),
    ("side", false),
    ("entry_price", false),
    ("size", false),
    ("initial_size", false),
    ("leverage", false),
    ("entry_time", true),
    ("unrealized_pnl", false),
    ("realized_pnl", false),
    ("closed", false),
    ("exit_leg_ratios", false),
    ("active_leg_index", false),
    ("active_entry_order", false),
    ("active_exit_order", false),
    ("exit_orders", false),
    ("fsm_state", false),
    ("close_reason", false),
    ("last_event_time", true),
    ("metadata", false),
    ("fees_paid", false),
    ("funding_net", false),
    ("unprotected", false),
];

impl SlotView {
    /// Profit or loss of what is open at `price`; `None` where it does not fit.
    fn unrealized_at(&self, price: Decimal) -> Option<Money> {
        let size = product(self.size.mantissa(), self.contract_multiplier.mantissa())?;
        let mantissa = product(size, price.mantissa())?;
        let scale = self.size.scale() + self.contract_multiplier.scale() + price.scale();
        let magnitude = match scale.checked_sub(MONEY_SCALE) {
            Some(excess) => divide(mantissa, pow10(excess)?, Rounding::HalfEven)?,
            None => product(mantissa, pow10(MONEY_SCALE - scale)?)?,
        };
        let value = match self.side {
            TradeSide::Long => magnitude,
            TradeSide::Short => magnitude.checked_neg()?,
            TradeSide::Flat => return Some(Money::ZERO),
        };
        value.checked_sub(self.cost.0).map(Money)
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

    /// Every field by name, orders as dicts; times are int nanoseconds.
    fn to_dict<'py>(slf: &Bound<'py, TradeSlot>) -> PyResult<Bound<'py, PyDict>> {
        record::to_dict_of(slf.as_any(), &NAMES)
    }

    fn __repr__(slf: &Bound<'_, TradeSlot>) -> PyResult<String> {
        record::repr_of(slf.as_any(), &NAMES)
    }

    fn __eq__(&self, other: &TradeSlot) -> bool {
        self.view == other.view
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
