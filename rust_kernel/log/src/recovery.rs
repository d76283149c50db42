//! Opening a log for writing: survey, then repair what a crash left, then go on.
//!
//! The survey changes nothing and refuses damage. Each repair may be interrupted by another crash and is then done
//! again: the torn tail is cut and synced before anything is appended behind it; unfinished files have no effect
//! until they are renamed; an index that is missing is made from the records.

use crate::config::{BUFFER_BYTES, BUFFER_CAPACITY, Config, Writing};
use crate::directory::index_name;
use crate::disk::{DirectoryLock, Disk, LockOutcome};
use crate::error::LogError;
use crate::ids::{Ids, KeysOf, Range};
use crate::mark::{MARK_NAME, Mark, MarkFile};
use crate::pieces::{PIECE_BYTES, PIECE_CAPACITY, Pieces};
use crate::reader::{Reader, Span};
use crate::record::{Chain, Record};
use crate::segment::{Identity, SegmentHeader, salt, segment_name};
use crate::snapshot::Snapshot;
use crate::survey::{SegmentInfo, Survey, Surveyor, TornTail, Visit};
use crate::sync::{Shared, SyncPolicy, SyncWaits};
use crate::writer::{Active, Log, begin_segment};
use std::io;
use std::sync::Arc;

/// What was found when a log was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The newest usable snapshot. The owner takes its state, then the records after it from [`Log::reader`].
    pub snapshot: Option<Snapshot>,
    /// The first record to replay after the snapshot, or the log's first.
    pub replay_from: u64,
    /// The last record; one less than the first if there is none. It is durable.
    pub last_seq: u64,
    /// Which opening this is: 1 for the first.
    pub epoch: u32,
    /// The rules of the newest segment; `None` in a new log. If they are not the owner's, the records so far are to
    /// be read under those.
    pub rules_version: Option<u32>,
    /// The write that a crash tore, if one did; it is cut off now.
    pub torn: Option<TornTail>,
    /// What a person should know and nothing was lost by, for example a damaged snapshot that was passed over.
    pub remarks: Vec<String>,
}

impl Log {
    /// Opens a log for writing, or begins one: [`Log::examine`], and at once [`Examined::begin`].
    pub fn open(
        disk: Arc<dyn Disk>,
        config: Config,
        keys_of: KeysOf<'_>,
    ) -> Result<(Log, Recovered), LogError> {
        let (examined, recovered) = Log::examine(disk, config, keys_of)?;
        Ok((examined.begin()?, recovered))
    }

    /// Takes a log's lock and verifies it. Corruption is refused. Nothing is changed, so that the owner can replay what is
    /// there, and may refuse that as well, before [`Examined::begin`]. `keys_of` gives the keys of a record for the index
    /// of ids.
    pub fn examine(
        disk: Arc<dyn Disk>,
        config: Config,
        keys_of: KeysOf<'_>,
    ) -> Result<(Examined<'_>, Recovered), LogError> {
        config.validate()?;
        let identity = Identity::new(&config.identity)?;
        let lock = lock(disk.as_ref())?;
        let mut ids = Ids::new(disk.clone(), &identity, config.keys_version);
        let surveyor = Surveyor {
            disk: disk.as_ref(),
            identity: &identity,
            first_seq: config.first_seq,
            check: config.check,
            snapshots: config.snapshots_kept,
        };
        let mut active_keys = ActiveKeys { ids: &mut ids, keys_of, keys: Vec::new() };
        let mut survey = surveyor.run(&mut |visit| active_keys.visit(&visit))?;
        begins_as_configured(&survey, config.first_seq)?;
        let opening = Opening { disk, config, identity, keys_of };
        let plan = opening.plan_indexes(&mut survey, &mut ids)?;
        let Some(epoch) = survey.epoch_max.checked_add(1) else {
            let reason = "the log says that it was opened more often than can be counted".to_string();
            return Err(LogError::Corrupt {
                file: opening.disk.path(MARK_NAME),
                offset: 0,
                seq: survey.end.next_seq,
                reason,
            });
        };
        // What a snapshot stands for was not read, and is about to be.
        for segment in plan.rebuild.iter().chain(plan.outdated.iter().flat_map(|(_, left)| left)) {
            crate::opened::read_sealed(opening.disk.as_ref(), &opening.identity, segment, &mut |_| {})?;
        }
        let snapshot = survey.snapshot.take();
        let recovered = Recovered {
            replay_from: snapshot.as_ref().map_or(opening.config.first_seq, |snapshot| snapshot.seq + 1),
            last_seq: survey.end.next_seq - 1,
            epoch,
            rules_version: survey.segments.last().map(|segment| segment.rules_version),
            torn: survey.torn.clone(),
            remarks: survey.remarks.clone(),
            snapshot,
        };
        Ok((Examined { opening, survey, ids, plan, epoch, lock }, recovered))
    }
}

