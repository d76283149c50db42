//! Changes of orders at their exact bounds, and what venues answer to them in figures. Each was read in some wrong way
//! that no other test saw (mutation testing).

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{ControlChange, InstrumentSpec, RareFields, RiskLimits};
use dita_kernel::names::{
    ControlGate, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    OrderDoubt, OrderType, Severity, TradeSide, TradeStage as Stage, VenueOrderStatus as Status,
};
use dita_kernel::order::Order;
use dita_kernel::outcome::Outcome;

const SECOND: i64 = 1_000_000_000;

fn order<'a>(desk: &'a Desk, client: &Id) -> &'a Order {
    desk.kernel.orders().at(desk.kernel.orders().by_client_id(client).expect("an order"))
}

/// An order's total and its limit, or else its trigger.
fn terms(desk: &Desk, client: &Id) -> String {
    let (rules, order) = (&desk.kernel.instruments()[0], order(desk, client));
    let price = order.limit_price.or(order.trigger_price()).expect("a price");
    format!("{}@{}", rules.qty_decimal(order.qty), rules.price_decimal(price))
}

fn amend(desk: &mut Desk, client: &Id, size: Option<&str>, limit: Option<&str>) -> Outcome {
    let (client, size, limit) = (client.clone(), size.map(dec), limit.map(dec));
    desk.intent(Action::Amend, 0, |intent| {
        intent.target_client_id = client;
        (intent.target_size, intent.limit_price) = (size, limit);
    })
}

/// What the venue says of an order's terms.
fn says(desk: &mut Desk, kind: Kind, client: &Id, size: Option<&str>, price: Option<&str>) -> Outcome {
    desk.event(kind, client, |event| {
        (event.order_size, event.order_price) = (size.map(dec), price.map(dec));
    })
}

fn status(desk: &mut Desk, client: &Id, status: Status, size: Option<&str>, price: Option<&str>) -> Outcome {
    desk.event(Kind::OrderStatus, client, |event| {
        (event.status, event.order_size, event.order_price) = (Some(status), size.map(dec), price.map(dec));
    })
}

/// An entry of 2 with that limit, which the venue has.
fn working(side: TradeSide, limit: &str) -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.intent(Action::Enter, 0, |intent| {
        (intent.side, intent.order_type) = (side, OrderType::Limit);
        (intent.target_size, intent.limit_price) = (Some(dec("2")), Some(dec(limit)));
    });
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    (desk, entry)
}

/// An entry of 2 that becomes a market order at 104.
fn waiting() -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.intent(Action::Enter, 0, |intent| {
        intent.order_type = OrderType::StopMarket;
        (intent.target_size, intent.trigger_price) = (Some(dec("2")), Some(dec("104")));
    });
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    (desk, entry)
}

#[test]
#[rustfmt::skip]
fn the_venues_bounds_are_themselves_allowed() {
    for (size, limit, code) in [
        ("1",     "99",   Code::Ok),
        ("0.999", "99",   Code::BelowFloor),
        ("5",     "99",   Code::Ok),
        ("4.999", "99",   Code::Ok),
        ("5.001", "99",   Code::InvalidIntent),
        ("2",     "120",  Code::Ok),
        ("2",     "119.9", Code::Ok),
        ("2",     "120.1", Code::InvalidIntent),
        ("1",     "95",   Code::Ok), // 95 USDT is the least
        ("1",     "94.9", Code::BelowFloor),
    ] {
        let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        (spec.min_qty, spec.max_qty) = (Some(dec("1")), Some(dec("5")));
        (spec.max_price, spec.min_notional) = (Some(dec("120")), Some(dec("95")));
        let mut desk = Desk::over(spec.clone(), &[("USDT", "1000")], "100");
        // An entry is held to the same bounds.
        assert_eq!(desk.enter_limit(0, size, limit).code, code, "an entry of {size} at {limit}");
        let mut desk = Desk::over(spec, &[("USDT", "1000")], "100");
        assert!(desk.enter_limit(0, "2", "98").accepted);
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        assert_eq!(amend(&mut desk, &entry, Some(size), Some(limit)).code, code, "amended to {size} at {limit}");
    }
}

