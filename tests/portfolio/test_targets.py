"""Files of targets: each form is read, and each bad one is refused by name."""

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita.portfolio import PlanSettings, PortfolioCode, PortfolioDesk, PortfolioRefused, read_targets
from dita.portfolio.targets import Symbols
from portfolios import host_in, now_text, sizes, winner, winners, written


def test_the_list_of_winners_is_read_by_rank(tmp_path: Path) -> None:
    content = {
        "winners": [winner({"ETHUSDT": 0.25}, rank=2, engine="cvxportfolio"), winner({"BTCUSDT": 0.5})]
    }
    file = read_targets(written(tmp_path / "p.json", content))
    assert [target.key for target in file.targets] == [
        "Rank1_riskfolio_barbell",
        "Rank2_cvxportfolio_barbell",
    ]
    target = file.ranked(2)
    assert (target.regime_name, target.returns_hash, target.source_run) == ("NORMAL", "aa11", "run-1")
    assert [(one.symbol, one.weight, one.source_run) for one in target.assets] == [
        ("ETHUSDT", Decimal("0.25"), "run-1")
    ]


def test_the_older_form_has_profile_and_assets_at_the_root(tmp_path: Path) -> None:
    content = {
        "profile": "hrp",
        "assets": [
            {"Symbol": "BTCUSDT", "Net_Weight": -0.1, "Weight": 0.1, "Engine": "skfolio", "Regime": "CRISIS",
             "Generated_At": now_text(), "Source_Run": "run-9"},
            {"Symbol": "ETHUSDT", "Weight": 0.2, "Direction": "SHORT", "Source_Run": "run-9"},
        ],
    }  # fmt: skip
    (target,) = read_targets(written(tmp_path / "p.json", content)).targets
    assert target.key == "Rank1_skfolio_hrp"
    assert target.regime == "CRISIS"
    assert [asset.weight for asset in target.assets] == [Decimal("-0.1"), Decimal("-0.2")]


def test_drift_targets_are_read_and_leave_others_alone(tmp_path: Path) -> None:
    rows = [
        {"Symbol": "BTCUSDT", "Target_Weight": 0.5, "Actual_Weight": 0.4, "Drift": 0.1, "Source_Run": "run-1"}
    ]
    with host_in(tmp_path / "h") as host:
        desk = PortfolioDesk(host)
        desk.apply(desk.prepare(winners(tmp_path / "p.json", {"BTCUSDT": 0.4, "ETHUSDT": 0.3})))
        assert sizes(host) == {"BTCUSDT": "0.078", "ETHUSDT": "1.17"}
        desk.apply(desk.prepare(written(tmp_path / "drift.json", rows)))
        assert sizes(host) == {"BTCUSDT": "0.097", "ETHUSDT": "1.17"}


def test_weights_are_exact(tmp_path: Path) -> None:
    content = json.dumps({"winners": [winner({"BTCUSDT": "W"})]}).replace(
        '"W"', "0.1000000000000000055511151231"
    )
    (target,) = read_targets(written(tmp_path / "p.json", content)).targets
    assert target.assets[0].weight == Decimal("0.1000000000000000055511151231")


@pytest.mark.parametrize("said", ["BINANCE:BTCUSDT", "BTCUSDT.P", "BTC/USDT:USDT", "btc-usdt", "BTCUSDT"])
def test_a_symbol_is_found_as_research_writes_it(said: str) -> None:
    assert Symbols(["BTCUSDT", "ETHUSDT"]).find(said) == "BTCUSDT"


def test_what_two_instruments_are_written_like_is_neither() -> None:
    assert Symbols(["BTC-USDT", "BTC/USDT"]).find("BTCUSDT") is None


ASSET = {"Symbol": "BTCUSDT", "Weight": 0.1, "Source_Run": "run-1"}


def raw(weight: str) -> str:
    """The text of a file with a weight that Python would not write."""
    return f'{{"assets": [{{"Symbol": "BTCUSDT", "Weight": {weight}}}]}}'


