"""Bytes as calls from Python: whatever is given, the answer is an outcome or one of the kernel's own errors.

`run` is the fuzz target `bindings`: libFuzzer drives it through `rust_kernel/fuzz/engine`, and
`test_bindings_fuzz.py` replays the corpus with the extension as it is shipped. It holds after each call that

- nothing is raised but a KernelError, a TypeError for arguments that a function does not have, or what an
  argument of the caller's own raises when it is looked at;
- a call that raises has changed nothing;
- every invariant holds; and at the end a kernel with a log comes back as it was.
"""

import logging
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from dita import (
    BaseExecutionAdapter,
    ControlUpdate,
    ExecutionKernel,
    KernelError,
    KernelIntent,
    KernelPoisoned,
    MarketLimits,
    NotSent,
    SimulatedVenue,
    TradeSide,
    VenueEvent,
)

CALLS_MAX: Final = 40
SYMBOL: Final = "BTCUSDT"


class Planted(Exception):  # noqa: N818 - it is no error of anything
    """What the caller's own objects raise: it may come through as it is."""


class Hostile:
    """Raises whatever is done with it."""

    def _raise(self, *_: object) -> Any:
        raise Planted

    __str__ = __repr__ = __eq__ = __hash__ = __len__ = __iter__ = __index__ = __int__ = __float__ = _raise  # type: ignore[assignment]
    __bool__ = __getitem__ = __fspath__ = __contains__ = __getattr__ = _raise  # type: ignore[assignment]


class Text(str):
    """A str that says it is another."""

    __slots__ = ()

    def __str__(self) -> str:
        """Something else."""
        return "another"


class Number(int):
    """An int that says it is another."""

    def __int__(self) -> int:
        """Something else."""
        return 5

    def __index__(self) -> int:
        """Something else again."""
        return 7


_deep: list[Any] = []
for _ in range(2_000):
    _deep = [_deep]

#: Values of every kind that somebody could hand over.
WILD: Final[list[Callable[[], Any]]] = [
    lambda: None,
    lambda: True,
    lambda: 0,
    lambda: -1,
    lambda: 1 << 31,
    lambda: (1 << 63) - 1,
    lambda: -(1 << 63),
    lambda: 1 << 64,
    lambda: 10**40,
    lambda: 10**5000,
    lambda: float("nan"),
    lambda: float("-inf"),
    lambda: 1e308,
    lambda: -0.0,
    lambda: 5e-324,
    lambda: 0.1,
    lambda: Decimal("NaN"),
    lambda: Decimal("sNaN"),
    lambda: Decimal("-Infinity"),
    lambda: Decimal("1E+999999"),
    lambda: Decimal("1E-999999"),
    lambda: Decimal("9" * 60),
    lambda: Decimal("-0.000"),
    lambda: "",
    lambda: " 1",
    lambda: "NaN",
    lambda: "1e5",
    lambda: "1e-99999999999999999999",
    lambda: "0x10",
    lambda: "1_000",
    lambda: "\uff11",
    lambda: "\ud800",
    lambda: "é" * 40,
    lambda: "a\0b",
    lambda: "x" * 64,
    lambda: "x" * 65,
    lambda: "9" * 5000,
    lambda: b"100",
    list,
    lambda: ["0.5", 0.5, Decimal("0.5")],
    lambda: _deep,
    lambda: (1, 2),
    dict,
    lambda: {"a": 1, 2: "b", "nan": float("nan")},
    lambda: {"deep": _deep},
    lambda: {"text": "\ud800"},
    lambda: {"long": "x" * 5000},
    lambda: {1, 2},
    lambda: iter([1]),
    lambda: object,
    lambda: object(),
    Hostile,
    lambda: Text("1"),
    lambda: Text(SYMBOL),
    lambda: Number(3),
    lambda: print,
    lambda: datetime.min,  # noqa: DTZ901 - naive on purpose
    lambda: datetime.max.replace(tzinfo=UTC),
    lambda: datetime(2024, 1, 1),  # noqa: DTZ001 - naive on purpose
    lambda: datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23))),
    lambda: datetime(2024, 1, 1, tzinfo=UTC),
    lambda: TradeSide.LONG,
    lambda: 3 + 4j,
    lambda: ValueError("a value"),
    lambda: memoryview(b"1"),
]

