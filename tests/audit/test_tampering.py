"""Each way to change a ledger, and where `verify` finds it."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dita.audit import Head, Verified, head_of, verify
from ledgers import PER_FILE, chain, lines, write
from logged import busy

Change = Callable[[Path], None]
FIRST, SECOND, FILLS = "audit.jsonl", "audit.000001.jsonl", "execution_logs.jsonl"


@pytest.fixture(name="good", scope="module")
def _good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("ledger")
    desk = busy(root / "log")
    desk.kernel.close()
    write(root / "log", root / "good")
    return root / "good"


@pytest.fixture(name="head", scope="module")
def _head(good: Path) -> Head:
    return head_of(verify(good))


@pytest.fixture(name="folder")
def _folder(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "ledger"))


def change_lines(name: str, change: Callable[[list[bytes]], Any]) -> Change:
    def work(folder: Path) -> None:
        content = (folder / name).read_bytes().splitlines(keepends=True)
        change(content)
        (folder / name).write_bytes(b"".join(content))

    return work


def replaced(name: str, line: int, old: bytes, new: bytes) -> Change:
    def edit(content: list[bytes]) -> None:
        assert old in content[line - 1]
        content[line - 1] = content[line - 1].replace(old, new, 1)

    return change_lines(name, edit)


def sealed(record: dict[str, Any]) -> bytes:
    """A record with the hash that its content has."""
    record.pop("hash", None)
    canonical = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
    text = json.dumps(record, **canonical)  # type: ignore[arg-type]
    record["hash"] = hashlib.sha256(text.encode()).hexdigest()
    return (json.dumps(record, **canonical) + "\n").encode()  # type: ignore[arg-type]


def forged(line: int, **changes: Any) -> Change:
    """One record changed, with the right hash of its own."""

    def edit(content: list[bytes]) -> None:
        content[line - 1] = sealed({**json.loads(content[line - 1]), **changes})

    return change_lines("audit.jsonl", edit)


def swap(a: int, b: int) -> Callable[[list[bytes]], None]:
    def edit(content: list[bytes]) -> None:
        content[a - 1], content[b - 1] = content[b - 1], content[a - 1]

    return edit


def remake(folder: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Make the whole chain anew from changed records: each hash and link is right."""
    records = [record for path in chain(folder) for record in lines(path)]
    for path in chain(folder):
        path.unlink()
    change(records)
    before = "0" * 64
    for number, record in enumerate(records):
        name = "audit.jsonl" if number < PER_FILE else f"audit.{number // PER_FILE:06}.jsonl"
        line = sealed({**record, "number": number, "prev_hash": before})
        with (folder / name).open("ab") as file:
            file.write(line)
        before = json.loads(line)["hash"]


def another_size(records: list[dict[str, Any]]) -> None:
    asked = next(record for record in records if record["kind"] == "intent" and "target_size" in record)
    asked["target_size"] = "99"


def without_the_last_file(folder: Path) -> None:
    last = chain(folder)[-1]
    last.unlink()
    (folder / last.name.replace("audit", "execution_logs")).unlink()


def taken_out(name: str, place: int) -> Change:
    return change_lines(name, lambda content: content.pop(place))


def put_in(name: str, place: int, line: bytes) -> Change:
    return change_lines(name, lambda content: content.insert(place, line))


def twice(name: str, place: int) -> Change:
    return change_lines(name, lambda content: content.insert(place, content[place]))


def added(name: str) -> Change:
    return change_lines(name, lambda content: content.append(content[0]))


