"""Logs for the tests, written by real kernels on the simulated venue."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from dita import (
    ControlUpdate,
    ExecutionKernel,
    KernelCommandType,
    KernelIntent,
    KernelOutcome,
    Liquidity,
    ManualClock,
    OrderType,
    SimulatedVenue,
)
from kernels import CONFIG, ENTER, EXIT, LONG, SYMBOL

SECOND_NS = 1_000_000_000
#: 2023-11-14 22:13:20 UTC.
BEGIN_NS = 1_700_000_000 * SECOND_NS


@dataclass
class Desk:
    """A kernel with a log, a simulated venue, and a market that the test moves.

    Attributes:
        log_dir: The log's directory.
        fills: What the venue said of each fill: trade, notional, liquidity.
    """

    log_dir: Path
    options: dict[str, Any] = field(default_factory=dict)
    now_ns: int = BEGIN_NS
    intents: int = 0
    venue: SimulatedVenue = field(default_factory=lambda: SimulatedVenue(balances={"USDT": "10000"}))
    fills: list[tuple[str, Decimal, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the kernel, and list the instrument where the log is new."""
        self.kernel = ExecutionKernel(
            max_slots=4, venue=self.venue, clock=ManualClock(BEGIN_NS), log_dir=self.log_dir, **self.options
        )
        if self.kernel.recovery is None or self.kernel.recovery["last_seq"] == 0:
            self.kernel.set_exchange_config(CONFIG)
            self.kernel.set_seed_capital("10000", asset="USDT")

    def quote(self, bid: str, ask: str) -> None:
        """A second later the market is here."""
        self.now_ns += SECOND_NS
        self.kernel.advance_time(self.now_ns)
        self.venue.on_quote(SYMBOL, bid, "50", ask, "50", self.now_ns)
        self.kernel.mark_price(SYMBOL, bid, self.now_ns)

    def ask(self, action: KernelCommandType, trade_id: str, slot_id: int = 0, **fields: Any) -> KernelOutcome:
        """Ask for something, and keep what the venue answered at once."""
        self.intents += 1
        intent = KernelIntent(
            timestamp=self.now_ns,
            intent_id=f"i{self.intents}",
            trade_id=trade_id,
            slot_id=slot_id,
            asset=SYMBOL,
            side=fields.pop("side", LONG),
            action=action,
            **fields,
        )
        outcome = self.kernel.process_intent(intent)
        for event in outcome.emitted_events:
            if event.price is not None and event.size is not None and event.venue_trade_id:
                liquidity = event.liquidity or Liquidity.TAKER
                self.fills.append((trade_id, event.price * event.size, str(liquidity)))
        return outcome

    def trade(self, number: int, size: str, bid: str) -> None:
        """In at the market, out a second later."""
        self.ask(ENTER, f"t{number}", target_size=size, reference_price="100")
        self.quote(bid, str(Decimal(bid) + Decimal("0.1")))
        self.ask(EXIT, f"t{number}", reason="TARGET")

    def k(self) -> Decimal:
        """K, live."""
        return self.kernel.account.state()["k_capital"]

    def limit(self, **limits: Any) -> None:
        """Set limits."""
        self.kernel.update_control(ControlUpdate(limits=limits, updated_by="ops"))


def busy(log_dir: Path, **options: Any) -> Desk:
    """A desk with six closed trades, one refused entry, a held position and an order in the book."""
    desk = Desk(log_dir, options)
    desk.limit(max_order_notional="5000")
    desk.quote("100.0", "100.1")
    for number in range(6):
        desk.trade(number, "2.5", "101.3" if number % 2 else "99.4")
    desk.ask(ENTER, "refused", target_size="200", reference_price="100")
    desk.ask(ENTER, "held", 1, target_size="3", reference_price="100")
    desk.ask(
        ENTER,
        "resting",
        2,
        target_size="1",
        order_type=OrderType.LIMIT,
        limit_price="90",
        reason="MEAN_REVERSION",
    )
    return desk


def flipped(log_dir: Path, into: Path, *, at: int) -> Iterator[Path]:
    """A copy of a log with one bit of its first segment flipped."""
    into.mkdir()
    for path in sorted(log_dir.iterdir()):
        content = bytearray(path.read_bytes())
        if path.suffix == ".seg":
            content[at] ^= 1
        (into / path.name).write_bytes(content)
        yield into / path.name
