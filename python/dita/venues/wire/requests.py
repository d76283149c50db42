"""What is asked of a venue, before it is signed and written."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol

from dita._kernel import VenueOrder
from dita.venues.orders import CONDITIONAL

Pool = Literal["none", "entry", "exit"]


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        method: GET, POST, PUT or DELETE.
        path: From the base address on.
        values: Its parameters, in their order.
        signed: Whether it carries time and signature.
        weight: What it weighs.
        pool: Whether it places an order, and if so, whether that is an exit.
        patient: Whether it waits for the rate budget although it is no question.
        first: Whether it may use the whole rate budget although it is a question: it asks how an order, the
            positions or the balances stand now. Other questions leave a part to orders and cancels.
    """

    method: str
    path: str
    values: dict[str, Any] = field(default_factory=dict)
    signed: bool = True
    weight: int = 1
    pool: Pool = "none"
    patient: bool = False
    first: bool = False

    @property
    def can_wait(self) -> bool:
        """Whether it waits for the rate budget: orders, changes and cancels never do."""
        return self.method == "GET" or self.patient


@dataclass(frozen=True, slots=True)
class Written:
    """A request as it leaves.

    Attributes:
        address: Path and query as they are signed: encoded already.
        headers: Its headers.
        body: Its body; None where it has none.
    """

    address: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


class Codec(Protocol):
    """How one account's requests are written, and the venue's answers read. Without I/O."""

    @property
    def name(self) -> str:
        """The venue's name, in lower case."""

    @property
    def server_time(self) -> Request:
        """The question about the venue's time."""

    def write(self, request: Request, now_ms: int) -> Written:
        """Write a request, signed where it has to be.

        Args:
            request: The request.
            now_ms: The venue's time.
        """

    def read(self, status: int, raw: bytes, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
        """Read an answer.

        Args:
            status: HTTP status.
            raw: The body.
            headers: Its headers; their names are looked up in any case.

        Returns:
            What a success holds.

        Raises:
            Failure: It is none.
        """

    def read_time(self, answer: Any) -> int:  # noqa: ANN401 - any JSON
        """Read the answer to `server_time`, as int nanoseconds."""


def sign(secret: str, message: str) -> str:
    """Return the HMAC-SHA256 of a message, in hexadecimal."""
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def digits(value: Decimal) -> str:
    """Write a decimal without an exponent."""
    return format(value, "f")


def is_conditional(order: VenueOrder) -> bool:
    """Return whether an order is of a kind that waits for a trigger."""
    return order.order_type in CONDITIONAL


def waits_for_trigger(order: VenueOrder) -> bool:
    """Return whether an order waits for its trigger now."""
    return is_conditional(order) and not order.triggered


def pool_of(order: VenueOrder) -> Pool:
    """Return which part of the order budget an order uses."""
    return "exit" if order.reduce_only else "entry"
