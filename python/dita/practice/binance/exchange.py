"""Binance's exchange without its sockets: requests in, answers and frames out, on a clock that is given."""

import secrets
from collections.abc import Callable
from typing import Any, Final

from dita.practice.binance import frames, refusals
from dita.practice.binance.encoder import BinanceEncoder
from dita.practice.binance.limits import Limits
from dita.practice.binance.quotes import Quotes
from dita.practice.binance.request import BinanceRequest
from dita.practice.binance.streams import MarketStreams, UserSession
from dita.practice.binance.trading import Trading
from dita.practice.binance.wallet import Wallet
from dita.practice.encoder import Frame, Refused
from dita.practice.exchange import Answer, Exchange, Session, Terms
from dita.practice.faults import HOUR_MS
from dita.practice.market import MadePrint, Market

_KEY_LIFE_MS: Final = HOUR_MS
_ORDER_PATHS: Final = {("POST", "/fapi/v1/order"), ("PUT", "/fapi/v1/order"), ("POST", "/fapi/v1/algoOrder")}
_KINDS: Final = {"POST": "place", "PUT": "amend", "DELETE": "cancel", "GET": "query"}

Endpoint = tuple[Callable[[BinanceRequest], Any], int, bool]


class BinanceExchange(Exchange):
    """One exchange with one account."""

    def __init__(self, terms: Terms, clock_ns: Callable[[], int]) -> None:
        """Open it.

        Args:
            terms: How.
            clock_ns: The true time, nanoseconds.
        """
        self.keys: dict[str, int] = {}
        super().__init__(terms, clock_ns, BinanceEncoder())
        self.limits = Limits()
        self.trading = Trading(self)
        self.wallet = Wallet(self.account, self.faults, can_withdraw=terms.can_withdraw)
        self.quotes = Quotes(self.markets, self.limits)
        self.streams = MarketStreams(self.quotes)
        self._endpoints = self._table()

    # --------------------------------------------------------------------------------------------- requests

    def answer(self, asked: BinanceRequest) -> Answer:
        """Answer a request.

        Args:
            asked: The request.

        Returns:
            Status, body and headers; `cut` to cut the connection instead.
        """
        now_ms = self.now_ms()
        headers: dict[str, str] = {}
        self.received.append((asked.method, asked.path))
        is_order = (asked.method, asked.path) in _ORDER_PATHS
        try:
            endpoint = self._endpoints.get((asked.method, asked.path))
            if endpoint is None:
                return Answer(
                    404, {"code": -5000, "msg": f"Path {asked.path}, Method {asked.method} is invalid"}
                )
            call, weight, signed = endpoint
            headers = self._count(asked, weight, int(is_order), now_ms)
            if signed or asked.path == "/fapi/v1/listenKey":
                self._check_key(asked)
            if signed:
                asked.check_signature(self.terms.api_secret, now_ms)
            one_order = asked.path in {"/fapi/v1/order", "/fapi/v1/algoOrder"}
            kind = _KINDS[asked.method] if one_order else ""
            body = self.carried_out(lambda: call(asked), asked, kind, is_order=is_order)
            return body if isinstance(body, Answer) else Answer(200, body, headers)
        except Refused as refused:
            if refused.retry_after_s is not None:
                headers["Retry-After"] = str(refused.retry_after_s)
            return Answer(refused.status, refusals.body_of(refused), headers)

    def _weight(self, asked: BinanceRequest, weight: int) -> int:
        everything = {"/fapi/v1/openOrders", "/fapi/v1/openAlgoOrders"}
        return 40 if asked.path in everything and "symbol" not in asked.values else weight

    def _count(self, asked: BinanceRequest, weight: int, orders: int, now_ms: int) -> dict[str, str]:
        if self.faults.spend("rate_limited"):
            raise Refused(-1003, "Too many requests.", status=429, retry_after_s=1)
        return self.limits.take(self._weight(asked, weight), orders, now_ms)

    def _check_key(self, asked: BinanceRequest) -> None:
        if not asked.key:
            raise Refused(-2014, "API-key format invalid.", status=401)
        if asked.key != self.terms.api_key:
            raise Refused(-2015, "Invalid API-key, IP, or permissions for action.", status=401)

    def _listen_key(self, asked: BinanceRequest) -> dict[str, Any]:
        now_ms = self.now_ms()
        alive = [key for key, until_ms in self.keys.items() if until_ms > now_ms]
        match asked.method:
            case "POST":
                key = alive[0] if alive else secrets.token_hex(32)
            case "PUT":
                if not alive:
                    raise Refused(-1125, "This listenKey does not exist.")
                key = alive[0]
            case _:
                for known in alive:
                    self.end_key(known, reported=False)
                return {}
        self.keys[key] = now_ms + _KEY_LIFE_MS
        return {"listenKey": key}

    def _table(self) -> dict[tuple[str, str], Endpoint]:
        trading, wallet, quotes = self.trading, self.wallet, self.quotes

        def timed(call: Callable[[BinanceRequest, int], Any]) -> Callable[[BinanceRequest], Any]:
            return lambda asked: call(asked, self.now_ms())

        # Method, path: endpoint, weight, whether it is signed.
        return {
            ("GET", "/fapi/v1/ping"): (lambda _: {}, 1, False),
            ("GET", "/fapi/v1/time"): (lambda _: {"serverTime": self.now_ms()}, 1, False),
            ("GET", "/fapi/v1/exchangeInfo"): (lambda _: quotes.exchange_info(self.now_ms()), 1, False),
            ("GET", "/fapi/v1/depth"): (timed(quotes.depth), 5, False),
            ("GET", "/fapi/v1/trades"): (quotes.trades, 5, False),
            ("GET", "/fapi/v1/aggTrades"): (quotes.agg_trades, 20, False),
            ("GET", "/fapi/v1/klines"): (timed(quotes.klines), 5, False),
            ("GET", "/fapi/v1/markPriceKlines"): (timed(quotes.mark_klines), 5, False),
            ("GET", "/fapi/v1/premiumIndex"): (timed(quotes.premium_index), 1, False),
            ("GET", "/fapi/v1/fundingRate"): (timed(quotes.funding_rate), 0, False),
            ("GET", "/fapi/v1/fundingInfo"): (lambda _: quotes.funding_info(), 0, False),
            ("GET", "/fapi/v1/ticker/24hr"): (timed(quotes.ticker_day), 1, False),
            ("GET", "/fapi/v1/ticker/price"): (timed(quotes.ticker_price), 1, False),
            ("GET", "/fapi/v2/ticker/price"): (timed(quotes.ticker_price), 1, False),
            ("GET", "/fapi/v1/ticker/bookTicker"): (timed(quotes.ticker_book), 2, False),
            ("GET", "/fapi/v1/openInterest"): (timed(quotes.open_interest), 1, False),
            ("POST", "/fapi/v1/listenKey"): (self._listen_key, 1, False),
            ("PUT", "/fapi/v1/listenKey"): (self._listen_key, 1, False),
            ("DELETE", "/fapi/v1/listenKey"): (self._listen_key, 1, False),
            ("POST", "/fapi/v1/order"): (trading.place, 0, True),
            ("POST", "/fapi/v1/order/test"): (trading.test, 0, True),
            ("PUT", "/fapi/v1/order"): (trading.amend, 1, True),
            ("DELETE", "/fapi/v1/order"): (trading.cancel, 1, True),
            ("POST", "/fapi/v1/batchOrders"): (trading.place_batch, 5, True),
            ("DELETE", "/fapi/v1/batchOrders"): (trading.cancel_batch, 1, True),
            ("DELETE", "/fapi/v1/allOpenOrders"): (trading.cancel_all, 1, True),
            ("GET", "/fapi/v1/order"): (trading.order, 1, True),
            ("GET", "/fapi/v1/openOrder"): (trading.open_order, 1, True),
            ("GET", "/fapi/v1/openOrders"): (trading.open_orders, 1, True),
            ("GET", "/fapi/v1/allOrders"): (trading.all_orders, 5, True),
            ("GET", "/fapi/v1/userTrades"): (trading.user_trades, 5, True),
            ("GET", "/fapi/v1/forceOrders"): (trading.force_orders, 20, True),
            ("POST", "/fapi/v1/algoOrder"): (trading.place_algo, 0, True),
            ("DELETE", "/fapi/v1/algoOrder"): (trading.cancel_algo, 1, True),
            ("GET", "/fapi/v1/algoOrder"): (trading.algo_order, 1, True),
            ("GET", "/fapi/v1/openAlgoOrders"): (trading.open_algo_orders, 1, True),
            ("GET", "/fapi/v1/allAlgoOrders"): (trading.all_algo_orders, 5, True),
            ("DELETE", "/fapi/v1/algoOpenOrders"): (trading.cancel_all_algo, 1, True),
            ("POST", "/fapi/v1/countdownCancelAll"): (wallet.countdown, 10, True),
            ("GET", "/fapi/v2/balance"): (wallet.balance, 5, True),
            ("GET", "/fapi/v3/balance"): (wallet.balance, 5, True),
            ("GET", "/fapi/v2/account"): (wallet.account_info, 5, True),
            ("GET", "/fapi/v3/account"): (wallet.account_info, 5, True),
            ("GET", "/fapi/v1/accountConfig"): (wallet.account_config, 5, True),
            ("GET", "/fapi/v2/positionRisk"): (wallet.position_risk, 5, True),
            ("GET", "/fapi/v3/positionRisk"): (wallet.position_risk, 5, True),
            ("GET", "/fapi/v1/income"): (wallet.income, 30, True),
            ("POST", "/fapi/v1/leverage"): (wallet.leverage, 1, True),
            ("POST", "/fapi/v1/marginType"): (wallet.margin_type, 1, True),
            ("POST", "/fapi/v1/positionMargin"): (wallet.position_margin, 1, True),
            ("GET", "/fapi/v1/apiTradingStatus"): (wallet.trading_status, 1, True),
            ("GET", "/fapi/v1/positionSide/dual"): (wallet.position_mode, 30, True),
            ("POST", "/fapi/v1/positionSide/dual"): (wallet.position_mode, 1, True),
            ("GET", "/fapi/v1/multiAssetsMargin"): (wallet.multi_assets_mode, 30, True),
            ("POST", "/fapi/v1/multiAssetsMargin"): (wallet.multi_assets_mode, 1, True),
            ("GET", "/fapi/v1/feeBurn"): (wallet.burn, 30, True),
            ("POST", "/fapi/v1/feeBurn"): (wallet.burn, 1, True),
            ("GET", "/fapi/v1/commissionRate"): (wallet.commission, 20, True),
            ("GET", "/fapi/v1/leverageBracket"): (wallet.brackets, 1, True),
            ("GET", "/fapi/v1/symbolConfig"): (wallet.symbol_config, 5, True),
            ("GET", "/fapi/v1/adlQuantile"): (wallet.adl_quantile, 5, True),
            ("GET", "/sapi/v1/account/apiRestrictions"): (wallet.key_rights, 1, True),
        }

    def failed(self, status: int, code: int, words: str) -> Answer:
        """An error."""
        return Answer(status, {"code": code, "msg": words})

    def overloaded(self, *, executed: bool) -> Answer:
        """503, with words that say whether it was executed: "Unknown" does not."""
        if executed:
            text = "Unknown error, please check your request or try again later."
            return self.failed(503, -1000, text)
        return self.failed(503, -1008, "Service Unavailable. Please try again later.")

    def new_order(self, asked: BinanceRequest) -> tuple[str, bool]:
        """The client id, and whether it is a limit order to sell."""
        is_limit_sell = (asked.values.get("type"), asked.values.get("side")) == ("LIMIT", "SELL")
        return asked.values.get("newClientOrderId", ""), is_limit_sell

    # ---------------------------------------------------------------------------------------------- streams

    def wants(self, session: Session, frame: Frame) -> bool:
        """Whether a user stream was opened for such events."""
        events = session.events if isinstance(session, UserSession) else None
        return events is None or frame.topic in events

    def tell_market(self, market: Market, made: MadePrint | None, now_ms: int, *, marks_due: bool) -> None:
        """Tell who listens."""
        listening = [one for one in self.sessions if isinstance(one, UserSession)]
        self.streams.tell(listening, market, made, now_ms, marks_due=marks_due)

    def passes_time(self, now_ms: int) -> None:
        """Dead men's switches strike, and keys expire."""
        self.wallet.dead_man_strikes()
        for key in [key for key, until_ms in self.keys.items() if until_ms <= now_ms]:
            self.end_key(key)

    def expire_keys(self) -> int:
        """Every listen key expires."""
        keys = list(self.keys)
        for key in keys:
            self.end_key(key)
        return len(keys)

    def end_key(self, key: str, *, reported: bool = True) -> None:
        """Have a listen key expire: its stream says so, and says no more."""
        self.keys.pop(key, None)
        for session in self.sessions:
            if isinstance(session, UserSession) and session.listen_key == key:
                if reported and session.path == "private":
                    session.say(key, frames.key_expired(key, self.now_ms()))
                    session.said += 1
                session.listen_key = ""

    def is_subscribed(self, session: Session) -> bool:
        """Whether a user stream's key is good."""
        return (
            isinstance(session, UserSession)
            and session.path == "private"
            and self.keys.get(session.listen_key, 0) > self.now_ms()
            and not self.faults.silent
        )
