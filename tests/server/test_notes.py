"""What a strategy in a client wants back: kept in the log of the server, with what happened since."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dita
from dita import SimulatedVenue
from dita.errors import InvalidInput
from dita.server import Serving
from dita.server.running import ConnectedStrategies
from dita.strategy import QuoteTick, Strategy
from serving import Served, serving

SYMBOL = "BTCUSDT"


class Counter(Strategy):
    """Counts its fills, wants the count back, and rests an order that fills while it is away."""

    def on_start(self) -> None:
        self.reported: list[Any] = getattr(self, "reported", [])
        self.reported.append(("start", getattr(self, "fills", 0)))
        self.fills = getattr(self, "fills", 0)
        if not self.trades():
            self.enter(SYMBOL, "LONG", "0.01", order_type="LIMIT", limit_price="59900.0")

    def on_load(self, state: Any) -> None:
        self.reported = [("load", state["fills"])]
        self.fills = state["fills"]

    def on_save(self) -> dict[str, Any]:
        return {"fills": self.fills}

    def on_fill(self, fill: Any) -> None:
        self.fills = getattr(self, "fills", 0) + 1
        self.reported.append(("fill", fill.size, fill.price, self.recovering))

    def on_stop(self) -> None:
        self.reported.append(("stop", self.fills))


def quote(owner: Serving, bid: str, ask: str) -> None:
    venue = owner.host.kernel("main").venue
    assert isinstance(venue, SimulatedVenue)
    venue.on_quote(SYMBOL, bid, None, ask, None)
    owner.publish(QuoteTick(SYMBOL, 1, (bid, None, ask, None)), "main")


@pytest.fixture
def planes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    return tmp_path


def lived_twice_in_a_client(planes: Path) -> tuple[list[Any], list[Any]]:
    """Run it, lose its process while its order rests, have that filled, and run it again."""
    with serving(planes, "outside") as owner:
        quote(owner, "60000.0", "60000.1")
        reported = []
        for life in range(2):
            kernel = dita.connect(planes / "outside.sock", name="counter", slots=1, market=True)
            runner = ConnectedStrategies(kernel)
            handle = runner.load(Counter)
            handle.start()
            kernel.link.slot(0)
            runner.poll()
            if life:
                runner.stop()
            assert not handle.error
            reported.append(handle.strategy.reported)  # type: ignore[attr-defined]
            if life:
                kernel.close()
            else:
                kernel.hang_up()
                quote(owner, "59800.0", "59800.1")
    return reported[0], reported[1]


def lived_twice_in_the_host(planes: Path) -> tuple[list[Any], list[Any]]:
    """The same inside the host, which is closed before the order fills, and opened again."""
    with serving(planes, "inside") as owner:
        quote(owner, "60000.0", "60000.1")
        handle = owner.host.load(Counter, name="counter")
        handle.start()
        owner.host.strategies.deliver()
        first = handle.strategy.reported  # type: ignore[attr-defined]
    with serving(planes, "inside") as owner:
        # It fills in the new host, before its strategy is there.
        quote(owner, "59800.0", "59800.1")
        handle = owner.host.load(Counter, name="counter")
        handle.start()
        owner.host.strategies.deliver()
        handle.stop()
        assert not handle.error
        second = handle.strategy.reported  # type: ignore[attr-defined]
    return first, second


def test_a_strategy_that_comes_back_has_its_state_and_receives_what_it_missed_as_in_the_host(
    planes: Path,
) -> None:
    first, second = lived_twice_in_a_client(planes)
    assert first == [("start", 0)]
    assert [one[0] for one in second] == ["load", "fill", "start", "stop"]
    assert second[0] == ("load", 0)
    assert second[1][3], "it is recovering while it hears of the past"
    assert second[2:] == [("start", 1), ("stop", 1)]
    inside = lived_twice_in_the_host(planes)
    assert inside == (first, second)


def test_a_note_outlives_a_kill_of_the_server(serve: Callable[..., Served]) -> None:
    one = serve()
    kernel = dita.connect(one.socket, name="mine")
    assert kernel.noted("mine") is None
    assert kernel.recovery is None
    kernel.note("mine", "old", 3)
    text = "new" * 20_000
    kernel.note("mine", text)
    told_seq = kernel.seq
    kernel.health()
    assert kernel.log_standing is not None
    one.kill()
    one.start()
    noted = kernel.noted("mine")
    assert noted is not None
    assert noted.text == text
    assert noted.told_seq <= told_seq
    kernel.close()
    again = dita.connect(one.socket, name="mine")
    assert again.noted("mine") == noted
    assert again.recovery is not None
    other = dita.connect(one.socket, name="other")
    assert other.noted("other") is None
    for closes in (again, other):
        closes.close()


def test_a_note_that_cannot_be_kept_is_refused_by_field_and_the_old_one_stays(served: Served) -> None:
    with dita.connect(served.socket, name="mine") as kernel:
        kernel.note("mine", "kept")
        with pytest.raises(InvalidInput, match="65,536"):
            kernel.note("mine", "x" * 65_537)
        with pytest.raises(InvalidInput, match="name"):
            kernel.note("other", "x")
        with pytest.raises(InvalidInput, match="name"):
            kernel.noted("other")
        noted = kernel.noted("mine")
        assert noted is not None
        assert noted.text == "kept"


def test_positions_and_the_ledger_are_those_of_the_kernel(planes: Path) -> None:
    with serving(planes, "outside") as owner:
        quote(owner, "60000.0", "60000.1")
        inside = owner.host.kernel("main")
        with dita.connect(planes / "outside.sock", name="mine", slots=2) as kernel:
            assert kernel.positions() == []
            for slot, side in zip(kernel.slots, ("LONG", "LONG"), strict=True):
                outcome = kernel.process_intent(
                    {
                        "intent_id": f"i{slot}",
                        "slot_id": slot,
                        "trade_id": f"t{slot}",
                        "asset": SYMBOL,
                        "side": side,
                        "action": "ENTER",
                        "target_size": "0.01",
                        "timestamp": 1,
                    }
                )
                assert outcome.accepted, outcome
            assert kernel.positions() == inside.positions()
            assert [type(one["position_side"]) for one in kernel.positions()] == [
                type(one["position_side"]) for one in inside.positions()
            ]
            assert kernel.ledger() == inside.ledger()
            assert len(kernel.ledger()) > 2
            assert kernel.ledger(1) == inside.ledger(1)
            assert kernel.ledger(0) == []
            assert kernel.ledger(trade_id="t1") == inside.ledger(trade_id="t1")
            assert kernel.ledger(asset="none") == []
            with pytest.raises(InvalidInput, match="limit"):
                kernel.ledger(-1)
