//! Orders that meet the market only some time after they came, as paper fills do.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_sim::SimConfig;
use exchange::{Exchange, bitcoin, orders_only};

const DELAY_NS: i64 = 300;

fn venue(without_market: bool) -> Exchange {
    let config =
        SimConfig { fill_delay_ns: DELAY_NS, fill_without_market: without_market, ..SimConfig::default() };
    Exchange::with(config, &bitcoin())
}

/// The kind of each line.
fn kinds(lines: Vec<String>) -> Vec<String> {
    orders_only(lines).iter().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn an_order_is_acknowledged_at_once_and_meets_the_market_as_it_is_when_the_delay_is_over() {
    let mut x = venue(false);
    x.quote("99.9 100");
    assert_eq!(kinds(x.send("A buy 1")), ["ORDER_ACK"]);
    assert_eq!(kinds(x.at(DELAY_NS - 1)), Vec::<String>::new());
    x.quote("109.9 110");
    let filled = orders_only(x.at(DELAY_NS));
    assert_eq!(filled.len(), 1, "{filled:?}");
    assert!(filled[0].contains("110"), "{filled:?}");
    assert_eq!(x.venue.next_due_ns(), None);
}

#[test]
fn orders_fill_by_when_they_came_and_one_that_is_not_met_rests() {
    let mut x = venue(false);
    x.quote("99.9 100");
    assert_eq!(kinds(x.send("A buy 1 99.9")), ["ORDER_ACK"]);
    assert_eq!(kinds(x.at(100)), Vec::<String>::new());
    assert_eq!(kinds(x.send("B buy 2 100")), ["ORDER_ACK"]);
    assert_eq!(kinds(x.at(DELAY_NS)), Vec::<String>::new());
    let second = orders_only(x.at(DELAY_NS + 100));
    assert!(second.len() == 1 && second[0].contains('B'), "{second:?}");
    let first = orders_only(x.quote("99.8 99.9"));
    assert!(first.len() == 1 && first[0].contains('A'), "{first:?}");
}

#[test]
fn a_cancel_within_the_delay_finds_the_order_whole() {
    let mut x = venue(false);
    x.quote("99.9 100");
    x.send("A buy 1");
    assert_eq!(kinds(x.cancel("A", "")), ["CANCEL_ACK"]);
    // Another order has its place meanwhile: it waits for its own time.
    x.at(200);
    x.send("B buy 1");
    assert_eq!(kinds(x.at(DELAY_NS)), Vec::<String>::new());
    assert_eq!(kinds(x.at(200 + DELAY_NS)).len(), 1);
    assert_eq!(x.position(), "1 100");
}

#[test]
fn without_a_market_a_limit_order_waits_or_fills_at_its_limit_as_the_settings_say() {
    for (fills, position) in [(false, "0 0"), (true, "1 90")] {
        let mut x = venue(fills);
        assert_eq!(kinds(x.send("A buy 1 90")), ["ORDER_ACK"]);
        x.at(DELAY_NS);
        assert_eq!(x.position(), position);
        assert_eq!(kinds(x.send("M buy 1")), ["ORDER_REJECT"]);
    }
    // Where there is one, the market decides.
    let mut x = venue(true);
    x.quote("99.9 100");
    x.send("A buy 1 90");
    x.at(DELAY_NS);
    assert_eq!(x.position(), "0 0");
}
