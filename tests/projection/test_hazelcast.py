"""The projection in a real cluster: what is there, who wins, and what an analyst asks."""

import itertools
import json
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clusters import eventually, held
from dita import (
    ControlUpdate,
    ExecutionKernel,
    KernelEventKind,
    MockVenueAdapter,
    SimulatedVenue,
    TradeSlot,
    VenueOrder,
    build_projection,
)
from dita.cluster import ClusterAddress, mappings, open_client
from dita.errors import InvalidInput
from dita.projection import wire
from dita.projection.cluster import HazelcastProjection, run_of_log
from dita.projection.newest import Key, NewestWriter, Stamp, State, stamp_of
from kernels import ENTER, EXIT, SYMBOL, ack, event, fill, intent, opened

_NAMES = itertools.count()


@pytest.fixture
def name() -> str:
    """A kernel's name that no other test has."""
    return f"k{next(_NAMES)}"


def trading(venue: SimulatedVenue, projection: HazelcastProjection, **options: Any) -> ExecutionKernel:
    kernel = opened(venue, projection=projection, **options)
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
    return kernel


def venue() -> SimulatedVenue:
    return SimulatedVenue(balances={"USDT": "10000"})


def slot(size: str) -> TradeSlot:
    return TradeSlot(slot_id=0, trade_id="t", asset=SYMBOL, side="LONG", entry_price=1, size=size)


def test_the_cluster_holds_the_kernels_newest_state(
    hazelcast: ClusterAddress, client: Any, name: str
) -> None:
    projection = HazelcastProjection.open(hazelcast, name)
    with trading(venue(), projection) as kernel:
        kernel.process_intent(intent(ENTER, "i1"))
        kernel.update_control(ControlUpdate(frozen=True, updated_by="ops"))
        assert projection.flush()
        there = held(client, mappings.SLOTS, f"{name}/0")
        assert there is not None
        head = {field: there.pop(field) for field in ("kernel", "run", "seq")}
        assert TradeSlot.from_dict(there) == kernel.slot(0).snapshot()
        assert (head["kernel"], head["seq"]) == (name, there_seq(kernel, head["seq"]))
        (order,) = kernel.orders()
        there = held(client, mappings.ORDERS, f"{name}/{order.venue_client_id}")
        assert there is not None
        assert VenueOrder.from_dict({field: there[field] for field in order.to_dict()}) == order
        account = eventually(lambda: held(client, mappings.ACCOUNT, f"{name}/USDT"))
        assert Decimal(account["k_capital"]) == kernel.account.capital
        control = eventually(lambda: (now := held(client, mappings.CONTROL, name)) and now["frozen"] and now)
        assert control["updated_by"] == "ops"
        assert held(client, mappings.HEALTH, name) is not None
        kernel.process_intent(intent(EXIT, "x1"))
        last_capital = kernel.account.capital
    account = held(client, mappings.ACCOUNT, f"{name}/USDT")
    assert account is not None
    assert Decimal(account["k_capital"]) == last_capital
    health = held(client, mappings.HEALTH, name)
    assert health is not None
    assert health["closed"] is True


def there_seq(kernel: ExecutionKernel, seq: int) -> int:
    """The number is one of the kernel's inputs."""
    assert 0 < seq <= kernel.seq
    return seq


def test_a_mark_reaches_an_open_slot_without_a_transition(
    hazelcast: ClusterAddress, client: Any, name: str
) -> None:
    with trading(venue(), HazelcastProjection.open(hazelcast, name, refresh_s=0.02)) as kernel:
        kernel.process_intent(intent(ENTER, "i1"))
        kernel.mark_price(SYMBOL, "61000")

        def pnl() -> bool:
            there = held(client, mappings.SLOTS, f"{name}/0")
            return there is not None and there["unrealized_pnl"] == "9.999"

        eventually(pnl)


def test_orders_are_followed_to_their_end_when_the_slot_has_let_go_of_them(
    hazelcast: ClusterAddress, client: Any, name: str
) -> None:
    projection = HazelcastProjection.open(hazelcast, name)
    with trading(venue(), projection) as kernel:
        for number in range(3):
            kernel.process_intent(intent(ENTER, f"i{number}", trade_id=f"t{number}"))
            kernel.process_intent(intent(EXIT, f"x{number}", trade_id=f"t{number}"))
        assert projection.flush()
        ids = [order.venue_client_id for order in kernel.orders()]
        there = [held(client, mappings.ORDERS, f"{name}/{one}") for one in ids]
        assert [one and one["status"] for one in there] == ["FILLED"] * 6


