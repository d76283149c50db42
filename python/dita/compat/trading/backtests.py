"""A backtest by dates, a balance and a fee: the engine of `dita backtest` under the names of bots."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from dita.backtest import BacktestResult
from dita.backtest.engine import BacktestEngine as Engine
from dita.backtest.engine import Named
from dita.backtest.settings import BacktestSettings
from dita.compat.trading.errors import BacktestError
from dita.errors import refuse
from dita.market import Event, Market, open_market
from dita.market.bars import BarTime
from dita.runtime import load_params, load_strategy
from dita.strategy import Params, Strategy


@dataclass(frozen=True, slots=True)
class BacktestConfig:
    """What a backtest assumes.

    Attributes:
        start_date: The first day that is played, UTC: a date, or YYYY-MM-DD; None means the data's first.
        end_date: The last day that is played, likewise; None means the data's last.
        initial_balance: Opening balance, settlement units.
        fee_rate: A fraction of the value, for makers and takers.
        slippage_bps: By how many basis points a taker's price is worse than the book's.
    """

    start_date: date | str | None = None
    end_date: date | str | None = None
    initial_balance: Decimal = Decimal(10_000)
    fee_rate: Decimal = Decimal("0.001")
    slippage_bps: Decimal = Decimal(0)

    def settings(self, **more: Any) -> BacktestSettings:  # noqa: ANN401 - BacktestSettings' own
        """Return them as the engine takes them.

        Args:
            more: More fields of `BacktestSettings`.

        Raises:
            InvalidInput: A value cannot be.
        """
        last = _day(self.end_date, "end_date")
        return BacktestSettings(
            capital=self.initial_balance,
            taker_rate=self.fee_rate,
            maker_rate=self.fee_rate,
            slippage_bps=self.slippage_bps,
            start_ns=_begin_ns(_day(self.start_date, "start_date")),
            end_ns=_begin_ns(None if last is None else last + timedelta(days=1)),
            **more,
        )


def _day(given: date | str | None, name: str) -> date | None:
    if not isinstance(given, str):
        return given
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise refuse(name, given, "is no day: write YYYY-MM-DD") from None


def _begin_ns(day: date | None) -> int | None:
    if day is None:
        return None
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000_000


class HistoricalData:
    """A market file, as a stream of events."""

    def __init__(
        self,
        path: Path | str,
        *,
        symbol: str | None = None,
        allow_disorder: bool = False,
        bar_time: BarTime = "open",
    ) -> None:
        """Open it.

        Args:
            path: CSV, Parquet, or a raw capture.
            symbol: Its instrument, where the file does not say it.
            allow_disorder: Whether rows whose time goes back are left out and counted.
            bar_time: Whether a file of bars states when a bar opens, or when it closes.

        Raises:
            MarketFileError: It cannot be read.
        """
        self.path = Path(path)
        self.market: Market = open_market(
            self.path, symbol=symbol, allow_disorder=allow_disorder, bar_time=bar_time
        )

    def __iter__(self) -> Iterator[Event]:
        """Read it from its beginning."""
        return iter(self.market)


class BacktestEngine:
    """`BacktestEngine(config).load_data(path).run(strategy)`."""

    def __init__(self, config: BacktestConfig | None = None, **settings: Any) -> None:  # noqa: ANN401
        """Begin without data.

        Args:
            config: What is assumed.
            settings: More fields of `BacktestSettings`.
        """
        self._settings = (config or BacktestConfig()).settings(**settings)
        self._data: list[HistoricalData] = []

    def load_data(self, path: Path | str, *, symbol: str | None = None) -> "BacktestEngine":
        """Add a market; again for more instruments.

        Args:
            path: CSV, Parquet, or a raw capture.
            symbol: Its instrument, where the file does not say it.

        Raises:
            MarketFileError: It cannot be read.
        """
        settings = self._settings
        how = {"allow_disorder": settings.allow_disorder, "bar_time": settings.bar_time}
        self._data.append(HistoricalData(path, symbol=symbol, **how))  # type: ignore[arg-type]
        return self

    def run(
        self, strategy: type[Strategy] | str, params: Params | Mapping[str, Any] | None = None
    ) -> BacktestResult:
        """Play the markets to a strategy.

        Args:
            strategy: Its class, a file, or `module:Class`.
            params: Its parameters.

        Raises:
            BacktestError: There is no data.
            StrategyError: It cannot be used, or has raised.
        """
        if not self._data:
            raise BacktestError("data: there is none yet: load_data(path) comes first")
        kind = load_strategy(strategy) if isinstance(strategy, str) else strategy
        given = params if params is None or isinstance(params, Params) else load_params(kind, params)
        markets = [one.market for one in self._data]
        files = [one.path for one in self._data]
        named = Named(kind.__name__, kind, given)
        return Engine([named], markets, self._settings, name=kind.__name__, files=files).run()


def print_report(result: BacktestResult, out: TextIO | None = None) -> None:
    """Print a result in the seven lines that bots print.

    Args:
        result: Of a backtest.
        out: Where to; None means the standard output.
    """
    result.print_report(out)
