"""`dita gateway` and `--web` as programs: what they show, and that they end with what they show."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from dita.cli import main
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from gateways import MARKET_BUY, host_in
from live_runs import SECRET

WAIT_S = 60.0
_LINK = re.compile(r"(http://127\.0\.0\.1:\d+)/#token=(\S+)")
BARS = "timestamp,open,high,low,close,volume\n" + "".join(
    f"{1_700_000_000 + minute * 60},{100 + minute % 7},108,95,{101 + minute % 6},1\n" for minute in range(300)
)


class Run:
    """A program, and what it says on stderr."""

    def __init__(self, *words: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dita.cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(self.process.stderr)

    def link(self) -> tuple[str, dict[str, str]]:
        """Return the page's address and the header that lets in."""
        found: list[tuple[str, str]] = []

        def there() -> bool:
            assert self.process.poll() is None or found, "".join(self.said)
            found.extend(_LINK.findall("".join(self.said)))
            return bool(found)

        wait(there)
        url, token = found[0]
        return url, {"Authorization": f"Bearer {token}"}

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Let it end; return its exit code and its output."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=WAIT_S)
        self._reader.join()
        return self.process.returncode, out


@contextmanager
def running(*words: str, **environ: str) -> Iterator[Run]:
    """Run a program, and end it."""
    program = Run(*words, **environ)
    try:
        yield program
    finally:
        program.end(signal.SIGKILL)


def wait(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)


def items(url: str, headers: dict[str, str], path: str) -> list[dict[str, Any]]:
    """Return a list of the gateway's; nothing where it has none, or does not listen yet."""
    try:
        answer = httpx.get(f"{url}{path}", headers=headers, timeout=20)
    except httpx.ConnectError:
        return []
    found: list[dict[str, Any]] = answer.json().get("items", [])
    return found


def test_a_spawned_engine_takes_orders_and_ends_with_its_gateway() -> None:
    with running("gateway", "--spawn=--market synthetic --fill-ms 0", "--port", "0") as gateway:
        url, headers = gateway.link()
        wait(lambda: items(url, headers, "/api/account"))
        order = {**MARKET_BUY, "qty": "0.1", "client_order_id": "first"}
        said = httpx.post(f"{url}/api/order", json=order, headers=headers, timeout=20).json()
        assert said["ok"] is True
        assert said["last_ts_ns"] > 0

        def filled() -> bool:
            state = httpx.get(f"{url}/api/order_state?client_order_id=first", headers=headers, timeout=20)
            return str(state.json()["status"]) == "FILLED"

        wait(filled)
        pid = gateway.process.pid
        engines = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        assert len(engines) == 1
        assert gateway.end()[0] == 0
        wait(lambda: not Path(f"/proc/{engines[0]}").exists())


def test_a_log_is_shown_without_its_kernel_and_nothing_is_done_there(tmp_path: Path) -> None:
    with host_in(tmp_path / "desk") as host:
        kernel = host.kernel(None)
        venue: Any = kernel.venue
        venue.on_quote("BTCUSDT", "60000", None, "60000.1", None, 1)
        kernel.mark_price("BTCUSDT", "60000")
        client = host.client("tester", "main")
        client.enter("BTCUSDT", "LONG", "0.01")
        log = str(tmp_path / "desk/log/main")
        kernel.sync()
    with running("gateway", "--log", log, "--port", "0") as gateway:
        url, headers = gateway.link()
        wait(lambda: items(url, headers, "/api/slots"))
        slot = items(url, headers, "/api/slots")[0]
        assert (slot["owner"], slot["size"]) == ("tester", "0.010")
        story = httpx.get(
            f"{url}/api/story", params={"account": "main", "trade": slot["trade_id"]}, headers=headers
        )
        assert any("ENTER" in line for line in story.json()["lines"])
        answer = httpx.post(f"{url}/api/order", json=MARKET_BUY, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (503, "execution_unavailable")
        assert "read-only" in answer.json()["message"]


def test_a_gateway_shows_one_thing_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gateway", "desk", "--log", str(tmp_path)]) == 1
    assert "--log, --cluster and --spawn show something else" in capsys.readouterr().err


def test_a_backtests_report_is_shown_until_it_is_ended(tmp_path: Path) -> None:
    market = tmp_path / "bars.csv"
    market.write_text(BARS)
    words = ("backtest", "ema-cross", "--data", str(market), "--symbol", "BTCUSDT", "--web", "0")
    with running(*words) as backtest:
        url, headers = backtest.link()
        wait(lambda: httpx.get(f"{url}/report", headers=headers, timeout=20).status_code == 200)
        report = httpx.get(f"{url}/report", headers=headers)
        assert "sandbox" in report.headers["content-security-policy"]
        assert "EmaCross" in report.text or "ema-cross" in report.text
        assert httpx.get(f"{url}/report").status_code == 401
        code, out = backtest.end(signal.SIGINT)
        assert code == 0, backtest.said
        assert "E − K" in out  # noqa: RUF001 - as the report writes it


def test_a_demos_report_is_shown_until_it_is_ended() -> None:
    with running("demo", "--max-trades", "5", "--web", "0") as demo:
        url, headers = demo.link()
        wait(lambda: httpx.get(f"{url}/report", headers=headers, timeout=20).status_code == 200)
        report = httpx.get(f"{url}/report", headers=headers)
        assert "<!doctype html>" in report.text.lower()
        rows = httpx.get(f"{url}/api/rows", headers=headers).json()["rows"]
        assert (rows["host"]["name"], rows["host"]["kind"]) == ("demo", "backtest")
        code, out = demo.end(signal.SIGINT)
        assert code == 0, demo.said
        assert "K" in out


@contextmanager
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve a webhook."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_has_a_page_in_a_process_of_its_own_and_tells_alerts(tmp_path: Path, number: int) -> None:
    with ServerThread(Terms(still=True)) as server, webhook() as (hook, bodies):
        words = ("run", "ema-cross", "-c", "binance", "-p", "BTC/USDT", "--exchange", server.address)
        more = ("--name", "desk", "--web", "0", "--notify", hook)
        with running(
            *words, *more, DITA_HOME=str(tmp_path), API_KEY="practise-key", API_SECRET=SECRET
        ) as run:
            url, headers = run.link()
            wait(lambda: items(url, headers, "/api/strategies"))
            assert items(url, headers, "/api/strategies")[0]["state"] == "Running"
            wait(lambda: bodies)
            assert (bodies[0]["cause"], bodies[0]["host"]) == ("started", "desk")
            run.end(number)
        if number == signal.SIGTERM:
            assert bodies[-1]["cause"] == "stopped"

        def page_is_gone() -> bool:
            try:
                httpx.get(f"{url}/health", timeout=5)
            except httpx.TransportError:
                return True
            return False

        wait(page_is_gone)
