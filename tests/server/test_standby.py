"""A standby takes over from a primary that is killed, and from one that hangs. The exchange outlives all."""

import json
import os
import queue
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from standing import PATIENCE_S, Pair, Trader, Venue, check_nothing_lost_nothing_doubled, waited

pytest.importorskip("aiohttp")
#: Some begin anew each, that none of them is long on a slow machine.
ROUNDS = 4
KILLS = int(os.environ.get("DITA_TAKEOVERS", "20")) // ROUNDS
CHECKED_AFTER = 25
#: A program trades for so long, at most, before the next kill.
TRADES_S = 0.3


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


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_of_many_kills_and_stops_nothing_is_lost_and_nothing_is_doubled(
    pair: Callable[..., Pair], round_: int
) -> None:
    # A primary that is alive, and slow as its machine is, must not be taken for one that hangs.
    one = pair(heartbeat="2")
    chance = random.Random(round_)  # noqa: S311 - the same moments each time
    one.start("--standby")
    primary = one.await_primary()
    # Two at once all the time: one of them wins, the other one goes on waiting.
    one.start("--standby")
    one.start("--standby")
    trader = Trader(one)
    trader.begin()
    for number in range(1, KILLS + 1):
        ready = one.keep_standbys(2)
        primary = one.await_primary()
        time.sleep(chance.random() * TRADES_S)
        how = signal.SIGKILL if (number + round_) % 2 else signal.SIGSTOP
        one.kill(primary, how)
        after = one.await_primary(primary)
        # It is one of those who stood by, and the one before is dead, stopped or not.
        assert after in ready
        assert one.processes[primary].wait(30) == -signal.SIGKILL
        primary = after
        one.start("--standby")
        if number % CHECKED_AFTER == 0 or number == KILLS:
            trader.end()
            trader.flatten()
            orders, fills = check_nothing_lost_nothing_doubled(one, trader)
            # What was taken was filled, once: an entry and an exit for each trade.
            assert fills == orders > number
            assert orders % 2 == 0
            trader.begin()
    trader.end()
    # More where a machine that was busy elsewhere let a primary be silent for the limit.
    assert one.ask("server")["epochs"]["main"] >= KILLS + 1
    assert trader.answers.get("OK", 0) > KILLS
    trader.close()


class Reported:
    """What a webhook is told."""

    def __init__(self) -> None:
        reported: queue.Queue[dict[str, Any]] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                reported.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library names it
                """Say nothing."""

        self._reported = reported
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self, cause: str) -> dict[str, Any]:
        """Return the next alert of a cause."""
        while True:
            alert = self._reported.get(timeout=PATIENCE_S)
            if alert["cause"] == cause:
                return alert


@pytest.fixture
def reported() -> Iterator[Reported]:
    one = Reported()
    yield one
    one.server.shutdown()
    one.server.server_close()


def test_who_was_ended_and_why_is_reported_by_alert_log_and_status(
    pair: Callable[..., Pair], reported: Reported
) -> None:
    one = pair(webhooks=f'["http://127.0.0.1:{reported.server.server_port}/"]')
    primary = one.start().pid
    one.await_primary()
    standby = one.start("--standby").pid
    one.await_standbys(1)
    shown = one.dita("status", "--dir", str(one.directory.path))
    assert f"standby {standby}: standing by; main at input " in shown
    assert f"process {primary} is serving, silent for 0." in shown
    one.kill(primary, signal.SIGSTOP)
    assert one.await_primary(primary) == standby
    alert = reported.next("takeover")
    assert alert["severity"] == "CRITICAL"
    assert alert["details"]["before"] == primary
    assert alert["details"]["now"] == standby
    assert alert["details"]["killed"] is True
    assert alert["details"]["epochs"] == {"main": 2}
    assert f"process {primary} has shown no sign of life for 1." in alert["text"]
    assert f"process {primary} has shown no sign of life for 1." in one.text(standby)
    assert "it was ended (SIGKILL)" in one.text(standby)
    # It does not come back: it is dead, and another start finds the lock held.
    assert one.processes[primary].wait(30) == -signal.SIGKILL
    again = one.start()
    assert again.wait(60) == 1
    assert f"another host runs here (process {standby})" in one.text(again.pid)
    assert one.await_primary() == standby
    assert "standby" not in one.dita("status", "--dir", str(one.directory.path))


