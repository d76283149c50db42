"""Differences between K and E made on purpose, so that there is something to see.

The kernel is the real one. The exchange is a script: it keeps a wallet of its own, and decides when its
frames and records come. What it does on purpose is noted, to be held against what the kernel says of it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from dita.clock import ManualClock
from dita.contracts import KernelEventKind, KernelIntent, VenueEvent
from dita.kernel import ExecutionKernel
from dita.timetravel.drift_chart import Drift, Sample, sample_of

SYMBOL: Final = "BTCUSDT"
ASSET: Final = "USDT"
CAPITAL: Final = Decimal(10_000)
_MINUTE_NS: Final = 60_000_000_000
_START_NS: Final = int(datetime(2026, 1, 5, 9, tzinfo=UTC).timestamp()) * 1_000_000_000
_RATE: Final = "0.0005"


class _Exchange:
    """The other side of the account, as a script."""

    def __init__(self) -> None:
        self.kernel = ExecutionKernel(max_slots=1, clock=ManualClock(_START_NS))
        self.kernel.set_exchange_config(
            {
                "taker_rate": _RATE,
                "instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001", "settle": ASSET}},
            }
        )
        self.kernel.set_seed_capital(CAPITAL, ASSET)
        self.kernel.mark_price(SYMBOL, "60000", _START_NS)
        self.wallet = CAPITAL
        self.samples: list[Sample] = []
        self.notes: list[tuple[int, str]] = []
        self._now_ns = _START_NS
        self._booked_ns = _START_NS
        self._count = 0

    def at(self, minute: int, note: str = "") -> None:
        """Go to a minute of the story; what is done on purpose there has a note."""
        self._look()
        self._now_ns = _START_NS + minute * _MINUTE_NS
        self.kernel.advance_time(self._now_ns)
        self._look()
        if note:
            self.notes.append((self._now_ns, note))

    def order(self, action: str, size: str, price: str) -> None:
        """Send an order and have it acknowledged."""
        self._intent(action, size, price)
        self._event(KernelEventKind.ORDER_ACK)

    def fill(self, size: str, price: str, fee: str | None) -> str:
        """Report a fill of the working order; without a fee the kernel predicts one."""
        self._count += 1
        name = f"f{self._count}"
        self._event(
            KernelEventKind.FULL_FILL, venue_trade_id=name, size=size, price=price, fee=fee, liquidity="TAKER"
        )
        return name

    def books(self, amount: str) -> None:
        """Change the wallet, without a report yet."""
        self.wallet += Decimal(amount)
        self._booked_ns = self._now_ns

    def frame(self) -> None:
        """Report the wallet."""
        self._account("ACCOUNT_UPDATE", wallet_balance=self.wallet)

    def record(self, kind: str, amount: str) -> None:
        """Report the wallet's last entry, with the time at which it was booked: that may be long ago."""
        self._count += 1
        self._account(kind, amount=amount, venue_txn_id=f"w{self._count}", timestamp=self._booked_ns)

    def settle(self, trade: str, fee: str, pnl: str) -> None:
        """Report the exchange's own figures of a fill."""
        self._send(
            {
                "kind": "FILL_SETTLED",
                "symbol": SYMBOL,
                "venue_trade_id": trade,
                "fee": fee,
                "fee_asset": ASSET,
                "realized_pnl": pnl,
            }
        )

    def _intent(self, action: str, size: str, price: str) -> None:
        self._count += 1
        self.kernel.process_intent(
            KernelIntent(
                timestamp=self._now_ns,
                intent_id=f"i{self._count}",
                trade_id="t1",
                slot_id=0,
                asset=SYMBOL,
                side="LONG",
                action=action,
                target_size=size,
                reference_price=price,
            )
        )
        self._look()

    def _event(self, kind: KernelEventKind, **fields: Any) -> None:  # noqa: ANN401 - a venue event's
        client_id = self.kernel.orders(live_only=True)[-1].venue_client_id
        event = VenueEvent(self._now_ns, kind=kind, venue_client_id=client_id, asset=SYMBOL, **fields)
        self.kernel.on_venue_event(event)
        self._look()

    def _account(self, kind: str, **fields: object) -> None:
        self._send({"kind": kind, "asset": ASSET, **fields})

    def _send(self, event: dict[str, Any]) -> None:
        self.kernel.on_account_event({"timestamp": self._now_ns, **event})
        self._look()

    def _look(self) -> None:
        self.samples.append(sample_of(self.kernel.snapshot()["account"], self._now_ns))


