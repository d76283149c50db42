//! The Rust shell around the core: stamp → step → log → venue → feedback, until quiet.
//!
//! [`Engine`] is not a thread and holds no lock: its owner calls it from one thread at a time. Inputs wait in a
//! bounded inbox; [`Engine::run`] takes them one by one until nothing is left or a venue outside must be asked. With
//! a native venue the whole loop stays here. With a foreign one (an adapter written in Python) `run` hands each
//! request out and goes on when it is called again: pull style, so that the core is at rest while foreign code runs.

mod account;
mod answer;
mod answers;
mod bots;
mod clock;
mod drift_story;
mod due;
mod durable;
mod follow;
pub mod form;
pub mod json;
mod log_stats;
mod note;
mod outgoing;
mod plane;
mod port;
mod queue;
mod recovery;
mod replay_check;
mod replica;
mod retelling;
mod run;
mod run_durably;
mod screen;
mod sharing;
mod story;
mod twin;
mod views;
mod warm;
mod what_if;

pub use account::{AccountFigures, account, all_assumed_tiers, margin_statuses, unknown_wallets, worth};
pub use answer::{Answer, Observed, TransitionRecord};
pub use bots::{BotRow, bot_rows};
pub use clock::{CLOCK_SKEW_TOLD_NS, Clock, boot_ns, system_ns};
pub use drift_story::{CHANGES_MAX, DriftChange, DriftStories, DriftStory, PartStory, drift_story};
pub use durable::{LogSettings, SharedDisk, config_of, identity, kind_name, kind_of};
pub use follow::{
    Batch, BatchBounds, Cell, Changed, ChangedStates, FollowError, Follower, JournalBlock, Kind, NotABlock,
    TABLES, TableRows, TableSpec, Wanted, asset_json, control_json, first_to_follow, health_json,
    member_names,
};
pub use log_stats::{Epoch, KindStats, LARGEST_MAX, Large, LogStats, log_stats};
pub use note::{LEASES_MAX, NOTE_BYTES_MAX, NOTES_MAX, Note, Written, each_note};
pub use plane::{
    Plane, ShownBar, ShownIntent, ShownPrices, ShownQuote, ShownSlot, ShownTrade, read_bar, read_intent,
    read_prices, read_quote, read_slot, read_trade, write_intent, write_prices, write_slot,
};
pub use port::Port;
pub use queue::WAITING_BYTES_MAX as QUEUE_WAITING_BYTES_MAX;
pub use recovery::{Recovery, ReplayError, ReplayProgress, replay_record};
pub use replay_check::{DIFFERENCES_MAX, Difference, ReplayCheck, replay_check};
pub use replica::{ReplayWatch, Replica, Start, Step, Until};
pub use retelling::{Past, PastEvent, first_answers, happened_since, refused_intents};
pub use run::{Engine, EngineConfig, EngineError, Progress, Ticket, VenueCall};
pub use run_durably::LogStanding;
pub use screen::{Look, Remark, SCREEN_WAITING_MAX, Screen, ShownFill};
pub use story::{STORY_STEPS_MAX, Story, StoryStep, TradeFigures, story};
pub use twin::{
    Comparison, Estimates, Given, GivenInput, Row, RowKind, Side, SideFill, SideTrade, Standing, compare,
};
pub use views::{
    Amend, OrderView, SlotView, blank_slot, close_reason, difference, leg_index, order_view, order_views,
    slot_view,
};
pub use warm::Warm;
pub use what_if::{
    AssetResult, Changes, Counts, REFUSED_MAX, RefusedIntent, TradeResult, WhatIf, WhatIfError, what_if,
};
