//! Orders beyond entry and exit: amends by FIX's rules, milestones, what remains, what the venue does by itself.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{ControlChange, RareFields, RiskLimits};
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    ControlGate, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    OrderDoubt, OrderSide, OrderType, Severity, TimeInForce, TradeStage as Stage, VenueOrderStatus as Status,
};
use dita_kernel::order::Order;
use dita_kernel::outcome::{Detail, Outcome};

fn order<'a>(desk: &'a Desk, client: &Id) -> &'a Order {
    let orders = desk.kernel.orders();
    orders.at(orders.by_client_id(client).expect("a known order"))
}

fn status(desk: &Desk, client: &Id) -> Status {
    order(desk, client).status
}

fn qty(desk: &Desk, client: &Id) -> String {
    desk.kernel.instruments()[0].qty_decimal(order(desk, client).qty).to_string()
}

fn remaining(desk: &Desk, client: &Id) -> String {
    desk.kernel.instruments()[0].qty_decimal(order(desk, client).remaining()).to_string()
}

fn reserved(desk: &Desk) -> String {
    desk.kernel.exposure().reserved(0).to_string()
}

fn amend(desk: &mut Desk, slot: u32, size: Option<&str>, limit: Option<&str>) -> Outcome {
    let (size, limit) = (size.map(dec), limit.map(dec));
    desk.intent(Action::Amend, slot, |intent| {
        intent.target_size = size;
        intent.limit_price = limit;
    })
}

/// The request id of the amend that was sent last.
fn request(desk: &Desk) -> Id {
    match desk.effects.commands.as_slice() {
        [Command::Amend(request)] => request.request_id.clone(),
        other => panic!("not one amend: {other:?}"),
    }
}

fn answer(desk: &mut Desk, kind: Kind, client: &Id, request_id: &Id, size: Option<&str>) -> Outcome {
    let (request_id, size) = (request_id.clone(), size.map(dec));
    desk.event(kind, client, |event| {
        event.order_size = size;
        event.rare = Some(Box::new(RareFields { request_id, ..RareFields::default() }));
    })
}

/// A limit entry of 2 at 99 that the venue has.
fn working() -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    (desk, entry)
}

fn field(outcome: &Outcome) -> &str {
    match &outcome.detail {
        Detail::Field { field, .. } => field,
        Detail::Limit { limit, .. } => limit,
        _ => "",
    }
}

#[test]
fn an_amend_holds_back_the_worst_until_it_is_answered() {
    let (mut desk, entry) = working();
    assert_eq!(reserved(&desk), "200");
    assert_eq!(amend(&mut desk, 0, Some("3"), None).state, Some(Stage::EntryWorking));
    let asked = request(&desk);
    assert_eq!((qty(&desk, &entry), reserved(&desk)), ("2.000".into(), "300".into()), "2 or 3");
    desk.event(Kind::AmendPending, &entry, |_| {});
    assert_eq!(status(&desk, &entry), Status::PendingReplace);
    desk.fill(&entry, "T1", "0.5", "99");
    assert_eq!(status(&desk, &entry), Status::PendingReplace, "a pending state outranks a working one");
    let done = answer(&mut desk, Kind::AmendAck, &entry, &asked, None);
    assert_eq!((done.code, status(&desk, &entry)), (Code::Ok, Status::PartiallyFilled));
    assert_eq!((qty(&desk, &entry), reserved(&desk)), ("3.000".into(), "250".into()));
    assert_eq!(
        answer(&mut desk, Kind::AmendAck, &entry, &asked, None).code,
        Code::StaleEvent,
        "answered before"
    );
    // Down: the old total is the worst until the answer, the new one afterwards.
    amend(&mut desk, 0, Some("1"), Some("98"));
    let asked = request(&desk);
    assert_eq!(reserved(&desk), "250");
    answer(&mut desk, Kind::AmendAck, &entry, &asked, None);
    assert_eq!((qty(&desk, &entry), reserved(&desk)), ("1.000".into(), "50".into()));
    assert_eq!(desk.fill(&entry, "T2", "0.5", "98").state, Some(Stage::PositionOpen));
    assert_eq!(reserved(&desk), "0");
    desk.assert_replays();
}

