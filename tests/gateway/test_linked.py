"""The gateway of `dita serve`: orders go through the kernel's own socket, and a token's name owns them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import dita
from dita.gateway import Access, HostSource, Hub, TokenFile
from dita.gateway.app import build_app
from dita.gateway.guards import Guards
from dita.gateway.linked import can_own
from dita.gateway.running import bound
from dita.gateway.running import served as serve_app
from gateways import MARKET_BUY, RESTING
from serving import Served

PATIENCE_S = 30.0


class Gate:
    """A gateway beside a kernel's server, and its tokens."""

    def __init__(self, url: str, tokens: TokenFile) -> None:
        self.url, self.tokens = url, tokens

    def client(self, name: str, role: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.tokens.add(name, role)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S)


@contextmanager
def gate_of(served: Served, place: Path, *, idle_s: float = 900.0) -> Iterator[Gate]:
    tokens = TokenFile(place / "tokens.json")
    app = build_app(
        Hub(HostSource(served.directory, slots=2, idle_s=idle_s), idle_s=0.05),
        Access(tokens),
        guards=Guards(requests_per_s=1e6, burst=1e6),
    )
    with serve_app(app, bound("127.0.0.1", 0)) as port:
        yield Gate(f"http://127.0.0.1:{port}", tokens)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    one = Served(tmp_path).start()
    one.quote()
    yield one
    one.close()


@pytest.fixture
def gate(served: Served, tmp_path: Path) -> Iterator[Gate]:
    with gate_of(served, tmp_path) as gate:
        yield gate


def until(condition: Callable[[], Any]) -> Any:
    """Return what a condition comes to, once that is true."""
    end_s = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end_s, "not so in time"
        time.sleep(0.01)
    return found


def test_a_tokens_name_owns_its_trade_and_holds_a_lease_of_its_own(served: Served, gate: Gate) -> None:
    with gate.client("anna", "trade") as anna, gate.client("bob", "trade") as bob:
        said = anna.post("/api/order", json=MARKET_BUY).json()
        assert (said["ok"], said["status"], said["owner"], said["account"]) == (
            True,
            "FILLED",
            "anna",
            "main",
        )
        assert bob.post("/api/order", json={**MARKET_BUY, "client_order_id": "b1"}).json()["owner"] == "bob"
        assert set(served.leases()) >= {"anna", "bob"}
        assert {slot["owner"] for slot in served.ask("status")["accounts"]["main"]["slots"]} == {
            "anna",
            "bob",
        }
        # What a strategy's process sees, through the same socket.
        with dita.connect(served.socket, name="looker") as kernel:
            assert {order.owner for order in kernel.orders()} == {"anna", "bob"}


def test_an_order_against_ones_own_trade_closes_it_and_leaves_anothers_alone(gate: Gate) -> None:
    with gate.client("anna", "trade") as anna, gate.client("bob", "trade") as bob:
        anna.post("/api/order", json=MARKET_BUY)
        bob.post("/api/order", json={**MARKET_BUY, "client_order_id": "b1"})
        sell = {**MARKET_BUY, "side": "sell", "client_order_id": "m2"}
        assert anna.post("/api/order", json=sell).json()["status"] == "FILLED"
        left = [("bob", "0.010")]
        until(lambda: [(one["owner"], one["size"]) for one in bob.get("/api/slots").json()["items"]] == left)


def test_an_id_is_used_once_by_each_who_trades(gate: Gate) -> None:
    with gate.client("anna", "trade") as anna:
        assert anna.post("/api/order", json=RESTING).json()["ok"]
        again = anna.post("/api/order", json=RESTING)
        assert (again.status_code, again.json()["error"]) == (400, "bad_params")
        assert "was used before" in again.json()["message"]


def test_ones_own_order_is_canceled_anothers_only_by_an_operator(gate: Gate) -> None:
    with (
        gate.client("anna", "trade") as anna,
        gate.client("bob", "trade") as bob,
        gate.client("chief", "operate") as chief,
    ):
        for number in (1, 2):
            said = anna.post("/api/order", json={**RESTING, "client_order_id": f"r{number}"}).json()
            assert said["status"] == "NEW"
        refused = bob.post("/api/cancel", json={"client_order_id": "r1"})
        assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
        assert "anna" in refused.json()["message"]
        assert anna.post("/api/cancel", json={"client_order_id": "r1"}).json()["status"] == "CANCELED"
        assert chief.post("/api/cancel", json={"client_order_id": "r2"}).json()["status"] == "CANCELED"
        assert bob.post("/api/cancel", json={"client_order_id": "none"}).status_code == 404
        state = bob.get("/api/order_state", params={"client_order_id": "r2"}).json()
        assert (state["status"], state["owner"]) == ("CANCELED", "anna")


def test_a_wrong_order_is_rejected_with_a_reason_and_takes_no_slot(served: Served, gate: Gate) -> None:
    with gate.client("anna", "trade") as anna:
        said = anna.post("/api/order", json={**MARKET_BUY, "symbol": "NOPE"}).json()
        assert (said["ok"], said["status"], said["reason"]) == (False, "REJECTED", "invalid_intent")
        assert served.ask("status")["accounts"]["main"]["slots"] == []


