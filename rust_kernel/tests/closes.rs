//! Late news and the closes since: what each close is settled with knows them, and is told once.

use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::RareFields;
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{KernelEventKind as Kind, VenueOrderStatus as Status};

fn beside(desk: &Desk) -> String {
    desk.kernel.reported_beside(0)[0].to_string()
}

/// A fill as the venue made it at that time.
fn fill_at(desk: &mut Desk, order: &Id, trade: &str, price: Option<&str>, time_ns: i64) {
    let (trade, price) = (id(trade), price.map(dec));
    let outcome = desk.event(Kind::PartialFill, order, |event| {
        event.venue_trade_id = trade;
        event.size = Some(dec("1"));
        event.price = price;
        event.timestamp_ns = time_ns;
    });
    assert!(outcome.accepted, "{outcome:?}");
}

fn bust_at(desk: &mut Desk, trade: &str, time_ns: i64) {
    let reference = id(trade);
    let outcome = desk.event(Kind::TradeBust, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.event_id = id("E-bust");
        event.timestamp_ns = time_ns;
        event.rare = Some(Box::new(RareFields { ref_trade_id: reference, ..RareFields::default() }));
    });
    assert!(outcome.accepted, "{outcome:?}");
}

fn exit_order(desk: &mut Desk, slot: u32) -> Id {
    assert!(desk.exit(slot).accepted);
    let order = desk.submitted();
    desk.ack(&order, &format!("V-{order}"));
    order
}

fn entry_order(desk: &mut Desk, slot: u32) -> Id {
    assert!(desk.enter(slot, "1").accepted);
    let order = desk.submitted();
    desk.ack(&order, &format!("V-{order}"));
    order
}

/// Bought one at 100 (T1, at `first_ns`), and one at 110 (T2).
fn bought(first_ns: i64) -> Desk {
    let mut desk = Desk::new();
    buy_two(&mut desk, first_ns);
    desk
}

fn buy_two(desk: &mut Desk, first_ns: i64) {
    for (slot, trade, price, time_ns) in [(0, "T1", "100", first_ns), (1, "T2", "110", 2_000)] {
        let order = entry_order(desk, slot);
        fill_at(desk, &order, trade, Some(price), time_ns);
    }
}

/// The same, of which the venue took T1 back at once and has not told it yet, and two sold at 90 (T3, T4): the venue closed
/// the one that it had, and was short with the other.
fn sold(first_ns: i64) -> Desk {
    let mut desk = bought(first_ns);
    sell_two(&mut desk);
    desk
}

fn sell_two(desk: &mut Desk) {
    for (slot, trade, time_ns) in [(0, "T3", 3_000), (1, "T4", 4_000)] {
        let order = exit_order(desk, slot);
        fill_at(desk, &order, trade, Some("90"), time_ns);
    }
}

/// The venue's figures of what it has made of them: −20 for the one it had, nothing for the other.
fn settle_sold(desk: &mut Desk) {
    for (trade, told) in [("T1", "0"), ("T2", "0"), ("T3", "-20"), ("T4", "0")] {
        desk.settled(trade, told, "0.05");
    }
}

/// Bought one at 85 (T5): a position here, and at the venue the end of what it was short: 5.
fn bought_back(desk: &mut Desk) {
    let order = entry_order(desk, 2);
    fill_at(desk, &order, "T5", Some("85"), 5_000);
}

#[test]
fn what_a_bust_leaves_is_told_by_the_closes_since_and_by_them_alone() {
    // Whatever comes first: -20 + 5 is what the venue has booked.
    let orders = [(true, true), (true, false), (false, false)];
    // What is bought between the fill and its end closes nothing of it. What is sold in the very moment comes after both.
    let times = [(1_000, 1_000), (1_000, 2_500), (3_000, 3_000)];
    for ((settled_first, told_first), (first_ns, bust_ns)) in
        orders.into_iter().flat_map(|one| times.map(|times| (one, times)))
    {
        let mut desk = sold(first_ns);
        let what = format!("{settled_first} {told_first} {first_ns} {bust_ns}");
        if settled_first {
            settle_sold(&mut desk);
            assert_eq!((desk.gross().as_str(), beside(&desk).as_str()), ("980", "10"), "{what}");
        }
        bought_back(&mut desk);
        if told_first {
            desk.settled("T5", "5", "0.05");
        }
        bust_at(&mut desk, "T1", bust_ns);
        assert_eq!(desk.book().0, "0.000", "{what}");
        if settled_first {
            assert_eq!(desk.gross(), "985", "{what}");
        }
        if !settled_first {
            settle_sold(&mut desk);
        }
        if !told_first {
            desk.settled("T5", "5", "0.05");
        }
        assert_eq!((desk.gross().as_str(), beside(&desk).as_str()), ("985", "0"), "{what}");
        desk.assert_replays();
    }
}

