//! How a log is opened.

use crate::error::LogError;
use crate::record::RECORD_BYTES_MAX;
use crate::survey::Check;
use crate::sync::SyncPolicy;

/// The smallest bound that a segment may be given, in bytes.
pub const SEGMENT_BYTES_MIN: u64 = 512;
/// The largest, in bytes: a torn tail is read as a whole.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// Who puts appended records into their file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// The owner's calls.
    ByOwner,
    /// A thread where many come in a drain, so that the owner goes on meanwhile; else the owner's calls. On a disk
    /// that wants no thread (see [`crate::Disk::background_sync`]) always those.
    ByThread,
}

impl Default for Writing {
    /// By a thread where the process has a second processor for it.
    fn default() -> Writing {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        if processors > 1 { Writing::ByThread } else { Writing::ByOwner }
    }
}

/// How a log is opened. [`Config::new`] has the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whose log it is: opaque bytes, at most [`crate::IDENTITY_BYTES_MAX`]. A log of other bytes is refused.
    pub identity: Vec<u8>,
    /// The owner's version of its rules. Segments and snapshots carry it; when it changes, a new segment begins.
    pub rules_version: u32,
    /// The first sequence number of a new log, at least 1.
    pub first_seq: u64,
    /// A segment that has reached this size is sealed, in bytes.
    pub segment_bytes_max: u64,
    /// When records are synced by themselves.
    pub policy: SyncPolicy,
    /// Who writes records to their file. What is in it afterwards is the same.
    pub writing: Writing,
    /// How many snapshots are kept, at least 2.
    pub snapshots_kept: usize,
    /// Sealed segments take no more than this, in bytes: beyond it [`crate::Log::retain`] no longer waits for
    /// followers.
    pub retained_bytes_max: u64,
    /// How much is read when the log is opened.
    pub check: Check,
    /// The owner's version of its keys. Where it is not 0, an index of another version is made again at the opening, from
    /// the records that are still there, and indexes tell when a record came, to the minute: see [`crate::Log::time_of`].
    pub keys_version: u32,
}

impl Config {
    /// The defaults for a log of this identity.
    pub fn new(identity: &[u8], rules_version: u32) -> Config {
        Config {
            identity: identity.to_vec(),
            rules_version,
            first_seq: 1,
            segment_bytes_max: 64 << 20,
            policy: SyncPolicy::default(),
            writing: Writing::default(),
            snapshots_kept: 2,
            retained_bytes_max: 64 << 30,
            check: Check::default(),
            keys_version: 0,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), LogError> {
        let refuse = |field, reason: String| Err(LogError::Config { field, reason });
        if self.first_seq == 0 {
            return refuse("first_seq", "0, and sequence numbers begin at 1".to_string());
        }
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes_max) {
            let bounds = format!("between {SEGMENT_BYTES_MIN} and {SEGMENT_BYTES_MAX}");
            return refuse("segment_bytes_max", format!("{}, it has to be {bounds}", self.segment_bytes_max));
        }
        if self.snapshots_kept < 2 {
            return refuse("snapshots_kept", format!("{}, at least 2 are needed", self.snapshots_kept));
        }
        Ok(())
    }
}

/// The owner's buffer holds this much before it is written by itself, in bytes, where no thread takes pieces of it.
pub(crate) const BUFFER_BYTES: usize = 256 << 10;
/// The buffer never grows beyond this, so that appending does not allocate.
pub(crate) const BUFFER_CAPACITY: usize = BUFFER_BYTES + 2 * RECORD_BYTES_MAX;
