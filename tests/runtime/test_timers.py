"""Timers: which run out, and in which order."""

import pytest

from dita._kernel import Listener
from dita.errors import InvalidInput
from dita.runtime.timers import Timers


def timers() -> Timers:
    return Timers(Listener(symbols=(), intervals=(), warmup=0, slots=()))


def test_timers_run_out_the_earliest_first_and_come_again_without_wandering() -> None:
    given = timers()
    given.set("late", None, 30, 0)
    given.set("every", 10, None, 5)
    assert given.next_ns() == 15
    assert list(given.run_out(37, 37)) == [(15, "every"), (30, "late")]
    assert given.next_ns() == 45, "15, 25 and 35 are behind: they are not made up for"


def test_a_timer_that_another_one_removes_or_moves_does_not_run_out_with_it() -> None:
    given = timers()
    for at, name in ((10, "first"), (11, "gone"), (12, "moved")):
        given.set(name, None, at, 0)
    reported = []
    for _, name in given.run_out(20, 20):
        reported.append(name)
        given.set("gone", None, None, 20)
        given.set("moved", None, 40, 20)
    assert reported == ["first"]
    assert given.next_ns() == 40


def test_a_length_that_is_not_above_zero_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="every: must be above zero for timer beat"):
        timers().set("beat", 0, None, 0)
