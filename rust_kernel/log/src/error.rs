//! What can go wrong with a log, each with the file it went wrong in and what a person can do.

use std::fmt;
use std::io;

/// The one error of this crate. Every message fits on one line and ends with what to do, where something can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogError {
    /// The operating system refused: no permission, disk full, a read-only mount, a file that is not there.
    Io {
        /// The file or directory.
        file: String,
        /// What was tried, for example `write`.
        doing: &'static str,
        /// The system's class of the error.
        kind: io::ErrorKind,
        /// The system's own words.
        cause: String,
    },
    /// Another process (or another [`crate::Log`] of this one) has the log open for writing.
    Locked {
        /// The directory; of an older build the lock file.
        file: String,
        /// Who holds it, where the system says so.
        pid: Option<u32>,
    },
    /// The log's directory was renamed or replaced while the log was open.
    Moved {
        /// The path that it was opened by.
        directory: String,
        /// What is there now.
        cause: String,
    },
    /// The log belongs to another kernel.
    OtherLog {
        /// The file that says so.
        file: String,
        /// The identity in the file, as text.
        found: String,
        /// The identity of who opens, as text.
        expected: String,
    },
    /// A file was written by a newer version of this crate.
    NewerFormat {
        /// The file.
        file: String,
        /// The version in the file.
        found: u32,
        /// The newest version that this build reads.
        known: u32,
    },
    /// Acknowledged bytes are damaged or gone. Nothing was changed.
    Corrupt {
        /// The file, or the directory when a whole file is missing.
        file: String,
        /// Where in the file, in bytes from its start.
        offset: u64,
        /// The sequence number expected there.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The log no longer reaches back to its beginning, and no usable snapshot stands in for what was removed.
    NoSnapshot {
        /// The directory.
        file: String,
        /// The first sequence number that is still there.
        first_seq: u64,
    },
    /// Records that are asked for were removed after a snapshot.
    Removed {
        /// The directory.
        file: String,
        /// The sequence number that is asked for.
        seq: u64,
        /// The first that is still there.
        first_seq: u64,
    },
    /// A follower's cursor cannot be used. Nothing was changed.
    Cursor {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An earlier write or sync failed, and nothing more is taken: open the log again.
    Poisoned {
        /// The failure that poisoned it.
        cause: String,
    },
    /// The record is larger than [`crate::RECORD_BYTES_MAX`]; nothing was appended.
    TooLarge {
        /// What it would have taken, in bytes.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The caller's sequence number is not the next one; nothing was appended.
    Sequence {
        /// The next one.
        expected: u64,
        /// What the caller gave.
        found: u64,
    },
    /// The configuration cannot be used.
    Config {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl LogError {
    /// An operating system's error, with the file and the deed.
    pub(crate) fn io(file: String, doing: &'static str, error: &io::Error) -> LogError {
        LogError::Io { file, doing, kind: error.kind(), cause: error.to_string() }
    }

    /// Whether a sync failed: then what is on the disk is unknown, and nothing may go on.
    pub(crate) fn is_failed_sync(&self) -> bool {
        matches!(self, LogError::Io { doing, .. } if doing.starts_with("sync"))
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::Io { file, doing, kind, cause } => {
                write!(f, "{file}: cannot {doing}: {cause}{}", advice(*kind))
            }
            LogError::Locked { file, pid: Some(pid) } => {
                write!(f, "{file}: the log is open in process {pid}; stop it first, or use another directory")
            }
            LogError::Locked { file, pid: None } => {
                write!(
                    f,
                    "{file}: the log is open in another process; stop it first, or use another directory"
                )
            }
            LogError::Moved { directory, cause } => write!(
                f,
                "{directory}: the log's directory was renamed or replaced while the log was open ({cause}); nothing more \
                 is taken: stop this process, put the directory back, and reopen from the log"
            ),
            LogError::OtherLog { file, found, expected } => {
                write!(
                    f,
                    "{file}: this is the log of {found}, not of {expected}; give each kernel its own directory"
                )
            }
            LogError::NewerFormat { file, found, known } => write!(
                f,
                "{file}: format version {found} is newer than {known}, the newest this build reads; use a newer build"
            ),
            LogError::Corrupt { file, offset, seq, reason } => write!(
                f,
                "{file}: corrupt at byte {offset}, seq {seq}: {reason}; nothing was changed: restore the directory \
                 from a copy, or start a new log from the venue's state"
            ),
            LogError::NoSnapshot { file, first_seq } => write!(
                f,
                "{file}: records begin at seq {first_seq} and no usable snapshot stands before them; restore a \
                 snapshot from a copy"
            ),
            LogError::Removed { file, seq, first_seq } => write!(
                f,
                "{file}: seq {seq} was removed, the log begins at seq {first_seq}; start from a snapshot at or after it"
            ),
            LogError::Cursor { file, reason } => write!(
                f,
                "{file}: the cursor cannot be used: {reason}; restore it from a copy, or remove the file: the follower \
                 then begins anew, and what it writes twice is known by its sequence numbers"
            ),
            LogError::Poisoned { cause } => {
                write!(f, "the log takes nothing more since an earlier failure ({cause}); open it again")
            }
            LogError::TooLarge { bytes, bytes_max } => {
                write!(f, "a record of {bytes} bytes is larger than the {bytes_max} that a record may have")
            }
            LogError::Sequence { expected, found } => {
                write!(f, "seq {found} was appended where {expected} is next")
            }
            LogError::Config { field, reason } => write!(f, "{field}: {reason}"),
        }
    }
}

/// What a person can do about a system's error; empty where there is nothing to say.
fn advice(kind: io::ErrorKind) -> &'static str {
    if kind == io::ErrorKind::StorageFull || kind == io::ErrorKind::QuotaExceeded {
        "; free space on that disk, then open the log again"
    } else if kind == io::ErrorKind::PermissionDenied {
        "; give this user read and write access to the directory and its files"
    } else if kind == io::ErrorKind::ReadOnlyFilesystem {
        "; it is mounted read-only: a reader can still look at it, a kernel needs another directory"
    } else if kind == io::ErrorKind::NotFound {
        "; check the path"
    } else {
        ""
    }
}

impl std::error::Error for LogError {}
