//! Times the log on this machine: `cargo run --release -p dita-log --example speed [DIRECTORY]`.
//!
//! Records have 150 bytes of payload and every fourth has a key. Each figure is the median of several rounds. The
//! batch policy's is from the first append until all is synced, drained every 16 records.

use dita_log::{Check, Config, FileDisk, Key, Log, LogError, Need, Reader, Span, SyncPolicy};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

const RECORDS: u64 = 400_000;
const ROUNDS: usize = 5;
const PAYLOAD_BYTES: usize = 150;

fn main() -> Result<(), LogError> {
    let root = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = root.join(format!("dita-log-speed-{}", std::process::id()));
    let mut figures: [Vec<f64>; 6] = Default::default();
    for round in 0..ROUNDS {
        let directory = directory.join(round.to_string());
        let disk = Arc::new(FileDisk::create(&directory).map_err(|error| failed(&directory, &error))?);
        for (times, figure) in figures.iter_mut().zip(measure(disk)?) {
            times.push(figure);
        }
    }
    std::fs::remove_dir_all(&directory).map_err(|error| failed(&directory, &error))?;
    let [buffered, batched, synced, reading, opening, finding] = figures.map(median);
    println!("append to the buffer                {buffered:8.0} ns a record");
    println!("append under the batch policy      {:9.0} records/s", 1e9 / batched);
    println!("one record and its sync             {:8.1} us", synced / 1e3);
    println!("read with verification              {:8.0} records/s", 1e9 / reading);
    println!("open, everything verified           {:8.0} records/s", 1e9 / opening);
    println!("look-up of an unknown key           {finding:8.0} ns");
    Ok(())
}

fn failed(directory: &std::path::Path, error: &std::io::Error) -> LogError {
    let file = directory.display().to_string();
    LogError::Io { file, doing: "use the directory", kind: error.kind(), cause: error.to_string() }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn config() -> Config {
    Config { policy: SyncPolicy::Off, check: Check::All, ..Config::new(b"speed", 1) }
}

fn append(log: &mut Log, payload: &[u8]) -> Result<(), LogError> {
    let seq = log.last_seq() + 1;
    let mut key: Key = [0; 16];
    key[..8].copy_from_slice(&seq.to_le_bytes());
    let keys = if seq.is_multiple_of(4) { &[key][..] } else { &[] };
    log.append(3, seq, i64::MAX / 2, keys, |buffer| buffer.extend_from_slice(payload))
}

fn keys_of(_kind: u8, _payload: &[u8], _keys: &mut Vec<Key>) {}

/// Nanoseconds a record, or a call, of each figure.
fn measure(disk: Arc<FileDisk>) -> Result<[f64; 6], LogError> {
    let payload = [0xA5; PAYLOAD_BYTES];
    let mut log = Log::open(disk.clone(), config(), &keys_of)?.0;
    // Only the appending is timed: the buffer is written in between.
    let mut bursts = Vec::new();
    for _ in 0..RECORDS / 500 {
        let start = Instant::now();
        for _ in 0..500 {
            append(&mut log, &payload)?;
        }
        bursts.push(start.elapsed().as_nanos() as f64 / 500.0);
        log.flush()?;
    }
    let buffered = median(bursts);
    log.close()?;
    let mut log = Log::open(disk.clone(), Config { policy: SyncPolicy::default(), ..config() }, &keys_of)?.0;
    let start = Instant::now();
    for record in 0..RECORDS {
        append(&mut log, &payload)?;
        if record % 16 == 15 {
            log.settle(Need::WithinPolicy)?;
        }
    }
    log.sync()?;
    let batched = start.elapsed().as_nanos() as f64;
    let start = Instant::now();
    for _ in 0..200 {
        append(&mut log, &payload)?;
        log.sync()?;
    }
    let synced = start.elapsed().as_nanos() as f64 / 200.0;
    log.close()?;
    let start = Instant::now();
    let mut reader = Reader::open(disk.clone(), Some(b"speed"), 1, Span::Written)?;
    while reader.next()?.is_some() {}
    let reading = start.elapsed().as_nanos() as f64;
    let start = Instant::now();
    let (log, recovered) = Log::open(disk, config(), &keys_of)?;
    let opening = start.elapsed().as_nanos() as f64;
    let start = Instant::now();
    for number in 0..10_000_u64 {
        let mut key: Key = [0xEE; 16];
        key[..8].copy_from_slice(&number.to_le_bytes());
        log.find(&key)?;
    }
    let finding = start.elapsed().as_nanos() as f64 / 10_000.0;
    let (records, all) = (RECORDS as f64, recovered.last_seq as f64);
    Ok([buffered, batched / records, synced, reading / all, opening / all, finding])
}
