//! Market data through the simulated venue and the engine: quotes with and without marks, a mark alone, depth at the top.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dita_benches::{dec, id};
use dita_engine::{Engine, EngineConfig, Port, Progress};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::num::Decimal;
use dita_sim::{SimConfig, SimVenue};

/// Levels of a deep side, each a tick from the next.
const LEVELS: i128 = 1_000;

/// An engine with one listed instrument.
fn engine(quotes_set_marks: bool) -> Engine {
    let config = SimConfig { quotes_set_marks, ..SimConfig::default() };
    let venue = SimVenue::new(config).expect("a venue");
    let port = Port::Sim(Box::new(venue));
    let mut engine = Engine::new(EngineConfig::default(), port).expect("an engine");
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    engine.with_venue(|venue, _, _| venue.add_instrument(&spec)).expect("an instrument");
    engine.push(Input::Instrument(Box::new(spec)), false).expect("room");
    run(&mut engine);
    engine
}

fn run(engine: &mut Engine) {
    assert!(matches!(engine.run(), Progress::Quiet));
}

/// A price in ticks of 0.1.
fn ticks(count: i128) -> Decimal {
    Decimal::new(count, 1).expect("a price")
}

fn quote(engine: &mut Engine, symbol: &Id, at: i128) {
    engine.tell_time(i64::try_from(at).expect("a time"));
    // The middle is mostly half a tick: 61800.25.
    let bid = 618_000 + at % 50;
    let quoted = engine.with_venue(|venue, now_ns, out| {
        venue.quote(now_ns, symbol, ticks(bid), None, ticks(bid + 1), None, out)
    });
    quoted.expect("a quote");
    run(engine);
}

fn mark(engine: &mut Engine, symbol: &Id, at: i128) {
    engine.tell_time(i64::try_from(at).expect("a time"));
    let marked =
        engine.with_venue(|venue, now_ns, out| venue.mark(now_ns, symbol, ticks(618_000 + at % 50), out));
    marked.expect("a mark");
    run(engine);
}

/// A better bid comes, and goes.
fn top(engine: &mut Engine, symbol: &Id) {
    for size in ["1", "0"] {
        let level = [(ticks(618_001), dec(size))];
        let moved =
            engine.with_venue(|venue, now_ns, out| venue.depth(now_ns, symbol, &level, &[], false, out));
        moved.expect("depth");
    }
    run(engine);
}

fn feed(criterion: &mut Criterion) {
    let symbol = id("BTCUSDT");
    let mut group = criterion.benchmark_group("feed");
    group.throughput(Throughput::Elements(1));
    for (name, marks) in [("quote", false), ("quote_with_mark", true)] {
        let (mut engine, mut at) = (engine(marks), 0);
        group.bench_function(name, |b| {
            b.iter(|| {
                at += 1;
                quote(&mut engine, &symbol, at);
            });
        });
    }
    let (mut marked, mut at) = (engine(false), 0);
    group.bench_function("mark", |b| {
        b.iter(|| {
            at += 1;
            mark(&mut marked, &symbol, at);
        });
    });
    let mut deep = engine(false);
    let levels: Vec<_> = (0..LEVELS).map(|place| (ticks(618_000 - place), dec("1"))).collect();
    let given = deep.with_venue(|venue, now_ns, out| venue.depth(now_ns, &symbol, &levels, &[], true, out));
    given.expect("depth");
    group.bench_function("better_level_comes_and_goes", |b| b.iter(|| top(&mut deep, &symbol)));
    group.finish();
}

criterion_group!(benches, feed);
criterion_main!(benches);
