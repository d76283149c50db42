"""The account of a live session: at the venue, or in shadow on the simulated venue."""

import logging
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol

from dita.config import AccountConfig, SimulatedConfig
from dita.errors import KernelError
from dita.kernel import ExecutionKernel
from dita.live.checks import Check, Doctor, check_other_kernels, doctor_of
from dita.live.plan import NotReady, Plan, Remaining
from dita.venues import SimulatedVenue
from dita.venues.wire.failures import Failure
from dita.venues.wire.live import LiveAdapter
from dita.venues.wire.market import MarketEvent, VenueBook, VenueMark, VenueTrade

_LOG: Final = logging.getLogger("dita.live")
_CONNECT_S: Final = 30.0
_FUNDING_S: Final = 28_800


class LiveAccount(Protocol):
    """The account that a live session trades.

    Attributes:
        checks: What was looked at before.
        needs_depth: Whether it needs the market's books and public trades itself.
    """

    checks: list[Check]
    needs_depth: bool

    def open(self, kernel: ExecutionKernel) -> LiveAdapter:
        """Take the account as it is, and return the venue's market data adapter."""

    def on_market(self, event: MarketEvent) -> None:
        """Take a market event, before strategies do."""


class PlannedAccount(LiveAccount, Protocol):
    """The account of a plan: it says what its kernel is opened with, and what is left at the end."""

    @property
    def account(self) -> AccountConfig:
        """What the kernel is opened with."""

    def left(self) -> Remaining:
        """Return what is left."""

    def close(self) -> None:
        """Let go of what the host does not close."""


class Marks:
    """Gives a kernel its venue's marks and funding terms."""

    def __init__(self, kernel: ExecutionKernel) -> None:
        """Give nothing yet.

        Args:
            kernel: The account's.
        """
        self._kernel = kernel
        self._terms: dict[str, tuple[Decimal | None, int | None]] = {}

    def on_market(self, event: MarketEvent) -> None:
        """Take a market event: marks are the kernel's."""
        if not isinstance(event, VenueMark):
            return
        self._kernel.mark_price(event.symbol, event.price)
        terms = (event.rate, event.next_boundary_ns)
        if event.rate is not None and event.next_boundary_ns and self._terms.get(event.symbol) != terms:
            self._terms[event.symbol] = terms
            self._kernel.on_funding(event.symbol, event.rate, event.next_boundary_ns)


class Terms(NamedTuple):
    """How a served account has to be.

    Attributes:
        hedge_mode: Whether it has two books per instrument.
        allow_withdrawals: Whether a key that may withdraw is good enough.
    """

    hedge_mode: bool
    allow_withdrawals: bool


class ServedAccount:
    """The account of a kernel whose venue is a native adapter already: in `dita serve`.

    Attributes:
        checks: What was looked at before.
        needs_depth: False: the venue fills orders itself.
    """

    needs_depth = False

    def __init__(self, terms: Terms | None) -> None:
        """Look at nothing yet.

        Args:
            terms: How the account has to be; None checks nothing, and asks the venue nothing where the log
                has the account already: for a standby that takes over, whose exits must not wait.
        """
        self._terms = terms
        self.checks: list[Check] = []
        self._marks: Marks

    def open(self, kernel: ExecutionKernel) -> LiveAdapter:
        """Check the account at the venue, and take it as it is.

        Raises:
            NotReady: A check failed, the user stream does not open, or another kernel's orders are at work.
        """
        self._marks = Marks(kernel)
        adapter = native_adapter_of(kernel)
        recovery = kernel.recovery
        if self._terms is None and recovery is not None and recovery["last_seq"] > 0:
            return adapter
        if self._terms is not None:
            self.checks = passed(doctor_of(adapter, **self._terms._asdict(), has_log=True))
        return take_over(kernel, kernel.instruments)

    def on_market(self, event: MarketEvent) -> None:
        """Give the kernel the venue's marks."""
        self._marks.on_market(event)


