"""The gateway over real HTTP: who may what, orders, controls, and what is refused."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dita.gateway.guards import Guards
from dita.gateway.refused import UnknownTrade
from gateways import MARKET_BUY, RESTING, SYMBOL, Desk, desk, gateway, host_in


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("gateway"), story=reported) as found:
        wait(lambda: not found.hub.away)
        yield found


def reported(log: Path, trade: str) -> list[str]:
    """Tell one trade's story, and no other's."""
    if trade != "known":
        raise UnknownTrade(f"{trade}: there is no such trade")
    return [f"read from {log.name}"]


def wait(is_so: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


def error(answer: httpx.Response) -> tuple[int, str]:
    """Return an answer's status and error."""
    return answer.status_code, answer.json()["error"]


READS = (
    "/metrics",
    "/api/rows",
    "/api/account",
    "/api/orders",
    "/api/slots",
    "/api/strategies",
    "/api/execution/ping",
    "/api/config",
    "/api/market",
    "/api/orders_state",
    "/api/order_state?client_order_id=x",
    "/api/story?trade=x&account=main",
    "/api/stream",
    "/api/me",
)
POSTS = {
    "/api/order": MARKET_BUY,
    "/api/cancel": {"client_order_id": "x"},
    "/api/control": {"action": "freeze", "confirm": "FREEZE"},
    "/api/strategy": {"name": "s", "action": "start"},
}


@pytest.mark.parametrize("path", READS)
def test_nothing_is_shown_to_somebody_without_a_token(shared: Desk, path: str) -> None:
    with shared.client() as client:
        assert error(client.get(path)) == (401, "unauthorized")
        assert error(client.get(path, headers={"Authorization": "Bearer wrong"})) == (401, "unauthorized")


def test_health_alone_is_public(shared: Desk) -> None:
    with shared.client() as client:
        assert client.get("/health").json()["ok"] is True


@pytest.mark.parametrize(
    ("path", "lowest"),
    [
        ("/api/order", "trade"),
        ("/api/cancel", "trade"),
        ("/api/control", "operate"),
        ("/api/strategy", "operate"),
    ],
)
def test_a_role_below_is_refused_by_name(shared: Desk, path: str, lowest: str) -> None:
    for role in ("read", "trade", "operate")[: ("read", "trade", "operate").index(lowest)]:
        with shared.client(role) as client:
            answer = client.post(path, json=POSTS[path])
        assert error(answer) == (403, "forbidden")
        assert lowest in answer.json()["message"]


def test_json_and_form_fields_send_the_same_order(tmp_path: Path) -> None:
    with desk(tmp_path) as found, found.client("trade") as client:
        states = []
        for number, way in enumerate(("json", "data")):
            answer = client.post("/api/order", **{way: {**RESTING, "client_order_id": f"w{number}"}})
            assert answer.status_code == 200, answer.text
            states.append({name: text for name, text in answer.json().items() if name != "client_order_id"})
        assert states[0] == states[1]
        assert states[0]["status"] == "NEW"
        assert states[0]["limit_price"] == "50000"


def test_a_market_order_fills_and_shows_as_a_position(tmp_path: Path) -> None:
    with desk(tmp_path) as found, found.client("trade") as client:
        assert client.post("/api/order", json=MARKET_BUY).json()["ok"] is True
        state = client.get("/api/order_state", params={"client_order_id": "m1"}).json()
        assert (state["status"], state["executed_qty"], state["avg_price"]) == ("FILLED", "0.010", "60000.1")
        wait(lambda: client.get("/api/slots").json()["items"])
        slot = client.get("/api/slots").json()["items"][0]
        assert (slot["owner"], slot["size"], slot["side"]) == ("by-hand", "0.010", "LONG")
        # A sale closes what is held before it opens anything.
        sale = {**MARKET_BUY, "side": "sell", "client_order_id": "m2"}
        assert client.post("/api/order", json=sale).json()["status"] == "FILLED"
        wait(lambda: not client.get("/api/slots").json()["items"])


def test_a_resting_order_is_canceled_by_its_own_id(tmp_path: Path) -> None:
    with desk(tmp_path) as found, found.client("trade") as client:
        client.post("/api/order", json=RESTING)
        assert client.post("/api/cancel", json={"client_order_id": "l1"}).json()["status"] == "CANCELED"
        assert [one["status"] for one in client.get("/api/orders_state").json()["items"]] == ["CANCELED"]
        again = client.post("/api/order", json=RESTING)
        assert error(again) == (400, "bad_params")
        assert "was used before" in again.json()["message"]
        assert error(client.post("/api/cancel", json={"client_order_id": "no"})) == (404, "not_found")


