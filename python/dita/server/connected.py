"""`connect`: a kernel in another process, with `ExecutionKernel`'s face."""

import itertools
import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Literal, NamedTuple, Self, TypeAlias

from dita._kernel import (
    ControlGate,
    KernelIntent,
    KernelMode,
    KernelOutcome,
    KernelVerbosity,
    Link,
    Listener,
    PositionSide,
    Regime,
    Teller,
    TradeSide,
    TradeSlot,
    TradeStage,
    VenueEvent,
    VenueOrder,
)
from dita.control.memory import NO_LIMITS, KernelControlSnapshot
from dita.errors import KernelError, refuse, wrong_type
from dita.kernel import Note
from dita.kernel.place import socket_of
from dita.overrides import Override
from dita.second_names import fields_of, intent_of
from dita.server.source import Source
from dita.slots import AccountProjection, KernelSlotView, KernelStateView
from dita.strategy.views import moment
from dita.zinc import ZincReader

_LOG: Final = logging.getLogger("dita.server")
OnLoss: TypeAlias = Literal["keep", "cancel", "flatten"]
GRACE_S: Final = 5.0
TIMEOUT_S: Final = 30.0
COMES_BACK_S: Final = 10.0
_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_NAME_CHARS_MAX: Final = 20
_TURN_S: Final = 0.25
#: The version of the protocol that brought notes.
_NOTES_FROM: Final = 3
#: The version that keeps a note together with intents.
_NOTING_FROM: Final = 4
_ENUMS: Final = {"mode": KernelMode, "gate": ControlGate, "verbosity": KernelVerbosity, "regime": Regime}


class Notification(NamedTuple):
    """An event that the server sends on its own.

    Attributes:
        kind: "news" (what happened to this program's trades), "gap" (news were lost: this program did not
            read), "slots" (its slots whole, after a gap or an absence), "market", "away" (the server is gone
            or ends), "back" (it is there again).
        seq: The last input that it includes; 0 where it names none.
        slots: The affected slots, as they are after it.
        events: The venue's events.
        gap: The first and the last lost input.
        text: The reason, for "away".
    """

    kind: str
    seq: int = 0
    slots: tuple[TradeSlot, ...] = ()
    events: tuple[VenueEvent, ...] = ()
    gap: tuple[int, int] | None = None
    text: str = ""


def connect(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    slots: int = 1,
    on_loss: OnLoss = "keep",
    grace_s: float = GRACE_S,
    secret: str | None = None,
    account: str | None = None,
    market: bool = False,
    timeout_s: float = TIMEOUT_S,
    comes_back_s: float = COMES_BACK_S,
    spin: bool = False,
    resume: bool = False,
) -> "ConnectedKernel":
    """Connect to a kernel's server (`dita serve`), and take a lease on slots.

    Args:
        path: The server's socket, or the host's directory.
        name: The lease's: the owner of its trades, and what its intents' ids begin with. None means one of
            this process alone, which no other process resumes.
        slots: How many trades it may run at once.
        on_loss: What becomes of its orders once it was away for `grace_s`: "keep" them, "cancel" its
            entries, or "flatten" its trades. Closing it does the same at once.
        grace_s: How long it may be away before that, seconds.
        secret: What keeps others from taking the lease while this program is away; None where nothing does.
        account: Which account; None means the only one.
        market: Whether it subscribes to market data.
        timeout_s: How long a call waits for its answer, seconds.
        comes_back_s: How long a call waits for a server that is away, seconds.
        spin: Whether calls go through shared memory: faster, and a processor at each end is busy looking,
            the server's always, this one's while a call waits. Where the server does not offer that
            (`spin = true` in its `[serve]`), a warning is logged, and calls go through the socket.
        resume: Whether each intent may have been sent before, by a process under this name that ended:
            `resend` of every call. An intent that was taken is then answered with its first outcome.

    Raises:
        LeaseHeld: Another process holds the lease: `pid`, `since_ns`.
        ServerAway: Nobody answers there.
        ServerRefused: The server says no: `code` says why.
        InvalidInput: A value that the server cannot take.
    """
    link = Link(
        socket_of(path),
        name=own_name() if name is None else name,
        slots=slots,
        account=account or "",
        policy=on_loss,
        grace_s=grace_s,
        secret=secret or "",
        market=market,
        timeout_s=timeout_s,
        comes_back_s=comes_back_s,
        spin=spin,
    )
    travels, why = link.travels()
    if spin and travels != "channel":
        _LOG.warning("calls go through the socket, and not through shared memory: %s", why)
    return ConnectedKernel(link, own_name() if name is None else name, resume=resume)