#[test]
fn a_refused_amend_leaves_the_order_as_it_was() {
    for kind in [Kind::AmendReject, Kind::RateLimited] {
        let (mut desk, entry) = working();
        amend(&mut desk, 0, Some("3"), Some("99.5"));
        let asked = request(&desk);
        desk.event(Kind::AmendPending, &entry, |_| {});
        let stale = answer(&mut desk, Kind::AmendReject, &entry, &id("another"), None);
        assert_eq!(stale.code, Code::StaleEvent, "not ours, or old");
        let outcome = answer(&mut desk, kind, &entry, &asked, None);
        let code = if kind == Kind::AmendReject { Code::VenueRejected } else { Code::RateLimited };
        assert_eq!((outcome.code, status(&desk, &entry)), (code, Status::Acked), "{kind}");
        assert_eq!((qty(&desk, &entry), reserved(&desk)), ("2.000".into(), "200".into()));
        assert!(amend(&mut desk, 0, Some("3"), None).accepted, "and may be tried again");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn an_amend_is_refused_by_name() {
    for (size, limit, code, named) in [
        (None,           None,          Code::InvalidIntent, "action"),
        (Some("2"),      Some("99"),    Code::InvalidIntent, "action"),
        (Some("0"),      None,          Code::InvalidIntent, "target_size"),
        (Some("0.5"),    None,          Code::InvalidIntent, "target_size"),
        (Some("0.0001"), None,          Code::InvalidIntent, "target_size"),
        (None,           Some("0"),     Code::InvalidIntent, "limit_price"),
        (None,           Some("0.01"),  Code::BelowFloor,    "limit_price"),
        (Some("1e15"),   None,          Code::Precision,     "target_size"),
    ] {
        let (mut desk, entry) = working();
        desk.fill(&entry, "T1", "0.5", "99");
        let outcome = amend(&mut desk, 0, size, limit);
        assert_eq!((outcome.accepted, outcome.code, field(&outcome)), (false, code, named), "{size:?} {limit:?}");
    }
    let (mut desk, _) = working();
    let outcome = desk.intent(Action::Amend, 0, |intent| intent.trigger_price = Some(dec("95")));
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "trigger_price"), "no trigger to amend");
    let outcome = desk.intent(Action::Amend, 0, |intent| intent.expire_time_ns = Some(i64::MAX));
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "expire_time"));
    assert_eq!(amend(&mut desk, 1, Some("3"), None).code, Code::NoActiveOrder);
}

#[test]
fn a_change_that_was_refused_without_a_name_may_be_made_all_the_same() {
    for (named, code, total, left) in [
        (false, Code::Ok, "3.000", "300"), // perhaps another's change was refused
        (true, Code::StaleEvent, "2.000", "200"), // ours was
    ] {
        let (mut desk, entry) = working();
        amend(&mut desk, 0, Some("3"), None);
        let asked = request(&desk);
        let refused = if named { asked.clone() } else { Id::EMPTY };
        let outcome = answer(&mut desk, Kind::AmendReject, &entry, &refused, None);
        assert_eq!((outcome.code, reserved(&desk)), (Code::VenueRejected, "200".into()));
        let outcome = answer(&mut desk, Kind::AmendAck, &entry, &asked, Some("3"));
        assert_eq!((outcome.code, qty(&desk, &entry), reserved(&desk)), (code, total.into(), left.into()));
        desk.assert_replays();
    }
}

#[test]
fn an_end_that_names_another_asset_or_side_is_refused() {
    use dita_kernel::input::VenueEvent;
    type Change = fn(&mut VenueEvent);
    let cases: [(&str, Change); 2] = [
        ("asset", |event| event.asset = id("ETHUSDT")),
        ("order_side", |event| event.order_side = Some(OrderSide::Sell)),
    ];
    for kind in [Kind::CancelAck, Kind::Expired, Kind::DoneForDay] {
        for (named, change) in cases {
            let (mut desk, entry) = working();
            let outcome = desk.event(kind, &entry, change);
            assert_eq!((outcome.code, field(&outcome)), (Code::ReconcileRequired, named), "{kind}");
            assert_eq!((status(&desk, &entry), reserved(&desk)), (Status::Acked, "200".into()), "{kind}");
            let outcome = desk.event(kind, &entry, |event| {
                (event.asset, event.order_side) = (id("BTCUSDT"), Some(OrderSide::Buy));
            });
            assert!(outcome.accepted, "{kind} of its own asset and side");
        }
    }
}

#[test]
fn one_request_at_a_time() {
    let (mut desk, _) = working();
    amend(&mut desk, 0, Some("3"), None);
    assert_eq!(amend(&mut desk, 0, Some("4"), None).code, Code::SlotBusy, "an amend is outstanding");
    let (mut desk, _) = working();
    desk.cancel(0);
    assert_eq!(amend(&mut desk, 0, Some("3"), None).code, Code::SlotBusy, "a cancel is outstanding");
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.event(Kind::SendTimeout, &entry, |_| {});
    assert_eq!(amend(&mut desk, 0, Some("3"), None).code, Code::InDoubt, "who knows if it is there");
}

