"""The trades of a run, from what was written down while it ran."""

from collections.abc import Iterable
from decimal import Decimal

from dita._kernel import Recorder, TradeSlot
from dita.backtest.result import Trade


def trades_of(recorder: Recorder, slots: Iterable[TradeSlot]) -> tuple[Trade, ...]:
    """Return every trade by number: those that have ended, and those that run.

    Args:
        recorder: It heard the whole run.
        slots: Those that carry a trade at the end.

    Raises:
        OverflowError: A sum does not fit.
    """
    return tuple(_trade(*row) for row in recorder.trades(list(slots)))


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
