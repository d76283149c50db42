//! A kernel of the past: the log is replayed into a core of its own, without the lock, beside a live writer or after it.

use std::ops::ControlFlow;

use dita_kernel::effect::Effects;
use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::ledger::Transaction;
use dita_kernel::outcome::Outcome;
use dita_log::{LogError, Reader, Snapshot, Span, past};

use crate::durable::{self, SharedDisk};
use crate::note::{self, Kept, is_kept};
use crate::recovery::{
    ReplayError, ReplayProgress, differs, kernel_of, notes_before, remember, step_record_after,
};

/// Listens to how far a long replay is, and may end it.
pub type ReplayWatch<'a> = dyn FnMut(ReplayProgress) -> ControlFlow<()> + 'a;

/// After so many records a long replay tells how far it is.
pub(crate) const PROGRESS_RECORDS: u64 = 65_536;

/// Where a replay begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// At the log's first record; where that was removed, at the oldest snapshot.
    First,
    /// At the newest snapshot that is not past the end: the quick way to a moment.
    Nearest,
}

/// Where a replay ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// With the log.
    End,
    /// With this input.
    Seq(u64),
    /// With the last input up to this kernel time, ns.
    Time(i64),
}

/// One input, and what it came to.
#[derive(Debug)]
pub struct Step {
    /// Its number.
    pub seq: u64,
    /// Its kernel time, ns.
    pub stamp_ns: i64,
    /// Which opening of the log wrote it.
    pub epoch: u32,
    /// What record it is: see [`crate::kind_name`].
    pub kind: u8,
    /// The input.
    pub input: Input,
    /// What it comes to now.
    pub outcome: Outcome,
    /// Whether it was accepted when it was logged. Under the rules of then the outcome says the same.
    pub accepted_then: bool,
}

/// What a replica has come to.
pub(crate) enum Advance {
    /// An input.
    Input(Box<Step>),
    /// A note: it has a number, and nothing came of it.
    Note,
    /// The end.
    End,
}

impl Step {
    /// True where it comes to something else than when it was logged.
    pub fn differs(&self) -> bool {
        self.outcome.accepted != self.accepted_then
    }
}

/// A core that follows a log. It reads and never writes.
pub struct Replica {
    kernel: Kernel,
    reader: Reader,
    effects: Effects,
    until: Until,
    began: Option<u64>,
    ended: bool,
    replayed: u64,
    /// Notes that were passed over since somebody asked.
    passed: u64,
    /// What was noted up to here: beginning at a snapshot, too.
    kept: Kept,
}

impl Replica {
    /// A core at the beginning of a replay. The kernel's settings are the log's.
    ///
    /// # Errors
    /// [`ReplayError`]: this is no log of a kernel, it is damaged, or what is asked for was removed after a snapshot.
    pub fn open(disk: SharedDisk, start: Start, until: Until) -> Result<Replica, ReplayError> {
        let config = settings_of(&disk)?;
        let snapshot = base(&disk, start, until)?;
        let began = snapshot.as_ref().map(|snapshot| snapshot.seq);
        let kernel = match &snapshot {
            Some(snapshot) => kernel_of(snapshot)?,
            None => Kernel::new(config).map_err(|what| ReplayError::Identity { found: what.into() })?,
        };
        let mut kept = Kept::default();
        if let Some(seq) = began {
            notes_before(|from| Reader::open(disk.clone(), None, from, Span::Written), seq, &mut kept)?;
        }
        let from = began.map_or(1, |seq| seq + 1);
        let reader = Reader::open(disk, None, from, Span::Written)?;
        Ok(Replica {
            kernel,
            reader,
            effects: Effects::default(),
            until,
            began,
            ended: false,
            replayed: 0,
            passed: 0,
            kept,
        })
    }

    /// A core as it was after input `seq`, which goes on from there for as long as the log does.
    ///
    /// # Errors
    /// As [`Replica::run`]; [`LogError::Removed`] where no snapshot at or before it is left.
    pub fn open_at(
        disk: SharedDisk,
        seq: u64,
        span: Span,
        progress: &mut ReplayWatch<'_>,
    ) -> Result<Replica, ReplayError> {
        let mut replica = Replica::open(disk.clone(), Start::Nearest, Until::Seq(seq))?;
        replica.run(progress)?;
        replica.until = Until::End;
        // What was read ahead stays read; from here on the reader goes as far as it may.
        replica.reader = Reader::open(disk, None, replica.kernel.seq().wrapping_add(1), span)?;
        Ok(replica)
    }

    /// How far the reader has come, in bytes.
    pub(crate) fn read_so_far(&self) -> dita_log::State {
        self.reader.state()
    }

    /// The next input; `None` at the end. Behind a live writer more may come where the end is the log's.
    ///
    /// # Errors
    /// [`ReplayError`]: the log is damaged from here on, or the record is none that this version knows.
    pub fn step(&mut self) -> Result<Option<Step>, ReplayError> {
        self.step_after(&mut |_, _| {})
    }

    /// The same; `before` sees the core and the input before that is taken.
    ///
    /// # Errors
    /// As [`Replica::step`].
    pub(crate) fn step_after(
        &mut self,
        before: &mut dyn FnMut(&Kernel, &Input),
    ) -> Result<Option<Step>, ReplayError> {
        loop {
            match self.advance(before)? {
                Advance::Input(step) => return Ok(Some(*step)),
                Advance::Note => {}
                Advance::End => return Ok(None),
            }
        }
    }

