"""A strategy in the host and the same one in a client: the same callbacks, the same fills, the same money."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import dita
from dita import SimulatedVenue
from dita.server import Serving
from dita.server.running import ConnectedStrategies
from dita.strategy import Bar, QuoteTick, Strategy, TradeTick
from serving import Served, serving

SYMBOL = "BTCUSDT"


class Trader(Strategy):
    """Acts at every kind of callback, and writes all of them down."""

    slots = 2

    def on_start(self) -> None:
        self.reported: list[tuple[Any, ...]] = []
        self.quotes = 0
        self.reported.append(("start", self.position(SYMBOL).size))

    def on_quote(self, quote: QuoteTick) -> None:
        self.quotes += 1
        self.reported.append(("quote", quote.bid, quote.ask, self.position(SYMBOL).size, len(self.orders())))
        if self.quotes == 1:
            self.enter(SYMBOL, "LONG", "0.01")
        elif self.quotes == 2:
            self.enter(SYMBOL, "LONG", "0.02", order_type="LIMIT", limit_price=str(quote.bid - 50))
        elif self.quotes == 3:
            (order,) = self.orders()
            self.amend(order, limit_price=str(quote.bid - 20))
        elif self.quotes == 6:
            for trade in self.trades():
                self.exit(trade)

    def on_trade(self, trade: TradeTick) -> None:
        self.reported.append(("trade", trade.price, trade.size, trade.buyer_is_maker))

    def on_bar(self, bar: Bar) -> None:
        self.reported.append(("bar", bar.interval, bar.texts))
        self.enter(SYMBOL, "LONG", "0.03", order_type="LIMIT", limit_price="50000")
        self.enter(SYMBOL, "LONG", "0.03", order_type="LIMIT", limit_price="50000.0", post_only=True)

    def on_order(self, order: Any) -> None:
        self.reported.append(
            ("order", order.status, order.order_side, order.filled_size, order.intended_size)
        )

    def on_fill(self, fill: Any) -> None:
        self.reported.append(("fill", fill.side, fill.price, fill.size, fill.fee, fill.liquidity))

    def on_position(self, trade: Any) -> None:
        self.reported.append(("position", trade.size, trade.realized_pnl, trade.fees_paid))

    def on_stop(self) -> None:
        for order in self.orders():
            self.cancel(order)
        self.reported.append(("stop",))


def market() -> list[Any]:
    def quote(at: int, bid: str) -> QuoteTick:
        return QuoteTick(SYMBOL, at, (bid, None, str(Decimal(bid) + Decimal("0.1")), None))

    bar = Bar(SYMBOL, "1m", 0, 60, ("60000", "60001", "59999", "60000.5", "12"))
    trade = TradeTick(SYMBOL, 4, "60000.3", "0.5", buyer_is_maker=True)
    bids = ["60000.0", "60000.5", "60001.0", "59990.0", "59980.0", "60010.0"]
    ticks: list[Any] = [quote(at, bid) for at, bid in enumerate(bids)]
    return [*ticks[:3], trade, *ticks[3:], bar]


def play(owner: Serving, settle: Callable[[int], None]) -> None:
    venue = owner.host.kernel("main").venue
    assert isinstance(venue, SimulatedVenue)
    for number, tick in enumerate(market(), 1):
        if isinstance(tick, QuoteTick):
            venue.on_quote(SYMBOL, tick.bid, None, tick.ask, None)
        owner.publish(tick, "main")
        settle(number)


@pytest.fixture
def planes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    return tmp_path


@pytest.mark.parametrize("spin", [False, True])
def test_a_strategy_receives_and_does_the_same_in_the_host_and_in_a_client(
    planes: Path, *, spin: bool
) -> None:
    with serving(planes, "inside") as owner:
        handle = owner.host.load(Trader, name="trader")
        handle.start()
        play(owner, lambda _: owner.host.strategies.deliver())
        handle.stop()
        assert not handle.error
        inside, money = handle.strategy.reported, owner.host.kernel("main").account.capital  # type: ignore[attr-defined]
    with serving(planes, "outside") as owner:
        kernel = dita.connect(planes / "outside.sock", name="trader", slots=2, market=True, spin=spin)
        runner = ConnectedStrategies(kernel)
        handle = runner.load(Trader)
        handle.start()

        def settle(number: int) -> None:
            while runner.received < number:
                assert runner.poll(10)
            # An answer comes behind the news of what it followed from.
            kernel.link.slot(0)
            runner.poll()

        play(owner, settle)
        runner.stop()
        kernel.link.slot(0)
        runner.poll()
        assert not handle.error
        outside, same_money = handle.strategy.reported, owner.host.kernel("main").account.capital  # type: ignore[attr-defined]
        kernel.close()
    assert {one[0] for one in inside} >= {
        "start",
        "quote",
        "trade",
        "bar",
        "order",
        "fill",
        "position",
        "stop",
    }
    assert [one for one in inside if one[0] == "fill"]
    assert outside == inside
    assert same_money == money
    assert runner.missed == {"quotes": 0, "trades": 0, "bars": 0}


def test_a_client_that_falls_behind_learns_how_much_it_missed(planes: Path) -> None:
    with serving(planes, "outside") as owner:
        kernel = dita.connect(planes / "outside.sock", name="trader", slots=2, market=True)
        runner = ConnectedStrategies(kernel)
        runner.load(Trader).start()
        for at in range(5_000):
            owner.publish(TradeTick(SYMBOL, at, "60000", "1", buyer_is_maker=False), "main")
        while runner.received < 5_000:
            assert runner.poll(10)
        reported = runner.handles["trader"].strategy.reported  # type: ignore[attr-defined]
        counted = sum(one[0] == "trade" for one in reported)
        assert runner.missed["trades"] >= 5_000 - 4_096 - 1
        assert counted + runner.missed["trades"] == 5_000
        kernel.close()


def test_a_strategy_file_runs_as_a_client_process(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        textwrap.dedent(
            """
            from dita.strategy import Params, QuoteTick, Strategy

            class Size(Params):
                size: str = "0.01"

            class Mine(Strategy):
                params_type = Size

                def on_start(self):
                    print("started", flush=True)

                def on_quote(self, quote: QuoteTick):
                    if not self.trades():
                        self.enter("BTCUSDT", "LONG", self.params.size)

                def on_fill(self, fill):
                    print("fill", fill.side, fill.size, fill.price, flush=True)
            """
        )
    )
    command = [sys.executable, "-m", "dita.cli", "run", str(file), "--connect", str(served.socket)]
    command += ["--name", "mine", "--on-stop", "flatten", "--param", "size=0.02"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert program.stdout is not None
    lines = [program.stdout.readline()]
    assert lines == ["started\n"], program.communicate()
    assert program.stdout.readline().startswith("mine: trading main")
    served.quote("60010.0", "60010.1")
    assert program.stdout.readline() in ("fill BUY 0.020 60010.1\n", "fill BUY 0.020 60000.1\n")
    assert served.leases()["mine"]["pid"] == program.pid
    program.send_signal(signal.SIGTERM)
    out, errors = program.communicate(timeout=30)
    assert program.returncode == 0, errors
    assert out.endswith("ended; its orders follow --on-stop flatten\n")
    served.wait(lambda: served.ask("status")["accounts"]["main"]["slots"] == [])
    refused = subprocess.run(
        [*command[:6], str(tmp_path / "none.sock")], capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 1
    assert "no server answers here" in refused.stderr
    unreadable = subprocess.run(
        [*command, "--secret-file", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert unreadable.returncode == 1
    assert "--secret-file" in unreadable.stderr
