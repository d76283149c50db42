"""`dita run` lets programs in: they trade its account beside its own strategies, and receive its market."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import dita
from dita import ExecutionKernel
from dita.errors import KernelError, ServerRefused
from dita.gateway import HostSource
from dita.gateway.refused import SourceRefused
from dita.host import Directory, ask
from dita.live.plan import Plan, Remaining
from dita.live.run import LiveHost
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.server import ConnectedKernel
from dita.server.running import ConnectedStrategies
from dita.strategy import Bar, QuoteTick, Strategy, TradeTick
from dita.zinc import SharedMemoryZincPlane
from live_runs import SECRET, plan_of, position, shadow_of

SYMBOL = "BTCUSDT"
PATIENCE_S = 30.0


class Holder(Strategy):
    """Enters at its first tick."""

    slots = 1

    def on_start(self) -> None:
        self.asked = False

    def on_tick(self, now: Any) -> None:
        if not self.asked and not self.trades(SYMBOL):
            self.asked = True
            self.enter(SYMBOL, "LONG", "0.01")


class Guest(Strategy):
    """Writes down what it receives, and enters at its first quote."""

    def on_start(self) -> None:
        self.received: dict[str, list[Any]] = {"quote": [], "trade": [], "bar": [], "fill": []}

    def on_quote(self, quote: QuoteTick) -> None:
        self.received["quote"].append(quote.bid)
        if len(self.received["quote"]) == 1:
            self.enter(SYMBOL, "LONG", "0.02")

    def on_trade(self, trade: TradeTick) -> None:
        self.received["trade"].append(trade.price)

    def on_bar(self, bar: Bar) -> None:
        self.received["bar"].append(bar.close)

    def on_fill(self, fill: Any) -> None:
        self.received["fill"].append(fill.size)


@pytest.fixture
def exchange(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[ServerThread]:
    monkeypatch.setenv("API_KEY", "practise-key")
    monkeypatch.setenv("API_SECRET", SECRET)
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    with ServerThread(getattr(request, "param", Terms())) as server:
        yield server


@contextmanager
def trading(plan: Plan, place: Path) -> Iterator[LiveHost]:
    """A run on a thread, until the end of the block."""
    run = LiveHost(plan, Directory(place / "host"))
    began = threading.Event()
    left: list[Remaining] = []
    thread = threading.Thread(target=lambda: left.append(run.trade(began.set)))
    thread.start()
    try:
        assert began.wait(PATIENCE_S)
        yield run
    finally:
        run.stop()
        thread.join(PATIENCE_S)
    assert left, "it did not end"


def wait(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it did not come to that"


@pytest.mark.parametrize("of", [plan_of, shadow_of])
def test_a_program_trades_beside_the_runs_own_strategy_and_receives_the_market(
    exchange: ServerThread, tmp_path: Path, of: Callable[..., Plan]
) -> None:
    with trading(of(exchange, Holder, guests=2, on_stop="keep"), tmp_path) as run:
        kernel = dita.connect(tmp_path / "host", name="guest", market=True)
        assert kernel.slots == (1,), "the first is the strategy's own"
        strategies = ConnectedStrategies(kernel)
        handle = strategies.load(Guest)
        handle.start()
        received = handle.strategy.received  # type: ignore[attr-defined]

        def reported(*kinds: str) -> bool:
            assert strategies.poll(0.05)
            assert not handle.error
            return all(received[kind] for kind in kinds)

        wait(lambda: reported("quote", "trade", "fill"))
        wait(lambda: run.kernel.slot(0).size == Decimal("0.01"))
        assert {slot.owner: slot.size for slot in run.kernel.state.slots if slot.size} == {
            "Holder": Decimal("0.01"),
            "guest": Decimal("0.02"),
        }
        if of is plan_of:
            wait(lambda: position(exchange) == Decimal("0.03"))
        kernel.close()


@pytest.mark.parametrize("exchange", [Terms(still=True)], indirect=True)
def test_the_run_that_ends_tells_programs_and_takes_nothing_more(
    exchange: ServerThread, tmp_path: Path
) -> None:
    with trading(plan_of(exchange, Holder, guests=1, on_stop="keep"), tmp_path) as run:
        kernel = dita.connect(tmp_path / "host", name="guest", comes_back_s=0.2, on_loss="keep")
        assert kernel.health()["seq"] > 0
        with pytest.raises(ServerRefused, match="max_slots"):
            dita.connect(tmp_path / "host", name="one more")
        run.stop()

        def is_notified() -> bool:
            return any(kind == "away" and why == "the server ends" for kind, why in notified_by(kernel))

        wait(is_notified)
        with pytest.raises(KernelError):
            kernel.health()
        kernel.hang_up()


def notified_by(kernel: ConnectedKernel) -> Iterator[tuple[str, str]]:
    kernel.link.wait(0.1)
    while (found := kernel.link.next_told()) is not None:
        yield found[0], str(found[1])


def test_a_run_that_keeps_nothing_lets_nobody_in(exchange: ServerThread) -> None:
    run = LiveHost(plan_of(exchange, Holder))
    assert run.programs is None
    run.stop()
    run.trade()


@pytest.mark.parametrize("exchange", [Terms(still=True)], indirect=True)
def test_orders_of_the_gateway_go_by_the_kernels_socket_and_are_of_who_asks(
    exchange: ServerThread, tmp_path: Path
) -> None:
    async def order() -> Any:
        source = HostSource(Directory(tmp_path / "host"), slots=1)
        await source.read()
        fields = {"asset": SYMBOL, "side": "BUY", "size": "0.02", "client_id": "a1"}
        said = await source.order("anna", None, fields)
        await source.close()
        return said

    with trading(plan_of(exchange, Holder, guests=2, on_stop="keep"), tmp_path) as run:
        assert asyncio.run(order())["owner"] == "anna"
        wait(lambda: any(slot.owner == "anna" and slot.size for slot in run.kernel.state.slots))


@pytest.mark.parametrize("exchange", [Terms(still=True)], indirect=True)
def test_orders_by_hand_take_a_slot_each_and_give_it_back_as_they_end(
    exchange: ServerThread, tmp_path: Path
) -> None:
    """Three operators share two slots: each order takes one, and gives it back."""

    async def ordered(source: HostSource, name: str, side: str, client_id: str) -> str:
        try:
            said = await source.order(
                name,
                None,
                {"asset": SYMBOL, "side": side, "size": "0.02", "client_id": f"{name}-{client_id}"},
            )
        except SourceRefused as refused:
            return str(refused)
        return f"{said['status']} {said['reason']}".strip()

    async def ended(source: HostSource, name: str, client_id: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while True:
            rows = await source.ask("orders_state")
            status = [
                one["status"]
                for one in rows
                if one["client_order_id"] == f"{name}-{client_id}" and one["owner"] == name
            ]
            if status == ["FILLED"]:
                return
            assert time.monotonic() < until, rows
            await asyncio.sleep(0.02)

    async def session() -> None:
        source = HostSource(Directory(tmp_path / "host"))
        await source.read()
        for name in ("anna", "bob"):
            assert await ordered(source, name, "BUY", "b1") in {"SENT", "NEW", "FILLED"}
            await ended(source, name, "b1")
        reported = await ordered(source, "carl", "BUY", "b1")
        assert "slots: 1 are asked for and 0 are free; close a trade, or give the account more" in reported
        assert "--guest-slots of `dita run`" in reported
        # A second trade of hers has no slot; her own she may close at any time.
        assert await ordered(source, "anna", "BUY", "b2") == "REJECTED no_free_slot"
        assert await ordered(source, "anna", "SELL", "s1") in {"SENT", "NEW", "FILLED"}
        await ended(source, "anna", "s1")
        assert await ordered(source, "carl", "BUY", "b2") in {"SENT", "NEW", "FILLED"}
        await ended(source, "carl", "b2")
        await source.close()

    with trading(plan_of(exchange, Holder, guests=2, on_stop="keep"), tmp_path) as run:
        asyncio.run(session())
        owners = {slot.owner for slot in run.kernel.state.slots if slot.size}
        assert {"bob", "carl"} <= owners


@pytest.mark.parametrize("exchange", [Terms(still=True)], indirect=True)
def test_orders_by_hand_leave_the_free_slots_to_programs(exchange: ServerThread, tmp_path: Path) -> None:
    def by_hand(run: LiveHost, side: str, client_id: str) -> None:
        order = {"asset": SYMBOL, "side": side, "size": "0.02", "client_id": client_id}
        ask(Directory(tmp_path / "host"), "order", order=order)
        held = Decimal("0.02") if side == "BUY" else Decimal(0)
        wait(
            lambda: (
                sum((one.size for one in run.kernel.state.slots if one.owner == "by-hand"), Decimal(0))
                == held
            )
        )

    with trading(plan_of(exchange, Holder, guests=3, on_stop="keep"), tmp_path) as run:
        by_hand(run, "BUY", "h1")
        with dita.connect(tmp_path / "host", name="guest", slots=2, on_loss="keep"):
            # Every slot is taken, and what is held by hand can be closed.
            by_hand(run, "SELL", "h2")
        with dita.connect(tmp_path / "host", name="guest", slots=3, on_loss="keep") as kernel:
            assert len(kernel.slots) == 3
            with pytest.raises(KernelError, match=r"are free; close a trade, or give.*--guest-slots"):
                by_hand(run, "BUY", "h3")


@pytest.mark.parametrize("exchange", [Terms(still=True)], indirect=True)
def test_a_run_whose_name_is_taken_in_shared_memory_trades_and_lets_programs_in_without_the_market(
    exchange: ServerThread, tmp_path: Path
) -> None:
    other = ExecutionKernel()
    plan = plan_of(exchange, Holder, guests=1, on_stop="keep")
    other.share(SharedMemoryZincPlane(Directory(tmp_path / "host").plane(plan.place.name)))
    with (
        trading(plan, tmp_path) as run,
        dita.connect(tmp_path / "host", name="guest", market=True) as kernel,
    ):
        assert kernel.zinc_plane is None
        wait(lambda: run.kernel.slot(0).size == Decimal("0.01"))
        assert kernel.slot(0).size == Decimal("0.01")
    other.close()
