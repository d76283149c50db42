"""The Zinc plane: the kernel's state for other processes on the same machine."""

from dita.zinc.memory import InMemoryZincPlane, ZincPlane

__all__ = ["InMemoryZincPlane", "ZincPlane"]
