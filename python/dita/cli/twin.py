"""`dita twin`: why live does not look like the backtest, to the last unit."""

import argparse
import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.backtest.settings import BacktestSettings
from dita.backtest.twin import Twin, read_assumptions, write_assumptions
from dita.backtest.twin_report import report_dict, report_lines
from dita.cli.failure import CommandFailure
from dita.cli.log_source import add_json_option
from dita.cli.progress import Progress
from dita.errors import KernelError
from dita.host import Directory, DirectoryError
from dita.text import as_json

if TYPE_CHECKING:
    from dita.backtest.twin import Assumed, TwinReport

MARKET_LIST: Final = "twin-market.json"
MARKET_FOLDER: Final = "market"
RESULT: Final = "twin.json"
SAID: Final = "twin.log"
ASSUMPTIONS: Final = "twin-assumptions.json"
#: A twin that follows begins anew so seldom, and takes at most a tenth of the time.
_FOLLOW_S: Final = 30.0
_SHARE: Final = 9.0

DESCRIPTION: Final = """\
Explain why a live or paper run does not look like its backtest. The log's intents are given to a simulated
venue, each at its own kernel time, on a recording of the same market (`dita record`); the strategy is not run
again. What differs comes as rows of exact amounts, live less twin: a trade that one side lacks with its whole
result; else quantity missed or extra, price, fee, funding, rounding, in this order. Time is shown without an
amount. The rows sum to the difference to the last unit, or nothing is shown.

Then the log tells three numbers, by closed formulas: the latency (median until an order's acknowledgement),
the slippage (mean of takers, by value) and the queue (the part of the twin's makers that live lacks). They
go to a file for `dita backtest --assumptions`, and the twin trades once more with them. Both sums are
printed. Nothing is fitted."""

