"""Structured logs: what is said at which verbosity, with the input's number, as JSON and for a console."""

import io
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from dita import ControlUpdate, KernelLogs, MemoryProjection, MockVenueAdapter, NotSent, set_up_logs
from dita.logs import LINES_WAITING_MAX, program_logs
from kernels import ENTER, EXIT, ack, fill, intent, opened


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the lines go."""
    written = io.StringIO()
    handler = set_up_logs("json", written)
    yield written
    logger = logging.getLogger("dita")
    logger.removeHandler(handler)
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def traded(verbosity: str, **options: Any) -> Any:
    kernel = opened(
        MockVenueAdapter(submit=lambda order: [ack(order), fill(order)]), logs=KernelLogs("desk"), **options
    )
    kernel.update_control(ControlUpdate(verbosity=verbosity, updated_by="ops"))
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.process_intent(intent(EXIT, "x1"))
    return kernel


@pytest.mark.parametrize(
    ("verbosity", "said"),
    [
        ("QUIET", {}),
        ("NORMAL", {"controls": 1, "trade closed": 1}),
        ("VERBOSE", {"controls": 1, "trade closed": 1, "stage": 8}),
        ("TRACE", {"controls": 1, "trade closed": 1, "stage": 8, "slot": 8}),
    ],
)
def test_as_much_is_said_as_operators_want(verbosity: str, said: dict[str, int], stream: io.StringIO) -> None:
    stream.truncate(0)
    kernel = traded(verbosity)
    # The first line is of the controls that it began with.
    reported = [line for line in lines(stream) if line["event"] != "controls" or line["version"]]
    events = [line["event"] for line in reported]
    assert {event: events.count(event) for event in dict.fromkeys(events)} == said
    for line in reported:
        assert line["kernel"] == "desk"
        assert 0 < line["seq"] <= kernel.seq
        assert line["logger"] == "dita.kernel"
        assert line["at"].endswith("Z")


def test_a_line_has_the_number_of_its_input(stream: io.StringIO) -> None:
    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order), fill(order)]), logs=KernelLogs())
    kernel.update_control(ControlUpdate(verbosity="VERBOSE"))
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    stages = [line for line in lines(stream) if line["event"] == "stage"]
    reported = [(line["seq"], line["before"], line["now"]) for line in stages]
    assert reported == [(one.seq, one.prev_state, one.next_state) for one in outcome.transitions]
    assert stages[0]["intent"] == "i1"


def test_verbosity_changes_while_it_runs(stream: io.StringIO) -> None:
    kernel = traded("QUIET")
    before = len(lines(stream))
    kernel.process_intent(intent(ENTER, "i2", trade_id="t2"))
    assert len(lines(stream)) == before
    kernel.update_control(ControlUpdate(verbosity="VERBOSE"))
    kernel.process_intent(intent(EXIT, "x2", trade_id="t2"))
    assert len(lines(stream)) > before


def test_what_goes_wrong_is_said_at_every_verbosity(stream: io.StringIO) -> None:
    class Broken(MemoryProjection):
        def write_slot(self, slot: object) -> NoReturn:
            raise OSError("disk full")

    traded("QUIET", projection=Broken())
    (first, *_) = [line for line in lines(stream) if line["event"] == "plane failed"]
    assert (first["error"], first["level"], first["kernel"]) == ("OSError: disk full", "error", "desk")
    assert first["seq"] > 0


def test_other_lines_of_dita_are_structured_too(stream: io.StringIO) -> None:
    logging.getLogger("dita.control").error("%s is gone", "controls.json", extra={"seq": 5})
    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["seq"]) == ("controls.json is gone", "dita.control", 5)


def test_a_console_reads_it() -> None:
    written = io.StringIO()
    handler = set_up_logs("console", written)
    try:
        traded("NORMAL")
        assert "trade closed" in written.getvalue()
        assert "kernel=desk" in written.getvalue()
        with pytest.raises(ValueError, match="neither 'json' nor 'console'"):
            set_up_logs("xml")  # type: ignore[arg-type]
    finally:
        logger = logging.getLogger("dita")
        logger.removeHandler(handler)
        logger.propagate = True
        logger.setLevel(logging.NOTSET)


def test_a_condition_is_written_once_and_not_at_each_try(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1_000.0
    monkeypatch.setattr("dita.logs.time.monotonic", lambda: now_s)
    why = ["the exchange is away"]

    def refuse(order: Any) -> NoReturn:
        raise NotSent(why[0])

    kernel = opened(MockVenueAdapter(submit=refuse), max_slots=4)
    tries = iter(range(1_000))

    def tried(count: int) -> list[str]:
        stream.seek(0)
        stream.truncate(0)
        for _ in range(count):
            number = next(tries)
            kernel.process_intent(intent(ENTER, f"i{number}", trade_id=f"t{number}"))
        # NotSent is what an adapter says: no traceback.
        assert "Traceback" not in stream.getvalue()
        return [line["event"] for line in lines(stream) if line["logger"] == "dita.venue"]

    (first,) = tried(50)
    assert first.endswith("submit failed: the exchange is away")
    why[0] = "the exchange asks for a pause"
    (second,) = tried(5)
    assert second.endswith("submit failed: the exchange asks for a pause")
    why[0] = "the exchange is away"
    now_s += 59.9
    assert tried(5) == []
    now_s += 0.1
    assert tried(5) == [f"{first} (and 54 times more since it was written last)"]
    # While it lasts it is written ever more rarely.
    now_s += 100
    assert tried(5) == []
    now_s += 20
    assert tried(1) == [f"{first} (and 9 times more since it was written last)"]
    # After a quiet time it is a new condition.
    now_s += 10_000
    assert tried(5) == [first]
    now_s += 60
    assert len(tried(1)) == 1


def test_lines_of_what_happens_and_critical_ones_are_never_held_back(stream: io.StringIO) -> None:
    for level in (logging.INFO, logging.CRITICAL):
        for _ in range(3):
            logging.getLogger("dita.x").log(level, "again")
    assert len(lines(stream)) == 6


def test_the_same_words_about_another_thing_are_another_condition(stream: io.StringIO) -> None:
    for slot in (1, 2, 1, 2):
        logging.getLogger("dita.x").warning("no stop", extra={"slot": slot, "seq": slot})
    assert [line["slot"] for line in lines(stream)] == [1, 2]


def test_a_program_whose_log_nobody_reads_goes_on_and_counts_what_is_lost() -> None:
    reads, writes = os.pipe()
    logger, more = logging.getLogger("dita.x"), 2_000
    said: list[str] = []
    with os.fdopen(reads) as end, os.fdopen(writes, "w") as stream:
        reader = threading.Thread(target=lambda: said.extend(end))
        with program_logs(stream):
            # A pipe holds 64 KiB; the writer of these lines would wait for ever.
            for number in range(LINES_WAITING_MAX + more):
                logger.info("line %d %s", number, "x" * 100)
            reader.start()
            until = time.monotonic() + 30
            while not any("lines were lost" in line for line in said):
                assert time.monotonic() < until
                logger.info("once more")
                time.sleep(0.01)
        stream.close()
        reader.join(30)
    lost = sum(int(line.split()[0]) for line in said if "lines were lost" in line)
    assert 0 < lost <= more
    assert "line 0 x" in said[0]
