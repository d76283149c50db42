"""`Watch`: sees from a host's state, look by look, what somebody has to know."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from dita.alerts.alert import Alert, Cause

_DEAD: Final = ("DEAD", "REFUSED")
_UNEXPLAINED: Final = "UNEXPLAINED"
_POSITION: Final = "POSITION_DIFFERS"
#: Limits that hold everything back once they are reached.
_BREAKERS: Final = ("max_daily_loss", "max_drawdown")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a host stands at one moment, as plain values.

    Attributes:
        accounts: Figures of each account's assets, by account.
        controls: By account.
        slots: Slots that carry a trade, by account.
        followers: By account, then by name.
        losses_met: Limits on losses that are met, by account: `asset`, `limit`, `value`, `attempt`.
        strategies: Each as a host's socket gives it.
        remarks: What the kernels had to say since the last look: the account, then `code`, `seq`,
            `severity`, `slot_id`, `limit`.
        logged: CRITICAL lines of the program's log since then.
        disk_free: Which part of the log's disk is free; None where there is none.
        lost_s: For how long each account's venue has not been connected, seconds; None where it is.
    """

    accounts: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    controls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    slots: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    followers: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    losses_met: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    strategies: Sequence[Mapping[str, Any]] = ()
    remarks: Sequence[tuple[str, Mapping[str, Any]]] = ()
    logged: Sequence[str] = ()
    disk_free: float | None = None
    lost_s: Mapping[str, float | None] = field(default_factory=dict)


class Watch:
    """Compares one look with the one before.

    A state that lasts is yielded at every look, and its end once: `Alerts` holds back what comes too often.
    """

    def __init__(self, *, unexplained_s: float, disk_free_min: float) -> None:
        """Begin: the first look is what later ones are held against.

        Args:
            unexplained_s: For how long a difference may have no cause before an alert, seconds.
            disk_free_min: The free part of the disk below which an alert is sent.
        """
        self._unexplained_s = unexplained_s
        self._disk_free_min = disk_free_min
        self._unexplained_since: dict[tuple[str, str, str], float] = {}
        self._controls: dict[str, Mapping[str, Any]] = {}
        self._lasting: dict[tuple[Cause, str, str], Alert] = {}

    def look(self, standing: Standing, now_s: float) -> Iterator[Alert]:
        """Yield the alerts to send.

        Args:
            standing: How the host stands.
            now_s: When that is, seconds of a clock that never runs backwards.
        """
        for name, control in standing.controls.items():
            yield from self._of_control(name, control)
        lasting = {(one.cause, one.account, one.subject): one for one in self._lasts(standing, now_s)}
        yield from lasting.values()
        for key, before in self._lasting.items():
            if key not in lasting:
                yield _over(before)
        self._lasting = lasting
        for name, remark in standing.remarks:
            yield from _of_remark(name, remark)
        for line in standing.logged:
            yield Alert(Cause.CRITICAL, line, "CRITICAL")

    def _lasts(self, standing: Standing, now_s: float) -> Iterator[Alert]:
        """Yield the states that last until somebody has done something."""
        for name, assets in standing.accounts.items():
            for account in assets:
                yield from self._of_account(name, account, now_s)
        for name, slots in standing.slots.items():
            yield from _of_slots(name, slots)
        for name, followers in standing.followers.items():
            yield from _of_followers(name, followers)
        for name, met in standing.losses_met.items():
            yield from _of_losses(name, met)
        yield from _of_strategies(standing.strategies)
        for name, lost_s in standing.lost_s.items():
            if lost_s is not None:
                text = f"{name}: the venue has been away for {lost_s:.0f} s: entries wait, stops there stand"
                yield Alert(Cause.VENUE, text, "CRITICAL", name, {"seconds": int(lost_s)})
        free = standing.disk_free
        if free is not None and free < self._disk_free_min:
            text = f"{free:.1%} of the log's disk is free: make room, or the kernel stops"
            yield Alert(Cause.DISK, text, "CRITICAL", details={"free": round(free, 4)})

    def _of_control(self, name: str, now: Mapping[str, Any]) -> Iterator[Alert]:
        before = self._controls.get(name)
        self._controls[name] = now
        if before is None:
            return
        names = ("gate", "kill_switch", "frozen")
        if any(before[key] != now[key] for key in names):
            halted = ", kill switch" if now["kill_switch"] else ""
            frozen = ", frozen" if now["frozen"] else ""
            who = now["updated_by"] or "a guard"
            text = f"{name}: gate {now['gate']}{halted}{frozen}, was {before['gate']}; by {who}"
            details = {key: now[key] for key in (*names, "updated_by")}
            yield Alert(Cause.GATE, text, "WARNING", name, details)
        if now["freeze_events"] > before["freeze_events"]:
            details = {"symbol": now["last_freeze_symbol"], "freeze_events": now["freeze_events"]}
            yield Alert(Cause.BREAKER, f"{name}: {now['last_freeze_reason']}", "CRITICAL", name, details)

    def _of_account(self, name: str, account: Mapping[str, Any], now_s: float) -> Iterator[Alert]:
        asset = str(account["asset"])
        parts = account["reconcile_causes"]
        amount = sum(
            (Decimal(str(one["amount"])) for one in parts if one["cause"] == _UNEXPLAINED), Decimal(0)
        )
        symbols = [symbol for one in parts if one["cause"] == _POSITION for symbol in one["references"]]
        lasts_s = self._lasts_s((name, asset, _POSITION), now_s, stands=bool(symbols))
        if lasts_s is not None:
            text = f"{name}: the venue's position has differed for {lasts_s} s: {', '.join(symbols)}"
            details = {"asset": asset, "symbols": symbols, "seconds": lasts_s}
            yield Alert(Cause.UNEXPLAINED, text, "CRITICAL", name, details)
        lasts_s = self._lasts_s((name, asset, _UNEXPLAINED), now_s, stands=bool(amount))
        if lasts_s is not None:
            text = f"{name}: {amount:f} {asset} between E and K has had no cause for {lasts_s} s"
            details = {
                "asset": asset,
                "unexplained": format(amount, "f"),
                "seconds": lasts_s,
                "k_capital": str(account["k_capital"]),
                "e_wallet_balance": str(account["e_wallet_balance"]),
            }
            yield Alert(Cause.UNEXPLAINED, text, "CRITICAL", name, details, subject=asset)

    def _lasts_s(self, key: tuple[str, str, str], now_s: float, *, stands: bool) -> int | None:
        """For how long a difference has stood, seconds, where that is too long; None else."""
        if not stands:
            self._unexplained_since.pop(key, None)
            return None
        lasts_s = now_s - self._unexplained_since.setdefault(key, now_s)
        return int(lasts_s) if lasts_s >= self._unexplained_s else None


