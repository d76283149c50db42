"""Programs that speak garbage, too little, too much, or do not read: they hurt nobody."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

import dita
from dita import KernelIntent, LinkError, ServerRefused
from dita._kernel import Link
from raw_program import CLOSING, GAP, NEWS, REFUSED, SLOTS, VERDICTS, WELCOME, Raw
from serving import Served

SYMBOL = "BTCUSDT"


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close what a test has opened by hand."""
    yield
    while Raw.opened:
        Raw.opened.pop().close()


def works(served: Served) -> bool:
    """Whether another program trades as ever."""
    with dita.connect(served.socket, name="other") as kernel:
        slot, name = kernel.slots[0], f"t{kernel.seq}"

        def send(action: str) -> bool:
            intent = KernelIntent(
                intent_id=f"{name}-{action}",
                slot_id=slot,
                trade_id=name,
                asset=SYMBOL,
                side="LONG",
                action=action,
                target_size="0.001",
                timestamp=1,
            )
            return kernel.process_intent(intent).accepted

        return send("ENTER") and send("EXIT")


def test_a_program_of_another_version_learns_which_are_spoken(served: Served) -> None:
    with pytest.raises(ServerRefused, match="versions 1 to 6 of the protocol, the program 7 to 8") as caught:
        Link(served.socket, name="mine", versions=(7, 8))
    assert caught.value.code == "VERSION"
    old = Link(served.socket, name="old", versions=(1, 1))
    assert old.welcome()["version"] == 1
    old.close()
    new = Link(served.socket, name="new", versions=(1, 9))
    assert new.welcome()["version"] == 6
    new.close()
    assert works(served)


def test_news_of_the_version_before_reach_its_program(served: Served) -> None:
    old = Link(served.socket, name="old", versions=(1, 1))
    slot = old.welcome()["slots"][0]
    intent = KernelIntent(
        intent_id="a",
        slot_id=slot,
        trade_id="t",
        asset=SYMBOL,
        side="LONG",
        action="ENTER",
        target_size="0.001",
        timestamp=1,
    )
    assert old.process_intent(intent).accepted
    assert old.wait(10)
    reported = old.next_told()
    assert reported is not None
    assert reported[0] == "news"
    assert reported[2][0].size > 0
    old.part()


@pytest.mark.parametrize(
    ("name", "packets"),
    [
        ("no kind", [b"\0\xff\x01\0\0\0rubbish"]),
        ("no packet", [b"\x07rubbish"]),
        ("no hello first", [b"\0\x03\x01\0\0\0\0\0\0\0"]),
        ("another protocol", [b"GET / HTTP/1.1\r\n\r\n"]),
        ("a hello cut off", [b"\0\x01\x01\0\0\0DITALINK\x01"]),
        ("a message without end", [b"\x01" + b"x" * 60_000] * 20),
    ],
)
def test_garbage_is_refused_and_the_others_go_on(served: Served, name: str, packets: list[bytes]) -> None:
    del name
    raw = Raw(served)
    for packet in packets:
        try:
            raw.socket.send(packet)
        except OSError:
            break
    assert raw.kind() == REFUSED
    assert raw.kind() == 0
    assert works(served)


def test_half_a_message_and_no_hello_are_hung_up_on_in_time(served: Served) -> None:
    silent, half = Raw(served), Raw(served)
    half.hello("half")
    assert half.kind() == WELCOME
    half.send(b"\x02", more=True)
    assert works(served)
    assert (silent.kind(), silent.kind()) == (REFUSED, 0)
    assert (half.kind(), half.kind()) == (REFUSED, 0)


def test_a_program_that_does_not_read_loses_its_stream_and_keeps_its_commands(served: Served) -> None:
    raw = Raw(served)
    raw.hello("loud")
    assert raw.kind() == WELCOME
    slot, sent = served.leases()["loud"]["slots"][0], 300
    note = '{"note":"' + "x" * 3_500 + '"}'
    for number in range(sent):
        raw.intent(2 * number + 1, slot, f"t{number}", "ENTER", note)
        raw.intent(2 * number + 2, slot, f"t{number}", "EXIT", note)
    served.wait(lambda: served.ask("server")["messages"] >= 2 * sent)
    assert works(served)
    kinds = []
    while kinds.count(VERDICTS) < 2 * sent or SLOTS not in kinds:
        kinds.append(raw.kind())
        assert kinds[-1], "the server has hung up"
    assert kinds.count(VERDICTS) == 2 * sent, "a command was lost"
    assert GAP in kinds
    assert kinds.index(GAP) < kinds.index(SLOTS)
    assert kinds.count(NEWS) < 2 * sent, "nothing was lost"
    assert served.ask("server")["gaps"] >= 1
    raw.close()


def test_a_flood_is_taken_in_turn(served: Served) -> None:
    raw = Raw(served)
    raw.hello("flood")
    assert raw.kind() == WELCOME
    slot, ended = served.leases()["flood"]["slots"][0], threading.Event()

    def read() -> None:
        with contextlib.suppress(OSError):
            while not ended.is_set() and raw.kind():
                pass

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(2_000):
            raw.intent(number + 1, slot, f"f{number}", "CANCEL")
            if number % 200 == 0:
                assert works(served)
    finally:
        ended.set()
        raw.socket.shutdown(2)
        reader.join()
        raw.close()
    assert works(served)


def test_more_programs_than_are_let_in_are_sent_away(serve: Callable[..., Served]) -> None:
    one = serve(clients=2)
    first, second, third = (Raw(one) for _ in range(3))
    assert third.kind() == REFUSED
    assert third.kind() == 0
    first.hello("first")
    assert first.kind() == WELCOME
    second.close()
    one.wait(lambda: one.ask("server")["clients"] == 1)
    dita.connect(one.socket, name="second").close()
    first.close()


def test_a_server_that_is_asked_to_end_says_so_to_every_program(served: Served) -> None:
    raw = Raw(served)
    raw.hello("mine")
    assert raw.kind() == WELCOME
    assert served.process is not None
    served.process.send_signal(signal.SIGTERM)
    assert raw.kind() == CLOSING
    assert raw.kind() == 0
    assert served.process.wait(30) == 0


def test_a_connection_is_not_the_process_that_was_forked_from_its_own(served: Served) -> None:
    program = served.program(
        """
        import os
        kernel = dita.connect(SOCKET, name="mine")
        child = os.fork()
        if child == 0:
            try:
                kernel.link.slot(0)
            except dita.LinkError as error:
                print(error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(kernel.slot(0).slot_id, flush=True)
        kernel.close()
        """
    )
    out, errors = program.communicate(timeout=60)
    assert "was forked from" in out, errors
    assert out.endswith("0\n")
    assert issubclass(LinkError, dita.KernelError)
    assert served.socket.exists()
