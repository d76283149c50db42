"""The drift's picture for a phone: as wide as one, and as high as it needs, so that it is never shrunk."""

import textwrap
from collections.abc import Iterator
from decimal import Decimal
from html import escape
from typing import ClassVar, Final

from dita.chart import Scale, clock, exact
from dita.timetravel.drift_chart import UNEXPLAINED, Part, Picture, key

_LINE: Final = 19
_ROW: Final = 44
_MARGIN: Final = 12
# At 12 px; a wider font's text is longer.
_LETTERS: Final = 50


class PhonePicture(Picture):
    """The same three panels, one under the other; the way from K to E goes down, row by row."""

    NAME: ClassVar[str] = "phone"
    WIDTH: ClassVar[int] = 360
    LEFT: ClassVar[int] = 84
    RIGHT: ClassVar[int] = 348
    TICKS_MAX: ClassVar[int] = 4

    def _lay_out(self) -> None:
        last = self._last
        rows = len(last.proven) + len(last.presumed) + 2
        self._notes_text = [
            textwrap.wrap(f"{number}. {clock(ts_ns, '%H:%M')} {text}", _LETTERS)
            for number, (ts_ns, text) in enumerate(self._drift.notes, 1)
        ]
        self.money = (80, 250)
        causes = self.money[1] + 60 + _LINE * len(self._legend)
        self.causes = (causes, causes + 190)
        self.notes = self.causes[1] + 56
        fall = self.notes + 46 + _LINE * sum(len(lines) for lines in self._notes_text)
        self.fall = (fall, fall + (_LINE if last.e is None else rows * _ROW))
        self.height = self.fall[1] + 56

    def _head(self) -> Iterator[str]:
        date = clock(self._start, "%Y-%m-%d, times UTC")
        yield f'<text class="s r" x="{self.RIGHT}" y="20">{date}</text>'
        yield f'<text class="s" x="{_MARGIN}" y="20">{escape(self._drift.asset)}</text>'

    def _money_head(self) -> Iterator[str]:
        for y, kind, text in (
            (44, "k", "K, by the kernel's ledger"),
            (63, "e", "E, as the exchange reports it"),
        ):
            yield f'<path class="{kind}" d="M{_MARGIN} {y - 4}h30"/>'
            yield f'<text x="{_MARGIN + 38}" y="{y}">{text}</text>'

    def _causes_head(self) -> Iterator[str]:
        y = self.causes[0] - 14 - _LINE * len(self._legend)
        yield f'<text class="s" x="{_MARGIN}" y="{y}">E \u2212 K, by cause</text>'
        for number, (text, fill) in enumerate(self._legend.items(), 1):
            yield from key(text, fill, _MARGIN, y + _LINE * number)

    def _notes(self) -> Iterator[str]:
        y = self.notes
        for number, ((ts_ns, _), lines) in enumerate(
            zip(self._drift.notes, self._notes_text, strict=True), 1
        ):
            yield from self._mark(number, self._x(ts_ns))
            for line in lines:
                yield f'<text x="{_MARGIN}" y="{y}">{escape(line)}</text>'
                y += _LINE

    # -------------------------------------------------------------------------------------------- at the end

    def _fall(self) -> Iterator[str]:
        last = self._last
        when = clock(last.ts_ns, "%Y-%m-%d %H:%M:%S")
        yield f'<text class="t" x="{_MARGIN}" y="{self.fall[0] - 18}">From K to E</text>'
        yield f'<text class="s r" x="{self.RIGHT}" y="{self.fall[0] - 18}">{when} UTC</text>'
        if last.e is None:
            words = "The exchange has not reported its account yet."
            yield f'<text x="{_MARGIN}" y="{self.fall[0] + 14}">{words}</text>'
            return
        levels = [last.k]
        for part in last.proven:
            levels.append(levels[-1] + part.amount)
        supposed = levels[-2] if last.proven and last.proven[-1].cause == UNEXPLAINED else last.k
        guesses = [supposed + part.amount for part in last.presumed]
        # Up is to the right here.
        scale = Scale((self.RIGHT, _MARGIN), [*levels, last.e, *guesses], Decimal("0.18"))
        top = self.fall[0]
        yield from self._row_of_total("K", last.k, "kb", top, scale)
        for part, start in zip(last.proven, levels, strict=False):
            top += _ROW
            yield from self._row_of_part(part, start, top, scale)
        top += _ROW
        yield from self._row_of_total("E", last.e, "eb", top, scale)
        for part in last.presumed:
            top += _ROW
            yield from self._row_of_part(part, supposed, top, scale)
        for number, text in enumerate(
            (
                "The axis does not start at 0. A dashed bar is a",
                "hypothesis within UNEXPLAINED: it is in no sum.",
            )
        ):
            yield f'<text class="s" x="{_MARGIN}" y="{self.fall[1] + 22 + 16 * number}">{text}</text>'

    def _row_of_total(self, name: str, amount: Decimal, kind: str, top: float, scale: Scale) -> Iterator[str]:
        yield from self._row_text(name, exact(amount), top)
        yield (
            f'<rect class="{kind}" data-{name.lower()}="{amount:f}" x="{_MARGIN}" y="{top + 18:.1f}" '
            f'width="{scale.y(amount) - _MARGIN:.1f}" height="16"/>'
        )

    def _row_of_part(self, part: Part, start: Decimal, top: float, scale: Scale) -> Iterator[str]:
        guess = part in self._last.presumed
        yield from self._row_text(
            f"{part.cause}, presumed" if guess else part.cause, exact(part.amount, sign=True), top
        )
        left, right = sorted((scale.y(start), scale.y(start + part.amount)))
        dashed = ' class="presumed"' if guess else ""
        yield (
            f'<rect {self._fill(part, self._last)}{dashed} data-cause="{escape(part.cause)}" '
            f'data-amount="{part.amount:f}" data-proof="{escape(part.proof)}" x="{left:.1f}" '
            f'y="{top + 18:.1f}" width="{max(right - left, 1.5):.1f}" height="16"/>'
        )

    def _row_text(self, name: str, amount: str, top: float) -> Iterator[str]:
        yield f'<text x="{_MARGIN}" y="{top + 13:.1f}">{escape(name)}</text>'
        yield f'<text class="r" x="{self.RIGHT}" y="{top + 13:.1f}">{amount}</text>'