def test_a_kernel_that_hangs_while_its_servers_thread_goes_on_is_reported_and_ended(
    pair: Callable[..., Pair],
) -> None:
    one = pair(heartbeat="3", adapter="Hangs")
    primary = one.start().pid
    one.await_primary()
    standby = one.start("--standby").pid
    one.await_standbys(1)
    # By hand, and so in another thread than the server's.
    order = {"asset": "BTCUSDT", "side": "SELL", "size": "0.01", "client_id": "h1"}
    threading.Thread(target=one.ask, args=("order",), kwargs={"order": order}, daemon=True).start()
    waited(lambda: float(one.await_standbys(1)[standby]["primary"]["silent_s"]) > 0.3)
    beats = waited(lambda: one.ask("server"))["beats"]
    waited(lambda: (said := one.ask("server")) and said["beats"] > beats + 3)
    assert one.await_primary() == primary
    assert one.await_primary(primary) == standby
    assert f"process {primary} has shown no sign of life for 3." in one.text(standby)
    assert one.processes[primary].wait(30) == -signal.SIGKILL


def test_a_primary_that_is_slow_below_the_limit_lives(pair: Callable[..., Pair]) -> None:
    one = pair(heartbeat="60")
    primary = one.start().pid
    one.await_primary()
    one.start("--standby")
    ((standby, _),) = one.await_standbys(1).items()

    def silent() -> float:
        # On a busy machine it may not answer in time: it is asked again.
        return float(one.await_standbys(1)[standby]["primary"]["silent_s"])

    one.kill(primary, signal.SIGSTOP)
    waited(lambda: silent() > 1.0)
    one.kill(primary, signal.SIGCONT)
    waited(lambda: silent() < 1.0)
    assert one.await_primary() == primary
    assert "no sign of life" not in one.text(standby)


def test_a_standby_of_another_configuration_is_refused_by_name(pair: Callable[..., Pair]) -> None:
    one = pair(heartbeat="60")
    primary = one.start().pid
    one.await_primary()
    text = one.config.read_text()
    one.config.write_text(text.replace("max_slots = 8", "max_slots = 9"))
    other = one.start("--standby")
    assert other.wait(60) == 1
    said = one.text(other.pid)
    assert f"the primary (process {primary}) runs with another configuration" in said
    assert "accounts.main.max_slots: 9 here, 8 there" in said
    one.config.write_text(text)
    elsewhere = one.start("--standby", "--socket", str(one.place / "other.sock"))
    assert elsewhere.wait(60) == 1
    assert f"serve.socket: {one.place / 'other.sock'} here" in one.text(elsewhere.pid)
    assert one.await_primary() == primary


def test_a_primary_that_ends_in_order_is_followed_too(pair: Callable[..., Pair]) -> None:
    one = pair(heartbeat="60")
    primary = one.start().pid
    one.await_primary()
    standby = one.start("--standby").pid
    one.await_standbys(1)
    one.kill(primary, signal.SIGTERM)
    assert one.await_primary(primary) == standby
    assert one.processes[primary].wait(30) == 0
    assert f"process {primary} has ended; process {standby} has taken over" in one.text(standby)


def test_a_standby_that_is_asked_to_end_does_and_leaves_nothing(pair: Callable[..., Pair]) -> None:
    one = pair(heartbeat="60")
    primary = one.start().pid
    one.await_primary()
    standby = one.start("--standby").pid
    one.await_standbys(1)
    one.kill(standby, signal.SIGTERM)
    assert one.processes[standby].wait(30) == 0
    assert not list(one.directory.path.glob("standby.*.sock"))
    assert one.await_primary() == primary
