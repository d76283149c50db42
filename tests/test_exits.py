"""`ExitSpec`, `KernelIntent.exits` and `add`: what they take, and what comes of them at a venue."""

import pickle
from decimal import Decimal
from typing import Any

import pytest

from dita import (
    ExecutionKernel,
    ExitKind,
    ExitSpec,
    InvalidInput,
    InvalidType,
    KernelIntent,
    OrderType,
    SimulatedVenue,
    TriggerBy,
    VenueOrder,
)

TRADE: dict[str, Any] = {"trade_id": "t1", "slot_id": 0, "asset": "BTCUSDT", "side": "LONG"}


def test_an_exit_keeps_what_it_was_given() -> None:
    given = ExitSpec("TARGET", offset="0.02", ratio="0.5", trigger_by=TriggerBy.MARK)
    assert (given.kind, given.offset, given.ratio) == (ExitKind.TARGET, Decimal("0.02"), Decimal("0.5"))
    assert ExitSpec(**given.to_dict()) == given
    assert pickle.loads(pickle.dumps(given)) == given  # noqa: S301
    assert hash(given) == hash(given.replace(ratio="0.50"))
    assert (
        repr(given)
        == "ExitSpec(kind='TARGET', offset=Decimal('0.02'), ratio=Decimal('0.5'), trigger_by='MARK')"
    )
    with pytest.raises(AttributeError):
        given.ratio = Decimal(1)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "STOP"}, "trigger_price"),
        ({"kind": "STOP", "trigger_price": 90, "offset": "0.1"}, "trigger_price"),
        ({"kind": "STOP", "trigger_price": 0}, "trigger_price"),
        ({"kind": "STOP", "trigger_price": 90, "ratio": "0.5"}, "ratio"),
        ({"kind": "TARGET", "trigger_price": 90, "ratio": 2}, "ratio"),
        ({"kind": "TARGET", "limit_price": -1}, "limit_price"),
        ({"kind": "TARGET", "limit_price": 110, "trigger_by": "MARK"}, "trigger_by"),
        ({"kind": "TRAIL", "trigger_price": 90}, "offset"),
        ({"kind": "TRAIL", "offset": 0}, "offset"),
        ({"kind": "OTHER", "offset": 1}, "kind"),
    ],
)
def test_an_exit_that_contradicts_itself_is_refused_with_field_and_value(
    fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        ExitSpec(**fields)
    assert refused.value.field == field


def test_the_exits_of_an_intent_are_named_in_errors() -> None:
    with pytest.raises(InvalidType, match="exits"):
        KernelIntent(1, "i1", action="ENTER", exits="STOP", **TRADE)  # type: ignore[arg-type]
    exits = [{"kind": "STOP", "offset": "0.1"}, {"kind": "TARGET", "offset": 1, "ratio": 3}]
    with pytest.raises(InvalidInput, match=r"exits\[1\]\.ratio"):
        KernelIntent(1, "i1", action="ENTER", exits=exits, **TRADE)


def test_an_intent_keeps_its_exits() -> None:
    stop = ExitSpec("STOP", trigger_price=90)
    given = KernelIntent(1, "i1", action="ENTER", target_size=1, exits=(stop,), trigger_by="MARK", **TRADE)
    assert given.exits == (stop,)
    assert KernelIntent(**given.to_dict()) == given
    assert pickle.loads(pickle.dumps(given)) == given  # noqa: S301
    assert KernelIntent(
        1, "i1", action="ENTER", add=False, trigger_by="LAST", exits=(), **TRADE
    ) == KernelIntent(1, "i1", action="ENTER", **TRADE)


def traded(exits: tuple[ExitSpec, ...]) -> tuple[ExecutionKernel, SimulatedVenue]:
    """A long of 1 at 50,000 with these exits."""
    venue = SimulatedVenue(balances={"USDT": 100_000}, quotes_set_marks=True)
    kernel = ExecutionKernel(venue=venue)
    kernel.set_exchange_config({"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}}})
    kernel.set_seed_capital(100_000)
    quote(venue, 50_000)
    intent = KernelIntent(1, "i1", action="ENTER", target_size=1, exits=exits, **TRADE)
    assert kernel.process_intent(intent).accepted
    return kernel, venue


def quote(venue: SimulatedVenue, price: int) -> None:
    """A market that trades at a price, with enough on both sides."""
    venue.on_quote("BTCUSDT", price, None, price, None)


def resting(kernel: ExecutionKernel) -> list[tuple[str, Decimal, Decimal | None]]:
    def short(order: VenueOrder) -> tuple[str, Decimal, Decimal | None]:
        assert order.attached
        return (
            order.order_type.value,
            order.intended_size.normalize(),
            order.trigger_price or order.limit_price,
        )

    return [short(order) for order in kernel.slot(0).exit_orders]


def test_exits_rest_at_the_venue_and_are_shown() -> None:
    stop, target = ExitSpec("STOP", offset="0.02"), ExitSpec("TARGET", limit_price=52_000, ratio="0.5")
    kernel, _ = traded((stop, target))
    assert resting(kernel) == [
        (OrderType.STOP_MARKET, Decimal(1), Decimal(49_000)),
        (OrderType.LIMIT, Decimal("0.5"), Decimal(52_000)),
    ]
    assert kernel.slot(0).exits == (stop, target)
    shown = kernel.slot(0).to_dict()["exits"]
    assert [spec["kind"] for spec in shown] == ["STOP", "TARGET"]
    kernel.close()


def test_a_target_that_fills_leaves_a_smaller_stop() -> None:
    kernel, venue = traded(
        (ExitSpec("STOP", offset="0.02"), ExitSpec("TARGET", limit_price=52_000, ratio="0.5"))
    )
    quote(venue, 52_100)
    assert resting(kernel) == [(OrderType.STOP_MARKET, Decimal("0.5"), Decimal(49_000))]
    quote(venue, 48_900)
    assert kernel.slot(0).closed
    assert kernel.slot(0).close_reason == "STOP"
    kernel.close()


def test_an_addition_moves_the_stop_to_the_new_average() -> None:
    kernel, venue = traded((ExitSpec("STOP", offset="0.02"),))
    quote(venue, 49_500)
    added = kernel.process_intent(KernelIntent(2, "i2", action="ENTER", target_size=1, add=True, **TRADE))
    assert added.accepted
    assert kernel.slot(0).entry_price == 49_750
    assert resting(kernel) == [(OrderType.STOP_MARKET, Decimal(2), Decimal(48_755))]
    kernel.close()
