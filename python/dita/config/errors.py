"""What is wrong with a configuration: every fault, by field, value and where it came from."""

from collections.abc import Sequence
from dataclasses import dataclass

from dita.errors import KernelError


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        field: The key with its tables, dotted: `accounts.main.max_slots`.
        value: The value, shortened; empty where it may be a secret or there is none.
        why: What is wrong with it, and what to do.
        origin: Where it came from: a file, a variable of the environment, the command line.
    """

    field: str
    value: str
    why: str
    origin: str

    def __str__(self) -> str:
        """Return it as one line."""
        value = f" {self.value}" if self.value else ""
        return f"{self.field}:{value} {self.why} ({self.origin})"


class ConfigError(KernelError):
    """A configuration cannot be used. `faults` has every fault.

    Attributes:
        faults: What is wrong, by field.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Take the faults; there is at least one."""
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)
