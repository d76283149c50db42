"""Bots that share an account: budgets, transfers, rows that add up: live, restarted and from the log."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dita import ExecutionKernel, KernelOutcome, SimulatedVenue
from dita._kernel import Replay
from kernels import CANCEL, CONFIG, ENTER, EXIT, LONG, SHORT, SYMBOL, intent, opened

BOTS = ("a", "b", "c")
HALF_UNIT = Fraction(1, 2 * 10**8)
DAY_NS = 86_400_000_000_000


def give(kernel: ExecutionKernel, name: str, capital: str) -> KernelOutcome:
    return kernel.transfer_capital(None, name, capital, transfer_id=f"capital:{name}", by="test", opens=True)


def rows(kernel: Any) -> dict[str, dict[str, Any]]:
    return {row["bot"]: row for row in kernel.bots()}


def test_a_refusal_says_which_bot_what_it_has_and_what_to_do() -> None:
    kernel = opened()
    assert kernel.bots() == []
    assert give(kernel, "a", "150").accepted
    outcome = kernel.process_intent(intent(ENTER, "i1", target_size="1000", owner="a"))
    assert (outcome.accepted, outcome.diagnostic_code, outcome.severity) == (False, "BUDGET", "WARNING")
    details = outcome.details
    assert (details["bot"], details["asset"], details["budget"], details["in_use"]) == ("a", "USDT", 150, 0)
    assert details["needed"] > 150
    assert "transfer capital to a" in details["reason"]


def test_an_opposite_bot_is_named() -> None:
    kernel = opened()
    give(kernel, "a", "1000")
    give(kernel, "b", "1000")
    assert kernel.process_intent(intent(ENTER, "i1", owner="a", target_size="0.001")).accepted
    refused = kernel.process_intent(
        intent(ENTER, "i2", owner="b", side=SHORT, slot_id=1, trade_id="t2", target_size="0.001")
    )
    assert (refused.diagnostic_code, refused.details["held_owner"]) == ("OPPOSITE_SIDE", "a")


def test_a_transfer_is_taken_once_and_an_account_without_bots_shows_none() -> None:
    kernel = opened()
    assert "bots" not in kernel.snapshot()["account"]
    give(kernel, "a", "150")
    give(kernel, "b", "50")
    for code in ("OK", "DUPLICATE_INTENT"):
        moved = kernel.transfer_capital("a", "b", "25.5", transfer_id="t", by="test")
        assert (moved.accepted, moved.diagnostic_code) == (True, code)
    assert [rows(kernel)[name]["capital"] for name in ("a", "b")] == [Decimal("124.5"), Decimal("75.5")]
    shown = kernel.snapshot()["account"]["bots"]
    assert [row["kind"] for row in shown] == ["bot", "bot", "unassigned", "between"]
    assert not kernel.transfer_capital("a", "b", "1000", transfer_id="u", by="test").accepted


LIMITS = ("max_slots", "max_order_notional", "max_notional")


def limited(kernel: ExecutionKernel, name: str, **limits: Any) -> KernelOutcome:
    return kernel.set_bot_limits(name, by="test", **limits)


@pytest.mark.parametrize(
    ("limits", "reported"),
    [
        ({"max_slots": 2}, None),
        ({"max_slots": 1}, ("max_slots", "1", "2")),
        ({"max_order_notional": "50"}, None),
        ({"max_order_notional": "49.9"}, ("max_order_notional", "49.9", "50")),
        ({"max_notional": Decimal(100)}, None),
        ({"max_notional": "99.99"}, ("max_notional", "99.99", "100")),
        ({"max_slots": 0, "max_order_notional": 0, "max_notional": 0}, ("max_slots", "0", "2")),
    ],
)
def test_an_entry_over_a_limit_of_its_bot_is_refused_and_a_cancel_is_not(
    limits: dict[str, Any], reported: tuple[str, str, str] | None
) -> None:
    kernel = opened()
    kernel.mark_price(SYMBOL, "50000")
    assert give(kernel, "a", "1000").accepted
    entry = {"order_type": "LIMIT", "limit_price": "50000", "target_size": "0.001", "owner": "a"}
    assert kernel.process_intent(intent(ENTER, "i1", **entry)).accepted
    assert limited(kernel, "a", **limits).accepted
    second = kernel.process_intent(intent(ENTER, "i2", slot_id=1, trade_id="t2", **entry))
    if reported is None:
        assert second.accepted, second
    else:
        assert (second.accepted, second.diagnostic_code, second.severity) == (
            False,
            "RISK_BLOCKED",
            "WARNING",
        )
        assert second.details == dict(
            zip(("bot", "limit", "value", "attempt"), ("a", *reported), strict=True)
        )
    assert kernel.process_intent(intent(CANCEL, "i3")).accepted


def test_limits_replace_those_before_and_are_shown() -> None:
    kernel = opened()
    give(kernel, "a", "1000")
    assert [rows(kernel)["a"][name] for name in LIMITS] == [None, None, None]
    assert limited(kernel, "a", max_slots=3, max_notional="250.5").diagnostic_code == "OK"
    assert limited(kernel, "a", max_slots=3, max_notional="250.5").diagnostic_code == "DUPLICATE_INTENT"
    row = rows(kernel)["a"]
    assert [row[name] for name in (*LIMITS, "notional")] == [3, None, Decimal("250.5"), 0]
    shown = kernel.snapshot()["account"]["bots"]
    assert [row.get("max_slots", "no key") for row in shown] == [3, "no key", "no key"]
    assert limited(kernel, "a").diagnostic_code == "OK"
    assert [rows(kernel)["a"][name] for name in LIMITS] == [None, None, None]


@pytest.mark.parametrize(
    ("name", "limits", "field"),
    [
        ("z", {"max_slots": 1}, "bot"),
        ("a", {"max_slots": 1, "asset": "EUR"}, "asset"),
        ("a", {"max_order_notional": "-1"}, "max_order_notional"),
        ("a", {"max_notional": "-0.1"}, "max_notional"),
    ],
)
def test_limits_that_mean_nothing_are_refused_by_field(name: str, limits: dict[str, Any], field: str) -> None:
    kernel = opened()
    give(kernel, "a", "1000")
    outcome = limited(kernel, name, **limits)
    assert (outcome.accepted, outcome.diagnostic_code) == (False, "INVALID_INTENT")
    assert outcome.details["field"] == field
    assert [rows(kernel)["a"][limit] for limit in LIMITS] == [None, None, None]


@pytest.mark.parametrize(("value", "error"), [(-1, ValueError), (True, TypeError), ("2", TypeError)])
def test_a_count_that_is_none_raises_by_field(value: Any, error: type[Exception]) -> None:
    kernel = opened()
    give(kernel, "a", "1000")
    with pytest.raises(error, match="max_slots"):
        limited(kernel, "a", max_slots=value)


# ------------------------------------------------------------------------------------------------- property


class Account:
    """A paper account of three bots on its log, and what it must come to by an account of the test's own."""

    def __init__(self, log_dir: Path) -> None:
        self.log_dir = log_dir
        self.capital = dict.fromkeys(BOTS, Fraction(2_000))
        self.realized = dict.fromkeys(BOTS, Fraction())
        self.fees = dict.fromkeys(BOTS, Fraction())
        self.held: dict[int, tuple[Fraction, Fraction]] = {}
        self.limits: dict[str, dict[str, Any]] = {name: dict.fromkeys(LIMITS) for name in BOTS}
        self.fills, self.number, self.time_ns, self.price = 0, 0, DAY_NS, Decimal(50_000)
        self.open()
        for name in BOTS:
            assert give(self.kernel, name, "2000").accepted

    def open(self) -> None:
        self.venue = SimulatedVenue(balances={"USDT": "10000"})
        self.kernel = ExecutionKernel(venue=self.venue, log_dir=self.log_dir, max_slots=6)
        rules = {**CONFIG["instruments"][SYMBOL], "opposite_slots": "net"}
        self.kernel.set_exchange_config({**CONFIG, "instruments": {SYMBOL: rules}})
        self.kernel.set_seed_capital("10000")
        self.quote(Decimal(0))

    def quote(self, change: Decimal) -> None:
        self.price += change
        self.time_ns += 1_000_000_000
        self.venue.on_quote(
            SYMBOL, self.price, 1_000_000, self.price + Decimal("0.1"), 1_000_000, self.time_ns
        )

    def send(self, action: Any, slot: int, **values: Any) -> None:
        self.number += 1
        view = self.kernel.slot(slot)
        trade_id = f"t{self.number}" if action is ENTER else view.trade_id
        given = {"side": view.side} | values if action is EXIT else values
        made = intent(action, f"i{self.number}", slot_id=slot, trade_id=trade_id, limit_price=None, **given)
        outcome = self.kernel.process_intent(made)
        owner = self.kernel.slot(slot).owner
        if outcome.accepted and action is ENTER:
            self.held[slot] = (Fraction(), Fraction())
        for event in outcome.emitted_events:
            if event.size and event.price and event.venue_trade_id:
                self.fill(slot, owner, event)
        row = rows(self.kernel).get(values.get("owner", ""))
        if outcome.accepted and row is not None and not outcome.emitted_events:
            assert row["margin"] <= row["budget"], row
            for limit, used in (("max_slots", "slots"), ("max_notional", "notional")):
                assert row[limit] is None or row[used] <= row[limit], row
        if not outcome.accepted and outcome.details.get("bot") and "limit" in outcome.details:
            reported = outcome.details
            assert action is ENTER
            assert (
                Decimal(reported["attempt"])
                > Decimal(reported["value"])
                == self.limits[reported["bot"]][reported["limit"]]
            )

    def fill(self, slot: int, owner: str, event: Any) -> None:
        """Book a fill as a person would: at the slot's own average cost."""
        size, price = Fraction(event.size), Fraction(event.price)
        signed = size if event.order_side == "BUY" else -size
        qty, cost = self.held[slot]
        if qty * signed >= 0:
            self.held[slot] = (qty + signed, cost + signed * price)
        else:
            part = cost * -signed / qty
            self.realized[owner] += -signed * price - part
            self.held[slot] = (qty + signed, cost - part)
        self.fees[owner] += Fraction(event.fee)
        self.fills += 1

    def check(self, shown: Any) -> None:
        found = rows(shown)
        k = (shown.account("USDT") if isinstance(shown, Replay) else shown.snapshot()["account"])["k_capital"]
        assert sum(row["wallet"] for row in found.values()) == k
        for name in BOTS:
            assert Fraction(found[name]["capital"]) == self.capital[name], name
            assert Fraction(found[name]["fees"]) == self.fees[name], name
            assert {limit: found[name][limit] for limit in LIMITS} == self.limits[name]
            apart = abs(Fraction(found[name]["realized_pnl"]) - self.realized[name])
            assert apart <= self.fills * HALF_UNIT, (name, found[name], self.realized[name])
        nobody = found["unassigned"]
        assert Fraction(nobody["capital"]) == 10_000 - sum(self.capital.values())
        assert [nobody[name] for name in ("realized_pnl", "fees", "funding", "open_pnl")] == [0, 0, 0, 0]


