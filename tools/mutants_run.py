"""Runs the tests against one mutant after the other: all are in one build, and a switch tells them apart."""

import hashlib
import json
import math
import os
import resource
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from mutants_tree import CRATES, ROOT, Fate, Mutant, Tree, errors_of

WORK: Final = ROOT / "target" / "mutants"
ROUNDS_MAX: Final = 30
# The phases of a run. Only what survives one meets the next.
UNITS: Final = 0
NAMED: Final = 1
RANDOM: Final = 2
SIMULATOR: Final = 3
ANSWERS: Final = 4
DEEP: Final = 5
# What one run lets say at a time: everything that survives one tier, in all files, meets the next.
TIERS: Final = ((UNITS, NAMED), (RANDOM, SIMULATOR), (ANSWERS,), (DEEP,))
JOBS: Final = int(os.environ.get("DITA_MUTANTS_JOBS", "2"))
# A test that takes longer with no mutant is never run with one.
MEASURED_SECONDS_MAX: Final = 2.5
# Nor is one that takes longer than this measured to its end.
RECORDED_SECONDS_MAX: Final = 15
NICE: Final = int(os.environ.get("DITA_MUTANTS_NICE", "10"))
MEMORY_BYTES_MAX: Final = 4 << 30
_TIMEOUT: Final = (-24, -9)
# By processor time: others on the machine make no test slower by this much.
SECONDS_MIN: Final = 4
TIMES_SLOWER_MAX: Final = 10
# No clock runs in the tests, so what takes no processor time and does not end waits for ever.
WALL_SECONDS_MAX: Final = 1800
# A survivor meets every test: the longest are left out, so that more may count as missed than would be.
TEST_SECONDS_MAX: Final = 0.5
SIMULATOR_SECONDS_MAX: Final = 0.12
# What has come through all others meets what they left out, with more cases: so much of it for each mutant.
DEEP_TEST_SECONDS_MAX: Final = 8.0
DEEP_SECONDS_MAX: Final = 25.0
# It starts itself again, and that over and over: no test to be listed.
NOT_LISTED: Final = "kill"
# A mutant that the few tests of its own part catch needs no others.
FIRST_TESTS: Final = 12
RANDOM_CASES: Final = "60"
SETTINGS: Final = {
    "CARGO_TARGET_DIR": str(WORK / "build"),
    "RUSTFLAGS": "--cap-lints=allow",
    # The switch must do in functions that are evaluated while compiling, too: stable Rust cannot say that.
    "RUSTC_BOOTSTRAP": "dita_kernel",
    "DITA_RANDOM_CASES": RANDOM_CASES,
    "PROPTEST_CASES": RANDOM_CASES,
    "PROPTEST_FAILURE_PERSISTENCE": "off",
    "RUST_BACKTRACE": "0",
}
DEEP_SETTINGS: Final = {
    "DITA_RANDOM_CASES": "500",
    "PROPTEST_CASES": "500",
    "DITA_NAIVE_CASES": "300",
    "DITA_SWARM_SEEDS": "25",
    "DITA_SWARM_FROM": "1",
    "DITA_POWER_KERNEL_IMAGES": "1",
}


class BrokenRunError(RuntimeError):
    """What was run says nothing about the mutants."""


@dataclass(frozen=True)
class Test:
    """One test of one binary.

    Attributes:
        binary: The executable.
        folder: Where it is run.
        name: The test's name.
        phase: The phase that it is in: a mutant that survives one meets the next.
        seconds: The processor time that it took with no mutant.
        reached: The sites that it ran through.
    """

    binary: Path
    folder: Path
    name: str
    phase: int
    seconds: float
    reached: frozenset[int]


def _cargo(tree: Tree, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["cargo", *arguments, "--offline", "--profile", "mutants", "--message-format=json"]
    return subprocess.run(
        command, cwd=tree.folder, env=os.environ | SETTINGS, text=True, capture_output=True, check=False
    )


def make_it_compile(tree: Tree) -> None:
    """Takes out what does not compile, until the rest does."""
    failed, kept = "", WORK / "compiles" / tree.digest()[:16]
    if kept.exists():
        known = json.loads(kept.read_text(encoding="utf-8"))
        tree.fate.left_over |= set(known["left over"])
        tree.fate.unviable |= set(known["unviable"])
    for _ in range(ROUNDS_MAX):
        tree.write()
        done = _cargo(tree, "check", "--package", "dita-kernel", "--lib")
        if done.returncode == 0:
            fate = {"left over": sorted(tree.fate.left_over), "unviable": sorted(tree.fate.unviable)}
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(fate), encoding="utf-8")
            return
        failed = "\n".join(error["rendered"] for error in errors_of(done.stdout)) or done.stderr
        if not tree.drop_what_fails(errors_of(done.stdout)):
            break
    raise BrokenRunError(f"the copy does not compile:\n{failed}")


