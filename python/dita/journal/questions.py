"""The ready questions of `dita journal`: each one query, with what it is about."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Question:
    """One ready question.

    Attributes:
        title: What its table shows.
        sql: The query; `{kernel}` stands for the condition on the kernel, `{id}` for what is asked for.
    """

    title: str
    sql: str


#: What happened to a trade, in order, from all tables. FINAL leaves out rows that a repeated batch doubled.
_STORY: Final = """\
SELECT time, seq, what, detail FROM
(
    SELECT time, seq, n, 1 AS part, concat('INTENT ', toString(action)) AS what,
        concat(toString(order_type), ' ', ifNull(toString(target_size), ''),
               if(limit_price IS NULL, '', concat(' at ', toString(limit_price))),
               if(accepted, '', concat(' refused: ', code, ' ', detail)),
               if(reason = '', '', concat(' (', reason, ')'))) AS detail
    FROM intents FINAL WHERE {condition} AND {kernel}
    UNION ALL
    SELECT time, seq, n, 2, concat('VENUE ', toString(kind)),
        concat(if(size IS NULL, '', concat(toString(size), ' at ', ifNull(toString(price), '?'), ' ')),
               if(venue_trade_id = '', '', concat(venue_trade_id, ' ')), reason, notices)
    FROM venue_events FINAL WHERE {condition} AND {kernel}
    UNION ALL
    SELECT time, seq, n, 3, 'STAGE',
        concat(toString(prev_state), ' -> ', toString(next_state), ' by ', trigger)
    FROM transitions FINAL WHERE {condition} AND prev_state != next_state AND {kernel}
    UNION ALL
    SELECT time, seq, n, 4, concat('FILL ', toString(change)),
        concat(toString(order_side), ' ', ifNull(toString(size), ''), ' at ', ifNull(toString(price), '?'),
               ', fee ', toString(fee), ' ', fee_asset, if(fee_predicted, ' predicted', ''))
    FROM fills FINAL WHERE {condition} AND {kernel}
    UNION ALL
    SELECT time, seq, n, 5, concat('LEDGER ', cause),
        concat(toString(amount), ' ', asset, ' from ', toString(from_account), ' to ', toString(to_account))
    FROM ledger_entries FINAL WHERE {condition} AND {kernel}
)
ORDER BY seq, part, n"""

QUESTIONS: Final[Mapping[str, Question]] = {
    "trade": Question("What happened to trade {id}", _STORY.replace("{condition}", "trade_id = {id}")),
    "slot": Question("What happened in slot {id}", _STORY.replace("{condition}", "slot_id = {id}")),
    "rejects": Question(
        "Refused by the kernel, or by the venue",
        """\
SELECT who, code, asset, count() AS times, max(time) AS last, argMax(trade_id, time) AS last_trade,
    argMax(detail, time) AS last_detail
FROM
(
    SELECT 'kernel' AS who, code, asset, time, trade_id, detail
    FROM intents FINAL WHERE NOT accepted AND {kernel}
    UNION ALL
    SELECT 'venue', toString(kind), asset, time, trade_id,
        concat(reason, if(reason_code = '', '', concat(' [', reason_code, ']')))
    FROM venue_events FINAL
    WHERE kind IN ('ORDER_REJECT', 'CANCEL_REJECT', 'AMEND_REJECT', 'RATE_LIMITED') AND {kernel}
)
GROUP BY who, code, asset
ORDER BY times DESC, who, code""",
    ),
    # By the kernel's clock an answer is as late as it was taken: 17 s where nothing moved a driven clock.
    # By the venue's stamp it is as late as the venue was. A stamp of 0 is none.
    "latency": Question(
        "From the intent to the venue's word, in ms: as it was taken here, and as the venue stamped it",
        """\
