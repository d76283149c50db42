"""`ExecutionLoop`: quotes both sides of a market on an exchange on which nothing is traded, and reports."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from dita.compat.shadow.exchange import FakeExchangeClient, IExchangeClient, PlaceOrderRequest, Side
from dita.compat.shadow.monitor import RuntimeRiskMonitor
from dita.compat.shadow.numbers import Json, canonical_json, decimal_of
from dita.compat.shadow.store import InMemoryOrderStore, OrderState, OrderStore
from dita.errors import refuse
from dita.host.engine_server import started_at
from dita.kernel import Number
from dita.precision import plain

_LOG: Final = logging.getLogger("dita.compat.shadow")
_MS_NS: Final = 1_000_000
_BPS: Final = Decimal(10_000)
_HALF_WIDTH: Final = Decimal("0.0005")
_STEP: Final = Decimal("0.001")
_STEPS: Final = 10
_BASE_BTC: Final = Decimal(50_000)
_BASE: Final = Decimal(3_000)
_EDGE_FIRST: Final = Decimal(10)
_EDGE_FALL: Final = Decimal(8)
_COUNTED: Final = (
    "orders_placed",
    "orders_filled",
    "orders_rejected",
    "orders_canceled",
    "risk_blocks",
    "freeze_events",
)


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask.

    Attributes:
        symbol: The instrument.
        bid: Quote units.
        ask: The same.
        timestamp_ms: When it was seen, ms since 1970 UTC.
    """

    symbol: str
    bid: Number
    ask: Number
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class ExecutionParams:
    """What a shadow run is.

    Attributes:
        symbols: The instruments.
        iterations: How many rounds.
        max_inventory_usd_per_symbol: What one instrument's position may be worth.
        max_total_notional_usd: What all of them may be worth together.
        edge_freeze_threshold_bps: Under this edge it freezes.
        base_qty: Each order's size, base units.
        spread_bps: How far the two orders are apart.
    """

    symbols: Sequence[str]
    iterations: int
    max_inventory_usd_per_symbol: Number
    max_total_notional_usd: Number
    edge_freeze_threshold_bps: Number
    base_qty: Number = "0.01"
    spread_bps: Number = 5

    def __post_init__(self) -> None:
        """Check it.

        Raises:
            InvalidInput: A value is none that a run can have.
        """
        if not self.symbols or isinstance(self.symbols, str):
            raise refuse("symbols", self.symbols, "must list one instrument at least")
        for symbol in self.symbols:
            if not symbol or not symbol.isascii() or not symbol.replace("-", "").replace("_", "").isalnum():
                raise refuse("symbols", symbol, "must have letters, digits, - and _ alone")
        if len(set(self.symbols)) != len(self.symbols):
            raise refuse("symbols", ",".join(self.symbols), "names an instrument twice")
        if self.iterations < 1:
            raise refuse("iterations", self.iterations, "must be at least 1")
        if not decimal_of("base_qty", self.base_qty):
            raise refuse("base_qty", self.base_qty, "must be above zero")
        decimal_of("spread_bps", self.spread_bps)


