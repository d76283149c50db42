"""`dita drift`: what K and E said over a run, and what the kernel called the difference, as a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dita import KernelError
from dita.backtest.demo_trader import DemoTrader, play_of
from dita.certify.planted_drift import planted
from dita.chart import exact
from dita.cli import demo
from dita.cli.failure import CommandFailure
from dita.cli.log_source import read_log
from dita.cli.progress import Progress
from dita.market import Market, MarketFileError
from dita.timetravel.drift_chart import Drift, Sample, as_svg, sample_of
from dita.timetravel.drift_log import drift_of_log
from dita.timetravel.drift_page import as_html

if TYPE_CHECKING:
    import argparse
    from decimal import Decimal


DESCRIPTION: Final = """\
Draw K (what the wallet must hold by the kernel's ledger), E (what the exchange reports) and the named
parts of their difference over time, and at the end a waterfall from K to E. The page is one file that
fetches nothing; a phone gets a picture of its own width.

--log draws your own account, from its log's beginning or the oldest snapshot that is left. It takes no lock,
so it works beside a running kernel.

On the paper venue K and E agree, so the picture of a replay is mostly a flat line, which is the point
of it. --planted shows what differences look like: a scripted exchange that is late, charges what it
did not say, and has a second trader on the account. The picture says that it is planted."""

EPILOG: Final = """\
examples:
  dita drift --log /var/lib/dita/main --html drift.html
  dita drift --log /var/lib/dita/main --asset USDT --until 2026-03-01T14:30:00Z --html drift.html
  dita drift --planted --html drift.html
  dita drift --demo --max-trades 50 --html drift.html --svg drift.svg
  dita drift --data btcusdt_l2.jsonl.gz --html drift.html"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--log", type=Path, metavar="DIR", help="your own account, from its log's directory")
    source.add_argument("--data", type=Path, metavar="FILE", help="replay a market file, as `dita demo` does")
    source.add_argument("--demo", action="store_true", help="replay a generated market (the default)")
    source.add_argument("--planted", action="store_true", help="play a script of planted differences instead")
    parser.add_argument("--asset", help="with --log: which asset's account (default: the only one)")
    parser.add_argument(
        "--until",
        metavar="SEQ|TIME",
        help="with --log: an input's number, or a time (UTC); default: the log's end",
    )
    demo.add_replay_options(parser)
    parser.add_argument("--html", type=Path, metavar="OUT", help="write the page to OUT")
    parser.add_argument("--svg", type=Path, metavar="OUT", help="write the picture alone to OUT")


def run(options: argparse.Namespace) -> int:
    """Run and draw.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: There is nowhere to write to, or the file or the kernel stopped it.
    """
    if options.html is None and options.svg is None:
        raise CommandFailure("say where to draw to: add --html drift.html, or --svg drift.svg")
    for name in ("asset", "until"):
        if getattr(options, name) is not None and options.log is None:
            raise CommandFailure(f"--{name} goes with --log DIR only")
    try:
        drift = _drift(options)
    except MarketFileError as error:
        raise CommandFailure(str(error)) from error
    except KernelError as error:
        raise CommandFailure(f"the kernel stopped: {error}") from error
    if options.html is not None:
        _write(options.html, as_html(drift))
    if options.svg is not None:
        _write(options.svg, as_svg(drift))
    sys.stdout.write(_summary(drift, [path for path in (options.html, options.svg) if path is not None]))
    return 0


def _drift(options: argparse.Namespace) -> Drift:
    if options.planted:
        return planted()[0]
    if options.log is None:
        return _replayed(demo.market_of(options), options)
    progress = Progress()

    def tell(inputs: int, changes: int) -> None:
        if inputs % demo.PROGRESS_EVENTS == 0 and progress.is_due():
            progress.show(f"{options.log}: {inputs:,} inputs read, {changes:,} changes")

    return read_log(options.log, lambda _: drift_of_log(options.log, options.asset, options.until, tell))


def _replayed(market: Market, options: argparse.Namespace) -> Drift:
    samples: list[Sample] = []

    class Watched(DemoTrader):
        """Looks at both accounts whenever it looks at the market, and at its end."""

        def _look(self, symbol: str, bid: Decimal, ask: Decimal) -> None:
            super()._look(symbol, bid, ask)
            sample = sample_of(self.account.state(), self.now_ns)
            if not samples or not sample.says_what(samples[-1]):
                samples.append(sample)

        def on_stop(self) -> None:
            super().on_stop()
            # The last moment stands in the picture even where it says the same as the one before.
            samples.append(sample_of(self.final, self.now_ns))

    play, _, asset = play_of(
        market,
        capital=options.capital,
        seed=options.seed,
        trades_max=options.max_trades,
        trader=Watched,
    )
    result = demo.played(play, market)
    return Drift(f"{market.name} ({market.kind}), {len(result.trades)} trades", asset, samples)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandFailure(f"{path}: cannot be written ({error.strerror}); name another file") from error


def _summary(drift: Drift, written: list[Path]) -> str:
    last = drift.samples[-1]
    lines = [
        drift.title,
        f"  K      {exact(last.k):>20} {drift.asset}",
        f"  E      {'not reported' if last.e is None else exact(last.e):>20}",
        f"  E - K  {exact(last.delta, sign=True):>20}  {last.status}",
        *(f"    {exact(part.amount, sign=True):>22}  {part.cause} ({part.proof})" for part in last.parts),
        *(f"wrote {path}" for path in written),
    ]
    return "\n".join(lines) + "\n"
