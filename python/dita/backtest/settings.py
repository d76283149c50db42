"""What a backtest assumes, and what its instruments are."""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from dita.errors import refuse
from dita.market import Bar, Market, Print, Quote
from dita.market.instruments import KNOWN
from dita.market.ticks import tick_time_ns

FEE_DEFAULT: Final = Decimal("0.001")
# Each queue model, and how a report states it.
QUEUES: Final = {
    "first": "first in line",
    "risk_averse": "behind what the book showed; what leaves without a trade had stood behind",
    "probability": "behind what the book showed; what leaves without a trade had stood evenly around",
}
# From when on (ns since 1970), the way to the venue and the way back (ms).
LatencyRow: TypeAlias = tuple[int, Decimal, Decimal]
_ROWS_READ: Final = 10_000
_DIGITS_MAX: Final = 15  # with the point
_LOT_DEFAULT: Final = "0.0001"
_NUMBERS: Final = ("capital", "taker_rate", "maker_rate", "latency_ms", "latency_max_ms", "slippage_bps")
_LATENCY_MS_MAX: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """What a backtest assumes. Every one of these is in the report.

    Attributes:
        capital: Opening balance, settlement units.
        taker_rate: A fraction of the value; None means 0.001.
        maker_rate: The same.
        fill_at: An order sent in `on_bar` meets the "next_open" or the "close" of that bar.
        limit_fill: A waiting limit fills where the market goes "through" it, or at a "touch".
        latency_ms: A request's whole round trip. With bars and "next_open", an order that is sent at a close
            then misses the next open, and meets the one after it.
        latency_max_ms: Above 0 each round trip is drawn, from `latency_ms` to this.
        latencies: Recorded ones, as `read_latencies` reads them: a time in ns, the way to the venue and the
            way back in ms; the other two say nothing then.
        slippage_bps: By how many basis points a taker's price is worse than the book's.
        queue_model: Where an order that rests stands in a book of quotes or depth: "first" in line; or behind
            what the book showed, where what leaves without a trade had stood behind it ("risk_averse") or
            evenly around it ("probability").
        liquidation: Whether positions are liquidated.
        seed: Where chance starts.
        funding: A CSV file `time,symbol,rate,mark`; None means that there is none.
        instruments: Rules by symbol, as `set_exchange_config` takes them, where they are known.
        allow_gaps: Whether missing bars are counted; else the first is an error.
        round_prices: Whether prices off the tick grid are rounded to it, and counted; else one is an error.
        allow_disorder: Whether rows whose time goes back are left out and counted; else one is an error.
        bar_time: Whether files of bars state when a bar opens ("open") or closes ("close").
        stops_first: Whether a bar that holds both a stop and a target comes to the stop first.
        max_slots: How many trades may run at once; None means as many as the strategies ask for.
        spare_slots: Slots beside those, for orders that people send to a paper run.
        start_ns: What is before it is not played, UTC; None plays from the market's beginning.
        end_ns: What is at it or after it is not played; None plays to the market's end. A bar is played that
            opens at `start_ns` or later and closes at `end_ns` or before.
        warmup_before: Whether bars before `start_ns` are the warm-up, where the markets have them; nothing is
            traded on them. Else the first bars from `start_ns` on are.
    """

    capital: Decimal = Decimal(10_000)
    taker_rate: Decimal | None = None
    maker_rate: Decimal | None = None
    fill_at: Literal["next_open", "close"] = "next_open"
    limit_fill: Literal["through", "touch"] = "through"
    latency_ms: Decimal = Decimal(0)
    latency_max_ms: Decimal = Decimal(0)
    latencies: tuple[LatencyRow, ...] = ()
    slippage_bps: Decimal = Decimal(0)
    queue_model: Literal["first", "risk_averse", "probability"] = "first"
    liquidation: bool = True
    seed: int = 0
    funding: Path | None = None
    instruments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    allow_gaps: bool = False
    round_prices: bool = False
    stops_first: bool = False
    max_slots: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    # Not in the representation, which a run's id is made of: see `dita.backtest.identity`.
    warmup_before: bool = field(default=False, repr=False)
    # Nor these: only where they say something else than that.
    allow_disorder: bool = field(default=False, repr=False)
    bar_time: Literal["open", "close"] = field(default="open", repr=False)
    # Nor this: who trades by hand changes a run in more than its slots.
    spare_slots: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        """Check what stands alone.

        Raises:
            InvalidInput: A value cannot be; by name.
        """
        self._take_whole_numbers()
        if not self.capital.is_finite() or self.capital <= 0:
            raise refuse("capital", self.capital, "must be above zero")
        if self.fill_at not in ("next_open", "close"):
            raise refuse("fill_at", self.fill_at, "is neither next_open nor close")
        if self.limit_fill not in ("through", "touch"):
            raise refuse("limit_fill", self.limit_fill, "is neither through nor touch")
        if self.bar_time not in ("open", "close"):
            raise refuse("bar_time", self.bar_time, "is neither open nor close")
        if self.queue_model not in QUEUES:
            raise refuse("queue_model", self.queue_model, f"is none of {', '.join(QUEUES)}")
        self._check_ranges()
        if self.latency_max_ms and self.latency_max_ms < self.latency_ms:
            raise refuse("latency_max_ms", self.latency_max_ms, f"is below latency_ms {self.latency_ms}")
        if self.start_ns is not None and self.end_ns is not None and self.start_ns >= self.end_ns:
            raise refuse("end_ns", self.end_ns, f"must be after start_ns {self.start_ns}")

    @property
    def queue_position(self) -> bool:
        """Whether an order that rests waits behind what the book showed at its price."""
        return self.queue_model != "first"

    @property
    def reading(self) -> dict[str, Any]:
        """How market files are read, as `open_market` takes it."""
        return {
            "allow_gaps": self.allow_gaps,
            "allow_disorder": self.allow_disorder,
            "bar_time": self.bar_time,
        }

    @property
    def venue_models(self) -> dict[str, Any]:
        """Return the simulated venue's latency and queue settings besides the plain ones."""
        model = "probability" if self.queue_model == "probability" else "risk_averse"
        return {"latency_max_ms": self.latency_max_ms, "latencies": self.latencies, "queue_model": model}

    @property
    def latency_text(self) -> str:
        """The latency as a report states it."""
        if self.latencies:
            return f"as recorded, {len(self.latencies):,} samples"
        if self.latency_max_ms:
            return f"drawn from {self.latency_ms} to {self.latency_max_ms} ms for a request's round trip"
        return f"{self.latency_ms} ms for a request's round trip"

    def _take_whole_numbers(self) -> None:
        for name in _NUMBERS:
            given = getattr(self, name)
            if isinstance(given, int) and not isinstance(given, bool):
                object.__setattr__(self, name, Decimal(given))
            elif not (isinstance(given, Decimal) or (given is None and name.endswith("_rate"))):
                raise refuse(name, given, 'is neither a Decimal nor a whole number: write Decimal("0.5")')

    def _check_ranges(self) -> None:
        for name, rate in (("taker_rate", self.taker_rate), ("maker_rate", self.maker_rate)):
            if rate is not None and not (rate.is_finite() and abs(rate) < 1):
                raise refuse(name, rate, "must be a fraction of the value, above -1 and below 1")
        for name, amount, most in (
            ("latency_ms", self.latency_ms, _LATENCY_MS_MAX),
            ("latency_max_ms", self.latency_max_ms, _LATENCY_MS_MAX),
            ("slippage_bps", self.slippage_bps, 9_999),
            ("seed", Decimal(self.seed), 2**64 - 1),
        ):
            if not (amount.is_finite() and 0 <= amount <= most):
                raise refuse(name, getattr(self, name), f"must be from 0 to {most}")


