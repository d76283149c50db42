"""Runs whose results are kept: each plays a small market that touches another part of the player."""

import gzip
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from markets import MINUTE_NS, Listed

from dita import ExitSpec
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings
from dita.market import Bar, Depth, Print, Quote, open_market
from dita.strategy import Strategy

START = datetime(2024, 1, 1, tzinfo=UTC)
NEAR = Decimal("0.4")
START_NS = int(START.timestamp()) * 1_000_000_000
FINE = {"tick_size": "0.01", "lot_step": "0.001"}
RULES = BacktestSettings(
    taker_rate=Decimal("0.0005"),
    maker_rate=Decimal("0.0002"),
    instruments={"XUSDT": FINE, "YUSDT": FINE, "ZUSDT": FINE},
)


def draws(seed: int) -> Callable[[int], int]:
    """Whole numbers below a bound, the same ones everywhere."""
    state = [seed * 2_654_435_761 + 1]

    def below(bound: int) -> int:
        state[0] = (state[0] * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        return (state[0] >> 33) % bound

    return below


def cents(value: int) -> str:
    return f"{value // 100}.{value % 100:02}"


def bar_rows(seed: int, count: int, step: int = 60) -> Iterator[tuple[int, str, str, str, str, str]]:
    """Seconds since the start, open, high, low, close, volume."""
    below, last = draws(seed), 10_000
    for number in range(count):
        first = last + below(21) - 10
        last = first + below(121) - 60
        high, low = max(first, last) + below(60), min(first, last) - below(60)
        yield number * step, cents(first), cents(high), cents(low), cents(last), f"{below(900)}.{below(10)}0"


def bars(symbol: str, seed: int, count: int, step: int = 60) -> Listed:
    made = [Bar(symbol, *row, START_NS + at * 1_000_000_000) for at, *row in bar_rows(seed, count, step)]
    return Listed(symbol, made, step_ns=step * 1_000_000_000)


def ticks(symbol: str, seed: int, count: int, *, depth: bool = False, prints: bool = True) -> Listed:
    """Quotes, some prints, and with `depth` whole books and changes of them, half a second apart."""
    below, middle, made = draws(seed), 10_000, list[Any]()
    for number in range(count):
        at = START_NS + number * 500_000_000 + below(1000) * 1000
        middle += below(11) - 5
        bid, ask = cents(middle - 1), cents(middle + 1)
        if depth and number % 3:
            levels = [(cents(middle - 1 - n), f"{1 + below(50)}.5") for n in range(3)]
            offers = [(cents(middle + 1 + n), f"{1 + below(50)}") for n in range(3)]
            made.append(Depth(symbol, tuple(levels), tuple(offers), snapshot=True, ts_ns=at))
        else:
            sizes = (f"{1 + below(9)}.25", f"{1 + below(9)}") if number % 4 else (None, None)
            made.append(Quote(symbol, bid, sizes[0], ask, sizes[1], at))
        if prints and below(2):
            sold = bool(below(2))
            made.append(Print(symbol, bid if sold else ask, f"{1 + below(5)}.5", sold, at))
    return Listed(symbol, made, step_ns=1_000_000_000)


class Recording(Strategy):
    """Writes down all that it receives, with the time."""

    slots = 6

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.recorded: list[str] = []
        RUNNING.append(self)
        self.number = 0

    def say(self, *words: object) -> None:
        self.recorded.append(" ".join(str(word) for word in (self.now_ns - START_NS, *words)))

    def on_start(self) -> None:
        self.say("start")

    def on_stop(self) -> None:
        self.say("stop", self.account.equity)

    def on_order(self, order: Any) -> None:
        self.say("order", order.status, order.filled_size)

    def on_fill(self, fill: Any) -> None:
        self.say("fill", fill.side, fill.size, fill.price, fill.fee, fill.liquidity)

    def on_position(self, trade: Any) -> None:
        self.say("position", trade.size, trade.entry_price)

    def on_timer(self, name: str) -> None:
        self.say("timer", name)


RUNNING: list[Recording] = []


class Cross(Recording):
    """Two means of closes: long above, out below."""

    def on_bar(self, bar: Any) -> None:
        self.say(repr(bar), bar.close, bar.volume, bar.high_float, bar.close_time, self.warming)
        closes = self.closes_float(bar.symbol, 20)
        if self.warming or len(closes) < 20:
            return
        fast, slow = sum(closes[-5:]) / 5, sum(closes) / 20
        held = self.trades(bar.symbol)
        if fast > slow and not held:
            self.enter(bar.symbol, "LONG", "1.5")
        elif fast < slow and held:
            self.exit(held[0])


class CrossWarm(Cross):
    """The same, after a warm-up."""

    warmup = 30
    intervals = ("1m", "3m")


class Longer(Recording):
    """Receives lengths of several files, of one that no file has, and acts at the longest."""

    intervals = ("5m", "15m")

    def on_bar(self, bar: Any) -> None:
        self.say(repr(bar), bar.texts, tuple(self.closes_float(bar.symbol, 3, "15m")))
        if bar.interval == "15m":
            self.number += 1
            side = "LONG" if self.number % 2 else "SHORT"
            if len(self.trades()) < self.slots and not self.trades(bar.symbol):
                self.enter(bar.symbol, side, "2", order_type="LIMIT", limit_price=bar.close)
            elif self.position(bar.symbol).size:
                self.exit(bar.symbol)


class Guarded(Recording):
    """A stop and a target attached, close enough that bars hold both; a pair that it rests itself."""

    def on_bar(self, bar: Any) -> None:
        self.number += 1
        self.say(bar.open, bar.close)
        held = self.trades(bar.symbol)
        if not held:
            at = bar.close
            exits = (ExitSpec("STOP", trigger_price=at - NEAR), ExitSpec("TARGET", limit_price=at + NEAR))
            self.enter(bar.symbol, "LONG", 2, exits=exits if self.number % 2 else ())
        elif not self.orders(bar.symbol):
            self.exit(bar.symbol, order_type="STOP_MARKET", trigger_price=bar.close - NEAR, oco_group="g")
            self.exit(bar.symbol, order_type="LIMIT", limit_price=bar.close + NEAR, oco_group="g")


class Maker(Recording):
    """Rests a bid under the market and an offer over what it holds."""

    def on_quote(self, quote: Any) -> None:
        self.number += 1
        self.say("quote", quote.bid, quote.bid_size, quote.ask, quote.ask_size, quote.bid_float, quote.time)
        orders = self.orders(quote.symbol)
        if self.position(quote.symbol).size:
            if not orders:
                self.exit(quote.symbol, order_type="LIMIT", limit_price=quote.ask)
            elif self.number % 11 == 0:
                self.exit(quote.symbol)
        elif not orders:
            self.enter(quote.symbol, "LONG", 1, order_type="LIMIT", limit_price=quote.bid)
        elif self.number % 7 == 0:
            self.amend(orders[0], limit_price=quote.bid)

    def on_trade(self, trade: Any) -> None:
        self.say("trade", trade.price, trade.size, trade.price_float, trade.buyer_is_maker, trade.symbol)


class Timed(Recording):
    """Lives by its timers, and needs nothing of the market."""

    def on_start(self) -> None:
        self.say("start")
        self.timer("often", every=timedelta(seconds=45))
        self.timer("once", at=START + timedelta(minutes=7, seconds=13))

    def on_timer(self, name: str) -> None:
        self.say("timer", name, self.position("XUSDT").size)
        held = self.trades("XUSDT")
        if held:
            self.exit(held[0])
        elif name == "once":
            self.timer("often")
            self.timer("later", every=timedelta(minutes=2))
        else:
            self.enter("XUSDT", "SHORT", 1)


class Held(Recording):
    """Goes in once with all that it has, and holds."""

    side = "LONG"
    size = "50"

    def on_bar(self, bar: Any) -> None:
        self.number += 1
        self.say(bar.close, self.account.equity)
        if self.number == 3:
            self.enter(bar.symbol, self.side, self.size)


class Everything(Held):
    """Short in a market that rises without end."""

    size = "20"
    side = "SHORT"


class Mixed(Recording):
    """Bars of one instrument, ticks of another."""

    def on_bar(self, bar: Any) -> None:
        self.say(repr(bar))
        self.number += 1
        if self.number % 3 == 0 and not self.trades("YUSDT"):
            self.enter("YUSDT", "LONG", 1)

    def on_quote(self, quote: Any) -> None:
        if self.trades("YUSDT") and self.number % 3 == 1:
            self.say("out", quote.bid, quote.ask)
            self.exit("YUSDT")


def on(*strategies: type[Strategy], changes: dict[str, Any] | None = None, **markets: Any) -> Any:
    def play(_: Path) -> BacktestEngine:
        named = [Named(f"s{number}", one) for number, one in enumerate(strategies)]
        settings = replace(RULES, **(changes or {}))
        return BacktestEngine(named, [make() for make in markets.values()], settings)

    return play


def bar_file(path: Path, seed: int, count: int, *, hole: int = -1) -> Path:
    lines = ["timestamp,open,high,low,close,volume"]
    for number, (at, *row) in enumerate(bar_rows(seed, count)):
        if number != hole:
            lines.append(",".join([(START + timedelta(seconds=at)).isoformat(), *row]))
    path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
    return path


def from_files(place: Path) -> BacktestEngine:
    first = bar_file(place / "xusdt_1m.csv.gz", 31, 150, hole=77)
    rows = [
        f"{(START_NS + n * 20_000_000_000) // 1_000_000},{cents(10_000 + n % 37)},{cents(10_003 + n % 37)}"
        for n in range(400)
    ]
    second = place / "yusdt.csv"
    second.write_text("ts,bid,ask\n" + "\n".join(rows) + "\n")
    third = place / "ZUSDT-1m-2024-01.zip"
    with zipfile.ZipFile(third, "w") as archive:
        archive.writestr(
            "ZUSDT-1m-2024-01.csv",
            "".join(
                f"{START_NS // 1_000_000 + at * 1000},{','.join(row)},0,0,0,0,0,0\n"
                for at, *row in bar_rows(33, 150)
            ),
        )
    markets = [
        open_market(path, symbol) for path, symbol in ((first, "XUSDT"), (second, "YUSDT"), (third, None))
    ]
    named = [Named("m", Mixed), Named("c", Cross)]
    return BacktestEngine(named, markets, replace(RULES, allow_gaps=True))


def from_capture(place: Path) -> BacktestEngine:
    below, lines, last = draws(41), list[str](), 100
    at = START_NS
    lines.append(
        json.dumps({"e": "bookTicker", "s": "XUSDT", "b": "99.99", "B": "3", "a": "100.01", "A": "4"})
    )
    book = {"lastUpdateId": 100, "bids": [["99.99", "3"], ["99.98", "9"]], "asks": [["100.01", "4"]]}
    lines.append(json.dumps(book))
    for number in range(300):
        middle = 10_000 + below(9) - 4
        if number % 3 == 0:
            change = {"e": "depthUpdate", "s": "XUSDT", "U": last + (number > 0), "u": last + 1, "pu": last}
            change |= {"b": [[cents(middle - 1), f"{below(4)}"]], "a": [[cents(middle + 5), f"{below(4)}"]]}
            last += 1
            lines.append(json.dumps({"stream": "d", "data": change}))
        elif number % 3 == 1:
            quote = {"e": "bookTicker", "s": "XUSDT", "b": cents(middle - 1), "B": "2.5"}
            lines.append(json.dumps(quote | {"a": cents(middle + 1), "A": "1"}))
        else:
            trade = {"e": "trade", "s": "XUSDT", "p": cents(middle), "q": "0.75", "m": bool(below(2))}
            lines.append(json.dumps(trade))
    path = place / "capture.jsonl"
    path.write_text("".join(f"{at + n * 300_000_000} {line}\n" for n, line in enumerate(lines)))
    return BacktestEngine([Named("s", Maker)], [open_market(path)], replace(RULES, queue_model="risk_averse"))


def funded(place: Path) -> BacktestEngine:
    path = place / "funding.csv"
    rows = ["time,symbol,rate,mark"]
    for hour, rate in enumerate(("0.001", "-0.0005", "0.002", "0.0001")):
        at = START + timedelta(minutes=40 * hour + 20, seconds=30)
        rows.append(
            f"{at.isoformat()},{'XUSDT' if hour % 2 else 'YUSDT'},{rate},{'' if hour == 2 else '100.5'}"
        )
    path.write_text("\n".join(rows) + "\n")
    markets = [bars("XUSDT", 51, 200), bars("YUSDT", 52, 200)]
    return BacktestEngine([Named("c", Cross), Named("h", Held)], markets, replace(RULES, funding=path))


def off_the_grid() -> Listed:
    made = [event._replace(close=event.close + "4", high=event.high + "9") for event in bars("XUSDT", 61, 60)]
    quotes = [
        event._replace(bid=event.bid + "1", ask=event.ask + "6") if isinstance(event, Quote) else event
        for event in ticks("YUSDT", 62, 60)
    ]
    return Listed("XUSDT", made) if made[0].symbol == "XUSDT" else Listed("YUSDT", quotes)


def rising() -> Listed:
    """Bars that rise to eleven times the first price."""
    made = [
        Bar("XUSDT", str(n), str(n + 6), str(n - 1), str(n + 5), "1", START_NS + n * 12_000_000_000)
        for n in range(100, 1100, 5)
    ]
    return Listed("XUSDT", made)


def x(seed: int, count: int, **more: Any) -> Callable[[], Listed]:
    return lambda: bars("XUSDT", seed, count, **more)


def y(seed: int, count: int, **more: Any) -> Callable[[], Listed]:
    return lambda: bars("YUSDT", seed, count, **more)


def tx(seed: int, count: int, **more: Any) -> Callable[[], Listed]:
    return lambda: ticks("XUSDT", seed, count, **more)


def ty(seed: int, count: int, **more: Any) -> Callable[[], Listed]:
    return lambda: ticks("YUSDT", seed, count, **more)


HOUR_NS = 60 * MINUTE_NS
PLAYS: dict[str, Callable[[Path], BacktestEngine]] = {
    "bars": on(Cross, x=x(1, 300)),
    "bars_warm": on(CrossWarm, x=x(2, 200), y=y(3, 180)),
    "bars_close_touch": on(Guarded, changes={"fill_at": "close", "limit_fill": "touch"}, x=x(4, 120)),
    "bars_stops": on(Guarded, x=x(5, 150)),
    "bars_longer": on(Longer, Cross, x=x(6, 200), y=y(7, 40, step=300)),
    "bars_late": on(Guarded, changes={"latency_ms": Decimal(1500), "slippage_bps": Decimal(3)}, x=x(8, 100)),
    "bars_window": on(
        Cross, changes={"start_ns": START_NS + HOUR_NS + 1, "end_ns": START_NS + 3 * HOUR_NS}, x=x(9, 300)
    ),
    "bars_rounded": on(Cross, changes={"round_prices": True}, x=off_the_grid),
    "liquidated": on(Everything, x=rising),
    "timers": on(Timed, x=x(11, 40), y=y(12, 30)),
    "ticks": on(Maker, x=tx(13, 250)),
    "ticks_late": on(Maker, changes={"latency_ms": Decimal(700)}, x=tx(14, 200)),
    "ticks_depth": on(Maker, changes={"queue_model": "risk_averse"}, x=tx(15, 200, depth=True)),
    "ticks_window": on(
        Maker, changes={"start_ns": START_NS + 10**10, "end_ns": START_NS + 6 * 10**10}, x=tx(16, 200)
    ),
    "ticks_two": on(Maker, Mixed, x=tx(17, 100), y=ty(18, 100, prints=False)),
    "mixed": on(Mixed, Timed, x=x(19, 20), y=ty(20, 900)),
    "funding": funded,
    "files": from_files,
    "capture": from_capture,
}


def content_of(name: str, place: Path) -> dict[str, Any]:
    """What a run comes to, and what its strategies received; without the id, which is of the sources."""
    RUNNING.clear()
    result = PLAYS[name](place).run()
    content = {key: one for key, one in result.to_dict().items() if key not in ("run_id", "definitions")}
    # A second pass with every stop first has strategies of its own.
    return content | {"heard": [one.recorded for one in RUNNING]}


def digests_of(name: str, place: Path) -> dict[str, str]:
    """The SHA-256 of each part of what a run comes to, as JSON, by its name."""
    return {
        key: hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()
        for key, part in content_of(name, place).items()
    }
