"""The gateway's figures for Prometheus: the host's own, and what the gateway counts of itself."""

import contextlib
from typing import TYPE_CHECKING, Any

from dita.gateway.refused import SourceAway, SourceRefused
from dita.host.metrics import Figures, GatewayFigures
from dita.host.metrics import exposition as written

if TYPE_CHECKING:
    from dita.gateway.hub import Hub


async def exposition(hub: "Hub") -> str:
    """Return the figures in Prometheus' text format.

    What only the host's process knows is asked for; a log or a cluster that is shown does not know it.

    Args:
        hub: The gateway's.
    """
    host: dict[str, Any] = {}
    with contextlib.suppress(SourceAway, SourceRefused):
        host = await hub.source.ask("figures")
    outcomes = {(account, code): count for account, code, count in host.get("outcomes", ())}
    own = GatewayFigures(hub.subscribers, hub.orders_asked, hub.orders_took_s, hub.reads, hub.reads_took_s)
    return written(Figures(hub.rows, not hub.away, outcomes or hub.outcomes, host, own))
