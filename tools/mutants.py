"""Mutation testing of the core, file by file: `python tools/mutants.py [SHARD]`, with SHARD as `k/n`.

Each file that is not in the record as it stands now is run, and its figures and survivors are written down
when it is through; one that was broken off goes on where it stopped. `--check` runs nothing: it says where
the record stands.
"""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
CORE: Final = Path("rust_kernel/src")
RECORD: Final = ROOT / "docs" / "operating" / "mutants.tsv"
WORK: Final = ROOT / "target" / "mutants"
UNEXPLAINED: Final = "unexplained"
KINDS: Final = ("caught", "unviable", "timeout", "missed")
# What a wrong figure costs money in comes first.
FIRST: Final = ("kernel/booking", "kernel/venue", "position", "ledger", "fees", "kernel/account", "order")
# `path:line:column: what in function`, or `path:line:column: what`.
_MUTANT: Final = re.compile(r"^(?P<path>[^:]+):\d+:\d+: (?P<what>.*?)(?: in (?P<function>\S.*))?$")
# By the clock, and machines are shared: an alarm that comes too early takes what is only slow for caught.
TEST_SECONDS_MAX: Final = 300
BUILD_SECONDS_MAX: Final = 900
RANDOM_CASES: Final = "60"


@dataclass
class Run:
    """What came of one file.

    Attributes:
        digest: The first characters of its SHA-256, as it was run.
        counts: How many mutants there were of each kind.
        survivors: The verdict on each mutant that no test caught, by function and mutation.
    """

    digest: str
    counts: Counter[str] = field(default_factory=Counter)
    survivors: dict[tuple[str, str], str] = field(default_factory=dict)


def digest_of(path: str) -> str:
    """What tells a file from its other versions."""
    return hashlib.sha256((ROOT / path).read_bytes()).hexdigest()[:12]


def read_record() -> dict[str, Run]:
    """The record by file."""
    runs: dict[str, Run] = {}
    if not RECORD.exists():
        return runs
    for line in RECORD.read_text(encoding="utf-8").splitlines():
        match line.split("\t"):
            case ["file", path, digest, *counts]:
                numbers = map(int, counts)
                runs[path] = Run(digest, Counter(dict(zip(KINDS, numbers, strict=True))))
            case ["survivor", path, function, what, verdict]:
                runs[path].survivors[function, what] = verdict
            case _:
                continue
    return runs


def write_record(runs: dict[str, Run]) -> None:
    """Writes the whole record."""
    lines = [
        "# Mutation testing of the core: written by tools/mutants.py, but for the survivors' verdicts.",
        "\t".join(["# file", "path", "digest", *KINDS]),
        "# survivor\tpath\tfunction\tmutation\tverdict",
    ]
    for path, run in sorted(runs.items()):
        lines.append("\t".join(["file", path, run.digest, *(str(run.counts[kind]) for kind in KINDS)]))
        for (function, what), verdict in sorted(run.survivors.items()):
            lines.append(f"survivor\t{path}\t{function}\t{what}\t{verdict}")
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


def mutants_of_core() -> Counter[str]:
    """How many mutants each file has."""
    command = ["cargo", "mutants", "--list", "--package", "dita-kernel"]
    listed = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout
    return Counter(line.split(":", 1)[0] for line in listed.splitlines() if line)


def has_own_tests(path: str) -> bool:
    """True where the library's own tests are about the file: they cost another build of it."""
    folder = (ROOT / path).parent
    near = [ROOT / path, *(folder / name for name in ("mod.rs", "tests.rs") if folder != ROOT / CORE)]
    return any("cfg(test)" in file.read_text(encoding="utf-8") for file in near if file.exists())


def run_file(path: str) -> Run | None:
    """Runs a file's mutants; None where the run did not come to its end."""
    digest, folder = digest_of(path), WORK / path.replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        "cargo",
        "mutants",
        "--package",
        "dita-kernel",
        "--file",
        path,
        "--output",
        str(folder),
        "--iterate",
    ]
    command += [
        "--gitignore",
        "true",
        "--profile",
        "mutants",
        "--baseline",
        "skip",
        "--colors",
        "never",
        "--jobs",
        "1",
    ]
    command += ["--timeout", str(TEST_SECONDS_MAX), "--build-timeout", str(BUILD_SECONDS_MAX)]
    command += ["--", "--test", "kernel", "--test", "sequences", *(["--lib"] if has_own_tests(path) else [])]
    # One folder for all builds: dependencies are built once, and each mutant incrementally.
    settings = {
        "CARGO_TARGET_DIR": str(WORK / "build"),
        "DITA_RANDOM_CASES": RANDOM_CASES,
        "RUST_BACKTRACE": "0",
    }
    done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=False)
    # 0: all caught. 2: some missed. 3: some took too long. Anything else is no result.
    if done.returncode not in (0, 2, 3):
        return None
    run = Run(digest)
    for kind in KINDS:
        names = [f"{kind}.txt", *([f"previously_{kind}.txt"] if kind in ("caught", "unviable") else [])]
        listed = {
            line
            for name in names
            if (file := folder / "mutants.out" / name).exists()
            for line in file.read_text(encoding="utf-8").splitlines()
            if line
        }
        run.counts[kind] = len(listed)
        if kind in ("missed", "timeout"):
            for line in listed:
                found = _MUTANT.match(line)
                function, what = (found["function"] or "", found["what"]) if found else ("", line)
                run.survivors[function, f"{what} ({kind})" if kind == "timeout" else what] = UNEXPLAINED
    return run


def rank(path: str) -> tuple[int, str]:
    """Where a file stands in the order of running."""
    inner = path.removeprefix(f"{CORE}/")
    return next((at for at, first in enumerate(FIRST) if inner.startswith(first)), len(FIRST)), path


def state(runs: dict[str, Run], mutants: Counter[str]) -> str:
    """How far the record goes, of the core as it stands now."""
    current = {path: run for path, run in runs.items() if path in mutants and run.digest == digest_of(path)}
    totals: Counter[str] = sum((run.counts for run in current.values()), Counter())
    open_ones = sum(list(run.survivors.values()).count(UNEXPLAINED) for run in current.values())
    figures = ", ".join(f"{totals[kind]} {kind}" for kind in KINDS)
    return (
        f"{len(current)} of {len(mutants)} files and {totals.total()} of {mutants.total()} mutants are run: "
        f"{figures}; {open_ones} survivors unexplained"
    )


def say(line: str) -> None:
    """A line that is seen at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Runs what is not in the record; 1 where a run broke off."""
    mutants, runs = mutants_of_core(), read_record()
    if "--check" in arguments:
        say(state(runs, mutants))
        return 0
    part, parts = (int(number) for number in (arguments[0] if arguments else "0/1").split("/"))
    mine = sorted(mutants, key=rank)[part::parts]
    for path in mine:
        if path in runs and runs[path].digest == digest_of(path):
            continue
        say(f"==> {path}: {mutants[path]} mutants")
        run = run_file(path)
        if run is None:
            sys.stderr.write(f"{path} was not run to its end: the next run goes on with it\n")
            return 1
        # Other runs may have written meanwhile; a verdict on what survives again stands.
        runs = read_record()
        known = runs[path].survivors if path in runs else {}
        run.survivors = {key: known.get(key, verdict) for key, verdict in run.survivors.items()}
        runs[path] = run
        write_record(runs)
    say(state(runs, mutants))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
