"""Who vouches for targets: the registry of audited runs, overrides in a crisis, and where both are shown."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dita import ControlUpdate
from dita.cli import main
from dita.host import Host, ask
from dita.portfolio import PlanSettings, PlanState, PortfolioDesk, PortfolioRefused
from dita.portfolio.registry import append, new_override, new_run, read_registry
from dita.portfolio.service import PortfolioService
from portfolios import host_in, quote, sizes, winner, winners, written

pytest.importorskip("cryptography")
from dita.audit.signing import SigningKey

HOUR_NS = 3_600_000_000_000


def key_in(folder: Path, name: str = "key.pem") -> Path:
    """A private key as openssl makes it."""
    path = folder / name
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True)  # noqa: S607
    return path


def dita(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = main([*map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A registry in which run-1 is audited, and its key trusted."""
    path, key = tmp_path / "provenance.jsonl", SigningKey(key_in(tmp_path))
    (tmp_path / "provenance.jsonl.keys").write_text(f"{key.public}  # ops\n")
    append(path, new_run("run-1", by="ops", why="reviewed", returns_hash="aa11").signed(key))
    return path


def planned(host: Host, file: Path, registry: Path | None = None, **settings: Any) -> Any:
    desk = PortfolioDesk(host)
    return desk, desk.prepare(file, PlanSettings(**settings), registry=registry)


def test_an_audited_run_is_traded_and_the_kernel_takes_each_authors_word(
    tmp_path: Path, registry: Path
) -> None:
    with host_in(tmp_path / "h") as host:
        host.control(ControlUpdate(require_audit=True, updated_by="ops"))
        desk, prepared = planned(host, winners(tmp_path / "p.json", {"BTCUSDT": 0.5}), registry)
        assert desk.apply(prepared).state is PlanState.DONE
        assert sizes(host) == {"BTCUSDT": "0.098"}
        control = host.kernel(None).control
        assert (control.audited, control.updated_by) == (("run-1",), "registry")


def test_an_order_that_names_no_audited_run_is_refused_by_the_kernel_itself(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        host.control(ControlUpdate(require_audit=True, audited=("run-1",), updated_by="ops"))
        client = host.client("other", "main")
        assert str(client.enter("BTCUSDT", "LONG", "0.01").diagnostic_code) == "NOT_AUDITED"
        assert client.enter("BTCUSDT", "LONG", "0.01", source_run="run-1").accepted


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a run that is not there": ({"source_run_id": "run-2"}, r"NOT_AUDITED: Source_Run: 'run-2' is no run of"),
    "no run at all": ({}, "NOT_AUDITED: Source_Run: '' is no run of"),
    "other returns": (
        {"source_run_id": "run-1", "source_returns_hash": "bb"},
        "HASH_MISMATCH: source_returns_hash: 'bb' is not that of the audited run 'run-1', 'aa11'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_nobody_vouches_for_is_refused_whole(tmp_path: Path, registry: Path, name: str) -> None:
    metadata, why = REFUSED[name]
    content = winner({"BTCUSDT": 0.5}, metadata=metadata)
    content["assets"] = [{"Symbol": "BTCUSDT", "Weight": 0.5}]
    with host_in(tmp_path / "h") as host:
        with pytest.raises(PortfolioRefused, match=why):
            planned(host, written(tmp_path / "p.json", {"winners": [content]}), registry)
        assert not sizes(host)


def test_an_entry_counts_only_with_a_trusted_signature_that_holds(tmp_path: Path, registry: Path) -> None:
    whole = registry.read_text()
    other = SigningKey(key_in(tmp_path, "other.pem"))
    entry = json.loads(whole)
    for changed, why in (
        ({**entry, "signature": ""}, "is not signed"),
        ({**entry, "id": "run-9"}, "bears a signature that does not hold"),
        ({**entry, "returns_hash": ""}, "bears a signature that does not hold"),
        ({**entry, "signature": "AAAA"}, "bears a signature that does not hold"),
        (json.loads(json.dumps({**entry, "public_key": other.public})), "that key is not trusted"),
    ):
        registry.write_text(json.dumps(changed) + "\n")
        found = read_registry(registry)
        assert not found.entries
        assert why in found.distrusted[changed["id"]]
        refused = found.why_not(changed["id"], "aa11")
        assert refused is not None
        assert refused.code == "NOT_AUDITED"
    for damaged in ("x", "[]", "{}", json.dumps({**entry, "by": 1}), json.dumps({**entry, "kind": "X"})):
        registry.write_text(whole + damaged + "\n")
        with pytest.raises(PortfolioRefused, match=r"BAD_REGISTRY: .*provenance.jsonl line 2: is no entry"):
            read_registry(registry)


def test_without_a_registry_the_controls_say_which_runs_are_audited(tmp_path: Path) -> None:
    file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5})
    with host_in(tmp_path / "h") as host:
        assert planned(host, file)[1].stored.plan.traded(), "paper without a rule asks nobody"
        host.control(ControlUpdate(require_audit=True, updated_by="ops"))
        with pytest.raises(PortfolioRefused, match="NOT_AUDITED: Source_Run: 'run-1' is no audited run"):
            planned(host, file)
        host.control(ControlUpdate(audited=("run-1",), updated_by="ops"))
        desk, prepared = planned(host, file)
        assert desk.apply(prepared).state is PlanState.DONE


