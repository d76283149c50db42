"""An intent and what its program wants back with it: the log has both, or neither, whoever is killed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dita
from dita import KernelError, KernelIntent, SimulatedVenue
from dita._kernel import Link, Replay
from dita.errors import InvalidInput
from dita.server import Serving
from dita.server.connected import ConnectedKernel
from dita.server.running import ConnectedStrategies
from dita.strategy import QuoteTick, Strategy
from serving import Served, serving

SYMBOL = "BTCUSDT"

#: Acts in a callback, and dies by a kill right behind the action named in its argument.
STRATEGY = """
import os, signal
from dita.strategy import Strategy

class Dies(Strategy):
    dies_behind = "{dies_behind}"
    fills = 0
    decided = ""

    def on_start(self):
        self.reported = getattr(self, "reported", [])
        if not self.decided:
            self.decided = "in"
            self.enter("BTCUSDT", "LONG", "0.001", **{entry})
            self.die("enter")

    def on_fill(self, fill):
        self.reported.append(("fill", fill.side, self.recovering))
        self.fills += 1
        if self.fills == 1 and not self.recovering:
            self.decided = "out"
            self.exit(self.trades()[0])
            self.die("exit")

    def on_position(self, trade):
        self.reported.append(("position", str(trade.size), self.recovering))

    def on_save(self):
        return {{"fills": self.fills, "decided": self.decided}}

    def on_load(self, state):
        self.reported = [("load", state)]
        self.fills, self.decided = state["fills"], state["decided"]

    def die(self, where):
        if where == self.dies_behind:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def lived_until_killed(served: Served, dies_behind: str, entry: dict[str, str]) -> Path:
    """Run it in a process of its own, until it has killed itself."""
    file = served.place / "dies.py"
    file.write_text(STRATEGY.format(dies_behind=dies_behind, entry=entry))
    program = served.program(
        f"""
        from dita.server.running import ConnectedStrategies
        strategies = ConnectedStrategies(dita.connect(SOCKET, name="mine"))
        strategies.load({str(file)!r}).start()
        while True:
            strategies.poll(1.0)
        """
    )
    _, error = program.communicate(timeout=30)
    assert program.returncode == -9, error
    file.write_text(STRATEGY.format(dies_behind="", entry=entry))
    return file


def come_back(served: Served, file: Path) -> tuple[ConnectedKernel, ConnectedStrategies, Any]:
    kernel = dita.connect(served.socket, name="mine")
    strategies = ConnectedStrategies(kernel)
    handle = strategies.load(str(file))
    handle.start()
    assert not handle.error
    return kernel, strategies, handle.strategy


def test_a_program_killed_right_behind_its_action_finds_the_state_that_acted(served: Served) -> None:
    file = lived_until_killed(served, "enter", {"order_type": "LIMIT", "limit_price": "50000.0"})
    kernel, strategies, strategy = come_back(served, file)
    assert strategy.reported == [("load", {"fills": 0, "decided": "in"})]
    assert len(kernel.orders(live_only=True)) == 1, "it did not enter again"
    strategies.stop()
    kernel.close()


def test_a_fill_whose_callback_acted_before_the_kill_is_not_reported_again_and_the_rest_of_it_is(
    served: Served,
) -> None:
    file = lived_until_killed(served, "exit", {})
    kernel, strategies, strategy = come_back(served, file)
    assert strategy.reported == [
        ("load", {"fills": 1, "decided": "out"}),
        ("position", "0.001", True),
        ("fill", "SELL", True),
        ("position", "0.000", True),
    ]
    assert strategy.fills == 2
    # What it notes next is of after the restart.
    strategies.stop()
    noted = kernel.noted("mine")
    assert noted is not None
    assert json.loads(noted.text) == {"fills": 2, "decided": "out"}
    kernel.close()


SENDS = """
from dita import KernelIntent
kernel = dita.connect(SOCKET, name="mine", comes_back_s=0.1)
slot = kernel.slots[0]
for number in range(1_000_000):
    intent = KernelIntent(
        intent_id=f"mine:{number}", slot_id=slot, trade_id="t", asset="BTCUSDT", side="LONG",
        action="EXIT", timestamp=1,
    )
    kernel.process_intent(intent, note=f"{number}")
    if number == 20:
        print("sends", flush=True)
"""


def last_intent(log_dir: Path) -> str:
    intents = [step["input"]["intent_id"] for step in Replay(log_dir) if step["type"] == "INTENT"]
    return str(intents[-1])


