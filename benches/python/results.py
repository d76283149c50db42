"""Makes benches/RESULTS.md from what the benchmarks left in a folder."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

TRIP = (
    "One round trip: entry intent, acknowledgement, fill, fee, exit intent, acknowledgement, fill, fee,"
    " account updated. On: exact decimals, duplicate detection, double-entry ledger, limits, exposure,"
    " reconciliation, prediction of funding (no boundary falls into the run). Off: journal; the log, but"
    " for what T2 says. Every arm asserts the same end: position 0, the exact fees, the exact realised PnL,"
    " the trade count."
)

FEE_IN_FILL = "10 slots, the fee in the fill: 8 inputs"


def cpu() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def criterion(folder: Path) -> list[tuple[str, float]]:
    """Medians in nanoseconds by benchmark."""
    found = []
    for path in sorted(folder.glob("t0_round_trip/**/new/estimates.json")):
        median = json.loads(path.read_text(encoding="utf-8"))["median"]["point_estimate"]
        found.append((path.parent.parent.name, median))
    return sorted(found, key=lambda row: (not row[0].isdigit(), int(row[0]) if row[0].isdigit() else 0))


def header() -> None:
    """What machine, what versions, how to do it again."""
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    print("# Results\n\nWritten by `make bench`; do not edit. Medians; the machine is shared and noisy.\n")
    print("| | |\n|---|---|")
    print(f"| date | {datetime.now(UTC):%Y-%m-%d %H:%M} UTC |")
    print(f"| processor | {cpu()}, {len(os.sched_getaffinity(0))} cores |")
    print(f"| versions | {rustc}; Python {platform.python_version()} |")
    print(f"\n{TRIP}\n")


def rust(results: Path, target: Path) -> None:
    """T0 and its flatness."""
    print("## T0: the core with the simulated venue, in Rust\n")
    print("Goal 0.8 µs (1.2 at the least). `cargo bench --bench t0` in benches/.\n")
    print("| | µs a round trip |\n|---|---|")
    for name, nanoseconds in criterion(target / "criterion"):
        label = f"{int(name):,} slots, each fill settled apart: 10 inputs" if name.isdigit() else FEE_IN_FILL
        print(f"| {label} | {nanoseconds / 1000:.2f} |")
    rows = [json.loads(line) for line in (results / "flatness.jsonl").read_text().splitlines()]
    points = [row for row in rows if "finished_before" in row]
    base = points[1]["ns_per_round_trip"]
    print("\nBy trades finished before (`cargo run --release --bin flatness`):\n")
    print("| finished before | µs a round trip | against 1,000 | resident KiB |\n|---|---|---|---|")
    for row in points:
        took, kib = row["ns_per_round_trip"], row["resident_kib"]
        print(f"| {row['finished_before']:,} | {took / 1000:.2f} | {took / base:.2f} | {kib:,} |")
    print("\nThe row 0 is the first 1,000 trips of a fresh process, warm-up included.\n")


def before_the_log() -> None:
    """T0 beside the last revision without a log: measured by hand, kept as it is."""
    print(Path(__file__).with_name("before_the_log.md").read_text(encoding="utf-8"))


DURABLE = {
    "append_records_per_second": ("append, records/s, in drains of 1,024", "≥ 500,000"),
    "recovery_records_per_second": ("opening again, all verified and replayed, records/s", "≥ 500,000"),
    "core_replay_records_per_second": ("the core's part of that, records/s", "≥ 1,000,000"),
    "snapshot_and_tail_ms": ("opening from a snapshot and 200,000 records, ms", "< 1,000"),
    "t2_batch_us_per_round_trip": ("T2, 256 intents a batch, µs a round trip", ""),
    "t2_batch_us_per_round_trip_beside_the_syncs": ("the same excluding fsync", "≤ 8"),
    "t2_batch_us_writing": ("of that, handing bytes to the system", ""),
    "t2_single_us_per_round_trip": ("T2, one by one, µs a round trip", ""),
    "t2_single_us_per_round_trip_beside_its_syncs": ("the same excluding its two fsyncs", "≤ 20"),
    "t2_single_us_writing": ("of that, handing bytes to the system (six writes)", ""),
    "no_log_batch_us_per_round_trip": ("the same batches without a log, µs a round trip", ""),
    "no_log_single_us_per_round_trip": ("the same one by one without a log, µs a round trip", ""),
    "sync_of_4_KiB_us": ("the disk's sync of 4 KiB, µs", ""),
}


def durable(results: Path) -> None:
    """The log: appending, opening again, T2."""
    rows = [json.loads(line) for line in (results / "durable.jsonl").read_text().splitlines()]
    load = next(row["load_before"] for row in rows if "load_before" in row)
    print("## The log, and T2 from Rust (`cargo run --release --bin durable -- DIRECTORY`)\n")
    print(f"The engine with the simulated venue, 8 inputs a round trip; load {load} before.\n")
    print("| | median | lowest | highest | goal |\n|---|---|---|---|---|")
    for row in (row for row in rows if "figure" in row):
        label, goal = DURABLE[row["figure"]]
        digits = 0 if row["median"] >= 1000 else 2
        figures = " | ".join(f"{row[key]:,.{digits}f}" for key in ("median", "lowest", "highest"))
        print(f"| {label} | {figures} | {goal} |")
    print()


def python(results: Path) -> None:
    """T1, T1p, and T2 from Python."""
    goals = {"T1 ": "goal 4 µs", "T1p": "goal 15 µs"}
    benchmarks = json.loads((results / "python.json").read_text(encoding="utf-8"))["benchmarks"]
    for group in sorted({row["group"] for row in benchmarks if row["group"][:3] in goals}):
        print(f"## {group} ({goals[group[:3]]})\n")
        print("`pytest benches/python` as benches/run calls it.\n")
        print("| | µs, median | µs, interquartile range |\n|---|---|---|")
        for row in (row for row in benchmarks if row["group"] == group):
            name, value = next(iter(row["params"].items()))
            stats = row["stats"]
            label = f"{value:,} {'slots' if name == 'slots' else 'trades finished before'}"
            print(f"| {label} | {stats['median'] * 1e6:.2f} | {stats['iqr'] * 1e6:.2f} |")
        print()


def journal(results: Path) -> None:
    """Rows into the embedded engine."""
    found = json.loads((results / "journal.json").read_text(encoding="utf-8"))
    print(
        "## The journal, rows a second into the embedded engine (`python benches/python/bench_journal.py`)\n"
    )
    print(
        f"{found['rows']:,} rows of eight tables in {found['batches']} batches; the best of three, in turn.\n"
    )
    print("| | rows a second | goal |\n|---|---|---|")
    print(f"| the follower: reading, replaying, inserting | {found['follower_rows_s']:,} | ≥ 200,000 |")
    print(f"| the raw client with the same blocks, ready made | {found['raw_rows_s']:,} | |")
    print(f"| the first beside the second | {found['follower_to_raw']:.0%} | ≥ 80 % |")
    print(f"| building the rows alone | {found['build_rows_s']:,} | |")
    print(f"| the client with Python rows (one table) | {found['python_rows_s']:,} | |")
    print()


def python_durable(results: Path) -> None:
    """T2 from Python, excluding fsync."""
    benchmarks = json.loads((results / "python.json").read_text(encoding="utf-8"))["benchmarks"]
    print("## T2 from Python, on a log\n")
    print("`pytest benches/python` as benches/run calls it. The intents are built in the time measured. The")
    print("syncs are the log's own count of what its calls have waited for (`log_standing`).\n")
    print("| | µs a round trip, median | excluding fsync, median | interquartile range | goal |")
    print("|---|---|---|---|---|")
    for row in (row for row in benchmarks if row["group"].startswith("T2")):
        extra = row["extra_info"]
        trips = extra["round_trips"]
        label = "one by one: two syncs a trip" if trips == 1 else f"`process_intents` of {trips}"
        figures = (row["stats"]["median"] * 1e6 / trips, extra["beside_us"], extra["beside_iqr_us"])
        goal = 20 if trips == 1 else 8
        print(f"| {label} | {' | '.join(f'{figure:,.2f}' for figure in figures)} | ≤ {goal} |")
    print()


CLUSTER = {
    "slot_updates_written_per_second": ("updates of distinct slots written, a second", "≥ 20,000"),
    "slot_updates_taken_per_second_ten_slots": ("updates of ten slots taken from the kernel, a second", ""),
    "of_them_written_per_second": ("of them written, the newest each time, a second", ""),
    "halt_through_hazelcast_ms": (
        "from the operator's word to the first order refused, Hazelcast, ms",
        "p99 ≤ 50",
    ),
    "halt_through_a_file_ms": ("the same through a file, ms", ""),
}


def cluster(results: Path) -> None:
    """The projection and the control plane against a real member."""
    place = results / "cluster.jsonl"
    if not place.is_file():
        return
    rows = [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]
    load = next(row["load_before"] for row in rows if "load_before" in row)
    print("## A Hazelcast member (`python benches/python/cluster.py`)\n")
    print(f"Member and kernel on this machine; load {load:.2f} before.\n")
    print("| | median | lowest | highest | p99 | goal |\n|---|---|---|---|---|---|")
    for row in (row for row in rows if "figure" in row):
        label, goal = CLUSTER[row["figure"]]
        digits = 0 if row["median"] >= 1000 else 2
        figures = " | ".join(f"{row[key]:,.{digits}f}" for key in ("median", "lowest", "highest"))
        p99 = f"{row['p99']:.2f}" if "p99" in row else ""
        print(f"| {label} | {figures} | {p99} | {goal} |")
    print()


FOLLOWED = {
    "queue": "no log; followed through the bounded queue, flat out",
    "queue, 1,000 a second": "the same, 1,000 trips a second",
    "log": "on a log in policy batch, flat out, excluding fsync",
}


def feed(target: Path) -> None:
    """Market data through the simulated venue and the engine."""
    names = {
        "quote": "a quote, no mark",
        "quote_with_mark": "a quote that sets the mark",
        "mark": "a mark alone",
        "better_level_comes_and_goes": "a better level comes to a side of 1,000 and goes",
    }
    found = {name: target / "criterion" / "feed" / name / "new" / "estimates.json" for name in names}
    if not all(path.is_file() for path in found.values()):
        return
    print("## Market data through the simulated venue and the engine (`cargo bench --bench feed`)\n")
    print("| | ns, median |\n|---|---|")
    for name, path in found.items():
        estimates = json.loads(path.read_text(encoding="utf-8"))
        print(f"| {names[name]} | {estimates['median']['point_estimate']:.0f} |")
    print()


def verbs(results: Path) -> None:
    """T1 by the client's verbs."""
    place = results / "verbs.json"
    if not place.is_file():
        return
    row = json.loads(place.read_text(encoding="utf-8"))
    print("## T1 by the client's verbs (`python benches/python/verbs.py`, goal 4 µs)\n")
    turns = f"{row['turns']} of {row['trips']} round trips each"
    print(f"In turns in one process: {turns}; the ratio is taken turn by turn.\n")
    print("| | µs, median | µs, lowest turn |\n|---|---|---|")
    for name, words in (("intents", "by intents"), ("verbs", "by verbs")):
        print(f"| {words} | {row[f'{name}_us']:.2f} | {row[f'{name}_lowest_us']:.2f} |")
    lowest = row["verbs_lowest_us"] / row["intents_lowest_us"]
    print(f"| verbs / intents | {row['ratio']:.2f} | {lowest:.2f} |\n")


