//! The round trip of an engine without a log, one by one, for profilers and paired comparisons:
//! `prof_queue ROUNDS [DIRECTORY]`; with a directory, in memory if possible, it has the queue that followers read.
//! Prints nanoseconds per trip.

use std::path::PathBuf;

use dita_benches::trips::Trips;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let mut trips = match arguments.next().map(PathBuf::from) {
        Some(directory) => Trips::queued(&directory),
        None => Trips::without_log(),
    };
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        trips.single();
    }
    println!("{}", start.elapsed().as_nanos() as u64 / rounds);
}
