"""What people see of a host: what changed and nothing else, and everything that happened in between."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dita import ControlUpdate
from dita.host import Host
from dita.host.asking import HostRefused, ask
from gateways import SYMBOL, fill_slots, host_in


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with host_in(tmp_path / "desk") as host:
        quote(host, "60000.0", "60000.1", 1)
        yield host


def quote(host: Host, bid: str, ask: str, at: int) -> None:
    """Move the market."""
    kernel = host.kernel(None)
    venue: Any = kernel.venue
    venue.on_quote(SYMBOL, bid, None, ask, None, at)
    kernel.mark_price(SYMBOL, bid)


def trade(host: Host, side: str, number: int) -> None:
    """Send an order at the market."""
    order = {"asset": SYMBOL, "side": side, "size": "0.01", "client_id": f"o{number}", "order_type": "MARKET"}
    host._answer({"request": "order", "order": order})


def parsed(seen: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a row."""
    found: dict[str, Any] = json.loads(seen["rows"][key])
    return found


def test_the_first_look_shows_everything_and_the_next_what_has_changed(host: Host) -> None:
    first = host.screen.since(None)
    assert first["reset"]
    assert {"host", "account:main", "control:main", "health:main", f"market:main:{SYMBOL}"} <= set(
        first["rows"]
    )
    still = host.screen.since(first["at"])
    assert (still["reset"], set(still["rows"]) - {"health:main"}) == (False, set())
    quote(host, "60010.0", "60010.1", 2)
    moved = host.screen.since(still["at"])
    assert parsed(moved, f"market:main:{SYMBOL}")["mark_price"] == "60010"
    assert "control:main" not in moved["rows"]


def test_a_row_shows_what_the_kernel_says_to_the_last_digit(host: Host) -> None:
    trade(host, "BUY", 1)
    quote(host, "60010.0", "60010.1", 2)
    seen = host.screen.since(None)
    kernel = host.kernel(None)
    account, shown = kernel.account.state(), parsed(seen, "account:main")
    for name in ("k_capital", "equity", "unrealized_pnl", "e_wallet_balance", "reconcile_delta", "leverage"):
        assert shown[name] == format(account[name], "f"), name
    assert set(account) - {"event_seq"} == set(shown)
    slot = kernel.slot(0)
    row = parsed(seen, "slot:main:0")
    assert (row["size"], row["entry_price"]) == (format(slot.size, "f"), format(slot.entry_price or 0, "f"))
    assert (row["unrealized_pnl"], row["owner"]) == (format(slot.unrealized_pnl, "f"), "by-hand")


def test_an_order_that_came_and_went_between_two_looks_is_reported_with_its_fill(host: Host) -> None:
    at = host.screen.since(None)["at"]
    trade(host, "BUY", 1)
    trade(host, "SELL", 2)
    seen = host.screen.since(at)
    assert [key for key in seen["rows"] if key.startswith(("order:", "slot:"))] == []
    ended = [json.loads(text) for text in seen["ended"]]
    assert [(one["order_side"], one["status"]) for one in ended] == [("BUY", "FILLED"), ("SELL", "FILLED")]
    fills = [json.loads(text) for text in seen["fills"]]
    assert [(one["order_side"], one["size"], one["account"]) for one in fills] == [
        ("BUY", "0.010", "main"),
        ("SELL", "0.010", "main"),
    ]
    assert host.screen.since(seen["at"])["fills"] == []


def test_a_trade_that_is_over_is_gone(host: Host) -> None:
    trade(host, "BUY", 1)
    seen = host.screen.since(None)
    assert "slot:main:0" in seen["rows"]
    trade(host, "SELL", 2)
    assert "slot:main:0" in host.screen.since(seen["at"])["gone"]


def test_an_order_has_the_time_of_its_last_news(host: Host) -> None:
    host.serve()
    quote(host, "60000.0", "60000.1", 1_000)
    trade(host, "BUY", 1)
    state: Any = host._answer({"request": "orders_state"})
    assert state[0]["last_ts_ns"] == host.kernel(None).now_ns
    assert host.kernel(None).order_time_ns("NOSUCHORDER") is None


def test_what_was_refused_and_who_changed_controls_is_in_the_log(host: Host) -> None:
    at = host.screen.since(None)["at"]
    host.control(ControlUpdate(kill_switch=True, updated_by="anna"))
    trade(host, "BUY", 1)
    lines = [json.loads(text) for text in host.screen.since(at)["log"]]
    assert any(one["kind"] == "control" and "by anna" in one["text"] for one in lines)
    refused = [one for one in lines if one["kind"] == "kernel"]
    assert refused[0]["text"].startswith("CONTROL_HALTED")


def test_a_moved_mark_changes_every_slot_with_a_position_and_no_other(host: Host) -> None:
    fill_slots(host.kernel(None), 5)
    at = host.screen.since(None)["at"]
    quote(host, "60001.0", "60001.1", 5)
    changed = [key for key in host.screen.since(at)["rows"] if key.startswith("slot:")]
    assert len(changed) == 5


def test_a_number_of_another_life_of_the_host_begins_anew(host: Host) -> None:
    host.serve()
    assert host.directory is not None
    first = ask(host.directory, "rows")
    again = ask(host.directory, "rows", after=first["at"], boot=first["boot"])
    assert (first["reset"], again["reset"]) == (True, False)
    assert ask(host.directory, "rows", after=first["at"], boot="another")["reset"] is True
    assert ask(host.directory, "rows", after=10**9, boot=first["boot"])["reset"] is True
    with pytest.raises(HostRefused, match="after"):
        ask(host.directory, "rows", after="x", boot=first["boot"])


def test_changes_are_kept_only_once_somebody_wants_them(host: Host) -> None:
    trade(host, "BUY", 1)
    changes = host.changes()
    trade(host, "SELL", 2)
    first = json.loads(next(changes))
    assert first["id"].endswith("-1")
    assert first["value"]
