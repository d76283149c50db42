//! Opening an engine on its log: the newest snapshot, the records after it, and then the question what became of the
//! requests that were on their way.

use std::ops::ControlFlow;

use dita_kernel::RULES_VERSION;
use dita_kernel::effect::Effects;
use dita_kernel::input::{Input, Stamp};
use dita_kernel::kernel::{Kernel, KernelConfig, SnapshotError};
use dita_kernel::outcome::Outcome;
use dita_kernel::soundness::Flaw;
use dita_log::{Examined, Log, LogError, Reader, Record, Recovered, Snapshot, TornTail, past};

use crate::durable::{self, Durable, LogSettings, REFUSED, SharedDisk};
use crate::note::{self, Kept, LEASES_MAX, NOTES_MAX, is_kept};
use crate::warm::Warm;

/// What opening a log found and did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// The last input that the snapshot contains; `None` where everything was replayed, or a replica was there already.
    pub snapshot_seq: Option<u64>,
    /// How many records were replayed.
    pub replayed: u64,
    /// The last input; 0 in a new log.
    pub last_seq: u64,
    /// Which opening this is: 1 for the first.
    pub epoch: u32,
    /// The write that a crash tore, if one did: it was cut off. Nothing in it was durable.
    pub torn: Option<TornTail>,
    /// What a person should know.
    pub remarks: Vec<String>,
}

/// Why a log does not lead to a kernel.
#[derive(Clone, PartialEq, Debug)]
pub enum ReplayError {
    /// The log itself.
    Log(LogError),
    /// A record is no input that this version knows.
    Record {
        /// Its number.
        seq: u64,
        /// What is wrong.
        cause: dita_kernel::codec::CodecError,
    },
    /// A snapshot is no kernel.
    Snapshot {
        /// The last input in it.
        seq: u64,
        /// What is wrong.
        cause: SnapshotError,
    },
    /// The same input came to something else than when it was logged: these are not the rules that it was taken under.
    Differs {
        /// Its number.
        seq: u64,
        /// What it came to then.
        then: &'static str,
        /// What it comes to now.
        now: &'static str,
    },
    /// The log was written under other rules, and ends without a snapshot that this version can start from.
    Rules {
        /// The log's.
        found: u32,
    },
    /// The log was made by something else, or by a later version.
    Identity {
        /// What it says of itself.
        found: String,
    },
    /// It is opened with less room than it has.
    Shrinks {
        /// The setting.
        field: &'static str,
        /// What was asked for.
        wanted: usize,
        /// What the log has.
        has: usize,
        /// What is in the way.
        in_the_way: String,
    },
    /// Who asked for it wanted no more of it.
    Stopped {
        /// The last input replayed.
        seq: u64,
    },
}

impl core::fmt::Display for ReplayError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            ReplayError::Log(error) => error.fmt(f),
            ReplayError::Record { seq, cause } => {
                write!(
                    f,
                    "record {seq} of the log cannot be read ({cause}): open it with the version that wrote it"
                )
            }
            ReplayError::Snapshot { seq, cause } => write!(
                f,
                "the snapshot after record {seq} cannot be taken ({cause}): move it out of the directory, and the one \
                 before it is used"
            ),
            ReplayError::Differs { seq, then, now } => write!(
                f,
                "input {seq} was {then} when it was logged and is {now} now: open the log with the version that wrote \
                 it, or keep it and report this"
            ),
            ReplayError::Rules { found } => write!(
                f,
                "the log was written under rules {found}, and this version has rules {RULES_VERSION} and cannot go on from \
                 it: end its trades with the version that wrote it, then begin another log_dir with open_with"
            ),
            ReplayError::Identity { found } => {
                write!(f, "the log is not one of a kernel of this version: it says {found:?}")
            }
            ReplayError::Shrinks { field, wanted, has, in_the_way } => write!(
                f,
                "{field}: {wanted} is less than the {has} of this log ({in_the_way}): give at least {has}, or begin another \
                 log_dir with open_with"
            ),
            ReplayError::Stopped { seq } => write!(f, "the replay was stopped after input {seq}"),
        }
    }
}

