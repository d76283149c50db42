"""The DITA execution kernel's native module: enumerations, errors, frozen value types and the engine."""

# Docstrings are wanted here (editors show them) and the errors' names are public API, whatever the suffix.
# `int | float` is kept, since an int stays an int.
# ruff: noqa: ANN401, N818, PYI021, PYI041

import enum
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal, TypeAlias, TypedDict, final, type_check_only

_Price: TypeAlias = Decimal | int | str | float

__all__ = [
    "SHOWN_CHARS_MAX",
    "AccountEventKind",
    "Atr",
    "AuditLedger",
    "Bar",
    "BarBuilder",
    "Bollinger",
    "Book",
    "CaptureConversion",
    "Client",
    "ControlGate",
    "Deviation",
    "Dispatcher",
    "Donchian",
    "Ema",
    "Engine",
    "EquityCurve",
    "ExitKind",
    "ExitSpec",
    "FreezeScope",
    "GraphMachine",
    "InboxFull",
    "InvalidInput",
    "InvalidType",
    "InvariantViolation",
    "KernelClosed",
    "KernelCommandType",
    "KernelDiagnosticCode",
    "KernelError",
    "KernelEventKind",
    "KernelIntent",
    "KernelMode",
    "KernelOutcome",
    "KernelPoisoned",
    "KernelServer",
    "KernelSeverity",
    "KernelTransition",
    "KernelVerbosity",
    "LeaseHeld",
    "Link",
    "LinkError",
    "Liquidity",
    "Listener",
    "LogCorrupt",
    "LogDisk",
    "LogError",
    "LogFailed",
    "LogFollower",
    "LogLocked",
    "LogMismatch",
    "LogReplica",
    "LogVersion",
    "MarginConvention",
    "MarginMode",
    "MarginStatus",
    "MarketLimits",
    "MarketReader",
    "NotSent",
    "NotYetSupported",
    "OppositeSlots",
    "OrderBook",
    "OrderDoubt",
    "OrderSide",
    "OrderType",
    "OwnFill",
    "PairOff",
    "Player",
    "PositionSide",
    "PriceCurve",
    "Product",
    "PulseReader",
    "QuoteTick",
    "ReconcileStatus",
    "Recorder",
    "Regime",
    "Replay",
    "RoundedOrder",
    "Rsi",
    "Seats",
    "ServerAway",
    "ServerRefused",
    "Session",
    "SimExchange",
    "Sma",
    "Teller",
    "TimeInForce",
    "TradeSide",
    "TradeSlot",
    "TradeStage",
    "TradeTick",
    "TriggerBy",
    "TwinLive",
    "VenueAdapterError",
    "VenueEvent",
    "VenueOrder",
    "VenueOrderStatus",
    "Vwap",
    "Watcher",
    "ZincError",
    "ZincHalt",
    "ZincReader",
    "ZincWriter",
    "audit_prove",
    "audit_verify",
    "cut",
    "explain_drift",
    "explain_trade",
    "followers_of",
    "interval_ns",
    "interval_text",
    "journal_tables",
    "log_bounds",
    "log_stats",
    "plain_standing",
    "read_cursor",
    "read_notes",
    "shown",
    "torture",
    "torture_faults",
    "torture_seed",
    "transition_table",
    "verify_log",
    "was_forked",
    "what_if",
    "zinc_directory",
    "zinc_names",
]

class TradeSide(enum.StrEnum):
    """A position's side. Orders and fills carry OrderSide as well."""

    LONG = "LONG"
    SHORT = "SHORT"
    FLAT = "FLAT"

class OrderSide(enum.StrEnum):
    """An order's side (FIX Side 54)."""

    BUY = "BUY"
    SELL = "SELL"

class PositionSide(enum.StrEnum):
    """Which of the venue's position books an order belongs to."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"

class KernelCommandType(enum.StrEnum):
    """What a strategy asks for."""

    ENTER = "ENTER"
    EXIT = "EXIT"
    CANCEL = "CANCEL"
    AMEND = "AMEND"

class OrderType(enum.StrEnum):
    """FIX OrdType 40, as far as venues have it."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"

class TriggerBy(enum.StrEnum):
    """Which price a trigger is held against (FIX TriggerPriceType 1107)."""

    LAST = "LAST"
    MARK = "MARK"

class ExitKind(enum.StrEnum):
    """What an exit that is attached to an entry is for."""

    STOP = "STOP"
    TARGET = "TARGET"
    TRAIL = "TRAIL"

class TimeInForce(enum.StrEnum):
    """FIX TimeInForce 59."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"

class Liquidity(enum.StrEnum):
    """Whether a fill took or made liquidity (FIX LastLiquidityInd 851)."""

    MAKER = "MAKER"
    TAKER = "TAKER"

class KernelEventKind(enum.StrEnum):
    """What a venue event says (FIX 4.4 ExecType 150, and what has no FIX twin)."""

    ORDER_ACK = "ORDER_ACK"
    PARTIAL_FILL = "PARTIAL_FILL"
    FULL_FILL = "FULL_FILL"
    CANCEL_PENDING = "CANCEL_PENDING"
    CANCEL_ACK = "CANCEL_ACK"
    CANCEL_REJECT = "CANCEL_REJECT"
    AMEND_REJECT = "AMEND_REJECT"
    AMEND_PENDING = "AMEND_PENDING"
    AMEND_ACK = "AMEND_ACK"
    ORDER_REJECT = "ORDER_REJECT"
    EXPIRED = "EXPIRED"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    STOPPED = "STOPPED"
    RESTATED = "RESTATED"
    TRIGGERED = "TRIGGERED"
    TRADE_CORRECT = "TRADE_CORRECT"
    TRADE_BUST = "TRADE_BUST"
    ORDER_STATUS = "ORDER_STATUS"
    ORDER_NOT_FOUND = "ORDER_NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    SEND_TIMEOUT = "SEND_TIMEOUT"
    LIQUIDATION = "LIQUIDATION"
    ADL = "ADL"
    DISCONNECTED = "DISCONNECTED"
    RESYNCED = "RESYNCED"

class VenueOrderStatus(enum.StrEnum):
    """What the venue has reported of an order (FIX OrdStatus 39), nothing else."""

    NEW = "NEW"
    SENT = "SENT"
    ACKED = "ACKED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    PENDING_REPLACE = "PENDING_REPLACE"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    STOPPED = "STOPPED"

class OrderDoubt(enum.StrEnum):
    """Which request of ours the venue has left unanswered."""

    NONE = "NONE"
    SUBMIT = "SUBMIT"
    CANCEL = "CANCEL"
    AMEND = "AMEND"

class TradeStage(enum.StrEnum):
    """A slot's stage: a function of its entry order, position and exit orders."""

    IDLE = "IDLE"
    ORDER_REQUESTED = "ORDER_REQUESTED"
    ORDER_SENT = "ORDER_SENT"
    ENTRY_WORKING = "ENTRY_WORKING"
    POSITION_OPEN = "POSITION_OPEN"
    EXIT_REQUESTED = "EXIT_REQUESTED"
    EXIT_SENT = "EXIT_SENT"
    EXIT_WORKING = "EXIT_WORKING"
    CLOSED = "CLOSED"

class KernelSeverity(enum.StrEnum):
    """How bad an outcome is."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"

class KernelDiagnosticCode(enum.StrEnum):
    """Why the kernel said what it said."""

    OK = "OK"
    INVALID_SLOT_ID = "INVALID_SLOT_ID"
    INVALID_INTENT = "INVALID_INTENT"
    SLOT_BUSY = "SLOT_BUSY"
    OPPOSITE_SIDE = "OPPOSITE_SIDE"
    NO_POSITION = "NO_POSITION"
    NO_ACTIVE_ORDER = "NO_ACTIVE_ORDER"
    AMBIGUOUS_ORDER = "AMBIGUOUS_ORDER"
    NOT_OPENED = "NOT_OPENED"
    DUPLICATE_INTENT = "DUPLICATE_INTENT"
    DUPLICATE_EVENT = "DUPLICATE_EVENT"
    ENRICHED = "ENRICHED"
    STALE_EVENT = "STALE_EVENT"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    FOREIGN_ORDER = "FOREIGN_ORDER"
    LATE_FILL = "LATE_FILL"
    ORPHAN_FILL = "ORPHAN_FILL"
    OVERFILL = "OVERFILL"
    POSITION_FLIPPED = "POSITION_FLIPPED"
    INFERRED_FILL = "INFERRED_FILL"
    IN_DOUBT = "IN_DOUBT"
    RATE_LIMITED = "RATE_LIMITED"
    VENUE_REJECTED = "VENUE_REJECTED"
    BELOW_FLOOR = "BELOW_FLOOR"
    PRECISION = "PRECISION"
    RISK_BLOCKED = "RISK_BLOCKED"
    LIVE_NOT_ARMED = "LIVE_NOT_ARMED"
    NO_MARK = "NO_MARK"
    FROZEN = "FROZEN"
    CONTROL_HALTED = "CONTROL_HALTED"
    REDUCE_ONLY = "REDUCE_ONLY"
    NOT_AUDITED = "NOT_AUDITED"
    REGIME_BLOCKED = "REGIME_BLOCKED"
    ILLEGAL_TRANSITION = "ILLEGAL_TRANSITION"
    RECONCILE_REQUIRED = "RECONCILE_REQUIRED"
    CLOCK_SKEW = "CLOCK_SKEW"
    BUDGET = "BUDGET"
    INTENT_TAKEN = "INTENT_TAKEN"

class AccountEventKind(enum.StrEnum):
    """What an account event says."""

    FILL_SETTLED = "FILL_SETTLED"
    ACCOUNT_UPDATE = "ACCOUNT_UPDATE"
    POSITION_UPDATE = "POSITION_UPDATE"
    FUNDING_FEE = "FUNDING_FEE"
    TRANSFER = "TRANSFER"
    REBATE = "REBATE"
    LIQUIDATION_FEE = "LIQUIDATION_FEE"
    ADJUSTMENT = "ADJUSTMENT"

class KernelMode(enum.StrEnum):
    """Which venue the kernel talks to."""

    LIVE = "LIVE"
    PAPER = "PAPER"
    SHADOW = "SHADOW"

class ControlGate(enum.StrEnum):
    """What the operators let through."""

    NORMAL = "NORMAL"
    REDUCE_ONLY = "REDUCE_ONLY"
    HALTED = "HALTED"

class KernelVerbosity(enum.StrEnum):
    """How much is reported."""

    QUIET = "QUIET"
    NORMAL = "NORMAL"
    VERBOSE = "VERBOSE"
    TRACE = "TRACE"

class ReconcileStatus(enum.StrEnum):
    """How far the exchange's account is from the kernel's."""

    OK = "OK"
    WARN = "WARN"
    ERROR = "ERROR"

class MarginStatus(enum.StrEnum):
    """How far an account's equity is above what its positions must hold."""

    OK = "OK"
    MARGIN_CALL = "MARGIN_CALL"
    UNDERWATER = "UNDERWATER"

class MarginConvention(enum.StrEnum):
    """Whose rules say what a position must hold."""

    BINANCE = "BINANCE"
    BYBIT = "BYBIT"

class MarginMode(enum.StrEnum):
    """What stands behind a position."""

    CROSS = "CROSS"
    ISOLATED = "ISOLATED"

class OppositeSlots(enum.StrEnum):
    """What becomes of slots of both sides on a one-way account."""

    REFUSE = "REFUSE"
    NET = "NET"

class PairOff(enum.StrEnum):
    """What a fill of an entry closes before it opens anything."""

    NEVER = "NEVER"
    SAME_OWNER = "SAME_OWNER"

class Product(enum.StrEnum):
    """What a contract is."""

    PERP = "PERP"
    SPOT = "SPOT"

class FreezeScope(enum.StrEnum):
    """What the edge monitor cancels when it freezes."""

    ENTRIES = "ENTRIES"
    ALL = "ALL"
    NOTHING = "NOTHING"

class Regime(enum.StrEnum):
    """The market regime that research or an operator sees."""

    NORMAL = "NORMAL"
    CRISIS = "CRISIS"

SHOWN_CHARS_MAX: int

def shown(value: object) -> str:
    """Return a value as an error's text shows it: its `repr`, cut at `SHOWN_CHARS_MAX`. Never fails."""

def cut(text: str) -> str:
    """Return a text cut at `SHOWN_CHARS_MAX` characters, with `…` where something is missing."""

class KernelError(Exception):
    """Base of every error that the kernel raises."""

class InvalidInput(KernelError, ValueError):
    """A value that the kernel cannot take. `field` names it, `value` is it."""

    field: str
    value: object

class InvalidType(KernelError, TypeError):
    """A value of a type that the kernel cannot take. `field` names it, `value` is it."""

    field: str
    value: object

class KernelClosed(KernelError):
    """The kernel was closed."""

class NotYetSupported(KernelError, NotImplementedError):
    """This version of the kernel cannot do this yet."""

class KernelPoisoned(KernelError):
    """A step failed half way: the state in memory is not to be trusted. Reopen the kernel from its log."""

class InboxFull(KernelError):
    """The bounded inbox has no room for another input."""

class VenueAdapterError(KernelError):
    """A venue adapter broke its contract."""

class InvariantViolation(KernelError):
    """The state contradicts itself. `invariant` is the invariant's number, 1 to 10."""

    invariant: int

class NotSent(KernelError):
    """Raised by a venue adapter whose request surely never left: nothing is in doubt."""

class LogError(KernelError):
    """Something is wrong with the log, or with its use."""

class LogLocked(LogError):
    """Another process, or another kernel of this one, has the log open. Stop it, or use another directory."""

class LogCorrupt(LogError):
    """What was durable is damaged or gone; the text says where. Nothing was changed: restore a copy."""

class LogMismatch(LogError):
    """The log belongs to a kernel with other settings. Give each kernel a directory of its own."""

class LogVersion(LogError):
    """The log was written by another version. Open it with that one."""

class LogDisk(LogError):
    """The system refused a file of the log: no permission, no space, a read-only disk."""

class ZincError(KernelError):
    """A plane in shared memory cannot be made, read or written; the text names its file and says why."""

class LinkError(KernelError):
    """Something is wrong between a program and a kernel's server."""

class ServerAway(LinkError):
    """No server answers, or not in time. What was sent may have been taken or not: send it again under its
    own id."""

class ServerRefused(LinkError):
    """The kernel's server does not do that. `code` is the reason's name."""

    code: str

class LeaseHeld(ServerRefused):
    """Another process holds the lease. `pid` is its id, `since_ns` since when, ns since 1970."""

    pid: int
    since_ns: int

class LogFailed(LogError, KernelPoisoned):
    """The log failed at work: nothing more is taken, and nothing has left whose cause is not durable.

    Close the kernel, put the disk right, and open the log again.
    """

