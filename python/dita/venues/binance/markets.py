"""The market as the venue tells it: instruments, bars, quotes, trades, marks. Without I/O."""

from collections.abc import Iterable, Mapping
from typing import Any

from dita.errors import InvalidInput, shown
from dita.precision import plain
from dita.venues.wire import reading
from dita.venues.wire.market import MarketEvent, VenueBar, VenueMark, VenueQuote, VenueTrade
from dita.venues.wire.reading import MS


def read_market(frame: object) -> MarketEvent | None:
    """Read a frame of a market stream.

    Args:
        frame: Its JSON.

    Returns:
        What it says; None where it is nothing that is used, as a bar that has not closed.

    Raises:
        InvalidInput: A field is missing, or is not what it has to be.
    """
    row = reading.record(frame, "frame")
    if "data" in row:
        row = reading.record(row["data"], "data")
    match row.get("e"):
        case "kline":
            bar = reading.record(row.get("k"), "k")
            if bar.get("x") is not True:
                return None
            texts = tuple(reading.text(bar, name) for name in ("o", "h", "l", "c", "v"))
            return VenueBar(
                reading.text(row, "s"),
                reading.text(bar, "i"),
                reading.nanoseconds(bar, "t"),
                reading.nanoseconds(bar, "T") + MS,
                texts,  # type: ignore[arg-type]
            )
        case "bookTicker":
            quote = tuple(reading.text(row, name) for name in ("b", "B", "a", "A"))
            return VenueQuote(reading.text(row, "s"), reading.nanoseconds(row, "T", "E"), quote)  # type: ignore[arg-type]
        case "aggTrade" | "trade":
            return VenueTrade(
                reading.text(row, "s"),
                reading.nanoseconds(row, "T", "E"),
                reading.text(row, "p"),
                reading.text(row, "q"),
                row.get("m") is True,
                _number(row.get("a", row.get("t"))),
            )
        case "markPriceUpdate":
            # A rate that is empty, and a boundary of 0, are those of a contract without funding.
            return VenueMark(
                reading.text(row, "s"),
                reading.nanoseconds(row, "E"),
                reading.decimal(row, "p"),
                reading.maybe(row, "r"),
                reading.nanoseconds(row, "T") if row.get("T") else None,
            )
    return None


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def read_klines(rows: object, symbol: str, interval: str, until_ns: int) -> list[VenueBar]:
    """Read bars, the oldest first; those that have not closed by a time are left out.

    Args:
        rows: The answer of `GET /fapi/v1/klines`.
        symbol: Of which instrument.
        interval: Of which length.
        until_ns: The time.

    Raises:
        InvalidInput: A row is none.
    """
    if not isinstance(rows, list):
        raise InvalidInput(f"klines: expected a list, got {shown(rows)}")
    bars = []
    for row in rows:
        if not isinstance(row, list) or len(row) < 7 or not all(isinstance(text, str) for text in row[1:6]):
            raise InvalidInput(f"klines: expected a row of a bar, got {shown(row)}")
        open_ns, close_ns = int(row[0]) * MS, (int(row[6]) + 1) * MS
        if close_ns <= until_ns:
            bars.append(VenueBar(symbol, interval, open_ns, close_ns, tuple(row[1:6])))
    return bars


def read_instruments(answer: object, symbols: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read instruments' rules as `set_exchange_config` takes them.

    Args:
        answer: Of `GET /fapi/v1/exchangeInfo`.
        symbols: Which.

    Raises:
        InvalidInput: One is not listed or not trading, or lacks its steps.
    """
    listed = {
        reading.text(row, "symbol"): row
        for row in reading.table(reading.record(answer, "exchangeInfo").get("symbols"), "symbols")
    }
    found = {}
    for symbol in symbols:
        row = listed.get(symbol)
        if row is None:
            raise InvalidInput(f"symbol: {shown(symbol)} is not listed at Binance USD-M")
        if row.get("status") != "TRADING" or row.get("contractType") != "PERPETUAL":
            what = f"{row.get('contractType')}, {row.get('status')}"
            raise InvalidInput(f"symbol: {shown(symbol)} is no perpetual that trades: {what}")
        filters = {one.get("filterType"): one for one in reading.table(row.get("filters"), "filters")}
        price, lot = filters.get("PRICE_FILTER", {}), filters.get("LOT_SIZE", {})
        least, most = filters.get("MIN_NOTIONAL", {}), reading.decimal(lot, "maxQty")
        found[symbol] = {
            "base": reading.text(row, "baseAsset"),
            "quote": reading.text(row, "quoteAsset"),
            "settle": reading.text(row, "marginAsset"),
            "tick_size": plain(reading.decimal(price, "tickSize")),
            "lot_step": plain(reading.decimal(lot, "stepSize")),
            "min_qty": plain(reading.decimal(lot, "minQty")),
            "max_qty": format(most, "f"),
            "min_notional": format(reading.decimal(least, "notional"), "f"),
            **_bounds(filters),
        }
    return found


def _bounds(filters: Mapping[object, dict[str, Any]]) -> dict[str, Any]:
    """What the venue bounds of orders beside their grid, as far as it says; 0 and less means nothing."""
    bounds: dict[str, Any] = {}
    market, band = filters.get("MARKET_LOT_SIZE"), filters.get("PERCENT_PRICE")
    if market is not None and (most := reading.positive(market, "maxQty")) is not None:
        bounds["market_max_qty"] = format(most, "f")
    if band is not None:
        ends = (reading.decimal(band, name) for name in ("multiplierDown", "multiplierUp"))
        bounds["price_band"] = tuple(format(end, "f") for end in ends)
    for name, kind in (("max_open_orders", "MAX_NUM_ORDERS"), ("max_open_stops", "MAX_NUM_ALGO_ORDERS")):
        count = filters.get(kind, {}).get("limit")
        if isinstance(count, int) and count > 0:
            bounds[name] = count
    return bounds


def read_tiers(answer: object, symbol: str) -> list[dict[str, str]]:
    """Read an instrument's margin by notional as `set_exchange_config` takes it, the lowest floor first.

    Args:
        answer: Of `GET /fapi/v1/leverageBracket`; of one instrument it may be no list.
        symbol: Which.

    Raises:
        InvalidInput: It has none, or one that cannot be read.
    """
    rows = [answer] if isinstance(answer, dict) else reading.table(answer, "leverageBracket")
    steps = [
        step
        for row in rows
        if row.get("symbol") == symbol
        for step in reading.table(row.get("brackets"), "brackets")
    ]
    if not steps:
        raise InvalidInput(f"leverageBracket: nothing of {shown(symbol)}")
    steps.sort(key=lambda step: reading.decimal(step, "notionalFloor"))
    return [
        {
            "notional_floor": format(reading.decimal(step, "notionalFloor"), "f"),
            "maint_rate": format(reading.decimal(step, "maintMarginRatio"), "f"),
            "max_leverage": format(reading.decimal(step, "initialLeverage"), "f"),
        }
        for step in steps
    ]
