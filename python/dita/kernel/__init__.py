"""`ExecutionKernel`: owns every trade from intent to closed, and keeps an exact account beside it."""

import copy
import logging
import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeAlias

from dita._kernel import (
    Bar,
    Client,
    ControlGate,
    Engine,
    KernelIntent,
    KernelMode,
    KernelOutcome,
    Liquidity,
    Listener,
    LogReplica,
    OrderSide,
    QuoteTick,
    Seats,
    Teller,
    TradeSlot,
    TradeTick,
    VenueEvent,
    VenueOrder,
    Watcher,
)
from dita.audit.followed import FollowedAudit
from dita.clock import Clock
from dita.control.memory import ControlPlane, ControlUpdate, InMemoryControlPlane, KernelControlSnapshot
from dita.control.provenance import REASONS, reasons_noted
from dita.control.record import check
from dita.errors import (
    InvalidInput,
    InvalidType,
    KernelClosed,
    NotYetSupported,
    cut,
    placed,
    refuse,
    shown,
    wrong_type,
)
from dita.follow.spec import kernel_name
from dita.journal.memory import KernelJournal
from dita.kernel.arming import check_mode, is_set_live
from dita.kernel.early import EarlyChanges
from dita.kernel.exchange import ExchangeConfig
from dita.kernel.flatten import Flattening
from dita.kernel.followers import Followers
from dita.kernel.following import Following, followed, make_queue, queue_settings
from dita.kernel.history import happened_since
from dita.kernel.missed import Missed
from dita.kernel.opening import (
    SIZE_MAX,
    SLOTS_MAX,
    close_at_exit,
    end_timer_at_exit,
    listed,
    log_settings,
    open_engine,
    whole,
)
from dita.kernel.recovery import catch_up
from dita.kernel.waking import Waking, start_timer
from dita.logs import KernelLogs
from dita.overrides import Override
from dita.projection.build import build_projection
from dita.projection.memory import KernelProjection
from dita.second_names import fields_of, intent_of, reason_of
from dita.slots import AccountProjection, KernelSlotView, KernelStateView
from dita.venues.base import BaseExecutionAdapter, VenueAdapter, is_real_money
from dita.venues.breaker import BreakerSink, CircuitBreaker, GuardedAdapter
from dita.venues.sim import SimulatedVenue
from dita.venues.small import SmallAdapter, whole_adapter
from dita.zinc.memory import ZincPlane
from dita.zinc.shared import SharedMemoryZincPlane

if TYPE_CHECKING:
    from dita._kernel import Looked

Number: TypeAlias = Decimal | str | int | float
Time: TypeAlias = datetime | int

_DEFAULT_ASSET: Final = "USDT"
_LOG: Final = logging.getLogger("dita.kernel")


class Note(NamedTuple):
    """What a program has asked a kernel to keep.

    Attributes:
        text: The text.
        told_seq: The last input that its writer had received.
        time_ns: When it was written, kernel time, ns.
    """

    text: str
    told_seq: int
    time_ns: int


