"""The demonstration's loop: a market drives a strategy, the strategy drives a kernel on the paper venue.

No trading rule lives here: the kernel decides what is accepted, filled, charged and booked, and this module
reads it back.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Final

from dita import (
    ExecutionKernel,
    KernelCommandType,
    KernelEventKind,
    KernelIntent,
    KernelOutcome,
    ManualClock,
    OrderType,
    SimulatedVenue,
    TradeSide,
    TradeStage,
)
from dita.cli.failure import CommandFailure
from dita.cli.report import Trade
from dita.market import Bar, Depth, Event, Market, Print, Quote, bar_quotes
from dita.market.instruments import MAKER_RATE, TAKER_RATE, InstrumentSpec, instrument_spec
from dita.strategy import Crossover, Stance

SLOT: Final = 0
CAPITAL_FRACTION: Final = Decimal("0.1")
MAKER_EVERY: Final = 3
MAKER_PATIENCE_STEPS: Final = 2
CLOSE_ATTEMPTS_MAX: Final = 8
MINUTE_NS: Final = 60_000_000_000

_FREE_STAGES: Final = frozenset({TradeStage.IDLE, TradeStage.CLOSED})
_FILLS: Final = frozenset({KernelEventKind.PARTIAL_FILL, KernelEventKind.FULL_FILL})
_SIDES: Final = {Stance.LONG: TradeSide.LONG, Stance.SHORT: TradeSide.SHORT}


@dataclass(slots=True)
class ActiveTrade:
    """The trade that the slot carries now.

    Attributes:
        trade_id: The kernel's name for it.
        side: The position's side.
        maker: True where the entry rests in the book as a post-only order.
        size: What the entry asked for.
        entered_ns: When the entry was accepted.
        waited_steps: How many samples the entry has been working for.
        exit_cost: Sum of price times size over the exit fills seen.
        exit_size: Sum of their sizes.
    """

    trade_id: str
    side: TradeSide
    maker: bool
    size: Decimal
    entered_ns: int
    waited_steps: int = 0
    exit_cost: Decimal = Decimal(0)
    exit_size: Decimal = Decimal(0)


@dataclass(slots=True)
class ReplayResult:
    """What a replay leaves behind.

    Attributes:
        trades: Finished round trips, oldest first.
        events: How many market events were fed.
        start_ns: Time of the first event.
        end_ns: Time of the last.
        elapsed_ns: Wall time of the replay, reading the file included.
        intent_ns: Duration of each `process_intent` call, in the order of the calls.
        unfilled_entries: Entries that ended without a fill.
        refusals: How often the kernel refused an intent, by diagnostic code.
    """

    trades: list[Trade] = field(default_factory=list)
    events: int = 0
    start_ns: int = 0
    end_ns: int = 0
    elapsed_ns: int = 0
    intent_ns: list[int] = field(default_factory=list)
    unfilled_entries: int = 0
    refusals: Counter[str] = field(default_factory=Counter)


def crossover_for(market: Market) -> Crossover:
    """Return the strategy with lengths that suit the market's pace.

    Args:
        market: Minutes or longer between samples ask for slower averages, or fees eat every move.
    """
    if market.step_ns >= MINUTE_NS:
        return Crossover(market.step_ns, fast=30, slow=120)
    return Crossover(market.step_ns, fast=2, slow=6)


class PaperReplay:
    """One kernel, one paper venue, one strategy, one market."""

    def __init__(self, market: Market, *, capital: Decimal, seed: int, trades_max: int | None = None) -> None:
        """Open the kernel.

        Args:
            market: What to replay.
            capital: Opening balance in the settlement asset.
            seed: The paper venue's seed.
            trades_max: Stop after so many round trips; None replays everything.
        """
        self.result = ReplayResult()
        self._market = market
        self._spec: InstrumentSpec = instrument_spec(market.symbol)
        self._stake = capital * CAPITAL_FRACTION
        self._lot = Decimal(self._spec["lot_step"])
        self._trades_max = trades_max
        self._strategy = crossover_for(market)
        self._active: ActiveTrade | None = None
        self._sent = 0
        self._entries = 0
        self._quote: Quote | None = None
        asset = self._spec["settle"]
        self.venue = SimulatedVenue(balances={asset: format(capital, "f")}, seed=seed)
        self.kernel = ExecutionKernel(max_slots=1, venue=self.venue, clock=ManualClock(0))
        self.kernel.set_exchange_config(
            {
                "taker_rate": TAKER_RATE,
                "maker_rate": MAKER_RATE,
                "instruments": {market.symbol: dict(self._spec)},
            }
        )
        self.kernel.set_seed_capital(format(capital, "f"), asset=asset)

    @property
    def asset(self) -> str:
        """The settlement asset, in which K, E, fees and PnL are counted."""
        return self._spec["settle"]

    @property
    def is_done(self) -> bool:
        """Whether the wanted number of trades has been made."""
        return self._trades_max is not None and len(self.result.trades) >= self._trades_max

    def feed(self, event: Event) -> None:
        """Give one market event to the venue, and the strategy a look at it.

        Args:
            event: The market's next event, not earlier than the one before.
        """
        self._advance(event.ts_ns)
        self.result.events += 1
        if isinstance(event, Quote):
            self._on_quote(event)
        elif isinstance(event, Bar):
            for quote in bar_quotes(event, self._market.step_ns):
                self._advance(quote.ts_ns)
                self._on_quote(quote)
        elif isinstance(event, Depth):
            self.venue.on_depth(event.symbol, event.bids, event.asks, event.ts_ns, snapshot=event.snapshot)
        elif isinstance(event, Print):
            self.venue.on_trade(event.symbol, event.price, event.size, event.ts_ns)

    def finish(self) -> None:
        """Close whatever is open, so that K and E can be compared without an open position.

        Raises:
            CommandFailure: The market had no quote at all.
        """
        if self._quote is None:
            raise CommandFailure(
                f"{self._market.name}: there is no quote or bar in it, so nothing can be traded"
            )
        for _ in range(CLOSE_ATTEMPTS_MAX):
            if self._active is not None:
                self._leave(self._quote, self._active)
        self.kernel.check_invariants()

    def _advance(self, ts_ns: int) -> None:
        if ts_ns > self.result.end_ns:
            self.kernel.advance_time(ts_ns)
            self.result.start_ns = self.result.start_ns or ts_ns
            self.result.end_ns = ts_ns

    def _on_quote(self, quote: Quote) -> None:
        self.venue.on_quote(quote.symbol, quote.bid, quote.bid_size, quote.ask, quote.ask_size, quote.ts_ns)
        self._quote = quote
        try:
            sampled = self._strategy.on_quote(quote.ts_ns, quote.bid, quote.ask)
        except ValueError as error:
            raise CommandFailure(f"{self._market.name}: the strategy cannot read a quote: {error}") from error
        if sampled:
            self._step(quote)

    def _step(self, quote: Quote) -> None:
        """Bring what the slot holds to what the strategy wants, as far as one sample allows."""
        wanted = _SIDES.get(self._strategy.stance)
        if self._active is not None:
            self._tend(quote, self._active)
        if self._active is not None and self._active.side != wanted:
            self._leave(quote, self._active)
        if self._active is None and wanted is not None and not self.is_done:
            self._enter(quote, wanted)

    def _tend(self, quote: Quote, active: ActiveTrade) -> None:
        """Take back a resting entry that has waited long enough; notice a trade that ended by itself."""
        active.waited_steps += 1
        overdue = active.maker and active.waited_steps > MAKER_PATIENCE_STEPS
        if overdue and self.kernel.slot(SLOT).fsm_state == TradeStage.ENTRY_WORKING:
            self._send(self._intent_about(active, quote, KernelCommandType.CANCEL, active.size))
        self._settle_if_free(quote.ts_ns)

    def _enter(self, quote: Quote, side: TradeSide) -> None:
        self._entries += 1
        number = self._entries
        long = side == TradeSide.LONG
        # A post-only order needs a spread to rest in; a bar's price has none.
        maker = number % MAKER_EVERY == 0 and quote.bid != quote.ask
        price = (quote.bid if long else quote.ask) if maker else (quote.ask if long else quote.bid)
        size = (self._stake / Decimal(price)).quantize(self._lot, rounding=ROUND_DOWN)
        if size <= 0:
            raise CommandFailure(
                f"a tenth of the capital ({self._stake} {self.asset}) does not buy one lot of {self._lot} "
                f"{self._market.symbol} at {price}; give a larger --capital"
            )
        outcome = self._send(
            KernelIntent(
                timestamp=quote.ts_ns,
                intent_id=self._next_intent_id(),
                trade_id=f"t{number}",
                slot_id=SLOT,
                asset=quote.symbol,
                side=side,
                action=KernelCommandType.ENTER,
                reference_price=price,
                target_size=size,
                leverage=1,
                order_type=OrderType.LIMIT if maker else OrderType.MARKET,
                limit_price=price if maker else None,
                post_only=maker,
            )
        )
        if outcome.accepted:
            self._active = ActiveTrade(f"t{number}", side, maker, size, quote.ts_ns)
            self._settle_if_free(quote.ts_ns)

    def _leave(self, quote: Quote, active: ActiveTrade) -> None:
        """Cancel a working entry, then sell what is held; what is not done now is tried again later."""
        if self.kernel.slot(SLOT).fsm_state == TradeStage.ENTRY_WORKING:
            self._send(self._intent_about(active, quote, KernelCommandType.CANCEL, active.size))
        slot = self.kernel.slot(SLOT)
        if slot.fsm_state == TradeStage.POSITION_OPEN:
            outcome = self._send(self._intent_about(active, quote, KernelCommandType.EXIT, slot.size))
            for event in outcome.emitted_events:
                if event.kind in _FILLS and event.price is not None and event.size is not None:
                    active.exit_cost += event.price * event.size
                    active.exit_size += event.size
        self._settle_if_free(quote.ts_ns)

    def _intent_about(
        self, active: ActiveTrade, quote: Quote, action: KernelCommandType, size: Decimal
    ) -> KernelIntent:
        return KernelIntent(
            timestamp=quote.ts_ns,
            intent_id=self._next_intent_id(),
            trade_id=active.trade_id,
            slot_id=SLOT,
            asset=quote.symbol,
            side=active.side,
            action=action,
            reference_price=quote.bid if active.side == TradeSide.LONG else quote.ask,
            target_size=size,
            leverage=1,
        )

    def _next_intent_id(self) -> str:
        self._sent += 1
        return f"i{self._sent}"

    def _send(self, intent: KernelIntent) -> KernelOutcome:
        started = time.perf_counter_ns()
        outcome = self.kernel.process_intent(intent)
        self.result.intent_ns.append(time.perf_counter_ns() - started)
        if not outcome.accepted:
            self.result.refusals[str(outcome.diagnostic_code)] += 1
        return outcome

    def _settle_if_free(self, ts_ns: int) -> None:
        """Write down the trade that the slot has just finished."""
        active, slot = self._active, self.kernel.slot(SLOT)
        if active is None or slot.fsm_state not in _FREE_STAGES:
            return
        self._active = None
        if slot.initial_size == 0:
            self.result.unfilled_entries += 1
            return
        self.result.trades.append(
            Trade(
                trade_id=active.trade_id,
                side=str(active.side),
                entry_kind="maker" if active.maker else "taker",
                entered_ns=active.entered_ns,
                left_ns=ts_ns,
                size=slot.initial_size,
                entry_price=slot.entry_price,
                exit_price=active.exit_cost / active.exit_size if active.exit_size else None,
                fees=slot.fees_paid,
                funding=slot.funding_net,
                realized_pnl=slot.realized_pnl,
            )
        )
