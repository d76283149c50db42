//! A follower: a replica of the core that goes along behind a kernel that writes its log, and gives out in batches what
//! the journal's tables take and which states have changed.
//!
//! It takes no lock and writes nothing but its cursor. It sees whole records only; with [`Span::Durable`] only those
//! that no power loss takes back. The same inputs always come to the same rows, numbered by `seq` and by their place in
//! it, so that a batch can be given out again.

mod changes;
mod columns;
mod native;
mod rows;
mod shown;
mod tables;

use std::collections::BTreeSet;

use dita_kernel::kernel::Kernel;
use dita_log::{LogError, Span, past};

use crate::durable::SharedDisk;
use crate::recovery::{ReplayError, differs};
use crate::replica::{Advance, ReplayWatch, Replica};

use changes::Shown;
pub use changes::{Changed, ChangedStates};
pub use columns::{Cell, NotABlock, TableRows};
pub use native::Kind;
use rows::Rows;
pub use shown::{asset as asset_json, control as control_json, health as health_json};
pub use tables::{TABLES, TableSpec};

/// A database takes so many days in one batch: each day is a partition of its own.
const DAYS_MAX: usize = 90;
const NS_PER_DAY: i64 = 86_400_000_000_000;

/// Where a batch ends at the latest; an input is never divided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchBounds {
    /// So many inputs.
    pub records_max: u64,
    /// So many bytes of rows, about.
    pub bytes_max: usize,
    /// With this input.
    pub last_seq: Option<u64>,
}

/// The rows of one table: a block in ClickHouse's Native format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalBlock {
    /// The table.
    pub table: &'static str,
    /// How many rows.
    pub rows: usize,
    /// The block.
    pub bytes: Vec<u8>,
}

/// What came of some inputs in a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// The first input.
    pub first_seq: u64,
    /// The last one.
    pub last_seq: u64,
    /// Kernel time of the last one, ns.
    pub last_ns: i64,
    /// True where the log went no further.
    pub at_end: bool,
    /// The journal's rows, where they are wanted.
    pub blocks: Vec<JournalBlock>,
    /// The states that changed, where they are wanted.
    pub changes: Option<ChangedStates>,
}

/// Why a follower does not go on.
#[derive(Clone, PartialEq, Debug)]
pub enum FollowError {
    /// The log, or what is in it.
    Replay(ReplayError),
    /// Inputs that were not read are gone: retention did not wait for ever.
    Gone {
        /// The cursor.
        seq: u64,
        /// The first input from which a follower can begin.
        first_seq: u64,
    },
    /// The cursor is past the log's end: it is not of this log's present.
    Ahead {
        /// The cursor.
        seq: u64,
        /// The log's last input.
        last_seq: u64,
    },
}

impl core::fmt::Display for FollowError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            FollowError::Replay(error) => error.fmt(f),
            FollowError::Gone { seq, first_seq } => write!(
                f,
                "the cursor is at input {seq}, and what is needed to go on from there is gone: the log can be followed \
                 from input {first_seq} on; begin there knowingly, or restore the log's older files from a copy"
            ),
            FollowError::Ahead { seq, last_seq } => write!(
                f,
                "the cursor is at input {seq}, and the log ends at {last_seq}: the log was restored from an older copy, \
                 or the cursor is another log's; restore the newer log, or remove the cursor to begin anew"
            ),
        }
    }
}

impl std::error::Error for FollowError {}

impl From<ReplayError> for FollowError {
    fn from(error: ReplayError) -> FollowError {
        FollowError::Replay(error)
    }
}

impl From<LogError> for FollowError {
    fn from(error: LogError) -> FollowError {
        FollowError::Replay(error.into())
    }
}

/// What a follower gives out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// The journal's rows.
    pub journal: bool,
    /// Of them only those of inputs that were taken while the control `debug_clickhouse_enabled` was on, the two that
    /// switch it included.
    pub when_enabled: bool,
    /// The states that changed.
    pub states: bool,
}

/// Follows one log.
pub struct Follower {
    replica: Replica,
    disk: SharedDisk,
    name: String,
    when_enabled: bool,
    rows: Option<Rows>,
    shown: Option<Shown>,
}

impl Follower {
    /// Opens a follower that has read everything up to `seq`.
    ///
    /// # Errors
    /// [`FollowError`]; the log is as it was.
    pub fn open(
        disk: SharedDisk,
        name: &str,
        seq: u64,
        span: Span,
        wanted: Wanted,
        progress: &mut ReplayWatch<'_>,
    ) -> Result<Follower, FollowError> {
        let replica = match Replica::open_at(disk.clone(), seq, span, progress) {
            Ok(replica) => replica,
            Err(ReplayError::Log(LogError::Removed { .. })) => {
                return Err(FollowError::Gone { seq, first_seq: first_to_follow(&disk)?.saturating_add(1) });
            }
            Err(error) => return Err(error.into()),
        };
        let last_seq = replica.kernel().seq();
        if last_seq != seq {
            return Err(FollowError::Ahead { seq, last_seq });
        }
        Ok(Follower {
            replica,
            disk,
            name: name.to_owned(),
            when_enabled: wanted.when_enabled,
            rows: wanted.journal.then(|| Rows::new(name)),
            shown: wanted.states.then(Shown::new),
        })
    }

    /// The core as it was after the last input read.
    pub fn kernel(&self) -> &Kernel {
        self.replica.kernel()
    }

    /// Bytes of the log that are not read yet, as far as was seen when last looked.
    pub fn bytes_behind(&self) -> u64 {
        let state = self.replica.read_so_far();
        state.bytes_all.saturating_sub(state.bytes_done)
    }

    /// Transactions whose rows are missing, since one input booked more than the core remembers.
    pub fn ledger_missing(&self) -> u64 {
        self.rows.as_ref().map_or(0, |rows| rows.ledger_missing)
    }

