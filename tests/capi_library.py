"""The C ABI through cffi, for the tests: the library that `make setup` builds, and JSON in and out."""

import json
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

import cffi

from dita import capi

SYMBOL = "BTCUSDT"
EXCHANGE: dict[str, Any] = {
    "taker_rate": "0.0005",
    "maker_rate": "0.0002",
    "instruments": {
        SYMBOL: {"tick_size": "0.1", "lot_step": "0.001", "min_notional": "5", "max_qty": "3"},
        "ETHUSDT": {"tick_size": "0.01", "lot_step": "0.01"},
    },
}
SIMULATED: dict[str, Any] = {
    "balances": {"USDT": "10000"},
    "seed": 7,
    "reject_rate": "0.05",
    "partial_fill_rate": "0.3",
}


def plain(value: Any) -> Any:
    """A native value as JSON has it: decimals as their digits, tuples as lists."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


@cache
def opened() -> tuple[Any, Any]:
    """Cffi's two: what makes values, and the library."""
    ffi = cffi.FFI()
    ffi.cdef(capi.declarations())
    return ffi, ffi.dlopen(str(capi.library()))


class CKernel:
    """A kernel behind the C ABI. `answer` is every call's: JSON in, JSON out."""

    def __init__(self, config: object) -> None:
        self.ffi, self.lib = opened()
        self.handle = self.lib.dita_kernel_create(text_of(config))
        if self.handle == self.ffi.NULL:
            raise ValueError(self.ffi.string(self.lib.dita_last_error()).decode())

    def call(self, name: str, *arguments: object) -> str:
        """The text that `dita_kernel_NAME` answers; what is no number is given as JSON."""
        given = [one if isinstance(one, int) else text_of(one) for one in arguments]
        return self.taken(getattr(self.lib, f"dita_kernel_{name}")(self.handle, *given))

    def answer(self, name: str, *arguments: object) -> Any:
        """The same, read."""
        return json.loads(self.call(name, *arguments))

    def taken(self, text: Any) -> str:
        """A returned text, freed."""
        try:
            return bytes(self.ffi.string(text)).decode()
        finally:
            self.lib.dita_kernel_free_string(text)

    def close(self) -> None:
        """Destroy it."""
        assert self.lib.dita_kernel_destroy(self.handle) == 0


def text_of(value: object) -> bytes:
    """A value as the library takes it: bytes as they are, all else as JSON."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()
