"""Journal rows a second into the embedded engine: the follower, beside the raw client with the same rows.

    python benches/python/bench_journal.py [--trades 60000]

Prints one JSON object. The follower's figure is everything: reading the log, replaying it, building the rows,
inserting them, keeping the cursor. The raw client inserts the same blocks, ready made, in the same run;
`rows_client` is the client given Python rows, of the largest table only.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from dita.follow import Follower, LogFollower
from dita.follow.follower import BYTES_MAX, RECORDS_MAX
from dita.follow.journal import JournalTarget
from dita.journal.clickhouse import ClickHouseWriter
from dita.journal.place import connect
from logged import Desk

QUOTE_EVERY = 20


def write_log(log_dir: Path, trades: int) -> int:
    desk = Desk(log_dir, {"log_policy": "off", "log_snapshot_records": 10**9})
    desk.quote("100.0", "100.1")
    for number in range(trades):
        if number % QUOTE_EVERY == 0:
            desk.quote("100.0", "100.1")
        desk.ask(ENTER, f"t{number}", target_size="1", reference_price="100")
        desk.ask(EXIT, f"t{number}", reason="TARGET")
    desk.kernel.close()
    return desk.kernel.recovery["epoch"] if desk.kernel.recovery else 0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trades", type=int, default=60_000)
    trades = options.parse_args().trades
    root = Path(tempfile.mkdtemp(prefix="dita-bench-"))
    try:
        print(json.dumps(measure(root, trades)))
    finally:
        shutil.rmtree(root, ignore_errors=True)


def measure(root: Path, trades: int) -> dict[str, Any]:
    write_log(root / "log", trades)
    source = LogFollower(root / "log", "main", "none", journal=True)
    began = time.perf_counter()
    batches = []
    while (batch := source.poll(records_max=RECORDS_MAX, bytes_max=BYTES_MAX)) is not None:
        batches.append(batch["blocks"])
    replayed_s = time.perf_counter() - began
    rows = sum(count for blocks in batches for _, count, _ in blocks)

    writer = ClickHouseWriter(root / "db", database="raw")
    writer.open()
    client = connect(writer.place, again=True)

    def raw() -> float:
        client.command("SYSTEM STOP MERGES")
        began = time.perf_counter()
        for number, blocks in enumerate(batches):
            for table, _, block in blocks:
                settings = {"insert_deduplication_token": f"raw{number}{time.perf_counter_ns()}"}
                client.raw_insert(f"raw.{table}", insert_block=block, fmt="Native", settings=settings)
        return time.perf_counter() - began

    def follow(name: str) -> float:
        target = JournalTarget(ClickHouseWriter(root / "db", database=name))
        target._server = object()  # type: ignore[assignment]  # noqa: SLF001 - one engine in a process
        target._writer._client = connect(writer.place, again=True)  # noqa: SLF001 - as above
        target.close = lambda: None  # type: ignore[method-assign]
        target.open()
        (root / "log" / "journal.cursor").unlink(missing_ok=True)
        follower = Follower(root / "log", target, kernel="main")
        began = time.perf_counter()
        follower.run(until_end=True)
        taken = time.perf_counter() - began
        assert follower.status.rows == rows
        return taken

    # In turn, so that a busy machine is busy for both.
    raw_s, follow_s = [], []
    for turn in range(3):
        raw_s.append(raw())
        follow_s.append(follow(f"follow_{turn}"))
    best_raw, best_follow = min(raw_s), min(follow_s)
    rows_client_s, rows_client = python_rows(client)
    return {
        "rows": rows,
        "batches": len(batches),
        "build_rows_s": round(rows / replayed_s),
        "raw_rows_s": round(rows / best_raw),
        "follower_rows_s": round(rows / best_follow),
        "follower_to_raw": round(best_raw / best_follow, 3),
        "python_rows_s": round(rows_client / rows_client_s),
    }


def python_rows(client: Any) -> tuple[float, int]:
    """The client given rows as Python has them."""
    client.command("CREATE TABLE raw.python AS raw.transitions")
    found = client.query("SELECT * FROM raw.transitions LIMIT 100000")
    began = time.perf_counter()
    client.insert("raw.python", found.result_rows, column_names=found.column_names)
    return time.perf_counter() - began, len(found.result_rows)


if __name__ == "__main__":
    from kernels import ENTER, EXIT

    main()
