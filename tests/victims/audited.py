"""A trader on a log with an audit ledger, to be killed: `python audited.py DIRECTORY [TRADES]`.

It says a line for each trade. With a number of trades it ends by itself; without, it goes on until killed.
"""

import itertools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dita.audit import FollowedAudit
from logged import Desk


def main(directory: Path, trades: int | None) -> None:
    """Trade in the directory's log."""
    desk = Desk(directory / "log", {"audit": FollowedAudit(directory / "audit"), "name": "audited"})
    desk.now_ns = desk.kernel.now_ns
    # Ids that no earlier life had.
    desk.intents = desk.kernel.seq * 10
    for number in itertools.count() if trades is None else range(trades):
        desk.trade(desk.intents + number, "0.5", str(100 + number % 7))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
    desk.kernel.sync()
    desk.kernel.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
