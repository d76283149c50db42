"""Import time, resident memory of a fresh kernel, and the extension's size, as one JSON object."""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
from pathlib import Path

RUNS = 21
IMPORT = "import time; a = time.perf_counter_ns(); import dita; print(time.perf_counter_ns() - a)"
KERNEL = (
    "import dita; k = dita.ExecutionKernel(); "
    "print(next(l for l in open('/proc/self/status') if l.startswith('VmRSS')).split()[1])"
)


def run(code: str) -> int:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout)


def main() -> None:
    """Measures and prints."""
    spec = importlib.util.find_spec("dita._kernel")
    size = Path(spec.origin).stat().st_size if spec and spec.origin else 0
    figures = {
        "import_ms": statistics.median(run(IMPORT) for _ in range(RUNS)) / 1e6,
        "fresh_kernel_mib": statistics.median(run(KERNEL) for _ in range(5)) / 1024,
        "extension_mib": size / 2**20,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
