"""The host: the one process that owns accounts, and what it is asked.

`Host` opens every account of a configuration: kernel, log, venue, controls, followers. `Client` trades one
account with slots of its own. `PlainOrders` turns plain orders (a side, a size, a price) into intents.
`Directory` is where a host keeps what survives it, and where its socket is.
"""

from dita.host.asking import HostAway, ask
from dita.host.client import Client, NoFreeSlot, SentIntent
from dita.host.consent import with_consent
from dita.host.directory import Directory, DirectoryError, home
from dita.host.host import Host
from dita.host.plain_orders import PlainOrder, PlainOrders
from dita.host.router import open_manifest, open_router
from dita.host.strategies import StrategyHandle

__all__ = [
    "Client",
    "Directory",
    "DirectoryError",
    "Host",
    "HostAway",
    "NoFreeSlot",
    "PlainOrder",
    "PlainOrders",
    "SentIntent",
    "StrategyHandle",
    "ask",
    "home",
    "open_manifest",
    "open_router",
    "with_consent",
]