def _phase(package: str, target: str, kind: str, name: str) -> int:
    if package in ("dita-log", "dita-engine"):
        return DEEP
    if package == "dita-sim":
        return SIMULATOR
    if name.startswith("random::"):
        return RANDOM
    if name.startswith("answers::"):
        return ANSWERS
    return UNITS if kind == "lib" or target == "kernel" else NAMED


def build(tree: Tree) -> list[tuple[Path, Path, str, int]]:
    """Builds the test binaries: each test with its executable, its folder and its phase."""
    packages = [word for package in CRATES.values() for word in ("--package", package)]
    done = _cargo(tree, "test", "--no-run", "--lib", "--tests", *packages)
    if done.returncode != 0:
        raise BrokenRunError("\n".join(error["rendered"] for error in errors_of(done.stdout)) or done.stderr)
    tests: list[tuple[Path, Path, str, int]] = []
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message["reason"] != "compiler-artifact" or not message["executable"]:
            continue
        if not message["profile"]["test"] or message["target"]["name"] == NOT_LISTED:
            continue
        binary, manifest = Path(message["executable"]), Path(message["manifest_path"])
        package = CRATES[str(manifest.parent.relative_to(tree.folder))]
        listed = subprocess.run(
            [binary, "--list", "--format", "terse"], text=True, stdout=subprocess.PIPE, check=True
        ).stdout
        names = [name.removesuffix(": test") for name in listed.splitlines() if name.endswith(": test")]
        kind = message["target"]["kind"][0]
        tests += [
            (binary, manifest.parent, name, _phase(package, message["target"]["name"], kind, name))
            for name in names
        ]
    return tests


def _run(
    binary: Path, folder: Path, names: list[str], settings: dict[str, str], seconds_max: int
) -> tuple[int, float]:
    """Runs some tests of one binary: how the process ended, and its processor time in seconds."""

    def limit() -> None:
        os.nice(NICE)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds_max, seconds_max + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    process = subprocess.Popen(
        [binary, "--exact", *names, "--test-threads=1", "--quiet"],
        cwd=folder,
        env=os.environ | SETTINGS | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=limit,  # noqa: PLW1509 - it only sets limits
    )
    started = time.monotonic()
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_utime + usage.ru_stime
        if time.monotonic() - started > WALL_SECONDS_MAX:
            process.kill()
        time.sleep(0.003)


class Records:
    """What each test runs through and how long it takes, found out when its tier begins."""

    def __init__(self, tests: list[tuple[Path, Path, str, int]]) -> None:
        """Takes up what is known already: a binary that is still the same is not run again."""
        self.tests = tests
        self.writing = Lock()
        self.kept: dict[Path, Path] = {}
        self.known: dict[Path, dict[str, tuple[float, list[int]]]] = {}
        for binary in {binary for binary, *_ in tests}:
            digest = hashlib.sha256(binary.read_bytes()).hexdigest()[:16]
            path = WORK / "reached" / f"{binary.name}-{digest}.json"
            self.kept[binary] = path
            self.known[binary] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def of_tier(self, tier: int) -> list[Test]:
        """Runs each test of a tier by itself with no mutant: it must pass, and says where it came through."""
        own = [test for test in self.tests if test[-1] in TIERS[tier]]
        if DEEP in TIERS[tier]:
            # What takes long, or would find more with more cases, has its turn at the end.
            others = [self._one(test) for test in self.tests if test[-1] not in (DEEP, ANSWERS)]
            left_out = [one for one in others if one.phase == RANDOM or one.seconds > _seconds_max(one.phase)]
            own += [(one.binary, one.folder, one.name, DEEP) for one in left_out]
        with ThreadPoolExecutor(JOBS) as pool:
            return [test for test in pool.map(self._one, own) if test.seconds <= _seconds_max(test.phase)]

    def _one(self, test: tuple[Path, Path, str, int]) -> Test:
        binary, folder, name, phase = test
        known, key = self.known[binary], f"deep {name}" if phase == DEEP else name
        if key not in known:
            measured = _record_one(binary, folder, name, phase)
            with self.writing:
                known[key] = measured
                self.kept[binary].parent.mkdir(parents=True, exist_ok=True)
                self.kept[binary].write_text(json.dumps(known), encoding="utf-8")
        seconds, sites = known[key]
        return Test(binary, folder, name, phase, seconds, frozenset(sites))


