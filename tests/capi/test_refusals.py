"""What a caller does wrong comes back as an error that names it, and changes nothing."""

import ctypes
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from capi_library import CKernel, opened
from dita import capi

ENTER: dict[str, Any] = {
    "timestamp": 2, "intent_id": "i1", "trade_id": "t1", "slot_id": 0, "asset": "BTCUSDT", "side": "LONG",
    "action": "ENTER", "target_size": "0.01", "reference_price": "60000",
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "max_slots": 2,
    "simulated": {"balances": {"USDT": "10000"}},
    "exchange": {"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}}},
    "seed_capital": {"USDT": "10000"},
}
# Those that take a kernel and a JSON text.
CALLS = [
    "process_intent_json", "on_venue_event_json", "reconcile_slots_json", "set_seed_capital",
    "set_exchange_config_json", "calibrate_fee_json", "on_account_event_json", "mark_price_json",
    "quote_json", "advance_time_json",
]  # fmt: skip
THIRTEEN = [
    "create", "destroy", "free_string", "get_slot_json", "set_slot_json", "process_intent_json",
    "on_venue_event_json", "reconcile_slots_json", "snapshot_json", "set_seed_capital",
    "set_exchange_config_json", "calibrate_fee_json", "on_account_event_json",
]  # fmt: skip


@pytest.fixture
def kernel() -> Iterator[CKernel]:
    made = CKernel(CONFIG)
    made.answer("quote_json", {"asset": "BTCUSDT", "bid": "60000", "ask": "60000.1", "timestamp": 1})
    yield made
    made.close()


def error(text: str) -> dict[str, str]:
    """An answer's error, whole."""
    found = json.loads(text)["error"]
    assert list(found) == ["code", "field", "value", "what_to_do"]
    assert found["what_to_do"]
    return dict(found)


def last() -> dict[str, str]:
    ffi, lib = opened()
    return error(ffi.string(lib.dita_last_error()).decode())


@pytest.mark.parametrize("slots", [1, 10, 4096, 65_535])
def test_the_older_create_with_a_number_is_refused(slots: int) -> None:
    ffi, lib = opened()
    assert lib.dita_kernel_create(ffi.cast("char *", slots)) == ffi.NULL
    said = last()
    assert (said["code"], said["field"], said["value"]) == ("INVALID_INPUT", "config_json", str(slots))
    assert f'{{"max_slots": {slots}}}' in said["what_to_do"]


def test_the_header_and_the_library_have_the_thirteen_functions_and_one_version() -> None:
    _, lib = opened()
    text = capi.header().read_text()
    for name in THIRTEEN:
        assert hasattr(lib, f"dita_kernel_{name}")
        assert re.search(rf"\bdita_kernel_{name}\(", text)
    assert lib.dita_abi_version() == lib.DITA_ABI_VERSION == 1
    assert ctypes.c_uint32.in_dll(ctypes.CDLL(str(capi.library())), "dita_abi_1").value == 1


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("given", "code"),
    [
        (b"", "NOT_JSON"),
        (b"{", "NOT_JSON"),
        (b'{"a": 1, "a": 2}', "NOT_JSON"),
        (b"\xff\xfe", "NOT_UTF8"),
        (b"7", "INVALID_TYPE"),
        (b"null", "INVALID_TYPE"),
        (b'{"nonsense": 1}', "INVALID_INPUT"),
    ],
)
def test_a_text_that_is_not_what_a_call_takes_is_refused_and_changes_nothing(
    kernel: CKernel, name: str, given: bytes, code: str
) -> None:
    before = kernel.call("state_hash")
    if name == "process_intent_json" and code == "INVALID_INPUT":
        assert kernel.answer(name, given)["diagnostic_code"] == "INVALID_INTENT"
    else:
        assert error(kernel.call(name, given))["code"] == code
    assert kernel.call("state_hash") == before


def test_null_is_refused_by_name(kernel: CKernel) -> None:
    ffi, lib = kernel.ffi, kernel.lib
    said = error(kernel.taken(lib.dita_kernel_process_intent_json(kernel.handle, ffi.NULL)))
    assert (said["code"], said["field"]) == ("NULL_POINTER", "json")
    assert error(kernel.taken(lib.dita_kernel_snapshot_json(ffi.NULL)))["code"] == "NULL_POINTER"
    assert lib.dita_kernel_create(ffi.NULL) == ffi.NULL
    assert last()["field"] == "config_json"
    assert lib.dita_kernel_destroy(ffi.NULL) == lib.DITA_ERR_NULL_POINTER
    lib.dita_kernel_free_string(ffi.NULL)


