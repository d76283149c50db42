"""`dita watch` and `dita status`: which entries the controls let through, and by whose word."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dita import ControlUpdate
from dita.cli import main
from dita.control.provenance import provenance_lines, provenance_of
from dita.host import Directory
from dita.observe.source import LogSource
from dita.observe.text import as_text, control_lines
from logged import BEGIN_NS, SECOND_NS, Desk
from portfolios import host_in

END_S = BEGIN_NS // SECOND_NS + 3600
ID = f"alice-7f3a1c@{END_S}"
NOBODY = "regime CRISIS: buying aggressively is REGIME_BLOCKED without an override"
ALICE = f"override {ID} by alice until 2023-11-14 23:13:20 UTC"


def test_a_kernel_that_lets_everything_through_says_nothing_of_it() -> None:
    quiet = {"require_audit": False, "regime": "NORMAL", "audited": ["run-7"]}
    assert provenance_lines(quiet, BEGIN_NS) == []


# what the controls have beside NORMAL and nobody; seconds after the beginning; what is said
SAID: dict[str, tuple[dict[str, Any], int, list[str]]] = {
    "audited runs are asked for": (
        {"require_audit": True, "audited": ["run-7", "run-8", ID]},
        0,
        ["entries need an audited run, 2 known; others are NOT_AUDITED", ALICE],
    ),
    "a crisis": ({"regime": "CRISIS"}, 0, [NOBODY]),
    "a crisis with an override": ({"regime": "CRISIS", "audited": [ID]}, 3599, [NOBODY, ALICE]),
    "its end has come": ({"regime": "CRISIS", "audited": [ID]}, 3600, [NOBODY]),
    "it is given before the crisis": ({"audited": [ID]}, 0, [ALICE]),
    "two givers": (
        {"audited": [ID, f"bob-van-dam-1@{END_S}"]},
        0,
        [ALICE, f"override bob-van-dam-1@{END_S} by bob-van-dam until 2023-11-14 23:13:20 UTC"],
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_what_holds_entries_back_and_who_lets_them_through_is_said(name: str) -> None:
    given, after_s, reported = SAID[name]
    control = {"require_audit": False, "regime": "NORMAL", "audited": [], **given}
    assert provenance_lines(control, BEGIN_NS + after_s * SECOND_NS) == reported


def test_watch_shows_the_regime_and_each_override_until_it_ends(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log")
    desk.quote("100.0", "100.1")
    update = {"regime": "CRISIS", "require_audit": True, "audited": ("run-7", ID)}
    desk.kernel.update_control(ControlUpdate(updated_by="alice", why="hedge", **update))
    desk.kernel.sync()
    source = LogSource(tmp_path / "log")
    seen = source.read(None)
    assert control_lines(seen)[3:6] == [
        "entries need an audited run, 1 known; others are NOT_AUDITED",
        NOBODY,
        ALICE,
    ]
    assert ALICE in as_text(seen)
    desk.kernel.advance_time(END_S * SECOND_NS)
    desk.now_ns = END_S * SECOND_NS
    desk.quote("100.0", "100.1")
    desk.kernel.sync()
    assert NOBODY in as_text(seen := source.read(None))
    assert "override" not in "\n".join(control_lines(seen)).replace(NOBODY, "")
    source.close()
    desk.kernel.close()


def test_status_says_it_of_a_host_that_runs_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now_s = int(datetime.now(UTC).timestamp())
    name = f"alice-1@{now_s + 7200}"
    with host_in(tmp_path / "h") as host:
        host.kernel(None).advance_time(now_s * SECOND_NS)
        host.kernel(None).update_control(ControlUpdate(regime="CRISIS", audited=(name,), updated_by="alice"))
        known = provenance_of(host.kernel(None).control.as_dict(), host.kernel(None).now_ns)
    assert [(one["id"], one["who"]) for one in known["overrides"]] == [(name, "alice")]
    assert main(["status", "--dir", str(Directory(tmp_path / "h").path)]) == 0
    said = capsys.readouterr().out
    assert NOBODY in said
    assert f"override {name} by alice until" in said
