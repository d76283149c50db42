"""Changes as they come: nothing is missed, nothing comes twice, and who may no longer look on is cut."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dita.gateway.hub import WAITING_MAX, Hub
from dita.gateway.rows import frame_of
from dita.gateway.source import SourceAway
from gateways import Desk, desk


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def events(client: httpx.Client, count: int, **how: Any) -> list[dict[str, Any]]:
    """Return the first frames of a stream."""
    seen = []
    with client.stream("GET", "/api/stream", **how) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
            if len(seen) == count:
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


def test_a_websocket_tells_the_same_and_strangers_get_none(found: Desk) -> None:
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

    name = "counted"

    def __init__(self) -> None:
        self.count = 0
        self.away = False

    async def read(self) -> dict[str, Any]:
        if self.away:
            raise SourceAway("nobody is there")
        self.count += 1
        status = {"name": "counted", "boot": self.count, "heartbeat": "fresh", "accounts": {}}
        return {"status": {**status, "strategies": []}, "orders": {}}

    async def close(self) -> None:
        """Nothing is open."""


def hub_of(source: Any, **settings: Any) -> Hub:
    """Return a hub that asks as often as it can."""
    return Hub(source, interval_s=0, **settings)


async def asked(hub: Hub, times: int) -> None:
    """Let a hub ask so many times."""
    for _ in range(times):
        await hub._once()


def test_every_frame_comes_once_and_in_order_to_who_reads() -> None:
    async def scene() -> list[int]:
        hub = hub_of(Counted())
        await asked(hub, 3)
        numbers, frames = [], hub.frames(1)
        for _ in range(2):
            told = await anext(frames)
            assert told is not None
            numbers.append(told[0])
        for _ in range(5):
            await asked(hub, 1)
            told = await anext(frames)
            assert told is not None
            numbers.append(told[0])
        await frames.aclose()
        assert hub.lookers == 0
        return numbers

    assert asyncio.run(scene()) == [2, 3, 4, 5, 6, 7, 8]


def test_who_does_not_read_is_cut_and_the_others_are_not() -> None:
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
        left = [told async for told in slow]
        await quick.aclose()
        return len(left), seen

    assert asyncio.run(scene()) == (WAITING_MAX, WAITING_MAX + 5)


@pytest.mark.parametrize(("last_id", "anew"), [(5, True), (6, False), (9, False), (11, True)])
def test_what_the_ring_no_longer_has_begins_with_everything(last_id: int, *, anew: bool) -> None:
    async def scene() -> bool:
        hub = hub_of(Counted(), ring_frames=4)
        await asked(hub, 10)
        frames = hub.frames(last_id)
        told = await anext(frames)
        await frames.aclose()
        return told is not None and "reset" in json.loads(told[1])

    assert asyncio.run(scene()) is anew


def test_a_host_that_goes_is_told_and_its_rows_stay() -> None:
    async def scene() -> dict[str, str]:
        source = Counted()
        hub = hub_of(source)
        await asked(hub, 1)
        source.away = True
        await asked(hub, 1)
        return dict(hub.rows)

    rows = asyncio.run(scene())
    assert json.loads(rows["away"]) == "nobody is there"
    assert "host" in rows


def test_a_frame_has_what_changed_and_what_is_gone() -> None:
    frame = json.loads(frame_of({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "5"}, 7))
    assert frame == {"id": 7, "rows": {"b": 5}, "gone": ["c"]}
    assert frame_of({"a": "1"}, {"a": "1"}, 8) == ""
