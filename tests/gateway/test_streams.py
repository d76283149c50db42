"""Changes as they come: nothing is missed, nothing comes twice, and who may no longer look on is cut."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dita.gateway import Access
from dita.gateway.app import build_app
from dita.gateway.guards import Guards
from dita.gateway.hub import KEEP_ALIVE_S, SILENT_S, WAITING_MAX, Hub, QueueSubscriber, frame_of
from dita.gateway.refused import SourceAway
from dita.gateway.running import bound, served
from dita.gateway.source import Update
from dita.gateway.streams import Line
from gateways import MARKET_BUY, RESTING, SYMBOL, Desk, desk


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def events(client: httpx.Client, count: int, **how: Any) -> list[dict[str, Any]]:
    """Return the first frames of a stream."""
    return [said for name, said in said_by(client, lambda seen: len(seen) == count, **how) if not name]


def said_by(
    client: httpx.Client, is_enough: Callable[[list[Any]], bool], *, wanted: str = "", **how: Any
) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of a stream, each with its name, until there are enough of those that are wanted."""
    seen: list[tuple[str, dict[str, Any]]] = []
    name = ""
    with client.stream("GET", "/api/stream", **how) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                seen.append((name, json.loads(line.removeprefix("data: "), parse_float=Decimal)))
                name = ""
            if is_enough([said for of, said in seen if of == wanted]):
                return seen
    raise AssertionError(f"the stream ended after {seen}")


def test_a_stream_begins_with_everything_and_goes_on_with_changes(found: Desk) -> None:
    with found.client("read") as client:
        first = events(client, 1)[0]
        assert first["reset"] is True
        assert "account:main" in first["rows"]
        for at in range(2, 5):
            found.quote(f"{60_000 + at}.0", f"{60_000 + at}.1", at)
        more = events(client, 1, params={"last_id": first["id"]})[0]
    assert more["id"] > first["id"]
    assert (
        more["rows"]["market:main:BTCUSDT"]["mark_price"]
        != first["rows"]["market:main:BTCUSDT"]["mark_price"]
    )
    assert "host" not in more["rows"], "what has not changed is not told again"


def test_the_engines_events_come_by_name_and_in_its_words(found: Desk) -> None:
    with found.client("operate") as client:
        first = events(client, 1)[0]
        limit = {**RESTING, "client_order_id": "l1"}
        assert client.post("/api/order", json=limit).is_success
        assert client.post("/api/order", json=MARKET_BUY).is_success
        assert client.post("/api/cancel", json={"client_order_id": "l1"}).is_success
        seen = said_by(
            client,
            lambda reported: any(one["status"] == "CANCELLED" for one in reported),
            wanted="order_update",
            params={"last_id": first["id"]},
        )
        fills = [said for name, said in seen if name == "fill"]
        assert [list(one)[:6] for one in fills] == [
            ["type", "ts_ns", "client_order_id", "symbol", "qty", "price"]
        ]
        assert (fills[0]["type"], fills[0]["qty"], fills[0]["symbol"]) == ("fill", Decimal("0.01"), SYMBOL)
        orders = [said for name, said in seen if name == "order_update"]
        assert {one["status"] for one in orders} <= {"ACCEPTED", "FILLED", "CANCELLED"}
        assert any(one["qty"] == Decimal("0.01") and one["price"] == 50_000 for one in orders)
        again = said_by(client, lambda reported: bool(reported), wanted="account")
    assert not [name for name, _ in again if name == "fill"], "past fills are told by the frame alone"
    balances = {one["asset"]: one for one in again[-1][1]["balances"]}
    held = balances["USDT"]
    assert held["free"] + held["locked"] == found.host.kernel(None).account.capital
    assert held["locked"] > 0


def test_a_browsers_own_header_resumes_as_last_id_does(found: Desk) -> None:
    with found.client("read") as client:
        first = events(client, 1)[0]
        found.quote("60009.0", "60009.1", 9)
        again = events(client, 1, headers={"Last-Event-ID": str(first["id"])})[0]
    assert "reset" not in again
    assert again["id"] == first["id"] + 1


@pytest.mark.parametrize("last_id", [10**9, (1 << 63) - 1])
def test_a_last_id_of_the_future_begins_anew(found: Desk, last_id: int) -> None:
    with found.client("read") as client:
        assert events(client, 1, params={"last_id": last_id})[0]["reset"] is True


