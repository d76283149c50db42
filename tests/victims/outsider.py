"""A trader on a log and with a venue outside, to be killed: `python outsider.py DIRECTORY`.

After each step it says up to where everything is durable, and the last input. Started again, it goes on from
what its kernel knows.
"""

import json
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dita import ExecutionKernel, VenueEvent, VenueOrder
from dita.venues import BaseExecutionAdapter
from kernels import CONFIG, ENTER, EXIT, SYMBOL, intent

SLOTS = 8
HOUR_NS = 3_600_000_000_000


class Outsider(BaseExecutionAdapter):
    """The adapter for `OutsideVenue`."""

    live: ClassVar[bool] = True
    real_money: ClassVar[bool] = False

    def __init__(self, path: Path) -> None:
        """Connect."""
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rw", encoding="ascii")

    def _ask(self, **request: str) -> list[VenueEvent]:
        self._lines.write(json.dumps(request) + "\n")
        self._lines.flush()
        answer: dict[str, Any] = json.loads(self._lines.readline())
        if "timeout" in answer:
            raise TimeoutError("the venue says nothing")
        return [VenueEvent(timestamp=time.time_ns(), **event) for event in answer["events"]]

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()
        super().close()

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order."""
        size, trade = str(order.intended_size), order.internal_trade_id
        return self._ask(
            what="submit", id=order.venue_client_id, side=order.order_side.value, size=size, trade=trade
        )

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Nothing is ever canceled here."""
        raise NotImplementedError(f"{order.venue_client_id} {reason}")

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        """Ask what became of an order."""
        return self._ask(what="query", id=venue_client_id)


def opened(directory: Path) -> ExecutionKernel:
    """A kernel on the directory's log, with the directory's venue."""
    kernel = ExecutionKernel(venue=Outsider(directory / "venue"), log_dir=directory / "log", max_slots=SLOTS)
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital("10000")
    kernel.mark_price(SYMBOL, "60000")
    return kernel


def step(kernel: ExecutionKernel, slot_id: int, *, enters: bool) -> None:
    """What a slot wants next: an entry, an exit, or nothing while an order of it is in doubt."""
    slot = kernel.slot(slot_id)
    now_ns = time.time_ns()
    if slot.fsm_state == "POSITION_OPEN":
        name = f"x{slot_id}-{kernel.seq}"
        kernel.process_intent(
            intent(
                EXIT,
                name,
                trade_id=slot.trade_id,
                slot_id=slot_id,
                timestamp=now_ns,
                valid_until=now_ns + HOUR_NS,
            )
        )
    elif enters and slot.fsm_state in ("IDLE", "CLOSED"):
        trade = f"t{slot_id}-{kernel.seq}"
        kernel.process_intent(intent(ENTER, "e" + trade, trade_id=trade, slot_id=slot_id, timestamp=now_ns))


def durable(kernel: ExecutionKernel) -> int:
    """The last input that a power loss would leave."""
    standing = kernel.log_standing
    return 0 if standing is None else int(standing["durable_seq"])


def main(directory: Path) -> None:
    """Trade until killed."""
    kernel = opened(directory)
    turn = 0
    while True:
        step(kernel, turn % SLOTS, enters=True)
        turn += 1
        sys.stdout.write(f"{durable(kernel)} {kernel.seq}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
