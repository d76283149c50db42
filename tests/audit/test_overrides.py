"""Overrides of the regime in the ledger: who gave one, why and until when, and what it let through."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dita import ControlUpdate, FileControlPlane, KernelCommandType
from dita.audit import verify
from dita.cli import main
from dita.follow import Follower
from dita.follow.audit import AuditTarget
from kernels import ENTER, EXIT
from ledgers import files, lines
from logged import BEGIN_NS, SECOND_NS, Desk

END_S = BEGIN_NS // SECOND_NS + 3600
ID = f"alice-7f3a1c@{END_S}"
WHY = "hedge for the book"


def follow(log_dir: Path, folder: Path, **options: Any) -> None:
    """Write the ledger up to the log's end."""
    target = AuditTarget(folder, "main")
    Follower(log_dir, target, kernel="main", back_off_s=(0.0, 0.0), **options).run(until_end=True)


def overrides(folder: Path) -> list[dict[str, Any]]:
    """The records of overrides, without what their place gives them."""
    placed = ("hash", "prev_hash", "number", "part", "parts", "kind", "seq", "ts")
    found = [record for record in lines(folder / "audit.jsonl") if record["kind"] == "override"]
    return [{name: value for name, value in one.items() if name not in placed} for one in found]


def crisis(desk: Desk, **given: Any) -> None:
    """Say that it is a crisis, and that alice lets buying through."""
    desk.quote("100.0", "100.1")
    desk.kernel.update_control(ControlUpdate(regime="CRISIS", updated_by="ops"))
    desk.kernel.update_control(ControlUpdate(audited=(ID,), updated_by="alice", **{"why": WHY, **given}))


GIVEN = {
    "event": "GIVEN",
    "override_id": ID,
    "given_by": "alice",
    "why": WHY,
    "until": END_S * SECOND_NS,
    "updated_by": "alice",
}


