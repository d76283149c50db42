//! When records become durable, and what happens when the disk fails.

mod common;

use common::{Directory, append, config, open, read_all, write};
use dita_log::disk::{Deed, Effect, Fate, Fault, FaultyDisk, MemoryDisk};
use dita_log::{Config, Disk, Log, LogError, Need, SyncPolicy};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BATCH: SyncPolicy = SyncPolicy::Batch { delay_us_max: 20_000, records_max: 1_000_000 };

fn with(policy: SyncPolicy) -> Config {
    Config { policy, ..config() }
}

/// In one segment: where one is sealed, everything in it is synced.
fn in_one_segment(policy: SyncPolicy) -> Config {
    Config { segment_bytes_max: 1 << 20, ..with(policy) }
}

#[test]
fn a_drain_ends_as_its_policy_says() {
    // What survives a power loss right after the end of a drain of three records.
    let table = [
        (SyncPolicy::Always, Need::WithinPolicy, 3),
        (SyncPolicy::Always, Need::BeforeEffects, 3),
        (BATCH, Need::BeforeEffects, 3),
        (SyncPolicy::Off, Need::WithinPolicy, 0),
        (SyncPolicy::Off, Need::BeforeEffects, 0),
        (SyncPolicy::Written, Need::WithinPolicy, 0),
        (SyncPolicy::Written, Need::BeforeEffects, 0),
    ];
    for (policy, need, durable_seq) in table {
        let memory = MemoryDisk::new();
        let disk: Arc<dyn Disk> = Arc::new(memory.clone());
        let mut log = open(&disk, with(policy)).expect("a new log opens").0;
        for _ in 0..3 {
            append(&mut log).expect("the record is taken");
        }
        assert_eq!(log.settle(need), Ok(durable_seq), "{policy:?} {need:?}");
        let left: Arc<dyn Disk> = Arc::new(memory.crash(Fate::Lost));
        assert_eq!(
            open(&left, with(policy)).expect("it opens").1.last_seq,
            durable_seq,
            "{policy:?} {need:?}"
        );
        log.close().expect("it closes");
        let left: Arc<dyn Disk> = Arc::new(memory.crash(Fate::Lost));
        assert_eq!(
            open(&left, with(policy)).expect("it opens").1.last_seq,
            3,
            "{policy:?}: closed is durable"
        );
    }
}

/// Waits until the condition holds, and how long that was.
fn until(what: &str, condition: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not happen within a minute");
        std::thread::yield_now();
    }
    start.elapsed()
}

#[test]
fn a_batch_becomes_durable_in_time_though_nobody_calls() {
    let directory = Directory::new();
    let mut log = open(&directory.disk(), with(BATCH)).expect("a new log opens").0;
    for _ in 0..3 {
        append(&mut log).expect("the record is taken");
    }
    let start = Instant::now();
    assert_eq!(log.settle(Need::WithinPolicy), Ok(0), "it does not wait for the disk");
    until("the sync", || log.durable_seq() == 3);
    assert!(start.elapsed() >= Duration::from_millis(20), "it waited for more records");
}

#[test]
fn a_batch_becomes_durable_in_time_whether_the_thread_is_awake_or_has_to_be_woken() {
    let directory = Directory::new();
    let policy = SyncPolicy::Batch { delay_us_max: 200, records_max: 1_000_000 };
    let mut log = open(&directory.disk(), with(policy)).expect("a new log opens").0;
    // It looks again for 64 × 200 µs, and then sleeps.
    for (pause_ms, seq) in [0, 0, 1, 0, 3, 60, 0, 60].into_iter().zip(1..) {
        let paused = Instant::now();
        until("the pause", || paused.elapsed() >= Duration::from_millis(pause_ms));
        append(&mut log).expect("the record is taken");
        log.settle(Need::WithinPolicy).expect("the disk works");
        until("the sync", || log.durable_seq() == seq);
    }
    assert_eq!(log.sync_waits().count, 0, "no call waited for the thread");
    append(&mut log).expect("the record is taken");
    log.sync().expect("the disk works");
    let waits = log.sync_waits();
    assert!(waits.count == 1 && waits.total > Duration::ZERO, "{waits:?}");
}

