"""The one list of the venues that have an adapter, what belongs to each, and how far it was proven."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Native:
    """A venue with an adapter of its own.

    Attributes:
        name: As a command line calls it.
        title: As people call it.
        adapter: Its class, as a configuration names it.
        practice: The same without real money; empty where a command cannot name the venue.
        rig: What certifies it, as `dita certify-venue` names it; empty where there is none.
        proof: How far it was proven; nobody here has run any of them against the real venue.
        extra: What it needs.
    """

    name: str
    title: str
    adapter: str
    practice: str
    rig: str
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
    Native(
        "binance", "Binance USD-M", "dita.venues.binance.adapter:BinanceUsdm",
        "dita.venues.binance.adapter:BinancePractice", "dita.certify.rigs.binance:BinanceRig",
        OVER_SOCKETS, "venues",
    ),
    Native(
        "bybit", "Bybit v5 linear", "dita.venues.bybit.adapter:BybitLinear",
        "dita.venues.bybit.adapter:BybitPractice", "dita.certify.rigs.bybit:BybitRig",
        OVER_SOCKETS, "venues",
    ),
    Native(
        "okx", "OKX swap", "dita.venues.okx.adapter:OkxSwap", "dita.venues.okx.adapter:OkxPractice",
        "dita.certify.rigs.okx:OkxScriptRig", NOT_OVER_A_WIRE, "venues",
    ),
    Native(
        "bingx", "BingX swap", "dita.venues.bingx.adapter:BingxSwap",
        "dita.venues.bingx.adapter:BingxPractice", "dita.certify.rigs.bingx:BingxScriptRig",
        NOT_OVER_A_WIRE, "venues",
    ),
    Native("ibkr", "Interactive Brokers", "dita.venues.ibkr:IBKRAdapter", "", "", UNPROVEN, "ibkr"),
    Native(
        "ccxt", "any exchange of ccxt's", "dita.venues.ccxt:CCXTAdapter", "",
        "dita.certify.rigs.ccxt:CCXTRig", OVER_SOCKETS, "ccxt",
    ),
)  # fmt: skip
