//! The write-ahead log of DITA. It knows bytes, not trading.
#![forbid(unsafe_code)]

mod config;
mod directory;
pub mod disk;
mod error;
mod ids;
mod mark;
pub mod past;
mod reader;
mod record;
mod recovery;
mod retention;
mod scan;
mod segment;
mod snapshot;
mod survey;
mod sync;
mod tail;
mod verify;
mod writer;

pub use config::{Config, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
pub use disk::{Disk, DiskFile, FileDisk, LockOutcome, MemoryDisk};
pub use error::LogError;
pub use ids::{Key, KeysOf};
pub use reader::{Reader, Span, State};
pub use record::{Chain, Flaw, HEADER_BYTES, RECORD_BYTES_MAX, Record};
pub use recovery::Recovered;
pub use retention::Retained;
pub use segment::{FORMAT_VERSION, IDENTITY_BYTES_MAX, Identity, SegmentHeader, segment_name};
pub use snapshot::Snapshot;
pub use survey::{Check, SegmentInfo, TornTail};
pub use sync::{Need, SyncPolicy};
pub use verify::{VerifyReport, verify};
pub use writer::Log;
