"""The slots of a lease, for a client of a connected kernel."""

from dita.server.connected import ConnectedKernel


class LeasedSlots:
    """The slots of a lease, with the interface of `SlotRegistry`: the server has given them already."""

    def __init__(self, kernel: ConnectedKernel) -> None:
        """Use a connection's.

        Args:
            kernel: The connection.
        """
        self._kernel = kernel

    def take(self, name: str, slots: int) -> tuple[int, ...]:
        """Return the lease's slots."""
        del name, slots
        return self._kernel.slots

    def leave(self, seats: object) -> None:
        """Do nothing: the lease ends with its connection."""
