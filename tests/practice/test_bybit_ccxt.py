"""ccxt and ccxt.pro trade on `dita exchange --venue bybit` with nothing changed but their addresses."""

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
    with ServerThread(Terms(still=True, venue="bybit")) as server:
        yield server


def pointed(exchange: Any, address: str) -> Any:
    def there(url: Any) -> Any:
        if isinstance(url, dict):
            return {name: there(inner) for name, inner in url.items()}
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        plain = "ws" if scheme.startswith("ws") else "http"
        return f"{plain}://{address}/{path}".rstrip("/") if host else url

    exchange.urls["api"] = there(exchange.urls["api"])
    # Currencies are asked of the funding account.
    exchange.has["fetchCurrencies"] = False
    return exchange


def keyed(module: Any, address: str) -> Any:
    options = {"apiKey": "practise-key", "secret": "practise-secret", "options": {"defaultType": "swap"}}
    return pointed(module.bybit(options), address)


def test_ccxt_places_amends_cancels_and_reads_money(served: ServerThread) -> None:
    exchange = keyed(ccxt, served.address)
    assert SYMBOL in exchange.load_markets()
    assert exchange.fetch_balance()["USDT"]["total"] == 10_000

    order = exchange.create_order(SYMBOL, "limit", "buy", 0.01, 50_000)
    exchange.edit_order(order["id"], SYMBOL, "limit", "buy", 0.02, 50_010)
    amended = exchange.fetch_open_order(order["id"], SYMBOL)
    assert (amended["amount"], amended["price"], amended["status"]) == (0.02, 50_010, "open")
    assert [one["id"] for one in exchange.fetch_open_orders(SYMBOL)] == [order["id"]]
    assert exchange.cancel_order(order["id"], SYMBOL)["id"] == order["id"]
    assert exchange.fetch_closed_order(order["id"], SYMBOL)["status"] == "canceled"

    bought = exchange.create_order(SYMBOL, "market", "buy", 0.05)
    closed = exchange.fetch_closed_order(bought["id"], SYMBOL)
    assert (closed["status"], closed["filled"]) == ("closed", 0.05)
    trade = exchange.fetch_my_trades(SYMBOL)[0]
    assert (trade["fee"]["currency"], trade["fee"]["cost"]) == ("USDT", 1.5000025)
    assert exchange.fetch_positions([SYMBOL])[0]["contracts"] == 0.05

    stop = exchange.create_order(
        SYMBOL, "market", "sell", 0.05, params={"stopLossPrice": 55_000, "reduceOnly": True}
    )
    assert [one["id"] for one in exchange.fetch_open_orders(SYMBOL)] == [stop["id"]]
    assert exchange.cancel_order(stop["id"], SYMBOL)["id"] == stop["id"]

    exchange.set_leverage(10, SYMBOL)
    assert exchange.fetch_leverage(SYMBOL)["longLeverage"] == 10
    assert len(exchange.fetch_ohlcv(SYMBOL, "5m", limit=100)) == 100
    assert exchange.fetch_order_book(SYMBOL)["bids"][0][0] == 60_000
    assert exchange.fetch_funding_rate(SYMBOL)["fundingRate"] == 0.0001
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order(SYMBOL, "limit", "buy", 100, 50_000)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order(order["id"], SYMBOL)


def test_ccxt_pro_receives_orders_balances_positions_and_the_market(served: ServerThread) -> None:
    pro = pytest.importorskip("ccxt.pro", reason="ccxt has no pro")

    async def received(what: Awaitable[Any]) -> Any:
        return await asyncio.wait_for(what, 10)

    def listening() -> set[str]:
        return served.call(lambda one: {name for each in one.sessions for name in each.names})

    async def trade() -> None:
        exchange = keyed(pro, served.address)
        try:
            await exchange.load_markets()
            orders = asyncio.create_task(exchange.watch_orders())
            balance = asyncio.create_task(exchange.watch_balance())
            trades = asyncio.create_task(exchange.watch_my_trades())
            # The first answer is a snapshot by REST.
            assert (await received(exchange.watch_positions([SYMBOL]))) == []
            positions = asyncio.create_task(exchange.watch_positions([SYMBOL]))

            async def all_listen() -> None:
                while not {"order", "execution", "wallet", "position"} <= listening():
                    await asyncio.sleep(0.05)

            await received(all_listen())
            await exchange.create_order(SYMBOL, "market", "buy", 0.05)
            assert (await received(orders))[-1]["symbol"] == SYMBOL
            assert (await received(trades))[-1]["amount"] == 0.05
            # The equity, with half a tick of unrealised loss.
            assert (await received(balance))["USDT"]["total"] == 9_998.4974975
            assert (await received(positions))[-1]["contracts"] == 0.05
            served.command("still off")
            assert (await received(exchange.watch_order_book(SYMBOL)))["bids"]
            assert (await received(exchange.watch_trades(SYMBOL)))[0]["price"] > 0
            assert (await received(exchange.watch_ohlcv(SYMBOL, "1m")))[-1][4] > 0
            assert (await received(exchange.watch_ticker(SYMBOL)))["markPrice"] > 0
        finally:
            await exchange.close()

    with warnings.catch_warnings():
        # ccxt leaves a socket of its own to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(trade())
