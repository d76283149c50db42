"""`Play`: one pass over the markets, by the player in Rust. Python runs where something has happened."""

import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from dita._kernel import Player, Recorder, Watcher, interval_ns
from dita.backtest.assumptions import fees_text, funding_text, latency_text, limit_fill_text
from dita.backtest.equity import EquityCurve
from dita.backtest.feed import FundingRow, read_funding, time_text, timed, window_text
from dita.backtest.metrics import Run, measure
from dita.backtest.recorder import executions_of, trades_of
from dita.backtest.result import BacktestResult
from dita.backtest.settings import QUEUES, BacktestSettings
from dita.backtest.wording import moment
from dita.clock import ManualClock
from dita.errors import InvalidInput, refuse
from dita.host import Directory, Host
from dita.market import Bar, BarFile, BinanceL2File, Event, L2File, Market, MarketFileError, TickFile
from dita.market.recorded import RecordedFile
from dita.runtime import Actor, ActorState
from dita.strategy import StrategyError
from dita.venues import SimulatedVenue

if TYPE_CHECKING:
    from dita.backtest.engine import BacktestEngine, Named
    from dita.kernel import ExecutionKernel

ACCOUNT: Final = "main"
Progress = Callable[[float, int], object]
LogPolicy = Literal["batch", "always", "written", "off"]
_BATCH: Final = 256
_JOIN: Final = ", "
# Within bars strategies receive nothing: only what waits for a fill follows it.
_WITHIN_BARS: Final = ("follow", True)
_WAIT_S: Final = 0.05
# A warm-up's bars are looked for in so many times its length: some may be missing.
_WARMUP_SPANS: Final = 2


class PythonMarket:
    """A market that only Python reads. It is read a batch ahead of the player."""

    def __init__(self, market: Market, end_ns: int | None) -> None:
        """Begin at its beginning.

        Args:
            market: The market.
            end_ns: It is read no further: see `BacktestSettings.end_ns`.
        """
        self.market = market
        self._events = (event for _, event in timed(market, end_ns=end_ns))
        self._left: list[Event] = []
        self._error: Exception | None = None

    def fill(self, player: Player, place: int) -> None:
        """Give the player more of it.

        Args:
            player: The player.
            place: The market's place there.

        Raises:
            MarketFileError: The market has something that cannot be: once all before it was played.
            InvalidInput: A number cannot be played; likewise.
        """
        while len(self._left) < _BATCH and self._error is None:
            try:
                self._left.append(next(self._events))
            except StopIteration:
                break
            except (ValueError, OSError) as error:
                self._error = error
        if not self._left and self._error is not None:
            raise self._error
        try:
            taken = player.give(place, self._left)
        except InvalidInput as error:
            event = self._left[0]
            closes_ns = event.ts_ns + (self.market.step_ns if isinstance(event, Bar) else 0)
            raise _unplayable(error, self.market, closes_ns) from error
        del self._left[:taken]


def _unplayable(error: InvalidInput, market: Market, at_ns: int) -> Exception:
    """What a strategy does wrong is its own error: this is the market's. Its file is read anew for a line."""
    hint = "; --round-prices rounds prices to the grid" if "grid" in str(error) else ""
    if isinstance(market, RecordedFile) and error.value is not None:
        for event_ns in (at_ns - market.step_ns, at_ns):  # a bar's time is its opening
            line, row = market.place_of(event_ns, str(error.value))
            if line is not None or row:
                return MarketFileError(market.path, f"{row}{error}{hint}", line=line)
    where = f"{market.symbol} at {time_text(at_ns)}: {error.field}"
    return refuse(where, error.value, f"cannot be played: {error}{hint}")


