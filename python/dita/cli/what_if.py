"""`dita what-if`: the same log with other fees, limits or latency."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.failure import CommandFailure
from dita.cli.log_source import add_json_option, read_log
from dita.cli.values import decimal, whole
from dita.errors import details_text
from dita.text import as_json, count, exact, table, time_text

TRADES_SHOWN: Final = 20

DESCRIPTION: Final = """\
Replay a log with something changed, and hold K against the K of then: in all, and by trade.

Fees: each fill and each settlement is charged anew, notional times rate, rounded as the venue rounds. The
other rate stays as it was charged.

Limits: those that are named take the place of those that stood, from the log's beginning on. An intent that
they refuse takes its order with it: the venue's events of that order are dropped and counted, and funding
is computed from the position that would have been held. An intent that was refused then and
would be let through now is left out and counted: the log does not know what the venue would have answered.

Latency is an ESTIMATE. Each fill that took liquidity gets its price of then, plus what the mark moved in so
many milliseconds. It rests on the marks in the log, which has only those that the kernel read: a fill
without a mark in that time stands as it was, and is counted. It takes for granted that the fill would still
have happened, in full, and that our orders move no price. Fills that made liquidity stand as they were.

With nothing changed K is what it was, to the last unit. E is not made anew: what the exchange reported then
says nothing about what did not happen."""

EPILOG: Final = """\
examples:
  dita what-if /var/lib/dita/main --taker-rate 0.0004
  dita what-if /var/lib/dita/main --maker-rate=-0.0001 --symbol BTCUSDT
  dita what-if /var/lib/dita/main --max-order-notional 5000 --max-open-slots 2
  dita what-if /var/lib/dita/main --latency-ms 250 --json"""

_AMOUNTS: Final[Mapping[str, str]] = {
    "max_order_notional": "one order, in settlement units",
    "max_total_notional": "positions and working entries together",
    "max_symbol_notional": "the same of one instrument",
    "max_asset_notional": "the same of one base asset",
    "max_order_size": "one order, in the instrument's units",
    "max_leverage": "the leverage an intent may ask for",
    "max_daily_loss": "what may be lost in a UTC day",
    "max_drawdown": "how far equity may fall from its peak, a fraction",
}

_COUNTS: Final[Mapping[str, str]] = {
    "fills_taken": "fills that took liquidity",
    "fills_made": "fills that made it",
    "fees_recomputed": "fees computed anew, of fills and settlements",
    "fees_scaled": "fees in another asset, changed in proportion of the rates",
    "refused": "intents that the changed limits refuse",
    "followed": "intents after them that have nothing to act upon now",
    "dropped": "events of orders that are not sent now, dropped",
    "let_through": "intents refused then that would pass now, left out: no answers to them",
    "entries_changed": "settlements and funding changed to what would have been held",
    "unanswered": "requests that only the changed kernel makes, which nothing answers",
    "settled_ahead": "settlements of dropped fills that came before them: their money is still in K",
    "repriced": "fills moved by the mark",
    "without_mark": "fills that took, without a mark in that time: as they were",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("log_dir", type=Path, metavar="DIR", help="the log's directory")
    parser.add_argument(
        "--taker-rate", type=decimal, metavar="X", help="taker fee, a fraction (0.0004 = 4 bps)"
    )
    parser.add_argument(
        "--maker-rate", type=decimal, metavar="X", help="maker fee; a rebate: --maker-rate=-0.0001"
    )
    parser.add_argument("--symbol", metavar="S", help="only this instrument's fees and fills (default: all)")
    parser.add_argument(
        "--latency-ms", type=decimal, default=Decimal(0), metavar="N", help="later by N ms (0)"
    )
    for name, what in _AMOUNTS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=decimal, metavar="X", help=what)
    parser.add_argument(
        "--max-open-slots", type=whole(0), metavar="N", help="slots that may carry a trade at once"
    )
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Replay and compare.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: The log cannot be read, or a change is out of range.
    """
    limits = {name: getattr(options, name) for name in (*_AMOUNTS, "max_open_slots")}
    limits = {name: value for name, value in limits.items() if value is not None}

    def work(listen: Any) -> dict[str, Any]:  # noqa: ANN401 - a listener
        return timetravel.what_if(
            options.log_dir,
            taker_rate=options.taker_rate,
            maker_rate=options.maker_rate,
            symbol=options.symbol,
            limits=limits or None,
            latency_ms=options.latency_ms,
            progress=listen,
        )

    if options.symbol == "":
        raise CommandFailure("--symbol: name an instrument, or leave it out for all")
    found = read_log(options.log_dir, work)
    if options.json:
        sys.stdout.write(as_json(found))
    else:
        sys.stdout.write("\n".join(_lines(options, limits, found)) + "\n")
    return 0


