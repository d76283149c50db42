"""The C ABI from C and through cffi: `python benches/python/capi.py`; prints JSON."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cffi

from dita import capi

SOURCE = Path(__file__).resolve().parents[1] / "c" / "trips.c"
TRIPS, ROUNDS = 2_000, 9
CONFIG = {
    "simulated": {"balances": {"USDT": "1000000000"}, "settle_events": False},
    "exchange": {"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}}},
    "seed_capital": {"USDT": "1000000000"},
}


def from_c() -> dict[str, float]:
    """What the C program measures."""
    folder = capi.header().parent
    with tempfile.TemporaryDirectory() as scratch:
        program = str(Path(scratch) / "trips")
        words = ["cc", "-O2", "-std=c11", f"-I{folder}", str(SOURCE), "-o", program, str(capi.library())]
        subprocess.run([*words, f"-Wl,-rpath,{folder}"], check=True)
        return dict(json.loads(subprocess.run([program], check=True, capture_output=True, text=True).stdout))


def through_cffi() -> dict[str, float]:
    """A trip by the binary call, and a JSON call, from Python."""
    ffi = cffi.FFI()
    ffi.cdef(capi.declarations())
    lib: Any = ffi.dlopen(str(capi.library()))
    kernel = lib.dita_kernel_create(json.dumps(CONFIG).encode())
    quote = {"asset": "BTCUSDT", "bid": "61800.2", "ask": "61800.3", "timestamp": 0}
    lib.dita_kernel_free_string(lib.dita_kernel_quote_json(kernel, json.dumps(quote).encode()))
    intent, outcome = ffi.new("dita_intent *"), ffi.new("dita_outcome *")
    message, reply, length = ffi.new("uint8_t[1024]"), ffi.new("uint8_t[32768]"), ffi.new("size_t *")
    asset = ffi.new("char[]", b"BTCUSDT")
    price, size, none = ffi.new("dita_decimal *"), ffi.new("dita_decimal *"), ffi.new("dita_decimal *")
    lib.dita_decimal_parse(b"61800.3", price)
    lib.dita_decimal_parse(b"0.013", size)
    intent.asset, intent.reference_price = asset, price[0]

    def binary(trip: int) -> None:
        trade = ffi.new("char[]", b"t%d" % trip)
        for action, letter in ((0, b"e"), (1, b"x")):
            name = ffi.new("char[]", b"%s%d" % (letter, trip))
            intent.timestamp_ns, intent.intent_id, intent.trade_id, intent.action = trip, name, trade, action
            intent.target_size = none[0] if action else size[0]
            assert lib.dita_intents_encode(intent, 1, 0, message, 1024, length) == 0
            assert lib.dita_call(kernel, message, length[0], reply, 32768, length) == 0
            assert lib.dita_outcome_decode(reply, length[0], 0, outcome) == 0
            assert outcome.accepted

    def spoken(trip: int) -> None:
        for action, letter in (("ENTER", "e"), ("EXIT", "x")):
            given = {
                "timestamp": trip, "intent_id": f"{letter}{trip}", "trade_id": f"t{trip}", "slot_id": 0,
                "asset": "BTCUSDT", "side": "LONG", "action": action, "reference_price": "61800.3",
                "target_size": "0.013" if action == "ENTER" else None,
            }  # fmt: skip
            answer = lib.dita_kernel_process_intent_json(kernel, json.dumps(given).encode())
            assert json.loads(ffi.string(answer))["accepted"]
            lib.dita_kernel_free_string(answer)

    found = {}
    number = 0
    for name, trip in (("cffi_binary_trip_ns", binary), ("cffi_json_trip_ns", spoken)):
        rounds = []
        for _ in range(ROUNDS):
            start = time.perf_counter_ns()
            for _ in range(TRIPS):
                number += 1
                trip(number)
            rounds.append((time.perf_counter_ns() - start) / TRIPS)
        found[name] = statistics.median(rounds)
    lib.dita_kernel_destroy(kernel)
    return found


if __name__ == "__main__":
    json.dump({**from_c(), **through_cffi()}, sys.stdout)
    print()
