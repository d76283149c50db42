"""Followers behind a kernel's log: what they give, and that nothing is lost or given twice."""

import json
import os
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dita import LogCorrupt
from dita.follow import Follower, TargetRefused, log_bounds, read_cursor, read_status
from dita.follow.memory import MemoryTarget
from logged import SYMBOL, Desk, busy

if TYPE_CHECKING:
    from dita._kernel import FollowBatch


@pytest.fixture(name="desk", scope="module")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = busy(tmp_path_factory.mktemp("desk") / "log")
    desk.kernel.sync()
    yield desk
    desk.kernel.close()


@pytest.fixture(name="log_dir")
def _log_dir(desk: Desk, tmp_path: Path) -> Path:
    """A copy of the log, with cursors of its own."""
    return Path(shutil.copytree(desk.log_dir, tmp_path / "log"))


def follow(log_dir: Path, target: MemoryTarget, **options: object) -> Follower:
    """Follow to the log's end."""
    follower = Follower(log_dir, target, kernel="main", back_off_s=(0.0, 0.0), **options)  # type: ignore[arg-type]
    follower.run(until_end=True)
    return follower


def counts(target: MemoryTarget) -> dict[str, int]:
    tables = {name for batch in target.batches.values() for name, _, _ in batch["blocks"]}
    return {table: target.rows(table) for table in sorted(tables)}


def test_states_are_those_of_the_kernel(desk: Desk, log_dir: Path) -> None:
    target = MemoryTarget()
    follow(log_dir, target)
    for slot in desk.kernel.snapshot()["slots"]:
        if not slot["trade_id"]:
            assert slot["slot_id"] not in target.slots
            continue
        shown = json.loads(target.slots[slot["slot_id"]])
        assert shown["kernel"] == "main"
        assert shown["seq"] <= desk.kernel.seq
        for field in ("trade_id", "asset", "side", "fsm_state", "closed", "close_reason", "unprotected"):
            assert shown[field] == slot[field], field
        for field in (
            "size",
            "initial_size",
            "entry_price",
            "realized_pnl",
            "unrealized_pnl",
            "fees_paid",
            "cost",
        ):
            assert (None if shown[field] is None else Decimal(shown[field])) == slot[field], field
    assert set(target.orders) == {order.venue_client_id for order in desk.kernel.orders(live_only=True)}
    account = json.loads(target.accounts["USDT"])
    state = desk.kernel.account.state()
    for field in ("equity", "k_capital", "k_fees_paid", "available_capital", "open_notional"):
        assert Decimal(account[field]) == state[field], field
    assert account["reconcile_status"] == str(state["reconcile_status"])
    control = json.loads(target.control or "")
    assert control["limits"] == {"max_order_notional": "5000"}
    assert control["updated_by"] == "ops"


def test_every_input_has_its_rows(desk: Desk, log_dir: Path) -> None:
    target = MemoryTarget()
    follower = follow(log_dir, target)
    rows = counts(target)
    assert rows["intents"] == desk.intents
    # Each was booked and settled by one report.
    assert rows["fills"] == len(desk.fills)
    assert rows["ledger_entries"] == len(desk.kernel.ledger())
    assert rows["control_changes"] == 1
    assert follower.status.seq == desk.kernel.seq
    assert follower.status.rows == sum(rows.values())


def test_batches_of_any_size_give_the_same(log_dir: Path, tmp_path: Path) -> None:
    whole = MemoryTarget()
    follow(log_dir, whole)
    for records_max in (1, 7):
        copy = shutil.copytree(log_dir, tmp_path / f"log{records_max}")
        (copy / "memory.cursor").unlink()
        parts = MemoryTarget()
        follow(copy, parts, records_max=records_max)
        assert counts(parts) == counts(whole)
        assert (parts.slots.keys(), parts.orders.keys()) == (whole.slots.keys(), whole.orders.keys())
        seqs = [(batch["first_seq"], batch["last_seq"]) for batch in parts.batches.values()]
        assert [first for first, _ in seqs] == [1, *[last + 1 for _, last in seqs[:-1]]]


def test_a_cut_off_batch_comes_again_just_as_it_was(log_dir: Path) -> None:
    class Dies(MemoryTarget):
        def write(self, batch: object, token: str) -> None:
            super().write(batch, token)  # type: ignore[arg-type]
            if len(self.batches) == 3:
                raise KeyboardInterrupt

    target = Dies()
    with pytest.raises(KeyboardInterrupt):
        follow(log_dir, target, records_max=10)
    cursor = read_cursor(log_dir, "memory")
    assert cursor is not None
    assert (cursor["seq"], cursor["pending"]) == (20, 30)
    again = MemoryTarget()
    again.batches, taken = target.batches, dict(target.batches)
    # The next one is made for larger batches, and yet gives this one as it was.
    follow(log_dir, again, records_max=1000)
    assert [token.rsplit(":", 1)[0] for token in again.repeated] == ["main:21-30"]
    assert list(taken) == list(again.batches)[:3]
    everything = MemoryTarget("other")
    follow(log_dir, everything)
    assert counts(again) == counts(everything)


def test_a_target_that_is_away_is_tried_again(log_dir: Path) -> None:
    target = MemoryTarget()
    target.away = 5
    follower = follow(log_dir, target, records_max=10)
    assert follower.status.retries == 5
    assert follower.status.state == "STOPPED"
    everything = MemoryTarget("other")
    follow(log_dir, everything)
    assert counts(target) == counts(everything)


