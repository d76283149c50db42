//! The arm DITA T0 of `make bench-peers`: the trips of `Bench::new`, timed in blocks, as one JSON object.
//!
//! Arguments as for the arms in Python: the arm's name, the trips, the trips in a block. Each fill is settled by an
//! event of its own, so a trip is ten inputs: more than the peers' trips, whose fills carry the fee.

use std::time::Instant;

use dita_benches::Bench;

const INPUTS_PER_TRIP: u64 = 10;

const WORK: &str = r#"{"money": "exact, integers at 1e-18", "duplicates": "yes", "ledger": "yes, double entry",
"funding": "can; none falls due here", "reconciliation": "yes, a wallet frame after each fill", "journal": "no",
"durable": "no", "also": "limits, exposure, one state machine a slot; the fee comes in an event of its own", "lacks": ""}"#;

fn argument(place: usize) -> u64 {
    let text = std::env::args().nth(place).expect("arguments: arm trips block");
    text.parse().expect("a whole number")
}

fn main() {
    let (trips, block) = (argument(2), argument(3));
    assert!(trips.is_multiple_of(block), "the trips must be a whole number of blocks");
    let mut bench = Bench::new(10);
    let setup = bench.inputs_taken();
    let cpu = cpu_ns();
    let start = Instant::now();
    let mut marks = vec![start];
    for _ in 0..trips / block {
        for _ in 0..block {
            bench.round_trip();
        }
        marks.push(Instant::now());
    }
    let (took, cpu) = (start.elapsed(), cpu_ns() - cpu);
    bench.assert_end();
    assert_eq!(bench.inputs_taken() - setup, trips * INPUTS_PER_TRIP, "inputs");
    let blocks: Vec<String> = marks
        .windows(2)
        .map(|pair| format!("{:.4}", (pair[1] - pair[0]).as_nanos() as f64 / block as f64 / 1000.0))
        .collect();
    let share = (cpu as f64 / took.as_nanos() as f64).min(1.0);
    println!(
        r#"{{"arm": "dita_t0", "blocks_us": [{}], "cpu_share": {share:.3}, "end": {}, "work": {}}}"#,
        blocks.join(", "),
        end(trips),
        WORK.replace('\n', " ")
    );
}

/// What `assert_end` has just compared to the last digit, written out.
fn end(trips: u64) -> String {
    let (fees, loss) = (trips * 80_340_325, trips * 130_000);
    let unit = 100_000_000;
    format!(
        r#"{{"position": "0", "orders": {}, "fees": "{}.{:08}", "realized_pnl": "-{}.{:08}"}}"#,
        trips * 2,
        fees / unit,
        fees % unit,
        loss / unit,
        loss % unit
    )
}

/// Nanoseconds that this thread has run, 0 where the system does not tell. Reading `stat` first brings the count up to
/// now: `schedstat` alone is as old as the last tick.
fn cpu_ns() -> u64 {
    let _ = std::fs::read_to_string("/proc/self/stat");
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|ran| ran.parse().ok()).unwrap_or(0)
}
