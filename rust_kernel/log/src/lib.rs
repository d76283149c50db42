//! The write-ahead log of DITA. It knows bytes, not trading: what a record means is its owner's affair.
//!
//! One [`Log`] is one directory with one writer. [`Log::open`] verifies, repairs what a crash left and says what to
//! replay; [`Log::append`] puts a record into a buffer; [`Log::sync`] makes everything durable; [`Log::settle`] ends a
//! drain as the [`SyncPolicy`] wants. Where a drain is large a thread writes while the owner appends (see [`Writing`]).
//! [`Reader`] and [`verify`] need no lock and change nothing.
//!
//! # Files
//! Integers are little-endian, hashes are BLAKE3, checksums CRC-32C. Each file begins (the index: ends) with a magic
//! and `format_version` 1; a newer one is refused. Whatever is not listed here is left alone. Every later version keeps
//! the places of magic, version and checksum, a segment header's `length`, and the sizes of a snapshot's header and an
//! index's footer; its checksum also covers what stands between the magic and itself. So another version that its
//! checksum does not vouch for is damage.
//!
//! | file | what it is |
//! |---|---|
//! | `%020d.seg` | a segment, named by its first sequence number |
//! | `%020d.snap` | the owner's state after a sequence number |
//! | `%020d-%020d.idx` | the keys of the records of a range, sorted |
//! | `durable.mark` | up to where everything was synced, and how often the log was opened |
//! | `*.cursor` | how far a follower has come, as text; written by the follower |
//! | `*.following` | held by a follower that writes rows; the process's number |
//! | `*.tmp` of one of these names | a write that was interrupted; the next opening removes it |
//!
//! A **record** is `length u32 | crc u32 | seq u64 | epoch u32 | kind u8 | open u8 | 2 zeros | ts i64 | durable u64 |
//! previous 16 | payload`. `length` counts all of it. The checksum covers everything after itself and starts from a salt, the checksum
//! of the log's id and the segment's first sequence number: a copy of a record inside a payload, or left from another
//! segment, is not a record. `epoch` counts the openings for writing. `durable` is the watermark: everything up to it was
//! synced when the record was appended. `previous` is the first half of the hash of the record before, all its bytes.
//! `open` is 1 in a record that counts only together with the one after it, else 0: see [`Log::keep_together`].
//!
//! A **segment** begins with `magic 8 | format u32 | length u32 | crc u32 | rules u32 | epoch u32 | identity length u32 |
//! first seq u64 | first seq of the segment before u64 | previous 16 | log id 32 | identity`. The log's id is the hash of the owner's identity, and the chain's
//! first link is the first half of that. A segment gets its name only when its header is synced, and the segment before
//! it was synced earlier still: that a segment exists seals the one before it.
//!
//! A **snapshot** has a header of 168 bytes (`magic 8 | format u32 | crc u32 | seq u64 | ts i64 | epoch u32 | rules u32 |
//! previous 16 | owner's state hash 32 | log id 32 | length u64 | hash of the state 32 | 8 zeros`) and the state.
//!
//! An **index** is `entries (key 16, seq u64) | fences (first key 16, crc u32), one for 170 entries | filter | footer`, with
//! the footer `magic 8 | format u32 | crc u32 | first seq u64 | last seq u64 | entries u64 | filter words u32 | crc u32 of
//! fences and filter | half the log id 16 | 8 zeros`. The filter is a Bloom filter in lines of 512 bits. Where the owner gives a
//! [`Config::keys_version`], two kinds of keys are the log's own: `"dita key" | version u64 big-endian` says of which version
//! the others are, and `"dita min" | minutes since 1970 u64 big-endian` has a minute's first record. An index is derived: every
//! opening reads it wholly, and makes a damaged one again while the records are there.
//!
//! The **mark** has two slots, at 0 and at 512, written in turn: `"MARK" | crc u32 | count u64 | epoch u32 | 4 zeros |
//! durable u64 | half the log id 16`. Where records are there and no slot is whole, the opening remarks upon it.
//!
//! # The lock
//! The writer holds the directory itself locked: files in it come and go. A path that no longer leads to that directory
//! poisons the log at the next roll or snapshot. A directory that other machines may write to as well, without seeing the
//! lock, is refused. A file `log.lock` is an older build's, and is locked as well, so that no two builds open one log.
//!
//! # The tail rule
//! A power loss may tear what was not synced: of several records any sectors may survive, also later ones without
//! earlier ones. So "a valid record follows the bad one" does not by itself mean that something acknowledged was damaged,
//! and refusing to start after an ordinary power loss would be wrong. "Nothing valid follows" does not mean the opposite
//! either: the last synced record can be the damaged one. What counts is whether the bad record was ever synced, and the
//! files say that four times: the mark, written after each sync; the watermark in every later whole record, wherever
//! behind the bad one it stands; the header of a later segment; the names of snapshots and indexes, which are written
//! only of what was synced.
//!
//! - Bad at `seq`, and anything says that `seq` was synced: **corruption**. Refused, with file, offset, sequence number
//!   and reason; nothing is changed. Likewise when the log ends before what was synced, when there is a hole, when the
//!   chain breaks, and always in a sealed segment.
//! - Bad at `seq` in the last segment, and nothing says so: **torn**. Cut off there and reported, with the number of
//!   whole records behind; those were never acknowledged either.
//!
//! Records that count only together and whose last one is missing are bad from the first of them on. So are the ends of a
//! write that a kill has cut: the system writes page by page and looks between two of them whether the process is to die.
//! A reader behind a live writer gives such records out once the last one is there.
//!
//! The search behind a bad record tries every byte position of the last segment and believes one only if length,
//! reserved bytes, sequence number, epoch and watermark make sense and the salted checksum is right. Its work is bounded
//! by a multiple of the segment's size; past the bound the log is refused.
//!
//! The mark is not itself synced after each sync, which would double the cost. So one case remains that no refusal
//! catches: a power loss takes the newest mark, and at once the disk damages the last synced batch, which no later record
//! vouches for. A disk that loses what it said was synced is found out by the mark, if that survived.
//!
//! # Recovery
//! First everything is read and nothing changed; the owner replays it and may refuse it. Then: the directory is synced (names that a killed process left in the
//! system's memory), leftovers go, the torn tail is cut, the last segment is synced (what a killed process wrote and did
//! not sync is about to be acted upon), missing indexes are made, the mark gets the new epoch and is synced. A crash
//! between any two of these leaves a log to which the same applies again.
//!
//! # Failures
//! A failed sync, or a failed write, poisons the log at once and is never tried again: what is on the disk is unknown
//! then, and the next opening finds it out. [`Log::write_snapshot`] on a full disk is the exception: the log itself is
//! whole and goes on.
//!
//! # Copies
//! A copy of a closed log is a log. Of a live one copy `durable.mark` first: a mark that is newer than the segments
//! beside it says, rightly, that something acknowledged is missing.
#![forbid(unsafe_code)]

mod config;
mod cursor;
mod directory;
pub mod disk;
mod error;
mod ids;
mod mark;
mod opened;
pub mod past;
mod pieces;
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

pub use config::{Config, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, Writing};
pub use cursor::{Cursor, FOLLOWER_NAME_BYTES_MAX, followers, slowest};
pub use disk::{DirectoryLock, Disk, DiskFile, FileDisk, LockOutcome, MemoryDisk};
pub use error::LogError;
pub use ids::{Key, KeysOf};
pub use reader::{Reader, Span, State};
pub use record::{Chain, Flaw, HEADER_BYTES, RECORD_BYTES_MAX, Record};
pub use recovery::{Examined, Recovered};
pub use retention::Retained;
pub use segment::{FORMAT_VERSION, IDENTITY_BYTES_MAX, Identity, SegmentHeader, segment_name};
pub use snapshot::Snapshot;
pub use survey::{Check, SegmentInfo, TornTail};
pub use sync::{Need, SyncPolicy, SyncWaits};
pub use verify::{VerifyReport, verify};
pub use writer::Log;
