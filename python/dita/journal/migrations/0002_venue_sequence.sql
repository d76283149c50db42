-- The venue's own order of its messages, where it numbers them.
ALTER TABLE {database}.venue_events ADD COLUMN IF NOT EXISTS venue_sequence Nullable(Int64) AFTER ref_trade_id;

ALTER TABLE {database}.account_events ADD COLUMN IF NOT EXISTS venue_sequence Nullable(Int64) AFTER mark_price;
