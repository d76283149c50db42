"""An intent that is sent again has its first outcome, also after the server was killed."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

import dita
from dita import KernelIntent, ServerAway
from raw_program import VERDICTS, Raw
from serving import Served


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close what is left open."""
    yield
    while Raw.opened:
        Raw.opened.pop().close()


def connected(served: Served, slots: int) -> Raw:
    raw = Raw(served)
    raw.hello("mine", slots=slots)
    assert raw.welcome()
    return raw


def answered(raw: Raw) -> bytes:
    """Return the next answer to intents, without its number; news may come before it."""
    while (message := raw.receive())[:1] != bytes([VERDICTS]):
        assert message, "the server has hung up"
    return message[5:]


def test_after_a_kill_of_the_server_each_intent_sent_again_has_its_first_outcome_byte_for_byte(
    serve: Callable[..., Served],
) -> None:
    one = serve(policy="always")
    one.quote()
    raw = connected(one, slots=3)
    # Filled; refused, as there is nothing to leave; filled and left again.
    sent = [(0, "a", "ENTER"), (1, "b", "EXIT"), (2, "c", "ENTER"), (2, "c", "EXIT")]
    first = []
    for number, (slot, name, action) in enumerate(sent, start=2):
        raw.intent(number, slot, name, action)
        first.append(answered(raw))
    assert len(set(first)) == len(sent)
    assert b"DUPLICATE" not in b"".join(first)
    one.kill()
    one.start()
    raw = connected(one, slots=3)
    for number, (slot, name, action) in enumerate(sent, start=2):
        raw.intent(number, slot, name, action, again=True)
        assert answered(raw) == first[number - 2], (name, action)
    # And again, now out of memory; a program that does not say so has it as before.
    raw.intent(8, 0, "a", "ENTER", again=True)
    assert answered(raw) == first[0]
    raw.intent(9, 0, "a", "ENTER")
    assert answered(raw) != first[0]
    kernel = dita.connect(one.socket, name="looks")
    # Nothing was taken twice.
    assert [str(kernel.slot(at).size) for at in range(3)] == ["0.001", "0", "0.000"], [
        str(kernel.slot(at).size) for at in range(3)
    ]
    kernel.close()


def test_while_the_log_is_read_for_one_program_the_others_are_served(serve: Callable[..., Served]) -> None:
    one = serve(policy="always")
    one.quote()
    raw = connected(one, slots=1)
    raw.intent(2, 0, "a", "ENTER")
    first = answered(raw)
    one.kill()
    one.start()
    raw = connected(one, slots=1)
    raw.intent(2, 0, "a", "ENTER", again=True)
    # What it sends meanwhile waits its turn.
    raw.intent(3, 0, "a", "EXIT")
    with dita.connect(one.socket, name="other") as other:
        assert other.health()["seq"] > 0
    assert answered(raw) == first
    assert answered(raw) != first


def test_an_intent_whose_call_ended_without_an_answer_has_its_first_outcome_when_it_is_sent_anew(
    served: Served,
) -> None:
    kernel = dita.connect(served.socket, name="mine", timeout_s=2.0)
    intent = KernelIntent(
        intent_id="a",
        slot_id=kernel.slots[0],
        trade_id="a",
        asset="BTCUSDT",
        side="LONG",
        action="ENTER",
        target_size="0.001",
        timestamp=1,
    )
    pid = served.stand_still()
    with pytest.raises(ServerAway):
        kernel.process_intent(intent)
    os.kill(pid, signal.SIGCONT)

    def outcome() -> dita.KernelOutcome | None:
        try:
            return kernel.process_intent(intent)
        except ServerAway:
            return None

    first = served.wait(outcome)
    assert first.accepted
    assert first.diagnostic_code == "OK"
    # From here on it is known to have been answered.
    assert kernel.process_intent(intent).diagnostic_code == "DUPLICATE_INTENT"
    assert len(kernel.orders()) == 1
    kernel.close()


SENDS_OLD = """
import os, signal
kernel = dita.connect(SOCKET, name="mine", **{options})
outcome = kernel.process_intent(dita.KernelIntent(
    intent_id="old", slot_id=kernel.slots[0], trade_id="old", asset="BTCUSDT", side="LONG", action="ENTER",
    target_size="0.001", timestamp=1,
), resend={resend})
fills = [event.venue_trade_id for event in outcome.emitted_events]
print(outcome.diagnostic_code, kernel.slot(kernel.slots[0]).is_free(), *fills, flush=True)
os.kill(os.getpid(), signal.SIGKILL) if {dies} else kernel.close()
"""


def sends_old(one: Served, *, resend: bool = False, dies: bool = False, **options: object) -> list[str]:
    """Send the old intent from a process of its own; its code, whether the slot is free, its fills."""
    program = one.program(SENDS_OLD.format(options=options, resend=resend, dies=dies))
    out, errors = program.communicate(timeout=60)
    assert program.returncode == (-signal.SIGKILL if dies else 0), errors
    return out.split()


@pytest.mark.parametrize("killed", [False, True])
def test_a_new_process_that_sends_an_old_id_executes_nothing_after_5000_other_intents(
    serve: Callable[..., Served], *, killed: bool
) -> None:
    one = serve()
    one.quote()
    first = sends_old(one, dies=True, on_loss="flatten", grace_s=0)
    assert first[:2] == ["OK", "False"]
    assert len(first) > 2
    one.wait(lambda: one.leases() == {})
    with dita.connect(one.socket, name="busy") as busy:
        asked = {"slot_id": busy.slots[0], "asset": "BTCUSDT", "side": "LONG", "timestamp": 1}
        for batch in range(5):
            intents = [
                KernelIntent(
                    intent_id=f"{batch}-{at}-{action}",
                    trade_id=f"{batch}-{at}",
                    action=action,
                    target_size="0.001",
                    **asked,
                )
                for at in range(500)
                for action in ("ENTER", "EXIT")
            ]
            assert all(outcome.accepted for outcome in busy.process_intents(intents))
    if killed:
        one.kill()
        one.start()
        one.quote()
    assert sends_old(one) == ["DUPLICATE_INTENT", "True"]
    # Who says that it sends again has the first outcome, with the fills of then.
    assert sends_old(one, resend=True) == ["OK", "True", *first[2:]]
    assert sends_old(one, resume=True) == ["OK", "True", *first[2:]]
