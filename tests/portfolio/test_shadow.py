"""Shadow fills: the state file in its known shape, whole whatever happens, and nothing twice."""

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita.cli import main
from dita.portfolio import PortfolioRefused
from dita.portfolio.plan import PlanSettings
from dita.portfolio.shadow import BACKUPS_MAX, ShadowState
from dita.portfolio.store import PlanStore
from dita.portfolio.targets import read_targets
from portfolios import MARKS, RULES, winner, winners, written

KEY = "Rank1_riskfolio_barbell"


def applied(state: ShadowState, file: Path, **settings: Any) -> list[str]:
    """The symbols that were filled."""
    how = PlanSettings(max_age_ns=10**18, **settings)
    return [row.symbol for row in state.apply(read_targets(file), how, time.time_ns()).fills()]


def test_targets_are_filled_perfectly_and_written_in_the_known_shape(tmp_path: Path) -> None:
    state = ShadowState(tmp_path / "portfolio_actual_state.json")
    content = {"winners": [winner({"BTCUSDT": 0.1234567890123456}), winner({"ETHUSDT": 0.3}, rank=2)]}
    file = written(tmp_path / "p.json", content)
    assert applied(state, file) == ["BTCUSDT"]
    assert applied(state, file, rank=2) == ["ETHUSDT"]
    said = json.loads(state.path.read_text())
    assert list(said) == [KEY, "Rank2_riskfolio_barbell"]
    assert list(said[KEY]) == ["assets", "updated_at"]
    assert said[KEY]["assets"] == content["winners"][0]["assets"]
    assert said[KEY]["updated_at"].endswith("+00:00")
    fills = [json.loads(line) for line in (tmp_path / "shadow_fills.jsonl").read_text().splitlines()]
    assert [(one["profile"], one["symbol"], one["target_weight"], one["type"]) for one in fills] == [
        (KEY, "BTCUSDT", 0.1234567890123456, "shadow_fill"),
        ("Rank2_riskfolio_barbell", "ETHUSDT", 0.3, "shadow_fill"),
    ]


def test_the_same_targets_are_filled_once_and_small_drifts_are_left(tmp_path: Path) -> None:
    state = ShadowState(tmp_path / "s.json")
    applied(state, winners(tmp_path / "p.json", {"BTCUSDT": 0.5, "ETHUSDT": 0.2, "SOLUSDT": 0.005}))
    before = state.path.read_bytes()
    assert applied(state, tmp_path / "p.json") == []
    assert state.path.read_bytes() == before
    assert applied(state, winners(tmp_path / "q.json", {"BTCUSDT": 0.505, "ETHUSDT": 0.3})) == ["ETHUSDT"]
    assets = {one["Symbol"]: one["Weight"] for one in json.loads(state.path.read_text())[KEY]["assets"]}
    assert assets == {"BTCUSDT": 0.5, "ETHUSDT": 0.3}
    assert applied(state, winners(tmp_path / "q.json", {"ETHUSDT": 0.3})) == ["BTCUSDT"]
    assets = {one["Symbol"]: one["Weight"] for one in json.loads(state.path.read_text())[KEY]["assets"]}
    assert assets == {"ETHUSDT": 0.3}


def test_each_state_is_kept_beside_as_a_backup_and_not_for_ever(tmp_path: Path) -> None:
    state = ShadowState(tmp_path / "s.json")
    for number in range(BACKUPS_MAX + 4):
        weight = Decimal("0.1") + Decimal("0.02") * number
        before = state.path.read_text() if state.path.exists() else None
        applied(state, winners(tmp_path / "p.json", {"BTCUSDT": str(weight)}))
        backups = sorted(tmp_path.glob("s.json.bak_*"), key=lambda one: one.stat().st_mtime_ns)
        assert len(backups) == min(number, BACKUPS_MAX)
        assert before is None or before in [one.read_text() for one in backups]
    assert not list(tmp_path.glob(".s.json.[0-9]*"))


@pytest.mark.parametrize(
    "damaged", ["", "{", "[]", '{"k": 1}', '{"k": {"assets": 1}}', '{"k": {}}'], ids=range(6)
)
def test_a_damaged_state_is_refused_by_name_and_left_as_it_is(tmp_path: Path, damaged: str) -> None:
    state = ShadowState(tmp_path / "s.json")
    state.path.write_text(damaged)
    with pytest.raises(PortfolioRefused, match=r"BAD_STATE: .*put a copy back"):
        applied(state, winners(tmp_path / "p.json", {"BTCUSDT": 0.5}))
    assert state.path.read_text() == damaged


def test_two_at_once_are_one_too_many(tmp_path: Path) -> None:
    state = ShadowState(tmp_path / "s.json")
    file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5})
    with (
        PlanStore(tmp_path / ".s.json.lock").locked(),
        pytest.raises(PortfolioRefused, match="APPLIER_RUNNING"),
    ):
        applied(state, file)
    assert not state.path.exists()


def test_the_command_needs_no_account(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5, "ETHUSDT": 0.004})
    assert main(["portfolio", "plan", str(file), "--shadow"]) == 0
    planned = capsys.readouterr().out
    assert not (tmp_path / "portfolio_actual_state.json").exists()
    assert main(["portfolio", "apply", str(file), "--shadow"]) == 0
    assert capsys.readouterr().out == planned + "DONE: 1 shadow fills\n"
    assert "Dust" in planned
    assert "1 of 2 rows trade" in planned
    assert json.loads((tmp_path / "portfolio_actual_state.json").read_text())[KEY]["assets"]
    assert main(["portfolio", "apply", str(file), "--shadow", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fills"] == 0


def test_a_rehearsal_has_the_accounts_grid_minimums_and_guards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """10,000 USDT: 0.008 of it is under one SOL at 100, and a CRISIS buys nothing long."""
    weights = {"BTCUSDT": "0.5", "ETHUSDT": "-0.25", "SOLUSDT": "0.008"}
    file = winners(tmp_path / "p.json", weights)
    (tmp_path / "dita.toml").write_text(
        f'[host]\nname = "{tmp_path.name}"\n[accounts.main]\ninstruments = {RULES}\n'
    )
    here = ["--shadow", "--config", str(tmp_path / "dita.toml"), "--dir", str(tmp_path / "host")]
    here += [f"--mark={symbol}={price}" for symbol, price in MARKS.items()]
    here += ["--threshold", "0.001", "--json"]

    def said(action: str) -> dict[str, Any]:
        assert main(["portfolio", action, str(file), *here]) == 0
        rows = json.loads(capsys.readouterr().out)["rows"]
        return {row["symbol"]: (row["size"], row["why"]) for row in rows}

    # 4,900 of BTC at 50,000 in lots of 0.001; 2,450 of ETH at 2,500.
    first = {"BTCUSDT": ("0.098", ""), "ETHUSDT": ("0.98", ""), "SOLUSDT": ("0", "Below Floor")}
    assert said("plan") == said("apply") == first
    state = json.loads((tmp_path / "portfolio_actual_state.json").read_text())[KEY]
    assert [one["Symbol"] for one in state["assets"]] == ["BTCUSDT", "ETHUSDT"]
    weights["BTCUSDT"], weights["ETHUSDT"] = "0.6", "-0.3"
    winners(file, weights, regime={"name": "CRISIS", "score": 0.1})
    assert said("apply") == {**first, "BTCUSDT": ("0", "REGIME_BLOCKED"), "ETHUSDT": ("0.19", "")}
