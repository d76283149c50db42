"""Plain trading, then the twenty sequences that broke real systems, in the specification's order and words.

Each is played from the first order to a flat account. A scene says what the venue does wrong (its trouble),
and what has to be true all the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from dita.certify import plain
from dita.certify.bench import Bench, Unmet
from dita.certify.rig import NotOffered, VenueFault

_ZERO: Final = Decimal(0)
_INTERVAL_SECS: Final = 28_800
_FUNDING_RATE: Final = Decimal("0.0001")
_SECOND_NS: Final = 1_000_000_000
_HOUR_NS: Final = 3_600 * _SECOND_NS


@dataclass(frozen=True, slots=True)
class Scene:
    """One way in which a sequence happens.

    Attributes:
        trouble: What the venue does wrong.
        play: Plays it, and demands what has to be true.
        is_killed: Whether the kernel is killed in it.
        name: What tells it from another scene with this trouble; empty where there is none.
    """

    trouble: VenueFault
    play: Callable[[Bench], None]
    is_killed: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Plain trading, or one of the twenty.

    Attributes:
        number: 0 for plain trading; 1 to 20.
        name: What happens.
        scenes: The ways in which it happens: each has to end well.
    """

    number: int
    name: str
    scenes: tuple[Scene, ...]


# ------------------------------------------------------------------------------- one order and its answers


def _an_answer_of_before(bench: Bench) -> None:
    order = bench.rest()
    bench.settle()
    bench.fill(order, bench.rig.size)
    bench.settle()
    bench.demand_played()
    bench.demand_order(order, "FILLED", bench.rig.size)
    bench.demand_stage("POSITION_OPEN", bench.rig.size)


def _a_fill_before_the_ack(bench: Bench) -> None:
    order = bench.enter()
    bench.settle()
    bench.demand_played()
    bench.demand_order(order, "FILLED", bench.rig.size)
    bench.demand_stage("POSITION_OPEN", bench.rig.size)


def _a_cancel_that_came_too_late(bench: Bench) -> None:
    order = bench.rest()
    bench.settle()
    bench.cancel()
    bench.demand("requests outstanding before the venue answers", ("CANCEL",), bench.order(order).requests)
    bench.fill(order, bench.rig.size)
    bench.settle()
    bench.demand_played()
    bench.demand("times that the slot was closed", 0, bench.stages().count("CLOSED"))
    bench.demand_order(order, "FILLED", bench.rig.size)
    bench.demand_stage("POSITION_OPEN", bench.rig.size)


def _a_fill_after_the_cancel(bench: Bench) -> None:
    order = bench.rest()
    bench.settle()
    bench.cancel()
    bench.settle()
    bench.demand_played()
    late = bench.rig.position(bench.rig.symbol)
    bench.demand_order(order, "CANCELED", late)
    bench.demand_stage("POSITION_OPEN", late)


def _an_order_that_only_seems_canceled(bench: Bench) -> None:
    order = bench.rest()
    bench.settle()
    bench.cancel()
    bench.settle()
    bench.demand_played()
    bench.demand("the slot after the cancel", "CLOSED", str(bench.kernel.slot(0).fsm_state))
    bench.fill(order, bench.rig.lot)
    bench.settle()
    bench.demand_stage("POSITION_OPEN", bench.rig.lot)


def _an_order_that_is_not_found_yet(bench: Bench) -> None:
    order = bench.rest()
    bench.settle()
    bench.demand("whether the order was given up", False, not bench.order(order).is_live())  # noqa: FBT003 - as below
    bench.wait_for_an_answer(order)
    bench.demand("the doubt about the order", "NONE", str(bench.order(order).doubt))
    bench.demand_played()
    bench.demand_stage("ENTRY_WORKING")
    bench.heal()
    bench.fill(order, bench.rig.size)
    bench.settle()
    bench.demand_stage("POSITION_OPEN", bench.rig.size)


def _an_exit_that_is_sent_again(bench: Bench, *, killed: bool = False) -> None:
    bench.enter()
    bench.settle()
    bench.demand_stage("POSITION_OPEN", bench.rig.size)
    until = bench.kernel.now_ns + _HOUR_NS
    order = bench.leave(order_type="LIMIT", limit_price=bench.rig.resting_ask, valid_until=until)
    bench.settle()
    if killed:
        bench.restart()
        bench.settle()
    bench.wait_for_an_answer(order)
    bench.demand_played()
    bench.demand("the doubt about the order", "NONE", str(bench.order(order).doubt))
    bench.demand_stage("EXIT_WORKING", bench.rig.size)
    bench.demand("orders that the venue took", 2, bench.rig.orders_received())
    bench.heal()
    bench.fill(order, bench.rig.size)
    bench.settle()
    bench.demand_order(order, "FILLED", bench.rig.size)
    bench.demand_stage("CLOSED", _ZERO)


