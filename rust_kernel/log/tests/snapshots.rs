//! Snapshots, retention, and readers behind a live writer.

mod common;

use common::{Directory, IDENTITY, append, config, key, open, read_all, write};
use dita_log::disk::MemoryDisk;
use dita_log::{Check, Config, Disk, LogError, Reader, Span, verify};
use std::sync::Arc;

fn memory() -> (MemoryDisk, Arc<dyn Disk>) {
    let memory = MemoryDisk::new();
    (memory.clone(), Arc::new(memory))
}

#[test]
fn recovery_starts_from_the_newest_snapshot() {
    let directory = Directory::new();
    let mut log = open(&directory.disk(), config()).expect("a new log opens").0;
    for (records, state) in [(40, &b"forty"[..]), (30, b"seventy"), (20, b"ninety")] {
        let seq = write(&mut log, records);
        log.write_snapshot(seq, seq as i64, state, &[seq as u8; 32]).expect("the disk takes it");
    }
    assert_eq!(log.snapshots(), [70, 90], "two are kept");
    write(&mut log, 5);
    log.close().expect("it closes");
    let (log, recovered) = open(&directory.disk(), config()).expect("it opens");
    let snapshot = recovered.snapshot.expect("there is one");
    assert_eq!((snapshot.seq, snapshot.ts_ns, &snapshot.state[..]), (90, 90, &b"ninety"[..]));
    assert_eq!((snapshot.state_hash, snapshot.epoch, snapshot.rules_version), ([90; 32], 1, 1));
    assert_eq!((recovered.replay_from, recovered.last_seq), (91, 95));
    assert_eq!(read_all(&log, recovered.replay_from), Ok(95));
}

#[test]
fn a_snapshot_must_be_of_the_last_record() {
    let (_, disk) = memory();
    let mut log = open(&disk, config()).expect("a new log opens").0;
    write(&mut log, 10);
    for seq in [0, 9, 11] {
        let error = log.write_snapshot(seq, 0, b"", &[0; 32]);
        assert_eq!(error, Err(LogError::Sequence { expected: 10, found: seq }));
    }
    assert!(log.snapshots().is_empty());
}

#[test]
fn a_damaged_newest_snapshot_falls_back_to_the_one_before_and_says_so() {
    let (memory, disk) = memory();
    let mut log = open(&disk, config()).expect("a new log opens").0;
    for _ in 0..2 {
        let seq = write(&mut log, 40);
        log.write_snapshot(seq, 0, &vec![seq as u8; 600], &[0; 32]).expect("memory takes it");
    }
    log.retain(0).expect("memory removes");
    log.close().expect("it closes");
    let files = memory.files();
    let newest = files.keys().rfind(|name| name.ends_with(".snap")).expect("two are kept").clone();
    let length = files[&newest].len();
    for at in (0..length).step_by(7) {
        for cut in [false, true] {
            let mut files = files.clone();
            let bytes = files.get_mut(&newest).expect("it is there");
            if cut {
                bytes.truncate(at)
            } else {
                bytes[at] ^= 4
            }
            let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::holding(files));
            let (mut log, recovered) = open(&disk, config()).expect("the older one serves");
            assert_eq!(recovered.snapshot.map(|snapshot| snapshot.seq), Some(40), "byte {at}");
            assert!(
                recovered.remarks.iter().any(|remark| remark.contains(&newest)),
                "{:?}",
                recovered.remarks
            );
            assert_eq!(read_all(&log, recovered.replay_from), Ok(80));
            // The next good one takes the damaged one's place.
            write(&mut log, 1);
            log.write_snapshot(81, 0, b"new", &[0; 32]).expect("memory takes it");
            assert!(!disk.list().expect("memory lists").contains(&newest), "the damaged one is gone");
        }
    }
}

#[test]
fn without_any_usable_snapshot_a_shortened_log_is_refused() {
    let (memory, disk) = memory();
    let mut log = open(&disk, config()).expect("a new log opens").0;
    for _ in 0..2 {
        let seq = write(&mut log, 60);
        log.write_snapshot(seq, 0, b"state", &[0; 32]).expect("memory takes it");
    }
    assert!(!log.retain(0).expect("memory removes").removed.is_empty());
    log.close().expect("it closes");
    let mut files = memory.files();
    files.retain(|name, _| !name.ends_with(".snap"));
    let memory = MemoryDisk::holding(files.clone());
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let error = open(&disk, config()).map(|_| ()).expect_err("nothing to start from");
    assert!(matches!(error, LogError::NoSnapshot { first_seq, .. } if first_seq > 1), "{error}");
    assert_eq!(memory.files(), files);
}