#[test]
fn only_what_an_amend_adds_has_to_pass() {
    let closed = ControlChange { gate: Some(ControlGate::ReduceOnly), ..ControlChange::default() };
    for (size, limit, passes) in [
        (Some("3"), None, false),
        (None, Some("99.5"), false), // likelier to fill
        (Some("1"), None, true),
        (None, Some("98"), true),
    ] {
        let (mut desk, _) = working();
        desk.control(closed.clone());
        let outcome = amend(&mut desk, 0, size, limit);
        let code = if passes { Code::Ok } else { Code::ReduceOnly };
        assert_eq!((outcome.accepted, outcome.code), (passes, code), "{size:?} {limit:?}");
    }
    let limits = RiskLimits { max_total_notional: Some(dec("300")), ..RiskLimits::default() };
    let (mut desk, entry) = working();
    desk.fill(&entry, "T1", "1", "99");
    desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() });
    // held: 1 at the mark 100, and 99 reserved; 200 more would be allowed for what remains.
    assert!(amend(&mut desk, 0, Some("3"), None).accepted, "100 + 2 × 99");
    let asked = request(&desk);
    answer(&mut desk, Kind::AmendAck, &entry, &asked, None);
    let outcome = amend(&mut desk, 0, Some("3.1"), None);
    assert_eq!((outcome.code, field(&outcome)), (Code::RiskBlocked, "max_total_notional"));
    desk.assert_replays();
}

#[test]
fn what_is_filled_can_be_amended_up() {
    let (mut desk, entry) = working();
    amend(&mut desk, 0, Some("3"), None);
    let asked = request(&desk);
    assert_eq!(desk.fill(&entry, "T1", "2", "99").state, Some(Stage::PositionOpen));
    assert_eq!(
        (status(&desk, &entry), reserved(&desk)),
        (Status::Filled, "100".into()),
        "the third may come"
    );
    let outcome = answer(&mut desk, Kind::AmendAck, &entry, &asked, Some("3"));
    assert_eq!((outcome.state, status(&desk, &entry)), (Some(Stage::EntryWorking), Status::PartiallyFilled));
    assert_eq!(desk.fill(&entry, "T2", "1", "99").state, Some(Stage::PositionOpen));
    assert_eq!((desk.size(0), reserved(&desk)), ("3.000".into(), "0".into()));
    // An exit likewise, though it had closed its part.
    desk.intent(Action::Exit, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(dec("101"));
    });
    let exit = desk.submitted();
    desk.ack(&exit, "V2");
    assert_eq!(amend(&mut desk, 0, Some("3.5"), None).code, Code::InvalidIntent, "more than the position");
    amend(&mut desk, 0, Some("3"), None);
    let asked = request(&desk);
    assert_eq!(desk.fill(&exit, "T3", "1", "101").state, Some(Stage::PositionOpen));
    assert_eq!(answer(&mut desk, Kind::AmendAck, &exit, &asked, None).state, Some(Stage::ExitWorking));
    assert_eq!(desk.fill(&exit, "T4", "2", "101").state, Some(Stage::Closed));
    desk.assert_replays();
}

#[test]
fn an_order_amended_up_after_its_slot_was_reused_is_canceled() {
    let (mut desk, entry) = working();
    amend(&mut desk, 0, Some("3"), None);
    let asked = request(&desk);
    desk.fill(&entry, "T1", "2", "99");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "2", "99");
    desk.open(0, "1", "100");
    let outcome = answer(&mut desk, Kind::AmendAck, &entry, &asked, None);
    assert!(outcome.accepted);
    assert!(matches!(desk.effects.commands.as_slice(), [Command::Cancel(_)]), "nobody wants it");
    assert!(desk.effects.notices.iter().any(|notice| notice.code == Code::ReconcileRequired));
    desk.fill(&entry, "T3", "0.25", "99");
    assert_eq!((desk.size(0), desk.book()), ("1.000".into(), ("1.250".into(), "0.250".into())));
    desk.assert_replays();
}

#[test]
fn an_order_that_lost_its_slot_is_canceled_again_while_the_venue_says_that_it_works() {
    let (mut desk, entry) = working();
    amend(&mut desk, 0, Some("3"), None);
    let asked = request(&desk);
    desk.fill(&entry, "T1", "2", "99");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "2", "99");
    desk.open(0, "1", "100");
    answer(&mut desk, Kind::AmendAck, &entry, &asked, None);
    desk.event(Kind::RateLimited, &entry, |_| {});
    assert!(desk.effects.commands.is_empty(), "the cancel is refused, and as good as lost");
    for (told, cancels) in [(Status::PartiallyFilled, 1), (Status::PartiallyFilled, 1), (Status::Canceled, 0)]
    {
        desk.event(Kind::OrderStatus, &entry, |event| {
            event.asset = id("BTCUSDT");
            (event.status, event.filled_size) = (Some(told), Some(dec("2")));
        });
        let canceled = desk.effects.commands.iter().filter(|command| {
            matches!(command, Command::Cancel(order) if order.venue_client_id == entry && order.slot_id == 0)
        });
        assert_eq!(canceled.count(), cancels, "{told}");
        assert_eq!(desk.effects.commands.len(), cancels, "{told}: and nothing else");
    }
    desk.assert_replays();
}

