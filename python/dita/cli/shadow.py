"""`dita shadow`: quote both sides of a market on an exchange on which nothing is traded."""

from __future__ import annotations

import argparse
import logging
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dita.cli.failure import CommandFailure
from dita.compat.shadow import ExecutionParams, Quote, run_shadow
from dita.compat.shadow.load import run_load
from dita.compat.shadow.numbers import canonical_json
from dita.market import Quote as MarketQuote
from dita.market import open_market

if TYPE_CHECKING:
    from collections.abc import Iterator


_SCENARIOS: Final = ("calm", "fast-market", "rejects", "disconnects")

DESCRIPTION: Final = """\
Place a buy and a sell around each quote on an exchange on which nothing is traded: the simulated venue and a
kernel. Prints one line of JSON: sorted keys, exact numbers. The same seed and MM_FREEZE_UTC_ISO give the same
bytes. A freeze cancels all open orders. Rejections and freezes are printed to stderr."""

EPILOG: Final = """\
examples:
  dita shadow --shadow --symbols BTCUSDT,ETHUSDT
  dita shadow --shadow --symbols BTCUSDT --iterations 20 --edge-threshold 3.0
  dita shadow --shadow --symbols BTCUSDT --data quotes.csv --iterations 1000
  dita shadow --shadow --symbols BTCUSDT --load disconnects --iterations 5000"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument(
        "--shadow", action="store_true", required=True, help="says that you know that nothing is traded"
    )
    parser.add_argument("--symbols", required=True, type=_symbols, metavar="A,B", help="the instruments")
    parser.add_argument("--iterations", type=int, default=50, metavar="N", help="rounds (50)")
    limits = (
        ("--max-inv", "10000", "what one instrument's position may be worth, USD (10000)"),
        ("--max-total", "50000", "what all positions may be worth, USD (50000)"),
        ("--edge-threshold", "1.5", "freeze under this edge, basis points (1.5)"),
        ("--fill-rate", "0.7", "how often an order fills, 0 to 1 (0.7)"),
        ("--reject-rate", "0.05", "how often one is rejected, 0 to 1 (0.05)"),
        ("--latency-ms", "100", "a request's round trip, ms of simulated time (100)"),
    )
    for name, default, what in limits:
        parser.add_argument(name, default=default, metavar="X", help=what)
    parser.add_argument("--seed", type=int, default=42, metavar="N", help="where chance starts (42)")
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="quotes of a market file, one a round; default: synthetic"
    )
    parser.add_argument(
        "--load", choices=_SCENARIOS, help="run a load test of the first symbol instead, and hold K against E"
    )


def run(options: argparse.Namespace) -> int:
    """Run, and print the report.

    Args:
        options: The parsed command line.

    Returns:
        0; 1 where a load test ends with K and E apart.

    Raises:
        CommandFailure: A value or a file cannot be used.
    """
    said = logging.StreamHandler(sys.stderr)
    said.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("dita.compat.shadow")
    logger.addHandler(said)
    try:
        return _loaded(options) if options.load else _reported(options)
    finally:
        logger.removeHandler(said)


def _reported(options: argparse.Namespace) -> int:
    params = ExecutionParams(
        symbols=options.symbols,
        iterations=options.iterations,
        max_inventory_usd_per_symbol=options.max_inv,
        max_total_notional_usd=options.max_total,
        edge_freeze_threshold_bps=options.edge_threshold,
    )
    report = run_shadow(
        params,
        fill_rate=options.fill_rate,
        reject_rate=options.reject_rate,
        latency_ms=options.latency_ms,
        seed=options.seed,
        quotes=None if options.data is None else _quotes(options.data, options.symbols),
    )
    sys.stdout.write(canonical_json(report) + "\n")
    return 0


def _loaded(options: argparse.Namespace) -> int:
    report = run_load(options.load, options.iterations, symbol=options.symbols[0], seed=options.seed)
    sys.stdout.write(canonical_json(report.to_dict()) + "\n")
    return 0 if report.capital_k == report.capital_e else 1


def _quotes(path: Path, symbols: list[str]) -> Iterator[Quote]:
    """Return the quotes of a market file; of bars, the close with no width."""
    market = open_market(path, symbol=symbols[0] if len(symbols) == 1 else None)
    if market.symbol not in symbols:
        raise CommandFailure(f"{path}: has {market.symbol}, and --symbols names {','.join(symbols)}")
    found = False
    for event in market:
        if isinstance(event, MarketQuote):
            found = True
            yield Quote(event.symbol, Decimal(event.bid), Decimal(event.ask), event.ts_ns // 1_000_000)
    if not found:
        raise CommandFailure(f"{path}: there is no quote in it")


def _symbols(text: str) -> list[str]:
    symbols = [symbol.strip().upper() for symbol in text.split(",") if symbol.strip()]
    if not symbols:
        raise argparse.ArgumentTypeError("name one instrument at least")
    return symbols