#[test]
fn a_snapshot_of_another_history_is_refused() {
    let (one, disk) = memory();
    let mut log = open(&disk, config()).expect("a new log opens").0;
    write(&mut log, 40);
    log.close().expect("it closes");
    let (two, disk) = memory();
    let mut log = open(&disk, config()).expect("a new log opens").0;
    log.append(1, 1, 5, &[], |buffer| buffer.extend_from_slice(&[1; 8])).expect("the record is taken");
    write(&mut log, 19);
    log.write_snapshot(20, 0, b"elsewhere", &[0; 32]).expect("memory takes it");
    log.close().expect("it closes");
    let mut files = one.files();
    files.extend(two.files().into_iter().filter(|(name, _)| name.ends_with(".snap")));
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::holding(files));
    let error = open(&disk, config()).map(|_| ()).expect_err("the chain says so");
    assert!(matches!(error, LogError::Corrupt { seq: 20, .. }), "{error}");
}

#[test]
fn retention_keeps_what_a_snapshot_or_a_follower_needs() {
    // 160 records, snapshots at 80 and 160: the second newest is at 80.
    #[rustfmt::skip]
    let table = [
        ("nobody has read anything       ", 0,        u64::MAX, 0,        0,  false),
        ("the slowest begins with the log", 79,       u64::MAX, 0,        0,  false),
        ("the slowest begins at 80       ", 90,       u64::MAX, 0,        80, false),
        ("nobody follows                 ", u64::MAX, u64::MAX, 0,        80, false),
        ("the history is to be kept      ", u64::MAX, u64::MAX, u64::MAX, 0,  false),
        ("one lags, and the bound is met ", 0,        1,        0,        80, true),
    ];
    for (what, floor_seq, retained_bytes_max, history_bytes, removed_to, floor_passed) in table {
        let (_, disk) = memory();
        let mut log = open(&disk, Config { retained_bytes_max, ..config() }).expect("a new log opens").0;
        assert_eq!(log.retain(0), Ok(dita_log::Retained::default()), "there is no snapshot yet");
        for _ in 0..2 {
            let seq = write(&mut log, 80);
            log.write_snapshot(seq, 0, b"state", &[0; 32]).expect("memory takes it");
        }
        let kept: Vec<u64> =
            log.sealed().iter().map(|segment| segment.last_seq).filter(|last| *last > removed_to).collect();
        let before = log.sealed().len();
        log.hold_from(floor_seq);
        let retained = log.retain(history_bytes).expect("memory removes");
        assert_eq!(log.sealed().iter().map(|segment| segment.last_seq).collect::<Vec<_>>(), kept, "{what}");
        assert_eq!(
            (retained.removed.len(), retained.floor_passed),
            (before - kept.len(), floor_passed),
            "{what}"
        );
        assert!(retained.removed.iter().all(|segment| segment.last_seq <= removed_to), "{what}");
        log.close().expect("it closes");
        let (log, recovered) = open(&disk, Config { check: Check::All, ..config() }).expect("it opens");
        assert_eq!((recovered.last_seq, recovered.remarks), (160, Vec::new()), "{what}");
        // What went is still known by its ids.
        for seq in (3..=160).step_by(3) {
            assert_eq!(log.find(&key(seq).expect("every third has a key")), Ok(Some(seq)), "{what}");
        }
        let first_seq = log.sealed().first().map_or(161, |segment| segment.first_seq);
        if first_seq > 1 {
            assert!(
                matches!(log.reader(1), Err(LogError::Removed { first_seq: found, .. }) if found == first_seq)
            );
        }
    }
}

#[test]
fn the_snapshot_that_the_slowest_follower_begins_with_is_kept() {
    let (_, disk) = memory();
    let mut log = open(&disk, config()).expect("a new log opens").0;
    for (seq, floor_seq, kept) in [
        (20, 0, &[20][..]),
        (40, 25, &[20, 40]),
        (60, 25, &[20, 40, 60]),
        (80, 25, &[20, 60, 80]),
        (100, 79, &[60, 80, 100]),
        (120, 119, &[100, 120]),
        (140, u64::MAX, &[120, 140]),
    ] {
        write(&mut log, 20);
        log.hold_from(floor_seq);
        log.write_snapshot(seq, 0, b"state", &[0; 32]).expect("memory takes it");
        assert_eq!(log.snapshots(), kept, "after {seq}, the slowest at {floor_seq}");
    }
}

