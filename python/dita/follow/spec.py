"""The specification of a follower's process: plain values, as JSON."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from dita.errors import refuse
from dita.follow.audit import AuditTarget
from dita.follow.journal import JournalTarget
from dita.follow.projection import ProjectionTarget
from dita.follow.target import Target
from dita.journal.clickhouse import ClickHouseWriter

#: The name of a kernel that nothing names.
NAME_DEFAULT: Final = "main"


@dataclass(frozen=True, slots=True)
class FollowerSpec:
    """One follower.

    Attributes:
        kind: "journal", "projection" or "audit".
        to: A path or URL of what it writes to; None means as the environment says.
        log_dir: The log's directory.
        kernel: The name that rows and states carry.
        durable: Whether it takes only what no power loss takes back.
        when_enabled: Whether it takes only inputs of times when `debug_clickhouse_enabled` was on.
        accept_gap: Whether it goes on where what follows its cursor is gone.
        options: More keywords of its target.
    """

    kind: str
    to: str | None
    log_dir: str
    kernel: str
    durable: bool = True
    when_enabled: bool = False
    accept_gap: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "FollowerSpec":
        """Return what `to_json` wrote."""
        return FollowerSpec(**json.loads(text))


class Followed(Protocol):
    """A plane that is written by a follower of its own, and not by the kernel."""

    def follower(self) -> Mapping[str, Any]:
        """Return `kind`, `to` and, where they differ, `kernel`, `when_enabled`, `options` of its follower."""
        ...


def kernel_name(
    given: str | None, log_dir: str | os.PathLike[str] | None, instance_nonce: int | str | None = None
) -> str:
    """Return the name that a kernel's rows and states carry.

    Args:
        given: What it was given; it counts first.
        log_dir: Its log's directory, whose name counts next.
        instance_nonce: Counts next, where it is a text; else the name is "main".

    Raises:
        InvalidInput: It is no name.
    """
    if given is not None:
        name = given
    elif log_dir is not None:
        name = Path(log_dir).absolute().name
    else:
        name = instance_nonce if isinstance(instance_nonce, str) and instance_nonce else NAME_DEFAULT
    if not name or len(name) > 64 or not name.isprintable() or "/" in name or ":" in name:
        raise refuse("kernel", name, "must be 1 to 64 printable characters, without / and :")
    return name


def _journal(spec: FollowerSpec) -> Target:
    return JournalTarget(ClickHouseWriter(spec.to, **spec.options))


def _projection(spec: FollowerSpec) -> Target:
    return ProjectionTarget(spec.to or "", spec.kernel, Path(spec.log_dir), **spec.options)


def _audit(spec: FollowerSpec) -> Target:
    return AuditTarget(spec.to or "", spec.kernel)


#: By kind: what builds a target.
BUILDERS: Final[dict[str, Callable[[FollowerSpec], Target]]] = {
    "journal": _journal,
    "projection": _projection,
    "audit": _audit,
}


def build_target(spec: FollowerSpec) -> Target:
    """Return what a follower writes to; nothing is opened yet."""
    build = BUILDERS.get(spec.kind)
    if build is None:
        raise refuse("kind", spec.kind, f"is none of {', '.join(sorted(BUILDERS))}")
    return build(spec)
