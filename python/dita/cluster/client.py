"""The cluster's client, with settings that suit a kernel: nothing waits for ever, or for the cluster."""

import logging
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dita.cluster.address import ClusterAddress
from dita.cluster.errors import ClusterError, ClusterUnreachable
from dita.errors import shown
from dita.extras import missing

if TYPE_CHECKING:
    from hazelcast.client import HazelcastClient

# The client's own defaults wait for ever for a cluster, and two minutes for an answer.
CONNECT_TIMEOUT_S: Final = 5.0
INVOCATION_TIMEOUT_S: Final = 5.0
HEARTBEAT_INTERVAL_S: Final = 1.0
HEARTBEAT_TIMEOUT_S: Final = 5.0
RETRY_BACKOFF_MAX_S: Final = 1.0
_KNOCK_TIMEOUT_S: Final = 1.0

MISSING: Final = missing("a Hazelcast cluster", "hazelcast")


def open_client(
    address: ClusterAddress,
    *,
    in_background: bool = False,
    stays: bool = False,
    timeout_s: float = CONNECT_TIMEOUT_S,
    on_lifecycle: Callable[[str], None] | None = None,
    client_name: str = "dita",
) -> "HazelcastClient":
    """Return a client.

    Args:
        address: Where the cluster is.
        in_background: Return at once, connect when the cluster is there and again whenever it comes back;
            else connect now, or raise.
        stays: Connect now, or raise, and then again whenever the cluster comes back.
        timeout_s: How long to try, where not in the background.
        on_lifecycle: Called with CONNECTED, DISCONNECTED and so on, in the client's thread.
        client_name: What the cluster shows.

    Raises:
        ClusterError: The client is not installed.
        ClusterUnreachable: No member answers, or none of that name.
    """
    try:
        with warnings.catch_warnings():
            # It brings what Python 3.11 says will be gone in 3.12.
            warnings.simplefilter("ignore", DeprecationWarning)
            from hazelcast.client import HazelcastClient  # noqa: PLC0415 - an extra, and heavy
            from hazelcast.config import ReconnectMode  # noqa: PLC0415
            from hazelcast.errors import HazelcastError  # noqa: PLC0415
    except ImportError as error:
        raise ClusterError(MISSING) from error
    if not in_background and not any_listens(address):
        raise unreachable(address)
    background = in_background or stays
    is_connected = threading.Event()

    def on_state(state: str) -> None:
        if state == "CONNECTED":
            is_connected.set()
        if on_lifecycle is not None:
            on_lifecycle(state)

    # What it has to say of connections comes as lifecycle events and as errors.
    logging.getLogger("hazelcast").setLevel(logging.CRITICAL)
    try:
        client = HazelcastClient(
            cluster_name=address.name,
            cluster_members=list(address.members),
            client_name=client_name,
            async_start=background,
            reconnect_mode=ReconnectMode.ASYNC,
            # In the background it never gives up: -1 is for ever, and nobody waits for it.
            cluster_connect_timeout=-1 if background else timeout_s,
            connection_timeout=_KNOCK_TIMEOUT_S if background else timeout_s,
            retry_initial_backoff=0.1,
            retry_max_backoff=RETRY_BACKOFF_MAX_S,
            invocation_timeout=INVOCATION_TIMEOUT_S,
            # The member answers once its backups have the value. Else a client that has just come waits 5 s
            # for the word of a backup that does not know it yet: a halt took that long.
            backup_ack_to_client_enabled=False,
            heartbeat_interval=HEARTBEAT_INTERVAL_S,
            heartbeat_timeout=HEARTBEAT_TIMEOUT_S,
            lifecycle_listeners=[on_state],
        )
    except (HazelcastError, OSError) as error:
        raise unreachable(address) from error
    if stays and not is_connected.wait(timeout_s):
        client.shutdown()
        raise unreachable(address)
    return client


@contextmanager
def connected(
    address: ClusterAddress, *, timeout_s: float = CONNECT_TIMEOUT_S
) -> "Iterator[HazelcastClient]":
    """Connect now, and let go at the end.

    Raises:
        ClusterError: The client is not installed.
        ClusterUnreachable: No member answers, or none of that name.
    """
    client = open_client(address, timeout_s=timeout_s)
    try:
        yield client
    finally:
        client.shutdown()


def unreachable(address: ClusterAddress) -> ClusterUnreachable:
    """Return the error for a cluster that does not take us: nobody there, or another name."""
    listening = [member for member in address.members if _listens(member)]
    if listening:
        return ClusterUnreachable(
            f"{address}: {listening[0]} answers, but takes no client of a cluster named "
            f"{shown(address.name)}: give the cluster's own name, `dita hazelcast status` shows it; a member "
            "that is still starting takes one soon"
        )
    return ClusterUnreachable(
        f"{address}: nobody listens there: start a member with `dita hazelcast up`, or give another address"
    )


def any_listens(address: ClusterAddress) -> bool:
    """Whether anybody listens at any of a cluster's places; takes a second for each at most."""
    return any(_listens(member) for member in address.members)


def _listens(member: str) -> bool:
    host, _, port = member.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_TIMEOUT_S):
            return True
    except OSError:
        return False