#[test]
fn an_exit_that_was_cut_to_what_is_left_may_change_its_price_and_grow_no_more() {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    desk.intent(Action::Exit, 0, |intent| {
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("101")));
    });
    let exit = desk.submitted();
    desk.ack(&exit, "V2");
    desk.intent(Action::Exit, 0, |intent| {
        (intent.order_type, intent.trigger_price) = (OrderType::StopMarket, Some(dec("95")));
    });
    let stop = desk.submitted();
    desk.ack(&stop, "V3");
    desk.fill(&stop, "T2", "1", "95");
    assert_eq!((desk.size(0).as_str(), terms(&desk, &exit).as_str()), ("1.000", "2.000@101"));
    assert_eq!(amend(&mut desk, &exit, None, Some("102")).code, Code::SlotBusy, "it is being cut to 1");
    desk.event(Kind::AmendAck, &exit, |_| {});
    assert_eq!(amend(&mut desk, &exit, Some("1.001"), Some("102")).code, Code::InvalidIntent);
    assert!(amend(&mut desk, &exit, Some("1"), Some("102")).accepted, "the total stays as it is");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn what_makes_an_amended_entry_dearer_or_bolder_passes_as_an_entry_does() {
    use TradeSide::{Long, Short};
    for (side, limit, size, price, raised, what) in [
        (Long,  "99",  Some("2.01"), Some("98"),   true,  "larger, though it costs less"),
        (Long,  "99",  Some("1"),    Some("99.5"), true,  "bolder, though smaller"),
        (Long,  "99",  Some("1"),    None,         false, "smaller"),
        (Long,  "99",  Some("1"),    Some("98"),   false, "smaller and shyer"),
        (Short, "101", None,         Some("102"),  true,  "shyer, and worth more"),
        (Short, "99",  None,         Some("99.5"), false, "shyer, and held back at the mark as before"),
        (Short, "99",  None,         Some("98.5"), true,  "bolder"),
        (Short, "99",  Some("1"),    Some("98.5"), true,  "bolder, though smaller"),
        (Short, "99",  Some("1"),    Some("99"),   false, "smaller, at its limit"),
        (Short, "99",  Some("1"),    None,         false, "smaller"),
    ] {
        let (mut desk, entry) = working(side, limit);
        desk.control(ControlChange { gate: Some(ControlGate::ReduceOnly), ..ControlChange::default() });
        let code = if raised { Code::ReduceOnly } else { Code::Ok };
        assert_eq!(amend(&mut desk, &entry, size, price).code, code, "{side}: {what}");
    }
    for (size, trigger, code) in [("1", None, Code::Ok), ("1", Some("103.5"), Code::ReduceOnly)] {
        let (mut desk, _) = waiting();
        desk.control(ControlChange { gate: Some(ControlGate::ReduceOnly), ..ControlChange::default() });
        let outcome = desk.intent(Action::Amend, 0, |intent| {
            (intent.target_size, intent.trigger_price) = (Some(dec(size)), trigger.map(dec));
        });
        assert_eq!(outcome.code, code, "{size} at {trigger:?}");
    }
}

#[test]
#[rustfmt::skip]
fn an_intent_is_valid_until_its_last_nanosecond_and_only_what_adds_risk_can_be_late() {
    for (ahead, size, code) in [
        (0,  "3", Code::Ok),
        (9,  "3", Code::Ok),
        (-1, "3", Code::InvalidIntent),
        (-1, "1", Code::Ok),
    ] {
        let (mut desk, _) = working(TradeSide::Long, "99");
        let until = desk.now + 1 + ahead;
        let outcome = desk.intent(Action::Amend, 0, |intent| {
            (intent.target_size, intent.valid_until_ns) = (Some(dec(size)), Some(until));
        });
        assert_eq!(outcome.code, code, "amended to {size}, {ahead} ns ahead");
    }
    for (ahead, action, code) in [
        (0,  Action::Enter,  Code::Ok),
        (-1, Action::Enter,  Code::InvalidIntent),
        (-1, Action::Exit,   Code::Ok),
        (-1, Action::Cancel, Code::Ok),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        desk.exit(0);
        let until = desk.now + 1 + ahead;
        let slot = u32::from(action == Action::Enter);
        let outcome = desk.intent(action, slot, |intent| {
            intent.target_size = (action == Action::Enter).then(|| dec("1"));
            intent.valid_until_ns = Some(until);
            if action == Action::Exit {
                (intent.order_type, intent.trigger_price) = (OrderType::StopMarket, Some(dec("95")));
            }
        });
        assert_eq!(outcome.code, code, "{action}, {ahead} ns ahead");
    }
}

