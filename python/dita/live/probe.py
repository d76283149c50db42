"""The probe of `dita doctor`: the smallest order that cannot fill, to see whether the stream reports it."""

import queue
import time
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from dita._kernel import VenueEvent
from dita.errors import InvalidInput
from dita.live.checks import Check
from dita.venues.wire.adapter import DEAF_S
from dita.venues.wire.failures import Failure
from dita.venues.wire.live import LiveAdapter

_CONNECT_S: Final = 15.0
_AWAY: Final = Decimal("0.95")


class _Sink:
    """Collects an adapter's order events, in a kernel's place."""

    def __init__(self) -> None:
        self.events: queue.Queue[VenueEvent] = queue.Queue()

    def on_venue_event(self, event: VenueEvent) -> Any:  # noqa: ANN401 - nobody reads it
        """Take an order event."""
        self.events.put(event)

    def on_account_event(self, event: dict[str, Any]) -> Any:  # noqa: ANN401 - nobody reads it
        """Take an account event."""


def probe(adapter: LiveAdapter, symbol: str) -> Check:
    """Place the smallest post-only order 5 % under the mark, and cancel it.

    It passes only if the stream reports the order within 2 s: a stream may connect, answer and send nothing.

    Args:
        adapter: Without a kernel; its stream is opened.
        symbol: The instrument.
    """
    sink = _Sink()
    adapter.attach(sink)
    if not adapter.wait_connected(_CONNECT_S):
        return Check("probe", "fail", "the user stream did not open")
    client_id = f"DITAPROBE{time.time_ns() // 1_000_000}"
    placed = False
    try:
        size, price = _smallest(adapter, symbol)
        adapter.ask(adapter.resting_order(symbol, size, price, client_id))
        placed, took_s = True, _latency_s(sink, client_id)
    except Failure as failure:
        return Check("probe", "fail", f"the order was not taken: code {failure.code}: {failure.words}")
    except InvalidInput as error:
        return Check("probe", "fail", str(error))
    finally:
        left = _canceled(adapter, symbol, client_id) if placed else ""
    if left:
        return Check("probe", "fail", f"order {client_id} was not canceled: {left}: cancel it at the venue")
    what = f"{size:f} {symbol} at {price:f}"
    if took_s is None:
        return Check("probe", "fail", f"{what}: the stream did not report it within {DEAF_S:g} s: it is deaf")
    return Check("probe", "ok", f"{what}: reported after {took_s * 1000:.0f} ms, and canceled")


def _smallest(adapter: LiveAdapter, symbol: str) -> tuple[Decimal, Decimal]:
    """The smallest size that the venue takes 5 % under the mark, and that price."""
    rules = adapter.get_market_metadata([symbol])[symbol]
    mark = adapter.mark_price(symbol)
    tick, lot = Decimal(rules["tick_size"]), Decimal(rules["lot_step"])
    price = (mark * _AWAY / tick).to_integral_value(ROUND_CEILING) * tick
    least = max(Decimal(rules["min_notional"]) / price, Decimal(rules["min_qty"]))
    size = (least / lot).to_integral_value(ROUND_CEILING) * lot
    return size, price


def _latency_s(sink: _Sink, client_id: str) -> float | None:
    """Return how long the stream took to report the order, seconds; None where it did not."""
    began = time.monotonic()
    while (left := began + DEAF_S - time.monotonic()) > 0:
        try:
            event = sink.events.get(timeout=left)
        except queue.Empty:
            return None
        if event.venue_client_id == client_id:
            return time.monotonic() - began
    return None


def _canceled(adapter: LiveAdapter, symbol: str, client_id: str) -> str:
    """Cancel the order; return why that failed, or nothing."""
    try:
        adapter.ask(adapter.cancel_of(symbol, client_id))
    except Failure as failure:
        return f"code {failure.code}: {failure.words}"
    return ""