def test_a_crisis_blocks_longs_and_lets_reductions_and_shorts_through(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        desk, prepared = planned(host, winners(tmp_path / "p.json", {"BTCUSDT": 0.5}))
        desk.apply(prepared)
        weights = {"BTCUSDT": 0.2, "ETHUSDT": -0.3, "SOLUSDT": 0.3}
        file = winners(tmp_path / "q.json", weights, regime={"name": "CRISIS", "score": 0.9})
        desk, prepared = planned(host, file)
        assert [str(row.why) for row in prepared.stored.plan.rows] == ["", "", "REGIME_BLOCKED"]
        stored = desk.apply(prepared)
        assert stored.state is PlanState.INCOMPLETE
        assert stored.plan.rows[2].refusal.startswith("REGIME_BLOCKED")
        assert sizes(host) == {"BTCUSDT": "0.039", "ETHUSDT": "-1.17"}


def test_the_markets_own_crisis_blocks_as_well(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        host.control(ControlUpdate(regime="CRISIS", updated_by="ops"))
        _, prepared = planned(host, winners(tmp_path / "p.json", {"BTCUSDT": 0.5}))
        assert str(prepared.stored.plan.rows[0].why) == "REGIME_BLOCKED"


def test_an_override_lets_the_rest_of_the_plan_through_until_it_ends(tmp_path: Path, registry: Path) -> None:
    key = SigningKey(tmp_path / "key.pem")
    crisis = {"name": "CRISIS", "score": 0.9}
    file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5}, regime=crisis)
    now = datetime.now(UTC)
    with host_in(tmp_path / "h") as host:
        host.kernel(None).advance_time(int(now.timestamp()) * 10**9)
        desk, prepared = planned(host, file, registry)
        assert desk.apply(prepared).state is PlanState.INCOMPLETE
        before = now - timedelta(hours=2)
        ended = new_override(by="alice", why="hedge", lasts_ns=HOUR_NS, at=before).signed(key)
        holds = new_override(by="alice", why="hedge for the book", lasts_ns=HOUR_NS, at=now).signed(key)
        for entry in (ended, holds):
            append(registry, entry)
        for name, why in (
            ("alice-1@9000000000", "is no override of"),
            ("run-1", "is no override of"),
            (ended.id, "has ended"),
        ):
            with pytest.raises(PortfolioRefused, match=f"REGIME_BLOCKED: override: '{name}' {why}"):
                planned(host, file, registry, override_ref=name)
        desk, prepared = planned(host, file, registry, override_ref=holds.id)
        assert desk.apply(prepared).state is PlanState.DONE
        assert sizes(host) == {"BTCUSDT": "0.098"}
        kernel = host.kernel(None)
        assert (kernel.control.audited[-1], kernel.control.updated_by) == (holds.id, "alice")
        # Who, why and until when are in the log.
        reasons = kernel.noted("overrides")
        assert reasons is not None
        assert reasons.text == f"{holds.id}\thedge for the book\n"
        note = kernel.noted("portfolio.override")
        assert note is not None
        said = json.loads(note.text)
        assert (said["by"], said["why"], said["until"]) == ("alice", "hedge for the book", holds.until)
        # The kernel itself lets nothing through once the override has ended.
        client = host.client("other", "main")
        crisis_entry = {"regime": "CRISIS", "override_ref": holds.id}
        assert client.enter("ETHUSDT", "LONG", "0.1", **crisis_entry).accepted
        assert client.exit(client.slots[0]).accepted
        kernel.advance_time(kernel.now_ns + 2 * HOUR_NS)
        outcome = client.enter("ETHUSDT", "LONG", "0.1", **crisis_entry)
        assert (str(outcome.diagnostic_code), outcome.details["field"]) == ("REGIME_BLOCKED", "override_ref")