def test_a_name_that_is_leased_by_a_strategy_is_reported_and_nothing_is_sent(
    served: Served, gate: Gate
) -> None:
    with gate.client("anna", "trade") as anna, dita.connect(served.socket, name="anna") as kernel:
        answer = anna.post("/api/order", json=MARKET_BUY)
        assert (answer.status_code, answer.json()["error"]) == (400, "bad_params")
        assert "anna" in answer.json()["message"]
        assert kernel.orders() == []
    with gate.client("bob", "trade") as bob:
        assert bob.post("/api/order", json=MARKET_BUY).json()["owner"] == "bob"


def owners(served: Served) -> list[tuple[str, str]]:
    """Return who owns what is held."""
    slots = served.ask("status")["accounts"]["main"]["slots"]
    return [(slot["owner"], slot["size"]) for slot in slots]


def test_a_revoked_tokens_lease_goes_back_and_its_trade_stays_its_owners(served: Served, gate: Gate) -> None:
    with gate.client("anna", "trade") as anna, gate.client("bob", "trade") as bob:
        assert anna.post("/api/order", json=MARKET_BUY).json()["status"] == "FILLED"
        assert bob.post("/api/order", json=RESTING).json()["status"] == "NEW"
        assert {"anna", "bob"} <= set(served.leases())
        gate.tokens.revoke("anna")
        until(lambda: "anna" not in served.leases())
        # Who still has a token still has his lease, and the trade is hers as before.
        assert "bob" in served.leases()
        assert ("anna", "0.010") in owners(served)
        assert anna.post("/api/order", json=MARKET_BUY).status_code == 401
    with gate.client("anna", "trade") as anna:
        sell = {**MARKET_BUY, "side": "sell", "client_order_id": "m2"}
        said = anna.post("/api/order", json=sell).json()
        assert (said["status"], said["owner"]) == ("FILLED", "anna")
        until(lambda: "anna" not in {owner for owner, _ in owners(served)})
        used = anna.post("/api/order", json=MARKET_BUY)
        assert "was used before" in used.json()["message"]


def test_a_role_that_may_trade_no_more_holds_no_lease(served: Served, gate: Gate) -> None:
    with gate.client("anna", "trade") as anna:
        assert anna.post("/api/order", json=RESTING).json()["ok"]
        gate.tokens.revoke("anna")
        gate.tokens.add("anna", "read")
        until(lambda: "anna" not in served.leases())


def test_who_sends_nothing_for_long_gives_the_lease_back_and_comes_again(
    served: Served, tmp_path: Path
) -> None:
    with gate_of(served, tmp_path, idle_s=1.0) as gate, gate.client("anna", "trade") as anna:
        assert anna.post("/api/order", json=RESTING).json()["status"] == "NEW"
        until(lambda: "anna" not in served.leases())
        state = anna.get("/api/order_state", params={"client_order_id": RESTING["client_order_id"]}).json()
        assert (state["status"], state["owner"]) == ("NEW", "anna")
        # Her own slot comes first, so that her order is hers to cancel, and not by the host.
        said = anna.post("/api/cancel", json={"client_order_id": RESTING["client_order_id"]}).json()
        assert (said["ok"], said["status"]) == (True, "CANCELED")
        assert anna.post("/api/order", json=MARKET_BUY).json()["owner"] == "anna"
        # More come and go than a server with eight slots could seat at once.
        for number in range(6):
            with gate.client(f"c{number}", "trade") as client:
                order = {**RESTING, "client_order_id": f"o{number}"}
                until(lambda client=client, order=order: client.post("/api/order", json=order).is_success)
                client.post("/api/cancel", json={"client_order_id": order["client_order_id"]})


def test_a_server_that_ends_is_reported_and_its_next_life_is_traded_under_the_same_name(
    served: Served, gate: Gate
) -> None:
    with gate.client("anna", "trade") as anna:
        assert anna.post("/api/order", json=RESTING).json()["owner"] == "anna"
        served.stop()
        until(lambda: not anna.get("/health").json()["ok"])
        answer = anna.post("/api/order", json={**RESTING, "client_order_id": "l2"})
        assert (answer.status_code, answer.json()["error"]) == (503, "execution_unavailable")
        served.start()
        served.quote()
        until(lambda: anna.get("/health").json()["ok"])
        again = anna.post("/api/order", json=RESTING)
        assert "was used before" in again.json()["message"], "its orders of the life before are known"
        said = anna.post("/api/order", json={**RESTING, "client_order_id": "l3"}).json()
        assert (said["status"], said["owner"]) == ("NEW", "anna")


def test_a_control_carries_the_tokens_name_as_ever(served: Served, gate: Gate) -> None:
    with gate.client("chief", "operate") as chief:
        chief.post("/api/control", json={"action": "halt", "confirm": "HALT"})
        control = served.ask("status")["accounts"]["main"]["control"]
        assert (control["kill_switch"], control["updated_by"]) == (True, "chief")
        refused = chief.post("/api/order", json=MARKET_BUY).json()
        assert (refused["ok"], refused["reason"]) == (False, "control_halted")


@pytest.mark.parametrize(
    ("name", "can"),
    [("anna", True), ("a" * 31, True), ("a" * 32, False), ("ä" * 16, False), ("a:b", False), ("", False)],
)
def test_a_name_that_no_lease_can_have_trades_by_hand(name: str, *, can: bool) -> None:
    assert can_own(name) is can
