"""K, E and their difference as one picture: over time, by cause, and at the end from K to E part by part.

Amounts are written exactly, as text and in `data-` attributes. Only places on the paper are floats.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Final

from dita.chart import Scale, clock, exact, time_ticks

UNEXPLAINED: Final = "UNEXPLAINED"
PROVEN: Final = "PROVEN"
SAMPLES_MAX: Final = 800

_WIDTH: Final = 1160
_LEFT: Final = 110
_RIGHT: Final = 1130
_MONEY: Final = (78, 248)
_CAUSES: Final = (312, 502)
_FALL: Final = (590, 790)
_NOTES: Final = 882
_LINE: Final = 19
_COLOURS: Final = 8

# Plain rules, no custom properties: not every viewer of SVG knows those.
_STYLE: Final = """
svg{font-family:ui-sans-serif,system-ui,"DejaVu Sans",Arial,sans-serif;font-size:12px}
.paper{fill:#fff}text{fill:#33404d}.t{font-size:16px;font-weight:600;fill:#1c2733}.s{fill:#6b7885}.r{text-anchor:end}
.m{text-anchor:middle}.grid{stroke:#e3e8ed;stroke-width:1}.zero{stroke:#6b7885;stroke-width:1}.mark{stroke:#9aa7b4;
stroke-dasharray:2 4}.dot{fill:#1c2733}.no{fill:#fff;font-size:10.5px;font-weight:600;text-anchor:middle}
.k,.e,.delta{fill:none;stroke-width:2}.k{stroke:#1f5fa8}.e{stroke:#d9822b;stroke-dasharray:7 4}
.delta{stroke:#1c2733;stroke-width:1.4}.kb{fill:#1f5fa8}.eb{fill:#d9822b}
.OK{fill:#5fae76}.WARN{fill:#e5b73b}.ERROR{fill:#d0443e}.u{fill:#c0392b}
.c0{fill:#4e79a7}.c1{fill:#59a14f}.c2{fill:#b07aa1}.c3{fill:#f2a541}.c4{fill:#76b7b2}.c5{fill:#9c755f}.c6{fill:#86a33b}
.c7{fill:#7f7f9c}.presumed{stroke-width:1.2;stroke-dasharray:4 3;stroke:#6b7885}.h{stroke-width:4}
.h0{stroke:#4e79a7}.h1{stroke:#59a14f}.h2{stroke:#b07aa1}.h3{stroke:#f2a541}.h4{stroke:#76b7b2}.h5{stroke:#9c755f}
.h6{stroke:#86a33b}.h7{stroke:#7f7f9c}
@media(prefers-color-scheme:dark){.paper{fill:#14191f}text{fill:#c8d1da}.t{fill:#eef2f6}.s{fill:#93a0ad}
.grid{stroke:#26303a}.zero{stroke:#93a0ad}.dot{fill:#e8edf2}.no{fill:#14191f}.k{stroke:#7db3ee}.e{stroke:#f0a860}
.delta{stroke:#e8edf2}.kb{fill:#7db3ee}.eb{fill:#f0a860}.u{fill:#e2665c}}
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of E - K.

    Attributes:
        cause: Its name.
        amount: How much of the difference it stands for.
        proof: PROVEN, or PRESUMED: a hypothesis within what is unexplained.
    """

    cause: str
    amount: Decimal
    proof: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The account at one moment, as the kernel tells it.

    Attributes:
        ts_ns: Kernel time.
        k: What the wallet must hold.
        e: What the exchange says; None before its first frame.
        status: OK, WARN or ERROR.
        parts: The named parts of E - K.
    """

    ts_ns: int
    k: Decimal
    e: Decimal | None
    status: str
    parts: tuple[Part, ...]

    @property
    def delta(self) -> Decimal:
        """E - K; 0 before the exchange's first frame."""
        return Decimal(0) if self.e is None else self.e - self.k

    @property
    def proven(self) -> tuple[Part, ...]:
        """The parts that add up to E - K; what is unexplained comes last."""
        parts = (part for part in self.parts if part.proof == PROVEN or part.cause == UNEXPLAINED)
        return tuple(sorted(parts, key=lambda part: part.cause == UNEXPLAINED))

    @property
    def presumed(self) -> tuple[Part, ...]:
        """The hypotheses, which explain nothing yet."""
        return tuple(part for part in self.parts if part not in self.proven)

    def says_what(self, other: "Sample") -> bool:
        """Whether the other says the same of the money."""
        return (self.k, self.e, self.status, self.parts) == (other.k, other.e, other.status, other.parts)


@dataclass(frozen=True, slots=True)
class Drift:
    """A run, seen as the difference between two accounts.

    Attributes:
        title: What ran.
        asset: In which everything is counted.
        samples: At least one, oldest first.
        notes: Time and text of what was done on purpose.
    """

    title: str
    asset: str
    samples: Sequence[Sample]
    notes: Sequence[tuple[int, str]] = ()


def thinned(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples that a picture can show: each change, or of each stretch the widest difference.

    Args:
        samples: Oldest first.
    """
    changes = [
        sample
        for number, sample in enumerate(samples)
        if number in {0, len(samples) - 1} or not sample.says_what(samples[number - 1])
    ]
    if len(changes) <= SAMPLES_MAX:
        return changes
    inner = changes[1:-1]
    stretch = -(-len(inner) // (SAMPLES_MAX - 2))
    kept = [
        max(inner[at : at + stretch], key=lambda sample: abs(sample.delta))
        for at in range(0, len(inner), stretch)
    ]
    return [changes[0], *kept, changes[-1]]


def as_svg(drift: Drift) -> str:
    """Return the picture.

    Args:
        drift: The run.
    """
    return "\n".join([*_Picture(drift).lines(), ""])


class _Picture:
    """The three panels of a run."""

    def __init__(self, drift: Drift) -> None:
        self._drift = drift
        self._samples = thinned(drift.samples)
        self._last = self._samples[-1]
        self._start = self._samples[0].ts_ns
        self._span = max(1, self._last.ts_ns - self._start)
        causes = dict.fromkeys(part.cause for sample in self._samples for part in sample.parts)
        named = [cause for cause in causes if cause != UNEXPLAINED]
        self._classes = {cause: f"c{number % _COLOURS}" for number, cause in enumerate(named)}
        self._classes[UNEXPLAINED] = "u"

    def lines(self) -> Iterator[str]:
        height = _NOTES + _LINE * len(self._drift.notes)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
            f'height="{height}" role="img" aria-labelledby="drift-title">'
        )
        yield f'<title id="drift-title">{escape(self._drift.title)}: K, E and what lies between</title>'
        yield f"<style>{_STYLE}</style>"
        yield from (_hatch(number) for number in range(_COLOURS))
        yield f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="8"/>'
        yield f'<text class="t" x="24" y="30">{escape(self._drift.title)}</text>'
        date = clock(self._start, "%Y-%m-%d, times UTC")
        yield f'<text class="s r" x="{_RIGHT}" y="30">{date}</text>'
        yield from self._money()
        yield from self._causes()
        yield from self._notes()
        yield from self._fall()
        yield "</svg>"

    # --------------------------------------------------------------------------------------------- over time

    def _x(self, ts_ns: int) -> float:
        return _LEFT + (ts_ns - self._start) / self._span * (_RIGHT - _LEFT)

    def _money(self) -> Iterator[str]:
        reported = [sample.e for sample in self._samples if sample.e is not None]
        scale = Scale(_MONEY, [*(sample.k for sample in self._samples), *reported], Decimal("0.08"))
        yield f'<text class="s" x="24" y="{_MONEY[0] - 16}">K and E, {escape(self._drift.asset)}</text>'
        yield from self._grid(scale)
        kept = [(sample.ts_ns, sample.k) for sample in self._samples]
        known = [(sample.ts_ns, sample.e) for sample in self._samples if sample.e is not None]
        yield f'<path class="k" d="{self._steps(kept, scale)}"/>'
        if known:
            yield f'<path class="e" d="{self._steps(known, scale)}"/>'
        yield f'<path class="k" d="M{_LEFT + 90} {_MONEY[0] - 20}h30"/>'
        yield f'<text x="{_LEFT + 126}" y="{_MONEY[0] - 16}">K, by the kernel\'s ledger</text>'
        yield f'<path class="e" d="M{_LEFT + 300} {_MONEY[0] - 20}h30"/>'
        yield f'<text x="{_LEFT + 336}" y="{_MONEY[0] - 16}">E, as the exchange reports it</text>'

    def _causes(self) -> Iterator[str]:
        stacks = [_stacked(sample) for sample in self._samples]
        reached = [end for stack in stacks for _, _, end in stack]
        reached += [
            _start_of_unexplained(sample) + part.amount
            for sample in self._samples
            for part in sample.presumed
        ]
        scale = Scale(_CAUSES, [Decimal(0), *reached], Decimal("0.08"))
        yield f'<text class="s" x="24" y="{_CAUSES[0] - 16}">E \u2212 K</text>'
        yield from self._grid(scale)
        ends = [*(sample.ts_ns for sample in self._samples[1:]), self._last.ts_ns]
        for sample, stack, end_ns in zip(self._samples, stacks, ends, strict=True):
            left, right = self._x(sample.ts_ns), self._x(end_ns)
            yield (
                f'<rect class="{escape(sample.status)}" x="{left:.1f}" y="{_CAUSES[1] + 4}" '
                f'width="{right - left:.1f}" height="5"/>'
            )
            for part, start, end in stack:
                yield _bar(self._fill(part, sample), left, right, scale.y(start), scale.y(end))
            # Hypotheses are alternatives: side by side over what each would explain.
            wide = (right - left) / max(1, len(sample.presumed))
            begin = _start_of_unexplained(sample)
            for place, part in enumerate(sample.presumed):
                edges = scale.y(begin), scale.y(begin + part.amount)
                yield _bar(self._fill(part, sample), left + wide * place, left + wide * (place + 1), *edges)
        yield f'<path class="zero" d="M{_LEFT} {scale.y(Decimal(0)):.1f}H{_RIGHT}"/>'
        line = self._steps([(sample.ts_ns, sample.delta) for sample in self._samples], scale)
        yield f'<path class="delta" d="{line}"/>'
        yield from self._times()
        at, row = _LEFT + 90, 0
        seen = {
            f"{part.cause}, presumed" if part in sample.presumed else part.cause: self._fill(part, sample)
            for sample in self._samples
            for part in sample.parts
        }
        for text, fill in seen.items():
            name = escape(text)
            wide = 32 + 8 * len(name)
            if at + wide > _RIGHT:
                at, row = _LEFT + 90, row + 15
            yield f'<rect {fill} x="{at}" y="{_CAUSES[0] - 26 + row}" width="11" height="11"/>'
            yield f'<text x="{at + 16}" y="{_CAUSES[0] - 16 + row}">{name}</text>'
            at += wide

    def _fill(self, part: Part, sample: Sample) -> str:
        kind = self._classes[part.cause]
        return f'fill="url(#h-{kind})"' if part in sample.presumed else f'class="{kind}"'

    def _steps(self, points: Sequence[tuple[int, Decimal]], scale: Scale) -> str:
        path = f"M{self._x(points[0][0]):.1f} {scale.y(points[0][1]):.1f}"
        path += "".join(f"H{self._x(ts_ns):.1f}V{scale.y(amount):.1f}" for ts_ns, amount in points[1:])
        return f"{path}H{_RIGHT}"

    def _grid(self, scale: Scale) -> Iterator[str]:
        for amount in scale.ticks():
            y = scale.y(amount)
            yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{_RIGHT}"/>'
            yield f'<text class="s r" x="{_LEFT - 8}" y="{y + 4:.1f}">{exact(amount)}</text>'

    def _times(self) -> Iterator[str]:
        for at, text in time_ticks(self._start, self._last.ts_ns):
            yield f'<text class="s m" x="{self._x(at):.1f}" y="{_CAUSES[1] + 26}">{text}</text>'

    def _notes(self) -> Iterator[str]:
        for number, (ts_ns, text) in enumerate(self._drift.notes, 1):
            x, y = self._x(ts_ns), _NOTES - 4 + _LINE * (number - 1)
            yield f'<text x="24" y="{y}">{number}. {clock(ts_ns, "%H:%M")} {escape(text)}</text>'
            yield f'<path class="mark" d="M{x:.1f} {_MONEY[0]}V{_CAUSES[1]}"/>'
            yield f'<circle class="dot" cx="{x:.1f}" cy="{_MONEY[1] + 14}" r="9"/>'
            yield f'<text class="no" x="{x:.1f}" y="{_MONEY[1] + 18}">{number}</text>'

    # -------------------------------------------------------------------------------------------- at the end

    def _fall(self) -> Iterator[str]:
        last = self._last
        when = clock(last.ts_ns, "%Y-%m-%d %H:%M:%S UTC")
        yield f'<text class="t" x="24" y="{_FALL[0] - 30}">From K to E at {when}</text>'
        if last.e is None:
            yield f'<text x="24" y="{_FALL[0]}">The exchange has not reported its account yet.</text>'
            return
        levels = [last.k]
        for part in last.proven:
            levels.append(levels[-1] + part.amount)
        supposed = levels[-2] if last.proven and last.proven[-1].cause == UNEXPLAINED else last.k
        guesses = [supposed + part.amount for part in last.presumed]
        scale = Scale(_FALL, [*levels, last.e, *guesses], Decimal("0.18"))
        columns = len(last.proven) + 2 + len(last.presumed)
        wide = min(170.0, (_RIGHT - 24) / columns)
        places = [24 + wide * number for number in range(columns)]
        yield f'<path class="zero" d="M24 {_FALL[1]}H{_RIGHT}"/>'
        yield from self._total("K", last.k, "kb", places[0], wide, scale)
        for place, part, start in zip(places[1:], last.proven, levels, strict=False):
            yield from self._step(part, start, place, wide, scale)
        yield from self._total("E", last.e, "eb", places[len(last.proven) + 1], wide, scale)
        for place, part in zip(places[len(last.proven) + 2 :], last.presumed, strict=True):
            yield from self._step(part, supposed, place, wide, scale)
        note = (
            "The axis does not start at 0. A dashed bar is a hypothesis within UNEXPLAINED: it is in no sum."
        )
        yield f'<text class="s" x="24" y="{_FALL[1] + 62}">{note}</text>'

    def _total(
        self, name: str, amount: Decimal, kind: str, left: float, wide: float, scale: Scale
    ) -> Iterator[str]:
        y, right = scale.y(amount), left + wide * 0.72
        yield (
            f'<rect class="{kind}" data-{name.lower()}="{amount:f}" x="{left:.1f}" y="{y:.1f}" '
            f'width="{right - left:.1f}" height="{_FALL[1] - y:.1f}"/>'
        )
        yield from _caption(name, exact(amount), (left + right) / 2, y - 7)

    def _step(self, part: Part, start: Decimal, left: float, wide: float, scale: Scale) -> Iterator[str]:
        right = left + wide * 0.72
        top, bottom = sorted((scale.y(start), scale.y(start + part.amount)))
        guess = part in self._last.presumed
        dashed = ' class="presumed"' if guess else ""
        yield (
            f'<rect {self._fill(part, self._last)}{dashed} data-cause="{escape(part.cause)}" '
            f'data-amount="{part.amount:f}" data-proof="{escape(part.proof)}" x="{left:.1f}" y="{top:.1f}" '
            f'width="{right - left:.1f}" height="{max(bottom - top, 1.5):.1f}"/>'
        )
        yield f'<path class="grid" d="M{right:.1f} {scale.y(start + part.amount):.1f}H{left + wide:.1f}"/>'
        yield from _caption(part.cause, exact(part.amount, sign=True), (left + right) / 2, top - 7)
        if guess:
            yield f'<text class="s m" x="{(left + right) / 2:.1f}" y="{_FALL[1] + 46}">hypothesis</text>'


def _stacked(sample: Sample) -> list[tuple[Part, Decimal, Decimal]]:
    """Return each part of the sum with where it starts and ends, up or down from 0."""
    reached = {True: Decimal(0), False: Decimal(0)}
    stack: list[tuple[Part, Decimal, Decimal]] = []
    for part in sample.proven:
        up = part.amount > 0
        stack.append((part, reached[up], reached[up] + part.amount))
        reached[up] += part.amount
    return stack


def _start_of_unexplained(sample: Sample) -> Decimal:
    starts = (start for part, start, _ in _stacked(sample) if part.cause == UNEXPLAINED)
    return next(starts, Decimal(0))


def _hatch(number: int) -> str:
    return (
        f'<pattern id="h-c{number}" width="8" height="8" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><path class="h h{number}" d="M2 0V8"/></pattern>'
    )


def _bar(fill: str, left: float, right: float, start: float, end: float) -> str:
    top, bottom = sorted((start, end))
    return (
        f'<rect {fill} x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"/>'
    )


def _caption(name: str, amount: str, middle: float, above: float) -> Iterator[str]:
    yield f'<text class="m" x="{middle:.1f}" y="{above:.1f}">{amount}</text>'
    words = name.split("_")
    half = 1 if len(words) < 3 else 2
    for line, text in enumerate(("_".join(words[:half]), "_".join(words[half:]))):
        yield f'<text class="s m" x="{middle:.1f}" y="{_FALL[1] + 18 + 14 * line}">{escape(text)}</text>'