@final
class ExitSpec:
    """An exit that is sent at its trade's first fill, and sized with its fills; frozen.

    A STOP has `trigger_price` or `offset`, and with `limit_price` it is a STOP_LIMIT. A TARGET has one of
    `trigger_price`, `offset` (a TAKE_PROFIT each) and `limit_price` (a LIMIT that rests). A TRAIL has
    `offset`: a STOP_MARKET that the kernel moves behind the best mark. `offset` is a fraction of the average
    entry price, above 0. A STOP or a TRAIL covers all that is held, so their `ratio` is 1; the TARGETs' sum
    to at most 1.

    Raises InvalidInput (a ValueError) for a value and InvalidType (a TypeError) for a type that cannot be
    taken; both name `field` and `value`.
    """

    def __new__(
        cls,
        kind: ExitKind | str,
        trigger_price: Decimal | int | str | float | None = None,
        offset: Decimal | int | str | float | None = None,
        limit_price: Decimal | int | str | float | None = None,
        ratio: Decimal | int | str | float = 1,
        trigger_by: TriggerBy | str = "LAST",
    ) -> ExitSpec: ...
    @property
    def kind(self) -> ExitKind:
        """What it is for."""

    @property
    def trigger_price(self) -> Decimal | None:
        """The trigger, in quote units."""

    @property
    def offset(self) -> Decimal | None:
        """How far from the average entry price it triggers, as a fraction of it.

        A TRAIL's is its distance from the best mark.
        """

    @property
    def limit_price(self) -> Decimal | None:
        """STOP: the limit once it is triggered. TARGET: the limit at which it rests, without a trigger.

        In quote units.
        """

    @property
    def ratio(self) -> Decimal:
        """TARGET: the part of `initial_size` that it closes."""

    @property
    def trigger_by(self) -> TriggerBy:
        """Which price the trigger is held against."""

    def to_dict(self) -> dict[str, Any]:
        """Every field by name: `ExitSpec(**spec.to_dict()) == spec`."""

    def replace(self, **changes: Any) -> ExitSpec:
        """A copy with some fields changed. Raises InvalidInput or InvalidType like the constructor."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...

@final
class KernelIntent:
    """What a strategy wants, frozen.

    Numbers may be Decimal, int, str or float (a float enters through its shortest decimal text: 0.1 is
    exactly 0.1). Times are aware datetimes or int nanoseconds since 1970-01-01 UTC. Ids and names have at
    most 64 bytes. `None` for an optional field means: left out. `metadata` is kept as canonical JSON of
    at most 4,096 bytes. A `slot_id` that no kernel can have (negative, over 32 bits) is taken,
    and the kernel answers with INVALID_SLOT_ID.

    Raises InvalidInput (a ValueError) for a value and InvalidType (a TypeError) for a type that cannot be
    taken; both name `field` and `value`. What a venue or the kernel would refuse (a size of 0, ratios
    that do not sum to 1) is not refused here: the outcome says INVALID_INTENT. An empty `exit_leg_ratios`
    is the default and means `(1,)`.
    """

    def __new__(
        cls,
        timestamp: datetime | int,
        intent_id: str,
        trade_id: str,
        slot_id: int,
        asset: str,
        side: TradeSide | str,
        action: KernelCommandType | str,
        reference_price: Decimal | int | str | float | None = None,
        target_size: Decimal | int | str | float | None = None,
        leverage: Decimal | int | str | float | None = None,
        exit_leg_ratios: Sequence[Decimal | int | str | float] | None = (),
        reason: str | None = "",
        metadata: Mapping[str, Any] | None = None,
        stage: str | None = "",
        order_type: OrderType | str | None = "MARKET",
        limit_price: Decimal | int | str | float | None = None,
        time_in_force: TimeInForce | str | None = "GTC",
        expire_time: datetime | int | None = None,
        post_only: bool | None = False,
        reduce_only: bool | None = False,
        trigger_price: Decimal | int | str | float | None = None,
        quote_size: Decimal | int | str | float | None = None,
        oco_group: str | None = "",
        target_client_id: str | None = "",
        valid_until: datetime | int | None = None,
        source_run: str | None = "",
        regime: Regime | str | None = None,
        override_ref: str | None = "",
        owner: str | None = "",
        add: bool | None = False,
        trigger_by: TriggerBy | str | None = "LAST",
        exits: Sequence[ExitSpec | Mapping[str, Any]] | None = (),
    ) -> KernelIntent: ...
    @property
    def timestamp(self) -> datetime:
        """The strategy's time. Aware UTC `datetime`, truncated to microseconds."""

    @property
    def timestamp_ns(self) -> int:
        """The strategy's time. Nanoseconds since 1970-01-01 UTC."""

    @property
    def intent_id(self) -> str:
        """The strategy's id of this intent: the key of idempotence."""

    @property
    def trade_id(self) -> str:
        """The trade it belongs to."""

    @property
    def slot_id(self) -> int:
        """The slot, as it was given."""

    @property
    def asset(self) -> str:
        """The instrument."""

    @property
    def owner(self) -> str:
        """The owner of the trade, at most 31 bytes; empty for an unassigned one."""

    @property
    def side(self) -> TradeSide:
        """The position's side."""

    @property
    def action(self) -> KernelCommandType:
        """What to do."""

    @property
    def reference_price(self) -> Decimal | None:
        """The price the strategy saw, in quote units."""

    @property
    def target_size(self) -> Decimal | None:
        """The order's size in base units or contracts; for EXIT, absent means: to the next leg's target."""

    @property
    def leverage(self) -> Decimal | None:
        """The leverage wanted at the venue."""

    @property
    def exit_leg_ratios(self) -> tuple[Decimal, ...]:
        """Parts of the position for the exit ladder, as `decimal.Decimal`; they sum to 1."""

    @property
    def reason(self) -> str:
        """Why, for people."""

    @property
    def metadata(self) -> dict[str, Any]:
        """The caller's own data: a new `dict` at each read; `{}` when none."""

    @property
    def stage(self) -> str:
        """The strategy's own stage name, for people."""

    @property
    def order_type(self) -> OrderType:
        """The order's type."""

    @property
    def limit_price(self) -> Decimal | None:
        """The limit, where the type has one."""

    @property
    def time_in_force(self) -> TimeInForce:
        """How long the order lives."""

    @property
    def expire_time(self) -> datetime | None:
        """When a GTD order ends. Aware UTC `datetime`, truncated to microseconds."""

    @property
    def expire_time_ns(self) -> int | None:
        """When a GTD order ends. Nanoseconds since 1970-01-01 UTC."""

    @property
    def post_only(self) -> bool:
        """Reject rather than take liquidity."""

    @property
    def reduce_only(self) -> bool:
        """Never increase the position."""

    @property
    def trigger_price(self) -> Decimal | None:
        """The trigger, where the type has one."""

    @property
    def quote_size(self) -> Decimal | None:
        """Spot: the size in quote units."""

    @property
    def oco_group(self) -> str:
        """Orders of one group cancel one another."""

    @property
    def target_client_id(self) -> str:
        """Which order CANCEL or AMEND means."""

    @property
    def valid_until(self) -> datetime | None:
        """Until when an exit may be resent. Aware UTC `datetime`, truncated to microseconds."""

    @property
    def valid_until_ns(self) -> int | None:
        """Until when an exit may be resent. Nanoseconds since 1970-01-01 UTC."""

    @property
    def source_run(self) -> str:
        """The research run that asked for it; empty when none."""

    @property
    def regime(self) -> Regime | None:
        """The regime that the run saw."""

    @property
    def override_ref(self) -> str:
        """The audited action that lets it through where the regime would not; empty when none."""

    def replace(self, **changes: Any) -> KernelIntent:
        """A copy with some fields changed. Raises InvalidInput or InvalidType like the constructor."""

    @property
    def add(self) -> bool:
        """ENTER: adds to the trade that the slot carries."""

    @property
    def trigger_by(self) -> TriggerBy:
        """Which price the trigger is held against."""

    @property
    def exits(self) -> tuple[ExitSpec, ...]:
        """ENTER: the exits of its trade."""

    def to_dict(self) -> dict[str, Any]:
        """Every field by name; times are int nanoseconds, so that `KernelIntent(**x.to_dict()) == x`."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...

@final
class VenueEvent:
    """What the venue said of an order, frozen. Only `timestamp` and `kind` are required: venues differ.

    Numbers, times and ids as in KernelIntent. `size` and `price` are this fill's, `filled_size` is
    cumulative, `fee` is this fill's (+ is a charge, - a rebate). `reason`, `raw_payload` and `metadata`
    have at most 4,096 bytes each.

    Raises InvalidInput or InvalidType, which name `field` and `value`.
    """

    def __new__(
        cls,
        timestamp: datetime | int,
        *,
        kind: KernelEventKind | str,
        event_id: str | None = "",
        trade_id: str | None = "",
        slot_id: int | None = None,
        status: VenueOrderStatus | str | None = None,
        venue_order_id: str | None = "",
        venue_client_id: str | None = "",
        side: TradeSide | str | None = None,
        asset: str | None = "",
        price: Decimal | int | str | float | None = None,
        size: Decimal | int | str | float | None = None,
        filled_size: Decimal | int | str | float | None = None,
        remaining_size: Decimal | int | str | float | None = None,
        reason: str | None = "",
        raw_payload: Mapping[str, Any] | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        order_side: OrderSide | str | None = None,
        position_side: PositionSide | str | None = None,
        venue_trade_id: str | None = "",
        fee: Decimal | int | str | float | None = None,
        fee_asset: str | None = "",
        realized_pnl: Decimal | int | str | float | None = None,
        liquidity: Liquidity | str | None = None,
        ts_init: datetime | int | None = None,
        order_size: Decimal | int | str | float | None = None,
        order_price: Decimal | int | str | float | None = None,
        average_price: Decimal | int | str | float | None = None,
        request_id: str | None = "",
        reason_code: str | None = "",
        parent_order_id: str | None = "",
        ref_trade_id: str | None = "",
        retry_after_ms: int | None = None,
        venue_sequence: int | None = None,
        order_created: datetime | int | None = None,
    ) -> VenueEvent: ...
    @property
    def timestamp(self) -> datetime:
        """The venue's time; may run backwards. Aware UTC `datetime`, truncated to microseconds."""

    @property
    def timestamp_ns(self) -> int:
        """The venue's time; may run backwards. Nanoseconds since 1970-01-01 UTC."""

    @property
    def event_id(self) -> str:
        """The venue's or adapter's id of this event."""

    @property
    def trade_id(self) -> str:
        """The trade, a hint."""

    @property
    def slot_id(self) -> int | None:
        """The slot, a hint."""

    @property
    def kind(self) -> KernelEventKind:
        """What kind."""

    @property
    def status(self) -> VenueOrderStatus | None:
        """The order's status as the venue names it."""

    @property
    def venue_order_id(self) -> str:
        """The venue's id of the order."""

    @property
    def venue_client_id(self) -> str:
        """Our id of the order."""

    @property
    def side(self) -> TradeSide | None:
        """The position's side."""

    @property
    def asset(self) -> str:
        """The instrument."""

    @property
    def price(self) -> Decimal | None:
        """This fill's price, in quote units."""

    @property
    def size(self) -> Decimal | None:
        """This fill's quantity, in base units or contracts."""

    @property
    def filled_size(self) -> Decimal | None:
        """The order's cumulative quantity."""

    @property
    def remaining_size(self) -> Decimal | None:
        """What the venue says remains."""

    @property
    def reason(self) -> str:
        """The venue's reason as text."""

    @property
    def raw_payload(self) -> dict[str, Any] | str:
        """As the venue sent it: a JSON object as a new `dict`, other text as `str`; `{}` when none."""

    @property
    def metadata(self) -> dict[str, Any]:
        """The adapter's own data: a new `dict` at each read; `{}` when none."""

    @property
    def order_side(self) -> OrderSide | None:
        """BUY or SELL."""

    @property
    def position_side(self) -> PositionSide | None:
        """The venue's position book."""

    @property
    def venue_trade_id(self) -> str:
        """The fill's id."""

    @property
    def fee(self) -> Decimal | None:
        """This fill's fee: + is a charge, - a rebate."""

    @property
    def fee_asset(self) -> str:
        """What the fee is paid in; empty means the settlement asset."""

    @property
    def realized_pnl(self) -> Decimal | None:
        """The venue's realised PnL of this fill before fees, in the settlement asset.

        A fill that has one is settled by it.
        """

    @property
    def liquidity(self) -> Liquidity | None:
        """Maker or taker."""

    @property
    def ts_init(self) -> datetime:
        """When it was received; the venue's time where it was not given. Aware UTC `datetime`, truncated to
        microseconds.
        """

    @property
    def ts_init_ns(self) -> int:
        """When it was received; the venue's time where it was not given. Nanoseconds since 1970-01-01 UTC."""

    @property
    def order_size(self) -> Decimal | None:
        """The order's total as the venue now has it."""

    @property
    def order_price(self) -> Decimal | None:
        """The order's price as the venue now has it."""

    @property
    def average_price(self) -> Decimal | None:
        """The order's average price."""

    @property
    def request_id(self) -> str:
        """Which of our requests it answers."""

    @property
    def reason_code(self) -> str:
        """The venue's reason as its own code."""

    @property
    def parent_order_id(self) -> str:
        """An algo or triggered order's other id."""

    @property
    def ref_trade_id(self) -> str:
        """The fill that a bust or a correction refers to."""

    @property
    def retry_after_ms(self) -> int | None:
        """How long to wait before a retry, milliseconds."""

    @property
    def venue_sequence(self) -> int | None:
        """The venue's own number of this message, where it numbers them: a later one is higher."""

    @property
    def order_created(self) -> datetime | None:
        """When the venue made the order, by its clock; None where it did not say. Aware UTC `datetime`,
        truncated to microseconds.
        """

    @property
    def order_created_ns(self) -> int | None:
        """The same; nanoseconds since 1970-01-01 UTC."""

    def replace(self, **changes: Any) -> VenueEvent:
        """A copy with some fields changed. Raises InvalidInput or InvalidType like the constructor."""

    def to_dict(self) -> dict[str, Any]:
        """Every field by name; times are int nanoseconds, so that `VenueEvent(**x.to_dict()) == x`."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...

@final
class VenueOrder:
    """An order as the kernel knows it: a frozen copy.

    Made by hand, it is checked field by field: InvalidInput or InvalidType name the first that is wrong.
    `remaining_size` is what is not filled, where it is not given.
    """

    def __new__(
        cls,
        *,
        venue_client_id: str | None,
        asset: str,
        side: TradeSide | str,
        order_side: OrderSide | str,
        intended_size: Decimal | int | str | float,
        internal_trade_id: str | None = "",
        slot_id: int | None = None,
        venue_order_id: str | None = "",
        position_side: PositionSide | str = "BOTH",
        filled_size: Decimal | int | str | float = 0,
        remaining_size: Decimal | int | str | float | None = None,
        average_fill_price: Decimal | int | str | float | None = None,
        status: VenueOrderStatus | str = "NEW",
        order_type: OrderType | str = "MARKET",
        limit_price: Decimal | int | str | float | None = None,
        trigger_price: Decimal | int | str | float | None = None,
        time_in_force: TimeInForce | str = "GTC",
        expire_time: datetime | int | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        oco_group: str | None = "",
        triggered: bool = False,
        stale: bool = False,
        pending_cancel: bool = False,
        pending_amend: Mapping[str, Any] | None = None,
        valid_until: datetime | int | None = None,
        other_venue_ids: Sequence[str] = (),
        intent_id: str | None = "",
        doubt: OrderDoubt | str = "NONE",
        metadata: Mapping[str, Any] | None = None,
        owner: str | None = "",
        trigger_by: TriggerBy | str = "LAST",
        attached: bool = False,
        reason: str = "",
    ) -> VenueOrder: ...
    @staticmethod
    def from_dict(fields: Mapping[str, Any] | VenueOrder) -> VenueOrder:
        """An order from what `to_dict` gave."""

    @property
    def internal_trade_id(self) -> str:
        """The trade it belongs to."""

    @property
    def slot_id(self) -> int | None:
        """The slot that owns it; `None` in the unassigned book."""

    @property
    def venue_order_id(self) -> str:
        """The venue's id, where it is known."""

    @property
    def venue_client_id(self) -> str:
        """Our id."""

    @property
    def asset(self) -> str:
        """The instrument."""

    @property
    def side(self) -> TradeSide:
        """The position's side."""

    @property
    def order_side(self) -> OrderSide:
        """BUY or SELL."""

    @property
    def position_side(self) -> PositionSide:
        """The venue's position book."""

    @property
    def intended_size(self) -> Decimal:
        """The order's total, in base units or contracts."""

    @property
    def filled_size(self) -> Decimal:
        """What is filled so far."""

    @property
    def remaining_size(self) -> Decimal:
        """What remains."""

    @property
    def average_fill_price(self) -> Decimal | None:
        """The fills' average price, where something is filled."""

    @property
    def status(self) -> VenueOrderStatus:
        """What the venue has reported, nothing else."""

    @property
    def order_type(self) -> OrderType:
        """The order's type."""

    @property
    def limit_price(self) -> Decimal | None:
        """The limit, where the type has one."""

    @property
    def trigger_price(self) -> Decimal | None:
        """The trigger, where the type has one."""

    @property
    def time_in_force(self) -> TimeInForce:
        """How long it lives."""

    @property
    def expire_time(self) -> datetime | None:
        """When a GTD order ends. Aware UTC `datetime`, truncated to microseconds."""

    @property
    def expire_time_ns(self) -> int | None:
        """When a GTD order ends. Nanoseconds since 1970-01-01 UTC."""

    @property
    def post_only(self) -> bool:
        """Reject rather than take liquidity."""

    @property
    def reduce_only(self) -> bool:
        """Never increase the position."""

    @property
    def doubt(self) -> OrderDoubt:
        """Which request of ours the venue has left unanswered."""

    @property
    def requests(self) -> tuple[str, ...]:
        """The outstanding requests by name: CANCEL, AMEND."""

    @property
    def pending_cancel(self) -> bool:
        """True while a cancel is outstanding."""

    @property
    def pending_amend(self) -> dict[str, Any] | None:
        """The change that was asked for: `request_id size limit_price trigger_price`, or `None`."""

    @property
    def oco_group(self) -> str:
        """Orders of one group cancel one another; empty where it is in none."""

    @property
    def triggered(self) -> bool:
        """True once the trigger was reached."""

    @property
    def stale(self) -> bool:
        """True while the connection is gone and the venue's word of it may be old."""

    @property
    def valid_until(self) -> datetime | None:
        """Until when it may be sent again. Aware UTC `datetime`, truncated to microseconds."""

    @property
    def valid_until_ns(self) -> int | None:
        """Until when it may be sent again. Nanoseconds since 1970-01-01 UTC."""

    @property
    def other_venue_ids(self) -> tuple[str, ...]:
        """Further ids of the venue for the same order: a tuple."""

    @property
    def intent_id(self) -> str:
        """The intent that asked for it."""

    @property
    def owner(self) -> str:
        """The owner of the trade it was sent for; empty for an external order."""

    @property
    def trigger_by(self) -> TriggerBy:
        """Which price the trigger is held against."""

    @property
    def attached(self) -> bool:
        """True for an exit that came with its trade's entry: the kernel keeps its size and its price."""

    @property
    def reason(self) -> str:
        """The venue's reason, where `on_order` was called because the venue rejected it, ended it or refused
        a change; empty elsewhere."""

    def is_live(self) -> bool:
        """True while something remains or it is in doubt."""

    @property
    def metadata(self) -> dict[str, Any]:
        """The caller's own data as canonical JSON; empty when none."""

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, nested values as dicts; times int nanoseconds; `from_dict` reads it back."""

    def to_json(self) -> str:
        """One JSON object with the fields of `to_dict`, decimals as text.

        `from_dict` reads it back once it is parsed.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class KernelTransition:
    """One stage change of one slot, frozen. `rule` is the transition table's row where it is not given."""

    def __new__(
        cls,
        *,
        timestamp: datetime | int,
        trade_id: str,
        slot_id: int,
        prev_state: TradeStage | str,
        next_state: TradeStage | str,
        trigger: str,
        intent_id: str | None = "",
        event_id: str | None = "",
        control_mode: KernelMode | str = "PAPER",
        control_verbosity: KernelVerbosity | str = "NORMAL",
        details: Mapping[str, Any] | None = None,
        seq: int = 0,
        rule: int | None = None,
    ) -> KernelTransition: ...
    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> KernelTransition:
        """A transition from what `to_dict` gave."""

    @property
    def timestamp(self) -> datetime:
        """The kernel's time of the input that caused it. Aware UTC `datetime`, truncated to microseconds."""

    @property
    def timestamp_ns(self) -> int:
        """The kernel's time of the input that caused it. Nanoseconds since 1970-01-01 UTC."""

    @property
    def trade_id(self) -> str:
        """The trade."""

    @property
    def slot_id(self) -> int:
        """The slot."""

    @property
    def prev_state(self) -> TradeStage:
        """The stage before."""

    @property
    def next_state(self) -> TradeStage:
        """The stage after."""

    @property
    def trigger(self) -> str:
        """What happened, in the transition table's words."""

    @property
    def intent_id(self) -> str:
        """The intent that caused it; empty when another input did."""

    @property
    def event_id(self) -> str:
        """The venue event that caused it; empty when another input did."""

    @property
    def control_mode(self) -> KernelMode:
        """The kernel's mode at that time."""

    @property
    def control_verbosity(self) -> KernelVerbosity:
        """The kernel's verbosity at that time."""

    @property
    def details(self) -> dict[str, Any]:
        """What else there is to say."""

    @property
    def seq(self) -> int:
        """The input's sequence number."""

    @property
    def rule(self) -> int:
        """The transition table's row."""

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, nested values as dicts; times int nanoseconds; `from_dict` reads it back."""

    def __eq__(self, other: object, /) -> bool: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class KernelOutcome:
    """What came of one input, frozen."""

    @property
    def accepted(self) -> bool:
        """The kernel's own verdict; what the venue says comes as later events."""

    @property
    def slot_id(self) -> int | None:
        """The slot, where one is concerned."""

    @property
    def trade_id(self) -> str:
        """The trade, where one is concerned."""

    @property
    def state(self) -> TradeStage | None:
        """The slot's stage after the input; `None` where no slot is concerned."""

    @property
    def diagnostic_code(self) -> KernelDiagnosticCode:
        """Why the kernel said what it said."""

    @property
    def severity(self) -> KernelSeverity:
        """How bad it is."""

    @property
    def transitions(self) -> tuple[KernelTransition, ...]:
        """The stage changes, in the order in which they happened: a tuple of KernelTransition."""

    @property
    def emitted_events(self) -> tuple[VenueEvent, ...]:
        """The venue's events, where the venue answered at once: a tuple of VenueEvent."""

    @property
    def details(self) -> dict[str, Any]:
        """What else there is to say: `field` and `value`, `reason`, `retry_after_ms`, limits.

        `notices` are the remarks that were made until quiet: dicts of `code`, `severity`, `slot_id`.
        """

    @property
    def durable(self) -> bool:
        """True where the input survives a power loss by now.

        False without a log, and for a mark that waits to be read.
        """

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, nested values as dicts; times are int nanoseconds."""

    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class TradeSlot:
    """One slot at one moment, frozen: methods that change something return the changed copy.

    Made by hand, it is checked field by field: InvalidInput or InvalidType name the first that is wrong, or
    that contradicts another. What is left out follows: `initial_size` from `size`, `cost` from `entry_price`,
    `fsm_state` from `closed` and `size`. Orders are VenueOrder or dicts.
    """

    def __new__(
        cls,
        *,
        slot_id: int,
        trade_id: str | None = "",
        asset: str | None = "",
        side: TradeSide | str = "FLAT",
        entry_price: Decimal | int | str | float | None = None,
        size: Decimal | int | str | float = 0,
        initial_size: Decimal | int | str | float | None = None,
        leverage: Decimal | int | str | float | None = None,
        entry_time: datetime | int | None = None,
        unrealized_pnl: Decimal | int | str | float = 0,
        realized_pnl: Decimal | int | str | float = 0,
        closed: bool | None = None,
        exit_leg_ratios: Sequence[Decimal | int | str | float] = (),
        active_leg_index: int = 0,
        active_entry_order: VenueOrder | Mapping[str, Any] | None = None,
        active_exit_order: VenueOrder | Mapping[str, Any] | None = None,
        exit_orders: Sequence[VenueOrder | Mapping[str, Any]] = (),
        fsm_state: TradeStage | str | None = None,
        close_reason: str | None = "",
        last_event_time: datetime | int | None = None,
        metadata: Mapping[str, Any] | None = None,
        fees_paid: Decimal | int | str | float = 0,
        funding_net: Decimal | int | str | float = 0,
        unprotected: bool = False,
        cost: Decimal | int | str | float | None = None,
        contract_multiplier: Decimal | int | str | float = 1,
        inverse: bool = False,
        owner: str | None = "",
        seen_event_ids: Sequence[str] = (),
        exits: Sequence[ExitSpec | Mapping[str, Any]] | None = (),
    ) -> TradeSlot: ...
    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> TradeSlot:
        """A slot from what `to_dict` gave."""

    @property
    def slot_id(self) -> int:
        """The slot."""

    @property
    def trade_id(self) -> str:
        """The trade; empty when the slot was never used."""

    @property
    def owner(self) -> str:
        """The owner of the trade; empty for an unassigned one."""

    @property
    def seen_event_ids(self) -> tuple[str, ...]:
        """The venue's ids of the fills booked for the trade's entry order, and for the exit orders that the
        slot still names.
        """

    @property
    def exits(self) -> tuple[ExitSpec, ...]:
        """The exits that are attached to the trade, but those that the strategy has canceled."""

    @property
    def asset(self) -> str:
        """The instrument."""

    @property
    def side(self) -> TradeSide:
        """The position's side."""

    @property
    def entry_price(self) -> Decimal | None:
        """The entry fills' average price; absent before the first."""

    @property
    def size(self) -> Decimal:
        """What is open, in base units or contracts."""

    @property
    def initial_size(self) -> Decimal:
        """What was filled on entry, net of busts."""

    @property
    def leverage(self) -> Decimal | None:
        """The leverage at the venue, where it is known."""

    @property
    def entry_time(self) -> datetime | None:
        """The first entry fill's time. Aware UTC `datetime`, truncated to microseconds."""

    @property
    def entry_time_ns(self) -> int | None:
        """The first entry fill's time. Nanoseconds since 1970-01-01 UTC."""

    @property
    def unrealized_pnl(self) -> Decimal:
        """Profit or loss of what is open, at the last mark, in the settlement asset."""

    @property
    def realized_pnl(self) -> Decimal:
        """Profit or loss of what was closed, before fees and funding, in the settlement asset."""

    @property
    def closed(self) -> bool:
        """True when the trade is over."""

    @property
    def exit_leg_ratios(self) -> tuple[Decimal, ...]:
        """Parts of the position for the exit ladder, as `decimal.Decimal`; they sum to 1."""

    @property
    def active_leg_index(self) -> int:
        """How many of the ladder's targets are met."""

    @property
    def active_entry_order(self) -> VenueOrder | None:
        """The entry order: a VenueOrder or `None`."""

    @property
    def active_exit_order(self) -> VenueOrder | None:
        """The newest exit order: a VenueOrder or `None`."""

    @property
    def exit_orders(self) -> tuple[VenueOrder, ...]:
        """The exit orders, oldest first: a tuple of VenueOrder."""

    @property
    def fsm_state(self) -> TradeStage:
        """The slot's stage."""

    @property
    def close_reason(self) -> str:
        """Why the trade ended; empty while it has not."""

    @property
    def last_event_time(self) -> datetime | None:
        """The kernel's time of the last input that concerned the slot. Aware UTC `datetime`, truncated to
        microseconds.
        """

    @property
    def last_event_time_ns(self) -> int | None:
        """The kernel's time of the last input that concerned the slot. Nanoseconds since 1970-01-01 UTC."""

    @property
    def metadata(self) -> dict[str, Any]:
        """The entry intent's metadata as canonical JSON; empty when none."""

    @property
    def fees_paid(self) -> Decimal:
        """Fees charged so far, in the settlement asset."""

    @property
    def funding_net(self) -> Decimal:
        """Funding so far, + when received, in the settlement asset."""

    @property
    def unprotected(self) -> bool:
        """True when a protective exit failed and nothing guards the position."""

    @property
    def cost(self) -> Decimal:
        """What is open cost this much, + for a long and - for a short: the exact basis."""

    @property
    def contract_multiplier(self) -> Decimal:
        """Base units per contract; for an inverse one, quote units."""

    @property
    def inverse(self) -> bool:
        """True where the contract is settled in base units."""

    def is_free(self) -> bool:
        """True where the slot takes a new trade."""

    def is_open(self) -> bool:
        """True where the slot holds a position."""

    def mark_price(self, price: Decimal | int | str | float) -> TradeSlot:
        """A copy valued at `price` (quote units): `unrealized_pnl` follows, rounded half-even at 1e-18.

        Raises InvalidInput or InvalidType.
        """

    def next_exit_ratio(self) -> Decimal:
        """The next unmet part of the exit ladder, as a fraction of `initial_size`; 0 when all are met."""

    def consume_exit_leg(self) -> TradeSlot:
        """A copy with one more target of the exit ladder met; unchanged when all are."""

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, nested values as dicts; times int nanoseconds; `from_dict` reads it back."""

    def to_json(self) -> str:
        """One JSON object with the fields of `to_dict`, decimals as text.

        `from_dict` reads it back once it is parsed.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

