"""A venue's past into a file that `dita backtest` reads: bars, or funding. It needs no key."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dita.errors import InvalidInput
from dita.runtime import interval_ns
from dita.venues.binance.adapter import BinanceUsdm
from dita.venues.wire import reading
from dita.venues.wire.requests import Request

BARS_HEADER: Final = "timestamp,open,high,low,close,volume"
FUNDING_HEADER: Final = "time,symbol,rate,mark"
_MS: Final = 1_000_000
_PAGE: Final = 1_000


@dataclass(slots=True)
class Fetched:
    """What a download came to.

    Attributes:
        rows: How many rows were added.
        gaps: Where bars are missing at the venue: the first and the end of each gap, ns.
    """

    rows: int
    gaps: list[tuple[int, int]]


def fetch_bars(
    adapter: BinanceUsdm,
    symbol: str,
    interval: str,
    start_ns: int,
    end_ns: int,
    out: Path,
    told: Callable[[int], object] | None = None,
) -> Fetched:
    """Fetch closed bars; a file that is there is gone on with.

    Args:
        adapter: Whom to ask.
        symbol: The instrument.
        interval: The bars' length.
        start_ns: From when on.
        end_ns: Until when.
        out: The file.
        told: Hears up to where it is, ns.

    Raises:
        InvalidInput: The file has another header, or its last row is none.
        Failure: The venue does not answer.
    """
    length_ns = interval_ns(interval)
    last_ns = _last(out, BARS_HEADER)
    next_ns = start_ns if last_ns is None else last_ns + length_ns
    fetched = Fetched(0, [])
    due_ns = next_ns if last_ns is not None else None
    with _appended(out, BARS_HEADER) as write:
        while next_ns < end_ns:
            bars = adapter.get_bars(symbol, interval, next_ns, min(end_ns, next_ns + _PAGE * length_ns))
            if not bars and next_ns + _PAGE * length_ns >= min(end_ns, time.time_ns()):
                break
            for bar in bars:
                if due_ns is not None and bar.open_ns > due_ns:
                    fetched.gaps.append((due_ns, bar.open_ns))
                write(f"{_text(bar.open_ns)},{','.join(bar.texts)}")
                due_ns = bar.close_ns
                fetched.rows += 1
            next_ns = bars[-1].close_ns if bars else next_ns + _PAGE * length_ns
            if told is not None:
                told(next_ns)
    return fetched


def fetch_funding(adapter: BinanceUsdm, symbol: str, start_ns: int, end_ns: int, out: Path) -> Fetched:
    """Fetch funding rates with their marks; a file that is there is gone on with.

    Args:
        adapter: Whom to ask.
        symbol: The instrument.
        start_ns: From when on.
        end_ns: Until when.
        out: The file.

    Raises:
        InvalidInput: The file has another header, or its last row is none.
        Failure: The venue does not answer.
    """
    last_ns = _last(out, FUNDING_HEADER)
    next_ms = (start_ns if last_ns is None else last_ns + 1_000_000_000) // _MS
    fetched = Fetched(0, [])
    with _appended(out, FUNDING_HEADER) as write:
        while next_ms * _MS < end_ns:
            values = {"symbol": symbol, "startTime": next_ms, "endTime": end_ns // _MS, "limit": _PAGE}
            request = Request("GET", "/fapi/v1/fundingRate", values, signed=False)
            rows = reading.table(adapter.ask(request), "fundingRate")
            for row in rows:
                at_ns = reading.nanoseconds(row, "fundingTime")
                rate, mark = reading.decimal(row, "fundingRate"), row.get("markPrice") or ""
                # Venues stamp some milliseconds late: the boundary is the second.
                write(f"{_text(at_ns // 1_000_000_000 * 1_000_000_000)},{symbol},{rate},{mark}")
                fetched.rows += 1
                next_ms = at_ns // _MS + 1
            if len(rows) < _PAGE:
                break
    return fetched


def _text(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _last(out: Path, header: str) -> int | None:
    """The time of a file's last row, ns; None where there is no file, or no row."""
    if not out.exists():
        return None
    with out.open(encoding="utf-8") as file:
        first = file.readline().rstrip("\n")
        last = first
        for line in file:
            last = line.rstrip("\n")
    if first != header:
        raise InvalidInput(f"{out}: line 1: expected {header!r}, got {first[:80]!r}; choose another file")
    if last == header:
        return None
    try:
        at = datetime.strptime(last.partition(",")[0], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInput(f"{out}: its last row is none: {last[:80]!r}; remove it and go on") from None
    return int(at.timestamp()) * 1_000_000_000


@contextlib.contextmanager
def _appended(out: Path, header: str) -> Iterator[Callable[[str], None]]:
    """Append rows, each whole: a download that is cut off goes on after the last one."""
    begun = out.exists()
    with out.open("a", encoding="utf-8", newline="") as file:

        def write(row: str) -> None:
            file.write(row + "\n")

        if not begun:
            write(header)
        try:
            yield write
        finally:
            file.flush()
            os.fsync(file.fileno())
