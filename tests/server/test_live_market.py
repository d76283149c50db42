"""`dita serve` of a live venue: the server receives its market and publishes it to programs."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dita
from dita.config import load
from dita.host import Directory, ask
from dita.live.places import Place
from dita.live.plan import NotReady
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.server import Serving
from dita.server.running import ConnectedStrategies
from dita.strategy import Bar, QuoteTick, Strategy, TradeTick
from live_runs import SECRET
from serving import PATIENCE_S

SYMBOL = "BTCUSDT"
CONFIG = """
[accounts.main]
venue = "{venue}"
max_slots = 4
options = {{symbols = ["BTCUSDT"], rest = "{rest}", stream = "{stream}"}}
credentials = {{api_key = "env:API_KEY", api_secret = "env:API_SECRET"}}
[accounts.main.instruments]
taker_rate = "0.0005"
maker_rate = "0.0002"
[accounts.main.instruments.instruments.BTCUSDT]
tick_size = "0.1"
lot_step = "0.001"
"""


class Watcher(Strategy):
    """Writes down what it receives, and enters at its first quote."""

    def on_start(self) -> None:
        self.received: dict[str, list[Any]] = {"quote": [], "trade": [], "bar": [], "fill": []}

    def on_quote(self, quote: QuoteTick) -> None:
        self.received["quote"].append(quote.bid)
        if len(self.received["quote"]) == 1:
            self.enter(SYMBOL, "LONG", "0.01")

    def on_trade(self, trade: TradeTick) -> None:
        self.received["trade"].append(trade.price)

    def on_bar(self, bar: Bar) -> None:
        self.received["bar"].append(bar.close)

    def on_fill(self, fill: Any) -> None:
        self.received["fill"].append(fill.size)


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerThread]:
    monkeypatch.setenv("API_KEY", "practise-key")
    monkeypatch.setenv("API_SECRET", SECRET)
    with ServerThread(Terms()) as server:
        yield server


def serving(exchange: ServerThread, place: Path, name: str = "one") -> Serving:
    at = Place.chosen(exchange.address, live=False)
    config = place / "dita.toml"
    config.write_text(CONFIG.format(venue=at.venue, rest=at.rest, stream=at.stream))
    return Serving(load(config, environ={}).config, Directory(place / name), socket=place / f"{name}.sock")


def wait(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it did not come to that"


def test_a_client_receives_the_market_of_a_live_venue_and_trades_there(
    exchange: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    with serving(exchange, tmp_path) as owner:
        owner.host.serve()
        owner.subscribe_markets()
        kernel = dita.connect(tmp_path / "one.sock", name="watcher", market=True)
        runner = ConnectedStrategies(kernel)
        handle = runner.load(Watcher)
        handle.start()
        received = handle.strategy.received  # type: ignore[attr-defined]

        def reported(*kinds: str) -> bool:
            assert runner.poll(0.05)
            assert not handle.error
            return all(received[kind] for kind in kinds)

        wait(lambda: reported("quote", "trade", "fill"))
        assert kernel.slot(kernel.slots[0]).size == received["fill"][0]
        # The venue's mark is the kernel's, and shown.
        exchange.command(f"price {SYMBOL} 61000")
        wait(lambda: reported() or kernel.instrument(SYMBOL)["mark_price"] > 60_900)
        wait(lambda: reported() or received["quote"][-1] > 60_900)
        standing = ask(owner.host.directory, "market")["main"]
        assert standing["mark_age_s"][SYMBOL] < PATIENCE_S
        kernel.close()


def test_an_account_that_another_kernel_trades_is_not_served(
    exchange: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    with serving(exchange, tmp_path) as owner:
        owner.host.serve()
        kernel = dita.connect(tmp_path / "one.sock", name="rests", on_loss="keep")
        outcome = kernel.process_intent(
            {
                "intent_id": "r",
                "slot_id": kernel.slots[0],
                "trade_id": "r",
                "asset": SYMBOL,
                "side": "LONG",
                "action": "ENTER",
                "order_type": "LIMIT",
                "limit_price": "50000",
                "target_size": "0.01",
                "timestamp": 1,
            }
        )
        assert outcome.accepted, outcome
        wait(lambda: exchange.call(lambda one: one.account.open_orders()))
        with pytest.raises(NotReady):
            serving(exchange, tmp_path, "other")
        kernel.close()


class Warms(Strategy):
    """Begins after three bars."""

    warmup = 3
    intervals = ("1m",)

    def on_start(self) -> None:
        self.began = True

    def on_bar(self, bar: Bar) -> None:
        self.bars = [*getattr(self, "bars", []), bar.open_ns]


def test_a_strategy_inside_is_warmed_up_with_the_bars_of_before(
    exchange: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    with serving(exchange, tmp_path) as owner:
        handle = owner.host.load(Warms, name="warms")
        handle.start()
        assert handle.strategy.warming
        owner.subscribe_markets()
        assert not handle.error
        assert not handle.strategy.warming
        assert handle.strategy.began  # type: ignore[attr-defined]
        bars = handle.strategy.bars  # type: ignore[attr-defined]
        assert len(bars) >= 3
        assert bars == sorted(set(bars))


def test_what_the_doctor_has_found_is_reported_before_a_live_account_is_served(
    exchange: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    with serving(exchange, tmp_path) as owner:
        found = {one.name: one.result for one in owner.checks["main"]}
        assert found["key"] in {"ok", "warn"}
        assert found["balances"] == found["position mode"] == "ok"


@pytest.mark.parametrize("terms", [Terms(hedge=True)])
def test_an_account_that_is_not_as_it_has_to_be_is_not_served_and_nothing_listens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, terms: Terms
) -> None:
    monkeypatch.setenv("API_KEY", "practise-key")
    monkeypatch.setenv("API_SECRET", SECRET)
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    with ServerThread(terms) as exchange:
        with pytest.raises(NotReady, match=r"position mode: hedge"):
            serving(exchange, tmp_path)
        assert not (tmp_path / "one.sock").exists()
