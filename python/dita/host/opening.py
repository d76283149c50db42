"""Opens an account of a configuration: its venue, its kernel, what the log holds and what the file adds."""

import importlib
import logging
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

from dita._kernel import LogReplica, Replay
from dita.audit import FollowedAudit
from dita.clock import Clock
from dita.cluster import ClusterAddress
from dita.config import AccountConfig, ConfigError, Fault, FollowersConfig
from dita.control import ControlUpdate, FileControlPlane, InMemoryControlPlane
from dita.control.memory import NO_LIMITS
from dita.errors import InvalidInput, InvalidType, LogMismatch, shown
from dita.host.directory import Directory, file_name
from dita.host.feed import AccountFeed
from dita.journal.kernel_journal import ClickHouseKernelJournal
from dita.kernel import ExecutionKernel
from dita.kernel.exchange import ExchangeConfig
from dita.projection import HazelcastProjection
from dita.second_names import LIMIT_NAMES
from dita.venues import CircuitBreaker, SimulatedVenue, VenueAdapter

_LOG: Final = logging.getLogger("dita.host")
_BY: Final = "dita.toml"
#: Limits of which more is tighter; of all others less is.
_MORE_IS_TIGHTER: Final = frozenset({"min_edge_bps", "order_reserve_for_exits"})
_NAMES_A_SCOPE: Final = frozenset({"edge_freeze_cancels"})


def faults_of(name: str, account: AccountConfig) -> Iterator[Fault]:
    """Yield what is wrong with an account that its fields alone do not show.

    Args:
        name: The account's.
        account: What the configuration says of it.
    """
    place = f"accounts.{name}"
    try:
        ExchangeConfig().updated(account.instruments).specs()
    except (InvalidInput, InvalidType) as error:
        yield Fault(f"{place}.instruments.{error.field}", shown(error.value), _why(error), "instruments")
    unused = ("options", "credentials") if account.venue == "sim" else ("simulated",)
    for name_of in unused:
        if name_of in account.model_fields_set and getattr(account, name_of) != AccountConfig.model_fields[
            name_of
        ].get_default(call_default_factory=True):
            why = f"has no effect where venue is {shown(account.venue)}: remove it, or change venue"
            yield Fault(f"{place}.{name_of}", "", why, name_of)
    for limit, value in account.limits.items():
        if LIMIT_NAMES.get(limit, limit) not in NO_LIMITS:
            known = ", ".join(sorted(NO_LIMITS))
            yield Fault(f"{place}.limits.{limit}", shown(value), f"is no limit; known are {known}", "limits")
        elif isinstance(value, str) and limit not in _NAMES_A_SCOPE:
            yield Fault(f"{place}.limits.{limit}", shown(value), "must be a number", "limits")


def _why(error: InvalidInput | InvalidType) -> str:
    # A fault has its value beside it, so it is not said twice.
    return str(error).partition(": ")[2].removeprefix(f"{shown(error.value)} ")


def open_account(
    name: str,
    account: AccountConfig,
    followers: FollowersConfig,
    directory: Directory | None,
    feed: AccountFeed | None,
    clock: Clock | None = None,
    logs: Any = None,  # noqa: ANN401 - KernelLogs, or what hears as it does
    *,
    venue: Any = None,  # noqa: ANN401 - an adapter of either form, or the simulated venue
    breaker: CircuitBreaker | None = None,
    replica: LogReplica | None = None,
) -> ExecutionKernel:
    """Open one account.

    What its log holds wins: instruments, controls, capital. A limit of the file counts where it is tighter; a
    value that does not count is named in one line of the program's log.

    Args:
        name: The account's name.
        account: What the configuration says of it.
        followers: What writes its log elsewhere.
        directory: Where the host keeps it; None keeps nothing.
        feed: Where its changes go.
        clock: Where its time comes from; None leaves that to the venue.
        logs: Observes what the kernel does, as `KernelLogs` does.
        venue: The adapter, where it is made already; None makes the one that the configuration names.
        breaker: The venue's.
        replica: A replica that has followed the account's log.

    Raises:
        ConfigError: The configuration names what is not there.
        KernelError: The kernel or its log cannot be opened.
    """
    faults = list(faults_of(name, account))
    if faults:
        raise ConfigError(faults)
    plane = InMemoryControlPlane() if directory is None else FileControlPlane(directory.controls(name))
    log_dir = None if directory is None else directory.log(name)
    open_with = partial(
        ExecutionKernel,
        control_plane=plane,
        venue=venue_of(name, account) if venue is None else venue,
        breaker=breaker,
        journal=_journal(followers),
        projection=_projection(followers, name),
        audit=_audit(followers, name),
        zinc_plane=feed,
        logs=logs,
        clock=clock,
        live=account.live,
        instance_nonce=account.instance_nonce,
        hedge_mode=account.hedge_mode,
        log_dir=log_dir,
        log_policy=account.log_policy,
        name=file_name(name),
    )
    try:
        kernel = open_with(max_slots=account.max_slots, log_replica=replica)
    except LogMismatch:
        kernel = open_with(max_slots=_slots(name, account.max_slots, log_dir))
    try:
        _set_up(name, account, kernel)
    except BaseException:
        kernel.close()
        raise
    return kernel


