"""What the page's script draws: columns of whole numbers, each the difference to the one before it.

A chart has a thousand points of width, so a value is written to a millionth of its column's range. Exact
amounts are in report.json.
"""

import json
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from dita.backtest.equity import POINTS_MAX, EquityPoint, Thinning
from dita.backtest.values import ResultValues, Trade

# Of all symbols together.
PRICES_MAX: Final = 8_000
MARKED_MAX: Final = 5_000
SHOWN_MAX: Final = 500
_CHART_DIGITS: Final = 5
_DIGITS_MAX: Final = 12
# Whole numbers that a double holds exactly end a little above this.
_WHOLE_MAX_ADJUSTED: Final = 14
_WIDE: Final = Context(prec=200, rounding=ROUND_HALF_EVEN)
_MS_NS: Final = 1_000_000
_NS: Final = 1_000_000_000


def embedded(result: ResultValues) -> str:
    """Return the series as JSON that can stand within a script element.

    Args:
        result: What the backtest came to.
    """
    text = json.dumps(_series(result), separators=(",", ":"), sort_keys=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def money_digits(result: ResultValues) -> int:
    """Return the digits after the point of an amount on the page: a millionth of the capital, 2 or more.

    Args:
        result: What the backtest came to.
    """
    return 2 if result.capital <= 0 else min(_DIGITS_MAX, max(2, 5 - result.capital.adjusted()))


def price_digits(result: ResultValues) -> dict[str, int]:
    """Return how many digits after the point each symbol's prices have.

    Args:
        result: What the backtest came to.
    """
    found = dict.fromkeys(charted(result), 0)
    for trade in result.trades[:MARKED_MAX]:
        for price in (trade.entry_price, trade.exit_price):
            if price is not None:
                found[trade.symbol] = max(found[trade.symbol], digits_of(price))
    return {symbol: min(10, digits) for symbol, digits in found.items()}


def charted(result: ResultValues) -> list[str]:
    """Return every symbol of the run: those that were named, and any that has prices or trades.

    Args:
        result: What the backtest came to.
    """
    return list(dict.fromkeys((*result.symbols, *result.prices, *(trade.symbol for trade in result.trades))))


def size_digits(trades: Sequence[Trade]) -> int:
    """Return how many digits after the point the trades' sizes have.

    Args:
        trades: The trades.
    """
    return min(10, max((digits_of(trade.size) for trade in trades), default=0))


def digits_of(amount: Decimal) -> int:
    """Return how many digits after the point an amount needs.

    Args:
        amount: The amount.
    """
    exponent = amount.normalize(_WIDE).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def thinned(points: Sequence[tuple[int, Decimal]], points_max: int) -> list[tuple[int, Decimal]]:
    """Return at most so many of the points, with every peak and trough that a chart can show.

    Args:
        points: Time and value, oldest first.
        points_max: 4 or more.
    """
    if len(points) <= points_max:
        return list(points)
    kept = Thinning[None](points_max)
    for time_ns, value in points:
        kept.add(time_ns, value, None)
    return [(time_ns, value) for _, time_ns, value, _ in kept.rows()]


def thinned_equity(points: Sequence[EquityPoint], points_max: int = POINTS_MAX) -> list[EquityPoint]:
    """Return at most so many of the account's points, by equity.

    Args:
        points: Oldest first.
        points_max: 4 or more.
    """
    if len(points) <= points_max:
        return list(points)
    kept = Thinning[EquityPoint](points_max)
    for point in points:
        kept.add(point.time_ns, point.equity, point)
    return [row[3] for row in kept.rows()]


def _series(result: ResultValues) -> dict[str, Any]:
    points = thinned_equity(result.equity)
    symbols = charted(result)
    each_max = max(200, PRICES_MAX // max(1, len(symbols)))
    return {
        "symbols": symbols,
        "span": [
            result.start_ns // _MS_NS / 1000,
            max(result.end_ns, result.start_ns + _NS) // _MS_NS / 1000,
        ],
        "capital": float(result.capital),
        "digits": money_digits(result),
        "equity": {
            "time": _times([point.time_ns for point in points]),
            "equity": _column([point.equity for point in points]),
            "k": _column([point.k for point in points]),
            "e": _column([point.e for point in points]),
        },
        "prices": [_price(result, symbol, each_max) for symbol in symbols],
        "trades": _trades(result, symbols),
    }


def _price(result: ResultValues, symbol: str, points_max: int) -> dict[str, Any]:
    points = thinned(result.prices.get(symbol, ()), points_max)
    return {"time": _times([at for at, _ in points]), "price": _column([price for _, price in points])}


def _trades(result: ResultValues, symbols: Sequence[str]) -> dict[str, Any]:
    trades = result.trades[:MARKED_MAX]
    reasons = list(dict.fromkeys(trade.reason for trade in trades))
    money, prices = money_digits(result), price_digits(result)
    widest = max(prices.values(), default=0)
    held = [
        None
        if trade.exit_time_ns is None
        else Decimal(trade.exit_time_ns // _MS_NS - trade.entry_time_ns // _MS_NS)
        for trade in trades
    ]
    return {
        "shown": SHOWN_MAX,
        "digits": money,
        "price_digits": [prices[symbol] for symbol in symbols],
        "reasons": reasons,
        "columns": {
            "number": _column([Decimal(trade.number) for trade in trades], 0),
            "symbol": _column([Decimal(symbols.index(trade.symbol)) for trade in trades], 0),
            "side": _column([Decimal(trade.side == "LONG") for trade in trades], 0),
            "entry_time": _times([trade.entry_time_ns for trade in trades]),
            "held": {"d": 3, "v": _steps(held, 0)},
            "entry": _column([trade.entry_price for trade in trades], widest),
            "exit": _column([trade.exit_price for trade in trades], widest),
            "size": _column([trade.size for trade in trades], size_digits(trades)),
            "net": _column([trade.pnl for trade in trades], money),
            "fees": _column([trade.fees for trade in trades], money),
            "funding": _column([trade.funding for trade in trades], money),
            "reason": _column([Decimal(reasons.index(trade.reason)) for trade in trades], 0),
            "ambiguous": _column([Decimal(trade.ambiguous) for trade in trades], 0),
        },
    }


def _times(times_ns: Sequence[int]) -> dict[str, Any]:
    """Return a column in seconds, to the millisecond."""
    return {"d": 3, "v": _steps([Decimal(time_ns // _MS_NS) for time_ns in times_ns], 0)}


def _column(values: Sequence[Decimal | None], digits: int | None = None) -> dict[str, Any]:
    """Return a column; without `digits`, as many as a chart can show."""
    there = [value for value in values if value is not None]
    if not there:
        return {"d": 0, "v": [None] * len(values)}
    if digits is None:
        spread = max(there) - min(there)
        digits = min(
            max(0, _CHART_DIGITS - spread.adjusted()) if spread else _DIGITS_MAX, max(map(digits_of, there))
        )
    largest = max(value.copy_abs() for value in there)
    digits = max(0, min(digits, _DIGITS_MAX, _WHOLE_MAX_ADJUSTED - largest.adjusted()))
    return {"d": digits, "v": _steps(values, digits)}


def _steps(values: Sequence[Decimal | None], digits: int) -> list[int | None]:
    before = 0
    steps: list[int | None] = []
    for value in values:
        if value is None:
            steps.append(None)
            continue
        whole = int(_WIDE.to_integral_value(_WIDE.scaleb(value, digits)))
        steps.append(whole - before)
        before = whole
    return steps
