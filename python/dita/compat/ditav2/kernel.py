"""`ExecutionKernel` with DITAv2's defaults: a face of `dita.ExecutionKernel` that books nothing itself."""

import contextlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, cast

import dita
from dita import KernelIntent, KernelOutcome, TradeSlot, VenueOrder
from dita.compat.ditav2.account import AccountProjection
from dita.compat.ditav2.mock_venue import MockVenueAdapter
from dita.compat.ditav2.venue import IntentVenue, takes_intents
from dita.errors import InvalidInput, InvalidType
from dita.journal import MemoryKernelJournal
from dita.overrides import Overridable, Override, block_of
from dita.projection import MemoryProjection
from dita.second_names import INSTRUMENT_KEYS, intent_of
from dita.slots import KernelSlotView, KernelStateView
from dita.venues.base import is_live
from dita.zinc import InMemoryZincPlane

#: What an instrument has where no configuration names it.
STEPS: Final = {"tick_size": "0.00000001", "lot_step": "0.00000001"}
#: The capital of an account that nobody has given any, in USDT.
CAPITAL: Final = Decimal(25_000)
_INTENTS_MAX: Final = 4096
_ACTOR: Final = "program"


class SlotView(KernelSlotView):
    """A slot that takes assignments outside of a block: each is an override of the program, in the log."""

    __slots__ = ()

    def _block(self, name: str) -> contextlib.AbstractContextManager[object]:
        if block_of(self._engine) is not None:
            return contextlib.nullcontext()
        return Override(cast("Overridable", self._engine), _ACTOR, f"slot.{name}")

    def _write(self, name: str, value: object) -> None:
        with self._block(name):
            super()._write(name, value)

    def _attach(self, name: str, order: VenueOrder | str) -> None:
        with self._block(name):
            super()._attach(name, order)

    def consume_exit_leg(self) -> None:
        """Count the next leg as met; see `KernelSlotView.consume_exit_leg`."""
        with self._block("consume_exit_leg"):
            super().consume_exit_leg()


class _WhenEnabled:
    """A journal that records while the controls' `debug_clickhouse_enabled` is on."""

    def __init__(self, journal: Any) -> None:  # noqa: ANN401 - a KernelJournal
        self._journal = journal

    def record_transition(self, transition: Any, slot: Any, event: Any, control: Mapping[str, Any]) -> None:  # noqa: ANN401
        if control["debug_clickhouse_enabled"]:
            self._journal.record_transition(transition, slot, event, control)

    def flush(self) -> None:
        self._journal.flush()

    def close(self) -> None:
        self._journal.close()


