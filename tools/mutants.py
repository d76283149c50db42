"""Mutation testing of the core: `python tools/mutants.py [SHARD] [PART OF A PATH...]`, with SHARD as `k/n`.

All mutants are built at once (tools/mutants_tree.py) and run one by one (tools/mutants_run.py). A file that
is in the record as it stands now is skipped; one that was broken off goes on where it stopped. With parts of
paths only those files are run, with `--tiers=0,2` only those tiers of the tests. `--again` runs the survivors
once more, after tests were added; `--open` leaves out those that have a verdict.
`--known` runs nothing: it writes what a run has found that is under way or was broken off; what came through
the tests so far counts as missed.
`--check` runs and builds nothing: it says where the record stands, and fails where it contradicts itself.
"""

import hashlib
import json
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mutants_run import Test
    from mutants_tree import Mutant, Tree

ROOT: Final = Path(__file__).resolve().parents[1]
CORE: Final = Path("rust_kernel/src")
RECORD: Final = ROOT / "docs" / "operating" / "mutants.tsv"
WORK: Final = ROOT / "target" / "mutants"
UNEXPLAINED: Final = "unexplained"
_SHARD: Final = re.compile(r"\d+/\d+")
# `noticed`: only the recorded answers tell. The kernel answers otherwise, and no test says which is right.
KINDS: Final = ("caught", "timeout", "noticed", "missed", "left over", "unviable")
# What a wrong figure costs money in comes first.
FIRST: Final = (
    "kernel/booking",
    "fees",
    "ledger",
    "funding",
    "kernel/funding",
    "kernel/busts",
    "reconcile",
    "kernel/account",
    "position",
    "kernel/venue",
    "order",
)


@dataclass(frozen=True, order=True)
class Place:
    """A mutant, as the record names it.

    Attributes:
        line: The line, from 1.
        column: The column, from 1.
        function: The function around it.
        what: What is changed.
        code: The source line.
    """

    line: int
    column: int
    function: str
    what: str
    code: str


@dataclass
class Run:
    """What came of one file.

    Attributes:
        digest: The first characters of its SHA-256, as it was run.
        counts: How many mutants there were of each kind.
        survivors: The verdict on each mutant that no test caught.
    """

    digest: str
    counts: Counter[str] = field(default_factory=Counter)
    survivors: dict[Place, str] = field(default_factory=dict)

    def verdicts(self) -> dict[tuple[str, str, str], str]:
        """The verdicts by what does not move with the lines around it."""
        return {
            (place.function, place.what, place.code): verdict for place, verdict in self.survivors.items()
        }


def digest_of(path: str) -> str:
    """What tells a file from its other versions."""
    return hashlib.sha256((ROOT / path).read_bytes()).hexdigest()[:12]


def read_record() -> dict[str, Run]:
    """The record by file."""
    runs: dict[str, Run] = {}
    for line in RECORD.read_text(encoding="utf-8").splitlines() if RECORD.exists() else ():
        match line.split("\t"):
            case ["file", path, digest, *counts]:
                runs[path] = Run(digest, Counter(dict(zip(KINDS, map(int, counts), strict=True))))
            case ["survivor", path, number, column, function, what, code, verdict]:
                runs[path].survivors[Place(int(number), int(column), function, what, code)] = verdict
            case [text] if not text or text.startswith("#"):
                continue
            case ["# file" | "# survivor", *_]:
                continue
            case _:
                raise ValueError(f"the record has a line that is none: {line}")
    return runs


def write_record(runs: dict[str, Run]) -> None:
    """Writes the whole record."""
    lines = [
        "# Mutation testing of the core: written by tools/mutants.py, but for the survivors' verdicts.",
        "\t".join(["# file", "path", "digest", *KINDS]),
        "# survivor\tpath\tline\tcolumn\tfunction\tmutation\tcode\tverdict",
    ]
    for path, run in sorted(runs.items()):
        lines.append("\t".join(["file", path, run.digest, *(str(run.counts[kind]) for kind in KINDS)]))
        for at, verdict in sorted(run.survivors.items()):
            fields = (path, str(at.line), str(at.column), at.function, at.what, at.code, verdict)
            lines.append("\t".join(["survivor", *fields]))
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


