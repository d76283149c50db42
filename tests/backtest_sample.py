"""A backtest that never was: a seeded random walk, traded by nobody, with every part that a result has."""

import random
import sys
from decimal import Decimal
from typing import Any

from dita.backtest import (
    BacktestResult,
    EquityCurve,
    MetricsSettings,
    PriceCurve,
    Run,
    Trade,
    measure,
)

START_NS = 1_672_531_200_000_000_000  # 2023-01-01
HOUR_NS = 3_600_000_000_000
CENT = Decimal("0.01")
UNIT = Decimal("0.00000001")

ASSUMPTIONS = (
    ("fees", "0.0004 of the notional of each fill"),
    ("fill_at", "the price of the hour in which the trade was drawn"),
    ("limit_fill", "no limit orders"),
    ("latency", "none"),
    ("queue model", "none: a random walk has no queue"),
    ("slippage", "none"),
    ("funding", "0.00008 of the notional every 8 hours for BTCUSDT, longs pay; ETHUSDT: none"),
    ("liquidation rule", "none: at most 0.8 of the capital is held"),
    ("gaps", "none"),
    ("ambiguous trades", "3 in 100 are marked, for the sake of the sample"),
    ("instruments source", "made up"),
    ("window", "the whole of the markets"),
)


def sample(
    *,
    days: int = 640,
    steps_a_day: int = 24,
    hold: tuple[int, int] = (24, 260),
    rest: tuple[int, int] = (12, 200),
    seed: int = 39,
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT"),
    **changes: Any,
) -> BacktestResult:
    """Return a result of so many days; `changes` replace what it would have."""
    walk = _Walk(seed, symbols, days * steps_a_day, 24 * HOUR_NS // steps_a_day, hold, rest)
    return walk.result(changes)


class _Walk:
    def __init__(
        self,
        seed: int,
        symbols: tuple[str, ...],
        steps: int,
        step_ns: int,
        hold: tuple[int, int],
        rest: tuple[int, int],
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self._symbols, self._step_ns, self._hold, self._rest = symbols, step_ns, hold, rest
        self._capital = self._k = Decimal(10_000)
        self._price = {name: Decimal(27_000) / (1 + 14 * at) for at, name in enumerate(symbols)}
        self._prices = {name: PriceCurve() for name in symbols}
        self._curve = EquityCurve()
        self._trades: list[Trade] = []
        self._open: dict[str, tuple[int, int, Decimal, Decimal, Decimal]] = {}
        self._next = {name: 10 + 9 * at for at, name in enumerate(symbols)}
        self._fees, self._turnover = Decimal(0), Decimal(0)
        self._funding = dict.fromkeys(symbols, Decimal(0))
        self._end_ns = START_NS + steps * step_ns
        self._curve.add(START_NS, self._k, None, self._k)
        for step in range(1, steps + 1):
            self._step(step, START_NS + step * step_ns)

    def _step(self, step: int, time_ns: int) -> None:
        for name in self._symbols:
            drift = Decimal(str(round(self._random.gauss(0.00004, 0.0052), 6)))
            self._price[name] = (self._price[name] * (1 + drift)).quantize(CENT)
            self._prices[name].add(time_ns, self._price[name])
            if step >= self._next[name]:
                self._turn(name, step, time_ns)
        unrealised = sum((self._profit(name) for name in self._open), Decimal(0))
        self._curve.add(time_ns, self._k, self._k, self._k + unrealised)

    def _profit(self, name: str) -> Decimal:
        sign, _, entry, size, _ = self._open[name]
        return ((self._price[name] - entry) * size * sign).quantize(UNIT)

    def _turn(self, name: str, step: int, time_ns: int) -> None:
        price = self._price[name]
        if name not in self._open:
            size = (self._k * Decimal("0.4") / price).quantize(Decimal("0.001"))
            fee = self._pay(price * size)
            # Whoever writes the future can have a hand that is a little lucky.
            sign = 1 if self._random.random() < 0.58 else -1
            self._open[name] = (sign, time_ns, price, size, fee)
            self._next[name] = step + self._random.randint(*self._hold)
            return
        sign, since, entry, size, fee = self._open[name]
        gross = self._profit(name)
        held = (time_ns - since) // (8 * HOUR_NS)
        funding = (
            (-sign * Decimal("0.00008") * entry * size * held).quantize(UNIT)
            if name == "BTCUSDT"
            else Decimal(0)
        )
        del self._open[name]
        fees = fee + self._pay(price * size)
        self._k += gross + funding
        self._funding[name] += funding
        reason = "TAKE_PROFIT" if gross > 0 else "STOP_LOSS" if self._random.random() < 0.7 else "SIGNAL"
        self._trades.append(
            Trade(
                number=len(self._trades) + 1,
                strategy="dice",
                symbol=name,
                side="LONG" if sign > 0 else "SHORT",
                entry_time_ns=since,
                exit_time_ns=time_ns,
                entry_price=entry,
                exit_price=price,
                size=size,
                pnl=gross - fees + funding,
                gross_pnl=gross,
                fees=fees,
                funding=funding,
                reason=reason,
                ambiguous=self._random.random() < 0.03,
            )
        )
        self._next[name] = step + self._random.randint(*self._rest)

    def _pay(self, notional: Decimal) -> Decimal:
        fee = (notional * Decimal("0.0004")).quantize(UNIT)
        self._k -= fee
        self._fees += fee
        self._turnover += notional
        return fee

    def result(self, changes: dict[str, Any]) -> BacktestResult:
        curve = self._curve
        equity = curve.daily[-1][1]
        metrics = measure(
            Run(
                capital=self._capital,
                final_equity=equity,
                start_ns=START_NS,
                end_ns=self._end_ns,
                daily=curve.daily,
                trades=self._trades,
                fees=self._fees,
                funding=sum(self._funding.values(), Decimal(0)),
                turnover=self._turnover,
                drawdown=curve.drawdown,
                drawdown_by_amount=curve.drawdown_by_amount,
                longest_below_peak_ns=curve.longest_below_peak_ns,
            ),
            MetricsSettings(),
        )
        content: dict[str, Any] = {
            "run_id": "b7f0c2d19a4e5c3d",
            "name": "Sample: a random walk, traded at random",
            "strategy": "dice",
            "params": {"seed": 39, "stake": Decimal("0.4"), "luck": Decimal("0.08")},
            "symbols": self._symbols,
            "start_ns": START_NS,
            "end_ns": self._end_ns,
            "events": 31_224,
            "bars": 31_224,
            "seconds": 1.25,
            "capital": self._capital,
            "asset": "USDT",
            "final_k": self._k,
            "final_e": self._k - Decimal("0.00000012"),
            "differences": {"ROUNDING": Decimal("-0.00000012")},
            "trades": tuple(self._trades),
            "fills": 2 * len(self._trades),
            "executions": (),
            "equity": curve.points,
            "daily": curve.daily,
            "orders": {
                "placed": 3 * len(self._trades),
                "filled": 2 * len(self._trades),
                "rejected": 0,
                "canceled": len(self._trades),
                "expired": 0,
            },
            "fees_by_cause": {"taker": self._fees * 7 / 10, "maker": self._fees * 3 / 10},
            "funding_by_symbol": self._funding,
            "prices": {name: price.points for name, price in self._prices.items()},
            "drawdown_max": curve.drawdown.fraction if curve.drawdown else Decimal(0),
            "assumptions": ASSUMPTIONS,
            "errors": (),
            "interrupted": False,
            "metrics": metrics,
        }
        return BacktestResult(**(content | changes))


if __name__ == "__main__":
    # The page that README.md shows: `python tests/backtest_sample.py FOLDER`.
    sample().save(sys.argv[1])