#[test]
fn an_amend_that_races_a_fill() {
    // Sequence 13: asked for 1, and 1.5 had filled when the venue took it.
    let (mut desk, entry) = working();
    desk.fill(&entry, "T1", "0.5", "99");
    amend(&mut desk, 0, Some("1"), None);
    let asked = request(&desk);
    desk.fill(&entry, "T2", "1", "99");
    let outcome = answer(&mut desk, Kind::AmendAck, &entry, &asked, None);
    assert_eq!((outcome.code, outcome.severity), (Code::Overfill, Severity::Critical));
    assert_eq!((outcome.state, status(&desk, &entry)), (Some(Stage::PositionOpen), Status::Filled));
    assert_eq!((qty(&desk, &entry), desk.size(0)), ("1.500".into(), "1.500".into()));
    // The other way round: taken, and then it fills past the new total.
    let (mut desk, entry) = working();
    amend(&mut desk, 0, Some("1"), None);
    let asked = request(&desk);
    answer(&mut desk, Kind::AmendAck, &entry, &asked, None);
    assert_eq!(desk.fill(&entry, "T1", "1.5", "99").code, Code::Overfill);
    assert_eq!(desk.size(0), "1.500");
    // Exactly to what is filled: it is complete.
    let (mut desk, entry) = working();
    desk.fill(&entry, "T1", "0.5", "99");
    let outcome = desk.event(Kind::AmendAck, &entry, |event| event.order_size = Some(dec("0.5")));
    assert_eq!(
        (outcome.code, outcome.state, status(&desk, &entry)),
        (Code::Ok, Some(Stage::PositionOpen), Status::Filled)
    );
    desk.assert_replays();
}

#[test]
fn an_entry_amended_down_to_what_an_exit_has_closed_closes_the_slot() {
    let (mut desk, entry) = working();
    desk.fill(&entry, "T1", "0.5", "99");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "0.5", "99");
    assert_eq!(desk.stage(0), Stage::EntryWorking);
    let outcome = desk.event(Kind::Restated, &entry, |event| event.order_size = Some(dec("0.5")));
    assert_eq!(outcome.state, Some(Stage::Closed));
    desk.assert_replays();
}

#[test]
fn what_the_venue_restates_stands_and_is_remarked() {
    let (mut desk, entry) = working();
    let outcome = desk.event(Kind::Restated, &entry, |event| {
        event.order_size = Some(dec("1.5"));
        event.order_price = Some(dec("98.5"));
    });
    assert_eq!((outcome.code, outcome.severity), (Code::Ok, Severity::Warning));
    assert_eq!(desk.effects.notices.len(), 1);
    assert_eq!((qty(&desk, &entry), reserved(&desk)), ("1.500".into(), "150".into()));
    let outcome = desk.event(Kind::Restated, &entry, |event| event.order_size = Some(dec("-1")));
    assert_eq!(
        (outcome.accepted, outcome.code, field(&outcome)),
        (false, Code::ReconcileRequired, "order_size")
    );
    let outcome = desk.event(Kind::Restated, &entry, |event| event.order_size = Some(dec("0")));
    assert_eq!((outcome.state, status(&desk, &entry)), (Some(Stage::Closed), Status::Canceled));
    desk.assert_replays();
}

#[test]
fn milestones_imply_the_acknowledgement_and_move_no_quantity() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    assert_eq!(desk.event(Kind::Stopped, &entry, |_| {}).state, Some(Stage::EntryWorking));
    assert_eq!((status(&desk, &entry), desk.size(0)), (Status::Stopped, "0.000".into()));
    assert_eq!(desk.event(Kind::Stopped, &entry, |_| {}).code, Code::DuplicateEvent);
    desk.fill(&entry, "T1", "0.5", "99");
    assert_eq!(status(&desk, &entry), Status::Stopped, "a guarantee outranks a part that is filled");
    desk.fill(&entry, "T2", "1.5", "99");
    assert_eq!(status(&desk, &entry), Status::Filled);
    assert_eq!(desk.event(Kind::Stopped, &entry, |_| {}).code, Code::StaleEvent);
    desk.assert_replays();
}

#[test]
fn a_triggered_order_has_two_venue_ids_and_both_find_it() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    let outcome = desk.event(Kind::Triggered, &entry, |event| {
        event.venue_order_id = id("child");
        event.rare = Some(Box::new(RareFields { parent_order_id: id("algo"), ..RareFields::default() }));
    });
    assert_eq!((outcome.code, outcome.state), (Code::Ok, Some(Stage::EntryWorking)));
    assert_eq!(desk.event(Kind::Triggered, &entry, |_| {}).code, Code::DuplicateEvent);
    for (venue_id, trade) in [("child", "T1"), ("algo", "T2")] {
        let outcome = desk.event(Kind::PartialFill, &Id::EMPTY, |event| {
            event.venue_order_id = id(venue_id);
            event.venue_trade_id = id(trade);
            event.size = Some(dec("1"));
            event.price = Some(dec("99"));
        });
        assert_eq!(outcome.slot_id, Some(0), "{venue_id}");
    }
    assert_eq!(desk.stage(0), Stage::PositionOpen);
    desk.assert_replays();
}