    /// The next batch; `None` where the log has nothing more yet.
    ///
    /// # Errors
    /// [`FollowError::Replay`]: the log is damaged here, or was written under other rules.
    pub fn poll(&mut self, bounds: &BatchBounds) -> Result<Option<Batch>, FollowError> {
        let first_seq = self.kernel().seq().wrapping_add(1);
        let mut days = BTreeSet::new();
        let mut records = 0;
        let mut at_end = false;
        while records < bounds.records_max.max(1) {
            let full = self.rows.as_ref().is_some_and(|rows| rows.bytes() >= bounds.bytes_max.max(1));
            if full
                || bounds.last_seq.is_some_and(|last| self.kernel().seq() >= last)
                || days.len() >= DAYS_MAX
            {
                break;
            }
            if !self.step()? {
                at_end = true;
                break;
            }
            days.insert(self.kernel().now_ns().div_euclid(NS_PER_DAY));
            records += 1;
        }
        if records == 0 {
            return Ok(None);
        }
        let kernel = self.replica.kernel();
        let blocks = self.rows.as_mut().map_or_else(Vec::new, Rows::take);
        let block = |(table, rows, bytes)| JournalBlock { table, rows, bytes };
        Ok(Some(Batch {
            first_seq,
            last_seq: kernel.seq(),
            last_ns: kernel.now_ns(),
            at_end,
            blocks: blocks.into_iter().map(block).collect(),
            changes: self.shown.as_mut().map(|shown| shown.take(kernel, &self.name)),
        }))
    }

    /// All states there are, as of the last input read: what a store needs that was emptied.
    pub fn everything(&mut self) -> ChangedStates {
        let mut shown = Shown::new();
        let changes = shown.take(self.replica.kernel(), &self.name);
        if self.shown.is_some() {
            self.shown = Some(shown);
        }
        changes
    }

    /// Takes one record; false at the log's end. A note is one as well: a batch ends at the same number each time that it is
    /// read, and a follower has read the log to its end where notes are the last of it.
    fn step(&mut self) -> Result<bool, FollowError> {
        let rows = &mut self.rows;
        let mut enabled = !self.when_enabled;
        let stepped = self.replica.advance(&mut |kernel, input| {
            enabled |= kernel.control().debug_clickhouse_enabled;
            if let Some(rows) = rows {
                rows.before(kernel, input);
            }
        });
        let step = match stepped {
            Ok(Advance::Input(step)) => step,
            Ok(Advance::Note) => return Ok(true),
            Ok(Advance::End) => return Ok(false),
            Err(error) => return Err(self.gone_or(error)),
        };
        enabled |= self.kernel().control().debug_clickhouse_enabled;
        if step.differs() {
            return Err(differs(step.seq, step.accepted_then, step.outcome.accepted).into());
        }
        if let Some(rows) = self.rows.as_mut().filter(|_| enabled) {
            rows.add(&self.replica, &step);
        }
        if let Some(shown) = &mut self.shown {
            shown.note(self.replica.kernel(), &step.input, self.replica.effects());
        }
        Ok(true)
    }
}

impl Follower {
    /// A file that is missing behind a live writer was removed by retention: then that is what is wrong.
    #[cold]
    fn gone_or(&self, error: ReplayError) -> FollowError {
        let seq = self.kernel().seq();
        match (past::first_seq(self.disk.as_ref()), first_to_follow(&self.disk)) {
            (Ok(first), Ok(base)) if first > seq.saturating_add(1) => {
                FollowError::Gone { seq, first_seq: base.saturating_add(1) }
            }
            _ => error.into(),
        }
    }
}

/// The input after which a follower can begin: 0, or the oldest snapshot that the records go on from.
///
/// # Errors
/// [`LogError`].
pub fn first_to_follow(disk: &SharedDisk) -> Result<u64, LogError> {
    let first_seq = past::first_seq(disk.as_ref())?;
    if first_seq <= 1 {
        return Ok(0);
    }
    let snapshots = past::snapshots(disk.as_ref())?;
    let usable = snapshots.into_iter().find(|seq| seq.saturating_add(1) >= first_seq);
    usable.ok_or(LogError::NoSnapshot { file: disk.path(""), first_seq })
}

/// The names of an enumeration's members, by the number that the tables hold; `None` where it is none of theirs.
pub fn member_names(column: &str) -> Option<Vec<&'static str>> {
    use dita_kernel::ledger::Account;
    use dita_kernel::names as n;
    macro_rules! all {
        ($name:ty) => {
            <$name>::ALL.iter().map(|member| member.name()).collect()
        };
    }
    Some(match column {
        "side" => all!(n::TradeSide),
        "prev_state" | "next_state" => all!(n::TradeStage),
        "mode" => all!(n::KernelMode),
        "verbosity" => all!(n::KernelVerbosity),
        "gate" => all!(n::ControlGate),
        "regime" => all!(n::Regime),
        "action" => all!(n::KernelCommandType),
        "order_type" => all!(n::OrderType),
        "time_in_force" => all!(n::TimeInForce),
        "severity" => all!(n::Severity),
        "status" => all!(n::VenueOrderStatus),
        "order_side" => all!(n::OrderSide),
        "position_side" => all!(n::PositionSide),
        "liquidity" => all!(n::Liquidity),
        "from_account" | "to_account" => all!(Account),
        "reconcile_status" => all!(n::ReconcileStatus),
        "change" => rows::FillChange::NAMES.to_vec(),
        "role" => vec!["ENTRY", "EXIT", "EXTERNAL"],
        "venue_events.kind" => all!(n::KernelEventKind),
        "account_events.kind" => all!(n::AccountEventKind),
        _ => return None,
    })
}
