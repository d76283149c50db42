"""The native value types: good values come back exactly, bad ones are refused by field and value."""

# Hostile values are the point here: naive datetimes, odd classes, eval of a repr, seeded random numbers.
# ruff: noqa: D101, D105, DTZ001, DTZ901, PT017, S301, S307, S311, SLOT000

import copy
import enum
import math
import pickle
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from dita import _kernel
from dita._kernel import (
    ExitSpec,
    InvalidInput,
    InvalidType,
    KernelCommandType,
    KernelError,
    KernelEventKind,
    KernelIntent,
    Liquidity,
    OrderSide,
    OrderType,
    PositionSide,
    Regime,
    TimeInForce,
    TradeSide,
    TriggerBy,
    VenueEvent,
    VenueOrderStatus,
)

BASE: dict[str, Any] = {
    "timestamp": 1_700_000_000_123_456_789,
    "intent_id": "intent-1",
    "trade_id": "trade-1",
    "slot_id": 3,
    "asset": "BTCUSDT",
    "side": TradeSide.LONG,
    "action": KernelCommandType.ENTER,
}
EVENT: dict[str, Any] = {"timestamp": 1_700_000_000_123_456_789, "kind": KernelEventKind.FULL_FILL}


def intent(**changes: Any) -> KernelIntent:
    return KernelIntent(**{**BASE, **changes})


def event(**changes: Any) -> VenueEvent:
    return VenueEvent(**{**EVENT, **changes})


class Text(str):
    """A str of another class."""


class Loud(float):
    def __repr__(self) -> str:
        return f"Loud({float(self)})"


class Exact(Decimal):
    """A Decimal of another class."""


class Unshowable(str):
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class OnlyMapping(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        return {"b": 1, "a": 2}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("b", "a"))

    def __len__(self) -> int:
        return 2


# ------------------------------------------------------------------------------------------ numbers

NUMBERS = [
    ("0.1", "0.1"),
    ("-0.5", "-0.5"),
    ("+1.50", "1.50"),
    (" 7 ", "7"),
    ("1e3", "1000"),
    ("1E-8", "0.00000001"),
    ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
    ("9999999999999999999999999999", "9999999999999999999999999999"),
    (Text("2.5"), "2.5"),
    (0, "0"),
    (-7, "-7"),
    (10**27, "1000000000000000000000000000"),
    (-(10**27), "-1000000000000000000000000000"),
    (2**64, "18446744073709551616"),
    (0.1, "0.1"),
    (-0.1, "-0.1"),
    (0.1 + 0.2, "0.30000000000000004"),
    (50_000.0, "50000"),
    (1e22, "10000000000000000000000"),
    (1e15, "1000000000000000"),
    (1e-9, "0.000000001"),
    (1e-10, "0.0000000001"),
    (123456789.123456789, "123456789.12345679"),
    (999999999999999.9, "999999999999999.9"),
    (-0.0, "0"),
    (208579110558465.125, "208579110558465.12"),
    (Loud(0.1), "0.1"),
    (Loud(0.1 + 0.2), "0.30000000000000004"),
    (Decimal("1.50"), "1.50"),
    (Decimal("1E+3"), "1000"),
    (Decimal("-0.000000000000000001"), "-0.000000000000000001"),
    (Exact("3.25"), "3.25"),
]


@pytest.mark.parametrize(("given", "text"), NUMBERS, ids=repr)
def test_a_number_comes_back_with_its_digits(given: Any, text: str) -> None:
    back = intent(target_size=given).target_size
    assert type(back) is Decimal
    assert format(back, "f") == text


def test_a_float_enters_through_its_shortest_text() -> None:
    rng = random.Random(1)
    for _ in range(20_000):
        value = rng.choice(
            [
                round(rng.uniform(-1e6, 1e6), rng.randrange(10)),
                rng.uniform(-1, 1),
                rng.randrange(-(10**17), 10**17) / 10 ** rng.randrange(12),
                rng.uniform(-1e15, 1e15),
                math.ldexp(rng.random(), rng.randrange(-30, 60)),
            ]
        )
        expected = Decimal(repr(value))
        if -expected.normalize().as_tuple().exponent > 28:  # type: ignore[operator]
            continue
        back = intent(target_size=value).target_size
        assert back == expected, value


