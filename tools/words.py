"""Hold the words that a reader would have to learn below their ceilings: `words.py [--lower]`.

`words.json` has how often each one may stand in each area. A count above its ceiling fails, and so does a
ceiling that was raised; one that could be lower is named, and `--lower` writes it.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

# What stands in an area, as git's pathspecs.
AREAS: Final = {
    "python":      ("python/*.py", "python/*.pyi"),
    "rust_kernel": ("rust_kernel/*.rs",),
    "tests":       ("tests/*.py",),
    "docs":        ("docs/*.md", ":!docs/decisions"),
    "README":      ("README.md",),
}  # fmt: skip
WORDS: Final = {
    "told":     "told",
    "heard":    "heard",
    "hears":    "hears?",
    "stranger": "strangers?(?:'s)?",
    "nobody's": "nobody's",
    "whom":     "whom",
    "goes by":  r"goes\s+by",
    "is to be": r"is\s+to\s+be",
    "aside":    "aside",
    "heed":     "heed(?:s|ed)?",
}  # fmt: skip
TABLE: Final = "tools/words.json"
SHOWN_MAX: Final = 10

Ceilings = dict[str, dict[str, int]]


class Found(NamedTuple):
    """Where a word stands."""

    path: str
    line: int


def say(text: str) -> None:
    """Write lines for the person who asked."""
    sys.stderr.write(text + "\n" if text else "")


def is_word(text: str, hit: re.Match[str]) -> bool:
    """Return whether a hit is a whole word, also within a name: `_told`, `HasTold`, not `heartbeat`."""
    before, after = text[hit.start() - 1 : hit.start()], text[hit.end() : hit.end() + 1]
    starts = not before.isalpha() or (before.islower() and hit[0][0].isupper())
    return starts and not (after.isalpha() if hit[0].isupper() else after.islower())


def git(root: Path, *words: str) -> str:
    """Return what a git command prints; empty where it fails."""
    return subprocess.run(("git", *words), cwd=root, capture_output=True, text=True, check=False).stdout


def search(root: Path, area: str, word: str) -> list[Found]:
    """Return every place of a word in an area, by file and line."""
    found = []
    for path in sorted(git(root, "ls-files", "--", *AREAS[area]).splitlines()):
        if (file := root / path).is_file():
            text = file.read_text(encoding="utf-8")
            hits = (hit for hit in re.finditer(WORDS[word], text, re.IGNORECASE) if is_word(text, hit))
            found += [Found(path, text.count("\n", 0, hit.start()) + 1) for hit in hits]
    return found


def newest(root: Path, found: list[Found]) -> list[Found]:
    """Return those in lines that are newer than the ceilings; all where no line is."""
    since = git(root, "log", "-1", "--format=%H", "--", TABLE).strip() or "HEAD"
    added: set[Found] = set()
    path = ""
    for line in git(root, "diff", "-U0", since).splitlines():
        if line.startswith("+++ b/"):
            path = line[6:]
        elif hunk := re.match(r"@@ \S+ \+(\d+)(?:,(\d+))?", line):
            start = int(hunk[1])
            added |= {Found(path, at) for at in range(start, start + int(hunk[2] or 1))}
    return [place for place in found if place in added] or found


def raised(root: Path, ceilings: Ceilings) -> list[str]:
    """Return a line for each ceiling that is above one of the last two committed tables."""
    lines = []
    for commit in git(root, "log", "-2", "--format=%H", "--", TABLE).split():
        before = json.loads(git(root, "show", f"{commit}:{TABLE}"))
        for area, word in ((area, word) for area, words in before.items() for word in words):
            most, now = before[area][word], ceilings[area][word]
            if now > most:
                lines.append(
                    f"{TABLE}: the ceiling of {word!r} in {area} rose from {most} to {now}: put it back"
                )
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Compare each count with its ceiling; return 1 where one is above it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).resolve().parents[1], help="the repository"
    )
    parser.add_argument("--lower", action="store_true", help="write each count that is below its ceiling")
    asked = parser.parse_args(arguments)
    table = asked.root / TABLE
    ceilings: Ceilings = json.loads(table.read_text(encoding="utf-8"))
    failures = raised(asked.root, ceilings)
    for area in AREAS:
        for word in WORDS:
            found, ceiling = search(asked.root, area, word), ceilings[area][word]
            times = f"{area} has {word!r} {len(found)} times"
            if len(found) > ceiling:
                failures.append(f"{times}, at most {ceiling}; write what a trader would:")
                failures += [
                    f"  {place.path}:{place.line}" for place in newest(asked.root, found)[:SHOWN_MAX]
                ]
            elif len(found) < ceiling:
                say(f"{times}: lower its ceiling of {ceiling} with `words.py --lower`")
                ceilings[area][word] = len(found)
    if asked.lower:
        table.write_text(json.dumps(ceilings, indent=2) + "\n", encoding="utf-8")
    say("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
