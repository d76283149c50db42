"""Writes values to a cluster's maps so that the newest one stands, whoever else writes, and whenever."""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from hazelcast.client import HazelcastClient
    from hazelcast.future import Future

_LOG: Final = logging.getLogger("dita.projection")

IN_FLIGHT_MAX: Final = 256
# While the cluster is away nothing is asked of it more often than this.
RETRY_S: Final = 0.1


class Key(NamedTuple):
    """Where a value stands.

    Attributes:
        map: The map's name.
        key: The key in it.
    """

    map: str
    key: str


class Stamp(NamedTuple):
    """When a value was true; of two, the greater is the newer.

    Attributes:
        run: Which sequence of inputs: a later one begins with a greater number.
        seq: The last input in it.
    """

    run: int
    seq: int


class State(NamedTuple):
    """A value, not yet written out.

    Attributes:
        stamp: When it was true.
        encode: Writes it out as JSON, with `run` and `seq` in it.
        ttl_s: How long the cluster keeps it once it is written; 0 for ever.
    """

    stamp: Stamp
    encode: Callable[[], str]
    ttl_s: int = 0


@dataclass(slots=True)
class _Entry:
    """What is known of one key."""

    newest: State
    # What the cluster held when it last answered, to be compared with; None where that is not known.
    known: Any = None
    is_dirty: bool = False
    is_in_flight: bool = False
    # What is on its way.
    sent: State | None = None
    sent_text: str = ""
    sent_value: Any = None
    since: float = field(default_factory=time.monotonic)


