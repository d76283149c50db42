//! Large drains, which a thread of the log's writes: the same bytes as without it, and no failure that stays unknown.

mod common;

use common::{IDENTITY, append, config, open, payload, read_all};
use dita_log::disk::{Deed, Effect, Fault, FaultyDisk, Hook, HookedDisk, MemoryDisk};
use dita_log::{Config, Disk, DiskFile, Log, LogError, Need, SyncPolicy, Writing};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// What a test waits for at most.
const PATIENCE: Duration = Duration::from_secs(60);

fn with(policy: SyncPolicy) -> Config {
    Config { policy, writing: Writing::ByThread, segment_bytes_max: 1 << 20, ..Config::new(IDENTITY, 1) }
}

/// What the segments' writes meet.
#[derive(Default)]
struct Watch {
    owner: Mutex<Option<ThreadId>>,
    /// Writes to segments by other threads than the owner's.
    by_thread: AtomicU64,
    /// As many as there were when a test waited for one.
    seen: AtomicU64,
    /// A write by such a thread waits until this is false.
    is_shut: AtomicBool,
    opened: Condvar,
    door: Mutex<()>,
    panics: AtomicBool,
}

impl Watch {
    /// Of the thread that calls.
    fn own(&self) {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
    }

    fn pass(&self) {
        let owner = *self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        if owner.is_none_or(|owner| owner == thread::current().id()) {
            return;
        }
        self.by_thread.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics.load(Ordering::Relaxed), "as the test wants");
        let door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        let shut = |_: &mut ()| self.is_shut.load(Ordering::Relaxed);
        let _ = self.opened.wait_timeout_while(door, PATIENCE, shut);
    }

    /// Waits until it has begun a write since this was called last, or there is another reason to go on.
    fn until_the_thread_writes(&self, other: impl Fn() -> bool) {
        let start = Instant::now();
        while self.by_thread.load(Ordering::Relaxed) == self.seen.load(Ordering::Relaxed) && !other() {
            assert!(start.elapsed() < PATIENCE, "the thread wrote nothing");
            thread::yield_now();
        }
        self.seen.store(self.by_thread.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn shut(&self) {
        self.is_shut.store(true, Ordering::Relaxed);
    }

    fn open(&self) {
        let _door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_shut.store(false, Ordering::Relaxed);
        self.opened.notify_all();
    }
}

/// Threads work beside this disk, with an eye on who writes.
impl Hook for Watch {
    fn write_at(&self, name: &str, file: &dyn DiskFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if name.ends_with(".seg") {
            self.pass();
        }
        file.write_at(offset, bytes)
    }
    fn background_sync(&self, _: &dyn Disk) -> bool {
        true
    }
}

/// A new log on memory that may fail, written by a thread where much comes.
fn threaded(policy: SyncPolicy) -> (MemoryDisk, FaultyDisk, Arc<Watch>, Log) {
    let memory = MemoryDisk::new();
    let faulty = FaultyDisk::new(Arc::new(memory.clone()));
    let watch = Arc::new(Watch::default());
    watch.own();
    let disk: Arc<dyn Disk> = Arc::new(HookedDisk::new(Arc::new(faulty.clone()), watch.clone()));
    let log = open(&disk, with(policy)).expect("a new log opens").0;
    (memory, faulty, watch, log)
}

/// Drains of 1 to 2,000 records: some with less than a piece, some with more than the thread may be behind. `pause` is
/// called where some pieces wait.
fn drains(log: &mut Log, pause: impl Fn()) -> BTreeMap<u64, [u8; 16]> {
    let mut chains = BTreeMap::new();
    for (drain, records) in [1, 2_000, 3, 150, 1_999, 1, 700, 40, 5_000].into_iter().enumerate() {
        for count in 0..records {
            append(log).expect("the record is taken");
            if count == 900 {
                pause();
            }
        }
        match drain % 3 {
            0 => drop(log.sync().expect("the disk syncs")),
            1 => log.flush().expect("the disk takes it"),
            _ => drop(log.settle(Need::WithinPolicy).expect("the disk takes it")),
        }
        log.flush().expect("the disk takes it");
        chains.insert(log.last_seq(), log.chain());
    }
    // A record of a mebibyte, less its header and a byte, among small ones.
    let seq = log.last_seq() + 1;
    let large = dita_log::RECORD_BYTES_MAX - dita_log::HEADER_BYTES - 1;
    let body = |buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(&payload(seq));
        buffer.resize(buffer.len() + large - payload(seq).len(), 7);
    };
    log.append(1, seq, 5, &[], body).expect("the record is taken");
    log.sync().expect("the disk syncs");
    chains.insert(seq, log.chain());
    chains
}

