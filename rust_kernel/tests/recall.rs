//! What the memory is too short for: the log's verdict comes in beside the event, and money is booked once.

use crate::common::{Desk, dec, id};
use dita_kernel::input::{AccountEvent, Input, Recalled, RecalledEvent, VenueEvent, Verdict};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    AccountEventKind, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide,
};

/// A desk that remembers little, after so many round trips that the first orders are forgotten.
fn forgetful() -> Desk {
    let mut desk = Desk::with(KernelConfig {
        max_slots: 3,
        remembered_orders: 4,
        remembered_wallet_entries: 3,
        ..KernelConfig::default()
    });
    for _ in 0..8 {
        desk.open(0, "1", "100");
        desk.exit(0);
        let exit = desk.submitted();
        let trade = format!("X{}", desk.now);
        desk.fill(&exit, &trade, "1", "101");
    }
    desk
}

/// A stranger's fill from the time of the first trades.
fn old_fill() -> Box<VenueEvent> {
    let mut event = VenueEvent::new(Kind::FullFill, 6);
    event.asset = id("BTCUSDT");
    event.order_side = Some(OrderSide::Buy);
    event.venue_order_id = id("V4-0");
    event.venue_trade_id = id("T4-0");
    event.size = Some(dec("1"));
    event.price = Some(dec("100"));
    Box::new(event)
}

fn recall(desk: &mut Desk, verdict: Verdict, event: RecalledEvent) -> (bool, Code) {
    let outcome = desk.put(Input::Recalled(Box::new(Recalled { verdict, event })));
    (outcome.accepted, outcome.code)
}

#[test]
fn a_fill_from_before_the_memory_asks_the_log() {
    let mut desk = forgetful();
    let outcome = desk.put(Input::Venue(old_fill()));
    assert!(!outcome.accepted && outcome.asks_the_log(), "{outcome:?}");
}

#[test]
fn a_fill_that_the_log_knows_is_a_repetition() {
    let mut desk = forgetful();
    let before = (desk.k(), desk.book());
    let verdict = Verdict::Booked { seq: 7 };
    assert_eq!(recall(&mut desk, verdict, RecalledEvent::Venue(old_fill())), (true, Code::DuplicateEvent));
    assert_eq!((desk.k(), desk.book()), before);
    desk.assert_replays();
}

#[test]
fn a_fill_that_the_log_does_not_know_is_a_strangers() {
    let mut desk = forgetful();
    let verdict = Verdict::NotBooked;
    assert_eq!(recall(&mut desk, verdict, RecalledEvent::Venue(old_fill())), (true, Code::UnknownOrder));
    assert_eq!(desk.book(), ("1.000".into(), "1.000".into()), "in the book, and in no slot");
    // From here on it is remembered, whatever the log may say.
    assert_eq!(recall(&mut desk, verdict, RecalledEvent::Venue(old_fill())), (true, Code::DuplicateEvent));
    assert_eq!(desk.book(), ("1.000".into(), "1.000".into()));
    desk.assert_replays();
}

#[test]
fn a_settlement_from_before_the_memory_is_settled_by_the_log() {
    let mut desk = forgetful();
    let settled = || {
        let mut event = AccountEvent::new(AccountEventKind::FillSettled, 6);
        event.symbol = id("BTCUSDT");
        event.venue_trade_id = id("T4-0");
        event.fee = Some(dec("0.05"));
        Box::new(event)
    };
    assert!(desk.put(Input::Account(settled())).asks_the_log());
    let before = desk.k();
    let verdict = Verdict::Booked { seq: 7 };
    assert_eq!(recall(&mut desk, verdict, RecalledEvent::Account(settled())), (true, Code::DuplicateEvent));
    assert_eq!(desk.k(), before);
    desk.assert_replays();
}

#[test]
fn a_settlement_that_is_stamped_after_its_fill_is_as_old_as_the_fill() {
    // T4-0 is forgotten with its order, and its settlement came some time after it.
    let window_ns = KernelConfig::default().settling_window_ns;
    for (time_ns, asks) in [(6, true), (window_ns, true), (3 * window_ns, false)] {
        let mut desk = forgetful();
        let mut event = AccountEvent::new(AccountEventKind::FillSettled, time_ns);
        event.symbol = id("BTCUSDT");
        event.venue_trade_id = id("T4-0");
        event.fee = Some(dec("0.05"));
        let before = desk.k();
        let outcome = desk.put(Input::Account(Box::new(event)));
        assert_eq!(outcome.asks_the_log(), asks, "{time_ns}: {outcome:?}");
        assert_eq!(desk.k() == before, asks, "{time_ns}: what may be booked is not booked again");
    }
}

#[test]
fn a_wallet_entry_from_before_the_memory_is_booked_once() {
    let mut desk = forgetful();
    let transfer = |number: i64| {
        let mut event = AccountEvent::new(AccountEventKind::Transfer, 1_000 + number);
        event.asset = id("USDT");
        event.venue_txn_id = id(&format!("W{number}"));
        event.amount = Some(dec("10"));
        Box::new(event)
    };
    for number in 0..6 {
        assert!(desk.put(Input::Account(transfer(number))).accepted);
    }
    let before = desk.k();
    assert_eq!(desk.put(Input::Account(transfer(5))).code, Code::DuplicateEvent, "still remembered");
    assert!(desk.put(Input::Account(transfer(0))).asks_the_log());
    let verdict = Verdict::Booked { seq: 7 };
    assert_eq!(recall(&mut desk, verdict, RecalledEvent::Account(transfer(0))), (true, Code::DuplicateEvent));
    assert_eq!(desk.k(), before);
    // A late one that the log has never seen.
    let mut late = transfer(1);
    late.venue_txn_id = id("late");
    assert_eq!(recall(&mut desk, Verdict::NotBooked, RecalledEvent::Account(late)), (true, Code::Ok));
    assert_ne!(desk.k(), before);
    desk.assert_replays();
}

#[test]
fn what_the_log_does_not_know_is_refused_as_any_other() {
    let mut desk = forgetful();
    let mut unknown = old_fill();
    (unknown.asset, unknown.venue_order_id) = (id("NOBODYS"), id("V-nobodys"));
    let mut entry = AccountEvent::new(AccountEventKind::Transfer, 6);
    (entry.asset, entry.venue_txn_id) = (id("USDT"), id("no-amount"));
    for event in [RecalledEvent::Venue(unknown), RecalledEvent::Account(Box::new(entry))] {
        // The desk asks the dry run, too, and both must say the same.
        assert!(!recall(&mut desk, Verdict::NotBooked, event.clone()).0, "{event:?}");
    }
}
