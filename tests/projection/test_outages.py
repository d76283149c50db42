"""The projection while its cluster is away, loses a member, or comes back with nothing."""

import itertools
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from clusters import address_of, cluster, eventually, free_port, grown
from dita import SimulatedVenue, VenueOrder
from dita.cluster import ClusterAddress, connected, mappings
from dita.cluster.member import Member
from dita.projection.cluster import ENDED_ORDERS_MAX, HazelcastProjection
from kernels import ENTER, EXIT, SYMBOL, intent, opened

SLOTS = 8


def trading(address: ClusterAddress | str, name: str) -> tuple[Any, HazelcastProjection]:
    venue = SimulatedVenue(balances={"USDT": "1000000"})
    projection = HazelcastProjection.open(address, name, refresh_s=0.05)
    kernel = opened(venue, projection=projection, max_slots=SLOTS)
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
    return kernel, projection


def trade(kernel: Any, numbers: range) -> None:
    """Some trades; each slot carries another one in the end."""
    for number in numbers:
        slot_id, trade_id = number % SLOTS, f"t{number}"
        if kernel.slot(slot_id).is_open():
            kernel.process_intent(
                intent(EXIT, f"x{number}", slot_id=slot_id, trade_id=kernel.slot(slot_id).trade_id)
            )
        else:
            kernel.process_intent(intent(ENTER, f"i{number}", slot_id=slot_id, trade_id=trade_id))


def slots_in(address: ClusterAddress, name: str) -> dict[str, dict[str, Any]]:
    """What the cluster holds of a kernel's slots."""
    with connected(address) as client:
        held = client.get_map(mappings.SLOTS).blocking().entry_set()
        return {key: json.loads(value.to_string()) for key, value in held if key.startswith(f"{name}/")}


def differences(address: ClusterAddress, name: str, kernel: Any) -> dict[str, Any]:
    """What the cluster holds of each slot, and what the kernel has, where the two differ."""
    fields = ("trade_id", "size", "fsm_state", "realized_pnl")
    held = {key: tuple(value[field] for field in fields) for key, value in slots_in(address, name).items()}
    own = {
        f"{name}/{slot.slot_id}": (
            slot.trade_id,
            format(slot.size, "f"),
            slot.fsm_state,
            format(slot.realized_pnl, "f"),
        )
        for slot in (view.snapshot() for view in kernel.state.slots if view.trade_id)
    }
    return {
        key: (held.get(key), own.get(key))
        for key in held.keys() | own.keys()
        if held.get(key) != own.get(key)
    }


def agrees(address: ClusterAddress, name: str, kernel: Any) -> bool:
    """Whether the cluster holds each slot as the kernel has it."""
    return not differences(address, name, kernel)


def test_a_kernel_without_its_cluster_trades_on_and_everything_follows(tmp_path: Path) -> None:
    port = free_port()
    address = ClusterAddress((f"127.0.0.1:{port}",), "dita-tests")
    kernel, projection = trading(address, "away")
    began = time.monotonic()
    trade(kernel, range(200))
    assert time.monotonic() - began < 5
    standing = eventually(lambda: (now := projection.standing())["failures"] and now)
    assert standing["away_seconds"] > 0
    assert standing["conflated"] > 100
    assert standing["waiting"] <= SLOTS + 200 + 4
    assert kernel.health()["plane_errors"] == 0
    reported = eventually(lambda: kernel.health()["projection"]["trouble"])
    assert "nobody listens there: start a member with `dita hazelcast up`" in reported
    try:
        # It comes for the first time.
        first = grown(tmp_path, port=port)
        assert projection.flush(30)
        assert agrees(address, "away", kernel)
        eventually(lambda: kernel.health()["projection"]["trouble"] == "")
        # It is gone, the kernel trades on, and it comes back with nothing.
        first.kill()
        trade(kernel, range(200, 260))
        eventually(lambda: projection.standing()["away_seconds"] > 0)
        grown(tmp_path, port=port)
        eventually(lambda: projection.flush(0.1) and agrees(address, "away", kernel))
        # What did not change while it was away is there again, too: all of it was filled in.
        with connected(address) as client:
            for name in (mappings.CONTROL, mappings.HEALTH):
                assert client.get_map(name).blocking().get("away") is not None
            assert client.get_map(mappings.ACCOUNT).blocking().get("away/USDT") is not None
            assert client.get_map(mappings.ORDERS).blocking().size() == len(kernel.orders())
    finally:
        for one in cluster_members(tmp_path):
            one.kill()
        kernel.close()


