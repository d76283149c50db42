"""What is done: log in, orders, controls, strategies. Each change carries the name of who asked."""

import json
import logging
from decimal import Decimal
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from dita.gateway.access import SESSION_S, Access
from dita.gateway.bodies import Cancel, Change, Login, Order, StrategyChange, body_of, schema
from dita.gateway.hub import Hub
from dita.gateway.problems import Problem
from dita.gateway.reads import find_order
from dita.gateway.refused import SourceRefused
from dita.gateway.who import COOKIE, Operator, Reader, Trader
from dita.host.asked_orders import BY_HAND
from dita.version import __version__

_LOG: Final = logging.getLogger("dita.gateway")
#: By action: what changes.
_CHANGES: Final[dict[str, dict[str, Any]]] = {
    "halt": {"kill_switch": True},
    "resume": {"kill_switch": False, "gate": "NORMAL", "frozen": False},
    "reduce_only": {"gate": "REDUCE_ONLY"},
    "freeze": {"frozen": True},
    "unfreeze": {"frozen": False},
    "flatten": {"flatten": True},
}
_REQUESTS: Final = {"start": "start", "pause": "pause", "stop": "stop_strategy"}


def add_acts(app: FastAPI, hub: Hub, access: Access) -> None:
    """Let people and scripts act.

    Args:
        app: The application.
        hub: The hub to ask.
        access: Who may what.
    """
    # Orders come first: a request is held against one route after the other.
    _orders(app, hub)
    _sessions(app, access)

    @app.post("/api/control", openapi_extra=schema(Change))
    async def control(request: Request, grant: Operator) -> dict[str, Any]:
        """Change controls: the change carries the name of who asks."""
        change = await body_of(request, Change)
        if change.confirm != change.action.upper():
            raise Problem(400, "bad_params", f"confirm: type {change.action.upper()} to confirm")
        fields = {**_CHANGES[change.action], "updated_by": grant.name}
        await hub.source.ask("control", change=fields, account=change.account)
        _LOG.info("%s: %s of %s", grant.name, change.action, change.account or "every account")
        return {"ok": True, "action": change.action, "updated_by": grant.name}

    @app.post("/api/strategy", openapi_extra=schema(StrategyChange))
    async def strategy(request: Request, grant: Operator) -> dict[str, Any]:
        """Start, pause or stop a strategy."""
        change = await body_of(request, StrategyChange)
        await hub.source.ask(_REQUESTS[change.action], strategy=change.name)
        _LOG.info("%s: %s of strategy %s", grant.name, change.action, change.name)
        return {"ok": True, "name": change.name, "action": change.action}


def _exact(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _orders(app: FastAPI, hub: Hub) -> None:
    @app.post("/api/order", openapi_extra=schema(Order))
    async def order(request: Request, grant: Trader) -> Response:
        """Send a plain order. `ok` is false where it was rejected; `reason` says why.

        At a host that serves programs (`dita serve`) the token's name owns the trade; elsewhere `by-hand`.
        """
        wanted = await body_of(request, Order)
        state = await hub.order(grant.name, wanted.account, wanted.fields())
        _LOG.info("%s: order %s is %s", grant.name, state.get("client_order_id"), state["status"])
        # Written here: what an answer's model would check and convert is plain already.
        text = json.dumps({"ok": state["status"] != "REJECTED", **state}, default=_exact, ensure_ascii=False)
        return Response(text, media_type="application/json")

    @app.post("/api/cancel", openapi_extra=schema(Cancel))
    async def cancel(request: Request, grant: Trader) -> dict[str, Any]:
        """Cancel what of an order is at work. Another's takes the role operate."""
        wanted = await body_of(request, Cancel)
        try:
            state = await hub.source.cancel(grant.name, wanted.account, wanted.client_order_id, None)
        except SourceRefused:
            # An unknown order is answered as unknown.
            owner = (await find_order(hub, wanted.client_order_id)).get("owner")
            if owner in (None, "", BY_HAND, grant.name):
                raise
            if not grant.may("operate"):
                raise Problem(403, "forbidden", f"the order is {owner}'s: this takes operate") from None
            state = await hub.source.cancel(grant.name, wanted.account, wanted.client_order_id, owner)
        _LOG.info("%s: cancel of order %s", grant.name, wanted.client_order_id)
        return {"ok": True, **state}


def _sessions(app: FastAPI, access: Access) -> None:
    @app.post("/api/login", openapi_extra=schema(Login))
    async def login(request: Request, response: Response) -> dict[str, Any]:
        """Begin a browser's session of 12 hours."""
        session = access.login((await body_of(request, Login)).token)
        if session is None:
            _LOG.warning("a login with a token that is not known")
            raise Problem(401, "unauthorized", "the token is not known")
        cookie, csrf, grant = session
        _LOG.info("%s: logged in", grant.name)
        response.set_cookie(COOKIE, cookie, max_age=SESSION_S, httponly=True, samesite="strict", path="/")
        return {"ok": True, "name": grant.name, "role": grant.role, "csrf": csrf}

    @app.post("/api/logout")
    async def logout(request: Request, response: Response, _who: Reader) -> dict[str, Any]:
        """End a browser's session."""
        access.logout(request.cookies.get(COOKIE, ""))
        response.delete_cookie(COOKIE, path="/")
        return {"ok": True}

    @app.get("/api/me")
    async def me(request: Request, grant: Reader) -> dict[str, Any]:
        """Who asks, and the CSRF value of a session."""
        session = access.by_cookie(request.cookies.get(COOKIE, ""))
        csrf = session[1] if session else ""
        return {"name": grant.name, "role": grant.role, "csrf": csrf, "version": __version__}
