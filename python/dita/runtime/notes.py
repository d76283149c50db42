"""What a strategy wants back after a restart: noted beside what it does, and given back."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from dita._kernel import Listener, Teller
from dita.kernel.api import StrategyKernel
from dita.runtime.context import ActorContext
from dita.runtime.watchdog import Guarded
from dita.strategy import Strategy, StrategyError

NOTE_S: Final = 1.0
NOTE_BYTES_MAX: Final = 65_536


def _json_of(state: Mapping[str, Any]) -> str:
    """Return a strategy's state as JSON.

    Raises:
        StrategyError: It is no plain JSON, or too long.
    """
    try:
        text = json.dumps(state, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StrategyError(f"returned what is no plain JSON: {error}") from error
    if len(text.encode()) > NOTE_BYTES_MAX:
        raise StrategyError(f"returned {len(text.encode()):,} bytes of JSON, more than {NOTE_BYTES_MAX:,}")
    return text


def _read(text: str) -> tuple[int, Any]:
    """Return how many callbacks had received the input under way, and the state."""
    # A state is an object: what begins with a digit was noted within a callback.
    count, state = ("0", text) if text.startswith("{") else text.split(" ", 1)
    return int(count), json.loads(state)


class Notes:
    """One strategy's notes in its kernel's log."""

    def __init__(
        self,
        name: str,
        strategy: Strategy,
        kernel: StrategyKernel,
        context: ActorContext,
        listener: Listener,
    ) -> None:
        """Note nothing yet.

        Args:
            name: The strategy's.
            strategy: The strategy.
            kernel: Whose log.
            context: Says whether the strategy has acted.
            listener: Counts its callbacks.
        """
        self._name = name
        self._strategy = strategy
        self._kernel = kernel
        self._context = context
        self._listener = listener
        self._calls = 0
        self._called = False
        self._noted_s = 0.0
        self._told_seq = 0

    def recover(self, teller: Teller, call: Callable[..., None]) -> None:
        """Give the strategy its last note back, and tell what has happened since.

        Args:
            teller: Tells it.
            call: Calls a callback of its.
        """
        recovery = self._kernel.recovery
        if recovery is None or not recovery["last_seq"]:
            return
        strategy, until = self._strategy, self._kernel.seq
        noted = self._kernel.noted(self._name)
        strategy.recovering = True
        try:
            count = 0
            if noted is not None:
                count, state = _read(noted.text)
                call(strategy.on_load, state)
            teller.clear_sizes()
            teller.skip(count)
            known = 0 if noted is None else noted.told_seq
            for slot, event, order in self._kernel.happened_since(self._name, known, until):
                teller.retell(slot, event, order)
        finally:
            teller.skip(0)
            strategy.recovering = False
        self._told_seq = until
        teller.set_told_seq(until)

    def is_due(self, *, may_write: bool) -> bool:
        """Say whether the strategy's state may have changed and is due for a note.

        Args:
            may_write: Whether the strategy has a state worth noting.
        """
        calls = self._listener.calls
        if calls != self._calls:
            self._calls, self._called = calls, True
        if not self._called:
            self._context.acted = False
            return False
        return may_write and (self._context.acted or time.monotonic() - self._noted_s >= NOTE_S)

    def write(self, told_seq: int, guarded: Guarded) -> None:
        """Ask the strategy what it wants back, and note it.

        Args:
            told_seq: The last input whose events were all dispatched.
            guarded: Watches the call.

        Raises:
            StrategyError: What it returned is no plain JSON, or too long.
        """
        self._context.acted = self._called = False
        self._noted_s = time.monotonic()
        guarded.enter()
        try:
            state = self._strategy.on_save()
        finally:
            guarded.leave()
            self._calls = self._listener.calls
        if state is not None:
            self._kernel.note(self._name, _json_of(state), max(told_seq, self._told_seq))

    def within(self, told_seq: int, teller: Teller) -> tuple[str, int] | None:
        """Ask the strategy, within a callback that is about to act, what it wants back.

        Args:
            told_seq: The last input whose events were all dispatched.
            teller: Tells it.

        Returns:
            A note's text and its last input; None where it wants nothing. The text counts what was
            dispatched of an input that has more to dispatch.

        Raises:
            StrategyError: What it returned is no plain JSON, or too long.
        """
        state = self._strategy.on_save()
        if state is None:
            return None
        text, under_way = _json_of(state), teller.under_way()
        if under_way is None:
            return text, max(told_seq, self._told_seq)
        seq, count = under_way
        return f"{count} {text}", max(seq - 1, self._told_seq)

    def ask_again(self) -> None:
        """Let the next quiet moment write a note, however short the last one is ago."""
        self._context.acted = self._called = True
