"""How Bybit v5 writes orders, executions, positions and balances, in REST answers and frames alike."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from dita.practice.market import Market
from dita.practice.records import ZERO, HeldPosition, PlacedOrder, Trade
from dita.precision import plain

_STATUSES: Final = {
    "NEW": "New", "PARTIALLY_FILLED": "PartiallyFilled", "FILLED": "Filled", "CANCELED": "Cancelled",
    "EXPIRED": "Cancelled", "REJECTED": "Rejected",
}  # fmt: skip
_CREATED_BY: Final = {"autoclose-": "CreateByLiq", "adl_autoclose": "CreateByAdl_PassThrough"}
_SEQ: Final = 140_000_000_000
_LIVES: Final = {"GTX": "PostOnly"}


def title(word: str) -> str:
    """BUY and MARKET as Buy and Market."""
    return word.capitalize()


def order_id(order: PlacedOrder) -> str:
    """An order's id, which it keeps when it is triggered."""
    number = int(order.inner_id[1:]) if order.inner_id else order.number
    return f"{0x5D17A000 if order.inner_id else 0x5D17F000:08x}-0000-4000-8000-{number:012x}"


def exec_id(trade: Trade) -> str:
    """A fill's id."""
    return f"5d17ec1d-0000-5000-8000-{trade.number:012x}"


def is_forced(order: PlacedOrder) -> bool:
    """Whether the venue sent the order."""
    return order.client_id.startswith(tuple(_CREATED_BY))


def link_id(order: PlacedOrder) -> str:
    """The client's id: an order that the venue or a web page sent has none."""
    return "" if is_forced(order) or order.client_id.startswith(("web_", "made-up-")) else order.client_id


def status_of(order: PlacedOrder) -> str:
    """The order's status in the venue's word."""
    if order.waits:
        return "Untriggered"
    if order.algo_status in {"CANCELED", "EXPIRED", "REJECTED"} and not order.number:
        return "Deactivated"
    return _STATUSES[order.status]


def order_row(order: PlacedOrder, status: str = "") -> dict[str, Any]:
    """Write an order.

    Args:
        order: The order.
        status: Its status, where that is not what the order says.
    """
    word = status or status_of(order)
    left = order.quantity - order.filled if word in {"New", "PartiallyFilled", "Untriggered"} else ZERO
    kind = "Limit" if order.price else "Market"
    reason, cancel = "EC_NoError", "UNKNOWN"
    if word in {"Cancelled", "Deactivated"}:
        reason, cancel = _why(order)
    fee = sum((trade.fee for trade in order.trades), ZERO)
    return {
        "symbol": order.symbol, "orderType": kind, "orderLinkId": link_id(order),
        "slLimitPrice": "0", "orderId": order_id(order), "cancelType": cancel, "avgPrice":
        plain(order.average.quantize(Decimal("1e-8"))) if order.filled else "", "stopOrderType":
        "Stop" if order.trigger_price else "", "lastPriceOnCreated": "", "orderStatus": word,
        "createType": next(
            (by for start, by in _CREATED_BY.items() if order.client_id.startswith(start)), "CreateByUser"
        ),
        "takeProfit": "", "cumExecValue": plain(order.turnover), "tpslMode": "", "smpType": "None",
        "triggerDirection": order.trigger_direction, "blockTradeId": "", "isLeverage": "",
        "rejectReason": reason, "price": plain(order.price) if order.price else "0", "orderIv": "",
        "createdTime": str(order.created_ms), "tpTriggerBy": "", "positionIdx": position_idx(order),
        "timeInForce": _LIVES.get(order.time_in_force, order.time_in_force),
        "leavesValue": plain(left * order.price), "updatedTime": str(order.updated_ms), "side":
        title(order.side), "smpGroup": 0, "triggerPrice": plain(order.trigger_price)
        if order.trigger_price else "", "tpLimitPrice": "0", "cumExecFee": plain(fee),
        "leavesQty": plain(left), "slTriggerBy": "", "closeOnTrigger": False, "placeType": "",
        "cumExecQty": plain(order.filled), "reduceOnly": order.reduce_only, "qty": plain(order.quantity),
        "stopLoss": "", "marketUnit": "", "smpOrderId": "", "triggerBy":
        ("MarkPrice" if order.working_type == "MARK_PRICE" else "LastPrice") if order.trigger_price else "",
        "closedPnl": plain(sum((trade.realized for trade in order.trades), ZERO)), "feeCurrency": "",
        "cumFeeDetail": {trade.fee_asset: plain(fee) for trade in order.trades},
    }  # fmt: skip


