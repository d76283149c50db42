"""ccxt's adapter: certified on Binance's wire over sockets; errors by the venue's code; exact numbers."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import ExecutionKernel, InvalidInput, KernelIntent, NotSent, VenueOrder
from dita.certify import SEQUENCES, Result, certify_one
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.venues.wire.failures import Failure, Fate

pytest.importorskip("ccxt", reason="ccxt is not installed")

from dita.certify.rigs.ccxt import CCXTBybitRig, CCXTRig
from dita.cli.main import main
from dita.venues.ccxt import CCXTAdapter
from dita.venues.ccxt.abilities import abilities_of
from dita.venues.ccxt.answers import code_of, failure_of, family, fate_of
from dita.venues.ccxt.exchange import load, make
from dita.venues.ccxt.rows import Rows

# A liquidation, a lost answer, a race of cancel and fill, funding, plain trading: all of them in the soak.
PLAYED = (0, 3, 6, 18, 19)
# Plain trading, an order that is not found yet, a fee in another coin, funding, a liquidation.
PLAYED_AT_BYBIT = (0, 7, 17, 18, 19)


@pytest.mark.parametrize("number", PLAYED)
def test_on_binances_wire_the_contract_suite_passes(number: int) -> None:
    verdict = certify_one(CCXTRig, SEQUENCES[number])
    assert (verdict.result, verdict.why, verdict.trail) == (Result.PASS, "", ())


@pytest.mark.parametrize("number", PLAYED_AT_BYBIT)
def test_on_bybits_wire_the_contract_suite_passes(number: int) -> None:
    verdict = certify_one(CCXTBybitRig, SEQUENCES[number])
    assert (verdict.result, verdict.why, verdict.trail) == (Result.PASS, "", ())


class Account:
    """A kernel through ccxt on an exchange to practise on."""

    def __init__(self, server: ServerThread) -> None:
        self.server = server
        self.adapter = CCXTAdapter(
            "binanceusdm", ["BTC/USDT:USDT"], api_key="practise-key", api_secret="practise-secret",  # noqa: S106
            address=server.address, poll_s=0.05, repair_s=0.5,
        )  # fmt: skip
        self.kernel = ExecutionKernel(venue=self.adapter)
        self.kernel.set_exchange_config({"instruments": self.adapter.get_market_metadata(["BTC/USDT:USDT"])})
        self.kernel.set_seed_capital(10_000)
        assert self.adapter.wait_connected(10)
        self.kernel.mark_price("BTC/USDT:USDT", 60_000)
        self.intents = 0

    def act(self, action: str, **fields: Any) -> Any:
        self.intents += 1
        given: dict[str, Any] = {
            "timestamp": time.time_ns(), "intent_id": f"i{self.intents}", "trade_id": "t", "slot_id": 0,
            "asset": "BTC/USDT:USDT", "side": "LONG", "action": action, "reference_price": 60_000,
        }  # fmt: skip
        return self.kernel.process_intent(KernelIntent(**{**given, **fields}))

    def wait(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < until, "it did not come to that"
            time.sleep(0.01)

    def stage(self) -> str:
        return str(self.kernel.slot(0).fsm_state)


@pytest.fixture
def account() -> Iterator[Account]:
    with ServerThread(Terms(still=True)) as server:
        opened = Account(server)
        try:
            yield opened
        finally:
            opened.kernel.close()


def test_a_stop_that_was_triggered_under_a_second_id_closes_the_trade_and_k_is_e(account: Account) -> None:
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    account.act("EXIT", order_type="STOP_MARKET", trigger_price="59000")
    account.wait(lambda: account.stage() == "EXIT_WORKING")
    account.server.command("price BTCUSDT 58000")
    account.wait(lambda: account.stage() == "CLOSED")
    there = account.server.call(lambda one: one.account.sim.wallet("USDT"))
    account.wait(lambda: account.kernel.snapshot()["account"]["assets"]["USDT"]["e_wallet_balance"] == there)
    figures = account.kernel.snapshot()["account"]["assets"]["USDT"]
    assert (figures["k_capital"], figures["reconcile_delta"]) == (there, 0)
    account.kernel.check_invariants()


def test_an_amend_is_one_request_and_the_order_keeps_its_id(account: Account) -> None:
    account.act("ENTER", order_type="LIMIT", limit_price="50000", target_size="0.01")
    account.wait(lambda: account.stage() == "ENTRY_WORKING")
    before = account.kernel.orders()[-1].venue_order_id
    account.act("AMEND", limit_price="51000", target_size="0.02")
    account.wait(lambda: account.kernel.orders()[-1].limit_price == 51_000)
    order = account.kernel.orders()[-1]
    assert (order.venue_order_id, order.intended_size) == (before, Decimal("0.02"))
    assert account.server.call(lambda one: len(one.account.histories.orders)) == 1


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [("400 -2019 'Margin is insufficient.'", "REJECTED", "-2019"), ("400 -1102 ''", "REJECTED", "-1102")],
)
def test_an_order_that_the_code_refuses_ends_and_is_sent_once(
    account: Account, answer: str, status: str, code: str
) -> None:
    account.server.command(f"answer place {answer}")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: not account.kernel.orders()[-1].is_live())
    assert str(account.kernel.orders()[-1].status) == status
    placed = account.server.call(lambda one: one.received.count(("POST", "/fapi/v1/order")))
    assert placed == 1


@pytest.mark.parametrize("answer", ["400 -1007 executed ''", "503 -1000 executed 'Unknown error'"])
def test_an_answer_that_says_nothing_is_asked_about_and_never_sent_again(
    account: Account, answer: str
) -> None:
    account.server.command(f"answer place {answer}")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    assert account.server.call(lambda one: one.received.count(("POST", "/fapi/v1/order"))) == 1


def test_at_bybit_positions_of_several_instruments_are_asked_for_at_once() -> None:
    with ServerThread(Terms(still=True, venue="bybit")) as server:
        server.command("manual BTCUSDT BUY 0.02")
        server.command("manual ETHUSDT SELL 0.3")
        adapter = CCXTAdapter(
            "bybit", ["BTCUSDT", "ETHUSDT"], api_key="practise-key", api_secret="practise-secret",  # noqa: S106
            address=server.address,
        )  # fmt: skip
        try:
            held = {row["symbol"]: row["size"] for row in adapter.get_positions()}
            assert held == {"BTCUSDT": Decimal("0.02"), "ETHUSDT": Decimal("-0.3")}
        finally:
            adapter.close()


def test_an_exchange_that_is_gone_is_reported_and_entries_wait(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "dita.ccxt")
    with ServerThread(Terms(still=True)) as server:
        account = Account(server)
    account.wait(lambda: account.kernel.health()["clock"]["disconnected_since_ns"] is not None)
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: not account.kernel.orders()[-1].is_live())
    assert str(account.kernel.orders()[-1].status) == "REJECTED"
    account.kernel.close()


# ---------------------------------------------------------------------------------------- without a network


@pytest.mark.parametrize(
    ("venue", "status", "body", "fate"),
    [
        ("binance", 400, {"code": -2019, "msg": "Margin is insufficient."}, Fate.REFUSED),
        ("binance", 400, {"code": -1007, "msg": "Timeout waiting"}, Fate.UNKNOWN),
        ("binance", 503, {"code": -1008, "msg": "Service Unavailable."}, Fate.LATER),
        ("bybit", 200, {"retCode": 110007, "retMsg": "ab not enough"}, Fate.REFUSED),
        ("bybit", 200, {"retCode": 10016, "retMsg": "Internal"}, Fate.UNKNOWN),
        ("okx", 200, {"code": "50004", "msg": "timeout"}, Fate.UNKNOWN),
        ("bingx", 200, {"code": 80012, "msg": "unavailable"}, Fate.UNKNOWN),
        ("kraken", 400, {"error": "EOrder:Insufficient funds"}, Fate.REFUSED),
        ("kraken", 429, {}, Fate.LATER),
        ("kraken", 200, {"error": "EService:Timeout"}, Fate.UNKNOWN),
        ("kraken", 502, None, Fate.UNKNOWN),
        ("kraken", 408, None, Fate.UNKNOWN),
    ],
)
def test_an_error_is_judged_by_the_venues_code_and_else_by_http_alone(
    venue: str, status: int, body: Any, fate: Fate
) -> None:
    assert failure_of(venue, status, body, "", {}).fate == fate


def test_the_class_that_ccxt_gives_an_error_counts_for_nothing() -> None:
    module = load()
    exchange = make("binanceusdm", {}, None, time.time_ns, sandbox=False)
    # ccxt has -1007 as RequestTimeout, -1021 as InvalidNonce, -2019 as InsufficientFunds.
    for code, fate in ((-1007, Fate.UNKNOWN), (-1021, Fate.CLOCK), (-2019, Fate.REFUSED)):
        body = {"code": code, "msg": "words"}
        with pytest.raises(Failure) as failure:
            exchange.handle_errors(400, "Bad Request", "https://x/fapi", "POST", {}, str(body), body, {}, "")
        assert (failure.value.fate, failure.value.code) == (fate, code)
        assert not isinstance(failure.value, module.BaseError)


def test_an_item_of_okxs_that_failed_has_the_code_of_its_own() -> None:
    body = {"code": "1", "msg": "All operations failed", "data": [{"sCode": "51008", "sMsg": "Insufficient"}]}
    assert code_of(body) == "51008"
    assert family("myokx") == "okx"
    assert fate_of("binance", 400, "nonsense", "") == Fate.REFUSED


def test_numbers_stay_text_and_nothing_is_sent_twice() -> None:
    exchange = make("okx", {"options": {"maxRetriesOnFailure": 3}}, None, time.time_ns, sandbox=False)
    assert exchange.number is str
    assert exchange.options["maxRetriesOnFailure"] == 0
    assert (
        exchange.parse_number("0.1000000000000000055511151231257827")
        == "0.1000000000000000055511151231257827"
    )


def test_contracts_are_not_coins() -> None:
    adapter = CCXTAdapter("okx", ["BTC-USDT-SWAP"])
    try:
        market = {
            "id": "BTC-USDT-SWAP", "symbol": "BTC/USDT:USDT", "base": "BTC", "quote": "USDT", "swap": True,
            "settle": "USDT",
            "spot": False, "contract": True, "linear": True, "active": True, "type": "swap",
            "contractSize": "0.01", "precision": {"price": "0.1", "amount": "1"},
            "limits": {"amount": {"min": "1", "max": "100000"}}, "maker": "0.0002", "taker": "0.0005",
        }  # fmt: skip
        adapter._exchange.markets = {"BTC/USDT:USDT": market}
        adapter._exchange.markets_by_id = {"BTC-USDT-SWAP": [market]}
        rules = adapter._rows.rules("BTC-USDT-SWAP")
        with ExecutionKernel() as kernel:
            kernel.set_exchange_config({"instruments": {"BTC-USDT-SWAP": rules}})
            known = kernel.instrument("BTC-USDT-SWAP")
            assert (known["contract_multiplier"], known["lot_step"]) == (Decimal("0.01"), 1)
    finally:
        adapter.close()


def test_an_exchange_that_lacks_what_is_needed_is_refused_by_what_it_lacks() -> None:
    with pytest.raises(InvalidInput, match=r"paymium.*it lacks fetchMyTrades"):
        CCXTAdapter("paymium", ["BTC/EUR"])
    with pytest.raises(InvalidInput, match="is none of ccxt's"):
        CCXTAdapter("mtgox", ["BTC/USD"])
    with pytest.raises(InvalidInput, match="is not on this machine"):
        CCXTAdapter("binanceusdm", ["BTCUSDT"], address="203.0.113.5:80")


def test_a_stop_where_it_could_not_be_followed_is_never_sent() -> None:
    adapter = CCXTAdapter("okx", ["BTC-USDT-SWAP"])
    try:
        order = VenueOrder(
            venue_client_id="D1", asset="BTC-USDT-SWAP", side="LONG", order_side="SELL", intended_size=1,
            order_type="STOP_MARKET", trigger_price=1, reduce_only=True,
        )  # fmt: skip
        with pytest.raises(NotSent, match="STOP_MARKET is not taken through ccxt at okx"):
            adapter.submit(order)
    finally:
        adapter.close()


@pytest.mark.parametrize("happens_before_call", range(1, 6))
def test_a_forced_close_at_bybit_never_comes_without_the_fill_that_it_takes_from(
    happens_before_call: int,
) -> None:
    calls = 0
    fill, adl = ({"id": one, "timestamp": 1} for one in ("1", "2"))

    class Exchange:
        fetch_my_trades = "trades"
        private_get_v5_execution_list = "executions"

        def market(self, symbol: str) -> dict[str, str]:
            return {"id": "BTCUSDT", "symbol": symbol}

        def parse_trade(self, row: dict[str, Any], _market: Any) -> dict[str, Any]:
            return row

    async def call(what: str, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        # The entry's fill and the forced close come at one moment, between two questions.
        there = calls >= happens_before_call
        if what == "trades":
            return [fill] if there else []
        return {"result": {"list": [adl] if there and arguments[0]["execType"] == "AdlTrade" else []}}

    rows = Rows(Exchange(), "bybit")
    rows._unified["BTCUSDT"] = "BTC/USDT:USDT"
    reported = [row["id"] for row in asyncio.run(rows.trades(call, "BTCUSDT", 0))]
    assert calls == 3
    assert reported in ([], ["1"], ["1", "2"])


def test_what_ccxt_only_imitates_counts_as_no() -> None:
    module = load()
    imitated = [
        name for name in ("bitstamp", "gate", "mexc") if not abilities_of(getattr(module, name)({})).amend
    ]
    assert "mexc" in imitated
    assert "gate" not in imitated


def test_the_page_of_the_documentation_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["venues", "--markdown"]) == 0
    page = Path(__file__).parents[2] / "docs" / "reference" / "venues.md"
    assert capsys.readouterr().out == page.read_text(encoding="utf-8")


def test_the_command_names_an_exchange_that_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["venues", "mtgox"]) == 1
    assert "mtgox" in capsys.readouterr().err


def test_no_event_loop_is_left_running() -> None:
    adapter = CCXTAdapter("okx", ["BTC-USDT-SWAP"])
    adapter.close()
    assert adapter._loop._loop.is_closed()
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
