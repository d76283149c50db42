"""The control plane: what operators set."""

from dita.control.memory import (
    ControlPlane,
    ControlUpdate,
    InMemoryControlPlane,
    KernelControlSnapshot,
    build_control_plane,
)

__all__ = [
    "ControlPlane",
    "ControlUpdate",
    "InMemoryControlPlane",
    "KernelControlSnapshot",
    "build_control_plane",
]
