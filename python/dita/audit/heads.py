"""Heads: what to keep elsewhere, signed or not, so that a ledger's end can be vouched for."""

import base64
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dita.errors import shown
from dita.extras import missing

if TYPE_CHECKING:
    from dita.audit.verifying import Verified


class HeadRefused(ValueError):  # noqa: N818 - as the kernel names its own
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
        return _canonical(asdict(self))

    def signed_bytes(self) -> bytes:
        """Return what a signature is over."""
        fields = asdict(self)
        del fields["signature"]
        return _canonical(fields).encode()


def _canonical(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


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


def _ed25519() -> Any:  # noqa: ANN401 - a module of an extra
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise HeadRefused(missing("a signed head", "audit")) from error
    return ed25519


def sign(head: Head, key_file: Path) -> Head:
    """Sign a head.

    Args:
        head: What to sign.
        key_file: A private ed25519 key in PEM, as `openssl genpkey -algorithm ed25519` makes it.

    Raises:
        HeadRefused: The file holds no such key, or the extra `audit` is not installed.
    """
    ed25519 = _ed25519()
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra

    try:
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise HeadRefused(f"{key_file}: holds no private key in PEM without a password: {error}") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise HeadRefused(f"{key_file}: the key is {type(key).__name__}, and must be ed25519")
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    unsigned = replace(head, public_key=public, signature="")
    return replace(unsigned, signature=base64.b64encode(key.sign(unsigned.signed_bytes())).decode())


def signer_of(head: Head) -> str:
    """Return the public key whose signature a head bears, base64; empty where it is not signed.

    Raises:
        HeadRefused: The signature is not of that key, or not over this head; or the extra `audit` is missing.
    """
    if not head.signature and not head.public_key:
        return ""
    ed25519 = _ed25519()
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra

    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(head.public_key, validate=True))
        key.verify(base64.b64decode(head.signature, validate=True), head.signed_bytes())
    except (ValueError, InvalidSignature) as error:
        raise HeadRefused(
            "the head's signature does not hold: the head was changed, or another key signed it"
        ) from error
    return head.public_key
