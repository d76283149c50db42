//! The index of ids: which sequence number first carried a key, for keys of any age.
//!
//! The active segment's keys are in memory; when it is sealed they go into a sorted file. Retention removes segments
//! and keeps these files, so that nothing is forgotten; many small files are merged into a larger one, so that a
//! look-up asks few of them.
//!
//! Beside the owner's keys an index can hold two kinds of the log's own: its [`version_key`], and a [`time_key`] for each
//! minute, with the first sequence number in it.

mod file;

use file::{
    BLOCK_BYTES, ENTRY_BYTES, FILTER_BITS_PER_KEY, FILTER_BITS_PER_KEY_SPARSE, IndexWriter, key_of, mix,
};
pub(crate) use file::{IndexFile, IndexFlaw, Range};

use crate::directory::{index_name, write_whole};
use crate::disk::Disk;
use crate::error::LogError;
use crate::record::u64_at;
use crate::segment::{FORMAT_VERSION, Identity};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::sync::Arc;

/// An opaque id, for example a hash of (venue, account, symbol, order, trade id, leg).
pub type Key = [u8; 16];

/// Reads the keys of a record, for the rebuilding of an index: `(kind, payload, keys)`. It must push what the owner
/// gave to [`crate::Log::append`] with that record.
pub type KeysOf<'a> = &'a dyn Fn(u8, &[u8], &mut Vec<Key>);

const MINUTE_NS: i64 = 60_000_000_000;

/// The key of a minute. Keys of minutes sort as the minutes do, and so do their sequence numbers.
fn time_key(minute: u64) -> Key {
    own_key(b"dita min", minute)
}

/// The key that an index has whose keys are of this version.
fn version_key(version: u32) -> Key {
    own_key(b"dita key", version.into())
}

fn own_key(kind: &[u8; 8], number: u64) -> Key {
    let mut key = Key::default();
    key[..8].copy_from_slice(kind);
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

/// So many neighbouring files of a size become one.
const MERGE_FILES: usize = 8;
/// With so many files a merge no longer waits for [`crate::Log::maintain`].
pub(crate) const INDEX_FILES_MAX: usize = 64;
/// Filters take no more memory than this, in bytes, over all files: the newest keep theirs.
const FILTER_BYTES_MAX: usize = 64 << 20;

/// [`Key`]s are hashed by [`mix`]; a hasher that sees them only ever sees these 16 bytes.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if bytes.len() == 16 {
            self.0 = mix(&key_of(bytes));
        }
    }

    /// The length of an array of fixed size says nothing.
    fn write_usize(&mut self, _length: usize) {}
}

pub(crate) type ActiveKeys = HashMap<Key, u64, BuildHasherDefault<KeyHasher>>;

/// All keys of a log.
pub(crate) struct Ids {
    disk: Arc<dyn Disk>,
    log_id: [u8; 32],
    /// See [`crate::Config::keys_version`].
    version: u32,
    /// The minute of the last record; only later ones are of interest.
    minute: u64,
    /// Of the segment that is being written.
    pub active: ActiveKeys,
    /// Of the sealed ones, in their order.
    pub files: Vec<IndexFile>,
}

impl Ids {
    pub fn new(disk: Arc<dyn Disk>, identity: &Identity, version: u32) -> Ids {
        let log_id = *identity.hash();
        Ids { disk, log_id, version, minute: 0, active: ActiveKeys::default(), files: Vec::new() }
    }

    /// Another segment is read from its beginning.
    pub fn begin_segment(&mut self) {
        self.active.clear();
        self.minute = 0;
    }

    #[inline]
    pub fn insert(&mut self, keys: &[Key], seq: u64, ts_ns: i64) {
        for key in keys {
            self.active.entry(*key).or_insert(seq);
        }
        let minute = minute_of(ts_ns);
        if minute > self.minute && self.version > 0 {
            self.minute = minute;
            self.active.entry(time_key(minute)).or_insert(seq);
        }
    }

    /// When a record of a sealed segment came, ns: the beginning of its minute. `None` where its index does not tell.
    pub fn time_of(&self, seq: u64) -> Result<Option<i64>, LogError> {
        // The first record of a minute may be in a file before.
        let until = self.files.partition_point(|file| file.range.first_seq <= seq);
        for file in self.files[..until].iter().rev() {
            let found = file.last_of(&time_key(0), &time_key(u64::MAX), seq);
            if let Some(key) = found.map_err(|flaw| self.error(file, &flaw))? {
                let minute = u64::from_be_bytes(*key.last_chunk().unwrap_or(&[0; 8]));
                return Ok(i64::try_from(minute).ok().and_then(|minute| minute.checked_mul(MINUTE_NS)));
            }
        }
        Ok(None)
    }

    /// True where a file's keys are of another version than the owner's.
    pub fn is_outdated(&self, range: Range) -> Result<bool, LogError> {
        let Some(file) = self.files.iter().find(|file| file.range == range && self.version > 0) else {
            return Ok(false);
        };
        let key = version_key(self.version);
        let found = file.find(&key, mix(&key)).map_err(|flaw| self.error(file, &flaw))?;
        Ok(found.is_none())
    }

