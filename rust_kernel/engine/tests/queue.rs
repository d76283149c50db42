//! A kernel without a log feeds followers through a queue that a thread writes.

use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use dita_engine::{
    BatchBounds, Engine, EngineConfig, EngineError, FollowError, Follower, LogSettings, Port, Progress,
    QUEUE_WAITING_BYTES_MAX, SharedDisk, Wanted,
};
use dita_kernel::codec;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, Intent};
use dita_kernel::names::{KernelCommandType as Action, TradeSide};
use dita_kernel::num::Decimal;
use dita_log::{Disk, DiskFile, LockOutcome, MemoryDisk, Reader, Span, SyncPolicy};

const STATES: Wanted = Wanted { journal: false, when_enabled: false, states: true };

fn settings() -> LogSettings {
    LogSettings {
        policy: SyncPolicy::Written,
        segment_bytes_max: 4096,
        snapshot_records: 50,
        retained_bytes_max: 0,
        follower_bytes_max: 1 << 20,
    }
}

fn queued(disk: &SharedDisk) -> Result<Engine, EngineError> {
    Engine::queued(EngineConfig::default(), Port::Foreign, disk.clone(), &settings())
        .map(|(engine, _)| engine)
}

fn take(engine: &mut Engine, inputs: u64) {
    for _ in 0..inputs {
        engine.push(Input::Time, false).expect("there is room");
        assert_eq!(engine.run(), Progress::Quiet);
    }
}

fn follow(disk: &SharedDisk, seq: u64) -> Follower {
    Follower::open(disk.clone(), "q", seq, Span::Written, STATES, &mut |_| ControlFlow::Continue(()))
        .expect("the log is whole")
}

/// The last input that there is.
fn read_on(follower: &mut Follower) -> Result<u64, FollowError> {
    let bounds = BatchBounds { records_max: 1 << 30, bytes_max: usize::MAX, last_seq: None };
    while follower.poll(&bounds)?.is_some() {}
    Ok(follower.kernel().seq())
}

/// The last input that a new follower reads.
fn read(disk: &SharedDisk) -> u64 {
    let first_seq = dita_engine::first_to_follow(disk).expect("the log is whole");
    read_on(&mut follow(disk, first_seq)).expect("the log is whole")
}

#[test]
fn followers_read_what_an_engine_without_a_log_took() {
    let disk: SharedDisk = Arc::new(MemoryDisk::new());
    let mut engine = queued(&disk).expect("the directory is empty");
    assert!(!engine.has_log() && engine.durable_seq().is_none() && engine.log_standing().is_none());
    take(&mut engine, 1_000);
    engine.sync_log().expect("memory takes it");
    assert_eq!(read(&disk), 1_000);
    take(&mut engine, 7);
    // What was handed over before the end is written before the end.
    engine.close_log().expect("memory takes it");
    assert_eq!(read(&disk), 1_007);
    assert_eq!(engine.queue_failure(), None);
}

/// One of each kind of input, as the codec writes it.
fn golden() -> Vec<Vec<u8>> {
    let file = include_str!("../../../tests/golden/inputs_v2.txt");
    let bytes = |line: &str| {
        let hex = line.split_once(' ').expect("a name and bytes").1.as_bytes();
        let digit = |digit: u8| char::from(digit).to_digit(16).expect("a digit") as u8;
        hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    };
    file.lines().map(bytes).collect()
}

#[test]
fn the_log_holds_the_codecs_bytes_of_every_kind_of_input() {
    let mut expected = golden();
    for bytes in golden() {
        // Without what seldom comes with them they are handed over in another form.
        let mut input: Input = codec::decode(&bytes).expect("it is of this version");
        match &mut input {
            Input::Venue(event) => event.rare = None,
            Input::Intent(intent) => {
                (intent.exit_leg_ratios, intent.metadata) = (Vec::new(), "".into());
            }
            _ => continue,
        }
        let mut plain = Vec::new();
        codec::encode(&input, &mut plain).expect("it can be written");
        assert_ne!(plain, bytes);
        expected.push(plain);
    }
    let disk: SharedDisk = Arc::new(MemoryDisk::new());
    let mut engine = queued(&disk).expect("the directory is empty");
    for bytes in &expected {
        engine.push(codec::decode(bytes).expect("it is of this version"), false).expect("there is room");
        while engine.run() != Progress::Quiet {}
    }
    engine.close_log().expect("memory takes it");
    let mut reader = Reader::open(disk, None, 1, Span::Written).expect("the log can be read");
    let mut found = Vec::new();
    while let Some(record) = reader.next().expect("it is whole") {
        found.push(record.payload.to_vec());
    }
    assert_eq!(found, expected);
}

