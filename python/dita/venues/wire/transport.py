"""The network: one thread with one event loop per account, HTTP and streams. Needs the extra `venues`."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp
from yarl import URL

from dita.venues.wire.budget import Budget
from dita.venues.wire.failures import Failure, Fate, unanswered
from dita.venues.wire.reading import FRAME_BYTES_MAX
from dita.venues.wire.requests import Codec, Request
from dita.venues.wire.thread import LoopThread

_LOG: Final = logging.getLogger("dita.venues")
ANSWER_S: Final = 5.0
_HEARTBEAT_S: Final = 20.0
_MINUTE_S: Final = 61.0
_LOOK_S: Final = 0.5
_MS: Final = 1_000_000
Say = Callable[[str], Awaitable[None]]


class Transport(LoopThread):
    """Sends requests, and opens streams."""

    def __init__(
        self, rest: str, stream: str, codec: Codec, clock_ns: Callable[[], int], budget: Budget
    ) -> None:
        """Start the thread; nothing is sent yet.

        Args:
            rest: Base address of REST.
            stream: Base address of the streams.
            codec: How the venue's requests are written, and its answers read.
            clock_ns: This machine's time.
            budget: What may be asked.
        """
        self.rest, self.stream = rest.rstrip("/"), stream.rstrip("/")
        self.budget = budget
        self.offset_ms = 0
        self._waiting: dict[int, str] = {}
        self._codec = codec
        self._clock_ns = clock_ns
        self._session: aiohttp.ClientSession | None = None
        super().__init__(f"dita-{codec.name}")

    def __repr__(self) -> str:
        """Its address; never the key."""
        return f"Transport({self.rest!r})"

    async def _let_go(self) -> None:
        if self._session is not None:
            await self._session.close()
            # A closed connection lets go of its socket in the loop's next round.
            await asyncio.sleep(0)

    # ------------------------------------------------------------------------------------------------ HTTP

    def now_ms(self) -> int:
        """The venue's time, as far as is known."""
        return self._clock_ns() // _MS + self.offset_ms

    async def ask(self, request: Request) -> Any:  # noqa: ANN401 - any JSON
        """Send a request, once; where only the clock was off, once more.

        A question waits until the rate budget has room for it; orders, changes and cancels do not.

        Args:
            request: The request.

        Returns:
            The JSON of a success.

        Raises:
            Failure: It is none.
        """
        if request.can_wait:
            await self._room_for(request)
        try:
            return await self._send(request)
        except Failure as failure:
            if failure.fate is not Fate.CLOCK:
                raise
        await self.set_clock()
        return await self._send(request)

    async def _room_for(self, request: Request) -> None:
        """Wait for the budget: for a minute at most, or for as long as the venue itself bars us."""
        until_s = time.monotonic() + _MINUTE_S
        question = f"{request.method} {request.path}"
        key = id(asyncio.current_task())
        try:
            while wait_ms := self.budget.wait_ms(request, self._clock_ns()):
                is_barred = self.budget.is_barred(self._clock_ns())
                if time.monotonic() > until_s and not is_barred:
                    return
                why = "the venue has barred this address" if is_barred else "the rate budget is used up"
                first, self._waiting[key] = (
                    key not in self._waiting,
                    f"{question} waits {wait_ms / 1000:.1f} s: {why}",
                )
                if first:
                    _LOG.info("%s: %s", self.rest, self._waiting[key])
                await asyncio.sleep(min(wait_ms / 1000, _LOOK_S))
        finally:
            self._waiting.pop(key, None)

    @property
    def waits(self) -> str:
        """Which question waits for the rate budget, and why; empty where none does."""
        return next(iter(list(self._waiting.values())), "")

    async def set_clock(self) -> None:
        """Learn how far this machine's clock is off, from one question's middle.

        Raises:
            Failure: The venue does not say.
        """
        before = self._clock_ns()
        answer = await self._send(self._codec.server_time)
        after = self._clock_ns()
        there_ns = self._codec.read_time(answer)
        self.offset_ms = (there_ns - (before + after) // 2) // _MS

    async def _send(self, request: Request) -> Any:  # noqa: ANN401 - any JSON
        session = await self._opened()
        self.budget.take(request, self._clock_ns())
        written = self._codec.write(request, self.now_ms())
        try:
            # Encoded already: what is signed must be what is sent.
            address = URL(self.rest + written.address, encoded=True)
            async with session.request(
                request.method, address, headers=dict(written.headers), data=written.body
            ) as reply:
                raw = await reply.read()
                self.budget.read_headers(request, reply.headers, self._clock_ns())
                return self._read(reply.status, raw, reply.headers)
        except aiohttp.ClientConnectorError as error:
            raise unanswered(_words(error), left=False) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The address may have the signature in it, so the error's own text is not kept.
            raise unanswered(_words(error), left=True) from None

    def _read(self, status: int, raw: bytes, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
        try:
            return self._codec.read(status, raw, headers)
        except Failure as failure:
            if failure.retry_after_ms is not None and failure.fate is Fate.LATER:
                self.budget.barred(failure.retry_after_ms, self._clock_ns())
            raise

    async def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=ANSWER_S, connect=ANSWER_S / 2),
                connector=aiohttp.TCPConnector(limit=32, keepalive_timeout=60),
            )
        return self._session

    # ---------------------------------------------------------------------------------------------- streams

    async def listen(
        self,
        path: str,
        opened: Callable[[], Awaitable[None]],
        on_frame: Callable[[str], bool],
        *,
        greet: Callable[[Say], Awaitable[None]] | None = None,
        ping: str = "",
        pongs: Mapping[str, str] | None = None,
        unpack: Callable[[bytes], str] | None = None,
    ) -> str:
        """Read a stream until it ends.

        Args:
            path: From the base address on.
            opened: Called once it is open.
            on_frame: Called with each frame; False ends the stream.
            greet: Called before `opened` with what sends a text, where the stream wants to be spoken to.
            ping: What is said every 20 seconds, where the venue counts that and not WebSocket's own pings.
            pongs: What is answered to a text of the venue's, where that is its ping.
            unpack: Reads a binary frame, where the venue packs them.

        Returns:
            Why it ended.
        """
        session = await self._opened()
        try:
            async with session.ws_connect(
                self.stream + path, heartbeat=_HEARTBEAT_S, max_msg_size=FRAME_BYTES_MAX
            ) as socket:
                if greet is not None:
                    await greet(socket.send_str)
                await opened()
                pinging = asyncio.create_task(_ping(socket, ping)) if ping else None
                try:
                    async for message in socket:
                        text = message.data
                        if message.type is aiohttp.WSMsgType.BINARY and unpack is not None:
                            text = unpack(text)
                        elif message.type is not aiohttp.WSMsgType.TEXT:
                            return f"a frame of type {message.type.name}"
                        if pongs is not None and text in pongs:
                            await socket.send_str(pongs[text])
                        elif not on_frame(text):
                            return "ended by what it said"
                finally:
                    if pinging is not None:
                        pinging.cancel()
                return f"closed, code {socket.close_code}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _words(error)


async def _ping(socket: aiohttp.ClientWebSocketResponse, text: str) -> None:
    while not socket.closed:
        await asyncio.sleep(_HEARTBEAT_S)
        await socket.send_str(text)


def _words(error: BaseException) -> str:
    return type(error).__name__
