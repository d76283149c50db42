"""Applies: in order, once, and to the end whatever happens meanwhile."""

import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import ControlUpdate
from dita.host import Directory, Host
from dita.portfolio import PlanSettings, PlanState, PortfolioDesk, PortfolioRefused, RowState
from portfolios import agrees, config, host_in, quote, sizes, winner, winners, written

KILLED = Path(__file__).parent.parent / "victims" / "applied.py"


def test_reductions_fill_before_increases_are_sent(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        desk = PortfolioDesk(host)
        desk.apply(desk.prepare(winners(tmp_path / "p.json", {"BTCUSDT": 0.9})))
        stored = desk.apply(desk.prepare(winners(tmp_path / "q.json", {"ETHUSDT": 0.5, "BTCUSDT": -0.4})))
        assert stored.state is PlanState.DONE
        orders = [(order.asset, str(order.order_side)) for order in host.kernel(None).orders()]
        assert orders == [("BTCUSDT", "BUY"), ("BTCUSDT", "SELL"), ("ETHUSDT", "BUY"), ("BTCUSDT", "SELL")]
        assert agrees(host)


def test_increases_wait_for_reductions_that_do_not_fill(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        desk = PortfolioDesk(host)
        desk.apply(desk.prepare(winners(tmp_path / "p.json", {"BTCUSDT": 0.9})))
        # Nobody buys: an order to sell ends without a fill.
        host.kernel(None).venue.on_quote("BTCUSDT", "50000", 0, "50000", None, host.kernel(None).now_ns)
        file = winners(tmp_path / "q.json", {"ETHUSDT": 0.9})
        stored = desk.apply(desk.prepare(file), wait_s=0.2)
        assert stored.state is PlanState.INCOMPLETE
        assert sizes(host) == {"BTCUSDT": "0.176"}
        by_asset = {row.asset: row for row in stored.plan.rows}
        assert by_asset["BTCUSDT"].state is RowState.REFUSED
        assert by_asset["ETHUSDT"].state is RowState.OPEN
        quote(host)
        again = desk.prepare(file)
        assert again.is_known
        assert desk.apply(again).state is PlanState.DONE
        assert sizes(host) == {"ETHUSDT": "3.52"}
        assert agrees(host)


def test_the_same_file_does_nothing_twice(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        desk = PortfolioDesk(host)
        file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5, "ETHUSDT": -0.3})
        desk.apply(desk.prepare(file))
        held, orders = sizes(host), len(host.kernel(None).orders())
        quote(host, BTCUSDT="40000")
        prepared = desk.prepare(file)
        assert prepared.is_done
        desk.apply(prepared)
        assert (sizes(host), len(host.kernel(None).orders())) == (held, orders)
        anew = desk.prepare(file, again=True)
        assert not anew.is_known
        assert desk.apply(anew).times == 1
        assert len(host.kernel(None).orders()) > orders


def test_another_rank_of_an_applied_file_needs_another_account(tmp_path: Path) -> None:
    content = {"winners": [winner({"BTCUSDT": 0.1}), winner({"ETHUSDT": 0.1}, rank=2)]}
    with host_in(tmp_path / "h") as host:
        desk = PortfolioDesk(host)
        file = written(tmp_path / "p.json", content)
        desk.apply(desk.prepare(file))
        with pytest.raises(PortfolioRefused, match="RANK_APPLIED: rank: 2"):
            desk.prepare(file, PlanSettings(rank=2))


def test_a_row_that_a_limit_refuses_is_named_and_the_others_are_traded(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        host.control(ControlUpdate(limits={"max_symbol_notional": "3000"}, updated_by="ops"))
        desk = PortfolioDesk(host)
        file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5, "ETHUSDT": 0.3})
        stored = desk.apply(desk.prepare(file))
        assert stored.state is PlanState.INCOMPLETE
        (refused,) = [row for row in stored.plan.rows if row.state is RowState.REFUSED]
        assert refused.refusal.startswith("RISK_BLOCKED: max_symbol_notional is 3000, the attempt 4900")
        assert sizes(host) == {"ETHUSDT": "1.17"}
        host.control(ControlUpdate(limits={"max_symbol_notional": None}, updated_by="ops"))
        assert desk.apply(desk.prepare(file)).state is PlanState.DONE
        assert sizes(host) == {"BTCUSDT": "0.098", "ETHUSDT": "1.17"}


