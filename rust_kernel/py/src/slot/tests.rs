use super::*;
use dita_kernel::id::Id;
use dita_kernel::names::{TradeSide, TradeStage};
use dita_kernel::num::Money;

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
        owner: Id::EMPTY,
        seen_event_ids: Vec::new(),
        exits: Vec::new(),
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
