"""A kernel's name in a cluster belongs to one kernel, and what an earlier life left there is put right."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from clusters import eventually, held
from dita import ExecutionKernel, SimulatedVenue
from dita.cluster import ClusterAddress, ClusterError, mappings, open_client
from dita.cluster.claim import LEASE_S
from dita.projection import FollowedProjection, HazelcastProjection, build_projection
from kernels import CANCEL, ENTER, SYMBOL, intent, opened

_NAMES = itertools.count()
_TESTS = Path(__file__).resolve().parents[1]
#: A kernel of that name in a process of its own, until its input ends.
_OTHER = """
import sys
sys.path.insert(0, sys.argv[1])
from dita import SimulatedVenue
from dita.projection import HazelcastProjection
from kernels import opened
venue = SimulatedVenue(balances={"USDT": "10000"})
log_dir = sys.argv[4] if len(sys.argv) > 4 else None
opened(venue, projection=HazelcastProjection.open(sys.argv[2], sys.argv[3]), log_dir=log_dir)
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def name() -> str:
    """A kernel's name that no other test has."""
    return f"claim{next(_NAMES)}"


def trading(address: ClusterAddress, name: str, **options: Any) -> ExecutionKernel:
    """A kernel of that name, on the simulated venue."""
    venue = SimulatedVenue(balances={"USDT": "10000"})
    kernel = opened(venue, projection=HazelcastProjection.open(address, name), **options)
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
    return kernel


