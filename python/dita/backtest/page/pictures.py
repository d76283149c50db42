"""The charts as still pictures: what the page shows where no script runs, or uPlot was not packed with it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Final

from dita.backtest.page.series import thinned, thinned_equity
from dita.backtest.values import ResultValues, Trade
from dita.backtest.wording import percent
from dita.chart import Scale, exact, time_ticks

POINTS_MAX: Final = 900
MARKS_MAX: Final = 300
_WIDTH: Final = 1100
_LEFT: Final = 78
_RIGHT: Final = 1066
_FOOT: Final = 24


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart.

    Attributes:
        kind: Its class in the style sheet.
        points: Time and value, oldest first.
    """

    kind: str
    points: Sequence[tuple[int, Decimal]]


def equity(result: ResultValues, height: int) -> str:
    """Return equity over time.

    Args:
        result: What the backtest came to.
        height: Of the picture.
    """
    points = thinned([(point.time_ns, point.equity) for point in result.equity], POINTS_MAX)
    lines = [Line("equity", points), Line("base", _level(points, result.capital))]
    return _Picture(f"Equity, {result.asset}", lines, height).drawn()


def drawdown(result: ResultValues, height: int) -> str:
    """Return the fall from the peak over time, as a fraction of it.

    Args:
        result: What the backtest came to.
        height: Of the picture.
    """
    below: list[tuple[int, Decimal]] = []
    peak: Decimal | None = None
    for point in result.equity:
        peak = point.equity if peak is None else max(peak, point.equity)
        below.append((point.time_ns, point.equity / peak - 1 if peak > 0 else Decimal(0)))
    picture = _Picture("Drawdown", [Line("below", thinned(below, POINTS_MAX))], height)
    return picture.drawn(lambda value: percent(value, 1 if picture.fine else 0), from_zero=True)


def accounts(result: ResultValues, height: int) -> str:
    """Return K and E over time.

    Args:
        result: What the backtest came to.
        height: Of the picture.
    """
    points = thinned_equity(result.equity, POINTS_MAX)
    equity = [(point.time_ns, point.e) for point in points if point.e is not None]
    lines = [Line("k", [(point.time_ns, point.k) for point in points]), Line("e", equity)]
    return _Picture(f"K and E, {result.asset}", lines, height).drawn()


def prices(result: ResultValues, symbol: str, height: int) -> str:
    """Return a symbol's price with the first trades upon it.

    Args:
        result: What the backtest came to.
        symbol: The symbol.
        height: Of the picture.
    """
    points = thinned(result.prices.get(symbol, ()), POINTS_MAX)
    trades = [trade for trade in result.trades if trade.symbol == symbol][:MARKS_MAX]
    return _Picture(f"Price of {symbol}", [Line("price", points)], height, trades).drawn()


def entry_mark(x: float, y: float, *, long: bool, won: bool, size: float = 5) -> str:
    """Return a triangle that points the way of the trade.

    Args:
        x: Place of its tip.
        y: Place of its tip.
        long: Whether it points up.
        won: Whether the trade's net profit is not below 0.
        size: Half its width.
    """
    way = size if long else -size
    kind = "won" if won else "lost"
    return f'<path class="{kind}" d="M{x:.1f} {y:.1f}l{-size:g} {way * 1.7:g}h{2 * size:g}z"/>'


def exit_mark(x: float, y: float, *, won: bool, size: float = 3.4) -> str:
    """Return a ring.

    Args:
        x: Its middle.
        y: Its middle.
        won: Whether the trade's net profit is not below 0.
        size: Its radius.
    """
    kind = "won" if won else "lost"
    return f'<circle class="exit {kind}" cx="{x:.1f}" cy="{y:.1f}" r="{size:g}"/>'


class _Picture:
    def __init__(self, title: str, lines: Sequence[Line], height: int, trades: Sequence[Trade] = ()) -> None:
        self._title, self._height, self._trades = title, height, trades
        self._lines = [line for line in lines if line.points]
        values = [value for line in self._lines for _, value in line.points]
        self.fine = bool(values) and max(values) - min(values) < Decimal("0.05")
        for trade in trades:
            values += [price for price in (trade.entry_price, trade.exit_price) if price is not None]
        times = [time_ns for line in self._lines for time_ns, _ in line.points]
        self._start, self._end = min(times, default=0), max(times, default=1)
        self._values = values or [Decimal(0)]

    def drawn(self, say: Callable[[Decimal], str] = exact, *, from_zero: bool = False) -> str:
        values = [*self._values, Decimal(0)] if from_zero else self._values
        scale = Scale((8, self._height - _FOOT), values, Decimal("0.05"))
        if from_zero:
            scale.high = Decimal(0)
            scale.low = min(scale.low, Decimal("-0.001"))
        return "".join(self._parts(scale, say))

    def _parts(self, scale: Scale, say: Callable[[Decimal], str]) -> Iterator[str]:
        yield (f'<svg viewBox="0 0 {_WIDTH} {self._height}" role="img" aria-label="{escape(self._title)}">')
        for tick in scale.ticks():
            y = scale.y(tick)
            yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{_RIGHT}"/>'
            yield f'<text class="axis r" x="{_LEFT - 8}" y="{y + 4:.1f}">{say(tick)}</text>'
        for time_ns, text in time_ticks(self._start, self._end) if self._lines else ():
            yield f'<text class="axis m" x="{self._x(time_ns):.1f}" y="{self._height - 6}">{text}</text>'
        for line in self._lines:
            yield self._line(line, scale)
        for trade in self._trades:
            yield self._marks(trade, scale)
        yield "</svg>"

    def _x(self, time_ns: int) -> float:
        return _LEFT + (time_ns - self._start) / max(1, self._end - self._start) * (_RIGHT - _LEFT)

    def _line(self, line: Line, scale: Scale) -> str:
        places = [f"{self._x(time_ns):.1f} {scale.y(value):.1f}" for time_ns, value in line.points]
        path = "M" + "L".join(places)
        if line.kind == "below":
            first, last = self._x(line.points[0][0]), self._x(line.points[-1][0])
            zero = scale.y(Decimal(0))
            path = f"M{first:.1f} {zero:.1f}L{path[1:]}L{last:.1f} {zero:.1f}Z"
        return f'<path class="{line.kind}" d="{path}"/>'

    def _marks(self, trade: Trade, scale: Scale) -> str:
        won = trade.pnl >= 0
        marks = entry_mark(
            self._x(trade.entry_time_ns), scale.y(trade.entry_price), long=trade.side == "LONG", won=won
        )
        if trade.exit_time_ns is not None and trade.exit_price is not None:
            marks += exit_mark(self._x(trade.exit_time_ns), scale.y(trade.exit_price), won=won)
        return marks


def _level(points: Sequence[tuple[int, Decimal]], amount: Decimal) -> list[tuple[int, Decimal]]:
    return [(points[0][0], amount), (points[-1][0], amount)] if points else []
