"""`dita engine --stdio --dir` is killed at any moment: what it reported stands, and nothing happens twice.

The orders of a session are what its client knows of them. After each kill the engine is asked for them, and
what it answers is held against what it had written, and against the account.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

KILLS: Final = int(os.environ.get("DITA_STDIO_KILLS", "10"))
ORDERS: Final = 40
#: Each life answers for the orders of so many lives before it, and for all that were at work.
LOOKS_BACK: Final = 3
ENDED: Final = ("FILLED", "CANCELLED", "REJECTED", "EXPIRED")
BEGINS_WITH: Final = Decimal(100_000)


class Client:
    """Who sends orders, and keeps what is written of them."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.sent: list[str] = []
        self.states: dict[str, dict[str, Any]] = {}
        self.fills: dict[str, Decimal] = {}

    def start(self) -> subprocess.Popen[bytes]:
        words = ("--stdio", "--dir", str(self.place), "--slots", "64", "--fill-ms", "20")
        return subprocess.Popen(
            [sys.executable, "-m", "dita.cli", "engine", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def read(self, life: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
        """Every whole line, and what it says of orders."""
        assert life.stdout is not None
        for line in life.stdout:
            if not line.endswith(b"\n"):
                return
            event = json.loads(line, parse_float=Decimal)
            if event["type"] == "fill":
                self.fills[event["client_order_id"]] = self.filled(event["client_order_id"]) + event["qty"]
            elif event["type"] == "order_state":
                self.hear(event)
            yield event

    def filled(self, client_id: str) -> Decimal:
        return self.fills.get(client_id, Decimal(0))

    def hear(self, state: dict[str, Any]) -> None:
        before = self.states.get(state["client_order_id"])
        if before is not None:
            assert state["executed_qty"] >= before["executed_qty"], (before, state)
            if before["status"] in ENDED:
                assert state == before
        # Each fill that was written is in it.
        assert state["executed_qty"] >= self.filled(state["client_order_id"]), state
        self.states[state["client_order_id"]] = state

    def say(self, life: subprocess.Popen[bytes], lines: list[str]) -> None:
        assert life.stdin is not None
        life.stdin.write("".join(f"{line}\n" for line in lines).encode())
        life.stdin.flush()

    def orders(self, number: int, chance: random.Random) -> list[str]:
        """New orders, and cancels of some."""
        lines = []
        for at in range(ORDERS):
            client_id = f"o{number}-{at}"
            side, size = chance.choice(("BUY", "SELL")), Decimal(chance.randint(1, 9)) / 1000
            kind = chance.choice(("0 {} MARKET", "51000 {}", "49000 {}", "50010 {} LIMIT IOC"))
            lines.append(f"{side} BTCUSDT {size} {kind.format(client_id)}")
            self.sent.append(client_id)
            if chance.random() < 0.2:
                lines.append(f"CANCEL {chance.choice(self.sent[-10:])}")
        return lines

    def check(self, life: subprocess.Popen[bytes]) -> None:
        """Ask for the orders and for the account."""
        at_work = [one for one, state in self.states.items() if state["status"] not in ENDED]
        recent = self.sent[-LOOKS_BACK * ORDERS :]
        known = [*at_work, *(one for one in recent if one in self.states)]
        self.say(life, [f"QUERY ORDER {one}" for one in dict.fromkeys([*at_work, *recent])])
        again = [f"BUY BTCUSDT 1 1 {one}" for one in known]
        self.say(life, [*again, "QUERY ACCOUNT"])
        refused, asked, answered = 0, False, set[str]()
        for event in self.read(life):
            if event["type"] == "order_state":
                answered.add(event["client_order_id"])
            elif event["type"] == "order_update" and event["price"] == 1:
                assert event["reason"] == "duplicate_client_order_id", event
                refused += 1
            elif event["type"] == "query_received":
                asked = event["query_type"] == "ACCOUNT"
            elif event["type"] == "account" and asked:
                self.check_account(event)
                break
        assert refused == len(again)
        assert answered >= set(known), "an order that was reported is known"

    def check_account(self, account: dict[str, Any]) -> None:
        totals = {row["asset"]: row["free"] + row["locked"] for row in account["balances"]}
        base, quote, unsure = Decimal(0), BEGINS_WITH, Decimal(0)
        for state in self.states.values():
            way = 1 if state["side"] == "BUY" else -1
            base += way * state["executed_qty"]
            quote -= way * state["executed_qty"] * state["avg_price"]
            # An average is rounded to the tick.
            unsure += state["executed_qty"] * Decimal("0.005")
        assert totals["BTC"] == base
        assert abs(totals["USDT"] - quote) <= unsure


def test_what_a_killed_engine_has_reported_stands_and_nothing_happens_twice(tmp_path: Path) -> None:
    client, chance = Client(tmp_path / "host"), random.Random(20260102)  # noqa: S311 - the same moments
    for number in range(KILLS):
        with client.start() as life:
            if chance.random() < 0.8:
                client.check(life)
            client.say(life, client.orders(number, chance))
            wanted = chance.randint(1, 3 * ORDERS)
            for at, _ in enumerate(client.read(life)):
                if at == wanted:
                    life.kill()
        assert life.returncode == -9
    assert sum(client.fills.values()) > 0
    assert {state["status"] for state in client.states.values()} >= {"FILLED", "REJECTED"}
    with client.start() as life:
        client.check(life)
        assert life.stdin is not None
        life.stdin.close()
        ends = list(client.read(life))
    assert life.returncode == 0
    assert ends[-1]["type"] == "engine_stopped"
    with client.start() as life:
        client.check(life)
        life.kill()