/// Appends some pieces and waits until the thread is about to write the first of them.
fn meet(log: &mut Log, watch: &Watch) {
    for _ in 0..300 {
        append(log).expect("the record is taken");
    }
    watch.until_the_thread_writes(|| false);
}

#[test]
fn a_thread_writes_the_same_bytes_as_the_owner() {
    for policy in [SyncPolicy::Always, SyncPolicy::default(), SyncPolicy::Off, SyncPolicy::Written] {
        let (memory, _, watch, mut log) = threaded(policy);
        let chains = drains(&mut log, || watch.until_the_thread_writes(|| false));
        log.close().expect("it closes");
        let alone = MemoryDisk::new();
        let disk: Arc<dyn Disk> = Arc::new(alone.clone());
        let mut log =
            open(&disk, Config { writing: Writing::ByOwner, ..with(policy) }).expect("a new log opens").0;
        assert_eq!(drains(&mut log, || {}), chains, "{policy:?}");
        log.close().expect("it closes");
        let (mut files, mut alone) = (memory.files(), alone.files());
        if policy == SyncPolicy::default() {
            // How often it synced by itself is chance.
            assert!(files.remove("durable.mark").is_some() && alone.remove("durable.mark").is_some());
        }
        assert!(files == alone, "{policy:?}: the files differ");
        assert!(files.keys().filter(|name| name.ends_with(".seg")).count() > 1, "it never rolled");
    }
}

#[test]
fn a_drain_of_less_than_a_piece_never_meets_the_thread() {
    let (_, _, watch, mut log) = threaded(SyncPolicy::Always);
    for _ in 0..200 {
        for _ in 0..100 {
            append(&mut log).expect("the record is taken");
        }
        log.sync().expect("the disk syncs");
    }
    assert_eq!(watch.by_thread.load(Ordering::Relaxed), 0);
}

#[test]
fn nothing_counts_as_durable_before_the_thread_is_through() {
    let (memory, _, watch, mut log) = threaded(SyncPolicy::Always);
    watch.shut();
    meet(&mut log, &watch);
    let last_seq = log.last_seq();
    let opens = {
        let watch = watch.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            watch.open();
        })
    };
    assert_eq!(log.settle(Need::BeforeEffects), Ok(last_seq));
    assert!(!watch.is_shut.load(Ordering::Relaxed), "it did not wait for the thread");
    opens.join().expect("it opens");
    log.abandon();
    let disk: Arc<dyn Disk> = Arc::new(memory.crash(dita_log::disk::Fate::Lost));
    let (log, recovered) = open(&disk, config()).expect("it opens");
    assert_eq!((recovered.last_seq, recovered.torn), (last_seq, None));
    assert_eq!(read_all(&log, 1), Ok(last_seq));
}