/// A log that was verified, and is locked: it can be read, and nothing of it was changed.
pub struct Examined<'a> {
    opening: Opening<'a>,
    survey: Survey,
    ids: Ids,
    plan: IndexPlan,
    epoch: u32,
    lock: Box<dyn DirectoryLock>,
}

impl Examined<'_> {
    /// A reader of its records from `from_seq` on, without a torn tail.
    pub fn reader(&self, from_seq: u64) -> Result<Reader, LogError> {
        let Opening { disk, identity, .. } = &self.opening;
        Reader::open(disk.clone(), Some(identity.bytes()), from_seq, Span::Written)
    }

    /// The hash of the last record.
    pub fn chain(&self) -> Chain {
        self.survey.end.chain
    }

    /// Repairs what a crash left, counts the epoch up, and goes on.
    pub fn begin(self) -> Result<Log, LogError> {
        let Examined { opening, survey, ids, plan, epoch, lock } = self;
        opening.repair(survey, ids, plan, epoch, lock)
    }
}

fn lock(disk: &dyn Disk) -> Result<Box<dyn DirectoryLock>, LogError> {
    let file = disk.path("");
    match disk.lock() {
        Ok(LockOutcome::Held(lock)) => Ok(lock),
        Ok(LockOutcome::Busy(pid)) => Err(LogError::Locked { file, pid }),
        Err(error) => Err(LogError::io(file, "lock the directory", &error)),
    }
}

/// A log that began earlier than its owner says would lose the index of what came before.
fn begins_as_configured(survey: &Survey, first_seq: u64) -> Result<(), LogError> {
    let segment = survey.segments.first().map(|segment| segment.first_seq);
    let index = survey.files.indexes.first().map(|(first, _)| *first);
    match segment.into_iter().chain(index).min().filter(|begins| *begins < first_seq) {
        Some(begins) => {
            let reason = format!("{first_seq}, and this log begins at seq {begins}");
            Err(LogError::Config { field: "first_seq", reason })
        }
        None => Ok(()),
    }
}

/// Collects the keys of the segment that is read; the last one is the active one.
struct ActiveKeys<'a> {
    ids: &'a mut Ids,
    keys_of: KeysOf<'a>,
    keys: Vec<crate::ids::Key>,
}

impl ActiveKeys<'_> {
    fn visit(&mut self, visit: &Visit<'_>) {
        match visit {
            Visit::Segment => self.ids.begin_segment(),
            Visit::Record(record) => {
                self.keys.clear();
                (self.keys_of)(record.kind, record.payload, &mut self.keys);
                self.ids.insert(&self.keys, record.seq, record.ts_ns);
            }
            Visit::Progress(_) => {}
        }
    }
}

struct Opening<'a> {
    disk: Arc<dyn Disk>,
    config: Config,
    identity: Identity,
    keys_of: KeysOf<'a>,
}

/// What has to be done about the index files.
struct IndexPlan {
    /// Sealed segments whose keys are in no usable file.
    rebuild: Vec<SegmentInfo>,
    /// Files that another one stands for, or that were written for a segment which was then not sealed.
    surplus: Vec<(u64, u64)>,
    /// Files that could not be used. What is made again has their name, or stands for a part of one and lies beside it.
    damaged: Vec<(u64, u64)>,
    /// Files whose keys are of another version, with the segments that are left of their range: their keys are added.
    outdated: Vec<(Range, Vec<SegmentInfo>)>,
}

