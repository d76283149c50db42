//! Fills that were a stranger's at first, and busts and corrections that come before their fills, in figures. Each was
//! got wrong in some way that no other test saw (mutation testing).

use crate::common::{Desk, dec, id, opening_order};
use dita_kernel::id::Id;
use dita_kernel::input::{RareFields, VenueEvent};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, TradeStage as Stage,
    VenueOrderStatus as Status,
};
use dita_kernel::outcome::Outcome;

/// A fill that names the venue's order V1 and not ours.
fn stranger(desk: &mut Desk, side: OrderSide, trade: &str, size: &str, price: &str) {
    strangers_order(desk, "V1", side, trade, size, price);
}

fn strangers_order(desk: &mut Desk, order: &str, side: OrderSide, trade: &str, size: &str, price: &str) {
    let outcome = desk.event(Kind::PartialFill, &Id::EMPTY, |event| {
        (event.asset, event.venue_order_id, event.venue_trade_id) = (id("BTCUSDT"), id(order), id(trade));
        (event.order_side, event.size, event.price) = (Some(side), Some(dec(size)), Some(dec(price)));
    });
    assert!(outcome.accepted, "{outcome:?}");
}

/// The order's total, as its status tells it: what is not booked is inferred.
fn total(desk: &mut Desk, order: &Id, total: &str, price: &str) {
    desk.event(Kind::OrderStatus, order, |event| {
        (event.status, event.filled_size) = (Some(Status::PartiallyFilled), Some(dec(total)));
        event.average_price = Some(dec(price));
    });
}

fn revise(desk: &mut Desk, kind: Kind, reference: &str, change: impl FnOnce(&mut VenueEvent)) -> Outcome {
    let ref_trade_id = id(reference);
    desk.event(kind, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.rare = Some(Box::new(RareFields { ref_trade_id, ..RareFields::default() }));
        change(event);
    })
}

fn noticed(desk: &Desk, code: Code) -> bool {
    desk.effects.notices.iter().any(|notice| notice.code == code)
}

#[test]
fn what_a_total_leaves_over_of_a_strangers_fill_is_one_more() {
    // Three are inferred, and the stranger's fill has two. By the event's total one of them is among the three.
    for (told, size, k) in [("3", "3.000", "999.85"), ("4", "4.000", "999.8"), ("5", "5.000", "999.75")] {
        let mut desk = Desk::new();
        desk.enter(0, "5");
        let entry = desk.submitted();
        stranger(&mut desk, OrderSide::Buy, "T1", "2", "100");
        total(&mut desk, &entry, "3", "100");
        desk.event(Kind::PartialFill, &entry, |event| {
            (event.venue_order_id, event.venue_trade_id) = (id("V1"), id("T1"));
            (event.size, event.price, event.filled_size) =
                (Some(dec("2")), Some(dec("100")), Some(dec(told)));
        });
        assert_eq!((desk.size(0).as_str(), desk.k().as_str()), (size, k), "told {told}");
        assert_eq!(desk.book(), (size.to_owned(), "0.000".to_owned()), "told {told}");
        desk.assert_replays();
    }
}

#[test]
fn a_part_of_a_strangers_settled_fill_brings_its_part_of_the_profit() {
    let mut desk = Desk::new();
    desk.open(0, "4", "100");
    desk.exit(0);
    let exit = desk.submitted();
    stranger(&mut desk, OrderSide::Sell, "T1", "2", "110");
    desk.settled("T1", "20", "0.11");
    total(&mut desk, &exit, "1", "110");
    desk.event(Kind::PartialFill, &exit, |event| {
        (event.venue_order_id, event.venue_trade_id) = (id("V1"), id("T1"));
        (event.size, event.price, event.filled_size) = (Some(dec("2")), Some(dec("110")), Some(dec("2")));
    });
    assert_eq!((desk.size(0).as_str(), desk.money(0).0.as_str()), ("2.000", "20"));
    assert_eq!(desk.k(), "1019.69", "20 less 0.2 and 0.11");
    desk.assert_replays();
}

