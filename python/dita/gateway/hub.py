"""Keeps the newest rows, and tells everybody what changed: each frame is made once, for all."""

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

from dita.gateway.rows import frame_of, rows_of
from dita.gateway.source import Source, SourceAway, SourceRefused

_LOG: Final = logging.getLogger("dita.gateway")
#: How often the host is asked, seconds.
INTERVAL_S: Final = 0.25
#: So many frames are kept for those who come back.
RING_FRAMES: Final = 1_000
#: So many frames may wait for one who reads slowly; then he is cut, and comes back.
WAITING_MAX: Final = 20
#: Without news a comment goes out so often, seconds: both ends know the other, and who lost his token is cut.
KEEP_ALIVE_S: Final = 0.8


class Looker:
    """One who looks on: the frames that wait for him."""

    def __init__(self) -> None:
        """Nothing waits yet."""
        self.frames: asyncio.Queue[tuple[int, str] | None] = asyncio.Queue(WAITING_MAX + 1)
        self.cut = False

    def give(self, number: int, frame: str) -> None:
        """Let a frame wait; cut who lets too many wait."""
        if self.cut:
            return
        if self.frames.qsize() >= WAITING_MAX:
            self.cut = True
            self.frames.put_nowait(None)
        else:
            self.frames.put_nowait((number, frame))


class Hub:
    """Asks a source again and again, in one task, and tells frames.

    Attributes:
        rows: The newest rows, as JSON by their keys.
        away: Why nobody answers; empty where somebody does.
        lookers: How many look on.
    """

    def __init__(
        self, source: Source, *, interval_s: float = INTERVAL_S, ring_frames: int = RING_FRAMES
    ) -> None:
        """Take the source; nothing is asked before `run`."""
        self.source = source
        self.rows: dict[str, str] = {}
        self.away = "the host has not been asked yet"
        self._interval_s = interval_s
        self._ring: deque[tuple[int, str]] = deque(maxlen=ring_frames)
        self._number = 0
        self._lookers: set[Looker] = set()

    @property
    def lookers(self) -> int:
        """How many look on."""
        return len(self._lookers)

    async def run(self) -> None:
        """Ask and tell until it is canceled."""
        try:
            while True:
                await self._once()
                await asyncio.sleep(self._interval_s)
        finally:
            await self.source.close()
            self.cut()

    def cut(self) -> None:
        """End every open stream: who reads it may come back."""
        for looker in tuple(self._lookers):
            looker.cut = True
            with contextlib.suppress(asyncio.QueueFull):
                looker.frames.put_nowait(None)

    async def _once(self) -> None:
        try:
            read = await self.source.read()
        except (SourceAway, SourceRefused) as error:
            if str(error) != self.away:
                _LOG.warning("%s", error)
            self.away = str(error)
            self._tell({**self.rows, "away": _quoted(self.away)})
            return
        self.away = ""
        self._tell(rows_of(read))

    def _tell(self, rows: dict[str, str]) -> None:
        frame = frame_of(self.rows, rows, self._number + 1)
        if not frame:
            return
        self._number += 1
        self.rows = rows
        self._ring.append((self._number, frame))
        for looker in self._lookers:
            looker.give(self._number, frame)

    def everything(self) -> tuple[int, str]:
        """Return the last frame's number, and all rows as one frame."""
        return self._number, frame_of({}, self.rows, self._number)

    async def frames(self, last_id: int | None) -> AsyncGenerator[tuple[int, str] | None, None]:
        """Yield frames after one that was seen; None now and then, to keep the connection alive.

        Args:
            last_id: The last number that was seen. None, one of the future and one that is no longer kept
                begin with everything: that frame has `reset`.
        """
        looker = Looker()
        # Between these two lines nothing else runs: no frame is missed, and none comes twice.
        missed = self._after(last_id)
        self._lookers.add(looker)
        try:
            for number, frame in missed:
                yield number, frame
            while True:
                try:
                    told = await asyncio.wait_for(looker.frames.get(), KEEP_ALIVE_S)
                except TimeoutError:
                    yield None
                    continue
                if told is None:
                    return
                yield told
        finally:
            self._lookers.discard(looker)

    def _after(self, last_id: int | None) -> list[tuple[int, str]]:
        oldest = self._ring[0][0] if self._ring else self._number + 1
        if last_id is not None and oldest - 1 <= last_id <= self._number:
            return [(number, frame) for number, frame in self._ring if number > last_id]
        number, frame = self.everything()
        return [
            (
                number,
                f'{{"reset":true,{frame[1:]}' if frame else f'{{"reset":true,"id":{number},"rows":{{}}}}',
            )
        ]


def _quoted(text: str) -> str:
    return json.dumps(text)
