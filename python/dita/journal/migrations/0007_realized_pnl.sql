-- The profit that an execution report brings along.
ALTER TABLE {database}.venue_events ADD COLUMN IF NOT EXISTS realized_pnl Nullable(Decimal(38, 18)) AFTER fee_asset;