_Observer: TypeAlias = Callable[
    [list[KernelTransition], list[TradeSlot], list[VenueEvent | None], int], object
]
_Number: TypeAlias = Decimal | str | int | float
_Time: TypeAlias = datetime | int

@final
class MarketLimits:
    """What a market takes, frozen. A field is None where the venue states none.

    All but `symbol` by keyword: `tick_size`, `lot_step` (or `lot_size`), `min_qty`, `max_qty`,
    `min_notional`, `max_price`, `market_max_qty`, `price_band`, `max_open_orders`, `max_open_stops`,
    `contract_multiplier` (1) and `inverse` (False). `price_band` is a pair of multiples of the mark,
    `("0.95", "1.05")`, or how far from it as a fraction, `"0.05"`. Raises InvalidInput by field and value.
    """

    def __new__(
        cls, symbol: str, **fields: Decimal | int | str | float | bool | tuple[_Number, _Number] | None
    ) -> MarketLimits: ...
    @property
    def symbol(self) -> str:
        """The venue's symbol."""

    @property
    def tick_size(self) -> Decimal | None:
        """Smallest price step."""

    @property
    def lot_step(self) -> Decimal | None:
        """Smallest quantity step."""

    @property
    def lot_size(self) -> Decimal | None:
        """`lot_step`, as older programs call it."""

    @property
    def min_qty(self) -> Decimal | None:
        """Smallest quantity."""

    @property
    def max_qty(self) -> Decimal | None:
        """Largest quantity."""

    @property
    def min_notional(self) -> Decimal | None:
        """Smallest value, in quote units."""

    @property
    def max_price(self) -> Decimal | None:
        """Highest price."""

    @property
    def market_max_qty(self) -> Decimal | None:
        """Largest order without a price: market orders, and stops that become one."""

    @property
    def price_band(self) -> tuple[Decimal, Decimal] | None:
        """A sell's lowest price and a buy's highest, as multiples of the mark."""

    @property
    def max_open_orders(self) -> int | None:
        """How many orders may be open, conditional ones among them."""

    @property
    def max_open_stops(self) -> int | None:
        """How many conditional orders may be open."""

    @property
    def contract_multiplier(self) -> Decimal:
        """Base units per contract (linear), quote units per contract (inverse)."""

    @property
    def inverse(self) -> bool:
        """True where a contract is worth a fixed amount of quote."""

    def round_order(
        self,
        order_side: OrderSide | str,
        price: Decimal | int | str | float | None,
        size: Decimal | int | str | float,
        *,
        price_rounding: str = "PASSIVE",
        mark: Decimal | int | str | float | None = None,
    ) -> RoundedOrder:
        """Round an order: the size down to the lot, the price to the tick.

        Args:
            order_side: BUY or SELL.
            price: None for a market order.
            size: In the venue's quantity units.
            price_rounding: PASSIVE (a buy down, a sell up), NEAREST (half away from zero) or FLOOR.
            mark: Price against which `price_band` is held; without it there is no band.

        Raises:
            InvalidInput: By field and value; also where a result needs more than 28 digits.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class RoundedOrder:
    """An order on the venue's grid, and what the venue would refuse of it, frozen."""

    @property
    def price(self) -> Decimal | None:
        """On the tick grid; None for a market order."""

    @property
    def size(self) -> Decimal:
        """On the lot grid, never more than asked for."""

    @property
    def notional(self) -> Decimal | None:
        """Value in quote units; None for a linear market order."""

    @property
    def rejects(self) -> tuple[str, ...]:
        """Why the venue would refuse it, by name; empty where it takes it."""

