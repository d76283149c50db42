"""The Zinc plane: the kernel's state for other processes on the same machine."""

from dita.zinc.halt import SharedHalt
from dita.zinc.memory import InMemoryZincPlane, ZincPlane
from dita.zinc.reader import Mark, Quote, ShownIntent, ZincReader, zinc_names
from dita.zinc.shared import SharedMemoryZincPlane

__all__ = [
    "InMemoryZincPlane",
    "Mark",
    "Quote",
    "SharedHalt",
    "SharedMemoryZincPlane",
    "ShownIntent",
    "ZincPlane",
    "ZincReader",
    "zinc_names",
]