class Play:
    """One pass over the markets: the whole of a backtest, and of a paper run."""

    def __init__(
        self,
        engine: "BacktestEngine",
        settings: BacktestSettings,
        directory: Directory | None,
        *,
        log_policy: LogPolicy = "off",
        feed: bool = False,
        speed: float | None = None,
    ) -> None:
        """Open the host, and give each strategy its context.

        Args:
            engine: What is played.
            settings: What is assumed.
            directory: Where to keep the log; None keeps none.
            log_policy: When the log is synced.
            feed: Whether the host tells changes.
            speed: How many seconds of the market pass in one; None means as fast as can be.
        """
        self._engine = engine
        self._settings = settings
        self._recorder = Recorder()
        self._watcher = Watcher()
        self._config, self._asset = engine.config(settings, log_policy)
        self.host = Host(
            self._config,
            directory=directory,
            clock=ManualClock(engine.first_ns),
            logs={ACCOUNT: self._watcher},
            feed=feed,
        )
        self.host.strategies.recorder = self._recorder
        self._kernel: ExecutionKernel = self.host.kernel(ACCOUNT)
        venue = self._kernel.venue
        assert isinstance(venue, SimulatedVenue)  # noqa: S101 - the configuration above says so
        self._venue = venue
        self._fed: dict[int, PythonMarket] = {}
        self.actors = [self._actor(one) for one in engine.named]
        recovery = self._kernel.recovery
        self._resumes = directory is not None and recovery is not None and recovery["last_seq"] > 0
        self._resume_ns = self._played_ns() if self._resumes else None
        if self._resumes:
            self._recorder.begin_with([view.snapshot() for view in self._kernel.state.slots])
        self._player = venue.player(
            self._asset,
            settings.capital,
            start_ns=self._read_from_ns(),
            end_ns=settings.end_ns,
            round_prices=settings.round_prices,
            stops_first=settings.stops_first,
            speed=speed,
            resume_ns=self._past_until_ns(),
        )
        self._places = {market.symbol: self._add(market) for market in engine.markets}
        for actor in self.actors:
            actor.subscribe(self._player)
        if not self.host.strategies.has_work_after_dispatch:
            self._player.tell_by(self._watcher, self._recorder)
        self._funding = self._read_funding()
        self._start_ns = self._boundaries = 0
        self.strict = True

    def _add(self, market: Market) -> int:
        tick = str(self._engine.tick(market.symbol))
        if isinstance(market, BarFile | BinanceL2File | L2File | TickFile):
            return self._player.add_file(market.reader(), market.symbol, tick, market.step_ns)
        place = self._player.add_channel(market.symbol, tick, market.step_ns)
        self._fed[place] = PythonMarket(market, self._settings.end_ns)
        return place

    def _actor(self, named: "Named") -> Actor:
        given = {"name": named.name, "account": ACCOUNT, "params": named.params}
        return self.host.load(named.strategy, **given, symbols=self._engine.symbols).actor

    def _past_until_ns(self) -> int | None:
        """Up to where bars are the warm-up, and nothing is traded: an earlier run's end, or the window."""
        if self._resume_ns is None and self._settings.warmup_before:
            return self._settings.start_ns
        return self._resume_ns

    def _read_from_ns(self) -> int | None:
        """Where the markets are read from: before a window's start as much as the warm-ups may want."""
        start_ns = self._settings.start_ns
        if start_ns is None or not self._settings.warmup_before:
            return start_ns
        lengths = [market.step_ns for market in self._engine.markets]
        wanted = [
            (actor.strategy.warmup + 1) * max([*map(interval_ns, actor.strategy.intervals), *lengths])
            for actor in self.actors
            if actor.strategy.warmup
        ]
        return start_ns - _WARMUP_SPANS * max(wanted, default=0)

    def _played_ns(self) -> int:
        """Return how far an earlier run has played: its log's end, or a strategy's later note."""
        notes = [self._kernel.noted(actor.name) for actor in self.actors]
        return max([self._kernel.now_ns, *(note.time_ns for note in notes if note is not None)])

    def _read_funding(self) -> list[FundingRow]:
        if self._settings.funding is None:
            return []
        return read_funding(self._settings.funding, self._engine.symbols)[::-1]

    def run(
        self,
        progress: Progress | None,
        stopped: Callable[[float], bool] | None = None,
    ) -> BacktestResult:
        """Play to the end, or to Ctrl-C.

        Args:
            progress: Called with the progress.
            stopped: Waits so many seconds, and says whether to stop.
        """
        started = time.monotonic()
        interrupted = False
        try:
            try:
                interrupted = not self._play(progress, stopped)
            except KeyboardInterrupt:
                interrupted = True
            return self._result(interrupted=interrupted, seconds=time.monotonic() - started)
        finally:
            self.host.close(drain_s=0)

    def _play(self, progress: Progress | None, stopped: Callable[[float], bool] | None) -> bool:
        """Return whether the markets have ended."""
        player = self._player
        player.set_due(self._next_funding_ns())
        while True:
            try:
                # `start` and `stop` of a strategy wait meanwhile.
                with self.host.strategies.lock:
                    what, about = player.next()
            except InvalidInput as error:
                if player.place_of is None:
                    raise
                symbol, at_ns = player.place_of
                raise _unplayable(error, self._engine.markets[self._places[symbol]], at_ns) from error
            if what == "end":
                break
            if what in ("look", "wait"):
                if progress is not None and what == "look":
                    progress(self._fraction(), self._recorder.ended)
                self._deliver()
                if stopped is not None and stopped(min(about or 0, _WAIT_S)):
                    return False
            else:
                self._deal_with(what, about)
                if (what, about) != _WITHIN_BARS:
                    self._deliver()
            self._fail_on_error()
        self._end()
        return True

    def _deal_with(self, what: str, about: Any) -> None:  # noqa: ANN401 - see `Player.next`
        if what == "begin":
            self._begin(about)
        elif what == "due":
            self._pay_funding(about)
            self.host.strategies.run_timers(about, ACCOUNT, advance=self._advance)
            self._player.set_due(self._next_funding_ns())
        elif what == "follow":
            self._follow()
        elif what == "starved":
            self._fed[about].fill(self._player, about)
        elif what == "fault":
            place, line, message = about
            market = self._engine.markets[place]
            assert isinstance(market, BarFile | BinanceL2File | L2File | TickFile)  # noqa: S101 - the player reads no others
            raise MarketFileError(market.path, message, line=line)
        else:
            self.host.strategies.apply(ACCOUNT, what, about)

    def _follow(self) -> None:
        """Send the entries of reversals whose exits have filled."""
        for actor in self.actors:
            actor.context.follow()

    def _begin(self, start_ns: int) -> None:
        self._start_ns = start_ns
        strategies = self.host.strategies
        past = self._player.take_past()
        strategies.past[ACCOUNT] = lambda _: past
        for handle in strategies.handles.values():
            # Not one that an operator paused or stopped in the run before.
            handle.begin()
        del strategies.past[ACCOUNT]

    def _advance(self, at_ns: int) -> None:
        self._kernel.advance_time(max(at_ns, self._kernel.now_ns))

    def _end(self) -> None:
        if self._player.span_ns is None:
            names = [market.name for market in self._engine.markets]
            where = window_text(self._settings.start_ns, self._settings.end_ns)
            if self._resume_ns is not None:
                where = (
                    f"the earlier run has played all up to {time_text(self._resume_ns)}; --fresh begins anew"
                )
            raise refuse("markets", names, f"have no events: {where}")
        for actor in self.actors:
            if actor.strategy.warming:
                raise StrategyError(
                    f"{actor.name}: the markets end before its warm-up of {actor.strategy.warmup} bars"
                )
            actor.stop(self._deliver)
        self._fail_on_error()

    def _fraction(self) -> float:
        """The player counts a market that is given to it as 0."""
        given = sum(one.market.fraction_read() for one in self._fed.values())
        return self._player.fraction + given / len(self._places)

    def _next_funding_ns(self) -> int | None:
        return self._funding[-1].time_ns if self._funding else None

    def _deliver(self) -> None:
        """Tell what has happened, in the kernel's order, until nothing has."""
        for trade_id in self._player.take_ambiguous():
            self._recorder.mark_ambiguous(trade_id)
        self.host.strategies.deliver()

    def _pay_funding(self, now_ns: int) -> None:
        """Let the venue know each boundary before it comes."""
        while self._funding and self._funding[-1].time_ns <= now_ns:
            row = self._funding.pop()
            if row.time_ns < self._start_ns:
                continue
            self._boundaries += 1
            at = max(self._kernel.now_ns, row.time_ns - 1)
            if row.mark is not None:
                self._venue.mark(row.symbol, row.mark, at)
            later = [one for one in reversed(self._funding) if one.symbol == row.symbol]
            length_s = (later[0].time_ns - row.time_ns) // 1_000_000_000 if later else 28_800
            self._venue.set_funding(row.symbol, row.rate, row.time_ns, max(1, length_s), at)
            self._kernel.advance_time(max(row.time_ns, self._kernel.now_ns))
            self._venue.set_funding(row.symbol, 0, row.time_ns + length_s * 1_000_000_000, max(1, length_s))
            self._deliver()

    def _fail_on_error(self) -> None:
        for actor in self.actors if self.strict else ():
            if actor.state is ActorState.ERROR:
                raise StrategyError(f"{actor.name}: {actor.error}")

    # --------------------------------------------------------------------------------------------- the result

    def _result(self, *, interrupted: bool, seconds: float) -> BacktestResult:
        kernel, recorder, engine = self._kernel, self._recorder, self._engine
        account = kernel.snapshot()["account"]
        start_ns, end_ns = self._player.span_ns or (0, 0)
        events, bars, _ = self._player.counts
        equity = EquityCurve(curve=self._player.equity)
        slots = [view.snapshot() for view in kernel.state.slots if not view.is_free()]
        trades, executions = trades_of(recorder, slots), executions_of(recorder)
        funding = Decimal(account["k_funding_net"])
        run = Run(
            capital=self._settings.capital,
            final_equity=account["equity"],
            start_ns=start_ns,
            end_ns=end_ns,
            daily=equity.daily,
            trades=trades,
            fees=account["k_fees_paid"],
            funding=funding,
            turnover=recorder.turnover,
            drawdown=equity.drawdown,
            drawdown_by_amount=equity.drawdown_by_amount,
            longest_below_peak_ns=equity.longest_below_peak_ns,
            quiet_days=equity.quiet_days,
        )
        causes = {str(one["cause"]): Decimal(one["amount"]) for one in account["reconcile_causes"]}
        drawdown = equity.drawdown
        return BacktestResult(
            run_id=engine.run_id(),
            name=engine.title,
            strategy=", ".join(one.name for one in engine.named),
            params={one.name: {} if one.params is None else one.params.model_dump() for one in engine.named},
            symbols=engine.symbols,
            start_ns=start_ns,
            end_ns=end_ns,
            events=events,
            bars=bars,
            seconds=seconds,
            capital=self._settings.capital,
            asset=self._asset,
            final_k=account["k_capital"],
            final_e=account["e_wallet_balance"],
            differences=causes,
            trades=trades,
            fills=len(executions),
            executions=executions,
            orders=recorder.orders,
            equity=equity.points,
            daily=equity.daily,
            fees_by_cause=recorder.fees_by_cause,
            funding_by_symbol=recorder.funding_by_symbol(slots),
            prices={symbol: tuple(self._player.prices(place)) for symbol, place in self._places.items()},
            drawdown_max=Decimal(0) if drawdown is None else drawdown.fraction,
            assumptions=self._assumptions(trades),
            errors=tuple(self._errors(may_lack_fills=interrupted or bool(executions))),
            interrupted=interrupted,
            metrics=measure(run, engine.metrics),
        )

    def _gaps(self, place: int) -> int:
        market = self._engine.markets[place]
        return getattr(market, "gaps", 0) if place in self._fed else self._player.gaps(place)

    def _left_out(self) -> int:
        """How many rows were left out because their time goes back."""
        markets = self._engine.markets
        return sum(
            getattr(markets[place], "disordered", 0) if place in self._fed else self._player.disordered(place)
            for place in self._places.values()
        )

    def _ways_of_reading(self) -> Iterator[tuple[str, str]]:
        """Rows for what the files' rows are taken for, where that is not the usual."""
        if self._settings.bar_time != "open":
            yield "bar times", "those of the closes"
        if self._settings.allow_disorder:
            yield "rows out of order", f"{self._left_out()} left out"

    def _cut_files(self) -> Iterator[tuple[str, str]]:
        """A row for files that may have been cut off within their last row."""
        cut = [
            market.path.name
            for place, market in enumerate(self._engine.markets)
            if isinstance(market, BarFile | TickFile) and self._player.is_cut(place)
        ]
        if cut:
            text = f"{len(cut)} end without a line end ({', '.join(cut)}): the last row may have been cut off"
            yield "market files", text

    def _errors(self, *, may_lack_fills: bool) -> Iterator[str]:
        """What went wrong: strategies' errors, what was refused and why, and that nothing was filled."""
        for actor in self.actors:
            if actor.error:
                yield f"{actor.name}: {actor.error}"
        if not may_lack_fills:
            counts = _JOIN.join(f"{count:,} {name}" for name, count in self._recorder.orders.items())
            yield f"no order was filled: {counts or 'no order was placed'}"
        for actor in self.actors:
            for code, refused in sorted(actor.refused.items()):
                first = f"the first at {moment(refused.first_ns)} UTC"
                yield f"{actor.name}: {refused.count:,} of its intents refused, {first}: {code}{refused.why}"
        for owner, symbol, ended, reason, count, first_ns in self._recorder.unfilled():
            why = reason or "the venue gave no reason"
            first = f"the first at {moment(first_ns)} UTC"
            yield f"{owner}: {count:,} orders for {symbol} {ended}, {first}: {why}"
        for actor in self.actors:
            yield from self._waiting(actor)

    def _waiting(self, actor: Actor) -> Iterator[str]:
        """Market orders that the end of the market has left without a price."""
        waiting = [order for order in actor.client.orders(live_only=True) if order.order_type == "MARKET"]
        for symbol in sorted({order.asset for order in waiting}):
            count = sum(order.asset == symbol for order in waiting)
            why = "no bar or quote came after them"
            yield f"{actor.name}: {count:,} market orders for {symbol} wait at the end: {why}"

    def _assumptions(self, trades: Sequence[Any]) -> tuple[tuple[str, str], ...]:
        given = self._settings
        gaps = sum(self._gaps(place) for place in self._places.values())
        *_, rounded = self._player.counts
        ambiguous = sum(trade.ambiguous for trade in trades)
        return (
            ("fees", fees_text(given, self._engine.rules)),
            ("fill_at", f"{given.fill_at}: where an order that is sent at a bar's close fills"),
            ("limit_fill", limit_fill_text(given)),
            ("latency", latency_text(given)),
            ("queue model", QUEUES[given.queue_model]),
            ("slippage", f"{given.slippage_bps} basis points for takers"),
            ("funding", funding_text(given, self._boundaries)),
            ("liquidation rule", "at the mark, by the instrument's tiers" if given.liquidation else "none"),
            ("gaps", f"{gaps} bars are missing" if gaps else "none"),
            ("ambiguous trades", str(ambiguous)),
            (
                "prices off the grid",
                f"{rounded} rounded" if given.round_prices else "none, or an error",
            ),
            *self._ways_of_reading(),
            *self._cut_files(),
            ("instruments source", "; ".join(f"{key}: {text}" for key, text in self._engine.sources.items())),
            ("window", window_text(given.start_ns, given.end_ns)),
        )
