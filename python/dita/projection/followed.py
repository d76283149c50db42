"""A kernel's projection in a cluster, written by a process of its own that follows the log."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from dita._kernel import NotYetSupported, TradeSlot
from dita.cluster.address import ClusterAddress
from dita.cluster.client import MISSING
from dita.cluster.errors import ClusterError
from dita.extras import is_there


class FollowedProjection:
    """A projection that costs the kernel nothing: give it to `ExecutionKernel(projection=...)`.

    The kernel spawns a follower, which replays the log (or the bounded queue of a kernel without one) and
    brings the newest states to the cluster. What it is and how far behind, `health()["followers"]` says.

    Example:
        `ExecutionKernel(log_dir="main", projection=FollowedProjection("hazelcast://127.0.0.1:5701/dita"))`

    Attributes:
        address: Where the cluster is.
    """

    def __init__(self, address: ClusterAddress | str) -> None:
        """Say where to.

        Args:
            address: As `hazelcast://127.0.0.1:5701/dita`.

        Raises:
            ClusterError: It does not read like one, or the extra `hazelcast` is not installed.
        """
        if not is_there("hazelcast"):
            raise ClusterError(MISSING)
        self.address = ClusterAddress.parse(address) if isinstance(address, str) else address
        self._reach: Callable[[float], bool] | None = None

    def follower(self) -> Mapping[str, Any]:
        """Return the specification of its follower."""
        return {"kind": "projection", "to": str(self.address)}

    def attach(self, reach: Callable[[float], bool]) -> None:
        """Learn how to wait until everything taken so far is read.

        Args:
            reach: Waits so many seconds at most; says whether it is.
        """
        self._reach = reach

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Wait until the follower has read all that the kernel has taken; return whether it has.

        What it has read is on its way to the cluster, or waits for it.
        """
        return self._reach is None or self._reach(timeout_s)

    def write_slot(self, slot: TradeSlot) -> NoReturn:
        """Refuse: its follower writes it, from the log.

        Raises:
            NotYetSupported: Always.
        """
        self._refuse()

    def write_control(self, control: Mapping[str, Any]) -> NoReturn:
        """Refuse, as `write_slot`.

        Raises:
            NotYetSupported: Always.
        """
        self._refuse()

    def write_account(self, account: Mapping[str, Any]) -> NoReturn:
        """Refuse, as `write_slot`.

        Raises:
            NotYetSupported: Always.
        """
        self._refuse()

    def write_health(self, health: Mapping[str, Any]) -> NoReturn:
        """Refuse, as `write_slot`.

        Raises:
            NotYetSupported: Always.
        """
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise NotYetSupported("FollowedProjection is written by a follower: ExecutionKernel(projection=...)")
