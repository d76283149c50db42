"""An exchange without its sockets, whatever its wire format: markets, an account, faults, and who listens."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol

from dita.practice.account import MS, Account
from dita.practice.encoder import Frame, VenueEncoder
from dita.practice.faults import HOUR_MS, Canned, Faults
from dita.practice.market import FUNDING_MS, LISTINGS, Listing, MadePrint, Market, next_funding_ms

if TYPE_CHECKING:
    from dita.practice.records import PlacedOrder

_SENT_MAX: Final = 10_000


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
        still: Whether the market stands still until a command moves it.
        can_withdraw: Whether the key is said to have the right to withdraw.
        settings: Further settings of the simulated venue.
        venue: Whose wire format it speaks.
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
    venue: str = "binance"


@dataclass(slots=True)
class Answer:
    """What a request is answered with."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


class Line(Protocol):
    """A connection's other end."""

    def say(self, frame: str | bytes) -> None:
        """Send a frame, of text or binary; never waits."""


class Session(Protocol):
    """One connection.

    Attributes:
        line: Its other end.
        said: How many frames of the user stream it was sent.
    """

    line: Line
    said: int

    @property
    def is_private(self) -> bool:
        """Whether it is a user stream."""

    def command(self, text: str) -> None:
        """Take what the other end says."""

    def tell(self, frame: Frame) -> None:
        """Tell a frame of the user stream."""


class Request(Protocol):
    """What is asked, as far as all exchanges read it alike."""

    @property
    def method(self) -> str:
        """GET, POST, PUT or DELETE."""

    @property
    def path(self) -> str:
        """From the venue's own prefix on."""


