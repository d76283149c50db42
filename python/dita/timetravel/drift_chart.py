"""K, E and their difference as one picture: over time, by cause, and at the end from K to E part by part.

Amounts are written exactly, as text and in `data-` attributes. Only places on the paper are floats.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any, ClassVar, Final

from dita.chart import Scale, clock, exact, time_ticks

UNEXPLAINED: Final = "UNEXPLAINED"
PROVEN: Final = "PROVEN"
SAMPLES_MAX: Final = 800

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


def sample_of(account: Any, ts_ns: int) -> Sample:  # noqa: ANN401 - the kernel's own dict
    """Return a moment of an account.

    Args:
        account: As `ExecutionKernel.snapshot()["account"]` has it.
        ts_ns: Kernel time.
    """
    return Sample(
        ts_ns=ts_ns,
        k=account["k_capital"],
        e=account["e_wallet_balance"],
        status=str(account["reconcile_status"]),
        parts=tuple(
            Part(str(part["cause"]), part["amount"], str(part["proof"]))
            for part in account["reconcile_causes"]
        ),
    )


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
    return "\n".join([*Picture(drift).lines(), ""])


class Picture:
    """The three panels of a run, for a screen; `drift_phone` has them for a phone.

    Attributes:
        NAME: Stands before the picture's ids: two pictures may stand in one page.
        WIDTH: The paper's.
        LEFT: Where the panels over time begin.
        RIGHT: Where they end.
        TICKS_MAX: How many times fit under them.
        money: Top and bottom of the panel of K and E; `causes` and `fall` are the others'.
        notes: Where the list of notes begins.
        height: The paper's.
    """

    NAME: ClassVar[str] = "wide"
    WIDTH: ClassVar[int] = 1160
    LEFT: ClassVar[int] = 110
    RIGHT: ClassVar[int] = 1130
    TICKS_MAX: ClassVar[int] = 9

    def __init__(self, drift: Drift) -> None:
        """Lay it out.

        Args:
            drift: The run.
        """
        self._drift = drift
        self._samples = thinned(drift.samples)
        self._last = self._samples[-1]
        self._start = self._samples[0].ts_ns
        self._span = max(1, self._last.ts_ns - self._start)
        causes = dict.fromkeys(part.cause for sample in self._samples for part in sample.parts)
        named = [cause for cause in causes if cause != UNEXPLAINED]
        self._classes = {cause: f"c{number % _COLOURS}" for number, cause in enumerate(named)}
        self._classes[UNEXPLAINED] = "u"
        # Each part that is drawn, as it is called, and its colour.
        self._legend = {
            f"{part.cause}, presumed" if part in sample.presumed else part.cause: self._fill(part, sample)
            for sample in self._samples
            for part in sample.parts
        }
        self._lay_out()

    def _lay_out(self) -> None:
        self.money, self.causes, self.fall = (78, 248), (312, 502), (590, 790)
        self.notes = 882
        self.height = self.notes + _LINE * len(self._drift.notes)

    def lines(self) -> Iterator[str]:
        """Return the picture, line by line."""
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{self.NAME}" width="{self.WIDTH}" '
            f'height="{self.height}" viewBox="0 0 {self.WIDTH} {self.height}" role="img" '
            f'aria-labelledby="drift-{self.NAME}">'
        )
        yield f'<title id="drift-{self.NAME}">{escape(self._drift.title)}: K, E and what lies between</title>'
        yield f"<style>{_STYLE}</style>"
        yield from (self._hatch(number) for number in range(_COLOURS))
        yield f'<rect class="paper" width="{self.WIDTH}" height="{self.height}" rx="8"/>'
        yield from self._head()
        yield from self._money()
        yield from self._causes()
        yield from self._notes()
        yield from self._fall()
        yield "</svg>"

    def _head(self) -> Iterator[str]:
        yield f'<text class="t" x="24" y="30">{escape(self._drift.title)}</text>'
        date = clock(self._start, "%Y-%m-%d, times UTC")
        yield f'<text class="s r" x="{self.RIGHT}" y="30">{date}</text>'

    # --------------------------------------------------------------------------------------------- over time

    def _x(self, ts_ns: int) -> float:
        return self.LEFT + (ts_ns - self._start) / self._span * (self.RIGHT - self.LEFT)

    def _money(self) -> Iterator[str]:
        reported = [sample.e for sample in self._samples if sample.e is not None]
        scale = Scale(self.money, [*(sample.k for sample in self._samples), *reported], Decimal("0.08"))
        yield from self._money_head()
        yield from self._grid(scale)
        kept = [(sample.ts_ns, sample.k) for sample in self._samples]
        known = [(sample.ts_ns, sample.e) for sample in self._samples if sample.e is not None]
        yield f'<path class="k" d="{self._steps(kept, scale)}"/>'
        if known:
            yield f'<path class="e" d="{self._steps(known, scale)}"/>'

    def _money_head(self) -> Iterator[str]:
        y, left = self.money[0] - 16, self.LEFT
        yield f'<text class="s" x="24" y="{y}">K and E, {escape(self._drift.asset)}</text>'
        yield f'<path class="k" d="M{left + 90} {y - 4}h30"/>'
        yield f'<text x="{left + 126}" y="{y}">K, by the kernel\'s ledger</text>'
        yield f'<path class="e" d="M{left + 300} {y - 4}h30"/>'
        yield f'<text x="{left + 336}" y="{y}">E, as the exchange reports it</text>'

    def _causes(self) -> Iterator[str]:
        stacks = [_stacked(sample) for sample in self._samples]
        reached = [end for stack in stacks for _, _, end in stack]
        reached += [
            _start_of_unexplained(sample) + part.amount
            for sample in self._samples
            for part in sample.presumed
        ]
        scale = Scale(self.causes, [Decimal(0), *reached], Decimal("0.08"))
        yield from self._causes_head()
        yield from self._grid(scale)
        ends = [*(sample.ts_ns for sample in self._samples[1:]), self._last.ts_ns]
        for sample, stack, end_ns in zip(self._samples, stacks, ends, strict=True):
            left, right = self._x(sample.ts_ns), self._x(end_ns)
            yield (
                f'<rect class="{escape(sample.status)}" x="{left:.1f}" y="{self.causes[1] + 4}" '
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
        yield f'<path class="zero" d="M{self.LEFT} {scale.y(Decimal(0)):.1f}H{self.RIGHT}"/>'
        line = self._steps([(sample.ts_ns, sample.delta) for sample in self._samples], scale)
        yield f'<path class="delta" d="{line}"/>'
        yield from self._times()

    def _causes_head(self) -> Iterator[str]:
        yield f'<text class="s" x="24" y="{self.causes[0] - 16}">E \u2212 K</text>'
        at, row = self.LEFT + 90, 0
        for text, fill in self._legend.items():
            wide = 32 + 8 * len(text)
            if at + wide > self.RIGHT:
                at, row = self.LEFT + 90, row + 15
            yield from key(text, fill, at, self.causes[0] - 16 + row)
            at += wide

    def _hatch(self, number: int) -> str:
        return (
            f'<pattern id="{self.NAME}-c{number}" width="8" height="8" patternUnits="userSpaceOnUse" '
            f'patternTransform="rotate(45)"><path class="h h{number}" d="M2 0V8"/></pattern>'
        )

    def _fill(self, part: Part, sample: Sample) -> str:
        kind = self._classes[part.cause]
        return f'fill="url(#{self.NAME}-{kind})"' if part in sample.presumed else f'class="{kind}"'

    def _steps(self, points: Sequence[tuple[int, Decimal]], scale: Scale) -> str:
        path = f"M{self._x(points[0][0]):.1f} {scale.y(points[0][1]):.1f}"
        path += "".join(f"H{self._x(ts_ns):.1f}V{scale.y(amount):.1f}" for ts_ns, amount in points[1:])
        return f"{path}H{self.RIGHT}"

    def _grid(self, scale: Scale) -> Iterator[str]:
        for amount in scale.ticks():
            y = scale.y(amount)
            yield f'<path class="grid" d="M{self.LEFT} {y:.1f}H{self.RIGHT}"/>'
            yield f'<text class="s r" x="{self.LEFT - 8}" y="{y + 4:.1f}">{exact(amount)}</text>'

    def _times(self) -> Iterator[str]:
        for at, text in time_ticks(self._start, self._last.ts_ns, self.TICKS_MAX):
            yield f'<text class="s m" x="{self._x(at):.1f}" y="{self.causes[1] + 26}">{text}</text>'

    def _notes(self) -> Iterator[str]:
        for number, (ts_ns, text) in enumerate(self._drift.notes, 1):
            x, y = self._x(ts_ns), self.notes - 4 + _LINE * (number - 1)
            yield f'<text x="24" y="{y}">{number}. {clock(ts_ns, "%H:%M")} {escape(text)}</text>'
            yield from self._mark(number, x)

    def _mark(self, number: int, x: float) -> Iterator[str]:
        yield f'<path class="mark" d="M{x:.1f} {self.money[0]}V{self.causes[1]}"/>'
        yield f'<circle class="dot" cx="{x:.1f}" cy="{self.money[1] + 14}" r="9"/>'
        yield f'<text class="no" x="{x:.1f}" y="{self.money[1] + 18}">{number}</text>'

    # -------------------------------------------------------------------------------------------- at the end

    def _fall(self) -> Iterator[str]:
        last = self._last
        when = clock(last.ts_ns, "%Y-%m-%d %H:%M:%S UTC")
        yield f'<text class="t" x="24" y="{self.fall[0] - 30}">From K to E at {when}</text>'
        if last.e is None:
            yield f'<text x="24" y="{self.fall[0]}">The exchange has not reported its account yet.</text>'
            return
        levels = [last.k]
        for part in last.proven:
            levels.append(levels[-1] + part.amount)
        supposed = levels[-2] if last.proven and last.proven[-1].cause == UNEXPLAINED else last.k
        guesses = [supposed + part.amount for part in last.presumed]
        scale = Scale(self.fall, [*levels, last.e, *guesses], Decimal("0.18"))
        columns = len(last.proven) + 2 + len(last.presumed)
        wide = min(170.0, (self.RIGHT - 24) / columns)
        places = [24 + wide * number for number in range(columns)]
        yield f'<path class="zero" d="M24 {self.fall[1]}H{self.RIGHT}"/>'
        yield from self._total("K", last.k, "kb", places[0], wide, scale)
        for place, part, start in zip(places[1:], last.proven, levels, strict=False):
            yield from self._step(part, start, place, wide, scale)
        yield from self._total("E", last.e, "eb", places[len(last.proven) + 1], wide, scale)
        for place, part in zip(places[len(last.proven) + 2 :], last.presumed, strict=True):
            yield from self._step(part, supposed, place, wide, scale)
        note = (
            "The axis does not start at 0. A dashed bar is a hypothesis within UNEXPLAINED: it is in no sum."
        )
        yield f'<text class="s" x="24" y="{self.fall[1] + 62}">{note}</text>'

    def _total(
        self, name: str, amount: Decimal, kind: str, left: float, wide: float, scale: Scale
    ) -> Iterator[str]:
        y, right = scale.y(amount), left + wide * 0.72
        yield (
            f'<rect class="{kind}" data-{name.lower()}="{amount:f}" x="{left:.1f}" y="{y:.1f}" '
            f'width="{right - left:.1f}" height="{self.fall[1] - y:.1f}"/>'
        )
        yield from _caption(name, exact(amount), (left + right) / 2, y - 7, self.fall[1])

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
        yield from _caption(
            part.cause, exact(part.amount, sign=True), (left + right) / 2, top - 7, self.fall[1]
        )
        if guess:
            yield f'<text class="s m" x="{(left + right) / 2:.1f}" y="{self.fall[1] + 46}">hypothesis</text>'


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


def _bar(fill: str, left: float, right: float, start: float, end: float) -> str:
    top, bottom = sorted((start, end))
    return (
        f'<rect {fill} x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"/>'
    )


def key(text: str, fill: str, x: float, y: float) -> Iterator[str]:
    """Return a legend's entry: a patch of colour and what it stands for.

    Args:
        text: What it stands for.
        fill: The colour, as an attribute.
        x: Where it begins.
        y: The text's line.
    """
    yield f'<rect {fill} x="{x}" y="{y - 10}" width="11" height="11"/>'
    yield f'<text x="{x + 16}" y="{y}">{escape(text)}</text>'


def _caption(name: str, amount: str, middle: float, above: float, foot: float) -> Iterator[str]:
    yield f'<text class="m" x="{middle:.1f}" y="{above:.1f}">{amount}</text>'
    words = name.split("_")
    half = 1 if len(words) < 3 else 2
    for line, text in enumerate(("_".join(words[:half]), "_".join(words[half:]))):
        yield f'<text class="s m" x="{middle:.1f}" y="{foot + 18 + 14 * line}">{escape(text)}</text>'
