"""What a takeover may do before it knows everything: the venue's rate limits are on, and mostly used up."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import dita
from dita import ExecutionKernel, KernelIntent
from dita._kernel import LogReplica
from standing import PATIENCE_S, SYMBOL, Pair, Venue, waited

pytest.importorskip("aiohttp")
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.venues.binance.adapter import BinancePractice
from exchange_client import Client

#: From a kill to the first exit's fill. A window of the venue's is a minute.
FIRST_EXIT_S = 20.0
RULES = {"tick_size": "0.1", "lot_step": "0.001", "min_notional": "100"}


@pytest.fixture
def venue() -> Iterator[Venue]:
    one = Venue()
    yield one
    one.close()


@pytest.fixture
def pair(tmp_path: Path, venue: Venue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Pair]]:
    """Make servers; they are ended with the test."""
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    made: list[Pair] = []

    def make(**options: str) -> Pair:
        made.append(Pair(tmp_path, venue, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def use_weight(client: Client, used: int) -> None:
    """Ask until the venue has counted so much weight in this minute."""
    while True:
        status, said = client.ask("GET", "/fapi/v1/time", signed=False)
        assert status == 200, said
        left = used - int(client.headers["x-mbx-used-weight-1m"])
        if left <= 0:
            return
        if left > 40:
            client.ask("GET", "/fapi/v1/openOrders")


def fields(number: int, action: str, **more: Any) -> dict[str, Any]:
    return {
        "timestamp": time.time_ns(), "intent_id": f"i{number}", "trade_id": "t1", "slot_id": 0,
        "asset": SYMBOL, "side": "LONG", "action": action, "reference_price": Decimal(60_000),
    } | more  # fmt: skip


def test_with_most_of_the_weight_used_an_exit_leaves_at_once_and_an_entry_waits_for_fills(
    pair: Callable[..., Pair], venue: Venue
) -> None:
    one = pair(heartbeat="60")
    primary = one.start().pid
    one.await_primary()
    one.start("--standby")
    one.await_standbys(1)
    kernel = dita.connect(
        one.directory.path, name="trader", slots=2, timeout_s=PATIENCE_S, comes_back_s=PATIENCE_S
    )

    def send(slot: int, number: int, action: str, **more: Any) -> dita.KernelOutcome:
        given = fields(number, action, slot_id=kernel.slots[slot], trade_id=f"t{slot}", **more)
        return kernel.process_intent(KernelIntent(**given))

    assert send(0, 1, "ENTER", target_size="0.01").accepted
    waited(lambda: str(kernel.slot(kernel.slots[0]).fsm_state) == "POSITION_OPEN")
    use_weight(venue.client, 1_980)
    one.kill(primary, signal.SIGKILL)
    began = time.monotonic()
    assert send(0, 2, "EXIT").accepted
    waited(lambda: str(kernel.slot(kernel.slots[0]).fsm_state) == "CLOSED")
    took = time.monotonic() - began
    assert took < FIRST_EXIT_S, f"the first exit took {took:.1f} s"
    # Every question of the takeover has room too: entries go on within the same window.
    waited(lambda: (said := one.ask("status")) and not said["accounts"]["main"]["catching_up"])
    assert send(1, 3, "ENTER", target_size="0.01").accepted
    waited(lambda: str(kernel.slot(kernel.slots[1]).fsm_state) == "POSITION_OPEN")
    kernel.close()


@contextlib.contextmanager
def opened(server: ServerThread, log: Path, replica: LogReplica | None = None) -> Iterator[ExecutionKernel]:
    adapter = BinancePractice(
        "practise-key", "practise-secret", (SYMBOL,),
        rest=f"http://{server.address}", stream=f"ws://{server.address}",
    )  # fmt: skip
    with ExecutionKernel(venue=adapter, log_dir=log, log_replica=replica) as kernel:
        if replica is None:
            kernel.set_exchange_config({"instruments": {SYMBOL: RULES}})
            kernel.set_seed_capital(10_000)
            assert adapter.wait_connected(30)
        kernel.mark_price(SYMBOL, 60_000)
        yield kernel


def test_an_exit_of_what_the_venue_has_closed_meanwhile_turns_nothing_round(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "log"
    with ServerThread(Terms(still=True), step_s=0.05) as server:
        client = Client(server.address)

        def at_venue() -> Decimal:
            return sum(
                (row.size for row in server.call(lambda one: one.account.held().positions)), Decimal(0)
            )

        with opened(server, log) as kernel:
            assert kernel.process_intent(KernelIntent(**fields(1, "ENTER", target_size="0.01"))).accepted
            waited(lambda: str(kernel.slot(0).fsm_state) == "POSITION_OPEN")
            kernel.sync()
            replica = LogReplica(log)
            while replica.follow(1_000):
                pass
        # While nobody runs, somebody closes the position; then hardly any weight is left: fills have to wait.
        assert client.place(side="SELL", quantity="0.01", reduceOnly="true")[0] == 200
        waited(lambda: at_venue() == 0)
        use_weight(client, 2_285)
        with opened(server, log, replica) as kernel:
            assert kernel.recovery is not None
            assert kernel.recovery["pending"] == ["get_fills", "get_income"]
            (row,) = kernel.positions()
            assert (row["size"], row["reported_size"]) == (Decimal("0.01"), 0)
            began = time.monotonic()
            assert kernel.process_intent(KernelIntent(**fields(3, "EXIT"))).accepted
            entry = fields(4, "ENTER", slot_id=1, trade_id="t2", target_size="0.01")
            kernel.process_intent(KernelIntent(**entry))
            waited(lambda: not kernel.orders(live_only=True))
            assert time.monotonic() - began < FIRST_EXIT_S
            exit_, refused = kernel.orders()[-2:]
            assert [str(one.status) for one in (exit_, refused)] == ["REJECTED", "REJECTED"]
            assert at_venue() == 0
            # The venue has refused the one, and the other has not left.
            assert server.call(lambda one: one.received.count(("POST", "/fapi/v1/order"))) == 3
            assert "entries wait: " in caplog.text
            # The window passes: that fill is booked, and nothing else has happened.
            server.call(lambda one: setattr(one.limits.weight, "limit", 100_000))
            kernel.venue.budget.limited(server.call(lambda one: one.limits.described()))  # type: ignore[union-attr]
            waited(lambda: kernel.recovery is not None and not kernel.recovery["pending"])
            waited(lambda: kernel.positions() == [])
            assert at_venue() == 0
            waited(lambda: kernel.snapshot()["account"]["assets"]["USDT"]["reconcile_delta"] == 0)
            kernel.check_invariants()


def test_a_takeover_that_waits_says_for_which_question_and_why(
    pair: Callable[..., Pair], venue: Venue
) -> None:
    one = pair(heartbeat="60")
    primary = one.start().pid
    one.await_primary()
    standby = one.start("--standby").pid
    one.await_standbys(1)
    use_weight(venue.client, 2_399)
    one.kill(primary, signal.SIGKILL)

    def shown() -> str:
        return one.dita("status", "--dir", str(one.directory.path))

    line = waited(lambda: next((row for row in shown().splitlines() if " waits " in row), ""))
    assert line.startswith(f"standby {standby}: taking over (opening the accounts: main: ")
    assert "the rate budget is used up" in line or "the venue has barred this address" in line


def test_a_takeover_that_fails_names_its_cause_and_is_tried_again(pair: Callable[..., Pair]) -> None:
    one = pair(heartbeat="60", adapter="Broken")
    primary = one.start().pid
    one.await_primary()
    standby = one.start("--standby").pid
    one.await_standbys(1)
    broken = one.place / "broken"
    broken.touch()
    one.kill(primary, signal.SIGKILL)
    waited(
        lambda: one.text(standby).count("the takeover failed at opening the accounts: TimeoutError: ") >= 2
    )
    assert "tried again in 1 s" in one.text(standby)
    assert one.processes[standby].poll() is None
    broken.unlink()
    assert one.await_primary(primary) == standby


def test_a_standby_whose_shared_memory_is_elsewhere_is_refused(pair: Callable[..., Pair]) -> None:
    one = pair(heartbeat="60")
    primary = one.start().pid
    one.await_primary()
    planes = one.environ["DITA_ZINC_DIR"]
    one.environ["DITA_ZINC_DIR"] = str(one.place / "others")
    other = one.start("--standby")
    assert other.wait(60) == 1
    said = one.text(other.pid)
    assert f"DITA_ZINC_DIR: {one.place / 'others'} here, {planes} there" in said
    assert one.await_primary() == primary