def place_of(mutant: "Mutant") -> Place:
    """How the record names a mutant."""
    return Place(mutant.line, mutant.column, mutant.function, mutant.what, mutant.code)


def results_of(path: str, digest: str, *, again: bool) -> Path:
    """Where the verdicts on a file's mutants are kept while it runs."""
    kind = "again" if again else "results"
    return WORK / kind / f"{path.replace('/', '-')}-{digest}.jsonl"


@dataclass
class Work:
    """What is to be run of one file.

    Attributes:
        path: The file.
        mutants: Its mutants, or those that survived before.
        digest: What tells this file from its other versions, as it was copied: it may be edited meanwhile.
        before: The record's run where only survivors run again.
    """

    path: str
    mutants: list["Mutant"]
    digest: str
    before: Run | None = None

    @property
    def kept(self) -> Path:
        """Where the verdicts are kept."""
        return results_of(self.path, self.digest, again=self.before is not None)

    def results(self) -> dict[str, str]:
        """The verdicts so far; `alive 1` is what the first tier of tests let through."""
        lines = self.kept.read_text(encoding="utf-8").splitlines() if self.kept.exists() else []
        return dict(json.loads(line) for line in lines)

    def run(self, tree: "Tree", tests: list["Test"], tier: int) -> None:
        """Lets one tier of the tests say which of the mutants that are still open it catches."""
        from mutants_run import ANSWERS, TIERS, verdicts  # noqa: PLC0415 - `--check` needs no parser

        self.kept.parent.mkdir(parents=True, exist_ok=True)
        known = self.results()
        open_yet = {f"alive {level}" for level in range(tier + 1)}
        waiting = [one for one in self.mutants if known.get(one.name, "alive 0") in open_yet]
        with self.kept.open("a", encoding="utf-8") as file:
            for mutant, said in verdicts(waiting, tree.fate, tests):
                verdict = said
                if verdict == "missed" and tier + 1 < len(TIERS):
                    verdict = f"alive {tier + 1}"
                elif ANSWERS in TIERS[tier] and verdict in ("caught", "timeout"):
                    verdict = "noticed"
                file.write(json.dumps([mutant.name, verdict]) + "\n")
                file.flush()

    def outcome(self) -> Run:
        """What came of the file whose mutants have all been run: what still lives is missed."""
        results = self.results()
        known = {name: "missed" if said.startswith("alive") else said for name, said in results.items()}
        run = Run(self.digest, Counter(known[mutant.name] for mutant in self.mutants))
        run.survivors = {place_of(one): UNEXPLAINED for one in self.mutants if known[one.name] == "missed"}
        if self.before:
            again = {place_of(one) for one in self.mutants}
            others = {at: verdict for at, verdict in self.before.survivors.items() if at not in again}
            run.survivors |= others
            run.counts += Counter({**self.before.counts, "missed": len(others)})
        return run


def rank(path: str) -> tuple[int, str]:
    """Where a file stands in the order of running."""
    inner = path.removeprefix(f"{CORE}/")
    return next((at for at, first in enumerate(FIRST) if inner.startswith(first)), len(FIRST)), path


def state(runs: dict[str, Run]) -> str:
    """How far the record goes, and how much of it is of the core as it stands now."""
    files = sorted(str(file.relative_to(ROOT)) for file in (ROOT / CORE).rglob("*.rs"))
    totals: Counter[str] = sum((run.counts for run in runs.values()), Counter())
    explained = Counter(verdict == UNEXPLAINED for run in runs.values() for verdict in run.survivors.values())
    changed = [path for path, run in runs.items() if path not in files or digest_of(path) != run.digest]
    figures = ", ".join(f"{totals[kind]} {kind}" for kind in KINDS)
    return (
        f"{totals.total()} mutants in {len(runs)} files: {figures}; of those missed {explained[False]} are "
        f"explained and {explained[True]} are not; {len(changed)} files have changed since"
    )


