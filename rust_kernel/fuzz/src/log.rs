//! Bytes as a log's directory: it is refused and left alone, or it opens with the records that a plain reader finds, and
//! nothing that was synced is missing.
//!
//! The first byte chooses: the bytes are one segment as they are, or a list of edits of a log that a real engine wrote.
//! An edit may put the checksum right again, so that what stands behind checksums is reached.

mod plain;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use dita_engine::{Engine, EngineConfig, LogSettings, Port, Progress, SharedDisk};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, Intent};
use dita_kernel::invariant;
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{KernelCommandType, TradeSide};
use dita_kernel::num::Decimal;
use dita_log::disk::MemoryDisk;
use dita_log::{Check, Config, Log, Record, SyncPolicy, verify};
use dita_sim::{SimConfig, SimVenue};

use crate::bytes::Bytes;

/// A directory's files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The first byte of bytes that are one segment.
pub const RAW: u8 = 0;
const EDITS_MAX: usize = 24;

/// Opens what the bytes make.
pub fn run(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let files = match bytes.byte() {
        RAW => Files::from([("00000000000000000001.seg".to_string(), bytes.rest().to_vec())]),
        _ => edited(&mut bytes),
    };
    open_and_compare(&files, Check::All);
    open_and_compare(&files, Check::FromSnapshot);
    recover(&files);
}

/// The log that is edited: two openings, several segments, snapshots, an index.
pub fn written() -> &'static Files {
    static WRITTEN: OnceLock<Files> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let memory = MemoryDisk::new();
        for opening in 0..2 {
            trade(&(Arc::new(memory.clone()) as SharedDisk), opening);
        }
        memory.files()
    })
}

fn engine_config() -> EngineConfig {
    let kernel =
        KernelConfig { max_slots: 2, remembered_orders: 4, remembered_intents: 8, ..KernelConfig::default() };
    EngineConfig { kernel, ..EngineConfig::default() }
}

fn settings() -> LogSettings {
    LogSettings {
        policy: SyncPolicy::Always,
        segment_bytes_max: 1_500,
        snapshot_records: 25,
        ..LogSettings::default()
    }
}

/// A real engine on the simulated venue: in and out, four times.
fn trade(disk: &SharedDisk, opening: u32) {
    let mut venue = SimVenue::new(SimConfig::default()).expect("a venue");
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), number("0.1"), number("0.001"));
    if opening == 0 {
        venue.add_instrument(&spec).expect("it lists");
    }
    let port = Port::Sim(Box::new(venue));
    let opened = Engine::recover(engine_config(), port, disk.clone(), &settings(), &mut |_| {});
    let mut engine = opened.expect("the log opens").0;
    engine.tell_time(1 + i64::from(opening) * 60_000_000_000);
    assert_eq!(engine.run(), Progress::Quiet);
    if opening == 0 {
        let paid_in =
            |venue: &mut SimVenue, _: i64, _: &mut Vec<Input>| venue.deposit(&id("USDT"), number("10000"));
        engine.with_venue(paid_in).expect("money");
        engine.push(Input::Instrument(Box::new(spec)), false).expect("room");
        engine.push(Input::Seed { asset: id("USDT"), amount: number("10000") }, false).expect("room");
    }
    for trade in 0..4 {
        let price = format!("{}", 100 + trade);
        let quote = |venue: &mut SimVenue, now_ns: i64, out: &mut Vec<Input>| {
            venue.quote(now_ns, &id("BTCUSDT"), number(&price), None, number(&price), None, out)
        };
        engine.with_venue(quote).expect("a quote");
        for action in [KernelCommandType::Enter, KernelCommandType::Exit] {
            let name = format!("{opening}-{trade}");
            let intent_id = id(&format!("{name}-{action}"));
            let mut intent = Intent::new(action, intent_id, id(&name), 0, id("BTCUSDT"), TradeSide::Long);
            intent.reference_price = Some(number(&price));
            intent.target_size = (action == KernelCommandType::Enter).then(|| number("0.5"));
            engine.push(Input::Intent(Box::new(intent)), false).expect("room");
            assert_eq!(engine.run(), Progress::Quiet);
        }
    }
    // The first one ends as a killed process does.
    if opening == 1 {
        engine.close_log().expect("it closes");
    }
}

