"""Who asks: a script's token, or a browser's session. And what each role may."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends, Request, WebSocket

from dita.gateway.access import Access, Grant
from dita.gateway.problems import Problem

COOKIE: Final = "dita_session"


def who(request: Request) -> Grant:
    """Return who asks: by a Bearer token, or a browser's session, whose POSTs carry the CSRF value.

    Raises:
        Problem: Nobody that is known.
    """
    access: Access = request.app.state.access
    authorization = request.headers.get("authorization")
    if authorization is not None:
        grant = by_header(access, authorization)
        if grant is None:
            raise Problem(
                401, "unauthorized", "the token is not known; make one: dita token add NAME --role read"
            )
        return grant
    session = access.by_cookie(request.cookies.get(COOKIE, ""))
    if session is None:
        raise Problem(401, "unauthorized", "log in, or send a token: Authorization: Bearer TOKEN")
    grant, csrf = session
    if request.method not in ("GET", "HEAD") and request.headers.get("x-csrf-token") != csrf:
        raise Problem(403, "forbidden", "X-CSRF-Token is not the one that the login returned")
    return grant


def by_header(access: Access, authorization: str) -> Grant | None:
    """Return who has the token of an Authorization header; None where nobody has."""
    scheme, _, token = authorization.partition(" ")
    return access.by_token(token.strip()) if scheme.lower() == "bearer" else None


def of_socket(access: Access, connection: WebSocket) -> Grant | None:
    """Return who opens a WebSocket; None where it is nobody that is known."""
    session = access.by_cookie(connection.cookies.get(COOKIE, ""))
    return session[0] if session else by_header(access, connection.headers.get("authorization", ""))


def _allowed(role: str) -> Callable[[Request], Awaitable[Grant]]:
    # Async, though it waits for nothing: a plain function would take a thread. One dependency that reads the
    # headers itself: each one more costs every request some ten microseconds.
    async def check(request: Request) -> Grant:
        grant = who(request)
        if not grant.may(role):
            raise Problem(403, "forbidden", f"{grant.name} has the role {grant.role}, and this takes {role}")
        return grant

    return check


Reader = Annotated[Grant, Depends(_allowed("read"))]
Trader = Annotated[Grant, Depends(_allowed("trade"))]
Operator = Annotated[Grant, Depends(_allowed("operate"))]
