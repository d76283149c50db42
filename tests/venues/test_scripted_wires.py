"""OKX and BingX: the contract suite with scripted bytes in their wire forms; their errors; real money."""

import json
import zlib
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from dita import ExecutionKernel, InvalidInput, NotSent, VenueOrder
from dita.certify import SEQUENCES, Result, Rig, certify_one
from dita.certify.rigs.bingx import BingxScriptRig
from dita.certify.rigs.okx import OkxScriptRig
from dita.venues.bingx import failures as bingx_failures
from dita.venues.bingx import requests as bingx
from dita.venues.bingx.adapter import BingxPractice, BingxSwap, unpack
from dita.venues.bingx.reports import ReportReader as BingxReader
from dita.venues.okx import failures as okx_failures
from dita.venues.okx import requests as okx
from dita.venues.okx.adapter import OkxPractice, OkxSwap
from dita.venues.okx.reports import ReportReader as OkxReader
from dita.venues.wire import requests
from dita.venues.wire.budget import OrderBudget
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.requests import Request
from dita.venues.wire.updates import UnknownMessage
from fixtures import recorded

SECOND = 1_000_000_000
#: What cannot happen in a wire form, or a venue does not have: these are skipped, and say why.
SKIPPED = {OkxScriptRig: {10, 15, 20}, BingxScriptRig: {10, 11, 12, 13, 15, 20}}


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda one: str(one.number))
@pytest.mark.parametrize("rig", [OkxScriptRig, BingxScriptRig])
def test_with_scripted_bytes_the_contract_suite_passes(rig: type[Rig], sequence: Any) -> None:
    verdict = certify_one(rig, sequence)
    wanted = Result.SKIP if sequence.number in SKIPPED[rig] else Result.PASS
    assert (verdict.result, verdict.trail) == (wanted, ()), verdict.why
    assert bool(verdict.why) == (wanted is Result.SKIP)


@pytest.mark.parametrize(("real", "simulated"), [(OkxSwap, OkxPractice), (BingxSwap, BingxPractice)])
def test_real_money_is_refused_until_it_is_said_that_nothing_was_proven_over_a_wire(
    real: Any, simulated: Any
) -> None:
    given = ("key", "secret", "phrase") if real is OkxSwap else ("key", "secret")
    with pytest.raises(InvalidInput, match=r"not proven over a wire.*--unproven"):
        real(*given, ["BTC-USDT"])
    for adapter in (real(*given, ["BTC-USDT"], unproven=True), simulated(*given, ["BTC-USDT"])):
        assert adapter.unproven
        assert "secret" not in repr(adapter)
        adapter.close()


def order(**changes: Any) -> VenueOrder:
    given: dict[str, Any] = {
        "venue_client_id": "D00000000000000000000001000000", "asset": "BTC-USDT-SWAP", "side": "LONG",
        "order_side": "BUY", "intended_size": "3", "order_type": "LIMIT", "limit_price": "59000.1",
    }  # fmt: skip
    return VenueOrder(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "limit"),
        ({"post_only": True}, "post_only"),
        ({"time_in_force": "IOC"}, "ioc"),
        ({"time_in_force": "FOK"}, "fok"),
        ({"order_type": "MARKET", "limit_price": None}, "market"),
    ],
)
def test_an_order_is_written_as_okx_names_it(changes: dict[str, Any], word: str) -> None:
    written = okx.OkxCodec("k", "s", "p", simulated=True).write(
        okx.place(order(**changes)), 1_700_000_000_123
    )
    body = json.loads(written.body or b"")
    assert (body["ordType"], body["sz"], body["tdMode"]) == (word, "3", "cross")
    # How late it may take effect, and that the money is simulated, the venue reads from headers.
    assert written.headers["expTime"] == "1700000005123"
    assert written.headers["x-simulated-trading"] == "1"
    assert written.headers["OK-ACCESS-TIMESTAMP"] == "2023-11-14T22:13:20.123Z"


