"""What the suite has to know of a venue, and be able to make it do.

The suite cannot make a venue fall silent; whoever tests an adapter can, with a test exchange on the loopback
or a script. A `Rig` is that person's half: it opens an adapter on a venue that has one trouble, lets others
trade against our orders, and tells the truth as the venue's own books have it.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from dita.errors import KernelError
from dita.kernel import ExecutionKernel
from dita.venues.base import VenueAdapter
from dita.venues.sim import SimulatedVenue


class NotOffered(KernelError):  # noqa: N818 - not a fault: the sequence is skipped, and says so
    """The rig cannot make its venue do this; the text says why. The sequence is skipped, never passed."""


class VenueFault(enum.StrEnum):
    """What a venue does wrong, or at a bad moment, until `Rig.heal` ends it."""

    NONE = "NONE"
    STALE_STATUS = "STALE_STATUS"
    """After the fill that completes an order an earlier answer: NEW, nothing filled."""
    FILL_BEFORE_ACK = "FILL_BEFORE_ACK"
    """A fill is reported before the order's acknowledgement."""
    SLOW_CHANGES = "SLOW_CHANGES"
    """Cancels and amends reach the venue only at the next `settle`; fills are reported at once."""
    FILL_AFTER_CANCEL = "FILL_AFTER_CANCEL"
    """A cancel is confirmed, and then a fill of at least one lot, made before it, is reported."""
    FALSE_CANCEL = "FALSE_CANCEL"
    """A cancel is confirmed, and the order goes on working; `heal` really cancels it."""
    NO_ANSWER_NOT_FOUND = "NO_ANSWER_NOT_FOUND"
    """An order arrives and is not answered; for half a second a query does not find it."""
    FIRST_FILL_LOST = "FIRST_FILL_LOST"
    """A MARKET order fills in two parts; only the second, which has the total filled, is reported. The first
    comes with `heal`."""
    ONE_ID_TWO_FILLS = "ONE_ID_TWO_FILLS"
    """A fill has the id of the fill before it on the other side."""
    ANSWER_LOST = "ANSWER_LOST"
    """A LIMIT order to sell arrives and is not answered. A query does not find it until it comes again under
    its id, which is refused: DUPLICATE_CLIENT_ID."""
    FILLS_REPLAYED = "FILLS_REPLAYED"
    """Each new connection (`reopen`) gets every earlier fill once more."""
    IDS_PER_RUN = "IDS_PER_RUN"
    """Fills have no id at the venue. The adapter makes them up, each time it is made (`reopen`) others, and
    reports every earlier fill once more; each says how much is filled in all."""
    IDS_PER_SYMBOL = "IDS_PER_SYMBOL"
    """Fill ids are unique per instrument only: the first fills of two instruments share one."""
    OVERFILL = "OVERFILL"
    """The fill that completes an order is one lot larger than what was left."""
    PRICE_LATER = "PRICE_LATER"
    """A fill is reported at price 0 and without its fee, and then again with both."""
    SILENCE = "SILENCE"
    """The stream says nothing more, while everything else works, until `heal`."""
    OTHER_FEE_ASSET = "OTHER_FEE_ASSET"
    """Fees are taken in `other_asset`."""
    MAKER_REBATE = "MAKER_REBATE"
    """A maker's fee is below zero."""
    FUNDING = "FUNDING"
    """The venue pays funding at the boundaries given by `set_funding`."""
    LIQUIDATION = "LIQUIDATION"
    """After its next fill the account is liquidated, by an order that is not ours."""
    ADL = "ADL"
    """After its next fill one lot of the position is auto-deleveraged, by no order of ours."""
    KILL_POST_ONLY = "KILL_POST_ONLY"
    """A post-only order is acknowledged, and then ended as one that would take."""
    KILL_REDUCE_ONLY = "KILL_REDUCE_ONLY"
    """A reduce-only order is acknowledged, and then ended as one that would not reduce."""
    KILL_SELF_TRADE = "KILL_SELF_TRADE"
    """An order is acknowledged, and then ended by self-trade prevention."""
    INSTANT_EXPIRED = "INSTANT_EXPIRED"
    """An order expires at once, without an acknowledgement."""
    CLOCK_SKEW = "CLOCK_SKEW"
    """The venue's times are off, either way: a fill may be stamped before its acknowledgement."""


