"""A forked process: its copy of a kernel is no kernel, says so at once, and the parent's goes on."""

import os
from pathlib import Path

import pytest

from limited import passed

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

BEGIN = """
    import multiprocessing, os, threading, warnings
    from decimal import Decimal
    from dita import KernelClosed, LogError, SimulatedVenue
    from filling import FillingVenue, agree, on
    from kernels import ENTER, EXIT, SYMBOL, intent

    warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of any fork beside a thread
    options = {"log_dir": sys.argv[1]} if len(sys.argv) > 1 else {}
    REFUSED = LogError if options else KernelClosed

    def child(body):
        # The child's exit code: 0 where its body returned.
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                body()
                code = 0
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def refused(call):
        try:
            call()
        except REFUSED as error:
            assert "forked from" in str(error) and "spawn" in str(error), error
        else:
            raise AssertionError("it was not refused")
"""

EVERYTHING = """
    venue = FillingVenue()
    kernel = on(venue, **options)
    kernel.process_intent(intent(ENTER, "i1"))
    before = kernel.state_hash()

    def try_all():
        for call in (
            lambda: kernel.process_intent(intent(EXIT, "i2")),
            lambda: kernel.process_intents([intent(EXIT, "i2")]),
            lambda: kernel.mark_price(SYMBOL, 1),
            lambda: kernel.advance_time(10),
            lambda: kernel.snapshot(),
            lambda: kernel.slot(0).size,
            lambda: kernel.state_hash(),
            lambda: kernel.sync(),
            lambda: kernel.set_seed_capital(1),
        ):
            refused(call)
        assert kernel.closed
        kernel.close()

    assert child(try_all) == 0
    assert kernel.state_hash() == before and not kernel.closed
    assert kernel.process_intent(intent(EXIT, "i2")).accepted
    agree(kernel, venue)
    kernel.close()
    if options:
        agree(on(venue, **options), venue)
"""

# The lock is held at the fork by a thread that the child does not have.
HELD = """
    venue = SimulatedVenue(balances={"USDT": "10000"})
    kernel = on(venue, max_slots=4, **options)
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
    over = threading.Event()

    def trade():
        number = 0
        while not over.is_set():
            for action in (ENTER, EXIT):
                kernel.process_intent(intent(action, f"{action}{number}", trade_id=f"t{number}"))
            number += 1

    def read():
        while not over.is_set():
            kernel.snapshot()

    threads = [threading.Thread(target=trade), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        assert child(lambda: refused(lambda: kernel.snapshot())) == 0
    over.set()
    for thread in threads:
        thread.join()
    kernel.check_invariants()
    assert kernel.account.reconcile_delta == 0
    kernel.close()
"""

# An adapter forks, and the child comes back into the kernel's own loop.
INSIDE = """
    here = os.getpid()
    pids = []

    def fork(order):
        pid = os.fork()
        if pid:
            pids.append(pid)
            return None
        return None

    venue = FillingVenue(fork)
    kernel = on(venue, **options)
    try:
        outcome = kernel.process_intent(intent(ENTER, "i1"))
    except REFUSED as error:
        # The child: it must have gone no further.
        os._exit(0 if os.getpid() != here and len(venue.received) == 1 else 1)
    if os.getpid() != here:
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]) == 0
    assert outcome.accepted
    venue.trouble = None
    assert kernel.process_intent(intent(EXIT, "i2")).accepted
    agree(kernel, venue)
    kernel.close()
    if options:
        again = on(venue, **options)
        assert again.recovery["torn"] is None, again.recovery
        agree(again, venue)
"""

POOL = """
    venue = FillingVenue()
    kernel = on(venue, **options)

    def work(queue):
        try:
            kernel.snapshot()
        except REFUSED as error:
            queue.put(str(error))
        own = on(FillingVenue())
        queue.put(str(own.process_intent(intent(ENTER, "i1")).state))

    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=work, args=(queue,))
    process.start()
    assert "forked from" in queue.get()
    # A kernel that the child opens itself is the child's.
    assert queue.get() == "POSITION_OPEN"
    process.join()
    assert process.exitcode == 0
    assert kernel.process_intent(intent(ENTER, "i1")).accepted
    agree(kernel, venue)
"""


@pytest.mark.parametrize("logged", [False, True], ids=["in memory", "with a log"])
@pytest.mark.parametrize(
    "program",
    [EVERYTHING, HELD, INSIDE, POOL],
    ids=["every call", "under threads", "inside an adapter", "a pool"],
)
def test_a_forked_process_is_reported_and_harms_nothing(
    tmp_path: Path, program: str, *, logged: bool
) -> None:
    passed(BEGIN + program, *([tmp_path / "log"] if logged else []))
