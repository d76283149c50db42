"""What goes wrong at an exchange on purpose: knobs that are set at the start, or while it runs."""

from collections import Counter, deque
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, get_args

from dita.errors import InvalidInput, shown

HOUR_MS: Final = 3_600_000
#: What a request is about: an order that is placed, changed, canceled or asked about.
Kind = Literal["place", "amend", "cancel", "query"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_CANNED_MAX: Final = 10_000
_NO_KNOBS: Final = frozenset({"canned", "happened"})


@dataclass(frozen=True, slots=True)
class Canned:
    """An answer that was chosen before its request came.

    Attributes:
        kind: To which kind of request.
        status: Its HTTP status.
        code: The venue's code.
        words: The venue's words.
        executed: Whether the request is executed all the same.
    """

    kind: Kind
    status: int
    code: int
    words: str = ""
    executed: bool = False


@dataclass(slots=True)
class Faults:
    """The knobs. A count is used up by what it troubles; a flag and a time hold until they are changed.

    Attributes:
        silent: The user stream connects, answers pings and says nothing.
        drop: So many frames of the user stream are lost.
        duplicate: So many frames come twice.
        fill_first: A fill is reported before the order's NEW frame.
        stale_status: After the fill that completes an order its NEW frame comes once more.
        replay: Each new user stream gets every fill of the last hour once more.
        reject_after_ack: So many orders are acknowledged, and then expire unfilled.
        error_503: So many order requests are answered 503 "Service Unavailable" and not executed.
        error_503_executed: So many are executed, and answered 503 "Unknown error" all the same.
        no_answer: So many are executed, and the connection is cut instead of an answer.
        lost: So many are not executed, and the connection is cut.
        rest_lag_ms: Questions are answered as of so long ago: younger orders and fills are not there.
        clock_off_ms: What the exchange's clock is off by; an hour is 3600000.
        rate_limited: So many requests are answered 429 with Retry-After.
        html: So many requests are answered by a page of HTML.
        broken_json: So many are answered by half an answer.
        error_in_200: So many are answered 200 with an error inside.
        slow_ms: How long each answer takes.
        hold_changes: Cancels and amends wait; `release` has them done.
        fill_after_cancel: So many cancels are confirmed, and then an earlier fill of one lot is reported.
        false_cancel: So many cancels are confirmed, and the order goes on working until `heal`.
        answer_lost: So many LIMIT orders to sell arrive unanswered, and are not found until they come again.
        not_found_ms: Orders arrive and are not answered, and for so long are not found.
        first_fill_lost: Of two fills at once the first is reported with `heal`.
        one_id: A fill has the id of the fill before it on the other side.
        price_later: A fill is reported at price 0 without its fee, and then again with both.
        instant_expired: So many orders expire at once, without a word before.
        skew_ms: Fills are stamped so long before they happen.
        liquidate: After its next fill the account is liquidated.
        adl: After its next fill one lot is auto-deleveraged.
        overfill: So many orders that others trade against are filled by one lot more than they ask for.
        twice: So many orders are executed twice under their one client id.
        expire_key: So many times, at the market's next step, every key of a user stream expires.
        cut: So many times, at the market's next step, every stream is cut.
        canned: Answers that the next requests of their kind get; see `can`.
        happened: How often each fault happened.
    """

    silent: bool = False
    drop: int = 0
    duplicate: int = 0
    fill_first: bool = False
    stale_status: bool = False
    replay: bool = False
    reject_after_ack: int = 0
    error_503: int = 0
    error_503_executed: int = 0
    no_answer: int = 0
    lost: int = 0
    rest_lag_ms: int = 0
    clock_off_ms: int = 0
    rate_limited: int = 0
    html: int = 0
    broken_json: int = 0
    error_in_200: int = 0
    slow_ms: int = 0
    hold_changes: bool = False
    fill_after_cancel: int = 0
    false_cancel: int = 0
    answer_lost: int = 0
    not_found_ms: int = 0
    first_fill_lost: bool = False
    one_id: bool = False
    price_later: bool = False
    instant_expired: int = 0
    skew_ms: int = 0
    liquidate: int = 0
    adl: int = 0
    overfill: int = 0
    twice: int = 0
    expire_key: int = 0
    cut: int = 0
    canned: deque[Canned] = field(default_factory=deque)
    happened: Counter[str] = field(default_factory=Counter)

    def can(self, answer: Canned) -> None:
        """Have the next request of a kind answered with that.

        Raises:
            InvalidInput: There is no such kind or status, or too many wait.
        """
        if answer.kind not in KINDS:
            raise InvalidInput(f"kind: expected one of {', '.join(KINDS)}, got {shown(answer.kind)}")
        if not 200 <= answer.status <= 599:
            raise InvalidInput(f"status: expected 200 to 599, got {answer.status}")
        if len(self.canned) >= _CANNED_MAX:
            raise InvalidInput(f"answers: {_CANNED_MAX} wait already")
        self.canned.append(answer)

    def next_canned(self, kind: str) -> Canned | None:
        """Take the answer that waits for a request of a kind; None where none does."""
        for answer in self.canned:
            if answer.kind == kind:
                self.canned.remove(answer)
                self.happened["canned"] += 1
                return answer
        return None

    def set(self, name: str, value: Any) -> None:  # noqa: ANN401 - as it comes from a command
        """Turn a knob.

        Args:
            name: Which.
            value: A whole number; of a flag also true, false, on and off.

        Raises:
            InvalidInput: There is no such knob, or it cannot be set to that.
        """
        kinds = {one.name: type(one.default) for one in fields(self) if one.name not in _NO_KNOBS}
        if name not in kinds:
            raise InvalidInput(f"faults.{shown(name)}: no such fault; there are {', '.join(sorted(kinds))}")
        if kinds[name] is bool:
            words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
            chosen = words.get(str(value).lower())
            if chosen is None:
                raise InvalidInput(f"faults.{name}: expected on or off, got {shown(value)}")
            setattr(self, name, chosen)
            return
        try:
            number = int(str(value))
        except ValueError:
            raise InvalidInput(f"faults.{name}: expected a whole number, got {shown(value)}") from None
        if number < 0 and name != "clock_off_ms":
            raise InvalidInput(f"faults.{name}: must be 0 or more, got {number}")
        setattr(self, name, number)

    def spend(self, name: str) -> bool:
        """Use one of a count up, where there is one left.

        Args:
            name: Which count.

        Returns:
            True where it is to happen now.
        """
        left = int(getattr(self, name))
        if left <= 0:
            return False
        setattr(self, name, left - 1)
        self.happened[name] += 1
        return True

    def heal(self) -> None:
        """Turn every knob back."""
        for one in fields(self):
            if one.name not in _NO_KNOBS:
                setattr(self, one.name, one.default)
        self.canned.clear()
