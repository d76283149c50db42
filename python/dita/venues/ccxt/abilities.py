"""What each exchange of ccxt's can do for a kernel: read from ccxt itself, not from anybody's notes."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dita.errors import refuse
from dita.venues.ccxt.exchange import load

#: Without these no order can be followed to its end.
NEEDED: Final = ("createOrder", "cancelOrder", "fetchBalance", "fetchMyTrades")
#: One of these has to say what became of an order.
_ASKS: Final = ("fetchOrder", "fetchOpenOrders")
#: Where a triggered stop's own order can be followed.
STOPS: Final = frozenset({"binance", "binanceusdm", "bybit"})
#: Whose codes are known one by one; elsewhere HTTP alone says whether an order was refused.
CODES: Final = ("binance", "bybit", "okx", "bingx")


@dataclass(frozen=True, slots=True)
class Abilities:
    """What one exchange can do.

    Attributes:
        exchange: ccxt's id of it.
        swap: Whether it trades perpetuals by ccxt.
        spot: Whether it trades spot.
        lacks: What of what is needed it has not; empty where it can be traded.
        amend: Whether orders are amended at the venue; what ccxt only imitates is not counted.
        query: Whether one order can be asked for.
        positions: Whether positions can be asked for.
        funding: Whether funding payments can be asked for.
        ledger: Whether the wallet's entries can be asked for.
        leverage: Whether leverage can be set.
        stops: Whether stops are taken.
        codes: Whether its errors are distinguished by its own codes.
    """

    exchange: str
    swap: bool
    spot: bool
    lacks: tuple[str, ...]
    amend: bool
    query: bool
    positions: bool
    funding: bool
    ledger: bool
    leverage: bool
    stops: bool
    codes: bool

    @property
    def verdict(self) -> str:
        """`trades`, or why it cannot be traded."""
        return "trades" if not self.lacks else f"no: {', '.join(self.lacks)}"


def abilities_of(exchange: Any) -> Abilities:  # noqa: ANN401 - ccxt's object
    """Return what an exchange can do.

    Args:
        exchange: ccxt's object for it.
    """
    has = exchange.has
    lacks = [name for name in NEEDED if has.get(name) is not True]
    if not any(has.get(name) is True for name in _ASKS):
        lacks.append("fetchOrder or fetchOpenOrders")
    if not _sends_client_ids(exchange):
        lacks.append("client ids")
    if not (has.get("swap") or has.get("spot")):
        lacks.append("swap or spot")
    return Abilities(
        exchange=exchange.id, swap=has.get("swap") is True, spot=has.get("spot") is True,
        lacks=tuple(lacks), amend=_amends(exchange), query=has.get("fetchOrder") is True,
        positions=has.get("fetchPositions") is True, funding=has.get("fetchFundingHistory") is True,
        ledger=has.get("fetchLedger") is True, leverage=has.get("setLeverage") is True,
        stops=exchange.id in STOPS, codes=exchange.id.startswith(CODES),
    )  # fmt: skip


def _amends(exchange: Any) -> bool:  # noqa: ANN401 - ccxt's object
    """Whether an amend is one request: ccxt's own `edit_order` cancels and sends anew."""
    if exchange.has.get("editOrder") is not True:
        return False
    source = _source(exchange, "edit_order")
    return "self.cancel_order(" not in source


def _sends_client_ids(exchange: Any) -> bool:  # noqa: ANN401 - ccxt's object
    """Whether an order carries our id: without it an order that was not answered is never found again."""
    methods = [
        name
        for name in dir(type(exchange))
        if "order" in name and ("create" in name or "request" in name) and "cancel" not in name
    ]
    return any("lientOrderId" in _source(exchange, name) for name in methods)


def _source(exchange: Any, method: str) -> str:  # noqa: ANN401 - ccxt's object
    function = getattr(type(exchange), method, None)
    # What an exchange does not write itself is ccxt's base, which says nothing of it.
    if function is None or function.__module__.endswith("base.exchange"):
        return ""
    return inspect.getsource(function)


def all_abilities(names: Sequence[str] = ()) -> Iterator[Abilities]:
    """Yield what exchanges of ccxt's can do, in the order of their names.

    Args:
        names: Which; none means all.

    Raises:
        InvalidInput: ccxt has no exchange of a name, or the extra is not installed.
    """
    module = load()
    for name in names:
        if name not in module.exchanges:
            raise refuse("exchange", name, f"is none of ccxt's {len(module.exchanges)}")
    for name in sorted(names or module.exchanges):
        yield abilities_of(getattr(module, name)({}))
