"""Prints docs/assets/fsm.svg: the state machine as a picture, drawn from the kernel's transition table.

What there is to draw comes from the table alone. Where it stands is laid by hand below; an arrow that nobody
has laid yet is drawn straight, so that the picture is complete whatever the table says.
"""

import sys
from collections.abc import Iterable, Iterator
from html import escape
from typing import Final, NamedTuple, TypeAlias

from dita import transition_table

Point: TypeAlias = tuple[float, float]
# Start and target to the symbols on the way.
Arrows: TypeAlias = dict[tuple[str, str], list[str]]

WIDTH: Final = 1480
HEIGHT: Final = 840
BOX_WIDTH: Final = 180
BOX_HEIGHT: Final = 50
# Where most arrows meet.
TALL_HEIGHT: Final = 110
TALL: Final = ("CLOSED", "POSITION_OPEN")
CORNER: Final = 14
LABEL_LINE: Final = 15
# Symbols of what a venue undoes, brings late, or does by itself.
RARE: Final = ("REOPENED", "LATE", "GONE", "BACK")

# The stages' centres.
STAGES: Final[dict[str, Point]] = {
    "IDLE": (120, 130),
    "ORDER_REQUESTED": (430, 130),
    "ORDER_SENT": (750, 130),
    "ENTRY_WORKING": (1080, 130),
    "POSITION_OPEN": (1350, 400),
    "EXIT_REQUESTED": (1080, 690),
    "EXIT_SENT": (780, 690),
    "EXIT_WORKING": (470, 690),
    "CLOSED": (120, 400),
}


class Group(NamedTuple):
    """Stages that leave by the same arrows: the arrow is drawn once, from the frame around them."""

    title: str
    stages: tuple[str, ...]
    frame: tuple[float, float, float, float]


GROUPS: Final[dict[str, Group]] = {
    "VENUE": Group("at the venue", ("ORDER_SENT", "ENTRY_WORKING"), (645, 70, 1185, 182)),
    "ENTERING": Group("entering", ("ORDER_REQUESTED", "ORDER_SENT", "ENTRY_WORKING"), (325, 48, 1202, 200)),
    "EXITING": Group("exiting", ("EXIT_SENT", "EXIT_WORKING"), (370, 612, 882, 778)),
}


class Route(NamedTuple):
    """An arrow's corners from end to end, and where its label is, by its middle, start or end.

    Without a label it joins another arrow of the same symbols, whose label serves both.
    """

    points: tuple[Point, ...]
    label: Point | None
    anchor: str = "middle"
    one_line: bool = False


ROUTES: Final[dict[tuple[str, str], Route]] = {
    ("IDLE", "ORDER_REQUESTED"): Route(((210, 130), (340, 130)), (262, 120)),
    ("IDLE", "POSITION_OPEN"): Route(((120, 105), (120, 26), (1380, 26), (1380, 345)), (762, 18)),
    ("ORDER_REQUESTED", "ORDER_SENT"): Route(((520, 130), (660, 130)), (582, 120)),
    ("ORDER_SENT", "ENTRY_WORKING"): Route(((840, 130), (990, 130)), (915, 105)),
    ("VENUE", "POSITION_OPEN"): Route(((1185, 112), (1320, 112), (1320, 345)), (1266, 87)),
    ("ENTERING", "CLOSED"): Route(((480, 200), (480, 360), (210, 360)), (472, 300), "end"),
    ("ENTRY_WORKING", "EXIT_REQUESTED"): Route(((1140, 155), (1140, 665)), (1132, 520), "end"),
    ("ENTRY_WORKING", "EXIT_WORKING"): Route(((1050, 155), (1050, 560), (470, 560), (470, 665)), None),
    ("POSITION_OPEN", "EXIT_WORKING"): Route(((1285, 455), (1285, 560), (470, 560), (470, 665)), None),
    ("CLOSED", "EXIT_WORKING"): Route(((160, 455), (160, 560), (470, 560), (470, 665)), (640, 551)),
    ("POSITION_OPEN", "ENTRY_WORKING"): Route(((1260, 385), (1090, 385), (1090, 155)), None),
    ("CLOSED", "ENTRY_WORKING"): Route(((210, 385), (1090, 385), (1090, 155)), (740, 376)),
    ("POSITION_OPEN", "EXIT_REQUESTED"): Route(((1390, 455), (1390, 690), (1170, 690)), (1398, 570), "start"),
    ("POSITION_OPEN", "CLOSED"): Route(((1260, 440), (210, 440)), (740, 455), one_line=True),
    ("CLOSED", "POSITION_OPEN"): Route(((210, 415), (1260, 415)), (740, 406), one_line=True),
    ("CLOSED", "ORDER_REQUESTED"): Route(((120, 345), (120, 260), (400, 260), (400, 155)), (260, 251)),
    ("EXIT_REQUESTED", "EXIT_SENT"): Route(((990, 680), (870, 680)), (930, 671)),
    ("EXIT_SENT", "EXIT_WORKING"): Route(((690, 680), (560, 680)), (625, 627)),
    ("EXITING", "EXIT_REQUESTED"): Route(((882, 700), (990, 700)), (936, 716)),
    ("EXIT_WORKING", "EXIT_SENT"): Route(((560, 700), (690, 700)), (625, 731)),
    ("ENTERING", "POSITION_OPEN"): Route(((1202, 186), (1290, 186), (1290, 345)), (1282, 260), "end"),
    ("EXITING", "ENTRY_WORKING"): Route(
        ((860, 612), (860, 540), (1015, 540), (1015, 155)), (1007, 520), "end"
    ),
    ("EXITING", "POSITION_OPEN"): Route(((882, 640), (1330, 640), (1330, 455)), (1256, 631)),
    ("EXITING", "CLOSED"): Route(((370, 690), (80, 690), (80, 455)), (225, 681)),
}

