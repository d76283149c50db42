//! Any moment of the past can be looked at, from genesis or from a snapshot, beside a live writer or after it.

mod past;

use std::ops::ControlFlow::Continue;
use std::sync::Arc;

use dita_engine::{
    LogSettings, ReplayError, Replica, SharedDisk, Start, Until, identity, kind_of, log_stats, replay_check,
};
use dita_kernel::RULES_VERSION;
use dita_kernel::codec;
use dita_kernel::input::{Input, Stamp};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_log::{Config, Log, LogError, MemoryDisk};
use past::{BEGIN_NS, Desk, SECOND_NS, dec, id};

fn replayed(disk: &SharedDisk, start: Start, until: Until) -> Replica {
    let mut replica = Replica::open(disk.clone(), start, until).unwrap();
    replica.run(&mut |_| Continue(())).unwrap();
    replica
}

/// Some trades, with snapshots on the way.
fn traded(settings: &LogSettings, trades: u32) -> Desk {
    let mut desk = Desk::on(Arc::new(MemoryDisk::new()), settings);
    desk.begin();
    for number in 0..trades {
        desk.trade(number, number % 3, "0.5", if number % 2 == 0 { "101.5" } else { "99" });
    }
    desk.settle();
    desk
}

#[test]
fn every_moment_is_as_it_was_live_from_genesis_and_from_the_nearest_snapshot() {
    let desk = traded(&LogSettings { snapshot_records: 30, ..LogSettings::default() }, 30);
    assert!(desk.hashes.len() > 60);
    for (seq, hash) in &desk.hashes {
        for start in [Start::First, Start::Nearest] {
            let replica = replayed(&desk.disk(), start, Until::Seq(*seq));
            assert_eq!((replica.kernel().seq(), replica.kernel().state_hash()), (*seq, *hash), "{start:?}");
        }
    }
    let nearest = replayed(&desk.disk(), Start::Nearest, Until::End);
    let newest = dita_log::past::snapshots(desk.disk.as_ref()).unwrap().pop();
    assert!(newest.is_some() && nearest.began() == newest, "{:?} {newest:?}", nearest.began());
    assert_eq!(replayed(&desk.disk(), Start::First, Until::End).replayed(), desk.seq());
}

#[test]
fn a_time_means_the_last_input_up_to_it() {
    let desk = traded(&LogSettings { snapshot_records: 30, ..LogSettings::default() }, 20);
    for second in 0..21 {
        let time_ns = BEGIN_NS + second * SECOND_NS + SECOND_NS / 2;
        for start in [Start::First, Start::Nearest] {
            let replica = replayed(&desk.disk(), start, Until::Time(time_ns));
            let (seq, now_ns) = (replica.kernel().seq(), replica.kernel().now_ns());
            assert!(now_ns <= time_ns && seq > 0 && seq < desk.seq());
            let mut next = Replica::open(desk.disk(), Start::First, Until::Seq(seq + 1)).unwrap();
            next.run(&mut |_| Continue(())).unwrap();
            assert!(next.kernel().now_ns() > time_ns, "seq {seq} is not the last one up to {time_ns}");
        }
    }
    let before = replayed(&desk.disk(), Start::Nearest, Until::Time(BEGIN_NS - 1));
    assert_eq!(before.kernel().seq(), 0);
}

#[test]
fn a_replica_follows_a_live_writer_without_its_lock_and_changes_nothing() {
    let mut desk = traded(&LogSettings::default(), 3);
    let files = desk.disk.files();
    let mut replica = Replica::open(desk.disk(), Start::First, Until::End).unwrap();
    replica.run(&mut |_| Continue(())).unwrap();
    assert_eq!(replica.kernel().state_hash(), desk.engine.kernel().state_hash());
    assert_eq!(desk.disk.files(), files);
    desk.trade(3, 0, "0.1", "100.5");
    desk.settle();
    assert!(replica.run(&mut |_| Continue(())).unwrap() > 5);
    assert_eq!(replica.kernel().state_hash(), desk.engine.kernel().state_hash());
}