def _fee_not_settled(exchange: _Exchange) -> None:
    exchange.at(10, "A fill comes without its fee (1.50): K predicts it, the exchange charges it later.")
    exchange.order("ENTER", "0.05", "60000")
    trade = exchange.fill("0.05", "60000", None)
    exchange.frame()
    exchange.at(22)
    exchange.books("-1.5")
    exchange.settle(trade, "1.5", "0")
    exchange.frame()


def _funding_ahead_of_its_record(exchange: _Exchange) -> None:
    exchange.at(34, "Funding of 2.40 is charged; the wallet shows it, its record comes twelve minutes later.")
    exchange.books("-2.4")
    exchange.frame()
    exchange.at(46)
    exchange.record("FUNDING_FEE", "-2.4")


def _fill_in_flight(exchange: _Exchange) -> None:
    exchange.at(
        58, "A part is sold at a profit (12.00, fee 0.606): the fill is here, the wallet's frame is not."
    )
    exchange.order("EXIT", "0.02", "60600")
    exchange.fill("0.02", "60600", "0.606")
    exchange.books("11.394")
    exchange.at(70)
    exchange.frame()


def _transfer(exchange: _Exchange) -> None:
    exchange.at(82, "15 are paid in; the wallet shows them, the transfer's record comes later.")
    exchange.books("15")
    exchange.frame()
    exchange.at(94)
    exchange.record("TRANSFER", "15")


def _another_fee_rate(exchange: _Exchange) -> None:
    exchange.at(106, "The exchange charges 0.25 % where the kernel assumes 0.05 %: 1.21 more, never settled.")
    exchange.order("EXIT", "0.01", "60500")
    exchange.fill("0.01", "60500", None)
    # Five of profit, less a fee of 1.5125 where 0.3025 was expected.
    exchange.books("3.4875")
    exchange.frame()


def _manual_trade(exchange: _Exchange) -> None:
    exchange.at(118, "Somebody trades by hand on the same account and loses 4.20; no record ever says so.")
    exchange.books("-4.2")
    exchange.frame()


def _rebate_ahead_of_its_frame(exchange: _Exchange) -> None:
    exchange.at(130, "A rebate of 2.75 is recorded; the frame that holds it has not come.")
    exchange.books("2.75")
    exchange.record("REBATE", "2.75")


def _last_fill(exchange: _Exchange) -> None:
    exchange.at(142, "The rest is sold (profit 14.00, fee 0.607), and again the frame has not come.")
    exchange.order("EXIT", "0.02", "60700")
    exchange.fill("0.02", "60700", "0.607")
    exchange.books("13.393")
    exchange.at(150)


_STORY: Final[tuple[Callable[[_Exchange], None], ...]] = (
    _fee_not_settled,
    _funding_ahead_of_its_record,
    _fill_in_flight,
    _transfer,
    _another_fee_rate,
    _manual_trade,
    _rebate_ahead_of_its_frame,
    _last_fill,
)


def planted() -> tuple[Drift, dict[str, Any]]:
    """Run the story.

    Returns:
        What was seen, and the kernel's account at the end.
    """
    exchange = _Exchange()
    with exchange.kernel as kernel:
        exchange.frame()
        for episode in _STORY:
            episode(exchange)
        kernel.check_invariants()
        account: dict[str, Any] = kernel.snapshot()["account"]
    title = "Planted differences: a scripted exchange, not a market"
    return Drift(title, ASSET, exchange.samples, exchange.notes), account
