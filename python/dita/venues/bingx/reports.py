"""What BingX says, as the kernel's events: frames of the user stream, and rows of REST answers.

Its fills have no id: the total filled of their order tells them apart. So what remains of an order's
total, beyond what was reported before, is a fill; its price and fee are read from the totals, too.
"""

from collections.abc import Iterable, Mapping
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
_PRICE_STEP: Final = Decimal("1e-10")
_STATUSES: Final = {
    "NEW": "ACKED", "PENDING": "ACKED", "PARTIALLY_FILLED": "PARTIALLY_FILLED", "FILLED": "FILLED",
    "CANCELED": "CANCELED", "CANCELLED": "CANCELED", "EXPIRED": "EXPIRED", "REJECTED": "REJECTED",
    "FAILED": "REJECTED",
}  # fmt: skip
_EXECUTIONS: Final = frozenset({"NEW", "TRADE", "CANCELED", "CANCELLED", "CALCULATED", "EXPIRED", "REJECTED"})
_IGNORED: Final = frozenset({"SNAPSHOT", "TRADE_UPDATE"})


@dataclass(slots=True)
class _Totals:
    """The reported totals of an order."""

    filled: Decimal = _ZERO
    cost: Decimal = _ZERO
    fee: Decimal = _ZERO


class ReportReader(reports.ReportReader):
    """Reads what BingX says."""

    entries: ClassVar[Mapping[str, str]] = {
        "FUNDING_FEE": "FUNDING_FEE", "TRANSFER": "TRANSFER", "INSURANCE_CLEAR": "ADJUSTMENT",
        "ADL": "ADJUSTMENT", "SYSTEM_DEDUCTION": "ADJUSTMENT", "GTD_PRICE": "ADJUSTMENT", "REBATE": "REBATE",
    }  # fmt: skip
    of_fills: ClassVar[frozenset[str]] = frozenset({"REALIZED_PNL", "TRADING_FEE"})

    def __init__(self) -> None:
        """Know nothing yet."""
        super().__init__()
        self._totals: Recent[str, _Totals] = Recent()
        self._names: Recent[str, str] = Recent()

    def name(self, client_id: str) -> None:
        """Remember an id of ours: the venue tells it in lower case."""
        self._names[client_id.lower()] = client_id

    def _ours(self, client_id: object) -> str:
        text = ours(str(client_id or ""))
        # After a restart none is remembered: a kernel's own are in upper case.
        return self._names.get(text) or (text.upper() if text.startswith("d") and len(text) == 30 else text)

    # ---------------------------------------------------------------------------------------------- frames

    def read(self, frame: object) -> VenueUpdate:
        """Read a frame of the user stream.

        Raises:
            UnknownMessage: It says something that no list has.
            InvalidInput: A field is missing, or is not what it has to be.
        """
        update, row = VenueUpdate(), reading.record(frame, "frame")
        match row.get("e"):
            case "ORDER_TRADE_UPDATE":
                self._order(row, update)
            case "ACCOUNT_UPDATE":
                self._account(row, update)
            case "ACCOUNT_CONFIG_UPDATE":
                # Every five seconds: the only sign that the stream lives.
                self.skipped += 1
            case "listenKeyExpired":
                update.key_ended = True
            case kind if kind in _IGNORED or (kind is None and "dataType" in row):
                self.skipped += 1
            case kind:
                self.unknown[f"event {shown(kind)}"] += 1
        return update

    def _order(self, row: dict[str, Any], update: VenueUpdate) -> None:
        order = reading.record(row.get("o"), "o")
        at_ns = reading.nanoseconds({"T": order.get("T") or row.get("E")}, "T")
        execution, status = order.get("x"), _STATUSES.get(str(order.get("X")))
        if execution not in _EXECUTIONS:
            raise UnknownMessage(f"o.x: {shown(execution)} is no execution type that is known")
        if status is None:
            raise UnknownMessage(f"o.X: {shown(order.get('X'))} is no order status that is known")
        filled = reading.maybe(order, "z") or _ZERO
        ids: dict[str, Any] = {
            "venue_client_id": self._ours(order.get("c")), "venue_order_id": reading.id_text(order, "i"),
            "asset": reading.text(order, "s"), "order_side": reading.text(order, "S"),
            "position_side": str(order.get("ps") or "BOTH"),
        }  # fmt: skip
        size = reading.maybe(order, "q") or filled
        forced = ""
        if execution == "CALCULATED" or order.get("o") in {"LIQUIDATION", "ADL"}:
            forced = "ADL" if order.get("o") == "ADL" else "LIQUIDATION"
        fill = self._fill(
            ids, at_ns, size, filled, reading.positive(order, "ap"), reading.maybe(order, "n"),
            str(order.get("N") or ""), status, forced,
        )  # fmt: skip
        if fill is not None:
            update.orders.append(fill)
        elif status == "ACKED":
            update.orders.append(VenueEvent(at_ns, kind="ORDER_ACK", status=status, **ids))
        kind = {"CANCELED": "CANCEL_ACK", "EXPIRED": "EXPIRED", "REJECTED": "ORDER_REJECT"}.get(status)
        if kind is not None:
            update.orders.append(VenueEvent(at_ns, kind=kind, filled_size=filled, remaining_size=0, **ids))

    def _fill(
        self, ids: dict[str, Any], at_ns: int, size: Decimal, filled: Decimal, average: Decimal | None,
        fee: Decimal | None, asset: str, status: str, forced: str,
    ) -> VenueEvent | None:  # fmt: skip
        """Return the part of an order's totals not reported yet, as a fill; None where nothing is new."""
        order_id = str(ids["venue_order_id"])
        before = self._totals.setdefault(order_id, _Totals())
        last = filled - before.filled
        if last <= 0 or average is None:
            return None
        cost = average * filled
        price = average if not before.filled else ((cost - before.cost) / last).quantize(_PRICE_STEP)
        # A total, charged negative.
        charged = None if fee is None else -fee - before.fee
        before.filled, before.cost = filled, cost
        before.fee = before.fee if fee is None else -fee
        done = status == "FILLED" or filled >= size
        return VenueEvent(
            at_ns, kind=forced or ("FULL_FILL" if done else "PARTIAL_FILL"),
            status="FILLED" if done else "PARTIALLY_FILLED",
            event_id=f"{order_id[-40:]}:{filled.normalize():f}", price=price, size=last, filled_size=filled,
            remaining_size=_ZERO if done else size - filled, fee=charged,
            fee_asset=asset if charged is not None else "", **ids,
        )  # fmt: skip

    def _account(self, row: dict[str, Any], update: VenueUpdate) -> None:
        body = reading.record(row.get("a"), "a")
        at_ns = reading.nanoseconds(row, "T", "E")
        for balance in reading.table(body.get("B") or [], "a.B"):
            held = reading.decimal(balance, "wb")
            update.account.append(wallet_update(at_ns, reading.text(balance, "a"), held))
        for one in reading.table(body.get("P") or [], "a.P"):
            update.account.append(
                {"kind": "POSITION_UPDATE", "timestamp": at_ns, **_position(one, "pa", "ps", "ep")}
            )
        update.ask_income = body.get("m") not in {
            "ORDER",
            "ADJUSTMENT",
            "MARGIN_TRANSFER",
            "MARGIN_TYPE_CHANGE",
        }

    # ------------------------------------------------------------------------------------------ REST rows

    def stands(self, row: dict[str, Any]) -> list[VenueEvent]:
        """Read how an order stands: the fill not reported yet, and then its status."""
        status = _STATUSES.get(str(row.get("status")))
        if status is None:
            raise UnknownMessage(f"status: {shown(row.get('status'))} is no order status that is known")
        size, filled = reading.decimal(row, "origQty"), reading.maybe(row, "executedQty") or _ZERO
        at_ns = reading.nanoseconds(row, "updateTime", "time")
        ids: dict[str, Any] = {
            "venue_client_id": self._ours(row.get("clientOrderId") or row.get("clientOrderID")),
            "venue_order_id": reading.id_text(row, "orderId"), "asset": reading.text(row, "symbol"),
            "order_side": reading.text(row, "side"), "position_side": str(row.get("positionSide") or "BOTH"),
        }  # fmt: skip
        average, known = reading.positive(row, "avgPrice"), ids["venue_order_id"] in self._totals
        found = []
        if known:
            # The kernel may have fills of an order that this process does not know: it compares totals.
            fill = self._fill(
                ids, at_ns, size, filled, average, reading.maybe(row, "commission"), "USDT", status, ""
            )
            found = [fill] if fill is not None else []
        alive = status in {"ACKED", "PARTIALLY_FILLED"}
        found.append(
            VenueEvent(
                at_ns, kind="ORDER_STATUS", status=status, filled_size=filled,
                remaining_size=size - filled if alive else _ZERO, order_size=size,
                order_price=reading.positive(row, "price"), average_price=average,
                order_created=reading.nanoseconds(row, "time") if row.get("time") else None, **ids,
            )
        )  # fmt: skip
        return found

    def income(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Read an entry of the wallet; None where it is of a fill. A type that no list has is counted."""
        kind = str(row.get("incomeType"))
        if kind in self.of_fills:
            return None
        return self._entry(
            "incomeType", row, row.get("symbol"), timestamp=reading.nanoseconds(row, "time"),
            asset=reading.text(row, "asset"), amount=reading.decimal(row, "income"),
            venue_txn_id=f"{kind[:12]}:{reading.id_text(row, 'tranId')}"[:64],
        )  # fmt: skip


def position(row: dict[str, Any]) -> dict[str, Any]:
    """Read a row of the positions: its size has no sign, its side says which."""
    return _position(row, "positionAmt", "positionSide", "avgPrice")


def _position(row: dict[str, Any], size: str, side: str, entry: str) -> dict[str, Any]:
    amount, which = reading.decimal(row, size), str(row.get(side) or "BOTH")
    return {
        "symbol": reading.text(row, "symbol" if "symbol" in row else "s"),
        "size": -abs(amount) if which == "SHORT" else amount,
        "entry_price": reading.positive(row, entry), "position_side": which,
    }  # fmt: skip


def read_instruments(rows: object, symbols: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read instruments' rules as `set_exchange_config` takes them: sizes are coins.

    Args:
        rows: The answer of `GET /openApi/swap/v2/quote/contracts`.
        symbols: Which.

    Raises:
        InvalidInput: One is not listed or not trading.
    """
    listed = {row.get("symbol"): row for row in reading.table(rows, "contracts")}
    found = {}
    for symbol in symbols:
        row = listed.get(symbol)
        if row is None:
            raise InvalidInput(f"symbol: {shown(symbol)} is not listed at BingX")
        if row.get("status") != 1:
            raise InvalidInput(f"symbol: {shown(symbol)} does not trade: status {row.get('status')}")
        found[symbol] = {
            "base": reading.text(row, "asset"), "quote": reading.text(row, "currency"),
            "settle": reading.text(row, "currency"), "tick_size": _step(row, "pricePrecision"),
            "lot_step": _step(row, "quantityPrecision"),
        }  # fmt: skip
        for key, name in (("min_qty", "tradeMinQuantity"), ("min_notional", "tradeMinUSDT"),
                          ("taker_rate", "takerFeeRate"), ("maker_rate", "makerFeeRate")):  # fmt: skip
            value = reading.maybe(row, name)
            if value is not None:
                found[symbol][key] = format(value, "f")
    return found


def _step(row: dict[str, Any], name: str) -> str:
    decimals = row.get(name)
    if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= 18:
        raise InvalidInput(f"{name}: expected 0 to 18 decimals, got {shown(decimals)}")
    return format(Decimal(1).scaleb(-decimals), "f")