# Plain rules, no custom properties: not every viewer of SVG knows those.
STYLE: Final = """
svg{font-family:ui-sans-serif,system-ui,"DejaVu Sans",Arial,sans-serif}
.paper{fill:#fff}.frame{fill:none;stroke:#c6d0da;stroke-width:1.5;stroke-dasharray:5 4}
.title{fill:#5c6b7a;font-size:12px;font-style:italic}.legend{fill:#5c6b7a;font-size:12.5px}
.stage rect{fill:#eef3f8;stroke:#1c2733;stroke-width:1.4}.free rect{fill:#e3f3e8}.held rect{fill:#fdf0d9}
.stage text{fill:#1c2733;font-size:14px;font-weight:600;text-anchor:middle}
.arrow path{fill:none;stroke:#1f5fa8;stroke-width:1.8}
.rare path{stroke:#b3541e;stroke-width:1.3;stroke-dasharray:6 3}
.arrow text{fill:#1f5fa8;font-size:11.5px;paint-order:stroke}
.arrow text{stroke:#fff;stroke-width:5px;stroke-linejoin:round}
.rare text{fill:#b3541e}path.tip{fill:#1f5fa8;stroke:none}path.tip.rare{fill:#b3541e}
@media(prefers-color-scheme:dark){.paper{fill:#14191f}.frame{stroke:#3b4753}.title,.legend{fill:#9aa7b4}
.stage rect{fill:#212a33;stroke:#e8edf2}.free rect{fill:#1d3226}.held rect{fill:#3a2f1c}
.stage text{fill:#e8edf2}
.arrow path{stroke:#7db3ee}.rare path{stroke:#f0a070}.arrow text{fill:#7db3ee;stroke:#14191f}
.rare text{fill:#f0a070}path.tip{fill:#7db3ee}path.tip.rare{fill:#f0a070}}
"""


def arrows() -> Arrows:
    """Return what leads from where to where, by the table: start and target to the symbols, in its order."""
    found: Arrows = {}
    for stage, symbol, verdict, target, _rule in transition_table():
        if verdict == "GO" and target != stage:
            found.setdefault((str(stage), str(target)), []).append(symbol)
    return found


def bundled(single: Arrows) -> Arrows:
    """Return the arrows with those that leave every stage of a group drawn from the group's frame.

    Args:
        single: The arrows between stages.
    """
    left = {ends: list(symbols) for ends, symbols in single.items()}
    grouped: Arrows = {}
    for name, group in sorted(GROUPS.items(), key=lambda item: -len(item[1].stages)):
        for target in STAGES:
            of_all = [left.get((stage, target), []) for stage in group.stages]
            common = [symbol for symbol in of_all[0] if all(symbol in symbols for symbols in of_all)]
            if target not in group.stages and common:
                grouped[name, target] = common
                for symbols in of_all:
                    symbols[:] = [symbol for symbol in symbols if symbol not in common]
    return {**grouped, **{ends: symbols for ends, symbols in left.items() if symbols}}


