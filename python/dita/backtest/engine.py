"""`BacktestEngine`: plays markets to strategies on the kernel that also trades live."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from dita._kernel import OrderType, TradeSlot
from dita.backtest.definitions import MetricsSettings
from dita.backtest.equity import EquityCurve, PriceCurve
from dita.backtest.feed import FundingRow, Moment, merged, read_funding, time_text, window_text
from dita.backtest.identity import run_id_of
from dita.backtest.metrics import Run, measure
from dita.backtest.recorder import Recorder
from dita.backtest.result import BacktestResult
from dita.backtest.settings import FEE_DEFAULT, BacktestSettings, rules_of
from dita.clock import ManualClock
from dita.config import AccountConfig, Config, SimulatedConfig
from dita.errors import InvalidInput, refuse
from dita.host import Directory, Host
from dita.market import Bar, Depth, Event, Market, Print, Quote
from dita.runtime import Actor, ActorState, Watcher
from dita.runtime.bars import interval_text
from dita.runtime.loading import check_declared
from dita.strategy import Bar as ClosedBar
from dita.strategy import QuoteTick, Strategy, StrategyError, TradeTick
from dita.venues import SimulatedVenue

if TYPE_CHECKING:
    from dita.kernel import ExecutionKernel

ACCOUNT: Final = "main"
PAST_BARS_MAX: Final = 100_000
_STOPS: Final = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
Progress = Callable[[float, int], object]
Pace = Callable[[int], bool]
LogPolicy = Literal["batch", "always", "written", "off"]


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
    files, and the clock goes by them.
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
            strategies: In the order in which they hear an event.
            markets: One for each instrument.
            settings: What is assumed.
            name: What the user calls it.
            files: Where the markets are from, for the run's id.
            metrics: What the figures' definitions leave open.
            directory: Where to keep the log; None keeps none.

        Raises:
            InvalidInput: There is no strategy or no market, or two markets of one instrument.
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
        for one in strategies:
            check_declared(one.strategy)
            missing = [symbol for symbol in one.strategy.instruments if symbol not in symbols]
            if missing:
                raise StrategyError(f"{one.name}: {missing[0]} has no market; there are {', '.join(symbols)}")
        self.symbols = tuple(symbols)
        rules = {market.symbol: rules_of(market, self.settings.instruments) for market in markets}
        self._rules = {symbol: own for symbol, (own, _) in rules.items()}
        self._sources = {symbol: source for symbol, (_, source) in rules.items()}

    def run(self, progress: Progress | None = None, *, compare_stops: bool = True) -> BacktestResult:
        """Run to the end, or to Ctrl-C: then the result says `interrupted`.

        Args:
            progress: Hears how much of the markets is behind (0 to 1) and how many trades there were.
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
        return run_id_of(self._files, self._named, self.settings, self._rules)

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
        fees = {
            "taker_rate": str(FEE_DEFAULT if settings.taker_rate is None else settings.taker_rate),
            "maker_rate": str(FEE_DEFAULT if settings.maker_rate is None else settings.maker_rate),
        }
        account = AccountConfig(
            max_slots=slots,
            log_policy=log_policy,
            instruments={**fees, "instruments": self._rules},
            simulated=SimulatedConfig(
                balances={asset: settings.capital},
                seed=settings.seed,
                latency_ms=settings.latency_ms,
                slippage_bps=settings.slippage_bps,
                queue_position=settings.queue_position,
                liquidation=settings.liquidation,
                limit_through=settings.limit_fill == "through",
                hold_for_open=settings.fill_at == "next_open",
            ),
        )
        return Config(accounts={ACCOUNT: account}), asset


