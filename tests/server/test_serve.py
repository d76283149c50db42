"""Many strategy processes, one kernel: `dita serve` and `dita.connect`, with real processes."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

import dita
from dita import (
    InvalidInput,
    KernelIntent,
    LeaseHeld,
    LinkError,
    ServerAway,
    ServerRefused,
)
from dita.server import AsyncKernel, ConnectedKernel
from serving import Served

SYMBOL = "BTCUSDT"


def entry(slot: int, name: str = "i1", **fields: object) -> KernelIntent:
    given = {"trade_id": f"t-{name}", "asset": SYMBOL, "side": "LONG", "action": "ENTER"}
    return KernelIntent(
        intent_id=name, slot_id=slot, timestamp=1, **{"target_size": "0.01", **given, **fields}
    )


def test_two_processes_trade_one_kernel(served: Served) -> None:
    other = served.program(
        """
        from dita import KernelIntent
        kernel = dita.connect(SOCKET, name="other", slots=2)
        intent = KernelIntent(intent_id="a", slot_id=kernel.slots[0], trade_id="t-other", asset="BTCUSDT",
                              side="SHORT", action="ENTER", target_size="0.02", timestamp=1)
        print(kernel.process_intent(intent).accepted, kernel.slots[0], flush=True)
        input()
        """
    )
    assert other.stdout is not None
    accepted, slot = other.stdout.readline().split()
    with dita.connect(served.socket, name="mine", slots=2) as kernel:
        assert accepted == "True"
        assert int(slot) not in kernel.slots
        # One account, one side: the kernel has the other process's trade before its eyes.
        outcome = kernel.process_intent(entry(kernel.slots[0]))
        assert outcome.diagnostic_code == "OPPOSITE_SIDE"
        assert outcome.details["held_trade_id"] == "t-other"
        theirs = kernel.slot(int(slot))
        assert (theirs.owner, theirs.trade_id, theirs.side) == ("other", "t-other", "SHORT")
        other.communicate("\n", timeout=30)
    assert other.returncode == 0


def test_an_outcome_is_what_the_kernels_own_process_would_say(served: Served) -> None:
    with dita.connect(served.socket, name="mine") as kernel:
        (slot,) = kernel.slots
        outcome = kernel.process_intent(entry(slot))
        assert outcome.accepted
        assert outcome.state == "POSITION_OPEN"
        assert [event.kind for event in outcome.emitted_events] == ["ORDER_ACK", "FULL_FILL"]
        assert [step.next_state for step in outcome.transitions][-1] == "POSITION_OPEN"
        view = kernel.slot(slot)
        assert (view.size, view.owner, view.entry_price) == (Decimal("0.01"), "mine", Decimal("60000.1"))
        assert view.active_entry_order is not None
        assert view.active_entry_order.intent_id == "mine:i1"
        refused = kernel.process_intent(entry(slot, "i2", trade_id="t-2"))
        assert not refused.accepted
        assert refused.details["trade_id"] == "t-i1"
        missing = kernel.process_intent(entry(slot, "i3", asset="NONE"))
        assert not missing.accepted
        assert missing.details


def test_a_connected_kernel_reads_as_one_in_this_process(served: Served) -> None:
    with dita.connect(served.socket, name="mine") as kernel:
        kernel.process_intent(entry(kernel.slots[0]))
        assert kernel.instruments == [SYMBOL]
        rules = kernel.instrument(SYMBOL)
        assert rules["tick_size"] == Decimal("0.1")
        assert rules["product"] == "PERP"
        with pytest.raises(InvalidInput, match="asset"):
            kernel.instrument("NONE")
        assert kernel.max_slots == 8
        assert len(kernel.state.slots) == 8
        with pytest.raises(InvalidInput, match="slot_id"):
            kernel.slot(8)
        assert kernel.account.capital == kernel.snapshot()["account"]["capital"] < Decimal(10_000)
        assert kernel.control.gate == "NORMAL"
        assert kernel.control.limits["max_open_slots"] is None
        (order,) = kernel.orders()
        assert kernel.order(order.venue_client_id) == order
        assert order.owner == "mine"
        assert kernel.orders(live_only=True) == []
        assert kernel.state.active_trade_index == {"t-i1": kernel.slots[0]}
        assert kernel.health()["busy_slots"] == 1
        assert "mine" in repr(kernel)


def test_the_account_is_never_older_than_a_programs_last_answer(served: Served) -> None:
    with dita.connect(served.socket, name="mine") as kernel:
        (slot,) = kernel.slots
        assert kernel.zinc_plane is not None
        capital, behind = kernel.account.capital, 0
        # Each trip takes less time than lies between two writings of the account.
        for number in range(100):
            for action in ("ENTER", "EXIT"):
                size = "0.01" if action == "ENTER" else None
                name = f"{number}-{action}"
                intent = entry(slot, name, trade_id=f"t{number}", action=action, target_size=size)
                assert kernel.process_intent(intent).accepted
                behind += kernel.zinc_plane.figures_seq < kernel.link.seq
                # Each of the two pays a fee.
                assert kernel.account.capital < capital
                capital = kernel.account.capital
        assert behind


def test_a_program_may_touch_its_own_slots_alone(served: Served) -> None:
    with dita.connect(served.socket, name="mine") as kernel:
        foreign = next(slot for slot in range(8) if slot not in kernel.slots)
        with pytest.raises(InvalidInput, match="slot_id") as caught:
            kernel.process_intent(entry(foreign))
        assert caught.value.field == "slot_id"
        with pytest.raises(InvalidInput, match="owner"):
            kernel.process_intent(entry(kernel.slots[0], owner="other"))
        with pytest.raises(InvalidInput, match="intent_id"):
            kernel.process_intent(entry(kernel.slots[0], "x" * 62, trade_id="t"))
        good, bad = entry(kernel.slots[0], "good"), entry(foreign, "bad")
        with pytest.raises(InvalidInput):
            kernel.process_intents([good, bad])
        assert kernel.slot(kernel.slots[0]).is_free(), "a part of a batch was taken"
        assert kernel.process_intents([]) == []
        assert [one.accepted for one in kernel.process_intents([good])] == [True]


def test_a_second_process_with_the_name_learns_who_holds_the_lease(served: Served) -> None:
    holder = served.program("kernel = dita.connect(SOCKET, name='mine')\nprint('on', flush=True)\ninput()")
    assert holder.stdout is not None
    assert holder.stdout.readline()
    with pytest.raises(LeaseHeld, match=f"process {holder.pid} holds the lease") as caught:
        dita.connect(served.socket, name="mine")
    assert caught.value.pid == holder.pid
    assert caught.value.code == "LEASE_HELD"
    assert caught.value.since_ns > 0
    holder.kill()
    holder.communicate()
    with dita.connect(served.socket, name="mine") as kernel:
        assert kernel.slots


def test_no_server_is_reported_with_the_place(tmp_path: Path) -> None:
    with pytest.raises(ServerAway, match=str(tmp_path / "none.sock")):
        dita.connect(tmp_path / "none.sock", name="mine")


def test_what_a_server_cannot_take_is_named(served: Served) -> None:
    for options, message in [
        ({"name": "a:b"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "n" * 32}, "name"),
        ({"name": "n", "slots": 0}, "slots"),
        ({"name": "n", "slots": -1}, "slots"),
        ({"name": "n", "account": "none"}, "account"),
        ({"name": "n", "on_loss": "drop"}, "on_loss"),
        ({"name": "n", "grace_s": 1e6}, "grace_s"),
        ({"name": "n", "secret": "s" * 300}, "secret"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            dita.connect(served.socket, **options)  # type: ignore[arg-type]
    with pytest.raises(ServerRefused, match=r"are free; .*max_slots") as caught:
        dita.connect(served.socket, name="n", slots=9)
    assert caught.value.code == "NO_FREE_SLOT"
    assert served.leases() == {}


def test_the_socket_is_its_owners_alone_and_a_second_server_is_refused(served: Served) -> None:
    assert stat.S_IMODE(served.socket.stat().st_mode) == 0o600
    command = [sys.executable, "-m", "dita.cli", "serve", "--config", str(served.config)]
    command += ["--dir", str(served.place / "second"), "--socket", str(served.socket)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert "another server answers here; stop it, or choose another path" in second.stderr
    same_log = [*command[:-4], "--dir", str(served.directory.path), "--socket", str(served.place / "k2.sock")]
    third = subprocess.run(same_log, capture_output=True, text=True, timeout=60, check=False)
    assert third.returncode == 1
    assert "another host runs here" in third.stderr
    for lock in (served.directory.path / "host.lock", served.directory.log("main") / "log.lock"):
        lock.unlink(missing_ok=True)
    elsewhere = {**os.environ, "DITA_ZINC_DIR": str(served.place / "shm")}
    fourth = subprocess.run(same_log, capture_output=True, text=True, timeout=60, check=False, env=elsewhere)
    assert fourth.returncode == 1
    assert "another host runs here" in fourth.stderr
    with dita.connect(served.socket, name="mine") as kernel:
        assert kernel.slots


def test_awaited_calls_run_beside_one_another(served: Served) -> None:
    async def trade() -> tuple[list[bool], list[str]]:
        async with await dita.connect_async(served.socket, name="mine", slots=4) as kernel:
            outcomes = await asyncio.gather(
                *(kernel.process_intent(entry(slot, f"a{slot}")) for slot in kernel.kernel.slots)
            )
            reported = [await kernel.poll(10) for _ in range(4)]
            refused = entry(99, "no")
            with pytest.raises(InvalidInput):
                await kernel.process_intent(refused)
            return [one.accepted for one in outcomes], [one.kind for one in reported if one is not None]

    assert asyncio.run(trade()) == ([True] * 4, ["news"] * 4)


def test_an_answer_that_comes_while_news_are_taken_is_handed_out_too() -> None:
    class Late:
        """A link whose answer comes just before the look for more news ends the bell's ringing."""

        def __init__(self) -> None:
            self.answer: list[str] | None = None
            self.bell, self.ringer = os.pipe()

        def fileno(self) -> int:
            return self.bell

        def start(self, intents: object, note: object, resend: object) -> int:
            os.write(self.ringer, b"!")
            return 1

        def taken(self, number: int) -> list[str] | None:
            return self.answer

        def next_told(self) -> None:
            os.write(self.ringer, b"!")
            self.answer = ["the answer"]
            self.quiet()

        def quiet(self) -> None:
            os.read(self.bell, 100)

    class Kernel:
        link = Late()
        resumes = False

        def intent(self, given: object) -> object:
            return given

    async def asked() -> object:
        kernel = AsyncKernel(cast("ConnectedKernel", Kernel()))
        return await asyncio.wait_for(kernel.process_intent(entry(0)), 10)

    assert asyncio.run(asked()) == "the answer"


