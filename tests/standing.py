"""A primary and standbys at an exchange that outlives them; what trades with them, and what proves it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import dita
from dita import VenueEvent, VenueOrder
from dita.host import Directory, HostAway, ask
from dita.server.standby import standbys
from dita.venues.binance.adapter import BinancePractice
from exchange_client import Client

SYMBOL = "BTCUSDT"
SLOTS = 4
PATIENCE_S = 60.0
CONFIG = """
[serve]
heartbeat_s = "{heartbeat}"
[alerts]
webhooks = {webhooks}
[accounts.main]
venue = "standing:{adapter}"
max_slots = 8
[accounts.main.options]
symbols = ["BTCUSDT"]
rest = "http://{address}"
stream = "ws://{address}"
[accounts.main.credentials]
api_key = "env:DITA_TEST_KEY"
api_secret = "env:DITA_TEST_SECRET"
"""


def waited(condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """Return what a condition comes to, once that is true."""
    until = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < until, f"not so within {timeout_s:g} s"
        time.sleep(0.01)
    return found


class Hangs(BinancePractice):
    """The adapter: where its order is a sell, the call that sends it never comes back."""

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        while order.order_side == "SELL" and not order.reduce_only:
            time.sleep(3600)
        return super().submit(order)


class Broken(BinancePractice):
    """The adapter: while there is a file `broken` beside the configuration, it cannot be attached."""

    def attach(self, kernel: Any) -> None:
        if (Path(os.environ["DITA_ZINC_DIR"]).parent / "broken").exists():
            raise TimeoutError
        super().attach(kernel)


class Venue:
    """`dita exchange` as a process, with a market that stands still."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dita.cli", "exchange", "--port", "0", "--still"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.address = line.split()[1].removeprefix("http://").partition("/")[0]
        self.client = Client(self.address)

    def read(self, path: str, **values: Any) -> Any:
        status, said = self.client.ask("GET", path, **values)
        assert status == 200, said
        return said

    def orders(self) -> list[dict[str, Any]]:
        """Return every order that was ever placed, from the newest page back."""
        rows: dict[int, dict[str, Any]] = {}
        until: dict[str, int] = {}
        while True:
            page = self.read("/fapi/v1/allOrders", symbol=SYMBOL, limit=1000, **until)
            fresh = [row for row in page if row["orderId"] not in rows]
            if not fresh:
                return [rows[number] for number in sorted(rows)]
            rows |= {row["orderId"]: row for row in fresh}
            until = {"endTime": min(row["time"] for row in fresh)}

    def fills(self) -> list[dict[str, Any]]:
        """Return every fill, from the first page on."""
        rows: list[dict[str, Any]] = []
        while True:
            begin = rows[-1]["id"] + 1 if rows else 0
            page = self.read("/fapi/v1/userTrades", symbol=SYMBOL, limit=1000, fromId=begin)
            if not page:
                return rows
            rows += page

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class Pair:
    """Servers of one directory at one exchange: the first is the primary, the others stand by."""

    def __init__(
        self,
        place: Path,
        venue: Venue,
        *,
        heartbeat: str = "1",
        webhooks: str = "[]",
        adapter: str = "BinancePractice",
    ) -> None:
        self.place, self.venue = place, venue
        self.directory = Directory(place / "host")
        self.config = place / "dita.toml"
        self.config.write_text(
            CONFIG.format(heartbeat=heartbeat, webhooks=webhooks, adapter=adapter, address=venue.address)
        )
        self.environ = {
            **os.environ,
            "DITA_ZINC_DIR": str(place / "planes"),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
            "DITA_TEST_KEY": "practise-key",
            "DITA_TEST_SECRET": "practise-secret",
        }
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start a server; what it says is in `PID.log`."""
        command = [sys.executable, "-m", "dita.cli", "serve", "--config", str(self.config)]
        with (self.place / "starting.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--dir", str(self.directory.path), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environ,
                # Where a shell ends, the system continues what is stopped in its group.
                start_new_session=True,
            )
        (self.place / "starting.log").rename(self.place / f"{process.pid}.log")
        self.processes[process.pid] = process
        return process

    def text(self, pid: int) -> str:
        """Return what a server has said so far."""
        return (self.place / f"{pid}.log").read_text()

    def dita(self, *words: str) -> str:
        """Run a command, and return what it prints."""
        command = [sys.executable, "-m", "dita.cli", *words]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=self.environ, timeout=120
        )
        return done.stdout

    def ask(self, request: str, **fields: Any) -> Any:
        """Ask the primary; None where nobody answers."""
        with contextlib.suppress(HostAway):
            return ask(self.directory, request, timeout_s=5.0, **fields)
        return None

    def primary(self) -> int | None:
        """Return the process that serves; None where none does."""
        said = self.ask("server")
        return None if said is None else said["pid"]

    def await_primary(self, before: int | None = None) -> int:
        """Wait until a server serves that is another one than before."""
        return waited(lambda: (pid := self.primary()) and pid != before and pid)

    def standing_by(self) -> dict[int, Mapping[str, Any]]:
        """Return the standbys that are ready, by process."""
        ready = {}
        for one in standbys(self.directory):
            followed = all(account["seq"] is not None for account in one["accounts"].values())
            if followed and one["primary"] and one["primary"]["same_configuration"]:
                ready[one["pid"]] = one
        return ready

    def await_standbys(self, count: int) -> dict[int, Mapping[str, Any]]:
        """Wait until so many standbys are ready."""
        return waited(lambda: len(ready := self.standing_by()) >= count and ready)

    def keep_standbys(self, count: int) -> dict[int, Mapping[str, Any]]:
        """Wait as `await_standbys` does; in the place of one that was ended meanwhile, start another.

        A server that is silent for the heartbeat, since the machine is busy elsewhere, is ended like one
        that hangs: its place is taken by a standby.
        """

        def ready() -> dict[int, Mapping[str, Any]] | None:
            while sum(one.poll() is None for one in self.processes.values()) < count + 1:
                self.start("--standby")
            return found if len(found := self.standing_by()) >= count else None

        return waited(ready)

    def kill(self, pid: int, how: signal.Signals) -> None:
        """Kill or stop a server."""
        self.processes[pid].send_signal(how)

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.communicate()


class Trader:
    """A program that opens and closes trades, one after the other in each slot, through whatever happens.

    Attributes:
        sent: The intents that were answered as taken, with our order's id.
        answers: How often which code came.
        checked: Our ids of orders that were held against the exchange's book already.
    """

    def __init__(self, pair: Pair) -> None:
        self.kernel = dita.connect(
            pair.directory.path, name="trader", slots=SLOTS, timeout_s=PATIENCE_S, comes_back_s=PATIENCE_S
        )
        self.sent: dict[str, str] = {}
        self.answers: dict[str, int] = {}
        self.checked: set[str] = set()
        self._numbers = 0
        self._turn = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._failure: BaseException | None = None

    def begin(self) -> None:
        self._ending.clear()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        """Trade no more, and raise what went wrong."""
        self._ending.set()
        self._thread.join(2 * PATIENCE_S)
        assert not self._thread.is_alive(), "a call hangs"
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self.step()
                time.sleep(0.05)
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self._failure = error

    def step(self, *, enters: bool = True) -> None:
        """Give one slot what it wants next."""
        slot = self.kernel.slot(self.kernel.slots[self._turn % SLOTS])
        self._turn += 1
        self._numbers += 1
        fields: dict[str, Any] = {"slot_id": slot.slot_id, "asset": SYMBOL, "side": "LONG"}
        if slot.fsm_state in ("IDLE", "CLOSED") and enters:
            trade = f"t{self._numbers}"
            self.send(f"e{self._numbers}", trade_id=trade, action="ENTER", target_size="0.01", **fields)
        elif slot.fsm_state == "POSITION_OPEN":
            self.send(f"x{self._numbers}", trade_id=slot.trade_id, action="EXIT", **fields)

    def send(self, intent_id: str, **fields: Any) -> dita.KernelOutcome:
        """Send one intent, and keep what it came to."""
        outcome = self.kernel.process_intent(
            dita.KernelIntent(intent_id=intent_id, timestamp=time.time_ns(), **fields)
        )
        code = str(outcome.diagnostic_code)
        self.answers[code] = self.answers.get(code, 0) + 1
        client_id = outcome.details.get("venue_client_id")
        if outcome.accepted and client_id:
            self.sent[intent_id] = client_id
        return outcome

    def flatten(self) -> None:
        """Close every trade, and wait until nothing is at work."""

        def is_flat() -> bool:
            self.step(enters=False)
            states = [self.kernel.slot(slot_id).fsm_state for slot_id in self.kernel.slots]
            return all(state in ("IDLE", "CLOSED") for state in states) and not self.kernel.orders(
                live_only=True
            )

        waited(is_flat)

    def close(self) -> None:
        self.kernel.close()


def check_nothing_lost_nothing_doubled(pair: Pair, trader: Trader) -> tuple[int, int]:
    """Hold the kernel against the exchange's own book, once all is flat; return its orders and fills."""
    venue, kernel = pair.venue, trader.kernel
    orders, fills = venue.orders(), venue.fills()
    ids = [row["clientOrderId"] for row in orders]
    # Nothing doubled: no order stands there twice, and none has filled beyond its size.
    assert len(ids) == len(set(ids))
    by_id = {row["orderId"]: row for row in orders}
    filled: dict[int, Decimal] = {}
    for fill in fills:
        filled[fill["orderId"]] = filled.get(fill["orderId"], Decimal(0)) + Decimal(fill["qty"])
    for number, quantity in filled.items():
        assert quantity <= Decimal(by_id[number]["origQty"]), by_id[number]
    # Nothing lost: each order of ours that the exchange has is known here as it stands there.
    remembered = {order.venue_client_id: order for order in kernel.orders()}
    ours = {one: order for one, order in remembered.items() if one not in trader.checked}
    for row in orders:
        if row["clientOrderId"] in trader.checked:
            continue
        order = ours.pop(row["clientOrderId"])
        assert order.filled_size == Decimal(row["executedQty"]), (row, order)
        assert str(order.status) in ("FILLED", "CANCELED", "EXPIRED", "REJECTED"), (row, order)
    # What the exchange does not have was never sent: it was held back here, and says so.
    never_sent = set(ours)
    assert all(ours[one].filled_size == 0 and str(ours[one].status) == "REJECTED" for one in never_sent), ours
    # What a program was told is taken is there, or was refused on its way by name.
    known = set(ids) | never_sent | trader.checked
    trader.checked |= known
    assert not {one for one in trader.sent.values() if one not in known}
    # One intent, one order.
    assert len(set(trader.sent.values())) == len(trader.sent)
    assert not venue.read("/fapi/v1/openOrders")
    # The money: what the kernel's ledger says is what the exchange has.
    wallet = {row["asset"]: Decimal(row["balance"]) for row in venue.read("/fapi/v3/balance")}["USDT"]
    figures = waited(lambda: (said := _figures(pair)) and said["k_capital"] == wallet and said)
    assert figures["e_wallet_balance"] == wallet
    assert figures["reconcile_status"] == "OK", figures
    held = [row for row in venue.read("/fapi/v3/positionRisk") if Decimal(row["positionAmt"])]
    assert not held
    return len(orders), len(fills)


def _figures(pair: Pair) -> dict[str, Any] | None:
    said = pair.ask("status")
    if said is None:
        return None
    account = said["accounts"]["main"]["account"]
    money = {name: Decimal(str(account[name] or 0)) for name in ("k_capital", "e_wallet_balance")}
    return {**account, **money}
