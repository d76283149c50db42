"""Orders out of target minus actual: how much, in which parts, and why not."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from dita._kernel import OrderSide, Product, Regime
from dita.control import KernelControlSnapshot
from dita.portfolio.book import ZERO, Book, Equity, Holding, Market
from dita.portfolio.errors import PortfolioCode, refused_field
from dita.portfolio.targets import (
    Symbols,
    Target,
    TargetAsset,
    TargetFile,
    TargetForm,
    check_age,
    check_gross,
    resolved,
)
from dita.precision import EXACT, quotient

#: The applier's name: its trades carry it as their owner.
OWNER: Final = "portfolio"
HOUR_NS: Final = 3_600_000_000_000
#: What a venue takes in no order; the other rejects are about orders that are too large.
_FLOORS: Final = frozenset({"QTY_TRUNCATES_TO_ZERO", "BELOW_MIN_QTY", "BELOW_MIN_NOTIONAL"})
#: Weights are shown, and held against the threshold, with so many places.
_WEIGHT_PLACES: Final = 12


class RowState(StrEnum):
    """How far a row is."""

    OPEN = "OPEN"
    DONE = "DONE"
    REFUSED = "REFUSED"


class Why(StrEnum):
    """Why a row trades nothing, or less than its target."""

    ON_TARGET = "On Target"
    DUST = "Dust"
    BELOW_FLOOR = "Below Floor"
    NOT_OURS = "Not Ours"
    REGIME_BLOCKED = "REGIME_BLOCKED"


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """How targets become orders.

    Attributes:
        rank: Which winner.
        threshold: A weight that differs by less is left alone.
        buffer: The share of the account that stays cash.
        max_gross: How large the sum of absolute weights may be.
        max_age_ns: How old the targets may be.
        close_dust: Whether what is held without a target is closed though it is under the threshold.
        override_ref: The audited action that lets longs through in a CRISIS; empty where there is none.
    """

    rank: int = 1
    threshold: Decimal = Decimal("0.01")
    buffer: Decimal = Decimal("0.02")
    max_gross: Decimal = Decimal(1)
    max_age_ns: int = 24 * HOUR_NS
    close_dust: bool = False
    override_ref: str = ""


@dataclass(slots=True)
class Row:
    """One instrument of a plan. Sizes are signed, + long.

    Attributes:
        symbol: As the file has it; the instrument's own where the file does not name it.
        asset: The instrument.
        weight: What it shall be of the account.
        actual_weight: What it is, working orders counted.
        mark: The price that sizes are made with.
        target: The size that is wanted, on the venue's grid.
        actual: The size at the plan's beginning, working orders counted.
        reduce: How much of it is closed, not signed.
        increase: How much is added, not signed.
        cap: The largest single order that the limits let through; None where none limits it.
        orders: In how many orders it is traded, by that.
        source_run: The run that asks for it.
        why: Why nothing, or less, is traded; empty where the row is traded whole.
        state: How far it is.
        refusal: Why the kernel or the venue refused it; empty where they did not.
    """

    symbol: str
    asset: str
    weight: Decimal
    actual_weight: Decimal
    mark: Decimal
    target: Decimal
    actual: Decimal
    reduce: Decimal = ZERO
    increase: Decimal = ZERO
    cap: Decimal | None = None
    orders: int = 0
    source_run: str = ""
    why: str = ""
    state: RowState = RowState.OPEN
    refusal: str = ""

    @property
    def action(self) -> str:
        """REDUCE, INCREASE, FLIP (both, in this order) or HOLD."""
        if self.reduce:
            return "FLIP" if self.increase else "REDUCE"
        return "INCREASE" if self.increase else "HOLD"

    @property
    def side(self) -> str:
        """BUY or SELL; empty where nothing is traded."""
        if self.action == "HOLD":
            return ""
        return str(OrderSide.BUY if self.target > self.actual else OrderSide.SELL)

    @property
    def size(self) -> Decimal:
        """How much is traded, not signed."""
        return self.reduce + self.increase


@dataclass(slots=True)
class Plan:
    """The actions for one account, row by row.

    Attributes:
        plan_id: The hash of file and account.
        account: `HOST/ACCOUNT`.
        file: The file's path.
        sha256: The file's hash.
        key: The portfolio's name: `Rank{n}_{engine}_{profile}`.
        rank: Its rank.
        regime: The worse of what the file and the controls say.
        equity: What the targets are shares of.
        settings: How it was made.
        rows: By instrument.
    """

    plan_id: str
    account: str
    file: str
    sha256: str
    key: str
    rank: int
    regime: Regime
    equity: Equity
    settings: PlanSettings
    rows: list[Row] = field(default_factory=list)

    def traded(self) -> list[Row]:
        """The rows that trade anything."""
        return [row for row in self.rows if row.size]


def plan_id_of(sha256: str, account: str) -> str:
    """Return the id of the plan that a file is for an account.

    Args:
        sha256: The file's hash, hex.
        account: `HOST/ACCOUNT`.
    """
    return hashlib.sha256(f"{sha256}\n{account}".encode()).hexdigest()


def make_plan(
    file: TargetFile,
    book: Book,
    account: str,
    *,
    now_ns: int,
    settings: PlanSettings | None = None,
) -> Plan:
    """Plan what brings an account to its targets. Nothing is traded.

    Args:
        file: The targets.
        book: The account as it stands; its markets must be those of the file.
        account: `HOST/ACCOUNT`.
        now_ns: What time it is, nanoseconds.
        settings: How; None means the defaults.

    Raises:
        PortfolioRefused: By name; see `PortfolioCode`.
    """
    how = settings or PlanSettings()
    target = file.ranked(how.rank)
    check_age(target, now_ns, how.max_age_ns)
    check_gross(target, how.max_gross)
    pairs = list(resolved(file, target, Symbols(book.instruments)))
    # A drift list names what has drifted; a portfolio names all that shall be held.
    others = _left_over(book, {asset for _, asset in pairs}) if file.form is not TargetForm.DRIFT else ()
    symbols = [asset for _, asset in pairs] + list(others)
    equity = book.equity(symbols)
    base = EXACT.multiply(equity.amount, EXACT.subtract(Decimal(1), how.buffer))
    if base <= 0:
        raise refused_field(
            PortfolioCode.NO_EQUITY,
            "equity",
            equity.amount,
            f"of {equity.asset} is nothing to take shares of",
        )
    regime = Regime.CRISIS if Regime.CRISIS in (target.regime, book.regime) else Regime.NORMAL
    plan = Plan(
        plan_id=plan_id_of(file.sha256, account),
        account=account,
        file=str(file.path),
        sha256=file.sha256,
        key=target.key,
        rank=target.rank,
        regime=regime,
        equity=equity,
        settings=how,
    )
    for given, asset in pairs:
        plan.rows.append(_row(book, asset, given, base, how))
    for asset in others:
        plan.rows.append(_row(book, asset, TargetAsset(asset, ZERO, target.source_run, {}), base, how))
    _check_slots(plan, book, target)
    return plan


def _left_over(book: Book, named: set[str]) -> Iterable[str]:
    """What this owner holds and the file does not name: it is closed. What others hold is theirs."""
    return [symbol for symbol, held in book.holdings.items() if symbol not in named and held.own]


def _row(book: Book, asset: str, given: TargetAsset, base: Decimal, how: PlanSettings) -> Row:
    market, held = book.markets[asset], book.holding(asset)
    mark = market.mark
    if mark is None:
        raise refused_field(
            PortfolioCode.NO_MARK, f"mark of {asset}", None, "there is no price to make a size of yet"
        )
    if market.rules.lot_step is None:
        raise refused_field(PortfolioCode.NO_LIMITS, f"lot_step of {asset}", None, "is not known")
    if market.product is Product.SPOT and given.weight < 0:
        raise refused_field(
            PortfolioCode.SHORT_SPOT, f"weight of {given.symbol}", given.weight, "would sell spot short"
        )
    actual_weight = quotient(market.value_of(held.actual, mark), base, _WEIGHT_PLACES)
    row = Row(
        symbol=given.symbol,
        asset=asset,
        weight=given.weight,
        actual_weight=actual_weight,
        mark=mark,
        target=ZERO,
        actual=held.actual,
        cap=_cap(market, mark, book.limits),
        source_run=given.source_run,
    )
    wanted = market.size_of(EXACT.multiply(abs(given.weight), base), mark)
    side = OrderSide.BUY if given.weight > 0 else OrderSide.SELL
    size, is_small = _rounded(market, side, wanted, mark)
    row.target = ZERO if is_small else size.copy_sign(given.weight)
    if is_small and given.weight:
        row.why = Why.BELOW_FLOOR
    if abs(given.weight - actual_weight) < how.threshold and not (how.close_dust and not given.weight):
        row.why = row.why or (Why.DUST if row.target != row.actual else Why.ON_TARGET)
        return row
    _split(row, market, held)
    row.orders = sum(len(slices(size, row.cap, market.rules.lot_step)) for size in (row.reduce, row.increase))
    return row


def _rounded(
    market: Market, side: OrderSide, size: Decimal, mark: Decimal, *, closes: bool = False
) -> tuple[Decimal, bool]:
    """Round a size as the core does, and say whether the venue would not take so little."""
    if not size:
        return ZERO, False
    rounded = market.rules.round_order(side, mark, size, price_rounding="NEAREST")
    # As the kernel has it: an order that only reduces a derivative has no smallest value.
    floors = _FLOORS - {"BELOW_MIN_NOTIONAL"} if closes and market.product is Product.PERP else _FLOORS
    return rounded.size, not floors.isdisjoint(rounded.rejects)


def _split(row: Row, market: Market, held: Holding) -> None:
    """Split what is missing into what is closed and what is opened, and leave out what is too small."""
    if row.target == row.actual:
        row.why = row.why or Why.ON_TARGET
        return
    same_way = row.target * row.actual >= 0
    reduce = abs(row.actual) - abs(row.target) if same_way else abs(row.actual)
    increase = abs(row.target) - abs(row.actual) if same_way else abs(row.target)
    reduce, increase = max(reduce, ZERO), max(increase, ZERO)
    if reduce:
        # Only what this owner's slots hold can be closed by it.
        own = abs(held.own) if held.own * row.actual > 0 else ZERO
        if own < reduce:
            row.why, reduce, increase = Why.NOT_OURS, own, ZERO
        size, is_small = _rounded(market, _closing(row.actual), reduce, row.mark, closes=True)
        if is_small:
            row.why, size, increase = row.why or Why.BELOW_FLOOR, ZERO, ZERO
        row.reduce = size
    if increase:
        size, is_small = _rounded(market, _opening(row.target), increase, row.mark)
        if is_small:
            row.why, size = Why.BELOW_FLOOR, ZERO
        row.increase = size


def _opening(target: Decimal) -> OrderSide:
    return OrderSide.BUY if target > 0 else OrderSide.SELL


def _closing(actual: Decimal) -> OrderSide:
    return OrderSide.SELL if actual > 0 else OrderSide.BUY


def _cap(market: Market, mark: Decimal, limits: Mapping[str, Any]) -> Decimal | None:
    """The largest single order, at market: by the venue's maxima and by the controls' limits of one order."""
    caps = [market.rules.max_qty, market.rules.market_max_qty, limits.get("max_order_size")]
    notional = limits.get("max_order_notional")
    if notional is not None:
        caps.append(market.size_of(Decimal(notional), mark))
    known = [Decimal(cap) for cap in caps if cap is not None]
    return min(known) if known else None


def slices(size: Decimal, cap: Decimal | None, lot_step: Decimal) -> list[Decimal]:
    """Return the parts in which a size is sent: as even as lots can be, none above the cap.

    Args:
        size: How much, on the lot grid.
        cap: The largest single order; None where there is no such limit.
        lot_step: The lot.

    Returns:
        The parts; none where not even a lot is let through.
    """
    if cap is None or size <= cap:
        return [size] if size else []
    lots = int(quotient(size, lot_step, 0))
    most = int(quotient(cap, lot_step, 0))
    if most < 1:
        return []
    count = -(-lots // most)
    each, more = divmod(lots, count)
    parts = [EXACT.multiply(Decimal(each + (at < more)), lot_step) for at in range(count)]
    rest = size - sum(parts, ZERO)
    if rest:
        parts[-1] += rest
    return parts


def _check_slots(plan: Plan, book: Book, target: Target) -> None:
    wanted = sum(1 for row in plan.rows if row.increase and not book.holding(row.asset).slots)
    if wanted > book.free_slots:
        raise refused_field(
            PortfolioCode.TOO_FEW_SLOTS,
            "max_slots",
            book.slots,
            f"are too few: {target.key} opens {wanted} trades, and {book.free_slots} slots are free",
        )


def foretell_regime(plan: Plan, *, is_overridden: bool) -> None:
    """Say which rows the kernel will refuse: what buys long in a CRISIS without an override. Reductions stay.

    Args:
        plan: The plan; its rows change.
        is_overridden: Whether an override holds.
    """
    is_blocked = plan.regime is Regime.CRISIS and not is_overridden
    for row in plan.rows:
        if is_blocked and row.increase and row.target > 0:
            row.why = Why.REGIME_BLOCKED
        elif row.why == Why.REGIME_BLOCKED:
            row.why = ""


def foretell_gate(plan: Plan, control: KernelControlSnapshot) -> None:
    """Say which rows the controls hold back as they stand: increases alone, reductions leave.

    Args:
        plan: The plan; its rows change.
        control: The account's controls.
    """
    code = "FROZEN" if control.frozen else {"HALTED": "CONTROL_HALTED"}.get(control.gate, str(control.gate))
    for row in plan.rows:
        if row.increase and code != "NORMAL":
            row.why = code
