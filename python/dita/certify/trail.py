"""What a bench did and what its kernel received, as text: to find out why a sequence failed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from dita._kernel import Replay
from dita.errors import KernelError

#: How many lines are shown.
LINES_MAX: Final = 14

_EVENT: Final = (
    "venue_client_id", "venue_order_id", "venue_trade_id", "size", "price", "fee", "filled_size",
    "remaining_size", "status", "reason",
)  # fmt: skip
_ACCOUNT: Final = (
    "asset", "symbol", "venue_trade_id", "venue_txn_id", "amount", "fee", "fee_asset", "wallet_balance",
    "size",
)  # fmt: skip


class Step(NamedTuple):
    """Something that the suite did.

    Attributes:
        seq: The last input before it.
        text: What.
    """

    seq: int
    text: str


def trail(steps: Sequence[Step], log_dir: Path) -> tuple[str, ...]:
    """Return the last lines of what was done, sent and received, oldest first.

    Args:
        steps: What the suite did.
        log_dir: The kernel's log.
    """
    left = list(enumerate(steps, 1))
    lines: list[str] = []
    with suppress(KernelError):
        for seq, line in _inputs(log_dir):
            while left and left[0][1].seq < seq:
                number, step = left.pop(0)
                lines.append(f"step {number}: {step.text}")
            lines.append(line)
    lines += [f"step {number}: {step.text}" for number, step in left]
    return tuple(lines[-LINES_MAX:])


def _inputs(log_dir: Path) -> Iterator[tuple[int, str]]:
    for step in Replay(log_dir, from_start=True):
        given: Mapping[str, Any] = step["input"]
        match step["type"]:
            case "VENUE_EVENT":
                line = f"received {given['kind']}{_shown(given, _EVENT)}"
            case "ACCOUNT_EVENT":
                line = f"received {given['kind']}{_shown(given, _ACCOUNT)}"
            case "INTENT":
                line = f"intent {given['action']} {given['asset']}"
            case _:
                continue
        sent = "".join(f"; sent {_request(request)}" for request in step["requests"])
        yield step["seq"], f"{line}: {step['code']}{sent}"


def _shown(given: Mapping[str, Any], names: Sequence[str]) -> str:
    shown = [f" {name}={given[name]}" for name in names if given.get(name) not in (None, "")]
    return "".join(shown)


def _request(request: Mapping[str, Any]) -> str:
    return " ".join(str(value) for value in request.values() if value not in (None, ""))
