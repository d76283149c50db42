//! What the memory is too short for: the log's verdict comes in beside the event, and money is booked once.

use crate::common::{Desk, dec, id};
use dita_kernel::input::{AccountEvent, Input, Intent, Recalled, RecalledEvent, Stamp, VenueEvent, Verdict};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    OrderSide, TradeSide,
};
use dita_kernel::outcome::Detail;

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

/// An ENTER of half a unit.
fn enter(name: &str, slot_id: u32) -> Box<Intent> {
    let trade = id(&format!("trade-{name}"));
    let mut intent = Intent::new(Action::Enter, id(name), trade, slot_id, id("BTCUSDT"), TradeSide::Long);
    intent.reference_price = Some(dec("100"));
    intent.target_size = Some(dec("0.5"));
    Box::new(intent)
}

#[test]
fn an_intent_that_the_log_has_accepted_does_nothing_again() {
    let booked = Verdict::Booked { seq: 7 };
    let removed = Verdict::Removed { seq: 7, time_ns: Some(60_000_000_000) };
    let first = |time_ns| Detail::First { seq: 7, time_ns, venue_client_id: id("") };
    let mut desk = forgetful();
    for (verdict, code, accepted, detail) in [
        (booked, Code::DuplicateIntent, true, first(None)),
        (removed, Code::IntentTaken, false, first(Some(60_000_000_000))),
    ] {
        let input =
            Input::Recalled(Box::new(Recalled { verdict, event: RecalledEvent::Intent(enter("old", 1)) }));
        let (hash, orders) = (desk.kernel.state_hash(), desk.kernel.orders().iter().count());
        assert_eq!(desk.kernel.validate(Stamp(desk.now + 1), &input).is_ok(), accepted);
        let outcome = desk.put(input);
        assert_eq!((outcome.code, outcome.accepted, outcome.slot_id), (code, accepted, Some(1)));
        assert_eq!(outcome.detail, detail);
        assert_eq!(desk.kernel.orders().iter().count(), orders, "no order was made");
        assert!(accepted || desk.kernel.state_hash() == hash, "a refused intent changes nothing");
        assert!(desk.effects.commands.is_empty());
    }
    desk.assert_replays();
}

#[test]
fn of_a_forgotten_intent_whose_order_is_known_the_order_is_named() {
    let mut desk =
        Desk::with(KernelConfig { max_slots: 3, remembered_intents: 1, ..KernelConfig::default() });
    desk.open(0, "1", "100");
    let (intent_id, order) = {
        let order = desk.kernel.orders().iter().next().expect("it was made");
        (order.intent_id.clone(), order.client_id.clone())
    };
    let again = Box::new(Intent { intent_id: intent_id.clone(), ..*enter("x", 0) });
    assert!(desk.put(Input::Intent(enter("other", 1))).accepted);
    assert!(!desk.kernel.remembers_intent(&intent_id) && desk.kernel.remembers_intent(&id("other")));
    for verdict in [Verdict::Booked { seq: 4 }, Verdict::Removed { seq: 4, time_ns: None }] {
        let event = RecalledEvent::Intent(again.clone());
        let outcome = desk.put(Input::Recalled(Box::new(Recalled { verdict, event })));
        assert_eq!((outcome.accepted, outcome.code), (true, Code::DuplicateIntent));
        let named = Detail::First { seq: 4, time_ns: None, venue_client_id: order.clone() };
        assert_eq!(outcome.detail, named);
    }
    desk.assert_replays();
}

#[test]
fn a_verdict_on_an_intent_that_is_new_or_remembered_or_of_no_slot_leaves_it_to_the_memory() {
    let mut desk = Desk::with(KernelConfig { max_slots: 3, ..KernelConfig::default() });
    desk.open(0, "1", "100");
    let booked = Verdict::Booked { seq: 2 };
    let new = RecalledEvent::Intent(enter("new", 1));
    assert_eq!(recall(&mut desk, Verdict::NotBooked, new.clone()), (true, Code::Ok));
    let outcome = desk.put(Input::Recalled(Box::new(Recalled { verdict: booked, event: new })));
    assert!(matches!(outcome.detail, Detail::First { seq, .. } if seq > 2), "{outcome:?}");
    assert_eq!(
        recall(&mut desk, booked, RecalledEvent::Intent(enter("none", 9))),
        (false, Code::InvalidSlotId)
    );
    desk.assert_replays();
}
