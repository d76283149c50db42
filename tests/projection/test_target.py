"""The projection as a follower's target: a log, followed to its end, is what the cluster holds."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clusters import eventually
from dita import FollowedProjection, NotYetSupported, SimulatedVenue
from dita.cluster import ClusterAddress, connected, mappings
from dita.follow import Follower, TargetRefused
from dita.follow.projection import ProjectionTarget
from kernels import ENTER, EXIT, SYMBOL, intent, opened
from logged import Desk, busy


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A kernel that has traded, with a log."""
    desk = busy(tmp_path_factory.mktemp("desk") / "log")
    desk.kernel.sync()
    yield desk
    desk.kernel.close()


def held(client: Any, name: str, kernel: str) -> dict[str, dict[str, Any]]:
    entries = client.get_map(name).blocking().entry_set()
    found = {key: json.loads(value.to_string()) for key, value in entries}
    return {key: value for key, value in found.items() if key.split("/")[0] == kernel}


def test_a_log_that_is_followed_is_what_the_cluster_holds(hazelcast: ClusterAddress, desk: Desk) -> None:
    target = ProjectionTarget(str(hazelcast), "followed", Path(desk.log_dir))
    Follower(desk.log_dir, target, kernel="followed").run(until_end=True)
    with connected(hazelcast) as client:
        slots = held(client, mappings.SLOTS, "followed")
        used = [slot for slot in desk.kernel.snapshot()["slots"] if slot["trade_id"]]
        assert len(slots) == len(used) > 0
        for slot in used:
            there = slots[f"followed/{slot['slot_id']}"]
            assert (there["trade_id"], there["fsm_state"]) == (slot["trade_id"], slot["fsm_state"])
            assert Decimal(there["size"]) == slot["size"]
            assert there["run"] > 0
            assert there["seq"] <= desk.kernel.seq
        account = held(client, mappings.ACCOUNT, "followed")["followed/USDT"]
        assert Decimal(account["k_capital"]) == desk.kernel.account.capital
        orders = held(client, mappings.ORDERS, "followed")
        live = {order.venue_client_id for order in desk.kernel.orders(live_only=True)}
        assert {one["venue_client_id"] for one in orders.values() if one["live"]} == live
        assert held(client, mappings.CONTROL, "followed")["followed"]["gate"] == "NORMAL"
        assert held(client, mappings.HEALTH, "followed")["followed"]["follower"]["state"] == "STOPPED"
        mappings.set_up(client)
        entries = "SELECT slot_id, active_entry_order, seen_event_ids FROM dita_slots WHERE kernel = ?"
        for row in client.sql.execute(entries, "followed").result():
            slot_id, entry, seen = (row.get_object_with_index(column) for column in range(3))
            known = desk.kernel.snapshot()["slots"][slot_id]
            if known["active_entry_order"] is not None:
                theirs = json.loads(str(entry))["venue_client_id"]
                assert theirs == known["active_entry_order"]["venue_client_id"]
            assert json.loads(str(seen)) == list(known["seen_event_ids"])
        for table in map(mappings.table_of, mappings.MAPPINGS):
            rows = client.sql.execute(f"SELECT * FROM {table} WHERE kernel = ?", "followed").result()  # noqa: S608 - ours
            assert len(list(rows)) >= 1, table


@pytest.mark.parametrize("has_log", [True, False])
def test_a_kernel_spawns_its_own(hazelcast: ClusterAddress, tmp_path: Path, *, has_log: bool) -> None:
    name = f"spawned-{has_log}"
    venue = SimulatedVenue(balances={"USDT": "10000"})
    projection = FollowedProjection(str(hazelcast))
    log_dir = tmp_path / "log" if has_log else None
    with (
        opened(venue, projection=projection, log_dir=log_dir, name=name) as kernel,
        connected(hazelcast) as client,
    ):
        venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
        kernel.process_intent(intent(ENTER, "i1"))
        assert projection.flush()
        there = eventually(lambda: held(client, mappings.SLOTS, name).get(f"{name}/0"))
        assert (there["trade_id"], there["fsm_state"]) == ("t1", "POSITION_OPEN")
        kernel.process_intent(intent(EXIT, "x1"))
        eventually(lambda: held(client, mappings.SLOTS, name)[f"{name}/0"]["fsm_state"] == "CLOSED")
        assert kernel.health()["followers"]["projection"]["state"] == "FOLLOWING"
        with pytest.raises(NotYetSupported):
            projection.write_slot(kernel.slot(0).snapshot())


def test_what_cannot_be_a_cluster_is_refused(desk: Desk) -> None:
    target = ProjectionTarget("nonsense", "followed", Path(desk.log_dir))
    with pytest.raises(TargetRefused, match="reads like hazelcast://"):
        Follower(desk.log_dir, target, kernel="followed").run(until_end=True)
