"""The user stream's frames, field by field as mainnet sent them in March and April 2026."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from dita.practice.records import HeldPosition, PlacedOrder, Trade
from dita.precision import plain

Body = dict[str, Any]


def order_update(order: PlacedOrder, execution: str, now_ms: int, trade: Trade | None = None) -> Body:
    """Write ORDER_TRADE_UPDATE.

    Args:
        order: As it is after what happened.
        execution: `x`: NEW, TRADE, CANCELED, EXPIRED, AMENDMENT, CALCULATED.
        now_ms: The time.
        trade: The fill, where it tells of one.
    """
    kind = order.kind
    body: Body = {
        "s": order.symbol,
        "c": order.client_id,
        "S": order.side,
        "o": "LIQUIDATION" if order.client_id.startswith("autoclose-") else kind,
        "f": order.time_in_force,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "ap": plain(order.average.quantize(Decimal("1e-8"))),
        "sp": "0",
        "x": execution,
        "X": order.status,
        "i": order.number,
        "l": plain(trade.size) if trade else "0",
        "z": plain(order.filled),
        "L": plain(trade.price) if trade else "0",
        "n": plain(trade.fee) if trade else "0",
        "N": trade.fee_asset if trade else "USDT",
        "T": trade.time_ms if trade else now_ms,
        "t": trade.number if trade else 0,
        "b": "0",
        "a": "0",
        "m": trade.maker if trade else False,
        "R": order.reduce_only,
        "wt": order.working_type,
        "ot": kind,
        "ps": order.position_side,
        "cp": order.close_position,
        "rp": plain(trade.realized) if trade else "0",
        "pP": False,
        "si": order.algo_number,
        "ss": -1 if order.algo_number else 0,
        "V": order.self_trade,
        "pm": "NONE",
        "gtd": order.good_till_ms,
        "er": "0",
    }
    if order.algo_number:
        body["st"] = "ALGO_CONDITION"
    if order.modify_id and execution == "AMENDMENT":
        body["M"] = order.modify_id
    return {"e": "ORDER_TRADE_UPDATE", "T": now_ms, "E": now_ms, "o": body}


def algo_update(order: PlacedOrder, status: str, now_ms: int, reason: str = "") -> Body:
    """Write ALGO_UPDATE.

    Args:
        order: The conditional order.
        status: `X`: NEW, TRIGGERING, TRIGGERED, FINISHED, CANCELED, EXPIRED, REJECTED.
        now_ms: The time.
        reason: `rm`, where it was rejected.
    """
    body: Body = {
        "caid": order.client_id,
        "aid": order.algo_number,
        "at": "CONDITIONAL",
        "o": order.first_kind,
        "s": order.symbol,
        "S": order.side,
        "ps": order.position_side,
        "f": order.time_in_force,
        "q": plain(order.quantity),
        "X": status,
        "ai": str(order.number) if order.number else "",
        "tp": plain(order.trigger_price),
        "p": plain(order.price),
        "V": order.self_trade,
        "wt": order.working_type,
        "pm": "NONE",
        "cp": order.close_position,
        "pP": False,
        "R": order.reduce_only,
        "tt": order.triggered_ms,
        "gtd": order.good_till_ms,
    }
    if order.number:
        body |= {
            "ap": plain(order.average.quantize(Decimal("1e-8"))),
            "aq": plain(order.filled),
            "act": order.kind,
        }
    if reason:
        body["rm"] = reason
    return {"e": "ALGO_UPDATE", "T": now_ms, "E": now_ms, "o": body}


def trade_lite(order: PlacedOrder, trade: Trade, now_ms: int) -> Body:
    """Write TRADE_LITE: the same fill, earlier and without its fee."""
    return {
        "e": "TRADE_LITE", "E": now_ms, "T": now_ms, "s": order.symbol, "q": plain(order.quantity),
        "p": plain(order.price), "m": trade.maker, "c": order.client_id, "S": order.side,
        "L": plain(trade.price), "l": plain(trade.size), "t": trade.number, "i": order.number,
    }  # fmt: skip


def account_update(
    reason: str,
    balances: Iterable[tuple[str, Decimal, Decimal, Decimal]],
    positions: Iterable[HeldPosition],
    now_ms: int,
    symbol: str = "",
) -> Body:
    """Write ACCOUNT_UPDATE.

    Args:
        reason: `m`.
        balances: Asset, wallet balance, cross wallet balance and change, of those that changed.
        positions: Those that changed.
        now_ms: The time.
        symbol: `S` of a funding fee.
    """
    body: Body = {
        "B": [
            {"a": asset, "wb": plain(wallet), "cw": plain(cross), "bc": plain(change)}
            for asset, wallet, cross, change in balances
        ],
        "P": [
            {
                "s": held.symbol, "pa": plain(held.size), "ep": plain(held.entry_price),
                "cr": plain(held.realized), "up": plain(held.unrealized),
                "mt": "isolated" if held.isolated else "cross", "iw": plain(held.isolated_wallet),
                "ps": held.position_side, "ma": held.margin_asset, "bep": plain(held.entry_price),
            }
            for held in positions
        ],
        "m": reason,
    }  # fmt: skip
    if symbol:
        body["S"] = symbol
    return {"e": "ACCOUNT_UPDATE", "T": now_ms, "E": now_ms, "a": body}


def config_update(symbol: str, leverage: int, now_ms: int) -> Body:
    """Write ACCOUNT_CONFIG_UPDATE of a leverage."""
    return {
        "e": "ACCOUNT_CONFIG_UPDATE",
        "E": now_ms,
        "T": now_ms,
        "ac": {"s": symbol, "l": leverage},
    }


def key_expired(listen_key: str, now_ms: int) -> Body:
    """Write listenKeyExpired: the stream ends with it."""
    return {"e": "listenKeyExpired", "E": now_ms, "listenKey": listen_key}