def test_an_override_is_a_record_when_it_is_given_and_each_time_it_is_used(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log")
    crisis(desk)
    assert desk.ask(ENTER, "one", target_size="1", override_ref=ID, owner="grid", reason="plan ab").accepted
    desk.kernel.close()
    follow(desk.log_dir, tmp_path / "audit")
    used = {
        "event": "USED",
        "override_id": ID,
        "given_by": "alice",
        "why": WHY,
        "until": END_S * SECOND_NS,
        "intent_id": "i1",
        "trade_id": "one",
        "owner": "grid",
        "slot_id": 0,
        "reason": "plan ab",
    }
    assert overrides(tmp_path / "audit") == [GIVEN, used]
    asked = next(one for one in lines(tmp_path / "audit" / "audit.jsonl") if one["kind"] == "intent")
    assert asked["override_ref"] == ID


NOT_USED: dict[str, Callable[[Desk], object]] = {
    "a buy that names none": lambda desk: desk.ask(ENTER, "one", target_size="1"),
    "one that is not known": lambda desk: desk.ask(ENTER, "one", target_size="1", override_ref="b-1@1"),
    "a short": lambda desk: desk.ask(ENTER, "one", target_size="1", override_ref=ID, side="SHORT"),
    "in quiet times": lambda desk: (
        desk.kernel.update_control(ControlUpdate(regime="NORMAL", updated_by="ops")),
        desk.ask(ENTER, "one", target_size="1", override_ref=ID),
    ),
    "after its end": lambda desk: (
        desk.kernel.advance_time((END_S + 1) * SECOND_NS),
        desk.ask(ENTER, "one", target_size="1", override_ref=ID),
    ),
}


@pytest.mark.parametrize("name", NOT_USED)
def test_what_it_did_not_let_through_is_not_its_use(tmp_path: Path, name: str) -> None:
    desk = Desk(tmp_path / "log")
    crisis(desk)
    NOT_USED[name](desk)
    desk.kernel.close()
    follow(desk.log_dir, tmp_path / "audit")
    assert overrides(tmp_path / "audit") == [GIVEN]


def test_an_amend_uses_it_an_exit_and_a_repeated_intent_do_not(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log")
    crisis(desk)
    rests = {"order_type": "LIMIT", "limit_price": "90"}
    assert desk.ask(ENTER, "one", target_size="1", **rests).accepted
    assert desk.ask(KernelCommandType.AMEND, "one", limit_price="101", override_ref=ID).accepted
    desk.intents -= 1
    desk.ask(KernelCommandType.AMEND, "one", limit_price="101", override_ref=ID)
    assert desk.ask(EXIT, "one", override_ref=ID).accepted
    desk.kernel.close()
    follow(desk.log_dir, tmp_path / "audit")
    found = overrides(tmp_path / "audit")
    assert [(one["event"], one.get("intent_id")) for one in found] == [("GIVEN", None), ("USED", "i2")]


def test_one_that_is_said_again_is_given_once_and_its_first_reason_stays(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log")
    crisis(desk)
    other = f"bob-1@{END_S}"
    desk.kernel.update_control(ControlUpdate(audited=(ID, other), updated_by="bob", why="another"))
    desk.kernel.update_control(ControlUpdate(audited=("run-7", "carol-1@2"), updated_by="carol"))
    noted = desk.kernel.noted("overrides")
    assert noted is not None
    assert noted.text == f"{ID}\t{WHY}\n{other}\tanother\n"
    desk.kernel.close()
    follow(desk.log_dir, tmp_path / "audit")
    found = overrides(tmp_path / "audit")
    assert [(one["override_id"], one["given_by"], one.get("why")) for one in found] == [
        (ID, "alice", WHY),
        (other, "bob", "another"),
        ("carol-1@2", "carol", None),
    ]


def test_the_reason_outlives_snapshots_and_the_ledger_is_made_again_to_the_byte(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log")
    crisis(desk)
    desk.kernel.close()
    follow(desk.log_dir, tmp_path / "audit")
    again = Desk(desk.log_dir, now_ns=desk.now_ns, intents=desk.intents)
    again.quote("100.0", "100.1")
    assert again.ask(ENTER, "two", target_size="1", override_ref=ID).accepted
    again.kernel.close()
    # This one goes on from the snapshot that closing left: what was noted before is noted there, too.
    follow(desk.log_dir, tmp_path / "audit")
    assert [(one["event"], one["why"]) for one in overrides(tmp_path / "audit")] == [
        ("GIVEN", WHY),
        ("USED", WHY),
    ]
    for batch in (1, 1000):
        (desk.log_dir / "audit.cursor").unlink()
        follow(desk.log_dir, tmp_path / f"again-{batch}", records_max=batch)
        assert files(tmp_path / f"again-{batch}") == files(tmp_path / "audit")


def test_one_that_was_given_while_nobody_ran_has_its_reason(tmp_path: Path) -> None:
    with FileControlPlane(tmp_path / "control.json") as plane:
        plane.update(ControlUpdate(audited=(ID,), updated_by="alice", why="hedge\nfor\tthe book"))
    with FileControlPlane(tmp_path / "control.json") as plane:
        Desk(tmp_path / "log", {"control_plane": plane}).kernel.close()
    follow(tmp_path / "log", tmp_path / "audit")
    assert [(one["event"], one["why"]) for one in overrides(tmp_path / "audit")] == [("GIVEN", WHY)]


@pytest.mark.parametrize("why", ["", " ", "x" * 501])
def test_a_reason_that_says_nothing_or_too_much_is_refused_and_nothing_is_given(
    tmp_path: Path, why: str
) -> None:
    desk = Desk(tmp_path / "log")
    with pytest.raises(ValueError, match=r"why: .* must be 1 to 500 characters"):
        crisis(desk, why=why)
    assert not desk.kernel.control.audited
    desk.kernel.close()


def test_many_reasons_fit_into_the_log(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log")
    for number in range(200):
        name = f"alice-{number}@{END_S}"
        desk.kernel.update_control(ControlUpdate(audited=(name,), updated_by="alice", why="ä" * 500))
    desk.kernel.close()
    follow(desk.log_dir, tmp_path / "audit")
    found = overrides(tmp_path / "audit")
    assert [one["why"] for one in found] == ["ä" * 500] * 200


@pytest.mark.parametrize("event", ["GIVEN", "USED"])
@pytest.mark.parametrize("field", ["given_by", "why", "until"])
def test_who_why_and_expiry_cannot_be_changed_unseen(
    tmp_path: Path, event: str, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(tmp_path / "log")
    crisis(desk)
    assert desk.ask(ENTER, "one", target_size="1", override_ref=ID).accepted
    desk.kernel.close()
    follow(desk.log_dir, tmp_path / "audit")
    assert verify(tmp_path / "audit").fault is None
    path = tmp_path / "audit" / "audit.jsonl"
    reported = path.read_text().splitlines()
    at = next(number for number, line in enumerate(reported) if json.loads(line).get("event") == event)
    value = json.loads(reported[at])[field]
    other = value + SECOND_NS if isinstance(value, int) else "mallory"
    changed = json.loads(reported[at]) | {field: other}
    reported[at] = json.dumps(changed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path.write_text("\n".join(reported) + "\n")
    assert main(["audit", "verify", str(tmp_path / "audit")]) == 1
    said = capsys.readouterr()
    assert f"audit.jsonl line {at + 1}: its hash is" in said.out + said.err


def test_a_ledger_without_overrides_speaks_of_none(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log")
    desk.quote("100.0", "100.1")
    assert desk.ask(ENTER, "one", target_size="1").accepted
    desk.kernel.update_control(ControlUpdate(audited=("run-7",), updated_by="ops"))
    desk.kernel.close()
    follow(desk.log_dir, tmp_path / "audit")
    assert b"override" not in b"".join(files(tmp_path / "audit").values())
