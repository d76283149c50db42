//! The tail rule: whether bad bytes at the end of a log are a torn write or damage to what was acknowledged.

use crate::record::{self, HEADER_BYTES};

/// How many bytes the search may put through the checksum for each byte that it looks at. Bytes that look like a
/// header by chance are rare; many of them are somebody's making, and then the log refuses rather than guesses.
const CHECKED_BYTES_FACTOR: usize = 16;

/// What stands behind a bad record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Behind {
    /// How many later records are whole.
    pub records: u64,
    /// The highest watermark that one of them carries.
    pub durable_seq: u64,
}

/// Looks for whole records anywhere behind the bad one that begins at `bytes[0]` and should have had `seq`. A position
/// counts only if length, reserved bytes, sequence, epoch and watermark make sense there and the salted checksum is
/// right. `None` if the bound on the work was met.
pub(crate) fn search(bytes: &[u8], salt: u32, seq: u64, epoch_min: u32) -> Option<Behind> {
    let mut behind = Behind::default();
    let mut budget = bytes.len().saturating_mul(CHECKED_BYTES_FACTOR).max(record::RECORD_BYTES_MAX);
    let mut at = 1;
    while at + HEADER_BYTES <= bytes.len() {
        let rest = &bytes[at..];
        let Some(length) = plausible(rest, at, seq, epoch_min) else {
            at += 1;
            continue;
        };
        budget = budget.checked_sub(length)?;
        match record::parse(rest, salt) {
            Ok((found, length)) => {
                behind.records += 1;
                behind.durable_seq = behind.durable_seq.max(found.durable_seq);
                at += length;
            }
            Err(_) => at += 1,
        }
    }
    Some(behind)
}

/// The cheap half of the check; the length if a later record could begin here.
fn plausible(rest: &[u8], at: usize, seq: u64, epoch_min: u32) -> Option<usize> {
    let length = record::length(rest).ok().filter(|length| *length <= rest.len())?;
    let found = record::fields(&rest[..HEADER_BYTES]);
    // Between the bad record and this place there is room for so many records and no more.
    let ahead = found.seq.checked_sub(seq)?;
    let fits = ahead > 0 && ahead <= (at / HEADER_BYTES + 1) as u64;
    let fits = fits && record::is_of_this_format(rest);
    if fits && found.epoch >= epoch_min && found.durable_seq < found.seq { Some(length) } else { None }
}
