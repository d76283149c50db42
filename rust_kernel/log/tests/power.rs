//! Power loss: after every I/O operation of a working log, what may be left of the disk is opened again, and that
//! recovery is itself cut short after every one of its operations.
//!
//! `DITA_POWER_IMAGES` sets how many images in memory are opened at least, `DITA_POWER_FILES` how many on real files.

mod common;

use common::{Directory, append, config, key, keys_of, payload, ts_ns};
use dita_log::disk::{Deed, Effect, Fate, Fault, FaultyDisk, MemoryDisk};
use dita_log::{Check, Config, Disk, Log, LogError, Need, Recovered, SyncPolicy};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Images in memory, at least; a started workload is always finished.
const IMAGES: u64 = 100_000;
/// Images on real files.
const IMAGES_ON_FILES: u64 = 1_000;
/// Steps of one workload.
const STEPS: u64 = 60;
/// How a first power loss is drawn, at each boundary.
const DRAWS: u64 = 2;

fn bound(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What the images led to, so that nobody thinks them harmless: torn tails, those with whole records behind the first
/// bad one, and merges of index files.
static TORN: AtomicU64 = AtomicU64::new(0);
static TORN_BEFORE_RECORDS: AtomicU64 = AtomicU64::new(0);
static MERGES: AtomicU64 = AtomicU64::new(0);

/// A SplitMix64 generator.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn small() -> Config {
    Config {
        check: Check::All,
        segment_bytes_max: 768,
        policy: SyncPolicy::Batch { delay_us_max: 1_000, records_max: 4 },
        ..config()
    }
}

fn open(disk: Arc<dyn Disk>) -> Result<(Log, Recovered), LogError> {
    Log::open(disk, small(), &keys_of)
}

/// Everything up to the sequence number is durable, and the epoch is used up.
type Promise = (u64, u32);
/// From the boundary on, this is promised.
type Promises = Vec<(usize, Promise)>;

/// The owner's state at `seq`: all that a snapshot must give back.
fn state(seq: u64) -> Vec<u8> {
    (0..seq % 700).flat_map(|index| (seq * 7 + index).to_le_bytes()).collect()
}

/// A log in use: appends, drains, syncs, snapshots, retention, merges, clean and unclean ends.
fn work(memory: &MemoryDisk, disk: &Arc<dyn Disk>, seed: u64) -> Promises {
    let mut random = Random(seed);
    let mut promises = vec![(0, (0, 0))];
    let mut log = open(disk.clone()).expect("a new log opens").0;
    for _ in 0..STEPS {
        let mut durable_seq = 0;
        match random.below(24) {
            0..=13 => {
                for _ in 0..=random.below(4) {
                    append(&mut log).expect("the record is taken");
                }
                match random.below(5) {
                    0 => durable_seq = log.settle(Need::WithinPolicy).expect("the disk works"),
                    1 | 2 => durable_seq = log.settle(Need::BeforeEffects).expect("the disk works"),
                    3 => log.flush().expect("the disk works"),
                    _ => {}
                }
            }
            14 | 15 => drop(log.sync().expect("the disk syncs")),
            16..=18 => {
                let seq = log.last_seq();
                log.write_snapshot(seq, ts_ns(seq), &state(seq), &[7; 32])
                    .expect("the disk takes a snapshot");
            }
            19 | 20 => {
                log.hold_from(log.durable_seq().saturating_sub(random.below(20)));
                drop(log.retain(0).expect("it removes"))
            }
            21 | 22 => drop(MERGES.fetch_add(log.maintain().expect("it merges").into(), Ordering::Relaxed)),
            _ => {
                drop(log);
                log = open(disk.clone()).expect("it opens again").0;
            }
        }
        promises.push((memory.boundary(), (log.durable_seq().max(durable_seq), log.epoch())));
    }
    log.abandon();
    promises
}

fn promised(promises: &Promises, boundary: usize) -> Promise {
    let until = promises.partition_point(|(from, _)| *from <= boundary);
    promises[..until].last().map_or((0, 0), |(_, promise)| *promise)
}

