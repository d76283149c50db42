"""The demonstration's report: one set of figures, for people and for machines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from dita.backtest.demo_trader import DemoTrader
from dita.backtest.result import BacktestResult
from dita.backtest.result import Trade as ResultTrade
from dita.errors import shown
from dita.market import Market
from dita.precision import plain as money
from dita.text import table

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
TRADES_SHOWN: Final = 10
_POSITION: Final = ("slot_id", "asset", "side", "size", "entry_price", "unrealized_pnl")
_PERCENTILES: Final = (("p50", 500), ("p99", 990), ("p999", 999), ("max", 1000))


@dataclass(frozen=True, slots=True)
class Trade:
    """One finished round trip.

    Attributes:
        trade_id: The kernel's name for it.
        side: LONG or SHORT.
        entry_kind: "taker" for a market entry, "maker" for a post-only one.
        entered_ns: When the entry was sent.
        left_ns: When the slot was free again.
        size: What the entry filled, in base currency or contracts.
        entry_price: Average price of the entry, None where the kernel does not tell it.
        exit_price: Average price of the exit, None where the kernel brought no fill for it.
        fees: What both sides cost; a rebate is negative.
        funding: What funding credited; negative where it was paid.
        realized_pnl: Profit from price alone, before fees and funding.
    """

    trade_id: str
    side: str
    entry_kind: str
    entered_ns: int
    left_ns: int
    size: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    fees: Decimal
    funding: Decimal
    realized_pnl: Decimal

    @property
    def net_pnl(self) -> Decimal:
        """Profit after fees and funding, in the settlement asset."""
        return self.realized_pnl - self.fees + self.funding


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Everything that `dita demo` tells.

    Attributes:
        market_name: File or generator.
        market_kind: "real" or "synthetic".
        symbol: The instrument.
        asset: The settlement asset of all money below.
        seed: The seed of the venue, and of a synthetic market.
        capital: Opening balance.
        trades: Finished round trips, oldest first.
        trades_shown: How many of the last ones the report lists.
        unfilled_entries: Entries that ended without a fill.
        refusals: Refused intents by diagnostic code.
        events: Market events fed.
        start_ns: Time of the first event.
        end_ns: Time of the last.
        elapsed_ns: Wall time of the replay.
        intent_ns: How long the strategy's actions took, the venue's answer included.
        account: The kernel's account snapshot.
        positions: Slots that still hold something.
    """

    market_name: str
    market_kind: str
    symbol: str
    asset: str
    seed: int
    capital: Decimal
    trades: Sequence[Trade]
    trades_shown: int
    unfilled_entries: int
    refusals: Mapping[str, int]
    events: int
    start_ns: int
    end_ns: int
    elapsed_ns: int
    intent_ns: Sequence[int]
    account: Mapping[str, Any]
    positions: Sequence[Mapping[str, Any]]

    @property
    def shown(self) -> Sequence[Trade]:
        """The last trades, oldest first."""
        return self.trades[max(0, len(self.trades) - self.trades_shown) :]


def report_of(
    result: BacktestResult, trader: DemoTrader, market: Market, asset: str, *, seed: int, capital: Decimal
) -> DemoReport:
    """Return the report of a run.

    Args:
        result: What the run came to.
        trader: Its strategy, with what it counted.
        market: What was played.
        asset: The settlement asset.
        seed: The seed of the venue, and of a generated market.
        capital: The opening balance.
    """
    ended = [
        trade_of(one, kind)
        for one, kind in zip(result.trades, trader.kinds, strict=True)
        if one.exit_time_ns is not None
    ]
    return DemoReport(
        market_name=market.name,
        market_kind=market.kind,
        symbol=market.symbol,
        asset=asset,
        seed=seed,
        capital=capital,
        trades=ended,
        trades_shown=TRADES_SHOWN,
        unfilled_entries=trader.entries - len(trader.kinds),
        refusals=trader.refusals,
        events=result.events,
        start_ns=result.start_ns,
        end_ns=result.end_ns,
        elapsed_ns=int(result.seconds * 1_000_000_000),
        intent_ns=trader.intent_ns,
        account=trader.final,
        positions=[{name: slot.to_dict()[name] for name in _POSITION} for slot in trader.left],
    )


def trade_of(trade: ResultTrade, kind: str) -> Trade:
    """Return a finished trade as the report shows it.

    Args:
        trade: Of a backtest's result.
        kind: How it was entered: "maker" or "taker".
    """
    return Trade(
        trade_id=f"t{trade.number}",
        side=trade.side,
        entry_kind=kind,
        entered_ns=trade.entry_time_ns,
        left_ns=trade.exit_time_ns or trade.entry_time_ns,
        size=trade.size,
        entry_price=trade.entry_price,
        exit_price=trade.exit_price,
        fees=trade.fees,
        funding=trade.funding,
        realized_pnl=trade.gross_pnl,
    )


