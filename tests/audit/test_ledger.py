"""The audit ledger behind a kernel's log: what it has, and that it can be made again after any crash."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dita import LogCorrupt, LogMismatch
from dita._kernel import AuditLedger
from dita.audit import verify
from dita.follow import Follower, TargetRefused
from dita.follow.audit import AuditTarget
from ledgers import blocks_of, by_number, chain, files, lines
from logged import Desk, busy


@pytest.fixture(name="desk", scope="module")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = busy(tmp_path_factory.mktemp("desk") / "log")
    desk.kernel.sync()
    yield desk
    desk.kernel.close()


@pytest.fixture(name="log_dir")
def _log_dir(desk: Desk, tmp_path: Path) -> Path:
    return Path(shutil.copytree(desk.log_dir, tmp_path / "log"))


def follow(log_dir: Path, folder: Path, *, kernel: str = "main", **options: Any) -> None:
    """Write the ledger up to the log's end."""
    target = AuditTarget(folder, kernel)
    Follower(log_dir, target, kernel=kernel, back_off_s=(0.0, 0.0), **options).run(until_end=True)


def test_each_intent_has_what_was_asked_and_what_came_of_it(
    desk: Desk, log_dir: Path, tmp_path: Path
) -> None:
    follow(log_dir, tmp_path / "audit")
    records = lines(tmp_path / "audit" / "audit.jsonl")
    asked = [record for record in records if record["kind"] == "intent"]
    decided = [record for record in records if record["kind"] == "outcome"]
    assert records[0]["kind"] == "genesis"
    assert records[0]["kernel"] == "main"
    assert [record["intent_id"] for record in asked] == [record["intent_id"] for record in decided]
    assert len(asked) > 5
    assert {record["accepted"] for record in decided} == {True, False}
    refused = next(record for record in decided if not record["accepted"])
    assert refused["code"] != "OK"
    traded = {slot["trade_id"] for slot in desk.kernel.snapshot()["slots"] if slot["trade_id"]}
    assert traded
    assert traded <= {record["trade_id"] for record in asked}


def test_each_execution_is_the_line_that_the_chain_has_the_hash_of(log_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    follow(log_dir, folder)
    reported = [
        record["execution"] for record in lines(folder / "audit.jsonl") if record["kind"] == "execution"
    ]
    written = (folder / "execution_logs.jsonl").read_bytes().splitlines()
    assert reported == [hashlib.sha256(line).hexdigest() for line in written]
    booked = [json.loads(line) for line in written if json.loads(line)["change"] == "BOOKED"]
    assert booked
    for fill in booked:
        assert {"price", "size", "notional", "fee", "fee_asset", "realized_pnl", "trade_id"} <= set(fill)
        if "sent_time" in fill:
            assert fill["latency_ns"] == fill["ts"] - fill["sent_time"]


def test_a_line_is_canonical_and_its_hash_is_of_itself_and_of_the_line_before(
    log_dir: Path, tmp_path: Path
) -> None:
    follow(log_dir, tmp_path / "audit")
    before = "0" * 64
    for line in (tmp_path / "audit" / "audit.jsonl").read_text().splitlines():
        record = json.loads(line)
        assert line == json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        stated = record.pop("hash")
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert record["prev_hash"] == before
        assert hashlib.sha256(text.encode()).hexdigest() == stated
        before = stated


def test_a_ledger_made_again_in_other_batches_is_the_same_to_the_byte(log_dir: Path, tmp_path: Path) -> None:
    follow(log_dir, tmp_path / "one")
    (log_dir / "audit.cursor").unlink()
    follow(log_dir, tmp_path / "other", records_max=3)
    assert files(tmp_path / "one") == files(tmp_path / "other")
    report = verify(tmp_path / "one")
    assert (report.fault, report.kernel, report.unfinished) == (None, "main", 0)
    assert report.records == len(lines(tmp_path / "one" / "audit.jsonl"))


def test_a_removed_cursor_adds_nothing(log_dir: Path, tmp_path: Path) -> None:
    follow(log_dir, tmp_path / "audit")
    whole = files(tmp_path / "audit")
    (log_dir / "audit.cursor").unlink()
    follow(log_dir, tmp_path / "audit")
    assert files(tmp_path / "audit") == whole


@pytest.mark.parametrize("per_file", [3, 7, 1_000_000])
def test_a_write_that_was_broken_off_at_any_byte_goes_on_to_the_same_ledger(
    log_dir: Path, tmp_path: Path, per_file: int
) -> None:
    batches = blocks_of(log_dir)
    whole = AuditLedger(tmp_path / "whole", "main", records_per_file=per_file)
    for blocks in batches:
        whole.write(blocks)
    expected = files(tmp_path / "whole")
    names = sorted((name for name in expected if name.startswith("audit")), key=by_number)
    cuts = 0
    for name in names[-2:]:
        for length in range(1, len(expected[name]), 997):
            folder = tmp_path / f"cut-{name}-{length}"
            shutil.copytree(tmp_path / "whole", folder)
            (folder / name).write_bytes(expected[name][:length])
            for later in names[names.index(name) + 1 :]:
                (folder / later).unlink()
            again = AuditLedger(folder, "main", records_per_file=per_file)
            assert again.records < whole.records
            for blocks in batches:
                again.write(blocks)
            assert files(folder) == expected, (name, length)
            assert again.root == whole.root
            shutil.rmtree(folder)
            cuts += 1
    assert cuts > 2
    assert verify(tmp_path / "whole").root == whole.root


def test_the_chain_goes_on_from_file_to_file(log_dir: Path, tmp_path: Path) -> None:
    ledger = AuditLedger(tmp_path / "audit", "main", records_per_file=4)
    for blocks in blocks_of(log_dir):
        ledger.write(blocks)
    found = chain(tmp_path / "audit")
    assert found[1].name == "audit.000001.jsonl"
    assert [len(lines(path)) for path in found[:-1]] == [4] * (len(found) - 1)
    records = [record for path in found for record in lines(path)]
    assert [record["number"] for record in records] == list(range(len(records)))
    assert verify(tmp_path / "audit").records == len(records)


def test_a_ledger_of_another_kernel_is_refused(log_dir: Path, tmp_path: Path) -> None:
    follow(log_dir, tmp_path / "audit")
    with pytest.raises(LogMismatch, match='the ledger is of the kernel "main"; give each kernel a folder'):
        AuditLedger(tmp_path / "audit", "other")


def test_an_edited_ledger_is_not_written_on(log_dir: Path, tmp_path: Path) -> None:
    follow(log_dir, tmp_path / "audit")
    path = tmp_path / "audit" / "audit.jsonl"
    edited = path.read_text().replace('"kind":"intent"', '"kind":"INTENT"', 1)
    path.write_text(edited)
    with pytest.raises(
        LogCorrupt, match=r"audit\.jsonl line \d+: its hash is .* it was edited; keep this folder"
    ):
        AuditLedger(tmp_path / "audit", "main")
    with pytest.raises(TargetRefused, match="it was edited"):
        follow(log_dir, tmp_path / "audit")
    assert path.read_text() == edited