@type_check_only
class Looked(TypedDict):
    """What has changed since somebody looked last.

    `slots` by number and `orders` by client id are JSON, None where one is no more; `marks` by symbol;
    `accounts` by asset, all of them; orders that `ended`, `fills` and `remarks` since, oldest first, and how
    many of those were `lost`.
    """

    seq: int
    lost: int
    slots: list[tuple[int, str | None]]
    orders: list[tuple[str, str | None]]
    marks: list[tuple[str, str | None]]
    accounts: list[tuple[str, str]]
    ended: list[str]
    fills: list[str]
    remarks: list[str]

@final
class Engine:
    """The kernel with its shell and its venue. `dita.ExecutionKernel` is its public face.

    One thread at a time drains; calls that want an answer wait for it with the interpreter released,
    events from other threads are left behind. A call from inside an adapter or an observer is queued and
    answered with `accepted=False` and `details["queued"]`.
    """

    def __new__(
        cls,
        *,
        max_slots: int = 10,
        instance_nonce: int = 0,
        keeps_nonce: bool = False,
        hedge_mode: bool = False,
        remembered_orders: int = 4096,
        inbox_max: int = 65536,
        start_ns: int | None = None,
        simulated: dict[str, Any] | None = None,
        adapter: object | None = None,
        observer: _Observer | None = None,
        watcher: Watcher | None = None,
        log: dict[str, Any] | None = None,
    ) -> Engine: ...
    def process_intent(self, intent: KernelIntent) -> KernelOutcome:
        """Takes an intent, and with it all that its venue answers at once."""

    def resend_intents(self, intents: Sequence[KernelIntent]) -> list[KernelOutcome]:
        """Takes intents that may have been taken before; of those that were, the first outcomes."""

    def refuse_intent(
        self,
        *,
        slot_id: int | None,
        trade_id: str,
        intent_id: str,
        action: str,
        asset: str,
        field: str,
        value: str,
        reason: str,
    ) -> KernelOutcome:
        """The outcome of what was given as an intent and is none: nothing is taken or changed."""

    def process_intents(self, intents: Sequence[KernelIntent]) -> list[KernelOutcome]:
        """Takes intents, checked all before the first; their outcomes in the same order.

        With a log they become durable together, and what they lead to leaves after that; else they are taken
        one after the other.
        """

    def take_events(self, method: str, events: Sequence[VenueEvent | dict[str, Any]]) -> list[KernelOutcome]:
        """Takes what a venue says it did, all of it read before the first is taken.

        Raises where one cannot be read, naming its place in what `method` gave. Outcomes in the same order.
        """

    def recovery(self) -> dict[str, Any] | None:
        """What opening the log found; `None` without one."""

    def resume(self) -> list[tuple[str, str]]:
        """Asks the venue about each order that may be at work, after a recovery.

        Returns what went wrong at the adapter: pairs of method and error.
        """

    def queue_failure(self) -> str | None:
        """Why the followers of a kernel without a log get nothing more; `None` where they do."""

    def log_standing(self) -> dict[str, Any] | None:
        """How the log stands; `None` without one."""

    def inbox_depth(self) -> int:
        """How many inputs wait to be taken."""

    def hold(self) -> None:
        """Writes nothing until `let_go`: what is taken meanwhile is durable together or not at all."""

    def note(self, name: str, text: str, told_seq: int) -> None:
        """Notes a text of at most 64 KiB under a name."""

    def let_go(self) -> None:
        """Ends `hold`: what was held is written, and synced as the log's policy says."""

    def noted(self, name: str) -> tuple[str, int, int] | None:
        """The newest note of a name: (text, told_seq, time in ns); `None` where there is none."""

    def sync(self) -> None:
        """Makes everything durable that was taken so far."""

    def on_venue_event(self, event: VenueEvent) -> KernelOutcome:
        """Takes a venue event, from any thread."""

    def on_account_event(self, event: dict[str, Any]) -> KernelOutcome:
        """Takes an account event, from any thread; raises where it is refused."""

    def mark_price(self, asset: str, price: _Number, timestamp: _Time | None = None) -> KernelOutcome:
        """Takes the price that positions are valued at."""

    def advance_time(self, timestamp: _Time) -> KernelOutcome:
        """Moves kernel time forward."""

    def set_seed_capital(self, amount: _Number, asset: str) -> KernelOutcome:
        """Sets what was brought in of an asset."""

    def transfer_capital(
        self,
        transfer_id: str,
        giver: str | None,
        taker: str | None,
        amount: _Number,
        asset: str,
        by: str,
        opens: bool = False,
    ) -> KernelOutcome:
        """Moves capital between bots; None stands for what is no bot's. The outcome says whether it did."""

    def set_bot_limits(
        self,
        bot: str,
        asset: str,
        max_slots: int | None,
        max_order_notional: _Number | None,
        max_notional: _Number | None,
        by: str,
    ) -> KernelOutcome:
        """Sets what a bot may do at most, in place of what was set before; None is no limit."""

    def add_instrument(self, **spec: Any) -> KernelOutcome:
        """Lists an instrument at the kernel, and at the simulated venue where there is one."""

    def update_control(self, **changes: Any) -> KernelOutcome:
        """Changes the controls; what is absent or `None` stays. Of `limits`, those named."""

    def arm(self, real_money: bool, said_live: bool, set_live: bool) -> None:
        """Says what the venue is, and how the kernel was opened on it. An input only where that is news."""

    def unarmed(self) -> list[str]:
        """What trading with real money still lacks, by name; nothing where the venue trades none."""

    @property
    def instance_nonce(self) -> int:
        """What marks this instance's client ids: 40 bits."""

    def open_with(self, opening_state: Mapping[str, Any]) -> KernelOutcome:
        """Takes what the venue's account holds, before the first trade; raises where it is refused."""

    def on_funding(self, asset: str, **terms: Any) -> KernelOutcome:
        """Takes funding terms; what is absent or `None` stays."""

    def adopt(self, slots: Iterable[TradeSlot], by: str) -> KernelOutcome:
        """Takes over trades known from elsewhere: all of them, or none."""

    def override_slot(self, slot_id: int, by: str, reason: str, **changes: Any) -> KernelOutcome:
        """Takes an operator's change of a slot; raises where it is refused."""

    def calibrate(self, **sample: Any) -> dict[str, Any]:
        """Takes a fee that was seen, and holds it against the prediction; raises where it is refused."""

    def on_edge(self, asset: str, edge_bps: _Number, timestamp: _Time | None = None) -> KernelOutcome:
        """Takes a strategy's edge, in basis points."""

    def on_leverage(self, symbol: str, leverage: _Number | None = None, reason: str = "") -> KernelOutcome:
        """What came of a leverage setting, where the adapter learns it later."""

    def sim_quote(
        self,
        symbol: str,
        bid: _Number,
        bid_size: _Number | None,
        ask: _Number,
        ask_size: _Number | None,
        timestamp: _Time | None = None,
    ) -> None:
        """A new best quote."""

    def sim_depth(
        self,
        symbol: str,
        bids: Iterable[tuple[_Number, _Number]],
        asks: Iterable[tuple[_Number, _Number]],
        timestamp: _Time | None = None,
        *,
        snapshot: bool = False,
    ) -> None:
        """New depth: a whole book, or single levels of which size 0 removes one."""

    def sim_trade(self, symbol: str, price: _Number, size: _Number, timestamp: _Time | None = None) -> None:
        """A trade of others."""

    def sim_bar(
        self,
        symbol: str,
        open_price: Decimal | int | str | float,
        high: Decimal | int | str | float,
        low: Decimal | int | str | float,
        close: Decimal | int | str | float,
        open_time: datetime | int,
        close_time: datetime | int,
        high_first: bool | None = None,
    ) -> None:
        """A bar: its open, then its path, step by step; what follows from each step comes before the next."""

    def sim_mark(self, symbol: str, price: _Number, timestamp: _Time | None = None) -> None:
        """A new mark price."""

    def sim_funding(
        self,
        symbol: str,
        rate: _Number,
        next_boundary: _Time,
        interval_secs: int,
        timestamp: _Time | None = None,
    ) -> None:
        """An instrument's funding rate and schedule."""

    def sim_transfer(self, asset: str, amount: _Number, timestamp: _Time | None = None) -> None:
        """Moves money in (+) or out (-) of the simulated wallet."""

    def sim_credit(self, asset: str, amount: _Number, *, rebate: bool = False) -> None:
        """Credits (+) or charges (-) the simulated wallet: a rebate, or an adjustment."""

    def sim_manual_trade(
        self,
        symbol: str,
        order_side: OrderSide | str,
        size: _Number,
        price: _Number,
        position_side: PositionSide | str | None = None,
    ) -> None:
        """A trade that somebody else made on this account."""

    def sim_adl(self, symbol: str, size: _Number, price: _Number) -> None:
        """Takes a part of the simulated venue's position away."""

    def sim_heal(self) -> None:
        """Ends the simulated venue's faults: what was withheld arrives."""

    def sim_fee_rates(self, symbol: str, maker_rate: _Number, taker_rate: _Number) -> None:
        """Changes the simulated venue's fee rates, without a word."""

    def sim_fee_asset(
        self, asset: str | None, price: _Number | None = None, discount: _Number | None = None
    ) -> None:
        """Has the simulated venue take fees in another asset, or with `None` in the usual one again."""

    def sim_wallet(self, asset: str) -> Decimal | None:
        """The simulated wallet's balance of an asset, or `None`."""

    def sim_position(self, symbol: str) -> tuple[Decimal, Decimal] | None:
        """The simulated venue's position: signed size and cost, or `None` for an unknown symbol."""

    def sim_counters(self) -> dict[str, int]:
        """How often the simulated venue did what."""

    def show_market(self, tick: QuoteTick | TradeTick | Bar) -> int | None:
        """Show it to the programs that are connected; return its number in the market's order."""

    def slot(self, slot_id: int) -> TradeSlot:
        """A slot as it is now."""

    def used_slots(self, *, busy_only: bool = False) -> tuple[int, list[TradeSlot]]:
        """The last input, and the slots that have carried a trade, or only those that carry one now."""

    def slot_stage(self, slot_id: int) -> TradeStage:
        """A slot's stage, without copying the rest."""

    def slot_size(self, slot_id: int) -> Decimal:
        """The size of a slot's position, without copying the rest."""

    def slot_next_leg(self, slot_id: int) -> Decimal:
        """The size of a slot's next exit leg, in base units or contracts."""

    @property
    def max_slots(self) -> int:
        """How many slots there are."""

    def free_slot(self) -> int | None:
        """The free slot with the lowest number, or `None`."""

    def order(self, venue_client_id: str) -> VenueOrder | None:
        """An order by our id: live, or ended and still remembered; else `None`."""

    def orders(self, *, live_only: bool = False) -> list[VenueOrder]:
        """Our orders, oldest first: live and remembered, or the live ones only."""

    def order_time_ns(self, venue_client_id: str) -> int | None:
        """When there was last news of an order of ours, kernel time in ns; None before the first look, and of
        one that is not known or long over."""

    def look(self) -> Looked:
        """What has changed since the last look, all of one moment; everything, the first time. One looks."""

    def active_trade_index(self) -> dict[str, int]:
        """Trade id to slot, for each trade that a slot carries now."""

    def venue_order_index(self) -> dict[str, int]:
        """The venue's order id to slot, for each live order."""

    def client_order_index(self) -> dict[str, int]:
        """Our order id to slot, for each live order."""

    def account(self, asset: str | None = None) -> dict[str, Any] | None:
        """An asset's account, or `None`. Without a name: the first instrument's settlement asset."""

    def margins(self) -> dict[str, Any]:
        """`margin_status` by asset; `assumed_tiers`: the perpetuals whose margin tiers are not known;
        `unknown_wallets`: the assets whose wallet the venue has never reported."""

    def losses_met(self) -> list[dict[str, str]]:
        """The limits on losses that are met now: dicts of `asset`, `limit`, `value` and `attempt`."""

    def assets(self) -> list[str]:
        """The names of the assets that the kernel knows."""

    def ledger(
        self, limit: int | None = None, *, asset: str | None = None, trade_id: str | None = None
    ) -> list[dict[str, Any]]:
        """The last transactions, oldest first."""

    def positions(self) -> list[dict[str, Any]]:
        """The venue's positions as the kernel books them, and as the venue last reported them."""

    def unassigned(self) -> list[dict[str, Any]]:
        """What of them belongs to no slot."""

    def bots(self, asset: str | None = None) -> list[dict[str, Any]]:
        """The account by its bots, in an asset: without a name the first instrument's settlement asset."""

    def control(self) -> dict[str, Any]:
        """The controls."""

    def instruments(self) -> list[str]:
        """The symbols of the instruments."""

    def instrument(self, symbol: str) -> dict[str, Any] | None:
        """An instrument's rules by name, and its last mark; `None` where there is no such instrument."""

    def state_hash(self) -> str:
        """BLAKE3 of the whole trading state, as 64 hexadecimal digits."""

    def check_invariants(self) -> None:
        """Holds the whole state against the invariants; raises InvariantViolation."""

    @property
    def seq(self) -> int:
        """The last input's sequence number."""

    @property
    def now_ns(self) -> int:
        """Kernel time of the last input, or what local callers have given since. Nanoseconds."""

    def start_timer(self, late_ms: int, waking: Any | None = None) -> None: ...
    def end_timer(self, patience_ms: int | None = None) -> bool: ...
    def oversleep(self, lost_ns: int) -> None: ...
    def clock_standing(self) -> dict[str, Any]: ...
    def close(self, patience_ms: int | None = None) -> bool:
        """Closes the kernel: what is called after this raises KernelClosed. Closing again does nothing.

        With a log, everything becomes durable and a snapshot is left. Another thread that drains is waited
        for, where `patience_ms` is given at most so long: False where it still does.
        """

    @property
    def clock_ns(self) -> int:
        """What the clock shows now: the machine's time, or where time is driven the kernel's. Nanoseconds."""

    @property
    def calls_here(self) -> bool:
        """True in what an adapter or an observer does in the thread that drains: the kernel waits for it."""

    @property
    def closed(self) -> bool:
        """True once closed."""

