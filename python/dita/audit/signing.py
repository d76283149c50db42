"""ed25519 signatures over canonical JSON: of heads, and of whoever else has something to vouch for."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dita.errors import KernelError
from dita.extras import missing


class SignatureRefused(KernelError, ValueError):  # noqa: N818 - as the kernel names its own
    """A key cannot be used, or a signature does not hold; the text says why."""


def canonical(value: Mapping[str, Any]) -> str:
    """Return one line of JSON: members in order, no spaces.

    Args:
        value: Plain values.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _ed25519() -> Any:  # noqa: ANN401 - a module of an extra
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SignatureRefused(missing("a signature", "audit")) from error
    return ed25519


class SigningKey:
    """A private ed25519 key.

    Attributes:
        public: Its public half, base64.
    """

    def __init__(self, path: Path) -> None:
        """Read it.

        Args:
            path: A file in PEM, as `openssl genpkey -algorithm ed25519` makes it.

        Raises:
            SignatureRefused: The file holds no such key, or the extra `audit` is not installed.
            OSError: It cannot be read.
        """
        ed25519 = _ed25519()
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra

        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError) as error:
            raise SignatureRefused(
                f"{path}: holds no private key in PEM without a password: {error}"
            ) from error
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise SignatureRefused(f"{path}: the key is {type(key).__name__}, and must be ed25519")
        self._key = key
        self.public = base64.b64encode(key.public_key().public_bytes_raw()).decode()

    def sign(self, content: bytes) -> str:
        """Return the signature over some bytes, base64.

        Args:
            content: What is signed.
        """
        return base64.b64encode(self._key.sign(content)).decode()


def check_signature(public: str, signature: str, content: bytes, *, what: str = "what it is over") -> None:
    """Refuse a signature that is not this key's over these bytes.

    Args:
        public: The key, base64.
        signature: The signature, base64.
        content: What was signed.
        what: The same in a word, for the error.

    Raises:
        SignatureRefused: It does not hold, or the extra `audit` is not installed.
    """
    ed25519 = _ed25519()
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra

    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), content)
    except (ValueError, InvalidSignature) as error:
        raise SignatureRefused(f"{what} was changed, or another key signed it") from error
