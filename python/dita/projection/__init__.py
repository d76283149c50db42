"""The projection: the newest state, where others can read it."""

from dita.projection.memory import KernelProjection, MemoryProjection, build_projection

__all__ = ["KernelProjection", "MemoryProjection", "build_projection"]