def test_every_order_that_was_shown_is_followed_to_its_end(
    hazelcast: ClusterAddress, client: Any, name: str
) -> None:
    """By hand, so that each is seen at work before the slot goes on to another trade."""
    projection = HazelcastProjection.open(hazelcast, name)
    kernel = opened(MockVenueAdapter(), projection=projection)
    for number in range(3):
        trade = {"trade_id": f"t{number}"}
        kernel.process_intent(intent(ENTER, f"i{number}", **trade))
        settle(kernel, f"i{number}", "f")
        stop = {
            "order_type": "STOP_MARKET",
            "trigger_price": "59000",
            "target_size": "0.01",
            "oco_group": "g",
        }
        take = {
            "order_type": "TAKE_PROFIT",
            "trigger_price": "63000",
            "target_size": "0.01",
            "oco_group": "g",
        }
        kernel.process_intent(intent(EXIT, f"s{number}", **trade, **stop))
        kernel.process_intent(intent(EXIT, f"p{number}", **trade, **take))
        for one in (f"s{number}", f"p{number}"):
            kernel.on_venue_event(ack(order_of(kernel, one)))
        assert projection.flush()
        settle(kernel, f"s{number}", "x")
        kernel.on_venue_event(event(KernelEventKind.CANCEL_ACK, order_of(kernel, f"p{number}")))
    assert projection.flush()
    shown = {order.intent_id: status_in(client, name, order) for order in kernel.orders()}
    assert shown == {order.intent_id: order.status for order in kernel.orders()}
    assert set(shown.values()) == {"FILLED", "CANCELED"}
    kernel.close()


def order_of(kernel: ExecutionKernel, intent_id: str) -> VenueOrder:
    (order,) = [order for order in kernel.orders() if order.intent_id == intent_id]
    return order


def settle(kernel: ExecutionKernel, intent_id: str, name: str) -> None:
    order = order_of(kernel, intent_id)
    kernel.on_venue_event(ack(order))
    kernel.on_venue_event(fill(order, name=name))


def status_in(client: Any, name: str, order: VenueOrder) -> str | None:
    there = held(client, mappings.ORDERS, f"{name}/{order.venue_client_id}")
    return None if there is None else str(there["status"])


def test_analysts_ask_in_sql(hazelcast: ClusterAddress, client: Any, name: str) -> None:
    projection = HazelcastProjection.open(hazelcast, name)
    with trading(venue(), projection) as kernel:
        kernel.process_intent(intent(ENTER, "i1"))
        assert projection.flush()
        assert mappings.set_up(client) == mappings.set_up(client)
        asked = "SELECT asset, side, size, unrealized_pnl FROM dita_slots WHERE fsm_state = 'POSITION_OPEN'"
        rows = [
            tuple(row.get_object_with_index(column) for column in range(4))
            for row in client.sql.execute(f"{asked} AND kernel = ?", name).result()
        ]
        open_slot = kernel.slot(0)
        assert rows == [(SYMBOL, "LONG", open_slot.size, open_slot.unrealized_pnl)]
        nested = "exit_leg_ratios, active_entry_order, active_exit_order, seen_event_ids, metadata"
        (row,) = client.sql.execute(f"SELECT {nested} FROM dita_slots WHERE kernel = ?", name).result()  # noqa: S608 - ours
        ratios, entry, leaving, seen, metadata = (row.get_object_with_index(column) for column in range(5))
        assert json.loads(str(ratios)) == ["1"]
        assert json.loads(str(entry))["venue_client_id"] == open_slot.active_entry_order.venue_client_id
        assert json.loads(str(leaving)) is None
        assert json.loads(str(metadata)) == {}
        assert json.loads(str(seen)) == list(open_slot.seen_event_ids)
        for table in map(mappings.table_of, mappings.MAPPINGS):
            mine = client.sql.execute(f"SELECT * FROM {table} WHERE kernel = ?", name).result()  # noqa: S608 - ours
            assert len(list(mine)) >= 1, table


def test_a_late_writer_never_overwrites_a_newer_value(
    hazelcast: ClusterAddress, client: Any, name: str
) -> None:
    late = HazelcastProjection.open(hazelcast, name, run=7, sweep_s=0.05)
    newer = HazelcastProjection.open(hazelcast, name, run=7)
    try:
        late.advance(3)
        late.write_slot(slot("3"))
        assert late.flush()
        newer.advance(5)
        newer.write_slot(slot("5"))
        assert newer.flush()
        late.advance(4)
        late.write_slot(slot("4"))
        assert late.flush()
        # It holds what it has against the cluster's again and again, and still leaves it.
        eventually(lambda: late.standing()["late"] > 2)
        there = held(client, mappings.SLOTS, f"{name}/0")
        assert there is not None
        assert (there["seq"], there["size"]) == (5, "5")
        late.advance(6)
        late.write_slot(slot("6"))
        assert late.flush()
        there = held(client, mappings.SLOTS, f"{name}/0")
        assert there is not None
        assert (there["seq"], there["size"]) == (6, "6")
    finally:
        late.close()
        newer.close()


