"""Every instrument of the recorded lists loads exactly, or is refused by name."""

from collections.abc import Callable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import pytest

from dita import ExecutionKernel, InvalidInput, KernelEventKind
from fixtures import precision
from kernels import ENTER, event, intent

Config = dict[str, Any]
Listed = Iterator[tuple[str, Config]]


def _filters(symbol: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["filterType"]: item for item in symbol["filters"]}


def _nonzero(value: str | None) -> str | None:
    return value if value and Decimal(value) else None


def binance(name: str, **fixed: Any) -> Callable[[], Listed]:
    """A list as Binance sends it."""

    def listed() -> Listed:
        for item in precision(name)["symbols"]:
            filters = _filters(item)
            floor = filters.get("MIN_NOTIONAL", filters.get("NOTIONAL", {}))
            yield (
                item["symbol"],
                {
                    "tick_size": filters["PRICE_FILTER"]["tickSize"],
                    "lot_step": filters["LOT_SIZE"]["stepSize"],
                    "min_qty": _nonzero(filters["LOT_SIZE"]["minQty"]),
                    "max_qty": filters["LOT_SIZE"]["maxQty"],
                    "max_price": _nonzero(filters["PRICE_FILTER"]["maxPrice"]),
                    "min_notional": floor.get("notional", floor.get("minNotional")),
                    "base": item["baseAsset"],
                    "quote": item["quoteAsset"],
                    "settle": item.get("marginAsset", item["quoteAsset"]),
                    "contract_multiplier": item.get("contractSize", 1),
                    **fixed,
                },
            )

    return listed


def bingx() -> Listed:
    for item in precision("bingx_swap_contracts_2023.json")["data"]:
        yield (
            item["symbol"],
            {
                "tick_size": Decimal(1).scaleb(-item["pricePrecision"]),
                "lot_step": Decimal(1).scaleb(-item["quantityPrecision"]),
                "base": item["asset"],
                "quote": item["currency"],
                "settle": item["currency"],
            },
        )


def bybit(name: str, *path: str, **fixed: Any) -> Callable[[], Listed]:
    """A list as Bybit sends it."""

    def listed() -> Listed:
        found = precision(name)
        for key in path:
            found = found[key]
        for item in found["list"]:
            lots, prices = item["lotSizeFilter"], item["priceFilter"]
            inverse = str(item.get("contractType", "")).startswith("Inverse")
            yield (
                item["symbol"],
                {
                    "tick_size": prices["tickSize"],
                    "lot_step": lots.get("qtyStep", lots.get("basePrecision")),
                    "min_qty": lots.get("minOrderQty", lots.get("minTradingQty")),
                    "max_qty": _nonzero(lots.get("maxOrderQty", lots.get("maxTradingQty"))),
                    "max_price": prices.get("maxPrice"),
                    "min_notional": lots.get("minOrderAmt"),
                    "base": item["baseCoin"],
                    "quote": item["quoteCoin"],
                    "settle": item.get("settleCoin", item["baseCoin"] if inverse else item["quoteCoin"]),
                    "inverse": inverse,
                    **fixed,
                },
            )

    return listed


def okx(name: str) -> Callable[[], Listed]:
    """A list as OKX sends it."""

    def listed() -> Listed:
        for item in precision(name)["data"]:
            base, quote = (item["uly"] or item["instId"]).split("-")[:2]
            spot = item["instType"] == "SPOT"
            yield (
                item["instId"],
                {
                    "tick_size": item["tickSz"],
                    "lot_step": item["lotSz"],
                    "min_qty": item["minSz"],
                    "base": base,
                    "quote": quote,
                    "settle": quote if spot else item["settleCcy"],
                    "contract_multiplier": 1 if spot else item["ctVal"],
                    "inverse": item["ctType"] == "inverse",
                    "product": "spot" if spot else "perp",
                },
            )

    return listed


