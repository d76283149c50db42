//! Writes the golden log: `cargo run -p dita-log --example golden DIRECTORY`.
//!
//! The same calls give the same bytes, so the committed directory under `tests/golden` can be made again and compared. A
//! new format version gets a new directory; the old ones stay and must open.

use dita_log::{Config, Disk, FileDisk, Key, Log, LogError, Need, SyncPolicy};
use std::sync::Arc;

/// Whose log it is.
pub const IDENTITY: &[u8] = b"golden kernel";
/// The last record of the log.
pub const LAST_SEQ: u64 = 90;

/// How it is opened.
pub fn config() -> Config {
    Config { policy: SyncPolicy::Always, segment_bytes_max: 1_500, ..Config::new(IDENTITY, 3) }
}

/// The payload of a record; its first 16 bytes are its key, if its number is even.
pub fn payload(seq: u64) -> Vec<u8> {
    (0..16 + seq % 50).map(|index| (seq * 7 + index * 13) as u8).collect()
}

/// The keys of a record.
pub fn keys_of(kind: u8, payload: &[u8], keys: &mut Vec<Key>) {
    keys.extend(payload.first_chunk::<16>().filter(|_| kind == 2).copied());
}

/// Three openings, snapshots, retention, a merge, and a change of the rules at the end.
pub fn write(disk: &Arc<dyn Disk>) -> Result<(), LogError> {
    for (rules_version, records) in [(3, 40), (3, 45), (4, 5)] {
        let mut log = Log::open(disk.clone(), Config { rules_version, ..config() }, &keys_of)?.0;
        for _ in 0..records {
            let seq = log.last_seq() + 1;
            let payload = payload(seq);
            let kind = if seq.is_multiple_of(2) { 2 } else { 1 };
            let mut keys = Vec::new();
            keys_of(kind, &payload, &mut keys);
            log.append(kind, seq, seq as i64 * 1_000, &keys, |buffer| buffer.extend_from_slice(&payload))?;
            log.settle(if seq.is_multiple_of(5) { Need::BeforeEffects } else { Need::WithinPolicy })?;
            if seq.is_multiple_of(20) {
                log.write_snapshot(seq, seq as i64 * 1_000, format!("state at {seq}").as_bytes(), &[9; 32])?;
            }
        }
        log.hold_from(30);
        log.retain(0)?;
        log.maintain()?;
        log.close()?;
    }
    Ok(())
}

#[allow(dead_code)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).ok_or("name the directory to write to")?;
    let disk: Arc<dyn Disk> = Arc::new(FileDisk::create(directory)?);
    Ok(write(&disk)?)
}