#[test]
fn a_strangers_corrected_fill_is_nobodys_guess() {
    for (inferred, size, told) in [(false, "2.000", false), (true, "4.000", true)] {
        let mut desk = Desk::new();
        desk.enter(0, "5");
        let entry = desk.submitted();
        stranger(&mut desk, OrderSide::Buy, "T1", "2", "100");
        let corrected = revise(&mut desk, Kind::TradeCorrect, "T1", |event| {
            (event.venue_trade_id, event.size, event.price) = (id("C1"), Some(dec("2")), Some(dec("101")));
        });
        assert!(corrected.accepted, "{corrected:?}");
        if inferred {
            total(&mut desk, &entry, "2", "100");
        }
        desk.event(Kind::OrderAck, &entry, |event| event.venue_order_id = id("V1"));
        // Which part of what was inferred was corrected, nobody can tell: both stand, and somebody is told.
        assert_eq!(
            (desk.size(0).as_str(), noticed(&desk, Code::ReconcileRequired)),
            (size, told),
            "{inferred}"
        );
        desk.assert_replays();
    }
}

#[test]
fn a_strangers_busted_fill_stands_for_nothing_and_is_not_forgotten() {
    let mut desk = Desk::new();
    desk.enter(0, "5");
    let entry = desk.submitted();
    stranger(&mut desk, OrderSide::Buy, "T1", "1", "100");
    stranger(&mut desk, OrderSide::Buy, "T2", "2", "100");
    assert!(revise(&mut desk, Kind::TradeBust, "T1", |_| {}).accepted);
    total(&mut desk, &entry, "2", "100");
    desk.event(Kind::OrderAck, &entry, |event| event.venue_order_id = id("V1"));
    assert_eq!((desk.size(0), desk.book().1), ("2.000".into(), "0.000".into()), "T2 is what was inferred");
    let again = desk.fill(&entry, "T1", "1", "100");
    assert_eq!((again.code, desk.size(0).as_str()), (Code::DuplicateEvent, "2.000"), "{again:?}");
    desk.assert_replays();
}

#[test]
fn of_two_strangers_fills_of_one_id_ours_is_the_one_of_its_side() {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    // They traded with one another, as far as anybody knew.
    strangers_order(&mut desk, "V1", OrderSide::Sell, "T1", "2", "100");
    strangers_order(&mut desk, "V2", OrderSide::Buy, "T1", "2", "100");
    assert_eq!(desk.book(), ("0.000".into(), "0.000".into()));
    desk.fill(&entry, "T1", "2", "100");
    assert_eq!((desk.size(0), desk.stage(0)), ("2.000".into(), Stage::PositionOpen));
    assert_eq!(desk.book(), ("0.000".into(), "-2.000".into()), "the seller's two are still nobody's");
    desk.assert_replays();
}

// -------------------------------------------------------------------------------- before the fill they are about

#[test]
fn a_bust_ahead_takes_of_what_is_inferred_what_it_can_stand_for() {
    #[rustfmt::skip]
    let cases = [
        // the bust's size and total, what is left of three inferred
        ("1", None,      "2.000", "its size"),
        ("5", None,      "0.000", "no more than is inferred"),
        ("1", Some("1"), "2.000", "its size, though the venue has two less"),
        ("3", Some("2"), "2.000", "what the venue has less, though it is larger"),
        ("2", Some("3"), "3.000", "nothing: the venue has as much as we"),
        ("2", Some("4"), "3.000", "nothing: the venue has more"),
    ];
    for (size, filled, left, what) in cases {
        let mut desk = Desk::new();
        desk.enter(0, "5");
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        total(&mut desk, &entry, "3", "100");
        let outcome = revise(&mut desk, Kind::TradeBust, "T9", |event| {
            event.venue_order_id = id("V1");
            (event.size, event.filled_size) = (Some(dec(size)), filled.map(dec));
        });
        assert_eq!((outcome.accepted, outcome.code), (true, Code::Ok), "{what}: {outcome:?}");
        assert_eq!(desk.size(0), left, "{what}");
        let late = desk.fill(&entry, "T9", size, "100");
        assert_eq!((late.code, desk.size(0).as_str()), (Code::DuplicateEvent, left), "{what}: it was busted");
        desk.assert_replays();
    }
}