LISTS: dict[str, tuple[Callable[[], Listed], int, frozenset[str]]] = {
    # how it is read, how many it has, and which are refused
    "binance usd-m": (binance("binance_fapi_exchangeInfo_25symbols.json"), 25, frozenset()),
    "binance usd-m 2021": (binance("binance_fapi_exchangeInfo_2021_full.json"), 122, frozenset()),
    "binance coin-m": (binance("binance_dapi_exchangeInfo.json", inverse=True), 25, frozenset()),
    "binance spot": (binance("binance_spot_exchangeInfo_subset.json", product="spot"), 25, frozenset()),
    "bingx": (bingx, 204, frozenset()),
    "bybit v3": (bybit("bybit_v3-derivatives-instruments-info.json"), 202, frozenset()),
    "bybit v5": (
        bybit("bybit_v5-market-get-instruments-info-inverse.json", "LinearInverse"),
        214,
        frozenset(),
    ),
    "bybit spot": (
        bybit("bybit_v5-market-get-instruments-info-spot.json", "Spot", product="spot"),
        190,
        # Eleven decimals and more in price and in quantity: their product is finer than money is.
        frozenset(
            {
                "PMTEST12DAI",
                "PMTEST12UST",
                "PMTEST16USDT",
                "SOLBIT",
                "SPOTTEST3USDT",
                "USDTDAI",
                "USDTUST",
            }
        ),
    ),
    "okx swap": (okx("okx_instruments_SWAP_2022.json"), 166, frozenset()),
    "okx spot": (okx("okx_instruments_SPOT_2022.json"), 513, frozenset()),
}


@pytest.mark.parametrize("name", LISTS)
def test_every_listed_instrument_loads_exactly_or_is_refused_by_name(name: str) -> None:
    read, count, refusals = LISTS[name]
    refused = set()
    loaded = 0
    for symbol, config in read():
        given = {key: value for key, value in config.items() if value is not None}
        kernel = ExecutionKernel(max_slots=1)
        try:
            kernel.set_exchange_config({"instruments": {symbol: given}})
        except InvalidInput as error:
            refused.add(str(error).split(".")[1])
            continue
        loaded += 1
        assert_is_held_exactly(kernel, symbol, given)
    assert refused == refusals
    assert loaded + len(refused) == count


def assert_is_held_exactly(kernel: ExecutionKernel, symbol: str, given: Config) -> None:
    """An odd number of lots, filled at an odd number of ticks, comes back whole."""
    price, lot = Decimal(given["tick_size"]) * 12_347, Decimal(given["lot_step"])
    size = lot * 9_871
    # As large as the venue asks for, and no larger than it takes.
    least = max(Decimal(given.get("min_qty", 0)), Decimal(given.get("min_notional") or 0) / price)
    if size < least:
        size = (least / lot).to_integral_value(ROUND_CEILING) * lot
    if size > Decimal(given.get("max_qty", size)):
        size = (Decimal(given["max_qty"]) / lot).to_integral_value(ROUND_FLOOR) * lot
    for asset in {given["base"], given["quote"], given["settle"]}:
        kernel.set_seed_capital("100000000000", asset)
    kernel.mark_price(symbol, price)
    outcome = kernel.process_intent(
        intent(
            ENTER,
            "i",
            asset=symbol,
            target_size=size,
            order_type="LIMIT",
            limit_price=price,
            reference_price=None,
        )
    )
    assert outcome.accepted, (symbol, outcome.details)
    (order,) = kernel.orders(live_only=True)
    assert (order.intended_size, order.limit_price) == (size, price), symbol
    reported = event(
        KernelEventKind.FULL_FILL, order, venue_trade_id="T", size=size, price=price, fee=0, fee_asset=""
    )
    assert kernel.on_venue_event(reported).accepted
    slot = kernel.slot(0)
    assert (slot.size, slot.entry_price) == (size, price), symbol
    kernel.check_invariants()
