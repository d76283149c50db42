"""The contract suite: what passes it, and what it catches."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from certify_an_adapter import Message, ToyAdapter, ToyRig

from dita import BaseExecutionAdapter, ExecutionKernel, KernelIntent, VenueEvent, VenueOrder
from dita.certify import (
    SEQUENCES,
    NotOffered,
    Result,
    Rig,
    ScriptedRig,
    SimulatedRig,
    VenueFault,
    certify,
    certify_one,
)
from dita.certify import Sequence as Played

RIGS: tuple[Callable[[], Rig], ...] = (SimulatedRig, ScriptedRig, ToyRig)
#: The simulated venue dies with the kernel's process, and is brought back by the kernel's own log.
OUTLIVES = {6, 8, 10}


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda sequence: str(sequence.number))
@pytest.mark.parametrize("make_rig", RIGS, ids=lambda rig: rig.__name__)
def test_an_adapter_that_is_shipped_passes(make_rig: Callable[[], Rig], sequence: Played) -> None:
    verdict = certify_one(make_rig, sequence)
    skips = make_rig is SimulatedRig and sequence.number in OUTLIVES
    assert verdict.result == (Result.SKIP if skips else Result.PASS), verdict
    assert bool(verdict.why) == skips


def test_there_are_plain_trading_and_twenty_and_every_trouble_is_played() -> None:
    assert [sequence.number for sequence in SEQUENCES] == list(range(21))
    assert all(sequence.scenes for sequence in SEQUENCES)
    assert {sequence.number for sequence in SEQUENCES if any(s.is_killed for s in sequence.scenes)} == {
        6,
        8,
        10,
    }
    assert {scene.trouble for sequence in SEQUENCES for scene in sequence.scenes} == set(VenueFault)


def test_the_simulated_venue_really_loses_the_first_of_two_fills() -> None:
    rig = SimulatedRig()
    kernel = ExecutionKernel(venue=rig.open(VenueFault.FIRST_FILL_LOST))
    kernel.set_exchange_config(rig.config)
    kernel.set_seed_capital(10_000)
    rig.ready(kernel)
    entry = {"asset": rig.symbol, "side": "LONG", "action": "ENTER", "target_size": rig.size}
    outcome = kernel.process_intent(KernelIntent(1, "i1", "t1", 0, reference_price=rig.mark, **entry))
    assert outcome.diagnostic_code == "INFERRED_FILL"
    assert [str(event.kind) for event in outcome.emitted_events] == ["FULL_FILL"]


# -------------------------------------------------------------------------------------------- broken adapters


class LosesTheLastFill(ToyAdapter):
    """Reads an order's last fill as its end, and forgets the quantity."""

    def event(self, message: Message) -> VenueEvent:
        event = super().event(message)
        if message["what"] == "TRADE" and not message["left"]:
            return event.replace(
                kind="ORDER_STATUS", status="FILLED", size=None, price=None, filled_size=None
            )
        return event


class SaysFillsTwice(ToyAdapter):
    """Makes an id of its own for each message, hears each twice, and gives no total."""

    count = 0

    def on_message(self, message: Message) -> None:
        super().on_message(message)
        if message["what"] == "TRADE":
            super().on_message(message)

    def event(self, message: Message) -> VenueEvent:
        if message["what"] != "TRADE":
            return super().event(message)
        self.count += 1
        own = {"venue_trade_id": f"own{self.count}", "filled_size": None, "remaining_size": None}
        return super().event(message).replace(**own)


class TellsFillsByIdAlone(ToyAdapter):
    """Takes a trade id that it has seen for a repetition, whatever the instrument and the order."""

    def __init__(self, exchange: Any) -> None:
        super().__init__(exchange)
        self.seen: set[str] = set()

    def on_message(self, message: Message) -> None:
        if message["what"] != "TRADE" or message["id"] not in self.seen:
            super().on_message(message)
        if message["what"] == "TRADE" and message["price"]:
            self.seen.add(message["id"])