#[test]
fn a_directory_with_a_log_is_no_queue() {
    let disk: SharedDisk = Arc::new(MemoryDisk::new());
    let mut engine = queued(&disk).expect("the directory is empty");
    take(&mut engine, 3);
    drop(engine);
    assert_eq!(queued(&disk).err(), Some(EngineError::Config("a queue begins in an empty directory")));
}

/// A disk in memory whose writes hang for as long as they are told to, or panic once.
#[derive(Default)]
struct Hanging {
    inner: MemoryDisk,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    hangs: Mutex<bool>,
    opened: Condvar,
    panics: AtomicBool,
}

impl Gate {
    fn set(&self, hangs: bool) {
        *self.hangs.lock().unwrap() = hangs;
        self.opened.notify_all();
    }

    fn pass(&self) {
        drop(self.opened.wait_while(self.hangs.lock().unwrap(), |hangs| *hangs).unwrap());
        assert!(!self.panics.swap(false, Ordering::Relaxed), "as it was told to");
    }
}

struct HangingFile {
    inner: Arc<dyn DiskFile>,
    gate: Arc<Gate>,
}

impl DiskFile for HangingFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.gate.pass();
        self.inner.write_at(offset, bytes)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, into)
    }

    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.inner.truncate(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

impl Hanging {
    fn hang(&self, file: io::Result<Arc<dyn DiskFile>>) -> io::Result<Arc<dyn DiskFile>> {
        let gate = self.gate.clone();
        file.map(|inner| Arc::new(HangingFile { inner, gate }) as Arc<dyn DiskFile>)
    }
}

impl Disk for Hanging {
    fn path(&self, name: &str) -> String {
        self.inner.path(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.hang(self.inner.create(name))
    }

    fn open_write(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.hang(self.inner.open_write(name))
    }

    fn open_read(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.inner.open_read(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.inner.sync_dir()
    }

    fn lock(&self) -> io::Result<LockOutcome> {
        self.inner.lock()
    }

    fn background_sync(&self) -> bool {
        self.inner.background_sync()
    }
}

#[test]
fn what_is_kept_is_bounded_in_bytes_however_large_the_inputs_are() {
    let disk: SharedDisk = Arc::new(MemoryDisk::new());
    let settings = LogSettings { snapshot_records: u64::MAX, ..settings() };
    let mut engine = Engine::queued(EngineConfig::default(), Port::Foreign, disk.clone(), &settings)
        .expect("the directory is empty")
        .0;
    for _ in 0..2_000 {
        engine.push(large(), false).expect("there is room");
        assert_eq!(engine.run(), Progress::Quiet);
    }
    engine.sync_log().expect("memory takes it");
    let size = |name: &String| disk.open_read(name).and_then(|file| file.length()).unwrap_or(0);
    let segments = disk.list().expect("it is in memory");
    let kept: u64 = segments.iter().filter(|name| name.ends_with(".seg")).map(size).sum();
    // 8 MB were written.
    assert!(kept < 2 * settings.follower_bytes_max, "{kept} bytes");
    assert_eq!(read(&disk), engine.kernel().seq());
}

/// An intent that the kernel refuses, and that takes some kilobytes.
fn large() -> Input {
    let id = |text| Id::new(text).unwrap();
    let mut intent = Intent::new(Action::Enter, id("i"), id("t"), 0, id("NOSUCH"), TradeSide::Long);
    intent.metadata = format!("{{\"why\":\"{}\"}}", "x".repeat(4_000)).into();
    Input::Intent(Box::new(intent))
}

#[test]
fn what_overflows_is_gone_and_the_kernel_never_waits_for_it() {
    let hanging = Hanging::default();
    let gate = hanging.gate.clone();
    let disk: SharedDisk = Arc::new(hanging);
    let mut engine = queued(&disk).expect("the directory is empty");
    take(&mut engine, 10);
    engine.sync_log().expect("memory takes it");
    let mut early = follow(&disk, 0);
    assert_eq!(read_on(&mut early), Ok(10));

    gate.set(true);
    let bound = QUEUE_WAITING_BYTES_MAX / 4_000;
    for _ in 0..2 * bound {
        engine.push(large(), false).expect("there is room");
        // It does not hang here, with twice as much as may wait.
        assert_eq!(engine.run(), Progress::Quiet);
    }
    let overflowed_at = engine.kernel().seq();
    gate.set(false);
    engine.sync_log().expect("memory takes it");
    take(&mut engine, 7);
    engine.sync_log().expect("memory takes it");
    assert_eq!((engine.queue_failure(), engine.kernel().seq()), (None, overflowed_at + 7));

    // One that had read up to the gap is told from where it can go on, and what it finds there is whole.
    let gone = read_on(&mut early).expect_err("what it needs next is gone");
    assert!(matches!(gone, FollowError::Gone { first_seq, .. } if first_seq == overflowed_at + 1), "{gone}");
    assert_eq!(dita_engine::first_to_follow(&disk), Ok(overflowed_at));
    let mut late = follow(&disk, overflowed_at);
    assert_eq!(read_on(&mut late), Ok(overflowed_at + 7));
    assert_eq!(late.kernel().state_hash(), engine.kernel().state_hash());
    // And from then on it is a queue like any other.
    take(&mut engine, 1_000);
    engine.close_log().expect("memory takes it");
    let mut last = follow(&disk, dita_engine::first_to_follow(&disk).expect("the log is whole"));
    assert_eq!(read_on(&mut last), Ok(overflowed_at + 1_007));
    assert_eq!(last.kernel().state_hash(), engine.kernel().state_hash());
}

#[test]
fn a_thread_that_panics_is_said_and_nobody_waits_for_it() {
    let hanging = Hanging::default();
    let gate = hanging.gate.clone();
    let mut engine = queued(&(Arc::new(hanging) as SharedDisk)).expect("the directory is empty");
    gate.panics.store(true, Ordering::Relaxed);
    take(&mut engine, 10);
    // It does not hang here.
    engine.sync_log().expect("there is no log");
    assert_eq!(engine.queue_failure().as_deref(), Some("queue: its thread has panicked"));
    take(&mut engine, 10);
    engine.close_log().expect("there is no log");
    assert_eq!(engine.kernel().seq(), 20);
}

#[test]
fn followers_see_a_request_while_its_venue_has_not_answered() {
    let disk: SharedDisk = Arc::new(MemoryDisk::new());
    let mut engine = queued(&disk).expect("the directory is empty");
    let id = |text| Id::new(text).unwrap();
    let dec = |text| Decimal::parse(text).unwrap();
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    let mut intent = Intent::new(Action::Enter, id("i"), id("t"), 0, id("BTCUSDT"), TradeSide::Long);
    intent.target_size = Some(dec("0.01"));
    for input in [
        Input::Instrument(Box::new(spec)),
        Input::Seed { asset: id("USDT"), amount: dec("1000000") },
        Input::Mark { symbol: id("BTCUSDT"), price: dec("100"), venue_time_ns: 0, ages: false },
        Input::Intent(Box::new(intent)),
    ] {
        engine.push(input, false).expect("there is room");
    }
    assert!(matches!(engine.run(), Progress::Call(_)));
    let until = Instant::now() + Duration::from_secs(30);
    while read(&disk) < engine.kernel().seq() {
        assert!(Instant::now() < until, "followers wait for the venue");
        std::thread::sleep(Duration::from_millis(1));
    }
}
