"""The projection in a Hazelcast cluster: for SQL, and for `dita watch`."""

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from dita._kernel import TradeSlot, VenueOrder
from dita.cluster.address import ClusterAddress
from dita.cluster.claim import Claim
from dita.cluster.client import any_listens, open_client, unreachable
from dita.cluster.errors import ClusterError
from dita.cluster.mappings import ACCOUNT, CONTROL, HEALTH, ORDERS, SLOTS
from dita.errors import KernelClosed, refuse, shown
from dita.projection.left_behind import forgotten, put_right
from dita.projection.memory import KernelMoment
from dita.projection.newest import IN_FLIGHT_MAX, Key, NewestWriter, Stamp, State

if TYPE_CHECKING:
    from hazelcast.client import HazelcastClient

# The name of a projection that no kernel has named.
KERNEL_DEFAULT: Final = "main"
# How long a kernel's opening waits to learn whose its name is, where the cluster answers at all.
_CLAIM_S: Final = 3.0
# Ended orders stay in the cluster this long, and here only so many of them.
ENDED_ORDER_TTL_S: Final = 86_400
ENDED_ORDERS_MAX: Final = 1024
_NAME_MAX: Final = 64
_HEAD: Final = ("kernel", "run", "seq")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
Put = Callable[[Key, State], None]


