"""What a repair at Binance asks for when the ones before it failed half-way: nothing that was not told."""

import asyncio
from typing import Any

import pytest

from dita.venues.binance.budget import Budget
from dita.venues.binance.queries import AccountQueries
from dita.venues.binance.reports import ReportReader
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.requests import Request

SYMBOLS = ["BTCUSDT", "ETHUSDT"]


class Venue:
    """Answers questions; the trades of ETHUSDT fail for as long as that is wanted."""

    fails = False

    def __init__(self) -> None:
        self.trades: dict[str, list[dict[str, Any]]] = {symbol: [] for symbol in SYMBOLS}

    def fill(self, symbol: str, number: int) -> None:
        self.trades[symbol].append(
            {
                "symbol": symbol, "id": number, "orderId": 7, "side": "BUY", "price": "60000", "qty": "0.001",
                "realizedPnl": "0", "commission": "0.01", "commissionAsset": "USDT", "time": number,
                "positionSide": "BOTH", "maker": True, "buyer": True,
            }
        )  # fmt: skip

    async def ask(self, request: Request) -> Any:
        if request.path == "/fapi/v1/userTrades":
            symbol = str(request.values["symbol"])
            if symbol == "ETHUSDT" and self.fails:
                raise Failure(Fate.UNKNOWN, 0, 0, "TimeoutError")
            first = int(str(request.values.get("fromId", 0)))
            return [row for row in self.trades[symbol] if row["id"] >= first]
        if request.path == "/fapi/v1/order":
            return {"clientOrderId": "D1"}
        return []


def update(queries: AccountQueries) -> list[str]:
    return [fill.venue_trade_id for fill in asyncio.run(queries.missed(0))]


def test_fills_of_repairs_that_failed_half_way_are_asked_for_again() -> None:
    wire: Any = Venue()
    venue: Venue = wire
    queries = AccountQueries(wire, ReportReader(), SYMBOLS, Budget())
    venue.fill("BTCUSDT", 1)
    assert update(queries) == ["1"]
    venue.fails = True
    for number in (2, 3, 4):
        venue.fill("BTCUSDT", number)
        with pytest.raises(Failure):
            update(queries)
    venue.fails = False
    assert set(update(queries)) >= {"2", "3", "4"}
    # What two calls have told is not asked for any more.
    update(queries)
    assert update(queries) == []
