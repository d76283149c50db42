"""Binance's adapter on Binance's exchange to practise on, as certification wants them."""

from typing import Any, ClassVar

from dita.certify.rigs.native import ExchangeRig, MemoryRig
from dita.venues.binance.adapter import BinancePractice


class BinanceRig(ExchangeRig):
    """Opens the adapter on an exchange with a trouble."""

    venue: ClassVar[str] = "binance"

    def _connected(self, address: str) -> BinancePractice:
        adapter = BinancePractice(
            "practise-key", "practise-secret", (self.symbol, self.other_symbol),
            rest=f"http://{address}", stream=f"ws://{address}",
            clock_ns=lambda: self.now_ns, deaf_s=self.deaf_s, transport=self._transport(),
        )  # fmt: skip
        # The scene's clock stands still, and no minute of a limit would ever end.
        adapter.budget.limited(self.server.call(lambda one: one.limits.described()))
        return adapter

    def _unlimit(self, exchange: Any) -> None:  # noqa: ANN401 - each venue's own
        exchange.limits.weight.limit = exchange.limits.orders_10s.limit = 1_000_000
        exchange.limits.orders_1m.limit = 1_000_000


class BinanceMemoryRig(MemoryRig, BinanceRig):
    """The same without sockets: the adapter's bytes reach the exchange through a network in this process."""
