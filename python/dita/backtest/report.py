"""A backtest's report as text, aligned: errors first, then assumptions, then what they led to."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from dita.backtest.metrics import Metrics, Value
from dita.backtest.values import ResultValues, plain_value
from dita.backtest.wording import MONTHS, NOTHING, duration, figure, moment, optional, percent, total
from dita.chart import exact

TRADES_MAX: Final = 10
_WIDTH: Final = 110
_JOIN: Final = ", "


def as_text(result: ResultValues) -> str:
    """Return the report.

    Args:
        result: What the backtest came to.
    """
    parts = (
        *((_errors(result),) if result.errors else ()),
        _assumptions(result),
        _run(result),
        _metrics(result),
        _months(result),
        _trades(result),
        _costs(result),
        _accounts(result),
    )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def printable(text: str) -> str:
    """Return a text of others with its control characters written as their numbers.

    Args:
        text: A name, a reason or a message.
    """
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def param_text(value: object) -> str:
    """Return a parameter's value as a person reads it; what has no text of its own is its type's name.

    Args:
        value: The value.
    """
    plain = plain_value(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, sort_keys=True)


def apart(result: ResultValues) -> Decimal:
    """Return E - K at the end; 0 where the venue said nothing.

    Args:
        result: What the backtest came to.
    """
    return Decimal(0) if result.final_e is None else total(result.final_e, result.final_k.copy_negate())


def differences(result: ResultValues) -> list[tuple[str, Decimal]]:
    """Return the named parts of E - K, and what they leave: UNEXPLAINED.

    Args:
        result: What the backtest came to.
    """
    named = sorted(result.differences.items())
    if result.final_e is None:
        return named
    rest = total(apart(result), *(amount.copy_negate() for _, amount in named))
    return [*named, ("UNEXPLAINED", rest)] if rest and "UNEXPLAINED" not in result.differences else named


def _errors(result: ResultValues) -> Iterator[str]:
    yield "ERRORS"
    for error in result.errors:
        yield from textwrap.wrap(printable(error), _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _assumptions(result: ResultValues) -> Iterator[str]:
    yield "ASSUMPTIONS"
    yield from _pairs(result.stated)


def _run(result: ResultValues) -> Iterator[str]:
    yield "RUN"
    params = _JOIN.join(f"{name}={param_text(value)}" for name, value in sorted(result.params.items()))
    orders = _JOIN.join(f"{count:,} {name}" for name, count in result.orders.items())
    yield from _pairs(
        (
            ("run_id", result.run_id),
            ("name", result.name),
            ("strategy", f"{result.strategy}({params})"),
            ("symbols", _JOIN.join(result.symbols) or NOTHING),
            ("from", f"{moment(result.start_ns)} UTC"),
            ("to", f"{moment(result.end_ns)} UTC, {duration(result.end_ns - result.start_ns)}"),
            ("market", f"{result.events:,} events, {result.bars:,} bars of them"),
            ("orders", f"{orders or NOTHING}; {result.fills:,} fills"),
            ("capital", f"{exact(result.capital)} {result.asset}"),
            *(
                (("INTERRUPTED", "the run was stopped before the end of its market"),)
                if result.interrupted
                else ()
            ),
        )
    )


def _metrics(result: ResultValues) -> Iterator[str]:
    yield "METRICS"
    rows = [(row.title, figure(row), row.definition) for row in result.metrics.rows]
    title = max((len(row[0]) for row in rows), default=0)
    value = max((len(row[1]) for row in rows), default=0)
    for name, text, definition in rows:
        head = f"  {name:<{title}}  {text:>{value}}  "
        yield from textwrap.wrap(
            definition, _WIDTH + 40, initial_indent=head, subsequent_indent=" " * len(head)
        ) or [head.rstrip()]


def _months(result: ResultValues) -> Iterator[str]:
    yield "RETURNS BY MONTH, %"
    years: dict[int, dict[int, Decimal | None]] = {}
    for year, month, gain in result.months:
        years.setdefault(year, {})[month] = gain
    yield "  year" + "".join(f"{month:>9}" for month in MONTHS)
    for year, months in years.items():
        cells = (_month(months[month]) if month in months else "" for month in range(1, 13))
        yield f"  {year}" + "".join(f"{cell:>9}" for cell in cells)


def _month(gain: Decimal | None) -> str:
    return NOTHING if gain is None else percent(gain, sign=True).removesuffix("\u202f%")


def _trades(result: ResultValues) -> Iterator[str]:
    shown = result.trades[-TRADES_MAX:]
    ambiguous = sum(trade.ambiguous for trade in result.trades)
    yield f"TRADES: the last {len(shown)} of {len(result.trades):,}; {ambiguous:,} ambiguous"
    if not shown:
        return
    header = (
        "#",
        "symbol",
        "side",
        "entered",
        "closed",
        "entry",
        "exit",
        "size",
        "net",
        "fees",
        "funding",
        "reason",
    )
    rows = [
        (
            str(trade.number) + ("?" if trade.ambiguous else ""),
            printable(trade.symbol),
            printable(trade.side),
            moment(trade.entry_time_ns),
            moment(trade.exit_time_ns),
            exact(trade.entry_price),
            optional(trade.exit_price),
            exact(trade.size),
            exact(trade.pnl, sign=True),
            exact(trade.fees),
            exact(trade.funding, sign=True),
            printable(trade.reason),
        )
        for trade in shown
    ]
    yield from _table(header, rows, left=(1, 2, 3, 4, 11))


def _costs(result: ResultValues) -> Iterator[str]:
    yield f"FEES AND FUNDING, {printable(result.asset)}"
    rows = [(f"fee, {cause}", exact(amount)) for cause, amount in result.fees_by_cause.items()]
    rows += [
        (f"funding, {symbol}", exact(amount, sign=True))
        for symbol, amount in result.funding_by_symbol.items()
    ]
    yield from _amounts(rows) if rows else ("  none",)


def _accounts(result: ResultValues) -> Iterator[str]:
    yield f"K AND E, {printable(result.asset)}"
    rows = [("K, by the kernel's ledger", exact(result.final_k))]
    if result.final_e is None:
        yield from _amounts(rows)
        yield "  The venue reported no account."
        return
    rows += [
        ("E, as the venue reports it", exact(result.final_e)),
        ("E \u2212 K", exact(apart(result), sign=True)),
        *((f"  {cause}", exact(amount, sign=True)) for cause, amount in differences(result)),
    ]
    yield from _amounts(rows)


def _pairs(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    wide = max(len(name) for name, _ in rows)
    for name, text in rows:
        head = f"  {printable(name):<{wide}}  "
        yield from textwrap.wrap(
            printable(text), _WIDTH, initial_indent=head, subsequent_indent=" " * len(head)
        ) or [head.rstrip()]


def _amounts(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    names = [printable(name) for name, _ in rows]
    wide, amount = max(map(len, names)), max(len(text) for _, text in rows)
    for name, (_, text) in zip(names, rows, strict=True):
        yield f"  {name:<{wide}}  {text:>{amount}}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int]) -> Iterator[str]:
    wide = [max(len(row[at]) for row in (header, *rows)) for at in range(len(header))]
    for row in (header, *rows):
        cells = (
            f"{cell:<{size}}" if at in left else f"{cell:>{size}}"
            for at, (cell, size) in enumerate(zip(row, wide, strict=True))
        )
        yield f"  {'  '.join(cells)}".rstrip()


_RULE: Final = "=" * 50


def few_lines(total_pnl: Decimal, trades: int, capital: Decimal, metrics: Metrics, asset: str = "") -> str:
    """Return the report of the older runtime: seven lines between rules, in ASCII.

    Args:
        total_pnl: Net profit of closed trades.
        trades: How many have closed.
        capital: The opening balance, which the profit is a share of.
        metrics: The figures.
        asset: What the money is counted in; dollars where it is not known.
    """
    dollars = asset in {"", "USD", "USDT", "USDC"}

    def money(amount: Value) -> str:
        return f"${amount:.2f}" if dollars else f"{amount:.2f} {asset}"

    gain = _share(total_pnl / capital if capital else None)
    rows = (
        ("Total PnL", f"{money(total_pnl)} ({gain})"),
        ("Number of Trades", str(trades)),
        ("Win Rate", _share(metrics["win_rate"])),
        ("Profit Factor", _two_digits(metrics["profit_factor"])),
        ("Max Drawdown", f"{money(metrics['max_drawdown_amount'])} ({_share(metrics['max_drawdown'])})"),
        ("Sharpe Ratio", _two_digits(metrics["sharpe"])),
        ("Sortino Ratio", _two_digits(metrics["sortino"])),
    )
    body = "".join(f"{name}: {text}\n" for name, text in rows)
    return f"{_RULE}\nBACKTEST RESULTS\n{_RULE}\n{body}{_RULE}\n"


def _share(value: Value) -> str:
    return "-" if value is None else f"{value * 100:.2f}%"


def _two_digits(value: Value) -> str:
    return "-" if value is None else f"{value:.2f}"