class VenueAccount:
    """The account at the venue.

    Attributes:
        checks: What was looked at before.
        needs_depth: False: the venue fills orders itself.
    """

    needs_depth = False

    def __init__(self, plan: Plan) -> None:
        """Check the account at the venue, and read the instruments' rules.

        Raises:
            NotReady: A check failed.
            KernelError: A secret is missing.
        """
        if plan.key is None or plan.secret is None:
            raise NotReady("api_key, api_secret: are needed; without a key there is --shadow")
        self._plan = plan
        probe = plan.place.adapter(plan.key.resolve(), plan.secret.resolve(), list(plan.symbols))
        try:
            doctor = doctor_of(
                probe, hedge_mode=plan.hedge_mode, allow_withdrawals=plan.allow_withdrawals, has_log=True
            )
            self.checks = passed(doctor)
            self._rules = probe.get_market_metadata(plan.symbols)
        finally:
            probe.close()
        self._adapter: LiveAdapter
        self._marks: Marks

    @property
    def account(self) -> AccountConfig:
        """What the kernel is opened with."""
        plan = self._plan
        return plan.config(
            venue=plan.place.venue,
            options={"symbols": list(plan.symbols), "rest": plan.place.rest, "stream": plan.place.stream},
            credentials={"api_key": str(plan.key), "api_secret": str(plan.secret)},
            instruments={"instruments": dict(self._rules)},
            live=plan.live,
        )

    def open(self, kernel: ExecutionKernel) -> LiveAdapter:
        """Take the account as it is; what an earlier run's log holds wins.

        Raises:
            NotReady: The user stream does not open, or another kernel's orders are at work.
        """
        self._marks = Marks(kernel)
        self._adapter = take_over(kernel, self._plan.symbols)
        return self._adapter

    def on_market(self, event: MarketEvent) -> None:
        """Give the kernel the venue's marks."""
        self._marks.on_market(event)

    def left(self) -> Remaining:
        """Return the positions and orders left at the venue."""
        try:
            return Remaining(self._adapter.get_positions(), list(self._adapter.get_open_orders()))
        except (KernelError, Failure, TimeoutError) as error:
            _LOG.warning("the positions and orders left at the venue could not be read: %s", error)
            return Remaining(known=False)

    def close(self) -> None:
        """Do nothing: the host closes the adapter."""


def passed(doctor: Doctor) -> list[Check]:
    """Return what a doctor has found of an account.

    Args:
        doctor: Of the account.

    Raises:
        NotReady: A check failed.
    """
    found = list(doctor.run())
    failed = [f"{one.name}: {one.text}" for one in found if one.result == "fail"]
    if failed:
        raise NotReady("; ".join(failed))
    return found


def native_adapter_of(kernel: ExecutionKernel) -> LiveAdapter:
    """Return a kernel's adapter.

    Args:
        kernel: The kernel.

    Raises:
        NotReady: It is not a native one.
    """
    if not isinstance(kernel.venue, LiveAdapter):
        raise NotReady(f"venue: expected a native adapter, got {type(kernel.venue).__name__}")
    return kernel.venue


def take_over(kernel: ExecutionKernel, symbols: Sequence[str]) -> LiveAdapter:
    """Take an account as it stands at the venue; what an earlier run's log holds wins.

    Args:
        kernel: The account's; its venue is the native adapter.
        symbols: The instruments whose marks are needed.

    Raises:
        NotReady: The user stream does not open, or another kernel's orders are at work.
    """
    adapter = native_adapter_of(kernel)
    if not adapter.wait_connected(_CONNECT_S):
        raise NotReady("the user stream did not open")
    # Before the account is taken over: after that its orders are known, whoever placed them.
    other = check_other_kernels(adapter, lambda client_id: kernel.order(client_id) is not None)
    if other.result == "fail":
        raise NotReady(f"{other.name}: {other.text}")
    recovery = kernel.recovery
    if recovery is None or recovery["last_seq"] == 0:
        kernel.open_with(adapter.opening_state())
    for symbol in symbols:
        kernel.mark_price(symbol, adapter.mark_price(symbol))
    return adapter