/// Opens what a power loss left and demands what was promised.
fn recover(disk: Arc<dyn Disk>, (promised_seq, epoch): Promise) -> Result<Log, String> {
    let (log, recovered) = open(disk).map_err(|error| format!("refused to start: {error}"))?;
    if recovered.last_seq < promised_seq {
        return Err(format!("seq {promised_seq} was promised, and the log ends at {}", recovered.last_seq));
    }
    if recovered.epoch <= epoch {
        return Err(format!("epoch {} is given out again", recovered.epoch));
    }
    if let Some(torn) = &recovered.torn {
        TORN.fetch_add(1, Ordering::Relaxed);
        TORN_BEFORE_RECORDS.fetch_add((torn.records_behind > 0).into(), Ordering::Relaxed);
    }
    if let Some(snapshot) = &recovered.snapshot
        && (snapshot.state != state(snapshot.seq) || snapshot.ts_ns != ts_ns(snapshot.seq))
    {
        return Err(format!("the snapshot at {} is not what was written", snapshot.seq));
    }
    let mut reader = log.reader(recovered.replay_from).map_err(|error| format!("cannot be read: {error}"))?;
    let mut next_seq = recovered.replay_from;
    while let Some(record) = reader.next().map_err(|error| format!("cannot be read: {error}"))? {
        if record.seq != next_seq || record.payload != payload(next_seq) || record.ts_ns != ts_ns(next_seq) {
            return Err(format!("seq {next_seq} is not what was written"));
        }
        next_seq += 1;
    }
    if next_seq != recovered.last_seq + 1 {
        return Err(format!("reading ends before seq {next_seq}, recovery said {}", recovered.last_seq));
    }
    for seq in (3..recovered.last_seq + 9).step_by(3) {
        let found = log.find(&key(seq).expect("every third has a key")).map_err(|error| error.to_string())?;
        if found != Some(seq).filter(|seq| *seq <= recovered.last_seq) {
            return Err(format!(
                "the key of seq {seq} is found at {found:?}, the log ends at {}",
                recovered.last_seq
            ));
        }
    }
    Ok(log)
}

/// Opens an image of a first power loss and goes on working for a little, then opens an image of a second one after
/// every operation of that. How many images.
fn crash_twice(image: &MemoryDisk, promise: Promise, seed: u64) -> Result<u64, String> {
    let mut log = recover(Arc::new(image.clone()), promise)?;
    // What recovery gave out is durable by then: its owner acts upon it.
    let mut promises = vec![(0, promise), (image.boundary(), (log.last_seq(), log.epoch()))];
    for _ in 0..3 {
        append(&mut log).map_err(|error| error.to_string())?;
    }
    log.flush().and_then(|()| log.sync()).map_err(|error| error.to_string())?;
    promises.push((image.boundary(), (log.last_seq(), log.epoch())));
    log.abandon();
    let mut images = 1;
    let mut second = image.timeline();
    while second.advance() {
        if !second.pending() {
            continue;
        }
        let boundary = second.boundary();
        let at = seed.wrapping_mul(7).wrapping_add(boundary as u64);
        let fate = [Fate::Lost, Fate::Subset(at), Fate::Torn(at), Fate::Flipped(at)][(at % 4) as usize];
        let log = recover(Arc::new(second.image(fate)), promised(&promises, boundary))
            .map_err(|error| format!("then after {boundary} operations, {fate:?}: {error}"))?;
        log.abandon();
        images += 1;
    }
    Ok(images)
}

/// Every boundary of one workload with every kind of power loss. How many images were opened, and at how many places.
fn every_boundary(seed: u64, lies: &[Fault]) -> Result<(u64, u64), String> {
    let memory = MemoryDisk::new();
    let faulty = FaultyDisk::new(Arc::new(memory.clone()));
    lies.iter().for_each(|lie| faulty.fault(lie.clone()));
    let disk: Arc<dyn Disk> = Arc::new(faulty);
    let promises = work(&memory, &disk, seed);
    let mut timeline = memory.timeline();
    let (mut images, mut boundaries) = (0, 0);
    while timeline.advance() {
        let boundary = timeline.boundary();
        let promise = promised(&promises, boundary);
        boundaries += 1;
        for fate in fates(seed, boundary as u64) {
            images += crash_twice(&timeline.image(fate), promise, boundary as u64)
                .map_err(|error| format!("seed {seed}, after {boundary} operations, {fate:?}: {error}"))?;
        }
        images += crash_twice(&timeline.killed(), promise, boundary as u64)
            .map_err(|error| format!("seed {seed}, killed after {boundary} operations: {error}"))?;
    }
    Ok((images, boundaries))
}

fn fates(seed: u64, boundary: u64) -> Vec<Fate> {
    let draws = (0..DRAWS).map(|draw| seed.wrapping_mul(1_000_003).wrapping_add(boundary * 31 + draw));
    let mut fates = vec![Fate::Lost, Fate::Kept];
    for draw in draws {
        fates.extend([Fate::Subset(draw), Fate::Torn(draw), Fate::Flipped(draw)]);
    }
    fates
}

