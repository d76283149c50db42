"""The Rust crates depend on one another one way, and only the bindings know Python."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# From the bottom. A crate may use what stands above its own line; those of one line never use one another.
LAYERS = (
    ("dita-kernel", "dita-indicators"),
    ("dita-sim", "dita-log", "dita-zinc", "dita-graphs"),
    ("dita-engine",),
    ("dita-host", "dita-play", "dita-audit", "dita-torture"),
    ("dita-stdio", "dita-link"),
    ("dita-capi",),
    ("dita-fuzz",),
    ("dita-py",),
)
PLACE = {crate: layer for layer, crates in enumerate(LAYERS) for crate in crates}


def members() -> dict[str, dict[str, object]]:
    """Each crate of the workspace by its name."""
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]
    manifests = [tomllib.loads((ROOT / member / "Cargo.toml").read_text()) for member in workspace]
    return {manifest["package"]["name"]: manifest for manifest in manifests}


def test_every_crate_has_its_place() -> None:
    assert set(members()) == set(PLACE)


@pytest.mark.parametrize("crate", sorted(PLACE))
def test_a_crate_uses_only_crates_below_it(crate: str) -> None:
    used = {name for name in members()[crate].get("dependencies", {}) if name.startswith("dita-")}
    wrong = {name for name in used if PLACE[name] >= PLACE[crate]}
    assert not wrong, f"{crate} uses {sorted(wrong)}"


@pytest.mark.parametrize("crate", sorted(set(PLACE) - {"dita-py"}))
def test_only_the_bindings_know_python(crate: str) -> None:
    assert "pyo3" not in members()[crate].get("dependencies", {})


def test_the_bindings_that_are_fuzzed_use_what_the_bindings_use() -> None:
    """Their source is the same, in a workspace of its own that `make test` does not build."""
    manifests = ("rust_kernel/py/Cargo.toml", "rust_kernel/fuzz/engine/bindings/Cargo.toml")
    used, fuzzed = (set(tomllib.loads((ROOT / path).read_text())["dependencies"]) for path in manifests)
    assert fuzzed == used
