"""What a graph is, as values and as a table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from dita.graphs import params_of
from dita.graphs.drawing import label_of
from dita.graphs.nodes import reads_of
from dita.graphs.verify import fuel_of, is_signed, shapes_of, verify
from dita.text import table

if TYPE_CHECKING:
    from dita.graphs import Graph


_ID_CHARS: Final = 19


def facts_of(graph: Graph) -> dict[str, Any]:
    """Return what a graph reads, keeps and costs; it is verified first."""
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


def node_lines(graph: Graph) -> list[str]:
    """Return a table of a graph's nodes."""
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
