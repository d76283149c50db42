"""Secrets: only references stand in a file, and no text ever shows one."""

from pathlib import Path

import pytest

from dita.config import ConfigError, SecretRef, SecretUnavailable, load


def test_a_secret_in_the_file_itself_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "dita.toml"
    path.write_text("[accounts.main.credentials]\nkey = 'hunter2hunter2'\n")
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert caught.value.faults[0].field == "accounts.main.credentials.key"
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.faults)


def test_a_variable_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = SecretRef.parse("env:MY_KEY")
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(SecretUnavailable, match="not set"):
        reference.resolve()
    monkeypatch.setenv("MY_KEY", "s3cret")
    assert reference.resolve() == "s3cret"
    assert "s3cret" not in repr(reference)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("s3cret\n")
    path.chmod(0o640)
    reference = SecretRef.parse(f"file:{path}")
    with pytest.raises(SecretUnavailable, match="chmod 600"):
        reference.resolve()
    path.chmod(0o600)
    assert reference.resolve() == "s3cret"
    path.write_text("")
    with pytest.raises(SecretUnavailable, match="empty"):
        reference.resolve()


def test_a_name_in_the_keyring_without_a_service_is_one_of_dita(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring")
    kept = {("dita", "binance"): "s3cret", ("elsewhere", "binance"): "other"}
    monkeypatch.setattr(keyring, "get_password", lambda service, name: kept.get((service, name)))
    assert SecretRef.parse("keyring:binance").resolve() == "s3cret"
    assert SecretRef.parse("keyring:elsewhere/binance").resolve() == "other"
    with pytest.raises(SecretUnavailable, match="run `keyring set dita mine`"):
        SecretRef.parse("keyring:mine").resolve()


@pytest.mark.parametrize(
    "text", ["", "plain", "env:", "vault:x", "keyring:", "keyring:/name", "keyring:service/", 7]
)
def test_what_names_no_place_is_no_reference(text: object) -> None:
    with pytest.raises(ValueError, match="must name"):
        SecretRef.parse(text)