#[test]
fn an_amend_that_adds_risk_needs_a_token_and_one_that_takes_it_none() {
    let (mut desk, entry) = working(TradeSide::Long, "99");
    let limits =
        RiskLimits { cancels_per_second: Some(dec("1")), cancel_burst: Some(1), ..RiskLimits::default() };
    desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() });
    assert!(amend(&mut desk, &entry, Some("3"), None).accepted, "the one token");
    desk.event(Kind::AmendReject, &entry, |_| {});
    assert_eq!(amend(&mut desk, &entry, Some("3"), None).code, Code::RiskBlocked);
    assert!(amend(&mut desk, &entry, Some("1"), None).accepted);
    desk.assert_replays();
}

#[test]
fn an_amended_trigger_is_held_back_at_the_mark_where_that_is_worse() {
    let (mut desk, entry) = waiting();
    assert_eq!(desk.kernel.exposure().reserved(0).to_string(), "208");
    desk.mark("110");
    desk.intent(Action::Amend, 0, |intent| intent.trigger_price = Some(dec("105")));
    assert_eq!(desk.kernel.exposure().reserved(0).to_string(), "220", "2 at the mark of 110");
    says(&mut desk, Kind::AmendAck, &entry, None, None);
    assert_eq!(desk.kernel.exposure().reserved(0).to_string(), "220");
    assert_eq!(terms(&desk, &entry), "2.000@105");
    desk.assert_replays();
}

#[test]
fn an_end_that_tells_of_the_last_fill_takes_the_change_back() {
    for kind in [Kind::CancelAck, Kind::Expired, Kind::DoneForDay] {
        let (mut desk, entry) = working(TradeSide::Long, "99");
        amend(&mut desk, &entry, Some("3"), None);
        desk.event(kind, &entry, |event| {
            (event.filled_size, event.average_price) = (Some(dec("2")), Some(dec("99")));
        });
        assert_eq!(order(&desk, &entry).status, Status::Filled);
        assert!(order(&desk, &entry).amendment().is_none(), "{kind}: nothing of it works any more");
        assert_eq!(desk.kernel.exposure().reserved(0).to_string(), "0", "{kind}");
        desk.assert_replays();
    }
}

// ------------------------------------------------------------------------------------------- what venues answer

#[test]
#[rustfmt::skip]
fn a_change_that_nobody_asked_for_is_a_warning() {
    for (asked, size, price, code, severity, now, what) in [
        (true,  None,      None,       Code::Ok,             Severity::Info,    "3.000@99", "as asked"),
        (true,  Some("4"), None,       Code::Ok,             Severity::Info,    "4.000@99", "asked, and otherwise"),
        (false, Some("3"), None,       Code::Ok,             Severity::Warning, "3.000@99", "its size"),
        (false, Some("2"), Some("98"), Code::Ok,             Severity::Warning, "2.000@98", "its price"),
        (false, Some("2"), Some("99"), Code::DuplicateEvent, Severity::Info,    "2.000@99", "no news"),
        (false, None,      None,       Code::StaleEvent,     Severity::Info,    "2.000@99", "an answer to nothing"),
        (false, None,      Some("98"), Code::Ok,             Severity::Warning, "2.000@98", "its price alone"),
    ] {
        let (mut desk, entry) = working(TradeSide::Long, "99");
        if asked {
            amend(&mut desk, &entry, Some("3"), None);
        }
        let outcome = says(&mut desk, Kind::AmendAck, &entry, size, price);
        let wanted = (code, severity == Severity::Warning);
        assert_eq!((outcome.code, outcome.severity == Severity::Warning), wanted, "{what}");
        assert_eq!(terms(&desk, &entry), now, "{what}");
    }
    for (price, now, code) in [("105", "2.000@105", Code::Ok), ("104", "2.000@104", Code::DuplicateEvent)] {
        let (mut desk, entry) = waiting();
        let outcome = says(&mut desk, Kind::AmendAck, &entry, None, Some(price));
        assert_eq!((outcome.code, terms(&desk, &entry).as_str()), (code, now), "of a trigger");
    }
}