def _why(order: PlacedOrder) -> tuple[str, str]:
    if order.end_reason:
        return order.end_reason, "UNKNOWN"
    if order.status == "CANCELED" or order.algo_status == "CANCELED":
        return "EC_PerCancelRequest", "CancelByUser"
    if order.time_in_force in {"IOC", "FOK"}:
        return "EC_NoImmediateQtyToFill", "UNKNOWN"
    if order.post_only:
        return "EC_PostOnlyWillTakeLiquidity", "UNKNOWN"
    return "EC_Others", "CancelByReduceOnly" if order.reduce_only else "UNKNOWN"


def position_idx(order: PlacedOrder) -> int:
    """0 of a one-way account, 1 of long positions, 2 of short ones."""
    return {"BOTH": 0, "LONG": 1, "SHORT": 2}[order.position_side]


def execution_row(trade: Trade, mark: Decimal) -> dict[str, Any]:
    """Write a fill.

    Args:
        trade: The trade.
        mark: The mark price.
    """
    order = trade.order
    kind = "Trade"
    if is_forced(order):
        kind = "AdlTrade" if order.client_id.startswith("adl") else "BustTrade"
    value = trade.price * trade.size
    rate = (trade.fee / value).quantize(Decimal("1e-8")) if value else ZERO
    return {
        "symbol": order.symbol, "orderType": "Limit" if order.price else "Market", "underlyingPrice": "",
        "orderLinkId": link_id(order), "side": title(order.side), "indexPrice": "", "orderId":
        order_id(order), "stopOrderType": "UNKNOWN", "leavesQty": plain(trade.leaves), "execTime":
        str(trade.time_ms), "feeCurrency": trade.fee_asset, "isMaker": trade.maker,
        "execFee": plain(trade.fee), "feeRate": plain(rate), "execId": exec_id(trade), "tradeIv": "",
        "blockTradeId": "", "markPrice": plain(mark), "execPrice": plain(trade.price), "markIv": "",
        "orderQty": plain(trade.order_size), "orderPrice": plain(order.price) if order.price else "0",
        "execValue": plain(value), "execType": kind, "execQty": plain(trade.size), "closedSize": "",
        "seq": _SEQ + trade.number, "createType": order_row(order)["createType"],
        "execPnl": plain(trade.realized), "extraFees": "",
    }  # fmt: skip


def closing_row(parts: Sequence[tuple[Trade, Decimal, Decimal]], leverage: int) -> dict[str, str]:
    """Write what an order has closed.

    Args:
        parts: Its trades that closed something: how much, and the fees of its opening.
        leverage: The instrument's.
    """
    first, last = parts[0][0], parts[-1][0]
    order, way = first.order, 1 if first.order.side == "SELL" else -1
    size = sum((closed for _, closed, _ in parts), ZERO)
    left = sum((trade.price * closed for trade, closed, _ in parts), ZERO)
    gained = sum((trade.realized for trade, _, _ in parts), ZERO)
    open_fee = sum((fee for _, _, fee in parts), ZERO)
    close_fee = sum((trade.fee * closed / trade.size for trade, closed, _ in parts), ZERO)
    entered = left - way * gained
    exact = Decimal("1e-8")
    return {
        "symbol": order.symbol, "orderType": "Limit" if order.price else "Market", "leverage": str(leverage),
        "updatedTime": str(last.time_ms), "side": title(order.side), "orderId": order_id(order),
        "closedPnl": plain((gained - open_fee - close_fee).quantize(exact)),
        "openFee": plain(open_fee.quantize(exact)), "closeFee": plain(close_fee.quantize(exact)),
        "avgEntryPrice": plain((entered / size).quantize(exact)), "qty": plain(order.quantity),
        "cumEntryValue": plain(entered.quantize(exact)), "createdTime": str(order.created_ms),
        "orderPrice": plain(order.price), "closedSize": plain(size),
        "avgExitPrice": plain((left / size).quantize(exact)), "execType": "Trade",
        "fillCount": str(len(parts)), "cumExitValue": plain(left.quantize(exact)),
    }  # fmt: skip


