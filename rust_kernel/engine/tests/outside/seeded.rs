//! A seeded life on a log: the same seed writes the same bytes, whoever built it.

use std::sync::Arc;

use dita_engine::{Engine, LogSettings, Port};
use dita_log::{Disk, SyncPolicy};

use super::trader::{self, config};
use super::{Random, Venue};

const MS: i64 = 1_000_000;
const SETTLING_NS: i64 = 5_000 * MS;

/// Small segments, and snapshots often.
pub fn settings() -> LogSettings {
    LogSettings {
        policy: SyncPolicy::Batch { delay_us_max: 3_600_000_000, records_max: 1_000_000 },
        segment_bytes_max: 16 << 10,
        snapshot_records: 150,
        ..LogSettings::default()
    }
}

pub fn open(disk: &Arc<dyn Disk>) -> (Engine, dita_engine::Recovery) {
    Engine::recover(config(SETTLING_NS, 1_000 * MS), Port::Foreign, disk.clone(), &settings(), &mut |_| {})
        .expect("the log opens")
}

/// Trades, and opens the log anew in between; `look` is told of the engine whenever it is quiet.
pub fn live(disk: &Arc<dyn Disk>, seed: u64, actions: u64, mut look: impl FnMut(&Engine)) -> Engine {
    let (mut random, mut venue) = (Random(seed), Venue::new(seed ^ 0x5eed, 1_000 * MS));
    let mut engine = open(disk).0;
    engine.tell_time(MS);
    trader::begin(&mut engine, &mut venue).expect("it begins");
    for action in 1..=actions {
        let step = if random.below(6) == 0 { SETTLING_NS + MS } else { random.below(300) as i64 * MS };
        engine.tell_time(engine.now_ns() + step);
        trader::act(&mut engine, &mut venue, &mut random).expect("it trades");
        look(&engine);
        if action % 100 == 0 {
            engine.settle_marks().expect("the disk works");
            // Dropped, it closes without a snapshot.
            drop(engine);
            engine = open(disk).0;
            trader::drain(&mut engine, &mut venue).expect("it asks");
        }
    }
    assert!(venue.wrongs.is_empty(), "{:?}", venue.wrongs);
    engine.sync_log().expect("the disk works");
    engine
}
