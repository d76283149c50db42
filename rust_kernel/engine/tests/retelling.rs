//! What intents came to is told again out of the log, as it was told when they were taken.

mod outside;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use dita_engine::{Answer, Engine, LogSettings, Port, SharedDisk, first_answers};
use dita_kernel::input::Input;
use dita_log::MemoryDisk;
use outside::trader;
use outside::{Random, Venue};

const MS: i64 = 1_000_000;
const SETTLING_NS: i64 = 5_000 * MS;
const ACTIONS: u64 = 150;

/// What a trader was told, by the number of each intent, and the log.
fn traded(seed: u64) -> (SharedDisk, BTreeMap<u64, Answer>, Engine) {
    let disk: SharedDisk = Arc::new(MemoryDisk::new());
    let settings = LogSettings { segment_bytes_max: 4096, snapshot_records: 35, ..LogSettings::default() };
    let config = trader::config(SETTLING_NS, 1_000 * MS);
    let mut engine = Engine::recover(config, Port::Foreign, disk.clone(), &settings, &mut |_| {}).unwrap().0;
    let (mut venue, mut random) = (Venue::new(seed ^ 0x5eed, 1_000 * MS), Random(seed));
    engine.tell_time(MS);
    trader::begin(&mut engine, &mut venue).unwrap();
    let mut told = BTreeMap::new();
    for _ in 0..ACTIONS {
        engine.tell_time(engine.now_ns() + random.below(300) as i64 * MS);
        let answers = trader::act(&mut engine, &mut venue, &mut random).unwrap();
        told.extend(answers.into_iter().map(|answer| (answer.outcome.seq, answer)));
        // What the venue says later is no part of an answer: something else happens in between.
        engine.push(Input::Time, false).unwrap();
        trader::drain(&mut engine, &mut venue).unwrap();
    }
    engine.sync_log().unwrap();
    (disk, told, engine)
}

fn retold(disk: &SharedDisk, seqs: &BTreeSet<u64>) -> BTreeMap<u64, Answer> {
    first_answers(disk, seqs, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn every_answer_is_told_again_as_it_was_alone_and_with_others() {
    let (mut refused, mut with_events) = (0, 0);
    for seed in 0..12 {
        let (disk, told, engine) = traded(seed);
        let expected: BTreeMap<u64, Answer> =
            told.into_iter().map(|(seq, answer)| (seq, Answer { durable: false, ..answer })).collect();
        refused += expected.values().filter(|answer| !answer.outcome.accepted).count();
        with_events += expected.values().filter(|answer| answer.events.len() > 1).count();
        let seqs: BTreeSet<u64> = expected.keys().copied().collect();
        assert_eq!(retold(&disk, &seqs), expected, "seed {seed}");
        for (seq, answer) in expected.iter().step_by(7) {
            let found = retold(&disk, &BTreeSet::from([*seq]));
            assert_eq!(found.get(seq), Some(answer), "seed {seed}, input {seq}");
        }
        drop(engine);
    }
    assert!(with_events > 100, "{refused} {with_events}");
}

#[test]
fn what_is_no_intent_or_not_there_has_no_answer() {
    let (disk, told, engine) = traded(1);
    let seq = *told.keys().next().unwrap();
    let others = BTreeSet::from([1, engine.kernel().seq() + 5, seq]);
    assert_eq!(retold(&disk, &others).into_keys().collect::<Vec<_>>(), [seq]);
    assert!(retold(&disk, &BTreeSet::new()).is_empty());
}
