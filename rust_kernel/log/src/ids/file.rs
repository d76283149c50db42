//! One index file: sorted keys in blocks, a fence for each block, and a filter that answers most misses from memory.
//!
//! `entries (key, seq) | fences (first key, crc32c of the block) | filter | footer`. It is written once and then only
//! read; of it, memory holds the fences (1 bit a key) and, up to a bound over all files, the filter (10 or 16 bits a key).

use super::Key;
use crate::disk::DiskFile;
use crate::record::{u32_at, u64_at};
use crate::segment::{FORMAT_VERSION, is_newer, narrow};
use std::io;
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"DITAIDX\0";
pub(super) const ENTRY_BYTES: usize = 24;
/// Entries in a block: one block is just under a page.
const BLOCK_ENTRIES: usize = 170;
pub(super) const BLOCK_BYTES: usize = BLOCK_ENTRIES * ENTRY_BYTES;
/// So much is written at once, in bytes: a whole number of blocks.
const WRITE_BYTES: usize = 32 * BLOCK_BYTES;
const FENCE_BYTES: usize = 20;
const FOOTER_BYTES: usize = 72;
/// Of 100 look-ups of what is in no file, one has to read a block of a file.
pub(super) const FILTER_BITS_PER_KEY: u64 = 10;
/// Of 1,000: for who looks something up before each record.
pub(super) const FILTER_BITS_PER_KEY_SPARSE: u64 = 16;
const FILTER_BLOCK_BITS: u64 = 512;
const FILTER_WORDS: usize = 8;
const FILTER_PROBES: u32 = 6;

/// What a file covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub first_seq: u64,
    pub last_seq: u64,
}

/// Writes one file from entries that come sorted by key; of a key that comes twice, the first counts.
pub(super) struct IndexWriter<'a> {
    file: &'a dyn DiskFile,
    offset: u64,
    /// Whole blocks that wait to be written together, and behind them the one that grows.
    waiting: Vec<u8>,
    /// Where that one begins.
    block: usize,
    fences: Vec<u8>,
    filter: Filter,
    last: Option<Key>,
    count: u64,
}