impl std::error::Error for ReplayError {}

impl From<LogError> for ReplayError {
    fn from(error: LogError) -> ReplayError {
        ReplayError::Log(error)
    }
}

/// How far a replay is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplayProgress {
    /// The last input replayed.
    pub seq: u64,
    /// Bytes of the log read.
    pub bytes_done: u64,
    /// Bytes of the log in all.
    pub bytes_all: u64,
}

/// After so many records a long replay tells how far it is.
const PROGRESS_RECORDS: u64 = 65_536;

/// Takes the state of a snapshot.
pub(crate) fn kernel_of(snapshot: &Snapshot) -> Result<Kernel, ReplayError> {
    let seq = snapshot.seq;
    let refuse = |cause| ReplayError::Snapshot { seq, cause };
    let kernel = Kernel::from_snapshot(&snapshot.state).map_err(refuse)?;
    let other = |field: &str, value: String| {
        let why = "it is not the one that was stored with it";
        refuse(SnapshotError::Unsound(Flaw { field: field.into(), value, why }))
    };
    if kernel.seq() != seq {
        return Err(other("seq", kernel.seq().to_string()));
    }
    let hash = kernel.state_hash();
    if hash != snapshot.state_hash {
        return Err(other("state_hash", hash.map(|byte| format!("{byte:02x}")).concat()));
    }
    Ok(kernel)
}

/// Puts a record into the kernel. Also says whether the input was accepted when it was logged.
pub(crate) fn step_record(
    kernel: &mut Kernel,
    record: &Record<'_>,
    effects: &mut Effects,
) -> Result<(Input, Outcome, bool), ReplayError> {
    step_record_after(kernel, record, effects, &mut |_, _| {})
}

/// The same; `before` sees the kernel and the input before that is taken.
pub(crate) fn step_record_after(
    kernel: &mut Kernel,
    record: &Record<'_>,
    effects: &mut Effects,
    before: &mut dyn FnMut(&Kernel, &Input),
) -> Result<(Input, Outcome, bool), ReplayError> {
    let seq = record.seq;
    let input =
        durable::input_of(record.kind, record.payload).map_err(|cause| ReplayError::Record { seq, cause })?;
    effects.clear();
    before(kernel, &input);
    let outcome = kernel.step(Stamp(record.ts_ns), &input, effects);
    Ok((input, outcome, record.kind & REFUSED == 0))
}

/// Puts a record into the kernel, and holds what comes of it against what came of it then.
pub fn replay_record(
    kernel: &mut Kernel,
    record: &Record<'_>,
    effects: &mut Effects,
) -> Result<(Input, Outcome), ReplayError> {
    let (input, outcome, then) = step_record(kernel, record, effects)?;
    if then != outcome.accepted || kernel.seq() != record.seq {
        return Err(differs(record.seq, then, outcome.accepted));
    }
    Ok((input, outcome))
}

pub(crate) fn differs(seq: u64, then: bool, now: bool) -> ReplayError {
    let words = |accepted| if accepted { "accepted" } else { "refused" };
    ReplayError::Differs { seq, then: words(then), now: words(now) }
}

/// Puts a record into the kernel, or among the notes.
fn take(
    kernel: &mut Kernel,
    kept: &mut Kept,
    record: &Record<'_>,
    effects: &mut Effects,
) -> Result<(), ReplayError> {
    if !is_kept(record.kind) {
        return replay_record(kernel, record, effects).map(drop);
    }
    remember(kept, record);
    kernel.pass_over();
    Ok(())
}

pub(crate) fn remember(kept: &mut Kept, record: &Record<'_>) {
    if let Some((name, note)) = note::decode(record.payload) {
        kept.remember(record.kind, name, note);
    }
}

