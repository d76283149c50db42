"""How fast markets are played: CSV files of quotes and bars to a strategy's callbacks, with marks and ledger.

    python benches/python/play.py [--rows N] [--rounds N] [--only NAME]

Prints each figure as a median of the rounds, with the smallest and the largest. Build with `maturin develop
--release` first.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings
from dita.market import open_market
from dita.strategy import Bar, QuoteTick, Strategy

START = datetime(2024, 1, 1, tzinfo=UTC)
RULES = BacktestSettings(instruments={"XUSDT": {"tick_size": "0.1", "lot_step": "0.001"}})


class QuotesAsFloats(Strategy):
    """Two averages of the middle."""

    def on_start(self) -> None:
        self.fast = self.slow = 0.0

    def on_quote(self, quote: QuoteTick) -> None:
        middle = (quote.bid_float + quote.ask_float) / 2
        self.fast += (middle - self.fast) * 0.1
        self.slow += (middle - self.slow) * 0.01


class QuotesAsDecimals(Strategy):
    """Reads bid and ask exactly."""

    def on_quote(self, quote: QuoteTick) -> None:
        self.bid = quote.bid
        self.ask = quote.ask


class BarsAsFloats(Strategy):
    """Two averages of the close."""

    def on_start(self) -> None:
        self.fast = self.slow = 0.0

    def on_bar(self, bar: Bar) -> None:
        close = bar.close_float
        self.fast += (close - self.fast) * 0.1
        self.slow += (close - self.slow) * 0.01


class BarsAsDecimals(Strategy):
    """Reads open and close exactly."""

    def on_bar(self, bar: Bar) -> None:
        self.first = bar.open
        self.last = bar.close


class Holds(QuotesAsFloats):
    """The same, with a trade open all the time."""

    def on_start(self) -> None:
        super().on_start()
        self.entered = False

    def on_quote(self, quote: QuoteTick) -> None:
        if not self.entered:
            self.entered = self.enter(quote.symbol, "LONG", "0.01").accepted
        super().on_quote(quote)


def quote_rows(count: int) -> Iterator[str]:
    draw, ticks = random.Random(1), 618_000  # noqa: S311 - a made-up market
    yield "timestamp,bid,ask,bid_size,ask_size"
    at = int(START.timestamp() * 1_000_000)
    for _ in range(count):
        ticks += draw.randrange(-3, 4)
        at += draw.randrange(1, 40_000)
        bid, ask = f"{ticks // 10}.{ticks % 10}", f"{(ticks + 1) // 10}.{(ticks + 1) % 10}"
        yield f"{at},{bid},{ask},{draw.randrange(1, 9999) / 1000},{draw.randrange(1, 9999) / 1000}"


def bar_rows(count: int) -> Iterator[str]:
    draw, last = random.Random(2), 618_000  # noqa: S311 - a made-up market
    yield "timestamp,open,high,low,close,volume"
    for number in range(count):
        first, last = last, last + draw.randrange(-200, 201)
        high, low = max(first, last) + draw.randrange(90), min(first, last) - draw.randrange(90)
        prices = ",".join(f"{price // 10}.{price % 10}" for price in (first, high, low, last))
        yield f"{(START + timedelta(minutes=number)).isoformat()},{prices},{draw.randrange(1, 99999) / 100}"


def written(path: Path, rows: Iterator[str]) -> Path:
    with path.open("w") as file:
        file.writelines(f"{row}\n" for row in rows)
    return path


def played(strategy: type[Strategy], path: Path) -> float:
    """Events a second of the run's processor time: others may use the machine meanwhile."""
    engine = BacktestEngine([Named("s", strategy)], [open_market(path, "XUSDT")], RULES)
    begun = time.process_time()
    result = engine.run()
    return result.events / (time.process_time() - begun)


def shell(path: Path) -> float:
    """Seconds from the shell to the report."""
    begun = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "dita.cli",
        "backtest",
        "ema-cross",
        "--data",
        str(path),
        "--symbol",
        "XUSDT",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun


def peak_mib(path: Path) -> float:
    """Peak memory of a run, MiB."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); import play; from pathlib import Path;"
        "play.played(play.QuotesAsFloats, Path(sys.argv[1]));"
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    here = str(Path(__file__).parent)
    out = subprocess.run([sys.executable, "-c", code, str(path), here], check=True, capture_output=True)
    return int(out.stdout) / 1024


def decimal_us() -> float:
    """Microseconds a read of a Decimal."""
    tick = QuoteTick("XUSDT", 1, ("61800.1", "1.234", "61800.2", "0.5"))
    count = 200_000
    loop = range(count)
    begun = time.perf_counter()
    for _ in loop:
        tick.bid  # noqa: B018 - the read is what is timed
    read = time.perf_counter()
    for _ in loop:
        tick  # noqa: B018 - the loop alone
    return (2 * read - begun - time.perf_counter()) / count * 1e6


def told(name: str, unit: str, rounds: int, measure: Callable[[], float]) -> None:
    values = [measure() for _ in range(rounds)]
    print(
        f"{name:34} {statistics.median(values):14,.2f} {unit}  ({min(values):,.2f} to {max(values):,.2f})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--megabytes", type=int, nargs="*", default=[10, 100])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        quotes = written(place / "quotes.csv", quote_rows(options.rows))
        bars = written(place / "bars.csv", bar_rows(options.rows))
        hundred = written(place / "bars_100k.csv", bar_rows(100_000))
        figures: list[tuple[str, str, Callable[[], Any]]] = [
            ("quotes, floats", "a second", lambda: played(QuotesAsFloats, quotes)),
            ("quotes, Decimals", "a second", lambda: played(QuotesAsDecimals, quotes)),
            ("quotes, floats, a trade open", "a second", lambda: played(Holds, quotes)),
            ("quotes, no callback", "a second", lambda: played(Strategy, quotes)),
            ("bars, floats", "a second", lambda: played(BarsAsFloats, bars)),
            ("bars, Decimals", "a second", lambda: played(BarsAsDecimals, bars)),
            ("bars, no callback", "a second", lambda: played(Strategy, bars)),
            ("a Decimal read", "µs", decimal_us),
            ("shell to report, 100,000 bars", "s", lambda: shell(hundred)),
        ]
        for name, unit, measure in figures:
            if options.only in name:
                told(name, unit, options.rounds, measure)
        if options.only in "memory":
            for megabytes in options.megabytes:
                rows = quote_rows(megabytes * 1_000_000 // 44)
                path = written(place / f"quotes_{megabytes}.csv", rows)
                size = path.stat().st_size / 1e6
                told(f"peak memory, {size:.0f} MB of quotes", "MiB", 1, lambda at=path: peak_mib(at))
                path.unlink()


if __name__ == "__main__":
    main()
