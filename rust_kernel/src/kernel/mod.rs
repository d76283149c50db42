//! The kernel: state, and the one way in.
//!
//! [`Kernel::step`] plans (reads everything, changes nothing, may refuse) and then commits (changes everything, cannot
//! fail). What may fail on the way is decided above the line between the two; [`Kernel::validate`] stops at it.

mod account;
mod adopt;
mod ahead;
#[cfg(test)]
mod alarm;
mod amend;
mod arming;
mod aside;
mod attached;
mod booking;
mod bot_limits;
mod bots;
mod bounds;
mod busts;
mod calibrate;
mod capacity;
mod capital;
mod controls;
mod exits;
mod funding;
mod groups;
mod guard;
mod intent;
mod opening;
mod overrides;
mod pairs;
mod parts;
mod provenance;
mod recall;
mod refold;
mod restart;
mod room;
mod settling;
mod setup;
mod snapshot;
mod soundness;
mod spot;
mod stage;
mod timers;
mod venue;
mod views;

pub mod window;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::calibration::FeeMeter;
use crate::effect::{Effects, Notice};
use crate::exchange::{Exchange, Reported};
use crate::funding::FundingBook;
use crate::id::Id;
use crate::index::Index;
use crate::input::{Arming, Input, Stamp};
use crate::instrument::Instrument;
use crate::ledger::Ledger;
use crate::names::{
    AccountEventKind, ControlGate, KernelDiagnosticCode, KernelMode, KernelVerbosity, Regime,
};
use crate::num::Price;
use crate::oco::Groups;
use crate::order::{OrderRef, OrderStore};
use crate::outcome::{Detail, Outcome, Refusal, severity_of};
use crate::position::Basis;
use crate::risk::{Exposure, Guard, Limits};
use crate::slot::Slot;
use crate::unassigned::UnassignedPosition;
use aside::Aside;

use account::{EntryMark, WalletEntry};
pub use arming::Unarmed;
pub(crate) use booking::exposure_of;
pub use bots::{BotStanding, BotsSheet};
pub(crate) use calibrate::fee_base;
pub use capital::{PositionMargin, Standing, margin_status};
pub use intent::Remembered;
pub(crate) use intent::invalid;
pub use opening::Opened;
pub use recall::{BookingKey, BookingKind};
pub use snapshot::SnapshotError;
pub use spot::base_amount;
pub use timers::Connection;
use timers::Watch;
pub(crate) use timers::past;
use window::Window;

/// Capacities and identity. Slots and remembered orders may become more; the rest is fixed for a kernel's life.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KernelConfig {
    /// How many trades may run at once.
    pub max_slots: u32,
    /// Marks this instance's client ids; the lower 40 bits count.
    pub instance_nonce: u64,
    /// True where the account keeps long and short positions apart.
    pub hedge_mode: bool,
    /// How many ended orders are remembered for late events.
    pub remembered_orders: usize,
    /// How many accepted intents are remembered for idempotence.
    pub remembered_intents: usize,
    /// How many wallet entries of the venue are remembered for idempotence, of each kind.
    pub remembered_wallet_entries: usize,
    /// How many ledger transactions can be looked up.
    pub remembered_transactions: usize,
    /// How long the venue may take until its books show a thing, ns.
    pub settling_window_ns: i64,
    /// How long a difference may be presumed to be only late, ns.
    pub presumption_ns: i64,
    /// How long after a question about an order in doubt it is asked again, ns.
    pub requery_interval_ns: i64,
}

impl Default for KernelConfig {
    fn default() -> KernelConfig {
        KernelConfig {
            max_slots: 10,
            instance_nonce: 0,
            hedge_mode: false,
            remembered_orders: 4096,
            remembered_intents: 4096,
            remembered_wallet_entries: 4096,
            remembered_transactions: 4096,
            settling_window_ns: 5_000_000_000,
            presumption_ns: 60_000_000_000,
            requery_interval_ns: 5_000_000_000,
        }
    }
}

/// The most slots a kernel may have: an entry and an exit for each, and as many remembered, fit the client id.
pub const SLOTS_MAX: u32 = 1 << 23;
/// The most legs of an exit ladder.
pub const EXIT_LEGS_MAX: usize = 31;

