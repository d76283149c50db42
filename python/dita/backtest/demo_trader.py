"""The strategy of `dita demo`: it follows two averages; entries are market orders and resting ones."""

import time
from collections import Counter
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from dita._kernel import KernelOutcome, TradeSlot, TradeStage
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.play import Play
from dita.backtest.settings import BacktestSettings
from dita.market import Market
from dita.market.instruments import MAKER_RATE, TAKER_RATE, instrument_spec
from dita.strategy import Bar, Crossover, OwnFill, Params, QuoteTick, Stance, Strategy, StrategyError

CAPITAL_FRACTION: Final = Decimal("0.1")
MAKER_EVERY: Final = 3
MAKER_PATIENCE_STEPS: Final = 2
CLOSE_ATTEMPTS_MAX: Final = 8
MINUTE_NS: Final = 60_000_000_000
NAME: Final = "demo"


class DemoParams(Params):
    """What the demonstration trades with.

    Attributes:
        step_ns: How often it looks.
        stake: What an entry is worth, settlement units.
        lot: The instrument's lot.
        trades_max: How many trades it makes; None means no end.
    """

    step_ns: int
    stake: Decimal
    lot: Decimal
    trades_max: int | None = None


class DemoTrader(Strategy):
    """Long or short as two averages of the middle say; every third entry rests as a post-only order.

    Attributes:
        kinds: "maker" or "taker" for each trade, in the order of their first fills.
        entries: How many entries the kernel has taken.
        seen: How many quotes or bars it has received.
        refusals: Refused intents by code.
        intent_ns: How long each intent took.
        final: The account when it ended.
        left: What it could not close.
    """

    params_type = DemoParams
    slots = 1

    def on_start(self) -> None:
        """Begin without averages."""
        slow_market = self.params.step_ns >= MINUTE_NS
        fast, slow = (30, 120) if slow_market else (2, 6)
        self.cross = Crossover(self.params.step_ns, fast=fast, slow=slow)
        self.kinds: list[str] = []
        self.entries = self.seen = self.waited = 0
        self.refusals: Counter[str] = Counter()
        self.intent_ns: list[int] = []
        self.final: dict[str, Any] = {}
        self.left: list[TradeSlot] = []
        self.symbol = ""
        self._begun: set[str] = set()

    def on_quote(self, quote: QuoteTick) -> None:
        """Look at the best prices."""
        self._look(quote.symbol, quote.bid, quote.ask)

    def on_bar(self, bar: Bar) -> None:
        """Look at the close."""
        self._look(bar.symbol, bar.close, bar.close)

    def on_fill(self, fill: OwnFill) -> None:
        """Note how a trade began."""
        if fill.trade_id not in self._begun:
            self._begun.add(fill.trade_id)
            self.kinds.append("maker" if fill.liquidity == "MAKER" else "taker")

    def on_stop(self) -> None:
        """Close whatever is open, so that K and E can be compared without a position."""
        for _ in range(CLOSE_ATTEMPTS_MAX):
            for trade in self.trades():
                self._leave(trade)
        self.final = self.account.state()
        self.left = [trade for trade in self.trades() if trade.size]

    def _look(self, symbol: str, bid: Decimal, ask: Decimal) -> None:
        self.seen += 1
        self.symbol = symbol
        if not self.cross.on_quote(self.now_ns, format(bid, "f"), format(ask, "f")):
            return
        wanted = None if self.cross.stance is Stance.FLAT else self.cross.stance.value
        trade = self._open()
        if trade is not None:
            self.waited += 1
            rests = trade.fsm_state == TradeStage.ENTRY_WORKING
            if (rests and self.waited > MAKER_PATIENCE_STEPS) or str(trade.side) != wanted:
                self._leave(trade)
        limit = self.params.trades_max
        may_enter = limit is None or len(self.kinds) < limit
        if wanted is not None and may_enter and self._open() is None:
            self._enter(symbol, wanted, bid, ask)

    def _open(self) -> TradeSlot | None:
        return next(iter(self.trades()), None)

    def _enter(self, symbol: str, side: str, bid: Decimal, ask: Decimal) -> None:
        # A post-only order needs a spread to rest in; a bar's price has none.
        maker = (self.entries + 1) % MAKER_EVERY == 0 and bid != ask
        price = (bid if maker else ask) if side == "LONG" else (ask if maker else bid)
        size = (self.params.stake / price).quantize(self.params.lot, rounding=ROUND_DOWN)
        if size <= 0:
            raise StrategyError(
                f"a tenth of the capital ({self.params.stake}) does not buy one lot of {self.params.lot} "
                f"{symbol} at {price}; give a larger --capital"
            )
        terms: dict[str, Any] = {"leverage": 1}
        if maker:
            terms |= {"order_type": "LIMIT", "limit_price": price, "post_only": True}
        if self._timed(lambda: self.enter(symbol, side, size, **terms)).accepted:
            self.entries += 1
            self.waited = 0

    def _leave(self, trade: TradeSlot) -> None:
        """Cancel an entry that rests; close what is held."""
        if trade.fsm_state == TradeStage.ENTRY_WORKING:
            for order in self.orders(trade.asset):
                self._timed(lambda order=order: self.cancel(order))  # type: ignore[misc]
        elif trade.size:
            self._timed(lambda: self.exit(trade))

    def _timed(self, send: Callable[[], KernelOutcome]) -> KernelOutcome:
        started = time.perf_counter_ns()
        outcome = send()
        self.intent_ns.append(time.perf_counter_ns() - started)
        if not outcome.accepted:
            self.refusals[str(outcome.diagnostic_code)] += 1
        return outcome


def play_of(
    market: Market,
    *,
    capital: Decimal,
    seed: int,
    trades_max: int | None,
    trader: type[DemoTrader] = DemoTrader,
) -> tuple[Play, DemoTrader, str]:
    """Return a run of the demonstration, its strategy, and the asset in which it counts.

    Args:
        market: What to play.
        capital: Opening balance, settlement units.
        seed: The paper venue's.
        trades_max: How many trades; None means no end.
        trader: The strategy's class.
    """
    spec = instrument_spec(market.symbol)
    params = DemoParams(
        step_ns=market.step_ns,
        stake=capital * CAPITAL_FRACTION,
        lot=Decimal(spec["lot_step"]),
        trades_max=trades_max,
    )
    settings = BacktestSettings(
        capital=capital,
        seed=seed,
        taker_rate=Decimal(TAKER_RATE),
        maker_rate=Decimal(MAKER_RATE),
        fill_at="close",
        limit_fill="touch",
        allow_gaps=True,
        instruments={market.symbol: dict(spec)},
    )
    engine = BacktestEngine([Named(NAME, trader, params)], [market], settings, name=NAME)
    play = Play(engine, settings, None)
    strategy = play.actors[0].strategy
    assert isinstance(strategy, DemoTrader)  # noqa: S101 - made three lines above
    return play, strategy, spec["settle"]