#[test]
#[rustfmt::skip]
fn an_order_that_the_venue_restates_works_on_unless_it_says_that_it_is_over() {
    for (told, now) in [
        (None,                   Status::Acked),
        (Some(Status::Acked),    Status::Acked),
        (Some(Status::Filled),   Status::Acked), // its fills decide that
        (Some(Status::Canceled), Status::Canceled),
        (Some(Status::Expired),  Status::Expired),
    ] {
        let (mut desk, entry) = working(TradeSide::Long, "99");
        desk.event(Kind::Restated, &entry, |event| (event.status, event.order_size) = (told, Some(dec("1"))));
        assert_eq!(order(&desk, &entry).status, now, "{told:?}");
        assert!(desk.effects.notices.iter().all(|notice| notice.slot_id == Some(0)));
        desk.assert_replays();
    }
    let (mut desk, entry) = working(TradeSide::Long, "99");
    desk.event(Kind::CancelPending, &entry, |_| {});
    says(&mut desk, Kind::Restated, &entry, Some("1"), None);
    assert_eq!(order(&desk, &entry).status, Status::PendingCancel, "a pending cancel outranks a change");
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.event(Kind::SendTimeout, &entry, |_| {});
    says(&mut desk, Kind::Restated, &entry, Some("1"), None);
    assert_eq!((order(&desk, &entry).doubt, desk.stage(0)), (OrderDoubt::None, Stage::EntryWorking), "it is there");
}

#[test]
fn a_change_below_what_is_filled_is_an_overfill_by_the_total_of_that_very_event() {
    let (mut desk, entry) = working(TradeSide::Long, "99");
    desk.fill(&entry, "T1", "1", "99");
    amend(&mut desk, &entry, Some("1.5"), None);
    let outcome = desk.event(Kind::AmendAck, &entry, |event| {
        (event.order_size, event.filled_size) = (Some(dec("1.5")), Some(dec("1.8")));
        event.average_price = Some(dec("99"));
    });
    assert_eq!(outcome.code, Code::Overfill);
    assert_eq!((terms(&desk, &entry).as_str(), desk.size(0).as_str()), ("1.500@99", "1.800"));
    assert_eq!(order(&desk, &entry).status, Status::Filled);
    desk.assert_replays();
}

#[test]
fn what_remained_by_the_old_total_is_forgotten_with_it() {
    let (mut desk, entry) = working(TradeSide::Long, "99");
    desk.event(Kind::OrderStatus, &entry, |event| {
        (event.status, event.remaining_size) = (Some(Status::Acked), Some(dec("0.5")));
    });
    let remaining = |desk: &Desk| desk.kernel.instruments()[0].qty_decimal(order(desk, &entry).remaining());
    assert_eq!(remaining(&desk), dec("0.5"));
    says(&mut desk, Kind::Restated, &entry, Some("3"), None);
    assert_eq!(remaining(&desk), dec("3"));
}

#[test]
#[rustfmt::skip]
fn a_change_that_is_refused_because_the_order_is_over_is_asked_about() {
    for (code, live, asks, what) in [
        ("UNKNOWN_ORDER", true,  1, "it is live here and not there"),
        ("",              true,  0, "it just was not changed"),
        ("UNKNOWN_ORDER", false, 0, "it is over here as well"),
    ] {
        let (mut desk, entry) = working(TradeSide::Long, "99");
        amend(&mut desk, &entry, Some("3"), None);
        if !live {
            desk.fill(&entry, "T1", "2", "99");
        }
        desk.event(Kind::AmendReject, &entry, |event| {
            event.rare = Some(Box::new(RareFields { reason_code: id(code), ..RareFields::default() }));
        });
        let asked = desk.effects.commands.iter().filter(|one| matches!(one, Command::Query(_))).count();
        assert_eq!(asked, asks, "{what}");
    }
}

