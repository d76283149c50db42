"""ccxt and ccxt.pro trade on `dita exchange` with nothing changed but their addresses."""

import asyncio
import warnings
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest

from dita.practice.exchange import Terms
from dita.practice.server import ServerThread

ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed")
SYMBOL = "BTC/USDT:USDT"


@pytest.fixture
def served() -> Iterator[ServerThread]:
    with ServerThread(Terms(still=True)) as server:
        yield server


def pointed(exchange: Any, address: str) -> Any:
    def there(url: Any) -> Any:
        if isinstance(url, dict):
            return {name: there(inner) for name, inner in url.items()}
        scheme, _, rest = url.partition("://")
        # Of the streams the path alone is kept: ccxt makes /private, /public and /market of it.
        path = rest.partition("/")[2] if scheme.startswith("ws") else rest
        return f"{scheme.rstrip('s') if scheme != 'wss' else 'ws'}://{address}/{path}"

    exchange.urls["api"] = there(exchange.urls["api"])
    # Currencies are asked of another host than the futures'.
    exchange.has["fetchCurrencies"] = False
    return exchange


def keyed(module: Any, address: str) -> Any:
    return pointed(module.binanceusdm({"apiKey": "practise-key", "secret": "practise-secret"}), address)


def test_ccxt_places_amends_cancels_and_reads_money(served: ServerThread) -> None:
    exchange = keyed(ccxt, served.address)
    assert SYMBOL in exchange.load_markets()
    assert exchange.fetch_balance()["USDT"]["total"] == 10_000

    order = exchange.create_order(SYMBOL, "limit", "buy", 0.01, 50_000)
    assert order["status"] == "open"
    amended = exchange.edit_order(order["id"], SYMBOL, "limit", "buy", 0.02, 50_010)
    assert (amended["amount"], amended["price"]) == (0.02, 50_010)
    assert [one["id"] for one in exchange.fetch_open_orders(SYMBOL)] == [order["id"]]
    assert exchange.cancel_order(order["id"], SYMBOL)["status"] == "canceled"

    bought = exchange.create_order(SYMBOL, "market", "buy", 0.05)
    assert (bought["status"], bought["filled"]) == ("closed", 0.05)
    trade = exchange.fetch_my_trades(SYMBOL)[0]
    assert trade["fee"] == {"currency": "USDT", "cost": 1.5000025}
    assert exchange.fetch_positions()[0]["contracts"] == 0.05

    stop = exchange.create_order(
        SYMBOL, "market", "sell", 0.05, params={"stopLossPrice": 55_000, "reduceOnly": True}
    )
    assert stop["status"] == "open"
    assert exchange.cancel_order(stop["id"], SYMBOL, params={"trigger": True})["id"] == stop["id"]

    assert exchange.set_leverage(10, SYMBOL)["leverage"] == 10
    assert len(exchange.fetch_ohlcv(SYMBOL, "5m", limit=100)) == 100
    assert exchange.fetch_order_book(SYMBOL)["bids"][0][0] == 60_000
    assert exchange.fetch_funding_rate(SYMBOL)["fundingRate"] == 0.0001


def test_ccxt_pro_receives_orders_balances_positions_and_the_market(served: ServerThread) -> None:
    pro = pytest.importorskip("ccxt.pro", reason="ccxt has no pro")

    async def received(what: Awaitable[Any]) -> Any:
        return await asyncio.wait_for(what, 10)

    async def trade() -> None:
        exchange = keyed(pro, served.address)
        try:
            await exchange.load_markets()
            orders = asyncio.create_task(exchange.watch_orders())
            balance = asyncio.create_task(exchange.watch_balance())
            trades = asyncio.create_task(exchange.watch_my_trades())
            while not served.call(lambda served_one: [s for s in served_one.sessions if s.path == "private"]):
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.3)
            await exchange.create_order(SYMBOL, "market", "buy", 0.05)
            assert (await received(orders))[-1]["symbol"] == SYMBOL
            assert (await received(trades))[-1]["amount"] == 0.05
            assert (await received(balance))["USDT"]["total"] == 9_998.4999975
            served.command("still off")
            assert (await received(exchange.watch_order_book(SYMBOL)))["bids"]
            assert (await received(exchange.watch_trades(SYMBOL)))[0]["price"] > 0
            assert (await received(exchange.watch_ohlcv(SYMBOL, "1m")))[-1][4] > 0
            assert (await received(exchange.watch_mark_price(SYMBOL)))["markPrice"] > 0
        finally:
            await exchange.close()

    with warnings.catch_warnings():
        # ccxt leaves a socket of its own to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(trade())
