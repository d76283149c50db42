"""The adapter through ccxt on the exchange to practise on, as certification wants it: over real sockets."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Final

from dita.certify.rig import NotOffered, VenueFault
from dita.certify.rigs.binance import BinanceRig
from dita.certify.rigs.bybit import BybitRig
from dita.certify.rigs.native import ExchangeRig
from dita.venues.ccxt import CCXTAdapter

_STREAM: Final = "it is a stream's trouble, and ccxt's adapter asks by REST"
_NOT_OFFERED: Final = {
    VenueFault.STALE_STATUS: _STREAM,
    VenueFault.FILL_BEFORE_ACK: _STREAM,
    VenueFault.PRICE_LATER: _STREAM,
    VenueFault.FIRST_FILL_LOST: _STREAM,
    VenueFault.FILLS_REPLAYED: _STREAM,
    VenueFault.FALSE_CANCEL: "a cancel is not believed before the order itself says so",
}


class _ThroughCCXT(ExchangeRig):
    """Opens ccxt's adapter on a venue's wire with a trouble."""

    #: ccxt's name of the exchange.
    exchange: ClassVar[str]
    not_offered: ClassVar[Mapping[VenueFault, str]] = _NOT_OFFERED

    adapter: CCXTAdapter  # type: ignore[assignment]

    def open(self, trouble: VenueFault) -> CCXTAdapter:  # type: ignore[override]
        """Start the exchange, and connect."""
        if trouble in self.not_offered:
            raise NotOffered(self.not_offered[trouble])
        super().open(trouble)
        return self.adapter

    def reopen(self) -> CCXTAdapter:  # type: ignore[override]
        """Connect, at first or once more."""
        self.adapter = CCXTAdapter(
            self.exchange, (self.symbol, self.other_symbol), api_key="practise-key",
            api_secret="practise-secret",  # noqa: S106 - it opens nothing but the exchange
            address=self.server.address, poll_s=3_600.0, clock_ns=lambda: self.now_ns,
        )  # fmt: skip
        return self.adapter

    def fill(self, venue_client_id: str, size: Decimal) -> None:
        """Trade against a resting order, and let it be asked for."""
        super().fill(venue_client_id, size)
        self.settle()

    def settle(self) -> None:
        """Have what was held back done, and wait until all was asked for."""
        if self.trouble == VenueFault.SLOW_CHANGES:
            self.server.command("release")
        self._wait(lambda: self.adapter.is_quiet)
        self.adapter.refresh()
        self._wait(lambda: self.adapter.is_quiet)

    def _is_caught_up(self) -> bool:
        return True


class CCXTRig(_ThroughCCXT, BinanceRig):
    """Through ccxt on Binance's wire."""

    exchange: ClassVar[str] = "binanceusdm"


class CCXTBybitRig(_ThroughCCXT, BybitRig):
    """Through ccxt on Bybit's wire."""

    exchange: ClassVar[str] = "bybit"
