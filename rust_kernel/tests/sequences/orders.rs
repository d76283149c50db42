//! Sequences 1 to 5: one order and the venue's answers.

use super::{because, cancels, order, questions, reserved, resting, standing, status};
use crate::common::{Desk, dec};
use dita_kernel::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderDoubt, TradeStage as Stage,
    VenueOrderStatus as Status,
};

#[test]
#[rustfmt::skip]
fn s01_filled_then_a_late_answer_says_new_0_filled() {
    for (kind, told, filled, what) in [
        (Kind::OrderStatus, Some(Status::Acked),           Some("0"), "the answer to a question"),
        (Kind::OrderStatus, Some(Status::PartiallyFilled), Some("1"), "one that knows of a part"),
        (Kind::OrderStatus, Some(Status::New),             Some("0"), "in the venue's own word"),
        (Kind::OrderAck,    None,                          Some("0"), "the acknowledgement itself"),
    ] {
        let (mut desk, entry) = resting();
        desk.fill(&entry, "T1", "2", "99");
        let before = desk.k();
        let outcome = desk.event(kind, &entry, |event| {
            event.status = told;
            event.filled_size = filled.map(dec);
        });
        assert_eq!(outcome.code, Code::StaleEvent, "{what}");
        assert_eq!(standing(&desk, &entry), (Status::Filled, "2.000".into()), "{what}");
        assert_eq!((desk.stage(0), desk.size(0), desk.k()), (Stage::PositionOpen, "2.000".into(), before), "{what}");
        assert_eq!(reserved(&desk), "0", "{what}");
        desk.exit(0);
        let exit = desk.submitted();
        assert_eq!(desk.fill(&exit, "T2", "2", "99").state, Some(Stage::Closed), "{what}");
        desk.assert_replays();
    }
}

#[test]
fn s01_half_filled_then_a_late_answer_says_new_0_filled() {
    let (mut desk, entry) = resting();
    desk.fill(&entry, "T1", "1", "99");
    assert_eq!(status(&mut desk, &entry, Status::Acked, Some("0")).code, Code::StaleEvent);
    assert_eq!(standing(&desk, &entry), (Status::PartiallyFilled, "1.000".into()));
    assert_eq!(reserved(&desk), "100", "one more at the mark");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn s02_a_fill_before_the_acknowledgement() {
    for (size, then, stage, what) in [
        ("2", Status::Filled,          Stage::PositionOpen, "the whole order"),
        ("1", Status::PartiallyFilled, Stage::EntryWorking, "a part of it"),
    ] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "2", "99");
        let entry = desk.submitted();
        assert_eq!(desk.fill(&entry, "T1", size, "99").state, Some(stage), "{what}");
        assert_eq!(order(&desk, &entry).status, then, "{what}: the fill implies the acknowledgement");
        assert_eq!(desk.ack(&entry, "V1").code, Code::StaleEvent, "{what}");
        assert_eq!((order(&desk, &entry).status, desk.stage(0)), (then, stage), "{what}: and it undoes nothing");
        assert!(desk.kernel.orders().by_venue_id(&crate::common::id("V1")).is_some(), "{what}: its id is learned");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn s03_a_cancel_rejected_because_it_filled() {
    for (fill_first, reason, asks) in [
        (true,  "ALREADY_FILLED", 0), // the fill came: there is nothing to ask
        (false, "ALREADY_FILLED", 1),
        (false, "UNKNOWN_ORDER",  1),
    ] {
        let (mut desk, entry) = resting();
        desk.cancel(0);
        let mut closed = 0;
        let mut watch = |desk: &Desk| closed += usize::from(desk.stage(0) == Stage::Closed);
        if fill_first {
            desk.fill(&entry, "T1", "2", "99");
            watch(&desk);
        }
        because(&mut desk, Kind::CancelReject, &entry, reason);
        watch(&desk);
        assert_eq!(questions(&desk), asks, "{reason}");
        if !fill_first {
            assert_eq!(order(&desk, &entry).doubt, OrderDoubt::Cancel, "{reason}: nobody knows yet");
            assert_eq!(reserved(&desk), "200", "{reason}: it may have filled");
            desk.fill(&entry, "T1", "2", "99");
            watch(&desk);
        }
        assert_eq!(closed, 0, "{reason}: the trade never ended");
        assert_eq!(standing(&desk, &entry), (Status::Filled, "2.000".into()), "{reason}");
        assert_eq!((desk.stage(0), desk.size(0)), (Stage::PositionOpen, "2.000".into()), "{reason}");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn s04_a_cancel_confirmed_then_a_fill() {
    for (before, late, total, kind, status, what) in [
        ("0", "0.5", "0.500", Kind::CancelAck, Status::Canceled, "nothing was filled"),
        ("1", "0.5", "1.500", Kind::CancelAck, Status::Canceled, "a part was filled"),
        ("0", "2",   "2.000", Kind::CancelAck, Status::Filled,   "all of it"),
        ("0", "0.5", "0.500", Kind::Expired,   Status::Expired,  "the same of an expiry"),
    ] {
        let total = total.to_owned();
        let (mut desk, entry) = resting();
        if before != "0" {
            desk.fill(&entry, "T1", before, "99");
        }
        desk.cancel(0);
        desk.event(kind, &entry, |_| {});
        let outcome = desk.fill(&entry, "T2", late, "99");
        assert_eq!((outcome.accepted, outcome.code), (true, Code::LateFill), "{what}");
        assert_eq!(standing(&desk, &entry), (status, total.clone()), "{what}: real money");
        assert_eq!((desk.stage(0), desk.size(0)), (Stage::PositionOpen, total.clone()), "{what}");
        assert_eq!(desk.book(), (total.clone(), "0.000".into()), "{what}");
        desk.exit(0);
        let exit = desk.submitted();
        assert_eq!(desk.fill(&exit, "T3", &total, "99").state, Some(Stage::Closed), "{what}: it can be sold");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn s05_a_cancel_booked_the_order_still_live() {
    for (told, filled, what) in [
        (Status::Acked,           None,      "it works"),
        (Status::PartiallyFilled, Some("1"), "and has filled"),
        (Status::PendingCancel,   None,      "and says that it is being canceled"),
    ] {
        let (mut desk, entry) = resting();
        desk.cancel(0);
        assert_eq!(desk.event(Kind::CancelAck, &entry, |_| {}).state, Some(Stage::Closed), "{what}");
        for _ in 0..2 {
            status(&mut desk, &entry, told, filled);
            assert_eq!(cancels(&desk), 1, "{what}: nobody wants it, whenever the venue says so");
        }
        desk.fill(&entry, "T1", "1", "99");
        assert_eq!((desk.stage(0), desk.size(0)), (Stage::PositionOpen, "1.000".into()), "{what}: what fills is ours");
        desk.assert_replays();
    }
}
