"""The binary call: intents and outcomes as C structures, with the same results as JSON."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from capi_library import EXCHANGE, SIMULATED, SYMBOL, CKernel, plain
from dita import ExecutionKernel, SimulatedVenue

CONFIG: dict[str, Any] = {
    "max_slots": 4,
    "start_time": 0,
    "simulated": SIMULATED,
    "exchange": EXCHANGE,
    "seed_capital": {"USDT": "10000"},
}


class Binary(CKernel):
    """A kernel that is called by bytes."""

    def __init__(self) -> None:
        super().__init__(CONFIG)
        self.kept: list[Any] = []

    def text(self, value: str) -> Any:
        self.kept.append(self.ffi.new("char[]", value.encode()))
        return self.kept[-1]

    def decimal(self, value: str) -> Any:
        made = self.ffi.new("dita_decimal *")
        assert self.lib.dita_decimal_parse(value.encode(), made) == 0
        return made[0]

    def intent(self, number: int, action: int, **changes: Any) -> Any:
        made = self.ffi.new("dita_intent *")
        made.timestamp_ns = number
        made.intent_id = self.text(f"i{number}")
        made.trade_id = self.text("t1")
        made.asset = self.text(SYMBOL)
        made.action = action
        made.reference_price = self.decimal("60000.5")
        for name, value in changes.items():
            setattr(made, name, value)
        return made

    def message(self, intents: Any, count: int = 1) -> bytes:
        length = self.ffi.new("size_t *")
        assert self.lib.dita_intents_encode(intents, count, 7, self.ffi.NULL, 0, length) == self.lib.DITA_KEPT
        out = self.ffi.new("uint8_t[]", length[0])
        assert self.lib.dita_intents_encode(intents, count, 7, out, length[0], length) == 0
        return bytes(self.ffi.buffer(out, length[0]))

    def put(self, message: bytes, room: int = 1 << 16) -> tuple[int, bytes]:
        """What dita_call returns, and the answer."""
        out, length = self.ffi.new("uint8_t[]", max(room, 1)), self.ffi.new("size_t *")
        said = self.lib.dita_call(self.handle, message, len(message), out, room, length)
        if said == self.lib.DITA_KEPT:
            needed = length[0]
            assert needed > room
            # Too small again: it stays kept.
            assert self.lib.dita_take(self.handle, out, room, length) == self.lib.DITA_KEPT
            out = self.ffi.new("uint8_t[]", needed)
            assert self.lib.dita_take(self.handle, out, needed, length) == 0
            assert length[0] == needed
        return said, bytes(self.ffi.buffer(out, length[0])) if said >= 0 else b""

    def outcome(self, reply: bytes, at: int = 0) -> Any:
        made = self.ffi.new("dita_outcome *")
        assert self.lib.dita_outcome_decode(reply, len(reply), at, made) == 0
        return made

    def whole(self, reply: bytes, at: int = 0) -> Any:
        return json.loads(self.taken(self.lib.dita_outcome_json(reply, len(reply), at)))

    def words(self, text: Any) -> str:
        return bytes(self.ffi.buffer(text.data, text.len)).decode()


@pytest.fixture
def kernel() -> Iterator[Binary]:
    made = Binary()
    made.answer("quote_json", {"asset": SYMBOL, "bid": "60000.0", "ask": "60000.1", "timestamp": 1})
    yield made
    made.close()


@pytest.fixture
def native() -> Iterator[ExecutionKernel]:
    venue = SimulatedVenue(**SIMULATED)
    made = ExecutionKernel(max_slots=4, venue=venue)
    made.set_exchange_config(EXCHANGE)
    made.set_seed_capital("10000")
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
    yield made
    made.close()


def test_trades_by_bytes_come_to_what_the_native_module_comes_to(
    kernel: Binary, native: ExecutionKernel
) -> None:
    lib = kernel.lib
    for number in range(2, 60):
        enters = number % 2 == 0
        changes: dict[str, Any] = {"target_size": kernel.decimal("0.013")} if enters else {}
        action = lib.DITA_ACTION_ENTER if enters else lib.DITA_ACTION_EXIT
        said, reply = kernel.put(kernel.message(kernel.intent(number, action, **changes)), room=number * 8)
        assert said >= 0
        fields = {
            "timestamp": number,
            "intent_id": f"i{number}",
            "trade_id": "t1",
            "slot_id": 0,
            "asset": SYMBOL,
            "side": "LONG",
            "action": "ENTER" if enters else "EXIT",
            "reference_price": "60000.5",
        }
        want = plain(native.process_intent(fields | ({"target_size": "0.013"} if enters else {})).to_dict())
        assert kernel.whole(reply) == want
        outcome = kernel.outcome(reply)
        assert bool(outcome.accepted) == want["accepted"]
        assert kernel.ffi.string(lib.dita_code_name(outcome.code)).decode() == want["diagnostic_code"]
        assert kernel.ffi.string(lib.dita_severity_name(outcome.severity)).decode() == want["severity"]
        assert kernel.ffi.string(lib.dita_stage_name(outcome.state)).decode() == want["state"]
        assert kernel.words(outcome.trade_id) == want["trade_id"]
        assert outcome.transitions_count == len(want["transitions"])
        assert outcome.events_count == len(want["emitted_events"])
        for at, wanted in enumerate(want["emitted_events"]):
            event = kernel.ffi.new("dita_event *")
            assert lib.dita_event_decode(reply, len(reply), 0, at, event) == 0
            assert kernel.ffi.string(lib.dita_event_kind_name(event.kind)).decode() == wanted["kind"]
            for name in ("venue_client_id", "venue_order_id", "asset", "venue_trade_id", "fee_asset"):
                assert kernel.words(getattr(event, name)) == wanted[name]
            for name in ("price", "size", "filled_size", "remaining_size", "fee"):
                assert shown(kernel, getattr(event, name)) == wanted[name]
    assert kernel.call("state_hash") == native.state_hash()


def shown(kernel: Binary, value: Any) -> str | None:
    if not value.given:
        return None
    out, length = kernel.ffi.new("char[]", 64), kernel.ffi.new("size_t *")
    given = kernel.ffi.new("dita_decimal *", value)
    assert kernel.lib.dita_decimal_write(given, out, 64, length) == 0
    text = bytes(kernel.ffi.string(out)).decode()
    assert len(text) == length[0]
    return text


def test_several_intents_in_one_message_each_get_an_outcome(kernel: Binary) -> None:
    intents = kernel.ffi.new("dita_intent[]", 3)
    for at in range(3):
        intents[at] = kernel.intent(10 + at, 0, slot_id=at, target_size=kernel.decimal("0.01"))[0]
        intents[at].trade_id = kernel.text(f"t{at}")
    _, reply = kernel.put(kernel.message(intents, 3))
    assert [kernel.outcome(reply, at).slot_id for at in range(3)] == [0, 1, 2]
    out = kernel.ffi.new("dita_outcome *")
    assert kernel.lib.dita_outcome_decode(reply, len(reply), 3, out) == kernel.lib.DITA_ERR_INVALID_INPUT


def test_bytes_that_are_no_message_are_refused_and_change_nothing(kernel: Binary) -> None:
    before = kernel.call("state_hash")
    good = kernel.message(kernel.intent(2, 0, target_size=kernel.decimal("0.01")))
    for bad in (
        b"",
        b"\0",
        b"\xff" * 100,
        good[:-1],
        good + b"\0",
        bytes([1]) + good[1:],
        bytes([6]) + good[1:5],
    ):
        assert kernel.put(bad)[0] == kernel.lib.DITA_ERR_MALFORMED
    assert kernel.call("state_hash") == before


def test_an_answer_is_kept_for_one_taking_in_the_thread_that_called(kernel: Binary) -> None:
    message = kernel.message(kernel.intent(2, 0, target_size=kernel.decimal("0.01")))
    said, reply = kernel.put(message, room=0)
    assert said == kernel.lib.DITA_KEPT
    assert kernel.outcome(reply).accepted
    out, length = kernel.ffi.new("uint8_t[]", 1 << 16), kernel.ffi.new("size_t *")
    assert kernel.lib.dita_take(kernel.handle, out, 1 << 16, length) == kernel.lib.DITA_ERR_INVALID_INPUT


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"side": 9}, "side"),
        ({"order_type": 200}, "order_type"),
        ({"exits_count": 2}, "exits"),
    ],
)
def test_a_structure_that_is_no_intent_is_refused_by_field(
    kernel: Binary, change: dict[str, Any], field: str
) -> None:
    given = kernel.intent(2, 0, **change)
    length = kernel.ffi.new("size_t *")
    assert kernel.lib.dita_intents_encode(given, 1, 1, kernel.ffi.NULL, 0, length) < 0
    error = json.loads(kernel.ffi.string(kernel.lib.dita_last_error()))["error"]
    assert error["field"] == f"intents[0].{field}"


def test_a_decimal_keeps_its_digits_and_what_is_none_is_refused(kernel: Binary) -> None:
    for text in ("0", "-0.10", "61800.25", "9999999999999999999999999999", "0.0000000000000000000000000001"):
        assert shown(kernel, kernel.decimal(text)) == text
    made = kernel.ffi.new("dita_decimal *")
    for text in (b"", b"NaN", b"1e99", b"1,5"):
        assert kernel.lib.dita_decimal_parse(text, made) == kernel.lib.DITA_ERR_INVALID_INPUT


def test_questions_of_the_protocol_are_answered(kernel: Binary) -> None:
    # A slot's message: its kind, its number, the slot.
    said, reply = kernel.put(bytes([3, 9, 0, 0, 0, 0, 0, 0, 0]))
    assert (said, reply[0], reply[1]) == (0, 68, 9)
    assert kernel.put(bytes([3, 9, 0, 0, 0, 99, 0, 0, 0]))[0] == kernel.lib.DITA_ERR_INVALID_INPUT
