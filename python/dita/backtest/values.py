"""What a backtest came to, as values: the same run gives the same bytes of JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final, TypeAlias

from dita.backtest.equity import EquityPoint
from dita.backtest.metrics import Metrics, monthly_returns

# Name and text of each, in the report's order.
Assumptions: TypeAlias = tuple[tuple[str, str], ...]
# What a report must say before any figure.
ASSUMPTIONS: Final = (
    "fees",
    "fill_at",
    "limit_fill",
    "latency",
    "queue model",
    "slippage",
    "funding",
    "liquidation rule",
    "gaps",
    "ambiguous trades",
    "instruments source",
    "window",
)
NOT_STATED: Final = "not stated"
FORMAT: Final = "dita-backtest-1"
_EVERY_DIGIT: Final = Context(prec=200)


@dataclass(frozen=True, slots=True)
class Trade:
    """A slot's life.

    Attributes:
        number: From 1, in the order of entry.
        strategy: Whose it is.
        symbol: The instrument.
        side: LONG or SHORT.
        entry_time_ns: Its first fill, UTC.
        exit_time_ns: When it was flat; None where the run ended first.
        entry_price: Mean price of the entry.
        exit_price: Mean price of the exit; None while it is open.
        size: The largest that was held.
        pnl: Realised profit, net of fees and funding.
        gross_pnl: Realised profit of prices alone.
        fees: What was paid; below 0 is a rebate.
        funding: What was received; below 0 was paid.
        reason: Why it was closed, as the slot says.
        ambiguous: Whether the bars leave open which of its orders filled first.
    """

    number: int
    strategy: str
    symbol: str
    side: str
    entry_time_ns: int
    exit_time_ns: int | None
    entry_price: Decimal
    exit_price: Decimal | None
    size: Decimal
    pnl: Decimal
    gross_pnl: Decimal
    fees: Decimal
    funding: Decimal
    reason: str
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class Fill:
    """An execution.

    Attributes:
        time_ns: UTC.
        symbol: The instrument.
        side: BUY or SELL.
        price: Its price.
        size: Its size.
        fee: What was paid; below 0 is a rebate.
        liquidity: MAKER or TAKER.
        trade_number: The trade that it belongs to.
    """

    time_ns: int
    symbol: str
    side: str
    price: Decimal
    size: Decimal
    fee: Decimal
    liquidity: str
    trade_number: int


@dataclass(frozen=True, slots=True)
class ResultValues:
    """What a backtest came to.

    Attributes:
        run_id: Of code, data, strategy, parameters and settings: the same id, the same result.
        name: What the user calls it.
        strategy: The strategy's name.
        params: Its parameters.
        symbols: What was traded.
        start_ns: The first moment, UTC.
        end_ns: The last moment, UTC.
        events: Market events that were played.
        bars: Bars among them.
        seconds: How long it took. Not in the JSON: it differs from run to run.
        capital: Money at the start.
        asset: In which everything is counted.
        final_k: What the wallet must hold at the end, by the kernel's ledger.
        final_e: What the venue says that it holds; None if it never said.
        differences: The named parts of E - K.
        trades: Every trade.
        fills: How many executions there were.
        executions: Each of them, in the kernel's order.
        orders: How many were placed, filled, rejected, canceled and expired.
        equity: At most 10,000 points: first, last, smallest and largest of each stretch.
        daily: Each UTC day's start and the equity at its end.
        fees_by_cause: What was paid, by what for.
        funding_by_symbol: What was received, by instrument.
        prices: Time and price for the charts, at most 10,000 of each instrument.
        drawdown_max: The deepest fall as a fraction of its peak.
        assumptions: What the figures rest upon: name and text.
        errors: What strategies raised, why orders were refused, rejected or expired (by reason, with count
            and first time), and that no order was filled.
        interrupted: Whether it was stopped before the end of its market.
        metrics: The figures.
    """

    run_id: str
    name: str
    strategy: str
    params: Mapping[str, Any]
    symbols: tuple[str, ...]
    start_ns: int
    end_ns: int
    events: int
    bars: int
    seconds: float = field(compare=False)
    capital: Decimal
    asset: str
    final_k: Decimal
    final_e: Decimal | None
    differences: Mapping[str, Decimal]
    trades: tuple[Trade, ...]
    fills: int
    executions: tuple[Fill, ...]
    orders: Mapping[str, int]
    equity: tuple[EquityPoint, ...]
    daily: tuple[tuple[int, Decimal], ...]
    fees_by_cause: Mapping[str, Decimal]
    funding_by_symbol: Mapping[str, Decimal]
    prices: Mapping[str, tuple[tuple[int, Decimal], ...]]
    drawdown_max: Decimal
    assumptions: Assumptions
    errors: tuple[str, ...]
    interrupted: bool
    metrics: Metrics

    @property
    def equity_curve(self) -> tuple[EquityPoint, ...]:
        """`equity` under the name that it has in other programs."""
        return self.equity

    @property
    def months(self) -> list[tuple[int, int, Decimal | None]]:
        """Year, month and return of every month, as a fraction."""
        return monthly_returns(self.capital, self.daily)

    @property
    def stated(self) -> Assumptions:
        """The assumptions with each that a report must name: one that is missing is "not stated"."""
        texts = dict(self.assumptions)
        more = [row for row in self.assumptions if row[0] not in ASSUMPTIONS]
        return (*((name, texts.get(name) or NOT_STATED) for name in ASSUMPTIONS), *more)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but `seconds`, for JSON: amounts and ratios as text, times as nanoseconds."""
        content = {
            name.name: plain_value(getattr(self, name.name))
            for name in fields(self)
            if name.name not in {"seconds", "metrics", "assumptions"}
        }
        content["format"] = FORMAT
        content["assumptions"] = [{"name": name, "text": text} for name, text in self.stated]
        content["months"] = [
            {"year": year, "month": month, "return": plain_value(gain)} for year, month, gain in self.months
        ]
        content["metrics"] = {row.name: plain_value(row.value) for row in self.metrics.rows}
        content["definitions"] = {row.name: row.definition for row in self.metrics.rows}
        content["metrics_settings"] = plain_value(self.metrics.settings)
        return content

    def to_json(self) -> bytes:
        """Return the content as one line: keys in order, no spaces, the same bytes for the same run."""
        text = json.dumps(
            self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return f"{text}\n".encode("utf-8", "backslashreplace")


def amount_text(amount: Decimal) -> str:
    """Return a number in full, without trailing zeros: equal numbers, equal texts.

    Args:
        amount: The amount.
    """
    return f"{amount.normalize(_EVERY_DIGIT):f}" if amount else "0"


def plain_value(value: object) -> object:
    """Return a value as JSON has it. What JSON has no form for is its type's name, never an address.

    Args:
        value: A parameter, an amount, or a collection of them.
    """
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain_value(item) for item in value), key=repr)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return [plain_value(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain_value(getattr(value, each.name)) for each in fields(value)}
    return _one(value.value if isinstance(value, Enum) else value)


def _one(value: object) -> str | int | None:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Decimal):
        return amount_text(value) if value.is_finite() else str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value.as_posix() if isinstance(value, PurePath) else type(value).__qualname__