def own_name() -> str:
    """Return a lease's name for a program that gives none: its file's and this process's number."""
    stem = _NOT_A_NAME.sub("-", Path(sys.argv[0]).stem)[:_NAME_CHARS_MAX].strip("-") or "program"
    return f"{stem}-{os.getpid()}"


class IntentNumbers:
    """Numbers intents that are built in this process, and reads what their slots carry.

    Args:
        kernel: The connection.
    """

    def __init__(self, kernel: "ConnectedKernel") -> None:
        """Begin behind the last input, as inputs are never counted twice."""
        self._kernel = kernel
        self._numbers = itertools.count(kernel.seq + 1)

    def take_number(self) -> int:
        """Return the number of the next intent's ids."""
        return next(self._numbers)

    def free_slot(self, slots: Iterable[int]) -> int | None:
        """Return the first of these slots that is free; None where all carry trades."""
        stages = ((slot, self._kernel.slot(slot).fsm_state) for slot in slots)
        return next((slot for slot, stage in stages if stage in (TradeStage.IDLE, TradeStage.CLOSED)), None)

    def trade(self, slot_id: int) -> tuple[str, str, TradeSide]:
        """Return what a slot carries or has carried last: trade, instrument and side."""
        held = self._kernel.slot(slot_id).snapshot()
        return held.trade_id, held.asset, held.side


