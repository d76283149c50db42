"""The ccxt programs that the how-to prints work as they are printed, and what else ccxt asks for is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dita.practice.exchange import Terms
from dita.practice.server import ServerThread

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "practise-on-an-exchange.md"
PAIR = "BTC/USDT:USDT"
VENUES = ("binance", "bybit")


def program(venue: str) -> str:
    """What the page prints for a venue."""
    found = re.findall(r"```text\n(import ccxt\n.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(found) == len(VENUES)
    return str(found[VENUES.index(venue)])


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ServerThread]:
    with ServerThread(Terms(venue=request.param)) as server:
        server.command("still on")
        yield server


def opened(server: ServerThread, venue: str) -> Any:
    given: dict[str, Any] = {}
    here = program(venue).replace("127.0.0.1:8686", server.address)
    exec(compile(here, "how-to", "exec"), given)  # noqa: S102 - our own page
    return given["exchange"]


both = pytest.mark.parametrize(("server", "venue"), [(one, one) for one in VENUES], indirect=["server"])


@both
def test_the_printed_program_trades(server: ServerThread, venue: str) -> None:
    exchange = opened(server, venue)
    assert PAIR in exchange.load_markets()
    assert exchange.fetch_balance()["USDT"]["total"] == 10_000
    exchange.create_order(PAIR, "market", "buy", 0.01)
    assert [one["contracts"] for one in exchange.fetch_positions([PAIR])] == [0.01]
    exchange.create_order(PAIR, "market", "sell", 0.01, None, {"reduceOnly": True})
    assert not [one for one in exchange.fetch_positions([PAIR]) if one["contracts"]]


@both
def test_batches_and_bars_of_the_mark(server: ServerThread, venue: str) -> None:
    exchange = opened(server, venue)
    exchange.load_markets()
    order = {"symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.01}
    made = exchange.create_orders([{**order, "price": 40_000}, {**order, "price": 40_000.01}])
    assert made[0]["id"]
    resting = exchange.fetch_open_orders(PAIR)
    assert [(one["price"], one["amount"]) for one in resting] == [(40_000, 0.01)] * len(resting)
    bars = exchange.fetch_mark_ohlcv(PAIR, "1h", limit=3)
    assert len(bars) == 3
    assert bars[-1][4] > 0


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("off_ms", [3_600_000, -3_600_000, 10**12, -(10**12)])
def test_an_exchange_whose_clock_is_off_answers(venue: str, off_ms: int) -> None:
    with ServerThread(Terms(venue=venue)) as server:
        exchange = opened(server, venue)
        exchange.load_markets()
        server.command(f"fault clock_off_ms {off_ms}")
        assert exchange.fetch_ticker(PAIR)["last"] > 0


@pytest.mark.parametrize("server", ["binance"], indirect=True)
def test_binance_batches_answer_each_order_on_its_own(server: ServerThread) -> None:
    exchange = opened(server, "binance")
    exchange.load_markets()
    row = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    rows = [{**row, "price": price} for price in ("40000", "-1")]
    taken, refused = exchange.fapiPrivatePostBatchOrders({"batchOrders": rows})
    assert (taken["status"], int(refused["code"]) < 0) == ("NEW", True)
    ids = [taken["clientOrderId"], "unknown"]
    gone, unknown = exchange.fapiPrivateDeleteBatchOrders({"symbol": "BTCUSDT", "origClientOrderIdList": ids})
    assert (gone["status"], str(unknown["code"])) == ("CANCELED", "-2011")
    assert exchange.fapiPrivateGetApiTradingStatus()["indicators"] == {}
    with pytest.raises(Exception, match="-4049"):
        exchange.fapiPrivatePostPositionMargin({"symbol": "BTCUSDT", "amount": "5", "type": 1})


@pytest.mark.parametrize("server", ["bybit"], indirect=True)
def test_bybit_closes_all_guards_a_position_and_says_what_it_made(server: ServerThread) -> None:
    exchange = opened(server, "bybit")
    exchange.load_markets()
    stop = {"category": "linear", "symbol": "BTCUSDT", "positionIdx": 0, "stopLoss": "50000"}
    with pytest.raises(Exception, match="zero position"):
        exchange.privatePostV5PositionTradingStop(stop)
    exchange.create_order(PAIR, "market", "buy", 0.03)
    exchange.privatePostV5PositionTradingStop({**stop, "takeProfit": "90000"})
    guards = exchange.privateGetV5OrderRealtime({"category": "linear", "symbol": "BTCUSDT"})["result"]["list"]
    assert {(one["triggerPrice"], one["side"], one["qty"]) for one in guards} == {
        ("50000", "Sell", "0.03"), ("90000", "Sell", "0.03")
    }  # fmt: skip
    with pytest.raises(Exception, match="not modified"):
        exchange.privatePostV5PositionTradingStop(stop)
    exchange.privatePostV5PositionTradingStop({**stop, "stopLoss": "0", "takeProfit": "0"})
    assert not exchange.privateGetV5OrderRealtime({"category": "linear", "symbol": "BTCUSDT"})["result"][
        "list"
    ]
    exchange.create_order(PAIR, "market", "sell", 0.01, None, {"reduceOnly": True})
    everything = {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Sell",
        "orderType": "Market",
        "qty": "0",
    }
    closing = {**everything, "reduceOnly": True, "closeOnTrigger": True}
    exchange.privatePostV5OrderCreate(closing)
    assert not [one for one in exchange.fetch_positions([PAIR]) if one["contracts"]]
    with pytest.raises(Exception, match="110017"):
        exchange.privatePostV5OrderCreate(closing)
    rows = exchange.privateGetV5PositionClosedPnl({"category": "linear", "symbol": "BTCUSDT"})["result"][
        "list"
    ]
    assert [one["closedSize"] for one in rows] == ["0.02", "0.01"]
    wallet = exchange.fetch_balance()["USDT"]["total"]
    assert sum(float(one["closedPnl"]) for one in rows) == pytest.approx(wallet - 10_000, abs=1e-6)
    assert exchange.fetch_positions_history([PAIR])


@pytest.mark.parametrize("server", ["bybit"], indirect=True)
def test_bybit_has_no_other_categorys_prices(server: ServerThread) -> None:
    exchange = opened(server, "bybit")
    with pytest.raises(Exception, match="only linear is served here"):
        exchange.publicGetV5MarketTickers({"category": "spot"})
    assert exchange.publicGetV5MarketInstrumentsInfo({"category": "spot"})["result"]["list"] == []
