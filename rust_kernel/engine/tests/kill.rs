//! Real kill -9: a process that trades on its log and with a venue outside is killed at any moment and started again, a
//! thousand times over one directory; a last life ends every trade.
//!
//! A kill cannot see a missing fsync: what a dead process wrote is in the system's memory and survives it. That is what
//! `power.rs` is for. What a kill does see is real files, real timing and a venue that goes on without its trader.
//!
//! `DITA_KILLS` sets how often. The test is its own victim, so it has no test harness.

#[cfg(unix)]
mod outside;

#[cfg(unix)]
fn main() {
    unix::main();
}

#[cfg(not(unix))]
fn main() {
    println!("kill: only on Unix");
}

#[cfg(unix)]
mod unix {
    use std::collections::BTreeMap;
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use dita_engine::{Clock, Engine, EngineConfig, LogSettings, Port, Recovery, replay_record};
    use dita_kernel::effect::Effects;
    use dita_kernel::kernel::Kernel;
    use dita_log::{FileDisk, Reader, Span};

    use crate::outside::trader::{self, Reach};
    use crate::outside::wire::{Wire, hold, serve};
    use crate::outside::{Random, Venue};

    const KILLS: u64 = 1_000;
    const VICTIM: &str = "DITA_KILL_VICTIM";
    const MS: i64 = 1_000_000;
    /// What is not found after so long is not there. The venue's own lag is a fiftieth of it, so that a machine that
    /// stalls does not make the venue a liar.
    const SETTLING_NS: i64 = 1_000 * MS;
    const LAG_NS: i64 = 20 * MS;
    /// A life ends so long after its beginning, at most, in microseconds.
    const LIFE_US_MAX: u64 = 30_000;

    pub fn main() {
        if let Some(directory) = std::env::var_os(VICTIM) {
            return victim(Path::new(&directory));
        }
        // The harness's own words: what is named must be in this test's name.
        let named = std::env::args().skip(1).find(|word| !word.starts_with('-'));
        if named.is_none_or(|word| "kill".contains(word.as_str()))
            && !std::env::args().any(|word| word == "--list")
        {
            nothing_is_lost_and_nothing_is_doubled();
        }
    }

    // ------------------------------------------------------------------------------------------------ the victim

    fn open(directory: &Path) -> (Engine, Recovery) {
        let settings =
            LogSettings { segment_bytes_max: 256 << 10, snapshot_records: 400, ..LogSettings::default() };
        let disk = Arc::new(FileDisk::create(directory).expect("a directory"));
        Engine::recover(config(), Port::Foreign, disk, &settings, &mut |_| {}).expect("the log opens")
    }

    fn config() -> EngineConfig {
        EngineConfig { clock: Clock::System, ..trader::config(SETTLING_NS, 5 * MS) }
    }

    /// Trades until it is killed. It tells its parent what is durable and what the state is.
    fn victim(directory: &Path) {
        let (mut engine, recovery) = open(&directory.join("log"));
        say(&format!("open {} {}", recovery.last_seq, hash(&engine)));
        let mut venue = Wire::connect(&directory.join("venue")).expect("the venue is there");
        trader::begin(&mut engine, &mut venue).expect("it begins");
        for _ in 0..2 {
            // A stream that is opened anew tells of old fills.
            engine.feed(None, venue.replay());
        }
        let mut random = Random(engine.kernel().seq() ^ u64::from(recovery.epoch) << 32);
        loop {
            let answers = trader::act(&mut engine, &mut venue, &mut random).expect("it trades");
            trader::check_sound(&engine).expect("the state is sound");
            let told = answers.iter().filter(|answer| answer.durable).map(|answer| answer.outcome.seq).max();
            let durable_seq = engine.durable_seq().unwrap_or(0).max(told.unwrap_or(0));
            say(&format!("durable {durable_seq} {} {}", engine.kernel().seq(), hash(&engine)));
        }
    }

    fn say(line: &str) {
        // A parent that is gone reads nothing: then there is nothing to do either.
        if std::io::stdout().write_all(format!("{line}\n").as_bytes()).is_err() {
            std::process::exit(0);
        }
    }

