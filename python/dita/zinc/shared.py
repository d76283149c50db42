"""The Zinc plane in shared memory: written by one process, read by any of the same user."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dita._kernel import Engine, KernelIntent, TradeSlot, ZincWriter
from dita.errors import refuse
from dita.zinc.directory import directory_of
from dita.zinc.reader import ZincReader

SLOTS_DEFAULT: Final = 1024


class SharedMemoryZincPlane(ZincReader):
    """A Zinc plane that other processes see. Given to a kernel, it is written by the kernel's own loop.

    A slot stands there before the answer to what has changed it; the account follows within milliseconds.
    Operators halt the kernel through it: see `SharedHalt`.

    Example:
        `kernel = ExecutionKernel(venue=venue, zinc_plane=SharedMemoryZincPlane("main"))`; elsewhere
        `ZincReader("main").read_slot(0)`.
    """

    def __init__(
        self,
        name: str = "main",
        *,
        slots: int = SLOTS_DEFAULT,
        directory: str | os.PathLike[str] | None = None,
    ) -> None:
        """Make a plane; one whose writer was killed gives its name to it.

        Args:
            name: At most 64 letters, digits, `.`, `_`, `-`.
            slots: Room for so many; memory is taken by those that are used.
            directory: Where; None means `DITA_ZINC_DIR`, or this user's directory in `/dev/shm`. It is made
                with mode 0700, its files with 0600.

        Raises:
            ZincError: Another process writes a plane of that name, or the system refuses.
            InvalidInput: The name is none.
        """
        where = directory_of(directory)
        self._writer = ZincWriter(where, name, slots=slots, kernel=name)
        super().__init__(name, directory=where)
        self._places: dict[str, int] = {}

    @property
    def path(self) -> Path:
        """The segment's file."""
        return Path(self._writer.path)

    def serve(self, engine: Engine) -> None:
        """Have a kernel write the plane, and go by its halt.

        Args:
            engine: The kernel's engine.

        Raises:
            InvalidInput: The kernel has more slots than the plane.
            ZincError: It was closed, or another kernel has it.
        """
        used = engine.max_slots
        if used > self._segment.slots:
            raise refuse("slots", self._segment.slots, f"are too few: the kernel has {used}")
        self._writer.give_to(engine)

    def publish_intent(self, intent: KernelIntent) -> None:
        """Show an intent. Where a kernel writes the plane, it does so by itself.

        Args:
            intent: The intent.

        Raises:
            ZincError: A kernel writes the plane, or it was closed.
        """
        self._writer.publish_intent(intent)

    def write_slot(self, slot: TradeSlot) -> None:
        """Show a slot's newest state. Where a kernel writes the plane, it does so by itself.

        Args:
            slot: The slot.

        Raises:
            ZincError: A kernel writes the plane, or it was closed.
        """
        self._writer.write_slot(slot)

    def write_account(self, account: Mapping[str, Any]) -> None:
        """Show an account's newest state. Where a kernel writes the plane, it does so by itself.

        Args:
            account: By the names of `ExecutionKernel.account`.

        Raises:
            ZincError: A kernel writes the plane, or it was closed.
        """
        place = self._places.setdefault(str(account.get("asset", "")), len(self._places))
        self._writer.write_account(place, _json(account))

    def update_control(self, snapshot: Mapping[str, Any]) -> None:
        """Show the controls' newest state. Where a kernel writes the plane, it does so by itself.

        Args:
            snapshot: The controls by name.

        Raises:
            ZincError: A kernel writes the plane, or it was closed.
        """
        self._writer.write_control(_json(snapshot))

    @property
    def intents(self) -> list[KernelIntent]:
        """The last intents published, oldest first, at most 1,024."""
        found, _ = self.read_intents()
        return [one.intent for one in found]

    def close(self) -> None:
        """End a plane that no kernel has; one that a kernel has ends with it."""
        self._writer.close()


def _json(values: Mapping[str, Any]) -> str:
    """Decimals and names as text, as the kernel's own records have them."""
    return json.dumps(dict(values), default=str)