#[test]
fn no_power_loss_takes_back_what_was_promised() {
    let wanted = bound("DITA_POWER_IMAGES", IMAGES);
    let (images, boundaries, next) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(1));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while images.load(Ordering::Relaxed) < wanted {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let (opened, places) =
                        every_boundary(seed, &[]).unwrap_or_else(|error| panic!("{error}"));
                    images.fetch_add(opened, Ordering::Relaxed);
                    boundaries.fetch_add(places, Ordering::Relaxed);
                }
            });
        }
    });
    let (images, boundaries) = (images.into_inner(), boundaries.into_inner());
    println!(
        "power loss: {images} images opened, {boundaries} I/O boundaries, {} workloads",
        next.into_inner() - 1
    );
    let seen = [&TORN, &TORN_BEFORE_RECORDS, &MERGES].map(|count| count.load(Ordering::Relaxed));
    println!("torn tails {}, of them before whole records {}, index merges {}", seen[0], seen[1], seen[2]);
    assert!(images >= wanted && seen.iter().all(|count| *count > 0));
}

#[test]
fn real_files_recover_as_the_model_does() {
    let wanted = bound("DITA_POWER_FILES", IMAGES_ON_FILES);
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let promises = work(&memory, &disk, 77);
    let boundaries = memory.boundary() as u64;
    let mut timeline = memory.timeline();
    let mut images = 0;
    while timeline.advance() {
        let boundary = timeline.boundary();
        // Spread over the whole workload, whatever the number.
        let due = (boundary as u64 * wanted).div_ceil(boundaries);
        for fate in fates(77, boundary as u64).into_iter().cycle().take((due - images) as usize) {
            let image = timeline.image(fate);
            let directory = Directory::new();
            for (name, bytes) in image.files() {
                std::fs::write(directory.path().join(name), bytes).expect("the file can be written");
            }
            let on_files = recover(directory.disk(), promised(&promises, boundary))
                .unwrap_or_else(|error| panic!("after {boundary} operations, {fate:?}, on files: {error}"));
            let in_memory = recover(Arc::new(image), promised(&promises, boundary))
                .unwrap_or_else(|error| panic!("after {boundary} operations, {fate:?}, in memory: {error}"));
            assert_eq!((on_files.last_seq(), on_files.chain()), (in_memory.last_seq(), in_memory.chain()));
            on_files.abandon();
            in_memory.abandon();
            images += 1;
        }
    }
    println!("power loss: {images} images opened on real files");
    assert!(images >= wanted);
}

#[test]
fn a_bit_flipped_in_what_was_synced_is_refused_and_changes_nothing() {
    let (mut refused, mut cut, mut flips) = (0, 0, 0);
    for seed in 0..4 {
        let memory = MemoryDisk::new();
        let disk: Arc<dyn Disk> = Arc::new(memory.clone());
        let promises = work(&memory, &disk, 500 + seed);
        let mut timeline = memory.timeline();
        while timeline.advance() {
            let boundary = timeline.boundary();
            let Some((image, name, offset)) =
                timeline.damaged(Fate::Kept, seed * 10_007 + boundary as u64, |name| name.ends_with(".seg"))
            else {
                continue;
            };
            flips += 1;
            let before = image.files();
            match open(Arc::new(image.clone())) {
                // Only what was never promised may be cut off.
                Ok((log, recovered)) => {
                    let promised_seq = promised(&promises, boundary).0;
                    assert!(recovered.torn.is_some(), "{name} at {offset}: the flip went unseen");
                    assert!(
                        recovered.last_seq >= promised_seq,
                        "{name} at {offset}: {promised_seq} was promised"
                    );
                    log.abandon();
                    cut += 1;
                }
                Err(LogError::Corrupt { .. } | LogError::NewerFormat { .. }) => {
                    assert_eq!(image.files(), before, "a refused log was changed");
                    refused += 1;
                }
                Err(error) => panic!("{name} at {offset}: {error}"),
            }
        }
    }
    println!("bit flips: {flips}, refused {refused}, cut off as never promised {cut}");
    assert!(refused > 0 && cut > 0);
}

#[test]
fn a_promise_without_a_sync_is_found_out() {
    // A program that forgets to sync is a program on a disk that says it has synced and has not.
    let table = [
        ("no sync before the promise      ", Deed::Sync, ".seg"),
        ("no sync of a file before its rename", Deed::Sync, ".tmp"),
        ("no sync of the directory        ", Deed::SyncDir, ""),
    ];
    for (what, deed, suffix) in table {
        let lie = Fault::always(deed, suffix, Effect::Skip);
        let found = (1..4).find_map(|seed| every_boundary(seed, std::slice::from_ref(&lie)).err());
        println!("{what}: {}", found.as_deref().unwrap_or("not found out"));
        assert!(found.is_some(), "{what}: no power loss showed it");
    }
}
