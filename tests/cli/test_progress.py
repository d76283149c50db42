"""Progress is rewritten in place on a terminal and printed line by line elsewhere."""

import io

import pytest

from dita.cli import progress
from dita.cli.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "written"), [(Terminal(), "\r\x1b[K 50% read\r\x1b[K"), (io.StringIO(), " 50% read\n")]
)
def test_where_it_is_shown(stream: io.StringIO, written: str) -> None:
    shown = Progress(stream)
    shown.show(" 50% read")
    shown.close()
    assert stream.getvalue() == written


def test_it_is_due_after_its_interval_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0
    monkeypatch.setattr(progress.time, "monotonic_ns", lambda: now)
    shown = Progress(io.StringIO())
    assert not shown.is_due()
    now = progress.PLAIN_INTERVAL_NS
    assert shown.is_due()
    shown.show("x")
    assert not shown.is_due()


def test_nothing_was_shown_so_nothing_is_cleaned() -> None:
    stream = Terminal()
    Progress(stream).close()
    assert stream.getvalue() == ""


def test_what_has_not_changed_is_not_said_again() -> None:
    stream = io.StringIO()
    shown = Progress(stream)
    for text in ("1 of 9", "1 of 9", "2 of 9"):
        shown.show(text)
    assert stream.getvalue() == "1 of 9\n2 of 9\n"


def test_a_share_is_drawn_as_a_bar_on_a_terminal_alone() -> None:
    for stream, written in (
        (Terminal(), "\r\x1b[K[###############               ]  50% read"),
        (io.StringIO(), " 50% read\n"),
    ):
        Progress(stream).show_share(0.5, "read")
        assert stream.getvalue() == written
    full = Terminal()
    Progress(full).show_share(1.7, "read")
    assert full.getvalue() == f"\r\x1b[K[{'#' * progress.BAR_WIDTH}] 100% read"
