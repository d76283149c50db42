"""Strategies on a host: loaded, started, paused, stopped; their notes; callbacks that do not end."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import ControlUpdate, InvalidInput, SimulatedVenue, timetravel
from dita._kernel import Replay
from dita.config import Config, load
from dita.host import Directory, Host, NoFreeSlot, ask
from dita.runtime import ActorState
from dita.strategy import Params, QuoteTick, Strategy, StrategyError

SYMBOL = "BTCUSDT"
RULES = '{instruments = {BTCUSDT = {tick_size = "0.1", lot_step = "0.001"}}}'


def config() -> Config:
    return load(environ={}, overrides={"accounts.main.instruments": RULES}).config


def quote(host: Host, at: int = 1) -> None:
    venue = host.kernel(None).venue
    assert isinstance(venue, SimulatedVenue)
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, at)


class Wanted(Params):
    """How much."""

    size: Decimal = Decimal("0.01")


class Buyer(Strategy):
    """Buys at its first quote, and writes down what it receives."""

    params_type = Wanted
    slots = 2

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.received: list[str] = []
        self.bought = 0

    def on_start(self) -> None:
        self.received.append("start")

    def on_stop(self) -> None:
        self.received.append("stop")

    def on_tick(self, now: Any) -> None:
        self.received.append(f"tick {now:%S}")

    def on_quote(self, tick: QuoteTick) -> None:
        if not self.bought:
            assert self.enter(tick.symbol, "LONG", self.params.size).accepted
            self.bought += 1

    def on_fill(self, fill: Any) -> None:
        self.received.append(f"fill {fill.size.normalize()}{' again' if self.recovering else ''}")

    def on_save(self) -> Any:
        return {"bought": self.bought}

    def on_load(self, state: Any) -> None:
        self.received.append("load")
        self.bought = state["bought"]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Host(config(), directory=Directory(tmp_path / "h")) as host:
        yield host


def tick(host: Host, at: int = 1) -> None:
    quote(host, at=at)
    host.strategies.dispatch(QuoteTick(SYMBOL, at, ("60000.0", "1", "60000.1", "1")))


def buyer(host: Host, name: str = "alpha", **options: Any) -> Any:
    return host.load(Buyer, name=name, params={"size": "0.02"}, **options)


def test_a_strategy_receives_and_acts_from_start_to_stop_and_not_in_a_pause(host: Host) -> None:
    handle = buyer(host)
    assert handle.state is ActorState.STOPPED
    tick(host, 1)
    assert handle.strategy.received == []
    handle.start()
    handle.pause()
    tick(host, 2)
    assert (handle.state, handle.strategy.received) == (ActorState.PAUSED, ["start"])
    handle.start()
    tick(host, 3)
    host.strategies.tick(3_000_000_000)
    assert handle.strategy.received == ["start", "fill 0.02", "tick 03"]
    handle.stop()
    assert handle.strategy.received[-1] == "stop"
    assert handle.state is ActorState.STOPPED
    (shown,) = json.loads(host.status())["strategies"]
    assert (shown["name"], shown["state"], shown["slots"]) == ("alpha", "Stopped", [0, 1])


def test_what_cannot_be_loaded_is_refused_by_name_and_leaves_no_slot_taken(host: Host) -> None:
    with pytest.raises(StrategyError, match=r"size: .*decimal"):
        host.load(Buyer, name="a", params={"size": "much"})
    with pytest.raises(StrategyError, match=r"nowhere\.py: there is no such file"):
        host.load("nowhere.py", name="a")
    with pytest.raises(NoFreeSlot):
        host.load(Buyer, name="a", slots=99)
    with pytest.raises(InvalidInput, match="account"):
        host.load(Buyer, name="a", account="other")
    buyer(host)
    with pytest.raises(InvalidInput, match="name"):
        buyer(host)
    assert buyer(host, "beta", slots=8).actor.client.slots == tuple(range(2, 10))
    with pytest.raises(InvalidInput, match="is none of alpha, beta"):
        host.strategies.find("gamma")


def test_a_note_is_no_input_and_no_replay_minds_it(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "h")
    with Host(config(), directory=directory) as host:
        handle = buyer(host)
        handle.start()
        tick(host)
        kernel = host.kernel("main")
        noted = kernel.noted("alpha")
        assert noted is not None
        assert json.loads(noted.text) == {"bought": 1}
        hashed, seq = kernel.state_hash(), kernel.seq
        replay = Replay(directory.log("main"))
        replay.run()
        assert (replay.seq, replay.state_hash()) == (seq, hashed)
        assert "NOTE" not in {step["type"] for step in Replay(directory.log("main"), from_start=True)}
    assert timetravel.verify(directory.log("main"), replay=True)
    kinds = {row["type"]: row["records"] for row in timetravel.stats(directory.log("main"))["types"]}
    assert kinds["NOTE"] >= 1
    compared = timetravel.what_if(directory.log("main"))
    assert compared["state_hash_then"] == compared["state_hash_now"]


def test_a_strategy_goes_on_from_its_note_and_receives_what_has_happened_since(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "h")
    with Host(config(), directory=directory) as host:
        handle = buyer(host)
        handle.start()
        tick(host)
    with Host(config(), directory=directory) as host:
        # What happens before it is started, it is told as what was.
        client = host.client("alpha", "main", slots=1)
        quote(host, at=host.kernel("main").now_ns + 1)
        assert client.exit(client.trades()[0].slot_id, "0.01").accepted
        client.close()
        handle = buyer(host)
        handle.start()
        assert handle.strategy.received == ["load", "fill 0.01 again", "start"]
        tick(host, host.kernel("main").now_ns + 1)
        assert (handle.strategy.bought, handle.strategy.position(SYMBOL).size) == (1, Decimal("0.01"))
        assert handle.strategy.recovering is False


def test_a_fill_that_closed_a_trade_of_the_other_side_is_reported_once_after_a_restart_too(
    tmp_path: Path,
) -> None:
    rules = RULES.replace("}}", ', opposite_slots = "net", pair_off = "same_owner"}}')
    paired = load(environ={}, overrides={"accounts.main.instruments": rules}).config
    directory = Directory(tmp_path / "h")
    with Host(paired, directory=directory) as host:
        handle = buyer(host)
        handle.start()
        tick(host)
        assert handle.strategy.received == ["start", "fill 0.02"]
    with Host(paired, directory=directory) as host:
        client = host.client("alpha", "main", slots=2)
        quote(host, at=host.kernel("main").now_ns + 1)
        # It closes what is long, and opens the rest: two slots change.
        assert client.enter(SYMBOL, "SHORT", "0.05").accepted
        assert [slot.size for slot in client.trades()] == [Decimal("0.03")]
        client.close()
        handle = buyer(host)
        handle.start()
        assert handle.strategy.received == ["load", "fill 0.05 again", "start"]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"x": object()}, "no plain JSON"),
        ({"x": float("nan")}, "no plain JSON"),
        ({"x": "y" * 70_000}, "more than 65,536"),
    ],
)
def test_a_note_that_cannot_be_is_the_strategys_error(host: Host, state: Any, why: str) -> None:
    handle = host.load(type("Bad", (Buyer,), {"on_save": lambda _: state}), name="bad")
    handle.start()
    tick(host)
    assert handle.state is ActorState.ERROR
    assert why in handle.error
    assert host.kernel("main").noted("bad") is None


class Loops(Buyer):
    """Its quotes never end."""

    call_limit_s = 0.2

    def on_quote(self, tick: QuoteTick) -> None:
        self.enter(tick.symbol, "LONG", "0.01", order_type="LIMIT", limit_price="50000.0")
        while True:
            pass


def test_a_callback_that_loops_for_ever_is_ended_and_its_entries_are_canceled(host: Host) -> None:
    handle, other = host.load(Loops, name="loops"), buyer(host)
    handle.start()
    other.start()
    tick(host)
    assert handle.state is ActorState.ERROR
    assert "StrategyTimeout: on_quote has taken longer than 0.2 s" in handle.error
    assert "test_strategies.py, line" in handle.error
    assert [order.owner for order in host.kernel("main").orders(live_only=True)] == []
    assert other.strategy.received == ["start", "fill 0.02"]


class Blocked(Loops):
    """Its quotes wait in C."""

    gate = threading.Event()

    def on_quote(self, tick: QuoteTick) -> None:
        self.enter(tick.symbol, "LONG", "0.01", order_type="LIMIT", limit_price="50000.0")
        time.sleep(1.5)


def test_of_a_callback_that_is_blocked_in_c_the_policy_is_carried_out_meanwhile(host: Host) -> None:
    handle = host.load(Blocked, name="blocked")
    handle.start()
    teller = threading.Thread(target=tick, args=(host,))
    teller.start()
    kernel, until = host.kernel("main"), time.monotonic() + 10
    while handle.state is not ActorState.ERROR and time.monotonic() < until:
        pass
    assert teller.is_alive()
    assert "is blocked for more than 0.4 s" in handle.error
    while kernel.orders(live_only=True) and teller.is_alive():
        pass
    assert teller.is_alive()
    teller.join()
    assert handle.state is ActorState.ERROR


class Funded(Buyer):
    """Receives its funding, and each second."""

    def on_funding(self, symbol: str, amount: Decimal) -> None:
        self.received.append(f"funding {symbol} {amount.normalize()}")


def test_funding_of_its_trades_is_reported_once_each_time(host: Host) -> None:
    handle = host.load(Funded, name="funded")
    handle.start()
    tick(host)
    venue = host.kernel(None).venue
    assert isinstance(venue, SimulatedVenue)
    venue.mark(SYMBOL, "60000.0", 2)
    venue.set_funding(SYMBOL, "0.0001", 10_000_000_000, 28_800, 3)
    host.kernel("main").advance_time(11_000_000_000)
    for _ in range(2):
        host.strategies.deliver()
    assert handle.strategy.received == ["start", "fill 0.01", f"funding {SYMBOL} -0.06"]


def test_a_callback_that_is_stuck_for_five_seconds_makes_the_heartbeat_stale(host: Host) -> None:
    handle = buyer(host)
    assert json.loads(host.status())["heartbeat"] == "fresh"
    # Further away than what is looked at: the watchdog's own thread would raise in this one.
    handle.actor.guarded.limit_s = 60
    handle.actor.guarded.enter()
    handle.actor.guarded.look(time.monotonic() - 6)
    shown = json.loads(host.status())
    assert shown["heartbeat"] == "stale"
    assert shown["strategies"][0]["stuck_s"] >= 6
    handle.actor.guarded.leave()


STRATEGY = """
from dita.strategy import Params, Strategy