def test_the_newest_states_need_no_history(log_dir: Path) -> None:
    target = MemoryTarget(wants_rows=False)
    follow(log_dir, target)
    assert (target.batches, target.refills) == ({}, 1)
    whole = MemoryTarget("other")
    follow(log_dir, whole)
    assert target.orders.keys() == whole.orders.keys()
    assert target.slots.keys() == whole.slots.keys()
    target.empty()
    follow(log_dir, target)
    assert target.slots.keys() == whole.slots.keys()


def test_it_goes_along_behind_a_kernel_that_writes(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log", {"log_segment_bytes": 4096})
    target = MemoryTarget()
    turns = 0

    def sleep(_: float) -> None:
        nonlocal turns
        turns += 1
        if turns <= 20:
            desk.quote("100.0", "100.1")
            desk.trade(turns, "1", "101")
            desk.kernel.sync()

    follower = Follower(desk.log_dir, target, kernel="main", sleep=sleep, stopping=lambda: turns > 30)
    follower.run()
    desk.kernel.close()
    assert len(list((tmp_path / "log").glob("*.seg"))) > 3
    assert target.rows("intents") == desk.intents
    assert target.rows("fills") == len(desk.fills)
    status = read_status(desk.log_dir, "memory")
    assert status is not None
    assert (status.state, status.at_end) == ("STOPPED", True)
    assert log_bounds(desk.log_dir)[1] == follower.status.seq


def test_a_corrupt_cursor_says_what_to_do(log_dir: Path) -> None:
    follow(log_dir, MemoryTarget())
    cursor = log_dir / "memory.cursor"
    cursor.write_text(cursor.read_text().replace("seq ", "seq 1"))
    with pytest.raises(
        LogCorrupt, match=r"memory\.cursor: .* damaged; restore it from a copy, or remove the file"
    ):
        follow(log_dir, MemoryTarget())
    status = read_status(log_dir, "memory")
    assert status is not None
    assert status.state == "REFUSED"
    cursor.unlink()
    follow(log_dir, MemoryTarget())


def test_a_cursor_of_another_target_is_refused(log_dir: Path) -> None:
    follow(log_dir, MemoryTarget(identity="one"))
    with pytest.raises(TargetRefused, match=r"is of 'one', and this is 'two': .* remove memory\.cursor"):
        follow(log_dir, MemoryTarget(identity="two"))


def test_the_symbol_is_in_the_rows(log_dir: Path) -> None:
    target = MemoryTarget()
    follow(log_dir, target)
    blocks = [
        data for batch in target.batches.values() for table, _, data in batch["blocks"] if table == "fills"
    ]
    assert SYMBOL.encode() in b"".join(blocks)


def test_a_cursor_that_cannot_be_written_is_waited_for(log_dir: Path) -> None:
    target = MemoryTarget()
    # A directory stands where the cursor is written: as a disk that is full, it passes.
    (log_dir / "memory.cursor.tmp").mkdir()
    waits = 0

    def sleep(_: float) -> None:
        nonlocal waits
        waits += 1
        assert not target.batches, "nothing is given out without a cursor"
        if waits == 3:
            (log_dir / "memory.cursor.tmp").rmdir()

    follower = Follower(log_dir, target, kernel="main", back_off_s=(0.1, 0.1), sleep=sleep)
    follower.run(until_end=True)
    assert follower.status.retries >= 3
    assert "the cursor cannot be written" in follower.status.error
    assert target.batches


def test_a_second_follower_of_one_name_waits_until_the_first_has_ended(log_dir: Path) -> None:
    """Where a kernel is opened again at once, its old follower still reads: both would write."""
    inside: list[MemoryTarget] = []

    class First(MemoryTarget):
        def write(self, batch: "FollowBatch", token: str) -> None:
            super().write(batch, token)
            if inside:
                return
            second = MemoryTarget()
            inside.append(second)
            waits: list[float] = []
            waiting = Follower(
                log_dir, second, kernel="main", stopping=lambda: len(waits) > 3, sleep=waits.append
            )
            waiting.run(until_end=True)
            assert waiting.status.state == "STOPPED"
            assert f"process {os.getpid()} is this log's follower already" in waiting.status.error
            assert second.batches == {}

    first = First()
    follow(log_dir, first, records_max=10)
    assert inside
    # Where only states are wanted, two may give them: the newest stands.
    states = MemoryTarget("states", wants_rows=False)
    follow(log_dir, states)
    assert not (log_dir / "states.following").exists()
    # The lock went with the first.
    (log_dir / "memory.cursor").unlink()
    again = MemoryTarget()
    follow(log_dir, again)
    assert again.rows("intents") == first.rows("intents") > 0


def test_an_accounts_bots_are_followed_also_where_only_capital_moved(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log")
    desk.quote("100.0", "100.1")
    for bot in ("a", "b"):
        desk.kernel.transfer_capital(None, bot, "500", transfer_id=f"capital:{bot}", by="ops", opens=True)
    target = MemoryTarget()
    for moved in ("0", "25"):
        if moved != "0":
            desk.kernel.transfer_capital("a", "b", moved, transfer_id="t", by="ops")
        desk.kernel.sync()
        follow(desk.log_dir, target)
        shown = json.loads(target.accounts["USDT"])["bots"]
        wallets = [Decimal(row["wallet"]) for row in shown]
        assert wallets[:2] == [500 - Decimal(moved), 500 + Decimal(moved)]
        assert sum(wallets) == desk.kernel.snapshot()["account"]["k_capital"]
    desk.kernel.close()
