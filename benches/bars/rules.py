"""What every arm does alike: the rules, and what it prints. Peers' environments import it: no other packages.

The rules: averages of 10 and 20 closes, each beginning with the first close. From the twentieth bar on long
one BTC while the fast one is not below the slow one, else short one BTC; a change of side closes and opens at
the close of the bar that told of it. Flat at the close of the last bar but one. Commission 0.1 % of the
value, both ways.
"""

from __future__ import annotations

import hashlib
import json
import sys
from decimal import Decimal

FAST, SLOW = 10, 20
CAPITAL = 10_000_000
RATE = Decimal("0.001")
SYMBOL = "BTC-PERP"
MINUTE_NS = 60_000_000_000


def arguments() -> str:
    """The market's file: the only argument."""
    return sys.argv[1]


def publish(
    *,
    loaded_s: float,
    ran_s: float,
    bars: int,
    fills: list[tuple[int, str, Decimal]],
    end: Decimal,
    version: str,
) -> None:
    """Print what the arm came to.

    Args:
        loaded_s: Seconds to read the file and to make of it what the engine takes; 0 where the run does it.
        ran_s: Seconds of the run.
        bars: How many were played.
        fills: Bar from 0, BUY or SELL, price of each.
        end: Money at the end.
        version: The engine's.
    """
    lines = "".join(f"{bar} {side} {price.normalize():f}\n" for bar, side, price in fills)
    told = {
        "loaded_s": loaded_s,
        "ran_s": ran_s,
        "bars": bars,
        "fills": len(fills),
        "fills_sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "end": format(end, "f"),
        "version": version,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
    }
    print(json.dumps(told))
