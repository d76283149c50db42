"""A plain, slow, obviously right model of one account with one instrument, to hold beside the kernel.

It keeps what it was given as lists, and works every figure out again from the start whenever it is asked, in
exact fractions. It is a reading of the contract and knows nothing of the kernel's code.
"""

from dataclasses import dataclass, field
from fractions import Fraction

UNIT = Fraction(1, 10**8)  # the venue rounds fees and profits half-even to eight decimals
LOT = Fraction(1, 1000)
TAKER_RATE = Fraction(5, 10_000)
ENDED = ("FILLED", "CANCELED", "REJECTED", "EXPIRED")


def rounded(value: Fraction) -> Fraction:
    """Half-even to the venue's unit."""
    return round(value / UNIT) * UNIT


def is_doubtful(value: Fraction) -> bool:
    """Whether a division at the kernel's last decimal may have tipped the rounding."""
    apart = abs((value / UNIT) % 1 - Fraction(1, 2))
    return apart < Fraction(1, 10**6) and (value * 10**18).denominator != 1


@dataclass
class Order:
    """One order, ours or an external one. Quantities are lots; `sign` is + for BUY."""

    client_id: str
    slot: int
    trade: int
    is_entry: bool
    sign: int
    lots: int
    is_external: bool = False
    status: str = "SENT"
    venue_id: str = ""
    filled: int = 0
    #: The venue has said that a cancel is pending, and has not answered it.
    pending: bool = False
    #: It was sent as one that only reduces.
    reduces: bool = False

    @property
    def reported(self) -> str:
        """What the venue has reported: a pending cancel outranks whatever else it said."""
        return "PENDING_CANCEL" if self.pending else self.status

    @property
    def is_live(self) -> bool:
        return self.status not in ENDED

    @property
    def remaining(self) -> int:
        return max(self.lots - self.filled, 0) if self.is_live else 0


@dataclass
class Settlement:
    """What the venue's books say of a fill, where they say it."""

    fee: Fraction | None
    realized: Fraction | None


@dataclass
class Fill:
    """One fill, in the order in which they were booked."""

    id: str
    order: Order
    lots: int
    price: Fraction
    fee: Fraction | None  # as its events told it
    is_orphan: bool = False  # its slot carried another trade by then

    @property
    def signed(self) -> int:
        return self.lots * self.order.sign


@dataclass
class Position:
    """Lots, + long, and what they cost."""

    lots: int = 0
    cost: Fraction = Fraction(0)

    def add(self, lots: int, price: Fraction) -> Fraction:
        """Average cost: what closes takes its share of the cost with it. Returns the profit."""
        closing = 0
        if self.lots * lots < 0:
            closing = max(-abs(self.lots), -abs(lots)) * (1 if self.lots > 0 else -1)
        profit = Fraction(0)
        if closing:
            released = self.cost * -closing / self.lots
            profit = -(closing * LOT * price) - released
            self.cost -= released
            self.lots += closing
        self.lots += lots - closing
        self.cost += (lots - closing) * LOT * price
        return profit

    def unrealized(self, mark: Fraction) -> Fraction:
        return self.lots * LOT * mark - self.cost


@dataclass
class Slot:
    """What one slot's trade comes to."""

    position: Position = field(default_factory=Position)
    entered: int = 0
    entry_value: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)


@dataclass
class Figures:
    """Everything, worked out."""

    book: Position
    unassigned: Position
    slots: list[Slot]
    wallet: Fraction
    fees: Fraction
    funding: Fraction
    doubtful: int

    def equity(self, mark: Fraction) -> Fraction:
        return self.wallet + self.book.unrealized(mark)


