//! Orders that wait: for a trigger, for their end, for the other of their group; and what cuts them.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use dita_kernel::input::Input;
use dita_kernel::names::KernelEventKind;
use dita_sim::SimConfig;
use exchange::{Exchange, bitcoin, dec, id, orders_only};

fn with(change: impl FnOnce(&mut SimConfig)) -> Exchange {
    let mut config = SimConfig::default();
    change(&mut config);
    let mut x = Exchange::with(config, &bitcoin());
    x.quote("99.9 100.1");
    x
}

/// Kinds and fills, without fees and sums.
fn short(lines: Vec<String>) -> Vec<String> {
    let words = |line: &String| line.split(" fee").next().unwrap().to_string();
    orders_only(lines).iter().map(words).collect()
}

/// The market stands at 99.9 to 100.1, its middle at 100. Each row: the order, the quote, what it does.
#[test]
fn a_trigger_is_met_from_its_side_by_the_middle_of_the_book() {
    const TOLD: &str = "TRIGGERED A filled 0 left 1 of 1";
    for (order, quote, want) in [
        ("A buy 1 stop @101", "100.8 101", vec![]),
        ("A buy 1 stop @101", "100.9 101.1", vec![TOLD, "FULL_FILL A 1@101.1 TAKER"]),
        ("A buy 1 stop @101", "110 111", vec![TOLD, "FULL_FILL A 1@111 TAKER"]),
        ("A sell 1 stop @99", "99 99.2", vec![]),
        ("A sell 1 stop @99", "98.9 99.1", vec![TOLD, "FULL_FILL A 1@98.9 TAKER"]),
        ("A buy 1 take @99", "98.9 99.1", vec![TOLD, "FULL_FILL A 1@99.1 TAKER"]),
        ("A buy 1 take @99", "101 102", vec![]),
        ("A sell 1 take @101", "101 101", vec![TOLD, "FULL_FILL A 1@101 TAKER"]),
        ("A sell 1 take @101", "98 99", vec![]),
        // A limit that the market has passed waits; one that it has not takes.
        ("A buy 1 stoplimit @101 101", "100.9 101.1", vec![TOLD]),
        ("A buy 1 stoplimit @101 102", "100.9 101.1", vec![TOLD, "FULL_FILL A 1@101.1 TAKER"]),
        (
            "A buy 1 stoplimit @101 101 ioc",
            "100.9 101.1",
            vec![TOLD, "EXPIRED A filled 0 left 0: not filled at once, and its rest does not wait"],
        ),
        (
            "A buy 1 stoplimit @101 102 post",
            "100.9 101.1",
            vec![TOLD, "EXPIRED A filled 0 left 0: post only: would take"],
        ),
        ("A sell 1 take @101 101 ", "101 101.2", vec![TOLD, "FULL_FILL A 1@101 TAKER"]),
        (
            "A sell 1 stop @99 reduce",
            "98.9 99.1",
            vec![TOLD, "EXPIRED A filled 0 left 0: reduce only: no position"],
        ),
    ] {
        let mut x = with(|_| ());
        assert_eq!(x.send(order), ["ORDER_ACK A"], "{order}");
        assert_eq!(x.venue.open_orders().len(), 1, "{order}");
        assert_eq!(short(x.quote(quote)), want, "{order} at {quote}");
        let rests = want.is_empty() || want == [TOLD];
        assert_eq!(x.venue.open_orders().len(), usize::from(rests), "{order} at {quote}");
        assert_eq!(x.venue.counters().triggered, u64::from(!want.is_empty()));
    }
}

#[test]
fn a_print_triggers_too_and_a_mark_only_where_it_is_told_to() {
    let mut x = with(|_| ());
    x.send("A buy 1 stop @101");
    assert_eq!(x.mark("105"), ["MARK BTCUSDT 105"]);
    assert_eq!(short(x.print("101", "0.001"))[0], "TRIGGERED A filled 0 left 1 of 1");

    let mut x = with(|c| c.trigger_on_mark = true);
    x.send("A buy 1 stop @101");
    assert!(x.print("105", "1").is_empty() && x.quote("105 105.1").is_empty());
    assert_eq!(x.mark("100.99"), ["MARK BTCUSDT 100.99"]);
    let lines = short(x.mark("101.005"));
    assert_eq!(lines[1..], ["TRIGGERED A filled 0 left 1 of 1", "FULL_FILL A 1@105.1 TAKER"]);
    assert_eq!(x.send("B buy 1 stop @101"), ["ORDER_REJECT B: trigger price: would trigger at once"]);
}

#[test]
fn what_is_triggered_may_have_a_second_id() {
    for two in [false, true] {
        let mut x = with(|c| c.two_ids_on_trigger = two);
        x.send("A buy 1 stop @101"); // ORD000001
        x.send("B buy 1 90");
        x.venue.quote(0, &id("BTCUSDT"), dec("101"), None, dec("101"), None, &mut x.heard).unwrap();
        let events: Vec<_> = x
            .heard
            .iter()
            .filter_map(|input| match input {
                Input::Venue(event) => Some(event),
                _ => None,
            })
            .collect();
        let [told, fill] = &events[..] else { panic!("{events:?}") };
        let newest = if two { "ORD000003" } else { "ORD000001" };
        assert_eq!((told.kind, &told.venue_order_id), (KernelEventKind::Triggered, &id(newest)));
        assert_eq!(fill.venue_order_id, id(newest));
        let parent = told.rare.as_ref().map(|rare| rare.parent_order_id.clone());
        assert_eq!(parent, two.then(|| id("ORD000001")));
        x.heard.clear();
        for name in ["ORD000001", newest] {
            assert_eq!(x.query("", name), ["ORDER_STATUS A filled 1 left 0 of 1 at 101"], "{name}");
        }
    }
}

