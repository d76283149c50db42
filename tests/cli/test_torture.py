"""`dita torture`: what it prints, how it ends, and that it can be interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from dita import _kernel
from dita.cli import main

SEEDS = "12"


def ran(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["torture", *words]) == code
    return capsys.readouterr().out


def as_object(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ran(capsys, *words, "--json", code=code))
    return found


def test_seeds_hold_and_the_summary_says_what_struck(capsys: pytest.CaptureFixture[str]) -> None:
    found = as_object(capsys, "--seeds", SEEDS, "--faults", "drop,duplicate,restart", "--inputs", "300")
    assert (found["good"], found["failed"], found["seeds"]) == (True, 0, 12)
    struck = {fault["name"]: fault for fault in found["faults"] if fault["seeds"]}
    assert set(struck) == {"drop", "duplicate", "restart"}
    assert all(fault["seeds"] == 12 and fault["fired"] > 0 for fault in struck.values())
    assert all(planted == named for planted, named, _ in found["causes"])
    often = {"positions", "slots", "fees", "profits"}
    assert all(held > 0 for figure, held, _ in found["figures"] if figure in often)
    assert found["inputs"] >= 12 * 300
    assert 0 < found["cells"] <= found["cells_all"]


def test_the_same_seeds_come_to_the_same_chain_on_however_many_threads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("--seeds", SEEDS, "--faults", "delay,disconnect", "--inputs", "200")
    chains = {as_object(capsys, *words, "--jobs", jobs)["chain"] for jobs in ("1", "3")}
    assert len(chains) == 1
    assert as_object(capsys, *words, "--start", "1")["chain"] not in chains


def test_the_text_is_a_table_of_faults_and_one_of_causes(capsys: pytest.CaptureFixture[str]) -> None:
    text = ran(capsys, "--seeds", "4", "--faults", "duplicate", "--inputs", "200")
    lines = text.splitlines()
    row = next(line.split() for line in lines if line.startswith("  duplicate "))
    assert row[1] == "4"
    assert int(row[2]) > 0
    assert lines[-1].startswith("GOOD: 4 seeds, ")
    assert lines[-1].endswith("seeds a second")


def test_a_fault_that_never_struck_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    # A fee tier changes after a fill, and there are no fills within the first few inputs.
    text = ran(capsys, "--seeds", "1", "--faults", "fee_tier_change", "--inputs", "1", code=1)
    assert "NEVER STRUCK" in text
    assert text.splitlines()[-1].startswith("BROKEN: ")


def test_a_failure_prints_the_command_that_plays_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = {"seed": 7, "inputs": 9, "faults": ["drop"], "check": "K = E", "what": "it differs", "story": []}
    usual = _kernel.torture

    def broken(**words: Any) -> dict[str, Any]:
        return usual(**words) | {"good": False, "failed": 1, "failures": [dict(failed)]}

    monkeypatch.setattr("dita.cli.torture.torture", broken)
    text = ran(capsys, "--seeds", "1", "--faults", "drop", "--inputs", "50", code=1)
    assert "seed 7 FAILED K = E: it differs" in text
    assert "dita torture --seed 7 --faults drop --inputs 50 --shrink" in text


def test_a_story_tells_every_input_and_can_be_cut_to_its_decisions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = ran(capsys, "--seed", "3", "--faults", "", "--inputs", "200", "--story").splitlines()
    assert whole[0].startswith("seed 3: ")
    assert whole[-1] == "GOOD: it held"
    cut = ran(capsys, "--seed", "3", "--faults", "", "--decisions", "22-60", "--story").splitlines()
    decisions = {int(line.split()[0]) for line in cut[1:-2] if line[:6].strip().isdigit()}
    assert decisions <= {0, *range(22, 61)}
    assert len(cut) < len(whole)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--faults", "gremlins"), "no such fault: gremlins"),
        (("--seeds", "3", "--story"), "name it with --seed"),
        (("--seeds", "0"), "must be 1 or more"),
        (("--seed", "1", "--decisions", "9-3"), "--decisions: "),
    ],
)
def test_words_that_do_not_fit_are_named(
    words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["torture", *words]) == 1
    assert complaint in capsys.readouterr().err


def test_the_faults_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    listed = ran(capsys, "--list-faults").splitlines()
    assert len(listed) == len(_kernel.torture_faults()) > 40
    assert all(len(line.split()) > 2 for line in listed)


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_it() -> None:
    words = [sys.executable, "-m", "dita.cli", "torture", "--seeds", "1000000", "--jobs", "1"]
    child = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stderr is not None
    assert "seeds" in child.stderr.readline()  # it is at work
    begun = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, error = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "interrupted" in error
    assert time.monotonic() - begun < 30
