"""The side-by-side report and its chart, from results made up for this test; no peer is installed."""

from __future__ import annotations

import json
import re
import sys
import tomllib
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any

import chart
import environments
import protocol
import pytest
import report
import run

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "benches/peers"
MADE_UP = Path(__file__).with_name("made_up_peers.json")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def results() -> dict[str, Any]:
    """Two rounds of three: dita_t1 5 and 6 µs, another 20 and 30, one that grows by 10 µs every 100 trips."""
    read: dict[str, Any] = json.loads(MADE_UP.read_text(encoding="utf-8"))
    return read


def test_an_arm_is_the_median_of_its_rounds_after_the_warm_up(results: dict[str, Any]) -> None:
    arm = report.summary(results)["other"]
    assert (arm.median, arm.low, arm.high) == (25, 20, 30)
    # Compared with the reference round by round: 20 / 5 and 30 / 6.
    assert arm.against_reference == 4.5


def test_what_the_quotes_cost_is_subtracted_and_both_are_printed(results: dict[str, Any]) -> None:
    arms = report.summary(results)
    growing = arms["growing"]
    assert (growing.gross, growing.baseline, growing.median) == (220, 3, 217)
    assert (growing.at(1000), growing.at(2000)) == (167, 267)
    assert "quotes" not in arms
    assert "growing: 220 µs a trip with trading, 3.00 for the same quotes without" in report.section(
        results, arms
    )


def test_an_arm_whose_quotes_did_not_run_has_no_figure(results: dict[str, Any]) -> None:
    del results["arms"]["quotes"]
    assert "growing" not in report.summary(results)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the program writes goes here, so that no test touches the project's own figures."""
    for name in ("DRAFT", "RESULTS", "PAGE", "PICTURE"):
        monkeypatch.setattr(run, name, tmp_path / name)
    run.PAGE.write_text("# Results\n", encoding="utf-8")
    return tmp_path


def test_figures_of_a_busy_machine_are_not_published(results: dict[str, Any], elsewhere: Path) -> None:
    with pytest.raises(SystemExit, match="busy with something else"):
        run.publish(results, is_draft=False)
    assert sorted(path.name for path in elsewhere.iterdir()) == ["DRAFT", "PAGE"]
    assert run.PAGE.read_text(encoding="utf-8") == "# Results\n"


def test_figures_of_a_quiet_machine_are_published_together(results: dict[str, Any], elsewhere: Path) -> None:
    for again in results["arms"]["other"]:
        again["cpu_share"] = 1.0
    run.publish(results, is_draft=False)
    arms = report.summary(results)
    assert json.loads(run.RESULTS.read_text(encoding="utf-8")) == results
    assert report.section(results, arms) in run.PAGE.read_text(encoding="utf-8")
    assert run.PICTURE.read_text(encoding="utf-8") == chart.picture(results, arms)
    assert not list(elsewhere.rglob("*.new"))


def test_the_page_says_what_did_not_run_and_that_the_machine_was_busy(results: dict[str, Any]) -> None:
    page = report.section(results, report.summary(results))
    assert "Not run: absent: no Python 9.9 was found." in page
    assert "less than a core for other <engine> (75%)." in page
    assert "**2 of 3 rounds**" in page


def test_every_arm_has_its_work_list_beside_its_figure(results: dict[str, Any]) -> None:
    arms = report.summary(results)
    page = report.section(results, arms)
    assert [name for name in arms if f"{name} lacks" not in page] == []


def test_the_cheapest_arm_stands_first(results: dict[str, Any]) -> None:
    assert list(report.summary(results)) == ["dita_t1", "other", "growing"]


@pytest.mark.parametrize("after", ["", "\n## Later\n"])
def test_the_section_takes_the_place_of_the_old_one_and_nothing_else_changes(after: str) -> None:
    new = f"{report.OPEN}\nnew\n{report.CLOSE}\n"
    once = report.replaced("# Results\n\ntext\n", f"{report.OPEN}\nold\n{report.CLOSE}\n") + after
    twice = report.replaced(once, new)
    assert twice == f"# Results\n\ntext\n\n{new}{after}"
    assert report.replaced(twice, new) == twice


def drawn(results: dict[str, Any]) -> ET.Element:
    """The chart, parsed."""
    return ET.fromstring(chart.picture(results, report.summary(results)))  # noqa: S314 - our own text


def test_the_chart_names_every_arm_with_its_version(results: dict[str, Any]) -> None:
    words = [element.text for element in drawn(results).iter(f"{SVG}text")]
    for expected in ("DITA 1.0, from Python", "other <engine> 1.0", "growing 1.0", "f64 & no ledger", "217"):
        assert expected in words


def test_the_bars_are_logarithmic(results: dict[str, Any]) -> None:
    bars = [element for element in drawn(results).iter(f"{SVG}rect") if "bar" in element.get("class", "")]
    lengths = [float(bar.get("width", "0")) for bar in bars]
    # 5.5, 25 and 217 on an axis that begins at 1.
    assert lengths[1] / lengths[0] == pytest.approx(1.888, abs=0.01)
    assert lengths[2] / lengths[0] == pytest.approx(3.156, abs=0.01)


