//! One record's bytes: a header of fixed little-endian fields, then the payload.

use std::fmt;

/// The largest record, header and payload together, in bytes.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// The header's size in bytes.
pub const HEADER_BYTES: usize = 56;
/// The checksum covers everything from here on.
const CRC_FROM: usize = 8;
/// 1 in a record that counts only together with the one after it, else 0. The two bytes behind it are zero.
const OPEN_AT: usize = 21;

/// A link of the chain: the first 16 bytes of the BLAKE3 hash of a record's bytes.
pub type Chain = [u8; 16];

/// A record as it was read; the payload is borrowed from the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The input's sequence number: 1, 2, 3, ... without a hole.
    pub seq: u64,
    /// Which opening of the log wrote it.
    pub epoch: u32,
    /// The owner's type of record.
    pub kind: u8,
    /// The owner's time of the record, in nanoseconds.
    pub ts_ns: i64,
    /// Everything up to this sequence number was synced when this record was appended: the watermark.
    pub durable_seq: u64,
    /// The hash of the record before it.
    pub previous: Chain,
    /// It counts only together with the record after it: see [`crate::Log::keep_together`].
    pub is_open: bool,
    /// The owner's bytes.
    pub payload: &'a [u8],
}

/// What is wrong with bytes that should have been a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Fewer bytes are left than a record needs.
    Short,
    /// The length is outside of what a record can have.
    Length,
    /// The checksum differs.
    Checksum,
    /// A reserved byte is not zero.
    Reserved,
    /// The sequence number is not the next one.
    Sequence(u64),
    /// The record is of an earlier opening than the one before it.
    Epoch(u32),
    /// It claims that a later record than itself was synced.
    Watermark(u64),
    /// It does not carry the hash of the record before it.
    Chain,
    /// The records from here on count only together, and the last of them is missing.
    Together,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Short => write!(f, "the record is cut short"),
            Flaw::Length => write!(f, "the record's length is impossible"),
            Flaw::Checksum => write!(f, "the record's checksum differs"),
            Flaw::Reserved => write!(f, "a reserved byte is not zero"),
            Flaw::Sequence(found) => write!(f, "the record has seq {found}"),
            Flaw::Epoch(found) => write!(f, "the record is of the earlier epoch {found}"),
            Flaw::Watermark(found) => write!(f, "the record claims that the later seq {found} was synced"),
            Flaw::Chain => {
                write!(f, "the chain is broken: it does not carry the hash of the record before it")
            }
            Flaw::Together => {
                write!(f, "the records from here on count only together, and the last of them is missing")
            }
        }
    }
}

/// The fields that a writer gives; length, checksum and payload come from the bytes themselves, the chain from those
/// of the record before.
pub(crate) struct Stamp {
    pub seq: u64,
    pub epoch: u32,
    pub kind: u8,
    pub ts_ns: i64,
    pub durable_seq: u64,
}

/// Fills in the header of `bytes`, a record whose payload already stands behind room for the header; what [`seal`] does
/// is left.
#[inline]
pub(crate) fn begin(bytes: &mut [u8], stamp: &Stamp) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    bytes[0..4].copy_from_slice(&length.to_le_bytes());
    bytes[8..16].copy_from_slice(&stamp.seq.to_le_bytes());
    bytes[16..20].copy_from_slice(&stamp.epoch.to_le_bytes());
    bytes[20..24].copy_from_slice(&[stamp.kind, 0, 0, 0]);
    bytes[24..32].copy_from_slice(&stamp.ts_ns.to_le_bytes());
    bytes[32..40].copy_from_slice(&stamp.durable_seq.to_le_bytes());
}

/// Has a record that was begun count only together with the one after it.
pub(crate) fn keep_open(bytes: &mut [u8]) {
    bytes[OPEN_AT] = 1;
}

/// Puts the hash of the record before and the checksum into a record that was begun.
#[inline]
pub(crate) fn seal(bytes: &mut [u8], previous: &Chain, salt: u32) {
    bytes[40..56].copy_from_slice(previous);
    let crc = checksum(bytes, salt);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// The chain's next link, from a record's bytes.
pub(crate) fn link(bytes: &[u8]) -> Chain {
    first_16(blake3::hash(bytes).as_bytes())
}

pub(crate) fn first_16(hash: &[u8; 32]) -> Chain {
    let mut chain = [0; 16];
    chain.copy_from_slice(&hash[..16]);
    chain
}

/// The length field of the record that begins here, if it is one that a record can have.
pub(crate) fn length(bytes: &[u8]) -> Result<usize, Flaw> {
    let Some(field) = bytes.first_chunk::<4>() else { return Err(Flaw::Short) };
    let length = u32::from_le_bytes(*field) as usize;
    if (HEADER_BYTES..=RECORD_BYTES_MAX).contains(&length) { Ok(length) } else { Err(Flaw::Length) }
}

/// The record at the start of `bytes`, its length and checksum verified. Its place in the log is the caller's to check.
pub(crate) fn parse(bytes: &[u8], salt: u32) -> Result<(Record<'_>, usize), Flaw> {
    let length = length(bytes)?;
    let Some(bytes) = bytes.get(..length) else { return Err(Flaw::Short) };
    if u32_at(bytes, 4) != checksum(bytes, salt) {
        return Err(Flaw::Checksum);
    }
    if !is_of_this_format(bytes) {
        return Err(Flaw::Reserved);
    }
    Ok((fields(bytes), length))
}

/// Whether the bytes behind the kind are as this format has them.
pub(crate) fn is_of_this_format(bytes: &[u8]) -> bool {
    matches!(bytes[OPEN_AT..OPEN_AT + 3], [0 | 1, 0, 0])
}

/// The fields of a record as they stand, nothing verified. There are at least [`HEADER_BYTES`].
pub(crate) fn fields(bytes: &[u8]) -> Record<'_> {
    let mut previous = [0; 16];
    previous.copy_from_slice(&bytes[40..56]);
    Record {
        seq: u64_at(bytes, 8),
        epoch: u32_at(bytes, 16),
        kind: bytes[20],
        ts_ns: u64_at(bytes, 24).cast_signed(),
        durable_seq: u64_at(bytes, 32),
        previous,
        is_open: bytes[OPEN_AT] == 1,
        payload: &bytes[HEADER_BYTES..],
    }
}

/// The salt makes a record valid in its own log and segment only: a copy of a record inside a payload is not one.
fn checksum(bytes: &[u8], salt: u32) -> u32 {
    crc32c::crc32c_append(salt, &bytes[CRC_FROM..])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}
