//! A second reader of the log's format, written from its description in `dita_log` alone: all of a file at once, and no
//! code shared with the first.

use super::{Files, Held};

const RECORD_HEADER: usize = 56;
const RECORD_MAX: usize = 1 << 20;
const SEGMENT_HEADER: usize = 96;

/// What a directory holds.
#[derive(Default)]
pub struct Found {
    /// Whole records in order, up to the first bad one.
    pub records: Vec<Held>,
    /// Why it is broken before its last segment's records, if it is.
    pub broken: Option<&'static str>,
    /// Why the last segment ends where it does.
    pub ends: &'static str,
    /// The number that the next record would have.
    next_seq: u64,
    first_seq: u64,
}

impl Found {
    pub fn last_seq(&self) -> u64 {
        self.next_seq.saturating_sub(1)
    }

    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn half_hash(bytes: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    half
}

fn salt(log_id: &[u8], first_seq: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(log_id), &first_seq.to_le_bytes())
}

struct Header {
    length: usize,
    epoch: u32,
    previous_seq: u64,
    chain: [u8; 16],
}

/// The header of the segment that has this number in its name; `None` where it is not one of this log.
fn header(bytes: &[u8], first_seq: u64, identity: &[u8]) -> Option<Header> {
    let length = SEGMENT_HEADER + identity.len();
    let whole = bytes.get(..length)?;
    let right = whole[..8] == *b"DITALOG\0"
        && u32_at(whole, 8) == 1
        && u32_at(whole, 12) as usize == length
        && u32_at(whole, 16) == crc32c::crc32c(&whole[20..])
        && u32_at(whole, 28) as usize == identity.len()
        && u64_at(whole, 32) == first_seq
        && whole[64..96] == *blake3::hash(identity).as_bytes()
        && whole[96..] == *identity;
    let mut chain = [0; 16];
    chain.copy_from_slice(&whole[48..64]);
    let (epoch, previous_seq) = (u32_at(whole, 24), u64_at(whole, 40));
    right.then_some(Header { length, epoch, previous_seq, chain })
}

/// Reads the segments in the order of their names.
pub fn read(files: &Files, identity: &[u8]) -> Found {
    let mut found = Found { next_seq: 1, first_seq: 1, ..Found::default() };
    let segments: Vec<(u64, &Vec<u8>)> = files
        .iter()
        .filter_map(|(name, bytes)| Some((name.strip_suffix(".seg")?.parse().ok()?, bytes)))
        // Files of other numbers are not a log's.
        .filter(|(number, _)| (1..=u64::MAX / 2).contains(number))
        .collect();
    let Some((first_seq, _)) = segments.first() else { return found };
    (found.next_seq, found.first_seq) = (*first_seq, *first_seq);
    let mut chain = None;
    let mut epoch = 0;
    let mut previous_seq = None;
    for (place, (first_seq, bytes)) in segments.iter().enumerate() {
        let Some(header) = header(bytes, *first_seq, identity) else {
            found.broken = Some("a segment's header");
            return found;
        };
        let follows = *first_seq == found.next_seq
            && previous_seq.is_none_or(|previous| previous == header.previous_seq)
            && chain.is_none_or(|chain| chain == header.chain)
            && header.epoch >= epoch;
        if !follows {
            found.broken = Some("a segment that does not follow the one before it");
            return found;
        }
        let mut link = header.chain;
        epoch = header.epoch;
        let salt = salt(blake3::hash(identity).as_bytes(), *first_seq);
        let mut at = header.length;
        loop {
            match record(&bytes[at..], salt, found.next_seq, epoch, link) {
                Ok((record, length)) => {
                    link = half_hash(&bytes[at..at + length]);
                    epoch = record.1;
                    found.next_seq += 1;
                    found.records.push(record);
                    at += length;
                }
                Err(why) => {
                    found.ends = why;
                    break;
                }
            }
        }
        if place + 1 < segments.len() && at < bytes.len() {
            found.broken = Some("a sealed segment's record");
            return found;
        }
        (chain, previous_seq) = (Some(link), Some(*first_seq));
    }
    found
}