def _seconds_max(phase: int) -> float:
    most = {SIMULATOR: SIMULATOR_SECONDS_MAX, ANSWERS: RECORDED_SECONDS_MAX, DEEP: DEEP_TEST_SECONDS_MAX}
    return most.get(phase, TEST_SECONDS_MAX)


def _settings(phase: int) -> dict[str, str]:
    return DEEP_SETTINGS if phase == DEEP else {}


def _record_one(binary: Path, folder: Path, name: str, phase: int) -> tuple[float, list[int]]:
    settings = _settings(phase)
    with tempfile.TemporaryDirectory() as scratch:
        reached = Path(scratch) / "reached"
        recording = settings | {"DITA_REACHED": str(reached)}
        code, seconds = _run(binary, folder, [name], recording, RECORDED_SECONDS_MAX)
        if code in _TIMEOUT or (code != 0 and phase == DEEP):
            return math.inf, []  # too long, or it cannot be content with as few cases
        if code != 0:
            raise BrokenRunError(f"{binary.name} {name} fails with no mutant: {code}")
        sites = sorted(map(int, reached.read_text().split())) if reached.exists() else []
    # With the hook of a mutant, and none: where a test counts on a panic, nothing would survive.
    if seconds <= max(MEASURED_SECONDS_MAX, _seconds_max(phase)):
        code, _ = _run(binary, folder, [name], settings | {"DITA_MUTANT": "0"}, RECORDED_SECONDS_MAX)
        if code != 0 and phase == DEEP:
            return math.inf, []
        if code != 0:
            raise BrokenRunError(f"{binary.name} {name} fails where no mutant is switched on: {code}")
    return seconds, sites


def _batches(tests: list[Test]) -> Iterator[list[Test]]:
    """The order of running: by phase, the few tests that come through the least first, by binary."""
    for phase in sorted({test.phase for test in tests}):
        own = sorted((test for test in tests if test.phase == phase), key=lambda test: len(test.reached))
        if phase == DEEP:
            yield from ([test] for test in _within(own, DEEP_SECONDS_MAX))
            continue
        for some in (own[:FIRST_TESTS], own[FIRST_TESTS:]):
            by_binary: dict[Path, list[Test]] = defaultdict(list)
            for test in some:
                by_binary[test.binary].append(test)
            yield from by_binary.values()


def _within(tests: list[Test], seconds_max: float) -> Iterator[Test]:
    """As many tests as fit into a time, the shortest first."""
    seconds = 0.0
    for test in sorted(tests, key=lambda test: test.seconds):
        seconds += test.seconds
        if seconds > seconds_max:
            return
        yield test


def verdict_of(number: int, tests: list[Test]) -> str:
    """What the tests that come through a mutant say of it: `caught`, `timeout` or `missed`."""
    for batch in _batches(tests):
        seconds = sum(test.seconds for test in batch)
        seconds_max = max(SECONDS_MIN, math.ceil(seconds * TIMES_SLOWER_MAX))
        names = [test.name for test in batch]
        settings = _settings(batch[0].phase) | {"DITA_MUTANT": str(number)}
        code, _ = _run(batch[0].binary, batch[0].folder, names, settings, seconds_max)
        if code != 0 and batch[0].phase == DEEP:
            # Some of these write files: only what fails twice has failed for the mutant's sake.
            code, _ = _run(batch[0].binary, batch[0].folder, names, settings, seconds_max)
        match code:
            case 0:
                continue
            case 101 | -6 | -11:  # a panic, an abort for want of memory, a stack that overflowed
                return "caught"
            case code if code in _TIMEOUT:
                return "timeout"
            case _:
                raise BrokenRunError(f"mutant {number}: {batch[0].binary.name} ended with {code}")
    return "missed"


def verdicts(mutants: list[Mutant], fate: Fate, tests: list[Test]) -> Iterator[tuple[Mutant, str]]:
    """The verdict of these tests on each mutant, as they come."""
    through: dict[int, list[Test]] = defaultdict(list)
    for test in tests:
        for site in test.reached:
            through[site].append(test)

    def one(mutant: Mutant) -> tuple[Mutant, str]:
        if mutant.name in fate.left_over:
            return mutant, "left over"
        if mutant.name in fate.unviable:
            return mutant, "unviable"
        return mutant, verdict_of(fate.numbers[mutant.name], through[fate.sites[mutant.name]])

    with ThreadPoolExecutor(JOBS) as pool:
        yield from pool.map(one, mutants)
