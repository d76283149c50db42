"""Who vouches for a portfolio: its runs must be audited, and a CRISIS takes an override.

The registry says who has audited what. The kernel holds each entry against its controls by itself; what is
said here is given to it before, so that a file is refused whole and nothing of it is traded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dita._kernel import KernelMode
from dita.control import KernelControlSnapshot
from dita.control.provenance import override_of
from dita.errors import shown
from dita.portfolio.errors import PortfolioCode, PortfolioRefused
from dita.portfolio.registry import Entry, Registry
from dita.portfolio.targets import Target

#: Who a kernel's controls name for what a registry has said.
REGISTRY: Final = "registry"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is vouched for.

    Attributes:
        runs: The audited runs; empty where nobody asks for that.
        override: The override that holds; None where none is named, or the controls alone know it.
    """

    runs: tuple[str, ...] = ()
    override: Entry | None = None

    def by_author(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each author with what the kernel takes from it."""
        yield REGISTRY, self.runs
        if self.override is not None:
            yield self.override.by, (self.override.id,)


NO_PROVENANCE: Final = Provenance()


def vouch(
    target: Target,
    registry: Registry | None,
    control: KernelControlSnapshot,
    override_ref: str,
    now_ns: int,
) -> Provenance:
    """Return what is vouched for, or refuse the whole portfolio.

    With a registry each run must be in it. Without one the controls' own list counts, where they ask for
    audited runs, and always where real money is traded.

    Args:
        target: The portfolio.
        registry: The audited runs; None where there is no such file.
        control: The kernel's.
        override_ref: The override that is named; empty for none.
        now_ns: What time it is, nanoseconds.

    Raises:
        PortfolioRefused: NOT_AUDITED, HASH_MISMATCH or REGIME_BLOCKED.
    """
    if registry is not None:
        runs = registry.check(target)
        override = registry.override(override_ref, now_ns) if override_ref else None
        return Provenance(runs, override)
    if control.require_audit or control.mode is KernelMode.LIVE:
        for run in target.source_runs:
            if run not in control.audited:
                raise PortfolioRefused(
                    PortfolioCode.NOT_AUDITED,
                    f"Source_Run: {shown(run)} is no audited run of the controls, and there is no registry: "
                    "audit it, then `dita provenance add`",
                    field="Source_Run",
                    value=run,
                )
    said = override_of(override_ref)
    if override_ref and (said is None or override_ref not in control.audited or said.end_ns <= now_ns):
        raise PortfolioRefused(
            PortfolioCode.REGIME_BLOCKED,
            f"override: {shown(override_ref)} is none that the controls know and that holds: "
            "`dita provenance override` gives one",
            field="override",
            value=override_ref,
        )
    return NO_PROVENANCE