class ShadowAccount:
    """The simulated venue, with the live market. Nothing is sent anywhere, and no key is needed.

    Attributes:
        checks: What was looked at before.
        needs_depth: True: it fills orders on the market's books and trades.
    """

    needs_depth = True

    def __init__(self, plan: Plan) -> None:
        """Ask for the instruments' rules.

        Raises:
            NotReady: The venue does not give them.
        """
        self._plan = plan
        self._market = plan.place.adapter(*_key_of(plan), list(plan.symbols))
        try:
            self._rules, whose = self._read_rules()
            latency_ms = plan.latency_ms if plan.latency_ms is not None else self._measured_ms()
        except (Failure, TimeoutError) as error:
            self._market.close()
            raise NotReady(f"the venue's market: {error}") from error
        except BaseException:
            self._market.close()
            raise
        self._latency_ms = latency_ms
        first = next(iter(self._rules.values()))
        fees = f"maker {first['maker_rate']}, taker {first['taker_rate']} ({whose})"
        text = f"simulated orders on the live market, {latency_ms} ms away; {fees}"
        self.checks = [Check("shadow", "ok", text)]
        self._venue: SimulatedVenue
        self._kernel: ExecutionKernel
        self._terms: dict[str, int] = {}

    def _read_rules(self) -> tuple[Mapping[str, Any], str]:
        """The instruments' rules, and whose fees they have."""
        if self._plan.key is not None:
            try:
                rules = self._market.get_market_metadata(self._plan.symbols)
            except Failure as failure:
                _LOG.warning("the account's own fees cannot be read: %s", failure)
            else:
                # What is not paid in the wallet's asset is paid in it here: the wallet has no other.
                return {
                    symbol: {name: value for name, value in own.items() if name != "fee_asset"}
                    for symbol, own in rules.items()
                }, "the account's own"
        public = dict(self._market.public_rules(self._plan.symbols))
        maker, taker = self._market.usual_rates
        for own in public.values():
            own.update(maker_rate=maker, taker_rate=taker)
        return public, "of an account without a discount; no key is used"

    def _measured_ms(self) -> Decimal:
        """How long an answer of the venue takes: the middle one of five, whole milliseconds."""
        took: list[int] = []
        for _ in range(5):
            began = time.perf_counter_ns()
            self._market.clock_offset_ms()
            took.append(time.perf_counter_ns() - began)
        return Decimal(-(-sorted(took)[2] // 1_000_000))

    @property
    def account(self) -> AccountConfig:
        """What the kernel is opened with."""
        settles = {own["settle"]: self._plan.capital for own in self._rules.values()}
        return self._plan.config(
            simulated=SimulatedConfig(balances=settles, queue_position=True, latency_ms=self._latency_ms),
            instruments={"instruments": dict(self._rules)},
        )

    def open(self, kernel: ExecutionKernel) -> LiveAdapter:
        """Give the simulated venue the marks that stand.

        Raises:
            NotReady: The venue does not give them.
        """
        venue = kernel.venue
        if not isinstance(venue, SimulatedVenue):
            raise NotReady(f"venue: expected the simulated one, got {type(venue).__name__}")
        self._venue, self._kernel = venue, kernel
        try:
            for symbol in self._plan.symbols:
                venue.mark(symbol, self._market.mark_price(symbol))
        except (Failure, TimeoutError) as error:
            raise NotReady(f"the venue's market: {error}") from error
        return self._market

    def on_market(self, event: MarketEvent) -> None:
        """Apply a live market event to the simulated venue: depth, public trades, marks, funding."""
        match event:
            case VenueBook():
                self._venue.on_depth(event.symbol, event.bids, event.asks, snapshot=True)
            case VenueTrade():
                self._venue.on_trade(event.symbol, event.price, event.size)
            case VenueMark():
                self._venue.mark(event.symbol, event.price)
                self._apply_funding_terms(event)

    def _apply_funding_terms(self, mark: VenueMark) -> None:
        """Set the venue's funding rate; a boundary that has passed is paid before the next one is set."""
        boundary_ns = mark.next_boundary_ns
        if mark.rate is None or not boundary_ns or boundary_ns <= time.time_ns():
            return
        before_ns = self._terms.get(mark.symbol)
        length_s = (boundary_ns - before_ns) // 1_000_000_000 if before_ns else 0
        self._terms[mark.symbol] = boundary_ns
        self._venue.set_funding(mark.symbol, mark.rate, boundary_ns, length_s or _FUNDING_S)

    def left(self) -> Remaining:
        """Return what the simulated venue holds."""
        positions = [
            {"symbol": symbol, "size": size}
            for symbol in self._plan.symbols
            if (size := self._position(symbol))
        ]
        orders: list[Mapping[str, Any]] = [
            {
                "venue_client_id": one.venue_client_id,
                "venue_order_id": one.venue_order_id,
                "symbol": one.asset,
            }
            for one in self._kernel.orders(live_only=True)
        ]
        return Remaining(positions, orders)

    def _position(self, symbol: str) -> Decimal:
        held = self._venue.position(symbol)
        return held[0] if held is not None else Decimal(0)

    def close(self) -> None:
        """Close the connection to the market."""
        self._market.close()


def _key_of(plan: Plan) -> tuple[str, str]:
    """Key and secret, where a shadow run has any: they are read with alone."""
    if plan.key is None or plan.secret is None:
        return "", ""
    return plan.key.resolve(), plan.secret.resolve()


def live_account_of(plan: Plan) -> PlannedAccount:
    """Return where a plan trades.

    Args:
        plan: The plan.

    Raises:
        NotReady: A check failed.
        KernelError: A secret is missing.
    """
    return ShadowAccount(plan) if plan.shadow else VenueAccount(plan)
