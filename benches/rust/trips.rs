//! Round trips of an engine with the simulated venue, on a log or without one, with the disk's syncs and writes timed apart.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ThreadId};
use std::time::Instant;

use dita_engine::{Engine, EngineConfig, LogSettings, Port, Progress, Recovery, SharedDisk, Ticket};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{KernelCommandType as Action, TradeStage};
use dita_log::disk::{Hook, HookedDisk};
use dita_log::{DiskFile, FileDisk, MemoryDisk, Reader, Span, SyncPolicy};
use dita_sim::{SimConfig, SimVenue};

use crate::{Name, dec, id, intent};

/// Empties a directory, and makes it where it is not there.
pub fn empty(directory: &Path) {
    let _ = std::fs::remove_dir_all(directory);
    std::fs::create_dir_all(directory).expect("the directory can be made");
}

/// What the disk takes for one sync of 4 KiB that were appended to a file, µs.
pub fn sync_us(directory: &Path) -> f64 {
    use std::io::Write;
    let path = directory.join("sync");
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a file");
    file.write_all(&[7; 4096]).expect("it is written");
    let start = Instant::now();
    file.sync_data().expect("it is synced");
    start.elapsed().as_secs_f64() * 1e6
}

/// Counts the time that a disk's writes take of the thread that made it: the log's own thread is nobody's wait.
struct Timed {
    owner: ThreadId,
    write_ns: Arc<AtomicU64>,
}

impl Hook for Timed {
    fn write_at(&self, _: &str, file: &dyn DiskFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if thread::current().id() != self.owner {
            return file.write_at(offset, bytes);
        }
        let start = Instant::now();
        let written = file.write_at(offset, bytes);
        self.write_ns.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        written
    }
}

fn config(slots: u32) -> EngineConfig {
    EngineConfig {
        kernel: KernelConfig { max_slots: slots, ..KernelConfig::default() },
        ..EngineConfig::default()
    }
}

fn simulated() -> Port {
    let config = SimConfig { fee_in_fill: true, settle_events: false, ..SimConfig::default() };
    let mut venue = SimVenue::new(config).expect("a venue");
    venue.add_instrument(&spec()).expect("an instrument");
    venue.deposit(&id("USDT"), dec("1000000000")).expect("money");
    Port::Sim(Box::new(venue))
}

fn spec() -> InstrumentSpec {
    InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"))
}

fn replayed(disk: SharedDisk, settings: &LogSettings, port: Port) -> (Engine, Recovery) {
    Engine::recover(config(SLOTS), port, disk, settings, &mut |_| {}).expect("the log opens")
}

/// As many as one batch has intents.
pub const SLOTS: u32 = 256;

/// How many records opening a log replays; the engine does not run.
pub fn open_again(directory: &Path, settings: &LogSettings) -> u64 {
    let disk = Arc::new(FileDisk::create(directory).expect("a directory"));
    replayed(disk, settings, Port::Foreign).1.replayed
}

/// Types and payloads of so many records of trips.
pub fn recorded(count: usize) -> Vec<(u8, Vec<u8>)> {
    let memory: SharedDisk = Arc::new(MemoryDisk::new());
    let settings = LogSettings { snapshot_records: u64::MAX, ..LogSettings::default() };
    let mut trips = Trips::around(replayed(memory.clone(), &settings, simulated()).0, Arc::default());
    while trips.records() < count as u64 {
        trips.batch();
    }
    trips.sync();
    let mut reader = Reader::open(memory, None, 1, Span::Written).expect("the log can be read");
    let mut found = Vec::new();
    while let Some(record) = reader.next().expect("it is whole") {
        found.push((record.kind, record.payload.to_vec()));
    }
    found
}

/// What a round took, µs.
pub struct Took {
    /// All of it.
    pub all_us: f64,
    /// Waiting until records were synced, as the log counts it.
    pub syncs_us: f64,
    /// Handing bytes to the system, without what the log's own thread does of it.
    pub writes_us: f64,
}

impl Took {
    /// All but the syncs.
    pub fn beside_us(&self) -> f64 {
        self.all_us - self.syncs_us
    }
}

/// An engine that trades.
pub struct Trips {
    engine: Engine,
    write_ns: Arc<AtomicU64>,
    /// The entry's and the exit's intent, as far as they are the same each time.
    intents: [Input; 2],
    name: Name,
    trade_ids: Vec<Id>,
    tickets: Vec<Ticket>,
}

