"""One version everywhere, and locks that say what the project file says."""

import re
import tomllib
from pathlib import Path
from typing import Any

import dita

REPOSITORY = Path(__file__).resolve().parents[1]
PIN = re.compile(r"^([a-z0-9-]+)==([^ ]+) \\$", re.MULTILINE)
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def toml(name: str) -> dict[str, Any]:
    with (REPOSITORY / name).open("rb") as file:
        return tomllib.load(file)


def lock_text() -> str:
    return (REPOSITORY / "requirements-dev.lock").read_text(encoding="utf-8")


def test_the_version_stands_alike_in_python_and_rust() -> None:
    versions = {
        dita.__version__,
        toml("pyproject.toml")["project"]["version"],
        toml("Cargo.toml")["workspace"]["package"]["version"],
    }
    assert len(versions) == 1


def test_every_development_dependency_is_pinned_and_locked_at_that_version() -> None:
    project = toml("pyproject.toml")
    pinned = dict(requirement.split("==") for requirement in project["dependency-groups"]["dev"])
    locked = dict(PIN.findall(lock_text()))
    assert pinned.items() <= locked.items()
    assert {re.split(r"[<>=!~ \[]", name)[0] for name in project["project"]["dependencies"]} <= set(locked)
    assert project["build-system"]["requires"] == [f"maturin=={locked['maturin']}"]


def test_the_lock_holds_names_versions_and_hashes_and_nothing_else() -> None:
    for line in lock_text().splitlines():
        assert not line or line.startswith("#") or PIN.match(line) or HASH.match(line), line
    assert "://" not in lock_text()
