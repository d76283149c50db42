"""Where venues are: their hosts, the test networks', an exchange to practise on; and the key."""

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from dita.config.secrets import SecretRef
from dita.errors import InvalidInput
from dita.venues.catalog import NATIVE, Native
from dita.venues.wire.adapter import WireAdapter
from dita.venues.wire.hosts import is_this_machine
from dita.venues.wire.live import LiveAdapter

KEY_DEFAULT: Final = "env:API_KEY"
SECRET_DEFAULT: Final = "env:API_SECRET"  # noqa: S105 - where it is, not what it is
#: The venues that a command can name.
VENUES: Final[Mapping[str, Native]] = {one.name: one for one in NATIVE if one.practice}
#: Those that `dita exchange` does not speak; `dita doctor` alone names them.
UNPROVEN: Final = frozenset(name for name, one in VENUES.items() if not one.is_proven)


@dataclass(frozen=True, slots=True)
class Place:
    """One of the venue's places.

    Attributes:
        rest: Base address of REST.
        stream: Base address of the streams.
        is_real: Whether real money is at stake.
        name: The venue.
    """

    rest: str
    stream: str
    is_real: bool = False
    name: str = "binance"

    @staticmethod
    def chosen(exchange: str | None, *, live: bool, name: str = "binance") -> "Place":
        """Return the place that a command line means: without a word, the test network.

        Args:
            exchange: The address of `dita exchange`; None where none is meant.
            live: Whether real money is meant.
            name: Which venue.

        Raises:
            InvalidInput: Both are given, the address is not on this machine, or `dita exchange` does not
                speak the venue.
        """
        if exchange is not None and name in UNPROVEN:
            raise InvalidInput(f"exchange: `dita exchange` does not speak {name}; leave it out")
        if exchange is None:
            hosts = _class_at(VENUES[name].adapter).hosts
            return Place(*hosts.chosen(None, None, is_real=live), is_real=live, name=name)
        if live:
            raise InvalidInput("live: an exchange to practise on has no real money; leave one of the two out")
        parts = urlsplit(exchange if "://" in exchange else f"http://{exchange}")
        if not is_this_machine(parts.hostname or ""):
            raise InvalidInput(f"exchange: {exchange!r} is not on this machine; write it like 127.0.0.1:8686")
        scheme = "wss" if parts.scheme == "https" else "ws"
        return Place(f"{parts.scheme}://{parts.netloc}", f"{scheme}://{parts.netloc}", name=name)

    @property
    def venue(self) -> str:
        """The adapter's class, as a configuration names it."""
        own = VENUES[self.name]
        return own.adapter if self.is_real else own.practice

    def adapter(self, key: str, secret: str, symbols: list[str]) -> LiveAdapter:
        """Make an adapter.

        Args:
            key: The API key.
            secret: Its secret.
            symbols: The instruments.
        """
        adapter: Any = self.wire_adapter(key, secret, symbols)
        live: LiveAdapter = adapter
        return live

    def wire_adapter(self, key: str, secret: str, symbols: list[str], **more: Any) -> WireAdapter:  # noqa: ANN401
        """Make an adapter, also of a venue without a market feed here.

        Args:
            key: The API key.
            secret: Its secret.
            symbols: The instruments.
            more: What the venue wants beside that.
        """
        return _class_at(self.venue)(
            api_key=key, api_secret=secret, symbols=symbols, rest=self.rest, stream=self.stream, **more
        )


def _class_at(name: str) -> type[WireAdapter]:
    module, _, kind = name.partition(":")
    found: type[WireAdapter] = getattr(importlib.import_module(module), kind)
    return found


def reference(text: str, place: Place, variable: str) -> SecretRef:
    """Read where a secret is. A bare secret is taken for a place without real money only.

    Args:
        text: `env:NAME`, `file:PATH`, `keyring:NAME`, or the secret itself.
        place: What it opens.
        variable: Where a bare secret is kept, in this process alone.

    Raises:
        InvalidInput: It is a bare secret, and real money is at stake. The error does not repeat it.
    """
    try:
        return SecretRef.parse(text)
    except ValueError:
        if place.is_real:
            raise InvalidInput(
                "api_key, api_secret: for real money name where they are: env:NAME, file:PATH or "
                "keyring:SERVICE/NAME"
            ) from None
    os.environ[variable] = text
    return SecretRef("env", variable)


def symbol_of(pair: str, name: str = "binance") -> str:
    """Return the venue's name of a pair: BTC/USDT and BTCUSDT are BTCUSDT, or BTC-USDT-SWAP at OKX.

    Args:
        pair: As a person writes it.
        name: The venue.
    """
    if name in UNPROVEN:
        return _dashed(pair.partition(":")[0].replace("/", "-").upper(), name)
    return pair.partition(":")[0].replace("/", "").replace("-", "").upper()


def _dashed(pair: str, name: str) -> str:
    is_whole = name != "okx" or pair.endswith("-SWAP")
    return pair if is_whole else f"{pair}-SWAP"
