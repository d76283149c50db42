"""Followers under fire: a kernel trades while what follows it, and what that writes to, is killed at random.

    python tools/soak_followers.py [--inputs 200000] [--seed 1] [--keep DIR]

A kernel on a log trades. Its journal's follower writes to a ClickHouse server (the engine behind the tests'
HTTP endpoint), its projection's follower to a Hazelcast cluster of two members, and a follower started by
hand writes the journal once more, to an embedded database. In each round one of all these is killed
(`kill -9`) while inputs come, and begun again; the kernel, too. At the end every one of the journal's eight
tables must have exactly the rows that an undisturbed replay of the log comes to, in both databases, and the
cluster exactly the slots, orders, account and controls that a replay of the log comes to.

Everything is on loopback and in one directory, and ends with this program. Needs java and mvn.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import soak_agreement
from soak_processes import Cluster, Embedded, Endpoint, Trader, follower_pid, kill, prepare

if TYPE_CHECKING:
    from collections.abc import Callable

#: What is struck, and how often in each deck of them.
STRIKES: Final = (
    "journal",
    "journal twice",
    "embedded",
    "projection",
    "server",
    "fault",
    "member",
    "cluster",
    "kernel",
)
INPUTS_A_ROUND_MIN: Final = 4_000
INPUTS_A_ROUND_MAX: Final = 25_000
#: How long a round lasts at least: what was killed needs a moment until it can be killed again.
ROUND_S: Final = 1.0
#: So many lines of what the processes said are shown where something is wrong.
WORDS_SHOWN: Final = 60
#: How long the followers may take to the end once nothing is killed any more.
DRAIN_S: Final = 600.0


def tell(text: str) -> None:
    """Write a line that is seen at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Soak:
    """One run."""

    def __init__(self, root: Path, seed: int) -> None:
        """Start everything."""
        self.chance = random.Random(seed)  # noqa: S311 - the same strikes each time
        self.log_dir = root / "log"
        self.strikes: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(4)
        self._mending: dict[str, Future[None]] = {}
        self._started: list[Callable[[], None]] = []
        try:
            self._start(root)
        except BaseException:
            self.close()
            raise

    def _start(self, root: Path) -> None:
        cluster = Cluster(root / "hazelcast")
        self._started.append(cluster.close)
        starting = self._pool.submit(cluster.start)
        databases = [self._pool.submit(prepare, root / name) for name in ("server", "embedded")]
        for one in databases:
            one.result()
        self.endpoint = Endpoint(root / "server")
        self._started.append(self.endpoint.kill)
        starting.result()
        self.cluster = cluster
        self.trader = Trader(self.log_dir, self.endpoint.url, str(cluster.address))
        self._started.append(self.trader.close)
        self.embedded = Embedded(self.log_dir, root / "embedded")
        self._started.append(self.embedded.close)

    def round(self, strike: str, inputs: int) -> None:
        """Take inputs, and strike somewhere in their midst."""
        began = time.monotonic()
        until = self.trader.seq + inputs
        self.trader.begin(inputs)
        time.sleep(self.chance.random() * ROUND_S * 0.5)
        self.strike(strike)
        while not self.trader.done():
            # It was killed: another life takes the rest.
            self.trader.start()
            self.trader.begin(max(1, until - self.trader.seq))
        time.sleep(max(0.0, began + ROUND_S - time.monotonic()))
        self.embedded.watch()

    def strike(self, what: str) -> None:
        """Kill something."""
        if what in ("journal", "journal twice", "projection"):
            name = what.partition(" ")[0]
            struck = kill(follower_pid(self.log_dir, name))
            if what == "journal twice":
                # Once more while it begins.
                time.sleep(0.5 + self.chance.random())
                struck |= kill(follower_pid(self.log_dir, name))
            if not struck:
                # It was not up yet since the last time.
                return
        elif what == "embedded":
            self.embedded.kill()
        elif what == "kernel":
            self.trader.kill()
        elif what == "fault":
            self.await_mending("server")
            for _ in range(self.chance.randint(1, 6)):
                self.endpoint.fault(self.chance.choice(FAULTS))
        elif what == "server":
            self.await_mending("server")
            self.endpoint.kill()
            self.mend("server", self.endpoint.start)
        else:
            self.await_mending("cluster")
            self.cluster.kill(1 if what == "member" else len(self.cluster.members))
            self.mend("cluster", self.cluster.start)
        self.strikes[what] += 1

    def mend(self, what: str, work: Callable[[], None]) -> None:
        """Begin something again, after a while, beside the inputs."""
        rest_s = self.chance.random() * 2.0

        def later() -> None:
            time.sleep(rest_s)
            work()

        self._mending[what] = self._pool.submit(later)

    def await_mending(self, what: str) -> None:
        """Wait until what was killed is back."""
        mending = self._mending.pop(what, None)
        if mending is not None:
            mending.result()

    def end(self) -> int:
        """Let everything come to the end; return the last input."""
        for what in tuple(self._mending):
            self.await_mending(what)
        return self.trader.end()

    def close(self) -> None:
        """Stop everything, by pid."""
        self._pool.shutdown(wait=True)
        for end in reversed(self._started):
            end()


