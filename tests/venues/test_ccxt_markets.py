"""ccxt's adapter asks the market that is meant, logs in as the exchange wants, and practises for sure."""

import asyncio
import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dita import ExecutionKernel, InvalidInput
from dita.venues.wire.failures import Failure, Fate

pytest.importorskip("ccxt", reason="ccxt is not installed")

from dita.venues.ccxt import CCXTAdapter
from dita.venues.ccxt.exchange import ask, load, make

KEYS = {"api_key": "key", "api_secret": "secret"}
WALLET = {"wallet_address": "0x" + "1" * 40, "private_key": "0x" + "2" * 64}
Answer = Callable[[str, dict[str, Any]], Any]


def market(symbol: str, market_id: str, **changes: Any) -> dict[str, Any]:
    base, _, rest = symbol.partition("/")
    quote, _, settle = rest.partition(":")
    spot = not settle
    return {
        "id": market_id, "symbol": symbol, "base": base, "quote": quote, "settle": settle or None,
        "baseId": base, "quoteId": quote, "settleId": settle or None, "type": "spot" if spot else "swap",
        "spot": spot, "swap": not spot, "future": False, "option": False, "contract": not spot,
        "linear": None if spot else settle == quote, "inverse": None if spot else settle == base,
        "active": True,
        "contractSize": None if spot else "1", "precision": {"price": "0.1", "amount": "0.001"}, "limits": {},
        "margin": False, **changes,
    }  # fmt: skip


def scripted(
    exchange: str, symbols: list[str], markets: list[dict[str, Any]], answer: Answer, **more: Any
) -> tuple[CCXTAdapter, list[str]]:
    """An adapter whose requests are answered here; which were asked."""
    adapter = CCXTAdapter(exchange, symbols, poll_s=0.01, **{**KEYS, **more})
    asked: list[str] = []

    async def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        del method, headers
        parts = urlsplit(url)
        values = {name: one[-1] for name, one in parse_qs(parts.query).items()}
        if isinstance(body, str) and body.startswith("{"):
            values |= json.loads(body)
        asked.append(parts.path)
        return answer(parts.path, values)

    adapter._exchange.fetch = fetch
    adapter._exchange.set_markets(markets)
    return adapter, asked


def no_answer(path: str, values: dict[str, Any]) -> Any:
    raise Failure(Fate.REFUSED, 400, 1, f"{path} is not of this market: {values}")


# ------------------------------------------------------------------------------------------------ spot


@pytest.mark.parametrize("exchange", ["binance", "gate", "bitget", "kraken"])
def test_a_spot_account_comes_up_without_questions_about_funding_and_positions(exchange: str) -> None:
    more = {"password": "phrase"} if exchange == "bitget" else {}
    adapter, asked = scripted(exchange, ["BTC/USDT"], [market("BTC/USDT", "BTCUSDT")], no_answer, **more)

    async def trades(*_: Any) -> list[Any]:
        return []

    async def balance(*_: Any) -> dict[str, Any]:
        kinds.append(adapter._exchange.options["defaultType"])
        return {"total": {"USDT": "250.5", "BTC": "0.125"}}

    kinds: list[str] = []
    adapter._exchange.fetch_my_trades, adapter._exchange.fetch_balance = trades, balance
    adapter._exchange.fetch_open_orders = trades
    with ExecutionKernel(venue=adapter, live=True) as kernel:
        kernel.set_exchange_config({"instruments": adapter.get_market_metadata(["BTC/USDT"])})
        until = time.monotonic() + 20
        while not adapter.repairs:
            assert time.monotonic() < until, "it does not come up"
            time.sleep(0.01)
        assert adapter.is_quiet
        assert kernel.health()["clock"]["disconnected_since_ns"] is None
        assert adapter.opening_state()["positions"] == []
        assert adapter.get_balances() == {"USDT": Decimal("250.5"), "BTC": Decimal("0.125")}
    # What is asked for is the spot wallet, without anybody having said so.
    assert set(kinds) == {"spot"}
    assert asked == []


# ---------------------------------------------------------------------------------------------- COIN-M


INCOME = {
    "symbol": "BTCUSD_PERP", "incomeType": "FUNDING_FEE", "income": "-0.00001250", "asset": "BTC",
    "info": "FUNDING_FEE", "time": "1700000000000", "tranId": "9689322392", "tradeId": "",
}  # fmt: skip


