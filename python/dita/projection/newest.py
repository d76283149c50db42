"""Writes values to a cluster's maps so that the newest one stands, whoever else writes, and whenever."""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dita.projection.wire import TEXT_AT, Requests, Wire

if TYPE_CHECKING:
    from hazelcast.client import HazelcastClient
    from hazelcast.future import Future

_LOG: Final = logging.getLogger("dita.projection")

IN_FLIGHT_MAX: Final = 256
# While the cluster is away nothing is asked of it more often than this.
RETRY_S: Final = 0.1
# A cluster that is away for longer is said to be.
AWAY_LOGGED_S: Final = 2.0
# What was forgotten goes from the cluster so much later: a writer that is late finds it still.
FORGOTTEN_TTL_S: Final = 60
_FLUSH_LOOK_S: Final = 0.002
# Each answer makes room for one; two of them close a gap that a failure left.
_NEXT: Final = 2
# So many are taken over under one hold of the lock.
_TAKEN_AT_ONCE: Final = 64


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
        encode: Writes it out as a JSON object.
        ttl_s: How long the cluster keeps it once it is written; 0 for ever.
        head: What the object begins with in place of its brace, `run` and `seq` in it; empty where `encode`
            writes them.
    """

    stamp: Stamp
    encode: Callable[[], str]
    ttl_s: int = 0
    head: str = ""

    def text(self) -> str:
        """Write it out, with `run` and `seq` in it."""
        body = self.encode()
        if not self.head:
            return body
        return f"{self.head}}}" if body == "{}" else f"{self.head},{body[1:]}"


@dataclass(slots=True)
class _Entry:
    """What is known of one key."""

    key: Key
    newest: State
    # What the cluster held when it last answered, to be compared with: bytes where we wrote it, the client's
    # value where another did, None where it is not known.
    known: Any = None
    is_dirty: bool = False
    is_in_flight: bool = False
    # What is on its way, or was last.
    sent: State | None = None
    sent_value: bytes = b""
    wire_key: Any = None
    # What each request to exchange it begins with; empty until there was one.
    request: bytes = b""
    # Whether the cluster ever had a value of ours, and whether the entry goes once nothing is left to do.
    is_there: bool = False
    leaves: bool = False
    since: float = 0.0


class NewestWriter:
    """Brings values to the cluster: each key's newest; what came between is left out.

    A value is compared and exchanged in the member (`put_if_absent`, `replace_if_same`): a writer that was
    overtaken finds a newer `(run, seq)` and leaves it. At most one write of a key is on its way, and at most
    `in_flight_max` in all. An answer that does not come leaves the key unknown; the next attempt asks again.

    It holds the newest value of every key, so that a cluster that comes back empty is filled again.

    Three threads meet here. Whoever gives a value only puts it into a dict, and takes no lock. The writer's
    own thread takes it from there and sends; the client's, which takes the answers, sends what is next.
    """

    def __init__(
        self,
        client: "HazelcastClient",
        *,
        in_flight_max: int = IN_FLIGHT_MAX,
        sweep_s: float = 60.0,
        beat_s: float = 0.25,
        on_beat: Callable[[], None] | None = None,
        explain: Callable[[], str] | None = None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        """Begin.

        Args:
            client: The cluster's client.
            in_flight_max: How many writes may be on their way.
            sweep_s: How often every value is held against the cluster's.
            beat_s: How often `on_beat` is called.
            on_beat: Called in the writer's thread.
            explain: Says why the cluster is away; may take a second.
            may_write: Asked before each write whether the name in the cluster is ours.
        """
        self._may_write = may_write
        self._explain = explain or (lambda: "the cluster does not answer")
        self._client = client
        self._in_flight_max = in_flight_max
        self._sweep_s = sweep_s
        self._beat_s = beat_s
        self._on_beat = on_beat
        # Given, and not taken over yet: setting an item and taking one out are atomic.
        self._given: dict[Key, State] = {}
        self._wakes = threading.Event()
        # The writer's thread and the client's: everything from here on.
        self._lock = threading.Lock()
        self._maps: dict[str, Any] = {}
        self._requests: dict[str, Requests | None] = {}
        self._unreached: set[str] = set()
        self._entries: dict[Key, _Entry] = {}
        self._dirty: deque[_Entry] = deque()
        self._in_flight = 0
        self._is_taking = False
        self._refill = False
        self._stopping = False
        self._away_since: float | None = time.monotonic()
        self._retry_at = 0.0
        self._wire: Wire | None = None
        self.written = 0
        self.conflated = 0
        self.late = 0
        self.failures = 0
        # Why the cluster is away; empty while it answers, and for the first moments.
        self.trouble = ""
        self._thread = threading.Thread(target=self._work, name="dita-projection", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------------------------- from any thread

    def put(self, key: Key, state: State) -> None:
        """Take a value. Of one key, values come in their order, from one thread at a time."""
        self.conflated += key in self._given
        self._given[key] = state
        if not self._wakes.is_set():
            self._wakes.set()

    def offer(self, key: Key, state: State) -> None:
        """Take a value that was read beside those that are given: the greater stamp wins."""
        with self._lock:
            self._merge(key, state, time.monotonic())
        self._wakes.set()

    def forget(self, key: Key) -> None:
        """Keep a value no longer: not here, and after a minute not in the cluster.

        Where an older value of it is there, the newest is still brought first; else what was not brought yet
        never is, so that what ends while the cluster is away does not fill the memory.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self._given.pop(key, None)
                return
            entry.leaves = True
            if entry.is_there and (entry.is_dirty or entry.is_in_flight or key in self._given):
                return
            self._given.pop(key, None)
            del self._entries[key]
        if entry.is_there:
            self._end(entry, FORGOTTEN_TTL_S)

    def knows(self, key: Key) -> bool:
        """Whether it has a value of that key, to be brought or brought already."""
        with self._lock:
            return key in self._entries or key in self._given

    def refill(self) -> None:
        """Hold every value against the cluster's, soon."""
        self._refill = True
        self._wakes.set()

    def standing(self) -> dict[str, Any]:
        """Return how it is doing, as `HazelcastProjection.standing` says."""
        with self._lock:
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
                "trouble": self.trouble,
            }

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was given is in the cluster; return whether it is."""
        until = time.monotonic() + timeout_s
        while not self._is_done():
            if time.monotonic() > until or not self._thread.is_alive():
                return False
            time.sleep(_FLUSH_LOOK_S)
        return True

    def close(self, timeout_s: float) -> bool:
        """Flush and end; return whether all is in the cluster."""
        done = self.flush(timeout_s)
        self._stopping = True
        self._wakes.set()
        self._thread.join(timeout_s)
        return done

    def _is_done(self) -> bool:
        with self._lock:
            return not (self._given or self._is_taking or self._dirty or self._in_flight or self._refill)

    # --------------------------------------------------------------------------- the writer's own thread

    def _work(self) -> None:
        beat_at = time.monotonic()
        sweep_at = beat_at + self._sweep_s
        while not self._stopping:
            now = time.monotonic()
            if now >= beat_at:
                beat_at = now + self._beat_s
                self._beat()
            if now >= sweep_at:
                sweep_at = now + self._sweep_s
                self._refill = True
            self._take()
            self._send(self._in_flight_max)
            self._wakes.wait(self._rest_s(beat_at))
            self._wakes.clear()

    def _rest_s(self, beat_at: float) -> float:
        """How long there is nothing to do, if nobody wakes us."""
        now = time.monotonic()
        with self._lock:
            if self._given or self._refill:
                return 0.0
            until = min(beat_at, self._retry_at) if self._dirty and self._retry_at > now else beat_at
        return max(0.0, until - now)

    def _beat(self) -> None:
        try:
            self._look_who_is_away()
            if self._on_beat is not None:
                self._on_beat()
        except Exception:  # noqa: BLE001 - logged
            # The one thread that writes must outlive whatever it has to ask.
            _LOG.exception("the projection's beat failed")

    def _look_who_is_away(self) -> None:
        """Say once why the cluster is away, and once that it is back."""
        away_since = self._away_since
        if away_since is None:
            if self.trouble:
                self.trouble = ""
                _LOG.warning("the projection's cluster is back: what waited follows")
        elif not self.trouble and time.monotonic() - away_since > AWAY_LOGGED_S:
            self.trouble = self._explain()
            _LOG.warning("the projection is held up, the kernel is not: %s", self.trouble)

    def _take(self) -> None:
        """Take over what was given by now: who gives without a pause must not keep us from sending."""
        self._is_taking = True
        given, merge = self._given, self._merge
        left = len(given)
        while left > 0:
            with self._lock:
                now = time.monotonic()
                for _ in range(min(left, len(given), _TAKEN_AT_ONCE)):
                    merge(*given.popitem(), now)
            left -= _TAKEN_AT_ONCE
        for name in tuple(self._unreached):
            self._reach(name)
        with self._lock:
            if self._refill:
                self._refill = False
                now = time.monotonic()
                for entry in self._entries.values():
                    entry.known = None
                    self._soil(entry, now)
            self._is_taking = False

    def _reach(self, name: str) -> None:
        """Get hold of a map: that waits for an answer, so only this thread does it."""
        if self._retry_at and time.monotonic() < self._retry_at:
            return
        try:
            wire = self._wire = self._wire or Wire()
            place: Any = self._client.get_map(name)
            self._requests[name] = wire.requests(place)
            self._maps[name] = place
        except Exception as error:  # noqa: BLE001 - whatever the client breaks with, it is tried again
            _LOG.debug("%s: is not there: %r", name, error)
            with self._lock:
                self._note_failure()
            return
        with self._lock:
            self._unreached.discard(name)
            self._retry_at = 0.0

    def _merge(self, key: Key, state: State, now: float) -> None:
        """Take a value over, unless what is known is newer. The lock is held."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(key, state)
            if key.map not in self._maps:
                self._unreached.add(key.map)
        elif state.stamp < entry.newest.stamp:
            return
        else:
            self.conflated += entry.is_dirty
            entry.newest = state
        if not entry.is_dirty:
            self._soil(entry, now)

    # ----------------------------------------------------------------- the writer's thread, and the client's

    def _soil(self, entry: _Entry, now: float) -> None:
        """Remember to write a key. The lock is held."""
        if entry.is_dirty:
            return
        entry.is_dirty = True
        if not entry.is_in_flight:
            entry.since = now
            self._dirty.append(entry)

    def _send(self, count_max: int) -> None:
        if not self._may_write():
            return
        for _ in range(count_max):
            with self._lock:
                if (
                    self._stopping
                    or not self._dirty
                    or self._unreached
                    or self._in_flight >= self._in_flight_max
                    or (self._retry_at and time.monotonic() < self._retry_at)
                ):
                    return
                entry = self._dirty.popleft()
                if entry.leaves and not entry.is_there:
                    continue
                entry.is_dirty, entry.is_in_flight = False, True
                self._in_flight += 1
                state, known = entry.newest, entry.known
            self._ask(entry, state, known)

    def _ask(self, entry: _Entry, state: State, known: Any) -> None:  # noqa: ANN401 - the client's
        key = entry.key
        try:
            wire = self._wire or Wire()
            if state is not entry.sent:
                entry.wire_key = entry.wire_key or wire.key(key.key)
                entry.sent, entry.sent_value = state, wire.json(state.text())
            requests = self._requests[key.map]
            if requests is not None and type(known) is bytes:
                begun = entry.request = entry.request or requests.begun(entry.wire_key)
                requests.exchange(begun, entry.wire_key, known, entry.sent_value, entry, self._on_answer)
                return
            place, value = self._maps[key.map], wire.value(entry.sent_value)
            if known is None:
                future = place.put_if_absent(entry.wire_key, value)
            else:
                there = wire.value(known) if type(known) is bytes else known
                future = place.replace_if_same(entry.wire_key, there, value)
        except Exception as error:  # noqa: BLE001 - whatever the client breaks with, the value is tried again
            _LOG.debug("%s/%s was not sent: %r", key.map, key.key, error)
            self._failed(entry)
            return
        on_answer = self._on_found if known is None else self._on_answer
        future.add_done_callback(lambda future: self._on_future(entry, future, on_answer))

    def _on_future(
        self, entry: _Entry, future: "Future[Any]", on_answer: Callable[[_Entry, Any], None]
    ) -> None:
        if future.is_success():
            on_answer(entry, future.result())
        else:
            self._failed(entry)

    def _on_answer(self, entry: _Entry, is_done: bool | None) -> None:  # noqa: FBT001 - as the client says it
        """Take an exchange's answer, mostly in the client's thread, and send what is next from there."""
        if is_done is None:
            self._failed(entry)
            return
        self._note_answer()
        if is_done:
            self._landed(entry)
        else:
            # Somebody else has written since: see what.
            self._settle(entry, known=None, again=True)
        self._send(_NEXT)

    def _on_found(self, entry: _Entry, there: Any) -> None:  # noqa: ANN401 - whatever somebody put there
        """Take the answer to a value that is put if there is none."""
        self._note_answer()
        if there is None:
            self._landed(entry)
        else:
            self._meet(entry, there)
        self._send(_NEXT)

    def _note_answer(self) -> None:
        if self._away_since is not None or self._retry_at:
            with self._lock:
                self._away_since, self._retry_at = None, 0.0
            self._wakes.set()

    def _meet(self, entry: _Entry, there: Any) -> None:  # noqa: ANN401 - whatever somebody put there
        """Decide between our value and the one that stands there."""
        assert entry.sent is not None  # noqa: S101 - an answer has a question
        text = there.to_string() if hasattr(there, "to_string") else ""
        if text == entry.sent_value[TEXT_AT:].decode():
            self._landed(entry)
        elif stamp_of(text) > entry.sent.stamp:
            self.late += 1
            self._settle(entry, known=None, again=False)
        else:
            self._settle(entry, known=there, again=True)

    def _landed(self, entry: _Entry) -> None:
        self.written += 1
        entry.is_there = True
        if entry.leaves:
            self._end(entry, FORGOTTEN_TTL_S)
        elif entry.sent is not None and entry.sent.ttl_s:
            self._end(entry, entry.sent.ttl_s)
        self._settle(entry, known=entry.sent_value, again=False)

    def _end(self, entry: _Entry, ttl_s: int) -> None:
        """Let the cluster drop a value by itself. Where that is lost, it stays longer."""
        try:
            self._maps[entry.key.map].set_ttl(entry.key.key, ttl_s)
        except Exception as error:  # noqa: BLE001 - whatever the client breaks with
            _LOG.debug("%s/%s keeps its time: %r", entry.key.map, entry.key.key, error)

    def _settle(self, entry: _Entry, *, known: Any, again: bool) -> None:  # noqa: ANN401 - the client's
        with self._lock:
            entry.known, entry.is_in_flight = known, False
            self._in_flight -= 1
            if entry.leaves and not entry.is_there:
                return
            if entry.is_dirty or again:
                entry.is_dirty = True
                self._dirty.append(entry)
            elif entry.leaves and entry.key not in self._given:
                self._entries.pop(entry.key, None)

    def _failed(self, entry: _Entry) -> None:
        """Try again in a while: the cluster is away, or the answer was lost."""
        with self._lock:
            self._note_failure()
        self._settle(entry, known=None, again=True)

    def _note_failure(self) -> None:
        self.failures += 1
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        self._retry_at = now + RETRY_S


def stamp_of(text: str) -> Stamp:
    """Return when a value that stands in the cluster was true; before everything, where it does not say."""
    try:
        value = json.loads(text)
        return Stamp(int(value["run"]), int(value["seq"]))
    except (ValueError, KeyError, TypeError):
        return Stamp(-1, -1)