/// What operators have set.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Control {
    /// Which venue.
    pub mode: KernelMode,
    /// What is let through.
    pub gate: ControlGate,
    /// How much is reported.
    pub verbosity: KernelVerbosity,
    /// Whether the journal writes to ClickHouse.
    pub debug_clickhouse_enabled: bool,
    /// Whether entries are frozen.
    pub frozen: bool,
    /// Pre-trade limits.
    pub limits: Limits,
    /// Whether an entry needs an audited source run.
    pub require_audit: bool,
    /// The regime of the whole market.
    pub regime: Regime,
    /// The last runs and actions that were audited, oldest first.
    pub audited: VecDeque<Id>,
    /// What the venue is, and how the kernel was opened on it.
    pub arming: Arming,
    /// Counts the operators' changes, as their control plane does.
    pub version: u64,
    /// Who made the last one: an operator, or a guard.
    pub updated_by: Id,
    /// When, kernel time, ns.
    pub updated_at_ns: i64,
}

impl Control {
    /// When the last change was, kernel time, ns; `None` before the first.
    pub fn changed_at_ns(&self) -> Option<i64> {
        (self.version > 0 || !self.updated_by.is_empty()).then_some(self.updated_at_ns)
    }
}

/// An instrument's books and counters, beside its rules.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Books {
    /// The venue's positions by [`crate::names::PositionSide`].
    pub(crate) book: [Book; 3],
    /// What belongs to no slot, likewise.
    pub(crate) unassigned: [UnassignedPosition; 3],
    /// Slots that carry a long, a short trade.
    pub(crate) busy: [u32; 2],
    /// Entries that wait for a leverage setting.
    pub(crate) waiting: Vec<OrderRef>,
    /// The last price known: the mark, or else the last fill's.
    pub(crate) last_price: Option<Price>,
    /// The positions as the venue last reported them, likewise.
    pub(crate) reported: Option<Box<[Option<Reported>; 3]>>,
    /// True once the venue has liquidated or auto-deleveraged a position.
    pub(crate) liquidated: bool,
}

impl Books {
    /// The venue's positions by [`crate::names::PositionSide`].
    #[inline]
    pub(crate) fn positions(&self) -> [Basis; 3] {
        [self.book[0].position, self.book[1].position, self.book[2].position]
    }
}

/// An asset and what the exchange says of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AssetState {
    /// Its name.
    pub name: Id,
    /// E.
    pub exchange: Exchange,
    /// The venue's rounding unit, in decimals.
    pub unit_decimals: u8,
}

/// The kernel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kernel {
    pub(crate) config: KernelConfig,
    pub(crate) seq: u64,
    pub(crate) now_ns: i64,
    pub(crate) opened: bool,
    pub(crate) opening: Option<Box<Opened>>,
    pub(crate) control: Control,
    pub(crate) slots: Vec<Slot>,
    pub(crate) free_slots: u32,
    pub(crate) trades: Index,
    pub(crate) orders: OrderStore,
    pub(crate) instruments: Vec<Instrument>,
    pub(crate) symbols: Index,
    pub(crate) books: Vec<Books>,
    pub(crate) assets: Vec<AssetState>,
    pub(crate) ledger: Ledger,
    pub(crate) exposure: Exposure,
    pub(crate) intents: Window<Remembered>,
    /// By kind of entry.
    pub(crate) wallet_entries: Vec<Window<WalletEntry>>,
    /// The last wallet entries by what they say, for those that come by two ways.
    pub(crate) entry_marks: VecDeque<EntryMark>,
    pub(crate) funding: FundingBook,
    /// By instrument and liquidity, as far as samples came.
    pub(crate) meters: Vec<[FeeMeter; 2]>,
    pub(crate) groups: Groups,
    pub(crate) guard: Guard,
    pub(crate) watch: Watch,
    pub(crate) connection: Connection,
    /// The venue's time of the last entry that is forgotten, ns, by kind.
    pub(crate) entries_forgotten_ns: Vec<i64>,
    pub(crate) aside: Aside,
    /// The slots with attached exits: what a step may have to look at. The slots say it.
    #[serde(skip)]
    pub(crate) guarded: Vec<u32>,
    /// Those of them that this step has moved: no state.
    #[serde(skip)]
    pub(crate) touched: Vec<u32>,
    /// The slots with an exit that waits until others have made room for it, or that is too large: a tick may have to ask again.
    /// The orders say it.
    #[serde(skip)]
    pub(crate) waiting: Vec<u32>,
    /// The slots whose exits this step may have left larger than their trade: no state.
    #[serde(skip)]
    pub(crate) crowded: Vec<u32>,
    /// The exits of which the venue has refused in this step what would have made room, by number: no state.
    #[serde(skip)]
    pub(crate) refused: Vec<u64>,
    /// True within a step that the log answers for: no state.
    #[serde(skip)]
    pub(crate) recalling: bool,
}