SELECT asset, toString(action) AS action, count() AS orders,
    round(quantile(0.5)(ack_ms), 3) AS ack_p50, round(quantile(0.99)(ack_ms), 3) AS ack_p99,
    round(max(ack_ms), 3) AS ack_max,
    round(quantile(0.5)(venue_ack_ms), 3) AS venue_ack_p50,
    round(quantile(0.99)(venue_ack_ms), 3) AS venue_ack_p99,
    round(max(venue_ack_ms), 3) AS venue_ack_max,
    round(quantile(0.5)(fill_ms), 3) AS fill_p50, round(quantile(0.99)(fill_ms), 3) AS fill_p99,
    round(quantile(0.5)(venue_fill_ms), 3) AS venue_fill_p50,
    round(quantile(0.99)(venue_fill_ms), 3) AS venue_fill_p99
FROM
(
    SELECT i.asset AS asset, i.action AS action, i.kernel AS kernel,
        toUnixTimestamp64Nano(i.time) AS sent,
        (v.first_word - sent) / 1e6 AS ack_ms,
        if(v.stamped = 0, NULL, (v.venue_word - sent) / 1e6) AS venue_ack_ms,
        if(v.fills = 0, NULL, (v.first_fill - sent) / 1e6) AS fill_ms,
        if(v.stamped_fills = 0, NULL, (v.venue_fill - sent) / 1e6) AS venue_fill_ms
    FROM
    (
        SELECT kernel, time, asset, action, venue_client_id FROM intents FINAL
        WHERE accepted AND action IN ('ENTER', 'EXIT') AND venue_client_id != '' AND {kernel}
    ) AS i
    INNER JOIN
    (
        SELECT kernel, venue_client_id, min(taken) AS first_word, countIf(filled) AS fills,
            minIf(taken, filled) AS first_fill, countIf(stamp > 0) AS stamped,
            minIf(stamp, stamp > 0) AS venue_word,
            countIf(filled AND stamp > 0) AS stamped_fills, minIf(stamp, filled AND stamp > 0) AS venue_fill
        FROM
        (
            SELECT kernel, venue_client_id, toUnixTimestamp64Nano(time) AS taken,
                toUnixTimestamp64Nano(venue_time) AS stamp, venue_trade_id != '' AS filled
            FROM venue_events FINAL WHERE venue_client_id != ''
        )
        GROUP BY kernel, venue_client_id
    ) AS v ON v.kernel = i.kernel AND v.venue_client_id = i.venue_client_id
)
GROUP BY asset, action
ORDER BY asset, action""",
    ),
    "drift": Question(
        "K, E and the difference, as last known",
        """\
SELECT kernel, asset, argMax(k_capital, (seq, n)) AS k, argMax(e_wallet_balance, (seq, n)) AS e,
    argMax(reconcile_delta, (seq, n)) AS delta, argMax(reconcile_tolerance, (seq, n)) AS tolerance,
    argMax(reconcile_status, (seq, n)) AS status, max(abs(reconcile_delta)) AS largest,
    argMax(reconcile_explanation, (seq, n)) AS explanation
FROM account_snapshots FINAL
WHERE {kernel}
GROUP BY kernel, asset
ORDER BY kernel, asset""",
    ),
    "fees": Question(
        "Fees paid, by day, instrument and liquidity",
        """\
SELECT toDate(f.time) AS day, asset, toString(f.liquidity) AS liquidity, count() AS fills,
    sum(f.size) AS size, sum(f.notional) AS notional, sum(f.fee) AS fee, fee_asset,
    if(notional = 0, NULL, round(toFloat64(fee) / toFloat64(notional) * 10000, 4)) AS bps
FROM fills_now AS f
WHERE {kernel}
GROUP BY day, asset, liquidity, fee_asset
ORDER BY day, asset, liquidity""",
    ),
}


def quoted(text: str) -> str:
    """Return a text as ClickHouse's literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def question_sql(name: str, what: str | None, kernel: str | None) -> str:
    """Return a ready question's query.

    Args:
        name: Which.
        what: The trade's id or the slot's number, where it asks for one.
        kernel: Of this kernel only; None means all.
    """
    condition = "1" if kernel is None else f"kernel = {quoted(kernel)}"
    literal = "" if what is None else what if name == "slot" else quoted(what)
    # In one go: what is put in is not looked into again.
    return re.sub(
        r"\{kernel\}|\{id\}", lambda at: condition if at[0] == "{kernel}" else literal, QUESTIONS[name].sql
    )