#[test]
fn what_was_heard_before_a_fill_was_not_traded_after_it_whatever_the_stamps_say() {
    // Bought and sold at 100, and heard before T1; but by its stamp, of a clock that is ahead, sold after it.
    for sold_ns in [500, 1_500] {
        let mut desk = Desk::with(KernelConfig { max_slots: 4, ..KernelConfig::default() });
        let order = entry_order(&mut desk, 3);
        fill_at(&mut desk, &order, "TA", Some("100"), 400);
        let order = exit_order(&mut desk, 3);
        fill_at(&mut desk, &order, "TB", Some("100"), sold_ns);
        desk.settled("TA", "0", "0.05");
        desk.settled("TB", "0", "0.05");
        buy_two(&mut desk, 1_000);
        sell_two(&mut desk);
        bought_back(&mut desk);
        // The venue has one more, bought at 150: what it tells would hide what the bust left.
        for (trade, told) in [("T1", "0"), ("T2", "0"), ("T3", "-40"), ("T4", "-40"), ("T5", "0")] {
            desk.settled(trade, told, "0.05");
        }
        bust_at(&mut desk, "T1", 2_000);
        assert_eq!((desk.gross().as_str(), beside(&desk).as_str()), ("920", "-65"), "{sold_ns}");
        desk.assert_replays();
    }
}

#[test]
fn what_was_told_for_another_reason_stays_beside_what_a_bust_leaves() {
    // The venue has one more, bought at 150, that has not come: both were closed there at the average of 130.
    for itself in [true, false] {
        let mut desk = sold(1_000);
        if itself {
            desk.settled("T1", "0", "0.05");
        }
        for (trade, told) in [("T2", "0"), ("T3", "-40"), ("T4", "-40")] {
            desk.settled(trade, told, "0.05");
        }
        bought_back(&mut desk);
        desk.settled("T5", "0", "0.05");
        assert_eq!((desk.gross().as_str(), beside(&desk).as_str()), ("920", "-50"));
        // Asked for before the bust, which leaves a short of nobody's: against that no entry is taken.
        let order = entry_order(&mut desk, 1);
        bust_at(&mut desk, "T1", 1_000);
        assert_eq!((desk.gross().as_str(), beside(&desk).as_str()), ("920", "-65"), "settled: {itself}");
        // It comes, and is closed with a profit of 5 over the 85 that the venue has it at.
        fill_at(&mut desk, &order, "T0", Some("150"), 500);
        desk.settled("T0", "0", "0.05");
        let order = exit_order(&mut desk, 1);
        fill_at(&mut desk, &order, "T6", Some("90"), 6_000);
        desk.settled("T6", "5", "0.05");
        assert_eq!((desk.gross().as_str(), beside(&desk).as_str()), ("925", "0"));
        desk.assert_replays();
    }
}

#[test]
fn what_no_settlement_will_tell_is_booked() {
    let mut desk = bought(1_000);
    let order = exit_order(&mut desk, 0);
    fill_at(&mut desk, &order, "T3", Some("90"), 3_000);
    // The other one is known by its total alone: our own figure of it stands.
    let order = exit_order(&mut desk, 1);
    let outcome = desk.event(Kind::OrderStatus, &order, |event| {
        event.status = Some(Status::Filled);
        event.filled_size = Some(dec("1"));
        event.average_price = Some(dec("90"));
        event.timestamp_ns = 4_000;
    });
    assert!(outcome.accepted, "{outcome:?}");
    bought_back(&mut desk);
    for (trade, told) in [("T1", "0"), ("T2", "0"), ("T3", "-20"), ("T5", "5")] {
        desk.settled(trade, told, "0.05");
    }
    assert_eq!((desk.gross().as_str(), beside(&desk).as_str()), ("970", "0"));
    bust_at(&mut desk, "T1", 1_000);
    assert_eq!((desk.gross().as_str(), beside(&desk).as_str()), ("985", "0"));
    desk.assert_replays();
}

#[test]
fn a_price_is_no_more_known_by_what_the_orders_own_fills_have_told() {
    let mut desk = Desk::new();
    assert!(desk.enter(0, "2").accepted);
    let order = desk.submitted();
    desk.ack(&order, "V1");
    // The venue was short, of which nobody has heard: it has closed one at 100.
    fill_at(&mut desk, &order, "T1", Some("90"), 1_000);
    desk.settled("T1", "10", "0.05");
    assert_eq!(beside(&desk), "10");
    fill_at(&mut desk, &order, "T2", None, 1_000);
    let guessed = desk.kernel.book(0)[0].cost;
    fill_at(&mut desk, &order, "T2", Some("95"), 1_000);
    assert_ne!(desk.kernel.book(0)[0].cost, guessed);
    assert_eq!(desk.kernel.book(0)[0].cost.to_string(), "185");
    assert_eq!(beside(&desk), "10", "it explains nothing of that");
    desk.assert_replays();
}