def cluster_members(state: Path) -> list[Member]:
    from dita.cluster import member  # noqa: PLC0415 - beside its use

    return member.members(state=state)


def test_a_member_of_three_dies_in_the_middle_and_nothing_is_lost(tmp_path: Path) -> None:
    with cluster(tmp_path, members=3) as members:
        address = address_of(members)
        kernel, projection = trading(address, "three")
        numbers = itertools.count()
        trade(kernel, range(next(numbers), 50))
        assert projection.flush(30)
        with connected(address) as client:
            assert len(client.cluster_service.get_members()) == 3
        trade(kernel, range(50, 100))
        members[0].kill()
        trade(kernel, range(100, 150))
        left = address_of(members[1:])
        eventually(
            lambda: projection.flush(0.1) and agrees(left, "three", kernel),
            60,
            instead=lambda: (projection.standing(), differences(left, "three", kernel)),
        )
        with connected(left) as client:
            assert len(client.cluster_service.get_members()) == 2
        kernel.close()


def test_a_member_that_hangs_holds_nothing_up_for_long(tmp_path: Path) -> None:
    with cluster(tmp_path) as members:
        address = address_of(members)
        kernel, projection = trading(address, "hangs")
        trade(kernel, range(20))
        assert projection.flush(30)
        os.kill(members[0].pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            trade(kernel, range(20, 120))
            assert time.monotonic() - began < 5
            assert projection.standing()["in_flight"] <= 256
        finally:
            os.kill(members[0].pid, signal.SIGCONT)
        eventually(lambda: projection.flush(0.1) and agrees(address, "hangs", kernel), 60)
        kernel.close()


def test_a_cluster_of_another_name_is_reported_and_the_kernel_goes_on(hazelcast: ClusterAddress) -> None:
    kernel, projection = trading(ClusterAddress(hazelcast.members, "another"), "misnamed")
    trade(kernel, range(10))
    reported = eventually(lambda: kernel.health()["projection"]["trouble"])
    assert "takes no client of a cluster named 'another'" in reported
    trade(kernel, range(10, 20))
    projection._close_timeout_s = 0.1
    kernel.close()
    assert slots_in(hazelcast, "misnamed") == {}


def test_orders_that_end_while_the_cluster_is_away_do_not_pile_up() -> None:
    projection = HazelcastProjection.open(f"hazelcast://127.0.0.1:{free_port()}/dita", "pile")
    ended = VenueOrder(
        venue_client_id="c", asset=SYMBOL, side="LONG", order_side="BUY", intended_size=1, status="CANCELED"
    )
    for number in range(3 * ENDED_ORDERS_MAX):
        fields = {**ended.to_dict(), "venue_client_id": f"c{number}"}
        projection.advance(number)
        projection.write_order(VenueOrder.from_dict(fields))
    eventually(lambda: not projection._writer._given)
    assert projection.standing()["waiting"] <= ENDED_ORDERS_MAX
    projection._close_timeout_s = 0.1
    projection.close()


def test_a_kernel_closes_in_time_without_its_cluster() -> None:
    kernel, _projection = trading(f"hazelcast://127.0.0.1:{free_port()}/dita", "gone")
    trade(kernel, range(10))
    kernel._followers.projection._close_timeout_s = 0.2
    began = time.monotonic()
    kernel.close()
    assert time.monotonic() - began < 5
    with pytest.raises(Exception, match="closed"):
        kernel.process_intent(intent(ENTER, "late"))
