"""Bars on the simulated venue: each fill is where the stated path says."""

from decimal import Decimal
from typing import Any

import pytest

from dita import ExecutionKernel, InvalidInput, KernelCommandType, KernelIntent, SimulatedVenue

SYMBOL = "BTCUSDT"
ENTER, EXIT = KernelCommandType.ENTER, KernelCommandType.EXIT


class Desk:
    """A kernel on bars of one minute."""

    def __init__(self, **settings: Any) -> None:
        self.venue = SimulatedVenue(balances={"USDT": "10000"}, **settings)
        self.kernel = ExecutionKernel(max_slots=4, venue=self.venue)
        self.kernel.set_exchange_config(
            {
                "taker_rate": "0",
                "maker_rate": "0",
                "instruments": {SYMBOL: {"tick_size": "1", "lot_step": "1"}},
            }
        )
        self.kernel.set_seed_capital("10000")
        self.minute = 0
        self.sent = 0

    def bar(self, first: int, high: int, low: int, last: int, **options: Any) -> None:
        begin = self.minute * 60_000_000_000
        self.minute += 1
        self.venue.on_bar(SYMBOL, first, high, low, last, begin, begin + 60_000_000_000, **options)

    def send(self, action: KernelCommandType, side: str = "LONG", slot: int = 0, **fields: Any) -> None:
        self.sent += 1
        values = {"target_size": 1, **fields}
        intent = KernelIntent(
            self.kernel.now_ns, f"i{self.sent}", f"t{slot}", slot, SYMBOL, side, action, **values
        )
        outcome = self.kernel.process_intent(intent)
        assert outcome.accepted, outcome

    def fills(self) -> list[tuple[str, Decimal | None]]:
        return [
            (str(order.order_side), order.average_fill_price)
            for order in self.kernel.orders()
            if order.filled_size
        ]


def limit(price: int) -> dict[str, Any]:
    return {"order_type": "LIMIT", "limit_price": price}


def stop(price: int) -> dict[str, Any]:
    return {"order_type": "STOP_MARKET", "trigger_price": price}


def test_an_order_between_two_bars_meets_the_close_or_with_hold_for_open_the_next_open() -> None:
    for held, price in ((False, 104), (True, 106)):
        desk = Desk(hold_for_open=held)
        desk.bar(100, 105, 99, 104)
        desk.send(ENTER)
        assert bool(desk.fills()) is not held
        desk.bar(106, 108, 105, 107)
        assert desk.fills() == [("BUY", Decimal(price))]


def test_a_held_order_can_be_canceled_before_the_open() -> None:
    desk = Desk(hold_for_open=True)
    desk.bar(100, 105, 99, 104)
    desk.send(ENTER)
    (order,) = desk.kernel.orders(live_only=True)
    desk.send(KernelCommandType.CANCEL, target_client_id=order.venue_client_id, target_size=None)
    desk.bar(106, 108, 105, 107)
    assert desk.fills() == []
    assert desk.kernel.slot(0).is_free()


@pytest.mark.parametrize(
    ("through", "low", "filled"), [(False, 98, True), (False, 97, True), (True, 98, False), (True, 97, True)]
)
def test_a_limit_fills_where_the_low_touches_it_or_only_beyond_it(
    *,
    through: bool,
    low: int,
    filled: bool,
) -> None:
    desk = Desk(limit_through=through)
    desk.bar(100, 101, 99, 100)
    desk.send(ENTER, **limit(98))
    desk.bar(100, 102, low, 101)
    assert desk.fills() == ([("BUY", Decimal(98))] if filled else [])


def test_a_limit_that_the_open_has_passed_fills_at_the_open() -> None:
    desk = Desk()
    desk.bar(100, 101, 99, 100)
    desk.send(ENTER, **limit(98))
    desk.bar(95, 99, 94, 97)
    assert desk.fills() == [("BUY", Decimal(95))]


def test_a_stop_triggers_at_its_trigger_and_at_the_open_where_that_has_passed_it() -> None:
    for bar, price in (((100, 102, 90, 101), 96), ((93, 94, 90, 91), 93)):
        desk = Desk()
        desk.bar(100, 101, 99, 100)
        desk.send(ENTER)
        desk.send(EXIT, **stop(96))
        desk.bar(*bar)
        assert desk.fills() == [("BUY", Decimal(100)), ("SELL", Decimal(price))]


@pytest.mark.parametrize(
    ("bar", "options", "price"),
    [
        ((100, 110, 90, 105), {}, 95),  # it rose: the low is first
        ((100, 110, 90, 95), {}, 108),  # it fell: the high is first
        ((100, 110, 90, 95), {"high_first": False}, 95),
        ((100, 110, 90, 105), {"high_first": True}, 108),
    ],
)
def test_of_a_stop_and_a_target_in_one_bar_the_path_says_which_comes_first(
    bar: tuple[int, int, int, int], options: dict[str, bool], price: int
) -> None:
    desk = Desk()
    desk.bar(100, 101, 99, 100)
    desk.send(ENTER)
    desk.send(EXIT, **stop(95), oco_group="g")
    desk.send(EXIT, **limit(108), oco_group="g")
    desk.bar(*bar, **options)
    assert desk.fills() == [("BUY", Decimal(100)), ("SELL", Decimal(price))]
    assert desk.kernel.orders(live_only=True) == []


def test_a_path_that_nobody_needs_is_left_out_and_comes_to_the_same() -> None:
    """The close and the open are heard in any case."""
    quiet, watched = Desk(), Desk()
    for desk in (quiet, watched):
        desk.bar(100, 101, 99, 100)
    watched.send(ENTER, slot=3, **limit(1))
    for desk in (quiet, watched):
        desk.bar(100, 110, 90, 105)
        desk.send(ENTER)
        desk.bar(105, 120, 104, 118)
    assert quiet.kernel.seq < watched.kernel.seq
    assert quiet.fills() == watched.fills()
    assert quiet.kernel.account.equity == watched.kernel.account.equity


@pytest.mark.parametrize(
    ("bar", "field"),
    [
        ((0, 1, 1, 1), "open"),
        ((100, 99, 98, 99), "open"),
        ((100, 101, 99, 98), "close"),
        (("100.5", 101, 99, 100), "open"),
        ((100, -1, 99, 100), "high"),
    ],
)
def test_a_bar_that_cannot_be_is_refused_by_its_field(bar: Any, field: str) -> None:
    desk = Desk()
    with pytest.raises(InvalidInput, match=field):
        desk.bar(*bar)
    desk.bar(100, 101, 99, 100)
    assert desk.kernel.instrument(SYMBOL)["mark_price"] == 100