BAD_NUMBERS = [
    (math.nan, InvalidInput, "nan is not a number"),
    (math.inf, InvalidInput, "inf is not a number"),
    (-math.inf, InvalidInput, "-inf is not a number"),
    (Decimal("NaN"), InvalidInput, "Decimal('NaN') is not a number"),
    (Decimal("sNaN"), InvalidInput, "Decimal('sNaN') is not a number"),
    (Decimal("-Infinity"), InvalidInput, "Decimal('-Infinity') is not a number"),
    ("", InvalidInput, "'' is not a number"),
    ("abc", InvalidInput, "'abc' is not a number"),
    ("1_000", InvalidInput, "'1_000' is not a number"),
    ("0x10", InvalidInput, "'0x10' is not a number"),
    ("1.2.3", InvalidInput, "'1.2.3' is not a number"),
    ("\ud800", InvalidInput, "'\\ud800' is not a number"),
    ("x" * 500, InvalidInput, "'" + "x" * 79 + "…"),
    ("1e-29", InvalidInput, "has more digits"),
    (Decimal("1E-40"), InvalidInput, "has more digits"),
    (5e-324, InvalidInput, "5e-324 has more digits"),
    (1e300, InvalidInput, "1e+300 is too large"),
    (10**40, InvalidInput, "is too large"),
    (10**5000, InvalidInput, "is too large"),
    (Decimal("1E+1000"), InvalidInput, "is too large"),
    (True, InvalidType, "expected Decimal, int, str or float, got bool True"),
    (b"1", InvalidType, "got bytes b'1'"),
    ([1], InvalidType, "got list [1]"),
    (1j, InvalidType, "got complex 1j"),
    (Unshowable("x"), InvalidInput, "cannot be shown"),
]
NUMBER_FIELDS = ["reference_price", "target_size", "leverage", "limit_price", "trigger_price", "quote_size"]


