"""Who a follower writes to."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from dita._kernel import FollowBatch, FollowStates


class TargetAway(Exception):  # noqa: N818 - it is a state of the world, and passes
    """The target cannot be reached, or is too busy: the same is tried again, for as long as it takes."""


class TargetRefused(Exception):  # noqa: N818 - as above; the text says what to do
    """The target does not take this, and will not by waiting: a person has to do what the text says."""


@runtime_checkable
class Target(Protocol):
    """Takes what a follower gives out, in the follower's own process, one call at a time.

    Attributes:
        name: Of the follower that writes to it, and so of its cursor: letters, digits, - and _.
        wants_rows: Whether it takes the journal's rows: then every input counts, and the follower goes on
            exactly where it was.
        wants_states: Whether it takes the newest states: then the follower may go straight to the log's end.
    """

    name: str
    wants_rows: bool
    wants_states: bool

    def open(self) -> str:
        """Reach it, and bring it into shape.

        Returns:
            Which one it is, in one line: a cursor is good for this one only. Empty where it does not matter.

        Raises:
            TargetAway: It cannot be reached now.
            TargetRefused: It cannot be used.
        """
        ...

    def write(self, batch: "FollowBatch", token: str) -> None:
        """Take a batch, wholly. The same token means the same batch: it may come again, and adds nothing.

        Raises:
            TargetAway: It could not be taken now; it may have been taken in part.
            TargetRefused: It cannot be taken.
        """
        ...

    def refill(self, states: "FollowStates") -> None:
        """Take all states there are: at the beginning, and whenever `wants_refill` says so.

        Raises:
            TargetAway: They could not be taken now.
        """
        ...

    @property
    def wants_refill(self) -> bool:
        """Whether it has lost what it had (a cluster that was started empty)."""
        ...

    def health(self, status: "Mapping[str, Any]") -> None:
        """Take the follower's own state, now and then. What fails here fails in silence."""
        ...

    def close(self) -> None:
        """Let go."""
        ...
