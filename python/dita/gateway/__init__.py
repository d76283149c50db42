"""The gateway: a running host in a browser, and for scripts over HTTP.

It asks the host at its Unix socket, keeps the newest state of each row, and sends what changed to all who
look on. It holds no truth of its own: orders and changes of controls go to the host.

`access` says who may what, `source` asks the host, `rows` makes rows of its answer, `hub` tells changes,
`reads`, `acts` and `streams` are the routes, `bodies` what a POST may carry, `guards` and `problems` what is
refused, `app` puts them together, `running` serves them. It needs the extra `web`.
"""

from dita.gateway.access import ROLES, Access, AccessRefused, Grant, TokenFile
from dita.gateway.hub import Hub
from dita.gateway.source import HostSource, Source, SourceAway, SourceRefused

__all__ = [
    "ROLES",
    "Access",
    "AccessRefused",
    "Grant",
    "HostSource",
    "Hub",
    "Source",
    "SourceAway",
    "SourceRefused",
    "TokenFile",
]