#[test]
fn what_remains_is_as_the_venue_says_while_that_is_not_old() {
    let (mut desk, entry) = working();
    let say = |desk: &mut Desk, total: &str, left: &str| {
        let (total, left) = (dec(total), dec(left));
        desk.event(Kind::OrderStatus, &entry.clone(), |event| {
            event.status = Some(Status::PartiallyFilled);
            event.filled_size = Some(total);
            event.remaining_size = Some(left);
        });
    };
    desk.fill(&entry, "T1", "0.5", "99");
    assert_eq!(remaining(&desk, &entry), "1.500");
    say(&mut desk, "0.5", "1.2");
    assert_eq!(remaining(&desk, &entry), "1.200", "it took some of it back");
    say(&mut desk, "0.25", "1.75");
    assert_eq!(remaining(&desk, &entry), "1.200", "told before the fill");
    desk.fill(&entry, "T2", "0.5", "99");
    assert_eq!(remaining(&desk, &entry), "1.000", "told before this fill");
    desk.event(Kind::CancelAck, &entry, |_| {});
    assert_eq!(remaining(&desk, &entry), "0.000");
    desk.assert_replays();
}

#[test]
fn done_for_day_without_leaves_ends_an_order_and_a_restatement_brings_it_back() {
    let (mut desk, entry) = working();
    let outcome = desk.event(Kind::DoneForDay, &entry, |event| event.remaining_size = Some(dec("0")));
    assert_eq!((outcome.state, reserved(&desk)), (Some(Stage::Closed), "0".into()));
    assert_eq!(status(&desk, &entry), Status::DoneForDay);
    let outcome = desk.event(Kind::Restated, &entry, |_| {});
    assert_eq!((outcome.state, status(&desk, &entry)), (Some(Stage::EntryWorking), Status::Acked));
    desk.assert_replays();
}

#[test]
fn done_for_day_with_leaves_holds_them_back_until_the_order_is_over() {
    let limits = RiskLimits { max_total_notional: Some(dec("300")), ..RiskLimits::default() };
    for told in [Some("1.5"), None] {
        let (mut desk, entry) = working();
        desk.control(ControlChange { limits: Some(limits.clone()), ..ControlChange::default() });
        desk.fill(&entry, "T1", "0.5", "99");
        let done = |desk: &mut Desk| {
            desk.event(Kind::DoneForDay, &entry, |event| event.remaining_size = told.map(dec))
        };
        assert_eq!((done(&mut desk).code, done(&mut desk).code), (Code::Ok, Code::DuplicateEvent));
        assert_eq!(order(&desk, &entry).reported_status(), Status::DoneForDay);
        assert_eq!((remaining(&desk, &entry), reserved(&desk)), ("1.500".into(), "150".into()));
        assert_eq!(desk.stage(0), Stage::EntryWorking, "it will be at work again");
        assert_eq!(desk.enter(1, "2").code, Code::RiskBlocked, "50 held, 150 to come, 200 more");
        assert!(desk.cancel(0).accepted);
        assert_eq!(desk.event(Kind::CancelAck, &entry, |_| {}).state, Some(Stage::PositionOpen));
        assert_eq!((remaining(&desk, &entry), reserved(&desk)), ("0.000".into(), "0".into()));
        assert!(desk.enter(1, "2").accepted);
        desk.assert_replays();
    }
}

#[test]
fn an_order_that_is_done_for_day_fills_on_without_a_word_of_renewal() {
    let (mut desk, entry) = working();
    desk.event(Kind::DoneForDay, &entry, |_| {});
    assert_eq!(desk.fill(&entry, "T1", "0.5", "99").code, Code::Ok);
    assert_eq!(order(&desk, &entry).reported_status(), Status::PartiallyFilled);
    let late = |desk: &mut Desk| {
        desk.event(Kind::DoneForDay, &entry, |_| {});
        desk.event(Kind::PartialFill, &entry, |event| {
            (event.venue_trade_id, event.status) = (id("T2"), Some(Status::DoneForDay));
            (event.size, event.price) = (Some(dec("0.5")), Some(dec("99")));
        })
    };
    assert_eq!(late(&mut desk).code, Code::Ok);
    assert_eq!(order(&desk, &entry).reported_status(), Status::DoneForDay, "a fill of the day that is over");
    assert_eq!(desk.fill(&entry, "T3", "1", "99").state, Some(Stage::PositionOpen));
    assert_eq!(order(&desk, &entry).reported_status(), Status::Filled);
    desk.assert_replays();
}

