"""Plain orders become intents: against the side held they close, oldest first; what is left opens."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from dita import InvalidInput, SimulatedVenue
from dita.config import load
from dita.host import Client, Host, PlainOrders
from dita.host.plain_orders import common_status

SYMBOL = "BTCUSDT"
RULES = (
    '{taker_rate = "0.0005", maker_rate = "0.0002", '
    'instruments = {BTCUSDT = {tick_size = "0.1", lot_step = "0.001"},'
    ' ETHUSDT = {tick_size = "0.01", lot_step = "0.001", product = "spot"}}}'
)


@pytest.fixture
def host() -> Iterator[Host]:
    config = load(
        environ={}, overrides={"accounts.main.instruments": RULES, "accounts.main.max_slots": "3"}
    ).config
    with Host(config) as host:
        venue = host.kernel("main").venue
        assert isinstance(venue, SimulatedVenue)
        venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
        venue.on_quote("ETHUSDT", "3000.00", None, "3000.01", None, 2)
        yield host


@pytest.fixture
def client(host: Host) -> Client:
    return host.client("door", "main", slots=3)


@pytest.fixture
def orders(host: Host, client: Client) -> PlainOrders:
    return PlainOrders(client, host.kernel("main"))


def sizes(client: Client) -> list[tuple[str, Decimal]]:
    return [(str(trade.side), trade.size) for trade in client.trades(SYMBOL)]


def test_an_order_without_a_position_opens_a_trade(client: Client, orders: PlainOrders) -> None:
    order = orders.submit(SYMBOL, "BUY", "0.02", client_id="o1")
    assert (order.status, order.filled_size, order.average_price) == (
        "FILLED",
        Decimal("0.02"),
        Decimal("60000.1"),
    )
    assert [child.intent_id for child in order.children] == ["o1.1"]
    assert sizes(client) == [("LONG", Decimal("0.02"))]


def test_an_order_against_the_side_held_closes_the_oldest_first_and_opens_the_rest(
    client: Client, orders: PlainOrders
) -> None:
    orders.submit(SYMBOL, "BUY", "0.02", client_id="o1")
    orders.submit(SYMBOL, "BUY", "0.01", client_id="o2")
    order = orders.submit(SYMBOL, "SELL", "0.025", client_id="o3")
    assert [(child.intent_id, child.intended_size) for child in order.children] == [
        ("o3.1", Decimal("0.02")),
        ("o3.2", Decimal("0.005")),
    ]
    assert sizes(client) == [("LONG", Decimal("0.005"))]
    order = orders.submit(SYMBOL, "SELL", "0.015", client_id="o4")
    assert (order.status, len(order.children)) == ("FILLED", 2)
    assert sizes(client) == [("SHORT", Decimal("0.01"))]


def test_what_exits_at_work_have_taken_is_not_sold_twice(client: Client, orders: PlainOrders) -> None:
    orders.submit(SYMBOL, "BUY", "0.02", client_id="o1")
    resting = orders.submit(SYMBOL, "SELL", "0.015", client_id="o2", price="61000")
    assert (resting.status, [child.reduce_only for child in resting.children]) == ("NEW", [True])
    order = orders.submit(SYMBOL, "SELL", "0.005", client_id="o3")
    assert order.status == "FILLED"
    assert sizes(client) == [("LONG", Decimal("0.015"))]


def test_a_resting_order_is_canceled_by_its_own_id(orders: PlainOrders) -> None:
    orders.submit(SYMBOL, "BUY", "0.02", client_id="o1", price="59000")
    assert orders.order("o1").status == "NEW"
    assert orders.cancel("o1").status == "CANCELED"


def test_a_sale_of_what_is_not_held_is_refused_on_spot(orders: PlainOrders) -> None:
    order = orders.submit("ETHUSDT", "SELL", "1", client_id="o1")
    assert (order.status, order.reason, order.children) == ("REJECTED", "insufficient_funds", ())


def test_an_order_for_which_no_slot_is_free_is_refused(client: Client, orders: PlainOrders) -> None:
    for number in range(3):
        orders.submit(SYMBOL, "BUY", "0.001", client_id=f"o{number}")
    order = orders.submit(SYMBOL, "BUY", "0.001", client_id="late")
    assert (order.status, order.reason) == ("REJECTED", "no_free_slot")
    assert len(client.trades()) == 3


def test_what_the_kernel_refuses_is_reported_by_its_code(orders: PlainOrders) -> None:
    order = orders.submit(SYMBOL, "BUY", "0.0001", client_id="o1")
    assert order.status == "REJECTED"
    assert order.reason


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"side": "HOLD"}, "side"),
        ({"size": "0"}, "size"),
        ({"size": "x"}, "size"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "a.b"}, "client_id"),
        ({"client_id": "x" * 61}, "client_id"),
    ],
)
def test_a_value_that_cannot_be_taken_is_named_and_nothing_is_sent(
    client: Client, orders: PlainOrders, fields: dict[str, str], field: str
) -> None:
    values = {"side": "BUY", "size": "0.01", "client_id": "o1", **fields}
    with pytest.raises(InvalidInput) as caught:
        orders.submit(SYMBOL, values["side"], values["size"], client_id=values["client_id"])
    assert caught.value.field == field
    assert client.orders() == []


def test_an_id_is_taken_once(client: Client, orders: PlainOrders) -> None:
    orders.submit(SYMBOL, "BUY", "0.01", client_id="o1")
    with pytest.raises(InvalidInput, match="was used before"):
        orders.submit(SYMBOL, "BUY", "0.01", client_id="o1")
    with pytest.raises(InvalidInput, match="no order that is known"):
        orders.order("o2")
    assert len(client.trades()) == 1


@pytest.mark.parametrize(
    ("children", "size", "refused", "status"),
    [
        ([], "1", True, "REJECTED"),
        ([("SENT", "0")], "1", False, "SENT"),
        ([("SENT", "0"), ("ACKED", "0")], "1", False, "NEW"),
        ([("FILLED", "0.5"), ("ACKED", "0")], "1", False, "PARTIALLY_FILLED"),
        ([("FILLED", "0.5"), ("FILLED", "0.5")], "1", False, "FILLED"),
        ([("FILLED", "0.5"), ("CANCELED", "0")], "1", False, "CANCELED"),
        ([("EXPIRED", "0"), ("FILLED", "0.5")], "1", False, "EXPIRED"),
        ([("REJECTED", "0"), ("REJECTED", "0")], "1", False, "REJECTED"),
        ([("FILLED", "0.5")], "1", True, "CANCELED"),
        ([("FILLED", "0.5"), ("REJECTED", "0")], "1", False, "CANCELED"),
    ],
)
def test_the_children_have_one_common_status(
    children: list[tuple[str, str]],
    size: str,
    *,
    refused: bool,
    status: str,
) -> None:
    known = [(name, Decimal(filled)) for name, filled in children]
    assert common_status(known, Decimal(size), refused=refused) == status