class NewestWriter:
    """One thread that brings values to the cluster: each key's newest; what came between is left out.

    A value is compared and exchanged in the member (`put_if_absent`, `replace_if_same`): a writer that was
    overtaken finds a newer `(run, seq)` and leaves it. At most one write of a key is on its way, and at most
    `in_flight_max` in all. An answer that does not come leaves the key unknown; the next attempt asks again.

    It holds the newest value of every key, so that a cluster that comes back empty is filled again.
    """

    def __init__(
        self,
        client: "HazelcastClient",
        *,
        in_flight_max: int = IN_FLIGHT_MAX,
        sweep_s: float = 60.0,
        beat_s: float = 0.25,
        on_beat: Callable[[], None] | None = None,
    ) -> None:
        """Begin.

        Args:
            client: The cluster's client.
            in_flight_max: How many writes may be on their way.
            sweep_s: How often every value is held against the cluster's.
            beat_s: How often `on_beat` is called.
            on_beat: Called in the writer's thread.
        """
        self._client = client
        self._in_flight_max = in_flight_max
        self._sweep_s = sweep_s
        self._beat_s = beat_s
        self._on_beat = on_beat
        self._maps: dict[str, Any] = {}
        self._entries: dict[Key, _Entry] = {}
        self._dirty: deque[Key] = deque()
        self._answers: deque[tuple[Key, Future[Any]]] = deque()
        self._in_flight = 0
        self._wakes = threading.Condition()
        self._refill = False
        self._stopping = False
        self._away_since: float | None = time.monotonic()
        self._retry_at = 0.0
        self.written = 0
        self.conflated = 0
        self.late = 0
        self.failures = 0
        self._thread = threading.Thread(target=self._work, name="dita-projection", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------------------------- from any thread

    def put(self, key: Key, state: State) -> None:
        """Take a value. One that is older than what was given before is left out."""
        with self._wakes:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry(state)
            elif state.stamp < entry.newest.stamp:
                return
            else:
                self.conflated += entry.is_dirty
                entry.newest = state
            self._soil(key, entry)

    def forget(self, key: Key) -> None:
        """Keep a value in the cluster, and no longer here: it is not filled in again."""
        with self._wakes:
            entry = self._entries.get(key)
            if entry is not None and not entry.is_dirty and not entry.is_in_flight:
                del self._entries[key]

    def refill(self) -> None:
        """Hold every value against the cluster's, soon."""
        with self._wakes:
            self._refill = True
            self._wakes.notify_all()

    def standing(self) -> dict[str, Any]:
        """Return how it is doing, as `HazelcastProjection.standing` says."""
        with self._wakes:
            now = time.monotonic()
            waits = [entry.since for entry in self._entries.values() if entry.is_dirty or entry.is_in_flight]
            return {
                "waiting": len(waits),
                "in_flight": self._in_flight,
                "written": self.written,
                "conflated": self.conflated,
                "late": self.late,
                "failures": self.failures,
                "lag_seconds": round(now - min(waits), 3) if waits else 0.0,
                "away_seconds": 0.0 if self._away_since is None else round(now - self._away_since, 3),
            }

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was given is in the cluster; return whether it is."""
        until = time.monotonic() + timeout_s
        with self._wakes:
            while self._dirty or self._in_flight or self._refill:
                left = until - time.monotonic()
                if left <= 0 or not self._thread.is_alive():
                    return False
                self._wakes.wait(min(left, 0.05))
        return True

    def close(self, timeout_s: float) -> bool:
        """Flush and end; return whether all is in the cluster."""
        done = self.flush(timeout_s)
        with self._wakes:
            self._stopping = True
            self._wakes.notify_all()
        self._thread.join(timeout_s)
        return done

    # ------------------------------------------------------------------------------------ the writer's own

    def _work(self) -> None:
        beat_at = sweep_at = time.monotonic()
        sweep_at += self._sweep_s
        while True:
            now = time.monotonic()
            if now >= beat_at:
                beat_at = now + self._beat_s
                self._beat()
            if now >= sweep_at:
                sweep_at = now + self._sweep_s
                self.refill()
            with self._wakes:
                if self._stopping:
                    return
                if not self._answers and not self._refill and not self._may_send(now):
                    wait_until = (
                        min(beat_at, self._retry_at) if self._dirty and self._retry_at > now else beat_at
                    )
                    self._wakes.wait(max(0.0, wait_until - now))
                answers = self._take_answers()
                if self._refill:
                    self._soil_all()
            for key, future in answers:
                self._hear(key, future)
            self._send(time.monotonic())

    def _beat(self) -> None:
        try:
            if self._on_beat is not None:
                self._on_beat()
        except Exception:  # noqa: BLE001 - logged
            # The one thread that writes must outlive whatever it is told to ask.
            _LOG.exception("the projection's beat failed")

    def _may_send(self, now: float) -> bool:
        return bool(self._dirty) and self._in_flight < self._in_flight_max and now >= self._retry_at

    def _take_answers(self) -> list[tuple[Key, "Future[Any]"]]:
        answers = list(self._answers)
        self._answers.clear()
        return answers

    def _soil(self, key: Key, entry: _Entry) -> None:
        """Remember that a key is to be written. The lock is held."""
        if entry.is_dirty:
            return
        entry.is_dirty = True
        if not entry.is_in_flight:
            entry.since = time.monotonic()
            self._dirty.append(key)
            if len(self._dirty) == 1:
                self._wakes.notify_all()

    def _soil_all(self) -> None:
        self._refill = False
        for key, entry in self._entries.items():
            entry.known = None
            self._soil(key, entry)

    def _send(self, now: float) -> None:
        while True:
            with self._wakes:
                if self._stopping or not self._may_send(now):
                    return
                key = self._dirty.popleft()
                entry = self._entries[key]
                entry.is_dirty, entry.is_in_flight = False, True
                self._in_flight += 1
                state, known = entry.newest, entry.known
            self._ask(key, entry, state, known)

    def _ask(self, key: Key, entry: _Entry, state: State, known: Any) -> None:  # noqa: ANN401 - the client's
        from hazelcast.core import HazelcastJsonValue  # noqa: PLC0415 - an extra

        try:
            if state is not entry.sent:
                text = state.encode()
                entry.sent, entry.sent_text, entry.sent_value = state, text, HazelcastJsonValue(text)
            place = self._map(key.map)
            if known is None:
                future = place.put_if_absent(key.key, entry.sent_value)
            else:
                future = place.replace_if_same(key.key, known, entry.sent_value)
        except Exception as error:  # noqa: BLE001 - whatever the client breaks with, the value is tried again
            _LOG.debug("%s/%s was not sent: %r", key.map, key.key, error)
            self._failed(key, entry)
            return
        future.add_done_callback(lambda future: self._answered(key, future))

    def _map(self, name: str) -> Any:  # noqa: ANN401 - the client's proxy
        place = self._maps.get(name)
        if place is None:
            place = self._maps[name] = self._client.get_map(name)
        return place

    def _answered(self, key: Key, future: "Future[Any]") -> None:
        """Take an answer, in the client's thread: it only wakes ours."""
        with self._wakes:
            self._answers.append((key, future))
            if len(self._answers) == 1:
                self._wakes.notify_all()

    def _hear(self, key: Key, future: "Future[Any]") -> None:
        entry = self._entries[key]
        if not future.is_success():
            self._failed(key, entry)
            return
        answer = future.result()
        asked_if_absent = entry.known is None
        with self._wakes:
            self._away_since = None
            self._retry_at = 0.0
        if asked_if_absent and answer is not None:
            self._meet(key, entry, answer)
        elif asked_if_absent or answer is True:
            self._landed(key, entry)
        else:
            # Somebody else has written since: see what.
            self._settle(key, entry, known=None, again=True)

    def _meet(self, key: Key, entry: _Entry, there: Any) -> None:  # noqa: ANN401 - whatever somebody put there
        """Decide between our value and the one that stands there."""
        assert entry.sent is not None  # noqa: S101 - an answer has a question
        text = there.to_string() if hasattr(there, "to_string") else ""
        if text == entry.sent_text:
            self._landed(key, entry)
        elif stamp_of(text) > entry.sent.stamp:
            self.late += 1
            self._settle(key, entry, known=None, again=False)
        else:
            self._settle(key, entry, known=there, again=True)

    def _landed(self, key: Key, entry: _Entry) -> None:
        self.written += 1
        if entry.sent is not None and entry.sent.ttl_s:
            self._map(key.map).set_ttl(key.key, entry.sent.ttl_s)
        self._settle(key, entry, known=entry.sent_value, again=False)

    def _settle(self, key: Key, entry: _Entry, *, known: Any, again: bool) -> None:  # noqa: ANN401 - the same
        with self._wakes:
            entry.known, entry.is_in_flight = known, False
            self._in_flight -= 1
            if entry.is_dirty or again:
                entry.is_dirty = True
                self._dirty.append(key)
            elif not self._dirty and not self._in_flight:
                self._wakes.notify_all()

    def _failed(self, key: Key, entry: _Entry) -> None:
        """Try again in a while: the cluster is away, or the answer was lost."""
        with self._wakes:
            self.failures += 1
            now = time.monotonic()
            if self._away_since is None:
                self._away_since = now
            self._retry_at = now + RETRY_S
        self._settle(key, entry, known=None, again=True)


def stamp_of(text: str) -> Stamp:
    """Return when a value that stands in the cluster was true; before everything, where it does not say."""
    try:
        value = json.loads(text)
        return Stamp(int(value["run"]), int(value["seq"]))
    except (ValueError, KeyError, TypeError):
        return Stamp(-1, -1)