#[test]
fn what_is_done_at_once_has_no_tomorrow() {
    for (time_in_force, left, stage) in [
        (TimeInForce::Ioc, None, Stage::Closed),
        (TimeInForce::Fok, None, Stage::Closed),
        (TimeInForce::Gtc, Some("0"), Stage::Closed),
        (TimeInForce::Gtc, None, Stage::EntryWorking),
    ] {
        let mut desk = Desk::new();
        desk.intent(Action::Enter, 0, |intent| {
            intent.target_size = Some(dec("2"));
            (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("99")));
            intent.time_in_force = time_in_force;
        });
        let entry = desk.submitted();
        let outcome = desk.event(Kind::DoneForDay, &entry, |event| event.remaining_size = left.map(dec));
        assert_eq!(outcome.state, Some(stage), "{time_in_force} {left:?}, unacknowledged");
        desk.assert_replays();
    }
}

#[test]
fn a_question_about_an_order_that_is_done_for_day_is_answered_by_that() {
    let (mut desk, entry) = working();
    desk.cancel(0);
    desk.event(Kind::SendTimeout, &entry, |_| {});
    let outcome = desk.event(Kind::OrderStatus, &entry, |event| {
        (event.status, event.remaining_size) = (Some(Status::DoneForDay), Some(dec("2")));
    });
    assert_eq!((outcome.code, outcome.state), (Code::Ok, Some(Stage::EntryWorking)));
    let order = order(&desk, &entry);
    assert_eq!((order.reported_status(), order.doubt), (Status::DoneForDay, OrderDoubt::None));
    assert!(desk.cancel(0).accepted, "the first cancel did not arrive");
    desk.assert_replays();
}

#[test]
fn a_canceled_order_that_rests_until_tomorrow_is_canceled_again() {
    let (mut desk, entry) = working();
    desk.event(Kind::CancelAck, &entry, |_| {});
    desk.event(Kind::OrderStatus, &entry, |event| {
        (event.status, event.remaining_size) = (Some(Status::DoneForDay), Some(dec("2")));
    });
    assert!(matches!(desk.effects.commands.as_slice(), [Command::Cancel(_)]), "nobody wants it");
}

#[test]
fn a_filled_order_may_be_asked_to_grow() {
    let (mut desk, entry) = working();
    desk.fill(&entry, "T1", "2", "99");
    for (size, price) in [(Some("2"), None), (Some("1"), None), (None, Some("98"))] {
        let outcome = amend(&mut desk, 0, size, price);
        assert_eq!(
            (outcome.code, field(&outcome)),
            (Code::InvalidIntent, "target_size"),
            "{size:?} {price:?}"
        );
    }
    let halted = |gate| ControlChange { gate: Some(gate), ..ControlChange::default() };
    desk.control(halted(ControlGate::Halted));
    assert_eq!(amend(&mut desk, 0, Some("3"), None).code, Code::ControlHalted, "it adds as an entry does");
    desk.control(halted(ControlGate::Normal));
    assert_eq!(amend(&mut desk, 0, Some("3"), None).state, Some(Stage::PositionOpen));
    let asked = request(&desk);
    assert_eq!(
        (status(&desk, &entry), reserved(&desk)),
        (Status::Filled, "100".into()),
        "the third may come"
    );
    assert_eq!(amend(&mut desk, 0, Some("4"), None).code, Code::SlotBusy, "one at a time");
    let refused = answer(&mut desk, Kind::AmendReject, &entry, &asked, None);
    assert_eq!((refused.code, reserved(&desk)), (Code::VenueRejected, "0".into()));
    // By name, beside an exit at work; and no more of an exit than there is.
    desk.intent(Action::Exit, 0, |intent| {
        intent.target_size = Some(dec("1"));
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("101")));
    });
    let exit = desk.submitted();
    let grow = |desk: &mut Desk, order: &Id, size: &str| {
        let (order, size) = (order.clone(), dec(size));
        desk.intent(Action::Amend, 0, |intent| {
            (intent.target_client_id, intent.target_size) = (order, Some(size));
        })
    };
    assert_eq!(grow(&mut desk, &entry, "3").state, Some(Stage::ExitSent));
    let asked = request(&desk);
    assert_eq!(answer(&mut desk, Kind::AmendAck, &entry, &asked, None).state, Some(Stage::ExitSent));
    assert_eq!((status(&desk, &entry), reserved(&desk)), (Status::PartiallyFilled, "100".into()));
    desk.fill(&entry, "T2", "1", "99");
    desk.fill(&exit, "T3", "1", "101");
    assert_eq!(amend(&mut desk, 0, Some("4"), None).code, Code::AmbiguousOrder, "entry and exit have filled");
    assert_eq!(grow(&mut desk, &exit, "4").code, Code::InvalidIntent, "more than the position");
    assert!(grow(&mut desk, &exit, "3").accepted);
    let asked = request(&desk);
    assert_eq!(answer(&mut desk, Kind::AmendAck, &exit, &asked, None).state, Some(Stage::ExitWorking));
    assert_eq!(desk.fill(&exit, "T4", "2", "101").state, Some(Stage::Closed));
    assert_eq!(grow(&mut desk, &exit, "4").code, Code::NoActiveOrder, "the trade is over");
    desk.assert_replays();
}

