"""A configuration: which source counts, what is refused, and how a fault is named."""

from pathlib import Path
from typing import Any

import pytest

from dita.config import ConfigError, load


def file(folder: Path, text: str) -> Path:
    path = folder / "dita.toml"
    path.write_text(text)
    return path


def faults(path: Path | None = None, **options: Any) -> list[tuple[str, str]]:
    options.setdefault("environ", {})
    with pytest.raises(ConfigError) as caught:
        load(path, **options)
    return [(fault.field, fault.why) for fault in caught.value.faults]


def test_nothing_given_is_one_account_on_the_simulated_venue() -> None:
    loaded = load(environ={})
    assert list(loaded.config.accounts) == ["main"]
    assert loaded.config.accounts["main"].venue == "sim"
    assert {origin for _, _, origin in loaded.values()} == {"default"}


def test_the_command_line_counts_before_the_environment_before_the_file(tmp_path: Path) -> None:
    path = file(tmp_path, "[accounts.main]\nmax_slots = 2\nhedge_mode = true\n[host]\nname = 'a'\n")
    environ = {"DITA_ACCOUNTS__MAIN__MAX_SLOTS": "3", "DITA_HOST__NAME": "b", "DITA_HOME": "/x"}
    loaded = load(path, environ=environ, overrides={"host.name": "c"})
    account = loaded.config.accounts["main"]
    assert (account.max_slots, account.hedge_mode, loaded.config.host.name) == (3, True, "c")
    assert loaded.origin("accounts.main.max_slots") == "environment DITA_ACCOUNTS__MAIN__MAX_SLOTS"
    assert loaded.origin("accounts.main.hedge_mode") == str(path)
    assert loaded.origin("host.name") == "command line"
    assert loaded.origin("accounts.main.venue") == "default"


def test_a_variable_names_an_account_that_has_a_slash(tmp_path: Path) -> None:
    path = file(tmp_path, '[accounts."binance/main"]\nmax_slots = 2\n')
    loaded = load(path, environ={"DITA_ACCOUNTS__BINANCE_MAIN__MAX_SLOTS": "9"})
    assert loaded.config.accounts["binance/main"].max_slots == 9


@pytest.mark.parametrize(
    ("text", "field", "why"),
    [
        ("[host]\nnam = 'x'", "host.nam", "did you mean name?"),
        ("[acounts.main]\nvenue = 'sim'", "acounts", "did you mean accounts?"),
        ("[accounts.main]\nmax_slot = 2", "accounts.main.max_slot", "did you mean max_slots?"),
        ("[accounts.main]\nmax_slots = 'many'", "accounts.main.max_slots", "valid integer"),
        ("[accounts.main]\nmax_slots = 0", "accounts.main.max_slots", "greater than or equal to 1"),
        ("[accounts.main]\nvenue = 'a b'", "accounts.main.venue", "match pattern"),
        ("[accounts.main.simulated]\nfill_rate = 0.5", "accounts.main.simulated.fill_rate", "text"),
        ("[accounts.main.simulated]\nfill_rate = '1.5'", "accounts.main.simulated.fill_rate", "less than"),
        ("[accounts.main.instruments]\ntaker_rate = 0.1", "accounts.main.instruments", "taker_rate"),
        ("[accounts.'a b']\nmax_slots = 1", "accounts", "a b"),
        ("[strategies.s]\naccount = 'main'", "strategies.s.file", "is needed"),
        ("[strategies.s]\nfile = 's.py'\naccount = 'man'", "strategies.s.account", "did you mean main?"),
        ("[web]\nport = 1", "web.port", "has none yet"),
        ("[accounts]", "accounts", "name at least one"),
    ],
)
def test_a_fault_is_named_by_field_and_what_to_do(tmp_path: Path, text: str, field: str, why: str) -> None:
    path = file(tmp_path, text)
    ((found, said),) = faults(path)
    assert found == field
    assert why in said


def test_every_fault_is_reported_at_once(tmp_path: Path) -> None:
    path = file(tmp_path, "[host]\nnam = 1\ndrain_s = -1\n[web]\nport = 1\n")
    assert {field for field, _ in faults(path)} == {"host.nam", "host.drain_s", "web.port"}


def test_a_variable_or_an_option_that_means_no_key_is_refused() -> None:
    assert faults(environ={"DITA_HOST__DRAIN": "1"})[0][0] == "host.drain"
    assert faults(overrides={"host.drain": "1"})[0][0] == "host.drain"
    assert faults(overrides={"host.name.deeper": "1"})[0][0].startswith("host.name")


@pytest.mark.parametrize("text", ["[host", "\xff"])
def test_a_file_that_is_no_toml_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "dita.toml"
    path.write_bytes(text.encode("latin-1"))
    assert faults(path)[0][0] == str(path)


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.toml") == [(str(tmp_path / "none.toml"), "No such file or directory")]


def test_what_is_shown_is_a_file_that_means_the_same(tmp_path: Path) -> None:
    first = load(
        environ={},
        overrides={
            "accounts.main.simulated.balances": '{USDT = "12.50"}',
            "accounts.main.limits.max_open_slots": "3",
            "strategies.s.file": 'C:\\odd"name.py',
        },
    )
    lines = [f"{key} = {value}" for key, value, _ in first.values() if value]
    assert load(file(tmp_path, "\n".join(lines)), environ={}).config == first.config
