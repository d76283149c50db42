"""The exchange without its sockets: requests in, answers and frames out, on a clock that is given."""

import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from dita.loopback.binance import frames, refusals
from dita.loopback.binance.account import MS, Account
from dita.loopback.binance.asked import Asked
from dita.loopback.binance.frames import Frame
from dita.loopback.binance.limits import Limits
from dita.loopback.binance.quotes import FUNDING_MS, Quotes, next_funding_ms
from dita.loopback.binance.streams import MarketStreams, Session
from dita.loopback.binance.trading import Trading
from dita.loopback.binance.wallet import Wallet
from dita.loopback.faults import HOUR_MS, Canned, Faults
from dita.loopback.market import LISTINGS, Listing, Market

_KEY_LIFE_MS: Final = HOUR_MS
_STREAM_LIFE_MS: Final = 24 * HOUR_MS
_TOLD_MAX: Final = 10_000
_ORDER_PATHS: Final = {("POST", "/fapi/v1/order"), ("PUT", "/fapi/v1/order"), ("POST", "/fapi/v1/algoOrder")}


@dataclass(frozen=True, slots=True)
class Terms:
    """What an exchange is opened with.

    Attributes:
        balances: What the wallet holds at first.
        api_key: The one key that there is.
        api_secret: Its secret.
        listings: What is traded.
        seed: Of the made-up market.
        hedge: Whether the account has two books per instrument.
        leverage: What is set at first.
        still: Whether the market stands still until it is told to move.
        can_withdraw: Whether the key is said to have the right to withdraw.
        settings: Further settings of the simulated venue.
    """

    balances: Mapping[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(10_000)})
    api_key: str = "practise-key"
    api_secret: str = "practise-secret"  # noqa: S105 - it opens nothing but this
    listings: tuple[Listing, ...] = LISTINGS
    seed: int = 1
    hedge: bool = False
    leverage: int = 20
    still: bool = False
    can_withdraw: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Answer:
    """What a request is answered with."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


def _of(canned: Canned) -> Answer:
    return Answer(canned.status, {"code": canned.code, "msg": canned.words})


Endpoint = tuple[Callable[[Asked], Any], int, bool]


class BinanceExchange:
    """One exchange with one account."""

    def __init__(self, terms: Terms, clock_ns: Callable[[], int]) -> None:
        """Open it.

        Args:
            terms: How.
            clock_ns: The true time, nanoseconds.
        """
        self.terms = terms
        self.faults = Faults()
        self._clock_ns = clock_ns
        now_ms = clock_ns() // MS
        self.markets = {each.symbol: Market.begin(each, terms.seed, now_ms) for each in terms.listings}
        for market in self.markets.values():
            market.still = terms.still
        self.limits = Limits()
        self.sessions: list[Session] = []
        self.keys: dict[str, int] = {}
        self._born: dict[int, int] = {}
        self.told: deque[tuple[int, Frame]] = deque(maxlen=_TOLD_MAX)
        self.received: list[tuple[str, str]] = []
        self.withheld: list[Frame] = []
        self.account = Account(
            self.markets,
            dict(terms.balances),
            clock_ns=self.shown_ns,
            tell=self._tell,
            hedge=terms.hedge,
            leverage=terms.leverage,
            settings=dict(terms.settings),
            faults=self.faults,
        )
        self.trading = Trading(self.account, self.faults)
        self.wallet = Wallet(self.account, self.faults, can_withdraw=terms.can_withdraw)
        self.quotes = Quotes(self.markets, self.limits)
        self.streams = MarketStreams(self.quotes)
        self._marks_told_ms = 0
        for symbol, market in self.markets.items():
            due = next_funding_ms(now_ms)
            self.account.set_funding(symbol, market.funding_rate, due, FUNDING_MS // 1000)
        self._endpoints = self._table()

    def shown_ns(self) -> int:
        """The time as the exchange shows it, nanoseconds."""
        return self._clock_ns() + self.faults.clock_off_ms * MS

    def now_ms(self) -> int:
        """The same in milliseconds."""
        return self.shown_ns() // MS

    # --------------------------------------------------------------------------------------------- requests

    def answer(self, asked: Asked) -> Answer:
        """Answer a request.

        Args:
            asked: It.

        Returns:
            Status, body and headers; `cut` where the connection is to be cut instead.
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
            return self._done(call, asked, headers, is_order=is_order)
        except refusals.Refused as refused:
            if refused.retry_after_s is not None:
                headers["Retry-After"] = str(refused.retry_after_s)
            return Answer(refused.status, refused.body(), headers)

    def _done(
        self, call: Callable[[Asked], Any], asked: Asked, headers: dict[str, str], *, is_order: bool
    ) -> Answer:
        """Do what is asked, and answer it as the faults say.

        Raises:
            Refused: It is not taken.
        """
        canned = self.faults.next_canned(asked.method, asked.path)
        if canned is not None and not canned.executed:
            return _of(canned)
        if is_order and (trouble := self._before()) is not None:
            return trouble
        unseen = is_order and self._is_hidden_now(asked)
        body = call(asked)
        if is_order:
            self._strike()
        if canned is not None:
            return _of(canned)
        if unseen:
            return Answer(0, None, cut=True)
        if is_order and (trouble := self._after()) is not None:
            return trouble
        return Answer(200, body, headers)

    def _weight(self, asked: Asked, weight: int) -> int:
        everything = {"/fapi/v1/openOrders", "/fapi/v1/openAlgoOrders"}
        return 40 if asked.path in everything and "symbol" not in asked.values else weight

    def _count(self, asked: Asked, weight: int, orders: int, now_ms: int) -> dict[str, str]:
        if self.faults.spend("rate_limited"):
            raise refusals.Refused(-1003, "Too many requests.", status=429, retry_after_s=1)
        return self.limits.take(self._weight(asked, weight), orders, now_ms)

    def _check_key(self, asked: Asked) -> None:
        if not asked.key:
            raise refusals.Refused(-2014, "API-key format invalid.", status=401)
        if asked.key != self.terms.api_key:
            raise refusals.Refused(-2015, "Invalid API-key, IP, or permissions for action.", status=401)

    def _before(self) -> Answer | None:
        if self.faults.spend("error_503"):
            return Answer(503, {"code": -1008, "msg": "Service Unavailable. Please try again later."})
        if self.faults.spend("lost"):
            return Answer(0, None, cut=True)
        return None

    def _after(self) -> Answer | None:
        if self.faults.spend("error_503_executed"):
            text = "Unknown error, please check your request or try again later."
            return Answer(503, {"code": -1000, "msg": text})
        if self.faults.spend("no_answer"):
            return Answer(0, None, cut=True)
        return None

    def _strike(self) -> None:
        """What the account suffers after its next fill."""
        held = next((p for p in self.account.held().positions if p.size), None)
        if held is None:
            return
        price = self.markets[held.symbol].bids[0][0]
        if self.faults.spend("liquidate"):
            self.account.force(
                "liquidation", held.symbol, abs(held.size), price, "SELL" if held.size > 0 else "BUY"
            )
        elif self.faults.spend("adl"):
            self.account.force("adl", held.symbol, self.markets[held.symbol].listing.lot, price)

    def _is_hidden_now(self, asked: Asked) -> bool:
        """Whether an order that was taken is neither answered nor found for now."""
        client_id = asked.values.get("newClientOrderId", "")
        is_limit_sell = (asked.values.get("type"), asked.values.get("side")) == ("LIMIT", "SELL")
        if is_limit_sell and self.faults.spend("answer_lost"):
            self.trading.hidden[client_id] = 1 << 62
            return True
        if self.faults.not_found_ms:
            self.trading.hidden[client_id] = self.now_ms() + self.faults.not_found_ms
            self.faults.not_found_ms = 0
            return True
        return False

    def heal(self) -> None:
        """End all faults: what was withheld is told, what was pretended becomes true."""
        self.faults.heal()
        self.trading.hidden.clear()
        withheld, self.withheld = self.withheld, []
        self._tell(withheld)
        for order in self.trading.false_cancels:
            if order.is_open:
                self.account.cancel(order)
        self.trading.false_cancels.clear()

    def _listen_key(self, asked: Asked) -> dict[str, Any]:
        now_ms = self.now_ms()
        alive = [key for key, until_ms in self.keys.items() if until_ms > now_ms]
        match asked.method:
            case "POST":
                key = alive[0] if alive else secrets.token_hex(32)
            case "PUT":
                if not alive:
                    raise refusals.Refused(-1125, "This listenKey does not exist.")
                key = alive[0]
            case _:
                for known in alive:
                    self.end_key(known, told=False)
                return {}
        self.keys[key] = now_ms + _KEY_LIFE_MS
        return {"listenKey": key}

    def _table(self) -> dict[tuple[str, str], Endpoint]:
        trading, wallet, quotes = self.trading, self.wallet, self.quotes

        def timed(call: Callable[[Asked, int], Any]) -> Callable[[Asked], Any]:
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

    # ---------------------------------------------------------------------------------------------- streams

    def join(self, session: Session) -> None:
        """Take a connection in; with `replay` it hears the fills of the last hour once more."""
        self.sessions.append(session)
        self._born[id(session)] = self.now_ms()
        if self.faults.replay and self._hears(session):
            since = self.now_ms() - HOUR_MS
            for at_ms, frame in list(self.told):
                if at_ms >= since and frame.get("o", {}).get("x") in {"TRADE", "CALCULATED"}:
                    session.say(session.listen_key, frame)
                    session.said += 1
                    self.faults.happened["replay"] += 1

    def leave(self, session: Session) -> None:
        """Let a connection go."""
        if session in self.sessions:
            self.sessions.remove(session)
        self._born.pop(id(session), None)

    def end_key(self, key: str, *, told: bool = True) -> None:
        """Have a listen key expire: its stream says so, and says no more."""
        self.keys.pop(key, None)
        for session in self.sessions:
            if session.listen_key == key:
                if told and session.path == "private":
                    session.say(key, frames.key_expired(key, self.now_ms()))
                    session.said += 1
                session.listen_key = ""

    def say_raw(self, frame: str | bytes) -> int:
        """Say something on every user stream, as it stands; bytes are a binary frame.

        Returns:
            To how many.
        """
        listening = [session for session in self.sessions if session.path == "private"]
        for session in listening:
            session.line.say(frame)
            session.said += 1
        return len(listening)

    def _hears(self, session: Session) -> bool:
        return (
            session.path == "private"
            and self.keys.get(session.listen_key, 0) > self.now_ms()
            and not self.faults.silent
        )

    def _tell(self, told: list[Frame]) -> None:
        now_ms = self.now_ms()
        batch = self._arranged(told)
        for frame in told:
            self.told.append((now_ms, frame))
        for frame in batch:
            if self.faults.spend("drop") or frame.get("o", {}).get("c") in self.trading.hidden:
                continue
            if self.faults.silent:
                self.faults.happened["silent"] += 1
            copies = 2 if self.faults.spend("duplicate") else 1
            for session in self.sessions:
                wanted = session.events is None or frame["e"] in session.events
                if self._hears(session) and wanted:
                    for _ in range(copies):
                        session.say(session.listen_key, frame)
                        session.said += 1

    def _arranged(self, told: list[Frame]) -> list[Frame]:
        """The batch in the order in which it is told, with what the faults add."""
        batch = list(told)
        news = [frame for frame in batch if frame.get("o", {}).get("x") == "NEW"]
        fills = [frame for frame in batch if frame.get("o", {}).get("x") == "TRADE"]
        if self.faults.fill_first and fills and news:
            self.faults.happened["fill_first"] += 1
            batch = [frame for frame in batch if frame not in news] + news
        if self.faults.first_fill_lost and len(fills) > 1:
            self.faults.happened["first_fill_lost"] += 1
            self.withheld.append(fills[0])
            batch.remove(fills[0])
        if self.faults.price_later:
            for fill in fills:
                self.faults.happened["price_later"] += 1
                left_out = {key: value for key, value in fill["o"].items() if key not in {"n", "N", "rp"}}
                batch.insert(batch.index(fill), {**fill, "o": {**left_out, "L": "0", "ap": "0"}})
        if self.faults.skew_ms:
            batch = [self._skewed(frame) for frame in batch]
        if self.faults.stale_status:
            for frame in [f for f in batch if f.get("o", {}).get("X") == "FILLED"]:
                number = frame["o"]["i"]
                self.faults.happened["stale_status"] += 1
                old = [f for _, f in self.told if f.get("o", {}).get("i") == number] + news
                batch += [f for f in old if f["o"].get("x") == "NEW" and f["o"].get("i") == number][:1]
        return batch

    def _skewed(self, frame: Frame) -> Frame:
        if frame.get("o", {}).get("x") != "TRADE":
            return frame
        self.faults.happened["skew_ms"] += 1
        at_ms = frame["T"] - self.faults.skew_ms
        return {**frame, "T": at_ms, "E": at_ms, "o": {**frame["o"], "T": at_ms}}

    # ------------------------------------------------------------------------------------------------- time

    def step(self) -> None:
        """Let the market move once, and what is due happen."""
        now_ms = self.now_ms()
        marks_due = now_ms - self._marks_told_ms >= 1_000
        if marks_due:
            self._marks_told_ms = now_ms
        for market in self.markets.values():
            made = market.step(now_ms)
            self.account.hear_market(market, None if made is None else (made.price, made.size))
            self.streams.tell(self.sessions, market, made, now_ms, marks_due=marks_due)
        self.wallet.dead_man_strikes()
        for key in [key for key, until_ms in self.keys.items() if until_ms <= now_ms]:
            self.end_key(key)
        for session in list(self.sessions):
            if now_ms - self._born.get(id(session), now_ms) > _STREAM_LIFE_MS:
                self.leave(session)

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Have an instrument's market stand at a price, and everybody see it."""
        market = self.markets.get(symbol)
        if market is None:
            raise refusals.unknown_symbol()
        market.set_price(price)
        self.account.hear_market(market, None)
        self.streams.tell(self.sessions, market, None, self.now_ms(), marks_due=True)
