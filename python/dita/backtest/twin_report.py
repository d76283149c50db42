"""A twin's report as JSON and as lines."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from dita.backtest.settings import BacktestSettings
from dita.backtest.twin import TIME, exact_sum
from dita.text import count, exact, table, time_text

if TYPE_CHECKING:
    from dita.backtest.twin import Compared, TwinReport

#: How many of the largest rows are shown.
ROWS_SHOWN: Final = 30


def report_dict(report: "TwinReport") -> dict[str, Any]:
    """Return a report as plain data.

    Args:
        report: The report.
    """
    assumed = report.assumed
    answers, takers, makers = assumed.samples
    return {
        "log": str(report.log),
        "assumed": _assumptions(report.settings),
        **_compared_dict(report.first),
        "estimates": {
            "latency_ms": assumed.latency_ms,
            "slippage_bps": assumed.slippage_bps,
            "queue": assumed.queue,
            "acknowledgements": answers,
            "takers": takers,
            "makers": makers,
        },
        "again": {
            "assumed": _assumptions(assumed.settings(report.settings)),
            **_compared_dict(report.again),
        },
    }


def _assumptions(settings: BacktestSettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in ("latency_ms", "slippage_bps", "queue_model")}


def _compared_dict(compared: "Compared") -> dict[str, Any]:
    live, twin, both = compared.trades
    assets = {
        asset: {
            "live": one,
            "twin": other,
            "difference": exact_sum([one, -other]),
            "by_kind": compared.by_kind(asset),
        }
        for asset, (one, other) in compared.results.items()
    }
    return {
        "trades": {"live": live, "twin": twin, "both": both},
        "assets": assets,
        "rows": list(compared.rows),
        "refused": [{"seq": seq, "code": code} for seq, code in compared.refused],
        "no_market": compared.outside,
    }


def report_lines(report: "TwinReport") -> Iterator[str]:
    """Yield a report's lines.

    Args:
        report: The report.
    """
    first, again, assumed = report.first, report.again, report.assumed
    live, twin, both = first.trades
    yield f"{report.log}: {count(live)} trades, the twin {count(twin)}, both {count(both)}"
    if first.outside:
        yield f"NO_MARKET: the recording does not reach to {count(first.outside)} of the intents"
    if first.refused:
        codes = sorted({code for _, code in first.refused})
        yield f"{count(len(first.refused))} intents that live took the twin refused: {', '.join(codes)}"
    for asset in first.results:
        yield ""
        yield from _sum_lines(asset, first, again)
    yield ""
    yield from _row_lines(first)
    yield ""
    yield "What the log tells of the venue"
    answers, takers, makers = assumed.samples
    yield from table(
        ("", "estimate", "backtest", "from"),
        (
            (
                "latency_ms",
                exact(assumed.latency_ms),
                _setting(report, "latency_ms"),
                f"{count(answers)} answers",
            ),
            (
                "slippage_bps",
                exact(assumed.slippage_bps),
                _setting(report, "slippage_bps"),
                f"{count(takers)} takers",
            ),
            ("queue", exact(assumed.queue), _setting(report, "queue_model"), f"{count(makers)} makers"),
        ),
    )


def _setting(report: "TwinReport", name: str) -> str:
    value = getattr(report.assumed.settings(report.settings), name)
    return exact(value) if isinstance(value, Decimal) else str(value)


def _sum_lines(asset: str, first: "Compared", again: "Compared") -> Iterator[str]:
    zero = (Decimal(0), Decimal(0))
    (live, twin), (_, later) = first.results[asset], again.results.get(asset, zero)
    rows = [
        ("live", exact(live, sign=True), exact(live, sign=True)),
        ("twin", exact(twin, sign=True), exact(later, sign=True)),
    ]
    kinds, other = first.by_kind(asset), again.by_kind(asset)
    rows += [
        (f"  {kind}", exact(kinds.get(kind), sign=True), exact(other.get(kind), sign=True))
        for kind in first.sums["kinds"]
        if kind in kinds or kind in other
    ]
    rows.append(
        (
            "live less twin",
            exact(exact_sum([live, -twin]), sign=True),
            exact(exact_sum([live, -later]), sign=True),
        )
    )
    yield from table((asset, "as assumed", "as estimated"), rows, right="as assumed estimated")


def _row_lines(compared: "Compared") -> Iterator[str]:
    if not compared.rows:
        yield "No row: the twin did what live did, to the last unit"
        return
    rows = sorted(compared.rows, key=lambda row: (-abs(row["amount"] or 0), row["begin_ns"]))
    shown = [row for row in rows if row["kind"] != TIME][:ROWS_SHOWN]
    yield "The largest rows" if len(shown) < len(rows) else "The rows"
    yield from table(
        ("trade", "began", "row", "leg", "size", "live price", "twin price", "amount", "asset"),
        (
            (
                row["trade_id"] or "-",
                time_text(row["begin_ns"] or None),
                row["kind"],
                row["leg"] or "-",
                exact(row["qty"]),
                exact(row["live_price"]),
                exact(row["twin_price"]),
                exact(row["amount"], sign=True),
                row["asset"],
            )
            for row in shown
        ),
        right="size amount",
    )
    later = [row["later_ns"] for row in compared.rows if row["kind"] == TIME]
    if later:
        middle = Decimal(sorted(later)[len(later) // 2]) / 1_000_000
        text = exact(middle, sign=True)
        yield f"  {count(len(later))} legs filled at another time; in the median {text} ms later"
    if len(compared.rows) - len(later) > len(shown):
        yield f"  and {count(len(compared.rows) - len(later) - len(shown))} more: --json has them all"
