"""Check an account at its venue before the first order, one result after the other."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from dita.errors import InvalidInput
from dita.venues.binance import requests
from dita.venues.bingx.adapter import BingxSwap
from dita.venues.bybit.adapter import BybitLinear
from dita.venues.bybit.requests import ACCOUNT, KEY_RIGHTS, positions
from dita.venues.okx.adapter import OkxSwap
from dita.venues.wire import reading
from dita.venues.wire.adapter import WireAdapter
from dita.venues.wire.failures import Failure, Fate

_OFFSET_MS_MAX: Final = 1_000
# A kernel's client ids: D, its nonce, slot and number; see `venue_client_id`.
_OURS: Final = re.compile(r"^D[0-9A-Z]{20,30}$")


def is_of_a_kernel(client_id: str) -> bool:
    """Whether a client id has the form that kernels give theirs."""
    return _OURS.match(client_id) is not None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        result: "ok", "warn" or "fail".
        text: What was found, and what to do.
    """

    name: str
    result: str
    text: str


def check_other_kernels(adapter: WireAdapter, knows: Callable[[str], bool]) -> Check:
    """Look for open orders of another kernel: two on one account would undo each other's work.

    Args:
        adapter: The account's.
        knows: Whether this kernel has an order of that client id.
    """
    others = [
        row["venue_client_id"]
        for row in adapter.get_open_orders()
        if is_of_a_kernel(row["venue_client_id"]) and not knows(row["venue_client_id"])
    ]
    if not others:
        return Check("other kernels", "ok", "none")
    text = f"OTHER_KERNEL: {len(others)} open: {', '.join(others[:3])}; end that kernel, or cancel them"
    return Check("other kernels", "fail", text)


class Doctor:
    """Asks a venue about an account. Nothing is changed there."""

    def __init__(
        self,
        adapter: WireAdapter,
        *,
        hedge_mode: bool = False,
        allow_withdrawals: bool = False,
        has_log: bool = False,
    ) -> None:
        """Take the adapter to ask.

        Args:
            adapter: The account's; it needs no kernel.
            hedge_mode: What the kernel will be opened with.
            allow_withdrawals: Whether a key that may withdraw is good enough.
            has_log: Whether a kernel with its log is opened next: then it says which open orders are its own.
        """
        self._has_log = has_log
        self._adapter = adapter
        self._hedge_mode = hedge_mode
        self._allow_withdrawals = allow_withdrawals
        self._rights: dict[str, Any] = {}

    def run(self) -> Iterator[Check]:
        """Look at one thing after the other; where the venue cannot be reached, nothing more is asked."""
        for name, look in (
            ("clock", self._clock),
            ("key", self._key),
            ("position mode", self._position_mode),
            ("account mode", self._account_mode),
            ("instruments", self._instruments),
            ("balances", self._balances),
            ("positions", self._positions),
            ("open orders", self._orders),
        ):
            check = self._looked(name, look)
            yield check
            if name in {"clock", "key"} and check.result == "fail":
                return

    def _looked(self, name: str, look: Callable[[], tuple[str, str]]) -> Check:
        try:
            return Check(name, *look())
        except Failure as failure:
            if failure.status == 0:
                return Check(name, "fail", f"the venue cannot be reached: {failure.words}")
            return Check(name, "fail", f"code {failure.code}: {failure.words}")
        except (InvalidInput, TimeoutError) as error:
            return Check(name, "fail", str(error) or "no answer in time")

    def _clock(self) -> tuple[str, str]:
        offset = self._adapter.clock_offset_ms()
        text = f"the venue is {offset:+} ms from this machine"
        if abs(offset) > _OFFSET_MS_MAX:
            return "warn", f"{text}; requests are stamped with the venue's time, but set this clock right"
        return "ok", text

    def _key(self) -> tuple[str, str]:
        try:
            rights = reading.record(self._adapter.ask(requests.KEY_RIGHTS), "apiRestrictions")
        except Failure as failure:
            # Test networks do not have it; then the balance says whether the key is one.
            if failure.fate is Fate.UNKNOWN or failure.code in {-2014, -2015, -1022}:
                raise
            self._adapter.ask(requests.BALANCE)
            return "warn", "reads the account; its rights cannot be asked for here"
        self._rights = rights
        if rights.get("enableFutures") is False:
            return "fail", "may not trade futures: enable that right for it"
        if rights.get("enableWithdrawals") is True and not self._allow_withdrawals:
            return "fail", "may withdraw: make one that cannot, or say --allow-withdrawals"
        if rights.get("enableWithdrawals") is True:
            return "warn", "may trade futures, and may withdraw"
        return "ok", "may trade futures, and may not withdraw"

    def _position_mode(self) -> tuple[str, str]:
        answer = reading.record(self._adapter.ask(requests.POSITION_MODE), "dual")
        return self._mode(is_hedge=answer.get("dualSidePosition") is True)

    def _mode(self, *, is_hedge: bool) -> tuple[str, str]:
        found = "hedge (two books)" if is_hedge else "one-way"
        if is_hedge != self._hedge_mode:
            return (
                "fail",
                f"{found} at the venue, hedge_mode is {self._hedge_mode}: DITA never changes it there",
            )
        return "ok", found

    def _account_mode(self) -> tuple[str, str]:
        multi = reading.record(self._adapter.ask(requests.MULTI_ASSETS), "multiAssetsMargin")
        if multi.get("multiAssetsMargin") is True:
            return "fail", "MODE_NOT_SUPPORTED: multi-assets mode; switch to single-asset mode at the venue"
        if self._rights.get("enablePortfolioMarginTrading") is True:
            # Its money and its orders are elsewhere: the futures wallet does not show them.
            return (
                "fail",
                "MODE_NOT_SUPPORTED: a portfolio margin account; trade on a classic futures account",
            )
        return "ok", "single-asset"

    def _instruments(self) -> tuple[str, str]:
        rules = self._adapter.get_market_metadata(self._adapter.symbols)
        listed = [
            f"{symbol}: {own['margin_mode'].lower()}, leverage {own['leverage']}, maker {own['maker_rate']}, "
            f"taker {own['taker_rate']}{_in_which(own)}, least {own['min_notional']} {own['quote']}, "
            f"at most leverage {own['margin_tiers'][0]['max_leverage']}"
            for symbol, own in rules.items()
        ]
        return "ok", "; ".join(listed)

    def _balances(self) -> tuple[str, str]:
        held = {asset: amount for asset, amount in self._adapter.get_balances().items() if amount}
        if not held:
            return "fail", "the futures wallet is empty"
        return "ok", ", ".join(f"{plain(amount)} {asset}" for asset, amount in held.items())

    def _positions(self) -> tuple[str, str]:
        rows = self._adapter.get_positions()
        if not rows:
            return "ok", "none"
        listed = ", ".join(f"{plain(row['size'])} {row['symbol']}" for row in rows)
        return "warn", f"{listed}: a kernel that does not know them books them as unassigned"

    def _orders(self) -> tuple[str, str]:
        rows: Any = self._adapter.get_open_orders()
        if not rows:
            return "ok", "none"
        of_kernels = [row for row in rows if is_of_a_kernel(row["venue_client_id"])]
        listed = ", ".join(row["venue_client_id"] or row["venue_order_id"] for row in rows[:5])
        if of_kernels and not self._has_log:
            text = f"{len(of_kernels)} of {len(rows)} are of a kernel: {listed}: OTHER_KERNEL"
            return "fail", f"{text}; go on with that one (`dita run --name`), or cancel them"
        if of_kernels:
            return "warn", f"{len(rows)}: {listed}: of a kernel; its log says whether of this one"
        return "warn", f"{len(rows)}: {listed}: external"


