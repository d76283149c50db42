"""REST: balances, positions, settings and income of the account."""

from decimal import Decimal
from typing import Any, Final

from dita.practice.account import Account
from dita.practice.binance import refusals
from dita.practice.binance.replies import income_reply
from dita.practice.binance.request import BinanceRequest
from dita.practice.encoder import Refused
from dita.practice.faults import Faults
from dita.practice.records import ZERO, HeldPosition
from dita.precision import plain

_LEVERAGE_MAX: Final = 125
_BRACKETS: Final = (
    # bracket, highest leverage, notional floor and cap, maintenance margin rate, what is subtracted
    (1, 125, 0, 300_000, "0.004", "0"),
    (2, 100, 300_000, 800_000, "0.005", "300"),
    (3, 50, 800_000, 100_000_000, "0.01", "4300"),
)


def money(value: Decimal) -> str:
    """Write an amount as REST does: eight places."""
    return format(value.quantize(Decimal("1e-8")), "f")


class Wallet:
    """The endpoints that show money and positions, and change the account's settings."""

    def __init__(self, account: Account, faults: Faults, *, can_withdraw: bool = False) -> None:
        """Serve an account.

        Args:
            account: Which.
            faults: What goes wrong.
            can_withdraw: Whether the key is said to have the right to withdraw.
        """
        self.account = account
        self.faults = faults
        self.can_withdraw = can_withdraw
        self.multi_assets = False
        self.portfolio_margin = False
        self.fee_burn = False
        self.dead_man: dict[str, int] = {}

    def balance(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v2/balance and /fapi/v3/balance."""
        del asked
        held = self.account.held(self.faults.rest_lag_ms)
        available = self.account.available()
        return [
            {
                "accountAlias": "SgsR",
                "asset": asset,
                "balance": money(wallet),
                "crossWalletBalance": money(wallet),
                "crossUnPnl": money(
                    sum((p.unrealized for p in held.positions if p.margin_asset == asset), ZERO)
                ),
                "availableBalance": money(available if asset == self._quote else wallet),
                "maxWithdrawAmount": money(available if asset == self._quote else wallet),
                "marginAvailable": True,
                "updateTime": held.at_ms,
            }
            for asset, wallet in held.wallets.items()
        ]

    def account_info(self, asked: BinanceRequest) -> dict[str, Any]:
        """GET /fapi/v2/account and /fapi/v3/account."""
        held = self.account.held(self.faults.rest_lag_ms)
        shown = (
            held.positions
            if asked.path.startswith("/fapi/v2")
            else tuple(p for p in held.positions if p.size)
        )
        quote = self._quote
        wallet = held.wallets.get(quote, ZERO)
        unrealized = sum((p.unrealized for p in held.positions), ZERO)
        initial = sum((self.account.initial_margin(p) for p in held.positions), ZERO)
        maintenance = sum((self._maintenance(p) for p in held.positions), ZERO)
        available = self.account.available()
        totals = {
            "totalInitialMargin": money(initial),
            "totalMaintMargin": money(maintenance),
            "totalWalletBalance": money(wallet),
            "totalUnrealizedProfit": money(unrealized),
            "totalMarginBalance": money(wallet + unrealized),
            "totalPositionInitialMargin": money(initial),
            "totalOpenOrderInitialMargin": money(ZERO),
            "totalCrossWalletBalance": money(wallet),
            "totalCrossUnPnl": money(unrealized),
            "availableBalance": money(available),
            "maxWithdrawAmount": money(available),
        }
        assets = [
            {
                "asset": asset,
                "walletBalance": money(amount),
                "unrealizedProfit": money(unrealized if asset == quote else ZERO),
                "marginBalance": money(amount + (unrealized if asset == quote else ZERO)),
                "maintMargin": money(maintenance if asset == quote else ZERO),
                "initialMargin": money(initial if asset == quote else ZERO),
                "positionInitialMargin": money(initial if asset == quote else ZERO),
                "openOrderInitialMargin": money(ZERO),
                "crossWalletBalance": money(amount),
                "crossUnPnl": money(unrealized if asset == quote else ZERO),
                "availableBalance": money(available if asset == quote else amount),
                "maxWithdrawAmount": money(available if asset == quote else amount),
                "marginAvailable": True,
                "updateTime": held.at_ms,
            }
            for asset, amount in held.wallets.items()
        ]
        positions = [self._account_position(p, held.at_ms) for p in shown]
        if asked.path.startswith("/fapi/v3"):
            return {**totals, "assets": assets, "positions": positions}
        head = {
            "feeTier": 0,
            "feeBurn": self.fee_burn,
            "canTrade": True,
            "canDeposit": True,
            "canWithdraw": True,
            "updateTime": 0,
            "multiAssetsMargin": self.multi_assets,
            "tradeGroupId": -1,
        }
        return {**head, **totals, "assets": assets, "positions": positions}

    def account_config(self, asked: BinanceRequest) -> dict[str, Any]:
        """GET /fapi/v1/accountConfig."""
        del asked
        return {
            "feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True,
            "dualSidePosition": self.account.hedge, "updateTime": 0,
            "multiAssetsMargin": self.multi_assets, "tradeGroupId": -1,
        }  # fmt: skip

    def key_rights(self, asked: BinanceRequest) -> dict[str, Any]:
        """GET /sapi/v1/account/apiRestrictions."""
        del asked
        return {
            "ipRestrict": True, "createTime": self.account.now_ms() - 86_400_000, "enableReading": True,
            "enableWithdrawals": self.can_withdraw, "enableInternalTransfer": False, "enableMargin": False,
            "enableFutures": True, "permitsUniversalTransfer": False, "enableVanillaOptions": False,
            "enableFixApiTrade": False, "enableFixReadOnly": False, "enableSpotAndMarginTrading": False,
            "enablePortfolioMarginTrading": self.portfolio_margin,
        }  # fmt: skip

    def position_risk(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v2/positionRisk (all symbols) and /fapi/v3/positionRisk (those with a position)."""
        held = self.account.held(self.faults.rest_lag_ms)
        symbol = asked.values.get("symbol")
        whole = asked.path.startswith("/fapi/v2")
        return [
            self._risk(p, held.at_ms)
            for p in held.positions
            if (symbol is None or p.symbol == symbol) and (whole or p.size)
        ]

    def income(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v1/income."""
        until = self.account.now_ms() - self.faults.rest_lag_ms
        start, end = asked.maybe("startTime"), asked.maybe("endTime")
        kind, symbol = asked.values.get("incomeType"), asked.values.get("symbol")
        rows = [
            row
            for row in self.account.histories.income
            if row.time_ms <= until
            and (start is None or row.time_ms >= start)
            and (end is None or row.time_ms <= end)
            and kind in {None, "", row.kind}
            and symbol in {None, "", row.symbol}
        ]
        limit, page = min(asked.whole("limit", 100), 1_000), max(1, asked.whole("page", 1))
        if start is None and page == 1:
            return [income_reply(row) for row in rows[-limit:]]
        return [income_reply(row) for row in rows[(page - 1) * limit : page * limit]]

    def leverage(self, asked: BinanceRequest) -> dict[str, Any]:
        """POST /fapi/v1/leverage."""
        symbol, leverage = self._symbol(asked), asked.whole("leverage")
        if not 1 <= leverage <= _LEVERAGE_MAX:
            raise Refused(-4028, f"Leverage {leverage} is not valid")
        self.account.set_leverage(symbol, leverage)
        return {"leverage": leverage, "maxNotionalValue": "100000000", "symbol": symbol}

    def margin_type(self, asked: BinanceRequest) -> dict[str, Any]:
        """POST /fapi/v1/marginType."""
        symbol, mode = self._symbol(asked), asked.text("marginType")
        if mode not in {"ISOLATED", "CROSSED"}:
            raise refusals.missing("marginType")
        self.account.set_isolated(symbol, isolated=mode == "ISOLATED")
        return {"code": 200, "msg": "success"}

    def position_margin(self, asked: BinanceRequest) -> dict[str, Any]:
        """POST /fapi/v1/positionMargin: refused, an isolated position has its initial margin and no more."""
        symbol = self._symbol(asked)
        if asked.number("amount") <= 0:
            raise Refused(-4055, "Amount must be positive.")
        if asked.whole("type") not in {1, 2}:
            raise refusals.missing("type")
        held = [one for one in self.account.held().positions if one.symbol == symbol and one.size]
        if not held or not any(one.isolated for one in held):
            raise Refused(-4049, "Add margin only support for isolated position.")
        raise Refused(-4051, "Isolated balance insufficient.")

    def trading_status(self, asked: BinanceRequest) -> dict[str, Any]:
        """GET /fapi/v1/apiTradingStatus: no indicator is tracked, and nothing is locked."""
        del asked
        return {"indicators": {}, "updateTime": self.account.now_ms()}

    def position_mode(self, asked: BinanceRequest) -> dict[str, Any]:
        """GET and POST /fapi/v1/positionSide/dual: it is chosen when the exchange starts."""
        if asked.method == "GET":
            return {"dualSidePosition": self.account.hedge}
        if asked.flag("dualSidePosition") == self.account.hedge:
            raise Refused(-4059, "No need to change position side.")
        raise Refused(-4068, "Position side cannot be changed if there exists position.")

    def multi_assets_mode(self, asked: BinanceRequest) -> dict[str, Any]:
        """GET and POST /fapi/v1/multiAssetsMargin: always single-asset."""
        if asked.method == "GET":
            return {"multiAssetsMargin": self.multi_assets}
        if asked.flag("multiAssetsMargin") == self.multi_assets:
            raise Refused(-4171, "No need to change multi-asset mode.")
        self.multi_assets = asked.flag("multiAssetsMargin")
        return {"code": 200, "msg": "success"}

    def burn(self, asked: BinanceRequest) -> dict[str, Any]:
        """GET and POST /fapi/v1/feeBurn."""
        if asked.method == "GET":
            return {"feeBurn": self.fee_burn}
        self.fee_burn = asked.flag("feeBurn")
        return {"code": 200, "msg": "success"}

    def commission(self, asked: BinanceRequest) -> dict[str, Any]:
        """GET /fapi/v1/commissionRate."""
        return {
            "symbol": self._symbol(asked),
            "makerCommissionRate": "0.000200",
            "takerCommissionRate": "0.000500",
            "rpiCommissionRate": "0.000050",
        }

    def brackets(self, asked: BinanceRequest) -> Any:  # noqa: ANN401 - a list, of one symbol too
        """GET /fapi/v1/leverageBracket."""
        symbols = [asked.values["symbol"]] if asked.values.get("symbol") else list(self.account.markets)
        return [
            {
                "symbol": symbol,
                "notionalCoef": 1.0,
                "brackets": [
                    {
                        "bracket": number, "initialLeverage": leverage, "notionalFloor": floor,
                        "notionalCap": cap, "maintMarginRatio": float(rate), "cum": float(cum),
                    }
                    for number, leverage, floor, cap, rate, cum in _BRACKETS
                ],
            }
            for symbol in symbols
        ]  # fmt: skip

    def symbol_config(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v1/symbolConfig."""
        wanted = asked.values.get("symbol")
        return [
            {
                "symbol": symbol,
                "marginType": "ISOLATED" if symbol in self.account.isolated else "CROSSED",
                "isAutoAddMargin": False,
                "leverage": leverage,
                "maxNotionalValue": "100000000",
            }
            for symbol, leverage in self.account.leverages.items()
            if wanted in {None, "", symbol}
        ]

    def adl_quantile(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v1/adlQuantile."""
        del asked
        return [
            {"symbol": p.symbol, "adlQuantile": {p.position_side: 1}}
            for p in self.account.held().positions
            if p.size
        ]

    def countdown(self, asked: BinanceRequest) -> dict[str, Any]:
        """POST /fapi/v1/countdownCancelAll: the dead man's switch; 0 takes it off."""
        symbol, wait_ms = self._symbol(asked), asked.whole("countdownTime")
        if wait_ms:
            self.dead_man[symbol] = self.account.now_ms() + wait_ms
        else:
            self.dead_man.pop(symbol, None)
        return {"symbol": symbol, "countdownTime": str(wait_ms)}

    def dead_man_strikes(self) -> None:
        """Cancel what a switch that has run out stands for."""
        now_ms = self.account.now_ms()
        for symbol in [symbol for symbol, at_ms in self.dead_man.items() if at_ms <= now_ms]:
            del self.dead_man[symbol]
            for order in [o for o in self.account.open_orders() if o.symbol == symbol]:
                self.account.cancel(order)

    # -------------------------------------------------------------------------------------------- inside

    @property
    def _quote(self) -> str:
        return next(iter(self.account.markets.values())).listing.quote

    def _symbol(self, asked: BinanceRequest) -> str:
        symbol = asked.text("symbol")
        if symbol not in self.account.markets:
            raise refusals.unknown_symbol()
        return symbol

    def _maintenance(self, held: HeldPosition) -> Decimal:
        value = abs(held.size) * self.account.markets[held.symbol].mark
        for _, _, floor, cap, rate, cum in _BRACKETS:
            if floor <= value < cap:
                return value * Decimal(rate) - Decimal(cum)
        return value

    def _account_position(self, held: HeldPosition, at_ms: int) -> dict[str, Any]:
        mark = self.account.markets[held.symbol].mark
        initial = money(self.account.initial_margin(held))
        return {
            "symbol": held.symbol, "positionSide": held.position_side, "positionAmt": plain(held.size),
            "unrealizedProfit": money(held.unrealized), "isolatedMargin": money(held.isolated_wallet),
            "notional": plain(held.size * mark), "isolatedWallet": money(held.isolated_wallet),
            "initialMargin": initial, "maintMargin": money(self._maintenance(held)), "updateTime": at_ms,
            "leverage": str(self.account.leverages[held.symbol]), "isolated": held.isolated,
            "entryPrice": plain(held.entry_price), "breakEvenPrice": plain(held.entry_price),
            "maxNotional": "100000000", "bidNotional": "0", "askNotional": "0",
            "positionInitialMargin": initial, "openOrderInitialMargin": "0",
        }  # fmt: skip

    def _risk(self, held: HeldPosition, at_ms: int) -> dict[str, Any]:
        market = self.account.markets[held.symbol]
        initial = money(self.account.initial_margin(held))
        return {
            "symbol": held.symbol, "positionSide": held.position_side, "positionAmt": plain(held.size),
            "entryPrice": plain(held.entry_price), "breakEvenPrice": plain(held.entry_price),
            "markPrice": plain(market.mark), "unRealizedProfit": money(held.unrealized),
            "liquidationPrice": "0", "leverage": str(self.account.leverages[held.symbol]),
            "maxNotionalValue": "100000000", "marginType": "isolated" if held.isolated else "cross",
            "isolatedMargin": money(held.isolated_wallet), "isAutoAddMargin": "false",
            "notional": plain(held.size * market.mark), "isolatedWallet": money(held.isolated_wallet),
            "marginAsset": held.margin_asset, "initialMargin": initial,
            "maintMargin": money(self._maintenance(held)), "positionInitialMargin": initial,
            "openOrderInitialMargin": "0", "adl": 1, "bidNotional": "0", "askNotional": "0",
            "updateTime": at_ms,
        }  # fmt: skip
