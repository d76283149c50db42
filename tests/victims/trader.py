"""A paper trader on a log, to be killed: `python trader.py LOG_DIR POLICY [ROUNDS]`.

After each round trip whose intents are durable it says so: the trade's number, the last input, whether it was
taken, and K. Started again, it goes on with the next trade.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dita import ExecutionKernel, KernelOutcome, LogError, SimulatedVenue
from kernels import CONFIG, ENTER, EXIT, SYMBOL, intent

SLOTS = 4


def trade(number: int, kernel: ExecutionKernel) -> list[KernelOutcome]:
    """One round trip, or every fourth time one in each slot as two batches."""
    names = [f"{number}.{slot}" for slot in range(SLOTS)] if number % 4 == 0 else [f"{number}.0"]
    outcomes = []
    for action in (ENTER, EXIT):
        batch = [
            intent(
                action, f"{action}{name}", trade_id=name, slot_id=int(name[-1]), timestamp=kernel.now_ns + 1
            )
            for name in names
        ]
        many = len(batch) > 1
        outcomes += kernel.process_intents(batch) if many else [kernel.process_intent(batch[0])]
    return outcomes


def say(*words: object) -> None:
    """A line for whoever watches, at once."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(log_dir: str, policy: str, rounds: int) -> int:
    """Trade until killed, or for so many rounds."""
    venue = SimulatedVenue(balances={"USDT": "10000"})
    kernel = ExecutionKernel(venue=venue, log_dir=log_dir, log_policy=policy)
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital("10000")
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, kernel.now_ns + 1)
    # What the last kill cut off is not known at the venue; that counts once the window has passed.
    for _ in range(4):
        kernel.advance_time(kernel.now_ns + 10_000_000_000)
    for slot in kernel.state.slots:
        if slot.size:
            name = f"rest{kernel.seq}.{slot.slot_id}"
            kernel.process_intent(
                intent(EXIT, name, trade_id=slot.trade_id, slot_id=slot.slot_id, timestamp=kernel.now_ns + 1)
            )
    first = kernel.seq
    try:
        for number in range(first, first + rounds):
            outcomes = trade(number, kernel)
            # Refused where a slot still waits for what became of an order that the last kill cut off.
            word = "taken" if all(outcome.accepted for outcome in outcomes) else "refused"
            if all(outcome.durable for outcome in outcomes if outcome.accepted):
                say(number, kernel.seq, word, kernel.account.capital)
    except LogError as error:
        say(type(error).__name__, error)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000))