    fn hash(engine: &Engine) -> String {
        hex(&engine.kernel().state_hash())
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    // ------------------------------------------------------------------------------------------------ the parent

    /// A directory of this test alone.
    struct Directory(PathBuf);

    impl Directory {
        fn new() -> Directory {
            // On the disk that the build is on: what is in memory has no fsync.
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kill-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).expect("a directory");
            Directory(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            // What went wrong is to be looked at.
            if !std::thread::panicking() {
                let _ = std::fs::remove_dir_all(&self.0);
            }
        }
    }

    /// What the victims have told, and what they did.
    #[derive(Default)]
    struct Told {
        durable_seq: u64,
        hashes: BTreeMap<u64, String>,
        /// Lives that came as far as opening the log, and as far as trading.
        opened: u64,
        traded: u64,
    }

    impl Told {
        /// Takes what a life has said, up to the last whole line.
        fn hear(&mut self, life: u64, line: &str) {
            let words: Vec<&str> = line.split(' ').collect();
            match *words.as_slice() {
                ["open", last_seq, hash] => {
                    let last_seq: u64 = last_seq.parse().expect("a number");
                    let durable_seq = self.durable_seq;
                    assert!(
                        last_seq >= durable_seq,
                        "life {life}: input {durable_seq} was durable, and is lost"
                    );
                    self.opened += 1;
                    self.note(life, last_seq, hash);
                }
                ["durable", durable_seq, seq, hash] => {
                    self.durable_seq = self.durable_seq.max(durable_seq.parse().expect("a number"));
                    self.note(life, seq.parse().expect("a number"), hash);
                }
                _ => panic!("life {life} says {line:?}"),
            }
        }

        fn note(&mut self, life: u64, seq: u64, hash: &str) {
            if let Some(before) = self.hashes.insert(seq, hash.to_owned()) {
                assert_eq!(
                    before, hash,
                    "life {life}: the state after input {seq} is another one than it was"
                );
            }
        }
    }

    fn start(directory: &Path) -> Child {
        let mut victim = Command::new(std::env::current_exe().expect("this binary"));
        victim.env(VICTIM, directory).stdin(Stdio::null()).stdout(Stdio::piped());
        victim.spawn().expect("the victim starts")
    }

    /// One life. Half of them end so soon after their start that they may still be opening the log, the others so soon
    /// after they have opened it.
    fn live(life: u64, directory: &Path, random: &mut Random, told: &mut Told) {
        let mut victim = start(directory);
        let mut lines = BufReader::new(victim.stdout.take().expect("its words")).lines();
        let mut first = None;
        if random.below(2) == 0 {
            first = lines.next();
        }
        std::thread::sleep(Duration::from_micros(1_000 + random.below(LIFE_US_MAX - 1_000)));
        victim.kill().expect("a victim that is alive");
        let mut said = 0;
        for line in first.into_iter().chain(lines) {
            told.hear(life, &line.expect("text"));
            said += 1;
        }
        told.traded += u64::from(said > 1);
        let status = victim.wait().expect("it has ended");
        assert_eq!(status.code(), None, "life {life} ended by itself");
    }

    fn nothing_is_lost_and_nothing_is_doubled() {
        let kills = std::env::var("DITA_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
        let (started, directory) = (Instant::now(), Directory::new());
        let listener = UnixListener::bind(directory.0.join("venue")).expect("a socket");
        let venue = Arc::new(Mutex::new(Venue::new(7, LAG_NS)));
        let (mut random, mut told) = (Random(kills), Told::default());
        let serving = venue.clone();
        std::thread::spawn(move || serve(&listener, &serving));
        for life in 1..=kills {
            live(life, &directory.0, &mut random, &mut told);
            let wrongs = &hold(&venue).wrongs;
            assert!(wrongs.is_empty(), "life {life}: {wrongs:?}");
        }
        let records = last_life(&directory.0, &mut told);
        let counts = hold(&venue).counts;
        println!(
            "kill: {kills} kills, {} lives opened the log and {} traded; {records} inputs, {} states the same in replay; \
             the venue took {} requests for orders, said nothing to {}, never got {}, {} came again under their ids, {} \
             old fills told again; 0 durable inputs lost, {} orders doubled, K and position are the venue's; {:.1} s",
            told.opened,
            told.traded,
            told.hashes.len(),
            counts.submits,
            counts.silent,
            counts.lost,
            counts.resends,
            counts.old_fills,
            counts.doubled,
            started.elapsed().as_secs_f64()
        );
        let happened =
            [told.traded, counts.silent, counts.lost, counts.resends, counts.hidden, counts.old_fills];
        assert!(
            kills < KILLS || happened.iter().all(|count| *count > 0),
            "something never happened: {happened:?}"
        );
    }

    /// Ends all trades, and holds everything that was told against the whole log. How many inputs there are.
    fn last_life(directory: &Path, told: &mut Told) -> u64 {
        let (mut engine, recovery) = open(&directory.join("log"));
        told.hear(0, &format!("open {} {}", recovery.last_seq, hash(&engine)));
        let mut wire = Wire::connect(&directory.join("venue")).expect("the venue is there");
        trader::begin(&mut engine, &mut wire).expect("it begins");
        trader::finish(&mut engine, &mut wire, |_| std::thread::sleep(Duration::from_millis(5)))
            .unwrap_or_else(|error| panic!("{error}"));
        let (cash_milli, position_milli) = wire.totals();
        trader::check_equal(&engine, cash_milli, position_milli).unwrap_or_else(|error| panic!("{error}"));
        let (seq, live) = (engine.kernel().seq(), hash(&engine));
        told.note(0, seq, &live);
        engine.sync_log().expect("it syncs");
        drop(engine);
        assert_eq!(hash(&open(&directory.join("log")).0), live, "snapshot and tail lead elsewhere");
        replay(&directory.join("log"), &told.hashes);
        seq
    }

    /// Replays from the first input, and demands every state that was told.
    fn replay(log: &Path, hashes: &BTreeMap<u64, String>) {
        let disk = Arc::new(FileDisk::create(log).expect("a directory"));
        let mut reader = Reader::open(disk, None, 1, Span::Written).expect("the log can be read");
        let mut kernel = Kernel::new(config().kernel).expect("a kernel");
        let mut effects = Effects::default();
        while let Some(record) = reader.next().expect("it is whole") {
            replay_record(&mut kernel, &record, &mut effects).expect("it replays");
            if let Some(then) = hashes.get(&kernel.seq()) {
                assert_eq!(*then, hex(&kernel.state_hash()), "after input {}", kernel.seq());
            }
        }
        let last = hashes.keys().next_back().copied().unwrap_or(0);
        assert!(kernel.seq() >= last, "the log ends at {}, and {last} was told", kernel.seq());
    }
}
