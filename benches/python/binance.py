"""The native adapter's figures, on `dita exchange` of this machine: JSON on standard output.

`bytes_to_events`: a frame of a fill, from its text to the kernel's event, beside `json.loads` of it.
`frame_to_answer`: from the transport's `receive()` having returned to the kernel's answer.
`intent_to_server`: from `process_intent` to the request in the loopback server, beside aiohttp's bare POST.
`user_stream`: frames of the user stream through adapter and kernel, told at 10,000 a second by a process of
its own, with what waits in between. `levels`: level changes a second of raw depth frames in the Rust book.
`network_back`: from the end of an outage to the fill that was missed in it, booked.

Processor time stands beside the clock's where it is not the wait that counts.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from dita import ExecutionKernel, KernelIntent
from dita._kernel import OrderBook
from dita.practice.exchange import Answer, Terms
from dita.practice.server import ServerThread
from dita.venues.binance.adapter import BinancePractice
from dita.venues.binance.reports import ReportReader
from dita.venues.wire import reading
from dita.venues.wire.adapter import WireAdapter

ROUNDS = 20_000
RATE = 10_000
SECONDS = 3
#: Fills of one order: one with thousands is no trader's.
A_ORDER = 500
LOT = Decimal("0.001")


def spread(samples: list[int]) -> dict[str, float]:
    """p50 and p99, microseconds."""
    ordered = sorted(samples)
    return {
        "p50_us": round(ordered[len(ordered) // 2] / 1000, 2),
        "p99_us": round(ordered[len(ordered) * 99 // 100] / 1000, 2),
    }


def fill_frame(
    number: int, client_id: str, filled: Decimal, size: Decimal, order_id: int = 8_389_000_001
) -> str:
    """A fill of a lot, as the venue writes it."""
    now_ms = time.time_ns() // 1_000_000
    order = {
        "s": "BTCUSDT", "c": client_id, "S": "BUY", "o": "LIMIT", "f": "GTC", "q": str(size), "p": "59000.0",
        "ap": "59000.0", "sp": "0", "x": "TRADE", "X": "PARTIALLY_FILLED", "i": order_id, "l": "0.001",
        "z": str(filled), "L": "59000.0", "n": "0.01180000", "N": "USDT", "T": now_ms, "t": number, "b": "0",
        "a": "0", "m": True, "R": False, "wt": "CONTRACT_PRICE", "ot": "LIMIT", "ps": "BOTH", "cp": False,
        "rp": "0", "pP": False, "si": 0, "ss": 0, "V": "NONE", "pm": "NONE", "gtd": 0,
    }  # fmt: skip
    frame = {"e": "ORDER_TRADE_UPDATE", "T": now_ms, "E": now_ms, "o": order}
    return json.dumps(frame, separators=(",", ":"))


def bytes_to_events() -> dict[str, Any]:
    """A frame's text to the events."""
    reader = ReportReader()
    frames = [fill_frame(n, "D00000000000020000000003000000", LOT * n, Decimal(1)) for n in range(1, 500)]
    plain, ours = [], []
    for turn in range(ROUNDS):
        frame = frames[turn % len(frames)]
        begun = time.perf_counter_ns()
        json.loads(frame)
        between = time.perf_counter_ns()
        reader.read(reading.parse(frame))
        ours.append(time.perf_counter_ns() - between)
        plain.append(between - begun)
    return {"ours": spread(ours), "json.loads": spread(plain)}