impl<'a> IndexWriter<'a> {
    /// At most `count_max` entries will come.
    pub fn new(file: &'a dyn DiskFile, count_max: u64, bits_per_key: u64) -> IndexWriter<'a> {
        let filter = Filter::sized(count_max, bits_per_key);
        IndexWriter {
            file,
            offset: 0,
            waiting: Vec::new(),
            block: 0,
            fences: Vec::new(),
            filter,
            last: None,
            count: 0,
        }
    }

    pub fn push(&mut self, key: &Key, seq: u64) -> io::Result<()> {
        if self.last.as_ref() == Some(key) {
            return Ok(());
        }
        self.last = Some(*key);
        if self.waiting.len() == self.block {
            self.fences.extend_from_slice(key);
        }
        self.waiting.extend_from_slice(key);
        self.waiting.extend_from_slice(&seq.to_le_bytes());
        self.filter.insert(key);
        self.count += 1;
        if self.waiting.len() == self.block + BLOCK_BYTES {
            self.end_block();
        }
        if self.waiting.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    fn end_block(&mut self) {
        if self.waiting.len() > self.block {
            self.fences.extend_from_slice(&crc32c::crc32c(&self.waiting[self.block..]).to_le_bytes());
            self.block = self.waiting.len();
        }
    }

    /// Writes the whole blocks; called where no other has begun.
    fn write(&mut self) -> io::Result<()> {
        self.file.write_at(self.offset, &self.waiting)?;
        self.offset += self.waiting.len() as u64;
        self.waiting.clear();
        self.block = 0;
        Ok(())
    }

    pub fn finish(mut self, range: Range, log_id: &[u8; 32]) -> io::Result<()> {
        self.end_block();
        self.write()?;
        let mut tables = self.fences;
        for word in &self.filter.words {
            tables.extend_from_slice(&word.to_le_bytes());
        }
        let mut footer = [0; FOOTER_BYTES];
        footer[..8].copy_from_slice(MAGIC);
        footer[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        footer[16..24].copy_from_slice(&range.first_seq.to_le_bytes());
        footer[24..32].copy_from_slice(&range.last_seq.to_le_bytes());
        footer[32..40].copy_from_slice(&self.count.to_le_bytes());
        footer[40..44].copy_from_slice(&narrow(self.filter.words.len()).to_le_bytes());
        footer[44..48].copy_from_slice(&crc32c::crc32c(&tables).to_le_bytes());
        footer[48..64].copy_from_slice(&log_id[..16]);
        let crc = crc32c::crc32c(&footer[16..]);
        footer[12..16].copy_from_slice(&crc.to_le_bytes());
        tables.extend_from_slice(&footer);
        self.file.write_at(self.offset, &tables)
    }
}

/// An index file that is open for look-ups.
pub(crate) struct IndexFile {
    pub name: String,
    pub range: Range,
    pub count: u64,
    file: Arc<dyn DiskFile>,
    fences: Vec<Key>,
    checksums: Vec<u32>,
    filter: Option<Filter>,
}

/// Why an index file cannot be used.
pub(crate) enum IndexFlaw {
    Io(io::Error),
    Newer(u32),
    Damaged(&'static str),
}

impl std::fmt::Display for IndexFlaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            IndexFlaw::Io(error) => write!(f, "{error}"),
            IndexFlaw::Newer(found) => write!(f, "format version {found}"),
            IndexFlaw::Damaged(reason) => f.write_str(reason),
        }
    }
}

impl From<io::Error> for IndexFlaw {
    fn from(error: io::Error) -> IndexFlaw {
        IndexFlaw::Io(error)
    }
}

impl IndexFile {
    pub fn open(
        file: Arc<dyn DiskFile>,
        name: String,
        range: Range,
        id: &[u8; 32],
    ) -> Result<IndexFile, IndexFlaw> {
        let length = file.length()?;
        let footer_at =
            length.checked_sub(FOOTER_BYTES as u64).ok_or(IndexFlaw::Damaged("it is too short"))?;
        let mut footer = [0; FOOTER_BYTES];
        let read = file.read_at(footer_at, &mut footer)?;
        if read < FOOTER_BYTES || &footer[..8] != MAGIC {
            return Err(IndexFlaw::Damaged("its footer is not one of an index"));
        }
        if is_newer(&footer, 12) {
            return Err(IndexFlaw::Newer(u32_at(&footer, 8)));
        }
        if u32_at(&footer, 8) != FORMAT_VERSION {
            return Err(IndexFlaw::Damaged("its format version is not one that its checksum vouches for"));
        }
        if u32_at(&footer, 12) != crc32c::crc32c(&footer[16..]) {
            return Err(IndexFlaw::Damaged("the footer's checksum differs"));
        }
        if footer[48..64] != id[..16]
            || u64_at(&footer, 16) != range.first_seq
            || u64_at(&footer, 24) != range.last_seq
        {
            return Err(IndexFlaw::Damaged("it is of another log or other records"));
        }
        let count = u64_at(&footer, 32);
        let words = u32_at(&footer, 40) as usize;
        let blocks = count.div_ceil(BLOCK_ENTRIES as u64);
        let tables_at = count.saturating_mul(ENTRY_BYTES as u64);
        let tables_bytes = footer_at.checked_sub(tables_at).filter(|bytes| {
            *bytes == blocks.saturating_mul(FENCE_BYTES as u64).saturating_add(words as u64 * 8)
        });
        let size = tables_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let mut tables = vec![0; size.ok_or(IndexFlaw::Damaged("its length does not fit its count"))?];
        let read = file.read_at(tables_at, &mut tables)?;
        if read != tables.len() || u32_at(&footer, 44) != crc32c::crc32c(&tables) {
            return Err(IndexFlaw::Damaged("the fences' checksum differs"));
        }
        let (fences, filter) = tables.split_at(tables.len() - words * 8);
        let (fences, checksums) =
            fences.chunks_exact(FENCE_BYTES).map(|fence| (key_of(fence), u32_at(fence, 16))).unzip();
        let filter = Some(Filter { words: filter.chunks_exact(8).map(|word| u64_at(word, 0)).collect() });
        Ok(IndexFile { name, range, count, file, fences, checksums, filter })
    }

    /// The filter's bytes in memory.
    pub fn filter_bytes(&self) -> usize {
        self.filter.as_ref().map_or(0, |filter| filter.words.len() * 8)
    }

    /// Gives the filter's memory back: misses then cost a read each.
    pub fn drop_filter(&mut self) {
        self.filter = None;
    }

    /// Memory held, in bytes.
    pub fn resident_bytes(&self) -> usize {
        self.filter_bytes() + self.fences.len() * FENCE_BYTES
    }

    /// The sequence number of a key, whose [`mix`] is `hash`: at most one read of one block.
    #[inline]
    pub fn find(&self, key: &Key, hash: u64) -> Result<Option<u64>, IndexFlaw> {
        if self.filter.as_ref().is_some_and(|filter| !filter.may_have(hash)) {
            return Ok(None);
        }
        self.look_up(key)
    }

