"""The trades of a run, from what was written down while it ran."""

from collections.abc import Iterable
from decimal import Decimal

from dita._kernel import Recorder, TradeSlot
from dita.backtest.result import Fill, Trade


def trades_of(recorder: Recorder, slots: Iterable[TradeSlot]) -> tuple[Trade, ...]:
    """Return every trade by number: those that have ended, and those that run.

    Args:
        recorder: It observed the whole run.
        slots: Those that carry a trade at the end.

    Raises:
        OverflowError: A sum does not fit.
    """
    return tuple(_trade(*row) for row in recorder.trades(list(slots)))


def executions_of(recorder: Recorder) -> tuple[Fill, ...]:
    """Return every execution, in the kernel's order.

    Args:
        recorder: It observed the whole run.
    """
    return tuple(_fill(*row) for row in recorder.executions())


def _fill(
    time_ns: int,
    symbol: str,
    side: str | None,
    price: Decimal,
    size: Decimal,
    fee: Decimal | None,
    liquidity: str | None,
    trade_number: int,
) -> Fill:
    return Fill(time_ns, symbol, side or "", price, size, fee or Decimal(0), liquidity or "", trade_number)


def _trade(
    number: int,
    strategy: str,
    symbol: str,
    side: str,
    entry_time_ns: int,
    exit_time_ns: int | None,
    entry_value: Decimal,
    entry_size: Decimal,
    exit_value: Decimal,
    exit_size: Decimal,
    gross: Decimal,
    fees: Decimal,
    funding: Decimal,
    reason: str,
    ambiguous: bool,  # noqa: FBT001 - the row's last
) -> Trade:
    return Trade(
        number=number,
        strategy=strategy,
        symbol=symbol,
        side=side,
        entry_time_ns=entry_time_ns,
        exit_time_ns=exit_time_ns,
        entry_price=entry_value / entry_size,
        exit_price=exit_value / exit_size if exit_size else None,
        size=entry_size,
        pnl=gross - fees + funding,
        gross_pnl=gross,
        fees=fees,
        funding=funding,
        reason=reason,
        ambiguous=ambiguous,
    )