def test_coin_margined_wallet_and_income_are_read_and_not_those_of_the_usd_margined_market() -> None:
    def answer(path: str, values: dict[str, Any]) -> Any:
        if path == "/dapi/v1/balance":
            return [
                {"accountAlias": "a", "asset": "BTC", "balance": "1.50000000", "crossWalletBalance": "1.5"}
            ]
        if path == "/dapi/v1/income":
            # A contract that this account's kernel does not know is the account's own all the same.
            return [INCOME, {**INCOME, "symbol": "ETHUSD_PERP", "asset": "ETH", "tranId": "9689322393"}]
        return no_answer(path, values)

    known = [market("BTC/USD:BTC", "BTCUSD_PERP"), market("BTC/USDT:USDT", "BTCUSDT")]
    for exchange in ("binance", "binancecoinm"):
        adapter, asked = scripted(exchange, ["BTC/USD:BTC"], known, answer)
        try:
            assert adapter.get_balances() == {"BTC": Decimal("1.5")}
            paid, other = adapter.get_income(0)
        finally:
            adapter.close()
        assert (paid["symbol"], paid["asset"], paid["amount"]) == (
            "BTC/USD:BTC",
            "BTC",
            Decimal("-0.0000125"),
        )
        assert ("symbol" in other, other["asset"]) == (False, "ETH")
        assert asked == ["/dapi/v1/balance", "/dapi/v1/income"]


def test_markets_with_wallets_of_their_own_are_not_mixed() -> None:
    known = [market("BTC/USD:BTC", "BTCUSD_PERP"), market("BTC/USDT:USDT", "BTCUSDT")]
    adapter, _ = scripted("binance", ["BTC/USD:BTC", "BTC/USDT:USDT"], known, no_answer)
    try:
        with pytest.raises(
            InvalidInput, match=r"symbols: .*BTC/USD:BTC is inverse.*open an adapter for each"
        ):
            adapter.get_balances()
    finally:
        adapter.close()


# --------------------------------------------------------------------------------------------- funding


def test_funding_rows_of_one_hash_are_distinguished_and_those_of_others_are_left_out() -> None:
    at_ms = 1_734_026_400_057

    def row(coin: str, usdc: str, later_ms: int = 0) -> dict[str, Any]:
        delta = {"type": "funding", "coin": coin, "usdc": usdc, "szi": "-1", "fundingRate": "0.0000125"}
        return {"time": at_ms + later_ms, "hash": "0x" + "0" * 64, "delta": delta}

    def answer(path: str, values: dict[str, Any]) -> Any:
        assert (path, values["type"]) == ("/info", "userFunding")
        # Every instrument's, whichever was asked for.
        return [row("BTC", "1.5"), row("ETH", "-0.25"), row("SOL", "75"), row("BTC", "1.25", 3_600_000)]

    known = [
        market(f"{coin}/USDC:USDC", f"{n}", baseName=coin) for n, coin in enumerate(("BTC", "ETH", "SOL"))
    ]
    adapter, _ = scripted("hyperliquid", ["BTC/USDC:USDC", "ETH/USDC:USDC"], known, answer, **WALLET)
    adapter._exchange.coin_to_market_id = lambda coin: f"{coin}/USDC:USDC"
    adapter._exchange.markets_by_id |= {one["symbol"]: [one] for one in adapter._exchange.markets.values()}
    try:
        entries = adapter.get_income(0)
        again = adapter.get_income(0)
    finally:
        adapter.close()
    paid = sorted((one["symbol"], one["asset"], one["amount"]) for one in entries)
    assert paid == [
        ("BTC/USDC:USDC", "USDC", Decimal("1.25")), ("BTC/USDC:USDC", "USDC", Decimal("1.5")),
        ("ETH/USDC:USDC", "USDC", Decimal("-0.25")),
    ]  # fmt: skip
    ids = [one["venue_txn_id"] for one in entries]
    assert len(set(ids)) == 3
    # The same payment has the same id whenever it is asked for.
    assert [one["venue_txn_id"] for one in again] == ids


# ---------------------------------------------------------------------------------------------- logins