def _an_exit_in_doubt_at_the_crash(bench: Bench) -> None:
    _an_exit_that_is_sent_again(bench, killed=True)


def _fills_reported_again(bench: Bench) -> None:
    order = bench.rest()
    bench.settle()
    first = 3 * bench.rig.lot
    bench.fill(order, first)
    bench.settle()
    for minutes_later in (0, 40):
        bench.pass_time(minutes_later * 60)
        bench.restart()
        bench.settle()
        bench.demand_played()
        bench.demand("filled of the order", first, bench.order(order).filled_size)
        bench.demand_agreement()
    bench.fill(order, bench.rig.size - first)
    bench.settle()
    bench.demand_order(order, "FILLED", bench.rig.size)
    bench.demand_stage("POSITION_OPEN", bench.rig.size)


def _a_fill_that_is_inferred(bench: Bench) -> None:
    order = bench.enter()
    bench.settle()
    bench.demand_played()
    bench.demand_stage("POSITION_OPEN", bench.rig.size)
    bench.heal()
    bench.demand_order(order, "FILLED", bench.rig.size)
    bench.demand_stage("POSITION_OPEN", bench.rig.size)


def _one_id_on_two_fills(bench: Bench) -> None:
    bench.enter()
    bench.settle()
    bench.demand_stage("POSITION_OPEN", bench.rig.size)
    bench.leave()
    bench.settle()
    bench.demand_played()
    bench.demand_stage("CLOSED", _ZERO)


def _ids_that_two_instruments_share(bench: Bench) -> None:
    bench.enter()
    bench.settle()
    bench.enter(slot_id=1, asset=bench.rig.other_symbol)
    bench.settle()
    bench.demand_played()
    bench.demand_stage("POSITION_OPEN", bench.rig.size)
    bench.demand_stage("POSITION_OPEN", bench.rig.size, slot_id=1)
    bench.demand_agreement()
    bench.leave(slot_id=1, asset=bench.rig.other_symbol)
    bench.settle()
    bench.demand_stage("CLOSED", _ZERO, slot_id=1)


def _an_amend_that_came_too_late(bench: Bench) -> None:
    if not bench.can("amend"):
        raise NotOffered("the adapter changes no orders (amend)")
    filled, wanted = bench.rig.size - 2 * bench.rig.lot, bench.rig.size / 2
    order = bench.rest()
    bench.settle()
    bench.amend(wanted)
    bench.demand("requests outstanding before the venue answers", ("AMEND",), bench.order(order).requests)
    bench.fill(order, filled)
    bench.settle()
    bench.demand_played()
    bench.demand("filled of the order", filled, bench.order(order).filled_size)
    bench.demand("requests without an answer", (), bench.order(order).requests)
    if bench.order(order).is_live():
        bench.cancel()
        bench.settle()
    bench.demand_stage("POSITION_OPEN", filled)


def _a_fill_beyond_the_order(bench: Bench) -> None:
    order = bench.rest()
    bench.settle()
    bench.fill(order, bench.rig.size)
    bench.settle()
    bench.demand_played()
    more = bench.rig.size + bench.rig.lot
    bench.demand("filled of the order", more, bench.order(order).filled_size)
    bench.demand_stage("POSITION_OPEN", more)


def _a_fill_whose_price_comes_later(bench: Bench) -> None:
    order = bench.enter()
    bench.settle()
    bench.demand_played()
    bench.demand_order(order, "FILLED", bench.rig.size)
    bench.demand_stage("POSITION_OPEN", bench.rig.size)
    price = bench.kernel.slot(0).entry_price
    if not price:
        raise Unmet("the entry price", "the price that came later", price)


def _a_silent_stream(bench: Bench) -> None:
    order = bench.rest()
    bench.settle()
    bench.fill(order, bench.rig.size)
    bench.settle()
    bench.demand_played()
    bench.heal()
    bench.demand_order(order, "FILLED", bench.rig.size)
    bench.demand_stage("POSITION_OPEN", bench.rig.size)


