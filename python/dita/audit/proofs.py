"""A proof of one trade, for a third person who has nothing but Python and a head that he trusts."""

import json
import os
from pathlib import Path
from typing import Any, Final

from dita._kernel import audit_prove
from dita.errors import shown

#: The program that checks a proof: standard library only, to be handed on with it.
CHECKER: Final = Path(__file__).with_name("check_proof.py")
FORMAT: Final = 1


class UnknownTrade(LookupError):  # noqa: N818 - as the kernel names its own
    """No record of the ledger is about such a trade."""


def proof_of(folder: str | os.PathLike[str], trade_id: str) -> dict[str, Any]:
    """Return the proof of a trade: its records as they stand, and for each the hashes that lead to the head.

    Args:
        folder: The ledger's; verify it before.
        trade_id: The trade.

    Raises:
        UnknownTrade: No record is about it.
        LogDisk: A file cannot be read.
    """
    root, count, records = audit_prove(folder, trade_id)
    if not records:
        raise UnknownTrade(f"{folder}: no record is about the trade {shown(trade_id)}")
    return {
        "format": FORMAT,
        "trade_id": trade_id,
        "head": {"records": count, "root": root},
        "records": [
            {"number": number, "line": line, "execution": execution, "path": [list(step) for step in path]}
            for number, line, execution, path in records
        ],
    }


def as_text(proof: dict[str, Any]) -> str:
    """Return a proof as it is handed on: one JSON document."""
    return json.dumps(proof, indent=1, ensure_ascii=False) + "\n"
