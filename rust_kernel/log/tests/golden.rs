//! Logs of every format version that ever was still open, and the present one is written as it was.

mod common;
#[path = "../examples/golden.rs"]
mod golden;

use common::Directory;
use dita_log::disk::MemoryDisk;
use dita_log::{Disk, FileDisk, Key, Log, verify};
use golden::{IDENTITY, LAST_SEQ, config, keys_of, payload};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/log_v1")
}

fn files() -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory()).expect("the golden log is committed");
    entries
        .map(|entry| entry.expect("it lists").path())
        .map(|path| {
            (
                path.file_name().expect("a file").to_string_lossy().into_owned(),
                std::fs::read(path).expect("it reads"),
            )
        })
        .collect()
}

#[test]
fn a_log_of_version_1_opens_and_has_every_record() {
    let copy = Directory::new();
    for (name, bytes) in files() {
        std::fs::write(copy.path().join(name), bytes).expect("the copy can be written");
    }
    let config = dita_log::Config { rules_version: 4, ..config() };
    let (log, recovered) = Log::open(copy.disk(), config, &keys_of).expect("an old log opens");
    assert_eq!((recovered.last_seq, recovered.epoch, recovered.rules_version), (LAST_SEQ, 4, Some(4)));
    assert_eq!((recovered.torn, recovered.remarks), (None, Vec::new()));
    let snapshot = recovered.snapshot.expect("it has snapshots");
    assert_eq!((snapshot.seq, snapshot.state, snapshot.rules_version), (80, b"state at 80".to_vec(), 3));
    let first_seq = log.sealed()[0].first_seq;
    assert!(first_seq > 1 && log.snapshots() == [60, 80]);
    let mut reader = log.reader(first_seq).expect("it reads");
    for seq in first_seq..=LAST_SEQ {
        let record = reader.next().expect("it is whole").expect("there is one");
        assert_eq!((record.seq, record.ts_ns, record.payload), (seq, seq as i64 * 1_000, &payload(seq)[..]));
    }
    assert_eq!(reader.next().expect("it is whole"), None);
    for seq in (2..=LAST_SEQ).step_by(2) {
        let key: Key = *payload(seq).first_chunk().expect("16 bytes");
        assert_eq!(log.find(&key), Ok(Some(seq)));
    }
}

#[test]
fn the_golden_log_verifies_where_it_lies() {
    let disk: Arc<dyn Disk> = Arc::new(FileDisk::existing(directory()));
    let before = files();
    let report = verify(&disk, Some(IDENTITY), &mut |_, _| {}).expect("it is whole");
    assert_eq!(
        (report.seq_range.map(|(_, last)| last), report.torn, report.remarks),
        (Some(LAST_SEQ), None, vec![])
    );
    assert_eq!(files(), before);
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    golden::write(&disk).expect("memory takes it");
    let written = memory.files();
    let golden = files();
    assert_eq!(written.keys().collect::<Vec<_>>(), golden.keys().collect::<Vec<_>>());
    for (name, bytes) in &golden {
        assert!(
            written[name] == *bytes,
            "{name} is written differently: a new format needs a new version and directory"
        );
    }
}
