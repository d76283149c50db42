"""`dita doctor`, `dita run` and `dita download` at Bybit, on `dita exchange --venue bybit`."""

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita.cli.main import main
from dita.live.checks import doctor_of
from dita.live.places import Place, reference
from dita.live.plan import Plan, Wanted
from dita.live.probe import probe
from dita.live.run import LiveHost
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.strategy import Strategy
from live_runs import SECRET, position, traded


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "practise-key")
    monkeypatch.setenv("API_SECRET", SECRET)


@pytest.fixture
def served() -> Iterator[ServerThread]:
    with ServerThread(Terms(still=True, venue="bybit"), step_s=0.1) as server:
        yield server


class BuysOnce(Strategy):
    """Enters once."""

    def on_start(self) -> None:
        self.bought = False

    def on_tick(self, now: Any) -> None:
        if not self.bought:
            self.bought = self.enter("BTCUSDT", "LONG", Decimal("0.05")).accepted


def plan(served: ServerThread, **fields: object) -> Plan:
    place = Place.chosen(served.address, live=False, name="bybit")
    key, secret = (reference(f"env:{name}", place, "") for name in ("API_KEY", "API_SECRET"))
    return Plan((Wanted("buys", BuysOnce),), ("BTCUSDT",), place, key, secret, **fields)  # type: ignore[arg-type]


def checks(served: ServerThread) -> dict[str, tuple[str, str]]:
    adapter = Place.chosen(served.address, live=False, name="bybit").adapter(
        "practise-key", SECRET, ["BTCUSDT"]
    )
    try:
        return {one.name: (one.result, one.text) for one in doctor_of(adapter).run()}
    finally:
        adapter.close()


def test_an_account_that_is_ready_passes_every_check(served: ServerThread) -> None:
    found = checks(served)
    assert {result for result, _ in found.values()} == {"ok"}
    assert "maker 0.0002, taker 0.0005" in found["instruments"][1]


def test_what_is_not_supported_is_refused_by_name(served: ServerThread) -> None:
    served.call(lambda one: setattr(one.wallet, "unified_status", 1))
    assert checks(served)["account mode"][1].startswith("MODE_NOT_SUPPORTED: a classic account")
    served.call(lambda one: setattr(one.wallet, "unified_status", 6))
    served.call(lambda one: setattr(one.wallet, "margin_mode", "PORTFOLIO_MARGIN"))
    assert checks(served)["account mode"][1].startswith("MODE_NOT_SUPPORTED: portfolio margin")


def test_the_probe_is_reported_by_the_stream_and_canceled(served: ServerThread) -> None:
    adapter = Place.chosen(served.address, live=False, name="bybit").adapter(
        "practise-key", SECRET, ["BTCUSDT"]
    )
    try:
        check = probe(adapter, "BTCUSDT")
    finally:
        adapter.close()
    assert check.result == "ok", check.text
    assert served.call(lambda one: one.account.open_orders()) == []


def test_a_run_trades_on_the_mark_and_flattens_at_its_end(served: ServerThread) -> None:
    run = LiveHost(plan(served, on_stop="flatten"))
    left = traded(run, lambda: position(served) == Decimal("0.05"))
    assert left.positions == []
    assert position(served) == 0


def test_a_dead_man_is_refused_since_the_venue_has_none(served: ServerThread) -> None:
    run = LiveHost(plan(served, dead_man_s=10.0))
    with pytest.raises(Exception, match="institutions only"):
        run.trade()


def test_a_shadow_run_fills_on_the_live_book(served: ServerThread) -> None:
    place = Place.chosen(served.address, live=False, name="bybit")
    run = LiveHost(Plan((Wanted("buys", BuysOnce),), ("BTCUSDT",), place, shadow=True))
    served.command("still off")
    venue = run.kernel.venue
    traded(run, lambda: venue.position("BTCUSDT") is not None and venue.position("BTCUSDT")[0] > 0)  # type: ignore[union-attr]
    assert served.call(lambda one: one.account.histories.orders) == []


@pytest.mark.parametrize(("kind", "least"), [("bars", 100), ("funding", 3)])
def test_a_download_has_the_past(served: ServerThread, tmp_path: Path, kind: str, least: int) -> None:
    out = tmp_path / "past.csv"
    since = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() - (7_200 if kind == "bars" else 172_800)))
    given = ["download", "-c", "bybit", "-p", "BTC/USDT", "--kind", kind, "--from", since]
    assert main([*given, "--out", str(out), "--exchange", served.address]) == 0
    assert len(out.read_text().splitlines()) > least
