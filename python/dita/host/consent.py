"""`--unproven`: whoever opens the accounts knows which adapters were not proven over a wire."""

import importlib
from typing import Any

from dita.config import AccountConfig, Config


def with_consent(config: Config) -> Config:
    """Return a configuration that says so for each account whose adapter is unproven, and for no other.

    Args:
        config: As the file has it. An adapter that cannot be loaded is left to whoever opens it.
    """
    accounts = {name: _consented(account) for name, account in config.accounts.items()}
    return config.model_copy(update={"accounts": accounts})


def _consented(account: AccountConfig) -> AccountConfig:
    if account.venue == "sim" or not _asks(account.venue):
        return account
    return account.model_copy(update={"options": {**account.options, "unproven": True}})


def _asks(venue: str) -> bool:
    """Whether an adapter asks whether it is known that it is unproven."""
    module, _, name = venue.partition(":")
    try:
        kind: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return False
    return getattr(kind, "unproven", False) is True
