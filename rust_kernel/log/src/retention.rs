//! Snapshots of an open log, and which segments may go.

use crate::cursor;
use crate::directory::snapshot_name;
use crate::error::LogError;
use crate::snapshot::Snapshot;
use crate::survey::SegmentInfo;
use crate::writer::Log;

/// What [`Log::retain`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// The segments that were removed, oldest first.
    pub removed: Vec<SegmentInfo>,
    /// The bound on the size was met: segments went that a follower had not yet read.
    pub floor_passed: bool,
}

impl Log {
    /// Writes the owner's state after the last record, `seq`; the log is synced first. Older snapshots than the
    /// configured number go. A full disk does not poison the log, which can go on without the snapshot; a failed sync
    /// does.
    pub fn write_snapshot(
        &mut self,
        seq: u64,
        ts_ns: i64,
        state: &[u8],
        state_hash: &[u8; 32],
    ) -> Result<(), LogError> {
        self.shared.check()?;
        if seq != self.last_seq {
            return Err(LogError::Sequence { expected: self.last_seq, found: seq });
        }
        self.sync()?;
        if self.snapshots.last() == Some(&seq) {
            return Ok(());
        }
        self.check_place()?;
        let snapshot = Snapshot {
            seq,
            ts_ns,
            epoch: self.epoch,
            rules_version: self.config.rules_version,
            chain: self.chain(),
            state_hash: *state_hash,
            state: state.to_vec(),
        };
        self.stopping(snapshot.write(self.disk.as_ref(), &self.identity))?;
        self.snapshots_old.retain(|old| *old != seq);
        self.snapshots.push(seq);
        self.remove_old_snapshots()
    }

    /// Where the slowest follower is: a snapshot at or before it is kept. `u64::MAX` where nobody follows.
    pub fn hold_from(&mut self, floor_seq: u64) {
        self.floor_seq = floor_seq;
    }

    /// The same, from the cursors in the directory. Where they cannot be read, everything is kept, up to the bound.
    pub fn hold_for_followers(&mut self) {
        self.floor_seq = match cursor::slowest(self.disk.as_ref()) {
            Ok(slowest) => slowest.unwrap_or(u64::MAX),
            Err(_) => 0,
        };
    }

    /// The newest snapshot that the slowest follower can begin with; 0 where that is the log's beginning.
    fn base_of_slowest(&self) -> u64 {
        self.snapshots.iter().rev().copied().find(|seq| *seq <= self.floor_seq).unwrap_or(0)
    }

    /// Removes what is more than the configured number of usable snapshots, and with it the damaged ones.
    fn remove_old_snapshots(&mut self) -> Result<(), LogError> {
        let surplus = self.snapshots.len().saturating_sub(self.config.snapshots_kept);
        if self.snapshots.len() >= self.config.snapshots_kept {
            let base = self.base_of_slowest();
            let (held, old): (Vec<u64>, Vec<u64>) =
                self.snapshots.drain(..surplus).partition(|seq| *seq == base);
            self.snapshots_old.extend(old);
            self.snapshots.splice(..0, held);
            while let Some(seq) = self.snapshots_old.pop() {
                self.remove(&snapshot_name(seq))?;
            }
        }
        Ok(())
    }

    /// A failed sync stops the log, whatever was synced.
    fn stopping(&self, done: Result<(), LogError>) -> Result<(), LogError> {
        done.map_err(|error| if error.is_failed_sync() { self.shared.poison(error) } else { error })
    }

    /// Removes the sealed segments that nobody needs, while sealed segments take more than `history_bytes`: those wholly
    /// at or below the second-newest snapshot, and at or below the snapshot that the slowest follower would begin with
    /// (see [`Log::hold_from`]). Where sealed segments take more than the configured size, the follower no longer holds
    /// them back; the second-newest snapshot always does.
    pub fn retain(&mut self, history_bytes: u64) -> Result<Retained, LogError> {
        self.shared.check()?;
        let mut retained = Retained::default();
        let base = self.base_of_slowest();
        let Some(snapshot_seq) = self.snapshots.len().checked_sub(2).map(|index| self.snapshots[index])
        else {
            return Ok(retained);
        };
        let mut bytes: u64 = self.sealed.iter().map(|segment| segment.bytes).sum();
        while let Some(segment) = self.sealed.first().filter(|segment| segment.last_seq <= snapshot_seq) {
            let passed = segment.last_seq > base;
            if bytes <= history_bytes || (passed && bytes <= self.config.retained_bytes_max) {
                break;
            }
            // One at a time and oldest first, each durable before the next: a crash leaves no hole.
            let name = segment.name.clone();
            self.remove(&name)?;
            let segment = self.sealed.remove(0);
            bytes -= segment.bytes;
            retained.floor_passed |= passed;
            retained.removed.push(segment);
        }
        Ok(retained)
    }

    /// The usable snapshots, oldest first.
    pub fn snapshots(&self) -> &[u64] {
        &self.snapshots
    }

    /// The sealed segments, oldest first.
    pub fn sealed(&self) -> &[SegmentInfo] {
        &self.sealed
    }

    fn remove(&self, name: &str) -> Result<(), LogError> {
        let failed = |doing, error: &std::io::Error| LogError::io(self.disk.path(name), doing, error);
        self.disk.remove(name).map_err(|error| failed("remove", &error))?;
        self.stopping(self.disk.sync_dir().map_err(|error| failed("sync the directory of", &error)))
    }
}
