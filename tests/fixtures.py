"""What was recorded of real venues: beside the repository, not in it. Tests skip where it is absent."""

import json
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
FIXTURES = SHARED / "fixtures"
DATA = SHARED / "data"


def present(path: Path) -> Path:
    """The path, or a skip that says what is missing."""
    if not path.exists():
        pytest.skip(f"{path.relative_to(SHARED.parent)} is not beside the repository")
    return path


def recorded(name: str) -> Any:
    """A recorded JSON file."""
    return json.loads(present(FIXTURES / name).read_text(encoding="utf-8"))


def precision(name: str) -> Any:
    """A recorded JSON file about instruments and rounding."""
    return recorded(f"precision/{name}")