class ConfirmsCancelsItself(ToyAdapter):
    """Says that an order is canceled as soon as it has asked."""

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        super().cancel(order, reason)
        return [VenueEvent(0, kind="CANCEL_ACK", status="CANCELED", venue_client_id=order.venue_client_id)]


class NeverSendsCancels(ToyAdapter):
    """Says that an order is canceled, and has not even asked."""

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        return [VenueEvent(0, kind="CANCEL_ACK", status="CANCELED", venue_client_id=order.venue_client_id)]


class TakesATimeoutForARefusal(ToyAdapter):
    """Says that an order without an answer was rejected."""

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        try:
            return super().submit(order)
        except TimeoutError:
            return [
                VenueEvent(0, kind="ORDER_REJECT", status="REJECTED", venue_client_id=order.venue_client_id)
            ]


class SendsAgain(ToyAdapter):
    """Sends an order again that was not answered."""

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        try:
            return super().submit(order)
        except TimeoutError:
            return super().submit(order)


class TakesNotFoundForTheEnd(ToyAdapter):
    """Says that an order that is not found was rejected."""

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        found = super().query_order(venue_client_id)
        return [
            event.replace(kind="ORDER_REJECT", status="REJECTED")
            if event.kind == "ORDER_NOT_FOUND"
            else event
            for event in found
        ]


class TakesATakenIdForARefusal(ToyAdapter):
    """Reads that the id is taken as a rejection like any other."""

    def event(self, message: Message) -> VenueEvent:
        event = super().event(message)
        return event.replace(reason_code="", status="REJECTED") if message["what"] == "REFUSED" else event


class NamesFillsAnewInEachRun(ToyAdapter):
    """Puts its own connection into the id of each fill, and leaves the totals out."""

    def event(self, message: Message) -> VenueEvent:
        event = super().event(message)
        if message["what"] != "TRADE" or not message["id"]:
            return event
        own = {"venue_trade_id": f"{self.run}/{message['id']}", "filled_size": None, "remaining_size": None}
        return event.replace(**own)


class MakesUpTradeIds(ToyAdapter):
    """Gives out the names that it makes up as the exchange's."""

    def event(self, message: Message) -> VenueEvent:
        event = super().event(message)
        if message["what"] != "TRADE" or message["id"]:
            return event
        own = {"venue_trade_id": event.event_id, "filled_size": None, "remaining_size": None}
        return event.replace(**own)


class KnowsOnlyCharges(ToyAdapter):
    """Takes the sign off a fee."""

    def event(self, message: Message) -> VenueEvent:
        event = super().event(message)
        return event if event.fee is None else event.replace(fee=abs(event.fee))


class KnowsOneFeeAsset(ToyAdapter):
    """Reads every fee as one in the settlement asset."""

    def event(self, message: Message) -> VenueEvent:
        return super().event(message).replace(fee_asset="")


class HearsOnlyItsOwnOrders(ToyAdapter):
    """Throws away what carries no id of ours."""

    def on_message(self, message: Message) -> None:
        if message.get("client") != "":
            super().on_message(message)


class TurnsFundingRound(ToyAdapter):
    """Takes the sign of funding for a charge's."""

    def on_message(self, message: Message) -> None:
        if message["what"] == "FUNDING":
            message = {**message, "amount": -message["amount"]}
        super().on_message(message)


class DeafToAmends(ToyAdapter):
    """Never says what came of an amend."""

    def on_message(self, message: Message) -> None:
        if not message["what"].startswith("AMEND"):
            super().on_message(message)


class DeafToEnds(ToyAdapter):
    """Never says that an order was ended by the exchange."""

    def on_message(self, message: Message) -> None:
        if message["what"] != "EXPIRED":
            super().on_message(message)


class ReadsAnotherBalance(ToyAdapter):
    """Reports what can be withdrawn as what the wallet holds."""

    def on_message(self, message: Message) -> None:
        if message["what"] == "WALLET":
            message = {**message, "holds": message["holds"] - 1}
        super().on_message(message)


