"""Markets and traders for the twin's tests: written as files, drawn from a seed."""

import csv
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from markets import Listed

from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings
from dita.host import Directory
from dita.market import Market, Print, Quote, open_market
from dita.strategy import Params, Strategy

SYMBOL = "BTCUSDT"
BEGIN_NS = 1_704_067_200_000_000_000
STEP_NS = 250_000_000
RULES = {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001"}}


def write_quotes(path: Path, *, seed: int = 1, count: int = 2_000, step_ns: int = STEP_NS) -> Path:
    """Write best prices that walk by up to ten ticks a step."""
    draw = random.Random(seed)  # noqa: S311 - a market that is made up
    middle = 600_000
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["timestamp", "bid", "ask", "bid_size", "ask_size"])
        for number in range(count):
            middle = max(1_000, middle + draw.randint(-10, 10))
            sizes = [f"{draw.randint(1, 40) / 10:.1f}" for _ in range(2)]
            at_ns = BEGIN_NS + number * step_ns
            rows.writerow([at_ns, f"{(middle - 1) / 10:.1f}", f"{(middle + 1) / 10:.1f}", *sizes])
    return path


def write_funding(path: Path, *, count: int, step_ns: int) -> Path:
    """Write boundaries whose rates change their sign."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "symbol", "rate", "mark"])
        for number in range(1, count + 1):
            rate = Decimal(number % 5 - 2) / 10_000
            rows.writerow([BEGIN_NS + number * step_ns, SYMBOL, rate, ""])
    return path


def write_bars(path: Path, count: int = 300) -> Path:
    """Write minute bars that go up and down."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["timestamp", "open", "high", "low", "close", "volume"])
        for number in range(count):
            base = 100 + number * 7 % 11 - number * 3 % 5
            at = BEGIN_NS // 10**9 + number * 60
            rows.writerow([at, base, base + 4, base - 3, base + 1, 10])
    return path


class Drawn(Params):
    """Where chance starts, and how often something is done."""

    seed: int = 1
    maker: bool = True


class Trader(Strategy):
    """Enters and leaves by chance, as taker and as maker, in parts and whole, and cancels what waits."""

    params_type: ClassVar[type[Params]] = Drawn
    slots = 3

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.draw = random.Random(getattr(params, "seed", 1))  # noqa: S311 - a trader that is made up
        self.maker = getattr(params, "maker", True)

    def on_quote(self, quote: Any) -> None:
        chance = self.draw.random()
        if chance > 0.12:
            return
        waiting = self.orders(quote.symbol)
        held = self.position(quote.symbol)
        if waiting and chance < 0.04:
            self.cancel(waiting[0])
        elif held.is_flat and not waiting:
            side = self.draw.choice(["LONG", "SHORT"])
            size = Decimal(self.draw.randint(1, 1_500)) / 1_000
            if self.maker and chance < 0.07:
                off = Decimal(self.draw.randint(0, 8)) / 10
                price = quote.bid - off if side == "LONG" else quote.ask + off
                self.enter(quote.symbol, side, size, order_type="LIMIT", limit_price=price)
            else:
                self.enter(quote.symbol, side, size)
        elif not held.is_flat:
            self.exit(quote.symbol)


class Swing(Strategy):
    """In on every seventh bar, out three later; with a resting stop."""

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.bars = 0

    def on_bar(self, bar: Any) -> None:
        self.bars += 1
        if self.position(bar.symbol).is_flat:
            if self.bars % 7 == 0:
                self.enter(bar.symbol, "LONG", 2)
        elif not self.orders(bar.symbol):
            self.exit(bar.symbol, order_type="STOP_MARKET", trigger_price=bar.close - 3)
        elif self.bars % 7 == 3:
            self.exit(bar.symbol)


def walked(*, seed: int = 1, count: int = 3_000) -> Listed:
    """Best prices that hardly move, and trades at them: what rests there waits for its turn."""
    draw = random.Random(seed)  # noqa: S311 - a market that is made up
    middle, events = 600_000, []
    for number in range(count):
        at_ns = BEGIN_NS + number * STEP_NS
        if number % 2 == 0:
            middle += draw.choice([-1, 0, 0, 0, 0, 0, 0, 1])
            sizes = [f"{draw.randint(20, 60) / 10:.1f}" for _ in range(2)]
            bid, ask = f"{(middle - 1) / 10:.1f}", f"{(middle + 1) / 10:.1f}"
            events.append(Quote(SYMBOL, bid, sizes[0], ask, sizes[1], at_ns))
        else:
            sold = draw.random() < 0.5
            price = (middle - 1 if sold else middle + 1) / 10
            size = f"{draw.randint(1, 40) / 10:.1f}"
            events.append(Print(SYMBOL, f"{price:.1f}", size, sold, at_ns))
    return Listed(SYMBOL, events)


def traded(
    folder: Path,
    market: Path | Market,
    settings: BacktestSettings,
    *,
    strategy: type[Strategy] = Trader,
    **params: Any,
) -> Path:
    """Trade on a paper venue that is as the settings say; return its log's directory."""
    opened = open_market(market, symbol=SYMBOL, **settings.reading) if isinstance(market, Path) else market
    kind = getattr(strategy, "params_type", None)
    named = Named("trader", strategy, kind(**params) if kind is not None and params else None)
    directory = Directory(folder)
    BacktestEngine([named], [opened], settings, directory=directory).run(compare_stops=False)
    return directory.log("main")


def amounts(rows: Sequence[Any], *kinds: str) -> list[Decimal]:
    """Return the amounts of some kinds of rows."""
    return [row["amount"] for row in rows if row["kind"] in kinds and row["amount"] is not None]