impl Trips {
    /// On a new log.
    pub fn on_log(directory: &Path, settings: &LogSettings) -> Trips {
        empty(directory);
        let write_ns = Arc::new(AtomicU64::new(0));
        let inner = FileDisk::create(directory).expect("a directory");
        let timed = Timed { owner: thread::current().id(), write_ns: write_ns.clone() };
        let disk = Arc::new(HookedDisk::new(Arc::new(inner), Arc::new(timed)));
        Trips::around(replayed(disk, settings, simulated()).0, write_ns)
    }

    /// Without one.
    pub fn without_log() -> Trips {
        Trips::around(Engine::new(config(SLOTS), simulated()).expect("an engine"), Arc::default())
    }

    /// Without one, and with the queue that followers read: written into a directory that should be in memory.
    pub fn queued(directory: &Path) -> Trips {
        empty(directory);
        let disk = Arc::new(FileDisk::create(directory).expect("a directory"));
        let settings = LogSettings {
            policy: SyncPolicy::Written,
            segment_bytes_max: 4 << 20,
            snapshot_records: 50_000,
            retained_bytes_max: 0,
            follower_bytes_max: 64 << 20,
        };
        let (engine, _) =
            Engine::queued(config(SLOTS), simulated(), disk, &settings).expect("the directory is empty");
        Trips::around(engine, Arc::default())
    }

    fn around(mut engine: Engine, write_ns: Arc<AtomicU64>) -> Trips {
        for input in [
            Input::Instrument(Box::new(spec())),
            Input::Seed { asset: id("USDT"), amount: dec("1000000000") },
            Input::Mark { symbol: id("BTCUSDT"), price: dec("61800.2"), venue_time_ns: 0, ages: false },
        ] {
            engine.push(input, false).expect("there is room");
        }
        engine
            .with_venue(|venue, now_ns, out| {
                venue.quote(now_ns, &id("BTCUSDT"), dec("61800.2"), None, dec("61800.3"), None, out)
            })
            .expect("a quote");
        assert_eq!(engine.run(), Progress::Quiet);
        Trips {
            engine,
            write_ns,
            intents: [Action::Enter, Action::Exit].map(|action| intent(action, &id("BTCUSDT"))),
            name: Name::FIRST,
            trade_ids: Vec::new(),
            tickets: Vec::new(),
        }
    }

    /// The last input's number.
    pub fn records(&self) -> u64 {
        self.engine.kernel().seq()
    }

    /// Makes everything durable, so that nothing is on its way.
    pub fn sync(&mut self) {
        self.engine.sync_log().expect("the disk works");
    }

    fn waited_ns(&self) -> u64 {
        self.engine.log_standing().map_or(0, |standing| standing.sync_wait_ns)
    }

    /// A round trip in each slot, all entries together and all exits together.
    pub fn batch(&mut self) -> Took {
        self.round(SLOTS)
    }

    /// One round trip.
    pub fn single(&mut self) -> Took {
        self.round(1)
    }

    fn round(&mut self, slots: u32) -> Took {
        if self.engine.has_log() {
            self.sync();
        }
        self.trade_ids.clear();
        let (waited_ns, written_ns) = (self.waited_ns(), self.write_ns.load(Ordering::Relaxed));
        let start = Instant::now();
        self.leg(slots, 0, b'e', TradeStage::PositionOpen);
        self.leg(slots, 1, b'x', TradeStage::Closed);
        let all_us = start.elapsed().as_secs_f64() * 1e6;
        Took {
            all_us,
            syncs_us: (self.waited_ns() - waited_ns) as f64 / 1e3,
            writes_us: (self.write_ns.load(Ordering::Relaxed) - written_ns) as f64 / 1e3,
        }
    }

    /// All entries, or all exits: put in together, and each answer looked at.
    fn leg(&mut self, slots: u32, leg: usize, letter: u8, end: TradeStage) {
        for slot_id in 0..slots {
            self.name.advance();
            let mut input = self.intents[leg].clone();
            if let Input::Intent(intent) = &mut input {
                intent.slot_id = slot_id;
                intent.intent_id = self.name.id(letter);
                if leg == 0 {
                    self.trade_ids.push(self.name.id(b't'));
                }
                intent.trade_id.clone_from(&self.trade_ids[slot_id as usize]);
            }
            let ticket = self.engine.push_batched(input, true).expect("there is room").expect("a ticket");
            self.tickets.push(ticket);
        }
        assert_eq!(self.engine.run(), Progress::Quiet);
        for ticket in self.tickets.drain(..) {
            let answer = self.engine.take_answer(ticket).expect("an answer");
            assert_eq!(answer.outcome.state, Some(end));
        }
    }
}
