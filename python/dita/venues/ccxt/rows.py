"""An exchange's rows by ccxt, as the kernel's events: numbers by their text, sizes in the exchange's units.

Where ccxt's unified answers leave out rows or mix figures, the exchange's own endpoints are asked: fills that
are liquidations, and the wallet's balance without unrealised profit.
"""

import hashlib
import importlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from dita._kernel import VenueEvent, VenueOrder
from dita.errors import InvalidInput, NotSent, refuse, shown
from dita.venues.binance.reports import FORCED, ReportReader
from dita.venues.bybit import reports as bybit
from dita.venues.orders import exactly
from dita.venues.wire.failures import Failure, Fate

_ZERO: Final = Decimal(0)
_MS: Final = 1_000_000
_PAGE: Final = 500
_PAGES_MAX: Final = 20
_WEEK_MS: Final = 7 * 86_400_000
_KINDS: Final = {
    "MARKET": "market", "LIMIT": "limit", "STOP_MARKET": "market", "STOP_LIMIT": "limit",
    "TAKE_PROFIT": "market",
}  # fmt: skip
_STATUSES: Final = {
    "open": "ACKED", "closed": "FILLED", "canceled": "CANCELED", "cancelled": "CANCELED",
    "canceling": "ACKED", "rejected": "REJECTED", "expired": "EXPIRED",
}  # fmt: skip
#: How each asks for one order by our id of it.
_BY_CLIENT_ID: Final = {
    "binance": "origClientOrderId", "okx": "clientOrderId", "bingx": "clientOrderId", "bybit": "orderLinkId",
}  # fmt: skip
#: Where spot and perpetuals are margined by one wallet.
_ONE_WALLET: Final = frozenset({"bybit", "okx"})
_SPOT: Final = frozenset({"spot", "margin"})
Call = Callable[..., Awaitable[Any]]


