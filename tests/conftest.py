"""What every test may ask for."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from clusters import address_of, cluster
from dita.cluster import ClusterAddress

# Begun in the background by a shell, a process ignores Ctrl-C, and so does all that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests may keep every processor busy, and idle followers would wait for the end of that.
os.environ.setdefault("DITA_FOLLOWERS_SCHEDULING", "batch")

# How long examples take to make says how busy the machine is, and nothing of what is tested.
settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

REPOSITORY = Path(__file__).resolve().parents[1]
TESTS = Path(__file__).resolve().parent

#: Rooms whose tests share something costly (a member, an embedded database): one worker takes each.
_SHARED = {
    "cluster": ("projection/", "cluster/", "control/", "cli/test_halt", "cli/test_watch", "test_flatten"),
    "journal": ("journal/", "cli/test_journal"),
}
BTCUSDT_CAPTURE = "binance_usdm_btcusdt_l2_trades_20240808.jsonl.gz"
BTC_PERP_BARS = "btc_perp_1m_20211231_20220201.csv.gz"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests on one worker, in their order, and those that share something costly together."""
    for item in items:
        place = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else item.path.name
        shared = (room for room, starts in _SHARED.items() if place.startswith(starts))
        item.add_marker(pytest.mark.xdist_group(next(shared, place)))


def recorded(name: str) -> Path:
    path = REPOSITORY.parent / "shared" / "data" / name
    if not path.is_file():
        pytest.skip(f"the recorded market {name} is not beside the repository (../shared/data)")
    return path


@pytest.fixture
def btcusdt_capture() -> Path:
    """Five minutes of BTCUSDT: best quotes, depth, trades, one snapshot."""
    return recorded(BTCUSDT_CAPTURE)


@pytest.fixture
def btc_perp_bars() -> Path:
    """A month of one-minute bars."""
    return recorded(BTC_PERP_BARS)


@pytest.fixture(scope="session")
def hazelcast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterAddress]:
    """One real member for all tests that do it no harm."""
    with cluster(tmp_path_factory.mktemp("hazelcast")) as members:
        yield address_of(members)
