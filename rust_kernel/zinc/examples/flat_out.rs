//! How long a reader takes to copy a slot into its own buffer while the writer never rests.
//!
//! `cargo run --release -p dita-zinc --example flat_out [words of a record]`
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dita_zinc::{Attempt, Place, Plan, Section, Segment};

/// So many copies are timed, each by itself.
const READS: usize = 2_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let words = std::env::args().nth(1).map_or(Ok(80), |words| words.parse())?;
    let directory = PathBuf::from(format!("/dev/shm/dita-flat-out-{}", std::process::id()));
    let place = Place::new(&directory, "bench")?;
    let segment = Segment::create(&place, &Plan::of(10))?;
    let (over, written) = (AtomicBool::new(false), std::sync::atomic::AtomicU64::new(0));
    let mut times = Vec::with_capacity(READS);
    let mut lapped = 0_u64;
    std::thread::scope(|scope| -> Result<(), Box<dyn Error + Send + Sync>> {
        scope.spawn(|| {
            let Some(lane) = segment.lane(Section::Slots, 0) else { return };
            let mut record = vec![0; words];
            while !over.load(Ordering::Relaxed) {
                record.fill(written.load(Ordering::Relaxed));
                lane.publish(&record, words * 8);
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
        let reader = Segment::open(&place).map_err(|error| error.to_string())?;
        let lane = reader.lane(Section::Slots, 0).ok_or("there are ten slots")?;
        let mut into = vec![0; words];
        while lane.last() < 1000 {
            std::thread::sleep(Duration::from_millis(1));
        }
        for _ in 0..READS {
            let began = Instant::now();
            let attempt = black_box(lane.newest(black_box(&mut into)));
            times.push(began.elapsed());
            lapped += u64::from(attempt == Attempt::Lapped);
        }
        over.store(true, Ordering::Relaxed);
        Ok(())
    })
    .map_err(|error| error.to_string())?;
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 1000).copied().unwrap_or_default();
    let written = written.load(Ordering::Relaxed);
    println!(
        "{} bytes: p50 {:?}, p90 {:?}, p99 {:?}, p99.9 {:?}; {READS} reads, {written} writes meanwhile, {lapped} given up",
        words * 8,
        at(500),
        at(900),
        at(990),
        at(999),
    );
    drop(segment);
    std::fs::remove_dir_all(directory)?;
    Ok(())
}
