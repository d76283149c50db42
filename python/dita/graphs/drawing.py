"""A graph as an SVG: nodes in layers, what is read on the left of what reads it."""

from html import escape
from typing import Final

from dita.graphs.errors import TooManyNodes
from dita.graphs.form import Graph, Node
from dita.graphs.nodes import reads_of, routes_of
from dita.graphs.verify import verify

_WIDTH: Final = 190
_HEIGHT: Final = 44
_GAP_X: Final = 60
_GAP_Y: Final = 18
_MARGIN: Final = 16
_CHARS: Final = 26
#: The field that says what a node of a kind does.
_SAID: Final = {"constant": "value", "operation": "op", "external": "uri", "timer": "cron"}
#: Larger graphs are no picture any more.
NODES_DRAWN_MAX: Final = 400


def label_of(node: Node) -> str:
    """Return what a node does, in a few words.

    Args:
        node: It, checked.
    """
    fields = node.fields
    said = _SAID.get(node.kind)
    if said is not None:
        return str(fields[said])
    if node.kind == "state":
        return f"{'keep' if fields.get('inputs') else 'kept'} {fields['key']}"
    if node.kind == "route":
        return f"{len(routes_of(node))} ways"
    return f"at least {fields['threshold']}?"


def as_svg(graph: Graph) -> str:
    """Return a picture. It has both a light and a dark look, and needs nothing else.

    Args:
        graph: A graph that `verify` takes.

    Raises:
        GraphError: It has a fault, or more than 400 nodes.
    """
    ordered = verify(graph)
    if len(ordered) > NODES_DRAWN_MAX:
        raise TooManyNodes(f"nodes: {len(ordered)} are more than the {NODES_DRAWN_MAX} that are drawn")
    layers: dict[str, int] = {}
    rows: dict[int, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for node in ordered:
        layer = max((layers[other] + 1 for other in reads_of(node)), default=0)
        layers[node.id] = layer
        row = rows.get(layer, 0)
        rows[layer] = row + 1
        places[node.id] = (_MARGIN + layer * (_WIDTH + _GAP_X), _MARGIN + row * (_HEIGHT + _GAP_Y))
    width = 2 * _MARGIN + (max(rows) + 1) * (_WIDTH + _GAP_X) - _GAP_X
    height = 2 * _MARGIN + max(rows.values()) * (_HEIGHT + _GAP_Y) - _GAP_Y
    names = {output.node: output.name for output in graph.outputs}
    parts = [_line(places[other], places[node.id]) for node in ordered for other in reads_of(node)]
    parts += [
        _box(node, places[node.id], names.get(node.id, ""), is_entry=node.id == graph.entry_point)
        for node in ordered
    ]
    title = escape(str(graph.metadata.get("name", "strategy graph")))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" aria-label="{title}"><title>{title}</title>{_STYLE}'
        + "".join(parts)
        + "</svg>\n"
    )


_STYLE: Final = (
    "<style>text{font:12px sans-serif;fill:#1b1f24}.k{font-size:10px;fill:#57606a}"
    "rect{fill:#fff;stroke:#8c959f}.e rect{stroke:#0969da;stroke-width:2.5}"
    "path{fill:none;stroke:#8c959f}svg{background:#f6f8fa}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.k{fill:#9198a1}rect{fill:#161b22;stroke:#6e7681}"
    ".e rect{stroke:#4493f8}path{stroke:#6e7681}svg{background:#0d1117}}</style>"
)


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1 = start[0] + _WIDTH, start[1] + _HEIGHT // 2
    x2, y2 = end[0], end[1] + _HEIGHT // 2
    bend = _GAP_X // 2
    return f'<path d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>'


def _box(node: Node, place: tuple[int, int], output: str, *, is_entry: bool) -> str:
    x, y = place
    label = label_of(node)
    short = label if len(label) <= _CHARS else label[: _CHARS - 1] + "…"
    kind = node.kind + (" · entry" if is_entry else "") + (f" · {output}" if output else "")
    return (
        f'<g class="{"e" if is_entry else "n"}"><title>{escape(node.id)} {escape(label)}</title>'
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5"/>'
        f'<text x="{x + 9}" y="{y + 17}">{escape(short)}</text>'
        f'<text class="k" x="{x + 9}" y="{y + 34}">{escape(kind)}</text></g>'
    )
