"""The gateway: a running host in a browser, and for scripts over HTTP.

It asks the host at its Unix socket, keeps the newest state of each row, and sends what changed to all who
look on. It holds no truth of its own: orders and changes of controls go to the host.

`access` says who may what, `source` asks the host or reads what is only looked at, `hub` publishes changes,
`history` keeps what charts show. `reads`, `acts` and `streams` are the routes, `bodies` what a POST may
carry, `guards` and `problems` what is refused, `app` puts them together, `running` serves them. It needs
the extra `web`.
"""

from dita.gateway.access import ROLES, Access, AccessRefused, Grant, TokenFile
from dita.gateway.hub import Hub
from dita.gateway.refused import SourceAway, SourceRefused
from dita.gateway.source import HostSource, ReadOnlySource, Source, Update

__all__ = [
    "ROLES",
    "Access",
    "AccessRefused",
    "Grant",
    "HostSource",
    "Hub",
    "ReadOnlySource",
    "Source",
    "SourceAway",
    "SourceRefused",
    "TokenFile",
    "Update",
]
