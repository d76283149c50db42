"""DITAv2's module `zinc_plane`: the planes have the same names in DITA."""

from dita.zinc import InMemoryZincPlane, SharedMemoryZincPlane, ZincPlane

__all__ = ["InMemoryZincPlane", "SharedMemoryZincPlane", "ZincPlane"]
