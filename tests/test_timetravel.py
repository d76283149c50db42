"""Any moment of a log can be looked at, a trade's story told, and what would have been computed."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dita import (
    BaseExecutionAdapter,
    InvalidInput,
    InvalidType,
    KernelDiagnosticCode,
    KernelError,
    VenueEvent,
    VenueOrder,
    timetravel,
)
from dita.errors import LogCorrupt, LogDisk, NotSent
from dita.timetravel import Moment, moment
from dita.timetravel.story import CODES, story_lines
from kernels import ENTER, EXIT, SYMBOL
from logged import BEGIN_NS, SECOND_NS, Desk, busy, flipped


@pytest.fixture(name="desk")
def _desk(tmp_path: Path) -> Iterator[Desk]:
    desk = busy(tmp_path / "log")
    desk.kernel.sync()
    yield desk
    desk.kernel.close()


def live(desk: Desk) -> dict[str, Any]:
    """The live kernel's state, in the words of `replay`."""
    kernel = desk.kernel
    return {
        "slots": [kernel.slot(slot_id).to_dict() for slot_id in range(3)],
        "account": kernel.account.state(),
        "positions": kernel.positions(),
        "state_hash": kernel.state_hash(),
    }


def test_the_end_of_the_log_is_what_the_live_kernel_shows(desk: Desk) -> None:
    state = timetravel.replay(desk.log_dir)
    now = live(desk)
    assert state["state_hash"] == now["state_hash"]
    assert state["slots"] == now["slots"]
    assert state["positions"] == now["positions"]
    (account,) = (account for account in state["accounts"] if account["asset"] == "USDT")
    assert account == now["account"]
    assert [order["internal_trade_id"] for order in state["orders"]] == ["resting"]
    assert state["differences_all"] == 0


def test_a_moment_shows_what_stood_then(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log")
    desk.quote("100.0", "100.1")
    desk.trade(1, "2", "101.0")
    seen = live(desk), desk.kernel.seq, desk.now_ns
    desk.quote("105", "105.1")
    desk.trade(2, "1", "99.0")
    desk.kernel.close()
    state, seq, time_ns = seen
    text = datetime.fromtimestamp(time_ns // SECOND_NS, UTC).isoformat()
    for until in (seq, str(seq), Moment(seq=seq), Moment(time_ns=time_ns), text):
        then = timetravel.replay(desk.log_dir, until)
        assert (then["seq"], then["state_hash"]) == (seq, state["state_hash"]), until
        assert then["slots"] == [slot for slot in state["slots"] if slot["trade_id"]]
    assert timetravel.replay(desk.log_dir, 0)["time_ns"] is None
    assert timetravel.replay(desk.log_dir, 10**9)["seq"] > seq


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (None, Moment()),
        (7, Moment(seq=7)),
        ("7", Moment(seq=7)),
        ("2023-11-14T22:13:20Z", Moment(time_ns=BEGIN_NS)),
        ("2023-11-14 22:13:20", Moment(time_ns=BEGIN_NS)),
        ("2023-11-14T23:13:20+01:00", Moment(time_ns=BEGIN_NS)),
        ("2023-11-14T22:13:20.000000001Z", Moment(time_ns=BEGIN_NS + 1)),
        ("2023-11-14T22:13:20.25", Moment(time_ns=BEGIN_NS + 250_000_000)),
        ("1969-12-31T23:59:59.5Z", Moment(time_ns=-500_000_000)),
    ],
)
def test_a_moment_is_a_number_or_a_time(until: int | str | None, expected: Moment) -> None:
    assert moment(until) == expected


@pytest.mark.parametrize("until", ["yesterday", "", "-3", "2023-13-01", "12:00", str(1 << 64)])
def test_what_is_no_moment_is_named(until: str) -> None:
    with pytest.raises(InvalidInput, match="until") as caught:
        moment(until)
    assert caught.value.field == "until"


@pytest.mark.parametrize("until", [True, 1.5])
def test_a_moment_of_another_type_is_named(until: Any) -> None:
    with pytest.raises(InvalidType, match="until"):
        moment(until)


def test_the_steps_are_the_log_in_its_order(desk: Desk) -> None:
    steps = list(timetravel.Replay(desk.log_dir, from_start=True))
    assert [step["seq"] for step in steps] == list(range(1, desk.kernel.seq + 1))
    assert {step["type"] for step in steps} >= {
        "INSTRUMENT",
        "SEED",
        "CONTROL",
        "INTENT",
        "VENUE_EVENT",
        "MARK",
    }
    assert all(step["accepted"] == step["accepted_then"] for step in steps)
    booked = sum((timetravel.change_of_k(row) for step in steps for row in step["ledger"]), Decimal(0))
    assert booked == desk.k()
    refused = [step for step in steps if not step["accepted"]]
    assert [(step["code"], step["details"]["limit"]) for step in refused] == [
        ("RISK_BLOCKED", "max_order_notional")
    ]


