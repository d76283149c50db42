"""The long run before a release: every check at the size of durability's table, in pieces, resumable.

`make soak` goes on where it was broken off: what is done stands in target/soak/state.json with the code that
it was done with, and is done again only after `make soak ARGS=--anew` or once that code is another one. What
is not committed is nobody's code: it is refused. `DITA_SOAK_SCALE=0.001` makes every size that much smaller,
to see it start and resume. At the end target/soak/report.md has the table for docs/operating/proofs.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "target" / "soak"
STATE: Final = FOLDER / "state.json"
REPORT: Final = FOLDER / "report.md"
FUZZ_TARGETS: Final = ROOT / "rust_kernel" / "fuzz" / "engine" / "targets"
FUZZ_SECONDS: Final = 600


@dataclass(frozen=True)
class Check:
    """One row of the table: what it does, how large it is, and how large a piece of it is.

    A check whose pieces would all do the same has one piece.
    """

    name: str
    what: str
    size: int
    piece: int
    unit: str
    #: The command of a piece; `{size}` is the piece's size, `{start}` where it begins, `{nth}` its number.
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    #: What the report shows of a piece's output: the last line that matches.
    shows: str = r"test result: .*"
    #: The code that it runs: a piece that passed stands for as long as this is the same.
    covers: tuple[str, ...] = ("rust_kernel", "Cargo.lock", "python", "tests", "tools")
    #: False where the size is a bound, and less of it would be another question.
    scales: bool = True


def _cargo_test(package: str, test: str) -> tuple[str, ...]:
    return (
        "cargo",
        "test",
        "--locked",
        "--release",
        "--quiet",
        "--package",
        package,
        "--test",
        test,
        "--",
        "--nocapture",
    )


#: All of the crates but their tests.
CRATES: Final = (
    *(f"rust_kernel/{part}" for part in ("Cargo.toml", "src", "sim", "log/src", "engine/src", "torture")),
    "Cargo.toml",
    "Cargo.lock",
)
CARGO_RUN: Final = ("cargo", "run", "--locked", "--release", "--quiet", "--package")
TORTURE: Final = (*CARGO_RUN, "dita-torture", "--")
PYTEST: Final = (str(ROOT / ".venv/bin/python"), "-m", "pytest", "-q")

CHECKS: Final = (
    Check(
        "torture", "seeds through the faulty venue", 1_000_000, 5_000, "seeds",
        (*TORTURE, "--start", "{start}", "--seeds", "{size}"), shows=r".* seeds a second",
        covers=CRATES,
    ),
    Check(
        "model", "the state machines, thorough bounds", 1, 1, "run",
        (*CARGO_RUN, "dita-sim", "--example", "model_check"),
        shows=r".*states.*",
    ),
    Check(
        "power-log", "power loss, the log", 1_000_000, 1_000_000, "images",
        _cargo_test("dita-log", "power"), (("DITA_POWER_IMAGES", "{size}"),), shows=r".*images.*",
    ),
    Check(
        "power-kernel", "power loss, the kernel", 1_000_000, 1_000_000, "images",
        _cargo_test("dita-engine", "power"), (("DITA_POWER_KERNEL_IMAGES", "{size}"),), shows=r".*images.*",
    ),
    Check(
        "kill", "real kill -9, Rust victims", 10_000, 10_000, "kills",
        ("cargo", "test", "--locked", "--release", "--quiet", "--package", "dita-engine", "--test", "kill"),
        (("DITA_KILLS", "{size}"),), shows=r".*kill.*",
    ),
    Check(
        "kill-python", "real kill -9, Python victims", 500, 500, "kills",
        (*PYTEST, "tests/test_kill_outside.py"), (("DITA_PYTHON_KILLS", "{size}"),), shows=r".*passed.*",
    ),
    Check(
        "kill-stdio", "real kill -9, the engine over stdio", 100, 100, "kills",
        (*PYTEST, "-o", "faulthandler_timeout=7200", "tests/test_kill_stdio.py"),
        (("DITA_STDIO_KILLS", "{size}"),), shows=r".*passed.*",
    ),
    Check(
        "takeover", "a standby takes over from a primary that is killed or stopped", 200, 200, "takeovers",
        (*PYTEST, "-o", "faulthandler_timeout=7200", "tests/server/test_standby.py", "-k", "many_kills"),
        (("DITA_TAKEOVERS", "{size}"),), shows=r".*passed.*",
    ),
    Check(
        "zinc-models", "shared memory under loom and shuttle", 1, 1, "run",
        ("make", "--no-print-directory", "zinc-models"), scales=False,
    ),
    Check(
        "capi-valgrind", "the C ABI under valgrind", 1, 1, "run",
        ("make", "--no-print-directory", "capi-valgrind"), shows=r"all of it", scales=False,
    ),
    Check(
        "memory", "a backtest's memory, by the length of its file", 1_000, 1_000, "MB",
        (*PYTEST, "tests/backtest/test_memory.py"), (("DITA_MEMORY_MB", "{size}"),), shows=r".*passed.*",
    ),
    Check(
        "stdio", "a session of the engine over stdio, its memory and its money", 10_000_000, 10_000_000,
        "lines",
        _cargo_test("dita-stdio", "long"), (("DITA_STDIO_LINES", "{size}"),), shows=r".*fills, at most.*",
        covers=(*CRATES, "rust_kernel/stdio", "rust_kernel/host", "rust_kernel/play"),
    ),
    Check(
        "naive", "the naive model beside the kernel", 1_000_000, 50_000, "cases",
        _cargo_test("dita-sim", "naive"), (("DITA_NAIVE_CASES", "{size}"),),
    ),
    Check(
        "hypothesis", "the state machine from Python", 30_000, 30_000, "examples",
        # The watch over a test that hangs is set for CI's size.
        (*PYTEST, "-o", "faulthandler_timeout=7200", "tests/test_state_machine.py"),
        (("DITA_STATE_MACHINE_EXAMPLES", "{size}"),),
        shows=r".*passed.*",
    ),
    Check(
        "binance-memory", "the native adapter on a faulty network, without sockets", 1_000, 1_000, "seeds",
        (*PYTEST, "-o", "faulthandler_timeout=7200", "tests/venues/test_binance_torture.py", "-k", "without"),
        (("DITA_BINANCE_MEMORY_SEEDS", "{size}"),), shows=r".*passed.*",
    ),
    Check(
        "binance-sockets", "the same over sockets", 50, 50, "seeds",
        (*PYTEST, "-o", "faulthandler_timeout=7200", "tests/venues/test_binance_torture.py", "-k", "over"),
        (("DITA_BINANCE_SOCKET_SEEDS", "{size}"),), shows=r".*passed.*",
    ),
    Check(
        "bybit-memory", "Bybit's adapter on a faulty network, without sockets", 1_000, 1_000, "seeds",
        (*PYTEST, "-o", "faulthandler_timeout=7200", "tests/venues/test_bybit_certified.py", "-k", "without"),
        (("DITA_BYBIT_MEMORY_SEEDS", "{size}"),), shows=r".*passed.*",
    ),
    Check(
        "bybit-sockets", "the same over sockets", 50, 50, "seeds",
        (*PYTEST, "-o", "faulthandler_timeout=7200", "tests/venues/test_bybit_certified.py", "-k",
         "seeds_over"),
        (("DITA_BYBIT_SOCKET_SEEDS", "{size}"),), shows=r".*passed.*",
    ),
    Check(
        "binance-events", "fills by the user stream, with a cut for each thousand", 1_000_000, 1_000_000,
        "events",
        (*PYTEST, "-o", "faulthandler_timeout=14400", "tests/venues/test_binance_cuts.py"),
        (("DITA_BINANCE_EVENTS", "{size}"),), shows=r".*passed.*",
    ),
    Check(
        "followers", "followers, ClickHouse, Hazelcast, the kernel killed", 10_000_000, 10_000_000,
        "inputs",
        (str(ROOT / ".venv/bin/python"), str(ROOT / "tools/soak_followers.py"), "--inputs", "{size}"),
        shows=r".*kills and faults.*",
    ),
    Check(
        "planted", "each planted bug, found by seeds alone", 5_000, 5_000, "seeds at most",
        (
            "cargo", "run", "--locked", "--profile", "torture", "--quiet", "--package", "dita-torture",
            "--features", "planted", "--target-dir", "target/planted", "--", "--planted", "--seeds", "{size}",
        ),
        shows=r".* bugs found.*", scales=False,
    ),
)  # fmt: skip


def tell(text: str) -> None:
    """Write a line that is seen at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def fuzz_checks() -> tuple[Check, ...]:
    """One check for each fuzz target."""
    targets = sorted(path.stem for path in FUZZ_TARGETS.glob("*.rs"))
    return tuple(
        Check(
            f"fuzz-{target}", f"fuzzing {target}", FUZZ_SECONDS, FUZZ_SECONDS, "seconds",
            ("make", "--no-print-directory", "fuzz", f"TARGET={target}", "SECONDS={size}"),
            shows=r"Done .* runs in .*",
        )
        for target in targets
    )  # fmt: skip


