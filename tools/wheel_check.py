"""Proves what a wheel of Linux promises: its platform, its C library, and that it works when installed.

    python tools/wheel_check.py dist/*.whl

Each wheel is held against its tag by auditwheel, and the newest GLIBC of its extension is read from the file.
A wheel of this machine's kind is then installed into a clean environment of every Python from 3.11 that is
found, and used there.
"""

import os
import platform
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from elftools.elf.elffile import ELFFile

EXTENSION: Final = "dita/_kernel.abi3.so"
LIBRARY: Final = "dita/capi/libdita_v2_kernel.so"
WHEEL_BYTES_MAX: Final = 8_000_000
GLIBC_MAX: Final = (2, 28)
#: What somebody does first: a trade through the kernel, and the command line.
_FIRST_USE: Final = (
    ("-c", "import dita; dita.ExecutionKernel().close(); print(dita.__version__)"),
    (
        "-c",
        "import ctypes, dita.capi; assert ctypes.CDLL(str(dita.capi.library())).dita_abi_version() == 1",
    ),
    ("-m", "dita.cli", "demo", "--max-trades", "5", "--json"),
    ("-m", "dita.cli", "example", "ema-cross", "mine.py", "--data", "market.csv"),
    ("-m", "dita.cli", "backtest", "mine.py", "--data", "market.csv", "--out", "report"),
)


def main(wheels: Sequence[str]) -> int:
    """Check each wheel; return the exit code."""
    faults = [f"{wheel}: {fault}" for wheel in map(Path, wheels) for fault in checked(wheel)]
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    return 1 if faults or not wheels else 0


def checked(wheel: Path) -> Iterator[str]:
    """Yield what is wrong with a wheel; say the rest.

    Args:
        wheel: It.
    """
    size = wheel.stat().st_size
    newest = glibc_of(wheel)
    words = ".".join(map(str, newest))
    _say(f"{wheel.name}: {size / 1e6:.2f} MB, GLIBC up to {words}")
    if size > WHEEL_BYTES_MAX:
        yield f"{size} bytes, more than {WHEEL_BYTES_MAX}"
    if newest > GLIBC_MAX:
        yield f"asks for GLIBC {words}, newer than {'.'.join(map(str, GLIBC_MAX))}"
    shown = _run([sys.executable, "-m", "auditwheel", "show", os.fspath(wheel)])
    tag = re.search(r'"(manylinux_2_(\d+)_\w+)"', shown)
    _say(f"  auditwheel: {tag[1] if tag else shown}")
    if tag is None or int(tag[2]) > GLIBC_MAX[1]:
        yield f"auditwheel says {tag[1] if tag else shown}"
    if not wheel.stem.endswith(platform.machine()):
        _say(f"  not for this machine ({platform.machine()}): not installed")
        return
    for python in pythons():
        try:
            _say(f"  {_used(python, wheel)}")
        except subprocess.CalledProcessError as error:
            yield f"{python}: {error.cmd}: {(error.stderr or error.stdout).strip()[-400:]}"


def glibc_of(wheel: Path) -> tuple[int, ...]:
    """Return the newest version of the C library that the extension or the C ABI's library asks for.

    Args:
        wheel: It.
    """
    versions: list[str] = []
    with zipfile.ZipFile(wheel) as archive:
        for name in (EXTENSION, LIBRARY):
            with archive.open(name) as file:
                needed: Any = ELFFile(file).get_section_by_name(".gnu.version_r")
                versions += [one.name for _, all_of_one in needed.iter_versions() for one in all_of_one]
    numbers = [
        tuple(map(int, name.removeprefix("GLIBC_").split("."))) for name in versions if "GLIBC_" in name
    ]
    return max(numbers)


def pythons() -> list[Path]:
    """Return the Pythons from 3.11 that can make an environment: one of each minor version."""
    places = [Path(place) for place in os.environ.get("PATH", "").split(os.pathsep)]
    places += sorted(
        (Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions").glob("3.*/bin")
    )
    found: dict[str, Path] = {}
    for python in (place / f"python3.{minor}" for minor in range(11, 30) for place in places):
        if python.is_file():
            asked = [os.fspath(python), "-c", "import sys, venv, ensurepip; print(sys.version.split()[0])"]
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                found.setdefault(python.name, python)
    return list(found.values())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _used(python: Path, wheel: Path) -> str:
    with tempfile.TemporaryDirectory() as place:
        _run([os.fspath(python), "-m", "venv", place])
        own = os.path.join(place, "bin", "python")  # noqa: PTH118 - resolving it would leave the environment
        _run(
            [
                own,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                os.fspath(wheel.resolve()),
            ]
        )
        said = [_run([own, *words], cwd=place) for words in _FIRST_USE]
        version = _run([own, "--version"]).strip()
        return f"{version}: dita {said[0].strip()} is imported, plays `dita demo` and `dita backtest`"


def _run(command: Sequence[str], cwd: str | None = None) -> str:
    # Nothing of this environment, or of the folder one stands in, gets into the other.
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd, env=env).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