class Account:
    """A kernel on an exchange whose market stands still."""

    def __init__(self, server: ServerThread) -> None:
        """Connects."""
        self.server = server
        self.adapter = BinancePractice(
            "practise-key", "practise-secret", ("BTCUSDT",),
            rest=f"http://{server.address}", stream=f"ws://{server.address}", deaf_s=60,
        )  # fmt: skip
        self.kernel = ExecutionKernel(venue=self.adapter, max_slots=1_000)
        rules = {"tick_size": "0.1", "lot_step": "0.001", "min_notional": "100", "leverage": 20}
        self.kernel.set_exchange_config({"instruments": {"BTCUSDT": rules}})
        self.kernel.set_seed_capital(100_000_000)
        if not self.adapter.wait_connected(20):
            raise TimeoutError("the adapter did not connect")
        self.kernel.mark_price("BTCUSDT", 60_000)
        self.intents = 0

    def enter(self, slot: int, size: Decimal) -> str:
        """Rests an order to buy, and returns its client id."""
        self.intents += 1
        intent = KernelIntent(
            time.time_ns(), intent_id=f"i{self.intents}", trade_id=f"t{self.intents}", slot_id=slot,
            asset="BTCUSDT", side="LONG", action="ENTER", order_type="LIMIT", limit_price="59000",
            target_size=size,
        )  # fmt: skip
        outcome = self.kernel.process_intent(intent)
        if not outcome.accepted:
            raise RuntimeError(f"the entry was not taken: {outcome}")
        return self.kernel.orders()[-1].venue_client_id

    def quiet(self) -> None:
        """Waits until nothing is on its way."""
        until = time.monotonic() + 30
        while not self.adapter.is_quiet:
            if time.monotonic() > until:
                raise TimeoutError("the adapter is not quiet")
            time.sleep(0.002)


def frame_to_answer(account: Account) -> dict[str, Any]:
    """From `receive()` to the kernel's answer: `_on_frame` is what is called with what it returned."""
    samples: list[int] = []
    busy: list[int] = []
    answered: list[int] = []
    begin = [0, 0]
    emitted = BinancePractice.emit

    def answer(adapter: BinancePractice, event: Any) -> Any:
        outcome = emitted(adapter, event)
        if event.venue_trade_id:
            answered.append(time.perf_counter_ns() - begin[0])
            busy.append(time.thread_time_ns() - begin[1])
        return outcome

    heard = WireAdapter._on_frame  # noqa: SLF001

    def timed(adapter: WireAdapter, raw: str) -> bool:
        begin[:] = time.perf_counter_ns(), time.thread_time_ns()
        goes_on = heard(adapter, raw)
        if "ORDER_TRADE" in raw:
            samples.append(time.perf_counter_ns() - begin[0])
        return goes_on

    WireAdapter._on_frame = timed  # type: ignore[method-assign]  # noqa: SLF001
    BinancePractice.emit = answer  # type: ignore[assignment,method-assign]
    try:
        # A stream keeps what it was opened with.
        account.server.command("cut")
        while not account.adapter.reconnects:
            time.sleep(0.01)
        account.quiet()
        client_id = account.enter(0, LOT * 5_000)
        account.quiet()
        for kept in (samples, answered, busy):
            kept.clear()
        for _ in range(200):
            account.server.call(lambda one: _fill(one, client_id, 5))
            time.sleep(0.004)
        account.quiet()
    finally:
        WireAdapter._on_frame = heard  # type: ignore[method-assign]  # noqa: SLF001
        BinancePractice.emit = emitted  # type: ignore[method-assign]
    return {
        "to the kernel's answer": spread(answered),
        "to it, processor": spread(busy),
        "with its money told": spread(samples),
        "frames": len(answered),
    }


def _fill(exchange: Any, client_id: str, lots: int) -> None:
    for order in exchange.account.open_orders():
        if order.client_id == client_id:
            for _ in range(lots):
                exchange.account.trade_against(order, LOT)


