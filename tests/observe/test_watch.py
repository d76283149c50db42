"""`dita watch`: what it shows, from a real cluster and from a log, on a screen that nobody looks at."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusters import eventually
from dita import ControlUpdate, ExecutionKernel, SimulatedVenue, build_control_plane
from dita.cli import main
from dita.cli.watch import _halter
from dita.cluster import ClusterAddress
from dita.observe.screen import WatchScreen
from dita.observe.source import ClusterSource, LogSource, Seen, Source
from dita.observe.text import as_text, breaker_lines, tone
from dita.projection.cluster import HazelcastProjection
from kernels import ENTER, EXIT, SYMBOL, intent, opened

_NAMES = itertools.count()


@pytest.fixture
def name() -> str:
    """A kernel's name that no other test has."""
    return f"watched{next(_NAMES)}"


@pytest.fixture
def kernel(hazelcast: ClusterAddress, name: str, tmp_path: Path) -> Iterator[ExecutionKernel]:
    """One that projects, and logs."""
    venue = SimulatedVenue(balances={"USDT": "10000"})
    projection = HazelcastProjection.open(hazelcast, name, refresh_s=0.02)
    with opened(venue, projection=projection, log_dir=tmp_path / "log", log_policy="always") as kernel:
        venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
        kernel.process_intent(intent(ENTER, "i1"))
        stop = intent(EXIT, "s1", order_type="STOP_MARKET", trigger_price="59000")
        assert kernel.process_intent(stop).accepted
        kernel.update_control(ControlUpdate(limits={"max_open_slots": 3}, updated_by="ops"))
        venue.transfer("USDT", "5")
        assert projection.flush()
        yield kernel


@pytest.fixture(params=["cluster", "log"])
def source(
    request: pytest.FixtureRequest, hazelcast: ClusterAddress, tmp_path: Path, kernel: ExecutionKernel
) -> Iterator[Source]:
    """Both ways to see it."""
    kernel.sync()
    made: Source = (
        ClusterSource(str(hazelcast)) if request.param == "cluster" else LogSource(tmp_path / "log")
    )
    yield made
    made.close()


def test_a_view_tells_all_there_is(source: Source, kernel: ExecutionKernel, name: str) -> None:
    seen = eventually(lambda: (now := source.read(name)).seq == kernel.seq and now)
    (slot,) = seen.slots
    assert (slot["asset"], slot["fsm_state"]) == (SYMBOL, "EXIT_WORKING")
    (order,) = seen.orders
    assert order["trigger_price"] == "59000"
    text = as_text(seen)
    for reported in (
        "K 10004.6999995 USDT",
        "max_open_slots 3",
        "by ops",
        "EXIT_WORKING",
        "STOP_MARKET",
        "59000",
    ):
        assert reported in text, text
    kernel.process_intent(intent(EXIT, "x1"))
    kernel.sync()
    eventually(lambda: source.read(name).slots[0]["fsm_state"] == "CLOSED")


def drive(screen: WatchScreen, *keys: str, until: Any) -> None:
    """Run a screen without a terminal, press keys, and wait."""

    async def go() -> None:
        async with screen.run_test(size=(132, 34)) as pilot:

            async def wait(true: Any) -> None:
                for _ in range(1200):
                    if true():
                        return
                    await pilot.pause(0.05)
                raise AssertionError(f"never: {true}")

            await wait(lambda: screen.seen is not None)
            for key in keys:
                await pilot.press(key)
            await wait(until)

    asyncio.run(go())


def test_the_screen_shows_it_and_follows(source: Source, kernel: ExecutionKernel, name: str) -> None:
    screen = WatchScreen(source, name, interval_s=0.05)

    def follows() -> bool:
        assert screen.seen is not None
        if not kernel.slot(0).is_free():
            kernel.process_intent(intent(EXIT, "x1"))
            kernel.sync()
        slots = screen.query_one("#slots")
        return "CLOSED" in [str(cell) for cell in slots.get_row_at(0)]  # type: ignore[attr-defined]

    drive(screen, until=follows)
    assert screen.seen is not None
    assert str(kernel.slot(0).fsm_state) == "CLOSED"