class BybitDoctor(Doctor):
    """Asks Bybit about a unified account."""

    def _key(self) -> tuple[str, str]:
        rights = reading.record(self._adapter.ask(KEY_RIGHTS), "query-api")
        named = reading.record(rights.get("permissions") or {}, "permissions")
        if rights.get("readOnly") not in {0, "0"}:
            return "fail", "may only read: make one that may trade"
        if not {"Order", "Position"} <= set(named.get("ContractTrade") or []):
            return "fail", "may not trade contracts (orders and positions): enable that right for it"
        if "Withdraw" in (named.get("Wallet") or []):
            if not self._allow_withdrawals:
                return "fail", "may withdraw: make one that cannot, or say --allow-withdrawals"
            return "warn", "may trade contracts, and may withdraw"
        return "ok", "may trade contracts, and may not withdraw"

    def _position_mode(self) -> tuple[str, str]:
        # The mode is an instrument's here: flat positions are listed by instrument, with their index.
        hedged = []
        for symbol in self._adapter.symbols:
            answer = reading.record(self._adapter.ask(positions(symbol)), "position")
            rows = reading.table(answer.get("list") or [], "list")
            hedged.append(any(row.get("positionIdx") not in {0, None} for row in rows))
        if any(hedged) != all(hedged):
            return "fail", "one-way and hedge instruments are mixed: DITA never changes that there"
        return self._mode(is_hedge=any(hedged))

    def _account_mode(self) -> tuple[str, str]:
        info = reading.record(self._adapter.ask(ACCOUNT), "account")
        if info.get("unifiedMarginStatus") not in {3, 4, 5, 6}:
            return "fail", "MODE_NOT_SUPPORTED: a classic account; upgrade to a unified one at the venue"
        if info.get("marginMode") == "PORTFOLIO_MARGIN":
            return (
                "fail",
                "MODE_NOT_SUPPORTED: portfolio margin; choose cross or isolated at the venue",
            )
        return "ok", f"unified, {str(info.get('marginMode')).lower().replace('_', ' ')}"


def doctor_of(
    adapter: WireAdapter, *, hedge_mode: bool = False, allow_withdrawals: bool = False, has_log: bool = False
) -> Doctor:
    """Return who asks an adapter's venue.

    Args:
        adapter: The account's; it needs no kernel.
        hedge_mode: What the kernel will be opened with.
        allow_withdrawals: Whether a key that may withdraw is good enough.
        has_log: Whether a kernel with its log is opened next: then it says which open orders are its own.
    """
    from dita.live.unproven import BingxDoctor, OkxDoctor  # noqa: PLC0415 - they are doctors

    kinds: dict[type[WireAdapter], type[Doctor]] = {
        BybitLinear: BybitDoctor, OkxSwap: OkxDoctor, BingxSwap: BingxDoctor,
    }  # fmt: skip
    kind = next((doctor for venue, doctor in kinds.items() if isinstance(adapter, venue)), Doctor)
    return kind(adapter, hedge_mode=hedge_mode, allow_withdrawals=allow_withdrawals, has_log=has_log)


def _in_which(own: dict[str, Any]) -> str:
    return f" in {own['fee_asset']}" if "fee_asset" in own else ""


def plain(value: Decimal) -> str:
    """Write a decimal for a person."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
