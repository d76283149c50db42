"""Signatures of graphs: ed25519, by the extra `audit`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from dita.errors import shown
from dita.extras import is_there, missing
from dita.graphs.errors import GraphError, SignatureInvalid
from dita.graphs.form import Graph

_ALGORITHM: Final = "ed25519"
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64


def _need_cryptography() -> None:
    if not is_there("cryptography"):
        raise GraphError(missing("the signature of a graph", "audit"))


def _hex(proof: Mapping[str, Any], name: str, length: int) -> bytes:
    text = proof.get(name)
    try:
        value = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        value = b""
    if len(value) != length:
        raise SignatureInvalid(f"proofs: signature: {name}: {shown(text)} is not {length} bytes in hex")
    return value


def check_signature(graph: Graph, proof: Mapping[str, Any]) -> None:
    """Refuse a signature that is not of this graph.

    Args:
        graph: The graph.
        proof: The signature among its proofs.

    Raises:
        SignatureInvalid: It is of another graph, by another key, or has another form.
        GraphError: The extra `audit` is missing.
    """
    if proof.get("algorithm") != _ALGORITHM:
        raise SignatureInvalid(
            f"proofs: signature: algorithm: {shown(proof.get('algorithm'))} is not {_ALGORITHM}"
        )
    key, signature = _hex(proof, "public_key", _KEY_BYTES), _hex(proof, "signature", _SIGNATURE_BYTES)
    _need_cryptography()
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra, at first use
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, graph.signed_bytes())
    except InvalidSignature:
        raise SignatureInvalid(f"proofs: signature: it is not of this graph by {key.hex()}") from None


def signed(graph: Graph, private_key: bytes) -> Graph:
    """Return a graph with one more signature.

    Args:
        graph: The graph.
        private_key: An ed25519 key, 32 bytes.

    Raises:
        GraphError: The key has another length, or the extra `audit` is missing.
    """
    if len(private_key) != _KEY_BYTES:
        raise GraphError(f"private_key: has {len(private_key)} bytes, and an ed25519 key has {_KEY_BYTES}")
    _need_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as above

    key = Ed25519PrivateKey.from_private_bytes(private_key)
    proof = {
        "kind": "signature",
        "algorithm": _ALGORITHM,
        "public_key": key.public_key().public_bytes_raw().hex(),
        "signature": key.sign(graph.signed_bytes()).hex(),
    }
    return replace(graph, proofs=(*graph.proofs, proof))
