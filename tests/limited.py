"""What may hang runs under a limit: in a process that says where it hangs, or in threads that must end."""

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SECONDS = 60

_BEGIN = """\
import faulthandler, sys
faulthandler.dump_traceback_later({seconds}, exit=True)
sys.path.insert(0, {tests!r})
"""


def script(code: str, *arguments: object, seconds: int = SECONDS) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; one that hangs fails, with each thread's stack."""
    program = _BEGIN.format(seconds=seconds, tests=str(TESTS)) + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 30,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def passed(code: str, *arguments: object, seconds: int = SECONDS) -> str:
    """Run a program that must end well, and return what it printed."""
    ended = script(code, *arguments, seconds=seconds)
    assert ended.returncode == 0, f"{ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def together(*functions: Callable[[], object], seconds: int = SECONDS) -> None:
    """Run functions in threads at once; each must end in time, and what one raised is raised here."""
    failures: list[BaseException] = []

    def caught(function: Callable[[], object]) -> None:
        try:
            function()
        except BaseException as failure:  # noqa: BLE001 - it is raised again below
            failures.append(failure)

    threads = [threading.Thread(target=caught, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if failures:
        raise failures[0]
