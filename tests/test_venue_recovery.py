"""After the log, the venue: what happened there while the kernel was gone is caught up with, by name."""

import logging
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import (
    BaseExecutionAdapter,
    ExecutionKernel,
    KernelEventKind,
    ManualClock,
    NotYetSupported,
    TradeStage,
    VenueEvent,
    VenueOrder,
)
from dita.kernel.recovery import RECOVERY_MARGIN_NS
from kernels import CONFIG, ENTER, EXIT, SYMBOL, event, intent

HOUR_NS = 3_600_000_000_000
START_NS = 1_700_000_000_000_000_000


class Exchange:
    """An exchange with books of its own; it outlives every kernel. Orders that take fill at 60,000."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self.orders: dict[str, VenueOrder] = {}
        self.fills: list[VenueEvent] = []
        self.income: list[dict[str, Any]] = []
        self.wallet = Decimal(10_000)
        self.position = Decimal(0)
        self.resting: dict[str, VenueOrder] = {}
        self.ended: dict[str, str] = {}

    def take(self, order: VenueOrder) -> list[VenueEvent]:
        """A new order: acknowledged, and where it takes, filled."""
        assert order.venue_client_id not in self.orders, "sent twice"
        self.orders[order.venue_client_id] = order
        ack = event(KernelEventKind.ORDER_ACK, order, timestamp=self.now_ns, venue_order_id=self.id_of(order))
        if order.order_type == "LIMIT":
            self.resting[order.venue_client_id] = order
            return [ack]
        return [ack, self.fill(order)]

    def id_of(self, order: VenueOrder) -> str:
        """The exchange's own id."""
        return "V" + order.venue_client_id[-12:]

    def fill(self, order: VenueOrder) -> VenueEvent:
        """Fills all of an order."""
        self.resting.pop(order.venue_client_id, None)
        self.ended[order.venue_client_id] = "FILLED"
        size = order.intended_size if order.order_side == "BUY" else -order.intended_size
        self.position += size
        self.wallet -= Decimal("0.3")
        self.fills.append(
            event(
                KernelEventKind.FULL_FILL,
                order,
                timestamp=self.now_ns,
                asset=order.asset,
                order_side=order.order_side,
                venue_order_id=self.id_of(order),
                venue_trade_id=f"T{len(self.fills) + 1}",
                size=order.intended_size,
                price="60000",
                fee="0.3",
            )
        )
        return self.fills[-1]

    def pay(self, amount: str) -> None:
        """Funding of the open position."""
        self.wallet += Decimal(amount)
        entry = {
            "kind": "FUNDING_FEE",
            "timestamp": self.now_ns,
            "asset": "USDT",
            "symbol": SYMBOL,
            "amount": amount,
        }
        self.income.append({**entry, "venue_txn_id": f"W{len(self.income) + 1}"})


