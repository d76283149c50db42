//! Fills that come as a stranger's, and what they do to ours: taken for inferred ones, forced, or against a slot.

use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::{InstrumentSpec, RareFields};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, PositionSide, Product, Severity,
    TradeSide, TradeStage as Stage, VenueOrderStatus as Status,
};
use dita_kernel::outcome::Detail;

/// A fill that names the venue's order and not ours.
fn stranger(desk: &mut Desk, kind: Kind, side: OrderSide, order: &str, trade: &str, size: &str, price: &str) {
    let (order, trade, size, price) = (id(order), id(trade), dec(size), dec(price));
    let outcome = desk.event(kind, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.venue_order_id = order;
        event.order_side = Some(side);
        event.venue_trade_id = trade;
        event.size = Some(size);
        event.price = Some(price);
    });
    assert!(outcome.accepted, "{outcome:?}");
}

fn status(desk: &mut Desk, order: &Id, total: &str) {
    desk.event(Kind::OrderStatus, order, |event| {
        event.status = Some(Status::PartiallyFilled);
        event.filled_size = Some(dec(total));
        event.average_price = Some(dec("100"));
    });
}

#[test]
fn a_strangers_fill_that_a_total_of_ours_told_too_is_booked_once() {
    // What was settled of it, whether its fill brings a total, and which of its parts were inferred.
    #[rustfmt::skip]
    let cases = [
        // inferred, then told with the fill, size, K
        ("2", None,      "2.000", "999.9", "all of it was inferred"),
        ("2", Some("2"), "2.000", "999.9", "the same, and the fill says so"),
        ("1", None,      "2.000", "999.9", "a part was inferred"),
        ("3", None,      "3.000", "999.85", "one more is still to come"),
        ("3", Some("5"), "5.000", "999.75", "all three are others"),
    ];
    for (inferred, total, size, k, what) in cases {
        for settled in [false, true] {
            let mut desk = Desk::new();
            desk.enter(0, "5");
            let entry = desk.submitted();
            stranger(&mut desk, Kind::PartialFill, OrderSide::Buy, "V1", "T1", "2", "100");
            if settled {
                desk.settled("T1", "0", "0.1");
            }
            status(&mut desk, &entry, inferred);
            desk.event(Kind::PartialFill, &entry, |event| {
                event.venue_order_id = id("V1");
                event.venue_trade_id = id("T1");
                event.size = Some(dec("2"));
                event.price = Some(dec("100"));
                event.filled_size = total.map(dec);
            });
            assert_eq!(desk.size(0), size, "{what}, settled: {settled}");
            assert_eq!(desk.book(), (size.to_owned(), "0.000".to_owned()), "{what}, settled: {settled}");
            assert_eq!(desk.k(), k, "{what}, settled: {settled}");
            desk.settled("T1", "0", "0.1");
            assert_eq!(desk.k(), k, "{what}: settled once");
            desk.assert_replays();
        }
    }
}

#[test]
fn a_strangers_exit_that_a_total_of_ours_told_too_is_booked_once() {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    desk.exit(0);
    let exit = desk.submitted();
    stranger(&mut desk, Kind::FullFill, OrderSide::Sell, "V2", "T2", "2", "110");
    desk.settled("T2", "20", "0.11");
    status(&mut desk, &exit, "2");
    assert_eq!(desk.book().0, "-2.000", "nobody knows yet that the two are one");
    desk.event(Kind::OrderAck, &exit, |event| event.venue_order_id = id("V2"));
    assert_eq!((desk.stage(0), desk.book()), (Stage::Closed, ("0.000".into(), "0.000".into())));
    assert_eq!(desk.k(), "1019.79", "1000 + 20 − 0.1 − 0.11");
    assert_eq!(desk.kernel.slot(0).unwrap().realized.to_string(), "20");
    desk.assert_replays();
}

#[test]
fn a_liquidation_that_turns_out_to_be_an_order_of_ours_takes_from_the_slots_once() {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    desk.exit(0);
    let exit = desk.submitted();
    desk.ack(&exit, "VX");
    stranger(&mut desk, Kind::Liquidation, OrderSide::Sell, "", "L1", "1.5", "90");
    assert_eq!((desk.size(0), desk.book().1), ("0.500".into(), "0.000".into()));
    let k = desk.k();
    desk.fill(&exit, "L1", "1.5", "90");
    assert_eq!((desk.size(0), desk.book()), ("0.500".into(), ("0.500".into(), "0.000".into())));
    assert_eq!((desk.stage(0), desk.k()), (Stage::ExitWorking, k));
    assert_eq!(desk.money(0).1, "0.1675", "0.1 and 0.0675: the slot bears its fee");
    desk.fill(&exit, "T2", "0.5", "90");
    let order = desk.kernel.orders().by_client_id(&exit).map(|place| desk.kernel.orders().at(place)).unwrap();
    assert_eq!((order.filled.0, order.status), (2_000, Status::Filled));
    assert_eq!((desk.stage(0), desk.book().0), (Stage::Closed, "0.000".into()));
    desk.assert_replays();
}