    /// The first sequence number that carried the key.
    pub fn find(&self, key: &Key) -> Result<Option<u64>, LogError> {
        let hash = mix(key);
        for file in &self.files {
            let found = file.find(key, hash).map_err(|flaw| self.error(file, &flaw))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(self.active.get(key).copied())
    }

    fn error(&self, file: &IndexFile, flaw: &IndexFlaw) -> LogError {
        flaw_error(self.disk.as_ref(), &file.name, file.range, flaw)
    }

    /// Writes the active keys into a file for the range that is now sealed.
    pub fn seal(&mut self, range: Range) -> Result<(), LogError> {
        let entries = self.active.drain().collect();
        self.write(range, entries)
    }

    /// Writes a sealed segment's keys, in any order, into its file.
    pub fn write(&mut self, range: Range, mut entries: Vec<(Key, u64)>) -> Result<(), LogError> {
        if self.version > 0 {
            entries.push((version_key(self.version), range.first_seq));
        }
        entries.sort_unstable();
        let name = index_name(range.first_seq, range.last_seq);
        write_whole(self.disk.as_ref(), &name, |file| {
            let mut writer = IndexWriter::new(file, entries.len() as u64, self.bits_per_key());
            for (key, seq) in entries.iter() {
                writer.push(key, *seq)?;
            }
            writer.finish(range, &self.log_id)
        })?;
        self.open(range)?.map_err(|flaw| flaw_error(self.disk.as_ref(), &name, range, &flaw))
    }

    /// Opens a file and takes it in; the inner error says that it is damaged.
    pub fn open(&mut self, range: Range) -> Result<Result<(), IndexFlaw>, LogError> {
        let name = index_name(range.first_seq, range.last_seq);
        let failed = |error: &io::Error| LogError::io(self.disk.path(&name), "open", error);
        let file = self.disk.open_read(&name).map_err(|error| failed(&error))?;
        match IndexFile::open(file, name.clone(), range, &self.log_id) {
            Ok(file) => {
                let at = self.files.partition_point(|other| other.range.first_seq < range.first_seq);
                self.files.insert(at, file);
                self.bound_filters();
                Ok(Ok(()))
            }
            Err(IndexFlaw::Io(error)) => Err(failed(&error)),
            Err(IndexFlaw::Newer(found)) => {
                Err(LogError::NewerFormat { file: self.disk.path(&name), found, known: FORMAT_VERSION })
            }
            Err(flaw @ IndexFlaw::Damaged(_)) => Ok(Err(flaw)),
        }
    }

    /// Opens a file, reads it wholly and takes it in; the inner error says that it is damaged.
    pub fn open_verified(&mut self, range: Range) -> Result<Result<(), IndexFlaw>, LogError> {
        if let Err(flaw) = self.open(range)? {
            return Ok(Err(flaw));
        }
        let Some(at) = self.files.iter().position(|file| file.range == range) else { return Ok(Ok(())) };
        match self.files[at].verify() {
            Ok(()) => Ok(Ok(())),
            Err(IndexFlaw::Io(error)) => {
                Err(LogError::io(self.disk.path(&self.files[at].name), "read", &error))
            }
            Err(flaw @ (IndexFlaw::Newer(_) | IndexFlaw::Damaged(_))) => {
                self.files.remove(at);
                Ok(Err(flaw))
            }
        }
    }

    /// An owner that gives versions looks for the keys of most records before it appends them.
    fn bits_per_key(&self) -> u64 {
        if self.version > 0 { FILTER_BITS_PER_KEY_SPARSE } else { FILTER_BITS_PER_KEY }
    }

    fn bound_filters(&mut self) {
        let mut bytes = 0;
        for file in self.files.iter_mut().rev() {
            bytes += file.filter_bytes();
            if bytes > FILTER_BYTES_MAX {
                file.drop_filter();
            }
        }
    }

    /// Memory that the sealed files hold, in bytes.
    pub fn resident_bytes(&self) -> usize {
        self.files.iter().map(IndexFile::resident_bytes).sum()
    }

    /// Merges one run of neighbouring files, if one is due. Whether there was one.
    pub fn merge(&mut self) -> Result<bool, LogError> {
        let Some(from) = self.due() else { return Ok(false) };
        let (first, last) = (self.files[from].range, self.files[self.files.len() - 1].range);
        self.merge_run(
            from,
            self.files.len(),
            Range { first_seq: first.first_seq, last_seq: last.last_seq },
        )?;
        Ok(true)
    }

    /// Takes a file out whose keys are made again.
    pub fn take_out(&mut self, range: Range) -> Option<IndexFile> {
        let at = self.files.iter().position(|file| file.range == range)?;
        Some(self.files.remove(at))
    }

    /// Puts the keys of an outdated file and those that were made again of parts of it into one, in its place.
    pub fn renew(&mut self, outdated: IndexFile) -> Result<(), LogError> {
        let range = outdated.range;
        let from = self.files.partition_point(|file| file.range.first_seq < range.first_seq);
        let to = self.files.partition_point(|file| file.range.last_seq <= range.last_seq);
        self.files.insert(from, outdated);
        self.merge_run(from, to + 1, range)
    }

    /// Merges neighbouring files into one of this range; one of them may have its name.
    fn merge_run(&mut self, from: usize, to: usize, range: Range) -> Result<(), LogError> {
        let run = &self.files[from..to];
        let name = index_name(range.first_seq, range.last_seq);
        let mut damaged = None;
        let written = write_whole(self.disk.as_ref(), &name, |file| {
            merge_into(file, run, range, &self.log_id, self.bits_per_key()).map_err(
                |(index, flaw)| match flaw {
                    IndexFlaw::Io(error) => error,
                    flaw @ (IndexFlaw::Newer(_) | IndexFlaw::Damaged(_)) => {
                        damaged = Some(self.error(&run[index], &flaw));
                        io::ErrorKind::InvalidData.into()
                    }
                },
            )
        });
        if let Some(error) = damaged {
            return Err(error);
        }
        written?;
        // The merged file is durable before any of those that it stands for is removed.
        let old: Vec<IndexFile> = self.files.drain(from..to).collect();
        self.open(range)?.map_err(|flaw| flaw_error(self.disk.as_ref(), &name, range, &flaw))?;
        for file in old.into_iter().filter(|file| file.name != name) {
            let failed = |error| LogError::io(self.disk.path(&file.name), "remove", &error);
            self.disk.remove(&file.name).map_err(failed)?;
        }
        self.disk.sync_dir().map_err(|error| LogError::io(self.disk.path(""), "sync the directory", &error))
    }

    /// Where a run begins that is due: the newest files, as many as [`MERGE_FILES`], none of a larger class.
    fn due(&self) -> Option<usize> {
        (0..=u64::BITS / 3).find_map(|class| {
            let run = self.files.iter().rev().take_while(|file| size_class(file.count) <= class).count();
            (run >= MERGE_FILES).then(|| self.files.len() - run)
        })
    }
}

/// Whole minutes since 1970; 0 before.
fn minute_of(ts_ns: i64) -> u64 {
    u64::try_from(ts_ns / MINUTE_NS).unwrap_or(0)
}

/// Files of a class differ in size by less than [`MERGE_FILES`] times.
fn size_class(count: u64) -> u32 {
    (u64::BITS - count.leading_zeros()) / 3
}

pub(crate) fn flaw_error(disk: &dyn Disk, name: &str, range: Range, flaw: &IndexFlaw) -> LogError {
    let file = disk.path(name);
    match flaw {
        IndexFlaw::Io(error) => LogError::io(file, "read", error),
        IndexFlaw::Newer(found) => LogError::NewerFormat { file, found: *found, known: FORMAT_VERSION },
        IndexFlaw::Damaged(reason) => {
            LogError::Corrupt { file, offset: 0, seq: range.first_seq, reason: (*reason).to_string() }
        }
    }
}

/// One input of a merge: a block at a time.
struct Cursor<'a> {
    file: &'a IndexFile,
    block: usize,
    bytes: Box<[u8; BLOCK_BYTES]>,
    length: usize,
    at: usize,
}