fn record(
    bytes: &[u8],
    salt: u32,
    seq: u64,
    epoch: u32,
    link: [u8; 16],
) -> Result<(Held, usize), &'static str> {
    if bytes.len() < RECORD_HEADER {
        return Err("no bytes for a header");
    }
    let length = u32_at(bytes, 0) as usize;
    if !(RECORD_HEADER..=RECORD_MAX).contains(&length) || bytes.len() < length {
        return Err("a length");
    }
    let bytes = &bytes[..length];
    if u32_at(bytes, 4) != crc32c::crc32c_append(salt, &bytes[8..]) {
        return Err("a checksum");
    }
    let found = (u64_at(bytes, 8), u32_at(bytes, 16), &bytes[21..24], &bytes[40..56], u64_at(bytes, 32));
    if found.0 != seq || found.1 < epoch || *found.2 != [0; 3] || *found.3 != link || found.4 >= seq {
        return Err("a place");
    }
    let record = (seq, found.1, bytes[20], u64_at(bytes, 24).cast_signed(), bytes[RECORD_HEADER..].to_vec());
    Ok((record, length))
}

/// Up to where the mark says that everything was synced; 0 where it says nothing.
pub fn synced(files: &Files, identity: &[u8]) -> u64 {
    let Some(bytes) = files.get("durable.mark") else { return 0 };
    let slots = [0, 512].into_iter().filter_map(|at| {
        let slot = bytes.get(at..at + 48)?;
        let right = slot[..4] == *b"MARK"
            && u32_at(slot, 4) == crc32c::crc32c(&slot[8..])
            && slot[32..48] == blake3::hash(identity).as_bytes()[..16];
        right.then(|| (u64_at(slot, 8), u64_at(slot, 24)))
    });
    slots.max_by_key(|(count, _)| *count).map_or(0, |(_, durable_seq)| durable_seq)
}

/// Puts the checksums of a file right, as far as its lengths make sense.
pub fn put_right(name: &str, bytes: &mut [u8]) {
    if let Some(first_seq) = name.strip_suffix(".seg").and_then(|digits| digits.parse().ok()) {
        put_segment_right(first_seq, bytes);
    } else if name.ends_with(".snap") && bytes.len() >= 168 {
        let hash = *blake3::hash(&bytes[168..]).as_bytes();
        bytes[128..160].copy_from_slice(&hash);
        let crc = crc32c::crc32c(&bytes[16..168]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    } else if name == "durable.mark" {
        for at in [0, 512] {
            let Some(slot) = bytes.get_mut(at..at + 48) else { continue };
            let crc = crc32c::crc32c(&slot[8..]);
            slot[4..8].copy_from_slice(&crc.to_le_bytes());
        }
    }
}

fn put_segment_right(first_seq: u64, bytes: &mut [u8]) {
    if bytes.len() < SEGMENT_HEADER {
        return;
    }
    let length = u32_at(bytes, 12) as usize;
    if !(SEGMENT_HEADER..=bytes.len()).contains(&length) {
        return;
    }
    let crc = crc32c::crc32c(&bytes[20..length]);
    bytes[16..20].copy_from_slice(&crc.to_le_bytes());
    let salt = salt(&bytes[64..96], first_seq);
    let mut link = [0; 16];
    link.copy_from_slice(&bytes[48..64]);
    let mut at = length;
    while at + RECORD_HEADER <= bytes.len() {
        let length = u32_at(bytes, at) as usize;
        if !(RECORD_HEADER..=bytes.len() - at).contains(&length) {
            return;
        }
        let record = &mut bytes[at..at + length];
        record[40..56].copy_from_slice(&link);
        let crc = crc32c::crc32c_append(salt, &record[8..]);
        record[4..8].copy_from_slice(&crc.to_le_bytes());
        link = half_hash(record);
        at += length;
    }
}