MOVES = st.one_of(
    st.tuples(st.just("enter"), st.integers(0, 5), st.sampled_from(BOTS), st.booleans(), st.integers(1, 60)),
    st.tuples(st.just("exit"), st.integers(0, 5), st.integers(1, 60)),
    st.tuples(st.just("quote"), st.integers(-900, 900)),
    st.tuples(st.just("give"), st.sampled_from(BOTS), st.sampled_from(BOTS), st.integers(1, 150_000)),
    st.tuples(
        st.just("limit"),
        st.sampled_from(BOTS),
        st.tuples(
            st.none() | st.integers(0, 4),
            st.none() | st.integers(0, 3_000),
            st.none() | st.integers(0, 6_000),
        ),
    ),
    st.tuples(st.just("restart")),
)


def play(account: Account, move: tuple[Any, ...]) -> None:
    match move:
        case ("enter", slot, owner, short, lots):
            side = SHORT if short else LONG
            account.send(ENTER, slot, owner=owner, side=side, target_size=Decimal(lots) / 1000)
        case ("exit", slot, lots):
            account.send(EXIT, slot, target_size=Decimal(lots) / 1000)
        case ("quote", change):
            account.quote(Decimal(change))
        case ("give", giver, taker, cents):
            account.number += 1
            amount = Decimal(cents) / 100
            moved = account.kernel.transfer_capital(
                giver, taker, amount, transfer_id=f"m{account.number}", by="test"
            )
            if moved.accepted:
                account.capital[giver] -= Fraction(amount)
                account.capital[taker] += Fraction(amount)
        case ("limit", name, values):
            given = dict(zip(LIMITS, values, strict=True))
            assert limited(account.kernel, name, **given).accepted
            account.limits[name] = given
        case ("restart",):
            account.kernel.close()
            account.open()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(moves=st.lists(MOVES, min_size=1, max_size=25))
def test_rows_add_up_at_every_step_after_restarts_and_from_the_log(moves: list[tuple[Any, ...]]) -> None:
    with TemporaryDirectory() as folder:
        account = Account(Path(folder) / "log")
        try:
            for move in moves:
                play(account, move)
                account.check(account.kernel)
        finally:
            account.kernel.close()
        replay = Replay(account.log_dir)
        replay.run()
        account.check(replay)


def test_bots_of_another_asset_are_refused_by_name() -> None:
    kernel = opened()
    outcome = kernel.transfer_capital(None, "a", "1", asset="EUR", transfer_id="t", by="test", opens=True)
    assert (outcome.diagnostic_code, outcome.details["field"]) == ("INVALID_INTENT", "asset")
    with pytest.raises(ValueError, match="amount"):
        kernel.transfer_capital(None, "a", "much", transfer_id="t", by="test", opens=True)
