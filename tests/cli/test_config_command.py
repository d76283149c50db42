"""`dita config`: the words, and their exit codes."""

import json
from pathlib import Path

import pytest

from dita.cli import main


def test_a_good_file_is_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dita.toml"
    path.write_text("[accounts.main]\nmax_slots = 3\n")
    assert main(["config", "check", str(path)]) == 0
    assert "good" in capsys.readouterr().out
    assert main(["config", "show", str(path), "--origin", "--set", "host.name=x"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert next(line for line in shown if "max_slots" in line).split() == [
        "accounts.main.max_slots",
        "3",
        str(path),
    ]
    assert next(line for line in shown if "host.name" in line).endswith("command line")


def test_faults_are_listed_and_the_exit_code_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "dita.toml"
    path.write_text("[accounts.main]\nmax_slot = 3\n[accounts.main.limits]\nmax_slots = '1'\n")
    assert main(["config", "check", str(path)]) == 1
    assert "accounts.main.max_slot: is not a key; did you mean max_slots?" in capsys.readouterr().out
    path.write_text("[accounts.main.limits]\nmax_slots = '1'\n")
    assert main(["config", "check", str(path), "--json"]) == 1
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert fault["field"] == "accounts.main.limits.max_slots"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[accounts.main.options]\nsymbols = ['A']\n",
         "accounts.main.options: has no effect where venue is 'sim'"),
        ("[accounts.main.credentials]\nkey = 'env:K'\n", "accounts.main.credentials: has no effect"),
        ("[accounts.main]\nvenue = 'x:Y'\n[accounts.main.simulated]\nseed = 3\n",
         "accounts.main.simulated: has no effect where venue is 'x:Y'"),
    ],
)  # fmt: skip
def test_an_entry_without_effect_is_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, named: str
) -> None:
    path = tmp_path / "dita.toml"
    path.write_text(text)
    assert main(["config", "check", str(path)]) == 1
    assert named in capsys.readouterr().out


def test_a_wrong_configuration_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dita.toml"
    path.write_text("[hosts]\nname = 'x'\n")
    assert main(["config", "show", str(path)]) == 1
    assert "did you mean host?" in capsys.readouterr().err


def test_the_file_in_the_working_directory_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["config", "check"]) == 0
    assert "no file" in capsys.readouterr().out
    (tmp_path / "dita.toml").write_text("[host]\nnam = 'x'\n")
    assert main(["config", "check"]) == 1
