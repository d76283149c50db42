"""An adapter in the smallest form: three methods, and what makes polling exact. Here for Alpaca's stocks.

The kernel polls it. With keys it would speak to Alpaca's paper trading; so that the example runs anywhere, it
speaks to a stand-in with the same few paths on this machine. **Nobody here has run it against Alpaca.**

Run it: `python examples/alpaca_small_form.py`
"""

import json
import threading
import urllib.request
from collections.abc import Iterable
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from dita import ExecutionKernel, KernelIntent, MarketLimits, NotSent, OrderRequest, OrderResponse

PAPER = "https://paper-api.alpaca.markets"


class Alpaca:
    """Stocks at Alpaca. `get_positions`, `submit_order` and `get_market_metadata` are enough for a kernel."""

    poll_s = 0  # the example polls by itself; leave this out to have it done every second
    order_types = ("MARKET", "LIMIT")

    def __init__(self, key: str, secret: str, base: str = PAPER) -> None:
        """Take a key."""
        self.base = base
        self.headers = {
            "APCA-API-KEY-ID": key,
            "APCA-API-SECRET-KEY": secret,
            "Content-Type": "application/json",
        }

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - any JSON
        """Send one request, once."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, self.headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=5) as reply:  # noqa: S310 - the address is ours
            return json.loads(reply.read() or b"null", parse_float=Decimal)

    def get_positions(self) -> list[dict[str, Any]]:
        """Return what is held."""
        rows = self.ask("GET", "/v2/positions")
        return [
            {"asset": row["symbol"], "quantity": row["qty"], "notional": row["market_value"]} for row in rows
        ]

    def submit_order(self, order: OrderRequest) -> OrderResponse:
        """Send an order. Whatever raises after this has left puts the order in doubt; NotSent does not."""
        if order.post_only:
            raise NotSent("Alpaca has no post-only orders")
        row = {
            "symbol": order.symbol, "qty": str(order.quantity), "side": order.side.lower(),
            "type": order.order_type.lower(), "time_in_force": order.time_in_force.lower(),
            "client_order_id": order.client_id,
        }  # fmt: skip
        if order.limit_price is not None:
            row["limit_price"] = str(order.limit_price)
        return self.response(self.ask("POST", "/v2/orders", row))

    def get_market_metadata(self, symbols: Iterable[str]) -> dict[str, MarketLimits]:
        """Return the rules: a cent, a share."""
        return {symbol: MarketLimits(symbol, tick_size="0.01", lot_size="1") for symbol in symbols}

    def query_order(self, client_id: str) -> OrderResponse | None:
        """Return how an order stands: with this its fills are exact."""
        return self.response(self.ask("GET", f"/v2/orders:by_client_order_id?client_order_id={client_id}"))

    def response(self, row: dict[str, Any]) -> OrderResponse:
        """Read an order."""
        words = {"new": "NEW", "accepted": "NEW", "pending_new": "NEW", "done_for_day": "EXPIRED"}
        return OrderResponse(
            words.get(row["status"], row["status"]), order_id=row["id"], client_id=row["client_order_id"],
            filled_quantity=row["filled_qty"], average_price=row["filled_avg_price"], fee=0, fee_asset="USD",
        )  # fmt: skip


class StandIn(BaseHTTPRequestHandler):
    """The same paths, on this machine: a limit order rests, and fills when somebody asks."""

    orders: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - one stand-in

    def do_POST(self) -> None:
        """Take an order."""
        row = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        row |= {
            "id": f"A{len(self.orders) + 1}",
            "status": "new",
            "filled_qty": "0",
            "filled_avg_price": None,
        }
        self.orders[row["client_order_id"]] = row
        self.answer(row)

    def do_GET(self) -> None:
        """Tell positions, or an order."""
        if "positions" in self.path:
            self.answer([])
            return
        row = self.orders[self.path.rpartition("=")[2]]
        row |= {"status": "filled", "filled_qty": row["qty"], "filled_avg_price": "190.25"}
        self.answer(row)

    def answer(self, body: object) -> None:
        """Write an answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


def main() -> None:
    """Buy ten shares by a limit order, and poll until they are there."""
    server = HTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    venue = Alpaca("key", "secret", f"http://127.0.0.1:{server.server_port}")
    with ExecutionKernel(venue=venue) as kernel:
        rules = {
            "AAPL": {"quote": "USD", "base": "AAPL", "product": "spot", "tick_size": "0.01", "lot_size": "1"}
        }
        kernel.set_exchange_config({"instruments": rules, "taker_rate": "0", "maker_rate": "0"})
        kernel.set_seed_capital(10_000, "USD")
        kernel.mark_price("AAPL", "190")
        outcome = kernel.process_intent(
            KernelIntent(
                timestamp=0, intent_id="i1", trade_id="t1", slot_id=0, asset="AAPL", side="LONG",
                action="ENTER", order_type="LIMIT", limit_price="190.25", target_size=10,
            )
        )  # fmt: skip
        print("sent:", outcome.state)
        kernel.venue.poll()
        slot = kernel.slot(0)
        print("after a poll:", slot.fsm_state, f"{slot.size:.0f}", "shares at", slot.entry_price)
        print("it can:", ", ".join(sorted(kernel.venue.capabilities())))
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
