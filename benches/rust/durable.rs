//! What a log costs: appending, opening again, and the round trip on it, beside the disk's own sync.
//!
//! `durable DIRECTORY [RECORDS]` writes there, so that the disk is the one that counts. Prints one JSON line a figure:
//! medians. Fewer records than a million are for trying it out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use dita_benches::trips::{SLOTS, Took, Trips, empty, open_again, recorded, sync_us};
use dita_engine::{LogSettings, replay_record};
use dita_kernel::effect::Effects;
use dita_kernel::input::{Input, Stamp};
use dita_kernel::kernel::Kernel;
use dita_log::{Config, FileDisk, Key, Log, Need, Reader, Span, SyncPolicy};

/// Repetitions of which the median counts.
const ROUNDS: usize = 7;
/// Records of the log that is opened again; half as many are appended, and a fifth is what a snapshot lacks.
const RECORDS: u64 = 1_000_000;
/// Batches of an arm in a row, some tenths of a second: what follows the syncs of an arm before runs on a processor that
/// has slept, and the first batches pay for that.
const BATCHES: usize = 128;
/// Round trips one by one in a row.
const SINGLES: usize = 128;
/// What a drain appends.
const DRAIN: u64 = 1_024;

fn main() {
    let root = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("target/durable"), PathBuf::from);
    let records = std::env::args().nth(2).and_then(|text| text.parse().ok()).unwrap_or(RECORDS);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{{\"load_before\": \"{}\"}}", load.split(' ').next().unwrap_or_default());
    append(&root.join("append"), records / 2);
    round_trips(&root);
    reopen(&root.join("reopen"), records);
    std::fs::remove_dir_all(&root).expect("the directory can go");
}

fn report(name: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let (lowest, median, highest) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    println!(
        "{{\"figure\": \"{name}\", \"median\": {median:.2}, \"lowest\": {lowest:.2}, \"highest\": {highest:.2}}}"
    );
}