impl Opening<'_> {
    fn failed(&self, name: &str, doing: &'static str, error: &io::Error) -> LogError {
        LogError::io(self.disk.path(name), doing, error)
    }

    /// Opens the index files and finds what is missing. Changes nothing.
    fn plan_indexes(&self, survey: &mut Survey, ids: &mut Ids) -> Result<IndexPlan, LogError> {
        let mut plan =
            IndexPlan { rebuild: Vec::new(), surplus: Vec::new(), damaged: Vec::new(), outdated: Vec::new() };
        let sealed = survey.segments.len().saturating_sub(1);
        let active_seq = survey.segments.last().map_or(self.config.first_seq, |segment| segment.first_seq);
        // The widest of those that begin together first: it stands for the narrower ones, if it is whole.
        let mut ranges = survey.files.indexes.clone();
        ranges.sort_unstable_by_key(|(first, last)| (*first, std::cmp::Reverse(*last)));
        let mut next_seq = self.config.first_seq;
        let mut gaps = Vec::new();
        for (first_seq, last_seq) in ranges {
            if last_seq < next_seq || last_seq >= active_seq {
                plan.surplus.push((first_seq, last_seq));
                continue;
            }
            if let Err(flaw) = ids.open_verified(Range { first_seq, last_seq })? {
                let file = self.disk.path(&index_name(first_seq, last_seq));
                survey.remarks.push(format!("{file}: damaged, made again from the records: {flaw}"));
                plan.damaged.push((first_seq, last_seq));
                continue;
            }
            if ids.is_outdated(Range { first_seq, last_seq })? {
                let within = |s: &&SegmentInfo| s.first_seq >= first_seq && s.last_seq <= last_seq;
                let left: Vec<SegmentInfo> =
                    survey.segments[..sealed].iter().filter(within).cloned().collect();
                if !left.is_empty() {
                    plan.outdated.push((Range { first_seq, last_seq }, left));
                }
            }
            gaps.push((next_seq, first_seq));
            next_seq = last_seq + 1;
        }
        gaps.push((next_seq, active_seq));
        for (from, to) in gaps {
            let missing = survey.segments[..sealed].iter().filter(|s| s.first_seq >= from && s.last_seq < to);
            let before = plan.rebuild.len();
            plan.rebuild.extend(missing.cloned());
            let first = plan.rebuild.get(before).map_or(to, |segment| segment.first_seq);
            if from < first {
                return Err(LogError::Corrupt {
                    file: self.disk.path(""),
                    offset: 0,
                    seq: from,
                    reason: format!(
                        "no usable index of ids covers seq {from} to {}, and the records are gone",
                        first - 1
                    ),
                });
            }
        }
        Ok(plan)
    }

    fn repair(
        self,
        survey: Survey,
        mut ids: Ids,
        plan: IndexPlan,
        epoch: u32,
        lock: Box<dyn DirectoryLock>,
    ) -> Result<Log, LogError> {
        self.remove_leftovers(&survey, &plan)?;
        let active = match survey.segments.last() {
            Some(segment) => self.reopen(segment, survey.torn.is_some())?,
            None => begin_segment(self.disk.as_ref(), &self.first_header(epoch))?,
        };
        for segment in &plan.rebuild {
            self.rebuild_index(segment, &mut ids)?;
        }
        for (range, left) in &plan.outdated {
            self.renew_index(*range, left, &mut ids)?;
        }
        self.remove_damaged(&plan)?;
        let last_seq = survey.end.next_seq - 1;
        let mark = Mark { epoch, ..survey.mark.unwrap_or_default() };
        let mut mark = MarkFile::open(self.disk.as_ref(), self.identity.hash(), mark)
            .map_err(|error| self.failed(MARK_NAME, "open", &error))?;
        mark.write(last_seq).map_err(|error| self.failed(MARK_NAME, "write", &error))?;
        mark.sync().map_err(|error| self.failed(MARK_NAME, "sync", &error))?;
        self.disk.sync_dir().map_err(|error| self.failed("", "sync the directory", &error))?;
        let shared = Arc::new(Shared::new(self.disk.clone(), mark, last_seq));
        let sync_thread = self.start_thread(&shared)?;
        let by_thread = self.config.writing == Writing::ByThread && self.disk.background_sync();
        let sealed = survey.segments.len().saturating_sub(1);
        let usable = |seq: &u64| survey.snapshots_usable.contains(seq);
        let old_snapshots = survey.files.snapshots.iter().copied().filter(|seq| !usable(seq)).collect();
        let rules_version = survey.segments.last().map(|segment| segment.rules_version);
        Ok(Log {
            roll_next: rules_version.is_some_and(|rules| rules != self.config.rules_version),
            disk: self.disk,
            config: self.config,
            identity: self.identity,
            epoch,
            buffer: Vec::with_capacity(if by_thread { PIECE_CAPACITY } else { BUFFER_CAPACITY }),
            piece_bytes: if by_thread { PIECE_BYTES } else { BUFFER_BYTES },
            pieces: Arc::new(Pieces::new(&active, survey.end.chain)),
            handed_over: false,
            together: false,
            together_at: None,
            active,
            last_seq,
            watermark: last_seq,
            ids,
            sealed: survey.segments[..sealed].to_vec(),
            snapshots_old: old_snapshots,
            floor_seq: u64::MAX,
            snapshots: survey.snapshots_usable.iter().rev().copied().collect(),
            abandoned: false,
            waits: SyncWaits::default(),
            shared,
            sync_thread,
            write_thread: None,
            lock,
        })
    }

    fn first_header(&self, epoch: u32) -> SegmentHeader {
        SegmentHeader {
            rules_version: self.config.rules_version,
            epoch,
            first_seq: self.config.first_seq,
            previous_seq: 0,
            chain: self.identity.genesis(),
            identity: self.identity.clone(),
        }
    }

    /// What interrupted writes left behind has no effect and goes. Names come first: after a killed process a merged
    /// index may have its name only in the system's memory, and those that it stands for are about to go.
    fn remove_leftovers(&self, survey: &Survey, plan: &IndexPlan) -> Result<(), LogError> {
        self.disk.sync_dir().map_err(|error| self.failed("", "sync the directory", &error))?;
        let surplus = plan.surplus.iter().map(|(first, last)| index_name(*first, *last));
        for name in survey.files.unfinished.iter().cloned().chain(surplus) {
            self.disk.remove(&name).map_err(|error| self.failed(&name, "remove", &error))?;
        }
        Ok(())
    }

    /// Damaged indexes go once what stands for them is durable.
    fn remove_damaged(&self, plan: &IndexPlan) -> Result<(), LogError> {
        let made =
            |range: &(u64, u64)| plan.rebuild.iter().any(|made| (made.first_seq, made.last_seq) == *range);
        for (first, last) in plan.damaged.iter().filter(|range| !made(range)) {
            let name = index_name(*first, *last);
            self.disk.remove(&name).map_err(|error| self.failed(&name, "remove", &error))?;
        }
        Ok(())
    }

    /// Cuts the torn tail off and makes what stays durable: after a killed process it may only be in the system's
    /// memory, and the owner is about to act upon it.
    fn reopen(&self, segment: &SegmentInfo, torn: bool) -> Result<Active, LogError> {
        let name = segment_name(segment.first_seq);
        let file = self.disk.open_write(&name).map_err(|error| self.failed(&name, "open", &error))?;
        if torn {
            file.truncate(segment.bytes).map_err(|error| self.failed(&name, "truncate", &error))?;
        }
        file.sync().map_err(|error| self.failed(&name, "sync", &error))?;
        let salt = salt(self.identity.hash(), segment.first_seq);
        let SegmentInfo { first_seq, previous_seq, rules_version, .. } = *segment;
        Ok(Active {
            file,
            name: name.into(),
            first_seq,
            previous_seq,
            salt,
            rules_version,
            bytes: segment.bytes,
        })
    }

    fn rebuild_index(&self, segment: &SegmentInfo, ids: &mut Ids) -> Result<(), LogError> {
        let mut own = Ids::new(self.disk.clone(), &self.identity, self.config.keys_version);
        let mut keys = Vec::new();
        let mut collect = |record: &Record<'_>| {
            keys.clear();
            (self.keys_of)(record.kind, record.payload, &mut keys);
            own.insert(&keys, record.seq, record.ts_ns);
        };
        crate::opened::read_sealed(self.disk.as_ref(), &self.identity, segment, &mut collect)?;
        let range = Range { first_seq: segment.first_seq, last_seq: segment.last_seq };
        ids.write(range, own.active.into_iter().collect())
    }

    /// Adds the keys of the segments that are left of an outdated index. What it has of those that are gone stays. A crash
    /// on the way leaves it as it was, and beside it files that the next opening removes.
    fn renew_index(&self, range: Range, left: &[SegmentInfo], ids: &mut Ids) -> Result<(), LogError> {
        let Some(outdated) = ids.take_out(range) else { return Ok(()) };
        for segment in left {
            self.rebuild_index(segment, ids)?;
        }
        // One that is of this segment alone has been made again already, under the same name.
        let whole = left.iter().any(|s| (s.first_seq, s.last_seq) == (range.first_seq, range.last_seq));
        if whole { Ok(()) } else { ids.renew(outdated) }
    }

    /// The thread that keeps the time bound of a batch.
    fn start_thread(&self, shared: &Arc<Shared>) -> Result<Option<std::thread::JoinHandle<()>>, LogError> {
        let batch = matches!(self.config.policy, SyncPolicy::Batch { .. });
        if !batch || !self.disk.background_sync() {
            return Ok(None);
        }
        let shared = shared.clone();
        let thread = std::thread::Builder::new().name("dita-log-sync".to_string());
        let thread = thread.spawn(move || shared.keep_bound());
        thread.map(Some).map_err(|error| self.failed("", "start the thread that syncs", &error))
    }
}