def test_wherever_a_kill_of_the_server_falls_the_newest_note_is_that_of_the_last_intent(
    serve: Callable[..., Served],
) -> None:
    one = serve()
    one.quote()
    for _ in range(2):
        program = one.program(SENDS)
        assert program.stdout is not None
        assert program.stdout.readline() == "sends\n", program.stderr and program.stderr.read()
        one.kill()
        program.kill()
        program.communicate(timeout=30)
        (log_dir,) = {path.parent for path in one.directory.path.rglob("*.seg")}
        last = last_intent(log_dir)
        one.start()
        with dita.connect(one.socket, name="mine") as kernel:
            noted = kernel.noted("mine")
        assert noted is not None
        assert f"mine:{noted.text}" == last


def exit_of(kernel: ConnectedKernel, name: str) -> KernelIntent:
    return KernelIntent(
        intent_id=name,
        slot_id=kernel.slots[0],
        trade_id="t",
        asset=SYMBOL,
        side="LONG",
        action="EXIT",
        timestamp=1,
    )


def test_intents_with_a_note_that_cannot_be_kept_are_not_taken(served: Served) -> None:
    with dita.connect(served.socket, name="mine") as kernel:
        kernel.process_intents([exit_of(kernel, "a"), exit_of(kernel, "b")], note="kept")
        seq = kernel.health()["seq"]
        with pytest.raises(InvalidInput, match="65,536"):
            kernel.process_intent(exit_of(kernel, "c"), note="x" * 65_537)
        with pytest.raises(InvalidInput, match="slot_id"):
            kernel.process_intent(
                KernelIntent(
                    intent_id="d",
                    slot_id=7,
                    trade_id="t",
                    asset=SYMBOL,
                    side="LONG",
                    action="EXIT",
                    timestamp=1,
                ),
                note="of another's slot",
            )
        assert kernel.health()["seq"] == seq
        noted = kernel.noted("mine")
        assert noted is not None
        assert noted.text == "kept"
        assert noted.told_seq < seq


def test_a_server_of_the_version_before_takes_no_note_with_an_intent_and_runs_strategies_as_before(
    served: Served,
) -> None:
    link = Link(served.socket, name="mine", versions=(1, 3))
    with ConnectedKernel(link, "mine") as kernel:
        seq = kernel.health()["seq"]
        with pytest.raises(KernelError, match="version 3"):
            kernel.process_intent(exit_of(kernel, "a"), note="x")
        assert kernel.health()["seq"] == seq
        file = served.place / "lives.py"
        file.write_text(STRATEGY.format(dies_behind="", entry={}))
        strategies = ConnectedStrategies(kernel)
        handle = strategies.load(str(file))
        handle.start()
        kernel.link.slot(0)
        strategies.poll()
        kernel.link.slot(0)
        strategies.poll()
        assert handle.strategy.fills == 2  # type: ignore[attr-defined]
        strategies.stop()
        noted = kernel.noted("mine")
        assert noted is not None
        assert json.loads(noted.text) == {"fills": 2, "decided": "out"}


class Acts(Strategy):
    """Acts at its quotes and at its fills, and counts both."""

    def on_start(self) -> None:
        self.seen = self.fills = 0

    def on_quote(self, quote: QuoteTick) -> None:
        self.seen += 1
        if not self.trades():
            self.enter(SYMBOL, "LONG", "0.01")

    def on_fill(self, fill: Any) -> None:
        self.fills += 1
        if self.fills % 2:
            self.exit(self.trades()[0])

    def on_save(self) -> dict[str, Any]:
        return {"seen": self.seen, "fills": self.fills}


def quoted(owner: Serving, number: int) -> None:
    venue = owner.host.kernel("main").venue
    assert isinstance(venue, SimulatedVenue)
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None)
    owner.publish(QuoteTick(SYMBOL, number, ("60000.0", None, "60000.1", None)), "main")


def test_the_newest_note_of_a_strategy_that_acts_is_the_same_in_the_host_and_in_a_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    with serving(tmp_path, "inside") as owner:
        handle = owner.host.load(Acts, name="acts")
        handle.start()
        for number in range(1, 4):
            quoted(owner, number)
        owner.host.strategies.close()
        assert not handle.error
        inside = owner.host.kernel("main").noted("acts")
    with (
        serving(tmp_path, "outside") as owner,
        dita.connect(tmp_path / "outside.sock", name="acts", market=True) as kernel,
    ):
        strategies = ConnectedStrategies(kernel)
        handle = strategies.load(Acts)
        handle.start()
        for number in range(1, 4):
            quoted(owner, number)
            while strategies.received < number:
                assert strategies.poll(10)
            for _ in range(2):  # an answer comes behind the news of what it followed from
                kernel.link.slot(0)
                strategies.poll()
        strategies.stop()
        assert not handle.error
        outside = owner.host.kernel("main").noted("acts")
    assert inside is not None
    assert outside is not None
    assert outside.text == inside.text == '{"seen":3,"fills":6}'
