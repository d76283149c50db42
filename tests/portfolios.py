"""Hosts with a simulated account, and files of targets, for the tests of portfolios."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dita import SimulatedVenue
from dita.config import Config, load
from dita.host import Directory, Host

RULES = (
    '{taker_rate = "0.0005", maker_rate = "0.0002", instruments = {'
    'BTCUSDT = {tick_size = "0.1", lot_step = "0.001", min_notional = "5", max_qty = "100"}, '
    'ETHUSDT = {tick_size = "0.01", lot_step = "0.01", min_notional = "5"}, '
    'SOLUSDT = {tick_size = "0.01", lot_step = "1", min_qty = "1"}}}'
)
MARKS = {"BTCUSDT": "50000", "ETHUSDT": "2500", "SOLUSDT": "100"}


def config(**overrides: Any) -> Config:
    given = {f"accounts.main.{key}": value for key, value in overrides.items()}
    return load(environ={}, overrides={"accounts.main.instruments": RULES, **given}).config


def host_in(path: Path, **overrides: Any) -> Host:
    """A host with one account of 10,000 USDT, and a price for each instrument."""
    host = Host(config(**overrides), directory=Directory(path))
    quote(host)
    return host


def quote(host: Host, **marks: str) -> None:
    venue = host.kernel(None).venue
    assert isinstance(venue, SimulatedVenue)
    for symbol, price in {**MARKS, **marks}.items():
        venue.on_quote(symbol, price, None, price, None, host.kernel(None).now_ns + 1)


def now_text(*, ago_s: int = 0) -> str:
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() - ago_s, UTC).isoformat()


def winner(weights: dict[str, Any], *, rank: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "rank": rank,
        "profile": "barbell",
        "engine": "riskfolio",
        "regime": {"name": "NORMAL", "score": 0.7},
        "assets": [
            {"Symbol": symbol, "Weight": weight, "Source_Run": "run-1"} for symbol, weight in weights.items()
        ],
        "metadata": {"generated_at": now_text(), "source_run_id": "run-1", "source_returns_hash": "aa11"},
        **changes,
    }


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def winners(path: Path, weights: dict[str, Any], **changes: Any) -> Path:
    return written(path, {"winners": [winner(weights, **changes)]})


def sizes(host: Host) -> dict[str, str]:
    """What the account holds, by symbol, signed."""
    return {
        one["symbol"]: format(one["size"].normalize(), "f")
        for one in host.kernel(None).positions()
        if one["size"]
    }


def agrees(host: Host) -> bool:
    """Whether K and E are the same to the unit."""
    account = host.kernel(None).snapshot()["account"]["assets"]["USDT"]
    return bool(account["k_capital"] == account["e_wallet_balance"])
