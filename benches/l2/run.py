"""A recorded market's depth, converted and played: DITA beside hftbacktest.

`python benches/l2/run.py [--data CAPTURE] [--rounds N] [--draft]` installs the peer under .bench/ and
rewrites its section of benches/RESULTS.md; --draft only prints it. Interleaved: each round runs every arm
once, in a fresh process, and starts one arm further on than the round before.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dita.market import OrderBook, convert

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "peers"))
from environments import NotInstalledError, ready  # noqa: E402 - beside this folder

DATA = ROOT.parent / "shared/data/binance_usdm_btcusdt_l2_trades_20240808.jsonl.gz"
PAGE = HERE.parent / "RESULTS.md"
CACHE = ROOT / ".bench"
OPEN, CLOSE = "<!-- l2: written by make bench-l2 -->", "<!-- /l2 -->"
GAP_NS = 1_000_000_000


def repeated(capture: Path, times: int) -> Path:
    """The capture as plain text, so many times one after the other with shifted times."""
    out = CACHE / f"{capture.name.removesuffix('.gz')}.{times}"
    if not out.exists():
        with gzip.open(capture, "rb") as lines:
            rows = [line.split(b" ", 1) for line in lines]
        span = int(rows[-1][0]) - int(rows[0][0]) + GAP_NS
        part = out.with_suffix(".part")
        with part.open("wb") as file:
            for number in range(times):
                file.writelines(b"%d %s" % (int(stamp) + number * span, text) for stamp, text in rows)
        part.rename(out)
    return out


def processor_s() -> float:
    """Of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def book_rate(capture: Path) -> tuple[int, float]:
    """How many levels an `OrderBook` has taken from raw frames, and the processor time."""
    with gzip.open(capture, "rb") as lines:
        frames = [line.split(b" ", 1)[1] for line in lines if b"depth@" in line or b"lastUpdateId" in line]
    book = OrderBook("BTCUSDT")
    begun = processor_s()
    for frame in frames:
        book.take(frame)
    return book.counts["levels"], processor_s() - begun


def measured(data: Path, rounds: int | None) -> dict[str, Any]:
    """The rounds of each arm, and what the conversion took."""
    settings = tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))
    limits = settings["run"]
    CACHE.mkdir(exist_ok=True)
    many = repeated(data, limits["times"])
    columns = CACHE / f"{many.name}.l2"
    wall, begun = time.perf_counter(), processor_s()
    _, counts = convert([many], columns)
    told: dict[str, Any] = {
        "counts": counts,
        "convert_s": (time.perf_counter() - wall, processor_s() - begun),
        "book": book_rate(data),
        "missing": {},
    }
    commands = {"dita": [sys.executable, str(HERE / "arm_dita.py"), str(columns)]}
    try:
        peer = ready(CACHE, "hftbacktest", settings["peers"]["hftbacktest"], limits["install_s"]).python
        arm = [str(HERE / "arm_hftbacktest.py"), str(data), str(CACHE), str(limits["times"])]
        commands["hftbacktest"] = [str(peer), *arm]
    except NotInstalledError as error:
        told["missing"]["hftbacktest"] = str(error)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    arms = list(commands)
    for number in range(rounds or limits["rounds"]):
        for name in [*arms[number % len(arms) :], *arms[: number % len(arms)]]:
            done = subprocess.run(
                commands[name], capture_output=True, text=True, timeout=limits["arm_limit_s"], check=False
            )
            if done.returncode:
                told["missing"][name] = (done.stderr.strip().splitlines() or ["it failed"])[-1]
                continue
            runs[name].append(json.loads(done.stdout.strip().splitlines()[-1]))
            print(f"    {name}: {runs[name][-1]}", flush=True)
    for one in runs["dita"]:
        one["levels"] = counts["levels"]
    return {**told, "runs": {name: ran for name, ran in runs.items() if ran}}


def section(told: dict[str, Any], when: str, load: float) -> str:
    """The section of the page."""
    counts, (convert_wall, convert_processor) = told["counts"], told["convert_s"]
    megabytes, (book_levels, book_s) = counts["bytes"] / 1e6, told["book"]
    rounds = len(told["runs"]["dita"])
    said = (
        f"{when}, load {load:.2f} before, {rounds} rounds, interleaved; medians. "
        "Processor time is the figure, and the wall clock stands beside it. The recorded five minutes of "
        "BTCUSDT (../shared/data), 20 times one after the other with shifted times. One change is one price "
        "and size of the depth; best quotes and trades are played as well, and not counted. hftbacktest's "
        "converter leaves the best quotes out."
    )
    conversion = (
        f"- `dita convert`: {megabytes:,.0f} MB of raw JSON in {convert_processor:.2f} s of processor time "
        f"({convert_wall:.2f} s by the clock): {megabytes / convert_processor:,.0f} MB a second; "
        f"{counts['written'] / 1e6:,.1f} MB were written."
    )
    book = f"{book_levels / book_s / 1e6:.2f} million changes a second (goal 0.1)"
    columns = (
        "without a callback",
        "changes a second",
        "lowest to highest",
        "by the clock",
        "other events",
        "counts with",
    )
    lines = [
        OPEN,
        "## Depth, converted and played (`make bench-l2`, goals 100 MB and 5 million changes a second)",
        "",
        said,
        "",
        conversion,
        f"- `OrderBook.take`, raw frames from Python: {book}.",
        "",
        f"| {' | '.join(columns)} |",
        f"|{'---|' * len(columns)}",
    ]
    money = {
        "dita": "exact; kernel, ledger, marks and equity at each event",
        "hftbacktest": "floats; the market's replay alone, compiled by numba",
    }
    for name, ran in told["runs"].items():
        rates = [one["levels"] / one["processor_s"] / 1e6 for one in ran]
        clock = statistics.median(one["levels"] / one["ran_s"] / 1e6 for one in ran)
        # Of the columns an update is one event; of the peer's form a level is.
        updates = counts["depth_updates"] - counts["stale_updates"] + counts["snapshots"] + counts["gaps"]
        others = ran[0]["events"] - (updates if name == "dita" else ran[0]["levels"])
        cells = (
            f"{'DITA' if name == 'dita' else name} {ran[0]['version']}",
            f"{statistics.median(rates):.2f} million",
            f"{min(rates):.2f} to {max(rates):.2f}",
            f"{clock:.2f} million",
            f"{others:,}",
            money[name],
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"\nNot run: {name}: {why}" for name, why in told["missing"].items()]
    return "\n".join([*lines, "", CLOSE])


def main() -> int:
    """Measure, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--draft", action="store_true")
    options = parser.parse_args()
    if not options.data.is_file():
        print(f"{options.data} is not there: name a capture with --data", file=sys.stderr)
        return 1
    load = os.getloadavg()[0]
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    text = section(measured(options.data, options.rounds), when, load)
    print(text)
    if not options.draft:
        page = PAGE.read_text(encoding="utf-8")
        if OPEN in page:
            page = page[: page.index(OPEN)] + text + page[page.index(CLOSE) + len(CLOSE) :]
        else:
            page = page.rstrip("\n") + "\n\n" + text + "\n"
        PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
