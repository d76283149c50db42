"""What a configuration says, section by section. Decimals are text; units are in the names."""

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from dita.config.secrets import Address, SecretRef
from dita.errors import shown

NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,30}$"
ACCOUNT_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,30}(/[A-Za-z0-9][A-Za-z0-9_-]{0,30})?$"


def _exact(value: object) -> Decimal:
    """Take a decimal as text or a whole number; a float is not what was written."""
    if isinstance(value, float):
        # What pydantic takes for a wrong value is a ValueError.
        raise ValueError('must be text, so that it stays exact: "0.001"')  # noqa: TRY004
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError('must be a decimal as text: "0.001"')  # noqa: TRY004 - as above
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError('is no decimal: write it like "0.001"') from None
    if not number.is_finite():
        raise ValueError("must be finite")
    return number


Exact = Annotated[Decimal, BeforeValidator(_exact)]
Share = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=1)]
Seconds = Annotated[Decimal, BeforeValidator(_exact), Field(ge=Decimal("0.25"), le=3600)]
NotNegative = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0)]
Secret = Annotated[SecretRef, BeforeValidator(SecretRef.parse)]
Webhook = Annotated[Address, BeforeValidator(Address.parse)]
AlertCause = Literal[
    "critical",
    "unexplained",
    "gate_changed",
    "breaker",
    "unprotected",
    "strategy_error",
    "follower_dead",
    "takeover",
    "started",
    "stopped",
    "disk_low",
    "venue_lost",
    "crash_restart",
]