#[test]
fn a_slot_whose_position_others_have_closed_says_so_and_is_paired_off_once_its_exit_is_refused() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.open(1, "1", "100");
    stranger(&mut desk, Kind::FullFill, OrderSide::Sell, "S1", "S1", "1", "100");
    assert_eq!(desk.book(), ("1.000".into(), "-1.000".into()));
    assert!(desk.exit(0).accepted);
    assert!(desk.effects.notices.is_empty(), "one of the two is there");
    let exit = desk.submitted();
    desk.ack(&exit, "V9");
    desk.fill(&exit, "T9", "1", "100");
    // The venue has nothing left, and slot 1 holds one.
    assert!(desk.exit(1).accepted, "K may be wrong: the venue decides");
    let warned = desk.effects.notices.last().cloned().expect("a notice");
    assert_eq!(
        (warned.code, warned.severity, warned.slot_id),
        (Code::ReconcileRequired, Severity::Warning, Some(1))
    );
    let exit = desk.submitted();
    desk.event(Kind::OrderReject, &exit, |event| event.status = Some(Status::Rejected));
    let told = desk.effects.notices.last().cloned().expect("a notice");
    assert_eq!((told.code, told.slot_id), (Code::ReconcileRequired, Some(1)));
    assert_eq!((desk.stage(1), desk.book()), (Stage::Closed, ("0.000".into(), "0.000".into())));
    desk.assert_replays();
}

#[test]
fn spot_has_no_position_side_on_an_account_in_hedge_mode() {
    let mut spot = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spot.product = Product::Spot;
    let config = KernelConfig { hedge_mode: true, ..KernelConfig::default() };
    let mut desk = Desk::over_with(config, spot, &[("USDT", "1000")], "100");
    desk.enter(0, "1");
    let entry = desk.submitted();
    let side = |desk: &Desk, order: &Id| {
        desk.kernel.orders().by_client_id(order).map(|place| desk.kernel.orders().at(place).position_side)
    };
    assert_eq!(side(&desk, &entry), Some(PositionSide::Both));
    desk.event(Kind::FullFill, &entry, |event| {
        event.position_side = Some(PositionSide::Both);
        event.venue_trade_id = id("T1");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
    });
    // A stranger's names no book either.
    stranger(&mut desk, Kind::FullFill, OrderSide::Buy, "S1", "S1", "1", "100");
    assert_eq!(desk.kernel.book(0)[PositionSide::Long as usize].qty.0, 0);
    desk.exit(0);
    let exit = desk.submitted();
    assert_eq!(side(&desk, &exit), Some(PositionSide::Both));
    assert_eq!(desk.kernel.slot(0).map(|slot| slot.side), Some(TradeSide::Long));
}

#[test]
fn a_liquidation_that_nobody_has_given_for_becomes_its_orders_fill() {
    // It came before the fill that it closed.
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "0.5", "100");
    desk.exit(0);
    let exit = desk.submitted();
    desk.ack(&exit, "V2");
    desk.fill(&exit, "T2", "0.5", "100");
    stranger(&mut desk, Kind::Liquidation, OrderSide::Sell, "", "L1", "0.5", "90");
    assert_eq!(desk.book(), ("-0.500".into(), "-0.500".into()));
    desk.fill(&entry, "T3", "0.5", "100");
    desk.fill(&exit, "L1", "0.5", "90");
    assert_eq!((desk.size(0), desk.book()), ("0.000".into(), ("0.000".into(), "0.000".into())));
    desk.assert_replays();
}

#[test]
fn a_liquidation_takes_from_the_slots_with_each_fill_of_its_order() {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    for trade in ["L1", "L2"] {
        stranger(&mut desk, Kind::Liquidation, OrderSide::Sell, "LIQ", trade, "0.5", "90");
    }
    assert_eq!((desk.size(0), desk.book()), ("1.000".into(), ("1.000".into(), "0.000".into())));
    desk.assert_replays();
}

