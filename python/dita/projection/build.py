"""Builds the projection that a kernel is given: in memory, or in a cluster."""

from typing import Any

from dita.errors import wrong_type
from dita.projection.cluster import HazelcastProjection
from dita.projection.memory import KernelProjection, MemoryProjection


def build_projection(client: Any = None, kernel: str | None = None) -> KernelProjection:  # noqa: ANN401 - Hazelcast's
    """Return a projection: in memory, or with a client in its cluster.

    Args:
        client: A Hazelcast client; None means in memory.
        kernel: The kernel's name in the cluster; None means as the kernel that it is given to says.

    Raises:
        InvalidType: It is no Hazelcast client.
        InvalidInput: A name that cannot be a key's beginning.
    """
    if client is None:
        return MemoryProjection()
    if not all(hasattr(client, name) for name in ("get_map", "lifecycle_service", "cluster_service")):
        raise wrong_type("client", client, "a hazelcast.HazelcastClient")

    return HazelcastProjection(client, kernel)
