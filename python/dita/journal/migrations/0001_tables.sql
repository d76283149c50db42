-- The journal's eight tables. (kernel, seq, n) names a row; seq fixes the time, so that time may stand in front.
-- What was inserted is synced: the follower's cursor is, and must not be ahead after a power loss.
-- Each INSERT carries a token, and the last 1,000 are known: one that comes again adds nothing.

-- Stage changes of slots. The slot's figures are as they were after the input.
CREATE TABLE IF NOT EXISTS {database}.transitions
(
    kernel LowCardinality(String),
    seq UInt64,
    n UInt32,
    time DateTime64(9, 'UTC'),
    epoch UInt32,
    input LowCardinality(String),
    slot_id UInt32,
    trade_id String,
    asset LowCardinality(String),
    side Enum8('LONG' = 0, 'SHORT' = 1, 'FLAT' = 2),
    prev_state Enum8('IDLE' = 0, 'ORDER_REQUESTED' = 1, 'ORDER_SENT' = 2, 'ENTRY_WORKING' = 3, 'POSITION_OPEN' = 4, 'EXIT_REQUESTED' = 5, 'EXIT_SENT' = 6, 'EXIT_WORKING' = 7, 'CLOSED' = 8),
    next_state Enum8('IDLE' = 0, 'ORDER_REQUESTED' = 1, 'ORDER_SENT' = 2, 'ENTRY_WORKING' = 3, 'POSITION_OPEN' = 4, 'EXIT_REQUESTED' = 5, 'EXIT_SENT' = 6, 'EXIT_WORKING' = 7, 'CLOSED' = 8),
    trigger LowCardinality(String),
    rule UInt32,
    intent_id String,
    event_id String,
    size Nullable(Decimal(38, 18)),
    initial_size Nullable(Decimal(38, 18)),
    entry_price Nullable(Decimal(38, 18)),
    realized_pnl Decimal(38, 18),
    fees_paid Decimal(38, 18),
    funding_net Decimal(38, 18),
    close_reason LowCardinality(String),
    unprotected Bool,
    mode Enum8('LIVE' = 0, 'PAPER' = 1, 'SHADOW' = 2),
    verbosity Enum8('QUIET' = 0, 'NORMAL' = 1, 'VERBOSE' = 2, 'TRACE' = 3),
    unheld String
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (kernel, time, seq, n)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Intents, and the kernel's verdict on each.
CREATE TABLE IF NOT EXISTS {database}.intents
(
    kernel LowCardinality(String),
    seq UInt64,
    n UInt32,
    time DateTime64(9, 'UTC'),
    epoch UInt32,
    intent_time DateTime64(9, 'UTC'),
    intent_id String,
    trade_id String,
    slot_id UInt32,
    asset LowCardinality(String),
    action Enum8('ENTER' = 0, 'EXIT' = 1, 'CANCEL' = 2, 'AMEND' = 3),
    side Enum8('LONG' = 0, 'SHORT' = 1, 'FLAT' = 2),
    order_type Enum8('MARKET' = 0, 'LIMIT' = 1, 'STOP_MARKET' = 2, 'STOP_LIMIT' = 3, 'TAKE_PROFIT' = 4),
    time_in_force Enum8('GTC' = 0, 'IOC' = 1, 'FOK' = 2, 'GTD' = 3),
    reference_price Nullable(Decimal(38, 18)),
    target_size Nullable(Decimal(38, 18)),
    quote_size Nullable(Decimal(38, 18)),
    limit_price Nullable(Decimal(38, 18)),
    trigger_price Nullable(Decimal(38, 18)),
    leverage Nullable(Decimal(38, 18)),
    reduce_only Bool,
    post_only Bool,
    expire_time Nullable(DateTime64(9, 'UTC')),
    valid_until Nullable(DateTime64(9, 'UTC')),
    exit_leg_ratios String,
    reason LowCardinality(String),
    stage LowCardinality(String),
    oco_group LowCardinality(String),
    target_client_id String,
    source_run String,
    metadata String,
    accepted Bool,
    code LowCardinality(String),
    severity Enum8('INFO' = 0, 'WARNING' = 1, 'ERROR' = 2, 'CRITICAL' = 3),
    detail String,
    venue_client_id String,
    unheld String
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (kernel, time, seq, n)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- What the venue said of orders. Slot, trade and ids are the kernel's where it knows the order.
CREATE TABLE IF NOT EXISTS {database}.venue_events
(
    kernel LowCardinality(String),
    seq UInt64,
    n UInt32,
    time DateTime64(9, 'UTC'),
    epoch UInt32,
    venue_time DateTime64(9, 'UTC'),
    received_time DateTime64(9, 'UTC'),
    kind Enum8('ORDER_ACK' = 0, 'PARTIAL_FILL' = 1, 'FULL_FILL' = 2, 'CANCEL_PENDING' = 3, 'CANCEL_ACK' = 4, 'CANCEL_REJECT' = 5, 'AMEND_REJECT' = 6, 'AMEND_PENDING' = 7, 'AMEND_ACK' = 8, 'ORDER_REJECT' = 9, 'EXPIRED' = 10, 'DONE_FOR_DAY' = 11, 'STOPPED' = 12, 'RESTATED' = 13, 'TRIGGERED' = 14, 'TRADE_CORRECT' = 15, 'TRADE_BUST' = 16, 'ORDER_STATUS' = 17, 'ORDER_NOT_FOUND' = 18, 'RATE_LIMITED' = 19, 'SEND_TIMEOUT' = 20, 'LIQUIDATION' = 21, 'ADL' = 22, 'DISCONNECTED' = 23, 'RESYNCED' = 24),
    status Nullable(Enum8('NEW' = 0, 'SENT' = 1, 'ACKED' = 2, 'PARTIALLY_FILLED' = 3, 'FILLED' = 4, 'PENDING_CANCEL' = 5, 'PENDING_REPLACE' = 6, 'CANCELED' = 7, 'REJECTED' = 8, 'EXPIRED' = 9, 'DONE_FOR_DAY' = 10, 'STOPPED' = 11)),
    slot_id Nullable(UInt32),
    trade_id String,
    asset LowCardinality(String),
    event_id String,
    venue_order_id String,
    venue_client_id String,
    venue_trade_id String,
    order_side Nullable(Enum8('BUY' = 0, 'SELL' = 1)),
    position_side Nullable(Enum8('BOTH' = 0, 'LONG' = 1, 'SHORT' = 2)),
    liquidity Nullable(Enum8('MAKER' = 0, 'TAKER' = 1)),
    price Nullable(Decimal(38, 18)),
    size Nullable(Decimal(38, 18)),
    filled_size Nullable(Decimal(38, 18)),
    remaining_size Nullable(Decimal(38, 18)),
    order_size Nullable(Decimal(38, 18)),
    order_price Nullable(Decimal(38, 18)),
    average_price Nullable(Decimal(38, 18)),
    fee Nullable(Decimal(38, 18)),
    fee_asset LowCardinality(String),
    reason LowCardinality(String),
    reason_code LowCardinality(String),
    request_id String,
    parent_order_id String,
    ref_trade_id String,
    raw_payload String,
    metadata String,
    accepted Bool,
    code LowCardinality(String),
    severity Enum8('INFO' = 0, 'WARNING' = 1, 'ERROR' = 2, 'CRITICAL' = 3),
    detail String,
    notices LowCardinality(String),
    recalled Bool,
    unheld String
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (kernel, time, seq, n)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Fills as they were booked, and again whenever later news changed them: (venue_client_id, venue_order_id, fill_seq, fill_n) names one.
CREATE TABLE IF NOT EXISTS {database}.fills
(
    kernel LowCardinality(String),
    seq UInt64,
    n UInt32,
    time DateTime64(9, 'UTC'),
    change Enum8('BOOKED' = 0, 'SETTLED' = 1, 'CHANGED' = 2, 'BUSTED' = 3, 'REPLACED' = 4),
    fill_seq UInt64,
    fill_n UInt32,
    venue_time Nullable(DateTime64(9, 'UTC')),
    venue_trade_id String,
    trade_id String,
    slot_id Nullable(UInt32),
    role Enum8('ENTRY' = 0, 'EXIT' = 1, 'EXTERNAL' = 2),
    asset LowCardinality(String),
    order_side Enum8('BUY' = 0, 'SELL' = 1),
    position_side Enum8('BOTH' = 0, 'LONG' = 1, 'SHORT' = 2),
    venue_client_id String,
    venue_order_id String,
    price Nullable(Decimal(38, 18)),
    size Nullable(Decimal(38, 18)),
    closed_size Nullable(Decimal(38, 18)),
    notional Nullable(Decimal(38, 18)),
    fee Decimal(38, 18),
    fee_asset LowCardinality(String),
    realized_pnl Decimal(38, 18),
    liquidity Enum8('MAKER' = 0, 'TAKER' = 1),
    liquidity_assumed Bool,
    fee_predicted Bool,
    settled Bool,
    inferred Bool,
    price_pending Bool,
    busted Bool,
    forced Bool,
    unheld String
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (kernel, time, seq, n)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- The ledger: each row moved one amount between two accounts.
CREATE TABLE IF NOT EXISTS {database}.ledger_entries
(
    kernel LowCardinality(String),
    seq UInt64,
    n UInt32,
    time DateTime64(9, 'UTC'),
    venue_time DateTime64(9, 'UTC'),
    number UInt64,
    asset LowCardinality(String),
    cause LowCardinality(String),
    from_account Enum8('WALLET' = 0, 'CAPITAL' = 1, 'REALIZED_PNL' = 2, 'FEES' = 3, 'FUNDING' = 4, 'INTER_SLOT' = 5, 'TRANSFERS' = 6, 'REBATES' = 7, 'LIQUIDATION_FEES' = 8, 'ADJUSTMENTS' = 9, 'INVENTORY' = 10),
    to_account Enum8('WALLET' = 0, 'CAPITAL' = 1, 'REALIZED_PNL' = 2, 'FEES' = 3, 'FUNDING' = 4, 'INTER_SLOT' = 5, 'TRANSFERS' = 6, 'REBATES' = 7, 'LIQUIDATION_FEES' = 8, 'ADJUSTMENTS' = 9, 'INVENTORY' = 10),
    amount Decimal(38, 18),
    k_change Decimal(38, 18),
    slot_id Nullable(UInt32),
    trade_id String,
    reference String
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (kernel, time, seq, n)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- What the venue said of the account.
CREATE TABLE IF NOT EXISTS {database}.account_events
(
    kernel LowCardinality(String),
    seq UInt64,
    n UInt32,
    time DateTime64(9, 'UTC'),
    epoch UInt32,
    venue_time DateTime64(9, 'UTC'),
    kind Enum8('FILL_SETTLED' = 0, 'ACCOUNT_UPDATE' = 1, 'POSITION_UPDATE' = 2, 'FUNDING_FEE' = 3, 'TRANSFER' = 4, 'REBATE' = 5, 'LIQUIDATION_FEE' = 6, 'ADJUSTMENT' = 7),
    event_id String,
    venue_txn_id String,
    asset LowCardinality(String),
    symbol LowCardinality(String),
    venue_trade_id String,
    amount Nullable(Decimal(38, 18)),
    realized_pnl Nullable(Decimal(38, 18)),
    fee Nullable(Decimal(38, 18)),
    fee_asset LowCardinality(String),
    wallet_balance Nullable(Decimal(38, 18)),
    available_margin Nullable(Decimal(38, 18)),
    used_margin Nullable(Decimal(38, 18)),
    maint_margin Nullable(Decimal(38, 18)),
    position_side Nullable(Enum8('BOTH' = 0, 'LONG' = 1, 'SHORT' = 2)),
    size Nullable(Decimal(38, 18)),
    entry_price Nullable(Decimal(38, 18)),
    rate Nullable(Decimal(38, 18)),
    mark_price Nullable(Decimal(38, 18)),
    accepted Bool,
    code LowCardinality(String),
    severity Enum8('INFO' = 0, 'WARNING' = 1, 'ERROR' = 2, 'CRITICAL' = 3),
    detail String,
    recalled Bool,
    unheld String
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (kernel, time, seq, n)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- The account of an asset after each input that moved K or E.
CREATE TABLE IF NOT EXISTS {database}.account_snapshots
(
    kernel LowCardinality(String),
    seq UInt64,
    n UInt32,
    time DateTime64(9, 'UTC'),
    asset LowCardinality(String),
    equity Decimal(38, 18),
    unrealized_pnl Decimal(38, 18),
    open_notional Decimal(38, 18),
    reserved_notional Decimal(38, 18),
    available_capital Decimal(38, 18),
    open_positions UInt32,
    k_capital Decimal(38, 18),
    k_realized_pnl Decimal(38, 18),
    k_fees_paid Decimal(38, 18),
    k_funding_net Decimal(38, 18),
    e_wallet_balance Nullable(Decimal(38, 18)),
    e_available_margin Nullable(Decimal(38, 18)),
    e_used_margin Nullable(Decimal(38, 18)),
    e_maint_margin Nullable(Decimal(38, 18)),
    reconcile_delta Nullable(Decimal(38, 18)),
    reconcile_tolerance Decimal(38, 18),
    reconcile_status Enum8('OK' = 0, 'WARN' = 1, 'ERROR' = 2),
    reconcile_explanation String,
    reconcile_causes String
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (kernel, time, seq, n)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- What operators and guards changed: the controls as they then stood.
CREATE TABLE IF NOT EXISTS {database}.control_changes
(
    kernel LowCardinality(String),
    seq UInt64,
    n UInt32,
    time DateTime64(9, 'UTC'),
    epoch UInt32,
    input LowCardinality(String),
    updated_by LowCardinality(String),
    accepted Bool,
    code LowCardinality(String),
    detail String,
    version UInt64,
    mode Enum8('LIVE' = 0, 'PAPER' = 1, 'SHADOW' = 2),
    gate Enum8('NORMAL' = 0, 'REDUCE_ONLY' = 1, 'HALTED' = 2),
    verbosity Enum8('QUIET' = 0, 'NORMAL' = 1, 'VERBOSE' = 2, 'TRACE' = 3),
    debug_clickhouse_enabled Bool,
    frozen Bool,
    kill_switch Bool,
    regime Enum8('NORMAL' = 0, 'CRISIS' = 1),
    require_audit Bool,
    limits String,
    freeze_events UInt64,
    last_freeze_reason String,
    last_freeze_symbol LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (kernel, time, seq, n)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Each fill as it is by now; what was busted or replaced counts nothing.
CREATE VIEW IF NOT EXISTS {database}.fills_now AS
SELECT *
FROM {database}.fills
ORDER BY seq DESC, n DESC
LIMIT 1 BY kernel, venue_client_id, venue_order_id, fill_seq, fill_n;
