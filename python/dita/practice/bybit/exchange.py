"""Bybit's exchange without its sockets: requests in, answers and frames out, on a clock that is given."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from dita.practice.account import MS
from dita.practice.bybit import streams
from dita.practice.bybit.encoder import BybitEncoder
from dita.practice.bybit.limits import Limits, TooMany
from dita.practice.bybit.quotes import Quotes
from dita.practice.bybit.refusals import wrong
from dita.practice.bybit.request import BybitRequest
from dita.practice.bybit.streams import BybitSession, MarketStreams
from dita.practice.bybit.trading import Trading
from dita.practice.bybit.wallet import Wallet
from dita.practice.encoder import Frame, Refused
from dita.practice.exchange import Answer, Exchange, Session, Terms
from dita.practice.market import MadePrint, Market

_KINDS: Final = {
    "/v5/order/create": "place",
    "/v5/order/amend": "amend",
    "/v5/order/cancel": "cancel",
    "/v5/order/realtime": "query",
    "/v5/order/history": "query",
}
_ORDERS: Final = frozenset({"/v5/order/create", "/v5/order/amend"})
#: What is asked of every category at a start: in the others there is nothing.
_LISTS: Final = frozenset({"/v5/market/instruments-info", "/v5/market/risk-limit"})
_BATCH_MAX: Final = 20
Endpoint = tuple[Callable[[BybitRequest], Any], bool]


class BybitExchange(Exchange):
    """One exchange with one unified account."""

    def __init__(self, terms: Terms, clock_ns: Callable[[], int]) -> None:
        """Open it.

        Args:
            terms: How.
            clock_ns: The true time, nanoseconds.
        """
        encoder = BybitEncoder()
        super().__init__(terms, clock_ns, encoder)
        encoder.books = self.account
        self.limits = Limits()
        self.trading = Trading(self)
        self.wallet = Wallet(self, encoder)
        self.quotes = Quotes(self.markets)
        self.streams = MarketStreams(self.quotes, self.now_ms)
        self._endpoints = self._table()

    # --------------------------------------------------------------------------------------------- requests

    def answer(self, asked: BybitRequest) -> Answer:
        """Answer a request.

        Args:
            asked: The request.

        Returns:
            Status, body and headers; `cut` to cut the connection instead.
        """
        now_ms = self.now_ms()
        headers: dict[str, str] = {}
        self.received.append((asked.method, asked.path))
        try:
            endpoint = self._endpoints.get((asked.method, asked.path))
            if endpoint is None:
                return self.failed(404, 10017, "Route not found.")
            call, signed = endpoint
            if self.faults.spend("rate_limited"):
                raise TooMany({"X-Bapi-Limit-Reset-Timestamp": str(now_ms + 1_000)})
            headers = self.limits.take(asked.path, now_ms, signed=signed)
            if signed:
                asked.check(self.terms.api_key, self.terms.api_secret, now_ms)
            kind = _KINDS.get(asked.path, "")
            is_order = asked.path in _ORDERS
            if asked.method == "GET" and asked.is_of_others and (signed or asked.path in _LISTS):
                nothing = {"category": asked.text("category"), "list": [], "nextPageCursor": ""}
                return self._reply(0, "OK", nothing, headers)
            result = self.carried_out(lambda: call(asked), asked, kind, is_order=is_order)
            return result if isinstance(result, Answer) else self._reply(0, "OK", result, headers)
        except Refused as refused:
            more = refused.headers if isinstance(refused, TooMany) else {}
            body = self._reply(refused.code, refused.text, {}, headers | more)
            return Answer(refused.status, body.body, body.headers)

    def _reply(self, code: int, words: str, result: Any, headers: dict[str, str]) -> Answer:  # noqa: ANN401
        body = {"retCode": code, "retMsg": words, "result": result, "retExtInfo": {}, "time": self.now_ms()}
        return Answer(200, body, headers)

    def failed(self, status: int, code: int, words: str) -> Answer:
        """An error."""
        return Answer(status, self._reply(code, words, {}, {}).body)

    def overloaded(self, *, executed: bool) -> Answer:
        """What says that it was not executed is 10429; "Server Timeout" does not say."""
        if executed:
            return self.failed(200, 10000, "Server Timeout")
        return self.failed(200, 10429, "System level frequency protection")

    def new_order(self, asked: BybitRequest) -> tuple[str, bool]:
        """The client id, and whether it is a limit order to sell."""
        is_limit_sell = (asked.maybe("orderType"), asked.maybe("side")) == ("Limit", "Sell")
        return asked.maybe("orderLinkId"), is_limit_sell

    def _table(self) -> dict[tuple[str, str], Endpoint]:
        trading, wallet, quotes = self.trading, self.wallet, self.quotes

        def timed(call: Callable[[BybitRequest, int], Any]) -> Callable[[BybitRequest], Any]:
            return lambda asked: call(asked, self.now_ms())

        # Method, path: endpoint, whether it is signed.
        return {
            ("GET", "/v5/market/time"): (lambda _: self._time(), False),
            ("GET", "/v5/market/instruments-info"): (quotes.instruments, False),
            ("GET", "/v5/market/orderbook"): (timed(quotes.depth), False),
            ("GET", "/v5/market/recent-trade"): (quotes.trades, False),
            ("GET", "/v5/market/kline"): (timed(quotes.klines), False),
            ("GET", "/v5/market/mark-price-kline"): (timed(quotes.mark_klines), False),
            ("GET", "/v5/market/tickers"): (timed(quotes.tickers), False),
            ("GET", "/v5/market/funding/history"): (timed(quotes.funding_history), False),
            ("GET", "/v5/market/risk-limit"): (quotes.risk_limits, False),
            ("POST", "/v5/order/create"): (trading.create, True),
            ("POST", "/v5/order/create-batch"): (self._create_batch, True),
            ("POST", "/v5/order/amend"): (trading.amend, True),
            ("POST", "/v5/order/cancel"): (trading.cancel, True),
            ("POST", "/v5/order/cancel-all"): (trading.cancel_all, True),
            ("GET", "/v5/order/realtime"): (trading.realtime, True),
            ("GET", "/v5/order/history"): (trading.history, True),
            ("GET", "/v5/execution/list"): (trading.executions, True),
            ("GET", "/v5/account/wallet-balance"): (wallet.balance, True),
            ("GET", "/v5/account/info"): (wallet.info, True),
            ("GET", "/v5/account/fee-rate"): (wallet.fee_rate, True),
            ("GET", "/v5/account/transaction-log"): (wallet.transactions, True),
            ("POST", "/v5/account/set-margin-mode"): (wallet.set_margin_mode, True),
            ("GET", "/v5/user/query-api"): (wallet.key_rights, True),
            ("GET", "/v5/position/list"): (wallet.positions, True),
            ("GET", "/v5/position/closed-pnl"): (trading.closed_pnl, True),
            ("POST", "/v5/position/trading-stop"): (trading.trading_stop, True),
            ("POST", "/v5/position/set-leverage"): (wallet.set_leverage, True),
            ("POST", "/v5/position/switch-mode"): (wallet.switch_mode, True),
        }

    def _create_batch(self, asked: BybitRequest) -> Answer:
        """POST /v5/order/create-batch: each order on its own, in the order that is given."""
        asked.check_linear()
        wanted = asked.values.get("request")
        if not isinstance(wanted, list) or not 0 < len(wanted) <= _BATCH_MAX:
            raise wrong("request")
        rows, said = [], []
        for one in wanted:
            fields = {"category": "linear", **(one if isinstance(one, dict) else {})}
            row = {
                "category": "linear",
                "symbol": str(fields.get("symbol", "")),
                "createAt": str(self.now_ms()),
            }
            try:
                ids, result = self.trading.create(replace(asked, values=fields)), {"code": 0, "msg": "OK"}
            except Refused as refused:
                ids, result = {"orderId": "", "orderLinkId": ""}, {"code": refused.code, "msg": refused.text}
            rows.append({**row, **ids})
            said.append(result)
        answer = self._reply(0, "OK", {"list": rows}, {})
        return Answer(200, {**answer.body, "retExtInfo": {"list": said}}, answer.headers)

    def _time(self) -> dict[str, str]:
        now_ns = self.shown_ns()
        return {"timeSecond": str(now_ns // (1_000 * MS)), "timeNano": str(now_ns)}

    # ---------------------------------------------------------------------------------------------- streams

    def is_good(self, key: str, expires: str, signature: str) -> bool:
        """Whether a stream's login is good."""
        given = (key, expires, signature)
        return streams.is_good(self.terms.api_key, self.terms.api_secret, given, self.now_ms())

    def is_subscribed(self, session: Session) -> bool:
        """Whether a user stream has logged in."""
        return isinstance(session, BybitSession) and session.is_known and not self.faults.silent

    def wants(self, session: Session, frame: Frame) -> bool:
        """Whether it has subscribed to a topic, of all categories or of linear."""
        names = session.names if isinstance(session, BybitSession) else set()
        return frame.topic in names or f"{frame.topic}.linear" in names

    def tell_market(self, market: Market, made: MadePrint | None, now_ms: int, *, marks_due: bool) -> None:
        """Tell who listens."""
        del now_ms
        listening = [one for one in self.sessions if isinstance(one, BybitSession)]
        self.streams.tell(listening, market, made, marks_due=marks_due)

    def expire_keys(self) -> int:
        """Every login expires: the streams go on and say nothing more of the account."""
        known = [one for one in self.sessions if isinstance(one, BybitSession) and one.is_known]
        for session in known:
            session.is_known = False
        return len(known)

    def passes_time(self, now_ms: int) -> None:
        """Nothing is due by time alone."""
