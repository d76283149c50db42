"""Mutation testing of the core: `python tools/mutants.py [SHARD] [PART OF A PATH...]`, with SHARD as `k/n`.

All mutants are built at once (tools/mutants_tree.py) and run one by one (tools/mutants_run.py). A file that
is in the record as it stands now is skipped; one that was broken off goes on where it stopped. `--again` runs
the survivors once more, after tests were added, all of them or those of the files whose paths are named. `--check` runs and builds nothing: it says where the record
stands, and fails where the record contradicts itself.
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
KINDS: Final = ("caught", "timeout", "missed", "left over", "unviable")
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


def results_of(path: str) -> Path:
    """Where the verdicts on a file's mutants are kept while it runs."""
    return WORK / "results" / f"{path.replace('/', '-')}-{digest_of(path)}.jsonl"


def read_results(path: str) -> dict[str, str]:
    """The verdicts that a file's mutants have so far; `alive` is what only the quick tests have said."""
    kept = results_of(path)
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    return dict(json.loads(line) for line in lines)


def run_file(path: str, mutants: list["Mutant"], tree: "Tree", tests: list["Test"], *, quick: bool) -> None:
    """Lets the quick tests, or the others, say which of a file's open mutants they catch."""
    from mutants_run import is_quick, verdicts  # noqa: PLC0415 - `--check` needs no parser

    results_of(path).parent.mkdir(parents=True, exist_ok=True)
    known = read_results(path)
    waiting = [one for one in mutants if known.get(one.name, "") == ("" if quick else "alive")]
    own = [test for test in tests if is_quick(test) == quick]
    with results_of(path).open("a", encoding="utf-8") as file:
        for mutant, verdict in verdicts(waiting, tree.fate, own):
            said = "alive" if quick and verdict == "missed" else verdict
            file.write(json.dumps([mutant.name, said]) + "\n")
            file.flush()


def outcome(path: str, mutants: list["Mutant"]) -> Run:
    """What came of a file whose mutants have all been run."""
    known = read_results(path)
    run = Run(digest_of(path), Counter(known[mutant.name] for mutant in mutants))
    run.survivors = {place_of(one): UNEXPLAINED for one in mutants if known[one.name] == "missed"}
    return run


def forget_survivors(path: str) -> None:
    """Keeps the verdicts on what was caught: only the survivors run again, or all where nothing is kept."""
    kept = results_of(path)
    if kept.exists():
        known = {
            name: verdict
            for name, verdict in read_results(path).items()
            if verdict not in ("missed", "alive")
        }
        kept.write_text("".join(json.dumps(pair) + "\n" for pair in known.items()), encoding="utf-8")


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
    from mutants_run import build, make_it_compile, record  # noqa: PLC0415 - as above
    from mutants_tree import Tree, listed  # noqa: PLC0415 - as above

    shard = next((one for one in arguments if _SHARD.fullmatch(one)), "0/1")
    names = [one for one in arguments if not one.startswith("--") and one != shard] or [""]
    part, parts = (int(number) for number in shard.split("/"))
    by_file: dict[str, list[Mutant]] = defaultdict(list)
    mutants, runs = listed(), read_record()
    for mutant in mutants:
        by_file[mutant.file].append(mutant)
    for path, run in runs.items() if "--again" in arguments else ():
        named = any(name in path for name in names)
        if named and run.survivors and path in by_file and run.digest == digest_of(path):
            forget_survivors(path)
            run.digest = ""
    mine = [
        path
        for path in sorted(by_file, key=rank)[part::parts]
        if path not in runs or runs[path].digest != digest_of(path)
    ]
    if mine:
        say(f"==> writing {len(mutants)} mutants into one build")
        tree = Tree(WORK / "tree", mutants)
        make_it_compile(tree)
        say("==> building the tests, and running each without a mutant")
        tests = record(build(tree))
        for path in mine:
            run_file(path, by_file[path], tree, tests, quick=True)
            said = Counter(read_results(path).values())
            say(f"{path}: {said['alive']} of {len(by_file[path])} past the quick tests")
        for path in mine:
            run_file(path, by_file[path], tree, tests, quick=False)
            run = outcome(path, by_file[path])
            say(f"{path}: " + ", ".join(f"{run.counts[kind]} {kind}" for kind in KINDS if run.counts[kind]))
            # Other runs may have written meanwhile; a verdict on what survives again stands.
            runs = read_record()
            known = runs[path].verdicts() if path in runs else {}
            for at in run.survivors:
                run.survivors[at] = known.get((at.function, at.what, at.code), UNEXPLAINED)
            runs[path] = run
            write_record(runs)
    return check()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
