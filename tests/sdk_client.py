"""The vendor's own SDK at work: it is told two base addresses, and prints what it saw as JSON."""

import asyncio
import json
import sys
from typing import Any

from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
    DerivativesTradingUsdsFutures,
)

#: Key and secret of `dita exchange`, where nothing else is said.
PRACTISE = ("practise-key", "practise-secret")


def trade(api: Any) -> dict[str, Any]:
    """Place, change and cancel an order, and a stop; read money and orders."""
    seen: dict[str, Any] = {}
    about = {"symbol": "BTCUSDT", "side": "BUY"}
    seen["balance"] = [(one.asset, one.balance) for one in api.futures_account_balance_v3().data()]
    placed = api.new_order(**about, type="LIMIT", time_in_force="GTC", quantity=0.01, price=50_000).data()
    seen["placed"] = placed.status
    changed = api.modify_order(**about, quantity=0.02, price=50_010, order_id=placed.order_id).data()
    seen["changed"] = (changed.orig_qty, changed.price)
    seen["open"] = [one.order_id == placed.order_id for one in api.current_all_open_orders().data()]
    seen["canceled"] = api.cancel_order(symbol="BTCUSDT", order_id=placed.order_id).data().status
    stop = api.new_algo_order(
        algo_type="CONDITIONAL", symbol="BTCUSDT", side="SELL", type="STOP_MARKET", quantity=0.01,
        trigger_price=40_000,
    ).data()  # fmt: skip
    seen["stop"] = stop.algo_status
    seen["stop canceled"] = api.cancel_algo_order(algo_id=stop.algo_id).data().code
    return seen


async def listen(client: Any, api: Any) -> dict[str, Any]:
    """Hear the user stream and the market, while an order fills."""
    streams = client.websocket_streams
    await streams.create_connection()
    received: list[Any] = []
    quotes: list[Any] = []
    marks: list[Any] = []
    key = api.start_user_data_stream().data().listen_key
    for reported, where in (
        (await streams.user_data(key), received),
        (await streams.individual_symbol_book_ticker_streams(symbol="btcusdt"), quotes),
        (await streams.mark_price_stream(symbol="btcusdt"), marks),
    ):
        reported.on("message", where.append)
    await asyncio.to_thread(
        lambda: api.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.05).data()
    )
    until = asyncio.get_running_loop().time() + 10
    names: list[str] = []
    while asyncio.get_running_loop().time() < until:
        names = [type(one.actual_instance).__name__ for one in received]
        if quotes and marks and names.count("OrderTradeUpdate") >= 2 and "AccountUpdate" in names:
            break
        await asyncio.sleep(0.05)
    filled = [one.actual_instance.o for one in received if type(one.actual_instance).__name__ == names[-1]]
    await streams.close_connection(close_session=True)
    return {
        "heard": sorted(set(names)),
        "filled": [str(getattr(one, "z", "")) for one in filled][-1:],
        "quote": quotes[0].s,
        "mark": marks[0].s,
        "commission": api.account_trade_list(symbol="BTCUSDT").data()[0].commission,
        "position": [one.position_amt for one in api.position_information_v3().data()],
    }


def main() -> None:
    """Do all of it."""
    rest, stream = sys.argv[1:3]
    client = DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(*PRACTISE, base_path=rest, retries=0),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=stream),
    )
    seen = trade(client.rest_api)
    seen |= asyncio.run(listen(client, client.rest_api))
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
