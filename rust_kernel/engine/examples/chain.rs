//! Writes logs of seeded lives, and prints what they come to: the number of records, the hash of all the log's bytes
//! and of the last state. A debug and a release build must print the same (`make replay-equality`).

#[path = "../tests/outside/mod.rs"]
mod outside;

use std::sync::Arc;

use dita_log::{Disk, MemoryDisk};

const SEEDS: u64 = 12;
const ACTIONS: u64 = 400;

fn main() {
    for seed in 1..=SEEDS {
        let memory = MemoryDisk::new();
        let disk: Arc<dyn Disk> = Arc::new(memory.clone());
        let engine = outside::seeded::live(&disk, seed, ACTIONS, |_| {});
        let mut bytes = blake3::Hasher::new();
        for (name, content) in memory.files().iter().filter(|(name, _)| name.ends_with(".seg")) {
            bytes.update(name.as_bytes());
            bytes.update(content);
        }
        println!(
            "seed {seed}: {} records, log {}, state {}",
            engine.kernel().seq(),
            bytes.finalize().to_hex(),
            blake3::Hash::from(engine.kernel().state_hash()).to_hex()
        );
    }
}
