"""`dita certify-venue`: a line for each sequence, an exit code, and what to do where there is no rig."""

import json
import sys
from pathlib import Path

import pytest

from dita.certify import SEQUENCES
from dita.cli import main

BROKEN = """
from certify_an_adapter import ToyAdapter, ToyRig

class Charges(ToyAdapter):
    def event(self, message):
        event = super().event(message)
        return event if event.fee is None else event.replace(fee=abs(event.fee))

class Rig(ToyRig):
    adapter = Charges

Charges.Rig = Rig
"""
UNFINISHED = """
from dita.certify import Rig, SimulatedRig

class Half(Rig):
    def open(self, trouble): ...

class Choosy(SimulatedRig):
    def __init__(self, url):
        pass
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the command runs."""
    for name, text in (
        ("broken_one", BROKEN),
        ("unfinished_one", UNFINISHED),
        ("needs_more_one", "import surely_not_installed"),
        ("crashing_one", "1 / 0"),
    ):
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.mark.parametrize(
    ("target", "skipped"),
    [
        ("dita:SimulatedVenue", [6, 8, 10]),
        ("dita:MockVenueAdapter", []),
        ("dita.certify:SimulatedRig", [6, 8, 10]),
    ],
)
def test_what_is_shipped_is_certified(
    target: str, skipped: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify-venue", target]) == 0
    *lines, blank, summary = capsys.readouterr().out.splitlines()
    assert (blank, summary) == ("", f"{21 - len(skipped)} passed, 0 failed, {len(skipped)} skipped")
    assert [int(line[:2]) for line in lines] == list(range(21))
    assert [line[13:].startswith(one.name) for line, one in zip(lines, SEQUENCES, strict=True)] == [True] * 21
    assert [int(line[:2]) for line in lines if "SKIP" in line] == skipped


@pytest.mark.usefixtures("here")
def test_a_failure_says_what_was_expected_and_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify-venue", "broken_one:Charges"]) == 1
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if "FAIL" in line]
    assert line == (
        "17  FAIL     a fee in a third asset; a maker's rebate: MAKER_REBATE: "
        "the fees of a maker who gets a rebate: expected below zero, saw 0.059"
    )
    assert out.endswith("20 passed, 1 failed, 0 skipped\n")


@pytest.mark.usefixtures("here")
def test_a_machine_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify-venue", "broken_one:Rig", "--json"]) == 1
    reported = json.loads(capsys.readouterr().out)
    assert reported["target"] == "broken_one:Rig"
    assert reported["counts"] == {"PASS": 20, "FAIL": 1, "SKIP": 0}
    (row,) = [row for row in reported["sequences"] if row["result"] == "FAIL"]
    assert (row["number"], row["expected"], row["seen"]) == (17, "below zero", "0.059")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("broken_one", "write MODULE:CLASS"),
        (":Rig", "write MODULE:CLASS"),
        ("nowhere_one:Rig", "there is no module nowhere_one: install it, or run this in the folder"),
        ("needs_more_one:Rig", "needs a module that is not installed: surely_not_installed"),
        ("crashing_one:Rig", "importing crashing_one failed, mend that first: ZeroDivisionError"),
        ("broken_one:Nothing", "broken_one has no Nothing; the rigs in it are Rig, ToyRig"),
        ("json:Nothing", "there is no rig in it"),
        ("json:loads", "write a subclass of dita.certify.Rig"),
        ("dita:ExecutionKernel", "write a subclass of dita.certify.Rig"),
        ("unfinished_one:Half", "lacks fill, orders_received, orders_working, position, wallet"),
        ("unfinished_one:Choosy", "is made anew for each scene, without arguments"),
    ],
)
def test_what_is_no_rig_is_said_with_what_to_do(
    target: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify-venue", target]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert what in err
    assert err.startswith("dita certify-venue: ")
    assert err.count("\n") == 1