NUMBERS: Final = ["0.01", "0.02", "0.001", "1", "60000", "60000.1", "59999.9", "-1", "0", "1e12", "0.0000001"]
KINDS: Final = [
    *("ORDER_ACK", "FULL_FILL", "PARTIAL_FILL", "ORDER_REJECT", "CANCEL_ACK", "CANCEL_REJECT", "EXPIRED"),
    *("ORDER_STATUS", "ORDER_NOT_FOUND", "SEND_TIMEOUT", "RATE_LIMITED", "TRADE_BUST", "TRADE_CORRECT"),
    *("LIQUIDATION", "ADL", "AMEND_ACK", "AMEND_REJECT", "DISCONNECTED", "RESYNCED", "TRIGGERED", "RESTATED"),
]
ACCOUNT_KINDS: Final = [
    *("FILL_SETTLED", "ACCOUNT_UPDATE", "POSITION_UPDATE", "FUNDING_FEE", "TRANSFER", "REBATE"),
    *("LIQUIDATION_FEE", "ADJUSTMENT"),
]


class Choices:
    """Bytes that are used up; where they end, everything is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.sent: list[str] = []

    def __bool__(self) -> bool:
        """Whether any are left."""
        return self._at < len(self._data)

    def byte(self) -> int:
        at, self._at = self._at, self._at + 1
        return self._data[at] if at < len(self._data) else 0

    def pick(self, of: list[Any]) -> Any:
        return of[self.byte() % len(of)]

    def wild(self) -> Any:
        return self.pick(WILD)()

    def value(self, of: list[Any]) -> Any:
        """One of these, or now and then anything."""
        chosen = self.byte()
        return self.wild() if chosen >= 224 else of[chosen % len(of)]

    def key(self, of: list[Any]) -> Any:
        """One of these, or now and then anything that can be a key."""
        chosen = self.value(of)
        try:
            hash(chosen)
        except (TypeError, Planted):
            return of[0]
        return chosen

    def fields(self, of: dict[str, list[Any]], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
        """Some of these fields; now and then one that is not known."""
        names = [name for name in of if name not in required]
        chosen = {name: self.value(of[name]) for name in required if self.byte() < 250}
        for _ in range(self.byte() % 6):
            name = self.pick(names)
            chosen[name] = self.value(of[name])
        if self.byte() == 255:
            chosen["unheard_of"] = self.wild()
        return chosen

    def order(self) -> Any:
        """One of the orders that were sent, the newest first."""
        back = self.byte() % 8
        return self.sent[-1 - back] if back < len(self.sent) else "nobody"


TEXTS: Final[list[Any]] = ["", "a", "T1", "T2", "T3"]
TIMES: Final[list[Any]] = [1, 2, 1_000_000_000, 60_000_000_000, datetime(2024, 1, 1, tzinfo=UTC)]
FLAGS: Final[list[Any]] = [False, True, None]
INTENT: Final[dict[str, list[Any]]] = {
    "timestamp": TIMES,
    "intent_id": [f"i{number}" for number in range(40)],
    "trade_id": ["t1", "t2", "t3", "t4"],
    "slot_id": [0, 1, 2, 3],
    "asset": [SYMBOL, SYMBOL, SYMBOL, "ETHUSDT"],
    "side": ["LONG", "SHORT", "FLAT", TradeSide.LONG],
    "action": ["ENTER", "EXIT", "CANCEL", "AMEND", "MARK_PRICE", "RECONCILE", "CONTROL"],
    "reference_price": ["60000", *NUMBERS],
    "target_size": NUMBERS,
    "leverage": [1, 2, "3"],
    "exit_leg_ratios": [[], ["0.5", "0.5"], [1], ["0.3", "0.3", "0.4"]],
    "reason": TEXTS,
    "metadata": [None, {}, {"why": "test"}],
    "stage": TEXTS,
    "order_type": ["MARKET", "LIMIT", "STOP_MARKET", "STOP_LIMIT", "TAKE_PROFIT", "FOK"],
    "limit_price": NUMBERS,
    "time_in_force": ["GTC", "IOC", "FOK", "GTD", "DAY"],
    "expire_time": TIMES,
    "post_only": FLAGS,
    "reduce_only": FLAGS,
    "trigger_price": NUMBERS,
    "quote_size": NUMBERS,
    "oco_group": TEXTS,
    "target_client_id": TEXTS,
    "valid_until": TIMES,
    "source_run": TEXTS,
    "regime": ["NORMAL", "CRISIS"],
    "override_ref": TEXTS,
}
EVENT: Final[dict[str, list[Any]]] = {
    "timestamp": TIMES,
    "kind": KINDS,
    "venue_client_id": TEXTS,
    "event_id": TEXTS,
    "trade_id": TEXTS,
    "slot_id": [0, 1, 9, None],
    "status": ["NEW", "FILLED", "ACKED", "REJECTED", "PARTIALLY_FILLED", None],
    "venue_order_id": ["V1", "V2", ""],
    "side": ["LONG", "SHORT", None],
    "asset": [SYMBOL, "", "ETHUSDT"],
    **dict.fromkeys(("price", "size", "filled_size", "remaining_size", "fee"), NUMBERS),
    **dict.fromkeys(("order_size", "order_price", "average_price"), NUMBERS),
    **dict.fromkeys(("reason", "venue_trade_id", "request_id", "reason_code", "parent_order_id"), TEXTS),
    "ref_trade_id": TEXTS,
    "raw_payload": [None, "{}", {"a": 1}],
    "metadata": [None, {}, {"a": [1, "2"]}],
    "order_side": ["BUY", "SELL", None],
    "position_side": ["BOTH", "LONG", "SHORT", None],
    "fee_asset": ["USDT", "BNB", ""],
    "liquidity": ["MAKER", "TAKER", None],
    "ts_init": TIMES,
    "retry_after_ms": [0, 250, None],
    "venue_sequence": [0, 2**63 - 1, None],
}
ACCOUNT: Final[dict[str, list[Any]]] = {
    "kind": ACCOUNT_KINDS,
    "timestamp": TIMES,
    "asset": ["USDT", "BTC", "BNB"],
    "symbol": [SYMBOL, ""],
    **dict.fromkeys(("event_id", "venue_txn_id", "venue_trade_id"), TEXTS),
    **dict.fromkeys(("amount", "fee", "realized_pnl", "wallet_balance", "size", "entry_price"), NUMBERS),
    **dict.fromkeys(("available_margin", "used_margin", "maint_margin", "rate", "mark_price"), NUMBERS),
    "fee_asset": ["USDT", "BNB"],
    "position_side": ["BOTH", "LONG"],
    "venue_sequence": [0, 2**63 - 1, None],
}
CONFIG: Final[dict[str, list[Any]]] = {
    **dict.fromkeys(("taker_rate", "maker_rate", "min_qty", "max_qty", "min_notional", "max_price"), NUMBERS),
    "tick_size": ["0.1", "1", "0.01"],
    "lot_step": ["0.001", "1"],
    "contract_multiplier": ["1", "7"],
    "funding_interval_secs": [28800, 3600],
    "leverage": [1, 5],
    "fee_rounding": ["0.00000001", 8, ("0.01", "UP")],
    "base": ["BTC"],
    "quote": ["USDT"],
    "settle": ["USDT"],
    "product": ["perp", "spot"],
    "inverse": FLAGS,
    "fee_asset": ["", "BNB"],
    "margin_tiers": [[], [{"notional_floor": 0, "maint_rate": "0.004", "max_leverage": 125}], [{}], [1]],
}
CONTROL: Final[dict[str, list[Any]]] = {
    "mode": ["PAPER", "LIVE", "MOCK"],
    "gate": ["NORMAL", "HALTED", "REDUCE_ONLY"],
    "verbosity": ["NORMAL", "QUIET"],
    "debug_clickhouse_enabled": FLAGS,
    "frozen": FLAGS,
    "limits": [
        {},
        {"max_order_notional": "5"},
        {"max_open_slots": 1},
        {"unheard_of": 1},
        {"price_collar": "x"},
    ],
    "kill_switch": FLAGS,
    "require_audit": FLAGS,
    "regime": ["NORMAL", "CRISIS"],
    "audited": [(), ("run-1",)],
    "updated_by": TEXTS,
}


class Mad(BaseExecutionAdapter):
    """An adapter that answers with whatever the bytes say."""

    def __init__(self, choices: Choices) -> None:
        super().__init__()
        self._choices = choices

    def _answer(self, order: Any) -> Any:
        choices = self._choices
        match choices.byte() % 8:
            case 0:
                return choices.wild()
            case 1:
                raise choices.pick([Planted, NotSent, TimeoutError, RecursionError, MemoryError])("as told")
            case 2:
                return [choices.wild(), choices.wild()]
            case 3:
                return []
            case _:
                client = {
                    "venue_client_id": order.venue_client_id,
                    "venue_order_id": "V" + order.venue_client_id,
                }
                events = []
                for _ in range(1 + choices.byte() % 3):
                    try:
                        events.append(
                            VenueEvent(**{**choices.fields(EVENT, required=("timestamp", "kind")), **client})
                        )
                    except (KernelError, TypeError, Planted):
                        events.append(VenueEvent(1, kind="ORDER_ACK", **client))
                return events

    def submit(self, order: Any) -> Any:
        self._choices.sent.append(order.venue_client_id)
        return self._answer(order)

    def cancel(self, order: Any, reason: str) -> Any:
        return self._answer(order)

    def amend(self, order: Any, **changes: Any) -> Any:
        return self._answer(order)

    def query_order(self, client_id: str) -> Any:
        return self._choices.wild() if self._choices.byte() % 2 else []

    def set_leverage(self, symbol: str, leverage: Decimal) -> Any:
        return self._choices.value([None, leverage])


def _intent(choices: Choices) -> Any:
    fields = choices.fields(
        INTENT, required=("timestamp", "intent_id", "trade_id", "slot_id", "asset", "side", "action")
    )
    fields.setdefault("target_size", "0.01")
    return KernelIntent(**fields)


def _event(choices: Choices) -> Any:
    fields = choices.fields(EVENT, required=("timestamp", "kind"))
    return VenueEvent(**{"venue_client_id": choices.order(), **fields})


def _override(kernel: ExecutionKernel, choices: Choices) -> None:
    with kernel.override(by=choices.value(["ops"]), reason=choices.value(["because"])):
        slot = kernel.slot(choices.value([0, 1, 2]))
        for _ in range(1 + choices.byte() % 3):
            name = choices.pick(
                ["size", "entry_price", "realized_pnl", "leverage", "trade_id", "asset", "side", "closed"]
            )
            setattr(slot, name, choices.value(NUMBERS))


def _limits(choices: Choices) -> None:
    names = ("symbol", "tick_size", "lot_step", "min_qty", "max_qty", "min_notional", "max_price")
    limits = MarketLimits(
        **choices.fields({**dict.fromkeys(names, NUMBERS), "symbol": [SYMBOL]}, required=("symbol",))
    )
    limits.round_order(choices.value(["BUY", "SELL"]), choices.value(NUMBERS), choices.value(NUMBERS))


CALLS: Final[list[Callable[[ExecutionKernel, Choices], Any]]] = [
    lambda k, c: k.process_intent(_intent(c)),
    lambda k, c: k.process_intent(_intent(c)),
    lambda k, c: k.on_venue_event(_event(c)),
    lambda k, c: k.on_venue_event(_event(c)),
    lambda k, c: k.on_account_event(c.fields(ACCOUNT, required=("kind", "timestamp"))),
    lambda k, c: k.process_intent(c.wild()),
    lambda k, c: k.process_intents(c.value([[], [_intent(c)], [_intent(c), _intent(c)]])),
    lambda k, c: k.on_venue_event(c.wild()),
    lambda k, c: k.on_account_event(c.wild()),
    lambda k, c: k.mark_price(c.value([SYMBOL]), c.value(NUMBERS), c.value([None, *TIMES])),
    lambda k, c: k.advance_time(c.value(TIMES)),
    lambda k, c: k.on_funding(
        c.value([SYMBOL]),
        rate=c.value(["0.0001", None]),
        next_boundary=c.value([None, *TIMES]),
        interval_secs=c.value([3600, None]),
        mark_price=c.value([None, *NUMBERS]),
        timestamp=c.value([None, *TIMES]),
    ),
    lambda k, c: k.on_edge(c.value([SYMBOL]), c.value(NUMBERS), c.value([None, *TIMES])),
    lambda k, c: k.open_with(
        c.value(
            [
                {
                    "balances": {"USDT": c.value(NUMBERS)},
                    "positions": c.value([[], [{"symbol": SYMBOL}]]),
                    "timestamp": 1,
                }
            ]
        )
    ),
    lambda k, c: k.reconcile_from_slots(c.value([[], [k.slot(0).snapshot], [c.wild()]]), c.value(["ops"])),
    _override,
    lambda k, c: k.set_seed_capital(c.value(NUMBERS), c.value(["USDT", "BTC"])),
    lambda k, c: k.set_exchange_config(
        c.value(
            [
                {
                    "instruments": {
                        c.key([SYMBOL, "ETHUSDT"]): c.fields(CONFIG, required=("tick_size", "lot_step"))
                    }
                }
            ]
        )
    ),
    lambda k, c: k.set_exchange_config(c.fields(CONFIG)),
    lambda k, c: k.calibrate_fee(
        c.value(NUMBERS), c.value(NUMBERS), c.value(NUMBERS), c.value([None, SYMBOL])
    ),
    lambda k, c: k.update_control(ControlUpdate(**c.fields(CONTROL))),
    lambda k, c: k.update_control(c.wild()),
    lambda k, c: k.slot(c.value([0, 1, 9])).to_dict(),
    lambda k, c: k.order(c.value(TEXTS)),
    lambda k, c: k.ledger(
        c.value([None, 1, 0]), asset=c.value([None, "USDT"]), trade_id=c.value([None, "t1"])
    ),
    lambda k, c: (k.snapshot(), k.positions(), k.unassigned(), k.orders(live_only=bool(c.byte() & 1))),
    lambda k, c: k.sync(),
    lambda k, c: _limits(c),
    lambda k, c: k.state.slot(c.wild()),
]


def _market(venue: SimulatedVenue, choices: Choices) -> None:
    symbol = choices.value([SYMBOL])
    match choices.byte() % 8:
        case 0 | 1 | 2:
            venue.on_quote(
                symbol,
                choices.value(NUMBERS),
                None,
                choices.value(NUMBERS),
                None,
                choices.value([None, *TIMES]),
            )
        case 3:
            venue.on_trade(
                symbol, choices.value(NUMBERS), choices.value(NUMBERS), choices.value([None, *TIMES])
            )
        case 4:
            venue.mark(symbol, choices.value(NUMBERS), choices.value([None, *TIMES]))
        case 5:
            venue.advance(choices.value(TIMES))
        case 6:
            venue.transfer(choices.value(["USDT"]), choices.value(NUMBERS))
        case _:
            venue.force_adl(symbol, choices.value(NUMBERS), choices.value(NUMBERS))


def _is_ours(error: Exception) -> bool:
    """Whether that error may come out of a call."""
    if isinstance(error, KernelPoisoned):
        return False
    if isinstance(error, (KernelError, Planted)):
        return True
    # A call with other arguments than a function has is Python's own affair.
    words = ("unexpected keyword", "missing", "positional argument", "required argument")
    return isinstance(error, TypeError) and any(word in str(error) for word in words)


def run(data: bytes) -> None:
    """Make the calls that the bytes say."""
    logging.disable(logging.CRITICAL)
    try:
        choices = Choices(data)
        kind = choices.byte()
        venue = Mad(choices) if kind & 1 else SimulatedVenue(balances={"USDT": "10000"})
        if kind & 0x0E:
            _live(choices, venue, None)
            return
        with tempfile.TemporaryDirectory() as log_dir:
            was = _live(choices, venue, log_dir)
            with ExecutionKernel(max_slots=3, log_dir=log_dir, log_policy="off") as kernel:
                # The restart that opening is comes after it.
                assert kernel.recovery is not None
                assert kernel.recovery["last_seq"] == was, "the log has another end than its kernel had"
                kernel.check_invariants()
    finally:
        logging.disable(logging.NOTSET)


def _live(choices: Choices, venue: Any, log_dir: str | None) -> int:
    with ExecutionKernel(max_slots=3, venue=venue, log_dir=log_dir, log_policy="off") as kernel:
        kernel.set_exchange_config({"instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001"}}})
        kernel.set_seed_capital("10000")
        for _ in range(CALLS_MAX):
            if not choices:
                break
            _call(kernel, venue, choices)
        kernel.snapshot()
        return kernel.seq


def _call(kernel: ExecutionKernel, venue: Any, choices: Choices) -> None:
    number = choices.byte() % (len(CALLS) + 3)
    before = kernel.state_hash()
    try:
        if number < len(CALLS):
            CALLS[number](kernel, choices)
        elif isinstance(venue, SimulatedVenue):
            _market(venue, choices)
    except Exception as error:
        if not _is_ours(error):
            raise
        # Some calls are several inputs, and those before the refused one stand.
        several = number in _SEVERAL or number >= len(CALLS)
        if not several and kernel.state_hash() != before:
            raise AssertionError(f"call {number} raised and changed the state") from error
    kernel.check_invariants()


#: A configuration is one input an instrument, a batch one each; an override's block is one for each slot.
_SEVERAL: Final = frozenset({6, 15, 17, 18})