def sizes(check: Check, scale: float) -> list[tuple[int, int]]:
    """Where each piece of a check begins, and how large it is."""
    whole = max(1, round(check.size * (scale if check.scales else 1)))
    piece = max(1, min(check.piece, whole))
    return [(start, min(piece, whole - start)) for start in range(0, whole, piece)]


def code_of(check: Check) -> str:
    """The code that a check runs, as it is committed; says so and ends where a part of it is not."""
    changed = git("status", "--porcelain", "--", *check.covers)
    if changed:
        sys.exit(f"{check.name}: commit first, so that it is known what was run:\n{changed}")
    return git("rev-parse", *(f"HEAD:{path}" for path in check.covers)).replace("\n", " ")


def git(*words: str) -> str:
    """What git answers."""
    answer = subprocess.run(  # noqa: S603 - the words are this file's
        ["git", *words],  # noqa: S607 - whichever git it is
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return answer.stdout.strip()


def load(scale: float, *, anew: bool) -> dict[str, Any]:
    """What is done; nothing of another scale, or where everything is wanted anew."""
    state: dict[str, Any] = {"scale": scale, "done": {}}
    if STATE.exists() and not anew:
        known: dict[str, Any] = json.loads(STATE.read_text())
        if known["scale"] == scale:
            return known
        tell("another scale: everything is run anew")
    return state


def save(state: dict[str, Any]) -> None:
    """Write what is done, whole or not at all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    fresh = STATE.with_suffix(".tmp")
    fresh.write_text(json.dumps(state, indent=1))
    fresh.replace(STATE)


def run_piece(check: Check, nth: int, start: int, size: int) -> dict[str, Any]:
    """Run one piece; its output goes to a file of its own."""
    words = {"size": size, "start": start, "nth": nth}
    command = [word.format(**words) for word in check.command]
    environment = os.environ | {name: value.format(**words) for name, value in check.environment}
    output = FOLDER / f"{check.name}-{nth}.txt"
    begun = time.monotonic()
    with output.open("w") as out:
        code = subprocess.run(  # noqa: S603 - the commands above
            command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT, check=False
        ).returncode
    shown = [
        line.strip() for line in output.read_text().splitlines() if re.fullmatch(check.shows, line.strip())
    ]
    return {
        "code": code,
        "seconds": round(time.monotonic() - begun, 1),
        "shown": shown[-1] if shown else "",
        "size": size,
    }


def report(state: dict[str, Any], codes: dict[Check, str], scale: float) -> str:
    """The table for the docs: what was done with the code as it is."""
    machine = f"{os.cpu_count()} processors, {platform.machine()}, {platform.system()}"
    today = datetime.now(UTC).date().isoformat()
    lines = [
        f"Last soak: {today}, {machine}, commit {git('rev-parse', '--short=12', 'HEAD')}, scale {scale:g}.",
        "",
        "| check | size | took | what it said last |",
        "|---|---|---|---|",
    ]
    for check, code in codes.items():
        pieces = (piece for key, piece in state["done"].items() if key.split("#")[0] == check.name)
        done = [piece for piece in pieces if piece["of"] == code]
        size, seconds = sum(piece["size"] for piece in done), sum(piece["seconds"] for piece in done)
        failed = sum(1 for piece in done if piece["code"] != 0)
        wanted = len(sizes(check, scale))
        standing = "" if len(done) == wanted else f", {len(done)} of {wanted} pieces"
        said = done[-1]["shown"] if done else "not run"
        verdict = f"**{failed} pieces FAILED** " if failed else ""
        lines.append(
            f"| {check.what} | {size:,} {check.unit}{standing} | {seconds / 3600:.2f} h | {verdict}{said} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run what is not done yet; 0 where every piece passed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--anew", action="store_true", help="forget what is done")
    parser.add_argument("--only", metavar="A,B", help="just these checks")
    parser.add_argument("--list", action="store_true", help="list the checks and their sizes")
    options = parser.parse_args()
    scale = float(os.environ.get("DITA_SOAK_SCALE", "1"))
    checks = (*CHECKS, *fuzz_checks())
    if options.only:
        checks = tuple(check for check in checks if check.name in options.only.split(","))
    if options.list:
        for check in checks:
            whole = sum(size for _, size in sizes(check, scale))
            tell(f"{check.name:14} {whole:>10,} {check.unit:14} {check.what}")
        return 0
    state = load(scale, anew=options.anew)
    codes = {check: code_of(check) for check in checks}
    FOLDER.mkdir(parents=True, exist_ok=True)
    failed = 0
    for check, code in codes.items():
        pieces = sizes(check, scale)
        for nth, (start, size) in enumerate(pieces):
            key = f"{check.name}#{nth}"
            known = state["done"].get(key)
            if known is not None and known["code"] == 0 and known["of"] == code:
                continue
            at = f"{datetime.now(UTC):%H:%M:%S} {check.name} {nth + 1} of {len(pieces)}"
            tell(f"{at}: {size:,} {check.unit}")
            found = run_piece(check, nth, start, size)
            if code_of(check) != code:
                sys.exit(f"{check.name}: its code has changed while it ran")
            state["done"][key] = found | {"of": code}
            save(state)
            REPORT.write_text(report(state, codes, scale))
            if found["code"] != 0:
                failed += 1
                tell(f"         FAILED: see target/soak/{check.name}-{nth}.txt")
    REPORT.write_text(report(state, codes, scale))
    tell(REPORT.read_text())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
