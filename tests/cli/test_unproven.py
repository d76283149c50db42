"""`--unproven`: real money at a venue that is not proven over a wire."""

from pathlib import Path

import pytest

from dita.cli import main
from dita.config import AccountConfig, Config
from dita.host import with_consent

SERVE = ["serve", "--config"]
APPLY = ["portfolio", "apply", "targets.json", "--config"]


@pytest.fixture(params=["okx", "bingx"])
def configured(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of an account with real money; its venue is at a port where nobody answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DITA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KEY", "key")
    kind, more = {
        "okx": ("okx.adapter:OkxSwap", 'passphrase = "env:KEY", '),
        "bingx": ("bingx.adapter:BingxSwap", ""),
    }[request.param]
    file = tmp_path / "dita.toml"
    file.write_text(
        '[accounts."there/main"]\n'
        f'venue = "dita.venues.{kind}"\n'
        'options = {symbols = ["BTC-USDT"], rest = "http://127.0.0.1:9", stream = "ws://127.0.0.1:9"}\n'
        f'credentials = {{{more}api_key = "env:KEY", api_secret = "env:KEY"}}\n'
    )
    (tmp_path / "targets.json").write_text("[]")
    return file


@pytest.mark.parametrize("command", [SERVE, APPLY], ids=lambda words: words[0])
def test_without_the_flag_an_unproven_account_is_refused_and_with_it_the_live_consents_are_asked_for(
    command: list[str], configured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, str(configured)]) == 1
    reported = capsys.readouterr().err
    assert "accounts.there/main: unproven: " in reported
    assert "not proven over a wire" in reported
    assert "--unproven" in reported
    # Real money takes its own words as well: the flag stands for none of them.
    assert main([*command, str(configured), "--unproven"]) == 1
    reported = capsys.readouterr().err
    assert "not proven over a wire" not in reported
    assert "live" in reported


def test_the_flag_is_for_unproven_adapters_alone() -> None:
    proven = AccountConfig(venue="dita.venues.bybit.adapter:BybitLinear", options={"symbols": ["BTCUSDT"]})
    unproven = AccountConfig(venue="dita.venues.okx.adapter:OkxSwap", options={"symbols": ["BTC-USDT-SWAP"]})
    gone = AccountConfig(venue="no_such_module:Adapter")
    accounts = {"a": proven, "b": unproven, "c": AccountConfig(), "d": gone}
    found = with_consent(Config(accounts=accounts)).accounts
    assert found["b"].options == {"symbols": ["BTC-USDT-SWAP"], "unproven": True}
    assert {name: found[name] for name in "acd"} == {name: accounts[name] for name in "acd"}
