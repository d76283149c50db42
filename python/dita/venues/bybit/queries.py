"""Bybit's answers about an account, as the kernel takes them."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any, Final

from dita._kernel import VenueEvent
from dita.venues.bybit import requests
from dita.venues.bybit.markets import read_instrument, read_tiers
from dita.venues.bybit.reports import ReportReader
from dita.venues.wire import queries, reading
from dita.venues.wire.reading import MS
from dita.venues.wire.requests import Request

#: Seven days: the longest time of one call.
_WINDOW_MS: Final = 7 * 86_400_000
_PAGES_MAX: Final = 10_000


class AccountQueries(queries.AccountQueries[ReportReader]):
    """Asks about one account."""

    async def order(self, client_id: str, symbol: str) -> list[VenueEvent]:
        for request in (requests.query(client_id, symbol), requests.query_history(client_id)):
            for row in _rows(await self._wire.ask(request), request):
                if row.get("orderLinkId") == client_id:
                    return [self._reader.status(row)]
        return []

    async def fills(self, since_ns: int) -> list[VenueEvent]:
        """Return all fills since a time, of all instruments, the oldest first.

        REST's executions do not tell what was realised; the transaction log does, by the fill's id.
        """
        until_ms = self._wire.now_ms() + 1_000
        since_ms = max(0, since_ns // MS)
        rows = await self._windows(since_ms, until_ms, requests.executions)
        trades = [row for row in rows if self._reader.is_trade(row)]
        profits = await self._profits(since_ms, until_ms) if trades else {}
        found = []
        # The newest comes first there.
        for row in reversed(trades):
            known = profits.get((str(row.get("symbol")), str(row.get("execId"))))
            found.append(self._reader.fill(row if known is None else {**row, "execPnl": known}))
        return found

    async def entries(self, since_ns: int) -> list[dict[str, Any]]:
        until_ms = self._wire.now_ms() + 1_000
        rows = await self._windows(max(0, since_ns // MS), until_ms, requests.transactions)
        entries = [entry for row in rows if (entry := self._reader.entry(row)) is not None]
        return entries[::-1]

    async def _profits(self, since_ms: int, until_ms: int) -> dict[tuple[str, str], str]:
        """What each fill realised, by its instrument and id."""
        rows = await self._windows(since_ms, until_ms, requests.transactions)
        flows: dict[tuple[str, str], str] = {}
        for row in rows:
            key = (str(row.get("symbol")), str(row.get("tradeId") or ""))
            # A fee in another coin has a row of its own, without a flow.
            if key[1] and (key not in flows or reading.decimal(row, "cashFlow")):
                flows[key] = str(row.get("cashFlow") or "0")
        return flows

    async def _windows(
        self, since_ms: int, until_ms: int, ask: Callable[[int, int, str], Request]
    ) -> list[dict[str, Any]]:
        """Ask page by page, week by week; the newest row comes first."""
        found: list[dict[str, Any]] = []
        while since_ms < until_ms:
            end_ms = min(until_ms, since_ms + _WINDOW_MS)
            page = await self._pages(partial(ask, since_ms, end_ms))
            found = page + found
            since_ms = end_ms
        return found

    async def _pages(self, ask: Callable[[str], Request]) -> list[dict[str, Any]]:
        """Ask page by page; each names the next."""
        rows: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(_PAGES_MAX):
            request = ask(cursor)
            answer = reading.record(await self._wire.ask(request), request.path)
            rows += reading.table(answer.get("list") or [], "list")
            cursor = str(answer.get("nextPageCursor") or "")
            if not cursor:
                break
        return rows

    # ------------------------------------------------------------------------------------------ what there is

    async def balances(self) -> dict[str, Decimal]:
        balances: dict[str, Decimal] = {}
        for account in _rows(await self._wire.ask(requests.BALANCE), requests.BALANCE):
            for coin in reading.table(account.get("coin") or [], "coin"):
                balances[reading.text(coin, "coin")] = reading.decimal(coin, "walletBalance")
        return balances

    async def positions(self) -> list[dict[str, Any]]:
        request = requests.positions()
        rows = _rows(await self._wire.ask(request), request)
        return [
            {
                "symbol": reading.text(row, "symbol"),
                "size": reading.decimal(row, "size") * (-1 if row.get("side") == "Sell" else 1),
                "entry_price": reading.positive(row, "avgPrice"),
                "position_side": ("BOTH", "LONG", "SHORT")[int(row.get("positionIdx") or 0)],
            }
            for row in rows
            if reading.maybe(row, "size")
        ]

    async def _open(self, symbol: str | None) -> list[VenueEvent]:
        rows = await self._pages(lambda cursor: requests.open_orders(symbol, cursor))
        return [self._reader.status(row) for row in rows]

    async def terms(self, symbols: Iterable[str]) -> dict[str, dict[str, Any]]:
        info = reading.record(await self._wire.ask(requests.ACCOUNT), "account")
        mode = "ISOLATED" if info.get("marginMode") == "ISOLATED_MARGIN" else "CROSS"
        rules = {}
        for symbol in symbols:
            own = read_instrument(await self._wire.ask(requests.instrument(symbol)), symbol)
            request = requests.fee_rate(symbol)
            for row in _rows(await self._wire.ask(request), request):
                if row.get("symbol") == symbol:
                    own["maker_rate"] = format(reading.decimal(row, "makerFeeRate"), "f")
                    own["taker_rate"] = format(reading.decimal(row, "takerFeeRate"), "f")
            request = requests.positions(symbol)
            for row in _rows(await self._wire.ask(request), request):
                own["leverage"] = str(reading.decimal(row, "leverage"))
            own["margin_mode"] = mode
            own["margin_tiers"] = read_tiers(await self._wire.ask(requests.risk_limits(symbol)), symbol)
            rules[symbol] = own
        return rules


def _rows(answer: object, request: Request) -> list[dict[str, Any]]:
    return reading.table(reading.record(answer, request.path).get("list") or [], "list")
