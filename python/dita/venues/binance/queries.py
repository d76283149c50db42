"""Questions about an account by REST, and their answers as the kernel takes them. They change nothing."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from dita._kernel import VenueEvent
from dita.venues.binance import requests
from dita.venues.binance.budget import Budget
from dita.venues.binance.markets import read_instruments, read_tiers
from dita.venues.binance.reports import ENTRIES, OF_FILLS, ReportReader
from dita.venues.wire import reading
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.requests import Request
from dita.venues.wire.transport import Transport

_MS: Final = 1_000_000
_PAGE: Final = 1_000
#: Of income in all its kinds: each weighs 30, and every fill has two rows.
_PAGES_MAX: Final = 6
#: What is charged of a fee that is paid in the discount asset, and which asset that is.
DISCOUNT_ASSET: Final = "BNB"
DISCOUNTED: Final = Decimal("0.9")


class AccountQueries:
    """Asks about one account, on the transport's thread."""

    def __init__(self, wire: Transport, reader: ReportReader, symbols: list[str], budget: Budget) -> None:
        """Ask nothing yet.

        Args:
            wire: The transport.
            reader: Knows which of the venue's ids are one order.
            symbols: The instruments that are asked about, beside those that the income history names.
            budget: Takes the limits that the venue states.
        """
        self._budget = budget
        self._seen: dict[str, tuple[int | None, int | None]] = {}
        self._wire = wire
        self._reader = reader
        self._symbols = symbols

    async def maybe(self, request: Request) -> dict[str, Any] | None:
        """Ask for one thing; None where the venue does not have it.

        Raises:
            Failure: The venue does not say.
        """
        try:
            return reading.record(await self._wire.ask(request), request.path)
        except Failure as failure:
            if failure.fate is Fate.STATE:
                return None
            raise

    # ---------------------------------------------------------------------------------- fills and entries

    async def fills(self, since_ns: int) -> list[VenueEvent]:
        """Return all fills since a time, the oldest of each instrument first.

        The income history names the instruments that nobody named.
        """
        since_ms = max(0, since_ns // _MS)
        rows = {symbol: await self._trade_rows(symbol, since_ms) for symbol in await self._traded(since_ms)}
        return await self._read_fills(rows)

    async def missed(self, since_ns: int) -> list[VenueEvent]:
        """As `fills`, without those that the call of this before the last one has seen.

        Trade ids ascend within an instrument. The last call may have been ahead of what the venue shows by
        REST; the one before it was not.
        """
        since_ms = max(0, since_ns // _MS)
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
            if row.get("incomeType") in OF_FILLS and row.get("symbol"):
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
                    order = await self.maybe(requests.query(symbol, order_id=order_id))
                    if order is not None:
                        self._reader.link(order_id, reading.text(order, "clientOrderId"))
                found.append(self._reader.trade(row, self._reader.client_id_of(order_id)))
        return found

    async def entries(self, since_ns: int) -> list[dict[str, Any]]:
        """Return the wallet's entries since a time that belong to no fill."""
        rows = await self._income_rows(max(0, since_ns // _MS))
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
        for kind in ENTRIES:
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
        """Return the wallet's balances, without unrealised profit."""
        rows = reading.table(await self._wire.ask(requests.BALANCE), "balance")
        return {reading.text(row, "asset"): self._reader.amounts.read(row, "balance") for row in rows}

    async def positions(self) -> list[dict[str, Any]]:
        """Return the positions: symbol, size (+ long), entry_price, position_side."""
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

    async def open_orders(self, symbol: str | None) -> list[dict[str, Any]]:
        """Return the venue's open orders, plain and conditional."""
        plain = reading.table(await self._wire.ask(requests.open_orders(symbol)), "openOrders")
        algos = reading.table(await self._wire.ask(requests.open_algo_orders(symbol)), "openAlgoOrders")
        found = [self._reader.status(row) for row in plain]
        found += [event for row in algos for event in self._reader.algo_status(row)]
        return [
            {
                "venue_client_id": one.venue_client_id, "venue_order_id": one.venue_order_id,
                "symbol": one.asset, "order_side": str(one.order_side), "size": one.order_size,
                "filled_size": one.filled_size, "limit_price": one.order_price,
            }
            for one in found
        ]  # fmt: skip

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
