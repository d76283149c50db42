"""A Hazelcast cluster: its address, its client, its members, and how its maps read in SQL."""

from dita.cluster.address import ClusterAddress
from dita.cluster.client import connected, open_client
from dita.cluster.errors import ClusterError, ClusterUnreachable

__all__ = ["ClusterAddress", "ClusterError", "ClusterUnreachable", "connected", "open_client"]
