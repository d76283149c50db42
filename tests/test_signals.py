"""What the handler of a signal may do."""

import signal
import threading

from dita.signals import elsewhere


def test_a_signal_within_a_wait_sets_the_event_and_holds_up_nobody() -> None:
    stop = threading.Event()
    handled = threading.Thread(target=elsewhere(stop.set), args=(signal.SIGTERM, None), daemon=True)
    # As where the signal comes while `Event.wait` has the event's lock: its handler has to come to its end.
    with stop._cond:  # type: ignore[attr-defined]
        handled.start()
        handled.join(30)
        assert not handled.is_alive()
    assert stop.wait(30)
