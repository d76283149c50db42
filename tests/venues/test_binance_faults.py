"""Faults of the exchange that an adapter lives through: a client id used twice, keys that expire, cuts."""

import time
from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest

from dita.practice.faults import Faults
from practising import Account, practising


@pytest.fixture
def account() -> Iterator[Account]:
    with practising(step_s=0.05) as opened:
        yield opened


def position(account: Account) -> Decimal:
    held = account.server.call(lambda one: one.account.held().positions)
    return sum((row.size for row in held), Decimal(0))


def test_one_client_id_that_filled_twice_is_booked_whole_and_found_out(account: Account) -> None:
    account.server.command("fault twice 1")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: position(account) == Decimal("0.02"))
    account.wait(lambda: sum(row["size"] for row in account.kernel.positions()) == Decimal("0.02"))
    account.wait(account.books_agree)
    # What the order did not ask for is nobody's: no strategy takes it for its own.
    assert account.kernel.slot(0).size + sum(row["size"] for row in account.kernel.unassigned()) == Decimal(
        "0.02"
    )
    account.kernel.check_invariants()


def test_keys_that_expire_again_and_again_lose_nothing(account: Account) -> None:
    account.act("ENTER", order_type="LIMIT", limit_price="59000", target_size="0.01")
    account.wait(lambda: account.stage() == "ENTRY_WORKING")
    client_id = account.kernel.orders()[0].venue_client_id
    account.server.command("fault expire_key 2")
    account.wait(lambda: account.server.command("fault expire_key 0") is not None)
    account.server.command("expire-key")
    account.server.command(f"fill {client_id} 0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    account.wait(account.books_agree)
    assert account.adapter.reconnects > 0


def test_streams_that_are_cut_at_each_step_come_back_within_five_seconds(account: Account) -> None:
    account.server.command("fault cut 3")
    account.wait(lambda: account.adapter.reconnects >= 1)
    account.wait(lambda: account.server.call(lambda one: one.faults.cut) == 0)
    began = time.monotonic()
    account.wait(lambda: account.adapter.is_quiet)
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    assert time.monotonic() - began < 5


def test_every_fault_is_a_knob_and_a_command_and_is_named_in_the_how_to(account: Account) -> None:
    text = (Path(__file__).parents[2] / "docs/how-to/practise-on-an-exchange.md").read_text(encoding="utf-8")
    knobs = {one.name: one.default for one in fields(Faults) if one.name not in {"canned", "happened"}}
    for name, default in knobs.items():
        assert f"`{name} " in text, f"{name} is not in the how-to"
        assert account.server.command(f"fault {name} {'on' if isinstance(default, bool) else 0}")
    account.server.command("heal")
    for name, default in knobs.items():
        assert account.server.call(lambda one, name=name: getattr(one.faults, name)) == default
