"""What a live run is asked for, and what is left at its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

from dita.config import AccountConfig
from dita.config.secrets import SecretRef
from dita.errors import KernelError
from dita.live.places import Place
from dita.strategy import Params, Strategy

OnStop = Literal["keep", "cancel", "flatten"]
#: The keys of an account in a configuration that a run applies; the command line and the venue give the rest.
ACCOUNT_KEYS: Final = frozenset({"bots", "hedge_mode", "instance_nonce", "limits", "log_policy", "max_slots"})


class NotReady(KernelError):  # noqa: N818 - it says what has to be put right
    """Something has to be put right before the first order; the text names each."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One strategy of a run.

    Attributes:
        name: Its name: its trades carry it.
        strategy: Its class.
        params: Its parameters; None means their defaults.
    """

    name: str
    strategy: type[Strategy]
    params: Params | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to run.

    Attributes:
        strategies: In the order in which they receive an event.
        symbols: The instruments, as the venue names them.
        place: Where.
        key: Where the API key is; a shadow run needs none.
        secret: Where its secret is.
        interval: The length of the bars that strategies receive.
        on_stop: What happens at the end: `keep`, `cancel` entries, or `flatten`.
        live: Whether the program means real money.
        allow_withdrawals: Whether a key that may withdraw is good enough.
        shadow: Whether it trades on the simulated venue, with the live market.
        capital: What a shadow run begins with, in the instruments' settlement asset.
        hedge_mode: Whether the account has two books per instrument.
        latency_ms: A shadow order's whole round trip; None takes what the venue's answers take.
        dead_man_s: After so many seconds without this program the venue cancels all open orders there;
            None leaves that off.
        guests: Slots beside those of the strategies: for programs that connect, and for orders by hand.
        account: The account as the configuration has it: `limits`, `max_slots`, `bots` and what else of
            `ACCOUNT_KEYS` is set there.
    """

    strategies: Sequence[Wanted]
    symbols: Sequence[str]
    place: Place
    key: SecretRef | None = None
    secret: SecretRef | None = None
    interval: str = "1m"
    on_stop: OnStop = "cancel"
    live: bool = False
    allow_withdrawals: bool = False
    shadow: bool = False
    capital: Decimal = Decimal(10_000)
    hedge_mode: bool = False
    latency_ms: Decimal | None = None
    dead_man_s: float | None = None
    guests: int = 0
    account: AccountConfig = field(default_factory=AccountConfig)

    @property
    def slots(self) -> int:
        """How many trades may run at once: as the configuration says, else what strategies and guests need.

        Raises:
            NotReady: The configuration allows fewer than the strategies need.
        """
        needed = sum(max(1, one.strategy.slots) for one in self.strategies)
        if "max_slots" not in self.account.model_fields_set:
            return needed + self.guests
        if self.account.max_slots < needed:
            names = ", ".join(one.name for one in self.strategies)
            raise NotReady(
                f"accounts.{self.place.name}.max_slots: {self.account.max_slots} is fewer than the {needed} "
                f"slots that {names} need: raise it, or run fewer strategies"
            )
        return self.account.max_slots

    def config(self, **own: Any) -> AccountConfig:  # noqa: ANN401 - fields of an account
        """Return what the kernel is opened with: the configuration's account, and what the run decides.

        Args:
            own: The fields that the run decides.
        """
        given = {name: getattr(self.account, name) for name in self.account.model_fields_set}
        return AccountConfig(**{**given, "max_slots": self.slots, "hedge_mode": self.hedge_mode, **own})

    def wants(self, callback: str) -> bool:
        """Whether one of the strategies has a callback of its own.

        Args:
            callback: Its name.
        """
        return any(
            getattr(one.strategy, callback) is not getattr(Strategy, callback) for one in self.strategies
        )


@dataclass(slots=True)
class Remaining:
    """What is left at the venue at the end."""

    positions: list[dict[str, Any]] = field(default_factory=list)
    orders: list[Mapping[str, Any]] = field(default_factory=list)
    known: bool = True
