"""Bybit's adapter on Bybit's exchange to practise on, as certification wants them."""

from typing import Any, ClassVar, Final

from dita.certify.rigs.native import ExchangeRig, MemoryRig
from dita.venues.bybit.adapter import BybitPractice

_PLENTY: Final = 1_000_000


class BybitRig(ExchangeRig):
    """Opens the adapter on an exchange with a trouble."""

    venue: ClassVar[str] = "bybit"
    #: Bybit has no GTD for linear contracts.
    has_gtd: ClassVar[bool] = False

    def _connected(self, address: str) -> BybitPractice:
        adapter = BybitPractice(
            "practise-key", "practise-secret", (self.symbol, self.other_symbol),
            rest=f"http://{address}", stream=f"ws://{address}",
            clock_ns=lambda: self.now_ns, deaf_s=self.deaf_s, transport=self._transport(),
        )  # fmt: skip
        # The scene's clock stands still, and no second of a limit would ever end.
        adapter.budget.limited(_PLENTY)
        return adapter

    def _unlimit(self, exchange: Any) -> None:  # noqa: ANN401 - each venue's own
        exchange.limits.per_address = _PLENTY
        exchange.limits.others = _PLENTY
        exchange.limits.per_second = dict.fromkeys(exchange.limits.per_second, _PLENTY)


class BybitMemoryRig(MemoryRig, BybitRig):
    """The same without sockets: the adapter's bytes reach the exchange through a network in this process."""
