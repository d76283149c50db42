"""`dita inspect`, `dita verify` and `dita compose`: strategy graphs."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.cli.failure import CommandFailure
from dita.cli.twin import log_of
from dita.graphs import GraphError, as_svg, compose, load_graph
from dita.graphs.facts import facts_of, node_lines
from dita.graphs.order_proof import verify_order
from dita.graphs.verify import is_signed, verify
from dita.text import as_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from dita.graphs import Graph


@dataclass(frozen=True, slots=True)
class Command:
    """One of the commands.

    Attributes:
        DESCRIPTION: What it does.
        EPILOG: Its examples.
        add_options: Adds its options to its parser.
        run: Does it.
    """

    DESCRIPTION: str
    EPILOG: str
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("graph", type=Path, metavar="FILE", help="a strategy graph; by custom it ends in .0")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _inspect_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="list every node")
    parser.add_argument("--svg", type=Path, metavar="OUT", help="draw it into a file as well")


def _compose_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("graphs", nargs="+", type=Path, metavar="FILE", help="two graphs or more")
    parser.add_argument(
        "-o", "--out", "--output", required=True, type=Path, metavar="FILE", help="where to write it"
    )


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "graph",
        type=Path,
        metavar="FILE",
        help="a strategy graph; with --order: a host's or a log's directory",
    )
    parser.add_argument("--order", metavar="ID", help="check the proof that this order of a log carries")
    parser.add_argument(
        "--graph",
        dest="graphs",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="with --order: the order's graph, where the directory has not kept it; again for more",
    )
    parser.add_argument("--account", metavar="NAME", help="with --order: which account of the host")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _loaded(path: Path) -> Graph:
    try:
        return load_graph(path)
    except GraphError as error:
        raise CommandFailure(f"{error.name}: {error}") from error


def _verified(path: Path) -> Graph:
    graph = _loaded(path)
    try:
        verify(graph)
    except GraphError as error:
        raise CommandFailure(f"{path}: {error.name}: {error}") from error
    return graph


def _inspect(options: argparse.Namespace) -> int:
    graph = _verified(options.graph)
    if options.svg is not None:
        options.svg.write_text(as_svg(graph), encoding="utf-8")
    facts = facts_of(graph)
    if options.json:
        nodes = [{"id": node.id, **node.content()} for node in graph.nodes] if options.verbose else None
        sys.stdout.write(as_json({**facts, "nodes_listed": nodes} if nodes else facts))
        return 0
    lines = [f"{name:<12} {_shown(value)}" for name, value in facts.items()]
    if options.verbose:
        lines += ["", *node_lines(graph)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _shown(value: Any) -> str:  # noqa: ANN401 - a fact's
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "-"


def _verify_order(options: argparse.Namespace) -> int:
    place, log = log_of(str(options.graph), options.account)
    graphs = options.graphs or sorted([*place.glob("graphs/*.0"), *place.glob("*.0")])
    try:
        proof = verify_order(log, options.order, graphs)
    except GraphError as error:
        raise CommandFailure(f"{error.name}: {error}") from error
    if options.json:
        sys.stdout.write(as_json({"valid": True, **asdict(proof)}))
        return 0
    signed = f"signed by {proof.signed_by}" if proof.signed_by else "not signed"
    lines = [
        f"{proof.order}: its proof holds; the graph is {signed}",
        f"graph   {proof.graph}",
        f"intent  {proof.intent_id}",
        f"wanted  {proof.value}",
        *(f"read    {name} = {value}" for name, value in proof.inputs.items()),
        *(f"kept    {name} = {value}" for name, value in proof.state.items()),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _verify(options: argparse.Namespace) -> int:
    if options.order is not None:
        return _verify_order(options)

    graph = _verified(options.graph)
    if options.json:
        facts = {"valid": True, "content": graph.content_id, "signed": is_signed(graph)}
        sys.stdout.write(as_json(facts))
        return 0
    said = "its signature is good" if is_signed(graph) else "it is not signed"
    sys.stdout.write(f"{options.graph}: {len(graph.nodes)} nodes, valid; {said}\n{graph.content_id}\n")
    return 0


def _compose(options: argparse.Namespace) -> int:
    graphs = [_verified(path) for path in options.graphs]
    try:
        whole = compose(graphs)
    except GraphError as error:
        raise CommandFailure(f"{error.name}: {error}") from error
    whole.save(options.out)
    sys.stdout.write(f"{options.out}: {len(whole.nodes)} nodes\n{whole.content_id}\n")
    return 0


INSPECT: Final = Command(
    "Show what a strategy graph reads, keeps and costs. It is verified first. --svg draws it.",
    "examples:\n  dita inspect cross.0 -v --svg cross.svg",
    _inspect_arguments,
    _inspect,
)
VERIFY: Final = Command(
    "Check a strategy graph: its form, ids, order, halting and shape proofs, signatures. The first fault is\n"
    "named, and the exit code is 1. With --order it checks the proof that an order of a log carries: its\n"
    "graph, what that read, the run on it, and the signature. Nothing but log and graph is asked.",
    "examples:\n  dita verify cross.0\n  dita verify --order 1A0000000000000000000001 mine",
    _verify_arguments,
    _verify,
)
COMPOSE: Final = Command(
    "Put graphs together: an output of one becomes the parameter of the same name of another. What nobody\n"
    "reads is the entry. The result has proofs of its own, and no signature.",
    "examples:\n  dita compose signal.0 sizing.0 -o whole.0",
    _compose_arguments,
    _compose,
)