@final
class Session:
    """The engine protocol on a kernel with a simulated venue, whose time the session drives.

    `company` has the strategies: `list(name)` gives names, states and errors; `start`, `stop` and `pause`
    take a name and give a refusal or None; `quote(symbol, bid, ask, ts_ns)`, `tick(ts_ns)` and `deliver()`
    are called as time passes. It runs once.
    """

    def __new__(
        cls,
        engine: Engine,
        *,
        owner: str,
        slots: list[int],
        start_ns: int,
        version: str,
        market: str = "none",
        symbols: list[tuple[str, Decimal]] = ...,
        bar_ns: int | None = None,
        step_ns: int | None = None,
        drain_s: float = 30.0,
        company: object | None = None,
    ) -> Session:
        """Describe it.

        Args:
            engine: The kernel.
            owner: The name that its trades carry.
            slots: The slots that commands may use.
            start_ns: When kernel time begins.
            version: What `engine_started` says.
            market: "none", "synthetic", or a file of the first symbol's.
            symbols: Instruments and their price steps.
            bar_ns: How long the file's bars are; None: it has quotes or trades.
            step_ns: By how much each command moves kernel time; None: as the machine's.
            drain_s: How long to wait at the end for what is under way, seconds.
            company: The strategies; None: there are none.
        """

    def run_stdio(self) -> None:
        """Takes commands from standard input and writes events to standard output, until either ends."""

    def run_socket(self, path: str | os.PathLike[str]) -> None:
        """The same at a Unix socket, for several clients at once, until `stop` is called."""

    def stop(self) -> None:
        """Lets it end: it takes no more commands, and waits for what is under way."""

    @property
    def beats(self) -> int:
        """How often it has looked around: ten times a second at least, while it works."""

    @property
    def commands(self) -> int:
        """How many commands it has taken."""

@final
class SimExchange:
    """A simulated exchange with one account, without a kernel.

    Every call takes the time in nanoseconds and returns what the exchange says: a list of dicts with `what`,
    one of ORDER, ACCOUNT, MARK, FUNDING and EFFECT.
    """

    def __new__(cls, **keywords: Any) -> SimExchange: ...
    def add_instrument(self, **keywords: Any) -> None:
        """Lists an instrument by the keywords of `set_exchange_config`, or replaces its rates and limits."""

    def submit(self, now_ns: int, **order: Any) -> list[dict[str, Any]]:
        """Takes an order."""

    def cancel(self, now_ns: int, symbol: str, client_id: str) -> list[dict[str, Any]]:
        """Cancels an order."""

    def amend(
        self,
        now_ns: int,
        symbol: str,
        client_id: str,
        order_side: str,
        size: _Number,
        limit_price: _Number | None = None,
        trigger_price: _Number | None = None,
    ) -> list[dict[str, Any]]:
        """Changes an order: its new total, what is filled included, and its prices."""

    def set_leverage(self, now_ns: int, symbol: str, leverage: _Number) -> list[dict[str, Any]]:
        """Sets an instrument's leverage."""

    def advance(self, now_ns: int) -> list[dict[str, Any]]:
        """Lets time pass: orders expire, funding is paid."""

    def depth(
        self,
        now_ns: int,
        symbol: str,
        bids: Iterable[tuple[_Number, _Number]],
        asks: Iterable[tuple[_Number, _Number]],
        *,
        snapshot: bool = False,
    ) -> list[dict[str, Any]]:
        """New depth: a whole book, or single levels of which size 0 removes one."""

    def trade(self, now_ns: int, symbol: str, price: _Number, size: _Number) -> list[dict[str, Any]]:
        """A trade of others."""

    def mark(self, now_ns: int, symbol: str, price: _Number) -> list[dict[str, Any]]:
        """A new mark price: triggers and liquidations that go by it follow."""

    def set_funding(
        self, now_ns: int, symbol: str, rate: _Number, next_ns: int, interval_secs: int
    ) -> list[dict[str, Any]]:
        """A funding rate and its schedule."""

    def transfer(self, now_ns: int, asset: str, amount: _Number) -> list[dict[str, Any]]:
        """Moves money in (+) or out (-)."""

    def manual_trade(
        self,
        now_ns: int,
        symbol: str,
        order_side: str,
        size: _Number,
        price: _Number,
        position_side: str | None = None,
    ) -> list[dict[str, Any]]:
        """A trade that somebody else made on this account."""

    def adl(self, now_ns: int, symbol: str, size: _Number, price: _Number) -> list[dict[str, Any]]:
        """Takes a part of the position away by auto-deleveraging."""

    def set_fee_rates(self, symbol: str, maker_rate: _Number, taker_rate: _Number) -> None:
        """Changes the fee rates."""

    def pay_fees_in(self, asset: str | None, price: _Number, discount: _Number) -> None:
        """Has fees taken in another asset while the wallet has it; None means the usual one again."""

    def wallet(self, asset: str) -> Decimal | None:
        """An asset's balance without unrealised PnL, or `None`."""

    def positions(self, symbol: str, hedge_mode: bool) -> list[tuple[Decimal, Decimal]]:
        """The positions of an instrument, (signed size, cost): one, or in hedge mode long and short."""

    def open_orders(self) -> list[dict[str, Any]]:
        """The live orders, the oldest first."""

    def next_due_ns(self) -> int | None:
        """When `advance` next has something to do, ns, or `None`."""

@final
class Bar:
    """A closed bar. It never changes. A price is a Decimal that is made when it is read.

    Attributes:
        symbol: The instrument.
        interval: "1m", "1h" and so on.
        open_ns: When it began, ns.
        close_ns: When it ended, ns.
    """

    def __new__(
        cls,
        symbol: str,
        interval: str,
        open_ns: int,
        close_ns: int,
        prices: tuple[_Price, _Price, _Price, _Price, _Price],
    ) -> Bar:
        """Take open, high, low, close and volume."""

    @property
    def symbol(self) -> str: ...
    @property
    def interval(self) -> str:
        """Its length: "1m", "1h" and so on."""

    @property
    def open_ns(self) -> int: ...
    @property
    def close_ns(self) -> int: ...
    @property
    def open(self) -> Decimal:
        """First price, quote units."""

    @property
    def high(self) -> Decimal:
        """Highest price."""

    @property
    def low(self) -> Decimal:
        """Lowest price."""

    @property
    def close(self) -> Decimal:
        """Last price."""

    @property
    def volume(self) -> Decimal:
        """Traded volume, as the source counts it."""

    @property
    def open_float(self) -> float:
        """First price, for indicators."""

    @property
    def high_float(self) -> float:
        """Highest price, for indicators."""

    @property
    def low_float(self) -> float:
        """Lowest price, for indicators."""

    @property
    def close_float(self) -> float:
        """Last price, for indicators."""

    @property
    def volume_float(self) -> float:
        """Traded volume, for indicators."""

    @property
    def open_time(self) -> datetime:
        """When it began, UTC."""

    @property
    def close_time(self) -> datetime:
        """When it ended, UTC."""

    @property
    def texts(self) -> tuple[str, str, str, str, str]:
        """Open, high, low, close and volume as the source wrote them, without an exponent."""

@final
class QuoteTick:
    """The best bid and ask.

    Attributes:
        symbol: The instrument.
        time_ns: When it was, ns.
    """

    def __new__(
        cls, symbol: str, time_ns: int, texts: tuple[_Price, _Price | None, _Price, _Price | None]
    ) -> QuoteTick:
        """Take bid, bid size, ask, ask size; a size may not be known."""

    @property
    def symbol(self) -> str: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def bid(self) -> Decimal:
        """Best bid, quote units."""

    @property
    def ask(self) -> Decimal:
        """Best ask."""

    @property
    def bid_size(self) -> Decimal | None:
        """Size at the bid; None where it is not reported."""

    @property
    def ask_size(self) -> Decimal | None:
        """Size at the ask; None where it is not reported."""

    @property
    def bid_float(self) -> float:
        """Best bid, for indicators."""

    @property
    def ask_float(self) -> float:
        """Best ask, for indicators."""

    @property
    def time(self) -> datetime:
        """When it was, UTC."""

@final
class TradeTick:
    """A trade of others.

    Attributes:
        symbol: The instrument.
        time_ns: When it was, ns.
        buyer_is_maker: Whether the taker sold.
    """

    def __new__(
        cls, symbol: str, time_ns: int, price: _Price, size: _Price, *, buyer_is_maker: bool
    ) -> TradeTick: ...
    @property
    def symbol(self) -> str: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def buyer_is_maker(self) -> bool: ...
    @property
    def price(self) -> Decimal:
        """Its price, quote units."""

    @property
    def size(self) -> Decimal:
        """Its size, base units or contracts."""

    @property
    def price_float(self) -> float:
        """Its price, for indicators."""

    @property
    def time(self) -> datetime:
        """When it was, UTC."""

@final
class Book:
    """An order book after a change, as the simulated venue has it. It never changes.

    Attributes:
        symbol: The instrument.
        time_ns: When it changed, ns.
    """

    @property
    def symbol(self) -> str: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def time(self) -> datetime:
        """When it changed, UTC."""

    @property
    def best_bid(self) -> _BookLevel | None:
        """Price and size of the best bid; None where nobody bids."""

    @property
    def best_ask(self) -> _BookLevel | None:
        """Price and size of the best ask; None where nobody asks."""

    def bids(self, count: int = ...) -> list[_BookLevel]:
        """Return the best bids with their sizes, at most so many and at most 50, the best first."""

    def asks(self, count: int = ...) -> list[_BookLevel]:
        """Return the best asks with their sizes, at most so many and at most 50, the best first."""

    def bids_float(self, count: int = ...) -> list[tuple[float, float]]:
        """Return the best bids as floats, for indicators."""

    def asks_float(self, count: int = ...) -> list[tuple[float, float]]:
        """Return the best asks as floats, for indicators."""

@final
class BarBuilder:
    """Builds bars of one length of one instrument. They begin at multiples of their length since 1970."""

    def __new__(cls, interval: str) -> BarBuilder:
        """Start empty; raises InvalidInput for what is no interval."""

    def add(self, bar: Bar) -> Bar | None:
        """Take a closed bar, which lies within one of the longer ones; return the longer one that is closed
        by it. It has the parts that came."""

    @property
    def interval(self) -> str:
        """The length of what is built."""

def interval_ns(interval: str) -> int:
    """Return the length of an interval, ns: "1s", "5m", "1h", "1d"; raises InvalidInput for another text."""

def interval_text(length_ns: int) -> str:
    """Return an interval's name."""

@final
class MarketReader:
    """Reads a market file once, from its beginning. What cannot be raises `ValueError(message, line)`."""

    @staticmethod
    def bars(
        path: str | os.PathLike[str],
        symbol: str,
        interval_ns: int,
        *,
        allow_gaps: bool = False,
        allow_disorder: bool = False,
        closing_times: bool = False,
    ) -> MarketReader:
        """Of a file of bars of a known length, ns."""

    @staticmethod
    def ticks(path: str | os.PathLike[str], symbol: str, *, allow_disorder: bool = False) -> MarketReader:
        """Of a file of quotes or of trades."""

    @staticmethod
    def capture(path: str | os.PathLike[str], symbol: str) -> MarketReader:
        """Of a raw capture of an instrument."""

    @staticmethod
    def held(header: str) -> Literal["bars", "ticks", "capture"] | None:
        """Return what a file holds whose first line this is; None where it is none of these."""

    @staticmethod
    def captured_symbol(path: str | os.PathLike[str]) -> str:
        """Return the instrument that a capture names first."""

    @staticmethod
    def columns(path: str | os.PathLike[str]) -> MarketReader:
        """Of a file of columns, as `dita convert` writes it."""

    @staticmethod
    def is_columns(head: bytes) -> bool:
        """Return whether a file's first bytes are those of a file of columns."""

    @staticmethod
    def measure(path: str | os.PathLike[str], symbol: str, *, allow_disorder: bool = False) -> int:
        """Return the length of a file's bars, ns, which its first two rows tell."""

    def read(self, count: int) -> list[tuple[Any, ...]]:
        """Return the next rows, at most so many, as plain tuples in the order of `dita.market`'s."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def fraction(self) -> float:
        """How much of the file was read, from 0 to 1."""

    @property
    def gaps(self) -> int:
        """How many bars were missing so far."""

    @property
    def disordered(self) -> int:
        """How many rows were left out so far because their time goes back."""

    @property
    def line(self) -> int | None:
        """The line of a CSV file that was read last, from 1; None for other files."""

    @property
    def counts(self) -> dict[str, int] | None:
        """The counts of a capture so far, by name; of columns at their end; None for other files."""

@final
class CaptureConversion:
    """Converts raw captures of one instrument, each going on where the one before it ends, into one file
    of columns.

    What cannot be raises `ValueError(message, line, capture)`: the capture by its place, None for the file
    that is written. The file gets its name only once it is whole.
    """

    def __new__(
        cls,
        captures: Sequence[str | os.PathLike[str]],
        out: str | os.PathLike[str],
        *,
        allow_late_lines: bool = False,
        skip_bad_lines: bool = False,
    ) -> CaptureConversion:
        """Open the first capture, and a file beside `out`."""

    def step(self, events: int) -> bool:
        """Convert so many events; False where there are no more."""

    @property
    def fraction(self) -> float:
        """How much of the captures has been read, from 0 to 1."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    def finish(self) -> dict[str, int]:
        """End the file, give it its name, and return the counts of the captures, with the bytes `written`."""

    def close(self) -> None:
        """Give it up: what was written is removed."""

_BookLevel: TypeAlias = tuple[Decimal, Decimal]

@final
class OrderBook:
    """An instrument's order book, made of a venue's raw messages: Binance's depth stream and its snapshots.

    Exact, and shown only while it is known to be whole: updates wait for the snapshot, what is older than
    it is dropped, and after a break in the venue's numbers the book is empty until the next snapshot. Threads
    may share it.
    """

    def __new__(cls, symbol: str) -> OrderBook:
        """Start without a book; messages that name another instrument change nothing."""

    def take(self, message: str | bytes) -> Literal["used", "waiting", "stale", "gap", "crossed", "nothing"]:
        """Take a raw message: an update, or the venue's answer to a request for the whole book.

        "used": the book has it. "waiting": kept until there is a snapshot. "stale": older than what is known.
        "gap": something is missing, and a snapshot is needed (or the snapshot is older than the stream: fetch
        another). "crossed": it set a bid at or above an ask, so the book was dropped. "nothing": another kind
        of message, or another instrument. Raises ValueError(message, None) for one that cannot be read.
        """

    def reset(self) -> None:
        """Forget the book, as where the stream was cut: a snapshot is needed."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def needs_snapshot(self) -> bool:
        """True while there is no book that may be used: fetch a snapshot and give it to `take`."""

    @property
    def last_update(self) -> int | None:
        """The venue's number of the last update that the book holds."""

    @property
    def best_bid(self) -> _BookLevel | None:
        """Price and size of the best bid."""

    @property
    def best_ask(self) -> _BookLevel | None:
        """Price and size of the best ask."""

    def bids(self, count: int = ...) -> list[_BookLevel]:
        """Return the best bids with their sizes, at most so many, the best first."""

    def asks(self, count: int = ...) -> list[_BookLevel]:
        """Return the best asks with their sizes, at most so many, the best first."""

    @property
    def counts(self) -> dict[str, int]:
        """What was seen so far: updates, snapshots, gaps, crossed, stale, unused; levels that were set or
        removed; and how many levels each side has: bids, asks."""

_Fall: TypeAlias = tuple[Decimal, Decimal, int, int, int | None]

