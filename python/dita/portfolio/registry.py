"""The registry of audited runs: a file of signed entries, one JSON object a line.

A `RUN` entry says that a research run was audited; an `OVERRIDE` entry that somebody lets longs through in a
CRISIS until its end. An entry counts where one of the trusted keys has signed it; whoever can write the file
and has no such key can take entries away, and add none.
"""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from dita.audit.signing import SignatureRefused, SigningKey, canonical, check_signature
from dita.control.memory import WHY_MAX
from dita.control.provenance import override_of
from dita.errors import refuse, shown
from dita.host import Directory
from dita.portfolio.errors import PortfolioCode, PortfolioRefused
from dita.portfolio.targets import Target

RUN: Final = "RUN"
OVERRIDE: Final = "OVERRIDE"
_ID_BYTES_MAX: Final = 64
_WHO_BYTES_MAX: Final = 31
_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Attributes:
        kind: RUN or OVERRIDE.
        id: The run's, as `Source_Run` names it (a backtest's `run_id`); or the override's.
        by: Who audited it, or gave it.
        why: Why, in a sentence.
        at: When, ISO 8601 in UTC.
        returns_hash: RUN: of the returns it has seen; empty where any is taken.
        until: OVERRIDE: when it ends, ISO 8601 in UTC.
        public_key: Of who signed it, base64.
        signature: Over the entry without this field, base64.
    """

    kind: str
    id: str
    by: str
    why: str
    at: str
    returns_hash: str = ""
    until: str = ""
    public_key: str = ""
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """Return what the signature is over."""
        fields = asdict(self)
        del fields["signature"]
        return canonical(fields).encode()

    def signed(self, key: SigningKey) -> "Entry":
        """Return it with a signature.

        Args:
            key: The key.
        """
        unsigned = replace(self, public_key=key.public, signature="")
        return replace(unsigned, signature=key.sign(unsigned.signed_bytes()))


@dataclass(frozen=True, slots=True)
class Registry:
    """The entries of a file that count, and why the others do not.

    Attributes:
        path: The file.
        entries: By id, the last one of each.
        distrusted: Why not, by id.
    """

    path: Path
    entries: Mapping[str, Entry] = field(default_factory=dict)
    distrusted: Mapping[str, str] = field(default_factory=dict)

    def why_not(self, run: str, returns_hash: str) -> PortfolioRefused | None:
        """Return why a run is not audited; None where it is.

        Args:
            run: Its id.
            returns_hash: Of the returns that the targets were made of; empty where they do not say.
        """
        entry = self.entries.get(run)
        if entry is None or entry.kind != RUN:
            why = self.distrusted.get(run, f"is no run of {self.path}: audit it, then `dita provenance add`")
            return PortfolioRefused(
                PortfolioCode.NOT_AUDITED, f"Source_Run: {shown(run)} {why}", field="Source_Run", value=run
            )
        if entry.returns_hash and entry.returns_hash != returns_hash:
            return PortfolioRefused(
                PortfolioCode.HASH_MISMATCH,
                f"source_returns_hash: {shown(returns_hash)} is not that of the audited run {shown(run)}, "
                f"{shown(entry.returns_hash)}: the targets were made of other returns",
                field="source_returns_hash",
                value=returns_hash,
            )
        return None

    def check(self, target: Target) -> tuple[str, ...]:
        """Return the runs of a portfolio, each audited.

        Args:
            target: The portfolio.

        Raises:
            PortfolioRefused: NOT_AUDITED or HASH_MISMATCH.
        """
        runs = tuple(dict.fromkeys(asset.source_run for asset in target.assets if asset.weight))
        for run in runs:
            refused = self.why_not(run, target.returns_hash)
            if refused is not None:
                raise refused
        return runs

    def override(self, name: str, now_ns: int) -> Entry:
        """Return an override that holds.

        Args:
            name: Its id.
            now_ns: What time it is, nanoseconds.

        Raises:
            PortfolioRefused: REGIME_BLOCKED: there is none, or it has ended.
        """
        entry, said = self.entries.get(name), override_of(name)
        if entry is None or entry.kind != OVERRIDE or said is None:
            why = self.distrusted.get(
                name, f"is no override of {self.path}: `dita provenance override` gives one"
            )
        elif said.end_ns <= now_ns:
            why = f"has ended at {entry.until}"
        else:
            return entry
        raise PortfolioRefused(
            PortfolioCode.REGIME_BLOCKED, f"override: {shown(name)} {why}", field="override", value=name
        )


def registry_of(directory: Directory) -> Path:
    """Return where a host's registry is.

    Args:
        directory: The host's.
    """
    return directory.path / "provenance.jsonl"


def keys_of(path: Path) -> tuple[str, ...]:
    """Return the keys that a registry trusts: the lines of `PATH.keys`, without comments.

    Args:
        path: The registry.

    Raises:
        PortfolioRefused: BAD_REGISTRY.
    """
    place = path.with_name(path.name + ".keys")
    try:
        lines = place.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise PortfolioRefused(PortfolioCode.BAD_REGISTRY, f"{place}: cannot be read: {error}") from error
    words = (line.partition("#")[0].strip() for line in lines)
    return tuple(word for word in words if word)


def read_registry(path: Path, keys: Sequence[str] | None = None) -> Registry:
    """Read a registry, and hold each entry against the trusted keys.

    Args:
        path: The file.
        keys: Public keys, base64; None means those of `PATH.keys`.

    Raises:
        PortfolioRefused: BAD_REGISTRY: it cannot be read, or a line is no entry.
    """
    trusted = frozenset(keys_of(path) if keys is None else keys)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PortfolioRefused(PortfolioCode.BAD_REGISTRY, f"{path}: cannot be read: {error}") from error
    entries: dict[str, Entry] = {}
    distrusted: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        entry = _entry(path, number, line)
        why = _distrust(entry, trusted)
        if why:
            distrusted[entry.id] = f"has an entry at line {number} of {path} that {why}"
        else:
            entries[entry.id] = entry
    return Registry(path, entries, distrusted)


def _entry(path: Path, number: int, line: str) -> Entry:
    try:
        fields = json.loads(line)
        entry = Entry(**fields)
        _check_entry(entry)
    except (ValueError, TypeError) as error:
        raise PortfolioRefused(
            PortfolioCode.BAD_REGISTRY, f"{path} line {number}: is no entry: {error}"
        ) from error
    return entry


def _check_entry(entry: Entry) -> None:
    for name, value in asdict(entry).items():
        if not isinstance(value, str):
            raise TypeError(f"{name}: {value!r} is no text")
    if entry.kind not in (RUN, OVERRIDE):
        raise ValueError(f"kind: {entry.kind!r} is neither {RUN} nor {OVERRIDE}")
    if entry.kind == OVERRIDE and (said := override_of(entry.id)) is not None:
        _same_end(entry, said.end_ns)


def _same_end(entry: Entry, end_ns: int) -> None:
    if datetime.fromisoformat(entry.until).timestamp() * _NS != end_ns:
        raise ValueError(f"until: {entry.until!r} is not the end that its id has")


def _distrust(entry: Entry, trusted: frozenset[str]) -> str:
    if not entry.signature:
        return "is not signed"
    if entry.public_key not in trusted:
        return f"is signed by {shown(entry.public_key)}, and that key is not trusted"
    try:
        check_signature(entry.public_key, entry.signature, entry.signed_bytes())
    except SignatureRefused as error:
        return f"bears a signature that does not hold: {error}"
    return ""


# ---------------------------------------------------------------------------------------------- writing


def new_run(run: str, *, by: str, why: str, returns_hash: str = "", at: datetime | None = None) -> Entry:
    """Return an entry of an audited run, not signed yet.

    Args:
        run: Its id.
        by: Who audited it.
        why: Why it is good.
        returns_hash: Of the returns that it has seen; empty takes any.
        at: When; None means now.

    Raises:
        InvalidInput: A text cannot be; by field.
    """
    _text("run", run, _ID_BYTES_MAX)
    if override_of(run) is not None:
        raise refuse("run", run, "ends like an override's id, @ and digits")
    return _new(Entry(RUN, run, by, why, _iso(at), returns_hash))


def new_override(*, by: str, why: str, lasts_ns: int, at: datetime | None = None) -> Entry:
    """Return an entry of an override, not signed yet: its id has who and its end.

    Args:
        by: Who gives it; at most 31 bytes.
        why: Why.
        lasts_ns: For how long it holds.
        at: From when; None means now.

    Raises:
        InvalidInput: A text or the time cannot be; by field.
    """
    if lasts_ns <= 0:
        raise refuse("expires", lasts_ns, "must be above zero")
    _text("by", by, _WHO_BYTES_MAX)
    start = at or datetime.now(UTC)
    end_s = int(start.timestamp()) + max(1, lasts_ns // _NS)
    until = datetime.fromtimestamp(end_s, UTC).isoformat()
    return _new(Entry(OVERRIDE, f"{by}-{secrets.token_hex(3)}@{end_s}", by, why, _iso(start), until=until))


def _new(entry: Entry) -> Entry:
    _text("by", entry.by, _WHO_BYTES_MAX)
    if not entry.why.strip() or len(entry.why) > WHY_MAX:
        raise refuse("why", entry.why, f"must be 1 to {WHY_MAX} characters")
    return entry


def _text(name: str, value: str, bytes_max: int) -> None:
    if not value or not value.isprintable() or len(value.encode()) > bytes_max:
        raise refuse(name, value, f"must be 1 to {bytes_max} printable bytes")


def _iso(moment: datetime | None) -> str:
    return (moment or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")


def append(path: Path, entry: Entry) -> None:
    """Add a signed entry to a registry; after a crash it is there whole, or not at all.

    Args:
        path: The registry; it is made where it is not there.
        entry: What is added.

    Raises:
        OSError: It cannot be written.
    """
    with _locked(path) as file:
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                # Somebody died while writing: what is unfinished stays a line of its own, and is refused.
                file.write(b"\n")
        file.write(canonical(asdict(entry)).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
