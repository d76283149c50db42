"""How Binance's REST answers write orders, fills and income."""

from decimal import Decimal
from typing import Any

from dita.practice.records import Income, PlacedOrder, Trade
from dita.precision import plain


def order_reply(order: PlacedOrder) -> dict[str, Any]:
    """Write it as order, cancel and amend replies do: since 2026-07-15 without avgPrice and cumQuote."""
    body: dict[str, Any] = {
        "orderId": order.number,
        "symbol": order.symbol,
        "pair": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": plain(order.price),
        "origQty": plain(order.quantity),
        "executedQty": plain(order.filled),
        "cumQty": plain(order.filled),
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": "0",
        "workingType": order.working_type,
        "priceProtect": False,
        "origType": order.kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": order.self_trade,
        "goodTillDate": order.good_till_ms,
        "updateTime": order.updated_ms,
    }
    if order.modify_id:
        body["modifyId"] = order.modify_id
    return body


def status_reply(order: PlacedOrder) -> dict[str, Any]:
    """Write it as questions about orders are answered."""
    return {
        **order_reply(order),
        "avgPrice": plain(order.average.quantize(Decimal("1e-8"))) if order.filled else "0.00",
        "cumQuote": plain(order.turnover),
        "time": order.created_ms,
    }


def algo_reply(order: PlacedOrder) -> dict[str, Any]:
    """Write it as the service of conditional orders does."""
    return {
        "algoId": order.algo_number,
        "clientAlgoId": order.client_id,
        "algoType": "CONDITIONAL",
        "orderType": order.first_kind,
        "symbol": order.symbol,
        "side": order.side,
        "positionSide": order.position_side,
        "timeInForce": order.time_in_force,
        "quantity": plain(order.quantity),
        "algoStatus": order.algo_status,
        "actualOrderId": str(order.number) if order.number else "",
        "actualQty": plain(order.filled),
        "actualPrice": plain(order.average.quantize(Decimal("1e-8"))),
        "triggerPrice": plain(order.trigger_price),
        "price": plain(order.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": order.self_trade,
        "workingType": order.working_type,
        "priceMatch": "NONE",
        "closePosition": order.close_position,
        "priceProtect": False,
        "reduceOnly": order.reduce_only,
        "createTime": order.created_ms,
        "updateTime": order.updated_ms,
        "triggerTime": order.triggered_ms,
        "goodTillDate": order.good_till_ms,
    }


def trade_reply(trade: Trade, margin_asset: str) -> dict[str, Any]:
    """Write it as `GET /fapi/v1/userTrades` does."""
    return {
        "symbol": trade.order.symbol,
        "pair": trade.order.symbol,
        "id": trade.number,
        "orderId": trade.order.number,
        "side": trade.order.side,
        "price": plain(trade.price),
        "qty": plain(trade.size),
        "baseQty": plain(trade.size),
        "quoteQty": plain(trade.price * trade.size),
        "realizedPnl": plain(trade.realized),
        "marginAsset": margin_asset,
        "commission": plain(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ms,
        "positionSide": trade.order.position_side,
        "buyer": trade.order.side == "BUY",
        "maker": trade.maker,
    }


def income_reply(entry: Income) -> dict[str, Any]:
    """Write it as `GET /fapi/v1/income` does."""
    return {
        "symbol": entry.symbol,
        "incomeType": entry.kind,
        "income": plain(entry.amount),
        "asset": entry.asset,
        "time": entry.time_ms,
        "info": str(entry.trade_number) if entry.trade_number else entry.kind,
        "tranId": entry.number,
        "tradeId": str(entry.trade_number) if entry.trade_number else "",
    }
