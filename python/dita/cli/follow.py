"""`dita follow`: a follower by hand, or how a log's followers are."""

import argparse
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from dita.cli.failure import CommandFailure
from dita.cli.log_source import add_json_option
from dita.errors import KernelError
from dita.follow import Follower, TargetRefused, followers_of, log_bounds, read_cursor, read_status
from dita.follow.processes import FollowerProcesses
from dita.follow.spec import FollowerSpec, build_target, kernel_name
from dita.journal import JournalRefused
from dita.text import as_json, count, table, time_text

DESCRIPTION: Final = """\
Go along behind a kernel's log and write what comes of it somewhere else: the journal to ClickHouse, the
newest states to a projection. A follower goes on where its cursor in the log's directory says; it takes no
lock, and the kernel never waits for it. It may be stopped and begun again at any moment: nothing is lost,
nothing comes twice.

A kernel spawns its own followers. This is for logs of kernels that have none, for old logs, and for trying.

Without --journal and --projection it says how the log's followers are."""

EPILOG: Final = """\
examples:
  dita follow /var/lib/dita/main
  dita follow /var/lib/dita/main --journal journal.db
  dita follow /var/lib/dita/main --journal http://dita:secret@clickhouse:8123 --ttl-days 400
  dita follow backtest/log --journal journal.db --until-end --kernel backtest-17"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("log_dir", type=Path, metavar="DIR", help="the log's directory")
    parser.add_argument("--journal", metavar="URL|PATH", help="write the journal: a server, or a directory")
    parser.add_argument("--projection", metavar="URL", help="write the newest states: a cluster's address")
    parser.add_argument(
        "--kernel", metavar="NAME", help="the name that rows carry; the directory's, if not given"
    )
    parser.add_argument("--database", default="dita", help="the journal's database (dita)")
    parser.add_argument(
        "--ttl-days", type=int, metavar="N", help="let the journal's rows go after so many days"
    )
    parser.add_argument(
        "--when-enabled", action="store_true", help="leave out times when debug_clickhouse_enabled was off"
    )
    parser.add_argument("--until-end", action="store_true", help="stop at the log's end")
    parser.add_argument(
        "--accept-gap", action="store_true", help="go on where the log no longer has what follows the cursor"
    )
    parser.add_argument(
        "--written", action="store_true", help="also take what a power loss could take back (log_policy off)"
    )
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Follow, or say how followers are.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: The log, the cursor or the target cannot be used; the text says why and what to do.
    """
    if options.journal is None and options.projection is None:
        return _show(options)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    specs = _specs(options)
    return _one(specs[0], options) if len(specs) == 1 else _several(specs, options)


def _specs(options: argparse.Namespace) -> list[FollowerSpec]:
    name = kernel_name(options.kernel, options.log_dir)
    common = {
        "log_dir": str(options.log_dir),
        "kernel": name,
        "durable": not options.written,
        "accept_gap": options.accept_gap,
    }
    specs = []
    if options.journal is not None:
        more: dict[str, Any] = {"database": options.database}
        if options.ttl_days is not None:
            more["ttl_days"] = options.ttl_days
        specs.append(
            FollowerSpec(
                "journal", options.journal, when_enabled=options.when_enabled, options=more, **common
            )
        )
    if options.projection is not None:
        specs.append(FollowerSpec("projection", options.projection, **common))
    return specs


def _one(spec: FollowerSpec, options: argparse.Namespace) -> int:
    if not options.log_dir.is_dir():
        raise CommandFailure(
            f"{options.log_dir}: is no directory; name the one that the kernel has as log_dir"
        )
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    try:
        follower = Follower(
            spec.log_dir,
            build_target(spec),
            kernel=spec.kernel,
            durable=spec.durable,
            when_enabled=spec.when_enabled,
            accept_gap=spec.accept_gap,
            stopping=lambda: bool(stopped),
        )
        follower.run(until_end=options.until_end)
    except (TargetRefused, JournalRefused, KernelError) as error:
        raise CommandFailure(str(error)) from error
    status = follower.status
    if options.json:
        sys.stdout.write(as_json(status.as_dict()))
    else:
        print(f"{status.name}: {count(status.rows)} rows written, up to input {count(status.seq)}")
    return 0


def _several(specs: list[FollowerSpec], options: argparse.Namespace) -> int:
    followers = FollowerProcesses(specs)
    try:
        while not options.until_end:
            time.sleep(1)
    finally:
        done = followers.close(timeout_s=1e9 if options.until_end else 10.0)
    if not done:
        raise CommandFailure("a follower did not end by itself: what it said stands above")
    return 0


def _show(options: argparse.Namespace) -> int:
    first, last = log_bounds(options.log_dir)
    names = sorted(
        {*followers_of(options.log_dir), *(path.stem for path in options.log_dir.glob("*.status"))}
    )
    cursors = {}
    for name in names:
        try:
            cursors[name] = read_cursor(options.log_dir, name)
        except KernelError as error:
            cursors[name] = None
            print(f"dita follow: {error}", file=sys.stderr)
    found = []
    for name in names:
        status, cursor = read_status(options.log_dir, name), cursors[name]
        seq = cursor["seq"] if cursor is not None else 0
        row: dict[str, Any] = {"name": name, "seq": seq, "lag_records": max(0, last - seq), "target": ""}
        if cursor is not None:
            row |= {"target": cursor["target"], "time_ns": cursor["time_ns"]}
        if status is not None:
            row |= {"state": status.state, "pid": status.pid, "error": status.error, "lost": status.lost}
            row |= {"retries": status.retries, "updated_ns": status.updated_ns}
            row["lag_seconds"] = status.lag(last)["lag_seconds"]
        found.append(row)
    if options.json:
        sys.stdout.write(as_json({"first_seq": first + 1, "last_seq": last, "followers": found}))
        return 0
    print(f"{options.log_dir}: can be followed from input {count(first + 1)}, durable up to {count(last)}")
    if not found:
        print("  no followers yet")
        return 0
    header = ("follower", "state", "input", "behind", "seconds", "time", "error")
    cells = [
        (
            row["name"],
            str(row.get("state", "-")),
            count(row["seq"]),
            count(row["lag_records"]),
            f"{row.get('lag_seconds', 0.0):.1f}",
            time_text(row.get("time_ns")),
            str(row.get("error", "")) or "-",
        )
        for row in found
    ]
    for line in table(header, cells, right="input behind seconds"):
        print(line)
    return 0
