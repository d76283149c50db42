"""The gateway's and the stdio engine's figures: `python benches/python/gateway.py PART`.

Each part starts the processes that it needs on this machine, on ports of their own, and ends them. Needs
the extra `web`; `page` needs Chromium and the packed page (`make web`). Prints medians of one run.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from playwright.sync_api import sync_playwright

from dita import KernelIntent
from dita.config import load
from dita.gateway import Access, HostSource, Hub
from dita.gateway.app import build_app
from dita.gateway.bodies import Order
from dita.gateway.guards import Guards
from dita.gateway.running import bound, serve
from dita.gateway.source import Update
from dita.host import Directory, Host

SYMBOL = "BTCUSDT"
RULES = '{instruments = {BTCUSDT = {tick_size = "0.1", lot_step = "0.001"}}}'
TICKS = os.sysconf("SC_CLK_TCK")


# ------------------------------------------------------------------------------------------- processes


def host_process(path: str, slots: int, rate: float, told: Any, pipe: Connection) -> None:
    """Serve a host with so many positions whose mark moves so often a second; time round trips when asked."""
    overrides = {
        "accounts.main.instruments": RULES,
        "accounts.main.max_slots": str(slots + 16),
        "accounts.main.simulated.balances.USDT": "100000000",
        "accounts.main.log_policy": "off",
    }
    host = Host(load(environ={}, overrides=overrides).config, directory=Directory(path))
    kernel = host.kernel(None)
    venue: Any = kernel.venue
    venue.on_quote(SYMBOL, "60000", None, "60000.1", None, 1)
    kernel.mark_price(SYMBOL, "60000")

    def intent(number: int, slot: int, action: str) -> KernelIntent:
        return KernelIntent(
            kernel.now_ns, f"i{number}", f"t{number}", slot, SYMBOL, "LONG", action, target_size="0.001"
        )

    for slot in range(slots):
        kernel.process_intent(intent(slot, slot, "ENTER"))
    host.serve()
    stop = threading.Event()

    def move() -> None:
        number = 0
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            due += 1 / rate
            number += 1
            told[number % len(told)] = time.monotonic_ns()
            kernel.mark_price(SYMBOL, f"{60_000 + (number % len(told)) / 10:.1f}")

    mover = threading.Thread(target=move)
    if rate:
        mover.start()
    pipe.send("ready")
    trips = slots + 1
    while (asked := pipe.recv()) != "end":
        begun, wall = time.thread_time_ns(), time.perf_counter_ns()
        for _ in range(asked):
            trips += 1
            kernel.process_intent(intent(trips, slots, "ENTER"))
            kernel.process_intent(
                KernelIntent(kernel.now_ns, f"x{trips}", f"t{trips}", slots, SYMBOL, "LONG", "EXIT")
            )
        pipe.send(((time.thread_time_ns() - begun) / asked, (time.perf_counter_ns() - wall) / asked))
    stop.set()
    if rate:
        mover.join()
    host.close()


def gateway_process(path: str, pipe: Connection) -> None:
    """Serve a host's gateway."""
    access = Access(None)
    app = build_app(Hub(HostSource(Directory(path))), access, guards=Guards(requests_per_s=1e9, burst=1e9))
    listening = bound("127.0.0.1", 0)
    pipe.send((listening.getsockname()[1], access.grant("bench", "operate")))
    serve(app, listening)


def bare_process(pipe: Connection) -> None:
    """Serve the bare route: the same model, the same server, nothing else."""
    app = FastAPI()

    class Nothing:
        def cut(self) -> None:
            """Nothing is open."""

    app.state.hub = Nothing()

    @app.post("/api/order")
    async def order(order: Order) -> dict[str, Any]:
        return {"ok": True, **order.fields()}

    listening = bound("127.0.0.1", 0)
    pipe.send(listening.getsockname()[1])
    serve(app, listening)


@contextlib.contextmanager
def process(target: Callable[..., None], *arguments: Any) -> Iterator[tuple[int, Connection]]:
    """Run a function in a process of its own; gives its pid and a pipe."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=target, args=(*arguments, theirs), daemon=True)
    child.start()
    try:
        yield child.pid or 0, ours
    finally:
        if target is host_process:
            ours.send("end")
            child.join(10)
        child.terminate()
        child.join()


def processor_s(pid: int) -> float:
    """How much of a processor's time a process has used, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def times() -> Any:
    """Shared memory for the times at which marks were told."""
    return multiprocessing.get_context("spawn").Array("q", 4_000, lock=False)


# ------------------------------------------------------------------------------------------------- stdio