#[test]
#[rustfmt::skip]
fn a_filled_order_tells_by_its_terms_if_it_had_been_changed() {
    // Asked for: 3 at 98 in place of 2 at 99. The answer is late enough to prove that it was not changed, too.
    for (size, price, now) in [
        (Some("3"), Some("98"), "3.000@98"),
        (Some("3"), None,       "3.000@98"),
        (None,      Some("98"), "3.000@98"),
        (Some("3"), Some("99"), "2.000@99"),
        (Some("2"), Some("98"), "2.000@99"),
        (Some("5"), Some("98"), "2.000@99"),
        (Some("5"), None,       "2.000@99"),
        (Some("2"), None,       "2.000@99"),
        (None,      Some("99"), "2.000@99"),
        (None,      None,       "2.000@99"),
    ] {
        let (mut desk, entry) = working(TradeSide::Long, "99");
        amend(&mut desk, &entry, Some("3"), Some("98"));
        desk.now += 60 * SECOND;
        status(&mut desk, &entry, Status::Filled, size, price);
        assert_eq!(terms(&desk, &entry), now, "{size:?} {price:?}");
        assert!(order(&desk, &entry).amendment().is_none(), "{size:?} {price:?}: answered either way");
    }
    // Only the price was to change: the total proves nothing.
    let (mut desk, entry) = working(TradeSide::Long, "99");
    amend(&mut desk, &entry, None, Some("98"));
    desk.now += 60 * SECOND;
    status(&mut desk, &entry, Status::Filled, Some("2"), None);
    assert_eq!(terms(&desk, &entry), "2.000@99");
    for (price, now) in [("105", "2.000@105"), ("106", "2.000@104"), ("104", "2.000@104")] {
        let (mut desk, entry) = waiting();
        desk.intent(Action::Amend, 0, |intent| intent.trigger_price = Some(dec("105")));
        desk.now += 60 * SECOND;
        status(&mut desk, &entry, Status::Filled, None, Some(price));
        assert_eq!(terms(&desk, &entry), now, "a trigger of {price}");
    }
}

#[test]
#[rustfmt::skip]
fn an_order_that_works_tells_by_its_terms_how_it_was_changed() {
    for (size, price, now, code) in [
        (Some("3"), Some("98"), "3.000@98", Code::Ok),
        (Some("3"), Some("99"), "3.000@99", Code::Ok),
        (Some("2"), Some("98"), "2.000@98", Code::Ok),
        (Some("5"), None,       "5.000@98", Code::Ok),
        (Some("2"), Some("99"), "2.000@99", Code::InDoubt),
        (None,      None,       "2.000@99", Code::InDoubt),
    ] {
        let (mut desk, entry) = working(TradeSide::Long, "99");
        amend(&mut desk, &entry, Some("3"), Some("98"));
        let outcome = status(&mut desk, &entry, Status::Acked, size, price);
        assert_eq!((terms(&desk, &entry).as_str(), outcome.code), (now, code), "{size:?} {price:?}");
    }
}

#[test]
#[rustfmt::skip]
fn a_change_that_was_given_up_is_believed_by_its_own_total_only() {
    for (size, now) in [("3", "3.000@99"), ("5", "2.000@99"), ("2", "2.000@99")] {
        let (mut desk, entry) = working(TradeSide::Long, "99");
        amend(&mut desk, &entry, Some("3"), None);
        desk.now += 60 * SECOND;
        status(&mut desk, &entry, Status::Acked, Some("2"), None);
        assert!(order(&desk, &entry).amendment().is_none(), "given up");
        status(&mut desk, &entry, Status::Acked, Some(size), None);
        assert_eq!(terms(&desk, &entry), now, "a total of {size}");
        desk.assert_replays();
    }
}

