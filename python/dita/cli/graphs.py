"""`dita inspect`, `dita verify` and `dita compose`: strategy graphs."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.cli.failure import CommandFailure
from dita.cli.tables import as_json, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from dita.graphs import Graph

_ID_CHARS: Final = 19


@dataclass(frozen=True, slots=True)
class Command:
    """One of the commands.

    Attributes:
        name: Its name.
        summary: What it does, for the list of commands.
        description: The same at length.
        EXAMPLE: A call, and what it is for.
        add: Adds its arguments.
        run: Does it.
    """

    name: str
    summary: str
    description: str
    EXAMPLE: tuple[str, str]
    add: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]

    def add_parser(self, commands: argparse._SubParsersAction[Any]) -> None:
        """Describe the command.

        Args:
            commands: The command line's list of commands.
        """
        parser = commands.add_parser(
            self.name,
            help=self.summary,
            description=self.description,
            epilog=f"examples:\n  {self.EXAMPLE[0]}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add(parser)
        parser.set_defaults(run=self.run)


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("graph", type=Path, metavar="FILE", help="a strategy graph; by custom it ends in .0")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _inspect_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="list every node")
    parser.add_argument("--svg", type=Path, metavar="OUT", help="draw it into a file as well")


def _compose_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("graphs", nargs="+", type=Path, metavar="FILE", help="two graphs or more")
    parser.add_argument("-o", "--out", required=True, type=Path, metavar="FILE", help="where to write it")


def _loaded(path: Path) -> Graph:
    from dita.graphs import GraphError, load_graph  # noqa: PLC0415 - `dita --help` answers at once

    try:
        return load_graph(path)
    except GraphError as error:
        raise CommandFailure(f"{error.name}: {error}") from error


def _verified(path: Path) -> Graph:
    from dita.graphs import GraphError, verify  # noqa: PLC0415 - as above

    graph = _loaded(path)
    try:
        verify(graph)
    except GraphError as error:
        raise CommandFailure(f"{path}: {error.name}: {error}") from error
    return graph


def _inspect(options: argparse.Namespace) -> int:
    from dita.graphs import as_svg  # noqa: PLC0415 - as above

    graph = _verified(options.graph)
    if options.svg is not None:
        options.svg.write_text(as_svg(graph), encoding="utf-8")
    facts = _facts(graph)
    if options.json:
        nodes = [{"id": node.id, **node.content()} for node in graph.nodes] if options.verbose else None
        sys.stdout.write(as_json({**facts, "nodes_listed": nodes} if nodes else facts))
        return 0
    lines = [f"{name:<12} {_shown(value)}" for name, value in facts.items()]
    if options.verbose:
        lines += ["", *_node_lines(graph)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _facts(graph: Graph) -> dict[str, Any]:
    from dita.graphs import params_of  # noqa: PLC0415 - as above
    from dita.graphs.drawing import label_of  # noqa: PLC0415 - as above
    from dita.graphs.verify import fuel_of, is_signed, verify  # noqa: PLC0415 - as above

    ordered = verify(graph)
    nodes = graph.by_id()
    kinds = Counter(node.kind for node in ordered)
    params = params_of(graph)
    reads = {node.fields["uri"] for node in ordered if node.kind == "external"}
    entry = nodes[graph.entry_point]
    return {
        "name": graph.metadata.get("name", ""),
        "content": graph.content_id,
        "nodes": len(ordered),
        "kinds": ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())),
        "entry": f"{entry.kind}: {label_of(entry)}",
        "outputs": [output.name for output in graph.outputs],
        "parameters": params,
        "reads": sorted(reads - {f"param:{name}" for name in params}),
        "keeps": sorted({node.fields["key"] for node in ordered if node.kind == "state"}),
        "fuel": fuel_of(ordered),
        "signed": is_signed(graph),
    }


def _shown(value: Any) -> str:  # noqa: ANN401 - a fact's
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "-"


def _node_lines(graph: Graph) -> list[str]:
    from dita.graphs.drawing import label_of  # noqa: PLC0415 - as above
    from dita.graphs.nodes import reads_of  # noqa: PLC0415 - as above
    from dita.graphs.verify import shapes_of, verify  # noqa: PLC0415 - as above

    ordered = verify(graph)
    shapes = shapes_of(ordered)
    rows = [
        (
            node.id[:_ID_CHARS],
            node.kind,
            label_of(node),
            shapes[node.id],
            " ".join(one[:_ID_CHARS] for one in reads_of(node)),
        )
        for node in ordered
    ]
    return table(("id", "kind", "does", "shape", "reads"), rows)


def _verify(options: argparse.Namespace) -> int:
    from dita.graphs.verify import is_signed  # noqa: PLC0415 - as above

    graph = _verified(options.graph)
    if options.json:
        facts = {"valid": True, "content": graph.content_id, "signed": is_signed(graph)}
        sys.stdout.write(as_json(facts))
        return 0
    said = "its signature is good" if is_signed(graph) else "it is not signed"
    sys.stdout.write(f"{options.graph}: {len(graph.nodes)} nodes, valid; {said}\n{graph.content_id}\n")
    return 0


def _compose(options: argparse.Namespace) -> int:
    from dita.graphs import GraphError, compose  # noqa: PLC0415 - as above

    graphs = [_verified(path) for path in options.graphs]
    try:
        whole = compose(graphs)
    except GraphError as error:
        raise CommandFailure(f"{error.name}: {error}") from error
    whole.save(options.out)
    sys.stdout.write(f"{options.out}: {len(whole.nodes)} nodes\n{whole.content_id}\n")
    return 0


INSPECT: Final = Command(
    "inspect",
    "show what a strategy graph is",
    "Show what a strategy graph reads, keeps and costs. It is verified first. --svg draws it.",
    ("dita inspect cross.0 -v --svg cross.svg", "show a strategy graph, and draw it"),
    _inspect_arguments,
    _inspect,
)
VERIFY: Final = Command(
    "verify",
    "check a strategy graph and its proofs",
    "Check a strategy graph: its form, ids, order, halting and shape proofs, signatures. The first fault is\n"
    "named, and the exit code is 1.",
    ("dita verify cross.0", "check a strategy graph and its proofs"),
    _one,
    _verify,
)
COMPOSE: Final = Command(
    "compose",
    "put strategy graphs together",
    "Put graphs together: an output of one becomes the parameter of the same name of another. What nobody\n"
    "reads is the entry. The result has proofs of its own, and no signature.",
    ("dita compose signal.0 sizing.0 -o whole.0", "put strategy graphs together"),
    _compose_arguments,
    _compose,
)
