"""`KernelApi`: what a program trades and reads with, whether the kernel is in this process or in another."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from dita._kernel import (
    KernelIntent,
    KernelOutcome,
    Listener,
    Teller,
    TradeSide,
    TradeSlot,
    VenueEvent,
    VenueOrder,
)
from dita.slots import AccountProjection, KernelSlotView

if TYPE_CHECKING:
    from dita.kernel import Note


class KernelApi(Protocol):
    """`ExecutionKernel`, a connection to a kernel's server, and a host's client."""

    @property
    def account(self) -> AccountProjection:
        """The account, as a view of the kernel's ledger."""

    @property
    def instruments(self) -> list[str]:
        """The symbols of the instruments."""

    @property
    def seq(self) -> int:
        """The last input."""

    @property
    def now_ns(self) -> int:
        """Kernel time of the last input, nanoseconds since 1970-01-01 UTC."""

    @property
    def clock_ns(self) -> int:
        """What the kernel's clock shows now, also between two inputs."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""

    def process_intent(self, intent: KernelIntent, /) -> KernelOutcome:
        """Take an intent."""

    def process_intents(self, intents: Iterable[KernelIntent], /) -> list[KernelOutcome]:
        """Take intents that come together."""

    def instrument(self, asset: str, /) -> Mapping[str, Any]:
        """Return an instrument's rules."""

    def slot(self, i: int, /) -> KernelSlotView:
        """Return a live view of a slot."""

    def order(self, venue_client_id: str, /) -> VenueOrder | None:
        """Return an order; None where nothing is known of it."""

    def orders(self, *, live_only: bool = False) -> list[VenueOrder]:
        """Return the orders, oldest first."""


class IntentVerbs(Protocol):
    """Numbers intents, and reads what slots carry: native verbs, or a connection's."""

    def take_number(self) -> int:
        """Return the number of the next intent's ids."""

    def free_slot(self, slots: Sequence[int], /) -> int | None:
        """Return the first of these slots that is free; None where all carry trades."""

    def trade(self, slot_id: int, /) -> tuple[str, str, TradeSide]:
        """Return what a slot carries or has carried last: trade, instrument and side."""


class StrategyKernel(KernelApi, Protocol):
    """A kernel that strategies run on: in this process, or a connection."""

    @property
    def zinc_plane(self) -> object | None:
        """Shared memory that shows intents; None where there is none."""

    @property
    def recovery(self) -> dict[str, Any] | None:
        """What was found at the opening, `last_seq` among it; None where there is no past."""

    @property
    def log_standing(self) -> dict[str, Any] | None:
        """How the log stands; None without a log that keeps notes."""

    def verbs(self, owner: str = "", *, numbered: bool = False) -> IntentVerbs:
        """Return what numbers an owner's intents, reads its slots, and may send them itself."""

    def teller(self, listener: Listener, settle: Callable[[], object], **callbacks: Any) -> Teller:  # noqa: ANN401
        """Return what dispatches a strategy's trade events."""

    def on_venue_event(self, event: VenueEvent, /) -> KernelOutcome:
        """Take a venue's event that comes through this program."""

    def note(self, name: str, text: str, told_seq: int | None = None) -> object:
        """Keep a text in the log."""

    def noted(self, name: str, /) -> "Note | None":
        """Return the newest note of a name; None where there is none."""

    def happened_since(
        self, owner: str, after_seq: int, until_seq: int
    ) -> Iterable[tuple[TradeSlot, VenueEvent, VenueOrder | None]]:
        """Return what has happened to an owner's trades: slot, event, order as it was then."""

    def hold(self) -> object:
        """Have what is taken from now on wait for `let_go`: it is durable together or not at all."""

    def let_go(self) -> object:
        """End `hold`."""
