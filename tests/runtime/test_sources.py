"""What a run's id has of a strategy's code: its file, and what it imports from its own folder."""

import os
import sys
from pathlib import Path

import pytest

from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.space import Grid
from dita.backtest.sweep import Plan
from dita.runtime import load_strategy
from dita.runtime.sources import sources_of

STRATEGY = "from dita.strategy import Strategy\n{imports}\nclass Mine(Strategy):\n    value = {value}\n"
ROWS = "timestamp,open,high,low,close,volume\n2024-01-01T00:00:00,1,1,1,1,1\n2024-01-01T00:01:00,1,1,1,1,1\n"


def write(folder: Path, name: str, text: str) -> Path:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    # Two contents of one length may be written within one tick of the file's clock.
    stamp = getattr(write, "stamp", 1_700_000_000_000_000_000) + 1_000_000
    write.stamp = stamp  # type: ignore[attr-defined]
    os.utime(place, ns=(stamp, stamp))
    return place


def strategy(folder: Path, imports: str = "import aid", value: str = "aid.VALUE") -> Path:
    return write(folder, "mine.py", STRATEGY.format(imports=imports, value=value))


def run_id(place: Path) -> str:
    data = place.parent / "xusdt_1m.csv"
    data.write_text(ROWS)
    (run,) = Plan(place, data, (), None, None).runs(Grid(load_strategy(str(place)), {})).values()
    from dita.market import open_market  # noqa: PLC0415 - the market of this file

    engine = BacktestEngine([Named("Mine", load_strategy(str(place)))], [open_market(data)], files=[data])
    assert engine.run_id() == run.run_id, "a sweep's run has the id of the backtest"
    return run.run_id


def test_a_changed_module_is_another_run_and_the_code_that_runs(tmp_path: Path) -> None:
    write(tmp_path, "aid.py", "VALUE = 1\n")
    place = strategy(tmp_path)
    first = run_id(place)
    assert run_id(place) == first
    write(tmp_path, "aid.py", "VALUE = 2\n")
    assert run_id(place) != first
    assert vars(load_strategy(str(place)))["value"] == 2, "what the id says is what runs"
    write(tmp_path, "aid.py", "VALUE = 1\n")
    assert run_id(place) == first


@pytest.mark.parametrize(
    ("imports", "value", "files"),
    [
        ("import aid", "1", {"aid.py": ""}),
        ("from kit import deep", "1", {"kit/__init__.py": "", "kit/deep.py": ""}),
        (
            "import kit.deep",
            "1",
            {"kit/__init__.py": "", "kit/deep.py": "from . import base", "kit/base.py": ""},
        ),
        ("import aid", "1", {"aid.py": "import more", "more.py": ""}),
        ("def later():\n    import aid\n", "1", {"aid.py": ""}),
    ],
    ids=["beside", "of a package", "relative", "at second hand", "within a function"],
)
def test_each_module_of_the_own_folder_counts(
    tmp_path: Path, imports: str, value: str, files: dict[str, str]
) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)
    place = strategy(tmp_path, imports, value)
    seen = {run_id(place)}
    for name, text in files.items():
        write(tmp_path, name, f"{text}\n# changed")
        seen.add(run_id(place))
    assert len(seen) == 1 + len(files)


def test_what_is_installed_or_comes_with_dita_does_not_count(tmp_path: Path) -> None:
    write(tmp_path, "lib/site-packages/other/__init__.py", "")
    sys.path.append(str(tmp_path / "lib/site-packages"))
    try:
        imports = "import json, other\nfrom dita.indicators import Ema"
        assert sources_of(load_strategy(str(strategy(tmp_path, imports, "1")))).imported == ()
    finally:
        sys.path.remove(str(tmp_path / "lib/site-packages"))


def test_two_folders_may_have_modules_of_one_name(tmp_path: Path) -> None:
    for value, folder in enumerate(("one", "two")):
        write(tmp_path / folder, "aid.py", f"VALUE = {value}\n")
        strategy(tmp_path / folder)
    first, second = (load_strategy(str(tmp_path / folder / "mine.py")) for folder in ("one", "two"))
    assert (vars(first)["value"], vars(second)["value"]) == (0, 1)
    assert [sources_of(one).files[1].parent.name for one in (first, second)] == ["one", "two"]


def test_a_module_of_a_package_counts_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "pack/__init__.py", "")
    write(tmp_path, "pack/rules.py", "")
    write(tmp_path, "pack/plans/__init__.py", "")
    write(
        tmp_path, "pack/plans/mine.py", STRATEGY.format(imports="from ..rules import __name__ as at", value=1)
    )
    write(tmp_path, "unasked.py", "")
    monkeypatch.syspath_prepend(str(tmp_path))
    names = [name for name, _ in sources_of(load_strategy("pack.plans.mine:Mine")).imported]
    assert names == ["pack", "pack.rules"]