def test_a_rate_limit_makes_it_wait_and_not_fail(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        kernel = host.kernel(None)
        host.control(ControlUpdate(limits={"order_burst": 1, "orders_per_second": "1"}, updated_by="ops"))
        desk = PortfolioDesk(host)

        def tick() -> None:
            kernel.advance_time(kernel.now_ns + 500_000_000)

        stored = desk.apply(
            desk.prepare(winners(tmp_path / "p.json", {"BTCUSDT": 0.3, "ETHUSDT": 0.3, "SOLUSDT": 0.3})),
            tick=tick,
        )
        assert stored.state is PlanState.DONE
        assert len(sizes(host)) == 3


def test_a_venue_that_refuses_again_and_again_ends_the_row(tmp_path: Path) -> None:
    with host_in(tmp_path / "h", **{"simulated.reject_rate": "1"}) as host:
        desk = PortfolioDesk(host)
        stored = desk.apply(desk.prepare(winners(tmp_path / "p.json", {"BTCUSDT": 0.5})))
        assert stored.state is PlanState.INCOMPLETE
        assert stored.plan.rows[0].refusal
        assert len(host.kernel(None).orders()) == 3


def test_two_appliers_of_an_account_are_one_too_many(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        desk = PortfolioDesk(host)
        prepared = desk.prepare(winners(tmp_path / "p.json", {"BTCUSDT": 0.5}))
        with PortfolioDesk(host).store.locked(), pytest.raises(PortfolioRefused, match="APPLIER_RUNNING"):
            desk.apply(prepared)
        assert not sizes(host)
        assert desk.apply(prepared).state is PlanState.DONE


def test_a_plan_on_disk_that_is_damaged_is_refused_by_name(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        desk = PortfolioDesk(host)
        file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5})
        prepared = desk.prepare(file)
        desk.apply(prepared)
        path = desk.store.path(prepared.stored.plan.plan_id)
        whole = json.loads(path.read_text())
        for damaged in (
            "",
            "[]",
            "{",
            json.dumps({**whole, "format": 9}),
            json.dumps({**whole, "rows": [{}]}),
        ):
            path.write_text(damaged)
            with pytest.raises(PortfolioRefused, match=r"BAD_PLAN: .*move it away"):
                desk.prepare(file)


@pytest.mark.parametrize("orders", [1, 3, 7, 12])
def test_a_plan_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path, orders: int) -> None:
    """A process is killed with SIGKILL after so many orders have left; the next one goes on with its plan."""
    file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5, "ETHUSDT": -0.3, "SOLUSDT": 0.15})
    with subprocess.Popen(
        [sys.executable, str(KILLED), str(tmp_path / "h"), str(file), str(orders)], stdout=subprocess.PIPE
    ) as process:
        assert process.wait(60) == -signal.SIGKILL
    with host_in(tmp_path / "h") as host:
        desk = PortfolioDesk(host)
        prepared = desk.prepare(file)
        assert prepared.is_known
        assert prepared.stored.state is PlanState.OPEN
        assert sizes(host), "orders had left before it was killed"
        assert desk.apply(prepared).state is PlanState.DONE
        assert sizes(host) == {"BTCUSDT": "0.098", "ETHUSDT": "-1.17", "SOLUSDT": "14"}
        # Twelve, two and three parts: none was sent twice.
        traded: dict[str, Decimal] = {}
        for order in host.kernel(None).orders():
            traded[order.asset] = traded.get(order.asset, Decimal(0)) + order.filled_size
        assert traded == {"BTCUSDT": Decimal("0.098"), "ETHUSDT": Decimal("1.17"), "SOLUSDT": Decimal(14)}
        assert agrees(host)
        assert desk.prepare(file).is_done


