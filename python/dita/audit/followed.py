"""An audit ledger that a kernel's follower writes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class FollowedAudit:
    """An audit ledger that costs the kernel nothing: give it to `ExecutionKernel(log_dir=..., audit=...)`.

    Attributes:
        folder: Where its files are; each kernel has a folder of its own.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Say where to."""
        self.folder = Path(folder).absolute()

    def follower(self) -> Mapping[str, Any]:
        """Return the specification of its follower."""
        return {"kind": "audit", "to": str(self.folder)}
