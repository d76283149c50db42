//! The open log: append, flush, sync, roll.

use crate::config::{BUFFER_BYTES, Config};
use crate::disk::{DirectoryLock, Disk, DiskFile};
use crate::error::LogError;
use crate::ids::{INDEX_FILES_MAX, Ids, Key, Range};
use crate::pieces::Pieces;
use crate::record::{self, Chain, HEADER_BYTES, RECORD_BYTES_MAX, Stamp};
use crate::segment::{Identity, SegmentHeader, salt, segment_name};
use crate::survey::SegmentInfo;
use crate::sync::{Need, Shared, SyncPolicy, SyncWaits, Target};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// With so many batches waiting, because the disk is slow, the owner waits for it.
const BACKLOG_FACTOR_MAX: u64 = 64;

/// A log that is open for writing. One owner, one thread at a time.
pub struct Log {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    pub(crate) epoch: u32,
    pub(crate) active: Active,
    /// Records that are neither handed over nor written to the file.
    pub(crate) buffer: Vec<u8>,
    /// So much of it is passed on together, in bytes.
    pub(crate) piece_bytes: usize,
    pub(crate) pieces: Arc<Pieces>,
    /// Some may not be written yet.
    pub(crate) handed_over: bool,
    /// What is appended stays in the buffer, however much it is, and in one segment.
    pub(crate) together: bool,
    /// Where in the buffer the last of them begins.
    pub(crate) together_at: Option<usize>,
    pub(crate) last_seq: u64,
    /// The last sequence number that the owner's own calls have synced: what records carry. The thread's syncs are
    /// left out, so that the same calls give the same bytes.
    pub(crate) watermark: u64,
    pub(crate) ids: Ids,
    pub(crate) sealed: Vec<SegmentInfo>,
    /// Usable snapshots, oldest first.
    pub(crate) snapshots: Vec<u64>,
    /// Snapshots that are damaged or more than enough: they go after the next good one.
    pub(crate) snapshots_old: Vec<u64>,
    /// Where the slowest follower is.
    pub(crate) floor_seq: u64,
    /// The next record begins a new segment, since the rules have changed.
    pub(crate) roll_next: bool,
    pub(crate) abandoned: bool,
    pub(crate) waits: SyncWaits,
    pub(crate) shared: Arc<Shared>,
    pub(crate) sync_thread: Option<JoinHandle<()>>,
    /// Begun with the first piece.
    pub(crate) write_thread: Option<JoinHandle<()>>,
    /// Dropped last.
    pub(crate) lock: Box<dyn DirectoryLock>,
}

/// The segment that is being written.
pub(crate) struct Active {
    pub file: Arc<dyn DiskFile>,
    pub name: Arc<str>,
    pub first_seq: u64,
    /// Of the segment before.
    pub previous_seq: u64,
    pub salt: u32,
    pub rules_version: u32,
    /// The file's length once everything that was appended is written.
    pub bytes: u64,
}

