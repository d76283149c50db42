"""The side-by-side section of the EMA cross, from runs made up for this test; no peer is installed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

RUN = Path(__file__).resolve().parents[2] / "benches/bars/run.py"


@pytest.fixture(scope="module")
def bars() -> ModuleType:
    """The program, under a name of its own: benches/peers has a run.py too."""
    spec = importlib.util.spec_from_file_location("bars_run", RUN)
    assert spec is not None
    assert spec.loader is not None
    before = list(sys.path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def reported(ran_s: float, **changed: Any) -> dict[str, Any]:
    same = {
        "loaded_s": 0.5,
        "bars": 1000,
        "fills": 10,
        "fills_sha256": "ab" * 32,
        "end": "100.25",
        "version": "1",
    }
    return {**same, "ran_s": ran_s, **changed}


def test_each_peers_median_is_set_against_ours(bars: ModuleType) -> None:
    runs = {
        "dita": [reported(0.1, loaded_s=0), reported(0.3, loaded_s=0), reported(0.2, loaded_s=0)],
        "nautilus": [reported(2.0)],
    }
    text = bars.section(runs, {"backtesting": "no Python"}, "now", 0.5)
    assert "| DITA 1 | 0.20 | 0.10 to 0.30 | 5,000 | in the run |  |" in text
    assert "| nautilus_trader 1 | 2.00 | 2.00 to 2.00 | 500 | 0.50 | 10.00 |" in text
    assert "Not run: backtesting.py: no Python" in text
    assert "NOT THE SAME" not in text


@pytest.mark.parametrize(
    ("peer", "changed", "wrong"),
    [
        ("nautilus", {"end": "100.25000001"}, "nautilus_trader: end 100.25000001, DITA's 100.25"),
        ("backtesting", {"end": "100.25000001"}, None),
        ("backtesting", {"end": "100.2501"}, "backtesting.py: end 100.2501, DITA's 100.25"),
        ("backtesting", {"fills": 9}, "backtesting.py: fills 9, DITA's 10"),
        (
            "nautilus",
            {"fills_sha256": "cd" * 32},
            f"nautilus_trader: fills_sha256 {'cd' * 32}, DITA's {'ab' * 32}",
        ),
    ],
)
def test_another_end_or_other_fills_are_said(
    bars: ModuleType, peer: str, changed: dict[str, Any], wrong: str | None
) -> None:
    runs = {"dita": [reported(1.0)], peer: [reported(1.0, **changed)]}
    assert bars.disagreements(runs) == ([] if wrong is None else [wrong])
    assert ("NOT THE SAME" in bars.section(runs, {}, "now", 0.5)) == (wrong is not None)


def test_the_section_takes_its_own_place_on_the_page(bars: ModuleType) -> None:
    first = bars.written_into("# Results\n\nmore\n", f"{bars.OPEN}\none\n{bars.CLOSE}")
    assert first == f"# Results\n\nmore\n\n{bars.OPEN}\none\n{bars.CLOSE}\n"
    again = bars.written_into(f"{first}after\n", f"{bars.OPEN}\ntwo\n{bars.CLOSE}")
    assert again == f"# Results\n\nmore\n\n{bars.OPEN}\ntwo\n{bars.CLOSE}\nafter\n"