def test_a_trades_story_has_each_step_and_its_sums(desk: Desk) -> None:
    story = timetravel.explain(desk.log_dir, "t1")
    reported = [
        (step["type"], str(step["input"].get("kind", step["input"].get("action")))) for step in story["steps"]
    ]
    leg = [("VENUE_EVENT", "ORDER_ACK"), ("VENUE_EVENT", "FULL_FILL")]
    assert reported == [("INTENT", "ENTER"), *leg, ("INTENT", "EXIT"), *leg]
    (sums,) = story["sums"]
    notional = sum(value for trade_id, value, _ in desk.fills if trade_id == "t1")
    profit = Decimal("2.5") * (Decimal("101.3") - Decimal("99.5"))
    assert sums["causes"] == {"FEE": -notional * Decimal("0.0005"), "REALIZED_PNL": profit}
    assert sums["k_change"] == profit - notional * Decimal("0.0005")
    figures = story["figures"]
    assert (figures["stage"], figures["close_reason"]) == ("CLOSED", "TARGET")
    assert figures["realized_pnl"] - figures["fees_paid"] == sums["k_change"]


def test_a_trades_funding_is_its_part_of_what_was_booked(desk: Desk) -> None:
    desk.kernel.on_account_event(
        {"kind": "FUNDING_FEE", "timestamp": desk.now_ns, "asset": "USDT", "symbol": "BTCUSDT",
         "amount": "-0.75", "venue_txn_id": "F1"}
    )  # fmt: skip
    desk.kernel.sync()
    story = timetravel.explain(desk.log_dir, "held")
    (sums,) = story["sums"]
    assert sums["causes"]["FUNDING"] == Decimal("-0.75") == story["figures"]["funding_net"]
    assert "this trade's part of the funding: -0.75" in "\n".join(story_lines(story))
    (other,) = timetravel.explain(desk.log_dir, "t1")["sums"]
    assert "FUNDING" not in other["causes"]


def test_a_refusals_story_says_why(desk: Desk) -> None:
    story = timetravel.explain(desk.log_dir, "refused")
    assert (story["figures"], story["sums"]) == (None, [])
    text = "\n".join(story_lines(story))
    assert "REFUSED, RISK_BLOCKED: a risk limit: max_order_notional allows 5000, this is 20260" in text


def test_an_unknown_trade_is_said_with_those_that_are_known(desk: Desk) -> None:
    with pytest.raises(timetravel.UnknownTrade, match=r"'t99'.*held, resting"):
        timetravel.explain(desk.log_dir, "t99")


def test_every_code_has_words() -> None:
    assert set(CODES) == {code.value for code in KernelDiagnosticCode}


def test_drift_says_which_input_parted_k_from_e(desk: Desk) -> None:
    agreed = timetravel.explain_drift(desk.log_dir)
    (usdt,) = (asset for asset in agreed["assets"] if asset["asset"] == "USDT")
    assert (usdt["delta"], usdt["parted"], usdt["parts"]) == (Decimal(0), None, [])
    balance = desk.k() - Decimal("4.2")
    desk.quote("100", "100.1")
    desk.kernel.on_account_event(
        {"kind": "ACCOUNT_UPDATE", "timestamp": desk.now_ns, "asset": "USDT", "wallet_balance": str(balance)}
    )
    parted_seq = desk.kernel.seq
    desk.quote("100", "100.1")
    desk.ask(EXIT, "held", 1)
    desk.kernel.sync()
    found = timetravel.explain_drift(desk.log_dir, parted_seq)
    (usdt,) = (asset for asset in found["assets"] if asset["asset"] == "USDT")
    assert (usdt["k"] - usdt["e"], usdt["delta"]) == (Decimal("4.2"), Decimal("-4.2"))
    assert usdt["parted"]["seq"] == parted_seq
    assert usdt["parted"]["input"]["kind"] == "ACCOUNT_UPDATE"
    proven = [part for part in usdt["parts"] if part["proof"] == "PROVEN"]
    assert [(part["cause"], part["amount"]) for part in proven] == [("UNEXPLAINED", Decimal("-4.2"))]
    assert proven[0]["arose"]["seq"] == parted_seq


def test_a_log_is_verified_beside_the_kernel_that_writes_it(desk: Desk) -> None:
    found = timetravel.verify(desk.log_dir, replay=True)
    assert (found["good"], found["damage"]) == (True, None)
    assert (found["records"], found["first_seq"], found["last_seq"]) == (desk.kernel.seq, 1, desk.kernel.seq)
    assert found["replay"]["state_hash"] == desk.kernel.state_hash()


