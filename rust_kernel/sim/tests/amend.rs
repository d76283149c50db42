//! Changes of live orders.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_kernel::input::Input;
use dita_kernel::names::{KernelEventKind, VenueOrderStatus};
use dita_sim::SimConfig;
use exchange::{Exchange, bitcoin, id, line, named, orders_only};

fn short(lines: Vec<String>) -> Vec<String> {
    let words = |line: &String| line.split(" fee").next().unwrap().to_string();
    orders_only(lines).iter().map(words).collect()
}

/// A: buy 5 at 99, of which 2 are filled; the market stands at 98 to 100.
fn half_filled() -> Exchange {
    let mut x = Exchange::plain();
    x.quote("98 100");
    x.send("A buy 5 99");
    x.quote("98 1 99 2");
    x.quote("98 100");
    x
}

#[test]
fn what_an_amend_comes_to() {
    for (amend, want, open) in [
        ("A 4", vec!["AMEND_ACK A filled 2 left 2 of 4"], 1),
        ("A 9", vec!["AMEND_ACK A filled 2 left 7 of 9"], 1),
        ("A 5 98.5", vec!["AMEND_ACK A filled 2 left 3 of 5"], 1),
        ("A 5 99", vec!["AMEND_ACK A filled 2 left 3 of 5"], 1),
        ("A 5 100", vec!["AMEND_ACK A filled 2 left 3 of 5", "FULL_FILL A 3@100 TAKER"], 0),
        ("A 2", vec!["AMEND_ACK A filled 2 left 0 of 2"], 0),
        ("A 1.5", vec!["CANCEL_ACK A filled 2 left 0: size: below what is filled"], 0),
        ("A 0", vec!["AMEND_REJECT A filled 2 left 3 of 5 at 99: size: not positive"], 1),
        ("A 4.0005", vec!["AMEND_REJECT A filled 2 left 3 of 5 at 99: size: off the lot grid"], 1),
        ("A 5 98.55", vec!["AMEND_REJECT A filled 2 left 3 of 5 at 99: limit price: off the tick grid"], 1),
        ("A 5 0", vec!["AMEND_REJECT A filled 2 left 3 of 5 at 99: limit price: not positive"], 1),
        (
            "A 5 @98",
            vec!["AMEND_REJECT A filled 2 left 3 of 5 at 99: trigger price: this order type has none"],
            1,
        ),
        ("A 1000000000000000 99", vec!["AMEND_REJECT A filled 2 left 3 of 5 at 99: order too large"], 1),
        ("Z 1", vec!["AMEND_REJECT Z: unknown order"], 1),
    ] {
        let mut x = half_filled();
        assert_eq!(short(x.amend(amend)), want, "{amend}");
        assert_eq!(x.venue.open_orders().len(), open, "{amend}");
        // A refused change has changed nothing; what is left fills as it now is.
        let left = if want[0].starts_with("AMEND_REJECT") { "3@99" } else { "" };
        let lines = short(x.quote("90 91"));
        assert!(lines.iter().any(|line| line.contains(left)) || open == 0, "{amend}: {lines:?}");
    }
}

#[test]
fn every_answer_names_its_request() {
    for (amend, kind, status) in [
        ("A 4", KernelEventKind::AmendAck, VenueOrderStatus::PartiallyFilled),
        ("A 2", KernelEventKind::AmendAck, VenueOrderStatus::Filled),
        ("A 1", KernelEventKind::CancelAck, VenueOrderStatus::Canceled),
        ("A 0", KernelEventKind::AmendReject, VenueOrderStatus::PartiallyFilled),
    ] {
        let mut x = half_filled();
        let (words, size) = amend.split_once(' ').unwrap();
        let request = dita_kernel::effect::AmendRequest {
            venue_client_id: id(words),
            venue_order_id: id(""),
            request_id: id("R1"),
            asset: id("BTCUSDT"),
            slot_id: 3,
            order_side: dita_kernel::names::OrderSide::Buy,
            size: exchange::dec(size),
            limit_price: None,
            trigger_price: None,
        };
        x.venue.amend(0, &request, &mut x.heard);
        let [Input::Venue(event)] = &x.heard[..] else { panic!("{:?}", x.heard) };
        assert_eq!((event.kind, event.status), (kind, Some(status)), "{amend}");
        assert_eq!(event.rare.as_ref().unwrap().request_id, id("R1"), "{amend}");
    }
}

#[test]
fn ended_orders_are_not_changed() {
    let mut x = Exchange::plain();
    x.quote("98 100");
    x.send("DONE buy 1");
    x.send("GONE buy 1 99");
    x.cancel("GONE", "");
    assert_eq!(x.amend("DONE 2"), ["AMEND_REJECT DONE filled 1 left 0 of 1 at 100: already filled"]);
    assert_eq!(x.amend("GONE 2"), ["AMEND_REJECT GONE filled 0 left 0 of 1: already ended"]);
    assert_eq!((x.venue.counters().amends, x.venue.counters().amend_rejects), (0, 2));
}