fn edited(bytes: &mut Bytes<'_>) -> Files {
    let mut files = written().clone();
    let names: Vec<String> = files.keys().cloned().collect();
    for _ in 0..EDITS_MAX {
        if bytes.is_empty() {
            break;
        }
        let (name, deed, at) = (&names[usize::from(bytes.byte()) % names.len()], bytes.byte(), bytes.short());
        let Some(content) = files.get_mut(name) else { continue };
        let at = usize::from(at).min(content.len());
        match deed % 8 {
            0 => {
                let until = (at + 1 + usize::from(bytes.byte() % 8)).min(content.len());
                content[at..until].fill_with(|| bytes.byte());
            }
            1 => content.truncate(at),
            2 => content.extend_from_slice(bytes.take(at % 300)),
            3 => drop(content.drain(at..(at + usize::from(bytes.byte())).min(content.len()))),
            4 => drop(content.splice(at..at, bytes.take(8).to_vec())),
            5 => drop(files.remove(name)),
            6 => {
                let source = &names[usize::from(bytes.byte()) % names.len()];
                if let Some(copy) = files.get(source).cloned() {
                    files.insert(name.clone(), copy);
                }
            }
            7 if at % 2 == 0 => {
                let copy = content.clone();
                renumbered(&mut files, name, copy, bytes.pick(&[0, 1, 2, u64::MAX - 1, u64::MAX]));
            }
            _ => {
                let until = (at + 8).min(content.len());
                content[at..until].fill(bytes.byte());
            }
        }
        if deed & 0x80 != 0
            && let Some(content) = files.get_mut(name)
        {
            plain::put_right(name, content);
        }
    }
    files
}

/// A copy of a file under another number, its checksums right.
fn renumbered(files: &mut Files, name: &str, mut copy: Vec<u8>, number: u64) {
    let (at, suffix) = if name.ends_with(".seg") { (32, "seg") } else { (16, "snap") };
    if let Some(field) = copy.get_mut(at..at + 8) {
        field.copy_from_slice(&number.to_le_bytes());
        let name = format!("{number:020}.{suffix}");
        plain::put_right(&name, &mut copy);
        files.insert(name, copy);
    }
}

/// What a record holds, apart from its place.
type Held = (u64, u32, u8, i64, Vec<u8>);

fn held(record: &Record<'_>) -> Held {
    (record.seq, record.epoch, record.kind, record.ts_ns, record.payload.to_vec())
}

fn no_keys(_kind: u8, _payload: &[u8], _keys: &mut Vec<dita_log::Key>) {}

/// Opens the directory as its owner would, and holds it against the plain reader.
fn open_and_compare(files: &Files, check: Check) {
    let memory = MemoryDisk::holding(files.clone());
    let disk: SharedDisk = Arc::new(memory.clone());
    // The same directory, read without the lock.
    let verified = verify(&disk, None, &mut |_, _| {});
    assert!(memory.files() == *files, "verifying changed a file");
    let identity = dita_engine::identity(&engine_config().kernel);
    let config =
        Config { policy: SyncPolicy::Always, check, ..Config::new(&identity, dita_kernel::RULES_VERSION) };
    let (log, recovered) = match Log::open(disk.clone(), config.clone(), &no_keys) {
        Ok(opened) => opened,
        Err(_) => return assert!(memory.files() == *files, "a refused log was changed"),
    };
    let found = plain::read(files, &identity);
    assert!(
        recovered.last_seq >= plain::synced(files, &identity),
        "what the mark says was synced is missing"
    );
    if let Some(broken) = found.broken {
        // What a snapshot stands for is not read.
        assert!(check == Check::FromSnapshot && recovered.snapshot.is_some(), "taken in spite of {broken}");
        return;
    }
    assert_eq!(recovered.last_seq, found.last_seq(), "{:?}", found.ends);
    if check == Check::All && !found.records.is_empty() {
        assert!(verified.is_ok(), "{verified:?}");
    }
    let first_seq = recovered.replay_from.max(found.first_seq());
    if recovered.last_seq >= first_seq {
        let mut reader = log.reader(first_seq).expect("what is to be replayed can be read");
        for expected in found.records.iter().filter(|record| record.0 >= first_seq) {
            let record = reader.next().expect("it is whole").expect("there is one");
            assert_eq!(held(&record), *expected);
        }
        assert_eq!(reader.next().expect("it is whole"), None);
    }
    drop(log);
    let (log, again) = Log::open(disk, config, &no_keys).expect("what was opened once opens again");
    assert_eq!((again.last_seq, again.torn, again.epoch), (recovered.last_seq, None, recovered.epoch + 1));
    drop(log);
}

/// Brings a kernel to where the log ends: an error, or a sound kernel.
fn recover(files: &Files) {
    let memory = MemoryDisk::holding(files.clone());
    let disk: SharedDisk = Arc::new(memory.clone());
    let opened = Engine::recover(engine_config(), Port::Foreign, disk, &settings(), &mut |_| {});
    let Ok((mut engine, _)) = opened else { return };
    while let Progress::Call(_) = engine.run() {}
    assert_eq!(invariant::check(engine.kernel()), Ok(()));
    engine.close_log().expect("memory takes it");
}

fn id(text: &str) -> Id {
    Id::new(text).expect("a short id")
}

fn number(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}