def intent_to_server(account: Account) -> dict[str, Any]:
    """From `process_intent` to the request read by the server; and a bare POST of aiohttp."""
    arrived: list[int] = []
    api = account.server.server.api
    answer = api.answer

    def timed(call: Any) -> Any:
        if call.method == "POST":
            arrived.append(time.perf_counter_ns())
        return answer(call)

    api.answer = timed
    ours: list[int] = []
    try:
        for turn in range(1, 101):
            arrived.clear()
            begun = time.perf_counter_ns()
            account.enter(turn, LOT * 10)
            account.quiet()
            ours.append(arrived[0] - begun)
            client_id = account.kernel.orders()[-1].venue_client_id
            account.server.call(lambda one, client_id=client_id: _cancel(one, client_id))
            account.server.call(lambda one: one.limits.orders_10s.marks.clear())
            time.sleep(0.002)
        bare = asyncio.run(_bare(f"http://{account.server.address}/fapi/v1/order/test?a=1", arrived))
    finally:
        api.answer = answer
    return {"process_intent": spread(ours), "aiohttp POST": spread(bare)}


async def _bare(address: str, arrived: list[int]) -> list[int]:
    samples: list[int] = []
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            arrived.clear()
            begun = time.perf_counter_ns()
            async with session.post(address) as reply:
                await reply.read()
            samples.append(arrived[0] - begun)
            await asyncio.sleep(0.002)
    return samples[100:]


def _cancel(exchange: Any, client_id: str) -> None:
    for order in exchange.account.open_orders():
        if order.client_id == client_id:
            exchange.account.cancel(order)


TELLER = """
import asyncio, json, sys, time
from aiohttp import web
from binance import A_ORDER, LOT, fill_frame
from decimal import Decimal

rate, orders = int(sys.argv[1]), json.loads(sys.argv[2])

async def stream(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    size = LOT * A_ORDER * 2
    frames = [
        fill_frame(10_000_000 + nth * A_ORDER + n, client_id, LOT * n, size, order_id)
        for nth, (client_id, order_id) in enumerate(orders)
        for n in range(1, A_ORDER + 1)
    ]
    await socket.receive()
    begun, sent, worst = time.perf_counter(), 0, 0.0
    while sent < len(frames):
        due = min(len(frames), int((time.perf_counter() - begun) * rate))
        for frame in frames[sent:due]:
            await socket.send_str(frame)
        sent = max(sent, due)
        await asyncio.sleep(0.001)
    print(json.dumps({"told_s": time.perf_counter() - begun}), flush=True)
    await socket.receive()
    return socket

async def main():
    app = web.Application()
    app.router.add_get("/", stream)
    runner = web.AppRunner(app); await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0); await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.sleep(120)

asyncio.run(main())
"""


def user_stream(account: Account) -> dict[str, Any]:
    """10,000 frames a second from another process: what is heard late is what has queued up."""
    orders = []
    for slot in range(RATE * SECONDS // A_ORDER):
        client_id = account.enter(slot, LOT * A_ORDER * 2)
        account.quiet()
        orders.append((client_id, int(account.kernel.orders()[-1].venue_order_id)))
    with subprocess.Popen(
        [sys.executable, "-c", TELLER, str(RATE), json.dumps(orders)],
        stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(Path(__file__).parent), "PATH": ""},
    ) as teller:  # fmt: skip
        if teller.stdout is None:
            raise RuntimeError("the teller says nothing")
        port = int(teller.stdout.readline())
        lags: list[tuple[float, float]] = []
        heard, spent = asyncio.run(_listen(f"http://127.0.0.1:{port}/", account.adapter, lags))
        told = json.loads(teller.stdout.readline())["told_s"]
        teller.terminate()
    by_second = [
        max((lag for at, lag in lags if int(at) == second), default=0.0) for second in range(SECONDS)
    ]
    return {
        "frames": heard,
        "told_s": round(told, 2),
        "processor_us_a_frame": round(spent / heard / 1000, 2),
        "could_hold_a_second": round(heard / (spent / 1e9)),
        "behind_ms_by_second": [round(lag * 1000) for lag in by_second],
        "position": str(sum(account.kernel.slot(slot).size for slot in range(len(orders)))),
    }