def test_no_text_of_the_chart_lies_on_another_or_outside(results: dict[str, Any]) -> None:
    # Ten arms that end at the same cost: the names beside the curves must still stand apart.
    for number in range(10):
        name = f"twin_{number}"
        results["labels"][name] = {"label": f"twin {number}", "hint": ""}
        results["arms"][name] = results["arms"]["other"]
    picture = drawn(results)
    height = float(picture.get("height", "0"))
    boxes = []
    for element in picture.iter(f"{SVG}text"):
        x, y, words = float(element.get("x", "0")), float(element.get("y", "0")), element.text or ""
        size = 6.0 if element.get("class") == "small" else 7.5
        shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor", "start")]
        left = x - shift * size * len(words)
        if words:
            boxes.append((left, y - 10, left + size * len(words), y + 1, words))
    for left, top, right, bottom, words in boxes:
        assert min(left, top) >= 0, words
        assert right <= chart.WIDTH, words
        assert bottom <= height, words
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart, (one[4], other[4])


@pytest.mark.parametrize(
    ("position", "orders", "fees", "pnl", "exact", "named"),
    [
        ("0", 20, "8.0340325", "-0.013", True, []),
        ("0.013", 20, "8.0340325", "-0.013", True, ["position"]),
        ("0", 19, "8.0340325", "-0.013", True, ["filled orders"]),
        ("0", 20, "8.0340325000001", "-0.013", True, ["fees"]),
        ("0", 20, "8.0340325000001", "-0.013", False, []),
        ("0", 20, "8.03404", "-0.0131", False, ["fees", "realized PnL"]),
        ("0", 20, None, None, True, []),
    ],
)
def test_an_arm_that_ends_wrong_says_where(
    position: str, orders: int, fees: str | None, pnl: str | None, *, exact: bool, named: list[str]
) -> None:
    end = protocol.End(
        position=Decimal(position),
        orders=orders,
        fees=None if fees is None else Decimal(fees),
        realized_pnl=None if pnl is None else Decimal(pnl),
        is_exact=exact,
    )
    assert [line.split(" is ")[0] for line in protocol.wrong(end, trips=10)] == named


ARM = """
import json, sys
name, trips, block = sys.argv[1:]
open("order", "a").write(name)
if name == "c":
    raise SystemExit("c ends wrong: fees is 1, not 2")
print(json.dumps({"arm": name, "blocks_us": [1.0] * (int(trips) // int(block)), "cpu_share": 1.0}))
"""


def test_each_round_starts_one_arm_further_on_and_a_failed_arm_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", ARM]
    started = dict.fromkeys("abc", command), dict[str, str](), dict[str, Any]()
    monkeypatch.setattr(run, "commands", lambda *_: started)
    monkeypatch.setattr(run, "CACHE", tmp_path)
    settings = {"run": {"rounds": 2, "trips": 200, "block": 100, "budget_s": 120, "arm_limit_s": 60}}
    results: dict[str, Any] = {"arms": {}}
    run.rounds(settings, list("abc"), results, tmp_path / "results.json")
    assert (tmp_path / "run/order").read_text(encoding="utf-8") == "abc" + "ba"
    assert results["not_run"] == {"c": "c ends wrong: fees is 1, not 2"}
    assert {name: len(runs) for name, runs in results["arms"].items()} == {"a": 2, "b": 2}
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8")) == results


def test_a_round_that_the_time_cuts_short_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "commands", lambda *_: ({"a": ["false"]}, {}, {}))
    monkeypatch.setattr(run, "CACHE", tmp_path)
    settings = {"run": {"rounds": 2, "trips": 200, "block": 100, "budget_s": 0, "arm_limit_s": 60}}
    results: dict[str, Any] = {"arms": {}, "rounds_done": 0}
    run.rounds(settings, ["a"], results, tmp_path / "results.json")
    assert (results["rounds_done"], results["arms"], results["not_run"]) == (0, {}, {})


def test_results_are_read_as_they_were_written(results: dict[str, Any]) -> None:
    assert json.loads(run.as_text(results)) == results


def test_every_version_is_pinned_and_every_arm_can_be_started() -> None:
    settings = tomllib.loads((PEERS / "peers.toml").read_text(encoding="utf-8"))
    for choices in settings["peers"].values():
        for choice in choices:
            pins = [*choice["packages"], *choice.get("packages_alone", [])]
            assert [pin for pin in pins if not re.fullmatch(r"[\w-]+==[\w.]+", pin)] == []
    for name, arm in settings["arms"].items():
        assert arm.get("baseline", name) in settings["arms"]
        for choice in settings["peers"].get(arm.get("peer"), []):
            script = run.SCRIPTS[arm["peer"]].format(generation=choice.get("generation", 1))
            assert (PEERS / script).is_file()
    counts = settings["run"]
    assert counts["trips"] % counts["block"] == 0
    assert counts["warm_up"] % counts["block"] == 0


def test_a_peer_without_its_python_is_not_run_and_the_reason_is_given(tmp_path: Path) -> None:
    choice = {"distribution": "none", "python": ["9.9"], "packages": []}
    with pytest.raises(environments.NotInstalledError, match=r"no Python 9\.9 was found"):
        environments.ready(tmp_path, "none", [choice], limit_s=1)


def test_what_is_committed_is_what_the_committed_results_make() -> None:
    if not run.RESULTS.exists():
        pytest.skip("no results are committed yet: run make bench-peers")
    results = json.loads(run.RESULTS.read_text(encoding="utf-8"))
    arms = report.summary(results)
    page = run.PAGE.read_text(encoding="utf-8")
    assert report.section(results, arms).rstrip("\n") in page
    assert run.PICTURE.read_text(encoding="utf-8") == chart.picture(results, arms)
