"""The ceilings of words that a reader would have to learn: `tools/words.py`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parent.parent / "tools" / "words.py"
WORD = "to" + "ld"


def git(root: Path, *words: str) -> None:
    """Run a git command as an author of its own."""
    author = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
    subprocess.run(("git", *author, *words), cwd=root, check=True, capture_output=True)  # noqa: S607 - from the path


def words(root: Path, *options: str) -> tuple[int, str]:
    """Run the tool on a repository; return its exit code and what it says."""
    ended = subprocess.run(
        (sys.executable, str(TOOL), "--root", str(root), *options),
        check=False,
        capture_output=True,
        text=True,
    )
    return ended.returncode, ended.stderr


def ceilings(root: Path) -> dict[str, dict[str, int]]:
    """Return the table of a repository."""
    table: dict[str, dict[str, int]] = json.loads((root / "tools/words.json").read_text())
    return table


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository with one use of the word, and a ceiling of one for it."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "python").mkdir()
    (tmp_path / "python/desk.py").write_text(f"# The first is {WORD}.\n")
    real = json.loads((TOOL.parent / "words.json").read_text())
    table = {area: dict.fromkeys(real[area], 0) for area in real}
    table["python"][WORD] = 1
    (tmp_path / "tools/words.json").write_text(json.dumps(table))
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=first")
    return tmp_path


def test_a_count_at_its_ceiling_passes(root: Path) -> None:
    assert words(root) == (0, "")


@pytest.mark.parametrize(
    "line", [f"It is {WORD}.", f"self._{WORD}_s = 1", f"class Has{WORD.title()}Sink: ..."]
)
def test_a_new_use_fails_with_its_file_and_line(root: Path, line: str) -> None:
    (root / "python/desk.py").write_text(f"# The first is {WORD}.\n\n{line}\n")
    code, said = words(root)
    assert code == 1
    assert "2 times, at most 1" in said
    assert said.splitlines()[1:] == ["  python/desk.py:3"]


def test_a_longer_word_is_another_word(root: Path) -> None:
    (root / "python/desk.py").write_text(f"# The first is {WORD}. A heartbeat and an un{WORD} story.\n")
    assert words(root) == (0, "")


def test_a_ceiling_falls_and_does_not_rise_again(root: Path) -> None:
    (root / "python/desk.py").write_text("# Nothing.\n")
    code, said = words(root)
    assert code == 0
    assert "0 times: lower its ceiling of 1" in said
    assert words(root, "--lower")[0] == 0
    assert ceilings(root)["python"][WORD] == 0
    git(root, "commit", "--all", "--quiet", "--message=lower")
    (root / "tools/words.json").write_text(
        json.dumps({**ceilings(root), "python": ceilings(root)["python"] | {WORD: 1}})
    )
    code, said = words(root)
    assert code == 1
    assert "rose from 0 to 1: put it back" in said
