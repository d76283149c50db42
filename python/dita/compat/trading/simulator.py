"""An exchange of one's own for tests and small tools: prices go in, fills come out. No strategy is needed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from dita._kernel import KernelTransition, TradeSlot, VenueEvent
from dita.clock import ManualClock
from dita.compat.trading.connectors import ACCOUNT, DEFAULT_BALANCES, FEE_RATE, SPOT_RULES, PaperConnector
from dita.compat.trading.orders import fill_of, is_fill
from dita.compat.trading.runtime import FillEvent
from dita.errors import refuse
from dita.host import Host

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ExchangeSimulator(PaperConnector):
    """The simulated venue with the kernel before it, by hand: its time is what `set_timestamp` says.

    It is open at once, and keeps nothing on disk. Equity and balances are read from the kernel; fills are
    written down as the kernel books them.
    """

    def __init__(
        self,
        initial_balances: Mapping[str, Decimal] | None = None,
        fee_rate: Decimal = FEE_RATE,
        slippage_bps: Decimal = Decimal(0),
        *,
        instruments: Mapping[str, Mapping[str, Any]] | None = None,
        start: datetime | int = 0,
    ) -> None:
        """Open it.

        Args:
            initial_balances: By asset; None means 10,000 USDT, 0 BTC, 0 ETH.
            fee_rate: A fraction of the value, for makers and takers.
            slippage_bps: By how many basis points a taker's price is worse than the book's.
            instruments: Rules by pair; None means BTC/USDT and ETH/USDT, spot.
            start: When its time begins: aware, or nanoseconds since 1970.

        Raises:
            InvalidInput: A value cannot be.
        """
        super().__init__(
            instruments or SPOT_RULES,
            DEFAULT_BALANCES if initial_balances is None else initial_balances,
            fee_rate=fee_rate,
            slippage_bps=slippage_bps,
            name="simulator",
        )
        self._booked = _Booked(self.name())
        self._host = Host(self.config(), clock=ManualClock(_ns(start)), logs={ACCOUNT: self._booked})

    def set_timestamp(self, timestamp: datetime | int) -> None:
        """Let its time go on: what is due by then happens.

        Args:
            timestamp: Aware, or nanoseconds since 1970; not before its time now.

        Raises:
            InvalidInput: It is before its time now.
        """
        self.kernel.advance_time(_ns(timestamp))

    def total_equity(self) -> Decimal:
        """Return what everything is worth at the newest prices, in the settlement asset."""
        return self.kernel.account.snapshot.equity

    def get_fills(self) -> list[FillEvent]:
        """Return every fill, in the order of booking."""
        return list(self._booked.fills)


class _Booked:
    """Observes every transition of the kernel, and records the fills."""

    wants_controls: Final = False

    def __init__(self, connector: str) -> None:
        self.fills: list[FillEvent] = []
        self._connector = connector
        self._known: set[tuple[str, str]] = set()

    def transition(self, transition: KernelTransition, slot: TradeSlot, event: VenueEvent | None) -> None:
        """Take a transition: one fill may move several slots."""
        del transition, slot
        if event is None or not is_fill(event):
            return
        place = (event.venue_client_id, event.venue_trade_id)
        if place in self._known:
            return
        self._known.add(place)
        fill = fill_of(event)
        self.fills.append(
            FillEvent(
                self._connector,
                event.venue_client_id,
                fill.price,
                fill.quantity,
                fill.timestamp,
                fill.fee,
                fill.fee_asset,
                event.asset,
                str(event.order_side),
            )
        )

    def control(self, control: object, seq: int) -> None:
        """Nothing: whoever sets controls knows them."""


def _ns(moment: datetime | int) -> int:
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise refuse("timestamp", moment, "has no offset: say which time zone it is in")
        since = moment - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
    given: object = moment
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise refuse("timestamp", given, "is neither an aware datetime nor nanoseconds since 1970")
    return given
