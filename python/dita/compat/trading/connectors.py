"""Connectors: each is a way to a venue, and opens a host with one account there."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final

from dita.clock import Clock
from dita.compat.trading.errors import ConnectorError
from dita.config import AccountConfig, Config, SimulatedConfig
from dita.errors import refuse
from dita.host import Directory, Host, PlainOrder, PlainOrders
from dita.kernel import ExecutionKernel
from dita.strategy import QuoteTick
from dita.venues import SimulatedVenue

ACCOUNT: Final = "main"
FEE_RATE: Final = Decimal("0.001")
DEFAULT_BALANCES: Final[Mapping[str, Decimal]] = MappingProxyType(
    {"USDT": Decimal(10_000), "BTC": Decimal(0), "ETH": Decimal(0)}
)
SPOT_RULES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        pair: {"lot_step": "0.00001", "tick_size": "0.01", "product": "SPOT"}
        for pair in ("BTC/USDT", "ETH/USDT")
    }
)
_OWNER: Final = "connector"


@dataclass(frozen=True, slots=True)
class Ticker:
    """The newest price of a pair.

    Attributes:
        pair: As it was asked for.
        price: Quote units: the price by which positions are valued.
        timestamp: Kernel time, ns.
    """

    pair: str
    price: Decimal
    timestamp: int


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A plain order.

    Attributes:
        pair: BTC/USDT, or as the venue names it.
        side: BUY or SELL.
        quantity: Base units or contracts.
        client_id: Its id.
        price: The limit; None means at the market.
        time_in_force: GTC, IOC, FOK.
    """

    pair: str
    side: str
    quantity: Decimal
    client_id: str
    price: Decimal | None = None
    time_in_force: str = "GTC"


def symbol_of(pair: str) -> str:
    """Return a pair as an instrument: BTC/USDT is BTCUSDT.

    Args:
        pair: With or without a slash.
    """
    return pair.replace("/", "")


class ConnectorBase(ABC):
    """A way to a venue. Nothing is opened before `open`.

    Attributes:
        plays_itself: Whether the runtime's `run` brings its host and its market; else `open` and `tick` do.
    """

    plays_itself: ClassVar[bool] = False

    def __init__(self) -> None:
        """Begin closed."""
        self._host: Host | None = None

    @abstractmethod
    def name(self) -> str:
        """Return its name."""

    @abstractmethod
    def config(self) -> Config:
        """Return what its host opens: one account, "main"."""

    @property
    def host(self) -> Host:
        """The host.

        Raises:
            ConnectorError: It is not open.
        """
        if self._host is None:
            raise ConnectorError(f"{self.name()}: is not open: add it to a runtime, or open it")
        return self._host

    @property
    def kernel(self) -> ExecutionKernel:
        """Its account's kernel."""
        return self.host.kernel(ACCOUNT)

    def open(self, directory: Path | None = None, clock: Clock | None = None) -> None:
        """Open the host. Opening again does nothing.

        Args:
            directory: Where it keeps its log; None keeps nothing.
            clock: Where its time comes from; None leaves that to the venue.
        """
        if self._host is None:
            kept = None if directory is None else Directory(directory)
            self._host = Host(self.config(), directory=kept, clock=clock)

    def close(self) -> None:
        """Close the host. Closing again does nothing."""
        if self._host is not None:
            self._host.close()
            self._host = None

    def get_ticker(self, pair: str) -> Ticker:
        """Return the newest price of a pair.

        Args:
            pair: Which.

        Raises:
            InvalidInput: It is no instrument of the account.
            ConnectorError: No price has come yet.
        """
        kernel = self.kernel
        price = kernel.instrument(symbol_of(pair))["mark_price"]
        if price is None:
            raise ConnectorError(f"{self.name()}: {pair} has no price yet")
        return Ticker(pair, price, kernel.now_ns)

    def place_order(self, request: OrderRequest) -> PlainOrder:
        """Send a plain order: see `dita.host.PlainOrders`.

        Args:
            request: The request.

        Raises:
            InvalidInput: A value cannot be; nothing was sent.
        """
        kernel = self.kernel
        own = sum(not slot.is_free() and slot.owner == _OWNER for slot in kernel.state.slots)
        slots = own + (kernel.free_slot() is not None)
        with self.host.client(_OWNER, ACCOUNT, slots=max(1, slots)) as client:
            return PlainOrders(client, kernel).submit(
                symbol_of(request.pair),
                request.side,
                request.quantity,
                client_id=request.client_id,
                price=request.price,
                time_in_force=request.time_in_force,
            )