def test_an_awaited_call_carries_a_note_and_an_awaited_block_overrides(served: Served) -> None:
    async def trade() -> None:
        async with await dita.connect_async(served.socket, name="mine") as kernel:
            slot = kernel.kernel.slot(kernel.kernel.slots[0])
            assert (await kernel.process_intent(entry(slot.slot_id, "i1"), note="first")).accepted
            noted = kernel.kernel.noted("mine")
            assert noted is not None
            assert noted.text == "first"
            async with kernel.override(by="ops", reason="less") as block:
                slot.size = "0.004"
                # Nothing is sent before the block's end.
                assert kernel.kernel.link.slot(slot.slot_id).size == Decimal("0.01")
            assert [one.accepted for one in block.outcomes] == [True]

            async def write(size: str, by: str = "ops", *, fails: bool = False) -> None:
                async with kernel.override(by=by, reason="less"):
                    slot.size = size
                    if fails:
                        raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await write("0.001", fails=True)
            with pytest.raises(InvalidInput, match="by"):
                await write("0.001", by="")
            with pytest.raises(InvalidInput, match="size"):
                await write("many")
            assert slot.size == Decimal("0.004")

    asyncio.run(trade())


def test_what_happens_is_reported_where_the_program_polls_and_nowhere_else(served: Served) -> None:
    with dita.connect(served.socket, name="mine") as kernel:
        received: list[tuple[dita.server.Notification, int]] = []
        kernel.subscribe(lambda reported: received.append((reported, threading.get_ident())))
        rests = entry(kernel.slots[0], order_type="LIMIT", limit_price="59000.0")
        assert kernel.process_intent(rests).state == "ENTRY_WORKING"
        served.quote("58999.0", "58999.1")
        served.wait(lambda: kernel.slot(kernel.slots[0]).size)
        assert received == []
        while not any(reported.slots and reported.slots[0].size for reported, _ in received):
            assert kernel.poll(10)
        assert {thread for _, thread in received} == {threading.get_ident()}
        fill = next(reported for reported, _ in received if reported.slots[0].size)
        assert fill.events[-1].kind == "FULL_FILL"
        assert fill.slots[0].entry_price == Decimal("59000.0")


