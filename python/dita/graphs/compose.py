"""Graphs put together: an output of one becomes the parameter of the same name of another."""

from collections.abc import Sequence
from typing import Any

from dita.errors import shown
from dita.graphs.errors import CycleDetected, InvalidOutput, PortMismatch
from dita.graphs.form import Graph, Node, Output
from dita.graphs.nodes import DECIMAL, external_of, renamed
from dita.graphs.verify import in_order, proven, shapes_of, verify


def params_of(graph: Graph) -> list[str]:
    """Return the parameters that a graph reads: its ports.

    Args:
        graph: A graph whose nodes are checked.
    """
    names = (external_of(node)["param"] for node in graph.nodes if node.kind == "external")
    return sorted({name for name in names if name})


def compose(graphs: Sequence[Graph]) -> Graph:
    """Return one graph of several. It has proofs of its own, and no signature.

    Where one graph has an output and another a parameter (`param:NAME`) of one name, they are connected. What
    is connected to nothing stays a parameter, or an output. The one whose outputs nobody reads is the entry.

    Args:
        graphs: Two or more, each of which `verify` takes.

    Raises:
        GraphError: One of them has a fault.
        InvalidOutput: Two have an output of one name.
        CycleDetected: They depend on each other in a circle.
        PortMismatch: None or several of them read what others have, or a bool is given to a parameter.
    """
    if len(graphs) < 2:
        raise PortMismatch(f"graphs: {len(graphs)} are no composition; give two or more")
    for graph in graphs:
        verify(graph)
    owners = _owners(graphs)
    needs = [{owners[name] for name in params_of(graph) if name in owners} for graph in graphs]
    order = _order(graphs, needs)
    ends = [at for at in range(len(graphs)) if not any(at in need for need in needs)]
    if len(ends) != 1:
        raise PortMismatch(f"graphs: {len(ends)} of them are read by no other; one must be, and is the entry")
    return _joined(graphs, order, ends[0])


def _owners(graphs: Sequence[Graph]) -> dict[str, int]:
    owners: dict[str, int] = {}
    for at, graph in enumerate(graphs):
        for output in graph.outputs:
            if output.name in owners:
                raise InvalidOutput(f"outputs: {shown(output.name)} is an output of two graphs")
            owners[output.name] = at
    return owners


def _order(graphs: Sequence[Graph], needs: Sequence[set[int]]) -> list[int]:
    order: list[int] = []
    left = set(range(len(graphs)))
    while left:
        ready = sorted(at for at in left if needs[at] <= set(order))
        if not ready:
            raise CycleDetected(
                f"graphs: {', '.join(str(at + 1) for at in sorted(left))} depend on each other"
            )
        order += ready
        left -= set(ready)
    return order


def _joined(graphs: Sequence[Graph], order: Sequence[int], end: int) -> Graph:
    nodes: dict[str, Node] = {}
    outputs: dict[str, str] = {}
    shapes: dict[str, str] = {}
    metadata: dict[str, Any] = {}
    entry = ""
    for at in order:
        ids: dict[str, str] = {}
        for node in in_order(graphs[at].by_id()):
            given = outputs.get(external_of(node)["param"] or "") if node.kind == "external" else None
            if given is not None:
                if shapes[given] != DECIMAL:
                    raise PortMismatch(
                        f"{node.fields['uri']}: is a decimal, and the output of that name a bool"
                    )
                ids[node.id] = given
                continue
            new = renamed(node, ids)
            ids[node.id] = new.id
            nodes[new.id] = new
        shapes = shapes_of(in_order(nodes))
        outputs |= {output.name: ids[output.node] for output in graphs[at].outputs}
        metadata = {**graphs[at].metadata, **metadata}
        if at == end:
            entry = ids[graphs[at].entry_point]
            metadata |= graphs[at].metadata
    listed = tuple(Output(name, node) for name, node in sorted(outputs.items()))
    return proven(Graph(entry, tuple(in_order(nodes)), listed, (), metadata))