#[test]
fn no_other_order_that_has_filled_is_asked_to_grow() {
    let (mut desk, entry) = working();
    desk.fill(&entry, "T1", "2", "99");
    desk.open(1, "1", "100");
    let grow = |desk: &mut Desk, slot, order: &Id| {
        let order = order.clone();
        let change = desk.intent(Action::Amend, slot, |intent| {
            (intent.target_client_id, intent.target_size) = (order, Some(dec("4")));
        });
        (change.accepted, change.code)
    };
    assert_eq!(grow(&mut desk, 1, &entry), (false, Code::NoActiveOrder), "another slot's");
    // A member of a group: the others went with its fill.
    desk.intent(Action::Exit, 0, |intent| {
        (intent.target_size, intent.oco_group) = (Some(dec("1")), id("pair"));
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("101")));
    });
    let exit = desk.submitted();
    desk.fill(&exit, "T3", "1", "101");
    assert_eq!(grow(&mut desk, 0, &exit), (false, Code::NoActiveOrder), "of a group");
    assert_eq!(grow(&mut desk, 0, &entry), (true, Code::Ok), "and its own is");
    desk.assert_replays();
}

#[test]
fn what_is_pending_of_a_filled_order_is_pending_of_one_that_works_again() {
    let (mut desk, entry) = working();
    desk.cancel(0);
    desk.event(Kind::CancelPending, &entry, |_| {});
    desk.fill(&entry, "T1", "2", "99");
    let pending = |desk: &Desk| (order(desk, &entry).reported_status(), order(desk, &entry).is_live());
    assert_eq!(pending(&desk), (Status::PendingCancel, false));
    assert_eq!(desk.stage(0), Stage::PositionOpen, "nothing of it remains");
    assert_eq!(amend(&mut desk, 0, Some("3"), None).code, Code::SlotBusy, "it is being canceled");
    desk.event(Kind::TradeBust, &entry, |event| {
        (event.status, event.remaining_size) = (Some(Status::PendingCancel), Some(dec("2")));
        event.rare = Some(Box::new(RareFields { ref_trade_id: id("T1"), ..RareFields::default() }));
    });
    assert_eq!(pending(&desk), (Status::PendingCancel, true));
    assert_eq!(desk.event(Kind::CancelAck, &entry, |_| {}).state, Some(Stage::Closed));
    assert_eq!(status(&desk, &entry), Status::Canceled);
    desk.assert_replays();
}

#[test]
fn what_is_pending_of_a_filled_order_is_over_once_the_venue_has_rejected_the_order() {
    let (mut desk, entry) = working();
    desk.cancel(0);
    desk.event(Kind::CancelPending, &entry, |_| {});
    desk.fill(&entry, "T1", "2", "99");
    let reported = |desk: &Desk| order(desk, &entry).reported_status();
    let reject = |desk: &mut Desk, code: &str| {
        desk.event(Kind::OrderReject, &entry, |event| {
            event.rare = Some(Box::new(RareFields { reason_code: id(code), ..RareFields::default() }));
        });
    };
    reject(&mut desk, "DUPLICATE_CLIENT_ID");
    assert_eq!(reported(&desk), Status::PendingCancel, "that its id is taken says nothing of it");
    reject(&mut desk, "INSUFFICIENT_FUNDS");
    assert_eq!(reported(&desk), Status::Filled, "nothing is pending of it, and it has filled");
    desk.assert_replays();
}

#[test]
fn an_expiry_that_has_passed_is_refused() {
    let mut desk = Desk::new();
    let outcome = desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.time_in_force = TimeInForce::Gtd;
        intent.expire_time_ns = Some(0);
    });
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "expire_time"));
}