def _lines(
    options: argparse.Namespace, limits: Mapping[str, object], found: Mapping[str, Any]
) -> Iterator[str]:
    yield f"{options.log_dir}: {count(found['replayed'])} inputs, with {_changes(options, limits)}"
    if found["began"] is not None:
        yield f"  nothing before input {count(found['began'])} is changed: the log's beginning was removed"
    for asset in found["assets"]:
        yield ""
        yield from _asset(asset)
    yield ""
    yield from _trades(found)
    counts = [(what, count(found["counts"][name])) for name, what in _COUNTS.items() if found["counts"][name]]
    if counts:
        yield ""
        yield "What was changed, and what was not"
        width = max(len(text) for _, text in counts)
        yield from (f"  {text:>{width}}  {what}" for what, text in counts)
    yield from _refused(found)
    yield ""
    if options.latency_ms:
        yield "The latency's part is an estimate out of the log's marks: --help says what it rests on."
    yield "E is not made anew: it is what the exchange said of what did happen."


def _changes(options: argparse.Namespace, limits: Mapping[str, object]) -> str:
    changes = []
    if options.taker_rate is not None:
        changes.append(f"taker fee {exact(options.taker_rate)}")
    if options.maker_rate is not None:
        changes.append(f"maker fee {exact(options.maker_rate)}")
    changes.extend(f"{name} {value}" for name, value in limits.items())
    if options.latency_ms:
        changes.append(f"fills {exact(options.latency_ms)} ms later")
    if not changes:
        return "nothing changed"
    return ", ".join(changes) + (f", of {options.symbol}" if options.symbol else "")


def _asset(asset: Mapping[str, Any]) -> Iterator[str]:
    yield asset["asset"]
    rows = []
    for name, key in (
        ("K", "k"),
        ("realised profit", "realized_pnl"),
        ("fees paid", "fees_paid"),
        ("funding received", "funding_net"),
    ):
        pair = asset[key]
        rows.append((name, exact(pair["then"]), exact(pair["now"]), exact(pair["difference"], sign=True)))
    yield from table(("", "then", "now", "difference"), rows, right="then now difference")


def _trades(found: Mapping[str, Any]) -> Iterator[str]:
    trades = sorted(found["trades"], key=lambda trade: (-abs(trade["k"]["difference"]), trade["trade_id"]))
    named = sum(1 for trade in trades if trade["trade_id"])
    yield f"By trade: {count(named)} of {count(found['trades_all'])} come to something else"
    if not trades:
        return
    yield from table(
        ("trade", "then", "now", "difference", "asset"),
        (
            (
                trade["trade_id"] or "(none)",
                exact(trade["k"]["then"], sign=True),
                exact(trade["k"]["now"], sign=True),
                exact(trade["k"]["difference"], sign=True),
                trade["asset"],
            )
            for trade in trades[:TRADES_SHOWN]
        ),
        right="then now difference",
    )
    if len(trades) > TRADES_SHOWN:
        yield f"  and {count(len(trades) - TRADES_SHOWN)} more, with smaller differences: --json has them all"


def _refused(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["refused"]:
        return
    yield ""
    yield "Refused now"
    for intent in found["refused"][:TRADES_SHOWN]:
        why = f"{intent['code']}{details_text(intent['details'])}"
        yield f"  {time_text(intent['time_ns'])}  {intent['trade_id']}  {why}"
    left = found["counts"]["refused"] - TRADES_SHOWN
    if left > 0:
        yield f"  and {count(left)} more"
