"""The gateway's HTTP face, put together: guards, REST, streams, the page."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse

from dita.gateway.access import Access, AccessRefused
from dita.gateway.acts import add_acts
from dita.gateway.guards import REPORT_POLICY, Guards
from dita.gateway.hub import Hub
from dita.gateway.problems import ERRORS, Problem, add_problems, problem_response
from dita.gateway.reads import add_reads
from dita.gateway.streams import add_streams
from dita.gateway.who import Reader
from dita.version import __version__

PAGE: Final = Path(__file__).with_name("page")
#: A revoked token's slots are free within a second.
_GIVE_BACK_S: Final = 0.5
_FILES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


def build_app(
    hub: Hub,
    access: Access,
    *,
    guards: Guards | None = None,
    report: Callable[[], Path | None] | None = None,
) -> FastAPI:
    """Build the application.

    Args:
        hub: What it shows; it is run while the application is.
        access: Who may what.
        guards: Hosts, rates, sizes; None means those of loopback.
        report: Returns a report's page, once there is one; None where there never is.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(hub.run()), asyncio.create_task(_give_back(hub, access))]
        try:
            yield
        finally:
            for task in reversed(tasks):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    app = FastAPI(
        title="DITA gateway",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=ERRORS,
    )
    app.state.hub, app.state.access = hub, access
    held = guards or Guards()
    if held.origins:
        # Other pages ask with a token: a cookie never goes with them.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=held.origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type", "Last-Event-ID"),
        )
    app.add_middleware(GuardMiddleware, guards=held)
    add_problems(app)
    add_acts(app, hub, access)
    add_reads(app, hub)
    add_streams(app, hub, access)
    _add_page(app)
    if report is not None:
        _add_report(app, report)
    return app


async def _give_back(hub: Hub, access: Access) -> None:
    """Let go, now and then, of what is held for those whose token was revoked, or who long sent nothing."""
    while True:
        await asyncio.sleep(_GIVE_BACK_S)
        # A file of tokens that cannot be read says of nobody that he may no more.
        with contextlib.suppress(AccessRefused):
            await hub.source.give_back(access.may_trade)


class GuardMiddleware:
    """Holds every request against the guards, and puts the headers on every answer."""

    def __init__(self, app: Callable[..., Awaitable[None]], guards: Guards) -> None:
        """Stand before the application."""
        self._app, self._guards = app, guards

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        """Let a request through, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = self._guards.refusal(scope)
        if scope["type"] == "websocket":
            if refused is not None:
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        guarded = self._guards.answering(send)
        if refused is not None:
            await problem_response(*refused)(scope, receive, guarded)
            return
        await self._app(scope, self._guards.bounded(receive), guarded)


def _add_report(app: FastAPI, report: Callable[[], Path | None]) -> None:
    @app.get("/report", include_in_schema=False)
    async def show(_who: Reader) -> FileResponse:
        file = report()
        if file is None:
            raise Problem(404, "not_found", "the report is not written yet")
        # It has its scripts inside: it may run them, in a room of its own that reaches nothing else here.
        return FileResponse(file, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(PAGE / "index.html", media_type="text/html")

    @app.get("/page/{name:path}", include_in_schema=False)
    async def page(name: str) -> FileResponse:
        file = (PAGE / name).resolve()
        if not file.is_relative_to(PAGE) or not file.is_file() or file.suffix not in _FILES:
            raise Problem(404, "not_found", "there is no such file")
        return FileResponse(file, media_type=_FILES[file.suffix])
