"""Binance's answers about an account, as the kernel takes them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from dita._kernel import VenueEvent
from dita.venues.binance import requests
from dita.venues.binance.budget import Budget
from dita.venues.binance.markets import read_instruments, read_tiers
from dita.venues.binance.reports import ReportReader
from dita.venues.wire import queries, reading
from dita.venues.wire.queries import Asks
from dita.venues.wire.reading import MS
from dita.venues.wire.recent import Recent

_PAGE: Final = 1_000
#: Of income in all its kinds: each weighs 30, and every fill has two rows.
_PAGES_MAX: Final = 6
#: What is charged of a fee that is paid in the discount asset, and which asset that is.
DISCOUNT_ASSET: Final = "BNB"
DISCOUNTED: Final = Decimal("0.9")


class AccountQueries(queries.AccountQueries[ReportReader]):
    """Asks about one account.

    Attributes:
        plain: The client ids of orders that have no trigger.
    """

    def __init__(self, wire: Asks, reader: ReportReader, symbols: list[str], budget: Budget) -> None:
        """Ask nothing yet.

        Args:
            wire: The transport.
            reader: Knows which of the venue's ids are one order.
            symbols: The instruments that are asked about, beside those that the income history names.
            budget: Takes the limits that the venue states.
        """
        super().__init__(wire, reader, symbols)
        self.plain: Recent[str, None] = Recent()
        self._budget = budget
        self._seen: dict[str, tuple[int | None, int | None]] = {}

    # ------------------------------------------------------------------------------------------- one order

    async def order(self, client_id: str, symbol: str) -> list[VenueEvent]:
        """Return how an order stands: its trigger where it had one, and its status."""
        if client_id not in self.plain and (found := await self._algo(client_id)):
            return found
        for one in [symbol] if symbol else self._symbols:
            row = await self._maybe(requests.query(one, client_id))
            if row is not None:
                return [self._reader.status(reading.record(row, "order"))]
        return []

    async def _algo(self, client_id: str) -> list[VenueEvent]:
        """How a conditional order stands; [] where there is none, or the order that it sent is not there."""
        row = await self._maybe(requests.query_algo(client_id))
        if row is None:
            return []
        order_id = str(reading.record(row, "algoOrder").get("actualOrderId") or "")
        if not order_id:
            return self._reader.algo_status(row)
        found = await self._maybe(requests.query(reading.text(row, "symbol"), order_id=order_id))
        if found is None:
            return []
        return [*self._reader.triggered(row), self._reader.status(reading.record(found, "order"))]

    async def fills_of(self, status: VenueEvent, since_ns: int) -> list[VenueEvent]:
        """Return the fills of an order: by the venue's id where that is known."""
        if not status.venue_order_id:
            return await super().fills_of(status, since_ns)
        rows = await self._wire.ask(requests.user_trades(status.asset, order_id=status.venue_order_id))
        return [self._reader.trade(one, status.venue_client_id) for one in reading.table(rows, "userTrades")]

    # ---------------------------------------------------------------------------------- fills and entries

    async def fills(self, since_ns: int) -> list[VenueEvent]:
        """Return all fills since a time; the income history names the instruments that nobody named."""
        since_ms = max(0, since_ns // MS)
        rows = {symbol: await self._trade_rows(symbol, since_ms) for symbol in await self._traded(since_ms)}
        return await self._read_fills(rows)

    async def missed(self, since_ns: int) -> list[VenueEvent]:
        """As `fills`, without those that the call of this before the last one has seen.

        Trade ids ascend within an instrument. The last call may have been ahead of what the venue shows by
        REST; the one before it was not.
        """
        since_ms = max(0, since_ns // MS)
        found: dict[str, list[dict[str, Any]]] = {}
        seen = dict(self._seen)
        for symbol in await self._traded(since_ms):
            before, last = seen.get(symbol, (None, None))
            rows = await self._trade_rows(symbol, since_ms, before)
            seen[symbol] = (last, max([last or 0, *(int(row["id"]) for row in rows)]) or None)
            found[symbol] = rows
        fills = await self._read_fills(found)
        # Only now: a call that fails half-way has reported nothing.
        self._seen = seen
        return fills

    async def _traded(self, since_ms: int) -> list[str]:
        """The instruments that may have fills: those that are named, those with income, those held."""
        names = dict.fromkeys(self._symbols)
        for row in await self._income_rows(since_ms):
            if row.get("incomeType") in self._reader.of_fills and row.get("symbol"):
                names[reading.text(row, "symbol")] = None
        for position in await self.positions():
            names[position["symbol"]] = None
        return list(names)

    async def _read_fills(self, rows: Mapping[str, list[dict[str, Any]]]) -> list[VenueEvent]:
        found = []
        for symbol in rows:
            for row in rows[symbol]:
                order_id = str(row.get("orderId"))
                if not self._reader.client_id_of(order_id):
                    order = await self._maybe(requests.query(symbol, order_id=order_id))
                    if order is not None:
                        self._reader.link(order_id, reading.text(order, "clientOrderId"))
                found.append(self._reader.trade(row, self._reader.client_id_of(order_id)))
        return found

    async def entries(self, since_ns: int) -> list[dict[str, Any]]:
        rows = await self._income_rows(max(0, since_ns // MS))
        return [entry for row in rows if (entry := self._reader.income(row)) is not None]

    async def _trade_rows(self, symbol: str, since_ms: int, seen: int | None = None) -> list[dict[str, Any]]:
        """Fills since a time, or after one that was seen."""
        first = (
            requests.user_trades(symbol, since_ms=since_ms)
            if seen is None
            else requests.user_trades(symbol, from_id=seen + 1)
        )
        rows = reading.table(await self._wire.ask(first), "userTrades")
        page = rows
        while len(page) == _PAGE:
            page = reading.table(
                await self._wire.ask(requests.user_trades(symbol, from_id=int(page[-1]["id"]) + 1)),
                "userTrades",
            )
            rows += page
        return rows

    async def _income_rows(self, since_ms: int) -> list[dict[str, Any]]:
        """All kinds of income since a time; where thousands of fills hide the rest, the rest kind by kind."""
        rows, whole = await self._income_pages(since_ms, _PAGES_MAX)
        if whole:
            return rows
        for kind in self._reader.entries:
            rows += (await self._income_pages(since_ms, _PAGES_MAX, kind))[0]
        return list(
            {(row.get("incomeType"), row.get("tranId"), row.get("asset")): row for row in rows}.values()
        )

    async def _income_pages(
        self, since_ms: int, pages_max: int, kind: str = ""
    ) -> tuple[list[dict[str, Any]], bool]:
        """So many pages of income, and whether those are all."""
        rows: list[dict[str, Any]] = []
        seen: set[tuple[object, object]] = set()
        for _ in range(pages_max):
            page = reading.table(await self._wire.ask(requests.income(since_ms, kind=kind)), "income")
            new = [row for row in page if (row.get("incomeType"), row.get("tranId")) not in seen]
            seen |= {(row.get("incomeType"), row.get("tranId")) for row in new}
            rows += new
            if len(page) < _PAGE or not new:
                return rows, True
            since_ms = int(page[-1]["time"])
        return rows, False

    # ------------------------------------------------------------------------------------------ what there is

    async def balances(self) -> dict[str, Decimal]:
        rows = reading.table(await self._wire.ask(requests.BALANCE), "balance")
        return {reading.text(row, "asset"): self._reader.amounts.read(row, "balance") for row in rows}

    async def positions(self) -> list[dict[str, Any]]:
        rows = reading.table(await self._wire.ask(requests.POSITIONS), "positionRisk")
        return [
            {
                "symbol": reading.text(row, "symbol"), "size": reading.decimal(row, "positionAmt"),
                "entry_price": reading.positive(row, "entryPrice"),
                "position_side": reading.text(row, "positionSide"),
            }
            for row in rows
            if reading.decimal(row, "positionAmt")
        ]  # fmt: skip

    async def _open(self, symbol: str | None) -> list[VenueEvent]:
        plain = reading.table(await self._wire.ask(requests.open_orders(symbol)), "openOrders")
        algos = reading.table(await self._wire.ask(requests.open_algo_orders(symbol)), "openAlgoOrders")
        found = [self._reader.status(row) for row in plain]
        return found + [event for row in algos for event in self._reader.algo_status(row)]

    async def terms(self, symbols: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return instruments' rules as `set_exchange_config` takes them, with what is the account's own.

        Its own are the fee rates, what fees are paid in, leverage, margin mode and the steps of the margin.

        Raises:
            InvalidInput: One is not listed, or does not trade.
            Failure: The venue does not say.
        """
        listed = reading.record(await self._wire.ask(requests.INSTRUMENTS), "exchangeInfo")
        self._budget.limited(reading.table(listed.get("rateLimits") or [], "rateLimits"))
        rules = read_instruments(listed, symbols)
        charged = await self._pays_in_discount_asset()
        for symbol, own in rules.items():
            fees = reading.record(await self._wire.ask(requests.commission(symbol)), "commissionRate")
            maker, taker = (reading.decimal(fees, f"{whose}CommissionRate") for whose in ("maker", "taker"))
            if charged:
                # A rebate is not discounted.
                maker, taker = (rate * DISCOUNTED if rate > 0 else rate for rate in (maker, taker))
                own["fee_asset"] = DISCOUNT_ASSET
            own["maker_rate"], own["taker_rate"] = format(maker, "f"), format(taker, "f")
            for row in reading.table(await self._wire.ask(requests.symbol_config(symbol)), "symbolConfig"):
                own["leverage"] = str(reading.decimal(row, "leverage"))
                own["margin_mode"] = "ISOLATED" if row.get("marginType") == "ISOLATED" else "CROSS"
            own["margin_tiers"] = read_tiers(await self._wire.ask(requests.brackets(symbol)), symbol)
        return rules

    async def _pays_in_discount_asset(self) -> bool:
        """Whether fees are paid in BNB: that is switched on, and there is some."""
        burns = reading.record(await self._wire.ask(requests.FEE_BURN), "feeBurn").get("feeBurn") is True
        return burns and (await self.balances()).get(DISCOUNT_ASSET, Decimal(0)) > 0