class ExecutionLoop:
    """Places a buy and a sell around the middle of each quote, as far as the monitor lets it.

    Attributes:
        exchange: Where it places orders.
        order_store: Where its orders are.
        risk_monitor: What it may hold.
        stats: orders_placed, orders_filled (fill events), orders_rejected, orders_canceled, risk_blocks,
            freeze_events.
    """

    def __init__(
        self,
        exchange: IExchangeClient,
        order_store: InMemoryOrderStore | OrderStore,
        risk_monitor: RuntimeRiskMonitor,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """Put the parts together. Where the exchange has a kernel, store and monitor read that.

        Args:
            exchange: Where to place orders.
            order_store: Where the orders are kept.
            risk_monitor: What may be held.
            clock: Returns the time, ms since 1970 UTC; None means the exchange's kernel's, else the wall
                clock or `MM_FREEZE_UTC_ISO`.
        """
        self.exchange = exchange
        self.order_store = order_store
        self.risk_monitor = risk_monitor
        self.stats = dict.fromkeys(_COUNTED, 0)
        self._fake = exchange if isinstance(exchange, FakeExchangeClient) else None
        self._clock = clock or self._time_ms
        self._params: ExecutionParams | None = None
        self._sized = (Decimal(0), Decimal(0))
        if self._fake is not None:
            fake = self._fake
            fake.listen(lambda order: order_store.on_order(order, self._clock()))
            risk_monitor.bind(fake.quantities, fake.mark)
            # What a kernel on a log already has, and what a killed store had not received yet.
            for order in fake.kernel.orders():
                order_store.on_order(order, self._clock())

    def _time_ms(self) -> int:
        return (started_at() if self._fake is None else self._fake.kernel.now_ns) // _MS_NS

    def on_quote(self, quote: Quote, params: ExecutionParams) -> None:
        """Place a buy and a sell around a quote's middle. A frozen loop places nothing.

        Args:
            quote: The quote.
            params: Size and spread.

        Raises:
            InvalidInput: A price cannot be taken.
        """
        if self._fake is not None:
            middle = self._fake.on_quote(quote.symbol, quote.bid, quote.ask)
        else:
            middle = (decimal_of("bid", quote.bid) + decimal_of("ask", quote.ask)) / 2
        if self.risk_monitor.is_frozen():
            return
        if params is not self._params:
            half = decimal_of("spread_bps", params.spread_bps) / _BPS / 2
            self._params, self._sized = params, (decimal_of("base_qty", params.base_qty), half)
        size, half = self._sized
        away = middle * half
        for side, price in ((Side.BUY, middle - away), (Side.SELL, middle + away)):
            if self.risk_monitor.check_before_order(quote.symbol, side, size, price):
                self._place(quote.symbol, side, size, price)
            else:
                self.stats["risk_blocks"] += 1

    def _place(self, symbol: str, side: Side, size: Decimal, price: Decimal) -> None:
        order = self.order_store.create(symbol, side, size, price, self._clock())
        answer = self.exchange.place_limit(
            PlaceOrderRequest(order.client_order_id, symbol, side, size, price)
        )
        if answer.success:
            self.stats["orders_placed"] += 1
        else:
            self.stats["orders_rejected"] += 1
            _LOG.warning("Rejected: %s %s", order.client_order_id, answer.message)
        store = self.order_store
        if isinstance(store, InMemoryOrderStore) and (self._fake is None or not answer.success):
            state = OrderState[answer.status.name]
            store.update_state(order.client_order_id, state, self._clock(), answer.order_id, answer.message)

    def on_fill(self) -> None:
        """Take the fills that the exchange has not reported yet."""
        for fill in self.exchange.stream_fills():
            self.risk_monitor.on_fill(fill.symbol, fill.side, fill.qty, fill.price)
            self.stats["orders_filled"] += 1

    def on_edge_update(self, symbol: str, net_bps: Number) -> None:
        """Take an instrument's edge. The first under the threshold freezes and cancels all open orders.

        Args:
            symbol: The instrument.
            net_bps: Basis points.
        """
        was_frozen = self.risk_monitor.is_frozen()
        self.risk_monitor.on_edge_update(symbol, net_bps)
        if self.risk_monitor.is_frozen() and not was_frozen:
            self.stats["freeze_events"] += 1
            edge = net_bps if isinstance(net_bps, Decimal) else Decimal(str(net_bps))
            _LOG.warning("System FROZEN: edge=%sbps < threshold", plain(edge))
            self._cancel_all()

    def _cancel_all(self) -> None:
        for order in self.exchange.get_open_orders():
            if self.exchange.cancel(order.order_id):
                self.stats["orders_canceled"] += 1
                store = self.order_store
                if self._fake is None and isinstance(store, InMemoryOrderStore):
                    store.update_state(order.client_order_id, OrderState.CANCELED, self._clock())

    def reset(self) -> None:
        """Begin anew: exchange, store, monitor and counters."""
        self.exchange.reset()
        self.order_store.reset()
        self.risk_monitor.reset()
        self.stats = dict.fromkeys(_COUNTED, 0)

    def run_shadow(self, params: ExecutionParams, quotes: Iterable[Quote] | None = None) -> dict[str, Json]:
        """Run, and report.

        Args:
            params: What to run.
            quotes: A market, a quote an iteration; None means synthetic quotes, one of each symbol an
                iteration. A market that ends before the iterations ends the run.

        Returns:
            The report, numbers exact: see `report`.
        """
        played = 0
        for played, round_of_quotes in enumerate(_rounds(params, quotes), 1):
            for quote in round_of_quotes:
                self.on_quote(quote, params)
            self.on_fill()
            edge = _EDGE_FIRST - _EDGE_FALL * (played - 1) / params.iterations
            for symbol in params.symbols:
                self.on_edge_update(symbol, edge)
        self.on_fill()
        return self.report(params, played)

    def report(self, params: ExecutionParams, iterations: int) -> dict[str, Json]:
        """Return what has come of it: execution, orders, positions, risk, runtime.

        Args:
            params: What was run.
            iterations: How many rounds were played.
        """
        monitor, stats = self.risk_monitor, self.stats
        positions = monitor.get_positions()
        worth: dict[str, Decimal] = {
            symbol: abs(size) * monitor.get_mark_price(symbol) for symbol, size in positions.items()
        }
        return {
            "execution": {"iterations": iterations, "symbols": sorted(params.symbols)},
            "orders": {
                "canceled": stats["orders_canceled"],
                "filled": stats["orders_filled"],
                "placed": stats["orders_placed"],
                "rejected": stats["orders_rejected"],
                "risk_blocks": stats["risk_blocks"],
            },
            "positions": {
                "by_symbol": dict(sorted(positions.items())),
                "net_pos_usd": dict(sorted(worth.items())),
                "total_notional_usd": sum(worth.values(), Decimal(0)),
            },
            "risk": {
                "blocks_total": monitor.blocks_total,
                "freeze_events": stats["freeze_events"],
                "freezes_total": monitor.freezes_total,
                "frozen": monitor.is_frozen(),
                "last_freeze_reason": monitor.last_freeze_reason,
                "last_freeze_symbol": monitor.last_freeze_symbol,
            },
            "runtime": {"utc": _utc()},
        }


def _rounds(params: ExecutionParams, quotes: Iterable[Quote] | None) -> Iterator[Iterable[Quote]]:
    if quotes is None:
        for number in range(params.iterations):
            yield [_synthetic(symbol, number) for symbol in params.symbols]
        return
    for _, quote in zip(range(params.iterations), quotes, strict=False):
        yield (quote,)


def _synthetic(symbol: str, number: int) -> Quote:
    base = _BASE_BTC if "BTC" in symbol else _BASE
    middle = base * (1 + _STEP * (number % _STEPS))
    return Quote(symbol, middle * (1 - _HALF_WIDTH), middle * (1 + _HALF_WIDTH))


def _utc() -> str:
    return datetime.fromtimestamp(started_at() // 1_000_000_000, UTC).isoformat(timespec="seconds")


def run_shadow(
    params: ExecutionParams,
    *,
    fill_rate: Number = "0.7",
    reject_rate: Number = "0.05",
    latency_ms: Number = 100,
    seed: int | None = None,
    quotes: Iterable[Quote] | None = None,
) -> dict[str, Json]:
    """Run on a fake exchange of its own, and report.

    Args:
        params: What to run.
        fill_rate: How often an order fills, 0 to 1.
        reject_rate: How often one is rejected, 0 to 1.
        latency_ms: A request's round trip, ms of the kernel's time.
        seed: Where chance starts; None means 42.
        quotes: A market; None means synthetic quotes.

    Returns:
        The report: see `ExecutionLoop.report`.

    Raises:
        InvalidInput: A value cannot be taken.
    """
    exchange = FakeExchangeClient(
        fill_rate=fill_rate,
        reject_rate=reject_rate,
        latency_ms=latency_ms,
        partial_fill_rate="0.1",
        seed=seed,
    )
    monitor = RuntimeRiskMonitor(
        max_inventory_usd_per_symbol=params.max_inventory_usd_per_symbol,
        max_total_notional_usd=params.max_total_notional_usd,
        edge_freeze_threshold_bps=params.edge_freeze_threshold_bps,
    )
    try:
        return ExecutionLoop(exchange, InMemoryOrderStore(), monitor).run_shadow(params, quotes)
    finally:
        exchange.close()


def run_shadow_demo(
    symbols: Sequence[str],
    iterations: int,
    max_inventory_usd_per_symbol: Number,
    max_total_notional_usd: Number,
    edge_freeze_threshold_bps: Number,
    fill_rate: Number = "0.7",
    reject_rate: Number = "0.05",
    latency_ms: Number = 100,
    seed: int | None = None,
) -> str:
    """Run, and return the report as one line of JSON: sorted keys, exact numbers, a line end.

    Args:
        symbols: The instruments.
        iterations: How many rounds.
        max_inventory_usd_per_symbol: What one instrument's position may be worth.
        max_total_notional_usd: What all of them may be worth together.
        edge_freeze_threshold_bps: Under this edge it freezes.
        fill_rate: How often an order fills, 0 to 1.
        reject_rate: How often one is rejected, 0 to 1.
        latency_ms: A request's round trip, ms of the kernel's time.
        seed: Where chance starts; None means 42.

    Raises:
        InvalidInput: A value cannot be taken.
    """
    params = ExecutionParams(
        symbols=symbols,
        iterations=iterations,
        max_inventory_usd_per_symbol=max_inventory_usd_per_symbol,
        max_total_notional_usd=max_total_notional_usd,
        edge_freeze_threshold_bps=edge_freeze_threshold_bps,
    )
    report = run_shadow(
        params, fill_rate=fill_rate, reject_rate=reject_rate, latency_ms=latency_ms, seed=seed
    )
    return canonical_json(report) + "\n"