def latency_us(durations_ns: Sequence[int]) -> dict[str, float | None]:
    """Return p50, p99, p999 and max in microseconds by nearest rank; None without a sample.

    Args:
        durations_ns: Durations in nanoseconds, in any order.
    """
    ordered = sorted(durations_ns)
    if not ordered:
        return dict.fromkeys((name for name, _ in _PERCENTILES), None)
    return {
        name: ordered[-(-per_mille * len(ordered) // 1000) - 1] / 1000 for name, per_mille in _PERCENTILES
    }


def per_second(count: int, elapsed_ns: int) -> float:
    """Return a rate, rounded to a tenth.

    Args:
        count: How many.
        elapsed_ns: In how many nanoseconds; 0 counts as 1.
    """
    return round(count * 1e9 / max(1, elapsed_ns), 1)


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Return a value of the kernel as JSON can hold it: exact decimals as text, enumerations as names.

    Args:
        value: A snapshot's value.

    Raises:
        TypeError: A float, which must never stand for money, or a type that has no JSON form.
    """
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"the report cannot show a {type(value).__name__}: {shown(value)}")


def moment(ts_ns: int) -> str:
    """Return a time as ISO 8601 in UTC, to the microsecond.

    Args:
        ts_ns: Nanoseconds since 1970-01-01 UTC.
    """
    return (_EPOCH + timedelta(microseconds=ts_ns // 1000)).isoformat().replace("+00:00", "Z")


def as_json(report: DemoReport) -> str:
    """Return the report as one JSON object on one line: sorted keys, money as text, a newline at the end."""
    account = report.account
    content = {
        "asset": report.asset,
        "capital": money(report.capital),
        "e_wallet_balance": plain(account["e_wallet_balance"]),
        "fees": plain(account["k_fees_paid"]),
        "funding": plain(account["k_funding_net"]),
        "k_capital": plain(account["k_capital"]),
        "latency_us": latency_us(report.intent_ns),
        "margin_status": plain(account["margin_status"]),
        "assumed_tiers": plain(account["assumed_tiers"]),
        "market": {
            "end": moment(report.end_ns),
            "events": report.events,
            "kind": report.market_kind,
            "name": report.market_name,
            "start": moment(report.start_ns),
            "symbol": report.symbol,
        },
        "positions": plain(report.positions),
        "realized_pnl": plain(account["k_realized_pnl"]),
        "reconcile_causes": plain(account["reconcile_causes"]),
        "reconcile_delta": plain(account["reconcile_delta"]),
        "reconcile_status": plain(account["reconcile_status"]),
        "refusals": dict(report.refusals),
        "seed": report.seed,
        "throughput": {
            "events_per_s": per_second(report.events, report.elapsed_ns),
            "trades_per_s": per_second(len(report.trades), report.elapsed_ns),
        },
        "trade_list": [_trade_json(trade) for trade in report.shown],
        "trades": len(report.trades),
        "unfilled_entries": report.unfilled_entries,
    }
    return json.dumps(content, sort_keys=True) + "\n"


def _trade_json(trade: Trade) -> dict[str, str | None]:
    return {
        "entered": moment(trade.entered_ns),
        "entry_kind": trade.entry_kind,
        "entry_price": _price_json(trade.entry_price),
        "exit_price": _price_json(trade.exit_price),
        "fees": money(trade.fees),
        "funding": money(trade.funding),
        "left": moment(trade.left_ns),
        "net_pnl": money(trade.net_pnl),
        "realized_pnl": money(trade.realized_pnl),
        "side": trade.side,
        "size": money(trade.size),
        "trade_id": trade.trade_id,
    }


def _price_json(price: Decimal | None) -> str | None:
    return None if price is None else money(price)


def as_text(report: DemoReport) -> str:
    """Return the report for people."""
    sections = (_heading(report), _trade_table(report), _totals(report), _account(report), _speed(report))
    return "\n".join(line for section in sections for line in (*section, "")).rstrip("\n") + "\n"


def _heading(report: DemoReport) -> Iterator[str]:
    kind = (
        "recorded at a venue" if report.market_kind == "real" else "SYNTHETIC: made by DITA, no real market"
    )
    seconds = (report.end_ns - report.start_ns) // 1_000_000_000
    yield f"Market    {report.market_name} ({kind})"
    yield f"          {report.symbol}, {report.events:,} events"
    yield f"Period    {moment(report.start_ns)} to {moment(report.end_ns)} ({timedelta(seconds=seconds)})"
    yield f"Strategy  crossover of two averages, for demonstration only; seed {report.seed}"


def _trade_table(report: DemoReport) -> Iterator[str]:
    if not report.trades:
        yield "No trade was finished."
        return
    shown, made = len(report.shown), len(report.trades)
    yield f"Last {shown} of {made} trades (PnL before fees; money in {report.asset})"
    header = (
        "trade",
        "side",
        "entry",
        "size",
        "entered at",
        "entry price",
        "exit price",
        "PnL",
        "fees",
        "net",
    )
    yield from table(header, map(_trade_row, report.shown), right=header[3:])


def _trade_row(trade: Trade) -> tuple[str, ...]:
    return (
        trade.trade_id,
        trade.side,
        trade.entry_kind,
        money(trade.size),
        moment(trade.entered_ns)[:19],
        _shown_price(trade.entry_price),
        _shown_price(trade.exit_price),
        *(_shown_money(value) for value in (trade.realized_pnl, trade.fees, trade.net_pnl)),
    )


def _shown_price(value: Decimal | None) -> str:
    if value is None:
        return "-"
    return format(value, ".2f") if value >= 100 else format(value, ".6g")


def _shown_money(value: Decimal) -> str:
    return format(value, ".4f")


def _totals(report: DemoReport) -> Iterator[str]:
    won = sum(trade.net_pnl > 0 for trade in report.trades)
    share = f" ({100 * won / len(report.trades):.0f} %)" if report.trades else ""
    account = report.account
    net = account["k_realized_pnl"] - account["k_fees_paid"] + account["k_funding_net"]
    yield f"Trades    {len(report.trades)}, of which {won} earned money after fees{share}"
    if report.unfilled_entries:
        yield f"          {report.unfilled_entries} resting entries were taken back unfilled"
    for code, count in sorted(report.refusals.items()):
        yield f"          {count} intents refused: {code}"
    yield f"PnL       {money(account['k_realized_pnl'])} {report.asset} from prices"
    yield f"Fees      {money(account['k_fees_paid'])} {report.asset}"
    yield f"Funding   {money(account['k_funding_net'])} {report.asset}"
    yield f"Net       {money(net)} {report.asset} on {money(report.capital)}"


def _account(report: DemoReport) -> Iterator[str]:
    account, asset = report.account, report.asset
    delta, status = account["reconcile_delta"], plain(account["reconcile_status"])
    yield f"K         {money(account['k_capital'])} {asset}  what the wallet must hold, by the ledger"
    yield f"E         {_money_or_unknown(account['e_wallet_balance'])} {asset}  what the venue says it holds"
    yield f"Delta     {_money_or_unknown(delta)} {asset}  E - K, status {status}"
    causes = account["reconcile_causes"]
    if not causes:
        yield "          nothing to explain" if delta == 0 else "          no cause is known: unexplained"
    for cause in causes:
        yield f"          {_cause(cause)}"
    assumed = account["assumed_tiers"]
    yield f"Margin    {plain(account['margin_status'])}" + (
        f", by an assumed tier: {', '.join(assumed)}" if assumed else ""
    )
    if not report.positions:
        yield "Positions none, everything is closed"
    for position in report.positions:
        yield "Positions " + ", ".join(f"{key} {plain(value)}" for key, value in position.items())


def _money_or_unknown(value: Decimal | None) -> str:
    return "unknown" if value is None else money(value)


def _cause(cause: object) -> str:
    if isinstance(cause, Mapping):
        return ", ".join(
            f"{key} {plain(value)}" for key, value in cause.items() if value not in (None, "", ())
        )
    return str(plain(cause))


def _speed(report: DemoReport) -> Iterator[str]:
    latency = latency_us(report.intent_ns)
    events = per_second(report.events, report.elapsed_ns)
    trades = per_second(len(report.trades), report.elapsed_ns)
    if latency["p50"] is not None:
        yield (
            f"Latency   an action with its answer, {len(report.intent_ns)} in µs: p50 {latency['p50']:.1f}, "
            f"p99 {latency['p99']:.1f}, p99.9 {latency['p999']:.1f}, max {latency['max']:.1f}"
        )
    seconds = report.elapsed_ns / 1e9
    yield f"Speed     {seconds:.2f} s, reading included: {events:,.0f} events/s, {trades:,.1f} trades/s"