@final
class EquityCurve:
    """Takes the account at every moment; keeps few points, each day's close, and the deepest fall."""

    def __new__(cls, points_max: int = 10_000) -> EquityCurve: ...
    def add(self, time_ns: int, k: Decimal, e: Decimal | None, equity: Decimal) -> None:
        """Record the account; ValueError where the time is before the last one."""

    def points(self) -> list[tuple[int, Decimal, Decimal | None, Decimal]]:
        """Return what is kept, oldest first: time, K, E, equity."""

    def daily(self) -> list[tuple[int, Decimal]]:
        """Return each UTC day's start and the equity at its end."""

    def quiet_days(self) -> list[int]:
        """Return the starts of the UTC days on which nothing was recorded after the first row."""

    def drawdown(self) -> _Fall | None:
        """Return the deepest fall as a fraction of its peak: amount, peak, its time, the trough's time, and
        the time of recovery."""

    def drawdown_by_amount(self) -> _Fall | None:
        """Return the deepest fall in money."""

    @property
    def longest_below_peak_ns(self) -> int:
        """The longest time from a peak until it was reached again, or until the last row."""

    @property
    def width_ns(self) -> int:
        """How long each stretch is of which four points are kept."""

@final
class PriceCurve:
    """A symbol's prices for a chart, thinned as equity is."""

    def __new__(cls, points_max: int = 10_000) -> PriceCurve: ...
    def add(self, time_ns: int, price: Decimal) -> None:
        """Record a price, not before the one before it."""

    def points(self) -> list[tuple[int, Decimal]]:
        """Return time and price of what is kept, oldest first."""

@final
class Listener:
    """A strategy's subscriptions in a player: which bars it receives, and whether it is called. Its switches
    count from the next event on, from whatever thread they are set."""

    def __new__(
        cls,
        *,
        symbols: Sequence[str],
        intervals: Sequence[str],
        warmup: int,
        slots: Sequence[int],
        quotes: bool = True,
        trades: bool = True,
        bars: bool = True,
        books: bool = False,
    ) -> Listener: ...
    def waits(self, waits: bool) -> None:
        """Say whether an entry waits until an exit has closed its trade: see `Player.next`."""

    @property
    def running(self) -> bool:
        """Whether its callbacks are called."""

    def run(self, running: bool) -> None:
        """Set whether its callbacks are called."""

    def add_bar(self, bar: Bar) -> list[Bar]:
        """Take a closed bar of the market's own length: return those to dispatch, the shortest first. Raises
        ValueError where a length that it wants cannot be built from such bars."""

    def has_bars(self) -> None:
        """Say that its bars come from the market: quotes and trades make none."""

    def count_bar(self, bar: Bar) -> None:
        """Count a dispatched bar, while it warms up."""

    def forget_bars(self) -> None:
        """Forget its bars and closes: those that it is given next are its history."""

    @property
    def is_warm(self) -> bool:
        """Whether each of its intervals has had enough bars, and it runs."""

    def end_warm_up(self) -> None:
        """End its warm-up."""

    def set_next_timer(self, at_ns: int | None) -> None:
        """Set when its next timer runs out, ns; None for none."""

    def enter(self, thread: int) -> None:
        """Begin a callback, in a thread."""

    def leave(self) -> bool:
        """End it; True where somebody suspects it: then `settle` ends it."""

    def settle(self) -> None:
        """End a callback that somebody suspected."""

    def suspect(self) -> None:
        """Suspect that the callback that runs takes too long."""

    @property
    def calls(self) -> int:
        """How many callbacks were called."""

    @property
    def thread(self) -> int:
        """Which thread is in a callback; 0 where none is."""

    def act(self) -> int:
        """Note that it has acted: the player's owner is asked after the callback. Return `calls`."""

    def closes(self, symbol: str, count: int, interval: str | None = None) -> memoryview[float]:
        """Return the last closes of an instrument's bars, oldest first; without an interval, of the shortest
        that it receives. It is a copy: bars that close later do not change it."""

@final
class OwnFill:
    """A fill of one of the strategy's orders."""

    def __new__(
        cls,
        symbol: str,
        slot: int,
        trade_id: str,
        order_id: str,
        side: str,
        price: _Price,
        size: _Price,
        fee: _Price | None,
        liquidity: str,
        time_ns: int,
    ) -> OwnFill: ...
    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def slot(self) -> int:
        """The slot of its trade."""

    @property
    def trade_id(self) -> str:
        """The trade."""

    @property
    def order_id(self) -> str:
        """The order's client id."""

    @property
    def side(self) -> str:
        """BUY or SELL."""

    @property
    def price(self) -> Decimal:
        """Quote units."""

    @property
    def size(self) -> Decimal:
        """Base units or contracts."""

    @property
    def fee(self) -> Decimal | None:
        """What was paid, where the venue has said it; below 0 is a rebate."""

    @property
    def liquidity(self) -> str:
        """MAKER, TAKER, or empty where it is not reported."""

    @property
    def time_ns(self) -> int:
        """The venue's time, ns."""

@final
class Teller:
    """Tells one strategy what happens to its trades: the order, the fill, the position, in this order. What
    it has no callback for is not made."""

    def __new__(
        cls,
        engine: Engine | None,
        listener: Listener,
        settle: Callable[[], object],
        raised: Callable[[BaseException, str], object],
        *,
        on_order: Callable[[VenueOrder], object] | None = None,
        on_fill: Callable[[OwnFill], object] | None = None,
        on_position: Callable[[TradeSlot], object] | None = None,
        on_change: Callable[[TradeSlot], object] | None = None,
    ) -> Teller: ...
    def set_size(self, slot_id: int, size: _Price) -> None:
        """Say what a slot holds: that is no news."""

    def clear_sizes(self) -> None:
        """Forget what the slots hold."""

    def set_told_seq(self, seq: int) -> None:
        """Say that nothing up to an input is news any more."""

    def under_way(self) -> tuple[int, int] | None:
        """Return the input being dispatched, and how many callbacks have received it, with the one that
        runs; None outside."""

    def skip(self, callbacks: int) -> None:
        """Leave out the first callbacks of what is replayed."""

    def retell(self, slot: TradeSlot, event: VenueEvent, order: VenueOrder | None = None) -> None:
        """Tell what has happened before a restart, with the order as it was then."""

@final
class Watcher:
    """Collects what happens to a kernel's trades, in the kernel's order, until `deliver`. Given to
    a kernel as `logs`; without `hears` it keeps nothing until `begin`."""

    def __new__(cls, *, hears: bool = True) -> Watcher: ...
    def begin(self, seq: int) -> None:
        """Collect from here on; `seq` is the last input that is already known."""

    def add(self, owner: str, teller: Teller) -> None:
        """Dispatch an owner's trade events to a teller from now on."""

    def told_seq(self) -> int:
        """Return the last input whose events were all dispatched."""

    def deliver(self, recorder: Recorder | None = None) -> None:
        """Dispatch everything that has happened, in the kernel's order. A recorder gets each change too, also
        of trades without a strategy."""

@final
class Seats:
    """The slots of a kernel and their holders: strategies inside the host, and connected programs."""

    def __new__(cls, engine: Engine) -> Seats: ...
    def take(self, name: str, slots: int) -> list[int] | None:
        """Give a name slots: those that carry its trades first, then free ones by number; None where it has
        some.

        Raises:
            ServerRefused: There are not so many; none is given.
        """

    def leave(self, slots: list[int]) -> None:
        """Let others have slots."""

@final
class KernelServer:
    """A server at work: one thread of its own, which takes the interpreter only where an adapter of
    Python's is asked."""

    def __new__(
        cls,
        path: str | os.PathLike[str],
        accounts: list[tuple[str, Engine, Seats, tuple[str, str] | None]],
        *,
        host: str,
        mode: int = 0o600,
        clients_max: int = 128,
        pulse: tuple[str | os.PathLike[str], str, int, int] | None = None,
        spins: bool = False,
    ) -> KernelServer:
        """Begin to serve; of each account its name, engine, seats and plane (directory and name).

        The pulse is where its thread shows that it is alive: directory, name, process id, and the
        process's start. `spins` offers programs channels in shared memory.

        Raises:
            LinkError: Another process serves there, or the system refuses.
        """

    def end(self) -> None:
        """Take nothing more, tell every program, and end. Leases stay; no policy acts."""

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""

    def standing(self) -> dict[str, int]:
        """Return how it stands: `clients messages refused gaps beats unread spinning`."""

    def figures(self) -> dict[str, Any]:
        """Return what it counts: `calls calls_took_s intents`.

        `calls` are (upper bound in seconds or None, how many took so long), each class by itself; `intents`
        are (account, code, limit or "", how many).
        """

    def leases(self) -> list[dict[str, Any]]:
        """Return the leases: dicts of `account name slots policy grace_s pid since_ns settled`."""

@final
class PulseReader:
    """What a kernel's server shows of its being alive, for who watches it."""

    def __new__(cls, directory: str | os.PathLike[str], name: str) -> PulseReader:
        """Open the pulse of a name.

        Raises:
            ZincError: It is not there, or not this user's alone.
        """

    def shown(self) -> tuple[int, int, str, int] | None:
        """Return process id, its start, its life and its beats; None while it changes hands.

        The life is "opening", "serving" or "ending".
        """

@final
class Link:
    """A program's link to a kernel's server. Calls let go of the interpreter while they wait."""

    def __new__(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str,
        slots: int = 1,
        account: str = "",
        policy: str = "keep",
        grace_s: float = 5.0,
        secret: str = "",
        market: bool = False,
        timeout_s: float = 30.0,
        comes_back_s: float = 10.0,
        versions: tuple[int, int] | None = None,
        spin: bool = False,
    ) -> Link:
        """Connect, and take the lease."""

    def welcome(self) -> dict[str, Any]:
        """Return what the server has said to the hello last."""

    def travels(self) -> tuple[str, str]:
        """Return how messages travel ("channel" or "socket"), and why a channel asked for is not there."""

    @property
    def seq(self) -> int:
        """The highest input that an answer has named."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""

    def fileno(self) -> int:
        """Return what an event loop watches: it is readable when there is a notification."""

    def process_intent(
        self, intent: KernelIntent, note: tuple[str, int] | None = None, again: bool = False
    ) -> KernelOutcome:
        """Take an intent, and wait for its outcome; a note (text, its input) is kept together with it.

        `again` says that it may have been taken before: then its first outcome is wanted.
        """

    def process_intents(
        self, intents: list[KernelIntent], note: tuple[str, int] | None = None, again: bool = False
    ) -> list[KernelOutcome]:
        """Take intents that come together, and a note with them."""

    def start(
        self, intents: list[KernelIntent], note: tuple[str, int] | None = None, again: bool = False
    ) -> int:
        """Send intents, with a note or without, and wait for nothing."""

    def taken(self, number: int) -> list[KernelOutcome] | None:
        """Return the outcomes of what was started; None while there are none."""

    def forget(self, number: int) -> None:
        """Want no outcomes of what was started any more."""

    def override_slot(self, slot_id: int, by: str, reason: str, **changes: object) -> KernelOutcome:
        """Change one of the lease's slots, as `Engine.override_slot` does."""

    def slot(self, slot_id: int) -> TradeSlot:
        """Return a slot, asked of the server."""

    def order(self, venue_client_id: str) -> VenueOrder | None:
        """Return an order by our id, asked of the server."""

    def orders(self, *, live_only: bool = False) -> list[VenueOrder]:
        """Return the orders, asked of the server."""

    def read_text(self, topic_name: str, name: str = "") -> str:
        """Return the account of an asset, the controls or the health, as JSON."""

    def instrument(self, symbol: str) -> dict[str, Any] | None:
        """Return an instrument's rules by name, and its last mark."""

    def rows(self, topic_name: str) -> list[dict[str, Any]]:
        """Return the venue's positions ("positions") or the transactions ("ledger")."""

    def note(self, text: str, told_seq: int) -> None:
        """Keep a text for the lease's program in the log."""

    def noted(self) -> tuple[str, int, int] | None:
        """Return the newest note of the lease's program: text, its input, time in ns."""

    def past(
        self, after_seq: int, until_seq: int
    ) -> tuple[list[tuple[TradeSlot, VenueEvent, VenueOrder | None]], int]:
        """Return what has happened to the lease's trades, and how many older events are left out."""

    def next_told(self, watcher: Watcher | None = None) -> tuple[Any, ...] | None:
        """Give what happened to a watcher up to the next thing of another kind, and return that; None where
        nothing is left. Without a watcher what happened is returned as well: `("news", seq, slots,
        events)`."""

    def wait(self, timeout_s: float) -> bool:
        """Wait for a notification, at most so long, seconds."""

    def quiet(self) -> None:
        """Reset the bell: the next notification rings it again."""

    def part(self) -> None:
        """Give the lease back: its policy acts at once. Then it is closed."""

    def close(self) -> None:
        """Hang up; the lease stays, and its policy acts once its grace is over."""

@final
class Recorder:
    """Records every change of every slot, and the run's result."""

    def __new__(cls) -> Recorder: ...
    def begin_with(self, slots: list[TradeSlot]) -> None:
        """Take over the trades that run already, with what was paid for them."""

    def mark_ambiguous(self, trade_id: str) -> None:
        """Say that bars leave open which of a trade's orders fills first."""

    def trades(self, slots: list[TradeSlot]) -> list[tuple[Any, ...]]:
        """Return every trade by number: those that have ended, and those that these slots run at the end.

        Number, owner, instrument, side, entry and exit time, value and size of entry and exit, profit, fees,
        funding, reason, and whether it is ambiguous. Raises OverflowError where a sum does not fit.
        """

    @property
    def ended(self) -> int:
        """How many trades have ended."""

    def executions(self) -> list[tuple[Any, ...]]:
        """Return every execution: time, instrument, side, price, size, fee, liquidity, its trade's number.

        What the venue has not said is None.
        """

    def unfilled(self) -> list[tuple[str, str, str, str, int, int]]:
        """Return the orders that were rejected or expired: strategy, instrument, "rejected" or "expired", the
        venue's reason, how many, and the time of the first."""

    @property
    def orders(self) -> dict[str, int]:
        """How many orders were placed, filled, rejected, canceled and expired."""

    @property
    def fees_by_cause(self) -> dict[str, Decimal]:
        """What was paid, as maker and as taker."""

    def funding_by_symbol(self, slots: list[TradeSlot]) -> dict[str, Decimal]:
        """Return what trades have received, by instrument: those that have ended, and those that these slots
        run at the end."""

    @property
    def turnover(self) -> Decimal:
        """Price times size of all fills."""

@final
class Dispatcher:
    """Dispatches quotes, trades and bars to strategies' callbacks as they come, in the order of `Player`.

    Within one event: the bars that it closes, subscriber by subscriber, the shortest first, with the end of
    the subscriber's warm-up behind them; then the quote or trade itself, subscriber by subscriber.
    """

    def __new__(cls) -> Dispatcher: ...
    def listen(
        self,
        listener: Listener,
        settle: Callable[[], object],
        *,
        on_quote: Callable[[QuoteTick], object] | None = None,
        on_trade: Callable[[TradeTick], object] | None = None,
        on_bar: Callable[[Bar], object] | None = None,
        on_book: Callable[[Book], object] | None = None,
    ) -> int:
        """Add a subscriber; return its place. `settle` ends a callback that is suspected."""

    def begin(self, event: QuoteTick | TradeTick | Bar) -> None:
        """Begin an event: `next` dispatches it."""

    def next(self) -> tuple[str, Any]:
        """Call the next callback of the event.

        Returns `("called", subscriber)`, `("raised", (subscriber, error, callback))`,
        `("warmed", subscriber)`, `("refused", (subscriber, message))` or `("end", None)`.
        """