class ConnectedKernel:
    """A kernel in another process: `ExecutionKernel`'s face, for the slots of one lease. From any thread.

    Notifications are dispatched by `poll`, `run` or the asyncio face, in the calling thread only.

    Attributes:
        name: The lease's.
        resumes: Whether each intent is sent with `resend`.
        clock: Returns the time, nanoseconds since 1970-01-01 UTC.
    """

    def __init__(self, link: Link, name: str, *, resume: bool = False) -> None:
        """Use a connection: see `connect`."""
        self.name = name
        self.resumes = resume
        self._link = link
        self._source = Source(link)
        self._state = KernelStateView(self._source)
        self._listeners: list[Callable[[Notification], object]] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._carried = threading.local()
        self.clock: Callable[[], int] = time.time_ns

    # ---------------------------------------------------------------------------------------------- inputs

    def process_intent(
        self,
        intent: KernelIntent | Mapping[str, Any] | object,
        *,
        note: str | None = None,
        resend: bool = False,
    ) -> KernelOutcome:
        """Take an intent about one of the lease's slots; see `ExecutionKernel.process_intent`.

        Its id is the lease's: where it does not begin with `NAME:`, the server puts that in front. Where
        the server is away, the call waits for it, and sends the intent again under the same id: what came
        of it is the first outcome.

        Args:
            intent: The intent.
            note: A text that the server's log keeps together with it, as the lease's note: both, or neither.
            resend: Whether it may have been sent before, also by a process that ended: where it was taken,
                its first outcome comes back, with the fills of then.

        Raises:
            InvalidInput: The slot or the owner is another's, or the note cannot be.
            KernelError: The server is too old to keep a note with an intent; nothing was sent.
            ServerAway: No answer came. The intent may have been taken: send it again under the same id.
        """
        return self._link.process_intent(self.intent(intent), self._note_with(note), resend or self.resumes)

    def process_intents(
        self, intents: Iterable[KernelIntent], *, note: str | None = None, resend: bool = False
    ) -> list[KernelOutcome]:
        """Take intents that come together; see `ExecutionKernel.process_intents`. At most 1,024.

        Args:
            intents: The intents.
            note: As of one: the log keeps all of them and the note, or nothing.
            resend: As of one.

        Raises:
            InvalidInput: A slot or an owner is another's, or the note cannot be; none is taken.
            KernelError: The server is too old to keep a note with intents; nothing was sent.
            ServerAway: No answer came.
        """
        given = [self.intent(one) for one in intents]
        return self._link.process_intents(given, self._note_with(note), resend or self.resumes)

    def _note_with(self, note: str | None) -> tuple[str, int] | None:
        if note is not None:
            return note, self.seq
        carried: tuple[str, int] | None = getattr(self._carried, "note", None)
        self._carried.note = None
        return carried

    def override(self, *, by: str, reason: str) -> Override:
        """Begin an operator's override of the lease's slots; see `ExecutionKernel.override`.

        An override says what shall be. One whose answer is lost with its server is sent again, and changes
        nothing more where it was taken.

        Args:
            by: The name of the person or program.
            reason: Why.

        Raises:
            InvalidInput: `by` or `reason` is empty. At the block's end: a slot is another's, or the kernel
                does not take what was written.
            KernelError: At the block's end: the server is too old.
            ServerAway: At the block's end: no answer came.
        """
        return Override(self._source, by, reason)

    def on_venue_event(self, event: VenueEvent) -> KernelOutcome:
        """Refuse: the venue's events are the server's.

        Raises:
            KernelError: Always.
        """
        raise KernelError(f"{event.venue_client_id}: the venue's events come through the server")

    @staticmethod
    def intent(intent: object) -> KernelIntent:
        """Return what was given as an intent as one.

        Args:
            intent: A KernelIntent, a mapping, or an object with its attributes.

        Raises:
            InvalidInput: A value in it cannot be taken.
        """
        if isinstance(intent, KernelIntent):
            return intent
        if not fields_of(intent):
            raise wrong_type("intent", intent, "KernelIntent")
        return intent_of(intent)

    # ----------------------------------------------------------------------------------------------- reads

    @property
    def link(self) -> Link:
        """The connection."""
        return self._link

    @property
    def spins(self) -> bool:
        """Whether calls go through shared memory now: `connect(spin=True)`, and the server offers it."""
        return self._link.travels()[0] == "channel"

    @property
    def slots(self) -> tuple[int, ...]:
        """The numbers of the lease's slots."""
        slots: tuple[int, ...] = self._link.welcome()["slots"]
        return slots

    @property
    def account_name(self) -> str:
        """The account's name."""
        name: str = self._link.welcome()["account"]
        return name

    @property
    def state(self) -> KernelStateView:
        """The kernel's slots and the ways to find them, live; also those of others."""
        return self._state

    @property
    def account(self) -> AccountProjection:
        """The account, as a view of the kernel's ledger."""
        return AccountProjection(self._source)

    @property
    def control(self) -> KernelControlSnapshot:
        """The controls that the kernel applies."""
        return control_of(self._source.control())

    @property
    def max_slots(self) -> int:
        """How many slots the kernel has."""
        return self._source.max_slots

    @property
    def instruments(self) -> list[str]:
        """The symbols of the instruments, in the order in which they were set."""
        names: list[str] = self._link.welcome()["instruments"]
        return names

    def instrument(self, asset: str) -> dict[str, Any]:
        """Return an instrument's rules, and its last mark; see `ExecutionKernel.instrument`.

        Raises:
            InvalidInput: There is no such instrument.
        """
        found = self._link.instrument(asset)
        if found is None:
            raise refuse("asset", asset, "is no instrument")
        return found

    def slot(self, i: int) -> KernelSlotView:
        """Return a live view of a slot.

        Args:
            i: The slot, from 0.

        Raises:
            InvalidInput: There is no such slot.
        """
        return self._state.slot(i)

    def free_slot(self) -> KernelSlotView | None:
        """Return a live view of the lease's free slot with the lowest number; None where all are busy."""
        free = (slot_id for slot_id in self.slots if self._source.slot(slot_id).is_free())
        slot_id = next(free, None)
        return None if slot_id is None else self._state.slot(slot_id)

    def order(self, venue_client_id: str) -> VenueOrder | None:
        """Return an order as it is now: live, or ended and still remembered."""
        return self._link.order(venue_client_id)

    def orders(self, *, live_only: bool = False) -> list[VenueOrder]:
        """Return the account's orders, oldest first; each says whose it is."""
        return self._link.orders(live_only=live_only)

    def positions(self) -> list[dict[str, Any]]:
        """Return the venue's positions, of the whole account; see `ExecutionKernel.positions`."""
        rows = self._link.rows("positions")
        return [{**row, "position_side": PositionSide(row["position_side"])} for row in rows]

    def ledger(
        self, limit: int | None = None, *, asset: str | None = None, trade_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the remembered transactions, of the whole account; see `ExecutionKernel.ledger`.

        Args:
            limit: At most so many, the newest.
            asset: Of this asset only.
            trade_id: Of this trade only.

        Raises:
            InvalidInput: `limit` is below zero.
        """
        if limit is not None and limit < 0:
            raise refuse("limit", limit, "must be at least 0")
        rows = [
            row
            for row in self._link.rows("ledger")
            if asset in (None, row["asset"]) and trade_id in (None, row["trade_id"])
        ]
        return rows if limit is None else rows[len(rows) - min(limit, len(rows)) :]

    def snapshot(self) -> dict[str, Any]:
        """Return controls, slots and account as plain values; money as Decimal."""
        assets = {name: self._source.account(name) for name in self._source.assets()}
        return {
            "control": self.control.as_dict(),
            "slots": [view.to_dict() for view in self._state.slots],
            "account": {**(self._source.account() or {}), "assets": assets},
            "log": None,
        }

    def health(self) -> dict[str, Any]:
        """Return how the kernel's loop stands: `kernel seq time_ns inbox_room durable_seq busy_slots`."""
        content: dict[str, Any] = json.loads(self._link.read_text("health"))
        return content

    @property
    def seq(self) -> int:
        """The last input that this program knows of."""
        reader = self._source.reader
        return max(self._link.seq, 0 if reader is None else reader.seq)

    @property
    def now_ns(self) -> int:
        """Kernel time of the last input that is shown, nanoseconds since 1970-01-01 UTC."""
        reader = self._source.reader
        sent_ns: int = self._link.welcome()["now_ns"]
        return sent_ns if reader is None else max(sent_ns, reader.time_ns)

    @property
    def clock_ns(self) -> int:
        """What this machine's clock shows, which the server's kernel time follows."""
        return self.clock()

    @property
    def zinc_plane(self) -> ZincReader | None:
        """Shared memory; None where the server shows nothing there."""
        return self._source.reader

    @property
    def log_standing(self) -> dict[str, Any] | None:
        """`durable_seq` of the server's log; None where it has none, or keeps no notes for programs."""
        if self._link.welcome()["version"] < _NOTES_FROM:
            return None
        durable_seq = self.health().get("durable_seq")
        return None if durable_seq is None else {"durable_seq": durable_seq}

    # ----------------------------------------------------------------------------------------------- notes

    @property
    def recovery(self) -> dict[str, Any] | None:
        """`last_seq`: the last input when this program was let in; None where it has no past here."""
        said = self._link.welcome()
        if not said["again"] and self._link.noted() is None:
            return None
        return {"last_seq": said["seq"]}

    def note(self, name: str, text: str, told_seq: int | None = None) -> None:
        """Keep a text in the server's log; see `ExecutionKernel.note`. A lease has one note.

        Args:
            name: The lease's.
            text: At most 65,536 bytes.
            told_seq: The last input that its writer has received; None means the newest.

        Raises:
            InvalidInput: Name or text cannot be.
            ServerAway: No answer came.
        """
        self._check_own(name)
        self._link.note(text, self.seq if told_seq is None else told_seq)

    def noted(self, name: str) -> Note | None:
        """Return the lease's newest note; None where there is none.

        Args:
            name: The lease's.
        """
        self._check_own(name)
        found = self._link.noted()
        return None if found is None else Note(*found)

    def happened_since(
        self, owner: str, after_seq: int, until_seq: int
    ) -> list[tuple[TradeSlot, VenueEvent, VenueOrder | None]]:
        """Return what has happened to the lease's trades, out of the server's log: slot, event, order.

        Of more than 4,096 events the newest are returned.

        Args:
            owner: The lease's name.
            after_seq: The last input that is known.
            until_seq: The last input to tell.
        """
        self._check_own(owner)
        events, _ = self._link.past(after_seq, until_seq)
        return events

    def _check_own(self, name: str) -> None:
        if name != self.name:
            raise refuse("name", name, f"is not the lease's, {self.name}")

    @property
    def keeps_notes_with_intents(self) -> bool:
        """Whether the server's log keeps an intent and its program's note together."""
        version: int = self._link.welcome()["version"]
        return version >= _NOTING_FROM

    def carry(self, note: tuple[str, int] | None) -> None:
        """Send a note with the next intent of this thread, unless `let_go` comes first.

        Args:
            note: Its text, and the last input that its writer has received; None means none.
        """
        self._carried.note = note

    def hold(self) -> None:
        """Do nothing: each intent, and each note, is the server's as it comes."""

    def let_go(self) -> None:
        """Send no earlier note with what follows."""
        self._carried.note = None

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._link.closed

    def teller(self, listener: Listener, settle: Callable[[], object], **callbacks: Any) -> Teller:  # noqa: ANN401
        """Return what dispatches a strategy's trade events; see `ExecutionKernel.teller`."""
        return Teller(None, listener, settle, **callbacks)

    def verbs(self, owner: str = "", *, numbered: bool = False) -> "IntentNumbers":
        """Return what numbers a program's intents. They are built here, and travel.

        Args:
            owner: Whose trades they make.
            numbered: As for `ExecutionKernel.verbs`; the numbers are there in any case.
        """
        del owner, numbered
        return IntentNumbers(self)

    # ------------------------------------------------------------------------------------------ what happened

    def subscribe(self, listener: Callable[[Notification], object]) -> Callable[[], None]:
        """Call a function with every notification, from `poll` and `run`.

        Args:
            listener: The function.

        Returns:
            A function that ends the subscription.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def fileno(self) -> int:
        """Return what an event loop watches: it is readable when `poll(0)` has something to dispatch."""
        return self._link.fileno()

    def poll(self, timeout_s: float = 0.0) -> int:
        """Dispatch what has happened, in this thread; wait for it at most so long.

        Args:
            timeout_s: Seconds; 0 does not wait.

        Returns:
            How many notifications were dispatched.
        """
        count = self._dispatch()
        if not count and timeout_s > 0 and self._link.wait(timeout_s):
            count = self._dispatch()
        return count

    def _dispatch(self) -> int:
        count = 0
        while (found := self._link.next_told()) is not None:
            count += 1
            one = notification_of(found)
            for listener in tuple(self._listeners):
                listener(one)
        return count

    def run(self, *, until: Callable[[], bool] | None = None) -> None:
        """Dispatch what happens, in this thread, until `stop`, a closed connection, or as asked.

        Args:
            until: Looked at after each turn: ends where it says so.
        """
        while not self._stop.is_set() and not self.closed and not (until is not None and until()):
            self.poll(_TURN_S)
        self._stop.clear()

    def stop(self) -> None:
        """Let `run` end. From any thread, and from a signal's handler."""
        self._stop.set()

    # --------------------------------------------------------------------------------------------------- end

    def close(self) -> None:
        """Give the lease back: its policy acts at once. Closing again does nothing."""
        with self._lock:
            if not self._link.closed:
                self._link.part()

    def hang_up(self) -> None:
        """Leave without giving the lease back: its policy acts once its grace is over."""
        self._link.close()

    def __enter__(self) -> Self:
        """Return the kernel."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def __repr__(self) -> str:
        """Return its lease and its account in one line."""
        if self.closed:
            return f"<ConnectedKernel {self.name}: closed>"
        return f"<ConnectedKernel {self.name}: account {self.account_name}, slots {self.slots}>"


def notification_of(found: tuple[Any, ...]) -> Notification:
    """Return a link's event as a notification.

    Args:
        found: As `Link.next_told` gives it.
    """
    kind = found[0]
    if kind == "news":
        return Notification(kind, found[1], tuple(found[2]), tuple(found[3]))
    if kind == "gap":
        return Notification(kind, found[2], gap=(found[1], found[2]))
    if kind == "slots":
        return Notification(kind, found[1], tuple(found[2]))
    if kind == "away":
        return Notification(kind, text=found[1])
    return Notification(kind, found[1])


def control_of(said: Mapping[str, Any]) -> KernelControlSnapshot:
    """Return controls as the kernel's own process has them.

    Args:
        said: By name, as JSON has them.
    """
    known = {one.name for one in fields(KernelControlSnapshot)}
    given = {name: value for name, value in said.items() if name in known}
    for name, kind in _ENUMS.items():
        given[name] = kind(given[name])
    limits = {name: _limit(name, value) for name, value in said["limits"].items()}
    given["limits"] = MappingProxyType({**NO_LIMITS, **limits})
    given["audited"] = tuple(given["audited"])
    if given["updated_at"] is not None:
        given["updated_at"] = moment(given["updated_at"])
    return KernelControlSnapshot(**given)


def _limit(name: str, value: object) -> object:
    return Decimal(value) if isinstance(value, str) and name != "edge_freeze_cancels" else value
