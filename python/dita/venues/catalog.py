"""The venues that there are adapters for, and how far each was proven."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Native:
    """A venue with an adapter of its own.

    Attributes:
        name: As a command line calls it.
        title: As people call it.
        adapter: Its class, as a configuration names it.
        proof: How far it was proven; nobody here has run any of them against the real venue.
        extra: What it needs.
    """

    name: str
    title: str
    adapter: str
    proof: str
    extra: str

    @property
    def is_proven(self) -> bool:
        """Whether it was certified over real sockets; others take real money with `unproven=True` only."""
        return self.proof == OVER_SOCKETS


OVER_SOCKETS: Final = "certified over real sockets, on `dita exchange`"
NOT_OVER_A_WIRE: Final = "not proven over a wire: certified with scripted bytes in its wire form"
UNPROVEN: Final = "unproven: against a fake alone"
NATIVE: Final = (
    Native("binance", "Binance USD-M", "dita.venues.binance.adapter:BinanceUsdm", OVER_SOCKETS, "venues"),
    Native("bybit", "Bybit v5 linear", "dita.venues.bybit.adapter:BybitLinear", OVER_SOCKETS, "venues"),
    Native("okx", "OKX swap", "dita.venues.okx.adapter:OkxSwap", NOT_OVER_A_WIRE, "venues"),
    Native("bingx", "BingX swap", "dita.venues.bingx.adapter:BingxSwap", NOT_OVER_A_WIRE, "venues"),
    Native("ibkr", "Interactive Brokers", "dita.venues.ibkr:IBKRAdapter", UNPROVEN, "ibkr"),
    Native("ccxt", "any exchange of ccxt's", "dita.venues.ccxt:CCXTAdapter", OVER_SOCKETS, "ccxt"),
)
