"""A backtest on columns is the one on the capture that they are of: each fill, each byte of the report."""

import gzip
import json
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings
from dita.market import Market, convert, open_market
from dita.strategy import OwnFill, Strategy

LINES = 12_000


class Maker(Strategy):
    """Rests at the best prices, and sometimes takes what is there."""

    received: ClassVar[list[Any]]

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.number = 0

    def on_quote(self, quote: Any) -> None:
        self.number += 1
        self.received.append((quote.time_ns, str(quote.bid), str(quote.ask_size)))
        orders = self.orders(quote.symbol)
        if self.number % 50:
            return
        if self.position(quote.symbol).size:
            if self.number % 400 == 0:
                self.exit(quote.symbol)
            elif not orders:
                self.exit(quote.symbol, order_type="LIMIT", limit_price=quote.ask)
        elif not orders:
            size = Decimal(40) if self.number % 200 == 0 else Decimal("0.5")
            limit = quote.ask + 2 if self.number % 200 == 0 else quote.bid
            self.enter(quote.symbol, "LONG", size, order_type="LIMIT", limit_price=limit)
        else:
            self.cancel(orders[0])

    def on_fill(self, fill: OwnFill) -> None:
        self.received.append((fill.side, str(fill.size), str(fill.price), str(fill.fee)))


def play(market: Market, settings: BacktestSettings) -> tuple[dict[str, Any], list[Any]]:
    strategy = type("Maker", (Maker,), {"received": []})
    result = BacktestEngine([Named("m", strategy)], [market], settings).run()
    report = json.loads(result.to_json())
    return report, strategy.received


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of the recorded capture, in which the book becomes whole."""
    from conftest import BTCUSDT_CAPTURE, recorded  # noqa: PLC0415 - it skips where there is none

    path = tmp_path_factory.mktemp("l2") / "capture.jsonl"
    with gzip.open(recorded(BTCUSDT_CAPTURE), "rb") as lines, path.open("wb") as out:
        out.writelines(islice(lines, LINES))
    return path


@pytest.mark.parametrize(
    "settings",
    [
        {"queue_model": "first"},
        {"queue_model": "risk_averse", "latency_ms": Decimal(20)},
        {"queue_model": "probability", "slippage_bps": Decimal(1)},
    ],
    ids=lambda given: given["queue_model"],
)
def test_columns_and_capture_are_one_market_to_the_last_byte(
    settings: dict[str, Any], beginning: Path, tmp_path: Path
) -> None:
    given = BacktestSettings(capital=Decimal(10_000_000), **settings)
    out = tmp_path / "capture.l2"
    convert([beginning], out)
    raw, received = play(open_market(beginning), given)
    columns, received_again = play(open_market(out), given)

    assert raw.pop("run_id") != ""
    columns.pop("run_id")
    assert json.dumps(columns) == json.dumps(raw)
    assert received_again == received
    assert raw["fills"] > 10
