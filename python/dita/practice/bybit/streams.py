"""WebSocket: who listens to what, and the market's frames."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dita.practice.bybit.quotes import INTERVALS, Quotes, bars_of, book_of
from dita.practice.encoder import Frame
from dita.practice.exchange import Line
from dita.practice.market import MINUTE_MS, MadePrint, Market
from dita.precision import plain

Path = Literal["private", "public"]
_OF_ACCOUNT: Final = ("order", "execution", "position", "wallet")
_DEPTHS: Final = {"1": 1, "50": 50, "200": 200, "1000": 1000}


@dataclass(slots=True)
class BybitSession:
    """One connection.

    Attributes:
        path: By which way it came.
        line: Its other end.
        check: Says whether a key, a time of expiry and a signature are good.
        snapshot: Returns what a subscription to a topic of the market begins with.
        subscribed: Called once it has subscribed to topics of the account.
        names: What it listens to.
        is_known: Whether it has logged in.
        number: Which connection it is.
        said: How many frames of the user stream it was sent.
        sent_bars: Up to where bars were sent, by topic.
    """

    path: Path
    line: Line
    check: Callable[[str, str, str], bool]
    snapshot: Callable[[str], list[dict[str, Any]] | None]
    subscribed: Callable[["BybitSession"], None]
    number: int = 0
    names: set[str] = field(default_factory=set)
    is_known: bool = False
    said: int = 0
    sent_bars: dict[str, int] = field(default_factory=dict)

    @property
    def is_private(self) -> bool:
        """Whether it is a user stream."""
        return self.path == "private"

    def tell(self, frame: Frame) -> None:
        """Tell a frame of the user stream."""
        self.say(frame.body)

    def say(self, body: dict[str, Any]) -> None:
        """Send a frame."""
        self.line.say(json.dumps(body, separators=(",", ":")))

    def command(self, text: str) -> None:
        """Take what the other end says: auth, subscribe, unsubscribe, ping."""
        try:
            asked = json.loads(text)
            op, words, number = asked["op"], asked.get("args") or [], asked.get("req_id", "")
        except (ValueError, KeyError, TypeError, AttributeError):
            self._answer("", "", success=False, words="Params Error")
            return
        match op:
            case "ping":
                self._pong(number)
            case "auth" if self.is_private:
                good = len(words) == 3 and self.check(*(str(word) for word in words))
                self.is_known = self.is_known or good
                self._answer(op, number, success=good, words="" if good else "Params Error")
            case "subscribe":
                self._subscribe([str(word) for word in words], number)
            case "unsubscribe":
                self.names -= {str(word) for word in words}
                self._answer(op, number, success=True)
            case _:
                self._answer(str(op), number, success=False, words=f"unknown op: {op}")

    def _subscribe(self, names: list[str], number: str) -> None:
        if self.is_private and not self.is_known:
            self._answer("subscribe", number, success=False, words="Request not authorized")
            return
        unknown = [name for name in names if not self._is_topic(name)]
        mixed = self.is_private and any("." in n for n in names) and any("." not in n for n in names)
        if unknown or mixed:
            words = f"error:handler not found,topic:{', '.join(unknown or names)}"
            self._answer("subscribe", number, success=False, words=words)
            return
        self.names |= set(names)
        self._answer("subscribe", number, success=True)
        if self.is_private:
            self.subscribed(self)
        else:
            for name in names:
                for frame in self.snapshot(name) or []:
                    self.say(frame)

    def _is_topic(self, name: str) -> bool:
        if self.is_private:
            topic, _, category = name.partition(".")
            return topic in _OF_ACCOUNT and category in {"", "linear"}
        return self.snapshot(name) is not None

    def _pong(self, number: str) -> None:
        if self.is_private:
            self.say({"req_id": number, "op": "pong", "args": [], "conn_id": self._conn_id})
        else:
            self.say(
                {"success": True, "ret_msg": "pong", "conn_id": self._conn_id, "req_id": number, "op": "ping"}
            )

    @property
    def _conn_id(self) -> str:
        return f"5d17-{self.number}"

    def _answer(self, op: str, number: str, *, success: bool, words: str = "") -> None:
        self.say({"success": success, "ret_msg": words, "op": op, "conn_id": self._conn_id, "req_id": number})


def is_good(key: str, secret: str, given: tuple[str, str, str], now_ms: int) -> bool:
    """Whether a login is good.

    Args:
        key: The key that there is.
        secret: Its secret.
        given: Key, time of expiry and signature.
        now_ms: The time.
    """
    named, expires, signature = given
    if named != key or not expires.isdigit() or int(expires) <= now_ms:
        return False
    expected = hmac.new(secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature)


class MarketStreams:
    """Tells sessions of the market."""

    def __init__(self, quotes: Quotes, now_ms: Callable[[], int]) -> None:
        """Serve what REST serves too."""
        self.quotes = quotes
        self._now_ms = now_ms

    def snapshot(self, name: str) -> list[dict[str, Any]] | None:
        """Return what a subscription begins with; None where there is no such topic."""
        kind, _, rest = name.partition(".")
        length, _, symbol = rest.rpartition(".")
        market = self.quotes.markets.get(symbol)
        if market is None:
            return None
        match kind:
            case "orderbook" if length in _DEPTHS:
                return [self._frame(name, "snapshot", book_of(market, _DEPTHS[length]))]
            case "tickers" if not length:
                return [self._frame(name, "snapshot", self.quotes.ticker(market, self._now_ms()))]
            case "publicTrade" if not length:
                return []
            case "kline" if length in INTERVALS:
                return []
        return None

    def tell(
        self, sessions: Iterable[BybitSession], market: Market, made: MadePrint | None, *, marks_due: bool
    ) -> None:
        """Tell of one step of an instrument's market.

        Args:
            sessions: Who may listen.
            market: Which.
            made: A trade of others, where one happened.
            marks_due: Whether a second has passed since marks were last sent.
        """
        for session in sessions:
            for name in sorted(session.names):
                if not session.is_private and name.rpartition(".")[2] == market.listing.symbol:
                    for frame in self._frames(session, market, name, made, marks_due=marks_due):
                        session.say(frame)

    def _frames(
        self, session: BybitSession, market: Market, name: str, made: MadePrint | None, *, marks_due: bool
    ) -> Iterable[dict[str, Any]]:
        kind, _, rest = name.partition(".")
        length = rest.rpartition(".")[0]
        if kind == "orderbook" and length == "1":
            yield self._frame(name, "snapshot", book_of(market, 1))
        elif kind == "orderbook":
            yield self._frame(name, "delta", self._changes(market))
        elif kind == "publicTrade" and made is not None:
            row = {
                "T": made.time_ms, "s": market.listing.symbol, "S": "Sell" if made.sold else "Buy",
                "v": plain(made.size), "p": plain(made.price), "L": "PlusTick", "i": f"made-{made.number}",
                "BT": False, "RPI": False, "seq": market.update_id,
            }  # fmt: skip
            yield self._frame(name, "snapshot", [row])
        elif kind == "tickers" and marks_due:
            changed = ("symbol", "lastPrice", "markPrice", "indexPrice", "fundingRate", "nextFundingTime")
            best = ("bid1Price", "bid1Size", "ask1Price", "ask1Size")
            ticker = self.quotes.ticker(market, self._now_ms())
            yield self._frame(name, "delta", {one: ticker[one] for one in (*changed, *best)})
        elif kind == "kline" and (made is not None or marks_due):
            yield from self._bars(session, market, name, length)

    def _changes(self, market: Market) -> dict[str, Any]:
        bids, asks = market.changes
        return {
            "s": market.listing.symbol,
            "b": [[plain(price), plain(size)] for price, size in bids],
            "a": [[plain(price), plain(size)] for price, size in asks],
            "u": market.update_id,
            "seq": market.update_id,
        }

    def _bars(
        self, session: BybitSession, market: Market, name: str, interval: str
    ) -> Iterable[dict[str, Any]]:
        now_ms, length_ms = self._now_ms(), INTERVALS[interval] * MINUTE_MS
        open_ms = now_ms - now_ms % length_ms
        since = session.sent_bars.get(name, open_ms)
        session.sent_bars[name] = open_ms
        for bar in bars_of(market, interval, since, now_ms + 1):
            row = {
                "start": bar.open_ms, "end": bar.open_ms + length_ms - 1, "interval": interval,
                "open": plain(bar.open), "close": plain(bar.close), "high": plain(bar.high),
                "low": plain(bar.low), "volume": plain(bar.volume), "turnover": plain(bar.turnover),
                "confirm": bar.open_ms < open_ms, "timestamp": now_ms,
            }  # fmt: skip
            yield self._frame(name, "snapshot", [row])

    def _frame(self, topic: str, kind: str, data: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        now_ms = self._now_ms()
        return {"topic": topic, "type": kind, "ts": now_ms, "data": data, "cts": now_ms}