def test_a_dead_handle_and_a_made_up_one_are_refused() -> None:
    dead = CKernel(CONFIG)
    dead.close()
    ffi, lib = dead.ffi, dead.lib
    for handle in (dead.handle, ffi.cast("dita_kernel *", 12345), ffi.cast("dita_kernel *", 2**64 - 1)):
        assert lib.dita_kernel_destroy(handle) == lib.DITA_ERR_DEAD_HANDLE
        assert error(dead.taken(lib.dita_kernel_snapshot_json(handle)))["code"] == "DEAD_HANDLE"
        length = ffi.new("size_t *")
        assert lib.dita_call(handle, b"", 0, ffi.NULL, 0, length) == lib.DITA_ERR_DEAD_HANDLE


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"max_slots": -1}, "max_slots"),
        ({"max_slots": "2"}, "max_slots"),
        ({"clock": "sundial"}, "clock"),
        ({"venue": "caller"}, "simulated"),
        ({"simulated": {"fill_rate": "2"}}, "fill_rate"),
        ({"simulated": {"nonsense": 1}}, "simulated.nonsense"),
        ({"exchange": {"instruments": {"X": {"tick_size": "0.1"}}}}, "exchange.instruments.X.lot_step"),
        (
            {"exchange": {"instruments": {"X": {"tick_size": "0.1", "lot_step": "1"}}}},
            "exchange.instruments.X.quote",
        ),
        ({"exchange": {"maker_rat": "0"}}, "exchange.maker_rat"),
        ({"seed_capital": {"USDT": "much"}}, "seed_capital.USDT"),
        ({"log_policy": "batch"}, "log_dir"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_a_configuration_is_refused_by_field_and_nothing_is_made(change: dict[str, Any], field: str) -> None:
    ffi, lib = opened()
    given = json.dumps(CONFIG | change).encode()
    assert lib.dita_kernel_create(given) == ffi.NULL
    assert last()["field"] == field


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("mark_price_json", {"asset": "BTCUSDT", "price": "0.1.2"}, "price"),
        ("mark_price_json", {"asset": "BTCUSDT"}, "price"),
        ("quote_json", {"asset": "XYZ", "bid": "1", "ask": "2"}, "symbol"),
        ("advance_time_json", {"timestamp": -5}, "timestamp"),
        ("advance_time_json", {"timestamp": 1.5}, "timestamp"),
        ("set_seed_capital", {"capital": "-1"}, "capital"),
        (
            "set_exchange_config_json",
            {"instruments": {"BTCUSDT": {"tick_size": "0"}}},
            "instruments.BTCUSDT.tick_size",
        ),
        ("reconcile_slots_json", [{"slot_id": 0, "size": "1"}], "slots[0].side"),
        ("on_account_event_json", {"kind": "TRANSFER", "timestamp": 1, "amount": "x"}, "amount"),
        ("calibrate_fee_json", {"fill_price": "1", "fill_qty": "1"}, "actual_fee"),
        ("on_venue_event_json", {"timestamp": 1, "kind": "HELLO"}, "kind"),
        ("on_venue_event_json", {"kind": "LEVERAGE_SET", "asset": "BTCUSDT"}, "leverage"),
    ],
)
def test_a_value_is_refused_by_field_and_changes_nothing(
    kernel: CKernel, name: str, given: object, field: str
) -> None:
    before = kernel.call("state_hash")
    assert error(kernel.call(name, given))["field"] == field
    assert kernel.call("state_hash") == before


def test_a_slot_that_is_not_there_is_refused(kernel: CKernel) -> None:
    assert error(kernel.call("get_slot_json", 2))["field"] == "slot_id"
    override = {"by": "ops", "reason": "a test", "unprotected": True}
    assert "error" in kernel.answer("set_slot_json", 2, override)


def test_an_error_is_the_threads_own(kernel: CKernel) -> None:
    error(kernel.call("mark_price_json", b"{"))
    mine = last()
    seen: list[bytes] = []

    def other() -> None:
        seen.append(kernel.ffi.string(kernel.lib.dita_last_error()))
        kernel.call("get_slot_json", 99)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(30)
    assert seen == [b""]
    assert last() == mine


def test_threads_that_share_a_kernel_each_get_their_own_answers(kernel: CKernel) -> None:
    found: dict[str, set[str]] = {}

    def trade(name: str) -> None:
        mine = {**ENTER, "slot_id": 99, "trade_id": name}
        said = [
            kernel.answer("process_intent_json", {**mine, "intent_id": f"{name}{at}"}) for at in range(200)
        ]
        found[name] = {one["details"]["intent_id"][0] for one in said}

    threads = [threading.Thread(target=trade, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {name: {name} for name in "abcd"}
