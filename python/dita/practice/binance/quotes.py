"""REST and stream forms of the market: instruments, depth, trades, bars, marks and funding."""

from decimal import Decimal
from typing import Any, Final

from dita.practice.binance import refusals
from dita.practice.binance.limits import Limits
from dita.practice.binance.request import BinanceRequest
from dita.practice.encoder import Refused
from dita.practice.market import (
    FUNDING_MS,
    HOUR_MS,
    MINUTE_MS,
    MadePrint,
    Market,
    MinuteBar,
    grouped,
    merge,
    next_funding_ms,
)
from dita.precision import plain

INTERVALS: Final = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480,
    "12h": 720, "1d": 1440,
}  # fmt: skip


def bars_of(market: Market, interval: str, start_ms: int, end_ms: int) -> list[MinuteBar]:
    """Return bars of an interval that begin in a time, the oldest first.

    Raises:
        Refused: There is no such interval.
    """
    if interval not in INTERVALS:
        raise Refused(-1120, "Invalid interval.")
    return grouped(market, INTERVALS[interval] * MINUTE_MS, start_ms, end_ms)


def bar_row(bar: MinuteBar, interval: str) -> list[Any]:
    """Write a bar as `GET /fapi/v1/klines` does."""
    close_ms = bar.open_ms + INTERVALS[interval] * MINUTE_MS - 1
    return [
        bar.open_ms, plain(bar.open), plain(bar.high), plain(bar.low), plain(bar.close), plain(bar.volume),
        close_ms, plain(bar.turnover), bar.prints, plain(bar.bought), plain(bar.bought_turnover), "0",
    ]  # fmt: skip


