"""`dita follow` and `dita journal`: what they print, and how they end."""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest

from dita import KernelCommandType, SimulatedVenue
from dita.cli import main
from dita.journal.questions import QUESTIONS, question_sql, quoted
from dita.journal.serving import ask_server
from logged import SECOND_NS, Desk, busy

Run = Callable[..., str]


@pytest.fixture(name="desk", scope="module")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = busy(tmp_path_factory.mktemp("desk") / "main")
    desk.kernel.on_account_event(
        {"kind": "ACCOUNT_UPDATE", "timestamp": desk.now_ns, "asset": "USDT", "wallet_balance": "9990.5"}
    )
    desk.kernel.sync()
    yield desk
    desk.kernel.close()


@pytest.fixture(name="served", scope="module")
def _served(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A follower by hand, in its own process: it has the database open, and answers."""
    path = tmp_path_factory.mktemp("journal") / "db"
    written = subprocess.run(
        [
            sys.executable,
            "-m",
            "dita.cli",
            "follow",
            os.fspath(desk.log_dir),
            "--journal",
            os.fspath(path),
            "--until-end",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert written.stdout.startswith("journal: ")
    assert written.stdout.endswith(f"rows written, up to input {desk.kernel.seq}\n")
    follower = subprocess.Popen(
        [sys.executable, "-m", "dita.cli", "follow", os.fspath(desk.log_dir), "--journal", os.fspath(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    due = time.monotonic() + 60
    while ask_server(path, "SELECT 1") is None:
        assert time.monotonic() < due, "it never answered"
        time.sleep(0.05)
    yield path
    follower.terminate()
    assert follower.communicate(timeout=60)[0].startswith("journal: 0 rows written")
    assert follower.returncode == 0


@pytest.fixture(name="run")
def _run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object, code: int = 0) -> str:
        assert main([str(word) for word in words]) == code
        printed = capsys.readouterr()
        return printed.err if code and not printed.out else printed.out

    return run


def test_every_question_has_an_answer(served: Path, run: Run) -> None:
    for name in QUESTIONS:
        what = {"trade": ["t1"], "slot": ["1"]}.get(name, [])
        text = run("journal", name, *what, "--journal", served, "--kernel", "main")
        assert "\n0 rows" not in text, name
        assert run("journal", name, *what, "--journal", served, "--kernel", "other").endswith("\n0 rows\n"), (
            name
        )


def test_a_trades_story_is_in_order(served: Path, run: Run) -> None:
    text = run("journal", "trade", "t1", "--journal", served)
    reported = [
        "INTENT ENTER",
        "ORDER_SENT -> ENTRY_WORKING by ENTRY_ACKED",
        "VENUE FULL_FILL",
        "BUY 2.5 at 99.5, fee 0.124375 USDT",
        "INTENT EXIT",
        "(TARGET)",
        "4.5 USDT from REALIZED_PNL to WALLET",
        "EXIT_WORKING -> CLOSED",
    ]
    places = [text.index(part) for part in reported[:-1]]
    assert places == sorted(places)
    assert reported[-1] in text


def test_the_same_as_json_and_csv(desk: Desk, served: Path, run: Run) -> None:
    sql = "SELECT trade_id, notional, time FROM fills_now ORDER BY seq"
    found = json.loads(run("journal", "query", sql, "--journal", served, "--json"))
    rows = list(csv.DictReader(StringIO(run("journal", "query", sql, "--journal", served, "--csv"))))
    assert found["columns"] == ["trade_id", "notional", "time"]
    assert found["rows"] == rows
    assert len(rows) == len(desk.fills)


def test_fees_are_those_of_the_kernel(desk: Desk, served: Path, run: Run) -> None:
    ((_, row),) = enumerate(json.loads(run("journal", "fees", "--journal", served, "--json"))["rows"])
    assert row["fee"] == f"{desk.kernel.account.state()['k_fees_paid'].normalize():f}"
    assert float(row["bps"]) == 5.0


def test_seed_capital_is_booked_at_the_kernels_time_and_not_in_1970(served: Path, run: Run) -> None:
    sql = "SELECT time, venue_time FROM ledger_entries WHERE cause = 'SEED'"
    (row,) = json.loads(run("journal", "query", sql, "--journal", served, "--json"))["rows"]
    assert row["venue_time"] == row["time"]
    assert row["time"].startswith("2023-11-14 22:13:20")


def test_what_is_wrong_is_said_in_one_line(served: Path, run: Run, tmp_path: Path) -> None:
    wrong = run("journal", "query", "SELECT nothing FROM fills", "--journal", served, code=1)
    assert wrong.startswith("dita journal: the journal: ")
    assert wrong.count("\n") == 1
    assert "no journal is named" in run("journal", "drift", "--journal", "", code=1)
    assert "there is no journal" in run("journal", "drift", "--journal", tmp_path / "none", code=1)
    assert "is no URL of a ClickHouse server" in run("journal", "drift", "--journal", "ftp://x", code=1)
    assert "is no directory" in run("follow", tmp_path / "none", "--journal", tmp_path / "db", code=1)
    with pytest.raises(SystemExit):
        main(["journal", "slot", "one", "--journal", str(served)])


def test_how_the_followers_are(desk: Desk, served: Path, run: Run) -> None:
    assert served
    text = run("follow", desk.log_dir)
    assert f"durable up to {desk.kernel.seq}" in text
    found = json.loads(run("follow", desk.log_dir, "--json"))["followers"]
    assert [(row["name"], row["state"], row["lag_records"]) for row in found] == [("journal", "FOLLOWING", 0)]
    (desk.log_dir / "other.cursor").write_text("broken")
    assert "other" in run("follow", desk.log_dir)
    (desk.log_dir / "other.cursor").unlink()


def test_what_is_asked_for_stays_what_it_is() -> None:
    assert quoted("a'b\\c") == r"'a\'b\\c'"
    sql = question_sql("trade", "x{kernel}'", "{id}")
    assert r"trade_id = 'x{kernel}\''" in sql
    assert "kernel = '{id}'" in sql


def test_a_venues_20_ms_stay_20_ms_where_the_answer_is_taken_17_s_later(tmp_path: Path) -> None:
    log_dir, path = tmp_path / "late", tmp_path / "db"
    # There and back: the venue stamps what it does halfway.
    desk = Desk(log_dir, venue=SimulatedVenue(balances={"USDT": "10000"}, latency_ms=40))
    desk.quote("100.0", "100.1")
    desk.ask(KernelCommandType.ENTER, "t1", target_size="1", reference_price="100")
    # Nothing moves the kernel's clock meanwhile.
    desk.now_ns += 16 * SECOND_NS
    desk.quote("100.0", "100.1")
    assert desk.kernel.slot(0).fsm_state == "POSITION_OPEN"
    desk.kernel.close()
    printed = [
        subprocess.run([sys.executable, "-m", "dita.cli", *words], capture_output=True, text=True, check=True)
        for words in (
            ["follow", os.fspath(log_dir), "--journal", os.fspath(path), "--until-end"],
            ["journal", "latency", "--journal", os.fspath(path), "--json"],
        )
    ]
    (row,) = json.loads(printed[1].stdout)["rows"]
    assert {name: float(value) for name, value in row.items() if name.endswith("p50")} == {
        "ack_p50": 17_000.0,
        "venue_ack_p50": 20.0,
        "fill_p50": 17_000.0,
        "venue_fill_p50": 20.0,
    }