class Adapter(BaseExecutionAdapter):
    """An adapter to it. `before_answer` is called when a request has arrived and its answer has not left."""

    def __init__(self, exchange: Exchange, before_answer: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.exchange = exchange
        self.before_answer = before_answer
        self.asked: list[str] = []

    def submit(self, order: VenueOrder) -> list[VenueEvent]:
        self.asked.append("submit")
        events = self.exchange.take(order)
        self.before_answer()
        return events

    def cancel(self, order: VenueOrder, reason: str) -> list[VenueEvent]:
        self.asked.append("cancel")
        del self.exchange.resting[order.venue_client_id]
        self.exchange.ended[order.venue_client_id] = "CANCELED"
        self.before_answer()
        return [event(KernelEventKind.CANCEL_ACK, order, timestamp=self.exchange.now_ns, reason=reason)]

    def query_order(self, venue_client_id: str) -> list[VenueEvent]:
        self.asked.append("query_order")
        order = self.exchange.orders.get(venue_client_id)
        if order is None:
            return [event(KernelEventKind.ORDER_NOT_FOUND, venue_client_id, timestamp=self.exchange.now_ns)]
        done = [fill for fill in self.exchange.fills if fill.venue_client_id == venue_client_id]
        status = self.exchange.ended.get(venue_client_id, "ACKED")
        reported = event(
            KernelEventKind.ORDER_STATUS,
            venue_client_id,
            timestamp=self.exchange.now_ns,
            venue_order_id=self.exchange.id_of(order),
            status=status,
            filled_size=sum((fill.size or Decimal(0) for fill in done), Decimal(0)),
        )
        return [*done, reported]

    def get_fills(self, since: int) -> list[VenueEvent]:
        self.asked.append("get_fills")
        return [fill for fill in self.exchange.fills if fill.timestamp_ns >= since]

    def get_income(self, since: int) -> list[dict[str, Any]]:
        self.asked.append("get_income")
        return [entry for entry in self.exchange.income if entry["timestamp"] >= since]

    def get_balances(self) -> dict[str, Decimal]:
        self.asked.append("get_balances")
        return {"USDT": self.exchange.wallet, "DUST": Decimal(0)}

    def get_positions(self) -> list[dict[str, Any]]:
        self.asked.append("get_positions")
        held = {"symbol": SYMBOL, "size": self.exchange.position, "entry_price": "60000", "leverage": "3"}
        return [held] if self.exchange.position else []

    def get_open_orders(self, symbol: str | None = None) -> list[dict[str, Any]]:
        self.asked.append("get_open_orders")
        orders = self.exchange.resting.values()
        return [
            {
                "symbol": SYMBOL,
                "venue_client_id": order.venue_client_id,
                "venue_order_id": self.exchange.id_of(order),
            }
            for order in orders
            if symbol in (None, SYMBOL)
        ]


def live(adapter: Any, log_dir: Path) -> ExecutionKernel:
    """A kernel at an adapter, on its log, opened by the exchange's time."""
    exchange = adapter.exchange
    kernel = ExecutionKernel(venue=adapter, log_dir=log_dir, clock=ManualClock(exchange.now_ns))
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital("10000")
    kernel.mark_price(SYMBOL, "60000")
    return kernel


def at(kernel: ExecutionKernel, action: Any, name: str, **changes: Any) -> Any:
    """An intent at the kernel's time."""
    return kernel.process_intent(intent(action, name, timestamp=kernel.now_ns, **changes))


def found(kernel: ExecutionKernel) -> dict[str, Any]:
    """What the recovery found."""
    assert kernel.recovery is not None
    return kernel.recovery


def strangers_fill(**changes: Any) -> VenueEvent:
    """A fill that somebody else made on this account."""
    fields = {"asset": SYMBOL, "order_side": "SELL", "size": "0.004", "price": "60000", "fee": "0.1"}
    ids = {"timestamp": START_NS, "venue_order_id": "V7", "venue_trade_id": "T7"}
    return event(KernelEventKind.FULL_FILL, "web-7", **{**fields, **ids, **changes})


class Killed(BaseException):
    """The process ends here."""


def crash(log_dir: Path, to: Path) -> Callable[[], None]:
    """What the disk holds at this moment is all that is left."""

    def end() -> None:
        shutil.copytree(log_dir, to)
        raise Killed

    return end


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


# ----------------------------------------------------------------------------------- what is caught up with


def test_an_entry_that_left_and_was_not_answered_is_asked_for_and_never_sent_again(
    exchange: Exchange, tmp_path: Path
) -> None:
    log, left = tmp_path / "log", tmp_path / "left"
    kernel = live(Adapter(exchange, crash(log, left)), log)
    with pytest.raises(Killed):
        at(kernel, ENTER, "i1")
    adapter = Adapter(exchange)
    again = live(adapter, left)
    assert adapter.asked[0] == "query_order"
    assert "submit" not in adapter.asked
    assert again.slot(0).fsm_state == TradeStage.POSITION_OPEN
    assert again.slot(0).size == exchange.position
    assert again.account.capital == exchange.wallet
    assert again.account.reconcile_delta == 0
    assert found(again)["troubles"] == found(again)["refused"] == []
    assert at(again, EXIT, "i2").state == TradeStage.CLOSED
    assert (exchange.position, again.account.capital) == (0, exchange.wallet)
    again.check_invariants()


def test_fills_funding_and_balances_of_the_meantime_are_booked_once(
    exchange: Exchange, tmp_path: Path
) -> None:
    kernel = live(Adapter(exchange), tmp_path)
    at(kernel, ENTER, "i1")
    at(kernel, EXIT, "x1", order_type="LIMIT", limit_price="60000")
    assert kernel.slot(0).fsm_state == TradeStage.EXIT_WORKING
    kernel.close()
    # While nobody watched: funding, and the exit filled.
    exchange.now_ns += HOUR_NS
    exchange.pay("-1.25")
    (order,) = exchange.resting.values()
    exchange.fill(order)
    for _ in range(2):
        adapter = Adapter(exchange)
        kernel = live(adapter, tmp_path)
        assert adapter.asked[-5:] == [
            "get_fills", "get_income", "get_balances", "get_positions", "get_open_orders",
        ]  # fmt: skip
        assert kernel.slot(0).fsm_state == TradeStage.CLOSED
        assert kernel.account.capital == exchange.wallet == Decimal("9998.15")
        assert kernel.account.reconcile_delta == 0
        assert found(kernel)["troubles"] == []
        assert [position["difference"] for position in kernel.positions()] in ([], [0])
        kernel.check_invariants()
        last = found(kernel)
        kernel.close()
    # The second time everything was known.
    assert last["repairs"]["get_fills"]["taken"] == last["repairs"]["get_income"]["taken"] == 0
    assert last["repairs"]["get_income"]["known"] == 1
    assert last["since_ns"] == last["heard_ns"] - RECOVERY_MARGIN_NS


def test_our_own_orders_at_work_go_on_and_are_not_unknown(exchange: Exchange, tmp_path: Path) -> None:
    kernel = live(Adapter(exchange), tmp_path)
    at(kernel, ENTER, "i1")
    at(kernel, EXIT, "x1", order_type="LIMIT", limit_price="60000")
    kernel.close()
    kernel = live(Adapter(exchange), tmp_path)
    assert found(kernel)["unknown_orders"] == []
    assert [order.status for order in kernel.orders(live_only=True)] == ["ACKED"]
    (order,) = exchange.resting.values()
    assert kernel.on_venue_event(exchange.fill(order)).accepted
    assert kernel.slot(0).fsm_state == TradeStage.CLOSED


def test_what_others_did_meanwhile_is_seen_and_named(exchange: Exchange, tmp_path: Path) -> None:
    kernel = live(Adapter(exchange), tmp_path)
    at(kernel, ENTER, "i1")
    kernel.close()
    exchange.now_ns += HOUR_NS
    exchange.fills.append(strangers_fill(timestamp=exchange.now_ns))
    exchange.position -= Decimal("0.004")
    exchange.wallet -= Decimal("0.1")
    working = VenueOrder.from_dict(
        {**exchange.orders.popitem()[1].to_dict(), "venue_client_id": "web-8-0123456789"}
    )
    exchange.resting["web-8"] = working
    kernel = live(Adapter(exchange), tmp_path)
    assert [position["size"] for position in kernel.unassigned()] == [Decimal("-0.004")]
    assert kernel.account.reconcile_delta == 0
    assert [order["venue_client_id"] for order in found(kernel)["unknown_orders"]] == ["web-8-0123456789"]
    (position,) = kernel.positions()
    assert (position["size"], position["difference"]) == (exchange.position, 0)


def test_a_position_that_the_venue_does_not_list_any_more_is_reported_flat(
    exchange: Exchange, tmp_path: Path
) -> None:
    kernel = live(Adapter(exchange), tmp_path)
    at(kernel, ENTER, "i1")
    kernel.close()
    exchange.position = Decimal(0)
    kernel = live(Adapter(exchange), tmp_path)
    (position,) = kernel.positions()
    assert (position["size"], position["reported_size"]) == (Decimal("0.01"), 0)


def test_a_simple_adapter_is_asked_nothing_that_it_does_not_have(tmp_path: Path) -> None:
    class Simple:
        exchange = Exchange()

        def submit(self, order: VenueOrder) -> list[VenueEvent]:
            return self.exchange.take(order)

        def cancel(self, order: VenueOrder, reason: str) -> list[VenueEvent]:
            return []

    at(live(Simple(), tmp_path), ENTER, "i1", order_type="LIMIT", limit_price="60000")
    kernel = live(Simple(), tmp_path)
    assert (found(kernel)["troubles"], found(kernel)["repairs"]) == ([], {})
    assert kernel.slot(0).fsm_state == TradeStage.ENTRY_WORKING


def test_a_new_log_asks_the_venue_nothing(exchange: Exchange, tmp_path: Path) -> None:
    adapter = Adapter(exchange)
    live(adapter, tmp_path)
    assert adapter.asked == []


# -------------------------------------------------------------------------------------------------- rubbish


class Rubbish(Adapter):
    """The same, with one method that answers something else."""

    def __init__(self, exchange: Exchange, method: str, answer: Any) -> None:
        super().__init__(exchange)

        def answers(*_arguments: Any) -> Any:
            if isinstance(answer, BaseException):
                raise answer
            return answer

        setattr(self, method, answers)


ENTRY = {"kind": "TRANSFER", "timestamp": START_NS, "asset": "USDT", "amount": 5, "venue_txn_id": "W9"}


@pytest.mark.parametrize(
    ("method", "answer", "error"),
    [
        ("query_order",     TimeoutError("no answer"),             "TimeoutError: no answer"),
        ("query_order",     "<html>502</html>",                    "VenueAdapterError: the adapter's que"),
        ("get_fills",       ConnectionError("refused"),            "ConnectionError: refused"),
        ("get_fills",       None,                                  "TypeError: get_fills: expected a list"),
        ("get_fills",       [strangers_fill(), "<html>"],               "InvalidType: get_fills[1].event: "),
        ("get_income",      {"error": -1},                         "TypeError: get_income: expected a li"),
        ("get_income",      [ENTRY, {**ENTRY, "amount": "NaN"}],   "InvalidInput: get_income[1].amount: "),
        ("get_income",      [ENTRY, {"kind": "TRANSFER"}],         "InvalidInput: get_income[1].timestam"),
        ("get_balances",    [1],                                   "TypeError: get_balances: expected a m"),
        ("get_balances",    {"USDT": object()},                    "InvalidType: get_balances[0].wallet_b"),
        ("get_positions",   "[]",                                  "TypeError: expected rows, got str"),
        ("get_positions",   [{"symbol": SYMBOL, "size": "much"}],  "InvalidInput: get_positions[0].size: "),
        ("get_positions",   [{"size": 5}],                         "KeyError: 'symbol'"),
        ("get_open_orders", [{"symbol": SYMBOL}],                  "ValueError: get_open_orders: a row has"),
        ("get_open_orders", [None],                                "TypeError: expected mappings, got Non"),
    ],
)  # fmt: skip
def test_a_venue_that_answers_rubbish_is_named_and_the_kernel_opens(
    exchange: Exchange,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    method: str,
    answer: Any,
    error: str,
) -> None:
    log, left = tmp_path / "log", tmp_path / "left"
    kernel = live(Adapter(exchange), log)
    at(kernel, ENTER, "i1", slot_id=1, trade_id="t2")
    kernel.venue.before_answer = crash(log, left)  # type: ignore[union-attr]
    with pytest.raises(Killed):
        at(kernel, ENTER, "i2")
    with caplog.at_level(logging.ERROR):
        kernel = live(Rubbish(exchange, method, answer), left)
    (trouble,) = found(kernel)["troubles"]
    assert trouble["method"] == method
    assert trouble["error"].startswith(error), trouble["error"]
    assert any(method in record.getMessage() for record in caplog.records)
    # Nothing of what could not be read was taken, and everything else was.
    assert kernel.unassigned() == []
    assert kernel.account.capital == exchange.wallet
    assert [slot.fsm_state for slot in kernel.state.slots[:2]] == [TradeStage.POSITION_OPEN] * 2
    kernel.check_invariants()


def test_an_order_of_which_the_venue_says_nothing_stays_in_doubt(exchange: Exchange, tmp_path: Path) -> None:
    log, left = tmp_path / "log", tmp_path / "left"
    kernel = live(Adapter(exchange, crash(log, left)), log)
    with pytest.raises(Killed):
        at(kernel, ENTER, "i1")

    class Deaf(Adapter):
        def query_order(self, venue_client_id: str) -> list[VenueEvent]:
            raise ConnectionError(venue_client_id)

        def get_fills(self, since: int) -> list[VenueEvent]:
            raise NotYetSupported(str(since))

    kernel = live(Deaf(exchange), left)
    (order,) = kernel.orders(live_only=True)
    assert (order.doubt, kernel.slot(0).fsm_state) == ("SUBMIT", TradeStage.ORDER_SENT)
    assert [trouble["method"] for trouble in found(kernel)["troubles"]] == ["query_order"]
    # What is refused as an input is listed, and changes nothing.
    assert found(kernel)["refused"] == []


def test_an_event_that_the_kernel_refuses_is_listed(exchange: Exchange, tmp_path: Path) -> None:
    kernel = live(Adapter(exchange), tmp_path)
    at(kernel, ENTER, "i1")
    kernel.close()
    exchange.fills.append(strangers_fill(asset="NOSUCH"))
    kernel = live(Adapter(exchange), tmp_path)
    (refused,) = found(kernel)["refused"]
    assert refused["method"] == "get_fills"
    assert "NOSUCH" in refused["event"]
    assert found(kernel)["repairs"]["get_fills"]["refused"] == 1
    assert kernel.account.reconcile_delta == 0


def test_an_interrupt_while_the_venue_is_asked_stops_the_opening_and_keeps_the_log(
    exchange: Exchange, tmp_path: Path
) -> None:
    kernel = live(Adapter(exchange), tmp_path)
    at(kernel, ENTER, "i1")
    kernel.close()
    with pytest.raises(KeyboardInterrupt):
        live(Rubbish(exchange, "get_income", KeyboardInterrupt()), tmp_path)
    kernel = live(Adapter(exchange), tmp_path)
    assert kernel.slot(0).fsm_state == TradeStage.POSITION_OPEN
    assert kernel.account.capital == exchange.wallet


@pytest.mark.parametrize("method", ["get_fills", "get_income"])
def test_what_a_recovery_could_not_ask_the_next_one_asks_as_far_back(
    exchange: Exchange, tmp_path: Path, method: str
) -> None:
    kernel = live(Adapter(exchange), tmp_path)
    at(kernel, ENTER, "i1")
    kernel.close()
    exchange.now_ns += HOUR_NS
    exchange.fills.append(strangers_fill(timestamp=exchange.now_ns))
    exchange.wallet -= Decimal("0.1")
    exchange.pay("-1.25")
    # Twice the venue does not answer, once with an interrupt, and hours pass with inputs.
    for failure in (ConnectionError("down"), KeyboardInterrupt()):
        exchange.now_ns += HOUR_NS
        try:
            kernel = live(Rubbish(exchange, method, failure), tmp_path)
        except KeyboardInterrupt:
            continue
        kernel.advance_time(exchange.now_ns)
        kernel.close()
    exchange.now_ns += HOUR_NS
    kernel = live(Adapter(exchange), tmp_path)
    assert found(kernel)["since_ns"] == START_NS - RECOVERY_MARGIN_NS
    assert kernel.account.capital == exchange.wallet
    assert kernel.account.reconcile_delta == 0
    kernel.close()
    # Now it was heard, and the one after asks from then on only.
    kernel = live(Adapter(exchange), tmp_path)
    assert found(kernel)["since_ns"] == found(kernel)["last_ns"] - RECOVERY_MARGIN_NS > START_NS


def test_a_time_that_cannot_be_read_means_that_anything_may_be_missing(
    exchange: Exchange, tmp_path: Path
) -> None:
    kernel = live(Adapter(exchange), tmp_path)
    at(kernel, ENTER, "i1")
    kernel.close()
    (tmp_path / "venue.missed").write_bytes(b"\xff\x00")
    assert found(live(Adapter(exchange), tmp_path))["since_ns"] == 0
    assert not (tmp_path / "venue.missed").exists()
