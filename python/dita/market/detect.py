"""Detect which reader a file needs, from its content."""

import re
from pathlib import Path
from typing import Final

from dita._kernel import MarketReader
from dita.errors import refuse
from dita.market.bars import BarFile, BarTime
from dita.market.binance_archive import ArchiveFile, is_archive
from dita.market.binance_l2 import BinanceL2File
from dita.market.events import Market
from dita.market.l2_columns import L2File, is_l2_columns
from dita.market.parquet import ParquetFile, is_parquet
from dita.market.source import MarketFileError, TextSource
from dita.market.ticks import TickFile

EXPECTED: Final = (
    "expected one of: a raw Binance USD-M capture (lines of `receive-time-in-ns JSON`), or a CSV of bars "
    "with the header `timestamp` (or `date`),open,high,low,close,volume, or one of quotes "
    "(`timestamp`,bid,ask) or trades (`timestamp`,price,size), each plain or gzipped; or a file of Binance's "
    "archive under its own name, as BTCUSDT-1m-2024-01.zip; or a Parquet file with such a CSV's columns, or "
    "what `dita convert` has written"
)
_INTERVAL_WORD: Final = re.compile(r"[0-9]+[smhd]")
_VENUE_WORDS: Final = frozenset(
    {"binance", "bitget", "bybit", "coinm", "ftx", "kraken", "okx", "spot", "usdm"}
)


def open_market(
    path: Path,
    symbol: str | None = None,
    *,
    allow_gaps: bool = True,
    allow_disorder: bool = False,
    bar_time: BarTime = "open",
) -> Market:
    """Open a market file with the reader that its content asks for.

    Args:
        path: The file, plain or gzipped.
        symbol: The instrument's name for files that do not hold it (bars); else taken from the file's name.
        allow_gaps: Whether missing bars are counted; else the first is an error.
        allow_disorder: Whether rows whose time goes back are left out and counted; else the first is an
            error. Captures and columns have rules of their own.
        bar_time: Whether files of bars state when a bar opens, or when it closes.

    Returns:
        A market that streams the file at each iteration.

    Raises:
        MarketFileError: Missing, unreadable, empty or foreign; it names the file and what was expected.
        InvalidInput: `bar_time` is neither.
    """
    if bar_time not in ("open", "close"):
        raise refuse("bar_time", bar_time, "is neither open nor close")
    allowed = {"allow_gaps": allow_gaps, "allow_disorder": allow_disorder}
    if is_archive(path):
        return ArchiveFile(path, symbol, **allowed, bar_time=bar_time)
    if path.is_dir():
        raise MarketFileError(path, f"this is a folder; {EXPECTED}")
    if is_parquet(path):
        return ParquetFile(path, symbol or symbol_from_name(path), **allowed, bar_time=bar_time)
    if is_l2_columns(path):
        return L2File(path)
    return _open_text(path, symbol, **allowed, bar_time=bar_time)


def _open_text(
    path: Path, symbol: str | None, *, allow_gaps: bool, allow_disorder: bool, bar_time: BarTime
) -> Market:
    """Open a file of lines by what the first one says."""
    try:
        first = next((line for _, line in TextSource(path).lines() if line.strip()), None)
    except MarketFileError as error:
        if isinstance(error.__cause__, UnicodeDecodeError):
            raise MarketFileError(path, f"this is not text; {EXPECTED}") from error
        raise
    if first is None:
        raise MarketFileError(path, f"the file is empty; {EXPECTED}")
    held = MarketReader.held(first)
    if held == "bars":
        name = symbol or symbol_from_name(path)
        return BarFile(path, name, allow_gaps=allow_gaps, allow_disorder=allow_disorder, bar_time=bar_time)
    if held == "ticks":
        return TickFile(path, symbol or symbol_from_name(path), allow_disorder=allow_disorder)
    if held == "capture":
        return BinanceL2File(path)
    raise MarketFileError(path, f"the first line is {first[:60]!r}; {EXPECTED}")


def symbol_from_name(path: Path) -> str:
    """Return what a file's name says of its instrument: `btc_perp_1m_2022.csv.gz` is BTC-PERP.

    The words before the interval count, without those that name a venue; a name without any gives UNKNOWN.

    Args:
        path: The file; it is not opened.
    """
    words = []
    for word in path.name.split(".")[0].lower().split("_"):
        if _INTERVAL_WORD.fullmatch(word):
            break
        if word and word not in _VENUE_WORDS:
            words.append(word)
    return "-".join(words).upper() or "UNKNOWN"