def picture() -> str:
    """Return the picture as SVG text."""
    drawn = bundled(arrows())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"',
        f'height="{HEIGHT}" role="img" aria-labelledby="fsm-title">',
        '<title id="fsm-title">A slot\'s stages and what leads from one to the next</title>',
        f"<style>{STYLE}</style>",
        _marker("usual"),
        _marker("rare"),
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="10"/>',
        *_frames(drawn),
        *(line for ends in drawn for line in _lines(ends, drawn)),
        *(_stage(name, centre) for name, centre in STAGES.items()),
        *(line for ends in drawn for line in _labels(ends, drawn)),
        *_legend(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _marker(kind: str) -> str:
    return (
        f'<marker id="{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        f'orient="auto" markerUnits="userSpaceOnUse"><path class="tip {kind}" d="M0 0 10 5 0 10z"/></marker>'
    )


def _kinds(symbols: Iterable[str]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for symbol in symbols:
        rare = any(word in symbol for word in RARE)
        kinds.setdefault("rare" if rare else "usual", []).append(symbol)
    return kinds


def _route(ends: tuple[str, str], drawn: Arrows) -> Route:
    laid = ROUTES.get(ends)
    if laid is not None and (laid.label is not None or _is_served(ends, drawn)):
        return laid
    start, target = _centre(ends[0]), _centre(ends[1])
    middle = ((start[0] + target[0]) / 2, (start[1] + target[1]) / 2)
    return Route((_border(start, target), _border(target, start)), middle)


def _is_served(ends: tuple[str, str], drawn: Arrows) -> bool:
    """Whether an arrow into the same stage has a label and the same symbols."""
    return any(
        other != ends
        and other[1] == ends[1]
        and symbols == drawn[ends]
        and other in ROUTES
        and ROUTES[other].label is not None
        for other, symbols in drawn.items()
    )


def _centre(name: str) -> Point:
    if name in STAGES:
        return STAGES[name]
    left, top, right, bottom = GROUPS[name].frame
    return ((left + right) / 2, (top + bottom) / 2)


def _border(start: Point, target: Point) -> Point:
    across, down = target[0] - start[0], target[1] - start[1]
    scale = min(
        BOX_WIDTH / 2 / abs(across) if across else float("inf"),
        BOX_HEIGHT / 2 / abs(down) if down else float("inf"),
    )
    return (start[0] + across * scale, start[1] + down * scale)


def _lines(ends: tuple[str, str], drawn: Arrows) -> Iterator[str]:
    route, symbols = _route(ends, drawn), drawn[ends]
    # Where both kinds share a way, the usual one gives the arrow its looks.
    kind = "usual" if "usual" in _kinds(symbols) else "rare"
    yield (
        f'<g class="arrow {kind}" data-from="{ends[0]}" data-to="{ends[1]}" '
        f'data-symbols="{" ".join(symbols)}">'
        f'<path marker-end="url(#{kind})" d="{_rounded(route.points)}"/></g>'
    )


def _rounded(points: tuple[Point, ...]) -> str:
    path = f"M{_at(points[0])}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        path += f" L{_at(_towards(corner, before))} Q{_at(corner)} {_at(_towards(corner, after))}"
    return f"{path} L{_at(points[-1])}"


def _towards(start: Point, target: Point) -> Point:
    across, down = target[0] - start[0], target[1] - start[1]
    length = (across**2 + down**2) ** 0.5
    part = min(CORNER / length, 0.5)
    return (start[0] + across * part, start[1] + down * part)


def _at(point: Point) -> str:
    return f"{point[0]:g} {point[1]:g}"


def _labels(ends: tuple[str, str], drawn: Arrows) -> Iterator[str]:
    route, symbols = _route(ends, drawn), drawn[ends]
    if route.label is None:
        return
    across, down = route.label
    lines = [(kind, symbol) for kind, several in _kinds(symbols).items() for symbol in several]
    if route.one_line and len(_kinds(symbols)) == 1:
        lines = [(lines[0][0], ", ".join(symbols))]
    for number, (kind, symbol) in enumerate(lines):
        yield (
            f'<g class="arrow {kind}"><text x="{across:g}" y="{down + number * LABEL_LINE:g}" '
            f'text-anchor="{route.anchor}">{escape(symbol)}</text></g>'
        )


def _frames(drawn: Arrows) -> Iterator[str]:
    used = {start for start, _target in drawn}
    for name, group in GROUPS.items():
        if name in used:
            left, top, right, bottom = group.frame
            yield (
                f'<rect class="frame" x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" '
                'rx="16"/>'
                f'<text class="title" x="{left + 14}" y="{top + 16}">{group.title}</text>'
            )


def _stage(name: str, centre: Point) -> str:
    kind = {"IDLE": " free", "CLOSED": " free", "POSITION_OPEN": " held"}.get(name, "")
    height = TALL_HEIGHT if name in TALL else BOX_HEIGHT
    return (
        f'<g class="stage{kind}"><rect x="{centre[0] - BOX_WIDTH / 2:g}" y="{centre[1] - height / 2:g}" '
        f'width="{BOX_WIDTH}" height="{height}" rx="9"/>'
        f'<text x="{centre[0]:g}" y="{centre[1] + 5:g}">{name}</text></g>'
    )


def _legend() -> Iterator[str]:
    yield (
        f'<g class="arrow usual"><path marker-end="url(#usual)" d="M40 {HEIGHT - 24} h46"/></g>'
        f'<text class="legend" x="96" y="{HEIGHT - 20}">the usual way</text>'
        f'<g class="arrow rare"><path marker-end="url(#rare)" d="M210 {HEIGHT - 24} h46"/></g>'
        f'<text class="legend" x="266" y="{HEIGHT - 20}">'
        "what the venue undoes, brings late or does by itself</text>"
        f'<text class="legend" x="620" y="{HEIGHT - 20}">An arrow from a frame leaves each stage in it. '
        "IDLE and CLOSED are free.</text>"
    )


if __name__ == "__main__":
    sys.stdout.write(picture())
