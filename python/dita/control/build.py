"""One way to any control plane."""

import os
from typing import Final

from dita.cluster.address import SCHEME, ClusterAddress
from dita.control.cluster import PLANE_DEFAULT, HazelcastControlPlane
from dita.control.file import FileControlPlane
from dita.control.memory import ControlPlane, InMemoryControlPlane

_QUERY: Final = "?plane="


def build_control_plane(place: str | os.PathLike[str] | None = None) -> ControlPlane:
    """Return a control plane.

    Args:
        place: None means in this process's memory; `hazelcast://host:port/cluster` (with `?plane=NAME` where
            one cluster has several) in a cluster; else the path of a file.

    Raises:
        ClusterError: The address does not read like one, nobody answers there, or Hazelcast's client is not
            installed.
        ControlPlaneError: The file's directory is not there.
    """
    if place is None:
        return InMemoryControlPlane()
    text = os.fspath(place)
    if text.startswith(SCHEME):
        address, _, plane = text.partition(_QUERY)
        return HazelcastControlPlane.open(ClusterAddress.parse(address), plane or PLANE_DEFAULT)
    return FileControlPlane(text)
