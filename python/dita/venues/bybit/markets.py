"""The market as Bybit tells it: instruments, bars, quotes, trades, marks. Without I/O."""

from decimal import Decimal
from typing import Any

from dita.errors import InvalidInput, shown
from dita.precision import plain
from dita.venues.bybit.requests import INTERVALS
from dita.venues.wire import reading
from dita.venues.wire.market import MarketEvent, VenueBar, VenueMark, VenueQuote, VenueTrade

_NAMES = {word: name for name, word in INTERVALS.items()}
_MINUTES = {"D": 1440}


def length_ns(word: str) -> int:
    """How long a bar is, by the venue's name of it."""
    minutes = _MINUTES.get(word) or int(word)
    return minutes * 60_000_000_000


class MarketReader:
    """Reads frames of the public stream; what a ticker's delta leaves out keeps its last value."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._tickers: dict[str, dict[str, Any]] = {}

    def cut(self) -> None:
        """Forget the tickers: the stream is gone, and begins with snapshots."""
        self._tickers.clear()

    def read(self, frame: object) -> list[MarketEvent]:
        """Read a frame; books are read elsewhere.

        Raises:
            InvalidInput: A field is missing, or is not what it has to be.
        """
        row = reading.record(frame, "frame")
        kind = str(row.get("topic", "")).partition(".")[0]
        match kind:
            case "kline":
                bars = reading.table(row.get("data"), "data")
                symbol = str(row["topic"]).rpartition(".")[2]
                return [_bar(bar, symbol) for bar in bars if bar.get("confirm") is True]
            case "publicTrade" | "trade":
                return [_trade(one) for one in reading.table(row.get("data"), "data")]
            case "orderbook":
                return self._quote(row)
            case "tickers":
                return self._mark(row)
        return []

    def _mark(self, row: dict[str, Any]) -> list[MarketEvent]:
        data = reading.record(row.get("data"), "data")
        symbol = reading.text(data, "symbol")
        before = {} if row.get("type") == "snapshot" else self._tickers.get(symbol, {})
        ticker = self._tickers[symbol] = before | data
        if reading.maybe(ticker, "markPrice") is None:
            return []
        return [read_ticker(ticker, reading.nanoseconds(row, "ts"))]

    def _quote(self, row: dict[str, Any]) -> list[MarketEvent]:
        """Best prices: of the depth of one, which is sent whole each time."""
        if not str(row["topic"]).startswith("orderbook.1."):
            return []
        data = reading.record(row.get("data"), "data")
        bids, asks = data.get("b"), data.get("a")
        if not (isinstance(bids, list) and isinstance(asks, list) and bids and asks):
            return []
        texts = tuple(str(one) for one in (*bids[0], *asks[0]))
        if len(texts) != 4:
            raise InvalidInput(f"data: expected a price and a size, got {shown(bids[0])}")
        return [VenueQuote(reading.text(data, "s"), reading.nanoseconds(row, "ts"), texts)]


def read_ticker(ticker: dict[str, Any], at_ns: int) -> VenueMark:
    """Read an instrument's mark and funding terms.

    Raises:
        InvalidInput: It has no mark price.
    """
    boundary = ticker.get("nextFundingTime")
    return VenueMark(
        reading.text(ticker, "symbol"),
        at_ns,
        reading.decimal(ticker, "markPrice"),
        reading.maybe(ticker, "fundingRate"),
        reading.nanoseconds(ticker, "nextFundingTime") if boundary not in {None, "", "0", 0} else None,
    )


def _bar(bar: dict[str, Any], symbol: str) -> VenueBar:
    word = reading.text(bar, "interval")
    open_ns = reading.nanoseconds(bar, "start")
    texts = tuple(reading.text(bar, name) for name in ("open", "high", "low", "close", "volume"))
    return VenueBar(symbol, _NAMES.get(word, word), open_ns, open_ns + length_ns(word), texts)  # type: ignore[arg-type]


def _trade(row: dict[str, Any]) -> VenueTrade:
    return VenueTrade(
        reading.text(row, "s"),
        reading.nanoseconds(row, "T"),
        reading.text(row, "p"),
        reading.text(row, "v"),
        # `S` is the taker's side.
        row.get("S") == "Sell",
    )


def read_klines(answer: object, symbol: str, interval: str, until_ns: int) -> list[VenueBar]:
    """Read bars, the oldest first; those that have not closed by a time are left out.

    Args:
        answer: `result` of `GET /v5/market/kline`: the newest first.
        symbol: Of which instrument.
        interval: Of which length.
        until_ns: The time.

    Raises:
        InvalidInput: A row is none.
    """
    rows = reading.record(answer, "kline").get("list")
    if not isinstance(rows, list):
        raise InvalidInput(f"list: expected a list, got {shown(rows)}")
    long_ns, bars = length_ns(INTERVALS[interval]), []
    for row in reversed(rows):
        if not isinstance(row, list) or len(row) < 6 or not all(isinstance(text, str) for text in row):
            raise InvalidInput(f"list: expected a row of a bar, got {shown(row)}")
        open_ns = reading.nanoseconds({"start": row[0]}, "start")
        if open_ns + long_ns <= until_ns:
            bars.append(VenueBar(symbol, interval, open_ns, open_ns + long_ns, tuple(row[1:6])))
    return bars


def read_instrument(answer: object, symbol: str) -> dict[str, Any]:
    """Read an instrument's rules as `set_exchange_config` takes them.

    Args:
        answer: `result` of `GET /v5/market/instruments-info`.
        symbol: Which.

    Raises:
        InvalidInput: It is not listed or not trading, or lacks its steps.
    """
    rows = reading.table(reading.record(answer, "instruments-info").get("list"), "list")
    row = next((one for one in rows if one.get("symbol") == symbol), None)
    if row is None:
        raise InvalidInput(f"symbol: {shown(symbol)} is not listed at Bybit linear")
    if row.get("status") != "Trading" or row.get("contractType") != "LinearPerpetual":
        what = f"{row.get('contractType')}, {row.get('status')}"
        raise InvalidInput(f"symbol: {shown(symbol)} is no perpetual that trades: {what}")
    price = reading.record(row.get("priceFilter"), "priceFilter")
    lot = reading.record(row.get("lotSizeFilter"), "lotSizeFilter")
    # One limit holds for all orders here, so the narrower of the venue's two counts.
    most = min(reading.decimal(lot, name) for name in ("maxOrderQty", "maxMktOrderQty") if lot.get(name))
    return {
        "base": reading.text(row, "baseCoin"), "quote": reading.text(row, "quoteCoin"),
        "settle": reading.text(row, "settleCoin"), "tick_size": plain(reading.decimal(price, "tickSize")),
        "lot_step": plain(reading.decimal(lot, "qtyStep")),
        "min_qty": plain(reading.decimal(lot, "minOrderQty")), "max_qty": format(most, "f"),
        "min_notional": format(reading.maybe(lot, "minNotionalValue") or Decimal(5), "f"),
    }  # fmt: skip


def read_tiers(answer: object, symbol: str) -> list[dict[str, str]]:
    """Read an instrument's margin by notional as `set_exchange_config` takes it, the lowest floor first.

    Args:
        answer: `result` of `GET /v5/market/risk-limit`: each row names the highest notional it holds for.
        symbol: Which.

    Raises:
        InvalidInput: It has none, or one that cannot be read.
    """
    rows = reading.table(reading.record(answer, "risk-limit").get("list"), "list")
    steps = sorted(
        (row for row in rows if row.get("symbol") == symbol),
        key=lambda row: reading.decimal(row, "riskLimitValue"),
    )
    if not steps:
        raise InvalidInput(f"risk-limit: nothing of {shown(symbol)}")
    floors = [Decimal(0), *(reading.decimal(row, "riskLimitValue") for row in steps)]
    return [
        {
            "notional_floor": format(floor, "f"),
            "maint_rate": format(reading.decimal(row, "maintenanceMargin"), "f"),
            "max_leverage": plain(reading.decimal(row, "maxLeverage")),
        }
        for floor, row in zip(floors, steps, strict=False)
    ]
