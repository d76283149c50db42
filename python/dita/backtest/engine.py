"""`BacktestEngine`: plays markets to strategies on the kernel that also trades live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from dita.backtest.definitions import MetricsSettings
from dita.backtest.identity import run_id_of
from dita.backtest.play import ACCOUNT, LogPolicy, Play, Progress
from dita.backtest.result import BacktestResult
from dita.backtest.settings import FEE_DEFAULT, BacktestSettings, rules_of
from dita.config import AccountConfig, Config, SimulatedConfig
from dita.errors import refuse
from dita.host import Directory
from dita.market import Market
from dita.runtime.loading import check_declared
from dita.strategy import Strategy, StrategyError


@dataclass(frozen=True, slots=True)
class Named:
    """A strategy and what it is called.

    Attributes:
        name: Its name; its trades carry it.
        strategy: Its class.
        params: Its parameters.
    """

    name: str
    strategy: type[Strategy]
    params: Any = None


class BacktestEngine:
    """Plays markets to strategies.

    The kernel, the venue and the strategies are those of paper and live: only the venue's market comes from
    files, and they drive the clock.
    """

    def __init__(
        self,
        strategies: Sequence[Named],
        markets: Sequence[Market],
        settings: BacktestSettings | None = None,
        *,
        name: str = "backtest",
        files: Sequence[Path] = (),
        metrics: MetricsSettings | None = None,
        directory: Directory | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            strategies: In the order in which they receive an event.
            markets: One for each instrument.
            settings: What is assumed.
            name: What the user calls it.
            files: Where the markets are from, for the run's id; without them each market says it.
            metrics: What the figures' definitions leave open.
            directory: Where to keep the log; None keeps none.

        Raises:
            InvalidInput: There is no strategy or no market, two markets of one instrument, or a market that
                was opened in another way than the settings say.
            StrategyError: A strategy names an instrument that has no market.
            MarketFileError: A market cannot be read.
        """
        self.settings = settings or BacktestSettings()
        self._named = list(strategies)
        self._markets = list(markets)
        self._name = name
        self._files = tuple(files)
        self._metrics = metrics or MetricsSettings()
        self._directory = directory
        symbols = [market.symbol for market in markets]
        if not strategies or not markets:
            raise refuse("strategies" if not strategies else "markets", [], "is empty")
        if len(set(symbols)) != len(symbols):
            raise refuse("markets", symbols, "names an instrument twice")
        for market in markets:
            self._check_reading(market)
        for one in strategies:
            check_declared(one.strategy)
            missing = [symbol for symbol in one.strategy.instruments if symbol not in symbols]
            if missing:
                raise StrategyError(f"{one.name}: {missing[0]} has no market; there are {', '.join(symbols)}")
        self.symbols = tuple(symbols)
        rules = {market.symbol: rules_of(market, self.settings.instruments) for market in markets}
        self._rules = {symbol: self._without_rates(own) for symbol, (own, _) in rules.items()}
        self._sources = {symbol: source for symbol, (_, source) in rules.items()}

    def _check_reading(self, market: Market) -> None:
        """Check that a file is read as the settings say, which are in the report and in the run's id."""
        for name in ("bar_time", "allow_disorder"):
            said = getattr(self.settings, name)
            own = getattr(market, name, said)
            if own != said:
                raise refuse(name, own, f"is how {market.name} was opened, and the settings say {said}")

    def _without_rates(self, own: dict[str, Any]) -> dict[str, Any]:
        """An instrument's rules without the fees that the settings name: those count."""
        named = {name for name in ("taker_rate", "maker_rate") if getattr(self.settings, name) is not None}
        return {name: value for name, value in own.items() if name not in named}

    def run(self, progress: Progress | None = None, *, compare_stops: bool = True) -> BacktestResult:
        """Run to the end, or to Ctrl-C: then the result says `interrupted`.

        Args:
            progress: Called with the part of the markets played (0 to 1) and the number of trades.
            compare_stops: Whether ambiguous trades are played again with every stop first, for the report.

        Raises:
            StrategyError: A strategy is in Error: a backtest of half a strategy would say nothing.
            MarketFileError: A market has something that cannot be.
            KernelError: The kernel refuses to go on.
        """
        played = Play(self, self.settings, self._directory)
        result = played.run(progress)
        ambiguous = any(trade.ambiguous for trade in result.trades)
        if compare_stops and ambiguous and not result.interrupted:
            again = Play(self, replace(self.settings, stops_first=True), None).run(None)
            result = replace(result, assumptions=_with_stops_first(result, again))
        return result

    # ------------------------------------------------------------------------------- what a run is made of

    @property
    def named(self) -> list[Named]:
        """The strategies."""
        return self._named

    @property
    def markets(self) -> list[Market]:
        """The markets."""
        return self._markets

    @property
    def first_ns(self) -> int:
        """The time of the first event, ns; 0 where there is none."""
        firsts = (next(iter(market), None) for market in self._markets)
        first = min((event.ts_ns for event in firsts if event is not None), default=0)
        return max(first, self.settings.start_ns or 0)

    def tick(self, symbol: str) -> object:
        """Return an instrument's tick.

        Args:
            symbol: The instrument.
        """
        return self._rules[symbol]["tick_size"]

    @property
    def title(self) -> str:
        """What the user calls it."""
        return self._name

    @property
    def metrics(self) -> MetricsSettings:
        """What the figures' definitions leave open."""
        return self._metrics

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        """Each instrument's rules."""
        return self._rules

    @property
    def sources(self) -> Mapping[str, str]:
        """Where each instrument's rules are from."""
        return self._sources

    def run_id(self) -> str:
        """Return the SHA-256 of data, strategies, parameters, settings and version: one id, one result."""
        sources = self._files or self._markets
        return run_id_of(sources, self._named, self.settings, self._rules)

    def config(self, settings: BacktestSettings, log_policy: LogPolicy = "off") -> tuple[Config, str]:
        """Return the host's configuration, and the asset in which everything is counted.

        Args:
            settings: What is assumed.
            log_policy: When the log is synced.
        """
        settles = {_settle(symbol, own) for symbol, own in self._rules.items()}
        if len(settles) > 1:
            raise refuse("markets", sorted(settles), "settle in different assets: run them apart")
        asset = settles.pop()
        slots = settings.max_slots or sum(max(1, one.strategy.slots) for one in self._named)
        slots += settings.spare_slots
        fees = {
            "taker_rate": str(FEE_DEFAULT if settings.taker_rate is None else settings.taker_rate),
            "maker_rate": str(FEE_DEFAULT if settings.maker_rate is None else settings.maker_rate),
        }
        account = AccountConfig(
            max_slots=slots,
            log_policy=log_policy,
            instruments={**fees, "instruments": self._rules},
            simulated=venue_config(settings, {asset: settings.capital}),
        )
        return Config(accounts={ACCOUNT: account}), asset


