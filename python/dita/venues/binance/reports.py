"""What the venue says, as the kernel's events: frames of the user stream, and rows of REST answers.

Without I/O. What it remembers is which of the venue's ids are one order: a conditional order has an algo id,
and once it is triggered the id of the order that trades.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent
from dita.errors import shown
from dita.venues.wire import reading, reports
from dita.venues.wire.recent import Recent
from dita.venues.wire.reports import wallet_update
from dita.venues.wire.updates import UnknownMessage, VenueUpdate, ours

#: Of the unit in which wallets, fees and profits are kept.
_DECIMALS: Final = 8
_ZERO: Final = Decimal(0)
#: Orders that the venue itself sends, by the beginning of their client ids.
FORCED: Final = {"autoclose-": "LIQUIDATION", "adl_autoclose": "ADL", "settlement_autoclose-": "LIQUIDATION"}
_FORCED_STARTS: Final = tuple(FORCED)
_STATUSES: Final = {
    "NEW": "ACKED",
    "PARTIALLY_FILLED": "PARTIALLY_FILLED",
    "FILLED": "FILLED",
    "CANCELED": "CANCELED",
    "REJECTED": "REJECTED",
    "EXPIRED": "EXPIRED",
    "EXPIRED_IN_MATCH": "EXPIRED",
    "NEW_INSURANCE": "ACKED",
    "NEW_ADL": "ACKED",
}
_ALGO_STATUSES: Final = {
    "NEW": "ACKED",
    "TRIGGERING": "ACKED",
    "TRIGGERED": "ACKED",
    "FINISHED": "EXPIRED",
    "CANCELED": "CANCELED",
    "EXPIRED": "EXPIRED",
    "REJECTED": "EXPIRED",
}
_IGNORED: Final = frozenset({"TRADE_LITE", "STRATEGY_UPDATE", "GRID_UPDATE", "MARGIN_CALL"})


class ReportReader(reports.ReportReader):
    """Reads what Binance says.

    Attributes:
        amounts: Reads amounts of money; `amounts.rounded` counts those that were finer than the venue's unit.
    """

    entries: ClassVar[Mapping[str, str]] = {
        "FUNDING_FEE": "FUNDING_FEE",
        "TRANSFER": "TRANSFER",
        "INTERNAL_TRANSFER": "TRANSFER",
        "CROSS_COLLATERAL_TRANSFER": "TRANSFER",
        "STRATEGY_UMFUTURES_TRANSFER": "TRANSFER",
        "COMMISSION_REBATE": "REBATE",
        "API_REBATE": "REBATE",
        "REFERRAL_KICKBACK": "REBATE",
        "CONTEST_REWARD": "REBATE",
        "WELCOME_BONUS": "REBATE",
        "INSURANCE_CLEAR": "ADJUSTMENT",
        "COIN_SWAP_DEPOSIT": "ADJUSTMENT",
        "COIN_SWAP_WITHDRAW": "ADJUSTMENT",
        "AUTO_EXCHANGE": "ADJUSTMENT",
        "DELIVERED_SETTELMENT": "ADJUSTMENT",
        "POSITION_LIMIT_INCREASE_FEE": "ADJUSTMENT",
        "BFUSD_REWARD": "REBATE",
    }
    of_fills: ClassVar[frozenset[str]] = frozenset({"COMMISSION", "REALIZED_PNL"})

    def __init__(self, hedge_mode: Callable[[], bool | None] = lambda: None) -> None:
        """Know nothing yet.

        Args:
            hedge_mode: Returns whether the account keeps two books per instrument; None where that is not
                known.
        """
        super().__init__()
        self._hedge_mode = hedge_mode
        self._client_ids: Recent[str, str] = Recent()
        self._triggered: Recent[str, None] = Recent()
        self.amounts = reading.Amounts(_DECIMALS)

    def client_id_of(self, order_id: str) -> str:
        """Return the client id of a venue's order id; empty where it is not known."""
        return self._client_ids.get(order_id, "")

    def link(self, order_id: str, client_id: str) -> None:
        """Remember whose an order id is."""
        if order_id and client_id:
            self._client_ids[order_id] = client_id

    # --------------------------------------------------------------------------------------------- frames

    def read(self, frame: object) -> VenueUpdate:
        """Read a frame of the user stream.

        Args:
            frame: Its JSON.

        Raises:
            UnknownMessage: It says something that no list has.
            InvalidInput: A field is missing, or is not what it has to be.
        """
        update, row = VenueUpdate(), _unwrapped(frame)
        kind = row.get("e")
        match kind:
            case "ORDER_TRADE_UPDATE":
                self._order_frame(row, update)
            case "ACCOUNT_UPDATE":
                self._account_frame(row, update)
            case "ALGO_UPDATE":
                self._algo_frame(row, update)
            case "CONDITIONAL_ORDER_TRIGGER_REJECT":
                self._trigger_rejected(row, update)
            case "ACCOUNT_CONFIG_UPDATE":
                settings = row.get("ac")
                if isinstance(settings, dict):
                    update.leverages[reading.text(settings, "s")] = reading.decimal(settings, "l")
            case "listenKeyExpired":
                update.key_ended = True
            case _ if kind in _IGNORED:
                self.skipped += 1
            case _ if kind is None and ("result" in row or "id" in row):
                pass
            case _:
                # The venue adds events without a word; what moves money comes as ACCOUNT_UPDATE as well.
                self.unknown[f"event {shown(kind)}"] += 1
        return update

    def _order_frame(self, row: dict[str, Any], update: VenueUpdate) -> None:
        order = reading.record(row.get("o"), "o")
        at_ns = reading.nanoseconds(row, "T", "E")
        execution, status = order.get("x"), order.get("X")
        if status not in _STATUSES:
            raise UnknownMessage(f"o.X: {shown(status)} is no order status that is known")
        client_id, order_id = reading.text(order, "c"), reading.id_text(order, "i")
        self.link(order_id, client_id)
        ids = self._ids(order, client_id, order_id)
        filled, size = reading.decimal(order, "z"), reading.decimal(order, "q")
        algo_id = reading.id_text(order, "si") if order.get("si") else ""
        if algo_id and order.get("st") == "ALGO_CONDITION":
            self._trigger(update, ids, algo_id, order_id, at_ns)
        match execution:
            case "NEW":
                if not algo_id:
                    update.orders.append(VenueEvent(at_ns, kind="ORDER_ACK", status="ACKED", **ids))
            case "TRADE" | "CALCULATED":
                # By the whole id: one that is longer than an event's is cut there.
                forced = _forced(client_id)
                self._fill(order, ids, update, at_ns, (size, filled), forced, done=status == "FILLED")
            case "AMENDMENT":
                price = reading.positive(order, "p")
                update.orders.append(
                    VenueEvent(
                        at_ns, kind="AMEND_ACK", order_size=size, order_price=price, filled_size=filled,
                        remaining_size=size - filled, request_id=str(order.get("M") or ""), **ids,
                    )
                )  # fmt: skip
            case "CANCELED" | "EXPIRED" | "REJECTED":
                words = {"CANCELED": "CANCEL_ACK", "EXPIRED": "EXPIRED", "REJECTED": "ORDER_REJECT"}
                code = "SELF_TRADE" if status == "EXPIRED_IN_MATCH" else ""
                update.orders.append(
                    VenueEvent(
                        at_ns,
                        kind=words[execution],
                        filled_size=filled,
                        remaining_size=0,
                        reason_code=code,
                        **ids,
                    )
                )
            case _:
                raise UnknownMessage(f"o.x: {shown(execution)} is no execution type that is known")

    def _fill(
        self,
        order: dict[str, Any],
        ids: dict[str, Any],
        update: VenueUpdate,
        at_ns: int,
        amounts: tuple[Decimal, Decimal],
        forced: str,
        *,
        done: bool,
    ) -> None:
        last = reading.decimal(order, "l")
        if last <= 0:
            return
        size, filled = amounts
        trade_id, fee = reading.id_text(order, "t"), self.amounts.maybe(order, "n")
        kind = forced or ("FULL_FILL" if done else "PARTIAL_FILL")
        is_maker = order.get("m")
        liquidity = None if not isinstance(is_maker, bool) else "MAKER" if is_maker else "TAKER"
        update.orders.append(
            VenueEvent(
                reading.nanoseconds(order, "T") if order.get("T") else at_ns,
                kind=kind,
                status="FILLED" if done else "PARTIALLY_FILLED",
                venue_trade_id=trade_id,
                price=reading.decimal(order, "L"),
                size=last,
                filled_size=filled,
                remaining_size=_ZERO if done else size - filled,
                average_price=reading.positive(order, "ap"),
                fee=fee,
                fee_asset=str(order.get("N") or "") if fee is not None else "",
                realized_pnl=self.amounts.maybe(order, "rp"),
                venue_sequence=reading.sequence(order, "t"),
                liquidity=liquidity,
                **ids,
            )
        )

    def _trigger(
        self, update: VenueUpdate, ids: dict[str, Any], algo_id: str, order_id: str, at_ns: int
    ) -> None:
        """Tell once that a conditional order now trades under another id."""
        if algo_id in self._triggered:
            return
        self._triggered[algo_id] = None
        update.orders.append(
            VenueEvent(
                at_ns, kind="TRIGGERED", parent_order_id=algo_id, **{**ids, "venue_order_id": order_id}
            )
        )

    def _algo_frame(self, row: dict[str, Any], update: VenueUpdate) -> None:
        order = reading.record(row.get("o"), "o")
        at_ns = reading.nanoseconds(row, "T", "E")
        status = order.get("X")
        client_id, algo_id = reading.text(order, "caid"), reading.id_text(order, "aid")
        self.link(algo_id, client_id)
        ids = self._ids(order, client_id, algo_id)
        order_id = str(order.get("ai") or "")
        self.link(order_id, client_id)
        match status:
            case "NEW":
                update.orders.append(VenueEvent(at_ns, kind="ORDER_ACK", status="ACKED", **ids))
            case "TRIGGERED" | "FINISHED":
                if order_id:
                    self._trigger(update, ids, algo_id, order_id, at_ns)
            case "TRIGGERING":
                pass
            case "CANCELED" | "EXPIRED" | "REJECTED":
                kind = "CANCEL_ACK" if status == "CANCELED" else "EXPIRED"
                reason = str(order.get("rm") or "")
                if not order_id:
                    update.orders.append(
                        VenueEvent(at_ns, kind=kind, filled_size=0, remaining_size=0, reason=reason, **ids)
                    )
            case _:
                raise UnknownMessage(
                    f"o.X: {shown(status)} is no status of a conditional order that is known"
                )

    def _trigger_rejected(self, row: dict[str, Any], update: VenueUpdate) -> None:
        """The frame until 2025-12-15; one was still seen in March 2026."""
        order = reading.record(row.get("or"), "or")
        order_id = reading.id_text(order, "i")
        update.orders.append(
            VenueEvent(
                reading.nanoseconds(row, "T", "E"), kind="EXPIRED", filled_size=0, remaining_size=0,
                asset=reading.text(order, "s"), venue_order_id=order_id,
                venue_client_id=ours(self.client_id_of(order_id)), reason=str(order.get("r") or ""),
            )
        )  # fmt: skip

    def _account_frame(self, row: dict[str, Any], update: VenueUpdate) -> None:
        body = reading.record(row.get("a"), "a")
        at_ns = reading.nanoseconds(row, "T", "E")
        for balance in reading.table(body.get("B") or [], "a.B"):
            held = self.amounts.read(balance, "wb")
            update.account.append(wallet_update(at_ns, reading.text(balance, "a"), held))
        positions = reading.table(body.get("P") or [], "a.P")
        for position in positions:
            if self._is_of_other_mode(position, positions):
                continue
            update.account.append(
                {
                    "kind": "POSITION_UPDATE", "timestamp": at_ns, "symbol": reading.text(position, "s"),
                    "size": reading.decimal(position, "pa"), "entry_price": reading.positive(position, "ep"),
                    "position_side": reading.text(position, "ps"),
                }
            )  # fmt: skip
        # Its id is in the income history alone, and an entry without its id would be booked twice.
        update.ask_income = body.get("m") not in {"ORDER", "ADJUSTMENT"}

    def _is_of_other_mode(self, position: dict[str, Any], positions: list[dict[str, Any]]) -> bool:
        """Whether a row is a book that the account does not keep: some frames list those too, empty."""
        if reading.decimal(position, "pa"):
            return False
        hedge = self._hedge_mode()
        if hedge is None:
            beside = [one for one in positions if one.get("s") == position.get("s")]
            hedge = not any(one.get("ps") == "BOTH" for one in beside) or any(
                one.get("ps") != "BOTH" and reading.decimal(one, "pa") for one in beside
            )
        return (position.get("ps") == "BOTH") == hedge

    def _ids(self, order: dict[str, Any], client_id: str, order_id: str) -> dict[str, Any]:
        return {
            "venue_client_id": ours(client_id),
            "venue_order_id": order_id,
            "asset": reading.text(order, "s"),
            "order_side": reading.text(order, "S"),
            "position_side": order.get("ps") or order.get("positionSide") or "BOTH",
        }

    # ------------------------------------------------------------------------------------------ REST rows

    def status(self, row: dict[str, Any]) -> VenueEvent:
        """Read the answer to a question about a plain order."""
        status = row.get("status")
        if status not in _STATUSES:
            raise UnknownMessage(f"status: {shown(status)} is no order status that is known")
        client_id, order_id = reading.text(row, "clientOrderId"), reading.id_text(row, "orderId")
        self.link(order_id, client_id)
        size, filled = reading.decimal(row, "origQty"), reading.decimal(row, "executedQty")
        alive = _STATUSES[status] in {"ACKED", "PARTIALLY_FILLED"}
        return VenueEvent(
            reading.nanoseconds(row, "updateTime", "time"),
            kind="ORDER_STATUS",
            status=_STATUSES[status],
            venue_client_id=ours(client_id),
            venue_order_id=order_id,
            asset=reading.text(row, "symbol"),
            order_side=reading.text(row, "side"),
            position_side=row.get("positionSide") or "BOTH",
            filled_size=filled,
            remaining_size=size - filled if alive else _ZERO,
            order_size=size,
            order_price=reading.positive(row, "price"),
            average_price=reading.positive(row, "avgPrice"),
            order_created=reading.nanoseconds(row, "time") if row.get("time") else None,
        )

    def algo_status(self, row: dict[str, Any]) -> list[VenueEvent]:
        """Read the answer to a question about a conditional order, as far as that has not traded."""
        status = row.get("algoStatus")
        if status not in _ALGO_STATUSES:
            raise UnknownMessage(
                f"algoStatus: {shown(status)} is no status of a conditional order that is known"
            )
        client_id, algo_id = reading.text(row, "clientAlgoId"), reading.id_text(row, "algoId")
        self.link(algo_id, client_id)
        size = reading.decimal(row, "quantity")
        # What became of the order that it sent is asked under that one's id.
        word = "ACKED" if row.get("actualOrderId") else _ALGO_STATUSES[status]
        alive = word == "ACKED"
        return [
            VenueEvent(
                reading.nanoseconds(row, "updateTime", "createTime"),
                kind="ORDER_STATUS",
                status=word,
                venue_client_id=ours(client_id),
                venue_order_id=algo_id,
                asset=reading.text(row, "symbol"),
                order_side=reading.text(row, "side"),
                position_side=row.get("positionSide") or "BOTH",
                filled_size=_ZERO,
                remaining_size=size if alive else _ZERO,
                order_size=size,
                order_price=reading.positive(row, "price"),
                order_created=reading.nanoseconds(row, "createTime"),
            )
        ]

    def triggered(self, row: dict[str, Any]) -> list[VenueEvent]:
        """Read the answer about a conditional order that was triggered: once, that it was."""
        order_id, client_id = str(row.get("actualOrderId")), reading.text(row, "clientAlgoId")
        algo_id = reading.id_text(row, "algoId")
        self.link(algo_id, client_id)
        self.link(order_id, client_id)
        update = VenueUpdate()
        ids = {
            "venue_client_id": ours(client_id), "asset": reading.text(row, "symbol"),
            "order_side": reading.text(row, "side"), "position_side": row.get("positionSide") or "BOTH",
        }  # fmt: skip
        self._trigger(update, ids, algo_id, order_id, reading.nanoseconds(row, "updateTime"))
        return update.orders

    def trade(self, row: dict[str, Any], client_id: str) -> VenueEvent:
        """Read a row of the fills.

        Args:
            row: The row.
            client_id: Of its order, which the row does not name.
        """
        order_id, at_ns = reading.id_text(row, "orderId"), reading.nanoseconds(row, "time")
        ids: dict[str, Any] = {
            "venue_client_id": ours(client_id),
            "venue_order_id": order_id,
            "asset": reading.text(row, "symbol"),
            "order_side": reading.text(row, "side"),
            "position_side": row.get("positionSide") or "BOTH",
        }
        size, fee = reading.decimal(row, "qty"), self.amounts.read(row, "commission")
        trade_id = reading.id_text(row, "id")
        return VenueEvent(
            at_ns, kind=_forced(client_id) or "PARTIAL_FILL", venue_trade_id=trade_id,
            price=reading.decimal(row, "price"), size=size, fee=fee,
            fee_asset=reading.text(row, "commissionAsset"),
            realized_pnl=self.amounts.read(row, "realizedPnl"),
            venue_sequence=reading.sequence(row, "id"),
            liquidity="MAKER" if row.get("maker") is True else "TAKER", **ids,
        )  # fmt: skip

    def income(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Read an entry of the wallet's history; None where it is of a fill."""
        kind = str(row.get("incomeType"))
        if kind in self.of_fills:
            return None
        return self._entry(
            "incomeType", row, row.get("symbol"), timestamp=reading.nanoseconds(row, "time"),
            asset=reading.text(row, "asset"), amount=self.amounts.read(row, "income"),
            # A number is unique within its type only.
            venue_txn_id=f"{kind[:12]}:{reading.id_text(row, 'tranId')}",
        )  # fmt: skip


def _unwrapped(frame: object) -> dict[str, Any]:
    """A frame without its stream's name."""
    row = reading.record(frame, "frame")
    return reading.record(row["data"], "data") if "stream" in row and "data" in row else row


def _forced(client_id: str) -> str:
    if not client_id.startswith(_FORCED_STARTS):
        return ""
    return next(kind for start, kind in FORCED.items() if client_id.startswith(start))
