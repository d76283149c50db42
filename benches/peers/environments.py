"""One environment for each peer, under a folder that git ignores, from the versions pinned in peers.toml."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The version, and the interpreter under the environment that this one may be.
PROBE = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2], sys._base_executable)"


class NotInstalledError(Exception):
    """A peer has no environment; the text says why."""


@dataclass(frozen=True)
class Environment:
    """A peer's Python and what is installed beside it."""

    python: Path
    distribution: str
    generation: int
    installed: tuple[str, ...]


def probe(candidate: str | Path) -> tuple[str, Path] | None:
    """Version and place of an interpreter that works and can make environments."""
    try:
        done = subprocess.run(
            [candidate, "-c", PROBE], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    version, place = done.stdout.split(maxsplit=1)
    return version, Path(place.strip())


def interpreter(wanted: list[str]) -> Path | None:
    """The first that works: on the path, then where pyenv and uv keep theirs. "this" is our own."""
    homes = [
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions",
        Path.home() / ".local/share/uv/python",
    ]
    for version in wanted:
        if version == "this":
            found = probe(sys.executable)
            return found[1] if found else None
        # A name on the path may be a shim that fails, so each candidate is run before it is believed.
        kept = [path for home in homes for path in sorted(home.glob(f"*{version}.*/bin/python{version}"))]
        candidates: list[str | Path] = [f"python{version}", *kept]
        for candidate in candidates:
            found = probe(candidate)
            if found and found[0] == version:
                return found[1]
    return None


def called(command: list[str | Path], log: Path, limit_s: float) -> None:
    """Runs an installation step; what it says is kept in the log."""
    with log.open("a", encoding="utf-8") as out:
        try:
            done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, timeout=limit_s, check=False)
        except subprocess.TimeoutExpired:
            raise NotInstalledError(f"the installation took more than {limit_s:.0f} s") from None
    if done.returncode:
        lines = [
            line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if "ERROR" in line
        ]
        raise NotInstalledError(lines[-1].strip() if lines else f"the installation failed, see {log.name}")


def install(folder: Path, python: Path, choice: dict[str, Any], limit_s: float) -> None:
    """Makes the environment; the stamp is written last, so one left half made is made again."""
    limit_s = max(1.0, limit_s)
    log = folder.with_suffix(".log")
    log.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    called([python, "-m", "venv", folder], log, limit_s)
    pip: list[str | Path] = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-input"]
    called([*pip, *choice["packages"]], log, limit_s)
    if alone := choice.get("packages_alone"):
        called([*pip, "--no-deps", *alone], log, limit_s)
    (folder / "complete").touch()


def ready(cache: Path, name: str, choices: list[dict[str, Any]], limit_s: float) -> Environment:
    """The environment of a peer, made if it is not there.

    Raises:
        NotInstalledError: No Python for it, or the installation failed.
    """
    for choice in choices:
        python = interpreter(choice["python"])
        if python is None:
            continue
        wanted = json.dumps([str(python), choice["packages"], choice.get("packages_alone", [])])
        folder = cache / f"{name}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
        if not (folder / "complete").exists():
            cache.mkdir(parents=True, exist_ok=True)
            install(folder, python, choice, limit_s)
        inside = folder / "bin/python"
        frozen = subprocess.run([inside, "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
        installed = tuple(frozen.stdout.split())
        return Environment(inside, choice["distribution"], choice.get("generation", 1), installed)
    versions = " or ".join(sorted({version for choice in choices for version in choice["python"]}))
    raise NotInstalledError(f"no Python {versions} was found")
