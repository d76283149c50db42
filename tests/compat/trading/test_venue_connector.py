"""A venue's connector in a runtime: it trades as `dita run` does, against `dita exchange`."""

import signal
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from dita.compat.trading import ConnectorError, StrategyStatus, TradingRuntime, VenueConnector
from dita.practice.binance.exchange import Terms
from dita.practice.server import ServerThread
from dita.strategy import Strategy
from live_runs import SECRET, position


class Buyer(Strategy):
    """Buys once, and has the runtime stopped once that has filled."""

    runtime: ClassVar[TradingRuntime]

    def on_start(self) -> None:
        self.asked = False

    def on_tick(self, now: Any) -> None:
        if not self.asked:
            self.asked = self.enter("BTCUSDT", "LONG", "0.01").accepted

    def on_fill(self, fill: Any) -> None:
        self.runtime.stop()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerThread]:
    with ServerThread(Terms(still=True)) as server:
        monkeypatch.setenv("API_KEY", "practise-key")
        monkeypatch.setenv("API_SECRET", SECRET)
        yield server


def bounded(runtime: TradingRuntime, seconds: float = 30) -> threading.Timer:
    """Stop a runtime that does not end by itself."""
    timer = threading.Timer(seconds, runtime.stop)
    timer.start()
    return timer


@pytest.mark.parametrize("shadow", [False, True])
def test_a_runtime_trades_at_a_venue_until_it_is_stopped(served: ServerThread, *, shadow: bool) -> None:
    before = signal.getsignal(signal.SIGINT)
    with TradingRuntime(tick_interval=0.05) as runtime:
        venue = VenueConnector(exchange=served.address, shadow=shadow)
        runtime.add_connector(venue)
        Buyer.runtime = runtime
        name = runtime.load_strategy(Buyer, "binance", "BTC/USDT")
        with pytest.raises(ConnectorError, match="is Stopped: start it before run"):
            runtime.run()
        runtime.start_strategy(name)
        timer = bounded(runtime)
        assert runtime.run() == {}
        timer.cancel()
        assert [one.status for one in runtime.strategies] == [StrategyStatus.STOPPED]
        assert venue.left is not None
        assert [row["symbol"] for row in venue.left.positions] == ["BTCUSDT"]
        assert position(served) == (0 if shadow else venue.left.positions[0]["size"])
    assert signal.getsignal(signal.SIGINT) is before


def test_what_a_venues_connector_cannot_do_is_named(served: ServerThread) -> None:
    with TradingRuntime() as runtime:
        venue = VenueConnector(exchange=served.address, api_key="env:NOT_SET_ANYWHERE")
        runtime.add_connector(venue)
        with pytest.raises(ConnectorError, match="binance: is not open"):
            venue.get_ticker("BTC/USDT")
        with pytest.raises(ConnectorError, match="binance: has no strategy"):
            runtime.run()
        for pair in ("BTC/USDT", "ETH/USDT"):
            runtime.start_strategy(runtime.load_strategy(Buyer, "binance", pair))
        with pytest.raises(ConnectorError, match="strategies of several pairs have to name instruments"):
            runtime.run()
