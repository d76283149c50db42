"""An applier to be killed: `python applied.py DIRECTORY FILE ORDERS`, after so many orders."""

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from dita import ControlUpdate, ExecutionKernel, KernelIntent, KernelOutcome
from dita.portfolio import PortfolioDesk
from portfolios import host_in


def main() -> None:
    """Apply, and die in the middle."""
    directory, file, orders = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    host = host_in(directory)
    # Many parts of each row, so that it dies between them.
    host.control(ControlUpdate(limits={"max_order_notional": "420"}, updated_by="ops"))
    take = ExecutionKernel.process_intents
    left = orders

    def counted(own: ExecutionKernel, intents: Iterable[KernelIntent]) -> list[KernelOutcome]:
        """The kernel's own, which dies after so many orders have left."""
        nonlocal left
        outcomes = take(own, list(intents)[:left])
        left -= len(outcomes)
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcomes

    ExecutionKernel.process_intents = counted  # type: ignore[method-assign]
    desk = PortfolioDesk(host)
    desk.apply(desk.prepare(file))


if __name__ == "__main__":
    main()