#[test]
fn a_forced_fill_that_names_a_known_order_is_of_that_orders_side() {
    // What is held would suggest the other side: no position of ours is what the venue's order once closed.
    let told = |desk: &mut Desk, kind, side, trade: &str| {
        desk.event(kind, &Id::EMPTY, |event| {
            (event.asset, event.venue_order_id, event.venue_trade_id) = (id("BTCUSDT"), id("LIQ"), id(trade));
            (event.order_side, event.size, event.price) = (side, Some(dec("1")), Some(dec("95")));
        })
    };
    for kind in [Kind::Liquidation, Kind::Adl] {
        let mut desk = Desk::new();
        stranger(&mut desk, Kind::Liquidation, OrderSide::Buy, "LIQ", "L1", "1", "90");
        let first = desk.kernel.state_hash();
        assert_eq!(told(&mut desk, kind, None, "L1").code, Code::DuplicateEvent);
        assert_eq!(told(&mut desk, kind, Some(OrderSide::Buy), "L1").code, Code::DuplicateEvent);
        assert_eq!(desk.book(), ("1.000".into(), "1.000".into()));

        assert!(told(&mut desk, kind, None, "L2").accepted);
        assert_eq!(desk.book(), ("2.000".into(), "2.000".into()), "it is a buy, as its order is");

        let before = desk.kernel.state_hash();
        assert_ne!(before, first);
        let refused = told(&mut desk, kind, Some(OrderSide::Sell), "L3");
        assert_eq!((refused.accepted, refused.code), (false, Code::ReconcileRequired));
        assert!(matches!(refused.detail, Detail::Field { field: "order_side", .. }), "{refused:?}");
        assert_eq!(desk.kernel.state_hash(), before);
        desk.assert_replays();
    }
}

#[test]
fn in_hedge_mode_a_forced_fill_that_names_a_known_order_is_of_that_orders_book() {
    let told = |desk: &mut Desk, book, trade: &str| {
        desk.event(Kind::Adl, &Id::EMPTY, |event| {
            (event.asset, event.venue_order_id, event.venue_trade_id) = (id("BTCUSDT"), id("LIQ"), id(trade));
            (event.position_side, event.size, event.price) = (book, Some(dec("1")), Some(dec("95")));
        })
    };
    let mut desk = Desk::with(KernelConfig { hedge_mode: true, ..KernelConfig::default() });
    let unassigned = |desk: &Desk| desk.kernel.unassigned(0);
    assert!(told(&mut desk, Some(PositionSide::Long), "L1").accepted);
    let one = unassigned(&desk);
    assert_eq!(told(&mut desk, None, "L1").code, Code::DuplicateEvent);
    assert_eq!(unassigned(&desk), one);
    assert!(!told(&mut desk, Some(PositionSide::Short), "L2").accepted);
    assert_eq!(unassigned(&desk), one);
    desk.assert_replays();
}

#[test]
fn a_liquidation_that_a_slot_has_given_a_part_of_is_not_taken_from_it_again() {
    // The slot gave 1 and nobody 0.5; then the rest of its entry came late.
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    desk.ack(&exit, "VX");
    stranger(&mut desk, Kind::PartialFill, OrderSide::Buy, "S1", "S1", "0.5", "100");
    stranger(&mut desk, Kind::Liquidation, OrderSide::Sell, "", "L1", "1.5", "90");
    assert_eq!((desk.size(0), desk.book()), ("0.000".into(), ("0.000".into(), "0.000".into())));
    desk.fill(&entry, "T2", "1", "100");
    desk.fill(&exit, "L1", "1.5", "90");
    assert_eq!((desk.size(0), desk.book()), ("1.000".into(), ("1.000".into(), "0.000".into())));
    desk.assert_replays();
}

#[test]
fn what_the_venue_forced_is_not_an_entrys_fill_though_the_id_is_the_same() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    stranger(&mut desk, Kind::Liquidation, OrderSide::Sell, "", "L1", "1", "90");
    desk.enter_side(1, TradeSide::Short, "1");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "L1", "1", "90");
    assert_eq!((desk.size(0), desk.size(1)), ("0.000".into(), "1.000".into()));
    assert_eq!(desk.book(), ("-1.000".into(), "0.000".into()));
    desk.assert_replays();
}

#[test]
fn a_fill_of_a_child_order_is_its_parents() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    let outcome = desk.event(Kind::PartialFill, &Id::EMPTY, |event| {
        (event.asset, event.order_side) = (id("BTCUSDT"), Some(OrderSide::Buy));
        (event.venue_order_id, event.venue_trade_id) = (id("child"), id("T1"));
        (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
        event.rare = Some(Box::new(RareFields { parent_order_id: id("V1"), ..RareFields::default() }));
    });
    assert_eq!((outcome.code, desk.size(0).as_str()), (Code::Ok, "1.000"));
    assert_eq!(desk.book().1, "0.000");
    desk.assert_replays();
}

