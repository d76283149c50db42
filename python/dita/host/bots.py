"""Bots that share an account: their first capital, and what is asked about them."""

import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from dita._kernel import KernelOutcome
from dita.config import BotConfig, Fault
from dita.errors import refuse, shown
from dita.kernel import ExecutionKernel
from dita.precision import plain

UNASSIGNED: Final = "unassigned"
LIMITS: Final = ("max_slots", "max_order_notional", "max_notional")
_BY: Final = "dita.toml"


def give_capital(name: str, bots: Mapping[str, BotConfig], kernel: ExecutionKernel) -> Iterator[Fault]:
    """Give each bot of a configuration its first capital, once; later transfers are what counts.

    Args:
        name: The account's.
        bots: What the configuration says of its bots.
        kernel: The account's.

    Yields:
        What the account does not carry.
    """
    for bot, config in bots.items():
        outcome = kernel.transfer_capital(
            None,
            bot,
            config.capital,
            asset=config.asset,
            transfer_id=f"capital:{bot}:{config.asset}"[:64],
            by=_BY,
            opens=True,
        )
        if not outcome.accepted:
            place = f"accounts.{name}.bots.{bot}.capital"
            yield Fault(place, shown(str(config.capital)), refusal_text(outcome), "bots")


def set_limits(name: str, bots: Mapping[str, BotConfig], kernel: ExecutionKernel) -> Iterator[Fault]:
    """Set what each bot of a configuration may do at most, where that is not what stands: the file wins.

    Args:
        name: The account's.
        bots: What the configuration says of its bots, which have their capital.
        kernel: The account's.

    Yields:
        What the kernel does not take.
    """
    for bot, config in bots.items():
        wanted: dict[str, Any] = {limit: getattr(config, limit) for limit in LIMITS}
        rows = kernel.bots(config.asset)
        standing = next(row for row in rows if row["kind"] == "bot" and row["bot"] == bot)
        if all(standing[limit] == wanted[limit] for limit in LIMITS):
            continue
        outcome = kernel.set_bot_limits(bot, asset=config.asset, by=_BY, **wanted)
        if not outcome.accepted:
            field = outcome.details.get("field", "")
            place = f"accounts.{name}.bots.{bot}.{field}".rstrip(".")
            yield Fault(place, shown(str(wanted.get(field, bot))), refusal_text(outcome), "bots")


def is_funded(venue: str, kernel: ExecutionKernel) -> bool:
    """Whether an account has its money already: another one gets it with the venue's opening state.

    Args:
        venue: As the configuration names it.
        kernel: The account's.
    """
    return venue == "sim" or (kernel.recovery is not None and kernel.recovery["last_seq"] > 0)


def move_capital(kernel: ExecutionKernel, request: Mapping[str, Any]) -> dict[str, Any]:
    """Move capital as a request says, and say what came of it.

    Args:
        kernel: The account's.
        request: `from` and `to`, each a bot or `unassigned`; `amount` as text, `asset`, `by`, and `id`, which
            makes a second one of the same do nothing.

    Raises:
        InvalidInput: The account or the giver does not carry it, or a field is wrong.
    """
    transfer_id = str(request.get("id") or f"transfer-{uuid.uuid4().hex[:16]}")
    outcome = kernel.transfer_capital(
        _bot(request["from"]),
        _bot(request["to"]),
        str(request["amount"]),
        asset=str(request.get("asset") or "USDT"),
        transfer_id=transfer_id,
        by=str(request.get("by") or "host"),
    )
    if not outcome.accepted:
        raise refuse("transfer", f"{request['from']} to {request['to']}", refusal_text(outcome))
    return {"id": transfer_id, "code": str(outcome.diagnostic_code)}


def refusal_text(outcome: KernelOutcome) -> str:
    """Return why an entry, a transfer or a limit was refused, in a sentence.

    Args:
        outcome: The refusal.
    """
    details = outcome.details
    if str(outcome.diagnostic_code) == "BUDGET":
        budget, in_use = Decimal(details["budget"]), Decimal(details["in_use"])
        return (
            f"is more than {details['bot']} has free: its budget is {_plain(budget)} {details['asset']}, "
            f"{_plain(in_use)} of it in use; {_plain(details['needed'])} was needed. {details['reason']}"
        )
    if "field" in details:
        return f"{details['field']} {details['value']} {details['reason']}"
    return str(outcome.diagnostic_code)


def _bot(name: object) -> str | None:
    return None if name == UNASSIGNED else str(name)


def _plain(amount: object) -> str:
    return plain(Decimal(str(amount)))