def followed(results: Path) -> None:
    """T1 with both followers on."""
    place = results / "followed.jsonl"
    if not place.is_file():
        return
    rows = [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]
    load = next(row["load_before"] for row in rows if "load_before" in row)
    print("## T1 with a journal and a projection following (`python benches/python/followed.py`)\n")
    print(
        "In turns, followers off and on: an embedded ClickHouse and a Hazelcast member on the same two cores."
    )
    print(f"Goals: at most 10 % slower, p99 under 50 µs. Load {load:.2f} before.\n")
    print("| | off, µs, median | on, µs, median | slower | p99 off, µs | p99 on, µs |")
    print("|---|---|---|---|---|---|")
    for row in (row for row in rows if "figure" in row):
        p99 = " | ".join(f"{row[f'{side}_p99_us']:.1f}" for side in ("off", "on"))
        figures = f"{row['off_us']:.2f} | {row['on_us']:.2f} | {row['slower']:+.1%}"
        print(f"| {FOLLOWED[row['figure']]} | {figures} | {p99} |")
    print()


def indicators(results: Path) -> None:
    """An update of each indicator from Python."""
    figures = json.loads((results / "indicators.json").read_text(encoding="utf-8"))
    print("## Indicators, an update from Python (`python benches/python/indicators.py`, goal 150 ns)\n")
    print(
        "| length 20 | ns, the loop's step and the call | the same loop with a function that does nothing |"
    )
    print("|---|---|---|")
    for name, row in figures.items():
        print(f"| {name} | {row['update_ns']:.0f} | {row['nothing_ns']:.0f} |")
    print()