#[test]
fn new_rules_begin_a_new_segment() {
    let (_, disk) = memory();
    let mut log = open(&disk, config()).expect("a new log opens").0;
    write(&mut log, 3);
    log.close().expect("it closes");
    for (rules_version, before, records) in [(2, 1, 0), (2, 1, 3), (3, 2, 1), (3, 3, 1)] {
        let (mut log, recovered) = open(&disk, Config { rules_version, ..config() }).expect("it opens");
        assert_eq!(recovered.rules_version, Some(before));
        write(&mut log, records);
        log.close().expect("it closes");
    }
    let report = verify(&disk, Some(IDENTITY), &mut |_, _| {}).expect("it is whole");
    let rules: Vec<_> = report.segments.iter().map(|s| (s.first_seq, s.last_seq, s.rules_version)).collect();
    assert_eq!(rules, [(1, 3, 1), (4, 6, 2), (7, 8, 3)]);
}

#[test]
fn a_reader_follows_a_live_log_over_its_segments() {
    for span in [Span::Written, Span::Durable] {
        let directory = Directory::new();
        let mut log = open(&directory.disk(), config()).expect("a new log opens").0;
        let mut reader = Reader::open(directory.disk(), Some(IDENTITY), 1, span).expect("it reads");
        let mut read = 0;
        for round in 0..60 {
            for _ in 0..round % 5 {
                append(&mut log).expect("the record is taken");
            }
            log.flush().expect("the disk takes it");
            if round % 7 == 0 {
                log.sync().expect("the disk syncs");
            }
            while let Some(record) = reader.next().expect("it reads") {
                read += 1;
                assert_eq!(record.seq, read);
            }
            let expected = if span == Span::Written { log.last_seq() } else { log.durable_seq() };
            assert_eq!(read, expected, "{span:?}");
        }
        assert!(log.sealed().len() > 3, "it has gone over segments");
        assert_eq!(reader.state().bytes_done, reader.state().bytes_all);
    }
}

#[test]
fn a_verified_log_says_what_is_in_it() {
    let (memory, disk) = memory();
    let mut log = open(&disk, config()).expect("a new log opens").0;
    write(&mut log, 100);
    log.write_snapshot(100, 0, b"state", &[0; 32]).expect("memory takes it");
    log.close().expect("it closes");
    let mut log = open(&disk, config()).expect("it opens").0;
    write(&mut log, 20);
    append(&mut log).expect("the record is taken");
    log.flush().expect("memory takes it");
    log.abandon();
    let mut files = memory.files();
    let last = files.keys().rfind(|name| name.ends_with(".seg")).expect("there are segments").clone();
    let bytes = files.get_mut(&last).expect("it is there");
    bytes.truncate(bytes.len() - 3);
    let memory = MemoryDisk::holding(files.clone());
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut progress = (0, 0);
    let report =
        verify(&disk, None, &mut |done, all| progress = (done, all)).expect("a torn tail is no corruption");
    assert_eq!((report.records, report.seq_range, report.durable_seq), (120, Some((1, 120)), 120));
    assert_eq!(report.ts_range_ns, Some((common::ts_ns(1), common::ts_ns(120))));
    assert_eq!(report.epochs.iter().copied().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(
        report.kinds.iter().map(|(kind, count)| (*kind, *count)).collect::<Vec<_>>(),
        [(0, 30), (1, 30), (2, 30), (3, 30)]
    );
    assert_eq!(report.snapshots, [(100, 5)]);
    let sealed: u64 = report.segments[report.segments.len() - 1].first_seq - 1;
    assert_eq!(report.indexes, (report.segments.len() as u64 - 1, sealed / 3));
    assert!(report.torn.is_some_and(|torn| torn.seq == 121 && torn.records_behind == 0));
    assert!(report.identity.starts_with("'paper kernel 1'") && report.remarks.is_empty());
    assert_eq!(progress.0, report.bytes);
    assert!(progress.1 > progress.0, "the torn bytes are not read as records");
    assert_eq!(memory.files(), files);
}
