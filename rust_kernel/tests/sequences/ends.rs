//! Sequence 20: the venue ends it, or its clock is off.

use super::{SECOND, because, figures, order, questions, reserved, status};
use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, Intent};
use dita_kernel::names::{
    KernelCommandType as Action, KernelEventKind as Kind, OrderType, TimeInForce, TradeStage as Stage,
    VenueOrderStatus as Status,
};

/// What the venue says when it ends an order, and whether it had acknowledged it.
#[rustfmt::skip]
const ENDS: [(Kind, &str, bool, Status, &str); 7] = [
    (Kind::OrderReject, "POST_ONLY",    false, Status::Rejected, "post-only: it would have taken"),
    (Kind::Expired,     "POST_ONLY",    false, Status::Expired,  "post-only, as Binance says it"),
    (Kind::OrderReject, "REDUCE_ONLY",  false, Status::Rejected, "reduce-only: refused"),
    (Kind::Expired,     "REDUCE_ONLY",  true,  Status::Expired,  "reduce-only: taken off the book"),
    (Kind::Expired,     "SELF_TRADE",   true,  Status::Expired,  "self-trade prevention"),
    (Kind::Expired,     "NO_LIQUIDITY", false, Status::Expired,  "instant EXPIRED: nothing to match"),
    (Kind::CancelAck,   "SELF_TRADE",   true,  Status::Canceled, "self-trade prevention, as a cancel"),
];

fn limit(price: &str) -> impl FnOnce(&mut Intent) {
    let price = dec(price);
    move |intent| {
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(price);
    }
}

#[test]
fn s20_an_entry_that_the_venue_ends_closes_the_slot() {
    for (kind, reason, acknowledged, ended, what) in ENDS {
        let mut desk = Desk::new();
        desk.enter_limit(0, "1", "99");
        let entry = desk.submitted();
        if acknowledged {
            desk.ack(&entry, "V1");
        }
        assert_eq!(because(&mut desk, kind, &entry, reason).state, Some(Stage::Closed), "{what}");
        assert_eq!((order(&desk, &entry).status, reserved(&desk).as_str()), (ended, "0"), "{what}");
        assert_eq!(desk.k(), "1000", "{what}");
        assert!(desk.enter(0, "1").accepted, "{what}: the slot is free");
        desk.assert_replays();
    }
}

#[test]
fn s20_an_exit_that_the_venue_ends_leaves_the_position() {
    for (kind, reason, acknowledged, ended, what) in ENDS {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        desk.intent(Action::Exit, 0, limit("101"));
        let exit = desk.submitted();
        if acknowledged {
            desk.ack(&exit, "V9");
        }
        assert_eq!(because(&mut desk, kind, &exit, reason).state, Some(Stage::PositionOpen), "{what}");
        assert_eq!((order(&desk, &exit).status, desk.size(0).as_str()), (ended, "1.000"), "{what}");
        assert!(desk.exit(0).accepted, "{what}: another exit may be sent");
        desk.assert_replays();
    }
}

#[test]
fn s20_a_protective_exit_that_the_venue_ends_leaves_an_alarm() {
    for (kind, reason, acknowledged, _, what) in ENDS {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        desk.intent(Action::Exit, 0, |intent| {
            intent.order_type = OrderType::StopMarket;
            intent.trigger_price = Some(dec("90"));
        });
        let stop = desk.submitted();
        if acknowledged {
            desk.ack(&stop, "V9");
        }
        because(&mut desk, kind, &stop, reason);
        assert_eq!((desk.stage(0), desk.size(0).as_str()), (Stage::PositionOpen, "1.000"), "{what}");
        assert!(desk.kernel.slot(0).expect("a slot").unprotected, "{what}");
    }
}

#[test]
fn s20_an_order_whose_time_is_up() {
    let mut desk = Desk::new();
    let until = desk.now + 60 * SECOND;
    desk.intent(Action::Enter, 0, |intent| {
        limit("99")(intent);
        intent.target_size = Some(dec("1"));
        intent.time_in_force = TimeInForce::Gtd;
        intent.expire_time_ns = Some(until);
    });
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    // The venue says nothing of it: it is asked, and believed.
    desk.now = until + 6 * SECOND;
    assert!(desk.put(Input::Time).accepted);
    assert_eq!((questions(&desk), desk.stage(0)), (1, Stage::EntryWorking));
    assert_eq!(status(&mut desk, &entry, Status::Expired, None).state, Some(Stage::Closed));
    assert_eq!((order(&desk, &entry).status, reserved(&desk).as_str()), (Status::Expired, "0"));
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn s20_a_clock_that_is_off() {
    for (acknowledged_at, filled_at, what) in [
        (900,           800,           "the fill is stamped before its acknowledgement"),
        (0,             -5,            "before everything"),
        (3600 * SECOND, 1,             "the acknowledgement comes from the future"),
        (1,             3600 * SECOND, "the fill comes from the future"),
    ] {
        let mut desk = Desk::new();
        desk.enter(0, "1");
        let entry = desk.submitted();
        stamped(&mut desk, Kind::OrderAck, &entry, acknowledged_at);
        desk.event(Kind::FullFill, &entry, |event| {
            event.timestamp_ns = filled_at;
            figures(event, "T1", "1", "100");
        });
        assert_eq!((desk.stage(0), desk.size(0).as_str()), (Stage::PositionOpen, "1.000"), "{what}");
        desk.exit(0);
        let exit = desk.submitted();
        stamped(&mut desk, Kind::CancelAck, &exit, filled_at);
        assert_eq!(desk.stage(0), Stage::PositionOpen, "{what}: an end counts, whenever it is stamped");
        desk.assert_replays();
    }
}

fn stamped(desk: &mut Desk, kind: Kind, client: &Id, at: i64) {
    desk.event(kind, client, |event| {
        event.timestamp_ns = at;
        event.venue_order_id = id("V1");
    });
}
