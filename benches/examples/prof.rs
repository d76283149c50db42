//! Nanoseconds per round trip over N trips (the first argument), for profilers and paired comparisons.

fn main() {
    let n: u64 = std::env::args().nth(1).and_then(|t| t.parse().ok()).unwrap_or(100_000);
    let mut bench = dita_benches::Bench::new(10);
    let start = std::time::Instant::now();
    for _ in 0..n {
        bench.round_trip();
    }
    bench.assert_end();
    println!("{}", start.elapsed().as_nanos() as u64 / n);
}