class Rig(ABC):
    """One venue, one adapter, one scene: a fresh rig is made for each.

    Subclass it and override what your venue can do; what is left raises NotOffered, and what needs it is
    reported as SKIP. Prices are promises: a LIMIT order at `resting_bid` or `resting_ask` rests until
    `fill`, a MARKET order fills at once and whole.

    Attributes:
        symbol: The instrument that is traded, linear and one-way.
        other_symbol: Another of the kind.
        asset: What both settle in.
        other_asset: What OTHER_FEE_ASSET takes fees in.
        balances: What the venue's wallet holds at first.
        size: The size of an order, ten lots.
        lot: The lot.
        resting_bid: Where a buy order rests.
        resting_ask: Where a sell order rests.
        mark: What positions and entries are valued at.
        config: As `ExecutionKernel.set_exchange_config` takes it.
        has_gtd: Whether the venue has orders that end at a time.
        kernel_options: What else `ExecutionKernel` is opened with, such as a clock.
    """

    symbol: ClassVar[str] = "BTCUSDT"
    other_symbol: ClassVar[str] = "ETHUSDT"
    asset: ClassVar[str] = "USDT"
    other_asset: ClassVar[str] = "BNB"
    balances: ClassVar[Mapping[str, Decimal]] = {"USDT": Decimal(10_000), "BNB": Decimal(100)}
    size: ClassVar[Decimal] = Decimal("0.010")
    lot: ClassVar[Decimal] = Decimal("0.001")
    resting_bid: ClassVar[Decimal] = Decimal(59_000)
    resting_ask: ClassVar[Decimal] = Decimal(61_000)
    mark: ClassVar[Decimal] = Decimal(60_000)
    config: ClassVar[Mapping[str, Any]] = {
        "taker_rate": "0.0005",
        "maker_rate": "0.0002",
        "instruments": {
            name: {"tick_size": "0.1", "lot_step": "0.001", "min_notional": "5"}
            for name in ("BTCUSDT", "ETHUSDT")
        },
    }
    has_gtd: ClassVar[bool] = True
    kernel_options: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def open(self, trouble: VenueFault) -> VenueAdapter | SimulatedVenue:
        """Start the venue with one trouble, and return a new adapter to it.

        Args:
            trouble: What it shall do wrong until `heal`.

        Raises:
            NotOffered: It cannot be made to.
        """

    def reopen(self) -> VenueAdapter | SimulatedVenue:
        """Return another new adapter to the venue that is open, as a process that starts again makes one.

        The process of the one before is dead: what the venue tells from here on, it tells to this one.

        Raises:
            NotOffered: The venue does not outlive its adapter.
        """
        raise NotOffered("the venue does not outlive its adapter (reopen)")

    @abstractmethod
    def fill(self, venue_client_id: str, size: Decimal) -> None:
        """Have others trade against a resting order of ours.

        Args:
            venue_client_id: Our id of it.
            size: How much, at most what remains.
        """

    @abstractmethod
    def position(self, symbol: str) -> Decimal:
        """Return the position that the venue's own books have: signed, + long.

        Args:
            symbol: The instrument.
        """

    @abstractmethod
    def wallet(self, asset: str) -> Decimal:
        """Return E as the venue's own books have it: the balance, without unrealised PnL.

        Args:
            asset: Of which asset.
        """

    @abstractmethod
    def orders_received(self) -> int:
        """Return how many orders the venue took, each one of them counted, also one that came twice.

        What it refused because the id is taken is none.
        """

    @abstractmethod
    def orders_working(self) -> int:
        """Return how many of our orders work at the venue; asked once, at the end."""

    def played(self) -> int:
        """Return how often the trouble happened; a sequence whose trouble did not happen fails.

        Raises:
            NotOffered: The rig cannot tell.
        """
        raise NotOffered("the rig cannot tell whether the trouble happened (played)")

    def ready(self, kernel: ExecutionKernel) -> None:
        """Do what is due once the kernel is configured, such as feeding it a first quote.

        Args:
            kernel: The kernel under test.
        """

    def settle(self) -> None:
        """Return once all that is on its way has arrived. Nothing to do where answers come at once."""

    def heal(self) -> None:
        """End the trouble: withheld events are delivered. Nothing to do where it ended by itself."""

    def pass_time(self, kernel: ExecutionKernel, seconds: Decimal) -> None:
        """Let time pass; this one drives the kernel's clock. A rig on real time waits.

        Args:
            kernel: The kernel under test.
            seconds: How long.
        """
        kernel.advance_time(kernel.now_ns + int(seconds * 1_000_000_000))

    def set_funding(
        self, kernel: ExecutionKernel, rate: Decimal, next_boundary_ns: int, interval_secs: int
    ) -> None:
        """Have the venue pay funding, and the kernel know the terms.

        Args:
            kernel: The kernel under test.
            rate: Of the position's value at `mark`; longs pay a positive one.
            next_boundary_ns: When it is next paid.
            interval_secs: From one boundary to the next.

        Raises:
            NotOffered: The venue's funding cannot be steered.
        """
        raise NotOffered("the venue's funding cannot be steered (set_funding)")

    def disturb(self, seed: int) -> Mapping[str, int]:
        """Have the network between adapter and venue go wrong, until `heal`. Torture asks for it.

        Args:
            seed: The same seed goes wrong in the same way.

        Returns:
            How often each of its faults has happened, counted on while it is disturbed; 0 for each at first.
                Empty where the rig has no such network.
        """
        del seed
        return {}

    def close(self) -> None:
        """Stop the venue."""
