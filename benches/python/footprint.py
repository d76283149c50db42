"""Import time, resident memory of a fresh kernel, the sizes of extension and wheel, as one JSON object."""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
from pathlib import Path

RUNS = 21
DIST = Path(__file__).parents[2] / "dist"
IMPORT = "import time; a = time.perf_counter_ns(); import dita; print(time.perf_counter_ns() - a)"
KERNEL = (
    "import dita; k = dita.ExecutionKernel(); "
    "print(next(l for l in open('/proc/self/status') if l.startswith('VmRSS')).split()[1])"
)


def run(code: str) -> int:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout)


def wheel_bytes(extension: Path) -> int | None:
    """The size of the wheel that `make build` left, where it is not older than the extension."""
    wheels = [path.stat() for path in DIST.glob("dita-*.whl")]
    newest = max(wheels, key=lambda wheel: wheel.st_mtime, default=None)
    return newest.st_size if newest and newest.st_mtime >= extension.stat().st_mtime else None


def main() -> None:
    """Measures and prints."""
    spec = importlib.util.find_spec("dita._kernel")
    if spec is None or spec.origin is None:
        sys.exit("the extension is not built: make setup")
    extension = Path(spec.origin)
    wheel = wheel_bytes(extension)
    figures = {
        "import_ms": statistics.median(run(IMPORT) for _ in range(RUNS)) / 1e6,
        "fresh_kernel_mib": statistics.median(run(KERNEL) for _ in range(5)) / 1024,
        "extension_mib": extension.stat().st_size / 2**20,
        "wheel_mb": wheel / 1e6 if wheel else None,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
