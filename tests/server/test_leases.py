"""Leases: who holds which slots, over deaths of programs and of the server."""

from collections.abc import Callable
from decimal import Decimal

import pytest

import dita
from dita import KernelIntent, ServerRefused
from dita._kernel import log_stats
from serving import Served

SYMBOL = "BTCUSDT"
SECRET = "a secret of the test's own"  # noqa: S105 - nobody else's
HOLDS = """
from dita import KernelIntent
kernel = dita.connect(SOCKET, name="mine", slots=2, on_loss={policy!r}, grace_s={grace})
def enter(slot, name, **more):
    given = dict(side="LONG", target_size="0.01", action="ENTER")
    intent = KernelIntent(intent_id=name, slot_id=slot, trade_id="t-" + name, asset="BTCUSDT", timestamp=1,
                          **{{**given, **more}})
    return kernel.process_intent(intent)
first, second = kernel.slots
print(enter(first, "held").state, enter(second, "rests", order_type="LIMIT", limit_price="50000.0").state,
      first, second, flush=True)
input()
"""


def entry(slot: int, name: str, **fields: object) -> KernelIntent:
    given: dict[str, object] = {"trade_id": f"t-{name}", "asset": SYMBOL, "side": "LONG", "action": "ENTER"}
    return KernelIntent(
        intent_id=name, slot_id=slot, timestamp=1, **{"target_size": "0.01", **given, **fields}
    )


def killed(served: Served, policy: str, grace: float) -> tuple[int, int]:
    """Let a program take a position and rest an order, and kill it; return its two slots."""
    program = served.program(HOLDS.format(policy=policy, grace=grace))
    assert program.stdout is not None
    said = program.stdout.readline().split()
    assert said[:2] == ["POSITION_OPEN", "ENTRY_WORKING"], program.communicate()
    program.kill()
    program.communicate()
    return int(said[2]), int(said[3])


def stages(served: Served) -> dict[int, str]:
    slots = served.ask("status")["accounts"]["main"]["slots"]
    return {slot["slot_id"]: slot["fsm_state"] for slot in slots}


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        ("keep", ["POSITION_OPEN", "ENTRY_WORKING"]),
        ("cancel", ["POSITION_OPEN"]),
        ("flatten", []),
    ],
)
def test_the_policy_acts_once_the_program_was_away_for_its_grace(
    served: Served, policy: str, left: list[str]
) -> None:
    killed(served, policy, 0.2)
    served.wait(lambda: served.leases().get("mine", {"settled": True})["settled"])
    served.wait(lambda: sorted(stages(served).values(), reverse=True) == left)
    if not left:
        served.wait(lambda: served.leases() == {})


def test_within_its_grace_nothing_is_done_and_the_program_has_its_slots_again(served: Served) -> None:
    slots = killed(served, "flatten", 60)
    with pytest.raises(ServerRefused):
        dita.connect(served.socket, name="other", slots=7)
    kernel = dita.connect(served.socket, name="mine", slots=2, grace_s=60)
    assert kernel.slots == slots
    assert sorted(stages(served).values()) == ["ENTRY_WORKING", "POSITION_OPEN"]
    reported: list[dita.server.Notification] = []
    kernel.subscribe(reported.append)
    kernel.poll(10)
    assert reported[0].kind == "slots"
    assert {slot.slot_id for slot in reported[0].slots} == set(slots)
    kernel.hang_up()


def test_a_lease_outlives_the_server_and_its_policy_acts_after_a_restart(
    serve: Callable[..., Served],
) -> None:
    one = serve()
    one.quote()
    slots = killed(one, "cancel", 1.0)
    one.kill()
    one.start()
    one.quote()
    lease = one.leases()["mine"]
    assert (tuple(lease["slots"]), lease["policy"], lease["grace_s"], lease["pid"]) == (
        slots,
        "cancel",
        1.0,
        None,
    )
    assert sorted(stages(one).values()) == ["ENTRY_WORKING", "POSITION_OPEN"]
    one.wait(lambda: list(stages(one).values()) == ["POSITION_OPEN"])


