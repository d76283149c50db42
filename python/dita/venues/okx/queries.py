"""OKX's answers about an account, as the kernel takes them."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from dita._kernel import VenueEvent
from dita.venues.okx import requests
from dita.venues.okx.reports import ReportReader, read_instruments
from dita.venues.wire import queries, reading
from dita.venues.wire.reading import MS
from dita.venues.wire.requests import Request

_PAGES_MAX: Final = 50


class AccountQueries(queries.AccountQueries[ReportReader]):
    """Questions about one account."""

    async def order(self, client_id: str, symbol: str) -> list[VenueEvent]:
        for one in [symbol] if symbol else self._symbols:
            rows = reading.table(await self._maybe(requests.query(one, client_id)) or [], "order")
            if rows:
                return [self._reader.status(rows[0])]
        return []

    async def _pages(
        self, ask: Callable[[int, str], Request], since_ms: int, last: str
    ) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        after = ""
        for _ in range(_PAGES_MAX):
            page = reading.table(await self._wire.ask(ask(since_ms, after)), "rows")
            rows += page
            if len(page) < requests.PAGE:
                break
            after = reading.text(page[-1], last)
        return rows[::-1]

    async def fills(self, since_ns: int) -> list[VenueEvent]:
        rows = await self._pages(requests.fills, max(0, since_ns // MS), "billId")
        return [self._reader.trade(row) for row in rows]

    async def entries(self, since_ns: int) -> list[dict[str, Any]]:
        rows = await self._pages(requests.bills, max(0, since_ns // MS), "billId")
        return [entry for row in rows if (entry := self._reader.bill(row)) is not None]

    async def terms(self, symbols: Iterable[str]) -> dict[str, dict[str, Any]]:
        return read_instruments(await self._wire.ask(requests.INSTRUMENTS), symbols)

    async def balances(self) -> dict[str, Decimal]:
        rows = reading.table(await self._wire.ask(requests.BALANCE), "balance")
        details = [one for row in rows for one in reading.table(row.get("details"), "details")]
        return {reading.text(one, "ccy"): reading.decimal(one, "cashBal") for one in details}

    async def positions(self) -> list[dict[str, Any]]:
        rows = reading.table(await self._wire.ask(requests.POSITIONS), "positions")
        reported = [position for row in rows if (position := self._reader.position(row)) is not None]
        names = ("symbol", "size", "entry_price", "position_side")
        return [{name: one[name] for name in names} for one in reported if one["size"]]

    async def _open(self, symbol: str | None) -> list[VenueEvent]:
        rows = reading.table(await self._wire.ask(requests.open_orders(symbol)), "orders-pending")
        return [self._reader.status(row) for row in rows]
