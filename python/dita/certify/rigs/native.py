"""A native adapter on an exchange to practise on, as certification wants them: over sockets, or without."""

import random
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita.certify.rig import NotOffered, Rig, VenueFault
from dita.certify.rigs.memory import MemoryServer, MemoryWire
from dita.certify.rigs.network import NetworkFault
from dita.clock import ManualClock
from dita.kernel import ExecutionKernel
from dita.practice.exchange import Exchange, Terms
from dita.practice.market import Listing
from dita.practice.server import ServerThread
from dita.venues.wire.adapter import WireAdapter
from dita.venues.wire.transport import Transport

_START_NS: Final = 1_790_000_000_000_000_000
_PATIENCE_S: Final = 20.0
_PAUSE_S: Final = 0.004
_LISTINGS: Final = tuple(
    Listing(
        symbol=f"{base}USDT", base=base, quote="USDT", tick=Decimal("0.1"), lot=Decimal("0.001"),
        min_notional=Decimal(5), max_qty=Decimal(1000), market_max_qty=Decimal(120), start=Decimal(60_000),
    )
    for base in ("BTC", "ETH")
)  # fmt: skip
#: What each trouble is here: a fault with its value, and the count that says that it happened.
_FAULTS: Final[Mapping[VenueFault, tuple[str, int | str, str]]] = {
    VenueFault.STALE_STATUS: ("stale_status", "on", "stale_status"),
    VenueFault.FILL_BEFORE_ACK: ("fill_first", "on", "fill_first"),
    VenueFault.SLOW_CHANGES: ("hold_changes", "on", "hold_changes"),
    VenueFault.FILL_AFTER_CANCEL: ("fill_after_cancel", 1, "fill_after_cancel"),
    VenueFault.FALSE_CANCEL: ("false_cancel", 1, "false_cancel"),
    VenueFault.NO_ANSWER_NOT_FOUND: ("not_found_ms", 500, "hidden"),
    VenueFault.ANSWER_LOST: ("answer_lost", 1, "answer_lost"),
    VenueFault.FILLS_REPLAYED: ("replay", "on", "replay"),
    VenueFault.FIRST_FILL_LOST: ("first_fill_lost", "on", "first_fill_lost"),
    VenueFault.ONE_ID_TWO_FILLS: ("one_id", "on", "one_id"),
    VenueFault.PRICE_LATER: ("price_later", "on", "price_later"),
    VenueFault.OVERFILL: ("overfill", 1, "overfill"),
    VenueFault.SILENCE: ("silent", "on", "silent"),
    VenueFault.LIQUIDATION: ("liquidate", 1, "liquidate"),
    VenueFault.ADL: ("adl", 1, "adl"),
    VenueFault.KILL_POST_ONLY: ("reject_after_ack", 1, "reject_after_ack"),
    VenueFault.KILL_REDUCE_ONLY: ("reject_after_ack", 1, "reject_after_ack"),
    VenueFault.KILL_SELF_TRADE: ("reject_after_ack", 1, "reject_after_ack"),
    VenueFault.INSTANT_EXPIRED: ("instant_expired", 1, "instant_expired"),
    VenueFault.CLOCK_SKEW: ("skew_ms", 900, "skew_ms"),
}
_DISTURBED: Final = 0.15
#: What the network does to sockets: a command, and how it is counted.
_DISTURBANCES: Final = {
    "cut": "STREAM_CUT", "fault lost 1": "REQUEST_LOST", "fault no_answer 1": "ANSWER_LOST",
    "fault drop 1": "FRAME_LOST", "fault duplicate 1": "FRAME_TWICE",
}  # fmt: skip
_NOT_OFFERED: Final = {
    VenueFault.IDS_PER_RUN: "every fill has an id there",
}