class ForgetsWhoseFillItIs(ToyAdapter):
    """Leaves the ids of the order out of its exits' fills."""

    def event(self, message: Message) -> VenueEvent:
        event = super().event(message)
        if message["what"] == "TRADE" and message["side"] == "SELL":
            return event.replace(venue_client_id="", venue_order_id="", filled_size=None, remaining_size=None)
        return event


class HearsNoQuery(ToyAdapter):
    """Cannot ask what became of an order."""

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        return []


class Raises(ToyAdapter):
    """Cannot read a fill at all."""

    def event(self, message: Message) -> VenueEvent:
        if message["what"] == "TRADE":
            raise KeyError("tradeId")
        return super().event(message)


PLAYED = {sequence.number for sequence in SEQUENCES}


def rig_of(broken: type[ToyAdapter]) -> type[ToyRig]:
    class Broken(ToyRig):
        adapter = broken

    return Broken


def failed(make_rig: Callable[[], Rig]) -> set[int]:
    return {verdict.sequence.number for verdict in certify(make_rig) if verdict.result == Result.FAIL}


WHAT_IT_CATCHES = [
    (LosesTheLastFill, PLAYED - {5, 13}, "K in USDT"),
    (SaysFillsTwice, PLAYED, "filled of the order"),
    (TellsFillsByIdAlone, {10, 11, 12}, "the order's status"),
    (ConfirmsCancelsItself, {3}, "requests outstanding"),
    (NeverSendsCancels, {0, 3, 4, 5, 13}, "cancel: orders at work at the venue"),
    (TakesATimeoutForARefusal, {6, 7}, "ANSWER_LOST: "),
    (SendsAgain, {7}, "orders that reached the venue"),
    (TakesNotFoundForTheEnd, {6, 7}, "ANSWER_LOST: "),
    (TakesATakenIdForARefusal, {6}, "ANSWER_LOST: slot 0's stage"),
    (NamesFillsAnewInEachRun, {8, 9}, "filled of the order"),
    (MakesUpTradeIds, {10}, "filled of the order"),
    (KnowsOnlyCharges, {17}, "MAKER_REBATE: the fees of a maker"),
    (KnowsOneFeeAsset, {17}, "OTHER_FEE_ASSET: K in USDT"),
    (HearsOnlyItsOwnOrders, {19}, "LIQUIDATION: slot 0's stage"),
    (TurnsFundingRound, {18}, "funding of one boundary"),
    (DeafToAmends, {0, 13}, "amend: the order's size"),
    (DeafToEnds, {20}, "INSTANT_EXPIRED: whether the order is live"),
    (ReadsAnotherBalance, PLAYED, "E - K in USDT, as reported"),
    (ForgetsWhoseFillItIs, PLAYED, "the size that is left"),
    (HearsNoQuery, {6, 7}, "ANSWER_LOST: the trouble"),
    (Raises, PLAYED, "KeyError: 'tradeId'"),
]


@pytest.mark.parametrize(
    ("broken", "sequences", "why"), WHAT_IT_CATCHES, ids=[row[0].__name__ for row in WHAT_IT_CATCHES]
)
def test_a_broken_adapter_fails_where_it_is_broken(
    broken: type[ToyAdapter], sequences: set[int], why: str
) -> None:
    verdicts = list(certify(rig_of(broken)))
    failures = [verdict for verdict in verdicts if verdict.result == Result.FAIL]
    assert {verdict.sequence.number for verdict in failures} == sequences
    assert failures[0].why.removeprefix("fill: ").startswith(why)
    assert {v.sequence.number for v in verdicts if v.result == Result.PASS} == PLAYED - sequences


# ------------------------------------------------------------------------------------------------ broken rigs


class Halves(ToyRig):
    """Can do a part of it."""

    def open(self, trouble: VenueFault) -> ToyAdapter:
        if trouble in {VenueFault.OVERFILL, VenueFault.ADL}:
            raise NotOffered(f"the test exchange has no {trouble}")
        return super().open(trouble)