def test_a_flipped_bit_is_found_and_placed(desk: Desk, tmp_path: Path) -> None:
    desk.kernel.close()
    list(flipped(desk.log_dir, tmp_path / "bad", at=1_000))
    found = timetravel.verify(tmp_path / "bad")
    assert found["good"] is False
    damage = found["damage"]
    assert damage["file"].endswith("00000000000000000001.seg")
    assert 0 < damage["offset"] <= 1_000
    assert damage["seq"] > 1
    assert damage["reason"]
    with pytest.raises(LogCorrupt, match=f"seq {damage['seq']}"):
        timetravel.stats(tmp_path / "bad")


def test_stats_count_everything(desk: Desk) -> None:
    found = timetravel.stats(desk.log_dir)
    types = {row["type"]: row for row in found["types"]}
    assert sum(row["records"] for row in types.values()) == found["records"] == desk.kernel.seq
    assert (types["INTENT"]["records"], types["INTENT"]["refused"]) == (desk.intents, 1)
    assert [row["epoch"] for row in found["epochs"]] == [1]
    assert found["largest"] == sorted(found["largest"], key=lambda row: -row["bytes"])


def test_a_progress_that_raises_ends_the_work(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log", {"log_policy": "off"})
    desk.quote("100.0", "100.1")
    for price in range(70_000):
        desk.kernel.mark_price("BTCUSDT", str(100 + price % 3), desk.now_ns)
        desk.kernel.advance_time(desk.now_ns)  # reads the mark
    desk.kernel.sync()
    received = []

    def listen(seq: int, done: int, whole: int) -> None:
        received.append((seq, done, whole))
        raise InterruptedError("enough")

    for work in (timetravel.replay, timetravel.explain_drift, timetravel.stats, timetravel.what_if):
        with pytest.raises(InterruptedError, match="enough"):
            work(desk.log_dir, progress=listen)
    assert len(received) == 4
    assert all(0 < done <= whole for _, done, whole in received)
    desk.kernel.close()


def test_nothing_that_reads_a_log_writes_to_it(desk: Desk, tmp_path: Path) -> None:
    desk.kernel.close()
    copy = tmp_path / "copy"
    shutil.copytree(desk.log_dir, copy)
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in copy.iterdir()}
    timetravel.replay(copy)
    timetravel.explain(copy, "t1")
    timetravel.explain_drift(copy)
    timetravel.verify(copy, replay=True)
    timetravel.stats(copy)
    timetravel.what_if(copy, taker_rate="0.0004")
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in copy.iterdir()} == before


@pytest.mark.parametrize("work", [timetravel.replay, timetravel.verify, timetravel.stats, timetravel.what_if])
def test_where_there_is_no_log_it_is_said(work: Any, tmp_path: Path) -> None:
    with pytest.raises(LogDisk, match="cannot find a log"):
        work(tmp_path)


# ---------------------------------------------------------------------------------------------- what if


def test_with_nothing_changed_k_is_the_live_one_to_the_unit(desk: Desk) -> None:
    found = timetravel.what_if(desk.log_dir)
    (usdt,) = (asset for asset in found["assets"] if asset["asset"] == "USDT")
    assert usdt["k"] == {"then": desk.k(), "now": desk.k(), "difference": Decimal(0)}
    assert found["state_hash_then"] == found["state_hash_now"] == desk.kernel.state_hash()
    assert found["trades"] == []


def test_a_basis_point_on_the_taker_rate_is_a_basis_point_of_what_was_taken(desk: Desk) -> None:
    taken = [value for _, value, liquidity in desk.fills if liquidity == "TAKER"]
    assert len(taken) == 13
    found = timetravel.what_if(desk.log_dir, taker_rate="0.0004")
    (usdt,) = (asset for asset in found["assets"] if asset["asset"] == "USDT")
    assert usdt["k"]["difference"] == sum(taken) * Decimal("0.0001")
    assert usdt["k"]["then"] == desk.k()
    by_trade = {trade["trade_id"]: trade["k"]["difference"] for trade in found["trades"]}
    for trade_id, difference in by_trade.items():
        own = sum(value for trade, value, _ in desk.fills if trade == trade_id)
        assert difference == own * Decimal("0.0001")
    assert sum(by_trade.values()) == usdt["k"]["difference"]


