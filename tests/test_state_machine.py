"""Whatever happens at the venue, and in whatever order it is told: the kernel and a plain model say the same.

The number of examples is `DITA_STATE_MACHINE_EXAMPLES`; CI plays 3,000.
"""

import logging
import os
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dita import (
    BaseExecutionAdapter,
    ExecutionKernel,
    KernelCommandType,
    KernelEventKind,
    KernelOutcome,
    NotSent,
    VenueEvent,
    VenueOrder,
)
from kernels import CANCEL, ENTER, EXIT, LONG, SHORT, SYMBOL, intent, opened
from naive import LOT, Figures, Fill, Naive, Order, Settlement

SLOTS = 2
STRANGERS_MAX = 2  # of an example's fills
SEED = 10_000  # what `kernels.opened` puts into the wallet
PRICES = ("59990.1", "60000", "60010.3", "60333.3")
# Beyond a venue's rounding the kernel divides at 1e-18, a few times in an example.
LAST_DIGITS = Fraction(100, 10**18)

# What an adapter raises is logged with its traceback; here it is chosen, thousands of times.
VENUE_LOG = logging.getLogger("dita.venue")

slots = st.integers(0, SLOTS - 1)
sizes = st.integers(1, 5)
prices = st.sampled_from(PRICES)
backs = st.integers(0, 3)
fees = st.none() | st.integers(-3, 9).map(lambda cents: f"{cents}e-2")
answers = st.sampled_from(
    ("silence", "ack", "fill", "fill then ack", "ack then fill", "all", "reject", "never left", "lost")
)
news = st.sampled_from(
    (
        KernelEventKind.ORDER_ACK,
        KernelEventKind.CANCEL_PENDING,
        KernelEventKind.CANCEL_REJECT,
        KernelEventKind.CANCEL_ACK,
        KernelEventKind.ORDER_REJECT,
        KernelEventKind.EXPIRED,
    )
)
cancel_answers = st.sampled_from(("silence", "pending", "done", "refused", "lost"))


def exact(value: Decimal | str) -> Fraction:
    return Fraction(value)