#[test]
fn a_revision_of_a_strangers_order_or_of_a_known_fill_is_not_ahead() {
    for kind in [Kind::TradeBust, Kind::TradeCorrect] {
        let mut desk = Desk::new();
        stranger(&mut desk, OrderSide::Buy, "T1", "2", "100");
        let outcome = revise(&mut desk, kind, "T9", |event| {
            event.venue_order_id = id("V1");
            (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
        });
        assert_eq!(
            (outcome.accepted, outcome.code),
            (false, Code::ReconcileRequired),
            "{kind}: nobody's order"
        );
        // Ours, and its fill is booked as a stranger's.
        desk.enter(0, "2");
        let entry = desk.submitted();
        let outcome = revise(&mut desk, kind, "T1", |event| {
            event.venue_client_id = entry.clone();
            (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
        });
        assert!(outcome.accepted, "{kind}: {outcome:?}");
        let left = if kind == Kind::TradeBust { "0.000" } else { "1.000" };
        assert_eq!(desk.book(), (left.into(), left.into()), "{kind}: revised where it lies");
        desk.assert_replays();
    }
}

#[test]
fn a_correction_ahead_is_its_orders_though_only_the_parent_names_it() {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    let outcome = revise(&mut desk, Kind::TradeCorrect, "T9", |event| {
        event.order_side = Some(OrderSide::Buy);
        (event.venue_trade_id, event.size, event.price) = (id("C9"), Some(dec("2")), Some(dec("99")));
        if let Some(rare) = &mut event.rare {
            rare.parent_order_id = id("V1");
        }
    });
    assert!(outcome.accepted, "{outcome:?}");
    assert_eq!((desk.size(0), desk.stage(0)), ("2.000".into(), Stage::PositionOpen), "the slot has it");
    assert_eq!(desk.book(), ("2.000".into(), "0.000".into()), "and no stranger");
    assert_eq!(
        desk.fill(&entry, "T9", "2", "100").code,
        Code::DuplicateEvent,
        "the fill itself is a known one"
    );
    desk.assert_replays();
}

#[test]
fn what_a_total_of_a_strangers_has_told_is_inferred_of_ours_too() {
    let mut desk = Desk::new();
    desk.enter(0, "3");
    let entry = desk.submitted();
    // Nobody has said yet that V1 is this order: two are filled, and one more is known by the total alone.
    stranger(&mut desk, OrderSide::Buy, "T1", "1", "100");
    desk.event(Kind::PartialFill, &Id::EMPTY, |event| {
        (event.asset, event.venue_order_id, event.venue_trade_id) = (id("BTCUSDT"), id("V1"), id("T2"));
        (event.order_side, event.size, event.price) =
            (Some(OrderSide::Buy), Some(dec("1")), Some(dec("100")));
        event.filled_size = Some(dec("3"));
    });
    assert_eq!(desk.book(), ("3.000".into(), "3.000".into()));
    desk.ack(&entry, "V1");
    let held = (("3.000".to_owned(), "0.000".to_owned()), "3.000".to_owned());
    assert_eq!((desk.book(), desk.size(0)), held);
    let place = desk.kernel.orders().by_client_id(&entry).expect("it is known");
    let inferred = desk.kernel.orders().at(place).inferred;
    assert_eq!(desk.kernel.instruments()[0].qty_decimal(inferred).to_string(), "1.000");
    // Its own fill takes the place of that, and adds nothing.
    desk.fill(&entry, "T3", "1", "101");
    assert_eq!((desk.book(), desk.size(0)), held);
    desk.assert_replays();
}

#[test]
fn what_is_held_back_for_an_order_of_the_opening_is_held_back_once_where_it_is_ours() {
    let mut desk = Desk::unseeded(KernelConfig::default());
    desk.open_with(vec![opening_order("V1", "before")]);
    desk.enter_limit(0, "2", "90");
    let entry = desk.submitted();
    let reserved = |desk: &Desk| desk.kernel.exposure().reserved(0).to_string();
    assert_eq!(reserved(&desk), "470");
    // The venue says that they are one.
    desk.ack(&entry, "V1");
    assert_eq!(reserved(&desk), "200");
    desk.assert_replays();
}
