"""Encode account events as Bybit's frames: topics order, execution, position and wallet."""

import itertools
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, Protocol

from dita.practice.bybit import refusals
from dita.practice.bybit.replies import (
    execution_row,
    funding_row,
    order_id,
    order_row,
    position_row,
    wallet_row,
)
from dita.practice.encoder import Frame, Refused
from dita.practice.market import Market
from dita.practice.records import ZERO, HeldPosition, PlacedOrder, Trade

_ENDS: Final = frozenset({"CANCELED", "EXPIRED"})
_WITHOUT_PRICE: Final = frozenset({"execFee", "feeRate", "execPnl", "feeCurrency"})


class Books(Protocol):
    """What of the account frames show beside what changed."""

    @property
    def markets(self) -> dict[str, Market]:
        """What is listed."""

    @property
    def leverages(self) -> Mapping[str, int]:
        """What is set."""

    def available(self) -> Decimal:
        """What is free of the settlement asset."""


class BybitEncoder:
    """Bybit v5's frames and codes."""

    ids_for_ever: Final = True

    def __init__(self) -> None:
        """Encode nothing yet; `books` has to be set before the first frame."""
        self.books: Books
        self._numbers = itertools.count(1)

    def order(self, order: PlacedOrder, what: str, now_ms: int, trade: Trade | None = None) -> list[Frame]:
        """Encode a fill as `execution`, and the order as `order`."""
        frames = []
        if trade is not None:
            row = {"category": "linear", **execution_row(trade, self.books.markets[order.symbol].mark)}
            frames.append(self._frame("execution", row, now_ms, order, "FILL"))
        word = "NEW" if what == "NEW" else "END" if what in _ENDS else ""
        status = "Cancelled" if what == "CANCELED" else ""
        frames.append(self._of_order(order, word, now_ms, status))
        return frames

    def waiting(self, order: PlacedOrder, what: str, now_ms: int, reason: str = "") -> list[Frame]:
        """Encode a conditional order: it keeps its id, so most changes are an `order` frame."""
        del reason
        if what == "NEW":
            return [self._of_order(order, "NEW", now_ms)]
        if what == "TRIGGERING":
            return [self._of_order(order, "", now_ms, "Triggered")]
        if what in _ENDS and not order.number:
            return [self._of_order(order, "END", now_ms, "Deactivated")]
        return []

    def early(self, order: PlacedOrder, trade: Trade, now_ms: int) -> list[Frame]:
        """Return nothing: a fill is reported once."""
        del order, trade, now_ms
        return []

    def account(
        self,
        reason: str,
        balances: Iterable[tuple[str, Decimal, Decimal, Decimal]],
        positions: Iterable[HeldPosition],
        now_ms: int,
        symbol: str = "",
    ) -> list[Frame]:
        """Encode `position` and `wallet`; funding is an execution too."""
        held, changed = list(positions), list(balances)
        frames = []
        if reason == "FUNDING_FEE":
            frames += self._funding(symbol, changed, now_ms)
        if held:
            rows = [self._position(one, now_ms) for one in held]
            frames.append(self._frame("position", rows, now_ms))
        wallets = {asset: wallet for asset, wallet, _, _ in changed}
        if wallets:
            unrealized = sum((one.unrealized for one in held), ZERO)
            quote = next(iter(self.books.markets.values())).listing.quote
            row = wallet_row(wallets, unrealized, self.books.available(), quote, self.prices())
            frames.append(self._frame("wallet", row, now_ms))
        return frames

    def prices(self) -> dict[str, Decimal]:
        """What each coin is worth in the settlement coin; one without a market counts as nothing."""
        markets = self.books.markets.values()
        return {market.listing.base: market.mark for market in markets} | {
            market.listing.quote: Decimal(1) for market in markets
        }

    def leverage(self, symbol: str, leverage: int, now_ms: int) -> list[Frame]:
        """Return nothing: the venue reports the position's leverage with its next change."""
        del symbol, leverage, now_ms
        return []

    def without_price(self, fill: Frame) -> Frame:
        """The fill with price 0, without its fee."""
        row = {name: value for name, value in fill.body["data"][0].items() if name not in _WITHOUT_PRICE}
        return _with(fill, {**row, "execPrice": "0"})

    def stamped(self, fill: Frame, earlier_ms: int) -> Frame:
        """The fill with an earlier time."""
        row = fill.body["data"][0]
        return _with(fill, {**row, "execTime": str(int(row["execTime"]) - earlier_ms)})

    def refusal(self, name: str, words: str = "") -> Refused:
        """The venue's code."""
        return refusals.of_order(name, words)

    # ---------------------------------------------------------------------------------------------- inside

    def _of_order(self, order: PlacedOrder, what: str, now_ms: int, status: str = "") -> Frame:
        row = {"category": "linear", **order_row(order, status)}
        return self._frame("order", row, now_ms, order, what)

    def _position(self, held: HeldPosition, now_ms: int) -> dict[str, Any]:
        leverage = self.books.leverages[held.symbol]
        row = position_row(held, self.books.markets[held.symbol], leverage, now_ms)
        return {"category": "linear", **row}

    def _funding(
        self, symbol: str, changed: list[tuple[str, Decimal, Decimal, Decimal]], now_ms: int
    ) -> list[Frame]:
        paid = -sum((change for _, _, _, change in changed), ZERO)
        market = self.books.markets[symbol]
        rate = market.funding_rate or Decimal(1)
        held = (paid / rate / market.mark).quantize(market.listing.lot) if market.mark else ZERO
        row = {"category": "linear", **funding_row(symbol, held, paid, market.mark, now_ms)}
        return [self._frame("execution", row, now_ms)]

    def _frame(
        self,
        topic: str,
        rows: dict[str, Any] | list[dict[str, Any]],
        now_ms: int,
        order: PlacedOrder | None = None,
        what: str = "",
    ) -> Frame:
        body = {
            "topic": topic, "id": f"5d17_{topic}_{next(self._numbers)}", "creationTime": now_ms,
            "data": rows if isinstance(rows, list) else [rows],
        }  # fmt: skip
        if order is None:
            return Frame(topic, body, what)
        completes = topic == "order" and order.status == "FILLED"
        return Frame(topic, body, what, order.client_id, order_id(order), completes)


def _with(fill: Frame, row: dict[str, Any]) -> Frame:
    body = {**fill.body, "data": [row]}
    return Frame(fill.topic, body, fill.what, fill.client_id, fill.key, fill.completes)
