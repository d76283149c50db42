"""Check an account at its venue before the first order, one result after the other."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from dita.errors import InvalidInput
from dita.venues.wire.adapter import WireAdapter
from dita.venues.wire.failures import Failure

_OFFSET_MS_MAX: Final = 1_000
_UNPROVEN: Final = (
    "this venue is not proven over a wire: the questions are the documentation's; real money takes --unproven"
)
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
        self._checks = adapter.account_checks()

    def run(self) -> Iterator[Check]:
        """Look at one thing after the other; where the venue cannot be reached, nothing more is asked."""
        if self._adapter.unproven:
            yield Check("proof", "warn", _UNPROVEN)
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
        rights = self._checks.key()
        if rights.unknown:
            return "warn", f"reads the account; {rights.unknown}"
        if rights.lacks:
            return "fail", rights.lacks
        trades = f"may trade {rights.of}".rstrip()
        if not rights.withdraws:
            return "ok", f"{trades}, and may not withdraw"
        if not self._allow_withdrawals:
            return "fail", "may withdraw: make one that cannot, or say --allow-withdrawals"
        return "warn", f"{trades}, and may withdraw"

    def _position_mode(self) -> tuple[str, str]:
        is_hedge = self._checks.is_hedge()
        found = "hedge (two books)" if is_hedge else "one-way"
        if is_hedge != self._hedge_mode:
            text = f"{found} at the venue, hedge_mode is {self._hedge_mode}: DITA never changes it there"
            return "fail", text
        return "ok", found

    def _account_mode(self) -> tuple[str, str]:
        is_good, text = self._checks.mode()
        return ("ok", text) if is_good else ("fail", f"MODE_NOT_SUPPORTED: {text}")

    def _instruments(self) -> tuple[str, str]:
        rules = self._adapter.get_market_metadata(self._adapter.symbols)
        if self._adapter.unproven:
            least = [
                f"{symbol}: least {own['min_qty']}, step {own['lot_step']}, tick {own['tick_size']}"
                for symbol, own in rules.items()
            ]
            return "warn", f"{'; '.join(least)}; fees and leverage are not asked for here: look at the venue"
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


#: The same, by the name that its callers use.
doctor_of = Doctor


def _in_which(own: dict[str, Any]) -> str:
    return f" in {own['fee_asset']}" if "fee_asset" in own else ""


def plain(value: Decimal) -> str:
    """Write a decimal for a person."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