class Section(BaseModel):
    """A table of the file. Keys that are not known are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True
    )


class HostConfig(Section):
    """The process that owns the accounts."""

    name: str = Field(
        default="main", pattern=NAME_PATTERN, description="The host's name; its directory is called so."
    )
    drain_s: int = Field(
        default=30, ge=0, le=3600, description="Seconds that a stop waits for what is under way at a venue."
    )


class SimulatedConfig(Section):
    """The simulated venue of an account whose `venue` is "sim"."""

    balances: dict[str, NotNegative] = Field(
        default_factory=lambda: {"USDT": Decimal(10_000)}, description="Opening balance by asset."
    )
    seed: int = Field(default=0, ge=0, lt=1 << 64, description="Where chance starts.")
    latency_ms: NotNegative = Field(default=Decimal(0), description="A request's whole round trip.")
    latency_max_ms: NotNegative = Field(
        default=Decimal(0), description="Above 0 a round trip is drawn, from latency_ms to this."
    )
    latencies: tuple[tuple[int, NotNegative, NotNegative], ...] = Field(
        default=(), description="Recorded ones: a time in ns, the way to the venue and the way back in ms."
    )
    slippage_bps: NotNegative = Field(
        default=Decimal(0), description="By how many basis points a taker's price is worse than the book's."
    )
    fill_rate: Share = Field(default=Decimal(1), description="How often an order that can fill does.")
    reject_rate: Share = Field(
        default=Decimal(0), description="How often a good order is rejected all the same."
    )
    partial_fill_rate: Share = Field(default=Decimal(0), description="How often a fill comes in two.")
    queue_position: bool = Field(
        default=False,
        description="Whether an order that rests waits behind what the book showed at its price.",
    )
    queue_model: Literal["risk_averse", "probability"] = Field(
        default="risk_averse",
        description="Whether what leaves a level without a trade stood behind an order, or evenly around it.",
    )
    limit_through: bool = Field(
        default=False, description="Whether a waiting limit fills only where the market goes beyond it."
    )
    hold_for_open: bool = Field(
        default=False, description="Whether what is sent between two bars meets the open of the next one."
    )
    depth_is_taken: bool = Field(
        default=False,
        description="Whether what an order takes is gone from known depth, until its level's next word.",
    )
    fill_delay_ms: NotNegative = Field(
        default=Decimal(0), description="How long after it has come an order first meets the market."
    )
    fill_without_market: bool = Field(
        default=False,
        description="Whether a limit order that has waited so fills at its limit where there is no market.",
    )
    liquidation: bool = Field(default=True, description="Whether positions are liquidated.")


class BotConfig(Section):
    """A bot that shares an account: the owner of that name has a budget."""

    capital: NotNegative = Field(
        description="What it starts with, out of what is no bot's. Later `dita bots transfer` changes it."
    )
    asset: str = Field(default="USDT", min_length=1, max_length=31, description="Of which asset.")
    max_slots: int | None = Field(
        default=None, ge=0, le=65_535, description="How many trades it may run at once; none means no limit."
    )
    max_order_notional: NotNegative | None = Field(
        default=None, description="The value of one entry, in units of the asset."
    )
    max_notional: NotNegative | None = Field(
        default=None, description="Its positions and working entries together, in units of the asset."
    )


class AccountConfig(Section):
    """One account at one venue: one kernel."""

    venue: str = Field(
        default="sim",
        pattern=r"^(sim|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$",
        description='"sim", or an adapter of yours: "module:Class", called with `options` and `credentials`.',
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Keywords of an adapter of yours.")
    credentials: dict[str, Secret] = Field(
        default_factory=dict, description="Secrets of an adapter of yours, by keyword: references only."
    )
    simulated: SimulatedConfig = Field(
        default_factory=SimulatedConfig, description='The simulated venue, where `venue` is "sim".'
    )
    instruments: dict[str, Any] = Field(
        default_factory=dict,
        description="What `ExecutionKernel.set_exchange_config` takes; decimals as text.",
    )
    seed_capital: dict[str, Exact] = Field(
        default_factory=dict,
        description="What the wallet starts with, by asset; none means the simulated venue's balances.",
    )
    max_slots: int = Field(default=10, ge=1, le=65_535, description="How many trades may run at once.")
    hedge_mode: bool = Field(
        default=False, description="Whether the venue keeps long and short positions apart."
    )
    live: bool = Field(default=False, description="Whether this program means to trade real money.")
    instance_nonce: str | None = Field(
        default=None, max_length=64, description="Marks this kernel's client ids."
    )
    log_policy: Literal["batch", "always", "written", "off"] = Field(
        default="batch", description="When the log is synced: see `ExecutionKernel`."
    )
    zinc: bool = Field(
        default=False,
        description="Whether other processes see and halt the account in shared memory, as `HOST.ACCOUNT`.",
    )
    limits: dict[str, Exact | str | None] = Field(
        default_factory=dict, description="The controls' limits: see `KernelControlSnapshot`."
    )
    bots: dict[str, BotConfig] = Field(
        default_factory=dict, description="Bots that share the account, by their owners' names."
    )

    @field_validator("bots")
    @classmethod
    def _names(cls, value: dict[str, BotConfig]) -> dict[str, BotConfig]:
        for name in value:
            if not re.fullmatch(NAME_PATTERN, name) or name in ("unassigned", "between"):
                raise ValueError(
                    f"has a name that no bot can have: {shown(name)}; use at most 31 letters, digits, _ and "
                    '-, and neither "unassigned" nor "between"'
                )
        return value

    @field_validator("instruments")
    @classmethod
    def _no_floats(cls, value: dict[str, Any]) -> dict[str, Any]:
        for place, one in _leaves(value):
            if isinstance(one, float):
                raise ValueError(f'{place} must be text, so that it stays exact: "0.001"')  # noqa: TRY004
        return value


class StrategyConfig(Section):
    """One strategy."""

    file: str = Field(description="A Python file with one strategy in it, or `module:Class`.")
    account: str = Field(default="main", pattern=ACCOUNT_PATTERN, description="The account that it trades.")
    slots: int | None = Field(
        default=None, ge=1, le=65_535, description="How many slots it has; none: as it says."
    )
    params: dict[str, Any] = Field(default_factory=dict, description="Its parameters; decimals as text.")
    start: bool = Field(default=True, description="Whether it starts with the host.")


class FollowersConfig(Section):
    """What writes the accounts' logs elsewhere, each in a process of its own."""

    journal: str | None = Field(
        default=None, description="ClickHouse for the journal: a URL, or a directory for the embedded one."
    )
    projection: str | None = Field(
        default=None, description="A Hazelcast cluster for the projection: `host:port` or `name@host:port`."
    )
    audit: str | None = Field(
        default=None, description="A folder for audit ledgers; each account has one of its own in it."
    )


class BreakerConfig(Section):
    """When a venue's circuit breaker holds entries back. The simulated venue has none."""

    enabled: bool = Field(default=True, description="Whether venues have one.")
    window: int = Field(default=20, ge=1, le=10_000, description="So many of the last orders are judged.")
    orders_min: int = Field(
        default=10, ge=1, le=10_000, description="Error rate and latency are judged from so many orders on."
    )
    error_rate_max: Share = Field(default=Decimal("0.5"), description="At this part of errors it opens.")
    latency_ms_max: NotNegative = Field(
        default=Decimal(2_000), description="Above this median until an order is answered it opens."
    )
    rejects_max: int = Field(
        default=5, ge=1, le=10_000, description="At so many refusals one after the other it opens."
    )
    silence_s: NotNegative = Field(
        default=Decimal(5), description="An order without an answer for so long is an error."
    )
    open_s: NotNegative = Field(
        default=Decimal(30), description="For so long no entry leaves; twice as long after each failed probe."
    )
    open_s_max: NotNegative = Field(default=Decimal(300), description="At most so long.")