def test_what_a_rig_does_not_offer_is_skipped_and_never_passed() -> None:
    results = {verdict.sequence.number: verdict for verdict in certify(Halves)}
    assert (results[14].result, results[14].why) == (Result.SKIP, "the test exchange has no OVERFILL")
    assert (results[19].result, results[19].why) == (Result.SKIP, "ADL: the test exchange has no ADL")
    assert [n for n, verdict in results.items() if verdict.result == Result.SKIP] == [14, 19]


class Harmless(ToyRig):
    """Promises trouble, and makes none."""

    def open(self, trouble: VenueFault) -> ToyAdapter:
        return super().open(VenueFault.NONE)


def test_a_trouble_that_does_not_happen_proves_nothing() -> None:
    first = certify_one(Harmless, SEQUENCES[1])
    assert (first.result, first.why) == (Result.FAIL, "the trouble STALE_STATUS")
    assert first.seen == "never: it was not put to the test"
    assert failed(Harmless) == PLAYED - {0, 18}, "funding is set by a verb, not by a trouble"


class Embezzles(ToyRig):
    """Its exchange keeps a little of every wallet."""

    def wallet(self, asset: str) -> Decimal:
        return super().wallet(asset) - Decimal("0.00000001")


class Hides(ToyRig):
    """Its exchange has an order that nobody knows."""

    def orders_working(self) -> int:
        return super().orders_working() + 1


class Holds(ToyRig):
    """Its exchange has a lot more than it says."""

    def position(self, symbol: str) -> Decimal:
        return super().position(symbol) + self.lot


@pytest.mark.parametrize(
    ("rig", "why"),
    [
        (Embezzles, "K in USDT (E is the venue's wallet)"),
        (Hides, "orders at work at the venue"),
        (Holds, "the kernel's position in BTCUSDT"),
    ],
)
def test_the_venues_books_have_the_last_word(rig: type[ToyRig], why: str) -> None:
    verdict = certify_one(rig, SEQUENCES[2])
    assert (verdict.result, verdict.why) == (Result.FAIL, why)


def test_the_page_names_every_trouble_and_verb() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/how-to/certify-an-adapter.md").read_text("utf-8")
    troubles = re.findall(r"^\| ((?:`[A-Z_]+` ?)+)\| ([\d, ]+) \|", page, re.MULTILINE)
    listed = {name: numbers for names, numbers in troubles for name in re.findall(r"`(\w+)`", names)}
    played: dict[str, list[str]] = {}
    for sequence in SEQUENCES:
        for scene in sequence.scenes:
            played.setdefault(scene.trouble, []).append(str(sequence.number))
    assert listed == {name: ", ".join(dict.fromkeys(numbers)) for name, numbers in played.items()}
    verbs = {name for name in vars(Rig) if not name.startswith("_") and callable(getattr(Rig, name))}
    assert {verb for verb in verbs if f"`{verb}(" not in page} == set()


# --------------------------------------------------------------------------------------------- the first day


class SixtyLines(BaseExecutionAdapter):
    """As much as a first adapter has: orders, cancels, fills when others trade, and the wallet."""

    def __init__(self, rig: "FirstDay") -> None:
        super().__init__()
        self.rig = rig

    def submit(self, order: VenueOrder) -> list[VenueEvent]:
        self.rig.count += 1
        self.rig.resting[order.venue_client_id] = order
        ack = VenueEvent(
            0,
            kind="ORDER_ACK",
            venue_client_id=order.venue_client_id,
            venue_order_id=f"V{self.rig.count}",
        )
        return [ack] if order.limit_price is not None else [ack, *self.filled(order, order.intended_size)]

    def cancel(self, order: VenueOrder, reason: str) -> list[VenueEvent]:
        del self.rig.resting[order.venue_client_id]
        return [VenueEvent(0, kind="CANCEL_ACK", venue_client_id=order.venue_client_id)]

    def filled(self, order: VenueOrder, size: Decimal) -> list[VenueEvent]:
        self.rig.count += 1
        del self.rig.resting[order.venue_client_id]
        price = order.limit_price or self.rig.mark
        if order.order_side == "BUY":
            self.rig.cost += size * price
            self.rig.held += size
        else:  # all of it: the profit goes to the wallet
            self.rig.money += size * price - self.rig.cost
            self.rig.cost = self.rig.held = Decimal(0)
        if self.rig.tells_wallet:
            self.emit_account(
                {"kind": "ACCOUNT_UPDATE", "timestamp": 0, "asset": "USDT", "wallet_balance": self.rig.money}
            )
        ids = {"venue_client_id": order.venue_client_id, "venue_trade_id": f"T{self.rig.count}"}
        return [VenueEvent(0, kind="FULL_FILL", price=price, size=size, fee=0, **ids)]


