"""What an account earned and paid, by period, from its log."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.errors import InvalidInput

LENGTHS_NS: Final = {"hour": 3_600_000_000_000, "day": 86_400_000_000_000}
_PERIODS_MAX: Final = 100
_FIGURES: Final = ("k_capital", "equity", "k_realized_pnl", "k_fees_paid", "k_funding_net")


def rows_of(
    log: Path, period: str, progress: Callable[[int, int], object] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield each period's changes, the oldest first; of "all" one row for each asset.

    Args:
        log: The log's directory.
        period: all, today, week, month, day or hour.
        progress: Called with the number of the period, and of all of them.

    Raises:
        InvalidInput: The log has too many periods of this length.
    """
    last = timetravel.replay(log)
    last_ns: int | None = last["time_ns"]
    if last_ns is None:
        return
    bounds = _bounds(log, last_ns, period)
    before: Mapping[str, Mapping[str, Any]] = {}
    for number, (begins_ns, ends_ns) in enumerate(bounds):
        if progress is not None:
            progress(number, len(bounds))
        if ends_ns is None or ends_ns > last_ns:
            state = last
        else:
            state = timetravel.replay(log, timetravel.Moment(time_ns=ends_ns - 1))
        after = {account["asset"]: account for account in state["accounts"]}
        rows = after.items() if begins_ns is not None or period == "all" else ()
        for asset, account in rows:
            yield _row(_named(begins_ns, period), asset, before.get(asset), account)
        before = after


def _bounds(log: Path, last_ns: int, period: str) -> list[tuple[int | None, int | None]]:
    if period == "all":
        return [(None, None)]
    first_ns: int = timetravel.stats(log)["first_ns"] or last_ns
    if period in ("today", "week", "month"):
        begins_ns = _begin_of(period, last_ns)
        return [(None, begins_ns), (begins_ns, None)] if first_ns < begins_ns else [(begins_ns, None)]
    length = LENGTHS_NS[period]
    begins = range(first_ns // length * length, last_ns + 1, length)
    if len(begins) > _PERIODS_MAX:
        raise InvalidInput(
            f"{log}: has {len(begins):,} periods of a {period}, more than {_PERIODS_MAX}: take a longer one"
        )
    return [(at, at + length) for at in begins]


def _begin_of(period: str, at_ns: int) -> int:
    """When the day, week (from Monday) or month of a moment begins, UTC, ns."""
    day = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).replace(hour=0, minute=0, second=0)
    if period == "week":
        day -= timedelta(days=day.weekday())
    elif period == "month":
        day = day.replace(day=1)
    return int(day.timestamp()) * 1_000_000_000


def _named(begins_ns: int | None, period: str) -> str:
    if begins_ns is None:
        return "all"
    moment = datetime.fromtimestamp(begins_ns // 1_000_000_000, UTC)
    if period in ("week", "month"):
        return f"{period} from {moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d %H:00}" if period == "hour" else f"{moment:%Y-%m-%d}"


def _row(
    period: str, asset: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> dict[str, Any]:
    was = {name: Decimal(0) if before is None else Decimal(before[name]) for name in _FIGURES}
    now = {name: Decimal(after[name]) for name in _FIGURES}
    # What the wallet began with is what it holds less all that it has earned.
    began = now["k_capital"] - now["k_realized_pnl"] + now["k_fees_paid"] - now["k_funding_net"]
    return {
        "period": period,
        "asset": asset,
        "prices": now["k_realized_pnl"] - was["k_realized_pnl"],
        "fees": now["k_fees_paid"] - was["k_fees_paid"],
        "funding": now["k_funding_net"] - was["k_funding_net"],
        "change": now["equity"] - (began if before is None else was["equity"]),
        "equity": now["equity"],
    }
