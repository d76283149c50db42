"""What is read: state, orders, instruments, stories, figures."""

import asyncio
import json
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Response
from fastapi.responses import PlainTextResponse

from dita.gateway.bodies import Id, Name
from dita.gateway.hub import Hub
from dita.gateway.metrics import exposition
from dita.gateway.problems import Problem
from dita.gateway.who import Reader
from dita.host.metrics import CONTENT_TYPE
from dita.version import __version__

#: By name: the kind of its rows, and what it is.
_LISTS: Final = {
    "account": ("account", "Accounts: K, E, why they differ, margin."),
    "orders": ("order", "Orders at work."),
    "slots": ("slot", "Slots that carry a trade."),
    "strategies": ("strategy", "Strategies and their states."),
}


def add_reads(app: FastAPI, hub: Hub) -> None:
    """Let an application be read.

    Args:
        app: The application.
        hub: What it shows.
    """

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Whether the host answers. For everybody."""
        return {"ok": not hub.away, "version": __version__}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics(_who: Reader) -> PlainTextResponse:
        """Figures for Prometheus."""
        return PlainTextResponse(await exposition(hub), media_type=CONTENT_TYPE)

    @app.get("/api/rows")
    async def rows(_who: Reader) -> Response:
        """Everything that the page shows, as one frame."""
        _there(hub)
        return _json(hub.everything().text)

    @app.get("/api/history")
    async def history(_who: Reader) -> dict[str, Any]:
        """Equity, K and marks of the last two hours, a point a second; since the gateway runs."""
        return hub.history.as_dict()

    for name, (kind, what) in _LISTS.items():
        _add_list(app, hub, name, kind, what)

    @app.get("/api/execution/ping")
    async def ping(_who: Reader) -> dict[str, Any]:
        """Whether orders would reach the host."""
        _there(hub)
        return {"ok": True, "name": hub.source.name}

    _add_asked(app, hub)


def _add_asked(app: FastAPI, hub: Hub) -> None:
    """Add what the host is asked for each time."""

    @app.get("/api/config")
    async def config(_who: Reader) -> dict[str, Any]:
        """What this gateway shows; the exchange settings of the older gateway are empty here."""
        _there(hub)
        markets = [key.partition(":")[2] for key in hub.rows if key.startswith("market:")]
        return {
            "ok": True,
            "name": hub.source.name,
            "version": __version__,
            "kind": hub.source.kind,
            "market_source": hub.source.kind,
            "market_symbol": markets[0].rpartition(":")[2] if markets else "",
            "execution_mode": _mode(hub),
            "binance_base_url": "",
            "binance_trade_enabled": False,
            "binance_trade_base_url": "",
            "binance_user_stream_connected": False,
        }

    @app.get("/api/market")
    async def market(_who: Reader) -> dict[str, Any]:
        """Instruments with their rules and mark prices."""
        found = await hub.source.ask("instruments")
        return {
            "items": [
                {"account": account, **instrument}
                for account, instruments in found.items()
                for instrument in instruments.values()
            ]
        }

    @app.get("/api/orders_state")
    async def orders_state(_who: Reader) -> dict[str, Any]:
        """Every order that is known, ended ones too; those by hand as they were sent."""
        return {"items": await hub.source.ask("orders_state")}

    @app.get("/api/order_state")
    async def order_state(client_order_id: Annotated[Id, Query()], _who: Reader) -> dict[str, Any]:
        return await find_order(hub, client_order_id)

    @app.get("/api/story")
    async def story(
        trade: Annotated[Name, Query()], account: Annotated[Name, Query()], _who: Reader
    ) -> dict[str, Any]:
        _there(hub)
        if f"account:{account}" not in hub.rows:
            raise Problem(404, "not_found", "account: there is no such account")
        return {"lines": list(await asyncio.to_thread(hub.source.story, account, trade))}


def _add_list(app: FastAPI, hub: Hub, name: str, kind: str, what: str) -> None:
    prefix = f"{kind}:"

    @app.get(f"/api/{name}", name=name, operation_id=name, description=what)
    async def listed(_who: Reader) -> Response:
        _there(hub)
        found = (text for key, text in hub.rows.items() if key.startswith(prefix))
        return _json('{"items":[' + ",".join(found) + "]}")


async def find_order(hub: Hub, client_order_id: str) -> dict[str, Any]:
    """Return an order as it stands.

    Raises:
        Problem: It is not known.
    """
    for state in await hub.source.ask("orders_state"):
        if state["client_order_id"] == client_order_id:
            return dict(state)
    raise Problem(404, "not_found", "client_order_id: there is no such order")


def _mode(hub: Hub) -> str:
    """The strictest word for how its kernels trade: the first account's mode, in small letters."""
    control = next((text for key, text in hub.rows.items() if key.startswith("control:")), None)
    return str(json.loads(control).get("mode", "")).lower() if control else ""


def _there(hub: Hub) -> None:
    if hub.away:
        raise Problem(503, "execution_unavailable", hub.away)


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