    #[cold]
    fn look_up(&self, key: &Key) -> Result<Option<u64>, IndexFlaw> {
        let Some(block) = self.fences.partition_point(|fence| fence <= key).checked_sub(1) else {
            return Ok(None);
        };
        let mut bytes = [0; BLOCK_BYTES];
        let bytes = self.block(block, &mut bytes)?;
        let (mut low, mut high) = (0, bytes.len() / ENTRY_BYTES);
        while low < high {
            let middle = low.midpoint(high);
            let entry = &bytes[middle * ENTRY_BYTES..(middle + 1) * ENTRY_BYTES];
            match entry[..16].cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(Some(u64_at(entry, 16))),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// The last key from `low` to `high` whose sequence number is at most `seq`, where those numbers grow with their keys.
    pub fn last_of(&self, low: &Key, high: &Key, seq: u64) -> Result<Option<Key>, IndexFlaw> {
        let (mut from, mut to) = (0, self.count);
        let mut last = None;
        while from < to {
            let middle = from.midpoint(to);
            let mut bytes = [0; BLOCK_BYTES];
            let (block, at) = (middle / BLOCK_ENTRIES as u64, middle % BLOCK_ENTRIES as u64);
            let bytes = self.block(usize::try_from(block).unwrap_or(usize::MAX), &mut bytes)?;
            let entry = &bytes[at as usize * ENTRY_BYTES..];
            let key = key_of(entry);
            if key < *low || (key <= *high && u64_at(entry, 16) <= seq) {
                last = Some(key);
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        Ok(last.filter(|key| key >= low))
    }

    pub fn blocks(&self) -> usize {
        self.fences.len()
    }

    /// Reads every block.
    pub fn verify(&self) -> Result<(), IndexFlaw> {
        let mut bytes = [0; BLOCK_BYTES];
        (0..self.blocks()).try_for_each(|block| self.block(block, &mut bytes).map(|_| ()))
    }

    /// A block's entries, their checksum verified.
    pub fn block<'b>(&self, block: usize, into: &'b mut [u8; BLOCK_BYTES]) -> Result<&'b [u8], IndexFlaw> {
        let offset = (block * BLOCK_BYTES) as u64;
        let left = self.count * ENTRY_BYTES as u64 - offset;
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK_BYTES);
        let read = self.file.read_at(offset, &mut into[..size])?;
        if read != size || crc32c::crc32c(&into[..size]) != self.checksums[block] {
            return Err(IndexFlaw::Damaged("a block's checksum differs"));
        }
        Ok(&into[..size])
    }
}

pub(super) fn key_of(bytes: &[u8]) -> Key {
    let mut key = [0; 16];
    key.copy_from_slice(&bytes[..16]);
    key
}

/// A blocked Bloom filter: six bits of one cache line for each key.
struct Filter {
    words: Vec<u64>,
}

impl Filter {
    fn sized(count: u64, bits_per_key: u64) -> Filter {
        let blocks = (count * bits_per_key).div_ceil(FILTER_BLOCK_BITS);
        Filter { words: vec![0; usize::try_from(blocks).unwrap_or(0) * FILTER_WORDS] }
    }

    /// The first word of a key's line, and 54 bits that choose its six bits.
    #[inline]
    fn line(&self, hash: u64) -> Option<(usize, u64)> {
        let lines = (self.words.len() / FILTER_WORDS) as u128;
        let line = usize::try_from((u128::from(hash) * lines) >> 64).ok()?;
        (lines > 0).then_some((line * FILTER_WORDS, hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    fn insert(&mut self, key: &Key) {
        if let Some((line, bits)) = self.line(mix(key)) {
            for probe in 0..FILTER_PROBES {
                let bit = (bits >> (9 * probe)) & 511;
                self.words[line + (bit >> 6) as usize] |= 1 << (bit & 63);
            }
        }
    }

    #[inline]
    fn may_have(&self, hash: u64) -> bool {
        self.line(hash).is_some_and(|(line, bits)| {
            (0..FILTER_PROBES).all(|probe| {
                let bit = (bits >> (9 * probe)) & 511;
                self.words[line + (bit >> 6) as usize] & (1 << (bit & 63)) != 0
            })
        })
    }
}

/// A key's 64-bit hash, the same on every machine. Keys need not be random.
pub(super) fn mix(key: &Key) -> u64 {
    let mut hash = u64_at(key, 0) ^ u64_at(key, 8).rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