def c_abi(results: Path, target: Path) -> None:
    """The C ABI: from C, and through cffi."""
    figures = json.loads((results / "capi.json").read_text(encoding="utf-8"))
    t0 = dict(criterion(target / "criterion"))
    goals = {True: t0["10"] + 600, False: t0["fee_in_fill"] + 600}
    print("## The C ABI, from C and through cffi (`python benches/python/capi.py`)\n")
    print("A trip is two calls; their bytes are written before, and their outcomes are read.\n")
    print("| | µs | goal |\n|---|---|---|")
    for name, label, goal in (
        ("binary_trip_ns", "a trip by the binary call, each fill settled apart", f"{goals[True] / 1000:.2f}"),
        (
            "binary_trip_fee_in_fill_ns",
            "a trip by the binary call, the fee in the fill",
            f"{goals[False] / 1000:.2f}",
        ),
        ("json_call_ns", "a JSON call", "10"),
        ("cffi_binary_trip_ns", "through cffi: a trip by the binary call, encoded by cffi too", ""),
        ("cffi_json_trip_ns", "through cffi: a trip by JSON, written and read by `json`", ""),
    ):
        print(f"| {label} | {figures[name] / 1000:.2f} | {goal} |")
    print()


def footprint(results: Path) -> None:
    """Import, memory, size."""
    figures = json.loads((results / "footprint.json").read_text(encoding="utf-8"))
    print("## Footprint (`python benches/python/footprint.py`)\n")
    print("| | | goal |\n|---|---|---|")
    print(f"| `import dita` | {figures['import_ms']:.1f} ms | 50 |")
    print(f"| resident memory with a fresh kernel | {figures['fresh_kernel_mib']:.1f} MiB | 40 |")
    print(f"| the extension, unpacked | {figures['extension_mib']:.1f} MiB | |")
    wheel = figures["wheel_mb"]
    print(f"| the wheel (`make build`) | {f'{wheel:.2f} MB' if wheel else 'not built'} | 8 |")


def main() -> None:
    """Prints the page."""
    results = Path(sys.argv[1])
    header()
    rust(results, results.parent)
    before_the_log()
    durable(results)
    python(results)
    verbs(results)
    feed(results.parent)
    python_durable(results)
    journal(results)
    cluster(results)
    followed(results)
    indicators(results)
    c_abi(results, results.parent)
    footprint(results)


if __name__ == "__main__":
    main()
