//! The audit ledger: what was asked of a kernel, what it decided, and what was executed, as lines of JSON that hang
//! together by their hashes.
//!
//! Two files. `execution_logs.jsonl` has a line for each booking of a fill. `audit.jsonl` has the chain: a genesis
//! record, then for each intent what was asked (`intent`) and what came of it (`outcome`), for each execution the hash of
//! its line (`execution`), and for each change by an operator or a guard its fields (`control`).
//!
//! - A line is canonical: keys in order, no spaces, UTF-8 as it is, whole numbers, text and truth values only. Its `hash` is
//!   the SHA-256 of the line without its `hash` member; `prev_hash` is the hash of the line before, 64 zeros at first.
//! - The lines are a function of the kernel's log, whatever the batches in which they were made: a ledger can be made again
//!   from the log, byte for byte. Each record says which of its input's records it is (`part` of `parts`), so a ledger
//!   that was cut short in the midst of a write is known by its own last lines, and goes on from there.
//! - A file has [`RECORDS_PER_FILE`] records at most; the chain goes on in the next one.
//! - The head is a Merkle root (RFC 6962's tree) over the records' hashes. Whoever keeps a head elsewhere can tell whether
//!   records were cut off, or the whole chain made anew. Nobody else can.

mod files;
mod hash;
mod hashed;
mod ledger;
mod line;
mod merkle;
mod prove;
mod records;
mod verify;

pub use files::RECORDS_PER_FILE;
pub use hash::{Hash, hex, unhex};
pub use ledger::{Ledger, LedgerError};
pub use merkle::{Frontier, Side};
pub use prove::{Proven, prove};
pub use verify::{Fault, Head, Report, Verdict, verify};
