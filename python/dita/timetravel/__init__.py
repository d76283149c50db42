"""Time travel: what a log says of any moment of the past.

Everything here reads a log's directory and changes nothing. It takes no lock, so it works beside a kernel
that writes, on a copy, and on a read-only disk. What comes back is plain data; money, prices and sizes are
`Decimal`, times are int nanoseconds, UTC.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dita._kernel import Replay, explain_trade, log_stats, verify_log
from dita._kernel import explain_drift as _explain_drift
from dita._kernel import what_if as _what_if
from dita.errors import refuse, shown
from dita.timetravel.copying import BackupFailed, backup
from dita.timetravel.moment import Moment, moment

if TYPE_CHECKING:
    import os

__all__ = [
    "BackupFailed",
    "Moment",
    "Progress",
    "Replay",
    "UnknownTrade",
    "backup",
    "explain",
    "explain_drift",
    "moment",
    "replay",
    "stats",
    "verify",
    "what_if",
]

_MILLISECOND_NS: Final = 1_000_000

Directory: TypeAlias = "str | os.PathLike[str]"
Until: TypeAlias = Moment | int | str | None
#: Called now and then with the last input, the bytes read, and all of them. What it raises ends the work.
Progress: TypeAlias = Callable[[int, int, int], object] | None


class UnknownTrade(LookupError):  # noqa: N818 - as the kernel names its own
    """No input of the log is about such a trade."""


def replay(log_dir: Directory, until: Until = None, *, progress: Progress = None) -> dict[str, Any]:
    """Return the kernel's state at a moment: slots, live orders, accounts, positions, controls.

    Args:
        log_dir: The log's directory.
        until: The last input's number, or a time as `moment` reads it; None means the log's end.
        progress: Called with the progress.

    Returns:
        `seq` and `time_ns` of the last input taken, `began` (the snapshot it began with), `replayed`,
        `differences` (inputs that come to something else than when they were logged) and `differences_all`,
        `state_hash`, `slots`, `orders`, `accounts`, `positions`, `unassigned`, `control`.

    Raises:
        LogError: The log cannot be read; its text says why and what to do.
        InvalidInput: `until` is no moment.
    """
    past = _replayed(log_dir, until, progress)
    accounts = [past.account(asset) for asset in past.assets()]
    differences_all, differences = past.differences()
    return {
        "seq": past.seq,
        "time_ns": past.now_ns,
        "began": past.began,
        "replayed": past.replayed,
        "differences_all": differences_all,
        "differences": [
            {"seq": seq, "accepted_then": then, "accepted_now": now} for seq, then, now in differences
        ],
        "state_hash": past.state_hash(),
        "max_slots": past.max_slots,
        "slots": [slot.to_dict() for slot in past.slots()],
        "orders": [order.to_dict() for order in past.orders(live_only=True)],
        "accounts": [account for account in accounts if account is not None],
        "positions": past.positions(),
        "unassigned": past.unassigned(),
        "control": past.control(),
    }


def _replayed(log_dir: Directory, until: Until, progress: Progress) -> Replay:
    at = moment(until)
    past = Replay(log_dir, until_seq=at.seq, until_ns=at.time_ns)
    past.run(progress)
    return past


def explain(log_dir: Directory, trade_id: str, *, progress: Progress = None) -> dict[str, Any]:
    """Return a trade's whole story, in order, and its sums.

    Args:
        log_dir: The log's directory.
        trade_id: The trade.
        progress: Called with the progress.

    Returns:
        `steps`: each input that had to do with the trade, with `seq time_ns type input accepted code
        details transitions notices requests ledger funding`; `figures`: as its slot last had them; `sums`:
        per asset what the ledger booked for it, by cause, and `k_change`, what that did to K; `began`: the
        snapshot that the log begins with, where what came before it was removed.

    Raises:
        UnknownTrade: No input is about it.
        LogError: The log cannot be read; its text says why and what to do.
    """
    story = explain_trade(log_dir, trade_id, progress=progress)
    if not story["steps"]:
        known = [slot.trade_id for slot in _replayed(log_dir, None, None).slots()]
        last = f"; the last trades of its slots are {', '.join(known[:8])}" if known else ""
        raise UnknownTrade(f"no input of the log is about a trade {shown(trade_id)}{last}")
    story["sums"] = _sums(story)
    return story


def _sums(story: Mapping[str, Any]) -> list[dict[str, Any]]:
    by_asset: dict[str, dict[str, Any]] = {}
    for step in story["steps"]:
        for booked in step["ledger"]:
            sums = by_asset.setdefault(booked["asset"], {"causes": {}, "k_change": Decimal(0)})
            change = change_of_k(booked)
            if change:
                causes = sums["causes"]
                causes[booked["cause"]] = causes.get(booked["cause"], Decimal(0)) + change
                sums["k_change"] += change
        if step["funding"] and story["figures"] is not None:
            # The ledger books funding by position; the slot shows the trade's part of it.
            sums = by_asset.setdefault(story["figures"]["asset"], {"causes": {}, "k_change": Decimal(0)})
            booked_here = any(booked["cause"].startswith("FUNDING") for booked in step["ledger"])
            if not booked_here:
                sums["causes"]["FUNDING"] = sums["causes"].get("FUNDING", Decimal(0)) + step["funding"]
                sums["k_change"] += step["funding"]
    return [{"asset": asset, **sums} for asset, sums in by_asset.items()]


def change_of_k(booked: Mapping[str, Any]) -> Decimal:
    """Return what a ledger transaction did to K, the wallet's balance.

    Args:
        booked: A transaction: `from`, `to`, `amount`.
    """
    amount: Decimal = booked["amount"]
    gained = amount if booked["to"] == "WALLET" else Decimal(0)
    given = amount if booked["from"] == "WALLET" else Decimal(0)
    return gained - given


def explain_drift(log_dir: Directory, until: Until = None, *, progress: Progress = None) -> dict[str, Any]:
    """Return where the difference between K and E comes from.

    Args:
        log_dir: The log's directory.
        until: As for `replay`.
        progress: Called with the progress.

    Returns:
        `assets`: for each `asset k e delta tolerance status explanation frame_ns`, `parted` (the input since
        which they have not agreed) and `parts`: each named part with its `amount proof references`, the input
        after which it `arose`, and the last `changes` of it.

    Raises:
        LogError: The log cannot be read; its text says why and what to do.
        InvalidInput: `until` is no moment.
    """
    at = moment(until)
    return _explain_drift(log_dir, until_seq=at.seq, until_ns=at.time_ns, progress=progress)


def verify(log_dir: Directory, *, replay: bool = False, progress: Progress = None) -> dict[str, Any]:
    """Verify a log: every checksum, the sequence, the chain, the snapshots.

    Args:
        log_dir: The log's directory.
        replay: True also replays everything, and holds it against what was logged and against each snapshot.
        progress: Called with the progress.

    Returns:
        `good`; where it is False `damage` (`file offset seq reason`) or the differences in `replay`; else
        what was found: `records bytes segments snapshots first_seq last_seq durable_seq torn remarks` and
        more.

    Raises:
        LogError: There is no log, or it cannot be read.
    """
    return verify_log(log_dir, replay=replay, progress=progress)


def stats(log_dir: Directory, *, progress: Progress = None) -> dict[str, Any]:
    """Count what is in a log.

    Args:
        log_dir: The log's directory.
        progress: Called with the progress.

    Returns:
        What `verify` finds, and `types` (records, refused ones and bytes by type), `epochs` (each opening),
        `largest` (records) and `busiest_second`.

    Raises:
        LogError: There is no log, it is damaged, or it cannot be read.
    """
    return log_stats(log_dir, progress=progress)


def what_if(
    log_dir: Directory,
    *,
    taker_rate: Decimal | str | None = None,
    maker_rate: Decimal | str | None = None,
    symbol: str | None = None,
    limits: Mapping[str, Any] | None = None,
    latency_ms: Decimal | str | int = 0,
    progress: Progress = None,
) -> dict[str, Any]:
    """Replay a log with other fees, limits or latency, and hold K against the K of then.

    With nothing changed K is what it was, to the last unit. Fees are computed by the kernel itself, notional
    times rate, rounded as the venue rounds. An intent that the new limits refuse takes its order's events
    with it; one that they would let through has no answers in the log and is left out. The latency is an
    estimate: each fill that took liquidity gets the price of then plus what the mark moved in that time, as
    far as the log has marks. E is not made anew.

    Args:
        log_dir: The log's directory.
        taker_rate: The taker fee as a fraction ("0.0004"); None leaves what was charged.
        maker_rate: Likewise the maker fee; a rebate is negative.
        symbol: Only this instrument's fees and fills; None means all.
        limits: Limits by name, as `KernelControlSnapshot.limits` has them; those not named stay.
        latency_ms: How much later, in milliseconds.
        progress: Called with the progress.

    Returns:
        `assets`: `k realized_pnl fees_paid funding_net` of each, `then`, `now` and `difference`; `trades`:
        those whose effect on K differs; `trades_all`; `refused`: intents that the new limits refuse;
        `counts`: how many fills, fees, events and intents were changed or left out; `began`: the snapshot
        before which nothing is changed, where the log's beginning was removed.

    Raises:
        InvalidInput: A rate, a limit or the latency is out of range, by field.
        LogError: The log cannot be read; its text says why and what to do.
    """
    try:
        latency_ns = Decimal(latency_ms) * _MILLISECOND_NS
    except (ArithmeticError, ValueError):
        raise refuse("latency_ms", latency_ms, "is no number of milliseconds") from None
    if not latency_ns.is_finite() or latency_ns < 0 or latency_ns != int(latency_ns):
        raise refuse("latency_ms", latency_ms, "must be 0 or more, in whole nanoseconds")
    return _what_if(
        log_dir,
        taker_rate=taker_rate,
        maker_rate=maker_rate,
        symbol=symbol,
        limits=None if limits is None else dict(limits),
        latency_ns=int(latency_ns),
        progress=progress,
    )