def gone(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


EDITED = "it was edited"
# What is done, the file and the line that are named (0: not looked at), and what is said of it.
TAMPERED: list[tuple[str, Change, str, int, str]] = [
    ("a value", replaced(FIRST, 3, b'"side":"LONG"', b'"side":"SHORT"'), FIRST, 3, EDITED),
    ("a digit of a price", replaced(FIRST, 3, b'_price":"1', b'_price":"2'), FIRST, 3, EDITED),
    ("a space", replaced(FIRST, 3, b",", b", "), FIRST, 3, "is no record"),
    ("a stated hash", replaced(FIRST, 3, b'"hash":"', b'"hash":"0'), FIRST, 3, "is no record"),
    ("a time", replaced(SECOND, 1, b'"ts":1', b'"ts":2'), SECOND, 1, EDITED),
    ("a record with its hash", forged(3, target_size="99"), FIRST, 4, "prev_hash is not"),
    ("the link of a record", forged(3, prev_hash="0" * 64), FIRST, 3, "prev_hash is not"),
    ("the kernel's name", replaced(FIRST, 1, b'"main"', b'"mine"'), FIRST, 1, EDITED),
    ("a record taken out", taken_out(FIRST, 4), FIRST, 5, "taken out"),
    ("the first record taken out", taken_out(FIRST, 0), FIRST, 1, "taken out"),
    ("the last record of a full file", taken_out(FIRST, -1), FIRST, PER_FILE, "missing here"),
    ("a record twice", twice(FIRST, 4), FIRST, 6, "inserted"),
    ("two records swapped", change_lines(FIRST, swap(4, 5)), FIRST, 4, "moved"),
    ("a line that is no record", put_in(FIRST, 4, b"{}\n"), FIRST, 5, "no record"),
    ("bytes that are no text", put_in(SECOND, 0, b"\xff\n"), SECOND, 1, "no record"),
    ("an execution's price", replaced(FILLS, 1, b'"price":"', b'"price":"9'), FILLS, 1, EDITED),
    ("an execution taken out", taken_out(FILLS, 0), FILLS, 1, "taken out"),
    ("an execution added", added(FILLS), FILLS, 0, "in no record"),
    ("the first file taken away", gone(FIRST), SECOND, 0, "audit.jsonl is not"),
    ("a file in the middle", gone(SECOND), "", 0, "audit.000001.jsonl is not"),
]


def found(report: Verified) -> tuple[str, int, str]:
    assert report.fault is not None
    return report.fault


@pytest.mark.parametrize(
    ("change", "file", "line", "what"), [case[1:] for case in TAMPERED], ids=[case[0] for case in TAMPERED]
)
def test_a_change_is_found_with_its_file_and_line(
    folder: Path, change: Change, file: str, line: int, what: str
) -> None:
    assert verify(folder).fault is None
    change(folder)
    at, number, said = found(verify(folder))
    assert what in said
    assert not file or at == file
    assert not line or number == line
    # A fault of a file as a whole has no line; every other one has.
    assert (number == 0) == ("is not" in said and "it is there" in said)


def test_there_are_twenty_kinds_of_change() -> None:
    assert len(TAMPERED) == 20
    assert len({case[0] for case in TAMPERED}) == 20


def test_a_cut_end_is_found_by_a_head_and_by_nothing_else(folder: Path, head: Head) -> None:
    without_the_last_file(folder)
    assert verify(folder).fault is None
    assert not verify(folder).headed
    at, _, what = found(verify(folder, head))
    assert at == chain(folder)[-1].name
    assert what.startswith(f"the head that was kept has {head.records} records")


def test_a_chain_made_anew_is_found_by_a_head_and_by_nothing_else(folder: Path, head: Head) -> None:
    remake(folder, another_size)
    assert verify(folder).fault is None
    _, _, what = found(verify(folder, head))
    assert "the chain was made anew" in what


def test_a_head_of_before_holds_for_a_ledger_that_has_grown(folder: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    for name in (FIRST, FILLS):
        shutil.copy(folder / name, earlier)
    report = verify(earlier)
    assert report.records <= PER_FILE
    assert verify(folder, head_of(report)).headed
    remake(folder, another_size)
    at, line, _ = found(verify(folder, head_of(report)))
    assert (at, line) == (FIRST, report.records)


def test_a_record_that_is_half_written_is_no_fault(folder: Path) -> None:
    last = chain(folder)[-1]
    whole = verify(folder)
    last.write_bytes(last.read_bytes() + b'{"kind":"int')
    assert verify(folder) == whole
