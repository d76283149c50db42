"""Changes as they come: server-sent events, and a WebSocket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import FastAPI, Header, Query, WebSocket
from fastapi.responses import StreamingResponse
from starlette.types import Send

from dita.gateway.access import Access, Grant
from dita.gateway.hub import SILENT_S, Frame, Hub
from dita.gateway.who import Reader, of_socket

_ID_MAX = (1 << 63) - 1
_HERE: Final = b": here\n\n"
LastId = Annotated[int | None, Query(ge=0, le=_ID_MAX, description="The last id that was seen.")]


class Stream(StreamingResponse):
    """A stream that ends where the other side does not read for SILENT_S."""

    async def stream_response(self, send: Send) -> None:
        """Send; a write that does not end is the other side's silence."""

        async def bounded(message: object) -> None:
            async with asyncio.timeout(SILENT_S):
                await send(message)  # type: ignore[arg-type]

        with contextlib.suppress(TimeoutError):
            await super().stream_response(bounded)


def add_streams(app: FastAPI, hub: Hub, access: Access) -> None:
    """Let people and scripts look on.

    Args:
        app: The application.
        hub: What tells the changes.
        access: Who may what: a stream ends with its token.
    """

    async def told(grant: Grant, last_id: int | None) -> AsyncIterator[Frame | None]:
        """Yield frames for as long as the token is good."""
        async with contextlib.aclosing(hub.frames(last_id)) as frames:
            while access.is_good(grant):
                try:
                    frame = await anext(frames)
                except StopAsyncIteration:
                    return
                yield frame

    @app.get(
        "/api/stream",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def stream(
        grant: Reader,
        last_id: LastId = None,
        last_event_id: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> StreamingResponse:
        """Server-sent events: frames after `last_id`, at most 20 a second."""
        known = last_event_id is not None and last_event_id.isascii() and last_event_id.isdecimal()
        seen = min(int(last_event_id[:20]), _ID_MAX) if known and last_event_id else last_id

        async def events() -> AsyncIterator[bytes]:
            yield b"retry: 1000\n\n"
            async for frame in told(grant, seen):
                yield _HERE if frame is None else frame.event

        return Stream(events(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    @app.websocket("/api/ws")
    async def socket(connection: WebSocket, last_id: LastId = None) -> None:
        grant = of_socket(access, connection)
        if grant is None:
            await connection.close(1008)
            return
        await connection.accept()
        with contextlib.suppress(RuntimeError, ConnectionError, TimeoutError):
            async for frame in told(grant, last_id):
                async with asyncio.timeout(SILENT_S):
                    await connection.send_text("{}" if frame is None else frame.text)
            await connection.close()
