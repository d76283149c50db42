"""A trader is killed at any moment and its venue is not: nothing durable is lost, no order is doubled.

A kill cannot show that a sync is missing; `rust_kernel/engine/tests/power.rs` can.
"""

import contextlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from dita import InvalidInput
from outside import OutsideVenue
from victims.outsider import SLOTS, opened, step

TRADER = Path(__file__).resolve().parent / "victims" / "outsider.py"
KILLS = int(os.environ.get("DITA_PYTHON_KILLS", "50"))
#: Some seconds more than an order that is not found is waited for.
PATIENCE_SECS = 20


def life(directory: Path, chance: random.Random) -> list[list[str]]:
    """One life of the trader, killed 0 to 30 ms after its first words; what it said."""
    with subprocess.Popen(
        [sys.executable, str(TRADER), str(directory)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        said = [child.stdout.readline()]
        time.sleep(chance.random() * 0.03)
        child.kill()
        said += child.stdout
    assert said[0], "it says something before it is killed"
    return [words for line in said if line.endswith("\n") and len(words := line.split()) == 2]


def test_no_kill_loses_what_was_durable_or_doubles_an_order(tmp_path: Path) -> None:
    venue = OutsideVenue(tmp_path / "venue", seed=7)
    chance = random.Random(20260102)  # noqa: S311 - the same moments each time
    durable = 0
    for number in range(1, KILLS + 1):
        said = life(tmp_path, chance)
        # What an earlier life said is durable comes before what a later one begins with.
        assert int(said[0][1]) > durable, f"life {number}"
        durable = max(durable, *(int(words[0]) for words in said))
        assert not venue.wrongs

    kernel = opened(tmp_path)
    recovery = kernel.recovery
    assert recovery is not None
    assert recovery["last_seq"] >= durable
    assert recovery["epoch"] == KILLS + 1
    patience = time.monotonic() + PATIENCE_SECS
    while any(slot.fsm_state not in ("IDLE", "CLOSED") for slot in kernel.state.slots):
        assert time.monotonic() < patience, [slot.fsm_state for slot in kernel.state.slots]
        with contextlib.suppress(InvalidInput):
            # The kernel's own timer may have been there first: then this time has passed already.
            kernel.advance_time(time.time_ns())
        for slot_id in range(SLOTS):
            step(kernel, slot_id, enters=False)
    kernel.check_invariants()
    assert not venue.wrongs
    assert kernel.account.capital == venue.cash
    assert venue.position == 0
    assert venue.counts["silent"] > 0
    assert venue.counts["lost"] > 0
    kernel.close()
    venue.close()
