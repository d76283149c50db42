"""A venue outside the process that trades with it: it keeps what it was sent, and outlives its trader.

It answers over a Unix socket, a line of JSON each way, one trader after another: what a dead one had sent is
taken before the next is heard. The adapter for it is in `victims/outsider.py`.
"""

import json
import random
import socket
import threading
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

PRICE = {"BUY": Decimal(60_000), "SELL": Decimal(60_010)}
FEE = Decimal("0.3")


class OutsideVenue:
    """The venue: its orders by client id, its own wallet and position.

    Attributes:
        cash: The wallet, USDT.
        position: BTC, signed.
        wrongs: What must never happen, in words.
        counts: How often what happened.
    """

    def __init__(self, path: Path, seed: int) -> None:
        """Listen at that path, in a thread."""
        self.cash, self.position = Decimal(10_000), Decimal(0)
        self.wrongs: list[str] = []
        self.counts: Counter[str] = Counter()
        self._chance = random.Random(seed)  # noqa: S311 - the same moods each time
        self._orders: dict[str, dict[str, Any]] = {}
        self._entered: set[str] = set()
        self._held: Counter[str] = Counter()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Hear nobody any more."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                with connection, connection.makefile("rw", encoding="ascii") as lines:
                    for line in lines:
                        lines.write(json.dumps(self._answer(json.loads(line))) + "\n")
                        lines.flush()
            except (OSError, ValueError):
                # A killed trader's connection: a line may be cut off, and nobody reads the answer. What was
                # not heard is written once more as the connection is closed, and fails there again.
                self.counts["cut off"] += 1

    def _answer(self, request: dict[str, str]) -> dict[str, Any]:
        name = request["id"]
        if request["what"] == "query":
            self.counts["queries"] += 1
            order = self._orders.get(name)
            if order is None:
                return {"events": [{"kind": "ORDER_NOT_FOUND", "venue_client_id": name}]}
            reported = {"kind": "ORDER_STATUS", "status": "FILLED", "filled_size": order["size"]}
            return {"events": [{**reported, "venue_client_id": name}, order["fill"]]}
        self.counts["orders"] += 1
        mood = self._chance.choice(["answers", "answers", "repeats", "silent", "lost"])
        self.counts[mood] += 1
        if mood == "lost":
            return {"timeout": True}
        fill = self._take(name, request)
        ack = {"kind": "ORDER_ACK", "venue_client_id": name, "venue_order_id": "V" + name[-12:]}
        if mood == "silent":
            return {"timeout": True}
        return {"events": [ack, fill] * (2 if mood == "repeats" else 1)}

    def _take(self, name: str, request: dict[str, str]) -> dict[str, str]:
        """Take an order and fill it; as real venues do, also under an id that has filled."""
        side, size, trade = request["side"], Decimal(request["size"]), request["trade"]
        if name in self._orders:
            self.wrongs.append(f"{name} was filled, and came again")
        if side == "BUY":
            if trade in self._entered:
                self.wrongs.append(f"trade {trade} was entered twice")
            self._entered.add(trade)
        signed = size if side == "BUY" else -size
        self._held[trade] += int(signed * 1000)
        if self._held[trade] < 0:
            self.wrongs.append(f"of trade {trade} more was sold than bought")
        self.position += signed
        self.cash -= signed * PRICE[side] + FEE
        fill = {
            "kind": "FULL_FILL",
            "venue_client_id": name,
            "venue_order_id": "V" + name[-12:],
            "venue_trade_id": f"T{len(self._orders)}",
            "size": str(size),
            "price": str(PRICE[side]),
            "fee": str(FEE),
        }
        self._orders[name] = {"size": str(size), "fill": fill}
        return fill
