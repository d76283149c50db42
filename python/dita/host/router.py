"""Opens a router: on adapters that are made already, or by a manifest. It is a host, and its face."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from os import PathLike
from typing import Any

from dita.config import AccountConfig, BreakerConfig, Config, load
from dita.host.directory import Directory
from dita.host.host import Host
from dita.venues import OrderManager


@contextmanager
def open_router(
    adapters: Mapping[str, Any],
    *,
    instruments: Mapping[str, Mapping[str, Any]] | None = None,
    seed_capital: Mapping[str, Mapping[str, Decimal]] | None = None,
    max_slots: int = 10,
    live: bool = False,
    breaker: BreakerConfig | None = None,
    directory: Directory | None = None,
) -> Iterator[OrderManager]:
    """Open a kernel for each account, and return the one way to all of them; at the end all are closed.

    Args:
        adapters: By account: `binance/main` names venue and account, `binance` is its `main`. Adapters of
            either form, or simulated venues.
        instruments: By account, as `set_exchange_config` takes it; what is not given is asked of the adapter
            later, with `kernel.set_exchange_config`.
        seed_capital: By account, what the wallet starts with, by asset.
        max_slots: How many trades may run at once on each account.
        live: Whether the program means to trade real money.
        breaker: When a venue's circuit breaker holds entries back.
        directory: Where logs and controls are kept; None keeps nothing.

    Raises:
        KernelError: An account cannot be opened; what was opened before it is closed again.
    """
    accounts = {
        name: AccountConfig(
            instruments=dict((instruments or {}).get(name, {})),
            seed_capital=dict((seed_capital or {}).get(name, {})),
            max_slots=max_slots,
            live=live,
            log_policy="batch" if directory is not None else "off",
        )
        for name in adapters
    }
    config = Config(accounts=accounts, breaker=breaker or BreakerConfig())
    with Host(config, adapters=adapters, directory=directory) as host:
        yield OrderManager(host)


@contextmanager
def open_manifest(path: str | PathLike[str], directory: Directory | None = None) -> Iterator[OrderManager]:
    """Open every account that a manifest names, and return the one way to all of them.

    Args:
        path: The manifest: a `dita.toml`, or JSON with the same keys
            (`{"accounts": {"binance/main": {...}}}`).
        directory: Where logs and controls are kept; None keeps nothing.

    Raises:
        ConfigError: It cannot be read, a key is not known, or a value is wrong.
        KernelError: An account cannot be opened; what was opened before it is closed again.
    """
    with Host(load(path).config, directory=directory) as host:
        yield OrderManager(host)
