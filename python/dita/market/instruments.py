"""The instruments that the demonstration knows, as `set_exchange_config` takes them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

InstrumentSpec: TypeAlias = Mapping[str, str]

TAKER_RATE: Final = "0.0005"
MAKER_RATE: Final = "0.0002"

KNOWN: Final[Mapping[str, InstrumentSpec]] = MappingProxyType(
    {
        "BTCUSDT": {
            "tick_size": "0.1",
            "lot_step": "0.001",
            "min_notional": "5",
            "base": "BTC",
            "quote": "USDT",
            "settle": "USDT",
        },
        # The venue's tick was 1, but the recording holds a few bars between whole numbers (in eighths).
        "BTC-PERP": {
            "tick_size": "0.001",
            "lot_step": "0.0001",
            "min_notional": "5",
            "base": "BTC",
            "quote": "USD",
            "settle": "USD",
        },
        "SYNTH-PERP": {
            "tick_size": "0.1",
            "lot_step": "0.001",
            "min_notional": "5",
            "base": "SYNTH",
            "quote": "USD",
            "settle": "USD",
        },
    }
)

_QUOTES: Final = ("USDT", "USDC", "FDUSD", "BUSD", "USD", "EUR", "BTC", "ETH")


def instrument_spec(symbol: str) -> InstrumentSpec:
    """Return an instrument's figures; for one not known, steps fine enough to represent any usual price.

    Args:
        symbol: The instrument's name at its venue.
    """
    if symbol in KNOWN:
        return KNOWN[symbol]
    letters = symbol.replace("-", "").replace("_", "")
    quote = next((quote for quote in _QUOTES if letters.endswith(quote) and letters != quote), "USD")
    base = letters.removesuffix(quote).removesuffix("PERP") or letters
    return {
        "tick_size": "0.00000001",
        "lot_step": "0.0001",
        "min_notional": "5",
        "base": base,
        "quote": quote,
        "settle": quote,
    }
