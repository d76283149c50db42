"""`OrderManager`: one way to several venues, and to several accounts at each.

It keeps no books. Each account has a kernel of its own, with its own K and E, and the host owns them all:
what is asked here is asked of them.
"""

import itertools
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, Protocol

from dita._kernel import MarketLimits
from dita.errors import InvalidInput, refuse
from dita.venues.aliases import Listed, Names, one_list
from dita.venues.orders import LIMITS, OrderRequest, OrderResponse

MAIN: Final = "main"


class Accounts(Protocol):
    """What the router is a face of: `dita.host.Host`."""

    @property
    def accounts(self) -> Mapping[str, Any]:
        """Kernels by account name: `venue/account`, or a name alone."""

    def submit_order(self, account: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a plain order on an account."""

    def cancel_order(self, account: str, client_id: str) -> Mapping[str, Any]:
        """Cancel what of a plain order is at work."""

    def order_states(self, account: str) -> Iterable[Mapping[str, Any]]:
        """Return an account's orders as they stand."""


def split(name: str) -> tuple[str, str]:
    """Return the venue and the account that a name means: `binance/main` is both, `binance` is its `main`.

    Args:
        name: As the configuration has it.
    """
    venue, _, account = name.partition("/")
    return venue, account or MAIN


class OrderManager:
    """Routes orders and questions by venue and account. From any thread."""

    def __init__(self, host: Accounts) -> None:
        """Be a face of a host. `dita.host.open_router` opens one with adapters that are made already.

        Args:
            host: It owns the accounts; whoever opened it closes it.
        """
        self._host = host
        self._names: dict[str, tuple[tuple[str, ...], Names]] = {}
        self._count = itertools.count(1)

    # -------------------------------------------------------------------------------------------- who is who

    @property
    def venues(self) -> dict[str, list[str]]:
        """The accounts of each venue, by venue name."""
        found: dict[str, list[str]] = {}
        for name in self._host.accounts:
            venue, account = split(name)
            found.setdefault(venue, []).append(account)
        return found

    def name(self, venue: str = "", account: str = "") -> str:
        """Return the host's name of an account.

        Args:
            venue: The venue, or `venue/account`; empty means the only one.
            account: The account there; empty means the only one.

        Raises:
            InvalidInput: There is none, or more than one is meant.
        """
        if "/" in venue and not account:
            venue, account = split(venue)
        meant = [
            name
            for name in self._host.accounts
            if (not venue or split(name)[0] == venue) and (not account or split(name)[1] == account)
        ]
        given = "/".join(part for part in (venue, account) if part)
        if not meant:
            raise refuse("venue", given, f"is none of {', '.join(self._host.accounts)}")
        if len(meant) > 1:
            raise refuse("venue", given, f"means several: {', '.join(meant)}; name one of them")
        return meant[0]

    def kernel(self, venue: str = "", account: str = "") -> Any:  # noqa: ANN401 - a kernel, which is above this
        """Return an account's kernel.

        Raises:
            InvalidInput: There is none, or more than one is meant.
        """
        return self._host.accounts[self.name(venue, account)]

    def adapter(self, venue: str = "", account: str = "") -> Any:  # noqa: ANN401 - of any venue
        """Return an account's adapter.

        Raises:
            InvalidInput: There is none, or more than one is meant.
        """
        return self.kernel(venue, account).venue

    # ------------------------------------------------------------------------------------------ instruments

    def instruments(self) -> list[Listed]:
        """Return every instrument of every account, once, with all its names."""
        return one_list({name: self._names_of(name) for name in self._host.accounts})

    def resolve(self, symbol: str, venue: str = "", account: str = "") -> str:
        """Return what an account's venue calls an instrument.

        Args:
            symbol: Any of its names: `BTC/USDT`, `BTCUSDT`, `BTC-USDT-SWAP`.
            venue: The venue.
            account: The account.

        Raises:
            InvalidInput: It is no name of the account's instruments, or of several.
        """
        return self._names_of(self.name(venue, account)).find(symbol)

    def _names_of(self, name: str) -> Names:
        kernel = self._host.accounts[name]
        listed = tuple(kernel.instruments)
        known = self._names.get(name)
        if known is None or known[0] != listed:
            known = listed, Names({symbol: kernel.instrument(symbol) for symbol in listed})
            self._names[name] = known
        return known[1]

    def get_market_metadata(
        self, symbols: Iterable[str], venue: str = "", account: str = ""
    ) -> dict[str, MarketLimits]:
        """Return what the account's venue takes of instruments, by the names that were given.

        Raises:
            InvalidInput: One is no name of the account's instruments.
        """
        name = self.name(venue, account)
        kernel, names = self._host.accounts[name], self._names_of(name)
        found = {symbol: kernel.instrument(names.find(symbol)) for symbol in symbols}
        return {
            symbol: MarketLimits(said["symbol"], **{rule: said[rule] for rule in LIMITS})
            for symbol, said in found.items()
        }

    # ----------------------------------------------------------------------------------------------- orders

    def submit_order(self, request: OrderRequest) -> OrderResponse:
        """Send a plain order; against the side that is held it closes first.

        Args:
            request: It names venue and account, where there are several, and the instrument by any name.

        Returns:
            The order as it stands: REJECTED with the reason where the kernel refused it.

        Raises:
            InvalidInput: A value cannot be taken; nothing was sent.
        """
        return self.submit_order_on(self._account_of(request), request)

    def submit_order_on(self, name: str, request: OrderRequest) -> OrderResponse:
        """Send a plain order on an account, whatever venue and account it names.

        Args:
            name: The host's name of the account.
            request: The order.

        Raises:
            InvalidInput: A value cannot be taken; nothing was sent.
        """
        asset = self._names_of(name).find(request.symbol)
        fields: dict[str, Any] = {
            "asset": asset,
            "side": request.side,
            "size": format(request.quantity, "f"),
            "client_id": request.client_id or self._new_id(name),
            "order_type": request.order_type,
            "time_in_force": request.time_in_force,
            "post_only": request.post_only,
        }
        if request.limit_price is not None:
            fields["price"] = request.limit_price
        if request.trigger_price is not None:
            fields["trigger_price"] = request.trigger_price
        if request.reduce_only:
            fields["reduce_only"] = True
        return _response(self._host.submit_order(name, fields))

    def cancel_order(self, client_id: str, venue: str = "", account: str = "") -> OrderResponse:
        """Cancel what of an order is at work.

        Raises:
            InvalidInput: It is not known.
        """
        return _response(self._host.cancel_order(self.name(venue, account), client_id))

    def orders(self, venue: str = "", account: str = "") -> list[dict[str, Any]]:
        """Return the orders of the accounts that are meant, each with its `account`."""
        return [dict(row) for name in self._meant(venue, account) for row in self._host.order_states(name)]

    def _new_id(self, name: str) -> str:
        taken = {str(row["client_order_id"]) for row in self._host.order_states(name)}
        return next(one for n in self._count if (one := f"OM{n:08d}") not in taken)

    def _account_of(self, request: OrderRequest) -> str:
        """The account that is named; or the only one that has the instrument."""
        if request.venue or request.account or len(self._host.accounts) == 1:
            return self.name(request.venue, request.account)
        meant = [name for name in self._host.accounts if self._names_of(name).knows(request.symbol)]
        if len(meant) != 1:
            where = ", ".join(meant) or "none"
            raise InvalidInput(f"venue: is needed: {request.symbol!r} is traded on {where}")
        return meant[0]

    # ------------------------------------------------------------------------------------------- all of them

    def get_positions(self, venue: str = "", account: str = "") -> list[dict[str, Any]]:
        """Return the positions of the accounts that are meant.

        A row has `venue account symbol asset quantity notional entry_price`. `symbol` is the one name of
        the instrument, `asset` the venue's; `quantity` is + long, `notional` in quote units at the mark,
        None without a mark.
        """
        return [row for name in self._meant(venue, account) for row in self._positions_of(name)]

    def _positions_of(self, name: str) -> list[dict[str, Any]]:
        kernel = self._host.accounts[name]
        venue, account = split(name)
        unified = {
            listed.accounts[name]: listed.symbol for listed in self.instruments() if name in listed.accounts
        }
        rows = []
        for position in kernel.positions():
            asset = position["symbol"]
            rules = kernel.instrument(asset)
            mark = rules["mark_price"]
            rows.append(
                {
                    "venue": venue, "account": account, "symbol": unified[asset], "asset": asset,
                    "quantity": position["size"],
                    "notional": None if mark is None else _notional(asset, position["size"], mark, rules),
                    "entry_price": position["entry_price"],
                }
            )  # fmt: skip
        return rows

    def reconcile(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return K, E and their difference of every account: by account, then by asset."""
        figures = ("k_capital", "e_wallet_balance", "reconcile_delta", "reconcile_status")
        return {
            name: {
                asset: {figure: own[figure] for figure in figures}
                for asset, own in kernel.snapshot()["account"]["assets"].items()
            }
            for name, kernel in self._host.accounts.items()
        }

    def health(self) -> dict[str, Any]:
        """Return each account's health; `breaker` in it is its venue's."""
        return {name: kernel.health() for name, kernel in self._host.accounts.items()}

    def _meant(self, venue: str, account: str) -> list[str]:
        if "/" in venue and not account:
            venue, account = split(venue)
        meant = [
            name
            for name in self._host.accounts
            if (not venue or split(name)[0] == venue) and (not account or split(name)[1] == account)
        ]
        if not meant:
            raise refuse("venue", venue or account, f"is none of {', '.join(self._host.accounts)}")
        return meant


def _notional(asset: str, size: Decimal, mark: Decimal, rules: Mapping[str, Any]) -> Decimal | None:
    """What a position is worth, as the core values it."""
    limits = MarketLimits(asset, contract_multiplier=rules["contract_multiplier"], inverse=rules["inverse"])
    notional = limits.round_order("BUY", mark, abs(size)).notional
    return None if notional is None else notional.copy_sign(size)


def _response(state: Mapping[str, Any]) -> OrderResponse:
    status = str(state["status"])
    return OrderResponse(
        status="CANCELED" if status == "DONE_FOR_DAY" else status,
        client_id=str(state["client_order_id"]),
        filled_quantity=state["executed_qty"],
        average_price=state["avg_price"],
        reason=str(state["reason"]),
    )
