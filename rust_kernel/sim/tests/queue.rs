//! The place in line: with `queue_position` an order waits behind what the book showed at its price.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_sim::SimConfig;
use exchange::{Exchange, bitcoin, orders_only};

/// What happens next, and what fills.
enum Then<'a> {
    Print(&'a str, &'a str),
    Depth(&'a str),
    Quote(&'a str),
    Send(&'a str),
    Amend(&'a str),
}
use Then::{Amend, Depth, Print, Quote, Send};

fn venue(queue_position: bool) -> Exchange {
    let mut x = Exchange::with(SimConfig { queue_position, ..SimConfig::default() }, &bitcoin());
    x.depth("99 5 98 7 | 101 4", true);
    x
}

fn fills(x: &mut Exchange, then: &Then<'_>) -> Vec<String> {
    let lines = match then {
        Print(price, size) => x.print(price, size),
        Depth(levels) => x.depth(levels, false),
        Quote(quote) => x.quote(quote),
        Send(order) => x.send(order),
        Amend(change) => x.amend(change),
    };
    let fills = orders_only(lines).into_iter().filter(|line| line.contains("_FILL "));
    fills.map(|line| line.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
#[rustfmt::skip]
fn prints_at_the_price_serve_those_ahead_first() {
    for (what, steps) in [
        ("five are ahead",                 vec![(Print("99", "5"), vec![]), (Print("99", "1"), vec!["A 1@99"])]),
        ("one print passes them all",      vec![(Print("99", "6.5"), vec!["A 1.5@99"])]),
        ("a print through the price",      vec![(Print("98.9", "0.1"), vec!["A 2@99"])]),
        ("the level shrinks",              vec![(Depth("99 1 |"), vec![]), (Print("99", "2"), vec!["A 1@99"])]),
        ("and grows: behind the order",    vec![(Depth("99 9 |"), vec![]), (Print("99", "6"), vec!["A 1@99"])]),
        ("the level goes",                 vec![(Depth("99 0 |"), vec![]), (Print("99", "1"), vec!["A 1@99"])]),
        ("the other side comes",           vec![(Quote("98 1 99 1"), vec!["A 1@99"])]),
        ("a later order stands behind",    vec![(Send("B buy 2 99"), vec![]), (Print("99", "8"), vec!["A 2@99", "B 1@99"])]),
        ("a lower price has its own line", vec![(Send("B buy 2 98"), vec![]), (Print("98", "7"), vec!["A 2@99"]), (Print("98", "1"), vec!["B 1@98"])]),
        ("a larger size goes to the end",  vec![(Print("99", "4"), vec![]), (Depth("99 8 |"), vec![]), (Amend("A 3 99"), vec![]), (Print("99", "8"), vec![]), (Print("99", "1"), vec!["A 1@99"])]),
        ("a smaller one keeps its place",  vec![(Print("99", "4"), vec![]), (Depth("99 8 |"), vec![]), (Amend("A 1 99"), vec![]), (Print("99", "2"), vec!["A 1@99"])]),
    ] {
        let mut x = venue(true);
        x.send("A buy 2 99");
        for (number, (then, want)) in steps.iter().enumerate() {
            assert_eq!(fills(&mut x, then), *want, "{what}, step {number}");
        }
    }
}

#[test]
#[rustfmt::skip]
fn by_probability_an_order_moves_up_by_its_share_of_what_left() {
    for (what, steps) in [
        // Five before the order, and more comes behind; the level loses half: half of those before are gone.
        ("five of ten leave",      vec![(Depth("99 10 |"), vec![]), (Depth("99 5 |"), vec![]), (Print("99", "3.5"), vec!["A 1@99"])]),
        ("nothing is behind",      vec![(Depth("99 4 |"), vec![]), (Print("99", "5"), vec!["A 1@99"])]),
        ("what was traded is not counted again", vec![(Depth("99 10 |"), vec![]), (Print("99", "2"), vec![]), (Depth("99 8 |"), vec![]), (Print("99", "4"), vec!["A 1@99"])]),
        ("traded and left",        vec![(Depth("99 10 |"), vec![]), (Print("99", "2"), vec![]), (Depth("99 4 |"), vec![]), (Print("99", "2.5"), vec!["A 1@99"])]),
        ("the level goes",         vec![(Depth("99 0 |"), vec![]), (Print("99", "1"), vec!["A 1@99"])]),
        ("it grows: behind",       vec![(Depth("99 90 |"), vec![]), (Print("99", "6"), vec!["A 1@99"])]),
    ] {
        let config = SimConfig { queue_position: true, queue_evenly: true, ..SimConfig::default() };
        let mut x = Exchange::with(config, &bitcoin());
        x.depth("99 5 98 7 | 101 4", true);
        x.send("A buy 2 99");
        for (number, (then, want)) in steps.iter().enumerate() {
            assert_eq!(fills(&mut x, then), *want, "{what}, step {number}");
        }
    }
}

#[test]
fn averse_to_risk_all_that_left_had_stood_behind() {
    let mut x = venue(true);
    x.send("A buy 2 99");
    assert!(fills(&mut x, &Depth("99 10 |")).is_empty());
    assert!(fills(&mut x, &Depth("99 5 |")).is_empty());
    assert!(fills(&mut x, &Print("99", "3.5")).is_empty());
    assert_eq!(fills(&mut x, &Print("99", "2.5")), ["A 1@99"]);
}

#[test]
fn without_it_nobody_is_ahead() {
    let mut x = venue(false);
    x.send("A buy 2 99");
    assert_eq!(fills(&mut x, &Print("99", "1")), ["A 1@99"]);
}

#[test]
fn a_level_whose_size_is_not_known_has_nobody_in_it() {
    let mut x = Exchange::with(SimConfig { queue_position: true, ..SimConfig::default() }, &bitcoin());
    x.quote("99 101");
    x.send("A buy 2 99");
    assert_eq!(fills(&mut x, &Print("99", "1")), ["A 1@99"]);
}
