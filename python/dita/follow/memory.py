"""A target in memory: what a follower gave, as it came."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dita.follow.target import TargetAway

if TYPE_CHECKING:
    from dita._kernel import FollowBatch, FollowStates


class MemoryTarget:
    """Remembers what it was given. A token that comes again adds nothing.

    Attributes:
        name: Of the follower.
        wants_rows: Whether it takes the journal's rows.
        wants_states: Whether it takes the newest states.
        batches: The batches by token, in the order in which they came first.
        repeated: Tokens that came again.
        slots: The newest state of each slot, as JSON.
        orders: The newest state of each order that is live, as JSON.
        accounts: The newest state of each asset, as JSON.
        control: The newest controls, as JSON.
        away: How often it says that it is away before it takes the next thing.
        refills: How often it was given everything.
        closed: Whether it was closed.
    """

    def __init__(
        self,
        name: str = "memory",
        *,
        wants_rows: bool = True,
        wants_states: bool = True,
        identity: str = "memory",
    ) -> None:
        """Start empty.

        Args:
            name: Of the follower.
            wants_rows: Whether to take the journal's rows.
            wants_states: Whether to take the newest states.
            identity: Which target this is, for the cursor.
        """
        self.name = name
        self.wants_rows = wants_rows
        self.wants_states = wants_states
        self.batches: dict[str, FollowBatch] = {}
        self.repeated: list[str] = []
        self.slots: dict[int, str] = {}
        self.orders: dict[str, str] = {}
        self.accounts: dict[str, str] = {}
        self.control: str | None = None
        self.away = 0
        self.refills = 0
        self.emptied = False
        self.closed = False
        self._identity = identity

    def open(self) -> str:
        """Say which one it is."""
        self._maybe_away()
        return self._identity

    def write(self, batch: "FollowBatch", token: str) -> None:
        """Take a batch."""
        self._maybe_away()
        if token in self.batches:
            self.repeated.append(token)
            return
        self.batches[token] = batch
        if batch["states"] is not None:
            self._take(batch["states"])

    def refill(self, states: "FollowStates") -> None:
        """Take all states there are."""
        self._maybe_away()
        self.emptied = False
        self.refills += 1
        self._take(states)

    @property
    def wants_refill(self) -> bool:
        """Whether `empty` was called."""
        return self.emptied

    def empty(self) -> None:
        """Lose every state."""
        self.slots, self.orders, self.accounts, self.control = {}, {}, {}, None
        self.emptied = True

    def health(self, status: Mapping[str, Any]) -> None:
        """Leave it."""

    def close(self) -> None:
        """Be closed."""
        self.closed = True

    def rows(self, table: str) -> int:
        """Return how many rows of a table came."""
        return sum(
            rows for batch in self.batches.values() for name, rows, _ in batch["blocks"] if name == table
        )

    def _maybe_away(self) -> None:
        if self.away > 0:
            self.away -= 1
            raise TargetAway("the memory is away")

    def _take(self, states: "FollowStates") -> None:
        self.slots |= dict(states["slots"])
        for client_id, live, json in states["orders"]:
            if live:
                self.orders[client_id] = json
            else:
                self.orders.pop(client_id, None)
        for client_id in states["forgotten_orders"]:
            self.orders.pop(client_id, None)
        self.accounts |= dict(states["accounts"])
        self.control = states["control"] or self.control
