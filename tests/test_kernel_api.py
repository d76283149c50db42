"""One interface of kernels: in this process, connected, and a host's client."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SATISFIED = """
from dita import ExecutionKernel
from dita.host import Client
from dita.kernel.api import KernelApi, StrategyKernel
from dita.server import ConnectedKernel

FACES: tuple[type[KernelApi], ...] = (ExecutionKernel, ConnectedKernel, Client)
RUNS: tuple[type[StrategyKernel], ...] = (ExecutionKernel, ConnectedKernel)
"""


def checked(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """What mypy says of a program."""
    place = folder / "faces.py"
    place.write_text(code)
    words = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml")]
    environ = {**os.environ, "MYPYPATH": str(ROOT / "python")}
    return subprocess.run(
        [*words, str(place)], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


def test_every_kernel_satisfies_the_interface_without_a_cast(tmp_path: Path) -> None:
    found = checked(tmp_path, SATISFIED)
    assert found.returncode == 0, found.stdout


def test_what_is_no_kernel_does_not_satisfy_it(tmp_path: Path) -> None:
    found = checked(tmp_path, SATISFIED.replace("Client)", "object)"))
    assert found.returncode == 1
    assert "KernelApi" in found.stdout


def test_nothing_is_cast_to_a_kernel() -> None:
    casts = [
        f"{place.relative_to(ROOT)}: {line.strip()}"
        for place in sorted((ROOT / "python" / "dita").rglob("*.py"))
        for line in place.read_text().splitlines()
        if "cast(" in line and any(kind in line for kind in ('Kernel"', "SlotRegistry", 'Client"'))
    ]
    assert casts == []