class Reporting(BaseExecutionAdapter):
    """Fills at `mark`; each report has its fee, and a profit of a cent less than the exact one."""

    mark = Decimal(100)
    cost = Decimal(0)

    def submit(self, order: VenueOrder) -> list[VenueEvent]:
        profit = Decimal(0) if order.order_side == "BUY" else self.mark - self.cost - Decimal("0.01")
        self.cost = self.mark
        return [
            VenueEvent(
                0, kind="FULL_FILL", venue_client_id=order.venue_client_id, venue_order_id=f"V{self.mark}",
                venue_trade_id=f"T{self.mark}", price=self.mark, size=order.intended_size,
                filled_size=order.intended_size, fee=self.mark * Decimal("0.0005"), fee_asset="USDT",
                liquidity="TAKER", realized_pnl=profit,
            )
        ]  # fmt: skip

    def cancel(self, order: VenueOrder, reason: str) -> list[VenueEvent]:
        raise NotSent(f"{order.venue_client_id}: {reason}")


@pytest.mark.parametrize(
    ("changes", "profit_now", "fees_now"),
    [
        ({},                       "2.99", "0.1015"),
        ({"taker_rate": "0.0006"}, "2.99", "0.1218"),
        # In at 101 and out at 102: the profit goes with the prices, and the venue's cent with the profit.
        ({"latency_ms": 1_000},    "0.99", "0.1015"),
    ],
)  # fmt: skip
def test_the_profit_in_a_report_is_settled_as_the_fill_now_is(
    tmp_path: Path, changes: dict[str, Any], profit_now: str, fees_now: str
) -> None:
    venue: Any = Reporting()
    desk = Desk(tmp_path / "log", venue=venue)
    for action, mark in ((ENTER, "100"), (None, "101"), (EXIT, "103"), (None, "102")):
        venue.mark = Decimal(mark)
        desk.now_ns += SECOND_NS
        desk.kernel.advance_time(desk.now_ns)
        desk.kernel.mark_price(SYMBOL, mark, desk.now_ns)
        if action is not None:
            sized = {"target_size": "1", "reference_price": mark} if action == ENTER else {}
            assert desk.ask(action, "t1", **sized).accepted
    desk.kernel.close()
    found = timetravel.what_if(tmp_path / "log", **changes)
    (usdt,) = (asset for asset in found["assets"] if asset["asset"] == "USDT")
    assert (usdt["realized_pnl"]["then"], usdt["fees_paid"]["then"]) == (Decimal("2.99"), Decimal("0.1015"))
    assert (usdt["realized_pnl"]["now"], usdt["fees_paid"]["now"]) == (Decimal(profit_now), Decimal(fees_now))
    assert usdt["k"]["now"] == 10_000 + Decimal(profit_now) - Decimal(fees_now)


def test_limits_take_their_trades_out_whole(desk: Desk) -> None:
    story = timetravel.explain(desk.log_dir, "held")
    assert story["sums"][0]["k_change"] < 0
    found = timetravel.what_if(desk.log_dir, limits={"max_order_notional": "290"})
    (usdt,) = (asset for asset in found["assets"] if asset["asset"] == "USDT")
    assert usdt["k"]["difference"] == -story["sums"][0]["k_change"]
    assert [(row["trade_id"], row["code"]) for row in found["refused"]] == [("held", "RISK_BLOCKED")]
    assert found["counts"]["dropped"] == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"taker_rate": "2"}, "taker_rate"),
        ({"maker_rate": "lots"}, "maker_rate"),
        ({"limits": {"max_order_notional": "-1"}}, "max_order_notional"),
        ({"limits": {"max_fun": "1"}}, "max_fun"),
        ({"latency_ms": "-1"}, "latency_ms"),
        ({"latency_ms": "soon"}, "latency_ms"),
        ({"latency_ms": "0.0000001"}, "latency_ms"),
    ],
)
def test_a_change_that_cannot_be_is_named(desk: Desk, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(KernelError, match=field):
        timetravel.what_if(desk.log_dir, **changes)


def test_a_later_fill_pays_what_the_mark_moved(desk: Desk) -> None:
    marks = [Decimal(text) for text in ("100.0", "99.4", "101.3", "99.4", "101.3", "99.4", "101.3")]
    moves = [after - before for before, after in pairwise(marks)]
    # Each entry comes at a mark and fills at the next one; so does each exit but the last: none follows it.
    entries, exits = moves, moves[1:]
    size = Decimal("2.5")
    profit = size * (sum(exits) - sum(entries))
    fees = size * (sum(exits) + sum(entries)) * Decimal("0.0005")
    found = timetravel.what_if(desk.log_dir, latency_ms=1_000)
    (usdt,) = (asset for asset in found["assets"] if asset["asset"] == "USDT")
    assert usdt["realized_pnl"]["difference"] == profit
    assert usdt["fees_paid"]["difference"] == fees
    assert usdt["k"]["difference"] == profit - fees
    assert (found["counts"]["repriced"], found["counts"]["without_mark"]) == (11, 2)
