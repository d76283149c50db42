"""The twin: a live or paper log beside a simulated venue that was given the same intents at the same times.

The strategy is not run again. The venue's market is a recording; where there is none, nothing can be said.
Differences are reported as rows of exact amounts, whose sum is the difference of the two results.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal

from dita._kernel import TwinLive
from dita.backtest.engine import venue_config
from dita.backtest.play import PythonMarket
from dita.backtest.settings import BacktestSettings
from dita.clock import ManualClock
from dita.errors import InvalidInput, KernelError
from dita.kernel import ExecutionKernel
from dita.market import BarFile, BinanceL2File, L2File, Market, MarketFileError, TickFile, open_market
from dita.venues import SimulatedVenue

#: What of a comparison's rows carries no amount.
TIME: Final = "time"
_MS_NS: Final = 1_000_000
_LATENCY_STEP: Final = Decimal("0.001")
_BPS_STEP: Final = Decimal("0.0001")
_SHARE_STEP: Final = Decimal("0.0001")
_BPS: Final = 10_000
_SLOTS_MAX: Final = 65_535
_SLOTS_MORE: Final = 64
# More than any sum of money has.
_DIGITS: Final = 120
#: From this missed part of the makers on, an order stands behind all that the book showed.
_BEHIND_ALL: Final = Decimal("0.5")
Progress = Callable[[str], object]


class NoMarket(KernelError):  # noqa: N818 - as the kernel names its own refusals
    """There is no recording of the market that was traded on; the text says what to do."""


class Unbalanced(KernelError):  # noqa: N818 - as above
    """The rows do not come to the difference: the comparison is wrong, and nothing of it is shown."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """The three numbers of a venue that a backtest assumes, and a log tells.

    Attributes:
        latency_ms: From an order's sending to its acknowledgement: the median.
        slippage_bps: By how many basis points takers were worse than the twin's: the mean by value.
        queue: The part of the twin's makers, by value, that live lacks; None where the twin had none.
        samples: How many acknowledgements, pairs of takers, and makers they rest on.
    """

    latency_ms: Decimal | None
    slippage_bps: Decimal | None
    queue: Decimal | None
    samples: tuple[int, int, int]

    @property
    def queue_model(self) -> Literal["first", "probability", "risk_averse"]:
        """The backtest's model for it: none missed, fewer than half, or more."""
        if not self.queue:
            return "first"
        return "probability" if self.queue < _BEHIND_ALL else "risk_averse"

    def settings(self, base: BacktestSettings) -> BacktestSettings:
        """Return settings with these numbers.

        Args:
            base: What else is assumed.
        """
        return replace(
            base,
            latency_ms=base.latency_ms if self.latency_ms is None else self.latency_ms,
            slippage_bps=base.slippage_bps
            if self.slippage_bps is None
            else max(Decimal(0), self.slippage_bps),
            queue_model=self.queue_model,
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """Two logs beside each other.

    Attributes:
        rows: By trade and kind: `kind trade_id symbol asset begin_ns leg qty live_price twin_price later_ns
            amount`; the amount is live less twin, None for a row of kind "time".
        results: By asset: live's, and the twin's: K without what was moved, and what is open at the mark.
        trades: How many live has, the twin has, and both.
        refused: Intents that live took and the twin refused: number and code.
        outside: How many intents came before or after the recording: the twin had no market for them.
        sums: Sums for what a backtest assumes, as `TwinLive.compare` gives them.
    """

    rows: tuple[Mapping[str, Any], ...]
    results: Mapping[str, tuple[Decimal, Decimal]]
    trades: tuple[int, int, int]
    refused: tuple[tuple[int, str], ...]
    outside: int
    sums: Mapping[str, Any]

    def by_kind(self, asset: str) -> dict[str, Decimal]:
        """Return each kind's sum in an asset, in the order of attribution; kinds without rows are left out.

        Args:
            asset: Which.
        """
        sums: dict[str, Decimal] = {}
        for kind in self.sums["kinds"]:
            amounts = [
                row["amount"]
                for row in self.rows
                if row["kind"] == kind and row["asset"] == asset and row["amount"] is not None
            ]
            if amounts:
                sums[kind] = exact_sum(amounts)
        return sums


@dataclass(frozen=True, slots=True)
class TwinReport:
    """What a twin has come to.

    Attributes:
        log: The live log.
        settings: What the first twin assumed.
        first: The comparison with it.
        assumed: What the log tells of latency, slippage and queue.
        again: The comparison with a twin that assumes that.
    """

    log: Path
    settings: BacktestSettings
    first: Compared
    assumed: Assumed
    again: Compared


def exact_sum(amounts: Sequence[Decimal]) -> Decimal:
    """Return a sum without rounding, whatever the context's precision.

    Args:
        amounts: Amounts of at most 18 decimals.
    """
    with localcontext(Context(prec=_DIGITS)):
        return sum(amounts, Decimal(0))


def check(compared: Compared) -> None:
    """Hold a comparison's rows against the difference of its results.

    Args:
        compared: The comparison.

    Raises:
        Unbalanced: The rows of an asset do not sum to live less twin, to the last unit.
    """
    for asset, (live, twin) in compared.results.items():
        rows = [row["amount"] for row in compared.rows if row["asset"] == asset and row["amount"] is not None]
        difference, total = exact_sum([live, -twin]), exact_sum(rows)
        if difference != total:
            raise Unbalanced(f"{asset}: the rows sum to {total}, live less twin is {difference}")


class Twin:
    """A live log, and the market that it was traded on."""

    def __init__(
        self, log_dir: Path, markets: Sequence[Path | Market], symbols: Sequence[str | None] = ()
    ) -> None:
        """Read the log and open the markets.

        Args:
            log_dir: The live log's directory.
            markets: Recordings of the market: files, of which several of one instrument follow one another,
                or markets that are open.
            symbols: The instrument of each file that does not hold it; None or absent: as the file says.

        Raises:
            NoMarket: There is no recording of what was traded, or it is of another time.
            LogError: The log cannot be read; its text says why and what to do.
            MarketFileError: A recording cannot be read.
        """
        self.log = log_dir
        if not markets:
            raise NoMarket(
                "NO_MARKET: the twin trades on a recording: name it with --market FILE; "
                "`dita record` makes one beside a live run"
            )
        self.live = TwinLive(log_dir)
        self._joined: Path | None = None
        try:
            self._markets = self._open(markets, [*symbols, *[None] * (len(markets) - len(symbols))])
            self._check_covered()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove what was put together of several files. Needed only where several were given."""
        if self._joined is not None:
            shutil.rmtree(self._joined, ignore_errors=True)

    def _open(self, given: Sequence[Path | Market], symbols: Sequence[str | None]) -> list[Market]:
        by_symbol: dict[str, list[Path]] = {}
        opened: dict[str, Market] = {}
        for path, symbol in zip(given, symbols, strict=True):
            if not isinstance(path, Path):
                opened[path.symbol] = path
                continue
            files = sorted(path.glob("*.jsonl.gz")) if path.is_dir() else [path]
            for file in files:
                by_symbol.setdefault(open_market(file, symbol=symbol).symbol, []).append(file)
        traded = self.live.symbols
        markets = [market for symbol, market in opened.items() if symbol in traded]
        for symbol, files in by_symbol.items():
            if symbol not in traded:
                continue
            path = files[0]
            if len(files) > 1:
                # Captures are made of whole gzip members: one behind the other they are one capture.
                if self._joined is None:
                    self._joined = Path(tempfile.mkdtemp(prefix="dita-twin-"))
                path = self._joined / f"{symbol}.jsonl.gz"
                with path.open("wb") as joined:
                    for file in files:
                        joined.write(file.read_bytes())
            markets.append(open_market(path, symbol=symbol))
        if not markets:
            found = ", ".join([*by_symbol, *opened]) or "nothing"
            raise NoMarket(
                f"NO_MARKET: the log trades {', '.join(traded) or 'nothing'}, and the recording has {found}: "
                "name the right file with --market"
            )
        return markets

    def _check_covered(self) -> None:
        """Refuse a recording of another time."""
        first_ns = min(next(iter(market)).ts_ns for market in self._markets)
        times = self.live.intent_times_ns
        if times and first_ns > times[-1]:
            raise NoMarket(
                "NO_MARKET: the recording begins after the log's last intent: it is of another time"
            )

    def run(
        self, settings: BacktestSettings, progress: Progress | None = None, *, keep: Path | None = None
    ) -> Compared:
        """Trade the log's intents on the simulated venue, and compare.

        Args:
            settings: What the venue is assumed to be: latency, slippage, queue, fills, liquidation, seed.
            progress: Called with the progress.
            keep: Where the twin's own log goes, a new directory; None keeps none.

        Raises:
            MarketFileError: A recording has something that cannot be.
            KernelError: The kernel refuses to go on.
            Unbalanced: The comparison is wrong.
        """
        with tempfile.TemporaryDirectory(prefix="dita-twin-") as folder:
            log = keep or Path(folder) / "log"
            played = _Played(self.live, self._markets, settings, log)
            try:
                played.run(progress)
            finally:
                played.close()
            found = self.live.compare(log)
        rows, results = tuple(found.pop("rows")), found.pop("results")
        compared = Compared(
            rows, results, tuple(found["trades"]), tuple(played.refused), played.outside, found
        )
        check(compared)
        return compared

    def report(
        self, settings: BacktestSettings | None = None, progress: Progress | None = None
    ) -> TwinReport:
        """Compare with a twin as assumed, learn the three numbers, and compare with one that assumes those.

        Args:
            settings: What is assumed; None means the defaults of a backtest.
            progress: Called with the progress.
        """
        base = settings or BacktestSettings()
        first = self.run(base, progress)
        latency = _latency_ms(first.sums["answer_ns"])
        # Slippage and queue show in a twin whose orders come when live's did, and that has neither.
        plain = replace(
            base,
            latency_ms=base.latency_ms if latency is None else latency,
            slippage_bps=Decimal(0),
            queue_model="first",
        )
        timed = first if plain == base else self.run(plain, progress)
        samples = (len(first.sums["answer_ns"]), timed.sums["taken"], timed.sums["made"])
        slippage = _share(timed.sums["slippage"], _BPS, _BPS_STEP)
        assumed = Assumed(latency, slippage, _share(timed.sums["queue"], 1, _SHARE_STEP), samples)
        return TwinReport(self.log, base, first, assumed, self.run(assumed.settings(base), progress))


class _Played:
    """One pass over the markets, with the log's intents at their times."""

    def __init__(
        self, live: TwinLive, markets: Sequence[Market], settings: BacktestSettings, log_dir: Path
    ) -> None:
        self._live = live
        self._markets = markets
        first_ns = min(live.span_ns[0], *(next(iter(market)).ts_ns for market in markets))
        venue = SimulatedVenue(**venue_config(settings, live.balances).model_dump())
        self._venue = venue
        self._kernel = ExecutionKernel(
            venue=venue,
            clock=ManualClock(first_ns),
            # What live has left already may still stand here: the next trade takes another slot.
            max_slots=min(_SLOTS_MAX, 2 * live.max_slots + _SLOTS_MORE),
            hedge_mode=live.hedge_mode,
            log_dir=log_dir,
            log_policy="off",
        )
        self.refused: list[tuple[int, str]] = []
        self.outside = 0
        self._at = 0
        try:
            venue.list_as(live)
            for asset, amount in live.balances.items():
                if amount:
                    self._kernel.set_seed_capital(amount, asset)
            asset = str(self._kernel.instrument(markets[0].symbol)["settle"])
            self._player = venue.player(
                asset, live.balances.get(asset, Decimal(0)), end_ns=live.span_ns[1] + 1, round_prices=True
            )
            self._fed: dict[int, PythonMarket] = {}
            for market in markets:
                self._add(market)
        except BaseException:
            self._kernel.close()
            raise
        # A venue's depth says nothing of its mark; quotes and bars have one of their own.
        self._marks = all(isinstance(market, BinanceL2File | L2File) for market in markets)

    def _add(self, market: Market) -> None:
        tick = str(self._kernel.instrument(market.symbol)["tick_size"])
        if isinstance(market, BarFile | BinanceL2File | L2File | TickFile):
            self._player.add_file(market.reader(), market.symbol, tick, market.step_ns)
            return
        place = self._player.add_channel(market.symbol, tick, market.step_ns)
        self._fed[place] = PythonMarket(market, self._live.span_ns[1] + 1)

    def close(self) -> None:
        """Close the kernel: its log is whole."""
        self._kernel.close()

    def run(self, progress: Progress | None) -> None:
        """Play to the log's end."""
        self._set_due()
        while True:
            what, about = self._player.next()
            if what == "end":
                break
            if what == "due":
                self._give(about - 1)
                self._set_due()
            elif what == "starved":
                self._fed[about].fill(self._player, about)
            elif what == "fault":
                place, line, message = about
                market = self._markets[place]
                assert isinstance(market, BarFile | BinanceL2File | L2File | TickFile)  # noqa: S101 - the player reads no others
                raise MarketFileError(market.path, message, line=line)
            elif what == "look" and progress is not None:
                progress(f"twin: {self._player.fraction:4.0%} played")
        span = self._player.span_ns
        if span is None:
            raise NoMarket("NO_MARKET: the recording has nothing before the log's end: it is of another time")
        self.outside = sum(not span[0] <= at <= span[1] for at in self._live.intent_times_ns)
        self._give(None)
        end_ns = self._live.span_ns[1]
        if end_ns > self._kernel.now_ns:
            self._kernel.advance_time(end_ns)

    def _give(self, until_ns: int | None) -> None:
        self._at, refused = self._venue.give(self._live, self._at, until_ns, marks=self._marks)
        self.refused += refused

    def _set_due(self) -> None:
        """An intent comes after everything of its own time: that is what it was decided on."""
        at_ns = self._live.time_ns(self._at)
        self._player.set_due(None if at_ns is None else at_ns + 1)


def _latency_ms(answer_ns: Sequence[int]) -> Decimal | None:
    if not answer_ns:
        return None
    middle = Decimal(str(median(answer_ns))) / _MS_NS
    return middle.quantize(_LATENCY_STEP, ROUND_HALF_EVEN)


def _share(sums: Mapping[str, tuple[Decimal, Decimal]], times: int, step: Decimal) -> Decimal | None:
    """A part of a whole, over all assets; None where there is nothing."""
    whole = exact_sum([whole for _, whole in sums.values()])
    if not whole:
        return None
    part = exact_sum([part for part, _ in sums.values()])
    return (part * times / whole).quantize(step, ROUND_HALF_EVEN)


# ------------------------------------------------------------------------------------- the backtest's file

_FIELDS: Final = ("latency_ms", "slippage_bps", "queue_model")


def write_assumptions(path: Path, assumed: Assumed) -> None:
    """Write the three numbers as `dita backtest --assumptions` reads them.

    Args:
        path: Where; what is there is replaced.
        assumed: The three numbers.
    """
    settings = assumed.settings(BacktestSettings())
    answers, takers, makers = assumed.samples
    content = {
        **{name: str(getattr(settings, name)) for name in _FIELDS},
        "estimated_from": {
            "acknowledgements": answers,
            "takers": takers,
            "makers": makers,
            "slippage_bps": None if assumed.slippage_bps is None else str(assumed.slippage_bps),
            "queue": None if assumed.queue is None else str(assumed.queue),
        },
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_assumptions(path: Path) -> dict[str, Any]:
    """Read such a file: fields of `BacktestSettings` with their values.

    Args:
        path: The file.

    Raises:
        InvalidInput: It cannot be read, or a field cannot be; by name.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"assumptions: {path}: {error.strerror or 'cannot be read'}") from error
    except ValueError as error:
        raise InvalidInput(f"assumptions: {path}: is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"assumptions: {path}: must be an object with {', '.join(_FIELDS)}")
    unknown = sorted(set(content) - {*_FIELDS, "estimated_from"})
    if unknown:
        raise InvalidInput(f"assumptions: {path}: {unknown[0]} is none of {', '.join(_FIELDS)}")
    found: dict[str, Any] = {}
    for name in _FIELDS:
        if name not in content:
            continue
        value = content[name]
        if name == "queue_model":
            found[name] = value
            continue
        try:
            found[name] = Decimal(value)
        except (ArithmeticError, TypeError, ValueError):
            raise InvalidInput(f"assumptions: {path}: {name}: {value!r} is no decimal text") from None
    return found
