"""The EMA cross of rules.py on a month of real minute bars: DITA beside backtesting.py and nautilus_trader.

`python benches/bars/run.py [--data FILE] [--rounds N] [--draft]` installs the peers under .bench/ and
rewrites its section of benches/RESULTS.md; --draft only prints it. Interleaved: each round runs every arm
once, in a fresh process, and starts one arm further on than the round before.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "peers"))
from environments import NotInstalledError, ready  # noqa: E402 - beside this folder

DATA = ROOT.parent / "shared/data/btc_perp_1m_20211231_20220201.csv.gz"
PAGE = HERE.parent / "RESULTS.md"
OPEN, CLOSE = "<!-- bars: written by make bench-bars -->", "<!-- /bars -->"
NAMES = {"dita": "DITA", "backtesting": "backtesting.py", "nautilus": "nautilus_trader"}
MONEY = {
    "dita": "exact; double entry, limits, the wallet compared after every fill",
    "backtesting": "floats; averages of the whole table at once, positions of whole units",
    "nautilus": "fixed point, balances through f64; its log, its analysis and its risk engine off",
}
# Of an end that is counted in floats.
TOLERANCE = Decimal("1e-9")


def measured(data: Path, rounds: int | None) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
    """The rounds of each arm, and why an arm has none."""
    settings = tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))
    limits = settings["run"]
    places, missing = {"dita": Path(sys.executable)}, {}
    for peer, choices in settings["peers"].items():
        print(f"==> {peer}: its environment", flush=True)
        try:
            places[peer] = ready(ROOT / ".bench", peer, choices, limits["install_s"]).python
        except NotInstalledError as error:
            missing[peer] = str(error)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in places}
    arms = list(places)
    for number in range(rounds or limits["rounds"]):
        for name in [*arms[number % len(arms) :], *arms[: number % len(arms)]]:
            if name not in missing:
                run(name, [str(places[name]), str(HERE / f"arm_{name}.py"), str(data)], limits, runs, missing)
    return {name: told for name, told in runs.items() if name not in missing}, missing


def run(
    name: str,
    command: list[str],
    limits: dict[str, Any],
    runs: dict[str, list[dict[str, Any]]],
    missing: dict[str, str],
) -> None:
    """One arm, once."""
    begun = time.monotonic()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limits["arm_limit_s"], check=False, cwd=HERE
        )
    except subprocess.TimeoutExpired:
        missing[name] = f"stopped after {limits['arm_limit_s']} s"
        return
    if done.returncode:
        missing[name] = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        return
    told = json.loads(done.stdout.strip().splitlines()[-1])
    runs[name].append(told)
    print(f"    {name}: {told['ran_s']:.2f} s, {time.monotonic() - begun:.1f} with its start", flush=True)


def disagreements(runs: dict[str, list[dict[str, Any]]]) -> list[str]:
    """What is not the same in each run: fills to the last digit, the end to its own digits or its floats."""
    ours = runs["dita"][0]
    wrong = []
    for name, told in runs.items():
        for one in told:
            wrong += [
                f"{NAMES[name]}: {field} {one[field]}, DITA's {ours[field]}"
                for field in ("bars", "fills", "fills_sha256")
                if one[field] != ours[field]
            ]
            apart = abs(Decimal(one["end"]) - Decimal(ours["end"]))
            allowed = abs(Decimal(ours["end"])) * TOLERANCE if name == "backtesting" else 0
            if apart > allowed:
                wrong.append(f"{NAMES[name]}: end {one['end']}, DITA's {ours['end']}")
    return wrong


def section(runs: dict[str, list[dict[str, Any]]], missing: dict[str, str], when: str, load: float) -> str:
    """The section of the page."""
    seconds = {name: statistics.median(one["ran_s"] for one in told) for name, told in runs.items()}
    ours = runs["dita"][0]
    said = (
        f"{when}, load {load:.2f} before, {len(runs['dita'])} rounds, interleaved; medians. {ours['bars']:,} "
        "bars of a month of BTC-PERP (../shared/data). The same rules in each (benches/bars/rules.py): "
        f"{ours['fills']:,} fills, on the same bars and sides at the same prices in each (SHA-256 "
        f"{ours['fills_sha256'][:16]}…), and the same end, {Decimal(ours['end']):,}: nautilus_trader's to "
        "the last unit, backtesting.py's to its floats. DITA's run reads and checks the file as it plays; "
        "the others have it in memory before, which takes what stands under `loading`."
    )
    columns = (
        "",
        "s a run",
        "lowest to highest",
        "bars a second",
        "loading, s",
        "DITA against it",
        "counts with",
    )
    lines = [
        OPEN,
        "## An EMA cross on real minute bars, side by side (`make bench-bars`, goal 5 times each peer)",
        "",
        said,
        "",
        f"| {' | '.join(columns)} |",
        f"|{'---|' * len(columns)}",
    ]
    for name, told in runs.items():
        each = [one["ran_s"] for one in told]
        loaded = statistics.median(one["loaded_s"] for one in told)
        times = "" if name == "dita" else f"{seconds[name] / seconds['dita']:.2f}"
        cells = (
            f"{NAMES[name]} {told[0]['version']}",
            f"{seconds[name]:.2f}",
            f"{min(each):.2f} to {max(each):.2f}",
            f"{told[0]['bars'] / seconds[name]:,.0f}",
            f"{loaded:.2f}" if loaded else "in the run",
            times,
            MONEY[name],
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"\nNot run: {NAMES[name]}: {why}" for name, why in missing.items()]
    lines += [f"\nNOT THE SAME: {text}" for text in disagreements(runs)]
    return "\n".join([*lines, "", CLOSE])


def written_into(page: str, text: str) -> str:
    """The page with the section in its place; at its end where it had none."""
    if OPEN not in page:
        return f"{page.rstrip()}\n\n{text}\n"
    before, _, rest = page.partition(OPEN)
    return f"{before}{text}{rest.partition(CLOSE)[2]}"


def main() -> None:
    """Measure, hold against one another, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="minute bars as CSV, plain or gzipped")
    parser.add_argument("--rounds", type=int, help="rounds; each runs every arm once")
    parser.add_argument("--draft", action="store_true", help="print the section and write nothing")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    runs, missing = measured(options.data, options.rounds)
    if "dita" not in runs:
        raise SystemExit(f"DITA did not run: {missing['dita']}")
    text = section(runs, missing, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", load)
    print(text)
    if not options.draft:
        PAGE.write_text(written_into(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    if wrong := disagreements(runs):
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