def test_a_refused_order_says_why_and_is_not_ok(shared: Desk) -> None:
    with shared.client("trade") as client:
        said = client.post("/api/order", json={**MARKET_BUY, "symbol": "NOPE"}).json()
    assert (said["ok"], said["status"], said["reason"]) == (False, "REJECTED", "invalid_intent")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"qty": "0"}, "qty"),
        ({"qty": "-1"}, "qty"),
        ({"qty": "1e400"}, "qty"),
        ({"qty": True}, "qty"),
        ({"qty": None}, "qty"),
        ({"qty": ["1"]}, "qty"),
        ({"side": "hold"}, "side"),
        ({"type": "stop"}, "type"),
        ({"tif": "day"}, "tif"),
        ({"client_order_id": ""}, "client_order_id"),
        ({"client_order_id": "a.b"}, "client_order_id"),
        ({"client_order_id": "x" * 61}, "client_order_id"),
        ({"symbol": ""}, "symbol"),
        ({"price": "0", "type": "limit"}, "price"),
        ({"more": 1}, "more"),
        ({"account": "other"}, "account"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field(shared: Desk, changed: dict[str, Any], field: str) -> None:
    with shared.client("trade") as client:
        answer = client.post("/api/order", json={**MARKET_BUY, "client_order_id": "bad", **changed})
    assert error(answer) == (400, "bad_params"), answer.text
    assert field in answer.json()["message"]


def test_a_number_is_read_by_its_text(shared: Desk) -> None:
    body = json.dumps({**RESTING, "client_order_id": "exact"}).replace('"0.01"', "0.010000000000000001")
    with shared.client("trade") as client:
        answer = client.post("/api/order", content=body, headers={"Content-Type": "application/json"})
    # Its lot is refused, or it is rounded: in neither case has a float lost the last digit.
    assert answer.json()["order_qty"] in ("0.010000000000000001", "0.010"), answer.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"1", b'"x"', b'{"qty":NaN}', b"\xff\xfe", b"[" * 60_000, b'{"a":' * 9_000]
)
def test_what_is_no_json_object_is_bad_json(shared: Desk, body: bytes) -> None:
    with shared.client("trade") as client:
        answer = client.post("/api/order", content=body, headers={"Content-Type": "application/json"})
    assert error(answer) == (400, "bad_json")


def test_a_body_that_is_too_large_is_refused_whatever_its_header_says(shared: Desk) -> None:
    with shared.client("trade") as client:
        assert error(client.post("/api/order", content=b"x" * 70_000)) == (413, "too_large")

        def pieces() -> Iterator[bytes]:
            for _ in range(70):
                yield b"x" * 1_000

        assert error(client.post("/api/order", content=pieces())) == (413, "too_large")


def test_an_unknown_path_is_not_found_and_names_no_file(shared: Desk) -> None:
    with shared.client("read") as client:
        for path in ("/api/nothing", "/page/nothing.js", "/page/..%2f..%2fapp.py", "/page/%2e%2e/app.py"):
            assert error(client.get(path)) == (404, "not_found")


def test_a_request_for_another_host_or_from_another_page_is_refused(shared: Desk) -> None:
    with shared.client("read") as client:
        assert error(client.get("/api/account", headers={"Host": "evil.example"})) == (403, "forbidden")
        assert error(client.get("/api/account", headers={"Origin": "http://evil.example"})) == (
            403,
            "forbidden",
        )


def test_a_page_that_is_on_the_list_may_ask_and_read_the_answer_another_may_not(tmp_path: Path) -> None:
    there, other = "https://desk.example", "https://evil.example"
    guards = Guards(origins=(there,), requests_per_s=1e6, burst=1e6)
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    with desk(tmp_path, guards=guards) as found, found.client("read") as client:
        before = client.options("/api/order", headers={**ask, "Origin": there})
        assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, there)
        assert "authorization" in before.headers["access-control-allow-headers"].lower()
        answer = client.get("/api/account", headers={"Origin": there})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, there)
        assert "access-control-allow-credentials" not in answer.headers
        with client.stream("GET", "/api/stream", headers={"Origin": there}) as stream:
            assert stream.headers["access-control-allow-origin"] == there
        for path in ("/api/order", "/api/account"):
            refused = client.options(path, headers={**ask, "Origin": other})
            assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (403, False)


def test_a_flood_is_held_back_and_another_moment_is_not(tmp_path: Path) -> None:
    with desk(tmp_path, guards=Guards(requests_per_s=20, burst=10)) as found, found.client() as client:
        codes = [client.get("/health").status_code for _ in range(40)]
        assert 429 in codes
        wait(lambda: client.get("/health").status_code == 200)


def test_every_answer_carries_the_policy(shared: Desk) -> None:
    with shared.client() as client:
        for path in ("/", "/health", "/api/account", "/page/main.js", "/nothing"):
            headers = client.get(path).headers
            assert "script-src 'self'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"