#[test]
fn the_thread_that_keeps_the_bound_is_woken_after_a_rest_and_not_at_each_drain() {
    let directory = Directory::new();
    // It looks again for 64 × 5 ms: only a test that is held up for so long wakes it once more.
    let policy = SyncPolicy::Batch { delay_us_max: 5_000, records_max: 1_000_000 };
    let mut log = open(&directory.disk(), in_one_segment(policy)).expect("a new log opens").0;
    let lone = |log: &mut Log| {
        append(log).expect("the record is taken");
        log.settle(Need::WithinPolicy).expect("the disk works");
        until("the sync", || log.durable_seq() == log.last_seq());
    };
    assert_eq!(log.sync_wakings(), 0);
    lone(&mut log);
    assert_eq!(log.sync_wakings(), 1, "it was at rest");
    let few = 10;
    // Trips one by one: what leads to an effect is synced by the owner, and what comes of it is left to the thread.
    for _ in 0..500 {
        for need in [Need::BeforeEffects, Need::WithinPolicy] {
            append(&mut log).expect("the record is taken");
            log.settle(need).expect("the disk works");
        }
    }
    let wakings = log.sync_wakings();
    assert!(wakings <= few, "{wakings} in 1,000 drains");
    // Drains that the thread is through with before the next one comes.
    for _ in 0..100 {
        lone(&mut log);
    }
    let wakings = log.sync_wakings() - wakings;
    assert!(wakings <= few, "{wakings} in 100 drains apart");
}

#[test]
fn so_many_records_are_synced_before_the_time_is_up() {
    let directory = Directory::new();
    let policy = SyncPolicy::Batch { delay_us_max: 3_600_000_000, records_max: 10 };
    let mut log = open(&directory.disk(), in_one_segment(policy)).expect("a new log opens").0;
    // At first the thread is at rest; later it means to look again after an hour, and has to be woken all the same.
    for full in [10, 20, 30] {
        for _ in 1..10 {
            append(&mut log).expect("the record is taken");
            assert_eq!(log.settle(Need::WithinPolicy), Ok(full - 10));
        }
        append(&mut log).expect("the record is taken");
        log.settle(Need::WithinPolicy).expect("the disk works");
        until("the sync", || log.durable_seq() == full);
    }
    let wakings = log.sync_wakings();
    assert!(wakings <= 4, "{wakings}: once after its rest, and then for each batch");
}

/// A log on a disk that gets a fault, and its two disks.
fn faulty(fault: Fault) -> (MemoryDisk, FaultyDisk, Log) {
    let memory = MemoryDisk::new();
    let faulty = FaultyDisk::new(Arc::new(memory.clone()));
    let disk: Arc<dyn Disk> = Arc::new(faulty.clone());
    let mut log = open(&disk, with(SyncPolicy::Always)).expect("a new log opens").0;
    write(&mut log, 5);
    faulty.fault(fault);
    (memory, faulty, log)
}

#[test]
fn a_failed_sync_stops_the_log_and_is_not_tried_again() {
    let fault = Fault {
        deed: Deed::Sync,
        suffix: ".seg".into(),
        after: 0,
        count: 1,
        effect: Effect::Fail(ErrorKind::Other, 0),
    };
    let (_, faulty, mut log) = faulty(fault);
    append(&mut log).expect("the record is taken");
    let error = log.sync().expect_err("the disk fails");
    assert!(matches!(&error, LogError::Io { doing: "sync", file, .. } if file.ends_with(".seg")), "{error}");
    // The disk is well again, and it does not help: what it lost, nobody knows.
    for _ in 0..3 {
        assert!(matches!(log.sync(), Err(LogError::Poisoned { .. })));
        assert!(matches!(append(&mut log), Err(LogError::Poisoned { .. })));
        assert!(matches!(log.settle(Need::BeforeEffects), Err(LogError::Poisoned { .. })));
        assert!(matches!(log.write_snapshot(5, 0, &[], &[0; 32]), Err(LogError::Poisoned { .. })));
    }
    assert_eq!((faulty.fired(), log.durable_seq(), log.failure()), (1, 5, Some(error)));
}