def read_instruments(path: Path) -> dict[str, dict[str, Any]]:
    """Read instruments' rules from a JSON file: symbol to keys of `set_exchange_config`, decimals as text.

    Args:
        path: The file.

    Raises:
        InvalidInput: It cannot be read, or is no such file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise refuse("instruments", str(path), error.strerror or "cannot be read") from error
    except ValueError as error:
        raise refuse("instruments", str(path), f"is no JSON: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(one, dict) for one in content.values()):
        raise refuse("instruments", str(path), "must be an object of symbols, each with an object of rules")
    return content


def read_latencies(path: Path) -> tuple[LatencyRow, ...]:
    """Read recorded latencies: CSV `time,in_ms,back_ms`, oldest first; times as market files have them.

    Args:
        path: The file.

    Raises:
        InvalidInput: It cannot be read, or a row is wrong; by line and field.
    """
    rows: list[LatencyRow] = []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                rows.append(_latency_row(row, f"{path.name}, line {number}"))
                if len(rows) > 1 and rows[-1][0] < rows[-2][0]:
                    raise refuse(f"{path.name}, line {number}: time", row["time"], "is before the row above")
    except OSError as error:
        raise refuse("latency_file", str(path), error.strerror or "cannot be read") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise refuse("latency_file", str(path), f"is no CSV: {error}") from error
    if not rows:
        raise refuse("latency_file", str(path), "has no rows under a header time,in_ms,back_ms")
    return tuple(rows)


def _latency_row(row: Mapping[str, str | None], place: str) -> LatencyRow:
    def number(name: str) -> Decimal:
        text = row.get(name)
        try:
            value = Decimal(text or "")
        except InvalidOperation:
            raise refuse(f"{place}: {name}", text, "is no decimal") from None
        if not (value.is_finite() and 0 <= value <= _LATENCY_MS_MAX):
            raise refuse(f"{place}: {name}", text, f"must be from 0 to {_LATENCY_MS_MAX}")
        return value

    try:
        at = tick_time_ns(row.get("time") or "")
    except ValueError as error:
        raise refuse(f"{place}: time", row.get("time"), "is no time") from error
    return at, number("in_ms"), number("back_ms")


def rules_of(market: Market, given: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], str]:
    """Return an instrument's rules, and where they are from: given, bundled, or from the data.

    Args:
        market: The instrument's market.
        given: Rules that the user has named, by symbol.
    """
    if market.symbol in given:
        return dict(given[market.symbol]), "as given"
    if market.symbol in KNOWN:
        return dict(KNOWN[market.symbol]), "bundled table"
    tick, lot = tick_of(market), lot_of(market)
    assumed = " assumed" if lot == _LOT_DEFAULT else ""
    text = f"from the data: tick {tick}, lot {lot}{assumed}"
    rules: dict[str, Any] = {"tick_size": tick, "lot_step": lot}
    if not market.symbol.endswith(("USDT", "USDC", "USD")):
        rules.update(base=market.symbol, quote="USD", settle="USD")
    return rules, text


def tick_of(market: Market) -> str:
    """Return the finest step of the first 10,000 rows' prices.

    A price of 15 digits or more was written from a binary number: it says nothing of the step.

    Args:
        market: The market; it is read from its beginning.
    """
    places = max((_places(prices) for prices in map(_prices, islice(iter(market), _ROWS_READ))), default=0)
    return format(Decimal(1).scaleb(-places), "f")


def lot_of(market: Market) -> str:
    """Return the finest step of the first 10,000 quotes' and trades' sizes; nothing coarser than 0.0001.

    Whole sizes alone do not say that nothing smaller is traded. Bars' volumes say nothing: many are counted
    in the quote asset.

    Args:
        market: The market; it is read from its beginning.
    """
    if isinstance(next(iter(market), None), Bar):
        return _LOT_DEFAULT
    places = max((_places(sizes) for sizes in map(_sizes, islice(iter(market), _ROWS_READ))), default=0)
    finest = Decimal(1).scaleb(-places)
    return format(min(finest, Decimal(_LOT_DEFAULT)), "f")


def _sizes(event: object) -> Iterable[str]:
    if isinstance(event, Quote):
        return (size for size in (event.bid_size, event.ask_size) if size is not None)
    return (event.size,) if isinstance(event, Print) else ()


def _prices(event: object) -> Iterable[str]:
    if isinstance(event, Bar):
        return (event.open, event.high, event.low, event.close)
    if isinstance(event, Quote):
        return (event.bid, event.ask)
    price = getattr(event, "price", None)
    return () if price is None else (price,)


def _places(prices: Iterable[str]) -> int:
    plain = (price for price in prices if len(price) <= _DIGITS_MAX)
    return max((len(price.partition(".")[2].rstrip("0")) for price in plain), default=0)
