"""A scripted venue for tests: it answers as scripted, and remembers what it was asked."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from dita._kernel import VenueEvent, VenueOrder
from dita.venues.base import BaseExecutionAdapter

Answer: TypeAlias = Sequence[VenueEvent] | BaseException | Callable[..., Any] | None


@dataclass(frozen=True, slots=True)
class VenueCall:
    """One call that the kernel made.

    Attributes:
        method: `submit`, `cancel`, `amend`, `query_order`, `get_fills` or `set_leverage`.
        arguments: What it was called with; of `amend` the order and a dict of the changes.
    """

    method: str
    arguments: tuple[Any, ...]


class MockVenueAdapter(BaseExecutionAdapter):
    """A venue that plays a script.

    A script is, per method, one answer for every call, or a list of answers for one call after the other. An
    answer is a list of events, an exception to raise, or a callable that is called with the method's
    arguments and returns one. Where the script ends, every method answers [], and `set_leverage` confirms.

    Example:
        `MockVenueAdapter(submit=lambda order: [ack(order), fill(order)])`

    Attributes:
        calls: What the kernel asked, oldest first.
    """

    def __init__(
        self,
        *,
        submit: Answer | Iterable[Answer] = None,
        cancel: Answer | Iterable[Answer] = None,
        amend: Answer | Iterable[Answer] = None,
        query_order: Answer | Iterable[Answer] = None,
        get_fills: Answer | Iterable[Answer] = None,
        set_leverage: Answer | Iterable[Answer] = None,
    ) -> None:
        """Take the script.

        Args:
            submit: Answers to `submit(order)`.
            cancel: Answers to `cancel(order, reason)`.
            amend: Answers to `amend(order, changes)`, with `size limit_price trigger_price request_id`.
            query_order: Answers to `query_order(venue_client_id)`.
            get_fills: Answers to `get_fills(since)`.
            set_leverage: Answers to `set_leverage(symbol, leverage)`.
        """
        super().__init__()
        self.calls: list[VenueCall] = []
        given: Mapping[str, Any] = {
            "submit": submit,
            "cancel": cancel,
            "amend": amend,
            "query_order": query_order,
            "get_fills": get_fills,
            "set_leverage": set_leverage,
        }
        self._always = {name: answer for name, answer in given.items() if not _is_script(answer)}
        self._scripts = {name: deque(answer) for name, answer in given.items() if _is_script(answer)}

    @property
    def orders(self) -> list[VenueOrder]:
        """The orders that were submitted, oldest first."""
        return [call.arguments[0] for call in self.calls if call.method == "submit"]

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Play the script."""
        answer: Sequence[VenueEvent] = self._play("submit", [], order)
        return answer

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Play the script."""
        answer: Sequence[VenueEvent] = self._play("cancel", [], order, reason)
        return answer

    def amend(
        self,
        order: VenueOrder,
        *,
        size: Decimal,
        limit_price: Decimal | None,
        trigger_price: Decimal | None,
        request_id: str,
    ) -> Sequence[VenueEvent]:
        """Play the script."""
        changes = {
            "size": size,
            "limit_price": limit_price,
            "trigger_price": trigger_price,
            "request_id": request_id,
        }
        answer: Sequence[VenueEvent] = self._play("amend", [], order, changes)
        return answer

    def get_fills(self, since: int) -> Sequence[VenueEvent]:
        """Play the script."""
        answer: Sequence[VenueEvent] = self._play("get_fills", [], since)
        return answer

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent] | None:
        """Play the script."""
        answer: Sequence[VenueEvent] | None = self._play("query_order", [], venue_client_id)
        return answer

    def set_leverage(self, symbol: str, leverage: Decimal) -> Decimal | None:
        """Play the script."""
        answer: Decimal | None = self._play("set_leverage", leverage, symbol, leverage)
        return answer

    def _play(self, method: str, otherwise: object, *arguments: object) -> Any:  # noqa: ANN401 - the script's own
        self.calls.append(VenueCall(method, arguments))
        script = self._scripts.get(method)
        answer = self._always.get(method) if script is None else (script.popleft() if script else None)
        if callable(answer):
            answer = answer(*arguments)
        if isinstance(answer, BaseException):
            raise answer
        return otherwise if answer is None else answer


def _is_script(answer: object) -> bool:
    """Whether it is a list of answers rather than one answer: a list of events is one."""
    if not isinstance(answer, (list, tuple, deque)):
        return False
    return not all(isinstance(event, VenueEvent) for event in answer)
