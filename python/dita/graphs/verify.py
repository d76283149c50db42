"""Whether a graph can be trusted: its form, its ids, its order, and its proofs."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dita.errors import shown
from dita.graphs.errors import (
    CycleDetected,
    EmptyGraph,
    HashMismatch,
    InvalidEntryPoint,
    InvalidNode,
    InvalidOutput,
    MissingHaltingProof,
    MissingNode,
    ShapeProofInvalid,
)
from dita.graphs.form import Graph, Node, hash_of
from dita.graphs.nodes import check_node, reads_of, routes_of, shape_of
from dita.graphs.signing import check_signature

_PROOFS: Final = ("halting", "shapes", "signature")


def verify(graph: Graph) -> list[Node]:
    """Check a graph wholly.

    The first fault counts, in this order: EmptyGraph, UnknownKind, InvalidNode and UnknownExternal (node by
    node), InvalidEntryPoint, InvalidOutput, MissingNode, CycleDetected, HashMismatch, MissingHaltingProof,
    ShapeProofInvalid, SignatureInvalid. Nodes that refer to each other cannot have ids that are their hashes:
    so cycles are looked for before hashes.

    Args:
        graph: The graph.

    Returns:
        The nodes, each after those that it reads.

    Raises:
        GraphError: What is wrong, by its class.
    """
    if not graph.nodes:
        raise EmptyGraph("nodes: there is none")
    for node in graph.nodes:
        check_node(node)
    nodes = graph.by_id()
    if graph.entry_point not in nodes:
        raise InvalidEntryPoint(f"entry_point: {shown(graph.entry_point)} is no node")
    _check_outputs(graph, nodes)
    _check_states(graph.nodes)
    ordered = in_order(nodes)
    for node in graph.nodes:
        if hash_of(node.content()) != node.id:
            raise HashMismatch(f"{node.id}: its content is {hash_of(node.content())}")
    _check_proofs(graph, ordered)
    return ordered


def _check_outputs(graph: Graph, nodes: Mapping[str, Node]) -> None:
    names: set[str] = set()
    for output in graph.outputs:
        if output.node not in nodes:
            raise InvalidOutput(f"outputs: {output.name}: {shown(output.node)} is no node")
        if output.name in names:
            raise InvalidOutput(f"outputs: {output.name}: is there twice")
        names.add(output.name)


def _check_states(nodes: Iterable[Node]) -> None:
    defaults: dict[str, str] = {}
    writers: set[str] = set()
    for node in nodes:
        if node.kind != "state":
            continue
        key, default = node.fields["key"], node.fields["default"]
        if defaults.setdefault(key, default) != default:
            raise InvalidNode(f"{node.id}: default: {shown(key)} has another default elsewhere")
        if node.fields.get("inputs"):
            if key in writers:
                raise InvalidNode(f"{node.id}: key: {shown(key)} is written by two nodes")
            writers.add(key)


def in_order(nodes: Mapping[str, Node]) -> list[Node]:
    """Return nodes so that each comes after those that it reads.

    Args:
        nodes: Checked nodes by their ids.

    Raises:
        MissingNode: One refers to a node that is not there.
        CycleDetected: One depends on itself.
    """
    ordered: list[Node] = []
    state: dict[str, bool] = {}
    for start in nodes:
        waiting = [start]
        while waiting:
            at = waiting[-1]
            if state.get(at):
                waiting.pop()
                continue
            is_back = at in state
            state[at] = is_back
            if is_back:
                ordered.append(nodes[waiting.pop()])
                continue
            for other in reads_of(nodes[at]):
                if other not in nodes:
                    raise MissingNode(f"{at}: refers to {shown(other)}, which is not there")
                if state.get(other) is False:
                    raise CycleDetected(f"{at}: depends on itself by {other}")
                if other not in state:
                    waiting.append(other)
    return ordered


def fuel_of(nodes: list[Node]) -> int:
    """Return what a run of nodes costs at the most: 1 each, and 1 for each way of a branch.

    Args:
        nodes: The nodes.
    """
    ways = {"branch": 1, "permission": 1}
    return sum(
        1 + (len(routes_of(node)) if node.kind == "route" else ways.get(node.kind, 0)) for node in nodes
    )


def shapes_of(ordered: list[Node]) -> dict[str, str]:
    """Return the shape of each node.

    Args:
        ordered: The nodes, each after those that it reads.

    Raises:
        ShapeProofInvalid: A node's ways have different shapes.
    """
    shapes: dict[str, str] = {}
    for node in ordered:
        shapes[node.id] = shape_of(node, shapes)
    return shapes


def _check_proofs(graph: Graph, ordered: list[Node]) -> None:
    for proof in graph.proofs:
        if proof["kind"] not in _PROOFS:
            raise ShapeProofInvalid(f"proofs: {shown(proof['kind'])} is none of {', '.join(_PROOFS)}")
    _check_halting([proof for proof in graph.proofs if proof["kind"] == "halting"], ordered)
    shapes = shapes_of(ordered)
    for proof in graph.proofs:
        if proof["kind"] == "shapes":
            _check_shapes(proof, shapes)
    for proof in graph.proofs:
        if proof["kind"] == "signature":
            check_signature(graph, proof)


def _check_halting(halting: list[Mapping[str, Any]], ordered: list[Node]) -> None:
    if not halting:
        raise MissingHaltingProof("proofs: there is no halting proof: a graph says how much it may cost")
    needed = {"max_steps": len(ordered), "fuel_budget": fuel_of(ordered)}
    for proof in halting:
        for name, least in needed.items():
            allowed = proof.get(name)
            if isinstance(allowed, bool) or not isinstance(allowed, int) or allowed < least:
                raise MissingHaltingProof(f"proofs: halting: {name}: {shown(allowed)} is less than {least}")


def _check_shapes(proof: Mapping[str, Any], shapes: Mapping[str, str]) -> None:
    stated = proof.get("shapes")
    if not isinstance(stated, Mapping) or set(stated) != set(shapes):
        raise ShapeProofInvalid("proofs: shapes: it does not state one shape for each node")
    for node, shape in shapes.items():
        if stated[node] != shape:
            raise ShapeProofInvalid(
                f"proofs: shapes: {node} is a {shape}, and {shown(stated[node])} is stated"
            )


def proven(graph: Graph) -> Graph:
    """Return a graph with a halting proof and a shape proof that fit it, and without its signatures.

    Args:
        graph: The graph.

    Raises:
        GraphError: It has another fault.
    """
    for node in graph.nodes:
        check_node(node)
    ordered = in_order(graph.by_id())
    proofs = (
        {"kind": "halting", "max_steps": len(ordered), "fuel_budget": fuel_of(ordered)},
        {"kind": "shapes", "shapes": shapes_of(ordered)},
    )
    return Graph(graph.entry_point, graph.nodes, graph.outputs, proofs, graph.metadata, graph.version)


def is_signed(graph: Graph) -> bool:
    """Return whether a graph carries a signature. `verify` says whether it is good.

    Args:
        graph: The graph.
    """
    return any(proof["kind"] == "signature" for proof in graph.proofs)
