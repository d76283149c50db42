"""Where planes in shared memory are."""

import os
from pathlib import Path
from typing import Final

from dita._kernel import zinc_directory

VARIABLE: Final = "DITA_ZINC_DIR"


def directory_of(given: str | os.PathLike[str] | None) -> Path:
    """Return the directory: the one that is given, else `DITA_ZINC_DIR`'s, else this user's in `/dev/shm`."""
    if given is not None:
        return Path(given)
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(zinc_directory())