# ----------------------------------------------------------------------------------- money and the account


def _a_fee_in_a_third_asset(bench: Bench) -> None:
    asset = bench.rig.other_asset
    bench.enter()
    bench.settle()
    bench.demand_played()
    bench.demand_stage("POSITION_OPEN", bench.rig.size)
    if not bench.rig.wallet(asset) < bench.rig.balances[asset]:
        raise Unmet(f"the venue's {asset}", "less than before", bench.rig.wallet(asset))
    bench.demand_agreement()


def _a_makers_rebate(bench: Bench) -> None:
    order = bench.rest()
    bench.settle()
    bench.fill(order, bench.rig.size)
    bench.settle()
    bench.demand_played()
    paid = bench.kernel.slot(0).fees_paid
    if paid >= 0:
        raise Unmet("the fees of a maker who gets a rebate", "below zero", paid)
    bench.demand_agreement()


def _funding_on_the_boundary(bench: Bench) -> None:
    rig, kernel = bench.rig, bench.kernel
    boundary_ns = kernel.now_ns + _INTERVAL_SECS * _SECOND_NS
    rig.set_funding(kernel, _FUNDING_RATE, boundary_ns, _INTERVAL_SECS)
    bench.enter()
    bench.settle()
    bench.pass_time(_INTERVAL_SECS)
    bench.settle()
    bench.demand_played()
    once = rig.size * rig.mark * _FUNDING_RATE
    bench.demand("funding of one boundary", -once, bench.kernel.snapshot()["account"]["k_funding_net"])
    bench.demand_agreement()
    bench.leave(target_size=rig.size / 2)
    bench.settle()
    bench.demand_stage("POSITION_OPEN", rig.size / 2)
    bench.pass_time(_INTERVAL_SECS)
    bench.settle()
    both = once + once / 2
    bench.demand("funding of two boundaries", -both, bench.kernel.snapshot()["account"]["k_funding_net"])
    bench.demand_agreement()


def _a_liquidation(bench: Bench) -> None:
    bench.enter()
    bench.settle()
    bench.demand_played()
    bench.demand("the venue's position", _ZERO, bench.rig.position(bench.rig.symbol))
    bench.demand_stage("CLOSED", _ZERO)


def _a_deleveraging(bench: Bench) -> None:
    bench.enter()
    bench.settle()
    bench.demand_played()
    bench.demand_stage("POSITION_OPEN", bench.rig.size - bench.rig.lot)


# --------------------------------------------------------------------------------------- the venue ends it


def _ended(bench: Bench, order: str, played: bool = True) -> None:  # noqa: FBT001, FBT002 - one word at its only callers
    bench.settle()
    if played:
        bench.demand_played()
    bench.demand("filled of the order", _ZERO, bench.order(order).filled_size)
    bench.demand("whether the order is live", False, bench.order(order).is_live())  # noqa: FBT003 - what is demanded


def _a_post_only_order_ended(bench: Bench) -> None:
    _ended(bench, bench.rest(post_only=True))
    bench.demand_stage("CLOSED", _ZERO)


def _an_exit_ended(bench: Bench) -> None:
    bench.enter()
    bench.settle()
    _ended(bench, bench.leave(order_type="LIMIT", limit_price=bench.rig.resting_ask))
    bench.demand_stage("POSITION_OPEN", bench.rig.size)


def _an_entry_ended(bench: Bench) -> None:
    _ended(bench, bench.rest())
    bench.demand_stage("CLOSED", _ZERO)


def _an_order_whose_time_is_up(bench: Bench) -> None:
    if not bench.rig.has_gtd:
        raise NotOffered("the venue has no order that ends at a time (GTD)")
    until = bench.kernel.now_ns + 60 * _SECOND_NS
    order = bench.rest(time_in_force="GTD", expire_time=until)
    bench.settle()
    bench.demand_stage("ENTRY_WORKING")
    bench.pass_time(61)
    _ended(bench, order, played=False)
    bench.demand("the order's status", "EXPIRED", str(bench.order(order).status))
    bench.demand_stage("CLOSED", _ZERO)


def _a_clock_that_is_off(bench: Bench) -> None:
    order = bench.enter()
    bench.settle()
    bench.demand_played()
    bench.demand_order(order, "FILLED", bench.rig.size)
    bench.demand_stage("POSITION_OPEN", bench.rig.size)


# ------------------------------------------------------------------------------------------------ the list


