"""What the handler of a signal may do."""

import _thread
from collections.abc import Callable


def elsewhere(call: Callable[[], object]) -> Callable[[int, object], None]:
    """Return a handler of signals that makes a call in a thread of its own.

    The handler itself runs in the main thread, wherever that stands: also within `Event.wait`, while it
    holds the event's lock. `Event.set` called there would wait for itself for ever.

    Args:
        call: The function to call, such as the `set` of an event.
    """

    def handle(_number: int, _frame: object) -> None:
        _thread.start_new_thread(call, ())

    return handle
