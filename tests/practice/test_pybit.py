"""The vendor's SDK trades on `dita exchange --venue bybit` with nothing changed but its addresses."""

import queue
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dita.practice.exchange import Terms
from dita.practice.server import ServerThread

sdk = pytest.importorskip("pybit.unified_trading", reason="pybit is not installed")
KEYS = {"api_key": "practise-key", "api_secret": "practise-secret"}
LINEAR = {"category": "linear", "symbol": "BTCUSDT"}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerThread]:
    with ServerThread(Terms(venue="bybit"), step_s=0.1) as server:
        for name in ("PRIVATE_WSS", "PUBLIC_WSS"):
            there = re.sub(r"^wss://[^/]*", f"ws://{server.address}", getattr(sdk, name))
            monkeypatch.setattr(sdk, name, there)
        yield server


@contextmanager
def standing_still(served: ServerThread) -> Iterator[None]:
    """Have the exchange answer nothing: pybit notes whom a topic is for only after it has asked for it.

    A frame that came before that would end its connection, and its next subscription would wait for ever.
    """
    begun, ended = threading.Event(), threading.Event()

    def stand(exchange: object) -> None:
        del exchange
        begun.set()
        ended.wait(30)

    standing = threading.Thread(target=served.call, args=(stand,))
    standing.start()
    try:
        assert begun.wait(30)
        yield
    finally:
        ended.set()
        standing.join()


def topics(received: "queue.Queue[dict[str, Any]]", wanted: set[str]) -> set[str]:
    found: set[str] = set()
    while found != wanted:
        found.add(received.get(timeout=30)["topic"].split(".")[0])
    return found


def test_pybit_places_amends_cancels_streams_and_reads_money(served: ServerThread) -> None:
    # A machine under load takes longer than the second and the five that are pybit's own measure.
    session = sdk.HTTP(recv_window=60_000, timeout=30, **KEYS)
    session.endpoint = f"http://{served.address}"
    received: queue.Queue[dict[str, Any]] = queue.Queue()
    private = sdk.WebSocket(testnet=False, channel_type="private", private_auth_expire=60, **KEYS)
    public = sdk.WebSocket(testnet=False, channel_type="linear")
    try:
        with standing_still(served):
            for stream in ("order_stream", "execution_stream", "position_stream", "wallet_stream"):
                getattr(private, stream)(received.put)
            public.orderbook_stream(50, "BTCUSDT", received.put)
            public.trade_stream("BTCUSDT", received.put)
            public.ticker_stream("BTCUSDT", received.put)
            public.kline_stream(1, "BTCUSDT", received.put)
        wallet = session.get_wallet_balance(accountType="UNIFIED", coin="USDT")["result"]["list"][0]
        assert wallet["coin"][0]["walletBalance"] == "10000"
        placed = session.place_order(**LINEAR, side="Buy", orderType="Limit", qty="0.01", price="50000")
        order = {"orderId": placed["result"]["orderId"]}
        session.amend_order(**LINEAR, **order, qty="0.02", price="50010")
        [row] = session.get_open_orders(**LINEAR)["result"]["list"]
        assert (row["qty"], row["price"], row["orderStatus"]) == ("0.02", "50010", "New")
        session.cancel_order(**LINEAR, **order)
        session.place_order(**LINEAR, side="Buy", orderType="Market", qty="0.05")
        assert session.get_positions(**LINEAR)["result"]["list"][0]["size"] == "0.05"
        assert float(session.get_executions(**LINEAR)["result"]["list"][0]["execFee"]) > 1
        account = {"order", "execution", "position", "wallet"}
        wanted = account | {"orderbook", "publicTrade", "tickers", "kline"}
        assert topics(received, wanted) == wanted
    finally:
        private.exit()
        public.exit()
