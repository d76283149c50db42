"""The one place for names that users of the older systems expect where the thing has another name here.

A second name is thin: it is the same thing. `docs/reference/second-names.md` lists all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from dita._kernel import InvalidInput, KernelIntent, VenueOrderStatus
from dita.errors import InvalidType, refuse_name

__all__ = ["AccountSnapshot", "InvalidSlot", "VenueEventStatus", "intent_of"]

# What an event says of its order is what the order then has.
VenueEventStatus: Final = VenueOrderStatus

# A figure of the account here, by the name that it has there.
FIGURES: Final[Mapping[str, str]] = {
    "capital": "capital",
    "equity": "equity",
    "fees_paid": "k_fees_paid",
    "funding_net": "k_funding_net",
    "realized_pnl": "realized_pnl",
    "unrealized_pnl": "unrealized_pnl",
    "open_positions": "open_positions",
    "open_notional": "open_notional",
    "leverage": "leverage",
    "available_capital": "available_capital",
}

# A key of an instrument, and a limit, by the name that older programs give them.
INSTRUMENT_KEYS: Final[Mapping[str, str]] = {"lot_size": "lot_step"}
LIMIT_NAMES: Final[Mapping[str, str]] = {"max_asset_exposure": "max_asset_notional"}


class InvalidSlot(InvalidInput, IndexError):  # noqa: N818 - as its bases here are called
    """There is no slot of that number. It is an `IndexError` as well."""


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """The settlement asset's figures at one moment, money in its units.

    Attributes:
        capital: K, what the wallet must hold.
        equity: K and what the open positions would gain at their marks.
        fees_paid: All fees, a charge is +.
        funding_net: All funding, + when credited.
        realized_pnl: Before fees and funding.
        unrealized_pnl: At the marks.
        open_positions: How many.
        open_notional: What they are worth.
        leverage: `open_notional` over `equity`.
        available_capital: What is free for entries.
    """

    capital: Decimal = Decimal(0)
    equity: Decimal = Decimal(0)
    fees_paid: Decimal = Decimal(0)
    funding_net: Decimal = Decimal(0)
    realized_pnl: Decimal = Decimal(0)
    unrealized_pnl: Decimal = Decimal(0)
    open_positions: int = 0
    open_notional: Decimal = Decimal(0)
    leverage: Decimal = Decimal(0)
    available_capital: Decimal = Decimal(0)

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "AccountSnapshot":
        """Take the figures out of an account's state.

        Args:
            state: As `AccountProjection.state` returns it; empty before the kernel has an asset.
        """
        return cls(**{name: state[own] for name, own in FIGURES.items() if own in state})


_FIELDS: Final = frozenset(
    name
    for name in vars(KernelIntent)
    if not name.startswith("_") and type(vars(KernelIntent)[name]).__name__ == "getset_descriptor"
)


def intent_of(given: object) -> KernelIntent:
    """Return what a mapping, or an object with an intent's attributes, says as an intent.

    Args:
        given: By the names of `KernelIntent`; what it leaves out has its default.

    Raises:
        InvalidInput: A field has a value that cannot be, or is missing; a key is none of an intent's.
        InvalidType: It is neither, or a field is of another type.
    """
    fields = fields_of(given)
    for name in fields:
        if name not in _FIELDS:
            raise refuse_name(str(name), fields[name], "field of an intent", _FIELDS)
    for name in ("timestamp", "intent_id", "trade_id", "slot_id", "asset", "side", "action"):
        if name not in fields:
            raise InvalidInput(f"{name}: is required")
    return KernelIntent(**fields)


def fields_of(given: object) -> dict[Any, Any]:
    """Return the fields that a mapping or an object has, by name; none where it is neither."""
    if isinstance(given, Mapping):
        return dict(given)
    if not hasattr(given, "intent_id"):
        return {}
    return {name: getattr(given, name) for name in _FIELDS if hasattr(given, name)}


def reason_of(error: InvalidInput | InvalidType) -> tuple[str, str]:
    """Return the field that an error names, and what it says of it."""
    field, _, why = str(error).partition(": ")
    return (error.field or field), why