class ExecutionKernel(dita.ExecutionKernel):
    """DITAv2's kernel. Every plane is there without arguments, and an ENTER needs no set-up.

    An asset that no configuration names is made with the venue-wide keys, and its first mark is the intent's
    `reference_price`; a live venue's rules and marks come from the venue alone.
    """

    def __init__(
        self,
        max_slots: int = 10,
        control_plane: Any = None,  # noqa: ANN401 - as its base has it
        venue: Any = None,  # noqa: ANN401 - likewise
        journal: Any = None,  # noqa: ANN401 - likewise
        account: AccountProjection | None = None,
        projection: Any = None,  # noqa: ANN401 - likewise
        projection_client: object | None = None,
        zinc_plane: Any = None,  # noqa: ANN401 - likewise
        **options: Any,  # noqa: ANN401 - likewise
    ) -> None:
        """Open a kernel.

        Args:
            max_slots: How many trades may run at once.
            control_plane: None makes one in memory.
            venue: None makes a `MockVenueAdapter`. One whose `submit` names its argument `intent` gets it.
            journal: None makes one in memory. It records while `debug_clickhouse_enabled` is on.
            account: The kernel takes its capital over; None starts with 25,000 USDT.
            projection: None makes one in memory.
            projection_client: A Hazelcast client, for a projection in its cluster.
            zinc_plane: None makes one in memory.
            options: More options of `dita.ExecutionKernel`.
        """
        self._own_venue = MockVenueAdapter() if venue is None else venue
        self._own_journal = MemoryKernelJournal() if journal is None else journal
        self._intents: dict[str, KernelIntent] = {}
        self._prices: dict[str, object] = {}
        self._keys: set[str] = set()
        if isinstance(self._own_venue, MockVenueAdapter):
            self._own_venue.prices = self._prices
        if projection is None and projection_client is None:
            projection = MemoryProjection()
        is_followed = callable(getattr(self._own_journal, "follower", None))
        super().__init__(
            max_slots,
            control_plane,
            IntentVenue(self._own_venue, self._intents)
            if takes_intents(self._own_venue)
            else self._own_venue,
            self._own_journal if is_followed else _WhenEnabled(self._own_journal),
            None,
            projection,
            projection_client,
            InMemoryZincPlane() if zinc_plane is None else zinc_plane,
            **options,
        )
        self._state = KernelStateView(self._engine, SlotView)
        self._invents = not is_live(self._own_venue)
        self._own_account = AccountProjection(CAPITAL) if account is None else account
        self._has_joined = False

    def _join(self) -> None:
        """Give the account to the kernel, once: with its capital where nothing has opened the kernel yet."""
        if not self._has_joined:
            self._has_joined = True
            self._own_account.join(self, super().account)

    @property
    def venue(self) -> Any:  # noqa: ANN401 - as it was given
        """The venue that the kernel was opened with."""
        return self._own_venue

    @property
    def journal(self) -> Any:  # noqa: ANN401 - as it was given
        """The journal that the kernel was opened with."""
        return self._own_journal

    @property
    def account(self) -> AccountProjection:
        """The account, which `settle` moves."""
        return self._own_account

    def process_intent(
        self, intent: KernelIntent | Mapping[str, Any] | object, *, resend: bool = False
    ) -> KernelOutcome:
        """Take an intent; see `dita.ExecutionKernel.process_intent`."""
        self._join()
        with contextlib.suppress(InvalidInput, InvalidType):
            # What is no intent gets its outcome below.
            intent = intent if isinstance(intent, KernelIntent) else intent_of(intent)
            self._intents[intent.intent_id] = intent
            if len(self._intents) > _INTENTS_MAX:
                del self._intents[next(iter(self._intents))]
            self._prepare(intent.asset, intent.reference_price)
        return super().process_intent(intent, resend=resend)

    def _prepare(self, asset: str, price: Decimal | None) -> None:
        """Make the instrument where no configuration has it, and give it a first mark."""
        if not self._invents or not price or price <= 0:
            return
        self._prices[asset] = price
        if asset not in self.instruments:
            self._make_instrument(asset)
        if self.instrument(asset)["mark_price"] is None:
            self.mark_price(asset, price)

    def _make_instrument(self, asset: str) -> None:
        own: dict[str, Any] = {} if asset.endswith(("USDT", "USDC", "USD")) else {"quote": "USDT"}
        missing = {key: value for key, value in STEPS.items() if key not in self._keys}
        self.set_exchange_config({"instruments": {asset: {**own, **missing}}})

    def set_exchange_config(self, cfg: Mapping[str, Any]) -> None:
        """Set the venue's instruments and rates; keys at the root are for any asset, also for one to come."""
        super().set_exchange_config(cfg)
        self._keys.update(INSTRUMENT_KEYS.get(key, key) for key in cfg)

    def on_account_event(self, event: dict[str, Any]) -> dict[str, Any]:
        """Take what the venue said of the account; without a `timestamp` it is the kernel's time."""
        self._join()
        return super().on_account_event({"timestamp": self.now_ns, **event})

    def reconcile_from_slots(self, slots: Iterable[TradeSlot], by: str = "reconcile") -> KernelOutcome:
        """Take over trades; a kernel that has not traded takes their positions as its opening state first.

        Args:
            slots: The trades.
            by: Who says so.
        """
        taken = list(slots)
        held = [slot for slot in taken if slot.size]
        if self._invents and held and not self._has_joined and not self.ledger(1):
            for slot in held:
                self._prepare(slot.asset, slot.entry_price)
            capital = {"USDT": self._own_account.capital}
            super().open_with({"balances": capital, "positions": _positions(held)})
        self._join()
        return super().reconcile_from_slots(taken, by)

    def set_seed_capital(self, x: Any, asset: str = "USDT") -> None:  # noqa: ANN401 - as its base has it
        """Set what the wallet started with; see `dita.ExecutionKernel.set_seed_capital`."""
        self._join()
        super().set_seed_capital(x, asset)

    def snapshot(self) -> dict[str, Any]:
        """Return controls, slots, account and log as plain values."""
        self._join()
        return super().snapshot()


def _positions(slots: Iterable[TradeSlot]) -> list[dict[str, Any]]:
    """What slots hold, as positions of an account: one for each instrument and side."""
    sums: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for slot in slots:
        size, cost = sums.get((slot.asset, str(slot.side)), (Decimal(0), Decimal(0)))
        way = 1 if str(slot.side) == "LONG" else -1
        size, cost = size + way * slot.size, cost + slot.size * (slot.entry_price or 0)
        sums[slot.asset, str(slot.side)] = size, cost
    return [
        {"symbol": asset, "size": size, "entry_price": cost / abs(size)}
        for (asset, _), (size, cost) in sums.items()
    ]
