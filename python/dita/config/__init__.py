"""Configuration: one file, `dita.toml`, and what overrides it.

`load` reads it. What counts, first to last: the command line, the environment (`DITA_SECTION__KEY`), the
file, the defaults. A key that is not known is refused, with the nearest one that is.
"""

from dita.config.errors import ConfigError, Fault
from dita.config.models import (
    AccountConfig,
    AlertsConfig,
    BotConfig,
    BreakerConfig,
    Config,
    FollowersConfig,
    HostConfig,
    SimulatedConfig,
    StrategyConfig,
    WebConfig,
)
from dita.config.secrets import Address, SecretRef, SecretUnavailable
from dita.config.sources import FILE_NAME, Loaded, account_for, load, standing_file

__all__ = [
    "FILE_NAME",
    "AccountConfig",
    "Address",
    "AlertsConfig",
    "BotConfig",
    "BreakerConfig",
    "Config",
    "ConfigError",
    "Fault",
    "FollowersConfig",
    "HostConfig",
    "Loaded",
    "SecretRef",
    "SecretUnavailable",
    "SimulatedConfig",
    "StrategyConfig",
    "WebConfig",
    "account_for",
    "load",
    "standing_file",
]
