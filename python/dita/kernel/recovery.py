"""After the log, the venue: what happened there while the kernel was not running."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from dita._kernel import Engine, KernelEventKind, KernelOutcome, VenueEvent
from dita.errors import KernelClosed, KernelPoisoned, NotYetSupported
from dita.kernel.missed import Missed
from dita.venues.base import VenueAdapter, position_reports
from dita.venues.sim import SimulatedVenue

_LOG: Final = logging.getLogger("dita.log")
# Fills and entries are asked for from so long before the last input on: what the venue did then may not have
# arrived, and its clock may be behind. What is known already is recognised by its id.
RECOVERY_MARGIN_NS: Final = 600 * 1_000_000_000
# What a query may answer that says nothing of the order.
_NO_NEWS: Final = (KernelEventKind.ORDER_NOT_FOUND, KernelEventKind.SEND_TIMEOUT)
# What a takeover leaves for later.
_PAST: Final = ("get_fills", "get_income")
# Of more instruments all open orders are asked for at once.
_SYMBOLS_MAX: Final = 20


def catch_up(
    engine: Engine,
    venue: VenueAdapter | SimulatedVenue | None,
    recovery: dict[str, Any],
    missed: Missed,
    attach: Callable[[], None],
    *,
    takes_over: bool,
) -> None:
    """Ask the venue what happened while the log's kernel was not running, and take each answer as an input.

    Args:
        engine: The engine, as its log has left it.
        venue: The venue; None asks nothing.
        recovery: What opening the log found; what the venue says is added.
        missed: The file that keeps since when the venue has been silent.
        attach: Attaches the kernel to the venue.
        takes_over: Whether trading goes on before fills and income are known, where the adapter has
            `catch_up_later`: it asks for them on its own thread, and entries are held back until then.
    """
    recovery |= {
        "since_ns": None, "repairs": {}, "refused": [], "unknown_orders": [], "troubles": [], "pending": []
    }  # fmt: skip
    for remark in recovery["remarks"]:
        _LOG.warning("%s", remark)
    if recovery["last_seq"] == 0:
        attach()
        return
    adapter = None if isinstance(venue, SimulatedVenue) else venue
    later = getattr(adapter, "catch_up_later", None) if takes_over else None
    if adapter is not None:
        # Before the first new input: should this recovery be cut off, the next one must ask as far back.
        recovery["since_ns"] = missed.since_ns(max(0, recovery["heard_ns"] - RECOVERY_MARGIN_NS))
    if later is not None:
        recovery["pending"] = list(_PAST)

        def caught_up() -> None:
            # What it brought must not be lost after the reason to ask for it is.
            engine.sync()
            missed.caught_up()
            recovery["pending"] = []
            _LOG.info("caught up with the venue: fills and income since the last process are booked")

        later(recovery["since_ns"], caught_up)
    attach()
    recovery["troubles"] += [{"method": method, "error": error} for method, error in engine.resume()]
    if adapter is not None and later is not None:
        _take_over(engine, adapter, recovery)
    elif adapter is not None and _CatchUp(engine, adapter, recovery).run():
        # What it brought must not be lost after the reason to ask for it is.
        engine.sync()
        missed.caught_up()
    _LOG.info(
        "recovered: input %d, %d replayed, %d troubles",
        recovery["last_seq"],
        recovery["replayed"],
        len(recovery["troubles"]),
    )


def _take_over(engine: Engine, adapter: VenueAdapter, recovery: dict[str, Any]) -> None:
    """Ask what an exit needs to know; the adapter asks for the rest, and says RESYNCED."""
    why = "fills and income since the last process are not known yet"
    engine.on_venue_event(VenueEvent(engine.clock_ns, kind="DISCONNECTED", reason=why))
    _CatchUp(engine, adapter, recovery).run_present()
    # Checked by the adapter's own type: `catch_up_later` comes with it.
    adapter.catch_up_now()  # type: ignore[attr-defined]


def repair(engine: Engine, venue: VenueAdapter, since_ns: int) -> dict[str, Any]:
    """Ask the venue what happened while an open kernel was disconnected, and take each answer as an input.

    Args:
        engine: The engine.
        venue: The adapter to ask.
        since_ns: From when on to ask for fills and entries.

    Returns:
        `repairs`, `refused`, `unknown_orders` and `troubles`, as `ExecutionKernel.recovery` has them. Where
        there are troubles, something may be missing.
    """
    found: dict[str, Any] = {
        "since_ns": since_ns, "repairs": {}, "refused": [], "unknown_orders": [], "troubles": []
    }  # fmt: skip
    ask = _CatchUp(engine, venue, found)
    ask.run()
    ask.ask_for_orders()
    return found


class _CatchUp:
    """One recovery's questions to a venue. An answer that cannot be read is not taken at all."""

    def __init__(self, engine: Engine, venue: VenueAdapter, recovery: dict[str, Any]) -> None:
        self._engine = engine
        self._venue = venue
        self._recovery = recovery

    def run(self) -> bool:
        """Ask, each answer building on those before; return whether it answered for fills and income."""
        since_ns = self._recovery["since_ns"]
        for method, step in (
            ("get_fills", lambda ask: self._take("get_fills", ask(since_ns))),
            ("get_income", lambda ask: self._take("get_income", ask(since_ns))),
            ("get_balances", self._balances),
            ("get_positions", self._positions),
            ("get_open_orders", self._open_orders),
        ):
            self._try(method, step)
        failed = {trouble["method"] for trouble in self._recovery["troubles"]}
        return not failed & {"get_fills", "get_income"}

    def run_present(self) -> None:
        """Ask how positions, orders and balances stand, positions first."""
        self._try("get_positions", self._positions)
        held = {position["symbol"] for position in self._engine.positions()}
        symbols = sorted(held | {order.asset for order in self._engine.orders(live_only=True)})
        # Asked about one instrument the question weighs little.
        for symbol in symbols if len(symbols) <= _SYMBOLS_MAX else (None,):
            self._try("get_open_orders", partial(self._open_orders, symbol=symbol))
        self._try("get_balances", self._balances)

    def ask_for_orders(self) -> None:
        """Ask how each of our orders at work stands: an adapter may have no other way to tell of fills."""
        for order in self._engine.orders(live_only=True):
            self._try("query_order", partial(self._query, order.venue_client_id))

    def _query(self, venue_client_id: str, ask: Callable[..., Any]) -> None:
        events = ask(venue_client_id)
        # "Not found" proves something only as an answer to the kernel's own question.
        events = [] if events is None else events
        if isinstance(events, (list, tuple)):
            events = [event for event in events if getattr(event, "kind", None) not in _NO_NEWS]
        self._take("query_order", events)

    def _try(self, method: str, step: Callable[[Callable[..., Any]], None]) -> None:
        try:
            ask = getattr(self._venue, method, None)
            if ask is not None:
                _LOG.info("recovery: asking the venue: %s", method)
                step(ask)
        except NotYetSupported:
            return
        except (KernelPoisoned, KernelClosed):
            raise
        except Exception as error:  # noqa: BLE001 - a venue that fails must not keep the kernel of its orders from opening
            _LOG.exception("recovery: %s.%s failed", type(self._venue).__qualname__, method)
            trouble = {"method": method, "error": f"{type(error).__name__}: {error}"}
            self._recovery["troubles"].append(trouble)

    def _take(self, method: str, events: object) -> None:
        """Take events, all of them or none."""
        if not isinstance(events, (list, tuple)):
            raise TypeError(f"{method}: expected a list, got {type(events).__name__}")
        outcomes = self._engine.take_events(method, events)
        counts = {"taken": 0, "known": 0, "refused": 0}
        for event, outcome in zip(events, outcomes, strict=True):
            counts[_kind(outcome)] += 1
            if not outcome.accepted:
                refused = {"method": method, "code": str(outcome.diagnostic_code), "event": repr(event)}
                _LOG.warning("recovery: %(method)s: refused as %(code)s: %(event)s", refused)
                self._recovery["refused"].append(refused)
        self._recovery["repairs"][method] = counts

    def _balances(self, ask: Callable[..., Any]) -> None:
        timestamp = self._engine.clock_ns
        balances = ask()
        if not isinstance(balances, Mapping):
            raise TypeError(f"get_balances: expected a mapping, got {type(balances).__name__}")
        known = set(self._engine.assets())
        frames = [
            {"kind": "ACCOUNT_UPDATE", "timestamp": timestamp, "asset": asset, "wallet_balance": balance}
            for asset, balance in balances.items()
            # Venues list hundreds of assets of which there is nothing.
            if asset in known or balance != 0
        ]
        self._take("get_balances", frames)

    def _positions(self, ask: Callable[..., Any]) -> None:
        timestamp = self._engine.clock_ns
        rows = _rows(ask())
        self._take("get_positions", position_reports(rows, self._engine.positions(), timestamp))

    def _open_orders(self, ask: Callable[..., Any], *, symbol: str | None = None) -> None:
        unknown = []
        by_venue_id = self._engine.venue_order_index()
        for row in _rows(ask() if symbol is None else ask(symbol)):
            ours, theirs = row.get("venue_client_id") or "", row.get("venue_order_id") or ""
            if not ours and not theirs:
                raise ValueError("get_open_orders: a row has neither venue_client_id nor venue_order_id")
            if theirs in by_venue_id or (ours and self._engine.order(ours) is not None):
                continue
            unknown.append(dict(row))
        for row in unknown:
            _LOG.warning("recovery: the venue has an open order that this kernel does not know: %s", row)
        self._recovery["unknown_orders"] += unknown


def _kind(outcome: KernelOutcome) -> str:
    if not outcome.accepted:
        return "refused"
    return "known" if outcome.diagnostic_code == "DUPLICATE_EVENT" else "taken"


def _rows(answer: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - a table of whatever library the adapter uses
    """The rows of a list of mappings, or of a DataFrame."""
    to_dict = getattr(answer, "to_dict", None)
    rows = to_dict("records") if to_dict is not None else answer
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        raise TypeError(f"expected rows, got {type(rows).__name__}")
    rows = list(rows)
    for row in rows:
        if not isinstance(row, Mapping):
            raise TypeError(f"expected mappings, got {type(row).__name__}")
    return rows
