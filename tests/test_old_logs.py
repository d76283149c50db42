"""Logs of this version's rules open and lead to what they led to; logs of older rules are refused by name.

`python tests/test_old_logs.py NAME` writes one more, with the version that is installed. After a release
what is there is never made anew.
"""

import json
import shutil
import sys
from pathlib import Path

import pytest

from dita import ExecutionKernel, LogError, ManualClock, SimulatedVenue
from dita.timetravel import verify
from kernels import CONFIG, ENTER, EXIT, SYMBOL, intent

GOLDEN = Path(__file__).resolve().parent / "golden" / "kernel_logs"
SLOTS = 4
LOGS = ["v3"]
# Nothing was released with these rules: no reader of them was kept.
REFUSED = ["v2"]


def say(kernel: ExecutionKernel) -> dict[str, str]:
    """What a log leads to, in few words that no version may change."""
    account = kernel.snapshot()["account"]
    return {
        "last_seq": str((kernel.recovery or {})["last_seq"]),
        "capital": str(account["capital"]),
        "stages": " ".join(str(kernel.slot(slot).fsm_state) for slot in range(SLOTS)),
        "sizes": " ".join(str(kernel.slot(slot).size) for slot in range(SLOTS)),
        "realized": " ".join(str(kernel.slot(slot).realized_pnl) for slot in range(SLOTS)),
    }


def test_every_recorded_log_is_tested() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(LOGS + REFUSED)


@pytest.mark.parametrize("name", REFUSED)
def test_a_log_of_older_rules_is_refused_and_left_as_it_was(name: str, tmp_path: Path) -> None:
    log_dir = tmp_path / "log"
    shutil.copytree(GOLDEN / name, log_dir)
    (log_dir / "expected.json").unlink()
    before = {path.name: path.read_bytes() for path in log_dir.iterdir() if path.suffix in {".seg", ".snap"}}
    with pytest.raises(LogError, match=r"rules 2, and this version has rules 3.*open_with"):
        ExecutionKernel(max_slots=SLOTS, clock=ManualClock(0), log_dir=log_dir)
    after = {path.name: path.read_bytes() for path in log_dir.iterdir() if path.suffix in {".seg", ".snap"}}
    assert after == before


@pytest.mark.parametrize("name", LOGS)
def test_an_old_log_opens_and_leads_to_what_it_led_to(name: str, tmp_path: Path) -> None:
    log_dir = tmp_path / "log"
    shutil.copytree(GOLDEN / name, log_dir)
    expected = json.loads((log_dir / "expected.json").read_text(encoding="utf-8"))
    (log_dir / "expected.json").unlink()
    # First as it is, since opening it appends a restart.
    report = verify(log_dir, replay=True)
    assert report["good"], report
    with ExecutionKernel(max_slots=SLOTS, clock=ManualClock(0), log_dir=log_dir) as kernel:
        assert say(kernel) == expected


def write(log_dir: Path) -> None:
    """Trades of each kind of stage: closed, open, at work, in doubt."""
    venue = SimulatedVenue(balances={"USDT": "10000"})
    kernel = ExecutionKernel(max_slots=SLOTS, venue=venue, clock=ManualClock(0), log_dir=log_dir)
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital("10000")
    for step in range(6):
        venue.on_quote(SYMBOL, f"{60000 + step}.0", None, f"{60000 + step}.1", None, kernel.now_ns + 1)
        kernel.process_intent(intent(ENTER, f"enter-{step}", trade_id=f"first-{step}"))
        kernel.process_intent(intent(EXIT, f"exit-{step}", trade_id=f"first-{step}"))
    kernel.process_intent(intent(ENTER, "open", trade_id="open", slot_id=1))
    resting = {"trade_id": "resting", "slot_id": 2, "order_type": "LIMIT", "limit_price": "59000"}
    kernel.process_intent(intent(ENTER, "resting", **resting))
    kernel.close()


if __name__ == "__main__":
    target = GOLDEN / sys.argv[1]
    write(target)
    copy = target.with_name(target.name + ".copy")
    shutil.copytree(target, copy)
    with ExecutionKernel(max_slots=SLOTS, clock=ManualClock(0), log_dir=copy) as opened:
        text = json.dumps(say(opened), indent=2)
    shutil.rmtree(copy)
    (target / "expected.json").write_text(text + "\n", encoding="utf-8")
