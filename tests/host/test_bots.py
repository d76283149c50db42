"""Bots of a configuration: capital once, budgets held, moved by command, shown where people look."""

import json
from pathlib import Path
from typing import Any

import pytest

from dita import SimulatedVenue
from dita._kernel import Replay
from dita.cli.main import main
from dita.config import Config, ConfigError, load
from dita.host import Directory, Host
from dita.observe.source import LogSource
from dita.observe.text import as_text

RULES = '{instruments = {BTCUSDT = {tick_size = "0.1", lot_step = "0.001"}}}'


def config(**overrides: Any) -> Config:
    given = {"instruments": RULES, "bots.a.capital": "600", "bots.b.capital": "400"} | overrides
    return load(environ={}, overrides={f"accounts.main.{key}": value for key, value in given.items()}).config


def quote(host: Host) -> None:
    venue = host.kernel(None).venue
    assert isinstance(venue, SimulatedVenue)
    venue.on_quote("BTCUSDT", "50000.0", None, "50000.1", None, 1)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_client_trades_within_its_capital_and_its_exit_is_never_held_back() -> None:
    with Host(config()) as host:
        quote(host)
        kernel = host.kernel(None)
        client = host.client("a", "main", slots=2)
        assert client.enter("BTCUSDT", "LONG", "0.01").accepted
        refused = client.enter("BTCUSDT", "LONG", "0.01")
        assert (refused.diagnostic_code, refused.details["bot"]) == ("BUDGET", "a")
        host.kernel(None).mark_price("BTCUSDT", "1")
        slot = next(view for view in kernel.state.slots if not view.is_free())
        assert client.exit(slot.slot_id).accepted


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("bots.c.capital", "9999999", "accounts.main.bots.c.capital"),
        ("bots.c.capital", "-1", "accounts.main.bots.c.capital"),
        ("bots.unassigned.capital", "1", "accounts.main.bots"),
        ("bots.c.asset", "EUR", "accounts.main.bots.c"),
    ],
)
def test_what_no_account_can_give_stops_the_start_by_name(key: str, value: str, field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Host(config(**{key: value}))
    assert any(fault.field.startswith(field) for fault in caught.value.faults), caught.value.faults


def test_capital_is_moved_once_and_what_the_log_holds_wins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = Directory(tmp_path / "h")
    place = ("--dir", str(directory.path))
    with Host(config(), directory=directory) as host:
        host.serve()
        for again in (False, True):
            code, out, _ = said(capsys, "bots", "transfer", *place, "a", "b", "100", "--id", "monday")
            assert (code, "nothing moved" in out) == (0, again), out
        code, _, err = said(capsys, "bots", "transfer", *place, "a", "b", "501")
        assert code == 1
        assert "more than a has free: its budget is 500 USDT, 0 of it in use; 501 was needed" in err
        code, _, err = said(capsys, "bots", "transfer", *place, "a", "z", "1")
        assert (code, "is no bot of the account" in err) == (1, True), err
        code, out, _ = said(capsys, "bots", "list", *place)
        assert (code, out.count("500")) == (0, 8), out
        shown = json.loads(host.status())["accounts"]["main"]["account"]["bots"]
        assert [(row["bot"], row["capital"]) for row in shown][:2] == [("a", "500"), ("b", "500")]
    with Host(config(**{"bots.a.capital": "9000"}), directory=Directory(tmp_path / "h")) as host:
        assert host.kernel(None).bots()[0]["capital"] == 500
    code, out, err = said(capsys, "bots", "list", *place, "--json")
    assert (code, "from its log" in err) == (0, True)
    rows = json.loads(out)["main"]
    assert [row["bot"] for row in rows] == ["a", "b", "unassigned", "between"]


def test_limits_of_the_file_hold_and_a_restart_with_others_changes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = Directory(tmp_path / "h")
    place = ("--dir", str(directory.path))

    def shown(host: Host) -> list[Any]:
        row = host.kernel(None).bots()[0]
        return [row[name] for name in ("max_slots", "max_order_notional", "max_notional")]

    first = {"bots.a.max_slots": 1, "bots.a.max_order_notional": "200", "bots.a.max_notional": "300"}
    with Host(config(**first), directory=directory) as host:
        quote(host)
        host.serve()
        assert shown(host) == [1, 200, 300]
        client = host.client("a", "main", slots=3)
        assert client.enter("BTCUSDT", "LONG", "0.002").accepted
        refused = client.enter("BTCUSDT", "LONG", "0.002")
        assert (refused.diagnostic_code, refused.details["bot"]) == ("RISK_BLOCKED", "a")
        assert (refused.details["limit"], refused.details["attempt"]) == ("max_slots", "2")
        code, out, _ = said(capsys, "bots", "list", *place)
        line = next(line for line in out.splitlines() if line.split()[:1] == ["a"])
        assert (code, "1 of 1 slots, 100" in line, "of 300 held, 200 an order" in line) == (0, True, True), (
            out
        )
        status = json.loads(host.status())["accounts"]["main"]["account"]["bots"]
        assert [row.get("max_slots", "-") for row in status] == [1, None, "-", "-"]
    source = LogSource(directory.log("main"))
    assert "1 of 1 slots" in as_text(source.read(None))
    source.close()
    with Host(config(**first), directory=directory) as host:
        assert shown(host) == [1, 200, 300]
    with Host(config(**{"bots.a.max_slots": 2}), directory=directory) as host:
        assert shown(host) == [2, None, None]
        assert host.kernel(None).bots()[0]["capital"] == 600
    with Host(config(), directory=directory) as host:
        assert shown(host) == [None, None, None]
    steps = [step for step in Replay(directory.log("main"), from_start=True) if step["type"] == "BOT_LIMITS"]
    # What stands is not set again.
    assert [step["input"].get("max_slots") for step in steps] == [1, 2, None]
    assert {step["input"]["by"] for step in steps} == {"dita.toml"}


@pytest.mark.parametrize(
    ("key", "value"),
    [("max_slots", -1), ("max_slots", "many"), ("max_notional", "-1"), ("max_order_notional", "NaN")],
)
def test_a_limit_that_is_none_is_named_with_its_value(key: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        config(**{f"bots.a.{key}": value})
    assert [fault.field for fault in caught.value.faults] == [f"accounts.main.bots.a.{key}"]


def test_watch_shows_each_bot(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "h")
    with Host(config(), directory=directory):
        pass
    source = LogSource(directory.log("main"))
    text = as_text(source.read(None))
    source.close()
    assert "a    K 600    open +0    free 600 of 600" in text
    assert "unassigned    K 9000" in text
