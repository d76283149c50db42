"""What Bybit says, as the kernel's events: frames of the private stream, and rows of REST answers.

Without I/O. Money comes from executions alone; what the order's own frames say of fills is only compared with
them. What it remembers of an order is its last report, so that a change of it can be seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent
from dita.errors import InvalidInput, shown
from dita.venues.wire import reading, reports
from dita.venues.wire.recent import Recent
from dita.venues.wire.reports import wallet_update
from dita.venues.wire.updates import UnknownMessage, VenueUpdate, ours

_ZERO: Final = Decimal(0)
_SIDES: Final = {"Buy": "BUY", "Sell": "SELL"}
_POSITIONS: Final = {0: "BOTH", 1: "LONG", 2: "SHORT"}
#: Order statuses of linear contracts, and the kernel's words.
STATUSES: Final = {
    "Created": "ACKED", "New": "ACKED", "Untriggered": "ACKED", "Triggered": "ACKED",
    "PartiallyFilled": "PARTIALLY_FILLED", "Filled": "FILLED", "Cancelled": "CANCELED",
    "PartiallyFilledCanceled": "CANCELED", "Deactivated": "CANCELED", "Rejected": "REJECTED",
}  # fmt: skip
_ALIVE: Final = frozenset({"ACKED", "PARTIALLY_FILLED"})
#: Executions that trade, and what the venue forced.
_TRADES: Final = {
    "Trade": "",
    "AdlTrade": "ADL",
    "BustTrade": "LIQUIDATION",
    "BlockTrade": "",
    "FutureSpread": "",
}
#: Executions that move the wallet and trade nothing: the transaction log tells of them by its own ids.
_NO_TRADES: Final = frozenset({"Funding", "Settle", "SessionSettlePnL", "Delivery", "MovePosition"})
_FORCED: Final = {"CreateByLiq": "LIQUIDATION", "CreateByTakeOver_PassThrough": "LIQUIDATION",
                  "CreateByAdl_PassThrough": "ADL"}  # fmt: skip
_CANCELED_BY_US: Final = frozenset({"CancelByUser", "CancelByTpSl"})
_REASONS: Final = {
    "EC_PostOnlyWillTakeLiquidity": "POST_ONLY_WOULD_TAKE", "EC_CancelForNoFullFill": "FOK",
    "EC_NoImmediateQtyToFill": "IOC",
}  # fmt: skip


@dataclass(slots=True)
class _Known:
    """What is known of an order: its last reported terms, and how much its executions filled."""

    size: Decimal | None = None
    price: Decimal | None = None
    executed: Decimal = _ZERO


class ReportReader(reports.ReportReader):
    """Reads what Bybit says.

    Attributes:
        owed: Orders whose own frame reported more filled than their executions.
        amends: Our ids of the amends that were sent, by the order's.
    """

    entries: ClassVar[Mapping[str, str]] = {
        "SETTLEMENT": "FUNDING_FEE", "TRANSFER_IN": "TRANSFER", "TRANSFER_OUT": "TRANSFER",
        "BONUS": "REBATE", "FEE_REFUND": "REBATE", "BONUS_RECOLLECT": "ADJUSTMENT", "INTEREST": "ADJUSTMENT",
        "CURRENCY_BUY": "ADJUSTMENT", "CURRENCY_SELL": "ADJUSTMENT", "DELIVERY": "ADJUSTMENT",
        "AIRDROP": "REBATE", "AUTO_DEDUCTION": "ADJUSTMENT",
    }  # fmt: skip
    of_fills: ClassVar[frozenset[str]] = frozenset({"TRADE", "LIQUIDATION", "ADL"})

    def __init__(self) -> None:
        """Know nothing yet."""
        super().__init__()
        self._orders: Recent[str, _Known] = Recent()
        self._executions: Recent[tuple[str, str], None] = Recent()
        self.owed: set[str] = set()
        self.amends: dict[str, str] = {}

    def read(self, frame: object) -> VenueUpdate:
        """Read a frame of the private stream.

        Args:
            frame: Its JSON.

        Raises:
            UnknownMessage: It says something that no list has.
            InvalidInput: A field is missing, or is not what it has to be.
        """
        update, row = VenueUpdate(), reading.record(frame, "frame")
        topic = str(row.get("topic", "")).partition(".")
        if topic[0] == "" and "op" in row:
            return update
        if topic[0] == "execution" and topic[2] == "fast":
            # Without a fee: the same fill comes as `execution`.
            self.skipped += 1
            return update
        for one in reading.table(row.get("data"), "data"):
            if one.get("category", "linear") not in {"linear", ""} and topic[0] != "wallet":
                self.skipped += 1
                continue
            match topic[0]:
                case "order":
                    self._order(one, update)
                case "execution":
                    self._execution(one, update)
                case "position":
                    self._position(one, update, reading.nanoseconds(row, "creationTime"))
                case "wallet":
                    self._wallet(one, update, reading.nanoseconds(row, "creationTime"))
                case _:
                    self.unknown[f"topic {shown(row.get('topic'))}"] += 1
        return update

    # --------------------------------------------------------------------------------------------- frames

    def _order(self, row: dict[str, Any], update: VenueUpdate) -> None:
        status = row.get("orderStatus")
        if status not in STATUSES:
            raise UnknownMessage(f"orderStatus: {shown(status)} is no order status that is known")
        ids, word = _ids(row), STATUSES[status]
        at_ns = reading.nanoseconds(row, "updatedTime", "createdTime")
        size, filled = reading.decimal(row, "qty"), reading.maybe(row, "cumExecQty") or _ZERO
        known = self._known(ids["venue_order_id"])
        before, known.size = known.size, size
        price_before, known.price = known.price, reading.positive(row, "price")
        self._owes(ids["venue_client_id"], word, filled - known.executed)
        if word == "CANCELED":
            update.orders.append(self._ended(row, ids, at_ns, filled))
        elif word == "REJECTED":
            code = _reason(row)
            update.orders.append(
                VenueEvent(at_ns, kind="ORDER_REJECT", remaining_size=0, filled_size=filled, reason=code,
                           reason_code=code, **ids)
            )  # fmt: skip
        elif word in _ALIVE and before is not None and (before, price_before) != (size, known.price):
            request_id = self.amends.pop(ids["venue_client_id"], "")
            update.orders.append(
                VenueEvent(
                    at_ns, kind="AMEND_ACK", order_size=size, order_price=known.price, filled_size=filled,
                    remaining_size=size - filled, request_id=request_id, **ids,
                )
            )  # fmt: skip
        elif status == "Triggered":
            update.orders.append(VenueEvent(at_ns, kind="TRIGGERED", **ids))
        elif word == "ACKED":
            update.orders.append(VenueEvent(at_ns, kind="ORDER_ACK", status="ACKED", **ids))

    def _ended(self, row: dict[str, Any], ids: dict[str, Any], at_ns: int, filled: Decimal) -> VenueEvent:
        """An order that ended before it was filled; it may have fills all the same."""
        by_us = row.get("cancelType") in _CANCELED_BY_US or row.get("rejectReason") == "EC_PerCancelRequest"
        code = "" if by_us else _reason(row)
        return VenueEvent(
            at_ns, kind="CANCEL_ACK" if by_us else "EXPIRED", filled_size=filled, remaining_size=0,
            reason=code, reason_code=_REASONS.get(code, ""), **ids,
        )  # fmt: skip

    def _owes(self, client_id: str, word: str, missing: Decimal) -> None:
        if client_id and missing > 0 and word in {"FILLED", "PARTIALLY_FILLED", "CANCELED"}:
            self.owed.add(client_id)
        else:
            self.owed.discard(client_id)

    def _execution(self, row: dict[str, Any], update: VenueUpdate) -> None:
        kind = row.get("execType")
        if kind in _NO_TRADES:
            update.ask_income = True
            return
        if kind not in _TRADES:
            raise UnknownMessage(f"execType: {shown(kind)} is no execution type that is known")
        update.orders.append(self.fill(row))

    def _position(self, row: dict[str, Any], update: VenueUpdate, at_ns: int) -> None:
        size = reading.decimal(row, "size")
        update.account.append(
            {
                "kind": "POSITION_UPDATE", "timestamp": at_ns, "symbol": reading.text(row, "symbol"),
                "size": -size if row.get("side") == "Sell" else size,
                "entry_price": reading.positive(row, "entryPrice"), "position_side": _book(row),
            }
        )  # fmt: skip

    def _wallet(self, row: dict[str, Any], update: VenueUpdate, at_ns: int) -> None:
        for coin in reading.table(row.get("coin"), "coin"):
            held = reading.decimal(coin, "walletBalance")
            update.account.append(wallet_update(at_ns, reading.text(coin, "coin"), held))

    # ------------------------------------------------------------------------------------------ rows

    def fill(self, row: dict[str, Any]) -> VenueEvent:
        """Read an execution that trades.

        Args:
            row: It, of the stream or of REST.
        """
        ids = _ids(row)
        at_ns = reading.nanoseconds(row, "execTime")
        size, left = reading.decimal(row, "execQty"), reading.maybe(row, "leavesQty")
        whole, trade_id = reading.maybe(row, "orderQty"), reading.text(row, "execId")
        forced = _TRADES.get(str(row.get("execType")), "") or _FORCED.get(str(row.get("createType")), "")
        done = left is not None and left == 0
        fee = reading.maybe(row, "execFee")
        asset = (str(row.get("feeCurrency") or "") or "USDT") if fee is not None else ""
        filled = whole - left if whole and left is not None and whole >= left else None
        maker = row.get("isMaker")
        self._count(ids, trade_id, size)
        return VenueEvent(
            at_ns, kind=forced or ("FULL_FILL" if done else "PARTIAL_FILL"), venue_trade_id=trade_id,
            status="FILLED" if done else "PARTIALLY_FILLED", price=reading.decimal(row, "execPrice"),
            size=size, filled_size=filled, remaining_size=left, fee=fee, fee_asset=asset,
            liquidity=None if not isinstance(maker, bool) else "MAKER" if maker else "TAKER",
            realized_pnl=reading.maybe(row, "execPnl"), venue_sequence=reading.sequence(row, "seq"), **ids,
        )  # fmt: skip

    def is_trade(self, row: dict[str, Any]) -> bool:
        """Whether an execution trades: funding has a quantity too, the position's.

        Raises:
            UnknownMessage: It is of a type that no list has.
        """
        kind = row.get("execType")
        if kind not in _TRADES and kind not in _NO_TRADES:
            raise UnknownMessage(f"execType: {shown(kind)} is no execution type that is known")
        return kind in _TRADES

    def status(self, row: dict[str, Any]) -> VenueEvent:
        """Read an order as REST shows it."""
        status = row.get("orderStatus")
        if status not in STATUSES:
            raise UnknownMessage(f"orderStatus: {shown(status)} is no order status that is known")
        word, size = STATUSES[status], reading.decimal(row, "qty")
        filled = reading.maybe(row, "cumExecQty") or _ZERO
        code = _reason(row) if word == "REJECTED" else ""
        return VenueEvent(
            reading.nanoseconds(row, "updatedTime", "createdTime"), kind="ORDER_STATUS", status=word,
            filled_size=filled, remaining_size=size - filled if word in _ALIVE else _ZERO, order_size=size,
            order_price=reading.positive(row, "price"), average_price=reading.positive(row, "avgPrice"),
            order_created=reading.nanoseconds(row, "createdTime"), reason=code, reason_code=code, **_ids(row),
        )  # fmt: skip

    def entry(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Read a row of the transaction log; None where it is of a fill, or changes nothing."""
        amount = reading.decimal(row, "change")
        if str(row.get("type")) in self.of_fills or not amount:
            return None
        return self._entry(
            "type", row, row.get("symbol"), timestamp=reading.nanoseconds(row, "transactionTime"),
            asset=reading.text(row, "currency"), amount=amount,
            # Two rows of one moment were seen with one id.
            venue_txn_id=f"{reading.text(row, 'id')[-40:]}:{row.get('transactionTime')}",
        )  # fmt: skip

    # ---------------------------------------------------------------------------------------------- inside

    def _known(self, order_id: str) -> _Known:
        return self._orders.setdefault(order_id, _Known())

    def _count(self, ids: dict[str, Any], trade_id: str, size: Decimal) -> None:
        """Count an execution once, however often it is reported."""
        key = (ids["venue_order_id"], trade_id)
        if key in self._executions:
            return
        self._executions[key] = None
        self._known(ids["venue_order_id"]).executed += size


def _ids(row: dict[str, Any]) -> dict[str, Any]:
    side = _SIDES.get(str(row.get("side")))
    if side is None:
        raise InvalidInput(f"side: expected Buy or Sell, got {shown(row.get('side'))}")
    ids: dict[str, Any] = {
        "venue_client_id": ours(str(row.get("orderLinkId") or "")),
        "venue_order_id": reading.text(row, "orderId"),
        "asset": reading.text(row, "symbol"),
        "order_side": side,
    }
    if "positionIdx" in row:
        ids["position_side"] = _book(row)
    return ids


def _book(row: dict[str, Any]) -> str:
    idx = row.get("positionIdx", 0)
    if idx not in _POSITIONS:
        raise InvalidInput(f"positionIdx: expected 0, 1 or 2, got {shown(idx)}")
    return _POSITIONS[idx]


def _reason(row: dict[str, Any]) -> str:
    word = str(row.get("rejectReason") or "")
    return word if word not in {"", "EC_NoError"} else str(row.get("cancelType") or "")