def other(address: ClusterAddress, name: str, *log_dir: str) -> subprocess.Popen[str]:
    """Such a kernel in another process."""
    process = subprocess.Popen(
        [sys.executable, "-c", _OTHER, str(_TESTS), str(address), name, *log_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def test_a_second_kernel_of_one_name_is_refused_until_the_first_is_closed(
    hazelcast: ClusterAddress, name: str
) -> None:
    first = trading(hazelcast, name)
    with pytest.raises(
        ClusterError, match=rf"the name '{name}' is held by process {os.getpid()} on .*"
    ) as reported:
        trading(hazelcast, name)
    assert "give this one a name of its own (ExecutionKernel(name=...)), or stop the other" in str(
        reported.value
    )
    # The first one does not notice.
    first.process_intent(intent(ENTER, "i1"))
    projection = first._followers.projection
    assert isinstance(projection, HazelcastProjection)
    assert projection.flush()
    assert projection.standing()["trouble"] == ""
    first.close()
    trading(hazelcast, name).close()


def test_a_kernel_of_another_process_has_its_name_until_that_is_dead(
    hazelcast: ClusterAddress, name: str
) -> None:
    process = other(hazelcast, name)
    with pytest.raises(ClusterError, match=rf"is held by process {process.pid} on {socket.gethostname()}"):
        trading(hazelcast, name)
    process.kill()
    process.communicate()
    # It had no log, and is not waited for: everybody on this machine can see that it is dead.
    trading(hazelcast, name).close()


def test_a_crashed_kernels_successor_on_the_same_log_takes_its_name_over(
    hazelcast: ClusterAddress, client: Any, name: str, tmp_path: Path
) -> None:
    log_dir = tmp_path / "log"
    process = other(hazelcast, name, str(log_dir))
    before = held(client, mappings.KERNELS, name)
    assert before is not None
    assert before["log"] == str(log_dir)
    process.kill()
    process.communicate()
    # As if it were of a machine whose processes nobody sees from here: the log is the same one.
    with trading(hazelcast, name, log_dir=log_dir):
        after = held(client, mappings.KERNELS, name)
        assert after is not None
        assert after["instance"] == before["instance"]
        assert after["pid"] == os.getpid()


def test_the_claim_of_a_machine_that_is_gone_ends_by_itself(
    hazelcast: ClusterAddress, client: Any, name: str, tmp_path: Path
) -> None:
    # That there is no such process here says nothing of a process there.
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    other = {
        "token": "t",
        "host": "elsewhere",
        "pid": dead.pid,
        "instance": "elsewhere /log",
        "log": "/log",
    }
    kernels = client.get_map(mappings.KERNELS).blocking()
    kernels.put(name, json_value(other), LEASE_S)
    with pytest.raises(ClusterError, match=f"is held by process {dead.pid} on elsewhere, with the log /log"):
        trading(hazelcast, name)
    # A follower's kernel goes on, and its projection begins once the name is free.
    with opened(
        SimulatedVenue(balances={"USDT": "10000"}),
        projection=FollowedProjection(hazelcast),
        name=name,
        log_dir=tmp_path / "log",
    ) as kernel:

        def follower() -> dict[str, Any]:
            found: dict[str, Any] = kernel.health()["followers"]["projection"]
            return found

        eventually(lambda: follower()["state"] == "AWAY")
        assert f"is held by process {dead.pid} on elsewhere" in follower()["error"]
        assert held(client, mappings.CONTROL, name) is None
        kernels.put(name, json_value(other), 1)
        eventually(lambda: held(client, mappings.CONTROL, name))
        eventually(lambda: follower()["state"] == "FOLLOWING")


def test_the_same_log_takes_its_name_over_though_a_process_has_the_dead_ones_number(
    hazelcast: ClusterAddress, client: Any, name: str, tmp_path: Path
) -> None:
    log_dir, host = tmp_path / "log", socket.gethostname()
    past = {
        "token": "t",
        "host": host,
        "pid": os.getppid(),
        "instance": f"{host} {log_dir}",
        "log": str(log_dir),
    }
    client.get_map(mappings.KERNELS).blocking().put(name, json_value(past), LEASE_S)
    # Of another log it is not taken over: for all that is known, its process lives.
    with pytest.raises(ClusterError, match=f"is held by process {os.getppid()} on {host}"):
        trading(hazelcast, name)
    trading(hazelcast, name, log_dir=log_dir).close()


def test_a_claim_ends_by_itself_and_is_renewed_until_then(
    hazelcast: ClusterAddress, client: Any, name: str
) -> None:
    kernels = client.get_map(mappings.KERNELS).blocking()
    with trading(hazelcast, name):
        first = kernels.get_entry_view(name)
        assert first.ttl == LEASE_S * 1000
        eventually(lambda: kernels.get_entry_view(name).expiration_time > first.expiration_time)
        assert kernels.get_entry_view(name).ttl == LEASE_S * 1000


def json_value(content: dict[str, Any]) -> Any:
    """A value as the cluster takes it."""
    from hazelcast.core import HazelcastJsonValue  # noqa: PLC0415 - with the client, which knows its warnings

    return HazelcastJsonValue(json.dumps(content))


def test_a_name_that_is_taken_away_stops_the_writing(
    hazelcast: ClusterAddress, client: Any, name: str
) -> None:
    with trading(hazelcast, name) as kernel:
        projection = kernel._followers.projection
        assert isinstance(projection, HazelcastProjection)
        assert projection._claim is not None
        other = {"token": "t", "host": "elsewhere", "pid": 1, "instance": "elsewhere /log", "log": "/log"}
        client.get_map(mappings.KERNELS).blocking().put(name, json_value(other), LEASE_S)
        eventually(lambda: "is held by process 1 on elsewhere" in kernel.health()["projection"]["trouble"])
        kernel.process_intent(intent(ENTER, "i1"))
        assert not projection.flush(0.5)
        assert held(client, mappings.SLOTS, f"{name}/0") is None
        client.get_map(mappings.KERNELS).blocking().remove(name)
        eventually(lambda: held(client, mappings.SLOTS, f"{name}/0"))
        assert kernel.health()["projection"]["trouble"] == ""


def test_what_another_wrote_under_a_name_that_was_taken_away_is_put_right(
    hazelcast: ClusterAddress, client: Any, name: str
) -> None:
    with trading(hazelcast, name) as kernel:
        kernel.process_intent(intent(ENTER, "i1"))
        eventually(lambda: (held(client, mappings.SLOTS, f"{name}/0") or {}).get("trade_id") == "t1")
        own = held(client, mappings.SLOTS, f"{name}/0")
        assert own is not None
        other = {"token": "t", "host": "elsewhere", "pid": 1, "instance": "elsewhere /log", "log": "/log"}
        client.get_map(mappings.KERNELS).blocking().put(name, json_value(other), LEASE_S)
        eventually(lambda: "is held by process 1 on elsewhere" in kernel.health()["projection"]["trouble"])
        theirs = json_value({**own, "trade_id": "theirs", "run": own["run"] + 1})
        client.get_map(mappings.SLOTS).blocking().put(f"{name}/0", theirs)
        client.get_map(mappings.KERNELS).blocking().remove(name)
        eventually(lambda: (held(client, mappings.SLOTS, f"{name}/0") or {}).get("trade_id") == "t1")


def test_what_is_of_another_name_stays(hazelcast: ClusterAddress, client: Any, name: str) -> None:
    with trading(hazelcast, name) as kernel:
        kernel.process_intent(intent(ENTER, "i1"))
        eventually(lambda: held(client, mappings.SLOTS, f"{name}/0"))
        removed: list[str] = []
        listener = (
            client.get_map(mappings.SLOTS)
            .blocking()
            .add_entry_listener(removed_func=lambda event: removed.append(event.key))
        )
        with trading(hazelcast, f"{name}-other"):
            eventually(lambda: held(client, mappings.CONTROL, f"{name}-other"))
        client.get_map(mappings.SLOTS).blocking().remove_entry_listener(listener)
        assert removed == []
        assert held(client, mappings.SLOTS, f"{name}/0") is not None


def test_an_order_that_ended_while_its_follower_was_dead_ends_in_the_cluster(
    hazelcast: ClusterAddress, client: Any, name: str, tmp_path: Path
) -> None:
    venue = SimulatedVenue(balances={"USDT": "10000"})
    kernel = opened(
        venue,
        projection=FollowedProjection(hazelcast),
        name=name,
        log_dir=tmp_path / "log",
        remembered_orders=8,
    )
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
    resting = {"order_type": "LIMIT", "limit_price": "50000"}
    kernel.process_intent(intent(ENTER, "i1", **resting))
    kernel.process_intent(intent(ENTER, "i2", slot_id=1, trade_id="t2", **resting))
    kernel.sync()
    first, second = (order.venue_client_id for order in kernel.orders())

    def status(client_id: str) -> str | None:
        there = held(client, mappings.ORDERS, f"{name}/{client_id}")
        return None if there is None else str(there["status"])

    eventually(lambda: (status(first), status(second)) == ("ACKED", "ACKED"))
    os.kill(kernel.health()["followers"]["projection"]["pid"], signal.SIGKILL)
    # The first is forgotten by the core before anybody looks again, the second is not.
    kernel.process_intent(intent(CANCEL, "c1"))
    for number in range(10):
        kernel.process_intent(intent(ENTER, f"e{number}", trade_id=f"u{number}", **resting))
        kernel.process_intent(intent(CANCEL, f"c{number}u", trade_id=f"u{number}"))
    kernel.process_intent(intent(CANCEL, "c2", slot_id=1, trade_id="t2"))
    kernel.sync()
    assert first not in {order.venue_client_id for order in kernel.orders()}
    eventually(lambda: (status(first), status(second)) == ("FORGOTTEN", "CANCELED"))
    kernel.close()


def test_what_a_run_that_is_over_left_goes(hazelcast: ClusterAddress, client: Any, name: str) -> None:
    with trading(hazelcast, name, max_slots=4) as kernel:
        kernel.process_intent(intent(ENTER, "i1", slot_id=3))
        eventually(
            lambda: (held(client, mappings.SLOTS, f"{name}/3") or {}).get("fsm_state") == "POSITION_OPEN"
        )
    # The next one has no log, and so no position.
    with trading(hazelcast, name) as kernel:
        eventually(lambda: held(client, mappings.SLOTS, f"{name}/3") is None)
        eventually(lambda: held(client, mappings.CONTROL, name))


def test_a_newer_run_that_is_over_does_not_outlive_an_older_log(
    hazelcast: ClusterAddress, client: Any, name: str, tmp_path: Path
) -> None:
    log_dir = tmp_path / "log"
    with trading(hazelcast, name, log_dir=log_dir) as kernel:
        kernel.process_intent(intent(ENTER, "i1", trade_id="real"))
    with trading(hazelcast, name) as kernel:
        kernel.process_intent(intent(ENTER, "i1", trade_id="trial"))
        eventually(lambda: (held(client, mappings.SLOTS, f"{name}/0") or {}).get("trade_id") == "trial")
    with trading(hazelcast, name, log_dir=log_dir):
        eventually(lambda: (held(client, mappings.SLOTS, f"{name}/0") or {}).get("trade_id") == "real")


@pytest.mark.parametrize(
    ("given", "kernel_name", "log", "nonce", "shown"),
    [
        ("projection's", "kernel's", "logs", "nonce", "projection's"),
        (None,           "kernel's", "logs", "nonce", "kernel's"),
        (None,           None,       "logs", "nonce", "logs"),
        (None,           None,       None,   "nonce", "nonce"),
        (None,           None,       None,   7,       "main"),
    ],
)  # fmt: skip
def test_one_rule_names_a_kernel(
    hazelcast: ClusterAddress,
    tmp_path: Path,
    given: str | None,
    kernel_name: str | None,
    log: str | None,
    nonce: str | int,
    shown: str,
) -> None:
    own = open_client(hazelcast)
    projection = build_projection(own, given)
    assert isinstance(projection, HazelcastProjection)
    with ExecutionKernel(
        projection=projection,
        name=kernel_name,
        log_dir=None if log is None else tmp_path / log,
        instance_nonce=nonce,
    ):
        assert projection.kernel == shown
    own.shutdown()


def test_a_kernel_waits_for_no_cluster_to_learn_its_name() -> None:
    began = time.monotonic()
    projection = HazelcastProjection.open("hazelcast://127.0.0.1:9/dita", "nobody", close_timeout_s=0.1)
    with opened(SimulatedVenue(balances={"USDT": "10000"}), projection=projection) as kernel:
        assert time.monotonic() - began < 2
        assert kernel.health()["plane_errors"] == 0