@pytest.mark.parametrize("last_id", ["-1", "x", "1.5", str(1 << 63)])
def test_a_last_id_that_is_none_is_refused(found: Desk, last_id: str) -> None:
    with found.client("read") as client:
        answer = client.get("/api/stream", params={"last_id": last_id})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_params")


def test_a_token_that_is_taken_back_ends_its_open_stream(found: Desk) -> None:
    with found.client("read") as client, client.stream("GET", "/api/stream") as answer:
        lines = answer.iter_lines()
        next(lines)
        found.tokens.revoke("read-0")
        begun = time.monotonic()
        for _ in lines:
            pass
    # A second is promised; a loaded machine is given more.
    assert time.monotonic() - begun < 10


def test_a_websocket_tells_the_same_and_others_get_none(found: Desk) -> None:
    url = found.url.replace("http", "ws") + "/api/ws"
    with pytest.raises(InvalidStatus):
        connect(url)
    with connect(url, additional_headers={"Authorization": f"Bearer {found.token('read')}"}) as socket:
        first = json.loads(socket.recv())
        assert first["reset"] is True
        found.quote("60011.0", "60011.1", 11)
        changed = next(frame for text in socket if (frame := json.loads(text)))
        assert "market:main:BTCUSDT" in changed["rows"]
        found.tokens.revoke("read-0")
        # It is cut, and then there is nothing more to iterate over.
        assert all(frame for frame in socket)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=20)


def test_a_page_elsewhere_gets_no_websocket(found: Desk) -> None:
    url = found.url.replace("http", "ws") + "/api/ws"
    headers = {"Authorization": f"Bearer {found.token('read')}", "Origin": "http://evil.example"}
    with pytest.raises(InvalidStatus):
        connect(url, additional_headers=headers)


# ------------------------------------------------------------------------------------- the hub by itself


class Counted:
    """A source of which one row counts up."""

    name = kind = "counted"

    def __init__(self) -> None:
        self.count = 0
        self.away = False
        self.reset = False

    async def read(self) -> Update:
        if self.away:
            raise SourceAway("nobody is there")
        self.count += 1
        reported = [f'{{"n":{self.count}}}']
        return Update(reset=self.reset, rows={"host": str(self.count)}, fills=reported)

    async def close(self) -> None:
        """Nothing is open."""


def hub_of(source: Any, **settings: Any) -> Hub:
    """Return a hub that asks as often as it can."""
    return Hub(source, interval_s=0, **settings)


async def asked(hub: Hub, times: int) -> int:
    """Let a hub ask so many times; return the last frame's number."""
    for _ in range(times):
        await hub._once()
    return hub.everything().number


def test_every_frame_comes_once_and_in_order_to_who_reads() -> None:
    async def scene() -> list[int]:
        hub = hub_of(Counted())
        first = await asked(hub, 1)
        await asked(hub, 2)
        numbers, frames = [], hub.frames(first)
        for _ in range(2):
            reported = await anext(frames)
            assert reported is not None
            numbers.append(reported.number - first)
        for _ in range(5):
            await asked(hub, 1)
            reported = await anext(frames)
            assert reported is not None
            numbers.append(reported.number - first)
        await frames.aclose()
        assert hub.subscribers == 0
        return numbers

    assert asyncio.run(scene()) == [1, 2, 3, 4, 5, 6, 7]


def test_who_lets_too_much_wait_is_cut_and_the_others_are_not() -> None:
    async def scene() -> tuple[int, int]:
        hub = hub_of(Counted())
        await asked(hub, 1)
        slow, quick = hub.frames(None), hub.frames(None)
        await anext(slow)
        await anext(quick)
        seen = 0
        for _ in range(WAITING_MAX + 5):
            await asked(hub, 1)
            seen += await anext(quick) is not None
        left = [reported async for reported in slow]
        await quick.aclose()
        return len(left), seen

    assert asyncio.run(scene()) == (0, WAITING_MAX + 5)


def test_who_leaves_a_frame_for_five_seconds_is_cut() -> None:
    frame = frame_of(1, Update(rows={"a": "1"}))
    subscriber = QueueSubscriber()
    subscriber.give(100.0, frame)
    subscriber.give(100.0 + SILENT_S, frame)
    assert not subscriber.cut
    subscriber.give(100.1 + SILENT_S, frame)
    assert subscriber.cut
    assert asyncio.run(subscriber.next()) is None