/// The notes that stand right before a snapshot.
pub(crate) fn notes_before(
    open: impl FnOnce(u64) -> Result<Reader, LogError>,
    seq: u64,
    kept: &mut Kept,
) -> Result<(), ReplayError> {
    let from = seq.saturating_sub((NOTES_MAX + LEASES_MAX) as u64).max(1);
    // Where their records are gone there was no note: each snapshot keeps those right before it.
    let Ok(mut reader) = open(from) else { return Ok(()) };
    while let Some(record) = reader.next()? {
        if record.seq > seq {
            break;
        }
        if is_kept(record.kind) {
            remember(kept, &record);
        }
    }
    Ok(())
}

/// Replays all that a reader still has.
pub(crate) fn replay_all(
    kernel: &mut Kernel,
    reader: &mut Reader,
    kept: &mut Kept,
    progress: &mut dyn FnMut(ReplayProgress) -> ControlFlow<()>,
) -> Result<u64, ReplayError> {
    let mut effects = Effects::default();
    let mut replayed: u64 = 0;
    loop {
        match reader.next()? {
            Some(record) => take(kernel, kept, &record, &mut effects)?,
            None => return Ok(replayed),
        }
        replayed += 1;
        if replayed.is_multiple_of(PROGRESS_RECORDS) {
            let state = reader.state();
            let seq = kernel.seq();
            let at = ReplayProgress { seq, bytes_done: state.bytes_done, bytes_all: state.bytes_all };
            if progress(at).is_break() {
                return Err(ReplayError::Stopped { seq });
            }
        }
    }
}

/// Replays at most so many records of what a reader has now; how many there were.
pub(crate) fn replay_some(
    kernel: &mut Kernel,
    reader: &mut Reader,
    kept: &mut Kept,
    effects: &mut Effects,
    records_max: u64,
) -> Result<u64, ReplayError> {
    let mut replayed = 0;
    while replayed < records_max {
        let Some(record) = reader.next()? else { break };
        take(kernel, kept, &record, effects)?;
        replayed += 1;
    }
    Ok(replayed)
}

/// The kernel that the replay goes on from, and the snapshot that it is of. A snapshot that this build cannot take (another
/// one keeps its state in another shape) costs time and nothing else while the log still has all its records.
fn begin(
    config: &KernelConfig,
    log: &Examined<'_>,
    found: &mut Recovered,
) -> Result<(Kernel, Option<u64>), ReplayError> {
    let fresh = || {
        let refuse = |what: &str| ReplayError::Identity { found: what.into() };
        Kernel::new(config.clone()).map_err(refuse)
    };
    let Some(snapshot) = &found.snapshot else { return Ok((fresh()?, None)) };
    match kernel_of(snapshot) {
        Ok(kernel) => Ok((kernel, Some(snapshot.seq))),
        Err(refusal) if log.reader(1).is_err() => Err(refusal),
        Err(refusal) => {
            found.remarks.push(format!("{refusal}; everything was replayed instead"));
            found.replay_from = 1;
            Ok((fresh()?, None))
        }
    }
}

/// Inputs are never taken by other rules than those that they were logged under: only a snapshot leads from one version
/// to the next.
fn check_rules(found: &Recovered) -> Result<(), ReplayError> {
    let Some(rules) = found.rules_version.filter(|rules| *rules != RULES_VERSION) else { return Ok(()) };
    let sealed = found.snapshot.as_ref().filter(|snapshot| snapshot.seq == found.last_seq);
    match sealed.map(kernel_of) {
        Some(Ok(_)) => Ok(()),
        Some(Err(_)) | None => Err(ReplayError::Rules { found: rules }),
    }
}

/// What a log is opened as: with the room that it was begun with, where only that differs. What it has got since is in its
/// records.
fn begun_with(config: &KernelConfig, disk: &SharedDisk) -> KernelConfig {
    // What is wrong with a log that does not say whose it is, its opening says better.
    let own = past::identity(disk.as_ref()).ok().as_deref().and_then(durable::config_of);
    let Some(own) = own else { return config.clone() };
    let same =
        KernelConfig { max_slots: own.max_slots, remembered_orders: own.remembered_orders, ..config.clone() };
    if same == own { own } else { config.clone() }
}

