//! How long messages take: drawn within bounds, or as recorded; and none overtakes another.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_sim::{LatencySample, SimConfig, SimVenue};
use exchange::{Exchange, bitcoin, orders_only};

fn sample(time_ns: i64, way_in_ns: i64, way_back_ns: i64) -> LatencySample {
    LatencySample { time_ns, way_in_ns, way_back_ns }
}

fn venue(config: SimConfig) -> Exchange {
    let mut x = Exchange::with(config, &bitcoin());
    x.quote("99.9 100");
    x
}

/// When a request that is sent now arrives, and when its answer is back.
fn trip(x: &mut Exchange, name: &str) -> (i64, i64) {
    assert_eq!(x.send(&format!("{name} buy 1")), Vec::<String>::new());
    let arrives_ns = x.venue.next_due_ns().unwrap();
    assert_eq!(orders_only(x.at(arrives_ns)), Vec::<String>::new());
    let back_ns = x.venue.next_due_ns().unwrap();
    assert_eq!(orders_only(x.at(back_ns)).len(), 2, "an acknowledgement and a fill");
    (arrives_ns, back_ns)
}

#[test]
fn what_is_drawn_lies_within_its_bounds_and_is_the_seeds() {
    let drawn = |seed| {
        let config = SimConfig { seed, latency_ns: 100, latency_max_ns: 301, ..SimConfig::default() };
        let mut x = venue(config);
        let trips = (1..200).map(|n| {
            let now_ns = n * 10_000;
            x.now_ns = now_ns;
            let (arrives_ns, back_ns) = trip(&mut x, &format!("A{n}"));
            (arrives_ns - now_ns, back_ns - arrives_ns)
        });
        trips.collect::<Vec<_>>()
    };
    let first = drawn(1);
    assert!(first.iter().all(|(way_in, back)| (50..=150).contains(way_in) && (50..=151).contains(back)));
    for way in
        [first.iter().map(|trip| trip.0).collect::<Vec<_>>(), first.iter().map(|trip| trip.1).collect()]
    {
        let (low, high) = (way.iter().min().unwrap(), way.iter().max().unwrap());
        assert!(*low < 60 && *high > 140, "{low} to {high}");
    }
    assert_eq!(drawn(1), first);
    assert_ne!(drawn(2), first);
}

#[test]
fn no_message_overtakes_one_before_it() {
    let config = SimConfig { latency_ns: 0, latency_max_ns: 1_000, ..SimConfig::default() };
    let mut x = venue(config);
    for n in 0..50 {
        x.now_ns = 1_000 + n;
        x.send(&format!("A{n} buy 1"));
    }
    let heard = orders_only(x.at(10_000));
    let acknowledged: Vec<&str> =
        heard.iter().filter_map(|line| line.strip_prefix("ORDER_ACK ")).map(str::trim).collect();
    let sent: Vec<String> = (0..50).map(|n| format!("A{n}")).collect();
    assert_eq!(acknowledged, sent);
}

#[test]
fn recorded_latency_holds_until_the_next_sample_each_way_by_its_own_time() {
    let latencies = vec![sample(100, 10, 20), sample(1_000, 5, 1)];
    let mut x = venue(SimConfig { latency_ns: 7, latencies, ..SimConfig::default() });
    for (name, sent_ns, want) in [
        ("before the first", 50, (60, 80)),
        ("within", 500, (510, 530)),
        ("answered under the next", 990, (1_000, 1_001)),
        ("under the next", 2_000, (2_005, 2_006)),
    ] {
        x.now_ns = sent_ns;
        assert_eq!(trip(&mut x, &name.replace(' ', "-")), want, "{name}");
    }
}

#[test]
fn a_recorded_message_waits_for_the_slower_one_before_it() {
    let latencies = vec![sample(0, 100, 0), sample(50, 1, 0)];
    let mut x = venue(SimConfig { latencies, ..SimConfig::default() });
    x.now_ns = 49;
    x.send("A buy 1");
    x.now_ns = 50;
    x.send("B buy 1");
    assert_eq!(x.at(148), Vec::<String>::new());
    let heard = orders_only(x.at(149));
    assert_eq!(heard.iter().filter(|line| line.starts_with("ORDER_ACK")).count(), 2, "{heard:?}");
}

#[test]
fn what_cannot_be_is_refused_by_name_and_value() {
    for (config, text) in [
        (
            SimConfig { latency_ns: 5, latency_max_ns: 4, ..SimConfig::default() },
            "latency_max_ns = 4: must be 0, or latency_ns or more",
        ),
        (
            SimConfig { latencies: vec![sample(0, -1, 0)], ..SimConfig::default() },
            "latencies.way_in_ns = -1: must be 0 or more",
        ),
        (
            SimConfig { latencies: vec![sample(0, 0, -2)], ..SimConfig::default() },
            "latencies.way_back_ns = -2: must be 0 or more",
        ),
        (
            SimConfig { latencies: vec![sample(5, 0, 0), sample(4, 0, 0)], ..SimConfig::default() },
            "latencies.time_ns = 4: must be not before the sample that it follows",
        ),
    ] {
        let error = SimVenue::new(config).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}