class Play:
    """One pass over the markets: the whole of a backtest, and the loop of a paper run."""

    def __init__(
        self,
        engine: BacktestEngine,
        settings: BacktestSettings,
        directory: Directory | None,
        *,
        log_policy: LogPolicy = "off",
        feed: bool = False,
    ) -> None:
        """Open the host, and give each strategy its desk.

        Args:
            engine: What is played.
            settings: What is assumed.
            directory: Where to keep the log; None keeps none.
            log_policy: When the log is synced.
            feed: Whether the host tells changes.
        """
        self._engine = engine
        self._settings = settings
        self._recorder = Recorder()
        self._equity = EquityCurve()
        self._prices = {symbol: PriceCurve() for symbol in engine.symbols}
        self._watcher = Watcher()
        self._config, self._asset = engine.config(settings, log_policy)
        self.host = Host(
            self._config,
            directory=directory,
            clock=ManualClock(engine.first_ns),
            logs={ACCOUNT: self._watcher},
            feed=feed,
        )
        self._kernel: ExecutionKernel = self.host.kernel(ACCOUNT)
        venue = self._kernel.venue
        assert isinstance(venue, SimulatedVenue)  # noqa: S101 - the configuration above says so
        self._venue = venue
        self.actors = [self._actor(one) for one in engine.named]
        self._funding = self._read_funding()
        recovery = self._kernel.recovery
        self._resumes = directory is not None and recovery is not None and recovery["last_seq"] > 0
        self._resume_ns = self._heard_ns() if self._resumes else -1
        if self._resumes:
            self._recorder.begin_with([view.snapshot() for view in self._kernel.state.slots])
        self._events = self._bars = self._rounded = 0
        self._start_ns = self._end_ns = 0
        self._past: deque[ClosedBar] = deque(maxlen=PAST_BARS_MAX)
        self.strict = True

    def _actor(self, named: Named) -> Actor:
        given = {"name": named.name, "account": ACCOUNT, "params": named.params}
        return self.host.load(named.strategy, **given, symbols=self._engine.symbols).actor

    def _heard_ns(self) -> int:
        """Up to where an earlier run has heard the markets: its log's end, or a strategy's later note."""
        notes = [self._kernel.noted(actor.name) for actor in self.actors]
        return max([self._kernel.now_ns, *(note.time_ns for note in notes if note is not None)])

    def _read_funding(self) -> list[FundingRow]:
        if self._settings.funding is None:
            return []
        return read_funding(self._settings.funding, self._engine.symbols)[::-1]

    def run(self, progress: Progress | None, pace: Pace | None = None) -> BacktestResult:
        """Play to the end, or to Ctrl-C.

        Args:
            progress: Hears how far it is.
            pace: Asked before each moment, with its time; waits for it, and says whether to go on.
        """
        started = time.monotonic()
        interrupted = False
        try:
            try:
                interrupted = not self._play(progress, pace)
            except KeyboardInterrupt:
                interrupted = True
            return self._result(interrupted=interrupted, seconds=time.monotonic() - started)
        finally:
            self.host.close(drain_s=0)

    def _play(self, progress: Progress | None, pace: Pace | None) -> bool:
        """Return whether the markets have ended."""
        begun = False
        window = {"start_ns": self._settings.start_ns, "end_ns": self._settings.end_ns}
        for number, moment in enumerate(merged(self._engine.markets, **window)):
            past = self._is_past(moment)
            if pace is not None and not past and not pace(moment.time_ns):
                return False
            if past:
                self._look_back(moment)
                continue
            if not begun:
                begun = True
                self._begin(moment)
            if progress is not None and number % 1024 == 0:
                progress(self._fraction(), len(self._recorder.trades))
            self._pay_funding(moment.time_ns)
            self._run_timers(moment.time_ns)
            self._hear_sound(moment)
            self._note_equity(moment.time_ns)
            self._fail_on_error()
        if not begun:
            names = [market.name for market in self._engine.markets]
            where = window_text(self._settings.start_ns, self._settings.end_ns)
            if self._resumes:
                where = (
                    f"the earlier run has heard all up to {time_text(self._resume_ns)}; --fresh begins anew"
                )
            raise refuse("markets", names, f"have no events: {where}")
        for actor in self.actors:
            if actor.strategy.warming:
                raise StrategyError(
                    f"{actor.name}: the markets end before its warm-up of {actor.strategy.warmup} bars"
                )
            actor.stop()
            self._deliver()
        self._fail_on_error()
        return True

    def _begin(self, moment: Moment) -> None:
        self._start_ns = min(event.ts_ns for event in moment.events)
        self._kernel.advance_time(max(self._start_ns, self._kernel.now_ns))
        capital = self._settings.capital
        if self._resumes:
            self._note_equity(self._start_ns)
        else:
            self._equity.add(self._start_ns, capital, None, capital)
        for actor in self.actors:
            actor.start()
            actor.tick_by_itself()
            self._deliver()
        for bar in self._past:
            self.host.strategies.hear_past(bar)
        self._past.clear()
        for actor in self.actors:
            actor.end_past()
            self._deliver()

    def _is_past(self, moment: Moment) -> bool:
        """Whether an earlier run has heard it; a bar in the midst of which it ended is past as well."""
        if not self._resumes:
            return False
        return moment.time_ns <= self._resume_ns or moment.events[0].ts_ns < self._resume_ns

    def _look_back(self, moment: Moment) -> None:
        """Keep what was before an interruption: the warm-up is played from it."""
        for event in moment.events:
            if isinstance(event, Bar):
                self._past.append(self._closed(event, moment.time_ns))

    def _fraction(self) -> float:
        markets = self._engine.markets
        return sum(market.fraction_read() for market in markets) / len(markets)

    # ------------------------------------------------------------------------------------------- one moment

    def _hear_sound(self, moment: Moment) -> None:
        try:
            self._hear(moment)
        except InvalidInput as error:
            # What a strategy does wrong is its own error: this is the market's.
            where = f"{moment.events[0].symbol} at {time_text(moment.time_ns)}"
            hint = "; --round-prices rounds prices to the grid" if "grid" in str(error) else ""
            raise refuse(
                f"{where}: {error.field}", error.value, f"cannot be played: {error}{hint}"
            ) from error

    def _hear(self, moment: Moment) -> None:
        self._end_ns = moment.time_ns
        bars: list[tuple[Bar, int]] = []
        for told in moment.events:
            event = self._on_grid(told)
            self._events += 1
            if isinstance(event, Bar):
                self._bars += 1
                bars.append((event, moment.time_ns))
                self._play_bar(event, moment.time_ns)
            else:
                self._play_tick(event)
        if bars:
            self._kernel.advance_time(moment.time_ns)
            self._deliver()
            self._tell_bars(bars)

    def _on_grid(self, event: Event) -> Event:
        """The event with its prices on the tick grid, where they are to be rounded."""
        if not self._settings.round_prices or isinstance(event, Depth):
            return event
        names = ("open", "high", "low", "close") if isinstance(event, Bar) else ("bid", "ask", "price")
        tick = Decimal(str(self._engine.tick(event.symbol)))
        changed: dict[str, Any] = {}
        for name in names:
            text = getattr(event, name, None)
            if text is not None and Decimal(text) % tick:
                changed[name] = format((Decimal(text) / tick).to_integral_value() * tick, "f")
        self._rounded += len(changed)
        return event._replace(**changed) if changed else event

    def _play_bar(self, bar: Bar, close_ns: int) -> None:
        high_first = self._look_for_ambiguity(bar)
        self._venue.on_bar(
            bar.symbol, bar.open, bar.high, bar.low, bar.close, bar.ts_ns, close_ns, high_first=high_first
        )
        self._prices[bar.symbol].add(close_ns, Decimal(bar.close))

    def _look_for_ambiguity(self, bar: Bar) -> bool | None:
        """Mark trades of which a stop and a target both lie in the bar; say which extreme comes first."""
        found: TradeSlot | None = None
        for actor in self.actors:
            for trade in actor.client.trades(bar.symbol):
                if len(trade.exit_orders) > 1 and _is_ambiguous(trade, Decimal(bar.low), Decimal(bar.high)):
                    self._recorder.mark_ambiguous(trade.trade_id)
                    found = trade
        if found is None or not self._settings.stops_first:
            return None
        return str(found.side) == "SHORT"

    def _play_tick(self, event: Event) -> None:
        if isinstance(event, Quote):
            self._venue.on_quote(
                event.symbol, event.bid, event.bid_size, event.ask, event.ask_size, event.ts_ns
            )
            self._prices[event.symbol].add(event.ts_ns, Decimal(event.bid))
            self._deliver()
            quote = QuoteTick(
                event.symbol, event.ts_ns, (event.bid, event.bid_size, event.ask, event.ask_size)
            )
            self._to_each(lambda actor: actor.hears_quotes, lambda actor: actor.hear_quote(quote))
        elif isinstance(event, Print):
            self._venue.on_trade(event.symbol, event.price, event.size, event.ts_ns)
            self._deliver()
            tick = TradeTick(
                event.symbol, event.ts_ns, event.price, event.size, buyer_is_maker=event.buyer_is_maker
            )
            self._to_each(lambda actor: actor.hears_trades, lambda actor: actor.hear_trade(tick))
        elif isinstance(event, Depth):
            self._venue.on_depth(event.symbol, event.bids, event.asks, event.ts_ns, snapshot=event.snapshot)
            self._deliver()

    def _to_each(self, wants: Callable[[Actor], bool], tell: Callable[[Actor], None]) -> None:
        for actor in self.actors:
            if wants(actor):
                tell(actor)
                self._deliver()

    @staticmethod
    def _closed(bar: Bar, close_ns: int) -> ClosedBar:
        prices = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        return ClosedBar(bar.symbol, interval_text(close_ns - bar.ts_ns), bar.ts_ns, close_ns, prices)

    def _tell_bars(self, bars: Sequence[tuple[Bar, int]]) -> None:
        closed = [self._closed(bar, close_ns) for bar, close_ns in bars]
        for actor in self.actors:
            for bar in closed:
                for one in actor.hear_bar(bar):
                    actor.tell_bar(one)
                    self._deliver()
            actor.end_warm_up()
            self._deliver()

    def _deliver(self) -> None:
        """Tell what has happened, in the kernel's order, until nothing has."""
        self.host.strategies.deliver(self._recorder.hear)

    def _run_timers(self, now_ns: int) -> None:
        for actor in self.actors:
            while (due := actor.next_timer_ns()) is not None and due <= now_ns:
                self._kernel.advance_time(max(due, self._kernel.now_ns))
                actor.run_timers(due)
                self._deliver()

    def _pay_funding(self, now_ns: int) -> None:
        """Let the venue know each boundary before it comes."""
        while self._funding and self._funding[-1].time_ns <= now_ns:
            row = self._funding.pop()
            if row.time_ns < self._start_ns:
                continue
            at = max(self._kernel.now_ns, row.time_ns - 1)
            if row.mark is not None:
                self._venue.mark(row.symbol, row.mark, at)
            later = [one for one in reversed(self._funding) if one.symbol == row.symbol]
            length_s = (later[0].time_ns - row.time_ns) // 1_000_000_000 if later else 28_800
            self._venue.set_funding(row.symbol, row.rate, row.time_ns, max(1, length_s), at)
            self._kernel.advance_time(max(row.time_ns, self._kernel.now_ns))
            self._venue.set_funding(row.symbol, 0, row.time_ns + length_s * 1_000_000_000, max(1, length_s))
            self._deliver()

    def _note_equity(self, now_ns: int) -> None:
        account = self._kernel.account.snapshot
        self._equity.add(now_ns, account.capital, self._venue.wallet(self._asset), account.equity)

    def _fail_on_error(self) -> None:
        for actor in self.actors if self.strict else ():
            if actor.state is ActorState.ERROR:
                raise StrategyError(f"{actor.name}: {actor.error}")

    # --------------------------------------------------------------------------------------------- the result

    def _result(self, *, interrupted: bool, seconds: float) -> BacktestResult:
        kernel, recorder, engine = self._kernel, self._recorder, self._engine
        account = kernel.snapshot()["account"]
        slots = [view.snapshot() for view in kernel.state.slots if not view.is_free()]
        trades = recorder.all_trades(slots)
        funding = Decimal(account["k_funding_net"])
        run = Run(
            capital=self._settings.capital,
            final_equity=account["equity"],
            start_ns=self._start_ns,
            end_ns=self._end_ns,
            daily=self._equity.daily,
            trades=trades,
            fees=account["k_fees_paid"],
            funding=funding,
            turnover=recorder.turnover,
            drawdown=self._equity.drawdown,
            drawdown_by_amount=self._equity.drawdown_by_amount,
            longest_below_peak_ns=self._equity.longest_below_peak_ns,
        )
        causes = {str(one["cause"]): Decimal(one["amount"]) for one in account["reconcile_causes"]}
        drawdown = self._equity.drawdown
        return BacktestResult(
            run_id=engine.run_id(),
            name=engine.title,
            strategy=", ".join(one.name for one in engine.named),
            params={one.name: {} if one.params is None else one.params.model_dump() for one in engine.named},
            symbols=engine.symbols,
            start_ns=self._start_ns,
            end_ns=self._end_ns,
            events=self._events,
            bars=self._bars,
            seconds=seconds,
            capital=self._settings.capital,
            asset=self._asset,
            final_k=account["k_capital"],
            final_e=account["e_wallet_balance"],
            differences=causes,
            trades=trades,
            fills=recorder.fills,
            orders=dict(recorder.orders),
            equity=self._equity.points,
            daily=self._equity.daily,
            fees_by_cause=recorder.fees_by_cause,
            funding_by_symbol=recorder.funding_by_symbol,
            prices={symbol: curve.points for symbol, curve in self._prices.items()},
            drawdown_max=Decimal(0) if drawdown is None else drawdown.fraction,
            assumptions=self._assumptions(trades),
            errors=(
                *(f"{actor.name}: {actor.error}" for actor in self.actors if actor.error),
                *self._refusals(),
            ),
            interrupted=interrupted,
            metrics=measure(run, engine.metrics),
        )

    def _refusals(self) -> tuple[str, ...]:
        return tuple(
            f"{actor.name}: {count:,} of its intents refused: {code}"
            for actor in self.actors
            for code, count in sorted(actor.refused.items())
        )

    def _assumptions(self, trades: Sequence[Any]) -> tuple[tuple[str, str], ...]:
        given = self._settings
        named = given.taker_rate is not None and given.maker_rate is not None
        taker = FEE_DEFAULT if given.taker_rate is None else given.taker_rate
        maker = FEE_DEFAULT if given.maker_rate is None else given.maker_rate
        gaps = sum(getattr(market, "gaps", 0) for market in self._engine.markets)
        ambiguous = sum(trade.ambiguous for trade in trades)
        return (
            ("fees", f"taker {taker}, maker {maker}" + ("" if named else " (0.001 where none was named)")),
            ("fill_at", f"{given.fill_at}: where an order that is sent at a bar's close fills"),
            ("limit_fill", f"{given.limit_fill}: a waiting limit fills where the market goes {_how(given)}"),
            ("latency", _latency(given)),
            ("queue model", "behind what the book showed" if given.queue_position else "first in line"),
            ("slippage", f"{given.slippage_bps} basis points for takers"),
            ("funding", "none" if given.funding is None else given.funding.name),
            ("liquidation rule", "at the mark, by the instrument's tiers" if given.liquidation else "none"),
            ("gaps", f"{gaps} bars are missing" if gaps else "none"),
            ("ambiguous trades", str(ambiguous)),
            (
                "prices off the grid",
                f"{self._rounded} rounded" if given.round_prices else "none, or an error",
            ),
            ("instruments source", "; ".join(f"{key}: {text}" for key, text in self._engine.sources.items())),
            ("window", window_text(given.start_ns, given.end_ns)),
        )


def _latency(settings: BacktestSettings) -> str:
    text = f"{settings.latency_ms} ms for a request's round trip"
    late = settings.latency_ms and settings.fill_at == "next_open"
    return f"{text}; of bars, what is sent at a close misses the next open" if late else text


def _how(settings: BacktestSettings) -> str:
    return "beyond it" if settings.limit_fill == "through" else "to it"


def _is_ambiguous(trade: TradeSlot, low: Decimal, high: Decimal) -> bool:
    stop = target = False
    for order in trade.exit_orders:
        if not order.is_live():
            continue
        if order.order_type in _STOPS:
            stop = stop or (order.trigger_price is not None and low <= order.trigger_price <= high)
        elif order.limit_price is not None:
            target = target or low <= order.limit_price <= high
        elif order.trigger_price is not None:
            target = target or low <= order.trigger_price <= high
    return stop and target


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
