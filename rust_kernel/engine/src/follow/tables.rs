//! The journal's ten tables: their columns, in the order in which rows are built.
//!
//! The database's own types stand in the journal's migrations; a test holds the two against each other.

use super::native::Kind::{
    self, Flag, Member, MemberOrNone, Number, NumberOrNone, Short, ShortOrNone, SignedOrNone, Text, Time,
    TimeOrNone, Whole,
};

/// A table, by its place in [`TABLES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    /// Stage changes of slots.
    Transitions,
    /// Intents, and the kernel's verdict on each.
    Intents,
    /// What the venue said of orders.
    VenueEvents,
    /// Fills as they were booked, and as later news changed them.
    Fills,
    /// The ledger's transactions.
    LedgerEntries,
    /// What the venue said of the account.
    AccountEvents,
    /// The account of an asset after each input that moved K or E.
    AccountSnapshots,
    /// What operators and guards changed.
    ControlChanges,
    /// The account of an asset by its bots, likewise, and after each transfer between them.
    BotSnapshots,
    /// Overrides of the regime: each as it was given, and each intent that one let through.
    Overrides,
}

/// Name and columns of a table.
pub type TableSpec = (&'static str, &'static [(&'static str, Kind)]);

/// Every table, by [`Table`].
#[rustfmt::skip]
pub const TABLES: [TableSpec; 10] = [
    ("transitions", &[
        ("kernel", Text), ("seq", Whole), ("n", Short), ("time", Time), ("epoch", Short), ("input", Text),
        ("slot_id", Short), ("trade_id", Text), ("owner", Text), ("asset", Text), ("side", Member),
        ("prev_state", Member), ("next_state", Member), ("trigger", Text), ("rule", Short),
        ("intent_id", Text), ("event_id", Text),
        ("size", NumberOrNone), ("initial_size", NumberOrNone), ("entry_price", NumberOrNone),
        ("realized_pnl", Number), ("fees_paid", Number), ("funding_net", Number),
        ("close_reason", Text), ("unprotected", Flag), ("mode", Member), ("verbosity", Member), ("unheld", Text),
    ]),
    ("intents", &[
        ("kernel", Text), ("seq", Whole), ("n", Short), ("time", Time), ("epoch", Short),
        ("intent_time", Time), ("intent_id", Text), ("trade_id", Text), ("owner", Text), ("slot_id", Short), ("asset", Text),
        ("action", Member), ("side", Member), ("order_type", Member), ("time_in_force", Member),
        ("reference_price", NumberOrNone), ("target_size", NumberOrNone), ("quote_size", NumberOrNone),
        ("limit_price", NumberOrNone), ("trigger_price", NumberOrNone), ("leverage", NumberOrNone),
        ("reduce_only", Flag), ("post_only", Flag), ("expire_time", TimeOrNone), ("valid_until", TimeOrNone),
        ("exit_leg_ratios", Text), ("reason", Text), ("stage", Text), ("oco_group", Text),
        ("target_client_id", Text), ("source_run", Text), ("override_ref", Text), ("metadata", Text),
        ("accepted", Flag), ("code", Text), ("severity", Member), ("detail", Text), ("venue_client_id", Text),
        ("unheld", Text),
    ]),
    ("venue_events", &[
        ("kernel", Text), ("seq", Whole), ("n", Short), ("time", Time), ("epoch", Short),
        ("venue_time", Time), ("received_time", Time), ("kind", Member), ("status", MemberOrNone),
        ("slot_id", ShortOrNone), ("trade_id", Text), ("asset", Text), ("event_id", Text),
        ("venue_order_id", Text), ("venue_client_id", Text), ("venue_trade_id", Text),
        ("order_side", MemberOrNone), ("position_side", MemberOrNone), ("liquidity", MemberOrNone),
        ("price", NumberOrNone), ("size", NumberOrNone), ("filled_size", NumberOrNone),
        ("remaining_size", NumberOrNone), ("order_size", NumberOrNone), ("order_price", NumberOrNone),
        ("average_price", NumberOrNone), ("fee", NumberOrNone), ("fee_asset", Text), ("realized_pnl", NumberOrNone),
        ("reason", Text), ("reason_code", Text), ("request_id", Text), ("parent_order_id", Text),
        ("ref_trade_id", Text), ("venue_sequence", SignedOrNone), ("raw_payload", Text), ("metadata", Text),
        ("accepted", Flag), ("code", Text), ("severity", Member), ("detail", Text), ("notices", Text),
        ("recalled", Flag), ("unheld", Text),
    ]),
    ("fills", &[
        ("kernel", Text), ("seq", Whole), ("n", Short), ("time", Time), ("change", Member),
        ("fill_seq", Whole), ("fill_n", Short), ("venue_time", TimeOrNone), ("sent_time", TimeOrNone),
        ("venue_trade_id", Text), ("trade_id", Text), ("owner", Text), ("slot_id", ShortOrNone),
        ("role", Member), ("asset", Text), ("order_side", Member), ("position_side", Member),
        ("venue_client_id", Text), ("venue_order_id", Text),
        ("price", NumberOrNone), ("size", NumberOrNone), ("closed_size", NumberOrNone), ("notional", NumberOrNone),
        ("fee", Number), ("fee_asset", Text), ("realized_pnl", Number), ("liquidity", Member),
        ("liquidity_assumed", Flag), ("fee_predicted", Flag), ("settled", Flag), ("inferred", Flag),
        ("price_pending", Flag), ("busted", Flag), ("forced", Flag), ("unheld", Text),
    ]),
    ("ledger_entries", &[
        ("kernel", Text), ("seq", Whole), ("n", Short), ("time", Time), ("venue_time", Time),
        ("number", Whole), ("asset", Text), ("cause", Text), ("from_account", Member), ("to_account", Member),
        ("amount", Number), ("k_change", Number), ("slot_id", ShortOrNone), ("trade_id", Text), ("reference", Text),
    ]),
    ("account_events", &[
        ("kernel", Text), ("seq", Whole), ("n", Short), ("time", Time), ("epoch", Short),
        ("venue_time", Time), ("kind", Member), ("event_id", Text), ("venue_txn_id", Text), ("asset", Text),
        ("symbol", Text), ("venue_trade_id", Text),
        ("amount", NumberOrNone), ("realized_pnl", NumberOrNone), ("fee", NumberOrNone), ("fee_asset", Text),
        ("wallet_balance", NumberOrNone), ("available_margin", NumberOrNone), ("used_margin", NumberOrNone),
        ("maint_margin", NumberOrNone), ("position_side", MemberOrNone), ("size", NumberOrNone),
        ("entry_price", NumberOrNone), ("rate", NumberOrNone), ("mark_price", NumberOrNone),
        ("venue_sequence", SignedOrNone),
        ("accepted", Flag), ("code", Text), ("severity", Member), ("detail", Text), ("recalled", Flag),
        ("unheld", Text),
    ]),
    ("account_snapshots", &[
        ("kernel", Text), ("seq", Whole), ("n", Short), ("time", Time), ("asset", Text),
        ("equity", Number), ("unrealized_pnl", Number), ("open_notional", Number), ("reserved_notional", Number),
        ("available_capital", Number), ("open_positions", Short),
        ("k_capital", Number), ("k_realized_pnl", Number), ("k_fees_paid", Number), ("k_funding_net", Number),
        ("e_wallet_balance", NumberOrNone), ("e_available_margin", NumberOrNone), ("e_used_margin", NumberOrNone),
        ("e_maint_margin", NumberOrNone), ("reconcile_delta", NumberOrNone), ("reconcile_tolerance", Number),
        ("reconcile_status", Member), ("reconcile_explanation", Text), ("reconcile_causes", Text),
    ]),
    ("control_changes", &[
        ("kernel", Text), ("seq", Whole), ("n", Short), ("time", Time), ("epoch", Short), ("input", Text),
        ("updated_by", Text), ("accepted", Flag), ("code", Text), ("detail", Text), ("version", Whole),
        ("mode", Member), ("gate", Member), ("verbosity", Member), ("debug_clickhouse_enabled", Flag),
        ("frozen", Flag), ("kill_switch", Flag), ("regime", Member), ("require_audit", Flag), ("limits", Text),
        ("freeze_events", Whole), ("last_freeze_reason", Text), ("last_freeze_symbol", Text),
    ]),
    ("bot_snapshots", &[
        ("kernel", Text), ("seq", Whole), ("n", Short), ("time", Time), ("asset", Text), ("bot", Text), ("kind", Text),
        ("wallet", Number), ("capital", Number), ("realized_pnl", Number), ("fees", Number), ("funding", Number),
        ("invested", Number), ("open_pnl", Number), ("budget", Number), ("margin", Number), ("free", Number),
        ("slots", Short), ("transfer_id", Text), ("transfer_by", Text),
    ]),
    ("overrides", &[
        ("kernel", Text), ("seq", Whole), ("n", Short), ("time", Time), ("epoch", Short),
        ("event", Text), ("override_id", Text), ("given_by", Text), ("why", Text), ("until", Time),
        ("updated_by", Text), ("intent_id", Text), ("trade_id", Text), ("owner", Text), ("slot_id", ShortOrNone),
        ("reason", Text),
    ]),
];
