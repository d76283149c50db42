//! A kernel without a log feeds followers through a queue that a thread writes.

use std::ops::ControlFlow;
use std::sync::Arc;

use dita_engine::{
    BatchBounds, Engine, EngineConfig, EngineError, Follower, LogSettings, Port, Progress, SharedDisk, Wanted,
};
use dita_kernel::input::Input;
use dita_log::{MemoryDisk, Span, SyncPolicy};

const STATES: Wanted = Wanted { journal: false, when_enabled: false, states: true };

fn settings() -> LogSettings {
    LogSettings {
        policy: SyncPolicy::Written,
        segment_bytes_max: 4096,
        snapshot_records: 50,
        retained_bytes_max: 0,
        follower_bytes_max: 1 << 20,
    }
}

fn queued(disk: &SharedDisk) -> Result<Engine, EngineError> {
    Engine::queued(EngineConfig::default(), Port::Foreign, disk.clone(), &settings())
        .map(|(engine, _)| engine)
}

fn take(engine: &mut Engine, inputs: u64) {
    for _ in 0..inputs {
        engine.push(Input::Time, false).expect("there is room");
        assert_eq!(engine.run(), Progress::Quiet);
    }
}

/// The last input that a new follower reads.
fn read(disk: &SharedDisk) -> u64 {
    let mut last_seq = dita_engine::first_to_follow(disk).expect("the log is whole");
    let mut follower =
        Follower::open(
            disk.clone(),
            "q",
            last_seq,
            Span::Written,
            STATES,
            &mut |_| ControlFlow::Continue(()),
        )
        .expect("the log is whole");
    let bounds = BatchBounds { records_max: 1 << 30, bytes_max: usize::MAX, last_seq: None };
    while let Some(batch) = follower.poll(&bounds).expect("the log is whole") {
        last_seq = batch.last_seq;
    }
    last_seq
}

#[test]
fn followers_read_what_an_engine_without_a_log_took() {
    let disk: SharedDisk = Arc::new(MemoryDisk::new());
    let mut engine = queued(&disk).expect("the directory is empty");
    assert!(!engine.has_log() && engine.durable_seq().is_none() && engine.log_standing().is_none());
    take(&mut engine, 1_000);
    engine.sync_log().expect("memory takes it");
    assert_eq!(read(&disk), 1_000);
    take(&mut engine, 7);
    // What was handed over before the end is written before the end.
    engine.close_log().expect("memory takes it");
    assert_eq!(read(&disk), 1_007);
    assert_eq!(engine.queue_failure(), None);
}

#[test]
fn a_directory_with_a_log_is_no_queue() {
    let disk: SharedDisk = Arc::new(MemoryDisk::new());
    let mut engine = queued(&disk).expect("the directory is empty");
    take(&mut engine, 3);
    drop(engine);
    assert_eq!(queued(&disk).err(), Some(EngineError::Config("a queue begins in an empty directory")));
}