#[test]
fn a_repetition_brings_once_what_the_fill_lacked() {
    use dita_kernel::names::Liquidity;
    let (mut desk, entry) = working();
    let again = |desk: &mut Desk, entry: &Id, liquidity, price: &str| {
        let price = dec(price);
        desk.event(Kind::PartialFill, entry, |event| {
            event.venue_trade_id = id("T1");
            event.size = Some(dec("1"));
            event.price = Some(price);
            event.liquidity = liquidity;
        })
    };
    again(&mut desk, &entry, None, "0");
    assert!(order(&desk, &entry).fills[0].price_pending, "sequence 15");
    assert_eq!((desk.size(0), desk.k()), ("1.000".into(), "999.9505".into()), "99 × 0.05 %");
    let outcome = again(&mut desk, &entry, Some(Liquidity::Maker), "98");
    assert_eq!(outcome.code, Code::Enriched);
    let slot = desk.kernel.slot(0).unwrap();
    assert_eq!((slot.basis.cost.to_string(), slot.entry_value.to_string()), ("98".into(), "98".into()));
    assert_eq!(desk.k(), "999.9804", "98 × 0.02 %");
    assert_eq!(again(&mut desk, &entry, Some(Liquidity::Taker), "97").code, Code::DuplicateEvent, "once");
    assert_eq!(desk.k(), "999.9804");
    desk.assert_replays();
}

#[test]
fn news_older_than_the_last_fill_move_nothing() {
    // Sequence 1, and cumulative quantities that go backwards.
    let (mut desk, entry) = working();
    desk.fill_to(&entry, "T1", "1", "99", "1");
    let stale = |desk: &mut Desk, kind, status| {
        let outcome = desk.event(kind, &entry, |event| {
            event.status = status;
            event.filled_size = Some(dec("0"));
        });
        (outcome.code, desk.size(0))
    };
    for (kind, told) in [(Kind::OrderAck, None), (Kind::OrderStatus, Some(Status::Acked))] {
        assert_eq!(stale(&mut desk, kind, told), (Code::StaleEvent, "1.000".into()), "{kind}");
    }
    desk.fill_to(&entry, "T2", "1", "99", "2");
    for (kind, told) in [(Kind::OrderAck, None), (Kind::OrderStatus, Some(Status::Acked))] {
        assert_eq!(stale(&mut desk, kind, told), (Code::StaleEvent, "2.000".into()), "{kind} after FILLED");
        assert_eq!(desk.stage(0), Stage::PositionOpen);
    }
    desk.assert_replays();
}

#[test]
fn what_ended_here_and_works_there_is_canceled_whenever_the_venue_says_so() {
    // Sequence 5: the cancel was booked, the order is still live. The first wish to cancel may be lost.
    let (mut desk, entry) = working();
    desk.cancel(0);
    desk.event(Kind::CancelAck, &entry, |_| {});
    for _ in 0..2 {
        let outcome = desk.event(Kind::OrderStatus, &entry, |event| event.status = Some(Status::Acked));
        assert_eq!((outcome.code, desk.stage(0)), (Code::StaleEvent, Stage::Closed));
        assert!(matches!(desk.effects.commands.as_slice(), [Command::Cancel(_)]));
    }
    // And if it fills before, the money is real.
    assert_eq!(desk.fill(&entry, "T1", "1", "99").code, Code::LateFill);
    assert_eq!((desk.stage(0), desk.size(0)), (Stage::PositionOpen, "1.000".into()));
    desk.assert_replays();
}

#[test]
fn a_trade_id_on_two_fills_and_on_two_sides_is_two_fills() {
    // Sequences 11 and 12: a self-trade, and ids that are unique by symbol and side only.
    let mut desk = Desk::new();
    for (side, book) in [(OrderSide::Buy, "1.000"), (OrderSide::Sell, "0.000"), (OrderSide::Sell, "0.000")] {
        desk.event(Kind::FullFill, &id("stranger"), |event| {
            event.venue_client_id = id(if side == OrderSide::Buy { "buyer" } else { "seller" });
            event.asset = id("BTCUSDT");
            event.order_side = Some(side);
            event.venue_trade_id = id("T1");
            event.size = Some(dec("1"));
            event.price = Some(dec("100"));
        });
        assert_eq!(desk.book().0, book, "{side}");
    }
    desk.assert_replays();
}

#[test]
fn a_strangers_fill_that_comes_again_brings_its_fee_once() {
    let mut desk = Desk::new();
    let mut tell = |fee: Option<&str>| {
        let outcome = desk.event(Kind::FullFill, &id("stranger"), |event| {
            event.asset = id("BTCUSDT");
            event.order_side = Some(OrderSide::Buy);
            event.venue_trade_id = id("S1");
            event.size = Some(dec("1"));
            event.price = Some(dec("100"));
            event.fee = fee.map(dec);
        });
        let k = desk.kernel.ledger().balance(0, Account::Wallet);
        (outcome.code, k.to_string())
    };
    assert_eq!(tell(None), (Code::UnknownOrder, "999.95".into()));
    assert_eq!(tell(None), (Code::DuplicateEvent, "999.95".into()));
    assert_eq!(tell(Some("0.02")), (Code::Enriched, "999.98".into()));
    assert_eq!(tell(Some("0.03")), (Code::DuplicateEvent, "999.98".into()));
}