class Quotes:
    """The endpoints that need no key."""

    def __init__(self, markets: dict[str, Market], limits: Limits) -> None:
        """Serve markets."""
        self.markets = markets
        self.limits = limits

    def exchange_info(self, now_ms: int) -> dict[str, Any]:
        """GET /fapi/v1/exchangeInfo."""
        assets = dict.fromkeys(m.listing.quote for m in self.markets.values())
        return {
            "timezone": "UTC",
            "serverTime": now_ms,
            "futuresType": "U_MARGINED",
            "rateLimits": self.limits.described(),
            "exchangeFilters": [],
            "assets": [
                {"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"} for asset in assets
            ],
            "symbols": [self._symbol_info(market) for market in self.markets.values()],
        }

    def depth(self, asked: BinanceRequest, now_ms: int) -> dict[str, Any]:
        """GET /fapi/v1/depth."""
        market, limit = self._market(asked), asked.whole("limit", 500)
        return {
            "lastUpdateId": market.update_id,
            "E": now_ms,
            "T": now_ms,
            "bids": [[plain(price), plain(size)] for price, size in market.bids[:limit]],
            "asks": [[plain(price), plain(size)] for price, size in market.asks[:limit]],
        }

    def trades(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v1/trades."""
        return [
            {
                "id": made.number, "price": plain(made.price), "qty": plain(made.size),
                "quoteQty": plain(made.price * made.size), "time": made.time_ms, "isBuyerMaker": made.sold,
                "isRPITrade": False,
            }
            for made in list(self._market(asked).prints)[-asked.whole("limit", 500) :]
        ]  # fmt: skip

    def agg_trades(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v1/aggTrades."""
        start, end = asked.maybe("startTime"), asked.maybe("endTime")
        first = asked.maybe("fromId")
        rows = [
            made
            for made in self._market(asked).prints
            if (start is None or made.time_ms >= start)
            and (end is None or made.time_ms <= end)
            and (first is None or made.number >= first)
        ]
        limit = min(asked.whole("limit", 500), 1_000)
        chosen = rows[:limit] if start is not None or first is not None else rows[-limit:]
        return [agg_trade(made) for made in chosen]

    def klines(self, asked: BinanceRequest, now_ms: int) -> list[list[Any]]:
        """GET /fapi/v1/klines."""
        market, interval = self._market(asked), asked.text("interval")
        limit = min(asked.whole("limit", 500), 1_500)
        start, end = asked.maybe("startTime"), asked.maybe("endTime")
        bars = bars_of(market, interval, start or 0, (end if end is not None else now_ms) + 1)
        return [bar_row(bar, interval) for bar in (bars[:limit] if start else bars[-limit:])]

    def mark_klines(self, asked: BinanceRequest, now_ms: int) -> list[list[Any]]:
        """GET /fapi/v1/markPriceKlines: the trades' bars, without volumes."""
        rows = self.klines(asked, now_ms)
        return [[*row[:5], "0", row[6], "0", row[8], "0", "0", "0"] for row in rows]

    def premium_index(self, asked: BinanceRequest, now_ms: int) -> Any:  # noqa: ANN401 - one, or a list of all
        """GET /fapi/v1/premiumIndex."""
        rows = [
            {
                "symbol": market.listing.symbol, "markPrice": plain(market.mark),
                "indexPrice": plain(market.mark), "estimatedSettlePrice": plain(market.mark),
                "lastFundingRate": plain(market.funding_rate), "interestRate": "0.00010000",
                "nextFundingTime": next_funding_ms(now_ms), "time": now_ms,
            }
            for market in self._chosen(asked)
        ]  # fmt: skip
        return rows[0] if "symbol" in asked.values else rows

    def funding_rate(self, asked: BinanceRequest, now_ms: int) -> list[dict[str, Any]]:
        """GET /fapi/v1/fundingRate: the last two days' boundaries, all at today's rate."""
        last = next_funding_ms(now_ms) - FUNDING_MS
        start, end = asked.whole("startTime", 0), asked.whole("endTime", now_ms)
        return [
            {
                "symbol": market.listing.symbol, "fundingRate": plain(market.funding_rate),
                "fundingTime": at_ms, "markPrice": plain(market.mark),
            }
            for market in self._chosen(asked)
            for at_ms in range(last - 5 * FUNDING_MS, last + 1, FUNDING_MS)
            if start <= at_ms <= end
        ]  # fmt: skip

    def funding_info(self) -> list[dict[str, Any]]:
        """GET /fapi/v1/fundingInfo."""
        return [
            {
                "symbol": symbol, "adjustedFundingRateCap": "0.02", "adjustedFundingRateFloor": "-0.02",
                "fundingIntervalHours": 8, "disclaimer": False, "updateTime": None,
            }
            for symbol in self.markets
        ]  # fmt: skip

    def ticker_day(self, asked: BinanceRequest, now_ms: int) -> Any:  # noqa: ANN401 - one, or a list of all
        """GET /fapi/v1/ticker/24hr."""
        rows = [self.day(market, now_ms) for market in self._chosen(asked)]
        return rows[0] if "symbol" in asked.values else rows

    def ticker_price(self, asked: BinanceRequest, now_ms: int) -> Any:  # noqa: ANN401 - one, or a list of all
        """GET /fapi/v1/ticker/price."""
        rows = [
            {"symbol": market.listing.symbol, "price": plain(market.last), "time": now_ms}
            for market in self._chosen(asked)
        ]
        return rows[0] if "symbol" in asked.values else rows

    def ticker_book(self, asked: BinanceRequest, now_ms: int) -> Any:  # noqa: ANN401 - one, or a list of all
        """GET /fapi/v1/ticker/bookTicker."""
        rows = [
            {
                "symbol": market.listing.symbol, "bidPrice": plain(market.bids[0][0]),
                "bidQty": plain(market.bids[0][1]), "askPrice": plain(market.asks[0][0]),
                "askQty": plain(market.asks[0][1]), "time": now_ms, "lastUpdateId": market.update_id,
            }
            for market in self._chosen(asked)
        ]  # fmt: skip
        return rows[0] if "symbol" in asked.values else rows

    def open_interest(self, asked: BinanceRequest, now_ms: int) -> dict[str, Any]:
        """GET /fapi/v1/openInterest."""
        return {"openInterest": "10659.509", "symbol": self._market(asked).listing.symbol, "time": now_ms}

    def day(self, market: Market, now_ms: int) -> dict[str, Any]:
        """Write an instrument's last day."""
        bars = market.lately(24 * HOUR_MS, now_ms)
        whole = merge(bars, bars[0].open_ms)
        return {
            "symbol": market.listing.symbol, "priceChange": plain(market.last - whole.open),
            "priceChangePercent": plain(((market.last / whole.open - 1) * 100).quantize(Decimal("0.001"))),
            "weightedAvgPrice": plain((whole.turnover / whole.volume).quantize(market.listing.tick)),
            "lastPrice": plain(market.last),
            "lastQty": plain(market.prints[-1].size) if market.prints else "0",
            "openPrice": plain(whole.open), "highPrice": plain(whole.high), "lowPrice": plain(whole.low),
            "volume": plain(whole.volume), "quoteVolume": plain(whole.turnover),
            "openTime": whole.open_ms, "closeTime": now_ms, "firstId": 1, "lastId": market.made,
            "count": whole.prints,
        }  # fmt: skip

    def _market(self, asked: BinanceRequest) -> Market:
        market = self.markets.get(asked.text("symbol"))
        if market is None:
            raise refusals.unknown_symbol()
        return market

    def _chosen(self, asked: BinanceRequest) -> list[Market]:
        return [self._market(asked)] if "symbol" in asked.values else list(self.markets.values())

    def _symbol_info(self, market: Market) -> dict[str, Any]:
        listing = market.listing
        places = -int(listing.tick.normalize().as_tuple().exponent)
        lots = -int(listing.lot.normalize().as_tuple().exponent)
        return {
            "symbol": listing.symbol,
            "pair": listing.symbol,
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "onboardDate": 1569398400000,
            "status": "TRADING",
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": listing.base,
            "quoteAsset": listing.quote,
            "marginAsset": listing.quote,
            "pricePrecision": max(0, places),
            "quantityPrecision": max(0, lots),
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "underlyingSubType": ["PoW"],
            "triggerProtect": "0.0500",
            "liquidationFee": "0.012500",
            "marketTakeBound": "0.05",
            "maxMoveOrderLimit": 10000,
            "filters": [
                {
                    "filterType": "PRICE_FILTER", "minPrice": plain(listing.tick), "maxPrice": "4529764",
                    "tickSize": plain(listing.tick),
                },
                {
                    "filterType": "LOT_SIZE", "minQty": plain(listing.lot), "maxQty": plain(listing.max_qty),
                    "stepSize": plain(listing.lot),
                },
                {
                    "filterType": "MARKET_LOT_SIZE", "minQty": plain(listing.lot),
                    "maxQty": plain(listing.market_max_qty), "stepSize": plain(listing.lot),
                },
                {"filterType": "MAX_NUM_ORDERS", "limit": listing.max_open_orders},
                {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": listing.max_open_stops},
                {"filterType": "MIN_NOTIONAL", "notional": plain(listing.min_notional)},
                {
                    "filterType": "PERCENT_PRICE", "multiplierUp": str(listing.band[1]),
                    "multiplierDown": str(listing.band[0]),
                    "multiplierDecimal": "4",
                },
            ],
            "orderTypes": [
                "LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET",
            ],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
            "permissionSets": ["GRID", "COPY"],
        }  # fmt: skip


def agg_trade(made: MadePrint) -> dict[str, Any]:
    """Write a trade of others as `aggTrades` does."""
    return {
        "a": made.number, "p": plain(made.price), "q": plain(made.size), "f": made.number, "l": made.number,
        "T": made.time_ms, "m": made.sold,
    }  # fmt: skip
