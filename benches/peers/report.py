"""Makes the section of benches/RESULTS.md about peers from the results of benches/peers/run.py."""

from __future__ import annotations

import platform
import re
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OPEN, CLOSE = "<!-- peers: written by make bench-peers -->", "<!-- /peers -->"
REFERENCE = "dita_t1"
FINISHED = (1_000, 2_000, 4_000, 8_000)
# The cost "after N trips" is the median of this many blocks that end there.
BLOCKS_AT_A_POINT = 5
# Below this part of a core the machine was busy with something else. That is more than noise: a block of half
# a millisecond often runs through undisturbed where one of fifty does not, so a slow arm looks slower still.
CPU_SHARE_MIN = 0.9

SOURCE = (
    "Written by `make bench-peers`; do not edit. Versions are pinned in benches/peers/peers.toml, each "
    "peer is installed from the package index into an environment of its own, and what was measured is "
    "in benches/peers/results.json."
)
TRIP = (
    "One round trip: entry market order, acknowledgement, fill with its fee, exit market order, "
    "acknowledgement, fill with its fee, account updated, against a book that stands still. Buys 0.013 "
    "BTC at 61,800.3, sells at 61,800.2, fee 0.05 %. Every arm asserts its end: position 0, the exact "
    "fees (0.80340325 a trip), the exact realised PnL (-0.0013 a trip), the number of filled orders. "
    "Arms that count in f64 assert to one part in 10⁹; vnpy keeps neither fee nor PnL and asserts the "
    "rest."
)
FAIR = (
    "The same in every arm: the number of trips, the warm-up, the blocks between two readings of the "
    "clock, a fresh process a round, Python's garbage collector off, no log. The figure is the median "
    "over the blocks after the warm-up. nautilus_trader trades while it reads quotes, two a trip: the "
    "cost of the same quotes without trading is measured in the same round and subtracted. vnpy runs in "
    "its own event thread, and is called past the line that it logs for each order. hftbacktest answers "
    "an order with one response, not with an acknowledgement and a fill."
)


@dataclass(frozen=True)
class Figures:
    """One arm, in microseconds a trip. Where it has a baseline, that is already subtracted."""

    label: str
    version: str
    python: str
    median: float
    low: float
    high: float
    p99: float
    against_reference: float | None
    # The baseline's median, and the arm's own before the subtraction.
    baseline: float | None
    gross: float
    # (trips finished, cost there)
    curve: list[tuple[int, float]]
    cpu_share: float
    work: dict[str, str]

    def at(self, finished: int) -> float | None:
        """The cost after so many trips."""
        return dict(self.curve).get(finished)


def processor() -> str:
    """The processor's name."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def counted(run: dict[str, Any], settings: dict[str, Any]) -> list[float]:
    """The blocks after the warm-up."""
    blocks: list[float] = run["blocks_us"][settings["warm_up"] // settings["block"] :]
    return blocks


def curve(runs: list[dict[str, Any]], offsets: list[float], block: int) -> list[tuple[int, float]]:
    """The cost after each few blocks, the median over the rounds."""
    step = BLOCKS_AT_A_POINT
    points = []
    for end in range(step, len(runs[0]["blocks_us"]) + 1, step):
        costs = [
            statistics.median(run["blocks_us"][end - step : end]) - less
            for run, less in zip(runs, offsets, strict=True)
        ]
        points.append((end * block, statistics.median(costs)))
    return points


def percentile_99(values: list[float]) -> float:
    """The 99th of a hundred."""
    return statistics.quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else values[0]


def figures(name: str, results: dict[str, Any]) -> Figures | None:
    """One arm's figures; None where the arm that must be subtracted did not run."""
    arm, settings, runs = results["labels"][name], results["run"], results["arms"][name]
    offsets = [0.0] * len(runs)
    if base := arm.get("baseline"):
        if base not in results["arms"]:
            return None
        offsets = [statistics.median(counted(run, settings)) for run in results["arms"][base]]
    gross = [statistics.median(counted(run, settings)) for run in runs]
    medians = [cost - less for cost, less in zip(gross, offsets, strict=True)]
    reference = [statistics.median(counted(run, settings)) for run in results["arms"].get(REFERENCE, [])]
    ratios = [cost / other for cost, other in zip(medians, reference, strict=False)]
    blocks = [cost - less for run, less in zip(runs, offsets, strict=True) for cost in counted(run, settings)]
    return Figures(
        label=arm["label"],
        version=runs[0]["version"],
        python=runs[0].get("python", ""),
        median=statistics.median(medians),
        low=min(medians),
        high=max(medians),
        p99=percentile_99(blocks),
        against_reference=statistics.median(ratios) if ratios else None,
        baseline=statistics.median(offsets) if base else None,
        gross=statistics.median(gross),
        curve=curve(runs, offsets, settings["block"]),
        cpu_share=statistics.median(run["cpu_share"] for run in runs),
        work=runs[0]["work"],
    )


