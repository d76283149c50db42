-- Who gave one, why and until when (GIVEN), and each intent that it let through (USED): what has to be answered for.
-- Overrides of the regime: each as it was given, and each intent that one let through.
CREATE TABLE IF NOT EXISTS {database}.overrides
(
    kernel LowCardinality(String),
    seq UInt64,
    n UInt32,
    time DateTime64(9, 'UTC'),
    epoch UInt32,
    event LowCardinality(String),
    override_id String,
    given_by LowCardinality(String),
    why String,
    until DateTime64(9, 'UTC'),
    updated_by LowCardinality(String),
    intent_id String,
    trade_id String,
    owner LowCardinality(String),
    slot_id Nullable(UInt32),
    reason String
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (kernel, time, seq, n)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- The override that an intent names, whether it was needed or not.
ALTER TABLE {database}.intents ADD COLUMN IF NOT EXISTS override_ref String AFTER source_run;