def test_of_many_changes_the_newest_row_and_every_fill_is_reported() -> None:
    async def scene() -> list[dict[str, Any]]:
        hub = hub_of(Counted())
        first = await asked(hub, 1)
        frames = hub.frames(first)
        await asked(hub, 3)
        reported = []
        for _ in range(3):
            frame = await anext(frames)
            assert frame is not None
            assert frame.event.startswith(f"id: {frame.number}\ndata: {frame.text}\n\n".encode())
            reported.append(json.loads(frame.text))
        await frames.aclose()
        return reported

    reported = asyncio.run(scene())
    assert [one["n"] for frame in reported for one in frame["fills"]] == [2, 3, 4]
    assert [frame["rows"]["host"] for frame in reported] == [2, 3, 4]


@pytest.mark.parametrize(("back", "anew"), [(5, True), (4, False), (0, False), (-2, True)])
def test_what_the_ring_no_longer_has_begins_with_everything(back: int, *, anew: bool) -> None:
    async def scene() -> bool:
        hub = hub_of(Counted(), ring_frames=4)
        last = await asked(hub, 10)
        frames = hub.frames(last - back)
        if back == 0:
            await asked(hub, 1)
        reported = await anext(frames)
        await frames.aclose()
        return reported is not None and "reset" in json.loads(reported.text)

    assert asyncio.run(scene()) is anew


def test_a_number_of_an_earlier_gateway_begins_with_everything() -> None:
    async def scene() -> bool:
        earlier = hub_of(Counted())
        number = await asked(earlier, 3)
        later = hub_of(Counted())
        await asked(later, 200)
        frames = later.frames(number)
        reported = await anext(frames)
        await frames.aclose()
        return reported is not None and "reset" in json.loads(reported.text)

    assert asyncio.run(scene())


def test_a_host_that_begins_anew_tells_no_fill_twice() -> None:
    async def scene() -> dict[str, Any]:
        source = Counted()
        hub = hub_of(source)
        await asked(hub, 2)
        source.reset, source.count = True, 1
        await asked(hub, 1)
        reported: dict[str, Any] = json.loads(hub.everything().text)
        return reported

    assert [one["n"] for one in asyncio.run(scene())["fills"]] == [1, 2]


def test_a_host_that_goes_is_reported_and_its_rows_stay_until_it_is_back() -> None:
    async def scene() -> list[dict[str, str]]:
        source = Counted()
        hub = hub_of(source)
        seen = []
        for away in (False, True, False):
            source.away = away
            await asked(hub, 1)
            seen.append(dict(hub.rows))
        return seen

    before, away, after = asyncio.run(scene())
    assert json.loads(away["away"]) == "nobody is there"
    assert away["host"] == before["host"]
    assert set(after) == {"host"}


class Wire:
    """A connection of which a test says how much has left."""

    def __init__(self) -> None:
        self.written = b""
        self.left = 0
        self.how_it_ended = ""

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return len(self.written) - self.left

    def close(self) -> None:
        self.how_it_ended = "closed"

    def abort(self) -> None:
        self.how_it_ended = "aborted"


def line_on(wire: Wire, is_good: Callable[[], bool] = lambda: True) -> Line:
    """Return a line on a wire."""
    return Line(wire, is_good)  # type: ignore[arg-type]


FRAME = frame_of(1, Update(rows={"a": "1"}))


def test_who_reads_slowly_but_reads_goes_on_and_who_stops_is_cut_without_further_news() -> None:
    wire = Wire()
    line = line_on(wire)
    for second in range(20):
        line.give(second, FRAME)
        # There is always something left, and never for longer than three seconds.
        wire.left = max(0, len(FRAME.chunk) * (second - 2))
    assert wire.how_it_ended == ""
    line.look(20 + SILENT_S - 4)
    assert wire.how_it_ended == ""
    line.look(20 + SILENT_S)
    assert wire.how_it_ended == "aborted"
    before = wire.written
    line.give(40, FRAME)
    assert wire.written == before, "nothing is written to who was let go"


