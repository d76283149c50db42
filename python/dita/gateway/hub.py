"""Keep the newest rows and publish changes: each frame is built and encoded once, for all subscribers."""

import asyncio
import contextlib
import json
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from dita.gateway.history import History
from dita.gateway.named import named_events
from dita.gateway.refused import SourceAway, SourceRefused
from dita.gateway.source import Source, Update

_LOG: Final = logging.getLogger("dita.gateway")
#: How often the source is asked while somebody looks on, seconds: at most 20 frames a second.
INTERVAL_S: Final = 0.05
#: And while nobody does.
IDLE_S: Final = 0.5
#: So many frames are kept for those who come back.
RING_FRAMES: Final = 1_000
#: So many fills, ended orders and lines are kept for those who come new.
KEPT_MAX: Final = 500
#: Who leaves a frame waiting for so long is cut, seconds; and who lets so many wait.
SILENT_S: Final = 5.0
WAITING_MAX: Final = 120
#: Everybody who looks on is looked at so often, seconds.
LOOK_S: Final = 0.25
#: Without news a comment goes out so often, seconds: both ends know the other, and who lost his token is cut.
KEEP_ALIVE_S: Final = 0.8


class Frame(NamedTuple):
    """One published message.

    Attributes:
        number: Its id.
        text: One JSON object.
        event: The same as a server-sent event, and after it the engine's events by name.
        chunk: That as a piece of an answer whose length nobody knows: what goes over the wire.
    """

    number: int
    text: str
    event: bytes
    chunk: bytes


def frame_of(number: int, update: Update, *, reset: bool = False) -> Frame:
    """Return a frame.

    Args:
        number: Its id.
        update: What has changed.
        reset: Whether it is everything there is.
    """
    rows = ",".join([f"{json.dumps(key)}:{text}" for key, text in update.rows.items()])
    parts = [f'"id":{number},"rows":{{{rows}}},"gone":{json.dumps(list(update.gone), separators=(",", ":"))}']
    parts += [
        f'"{kind}":[{",".join(texts)}]'
        for kind, texts in (("fills", update.fills), ("ended", update.ended), ("log", update.log))
        if texts
    ]
    text = ('{"reset":true,' if reset else "{") + ",".join(parts) + "}"
    event = f"id: {number}\ndata: {text}\n\n".encode() + named_events(update, reset=reset)
    return Frame(number, text, event, chunk_of(event))