class HazelcastProjection:
    """The newest state of a kernel in a cluster's maps, as JSON.

    The maps are `dita.slots`, `dita.orders`, `dita.account`, `dita.control` and `dita.health`; each key
    begins with the kernel's name.

    Writing returns at once. A thread of its own brings the newest value of each key to the cluster; while
    that is away nothing is kept but the newest, and all of it follows on its return. A value carries `run`
    and `seq`, and never replaces a newer one, whichever process writes it.
    """

    def __init__(
        self,
        client: "HazelcastClient",
        kernel: str | None = None,
        *,
        run: int | None = None,
        in_flight_max: int = IN_FLIGHT_MAX,
        refresh_s: float = 0.25,
        sweep_s: float = 60.0,
        close_timeout_s: float = 5.0,
        owns_client: bool = False,
        address: ClusterAddress | None = None,
    ) -> None:
        """Begin.

        Args:
            client: A client of the cluster; `open_client` makes one that suits.
            kernel: The kernel's name in the cluster, at most 64 characters without "/"; None means as the
                kernel that it is given to says.
            run: Which sequence of inputs: where a kernel begins anew, a greater one. None means the log's own
                (a file in its directory), or without a log the time of this call.
            in_flight_max: How many writes may be on their way.
            refresh_s: How often marks, accounts and health are read from the kernel.
            sweep_s: How often every value is held against the cluster's.
            close_timeout_s: How long `close` tries to bring what is left.
            owns_client: Whether `close` ends the client, too.
            address: Where the cluster is, to say why it is away.

        Raises:
            InvalidInput: A name that cannot be a key's beginning.
        """
        self._given_name = kernel
        self._name_it(KERNEL_DEFAULT if kernel is None else kernel)
        self._client = client
        self._claim: Claim | None = None
        self._owns_client = owns_client
        self._address = address
        self._close_timeout_s = close_timeout_s
        self._run = run
        self._run_default = time.time_ns()
        self._seq = 0
        self._source: Callable[[], KernelMoment] | None = None
        self._last_slots: dict[int, TradeSlot] = {}
        self._last: dict[Key, tuple[int, Mapping[str, Any]]] = {}
        self._ended: dict[Key, None] = {}
        self._writer = NewestWriter(
            client,
            in_flight_max=in_flight_max,
            sweep_s=sweep_s,
            beat_s=refresh_s,
            on_beat=self.refresh,
            explain=self._why_away,
            may_write=self._is_ours,
        )
        client.lifecycle_service.add_listener(self._on_lifecycle)
        client.cluster_service.add_listener(member_removed=lambda _member: self._writer.refill())

    @classmethod
    def open(cls, address: ClusterAddress | str, kernel: str | None = None, **options: Any) -> Self:  # noqa: ANN401 - the constructor's
        """Make a projection with a client of its own, which connects when the cluster is there.

        Args:
            address: As `hazelcast://127.0.0.1:5701/dita`.
            kernel: As the constructor's.
            options: The constructor's.

        Raises:
            ClusterError: The address does not read like one, or Hazelcast's client is not installed.
        """
        place = ClusterAddress.parse(address) if isinstance(address, str) else address
        client = open_client(place, in_background=True, client_name=f"dita-{kernel or 'kernel'}")
        return cls(client, kernel, owns_client=True, address=place, **options)

    # ------------------------------------------------------------------------- a kernel's, or a follower's

    def attach(
        self, source: Callable[[], KernelMoment], log_dir: Path | None, name: str = KERNEL_DEFAULT
    ) -> None:
        """Meet the kernel: take all of its state, and read from it from time to time.

        Args:
            source: Reads the kernel; raises KernelClosed once that is over.
            log_dir: Where its log is.
            name: The kernel's; it counts where the projection was given none.

        Raises:
            ClusterError: Another kernel has the name in the cluster; the text says which and what to do.
        """
        if self._given_name is None:
            self._name_it(name)
        if self._run is None and log_dir is not None:
            self._run = run_of_log(log_dir)
        moment = source()
        self.advance(moment.seq)
        self._take(moment)
        claim = self._claim_it(log_dir, self._put_right)
        if self._address is None or any_listens(self._address):
            claim.decided(_CLAIM_S)
        if claim.trouble:
            claim.close()
            raise ClusterError(claim.trouble)
        self._source = source

    def _name_it(self, kernel: str) -> None:
        if not kernel or "/" in kernel or len(kernel) > _NAME_MAX:
            raise refuse("kernel", kernel, f"must be a name of 1 to {_NAME_MAX} characters without '/'")
        self.kernel = kernel
        self._slot_keys: dict[int, Key] = {}
        # When the last value was true, and what it began with: many are of one input.
        self._moment = (Stamp(-1, -1), "")
        self._head = f'{{"kernel":{json.dumps(kernel)},"run":'

    def _claim_it(self, log_dir: Path | None, on_taken: Callable[[], None]) -> Claim:
        where = "the cluster" if self._address is None else str(self._address)
        run = self._run or self._run_default
        claim = self._claim = Claim(self._client, self.kernel, run, log_dir, where=where, on_taken=on_taken)
        return claim

    def _is_ours(self) -> bool:
        return self._claim is not None and self._claim.held

    def _put_right(self) -> None:
        """The name is ours, and what an earlier life left is ours to end. In the claim's thread."""
        run = self._run or self._run_default

        def state_of(client_id: str) -> State:
            return forgotten(self.kernel, Stamp(run, self._seq), client_id, ENDED_ORDER_TTL_S)

        put_right(self._client, self._writer, self.kernel, run, state_of)

    def advance(self, seq: int) -> None:
        """Say that what is written from now on is true at this input."""
        self._seq = max(self._seq, seq)

    def write_slot(self, slot: TradeSlot) -> None:
        """Take a slot's newest state, and its orders'."""
        number = slot.slot_id
        self._last_slots[number] = slot
        self._put(self._slot_keys.get(number) or self._slot_key(number), self._seq, slot.to_json)
        entry_order = slot.active_entry_order
        if entry_order is not None:
            self.write_order(entry_order)
        for order in slot.exit_orders:
            self.write_order(order)

    def _slot_key(self, number: int) -> Key:
        key = self._slot_keys[number] = Key(SLOTS, f"{self.kernel}/{number}")
        return key

    def write_order(self, order: VenueOrder) -> None:
        """Take an order's newest state."""
        key = Key(ORDERS, f"{self.kernel}/{order.venue_client_id}")
        if order.is_live():
            self._put(key, self._seq, order.to_json)
            return
        self._put(key, self._seq, order.to_json, ENDED_ORDER_TTL_S)
        self._ended[key] = None
        if len(self._ended) > ENDED_ORDERS_MAX:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            self._writer.forget(oldest)

    def write_control(self, control: Mapping[str, Any]) -> None:
        """Take the controls' newest state."""
        self._put_mapping(Key(CONTROL, self.kernel), self._seq, control)

    def write_account(self, account: Mapping[str, Any]) -> None:
        """Take an asset's account as it is now."""
        if account:
            seq = int(account.get("event_seq", self._seq))
            self._put_mapping(Key(ACCOUNT, f"{self.kernel}/{account['asset']}"), seq, account)

    def write_health(self, health: Mapping[str, Any]) -> None:
        """Take the kernel's health."""
        self._put_mapping(Key(HEALTH, self.kernel), int(health.get("seq", self._seq)), health)

    # ---------------------------------------------------------------------------------------------- its own

    def standing(self) -> dict[str, Any]:
        """Return how it is doing.

        Returns:
            `waiting` (keys whose newest value is not in the cluster yet), `in_flight`, `written`, `conflated`
            (values left out, a newer one was there), `late` (values left out, the cluster had a newer one),
            `failures`, `lag_seconds` (the oldest that waits), `away_seconds` (since the cluster last
            answered, 0 while it does), `trouble` (why it is away, or who has the name; and what to do).
        """
        trouble = "" if self._claim is None else self._claim.trouble
        standing = self._writer.standing()
        return {**standing, "trouble": trouble or standing["trouble"]}

    def refresh(self) -> None:
        """Read what no transition tells: marks, accounts, health. The writer's thread does it by itself."""
        source = self._source
        if source is None:
            return
        try:
            self._take(source())
        except KernelClosed:
            self._source = None

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until the newest values are in the cluster; return whether they are."""
        return self._writer.flush(timeout_s)

    def close(self) -> None:
        """Bring what is left, for as long as `close_timeout_s`, and end."""
        self._source = None
        key = Key(HEALTH, self.kernel)
        _, health = self._last.get(key, (0, {}))
        self._put_mapping(key, self._seq, {**health, "at_ns": time.time_ns(), "closed": True})
        is_anothers = self._claim is not None and self._claim.trouble
        self._writer.close(0.0 if is_anothers else self._close_timeout_s)
        if self._claim is not None:
            self._claim.close()
        if self._owns_client:
            self._client.shutdown()

    # ---------------------------------------------------------------------------------------------- inside

    def _on_lifecycle(self, state: str) -> None:
        # The cluster is back: it may have come back empty.
        if state == "CONNECTED":
            self._writer.refill()

    def _why_away(self) -> str:
        return "its client is not connected" if self._address is None else str(unreachable(self._address))

    def _take(self, moment: KernelMoment) -> None:
        offer = self._writer.offer
        for slot in moment.slots:
            if self._last_slots.get(slot.slot_id) != slot:
                self._last_slots[slot.slot_id] = slot
                self._put(self._slot_key(slot.slot_id), moment.seq, slot.to_json, put=offer)
        for order in moment.orders:
            key = Key(ORDERS, f"{self.kernel}/{order.venue_client_id}")
            self._put(key, moment.seq, order.to_json, 0 if order.is_live() else ENDED_ORDER_TTL_S, put=offer)
        for account in moment.accounts:
            key = Key(ACCOUNT, f"{self.kernel}/{account['asset']}")
            self._put_mapping(key, int(account["event_seq"]), account, put=offer)
        self._put_mapping(Key(CONTROL, self.kernel), moment.seq, moment.control, put=offer)
        health = {**moment.health, **self._standing_in_health()}
        self._put_mapping(Key(HEALTH, self.kernel), int(health["seq"]), health, put=offer)

    def _standing_in_health(self) -> dict[str, Any]:
        return {"at_ns": time.time_ns(), "projection": self.standing()}

    def _put(
        self, key: Key, seq: int, encode: Callable[[], str], ttl_s: int = 0, *, put: Put | None = None
    ) -> None:
        run = self._run or self._run_default
        if self._claim is None and put is None:
            # Used without a kernel: it brings what it is given, and puts nothing right.
            self._claim_it(None, lambda: None)
        stamp, head = self._moment
        if stamp.seq != seq or stamp.run != run:
            stamp, head = self._moment = (Stamp(run, seq), f'{self._head}{run},"seq":{seq}')
        (put or self._writer.put)(key, State(stamp, encode, ttl_s, head))

    def _put_mapping(self, key: Key, seq: int, content: Mapping[str, Any], *, put: Put | None = None) -> None:
        last_seq, last = self._last.get(key, (-1, None))
        if seq < last_seq or last == content:
            return
        self._last[key] = (seq, content)
        own = {name: value for name, value in content.items() if name not in _HEAD}
        self._put(key, seq, lambda: json.dumps(own, default=plain, separators=(",", ":")), put=put)


def run_of_log(log_dir: Path) -> int:
    """Return which run a log is: the time at which it was first projected, kept in its directory.

    A log that is copied elsewhere stays the same run; one that is begun anew is a later one.

    Raises:
        OSError: It can neither be read nor written there.
    """
    place = log_dir / "projection.run"
    try:
        fresh = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        pass
    else:
        with os.fdopen(fresh, "w", encoding="ascii") as file:
            file.write(f"{time.time_ns()}\n")
            file.flush()
            os.fsync(file.fileno())
    text = place.read_text(encoding="ascii").strip()
    if not text.isdecimal():
        raise OSError(f"{place}: {shown(text)} is no time in nanoseconds: delete the file")
    return int(text)


def plain(value: object) -> object:
    """Return a value as JSON takes it: decimals as text, so that no reader makes floats of them; times in ns.

    Raises:
        TypeError: It has no place in JSON.
    """
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1) * 1000
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")