@pytest.mark.parametrize(("given", "error", "message"), BAD_NUMBERS, ids=range(len(BAD_NUMBERS)))
@pytest.mark.parametrize("field", NUMBER_FIELDS)
def test_a_bad_number_is_refused_by_field_and_value(field: str, given: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as raised:
        intent(**{field: given})
    assert str(raised.value).startswith(f"{field}: ")
    assert message in str(raised.value)
    assert raised.value.field == field
    assert raised.value.value is given
    assert isinstance(raised.value, KernelError)
    assert isinstance(raised.value, ValueError if error is InvalidInput else TypeError)


# ------------------------------------------------------------------------------------------ times

TIMES = [
    (0, "1970-01-01T00:00:00+00:00", 0),
    (-1, "1969-12-31T23:59:59.999999+00:00", -1),
    (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456+00:00", 1_700_000_000_123_456_789),
    (2**63 - 1, "2262-04-11T23:47:16.854775+00:00", 2**63 - 1),
    (-(2**63), "1677-09-21T00:12:43.145224+00:00", -(2**63)),
    (datetime(2024, 2, 29, 12, 30, 1, 5, UTC), "2024-02-29T12:30:01.000005+00:00", 1_709_209_801_000_005_000),
    (datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), "1969-12-31T23:59:59.999999+00:00", -1_000),
    (
        datetime(2024, 1, 1, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        "2024-01-01T00:00:00+00:00",
        1_704_067_200_000_000_000,
    ),
]


@pytest.mark.parametrize(("given", "text", "nanos"), TIMES, ids=repr)
def test_a_time_comes_back(given: Any, text: str, nanos: int) -> None:
    for field in ("timestamp", "expire_time", "valid_until"):
        made = intent(**{field: given})
        assert getattr(made, field).isoformat() == text
        assert getattr(made, field).tzinfo is UTC
        assert getattr(made, f"{field}_ns") == nanos


BAD_TIMES = [
    (datetime(2024, 1, 1), InvalidInput, "pass an aware datetime"),
    (datetime(1600, 1, 1, tzinfo=UTC), InvalidInput, "64-bit nanoseconds"),
    (datetime(2300, 1, 1, tzinfo=UTC), InvalidInput, "64-bit nanoseconds"),
    (2**63, InvalidInput, "64-bit nanoseconds"),
    (1.5, InvalidType, "got float 1.5"),
    (True, InvalidType, "got bool True"),
    ("2024-01-01", InvalidType, "got str '2024-01-01'"),
    (datetime(2024, 1, 1).date(), InvalidType, "got date"),
]


@pytest.mark.parametrize(("given", "error", "message"), BAD_TIMES, ids=range(len(BAD_TIMES)))
@pytest.mark.parametrize("field", ["timestamp", "expire_time", "valid_until"])
def test_a_bad_time_is_refused(field: str, given: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as raised:
        intent(**{field: given})
    assert str(raised.value).startswith(f"{field}: ")
    assert message in str(raised.value)
    assert (raised.value.field, raised.value.value) == (field, given)


# ---------------------------------------------------------------------------------------- text, slots, flags

ID_FIELDS = ["intent_id", "trade_id", "asset", "reason", "stage", "oco_group", "target_client_id"]


@pytest.mark.parametrize("field", ID_FIELDS)
@pytest.mark.parametrize("text", ["", "a", "x" * 31, "x" * 32, "x" * 64, "é" * 32, "a\0b", Text("sub")])
def test_an_id_comes_back(field: str, text: str) -> None:
    assert getattr(intent(**{field: text}), field) == text


@pytest.mark.parametrize("field", ID_FIELDS)
@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("x" * 65, InvalidInput, "is longer than 64 bytes"),
        ("é" * 33, InvalidInput, "is longer than 64 bytes"),
        ("\udc80", InvalidInput, "is not valid Unicode text"),
        (7, InvalidType, "expected str, got int 7"),
        (b"x", InvalidType, "expected str, got bytes b'x'"),
    ],
)
def test_a_bad_id_is_refused(field: str, given: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as raised:
        intent(**{field: given})
    assert str(raised.value).startswith(f"{field}: ")
    assert message in str(raised.value)
    assert (raised.value.field, raised.value.value) == (field, given)


@pytest.mark.parametrize(
    ("given", "hint"), [(0, 0), (7, 7), (2**32 - 1, 2**32 - 1), (-1, 2**32 - 1), (2**40, 2**32 - 1)]
)
def test_a_slot_that_no_kernel_has_stays_one(given: int, hint: int) -> None:
    for made in (intent(slot_id=given), intent().replace(slot_id=given)):
        assert made.slot_id == made.replace(reason="x").slot_id == given
        assert KernelIntent(**made.to_dict()) == made
    assert intent(slot_id=given).replace(slot_id=1).slot_id == 1
    assert event(slot_id=given).slot_id == hint


@pytest.mark.parametrize(
    ("field", "given", "error"),
    [
        ("slot_id", True, InvalidType),
        ("slot_id", 1.0, InvalidType),
        ("slot_id", "1", InvalidType),
        ("post_only", 1, InvalidType),
        ("reduce_only", "yes", InvalidType),
        ("side", "long", InvalidInput),
        ("side", OrderSide.BUY, InvalidInput),
        ("side", 1, InvalidType),
        ("action", "", InvalidInput),
        ("order_type", "\ud800", InvalidInput),
        ("time_in_force", b"GTC", InvalidType),
        ("exit_leg_ratios", "11", InvalidType),
        ("exit_leg_ratios", 1, InvalidType),
        ("exit_leg_ratios", {1}, InvalidType),
        ("metadata", "{}", InvalidType),
        ("metadata", [1], InvalidType),
        ("metadata", {"x": math.nan}, InvalidInput),
        ("metadata", {"x": Decimal(1)}, InvalidInput),
        ("metadata", {"x": "y" * 4096}, InvalidInput),
        ("metadata", {"x": "\ud800"}, InvalidInput),
    ],
)
def test_other_bad_fields_are_refused(field: str, given: Any, error: Any) -> None:
    builds: list[Callable[..., KernelIntent]] = [intent, intent().replace]
    for build in builds:
        with pytest.raises(error) as raised:
            build(**{field: given})
        assert str(raised.value).startswith(f"{field}: ")
        assert raised.value.field == field
        assert raised.value.value is given


def test_a_bad_leg_is_refused_by_its_value() -> None:
    with pytest.raises(InvalidInput) as raised:
        intent(exit_leg_ratios=(0.5, math.nan))
    assert raised.value.field == "exit_leg_ratios"
    assert math.isnan(float(str(raised.value.value)))


# ------------------------------------------------------------------------------------------ names

ENUMS = [member for member in vars(_kernel).values() if isinstance(member, enum.EnumMeta)]


def test_every_enumeration_is_a_real_one() -> None:
    assert len(ENUMS) == 28
    for cls in ENUMS:
        assert issubclass(cls, enum.StrEnum)
        assert cls.__module__ == "dita._kernel"
        assert cls.__doc__
        for member in cls:
            assert member.value == member.name == str(member)
            assert pickle.loads(pickle.dumps(member)) is member


@pytest.mark.parametrize(
    ("field", "cls"),
    [
        ("kind", KernelEventKind),
        ("status", VenueOrderStatus),
        ("side", TradeSide),
        ("order_side", OrderSide),
        ("position_side", PositionSide),
        ("liquidity", Liquidity),
    ],
)
def test_members_and_their_names_are_taken(field: str, cls: type[enum.StrEnum]) -> None:
    for member in cls:
        assert getattr(event(**{field: member}), field) is member
        assert getattr(event(**{field: member.value}), field) is member


# ------------------------------------------------------------------------------------------ intents

FULL_INTENT: dict[str, Any] = {
    **BASE,
    "reference_price": Decimal("50000.10"),
    "target_size": Decimal("0.5"),
    "leverage": Decimal(3),
    "exit_leg_ratios": (Decimal("0.5"), Decimal("0.25"), Decimal("0.25")),
    "reason": "signal",
    "metadata": {"b": [1, 2.5, None], "a": {"ü": "x"}},
    "stage": "first",
    "order_type": OrderType.STOP_LIMIT,
    "limit_price": Decimal("49999.9"),
    "time_in_force": TimeInForce.GTD,
    "expire_time": 1_700_000_100_000_000_001,
    "post_only": True,
    "reduce_only": True,
    "trigger_price": Decimal(50001),
    "quote_size": Decimal(100),
    "oco_group": "group-1",
    "target_client_id": "ORD000001",
    "valid_until": 1_700_000_200_000_000_002,
    "source_run": "run-7",
    "regime": Regime.CRISIS,
    "override_ref": "action-1",
    "owner": "scalper",
    "add": True,
    "trigger_by": TriggerBy.MARK,
    "exits": (ExitSpec("STOP", offset="0.02"), ExitSpec("TARGET", limit_price=62000, ratio="0.5")),
}


def test_a_full_intent_comes_back() -> None:
    made = KernelIntent(**FULL_INTENT)
    assert made.to_dict() == FULL_INTENT
    assert list(made.to_dict()) == list(FULL_INTENT)
    assert KernelIntent(*FULL_INTENT.values()) == made
    assert KernelIntent(**made.to_dict()) == made


def test_what_is_left_out_costs_nothing_and_reads_as_absent() -> None:
    made = intent()
    assert made == intent(**{name: None for name in FULL_INTENT if name not in BASE})
    assert made.metadata == {}
    assert made.reason == ""
    assert made.target_size is None
    assert made.order_type is OrderType.MARKET
    assert made.time_in_force is TimeInForce.GTC
    assert made.post_only is False
    assert made.reduce_only is False
    assert made.expire_time is None
    assert made.expire_time_ns is None
    for ratios in ((), (1,), [1.0], ("1.00",)):
        assert intent(exit_leg_ratios=ratios).exit_leg_ratios == (Decimal(1),)


def test_metadata_is_canonical() -> None:
    assert (
        intent(metadata={"b": 1, "a": 2})
        == intent(metadata=OrderedDict(a=2, b=1))
        == intent(metadata=OnlyMapping())
    )
    assert intent(metadata={"x": "y" * 4088}).metadata == {"x": "y" * 4088}
    made = intent(metadata={"a": []})
    made.metadata["a"].append(1)
    assert made.metadata == {"a": []}


def test_equality_hash_copies() -> None:
    made = KernelIntent(**FULL_INTENT)
    same = made.replace(target_size="0.50")
    assert same == made
    assert hash(same) == hash(made)
    assert made != made.replace(target_size="0.51")
    assert made not in {1, "x"}
    assert made.replace() == made
    assert made.replace(limit_price=None).limit_price is None
    for twin in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert twin == made
        assert twin.timestamp_ns == made.timestamp_ns
    with pytest.raises(AttributeError):
        made.slot_id = 1  # type: ignore[misc]
    with pytest.raises(InvalidInput, match="colour: 'red' is no field here"):
        made.replace(colour="red")
    with pytest.raises(TypeError, match="colour"):
        intent(colour="red")
    with pytest.raises(TypeError, match="asset"):
        KernelIntent(1, "i", "t", 0)  # type: ignore[call-arg]


def test_a_repr_shows_what_is_set() -> None:
    assert repr(intent(target_size=0.5)) == (
        "KernelIntent(timestamp=1700000000123456789, intent_id='intent-1', trade_id='trade-1', slot_id=3, "
        "asset='BTCUSDT', side='LONG', action='ENTER', target_size=Decimal('0.5'))"
    )
    made = KernelIntent(**FULL_INTENT)
    assert eval(repr(made)) == made


# ------------------------------------------------------------------------------------------ events

FULL_EVENT: dict[str, Any] = {
    "timestamp": 1_700_000_000_123_456_789,
    "event_id": "event-1",
    "trade_id": "trade-1",
    "slot_id": 3,
    "kind": KernelEventKind.PARTIAL_FILL,
    "status": VenueOrderStatus.PARTIALLY_FILLED,
    "venue_order_id": "v-1",
    "venue_client_id": "ORD000001",
    "side": TradeSide.SHORT,
    "asset": "BTCUSDT",
    "price": Decimal("50000.1"),
    "size": Decimal("0.1"),
    "filled_size": Decimal("0.3"),
    "remaining_size": Decimal("0.2"),
    "reason": "r" * 4096,
    "raw_payload": {"e": "trade", "p": "50000.1"},
    "metadata": {"source": "stream"},
    "order_side": OrderSide.SELL,
    "position_side": PositionSide.BOTH,
    "venue_trade_id": "f-1",
    "fee": Decimal("-0.0001"),
    "fee_asset": "BNB",
    "realized_pnl": Decimal("-1.25"),
    "liquidity": Liquidity.MAKER,
    "ts_init": 1_700_000_000_200_000_000,
    "order_size": Decimal("0.5"),
    "order_price": Decimal("50000.0"),
    "average_price": Decimal("50000.05"),
    "request_id": "req-1",
    "reason_code": "-2011",
    "parent_order_id": "algo-1",
    "ref_trade_id": "f-0",
    "retry_after_ms": 250,
    "venue_sequence": 9_223_372_036_854_775_807,
    "order_created": 1_700_000_000_000_000_001,
}


def test_a_full_event_comes_back() -> None:
    made = VenueEvent(**FULL_EVENT)
    assert made.to_dict() == FULL_EVENT
    assert list(made.to_dict()) == list(FULL_EVENT)
    assert VenueEvent(**made.to_dict()) == made
    assert eval(repr(made)) == made
    assert hash(VenueEvent(**made.to_dict())) == hash(made)
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(made) == made


def test_an_event_needs_only_its_kind_and_time() -> None:
    made = event()
    assert made == event(**{name: None for name in FULL_EVENT if name not in EVENT})
    assert made.ts_init_ns == made.timestamp_ns
    assert made.slot_id is None
    assert made.price is None
    assert made.status is None
    assert made.retry_after_ms is None
    assert made.venue_sequence is None
    assert made.reason == made.request_id == made.venue_trade_id == ""
    assert made.raw_payload == {}
    assert made.metadata == {}
    assert made.replace(reason="x").replace(reason=None) == made
    assert repr(made) == "VenueEvent(timestamp=1700000000123456789, kind='FULL_FILL')"
    for missing in ({"kind": KernelEventKind.ADL}, {"timestamp": 1}):
        with pytest.raises(TypeError, match="missing"):
            VenueEvent(**missing)


@pytest.mark.parametrize("payload", ["", "not json", "{broken", '{"a":1}', "x" * 4096])
def test_a_payload_is_kept_as_it_came(payload: str) -> None:
    expected: Any = {"": {}, '{"a":1}': {"a": 1}}.get(payload, payload)
    assert event(raw_payload=payload).raw_payload == expected


@pytest.mark.parametrize(
    ("field", "given", "error"),
    [
        *[(name, math.nan, InvalidInput) for name, value in FULL_EVENT.items() if isinstance(value, Decimal)],
        *[(name, True, InvalidType) for name, value in FULL_EVENT.items() if isinstance(value, Decimal)],
        *[(name, 1.5, InvalidType) for name, value in FULL_EVENT.items() if isinstance(value, str | int)],
        ("event_id", "x" * 65, InvalidInput),
        ("reason", "x" * 4097, InvalidInput),
        ("raw_payload", "x" * 4097, InvalidInput),
        ("raw_payload", [1], InvalidType),
        ("retry_after_ms", -1, InvalidInput),
        ("retry_after_ms", 2**64, InvalidInput),
        ("venue_sequence", -1, InvalidInput),
        ("venue_sequence", 2**63, InvalidInput),
        ("kind", "NOTHING", InvalidInput),
        ("timestamp", datetime(2024, 1, 1), InvalidInput),
        ("ts_init", datetime(2024, 1, 1), InvalidInput),
    ],
)
def test_a_bad_event_field_is_refused(field: str, given: Any, error: Any) -> None:
    with pytest.raises(error) as raised:
        event(**{field: given})
    assert str(raised.value).startswith(f"{field}: ")
    assert raised.value.field == field
    assert raised.value.value is given


def test_errors_can_be_pickled() -> None:
    with pytest.raises(InvalidInput) as raised:
        intent(target_size="x")
    twin = pickle.loads(pickle.dumps(raised.value))
    assert (str(twin), twin.field, twin.value) == (str(raised.value), "target_size", "x")


class Broken:
    """Everything about it raises."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def __index__(self) -> int:
        raise RuntimeError("index")

    def __float__(self) -> float:
        raise RuntimeError("float")


def odd_values() -> list[Any]:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    return [
        None, True, -1, 0, 2**31, 2**32, 2**63, 2**64, 2**127, -(2**127), 2**200, 10**5000, 0.5, math.nan,
        1e308, 1j, "", "x", "\0", "\ud800", "é" * 40, "x" * 10_000, "1e999999999", "1e-999999999",
        "1e99999999999999999999", "9" * 60, "0." + "0" * 60 + "1", "0" * 100, b"", b"x", (), (1, "a"), [],
        [None], {}, {1: 2}, {"a": object()}, endless, {"deep": deep}, {(1, 2): 3}, {"b": 1, 2: 3}, set(),
        object(), object, len, Broken(), OnlyMapping(), Decimal("NaN"), Decimal("sNaN"),
        Decimal("1E+999999"), Decimal("1E-999999"), Decimal("-0"), datetime.min,
        datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), timedelta(1), range(3),
        iter(()),
    ]  # fmt: skip


@pytest.mark.parametrize(("cls", "full"), [(KernelIntent, FULL_INTENT), (VenueEvent, FULL_EVENT)])
def test_no_value_does_worse_than_being_refused_by_name(cls: Any, full: dict[str, Any]) -> None:
    for field in full:
        for given in odd_values():
            try:
                made = cls(**{**full, field: given})
            except KernelError as error:
                assert isinstance(error, InvalidInput | InvalidType)
                assert error.field.partition("[")[0] == field
            else:
                assert cls(**made.to_dict()) == made
                assert repr(made)
                assert hash(made) == hash(made.replace())