@final
class Player:
    """Plays markets to strategies' callbacks, on a kernel with a simulated venue.

    `next` plays until the owner has something to do, and says what. Each event goes to the venue first, then
    to the callbacks; bars that close together are played together and dispatched one by one, by name.
    """

    def __new__(
        cls,
        engine: Engine,
        asset: str,
        capital: Decimal,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        round_prices: bool = False,
        stops_first: bool = False,
        speed: float | None = None,
        resume_ns: int | None = None,
    ) -> Player: ...
    def add_file(self, reader: MarketReader, symbol: str, tick: _Price, step_ns: int) -> int:
        """Add a market that a reader reads, which is the player's then; return its place."""

    def add_channel(self, symbol: str, tick: _Price, step_ns: int) -> int:
        """Add a market that `give` fills; return its place."""

    def listen(
        self,
        listener: Listener,
        settle: Callable[[], object],
        *,
        on_quote: Callable[[QuoteTick], object] | None = None,
        on_trade: Callable[[TradeTick], object] | None = None,
        on_bar: Callable[[Bar], object] | None = None,
        on_book: Callable[[Book], object] | None = None,
    ) -> int:
        """Add a listener, once all markets were added; return its place. `settle` ends a callback that is
        suspected."""

    def tell_by(self, watcher: Watcher, recorder: Recorder) -> None:
        """Have a watcher tell what happens to trades, and a recorder write it down, without a word to the
        owner: `("news", None)` comes then only once a callback has raised."""

    def give(self, market: int, events: list[Any]) -> int:
        """Put events of a market in, in time order; an empty list ends it. Return how many it took: one that
        cannot be read is taken by nobody, and raises InvalidInput where it comes first."""

    def next(self) -> tuple[str, Any]:
        """Play until there is something to do.

        Returns `("begin", ns)`, `("due", ns)`, `("wait", s)`, `("news", None)`, `("look", None)` every 50 ms,
        `("raised", (listener, error, callback))`, `("warmed", listener)`, `("starved", market)`,
        `("follow", within)` where an entry waits for what has happened (within bars nothing is dispatched
        yet), `("fault", (market, line, message))`, `("refused", (listener, message))` or `("end", None)`.
        Raises InvalidInput where the venue does not take an event, and what a kernel raises.
        """

    def set_due(self, due_ns: int | None) -> None:
        """Set from when on `("due", ns)` has to come, besides the listeners' timers; None for never."""

    def take_past(self) -> list[Bar]:
        """Take the bars of before an interruption, oldest first."""

    def take_ambiguous(self) -> list[str]:
        """Take the ids of the trades of which bars have left open which order fills first."""

    @property
    def place_of(self) -> tuple[str, int] | None:
        """The instrument and the time, ns, of the moment that is being played."""

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """When the first event was, and the last moment, ns."""

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many events were played, how many of them bars, and how many prices were rounded."""

    @property
    def fraction(self) -> float:
        """How much of the files was read, from 0 to 1; of a market that `give` fills, 0."""

    def is_cut(self, market: int) -> bool:
        """Whether a market's file ended without a line end: its last row may have been cut off."""

    def gaps(self, market: int) -> int:
        """Return how many bars of a market were missing so far, where a file is read."""

    def disordered(self, market: int) -> int:
        """Return how many rows of a market were left out so far because their time goes back, where a file
        is read."""

    @property
    def equity(self) -> EquityCurve:
        """What the money did: a copy."""

    def prices(self, market: int) -> list[tuple[int, Decimal]]:
        """Return a market's prices, thinned: time and price."""

@final
class Client:
    """A caller of a kernel, and whose trades it makes.

    A verb is the intent of the same fields: the same step, the same outcome, the same bytes in the log. Every
    verb raises InvalidInput or InvalidType, as `KernelIntent` does. `intent_id` is the key of idempotence;
    `timestamp` is the kernel's time where it is left out. Trade, instrument and side are the slot's where
    they are left out. A numbered client makes the ids that are left out: `OWNER-n`, and `OWNER-tn` of a new
    trade. Fields are described at `KernelIntent`.
    """

    def __new__(cls, engine: Engine, owner: str | None = None, *, numbered: bool = False) -> Client: ...
    @property
    def owner(self) -> str:
        """The owner of the trades it makes; empty for unassigned ones."""

    def take_number(self) -> int:
        """Takes the number of a numbered client's next ids."""

    def free_slot(self, slots: Sequence[int]) -> int | None:
        """Returns the first of these slots that is free; None where all carry trades."""

    def trade(self, slot_id: int) -> tuple[str, str, TradeSide]:
        """Returns what a slot carries or has carried last: trade, instrument and side."""

    def enter(
        self,
        slot_id: int,
        trade_id: str | None,
        asset: str,
        side: TradeSide | str,
        size: Decimal | int | str | float | None = None,
        *,
        intent_id: str | None = None,
        timestamp: datetime | int | None = None,
        leverage: Decimal | int | str | float | None = None,
        exit_leg_ratios: Sequence[Decimal | int | str | float] | None = None,
        reference_price: Decimal | int | str | float | None = None,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        stage: str | None = None,
        order_type: OrderType | str | None = None,
        limit_price: Decimal | int | str | float | None = None,
        time_in_force: TimeInForce | str | None = None,
        expire_time: datetime | int | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        trigger_price: Decimal | int | str | float | None = None,
        quote_size: Decimal | int | str | float | None = None,
        oco_group: str | None = None,
        valid_until: datetime | int | None = None,
        source_run: str | None = None,
        regime: Regime | str | None = None,
        override_ref: str | None = None,
        add: bool | None = None,
        trigger_by: TriggerBy | str | None = None,
        exits: Sequence[ExitSpec | Mapping[str, Any]] | None = None,
    ) -> KernelOutcome:
        """Enters a trade with an order of `size` base units or contracts."""

    def exit(
        self,
        slot_id: int,
        trade_id: str | None = None,
        asset: str | None = None,
        side: TradeSide | str | None = None,
        size: Decimal | int | str | float | None = None,
        *,
        intent_id: str | None = None,
        timestamp: datetime | int | None = None,
        reference_price: Decimal | int | str | float | None = None,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        stage: str | None = None,
        order_type: OrderType | str | None = None,
        limit_price: Decimal | int | str | float | None = None,
        time_in_force: TimeInForce | str | None = None,
        expire_time: datetime | int | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        trigger_price: Decimal | int | str | float | None = None,
        quote_size: Decimal | int | str | float | None = None,
        oco_group: str | None = None,
        valid_until: datetime | int | None = None,
        source_run: str | None = None,
        regime: Regime | str | None = None,
        override_ref: str | None = None,
    ) -> KernelOutcome:
        """Exits a trade, or a part of it; without a size to the next leg's target."""

    def cancel(
        self,
        slot_id: int,
        trade_id: str | None = None,
        asset: str | None = None,
        side: TradeSide | str | None = None,
        *,
        intent_id: str | None = None,
        timestamp: datetime | int | None = None,
        target_client_id: str | None = None,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        stage: str | None = None,
        source_run: str | None = None,
        regime: Regime | str | None = None,
        override_ref: str | None = None,
    ) -> KernelOutcome:
        """Cancels an order of a trade: the one that is named, or what the trade has at work."""

    def amend(
        self,
        slot_id: int,
        trade_id: str | None = None,
        asset: str | None = None,
        side: TradeSide | str | None = None,
        size: Decimal | int | str | float | None = None,
        *,
        intent_id: str | None = None,
        timestamp: datetime | int | None = None,
        target_client_id: str | None = None,
        reference_price: Decimal | int | str | float | None = None,
        limit_price: Decimal | int | str | float | None = None,
        trigger_price: Decimal | int | str | float | None = None,
        quote_size: Decimal | int | str | float | None = None,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        stage: str | None = None,
        expire_time: datetime | int | None = None,
        valid_until: datetime | int | None = None,
        source_run: str | None = None,
        regime: Regime | str | None = None,
        override_ref: str | None = None,
    ) -> KernelOutcome:
        """Changes an order of a trade."""

@final
class TwinLive:
    """What a live log came to. It is read once, without the log's lock; the log may go on meanwhile."""

    def __new__(
        cls, log_dir: str | os.PathLike[str], *, progress: Callable[[int, int, int], object] | None = None
    ) -> TwinLive: ...
    @property
    def max_slots(self) -> int:
        """How many slots the live kernel has."""

    @property
    def hedge_mode(self) -> bool:
        """Whether it keeps long and short positions apart."""

    @property
    def symbols(self) -> list[str]:
        """The instruments before the first intent."""

    @property
    def balances(self) -> dict[str, Decimal]:
        """What the wallet held before the first intent, by asset."""

    @property
    def span_ns(self) -> tuple[int, int]:
        """Kernel time of the log's first and last inputs, ns."""

    @property
    def carried(self) -> int:
        """How many trades ran when the log begins; a twin does not have them."""

    @property
    def began(self) -> int | None:
        """The snapshot that the log begins with; None where it has its own beginning."""

    @property
    def intent_times_ns(self) -> list[int]:
        """Kernel times of the intents, ns, in their order."""

    def list_at(self, engine: Engine) -> None:
        """List the live instruments at an engine with a simulated venue."""

    def time_ns(self, at: int) -> int | None:
        """The kernel time of an input, ns; None behind the last."""

    def give(
        self, engine: Engine, at: int, until_ns: int | None = None, *, marks: bool = False
    ) -> tuple[int, list[tuple[int, str]]]:
        """Give the engine each input from `at` on whose time is not after `until_ns`, at its time."""

    def compare(
        self, log_dir: str | os.PathLike[str], *, progress: Callable[[int, int, int], object] | None = None
    ) -> dict[str, Any]:
        """Hold the twin's log against the live one: rows, results, and sums for what a backtest assumes."""

@final
class Replay:
    """A kernel of the past: a log, replayed into a core of its own. It takes no lock and writes nothing.

    Iterate over it for the steps, or `run` to where it ends; then ask it as one asks a kernel.
    """

    def __new__(
        cls,
        log_dir: str | os.PathLike[str],
        *,
        until_seq: int | None = None,
        until_ns: int | None = None,
        from_start: bool = False,
    ) -> Replay: ...
    def run(self, progress: Callable[[int, int, int], object] | None = None) -> int:
        """Go on to where it ends; return how many inputs it took."""

    def __iter__(self) -> Replay: ...
    def __next__(self) -> dict[str, Any]:
        """The next input and what came of it."""

    @property
    def began(self) -> int | None:
        """The last input of the snapshot that the replay began with; None where it began with the log."""

    @property
    def replayed(self) -> int:
        """How many inputs were replayed."""

    def differences(self) -> tuple[int, list[tuple[int, bool, bool]]]:
        """The inputs that came to something else than when they were logged: how many, and the first."""

    @property
    def seq(self) -> int:
        """The last input's sequence number."""

    @property
    def now_ns(self) -> int | None:
        """Kernel time of the last input, nanoseconds; None before the first."""

    def state_hash(self) -> str:
        """BLAKE3 of the whole trading state, as 64 hexadecimal digits."""

    def check_invariants(self) -> None:
        """Holds the whole state against the invariants; raises InvariantViolation."""

    @property
    def max_slots(self) -> int:
        """How many slots there are."""

    def slot(self, slot_id: int) -> TradeSlot:
        """A slot as it was."""

    def slots(self) -> list[TradeSlot]:
        """The slots that have carried a trade."""

    def orders(self, *, live_only: bool = False) -> list[VenueOrder]:
        """Our orders, oldest first: live and remembered, or the live ones only."""

    def assets(self) -> list[str]:
        """The assets' names."""

    def account(self, asset: str | None = None) -> dict[str, Any] | None:
        """An asset's figures; without a name the first instrument's settlement asset."""

    def positions(self) -> list[dict[str, Any]]:
        """The venue's positions as the kernel books them, and as the venue last reported them."""

    def unassigned(self) -> list[dict[str, Any]]:
        """What of them belongs to no slot."""

    def bots(self, asset: str | None = None) -> list[dict[str, Any]]:
        """The account by its bots, in an asset: without a name the first instrument's settlement asset."""

    def control(self) -> dict[str, Any]:
        """The controls; `updated_at` is in nanoseconds."""

@type_check_only
class FollowStates(TypedDict):
    """States as of one input, each as JSON text that names `kernel`, `seq` and `time_ns` too."""

    seq: int
    #: (slot_id, JSON)
    slots: list[tuple[int, str]]
    #: (our client id, whether it is live, JSON)
    orders: list[tuple[str, bool, str]]
    #: Client ids of orders that ended, of which the core has forgotten how.
    forgotten_orders: list[str]
    #: (asset, JSON)
    accounts: list[tuple[str, str]]
    control: str | None

@type_check_only
class FollowBatch(TypedDict):
    """What came of some inputs in a row."""

    first_seq: int
    last_seq: int
    #: Kernel time of the last input, nanoseconds.
    last_ns: int
    #: Whether the log went no further.
    at_end: bool
    #: (table, rows, a block in ClickHouse's Native format)
    blocks: list[tuple[str, int, bytes]]
    #: None where states are not wanted.
    states: FollowStates | None

@type_check_only
class FollowCursor(TypedDict):
    """How far a follower has come."""

    seq: int
    time_ns: int
    pending: int | None
    target: str

@final
class ZincWriter:
    """The one writer of a plane: this process's, or a kernel's once it is given to one."""

    def __new__(
        cls, directory: str | os.PathLike[str], name: str, *, slots: int, kernel: str
    ) -> ZincWriter: ...
    @property
    def path(self) -> os.PathLike[str]:
        """The segment's file."""

    @property
    def gate(self) -> str:
        """The gate that operators have asked for: NORMAL, REDUCE_ONLY or HALTED."""

    def write_slot(self, slot: TradeSlot) -> None:
        """Shows a slot."""

    def publish_intent(self, intent: KernelIntent) -> None:
        """Shows an intent."""

    def write_account(self, place: int, json: str) -> None:
        """Shows an asset's account as a JSON text."""

    def write_control(self, json: str) -> None:
        """Shows the controls as a JSON text."""

    def give_to(self, engine: Engine) -> None:
        """Has a kernel write it from now on, and apply its halt."""

    def close(self) -> None:
        """Ends it, where no kernel has it."""

@final
class ZincReader:
    """A reader of a plane. It never waits for the writer, and finds what takes the plane's place."""

    def __new__(cls, directory: str | os.PathLike[str], name: str) -> ZincReader: ...
    def read_slot(self, slot_id: int) -> TradeSlot | None:
        """A slot as it was shown last; `None` before its first trade, and for one that is not there."""

    def slot_standing(self, slot_id: int) -> tuple[int, bool] | None:
        """The last input that a slot, as it was shown, knows of, and whether something was left out."""

    def read_account(self, place: int) -> str | None:
        """The account of an asset by its place, as a JSON text."""

    def read_control(self) -> str | None:
        """The controls, as a JSON text."""

    def read_health(self) -> str | None:
        """The health, as a JSON text."""

    def read_mark(self, place: int) -> tuple[str, Decimal, int] | None:
        """The newest mark of an instrument by its place: `(symbol, price, time_ns)`."""

    def read_quote(
        self, place: int
    ) -> tuple[str, Decimal, Decimal | None, Decimal | None, Decimal | None, int] | None:
        """The newest quote of an instrument by its place."""

    def read_intents(
        self, after: int, most: int
    ) -> tuple[list[tuple[int, int, int, bool, KernelDiagnosticCode, KernelIntent]], int]:
        """The intents behind a place in the ring, oldest first, and how many were overwritten before."""

    def read_market(
        self, span: tuple[int, int], instruments: int, places: tuple[int, int]
    ) -> tuple[list[QuoteTick | TradeTick | Bar], tuple[int, int], tuple[int, int]]:
        """Return what of the market is numbered behind the first of `span` and up to the second, in its
        order; the new places in the rings of trades and bars; and how many of each were overwritten before
        they were read."""

    def market_places(self) -> tuple[int, int]:
        """Return the newest places in the rings of trades and bars."""

    def reaches(self, seq: int, timeout_us: int) -> bool:
        """True once the plane shows everything up to an input; waits for that, at most so long."""

    @property
    def seq(self) -> int:
        """The last input that the plane shows."""

    @property
    def figures_seq(self) -> int:
        """The last input that accounts and controls show; 0 where the writer is older than that word."""

    @property
    def time_ns(self) -> int:
        """That input's kernel time, ns."""

    @property
    def pid(self) -> int:
        """The process that writes it."""

    @property
    def slots(self) -> int:
        """How many slots there are."""

    @property
    def standing(self) -> Literal["LIVE", "CLOSED", "SUPERSEDED", "DEAD"]:
        """LIVE, CLOSED, SUPERSEDED, or DEAD where its writer was killed."""

    @staticmethod
    def codec_version() -> int:
        """The version of the codec that intents are in."""