class PaperConnector(ConnectorBase):
    """The simulated venue: quotes come in by `update_price`."""

    def __init__(
        self,
        instruments: Mapping[str, Mapping[str, Any]],
        balances: Mapping[str, Decimal] | None = None,
        *,
        fee_rate: Decimal = FEE_RATE,
        slippage_bps: Decimal = Decimal(0),
        max_slots: int = 10,
        name: str = "paper",
    ) -> None:
        """Describe it.

        Args:
            instruments: Rules by pair or symbol, as `set_exchange_config` takes them.
            balances: Opening balances; None means 10,000 USDT, 0 BTC, 0 ETH.
            fee_rate: A fraction of the value, for makers and takers.
            slippage_bps: By how many basis points a taker's price is worse than the book's.
            max_slots: How many trades may run at once.
            name: What it is called.
        """
        super().__init__()
        if not instruments:
            raise refuse("instruments", {}, "is empty")
        self._name = name
        rules = {symbol_of(pair): dict(own) for pair, own in instruments.items()}
        self._account = AccountConfig(
            max_slots=max_slots,
            instruments={"taker_rate": str(fee_rate), "maker_rate": str(fee_rate), "instruments": rules},
            simulated=SimulatedConfig(
                balances=dict(DEFAULT_BALANCES if balances is None else balances), slippage_bps=slippage_bps
            ),
        )

    def name(self) -> str:
        """Return its name."""
        return self._name

    def config(self) -> Config:
        """Return what its host opens."""
        return Config(accounts={ACCOUNT: self._account})

    @property
    def venue(self) -> SimulatedVenue:
        """The simulated venue."""
        venue = self.kernel.venue
        assert isinstance(venue, SimulatedVenue)  # noqa: S101 - the configuration says so
        return venue

    def update_price(
        self, pair: str, bid: Decimal | str, ask: Decimal | str | None = None, timestamp: int | None = None
    ) -> None:
        """Take a quote: orders that wait fill by it, then strategies receive it.

        Args:
            pair: Which.
            bid: Best bid.
            ask: Best ask; None means the bid.
            timestamp: Its time, ns; None means kernel time.
        """
        symbol, best = symbol_of(pair), str(bid)
        other = best if ask is None else str(ask)
        self.venue.on_quote(symbol, best, None, other, None, timestamp)
        at_ns = self.kernel.now_ns if timestamp is None else timestamp
        self.host.strategies.dispatch(QuoteTick(symbol, at_ns, (best, None, other, None)))

    def balances(self) -> dict[str, Decimal]:
        """Return what the wallet holds of each asset, by the kernel's ledger."""
        assets = self.kernel.snapshot()["account"]["assets"]
        return {name: own["k_capital"] for name, own in assets.items()}


class PaperTradingMode(PaperConnector):
    """A paper account with balances of one's own, fee 0.001."""

    def __init__(
        self,
        initial_balances: Mapping[str, Decimal],
        instruments: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Describe it.

        Args:
            initial_balances: By asset.
            instruments: Rules by pair; None means BTC/USDT and ETH/USDT, spot.
        """
        super().__init__(instruments or SPOT_RULES, initial_balances)

    @classmethod
    def with_default_balances(cls) -> "PaperTradingMode":
        """Return one with 10,000 USDT, 0 BTC, 0 ETH."""
        return cls(DEFAULT_BALANCES)


class BacktestConnector(PaperConnector):
    """The simulated venue, whose market comes from a file: the runtime's `run` plays it to its end."""

    plays_itself = True

    def __init__(self, data: Path | str, *, pair: str | None = None, **settings: Any) -> None:  # noqa: ANN401
        """Describe it.

        Args:
            data: The market: see `dita.market.open_market`.
            pair: Its instrument, where the file does not say it.
            settings: More fields of `BacktestSettings`.
        """
        self.data = Path(data)
        self.pair = pair
        self.settings = settings
        super().__init__({pair or "BTC/USDT": {"tick_size": "0.01", "lot_step": "0.00001"}}, name="backtest")
