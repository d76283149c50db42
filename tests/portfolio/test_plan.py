"""Plans: sizes, floors, parts, what is left alone, and what is refused."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dita import ControlUpdate
from dita.host import Directory, Host
from dita.portfolio import PlanSettings, PortfolioDesk, PortfolioRefused, Row
from dita.portfolio.plan import slices
from portfolios import config, host_in, quote, sizes, winners


def rows(host: Any, file: Path, **settings: Any) -> dict[str, Row]:
    plan = PortfolioDesk(host).prepare(file, PlanSettings(**settings)).stored.plan
    return {row.asset: row for row in plan.rows}


def test_a_size_is_a_share_of_what_is_there_less_the_buffer(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        planned = rows(host, winners(tmp_path / "p.json", {"BTCUSDT": 0.5, "ETHUSDT": -0.25}))
        # 10000 * 0.98 * 0.5 / 50000 and 10000 * 0.98 * 0.25 / 2500
        assert (planned["BTCUSDT"].target, planned["ETHUSDT"].target) == (Decimal("0.098"), Decimal("-0.98"))
        assert [row.action for row in planned.values()] == ["INCREASE", "INCREASE"]


def test_open_results_count_and_so_does_the_lesser_of_k_and_e(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        desk = PortfolioDesk(host)
        desk.apply(desk.prepare(winners(tmp_path / "p.json", {"BTCUSDT": 0.5})))
        quote(host, BTCUSDT="60000")
        file = winners(tmp_path / "q.json", {"BTCUSDT": 0.5})
        plan = desk.prepare(file).stored.plan
        # The entry cost 2.45 of fees, 0.098 BTC have gained 980; 10977.55 * 0.98 * 0.5 / 60000 = 0.0896...
        assert plan.equity.amount == Decimal("10977.55")
        assert plan.rows[0].target == Decimal("0.089")
        # What the venue says it owes is less: money that went out, and no ledger has heard of.
        host.kernel(None).on_account_event(
            {"kind": "ACCOUNT_UPDATE", "asset": "USDT", "wallet_balance": "5000", "timestamp": 9}
        )
        assert desk.prepare(file).stored.plan.equity.amount == Decimal(5980)


def test_what_the_venue_would_not_take_is_below_floor(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        # 0.0098 of a coin with lots of 1, and 4.9 USDT where 5 is the least.
        file = winners(tmp_path / "p.json", {"SOLUSDT": 0.009, "ETHUSDT": 0.0005, "BTCUSDT": 0.5})
        planned = rows(host, file, threshold=Decimal(0))
        assert {symbol: str(row.why) for symbol, row in planned.items()} == {
            "SOLUSDT": "Below Floor",
            "ETHUSDT": "Below Floor",
            "BTCUSDT": "",
        }
        assert [row.size for row in planned.values() if row.why] == [0, 0]


def test_what_differs_by_less_than_the_threshold_is_dust(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        desk = PortfolioDesk(host)
        desk.apply(desk.prepare(winners(tmp_path / "p.json", {"BTCUSDT": 0.5, "ETHUSDT": 0.009})))
        assert sizes(host) == {"BTCUSDT": "0.098"}
        planned = rows(host, winners(tmp_path / "q.json", {"BTCUSDT": 0.49, "ETHUSDT": 0.011}))
        assert (planned["BTCUSDT"].action, planned["ETHUSDT"].action) == ("REDUCE", "INCREASE")
        planned = rows(host, winners(tmp_path / "q.json", {"BTCUSDT": 0.495}))
        assert (planned["BTCUSDT"].action, str(planned["BTCUSDT"].why)) == ("HOLD", "Dust")


def test_a_leftover_without_a_target_is_closed_as_dust_only_where_that_is_asked_for(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        desk = PortfolioDesk(host)
        file = winners(tmp_path / "p.json", {"BTCUSDT": 0.5, "ETHUSDT": 0.009})
        desk.apply(desk.prepare(file, PlanSettings(threshold=Decimal(0))))
        left_out = winners(tmp_path / "q.json", {"BTCUSDT": 0.5})
        assert str(rows(host, left_out)["ETHUSDT"].why) == "Dust"
        assert rows(host, left_out, close_dust=True)["ETHUSDT"].action == "REDUCE"


def test_orders_are_cut_to_what_limits_let_through(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        limits = {"max_order_notional": "1200", "max_order_size": "0.05"}
        host.control(ControlUpdate(limits=limits, updated_by="ops"))
        desk = PortfolioDesk(host)
        prepared = desk.prepare(winners(tmp_path / "p.json", {"BTCUSDT": 0.5}))
        # 1200 / 50000 = 0.024: 0.098 are five orders of at most that.
        assert (prepared.stored.plan.rows[0].cap, prepared.stored.plan.rows[0].orders) == (
            Decimal("0.024"),
            5,
        )
        assert desk.apply(prepared).state == "DONE"
        sent = [order.intended_size for order in host.kernel(None).orders()]
        assert sum(sent) == Decimal("0.098")
        assert max(sent) <= Decimal("0.024")
        assert len(sent) == 5


@settings(deadline=None)
@given(
    lots=st.integers(1, 10_000), most=st.integers(1, 500), step=st.sampled_from(["0.001", "0.5", "1", "10"])
)
def test_parts_sum_up_and_none_is_larger_than_let_through(lots: int, most: int, step: str) -> None:
    lot = Decimal(step)
    parts = slices(lots * lot, most * lot + lot / 3, lot)
    assert sum(parts) == lots * lot
    assert max(parts) <= most * lot
    assert max(parts) - min(parts) <= lot
    assert len(parts) == -(-lots // most)


def test_a_lot_that_is_too_large_for_a_limit_makes_no_parts() -> None:
    assert slices(Decimal(3), Decimal("0.5"), Decimal(1)) == []


def test_an_account_without_a_price_or_a_slot_is_refused(tmp_path: Path) -> None:
    with (
        Host(config(), directory=Directory(tmp_path / "h")) as host,
        pytest.raises(PortfolioRefused, match="NO_MARK: mark of BTCUSDT"),
    ):
        PortfolioDesk(host).prepare(winners(tmp_path / "p.json", {"BTCUSDT": 0.5}))
    with (
        host_in(tmp_path / "i", max_slots="1") as host,
        pytest.raises(PortfolioRefused, match="TOO_FEW_SLOTS: max_slots: 1 are too few"),
    ):
        PortfolioDesk(host).prepare(winners(tmp_path / "p.json", {"BTCUSDT": 0.5, "ETHUSDT": 0.2}))


def test_positions_of_others_count_and_are_not_touched(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        other = host.client("other", "main", slots=2)
        other.enter("BTCUSDT", "LONG", "0.06")
        other.enter("ETHUSDT", "LONG", "1")
        planned = rows(host, winners(tmp_path / "p.json", {"BTCUSDT": 0.5}))
        assert list(planned) == ["BTCUSDT"], "what the file does not name and others hold is theirs"
        assert (planned["BTCUSDT"].increase, planned["BTCUSDT"].actual) == (
            Decimal("0.037"),
            Decimal("0.060"),
        )
        planned = rows(host, winners(tmp_path / "p.json", {"BTCUSDT": 0.1}))
        assert (planned["BTCUSDT"].size, str(planned["BTCUSDT"].why)) == (0, "Not Ours")


def test_working_orders_count_as_actual(tmp_path: Path) -> None:
    with host_in(tmp_path / "h") as host:
        other = host.client("other", "main")
        other.enter("BTCUSDT", "LONG", "0.098", order_type="LIMIT", limit_price="40000")
        row = rows(host, winners(tmp_path / "p.json", {"BTCUSDT": 0.5}))["BTCUSDT"]
        assert (row.actual, str(row.why)) == (Decimal("0.098"), "On Target")