/// Records a second into files, of round trips' types and sizes, keyed where those are; synced by the thread as ever,
/// and once more at the end.
fn append(directory: &Path, count: u64) {
    let trips = recorded(20_000);
    let round = || {
        empty(directory);
        let disk = Arc::new(FileDisk::create(directory).expect("a directory"));
        let config = Config { policy: SyncPolicy::default(), ..Config::new(b"bench", 1) };
        let (mut log, _) = Log::open(disk, config, &|_, _, _| {}).expect("a new log");
        let start = Instant::now();
        for (seq, (kind, payload)) in (1..=count).zip(trips.iter().cycle()) {
            let mut key = Key::default();
            key[..8].copy_from_slice(&seq.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
            let keys: &[Key] = if kind & 0x40 == 0 { &[] } else { &[key] };
            log.append(*kind, seq, seq as i64, keys, |out| out.extend_from_slice(payload)).expect("taken");
            if seq % DRAIN == 0 {
                log.settle(Need::WithinPolicy).expect("the disk works");
            }
        }
        log.sync().expect("the disk works");
        count as f64 / start.elapsed().as_secs_f64()
    };
    report("append_records_per_second", (0..ROUNDS).map(|_| round()).collect());
}

/// A round trip in batches and one by one, beside the syncs that it waits for, and without a log. Each arm runs some
/// rounds in a row: what another arm left in the caches is not its affair.
fn round_trips(root: &Path) {
    let mut trips = Trips::on_log(&root.join("trips"), &LogSettings::default());
    let mut bare = Trips::without_log();
    let mut figures: [(&str, Vec<f64>); 9] = [
        ("t2_batch_us_per_round_trip", Vec::new()),
        ("t2_batch_us_per_round_trip_beside_the_syncs", Vec::new()),
        ("t2_batch_us_writing", Vec::new()),
        ("t2_single_us_per_round_trip", Vec::new()),
        ("t2_single_us_per_round_trip_beside_its_syncs", Vec::new()),
        ("t2_single_us_writing", Vec::new()),
        ("no_log_batch_us_per_round_trip", Vec::new()),
        ("no_log_single_us_per_round_trip", Vec::new()),
        ("sync_of_4_KiB_us", Vec::new()),
    ];
    let batch = f64::from(SLOTS);
    for round in 0..=ROUNDS {
        let batches: Vec<Took> = (0..BATCHES).map(|_| trips.batch()).collect();
        let singles: Vec<Took> = (0..SINGLES).map(|_| trips.single()).collect();
        let each = |tooks: &[Took], one: fn(&Took) -> f64, of: f64| -> Vec<f64> {
            tooks.iter().map(|took| one(took) / of).collect()
        };
        let measured = [
            each(&batches, |took| took.all_us, batch),
            each(&batches, Took::beside_us, batch),
            each(&batches, |took| took.writes_us, batch),
            each(&singles, |took| took.all_us, 1.0),
            each(&singles, Took::beside_us, 1.0),
            each(&singles, |took| took.writes_us, 1.0),
            (0..BATCHES).map(|_| bare.batch().all_us / batch).collect(),
            (0..SINGLES).map(|_| bare.single().all_us).collect(),
            (0..BATCHES).map(|_| sync_us(root)).collect(),
        ];
        for ((_, values), new) in figures.iter_mut().zip(measured).filter(|_| round > 0) {
            values.extend(new);
        }
    }
    for (name, values) in figures {
        report(name, values);
    }
}

/// Opening a log of a million inputs: with every record verified and replayed, the core's part of that, and from a
/// snapshot with a tail.
fn reopen(directory: &Path, records: u64) {
    let settings = |snapshot_records| LogSettings {
        snapshot_records,
        policy: SyncPolicy::Off,
        ..LogSettings::default()
    };
    fill(directory, &settings(u64::MAX), records);
    let (mut whole, mut core) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let start = Instant::now();
        let replayed = open_again(directory, &settings(u64::MAX));
        assert!(replayed >= records);
        whole.push(replayed as f64 / start.elapsed().as_secs_f64());
        core.push(replayed as f64 / core_seconds(directory));
    }
    report("recovery_records_per_second", whole);
    report("core_replay_records_per_second", core);
    let tail_min = records / 5;
    fill(directory, &settings(records - tail_min), records);
    let tail = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let replayed = open_again(directory, &settings(u64::MAX));
        assert!((tail_min / 2..tail_min * 2).contains(&replayed), "{replayed}");
        start.elapsed().as_secs_f64() * 1e3
    });
    report("snapshot_and_tail_ms", tail.collect());
}

fn fill(directory: &Path, settings: &LogSettings, records: u64) {
    let mut trips = Trips::on_log(directory, settings);
    while trips.records() < records {
        trips.batch();
    }
    trips.sync();
}

/// Seconds that the core alone takes for a log's inputs.
fn core_seconds(directory: &Path) -> f64 {
    let disk = Arc::new(FileDisk::create(directory).expect("a directory"));
    let mut reader = Reader::open(disk, None, 1, Span::Written).expect("the log can be read");
    let config = dita_engine::config_of(reader.identity().bytes()).expect("a kernel's log");
    let mut reading = Kernel::new(config.clone()).expect("a kernel");
    let mut kernel = Kernel::new(config).expect("a kernel");
    let (mut effects, mut seconds) = (Effects::default(), 0.0);
    loop {
        let mut inputs: Vec<(Stamp, Input)> = Vec::with_capacity(10_000);
        while inputs.len() < 10_000
            && let Some(record) = reader.next().expect("it is whole")
        {
            let stamp = Stamp(record.ts_ns);
            let (input, _) = replay_record(&mut reading, &record, &mut effects).expect("it replays");
            inputs.push((stamp, input));
        }
        if inputs.is_empty() {
            assert_eq!(kernel.state_hash(), reading.state_hash());
            return seconds;
        }
        let start = Instant::now();
        for (stamp, input) in &inputs {
            effects.clear();
            kernel.step(*stamp, input, &mut effects);
        }
        seconds += start.elapsed().as_secs_f64();
    }
}