def venue_config(settings: BacktestSettings, balances: Mapping[str, Decimal]) -> SimulatedConfig:
    """Return the simulated venue that settings assume.

    Args:
        settings: What is assumed.
        balances: What its wallet holds, by asset.
    """
    return SimulatedConfig(
        balances=dict(balances),
        seed=settings.seed,
        latency_ms=settings.latency_ms,
        slippage_bps=settings.slippage_bps,
        queue_position=settings.queue_position,
        **settings.venue_models,
        liquidation=settings.liquidation,
        limit_through=settings.limit_fill == "through",
        hold_for_open=settings.fill_at == "next_open",
        depth_is_taken=True,
    )


def _settle(symbol: str, rules: Mapping[str, Any]) -> str:
    if rules.get("settle"):
        return str(rules["settle"])
    return next((end for end in ("USDT", "USDC", "USD") if symbol.endswith(end)), "USD")


def _with_stops_first(result: BacktestResult, again: BacktestResult) -> tuple[tuple[str, str], ...]:
    changed = []
    for name, text in result.assumptions:
        if name == "ambiguous trades":
            text = (  # noqa: PLW2901 - the row's own
                f"{text}: a stop and a target in one bar; with every stop first equity ends at "
                f"{again.equity[-1].equity} instead of {result.equity[-1].equity} {result.asset}"
            )
        changed.append((name, text))
    return tuple(changed)
