"""Check a proof of one trade with Python alone: check_proof.py PROOF ROOT (of a head that you trust)."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any


def sha(*parts: bytes) -> bytes:  # noqa: D103 - what is read by others is kept short
    return hashlib.sha256(b"".join(parts)).digest()


def check(proof: dict[str, Any], root: str) -> list[Any]:
    """Return the records that the root vouches for; raise ValueError where one is not vouched for."""
    records = []
    for entry in proof["records"]:
        record = json.loads(entry["line"])
        stated = record.pop("hash")
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if sha(text.encode()).hex() != stated or record["number"] != entry["number"]:
            raise ValueError(f"record {entry['number']} was edited")
        if record["trade_id"] != proof["trade_id"]:
            raise ValueError(f"record {entry['number']} is of another trade")
        booked = sha((entry["execution"] or "").encode()).hex()
        if record.get("execution", booked) != booked:
            raise ValueError(f"the execution of record {entry['number']} was edited")
        climbing = sha(b"\0", bytes.fromhex(stated))
        for side, other in entry["path"]:
            pair = (bytes.fromhex(other), climbing) if side == "left" else (climbing, bytes.fromhex(other))
            climbing = sha(b"\1", *pair)
        if climbing.hex() != root:
            raise ValueError(f"record {entry['number']} does not lead to the root {root}")
        records.append((record, entry["execution"]))
    return records


if __name__ == "__main__":
    for record, execution in check(json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2]):
        print(record["ts"], record["kind"], execution or json.dumps(record, ensure_ascii=False))