@final
class ZincHalt:
    """Where an operator halts a kernel: it only tightens."""

    def __new__(cls, directory: str | os.PathLike[str], name: str) -> ZincHalt: ...
    def ask(self, gate: str, who: str, at_ns: int) -> int:
        """Asks for REDUCE_ONLY or HALTED; gives what `is_taken` wants."""

    def is_taken(self, asked: int, timeout_us: int) -> bool:
        """True once the kernel has applied that request, or a later one; waits for that, at most so long."""

    def standing(self) -> tuple[str, str, int]:
        """What stands: `(gate, who, at_ns)`."""

@final
class LogReplica:
    """A core that goes along behind a log, ready to become the kernel. It takes no lock and writes nothing.

    An engine that is opened with it (`log_replica`) takes what it has.
    """

    def __new__(cls, log_dir: str | os.PathLike[str]) -> LogReplica:
        """Begin at the newest snapshot.

        Raises:
            LogError: There is no log, or none of this version.
        """

    def follow(self, records_max: int = 65_536) -> int:
        """Go on to what is written by now, at most so many records; return how many there were.

        Raises:
            LogError: The log is damaged from here on, or what comes next was removed.
            KernelClosed: It was given to an engine.
        """

    @property
    def seq(self) -> int:
        """The last record that it has."""

    @property
    def now_ns(self) -> int:
        """Kernel time of its last input, ns since 1970."""

@final
class LogFollower:
    """Goes along behind a log, in a core of its own. It takes no lock and writes nothing but its cursor."""

    def __new__(
        cls,
        log_dir: str | os.PathLike[str],
        kernel: str,
        name: str,
        *,
        seq: int = 0,
        journal: bool = False,
        when_enabled: bool = False,
        states: bool = False,
        durable: bool = True,
        progress: Callable[[int, int, int], object] | None = None,
    ) -> LogFollower: ...
    def poll(self, *, records_max: int, bytes_max: int, last_seq: int | None = None) -> FollowBatch | None:
        """The next batch; None where the log has nothing more yet."""

    def everything(self) -> FollowStates:
        """All states there are, as of the last input read."""

    @property
    def seq(self) -> int:
        """The last input read."""

    @property
    def time_ns(self) -> int | None:
        """Kernel time of the last input read, nanoseconds; None before the first."""

    @property
    def journal_wanted(self) -> bool:
        """Whether the kernel wants a journal, as of the last input read."""

    @property
    def bytes_behind(self) -> int:
        """Bytes of the log that were there and not read yet when last looked."""

    @property
    def ledger_missing(self) -> int:
        """Ledger rows that are missing, since one input booked more than the core remembers."""

    def write_cursor(self, seq: int, time_ns: int, *, pending: int | None = None, target: str = "") -> None:
        """Writes the cursor: all up to `seq` was taken; with `pending` a batch up to there may have been."""

@type_check_only
class AuditVerdict(TypedDict, total=False):
    """What came of verifying a ledger."""

    #: (file, line, what is wrong); None where the ledger holds, and only then there is the rest.
    fault: tuple[str, int, str] | None
    kernel: str | None
    records: int
    executions: int
    #: The last input.
    seq: int
    last_hash: str
    #: The Merkle root.
    root: str
    #: Records after the last whole input.
    unfinished: int
    #: Whether a head was held against it.
    headed: bool

@final
class AuditLedger:
    """An audit ledger that is written, in a folder of its own, by one process."""

    def __new__(
        cls, folder: str | os.PathLike[str], kernel: str, *, records_per_file: int = 1_000_000
    ) -> AuditLedger: ...
    def write(self, blocks: Sequence[tuple[str, int, bytes]]) -> int:
        """Write a batch's blocks; how many records they made."""

    @property
    def seq(self) -> int:
        """The last input whose records are written; 0 for none."""

    @property
    def records(self) -> int:
        """How many records it has."""

    @property
    def root(self) -> str:
        """The Merkle root of its records."""

def audit_verify(folder: str | os.PathLike[str], head: tuple[int, str] | None = None) -> AuditVerdict:
    """Verify a folder's ledger, against a head (records, root) that was kept elsewhere."""

def audit_prove(
    folder: str | os.PathLike[str], trade_id: str
) -> tuple[str, int, list[tuple[int, str, str | None, list[tuple[str, str]]]]]:
    """The root, how many records there are, and a trade's records with their paths to the root."""

def read_cursor(log_dir: str | os.PathLike[str], name: str) -> FollowCursor | None:
    """A follower's cursor; None where there is none yet. A damaged one raises LogCorrupt."""

def followers_of(log_dir: str | os.PathLike[str]) -> list[str]:
    """The names of the followers that have a cursor in a log's directory."""

def log_bounds(log_dir: str | os.PathLike[str]) -> tuple[int, int]:
    """The input after which a follower can begin, and the last input that is known to be durable."""

def journal_tables() -> list[tuple[str, list[tuple[str, str, list[str] | None]]]]:
    """The journal's tables: name, and each column's name, type, and members' names of an enumeration."""

def verify_log(
    log_dir: str | os.PathLike[str],
    *,
    replay: bool = False,
    progress: Callable[[int, int, int], object] | None = None,
) -> dict[str, Any]:
    """Verifies a log. Corruption is in the answer, not an exception."""

def read_notes(log_dir: str | os.PathLike[str]) -> list[tuple[int, int, str, str]]:
    """Every note that a log still has, oldest first: number, kernel time in ns, name and text."""

def log_stats(
    log_dir: str | os.PathLike[str], *, progress: Callable[[int, int, int], object] | None = None
) -> dict[str, Any]:
    """Counts what is in a log; corruption raises LogCorrupt."""

def explain_trade(
    log_dir: str | os.PathLike[str],
    trade_id: str,
    *,
    progress: Callable[[int, int, int], object] | None = None,
) -> dict[str, Any]:
    """Everything in a log that had to do with a trade."""

def explain_drift(
    log_dir: str | os.PathLike[str],
    *,
    until_seq: int | None = None,
    until_ns: int | None = None,
    progress: Callable[[int, int, int], object] | None = None,
) -> dict[str, Any]:
    """Where the difference between K and E comes from, by asset."""

def what_if(
    log_dir: str | os.PathLike[str],
    *,
    taker_rate: _Number | None = None,
    maker_rate: _Number | None = None,
    symbol: str | None = None,
    limits: dict[str, Any] | None = None,
    latency_ns: int = 0,
    progress: Callable[[int, int, int], object] | None = None,
) -> dict[str, Any]:
    """Replays a log with changes, beside the log as it is."""

# Floats, on purpose: `dita.indicators`.

@final
class Ema:
    """Exponential average: each value takes the part 2 / (length + 1) of the distance to it."""

    def __new__(cls, length: int, *, seed: Literal["first", "mean"] = "first") -> Ema: ...
    def update(self, value: float) -> float | None:
        """Take a value; return the value, or None before there is one."""

    @property
    def value(self) -> float | None:
        """The average; None before `length` values."""

    @property
    def count(self) -> int:
        """How many values it has taken."""

    @property
    def ready(self) -> bool:
        """Whether it has taken enough values to have one of its own."""

    @property
    def length(self) -> int:
        """How many values it spans."""

    def reset(self) -> None:
        """Forget every value."""

@final
class Sma:
    """Mean of the last `length` values."""

    def __new__(cls, length: int) -> Sma: ...
    def update(self, value: float) -> float | None:
        """Take a value; return the value, or None before there is one."""

    @property
    def value(self) -> float | None:
        """The mean; None before `length` values."""

    @property
    def count(self) -> int:
        """How many values it has taken."""

    @property
    def ready(self) -> bool:
        """Whether it has taken enough values to have one of its own."""

    @property
    def length(self) -> int:
        """How many values it spans."""

    def reset(self) -> None:
        """Forget every value."""

@final
class Rsi:
    """Relative strength index of Wilder, 0 to 100; 50 where nothing moved."""

    def __new__(cls, length: int) -> Rsi: ...
    def update(self, value: float) -> float | None:
        """Take a value; return the value, or None before there is one."""

    @property
    def value(self) -> float | None:
        """The index; None before `length` changes, which are `length + 1` values."""

    @property
    def count(self) -> int:
        """How many values it has taken."""

    @property
    def ready(self) -> bool:
        """Whether it has taken enough values to have one of its own."""

    @property
    def length(self) -> int:
        """How many changes it spans."""

    def reset(self) -> None:
        """Forget every value."""

@final
class Deviation:
    """Standard deviation of the last `length` values: squares by `length - ddof`."""

    def __new__(cls, length: int, *, ddof: Literal[0, 1] = 0) -> Deviation: ...
    def update(self, value: float) -> float | None:
        """Take a value; return the value, or None before there is one."""

    @property
    def value(self) -> float | None:
        """The deviation; None before `length` values."""

    @property
    def count(self) -> int:
        """How many values it has taken."""

    @property
    def ready(self) -> bool:
        """Whether it has taken enough values to have one of its own."""

    @property
    def length(self) -> int:
        """How many values it spans."""

    def reset(self) -> None:
        """Forget every value."""

@final
class Bollinger:
    """Bollinger's bands: the mean of the last `length` values and `width` deviations (ddof 0) around it."""

    def __new__(cls, length: int, width: float = 2.0) -> Bollinger: ...
    def update(self, value: float) -> tuple[float, float, float] | None:
        """Take a value; return the value, or None before there is one."""

    @property
    def value(self) -> tuple[float, float, float] | None:
        """Lower band, mean, upper band; None before `length` values."""

    @property
    def count(self) -> int:
        """How many values it has taken."""

    @property
    def ready(self) -> bool:
        """Whether it has taken enough values to have one of its own."""

    @property
    def length(self) -> int:
        """How many values they span."""

    @property
    def width(self) -> float:
        """How many deviations the bands are wide, on each side."""

    def reset(self) -> None:
        """Forget every value."""

@final
class Atr:
    """Average true range of Wilder: begins with the mean of the first `length` ranges."""

    def __new__(cls, length: int) -> Atr: ...
    def update(self, high: float, low: float, close: float) -> float | None:
        """Take a bar; return the value, or None before there is one."""

    @property
    def value(self) -> float | None:
        """The average; None before `length` bars."""

    @property
    def count(self) -> int:
        """How many values it has taken."""

    @property
    def ready(self) -> bool:
        """Whether it has taken enough values to have one of its own."""

    @property
    def length(self) -> int:
        """How many bars it spans."""

    def reset(self) -> None:
        """Forget every value."""

@final
class Donchian:
    """Donchian's channel: the extremes of the last `length` bars."""

    def __new__(cls, length: int) -> Donchian: ...
    def update(self, high: float, low: float) -> tuple[float, float, float] | None:
        """Take a bar; return the value, or None before there is one."""

    @property
    def value(self) -> tuple[float, float, float] | None:
        """Lowest low, the middle, highest high; None before `length` bars."""

    @property
    def count(self) -> int:
        """How many values it has taken."""

    @property
    def ready(self) -> bool:
        """Whether it has taken enough values to have one of its own."""

    @property
    def length(self) -> int:
        """How many bars it spans."""

    def reset(self) -> None:
        """Forget every value."""

@final
class Vwap:
    """Mean price weighed by volume, since the beginning or since `reset`."""

    def __new__(cls) -> Vwap: ...
    def update(self, price: float, volume: float) -> float | None:
        """Take a price and what was traded at it; return the value, or None before there is one."""

    @property
    def value(self) -> float | None:
        """The mean; None before there was any volume."""

    @property
    def count(self) -> int:
        """How many values it has taken."""

    @property
    def ready(self) -> bool:
        """Whether it has taken enough values to have one of its own."""

    @property
    def volume(self) -> float:
        """The volume so far."""

    def reset(self) -> None:
        """Forget every value."""

def torture(
    *,
    seeds: int,
    start: int,
    inputs: int,
    jobs: int,
    faults: list[str] | None = None,
    progress: Callable[[int, int, int], object] | None = None,
) -> dict[str, Any]:
    """Runs seeds through the simulator; `progress` is called with seeds done, seeds failed and inputs."""

def torture_faults() -> list[tuple[str, str]]:
    """The simulator's faults: their names, and what each does."""

def torture_seed(
    seed: int,
    *,
    inputs: int,
    faults: list[str] | None = None,
    decisions: str | None = None,
    tell: bool = False,
    shorten: bool = False,
) -> dict[str, Any]:
    """Runs one seed; with `shorten` a failure is made short."""

def plain_standing(parts: list[tuple[str, Decimal]], size: Decimal, refused: bool) -> str:
    """How a plain order stands, by its parts: status and filled size of each."""

def was_forked() -> None:
    """Tells that this process was forked off another one: the engines that came along are not its own."""

def zinc_directory() -> os.PathLike[str]:
    """The directory in shared memory that planes of this user stand in."""

def zinc_names(directory: str | os.PathLike[str]) -> list[str]:
    """The names in a directory that have a segment or a halt, by name."""

def transition_table() -> list[tuple[TradeStage, str, str, TradeStage | KernelDiagnosticCode, int]]:
    """The kernel's transition table, a row per cell: (stage, symbol, verdict, next or code, rule number)."""

@final
class GraphMachine:
    """A strategy graph that can be run. Steps are in an order in which each reads only those before it.

    A step is a tuple: `("constant", value)`, `("external", place)`, `("read", key)`, `("write", key, step)`,
    `("timer", place, step)`, `("choice", [(condition, threshold, target), ...], otherwise)`,
    `("operation", name, inputs, places, rounding)`.
    """

    def __new__(
        cls,
        steps: Sequence[tuple[Any, ...]],
        entry: int,
        fuel: int,
        externals: int,
        kept: Sequence[Decimal | int | str],
    ) -> GraphMachine: ...
    def run(self, externals: list[Decimal | None]) -> Decimal:
        """Run once with the values from outside, None where one is not there: return the entry's value.
        Raises ArithmeticError(name, step) where a step that it needs has no value: Overflow, Inexact,
        DivisionByZero, NoInput."""

    def at(self, step: int) -> Decimal:
        """The value of a step in the last run; raises as `run`."""

    @property
    def kept(self) -> list[Decimal]:
        """What each key holds."""

    def keep(self, key: int, value: Decimal | int | str) -> None:
        """Set what a key holds."""

    @property
    def fuel_needed(self) -> int:
        """What a run costs, whatever the values are."""

    def trace(self) -> bytes:
        """The SHA-256 of all values of the last run, step by step."""