def test_two_writers_that_take_turns_lose_nothing(hazelcast: ClusterAddress, client: Any, name: str) -> None:
    writers = [HazelcastProjection.open(hazelcast, name, run=7) for _ in range(2)]
    try:
        for seq in range(1, 11):
            # What this one last saw there is not what is there now.
            writer = writers[seq % 2]
            writer.advance(seq)
            writer.write_slot(slot(str(seq)))
            assert writer.flush()
            there = held(client, mappings.SLOTS, f"{name}/0")
            assert there is not None
            assert there["seq"] == seq
    finally:
        for writer in writers:
            writer.close()


def test_two_writers_that_race_end_with_the_newest(hazelcast: ClusterAddress, client: Any, name: str) -> None:
    writers = [HazelcastProjection.open(hazelcast, name, run=7) for _ in range(3)]
    try:
        for seq in range(1, 301):
            writer = writers[seq % 3]
            writer.advance(seq)
            writer.write_slot(slot(str(seq)))
        for writer in writers:
            assert writer.flush(30)
        there = held(client, mappings.SLOTS, f"{name}/0")
        assert there is not None
        assert there["seq"] == 300
    finally:
        for writer in writers:
            writer.close()


@pytest.mark.parametrize("otherwise", [None, ("_INVOCATION", {"request"}), ("_FINAL", 0)])
def test_the_newest_wins_whether_the_client_or_we_write_the_requests(
    hazelcast: ClusterAddress,
    client: Any,
    name: str,
    otherwise: tuple[str, Any] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that is made otherwise, or writes other bytes, is asked in its own words."""
    if otherwise is not None:
        monkeypatch.setattr(wire, *otherwise)
    key = Key(mappings.SLOTS, f"{name}/0")
    writers = [NewestWriter(client) for _ in range(2)]
    try:
        for seq in range(1, 101):
            # In pairs, so that a writer that knows what is there is overtaken, too.
            writer = writers[seq // 2 % 2]
            writer.put(
                key, State(Stamp(1, seq), partial(json.dumps, {"é": seq}), 0, f'{{"run":1,"seq":{seq}')
            )
            if seq % 5:
                assert writer.flush(10)
        for writer in writers:
            assert writer.flush(10)
            assert writer.failures == 0
            assert (writer._requests[mappings.SLOTS] is None) == (otherwise is not None)
        assert held(client, *key) == {"run": 1, "seq": 100, "é": 100}
    finally:
        for writer in writers:
            writer.close(1)


def test_who_gives_without_a_pause_does_not_keep_it_from_sending(
    hazelcast: ClusterAddress, client: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Key(mappings.SLOTS, f"{name}/0")
    done: list[str] = []
    merge, send = NewestWriter._merge, NewestWriter._send

    def merged(self: NewestWriter, key: Key, state: State, now: float) -> None:
        done.append("took")
        if len(done) < 1_000:
            self._given[key] = state
        merge(self, key, state, now)

    def sent(self: NewestWriter, count_max: int) -> None:
        done.append("sent")
        send(self, count_max)

    monkeypatch.setattr(NewestWriter, "_merge", merged)
    monkeypatch.setattr(NewestWriter, "_send", sent)
    writer = NewestWriter(client)
    try:
        writer.put(key, State(Stamp(1, 1), partial(json.dumps, {"run": 1, "seq": 1})))
        assert writer.flush(20)
        assert "took took" not in " ".join(done)
        assert done.count("took") > 100
    finally:
        writer.close(1)


def test_what_is_read_beside_the_kernel_neither_hides_nor_loses_anything(
    hazelcast: ClusterAddress, client: Any, name: str
) -> None:
    writer = NewestWriter(client)
    try:
        for given, read, newest in ((1, 2, 2), (4, 3, 4), (5, 5, 5)):
            key = Key(mappings.SLOTS, f"{name}/{given}")
            for put, seq in ((writer.put, given), (writer.offer, read)):
                put(key, State(Stamp(1, seq), partial(json.dumps, {"run": 1, "seq": seq})))
            assert writer.flush(10)
            assert held(client, *key) == {"run": 1, "seq": newest}
    finally:
        writer.close(1)


def test_what_ended_leaves_the_memory_and_not_the_cluster(
    hazelcast: ClusterAddress, client: Any, name: str
) -> None:
    writer = NewestWriter(client, beat_s=0.01)
    shown, unseen = Key(mappings.ORDERS, f"{name}/shown"), Key(mappings.ORDERS, f"{name}/unseen")
    try:
        writer.put(shown, State(Stamp(1, 1), partial(json.dumps, {"run": 1, "seq": 1})))
        assert writer.flush(10)
        # Nothing leaves from here on, as while the cluster is away.
        writer._in_flight_max = 0
        for key in (shown, unseen):
            writer.put(key, State(Stamp(1, 2), partial(json.dumps, {"run": 1, "seq": 2})))
        eventually(lambda: not writer._given)
        for key in (shown, unseen):
            writer.forget(key)
        assert list(writer._entries) == [shown]
        writer._in_flight_max = 10
        assert writer.flush(10)
        assert held(client, *shown) == {"run": 1, "seq": 2}
        assert held(client, *unseen) is None
        assert list(writer._entries) == []
    finally:
        writer.close(1)


def test_a_kernel_that_begins_anew_is_newer_than_what_it_left(
    hazelcast: ClusterAddress, client: Any, name: str
) -> None:
    with trading(venue(), HazelcastProjection.open(hazelcast, name)) as kernel:
        for number in range(3):
            kernel.process_intent(intent(ENTER, f"i{number}", trade_id=f"t{number}"))
            kernel.process_intent(intent(EXIT, f"x{number}", trade_id=f"t{number}"))
    with trading(venue(), HazelcastProjection.open(hazelcast, name)) as kernel:
        kernel.process_intent(intent(ENTER, "i1", trade_id="again"))
        eventually(lambda: (held(client, mappings.SLOTS, f"{name}/0") or {}).get("trade_id") == "again")


def test_a_kernel_reopened_from_its_log_shows_all_of_it(
    hazelcast: ClusterAddress, client: Any, name: str, tmp_path: Path
) -> None:
    log_dir = tmp_path / "log"
    with trading(venue(), HazelcastProjection.open(hazelcast, name), log_dir=log_dir) as kernel:
        kernel.process_intent(intent(ENTER, "i1"))
    run = run_of_log(log_dir)
    other = f"{name}-again"
    with ExecutionKernel(
        venue=venue(), projection=HazelcastProjection.open(hazelcast, other), log_dir=log_dir
    ) as kernel:
        there = eventually(lambda: held(client, mappings.SLOTS, f"{other}/0"))
        assert there["run"] == run
        assert there["trade_id"] == kernel.slot(0).trade_id == "t1"
        assert eventually(lambda: held(client, mappings.CONTROL, other)) is not None


def test_a_value_altered_by_hand_is_put_right(hazelcast: ClusterAddress, client: Any, name: str) -> None:
    from hazelcast.core import HazelcastJsonValue  # noqa: PLC0415 - with the client, which knows its warnings

    projection = HazelcastProjection.open(hazelcast, name, sweep_s=0.05)
    try:
        projection.advance(5)
        projection.write_slot(slot("5"))
        assert projection.flush()
        slots = client.get_map(mappings.SLOTS).blocking()
        for wrong in ("no JSON value", HazelcastJsonValue("broken"), HazelcastJsonValue('{"run":1}')):
            slots.put(f"{name}/0", wrong)
            eventually(lambda: getattr(slots.get(f"{name}/0"), "to_string", str)().startswith('{"kernel"'))
        slots.remove(f"{name}/0")
        eventually(lambda: held(client, mappings.SLOTS, f"{name}/0"))
    finally:
        projection.close()


def test_build_projection_takes_a_client(hazelcast: ClusterAddress, client: Any, name: str) -> None:
    own = open_client(hazelcast)
    with opened(venue(), projection_client=own, instance_nonce=name) as kernel:
        assert kernel.health()["plane_errors"] == 0
        eventually(lambda: held(client, mappings.CONTROL, name))
    own.shutdown()
    with pytest.raises(InvalidInput, match="without '/'"):
        build_projection(client, kernel="a/b")


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ('{"run":3,"seq":9,"x":1}', Stamp(3, 9)),
        ('{"run":3}', Stamp(-1, -1)),
        ("[1]", Stamp(-1, -1)),
        ("no JSON", Stamp(-1, -1)),
        ('{"run":"a","seq":9}', Stamp(-1, -1)),
    ],
)
def test_a_value_without_a_stamp_is_older_than_any(text: str, stamp: Stamp) -> None:
    assert stamp_of(text) == stamp