def test_a_server_that_ends_tells_its_programs(served: Served) -> None:
    kernel = dita.connect(served.socket, name="mine", comes_back_s=0.2)
    assert served.stop() == 0
    assert not served.socket.exists()
    reported: list[str] = []
    kernel.subscribe(lambda one: reported.append(one.kind))
    while "away" not in reported:
        assert kernel.poll(10)
    with pytest.raises(ServerAway, match="has not come back in time"):
        kernel.process_intent(entry(kernel.slots[0]))
    kernel.hang_up()
    with pytest.raises(LinkError, match="closed"):
        kernel.process_intent(entry(0))


def test_a_host_directory_leads_to_its_socket(serve: Callable[..., Served]) -> None:
    one = serve()
    link = one.directory.path / "kernel.sock"
    link.symlink_to(one.socket)
    with dita.connect(one.directory.path, name="mine") as kernel:
        assert kernel.account_name == "main"


def test_ctrl_c_ends_a_call_that_waits(served: Served) -> None:
    program = served.program(
        """
        import os, signal, threading
        kernel = dita.connect(SOCKET, name="mine")
        os.kill(int(input()), signal.SIGSTOP)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            kernel.link.slot(0)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        os._exit(0)
        """
    )
    assert served.process is not None
    try:
        out, errors = program.communicate(f"{served.process.pid}\n", timeout=60)
    finally:
        os.kill(served.process.pid, signal.SIGCONT)
    assert out == "interrupted\n", errors
