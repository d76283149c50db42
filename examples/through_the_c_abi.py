"""What a program in another language does: a trade through the C ABI, here by cffi (`pip install cffi`)."""

import json

import cffi

import dita.capi

CONFIG = {
    "max_slots": 2,
    "simulated": {"balances": {"USDT": "10000"}},
    "exchange": {
        "taker_rate": "0.0005",
        "instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}},
    },
    "seed_capital": {"USDT": "10000"},
}

ffi = cffi.FFI()
ffi.cdef(dita.capi.declarations())
lib = ffi.dlopen(str(dita.capi.library()))
assert lib.dita_abi_version() == lib.DITA_ABI_VERSION


def read(answer: object) -> dict[str, dict[str, str]]:
    """An answer, freed; an error ends the program."""
    try:
        said = json.loads(ffi.string(answer))
    finally:
        lib.dita_kernel_free_string(answer)
    if "error" in said:
        raise SystemExit(said["error"]["what_to_do"])
    return said


def text(value: object) -> bytes:
    """A value as the library takes it."""
    return json.dumps(value).encode()


kernel = lib.dita_kernel_create(text(CONFIG))
assert kernel != ffi.NULL, ffi.string(lib.dita_last_error())
read(
    lib.dita_kernel_quote_json(
        kernel, text({"asset": "BTCUSDT", "bid": "60000.0", "ask": "60000.1", "timestamp": 1})
    )
)

intent = {
    "timestamp": 2, "intent_id": "in", "trade_id": "t1", "slot_id": 0, "asset": "BTCUSDT", "side": "LONG",
    "action": "ENTER", "target_size": "0.01", "reference_price": "60000",
}  # fmt: skip
outcome = read(lib.dita_kernel_process_intent_json(kernel, text(intent)))
print("enter:", outcome["diagnostic_code"], outcome["state"])
read(
    lib.dita_kernel_quote_json(
        kernel, text({"asset": "BTCUSDT", "bid": "60500.0", "ask": "60500.1", "timestamp": 3})
    )
)
leave = {**intent, "timestamp": 4, "intent_id": "out", "action": "EXIT", "target_size": None}
outcome = read(lib.dita_kernel_process_intent_json(kernel, text(leave)))
print("exit:", outcome["diagnostic_code"], outcome["state"])
slot = read(lib.dita_kernel_get_slot_json(kernel, 0))
print("realized:", slot["realized_pnl"], "fees:", slot["fees_paid"])
print("capital:", read(lib.dita_kernel_snapshot_json(kernel))["account"]["capital"])
assert lib.dita_kernel_destroy(kernel) == 0
