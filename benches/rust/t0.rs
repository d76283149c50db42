//! T0: the core alone with the simulated venue, and the same with many slots.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dita_benches::Bench;

fn t0(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("t0_round_trip");
    group.throughput(Throughput::Elements(1));
    for slots in [10, 1_000, 100_000] {
        let mut bench = Bench::new(slots);
        group.bench_function(BenchmarkId::new("slots", slots), |b| b.iter(|| bench.round_trip()));
        bench.assert_end();
    }
    let mut bench = Bench::fee_in_fill(10);
    group.bench_function("fee_in_fill", |b| b.iter(|| bench.round_trip()));
    bench.assert_end();
    group.finish();
}

criterion_group!(benches, t0);
criterion_main!(benches);
