"""What `dita watch` shows, and where it comes from: a cluster's maps, or a log that is followed."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol

from dita._kernel import Replay
from dita.cluster import ClusterAddress, mappings, open_client
from dita.errors import KernelError, LogError, shown
from dita.follow import followers_of, read_status
from dita.zinc import ZincReader, zinc_names

_LIVE_ORDERS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """A kernel as it is seen at one moment; values as JSON has them, decimals as text.

    Attributes:
        kernel: Its name, or its log's directory.
        others: The kernels that could be shown instead.
        seq: The last input.
        time_ns: When that was, by the kernel's clock.
        age_s: How long ago the kernel last gave a sign of life; None where that is not known.
        slots: Those that have carried a trade, by number.
        accounts: One for each asset.
        control: The controls.
        orders: The live ones.
        followers: Who follows the kernel, and how far behind: `name`, `waiting`, `lag_seconds`, `trouble`.
        breaker: The venue's circuit breaker; empty where there is none, or nobody tells.
        trouble: What is wrong with the view itself; empty where all is well.
        kept_s: For so long this could not be read anew: it is the last that was known. None where it is new.
    """

    kernel: str
    others: Sequence[str] = ()
    seq: int = 0
    time_ns: int | None = None
    age_s: float | None = None
    slots: Sequence[Mapping[str, Any]] = ()
    accounts: Sequence[Mapping[str, Any]] = ()
    control: Mapping[str, Any] = field(default_factory=dict)
    orders: Sequence[Mapping[str, Any]] = ()
    followers: Sequence[Mapping[str, Any]] = ()
    breaker: Mapping[str, Any] = field(default_factory=dict)
    trouble: str = ""
    kept_s: float | None = None


class Source(Protocol):
    """Where a view comes from."""

    def read(self, kernel: str | None) -> Seen:
        """Return a kernel as it is now; the first one where none is named."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class ClusterSource:
    """Reads the projection's maps."""

    def __init__(self, address: str) -> None:
        """Connect.

        Args:
            address: The cluster's.

        Raises:
            ClusterError: It cannot be reached.
        """
        self._names = mappings
        self._address = ClusterAddress.parse(address)
        self._client = open_client(self._address, stays=True, client_name="dita-watch")
        # Each kernel as it was last read, and when: shown while the cluster is away.
        self._last: dict[str | None, tuple[Seen, float]] = {}

    def read(self, kernel: str | None) -> Seen:
        """Return a kernel as the cluster has it; as it was last known while that is away."""
        from hazelcast.errors import HazelcastError  # noqa: PLC0415 - an extra

        try:
            seen = self._read(kernel)
        except (HazelcastError, OSError) as error:
            # It comes back, or says so again.
            return self._kept(kernel, f"{self._address} does not answer: {error}")
        self._last[kernel] = seen, time.monotonic()
        return seen

    def _kept(self, kernel: str | None, trouble: str) -> Seen:
        if kernel not in self._last:
            return Seen(kernel or "", trouble=trouble)
        last, read_at = self._last[kernel]
        kept_s = time.monotonic() - read_at
        age_s = None if last.age_s is None else last.age_s + kept_s
        return replace(last, trouble=trouble, kept_s=kept_s, age_s=age_s)

    def close(self) -> None:
        """Let go of the cluster."""
        self._client.shutdown()

    def _read(self, kernel: str | None) -> Seen:
        others = sorted(self._map(self._names.HEALTH).key_set())
        chosen = kernel or next(iter(others), None)
        if chosen is None:
            return Seen("", trouble=f"no kernel projects into {self._address} yet")
        if chosen not in others:
            return Seen(chosen, others, trouble=f"{self._address} knows no kernel {shown(chosen)}")
        health = self._one(self._names.HEALTH, chosen)
        health_ns = int(health.get("at_ns", 0))
        return Seen(
            kernel=chosen,
            others=others,
            seq=int(health.get("seq", 0)),
            time_ns=health.get("now_ns"),
            age_s=max(0.0, (time.time_ns() - health_ns) / 1e9) if health_ns else None,
            slots=sorted(self._of(self._names.SLOTS, chosen), key=lambda slot: int(slot["slot_id"])),
            accounts=sorted(self._of(self._names.ACCOUNT, chosen), key=lambda one: str(one["asset"])),
            control=self._one(self._names.CONTROL, chosen),
            orders=_live(self._of(self._names.ORDERS, chosen)),
            followers=_followers(health),
            breaker=health.get("breaker") or {},
            trouble="the kernel was closed"
            if health.get("closed")
            else str(health.get("control_trouble", "")),
        )

    def _map(self, name: str) -> Any:  # noqa: ANN401 - the client's proxy
        return self._client.get_map(name).blocking()

    def _one(self, name: str, key: str) -> Mapping[str, Any]:
        value = self._map(name).get(key)
        return {} if value is None else _parsed(value)

    def _of(self, name: str, kernel: str) -> list[Mapping[str, Any]]:
        from hazelcast.predicate import equal  # noqa: PLC0415 - an extra

        return [_parsed(value) for value in self._map(name).values(equal("kernel", kernel))]