#[test]
fn one_order_of_ours_takes_nothing_over_from_another() {
    let mut desk = Desk::new();
    stranger(&mut desk, Kind::PartialFill, OrderSide::Buy, "S1", "S1", "1", "100");
    let entries: Vec<Id> = (0..2)
        .map(|slot| {
            desk.enter(slot, "1");
            let entry = desk.submitted();
            desk.ack(&entry, &format!("V{slot}"));
            entry
        })
        .collect();
    desk.fill(&entries[1], "T1", "1", "100");
    // The venue's id in it is the other one's.
    desk.event(Kind::OrderStatus, &entries[0], |event| {
        (event.venue_order_id, event.status) = (id("V1"), Some(Status::Acked));
    });
    assert_eq!((desk.size(0), desk.size(1)), ("0.000".into(), "1.000".into()));
    assert_eq!(desk.book(), ("2.000".into(), "1.000".into()));
    desk.assert_replays();
}

#[test]
fn what_a_strangers_total_tells_beside_his_fill_is_booked_and_called_inferred() {
    let mut desk = Desk::new();
    stranger(&mut desk, Kind::PartialFill, OrderSide::Buy, "S1", "T1", "1", "100");
    let outcome = desk.event(Kind::PartialFill, &Id::EMPTY, |event| {
        (event.asset, event.order_side) = (id("BTCUSDT"), Some(OrderSide::Buy));
        (event.venue_order_id, event.venue_trade_id) = (id("S1"), id("T2"));
        (event.size, event.price, event.filled_size) = (Some(dec("1")), Some(dec("100")), Some(dec("3")));
    });
    assert_eq!((outcome.code, desk.book()), (Code::InferredFill, ("3.000".into(), "3.000".into())));
    desk.assert_replays();
}

#[test]
fn only_an_exit_that_ends_by_itself_tells_that_others_have_closed_its_position() {
    let critical = |desk: &Desk| {
        desk.effects.notices.iter().filter(|notice| notice.severity == Severity::Critical).count()
    };
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "1", "99");
    stranger(&mut desk, Kind::FullFill, OrderSide::Sell, "S1", "S1", "1", "100");
    desk.event(Kind::OrderStatus, &entry, |event| event.status = Some(Status::Expired));
    assert_eq!((desk.stage(0), critical(&desk)), (Stage::PositionOpen, 0), "an entry says nothing of it");
    assert!(desk.exit(0).accepted);
    let exit = desk.submitted();
    desk.ack(&exit, "V2");
    assert!(desk.cancel(0).accepted);
    desk.event(Kind::CancelAck, &exit, |_| {});
    assert_eq!((desk.stage(0), critical(&desk)), (Stage::PositionOpen, 0), "it was asked to end");
    assert!(desk.exit(0).accepted);
    let exit = desk.submitted();
    desk.event(Kind::OrderStatus, &exit, |event| event.status = Some(Status::Expired));
    assert_eq!((desk.stage(0), critical(&desk)), (Stage::PositionOpen, 1), "no exit will do");
    desk.assert_replays();
}

#[test]
fn a_strangers_fill_that_comes_again_may_bring_its_fee_unless_it_is_another_orders() {
    let again = |desk: &mut Desk, order: &str| {
        let outcome = desk.event(Kind::PartialFill, &Id::EMPTY, |event| {
            (event.asset, event.order_side) = (id("BTCUSDT"), Some(OrderSide::Buy));
            (event.venue_order_id, event.venue_trade_id) = (id(order), id("T1"));
            (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
            event.fee = Some(dec("0.3"));
        });
        (outcome.code, desk.balance(Account::Fees))
    };
    for (first, second, brings, what) in [
        ("S1", "S1", true, "the same order"),
        ("S1", "", true, "the second does not say whose it is"),
        ("", "S1", true, "the first did not"),
        ("", "", true, "neither does"),
        ("S1", "S2", false, "another order"),
    ] {
        let mut desk = Desk::new();
        stranger(&mut desk, Kind::PartialFill, OrderSide::Buy, first, "T1", "1", "100");
        let want = if brings { (Code::Enriched, "0.3") } else { (Code::DuplicateEvent, "0.05") };
        assert_eq!(again(&mut desk, second), (want.0, want.1.to_owned()), "{what}");
        assert_eq!(desk.book().0, "1.000", "{what}");
        desk.assert_replays();
    }
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    assert_eq!(again(&mut desk, ""), (Code::DuplicateEvent, "0.05".into()), "ours, and it does not say so");
    desk.assert_replays();
}
