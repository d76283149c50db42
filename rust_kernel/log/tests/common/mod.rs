//! What the log's tests share: directories that go away, and records that say their own number.
#![allow(dead_code)]

use dita_log::{Config, Disk, FileDisk, Key, Log, LogError, Recovered, SyncPolicy};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A directory of this test alone.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Directory {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dita-log-{}-{count}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the temporary directory can be written");
        Directory(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(FileDisk::create(&self.0).expect("the directory is there"))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub const IDENTITY: &[u8] = b"paper kernel 1";

pub fn config() -> Config {
    Config { policy: SyncPolicy::Always, segment_bytes_max: 2_048, ..Config::new(IDENTITY, 1) }
}

/// The payload of record `seq`: its number, and then bytes that depend on it, so that records differ in length.
pub fn payload(seq: u64) -> Vec<u8> {
    let mut bytes = seq.to_le_bytes().to_vec();
    bytes.extend((0..40 + seq % 37).map(|index| (seq.wrapping_mul(31) + index) as u8));
    bytes
}

/// Every third record carries a key.
pub fn key(seq: u64) -> Option<Key> {
    seq.is_multiple_of(3)
        .then(|| *blake3::hash(&seq.to_le_bytes()).as_bytes().first_chunk().expect("32 bytes"))
}

/// The owner's closure: the keys of a record, from its payload.
pub fn keys_of(_kind: u8, payload: &[u8], keys: &mut Vec<Key>) {
    let seq = u64::from_le_bytes(*payload.first_chunk().expect("each payload begins with its number"));
    keys.extend(key(seq));
}

pub fn open(disk: &Arc<dyn Disk>, config: Config) -> Result<(Log, Recovered), LogError> {
    Log::open(disk.clone(), config, &keys_of)
}

/// Appends the next record.
pub fn append(log: &mut Log) -> Result<u64, LogError> {
    let seq = log.last_seq() + 1;
    let keys: Vec<Key> = key(seq).into_iter().collect();
    let kind = (seq % 4) as u8;
    log.append(kind, seq, ts_ns(seq), &keys, |buffer| buffer.extend_from_slice(&payload(seq)))?;
    Ok(seq)
}

pub fn ts_ns(seq: u64) -> i64 {
    1_700_000_000_000_000_000 + seq as i64 * 1_000
}

/// Appends and syncs so many records.
pub fn write(log: &mut Log, records: u64) -> u64 {
    for _ in 0..records {
        append(log).expect("the record is taken");
    }
    log.sync().expect("the disk syncs")
}

/// Reads everything from `from_seq` on; each record must be the one that was appended. The last one's number.
pub fn read_all(log: &Log, from_seq: u64) -> Result<u64, LogError> {
    let mut reader = log.reader(from_seq)?;
    let mut expected = from_seq;
    while let Some(record) = reader.next()? {
        assert_eq!((record.seq, record.payload), (expected, &payload(expected)[..]));
        assert_eq!(record.ts_ns, ts_ns(expected));
        expected += 1;
    }
    Ok(expected - 1)
}
