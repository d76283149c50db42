//! From the first input, from any snapshot, and live: one state after each input. The same in debug and in release is
//! `make replay-equality`.

mod outside;

use std::collections::BTreeMap;
use std::sync::Arc;

use dita_engine::replay_record;
use dita_kernel::effect::Effects;
use dita_kernel::kernel::Kernel;
use dita_log::{Disk, MemoryDisk, Reader, Span};
use outside::seeded;

const SEEDS: u64 = 6;
const ACTIONS: u64 = 250;

#[test]
fn genesis_and_snapshot_with_tail_and_live_are_one_state() {
    let (mut states, mut snapshots, mut records) = (0, 0, 0);
    for seed in 1..=SEEDS {
        let memory = MemoryDisk::new();
        let disk: Arc<dyn Disk> = Arc::new(memory.clone());
        let mut live = BTreeMap::new();
        let engine = seeded::live(&disk, seed, ACTIONS, |engine| {
            live.insert(engine.kernel().seq(), engine.kernel().state_hash());
        });
        let last = engine.kernel().state_hash();
        records += engine.kernel().seq();
        drop(engine);
        states += live.len();
        from_genesis(&disk, &live, last);
        snapshots += from_each_snapshot(&memory, last);
    }
    println!(
        "replay: {records} inputs, {states} states the same live and from the first input, {snapshots} snapshots"
    );
    assert!(states > 500 && snapshots >= 2 * SEEDS);
}

fn from_genesis(disk: &Arc<dyn Disk>, live: &BTreeMap<u64, [u8; 32]>, last: [u8; 32]) {
    let mut reader = Reader::open(disk.clone(), None, 1, Span::Written).expect("the log can be read");
    let config = dita_engine::config_of(reader.identity().bytes()).expect("a kernel's log");
    let mut kernel = Kernel::new(config).expect("a kernel");
    let mut effects = Effects::default();
    while let Some(record) = reader.next().expect("it is whole") {
        replay_record(&mut kernel, &record, &mut effects).expect("it replays");
        if let Some(then) = live.get(&kernel.seq()) {
            assert_eq!(kernel.state_hash(), *then, "after input {}", kernel.seq());
        }
    }
    assert_eq!(kernel.state_hash(), last);
}

/// Opens a copy of the log once with each of its snapshots as the newest one. How many there are.
fn from_each_snapshot(memory: &MemoryDisk, last: [u8; 32]) -> u64 {
    let files = memory.files();
    let names: Vec<&String> = files.keys().filter(|name| name.ends_with(".snap")).collect();
    for newest in &names {
        let kept = files.iter().filter(|(name, _)| !name.ends_with(".snap") || name <= newest);
        let copy = MemoryDisk::holding(kept.map(|(name, bytes)| (name.clone(), bytes.clone())));
        let (engine, recovery) = seeded::open(&(Arc::new(copy) as Arc<dyn Disk>));
        let seq: u64 = newest.trim_end_matches(".snap").parse().expect("a number");
        assert_eq!((recovery.snapshot_seq, engine.kernel().state_hash()), (Some(seq), last), "{newest}");
    }
    names.len() as u64
}
