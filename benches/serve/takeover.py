"""How long a takeover takes: `python benches/serve/takeover.py [TAKEOVERS]`.

From the kill of the primary (or its SIGSTOP) to the first intent of a reconnected client that the standby
accepts, at an exchange of this machine. It starts exchange, servers and a client, and ends them. Needs
the extra `venues`.
"""

import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from standing import Pair, Trader, Venue, check_nothing_lost_nothing_doubled

#: What the contract asks of a kill, ms; of a stop it is the heartbeat and a second.
KILL_P50_MS, KILL_MAX_MS = 200, 1_000
HEARTBEAT_S = 1


def took_ms(pair: Pair, trader: Trader, primary: int, how: signal.Signals) -> float:
    """End the primary, and wait for an intent that another one has accepted."""
    trader.flatten()
    slots = trader.kernel.slots
    began_s = time.perf_counter()
    pair.kill(primary, how)
    # From here on no answer can be the old one's.
    while _runs(primary):
        time.sleep(0.0002)
    for number in range(1_000_000):
        name = f"b{primary}-{number}"
        slot_id = slots[number % len(slots)]
        given = {"trade_id": name, "asset": "BTCUSDT", "side": "LONG", "target_size": "0.01"}
        if trader.send(name, slot_id=slot_id, action="ENTER", **given).accepted:
            break
    return (time.perf_counter() - began_s) * 1e3


def _runs(pid: int) -> bool:
    """Whether a process is neither stopped nor dead."""
    stat = Path(f"/proc/{pid}/stat").read_bytes()
    return stat[stat.rindex(b")") + 2 :][:1] not in (b"T", b"Z", b"X")


def main(takeovers: int) -> None:
    """Print the figures of both ways to end."""
    with tempfile.TemporaryDirectory(prefix="dita-takeover-") as folder:
        os.environ["DITA_ZINC_DIR"] = str(Path(folder) / "planes")
        venue = Venue()
        pair = Pair(Path(folder), venue, heartbeat=str(HEARTBEAT_S))
        try:
            pair.start()
            primary = pair.await_primary()
            trader = Trader(pair)
            found: dict[str, list[float]] = {"SIGKILL": [], "SIGSTOP": []}
            for number in range(2 * takeovers):
                pair.start("--standby")
                pair.await_standbys(1)
                how = signal.SIGSTOP if number % 2 else signal.SIGKILL
                found[how.name].append(took_ms(pair, trader, primary, how))
                primary = pair.await_primary(primary)
            trader.flatten()
            orders, fills = check_nothing_lost_nothing_doubled(pair, trader)
            trader.close()
        finally:
            pair.close()
            venue.close()
    print(f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, load {os.getloadavg()[0]:.1f}")
    for name, values in found.items():
        goal = f"p50 {KILL_P50_MS}, always {KILL_MAX_MS}"
        if name == "SIGSTOP":
            goal = f"always {(HEARTBEAT_S + 1) * 1000}"
        print(
            f"{name}: p50 {statistics.median(values):.0f} ms, min {min(values):.0f}, max {max(values):.0f} "
            f"({len(values)} takeovers; goal: {goal})"
        )
    print(f"nothing lost, nothing doubled: {orders} orders, {fills} fills")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