def test_who_lets_too_many_frames_wait_is_cut_at_once() -> None:
    wire = Wire()
    line = line_on(wire)
    for _ in range(WAITING_MAX):
        line.give(1.0, FRAME)
    assert wire.how_it_ended == ""
    line.give(1.0, FRAME)
    assert wire.how_it_ended == "aborted"


def test_who_may_not_stay_subscribed_gets_the_answers_end_and_is_hung_up_on() -> None:
    wire, good = Wire(), [True]
    line = line_on(wire, lambda: good[0])
    line.give(0.0, FRAME)
    wire.left = len(wire.written)
    good[0] = False
    line.look(0.3)
    line.look(0.6)
    assert wire.written == FRAME.chunk + b"0\r\n\r\n"
    assert wire.how_it_ended == "closed"


def test_without_news_a_comment_says_that_somebody_is_there() -> None:
    wire = Wire()
    line = line_on(wire)
    line.give(100.0, FRAME)
    line.look(100.0 + KEEP_ALIVE_S - 0.1)
    assert wire.written == FRAME.chunk
    line.look(100.0 + KEEP_ALIVE_S + 0.1)
    assert wire.written == FRAME.chunk + b"8\r\n: here\n\n\r\n"


class Large(Counted):
    """A source whose frames are large, so that a connection's memory is soon full."""

    async def read(self) -> Update:
        self.count += 1
        return Update(rows={"host": json.dumps(f"{self.count} {'x' * 200_000}")})


class Falls(Large):
    """A source that says much, and then nothing more."""

    async def read(self) -> Update:
        return await super().read() if self.count < 60 else Update()


def only_time_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing cut who does not read but the time that he lets pass."""
    for place in ("hub", "streams"):
        monkeypatch.setattr(f"dita.gateway.{place}.SILENT_S", 0.5)
        monkeypatch.setattr(f"dita.gateway.{place}.WAITING_MAX", 1_000_000)
    # The system itself would end it after this.
    monkeypatch.setattr("dita.gateway.running._SILENT_MS", 3_600_000)


@pytest.mark.parametrize("route", ["/api/stream", "/api/ws"])
def test_who_does_not_read_is_cut_by_time_alone_also_when_nothing_more_is_said(
    monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    only_time_cuts(monkeypatch)
    hub, access = Hub(Falls(), interval_s=0.01), Access(None)
    app = build_app(hub, access, guards=Guards(requests_per_s=1e6, burst=1e6))
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {access.grant('me', 'read')}\r\n"
    if route == "/api/ws":
        head += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        head += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    with served(app, bound("127.0.0.1", 0)) as port, socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect(("127.0.0.1", port))
        silent.sendall(f"GET {route} HTTP/1.1\r\n{head}\r\n".encode())
        until = time.monotonic() + 30
        while not hub.subscribers:
            assert time.monotonic() < until, "nobody looks on"
            time.sleep(0.01)
        while hub.subscribers:
            assert time.monotonic() < until, "nobody was cut"
            time.sleep(0.01)


def test_a_connection_that_does_not_read_is_cut_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only_time_cuts(monkeypatch)
    hub, access = Hub(Large()), Access(None)
    app = build_app(hub, access, guards=Guards(requests_per_s=1e6, burst=1e6))
    header = {"Authorization": f"Bearer {access.grant('me', 'read')}"}
    with served(app, bound("127.0.0.1", 0)) as port, socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect(("127.0.0.1", port))
        head = f"Host: 127.0.0.1\r\nAuthorization: {header['Authorization']}"
        silent.sendall(f"GET /api/stream HTTP/1.1\r\n{head}\r\n\r\n".encode())
        url = f"http://127.0.0.1:{port}"
        with (
            httpx.Client(base_url=url, headers=header, timeout=20) as client,
            client.stream("GET", "/api/stream") as answer,
        ):
            lines = (line for line in answer.iter_lines() if line.startswith("id: "))
            seen = [int(next(lines).removeprefix("id: ")) for _ in range(2)]
            until = time.monotonic() + 30
            while hub.subscribers > 1:
                assert time.monotonic() < until, "nobody was cut"
                seen.append(int(next(lines).removeprefix("id: ")))
            seen += [int(next(lines).removeprefix("id: ")) for _ in range(3)]
    assert seen == list(range(seen[0], seen[0] + len(seen)))
