"""The end of the interpreter with work under way: it ends, in time, and the log is sound."""

import os
import re
from pathlib import Path

import pytest

from limited import passed, script

BEGIN = """
    import os, threading, time
    from dita import MemoryKernelJournal
    from filling import FillingVenue, agree, on
    from kernels import ENTER, EXIT, intent

    options = {"log_dir": sys.argv[1]} if len(sys.argv) > 1 else {}
"""

# The main thread ends while a daemon sits inside an adapter that never answers, and others wait behind it.
DAEMONS = """
    entered = threading.Event()

    def hang(order):
        entered.set()
        threading.Event().wait()

    venue = FillingVenue(hang)
    kernel = on(venue, max_slots=4, **options)
    for n in range(3):
        wanted = intent(ENTER, f"i{n}", slot_id=n, trade_id=f"t{n}")
        threading.Thread(target=kernel.process_intent, args=(wanted,), daemon=True).start()
    assert entered.wait(30)
    time.sleep(0.2)
    print(len(venue.received))
"""

# A thread that is no daemon still trades when the main thread ends: it is waited for, and so is its answer.
WORKER = """
    venue = FillingVenue(lambda order: time.sleep(0.01))
    kernel = on(venue, **options)

    def trade():
        for number in range(20):
            for action in (ENTER, EXIT):
                kernel.process_intent(intent(action, f"{action}{number}", trade_id=f"t{number}"))
        agree(kernel, venue)
        print("traded")

    threading.Thread(target=trade).start()
"""

EXIT_INSIDE = """
    def leave(order):
        sys.exit(7)

    venue = FillingVenue(leave)
    kernel = on(venue, journal=MemoryKernelJournal(), **options)
    kernel.process_intent(intent(ENTER, "i1"))
"""

KILL_INSIDE = """
    venue = FillingVenue(lambda order: os._exit(9))
    kernel = on(venue, **options)
    kernel.process_intent(intent(ENTER, "i1"))
"""

# Nobody closes it: modules are torn down around it.
LEFT = """
    import builtins
    builtins.kept = kernel = on(FillingVenue(), journal=MemoryKernelJournal(), **options)
    kernel.process_intent(intent(ENTER, "i1"))
    kept_too = kernel.slot(0), kernel.state, kernel.account
"""

AT_EXIT = """
    import atexit

    venue = FillingVenue()
    # Registered before the kernel's own: it runs after it.
    import dita.kernel
    atexit.register(lambda: print(kernel.process_intent(intent(ENTER, "i1")).state))
    kernel = on(venue, **options)
"""

# What the log has of an entry that reached the venue, by how the process ended.
ENDS = [
    ("daemons at work", DAEMONS, 0),
    ("a worker at work", WORKER, 0),
    ("sys.exit inside", EXIT_INSIDE, 7),
    ("os._exit inside", KILL_INSIDE, 9),
    ("nobody closes it", LEFT, 0),
    ("a last order", AT_EXIT, 0),
]


@pytest.mark.parametrize("logged", [False, True], ids=["in memory", "with a log"])
@pytest.mark.parametrize(("program", "code"), [end[1:] for end in ENDS], ids=[end[0] for end in ENDS])
def test_the_process_ends_in_time_and_its_log_opens(
    tmp_path: Path, program: str, code: int, *, logged: bool
) -> None:
    ended = script(BEGIN + program, *([tmp_path / "log"] if logged else []), seconds=30)
    assert ended.returncode == code, f"{ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    for word in ("panicked", "Fatal Python error", "Segmentation"):
        assert word not in ended.stderr, ended.stderr
    if logged:
        found = passed(
            BEGIN
            + """
    kernel = on(FillingVenue(), max_slots=int(sys.argv[2]), **options)
    assert kernel.recovery["torn"] is None, kernel.recovery
    kernel.check_invariants()
    print(kernel.recovery["last_seq"])
""",
            tmp_path / "log",
            4 if program is DAEMONS else 10,
        )
        assert int(found) >= 3
        locked = (tmp_path / "log" / "log.lock").read_text()
        assert re.fullmatch(r"\d*\n?", locked)
        assert str(os.getpid()) not in locked.split()
