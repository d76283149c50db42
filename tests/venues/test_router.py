"""The router: venues and accounts by name, one list of instruments, books of their own."""

from decimal import Decimal
from typing import Any

import pytest

from dita import InvalidInput, OrderManager, OrderRequest, SimulatedVenue
from dita.config import BreakerConfig
from dita.host import open_router
from dita.venues.aliases import Names
from moody import Moody

PERP = {"tick_size": "0.1", "lot_step": "0.001"}
SPOT = {**PERP, "product": "spot"}
MARK = 60_000


def simulated(balance: int = 10_000) -> SimulatedVenue:
    return SimulatedVenue(balances={"USDT": balance})


def opened() -> Any:
    return open_router(
        {
            "binance/main": simulated(),
            "binance/second": simulated(5_000),
            "okx": simulated(7_000),
        },
        instruments={
            "binance/main": {"instruments": {"BTCUSDT": PERP, "ETHUSDT": PERP}},
            "binance/second": {"instruments": {"BTCUSDT": PERP}},
            "okx": {"instruments": {"BTC-USDT-SWAP": {**PERP, "base": "BTC", "quote": "USDT"}}},
        },
        seed_capital={
            "binance/main": {"USDT": Decimal(10_000)},
            "binance/second": {"USDT": Decimal(5_000)},
            "okx": {"USDT": Decimal(7_000)},
        },
    )


def mark(router: OrderManager) -> None:
    for name in ("binance/main", "binance/second", "okx"):
        kernel = router.kernel(name)
        for asset in kernel.instruments:
            kernel.venue.mark(asset, MARK)
            kernel.venue.on_quote(asset, MARK, None, MARK, None)


def test_venues_and_accounts_have_names_and_kernels_of_their_own() -> None:
    with opened() as router:
        assert router.venues == {"binance": ["main", "second"], "okx": ["main"]}
        kernels = {router.name(venue, account): router.kernel(venue, account) for venue, account in (
            ("binance", "main"), ("binance", "second"), ("okx", ""))}  # fmt: skip
        assert len({id(kernel) for kernel in kernels.values()}) == 3
        assert router.kernel("binance/second") is kernels["binance/second"]
        assert router.adapter("okx") is kernels["okx"].venue


@pytest.mark.parametrize(
    ("venue", "account", "says"),
    [
        ("kraken", "", "is none of binance/main, binance/second, okx"),
        ("binance", "", "means several: binance/main, binance/second"),
        ("", "", "means several"),
        ("binance", "third", "is none of"),
    ],
)
def test_a_name_that_is_none_or_several_is_refused(venue: str, account: str, says: str) -> None:
    with opened() as router, pytest.raises(InvalidInput, match=says):
        router.kernel(venue, account)


def test_one_list_has_every_instrument_once_with_what_each_venue_calls_it() -> None:
    with opened() as router:
        rows = {listed.symbol: listed for listed in router.instruments()}
        assert list(rows) == ["BTC/USDT:USDT", "ETH/USDT:USDT"]
        bitcoin = rows["BTC/USDT:USDT"]
        assert bitcoin.accounts == {
            "binance/main": "BTCUSDT", "binance/second": "BTCUSDT", "okx": "BTC-USDT-SWAP",
        }  # fmt: skip
        assert {"BTC/USDT", "BTCUSDT", "BTC-USDT-SWAP"} <= set(bitcoin.aliases)


@pytest.mark.parametrize("alias", ["BTC/USDT", "BTCUSDT", "BTC-USDT-SWAP", "btc/usdt", "BTC/USDT:USDT"])
@pytest.mark.parametrize(("venue", "native"), [("binance/second", "BTCUSDT"), ("okx", "BTC-USDT-SWAP")])
def test_each_alias_finds_the_venues_own_name(alias: str, venue: str, native: str) -> None:
    with opened() as router:
        assert router.resolve(alias, venue) == native


def test_a_name_of_spot_and_perpetual_both_is_refused_and_each_has_one_of_its_own() -> None:
    own = {"base": "BTC", "quote": "USDT", "settle": "USDT"}
    names = Names({"BTCUSDT_P": {**own, "product": "PERP"}, "BTCUSDT_S": {**own, "product": "SPOT"}})
    with pytest.raises(InvalidInput, match="names several: BTCUSDT_P, BTCUSDT_S"):
        names.find("BTC/USDT")
    assert names.find("BTC/USDT:USDT") == "BTCUSDT_P"
    with pytest.raises(InvalidInput, match="is none of the account's instruments"):
        names.find("DOGE/USDT")