def test_two_processes_at_once_one_applies_and_the_other_is_refused(tmp_path: Path) -> None:
    """The second asks the host that the first has opened, at its socket."""
    file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5})
    with host_in(tmp_path / "h") as host:
        from dita.portfolio import PortfolioService  # noqa: PLC0415 - as the command does

        PortfolioService(host)
        host.serve()
        with PortfolioDesk(host).store.locked():
            said = dita("apply", file, "--dir", str(tmp_path / "h"))
        assert said.returncode == 1
        assert "APPLIER_RUNNING" in said.stderr
        assert not sizes(host)
        said = dita("apply", file, "--dir", str(tmp_path / "h"))
        assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "DONE: 1 of 1 rows are on their target")
        assert sizes(host) == {"BTCUSDT": "0.098"}
        said = dita("apply", file, "--dir", str(tmp_path / "h"))
        assert (said.returncode, "ALREADY_APPLIED" in said.stdout) == (0, True)


def dita(*words: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dita.cli", "portfolio", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_dry_run_and_an_apply_print_the_same_table(tmp_path: Path) -> None:
    toml = tmp_path / "dita.toml"
    rules = config().accounts["main"].instruments["instruments"]
    lines = ['[accounts.main.instruments]\ntaker_rate = "0.0005"\nmaker_rate = "0.0002"']
    for symbol, own in rules.items():
        lines.append(f"[accounts.main.instruments.instruments.{symbol}]")
        lines += [f'{key} = "{value}"' for key, value in own.items()]
    toml.write_text("\n".join(lines))
    file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5, "ETHUSDT": -0.3, "SOLUSDT": 0.005})
    place = ("--config", toml, "--dir", tmp_path / "h", "--mark", "BTCUSDT=50000", "--mark", "ETHUSDT=2500",
             "--mark", "SOLUSDT=100")  # fmt: skip
    planned, dry = dita("plan", file, *place), dita("apply", file, "--dry-run", *place)
    applied = dita("apply", file, *place)
    assert planned.returncode == dry.returncode == applied.returncode == 0, applied.stderr
    assert planned.stdout == dry.stdout
    assert applied.stdout == planned.stdout + "DONE: 2 of 2 rows are on their target\n"
    assert "Below Floor" in planned.stdout
    status = dita("status", "--dir", tmp_path / "h", "--json")
    (plan,) = json.loads(status.stdout)["accounts"]["main"]
    assert (plan["state"], plan["counts"]["done"]) == ("DONE", 2)
    with Host(config(), directory=Directory(tmp_path / "h")) as host:
        assert agrees(host)


def test_a_watch_applies_each_version_of_the_file(tmp_path: Path) -> None:
    file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5})
    toml = tmp_path / "dita.toml"
    toml.write_text(
        '[accounts.main.instruments.instruments.BTCUSDT]\ntick_size = "0.1"\nlot_step = "0.001"\n'
    )
    command = [sys.executable, "-m", "dita.cli", "portfolio", "apply", str(file), "--config", str(toml)]
    command += ["--dir", str(tmp_path / "h"), "--mark", "BTCUSDT=50000", "--watch", "--poll", "0.05"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        await_line(process.stdout, "DONE: 1 of 1")
        winners(tmp_path / "q.json", {"BTCUSDT": "NaN"}).replace(file)
        await_line(process.stderr, "INVALID_WEIGHT")
        winners(tmp_path / "q.json", {"BTCUSDT": 0.2}).replace(file)
        await_line(process.stdout, "REDUCE")
        await_line(process.stdout, "DONE: 1 of 1")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with Host(config(), directory=Directory(tmp_path / "h")) as host:
        assert sizes(host) == {"BTCUSDT": "0.039"}


def await_line(stream: Any, text: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        line = stream.readline()
        if text in line:
            return
        assert line, f"ended before {text!r}"
    raise AssertionError(text)
