"""Draws docs/assets/peers.svg: the cost of a round trip by arm, and how it grows with the trips before.

Plain SVG with plain text, so that it needs no font, no script and no library. It has a ground of its own, and
changes its colours where the reader's surroundings are dark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Any

from report import Figures, named

WIDTH = 880
MARGIN = 24
LABELS = 300  # where the bars begin
ROW = 44
BAR = 20
PANEL_HEIGHT = 260
NAMES = 265  # room for the names right of the curves
LINE = 15  # between two names
SHADES = ("a", "b", "c", "d", "e")

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1c2733 }
  .title { font-size: 15px; font-weight: 600 }
  .small { font-size: 11px; fill: #5b6875 }
  .ours { font-weight: 600 }
  .ground { fill: #ffffff; stroke: #d4dae0 }
  .grid { stroke: #e3e8ec }
  .bar { fill: #9aa7b3 } .bar.ours { fill: #0b7a75 }
  .curve { fill: none; stroke-width: 2 } .curve.ours { stroke-width: 3; stroke: #0b7a75 }
  .a { stroke: #c2571a } .b { stroke: #7a4fb5 } .c { stroke: #3f74b8 }
  .d { stroke: #a08419 } .e { stroke: #ab3c66 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6ebf0 } .small { fill: #9eabb8 }
    .ground { fill: #14191f; stroke: #35404b } .grid { stroke: #2a333d }
    .bar { fill: #66727e } .bar.ours { fill: #2fb5ad } .curve.ours { stroke: #2fb5ad }
    .a { stroke: #f0905a } .b { stroke: #b797ec } .c { stroke: #7fb2f0 }
    .d { stroke: #d8bd54 } .e { stroke: #ec84ac }
  }
"""


@dataclass(frozen=True)
class Scale:
    """A logarithmic axis: values from low to high on pixels from start to end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        part = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return self.start + part * (self.end - self.start)


def decades(values: list[float]) -> tuple[float, float]:
    """The powers of ten around the values."""
    low = 10.0 ** math.floor(math.log10(min(values)))
    high = 10.0 ** math.ceil(math.log10(max(values)))
    return low, max(high, low * 10)


def ticks(low: float, high: float) -> list[float]:
    """Every power of ten from low to high."""
    return [10.0**power for power in range(round(math.log10(low)), round(math.log10(high)) + 1)]


def amount(value: float) -> str:
    """0.26, 5.6, 76, 1,900."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    """One line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def bars(arms: dict[str, Figures], labels: dict[str, Any], top: float) -> list[str]:
    """The first panel: what a round trip costs."""
    low, high = decades([arm.median for arm in arms.values()])
    scale = Scale(low, high, LABELS, WIDTH - MARGIN - 70)
    bottom = top + 40 + ROW * len(arms)
    parts = [text(MARGIN, top + 14, "One round trip, µs (logarithmic, shorter is better)", "title")]
    for tick in ticks(low, high):
        parts += [
            line(scale(tick), top + 30, scale(tick), bottom, "grid"),
            text(scale(tick), bottom + 15, f"{tick:,g}", "small", "middle"),
        ]
    for row, (name, arm) in enumerate(arms.items()):
        y = top + 36 + ROW * row
        style = "ours" if labels[name].get("ours") else ""
        length = max(2.0, scale(arm.median) - LABELS)
        parts += [
            text(LABELS - 10, y + 14, named(arm), style, "end"),
            text(LABELS - 10, y + 29, labels[name].get("hint", ""), "small", "end"),
            f'<rect x="{LABELS}" y="{y + 4}" width="{length:.1f}" height="{BAR}" class="bar {style}"/>',
            text(LABELS + length + 7, y + 19, amount(arm.median), style),
        ]
    return parts


def apart(wanted: list[float], least: float, lowest: float) -> list[float]:
    """The heights moved as little as needed to be `least` apart and not below `lowest`; sorted input."""
    placed: list[float] = []
    for height in wanted:
        placed.append(max(height, placed[-1] + least) if placed else height)
    over = placed[-1] - lowest if placed else 0.0
    for index in range(len(placed) - 1, -1, -1):
        if over <= 0:
            break
        limit = placed[index + 1] - least if index + 1 < len(placed) else lowest
        placed[index] = min(placed[index], limit)
    return placed


def curves(arms: dict[str, Figures], labels: dict[str, Any], top: float) -> list[str]:
    """The second panel: what a round trip costs after so many."""
    costs = [cost for arm in arms.values() for _, cost in arm.curve if cost > 0]
    counts = [count for arm in arms.values() for count, _ in arm.curve]
    low, high = decades(costs)
    upper, lower = top + 34, top + 34 + PANEL_HEIGHT
    across = Scale(min(counts), max(*counts, min(counts) + 1), MARGIN + 44, WIDTH - MARGIN - NAMES)
    up = Scale(low, high, lower, upper)
    parts = [
        text(MARGIN, top + 14, "The same by round trips finished before, µs (both logarithmic)", "title")
    ]
    for tick in ticks(low, high):
        parts += [
            line(across.start, up(tick), across.end, up(tick), "grid"),
            text(across.start - 7, up(tick) + 4, f"{tick:,g}", "small", "end"),
        ]
    for count in (500, 1_000, 2_000, 4_000, 8_000):
        if min(counts) <= count <= max(counts):
            parts.append(text(across(count), lower + 17, f"{count:,}", "small", "middle"))
    shades = iter(SHADES * len(arms))
    styles = {name: "ours" if labels[name].get("ours") else next(shades) for name in arms}
    ends = sorted((up(arm.curve[-1][1]), name) for name, arm in arms.items())
    heights = apart([height for height, _ in ends], LINE, lower)
    for (end, name), height in zip(ends, heights, strict=True):
        arm = arms[name]
        path = " ".join(f"{across(count):.1f},{up(cost):.1f}" for count, cost in arm.curve)
        parts += [
            f'<polyline points="{path}" class="curve {styles[name]}"/>',
            line(across.end + 3, end, across.end + 16, height, f"curve {styles[name]}"),
            text(
                across.end + 21,
                height + 4,
                f"{arm.label}: {amount(arm.curve[-1][1])}",
                "ours" * bool(labels[name].get("ours")),
            ),
        ]
    return parts


def picture(results: dict[str, Any], arms: dict[str, Figures]) -> str:
    """The whole chart."""
    labels = results["labels"]
    first, second = MARGIN, MARGIN + 40 + ROW * len(arms) + 52
    height = second + 34 + PANEL_HEIGHT + 68
    run, where = results["run"], results["machine"]
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    rounds = f"{results['rounds_done']} interleaved rounds of {run['trips']:,} trips"
    notes = [
        f"Medians of {rounds}, {where['date']}, {where['processor']}, {where['cores']} cores.",
        f"Bars: without the first {run['warm_up']:,} trips. What each does: benches/RESULTS.md.",
    ]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        "<title>Cost of a round trip: DITA and others</title>",
        f"<style>{STYLE}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" class="ground"/>',
        *bars(arms, labels, first),
        *curves(arms, labels, second),
        *(text(MARGIN, height - 30 + 16 * row, words, "small") for row, words in enumerate(notes)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
