"""`VenueConnector`: a venue's live market, traded as `dita run` does. It needs the extra `venues`."""

import threading
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dita.clock import Clock
from dita.compat.trading.connectors import ConnectorBase, symbol_of
from dita.compat.trading.errors import ConnectorError
from dita.config import Config
from dita.extras import missing
from dita.host import Directory, StrategyHandle
from dita.runtime import load_params
from dita.strategy import Params, Strategy

if TYPE_CHECKING:
    from dita.live.plan import Plan, Remaining
    from dita.live.run import LiveHost

# A strategy as a runtime has it: name, class, parameters, pair.
Loaded = tuple[str, type[Strategy], Any, str]


class VenueConnector(ConnectorBase):
    """Binance USD-M: its live market, and the account there; or in shadow the simulated venue on that market.

    Its host is opened by the runtime's `run`, once all its strategies are loaded and started, with the checks
    of `dita doctor`. Without `live` it trades on the venue's test network.

    Attributes:
        left: What was left at the venue at the end; None before that.
    """

    plays_itself = True

    def __init__(
        self,
        name: str = "binance",
        *,
        exchange: str | None = None,
        live: bool = False,
        shadow: bool = False,
        api_key: str = "env:API_KEY",
        api_secret: str = "env:API_SECRET",  # noqa: S107 - where it is, and not itself
        interval: str = "1m",
        on_stop: Literal["keep", "cancel", "flatten"] = "cancel",
        capital: Decimal = Decimal(10_000),
    ) -> None:
        """Describe it.

        Args:
            name: What it is called; the venue is Binance USD-M.
            exchange: `dita exchange` on this machine: "127.0.0.1:8686"; None means the venue itself.
            live: Whether the program means real money; it takes DITA_LIVE=yes as well.
            shadow: Whether nothing is sent: the simulated venue fills the orders on the live depth.
            api_key: Where the key is: env:NAME, file:PATH or keyring:SERVICE/NAME. A shadow needs none.
            api_secret: Where its secret is.
            interval: The length of the bars that strategies receive.
            on_stop: What happens at the end: "keep", "cancel" entries, or "flatten".
            capital: What a shadow begins with.
        """
        super().__init__()
        self._name = name
        self._exchange = exchange
        self._live, self._shadow = live, shadow
        self._key, self._secret = api_key, api_secret
        self._interval = interval
        self._on_stop = on_stop
        self._capital = capital
        self._directory: Path | None = None
        self.left: Remaining | None = None

    def name(self) -> str:
        """Return its name."""
        return self._name

    def config(self) -> Config:
        """Nothing before its strategies are known.

        Raises:
            ConnectorError: Always: `run` opens it.
        """
        raise ConnectorError(f"{self._name}: is opened by the runtime's run, with its strategies")

    def open(self, directory: Path | None = None, clock: Clock | None = None) -> None:
        """Remember where its host keeps its log. The host is opened by the runtime's `run`.

        Args:
            directory: Where; None keeps nothing.
            clock: Not used: its time is the venue's.
        """
        del clock
        self._directory = directory

    def begin(self, loaded: Sequence[Loaded]) -> "Trading":
        """Check the account, and open it with its strategies; nothing is traded yet.

        Args:
            loaded: The strategies, in the order in which they receive an event.

        Raises:
            ConnectorError: There is none, or pairs differ and a strategy names no instruments; or the extra
                is missing.
            NotReady: A check failed.
            KernelError: The host cannot be opened, or a secret is missing.
        """
        pairs = list(dict.fromkeys(symbol_of(pair) for *_, pair in loaded))
        if not loaded or (len(pairs) > 1 and not all(kind.instruments for _, kind, _, _ in loaded)):
            why = "has no strategy" if not loaded else "strategies of several pairs have to name instruments"
            raise ConnectorError(f"{self._name}: {why}")
        try:
            from dita.live.run import LiveHost  # noqa: PLC0415 - it needs aiohttp
        except ImportError as error:
            raise ConnectorError(missing("a venue's connector", "venues")) from error
        directory = None if self._directory is None else Directory(self._directory)
        run = LiveHost(self._plan(loaded, pairs), directory)
        self._host = run.host
        return Trading(self, run)

    def _plan(self, loaded: Sequence[Loaded], pairs: list[str]) -> "Plan":
        from dita.live.places import Place, reference  # noqa: PLC0415 - as above
        from dita.live.plan import Plan, Wanted  # noqa: PLC0415 - as above

        is_real = self._exchange is None if self._shadow else self._live
        place = Place.chosen(self._exchange, live=is_real)
        key = secret = None
        if not self._shadow:
            key = reference(self._key, place, "DITA_BARE_API_KEY")
            secret = reference(self._secret, place, "DITA_BARE_API_SECRET")
        wanted = tuple(Wanted(name, kind, _params(kind, params)) for name, kind, params, _ in loaded)
        symbols = list(
            dict.fromkeys([*pairs, *(one for _, kind, _, _ in loaded for one in kind.instruments)])
        )
        return Plan(
            wanted,
            symbols,
            place,
            key,
            secret,
            interval=self._interval,
            on_stop=self._on_stop,
            live=self._live,
            shadow=self._shadow,
            capital=self._capital,
        )

    def close(self) -> None:
        """Nothing: whoever trades ends it."""
        self._host = None


class Trading:
    """A venue's connector at work, in a thread of its own.

    Attributes:
        handles: Its strategies by name.
        error: What has ended it; None while it runs, and where it was stopped.
    """

    def __init__(self, connector: VenueConnector, run: "LiveHost") -> None:
        """Trade from now on."""
        self.handles: dict[str, StrategyHandle] = dict(run.host.strategies.handles)
        self.error: BaseException | None = None
        self._connector, self._run = connector, run
        self._thread = threading.Thread(target=self._trade, name=f"dita-{connector.name()}", daemon=True)
        self._thread.start()

    def _trade(self) -> None:
        try:
            self._connector.left = self._run.trade()
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            self.error = error

    @property
    def is_running(self) -> bool:
        """Whether it trades."""
        return self._thread.is_alive()

    def end(self) -> None:
        """End it, and wait: no new entries, then what `on_stop` says."""
        self._run.stop()
        self._thread.join()
        self._connector.close()


def _params(kind: type[Strategy], given: Any) -> Params | None:  # noqa: ANN401 - as a runtime was given them
    return given if given is None or isinstance(given, Params) else load_params(kind, given)