def funding_row(symbol: str, held: Decimal, paid: Decimal, mark: Decimal, now_ms: int) -> dict[str, Any]:
    """Write funding as an execution: its quantity is the position.

    Args:
        symbol: The instrument.
        held: The position.
        paid: What was paid (+) or received (-).
        mark: The mark price.
        now_ms: When.
    """
    value = abs(held) * mark
    return {
        "symbol": symbol, "orderType": "UNKNOWN", "underlyingPrice": "", "orderLinkId": "",
        "side": "Buy" if held > 0 else "Sell", "indexPrice": "", "orderId": f"funding-{symbol}-{now_ms}",
        "stopOrderType": "UNKNOWN", "leavesQty": "0", "execTime": str(now_ms), "feeCurrency": "USDT",
        "isMaker": False, "execFee": plain(paid),
        "feeRate": plain((paid / value).quantize(Decimal("1e-8"))) if value else "0",
        "execId": f"funding-{symbol}-{now_ms}", "tradeIv": "", "blockTradeId": "", "markPrice": plain(mark),
        "execPrice": plain(mark), "markIv": "", "orderQty": "0", "orderPrice": "0",
        "execValue": plain(value), "execType": "Funding", "execQty": plain(abs(held)), "closedSize": "0",
        "seq": _SEQ + now_ms % 1_000_000_000, "createType": "", "execPnl": "0", "extraFees": "",
    }  # fmt: skip


def position_row(held: HeldPosition, market: Market, leverage: int, now_ms: int) -> dict[str, Any]:
    """Write a position as REST does; frames have `entryPrice` beside `avgPrice`.

    Args:
        held: The position.
        market: Its instrument's.
        leverage: What is set for it.
        now_ms: The time.
    """
    value = abs(held.size) * held.entry_price
    margin = plain((value / leverage).quantize(Decimal("1e-8")))
    side = "Buy" if held.size > 0 else "Sell" if held.size < 0 else ""
    return {
        "positionIdx": {"BOTH": 0, "LONG": 1, "SHORT": 2}[held.position_side], "riskId": 1,
        "riskLimitValue": "2000000", "symbol": held.symbol, "side": side, "size": plain(abs(held.size)),
        "avgPrice": plain(held.entry_price), "entryPrice": plain(held.entry_price),
        "positionValue": plain(value) if held.size else "", "tradeMode": int(held.isolated),
        "positionStatus": "Normal", "autoAddMargin": 0, "adlRankIndicator": 2 if held.size else 0,
        "leverage": str(leverage), "positionBalance": margin, "markPrice": plain(market.mark), "liqPrice": "",
        "bustPrice": "", "positionMM": "0", "positionIM": margin, "tpslMode": "Full", "takeProfit": "0",
        "stopLoss": "0", "trailingStop": "0", "unrealisedPnl": plain(held.unrealized),
        "curRealisedPnl": plain(held.realized), "cumRealisedPnl": plain(held.realized), "seq": _SEQ + 1,
        "isReduceOnly": False, "mmrSysUpdatedTime": "", "leverageSysUpdatedTime": "", "sessionAvgPrice": "",
        "createdTime": str(now_ms), "updatedTime": str(now_ms),
    }  # fmt: skip


def wallet_row(
    wallets: Mapping[str, Decimal],
    unrealized: Decimal,
    available: Decimal,
    quote: str,
    prices: Mapping[str, Decimal],
) -> dict[str, Any]:
    """Write the unified account's balances.

    Args:
        wallets: Balance by coin, without unrealised profit.
        unrealized: The settlement coin's.
        available: What of it is free.
        quote: Which coin positions settle in.
        prices: Of each coin, in the settlement coin.
    """
    value = sum((amount * prices.get(coin, ZERO) for coin, amount in wallets.items()), ZERO)
    return {
        "totalEquity": plain(value + unrealized), "accountIMRate": "0", "totalMarginBalance":
        plain(value + unrealized), "totalInitialMargin": plain(max(ZERO, value - available)),
        "accountType": "UNIFIED", "totalAvailableBalance": plain(available), "accountMMRate": "0",
        "totalPerpUPL": plain(unrealized), "totalWalletBalance": plain(value), "accountLTV": "0",
        "totalMaintenanceMargin": "0", "coin": list(_coins(wallets, unrealized, quote, prices)),
    }  # fmt: skip


def _coins(
    wallets: Mapping[str, Decimal], unrealized: Decimal, quote: str, prices: Mapping[str, Decimal]
) -> Iterable[dict[str, Any]]:
    for coin, amount in wallets.items():
        more = unrealized if coin == quote else ZERO
        yield {
            "coin": coin, "equity": plain(amount + more), "usdValue": plain(amount * prices.get(coin, ZERO)),
            "walletBalance": plain(amount), "availableToWithdraw": "", "availableToBorrow": "",
            "borrowAmount": "0", "accruedInterest": "0", "totalOrderIM": "0", "totalPositionIM": "0",
            "totalPositionMM": "0", "unrealisedPnl": plain(more), "cumRealisedPnl": "0", "bonus": "0",
            "collateralSwitch": True, "marginCollateral": True, "locked": "0", "spotHedgingQty": "0",
        }  # fmt: skip
