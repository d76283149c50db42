-- Whose trade it is; empty when nobody's.
ALTER TABLE {database}.intents ADD COLUMN IF NOT EXISTS owner LowCardinality(String) AFTER trade_id;

ALTER TABLE {database}.transitions ADD COLUMN IF NOT EXISTS owner LowCardinality(String) AFTER trade_id;

ALTER TABLE {database}.fills ADD COLUMN IF NOT EXISTS owner LowCardinality(String) AFTER trade_id;

-- A view keeps the columns that it was made with.
CREATE OR REPLACE VIEW {database}.fills_now AS
SELECT *
FROM {database}.fills
ORDER BY seq DESC, n DESC
LIMIT 1 BY kernel, venue_client_id, venue_order_id, fill_seq, fill_n;