def contradictions(runs: dict[str, Run]) -> list[str]:
    """What cannot be true in the record."""
    found = [
        f"{path}: {run.counts['missed']} missed, and {len(run.survivors)} survivors"
        for path, run in runs.items()
        if run.counts["missed"] != len(run.survivors)
    ]
    for path, run in runs.items():
        found += [
            f"{path}:{at.line}: no verdict" for at, verdict in run.survivors.items() if not verdict.strip()
        ]
        if (ROOT / path).exists() and digest_of(path) == run.digest:
            source = (ROOT / path).read_text(encoding="utf-8").splitlines()
            found += [
                f"{path}:{at.line}: another line than the record's"
                for at in run.survivors
                if at.line > len(source) or " ".join(source[at.line - 1].split()) != at.code
            ]
    return found


def say(line: str) -> None:
    """A line that is seen at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def check() -> int:
    """Where the record stands; 1 where it contradicts itself."""
    runs = read_record()
    say(state(runs))
    wrong = contradictions(runs)
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


def main(arguments: list[str]) -> int:
    """Runs what is not in the record."""
    if "--check" in arguments:
        return check()
    from mutants_run import TIERS, Records, build, make_it_compile  # noqa: PLC0415 - as above
    from mutants_tree import Tree, listed  # noqa: PLC0415 - as above

    shard = next((one for one in arguments if _SHARD.fullmatch(one)), "0/1")
    names = [one for one in arguments if not one.startswith("--") and one != shard] or [""]
    part, parts = (int(number) for number in shard.split("/"))
    mutants = listed()
    work = work_of(mutants, arguments, names)[part::parts]
    if "--known" in arguments:
        for one in work:
            if all(mutant.name in one.results() for mutant in one.mutants):
                put_in_record(one)
    elif work:
        say(f"==> writing {len(mutants)} mutants into one build")
        tree = Tree(WORK / "tree", mutants)
        make_it_compile(tree)
        say("==> building the tests")
        records = Records(build(tree))
        chosen = next((one for one in arguments if one.startswith("--tiers=")), "")
        tiers = [int(tier) for tier in chosen.removeprefix("--tiers=").split(",") if tier]
        tiers = tiers or list(range(len(TIERS)))
        for tier in tiers:
            say(f"==> tier {tier}: running each test without a mutant")
            tests = records.of_tier(tier)
            seconds = sum(test.seconds for test in tests)
            count = sum(len(one.mutants) for one in work)
            say(f"==> tier {tier}: {seconds:.0f} s of tests, for {count} mutants less those that are caught")
            for one in work:
                one.run(tree, tests, tier)
                said = Counter(one.results().values())
                say(f"{one.path}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(said.items())))
                if tier == tiers[-1]:
                    put_in_record(one)
    return check()


def work_of(mutants: list["Mutant"], arguments: list[str], names: list[str]) -> list[Work]:
    """What is to be run, in the order of running."""
    by_file: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        if any(name in mutant.file for name in names):
            by_file[mutant.file].append(mutant)
    runs, work = read_record(), []
    for path in sorted(by_file, key=rank):
        run = runs.get(path)
        if run is None or run.digest != digest_of(path):
            work.append(Work(path, by_file[path], digest_of(path)))
        elif "--again" in arguments:
            is_wanted = {
                at: "--open" not in arguments or verdict == UNEXPLAINED
                for at, verdict in run.survivors.items()
            }
            some = [one for one in by_file[path] if is_wanted.get(place_of(one), False)]
            if some:
                work.append(Work(path, some, digest_of(path), run))
    return work


def put_in_record(work: Work) -> None:
    """Writes what came of one file; a verdict on what survives again stands."""
    run = work.outcome()
    # Other runs may have written meanwhile.
    runs = read_record()
    known = runs[work.path].verdicts() if work.path in runs else {}
    for at in run.survivors:
        run.survivors[at] = known.get((at.function, at.what, at.code), UNEXPLAINED)
    runs[work.path] = run
    write_record(runs)
    if work.before:
        work.kept.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