impl Cursor<'_> {
    fn entry(&mut self) -> Result<Option<(Key, u64)>, IndexFlaw> {
        if self.at == self.length {
            if self.block == self.file.blocks() {
                return Ok(None);
            }
            self.length = self.file.block(self.block, &mut self.bytes)?.len();
            self.block += 1;
            self.at = 0;
        }
        let entry = &self.bytes[self.at..self.at + ENTRY_BYTES];
        self.at += ENTRY_BYTES;
        Ok(Some((key_of(entry), u64_at(entry, 16))))
    }
}

/// Merges files into one. An error says which input it came from.
fn merge_into(
    file: &dyn crate::disk::DiskFile,
    run: &[IndexFile],
    range: Range,
    log_id: &[u8; 32],
    bits_per_key: u64,
) -> Result<(), (usize, IndexFlaw)> {
    let count = run.iter().map(|file| file.count).sum();
    let mut writer = IndexWriter::new(file, count, bits_per_key);
    let mut cursors: Vec<Cursor<'_>> = run
        .iter()
        .map(|file| Cursor { file, block: 0, bytes: Box::new([0; BLOCK_BYTES]), length: 0, at: 0 })
        .collect();
    let mut heads = std::collections::BinaryHeap::with_capacity(run.len());
    for (index, cursor) in cursors.iter_mut().enumerate() {
        heads.extend(
            cursor.entry().map_err(|flaw| (index, flaw))?.map(|entry| std::cmp::Reverse((entry, index))),
        );
    }
    // Sorted by key and then by sequence number, so that the first of a key is its oldest.
    while let Some(std::cmp::Reverse(((key, seq), index))) = heads.pop() {
        writer.push(&key, seq).map_err(|error| (index, error.into()))?;
        let next = cursors[index].entry().map_err(|flaw| (index, flaw))?;
        heads.extend(next.map(|entry| std::cmp::Reverse((entry, index))));
    }
    writer.finish(range, log_id).map_err(|error| (0, error.into()))
}
