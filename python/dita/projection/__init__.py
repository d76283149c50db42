"""The projection: the newest state, where others can read it, in memory or in a cluster."""

from dita.projection.build import build_projection
from dita.projection.cluster import HazelcastProjection
from dita.projection.followed import FollowedProjection
from dita.projection.memory import KernelMoment, KernelProjection, MemoryProjection

__all__ = [
    "FollowedProjection",
    "HazelcastProjection",
    "KernelMoment",
    "KernelProjection",
    "MemoryProjection",
    "build_projection",
]