#[test]
fn a_slow_disk_keeps_the_owner_from_running_ahead() {
    let (_, _, watch, mut log) = threaded(SyncPolicy::Off);
    watch.shut();
    meet(&mut log, &watch);
    let appended = AtomicU64::new(0);
    let stood = thread::scope(|scope| {
        scope.spawn(|| {
            watch.own();
            for _ in 0..20_000 {
                append(&mut log).expect("the record is taken");
                appended.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut before = 0;
        loop {
            thread::sleep(Duration::from_millis(300));
            let now = appended.load(Ordering::Relaxed);
            if now == before && now > 0 {
                break;
            }
            before = now;
        }
        watch.open();
        before
    });
    // Up to sixteen pieces wait, one is being written and one fills; a record of these takes 120 bytes.
    assert!((1..18 * 16_384 / 110).contains(&stood), "{stood}");
    assert_eq!(appended.load(Ordering::Relaxed), 20_000);
    log.close().expect("it closes");
}

#[test]
fn a_failed_write_by_the_thread_stops_the_log() {
    for after in [0, 1, 5] {
        let (memory, faulty, watch, mut log) = threaded(SyncPolicy::Always);
        common::write(&mut log, 5);
        let effect = Effect::Fail(io::ErrorKind::StorageFull, 700);
        faulty.fault(Fault { deed: Deed::Write, suffix: ".seg".into(), after, count: 1, effect });
        let mut failed = None;
        while failed.is_none() {
            failed = append(&mut log).err();
            if log.last_seq().is_multiple_of(400) {
                watch.until_the_thread_writes(|| log.failure().is_some());
            }
        }
        let error = failed.expect("it fails");
        assert!(error.to_string().contains("free space on that disk"), "{error}");
        assert!(matches!(log.failure(), Some(LogError::Io { doing: "write", .. })));
        assert!(matches!(log.sync(), Err(LogError::Poisoned { .. })));
        assert!(matches!(log.flush(), Err(LogError::Poisoned { .. })));
        assert_eq!((faulty.fired(), log.durable_seq()), (1, 5));
        assert!(watch.by_thread.load(Ordering::Relaxed) > 0);
        drop(log);
        let disk: Arc<dyn Disk> = Arc::new(memory);
        let (log, recovered) = open(&disk, config()).expect("there is room again");
        assert!(recovered.last_seq >= 5);
        assert_eq!(read_all(&log, 1), Ok(recovered.last_seq));
    }
}

#[test]
fn a_commit_that_waits_for_a_write_which_fails_says_so() {
    let (_, faulty, watch, mut log) = threaded(SyncPolicy::Always);
    watch.shut();
    meet(&mut log, &watch);
    faulty.fault(Fault::always(Deed::Write, ".seg", Effect::Fail(io::ErrorKind::StorageFull, 0)));
    let opens = {
        let watch = watch.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            watch.open();
        })
    };
    let error = log.settle(Need::BeforeEffects).expect_err("the disk is full");
    assert!(error.to_string().contains("free space on that disk"), "{error}");
    assert_eq!((log.durable_seq(), faulty.fired()), (0, 1));
    opens.join().expect("it opens");
}

#[test]
fn a_thread_that_panics_stops_the_log_and_holds_nobody_up() {
    let (_, _, watch, mut log) = threaded(SyncPolicy::Always);
    watch.panics.store(true, Ordering::Relaxed);
    meet(&mut log, &watch);
    let error = log.sync().expect_err("nobody knows what was written");
    assert!(error.to_string().contains("the thread that writes has ended"), "{error}");
    assert!(matches!(append(&mut log), Err(LogError::Poisoned { .. })));
    assert_eq!(log.durable_seq(), 0);
}

#[test]
fn an_abandoned_log_leaves_unwritten_what_waits() {
    let (memory, _, watch, mut log) = threaded(SyncPolicy::Off);
    watch.shut();
    meet(&mut log, &watch);
    for _ in 0..1_000 {
        append(&mut log).expect("the record is taken");
    }
    let opens = {
        let watch = watch.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            watch.open();
        })
    };
    log.abandon();
    opens.join().expect("it opens");
    let disk: Arc<dyn Disk> = Arc::new(memory);
    let (log, recovered) = open(&disk, config()).expect("it opens");
    // The piece that the thread was in the middle of, and no other.
    assert!((1..300).contains(&recovered.last_seq), "{}", recovered.last_seq);
    assert_eq!(read_all(&log, 1), Ok(recovered.last_seq));
}
