"""A host with a simulated market, and its gateway on a port of its own, for tests."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from dita import ExecutionKernel, KernelIntent, SimulatedVenue
from dita.config import load
from dita.gateway import Access, HostSource, Hub, TokenFile
from dita.gateway.app import build_app
from dita.gateway.guards import Guards
from dita.gateway.running import bound, served
from dita.gateway.source import Story
from dita.host import Directory, Host

SYMBOL = "BTCUSDT"
RULES = (
    '{taker_rate = "0.0005", maker_rate = "0.0002", '
    'instruments = {BTCUSDT = {tick_size = "0.1", lot_step = "0.001"}}}'
)


@dataclass
class Desk:
    """A gateway that answers, and the host behind it."""

    host: Host
    hub: Hub
    tokens: TokenFile
    url: str

    def token(self, role: str) -> str:
        """Return a token with a role; one of it each time."""
        return self.tokens.add(f"{role}-{len(self.tokens.read())}", role)

    def client(self, role: str | None = None) -> httpx.Client:
        """Return a client with a token, or without."""
        headers = {} if role is None else {"Authorization": f"Bearer {self.token(role)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=10)

    def quote(self, bid: str, ask: str, at: int) -> None:
        """Move the market."""
        kernel = self.host.accounts["main"]
        assert isinstance(kernel.venue, SimulatedVenue)
        kernel.venue.on_quote(SYMBOL, bid, None, ask, None, at)
        kernel.mark_price(SYMBOL, bid)


def host_in(path: Path, **more: Any) -> Host:
    """Open a host with money and a market."""
    overrides = {
        "accounts.main.instruments": RULES,
        "accounts.main.max_slots": "16",
        "accounts.main.simulated.balances.USDT": "100000",
        **more,
    }
    config = load(environ={}, overrides=overrides).config
    return Host(config, directory=Directory(path))


@contextlib.contextmanager
def desk(
    path: Path, *, guards: Guards | None = None, story: Story | None = None, port: int = 0, **more: Any
) -> Iterator[Desk]:
    """Serve a host's gateway."""
    with host_in(path / "host", **more) as host:
        host.serve()
        with gateway(host, path, guards=guards, story=story, port=port) as found:
            found.quote("60000.0", "60000.1", 1)
            yield found


@contextlib.contextmanager
def gateway(
    host: Host, path: Path, *, guards: Guards | None = None, story: Story | None = None, port: int = 0
) -> Iterator[Desk]:
    """Serve the gateway of a host that answers."""
    assert host.directory is not None
    tokens = TokenFile(path / "tokens.json")
    hub = Hub(HostSource(host.directory, story=story), idle_s=0.05)
    listening = bound("127.0.0.1", port)
    app = build_app(hub, Access(tokens), guards=guards or Guards(requests_per_s=1e6, burst=1e6))
    with served(app, listening) as at:
        yield Desk(host, hub, tokens, f"http://127.0.0.1:{at}")


def fill_slots(kernel: ExecutionKernel, count: int) -> None:
    """Open so many small positions."""
    for number in range(count):
        kernel.process_intent(
            KernelIntent(
                kernel.now_ns,
                intent_id=f"i{number}",
                trade_id=f"t{number}",
                slot_id=number,
                asset=SYMBOL,
                side="LONG",
                action="ENTER",
                target_size="0.001",
                order_type="MARKET",
            )
        )


MARKET_BUY = {
    "side": "buy",
    "symbol": SYMBOL,
    "qty": "0.01",
    "type": "market",
    "client_order_id": "m1",
}
RESTING = {"side": "BUY", "symbol": SYMBOL, "qty": "0.01", "price": "50000", "client_order_id": "l1"}
