"""Portfolios on a host that runs for something else: a paper run is asked at its socket."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dita.host import Directory, HostAway, ask
from portfolios import winners


@pytest.fixture
def paper(tmp_path: Path) -> Directory:
    """A paper run at its own pace, with a price; its strategy does nothing yet."""
    market = tmp_path / "xusdt_1h.csv"
    rows = [f"2024-01-01 {hour:02d}:00:00,100.0,100.0,100.0,100.0,10\n" for hour in range(24)]
    market.write_text("timestamp,open,high,low,close,volume\n" + "".join(rows))
    return Directory(tmp_path / "p")


def test_a_paper_run_takes_a_portfolio_while_it_plays(tmp_path: Path, paper: Directory) -> None:
    words = ["paper", "ema-cross", "--data", str(tmp_path / "xusdt_1h.csv"), "--dir", str(paper.path)]
    with subprocess.Popen([sys.executable, "-m", "dita.cli", *words, "--speed", "3600"]) as process:
        until = time.monotonic() + 60
        while not has_price(paper):
            assert process.poll() is None
            assert time.monotonic() < until
        file = winners(tmp_path / "t.json", {"XUSDT": 0.5})
        command = [
            sys.executable,
            "-m",
            "dita.cli",
            "portfolio",
            "apply",
            str(file),
            "--dir",
            str(paper.path),
        ]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert said.returncode == 0, said.stderr
        assert said.stdout.endswith("DONE: 1 of 1 rows are on their target\n")
        slots = ask(paper, "status")["accounts"]["main"]["slots"]
        assert [(slot["owner"], slot["asset"]) for slot in slots] == [("portfolio", "XUSDT")]
        (plan,) = ask(paper, "portfolio", action="status")
        assert (plan["state"], plan["counts"]["done"]) == ("DONE", 1)
        assert json.dumps(plan)
        ask(paper, "stop")
        assert process.wait(60) == 0


def has_price(directory: Directory) -> bool:
    """Whether the run answers, and has heard of its market."""
    try:
        marks = ask(directory, "status")["accounts"]["main"]["marks"]
    except HostAway:
        return False
    return marks.get("XUSDT") is not None
