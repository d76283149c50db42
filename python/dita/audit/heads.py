"""Heads: what to keep elsewhere, signed or not, so that a ledger's end can be vouched for."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dita.audit.signing import SignatureRefused, SigningKey, canonical, check_signature
from dita.errors import KernelError, shown

if TYPE_CHECKING:
    from dita.audit.verifying import Verified


class HeadRefused(KernelError, ValueError):  # noqa: N818 - as the kernel names its own
    """A head, or its signature, is not what it should be; the text says what."""


@dataclass(frozen=True, slots=True)
class Head:
    """How a ledger stood at a moment.

    Attributes:
        kernel: Whose ledger it is.
        records: How many records it had.
        root: Their Merkle root, 64 hexadecimal digits.
        last_hash: Hash of the last record.
        seq: The last input.
        public_key: Of who signed it, ed25519, base64; empty where it is not signed.
        signature: Over the head without this field, base64; empty where it is not signed.
    """

    kernel: str
    records: int
    root: str
    last_hash: str
    seq: int
    public_key: str = ""
    signature: str = ""

    def as_json(self) -> str:
        """Return it as one canonical line, without its end."""
        return canonical(asdict(self))

    def signed_bytes(self) -> bytes:
        """Return what a signature is over."""
        fields = asdict(self)
        del fields["signature"]
        return canonical(fields).encode()


def head_of(verified: "Verified") -> Head:
    """Return the head of a ledger that holds."""
    return Head(
        kernel=verified.kernel or "",
        records=verified.records,
        root=verified.root,
        last_hash=verified.last_hash,
        seq=verified.seq,
    )


def read_head(path: Path) -> Head:
    """Read a head from a file.

    Raises:
        HeadRefused: It is none.
        OSError: The file cannot be read.
    """
    text = path.read_text(encoding="utf-8")
    try:
        fields = json.loads(text)
        head = Head(**fields)
    except (ValueError, TypeError) as error:
        raise HeadRefused(f"{path}: is no head of a ledger: {error}") from error
    for name, kind in Head.__annotations__.items():
        value = getattr(head, name)
        if type(value).__name__ != getattr(kind, "__name__", kind):
            raise HeadRefused(
                f"{path}: {name} is {shown(value)}, and must be {getattr(kind, '__name__', kind)}"
            )
    return head


def sign(head: Head, key_file: Path) -> Head:
    """Sign a head.

    Args:
        head: What to sign.
        key_file: A private ed25519 key in PEM, as `openssl genpkey -algorithm ed25519` makes it.

    Raises:
        HeadRefused: The file holds no such key, or the extra `audit` is not installed.
    """
    try:
        key = SigningKey(key_file)
    except SignatureRefused as error:
        raise HeadRefused(str(error)) from error
    unsigned = replace(head, public_key=key.public, signature="")
    return replace(unsigned, signature=key.sign(unsigned.signed_bytes()))


def signer_of(head: Head) -> str:
    """Return the public key whose signature a head bears, base64; empty where it is not signed.

    Raises:
        HeadRefused: The signature is not of that key, or not over this head; or the extra `audit` is missing.
    """
    if not head.signature and not head.public_key:
        return ""
    try:
        check_signature(head.public_key, head.signature, head.signed_bytes(), what="the head")
    except SignatureRefused as error:
        raise HeadRefused(f"the head's signature does not hold: {error}") from error
    return head.public_key
