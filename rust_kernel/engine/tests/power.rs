//! Power loss with the whole kernel: after every I/O operation of an engine that trades, what may be left of its disk
//! is opened again beside the venue as it was then; that recovery, and what it trades on, is cut short after its own
//! operations and opened once more, and that last life ends every trade.
//!
//! `DITA_POWER_KERNEL_IMAGES` sets how many images are opened at least.

mod outside;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dita_engine::{Engine, LogSettings, Port, replay_record};
use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::kernel::Kernel;
use dita_log::disk::{Deed, Effect, Fate, Fault, FaultyDisk, HookedDisk, Threaded};
use dita_log::{Disk, MemoryDisk, Reader, Span, SyncPolicy};
use outside::trader::{self, Reach};
use outside::{Counts, Random, Venue};

/// Images, at least; a started workload is always finished.
const IMAGES: u64 = 12_000;
/// What the trader of one workload does.
const ACTIONS: u64 = 40;
/// What a life does that came back, before it too is cut short.
const ACTIONS_AFTER: u64 = 3;
/// A second crash comes after every so many operations of a recovery, counted from another one each time.
const SECOND_EVERY: u64 = 6;
const MS: i64 = 1_000_000;
const SETTLING_NS: i64 = 5_000 * MS;

fn bound(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Small segments, and snapshots often: both happen in the midst of things.
fn settings() -> LogSettings {
    LogSettings {
        // The thread's time never comes, so that the same seed gives the same operations; only what leaves is synced.
        policy: SyncPolicy::Batch { delay_us_max: 3_600_000_000, records_max: 1_000_000 },
        segment_bytes_max: 4096,
        snapshot_records: 35,
        ..LogSettings::default()
    }
}

fn open(disk: Arc<dyn Disk>) -> Result<(Engine, dita_engine::Recovery), String> {
    let config = trader::config(SETTLING_NS, 1_000 * MS);
    // A thread syncs, as beside real files: a drain ends with records that are not synced.
    let disk = Arc::new(HookedDisk::new(disk, Arc::new(Threaded)));
    Engine::recover(config, Port::Foreign, disk, &settings(), &mut |_| {}).map_err(|error| error.to_string())
}

/// The venue, with a note of how it was after each thing that it did, and how far the disk was by then.
struct Noted {
    venue: Venue,
    disk: MemoryDisk,
    notes: Vec<(usize, Venue)>,
    /// From the boundary on, everything up to the sequence number is promised.
    promises: Vec<(usize, u64)>,
}

impl Noted {
    fn new(venue: Venue, disk: &MemoryDisk, promised_seq: u64) -> Noted {
        let (notes, promises) = (vec![(0, venue.clone())], vec![(0, promised_seq)]);
        Noted { venue, disk: disk.clone(), notes, promises }
    }

    fn note(&mut self) {
        self.notes.push((self.disk.boundary(), self.venue.clone()));
    }

    fn promise(&mut self, engine: &Engine) {
        let seq = engine.durable_seq().expect("an engine with a log");
        self.promises.push((self.disk.boundary(), seq));
    }

    /// How everything stood when so many operations were done. What happened at that very boundary had happened.
    fn at(&self, boundary: usize) -> (&Venue, u64) {
        let venue = &self.notes[self.notes.partition_point(|(at, _)| *at <= boundary) - 1].1;
        let seq = self.promises[self.promises.partition_point(|(at, _)| *at <= boundary) - 1].1;
        (venue, seq)
    }
}

impl Reach for Noted {
    fn ask(&mut self, sent_ns: i64, command: &Command) -> Vec<dita_kernel::input::Input> {
        let told = self.venue.ask(sent_ns, command);
        self.note();
        told
    }

    fn pass(&mut self, now_ns: i64) -> Vec<dita_kernel::input::Input> {
        let told = self.venue.pass(now_ns);
        self.note();
        told
    }

    fn replay(&mut self) -> Vec<dita_kernel::input::Input> {
        self.venue.replay()
    }
}

/// Time goes on: mostly by little, now and then past the settling window.
fn pass_time(engine: &mut Engine, random: &mut Random) {
    let step = if random.below(6) == 0 { SETTLING_NS + MS } else { random.below(300) as i64 * MS };
    engine.tell_time(engine.now_ns() + step);
}

/// Trades on. Answers that say that they are durable are promises too.
fn trade(engine: &mut Engine, noted: &mut Noted, random: &mut Random, actions: u64) -> Result<(), String> {
    for _ in 0..actions {
        pass_time(engine, random);
        let answers = trader::act(engine, noted, random).map_err(|error| error.to_string())?;
        trader::check_sound(engine)?;
        let promised = engine.durable_seq().unwrap_or(0);
        for answer in answers.iter().filter(|answer| answer.durable) {
            if answer.outcome.seq > promised {
                return Err(format!("input {} is said to be durable: {promised}", answer.outcome.seq));
            }
        }
        noted.promise(engine);
    }
    Ok(())
}

/// A first life: trades, closes and opens again.
fn first_life(memory: &MemoryDisk, disk: &Arc<dyn Disk>, seed: u64) -> Result<Noted, String> {
    let mut random = Random(seed);
    let mut noted = Noted::new(Venue::new(seed ^ 0x5eed, 1_000 * MS), memory, 0);
    let mut engine = open(disk.clone())?.0;
    engine.tell_time(MS);
    trader::begin(&mut engine, &mut noted).map_err(|error| error.to_string())?;
    noted.promise(&engine);
    for part in 0..3 {
        trade(&mut engine, &mut noted, &mut random, ACTIONS / 3)?;
        if part == 1 {
            engine.close_log().map_err(|error| error.to_string())?;
            engine = open(disk.clone())?.0;
        }
    }
    Ok(noted)
}

/// What the undisturbed log leads to: the state after each input, and at which one each order was asked for.
struct Truth {
    hashes: Vec<[u8; 32]>,
    sent: BTreeMap<Id, u64>,
}

fn truth(disk: Arc<dyn Disk>) -> Truth {
    let config = trader::config(SETTLING_NS, 1_000 * MS).kernel;
    let mut kernel = Kernel::new(config).expect("a kernel");
    let mut truth = Truth { hashes: vec![kernel.state_hash()], sent: BTreeMap::new() };
    let mut reader = Reader::open(disk, None, 1, Span::Written).expect("the log can be read");
    let mut effects = Effects::default();
    while let Some(record) = reader.next().expect("it is whole") {
        let seq = record.seq;
        replay_record(&mut kernel, &record, &mut effects).expect("it is replayed");
        for command in &effects.commands {
            if let Command::Submit(order) = command {
                truth.sent.entry(order.venue_client_id.clone()).or_insert(seq);
            }
        }
        truth.hashes.push(kernel.state_hash());
    }
    truth
}

/// What the images led to, so that nobody thinks them harmless.
#[derive(Default)]
struct Seen {
    images: AtomicU64,
    boundaries: AtomicU64,
    torn: AtomicU64,
    from_snapshot: AtomicU64,
    behind: AtomicU64,
    questions: AtomicU64,
    resends: AtomicU64,
    old_fills: AtomicU64,
}

impl Seen {
    fn add(&self, before: &Counts, after: &Counts) {
        self.questions.fetch_add(after.questions - before.questions, Ordering::Relaxed);
        self.resends.fetch_add(after.resends - before.resends, Ordering::Relaxed);
        self.old_fills.fetch_add(after.old_fills - before.old_fills, Ordering::Relaxed);
    }
}

/// Opens what a power loss left, and demands what was promised: every input, every order that the venue has, and the
/// state that there was.
fn recover(
    image: &MemoryDisk,
    venue: &Venue,
    promised_seq: u64,
    truth: &Truth,
    seen: &Seen,
) -> Result<Engine, String> {
    let (engine, recovery) = open(Arc::new(image.clone()))?;
    seen.images.fetch_add(1, Ordering::Relaxed);
    seen.torn.fetch_add(recovery.torn.is_some().into(), Ordering::Relaxed);
    seen.from_snapshot.fetch_add(recovery.snapshot_seq.is_some().into(), Ordering::Relaxed);
    let last_seq = recovery.last_seq;
    if last_seq < promised_seq {
        return Err(format!("input {promised_seq} was durable, and the log ends at {last_seq}"));
    }
    trader::check_sound(&engine)?;
    let at = usize::try_from(last_seq).expect("a small log");
    let hash = engine.kernel().state_hash();
    // A life that came back has written inputs of its own: those are not of the undisturbed log.
    match truth.hashes.get(at) {
        Some(then) if *then == hash => {
            seen.behind.fetch_add(u64::from(at + 1 < truth.hashes.len()), Ordering::Relaxed);
        }
        _ => return Err(format!("the state after input {last_seq} is another one than it was")),
    }
    for client_id in venue.client_ids(0) {
        match truth.sent.get(client_id) {
            Some(seq) if *seq <= last_seq => {}
            Some(seq) => {
                return Err(format!("the venue has {client_id} of input {seq}, the log ends at {last_seq}"));
            }
            None => return Err(format!("the venue has {client_id}, which nobody sent")),
        }
    }
    Ok(engine)
}

/// Ends all trades of a life that came back, and demands that the kernel has what the venue has.
fn end(mut engine: Engine, mut venue: Venue, seen: &Seen) -> Result<(), String> {
    let before = venue.counts;
    trader::begin(&mut engine, &mut venue).map_err(|error| error.to_string())?;
    trader::finish(&mut engine, &mut venue, |engine| engine.tell_time(engine.now_ns() + SETTLING_NS / 4))?;
    seen.add(&before, &venue.counts);
    if let Some(wrong) = venue.wrongs.first() {
        return Err(wrong.clone());
    }
    trader::check_equal(&engine, venue.cash_milli, venue.position_milli)
}

/// Opens an image of a first power loss and trades on for a little, then opens an image of a second one after every
/// operation of that.
fn crash_twice(
    image: &MemoryDisk,
    (venue, promised_seq): (&Venue, u64),
    truth_before: &Truth,
    seed: u64,
    seen: &Seen,
) -> Result<(), String> {
    let mut engine = recover(image, venue, promised_seq, truth_before, seen)?;
    let mut noted = Noted::new(venue.clone(), image, promised_seq);
    let mut random = Random(seed);
    trader::begin(&mut engine, &mut noted).map_err(|error| error.to_string())?;
    trade(&mut engine, &mut noted, &mut random, ACTIONS_AFTER)?;
    engine.sync_log().map_err(|error| error.to_string())?;
    noted.promise(&engine);
    seen.add(&venue.counts, &noted.venue.counts);
    let truth_after = truth(Arc::new(image.clone()));
    let mut second = image.timeline();
    while second.advance() {
        let boundary = second.boundary();
        if !second.pending() || !(boundary as u64 + seed).is_multiple_of(SECOND_EVERY) {
            continue;
        }
        let at = seed.wrapping_mul(7).wrapping_add(boundary as u64);
        let fate = [Fate::Lost, Fate::Subset(at), Fate::Torn(at), Fate::Flipped(at)][(at % 4) as usize];
        let (venue, promised_seq) = noted.at(boundary);
        recover(&second.image(fate), venue, promised_seq, &truth_after, seen)
            .and_then(|engine| end(engine, venue.clone(), seen))
            .map_err(|error| format!("then after {boundary} operations, {fate:?}: {error}"))?;
    }
    end(engine, noted.venue, seen).map_err(|error| format!("then without a second crash: {error}"))
}

/// Every boundary of one workload, with every kind of power loss.
fn every_boundary(seed: u64, lies: &[Fault], seen: &Seen) -> Result<(), String> {
    let memory = MemoryDisk::new();
    let faulty = FaultyDisk::new(Arc::new(memory.clone()));
    lies.iter().for_each(|lie| faulty.fault(lie.clone()));
    let noted = first_life(&memory, &(Arc::new(faulty) as Arc<dyn Disk>), seed)?;
    let truth = truth(Arc::new(memory.clone()));
    let mut timeline = memory.timeline();
    while timeline.advance() {
        let boundary = timeline.boundary();
        seen.boundaries.fetch_add(1, Ordering::Relaxed);
        let draw = seed.wrapping_mul(1_000_003).wrapping_add(boundary as u64);
        let fates = [Fate::Lost, Fate::Subset(draw), Fate::Torn(draw), Fate::Flipped(draw)];
        for fate in fates {
            crash_twice(&timeline.image(fate), noted.at(boundary), &truth, draw, seen)
                .map_err(|error| format!("seed {seed}, after {boundary} operations, {fate:?}: {error}"))?;
        }
        crash_twice(&timeline.killed(), noted.at(boundary), &truth, draw, seen)
            .map_err(|error| format!("seed {seed}, killed after {boundary} operations: {error}"))?;
    }
    Ok(())
}

#[test]
fn no_power_loss_loses_an_input_or_doubles_an_order() {
    let wanted = bound("DITA_POWER_KERNEL_IMAGES", IMAGES);
    let (seen, next) = (Seen::default(), AtomicU64::new(1));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while seen.images.load(Ordering::Relaxed) < wanted {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    every_boundary(seed, &[], &seen).unwrap_or_else(|error| panic!("{error}"));
                }
            });
        }
    });
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "power loss with the kernel: {} images opened, {} I/O boundaries, {} workloads; 0 inputs lost, 0 orders doubled",
        get(&seen.images),
        get(&seen.boundaries),
        get(&next) - 1
    );
    println!(
        "from a snapshot {}, torn tails {}, inputs of no promise gone {}; after them {} questions, {} orders sent \
         again under their ids, {} old fills told again",
        get(&seen.from_snapshot),
        get(&seen.torn),
        get(&seen.behind),
        get(&seen.questions),
        get(&seen.resends),
        get(&seen.old_fills)
    );
    let happened =
        [&seen.torn, &seen.from_snapshot, &seen.behind, &seen.questions, &seen.resends, &seen.old_fills];
    assert!(happened.iter().all(|count| get(count) > 0), "something never happened");
}

#[test]
fn an_order_that_leaves_before_its_cause_is_durable_is_found_out() {
    // A kernel that sends before it syncs is a kernel on a disk that says it has synced and has not.
    let lie = Fault::always(Deed::Sync, ".seg", Effect::Skip);
    let seen = Seen::default();
    let found = (1..4).find_map(|seed| every_boundary(seed, std::slice::from_ref(&lie), &seen).err());
    println!("no sync before the order: {}", found.as_deref().unwrap_or("not found out"));
    assert!(found.is_some(), "no power loss showed it");
}
