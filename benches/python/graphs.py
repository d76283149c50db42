"""How often a graph of 101 nodes runs a second, with and without proof: `python benches/python/graphs.py`."""

import statistics
import time
from decimal import Decimal

from dita.graphs import Graph, GraphRun, Node, proven

RUNS = 20_000
ROUNDS = 5


def chain(nodes: int) -> Graph:
    """A price, and sums of it with constants."""
    last = Node.made("external", uri="market:BTCUSDT/mid")
    made = [last]
    while len(made) < nodes:
        constant = Node.made("constant", value=f"{len(made)}.25")
        last = Node.made("operation", op="add", inputs=[last.id, constant.id])
        made += [constant, last]
    return proven(Graph(last.id, tuple(made)))


def main() -> None:
    run = GraphRun(chain(100))
    values = {"market:BTCUSDT/mid": Decimal("50000.15")}
    for name, one in (("evaluated", run.evaluate), ("evaluated and proven", run.run)):
        rates = []
        for _ in range(ROUNDS):
            began = time.process_time()
            for _ in range(RUNS):
                one(values)
            rates.append(RUNS / (time.process_time() - began))
        print(f"{len(run.graph.nodes)} nodes {name}: {statistics.median(rates):,.0f} a second")


if __name__ == "__main__":
    main()