impl Log {
    /// Appends one record to the buffer: no system call, unless the buffer or the segment is full. `seq` must be the
    /// next number. `encode` pushes the payload onto the buffer and must leave what is there alone; the whole record
    /// may take [`RECORD_BYTES_MAX`]. `keys` are remembered for [`Log::find`]; the first record of a key counts.
    pub fn append(
        &mut self,
        kind: u8,
        seq: u64,
        ts_ns: i64,
        keys: &[Key],
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), LogError> {
        self.shared.check()?;
        if seq != self.last_seq + 1 {
            return Err(LogError::Sequence { expected: self.last_seq + 1, found: seq });
        }
        if !self.together && (self.roll_next || self.active.bytes >= self.config.segment_bytes_max) {
            self.roll()?;
        }
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; HEADER_BYTES]);
        encode(&mut self.buffer);
        self.bounded(start)?;
        let stamp = Stamp { seq, epoch: self.epoch, kind, ts_ns, durable_seq: self.watermark };
        let bytes = &mut self.buffer[start..];
        record::begin(bytes, &stamp);
        if self.together
            && let Some(before) = self.together_at.replace(start)
        {
            record::keep_open(&mut self.buffer[before..]);
        }
        let bytes = &self.buffer[start..];
        self.active.bytes += bytes.len() as u64;
        self.last_seq = seq;
        self.ids.insert(keys, seq, ts_ns);
        if self.buffer.len() >= self.piece_bytes && !self.together { self.pass_on() } else { Ok(()) }
    }

    /// The buffer is full: the thread takes it, or it is written here.
    #[cold]
    fn pass_on(&mut self) -> Result<(), LogError> {
        if self.piece_bytes == BUFFER_BYTES {
            return self.flush();
        }
        if self.write_thread.is_none() {
            self.write_thread = self.pieces.spawn(&self.shared).ok();
        }
        if self.write_thread.is_none() {
            // The system has no thread to give.
            self.piece_bytes = BUFFER_BYTES;
            return Ok(());
        }
        if !self.pieces.hand_over(&mut self.buffer) {
            return self.flush();
        }
        self.handed_over = true;
        Ok(())
    }

    /// Takes a record that is too large back, and stops at an encoder that took away what was there before it.
    fn bounded(&mut self, start: usize) -> Result<(), LogError> {
        let Some(bytes) = self.buffer.len().checked_sub(start).filter(|bytes| *bytes >= HEADER_BYTES) else {
            let reason = "the encoder removed bytes that were not its own".to_string();
            return Err(self.shared.poison(LogError::Config { field: "encode", reason }));
        };
        if bytes > RECORD_BYTES_MAX {
            self.buffer.truncate(start);
            return Err(LogError::TooLarge { bytes, bytes_max: RECORD_BYTES_MAX });
        }
        Ok(())
    }

    /// Whether what is appended from here on goes to the file in one piece, with the next [`Log::flush`]. A process that
    /// is killed may leave a part of it there: who opens the log then finds nothing of it. The owner bounds how much it is.
    pub fn keep_together(&mut self, together: bool) {
        self.together = together;
        self.together_at = None;
    }

    /// Everything appended is in the file when this returns: it survives the end of this process, not yet a power loss.
    pub fn flush(&mut self) -> Result<(), LogError> {
        self.shared.check()?;
        if self.buffer.is_empty() && !self.handed_over {
            return Ok(());
        }
        self.pieces.write_all(&mut self.buffer, &self.shared, self.write_thread.as_ref())?;
        self.handed_over = false;
        self.together_at = None;
        Ok(())
    }

    /// Writes and syncs; gives the last sequence number, which is durable now.
    pub fn sync(&mut self) -> Result<u64, LogError> {
        self.flush()?;
        self.sync_written()?;
        self.watermark = self.last_seq;
        Ok(self.last_seq)
    }

    fn sync_written(&mut self) -> Result<(), LogError> {
        if self.shared.durable_seq() < self.last_seq {
            self.shared.unschedule();
            let took = self.shared.sync(&self.target())?;
            self.waits.count += 1;
            self.waits.total += took;
        }
        Ok(())
    }

    fn target(&self) -> Target {
        Target { file: self.active.file.clone(), name: self.active.name.clone(), seq: self.last_seq }
    }

    /// Everything up to here survives a power loss. Grows by itself under [`SyncPolicy::Batch`].
    pub fn durable_seq(&self) -> u64 {
        self.shared.durable_seq()
    }

    /// The end of a drain: does what the policy wants, and more if something is to leave. Gives the durable sequence
    /// number; with [`Need::BeforeEffects`] that is the last one, except under [`SyncPolicy::Off`] and [`SyncPolicy::Written`].
    pub fn settle(&mut self, need: Need) -> Result<u64, LogError> {
        match (self.config.policy, need) {
            (SyncPolicy::Off, Need::BeforeEffects | Need::WithinPolicy)
            | (SyncPolicy::Written, Need::BeforeEffects) => self.shared.check()?,
            (SyncPolicy::Written, Need::WithinPolicy) => self.flush()?,
            (SyncPolicy::Always, Need::BeforeEffects | Need::WithinPolicy)
            | (SyncPolicy::Batch { .. }, Need::BeforeEffects) => {
                self.sync()?;
            }
            (SyncPolicy::Batch { delay_us_max, records_max }, Need::WithinPolicy) => {
                self.settle_batch(delay_us_max, records_max)?;
            }
        }
        Ok(self.durable_seq())
    }

    /// Leaves the syncing to the thread, so that the owner goes on meanwhile; waits for it only when far too many wait.
    /// The watermark stays: when the thread syncs is chance, and the bytes are not to depend on it.
    fn settle_batch(&mut self, delay_us_max: u64, records_max: u64) -> Result<(), LogError> {
        self.flush()?;
        let waiting = self.last_seq - self.durable_seq();
        if waiting == 0 {
            return Ok(());
        }
        if self.sync_thread.is_none() || waiting >= records_max.saturating_mul(BACKLOG_FACTOR_MAX) {
            return self.sync_written();
        }
        let delay = if waiting >= records_max { Duration::ZERO } else { Duration::from_micros(delay_us_max) };
        self.shared.schedule(self.target(), delay);
        Ok(())
    }

    /// Seals the active segment and begins the next one. Everything appended so far is durable afterwards.
    fn roll(&mut self) -> Result<(), LogError> {
        self.sync()?;
        self.check_place()?;
        if self.last_seq < self.active.first_seq {
            // Nothing is in it: only its header changes, in one step.
            self.begin_segment(self.active.previous_seq)?;
            return Ok(());
        }
        let range = Range { first_seq: self.active.first_seq, last_seq: self.last_seq };
        self.poisoning(|log| log.ids.seal(range))?;
        let sealed = SegmentInfo {
            name: self.active.name.to_string(),
            first_seq: range.first_seq,
            previous_seq: self.active.previous_seq,
            last_seq: range.last_seq,
            bytes: self.active.bytes,
            rules_version: self.active.rules_version,
        };
        self.begin_segment(range.first_seq)?;
        self.sealed.push(sealed);
        self.shared.sync_mark()?;
        if self.ids.files.len() >= INDEX_FILES_MAX {
            self.poisoning(|log| log.ids.merge().map(|_| ()))?;
        }
        Ok(())
    }

    /// Poisons the log where its directory is no longer the one that its path leads to: files are made by their paths.
    pub(crate) fn check_place(&self) -> Result<(), LogError> {
        self.lock.check_place().map_err(|error| {
            let moved = LogError::Moved { directory: self.disk.path(""), cause: error.to_string() };
            self.shared.poison(moved)
        })
    }

    pub(crate) fn poisoning<T>(
        &mut self,
        change: impl FnOnce(&mut Log) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        self.shared.check()?;
        change(self).map_err(|error| self.shared.poison(error))
    }

    /// What comes now goes into a new segment; everything before it is synced.
    fn begin_segment(&mut self, previous_seq: u64) -> Result<(), LogError> {
        let header = SegmentHeader {
            rules_version: self.config.rules_version,
            epoch: self.epoch,
            first_seq: self.last_seq + 1,
            previous_seq,
            chain: self.chain(),
            identity: self.identity.clone(),
        };
        self.active =
            begin_segment(self.disk.as_ref(), &header).map_err(|error| self.shared.poison(error))?;
        self.pieces.go_on_in(&self.active);
        self.roll_next = false;
        Ok(())
    }

    /// The first sequence number that carried the key, however long ago.
    pub fn find(&self, key: &Key) -> Result<Option<u64>, LogError> {
        self.ids.find(key)
    }

    /// When a record came, ns: exactly while it is there, then to the minute, where [`Config::keys_version`] is not 0.
    pub fn time_of(&self, seq: u64) -> Result<Option<i64>, LogError> {
        if seq < self.begins() {
            return self.ids.time_of(seq);
        }
        let mut reader = self.reader(seq)?;
        Ok(reader.next()?.map(|record| record.ts_ns))
    }

    /// True where a record and all that leads to it can be read: nothing was removed, or a snapshot before it is there.
    pub fn leads_to(&self, seq: u64) -> bool {
        let begins = self.begins();
        let kept = |snapshot: &u64| *snapshot < seq && *snapshot + 1 >= begins;
        begins <= self.config.first_seq || self.snapshots.iter().any(kept)
    }

    /// The first sequence number whose record is there.
    fn begins(&self) -> u64 {
        self.sealed.first().map_or(self.active.first_seq, |segment| segment.first_seq)
    }

    /// One bounded piece of housekeeping, for when the owner is idle: merges index files. Whether there was any.
    pub fn maintain(&mut self) -> Result<bool, LogError> {
        self.check_place()?;
        self.poisoning(|log| log.ids.merge())
    }

    /// How long the owner's calls have waited until records were synced.
    pub fn sync_waits(&self) -> SyncWaits {
        self.waits
    }

    /// How often the thread that keeps a batch's time bound had to be woken: once after a rest, however many records come.
    pub fn sync_wakings(&self) -> u64 {
        self.shared.wakings()
    }

    /// The last sequence number that was appended; one less than the first if there is none.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Which opening this is: 1 for the first.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The hash of the last record that is in the file: of the last one after [`Log::flush`] and all that calls it.
    pub fn chain(&self) -> Chain {
        self.pieces.chain()
    }

    /// The log's id: the hash of the identity's bytes.
    pub fn log_id(&self) -> &[u8; 32] {
        self.identity.hash()
    }

    /// The failure that poisoned the log, if one did.
    pub fn failure(&self) -> Option<LogError> {
        self.shared.failure()
    }

    /// Memory that the index of sealed segments holds, in bytes.
    pub fn index_bytes(&self) -> usize {
        self.ids.resident_bytes()
    }

    /// Files that the index of sealed segments has.
    pub fn index_files(&self) -> usize {
        self.ids.files.len()
    }

    /// Writes and syncs everything and closes the log. Dropping it does the same, with nobody to tell of a failure.
    pub fn close(mut self) -> Result<(), LogError> {
        self.finish()
    }

    /// Ends without writing or syncing anything more, as a killed process does. For tests of what comes after.
    pub fn abandon(mut self) {
        self.abandoned = true;
    }

    /// Lets go of the log in a process that was forked from its owner's: nothing is written, the threads (which are not
    /// in this process) are not waited for, and the lock stays with the owner alone.
    pub fn disown(mut self) {
        let lock = std::mem::replace(&mut self.lock, Box::new(()));
        std::mem::forget(self);
        // A lock is let go of once every process that has the file open has closed it.
        drop(lock);
    }

    fn finish(&mut self) -> Result<(), LogError> {
        self.sync()?;
        self.shared.sync_mark()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if !self.abandoned {
            // A failure has poisoned the log before, or the next opening finds what it left.
            let _ = self.finish();
        }
        self.pieces.stop();
        self.shared.stop();
        for thread in [self.write_thread.take(), self.sync_thread.take()].into_iter().flatten() {
            let _ = thread.join();
        }
    }
}

/// A new segment, whole or not at all; durable, its name too, before the first record comes.
pub(crate) fn begin_segment(disk: &dyn Disk, header: &SegmentHeader) -> Result<Active, LogError> {
    let name = segment_name(header.first_seq);
    let bytes = header.encode();
    crate::directory::write_whole(disk, &name, |file| file.write_at(0, &bytes))?;
    let file = disk.open_write(&name).map_err(|error| LogError::io(disk.path(&name), "open", &error))?;
    let salt = salt(header.identity.hash(), header.first_seq);
    let SegmentHeader { first_seq, previous_seq, rules_version, .. } = *header;
    Ok(Active {
        file,
        name: name.into(),
        first_seq,
        previous_seq,
        salt,
        rules_version,
        bytes: bytes.len() as u64,
    })
}