class Exchange(ABC):
    """One exchange with one account."""

    #: The longest that a connection lives, milliseconds.
    stream_life_ms: int = 24 * HOUR_MS

    def __init__(self, terms: Terms, clock_ns: Callable[[], int], encoder: VenueEncoder) -> None:
        """Open it.

        Args:
            terms: How.
            clock_ns: The true time, nanoseconds.
            encoder: How it says what happens.
        """
        self.terms = terms
        self.faults = Faults()
        self.encoder = encoder
        self._clock_ns = clock_ns
        now_ms = clock_ns() // MS
        self.markets = {each.symbol: Market.begin(each, terms.seed, now_ms) for each in terms.listings}
        for market in self.markets.values():
            market.still = terms.still
        self.sessions: list[Session] = []
        self._born: dict[int, int] = {}
        self.sent: deque[tuple[int, Frame]] = deque(maxlen=_SENT_MAX)
        self.received: list[tuple[str, str]] = []
        self.withheld: list[Frame] = []
        self.hidden: dict[str, int] = {}
        self.false_cancels: list[PlacedOrder] = []
        self.account = Account(
            self.markets,
            dict(terms.balances),
            clock_ns=self.shown_ns,
            tell=self._tell,
            encoder=encoder,
            hedge=terms.hedge,
            leverage=terms.leverage,
            settings=dict(terms.settings),
            faults=self.faults,
        )
        self._marks_sent_ms = 0
        for symbol, market in self.markets.items():
            due = next_funding_ms(now_ms)
            self.account.set_funding(symbol, market.funding_rate, due, FUNDING_MS // 1000)

    def shown_ns(self) -> int:
        """The time as the exchange shows it, nanoseconds."""
        return self._clock_ns() + self.faults.clock_off_ms * MS

    def now_ms(self) -> int:
        """The same in milliseconds."""
        return self.shown_ns() // MS

    # --------------------------------------------------------------------------------------- each venue's own

    @abstractmethod
    def is_subscribed(self, session: Session) -> bool:
        """Whether a connection gets the account's frames now."""

    @abstractmethod
    def wants(self, session: Session, frame: Frame) -> bool:
        """Whether a connection has subscribed to a frame's topic."""

    @abstractmethod
    def tell_market(self, market: Market, made: MadePrint | None, now_ms: int, *, marks_due: bool) -> None:
        """Tell who listens of one step of an instrument's market."""

    @abstractmethod
    def failed(self, status: int, code: int, words: str) -> Answer:
        """Return an answer with an error of the venue's form."""

    @abstractmethod
    def overloaded(self, *, executed: bool) -> Answer:
        """Return what the venue says where it is overloaded; executed or not."""

    @abstractmethod
    def new_order(self, asked: Any) -> tuple[str, bool]:  # noqa: ANN401 - each venue reads its own requests
        """Return the client id of an order that is asked for, and whether it is a limit order to sell."""

    @abstractmethod
    def expire_keys(self) -> int:
        """Have every stream's right to the account's frames expire; return how many had one."""

    @abstractmethod
    def passes_time(self, now_ms: int) -> None:
        """Do what is due."""

    # --------------------------------------------------------------------------------------------- requests

    def carried_out(
        self, call: Callable[[], Any], asked: Request, kind: str, *, is_order: bool
    ) -> Any | Answer:  # noqa: ANN401 - any JSON
        """Do what is asked, and answer it as the faults say.

        Args:
            call: Does it.
            asked: What was asked.
            kind: As faults name it: place, amend, cancel or query; empty where it is none of them.
            is_order: Whether it places or changes an order.

        Returns:
            The body of a success, or another answer.

        Raises:
            Refused: It is not taken.
        """
        canned = self.faults.next_canned(kind)
        if canned is not None and not canned.executed:
            return self._of(canned)
        if is_order and (trouble := self._before()) is not None:
            return trouble
        unseen = is_order and self._is_hidden_now(asked)
        body = call()
        if is_order:
            self._strike()
        if canned is not None:
            return self._of(canned)
        if unseen:
            return Answer(0, None, cut=True)
        if is_order and (trouble := self._after()) is not None:
            return trouble
        return body

    def _of(self, canned: Canned) -> Answer:
        return self.failed(canned.status, canned.code, canned.words)

    def is_hidden(self, client_id: str) -> bool:
        """Whether an order is not to be found yet."""
        until_ms = self.hidden.get(client_id)
        if until_ms is None:
            return False
        if self.now_ms() >= until_ms:
            del self.hidden[client_id]
            return False
        self.faults.happened["hidden"] += 1
        return True

    def _before(self) -> Answer | None:
        if self.faults.spend("error_503"):
            return self.overloaded(executed=False)
        if self.faults.spend("lost"):
            return Answer(0, None, cut=True)
        return None

    def _after(self) -> Answer | None:
        if self.faults.spend("error_503_executed"):
            return self.overloaded(executed=True)
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

    def _is_hidden_now(self, asked: Request) -> bool:
        """Whether an order that was taken is neither answered nor found for now."""
        client_id, is_limit_sell = self.new_order(asked)
        if is_limit_sell and self.faults.spend("answer_lost"):
            self.hidden[client_id] = 1 << 62
            return True
        if self.faults.not_found_ms:
            self.hidden[client_id] = self.now_ms() + self.faults.not_found_ms
            self.faults.not_found_ms = 0
            return True
        return False

    def heal(self) -> None:
        """End all faults: withheld frames are sent, what was pretended becomes true."""
        self.faults.heal()
        self.hidden.clear()
        withheld, self.withheld = self.withheld, []
        self._tell(withheld)
        for order in self.false_cancels:
            if order.is_open:
                self.account.cancel(order)
        self.false_cancels.clear()

    # ---------------------------------------------------------------------------------------------- streams

    def join(self, session: Session) -> None:
        """Take a connection in; with `replay` it gets the fills of the last hour once more."""
        self.sessions.append(session)
        self._born[id(session)] = self.now_ms()
        self.replay_to(session)

    def replay_to(self, session: Session) -> None:
        """With `replay`, tell a connection every fill of the last hour once more."""
        if self.faults.replay and self.is_subscribed(session):
            since = self.now_ms() - HOUR_MS
            for at_ms, frame in list(self.sent):
                if at_ms >= since and frame.what == "FILL" and self.wants(session, frame):
                    session.tell(frame)
                    session.said += 1
                    self.faults.happened["replay"] += 1

    def leave(self, session: Session) -> None:
        """Let a connection go."""
        if session in self.sessions:
            self.sessions.remove(session)
        self._born.pop(id(session), None)

    def say_raw(self, frame: str | bytes) -> int:
        """Say something on every user stream, as it stands; bytes are a binary frame.

        Returns:
            To how many.
        """
        listening = [session for session in self.sessions if session.is_private]
        for session in listening:
            session.line.say(frame)
            session.said += 1
        return len(listening)

    def _tell(self, frames: list[Frame]) -> None:
        now_ms = self.now_ms()
        batch = self._arranged(frames)
        for frame in frames:
            self.sent.append((now_ms, frame))
        for frame in batch:
            if self.faults.spend("drop") or frame.client_id in self.hidden:
                continue
            if self.faults.silent:
                self.faults.happened["silent"] += 1
            copies = 2 if self.faults.spend("duplicate") else 1
            for session in self.sessions:
                if self.is_subscribed(session) and self.wants(session, frame):
                    for _ in range(copies):
                        session.tell(frame)
                        session.said += 1

    def _arranged(self, frames: list[Frame]) -> list[Frame]:
        """The batch in the order in which it is sent, with what the faults add."""
        batch = list(frames)
        news = [frame for frame in batch if frame.what == "NEW"]
        fills = [frame for frame in batch if frame.what == "FILL"]
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
                batch.insert(batch.index(fill), self.encoder.without_price(fill))
        if self.faults.skew_ms:
            batch = [self._skewed(frame) for frame in batch]
        if self.faults.stale_status:
            for frame in [one for one in batch if one.completes]:
                self.faults.happened["stale_status"] += 1
                old: Iterable[Frame] = [one for _, one in self.sent] + news
                batch += [one for one in old if one.what == "NEW" and one.key == frame.key][:1]
        return batch

    def _skewed(self, frame: Frame) -> Frame:
        if frame.what != "FILL":
            return frame
        self.faults.happened["skew_ms"] += 1
        return self.encoder.stamped(frame, self.faults.skew_ms)

    # ------------------------------------------------------------------------------------------------- time

    def step(self) -> None:
        """Let the market move once, and what is due happen."""
        now_ms = self.now_ms()
        marks_due = now_ms - self._marks_sent_ms >= 1_000
        if marks_due:
            self._marks_sent_ms = now_ms
        for market in self.markets.values():
            made = market.step(now_ms)
            self.account.on_market(market, None if made is None else (made.price, made.size))
            self.tell_market(market, made, now_ms, marks_due=marks_due)
        self.passes_time(now_ms)
        if self.faults.spend("expire_key"):
            self.expire_keys()
        for session in list(self.sessions):
            if now_ms - self._born.get(id(session), now_ms) > self.stream_life_ms:
                self.leave(session)

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Have an instrument's market stand at a price, and everybody see it.

        Raises:
            Refused: It is not listed.
        """
        market = self.markets.get(symbol)
        if market is None:
            raise self.encoder.refusal("UNKNOWN_SYMBOL")
        market.set_price(price)
        self.account.on_market(market, None)
        self.tell_market(market, None, self.now_ms(), marks_due=True)
