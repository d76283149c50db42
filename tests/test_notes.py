"""Notes in a kernel's log: kept through snapshots, minded by no replay, held with their inputs."""

from pathlib import Path

import pytest

from dita import ExecutionKernel, InvalidInput, timetravel
from dita._kernel import LogFollower, Replay
from dita.follow import log_bounds


def opened(place: Path, **options: object) -> ExecutionKernel:
    kernel = ExecutionKernel(log_dir=place, log_policy="always", **options)  # type: ignore[arg-type]
    if not kernel.instruments:
        kernel.set_exchange_config({"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}}})
        kernel.set_seed_capital(10_000)
    return kernel


def marks(kernel: ExecutionKernel, count: int) -> None:
    for number in range(count):
        kernel.advance_time(kernel.now_ns + 1)
        kernel.mark_price("BTCUSDT", 60_000 + number)
        _ = kernel.account.equity  # takes the mark


def copied(kernel: ExecutionKernel, place: Path, to: Path) -> Path:
    """What a kill would leave."""
    assert kernel.log_dir == place
    to.mkdir()
    for file in place.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


def test_a_note_is_there_again_whatever_snapshots_came_since(tmp_path: Path) -> None:
    with opened(tmp_path / "log", log_snapshot_records=5) as kernel:
        kernel.note("a", "first")
        kernel.note("b", "other", 3)
        kernel.note("a", "second")
        marks(kernel, 40)
        seq = kernel.seq
        with opened(copied(kernel, tmp_path / "log", tmp_path / "killed")) as again:
            assert again.recovery is not None
            assert again.recovery["snapshot_seq"] > 10
            found = again.noted("a")
            assert found is not None
            assert (found.text, again.noted("c")) == ("second", None)
    for _ in range(3):
        with opened(tmp_path / "log") as kernel:
            other = kernel.noted("b")
            assert other is not None
            assert (other.text, other.told_seq) == ("other", 3)
            assert kernel.seq >= seq
    assert timetravel.verify(tmp_path / "log", replay=True)


def test_what_is_held_is_not_in_the_log_until_it_is_let_go(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as kernel:
        before = log_bounds(tmp_path / "log")[1]
        kernel.hold()
        marks(kernel, 3)
        kernel.note("a", "with them")
        held = Replay(tmp_path / "log")
        held.run()
        assert held.seq == before < kernel.seq
        with opened(copied(kernel, tmp_path / "log", tmp_path / "killed")) as again:
            assert again.noted("a") is None
        kernel.let_go()
        replay = Replay(tmp_path / "log")
        replay.run()
        assert (replay.seq, replay.state_hash()) == (kernel.seq, kernel.state_hash())


@pytest.mark.parametrize(
    ("name", "text", "field"), [("", "x", "name"), ("n" * 65, "x", "name"), ("a", "x" * 65_537, "text")]
)
def test_a_note_that_cannot_be_is_refused_by_field(tmp_path: Path, name: str, text: str, field: str) -> None:
    with opened(tmp_path / "log") as kernel:
        seq = kernel.seq
        with pytest.raises(InvalidInput, match=field):
            kernel.note(name, text)
        assert kernel.seq == seq


def test_a_log_has_notes_of_256_names_and_a_kernel_without_a_log_has_none(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as kernel:
        for number in range(256):
            kernel.note(f"n{number}", "x")
        with pytest.raises(InvalidInput, match="name"):
            kernel.note("one more", "x")
        kernel.note("n7", "y")
    with ExecutionKernel() as kernel:
        kernel.hold()
        kernel.note("a", "x")
        kernel.let_go()
        assert (kernel.noted("a"), kernel.log_dir) == (None, None)


def test_a_batch_that_ends_with_notes_is_the_same_when_it_is_read_again(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as kernel:
        marks(kernel, 3)
        kernel.note("a", "x")
        kernel.note("a", "y")
        follower = LogFollower(tmp_path / "log", "main", "f", journal=True)
        first = follower.poll(records_max=1 << 62, bytes_max=1 << 62)
        assert first is not None
        assert first["last_seq"] == kernel.seq == follower.seq
        marks(kernel, 3)
        kernel.note("a", "z")
        again = LogFollower(tmp_path / "log", "main", "f", journal=True)
        same = again.poll(records_max=1 << 62, bytes_max=1 << 62, last_seq=first["last_seq"])
        assert same is not None
        assert (same["first_seq"], same["last_seq"]) == (first["first_seq"], first["last_seq"])
        assert same["blocks"] == first["blocks"]
        rest = follower.poll(records_max=1 << 62, bytes_max=1 << 62)
        assert rest is not None
        assert rest["first_seq"] == first["last_seq"] + 1
        assert follower.seq == kernel.seq