/// What makes the kernel as roomy as it is opened; `None` where it is.
fn room(kernel: &Kernel, config: &KernelConfig) -> Result<Option<Input>, ReplayError> {
    let has = kernel.config();
    if config.max_slots < has.max_slots {
        let in_the_way = kernel.in_the_way(config.max_slots).map_or_else(
            || format!("slots {} to {} are in it", config.max_slots, has.max_slots - 1),
            |(slot_id, trade_id)| format!("slot {slot_id} carries trade {}", trade_id.as_str()),
        );
        let (wanted, has) = (config.max_slots as usize, has.max_slots as usize);
        return Err(ReplayError::Shrinks { field: "max_slots", wanted, has, in_the_way });
    }
    if config.remembered_orders < has.remembered_orders {
        let in_the_way = "late events of orders that it remembers would be taken for strangers'".to_owned();
        let (wanted, has) = (config.remembered_orders, has.remembered_orders);
        return Err(ReplayError::Shrinks { field: "remembered_orders", wanted, has, in_the_way });
    }
    let is_roomy = has.max_slots == config.max_slots && has.remembered_orders == config.remembered_orders;
    let remembered_orders = u32::try_from(config.remembered_orders).unwrap_or(u32::MAX);
    Ok((!is_roomy).then_some(Input::Capacity { max_slots: config.max_slots, remembered_orders }))
}

/// Brings a kernel to where a log ends, from its newest snapshot on. Also returns the notes, that snapshot, and how many
/// records were replayed.
fn replay(
    begun: &KernelConfig,
    log: &Examined<'_>,
    found: &mut Recovered,
    progress: &mut dyn FnMut(ReplayProgress) -> ControlFlow<()>,
) -> Result<(Kernel, Kept, Option<u64>, u64), ReplayError> {
    let (mut kernel, snapshot_seq) = begin(begun, log, found)?;
    let mut replayed = 0;
    let mut kept = Kept::default();
    if let Some(seq) = snapshot_seq {
        notes_before(|from| log.reader(from), seq, &mut kept)?;
    }
    if found.last_seq >= found.replay_from {
        let mut reader = log.reader(found.replay_from)?;
        replayed = replay_all(&mut kernel, &mut reader, &mut kept, progress)?;
    }
    Ok((kernel, kept, snapshot_seq, replayed))
}

/// Opens the log and brings the kernel to where it ends: `warm` where that is given and has followed this very log. Also
/// returns the input that makes it as roomy as it is opened.
pub(crate) fn open(
    config: &KernelConfig,
    disk: SharedDisk,
    settings: &LogSettings,
    warm: Option<Warm>,
    progress: &mut dyn FnMut(ReplayProgress) -> ControlFlow<()>,
) -> Result<(Kernel, Durable, Recovery, Option<Input>), ReplayError> {
    let begun = begun_with(config, &disk);
    let (log, mut found) = Log::examine(disk, settings.config(&begun), &durable::keys_of)?;
    // What refuses a log comes before anything of it is changed.
    check_rules(&found)?;
    let (kernel, kept, snapshot_seq, replayed) =
        match warm.map(|warm| warm.take_over(&log, found.last_seq, progress)) {
            Some(Ok((kernel, kept, replayed))) => (kernel, kept, None, replayed),
            Some(Err(why)) => {
                found.remarks.push(format!("the replica that followed the log is not used: {why}"));
                replay(&begun, &log, &mut found, progress)?
            }
            None => replay(&begun, &log, &mut found, progress)?,
        };
    let wider = room(&kernel, config)?;
    let durable = Durable::new(log.begin()?, settings, replayed, kept);
    let recovery = Recovery {
        snapshot_seq,
        replayed,
        last_seq: found.last_seq,
        epoch: found.epoch,
        torn: found.torn,
        remarks: found.remarks,
    };
    Ok((kernel, durable, recovery, wider))
}
