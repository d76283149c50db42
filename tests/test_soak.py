"""That the long run before a release has all that it says: `tools/soak.py`."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_fuzz_target_and_every_kind_of_check_is_in_the_soak() -> None:
    listed = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "soak.py"), "--list"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = [line.split()[0] for line in listed.splitlines()]
    targets = {path.name for path in (ROOT / "rust_kernel" / "fuzz" / "corpora").iterdir()}
    assert {name.removeprefix("fuzz-") for name in names if name.startswith("fuzz-")} == targets
    assert {
        "torture",
        "model",
        "power-log",
        "power-kernel",
        "kill",
        "kill-python",
        "kill-stdio",
        "takeover",
        "naive",
        "stdio",
    } <= set(names)
    assert len(names) == len(set(names))