impl Kernel {
    /// An empty kernel.
    ///
    /// # Errors
    /// The name of the setting that is out of range.
    pub fn new(config: KernelConfig) -> Result<Kernel, &'static str> {
        soundness::check_settings(&config)?;
        let slots = config.max_slots;
        Ok(Kernel {
            seq: 0,
            now_ns: i64::MIN,
            opened: false,
            opening: None,
            control: Control {
                mode: KernelMode::Paper,
                gate: ControlGate::Normal,
                verbosity: KernelVerbosity::Normal,
                debug_clickhouse_enabled: false,
                frozen: false,
                limits: Limits::default(),
                require_audit: false,
                regime: Regime::Normal,
                audited: VecDeque::new(),
                arming: Arming::default(),
                version: 0,
                updated_by: Id::EMPTY,
                updated_at_ns: 0,
            },
            slots: vec![Slot::idle(); slots as usize],
            free_slots: slots,
            trades: Index::default(),
            orders: OrderStore::new(config.remembered_orders, config.instance_nonce),
            instruments: Vec::new(),
            symbols: Index::default(),
            books: Vec::new(),
            assets: Vec::new(),
            ledger: Ledger::new(config.remembered_transactions),
            exposure: Exposure::default(),
            intents: Window::new(config.remembered_intents),
            wallet_entries: AccountEventKind::ALL
                .iter()
                .map(|_| Window::new(config.remembered_wallet_entries))
                .collect(),
            entry_marks: VecDeque::new(),
            funding: FundingBook::default(),
            meters: Vec::new(),
            groups: Groups::default(),
            guard: Guard::default(),
            watch: Watch::default(),
            connection: Connection::default(),
            entries_forgotten_ns: vec![i64::MIN; AccountEventKind::ALL.len()],
            aside: Aside::default(),
            guarded: Vec::new(),
            touched: Vec::new(),
            waiting: Vec::new(),
            crowded: Vec::new(),
            refused: Vec::new(),
            recalling: false,
            config,
        })
    }

    /// The one way in: takes an input at `stamp`, fills `effects` with what it asks for, and answers.
    ///
    /// A refused input changes no trading state. `effects` must be empty; whatever it holds is kept in front.
    #[inline]
    pub fn step(&mut self, stamp: Stamp, input: &Input, effects: &mut Effects) -> Outcome {
        self.seq = self.seq.wrapping_add(1);
        let first_transaction = self.ledger.booked().wrapping_add(1);
        let outcome = self.take(stamp, input, effects);
        if !self.crowded.is_empty() || !self.refused.is_empty() {
            self.fit_exits(effects);
        }
        if !self.guarded.is_empty() && outcome.accepted {
            self.mind_exits(input, outcome.slot_id, effects);
        }
        if self.control.limits.looks_further() {
            self.mind_losses(effects);
        }
        effects.ledger = first_transaction..self.ledger.booked().wrapping_add(1);
        if self.aside.bots.is_some() {
            self.count_for_bots(first_transaction);
        }
        outcome
    }

    /// Counts a record of the log that is no input: what its owner keeps beside the kernel's own state. It takes a
    /// number, and changes nothing else.
    #[inline]
    pub fn pass_over(&mut self) {
        self.seq = self.seq.wrapping_add(1);
    }

    /// Decides whether an input would be taken, without changing anything: the upper half of [`Kernel::step`].
    ///
    /// # Errors
    /// A [`Refusal`] says why it is not taken.
    pub fn validate(&self, stamp: Stamp, input: &Input) -> Result<(), Box<Refusal>> {
        self.check_time(stamp)?;
        match input {
            Input::Intent(intent) => self.plan_intent(stamp.0, intent),
            Input::Venue(event) => self.plan_venue(stamp, event, &mut venue::OrderPlan::new()),
            Input::Account(event) => self.plan_account(event).map(drop),
            Input::Instrument(_)
            | Input::Listed(_)
            | Input::Seed { .. }
            | Input::Mark { .. }
            | Input::Effect(_)
            | Input::Control(_) => self.plan_setup(input).map(drop),
            Input::Time => Ok(()),
            Input::Opening(opening) => self.plan_opening(stamp, opening).map(drop),
            Input::Funding(terms) => self.plan_funding(terms).map(drop),
            Input::Adopt(adopted) => self.plan_adopted(adopted).map(drop),
            Input::Override(change) => self.plan_override(change).map(drop),
            Input::Calibration(sample) => self.plan_calibration(sample).map(drop),
            Input::Edge { symbol, .. } => self.plan_edge(symbol),
            Input::Restart => Ok(()),
            Input::Recalled(recalled) => self.validate_recalled(stamp, recalled),
            Input::Capacity { max_slots, remembered_orders } => {
                self.plan_capacity(*max_slots, *remembered_orders)
            }
            Input::Bots(transfer) => self.plan_bots(transfer).map(drop),
            Input::BotLimits(limits) => self.plan_bot_limits(limits).map(drop),
        }
    }

    /// Each kind of input has its `take_` function, and each of them one line in its midst: what is above it reads
    /// and may refuse, what is below it changes and cannot fail. Plan and commitment meet in one frame, so that no
    /// plan has to be moved to where another function expects it.
    #[inline(never)] // the outcome is written where the caller wants it, and not copied there
    fn take(&mut self, stamp: Stamp, input: &Input, effects: &mut Effects) -> Outcome {
        if let Err(refusal) = self.check_time(stamp) {
            return self.refused(input.slot_id(), *refusal);
        }
        match input {
            Input::Intent(intent) => self.take_intent(stamp, intent, effects),
            Input::Venue(event) => self.take_venue(stamp, event, effects),
            Input::Account(event) => self.take_account(stamp, event, effects),
            Input::Instrument(_)
            | Input::Listed(_)
            | Input::Seed { .. }
            | Input::Mark { .. }
            | Input::Effect(_)
            | Input::Control(_) => self.take_setup(stamp, input, effects),
            Input::Time => self.take_time(stamp, effects),
            Input::Opening(opening) => self.take_opening(stamp, opening),
            Input::Funding(terms) => self.take_funding(stamp, terms),
            Input::Adopt(adopted) => self.take_adopted(stamp, adopted, effects),
            Input::Override(change) => self.take_override(stamp, change, effects),
            Input::Calibration(sample) => self.take_calibration(stamp, sample),
            Input::Edge { symbol, edge_bps } => self.take_edge(stamp, symbol, *edge_bps, effects),
            Input::Restart => self.take_restart(stamp, effects),
            Input::Recalled(recalled) => self.take_recalled(stamp, recalled, effects),
            Input::Capacity { max_slots, remembered_orders } => {
                self.take_capacity(stamp, *max_slots, *remembered_orders)
            }
            Input::Bots(transfer) => self.take_bots(stamp, transfer),
            Input::BotLimits(limits) => self.take_bot_limits(stamp, limits),
        }
    }

    #[inline]
    fn check_time(&self, stamp: Stamp) -> Result<(), Box<Refusal>> {
        if stamp.0 >= self.now_ns {
            return Ok(());
        }
        Err(Refusal::field(
            KernelDiagnosticCode::InvalidIntent,
            "timestamp",
            stamp.0,
            "kernel time runs forward only",
        ))
    }

    #[cold]
    pub(crate) fn refused(&self, slot_id: Option<u32>, refusal: Refusal) -> Outcome {
        Outcome {
            seq: self.seq,
            accepted: false,
            code: refusal.code,
            severity: refusal.severity,
            slot_id,
            state: slot_id.and_then(|slot_id| self.slots.get(slot_id as usize)).map(|slot| slot.stage),
            detail: refusal.detail,
        }
    }

    /// An accepted outcome.
    #[inline]
    pub(crate) fn answer(&self, code: KernelDiagnosticCode, slot_id: Option<u32>, detail: Detail) -> Outcome {
        Outcome {
            seq: self.seq,
            accepted: true,
            code,
            severity: severity_of(code),
            slot_id,
            state: slot_id.and_then(|slot_id| self.slots.get(slot_id as usize)).map(|slot| slot.stage),
            detail,
        }
    }

    /// Adds a remark to the effects.
    #[cold]
    pub(crate) fn notice(&self, effects: &mut Effects, code: KernelDiagnosticCode, slot_id: Option<u32>) {
        effects.notices.push(Notice { seq: self.seq, code, severity: severity_of(code), slot_id });
    }
}
