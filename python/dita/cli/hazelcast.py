"""`dita hazelcast`: members of a cluster on this machine, and the SQL tables over the projection's maps."""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from dita.cli.failure import CommandFailure
from dita.cli.progress import Progress
from dita.cli.values import whole
from dita.cluster import ClusterAddress, connected, jars, mappings, member
from dita.text import as_json, table

PORT_DEFAULT: Final = 5701
CLUSTER_DEFAULT: Final = "dita"
MEMBERS_MAX: Final = 16

DESCRIPTION: Final = """\
Start, look at and stop Hazelcast members on this machine, and make their maps readable in SQL. A member is a
process of its own (Java 17), on loopback only; it finds others by a list, never by multicast, and sends no
word to anybody. Maven fetches its jars once; they are held against their checksums and kept in the user's
cache."""

EPILOG: Final = """\
examples:
  dita hazelcast up                          one member on port 5701, cluster "dita"
  dita hazelcast up --members 3 --heap 1g    three of them, on ports 5701 to 5703
  dita hazelcast up --port 5704              one more, which joins those that run here
  dita hazelcast setup                       the tables dita_slots, dita_orders, dita_account ...
  dita hazelcast sql "SELECT asset, side, size FROM dita_slots WHERE fsm_state = 'POSITION_OPEN'"
  dita hazelcast status
  dita hazelcast down"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    up = _action(actions, "up", _up, "start members", "--members 3 --heap 1g")
    up.add_argument("--members", type=whole(1, MEMBERS_MAX), default=1, metavar="N", help="how many (1)")
    up.add_argument(
        "--port", type=whole(1, 65_535), default=PORT_DEFAULT, help=f"the first one's port ({PORT_DEFAULT})"
    )
    up.add_argument("--heap", default="256m", help="Java's memory for each, as 256m or 2g (256m)")
    up.add_argument("--cluster", default=CLUSTER_DEFAULT, help=f"the cluster's name ({CLUSTER_DEFAULT})")
    down = _action(actions, "down", _down, "stop members that were started here", "--cluster dita")
    down.add_argument("--cluster", help="only those of this cluster (default: all)")
    down.add_argument("--port", type=whole(1, 65_535), help="only the one on this port")
    status = _action(actions, "status", _status, "show the members of this machine", "--json")
    status.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    setup = _action(
        actions,
        "setup",
        _setup,
        "make the SQL tables over the projection's maps",
        "--at hazelcast://127.0.0.1:5701/dita",
    )
    _add_address(setup)
    sql = _action(
        actions, "sql", _sql, "run one SQL statement, and print its rows", '"SELECT * FROM dita_account"'
    )
    sql.add_argument("statement", metavar="STATEMENT", help="the statement")
    sql.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    _add_address(sql)


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    act: Callable[[argparse.Namespace], int],
    help_text: str,
    example: str,
) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=help_text,
        description=f"{help_text[0].upper()}{help_text[1:]}.",
        epilog=f"examples:\n  dita hazelcast {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(act=act)
    return parser


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--at",
        default=f"hazelcast://127.0.0.1:{PORT_DEFAULT}/{CLUSTER_DEFAULT}",
        metavar="ADDRESS",
        help="the cluster (hazelcast://127.0.0.1:5701/dita)",
    )


def run(options: argparse.Namespace) -> int:
    """Do what the action says.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: It cannot be done; the text says why and what to do.
    """
    act: Callable[[argparse.Namespace], int] = options.act
    return act(options)


def _up(options: argparse.Namespace) -> int:
    progress = Progress()

    def tell(text: str) -> None:
        if progress.is_due():
            progress.show(text)

    try:
        classpath = jars.jars(tell)
        for port in range(options.port, options.port + options.members):
            started = member.start(classpath, options.cluster, port, heap=options.heap, tell=tell)
            progress.close()
            print(f"a member of {options.cluster} runs: {started.address}, pid {started.pid}")
    finally:
        progress.close()
    print("next: `dita hazelcast setup` makes its SQL tables; `dita hazelcast down` stops it")
    return 0


def _down(options: argparse.Namespace) -> int:
    chosen = [one for one in member.members(options.cluster) if options.port in (None, one.port)]
    if not chosen:
        print("no member was started here")
    # The newest first: what it holds moves to those that are left.
    for one in reversed(chosen):
        was_alive = one.stop()
        what = "stopped" if was_alive else "was gone already"
        print(f"{one.cluster} on port {one.port}, pid {one.pid}: {what}")
    return 0


def _status(options: argparse.Namespace) -> int:
    rows: list[dict[str, Any]] = [
        {
            "cluster": one.cluster,
            "address": str(one.address),
            "pid": one.pid,
            "is_alive": one.is_alive(),
            "output": str(one.output),
        }
        for one in member.members()
    ]
    if options.json:
        sys.stdout.write(as_json({"members": rows}))
    elif not rows:
        print("no member was started here; `dita hazelcast up` starts one")
    else:
        header = ("cluster", "address", "pid", "state", "output")
        cells = [
            (row["cluster"], row["address"], str(row["pid"]), _alive(row), row["output"]) for row in rows
        ]
        print("\n".join(table(header, cells, right="pid")))
    return 0


def _alive(row: Mapping[str, Any]) -> str:
    return "runs" if row["is_alive"] else "is gone"


def _setup(options: argparse.Namespace) -> int:
    with connected(ClusterAddress.parse(options.at)) as client:
        tables = mappings.set_up(client)
    print("tables: " + ", ".join(tables))
    return 0


def _sql(options: argparse.Namespace) -> int:
    with connected(ClusterAddress.parse(options.at)) as client:
        from hazelcast.sql import HazelcastSqlError  # noqa: PLC0415 - an extra, which is there by now

        try:
            result = client.sql.execute(options.statement).result()
            if not result.is_row_set():
                print("done")
                return 0
            names = [column.name for column in result.get_row_metadata().columns]
            rows = [[row.get_object(name) for name in names] for row in result]
        except HazelcastSqlError as error:
            hint = "; `dita hazelcast setup` makes the tables" if "not found" in str(error) else ""
            raise CommandFailure(f"the cluster refuses the statement: {error}{hint}") from error
    if options.json:
        sys.stdout.write(as_json({"rows": [dict(zip(names, row, strict=True)) for row in rows]}))
    else:
        print("\n".join(table(names, [[_cell(value) for value in row] for row in rows])))
    return 0


def _cell(value: object) -> str:
    return "-" if value is None else str(value)