def test_keys_change_the_kernel_pause_and_halt(
    hazelcast: ClusterAddress, kernel: ExecutionKernel, name: str, tmp_path: Path
) -> None:
    place = tmp_path / "controls.json"
    plane = build_control_plane(place)
    another = HazelcastProjection.open(hazelcast, f"{name}-other", refresh_s=0.02)
    with opened(control_plane=plane) as halted, opened(projection=another):
        assert another.flush()
        source = ClusterSource(str(hazelcast))
        screen = WatchScreen(source, name, interval_s=0.05, halt=_halter(str(place)))
        drive(screen, "H", until=lambda: halted.control.gate == "HALTED")
        other = WatchScreen(source, name, interval_s=0.05)
        drive(other, "n", until=lambda: other.seen is not None and other.seen.kernel != name)
        paused = WatchScreen(source, name, interval_s=0.05)
        drive(paused, "p", until=lambda: paused.sub_title == "paused")
        source.close()
    plane.close()  # type: ignore[attr-defined]


def test_the_command_prints_and_draws(
    hazelcast: ClusterAddress,
    kernel: ExecutionKernel,
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["watch", "--at", str(hazelcast), "--kernel", name, "--once"]) == 0
    assert "EXIT_WORKING" in capsys.readouterr().out
    picture = tmp_path / "watch.svg"
    assert main(["watch", "--log", str(tmp_path / "log"), "--screenshot", str(picture)]) == 0
    assert "EXIT_WORKING" in picture.read_text()
    assert "font-face" not in picture.read_text()


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--at", "hazelcast://127.0.0.1:1/dita", "--once"], "nobody listens there"),
        (["--at", "nonsense", "--once"], "reads like hazelcast://"),
        (["--log", "no-such-directory", "--once"], "is no directory"),
    ],
)
def test_what_cannot_be_watched_is_reported(
    arguments: list[str], reported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", *arguments]) == 1
    assert reported in capsys.readouterr().err


def test_a_kernel_that_is_not_known_is_reported(hazelcast: ClusterAddress, kernel: ExecutionKernel) -> None:
    source = ClusterSource(str(hazelcast))
    assert "knows no kernel 'nobody'" in source.read("nobody").trouble
    source.close()


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Seen("k"), "good"),
        (Seen("k", trouble="gone"), "bad"),
        (Seen("k", age_s=60.0), "bad"),
        (Seen("k", slots=[{"unprotected": True}]), "bad"),
        (Seen("k", accounts=[{"reconcile_status": "ERROR"}]), "bad"),
        (Seen("k", accounts=[{"reconcile_status": "WARN"}]), "warn"),
        (Seen("k", control={"gate": "HALTED"}), "warn"),
        (Seen("k", control={"gate": "NORMAL", "frozen": True}), "warn"),
        (Seen("k", control={"gate": "NORMAL", "frozen": False}), "good"),
    ],
)
def test_its_colour_is_that_of_the_worst(seen: Seen, expected: str) -> None:
    assert tone(seen) == expected


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ({}, []),
        ({"state": "CLOSED", "reason": ""}, ["circuit breaker of binance CLOSED"]),
        (
            {"state": "OPEN", "reason": "5 refusals"},
            ["circuit breaker of binance OPEN, entries wait: 5 refusals; 3 held back"],
        ),
        (
            {"state": "HALF_OPEN", "reason": "5 refusals"},
            ["circuit breaker of binance HALF_OPEN, entries wait: 5 refusals; 3 held back"],
        ),
    ],
)
def test_the_circuit_breaker_is_shown_with_why_entries_wait(state: dict[str, str], line: list[str]) -> None:
    breaker = {"venue": "binance", "held_back": 3, **state} if state else {}
    assert breaker_lines(Seen("k", breaker=breaker)) == line
