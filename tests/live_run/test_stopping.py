"""How `dita run` ends, what a doctor refuses by name, and what a shadow run knows of the account."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita.live.plan import NotReady
from dita.live.run import LiveHost
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.strategy import Strategy
from live_runs import SECRET, plan_of, position, shadow_of, traded


class Buyer(Strategy):
    """Buys at its first tick, and rests another order below."""

    slots = 2
    asked = 0

    def on_tick(self, now: Any) -> None:
        self.asked += 1
        if self.asked == 1:
            self.enter("BTCUSDT", "LONG", "0.01")
        elif self.asked == 2:
            self.enter("BTCUSDT", "LONG", "0.01", order_type="LIMIT", limit_price="50000")


class AtBest(Strategy):
    """Rests an order at the best bid."""

    slots = 1
    asked = False

    def on_tick(self, now: Any) -> None:
        if not self.asked:
            self.asked = True
            self.enter("BTCUSDT", "LONG", "0.01", order_type="LIMIT", limit_price="60000")


class Taker(AtBest):
    """Buys."""

    def on_tick(self, now: Any) -> None:
        if not self.asked:
            self.asked = True
            self.enter("BTCUSDT", "LONG", "0.01")


@pytest.fixture
def served() -> Iterator[ServerThread]:
    with ServerThread(Terms(still=True)) as server:
        yield server


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "practise-key")
    monkeypatch.setenv("API_SECRET", SECRET)


@contextmanager
def running(server: ServerThread, folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    place = ["-c", "binance", "-p", "BTC/USDT", "--exchange", server.address, "--dir", str(folder / "host")]
    program = subprocess.Popen(
        [sys.executable, "-m", "dita.cli", "run", f"{__file__}:Buyer", *place, *words],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 60
        while position(server) == 0 or len(server.call(lambda one: one.account.open_orders())) == 0:
            assert time.monotonic() < until
            assert program.poll() is None, program.communicate()
            time.sleep(0.05)
        yield program
    finally:
        if program.poll() is None:
            program.kill()
        program.communicate()


# -------------------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize(
    ("policy", "positions", "orders"), [("keep", 1, 1), ("cancel", 1, 0), ("flatten", 0, 0)]
)
def test_the_first_signal_does_what_on_stop_says_within_ten_seconds_and_prints_what_is_left(
    served: ServerThread, tmp_path: Path, policy: str, positions: int, orders: int
) -> None:
    with running(served, tmp_path, "--on-stop", policy) as program:
        began = time.monotonic()
        program.send_signal(signal.SIGTERM)
        said, _ = program.communicate(timeout=30)
        assert time.monotonic() - began < 14
        assert program.returncode == 0
    assert f"ended: {positions} positions and {orders} orders are left at the venue" in said
    assert (position(served) != 0) == bool(positions)
    # Halt and stop never use a cancel-all endpoint: stops of others would go with it.
    asked = served.call(lambda one: {path for _, path in one.received})
    assert not asked & {"/fapi/v1/allOpenOrders", "/fapi/v1/algoOpenOrders", "/fapi/v1/countdownCancelAll"}


def test_the_second_signal_leaves_at_once(served: ServerThread, tmp_path: Path) -> None:
    with running(served, tmp_path, "--on-stop", "flatten") as program:
        served.command("fault slow_ms 4000")
        program.send_signal(signal.SIGINT)
        time.sleep(1.0)
        assert program.poll() is None
        began = time.monotonic()
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=10)
        assert time.monotonic() - began < 2
        assert program.returncode == 128 + signal.SIGINT
    served.command("heal")


# ---------------------------------------------------------------------------------------------- the doctor


def doctored(server: ServerThread, *words: str) -> subprocess.CompletedProcess[str]:
    place = ["-c", "binance", "-p", "BTC/USDT", "--exchange", server.address]
    return subprocess.run(
        [sys.executable, "-m", "dita.cli", "doctor", *place, *words],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_the_doctor_refuses_another_kernels_order_by_name(served: ServerThread) -> None:
    # This file is a strategy's as well, which is loaded without the tests' folder.
    from exchange_client import Client  # noqa: PLC0415

    ours = "D" + "0" * 29
    Client(served.address).place(type="LIMIT", price="50000", timeInForce="GTC", newClientOrderId=ours)
    done = doctored(served)
    assert done.returncode == 1
    assert "FAIL  open orders" in done.stdout
    assert "OTHER_KERNEL" in done.stdout


def test_an_account_with_two_books_is_traded_where_that_is_said(tmp_path: Path) -> None:
    with ServerThread(Terms(still=True, hedge=True)) as served:
        assert "position mode" in doctored(served).stdout
        assert doctored(served).returncode == 1
        assert doctored(served, "--hedge-mode").returncode == 0
        with pytest.raises(NotReady, match="position mode: hedge"):
            LiveHost(plan_of(served, Taker))
        run = LiveHost(plan_of(served, Taker, hedge_mode=True))
        left = traded(run, lambda: run.kernel.slot(0).size == Decimal("0.01"))
        assert [row["position_side"] for row in left.positions] == ["LONG"]


# ------------------------------------------------------------------------------------------------ in shadow


def test_a_shadow_with_a_key_has_the_accounts_own_fees_and_sends_nothing(served: ServerThread) -> None:
    place = plan_of(served)
    run = LiveHost(shadow_of(served, Taker, key=place.key, secret=place.secret))
    assert "maker 0.000200, taker 0.000500 (the account's own)" in run.checks[0].text
    traded(run, lambda: run.kernel.slot(0).size == Decimal("0.01"))
    asked = served.call(lambda one: {path for method, path in one.received if method != "GET"})
    assert asked == set()
    assert position(served) == 0


def test_a_shadow_with_a_key_of_elsewhere_goes_on_with_the_common_fees(
    served: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = plan_of(served)
    monkeypatch.setenv("API_KEY", "of-another-place")
    run = LiveHost(shadow_of(served, Taker, key=place.key, secret=place.secret))
    assert "taker 0.0005 (of an account without a discount; no key is used)" in run.checks[0].text
    traded(run, lambda: True)


def test_a_shadow_order_waits_behind_what_rests_at_its_price(served: ServerThread) -> None:
    run = LiveHost(shadow_of(served, AtBest))
    ahead = served.call(lambda one: one.markets["BTCUSDT"].bids[0][1])
    seen: list[Decimal] = []

    def reported() -> bool:
        order = run.kernel.slot(0).active_entry_order
        if order is not None and str(order.status) == "ACKED" and len(seen) < 60:
            # Others sell a lot at the bid: far less than what rests there before us.
            served.call(
                lambda one: one.tell_market(
                    one.markets["BTCUSDT"],
                    one.markets["BTCUSDT"].print_at(
                        Decimal(60_000), Decimal("0.001"), one.now_ms(), sold=True
                    ),
                    one.now_ms(),
                    marks_due=False,
                )
            )
            seen.append(run.kernel.slot(0).size)
        return len(seen) >= 60

    traded(run, reported)
    assert ahead > Decimal("0.06")
    assert set(seen) == {Decimal(0)}


def test_a_shadow_order_takes_as_long_as_configured(served: ServerThread) -> None:
    run = LiveHost(shadow_of(served, Taker, latency_ms=Decimal(1_500)))
    assert "1500 ms away" in run.checks[0].text
    sent: list[float] = []

    def bought() -> bool:
        if not sent and run.kernel.orders():
            sent.append(time.monotonic())
        return run.kernel.slot(0).size == Decimal("0.01")

    traded(run, bought)
    assert time.monotonic() - sent[0] > 1.4
