"""Heads and proofs: what is kept elsewhere, and what a third person checks without us."""

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dita.audit import (
    CHECKER,
    Head,
    HeadRefused,
    UnknownTrade,
    head_of,
    proof_of,
    read_head,
    sign,
    signer_of,
    verify,
)
from dita.cli import main
from ledgers import chain, lines, write
from logged import busy


@pytest.fixture(name="ledger", scope="module")
def _ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("ledger")
    desk = busy(root / "log")
    desk.kernel.close()
    write(root / "log", root / "ledger")
    return root / "ledger"


@pytest.fixture(name="trade")
def _trade(ledger: Path) -> str:
    """A trade with an execution."""
    reported = [record for path in chain(ledger) for record in lines(path)]
    return str(
        next(
            record["trade_id"]
            for record in reported
            if record["kind"] == "execution" and "trade_id" in record
        )
    )


@pytest.fixture(name="key")
def _key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def check(folder: Path, proof: Any, root: str) -> subprocess.CompletedProcess[str]:
    """Check a proof as a third person does: with nothing of ours, and Python's own library alone."""
    folder.mkdir(exist_ok=True)
    shutil.copy(CHECKER, folder / "check_proof.py")
    (folder / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    command = [sys.executable, "-I", "-S", "check_proof.py", "proof.json", root]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_third_person_checks_a_trade_with_python_alone(ledger: Path, trade: str, tmp_path: Path) -> None:
    proof = proof_of(ledger, trade)
    root = verify(ledger).root
    done = check(tmp_path / "elsewhere", proof, root)
    assert done.returncode == 0, done.stderr
    reported = [record for path in chain(ledger) for record in lines(path) if record.get("trade_id") == trade]
    printed = done.stdout.splitlines()
    assert [line.split()[1] for line in printed] == [record["kind"] for record in reported]
    assert {"intent", "outcome", "execution"} <= {record["kind"] for record in reported}
    assert len(CHECKER.read_text(encoding="utf-8").splitlines()) <= 40


def edit_line(proof: Any) -> None:
    proof["records"][0]["line"] = (
        proof["records"][0]["line"].replace('"LONG"', '"SHORT"').replace('"ts":1', '"ts":2')
    )


def edit_execution(proof: Any) -> None:
    reported = next(entry for entry in proof["records"] if entry["execution"])
    reported["execution"] = reported["execution"].replace('"price":"', '"price":"9')


def edit_path(proof: Any) -> None:
    proof["records"][0]["path"][0][1] = "0" * 64


def edit_number(proof: Any) -> None:
    proof["records"][0]["number"] += 1


def edit_trade(proof: Any) -> None:
    proof["trade_id"] = "another"


@pytest.mark.parametrize("edit", [edit_line, edit_execution, edit_path, edit_number, edit_trade])
def test_a_changed_proof_is_refused(ledger: Path, trade: str, tmp_path: Path, edit: Any) -> None:
    proof = copy.deepcopy(proof_of(ledger, trade))
    edit(proof)
    done = check(tmp_path / "elsewhere", proof, verify(ledger).root)
    assert done.returncode == 1
    assert "ValueError: " in done.stderr


def test_a_proof_does_not_lead_to_another_root(ledger: Path, trade: str, tmp_path: Path) -> None:
    done = check(tmp_path / "elsewhere", proof_of(ledger, trade), "1" * 64)
    assert "does not lead to the root" in done.stderr


def test_a_trade_that_is_not_there_has_no_proof(ledger: Path) -> None:
    with pytest.raises(UnknownTrade, match="no record is about the trade 'nobody'"):
        proof_of(ledger, "nobody")


def test_a_signed_head_names_who_signed_it(ledger: Path, key: Path, tmp_path: Path) -> None:
    head = sign(head_of(verify(ledger)), key)
    (tmp_path / "head.json").write_text(head.as_json(), encoding="utf-8")
    assert read_head(tmp_path / "head.json") == head
    assert signer_of(head) == head.public_key != ""
    assert signer_of(head_of(verify(ledger))) == ""


@pytest.mark.parametrize(
    "change",
    [{"records": 1}, {"root": "0" * 64}, {"kernel": "other"}, {"signature": "AAAA"}, {"public_key": "%"}],
)
def test_a_changed_head_does_not_bear_its_signature(ledger: Path, key: Path, change: dict[str, Any]) -> None:
    head = sign(head_of(verify(ledger)), key)
    with pytest.raises(HeadRefused, match="the head was changed, or another key signed it"):
        signer_of(replace(head, **change))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no head of a ledger"),
        ('{"records":1}', "is no head of a ledger"),
        ('{"kernel":"k","records":"1","root":"","last_hash":"","seq":1}', "records is '1', and must be int"),
    ],
)
def test_a_file_that_is_no_head_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "head.json").write_text(content)
    with pytest.raises(HeadRefused, match=said):
        read_head(tmp_path / "head.json")


def test_a_file_that_holds_no_key_is_refused(ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(HeadRefused, match="holds no private key in PEM"):
        sign(head_of(verify(ledger)), tmp_path / "key.pem")


def test_the_command_heads_verifies_and_proves(
    ledger: Path, trade: str, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "head", str(ledger), "--sign", str(key)]) == 0
    text = capsys.readouterr().out
    kept = tmp_path / "head.json"
    kept.write_text(text)
    public = Head(**json.loads(text)).public_key
    assert main(["audit", "verify", str(ledger), "--head", str(kept), "--key", public]) == 0
    assert f"signed by   {public}" in capsys.readouterr().out
    assert main(["audit", "verify", str(ledger), "--head", str(kept), "--key", "other"]) == 1
    assert "and not by other" in capsys.readouterr().err
    assert main(["audit", "prove", str(ledger), trade]) == 0
    proof = json.loads(capsys.readouterr().out)
    assert check(tmp_path / "elsewhere", proof, proof["head"]["root"]).returncode == 0
    assert main(["audit", "prove", str(ledger), "--checker"]) == 0
    assert capsys.readouterr().out == CHECKER.read_text(encoding="utf-8")


def test_the_command_ends_with_1_where_the_ledger_does_not_hold(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(ledger, tmp_path / "ledger"))
    text = (folder / "audit.jsonl").read_text()
    (folder / "audit.jsonl").write_text(text.replace('"accepted":true', '"accepted":false', 1))
    assert main(["audit", "verify", str(folder)]) == 1
    assert "audit.jsonl line 2: its hash is" in capsys.readouterr().out
    assert main(["audit", "head", str(folder)]) == 1
    assert main(["audit", "prove", str(folder), "t0"]) == 1
    assert main(["audit", "verify", str(tmp_path)]) == 1
    assert "has no audit.jsonl; name the ledger's folder" in capsys.readouterr().err
