"""The audit ledger as a follower's target."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita._kernel import AuditLedger
from dita.errors import LogDisk, LogError
from dita.follow.lock import FollowerLock
from dita.follow.target import TargetAway, TargetRefused

if TYPE_CHECKING:
    from dita._kernel import FollowBatch, FollowStates

#: The follower's name, and so its cursor's.
NAME: Final = "audit"


class AuditTarget:
    """Writes the ledger's lines to a folder. What is there already comes again without a trace.

    Attributes:
        name: Of the follower.
        wants_rows: True.
        wants_states: False.
        wants_refill: False: what is written stays.
    """

    name = NAME
    wants_rows = True
    wants_states = False
    wants_refill = False

    def __init__(self, folder: str | os.PathLike[str], kernel: str) -> None:
        """Take where the ledger is, and the kernel's name; nothing is opened yet."""
        self._folder = Path(folder)
        self._kernel = kernel
        self._ledger: AuditLedger | None = None
        self._alone: FollowerLock | None = None

    def open(self) -> str:
        """Open the ledger, verified; begin one where there is none.

        Returns:
            Its folder: another folder is another ledger, and is written from the beginning.

        Raises:
            TargetAway: A file cannot be reached now, or another process writes the ledger.
            TargetRefused: It is no chain, or another kernel's.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._alone is None:
                alone = FollowerLock(os.fspath(self._folder), NAME)
                alone.__enter__()
                alone.take()
                self._alone = alone
            self._ledger = AuditLedger(self._folder, self._kernel)
        except (LogDisk, OSError) as error:
            raise TargetAway(str(error)) from error
        except LogError as error:
            raise TargetRefused(str(error)) from error
        return f"audit ledger {self._folder.resolve()}"

    def write(self, batch: "FollowBatch", token: str) -> None:  # noqa: ARG002 - inputs are known by their numbers
        """Write what the batch brought, durably."""
        try:
            if self._ledger is None:
                self._ledger = AuditLedger(self._folder, self._kernel)
            self._ledger.write(batch["blocks"])
        except LogDisk as error:
            # What was written in part is known by its own lines when it is opened anew.
            self._ledger = None
            raise TargetAway(str(error)) from error
        except LogError as error:
            raise TargetRefused(str(error)) from error

    def refill(self, states: "FollowStates") -> None:
        """Take nothing: it wants no states."""

    def health(self, status: Mapping[str, Any]) -> None:
        """Take nothing: the follower's status file says it."""

    def close(self) -> None:
        """Let go of the files."""
        self._ledger = None
        if self._alone is not None:
            self._alone.__exit__(None, None, None)
            self._alone = None
