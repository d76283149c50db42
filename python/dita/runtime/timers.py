"""A strategy's timers: which are set, and which have run out."""

from collections.abc import Iterator
from typing import Final

from dita._kernel import Listener
from dita.errors import InvalidInput

TICK: Final = "\0tick"
TICK_NS: Final = 1_000_000_000


class Timers:
    """The timers of one strategy, by name."""

    def __init__(self, listener: Listener) -> None:
        """Begin with none.

        Args:
            listener: Takes the time of the next one.
        """
        self._listener = listener
        self._due: dict[str, tuple[int, int | None]] = {}

    def set(self, name: str, every_ns: int | None, at_ns: int | None, now_ns: int) -> None:
        """Set a timer; with neither a length nor a time it is removed.

        Args:
            name: Its name; one of the same name is replaced.
            every_ns: Again and again.
            at_ns: When it runs out first.
            now_ns: The time.

        Raises:
            InvalidInput: A length is not above zero.
        """
        if every_ns is not None and every_ns <= 0:
            raise InvalidInput(f"every: must be above zero for timer {name}")
        if every_ns is None and at_ns is None:
            self._due.pop(name, None)
        else:
            self._due[name] = (at_ns if at_ns is not None else now_ns + (every_ns or 0), every_ns)
        self._listener.set_next_timer(self.next_ns())

    def next_ns(self) -> int | None:
        """Return when the next timer runs out, ns; None where there is none."""
        return min((due for due, _ in self._due.values()), default=None)

    def run_out(self, due_ns: int, now_ns: int) -> Iterator[tuple[int, str]]:
        """Yield when which timers have run out, the earliest first. Those that come again are set anew.

        What is set or removed meanwhile counts: a timer that is gone when its turn comes does not run out.

        Args:
            due_ns: Timers up to this time run out.
            now_ns: The time: a timer that comes again comes after it.
        """
        due = sorted((at, name) for name, (at, _) in self._due.items() if at <= due_ns)
        for at, name in due:
            set_at, every = self._due.get(name, (None, None))
            if set_at != at:
                continue
            del self._due[name]
            if every is not None:
                # From when it was due, so that it does not wander; what was missed is not made up for.
                behind = (now_ns - at) // every
                self._due[name] = (at + (behind + 1) * every, every)
            yield at, name
        self._listener.set_next_timer(self.next_ns())
