"""Prints a picture of an example's run: the price, and below it K without and with what is open.

`tools/k_svg.py NAME` runs `examples/NAME.py` and draws what its `trade()` returns.
"""

import contextlib
import io
import runpy
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeAlias

# A label, the price, K, and K with what is open at that price.
Point: TypeAlias = tuple[str, Decimal, Decimal, Decimal]

EXAMPLES: Final = Path(__file__).resolve().parents[1] / "examples"
WIDTH: Final = 860
LEFT: Final = 90
RIGHT: Final = 30
# Top and bottom of the two panels.
PRICE: Final = (50, 200)
MONEY: Final = (250, 430)
HEIGHT: Final = 470
STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .title { font-weight: 600 }
  .price { stroke: #667; fill: none; stroke-width: 2 }
  .k { stroke: #0a6; fill: none; stroke-width: 2.5 }
  .equity { stroke: #c60; fill: none; stroke-width: 1.5; stroke-dasharray: 5 4 }
  .mark { fill: #667 }
  .grid { stroke: #ddd }
  @media (prefers-color-scheme: dark) { text { fill: #ccc } .grid { stroke: #444 } }
"""


def run(name: str) -> list[Point]:
    """What the example's trade comes to, point by point."""
    with contextlib.redirect_stdout(io.StringIO()):
        points: list[Point] = runpy.run_path(str(EXAMPLES / f"{name}.py"))["trade"]()
    return points


def scale(values: Sequence[Decimal], panel: tuple[int, int]) -> list[str]:
    """Where values lie in a panel, the largest on top."""
    top, bottom = panel
    low, high = min(values), max(values)
    span = (high - low) or Decimal(1)
    return [f"{bottom - (value - low) / span * (bottom - top):.1f}" for value in values]


def places(count: int) -> list[str]:
    """Where the points lie from left to right."""
    step = Decimal(WIDTH - LEFT - RIGHT) / max(count - 1, 1)
    return [f"{LEFT + step * at:.1f}" for at in range(count)]


def line(kind: str, xs: Sequence[str], ys: Sequence[str], *, steps: bool = False) -> str:
    """A curve; in steps where a value holds until the next one."""
    path = [f"M{xs[0]},{ys[0]}"]
    for x, y in zip(xs[1:], ys[1:], strict=True):
        path.append(f"H{x}V{y}" if steps else f"L{x},{y}")
    return f'<path class="{kind}" d="{"".join(path)}"/>'


def edge(values: Sequence[Decimal], panel: tuple[int, int]) -> list[str]:
    """A panel's frame, with its smallest and its largest value."""
    made = []
    for value, y in ((max(values), panel[0]), (min(values), panel[1])):
        made.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        made.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{value:.2f}</text>')
    return made


def draw(points: Sequence[Point]) -> str:
    """The picture."""
    labels, prices, k, equity = zip(*points, strict=True)
    xs = places(len(points))
    price_ys = scale(prices, PRICE)
    money = [*k, *equity]
    money_ys = scale(money, MONEY)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="24">Price</text>',
        *edge(prices, PRICE),
        line("price", xs, price_ys),
        f'<text class="title" x="{LEFT}" y="236">K (green), and with what is open (dashed)</text>',
        *edge(money, MONEY),
        line("equity", xs, money_ys[len(points) :]),
        line("k", xs, money_ys[: len(points)], steps=True),
    ]
    for label, x, y in zip(labels, xs, price_ys, strict=True):
        if label:
            parts.append(f'<circle class="mark" cx="{x}" cy="{y}" r="4"/>')
            anchor = "end" if Decimal(x) > WIDTH - 2 * LEFT else "start"
            parts.append(f'<text x="{x}" y="{Decimal(y) - 9}" text-anchor="{anchor}">{label}</text>')
    return "\n".join([*parts, "</svg>"])


if __name__ == "__main__":
    sys.stdout.write(draw(run(sys.argv[1])) + "\n")