@pytest.mark.parametrize(
    ("exchange", "given", "missing"),
    [
        ("hyperliquid", KEYS,                                     "private_key, wallet_address"),
        ("okx",         KEYS,                                     "password"),
        ("ndax",        {**KEYS, "password": "p", "login": "l"},  "uid"),
        ("kraken",      {"api_key": "key"},                       "api_secret"),
        ("paradex",     {"private_key": "0x1"},                   "wallet_address"),
    ],
)  # fmt: skip
def test_an_exchange_that_could_not_log_in_is_refused_by_what_is_missing(
    exchange: str, given: dict[str, str], missing: str
) -> None:
    with pytest.raises(
        InvalidInput, match=f"credentials: '{missing}' missing: {exchange} logs in"
    ) as refused:
        CCXTAdapter(exchange, ["BTC/USDT"], **given)
    assert "secret" not in str(refused.value).replace("api_secret", "")


def test_without_credentials_rules_are_read_and_no_kernel_is_opened() -> None:
    adapter = CCXTAdapter("hyperliquid", ["BTC/USDC:USDC"])
    try:
        with pytest.raises(InvalidInput, match="private_key, wallet_address"):
            ExecutionKernel(venue=adapter, live=True)
    finally:
        adapter.close()


def test_every_exchange_that_can_be_traded_takes_its_own_credentials() -> None:
    module = load()
    for name in module.exchanges:
        wanted = {
            key for key, is_needed in getattr(module, name)({}).requiredCredentials.items() if is_needed
        }
        assert wanted <= {
            "apiKey", "secret", "password", "uid", "login", "accountId", "walletAddress", "privateKey",
            "token", "twofa",
        }, name  # fmt: skip
    adapter = CCXTAdapter("hyperliquid", ["BTC/USDC:USDC"], **WALLET)
    assert adapter._exchange.walletAddress == WALLET["wallet_address"]
    assert WALLET["private_key"] not in repr(adapter)
    adapter.close()
    with pytest.raises(InvalidInput, match="walet_address: is no keyword of CCXTAdapter") as refused:
        CCXTAdapter("hyperliquid", ["BTC/USDC:USDC"], walet_address="0xsecret")
    assert "0xsecret" not in str(refused.value)


# --------------------------------------------------------------------------------------- no real money


@pytest.mark.parametrize("exchange", ["kraken", "kucoin", "bitvavo", "bitbank", "aster"])
def test_a_sandbox_where_there_is_none_is_a_sentence(exchange: str) -> None:
    given = {"private_key": "0x1"} if exchange == "aster" else KEYS
    with pytest.raises(InvalidInput, match=f"sandbox: ccxt knows no test network of {exchange}"):
        CCXTAdapter(exchange, ["BTC/USDT"], sandbox=True, **given)


async def no_network(*_: Any) -> Any:
    raise AssertionError("it left")


@pytest.mark.parametrize(
    ("exchange", "url", "headers", "leaves"),
    [
        ("binanceusdm", "https://fapi.binance.com/fapi/v1/order",     {},                            False),
        ("bybit",       "https://api.bybit.com/v5/order/create",      {},                            False),
        ("weex",        "https://api-spot.weex.com/api/v3/order",     {},                            False),
        ("okx",         "https://www.okx.com/api/v5/trade/order",     {},                            True),
        ("bitget",      "https://api.bitget.com/api/v2/spot/order",   {},                            False),
        ("bitget",      "https://api.bitget.com/api/v2/spot/order",   {"PAPTRADING": "1"},           True),
    ],
)  # fmt: skip
def test_in_a_sandbox_no_order_goes_to_the_real_exchange(
    exchange: str, url: str, headers: dict[str, str], *, leaves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getattr(load(), exchange), "fetch", no_network)

    async def posted() -> None:
        made = make(exchange, {}, None, time.time_ns, sandbox=True)
        try:
            await ask(made.fetch, url, "POST", headers, "{}")
        finally:
            await made.close()

    with pytest.raises(AssertionError if leaves else Failure, match="it left" if leaves else "no real money"):
        asyncio.run(posted())


def test_beside_dita_exchange_nothing_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load().binanceusdm, "fetch", no_network)

    async def asked() -> None:
        made = make("binanceusdm", {}, "127.0.0.1:8686", time.time_ns, sandbox=False)
        try:
            await ask(made.fetch, "https://fapi.binance.com/fapi/v1/order", "GET")
        finally:
            await made.close()

    with pytest.raises(Failure, match=r"no real money: fapi\.binance\.com is not this machine"):
        asyncio.run(asked())