class Wanted(Params):
    length: int = 1

class Mine(Strategy):
    params_type = Wanted

    def on_tick(self, now):
        print("tick", self.params.length, flush=True)

    def on_stop(self):
        print("stopped", flush=True)
"""
RUNS = """
import sys
from pathlib import Path
from dita.config import load
from dita.host import Directory, Host

loaded = load(Path(sys.argv[1]), environ={})
Host(loaded.config, directory=Directory(sys.argv[2])).run(lambda: print("running", flush=True))
print("closed", flush=True)
"""


def test_a_host_runs_the_strategies_of_its_configuration_until_sigterm(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(STRATEGY)
    (tmp_path / "dita.toml").write_text(
        f"[accounts.main]\ninstruments = {RULES}\n"
        f'[strategies.mine]\nfile = "{tmp_path / "mine.py"}"\nparams = {{length = 7}}\n'
        f'[strategies.other]\nfile = "{tmp_path / "mine.py"}"\nstart = false\n'
    )
    words = [sys.executable, "-c", RUNS, str(tmp_path / "dita.toml"), str(tmp_path / "h")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as life:
        assert life.stdout is not None
        assert [life.stdout.readline().strip() for _ in range(2)] == ["running", "tick 7"]
        life.terminate()
        said = life.stdout.read().split("\n")
    assert life.returncode == 0
    assert said[-3:-1] == ["stopped", "closed"]
    assert not Directory(tmp_path / "h").is_held()


def test_a_change_of_controls_says_who_asks(host: Host) -> None:
    with pytest.raises(InvalidInput, match="updated_by"):
        host.control(ControlUpdate(frozen=True))
    host.control(ControlUpdate(frozen=True, updated_by="ops"))
    assert host.kernel("main").control.updated_by == "ops"


def test_a_host_answers_where_it_is_configured(tmp_path: Path) -> None:
    with Host(config()) as host:
        with pytest.raises(InvalidInput, match="directory"):
            host.serve()
        host.serve(tmp_path / "host.sock")
        assert ask(Directory(tmp_path), "status")["heartbeat"] == "fresh"
