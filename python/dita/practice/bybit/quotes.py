"""REST: the market."""

from decimal import Decimal
from typing import Any, Final

from dita.practice.bybit import refusals
from dita.practice.bybit.refusals import wrong
from dita.practice.bybit.request import BybitRequest
from dita.practice.bybit.wallet import RISK_LIMITS
from dita.practice.market import (
    FUNDING_MS,
    HOUR_MS,
    MINUTE_MS,
    Market,
    MinuteBar,
    grouped,
    merge,
    next_funding_ms,
)
from dita.precision import plain

#: The venue's names of the bars' lengths, in minutes.
INTERVALS: Final = {
    "1": 1, "3": 3, "5": 5, "15": 15, "30": 30, "60": 60, "120": 120, "240": 240, "360": 360, "720": 720,
    "D": 1440,
}  # fmt: skip


def bars_of(market: Market, interval: str, start_ms: int, end_ms: int) -> list[MinuteBar]:
    """Return bars of an interval that begin in a time, the oldest first.

    Raises:
        Refused: There is no such interval.
    """
    if interval not in INTERVALS:
        raise wrong("interval")
    return grouped(market, INTERVALS[interval] * MINUTE_MS, start_ms, end_ms)


class Quotes:
    """The endpoints that need no key."""

    def __init__(self, markets: dict[str, Market]) -> None:
        """Serve markets."""
        self.markets = markets

    def instruments(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/market/instruments-info."""
        rows = [self._instrument(market) for market in self._chosen(asked)]
        return {"category": asked.text("category"), "list": rows, "nextPageCursor": ""}

    def depth(self, asked: BybitRequest, now_ms: int) -> dict[str, Any]:
        """GET /v5/market/orderbook."""
        return book_of(self._market(asked), asked.whole("limit", 25)) | {"ts": now_ms, "cts": now_ms}

    def trades(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/market/recent-trade, the newest first."""
        symbol = asked.text("symbol")
        rows = [
            {
                "execId": f"{made.number}", "symbol": symbol, "price": plain(made.price),
                "size": plain(made.size), "side": "Sell" if made.sold else "Buy", "time": str(made.time_ms),
                "isBlockTrade": False, "isRPITrade": False,
            }
            for made in list(self._market(asked).prints)[-asked.whole("limit", 500) :][::-1]
        ]  # fmt: skip
        return {"category": "linear", "list": rows}

    def klines(self, asked: BybitRequest, now_ms: int) -> dict[str, Any]:
        """GET /v5/market/kline: the newest first, and the newest where there are more than asked for."""
        market, interval = self._market(asked), asked.text("interval")
        start, end = asked.whole("start", 0), asked.whole("end", now_ms)
        bars = bars_of(market, interval, start, end + 1)[-min(asked.whole("limit", 200), 1_000) :]
        rows = [
            [
                str(bar.open_ms), plain(bar.open), plain(bar.high), plain(bar.low), plain(bar.close),
                plain(bar.volume), plain(bar.turnover),
            ]
            for bar in reversed(bars)
        ]  # fmt: skip
        return {"symbol": market.listing.symbol, "category": "linear", "list": rows}

    def mark_klines(self, asked: BybitRequest, now_ms: int) -> dict[str, Any]:
        """GET /v5/market/mark-price-kline: the trades' bars, without volumes."""
        said = self.klines(asked, now_ms)
        return {**said, "list": [row[:5] for row in said["list"]]}

    def tickers(self, asked: BybitRequest, now_ms: int) -> dict[str, Any]:
        """GET /v5/market/tickers."""
        asked.check_linear()
        rows = [self.ticker(market, now_ms) for market in self._chosen(asked)]
        return {"category": asked.text("category"), "list": rows}

    def funding_history(self, asked: BybitRequest, now_ms: int) -> dict[str, Any]:
        """GET /v5/market/funding/history: the last two days' boundaries, all at today's rate."""
        market, last = self._market(asked), next_funding_ms(now_ms) - FUNDING_MS
        start, end = asked.whole("startTime", 0), asked.whole("endTime", now_ms)
        if asked.maybe("startTime") and not asked.maybe("endTime"):
            raise wrong("endTime")
        rows = [
            {
                "symbol": market.listing.symbol, "fundingRate": plain(market.funding_rate),
                "fundingRateTimestamp": str(at_ms),
            }
            for at_ms in range(last, last - 6 * FUNDING_MS, -FUNDING_MS)
            if start <= at_ms <= end
        ]  # fmt: skip
        return {"category": "linear", "list": rows[: asked.whole("limit", 200)]}

    def risk_limits(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/market/risk-limit."""
        rows = [
            {
                "id": number, "symbol": market.listing.symbol, "riskLimitValue": value,
                "maintenanceMargin": maintenance, "initialMargin": initial, "isLowestRisk": int(number == 1),
                "maxLeverage": most, "mmDeduction": "",
            }
            for market in self._chosen(asked)
            for number, (value, maintenance, initial, most) in enumerate(RISK_LIMITS, 1)
        ]  # fmt: skip
        return {"category": "linear", "list": rows, "nextPageCursor": ""}

    def ticker(self, market: Market, now_ms: int) -> dict[str, str]:
        """Write an instrument's last day, mark and funding."""
        bars = market.lately(24 * HOUR_MS, now_ms)
        whole, (bid, ask) = merge(bars, bars[0].open_ms), (market.bids[0], market.asks[0])
        return {
            "symbol": market.listing.symbol, "tickDirection": "PlusTick",
            "price24hPcnt": plain((market.last / whole.open - 1).quantize(Decimal("1e-6"))),
            "lastPrice": plain(market.last), "prevPrice24h": plain(whole.open),
            "highPrice24h": plain(whole.high), "lowPrice24h": plain(whole.low),
            "prevPrice1h": plain(market.lately(HOUR_MS, now_ms)[0].open),
            "markPrice": plain(market.mark), "indexPrice": plain(market.mark), "openInterest": "10659.509",
            "openInterestValue": plain(Decimal("10659.509") * market.mark),
            "turnover24h": plain(whole.turnover), "volume24h": plain(whole.volume),
            "nextFundingTime": str(next_funding_ms(now_ms)), "fundingRate": plain(market.funding_rate),
            "fundingIntervalHour": "8", "bid1Price": plain(bid[0]), "bid1Size": plain(bid[1]),
            "ask1Price": plain(ask[0]), "ask1Size": plain(ask[1]),
        }  # fmt: skip

    def _market(self, asked: BybitRequest) -> Market:
        market = self.markets.get(asked.text("symbol"))
        if market is None or asked.text("category") != "linear":
            raise refusals.of_order("UNKNOWN_SYMBOL")
        return market

    def _chosen(self, asked: BybitRequest) -> list[Market]:
        return [self._market(asked)] if asked.maybe("symbol") else list(self.markets.values())

    def _instrument(self, market: Market) -> dict[str, Any]:
        listing = market.listing
        places = max(0, -int(listing.tick.normalize().as_tuple().exponent))
        return {
            "symbol": listing.symbol, "contractType": "LinearPerpetual", "status": "Trading",
            "baseCoin": listing.base, "quoteCoin": listing.quote, "launchTime": "1585526400000",
            "deliveryTime": "0", "deliveryFeeRate": "", "priceScale": str(places),
            "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
            "priceFilter": {
                "minPrice": plain(listing.tick), "maxPrice": "1999999.80", "tickSize": plain(listing.tick),
            },
            "lotSizeFilter": {
                "maxOrderQty": plain(listing.max_qty), "minOrderQty": plain(listing.lot),
                "qtyStep": plain(listing.lot), "postOnlyMaxOrderQty": plain(listing.max_qty),
                "maxMktOrderQty": plain(listing.market_max_qty),
                "minNotionalValue": plain(listing.min_notional),
            },
            "unifiedMarginTrade": True, "fundingInterval": 480, "settleCoin": listing.quote,
            "copyTrading": "none", "upperFundingRate": "0.00375", "lowerFundingRate": "-0.00375",
            "isPreListing": False, "preListingInfo": None, "symbolType": "",
        }  # fmt: skip


def book_of(market: Market, levels: int) -> dict[str, Any]:
    """Write the depth as it is now."""
    return {
        "s": market.listing.symbol,
        "b": [[plain(price), plain(size)] for price, size in market.bids[:levels]],
        "a": [[plain(price), plain(size)] for price, size in market.asks[:levels]],
        "u": market.update_id,
        "seq": market.update_id,
    }