@pytest.mark.parametrize("place", [okx.place, bingx.place])
def test_an_order_that_the_venue_does_not_have_is_never_sent(place: Any) -> None:
    with pytest.raises(NotSent, match="STOP_MARKET"):
        place(order(order_type="STOP_MARKET", limit_price=None, trigger_price="1"))
    with pytest.raises(NotSent, match="GTD"):
        place(order(time_in_force="GTD", expire_time=1))


def test_signatures_are_those_of_the_documentation() -> None:
    checked: Counter[str] = Counter()
    for vector in recorded("signing_vectors.json")["vectors"]:
        sign = {"okx": okx.sign, "bingx": requests.sign}.get(vector["venue"])
        if sign is not None:
            # One of the vendor's own examples is wrong: it is held against what it should be.
            wanted = vector["expected"] if vector["verified"] else vector["actual"]
            assert sign(vector["secret"], vector["message"]) == wanted
            checked[vector["venue"]] += 1
    assert checked == {"okx": 1, "bingx": 3}


def test_every_documented_code_has_a_fate() -> None:
    tables = recorded("venue_errors.json")["tables"]
    fates = Counter(okx_failures.classify(200, int(code), "") for code in tables["okx_v5"] if code.isdigit())
    assert fates[Fate.UNKNOWN] == 4
    assert fates[Fate.REFUSED] > 350
    bingx_fates = {int(code): bingx_failures.classify(200, int(code), "") for code in tables["bingx_swap"]}
    assert bingx_fates[80012] == bingx_fates[504] == Fate.UNKNOWN
    assert bingx_fates[80016] == Fate.STATE
    assert bingx_failures.classify(200, 100421, "") == Fate.REFUSED


@pytest.mark.parametrize(
    ("status", "body", "fate", "code"),
    [
        (200, {"code": "1", "data": [{"sCode": "51008", "sMsg": "Insufficient"}]}, Fate.REFUSED, 51008),
        (200, {"code": "0", "data": [{"sCode": "51149", "sMsg": "timed out"}]}, Fate.UNKNOWN, 51149),
        (200, {"code": "50004", "msg": "timeout", "data": []}, Fate.UNKNOWN, 50004),
        (200, {"code": "50011", "msg": "too often", "data": []}, Fate.LATER, 50011),
        (401, {"code": "50102", "msg": "expired", "data": []}, Fate.CLOCK, 50102),
        (503, {"code": "", "msg": ""}, Fate.UNKNOWN, 0),
        (502, "<html>", Fate.UNKNOWN, 0),
        (403, "<html>", Fate.REFUSED, 0),
        (200, "[]", Fate.UNKNOWN, 0),
        # Whatever the code says, the request may have been taken.
        (502, {"code": "51400", "msg": "gone"}, Fate.UNKNOWN, 51400),
        (408, {"code": "51008", "msg": "Insufficient"}, Fate.UNKNOWN, 51008),
    ],
)
def test_both_the_requests_code_and_its_items_count_at_okx(
    status: int, body: Any, fate: Fate, code: int
) -> None:
    raw = body if isinstance(body, str) else json.dumps(body)
    with pytest.raises(Failure) as failure:
        okx.OkxCodec("", "", "", simulated=False).read(status, raw.encode(), {})
    assert (failure.value.fate, failure.value.code) == (fate, code)


def test_bingx_packs_its_frames_and_a_bomb_is_refused() -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(b'{"e":"x"}') + packer.flush()
    assert unpack(packed) == '{"e":"x"}'
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(b" " * (64 << 20)) + packer.flush()
    with pytest.raises(InvalidInput, match="once unpacked"):
        unpack(bomb)
    with pytest.raises(InvalidInput, match="no gzip"):
        unpack(b"plain")