#[test]
fn a_sync_that_fails_in_the_background_stops_the_log_too() {
    let directory = Directory::new();
    let faulty = FaultyDisk::new(directory.disk());
    let disk: Arc<dyn Disk> = Arc::new(faulty.clone());
    let policy = SyncPolicy::Batch { delay_us_max: 1, records_max: 1_000 };
    let mut log = open(&disk, with(policy)).expect("a new log opens").0;
    let effect = Effect::Fail(ErrorKind::Other, 0);
    faulty.fault(Fault { deed: Deed::Sync, suffix: ".seg".into(), after: 0, count: 1, effect });
    append(&mut log).expect("the record is taken");
    log.settle(Need::WithinPolicy).expect("nobody knows yet");
    until("the failure", || log.failure().is_some());
    assert!(matches!(append(&mut log), Err(LogError::Poisoned { .. })));
    assert_eq!((log.durable_seq(), faulty.fired()), (0, 1));
}

#[test]
fn a_full_disk_stops_the_log_and_nothing_half_written_is_taken_for_a_record() {
    for written in [0, 1, 7, 55, 56, 90, 150, 300] {
        let effect = Effect::Fail(ErrorKind::StorageFull, written);
        let (memory, faulty, mut log) = faulty(Fault::always(Deed::Write, ".seg", effect));
        for _ in 0..3 {
            append(&mut log).expect("the buffer takes it");
        }
        let error = log.sync().expect_err("the disk is full");
        let text = error.to_string();
        assert!(text.contains(".seg: cannot write") && text.contains("free space on that disk"), "{text}");
        assert!(matches!(append(&mut log), Err(LogError::Poisoned { .. })));
        drop(log);
        faulty.heal();
        let disk: Arc<dyn Disk> = Arc::new(memory);
        let (log, recovered) = open(&disk, config()).expect("there is room again");
        assert!((5..8).contains(&recovered.last_seq), "{written} bytes: {recovered:?}");
        assert_eq!(read_all(&log, 1), Ok(recovered.last_seq));
    }
}

#[test]
fn a_disk_that_fails_while_a_segment_is_sealed_loses_nothing_that_was_promised() {
    let kinds = [Deed::Create, Deed::Write, Deed::Sync, Deed::Rename, Deed::SyncDir, Deed::Open];
    let mut stopped = 0;
    for deed in kinds {
        for after in 0..6 {
            let effect = Effect::Fail(ErrorKind::StorageFull, 10);
            let (memory, _, mut log) =
                faulty(Fault { deed, suffix: String::new(), after, count: u64::MAX, effect });
            let mut promised_seq = log.durable_seq();
            let error = (0..60).find_map(|_| {
                let done = append(&mut log).and_then(|_| log.settle(Need::BeforeEffects));
                promised_seq = log.durable_seq();
                done.err()
            });
            stopped += u64::from(error.is_some());
            drop(log);
            for fate in [Fate::Lost, Fate::Kept, Fate::Subset(after)] {
                let disk: Arc<dyn Disk> = Arc::new(memory.crash(fate));
                let (log, recovered) = open(&disk, config()).expect("it opens on a good disk");
                assert!(recovered.last_seq >= promised_seq, "{deed:?} after {after}: {error:?}");
                assert_eq!(read_all(&log, 1), Ok(recovered.last_seq));
            }
        }
    }
    assert!(stopped >= 30, "only {stopped} of 36 faults stopped the log");
}

#[test]
fn an_append_that_is_refused_leaves_the_log_as_it_was() {
    let directory = Directory::new();
    let mut log = open(&directory.disk(), with(SyncPolicy::Always)).expect("a new log opens").0;
    write(&mut log, 2);
    let chain = log.chain();
    for seq in [0, 1, 2, 4, u64::MAX] {
        let refused = log.append(0, seq, 0, &[], |_| panic!("nothing is encoded"));
        assert_eq!(refused, Err(LogError::Sequence { expected: 3, found: seq }));
    }
    let large =
        log.append(0, 3, 0, &[], |buffer| buffer.resize(buffer.len() + dita_log::RECORD_BYTES_MAX, 0));
    assert!(matches!(large, Err(LogError::TooLarge { .. })));
    assert_eq!((log.chain(), log.last_seq()), (chain, 2));
    assert_eq!(write(&mut log, 2), 4);
    assert_eq!(read_all(&log, 1), Ok(4));
}
