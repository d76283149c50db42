"""A host: opens accounts, keeps them in a directory, answers at its socket, and comes back as it was."""

import json
import logging
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dita import ControlUpdate, InvalidInput, KernelClosed, KernelIntent, SimulatedVenue
from dita.config import Config, ConfigError, load
from dita.host import Directory, DirectoryError, Host, HostAway, NoFreeSlot, ask
from dita.host.asking import HostRefused

SYMBOL = "BTCUSDT"
RULES = (
    '{taker_rate = "0.0005", maker_rate = "0.0002", '
    'instruments = {BTCUSDT = {tick_size = "0.1", lot_step = "0.001"}}}'
)


def config(**overrides: Any) -> Config:
    given = {f"accounts.main.{key}": value for key, value in overrides.items()}
    return load(environ={}, overrides={"accounts.main.instruments": RULES, **given}).config


def quote(host: Host, bid: str = "60000.0", ask: str = "60000.1", at: int = 1) -> None:
    venue = host.kernel(None).venue
    assert isinstance(venue, SimulatedVenue)
    venue.on_quote(SYMBOL, bid, None, ask, None, at)


def test_two_accounts_of_one_file_are_two_kernels() -> None:
    both = load(
        environ={}, overrides={"accounts.sim/a.instruments": RULES, "accounts.sim/b.instruments": RULES}
    ).config
    with Host(both) as host:
        assert list(host.accounts) == ["sim/a", "sim/b"]
        with pytest.raises(InvalidInput, match="sim/a, sim/b"):
            host.kernel(None)
        host.control(ControlUpdate(frozen=True, updated_by="me"), account="sim/b")
        assert [kernel.control.frozen for kernel in host.accounts.values()] == [False, True]
    with pytest.raises(KernelClosed):
        host.kernel("sim/a")


