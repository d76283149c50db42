"""A trade's story and the drift's, in words that a trader reads without knowing the code."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from dita.errors import details_text
from dita.text import count, exact, table, time_text
from dita.timetravel import change_of_k

_SECOND_NS: Final = 1_000_000_000

#: What each code means, in a few words.
CODES: Final[Mapping[str, str]] = {
    "OK": "done",
    "INVALID_SLOT_ID": "there is no such slot",
    "INVALID_INTENT": "a field is wrong",
    "SLOT_BUSY": "the slot carries a trade that does not allow this",
    "OPPOSITE_SIDE": "another slot, or an unassigned position, holds the other side on a one-way account",
    "NO_POSITION": "there is nothing to exit",
    "NO_ACTIVE_ORDER": "there is no order at work to cancel or amend",
    "AMBIGUOUS_ORDER": "several orders could be meant",
    "NOT_OPENED": "the account has not been opened yet",
    "DUPLICATE_INTENT": "this intent was taken before, nothing was done again",
    "DUPLICATE_EVENT": "known already, nothing moved",
    "ENRICHED": "known already, and this time it brought what was missing",
    "STALE_EVENT": "older than what is known, nothing moved",
    "UNKNOWN_ORDER": "of an order that this kernel did not send",
    "FOREIGN_ORDER": "of another order with this id, which the venue had before ours was sent: nothing moved",
    "LATE_FILL": "a fill after the order had ended: it counts",
    "ORPHAN_FILL": "a fill whose slot carries another trade by now: held apart from the slots",
    "OVERFILL": "more filled than ordered: it counts",
    "POSITION_FLIPPED": "an exit went past zero: the excess is held apart from the slots",
    "INFERRED_FILL": "a fill that no message brought was booked from the order's total",
    "IN_DOUBT": "no answer came, so the order may be live: the venue is asked",
    "RATE_LIMITED": "the venue's rate limit",
    "VENUE_REJECTED": "the venue said no",
    "BELOW_FLOOR": "under the venue's minimum",
    "PRECISION": "a number that the instrument cannot hold exactly",
    "RISK_BLOCKED": "a risk limit",
    "INTENT_TAKEN": "this intent was taken before and its record is gone, nothing was done again",
    "BUDGET": "the bot's budget does not carry it",
    "LIVE_NOT_ARMED": "not all that real money takes is set",
    "NO_MARK": "no mark, or one that is too old",
    "FROZEN": "entries are frozen",
    "CONTROL_HALTED": "trading is halted",
    "REDUCE_ONLY": "only exits are let through",
    "NOT_AUDITED": "it comes from no audited run",
    "REGIME_BLOCKED": "the market's regime forbids it",
    "ILLEGAL_TRANSITION": "that cannot happen at this stage",
    "RECONCILE_REQUIRED": "it is ambiguous or cannot be booked: a person or the log must decide",
    "CLOCK_SKEW": "kernel time and the machine's clock differ by more than a second",
}

_CAUSES: Final[Mapping[str, str]] = {
    "REALIZED_PNL": "realised profit",
    "INTER_SLOT": "between slots",
    "PNL_SETTLED": "profit, as the exchange settled it",
    "FEE_SETTLED": "fee, as the exchange settled it",
}

#: What a venue's message says, where it is no fill.
_NEWS: Final[Mapping[str, str]] = {
    "ORDER_ACK": "the venue took the order",
    "CANCEL_PENDING": "the venue is canceling the order",
    "CANCEL_ACK": "the venue canceled the order",
    "CANCEL_REJECT": "the venue would not cancel the order",
    "AMEND_REJECT": "the venue would not change the order",
    "AMEND_PENDING": "the venue is changing the order",
    "AMEND_ACK": "the venue changed the order",
    "ORDER_REJECT": "the venue rejected the order",
    "EXPIRED": "the order expired",
    "DONE_FOR_DAY": "the order is done for the day",
    "STOPPED": "the venue guarantees the fill",
    "RESTATED": "the venue restated the order",
    "TRIGGERED": "the order was triggered",
    "TRADE_CORRECT": "the venue corrected a fill",
    "TRADE_BUST": "the venue took a fill back",
    "ORDER_STATUS": "the venue reported the order's status",
    "ORDER_NOT_FOUND": "the venue does not know the order",
    "RATE_LIMITED": "the venue's rate limit refused the request",
    "SEND_TIMEOUT": "no answer came to the request",
    "LIQUIDATION": "the venue liquidated",
    "ADL": "the venue auto-deleveraged",
    "DISCONNECTED": "the connection was lost",
    "RESYNCED": "the connection is back, its gap filled",
}

_ENTRIES: Final[Mapping[str, str]] = {
    "ACCOUNT_UPDATE": "the exchange reported the wallet",
    "POSITION_UPDATE": "the exchange reported a position",
    "FUNDING_FEE": "funding",
    "TRANSFER": "a transfer",
    "REBATE": "a rebate",
    "LIQUIDATION_FEE": "a liquidation fee",
    "ADJUSTMENT": "an adjustment",
}


def story_lines(story: Mapping[str, Any]) -> Iterator[str]:
    """Tell a trade's story.

    Args:
        story: What `timetravel.explain` returned.
    """
    yield from _head(story)
    start_ns = story["steps"][0]["time_ns"]
    for step in story["steps"]:
        yield ""
        after = Decimal(step["time_ns"] - start_ns) / _SECOND_NS
        yield f"{time_text(step['time_ns'])}  (+{exact(after)} s, input {count(step['seq'])})"
        yield f"  {headline(step)}"
        yield from (f"    {line}" for line in _consequences(step))
    if story["steps_left_out"]:
        yield f"... and {count(story['steps_left_out'])} inputs more"
    yield ""
    yield from _sums(story)


def _head(story: Mapping[str, Any]) -> Iterator[str]:
    figures = story["figures"]
    if figures is None:
        yield f"Trade {story['trade_id']}: no slot ever carried it"
    else:
        size = f"{exact(figures['initial_size'])} {figures['symbol']}"
        entry = f" entered at {exact(figures['entry_price'])}" if figures["entry_price"] is not None else ""
        place = f"slot {figures['slot_id']}, now {figures['stage']}"
        yield f"Trade {story['trade_id']}: {figures['side']} {size}{entry}, {place}"
        if figures["close_reason"] and figures["stage"] == "CLOSED":
            yield f"  closed because: {figures['close_reason']}"
    if story["began"] is not None:
        yield (
            f"  The log's beginning was removed: the story begins with the snapshot after input "
            f"{count(story['began'])}, and the sums hold only what came after it"
        )


def headline(step: Mapping[str, Any]) -> str:
    """Return what an input was, in one sentence.

    Args:
        step: A step of a story or of a replay, or a change of a drift: `type` and `input`.
    """
    words = _HEADLINES.get(step["type"])
    if words is None:
        text: str = step["type"]
        return text.replace("_", " ").lower()
    return words(step["input"])


def _recalled(record: Mapping[str, Any]) -> str:
    event = record["event"]
    inner = _entry(event) if event["kind"] in _ENTRIES or event["kind"] == "FILL_SETTLED" else _news(event)
    verdict = "new" if record["booked_seq"] is None else f"booked by input {record['booked_seq']}"
    return f"{inner}; it was older than the kernel's memory, and the log says that it is {verdict}"


def _control(record: Mapping[str, Any]) -> str:
    by = record.get("updated_by", "nobody named")
    what = ", ".join(f"{name} {_flat(value)}" for name, value in record.items() if name != "updated_by")
    return f"controls changed by {by}: {what}"


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_flat(inner)}" for name, inner in value.items())
    return exact(value) if isinstance(value, Decimal) else str(value)


def _effect(record: Mapping[str, Any]) -> str:
    return f"{record['kind'].replace('_', ' ').lower()}: {record.get('reason', record.get('leverage', ''))}"


def _instrument(record: Mapping[str, Any]) -> str:
    rates = f"maker fee {exact(record['maker_rate'])}, taker fee {exact(record['taker_rate'])}"
    return f"instrument {record['symbol']}: {rates}"


def _intent(record: Mapping[str, Any]) -> str:
    size = exact(record["target_size"]) if "target_size" in record else ""
    words = [record["action"], record["side"], size, record["asset"], record["order_type"]]
    at = [
        f"{name} {exact(record[key])}"
        for key, name in (("limit_price", "limit"), ("trigger_price", "trigger"))
        if key in record
    ]
    flags = [name.replace("_", "-") for name in ("post_only", "reduce_only") if record.get(name)]
    asked = " ".join(str(word) for word in [*words, *at, *flags] if word)
    why = f", because: {record['reason']}" if "reason" in record else ""
    return f"asked for: {asked} (intent {record['intent_id']}){why}"


def _news(record: Mapping[str, Any]) -> str:
    order = record.get("venue_client_id") or record.get("venue_order_id") or "an order"
    if record["kind"] in ("PARTIAL_FILL", "FULL_FILL"):
        size, price = exact(record.get("size")), exact(record.get("price"))
        whole = "which completes the order" if record["kind"] == "FULL_FILL" else "a part of the order"
        liquidity = f", as {str(record['liquidity']).lower()}" if "liquidity" in record else ""
        fee = (
            f", fee {exact(record['fee'])} {record.get('fee_asset', '')}".rstrip() if "fee" in record else ""
        )
        side = f"{record['order_side']} " if "order_side" in record else ""
        trade = f" (venue trade {record['venue_trade_id']})" if "venue_trade_id" in record else ""
        return f"filled: {side}{size} at {price}, {whole}{liquidity}{fee}{trade}"
    reason = f": {record['reason']}" if "reason" in record else ""
    return f"{_NEWS[str(record['kind'])]}{reason} ({order})"


def _entry(record: Mapping[str, Any]) -> str:
    asset = record.get("asset", "")
    if record["kind"] == "FILL_SETTLED":
        fee = f"fee {exact(record['fee'])} {record.get('fee_asset', asset)}" if "fee" in record else ""
        profit = f"profit {exact(record['realized_pnl'], sign=True)}" if "realized_pnl" in record else ""
        figures = ", ".join(words for words in (profit, fee) if words)
        return f"the exchange settled the fill {record['venue_trade_id']}: {figures or 'no figures'}"
    figure = record.get("amount", record.get("wallet_balance", record.get("size")))
    symbol = f" of {record['symbol']}" if "symbol" in record else ""
    return (
        f"{_ENTRIES[str(record['kind'])]}{symbol}: {exact(figure, sign='amount' in record)} {asset}".rstrip()
    )


_HEADLINES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "INTENT": _intent,
    "VENUE_EVENT": _news,
    "ACCOUNT_EVENT": _entry,
    "RECALLED": _recalled,
    "INSTRUMENT": _instrument,
    "CONTROL": _control,
    "EFFECT_RESULT": _effect,
    "SEED": lambda record: f"opening capital: {exact(record['amount'])} {record['asset']}",
    "MARK": lambda record: f"mark of {record['symbol']}: {exact(record['price'])}",
    "TIME": lambda _: "time passed",
    "RESTART": lambda _: "the kernel was started again on its log",
    "CAPACITY": lambda i: f"room for {i['max_slots']} slots and {i['remembered_orders']} ended orders",
    "OVERRIDE": lambda record: (
        f"slot {record['slot_id']} changed by hand by {record['by']}: {record['reason']}"
    ),
}


def _consequences(step: Mapping[str, Any]) -> Iterator[str]:
    """What the input led to."""
    code = step["code"]
    if not step["accepted"]:
        yield f"REFUSED, {code}: {CODES[code]}{details_text(step['details'])}"
    elif code != "OK":
        yield f"{code}: {CODES[code]}{details_text(step['details'])}"
    if step["accepted"] != step["accepted_then"]:
        yield f"WARNING: when it was logged it was {'accepted' if step['accepted_then'] else 'refused'}"
    stages = step["transitions"]
    moved = [change["next_state"] for change in stages if change["next_state"] != change["prev_state"]]
    if moved:
        yield f"stage: {' -> '.join([stages[0]['prev_state'], *moved])}"
    for request in step["requests"]:
        yield _request(request)
    for booked in step["ledger"]:
        yield _booked(booked)
    if step["ledger_missing"]:
        yield f"{step['ledger_missing']} ledger entries more, which the kernel's settings do not keep"
    if step["funding"]:
        yield f"this trade's part of the funding: {exact(step['funding'], sign=True)}"
    for notice in step["notices"]:
        yield f"note, {notice['severity'].lower()}: {notice['code']}: {CODES[notice['code']]}"


def _request(request: Mapping[str, Any]) -> str:
    match request["type"]:
        case "SUBMIT":
            words = [request["order_side"], exact(request["size"]), request["asset"], request["order_type"]]
            limit = f" limit {exact(request['limit_price'])}" if request["limit_price"] is not None else ""
            at = request["trigger_price"]
            trigger = f" trigger {exact(at)}" if at is not None else ""
            return (
                f"sent to the venue: {' '.join(words)}{limit}{trigger} (order {request['venue_client_id']})"
            )
        case "SET_LEVERAGE":
            return f"asked the venue for leverage {exact(request['leverage'])}"
        case kind:
            what = {"CANCEL": "to cancel", "AMEND": "to change", "QUERY": "what became of"}[kind]
            return f"asked the venue {what} the order {request['venue_client_id']}"


def _booked(booked: Mapping[str, Any]) -> str:
    change = change_of_k(booked)
    cause = _cause(booked["cause"])
    if change:
        return f"K {exact(change, sign=True)} {booked['asset']}: {cause}"
    accounts = f"{booked['from']} to {booked['to']}"
    return f"K unchanged: {exact(booked['amount'])} {booked['asset']} {cause} ({accounts})"


def _cause(cause: str) -> str:
    return _CAUSES.get(cause, cause.replace("_", " ").lower())


def _sums(story: Mapping[str, Any]) -> Iterator[str]:
    yield "In sum"
    if not story["sums"]:
        yield "  nothing was booked for it"
    for sums in story["sums"]:
        rows = [
            (_cause(cause), exact(amount, sign=True), sums["asset"])
            for cause, amount in sums["causes"].items()
        ]
        rows.append(("what it did to K", exact(sums["k_change"], sign=True), sums["asset"]))
        yield from table(("cause", "amount", "asset"), rows, right="amount")
    figures = story["figures"]
    if figures is not None:
        net = figures["realized_pnl"] - figures["fees_paid"] + figures["funding_net"]
        asset = figures["asset"]
        yield (
            f"  at the trade's own cost: profit {exact(figures['realized_pnl'], sign=True)}, "
            f"fees {exact(figures['fees_paid'])}, funding {exact(figures['funding_net'], sign=True)}, "
            f"together {exact(net, sign=True)} {asset}"
        )
        if figures["size"]:
            yield (
                f"  still held: {exact(figures['size'])} {figures['symbol']}, "
                f"{exact(figures['unrealized_pnl'], sign=True)} {asset} at the last mark"
            )


def drift_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Tell where the difference between K and E comes from.

    Args:
        found: What `timetravel.explain_drift` returned.
    """
    yield f"After input {count(found['seq'])}, {time_text(found['now_ns'])} UTC"
    if found["began"] is not None:
        began = f"the snapshot after input {count(found['began'])}"
        yield f"  replayed from {began}: the log's beginning was removed"
    if not found["assets"]:
        yield "  there is no asset yet"
    for drift in found["assets"]:
        yield ""
        yield from _drift(drift)