def test_the_commands_trust_audit_require_and_override(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, place = key_in(tmp_path), ("--dir", tmp_path / "h")
    with host_in(tmp_path / "h") as host:
        host.serve()
        code, _, error = dita(capsys, "provenance", "add", "run-1", "--why", "x", "--sign", key, *place)
        assert (code, "does not trust this key" in error) == (1, True)
        assert dita(capsys, "provenance", "trust", "--sign", key, *place)[0] == 0
        assert dita(capsys, "provenance", "add", "run-1", "--why", "good", "--sign", key, *place)[0] == 0
        assert "entries need an audited run" in dita(capsys, "provenance", "require", "on", *place)[1]
        assert "regime CRISIS" in dita(capsys, "provenance", "regime", "CRISIS", *place)[1]
        words = ("--by", "alice", "--why", "hedge", "--expires", "2h", "--sign", key)
        code, said, _ = dita(capsys, "provenance", "override", *words, *place)
        name = next(line for line in said.splitlines() if line.startswith("alice-"))
        listed = json.loads(dita(capsys, "provenance", "list", "--json", *place)[1])
        assert [entry["id"] for entry in listed["entries"]] == ["run-1", name]
        # The host goes by it, and says so: in its status, for the page, and as text.
        await_control(host, name)
        status = ask(host.directory, "status")["accounts"]["main"]["provenance"]
        assert status["require_audit"] is True
        assert status["regime"] == "CRISIS"
        assert [one["who"] for one in status["overrides"]] == ["alice"]
        text = dita(capsys, "status", *place)[1]
        assert "regime CRISIS: buying aggressively is REGIME_BLOCKED" in text
        assert f"override {name} by alice until" in text


def test_an_override_by_the_command_line_is_in_the_ledger_with_what_it_let_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, place = key_in(tmp_path), ("--dir", tmp_path / "h")
    file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5}, regime={"name": "CRISIS", "score": 0.9})
    with host_in(tmp_path / "h") as host:
        # Overrides end by this machine's clock, and so must the kernel's time go.
        host.kernel(None).advance_time(int(datetime.now(UTC).timestamp()) * 10**9)
        quote(host)
        PortfolioService(host)
        host.serve()
        assert dita(capsys, "provenance", "trust", "--sign", key, *place)[0] == 0
        assert dita(capsys, "provenance", "add", "run-1", "--why", "good", "--sign", key, *place)[0] == 0
        assert "REGIME_BLOCKED" in dita(capsys, "portfolio", "plan", file, *place)[1]
        words = ("--by", "alice", "--why", "hedge for the book", "--expires", "2h", "--sign", key)
        name = dita(capsys, "provenance", "override", *words, *place)[1].splitlines()[-2]
        await_control(host, name)
        code, said, error = dita(capsys, "portfolio", "apply", file, "--override", name, *place)
        assert (code, error) == (0, ""), said
        log_dir = host.kernel(None).log_dir
    assert dita(capsys, "audit", "write", log_dir, "--to", tmp_path / "audit")[0] == 0
    reported = [json.loads(line) for line in (tmp_path / "audit" / "audit.jsonl").read_text().splitlines()]
    given, used = (record for record in reported if record["kind"] == "override")
    until_ns = int(name.partition("@")[2]) * 10**9
    for record, event in ((given, "GIVEN"), (used, "USED")):
        assert (record["event"], record["override_id"]) == (event, name)
        assert (record["given_by"], record["why"], record["until"]) == (
            "alice",
            "hedge for the book",
            until_ns,
        )
    assert used["reason"].startswith("plan ")
    asked = next(one for one in reported if one["kind"] == "intent" and one["intent_id"] == used["intent_id"])
    assert asked["override_ref"] == name
    assert dita(capsys, "audit", "verify", tmp_path / "audit")[0] == 0


def await_control(host: Host, name: str) -> None:
    """Wait until the kernel has heard of the change of its control plane."""
    import time  # noqa: PLC0415 - here alone

    until = time.monotonic() + 10
    while name not in host.kernel(None).control.audited:
        assert time.monotonic() < until
        host.kernel(None).control_plane.read()
