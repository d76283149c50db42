"""The projection in a cluster as a follower's target: a process of its own brings the newest states there."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.cluster.address import ClusterAddress
from dita.cluster.claim import Claim
from dita.cluster.client import open_client, unreachable
from dita.cluster.errors import ClusterError
from dita.cluster.mappings import ACCOUNT, CONTROL, HEALTH, ORDERS, SLOTS
from dita.follow.target import TargetAway, TargetRefused
from dita.projection.cluster import ENDED_ORDER_TTL_S, ENDED_ORDERS_MAX, plain, run_of_log
from dita.projection.left_behind import forgotten, put_right
from dita.projection.newest import Key, NewestWriter, Stamp, State

if TYPE_CHECKING:
    from dita._kernel import FollowBatch, FollowStates

#: How long the beginning waits to learn whose the name is.
_CLAIM_S: Final = 3.0
_NAMES_OF_HEALTH: Final = ("state", "rows", "retries", "error", "bytes_behind")


class ProjectionTarget:
    """Takes the newest states and brings them to a Hazelcast cluster.

    It never says that the cluster is away. What is read from the log meanwhile replaces what waits: the
    follower stays at the log's end, and what follows is the newest alone. It says so, and waits, only where
    another kernel has the name in the cluster.

    Attributes:
        name: Of the follower.
        wants_rows: False.
        wants_states: True.
        wants_refill: False: it holds the newest of everything itself, and fills the cluster again.
    """

    wants_rows = False
    wants_states = True
    wants_refill = False

    def __init__(
        self,
        address: ClusterAddress | str,
        kernel: str,
        log_dir: Path | None = None,
        *,
        name: str = "projection",
        run: int | None = None,
        close_timeout_s: float = 5.0,
    ) -> None:
        """Say where to.

        Args:
            address: The cluster's.
            kernel: The kernel's name there.
            log_dir: The log's directory: it knows which run this is.
            name: Of the follower.
            run: Which run this is, where there is no log; None then means the time of `open`.
            close_timeout_s: How long `close` tries to bring what is left.
        """
        self.name = name
        self._address = address
        self._kernel = kernel
        self._log_dir = log_dir
        self._run = run
        self._close_timeout_s = close_timeout_s
        self._writer: NewestWriter | None = None
        self._client: Any = None
        self._claim: Claim | None = None
        self._place = ""
        self._seq = 0
        self._ended: dict[Key, None] = {}
        # How the orders ended that the core knew at the beginning, until the cluster has been put right.
        self._ended_before: dict[str, str] = {}

    def open(self) -> str:
        """Begin to reach the cluster; it need not be there yet.

        Raises:
            TargetRefused: The address does not read like one, or Hazelcast's client is not installed.
        """
        try:
            place = ClusterAddress.parse(self._address) if isinstance(self._address, str) else self._address
            if self._writer is None:
                self._client = open_client(place, in_background=True, client_name=f"dita-{self._kernel}")
                self._writer = NewestWriter(
                    self._client, explain=lambda: str(unreachable(place)), may_write=self._is_ours
                )
                self._client.lifecycle_service.add_listener(self._on_lifecycle)
                self._client.cluster_service.add_listener(member_removed=lambda _member: self._refill())
        except ClusterError as error:
            raise TargetRefused(str(error)) from error
        if self._run is None:
            try:
                self._run = time.time_ns() if self._log_dir is None else run_of_log(self._log_dir)
            except OSError as error:
                raise TargetRefused(str(error)) from error
        self._place = str(place)
        return self._place

    def write(self, batch: "FollowBatch", token: str) -> None:  # noqa: ARG002 - the newest stands, whatever comes again
        """Take a batch's states."""
        if batch["states"] is not None:
            self._take(batch["states"])
        self._insist()

    def refill(self, states: "FollowStates") -> None:
        """Take states; they are on their way when this returns."""
        if self._claim is None:
            self._ended_before = {client_id: text for client_id, live, text in states["orders"] if not live}
        self._take(states)
        if self._claim is None:
            self._claim = Claim(
                self._client,
                self._kernel,
                self._run or 0,
                self._log_dir,
                where=self._place,
                on_taken=self._put_right,
            )
            self._claim.decided(_CLAIM_S)
        self._insist()

    def _insist(self) -> None:
        """Say so where another kernel has the name."""
        if self._claim is not None and self._claim.trouble:
            raise TargetAway(self._claim.trouble)

    def _is_ours(self) -> bool:
        return self._claim is not None and self._claim.held

    def _put_right(self) -> None:
        """The name is ours, and what an earlier life left is ours to end. In the claim's thread."""
        assert self._writer is not None  # noqa: S101 - `open` comes before the claim
        run = self._run or 0

        def state_of(client_id: str) -> State:
            text = self._ended_before.get(client_id)
            stamp = Stamp(run, self._seq)
            if text is None:
                return forgotten(self._kernel, stamp, client_id, ENDED_ORDER_TTL_S)
            return State(stamp, lambda: f'{{"run":{run},{text[1:]}', ENDED_ORDER_TTL_S)

        put_right(self._client, self._writer, self._kernel, run, state_of)
        self._ended_before = {}

    def _take(self, states: "FollowStates") -> None:
        seq = self._seq = states["seq"]
        for slot_id, text in states["slots"]:
            self._put(Key(SLOTS, f"{self._kernel}/{slot_id}"), seq, text)
        for client_id, live, text in states["orders"]:
            self._put_order(client_id, seq, text, live=live)
        for client_id in states["forgotten_orders"]:
            gone = {"kernel": self._kernel, "seq": seq, "venue_client_id": client_id, "status": "FORGOTTEN"}
            self._put_order(client_id, seq, json.dumps({**gone, "live": False, "doubt": "NONE"}), live=False)
        for asset, text in states["accounts"]:
            self._put(Key(ACCOUNT, f"{self._kernel}/{asset}"), seq, text)
        if states["control"] is not None:
            self._put(Key(CONTROL, self._kernel), seq, states["control"])

    def health(self, status: Mapping[str, Any]) -> None:
        """Take how the follower is, and show it."""
        if self._writer is None:
            return
        own = {name: status[name] for name in _NAMES_OF_HEALTH if name in status}
        health = {
            "kernel": self._kernel,
            "seq": self._seq,
            "now_ns": status.get("time_ns"),
            "at_ns": time.time_ns(),
            "follower": own,
            "projection": self.standing(),
        }
        self._put(Key(HEALTH, self._kernel), self._seq, json.dumps(health, default=plain))

    def flush(self, timeout_s: float) -> bool:
        """Wait until the newest states are in the cluster; return whether they are."""
        return self._writer is not None and self._writer.flush(timeout_s)

    def standing(self) -> dict[str, Any]:
        """Return how it is doing, as `HazelcastProjection.standing`."""
        if self._writer is None:
            return {}
        trouble = "" if self._claim is None else self._claim.trouble
        standing = self._writer.standing()
        return {**standing, "trouble": trouble or standing["trouble"]}

    def close(self) -> None:
        """Bring what is left, for as long as `close_timeout_s`, and let go of the cluster."""
        if self._writer is not None:
            is_anothers = self._claim is not None and self._claim.trouble
            self._writer.close(0.0 if is_anothers else self._close_timeout_s)
            self._writer = None
            if self._claim is not None:
                self._claim.close()
                self._claim = None
            self._client.shutdown()

    def _put_order(self, client_id: str, seq: int, text: str, *, live: bool) -> None:
        key = Key(ORDERS, f"{self._kernel}/{client_id}")
        if live:
            self._put(key, seq, text)
            return
        self._put(key, seq, text, ENDED_ORDER_TTL_S)
        self._ended[key] = None
        if len(self._ended) > ENDED_ORDERS_MAX and self._writer is not None:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            self._writer.forget(oldest)

    def _put(self, key: Key, seq: int, text: str, ttl_s: int = 0) -> None:
        assert self._writer is not None  # noqa: S101 - `open` comes first
        run = self._run or 0
        # What the log tells names the kernel and the input already.
        self._writer.put(key, State(Stamp(run, seq), lambda: f'{{"run":{run},{text[1:]}', ttl_s))

    def _on_lifecycle(self, state: str) -> None:
        if state == "CONNECTED":
            self._refill()

    def _refill(self) -> None:
        if self._writer is not None:
            self._writer.refill()