class Rows:
    """Reads and writes for one exchange. Without I/O of its own: it is given what calls.

    Attributes:
        reported: How much of each order was reported as fills, by client order id.
    """

    def __init__(self, exchange: Any, venue: str) -> None:  # noqa: ANN401 - ccxt's object
        """Know no market yet.

        Args:
            exchange: ccxt's object.
            venue: Its family.
        """
        self._exchange = exchange
        self._venue = venue
        self._unified: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._reports = ReportReader()
        #: `spot`, `linear` or `inverse`: the market whose wallet and income are meant.
        self._wallet = ""
        self._bybit = bybit.ReportReader()
        self.reported: dict[str, Decimal] = {}

    # ------------------------------------------------------------------------------------------- instruments

    def learn(self, names: Iterable[str]) -> None:
        """Find each instrument among the exchange's, once those are loaded.

        Raises:
            InvalidInput: One is not listed.
        """
        for name in names:
            market = self._market(name)
            self._unified[name] = market["symbol"]
            self._names[market["symbol"]] = name

    def unified(self, name: str) -> str:
        """Return ccxt's name of an instrument.

        Raises:
            InvalidInput: It is not listed.
        """
        if name not in self._unified:
            self.learn([name])
        return self._unified[name]

    def _market(self, name: str) -> Any:  # noqa: ANN401 - ccxt's
        markets = self._exchange.markets or {}
        if name in markets:
            return markets[name]
        found = (self._exchange.markets_by_id or {}).get(name) or []
        wanted = self._exchange.options.get("defaultType", "swap")
        kinds = {"swap": ("swap",), "future": ("swap",), "linear": ("swap",)}.get(wanted, (wanted,))
        fits = [one for one in found if one.get("type") in kinds] or list(found)
        if not fits:
            # BTC/USDT of an exchange that trades perpetuals alone.
            fits = [one for symbol, one in markets.items() if symbol.partition(":")[0] == name]
        # An exchange that lists in pages may list one twice.
        fits = list({one["symbol"]: one for one in fits}.values())
        if len(fits) != 1:
            what = "is not listed" if not fits else f"means {', '.join(one['symbol'] for one in fits)}"
            raise refuse("symbol", name, f"{what} at {self._exchange.id}")
        return fits[0]

    def settle_market(self, names: Iterable[str]) -> None:
        """Have ccxt mean the instruments' own market where it asks for a wallet: spot, or perpetuals.

        Args:
            names: The instruments of the account.

        Raises:
            InvalidInput: They are of markets with wallets of their own.
        """
        markets = {_market_of(self._exchange.markets[self.unified(name)]): name for name in names}
        if len(markets) > 1 and self._venue not in _ONE_WALLET:
            reported = ", ".join(f"{name} is {market}" for market, name in markets.items())
            raise refuse("symbols", reported, "have wallets of their own: open an adapter for each market")
        if len(markets) == 1:
            (self._wallet,) = markets
            options, at_spot = self._exchange.options, self._wallet == "spot"
            if (options.get("defaultType", "spot") in _SPOT) != at_spot:
                options["defaultType"] = "spot" if at_spot else "swap"
            if self._wallet == "inverse":
                options["defaultSubType"] = "inverse"

    def has_funding(self, names: Iterable[str]) -> bool:
        """Return whether one of the instruments is a perpetual.

        Args:
            names: Which.
        """
        return any(self._exchange.markets[self.unified(name)].get("swap") for name in names)

    def rules(self, name: str) -> dict[str, Any]:
        """Return an instrument's rules as `set_exchange_config` takes them.

        Raises:
            InvalidInput: It is not listed, does not trade, or has no steps.
        """
        market = self._market(name)
        self.learn([name])
        if market.get("active") is False:
            raise refuse("symbol", name, f"does not trade at {self._exchange.id}")
        if not (market.get("swap") or market.get("spot")):
            raise refuse("symbol", name, "is neither a perpetual nor spot")
        limits = market.get("limits") or {}
        amount, cost = limits.get("amount") or {}, limits.get("cost") or {}
        # One limit holds for all orders here, so the narrower of the two counts.
        sizes = [one.get("max") for one in (amount, limits.get("market") or {})]
        largest = min((exactly("max", size) for size in sizes if size is not None), default=None)
        rules: dict[str, Any] = {
            "base": market["base"], "quote": market["quote"],
            "settle": market.get("settle") or market["quote"],
            "product": "SPOT" if market.get("spot") else "PERP",
            "tick_size": self._step(market, "price"), "lot_step": self._step(market, "amount"),
        }  # fmt: skip
        for key, value in (
            ("min_qty", amount.get("min")), ("max_qty", largest or None), ("min_notional", cost.get("min")),
            ("maker_rate", market.get("maker")), ("taker_rate", market.get("taker")),
        ):  # fmt: skip
            if value is not None and (number := exactly(key, value)) >= 0:
                rules[key] = format(number, "f")
        if market.get("contract"):
            # Contracts are not coins: what one is worth is a rule of the instrument.
            rules["contract_multiplier"] = format(
                exactly("contractSize", market.get("contractSize") or 1), "f"
            )
            if market.get("inverse"):
                rules["inverse"] = True
        return rules

    def _step(self, market: Mapping[str, Any], name: str) -> str:
        value = (market.get("precision") or {}).get(name)
        if value is None:
            raise refuse(f"{market['symbol']}.precision.{name}", None, "is missing: ccxt has no step for it")
        step = exactly(name, value)
        # Some exchanges count digits, most name the step.
        if self._exchange.precisionMode != _tick_mode():
            step = Decimal(1).scaleb(-int(step))
        return format(step.normalize(), "f")

    # ---------------------------------------------------------------------------------------------- requests

    def order(self, order: VenueOrder, *, takes_stops: bool) -> tuple[Any, ...]:
        """Return what `create_order` is called with.

        Args:
            order: As the kernel has it.
            takes_stops: Whether a triggered stop's own order can be followed there.

        Raises:
            NotSent: The exchange has no such order.
        """
        kind, life = str(order.order_type), str(order.time_in_force)
        params: dict[str, Any] = {"clientOrderId": order.venue_client_id}
        if order.trigger_price is not None:
            if not takes_stops:
                raise NotSent(f"order_type: {kind} is not taken through ccxt at {self._exchange.id}")
            name = "takeProfitPrice" if kind == "TAKE_PROFIT" else "stopLossPrice"
            params[name] = format(order.trigger_price, "f")
        if life in {"IOC", "FOK"} and order.limit_price is not None:
            params["timeInForce"] = life
        elif life == "GTD" and self._venue == "binance" and order.expire_time_ns is not None:
            # The venue takes whole seconds.
            params |= {"timeInForce": life, "goodTillDate": order.expire_time_ns // 1_000_000_000 * 1_000}
        elif life not in {"GTC", "IOC"}:
            raise NotSent(f"time_in_force: {life} of a {kind} is not taken through ccxt")
        if order.post_only:
            params["postOnly"] = True
        if order.reduce_only and str(order.position_side) == "BOTH":
            params["reduceOnly"] = True
        price = None if order.limit_price is None else format(order.limit_price, "f")
        symbol = self._unified.get(order.asset, order.asset)
        side = str(order.order_side).lower()
        return symbol, _KINDS[kind], side, format(order.intended_size, "f"), price, params

    def params(self, order: VenueOrder | None, *, client_id: str) -> dict[str, Any]:
        """Return what a question about an order, or its cancel, is called with beside its id.

        Args:
            order: As the kernel had it; None where that is not known.
            client_id: Our id of it, where it is asked for by that.
        """
        params: dict[str, Any] = {}
        waits = order is not None and order.trigger_price is not None and not order.triggered
        if waits and self._venue == "binance":
            params["trigger"] = True
        if client_id:
            names = {**_BY_CLIENT_ID, "binance": "clientAlgoId" if params else "origClientOrderId"}
            params[names.get(self._venue, "clientOrderId")] = client_id
        return params

    # ------------------------------------------------------------------------------------------- questions

    async def find(
        self, call: Call, name: str, client_id: str, order_id: str, order: VenueOrder | None
    ) -> dict[str, Any] | None:
        """Return an order as the exchange has it now; None where it does not have it.

        Args:
            call: Asks.
            name: The instrument.
            client_id: Our id of it.
            order_id: The exchange's; empty where it is not known.
            order: As the kernel had it; None where that is not known.

        Raises:
            Failure: The exchange does not say.
        """
        exchange, symbol = self._exchange, self.unified(name)
        # Bybit's by ccxt knows the last 500 orders alone; its lists know all.
        is_asked = exchange.has.get("fetchOrder") is True and self._venue != "bybit"
        if is_asked and (order_id or self._venue in _BY_CLIENT_ID):
            params = self.params(order, client_id="" if order_id else client_id)
            try:
                row: dict[str, Any] = await call(exchange.fetch_order, order_id or None, symbol, params)
            except Failure as failure:
                if failure.fate not in {Fate.STATE, Fate.REFUSED} or not failure.status:
                    raise
            else:
                return row
            if self._venue == "binance":
                return None
        return await self._listed(call, symbol, client_id, order_id)

    async def _listed(self, call: Call, symbol: str, client_id: str, order_id: str) -> dict[str, Any] | None:
        """Look for an order in the exchange's lists; Bybit's are asked for that one."""
        exchange, named = self._exchange, dict[str, Any]()
        if self._venue == "bybit":
            named = {"orderId": order_id} if order_id else {"orderLinkId": client_id}
        lists = ("fetch_open_orders", "fetch_closed_orders", "fetch_orders", "fetch_canceled_orders")
        for method in lists:
            name = "".join(part.title() if at else part for at, part in enumerate(method.split("_")))
            if exchange.has.get(name) is not True:
                continue
            for one in await call(getattr(exchange, method), symbol, None, None, dict(named)):
                if (client_id and one.get("clientOrderId") == client_id) or (
                    order_id and str(one.get("id")) == order_id
                ):
                    found: dict[str, Any] = one
                    return found
        return None

    async def trades(self, call: Call, name: str, since_ms: int) -> list[dict[str, Any]]:
        """Return an instrument's fills since a time: every page, and those that ccxt leaves out.

        Raises:
            Failure: The exchange does not say.
        """
        symbol, found, seen = self.unified(name), list[dict[str, Any]](), set[str]()
        # Asked before the fills, so that the fill that one of them takes from is never missing beside it.
        forced = await self._bybit_forced(call, symbol, since_ms) if self._venue == "bybit" else []
        for _ in range(_PAGES_MAX):
            page = await call(self._exchange.fetch_my_trades, symbol, since_ms, _PAGE)
            new = [row for row in page if str(row.get("id")) not in seen]
            seen |= {str(row.get("id")) for row in new}
            found += new
            if len(page) < _PAGE or not new:
                break
            since_ms = int(page[-1]["timestamp"])
        found += [one for one in forced if str(one["id"]) not in seen]
        return sorted(found, key=lambda row: (row.get("timestamp") or 0, str(row.get("id"))))

    async def _bybit_forced(self, call: Call, symbol: str, since_ms: int) -> list[dict[str, Any]]:
        """Return liquidations and auto-deleveraging: ccxt asks for execType Trade alone."""
        market, found = self._exchange.market(symbol), list[dict[str, Any]]()
        for kind in ("BustTrade", "AdlTrade"):
            answer = await call(
                self._exchange.private_get_v5_execution_list,
                {"category": "linear", "symbol": market["id"], "execType": kind, "startTime": since_ms},
            )
            rows = (answer.get("result") or {}).get("list") or []
            found += [self._exchange.parse_trade(row, market) for row in rows]
        return found

    async def wallets(self, call: Call) -> dict[str, Decimal]:
        """Return the balances without unrealised profit: by the exchange's own endpoint where that is known.

        Raises:
            Failure: The exchange does not say.
        """
        exchange = self._exchange
        if self._venue == "binance" and self._wallet != "spot":
            inverse = self._wallet == "inverse"
            rows = await call(
                exchange.dapiprivate_get_balance if inverse else exchange.fapiprivatev3_get_balance
            )
            return {row["asset"]: exactly("balance", row["balance"]) for row in rows}
        if self._venue == "bybit":
            answer = await call(exchange.private_get_v5_account_wallet_balance, {"accountType": "UNIFIED"})
            coins = answer["result"]["list"][0]["coin"] if answer["result"]["list"] else []
            return {row["coin"]: exactly("walletBalance", row["walletBalance"] or 0) for row in coins}
        if self._venue == "okx":
            answer = await call(exchange.private_get_account_balance)
            return {row["ccy"]: exactly("cashBal", row["cashBal"]) for row in answer["data"][0]["details"]}
        total = (await call(exchange.fetch_balance)).get("total") or {}
        return {asset: exactly(f"total.{asset}", held) for asset, held in total.items() if held is not None}

    async def positions(self, call: Call, names: Iterable[str]) -> list[dict[str, Any]]:
        """Return the positions: symbol, size (+ long, contracts), entry_price.

        Raises:
            Failure: The exchange does not say.
        """
        if self._exchange.has.get("fetchPositions") is not True:
            return []
        symbols = [self.unified(name) for name in names if self.has_funding([name])]
        found = []
        if not symbols:
            # What is held at spot is in the wallet.
            return []
        # Bybit's by ccxt takes one instrument, or is asked for all of them.
        for row in await call(self._exchange.fetch_positions, None if self._venue == "bybit" else symbols):
            size = exactly("contracts", row.get("contracts") or 0)
            if size and row["symbol"] in symbols:
                name = self._names.get(row["symbol"], row["symbol"])
                entry = row.get("entryPrice")
                found.append(
                    {
                        "symbol": name, "size": -size if row.get("side") == "short" else size,
                        "entry_price": None if entry is None else exactly("entryPrice", entry),
                        "position_side": "BOTH",
                    }
                )  # fmt: skip
        return found

    async def income(self, call: Call, names: Iterable[str], since_ms: int) -> list[dict[str, Any]]:
        """Return funding payments, and transfers where the exchange lists them.

        Raises:
            Failure: The exchange does not say.
        """
        if self._venue == "binance" and self._wallet != "spot":
            return await self._binance_income(call, names, since_ms)
        if self._venue == "bybit":
            return await self._bybit_income(call, names, since_ms)
        found: dict[str, dict[str, Any]] = {}
        for name in [one for one in names if self.has_funding([one])]:
            symbol = self.unified(name)
            for row in await call(self._exchange.fetch_funding_history, symbol, since_ms):
                # Some exchanges list every instrument's, whichever was asked for.
                if row.get("symbol") in {None, symbol}:
                    entry = _funding(name, symbol, row)
                    found[entry["venue_txn_id"]] = entry
        return list(found.values())

    async def _binance_income(self, call: Call, names: Iterable[str], since_ms: int) -> list[dict[str, Any]]:
        """Return the wallet's entries of the whole account, read as the native adapter reads them."""
        asked = {"startTime": since_ms, "limit": 1_000}
        inverse = self._wallet == "inverse"
        ask = self._exchange.dapiprivate_get_income if inverse else self._exchange.fapiprivate_get_income
        rows = [{**row, "time": int(row["time"])} for row in await call(ask, asked)]
        found = [entry for row in rows if (entry := self._reports.income(row)) is not None]
        return self._of_instruments(found, names)

    def _of_instruments(self, entries: list[dict[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
        """Name the instruments as the kernel does; what is of none that it trades is the account's alone."""
        by_id = {self._exchange.markets[self.unified(name)]["id"]: name for name in names}
        for entry in entries:
            symbol = entry.pop("symbol", None)
            if symbol in by_id:
                entry["symbol"] = by_id[symbol]
        return entries

    async def _bybit_income(self, call: Call, names: Iterable[str], since_ms: int) -> list[dict[str, Any]]:
        """Return the wallet's entries of the whole account, read as the native adapter reads them.

        ccxt has funding alone, as what was paid, and of what is held by now.
        """
        until_ms, found = self._exchange.milliseconds() + 1_000, list[dict[str, Any]]()
        while since_ms < until_ms:
            # Seven days a call at most.
            end_ms, cursor = min(until_ms, since_ms + _WEEK_MS), ""
            week: list[dict[str, Any]] = []
            for _ in range(_PAGES_MAX):
                asked = {"accountType": "UNIFIED", "startTime": since_ms, "endTime": end_ms, "limit": 50}
                answer = await call(
                    self._exchange.private_get_v5_account_transaction_log,
                    {**asked, "cursor": cursor} if cursor else asked,
                )
                result = answer.get("result") or {}
                week += [
                    one for row in result.get("list") or [] if (one := self._bybit.entry(row)) is not None
                ]
                cursor = str(result.get("nextPageCursor") or "")
                if not cursor:
                    break
            found += week[::-1]
            since_ms = end_ms
        return self._of_instruments(found, names)

    # ---------------------------------------------------------------------------------------- rows as events

    def fill(self, name: str, trade: Mapping[str, Any], client_id: str, forced: str = "") -> VenueEvent:
        """Read a fill.

        Args:
            name: The instrument.
            trade: ccxt's row.
            client_id: Our id of its order; empty where it is not known.
            forced: LIQUIDATION or ADL, where its order is the exchange's own.
        """
        fee = trade.get("fee") or {}
        cost = fee.get("cost")
        coin = str(fee.get("currency") or "")
        if self._venue == "bybit":
            # In which coin it was taken, ccxt does not read.
            coin = str((trade.get("info") or {}).get("feeCurrency") or coin)
        liquidity = {"maker": "MAKER", "taker": "TAKER"}.get(str(trade.get("takerOrMaker")))
        return VenueEvent(
            int(trade["timestamp"]) * _MS, kind=forced or self._kind_of(trade), venue_client_id=client_id,
            venue_order_id=str(trade.get("order") or ""), venue_trade_id=str(trade["id"]), asset=name,
            order_side=str(trade["side"]).upper(), price=exactly("price", trade["price"]),
            size=exactly("amount", trade["amount"]), liquidity=liquidity,
            fee=None if cost is None else exactly("fee", cost),
            fee_asset=coin if cost is not None else "",
        )  # fmt: skip

    def _kind_of(self, trade: Mapping[str, Any]) -> str:
        kinds = {"BustTrade": "LIQUIDATION", "AdlTrade": "ADL"}
        return kinds.get(str((trade.get("info") or {}).get("execType")), "PARTIAL_FILL")

    def forced(self, row: Mapping[str, Any]) -> str:
        """Return LIQUIDATION or ADL where an order is the exchange's own; empty where it is none of those."""
        info, client_id = row.get("info") or {}, str(row.get("clientOrderId") or "")
        word = str(info.get("category") or info.get("createType") or info.get("type") or "")
        kinds = {
            "full_liquidation": "LIQUIDATION", "partial_liquidation": "LIQUIDATION", "adl": "ADL",
            "CreateByLiq": "LIQUIDATION", "CreateByTakeOver_PassThrough": "LIQUIDATION",
            "CreateByAdl_PassThrough": "ADL", "LIQUIDATION": "LIQUIDATION",
        }  # fmt: skip
        known = next((kind for start, kind in FORCED.items() if client_id.startswith(start)), "")
        return known if self._venue == "binance" else kinds.get(word, "")

    def count(self, fill: VenueEvent) -> None:
        """Count a reported fill."""
        if fill.venue_client_id and fill.size is not None:
            self.reported[fill.venue_client_id] = self.reported.get(fill.venue_client_id, _ZERO) + fill.size

    def status(self, name: str, client_id: str, row: Mapping[str, Any]) -> VenueEvent:
        """Read how an order stands.

        Args:
            name: The instrument.
            client_id: Our id of it.
            row: ccxt's.

        Raises:
            InvalidInput: Its status is none that is known.
        """
        status = _STATUSES.get(str(row.get("status")))
        if status is None:
            raise InvalidInput(f"status: {row.get('status')!r} is no order status that is known")
        size = exactly("amount", row.get("amount"))
        filled = exactly("filled", row.get("filled") or 0)
        if status == "ACKED" and filled:
            status = "PARTIALLY_FILLED"
        if status == "FILLED" and filled < size:
            # What ccxt calls closed has ended; that it filled in whole only its size says.
            status = "CANCELED"
        alive = status in {"ACKED", "PARTIALLY_FILLED"}
        average, price, created = row.get("average"), row.get("price"), row.get("timestamp")
        return VenueEvent(
            int(row.get("lastUpdateTimestamp") or created or 0) * _MS, kind="ORDER_STATUS", status=status,
            venue_client_id=client_id, venue_order_id=str(row.get("id") or ""), asset=name,
            order_side=str(row["side"]).upper(), filled_size=filled,
            remaining_size=size - filled if alive else _ZERO, order_size=size,
            order_price=exactly("price", price) or None if price is not None else None,
            average_price=exactly("average", average) or None if average is not None else None,
        )  # fmt: skip

    def other_ids(self, row: Mapping[str, Any]) -> list[str]:
        """Return the ids under which a triggered stop trades."""
        other = str((row.get("info") or {}).get("actualOrderId") or "")
        return [other] if other and other != str(row.get("id")) else []

    def open_order(self, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """Read an open order as `get_open_orders` tells it."""
        price = row.get("price")
        return {
            "venue_client_id": str(row.get("clientOrderId") or "")[:36], "venue_order_id": str(row["id"]),
            "symbol": name, "order_side": str(row["side"]).upper(), "size": exactly("amount", row["amount"]),
            "filled_size": exactly("filled", row.get("filled") or 0),
            "limit_price": None if price is None else exactly("price", price),
        }  # fmt: skip


def _market_of(market: Mapping[str, Any]) -> str:
    """Return `spot`, `linear` or `inverse`."""
    return "spot" if market.get("spot") else "inverse" if market.get("inverse") else "linear"


def _funding(name: str, symbol: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Read ccxt's row of a funding payment.

    Raises:
        InvalidInput: It has no time.
    """
    at_ms, code = row.get("timestamp"), str(row.get("code") or "")
    if at_ms is None or not code:
        raise InvalidInput(f"funding of {symbol}: a row without its time or its coin: {shown(dict(row))}")
    # By itself the exchange's id is not unique everywhere: at Hyperliquid every row has the hash 0x0...0.
    digest = hashlib.sha256(f"{symbol} {row.get('id') or ''}".encode()).hexdigest()[:16]
    return {
        "kind": "FUNDING_FEE", "timestamp": int(at_ms) * _MS, "asset": code, "symbol": name,
        "amount": exactly("amount", row["amount"]), "venue_txn_id": f"FUNDING:{at_ms}:{code[:20]}:{digest}",
    }  # fmt: skip


def _tick_mode() -> int:
    mode: int = importlib.import_module("ccxt.base.decimal_to_precision").TICK_SIZE
    return mode