BAD: dict[str, tuple[Any, str, str]] = {
    "no JSON": ("{", "BAD_FILE", "is no JSON"),
    "a number": ("1", "BAD_FILE", "must be a JSON object"),
    "a key twice": ('{"assets": [], "assets": []}', "BAD_FILE", "'assets' is there twice"),
    "no assets": ({"profile": "x"}, "BAD_FILE", "assets: None must be a list"),
    "nothing": ({"winners": []}, "NO_TARGETS", "winners: is empty"),
    "no targets": ({"winners": [winner({})]}, "NO_TARGETS", "dita flatten"),
    "NaN": (raw("NaN"), "INVALID_WEIGHT", r"assets\[0\].Weight: Decimal\('NaN'\) is not finite"),
    "infinite": (raw("-Infinity"), "INVALID_WEIGHT", "is not finite"),
    "text": ({"assets": [{**ASSET, "Weight": "much"}]}, "INVALID_WEIGHT", "'much' is no number"),
    "no weight": ({"assets": [{"Symbol": "BTCUSDT"}]}, "INVALID_WEIGHT", "Weight: None is no number"),
    "true": ({"assets": [{**ASSET, "Weight": True}]}, "INVALID_WEIGHT", "True is no number"),
    "too fine": (raw("1e-99999"), "INVALID_WEIGHT", "too many digits"),
    "twice": ({"assets": [ASSET, ASSET]}, "DUPLICATE_SYMBOL", "'BTCUSDT' is there twice"),
    "the same twice": (
        {"winners": [winner({"BTCUSDT": 0.1, "BINANCE:BTCUSDT": 0.1})]},
        "DUPLICATE_SYMBOL",
        "'BINANCE:BTCUSDT' means BTCUSDT, as BTCUSDT does",
    ),
    "unknown": ({"winners": [winner({"XUSDT": 0.1})]}, "UNKNOWN_SYMBOL", "'XUSDT' is no instrument"),
    "too much": (
        {"winners": [winner({"BTCUSDT": 0.6, "ETHUSDT": -0.41})]},
        "GROSS_TOO_HIGH",
        "max_gross is 1",
    ),
    "no time": (
        {"winners": [winner({"BTCUSDT": 0.1}, metadata={"generated_at": "yesterday"})]},
        "BAD_FILE",
        "generated_at: 'yesterday' is no time",
    ),
    "old": (
        {"winners": [winner({"BTCUSDT": 0.1}, metadata={"generated_at": now_text(ago_s=86_500)})]},
        "STALE",
        r"generated_at: .* at most 24 h are taken \(--max-age\)",
    ),
    "ahead": (
        {"winners": [winner({"BTCUSDT": 0.1}, metadata={"generated_at": now_text(ago_s=-1000)})]},
        "STALE",
        "ahead of this machine's clock",
    ),
    "another rank": (
        {"winners": [winner({"BTCUSDT": 0.1}, rank=2)]},
        "NO_SUCH_RANK",
        "rank: 1 is none of those",
    ),
    "a rank twice": (
        {"winners": [winner({"BTCUSDT": 0.1}), winner({"BTCUSDT": 0.2})]},
        "BAD_FILE",
        "is there twice",
    ),
    "a drift that is none": (
        [{"Symbol": "BTCUSDT", "Target_Weight": 0.5, "Actual_Weight": 0.4, "Drift": 0.2}],
        "INVALID_WEIGHT",
        "is not Target_Weight less Actual_Weight, 0.1",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_by_name_and_nothing_is_traded(tmp_path: Path, name: str) -> None:
    content, code, why = BAD[name]
    with host_in(tmp_path / "h") as host:
        before = host.kernel(None).state_hash()
        with pytest.raises(PortfolioRefused, match=f"(?s)^{code}: .*{why}") as caught:
            PortfolioDesk(host).prepare(written(tmp_path / "p.json", content))
        assert caught.value.code == PortfolioCode(code)
        assert host.kernel(None).state_hash() == before
        assert not (tmp_path / "h" / "portfolio").exists()


def test_a_gross_of_one_and_what_floats_lose_is_taken(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        file = winners(tmp_path / "p.json", {"BTCUSDT": 0.6, "ETHUSDT": -0.4000009})
        assert PortfolioDesk(host).prepare(file).stored.plan.traded()
        over = winners(tmp_path / "q.json", {"BTCUSDT": 0.6, "ETHUSDT": -0.400002})
        with pytest.raises(PortfolioRefused, match="GROSS_TOO_HIGH: gross: Decimal"):
            PortfolioDesk(host).prepare(over)
        assert PortfolioDesk(host).prepare(over, PlanSettings(max_gross=Decimal(2))).stored.plan.traded()


def test_a_hash_that_does_not_match_is_refused(tmp_path: Path) -> None:
    file = winners(tmp_path / "p.json", {"BTCUSDT": 0.1})
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    assert read_targets(file, sha256=right.upper()).sha256 == right
    with pytest.raises(PortfolioRefused, match=f"HASH_MISMATCH: sha256: '{right}'"):
        read_targets(file, sha256="0" * 64)
    (tmp_path / "p.json.sha256").write_text(f"{right}  p.json\n")
    assert read_targets(file).sha256 == right
    file.write_text(file.read_text().replace("0.1", "0.9"))
    with pytest.raises(PortfolioRefused, match="HASH_MISMATCH"):
        read_targets(file)


@pytest.mark.parametrize("way", ["replaced", "written to"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    file = winners(tmp_path / "p.json", {"BTCUSDT": 0.1})
    other = winners(tmp_path / "next.json", {"BTCUSDT": 0.9})
    opens = Path.open

    class Overtaken:
        """The file, whose writer comes just before it is read."""

        def __init__(self, handle: Any) -> None:
            self.handle = handle

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            self.handle.close()

        def fileno(self) -> int:
            return int(self.handle.fileno())

        def read(self, size: int) -> bytes:
            if way == "replaced":
                other.replace(file)
            else:
                with opens(file, "ab") as writer:
                    writer.write(b" ")
                other.replace(tmp_path / "done.json")
            return bytes(self.handle.read(size))

    def opened(path: Path, *arguments: Any, **options: Any) -> Any:
        handle = opens(path, *arguments, **options)
        return Overtaken(handle) if path == file and other.exists() else handle

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(PortfolioRefused, match=r"FILE_CHANGED: .*was changed while it was read"):
        read_targets(file)
    weight = read_targets(file).targets[0].assets[0].weight
    assert weight == Decimal("0.9" if way == "replaced" else "0.1")
