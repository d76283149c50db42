"""What runs come to, and what their strategies receive, is kept: the same bytes after every change."""

import json
from pathlib import Path

import pytest
from plays import PLAYS, digests_of

# Made by the loop in Python that was here before the player in Rust; `mixed` and `timers` are anew since an
# order that is sent within a bar meets what the bar's path comes to next, and not its open.
KEPT = json.loads((Path(__file__).parent.parent / "golden" / "plays.json").read_text())


@pytest.mark.parametrize("name", PLAYS)
def test_a_run_comes_to_the_same_bytes_as_when_it_was_kept(name: str, tmp_path: Path) -> None:
    assert digests_of(name, tmp_path) == KEPT[name]
