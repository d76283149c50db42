-- When our order was first sent, kernel time; NULL for a stranger's.
ALTER TABLE {database}.fills ADD COLUMN IF NOT EXISTS sent_time Nullable(DateTime64(9, 'UTC')) AFTER venue_time;

-- A view keeps the columns that it was made with.
CREATE OR REPLACE VIEW {database}.fills_now AS
SELECT *
FROM {database}.fills
ORDER BY seq DESC, n DESC
LIMIT 1 BY kernel, venue_client_id, venue_order_id, fill_seq, fill_n;
