-- A row for each bot, one for what is no bot's, one for what is between their costs and the account's. The wallets of an
-- input add up to k_capital. They are written after each input that moved K or E, and after each transfer between them.
-- An asset's account by the bots that share it, after each input that moved it; the wallets of an input add up to K.
CREATE TABLE IF NOT EXISTS {database}.bot_snapshots
(
    kernel LowCardinality(String),
    seq UInt64,
    n UInt32,
    time DateTime64(9, 'UTC'),
    asset LowCardinality(String),
    bot LowCardinality(String),
    kind LowCardinality(String),
    wallet Decimal(38, 18),
    capital Decimal(38, 18),
    realized_pnl Decimal(38, 18),
    fees Decimal(38, 18),
    funding Decimal(38, 18),
    invested Decimal(38, 18),
    open_pnl Decimal(38, 18),
    budget Decimal(38, 18),
    margin Decimal(38, 18),
    free Decimal(38, 18),
    slots UInt32,
    transfer_id String,
    transfer_by LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (kernel, time, seq, n)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