#[test]
fn what_else_the_venue_says_of_the_terms_answers_no_change() {
    // Cut to one, or restated so, before the change to three arrived there.
    for restated in [false, true] {
        let (mut desk, entry) = working(TradeSide::Long, "99");
        amend(&mut desk, &entry, Some("3"), None);
        let request = order(&desk, &entry).amendment().expect("a change").request_id.clone();
        if restated {
            says(&mut desk, Kind::Restated, &entry, Some("1"), None);
        } else {
            status(&mut desk, &entry, Status::Acked, Some("1"), None);
        }
        assert_eq!(terms(&desk, &entry), "1.000@99", "restated: {restated}");
        let outcome = desk.event(Kind::AmendAck, &entry, |event| {
            event.order_size = Some(dec("3"));
            event.rare = Some(Box::new(RareFields { request_id: request, ..RareFields::default() }));
        });
        assert_eq!((outcome.code, terms(&desk, &entry).as_str()), (Code::Ok, "3.000@99"), "{restated}");
        desk.assert_replays();
    }
}

#[test]
fn a_change_that_a_status_has_told_is_answered() {
    let (mut desk, entry) = working(TradeSide::Long, "99");
    amend(&mut desk, &entry, Some("3"), None);
    let request = order(&desk, &entry).amendment().expect("a change").request_id.clone();
    status(&mut desk, &entry, Status::Acked, Some("3"), None);
    status(&mut desk, &entry, Status::Acked, Some("1"), None);
    let now = terms(&desk, &entry);
    let outcome = desk.event(Kind::AmendAck, &entry, |event| {
        event.order_size = Some(dec("3"));
        event.rare = Some(Box::new(RareFields { request_id: request, ..RareFields::default() }));
    });
    assert_eq!((outcome.code, terms(&desk, &entry)), (Code::StaleEvent, now));
    desk.assert_replays();
}

#[test]
fn a_change_that_fills_have_reached_is_nothing_to_wait_for() {
    for (size, waits) in [("3", false), ("4", true)] {
        let (mut desk, entry) = working(TradeSide::Long, "99");
        amend(&mut desk, &entry, Some(size), None);
        desk.fill(&entry, "T1", "3", "99");
        assert_eq!(order(&desk, &entry).status, Status::Filled);
        assert_eq!(order(&desk, &entry).amendment().is_some(), waits, "3 of {size}");
    }
}

#[test]
fn an_end_leaves_no_doubt_about_a_change_that_cannot_come_any_more() {
    // A change in doubt, or a cancel in doubt with a change up; then the end.
    for (larger, doubt, end, left, what) in [
        (false, OrderDoubt::Amend, Status::Canceled, OrderDoubt::None, "what is canceled is not changed"),
        (true, OrderDoubt::Amend, Status::Canceled, OrderDoubt::None, "nor is it made larger"),
        (false, OrderDoubt::Amend, Status::Filled, OrderDoubt::None, "what is filled is not made smaller"),
        (true, OrderDoubt::Amend, Status::Filled, OrderDoubt::Amend, "it may have been made larger"),
        (true, OrderDoubt::Cancel, Status::Filled, OrderDoubt::None, "there is nothing to cancel any more"),
    ] {
        let (mut desk, entry) = working(TradeSide::Long, "99");
        assert!(amend(&mut desk, &entry, Some(if larger { "3" } else { "1" }), None).accepted, "{what}");
        let request = order(&desk, &entry).amendment().expect("a change").request_id.clone();
        if doubt == OrderDoubt::Cancel {
            assert!(desk.cancel(0).accepted, "{what}");
        }
        desk.event(Kind::SendTimeout, &entry, |event| {
            if doubt == OrderDoubt::Amend {
                event.rare = Some(Box::new(RareFields { request_id: request, ..RareFields::default() }));
            }
        });
        assert_eq!(order(&desk, &entry).doubt, doubt, "{what}");
        if end == Status::Filled {
            desk.fill(&entry, "T1", "2", "99");
        } else {
            desk.event(Kind::OrderStatus, &entry, |event| event.status = Some(end));
        }
        assert_eq!((order(&desk, &entry).status, order(&desk, &entry).doubt), (end, left), "{what}");
        desk.assert_replays();
    }
}
