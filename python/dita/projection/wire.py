"""Keys, values and requests as the cluster takes them: written out once, and sent as often as it takes.

The client writes each value out again for each request, hashes each key again, and makes for each answer a
future with a lock, a condition and a list of its own: half of what an update cost.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

_HEAD: Final = struct.Struct(">iii")
#: Where a value's text begins among its bytes.
TEXT_AT: Final = _HEAD.size
# Of a part of a message: its length with this before it, and its flags (Hazelcast's open binary protocol).
_FRAME: Final = struct.Struct("<iH")
_FINAL: Final = 1 << 13
# What the client's own invocation has, in the releases that these lines were written for.
_INVOCATION: Final = {
    "request", "timeout", "partition_id", "uuid", "connection", "event_handler", "future", "sent_connection",
    "urgent", "response_handler", "backup_acks_received", "backup_acks_expected", "pending_response",
    "pending_response_received_time",
}  # fmt: skip

OnAnswer = Callable[[Any, Any], None]


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

    def json(self, text: str) -> bytes:
        """Return a JSON value's bytes."""
        return _buffer(self._json_type, text)

    def value(self, written: bytes) -> Any:  # noqa: ANN401 - the client's
        """Return what the client takes for a value whose bytes these are."""
        return self._value(written)  # type: ignore[no-untyped-call]

    def requests(self, place: Any) -> "Requests | None":  # noqa: ANN401 - the client's
        """Return what exchanges values in a map at less cost; None where this client is made otherwise."""
        try:
            return _requests(place, self)
        except (ImportError, AttributeError, TypeError, ValueError):
            return None


class Requests:
    """Requests to exchange values in one map, by the client's own way to the cluster.

    The client sends them, again where it has to, and tells what came of them; only that it writes no value
    out, and makes no future.
    """

    def __init__(self, place: Any, request: Any, invocation: Any, sample: Callable[[Any], bytes]) -> None:  # noqa: ANN401
        """Begin.

        Args:
            place: The map.
            request: Makes a message of its bytes.
            invocation: Makes an invocation of a message.
            sample: Writes a request without values for a key.
        """
        self._invoke: Callable[[Any], None] = place._invocation_service.invoke  # noqa: SLF001 - see `_requests`
        self._partition_of: Callable[[Any], int] = place._partition_service.get_partition_id  # noqa: SLF001
        self._request = request
        self._invocation = invocation
        self._sample = sample

    def begun(self, key: Any) -> bytes:  # noqa: ANN401 - the client's
        """Return what a request about a key begins with, always the same."""
        return self._sample(key)[: -2 * _FRAME.size]

    def message(self, begun: bytes, known: bytes, value: bytes) -> bytearray:
        """Return a request to put a value in the place of another."""
        size, pack = _FRAME.size, _FRAME.pack
        return bytearray().join(
            (begun, pack(size + len(known), 0), known, pack(size + len(value), _FINAL), value)
        )

    def exchange(
        self,
        begun: bytes,
        key: Any,  # noqa: ANN401 - the client's
        known: bytes,
        value: bytes,
        about: Any,  # noqa: ANN401 - the caller's
        on_answer: OnAnswer,
    ) -> None:
        """Ask the cluster to put a value in the place of another.

        `on_answer` gets `about`, and whether it was done; None for an answer that did not come.
        """
        request = self._request(self.message(begun, known, value))
        self._invoke(self._invocation(request, self._partition_of(key), about, on_answer))


def _requests(place: Any, wire: Wire) -> Requests | None:  # noqa: ANN401 - the client's
    """Make them of the client's parts. They are not public: each is looked at before it is relied on."""
    from hazelcast.invocation import Invocation  # noqa: PLC0415 - an extra
    from hazelcast.protocol.client_message import OutboundMessage  # noqa: PLC0415
    from hazelcast.protocol.codec import map_replace_if_same_codec as codec  # noqa: PLC0415
    from hazelcast.proxy.map import Map  # noqa: PLC0415

    if type(place) is not Map or set(Invocation.__slots__) != _INVOCATION:
        return None
    encode: Any = codec.encode_request
    decode: Any = codec.decode_response
    nothing = wire.value(b"")

    class Asked(Invocation):
        """An invocation that is its own future."""

        __slots__ = ("about", "is_done", "on_answer")

        def __init__(self, request: Any, partition_id: int, about: Any, on_answer: OnAnswer) -> None:  # noqa: ANN401
            # Not the client's, which makes the future. The same fields with the same values else.
            self.request = request
            self.partition_id = partition_id
            self.response_handler = decode
            self.timeout = self.uuid = self.connection = self.event_handler = self.sent_connection = None
            self.urgent = self.is_done = False
            self.backup_acks_received = 0
            self.backup_acks_expected = self.pending_response_received_time = -1
            self.pending_response = None
            self.about, self.on_answer = about, on_answer

        @property
        def future(self) -> "Asked":  # type: ignore[override] # no more of a future is asked for
            return self

        def done(self) -> bool:
            return self.is_done

        def set_result(self, result: Any) -> None:  # noqa: ANN401
            self.is_done = True
            self.on_answer(self.about, result)

        def set_exception(self, error: Exception, traceback: Any = None) -> None:  # noqa: ANN401, ARG002
            if not self.is_done:
                self.is_done = True
                self.on_answer(self.about, None)

    shown = encode("", nothing, nothing, nothing, 0)
    is_retryable, has_data = shown.retryable, shown.contains_data

    def request(message: bytearray) -> Any:  # noqa: ANN401
        return OutboundMessage(message, is_retryable, has_data)  # type: ignore[no-untyped-call]

    def sample(key: Any) -> bytes:  # noqa: ANN401
        return bytes(encode(place.name, key, nothing, nothing, 0).buf)

    made = Requests(place, request, Asked, sample)
    key, old, new = wire.key("key"), b"old value", b"newer value"
    theirs = encode(place.name, key, wire.value(old), wire.value(new), 0).buf
    return made if made.message(made.begun(key), old, new) == theirs else None


def _buffer(kind: int, text: str) -> bytes:
    """No partition hash of its own, the type, the length, the text."""
    content = text.encode()
    return _HEAD.pack(0, kind, len(content)) + content
