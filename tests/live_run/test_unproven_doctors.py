"""`dita doctor` at OKX and BingX: scripted answers in their wire forms, and what the command refuses."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dita.certify.rigs.scripted_wire import ScriptedWire
from dita.cli import main
from dita.live.checks import doctor_of
from dita.live.places import Place, symbol_of
from dita.venues.bingx.adapter import BingxPractice
from dita.venues.bingx.requests import BingxCodec
from dita.venues.okx.adapter import OkxPractice
from dita.venues.okx.requests import OkxCodec
from dita.venues.wire.adapter import WireAdapter
from fixtures import FIXTURES, present

OKX: dict[str, Any] = {
    "/api/v5/public/time": [{"ts": "0"}],
    "/api/v5/account/config": [{"acctLv": "2", "posMode": "net_mode", "perm": "read_only,trade"}],
    "/api/v5/public/instruments": [
        {
            "instId": "BTC-USDT-SWAP", "instType": "SWAP", "state": "live", "ctType": "linear",
            "settleCcy": "USDT", "ctVal": "0.01", "ctMult": "1", "tickSz": "0.1", "lotSz": "0.01",
            "minSz": "0.01",
        }
    ],
    "/api/v5/account/balance": [{"details": [{"ccy": "USDT", "cashBal": "1000"}]}],
    "/api/v5/account/positions": [],
    "/api/v5/trade/orders-pending": [],
}  # fmt: skip
BINGX: dict[str, Any] = {
    "/openApi/swap/v2/server/time": {"serverTime": 0},
    "/openApi/swap/v1/positionSide/dual": {"dualSidePosition": "false"},
    "/openApi/swap/v1/trade/assetMode": {"assetMode": "singleAssetMode"},
    "/openApi/swap/v2/quote/contracts": [
        {
            "symbol": "BTC-USDT", "status": 1, "quantityPrecision": 4, "pricePrecision": 1, "size": "0.0001",
            "currency": "USDT", "asset": "BTC", "tradeMinQuantity": 0.0001, "tradeMinUSDT": 2,
            "apiStateOpen": "true", "apiStateClose": "true",
        }
    ],
    "/openApi/swap/v3/user/balance": [{"asset": "USDT", "balance": "1000"}],
    "/openApi/swap/v2/user/positions": [],
    "/openApi/swap/v2/trade/openOrders": {"orders": []},
}  # fmt: skip


@contextmanager
def opened(venue: str, changes: dict[str, Any]) -> Iterator[WireAdapter]:
    answers = {**{"okx": OKX, "bingx": BINGX}[venue], **changes}
    now_ms = time.time_ns() // 1_000_000

    def answer(method: str, path: str, values: dict[str, Any]) -> Any:
        del method, values
        if path.endswith("/time"):
            data: Any = [{"ts": str(now_ms)}] if venue == "okx" else {"serverTime": now_ms}
        else:
            data = answers[path]
        return 200, {"code": "0" if venue == "okx" else 0, "msg": "", "data": data}

    adapter: WireAdapter
    if venue == "okx":
        wire = ScriptedWire(OkxCodec("k", "s", "p", simulated=True), time.time_ns, answer)
        adapter = OkxPractice("k", "s", "p", ["BTC-USDT-SWAP"], transport=lambda *_: wire)
    else:
        wire = ScriptedWire(BingxCodec("k", "s"), time.time_ns, answer)
        adapter = BingxPractice("k", "s", ["BTC-USDT"], transport=lambda *_: wire)
    try:
        yield adapter
    finally:
        adapter.close()


def found(venue: str, changes: dict[str, Any] | None = None, **options: Any) -> dict[str, tuple[str, str]]:
    with opened(venue, changes or {}) as adapter:
        return {one.name: (one.result, one.text) for one in doctor_of(adapter, **options).run()}


@pytest.mark.parametrize("venue", ["okx", "bingx"])
def test_an_account_that_is_ready_is_reported_so_with_what_was_not_proven(venue: str) -> None:
    checks = found(venue)
    assert {name for name, (result, _) in checks.items() if result == "fail"} == set()
    assert checks["proof"][0] == "warn"
    assert "not proven over a wire" in checks["proof"][1]
    assert checks["position mode"] == ("ok", "one-way")
    assert checks["balances"] == ("ok", "1000 USDT")
    assert "fees and leverage are not asked for" in checks["instruments"][1]


@pytest.mark.parametrize(
    ("venue", "path", "answer", "name", "says"),
    [
        ("okx", "/api/v5/account/config", {"perm": "read_only"}, "key", "may only read"),
        ("okx", "/api/v5/account/config", {"perm": "read_only,withdraw,trade"}, "key", "may withdraw"),
        ("okx", "/api/v5/account/config", {"posMode": "long_short_mode"}, "position mode", "hedge"),
        (
            "okx",
            "/api/v5/account/config",
            {"acctLv": "3"},
            "account mode",
            "MODE_NOT_SUPPORTED: multi-currency",
        ),
        (
            "bingx",
            "/openApi/swap/v1/positionSide/dual",
            {"dualSidePosition": "true"},
            "position mode",
            "hedge",
        ),
        (
            "bingx",
            "/openApi/swap/v1/trade/assetMode",
            {"assetMode": "multiAssetsMode"},
            "account mode",
            "MODE_NOT",
        ),
    ],
)
def test_what_is_wrong_is_named(venue: str, path: str, answer: dict[str, str], name: str, says: str) -> None:
    before = {"okx": OKX, "bingx": BINGX}[venue][path]
    changed = [{**before[0], **answer}] if venue == "okx" else {**before, **answer}
    result, text = found(venue, {path: changed})[name]
    assert result == "fail"
    assert says in text


def test_recorded_answers_about_an_account_are_read() -> None:
    wanted = {
        "/api/v5/account/config": "okx", "/openApi/swap/v1/positionSide/dual": "bingx",
        "/openApi/swap/v1/trade/assetMode": "bingx",
    }  # fmt: skip
    rows: dict[str, Any] = {}
    for venue in ("okx", "bingx"):
        for line in present(FIXTURES / f"payloads/{venue}/jkorf.jsonl").read_text("utf-8").splitlines():
            record = json.loads(line)
            method, path, *_ = record.get("header") or ("", "")
            if method == "GET" and path in wanted and record["part"] == "response":
                rows[path] = record["payload"]["data"]
    assert set(rows) == set(wanted)
    checks = found("okx", {path: rows[path] for path in rows if wanted[path] == "okx"})
    assert checks["key"] == ("fail", "may withdraw: make one that cannot, or say --allow-withdrawals")
    assert checks["proof"][0] == "warn"
    checks = found("okx", {"/api/v5/account/config": rows["/api/v5/account/config"]}, allow_withdrawals=True)
    assert checks["position mode"] == ("ok", "one-way")
    assert checks["account mode"][1].startswith("MODE_NOT_SUPPORTED: multi-currency margin")
    checks = found("bingx", {path: rows[path] for path in rows if wanted[path] == "bingx"})
    assert checks["position mode"][1].startswith("hedge")
    assert checks["account mode"][1].startswith("MODE_NOT_SUPPORTED: multiAssetsMode")


@pytest.mark.parametrize("venue", ["okx", "bingx"])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--live"], "not proven over a wire"),
        (["--exchange", "127.0.0.1:1"], "does not speak"),
        (["--probe"], "--probe"),
    ],
)
def test_the_command_refuses_what_cannot_be(
    venue: str,
    words: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("API_KEY", "API_SECRET", "API_PASSPHRASE"):
        monkeypatch.setenv(name, "x")
    assert main(["doctor", "-c", venue, "-p", "BTC/USDT", *words]) == 1
    reported = capsys.readouterr().err
    assert says in reported
    assert says != "not proven over a wire" or "--unproven" in reported


@pytest.mark.parametrize(
    ("pair", "venue", "symbol"),
    [
        ("BTC/USDT", "okx", "BTC-USDT-SWAP"),
        ("btc-usdt-swap", "okx", "BTC-USDT-SWAP"),
        ("BTC/USDT:USDT", "bingx", "BTC-USDT"),
        ("BTC/USDT", "bybit", "BTCUSDT"),
    ],
)
def test_a_pair_is_called_as_the_venue_calls_it(pair: str, venue: str, symbol: str) -> None:
    assert symbol_of(pair, venue) == symbol


@pytest.mark.parametrize("venue", ["okx", "bingx"])
def test_without_live_it_is_the_venues_simulated_money(venue: str) -> None:
    assert Place.chosen(None, live=False, name=venue).venue.endswith("Practice")
