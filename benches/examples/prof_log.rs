//! The durable round trip for profilers: `prof_log batch|single ROUNDS [DIRECTORY]`; with no directory there is no log.
//! Prints the median µs a round trip, beside the syncs, and writing.

use std::path::PathBuf;

use dita_benches::trips::{SLOTS, Took, Trips};
use dita_engine::LogSettings;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let batched = arguments.next().is_some_and(|kind| kind == "batch");
    let rounds: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let mut trips = match arguments.next().map(PathBuf::from) {
        Some(directory) => Trips::on_log(&directory, &LogSettings::default()),
        None => Trips::without_log(),
    };
    let tooks: Vec<Took> =
        (0..rounds).map(|_| if batched { trips.batch() } else { trips.single() }).collect();
    let count = if batched { f64::from(SLOTS) } else { 1.0 };
    let median = |one: fn(&Took) -> f64| {
        let mut values: Vec<f64> = tooks.iter().map(|took| one(took) / count).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "{:.2} {:.2} {:.2}",
        median(|took| took.all_us),
        median(Took::beside_us),
        median(|took| took.writes_us)
    );
}
