"""REST: balances, positions, settings and the transaction log of the account."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from dita.practice.bybit import refusals
from dita.practice.bybit.encoder import BybitEncoder
from dita.practice.bybit.refusals import wrong
from dita.practice.bybit.replies import exec_id, link_id, order_id, position_row, title, wallet_row
from dita.practice.bybit.request import BybitRequest
from dita.practice.encoder import Refused
from dita.practice.exchange import Exchange
from dita.practice.records import ZERO, Income, Trade
from dita.precision import plain

_LEVERAGE_MAX: Final = 100
_DAY_MS: Final = 86_400_000
_WINDOW_MS: Final = 7 * _DAY_MS
_TYPES: Final = {
    "FUNDING_FEE": "SETTLEMENT", "COMMISSION_REBATE": "FEE_REFUND", "INSURANCE_CLEAR": "BONUS",
}  # fmt: skip
#: Highest notional, maintenance margin rate, initial margin rate, highest leverage.
RISK_LIMITS: Final = (
    ("2000000", "0.005", "0.01", "100.00"),
    ("2600000", "0.0056", "0.0111", "90.00"),
    ("3200000", "0.0063", "0.0125", "80.00"),
)


class Wallet:
    """The endpoints that show money and positions, and change the account's settings."""

    def __init__(self, exchange: Exchange, encoder: BybitEncoder) -> None:
        """Serve an exchange's account."""
        self.account = exchange.account
        self.faults = exchange.faults
        self.terms = exchange.terms
        self.margin_mode = "REGULAR_MARGIN"
        self.unified_status = 6
        self._encoder = encoder

    def balance(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/account/wallet-balance."""
        if asked.text("accountType") != "UNIFIED":
            raise Refused(refusals.PARAMETER, "accountType only support UNIFIED.", status=200)
        held = self.account.held(self.faults.rest_lag_ms)
        wanted = [coin for coin in asked.maybe("coin").split(",") if coin]
        wallets = {coin: held.wallets.get(coin, ZERO) for coin in wanted} if wanted else held.wallets
        unrealized = sum((one.unrealized for one in held.positions), ZERO)
        return {
            "list": [
                wallet_row(wallets, unrealized, self.account.available(), self._quote, self._encoder.prices())
            ]
        }

    def info(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/account/info."""
        del asked
        return {
            "marginMode": self.margin_mode, "updatedTime": str(self.account.now_ms()),
            "unifiedMarginStatus": self.unified_status, "dcpStatus": "OFF", "timeWindow": 10, "smpGroup": 0,
            "isMasterTrader": False, "spotHedgingStatus": "OFF",
        }  # fmt: skip

    def fee_rate(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/account/fee-rate."""
        asked.check_linear()
        return {
            "list": [
                {"symbol": symbol, "takerFeeRate": "0.0005", "makerFeeRate": "0.0002"}
                for symbol in self.account.markets
                if asked.maybe("symbol") in {"", symbol}
            ]
        }

    def key_rights(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/user/query-api."""
        del asked
        rights = ["AccountTransfer", "SubMemberTransfer"] + ["Withdraw"] * self.terms.can_withdraw
        return {
            "id": "13770661", "note": "practise", "apiKey": self.terms.api_key, "readOnly": 0, "secret": "",
            "permissions": {
                "ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": rights,
                "Options": ["OptionsTrade"], "Derivatives": ["DerivativesTrade"], "CopyTrading": [],
                "BlockTrade": [], "Exchange": [], "NFT": [], "Affiliate": [],
            },
            "ips": ["*"], "type": 1, "deadlineDay": 66, "expiredAt": "2027-12-22T07:20:25Z",
            "createdAt": "2025-10-16T02:24:40Z", "unified": 0, "uta": 1, "userID": 24617703, "inviterID": 0,
            "vipLevel": "No VIP", "mktMakerLevel": "0", "affiliateID": 0, "rsaPublicKey": "",
            "isMaster": True, "parentUid": "0",
        }  # fmt: skip

    def positions(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/position/list: by symbol, flat ones too; by settlement coin, only those that are held."""
        asked.check_linear()
        symbol = asked.maybe("symbol")
        if not symbol and not asked.maybe("settleCoin"):
            raise Refused(refusals.PARAMETER, "Missing some parameters that must be filled in", status=200)
        held = self.account.held(self.faults.rest_lag_ms)
        rows = [
            position_row(
                one, self.account.markets[one.symbol], self.account.leverages[one.symbol], held.at_ms
            )
            for one in held.positions
            if (one.symbol == symbol if symbol else bool(one.size))
        ]
        return {"category": "linear", "nextPageCursor": "", "list": rows}

    def set_leverage(self, asked: BybitRequest) -> dict[str, Any]:
        """POST /v5/position/set-leverage."""
        asked.check_linear()
        symbol, leverage = asked.text("symbol"), asked.number("buyLeverage")
        if symbol not in self.account.markets:
            raise refusals.of_order("UNKNOWN_SYMBOL")
        if asked.number("sellLeverage") != leverage:
            raise wrong("sellLeverage")
        if not 1 <= leverage <= _LEVERAGE_MAX or leverage != leverage.to_integral_value():
            raise refusals.of_order("LEVERAGE_NOT_VALID")
        if leverage == self.account.leverages[symbol]:
            raise Refused(110043, "leverage not modified", status=200)
        self.account.set_leverage(symbol, int(leverage))
        return {}

    def switch_mode(self, asked: BybitRequest) -> dict[str, Any]:
        """POST /v5/position/switch-mode: it is chosen when the exchange starts."""
        asked.check_linear()
        if (asked.whole("mode", 0) == 3) == self.account.hedge:
            raise Refused(110025, "Position mode is not modified", status=200)
        raise Refused(
            110024, "You have an existing position, so the position mode cannot be switched.", status=200
        )

    def set_margin_mode(self, asked: BybitRequest) -> dict[str, Any]:
        """POST /v5/account/set-margin-mode: of the whole account."""
        mode = asked.text("setMarginMode")
        if mode not in {"REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN"}:
            raise wrong("setMarginMode")
        if mode == self.margin_mode:
            return {"reasons": []}
        if (
            mode == "PORTFOLIO_MARGIN"
            or self.account.open_orders()
            or any(p.size for p in self.account.held().positions)
        ):
            raise refusals.of_order("MARGIN_MODE_POSITION")
        for symbol in self.account.markets:
            self.account.set_isolated(symbol, isolated=mode == "ISOLATED_MARGIN")
        self.margin_mode = mode
        return {"reasons": []}

    def transactions(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/account/transaction-log: the last day where no time is named, the newest first."""
        now_ms = self.account.now_ms()
        start, end = asked.whole("startTime", -1), asked.whole("endTime", -1)
        if start >= 0 and end >= 0 and end - start > _WINDOW_MS:
            raise Refused(
                refusals.PARAMETER, "The time range between startTime and endTime is over 7 days", status=200
            )
        if start < 0:
            start = (end if end >= 0 else now_ms) - _DAY_MS
        if end < 0:
            end = start + (_DAY_MS if asked.maybe("startTime") == "" else _WINDOW_MS)
        kind, coin = asked.maybe("type"), asked.maybe("currency")
        until = min(end, now_ms - self.faults.rest_lag_ms)
        rows = [
            row
            for row in self._log()
            if start <= int(row["transactionTime"]) <= until
            and kind in {"", row["type"]}
            and coin in {"", row["currency"]}
        ][::-1]
        limit, begin = min(asked.whole("limit", 20), 50), asked.whole("cursor", 0)
        more = begin + limit < len(rows)
        return {"nextPageCursor": str(begin + limit) if more else "", "list": rows[begin : begin + limit]}

    # -------------------------------------------------------------------------------------------- inside

    @property
    def _quote(self) -> str:
        return next(iter(self.account.markets.values())).listing.quote

    def _log(self) -> Iterator[dict[str, Any]]:
        """Every change of the wallet, the oldest first, with what it held then."""
        balances = dict(self.terms.balances)
        trades = {(trade.order.symbol, trade.number): trade for trade in self.account.histories.trades}
        counted: set[tuple[str, int]] = set()
        for entry in self.account.histories.income:
            if entry.trade_number is None:
                yield self._of_entry(entry, balances)
                continue
            key = (entry.symbol, entry.trade_number)
            if key not in counted:
                counted.add(key)
                yield from self._of_trade(trades[key], balances)

    def _of_trade(self, trade: Trade, balances: dict[str, Decimal]) -> Iterator[dict[str, Any]]:
        cash, fees = {self._quote: trade.realized}, {trade.fee_asset: trade.fee}
        for coin in dict.fromkeys([*cash, *fees]):
            flow, fee = cash.get(coin, ZERO), fees.get(coin, ZERO)
            order = trade.order
            yield _row(
                balances, coin, flow, ZERO, fee, trade.time_ms, "TRADE", order.symbol,
                f"{order.symbol}_{trade.number}",
            ) | {
                "side": title(order.side), "qty": plain(trade.size), "tradePrice": plain(trade.price),
                "tradeId": exec_id(trade), "orderId": order_id(order), "orderLinkId": link_id(order),
            }  # fmt: skip

    def _of_entry(self, entry: Income, balances: dict[str, Decimal]) -> dict[str, Any]:
        kind = _TYPES.get(entry.kind, "TRANSFER_IN" if entry.amount > 0 else "TRANSFER_OUT")
        funding = entry.amount if kind == "SETTLEMENT" else ZERO
        flow = ZERO if kind == "SETTLEMENT" else entry.amount
        return _row(
            balances, entry.asset, flow, funding, ZERO, entry.time_ms, kind, entry.symbol, str(entry.number)
        )


def _row(
    balances: dict[str, Decimal],
    coin: str,
    flow: Decimal,
    funding: Decimal,
    fee: Decimal,
    time_ms: int,
    kind: str,
    symbol: str,
    number: str,
) -> dict[str, Any]:
    change = flow + funding - fee
    balances[coin] = balances.get(coin, ZERO) + change
    return {
        "id": f"24617703_{number}", "symbol": symbol, "category": "linear" if symbol else "", "side": "",
        "transactionTime": str(time_ms), "type": kind, "transSubType": "", "qty": "0", "size": "0",
        "currency": coin, "tradePrice": "", "funding": plain(funding) if kind == "SETTLEMENT" else "",
        "fee": plain(fee), "cashFlow": plain(flow), "change": plain(change),
        "cashBalance": plain(balances[coin]), "feeRate": "", "bonusChange": "", "tradeId": "", "orderId": "",
        "orderLinkId": "", "extraFees": "",
    }  # fmt: skip