class ServeConfig(Section):
    """The kernel's server, at which strategy processes connect: `dita serve`."""

    socket: str | None = Field(
        default=None, description="Its socket; none: `kernel.sock` in the host's directory."
    )
    mode: str = Field(
        default="0600", pattern=r"^0?[0-7]{3}$", description="The socket's mode: who may connect."
    )
    clients: int = Field(
        default=128, ge=1, le=1024, description="How many programs may be connected at once."
    )
    spin: bool = Field(
        default=False,
        description="Whether programs may call through shared memory (`connect(spin=True)`): while one does, "
        "the server's thread never sleeps, and takes a processor.",
    )
    heartbeat_s: Seconds = Field(
        default=Decimal(1),
        description="A standby ends a primary that has not shown a sign of life for so long, 0.25 to 3600 s: "
        "longer than the longest sync of its disk, and than the longest call of an adapter that waits.",
    )
    metrics: str | None = Field(
        default=None, description="Where Prometheus finds `/metrics`: `127.0.0.1:9464`; none: nowhere."
    )
    metrics_public: bool = Field(
        default=False, description="Whether `metrics` may be an address that other machines reach."
    )


class WebConfig(Section):
    """The web page. It has no keys yet."""


class AlertsConfig(Section):
    """Alerts: what is sent to webhooks, each cause of an account once in five minutes."""

    webhooks: tuple[Webhook, ...] = Field(
        default=(),
        description="Where each alert is posted as JSON: URLs, or where they are kept: `env:NAME`, "
        "`file:PATH`, `keyring:SERVICE/NAME`. None: nothing is watched.",
    )
    unexplained_s: NotNegative = Field(
        default=Decimal(60), description="Seconds that a difference of K and E may have no cause."
    )
    disk_free_min: Share = Field(
        default=Decimal("0.05"), description="The free part of the log's disk below which an alert is sent."
    )
    causes: tuple[AlertCause, ...] = Field(default=(), description="The causes to send; none: all of them.")


class EngineConfig(Section):
    """The engine protocol: `dita engine`."""

    account: str = Field(
        default="main", pattern=ACCOUNT_PATTERN, description="The account that commands trade."
    )
    clock: str = Field(
        default="system",
        pattern=r"^(system|step=[1-9][0-9]{0,17})$",
        description='"system", or "step=NS": each command moves kernel time by so many nanoseconds.',
    )
    market: str = Field(
        default="synthetic", description='Where prices come from: "synthetic", "none", or a file.'
    )
    interval: str | None = Field(
        default=None, description="How long the bars of the file are (`1m`); none: it has quotes or trades."
    )
    symbols: tuple[str, ...] = Field(
        default=("BTCUSDT", "ETHUSDT"),
        description="Spot markets that are listed where the account names none.",
    )
    fill_delay_ms: NotNegative = Field(
        default=Decimal(300), description="How long after it has come an order first meets the market."
    )
    slots: int = Field(
        default=1_000, ge=1, le=60_000, description="How many trades commands may run at once."
    )
    heartbeat_s: int = Field(
        default=30, ge=0, le=3600, description="Seconds between two lines of a service's heartbeat; 0: none."
    )


class Config(Section):
    """A whole configuration."""

    host: HostConfig = Field(default_factory=HostConfig)
    accounts: dict[str, AccountConfig] = Field(default_factory=lambda: {"main": AccountConfig()})
    strategies: dict[str, StrategyConfig] = Field(default_factory=dict)
    engine: EngineConfig = Field(default_factory=EngineConfig)
    serve: ServeConfig = Field(default_factory=ServeConfig)
    web: WebConfig = Field(default_factory=WebConfig)
    alerts: AlertsConfig = Field(default_factory=AlertsConfig)
    followers: FollowersConfig = Field(default_factory=FollowersConfig)
    breaker: BreakerConfig = Field(default_factory=BreakerConfig)

    @field_validator("accounts", "strategies")
    @classmethod
    def _names(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        pattern = ACCOUNT_PATTERN if info.field_name == "accounts" else NAME_PATTERN
        for name in value:
            if not re.fullmatch(pattern, name):
                raise ValueError(
                    f"has a name that cannot be one: {shown(name)}; use letters, digits, _ and -"
                )
        return value


def _leaves(value: dict[str, Any], place: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, one in value.items():
        at = f"{place}{key}"
        found += _leaves(one, f"{at}.") if isinstance(one, dict) else [(at, one)]
    return found
