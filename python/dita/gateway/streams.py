"""Changes as they come: server-sent events, and a WebSocket."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final

from fastapi import FastAPI, Header, Query, Request, WebSocket
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from dita.gateway.access import Access, AccessRefused, Grant
from dita.gateway.hub import KEEP_ALIVE_S, SILENT_S, WAITING_MAX, Frame, Hub, chunk_of
from dita.gateway.who import Reader, of_socket

#: Under this name the server gives a request its connection.
TRANSPORT: Final = "dita.transport"
_ID_MAX = (1 << 63) - 1
_BEGIN: Final = b"retry: 1000\n\n"
_HERE: Final = b": here\n\n"
_HERE_CHUNK: Final = chunk_of(_HERE)
_END_CHUNK: Final = b"0\r\n\r\n"
LastId = Annotated[int | None, Query(ge=0, le=_ID_MAX, description="The last id that was seen.")]


class Line:
    """One who looks on at the other end of a connection: frames are written to it as they come.

    No task waits for it and nothing is made for it alone, so that many may look on.
    """

    def __init__(self, transport: asyncio.WriteTransport, is_good: Callable[[], bool]) -> None:
        """Write to a connection.

        Args:
            transport: The connection; an answer in chunked transfer coding has begun there.
            is_good: Whether the client may stay subscribed.
        """
        self._transport = transport
        self._is_good = is_good
        self._written = 0
        # When each frame that is not on its way yet was written, and how much had been by then.
        self._waiting: deque[tuple[float, int]] = deque()
        self._sent_s = time.monotonic()
        self._ended = False

    def give(self, now_s: float, frame: Frame) -> None:
        """Write a frame; disconnect a client that is too slow, or may not stay subscribed."""
        if self._may_stay(now_s):
            self._write(now_s, frame.chunk)

    def look(self, now_s: float) -> None:
        """Let him know now and then that somebody is here; and notice that he is not."""
        if self._may_stay(now_s) and now_s - self._sent_s >= KEEP_ALIVE_S:
            self._write(now_s, _HERE_CHUNK)

    def end(self) -> None:
        """End the answer, and hang up. Who does not read loses what waits for him."""
        if self._ended:
            return
        self._ended = True
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.write(_END_CHUNK)
            self._transport.close()

    def _write(self, now_s: float, chunk: bytes) -> None:
        self._transport.write(chunk)
        self._sent_s = now_s
        self._written += len(chunk)
        self._waiting.append((now_s, self._written))

    def _may_stay(self, now_s: float) -> bool:
        left = self._written - self._transport.get_write_buffer_size()
        while self._waiting and self._waiting[0][1] <= left:
            self._waiting.popleft()
        too_long = bool(self._waiting) and now_s - self._waiting[0][0] > SILENT_S
        if too_long or len(self._waiting) >= WAITING_MAX or not self._is_good():
            self.end()
        return not self._ended


class Stream(Response):
    """Server-sent events of a hub, until one of both ends has had enough."""

    media_type = "text/event-stream"

    def __init__(
        self, hub: Hub, transport: asyncio.WriteTransport, is_good: Callable[[], bool], last_id: int | None
    ) -> None:
        """Say of what.

        Args:
            hub: Publishes the changes.
            transport: The connection that is answered.
            is_good: Whether the client may stay subscribed.
            last_id: The last frame that was seen.
        """
        super().__init__(headers={"X-Accel-Buffering": "no"})
        # How long it will be is not known.
        del self.headers["content-length"]
        self._hub, self._transport, self._is_good, self._last_id = hub, transport, is_good, last_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        """Answer. The head goes the usual way; what comes after it is written past the server."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": _BEGIN, "more_body": True})
        line = Line(self._transport, self._is_good)
        now_s = time.monotonic()
        try:
            for frame in self._hub.join(line, self._last_id):
                line.give(now_s, frame)
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._hub.leave(line)


def _is_good(access: Access, grant: Grant) -> bool:
    """Whether a client may stay subscribed; none may where the token file cannot be used."""
    try:
        return access.is_good(grant)
    except AccessRefused:
        return False


async def _frames(hub: Hub, access: Access, grant: Grant, last_id: int | None) -> AsyncIterator[Frame | None]:
    """Yield frames for as long as the token is good."""
    async with contextlib.aclosing(hub.frames(last_id)) as frames:
        while _is_good(access, grant):
            try:
                frame = await anext(frames)
            except StopAsyncIteration:
                return
            yield frame


async def _events(frames: AsyncIterator[Frame | None]) -> AsyncIterator[bytes]:
    yield _BEGIN
    async for frame in frames:
        yield _HERE if frame is None else frame.event


def add_streams(app: FastAPI, hub: Hub, access: Access) -> None:
    """Let people and scripts look on.

    Args:
        app: The application.
        hub: Publishes the changes.
        access: Who may what: a stream ends with its token.
    """

    @app.get(
        "/api/stream",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def stream(
        request: Request,
        grant: Reader,
        last_id: LastId = None,
        last_event_id: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        """Server-sent events: frames after `last_id`, at most 20 a second.

        After each frame come `order_update`, `fill` and `account` as events of these names, in the words of
        the engine (docs/api/engine_protocol.md), with the `account` they concern.
        """
        known = last_event_id is not None and last_event_id.isascii() and last_event_id.isdecimal()
        seen = min(int(last_event_id[:20]), _ID_MAX) if known and last_event_id else last_id
        transport = request.scope.get("extensions", {}).get(TRANSPORT)
        if transport is not None:
            return Stream(hub, transport, lambda: _is_good(access, grant), seen)
        # Another server than ours: it gives no connection.
        return StreamingResponse(
            _events(_frames(hub, access, grant, seen)),
            media_type=Stream.media_type,
            headers={"X-Accel-Buffering": "no"},
        )

    @app.websocket("/api/ws")
    async def socket(connection: WebSocket, last_id: LastId = None) -> None:
        grant = of_socket(access, connection)
        if grant is None:
            await connection.close(1008)
            return
        await connection.accept()
        with contextlib.suppress(RuntimeError, ConnectionError, TimeoutError):
            async for frame in _frames(hub, access, grant, last_id):
                async with asyncio.timeout(SILENT_S):
                    await connection.send_text("{}" if frame is None else frame.text)
            await connection.close()