class ChosenVenue(BaseExecutionAdapter):
    """A venue outside: it answers what the machine has chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.canceled: list[str] = []
        self.on_submit: Callable[[VenueOrder], Sequence[VenueEvent]] = lambda _: []
        self.on_cancel: Callable[[VenueOrder], Sequence[VenueEvent]] = lambda _: []

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        return self.on_submit(order)

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        self.canceled.append(order.venue_client_id)
        return self.on_cancel(order)


class KernelAndModel(RuleBasedStateMachine):
    """Each rule tells the kernel something and the model the same; then all their figures are compared."""

    #: Slots of both sides share the book.
    nets = False

    def __init__(self) -> None:
        super().__init__()
        VENUE_LOG.disabled = True
        self.venue = ChosenVenue()
        self.kernel: ExecutionKernel = opened(self.venue, max_slots=SLOTS)
        self.kernel.mark_price(SYMBOL, PRICES[1])
        if self.nets:
            self.kernel.set_exchange_config({"opposite_slots": "net"})
        self.model = Naive(SLOTS, SEED, exact(PRICES[1]), nets=self.nets)
        self.counter = 0
        self.events: dict[str, VenueEvent] = {}  # the fills that were told, by the venue's trade id
        self.untold: list[tuple[Order, VenueEvent]] = []
        self.happened: list[str] = []
        # As the last comparison found them, so that most of what is asked can come to something.
        self.free, self.held = list(range(SLOTS)), list[int]()
        self.live: list[Order] = []
        self.strangers = 0

    def teardown(self) -> None:
        self.kernel.close()
        VENUE_LOG.disabled = False

    def next_name(self, what: str) -> str:
        self.counter += 1
        return f"{what}{self.counter}"

    def recent(self, back: int) -> Order:
        ours = self.model.ours()
        return ours[-1 - back % len(ours)]

    # ---------------------------------------------------------------------------------------- the strategy

    @initialize(slot=slots, short=st.booleans(), lots=sizes, answer=answers, price=prices)
    def begin(self, slot: int, short: bool, lots: int, answer: str, price: str) -> None:  # noqa: FBT001
        self.ask_to_enter(slot, -1 if short else 1, lots, answer, price)

    @precondition(lambda self: self.free)
    @rule(slot=slots, short=st.booleans(), lots=sizes, answer=answers, price=prices)
    def enter(self, slot: int, short: bool, lots: int, answer: str, price: str) -> None:  # noqa: FBT001
        """Into a free slot, on the side that the account is on."""
        slot = slot if slot in self.free else self.free[0]
        busy = [side for at, side in enumerate(self.model.sides) if at not in self.free]
        either = not busy or self.nets
        self.ask_to_enter(slot, (-1 if short else 1) if either else busy[0], lots, answer, price)

    @precondition(lambda self: self.held)
    @rule(slot=slots, lots=st.none() | sizes, answer=answers, price=prices)
    def leave(self, slot: int, lots: int | None, answer: str, price: str) -> None:
        """Out of a slot that holds something."""
        self.ask_to_leave(slot if slot in self.held else self.held[0], lots, answer, price)

    @rule(slot=slots, short=st.booleans(), lots=sizes, enters=st.booleans())
    def ask_in_vain(self, slot: int, short: bool, lots: int, enters: bool) -> None:  # noqa: FBT001
        """Whatever the slot carries: mostly it is refused, and then nothing has changed."""
        if enters:
            self.ask_to_enter(slot, -1 if short else 1, lots, "ack", PRICES[1])
        else:
            self.ask_to_leave(slot, lots, "ack", PRICES[1])

    def ask_to_enter(self, slot: int, side: int, lots: int, answer: str, price: str) -> None:
        code = self.model.enter_code(slot, side)
        before = self.kernel.state_hash()

        def sent(order: VenueOrder) -> list[VenueEvent]:
            self.model.trades[slot] += 1
            self.model.sides[slot] = side
            return self.learn(order, slot, lots, answer, price, entry=True)

        self.venue.on_submit = sent
        trade = f"t{slot}.{self.model.trades[slot] + 1}"
        outcome = self.ask(ENTER, slot, trade=trade, short=side < 0, lots=lots)
        assert outcome.accepted == (code == "OK"), outcome
        if code != "OK":
            assert (outcome.diagnostic_code, self.kernel.state_hash()) == (code, before)

    def ask_to_leave(self, slot: int, lots: int | None, answer: str, price: str) -> None:
        wanted = self.model.exit_lots(slot, lots)
        entries = {order.client_id for order in self.model.of_trade(slot, entry=True)}
        before = self.kernel.state_hash()
        self.venue.on_submit = lambda order: self.learn(order, slot, wanted, answer, price, entry=False)
        outcome = self.ask(EXIT, slot, lots=lots)
        assert outcome.accepted == (wanted > 0), outcome
        if wanted:
            assert entries <= set(self.venue.canceled), "an exit calls the rest of its entry off"
        else:
            assert self.kernel.state_hash() == before

    @rule(back=backs, answer=cancel_answers)
    def call_off(self, back: int, answer: str) -> None:
        order = self.live[back % len(self.live)] if self.live else self.recent(back)
        self.venue.on_cancel = lambda asked: self.answer_cancel(asked, answer)
        before = self.kernel.state_hash()
        works = order in self.model.of_trade(order.slot, entry=order.is_entry)
        outcome = self.ask(CANCEL, order.slot, target_client_id=order.client_id)
        assert outcome.accepted == works, outcome
        if works:
            assert order.client_id in self.venue.canceled
        else:
            assert (outcome.diagnostic_code, self.kernel.state_hash()) == ("NO_ACTIVE_ORDER", before)

    def ask(
        self,
        action: KernelCommandType,
        slot: int,
        *,
        trade: str | None = None,
        short: bool | None = None,
        lots: int | None = None,
        **changes: Any,
    ) -> KernelOutcome:
        short = self.model.sides[slot] < 0 if short is None else short
        changes["trade_id"] = trade or f"t{slot}.{max(self.model.trades[slot], 1)}"
        changes["target_size"] = None if lots is None else lots * Decimal("0.001")
        name = self.next_name("i")
        self.venue.on_cancel = self.venue.on_cancel if action == CANCEL else lambda _: []
        return self.kernel.process_intent(
            intent(action, name, slot_id=slot, side=SHORT if short else LONG, **changes)
        )

    def learn(
        self, sent: VenueOrder, slot: int, lots: int, answer: str, price: str, *, entry: bool
    ) -> list[VenueEvent]:
        """The kernel sends an order: it is what the contract says, and the venue answers as chosen."""
        opens = self.model.sides[slot]
        order = Order(
            sent.venue_client_id, slot, self.model.trades[slot], entry, opens if entry else -opens, lots
        )
        assert exact(sent.intended_size) == lots * LOT, (sent, lots)
        assert (sent.order_side == "BUY") == (order.sign > 0), sent
        order.reduces = not entry and self.model.only_reduces(slot, lots)
        assert sent.reduce_only == order.reduces, sent
        self.model.orders.append(order)
        part = max(lots // 2, 1)
        if answer == "never left":
            order.status = "REJECTED"
            raise NotSent("chosen")
        if answer == "lost":
            raise TimeoutError("chosen")
        script: dict[str, list[Callable[[], VenueEvent]]] = {
            "silence": [],
            "ack": [lambda: self.ack_event(order)],
            "fill": [lambda: self.immediate(order, part, price, None)],
            "fill then ack": [
                lambda: self.immediate(order, part, price, None),
                lambda: self.ack_event(order),
            ],
            "ack then fill": [
                lambda: self.ack_event(order),
                lambda: self.immediate(order, part, price, "0.01"),
            ],
            "all": [lambda: self.immediate(order, lots, price, "0.02")],
            "reject": [lambda: self.end_event(order, KernelEventKind.ORDER_REJECT)],
        }
        return [make() for make in script[answer]]

    def answer_cancel(self, asked: VenueOrder, answer: str) -> list[VenueEvent]:
        order = next(order for order in self.model.orders if order.client_id == asked.venue_client_id)
        if answer == "lost":
            raise TimeoutError("chosen")
        if answer == "pending":
            return [self.pending_event(order)]
        if answer == "done":
            return [self.end_event(order, KernelEventKind.CANCEL_ACK)]
        if answer == "refused":
            return [self.refusal_event(order)]
        return []

    # ------------------------------------------------------------------------------------------- the venue

    def event(self, order: Order, kind: KernelEventKind, **fields: Any) -> VenueEvent:
        known = {"venue_order_id": order.venue_id} if order.venue_id else {"venue_client_id": order.client_id}
        return VenueEvent(timestamp=1, kind=kind, asset=SYMBOL, **known, **fields)

    def ack_event(self, order: Order) -> VenueEvent:
        venue_id = order.venue_id or self.next_name("V")
        event = VenueEvent(
            timestamp=1,
            kind=KernelEventKind.ORDER_ACK,
            venue_client_id=order.client_id,
            venue_order_id=venue_id,
        )
        self.model.acknowledge(order, venue_id)
        return event

    def fill_event(self, order: Order, lots: int, price: str, fee: str | None) -> VenueEvent:
        name = self.next_name("f")
        event = self.event(
            order,
            KernelEventKind.PARTIAL_FILL,
            venue_trade_id=name,
            size=lots * Decimal("0.001"),
            price=price,
            fee=fee,
        )
        self.happened.append(name)
        return event

    def book(self, order: Order, event: VenueEvent) -> VenueEvent:
        """The model hears of a fill."""
        assert event.size is not None
        assert event.price is not None
        lots = int(event.size * 1000)
        fee = None if event.fee is None else exact(event.fee)
        self.model.fill(Fill(event.venue_trade_id, order, lots, exact(event.price), fee))
        self.events.setdefault(event.venue_trade_id, event)
        return event

    def immediate(self, order: Order, lots: int, price: str, fee: str | None) -> VenueEvent:
        return self.book(order, self.fill_event(order, lots, price, fee))

    def end_event(self, order: Order, kind: KernelEventKind) -> VenueEvent:
        status = {"CANCEL_ACK": "CANCELED", "ORDER_REJECT": "REJECTED", "EXPIRED": "EXPIRED"}[kind]
        event = self.event(order, kind, status=status)
        self.model.end(order, status, asked=order.client_id in self.venue.canceled)
        return event

    def pending_event(self, order: Order) -> VenueEvent:
        event = self.event(order, KernelEventKind.CANCEL_PENDING)
        self.model.pend_cancel(order)
        return event

    def refusal_event(self, order: Order) -> VenueEvent:
        event = self.event(order, KernelEventKind.CANCEL_REJECT)
        self.model.refuse_cancel(order)
        return event

    def tell(self, event: VenueEvent) -> KernelOutcome:
        self.venue.on_submit = self.venue.on_cancel = lambda _: []
        outcome = self.kernel.on_venue_event(event)
        assert outcome.accepted, (event, outcome)
        return outcome

    @rule(back=backs, kind=news)
    def say(self, back: int, kind: KernelEventKind) -> None:
        """Something of an order that is no fill."""
        order = self.recent(back)
        make = {
            KernelEventKind.ORDER_ACK: self.ack_event,
            KernelEventKind.CANCEL_PENDING: self.pending_event,
            KernelEventKind.CANCEL_REJECT: self.refusal_event,
        }
        self.tell(make[kind](order) if kind in make else self.end_event(order, kind))

    @precondition(lambda self: self.live)
    @rule(back=backs, lots=st.none() | st.integers(1, 3), price=prices, fee=fees)
    def fill(self, back: int, lots: int | None, price: str, fee: str | None) -> None:
        """Of an order at work: a part, all that remains, or more than that."""
        order = self.live[back % len(self.live)]
        self.tell_fill(order, self.fill_event(order, lots or order.remaining, price, fee))

    @precondition(lambda self: len(self.live) < len(self.model.ours()))
    @rule(back=backs, lots=st.integers(1, 3), price=prices, fee=fees)
    def fill_late(self, back: int, lots: int, price: str, fee: str | None) -> None:
        """Of an order that has ended: the money is real."""
        ended = [order for order in self.model.ours() if not order.is_live]
        order = ended[-1 - back % len(ended)]
        self.tell_fill(order, self.fill_event(order, lots, price, fee))

    @rule(back=backs, lots=st.integers(1, 3), price=prices, fee=fees)
    def fill_untold(self, back: int, lots: int, price: str, fee: str | None) -> None:
        """It has happened, and no event has brought it yet; its settlement may come first."""
        order = self.recent(back)
        self.untold.append((order, self.fill_event(order, lots, price, fee)))

    @precondition(lambda self: self.untold)
    @rule()
    def tell_at_last(self) -> None:
        self.tell_fill(*self.untold.pop(0))

    def tell_fill(self, order: Order, event: VenueEvent) -> None:
        was_late = not order.is_live and order.status != "FILLED"
        self.book(order, event)
        code = "OVERFILL" if order.filled > order.lots else "LATE_FILL" if was_late else "OK"
        assert self.tell(event).diagnostic_code == code

    @precondition(lambda self: self.events)
    @rule(back=backs, fee=fees)
    def repeat_fill(self, back: int, fee: str | None) -> None:
        name = list(self.events)[-1 - back % len(self.events)]
        event = self.events[name].replace(fee=fee)
        fill = next(fill for fill in self.model.fills if fill.id == name)
        settled = self.model.settlements.get(name)
        is_news = fee is not None and fill.fee is None and (settled is None or settled.fee is None)
        self.model.fill(Fill(name, fill.order, fill.lots, fill.price, None if fee is None else exact(fee)))
        assert self.tell(event).diagnostic_code == ("ENRICHED" if is_news else "DUPLICATE_EVENT")

    @precondition(lambda self: self.strangers < STRANGERS_MAX)
    @rule(short=st.booleans(), lots=sizes, price=prices, fee=fees)
    def somebody_elses_fill(self, short: bool, lots: int, price: str, fee: str | None) -> None:  # noqa: FBT001
        self.strangers += 1
        order = Order(self.next_name("stranger"), 0, 0, False, -1 if short else 1, lots, is_external=True)
        self.model.orders.append(order)
        event = self.fill_event(order, lots, price, fee).replace(order_side="SELL" if short else "BUY")
        assert self.tell(self.book(order, event)).diagnostic_code == "UNKNOWN_ORDER"

    # ----------------------------------------------------------------------------------------- the account

    @precondition(lambda self: self.happened)
    @rule(back=backs, fee=fees, realized=st.none() | st.integers(-50, 50))
    def settle(self, back: int, fee: str | None, realized: int | None) -> None:
        """A known fill, or one that no event has brought yet."""
        name = self.happened[-1 - back % len(self.happened)]
        self.model.settle(
            name,
            Settlement(
                None if fee is None else exact(fee), None if realized is None else Fraction(realized, 100)
            ),
        )
        figures = {"fee": fee, "realized_pnl": None if realized is None else f"{realized}e-2"}
        self.tell_account("FILL_SETTLED", symbol=SYMBOL, venue_trade_id=name, **figures)

    @rule(
        kind=st.sampled_from(("FUNDING_FEE", "FUNDING_FEE", "TRANSFER", "REBATE", "ADJUSTMENT")),
        cents=st.integers(-500, 500),
        txn=st.integers(0, 3),
    )
    def enter_wallet(self, kind: str, cents: int, txn: int) -> None:
        self.model.enter_wallet(kind, f"w{txn}", Fraction(cents, 100))
        fields = {"symbol": SYMBOL} if kind == "FUNDING_FEE" else {}
        self.tell_account(kind, amount=f"{cents}e-2", venue_txn_id=f"w{txn}", **fields)

    @rule(off=st.sampled_from(("0", "0", "0.000000003", "-0.25", "17")))
    def frame(self, off: str) -> None:
        """The venue's wallet frame: what the model has, or a little beside it."""
        wallet = round(self.model.figures().wallet + exact(off), 10)
        self.model.balance = wallet
        balance = Decimal(wallet.numerator) / Decimal(wallet.denominator)
        self.tell_account("ACCOUNT_UPDATE", wallet_balance=balance)

    @rule(price=prices, seconds=st.integers(0, 90))
    def pass_time(self, price: str, seconds: int) -> None:
        """The market moves on."""
        self.model.mark = exact(price)
        self.kernel.mark_price(SYMBOL, price)
        self.kernel.advance_time(self.kernel.now_ns + seconds * 1_000_000_000)

    def tell_account(self, kind: str, **fields: Any) -> None:
        event = {"kind": kind, "timestamp": 1, "asset": "USDT", **fields}
        self.kernel.on_account_event({key: value for key, value in event.items() if value is not None})

    # ---------------------------------------------------------------------------------------- comparison

    @invariant()
    def they_agree(self) -> None:
        self.kernel.check_invariants()
        figures = self.model.figures()
        for order in self.model.ours():
            ours = self.kernel.order(order.client_id)
            assert ours is not None
            assert (ours.status, exact(ours.filled_size)) == (order.reported, order.filled * LOT), ours
            assert exact(ours.remaining_size) == order.remaining * LOT, ours
        for number, wanted in enumerate(figures.slots):
            slot = self.kernel.slot(number).snapshot()
            assert slot.fsm_state == self.model.stage(number, figures), slot
            sizes = (exact(slot.size), exact(slot.initial_size))
            assert sizes == (abs(wanted.position.lots) * LOT, wanted.entered * LOT), slot
            near(slot.cost, wanted.position.cost, "the slot's cost")
            near(slot.realized_pnl, wanted.realized, "the slot's realised PnL")
            near(slot.unrealized_pnl, wanted.position.unrealized(self.model.mark), "the slot's open PnL")
            near(slot.fees_paid, wanted.fees, "the slot's fees")
            near(slot.funding_net, self.model.funding_of(number), "the slot's funding")
            if wanted.entered:
                average = wanted.entry_value / (wanted.entered * LOT)
                near(slot.entry_price, average, "the average entry price", Fraction(1, 10**8))
        held = {"positions": figures.book, "unassigned": figures.unassigned}
        for name, position in held.items():
            rows = getattr(self.kernel, name)()
            assert sum(exact(row["size"]) for row in rows) == position.lots * LOT, (name, rows)
            near(sum(row["cost"] for row in rows), position.cost, f"the cost of {name}")
        self.compare_account(figures)
        self.live = [order for order in self.model.ours() if order.is_live]
        self.free = [slot for slot in range(SLOTS) if self.model.is_free(slot, figures)]
        self.held = [slot for slot in range(SLOTS) if figures.slots[slot].position.lots]

    def compare_account(self, figures: Figures) -> None:
        account = self.kernel.account.state()
        rounding = LAST_DIGITS + figures.doubtful * Fraction(1, 10**8)
        near(account["k_capital"], figures.wallet, "K", rounding)
        near(account["k_fees_paid"], figures.fees, "K's fees")
        near(account["k_funding_net"], figures.funding, "K's funding")
        near(account["equity"], figures.equity(self.model.mark), "equity", rounding)
        if self.model.balance is None:
            assert account["reconcile_delta"] is None
            return
        assert exact(account["e_wallet_balance"]) == self.model.balance
        delta = exact(account["reconcile_delta"])
        assert delta == self.model.balance - exact(account["k_capital"])
        near(account["reconcile_delta"], self.model.balance - figures.wallet, "E - K", rounding)
        proven = [row["amount"] for row in account["reconcile_causes"] if row["proof"] == "PROVEN"]
        assert sum(map(exact, proven), Fraction()) == delta, account["reconcile_causes"]


def near(value: Decimal, wanted: Fraction, what: str, within: Fraction = LAST_DIGITS) -> None:
    assert abs(exact(value) - wanted) <= within, f"{what}: the kernel has {value}, the model {wanted}"


class BothSides(KernelAndModel):
    """The same where slots of both sides share the book."""

    nets = True


PLAYED = settings(
    max_examples=int(os.environ.get("DITA_STATE_MACHINE_EXAMPLES", "300")),
    stateful_step_count=14,
    derandomize="CI" in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
KernelAndModel.TestCase.settings = BothSides.TestCase.settings = PLAYED
TestKernelAndModel = KernelAndModel.TestCase
TestBothSides = BothSides.TestCase