def test_a_browsers_session_acts_only_with_its_csrf_value(tmp_path: Path) -> None:
    with desk(tmp_path) as found, found.client() as browser:
        assert error(browser.post("/api/login", json={"token": "wrong"})) == (401, "unauthorized")
        answer = browser.post("/api/login", json={"token": found.token("operate")})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get("/api/account").status_code == 200
        freeze = {"action": "freeze", "confirm": "FREEZE"}
        assert error(browser.post("/api/control", json=freeze)) == (403, "forbidden")
        csrf = {"X-CSRF-Token": answer.json()["csrf"]}
        assert browser.post("/api/control", json=freeze, headers=csrf).json()["ok"] is True
        control = found.host.kernel(None).control
        assert (control.frozen, control.updated_by) == (True, answer.json()["name"])
        assert browser.post("/api/logout", headers=csrf).json()["ok"] is True
        assert error(browser.get("/api/account")) == (401, "unauthorized")


def test_a_control_needs_its_own_name_typed(shared: Desk) -> None:
    with shared.client("operate") as client:
        answer = client.post("/api/control", json={"action": "halt", "confirm": "halt"})
    assert error(answer) == (400, "bad_params")
    assert "HALT" in answer.json()["message"]
    assert str(shared.host.kernel(None).control.gate) == "NORMAL"


def test_halt_and_resume_reach_the_kernel(tmp_path: Path) -> None:
    with desk(tmp_path) as found, found.client("operate") as client:
        client.post("/api/control", json={"action": "halt", "confirm": "HALT"})
        assert client.post("/api/order", json=MARKET_BUY).json()["status"] == "REJECTED"
        client.post("/api/control", json={"action": "resume", "confirm": "RESUME"})
        again = {**MARKET_BUY, "client_order_id": "m2"}
        assert client.post("/api/order", json=again).json()["status"] == "FILLED"


def test_a_trades_story_is_reported_and_an_unknown_one_is_not_found(shared: Desk) -> None:
    with shared.client("read") as client:
        assert client.get("/api/story?trade=known&account=main").json() == {"lines": ["read from main"]}
        assert error(client.get("/api/story?trade=other&account=main")) == (404, "not_found")
        assert error(client.get("/api/story?trade=known&account=../x")) == (404, "not_found")


def test_a_file_of_tokens_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    with desk(tmp_path) as found, found.client("read") as client:
        assert client.get("/api/account").status_code == 200
        found.tokens.path.chmod(0o644)
        wait(lambda: client.get("/api/account").status_code == 503)
        assert "chmod 600" in client.get("/api/account").json()["message"]


def test_a_token_is_kept_as_a_hash_alone(tmp_path: Path) -> None:
    with desk(tmp_path) as found:
        token = found.token("read")
        kept = found.tokens.path.read_text()
        assert token not in kept
        assert found.tokens.path.stat().st_mode & 0o777 == 0o600
        assert all(
            token not in file.read_text(errors="replace") for file in tmp_path.rglob("*") if file.is_file()
        )


def test_a_host_that_does_not_answer_is_unavailable_until_it_does(tmp_path: Path) -> None:
    with (
        host_in(tmp_path / "host") as host,
        gateway(host, tmp_path) as found,
        found.client("trade") as client,
    ):
        assert error(client.get("/api/account")) == (503, "execution_unavailable")
        assert error(client.post("/api/order", json=RESTING)) == (503, "execution_unavailable")
        assert client.get("/health").json()["ok"] is False
        host.serve()
        wait(lambda: client.get("/api/account").status_code == 200)
        said = client.post("/api/order", json=RESTING).json()
        assert (said["status"], said["reason"]) == ("REJECTED", "no_mark")


def test_the_figures_read_as_prometheus_reads_them(shared: Desk) -> None:
    with shared.client("read") as client:
        wait(lambda: client.get("/api/account").json()["items"])
        families = {one.name: one for one in text_string_to_metric_families(client.get("/metrics").text)}
    assert families["dita_up"].samples[0].value == 1
    assert {"dita_unexplained", "dita_orders_in_doubt", "dita_unprotected_slots", "dita_outcomes"} <= set(
        families
    )
    assert families["dita_gateway_order_seconds"].samples[0].value >= 0
    k = families["dita_k_capital"].samples[0]
    assert (k.labels, k.value > 99_000) == ({"account": "main", "asset": "USDT"}, True)


def test_half_a_request_holds_nobody_else_up(shared: Desk) -> None:
    host, port = shared.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as half, shared.client("read") as client:
        half.sendall(b"POST /api/order HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\n{")
        assert client.get("/api/account").status_code == 200


def test_orders_of_several_at_once_are_each_done_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - here alone

    with desk(tmp_path) as found, found.client("trade") as client, ThreadPoolExecutor(8) as people:
        answers = list(people.map(lambda _: client.post("/api/order", json=RESTING), range(16)))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 15
        assert len(client.get("/api/orders_state").json()["items"]) == 1
        assert found.host.kernel(None).instrument(SYMBOL)["symbol"] == SYMBOL