def test_orders_go_to_the_account_that_is_named_and_nowhere_else() -> None:
    with opened() as router:
        mark(router)
        done = router.submit_order(OrderRequest("BTC/USDT", "BUY", "0.01", venue="okx"))
        assert (done.status, done.filled_quantity) == ("FILLED", Decimal("0.01"))
        held = {(row["venue"], row["account"], row["symbol"], row["asset"], row["quantity"], row["notional"])
                for row in router.get_positions() if row["quantity"]}  # fmt: skip
        assert held == {("okx", "main", "BTC/USDT:USDT", "BTC-USDT-SWAP", Decimal("0.01"), Decimal(600))}
        figures = router.reconcile()
        assert figures["binance/main"]["USDT"]["k_capital"] == 10_000
        assert figures["binance/second"]["USDT"]["k_capital"] == 5_000
        assert figures["okx"]["USDT"]["k_capital"] < 7_000
        assert {own["USDT"]["reconcile_delta"] for own in figures.values()} <= {None, Decimal(0)}


def test_an_instrument_that_one_account_alone_has_needs_no_venue() -> None:
    with opened() as router:
        mark(router)
        assert router.submit_order(OrderRequest("ETH/USDT", "SELL", "0.01")).status == "FILLED"
        with pytest.raises(InvalidInput, match=r"venue: is needed.*binance/main, binance/second, okx"):
            router.submit_order(OrderRequest("BTC/USDT", "SELL", "0.01"))


def test_an_order_rests_is_listed_and_is_cancelled_by_its_id() -> None:
    with opened() as router:
        mark(router)
        rests = router.submit_order(
            OrderRequest("BTC-USDT-SWAP", "BUY", "0.01", "LIMIT", "59000", venue="binance", account="main")
        )
        assert rests.status in {"ACKED", "NEW"}
        listed = [row for row in router.orders() if row["client_order_id"] == rests.client_id]
        assert [(row["account"], row["symbol"]) for row in listed] == [("binance/main", "BTCUSDT")]
        assert router.cancel_order(rests.client_id, "binance", "main").status == "CANCELED"


def test_reduce_only_opens_nothing() -> None:
    with opened() as router:
        mark(router)
        refused = router.submit_order(OrderRequest("BTC/USDT", "SELL", 1, venue="okx", reduce_only=True))
        assert (refused.status, refused.reason) == ("REJECTED", "reduce_only")
        router.submit_order(OrderRequest("BTC/USDT", "BUY", "0.01", venue="okx"))
        closed = router.submit_order(OrderRequest("BTC/USDT", "SELL", "0.01", venue="okx", reduce_only=True))
        assert closed.status == "FILLED"
        assert not [row for row in router.get_positions("okx") if row["quantity"]]


def test_accounts_of_a_venue_share_its_breaker_and_other_venues_do_not() -> None:
    bad, good, other = Moody(emits=False), Moody(emits=False), Moody(emits=False)
    bad.refuses = True
    names = ("bad/a", "bad/b", "good")
    with open_router(
        dict(zip(names, (bad, good, other), strict=True)),
        instruments={name: {"instruments": {"BTCUSDT": PERP}} for name in names},
        seed_capital={name: {"USDT": Decimal(100_000)} for name in names},
        breaker=BreakerConfig(rejects_max=2),
    ) as router:
        for name in names:
            router.kernel(name).mark_price("BTCUSDT", 100)
        for _ in range(2):
            assert router.submit_order(OrderRequest("BTC/USDT", "BUY", 1, venue="bad/a")).status == "REJECTED"
        states = {name: own["breaker"]["state"] for name, own in router.health().items()}
        assert states == {"bad/a": "OPEN", "bad/b": "OPEN", "good": "CLOSED"}
        router.submit_order(OrderRequest("BTC/USDT", "BUY", 1, venue="bad", account="b"))
        assert good.sent == []
        assert router.submit_order(OrderRequest("BTC/USDT", "BUY", 1, venue="good")).status == "FILLED"


def test_the_router_is_a_face_of_the_host_without_books_of_its_own() -> None:
    with opened() as router:
        mark(router)
        kernel = router.kernel("okx")
        before = kernel.state_hash()
        router.get_positions()
        router.reconcile()
        router.instruments()
        assert kernel.state_hash() == before
        # What is traded past the router is there all the same.
        OrderManager(router._host).submit_order(OrderRequest("BTC/USDT", "BUY", "0.01", venue="okx"))
        assert router.get_positions("okx")[0]["quantity"] == Decimal("0.01")
