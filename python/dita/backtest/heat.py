"""A sweep as a heat map over two parameters: as text, and as a picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any, Final

from dita.backtest.definitions import MetricsSettings, definitions
from dita.backtest.metrics import Metric
from dita.backtest.rows import Row
from dita.backtest.sweep import LESS_IS_BETTER, SweepResult, rank
from dita.backtest.wording import NOTHING, figure
from dita.errors import refuse

_UNITS: Final = {name: unit for name, _, unit, _ in definitions(MetricsSettings())}
_TITLES: Final = {name: title for name, title, *_ in definitions(MetricsSettings())}
# From worst to best.
_SHADES: Final = " .:-=+*#"
_CELL: Final = (84, 34)
_STYLE: Final = (
    ".heat text{font:13px ui-sans-serif,system-ui,Arial,sans-serif;fill:#17212b}"
    ".heat rect{fill:#0068a5}.heat .none{fill:#8a949e;fill-opacity:.15}"
    "@media(prefers-color-scheme:dark){.heat text{fill:#e6ecf2}.heat rect{fill:#62b6ee}}"
)


def title_of(name: str) -> str:
    """Return what a person reads for a figure.

    Args:
        name: A metric's name, or `final_k`.
    """
    return _TITLES.get(name, "K at the end")


def value_text(row: Row, name: str) -> str:
    """Return a figure of a row as reports write it.

    Args:
        row: The row.
        name: A metric's name, or `final_k`.
    """
    return figure(Metric(name, "", row.value(name), _UNITS.get(name, "money"), ""))


@dataclass(frozen=True, slots=True)
class Heat:
    """The best row for each pair of values.

    Attributes:
        x: The parameter to the right.
        y: The parameter downwards.
        by: The figure.
        xs: Its values, in order.
        ys: The other's values, in order.
        cells: The best row of each pair that has one.
        others: Parameters that vary beside: each cell is the best of theirs.
    """

    x: str
    y: str
    by: str
    xs: tuple[Any, ...]
    ys: tuple[Any, ...]
    cells: Mapping[tuple[Any, Any], Row]
    others: tuple[str, ...]

    def share(self, row: Row) -> float | None:
        """Return where a row is between the worst (0) and the best (1); None without the figure.

        Args:
            row: The row.
        """
        value = row.value(self.by)
        values = [found for cell in self.cells.values() if (found := cell.value(self.by)) is not None]
        if value is None:
            return None
        low, high = min(values), max(values)
        share = float((value - low) / (high - low)) if high > low else 1.0
        return 1 - share if self.by in LESS_IS_BETTER and high > low else share

    @property
    def corner(self) -> str:
        """What stands where the values of both parameters begin."""
        return f"{self.y} \\ {self.x}"

    @property
    def title(self) -> str:
        """What it shows."""
        best = f"; each cell the best over {', '.join(self.others)}" if self.others else ""
        return f"{title_of(self.by)} by {self.x} (to the right) and {self.y} (downwards){best}"


def heat_of(result: SweepResult, axes: Sequence[str] | None = None) -> Heat | None:
    """Return the heat map of a sweep; None where fewer than two parameters vary.

    Args:
        result: The sweep.
        axes: The parameter to the right and the one downwards; None takes the first two that vary.

    Raises:
        InvalidInput: An axis is no parameter of the space.
    """
    if axes is not None:
        check_axes(axes, result.names)
    varied = [name for name in result.names if len({_key(row.params[name]) for row in result.rows}) > 1]
    names = list(axes or varied[:2])
    if len(names) != 2 or not result.rows:
        return None
    x, y = names
    cells: dict[tuple[Any, Any], Row] = {}
    for row in sorted(result.rows, key=lambda row: rank(row, result.by)):
        cells.setdefault((_key(row.params[x]), _key(row.params[y])), row)
    return Heat(
        x,
        y,
        result.by,
        tuple(sorted({pair[0] for pair in cells}, key=_order)),
        tuple(sorted({pair[1] for pair in cells}, key=_order)),
        cells,
        tuple(name for name in varied if name not in names),
    )


def check_axes(axes: Sequence[str], names: Sequence[str]) -> None:
    """Check that a heat map can have these axes.

    Args:
        axes: Two parameters.
        names: Those of the space.

    Raises:
        InvalidInput: It cannot.
    """
    for name in axes:
        if name not in names:
            raise refuse("heat", name, f"is no parameter of the space; it has {', '.join(names) or 'none'}")
    if len(axes) != 2 or axes[0] == axes[1]:
        raise refuse("heat", list(axes), "must be two different parameters")


def _key(value: object) -> str:
    return str(value)


def _order(text: str) -> tuple[int, Decimal, str]:
    try:
        number = Decimal(text)
    except ArithmeticError:
        return 1, Decimal(0), text
    return (0, number, text) if number.is_finite() else (1, Decimal(0), text)


def as_text(heat: Heat) -> list[str]:
    """Return the lines of the map: a figure and a shade for each pair.

    Args:
        heat: The heat map.
    """
    lines = [[heat.corner, *heat.xs], *([y, *(_cell(heat, x, y) for x in heat.xs)] for y in heat.ys)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    texts = [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return [heat.title, f"shades from worst to best: '{_SHADES}'", *(f"  {text}" for text in texts)]


def _cell(heat: Heat, x: str, y: str) -> str:
    row = heat.cells.get((x, y))
    share = None if row is None else heat.share(row)
    if row is None or share is None:
        return f"{NOTHING}  "
    return f"{value_text(row, heat.by)} {_SHADES[round(share * (len(_SHADES) - 1))]}"


def as_svg(heat: Heat) -> str:
    """Return the map as a picture that needs nothing beside it.

    Args:
        heat: The heat map.
    """
    return "\n".join(_svg(heat)) + "\n"


def _svg(heat: Heat) -> Iterator[str]:
    wide, high = _CELL
    left = 24 + 9 * max(len(text) for text in (*heat.ys, heat.corner))
    width, height = left + wide * len(heat.xs) + 8, 32 + high * len(heat.ys) + 8
    yield (
        f'<svg class="heat" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{escape(heat.title)}">'
    )
    yield f"<title>{escape(heat.title)}</title><style>{_STYLE}</style>"
    yield f'<text x="{left - 10}" y="20" text-anchor="end">{escape(heat.corner)}</text>'
    for column, x in enumerate(heat.xs):
        yield f'<text x="{left + wide * column + wide / 2}" y="20" text-anchor="middle">{escape(x)}</text>'
    for line, y in enumerate(heat.ys):
        top = 32 + high * line
        yield f'<text x="{left - 10}" y="{top + 22}" text-anchor="end">{escape(y)}</text>'
        for column, x in enumerate(heat.xs):
            yield from _svg_cell(heat, (x, y), left + wide * column, top)
    yield "</svg>"


def _svg_cell(heat: Heat, pair: tuple[str, str], left: int, top: int) -> Iterator[str]:
    wide, high = _CELL
    row = heat.cells.get(pair)
    share = None if row is None else heat.share(row)
    place = f'x="{left + 1}" y="{top + 1}" width="{wide - 2}" height="{high - 2}" rx="4"'
    if row is None or share is None:
        yield f'<rect class="none" {place}/>'
        text = NOTHING
    else:
        yield f'<rect {place} fill-opacity="{0.08 + 0.52 * share:.3f}"/>'
        text = value_text(row, heat.by)
    yield f'<text x="{left + wide / 2}" y="{top + 22}" text-anchor="middle">{escape(text)}</text>'
