"""Programs that call through shared memory: as through the socket, and what they write there hurts nobody."""

import asyncio
import logging
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import dita
from dita import KernelIntent, KernelOutcome, LinkError, ServerAway, SimulatedVenue
from dita._kernel import Link
from raw_program import GAP, NEWS, REFUSED, SLOTS, VERDICTS, Raw, RawChannel
from serving import Served, serving

SYMBOL = "BTCUSDT"


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close what a test has opened by hand."""
    yield
    while Raw.opened:
        Raw.opened.pop().close()


def intent(slot: int, name: str, action: str = "ENTER", **fields: Any) -> KernelIntent:
    given = {"trade_id": name, "asset": SYMBOL, "side": "LONG", "target_size": "0.01", "timestamp": 1}
    return KernelIntent(intent_id=f"{name}-{action}", slot_id=slot, action=action, **{**given, **fields})


def works(served: Served) -> bool:
    """Whether another program trades as ever."""
    with dita.connect(served.socket, name="other") as kernel:
        (slot,), name = kernel.slots, f"t{kernel.seq}"
        return all(kernel.process_intent(intent(slot, name, action)).accepted for action in ("ENTER", "EXIT"))


def reported_of(outcome: KernelOutcome) -> tuple[Any, ...]:
    """What an outcome says, but for times."""
    events = [(one.kind, one.size, one.price, one.fee) for one in outcome.emitted_events]
    steps = [(one.prev_state, one.next_state) for one in outcome.transitions]
    its = (outcome.accepted, outcome.diagnostic_code, outcome.state, outcome.trade_id)
    return (*its, events, steps, dict(outcome.details))


def trade(socket: Path, *, spin: bool) -> list[Any]:
    """Do one of each, and say what came of it and what was reported."""
    said: list[Any] = []
    with dita.connect(socket, name="mine", slots=3, spin=spin) as kernel:
        assert kernel.spins == spin
        one, two, three = kernel.slots
        received: list[Any] = []
        kernel.subscribe(
            lambda reported: received.append(
                (reported.kind, reported.seq, [it.size for it in reported.slots])
            )
        )
        for given in (intent(one, "a"), intent(one, "b"), intent(one, "b", "CANCEL")):
            said += [reported_of(kernel.process_intent(given))]
        with kernel.override(by="ops", reason="less"):
            kernel.slot(one).size = "0.004"
        rests = intent(two, "c", order_type="LIMIT", limit_price="59000.0")
        together = [rests, intent(one, "a", "EXIT", target_size=None), intent(three, "d", asset="NONE")]
        said += map(reported_of, kernel.process_intents(together, note="kept"))
        with pytest.raises(dita.InvalidInput) as caught:
            kernel.process_intent(intent(7, "e"))
        said += [str(caught.value), [order.status for order in kernel.orders()]]
        said += [kernel.snapshot()["account"]["capital"], kernel.slot(two).fsm_state, kernel.positions()]
        said.append(reported_of(kernel.process_intent(intent(two, "c", "CANCEL"))))
        kernel.link.slot(two)
        while kernel.poll(0):
            pass
        said += received
    return said


def test_calls_through_shared_memory_come_to_what_they_do_through_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    said = []
    for name, spin in (("socket", False), ("memory", True)):
        with serving(tmp_path, name) as owner:
            venue = owner.host.kernel("main").venue
            assert isinstance(venue, SimulatedVenue)
            venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None)
            said.append(trade(tmp_path / f"{name}.sock", spin=spin))
    assert said[1] == said[0]
    assert sum(one[0] == "news" for one in said[0] if isinstance(one, tuple)) >= 4


def test_a_message_longer_than_the_memory_comes_whole_either_way(served: Served) -> None:
    with dita.connect(served.socket, name="mine", spin=True) as kernel:
        (slot,) = kernel.slots
        long = {"note": "x" * 700}
        given = [
            intent(slot, f"t{at // 2}", "EXIT" if at % 2 else "ENTER", metadata=long) for at in range(1_000)
        ]
        for outcomes in (kernel.process_intents(given), kernel.process_intents(given)):
            assert len(outcomes) == 1_000
        assert {one.diagnostic_code for one in outcomes} == {"DUPLICATE_INTENT"}
        assert len(kernel.orders()) == 1_000


def test_awaited_calls_go_through_shared_memory_too(served: Served) -> None:
    async def calls() -> tuple[list[bool], list[str]]:
        async with await dita.connect_async(served.socket, name="mine", slots=4, spin=True) as kernel:
            assert kernel.kernel.spins
            outcomes = await asyncio.gather(
                *(kernel.process_intent(intent(slot, f"a{slot}")) for slot in kernel.kernel.slots)
            )
            reported = [await kernel.poll(20) for _ in range(4)]
            return [one.accepted for one in outcomes], [one.kind for one in reported if one is not None]

    assert asyncio.run(calls()) == ([True] * 4, ["news"] * 4)


def test_what_happens_to_a_program_that_only_waits_is_reported_through_shared_memory(served: Served) -> None:
    with dita.connect(served.socket, name="mine", spin=True) as kernel:
        rests = intent(kernel.slots[0], "a", order_type="LIMIT", limit_price="59000.0")
        assert kernel.process_intent(rests).state == "ENTRY_WORKING"
        sizes: list[Decimal] = []
        kernel.subscribe(lambda reported: sizes.extend(slot.size for slot in reported.slots))
        served.quote("58999.0", "58999.1")
        while Decimal("0.01") not in sizes:
            assert kernel.poll(20), "no notification came"


def test_calls_from_many_threads_each_have_their_own_answer(served: Served) -> None:
    with dita.connect(served.socket, name="mine", slots=4, spin=True) as kernel:
        wrong: list[Any] = []

        def call(slot: int) -> None:
            for turn in range(200):
                name, action = f"s{slot}-{turn // 2}", "EXIT" if turn % 2 else "ENTER"
                outcome = kernel.process_intent(intent(slot, name, action))
                if (outcome.accepted, outcome.trade_id, outcome.slot_id) != (True, name, slot):
                    wrong.append(outcome)

        threads = [threading.Thread(target=call, args=(slot,)) for slot in kernel.slots]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert len(kernel.orders()) == 800


# ------------------------------------------------------------------------------------------------- no channel


def test_where_the_server_offers_no_channel_calls_go_through_the_socket_and_it_is_said(
    serve: Callable[..., Served], caplog: pytest.LogCaptureFixture
) -> None:
    one = serve(spin=False)
    one.quote()
    with caplog.at_level(logging.WARNING, "dita.server"):
        kernel = dita.connect(one.socket, name="mine", spin=True)
    (record,) = caplog.records
    assert "calls go through the socket, and not through shared memory" in record.message
    assert "set `spin = true` in its `[serve]`" in record.message
    assert not kernel.spins
    assert kernel.process_intent(intent(kernel.slots[0], "a")).accepted
    assert kernel.poll(20)
    assert one.ask("server")["spinning"] == 0
    kernel.close()


def test_a_server_of_the_version_before_is_asked_for_no_channel(served: Served) -> None:
    old = Link(served.socket, name="old", versions=(1, 4), spin=True)
    channel, why = old.travels()
    assert channel == "socket"
    assert "the server speaks version 4 of the protocol, and channels came with 5" in why
    assert old.process_intent(intent(old.welcome()["slots"][0], "a")).accepted
    old.part()


# ----------------------------------------------------------------------------------------------------- deaths


def test_programs_killed_in_the_midst_of_calls_leave_nothing_and_their_policy_acts(served: Served) -> None:
    assert served.process is not None
    pid = served.process.pid
    for turn in range(5):
        program = served.program(
            f"""
            from dita import KernelIntent
            kernel = dita.connect(SOCKET, name="mine{turn}", spin=True, on_loss="flatten", grace_s=0)
            assert kernel.spins
            (slot,), at = kernel.slots, 0
            print("on", flush=True)
            while True:
                kernel.process_intent(KernelIntent(
                    intent_id=f"a{{at}}", slot_id=slot, trade_id=f"t{{at // 2}}", asset="BTCUSDT",
                    side="LONG", action="EXIT" if at % 2 else "ENTER", target_size="0.01", timestamp=1))
                at += 1
            """
        )
        assert program.stdout is not None
        assert program.stdout.readline() == "on\n"
        before = served.ask("server")["messages"]
        served.wait(lambda before=before: served.ask("server")["messages"] > before + 50)
        program.kill()
        program.communicate()
        served.wait(lambda: served.ask("server")["spinning"] == 0)
        served.wait(lambda: served.leases() == {})
        assert works(served)
    with dita.connect(served.socket, name="reader") as kernel:
        assert [slot.size for slot in kernel.state.slots if not slot.is_free()] == []
    maps = Path(f"/proc/{pid}/maps").read_text()
    assert "dita-channel" not in maps, "memory of a dead program is held"
    assert not any("dita-channel" in name for name in open_files(pid))


def open_files(pid: int) -> Iterator[str]:
    """What a process has open."""
    for one in Path(f"/proc/{pid}/fd").iterdir():
        # It may be closed meanwhile.
        with suppress(FileNotFoundError):
            yield str(one.readlink())


def test_a_request_that_was_whole_before_its_program_was_killed_is_taken(served: Served) -> None:
    raw = RawChannel(served, "mine")
    slot = served.leases()["mine"]["slots"][0]
    pid = served.stand_still()
    try:
        raw.intent(2, slot, "t", "ENTER")
        # And one that was not: killed in the midst of writing it.
        raw.piece(8 | 1 << 32, b"\x02\x03\0\0\0\0\x01\0")
        raw.socket.close()
    finally:
        os.kill(pid, signal.SIGCONT)
    served.wait(lambda: served.ask("server")["spinning"] == 0)
    with dita.connect(served.socket, name="reader") as kernel:
        assert kernel.slot(slot).trade_id == "t"
    assert works(served)


def test_a_server_that_is_killed_in_the_midst_of_calls_is_waited_for_and_nothing_is_taken_twice(
    serve: Callable[..., Served],
) -> None:
    one = serve(policy="always")
    one.quote()
    with dita.connect(one.socket, name="mine", spin=True, comes_back_s=60, grace_s=60) as kernel:
        (slot,) = kernel.slots
        going, outcomes = threading.Event(), []

        def call() -> None:
            for turn in range(400):
                # A server that has just come back has no market yet: its venue refuses both.
                action = "EXIT" if kernel.slot(slot).size else "ENTER"
                given = intent(slot, f"n{turn}", action, trade_id="t", reference_price="60000")
                outcomes.append(kernel.process_intent(given))
                if turn == 50:
                    going.set()

        caller = threading.Thread(target=call)
        caller.start()
        assert going.wait(60)
        one.kill()
        one.start()
        one.quote()
        caller.join(60)
        assert not caller.is_alive()
        assert len(outcomes) == 400
        assert kernel.spins, "it came back without its channel"
        ids = [order.intent_id for order in kernel.orders()]
        assert len(ids) == len(set(ids))


def test_a_server_that_ends_or_dies_is_reported_to_a_program_that_only_waits(
    serve: Callable[..., Served],
) -> None:
    for end in (Served.stop, Served.kill):
        one = serve()
        kernel = dita.connect(one.socket, name="mine", spin=True, comes_back_s=0.2)
        end(one)
        reported: list[str] = []
        kernel.subscribe(lambda one, reported=reported: reported.append(one.kind))
        while "away" not in reported:
            assert kernel.poll(20)
        with pytest.raises(ServerAway, match="has not come back in time"):
            kernel.process_intent(intent(kernel.slots[0], "a"))
        kernel.hang_up()
        with pytest.raises(LinkError, match="closed"):
            kernel.process_intent(intent(0, "b"))


def test_while_the_server_stands_still_requests_wait_for_room_and_all_of_them_are_answered(
    served: Served,
) -> None:
    with dita.connect(served.socket, name="mine", spin=True) as kernel:
        (slot,), sent = kernel.slots, []

        def start() -> None:
            for at in range(120):
                note = {"note": "x" * 3_000}
                given = intent(slot, f"t{at // 2}", "EXIT" if at % 2 else "ENTER", metadata=note)
                sent.append(kernel.link.start([given]))

        caller = threading.Thread(target=start)
        pid = served.stand_still()
        try:
            caller.start()
            # There is room for some twenty of them.
            served.wait(lambda: len(sent) >= 15)
            caller.join(0.2)
            assert len(sent) < 30, "more were sent than there is room for"
        finally:
            os.kill(pid, signal.SIGCONT)
        caller.join(60)
        taken = [served.wait(lambda number=number: kernel.link.taken(number)) for number in sent]
        assert [one.accepted for (one,) in taken] == [True] * 120


# ----------------------------------------------------------------------------------------------- hostile ones


def jump(raw: RawChannel) -> None:
    """Say that more was written than there is room for."""
    raw.put(raw.REQUESTS, raw.written + 8193)


def go_back(raw: RawChannel) -> None:
    """Say that less was written than before."""
    raw.put(raw.REQUESTS, raw.written - 1)


def no_length(raw: RawChannel) -> None:
    """Write a piece of no bytes."""
    raw.piece(0)


def beyond(raw: RawChannel) -> None:
    """Write a piece that is longer than what was written."""
    raw.piece(1_000, b"x" * 16)


def huge(raw: RawChannel) -> None:
    """Write a piece that is longer than the memory."""
    raw.piece(0xFFFFFFFF, b"x" * 16)


def unknown(raw: RawChannel) -> None:
    """Write a piece with a mark that nobody knows."""
    raw.piece(8 | 2 << 32, b"x" * 8)


def endless(raw: RawChannel) -> None:
    """Write a message without an end."""
    for _ in range(30):
        raw.send(b"x" * 60_000, more=True)


def read_too_much(raw: RawChannel) -> None:
    """Say that more was read than was written, and ask for something."""
    raw.put(raw.ANSWERS + 16, 1 << 40)
    raw.send(b"\x03\x02\0\0\0\0\0\0\0")


@pytest.mark.parametrize(
    "break_it", [jump, go_back, no_length, beyond, huge, unknown, endless, read_too_much]
)
def test_a_program_that_breaks_its_channel_is_sent_away_by_name_and_the_others_go_on(
    served: Served, break_it: Callable[[RawChannel], None]
) -> None:
    raw = RawChannel(served, "breaker")
    raw.send(b"\x03\x02\0\0\0\0\0\0\0")
    assert raw.take()[:1] == b"\x44"
    break_it(raw)
    # What was answered, and had no room any more, comes before it.
    while (refused := Raw.receive(raw))[0] != REFUSED:
        pass
    assert b"breaker: the program's channel is broken: " in refused
    assert Raw.kind(raw) == 0, "the server has not hung up"
    served.wait(lambda: served.ask("server")["spinning"] == 0)
    assert works(served)


def test_messages_that_are_none_are_refused_as_in_the_socket(served: Served) -> None:
    raw = RawChannel(served, "mine")
    raw.send(b"rubbish")
    assert Raw.kind(raw) == REFUSED
    assert Raw.kind(raw) == 0
    assert works(served)


@pytest.mark.parametrize("message", [b"\x03\x02\0\0\0\0\0\0\0", b"\x0c\x02\0\0\0"])
def test_a_program_with_a_channel_that_speaks_in_its_socket_is_sent_away(
    served: Served, message: bytes
) -> None:
    raw = RawChannel(served, "mine")
    Raw.send(raw, message)
    assert b"says nothing in its socket" in Raw.receive(raw)
    assert Raw.kind(raw) == 0
    assert works(served)


def test_a_second_channel_is_refused(served: Served) -> None:
    raw = RawChannel(served, "mine")
    raw.send(b"\x0c\x02\0\0\0")
    assert b"a program asks for a channel once" in raw.take()
    assert works(served)


def test_half_a_message_in_shared_memory_is_hung_up_on_in_time(served: Served) -> None:
    raw = RawChannel(served, "mine")
    raw.send(b"\x02\x02\0\0\0", more=True)
    assert works(served)
    assert b"no whole message came within 5 s" in Raw.receive(raw)
    assert Raw.kind(raw) == 0


def test_a_program_that_reads_no_channel_loses_its_stream_and_keeps_its_commands(served: Served) -> None:
    raw = RawChannel(served, "loud")
    slot, sent = served.leases()["loud"]["slots"][0], 300
    note = '{"note":"' + "x" * 3_500 + '"}'
    for number in range(sent):
        raw.intent(2 * number + 2, slot, f"t{number}", "ENTER", note)
        raw.intent(2 * number + 3, slot, f"t{number}", "EXIT", note)
    served.wait(lambda: served.ask("server")["messages"] >= 2 * sent)
    assert works(served)
    kinds = []
    while kinds.count(VERDICTS) < 2 * sent or SLOTS not in kinds:
        kinds.append(raw.take()[0])
    assert kinds.count(VERDICTS) == 2 * sent, "a command was lost"
    assert GAP in kinds
    assert kinds.index(GAP) < kinds.index(SLOTS)
    assert kinds.count(NEWS) < 2 * sent, "nothing was lost"


@pytest.mark.parametrize("seed", range(6))
def test_a_program_that_scribbles_all_over_its_memory_hurts_nobody(served: Served, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same again
    raw = RawChannel(served, "scribbler")
    slot = served.leases()["scribbler"]["slots"][0]
    for turn in range(2_000):
        at = chance.choice((chance.randrange(2 * 16, 7 * 16), chance.randrange(7 * 16, raw.WORDS)))
        raw.put(at, chance.choice((0, 1, 8, 1 << 32, 1 << 63, 2**64 - 1, chance.randrange(2**64))))
        if turn % 50 == 0 and raw.word(raw.REQUESTS) - raw.word(raw.REQUESTS + 16) < 4_000:
            with suppress(OverflowError):
                raw.written = raw.word(raw.REQUESTS)
                raw.intent(turn, slot, f"s{turn}", "ENTER")
    assert works(served)
    raw.close()
    served.wait(lambda: served.ask("server")["spinning"] == 0)
    assert works(served)