async def _listen(address: str, adapter: BinancePractice, lags: list[tuple[float, float]]) -> tuple[int, int]:
    heard = 0
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        await socket.send_str("begin")
        begun, spent = time.perf_counter(), time.thread_time_ns()
        while heard < RATE * SECONDS:
            message = await socket.receive()
            adapter._on_frame(message.data)  # noqa: SLF001
            heard += 1
            if heard % 100 == 0:
                at = time.perf_counter() - begun
                lags.append((at, at - heard / RATE))
        spent = time.thread_time_ns() - spent
        await socket.send_str("end")
    return heard, spent


def levels() -> dict[str, Any]:
    """Level changes a second of raw depth frames, each frame with 100 of them."""
    book = OrderBook("BTCUSDT")
    snapshot = {
        "lastUpdateId": 1, "E": 1, "T": 1,
        "bids": [[f"{60_000 - n / 10:.1f}", "1.000"] for n in range(1, 1001)],
        "asks": [[f"{60_000 + n / 10:.1f}", "1.000"] for n in range(1, 1001)],
    }  # fmt: skip
    frames = []
    for n in range(2_000):
        places = range(50)
        sizes = [f"{(n + k) % 9 + 1}.000" for k in places]
        bids = [[f"{60_000 - (1 + (n * 7 + k * 13) % 999) / 10:.1f}", sizes[k]] for k in places]
        asks = [[f"{60_000 + (1 + (n * 5 + k * 11) % 999) / 10:.1f}", sizes[k]] for k in places]
        numbers = {"E": n, "T": n, "U": n + 2, "u": n + 2, "pu": n + 1}
        data = {"e": "depthUpdate", "s": "BTCUSDT", **numbers, "b": bids, "a": asks}
        frames.append(json.dumps({"stream": "btcusdt@depth@100ms", "data": data}, separators=(",", ":")))
    book.take(frames[0])
    book.take(json.dumps(snapshot))
    spent = time.process_time_ns()
    used = sum(book.take(frame) == "used" for frame in frames[1:])
    spent = time.process_time_ns() - spent
    return {"used": used, "changes_a_second": round(used * 100 / (spent / 1e9))}


def network_back(account: Account) -> dict[str, Any]:
    """From the end of an outage to a fill that was missed in it, booked: twelve outages."""
    api = account.server.server.api
    answer, session = api.answer, api.session
    took: list[int] = []
    for turn in range(12):
        client_id = account.enter(920 + turn, LOT * 10)
        account.quiet()
        api.answer = lambda call: Answer(0, None, cut=True)  # noqa: ARG005 - nothing is answered
        api.session = lambda *given: None  # noqa: ARG005 - as above
        account.server.command("cut")
        account.server.call(lambda one, client_id=client_id: _fill(one, client_id, 10))
        time.sleep(0.5 + turn / 4)
        if account.kernel.slot(920 + turn).size:
            raise RuntimeError("the network was not gone")
        begun = time.perf_counter_ns()
        api.answer, api.session = answer, session
        until = time.monotonic() + 20
        while account.kernel.slot(920 + turn).size != LOT * 10 or not account.adapter.is_quiet:
            if time.monotonic() > until:
                raise TimeoutError("the fill was not found")
            time.sleep(0.002)
        took.append(time.perf_counter_ns() - begun)
    ordered = sorted(took)
    return {"p50_s": round(ordered[len(ordered) // 2] / 1e9, 2), "worst_s": round(ordered[-1] / 1e9, 2)}


def main() -> None:
    """All of it."""
    found: dict[str, Any] = {"bytes_to_events": bytes_to_events(), "levels": levels()}
    terms = Terms(still=True, balances={"USDT": Decimal(100_000_000)})
    for name, measure in (
        ("frame_to_answer", frame_to_answer),
        ("intent_to_server", intent_to_server),
        ("network_back", network_back),
        ("user_stream", user_stream),
    ):
        with ServerThread(terms, step_s=3_600) as server:
            account = Account(server)
            with account.kernel:
                found[name] = measure(account)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    threading.current_thread().name = "bench"
    main()
