"""A strategy graph that trades where a price crosses its own average, for tests."""

from dita.graphs import Graph, Node, Output, proven

MADE = Node.made
KEY = bytes(range(32))


def cross(average: str = "100") -> Graph:
    """Long a hundredth of a coin while the price is at its average or above."""
    mid = MADE("external", uri="market:BTCUSDT/mid")
    alpha = MADE("external", uri="param:alpha")
    old = MADE("state", key="average", default=average)
    step = MADE("operation", op="mul", inputs=[away(mid, old).id, alpha.id])
    new = MADE("operation", op="add", inputs=[old.id, step.id])
    keep = MADE("state", key="average", default=average, inputs=[new.id])
    over = away(mid, keep)
    size, flat = MADE("constant", value="0.01"), MADE("constant", value="0")
    wanted = MADE("branch", condition=over.id, threshold="0", true_branch=size.id, false_branch=flat.id)
    nodes = (mid, alpha, old, away(mid, old), step, new, keep, over, size, flat, wanted)
    metadata = {"name": "cross", "pair": "BTC/USDT", "params": {"alpha": "0.5"}}
    return proven(Graph(wanted.id, nodes, (Output("average", keep.id),), (), metadata))


def away(one: Node, other: Node) -> Node:
    return MADE("operation", op="sub", inputs=[one.id, other.id])
