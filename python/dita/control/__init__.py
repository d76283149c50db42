"""The control plane: what operators set, in memory, in a file or in a cluster."""

from dita.control.build import build_control_plane
from dita.control.cluster import HazelcastControlPlane
from dita.control.file import FileControlPlane
from dita.control.memory import (
    ControlFromInside,
    ControlPlane,
    ControlUpdate,
    InMemoryControlPlane,
    KernelControlSnapshot,
)
from dita.control.record import ControlConflict, ControlPlaneError

__all__ = [
    "ControlConflict",
    "ControlFromInside",
    "ControlPlane",
    "ControlPlaneError",
    "ControlUpdate",
    "FileControlPlane",
    "HazelcastControlPlane",
    "InMemoryControlPlane",
    "KernelControlSnapshot",
    "build_control_plane",
]
