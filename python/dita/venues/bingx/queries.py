"""BingX's answers about an account, as the kernel takes them."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from dita._kernel import VenueEvent
from dita.venues.bingx import requests
from dita.venues.bingx.reports import ReportReader, position, read_instruments
from dita.venues.wire import queries, reading
from dita.venues.wire.reading import MS
from dita.venues.wire.requests import Request


class AccountQueries(queries.AccountQueries[ReportReader]):
    """Questions about one account. Its fills have no ids: orders are asked for their totals instead."""

    async def order(self, client_id: str, symbol: str) -> list[VenueEvent]:
        for one in [symbol] if symbol else self._symbols:
            if found := await self._stands(requests.query(one, client_id)):
                return found
        return []

    async def _stands(self, query: Request) -> list[VenueEvent]:
        answer = await self._maybe(query)
        row = {} if answer is None else reading.record(answer, "answer").get("order")
        return self._reader.stands(row) if isinstance(row, dict) and row else []

    async def fills(self, since_ns: int) -> list[VenueEvent]:
        del since_ns
        return []

    async def traded(self, since_ns: int) -> list[VenueEvent]:
        """Return the orders that have filled since a time, each as its status."""
        found: list[VenueEvent] = []
        for symbol in self._symbols:
            asked = requests.fill_orders(symbol, max(0, since_ns // MS), self._wire.now_ms())
            answer = reading.record(await self._wire.ask(asked), "answer")
            rows = reading.table(answer.get("fill_orders") or [], "fill_orders")
            for order_id in dict.fromkeys(str(row.get("orderId")) for row in rows):
                found += await self._stands(requests.query(symbol, order_id=order_id))
        return found

    async def entries(self, since_ns: int) -> list[dict[str, Any]]:
        answer = await self._wire.ask(requests.income(max(0, since_ns // MS)))
        rows = reading.table(answer if isinstance(answer, list) else [], "income")
        return [entry for row in rows if (entry := self._reader.income(row)) is not None]

    async def terms(self, symbols: Iterable[str]) -> dict[str, dict[str, Any]]:
        return read_instruments(await self._wire.ask(requests.INSTRUMENTS), symbols)

    async def balances(self) -> dict[str, Decimal]:
        rows = reading.table(await self._wire.ask(requests.BALANCE), "balance")
        # An asset that was never held has no figure at all.
        return {reading.text(row, "asset"): reading.maybe(row, "balance") or Decimal(0) for row in rows}

    async def positions(self) -> list[dict[str, Any]]:
        answer = await self._wire.ask(requests.POSITIONS)
        rows = reading.table(answer if isinstance(answer, list) else [], "positions")
        return [one for row in rows if (one := position(row))["size"]]

    async def _open(self, symbol: str | None) -> list[VenueEvent]:
        answer = reading.record(await self._wire.ask(requests.open_orders(symbol)), "answer")
        rows = reading.table(answer.get("orders") or [], "orders")
        return [self._reader.stands(row)[-1] for row in rows]
