"""Paper runs that are killed: the next life goes on from the log, and everything agrees."""

import json
import subprocess
import sys
from pathlib import Path

VICTIM = Path(__file__).parent.parent / "victims" / "paper_lives.py"


def test_after_each_of_a_hundred_kills_position_and_the_strategys_own_count_agree(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(VICTIM), str(tmp_path), "100", "1"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["bad"] == [], done.stderr
    assert result["kills"] == 100
    # What the test is about has happened: notes were given back, and fills since them were told.
    assert result["recovered"] > 50
    assert result["retold"] > 20
    assert result["entries"] > 200