def chunk_of(event: bytes) -> bytes:
    """Return an event as a piece of an answer in chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(event), event)


class Subscriber(Protocol):
    """Receives frames. The hub never waits for one."""

    def give(self, now_s: float, frame: Frame) -> None:
        """Take a frame."""
        ...

    def look(self, now_s: float) -> None:
        """Called now and then, also where nothing has changed."""
        ...

    def end(self) -> None:
        """End the subscription; the client may subscribe again."""
        ...


class QueueSubscriber:
    """A subscriber with a queue of frames."""

    def __init__(self) -> None:
        """Start with an empty queue."""
        self.frames: asyncio.Queue[tuple[float, Frame] | None] = asyncio.Queue(WAITING_MAX + 1)
        self.cut = False
        self._oldest: deque[float] = deque()

    def give(self, now_s: float, frame: Frame) -> None:
        """Queue a frame; end the subscription where one waits too long, or too many wait."""
        if self.cut:
            return
        too_long = bool(self._oldest) and now_s - self._oldest[0] > SILENT_S
        if too_long or self.frames.qsize() >= WAITING_MAX:
            self.end()
        else:
            self._oldest.append(now_s)
            self.frames.put_nowait((now_s, frame))

    def look(self, now_s: float) -> None:
        """Do nothing: `next` has its own timeouts."""

    def end(self) -> None:
        """End the subscription and drop the queue; the client subscribes again for what it missed."""
        self.cut = True
        while not self.frames.empty():
            self.frames.get_nowait()
        self.frames.put_nowait(None)

    async def next(self) -> Frame | None:
        """Return the next frame; None once the subscription has ended."""
        frame = await self.frames.get()
        if frame is None:
            return None
        self._oldest.popleft()
        return frame[1]


class Hub:
    """Polls a source in one task, and publishes frames.

    Attributes:
        source: What is shown.
        rows: The newest rows, as JSON by their keys.
        away: Why nobody answers; empty where somebody does.
        subscribers: How many clients are subscribed.
        history: Equity and marks of the last hours.
        outcomes: How often each kernel said what, by account and code; fills are OK.
        reads, reads_took_s: How many looks at the source there were, and how long they took, seconds.
        orders_asked, orders_took_s: The same of orders.
    """

    def __init__(
        self,
        source: Source,
        *,
        interval_s: float = INTERVAL_S,
        idle_s: float = IDLE_S,
        ring_frames: int = RING_FRAMES,
    ) -> None:
        """Take the source; nothing is asked before `run`."""
        self.source = source
        self.rows: dict[str, str] = {}
        self.away = "the host has not been asked yet"
        self.history = History()
        self._interval_s, self._idle_s = interval_s, max(interval_s, idle_s)
        self._ring: deque[Frame] = deque(maxlen=ring_frames)
        self._kept: dict[str, deque[str]] = {
            kind: deque(maxlen=KEPT_MAX) for kind in ("fills", "ended", "log")
        }
        # It begins where the clock stands, so that a number of an earlier gateway is none of this one's.
        self._number = self._first = time.time_ns() // 1_000
        self._subscribers: set[Subscriber] = set()
        self._wake = asyncio.Event()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.reads = self.orders_asked = 0
        self.reads_took_s = self.orders_took_s = 0.0

    @property
    def subscribers(self) -> int:
        """How many clients are subscribed."""
        return len(self._subscribers)

    async def run(self) -> None:
        """Poll and publish until it is canceled."""
        looks = asyncio.create_task(self._looks())
        try:
            while True:
                begun_s = time.monotonic()
                await self._once()
                took_s = time.monotonic() - begun_s
                self.reads += 1
                self.reads_took_s += took_s
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    # A new subscriber gets the current state at once; the others keep their pace.
                    wait_s = self._interval_s if self._subscribers else self._idle_s
                    async with asyncio.timeout(max(0.0, wait_s - took_s)):
                        await self._wake.wait()
        finally:
            looks.cancel()
            await self.source.close()
            self.cut()

    def cut(self) -> None:
        """End every open stream: who reads it may come back."""
        for subscriber in tuple(self._subscribers):
            subscriber.end()

    async def _looks(self) -> None:
        # One timer for all of them, and no part of the asking: a host that hangs holds up no end of a stream.
        while True:
            await asyncio.sleep(LOOK_S)
            now_s = time.monotonic()
            for subscriber in tuple(self._subscribers):
                subscriber.look(now_s)

    async def _once(self) -> None:
        try:
            update = await self.source.read()
        except (SourceAway, SourceRefused) as error:
            if str(error) != self.away:
                _LOG.warning("%s", error)
                self.away = str(error)
                self._publish(Update(rows={"away": json.dumps(self.away)}))
            return
        if self.away:
            self.away = ""
            if "away" in self.rows:
                update = Update(
                    update.reset, update.rows, [*update.gone, "away"], update.fills, update.ended, update.log
                )
        self._publish(update)
        self.history.take(self.rows)

    def _publish(self, update: Update) -> None:
        if update.reset:
            # The host is another one, or it no longer keeps all that happened: publish everything once.
            update = self._as_change(update)
        fresh = {key: text for key, text in update.rows.items() if self.rows.get(key) != text}
        gone = [key for key in update.gone if key in self.rows]
        if not (fresh or gone or update.fills or update.ended or update.log):
            return
        self.rows.update(fresh)
        for key in gone:
            del self.rows[key]
        for kind, kept in self._kept.items():
            kept.extend(getattr(update, kind))
        self._count(update)
        self._number += 1
        frame = frame_of(
            self._number,
            Update(rows=fresh, gone=gone, fills=update.fills, ended=update.ended, log=update.log),
        )
        self._ring.append(frame)
        now_s = time.monotonic()
        for subscriber in tuple(self._subscribers):
            subscriber.give(now_s, frame)

    def _count(self, update: Update) -> None:
        for text in update.fills:
            self.outcomes[str(json.loads(text).get("account", "")), "OK"] += 1
        for text in update.log:
            line = json.loads(text)
            if line["kind"] == "kernel":
                self.outcomes[str(line["account"]), str(line["text"]).partition(",")[0]] += 1

    async def order(self, by: str, account: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Send an order for somebody, and count how long its answer took."""
        begun_s = time.perf_counter()
        try:
            return await self.source.order(by, account, fields)
        finally:
            self.orders_asked += 1
            self.orders_took_s += time.perf_counter() - begun_s

    def _as_change(self, update: Update) -> Update:
        gone = [key for key in self.rows if key not in update.rows]
        known = {kind: set(kept) for kind, kept in self._kept.items()}

        def new(kind: str, texts: Sequence[str]) -> list[str]:
            return [one for one in texts if one not in known[kind]]

        return Update(
            rows=update.rows,
            gone=gone,
            fills=new("fills", update.fills),
            ended=new("ended", update.ended),
            log=new("log", update.log),
        )

    def everything(self) -> Frame:
        """Return all rows, and what happened lately, as one frame with the last frame's number."""
        lately: Mapping[str, list[str]] = {kind: list(kept) for kind, kept in self._kept.items()}
        return frame_of(self._number, Update(reset=True, rows=self.rows, **lately), reset=True)

    async def frames(self, last_id: int | None) -> AsyncGenerator[Frame | None, None]:
        """Yield frames after one that was seen; None now and then, to keep the connection alive.

        Args:
            last_id: The last number that was seen. None, one of the future and one that is no longer kept
                begin with everything: that frame has `reset`.
        """
        subscriber = QueueSubscriber()
        missed = self.join(subscriber, last_id)
        try:
            for one in missed:
                yield one
            while True:
                try:
                    async with asyncio.timeout(KEEP_ALIVE_S):
                        frame = await subscriber.next()
                except TimeoutError:
                    yield None
                    continue
                if frame is None:
                    return
                yield frame
        finally:
            self.leave(subscriber)

    def join(self, subscriber: Subscriber, last_id: int | None) -> list[Frame]:
        """Add a subscriber, and return the frames that it has missed.

        Args:
            subscriber: Receives every frame from now on.
            last_id: As of `frames`.
        """
        # Between these lines nothing else runs: no frame is missed, and none comes twice.
        missed = self._after(last_id)
        if not self._subscribers:
            # Nobody looked on, so what there is may be old. Where somebody does, it is one look old at most.
            self._wake.set()
        self._subscribers.add(subscriber)
        return missed

    def leave(self, subscriber: Subscriber) -> None:
        """Remove a subscriber."""
        self._subscribers.discard(subscriber)

    def _after(self, last_id: int | None) -> list[Frame]:
        oldest = self._ring[0].number if self._ring else self._number + 1
        if last_id is not None and max(self._first, oldest - 1) <= last_id <= self._number:
            return [frame for frame in self._ring if frame.number > last_id]
        return [self.everything()]
