"""A network that goes wrong, between an adapter and an exchange in one process: no sockets, real bytes."""

import asyncio
import enum
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final, Self


class NetworkFault(enum.StrEnum):
    """What a network does.

    Attributes:
        what: What that is, in a sentence.
    """

    what: str

    def __new__(cls, name: str, what: str) -> Self:
        """A member by its name, with what it does."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.what = what
        return member

    REQUEST_LOST = "REQUEST_LOST", "The connection is cut before a request arrives."
    ANSWER_LOST = "ANSWER_LOST", "The connection is cut before the answer arrives: it was executed."
    ANSWER_LATE = "ANSWER_LATE", "The answer arrives after the stream has reported."
    REQUEST_LATE = "REQUEST_LATE", "A request arrives late, and another overtakes it."
    STREAM_CUT = "STREAM_CUT", "The stream ends, with what was on its way."
    STREAM_LATE = "STREAM_LATE", "Frames arrive late, after answers of REST that are newer."
    FRAME_LOST = "FRAME_LOST", "A frame is lost, and nobody says so."
    FRAME_TWICE = "FRAME_TWICE", "A frame arrives twice."
    DOWN = "DOWN", "The network is gone for a while: no connection, no answer."


_CHANCE: Final = 0.05
_LATE_S: Final = 0.02
_DOWN_S: Final = 0.05


class Network:
    """Decides what happens to each request and each frame. Calm until `disturb`.

    Attributes:
        fired: How often each fault happened.
        under_way: How many frames were said and have not arrived.
        lock: Guards the counts, which two threads move.
    """

    def __init__(self) -> None:
        """Begin calm."""
        self.fired: Counter[str] = Counter()
        self.under_way = 0
        self._chance = random.Random(0)  # noqa: S311 - repeatable, not secret
        self._faults: list[NetworkFault] = []
        self._down_until_s = 0.0
        self.lock = threading.Lock()
        self._streams: set[MemoryStream] = set()

    def disturb(self, seed: int, faults: Sequence[NetworkFault] = tuple(NetworkFault)) -> None:
        """Go wrong from now on.

        Args:
            seed: The same seed and the same calls go wrong in the same way; each has its own mix.
            faults: What may happen.
        """
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        mix = [fault for fault in faults if self._chance.random() < 0.5]
        self._faults = mix or [self._chance.choice(list(faults))]

    def calm(self) -> None:
        """Go wrong no more. What was lost stays lost: streams are cut, so that it is asked for."""
        self._faults = []
        self._down_until_s = 0.0
        self.cut()

    def cut(self) -> None:
        """End every stream."""
        for stream in list(self._streams):
            stream.end()

    def joined(self, stream: "MemoryStream") -> None:
        """Take a stream in."""
        self._streams.add(stream)

    def left(self, stream: "MemoryStream") -> None:
        """Let a stream go, with what was on its way."""
        self._streams.discard(stream)

    @property
    def is_down(self) -> bool:
        """Whether nothing gets through."""
        return time.monotonic() < self._down_until_s

    def happens(self, *faults: NetworkFault) -> NetworkFault | None:
        """Return which of these happens now, if one does.

        Args:
            faults: Those that can happen here.
        """
        with self.lock:
            possible = [fault for fault in faults if fault in self._faults]
            if not possible or self._chance.random() >= _CHANCE:
                return None
            fault = self._chance.choice(possible)
            self.fired[fault] += 1
        if fault == NetworkFault.DOWN:
            self._down_until_s = time.monotonic() + _DOWN_S
            self.cut()
        return fault

    async def late(self) -> None:
        """Let so much time pass as something that is late takes."""
        await asyncio.sleep(_LATE_S)


class MemoryStream:
    """The exchange's end of a stream: what is said goes to the adapter's loop through the network."""

    def __init__(self, network: Network, loop: asyncio.AbstractEventLoop) -> None:
        """Open it.

        Args:
            network: What is between the two.
            loop: The adapter's.
        """
        self._network = network
        self._loop = loop
        self._frames: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._last_s = 0.0
        self._count = 0
        self._ended = False

    def say(self, frame: str | bytes) -> None:
        """Send a frame; never waits. Frames keep their order, as in TCP."""
        fault = self._network.happens(
            NetworkFault.STREAM_CUT, NetworkFault.STREAM_LATE, NetworkFault.FRAME_LOST,
            NetworkFault.FRAME_TWICE,
        )  # fmt: skip
        if fault == NetworkFault.FRAME_LOST or self._ended:
            return
        if fault == NetworkFault.STREAM_CUT:
            self.end()
            return
        copies = 2 if fault == NetworkFault.FRAME_TWICE else 1
        late_s = _LATE_S if fault == NetworkFault.STREAM_LATE else 0.0
        self._last_s = max(self._last_s, time.monotonic() + late_s)
        for _ in range(copies):
            self._moved(1)
            self._loop.call_soon_threadsafe(self._arrive_at, self._last_s, frame)

    def end(self) -> None:
        """Cut it, with what is on its way."""
        self._ended = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._frames.put_nowait, None)

    async def next(self) -> str | bytes | None:
        """Return the next frame; None once it was cut."""
        frame = await self._frames.get()
        return None if self._ended else frame

    def read(self) -> None:
        """Note that the adapter has taken the frame that came last."""
        self._moved(-1)

    def close(self) -> None:
        """Let go of it, with what nobody has taken."""
        self._ended = True
        self._moved(-self._count)
        self._network.left(self)

    def _moved(self, count: int) -> None:
        with self._network.lock:
            self._count += count
            self._network.under_way += count

    def _arrive_at(self, at_s: float, frame: str | bytes) -> None:
        late_s = at_s - time.monotonic()
        if late_s > 0:
            self._loop.call_later(late_s, self._frames.put_nowait, frame)
        else:
            self._frames.put_nowait(frame)
