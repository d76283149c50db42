"""What an instrument is called: by a venue, and by people. One list for all accounts."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dita.errors import InvalidInput, refuse

_SEPARATORS: Final = re.compile(r"[/_:\-. ]")


@dataclass(frozen=True, slots=True)
class Listed:
    """One instrument, wherever it is traded.

    Attributes:
        symbol: `BTC/USDT:USDT` for a perpetual (base, quote, what it settles in), `BTC/USDT` for spot.
        base: What is bought.
        quote: What prices are in.
        settle: What it settles in.
        product: PERP or SPOT.
        aliases: Every name that is understood, the venues' own first.
        accounts: What each account's venue calls it, by account.
    """

    symbol: str
    base: str
    quote: str
    settle: str
    product: str
    aliases: tuple[str, ...]
    accounts: Mapping[str, str] = field(default_factory=dict)


def unified(base: str, quote: str, settle: str, product: str) -> str:
    """Return the one name of an instrument.

    Args:
        base: What is bought.
        quote: What prices are in.
        settle: What it settles in.
        product: PERP or SPOT.
    """
    return f"{base}/{quote}" if product == "SPOT" else f"{base}/{quote}:{settle}"


def aliases_of(base: str, quote: str, settle: str, product: str) -> tuple[str, ...]:
    """Return what people and venues call an instrument, in upper case.

    Args:
        base: What is bought.
        quote: What prices are in.
        settle: What it settles in.
        product: PERP or SPOT.
    """
    pair = (f"{base}/{quote}", f"{base}{quote}", f"{base}-{quote}", f"{base}_{quote}")
    if product == "SPOT":
        return pair
    own = (f"{base}/{quote}:{settle}", f"{base}-{quote}-SWAP", f"{base}-{quote}-PERP", f"{base}{quote}.P")
    return (*pair, *own)


class Names:
    """Finds an account's instrument by any of its names."""

    def __init__(self, instruments: Mapping[str, Mapping[str, Any]]) -> None:
        """Index an account's instruments.

        Args:
            instruments: By the venue's name, each with `base`, `quote`, `settle` and `product`.
        """
        self.instruments = dict(instruments)
        self._by_alias: dict[str, list[str]] = {}
        for name, own in self.instruments.items():
            for alias in dict.fromkeys((name.upper(), *_of(own))):
                self._by_alias.setdefault(alias, []).append(name)

    def find(self, symbol: str) -> str:
        """Return the venue's name of an instrument.

        Args:
            symbol: Any of its names; the venue's own counts before all others.

        Raises:
            InvalidInput: It is none, or of several.
        """
        if symbol in self.instruments:
            return symbol
        found = self._by_alias.get(symbol.upper(), [])
        if not found:
            # BTC-USDT-SWAP where the venue lists BTCUSDT: separators alone differ.
            bare = _SEPARATORS.sub("", symbol.upper())
            found = [name for name in self.instruments if _SEPARATORS.sub("", name.upper()) == bare]
        if len(found) > 1:
            raise refuse("symbol", symbol, f"names several: {', '.join(sorted(found))}; name one of them")
        if not found:
            known = ", ".join(sorted(self.instruments)[:10]) or "none"
            raise refuse("symbol", symbol, f"is none of the account's instruments: {known}")
        return found[0]

    def knows(self, symbol: str) -> bool:
        """Whether a name is one of an instrument's.

        Args:
            symbol: The symbol.
        """
        try:
            self.find(symbol)
        except InvalidInput:
            return False
        return True


def _of(own: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        alias.upper() for alias in aliases_of(own["base"], own["quote"], own["settle"], str(own["product"]))
    )


def one_list(accounts: Mapping[str, Names]) -> list[Listed]:
    """Return every instrument once, with what each account's venue calls it.

    Args:
        accounts: The names of each account's instruments.
    """
    rows: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for account, name, own in _each(accounts.items()):
        symbol = unified(own["base"], own["quote"], own["settle"], str(own["product"]))
        rows.setdefault(symbol, []).append((account, name, own))
    return [
        Listed(
            symbol=symbol, base=found[0][2]["base"], quote=found[0][2]["quote"],
            settle=found[0][2]["settle"], product=str(found[0][2]["product"]),
            aliases=tuple(dict.fromkeys((*(name for _, name, _ in found), *_of(found[0][2])))),
            accounts={account: name for account, name, _ in found},
        )
        for symbol, found in sorted(rows.items())
    ]  # fmt: skip


def _each(accounts: Iterable[tuple[str, Names]]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for account, names in accounts:
        for name, own in names.instruments.items():
            yield account, name, own