def summary(results: dict[str, Any]) -> dict[str, Figures]:
    """The arms that ran, cheapest first; what is only subtracted is not among them."""
    found = {
        name: arm
        for name in results["arms"]
        if not results["labels"][name].get("is_baseline") and (arm := figures(name, results)) is not None
    }
    return dict(sorted(found.items(), key=lambda item: item[1].median))


def digits(value: float) -> str:
    """Three digits or whole numbers, no more than the measurement carries."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A table in Markdown, with an empty line after it."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def named(arm: Figures) -> str:
    """The name with the version: hftbacktest 2.4.4, in numba."""
    name, comma, mode = arm.label.partition(", ")
    return f"{name} {arm.version}{comma}{mode}"


def title(arm: Figures) -> str:
    """Name, version, Python."""
    return named(arm) + (f" (Python {arm.python})" if arm.python else "")


def costs(arms: dict[str, Figures]) -> list[str]:
    """The main table, and what was subtracted."""
    rows = [
        [
            title(arm),
            digits(arm.median),
            f"{digits(arm.low)} to {digits(arm.high)}",
            digits(arm.p99),
            "" if arm.against_reference is None else digits(arm.against_reference),
        ]
        for arm in arms.values()
    ]
    lines = table(
        ["", "µs a round trip", "lowest to highest round", "p99 of the blocks", "against DITA, from Python"],
        rows,
    )
    subtracted = [
        f"{arm.label}: {digits(arm.gross)} µs a trip with trading, {digits(arm.baseline)} for the"
        " same quotes without; the difference is above.\n"
        for arm in arms.values()
        if arm.baseline is not None
    ]
    return [*lines, *subtracted]


def flatness(arms: dict[str, Figures], trips: int) -> list[str]:
    """The cost by trips finished before, in the same runs."""
    points = [point for point in FINISHED if point <= trips]
    rows = []
    for arm in arms.values():
        known = [arm.at(point) for point in points]
        rows.append([arm.label, *("" if cost is None else digits(cost) for cost in known)])
    return [
        "µs a round trip after so many trips in one process, the median of the 500 trips that end there:",
        "",
        *table(["trips finished", *(f"{point:,}" for point in points)], rows),
    ]


def work_lists(arms: dict[str, Figures]) -> list[str]:
    """What each arm does, as the arm itself states it."""
    columns = [
        "money",
        "duplicates",
        "ledger",
        "funding",
        "reconciliation",
        "journal",
        "durable",
        "also",
        "lacks",
    ]
    rows = [[arm.label, *(arm.work[column] for column in columns)] for arm in arms.values()]
    return [
        "What each does in a round trip. A figure without this line beside it compares nothing.",
        "",
        *table(["", *columns[:-2], "also does", "does not do, or does otherwise"], rows),
    ]


def disturbed(arms: dict[str, Figures]) -> list[Figures]:
    """The arms that had less than a core in the middle one of their rounds."""
    return [arm for arm in arms.values() if arm.cpu_share < CPU_SHARE_MIN]


def warnings(results: dict[str, Any], arms: dict[str, Figures]) -> list[str]:
    """What must be known before a figure is believed."""
    lines = []
    if short := disturbed(arms):
        busy = ", ".join(f"{arm.label} ({arm.cpu_share:.0%})" for arm in short)
        lines.append(
            f"**The machine was busy, so nothing here compares fairly**: less than a core for {busy}."
        )
    planned, done = results["run"]["rounds"], results["rounds_done"]
    if done < planned:
        lines.append(f"**{done} of {planned} rounds**: the time allowed was used up.")
    lines += [
        f"Not run: {results['labels'][name]['label']}: {why}." for name, why in results["not_run"].items()
    ]
    return [*lines, ""] if lines else []


def section(results: dict[str, Any], arms: dict[str, Figures]) -> str:
    """The whole section, between its marks."""
    run, where = results["run"], results["machine"]
    processor_and_load = f"{where['processor']}, {where['cores']} cores, load {where['load_at_start']} before"
    trips = f"{run['trips']:,} an arm and round, {run['warm_up']:,} of them warm-up, blocks of {run['block']}"
    lines = [
        OPEN,
        "## Side by side with others",
        "",
        SOURCE,
        "",
        *table(
            ["", ""],
            [
                ["date", where["date"]],
                ["processor", processor_and_load],
                ["rounds", f"{results['rounds_done']}, interleaved, the order rotated"],
                ["trips", trips],
            ],
        ),
        TRIP,
        "",
        FAIR,
        "",
        *warnings(results, arms),
        *costs(arms),
        *flatness(arms, run["trips"]),
        *work_lists(arms),
        CLOSE,
    ]
    return "\n".join(lines) + "\n"


def replaced(page: str, new: str) -> str:
    """The page with this section in the place of the old one, or at the end."""
    if OPEN not in page:
        return page.rstrip("\n") + "\n\n" + new
    before, _, rest = page.partition(OPEN)
    _, _, after = rest.partition(CLOSE)
    return before + new.rstrip("\n") + after
