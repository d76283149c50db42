"""Keys and values in the form that the cluster holds: written out once, and sent as often as it takes.

The client writes each out again for each request, and hashes the key again: a third of what an update cost.
"""

import struct
from typing import Any

_HEAD = struct.Struct(">iii")


class Wire:
    """Makes them. The client is imported with the first."""

    def __init__(self) -> None:
        """Learn the client's names for them."""
        from hazelcast.serialization import serialization_const  # noqa: PLC0415 - an extra
        from hazelcast.serialization.data import Data  # noqa: PLC0415

        class HashedKey(Data):
            """A key that knows its hash."""

            __slots__ = ("_partition_hash",)

            def __init__(self, buffer: bytes) -> None:
                super().__init__(buffer)  # type: ignore[no-untyped-call] # the client has few types
                self._partition_hash: int = super().get_partition_hash()  # type: ignore[no-untyped-call]

            def get_partition_hash(self) -> int:
                return self._partition_hash

        self._key, self._value = HashedKey, Data
        self._text_type: int = serialization_const.CONSTANT_TYPE_STRING
        self._json_type: int = serialization_const.JAVASCRIPT_JSON_SERIALIZATION_TYPE

    def key(self, text: str) -> Any:  # noqa: ANN401 - the client's
        """Return a key."""
        return self._key(_buffer(self._text_type, text))

    def json(self, text: str) -> Any:  # noqa: ANN401 - the client's
        """Return a JSON value."""
        return self._value(_buffer(self._json_type, text))  # type: ignore[no-untyped-call]


def _buffer(kind: int, text: str) -> bytes:
    """No partition hash of its own, the type, the length, the text."""
    content = text.encode()
    return _HEAD.pack(0, kind, len(content)) + content
