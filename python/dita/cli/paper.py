"""`dita paper`: a strategy on recorded markets at their own pace, on a host that can be asked."""

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from dita.backtest.paper import PaperRun, set_log_away
from dita.cli import run as live_run
from dita.cli.backtest import add_assumptions, add_market_options, engine_of
from dita.cli.failure import CommandFailure
from dita.cli.gateway import add_web_option
from dita.cli.progress import Progress
from dita.cli.twin import add_twin_option, twin_beside
from dita.errors import shown
from dita.gateway.beside import beside_host
from dita.host import Directory

DESCRIPTION: Final = """\
Trade on paper: strategy, kernel and venue of `dita backtest`, at the market's own pace times --speed. While
it runs, `dita status`, `orders`, `pnl`, `strategies`, `pause`, `start`, `halt` and `stop` reach it from
another terminal. It keeps its log, its controls and its reports in a directory. Where an earlier run was
stopped or killed it goes on from there; --fresh begins anew.

With -c and -p instead of --data it trades on paper on a venue's live market: that is `dita run --shadow`,
with what of its options stands here."""

EPILOG: Final = """\
examples:
  dita paper ema-cross --data btc_perp_1m.csv.gz --speed 600
  dita paper my_strategy.py --data btc_perp_1m.csv.gz --speed max --name mine --fresh
  dita paper my_strategy.py -c binance -p BTC/USDT"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("strategy", metavar="STRATEGY", help="a file, module:Class, or a sample's name")
    add_market_options(parser, required=False)
    parser.add_argument("-c", "--connector", choices=["binance"], help="a venue, for its live market")
    parser.add_argument(
        "-p", "--pair", action="append", default=[], metavar="PAIR", help="BTC/USDT; again for more"
    )
    parser.add_argument(
        "--exchange", metavar="ADDRESS", help="with -c: `dita exchange` on this machine: 127.0.0.1:8686"
    )
    parser.add_argument(
        "--speed", type=_speed, default=1.0, metavar="X", help="times the market's pace, or max (1)"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--name", metavar="NAME", help="the host's name (paper)", default="paper")
    place.add_argument("--dir", type=Path, metavar="DIR", help="the host's directory itself")
    place.add_argument("--ephemeral", action="store_true", help="keep nothing, and answer nobody")
    parser.add_argument("--fresh", action="store_true", help="move the log of an earlier run away")
    add_web_option(parser)
    add_twin_option(parser)
    add_assumptions(parser)
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Run and report.

    Args:
        options: The parsed command line.

    Returns:
        0: the market has ended, or somebody has stopped it.

    Raises:
        CommandFailure: Strategy, market, directory or settings cannot be used; the text says what to do.
    """
    if options.connector is not None or not options.data:
        return _run_live(options)

    progress = Progress()
    try:
        engine = engine_of(options)
        directory = None
        if not options.ephemeral:
            directory = Directory(options.dir) if options.dir else Directory.named(options.name)
            moved = set_log_away(directory) if options.fresh else None
            if moved is not None:
                print(f"{moved}: has the earlier run", file=sys.stderr)
        paper = PaperRun(engine, speed=options.speed, directory=directory)
        if directory is not None:
            print(
                f"{directory.path}: running; ask it with `dita status {directory.path.name}`", file=sys.stderr
            )

        def listen(fraction: float, trades: int) -> None:
            if progress.is_due():
                progress.show_share(fraction, f"played, {trades} trades")

        markets = [
            (str(path.absolute()), market.symbol)
            for path, market in zip(options.data, engine.markets, strict=True)
        ]
        with (
            beside_host(directory, options.web, own_process=False),
            twin_beside(directory, markets) if options.twin else nullcontext(),
        ):
            result = paper.run(listen)
    finally:
        progress.close()
    sys.stdout.write(result.to_json().decode() if options.json else result.report_text())
    if directory is not None:
        print(f"{directory.reports / 'report.html'}: written", file=sys.stderr)
    return 0


# What a live market decides, or the venue.
_RECORDED_ONLY: Final = (
    "data",
    "assumptions",
    "symbol",
    "fresh",
    "taker_rate",
    "maker_rate",
    "fill_at",
    "limit_fill",
    "latency_ms",
    "latency_max_ms",
    "latency_file",
    "queue_model",
    "slippage_bps",
    "since",
    "until",
    "seed",
    "funding",
    "instruments",
    "bar_time",
    "allow_gaps",
    "allow_disorder",
    "round_prices",
    "json",
)


def _run_live(options: argparse.Namespace) -> int:
    """Trade on paper on a venue's live market: `dita run --shadow`."""
    if options.connector is None:
        raise CommandFailure("--data FILE plays a recorded market; -c binance -p BTC/USDT a live one")
    given = [name for name in _RECORDED_ONLY if getattr(options, name) not in (None, [], False)]
    if options.speed != 1.0:
        given.append("speed")
    if given:
        flag = given[0].replace("_", "-")
        raise CommandFailure(f"--{flag}: is for recorded markets; with -c the live one is taken as it comes")

    parser = argparse.ArgumentParser()
    live_run.add_options(parser)
    words = [options.strategy, "--shadow", "-c", options.connector]
    words += ["--ephemeral"] if options.ephemeral else []
    words += ["--dir", str(options.dir)] if options.dir else []
    words += ["--name", options.name] if not (options.ephemeral or options.dir) else []
    words += [word for pair in options.pair for word in ("-p", pair)]
    words += [word for name, value in options.param for word in ("--param", f"{name}={value}")]
    words += ["--capital", str(options.capital)] if options.capital is not None else []
    words += ["--exchange", options.exchange] if options.exchange else []
    words += ["--twin"] if options.twin else []
    words += ["--web", str(options.web)] if options.web is not None else []
    run_options = parser.parse_args(words)
    run_options.command = "run"
    return live_run.run(run_options)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number or max, got {shown(text)}") from None
    if not 0 < speed < 1e9:
        raise argparse.ArgumentTypeError(f"must be above zero, got {shown(text)}")
    return speed