    /// The next record: for those who count by records, so that a bound by number means the same each time.
    ///
    /// # Errors
    /// As [`Replica::step`].
    pub(crate) fn advance(
        &mut self,
        before: &mut dyn FnMut(&Kernel, &Input),
    ) -> Result<Advance, ReplayError> {
        if self.ended || is_past(self.until, self.kernel.seq().wrapping_add(1)) {
            return Ok(Advance::End);
        }
        let Some(record) = self.reader.next()? else { return Ok(Advance::End) };
        if let Until::Time(time_ns) = self.until
            && record.ts_ns > time_ns
        {
            self.ended = true;
            return Ok(Advance::End);
        }
        if is_kept(record.kind) {
            self.kernel.pass_over();
            remember(&mut self.kept, &record);
            self.passed += 1;
            return Ok(Advance::Note);
        }
        let (input, outcome, accepted_then) =
            step_record_after(&mut self.kernel, &record, &mut self.effects, before)?;
        if self.kernel.seq() != record.seq {
            return Err(differs(record.seq, accepted_then, outcome.accepted));
        }
        self.replayed += 1;
        Ok(Advance::Input(Box::new(Step {
            seq: record.seq,
            stamp_ns: record.ts_ns,
            epoch: record.epoch,
            kind: record.kind,
            input,
            outcome,
            accepted_then,
        })))
    }

    /// Goes on to the end.
    ///
    /// # Errors
    /// As [`Replica::step`], and [`ReplayError::Differs`] where an input comes to something else than then.
    pub fn run(&mut self, progress: &mut ReplayWatch<'_>) -> Result<u64, ReplayError> {
        let before = self.replayed;
        while let Some(step) = self.step()? {
            if step.differs() {
                return Err(differs(step.seq, step.accepted_then, step.outcome.accepted));
            }
            self.tell(progress)?;
        }
        Ok(self.replayed - before)
    }

    /// Tells how far a long replay is, now and then.
    ///
    /// # Errors
    /// [`ReplayError::Stopped`] where who listens wants no more of it.
    #[inline]
    pub fn tell(&self, progress: &mut ReplayWatch<'_>) -> Result<(), ReplayError> {
        if self.replayed.is_multiple_of(PROGRESS_RECORDS) {
            watch(&self.reader, self.kernel.seq(), progress)?;
        }
        Ok(())
    }

    /// The core as it was after the last input.
    #[inline]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Why an override was given, as it was noted; empty where nobody has.
    pub(crate) fn why(&self, id: &Id) -> &str {
        let found = self.kept.notes.iter().find(|(name, _)| name.as_str() == note::OVERRIDES);
        found.map_or("", |(_, note)| note::why_in(&note.text, id))
    }

    /// What the last input asked for and did.
    #[inline]
    pub fn effects(&self) -> &Effects {
        &self.effects
    }

    /// What the last input booked, in its order; and how many transactions more, where the core remembers fewer.
    pub fn booked(&self) -> (Vec<&Transaction>, u64) {
        let ledger = self.kernel.ledger();
        let found: Vec<&Transaction> =
            self.effects.ledger.clone().filter_map(|number| ledger.transaction(number)).collect();
        let all = self.effects.ledger.end.saturating_sub(self.effects.ledger.start);
        let missing = all.saturating_sub(found.len() as u64);
        (found, missing)
    }

    /// The last input of the snapshot that the replay began with; `None` where it began with the log.
    pub fn began(&self) -> Option<u64> {
        self.began
    }

    /// How many notes were passed over since this was asked last: they are numbered, and no inputs.
    pub(crate) fn passed_over(&mut self) -> u64 {
        core::mem::take(&mut self.passed)
    }

    /// How many inputs were replayed.
    pub fn replayed(&self) -> u64 {
        self.replayed
    }
}

fn is_past(until: Until, seq: u64) -> bool {
    matches!(until, Until::Seq(last) if seq > last)
}

/// Tells how far a reader is.
pub(crate) fn watch(reader: &Reader, seq: u64, progress: &mut ReplayWatch<'_>) -> Result<(), ReplayError> {
    let state = reader.state();
    let at = ReplayProgress { seq, bytes_done: state.bytes_done, bytes_all: state.bytes_all };
    if progress(at).is_break() { Err(ReplayError::Stopped { seq }) } else { Ok(()) }
}

/// The kernel's settings, as the log has them.
pub(crate) fn settings_of(disk: &SharedDisk) -> Result<KernelConfig, ReplayError> {
    let identity = past::identity(disk.as_ref())?;
    durable::config_of(&identity)
        .ok_or_else(|| ReplayError::Identity { found: String::from_utf8_lossy(&identity).into_owned() })
}

/// The snapshot to begin with; `None` where the log's own beginning will do.
fn base(disk: &SharedDisk, start: Start, until: Until) -> Result<Option<Snapshot>, ReplayError> {
    let first_seq = past::first_seq(disk.as_ref())?;
    let begins = first_seq <= 1;
    if begins && start == Start::First {
        return Ok(None);
    }
    let mut candidates = past::snapshots(disk.as_ref())?;
    candidates.retain(|seq| seq + 1 >= first_seq && !matches!(until, Until::Seq(last) if *seq > last));
    if start == Start::Nearest {
        candidates.reverse();
    }
    for seq in candidates {
        let Some(snapshot) = past::snapshot(disk.as_ref(), seq)? else { continue };
        if !matches!(until, Until::Time(time_ns) if snapshot.ts_ns > time_ns) {
            return Ok(Some(snapshot));
        }
    }
    if begins {
        return Ok(None);
    }
    let seq = if let Until::Seq(last) = until { last } else { 1 };
    Err(LogError::Removed { file: disk.path(""), seq, first_seq }.into())
}