class ExecutionKernel:
    """One kernel for one account at one venue.

    It is used from any thread. One thread at a time drains: intents from others wait for their answer,
    events from others are left behind. What an adapter or a plane calls back is queued, not nested: its
    outcome says `accepted=False` with `details["queued"]`.

    Every method raises KernelClosed after `close`, KernelPoisoned after a panic inside the kernel, InboxFull
    where too many inputs wait, InvalidInput or InvalidType for values that cannot be taken (`field` names
    which).

    A live kernel starts with `open_with`; for paper and tests `set_seed_capital` is enough.
    """

    def __init__(
        self,
        max_slots: int = 10,
        control_plane: ControlPlane | None = None,
        venue: VenueAdapter | SmallAdapter | SimulatedVenue | None = None,
        journal: KernelJournal | None = None,
        account: AccountProjection | None = None,
        projection: KernelProjection | None = None,
        projection_client: object | None = None,
        zinc_plane: ZincPlane | None = None,
        *,
        audit: FollowedAudit | None = None,
        breaker: CircuitBreaker | None = None,
        logs: KernelLogs | Watcher | None = None,
        clock: Clock | None = None,
        live: bool = False,
        instance_nonce: int | str | None = None,
        hedge_mode: bool = False,
        inbox_max: int = 65_536,
        remembered_orders: int = 4096,
        log_dir: str | os.PathLike[str] | None = None,
        log_policy: str = "batch",
        log_delay_us: int = 1_000,
        log_records: int = 256,
        log_segment_bytes: int = 64 << 20,
        log_snapshot_records: int = 250_000,
        log_retained_bytes: int = 64 << 30,
        log_follower_bytes: int = 16 << 30,
        log_replica: LogReplica | None = None,
        name: str | None = None,
    ) -> None:
        """Open a kernel.

        Args:
            max_slots: How many trades may run at once. A log may be opened with more than before, and with
                fewer never.
            control_plane: Where operators set the controls; None makes one in memory.
            venue: The simulated venue or an adapter; one of the smallest form (`SmallAdapter`) is polled.
                Without one, orders go nowhere and their events are fed by hand with `on_venue_event`.
            journal: Takes every stage change. One that a follower writes (`ClickHouseKernelJournal`) gets a
                process of its own, which this kernel spawns and watches: see `health`. Without a log it is
                fed through a bounded queue, and what overflows is gone.
            account: Must be None: the account is the kernel's own.
            projection: Holds the newest state for others. A `FollowedProjection` gets a process of its own,
                as a journal does.
            projection_client: A Hazelcast client, for a projection in its cluster.
            zinc_plane: Holds the newest state for other processes; a `SharedMemoryZincPlane` is
                written by the kernel's own loop, and can halt it.
            audit: The audit ledger, which a process of its own writes from the log; it needs `log_dir`.
            breaker: The venue's circuit breaker: while it is open no entry is sent. The simulated venue needs
                none.
            logs: Logs what the kernel does, as much as the controls' `verbosity` says; or a `Watcher`, which
                keeps trade events until strategies are called.
            clock: Where kernel time comes from. None means SystemClock for a venue that says `live = True`,
                else ManualClock.
            live: True says that this program means to trade real money. Where no control plane is given and
                nobody has set anything yet, the kernel begins in mode LIVE by it.
            instance_nonce: Marks this instance's client ids (40 bits); a text is hashed. Two kernels that
                trade one account one after the other need different ones. None keeps the log's own; where
                there is none yet, it is drawn at random for a venue that says `live = True` under
                SystemClock, and 0 elsewhere.
            hedge_mode: True where the venue keeps long and short positions apart.
            inbox_max: How many inputs may wait.
            remembered_orders: How many ended orders are remembered for late events.
            log_dir: The directory of this kernel's log; made where it is not there. Opening is recovering:
                the kernel is where it was, and has caught up with its venue. None keeps nothing.
            log_policy: "batch" syncs what leads to nothing after `log_delay_us` or `log_records`, whichever
                is first; "always" at the end of each call; "off" never by itself, for backtests. What leads
                to a request at the venue is synced before that leaves, except with "off", and with
                "written", which writes each drain down for followers and syncs as little.
            log_delay_us: Microseconds.
            log_records: Records.
            log_segment_bytes: How large a file of the log becomes.
            log_snapshot_records: A snapshot is written after so many records.
            log_retained_bytes: Files that no snapshot needs go once they take more than this.
            log_follower_bytes: So much more than that waits for followers that have not read it.
            log_replica: A replica that has followed this log: the opening replays only what it does not
                have. One that does not fit is not used, and a remark of `recovery` says why. It says that
                this is a takeover: where the adapter has `catch_up_later`, exits go once positions and open
                orders are known, and entries once the fills and income in `recovery["pending"]` are.
            name: This kernel's, in rows and in a cluster; None means its log directory's, without a log
                `instance_nonce` where that is a text, else "main".

        Raises:
            NotYetSupported: `account` is given.
            InvalidInput: `audit` is given and `log_dir` is not: what overflows a queue could not be proven.
            ModeMismatch: The venue trades real money and the mode is not LIVE, or the mode is LIVE and the
                venue is simulated.
            ClusterError: Another kernel has the name in the projection's cluster.
            ZincError: Another kernel has the shared plane.
            LogError: The log does not open; its subclass and its text say why and what to do. Its files are
                as they were.
        """
        if account is not None:
            raise NotYetSupported("account: a kernel keeps its own: read ExecutionKernel.account")
        if projection is None and projection_client is not None:
            projection = build_projection(projection_client)
        self._venue = venue = whole_adapter(venue)
        guarded, self._breaker = venue, None
        if breaker is not None and venue is not None and not isinstance(venue, SimulatedVenue):
            guarded, self._breaker = GuardedAdapter(venue, breaker), breaker
        if isinstance(self._venue, BaseExecutionAdapter):
            self._venue.hedge_mode = hedge_mode
        self._breaker_sink = None if self._breaker is None else BreakerSink(self, self._breaker)
        self._given_journal, self._given_projection = journal, projection
        if audit is not None and log_dir is None:
            raise refuse("log_dir", log_dir, "must be given with audit: the ledger is made from the log")
        planes = followed(journal, projection, audit)
        is_named = bool(planes) or name is not None or hasattr(projection, "attach")
        self._name = kernel_name(name, log_dir, instance_nonce) if is_named else ""
        self._followers = Followers(
            None if journal in planes else journal,
            None if projection in planes else projection,
            None if isinstance(zinc_plane, SharedMemoryZincPlane) else zinc_plane,
            None if isinstance(logs, Watcher) else logs,
        )
        queue = make_queue() if planes and log_dir is None else None
        settings: dict[str, Any] = {
            "policy": log_policy,
            "delay_us": log_delay_us,
            "records": log_records,
            "segment_bytes": log_segment_bytes,
            "snapshot_records": log_snapshot_records,
            "retained_bytes": log_retained_bytes,
            "follower_bytes": log_follower_bytes,
            "replica": log_replica,
        }
        self._engine = open_engine(
            guarded,
            clock,
            max_slots=whole("max_slots", max_slots, 1, SLOTS_MAX),
            instance_nonce=instance_nonce,
            hedge_mode=hedge_mode,
            inbox_max=whole("inbox_max", inbox_max, 1, SIZE_MAX),
            remembered_orders=whole("remembered_orders", remembered_orders, 1, SIZE_MAX),
            observer=self._followers.observe if self._followers else None,
            watcher=logs if isinstance(logs, Watcher) else None,
            log=log_settings(queue or log_dir, **(settings if queue is None else queue_settings())),
        )
        self._log_dir = None if log_dir is None else Path(log_dir)
        self._followers.read_from(self._engine)
        self._given_zinc = zinc_plane
        self._zinc = self._followers.zinc
        self._state = KernelStateView(self._engine)
        self._exchange = ExchangeConfig()
        self._live = live
        self._flattening: Flattening | None = None
        self._recovery = self._engine.recovery() if queue is None else None
        self._queued = queue is not None
        self._following: Following | None = None
        try:
            self._control_plane = control_plane or self._own_plane()
            self._early = EarlyChanges(self._control_plane.update)
            self._begin(log_dir, takes_over=log_replica is not None)
            if isinstance(zinc_plane, SharedMemoryZincPlane):
                self.share(zinc_plane)
            if planes:
                self._follow(planes, queue or os.fspath(log_dir or ""))
        except BaseException:
            # Whoever catches it may want to open the log again.
            self._engine.close()
            raise

    # ---------------------------------------------------------------------------------------------- inputs

    def process_intent(
        self, intent: KernelIntent | Mapping[str, Any] | object, *, resend: bool = False
    ) -> KernelOutcome:
        """Take an intent, and with it all that the venue answers at once.

        With a log, an intent whose id was accepted before is never taken again: it is DUPLICATE_INTENT with
        `first_seq`, or INTENT_TAKEN with `first_seq` and `first_time_ns` where its record is gone. Without a
        log, that is so of the last 4,096 that were accepted.

        Args:
            intent: What the strategy wants. A mapping, or an object with an intent's attributes, is read as
                one; where a value in it cannot be, the outcome is INVALID_INTENT, with `field`, `value`,
                `reason`, `intent_id`, `action` and `asset`.
            resend: Whether it may have been sent before, also by a process that ended: where it was taken,
                the log is read for its first outcome, with the fills of then.

        Returns:
            The kernel's own verdict; the venue's, where it answered at once, is in `diagnostic_code`,
            `state`, `emitted_events` and `transitions`.
        """
        if not isinstance(intent, KernelIntent):
            fields = fields_of(intent)
            if not fields:
                raise wrong_type("intent", intent, "KernelIntent")
            try:
                intent = intent_of(intent)
            except (InvalidInput, InvalidType) as error:
                return self._refused(fields, error)
        if self._zinc is not None:
            self._followers.call(self._zinc.publish_intent, intent)
        if resend:
            return self._engine.resend_intents([intent])[0]
        return self._engine.process_intent(intent)

    def share(self, plane: SharedMemoryZincPlane) -> None:
        """Show the kernel in shared memory from now on, and go by the halt beside it.

        Args:
            plane: As `zinc_plane`; a kernel has one.

        Raises:
            InvalidInput: The plane has fewer slots than the kernel.
            ZincError: It was closed, or another kernel has it.
        """
        plane.serve(self._engine)
        self._given_zinc = self._given_zinc or plane

    def show_market(self, tick: QuoteTick | TradeTick | Bar) -> int | None:
        """Show a quote, a trade of others or a closed bar to the programs that are connected.

        Args:
            tick: It. The kernel and its venue know of it from elsewhere: nothing is booked by it.

        Returns:
            Its number in the market's order; None where the kernel is not shared.
        """
        return self._engine.show_market(tick)

    def verbs(self, owner: str = "", *, numbered: bool = False) -> Client:
        """Return the verbs `enter exit cancel amend` of a program: intents that are not built first.

        Of the Zinc planes only one in shared memory shows them.

        Args:
            owner: Whose trades they make; empty for unassigned ones.
            numbered: Whether the verbs make the ids that are left out. One client of an owner may.
        """
        return Client(self._engine, owner or None, numbered=numbered)

    def teller(self, listener: Listener, settle: Callable[[], object], **callbacks: Any) -> Teller:  # noqa: ANN401
        """Return what tells a strategy of its trades: `Watcher.add` says of which.

        Args:
            listener: The strategy's.
            settle: Ends a callback of its that somebody suspects.
            callbacks: `raised`, `on_order`, `on_fill`, `on_position`, `on_change`: see `Teller`.
        """
        return Teller(self._engine, listener, settle, **callbacks)

    def seats(self) -> Seats:
        """Return a new book of who holds which of the kernel's slots; a kernel needs one, for all."""
        return Seats(self._engine)

    def served(
        self, name: str, seats: Seats, plane: tuple[str, str] | None
    ) -> tuple[str, Engine, Seats, tuple[str, str] | None]:
        """Return what a `KernelServer` needs to serve this kernel.

        Args:
            name: The account's name.
            seats: Who holds its slots.
            plane: Where it is shown in shared memory: directory and name.
        """
        return name, self._engine, seats, plane

    def _refused(self, fields: Mapping[Any, Any], error: InvalidInput | InvalidType) -> KernelOutcome:
        """Return the outcome of what was given as an intent and is none."""
        field, reason = reason_of(error)
        slot_id = fields.get("slot_id")
        names = {name: fields.get(name) for name in ("trade_id", "intent_id", "action", "asset")}
        texts = {name: cut(value) if isinstance(value, str) else "" for name, value in names.items()}
        return self._engine.refuse_intent(
            slot_id=slot_id if type(slot_id) is int and 0 <= slot_id < self.max_slots else None,
            field=field,
            value=shown(error.value),
            reason=reason,
            **texts,
        )

    def process_intents(
        self, intents: Iterable[KernelIntent], *, resend: bool = False
    ) -> list[KernelOutcome]:
        """Take intents that come together.

        With a log all of them are written down, then synced once, then what they lead to leaves; those about
        one slot still follow one another. Without one each is taken to its end before the next.

        Args:
            intents: In the order in which they shall be taken.
            resend: As of `process_intent`; each is then taken to its end before the next.

        Returns:
            Their outcomes, in the same order.

        Raises:
            InvalidType: It is no list, or one of them is no KernelIntent; none is taken.
            InboxFull: With a log, there are more than the inbox has room for; none is taken.
        """
        intents = listed("intents", intents)
        if self._zinc is not None:
            for at, intent in enumerate(intents):
                if not isinstance(intent, KernelIntent):
                    raise wrong_type(f"intents[{at}]", intent, "KernelIntent")
            for intent in intents:
                self._followers.call(self._zinc.publish_intent, intent)
        if resend:
            return self._engine.resend_intents(intents)
        return self._engine.process_intents(intents)

    def on_venue_event(self, event: VenueEvent) -> KernelOutcome:
        """Take what the venue said of an order, from any thread.

        Args:
            event: What it said.

        Returns:
            What came of it; with `details["queued"]` where another thread will take it next.
        """
        return self._engine.on_venue_event(event)

    def on_account_event(self, event: dict[str, Any]) -> dict[str, Any]:
        """Take what the venue said of the account, from any thread.

        Args:
            event: `kind`, `timestamp` and what belongs to the kind; decimals as Decimal, int, str or float.

        Returns:
            The account of the event's asset, or of the settlement asset.

        Raises:
            InvalidInput: A key or a value that cannot be taken; nothing has changed.
        """
        self._engine.on_account_event(event)
        return self._engine.account(event.get("asset") or None) or {}

    def mark_price(self, asset: str, price: Number, timestamp: Time | None = None) -> KernelOutcome:
        """Take the price at which an instrument's positions are valued.

        Args:
            asset: The instrument.
            price: Quote units, above zero.
            timestamp: Its time; moves kernel time where that is driven.
        """
        return self._engine.mark_price(asset, price, timestamp)

    def advance_time(self, ts: Time) -> KernelOutcome:
        """Let time pass.

        Args:
            ts: The time, not before the kernel's; with SystemClock, not ahead of the machine's.

        Raises:
            InvalidInput: The time is out of that range.
        """
        return self._engine.advance_time(ts)

    def on_funding(
        self,
        asset: str,
        rate: Number | None = None,
        next_boundary: Time | None = None,
        interval_secs: int | None = None,
        mark_price: Number | None = None,
        timestamp: Time | None = None,
    ) -> KernelOutcome:
        """Take an instrument's funding terms. What is None stays as it is.

        At each boundary that an open position crosses, the kernel books what it predicts from them; the
        venue's `FUNDING_FEE` later books only the difference.

        Args:
            asset: The instrument.
            rate: Of the next boundary, as a fraction of the position's value: longs pay a positive one.
            next_boundary: When it is.
            interval_secs: From one boundary to the next, from that one on.
            mark_price: What values the position at the boundary; None means the last mark.
            timestamp: The terms' time; moves kernel time where that is driven.
        """
        return self._engine.on_funding(
            asset,
            rate=rate,
            next_boundary=next_boundary,
            interval_secs=interval_secs,
            mark_price=mark_price,
            timestamp=timestamp,
        )

    def on_edge(self, asset: str, edge_bps: Number, timestamp: Time | None = None) -> KernelOutcome:
        """Take a strategy's edge, for the edge monitor: one below `min_edge_bps` freezes entries.

        Args:
            asset: The instrument.
            edge_bps: Basis points.
            timestamp: Its time; moves kernel time where that is driven.
        """
        return self._engine.on_edge(asset, edge_bps, timestamp)

    def open_with(self, opening_state: Mapping[str, Any]) -> KernelOutcome:
        """Take what the venue's account holds, as one, before the first trade.

        Positions and orders in it belong to no slot: `reconcile_from_slots` and overrides give them to one.

        Args:
            opening_state: `balances` (asset to wallet balance without unrealised PnL), and where there are
                any `positions` (`symbol size entry_price position_side`, size signed, + long), `orders`
                (`symbol order_side size filled_size price order_type venue_order_id venue_client_id
                position_side reduce_only`), `fill_cursor`, `income_cursor`, `timestamp`.

        Raises:
            InvalidInput: It contradicts itself, names what is not configured, or comes after the first
                trade; nothing has changed.
        """
        return self._engine.open_with(opening_state)

    def reconcile_from_slots(self, slots: Iterable[TradeSlot], by: str = "reconcile") -> KernelOutcome:
        """Take over trades known from elsewhere (another kernel's projection, a migration): all, or none.

        Their positions must lie in the unassigned book, side by side with what `open_with` or the fills
        brought. Free slots are left out. Orders at work are not taken: `details["orders_to_attach"]` lists
        them, and `attach_entry_order` and `attach_exit_order` give them to their slots.

        Args:
            slots: The trades.
            by: Who says so.

        Returns:
            What came of it; where it is refused, `details` names the slot's field and nothing has changed.
        """
        return self._engine.adopt(listed("slots", slots), by)

    def override(self, *, by: str, reason: str) -> Override:
        """Begin an operator's override: inside the block, slots can be written to.

        Each slot's changes are one input, validated as a whole, booked with balancing entries where they
        move money or size, and taken at the end of the block. An exception inside applies nothing.

        Args:
            by: The name of the person or program.
            reason: Why.

        Raises:
            InvalidInput: `by` or `reason` is empty.

        Example:
            `with kernel.override(by="ops", reason="sold by hand"): kernel.slot(0).size = "0.5"`
        """
        return Override(self._engine, by, reason)

    def set_seed_capital(self, x: Number, asset: str = _DEFAULT_ASSET) -> None:
        """Set what the wallet started with, for paper and tests. A second time moves it by the difference.

        Args:
            x: The amount, zero or more, at most 18 decimals.
            asset: Of which asset.

        Raises:
            InvalidInput: The amount or the name cannot be taken.
        """
        self._engine.set_seed_capital(x, asset)

    def set_exchange_config(self, cfg: Mapping[str, Any]) -> None:
        """Set the venue's instruments and rates.

        Keys, at the root for all instruments and under `instruments[symbol]` for one: `taker_rate`,
        `maker_rate`, `lot_step`, `tick_size`, `min_qty`, `max_qty`, `min_notional`, `max_price`,
        `market_max_qty` (of orders without a limit price: a larger exit goes in several), `price_band` (two
        multiples of the mark: a buy's limit is at most the second, a sell's at least the first),
        `max_open_orders`, `max_open_stops` (of the instrument; entries leave a fifth to exits),
        `contract_multiplier`, `funding_interval_secs`, `leverage` (what is set at the venue now),
        `fee_rounding` (the venue's unit as a power of ten, "0.00000001", or the number of decimals, 8;
        half-even; a pair of either and a direction, `("0.01", "UP")`, out of HALF_EVEN, HALF_UP, DOWN, UP,
        FLOOR, CEILING), `base`, `quote` (from the symbol's end where that is USDT, USDC or USD), `settle`
        (the quote; of an inverse contract the base), `product` (perp, spot), `inverse` (False), `fee_asset`
        (the venue's rule: the settlement asset; for spot what is received), `margin_tiers` (a list of
        `notional_floor maint_rate max_leverage`, the lowest floor first; without it one tier is assumed,
        0.005 and 100, and the account names the instrument in `assumed_tiers`), `margin_convention`
        (binance: margin of the value at the mark; bybit: at entry), `margin_mode` (cross; isolated: the
        initial margin at entry is all that stands behind a position), `opposite_slots` (refuse; net: on a
        one-way account slots of both sides share the book), `pair_off` (never; same_owner, with net: a fill
        first closes open trades of its owner on the other side). A second call changes what it names; steps
        and assets of an instrument stay, and `opposite_slots` while anything of it is at work.

        Args:
            cfg: The configuration; decimals as str, Decimal, int or float.

        Raises:
            InvalidInput: A key that is not known or missing, or a value that cannot be held exactly; by name.
        """
        exchange = self._exchange.updated(cfg)
        for spec in exchange.specs():
            try:
                self._engine.add_instrument(**spec)
            except (InvalidInput, InvalidType) as error:
                raise placed(error, f"instruments.{spec['symbol']}") from error
        self._exchange = exchange

    def calibrate_fee(
        self,
        fill_price: Number,
        fill_qty: Number,
        actual_fee: Number,
        asset: str | None = None,
        liquidity: Liquidity | str = Liquidity.TAKER,
        *,
        order_side: OrderSide | str | None = None,
        fee_asset: str = "",
    ) -> dict[str, Any]:
        """Compare what the venue charged for a fill with what the kernel predicts for it, and say why.

        Analytics only: predictions go on with the configured rates.

        Args:
            fill_price: Quote units.
            fill_qty: Base units or contracts.
            actual_fee: + a charge.
            asset: The instrument; None where the kernel has only one.
            liquidity: TAKER or MAKER.
            order_side: BUY or SELL; spot needs it.
            fee_asset: What it was paid in; empty means as predicted.

        Returns:
            `expected_fee` (in `expected_fee_asset`), `actual_fee`, `ratio`, `deviation_pct`,
            `calibration_status` (OK below 1 %, WARN below 5 %, else ERROR), `why` (AS_PREDICTED,
            MAKER_NOT_TAKER, TAKER_NOT_MAKER, OTHER_TIER, DISCOUNT_ASSET, REBATE, UNKNOWN), `implied_rate`,
            `calibration_ratio` (an average of actual / expected, weight 0.1 for the newest),
            `calibration_samples`, `configured_rate`, `observed_rate` (what the fills so far show) and
            `rate_changes` (a list of `seq rate`).

        Raises:
            InvalidInput: A number that cannot be taken, or an instrument that is not known.
        """
        return self._engine.calibrate(
            symbol=self._instrument(asset),
            fill_price=fill_price,
            fill_qty=fill_qty,
            actual_fee=actual_fee,
            liquidity=liquidity,
            order_side=order_side,
            fee_asset=fee_asset,
        )

    def update_control(self, update: ControlUpdate) -> KernelControlSnapshot:
        """Change the controls, at the control plane and so here.

        Args:
            update: What to change.

        From inside one of the kernel's calls (an adapter's `submit`, a journal) the kernel takes it right
        after that call, before anything else, and the plane gets it from a thread; what goes wrong there is
        in `health()["control_trouble"]`.

        Returns:
            The controls as they then stand; from inside a call as they stood before.

        Raises:
            InvalidInput: The kernel refuses: a limit that cannot be, or a new mode while not flat. Nothing
                changed.
            ModeMismatch: The mode does not fit the venue. Nothing changed.
        """
        if not isinstance(update, ControlUpdate):
            raise wrong_type("update", update, "ControlUpdate")
        if update.limits is not None and not isinstance(update.limits, Mapping):
            raise wrong_type("limits", update.limits, "a mapping of limits")
        if self._engine.calls_here:
            check(update, self.control)
            self._change_controls(update)
            self._early.bring(update)
        else:
            self._control_plane.update(update)
        return self.control

    # ----------------------------------------------------------------------------------------------- reads

    @property
    def control(self) -> KernelControlSnapshot:
        """The controls that the kernel applies."""
        return KernelControlSnapshot(**self._engine.control())

    @property
    def state(self) -> KernelStateView:
        """The slots and the three indexes, live."""
        return self._state

    @property
    def account(self) -> AccountProjection:
        """The account, as a view of the kernel's ledger."""
        return AccountProjection(self._engine)

    @property
    def max_slots(self) -> int:
        """How many trades may run at once."""
        return len(self._state.slots)

    @property
    def instruments(self) -> list[str]:
        """The symbols of the instruments, in the order in which they were set."""
        return self._engine.instruments()

    def instrument(self, asset: str) -> dict[str, Any]:
        """Return an instrument's rules, and its last mark.

        Args:
            asset: The instrument.

        Returns:
            `symbol product inverse base quote settle tick_size lot_step min_qty max_qty min_notional
            max_price contract_multiplier maker_rate taker_rate leverage mark_price funding_interval_secs
            market_max_qty price_band max_open_orders max_open_stops`;
            None where the venue has no such limit, or there is no mark yet.

        Raises:
            InvalidInput: There is no such instrument.
        """
        found = self._engine.instrument(asset)
        if found is None:
            raise refuse("asset", asset, "is no instrument")
        return found

    @property
    def control_plane(self) -> ControlPlane:
        """Where operators set the controls."""
        return self._control_plane

    @property
    def journal(self) -> KernelJournal | None:
        """The journal that the kernel was opened with."""
        return self._given_journal

    @property
    def projection(self) -> KernelProjection | None:
        """The projection that the kernel was opened with, or that was made of its client."""
        return self._given_projection

    @property
    def zinc_plane(self) -> ZincPlane | None:
        """The Zinc plane that the kernel was opened with."""
        return self._given_zinc

    @property
    def venue(self) -> VenueAdapter | SimulatedVenue | None:
        """The venue that the kernel was opened with."""
        return self._venue

    @property
    def instance_nonce(self) -> int:
        """What marks this kernel's client ids; 40 bits."""
        return self._engine.instance_nonce

    def __repr__(self) -> str:
        """Return its name, mode, inputs and trades in one line."""
        if self.closed:
            return f"<ExecutionKernel {self._name or 'main'}: closed>"
        carried = sum(slot.fsm_state not in ("IDLE", "CLOSED") for slot in self._state.slots)
        log = "" if self._log_dir is None else f", log {self._log_dir}"
        return (
            f"<ExecutionKernel {self._name or 'main'}: {self.control.mode}, input {self.seq}, "
            f"{carried} of {self.max_slots} slots carry a trade{log}>"
        )

    @property
    def seq(self) -> int:
        """How many inputs were taken."""
        return self._engine.seq

    @property
    def now_ns(self) -> int:
        """Kernel time, nanoseconds since 1970-01-01 UTC."""
        return self._engine.now_ns

    @property
    def clock_ns(self) -> int:
        """What the kernel's clock shows now, also between two inputs; kernel time where that is driven."""
        return self._engine.clock_ns

    @property
    def recovery(self) -> dict[str, Any] | None:
        """What opening the log found and did; None without a log.

        `snapshot_seq` (the last input in the snapshot that it began with), `replayed`, `last_seq` (0 in a new
        log), `last_ns` (its time), `heard_ns` (the time of the venue's last event), `epoch` (1 for the
        first opening), `torn` (the write that a crash tore and that was cut off: a dict of `file offset seq
        bytes reason`, or None), `remarks`; and of the venue `since_ns` (from when on fills and income were
        asked for), `repairs` (method to how many events were `taken known refused`), `refused`,
        `unknown_orders` (open at the venue and not known here) and `troubles` (dicts of `method error`: what
        the venue could not answer) and `pending` (what a takeover still asks for: entries wait for it).
        """
        return None if self._recovery is None else copy.deepcopy(self._recovery)

    @property
    def log_standing(self) -> dict[str, Any] | None:
        """How the log stands; None without a log.

        `last_seq`, `durable_seq` (everything up to there survives a power loss), `epoch`, `snapshots` (their
        last inputs), `sealed_segments`, `index_bytes` (memory), `sync_waits` and `sync_wait_ns` (how
        often calls have waited until records were synced since the opening, and how long in all),
        `snapshot_failure`.
        """
        return None if self._queued else self._engine.log_standing()

    @property
    def inbox_depth(self) -> int:
        """How many inputs wait to be taken now; `inbox_max` is how many may."""
        return self._engine.inbox_depth()

    def slot(self, i: int) -> KernelSlotView:
        """Return a live view of a slot.

        Args:
            i: The slot, from 0.

        Raises:
            InvalidInput: There is no such slot.
        """
        return self._state.slot(i)

    def free_slot(self) -> KernelSlotView | None:
        """Return a live view of the free slot with the lowest number; None where all are busy."""
        slot_id = self._engine.free_slot()
        return None if slot_id is None else self._state.slot(slot_id)

    def order(self, venue_client_id: str) -> VenueOrder | None:
        """Return an order as it is now: live, or ended and still remembered.

        Args:
            venue_client_id: Our id of it.
        """
        return self._engine.order(venue_client_id)

    def orders(self, *, live_only: bool = False) -> list[VenueOrder]:
        """Return the orders, oldest first.

        Args:
            live_only: Leave out those that have ended.
        """
        return self._engine.orders(live_only=live_only)

    def ledger(
        self, limit: int | None = None, *, asset: str | None = None, trade_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the remembered transactions (the last 4,096), oldest first.

        Args:
            limit: At most so many, the newest.
            asset: Of this asset only.
            trade_id: Of this trade only.

        Returns:
            Dicts of `number seq asset cause from to amount slot_id trade_id reference`: `amount` left `from`
            and came to `to`.
        """
        if limit is not None:
            limit = whole("limit", limit, 0, SIZE_MAX)
        return self._engine.ledger(limit, asset=asset, trade_id=trade_id)

    def positions(self) -> list[dict[str, Any]]:
        """Return the venue's positions: as the kernel books them, and as the venue last reported them.

        Returns:
            Dicts of `symbol position_side size entry_price cost unrealized_pnl initial_margin maint_margin
            liquidation_price reported_size difference`. Sizes are signed, + long. `initial_margin` is the
            cost at the leverage set, `maint_margin` the tiers' at the mark, `liquidation_price` where the
            position would end if it were isolated with its initial margin; None for spot, and the last two
            without tiers. `difference` is what was reported less what is booked, None before a report.
        """
        return self._engine.positions()

    def unassigned(self) -> list[dict[str, Any]]:
        """Return what of the positions belongs to no slot."""
        return self._engine.unassigned()

    def bots(self, asset: str | None = None) -> list[dict[str, Any]]:
        """Return the account by the bots that share it: an owner with a capital is one.

        Args:
            asset: In which asset; None: the first instrument's settlement asset.

        Returns:
            A row for each bot, then `unassigned` (what is no bot's) and `between` (what the account's average
            cost has not realised yet of what the bots' own costs have): dicts with `bot kind asset wallet
            capital realized_pnl fees funding invested open_pnl budget margin free slots`. The column `wallet`
            adds up to `k_capital`, exactly; with `open_pnl` it adds up to the account's worth. `budget` is
            capital + realized_pnl - fees + funding + open_pnl, `margin` what positions and working orders
            need, `free` the rest. A bot's row has `notional` as well (its positions at the mark and its
            working entries) and its limits, None where there is none: `max_slots max_order_notional
            max_notional`. [] where there are no bots.
        """
        return self._engine.bots(asset)

    def set_bot_limits(
        self,
        bot: str,
        *,
        max_slots: int | None = None,
        max_order_notional: Number | None = None,
        max_notional: Number | None = None,
        asset: str = _DEFAULT_ASSET,
        by: str,
    ) -> KernelOutcome:
        """Set what a bot may do at most, in place of all that was set before; it is in the log.

        An entry over a limit, or an amend that raises one, is refused: RISK_BLOCKED, with `bot limit value
        attempt` in its details. Exits, cancels and amends that raise nothing never are.

        Args:
            bot: An owner with a capital in the asset.
            max_slots: How many trades it may run at once. None is no limit, here and below.
            max_order_notional: The value of one entry, in units of the asset, 0 or more.
            max_notional: Its positions at the mark and its working entries together, likewise.
            asset: Of trades that settle in this asset.
            by: Who asks for it.

        Returns:
            The outcome: DUPLICATE_INTENT where they were so already, INVALID_INTENT where a field is wrong.
        """
        return self._engine.set_bot_limits(bot, asset, max_slots, max_order_notional, max_notional, by)

    def transfer_capital(
        self,
        giver: str | None,
        taker: str | None,
        amount: Number,
        *,
        asset: str = _DEFAULT_ASSET,
        transfer_id: str,
        by: str,
        opens: bool = False,
    ) -> KernelOutcome:
        """Move capital from one bot to another; no wallet moves by it. It is in the log, and happens once.

        Args:
            giver: Who gives; None for what is no bot's.
            taker: Who takes, likewise.
            amount: In units of the asset, above zero, at most 18 decimals.
            asset: Of which asset.
            transfer_id: Tells it from others: one of the last 1,024 that was taken does nothing again
                (DUPLICATE_INTENT).
            by: Who asks for it.
            opens: Whether it gives an owner its first capital: from then on entries of that owner are held
                against its budget. Where it has one, nothing happens.

        Returns:
            The outcome: BUDGET where the giver has less free, INVALID_INTENT where a field is wrong.
        """
        return self._engine.transfer_capital(transfer_id, giver, taker, amount, asset, by, opens)

    def snapshot(self) -> dict[str, Any]:
        """Return controls, slots, account and log as plain values; money as Decimal.

        Returns:
            `{"control": {...}, "slots": [...], "account": {..., "assets": {name: {...}}}, "log": {...}}`;
            "log" is `log_standing`, None without a log.
        """
        assets = {name: self._engine.account(name) for name in self._engine.assets()}
        account = self._engine.account() or {}
        return {
            "control": self.control.as_dict(),
            "slots": [view.to_dict() for view in self._state.slots],
            "account": {**account, "assets": assets},
            "log": self.log_standing,
        }

    def look(self) -> "Looked":
        """Return what has changed since the last look, all of one moment: everything, the first time.

        For one who looks on, as a gateway does: slots and orders are JSON that is made in Rust. From the
        first look on, the kernel keeps fills and remarks for the next one, 65,536 of each at most.
        """
        return self._engine.look()

    def order_time_ns(self, venue_client_id: str) -> int | None:
        """Return when there was last news of an order, kernel time in ns.

        Args:
            venue_client_id: The order's.

        Returns:
            None before the first `look`, and of an order that is not known or long over.
        """
        return self._engine.order_time_ns(venue_client_id)

    def health(self) -> dict[str, Any]:
        """Return the health status.

        Returns:
            `seq`, `now_ns`, `clock` (see below), `plane_errors`, `flattening` (whether positions are being
            left), `flatten_leaves` (rows of `unassigned` that a flatten leaves: what was there at the
            opening), `control_trouble`: what is wrong with the control plane, or what of it the kernel
            refused; empty where all is well; `margin_status` by asset (OK, MARGIN_CALL at equity of at most
            1.5 times the maintenance margin, UNDERWATER at none), `assumed_tiers`: perpetuals without
            margin tiers; `unknown_wallets`: settlement assets whose wallet the venue has never reported, so
            that E is unknown there; `live_missing`: what trading with real money still lacks, as
            LIVE_NOT_ARMED lists it, [] where nothing, or where the venue trades none; `losses_met`: limits
            on losses that hold entries back now, each with `asset`, `limit`, `value` (what it allows) and
            `attempt` (what was lost); with a circuit
            breaker `breaker`: `venue`, `state` (CLOSED, OPEN, HALF_OPEN), `reason`, `retry_in_s`, `opened`,
            `held_back`, `error_rate`, `latency_ms`, `rejects`; with a projection in a cluster `projection`,
            its `standing`. And `followers`, with for each ("journal", "projection") its `state` (STARTING,
            FOLLOWING, AWAY while what it writes to cannot be reached, REFUSED where a person has to do what
            `error` says, DEAD until it is begun again), `alive`, `pid`, `restarts`, `seq`, `lag_records`,
            `lag_seconds`, `rows`, `retries`, `lost` (inputs that were gone before it could read them) and
            `error`.

            `clock` has `source` (SYSTEM or MANUAL), `diagnostic_code` (CLOCK_SKEW while the machine's clock
            and kernel time differ by more than 1 s, else OK), `skew_ns` (by how much the machine's clock is
            ahead), `timer` (whether the kernel's own timer runs), `wakes` (how often it woke), `late_wakes`
            (how often the process had not run for more than 5 s) and `disconnected_since_ns` (kernel time
            since which the venue is silent, None while it is not).
        """
        standing: dict[str, Any] = getattr(self._control_plane, "standing", dict)()
        following = self._following
        followers = {} if following is None else following.health(self.seq)
        if self._queued and (failure := self._engine.queue_failure()) is not None:
            for one in followers.values():
                one["error"] = f"the queue has ended ({failure}): give the kernel a log, or open it again"
        health: dict[str, Any] = {
            "seq": self.seq,
            "now_ns": self.now_ns,
            "clock": self._engine.clock_standing(),
            "plane_errors": self._followers.errors,
            "flattening": self._flattening is not None and self._flattening.is_busy,
            "flatten_leaves": self._flattening.left_alone() if self._flattening is not None else [],
            "control_trouble": standing.get("trouble") or standing.get("refused") or self._early.trouble,
            "live_missing": self._engine.unarmed(),
            "losses_met": self._engine.losses_met(),
            "followers": followers,
            **self._engine.margins(),
        }
        if self._breaker is not None:
            health["breaker"] = self._breaker.as_dict()
        projection = getattr(self._followers.projection, "standing", None)
        if projection is not None:
            health["projection"] = projection()
        return health

    def state_hash(self) -> str:
        """Return BLAKE3 of the trading state, 64 hexadecimal digits. A refused input leaves it as it was."""
        return self._engine.state_hash()

    def check_invariants(self) -> None:
        """Hold the whole state against the kernel's invariants.

        Raises:
            InvariantViolation: One is broken; `invariant` is its number.
        """
        self._engine.check_invariants()

    # ------------------------------------------------------------------------------------------------- end

    def hold(self) -> None:
        """Write nothing to the log until `let_go`.

        What is taken meanwhile, and the notes on it, is durable together or not at all. What leaves to a
        venue outside of this process is written before it all the same. Without a log it does nothing.
        """
        self._engine.hold()

    def let_go(self) -> None:
        """End `hold`: what was held is written, and synced as the log's policy says.

        Raises:
            LogFailed: It could not be.
        """
        self._engine.let_go()

    def note(self, name: str, text: str, told_seq: int | None = None) -> None:
        """Keep a text in the log; of several under a name the newest counts. No trading state changes by it.

        Args:
            name: Under which name, at most 64 bytes; a log has 256 at most.
            text: At most 65,536 bytes.
            told_seq: The last input that its writer has received; None means the newest.

        Raises:
            InvalidInput: Name or text cannot be.
            LogFailed: It could not be written.
        """
        self._engine.note(name, text, self._engine.seq if told_seq is None else told_seq)

    def note_reasons(self, reasons: Mapping[str, str]) -> None:
        """Keep in the log why overrides were given, for the audit ledger and the journal.

        Args:
            reasons: Why, by an override's id; one that is noted already stays as it is.

        Raises:
            LogFailed: It could not be written.
        """
        found = self.noted(REASONS)
        standing = "" if found is None else found.text
        text = reasons_noted(standing, reasons, self.now_ns)
        if text != standing and reasons:
            self.note(REASONS, text)

    def noted(self, name: str) -> Note | None:
        """Return the newest note of a name; None where there is none.

        Args:
            name: As it was given.
        """
        found = self._engine.noted(name)
        return None if found is None else Note(*found)

    def happened_since(
        self, owner: str, after_seq: int, until_seq: int
    ) -> Iterator[tuple[TradeSlot, VenueEvent, VenueOrder | None]]:
        """Yield what has happened to an owner's trades, out of the log: slot, event, order as it was then.

        Without a log it yields nothing.

        Args:
            owner: Whose trades.
            after_seq: The last input that is known.
            until_seq: The last input to include.
        """
        if self.log_dir is not None:
            yield from happened_since(self.log_dir, owner, after_seq, until_seq)

    @property
    def log_dir(self) -> Path | None:
        """Where the log is; None without one."""
        return self._log_dir

    def sync(self) -> None:
        """Make everything durable that was taken so far. Without a log, nothing happens.

        Raises:
            LogFailed: It could not be; the kernel takes nothing more.
        """
        self._engine.sync()

    @property
    def closed(self) -> bool:
        """Whether the kernel was closed."""
        return self._engine.closed

    def close(self) -> None:
        """Close the kernel, its log, its journal and its adapter. Closing again does nothing.

        The log gets a snapshot, so that the next opening is quick.

        Raises:
            LogFailed: The log could not be closed; what was not durable before may be lost. All else is.
        """
        if self._engine.closed:
            return
        self._end_watch()
        self._followers.look_once_more()
        try:
            self._engine.close()
        finally:
            if self._following is not None and not self._following.close():
                _LOG.warning("followers have not read the log to its end: they go on from there next time")
            self._followers.close()
            close = getattr(self._venue, "close", None)
            if close is not None:
                close()

    def __enter__(self) -> Self:
        """Return the kernel."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the kernel."""
        self.close()

    # ---------------------------------------------------------------------------------------------- inside

    def _begin(self, log_dir: str | os.PathLike[str] | None, *, takes_over: bool) -> None:
        """Meet the venue, catch up with it, and go by the controls."""
        # First of all: a venue in the wrong mode is not even asked.
        standing = self._control_plane.read()
        check_mode(self._venue, (self.control if standing == KernelControlSnapshot() else standing).mode)
        real_money = is_real_money(self._venue)
        self._engine.arm(real_money, False, False)  # noqa: FBT003 - as the last opening left it, nobody is
        if self._recovery is not None and log_dir is not None:
            close_at_exit(self._engine)
            catch_up(
                self._engine, self._venue, self._recovery, Missed(log_dir), self._attach_venue,
                takes_over=takes_over,
            )  # fmt: skip
            # It may have been opened with more slots than its log was begun with.
            self._state = KernelStateView(self._engine)
        else:
            self._attach_venue()
        self._end_watch = self._follow_controls()
        self._engine.arm(real_money, self._live, real_money and is_set_live())
        self._attach_projection(log_dir)
        end_timer_at_exit(self._engine)
        missed = None if log_dir is None else Missed(log_dir)
        start_timer(self._engine, Waking(self._engine, self._venue, missed))

    def _attach_venue(self) -> None:
        if isinstance(self._venue, SimulatedVenue):
            self._venue.bind(self._engine)
            return
        attach = getattr(self._venue, "attach", None)
        if attach is not None:
            attach(self._breaker_sink or self)

    def _own_plane(self) -> ControlPlane:
        """Make a plane in memory; the controls are in the log too."""
        untouched = self.control.version == 0 and not self.control.updated_by
        if self._live and untouched and is_real_money(self._venue):
            self._engine.update_control(mode=KernelMode.LIVE, updated_by="live=True")
        return InMemoryControlPlane(self.control)

    def _attach_projection(self, log_dir: str | os.PathLike[str] | None) -> None:
        """Show the projection all that was recovered. Weak: it outlives its kernels."""
        reference = weakref.ref(self)

        def health() -> Mapping[str, Any]:
            kernel = reference()
            if kernel is None:
                raise KernelClosed
            return kernel.health()

        self._followers.attach(None if log_dir is None else Path(log_dir), health, self._name)

    def _follow(self, planes: list[Any], log_dir: str) -> None:
        """Spawn the followers of what they write."""
        following = Following(planes, log_dir, self._name, queue=self._queued)
        self._following = following
        # Weak: a plane outlives its kernels.
        reference = weakref.ref(self)

        def reach(timeout_s: float) -> bool:
            kernel = reference()
            if kernel is None or kernel.closed:
                return True
            kernel.sync()
            return following.reach(lambda: kernel.seq, timeout_s)

        for plane in planes:
            attach = getattr(plane, "attach", None)
            if attach is not None:
                attach(reach)

    def _follow_controls(self) -> Callable[[], None]:
        """Go by the controls as they stand, and by every change from now on."""
        # Weak: the plane outlives its kernels.
        reference = weakref.ref(self)

        class Changed:
            def __call__(self, update: ControlUpdate) -> None:
                kernel = reference()
                if kernel is not None:
                    kernel._take_control(update)  # noqa: SLF001 - its own

            def calls_here(self) -> bool:
                """Whether this thread is inside one of the kernel's calls."""
                kernel = reference()
                return kernel is not None and kernel._engine.calls_here  # noqa: SLF001 - its own

        # Listening comes first: what an operator says meanwhile must not fall between the two.
        end = self._control_plane.watch(Changed())
        try:
            self._go_by_what_stands()
        except BaseException:
            end()
            raise
        return end

    def _go_by_what_stands(self) -> None:
        """Take the controls as they stand, again where they have changed in the meantime."""
        version: int | None = None
        while (standing := self._control_plane.read()).version != version:
            version = standing.version
            own = self.control
            if standing == KernelControlSnapshot():
                # A plane that nobody has set anything in: only its count is taken.
                changes: dict[str, Any] = {"version": 0, "updated_by": own.updated_by}
            else:
                changes = standing.as_dict()
                for name in ("updated_at", *_GUARDS_OWN):
                    del changes[name]
                changes = _no_looser(changes, own)
            check_mode(self._venue, changes.get("mode", own.mode))
            if any(getattr(own, name) != value for name, value in changes.items()):
                self.note_reasons(getattr(self._control_plane, "reasons", {}))
                self._engine.update_control(**changes)
        if getattr(self._control_plane, "flatten_stands", False):
            everything = getattr(self._control_plane, "flatten_all_stands", False)
            self._flatten(standing.updated_by, everything=everything)

    def _take_control(self, update: ControlUpdate) -> None:
        if not self._early.has(update):
            self._change_controls(update)
        elif update.version not in (None, self.control.version):
            # It was taken before the plane had counted it, and others came between.
            self._engine.update_control(version=update.version, updated_by=update.updated_by)
        if update.flattens:
            self._flatten(update.updated_by, everything=bool(update.flatten_all))
        if self._followers:
            self._followers.write_control(self._engine.control())

    def _change_controls(self, update: ControlUpdate) -> None:
        changes = update.as_dict()
        check_mode(self._venue, changes.get("mode", self.control.mode))
        changes.pop("flatten", None)
        changes.pop("flatten_all", None)
        why = changes.pop("why", None)
        if update.flattens:
            changes["kill_switch"] = True
        if why and update.audited:
            # First: the ledger's record of an override says what was noted when it was given.
            self.note_reasons(dict.fromkeys(update.audited, why))
        self._engine.update_control(**changes)

    def _flatten(self, by: str, *, everything: bool) -> None:
        if self._flattening is None or not self._flattening.stands:
            self._flattening = Flattening(self, by, everything=everything)
        elif everything:
            self._flattening.take_everything()

    def _instrument(self, asset: str | None) -> str:
        if asset is not None:
            return asset
        known = self._engine.instruments()
        if len(known) != 1:
            raise refuse("asset", asset, f"must name one of the {len(known)} instruments")
        return known[0]


# What the kernel's own guards have done; nobody sets it.
_GUARDS_OWN: Final = ("freeze_events", "last_freeze_reason", "last_freeze_symbol")
_GATES: Final = (ControlGate.NORMAL, ControlGate.REDUCE_ONLY, ControlGate.HALTED)


def _no_looser(standing: dict[str, Any], own: KernelControlSnapshot) -> dict[str, Any]:
    """Return the plane's controls, nowhere looser than the kernel's: a restart lifts no halt, no freeze."""
    gate = max(_GATES.index(standing["gate"]), _GATES.index(own.gate))
    return {
        **standing,
        "gate": _GATES[gate],
        "frozen": standing["frozen"] or own.frozen,
        "kill_switch": standing["kill_switch"] or own.kill_switch,
    }
