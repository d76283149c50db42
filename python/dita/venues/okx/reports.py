"""What OKX says, as the kernel's events: frames of the private stream, and rows of REST answers."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent
from dita.errors import InvalidInput, shown
from dita.precision import plain
from dita.venues.wire import reading, reports
from dita.venues.wire.reports import wallet_update
from dita.venues.wire.updates import UnknownMessage, VenueUpdate, ours

_ZERO: Final = Decimal(0)
_STATES: Final = {
    "live": "ACKED", "partially_filled": "PARTIALLY_FILLED", "filled": "FILLED", "canceled": "CANCELED",
    "mmp_canceled": "CANCELED",
}  # fmt: skip
#: Orders that the venue itself sends.
_FORCED: Final = {
    "full_liquidation": "LIQUIDATION", "partial_liquidation": "LIQUIDATION", "adl": "ADL", "delivery": "",
    "normal": "", "twap": "", "ddh": "", "": "",
}  # fmt: skip
_QUIET: Final = frozenset(
    {"login", "subscribe", "unsubscribe", "channel-conn-count", "channel-conn-count-error"}
)
_CHANNELS: Final = frozenset({"orders", "account", "positions", "balance_and_position"})
#: Reasons of a balance that need no look at the bills.
_OWN_REASONS: Final = frozenset({"snapshot", "filled", "set_leverage", "adjust_margin"})


class ReportReader(reports.ReportReader):
    """Reads what OKX says."""

    #: By the type of the bill.
    entries: ClassVar[Mapping[str, str]] = {
        "1": "TRANSFER",
        "8": "FUNDING_FEE",
        "7": "ADJUSTMENT",
        "9": "ADJUSTMENT",
        "12": "ADJUSTMENT",
    }
    of_fills: ClassVar[frozenset[str]] = frozenset({"2", "5", "3"})

    # ---------------------------------------------------------------------------------------------- frames

    def read(self, frame: object) -> VenueUpdate:
        """Read a frame of the private stream.

        Raises:
            UnknownMessage: It says something that no list has.
            InvalidInput: A field is missing, or is not what it has to be.
        """
        update, row = VenueUpdate(), reading.record(frame, "frame")
        event = row.get("event")
        if event is not None:
            # A notice, 64008, comes before the service restarts: the stream is opened anew at once.
            update.key_ended = event in {"notice", "error"}
            if event not in _QUIET and not update.key_ended:
                self.unknown[f"event {shown(event)}"] += 1
            return update
        channel = reading.record(row.get("arg"), "arg").get("channel")
        if channel not in _CHANNELS:
            self.skipped += 1
            return update
        data = reading.table(row.get("data"), "data")
        match channel:
            case "orders":
                for one in data:
                    self._order(one, update)
            case "account":
                for one in data:
                    self._account(one, update)
            case "positions":
                update.account += [position for one in data if (position := self.position(one)) is not None]
            case "balance_and_position":
                update.ask_income = any(one.get("eventType") not in _OWN_REASONS for one in data)
        return update

    def _order(self, row: dict[str, Any], update: VenueUpdate) -> None:
        status, at_ns = self._state(row), _time(row, "uTime", "cTime")
        ids, filled = self._ids(row), reading.maybe(row, "accFillSz") or _ZERO
        size, price = reading.decimal(row, "sz"), reading.positive(row, "px")
        amended = str(row.get("amendResult") or "")
        if amended in {"0", "-1"}:
            kind = "AMEND_ACK" if amended == "0" else "AMEND_REJECT"
            changed: dict[str, Any] = {"order_size": size, "order_price": price} if amended == "0" else {}
            update.orders.append(
                VenueEvent(
                    at_ns, kind=kind, filled_size=filled, remaining_size=size - filled,
                    request_id=str(row.get("reqId") or ""), reason=str(row.get("msg") or ""),
                    **changed, **ids,
                )
            )  # fmt: skip
        if row.get("tradeId") and reading.maybe(row, "fillSz"):
            self._fill(row, ids, status, update)
        elif status == "ACKED" and not amended:
            update.orders.append(VenueEvent(at_ns, kind="ORDER_ACK", status=status, **ids))
        if status == "CANCELED":
            source = row.get("cancelSource")
            why = f"cancelSource {source}" if source else ""
            update.orders.append(
                VenueEvent(at_ns, kind="CANCEL_ACK", filled_size=filled, remaining_size=0, reason=why, **ids)
            )

    def _fill(self, row: dict[str, Any], ids: dict[str, Any], status: str, update: VenueUpdate) -> None:
        category = str(row.get("category") or "")
        if category not in _FORCED:
            raise UnknownMessage(f"category: {shown(category)} is no kind of order that is known")
        last, filled = reading.decimal(row, "fillSz"), reading.decimal(row, "accFillSz")
        size, done = reading.decimal(row, "sz"), status == "FILLED"
        fee, asset = reading.maybe(row, "fillFee"), str(row.get("fillFeeCcy") or "")
        if fee is None and last == filled:
            # Older frames have the order's total alone: of a first fill that is the fill's.
            fee, asset = reading.maybe(row, "fee"), str(row.get("feeCcy") or "")
        update.orders.append(
            VenueEvent(
                _time(row, "fillTime", "uTime"),
                kind=_FORCED[category] or ("FULL_FILL" if done else "PARTIAL_FILL"),
                status=status, venue_trade_id=str(row["tradeId"]), price=reading.decimal(row, "fillPx"),
                size=last, filled_size=filled, remaining_size=_ZERO if done else size - filled,
                # Charged is negative there, and positive here.
                fee=None if fee is None else -fee, fee_asset=asset if fee is not None else "",
                realized_pnl=reading.maybe(row, "fillPnl"), venue_sequence=reading.sequence(row, "tradeId"),
                liquidity={"M": "MAKER", "T": "TAKER"}.get(str(row.get("execType"))), **ids,
            )
        )  # fmt: skip

    def _account(self, row: dict[str, Any], update: VenueUpdate) -> None:
        for one in reading.table(row.get("details"), "details"):
            held = reading.decimal(one, "cashBal")
            update.account.append(wallet_update(_time(one, "uTime"), reading.text(one, "ccy"), held))

    def position(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Read a position; None where it is no swap's."""
        if row.get("instType") != "SWAP":
            return None
        size, side = reading.maybe(row, "pos") or _ZERO, reading.text(row, "posSide")
        return {
            "kind": "POSITION_UPDATE", "timestamp": _time(row, "uTime", "cTime"),
            "symbol": reading.text(row, "instId"), "size": -abs(size) if side == "short" else size,
            "entry_price": reading.positive(row, "avgPx"),
            "position_side": "BOTH" if side == "net" else side.upper(),
        }  # fmt: skip

    def _state(self, row: dict[str, Any]) -> str:
        status = _STATES.get(str(row.get("state")))
        if status is None:
            raise UnknownMessage(f"state: {shown(row.get('state'))} is no order status that is known")
        return status

    def _ids(self, row: dict[str, Any]) -> dict[str, Any]:
        side = str(row.get("posSide") or "net")
        return {
            "venue_client_id": ours(str(row.get("clOrdId") or "")),
            "venue_order_id": reading.text(row, "ordId"), "asset": reading.text(row, "instId"),
            "order_side": reading.text(row, "side").upper(),
            "position_side": "BOTH" if side == "net" else side.upper(),
        }  # fmt: skip

    # ------------------------------------------------------------------------------------------ REST rows

    def status(self, row: dict[str, Any]) -> VenueEvent:
        """Read how an order stands."""
        status = self._state(row)
        size, filled = reading.decimal(row, "sz"), reading.maybe(row, "accFillSz") or _ZERO
        alive = status in {"ACKED", "PARTIALLY_FILLED"}
        return VenueEvent(
            _time(row, "uTime", "cTime"), kind="ORDER_STATUS", status=status, filled_size=filled,
            remaining_size=size - filled if alive else _ZERO, order_size=size,
            order_price=reading.positive(row, "px"), average_price=reading.positive(row, "avgPx"),
            order_created=_time(row, "cTime"), **self._ids(row),
        )  # fmt: skip

    def trade(self, row: dict[str, Any]) -> VenueEvent:
        """Read a row of the fills."""
        ids, at_ns = self._ids(row), _time(row, "fillTime", "ts")
        fee, size = -reading.decimal(row, "fee"), reading.decimal(row, "fillSz")
        asset, trade_id = reading.text(row, "feeCcy"), reading.text(row, "tradeId")
        # Types of the bill: 2 is a trade; 100 to 118 are partial and full liquidations, 125 to 128 are ADL.
        word = str(row.get("subType") or "")
        forced = ""
        if word.isdigit():
            forced = "LIQUIDATION" if 100 <= int(word) <= 118 else "ADL" if 125 <= int(word) <= 128 else ""
        return VenueEvent(
            at_ns, kind=forced or "PARTIAL_FILL", venue_trade_id=trade_id,
            price=reading.decimal(row, "fillPx"), size=size, fee=fee, fee_asset=asset,
            realized_pnl=reading.maybe(row, "fillPnl") or _ZERO,
            venue_sequence=reading.sequence(row, "tradeId"),
            liquidity={"M": "MAKER", "T": "TAKER"}.get(str(row.get("execType"))), **ids,
        )  # fmt: skip

    def bill(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Read an entry of the wallet; None where it is of a fill."""
        if str(row.get("type")) in self.of_fills:
            return None
        symbol = str(row.get("instId") or "")
        return self._entry(
            "type", row, symbol if symbol.endswith("-SWAP") else "", timestamp=_time(row, "ts"),
            asset=reading.text(row, "ccy"), amount=reading.decimal(row, "balChg"),
            venue_txn_id=f"bill:{reading.text(row, 'billId')}",
        )  # fmt: skip


def read_instruments(rows: object, symbols: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read instruments' rules as `set_exchange_config` takes them: sizes are contracts.

    Args:
        rows: The answer of `GET /api/v5/public/instruments`.
        symbols: Which.

    Raises:
        InvalidInput: One is not listed or not live, or lacks its steps.
    """
    listed = {row.get("instId"): row for row in reading.table(rows, "instruments")}
    found: dict[str, dict[str, Any]] = {}
    for symbol in symbols:
        row = listed.get(symbol)
        if row is None or row.get("instType") != "SWAP":
            raise InvalidInput(f"symbol: {shown(symbol)} is no swap of OKX's")
        if row.get("state") != "live":
            raise InvalidInput(f"symbol: {shown(symbol)} does not trade: {row.get('state')}")
        inverse = row.get("ctType") == "inverse"
        quote = "USD" if inverse else reading.text(row, "settleCcy")
        multiplier = reading.decimal(row, "ctVal") * (reading.maybe(row, "ctMult") or Decimal(1))
        limits = [size for name in ("maxLmtSz", "maxMktSz") if (size := reading.maybe(row, name))]
        own: dict[str, Any] = {
            "base": symbol.partition("-")[0], "quote": quote, "settle": reading.text(row, "settleCcy"),
            "tick_size": plain(reading.decimal(row, "tickSz")),
            "lot_step": plain(reading.decimal(row, "lotSz")),
            "min_qty": plain(reading.decimal(row, "minSz")), "contract_multiplier": plain(multiplier),
        }  # fmt: skip
        if limits:
            own["max_qty"] = plain(min(limits))
        if inverse:
            own["inverse"] = True
        found[symbol] = own
    return found


def _time(row: dict[str, Any], *names: str) -> int:
    return reading.nanoseconds({name: row[name] for name in names if row.get(name)}, *names)