def test_fills_without_ids_are_distinguished_by_their_orders_total() -> None:
    reader = BingxReader()
    reader.name("D00000000000000000000001000000")

    def frame(total: str, average: str, fee: str, status: str) -> dict[str, Any]:
        row = {"s": "BTC-USDT", "c": "d00000000000000000000001000000", "i": 7, "S": "BUY", "o": "LIMIT",
               "q": "1", "p": "100", "ap": average, "x": "TRADE", "X": status, "z": total, "n": fee,
               "N": "USDT", "T": 0, "ps": "BOTH"}  # fmt: skip
        return {"e": "ORDER_TRADE_UPDATE", "E": 1, "o": row}

    first = reader.read(frame("0.4", "100", "-0.02", "PARTIALLY_FILLED")).orders
    again = reader.read(frame("0.4", "100", "-0.02", "PARTIALLY_FILLED")).orders
    last = reader.read(frame("1", "103", "-0.0515", "FILLED")).orders
    assert [(one.size, one.price, one.fee) for one in (*first, *last)] == [
        (Decimal("0.4"), Decimal(100), Decimal("0.02")), (Decimal("0.6"), Decimal(105), Decimal("0.0315")),
    ]  # fmt: skip
    assert again == []
    assert first[0].venue_client_id == "D00000000000000000000001000000"
    assert first[0].event_id != last[0].event_id


def test_a_client_id_that_came_back_in_lower_case_is_a_kernels_own_after_a_restart_too() -> None:
    row = {"symbol": "BTC-USDT", "orderId": 7, "side": "BUY", "origQty": "1", "executedQty": "0",
           "status": "NEW", "time": 1, "clientOrderId": "d0000000000000000000000100000a"}  # fmt: skip
    assert BingxReader().stands(row)[0].venue_client_id == "D0000000000000000000000100000A"


@pytest.mark.parametrize(
    ("reader", "frame"),
    [
        (OkxReader(), {"arg": {"channel": "orders"}, "data": [{"state": "pondering", "uTime": "1"}]}),
        (BingxReader(), {"e": "ORDER_TRADE_UPDATE", "E": 1, "o": {"x": "TELEPORTED", "X": "NEW", "T": 1}}),
        (BingxReader(), {"e": "ORDER_TRADE_UPDATE", "E": 1, "o": {"x": "NEW", "X": "MAYBE", "T": 1}}),
    ],
)
def test_a_word_that_no_list_has_halts_entries(reader: Any, frame: Any) -> None:
    with pytest.raises(UnknownMessage):
        reader.read(frame)


def test_a_kind_of_forced_order_that_no_list_has_halts_entries_at_okx() -> None:
    row = {"state": "filled", "category": "confiscation", "tradeId": "1", "fillSz": "1", "accFillSz": "1",
           "sz": "1", "fillPx": "1", "instId": "BTC-USDT-SWAP", "ordId": "1", "side": "sell",
           "uTime": "1"}  # fmt: skip
    with pytest.raises(UnknownMessage, match="confiscation"):
        OkxReader().read({"arg": {"channel": "orders"}, "data": [row]})


def test_a_fifth_of_a_budget_without_headers_is_kept_for_exits() -> None:
    budget = OrderBudget(10, 1.0)
    entry, leave = Request("POST", "/", pool="entry"), Request("POST", "/", pool="exit")
    for _ in range(8):
        assert budget.wait_ms(entry, 0) == 0
        budget.take(entry, 0)
    assert budget.wait_ms(entry, 0) > 0
    assert budget.wait_ms(leave, 0) == 0
    assert budget.wait_ms(entry, SECOND) == 0
    budget.barred(3_000, SECOND)
    assert budget.is_barred(SECOND)
    assert budget.wait_ms(leave, SECOND) > 2_900


def test_an_adapter_that_is_closed_leaves_no_thread() -> None:
    adapter = OkxPractice("key", "secret", "phrase", ["BTC-USDT-SWAP"])
    with ExecutionKernel():
        adapter.close()
    assert not adapter._wire._thread.is_alive()