class FirstDay(Rig):
    """Its venue offers nothing but plain trading."""

    tells_wallet = True

    def open(self, trouble: VenueFault) -> SixtyLines:
        if trouble != VenueFault.NONE:
            raise NotOffered(f"the venue has no {trouble}")
        self.count, self.held, self.cost, self.money = 0, Decimal(0), Decimal(0), Decimal(10_000)
        self.resting: dict[str, VenueOrder] = {}
        self.adapter = SixtyLines(self)
        return self.adapter

    def fill(self, venue_client_id: str, size: Decimal) -> None:
        for event in self.adapter.filled(self.resting[venue_client_id], size):
            self.adapter.emit(event)

    def position(self, symbol: str) -> Decimal:
        return self.held if symbol == self.symbol else Decimal(0)

    def wallet(self, asset: str) -> Decimal:
        return self.money if asset == "USDT" else self.balances[asset]

    def orders_received(self) -> int:
        return 0

    def orders_working(self) -> int:
        return len(self.resting)

    def close(self) -> None:
        self.adapter.close()  # raises where the venue was never opened


class KeepsTheWallet(FirstDay):
    """Never says what the wallet holds."""

    tells_wallet = False


def test_a_first_adapter_passes_plain_trading_and_skips_what_its_venue_cannot_do() -> None:
    verdicts = {verdict.sequence.number: verdict for verdict in certify(FirstDay)}
    plain = verdicts.pop(0)
    assert (plain.result, plain.why) == (Result.PASS, "")
    assert {verdict.result for number, verdict in verdicts.items() if number != 20} == {Result.SKIP}
    assert verdicts[1].why == "the venue has no STALE_STATUS", "an error of close() must not hide it"


def test_an_adapter_that_tells_no_wallet_fails_plain_trading_by_that_name() -> None:
    verdict = certify_one(KeepsTheWallet, SEQUENCES[0])
    assert (verdict.result, verdict.why) == (Result.FAIL, "wallet: the wallet's USDT")
    assert verdict.seen == "none: E stays unknown"


def test_a_failure_tells_the_last_steps_requests_and_events() -> None:
    verdict = certify_one(rig_of(DeafToAmends), SEQUENCES[0])
    assert verdict.result == Result.FAIL
    steps = [line for line in verdict.trail if line.startswith("step ")]
    assert steps == ["step 1: ENTER 0.010 by a LIMIT order", "step 2: amend the resting order to 0.009"]
    assert any(line.startswith("intent AMEND BTCUSDT: OK; sent ") for line in verdict.trail)
    assert any(line.startswith("received ORDER_ACK venue_client_id=D") for line in verdict.trail)


def test_health_names_the_assets_whose_wallet_the_venue_never_reported() -> None:
    rig = KeepsTheWallet()
    with ExecutionKernel(venue=rig.open(VenueFault.NONE)) as kernel:
        kernel.set_exchange_config(rig.config)
        kernel.set_seed_capital(10_000)
        assert kernel.health()["unknown_wallets"] == ["USDT"]
        kernel.on_account_event(
            {"kind": "ACCOUNT_UPDATE", "timestamp": 0, "asset": "USDT", "wallet_balance": 10_000}
        )
        assert kernel.health()["unknown_wallets"] == []
