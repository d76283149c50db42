"""Strategies to begin with: `dita example NAME` writes one of them into a file of yours."""

from pathlib import Path
from typing import Final

from dita.errors import refuse

_PLACE: Final = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the samples, in alphabetical order."""
    return sorted(path.stem.replace("_", "-") for path in _PLACE.glob("*.py") if path.stem != "__init__")


def path_of(name: str) -> Path:
    """Return a sample's file.

    Args:
        name: As `names` gives it.

    Raises:
        InvalidInput: There is none of this name.
    """
    if name not in names():
        raise refuse("name", name, f"is no sample; there are {', '.join(names())}")
    return _PLACE / f"{name.replace('-', '_')}.py"
