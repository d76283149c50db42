//! A segment: one file of the log, named by the first sequence number in it, with a header that continues the chain.

use crate::error::LogError;
use crate::record::{Chain, first_16, u32_at, u64_at};

/// The version of every file in a log's directory.
pub const FORMAT_VERSION: u32 = 1;
/// The largest identity that an owner may give, in bytes.
pub const IDENTITY_BYTES_MAX: usize = 1024;
const MAGIC: &[u8; 8] = b"DITALOG\0";
/// The header without the identity.
const FIXED_BYTES: usize = 96;
/// No header is longer than this.
pub(crate) const SEGMENT_HEADER_BYTES_MAX: usize = FIXED_BYTES + IDENTITY_BYTES_MAX;
const SUFFIX: &str = ".seg";

/// Whose log it is: the owner's opaque bytes and their hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    bytes: Vec<u8>,
    hash: [u8; 32],
}

impl Identity {
    /// From the owner's bytes, at most [`IDENTITY_BYTES_MAX`] of them.
    pub fn new(bytes: &[u8]) -> Result<Identity, LogError> {
        if bytes.len() > IDENTITY_BYTES_MAX {
            let reason = format!("{} bytes, at most {IDENTITY_BYTES_MAX} fit a header", bytes.len());
            return Err(LogError::Config { field: "identity", reason });
        }
        Ok(Identity { bytes: bytes.to_vec(), hash: *blake3::hash(bytes).as_bytes() })
    }

    /// The owner's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The log's id: the hash of the owner's bytes.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Where the chain of a new log starts.
    pub(crate) fn genesis(&self) -> Chain {
        first_16(&self.hash)
    }

    /// The identity as a person reads it: text if it is text, else hexadecimal; and the start of its hash.
    pub fn describe(&self) -> String {
        let printable = std::str::from_utf8(&self.bytes)
            .ok()
            .filter(|text| !text.is_empty() && !text.chars().any(char::is_control));
        let name = printable.map_or_else(|| hex(&self.bytes), |text| format!("'{text}'"));
        format!("{name} (id {})", hex(&self.hash[..8]))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A segment's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The owner's version of its rules when the segment was begun.
    pub rules_version: u32,
    /// The opening that began it.
    pub epoch: u32,
    /// The first sequence number in it.
    pub first_seq: u64,
    /// The first sequence number of the segment before it; 0 in a log's first.
    pub previous_seq: u64,
    /// The hash of the last record of the segment before it.
    pub chain: Chain,
    /// Whose log it is.
    pub identity: Identity,
}

/// Why bytes are not a segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFlaw {
    Damaged,
    Newer(u32),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let length = FIXED_BYTES + self.identity.bytes.len();
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&narrow(length).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.rules_version.to_le_bytes());
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.extend_from_slice(&narrow(self.identity.bytes.len()).to_le_bytes());
        out.extend_from_slice(&self.first_seq.to_le_bytes());
        out.extend_from_slice(&self.previous_seq.to_le_bytes());
        out.extend_from_slice(&self.chain);
        out.extend_from_slice(&self.identity.hash);
        out.extend_from_slice(&self.identity.bytes);
        let crc = crc32c::crc32c(&out[20..]);
        out[16..20].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The header at the start of `bytes`, and its length.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(SegmentHeader, usize), HeaderFlaw> {
        if bytes.len() < 12 || &bytes[..8] != MAGIC {
            return Err(HeaderFlaw::Damaged);
        }
        if bytes.len() < FIXED_BYTES {
            return Err(HeaderFlaw::Damaged);
        }
        // The version comes first: a newer format may lay out everything behind its checksum differently.
        let format = u32_at(bytes, 8);
        let length = u32_at(bytes, 12) as usize;
        if format != FORMAT_VERSION {
            let newer = bytes.get(..length).is_some_and(|header| is_newer(header, 16));
            return Err(if newer { HeaderFlaw::Newer(format) } else { HeaderFlaw::Damaged });
        }
        let identity_length = u32_at(bytes, 28) as usize;
        let fits = (FIXED_BYTES..=SEGMENT_HEADER_BYTES_MAX).contains(&length) && length <= bytes.len();
        if !fits
            || length != FIXED_BYTES + identity_length
            || u32_at(bytes, 16) != crc32c::crc32c(&bytes[20..length])
        {
            return Err(HeaderFlaw::Damaged);
        }
        let mut chain = [0; 16];
        chain.copy_from_slice(&bytes[48..64]);
        let mut hash = [0; 32];
        hash.copy_from_slice(&bytes[64..96]);
        // Readers that take any log go by the bytes, writers by the hash: they must be of one owner.
        if blake3::hash(&bytes[FIXED_BYTES..length]) != hash {
            return Err(HeaderFlaw::Damaged);
        }
        let header = SegmentHeader {
            rules_version: u32_at(bytes, 20),
            epoch: u32_at(bytes, 24),
            first_seq: u64_at(bytes, 32),
            previous_seq: u64_at(bytes, 40),
            chain,
            identity: Identity { bytes: bytes[FIXED_BYTES..length].to_vec(), hash },
        };
        Ok((header, length))
    }
}

/// Whether a header (of an index: its footer) is one of a newer format. Its checksum has to say so, at `crc_at`: from
/// version 2 on it covers the version too, and all that stands between the magic and itself. A version that no checksum
/// vouches for is damage: a flipped bit must not send anybody in search of a newer build.
pub(crate) fn is_newer(header: &[u8], crc_at: usize) -> bool {
    let Some((before, after)) = header.get(8..crc_at).zip(header.get(crc_at + 4..)) else { return false };
    let crc = crc32c::crc32c_append(crc32c::crc32c(before), after);
    u32_at(header, 8) > FORMAT_VERSION && u32_at(header, crc_at) == crc
}

/// A length of this crate's own making, all of them far below the bound.
pub(crate) fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// What seeds the checksum of each record in a segment.
pub(crate) fn salt(log_id: &[u8; 32], first_seq: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(log_id), &first_seq.to_le_bytes())
}

/// The name of the segment that begins at `first_seq`; names sort as the numbers do.
pub fn segment_name(first_seq: u64) -> String {
    format!("{first_seq:020}{SUFFIX}")
}

/// The first sequence number in a segment's name; `None` for other files.
pub(crate) fn segment_first_seq(name: &str) -> Option<u64> {
    numbered(name.strip_suffix(SUFFIX)?)
}

/// No log has a number beyond: so that the next one, and the one after it, are numbers too.
pub(crate) const SEQ_MAX: u64 = u64::MAX >> 1;

/// Twenty digits as a sequence number; they begin at 1.
pub(crate) fn numbered(digits: &str) -> Option<u64> {
    let right = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = if right { digits.parse().ok() } else { None };
    number.filter(|number| (1..=SEQ_MAX).contains(number))
}