def test_a_lease_is_a_record_that_no_step_sees(serve: Callable[..., Served]) -> None:
    one = serve()
    with dita.connect(one.socket, name="mine"):
        pass
    one.wait(lambda: one.leases() == {})
    assert one.stop() == 0
    counts = {row["type"]: row["records"] for row in log_stats(one.directory.log("main"))["types"]}
    assert counts["LEASE"] >= 2
    one.start()
    assert one.leases() == {}


def test_closing_gives_the_lease_back_and_its_policy_acts_at_once(served: Served) -> None:
    kernel = dita.connect(served.socket, name="mine", on_loss="flatten", grace_s=3600)
    kernel.process_intent(entry(kernel.slots[0], "a"))
    kernel.close()
    kernel.close()
    served.wait(lambda: stages(served) == {} and served.leases() == {})


def test_a_secret_keeps_others_of_the_same_user_from_a_lease(serve: Callable[..., Served]) -> None:
    one = serve()
    dita.connect(one.socket, name="mine", grace_s=3600, secret=SECRET).hang_up()
    for secret in (None, "", f"{SECRET}s"):
        with pytest.raises(ServerRefused, match="another secret") as caught:
            dita.connect(one.socket, name="mine", secret=secret)
        assert caught.value.code == "SECRET"
    one.kill()
    one.start()
    with pytest.raises(ServerRefused, match="another secret"):
        dita.connect(one.socket, name="mine")
    dita.connect(one.socket, name="mine", secret=SECRET, grace_s=0).close()
    assert one.stop() == 0
    for file in one.directory.path.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()


def test_an_intent_that_is_sent_again_has_its_first_outcome(served: Served) -> None:
    kernel = dita.connect(served.socket, name="mine", comes_back_s=60)
    first = kernel.process_intent(entry(kernel.slots[0], "a"))
    # The server stands still, so that the next intent has no answer, and its program's line is cut.
    served.stand_still()
    number = kernel.link.start(
        [entry(kernel.slots[0], "x", action="EXIT", trade_id="t-a", target_size="0.01")]
    )
    served.kill()
    served.start()
    served.quote()
    outcomes = served.wait(lambda: kernel.link.taken(number))
    assert [one.intent_id for one in kernel.orders() if one.intent_id == "mine:x"] in (["mine:x"], [])
    assert outcomes[0].trade_id == first.trade_id
    again = kernel.process_intent(entry(kernel.slots[0], "a"))
    assert again.diagnostic_code == "DUPLICATE_INTENT"
    assert again.details["first_seq"] > 0
    kernel.hang_up()


def test_a_server_that_is_restarted_is_waited_for_and_nothing_is_taken_twice(
    serve: Callable[..., Served],
) -> None:
    one = serve()
    one.quote()
    program = one.program(
        """
        from dita import KernelIntent
        kernel = dita.connect(SOCKET, name="mine", comes_back_s=60, grace_s=60)
        (slot,) = kernel.slots
        print("on", flush=True)
        taken = 0
        def send(action, turn):
            return kernel.process_intent(KernelIntent(
                intent_id=f"n{taken}-{action}-{turn}", slot_id=slot, trade_id=f"n{taken}", asset="BTCUSDT",
                side="LONG", action=action, target_size="0.001", timestamp=1, reference_price="60000"))
        while taken < 400:
            send("ENTER", 0)
            turn = 0
            # A server that has just come back has no market yet: its venue refuses both.
            while kernel.slot(slot).size:
                send("EXIT", turn)
                turn += 1
            taken += 1
            if taken == 20:
                print("going", flush=True)
        orders = [one.intent_id for one in kernel.orders()]
        print(len(orders), len(set(orders)), kernel.slot(slot).size, flush=True)
        kernel.close()
        """
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "on\n"
    assert program.stdout.readline() == "going\n"
    one.kill()
    one.start()
    one.quote()
    said = program.stdout.readline().split()
    _, errors = program.communicate(timeout=60)
    assert said, errors
    assert said[0] == said[1]
    assert Decimal(said[2]) == 0