def test_what_was_opened_is_closed_again_where_the_next_account_fails(tmp_path: Path) -> None:
    broken = load(
        environ={}, overrides={"accounts.a.instruments": RULES, "accounts.b.venue": "no.such:Adapter"}
    ).config
    directory = Directory(tmp_path / "h")
    with pytest.raises(ConfigError, match=r"accounts\.b\.venue"):
        Host(broken, directory=directory)
    assert not directory.is_held()
    with Host(config(), directory=directory) as host:
        assert host.kernel("main").seq > 0


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("limits.max_slots", "3", "accounts.main.limits.max_slots"),
        ("limits.max_open_slots", "many", "accounts.main.limits.max_open_slots"),
        (
            "instruments",
            '{instruments = {X = {tick_size = "1"}}}',
            "accounts.main.instruments.instruments.X.lot_step",
        ),
    ],
)
def test_what_fields_alone_do_not_show_is_named_too(key: str, value: str, field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Host(config(**{key: value}))
    assert caught.value.faults[0].field == field


def test_a_host_comes_back_as_its_logs_are(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = Directory(tmp_path / "h")
    with Host(config(**{"limits.max_open_slots": "4"}), directory=directory) as host:
        quote(host)
        client = host.client("alpha", "main", slots=2)
        assert client.enter(SYMBOL, "LONG", "0.01").accepted
        host.control(ControlUpdate(limits={"max_open_slots": 2}, updated_by="ops"))
        before, seq = host.kernel("main").account.capital, host.kernel("main").seq
    caplog.set_level(logging.INFO, "dita.host")
    wanted = config(
        **{
            "max_slots": "5",
            "limits.max_open_slots": "3",
            "limits.max_order_size": "1",
            "simulated.balances": '{USDT = "7"}',
        }
    )
    with Host(wanted, directory=directory) as host:
        kernel = host.kernel("main")
        assert (kernel.account.capital, kernel.max_slots) == (before, 10)
        limits = kernel.control.limits
        assert limits["max_open_slots"] == 2, "the log's is tighter"
        assert limits["max_order_size"] == 1, "the log has none: the file's is tighter"
        client = host.client("alpha", "main", slots=2)
        assert client.trades()[0].asset == SYMBOL
        quote(host, at=kernel.now_ns)
        outcome = client.exit(client.trades()[0].slot_id)
        assert outcome.accepted, outcome
        assert kernel.seq > seq
    said = [record.getMessage() for record in caplog.records]
    assert "main: max_slots: the log's 10 counts, the file has 5" in said
    assert "main: limits.max_open_slots: the log's 2 counts, the file has 3" in said
    assert any("limits.max_order_size" in line for line in said)


def test_a_directory_has_one_host_and_nobody_else_may_look(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "h")
    with Host(config(), directory=directory) as host:
        host.serve()
        assert directory.is_held()
        with pytest.raises(DirectoryError, match="another host runs here"):
            Host(config(), directory=Directory(tmp_path / "h"))
        assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
        assert stat.S_IMODE(directory.socket.stat().st_mode) == 0o600
    assert not directory.is_held()
    assert not directory.socket.exists()


def test_the_socket_answers_and_says_what_is_wrong(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "h")
    with pytest.raises(HostAway, match="no host answers"):
        ask(directory, "status")
    with Host(config(), directory=directory) as host:
        host.serve()
        quote(host)
        host.client("alpha", "main").enter(SYMBOL, "LONG", "0.01", order_type="LIMIT", limit_price="59000")
        status = ask(directory, "status")
        assert status == json.loads(host.status())
        assert status["accounts"]["main"]["slots"][0]["owner"] == "alpha"
        (order,) = ask(directory, "orders")["main"]
        assert (order["limit_price"], order["owner"]) == ("59000", "alpha")
        changed = ask(directory, "control", change={"frozen": True, "updated_by": "ops"})
        assert changed["main"]["frozen"] is True
        with pytest.raises(HostRefused, match="none of status"):
            ask(directory, "sing")
        with pytest.raises(HostRefused, match="'mode' is none of"):
            ask(directory, "control", change={"mode": "LIVE"})
        with pytest.raises(HostRefused, match="bad_params"):
            ask(directory, "control")
        with pytest.raises(HostRefused, match="is none of main"):
            ask(directory, "orders", account="other")


def controls(feed: Iterator[bytes]) -> dict[str, Any]:
    """The next change of the controls."""
    return next(one for one in map(json.loads, feed) if one["type"] == "control")


def test_the_feed_tells_each_change_once_and_resumes() -> None:
    with Host(config()) as host:
        feed = host.changes()
        host.control(ControlUpdate(frozen=True, updated_by="me"))
        first = controls(feed)
        assert (first["account"], first["value"]["frozen"]) == ("main", True)
        host.control(ControlUpdate(frozen=False, updated_by="me"))
        again = controls(host.changes(first["id"]))
        assert again == controls(feed)
        assert again["value"]["frozen"] is False
        for gone in ("other-1", f"{first['id']}99", "x"):
            assert json.loads(next(host.changes(gone)))["type"] == "reset"
    assert list(feed) == []


def test_a_feed_that_was_overtaken_says_reset() -> None:
    from dita.host.feed import Feed  # noqa: PLC0415 - its own test

    feed = Feed(kept_max=3)
    late = feed.changes()
    for number in range(5):
        feed.put("a", "slot", number)
    feed.end()
    reported = [json.loads(line) for line in late]
    assert [one["type"] for one in reported] == ["reset", "slot", "slot", "slot"]
    assert [one["value"] for one in reported[1:]] == [2, 3, 4]


def test_clients_have_slots_of_their_own() -> None:
    with Host(config(max_slots="3")) as host:
        quote(host)
        alpha = host.client("alpha", "main", slots=2)
        beta = host.client("beta", "main")
        assert set(alpha.slots).isdisjoint(beta.slots)
        with pytest.raises(NoFreeSlot):
            host.client("gamma", "main")
        with pytest.raises(InvalidInput, match="is taken"):
            host.client("alpha", "main")
        outcome = beta.enter(SYMBOL, "LONG", "0.01")
        assert outcome.accepted
        with pytest.raises(NoFreeSlot):
            beta.enter(SYMBOL, "LONG", "0.01")
        with pytest.raises(InvalidInput, match="is not one of alpha's"):
            alpha.exit(beta.slots[0])
        foreign = KernelIntent(1, "i", "t", beta.slots[0], SYMBOL, "LONG", "EXIT")
        with pytest.raises(InvalidInput, match="slot_id"):
            alpha.process_intent(foreign)
        beta.close()
        # Its trade is still there, and has its slot: the next of the name gets it.
        assert host.client("beta", "main").slots == beta.slots


@pytest.mark.parametrize(
    ("on_loss", "size", "orders"), [("keep", "0.01", 1), ("cancel", "0.01", 0), ("flatten", "0", 0)]
)
def test_a_client_that_goes_leaves_its_trades_as_it_said(on_loss: str, size: str, orders: int) -> None:
    with Host(config()) as host:
        quote(host)
        with host.client("alpha", "main", slots=2, on_loss=on_loss) as client:
            client.enter(SYMBOL, "LONG", "0.01")
            client.enter(SYMBOL, "LONG", "0.02", order_type="LIMIT", limit_price="59000")
        kernel = host.kernel("main")
        assert str(sum(slot.size for slot in kernel.state.slots).normalize()) == size
        assert len(kernel.orders(live_only=True)) == orders


def test_intent_ids_go_on_after_a_restart(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "h")
    given: set[str] = set()
    for _ in range(3):
        with Host(config(), directory=directory) as host:
            quote(host, at=host.kernel("main").now_ns + 1)
            client = host.client("alpha", "main")
            for _ in range(2):
                assert client.enter(SYMBOL, "LONG", "0.01").accepted
                assert client.exit(client.slots[0]).accepted
            given |= {order.intent_id for order in client.orders()}
    assert len(given) == 12


PROGRAM = """
import sys
from dita.config import load
from dita.host import Directory, Host
host = Host(load(environ={}).config, directory=Directory(sys.argv[1]))
host.serve()
host.run(lambda: print("ready", flush=True))
print("closed", flush=True)
"""


@pytest.mark.parametrize("way", ["SIGTERM", "stop"])
def test_a_host_that_is_asked_to_end_closes_everything(tmp_path: Path, way: str) -> None:
    directory = Directory(tmp_path / "h")
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(directory.path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if way == "stop":
            assert ask(directory, "stop") == {"stopping": True}
        else:
            process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "closed\n"
        assert process.wait(30) == 0
    assert not directory.is_held()


def test_many_ask_at_once(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "h")
    answers: list[Any] = []
    with Host(config(), directory=directory) as host:
        host.serve()
        threads = [
            threading.Thread(target=lambda: answers.append(ask(directory, "status"))) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 20


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    directory = Directory(tmp_path / ("x" * 90))
    with Host(config(), directory=directory) as host, pytest.raises(DirectoryError, match="shorter path"):
        host.serve()