def _slots(name: str, given: int, log_dir: Path | None) -> int:
    """How many slots: a log never has fewer than before."""
    if log_dir is None or not any(log_dir.glob("*.seg")):
        return given
    replay = Replay(log_dir)
    replay.run()
    if replay.max_slots <= given:
        return given
    _kept(name, "max_slots", replay.max_slots, given)
    return replay.max_slots


def venue_of(name: str, account: AccountConfig) -> SimulatedVenue | VenueAdapter:
    """Make what an account trades at; nothing is asked there yet.

    Args:
        name: The account's name.
        account: What the configuration says of it.

    Raises:
        ConfigError: The adapter cannot be loaded, or does not take the options.
        SecretUnavailable: A secret is missing.
    """
    if account.venue == "sim":
        return SimulatedVenue(**account.simulated.model_dump())
    module, _, attribute = account.venue.partition(":")
    try:
        make = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        fault = Fault(f"accounts.{name}.venue", shown(account.venue), f"cannot be loaded: {error}", "venue")
        raise ConfigError([fault]) from error
    secrets = {key: reference.resolve() for key, reference in account.credentials.items()}
    try:
        adapter: VenueAdapter = make(**account.options, **secrets)
    except InvalidInput as error:
        raise InvalidInput(f"accounts.{name}: {error}") from error
    except TypeError as error:
        # Python's words name the keyword, and never its value.
        fault = Fault(
            f"accounts.{name}.options", shown(sorted(account.options)), f"is not taken: {error}", "options"
        )
        raise ConfigError([fault]) from error
    return adapter


def _journal(followers: FollowersConfig) -> ClickHouseKernelJournal | None:
    if followers.journal is None:
        return None
    return ClickHouseKernelJournal(followers.journal)


def _projection(followers: FollowersConfig, name: str) -> HazelcastProjection | None:
    if followers.projection is None:
        return None
    return HazelcastProjection.open(ClusterAddress.parse(followers.projection), file_name(name))


def _audit(followers: FollowersConfig, name: str) -> FollowedAudit | None:
    return None if followers.audit is None else FollowedAudit(Path(followers.audit) / file_name(name))


def _set_up(name: str, account: AccountConfig, kernel: ExecutionKernel) -> None:
    """Give the kernel what its log does not hold yet."""
    known = set(kernel.instruments)
    config = dict(account.instruments)
    given = dict(config.pop("instruments", {}))
    new = {symbol: own for symbol, own in given.items() if symbol not in known}
    if new:
        kernel.set_exchange_config({**config, "instruments": new})
    for symbol in given:
        if symbol in known:
            _LOG.info("%s: instruments.%s: the log's counts, not the file's", name, symbol)
    fresh = kernel.recovery is None or kernel.recovery["last_seq"] == 0
    if fresh:
        for asset, amount in (account.seed_capital or _balances(account)).items():
            kernel.set_seed_capital(amount, asset)
    limits = {LIMIT_NAMES.get(limit, limit): value for limit, value in account.limits.items()}
    changed = _tighter(name, limits, kernel.control.limits, fresh=fresh)
    if changed:
        kernel.update_control(ControlUpdate(limits=changed, updated_by=_BY))


def _balances(account: AccountConfig) -> Mapping[str, Decimal]:
    return account.simulated.balances if account.venue == "sim" else {}


def _tighter(name: str, file: Mapping[str, Any], log: Mapping[str, Any], *, fresh: bool) -> dict[str, Any]:
    """Return the limits of the file that count."""
    changed: dict[str, Any] = {}
    for limit, given in file.items():
        held, value = log.get(limit), _whole(given)
        if value is None or held == value:
            continue
        if fresh or held is None or _is_tighter(limit, value, held):
            changed[limit] = value
            if not fresh:
                _LOG.warning("%s: limits.%s: the file's %s counts, the log has %s", name, limit, value, held)
        else:
            _kept(name, f"limits.{limit}", held, value)
    return changed


def _whole(value: object) -> object:
    """Some limits count things: those are no decimals."""
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value


def _is_tighter(limit: str, value: object, held: object) -> bool:
    if not isinstance(value, (Decimal, int)) or not isinstance(held, (Decimal, int)):
        return False
    return value > held if limit in _MORE_IS_TIGHTER else value < held


def _kept(name: str, field: str, held: object, given: object) -> None:
    _LOG.warning("%s: %s: the log's %s counts, the file has %s", name, field, held, given)
