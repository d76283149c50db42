"""A trader that is killed at any moment: what it acknowledged is there, and nothing is there twice.

A kill cannot show that a sync is missing: what the system was told, it keeps. For that there is the model of
a disk that loses its power, on the Rust side.
"""

import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from dita import ExecutionKernel, SimulatedVenue
from kernels import CONFIG, ENTER, intent

TRADER = Path(__file__).resolve().parent / "victims" / "trader.py"
KILLS = 10
# A round trip of 0.01 BTC: 0.05 % of both fills, and the spread.
COST = Decimal("0.6010005")
SLOTS = 4


def life(log_dir: Path, lines: int) -> list[list[str]]:
    """One life of the trader: killed after so many lines, wherever it is by then. What it said."""
    said: list[list[str]] = []
    with subprocess.Popen(
        [sys.executable, str(TRADER), str(log_dir), "batch"], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said.append(line.split())
            if len(said) == lines:
                child.kill()
    # A line that the kill cut off was not said.
    return [words for words in said if len(words) == 4]


def test_what_a_killed_trader_acknowledged_is_there_once(tmp_path: Path) -> None:
    chance = random.Random(20260101)  # noqa: S311 - the same moments each time
    acknowledged = 0
    for kill in range(1, KILLS + 1):
        said = life(tmp_path, chance.randint(1, 60))
        assert said, "a line is said in each life"
        taken = [number for number, _, word, _ in said if word == "taken"]
        seq, capital = int(said[-1][1]), Decimal(said[-1][3])
        acknowledged += len(taken)

        venue = SimulatedVenue(balances={"USDT": "10000"})
        kernel = ExecutionKernel(venue=venue, log_dir=tmp_path)
        recovery = kernel.recovery
        assert recovery is not None
        assert recovery["last_seq"] >= seq
        assert recovery["epoch"] == 2 * kill
        kernel.check_invariants()
        # At most the trades of one round came after the last line.
        assert 0 <= capital - kernel.account.capital <= SLOTS * COST
        assert kernel.account.capital == venue.wallet("USDT")
        assert kernel.account.reconcile_delta == 0
        # An intent that was acknowledged is known, and does nothing a second time.
        kernel.set_exchange_config(CONFIG)
        before = kernel.state_hash()
        for known in taken[-5:]:
            again = intent(ENTER, f"ENTER{known}.0", trade_id=f"{known}.0", timestamp=kernel.now_ns + 1)
            assert kernel.process_intent(again).diagnostic_code == "DUPLICATE_INTENT"
        assert kernel.state_hash() == before
        kernel.close()
    assert acknowledged > KILLS