def _of_slots(name: str, slots: Sequence[Mapping[str, Any]]) -> Iterator[Alert]:
    bare = [slot for slot in slots if slot["unprotected"]]
    if bare:
        shown = ", ".join(
            f"{one['asset']} {one['side']} {one['size']} in slot {one['slot_id']}" for one in bare[:5]
        )
        text = f"{name}: no stop works for {shown}{' and more' if len(bare) > 5 else ''}"
        yield Alert(Cause.UNPROTECTED, text, "CRITICAL", name, {"slots": [one["slot_id"] for one in bare]})


def _of_followers(name: str, followers: Mapping[str, Mapping[str, Any]]) -> Iterator[Alert]:
    for follower, status in followers.items():
        if status["state"] in _DEAD:
            text = (
                f"{name}: follower {follower} is {status['state']}: {status.get('error') or 'it has ended'}"
            )
            details = {"follower": follower, "state": status["state"]}
            yield Alert(Cause.FOLLOWER, text, "CRITICAL", name, details, subject=follower)


def _of_losses(name: str, met: Sequence[Mapping[str, Any]]) -> Iterator[Alert]:
    if met:
        shown = ", ".join(
            f"{one['limit']} {one['value']} of {one['asset']} is met with {one['attempt']}" for one in met
        )
        text = f"{name}: {shown}: entries are held back, working ones canceled"
        yield Alert(Cause.BREAKER, text, "CRITICAL", name, {"met": [dict(one) for one in met]})


def _of_strategies(strategies: Sequence[Mapping[str, Any]]) -> Iterator[Alert]:
    for one in strategies:
        if str(one["state"]).startswith("Error"):
            text = f"{one['account']}: strategy {one['name']} is in Error: {one['error']}"
            details = {"strategy": one["name"]}
            yield Alert(
                Cause.STRATEGY, text, "CRITICAL", str(one["account"]), details, subject=str(one["name"])
            )


def _of_remark(name: str, remark: Mapping[str, Any]) -> Iterator[Alert]:
    details = {key: remark[key] for key in ("code", "seq", "slot_id")}
    if remark["severity"] == "CRITICAL":
        text = f"{name}: {remark['code']} at input {remark['seq']}"
        yield Alert(Cause.CRITICAL, text, "CRITICAL", name, details)
    if remark["limit"] in _BREAKERS:
        text = f"{name}: {remark['limit']} holds entries back"
        yield Alert(Cause.BREAKER, text, "CRITICAL", name, {**details, "limit": remark["limit"]})


def _over(before: Alert) -> Alert:
    """Return the alert that a state has ended."""
    text = {
        Cause.UNEXPLAINED: f"every part of {before.subject} between E and K has a cause again"
        if before.subject
        else "the venue's positions are the kernel's again",
        Cause.UNPROTECTED: "no position is without a stop that it should have any more",
        Cause.FOLLOWER: f"follower {before.subject} runs again",
        Cause.BREAKER: "no limit on losses is met any more",
        Cause.STRATEGY: f"strategy {before.subject} is not in Error any more",
        Cause.VENUE: f"the venue is connected again, after {before.details.get('seconds', 0)} s or more",
        Cause.DISK: "the log's disk has room again",
    }[before.cause]
    where = f"{before.account}: " if before.account else ""
    details = {**before.details, "over": True}
    return Alert(before.cause, f"{where}{text}", "INFO", before.account, details, subject=before.subject)