#[test]
fn a_dormant_order_is_canceled_and_listed_like_any_other() {
    let mut x = with(|_| ());
    x.send("A buy 1 stop @101");
    assert_eq!(x.query("A", ""), ["ORDER_STATUS A filled 0 left 1 of 1"]);
    assert_eq!(x.cancel("A", ""), ["CANCEL_ACK A filled 0 left 0"]);
    assert!(x.quote("110 111").is_empty() && x.venue.open_orders().is_empty());
}

#[test]
fn good_till_date_ends_at_its_time() {
    for (order, at_end) in [
        ("A buy 1 99 until=100", vec!["EXPIRED A filled 0 left 0: expire time: has come"]),
        ("A buy 1 stop @105 until=100", vec!["EXPIRED A filled 0 left 0: expire time: has come"]),
        ("A buy 1 until=100", vec![]), // a market order is done at once
        ("A buy 1 100.1 until=100", vec![]),
    ] {
        let mut x = with(|_| ());
        x.send(order);
        assert!(x.at(99).is_empty(), "{order}");
        assert_eq!(x.at(100), at_end, "{order}");
        assert!(x.at(i64::MAX).is_empty() && x.venue.open_orders().is_empty());
    }
    // What happened before the end stands, and the market that comes at that very time comes too late.
    let mut x = with(|_| ());
    x.send("A buy 3 99 until=100");
    x.now_ns = 50;
    assert_eq!(short(x.quote("98 1 99 1")), ["PARTIAL_FILL A 1@99 MAKER"]);
    assert_eq!(x.venue.next_due_ns(), Some(100));
    x.now_ns = 100;
    assert_eq!(x.quote("97 98"), ["EXPIRED A filled 1 left 0: expire time: has come"]);
    // A canceled one leaves nothing behind.
    let mut x = with(|_| ());
    x.send("A buy 1 99 until=100");
    x.cancel("A", "");
    x.send("B buy 1 99");
    assert!(x.at(1_000).is_empty());
    assert_eq!(x.venue.open_orders().len(), 1);
}

#[test]
fn the_end_is_heard_after_the_way_back() {
    let mut x = Exchange::with(SimConfig { latency_ns: 20, ..SimConfig::default() }, &bitcoin());
    x.send("A buy 1 99 until=100");
    assert_eq!(x.at(99), ["ORDER_ACK A"]);
    assert!(x.at(109).is_empty());
    assert_eq!(x.at(110), ["EXPIRED A filled 0 left 0: expire time: has come"]);
}

#[test]
fn reduce_only_orders_follow_the_position_where_they_are_told_to() {
    let mut x = with(|c| c.trim_reduce_only = true);
    x.send("IN buy 3");
    x.send("TP1 sell 3 105 reduce");
    x.send("TP2 sell 2 106 reduce");
    x.send("PLAIN sell 1 107");
    let lines = short(x.send("OUT sell 1.5"));
    assert_eq!(
        lines[1..],
        [
            "FULL_FILL OUT 1.5@99.9 TAKER",
            "RESTATED TP1 filled 0 left 1.5 of 1.5: reduce only: no position",
            "RESTATED TP2 filled 0 left 1.5 of 1.5: reduce only: no position",
        ]
    );
    let lines = short(x.quote("105 105.1"));
    assert_eq!(
        lines,
        ["FULL_FILL TP1 1.5@105 MAKER", "EXPIRED TP2 filled 0 left 0: reduce only: no position"]
    );
    assert_eq!(x.venue.counters().trimmed, 3);
    assert_eq!(x.venue.open_orders().len(), 1, "the plain one stays");
}

#[test]
fn a_native_group_cancels_its_others() {
    let mut x = with(|c| c.native_oco = true);
    x.send("IN buy 1");
    x.send("TP sell 1 105 reduce group=G");
    x.send("SL sell 1 stop @95 reduce group=G");
    x.send("OTHER sell 1 stop @95 group=H");
    let lines = short(x.quote("105 105.1"));
    let want = [
        "FULL_FILL TP 1@105 MAKER",
        "CANCEL_ACK SL filled 0 left 0: the other order of the group was filled",
    ];
    assert_eq!(lines, want);
    assert_eq!(x.venue.open_orders().len(), 1);
    // Without the setting a group means nothing to the venue.
    let mut x = with(|_| ());
    x.send("IN buy 1");
    x.send("TP sell 1 105 reduce group=G");
    x.send("SL sell 1 stop @95 reduce group=G");
    assert_eq!(short(x.quote("105 105.1")), ["FULL_FILL TP 1@105 MAKER"]);
    assert_eq!(x.venue.open_orders().len(), 1);
}

#[test]
fn self_trades_are_prevented_where_they_are_told_to() {
    for (prevented, want) in [
        (true, vec!["ORDER_ACK B", "EXPIRED B filled 0 left 0: self-trade prevention"]),
        (false, vec!["ORDER_ACK B", "FULL_FILL B 1@100 TAKER"]),
    ] {
        let mut x = with(|c| c.self_trade_prevention = prevented);
        x.send("A sell 1 100.1");
        x.quote("99.9 100");
        assert_eq!(short(x.send("B buy 1 100.1")), want);
        assert_eq!(short(x.send("C buy 1 99")), ["ORDER_ACK C"]);
    }
}
