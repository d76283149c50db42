"""Encode account events as Binance's frames."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from dita.practice.binance import frames, refusals
from dita.practice.binance.frames import Body
from dita.practice.encoder import Frame, Refused
from dita.practice.records import HeldPosition, PlacedOrder, Trade

_WHATS: Final = {"NEW": "NEW", "TRADE": "FILL", "CANCELED": "END", "EXPIRED": "END"}


class BinanceEncoder:
    """Binance USD-M's frames and codes."""

    ids_for_ever: Final = False

    def order(self, order: PlacedOrder, what: str, now_ms: int, trade: Trade | None = None) -> list[Frame]:
        """Encode ORDER_TRADE_UPDATE."""
        return [_of(order, frames.order_update(order, what, now_ms, trade), _WHATS.get(what, ""))]

    def waiting(self, order: PlacedOrder, what: str, now_ms: int, reason: str = "") -> list[Frame]:
        """Encode ALGO_UPDATE."""
        return [Frame("ALGO_UPDATE", frames.algo_update(order, what, now_ms, reason))]

    def early(self, order: PlacedOrder, trade: Trade, now_ms: int) -> list[Frame]:
        """Encode TRADE_LITE."""
        return [Frame("TRADE_LITE", frames.trade_lite(order, trade, now_ms))]

    def account(
        self,
        reason: str,
        balances: Iterable[tuple[str, Decimal, Decimal, Decimal]],
        positions: Iterable[HeldPosition],
        now_ms: int,
        symbol: str = "",
    ) -> list[Frame]:
        """Encode ACCOUNT_UPDATE."""
        body = frames.account_update(reason, balances, positions, now_ms, symbol)
        return [Frame("ACCOUNT_UPDATE", body)]

    def leverage(self, symbol: str, leverage: int, now_ms: int) -> list[Frame]:
        """Encode ACCOUNT_CONFIG_UPDATE."""
        return [Frame("ACCOUNT_CONFIG_UPDATE", frames.config_update(symbol, leverage, now_ms))]

    def without_price(self, fill: Frame) -> Frame:
        """The fill with price 0, without its fee."""
        left_out = {key: value for key, value in fill.body["o"].items() if key not in {"n", "N", "rp"}}
        return _with(fill, {**fill.body, "o": {**left_out, "L": "0", "ap": "0"}})

    def stamped(self, fill: Frame, earlier_ms: int) -> Frame:
        """The fill with an earlier time."""
        at_ms = fill.body["T"] - earlier_ms
        return _with(fill, {**fill.body, "T": at_ms, "E": at_ms, "o": {**fill.body["o"], "T": at_ms}})

    def refusal(self, name: str, words: str = "") -> Refused:
        """The venue's code."""
        return refusals.of_order(name, words)


def _of(order: PlacedOrder, body: Body, what: str) -> Frame:
    return Frame(
        "ORDER_TRADE_UPDATE", body, what, order.client_id, str(order.number), order.status == "FILLED"
    )


def _with(fill: Frame, body: Body) -> Frame:
    return Frame(fill.topic, body, fill.what, fill.client_id, fill.key, fill.completes)
