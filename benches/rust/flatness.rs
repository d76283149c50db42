//! The cost of a round trip after 0, 1,000, 100,000 and 1,000,000 finished trades, with resident memory.
//!
//! Prints one JSON line per point. Each point is the median of blocks of 1,000 trips; the first point warms up
//! inside the first 1,000 trades.

use std::time::Instant;

use dita_benches::Bench;

const BLOCK: u64 = 1_000;
const BLOCKS: usize = 200;

fn main() {
    let mut bench = Bench::new(10);
    let mut finished = 0_u64;
    for point in [0_u64, 1_000, 100_000, 1_000_000, 3_000_000] {
        while finished < point {
            bench.round_trip();
            finished += 1;
        }
        let mut blocks: Vec<f64> = (0..if point == 0 { 1 } else { BLOCKS })
            .map(|_| {
                let start = Instant::now();
                for _ in 0..BLOCK {
                    bench.round_trip();
                }
                finished += BLOCK;
                start.elapsed().as_nanos() as f64 / BLOCK as f64
            })
            .collect();
        blocks.sort_by(f64::total_cmp);
        println!(
            "{{\"finished_before\": {point}, \"ns_per_round_trip\": {:.0}, \"resident_kib\": {}}}",
            blocks[blocks.len() / 2],
            resident_kib()
        );
    }
    bench.assert_end();
    println!("{{\"inputs_per_round_trip\": {}}}", bench.inputs_taken() / finished);
}

/// VmRSS of this process; 0 where the system does not tell.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