/// A, B and C wait at 99 with one lot each; one of them is amended; then the market comes, one lot at a time.
#[test]
fn a_place_in_line_is_kept_by_a_smaller_size_only() {
    for (amend, want) in [
        ("A 0.5", "A0.5 B1 C1"),
        ("A 1.5", "B1 C1 A1.5"),
        ("A 1 99", "A1 B1 C1"),
        ("B 1 99.5", "B1 A1 C1"),
        ("B 1 98.5", "A1 C1 B1"),
    ] {
        let mut x = Exchange::plain();
        x.quote("98 101");
        for client in ["A", "B", "C"] {
            x.send(&format!("{client} buy 1 99"));
        }
        x.amend(amend);
        let mut order = Vec::new();
        for line in short(x.quote("90 91")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            order.push(format!("{}{}", words[1], words[2].split('@').next().unwrap()));
        }
        assert_eq!(order.join(" "), want, "{amend}");
    }
}

#[test]
fn one_that_lost_its_place_stands_behind_those_who_lost_theirs_before_and_before_those_who_come_later() {
    let mut x = Exchange::plain();
    x.quote("98 101");
    for client in ["A", "B"] {
        x.send(&format!("{client} buy 1 99"));
    }
    x.amend("B 2");
    x.amend("A 2");
    x.send("C buy 1 99");
    let lines = short(x.quote("90 91"));
    let order: Vec<&str> = lines.iter().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(order, ["B", "A", "C"]);
}

#[test]
fn conditional_and_post_only_orders_are_changed_by_their_own_rules() {
    let mut x = Exchange::plain();
    x.quote("98 100");
    x.send("S buy 1 stop @105");
    assert_eq!(
        x.amend("S 1 @98"),
        ["AMEND_REJECT S filled 0 left 1 of 1: trigger price: would trigger at once"]
    );
    assert_eq!(
        x.amend("S 2 101"),
        ["AMEND_REJECT S filled 0 left 1 of 1: limit price: a market order has none"]
    );
    assert_eq!(x.amend("S 2 @103"), ["AMEND_ACK S filled 0 left 2 of 2"]);
    assert_eq!(short(x.quote("103 103"))[1], "FULL_FILL S 2@103 TAKER");
    x.quote("98 100");
    x.send("P buy 1 99 post");
    assert_eq!(x.amend("P 1 100"), ["AMEND_REJECT P filled 0 left 1 of 1: post only: would take"]);
    assert_eq!(x.amend("P 1 99.9"), ["AMEND_ACK P filled 0 left 1 of 1"]);
}

#[test]
fn an_amend_that_races_a_fill_keeps_what_was_filled() {
    let mut x = Exchange::with(SimConfig { latency_ns: 100, ..SimConfig::default() }, &bitcoin());
    x.quote("98 100");
    x.send("A buy 5 99");
    x.at(200);
    x.amend("A 3");
    x.quote("98 1 99 4"); // the amend is on its way while 4 are filled
    let lines = short(x.at(1_000));
    assert_eq!(
        lines,
        ["PARTIAL_FILL A 4@99 MAKER", "CANCEL_ACK A filled 4 left 0: size: below what is filled"]
    );
    assert_eq!(x.position(), "4 396");
}

#[test]
fn money_is_conserved_through_amends() {
    let mut x = half_filled();
    x.amend("A 4 99.5");
    x.quote("98 1 99.5 1");
    x.amend("A 6");
    x.quote("90 91");
    x.send("OUT sell 6");
    // In: 2 × 99 and 3 × 99.5 as maker (0.02 %), and 1 × 99.5 as taker (0.05 %), as the larger order came anew and
    // met the ask; out: 6 × 90 = 540 as taker. 100000 − 0.0993 − 0.04975 − 56 − 0.27
    assert_eq!((x.position().as_str(), x.balance().as_str()), ("0 0", "99943.58095"));
    let told: Vec<String> = x.heard.iter().map(line).collect();
    assert!(told.is_empty());
    x.venue.cancel(0, &named("A", ""), &mut x.heard);
    assert_eq!(short(x.tell())[0].split(':').next_back(), Some(" already filled"));
}

#[test]
fn an_amended_reduce_only_order_never_takes_beyond_the_position() {
    for (sold, want, left) in [
        ("2", vec!["AMEND_ACK A filled 0 left 1 of 1", "FULL_FILL A 1@98 TAKER"], "0"),
        ("3", vec!["AMEND_REJECT A filled 0 left 3 of 3: reduce only: no position"], "0"),
    ] {
        let mut x = Exchange::plain();
        x.quote("98 100");
        x.send("L buy 3");
        x.send("A sell 3 110 reduce");
        x.send(&format!("B sell {sold}"));
        assert_eq!(short(x.amend("A 3 98")), want, "{sold} sold meanwhile");
        let (position, _) = x.venue.position(&id("BTCUSDT")).unwrap();
        assert_eq!(exchange::trimmed(position).to_string(), left);
    }
}
