"""`dita run FILE --connect SOCKET`: a strategy as a client of `dita serve`."""

import argparse
import signal
import threading
from pathlib import Path
from typing import Final

from dita.cli.backtest import place_of
from dita.cli.failure import CommandFailure
from dita.cli.venue import symbols_of
from dita.errors import KernelError, shown
from dita.runtime import ActorState, load_strategy
from dita.server.connected import COMES_BACK_S, GRACE_S, ConnectedKernel, connect
from dita.server.running import ConnectedStrategies
from dita.signals import elsewhere

_SECRET_BYTES_MAX: Final = 256


def run_connected(options: argparse.Namespace) -> int:
    """Run one strategy until it is ended.

    Args:
        options: The parsed command line.

    Returns:
        0: it was ended.

    Raises:
        CommandFailure: The server refuses, ends, or is not there; or the command line cannot be used.
    """
    if len(options.strategy) != 1:
        raise CommandFailure("--connect: takes one strategy; start a process for each")
    kind = load_strategy(place_of(options.strategy[0]))
    name = options.name or kind.__name__
    kernel = connect(
        options.connect,
        name=name,
        slots=options.slots or kind.slots,
        on_loss=options.on_stop,
        grace_s=GRACE_S if options.grace is None else options.grace,
        secret=_secret(options.secret_file),
        market=True,
        comes_back_s=COMES_BACK_S,
    )
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, elsewhere(ended.set))
    try:
        runner = ConnectedStrategies(kernel)
        handle = runner.load(kind, params=_params(options), symbols=_symbols(options))
        handle.start()
        print(f"{name}: trading {kernel.account_name} with slots {kernel.slots}", flush=True)
        runner.run(lambda: ended.is_set() or handle.state is ActorState.ERROR)
        runner.stop()
        if handle.error:
            raise CommandFailure(handle.error)
    finally:
        _leave(kernel)
    print(f"{name}: ended; its orders follow --on-stop {options.on_stop}")
    return 0


def _leave(kernel: ConnectedKernel) -> None:
    try:
        kernel.close()
    except KernelError:
        # The server is gone: the lease's grace and policy do the rest.
        kernel.hang_up()


def _params(options: argparse.Namespace) -> dict[str, str]:
    return {name.rpartition(".")[2]: value for name, value in options.param}


def _symbols(options: argparse.Namespace) -> tuple[str, ...]:
    return tuple(symbols_of(options)) if options.pair else ()


def _secret(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailure(f"--secret-file {file}: cannot be read ({error}); make it readable") from error
    if not text or len(text.encode()) > _SECRET_BYTES_MAX:
        raise CommandFailure(f"--secret-file {shown(str(file))}: must hold 1 to {_SECRET_BYTES_MAX} bytes")
    return text