class ExchangeRig(Rig):
    """Opens an adapter on an exchange with a trouble; a venue's own rig says which adapter.

    Attributes:
        venue: Whose wire format.
        deaf_s: After how long without news a stream is deaf, seconds.
    """

    venue: ClassVar[str]

    kernel_options: ClassVar[Mapping[str, Any]] = {"clock": ManualClock(_START_NS)}
    deaf_s: ClassVar[float] = 0.5

    def __init__(self) -> None:
        """Begin with a network that is sound."""
        self._chance: random.Random | None = None
        self._disturbed = dict.fromkeys(_DISTURBANCES.values(), 0)

    def open(self, trouble: VenueFault) -> WireAdapter:
        """Start the exchange, and connect."""
        if trouble in _NOT_OFFERED:
            raise NotOffered(_NOT_OFFERED[trouble])
        self.trouble = trouble
        self.now_ns = _START_NS
        terms = Terms(
            balances=dict(self.balances),
            listings=_LISTINGS,
            still=True,
            venue=self.venue,
            settings={"partial_fill_rate": int(trouble == VenueFault.FIRST_FILL_LOST)},
        )
        self.server = self._served(terms)
        self.server.call(self._prepare)
        return self.reopen()

    @abstractmethod
    def _connected(self, address: str) -> WireAdapter:
        """Make an adapter to the exchange at an address."""

    @abstractmethod
    def _unlimit(self, exchange: Any) -> None:  # noqa: ANN401 - each venue's own
        """Lift the exchange's rate limits: the scene's clock stands still, and no window would ever end."""

    def _transport(self) -> Callable[..., Transport]:
        """Return what makes the adapter's transport."""
        return Transport

    def _served(self, terms: Terms) -> ServerThread | MemoryServer:
        # The market is moved by the scene alone.
        return ServerThread(terms, step_s=3_600, clock_ns=lambda: self.now_ns)

    def reopen(self) -> WireAdapter:
        """Connect, at first or once more."""
        self.adapter = self._connected(self.server.address)
        return self.adapter

    def ready(self, kernel: ExecutionKernel) -> None:
        """Wait until the stream is open, and tell the kernel the marks."""
        if not self.adapter.wait_connected(_PATIENCE_S):
            raise TimeoutError("the adapter did not connect")
        for symbol in (self.symbol, self.other_symbol):
            kernel.mark_price(symbol, self.mark)

    def fill(self, venue_client_id: str, size: Decimal) -> None:
        """Trade against a resting order."""
        # What was sent before must be there before others trade against it.
        self._wait(lambda: self._is_placed(venue_client_id))

        def trade(exchange: Exchange) -> None:
            for order in exchange.account.open_orders():
                if order.client_id == venue_client_id:
                    exchange.account.trade_against(order, size)

        self.server.call(trade)
        self._wait(self._is_caught_up)

    def settle(self) -> None:
        """Have what was held back done, and wait until everything was delivered."""
        self._disturb_now()
        if self.trouble == VenueFault.SLOW_CHANGES:
            self.server.command("release")
        repairs = self.adapter.repairs
        self._wait(lambda: self.adapter.is_quiet and self._is_caught_up())
        was_deaf = self.adapter.is_deaf
        if was_deaf and self.trouble == VenueFault.SILENCE:
            # The next but one began after this.
            self._wait(lambda: not self.adapter.is_deaf or self.adapter.repairs > repairs + 1)
        elif was_deaf:
            # The kernel's time is faster than the stream's: it would not wait until the stream is trusted.
            self._wait(lambda: not self.adapter.is_deaf)

    def heal(self) -> None:
        """End the trouble."""
        if self.trouble == VenueFault.SLOW_CHANGES:
            self.server.command("release")
        self.server.command("heal")
        if self._chance is not None:
            self._chance = None
            self.server.command("cut")
            self._ask_for_the_rest()

    def disturb(self, seed: int) -> Mapping[str, int]:
        """Have sockets be cut, answers be lost, frames be lost and come twice, as actions go by."""
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        return self._disturbed

    def _disturb_now(self) -> None:
        if self._chance is None or self._chance.random() > _DISTURBED:
            return
        line = self._chance.choice(list(_DISTURBANCES))
        self.server.command(line)
        self._disturbed[_DISTURBANCES[line]] += 1

    def _ask_for_the_rest(self) -> None:
        """What was lost on the way is asked for, on a network that is sound again."""
        self._wait(lambda: self.adapter.is_quiet)
        self.adapter.repair_now()

    def pass_time(self, kernel: ExecutionKernel, seconds: Decimal) -> None:
        """Let time pass, for both."""
        super().pass_time(kernel, seconds)
        self.now_ns = max(self.now_ns, kernel.now_ns)
        self.server.call(Exchange.step)

    def set_funding(
        self, kernel: ExecutionKernel, rate: Decimal, next_boundary_ns: int, interval_secs: int
    ) -> None:
        """Set the terms, for both."""
        next_ms = next_boundary_ns // 1_000_000
        self.server.call(lambda one: one.account.set_funding(self.symbol, rate, next_ms, interval_secs))
        kernel.on_funding(self.symbol, rate, next_boundary_ns, interval_secs)

    def position(self, symbol: str) -> Decimal:
        """Return the exchange's position."""
        held = self.server.call(lambda one: one.account.held().positions)
        return sum((row.size for row in held if row.symbol == symbol), Decimal(0))

    def wallet(self, asset: str) -> Decimal:
        """Return the exchange's balance."""
        balance = self.server.call(lambda one: one.account.sim.wallet(asset))
        return balance if balance is not None else Decimal(0)

    def orders_received(self) -> int:
        """Return how many orders were taken."""
        strange = ("autoclose-", "adl_autoclose", "web_")
        return self.server.call(
            lambda one: sum(not o.client_id.startswith(strange) for o in one.account.histories.orders)
        )

    def orders_working(self) -> int:
        """Return how many orders work."""
        return self.server.call(lambda one: len(one.account.open_orders()))

    def played(self) -> int:
        """Return how often the trouble happened."""
        count = self._count
        return self.server.call(count)

    def close(self) -> None:
        """Stop the exchange."""
        self.server.close()

    # ---------------------------------------------------------------------------------------------- inside

    def _prepare(self, exchange: Exchange) -> None:
        self._unlimit(exchange)
        for market in exchange.markets.values():
            market.fixed_mark = self.mark
            market.set_price(self.mark)
            exchange.account.on_market(market, None)
        if self.trouble == VenueFault.OTHER_FEE_ASSET:
            exchange.account.sim.pay_fees_in(self.other_asset, Decimal(600), Decimal("0.1"))
        elif self.trouble == VenueFault.MAKER_REBATE:
            exchange.account.sim.set_fee_rates(self.symbol, Decimal("-0.0001"), Decimal("0.0005"))
        elif self.trouble in _FAULTS:
            name, value, _ = _FAULTS[self.trouble]
            exchange.faults.set(name, value)

    def _count(self, exchange: Exchange) -> int:
        if self.trouble in _FAULTS:
            return exchange.faults.happened[_FAULTS[self.trouble][2]]
        trades = exchange.account.histories.trades
        if self.trouble == VenueFault.IDS_PER_SYMBOL:
            return len({t.order.symbol for t in trades}) - 1
        if self.trouble == VenueFault.FUNDING:
            return sum(row.kind == "FUNDING_FEE" for row in exchange.account.histories.income)
        return len(trades)

    def _is_placed(self, client_id: str) -> bool:
        # Also one that has ended since: a cancel may have overtaken those who trade against it.
        placed: bool = self.server.call(
            lambda one: any(order.client_id == client_id for order in one.account.histories.orders)
        )
        return placed

    def _is_caught_up(self) -> bool:
        said: int = self.server.call(
            lambda one: sum(session.said for session in one.sessions if session.is_private)
        )
        return self.adapter.frames >= said

    def _wait(self, is_so: Any) -> None:  # noqa: ANN401 - a callable
        until = time.monotonic() + _PATIENCE_S
        calm = 0
        while calm < 2:
            calm = calm + 1 if is_so() else 0
            if time.monotonic() > until:
                raise TimeoutError("what was on its way did not arrive")
            time.sleep(_PAUSE_S)


class MemoryRig(ExchangeRig):
    """The same without sockets: the adapter's bytes reach the exchange through a network in this process."""

    deaf_s: ClassVar[float] = 0.15

    def disturb(self, seed: int) -> Mapping[str, int]:
        """Have the network go wrong: each seed has its own mix."""
        network = self._memory.network
        network.fired.update(dict.fromkeys(map(str, NetworkFault), 0))
        network.disturb(seed)
        return network.fired

    def heal(self) -> None:
        """End the trouble."""
        super().heal()
        self._memory.network.calm()
        self._ask_for_the_rest()

    # ---------------------------------------------------------------------------------------------- inside

    @property
    def _memory(self) -> MemoryServer:
        assert isinstance(self.server, MemoryServer)  # noqa: S101 - `_served` made it
        return self.server

    def _transport(self) -> Callable[..., Transport]:
        return type("Wire", (MemoryWire,), {"server": self._memory})

    def _served(self, terms: Terms) -> ServerThread | MemoryServer:
        return MemoryServer(terms, lambda: self.now_ns)

    def _is_caught_up(self) -> bool:
        return self._memory.network.under_way == 0