def stdio(options: argparse.Namespace) -> None:
    """Commands a second through `dita engine --stdio`, with a null sink."""
    with tempfile.TemporaryDirectory() as place:
        lines = Path(place) / "lines"
        with lines.open("w") as file:
            for number in range(options.count // 2):
                file.write(f"BUY BTCUSDT 0.001 {40_000 + number % 1000} o{number}\nCANCEL o{number}\n")
        rates: list[tuple[float, float]] = []
        for _ in range(options.rounds):
            used, begun = os.times(), time.perf_counter()
            with lines.open() as given:
                subprocess.run(
                    [sys.executable, "-m", "dita.cli", "engine", "--stdio", "--clock", "step=1000",
                     "--market", "none", "--balance", "1000000000"],
                    stdin=given, stdout=subprocess.DEVNULL, check=True,
                )  # fmt: skip
            wall, now = time.perf_counter() - begun, os.times()
            spent = now.children_user + now.children_system - used.children_user - used.children_system
            rates.append((options.count / spent, options.count / wall))
        print(f"stdio: {options.count:,} commands, median of {options.rounds}: "
              f"{statistics.median(one[0] for one in rates):,.0f} a second of processor time, "
              f"{statistics.median(one[1] for one in rates):,.0f} by the clock (start included)")  # fmt: skip


# -------------------------------------------------------------------------------------------------- REST


def asked(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> float:
    """Post an order and take its answer; return how long that took, µs."""
    begun = time.perf_counter_ns()
    connection.request("POST", "/api/order", body, headers)
    answer = connection.getresponse().read()
    took = (time.perf_counter_ns() - begun) / 1_000
    assert b'"ok":true' in answer or b'"ok": true' in answer, answer
    return took


def rest(options: argparse.Namespace) -> None:
    """Order to answer: the gateway beside the bare route and the bare socket, interleaved."""
    with tempfile.TemporaryDirectory() as place:
        path = f"{place}/host"
        with (
            process(host_process, path, 0, 0.0, times()) as (_, host),
            process(gateway_process, path) as (gate_pid, gate),
            process(bare_process) as (bare_pid, bare),
        ):
            host.recv()
            port, token = gate.recv()
            through = http.client.HTTPConnection("127.0.0.1", port)
            plain = http.client.HTTPConnection("127.0.0.1", bare.recv())
            time.sleep(1)
            direct = socket.socket(socket.AF_UNIX)
            direct.connect(str(Directory(path).socket))
            answers = direct.makefile("rb")
            kind = {"Content-Type": "application/json"}
            mine = {**kind, "Authorization": f"Bearer {token}"}
            used = processor_s(gate_pid), processor_s(bare_pid)
            took: dict[str, list[float]] = {"gateway": [], "route": [], "socket": []}
            for number in range(options.count):
                side = "buy" if number % 2 == 0 else "sell"
                body = {"side": side, "symbol": SYMBOL, "qty": "0.001", "type": "market"}
                one = json.dumps({**body, "client_order_id": f"g{number}"}).encode()
                took["gateway"].append(asked(through, one, mine))
                took["route"].append(asked(plain, one, kind))
                fields = {"asset": SYMBOL, "side": side.upper(), "size": "0.001", "order_type": "MARKET"}
                line = json.dumps({"request": "order", "order": {**fields, "client_id": f"s{number}"}})
                begun = time.perf_counter_ns()
                direct.sendall(line.encode() + b"\n")
                assert b'"ok":true' in answers.readline()
                took["socket"].append((time.perf_counter_ns() - begun) / 1_000)
            spent = [
                (processor_s(pid) - before) / options.count * 1e6
                for pid, before in zip((gate_pid, bare_pid), used, strict=True)
            ]
            direct.close()
            half = {name: statistics.median(one) for name, one in took.items()}
            over = half["gateway"] - half["route"] - half["socket"]
            print(f"rest: p50 {half['gateway']:.0f} µs; bare route {half['route']:.0f}, bare socket "
                  f"{half['socket']:.0f}: {over:+.0f} µs (goal +60), {options.count} orders; "
                  f"processor time: gateway {spent[0]:.0f} µs, bare route {spent[1]:.0f}")  # fmt: skip


# --------------------------------------------------------------------------------------------------- SSE


class Client(asyncio.Protocol):
    """One who looks on: how old what it hears is, and what it has missed. It does little else."""

    MARK = b'"mark_price":"'

    def __init__(self, token: str, told: Any) -> None:
        """Take where the times stand."""
        self.token, self.told = token, told
        self.ids: list[int] = []
        self.ages_ms: list[float] = []
        self.kept = bytearray()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Ask."""
        self.transport = transport
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {self.token}"
        transport.write(f"GET /api/stream HTTP/1.1\r\n{head}\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Take what has come; an event ends with an empty line."""
        self.kept += data
        while (end := self.kept.find(b"\n\n")) >= 0:
            at = self.kept.find(b"id: ", 0, min(end, 40))
            if at >= 0:
                self.ids.append(int(self.kept[at + 4 : self.kept.index(b"\n", at)]))
                found = self.kept.find(self.MARK, 0, end)
                if found >= 0 and len(self.ids) > 1:
                    price = float(self.kept[found + len(self.MARK) :][:20].partition(b'"')[0])
                    age_ns = time.monotonic_ns() - self.told[round((price - 60_000) * 10)]
                    self.ages_ms.append(age_ns / 1e6)
            del self.kept[: end + 2]


async def looked(count: int, seconds: float, port: int, token: str, told: Any) -> list[Client]:
    """Let so many look on for so long."""
    loop = asyncio.get_running_loop()
    clients = [Client(token, told) for _ in range(count)]
    for one in clients:
        await loop.create_connection(lambda one=one: one, "127.0.0.1", port)
    await asyncio.sleep(seconds)
    for one in clients:
        one.transport.abort()
    return clients


def watched(port: int, token: str, told: Any, count: int, seconds: float, pipe: Connection) -> None:
    """Look on in a process of its own."""
    clients = asyncio.run(looked(count, seconds, port, token, told))
    missed = sum(one.ids[-1] - one.ids[0] + 1 - len(one.ids) for one in clients if one.ids)
    frames = sum(len(one.ids) for one in clients)
    ages = sorted(age for one in clients for age in one.ages_ms)
    pipe.send((sum(bool(one.ids) for one in clients), frames, missed, ages[:: max(1, len(ages) // 10_000)]))


class Rows:
    """A source of which 50 rows of 900 bytes change at each look: what fanning out costs by itself."""

    name = kind = "rows"

    def __init__(self) -> None:
        """Begin."""
        self.count = 0

    async def read(self) -> Update:
        """Return all of them."""
        self.count += 1
        text = json.dumps({"size": self.count, "rest": "x" * 880})
        return Update(rows={f"slot:main:{number}": text for number in range(50)})

    async def close(self) -> None:
        """Nothing is open."""


def rows_process(pipe: Connection) -> None:
    """Serve a gateway on rows that are made up."""
    access = Access(None)
    app = build_app(Hub(Rows()), access, guards=Guards(requests_per_s=1e9, burst=1e9))  # type: ignore[arg-type]
    listening = bound("127.0.0.1", 0)
    pipe.send((listening.getsockname()[1], access.grant("bench", "operate")))
    serve(app, listening)


def fan(options: argparse.Namespace) -> None:
    """What a frame costs the gateway for each who looks on, in processor time: also on a loaded machine."""
    told = times()
    with process(rows_process) as (pid, gate):
        port, token = gate.recv()
        costs = []
        for clients in (1, options.clients):
            with process(watched, port, token, told, clients, 12.0) as (_, seen):
                time.sleep(3)
                used, begun = processor_s(pid), time.monotonic()
                time.sleep(8)
                spent, took = processor_s(pid) - used, time.monotonic() - begun
                there, frames, missed, _ages = seen.recv()
            a_second = frames / there / 12
            costs.append((spent, spent / took, a_second, there, missed))
        (base, _, rate, _, _), (spent, share, a_second, there, missed) = costs
        each = (spent - base * a_second / rate) / (8 * a_second * there)
        print(f"fan: {there} clients, {a_second:.1f} frames a second each, {missed} missed; "
              f"gateway {share:.0%} of a core, {each * 1e6:.0f} µs for each frame and client")  # fmt: skip


def sse(options: argparse.Namespace) -> None:
    """Many clients, 1,000 changed rows a second; and what that costs the kernel's own process.

    The kernel beside it is also timed while the same gateway and clients look on at another host: what is
    left then is what being looked at costs, and not that processors, caches and memory are shared.
    """
    told = times()
    seconds, rows, rate = 15.0, 50, 20.0
    with tempfile.TemporaryDirectory() as place:
        path, other = f"{place}/host", f"{place}/other"
        with process(host_process, path, rows, rate, told) as (_, host):
            host.recv()
            alone: list[tuple[float, float]] = []
            with process(host_process, other, rows, rate, times()) as (_, elsewhere):
                elsewhere.recv()
                _, apart = looked_at(other, host, options.clients, seconds, told)
            with_it = looked_at(path, host, options.clients, seconds, told)
            for _ in range(16):
                host.send(100)
                alone.append(host.recv())
            (share, there, frames, missed, ages), beside = with_it
            at = [ages[int(len(ages) * part)] for part in (0.5, 0.99)]
            print(f"sse: {there} clients, {frames:,} frames, {missed} missed "
                  f"({1 - missed / max(1, frames + missed):.2%} delivered); p50 {at[0]:.0f}, p99 {at[1]:.0f}"
                  f" ms (goal 150); gateway {share:.0%} of a core (goal 25 %)")  # fmt: skip
            for place_of, name in ((0, "processor time"), (1, "by the clock")):
                looked_on, not_on, none = (
                    statistics.median(one[place_of] for one in found) for found in (beside, apart, alone)
                )
                print(f"sse: T1 looked at {looked_on / 1000:.1f} µs, another one looked at "
                      f"{not_on / 1000:.1f}, nobody looks on {none / 1000:.1f} µs, {name}: "
                      f"{looked_on / not_on - 1:+.0%} by being looked at (goal +10 %), "
                      f"{looked_on / none - 1:+.0%} in all")  # fmt: skip


def looked_at(
    path: str, host: Connection, clients: int, seconds: float, told: Any
) -> tuple[tuple[float, int, int, int, list[float]], list[tuple[float, float]]]:
    """Time round trips of a host while clients look on at the one at a path."""
    trips: list[tuple[float, float]] = []
    with process(gateway_process, path) as (gate_pid, gate):
        port, token = gate.recv()
        with process(watched, port, token, told, clients, seconds) as (_, seen):
            time.sleep(4)
            used, begun = processor_s(gate_pid), time.monotonic()
            # Flat out, a round trip's fills and ended orders would flood every client.
            for _ in range(16):
                host.send(100)
                trips.append(host.recv())
                time.sleep(0.4)
            time.sleep(max(0.0, 8.0 - (time.monotonic() - begun)))
            share = (processor_s(gate_pid) - used) / (time.monotonic() - begun)
            return (share, *seen.recv()), trips


# -------------------------------------------------------------------------------------------------- page

_FRAMES = """() => new Promise((done) => {
  const frames = []; let last = performance.now(); const end = last + SECONDS * 1000;
  const step = (now) => {
    frames.push(now - last); last = now;
    now < end ? requestAnimationFrame(step) : done(frames);
  };
  requestAnimationFrame(step);
})"""


def page(options: argparse.Namespace) -> None:
    """1,000 slots that all change 20 times a second, in real Chromium; and the first paint."""
    told = times()
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as place:
        path = f"{place}/host"
        with (
            process(host_process, path, 1_000, 20.0, told) as (_, host),
            process(gateway_process, path) as (gate_pid, gate),
            sync_playwright() as driver,
        ):
            host.recv()
            port, token = gate.recv()
            browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            paints = []
            for _ in range(options.rounds):
                shown = browser.new_context().new_page()
                shown.goto(f"http://127.0.0.1:{port}/#token={token}")
                shown.wait_for_selector(".verdict h1")
                paints.append(
                    shown.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
                )
                shown.close()
            shown = browser.new_page()
            shown.goto(f"http://127.0.0.1:{port}/#token={token}")
            shown.wait_for_selector(".verdict h1")
            shown.click('nav a[href="#slots"]')
            shown.wait_for_selector("tbody tr:nth-child(20)")
            used = processor_s(gate_pid)
            frames = shown.evaluate(_FRAMES.replace("SECONDS", "15"))
            share = (processor_s(gate_pid) - used) / 15
            slow = sum(one > 50 for one in frames) / len(frames)
            print(f"page: {len(frames)} frames in 15 s, {slow:.1%} over 50 ms (goal 5 %), median "
                  f"{statistics.median(frames):.1f} ms; gateway {share:.0%} of a core; first paint "
                  f"{statistics.median(paints):.0f} ms (goal 300)")  # fmt: skip
            browser.close()


def imported(options: argparse.Namespace) -> None:
    """How long `import dita` takes, beside an empty interpreter."""
    took = []
    for _ in range(options.rounds * 3):
        pair = []
        for code in ("import dita", "pass"):
            begun = os.times()
            subprocess.run([sys.executable, "-c", code], check=True)
            now = os.times()
            pair.append(now.children_user + now.children_system - begun.children_user - begun.children_system)
        took.append((pair[0] - pair[1]) * 1000)
    print(f"import dita: {statistics.median(took):.0f} ms of processor time (goal 50)")


PARTS = {"stdio": stdio, "rest": rest, "sse": sse, "fan": fan, "page": page, "import": imported}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    chosen.count = chosen.count or {"stdio": 1_000_000, "rest": 500}.get(chosen.part, 0)
    PARTS[chosen.part](chosen)
