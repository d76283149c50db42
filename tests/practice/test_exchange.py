"""`dita exchange` over real sockets, with a client that was written from the venue's documentation alone."""

import asyncio
import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from dita.errors import InvalidInput
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from exchange_client import Client


@pytest.fixture
def served() -> Iterator[ServerThread]:
    with ServerThread(Terms(still=True)) as server:
        yield server


@pytest.fixture
def client(served: ServerThread) -> Client:
    return Client(served.address)


def listen(address: str, path: str, act: Any, *, want: int, wait_s: float = 5.0) -> list[dict[str, Any]]:
    """Connect, act on another thread, and return `want` frames, or those that came in time."""

    async def run() -> list[dict[str, Any]]:
        received: list[dict[str, Any]] = []
        async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://{address}{path}") as socket:
            await socket.ping()
            await asyncio.get_running_loop().run_in_executor(None, act)
            until = time.monotonic() + wait_s
            while len(received) < want:
                try:
                    message = await socket.receive(timeout=max(0.05, until - time.monotonic()))
                except TimeoutError:
                    break
                if message.type != aiohttp.WSMsgType.TEXT:
                    break
                received.append(message.json())
        return received

    return asyncio.run(run())


def fills(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [frame["o"] for frame in frames if frame.get("o", {}).get("x") == "TRADE"]


# ------------------------------------------------------------------------------- what the venue's traps are


def test_the_old_path_connects_and_pushes_nothing_while_the_private_one_tells_of_the_fill(
    served: ServerThread, client: Client
) -> None:
    key = client.ask("POST", "/fapi/v1/listenKey", signed=False)[1]["listenKey"]
    assert listen(served.address, f"/ws/{key}", client.place, want=1, wait_s=0.7) == []
    reported = listen(served.address, f"/private/ws?listenKey={key}", client.place, want=4)
    assert [frame["e"] for frame in reported] == [
        "ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE",
    ]  # fmt: skip
    assert fills(reported)[0]["l"] == "0.01"


def test_one_client_id_fills_twice_once_the_first_order_is_no_longer_open(
    served: ServerThread, client: Client
) -> None:
    for _ in range(2):
        status, order = client.place(newClientOrderId="twice", newOrderRespType="RESULT")
        assert (status, order["status"]) == (200, "FILLED")
    trades = client.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")[1]
    assert len(trades) == 2
    assert len({trade["orderId"] for trade in trades}) == 2
    assert client.ask("GET", "/fapi/v3/positionRisk")[1][0]["positionAmt"] == "0.02"
    # While one is open its id is taken.
    resting = {"type": "LIMIT", "timeInForce": "GTC", "price": "50000", "newClientOrderId": "open"}
    assert client.place(**resting)[0] == 200
    assert client.place(**resting) == (400, {"code": -4116, "msg": "ClientOrderId is duplicated."})


# ------------------------------------------------------------------------------------------ who may ask


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"timestamp": 1},                         400, -1021),
        ({"timestamp": time.time_ns() // 10**6 + 3_600_000}, 400, -1021),
        ({"recvWindow": 60_001},                   400, -1131),
        ({"quantity": ""},                         400, -1102),
        ({"symbol": "NOPE"},                       400, -1121),
        ({"side": "UP"},                           400, -1117),
        ({"type": "STOP_MARKET"},                  400, -4120),
        ({"type": "GUESS"},                        400, -1116),
        ({"quantity": "0.0001"},                   400, -1111),
        ({"quantity": "0.001"},                    400, -4164),
        ({"quantity": "121"},                      400, -4005),
        ({"quantity": "100"},                      400, -2019),
        ({"type": "LIMIT", "timeInForce": "GTC", "price": "63000.1"},   400, -4016),
        ({"type": "LIMIT", "timeInForce": "GTC", "price": "56999.9", "side": "SELL"}, 400, -4024),
        ({"reduceOnly": "true"},                   400, -2022),
        ({"positionSide": "LONG"},                 400, -4061),
        ({"newClientOrderId": "x" * 37},           400, -4015),
        ({"type": "LIMIT", "timeInForce": "GTC", "price": "50000.05"},  400, -4014),
        ({"type": "LIMIT", "timeInForce": "GTX", "price": "60000.1"},   400, -5022),
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_taken_is_refused_in_the_venues_code(
    client: Client, change: dict[str, Any], status: int, code: int
) -> None:
    got, body = client.place(**change)
    assert (got, body["code"]) == (status, code)
    assert client.ask("GET", "/fapi/v1/allOrders", symbol="BTCUSDT")[1] == []


def test_a_wrong_secret_a_wrong_key_and_no_key_are_refused(served: ServerThread) -> None:
    assert Client(served.address, secret="other").place()[1]["code"] == -1022  # noqa: S106
    assert Client(served.address, key="other").place() == (
        401,
        {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
    )
    assert Client(served.address, key="").ask("POST", "/fapi/v1/listenKey", signed=False)[0] == 401


def test_limits_are_reported_in_headers_and_end_in_429_with_a_time_to_wait(
    served: ServerThread, client: Client
) -> None:
    client.place()
    assert client.headers["x-mbx-order-count-10s"] == "1"
    weights = []
    for _ in range(3):
        client.ask("GET", "/fapi/v1/income")
        weights.append(int(client.headers["x-mbx-used-weight-1m"]))
    assert [later - earlier for earlier, later in pairwise(weights)] == [30, 30]
    served.call(lambda exchange: exchange.limits.weight.add(2_400, exchange.now_ms()))
    status, body = client.ask("GET", "/fapi/v1/time", signed=False)
    assert (status, body["code"]) == (429, -1003)
    assert 0 < int(client.headers["retry-after"]) <= 60


# ------------------------------------------------------------------------------------------ what happens


def test_a_stop_lives_in_the_algo_service_and_trades_under_a_second_id(
    served: ServerThread, client: Client
) -> None:
    client.place(quantity="0.05")
    key = client.ask("POST", "/fapi/v1/listenKey", signed=False)[1]["listenKey"]
    stop = {
        "algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET",
        "quantity": "0.05", "triggerPrice": "59000", "reduceOnly": "true", "clientAlgoId": "stop1",
    }  # fmt: skip
    status, algo = client.ask("POST", "/fapi/v1/algoOrder", **stop)
    assert (status, algo["algoStatus"], algo["actualOrderId"]) == (200, "NEW", "")
    assert [o["clientAlgoId"] for o in client.ask("GET", "/fapi/v1/openAlgoOrders")[1]] == ["stop1"]
    assert client.ask("GET", "/fapi/v1/openOrders")[1] == []
    reported = listen(
        served.address, f"/private/ws/{key}", lambda: served.command("price BTCUSDT 58999"), want=7
    )
    algos = [frame["o"] for frame in reported if frame["e"] == "ALGO_UPDATE"]
    assert [one["X"] for one in algos] == ["TRIGGERING", "TRIGGERED", "FINISHED"]
    fill = fills(reported)[0]
    assert (fill["c"], fill["si"], fill["st"]) == ("stop1", algo["algoId"], "ALGO_CONDITION")
    assert algos[-1]["ai"] == str(fill["i"])
    assert client.ask("GET", "/fapi/v3/positionRisk")[1] == []


def test_money_adds_up_trade_by_trade_and_in_the_income_history(served: ServerThread, client: Client) -> None:
    client.place(quantity="0.05")
    served.command("price BTCUSDT 61000")
    client.place(side="SELL", quantity="0.05")
    served.command("transfer USDT -100")
    income = client.ask("GET", "/fapi/v1/income", limit=1000)[1]
    balance = Decimal(client.ask("GET", "/fapi/v3/balance")[1][0]["balance"])
    assert balance == 10_000 + sum(Decimal(row["income"]) for row in income)
    trades = client.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")[1]
    for trade in trades:
        assert Decimal(trade["commission"]) == Decimal(trade["quoteQty"]) * Decimal("0.0005")
    assert Decimal(trades[-1]["realizedPnl"]) == Decimal("0.05") * (
        Decimal(trades[1]["price"]) - Decimal(trades[0]["price"])
    )


def test_an_amend_needs_both_numbers_and_is_reported_as_amendment(
    served: ServerThread, client: Client
) -> None:
    resting = {"type": "LIMIT", "timeInForce": "GTC", "price": "50000", "newClientOrderId": "a1"}
    client.place(**resting)
    change = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "a1"}
    assert client.ask("PUT", "/fapi/v1/order", **change, quantity="0.02")[1]["code"] == -1102
    status, order = client.ask(
        "PUT", "/fapi/v1/order", **change, quantity="0.02", price="50001", modifyId="m1"
    )
    assert (status, order["origQty"], order["price"], order["modifyId"]) == (200, "0.02", "50001", "m1")
    assert "avgPrice" not in order
    assert client.ask("DELETE", "/fapi/v1/order", **change)[1]["status"] == "CANCELED"
    assert client.ask("DELETE", "/fapi/v1/order", **change)[1]["code"] == -2011


def test_a_liquidation_a_deleveraging_and_anothers_trade_are_reported_as_the_venue_tells_them(
    served: ServerThread, client: Client
) -> None:
    key = client.ask("POST", "/fapi/v1/listenKey", signed=False)[1]["listenKey"]
    client.place(quantity="3")

    def act() -> None:
        served.command("manual BTCUSDT BUY 0.01")
        served.command("adl BTCUSDT 1")
        served.command("price BTCUSDT 50000")

    reported = listen(served.address, f"/private/ws/{key}", act, want=6, wait_s=2)
    orders = [frame["o"] for frame in reported if frame["e"] == "ORDER_TRADE_UPDATE"]
    assert [(one["c"].rstrip("0123456789"), one["x"]) for one in orders] == [
        ("web_", "TRADE"),
        ("adl_autoclose", "CALCULATED"),
        ("autoclose-", "CALCULATED"),
    ]
    assert [o["clientOrderId"] for o in client.ask("GET", "/fapi/v1/forceOrders")[1]] == [
        orders[1]["c"],
        orders[2]["c"],
    ]


def test_funding_is_paid_at_its_boundary_and_reported_with_its_symbol(
    served: ServerThread, client: Client
) -> None:
    client.place(quantity="0.05")
    key = client.ask("POST", "/fapi/v1/listenKey", signed=False)[1]["listenKey"]
    reported = listen(
        served.address, f"/private/ws/{key}", lambda: served.command("fund BTCUSDT 0.001 0.3"), want=1
    )
    assert (reported[0]["a"]["m"], reported[0]["a"]["S"], reported[0]["a"]["P"]) == (
        "FUNDING_FEE",
        "BTCUSDT",
        [],
    )
    row = client.ask("GET", "/fapi/v1/income", incomeType="FUNDING_FEE")[1][0]
    assert row["income"] == reported[0]["a"]["B"][0]["bc"]


# ------------------------------------------------------------------------------------------- what goes wrong


def test_a_silent_stream_says_nothing_until_it_is_healed(served: ServerThread, client: Client) -> None:
    key = client.ask("POST", "/fapi/v1/listenKey", signed=False)[1]["listenKey"]
    served.command("fault silent on")
    assert listen(served.address, f"/private/ws/{key}", client.place, want=1, wait_s=0.5) == []
    served.command("heal")
    assert len(listen(served.address, f"/private/ws/{key}", client.place, want=4)) == 4


def test_who_connects_gets_old_fills_once_more_where_replay_is_on(
    served: ServerThread, client: Client
) -> None:
    key = client.ask("POST", "/fapi/v1/listenKey", signed=False)[1]["listenKey"]
    client.place()
    served.command("fault replay on")
    reported = listen(served.address, f"/private/ws/{key}", lambda: None, want=1)
    assert [one["l"] for one in fills(reported)] == ["0.01"]


@pytest.mark.parametrize(
    ("fault", "executed", "answer"),
    [
        ("error_503", 0, (503, -1008)),
        ("error_503_executed", 1, (503, -1000)),
        ("no_answer", 1, None),
        ("lost", 0, None),
    ],
)
def test_an_order_that_is_not_answered_plainly_was_executed_or_not_as_the_fault_says(
    served: ServerThread, client: Client, fault: str, executed: int, answer: tuple[int, int] | None
) -> None:
    served.command(f"fault {fault} 1")
    if answer is None:
        with pytest.raises((ConnectionError, OSError)):
            client.place()
    else:
        status, body = client.place()
        assert (status, body["code"]) == answer
    assert len(client.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")[1]) == executed


def test_rest_that_lags_does_not_know_yet_what_the_stream_reported(
    served: ServerThread, client: Client
) -> None:
    served.command("fault rest_lag_ms 60000")
    client.place(newClientOrderId="young")
    question = {"symbol": "BTCUSDT", "origClientOrderId": "young"}
    assert client.ask("GET", "/fapi/v1/order", **question)[1]["code"] == -2013
    assert client.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")[1] == []
    served.command("fault rest_lag_ms 0")
    assert client.ask("GET", "/fapi/v1/order", **question)[1]["status"] == "FILLED"


def test_an_hour_off_the_clock_refuses_every_signed_request(served: ServerThread, client: Client) -> None:
    served.command("fault clock_off_ms 3600000")
    assert client.place()[1]["code"] == -1021
    there = client.ask("GET", "/fapi/v1/time", signed=False)[1]["serverTime"]
    assert client.place(timestamp=there)[0] == 200


def test_an_order_is_acknowledged_and_then_expires(served: ServerThread, client: Client) -> None:
    served.command("fault reject_after_ack 1")
    status, order = client.place(type="LIMIT", timeInForce="GTC", price="50000", newClientOrderId="r1")
    assert (status, order["status"]) == (200, "NEW")
    question = {"symbol": "BTCUSDT", "origClientOrderId": "r1"}
    assert client.ask("GET", "/fapi/v1/order", **question)[1]["status"] == "EXPIRED"


def test_an_expired_key_is_reported_and_renewing_it_is_refused(served: ServerThread, client: Client) -> None:
    key = client.ask("POST", "/fapi/v1/listenKey", signed=False)[1]["listenKey"]
    reported = listen(served.address, f"/private/ws/{key}", lambda: served.command("expire-key"), want=1)
    assert [frame["e"] for frame in reported] == ["listenKeyExpired"]
    assert client.ask("PUT", "/fapi/v1/listenKey", signed=False)[1]["code"] == -1125


# ------------------------------------------------------------------------------------------------ the market


def test_market_streams_come_on_their_own_paths_only(served: ServerThread) -> None:
    served.command("still off")
    assert listen(served.address, "/public/ws/btcusdt@markPrice@1s", int, want=1, wait_s=1.5) == []
    mark = listen(served.address, "/market/stream?streams=btcusdt@markPrice@1s", int, want=1)[0]
    assert (mark["stream"], mark["data"]["e"]) == ("btcusdt@markPrice@1s", "markPriceUpdate")
    depths = listen(served.address, "/public/ws/btcusdt@depth@100ms", int, want=3)
    assert [frame["pu"] for frame in depths[1:]] == [frame["u"] for frame in depths[:-1]]


def test_bars_of_an_hour_are_those_of_its_minutes(client: Client) -> None:
    minutes = client.ask("GET", "/fapi/v1/klines", signed=False, symbol="BTCUSDT", interval="1m", limit=1500)[
        1
    ]
    hours = client.ask("GET", "/fapi/v1/klines", signed=False, symbol="BTCUSDT", interval="1h", limit=4)[1]
    hour = hours[1]
    within = [bar for bar in minutes if hour[0] <= bar[0] <= hour[6]]
    assert len(within) == 60
    assert (hour[1], hour[4]) == (within[0][1], within[-1][4])
    assert Decimal(hour[2]) == max(Decimal(bar[2]) for bar in within)
    assert Decimal(hour[5]) == sum(Decimal(bar[5]) for bar in within)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("nonsense",            "command: 'nonsense' is none"),
        ("fault nonsense 1",    "no such fault"),
        ("fault silent maybe",  "faults.silent: expected on or off, got 'maybe'"),
        ("fault drop -1",       "faults.drop: must be 0 or more, got -1"),
        ("price BTCUSDT",       "expected price SYMBOL PRICE"),
        ("price NOPE 1",        "symbol: 'NOPE' is not listed"),
        ("fill nobody 1",       "client_id: no open order has 'nobody'"),
    ],
)  # fmt: skip
def test_a_command_that_is_none_says_what_is_wrong(served: ServerThread, line: str, what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        served.command(line)


def test_a_user_stream_may_be_subscribed_to_by_its_key(served: ServerThread, client: Client) -> None:
    key = client.ask("POST", "/fapi/v1/listenKey", signed=False)[1]["listenKey"]

    async def run() -> list[Any]:
        address = f"ws://{served.address}/private/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
            await socket.send_json({"method": "SUBSCRIBE", "params": [key], "id": 1})
            received = [await socket.receive_json(timeout=5)]
            await asyncio.get_running_loop().run_in_executor(None, client.place)
            return [*received, await socket.receive_json(timeout=5)]

    answer, frame = asyncio.run(run())
    assert answer == {"result": None, "id": 1}
    assert (frame["stream"], frame["data"]["e"]) == (key, "ORDER_TRADE_UPDATE")