#[test]
fn a_step_tells_what_it_did() {
    let mut desk = Desk::open();
    desk.enter(1, 2, "0.5");
    desk.settle();
    let mut replica = Replica::open(desk.disk(), Start::First, Until::End).unwrap();
    let mut told = Vec::new();
    while let Some(step) = replica.step().unwrap() {
        let effects = replica.effects();
        let (booked, missing) = replica.booked();
        assert_eq!(missing, 0);
        let causes: Vec<String> = booked.iter().map(|it| format!("{} {}", it.cause, it.amount)).collect();
        told.push(format!(
            "{} {} +{} t{} n{} c{} {}",
            step.seq,
            dita_engine::kind_name(step.kind),
            (step.stamp_ns - BEGIN_NS) / SECOND_NS,
            effects.transitions.len(),
            effects.notices.len(),
            effects.commands.len(),
            causes.join(" ")
        ));
    }
    let expected = [
        "1 INSTRUMENT +0 t0 n0 c0 ",
        "2 SEED +0 t0 n0 c0 SEED 100000",
        "3 MARK +1 t0 n0 c0 ",
        "4 INTENT +1 t2 n0 c1 ",
        "5 VENUE_EVENT +1 t1 n0 c0 ",
        "6 VENUE_EVENT +1 t1 n0 c0 FEE 0.025",
        "7 ACCOUNT_EVENT +1 t0 n0 c0 ",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_was_removed_after_a_snapshot_is_said() {
    let settings = LogSettings {
        snapshot_records: 40,
        segment_bytes_max: 4096,
        retained_bytes_max: 1,
        ..LogSettings::default()
    };
    let desk = traded(&settings, 40);
    let first = dita_log::past::first_seq(desk.disk.as_ref()).unwrap();
    assert!(first > 1, "nothing was removed");
    let replica = replayed(&desk.disk(), Start::First, Until::End);
    assert_eq!(replica.kernel().state_hash(), desk.engine.kernel().state_hash());
    assert!(replica.began().is_some_and(|seq| seq + 1 >= first));
    let early = Replica::open(desk.disk(), Start::Nearest, Until::Seq(3)).err();
    assert!(matches!(early, Some(ReplayError::Log(LogError::Removed { seq: 3, .. }))), "{early:?}");
}

#[test]
fn a_damaged_snapshot_is_passed_over() {
    let desk = traded(&LogSettings { snapshot_records: 30, ..LogSettings::default() }, 30);
    let mut files = desk.disk.files();
    let newest = files.keys().rfind(|name| name.ends_with(".snap")).unwrap().clone();
    files.get_mut(&newest).unwrap()[200] ^= 1;
    let disk: SharedDisk = Arc::new(MemoryDisk::holding(files));
    let replica = replayed(&disk, Start::Nearest, Until::End);
    assert_eq!(replica.kernel().state_hash(), desk.engine.kernel().state_hash());
    assert!(replica.replayed() > 30);
}

#[test]
fn a_whole_log_is_held_against_its_snapshots() {
    let mut desk = traded(&LogSettings { snapshot_records: 30, ..LogSettings::default() }, 30);
    desk.engine.close_log().unwrap();
    let check = replay_check(&desk.disk(), &mut |_| Continue(())).unwrap();
    assert!(check.is_good() && check.snapshots.len() >= 2, "{check:?}");
    assert_eq!((check.replayed, check.state_hash), (desk.seq(), desk.engine.kernel().state_hash()));
}

#[test]
fn an_input_that_comes_to_something_else_is_named() {
    let disk: SharedDisk = Arc::new(MemoryDisk::new());
    let config = KernelConfig::default();
    let mut log =
        Log::open(disk.clone(), Config::new(&identity(&config), RULES_VERSION), &|_, _, _| {}).unwrap().0;
    let mut kernel = Kernel::new(config).unwrap();
    // The second is written down as accepted, and is refused: nothing is known of that instrument.
    let seed = Input::Seed { asset: id("USDT"), amount: dec("5") };
    let mark = Input::Mark { symbol: id("NONE"), price: dec("1"), venue_time_ns: 0, ages: false };
    for (seq, input) in [(1, &seed), (2, &mark), (3, &Input::Time)] {
        kernel.step(Stamp(7), input, &mut dita_kernel::effect::Effects::default());
        log.append(kind_of(input), seq, 7, &[], |out| codec::encode(input, out).unwrap()).unwrap();
    }
    log.sync().unwrap();
    let check = replay_check(&disk, &mut |_| Continue(())).unwrap();
    assert!(!check.is_good());
    assert_eq!((check.replayed, check.differences_all), (3, 1));
    assert_eq!(
        check.differences.iter().map(|it| (it.seq, it.then, it.now)).collect::<Vec<_>>(),
        [(2, true, false)]
    );
    let strict = Replica::open(disk, Start::First, Until::End).unwrap().run(&mut |_| Continue(()));
    assert!(matches!(strict, Err(ReplayError::Differs { seq: 2, .. })), "{strict:?}");
}

#[test]
fn what_is_no_kernels_log_is_said() {
    let disk: SharedDisk = Arc::new(MemoryDisk::new());
    let missing = Replica::open(disk.clone(), Start::First, Until::End).err();
    assert!(matches!(missing, Some(ReplayError::Log(LogError::Io { .. }))), "{missing:?}");
    drop(Log::open(disk.clone(), Config::new(b"somebody else", 1), &|_, _, _| {}).unwrap());
    let other = Replica::open(disk, Start::First, Until::End).err();
    assert!(matches!(&other, Some(ReplayError::Identity { found }) if found == "somebody else"), "{other:?}");
}

#[test]
fn a_log_is_counted_by_type_opening_and_size() {
    let disk = Arc::new(MemoryDisk::new());
    let mut desk = Desk::on(disk.clone(), &LogSettings::default());
    desk.begin();
    desk.trade(0, 0, "0.5", "101");
    desk.exit(9, 0); // refused: nothing is held
    desk.engine.close_log().unwrap();
    let (now_ns, seq) = (desk.now_ns, desk.seq());
    drop(desk);
    let mut desk = Desk::on(disk, &LogSettings::default());
    desk.now_ns = now_ns + 10 * SECOND_NS;
    desk.enter(1, 0, "0.5");
    desk.settle();
    let stats = log_stats(&desk.disk(), &mut |_| Continue(())).unwrap();
    let counted: u64 = stats.kinds.iter().map(|(_, kind)| kind.records).sum();
    assert_eq!(counted, desk.seq());
    let of = |name| stats.kinds.iter().find(|(kind, _)| dita_engine::kind_name(*kind) == name).unwrap().1;
    assert_eq!((of("INTENT").records, of("INTENT").refused, of("RESTART").records), (4, 1, 1));
    let epochs: Vec<_> = stats.epochs.iter().map(|it| (it.epoch, it.first_seq, it.last_seq)).collect();
    assert_eq!(epochs, [(1, 1, seq), (2, seq + 1, desk.seq())]);
    assert!(stats.largest.windows(2).all(|pair| pair[0].bytes >= pair[1].bytes));
    let verified = dita_log::verify(&desk.disk(), None, &mut |_, _| {}).unwrap();
    let headers = verified.segments.iter().map(|it| it.bytes).sum::<u64>();
    let bytes: u64 = stats.kinds.iter().map(|(_, kind)| kind.bytes).sum();
    assert!(bytes < headers && headers - bytes < 1_200, "{bytes} {headers}");
    assert!(stats.busiest.is_some_and(|(_, records)| records >= 4));
}