class Naive:
    """The account: what was reported, in the order in which it was given."""

    def __init__(self, slots: int, seed: int, mark: Fraction, *, nets: bool = False) -> None:
        self.seed, self.mark = Fraction(seed), mark
        self.nets = nets  # slots of both sides share the book
        self.trades = [0] * slots  # how many trades each slot has had
        self.sides = [0] * slots  # of the last of them
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        #: Trades paired off with what is unassigned, by slot and trade: how many fills came before.
        self.paired: dict[tuple[int, int], int] = {}
        self.settlements: dict[str, Settlement] = {}
        self.entries: dict[tuple[str, str], Fraction] = {}  # by kind and the venue's id
        self.shares: list[tuple[int, int, Fraction]] = []  # funding that was shown in a slot's trade
        self.balance: Fraction | None = None  # E, as last reported

    # ------------------------------------------------------------------------------------------- the slots

    def ours(self) -> list[Order]:
        return [order for order in self.orders if not order.is_external]

    def of_trade(self, slot: int, *, entry: bool) -> list[Order]:
        """The live orders of the trade that a slot carries."""
        mine = [order for order in self.ours() if (order.slot, order.trade) == (slot, self.trades[slot])]
        return [order for order in mine if order.is_entry == entry and order.is_live]

    def stage(self, slot: int, figures: Figures) -> str:
        """A function of the entry order, the position and the exit orders; nothing else."""
        entries, exits = self.of_trade(slot, entry=True), self.of_trade(slot, entry=False)
        if exits:
            return "EXIT_SENT" if exits[-1].status == "SENT" else "EXIT_WORKING"
        if entries:
            return "ORDER_SENT" if entries[-1].status == "SENT" else "ENTRY_WORKING"
        if figures.slots[slot].position.lots:
            return "POSITION_OPEN"
        return "CLOSED" if self.trades[slot] else "IDLE"

    def is_free(self, slot: int, figures: Figures) -> bool:
        return self.stage(slot, figures) in ("IDLE", "CLOSED")

    def enter_code(self, slot: int, side: int) -> str:
        """What an ENTER comes to."""
        figures = self.figures()
        if not self.is_free(slot, figures):
            return "SLOT_BUSY"
        if self.nets:
            return "OK"
        others = [at for at in range(len(self.trades)) if at != slot and not self.is_free(at, figures)]
        if any(self.sides[other] != side for other in others):
            return "OPPOSITE_SIDE"
        # An unassigned position on a one-way account has a side, too.
        return "OPPOSITE_SIDE" if figures.unassigned.lots * side < 0 else "OK"

    def exit_lots(self, slot: int, wanted: int | None) -> int:
        """How much an EXIT sells of what the exits at work leave; 0 where it is refused."""
        figures = self.figures()
        held = abs(figures.slots[slot].position.lots)
        left = held - sum(order.remaining for order in self.of_trade(slot, entry=False))
        lots = max(left if wanted is None else min(wanted, left), 0)
        # What external trades have closed of it, the venue has no more.
        there = figures.book.lots * self.sides[slot]
        return min(lots, there) if there > 0 and not self.nets else lots

    def only_reduces(self, slot: int, lots: int) -> bool:
        """Whether an exit goes as one that only reduces: on a shared book as far as the net position goes."""
        if not self.nets:
            return True
        figures, side = self.figures(), self.sides[slot]
        wanted = 0
        for at, other in enumerate(figures.slots):
            held = other.position.lots * side
            if held > 0:
                exits = [order for order in self.of_trade(at, entry=False) if order.reduces]
                at_work = sum(order.remaining for order in exits) + (lots if at == slot else 0)
                wanted += min(held, at_work)
        return figures.book.lots * side > 0 and wanted <= figures.book.lots * side

    # ------------------------------------------------------------------------------------------- the orders

    def acknowledge(self, order: Order, venue_id: str) -> None:
        order.venue_id = order.venue_id or venue_id
        if order.status == "SENT":
            order.status = "ACKED"

    def pend_cancel(self, order: Order) -> None:
        if order.is_live:
            order.pending = True
            order.status = "PARTIALLY_FILLED" if order.filled else "ACKED"

    def refuse_cancel(self, order: Order) -> None:
        order.pending = False

    def end(self, order: Order, status: str, *, asked: bool = False) -> None:
        """End an order; `asked` says that its cancel was asked for."""
        order.pending = False
        if not order.is_live:
            return
        order.status = status
        if status == "REJECTED" and not (order.is_entry or asked) and order.trade == self.trades[order.slot]:
            self.pair_off(order.slot)

    def pair_off(self, slot: int) -> None:
        """Close a trade against its exact unassigned opposite, where the venue has neither."""
        figures = self.figures()
        held = figures.slots[slot].position.lots
        is_flat = not figures.book.lots and figures.unassigned.lots == -held
        if held and is_flat and not self.nets and not self.of_trade(slot, entry=True):
            self.paired[slot, self.trades[slot]] = len(self.fills)

    def fill(self, fill: Fill) -> None:
        """A fill counts once, late or not; a repetition may bring the fee that the first lacked."""
        known = next((one for one in self.fills if one.id == fill.id), None)
        if known is not None:
            known.fee = fill.fee if known.fee is None else known.fee
            return
        order = fill.order
        fill.is_orphan = not order.is_external and self.trades[order.slot] != order.trade
        self.fills.append(fill)
        order.filled += fill.lots
        if order.filled >= order.lots:
            order.status = "FILLED"
        elif order.status in ("SENT", "ACKED"):
            order.status = "PARTIALLY_FILLED"

    # -------------------------------------------------------------------------------------------- the money

    def settle(self, fill_id: str, settlement: Settlement) -> None:
        """A later settlement adds what was missing; another figure may be another fill's: not booked."""
        known = self.settlements.setdefault(fill_id, settlement)
        fill = next((fill for fill in self.fills if fill.id == fill_id), None)
        reported = fill.fee if fill is not None and known.fee is None else known.fee
        if settlement.fee not in (None, reported) and reported is not None:
            return
        if settlement.realized not in (None, known.realized) and known.realized is not None:
            return
        self.settlements[fill_id] = Settlement(
            settlement.fee if known.fee is None else known.fee,
            settlement.realized if known.realized is None else known.realized,
        )

    def enter_wallet(self, kind: str, txn_id: str, amount: Fraction) -> None:
        """Money that came or went beside trading, once under each id."""
        if (kind, txn_id) in self.entries:
            return
        self.entries[kind, txn_id] = amount
        if kind != "FUNDING_FEE":
            return
        figures = self.figures()
        held = [abs(slot.position.lots) for slot in figures.slots]
        whole = sum(held) + abs(figures.unassigned.lots)
        for slot, lots in enumerate(held):
            if lots:
                self.shares.append((slot, self.trades[slot], amount * lots / whole))

    def fee(self, fill: Fill) -> Fraction:
        """The venue's books, else what the fill's events told, else the prediction."""
        settled = self.settlements.get(fill.id)
        if settled is not None and settled.fee is not None:
            return settled.fee
        return rounded(fill.lots * LOT * fill.price * TAKER_RATE) if fill.fee is None else fill.fee

    def funding_of(self, slot: int) -> Fraction:
        return sum(
            (share for at, trade, share in self.shares if (at, trade) == (slot, self.trades[slot])),
            Fraction(),
        )

    def figures(self) -> Figures:
        """Work everything out from the start."""
        trades: dict[tuple[int, int], Slot] = {}
        book, unassigned = Position(), Position()
        wallet, fees, doubtful = self.seed + sum(self.entries.values()), Fraction(0), 0
        ahead = dict(self.settlements)

        def close_paired(number: int) -> None:
            for trade in (trade for trade, before in self.paired.items() if before == number):
                slot, (lots, cost) = trades[trade], (unassigned.lots, unassigned.cost)
                slot.realized += slot.position.add(lots, cost / (lots * LOT))
                unassigned.add(-lots, cost / (lots * LOT))

        for number, fill in enumerate(self.fills):
            close_paired(number)
            order, fee, settled = fill.order, self.fee(fill), ahead.pop(fill.id, None)
            profit = book.add(fill.signed, fill.price)
            if settled is not None and settled.realized is not None:
                wallet += settled.realized
            else:
                wallet += rounded(profit)
                doubtful += is_doubtful(profit)
            fees += fee
            if order.is_external or fill.is_orphan:
                unassigned.add(fill.signed, fill.price)
                continue
            slot = trades.setdefault((order.slot, order.trade), Slot())
            slot.fees += fee
            lots = fill.lots
            if order.is_entry:
                slot.entered += lots
                slot.entry_value += lots * LOT * fill.price
            else:
                lots = min(lots, abs(slot.position.lots))
                unassigned.add((fill.lots - lots) * order.sign, fill.price)
            slot.realized += slot.position.add(lots * order.sign, fill.price)
        close_paired(len(self.fills))
        for settled in ahead.values():  # no event has brought these fills yet
            wallet += settled.realized or 0
            fees += settled.fee or 0
        slots = [trades.get((slot, trade), Slot()) for slot, trade in enumerate(self.trades)]
        funding = sum(
            (amount for (kind, _), amount in self.entries.items() if kind == "FUNDING_FEE"), Fraction()
        )
        return Figures(book, unassigned, slots, wallet - fees, fees, funding, doubtful)
