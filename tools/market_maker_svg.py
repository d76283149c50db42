"""Prints docs/assets/market_maker.svg: what examples/market_maker.py comes to, round by round.

Above, K less what the account began with; below, the account's position. Both are the example's own figures.
"""

import sys
from collections.abc import Iterable
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, Final

EXAMPLES: Final = Path(__file__).resolve().parents[1] / "examples"
WIDTH: Final = 960
HEIGHT: Final = 420
LEFT: Final = 70
RIGHT: Final = 20
# The two panels: from so far down to so far down.
CAPITAL_PANEL: Final = (40, 270)
NET_PANEL: Final = (310, 380)
STYLE: Final = (
    "text{font:13px sans-serif;fill:#666}line{stroke:#999;stroke-width:1}"
    "polyline{fill:none;stroke-width:2}.k{stroke:#3f51b5}.n{stroke:#e65100}"
)


def spread(values: list[Decimal], panel: tuple[int, int]) -> tuple[list[Decimal], Decimal]:
    """Heights of the values in a panel, and the height of zero."""
    low, high = min(*values, Decimal(0)), max(*values, Decimal(0))
    top, bottom = panel
    unit = (bottom - top) / ((high - low) or Decimal(1))
    return [bottom - (value - low) * unit for value in values], bottom + low * unit


def line(heights: list[Decimal], style: str) -> str:
    """A line through the heights, from the left edge to the right."""
    step = Decimal(WIDTH - LEFT - RIGHT) / (len(heights) - 1)
    points = " ".join(f"{LEFT + at * step:.1f},{height:.1f}" for at, height in enumerate(heights))
    return f'<polyline class="{style}" points="{points}"/>'


def text(across: int, down: Decimal | int, shown: str, anchor: str = "start") -> str:
    """A label."""
    return f'<text x="{across}" y="{down:.1f}" text-anchor="{anchor}">{shown}</text>'


def panel(values: list[Decimal], where: tuple[int, int], style: str, title: str) -> Iterable[str]:
    """One of the two pictures: its line, zero, the highest and the lowest value."""
    heights, zero = spread(values, where)
    yield text(LEFT, where[0] - 12, title)
    yield f'<line x1="{LEFT}" y1="{zero:.1f}" x2="{WIDTH - RIGHT}" y2="{zero:.1f}"/>'
    yield text(LEFT - 8, zero + 4, "0", "end")
    for value in (max(values), min(values)):
        height = heights[values.index(value)]
        if abs(height - zero) > 14:
            yield text(LEFT - 8, height + 4, f"{value:+.2f}", "end")
    yield line(heights, style)


def picture(rounds: list[Any], capital: int) -> str:
    """The whole picture."""
    gained = [done.capital - capital for done in rounds]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<style>{STYLE}</style>",
        *panel(gained, CAPITAL_PANEL, "k", "K less what the account began with, USDT"),
        *panel([done.net for done in rounds], NET_PANEL, "n", "the account's position, BTC"),
        text(LEFT, HEIGHT - 12, "round 1"),
        text(WIDTH - RIGHT, HEIGHT - 12, f"round {len(rounds)}", "end"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Run the example and print the picture."""
    sys.path.insert(0, str(EXAMPLES))
    maker = import_module("market_maker")
    kernel, venue = maker.desk()
    with kernel:
        sys.stdout.write(picture(list(maker.make(kernel, venue)), maker.CAPITAL))


if __name__ == "__main__":
    main()
