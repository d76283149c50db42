"""WebSocket: who listens to what, and the market's frames.

Since 2026-04-23 the venue has three paths: `/private` for the user stream, `/public` for depth, best prices
and trades, `/market` for the rest. The older path, `/ws/<listenKey>`, still connects and answers pings,
and pushes nothing.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dita.practice.binance.quotes import INTERVALS, Quotes, bars_of
from dita.practice.encoder import Frame
from dita.practice.exchange import Line
from dita.practice.market import MINUTE_MS, MadePrint, Market, next_funding_ms
from dita.precision import plain

Path = Literal["private", "public", "market", "old"]
_SUBSCRIPTIONS_MAX: Final = 1_024
_OF_PUBLIC: Final = ("depth", "bookTicker", "trade", "rpiDepth")


@dataclass(slots=True)
class UserSession:
    """One connection.

    Attributes:
        path: By which way it came.
        line: Its other end.
        combined: Whether frames are wrapped with their stream's name.
        names: What it listens to.
        listen_key: Whose user stream it is.
        events: Which events of it; None means all.
        last_update: The number of the last depth that it was sent, by instrument.
        said: How many frames of the user stream it was sent.
    """

    path: Path
    line: Line
    combined: bool = False
    names: set[str] = field(default_factory=set)
    listen_key: str = ""
    events: frozenset[str] | None = None
    last_update: dict[str, int] = field(default_factory=dict)
    said: int = 0

    @property
    def is_private(self) -> bool:
        """Whether it is a user stream."""
        return self.path == "private"

    def tell(self, frame: Frame) -> None:
        """Tell a frame of the user stream."""
        self.say(self.listen_key, frame.body)

    def say(self, name: str, frame: Any) -> None:  # noqa: ANN401 - a frame is any JSON
        """Send a frame of a stream."""
        body = {"stream": name, "data": frame} if self.combined else frame
        self.line.say(json.dumps(body, separators=(",", ":")))

    def command(self, text: str) -> None:
        """Take what the other end says: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS."""
        try:
            asked = json.loads(text)
            method, number = asked["method"], asked.get("id")
        except (ValueError, KeyError, TypeError, AttributeError):
            self._answer({"code": 2, "msg": "Invalid request: unknown method"}, None, failed=True)
            return
        names = [str(name) for name in asked.get("params") or []]
        match method:
            case "SUBSCRIBE" if self.path == "private":
                # A user stream's name is its key.
                self.listen_key = names[-1] if names else self.listen_key
                self._answer(None, number)
            case "SUBSCRIBE":
                if len(self.names | set(names)) > _SUBSCRIPTIONS_MAX:
                    self._answer({"code": 2, "msg": "Too many subscriptions"}, number, failed=True)
                    return
                self.names |= set(names)
                self._answer(None, number)
            case "UNSUBSCRIBE":
                self.names -= set(names)
                self._answer(None, number)
            case "LIST_SUBSCRIPTIONS":
                self._answer(sorted(self.names), number)
            case _:
                self._answer({"code": 2, "msg": "Invalid request: unknown method"}, number, failed=True)

    def serves(self, name: str) -> bool:
        """Whether the path it came by carries a stream."""
        kind = name.partition("@")[2] or name.lstrip("!")
        is_public = kind.startswith(_OF_PUBLIC)
        return self.path == ("public" if is_public else "market")

    def _answer(self, result: Any, number: Any, *, failed: bool = False) -> None:  # noqa: ANN401 - JSON
        body = {"error": result, "id": number} if failed else {"result": result, "id": number}
        self.line.say(json.dumps(body, separators=(",", ":")))


class MarketStreams:
    """Tells sessions of the market."""

    def __init__(self, quotes: Quotes) -> None:
        """Serve what REST serves too."""
        self.quotes = quotes

    def tell(
        self,
        sessions: Iterable[UserSession],
        market: Market,
        made: MadePrint | None,
        now_ms: int,
        *,
        marks_due: bool,
    ) -> None:
        """Tell of one step of an instrument's market.

        Args:
            sessions: Who may listen.
            market: Which.
            made: A trade of others, where one happened.
            now_ms: The time.
            marks_due: Whether a second has passed since marks were last sent.
        """
        low = market.listing.symbol.lower()
        for session in sessions:
            for name in sorted(session.names):
                whose, _, kind = name.partition("@")
                if not session.serves(name) or whose not in {low, name}:
                    continue
                for frame in self._frames(session, market, kind or name, made, now_ms, marks_due=marks_due):
                    session.say(name, frame)

    def _frames(
        self,
        session: UserSession,
        market: Market,
        kind: str,
        made: MadePrint | None,
        now_ms: int,
        *,
        marks_due: bool,
    ) -> Iterable[Any]:
        symbol = market.listing.symbol
        head = {"E": now_ms, "s": symbol}
        if kind in {"bookTicker", "!bookTicker"}:
            (bid, bid_size), (ask, ask_size) = market.bids[0], market.asks[0]
            yield {
                "e": "bookTicker", "u": market.update_id, "E": now_ms, "T": now_ms, "s": symbol,
                "b": plain(bid), "B": plain(bid_size), "a": plain(ask), "A": plain(ask_size),
            }  # fmt: skip
        elif kind.startswith("depth"):
            yield self._depth(session, market, now_ms)
        elif kind == "trade" and made is not None:
            yield {
                "e": "trade", **head, "T": made.time_ms, "t": made.number, "p": plain(made.price),
                "q": plain(made.size), "X": "MARKET", "m": made.sold,
            }  # fmt: skip
        elif kind == "aggTrade" and made is not None:
            yield {
                "e": "aggTrade", **head, "a": made.number, "p": plain(made.price), "q": plain(made.size),
                "f": made.number, "l": made.number, "T": made.time_ms, "m": made.sold,
            }  # fmt: skip
        elif kind.startswith("markPrice") and marks_due:
            yield self._mark(market, now_ms)
        elif kind.startswith("!markPrice@arr") and marks_due:
            yield [self._mark(market, now_ms)]
        elif kind.startswith("kline_") and (made is not None or marks_due):
            yield from self._bars(session, market, kind.removeprefix("kline_"), now_ms)
        elif kind in {"ticker", "miniTicker"} and marks_due:
            yield self._day(market, now_ms, short=kind == "miniTicker")
        elif kind in {"!ticker@arr", "!miniTicker@arr"} and marks_due:
            yield [self._day(market, now_ms, short=kind.startswith("!mini"))]

    def _mark(self, market: Market, now_ms: int) -> dict[str, Any]:
        return {
            "e": "markPriceUpdate", "E": now_ms, "s": market.listing.symbol, "p": plain(market.mark),
            "i": plain(market.mark), "P": plain(market.mark), "r": plain(market.funding_rate),
            "T": next_funding_ms(now_ms),
        }  # fmt: skip

    def _depth(self, session: UserSession, market: Market, now_ms: int) -> dict[str, Any]:
        symbol = market.listing.symbol
        last = session.last_update.get(symbol, market.update_id - 1)
        session.last_update[symbol] = market.update_id
        changes = market.changes
        return {
            "e": "depthUpdate", "E": now_ms, "T": now_ms, "s": symbol, "U": last + 1, "u": market.update_id,
            "pu": last, "b": [[plain(p), plain(q)] for p, q in changes[0]],
            "a": [[plain(p), plain(q)] for p, q in changes[1]],
        }  # fmt: skip

    def _bars(
        self, session: UserSession, market: Market, interval: str, now_ms: int
    ) -> Iterable[dict[str, Any]]:
        if interval not in INTERVALS:
            return
        length_ms = INTERVALS[interval] * MINUTE_MS
        open_ms = now_ms - now_ms % length_ms
        key = f"{market.listing.symbol}@{interval}"
        last_ms = session.last_update.get(key, open_ms)
        session.last_update[key] = open_ms
        for bar in bars_of(market, interval, last_ms, now_ms + 1):
            yield {
                "e": "kline", "E": now_ms, "s": market.listing.symbol,
                "k": {
                    "t": bar.open_ms, "T": bar.open_ms + length_ms - 1, "s": market.listing.symbol,
                    "i": interval, "f": -1, "L": -1, "o": plain(bar.open), "c": plain(bar.close),
                    "h": plain(bar.high), "l": plain(bar.low), "v": plain(bar.volume), "n": bar.prints,
                    "x": bar.open_ms < open_ms, "q": plain(bar.turnover), "V": plain(bar.bought),
                    "Q": plain(bar.bought_turnover), "B": "0",
                },
            }  # fmt: skip

    def _day(self, market: Market, now_ms: int, *, short: bool) -> dict[str, Any]:
        day = self.quotes.day(market, now_ms)
        head = {"e": "24hrMiniTicker" if short else "24hrTicker", "E": now_ms, "s": market.listing.symbol}
        body = {
            **head, "c": day["lastPrice"], "o": day["openPrice"], "h": day["highPrice"],
            "l": day["lowPrice"], "v": day["volume"], "q": day["quoteVolume"],
        }  # fmt: skip
        if short:
            return body
        return {
            **body, "p": day["priceChange"], "P": day["priceChangePercent"], "w": day["weightedAvgPrice"],
            "Q": day["lastQty"], "O": day["openTime"], "C": day["closeTime"], "F": day["firstId"],
            "L": day["lastId"], "n": day["count"],
        }  # fmt: skip