class LogSource:
    """Follows a log with a replica of the kernel. It takes no lock, and the kernel does not know of it."""

    def __init__(self, log_dir: Path, progress: Callable[[int, int, int], object] | None = None) -> None:
        """Replay what is there.

        Args:
            log_dir: The log's directory.
            progress: Called with the progress.

        Raises:
            LogError: There is no log, or it cannot be read.
        """
        if not log_dir.is_dir():
            raise LogError(f"{log_dir}: is no directory; name the one that the kernel was given as log_dir")
        self._log_dir = log_dir
        self._replay = Replay(log_dir)
        self._replay.run(progress)

    def read(self, kernel: str | None) -> Seen:  # noqa: ARG002 - a log has one
        """Return the kernel as its log tells."""
        trouble = ""
        try:
            self._replay.run()
        except KernelError as error:
            trouble = str(error)
        replay = self._replay
        live = [json.loads(order.to_json()) for order in replay.orders(live_only=True)]
        return Seen(
            kernel=str(self._log_dir),
            seq=replay.seq,
            time_ns=replay.now_ns,
            slots=[json.loads(slot.to_json()) for slot in replay.slots()],
            accounts=[_as_text(replay.account(asset) or {}) for asset in replay.assets()],
            control=_as_text(replay.control()),
            orders=live[:_LIVE_ORDERS_SHOWN],
            followers=self._followers(),
            trouble=trouble,
        )

    def _followers(self) -> list[Mapping[str, Any]]:
        """Those that have a cursor in the directory."""
        found: list[Mapping[str, Any]] = []
        for name in followers_of(self._log_dir):
            status = read_status(self._log_dir, name)
            if status is None:
                found.append({"name": name, "waiting": None, "lag_seconds": None, "trouble": "not running"})
                continue
            lag = status.lag(self._replay.seq)
            found.append(
                {
                    "name": name,
                    "waiting": lag["lag_records"],
                    "lag_seconds": round(lag["lag_seconds"], 1),
                    "trouble": _trouble_of(status.as_dict()),
                }
            )
        return found

    def close(self) -> None:
        """Nothing is held."""


class ZincSource:
    """Reads a plane in shared memory. The kernel does not know of it."""

    def __init__(self, name: str) -> None:
        """Open the plane.

        Args:
            name: The plane's.

        Raises:
            KernelError: There is none, or it cannot be read.
        """
        try:
            self._reader = ZincReader(name)
        except KernelError as error:
            known = ", ".join(zinc_names()) or "none"
            raise KernelError(f"{error}; planes of this user: {known}") from error

    def read(self, kernel: str | None) -> Seen:  # noqa: ARG002 - a plane has one
        """Return the kernel as it shows itself."""
        reader = self._reader
        standing = reader.standing
        trouble = "" if standing == "LIVE" else _STANDINGS[standing]
        try:
            slots = [json.loads(slot.to_json()) for slot in reader.read_slots()]
            accounts = [_as_text(account) for account in reader.read_accounts()]
            return Seen(
                kernel=reader.name,
                seq=reader.seq,
                time_ns=reader.time_ns,
                slots=slots,
                accounts=accounts,
                control=reader.control,
                orders=_live(_orders_of(slots)),
                trouble=trouble,
            )
        except KernelError as error:
            return Seen(reader.name, trouble=str(error))

    def close(self) -> None:
        """Nothing is held."""


_STANDINGS: Final = {
    "CLOSED": "the kernel was closed",
    "SUPERSEDED": "another kernel takes this plane's name",
    "DEAD": "the kernel was killed: this is its last word",
}


def _orders_of(slots: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found = [order for slot in slots for order in (slot["active_entry_order"], *slot["exit_orders"])]
    return [order for order in found if order is not None]


def _parsed(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - the client's JSON value
    content: Mapping[str, Any] = json.loads(value.to_string())
    return content


def _live(orders: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    ended = ("FILLED", "CANCELED", "REJECTED", "EXPIRED", "FORGOTTEN")

    def works(order: Mapping[str, Any]) -> bool:
        # One that is done for the day rests with its leaves, or is over without.
        rests = order["status"] != "DONE_FOR_DAY" or Decimal(str(order["remaining_size"])) > 0
        return rests and order["status"] not in ended

    live = [order for order in orders if works(order) or order["doubt"] != "NONE"]
    return sorted(live, key=lambda order: str(order["venue_client_id"]))[:_LIVE_ORDERS_SHOWN]


def _followers(health: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The writer of the projection, and the processes that follow the kernel."""
    found: list[Mapping[str, Any]] = []
    projection = health.get("projection")
    if projection is not None:
        away_s = float(projection["away_seconds"])
        found.append(
            {
                "name": "projection",
                "waiting": projection["waiting"],
                "lag_seconds": projection["lag_seconds"],
                "trouble": f"away for {away_s:.1f} s: {projection['trouble']}" if away_s else "",
            }
        )
    for name, follower in (health.get("followers") or {}).items():
        found.append(
            {
                "name": name,
                "waiting": follower.get("lag_records"),
                "lag_seconds": follower.get("lag_seconds"),
                "trouble": _trouble_of(follower),
            }
        )
    return found


def _trouble_of(follower: Mapping[str, Any]) -> str:
    state = str(follower.get("state", ""))
    return "" if state in ("FOLLOWING", "STOPPED") else f"{state} {follower.get('error', '')}".strip()


def _as_text(values: Mapping[str, Any]) -> dict[str, Any]:
    """Decimals as text, as the cluster has them."""
    shown: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Decimal):
            shown[name] = format(value, "f")
        elif isinstance(value, Mapping):
            shown[name] = _as_text(value)
        elif isinstance(value, list | tuple):
            shown[name] = [_as_text(one) if isinstance(one, Mapping) else one for one in value]
        else:
            shown[name] = value
    return shown