EPILOG: Final = """\
examples:
  dita twin mine --market market
  dita twin mine --market BTCUSDT-20260824T120000.jsonl.gz --json
  dita twin /var/lib/dita/main --market market --out assumptions.json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("dir", metavar="DIR", help="a host's name or directory, or a log's directory")
    parser.add_argument("--account", metavar="NAME", help="which account of the host (the only one)")
    parser.add_argument(
        "--market",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a recording of the market, or a folder of them; again for more (what --twin of the run left)",
    )
    parser.add_argument(
        "--symbol", action="append", default=[], metavar="NAME", help="the instrument of each file, in order"
    )
    parser.add_argument(
        "--assumptions", type=Path, metavar="FILE", help="what the first twin assumes (what a backtest does)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help=f"where the three numbers go (DIR/{ASSUMPTIONS})"
    )
    parser.add_argument(
        "--follow", action="store_true", help=f"go on until the input ends, and keep DIR/{RESULT} fresh"
    )
    add_json_option(parser)


def add_twin_option(parser: argparse.ArgumentParser) -> None:
    """Describe the option that sets a twin beside a run.

    Args:
        parser: A command's parser.
    """
    parser.add_argument(
        "--twin",
        action="store_true",
        help="a simulated twin of the same intents beside it, in a process of its own: `dita twin`",
    )


def run(options: argparse.Namespace) -> int:
    """Compare and report.

    Args:
        options: The parsed command line.

    Returns:
        0.

    Raises:
        CommandFailure: Log or recording cannot be used; the text says what to do.
    """
    place, log = log_of(options.dir, options.account)
    markets, symbols = _markets_of(place, options.market, options.symbol)
    out = options.out or place / ASSUMPTIONS
    if options.follow:
        return _follow(options, place, log, markets, symbols, out)
    report = _report(options, log, markets, symbols)
    _write(out, report.assumed)
    if options.json:
        sys.stdout.write(as_json(report_dict(report)))
    else:
        sys.stdout.write("\n".join([*report_lines(report), "", f"{out}: written"]) + "\n")
    return 0


def log_of(given: str, account: str | None) -> tuple[Path, Path]:
    """Return a host's directory, and the directory of its account's log; of a log alone that twice.

    Args:
        given: A host's name or directory, or a log's directory.
        account: Which account; None means the only one.

    Raises:
        CommandFailure: There is none, or several.
    """
    path = Path(given)
    try:
        directory = Directory(path) if path.is_dir() else Directory.found(given)
    except DirectoryError as error:
        raise CommandFailure(f"{given}: is no directory and no host: {error}") from error
    accounts = directory.accounts()
    if not accounts:
        return directory.path, directory.path
    if account is None and len(accounts) > 1:
        raise CommandFailure(f"--account: {directory.path} has several: name one of {', '.join(accounts)}")
    if account is not None and account not in accounts:
        raise CommandFailure(f"--account: {account!r} is none of {', '.join(accounts)}")
    return directory.path, directory.path / "log" / (account or accounts[0])


def _markets_of(
    place: Path, given: Sequence[Path], symbols: Sequence[str]
) -> tuple[list[Path], list[str | None]]:
    """Return the recordings that are meant, and their instruments where the files do not say them."""
    if len(symbols) > len(given):
        raise CommandFailure(f"--symbol: {len(symbols)} names for {len(given)} files")
    if given:
        for path in given:
            if not path.exists():
                raise CommandFailure(f"NO_MARKET: {path}: there is no such recording")
        return list(given), [*symbols, *[None] * (len(given) - len(symbols))]
    try:
        rows = json.loads((place / MARKET_LIST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [], []
    except (OSError, ValueError) as error:
        raise CommandFailure(f"{place / MARKET_LIST}: cannot be read: {error}") from error
    return [place / path for path, _ in rows], [symbol for _, symbol in rows]


def _report(
    options: argparse.Namespace, log: Path, markets: Sequence[Path], symbols: Sequence[str | None]
) -> "TwinReport":
    progress = Progress()

    def listen(text: str) -> None:
        if progress.is_due():
            progress.show(text)

    try:
        assumed = {} if options.assumptions is None else read_assumptions(options.assumptions)
        settings = BacktestSettings(**assumed)
        twin = Twin(log, markets, symbols)
        try:
            return twin.report(settings, listen)
        finally:
            twin.close()
    finally:
        progress.close()


def _write(out: Path, assumed: "Assumed") -> None:
    try:
        write_assumptions(out, assumed)
    except OSError as error:
        raise CommandFailure(f"{out}: {error.strerror or error}") from error


# ---------------------------------------------------------------------------------------------- beside a run


@contextlib.contextmanager
def twin_beside(
    directory: Directory | None,
    markets: Sequence[tuple[str, str | None]],
    record: Sequence[str] = (),
) -> Iterator[None]:
    """Run a twin beside a host, in a process of its own: it reads the log, and never touches the kernel.

    Args:
        directory: The host's; its log is followed. None where it keeps none.
        markets: The recordings, as paths (of the directory, or absolute) with their instruments.
        record: Where the market is live: the words after `dita record --out`, which writes it meanwhile.

    Raises:
        CommandFailure: The host keeps no log.
    """
    if directory is None:
        raise CommandFailure("--twin: an ephemeral run keeps no log; leave out --ephemeral")
    place: Path = directory.path
    (place / MARKET_LIST).write_text(json.dumps(list(markets)) + "\n", encoding="utf-8")
    ours = [sys.executable, "-m", "dita.cli"]
    children = []
    if record:
        words = [*ours, "record", *record, "--out", str(place / MARKET_FOLDER)]
        children.append(_spawn(words, subprocess.DEVNULL, place))
    # Its input is ours: where we end, however that is, it ends too.
    children.append(_spawn([*ours, "twin", str(place), "--follow"], subprocess.PIPE, place))
    try:
        yield
    finally:
        for child in children[:-1]:
            child.terminate()
            child.wait()
        children[-1].communicate()


def _spawn(words: Sequence[str], stdin: int, place: Path) -> "subprocess.Popen[bytes]":
    """Begin a child in a group of its own; what it says goes to a file beside its answers."""
    with (place / SAID).open("ab") as said:
        return subprocess.Popen(  # noqa: S603 - our own command
            words, stdin=stdin, stdout=said, stderr=said, process_group=0
        )


def _follow(
    options: argparse.Namespace,
    place: Path,
    log: Path,
    markets: Sequence[Path],
    symbols: Sequence[str | None],
    out: Path,
) -> int:
    """Compare again and again, at most a tenth of the time, and once more when the input has ended."""
    with contextlib.suppress(OSError):
        os.nice(10)
    ended = _has_ended(0)
    while True:
        began = time.monotonic()
        last = ended
        try:
            report = _report(options, log, markets, symbols)
        except (CommandFailure, KernelError, OSError) as error:
            # A log or a recording that has only begun.
            content: dict[str, Any] = {"error": str(error)}
        else:
            content = report_dict(report)
            _write(out, report.assumed)
        _replace(place / RESULT, as_json(content))
        if last:
            return 0
        ended = _has_ended(max(_FOLLOW_S, _SHARE * (time.monotonic() - began)))


def _has_ended(seconds: float) -> bool:
    """Wait so long, or until the input ends; say whether it has."""
    readable, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(readable) and not os.read(sys.stdin.fileno(), 1024)


def _replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


# ------------------------------------------------------------------------------------------------ the report
