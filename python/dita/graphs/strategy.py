"""A graph as a strategy: its entry point's value is the position that it wants."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Final

from dita._kernel import Bar, MarketLimits, QuoteTick, TradeTick
from dita.errors import shown
from dita.graphs.errors import GraphError
from dita.graphs.form import Graph, load_graph
from dita.graphs.machine import GraphRun, NoInput
from dita.graphs.nodes import external_of
from dita.graphs.verify import verify
from dita.strategy import Strategy

_ZERO: Final = Decimal(0)
_HALF: Final = Decimal("0.5")
#: Each increase of the position is a trade with a slot of its own.
_SLOTS: Final = 8


class GraphStrategy(Strategy):
    """Runs a graph at each quote, trade and bar, and trades towards the position that it wants.

    The entry point's value is the position in base units, + long, of the instrument `metadata.pair`. While an
    order is at work nothing else is sent. Every order carries its proof as metadata: `graph`, `inputs`,
    `trace` (SHA-256 in hex), and `signature` where the graph has one. What each order's run read, and the
    state before, is noted in the log beside it: `dita verify --order`. A restart brings back the state.
    """

    slots: ClassVar[int] = _SLOTS
    graph: ClassVar[Graph]

    def on_start(self) -> None:
        """Make the graph ready; its parameters are those of `metadata.params`."""
        self._ready()

    def _ready(self) -> GraphRun:
        run: GraphRun | None = getattr(self, "_run", None)
        if run is None:
            params = self.graph.metadata.get("params", {})
            run = self._run = GraphRun(self.graph, params)
            self._seen: dict[str, Decimal] = {}
            self._symbol = self.instruments[0]
            self._signature = next(
                (str(one["signature"]) for one in self.graph.proofs if one["kind"] == "signature"), ""
            )
            #: What runs have read since the last note, and before it the last one of all.
            self._runs: list[dict[str, dict[str, str]]] = []
        return run

    def on_save(self) -> Mapping[str, Any]:
        """Return the state, and what each order's run has read since the last note."""
        state, runs = _texts(self._ready().state), self._runs
        # The next note has the last one once more: a log may lose what came before a snapshot.
        self._runs = runs[-1:]
        return {"state": state, "runs": runs}

    def on_load(self, state: Mapping[str, Any]) -> None:
        """Take the state back.

        Args:
            state: As `on_save` returned it.
        """
        self._ready().restore(state["state"])
        self._runs = list(state.get("runs", []))[-1:]

    def on_quote(self, quote: QuoteTick) -> None:
        """Run the graph.

        Args:
            quote: What it reads as bid, ask, mid and mark.
        """
        self._ready()
        middle = (quote.bid + quote.ask) * _HALF
        self._see(quote.symbol, bid=quote.bid, ask=quote.ask, mid=middle, mark=middle)

    def on_trade(self, trade: TradeTick) -> None:
        """Run the graph.

        Args:
            trade: What it reads as last.
        """
        self._ready()
        self._see(trade.symbol, last=trade.price)

    def on_bar(self, bar: Bar) -> None:
        """Run the graph.

        Args:
            bar: Its close is what it reads as bid, ask, mid, last and mark.
        """
        self._ready()
        close = bar.close
        self._see(bar.symbol, bid=close, ask=close, mid=close, last=close, mark=close)

    def _see(self, symbol: str, **prices: Decimal) -> None:
        self._seen.update({f"market:{symbol}/{name}": price for name, price in prices.items()})
        if self.warming or self.recovering:
            return
        run = self._ready()
        account = self.account
        for uri in run.externals:
            if uri.startswith("account:"):
                figure = "equity" if uri.endswith("equity") else "available_capital"
                self._seen[uri] = getattr(account.snapshot, figure)
            elif uri.startswith("position:"):
                self._seen[uri] = self.position(uri[len("position:") : -len("/size")]).size
        before = run.state
        try:
            wanted = run.evaluate(self._seen, self.now_ns)
        except NoInput:
            return
        self._before = before
        self._trade_to(wanted)

    def _trade_to(self, wanted: Decimal) -> None:
        symbol = self._symbol
        if self.orders(symbol):
            return
        held = self.position(symbol).size
        is_same_side = (held > 0) == (wanted > 0)
        if held and (not is_same_side or abs(wanted) < abs(held)):
            self._reduce(abs(held) if not is_same_side else abs(held) - abs(wanted))
        elif abs(wanted) > abs(held):
            size = self._on_lots(abs(wanted) - abs(held), self._price())
            if size:
                self.enter(symbol, "LONG" if wanted > 0 else "SHORT", size, metadata=self._proof())

    def _reduce(self, size: Decimal) -> None:
        for trade in self.trades(self._symbol):
            part = self._on_lots(min(size, trade.size))
            if part:
                self.exit(trade, part, metadata=self._proof())
                size -= part

    def _price(self) -> Decimal | None:
        prices = (self._seen.get(f"market:{self._symbol}/{name}") for name in ("mid", "last"))
        return next((price for price in prices if price is not None), None)

    def _on_lots(self, size: Decimal, price: Decimal | None = None) -> Decimal:
        """Return what of a size can be sent; 0 where it is under the venue's floor."""
        rules = self.instrument(self._symbol)
        floors = {name: rules[name] for name in ("lot_step", "min_qty", "min_notional") if name in rules}
        rounded = MarketLimits(self._symbol, **floors).round_order("BUY", price, size)
        return _ZERO if rounded.rejects else rounded.size

    def _proof(self) -> dict[str, str]:
        run = self._ready()
        read = {"inputs": run.inputs(), "state": _texts(self._before)}
        if read not in self._runs:
            self._runs.append(read)
        inputs, trace = run.proof()
        proof = {"graph": self.graph.content_id.removeprefix("sha256:"), "inputs": inputs, "trace": trace}
        return proof | {"signature": self._signature} if self._signature else proof


def _texts(state: Mapping[str, Decimal]) -> dict[str, str]:
    return {key: format(value, "f") for key, value in state.items()}


def strategy_of(path: Path | str) -> type[Strategy]:
    """Return the strategy class of a graph file.

    Args:
        path: The file. Its `metadata` has `pair`, and `params` where the graph has parameters.

    Raises:
        GraphError: The graph has a fault, names no pair, or reads another instrument's market.
    """
    graph = load_graph(path)
    ordered = verify(graph)
    pair = graph.metadata.get("pair")
    if not isinstance(pair, str) or not pair:
        raise GraphError(f"{path}: metadata.pair: {shown(pair)} is no instrument, like BTC/USDT")
    symbol = pair.replace("/", "")
    reads = (external_of(node)["symbol"] for node in ordered if node.kind == "external")
    symbols = (symbol, *sorted({one for one in reads if one} - {symbol}))
    name = str(graph.metadata.get("name") or Path(path).stem)
    kept = (f"graphs/{graph.content_id.removeprefix('sha256:')}.0", graph.to_bytes())
    read = (Path(path).resolve(), Path(path).read_bytes())
    own = {"graph": graph, "instruments": symbols, "attachment": kept, "file_read": read, "__doc__": name}
    return type("GraphStrategy", (GraphStrategy,), own)
