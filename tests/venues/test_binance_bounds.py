"""The venue's filters in the kernel, and fills of instruments that nobody configured, over real sockets."""

import json
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import ExecutionKernel
from dita.practice.market import LISTINGS
from dita.venues.binance.markets import read_instruments
from practising import Account, practising

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "precision"
LISTED = FIXTURES / "binance_fapi_exchangeInfo_25symbols.json"


def test_recorded_filters_become_the_kernels_bounds() -> None:
    if not LISTED.is_file():
        pytest.skip("recorded instruments are not beside the repository (../shared/fixtures/precision)")
    answer = json.loads(LISTED.read_text(encoding="utf-8"))
    answer = answer.get("data", answer)
    trading = [
        row["symbol"]
        for row in answer["symbols"]
        if row["status"] == "TRADING" and row["contractType"] == "PERPETUAL"
    ]
    rules = read_instruments(answer, trading)
    assert len(rules) == len(trading) > 10
    bitcoin = rules["BTCUSDT"]
    assert (bitcoin["max_qty"], bitcoin["market_max_qty"]) == ("1000", "120")
    assert bitcoin["price_band"] == ("0.9500", "1.0500")
    assert (bitcoin["max_open_orders"], bitcoin["max_open_stops"]) == (200, 10)
    with ExecutionKernel() as kernel:
        kernel.set_exchange_config({"instruments": rules})
        shown = kernel.instrument("BTCUSDT")
        assert shown["market_max_qty"] == 120
        assert shown["price_band"] == (Decimal("0.95"), Decimal("1.05"))


def configured(at: Account) -> None:
    """The exchange's own rules, as `dita run` sets them."""
    at.kernel.set_exchange_config({"instruments": at.adapter.get_market_metadata(["BTCUSDT"])})
    at.kernel.mark_price("BTCUSDT", 60_000)


def test_an_exit_above_the_venues_largest_market_order_is_filled_in_parts() -> None:
    narrow = tuple(replace(listing, market_max_qty=Decimal(2)) for listing in LISTINGS)
    with practising(listings=narrow) as at:
        at.server.call(lambda one: one.account.transfer("USDT", Decimal(1_000_000)))
        configured(at)
        at.wait(at.books_agree)
        for exit_with in ({}, {"order_type": "STOP_MARKET", "trigger_price": "59000"}):
            trade = f"t{len(exit_with)}"
            at.act("ENTER", trade_id=trade, target_size="5", order_type="LIMIT", limit_price="62000")
            at.wait(lambda: at.kernel.slot(0).size == 5)
            refused = at.act("ENTER", slot_id=1, trade_id="t9", target_size="2.001")
            assert "market_max_qty" in str(refused.details)
            left = at.act("EXIT", trade_id=trade, **exit_with)
            assert left.accepted
            if exit_with:
                at.wait(lambda: all(str(one.status) == "ACKED" for one in at.kernel.slot(0).exit_orders))
                at.server.call(lambda one: one.account.markets["BTCUSDT"].set_price(Decimal(58_000)))
            at.wait(lambda: at.stage() == "CLOSED")
            sizes = [one.intended_size for one in at.kernel.orders() if str(one.order_side) == "SELL"]
            assert sizes[-3:] == [2, 2, 1]
            at.wait(at.books_agree)


def test_a_limit_beyond_the_band_is_refused_here_and_there() -> None:
    with practising() as at:
        at.act("ENTER", target_size="0.01", order_type="LIMIT", limit_price="64000")
        at.wait(lambda: at.stage() == "CLOSED")
        assert at.kernel.orders()[-1].metadata is not None
        configured(at)
        refused = at.act("ENTER", target_size="0.01", order_type="LIMIT", limit_price="64000", trade_id="t2")
        assert refused.details["limit"] == "price_band"
        assert at.placed() == 1, "the kernel has asked for the first one alone"


def test_fills_of_an_instrument_that_is_not_configured_wait_for_its_rules_and_are_booked() -> None:
    with practising() as at:

        def trade(size: str) -> None:
            at.server.call(
                lambda one: one.account.force(
                    "manual", "ETHUSDT", Decimal(size), one.account.markets["ETHUSDT"].bids[0][0], "BUY"
                )
            )

        assert "ETHUSDT" not in at.adapter.symbols
        trade("1")
        trade("0.5")
        at.wait(lambda: position(at, "ETHUSDT") == Decimal("1.5"))
        assert at.adapter.parked.total >= 2
        assert len(at.adapter.parked) == 0
        assert at.kernel.instrument("ETHUSDT")["market_max_qty"] == 2000
        trade("2")
        at.wait(lambda: position(at, "ETHUSDT") == Decimal("3.5"))
        at.wait(at.books_agree)
        assert "ETHUSDT" in at.adapter.symbols, "the next repair asks for it too"


def position(at: Account, symbol: str) -> Decimal:
    """What of an instrument belongs to no slot."""
    return sum((row["size"] for row in at.kernel.unassigned() if row["symbol"] == symbol), Decimal(0))


def test_a_fill_whose_rules_cannot_be_had_stays_parked_and_halts_entries() -> None:
    with practising() as at:
        row: dict[str, Any] = {
            "e": "ORDER_TRADE_UPDATE", "E": time.time_ns() // 10**6, "T": time.time_ns() // 10**6,
            "o": {
                "s": "GONEUSDT", "c": "web_1", "S": "BUY", "o": "MARKET", "f": "GTC", "q": "1", "p": "0",
                "ap": "10", "sp": "0", "x": "TRADE", "X": "FILLED", "i": 99, "l": "1", "z": "1", "L": "10",
                "n": "0.005", "N": "USDT", "t": 1, "T": time.time_ns() // 10**6, "m": False, "R": False,
                "ps": "BOTH", "rp": "0",
            },
        }  # fmt: skip
        at.say(row)
        at.wait(lambda: "GONEUSDT" in at.adapter.unheard)
        assert len(at.adapter.parked) >= 1, "it is not dropped"
        assert at.is_halted()