FAULTS: Final = ("slow 0.3", "status 503", "reset before", "reset after", "truncate", "full")


def decks(chance: random.Random, inputs: int, strikes: tuple[str, ...]) -> list[tuple[str, int]]:
    """What is struck in which round, and how many inputs come in it."""
    rounds = max(-(-inputs // INPUTS_A_ROUND_MAX), min(2 * len(strikes), inputs // INPUTS_A_ROUND_MIN), 1)
    drawn: list[str] = []
    while len(drawn) < rounds:
        deck = list(strikes)
        chance.shuffle(deck)
        drawn += deck
    share = -(-inputs // rounds)
    return [(strike, share) for strike in drawn[:rounds]]


def run(root: Path, inputs: int, seed: int, strikes: tuple[str, ...]) -> list[str]:
    """Run it; return what is not as it must be."""
    began = time.monotonic()
    soak = Soak(root, seed)
    try:
        rounds = decks(soak.chance, inputs, strikes)
        tell(f"{len(rounds)} rounds of {rounds[0][1]:,} inputs; everything runs after {_since(began)}")
        for number, (strike, share) in enumerate(rounds, 1):
            soak.round(strike, share)
            if number % max(1, len(rounds) // 20) == 0:
                tell(f"round {number} of {len(rounds)}, input {soak.trader.seq:,}, {_since(began)}")
        last = soak.end()
        struck = ", ".join(f"{what} {count}" for what, count in sorted(soak.strikes.items()))
        tell(f"struck: {struck}")
        tell(f"input {last:,} is the last; {soak.trader.lives} lives of the kernel; {_since(began)}")
        wrong = soak_agreement.drained(soak.log_dir, last, DRAIN_S)
        tell(f"the followers have read it all after {_since(began)}")
        wrong += soak_agreement.projected(soak.log_dir, soak.cluster.address, soak.trader.state_hash, tell)
        wrong += soak_agreement.journaled(soak.log_dir, soak.endpoint.url, soak.embedded.path, tell)
    finally:
        soak.close()
    verdict = "everything exact" if not wrong else f"{len(wrong)} things WRONG"
    tell(f"{last:,} inputs, {soak.strikes.total()} kills and faults, {_since(began)}: {verdict}")
    return wrong


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"


def main() -> int:
    """Run it in a directory of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=200_000, help="how many at least (200,000)")
    parser.add_argument("--seed", type=int, default=1, help="of the strikes (1)")
    parser.add_argument(
        "--strikes", default=",".join(STRIKES), metavar="A,B", help="what is struck (all of it)"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work there, and leave it")
    options = parser.parse_args()
    root = options.keep or Path(tempfile.mkdtemp(prefix="dita-soak-"))
    root.mkdir(parents=True, exist_ok=True)
    strikes = tuple(options.strikes.split(","))
    if unknown := set(strikes) - set(STRIKES):
        parser.error(f"--strikes: {', '.join(sorted(unknown))} is none of {', '.join(STRIKES)}")
    words = root / "words.txt"
    # Every processor is busy here: idle followers would wait for the end of that.
    os.environ.setdefault("DITA_FOLLOWERS_SCHEDULING", "batch")
    try:
        with words.open("w") as heard:
            # What all those processes say: shown where something is wrong.
            own = os.dup(2)
            os.dup2(heard.fileno(), 2)
            try:
                wrong = run(root, options.inputs, options.seed, strikes)
            finally:
                os.dup2(own, 2)
                os.close(own)
        if wrong:
            tell("".join(words.read_text(errors="replace").splitlines(keepends=True)[-WORDS_SHOWN:]))
    except BaseException:
        tell("".join(words.read_text(errors="replace").splitlines(keepends=True)[-WORDS_SHOWN:]))
        raise
    finally:
        if options.keep is None:
            shutil.rmtree(root, ignore_errors=True)
    for line in wrong:
        tell(f"WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
