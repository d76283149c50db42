"""The screen of `dita watch`: a terminal view that follows a kernel."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Footer, Static

from dita.observe.source import Seen, Source
from dita.observe.text import (
    ORDER_HEADER,
    RIGHT,
    SLOT_HEADER,
    account_lines,
    control_lines,
    follower_lines,
    head_line,
    order_rows,
    slot_rows,
    tone,
)

INTERVAL_S: Final = 0.5


class WatchScreen(App[None]):
    """Slots, orders, account, controls and followers of one kernel, read again and again.

    Keys: n the next kernel, p pause, q quit, and where a control plane was given H halt.
    """

    TITLE = "dita watch"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head { height: 1; text-style: bold; padding: 0 1; background: $panel; }
    #trouble { height: auto; max-height: 3; padding: 0 1; background: $error; color: $text; display: none; }
    .good #head { background: $success-darken-2; }
    .warn #head { background: $warning-darken-2; }
    .bad #head { background: $error-darken-2; }
    #top { height: auto; max-height: 14; }
    #account { width: 3fr; }
    #side { width: 2fr; height: auto; }
    .panel { border: round $primary; padding: 0 1; height: auto; }
    #slots { height: 2fr; border: round $primary; }
    #orders { height: 1fr; border: round $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("n", "next_kernel", "next kernel"),
        Binding("p", "pause", "pause"),
        Binding("H", "halt", "HALT"),
    ]

    def __init__(
        self,
        source: Source,
        kernel: str | None = None,
        *,
        interval_s: float = INTERVAL_S,
        halt: Callable[[], str] | None = None,
    ) -> None:
        """Name what is shown.

        Args:
            source: Where it comes from.
            kernel: Which kernel; None means the first.
            interval_s: How often it is read.
            halt: Halts the kernels, and says what came of it; None where that cannot be done from here.
        """
        super().__init__()
        self._source = source
        self._kernel = kernel
        self._interval_s = interval_s
        self._halt = halt
        self._is_paused = False
        self.seen: Seen | None = None

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        yield Static("", id="head", markup=False)
        yield Static("", id="trouble", markup=False)
        with Horizontal(id="top"):
            yield Static("", id="account", classes="panel", markup=False)
            with Vertical(id="side"):
                yield Static("", id="control", classes="panel", markup=False)
                yield Static("", id="followers", classes="panel", markup=False)
        yield DataTable[str](id="slots", cursor_type="none", zebra_stripes=True)
        yield DataTable[str](id="orders", cursor_type="none", zebra_stripes=True)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to read."""
        for name, title in (
            ("account", "account"),
            ("control", "controls"),
            ("followers", "followers"),
            ("slots", "slots"),
            ("orders", "orders at work"),
        ):
            self.query_one(f"#{name}").border_title = title
        self._fill("slots", SLOT_HEADER, ())
        self._fill("orders", ORDER_HEADER, ())
        self._look()
        self.set_interval(self._interval_s, self._look)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - textual's
        """Offer HALT only where it can be done."""
        return self._halt is not None if action == "halt" else True

    def action_next_kernel(self) -> None:
        """Show the next kernel."""
        if self.seen is not None and self.seen.others:
            others = list(self.seen.others)
            at = others.index(self.seen.kernel) if self.seen.kernel in others else -1
            self._kernel = others[(at + 1) % len(others)]
            self._look()

    def action_pause(self) -> None:
        """Stop reading, or go on."""
        self._is_paused = not self._is_paused
        self.sub_title = "paused" if self._is_paused else ""
        if not self._is_paused:
            self._look()

    @work(thread=True, exclusive=True, group="halt")
    def action_halt(self) -> None:
        """Halt the kernels of the control plane."""
        if self._halt is not None:
            outcome = self._halt()
            self.call_from_thread(self.notify, outcome, severity="warning", timeout=10)

    def _look(self) -> None:
        if not self._is_paused:
            self._read()

    @work(thread=True, exclusive=True, group="read")
    def _read(self) -> None:
        seen = self._source.read(self._kernel)
        self.call_from_thread(self.show, seen)

    def show(self, seen: Seen) -> None:
        """Show a kernel.

        Args:
            seen: As it was read.
        """
        if not self.query("#orders"):
            # The screen is on its way out.
            return
        self.seen = seen
        self.screen.set_classes(tone(seen))
        head = head_line(seen)
        self._say("head", f"{head}    PAUSED" if self._is_paused else head)
        trouble = self.query_one("#trouble", Static)
        trouble.display = bool(seen.trouble)
        trouble.update(seen.trouble)
        for name, lines in (
            ("account", account_lines(seen)),
            ("control", control_lines(seen)),
            ("followers", follower_lines(seen)),
        ):
            self._say(name, "\n".join(lines))
        self._fill("slots", SLOT_HEADER, slot_rows(seen))
        self._fill("orders", ORDER_HEADER, order_rows(seen))

    def _say(self, name: str, text: str) -> None:
        self.query_one(f"#{name}", Static).update(text)

    def _fill(self, name: str, header: Sequence[str], rows: Iterable[tuple[str, ...]]) -> None:
        table: DataTable[Any] = self.query_one(f"#{name}", DataTable)
        top = table.scroll_y
        table.clear(columns=True)
        to_right = [title in RIGHT.split() for title in header]
        for title, is_right in zip(header, to_right, strict=True):
            table.add_column(Text(title, justify="right") if is_right else title)
        for row in rows:
            cells = zip(row, to_right, strict=True)
            table.add_row(*(Text(cell, justify="right") if is_right else cell for cell, is_right in cells))
        table.scroll_y = top
