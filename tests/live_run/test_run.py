"""`dita run` and `dita doctor` against `dita exchange`, over real sockets."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import dita
from dita import ExecutionKernel
from dita.config import AccountConfig, BotConfig, ConfigError
from dita.errors import InvalidInput
from dita.host import Directory, ask
from dita.live.checks import Doctor
from dita.live.places import Place, symbol_of
from dita.live.plan import NotReady, OnStop, Plan
from dita.live.probe import probe
from dita.live.run import LiveHost
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.strategy import Bar, Strategy
from live_runs import SECRET, plan_of, position, shadow_of, traded


class Holder(Strategy):
    """Enters at its first tick, and keeps what it receives."""

    slots = 1
    warmup = 3

    def on_start(self) -> None:
        self.bars: list[Bar] = []
        self.asked = False

    def on_bar(self, bar: Bar) -> None:
        if not self.warming:
            self.bars.append(bar)

    def on_tick(self, now: Any) -> None:
        if not self.asked and not self.trades("BTCUSDT"):
            self.asked = True
            self.enter("BTCUSDT", "LONG", "0.01")


class Rester(Holder):
    """Enters by an order that rests."""

    def on_tick(self, now: Any) -> None:
        if not self.asked and not self.trades("BTCUSDT"):
            self.asked = True
            self.enter("BTCUSDT", "LONG", "0.01", order_type="LIMIT", limit_price="50000")


@pytest.fixture
def served() -> Iterator[ServerThread]:
    with ServerThread(Terms(still=True)) as server:
        yield server


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "practise-key")
    monkeypatch.setenv("API_SECRET", SECRET)


def plan(server: ServerThread, strategy: type[Strategy] = Holder, on_stop: OnStop = "cancel") -> Plan:
    return plan_of(server, strategy, on_stop=on_stop)


# ----------------------------------------------------------------------------------------------- a whole run


def test_a_strategy_trades_and_its_position_is_left_where_that_is_wanted(served: ServerThread) -> None:
    run = LiveHost(plan(served))
    left = traded(run, lambda: run.kernel.slot(0).size == Decimal("0.01"))
    assert [(row["symbol"], row["size"]) for row in left.positions] == [("BTCUSDT", Decimal("0.01"))]
    assert position(served) == Decimal("0.01")


def test_the_end_leaves_every_position_where_it_is_to_flatten(served: ServerThread) -> None:
    run = LiveHost(plan(served, on_stop="flatten"))
    left = traded(run, lambda: run.kernel.slot(0).size == Decimal("0.01"))
    assert (left.positions, left.orders) == ([], [])
    assert position(served) == 0


@pytest.mark.parametrize(("on_stop", "orders"), [("cancel", 0), ("keep", 1)])
def test_the_end_cancels_entries_unless_they_are_to_be_kept(
    served: ServerThread, on_stop: OnStop, orders: int
) -> None:
    run = LiveHost(plan(served, Rester, on_stop))
    left = traded(run, lambda: str(run.kernel.slot(0).fsm_state) == "ENTRY_WORKING")
    assert len(left.orders) == orders
    assert served.call(lambda one: len(one.account.open_orders())) == orders


def test_the_venues_mark_is_the_kernels_and_its_funding_terms_are_known(served: ServerThread) -> None:
    run = LiveHost(plan(served))
    paid = Decimal("60000.1")

    def moved() -> bool:
        if run.kernel.slot(0).size and served.call(lambda one: one.markets["BTCUSDT"].last) != 61_000:
            served.command("price BTCUSDT 61000")
        return run.kernel.slot(0).unrealized_pnl == Decimal("0.01") * (Decimal("61000.05") - paid)

    traded(run, moved)


@pytest.mark.parametrize("where", [plan_of, shadow_of])
def test_a_strategy_with_a_budget_trades_within_it(served: ServerThread, where: Callable[..., Plan]) -> None:
    run = LiveHost(
        where(served, Holder, account=AccountConfig(bots={"Holder": BotConfig(capital=Decimal(5_000))}))
    )
    rows: list[dict[str, Any]] = []

    def filled() -> bool:
        # Read while the run goes on: a kernel that is closed tells nothing.
        rows[:] = [row for row in run.kernel.bots() if row["bot"] == "Holder"]
        return run.kernel.slot(0).size == Decimal("0.01")

    traded(run, filled)
    (row,) = rows
    assert (row["kind"], row["capital"], row["slots"]) == ("bot", 5_000, 1)
    assert row["margin"] > 0


@pytest.mark.parametrize("where", [plan_of, shadow_of])
def test_a_strategy_beyond_its_budget_is_refused(served: ServerThread, where: Callable[..., Plan]) -> None:
    refused: list[Any] = []

    class Greedy(Holder):
        def on_tick(self, now: Any) -> None:
            if not self.asked:
                self.asked = True
                refused.append(self.enter("BTCUSDT", "LONG", "0.01"))

    run = LiveHost(
        where(served, Greedy, account=AccountConfig(bots={"Greedy": BotConfig(capital=Decimal(1))}))
    )
    traded(run, lambda: bool(refused))
    assert (refused[0].diagnostic_code, refused[0].details["bot"]) == ("BUDGET", "Greedy")
    assert position(served) == 0


def test_a_run_does_not_begin_with_budgets_that_the_account_does_not_carry(served: ServerThread) -> None:
    with pytest.raises(ConfigError, match=r"accounts\.binance\.bots\.Holder\.capital"):
        LiveHost(
            plan_of(served, Holder, account=AccountConfig(bots={"Holder": BotConfig(capital=Decimal(10**9))}))
        )


def test_a_run_tells_its_figures_to_prometheus_until_its_end(served: ServerThread) -> None:
    run = LiveHost(plan(served), metrics="127.0.0.1:0")
    assert run.metrics is not None
    address = run.metrics.address

    def scraped() -> str:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as reply:
            return str(reply.read().decode())

    assert 'dita_open_slots{account="binance"} 0' in scraped()
    traded(run, lambda: 'dita_open_slots{account="binance"} 1' in scraped(), seconds=30)
    with pytest.raises(urllib.error.URLError):
        scraped()


def test_a_run_without_a_port_for_figures_opens_none(served: ServerThread) -> None:
    run = LiveHost(plan(served))
    traded(run, lambda: run.kernel.slot(0).size == Decimal("0.01"))
    assert run.metrics is None


def test_a_run_goes_on_from_its_log_with_its_trade(served: ServerThread, tmp_path: Path) -> None:
    first = LiveHost(plan(served), Directory(tmp_path / "host"))
    traded(first, lambda: first.kernel.slot(0).size == Decimal("0.01"))
    # What happens while nobody runs is found out afterwards.
    served.command("transfer USDT 50")
    second = LiveHost(plan(served, on_stop="flatten"), Directory(tmp_path / "host"))
    assert second.kernel.slot(0).size == Decimal("0.01")
    left = traded(
        second, lambda: second.kernel.snapshot()["account"]["assets"]["USDT"]["reconcile_delta"] == 0
    )
    assert left.positions == []
    assert position(served) == 0


def test_a_paused_strategy_is_paused_after_a_restart_and_starts_warm(
    served: ServerThread, tmp_path: Path
) -> None:
    directory = Directory(tmp_path / "host")
    first = LiveHost(plan(served, Rester), directory)
    traded(first, lambda: bool(ask(directory, "pause")))
    second = LiveHost(plan(served, Rester), Directory(tmp_path / "host"))
    (handle,) = second.host.strategies.handles.values()
    paused: list[str] = []

    def started() -> bool:
        if not paused:
            health = second.session.market_health()
            if not health:
                return False
            paused.append(str(handle.state))
            ask(directory, "start")
        # Warm at once: no bar closes on a market that stands still.
        return str(handle.state) == "Running" and not handle.strategy.warming

    traded(second, started)
    assert paused == ["Paused"]


def test_the_secret_is_in_nothing_that_a_run_wrote(served: ServerThread, tmp_path: Path) -> None:
    run = LiveHost(plan(served), Directory(tmp_path / "host"))
    assert SECRET not in repr(run.plan) + repr(run.host.config) + run.host.status().decode()
    traded(run, lambda: run.kernel.slot(0).size > 0)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    for path in written:
        assert SECRET.encode() not in path.read_bytes(), path


# ------------------------------------------------------------------------------------------------- the checks


def looked(server: ServerThread, **options: Any) -> dict[str, tuple[str, str]]:
    adapter = Place.chosen(server.address, live=False).adapter("practise-key", SECRET, ["BTCUSDT"])
    try:
        return {check.name: (check.result, check.text) for check in Doctor(adapter, **options).run()}
    finally:
        adapter.close()


def test_an_account_that_is_ready_passes_every_check(served: ServerThread) -> None:
    assert {result for result, _ in looked(served).values()} == {"ok"}


def test_what_is_not_ready_is_named(served: ServerThread) -> None:
    assert looked(served, hedge_mode=True)["position mode"][0] == "fail"
    served.command("manual BTCUSDT BUY 0.01")
    assert looked(served)["positions"][0] == "warn"
    served.call(lambda one: setattr(one.wallet, "multi_assets", True))
    assert "MODE_NOT_SUPPORTED" in looked(served)["account mode"][1]
    served.call(lambda one: setattr(one.wallet, "can_withdraw", True))
    assert looked(served)["key"][0] == "fail"
    assert looked(served, allow_withdrawals=True)["key"][0] == "warn"
    served.command("fault clock_off_ms 3600000")
    assert looked(served)["clock"][0] == "warn"


def test_a_portfolio_margin_account_is_not_supported(served: ServerThread) -> None:
    served.call(lambda one: setattr(one.wallet, "portfolio_margin", True))
    result, text = looked(served)["account mode"]
    assert (result, text.partition(":")[0]) == ("fail", "MODE_NOT_SUPPORTED")


def test_rates_discount_asset_and_margin_steps_are_the_accounts_own(served: ServerThread) -> None:
    def terms() -> dict[str, Any]:
        adapter = Place.chosen(served.address, live=False).adapter("practise-key", SECRET, ["BTCUSDT"])
        try:
            found = adapter.get_market_metadata(["BTCUSDT"])["BTCUSDT"]
        finally:
            adapter.close()
        with ExecutionKernel() as kernel:
            kernel.set_exchange_config({"instruments": {"BTCUSDT": found}})
        return dict(found)

    plain = terms()
    assert (Decimal(plain["maker_rate"]), Decimal(plain["taker_rate"])) == (
        Decimal("0.0002"),
        Decimal("0.0005"),
    )
    assert "fee_asset" not in plain
    assert plain["margin_tiers"] == [
        {"notional_floor": "0", "maint_rate": "0.004", "max_leverage": "125"},
        {"notional_floor": "300000", "maint_rate": "0.005", "max_leverage": "100"},
        {"notional_floor": "800000", "maint_rate": "0.01", "max_leverage": "50"},
    ]
    served.call(lambda one: setattr(one.wallet, "fee_burn", True))
    # Switched on, and nothing to pay with.
    assert "fee_asset" not in terms()
    served.command("transfer BNB 2")
    discounted = terms()
    assert (discounted["fee_asset"], Decimal(discounted["taker_rate"])) == ("BNB", Decimal("0.00045"))


def test_a_run_does_not_begin_beside_another_kernel(served: ServerThread) -> None:
    # This file is a strategy's as well, which is loaded without the tests' folder.
    from exchange_client import Client  # noqa: PLC0415

    ours = "D" + "0" * 29
    Client(served.address).place(type="LIMIT", price="50000", timeInForce="GTC", newClientOrderId=ours)
    with pytest.raises(NotReady, match=f"OTHER_KERNEL.*{ours}"):
        LiveHost(plan(served))
    assert position(served) == 0


def test_the_probe_passes_only_where_the_stream_tells_of_it(served: ServerThread) -> None:
    def probed() -> tuple[str, str]:
        adapter = Place.chosen(served.address, live=False).adapter("practise-key", SECRET, ["BTCUSDT"])
        try:
            check = probe(adapter, "BTCUSDT")
        finally:
            adapter.close()
        return check.result, check.text

    assert probed()[0] == "ok"
    served.command("fault silent on")
    result, text = probed()
    assert (result, "it is deaf" in text) == ("fail", True)
    orders = served.call(lambda one: [order.status for order in one.account.histories.orders])
    assert orders == ["CANCELED", "CANCELED"]


def test_a_run_does_not_begin_where_a_check_fails(served: ServerThread) -> None:
    served.call(lambda one: setattr(one.wallet, "multi_assets", True))
    with pytest.raises(NotReady, match="MODE_NOT_SUPPORTED"):
        LiveHost(plan(served))


def test_a_wrong_secret_and_a_venue_that_is_not_there_are_distinguished(
    served: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_SECRET", "wrong")
    with pytest.raises(NotReady, match="-1022"):
        LiveHost(plan(served))
    nowhere = Place("http://127.0.0.1:9", "ws://127.0.0.1:9")
    adapter = nowhere.adapter("k", "s", ["BTCUSDT"])
    try:
        assert [check.result for check in Doctor(adapter).run()] == ["fail"]
    finally:
        adapter.close()


# ------------------------------------------------------------------------------------------- the command line


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dita.cli", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_paper_on_a_live_market_is_a_shadow_run_that_a_signal_ends(
    served: ServerThread, tmp_path: Path
) -> None:
    place = ["-c", "binance", "-p", "BTC/USDT", "--exchange", served.address, "--dir", str(tmp_path / "host")]
    program = subprocess.Popen(
        [sys.executable, "-m", "dita.cli", "paper", f"{__file__}:Holder", *place, "--balance", "70000"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        said = program.stdout.readline()
        program.send_signal(signal.SIGINT)
        rest, _ = program.communicate(timeout=30)
    finally:
        if program.poll() is None:
            program.kill()
    assert program.returncode == 0
    assert said.startswith("Holder: trading BTCUSDT in shadow, on the market of http://127.0.0.1")
    assert "are left on the simulated venue" in rest
    assert position(served) == 0


def test_the_doctor_says_what_it_found_and_exits_by_it(served: ServerThread) -> None:
    words = ("doctor", "-c", "binance", "-p", "BTC/USDT", "--exchange", served.address)
    assert command(*words).returncode == 0
    served.call(lambda one: setattr(one.wallet, "can_withdraw", True))
    sick = command(*words)
    assert sick.returncode == 1
    assert "may withdraw" in sick.stdout


def test_a_run_takes_the_bots_of_its_account_from_the_file(served: ServerThread, tmp_path: Path) -> None:
    (tmp_path / "dita.toml").write_text(
        '[accounts.binance.bots.Holder]\ncapital = "400"\n[accounts.binance.bots.other]\ncapital = "1"\n'
    )
    words = ["run", f"{__file__}:Holder", "-c", "binance", "-p", "BTC/USDT", "--exchange", served.address]
    directory = Directory(tmp_path / "host")
    program = subprocess.Popen(
        [sys.executable, "-m", "dita.cli", *words, "--dir", str(directory.path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline().startswith("Holder: trading")
        program.send_signal(signal.SIGINT)
        _, reported = program.communicate(timeout=60)
    finally:
        if program.poll() is None:
            program.kill()
    assert program.returncode == 0, reported
    assert "Holder has a budget, which began with 400 USDT\n" in reported
    assert "other has a budget, which began with 1 USDT; no strategy of this run has that name" in reported


def test_a_run_takes_limits_and_slots_of_its_account_from_the_file(
    served: ServerThread, tmp_path: Path
) -> None:
    (tmp_path / "dita.toml").write_text(
        '[host]\nname = "desk"\n'
        '[accounts.binance]\nmax_slots = 2\nlimits = {max_order_notional = "100", max_open_slots = "1"}\n'
        "[accounts.bybit]\nmax_slots = 7\n"
    )
    words = ["run", f"{__file__}:Holder", "-c", "binance", "-p", "BTC/USDT", "--exchange", served.address]
    program = subprocess.Popen(
        [sys.executable, "-m", "dita.cli", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "DITA_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline().startswith("Holder: trading"), program.communicate()
        account = ask(Directory(tmp_path / "desk"), "status")["accounts"]["binance"]
        program.send_signal(signal.SIGINT)
        _, reported = program.communicate(timeout=60)
    finally:
        if program.poll() is None:
            program.kill()
    assert program.returncode == 0, reported
    limits = account["control"]["limits"]
    assert account["slots_total"] == 2
    assert (Decimal(limits["max_order_notional"]), limits["max_open_slots"]) == (100, 1)
    # An order for 600 USDT is above the limit.
    assert position(served) == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[accounts.main.limits]\nmax_daily_loss = '5'",
         "accounts.main.limits.max_daily_loss: has no effect on `dita run -c binance`.*[accounts.binance]"),
        ("[accounts.binance]\nseed_capital = {USDT = '5'}",
         "accounts.binance.seed_capital.USDT: has no effect.*of an account count bots, hedge_mode"),
        ("[strategies.mine]\nfile = 'mine.py'\naccount = 'binance'\n[accounts.binance]",
         "strategies.mine.file: has no effect.*from the command line"),
        ("[accounts.binance]\nmax_slots = 1\n",
         "accounts.binance.max_slots: 1 is fewer than the 2 slots that Holder, Rester need"),
        ("[accounts.binance]\nlimits = {max_slots = '1'}",
         "accounts.binance.limits.max_slots: .*is no limit"),
    ],
)  # fmt: skip
def test_what_a_run_would_not_apply_is_an_error(
    served: ServerThread, tmp_path: Path, text: str, named: str
) -> None:
    file = tmp_path / "here.toml"
    file.write_text(text)
    ended = command(
        "run", f"{__file__}:Holder", f"{__file__}:Rester", "-c", "binance", "-p", "BTC/USDT", "--exchange",
        served.address, "--config", str(file), "--ephemeral", PYTHONPATH=str(Path(__file__).parents[1]),
    )  # fmt: skip
    assert ended.returncode == 1
    assert re.search(named.replace("[", r"\["), ended.stderr, re.IGNORECASE), ended.stderr
    assert position(served) == 0


class Broken(Holder):
    """Raises at its second tick."""

    def on_tick(self, now: Any) -> None:
        if self.asked:
            raise ValueError("what nobody has thought of")
        super().on_tick(now)


def test_a_run_writes_what_happens_with_utc_times_and_a_condition_once(
    served: ServerThread, tmp_path: Path
) -> None:
    directory = Directory(tmp_path / "host")
    words = [
        "run",
        f"{__file__}:Broken",
        f"{__file__}:Holder",
        "-c",
        "binance",
        "-p",
        "BTC/USDT",
        "-p",
        "ETH/USDT",
    ]
    begun = datetime.now(UTC)
    with (tmp_path / "stderr").open("wb") as stderr:
        program = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "dita.cli",
                *words,
                "--exchange",
                served.address,
                "--dir",
                str(directory.path),
            ],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

        def said() -> str:
            return (tmp_path / "stderr").read_text()

        def wait(words: str, count: int = 1) -> None:
            until = time.monotonic() + 40
            while said().count(words) < count:
                assert time.monotonic() < until, f"{words!r} did not come: {said()}"
                assert program.poll() is None, said()
                time.sleep(0.05)

        try:
            assert program.stdout is not None
            assert "trading" in program.stdout.readline()
            wait("order filled")
            wait("ValueError: what nobody has thought of")
            ask(directory, "control", change={"frozen": True, "updated_by": "anna"})
            wait("frozen, by anna")
            with dita.connect(directory.path, name="guest", slots=1):
                wait("program guest: connected, process")
            wait("program guest: away, or has left")
            # Every question fails, again and again, until the exchange is well.
            served.command("fault html 100000")
            served.command("cut")
            wait("the venue is away")
            asked = served.call(lambda one: len(one.received))
            while served.call(lambda one: len(one.received)) < asked + 10:
                time.sleep(0.05)
            served.command("heal")
            wait("the venue is connected again")
            program.send_signal(signal.SIGINT)
            program.communicate(timeout=60)
        finally:
            if program.poll() is None:
                program.kill()
    lines = said().splitlines()
    # The traceback of a strategy, with its own line.
    assert any("raise ValueError" in line for line in lines)
    stamped = [found for line in lines if (found := re.match(r"(\d{4}-\d\d-\d\dT[\d:.]+Z) \[(\w+)", line))]
    times = [datetime.fromisoformat(found[1]) for found in stamped]
    assert all(begun <= at <= datetime.now(UTC) for at in times)
    assert {"info", "warning", "error"} <= {found[2] for found in stamped}
    (fill, *_) = [line for line in lines if re.search(r"\] fill\b", line)]
    for words in ("account=binance", "asset=BTCUSDT", "order_side=BUY", "size=0.01", "price=6"):
        assert words in fill
    assert sum("the venue is away" in line for line in lines) == 1
    assert "closed" in lines[-1] or "closed" in lines[-2]


def test_a_signal_ends_a_run_and_what_is_left_is_printed(served: ServerThread, tmp_path: Path) -> None:
    words = ["run", f"{__file__}:Holder", "-c", "binance", "-p", "BTC/USDT", "--exchange", served.address]
    program = subprocess.Popen(
        [sys.executable, "-m", "dita.cli", *words, "--dir", str(tmp_path / "host")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 30
        while position(served) == 0:
            assert time.monotonic() < until
            assert program.poll() is None, program.communicate()
            time.sleep(0.05)
        program.send_signal(signal.SIGINT)
        said, _ = program.communicate(timeout=30)
    finally:
        if program.poll() is None:
            program.kill()
    assert program.returncode == 0
    assert "left: position 0.01" in said


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--live", "--api-secret", "bare"),               "for real money name where they are"),
        (("--exchange", "example.com:1"),                  "is not on this machine"),
        (("--exchange", "127.0.0.1:9", "--api-key", "env:NO"),  "the variable is not set"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_before_anything_is_asked(words: tuple[str, ...], what: str) -> None:
    refused = command("doctor", "-c", "binance", "-p", "BTC/USDT", *words)
    assert refused.returncode == 1
    assert what in refused.stderr


def test_places_and_pairs_are_read_as_people_write_them() -> None:
    assert [symbol_of(pair) for pair in ("BTC/USDT", "btcusdt", "BTC/USDT:USDT", "ETH-USDC")] == [
        "BTCUSDT",
        "BTCUSDT",
        "BTCUSDT",
        "ETHUSDC",
    ]
    assert Place.chosen(None, live=True).is_real
    assert not Place.chosen(None, live=False).is_real
    with pytest.raises(InvalidInput):
        Place.chosen("127.0.0.1:1", live=True)