def _one(number: int, name: str, trouble: VenueFault, play: Callable[[Bench], None]) -> Sequence:
    return Sequence(number, name, (Scene(trouble, play),))


def _killed(number: int, name: str, trouble: VenueFault, play: Callable[[Bench], None]) -> Sequence:
    return Sequence(number, name, (Scene(trouble, play, is_killed=True),))


SEQUENCES: Final = (
    Sequence(
        0,
        "plain trading: acknowledge, fill, cancel, amend, wallet",
        (
            Scene(VenueFault.NONE, plain.ack_and_fill, name="fill"),
            Scene(VenueFault.NONE, plain.cancel, name="cancel"),
            Scene(VenueFault.NONE, plain.amend, name="amend"),
            Scene(VenueFault.NONE, plain.wallet, name="wallet"),
        ),
    ),
    _one(1, "filled, then a late answer says new, 0 filled", VenueFault.STALE_STATUS, _an_answer_of_before),
    _one(2, "a fill before the acknowledgement", VenueFault.FILL_BEFORE_ACK, _a_fill_before_the_ack),
    _one(3, "a cancel rejected because it filled", VenueFault.SLOW_CHANGES, _a_cancel_that_came_too_late),
    _one(4, "a cancel confirmed, then a fill", VenueFault.FILL_AFTER_CANCEL, _a_fill_after_the_cancel),
    _one(
        5,
        "a cancel booked, the order still live",
        VenueFault.FALSE_CANCEL,
        _an_order_that_only_seems_canceled,
    ),
    Sequence(
        6,
        "a timeout, and the retry answered: duplicate client id",
        (
            Scene(VenueFault.ANSWER_LOST, _an_exit_that_is_sent_again),
            Scene(VenueFault.ANSWER_LOST, _an_exit_in_doubt_at_the_crash, is_killed=True, name="killed"),
        ),
    ),
    _one(
        7,
        "not found for half a second after placing",
        VenueFault.NO_ANSWER_NOT_FOUND,
        _an_order_that_is_not_found_yet,
    ),
    _killed(
        8, "fills replayed on restart, or 40 minutes late", VenueFault.FILLS_REPLAYED, _fills_reported_again
    ),
    _one(9, "an inferred fill, then the real one", VenueFault.FIRST_FILL_LOST, _a_fill_that_is_inferred),
    _killed(10, "synthetic trade ids that differ per run", VenueFault.IDS_PER_RUN, _fills_reported_again),
    _one(11, "one trade id on two fills", VenueFault.ONE_ID_TWO_FILLS, _one_id_on_two_fills),
    _one(12, "trade ids unique per symbol only", VenueFault.IDS_PER_SYMBOL, _ids_that_two_instruments_share),
    _one(13, "an amend races a fill and overfills", VenueFault.SLOW_CHANGES, _an_amend_that_came_too_late),
    _one(14, "an overfill beyond the order's size", VenueFault.OVERFILL, _a_fill_beyond_the_order),
    _one(15, "a fill at price 0", VenueFault.PRICE_LATER, _a_fill_whose_price_comes_later),
    _one(16, "the stream silent while pings answer", VenueFault.SILENCE, _a_silent_stream),
    Sequence(
        17,
        "a fee in a third asset; a maker's rebate",
        (
            Scene(VenueFault.OTHER_FEE_ASSET, _a_fee_in_a_third_asset),
            Scene(VenueFault.MAKER_REBATE, _a_makers_rebate),
        ),
    ),
    _one(
        18,
        "funding on the boundary, and on a position that changed",
        VenueFault.FUNDING,
        _funding_on_the_boundary,
    ),
    Sequence(
        19,
        "liquidation and auto-deleveraging without our order id",
        (Scene(VenueFault.LIQUIDATION, _a_liquidation), Scene(VenueFault.ADL, _a_deleveraging)),
    ),
    Sequence(
        20,
        "the venue ends it, or its clock is off",
        (
            Scene(VenueFault.KILL_POST_ONLY, _a_post_only_order_ended),
            Scene(VenueFault.KILL_REDUCE_ONLY, _an_exit_ended),
            Scene(VenueFault.KILL_SELF_TRADE, _an_entry_ended),
            Scene(VenueFault.INSTANT_EXPIRED, _an_entry_ended),
            Scene(VenueFault.NONE, _an_order_whose_time_is_up),
            Scene(VenueFault.CLOCK_SKEW, _a_clock_that_is_off),
        ),
    ),
)
