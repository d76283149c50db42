//! A log that is refused is left as it was: whatever is found wrong is found before anything is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use dita_engine::{Engine, EngineConfig, EngineError, LogSettings, Note, Port, Progress};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::num::Decimal;
use dita_log::disk::MemoryDisk;
use dita_log::{Disk, LogError};

/// So many copies are damaged, each in its own place.
const COPIES: u64 = 240;

type Files = BTreeMap<String, Vec<u8>>;

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn open_on(disk: Arc<dyn Disk>) -> Result<Engine, EngineError> {
    let settings = LogSettings { segment_bytes_max: 2_048, snapshot_records: 60, ..LogSettings::default() };
    let config = EngineConfig::default();
    Engine::recover(config, Port::Foreign, disk, &settings, &mut |_| {}).map(|(engine, _)| engine)
}

fn take(engine: &mut Engine, input: Input) {
    engine.push(input, false).unwrap();
    while !matches!(engine.run(), Progress::Quiet) {}
}

/// A closed log with sealed segments, indexes, notes, and snapshots in the midst of it.
fn written() -> Files {
    let memory = MemoryDisk::new();
    let mut engine = open_on(Arc::new(memory.clone())).unwrap();
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    take(&mut engine, Input::Instrument(Box::new(spec)));
    for number in 0..200_u64 {
        take(&mut engine, Input::Seed { asset: id("USDT"), amount: dec(&format!("{}", 1_000 + number)) });
        if number % 7 == 0 {
            let note = Note { told_seq: number, time_ns: 0, text: "x".repeat(300).into() };
            engine.note(id(&format!("program-{}", number % 3)), note).unwrap();
        }
    }
    engine.sync_log().unwrap();
    engine.leave_log();
    memory.files()
}

/// The copy of a number: a byte changed, a file cut off, a stretch of zeros, or a file that is gone.
fn damaged(files: &Files, number: u64) -> (Files, String) {
    let hash = blake3::hash(&number.to_le_bytes());
    let draw = |at: usize, below: usize| {
        let bytes = hash.as_bytes()[at..].first_chunk::<8>().unwrap();
        (u64::from_le_bytes(*bytes) % below as u64) as usize
    };
    let mut files = files.clone();
    let names: Vec<String> = files.keys().cloned().collect();
    let name = names[draw(0, names.len())].clone();
    let bytes = files.get_mut(&name).unwrap();
    let at = draw(8, bytes.len());
    let what = match number % 8 {
        0 => {
            files.remove(&name);
            "removed".to_owned()
        }
        1 | 2 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        3 => {
            let end = bytes.len().min(at + 512);
            bytes[at..end].fill(0);
            format!("zeros from {at}")
        }
        _ => {
            bytes[at] ^= 1 << draw(16, 8);
            format!("a bit of byte {at}")
        }
    };
    (files, format!("copy {number}: {name}, {what}"))
}

#[test]
fn of_240_damaged_copies_each_one_that_is_refused_is_left_byte_for_byte() {
    let files = written();
    for suffix in [".seg", ".snap", ".idx"] {
        assert!(files.keys().filter(|name| name.ends_with(suffix)).count() > 1, "{suffix}");
    }
    let (mut refused, mut behind) = (0, 0);
    for number in 0..COPIES {
        let (copy, what) = damaged(&files, number);
        let memory = MemoryDisk::holding(copy.clone());
        let error = match open_on(Arc::new(memory.clone())) {
            Ok(_) => continue,
            Err(error) => error,
        };
        refused += 1;
        let after = memory.files();
        for (name, bytes) in &copy {
            assert!(after.get(name) == Some(bytes), "{what}: {name} was changed by the refusal: {error}");
        }
        assert_eq!(after.len(), copy.len(), "{what}: {:?}", after.keys());
        // Found only by the replay: the log alone takes it.
        let config = dita_log::Config {
            segment_bytes_max: 2_048,
            ..dita_log::Config::new(&dita_engine::identity(&Default::default()), dita_kernel::RULES_VERSION)
        };
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::holding(copy));
        behind += usize::from(dita_log::Log::examine(disk, config, &|_, _, _| {}).is_ok());
    }
    assert!(refused > 40, "{refused} of {COPIES} were refused");
    assert!(behind > 0, "none was found by the replay alone");
}

#[test]
fn a_log_that_wants_more_room_than_it_is_opened_with_is_left_as_it_was() {
    let files = written();
    let memory = MemoryDisk::holding(files.clone());
    let mut config = EngineConfig::default();
    config.kernel.max_slots -= 1;
    let settings = LogSettings::default();
    let refused = Engine::recover(config, Port::Foreign, Arc::new(memory.clone()), &settings, &mut |_| {});
    let error = refused.map(|_| ()).expect_err("its slots are more");
    assert!(error.to_string().contains("max_slots"), "{error}");
    assert!(!matches!(error, EngineError::Log(LogError::Corrupt { .. })));
    assert!(memory.files() == files);
}
