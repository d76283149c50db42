"""Every Python example in the README and the how-to pages runs."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dita.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = [
    pytest.param(code, id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number, code in enumerate(
        re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL), 1
    )
]


def test_there_are_examples() -> None:
    """The pattern still finds them."""
    assert len(EXAMPLES) >= 3


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """An example may log to this test's stderr, which is closed when the next test logs."""
    ours = logging.getLogger("dita")
    before = (list(ours.handlers), ours.level, ours.propagate)
    yield
    ours.handlers, level, ours.propagate = before
    ours.setLevel(level)


def test_the_strategy_of_the_readme_trades(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", PAGES[0].read_text(encoding="utf-8"), re.DOTALL)[0]
    assert len([line for line in code.splitlines() if line]) <= 15
    Path("cross.py").write_text(code, encoding="utf-8")
    assert main(["example", "ema-cross", "my.py", "--data", "synth_perp_1m.csv"]) == 0
    capsys.readouterr()
    assert main(["backtest", "cross.py", "--data", "synth_perp_1m.csv", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["fills"] > 10
    assert result["errors"] == []
    assert result["final_k"] == result["final_e"]


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_runs(
    code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a reader would run it, in a directory of his own: some write files."""
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "example", "exec"), {"__name__": "example"})  # noqa: S102 - the examples are our own
    assert "Traceback" not in capsys.readouterr().err