def _drift(drift: Mapping[str, Any]) -> Iterator[str]:
    asset = drift["asset"]
    yield f"{asset}: {drift['status']}"
    rows = [
        ("K, what the wallet must hold", exact(drift["k"])),
        ("E, what the exchange says", exact(drift["e"])),
        ("E - K", exact(drift["delta"], sign=True)),
    ]
    width = max(len(text) for _, text in rows)
    for name, text in rows:
        yield f"  {name:28}  {text:>{width}}"
    if drift["e"] is None:
        yield "  the exchange has not reported this wallet yet"
        return
    yield f"  the exchange last reported at {time_text(drift['frame_ns'])}"
    if drift["parted"] is None:
        yield "  K and E agree to the last unit"
        return
    parted = drift["parted"]
    yield f"  apart since {time_text(parted['time_ns'])}, input {count(parted['seq'])}: {headline(parted)}"
    for part in drift["parts"]:
        sure = "" if part["proof"] == "PROVEN" else "perhaps "
        about = f", about {', '.join(part['references'])}" if part["references"] else ""
        arose = part["arose"]
        yield f"  {exact(part['amount'], sign=True)} {asset}  {sure}{part['cause']}{about}"
        yield f"      arose {time_text(arose['time_ns'])}, input {count(arose['seq'])}: {headline(arose)}"
        for change in part["changes"][-3:]:
            yield (
                f"      {exact(change['amount'], sign=True)} after {time_text(change['time_ns'])}, "
                f"input {count(change['seq'])}: {headline(change)}"
            )
