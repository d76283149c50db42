"""`dita audit write` and `verify`: what they refuse, and that a refusal leaves nothing behind."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dita.cli import main
from logged import busy


@pytest.fixture(name="good", scope="module")
def _good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    log_dir = tmp_path_factory.mktemp("log") / "log"
    busy(log_dir).kernel.close()
    return log_dir


@pytest.fixture(name="log_dir")
def _log_dir(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "log"))


def everything(place: Path) -> dict[str, bytes | None]:
    """Return every file below a directory with its bytes, and every directory."""
    return {
        str(path.relative_to(place)): path.read_bytes() if path.is_file() else None
        for path in place.rglob("*")
    }


def damage(log_dir: Path) -> None:
    path = next(log_dir.glob("*.seg"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda log_dir: (log_dir / "durable.mark").unlink(), "durable.mark: missing or damaged"),
        (
            lambda log_dir: (log_dir / "durable.mark").write_bytes(bytes(1024)),
            "durable.mark: missing or damaged",
        ),
        (damage, "corrupt"),
        (lambda log_dir: [path.unlink() for path in log_dir.glob("*.seg")], "log"),
    ],
)
def test_a_log_of_which_nothing_can_be_audited_is_refused_and_nothing_is_left_behind(
    log_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: object, says: str
) -> None:
    spoil(log_dir)  # type: ignore[operator]
    before = everything(tmp_path)
    assert main(["audit", "write", str(log_dir), "--to", str(tmp_path / "new" / "ledger")]) != 0
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert everything(tmp_path) == before


def test_a_ledger_that_was_there_stays_where_a_write_is_refused(log_dir: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    assert main(["audit", "write", str(log_dir), "--to", str(ledger)]) == 0
    damage(log_dir)
    before = everything(tmp_path)
    assert main(["audit", "write", str(log_dir), "--to", str(ledger)]) != 0
    assert everything(tmp_path) == before


def test_a_log_without_anything_to_audit_makes_no_ledger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from logged import Desk  # noqa: PLC0415 - of this test alone

    Desk(tmp_path / "log").kernel.close()
    before = everything(tmp_path)
    assert main(["audit", "write", str(tmp_path / "log"), "--to", str(tmp_path / "ledger")]) != 0
    assert "has nothing to audit yet" in capsys.readouterr().err
    assert everything(tmp_path) == before


def test_an_empty_ledger_is_said_to_be_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "audit.jsonl").touch()
    assert main(["audit", "verify", str(tmp_path / "ledger")]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"{tmp_path / 'ledger'}: EMPTY")
    assert "holds" not in first


def test_without_a_head_the_first_line_says_what_cannot_be_seen(
    log_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger, head = tmp_path / "ledger", tmp_path / "head.json"
    assert main(["audit", "write", str(log_dir), "--to", str(ledger)]) == 0
    assert main(["audit", "head", str(ledger)]) == 0
    head.write_text(capsys.readouterr().out.splitlines()[-1])
    assert main(["audit", "verify", str(ledger)]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"{ledger}: holds")
    assert "records that were cut off at its end cannot be seen without a head" in first
    assert main(["audit", "verify", str(ledger), "--head", str(head)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{ledger}: holds"
    # What it says is so: without its last records it holds as well, and with the head it does not.
    content = (ledger / "audit.jsonl").read_bytes().splitlines(keepends=True)
    genesis = b"".join(content[:1])
    (ledger / "audit.jsonl").write_bytes(genesis)
    (ledger / "execution_logs.jsonl").write_bytes(b"")
    assert main(["audit", "verify", str(ledger)]) == 0
    assert main(["audit", "verify", str(ledger), "--head", str(head)]) == 1
