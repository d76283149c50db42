"""Whether a ledger is what was written."""

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dita._kernel import audit_verify

if TYPE_CHECKING:
    from dita.audit.heads import Head

#: A ledger that is being written is looked at so often again: executions come before their records.
_TRIES: Final = 5
_PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of verifying a ledger.

    Attributes:
        fault: The first thing that is wrong, as (file, line, what); line 0 is of the file as a whole.
            None where it holds, and only then the rest is filled.
        kernel: Whose it is; None where it is empty.
        records: How many records it has, up to its last whole input.
        executions: How many of them speak of an execution.
        seq: The last input.
        last_hash: Hash of the last record, 64 hexadecimal digits.
        root: The Merkle root of the records.
        unfinished: Records of an input that is not wholly written.
        headed: Whether a head that was kept elsewhere was held against it. Without one, nothing can be
            known of what came after the last record.
    """

    fault: tuple[str, int, str] | None = None
    kernel: str | None = None
    records: int = 0
    executions: int = 0
    seq: int = 0
    last_hash: str = ""
    root: str = ""
    unfinished: int = 0
    headed: bool = False

    def fault_text(self) -> str:
        """Return the fault in one line; empty where there is none."""
        if self.fault is None:
            return ""
        file, line, what = self.fault
        return f"{file} line {line}: {what}" if line else f"{file}: {what}"


def verify(folder: str | os.PathLike[str], head: "Head | None" = None) -> Verified:
    """Verify a ledger: every hash, link, number and execution.

    Args:
        folder: The ledger's.
        head: One that was kept elsewhere; its signature is not looked at here.

    Returns:
        What it holds, or the first fault.

    Raises:
        LogDisk: A file cannot be read.
        LogCorrupt: The head's root is no hash.
    """
    kept = None if head is None else (head.records, head.root)
    last = audit_verify(folder, kept)
    for _ in range(_TRIES):
        if last["fault"] is None:
            break
        time.sleep(_PAUSE_S)
        before, last = last, audit_verify(folder, kept)
        if last["fault"] == before["fault"]:
            break
    return Verified(**last)
