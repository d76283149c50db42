//! Doubt and silence: requests that nobody answers, answers that find nothing, a connection that is gone.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, RareFields};
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderDoubt, Severity,
    TimeInForce, TradeStage as Stage, VenueOrderStatus as Status,
};
use dita_kernel::order::Order;
use dita_kernel::outcome::Outcome;

const SECOND: i64 = 1_000_000_000;

fn order<'a>(desk: &'a Desk, client: &Id) -> &'a Order {
    let orders = desk.kernel.orders();
    orders.at(orders.by_client_id(client).expect("a known order"))
}

fn doubt(desk: &Desk, client: &Id) -> OrderDoubt {
    order(desk, client).doubt
}

fn tick(desk: &mut Desk) -> usize {
    assert!(desk.put(Input::Time).accepted);
    asked(desk)
}

fn asked(desk: &Desk) -> usize {
    desk.effects.commands.iter().filter(|command| matches!(command, Command::Query(_))).count()
}

fn status(desk: &mut Desk, client: &Id, status: Status, size: Option<&str>) -> Outcome {
    let size = size.map(dec);
    desk.event(Kind::OrderStatus, client, |event| {
        event.status = Some(status);
        event.order_size = size;
    })
}

fn reason(desk: &mut Desk, kind: Kind, client: &Id, code: &str, words: &str) -> Outcome {
    let (reason_code, reason) = (id(code), words.into());
    desk.event(kind, client, |event| {
        event.rare = Some(Box::new(RareFields { reason, reason_code, ..RareFields::default() }));
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

/// The same, asked to be 3 and not answered.
fn amend_in_doubt() -> (Desk, Id) {
    let (mut desk, entry) = working();
    desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("3")));
    assert_eq!(desk.event(Kind::SendTimeout, &entry, |_| {}).code, Code::InDoubt);
    assert_eq!((doubt(&desk, &entry), asked(&desk)), (OrderDoubt::Amend, 1));
    (desk, entry)
}

#[test]
fn a_doubt_is_asked_about_again_at_its_interval_until_it_is_answered() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.event(Kind::SendTimeout, &entry, |_| {});
    assert_eq!(tick(&mut desk), 0, "just asked");
    for _ in 0..3 {
        desk.now += 5 * SECOND;
        assert_eq!(tick(&mut desk), 1);
        assert_eq!(tick(&mut desk), 0);
    }
    assert_eq!(status(&mut desk, &entry, Status::Acked, None).state, Some(Stage::EntryWorking));
    desk.now += 50 * SECOND;
    assert_eq!(tick(&mut desk), 0);
    desk.assert_replays();
}

/// The venue's word of an order that it made so many seconds after some moment.
fn made(desk: &mut Desk, client: &Id, created_ns: i64) -> Outcome {
    desk.event(Kind::OrderStatus, client, |event| {
        event.status = Some(Status::Filled);
        event.filled_size = Some(dec("1"));
        event.rare =
            Some(Box::new(RareFields { order_created_ns: Some(created_ns), ..RareFields::default() }));
    })
}

#[test]
fn an_order_that_was_sent_again_may_be_the_one_that_was_sent_first() {
    for (before_the_first, code) in [(5 * SECOND, Code::InferredFill), (5 * SECOND + 1, Code::ForeignOrder)] {
        let (mut desk, exit) = exit_in_doubt(Some(60));
        let first = order(&desk, &exit).sent_time_ns;
        for _ in 1..=2 {
            desk.now += 6 * SECOND;
            tick(&mut desk);
            assert_eq!(desk.event(Kind::OrderNotFound, &exit, |_| {}).state, Some(Stage::ExitSent));
            desk.event(Kind::SendTimeout, &exit, |_| {});
        }
        assert!(order(&desk, &exit).sent_time_ns - first > 10 * SECOND);
        let before = desk.kernel.state_hash();
        let outcome = made(&mut desk, &exit, first - before_the_first);
        assert_eq!((outcome.code, outcome.accepted), (code, code == Code::InferredFill));
        assert_eq!(desk.kernel.state_hash() == before, code == Code::ForeignOrder);
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn an_orders_status_tells_if_an_amend_arrived() {
    for (waited, told, size, want_doubt, total, what) in [
        (0,  Status::Acked,  Some("3"), OrderDoubt::None,  "3.000", "it did"),
        (0,  Status::Acked,  Some("2"), OrderDoubt::Amend, "2.000", "not yet: too early to prove anything"),
        (10, Status::Acked,  Some("2"), OrderDoubt::None,  "2.000", "it did not"),
        (10, Status::Acked,  None,      OrderDoubt::Amend, "2.000", "nothing is told"),
        (0,  Status::Acked,  Some("4"), OrderDoubt::None,  "4.000", "the venue has made it another"),
        (0,  Status::Filled, Some("3"), OrderDoubt::None,  "3.000", "it did, and filled"),
        (10, Status::Filled, Some("2"), OrderDoubt::None,  "2.000", "it filled before"),
    ] {
        let (mut desk, entry) = amend_in_doubt();
        assert_eq!(desk.kernel.exposure().reserved(0).to_string(), "300", "the worst of both");
        desk.now += waited * SECOND;
        status(&mut desk, &entry, told, size);
        let qty = desk.kernel.instruments()[0].qty_decimal(order(&desk, &entry).qty).to_string();
        assert_eq!((doubt(&desk, &entry), qty.as_str()), (want_doubt, total), "{what}");
        if told == Status::Filled {
            assert_eq!(desk.size(0), total, "{what}");
        }
        desk.assert_replays();
    }
}

#[test]
fn an_amend_given_up_counts_when_its_answer_comes_after_all() {
    let (mut desk, entry) = amend_in_doubt();
    let request_id = order(&desk, &entry).amendment().unwrap().request_id.clone();
    desk.now += 10 * SECOND;
    status(&mut desk, &entry, Status::Acked, Some("2"));
    assert_eq!(desk.kernel.exposure().reserved(0).to_string(), "200");
    let outcome = desk.event(Kind::AmendAck, &entry, |event| {
        event.rare = Some(Box::new(RareFields { request_id, ..RareFields::default() }));
    });
    assert_eq!((outcome.code, desk.kernel.exposure().reserved(0).to_string()), (Code::Ok, "300".into()));
    desk.assert_replays();
}

#[test]
fn an_amend_that_nobody_answers_comes_into_doubt_by_itself() {
    let (mut desk, entry) = working();
    desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("3")));
    assert_eq!(tick(&mut desk), 0);
    desk.now += 6 * SECOND;
    assert_eq!((tick(&mut desk), doubt(&desk, &entry)), (1, OrderDoubt::Amend));
    desk.assert_replays();
}

#[test]
fn a_timeout_says_by_its_request_which_request_is_in_doubt() {
    let (mut desk, entry) = working();
    desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("3")));
    let request_id = order(&desk, &entry).amendment().unwrap().request_id.clone();
    desk.cancel(0);
    desk.event(Kind::SendTimeout, &entry, |_| {});
    assert_eq!(doubt(&desk, &entry), OrderDoubt::Cancel, "the last one");
    desk.event(Kind::SendTimeout, &entry, |event| {
        event.rare = Some(Box::new(RareFields { request_id, ..RareFields::default() }));
    });
    assert_eq!(doubt(&desk, &entry), OrderDoubt::Amend);
    let (mut desk, entry) = working();
    assert_eq!(desk.event(Kind::SendTimeout, &entry, |_| {}).code, Code::StaleEvent, "nothing is unanswered");
}

#[test]
fn a_duplicate_client_id_means_ask_and_never_rejected() {
    // Sequence 6, in the words of programs and of people.
    for (code, words) in
        [("DUPLICATE_CLIENT_ID", ""), ("", "duplicate client id"), ("-4116", "Duplicate clientOrderId")]
    {
        let mut desk = Desk::new();
        desk.enter_limit(0, "2", "99");
        let entry = desk.submitted();
        let outcome = reason(&mut desk, Kind::OrderReject, &entry, code, words);
        assert_eq!((outcome.code, outcome.state), (Code::InDoubt, Some(Stage::OrderSent)), "{code} {words}");
        assert_eq!((doubt(&desk, &entry), asked(&desk)), (OrderDoubt::Submit, 1));
        assert_eq!(status(&mut desk, &entry, Status::Acked, None).state, Some(Stage::EntryWorking));
        assert_eq!(reason(&mut desk, Kind::OrderReject, &entry, code, words).code, Code::StaleEvent);
        desk.assert_replays();
    }
}

#[test]
fn a_cancel_rejected_because_it_filled_is_asked_about() {
    // Sequence 3.
    for (code, words, asks) in [
        ("ALREADY_FILLED", "", 1),
        ("UNKNOWN_ORDER", "", 1),
        ("", "Unknown order sent.", 1),
        ("", "order not modifiable now", 0),
    ] {
        let (mut desk, entry) = working();
        desk.cancel(0);
        reason(&mut desk, Kind::CancelReject, &entry, code, words);
        assert_eq!((desk.stage(0), asked(&desk)), (Stage::EntryWorking, asks), "{code} {words}");
        desk.event(Kind::OrderStatus, &entry, |event| {
            event.status = Some(Status::Filled);
            event.average_price = Some(dec("98"));
        });
        assert_eq!((desk.stage(0), desk.size(0)), (Stage::PositionOpen, "2.000".into()));
        desk.assert_replays();
    }
}

fn exit_in_doubt(valid_for: Option<i64>) -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    let until = valid_for.map(|seconds| desk.now + seconds * SECOND);
    desk.intent(Action::Exit, 0, |intent| intent.valid_until_ns = until);
    let exit = desk.submitted();
    desk.event(Kind::SendTimeout, &exit, |_| {});
    (desk, exit)
}

#[test]
fn an_exit_that_never_arrived_is_sent_again_under_its_id_while_it_is_valid() {
    let (mut desk, exit) = exit_in_doubt(Some(60));
    assert_eq!(desk.event(Kind::OrderNotFound, &exit, |_| {}).code, Code::InDoubt, "sequence 7: too early");
    assert!(desk.effects.commands.is_empty());
    for times in 1..=2 {
        desk.now += 6 * SECOND;
        tick(&mut desk);
        assert_eq!(desk.event(Kind::OrderNotFound, &exit, |_| {}).state, Some(Stage::ExitSent));
        assert_eq!(desk.submitted(), exit, "the same id");
        assert_eq!(
            (doubt(&desk, &exit), order(&desk, &exit).extra.as_ref().unwrap().resent),
            (OrderDoubt::None, times)
        );
        desk.event(Kind::SendTimeout, &exit, |_| {});
    }
    desk.now += 60 * SECOND;
    tick(&mut desk);
    let outcome = desk.event(Kind::OrderNotFound, &exit, |_| {});
    assert_eq!(outcome.state, Some(Stage::PositionOpen), "it is valid no more");
    desk.assert_replays();
    let (mut desk, exit) = exit_in_doubt(None);
    desk.now += 6 * SECOND;
    tick(&mut desk);
    assert_eq!(desk.event(Kind::OrderNotFound, &exit, |_| {}).state, Some(Stage::PositionOpen));
    let (mut desk, exit) = exit_in_doubt(Some(60));
    desk.now += 6 * SECOND;
    tick(&mut desk);
    desk.event(Kind::OrderNotFound, &exit, |_| {});
    assert_eq!(desk.fill(&exit, "T9", "1", "101").state, Some(Stage::Closed), "and it arrives");
    desk.assert_replays();
}

#[test]
fn a_question_that_was_asked_too_early_proves_nothing_however_late_its_answer_is_heard() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.event(Kind::SendTimeout, &entry, |_| {});
    desk.now += 6 * SECOND;
    assert_eq!(desk.event(Kind::OrderNotFound, &entry, |_| {}).code, Code::InDoubt, "as it was 6 s ago");
    assert_eq!(doubt(&desk, &entry), OrderDoubt::Submit);
    assert_eq!(tick(&mut desk), 1, "so it is asked again");
    // It was not shown yet when it was asked for first.
    assert_eq!(desk.fill(&entry, "T1", "2", "99").state, Some(Stage::PositionOpen));
    desk.assert_replays();
}

#[test]
fn an_acknowledged_order_that_is_not_found_is_over_and_somebody_must_find_out_how() {
    let (mut desk, entry) = working();
    desk.now += 6 * SECOND;
    let outcome = desk.event(Kind::OrderNotFound, &entry, |_| {});
    assert_eq!((outcome.code, outcome.state, asked(&desk)), (Code::StaleEvent, Some(Stage::EntryWorking), 1));
    let outcome = desk.event(Kind::OrderNotFound, &entry, |_| {});
    assert_eq!((outcome.code, outcome.severity), (Code::ReconcileRequired, Severity::Critical));
    assert_eq!((outcome.state, order(&desk, &entry).status), (Some(Stage::Closed), Status::Canceled));
    assert_eq!(desk.kernel.slot(0).unwrap().close_reason, id("NOT_FOUND"));
    // It had filled: real money.
    assert_eq!(desk.fill(&entry, "T1", "2", "99").code, Code::LateFill);
    assert_eq!(desk.size(0), "2.000");
    desk.assert_replays();
}

#[test]
fn an_order_taken_for_lost_that_arrives_is_canceled() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.event(Kind::SendTimeout, &entry, |_| {});
    desk.now += 6 * SECOND;
    tick(&mut desk);
    assert_eq!(desk.event(Kind::OrderNotFound, &entry, |_| {}).state, Some(Stage::Closed));
    assert_eq!(desk.ack(&entry, "V1").code, Code::StaleEvent);
    assert!(matches!(desk.effects.commands.as_slice(), [Command::Cancel(_)]));
    desk.assert_replays();
}

#[test]
fn an_order_of_limited_life_is_asked_about_once_that_is_over() {
    let mut desk = Desk::new();
    let until = desk.now + 100 * SECOND;
    desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.time_in_force = TimeInForce::Gtd;
        intent.expire_time_ns = Some(until);
    });
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.now = until;
    assert_eq!(tick(&mut desk), 0, "the venue has its time");
    desk.now += 6 * SECOND;
    assert_eq!(tick(&mut desk), 1);
    assert_eq!(tick(&mut desk), 0);
    assert_eq!(doubt(&desk, &entry), OrderDoubt::None);
    assert_eq!(desk.event(Kind::Expired, &entry, |_| {}).state, Some(Stage::Closed));
    desk.now += 50 * SECOND;
    assert_eq!(tick(&mut desk), 0);
    desk.assert_replays();
}

#[test]
fn while_the_connection_is_down_orders_are_stale_and_nothing_is_proven() {
    let (mut desk, entry) = working();
    desk.enter_limit(1, "1", "99");
    let sent = desk.submitted();
    desk.now += 60 * SECOND;
    desk.event(Kind::SendTimeout, &sent, |_| {});
    let down = |desk: &mut Desk, kind| desk.event(kind, &Id::EMPTY, |_| {}).code;
    assert_eq!(down(&mut desk, Kind::Resynced), Code::DuplicateEvent, "it was not gone");
    assert_eq!(down(&mut desk, Kind::Disconnected), Code::Ok);
    assert_eq!(down(&mut desk, Kind::Disconnected), Code::DuplicateEvent);
    assert!(desk.kernel.is_stale(order(&desk, &entry)) && !desk.kernel.is_stale(order(&desk, &sent)));
    assert_eq!(doubt(&desk, &entry), OrderDoubt::None);
    desk.now += 60 * SECOND;
    assert_eq!(tick(&mut desk), 0, "nobody can be asked");
    for client in [&entry, &sent] {
        assert!(matches!(desk.event(Kind::OrderNotFound, client, |_| {}).code, Code::InDoubt));
    }
    assert_eq!(down(&mut desk, Kind::Resynced), Code::Ok);
    assert_eq!(asked(&desk), 1, "what was in doubt");
    assert!(!desk.kernel.is_stale(order(&desk, &entry)));
    desk.assert_replays();
}

#[test]
fn a_rate_limit_before_the_acknowledgement_with_an_amend_sent_too_is_doubt() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("3")));
    let outcome = desk.event(Kind::RateLimited, &entry, |_| {});
    assert_eq!((outcome.state, doubt(&desk, &entry)), (Some(Stage::OrderSent), OrderDoubt::Submit));
    desk.ack(&entry, "V1");
    assert_eq!((desk.stage(0), doubt(&desk, &entry)), (Stage::EntryWorking, OrderDoubt::None));
    desk.assert_replays();
}

/// A limit entry of 2 of which nothing was heard, asked to be 3.
fn amended_unheard() -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("3")));
    (desk, entry)
}

/// Nothing of it is at the venue, and the venue says so.
fn is_over_once_it_is_not_found(desk: &mut Desk, entry: &Id) {
    desk.now += 6 * SECOND;
    assert_eq!(tick(desk), 1, "it is asked until there is an answer");
    let outcome = desk.event(Kind::OrderNotFound, entry, |_| {});
    assert_eq!((outcome.state, order(desk, entry).status), (Some(Stage::Closed), Status::Rejected));
    desk.assert_replays();
}

#[test]
fn an_amend_that_nobody_answers_leaves_an_order_that_may_not_be_there_in_the_greater_doubt() {
    let (mut desk, entry) = amended_unheard();
    desk.now += 6 * SECOND;
    assert_eq!((tick(&mut desk), doubt(&desk, &entry)), (1, OrderDoubt::Submit));
    // Which request it refuses it does not say; it was the submission.
    desk.event(Kind::RateLimited, &entry, |_| {});
    assert_eq!(reason(&mut desk, Kind::AmendReject, &entry, "OFF_GRID", "").code, Code::VenueRejected);
    assert_eq!(doubt(&desk, &entry), OrderDoubt::Submit, "the amend's answer is none to the submission");
    is_over_once_it_is_not_found(&mut desk, &entry);
}

#[test]
fn an_amend_refused_because_there_is_no_such_order_puts_the_order_itself_in_doubt() {
    let (mut desk, entry) = amended_unheard();
    let outcome = reason(&mut desk, Kind::AmendReject, &entry, "UNKNOWN_ORDER", "");
    assert_eq!((outcome.code, asked(&desk)), (Code::VenueRejected, 1));
    assert_eq!((doubt(&desk, &entry), order(&desk, &entry).amendment()), (OrderDoubt::Submit, None));
    is_over_once_it_is_not_found(&mut desk, &entry);
}

#[test]
fn an_amend_refused_because_the_order_has_filled_tells_that_it_was_there() {
    for (filled, want) in [("1", Status::PartiallyFilled), ("2", Status::Filled)] {
        let (mut desk, entry) = amended_unheard();
        desk.event(Kind::AmendReject, &entry, |event| {
            (event.status, event.filled_size) = (Some(Status::Filled), Some(dec(filled)));
        });
        assert_eq!((order(&desk, &entry).status, doubt(&desk, &entry)), (want, OrderDoubt::None), "{filled}");
        assert_eq!(asked(&desk), 1, "{filled}: for what it cost");
        desk.assert_replays();
    }
}

#[test]
fn a_fill_stamped_before_its_acknowledgement_and_a_clock_that_runs_back_change_nothing() {
    // Sequence 20.
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.event(Kind::OrderAck, &entry, |event| event.timestamp_ns = 900);
    let outcome = desk.event(Kind::FullFill, &entry, |event| {
        event.timestamp_ns = -5;
        event.venue_trade_id = id("T1");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
    });
    assert_eq!(outcome.state, Some(Stage::PositionOpen));
    desk.assert_replays();
}

/// The word that the order works, with that much filled of that total.
fn works(desk: &mut Desk, client: &Id, filled: &str, total: &str) -> Outcome {
    let (filled, total) = (dec(filled), dec(total));
    desk.event(Kind::OrderStatus, client, |event| {
        event.status = Some(if filled.is_zero() { Status::Acked } else { Status::PartiallyFilled });
        event.filled_size = Some(filled);
        event.order_size = Some(total);
    })
}

#[test]
fn an_amend_given_up_counts_when_a_status_shows_that_it_was_made() {
    // Given up, then shown to be made: at once, and after the order seemed to be filled.
    for filled in ["0", "2"] {
        let (mut desk, entry) = amend_in_doubt();
        desk.now += 10 * SECOND;
        works(&mut desk, &entry, "0", "2");
        assert_eq!((doubt(&desk, &entry), order(&desk, &entry).amendment()), (OrderDoubt::None, None));
        if filled == "2" {
            assert_eq!(desk.fill(&entry, "T1", "2", "99").state, Some(Stage::PositionOpen));
        }
        let outcome = works(&mut desk, &entry, filled, "3");
        assert_eq!(outcome.state, Some(Stage::EntryWorking), "filled {filled}");
        assert_eq!(order(&desk, &entry).qty.0, 3_000, "filled {filled}");
        desk.assert_replays();
    }
}

#[test]
fn an_amend_of_an_order_that_the_venue_ended_is_off_the_table() {
    // The change to 3 was made, 2 were filled, and the rest was canceled. Of all that only the fill was heard.
    for kind in [Kind::CancelAck, Kind::Expired, Kind::OrderStatus] {
        let (mut desk, entry) = amend_in_doubt();
        assert_eq!(desk.fill(&entry, "T1", "2", "99").state, Some(Stage::PositionOpen));
        assert_eq!(doubt(&desk, &entry), OrderDoubt::Amend, "it may yet have grown");
        let outcome = desk.event(kind, &entry, |event| {
            event.status = Some(Status::Canceled);
            event.filled_size = Some(dec("2"));
        });
        assert_eq!(outcome.code, Code::Ok, "{kind}");
        assert_eq!(
            (doubt(&desk, &entry), order(&desk, &entry).amendment()),
            (OrderDoubt::None, None),
            "{kind}"
        );
        assert_eq!(desk.kernel.exposure().reserved(0).to_string(), "0", "{kind}");
        desk.assert_replays();
    }
}

#[test]
fn a_filled_order_that_works_on_with_a_larger_total_is_canceled() {
    let (mut desk, entry) = working();
    desk.fill(&entry, "T1", "2", "99");
    assert_eq!(works(&mut desk, &entry, "2", "3").code, Code::StaleEvent);
    assert!(matches!(desk.effects.commands.as_slice(), [Command::Cancel(_)]), "nobody wants the rest");
    assert_eq!(works(&mut desk, &entry, "2", "2").code, Code::StaleEvent);
    assert!(desk.effects.commands.is_empty(), "a word from before the last fill's");
    desk.assert_replays();
}

#[test]
fn an_amend_down_that_shows_only_in_the_orders_end_ends_it() {
    // Asked to be 1 of 2; it was made and filled. Either the change is still awaited, or it has been given up.
    for given_up in [false, true] {
        let (mut desk, entry) = working();
        desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("1")));
        desk.event(Kind::SendTimeout, &entry, |_| {});
        if given_up {
            desk.now += 10 * SECOND;
            works(&mut desk, &entry, "0", "2");
            assert_eq!(order(&desk, &entry).amendment(), None);
        }
        desk.fill(&entry, "T1", "1", "99");
        let outcome = desk.event(Kind::OrderStatus, &entry, |event| {
            event.status = Some(Status::Filled);
            event.filled_size = Some(dec("1"));
            event.order_size = Some(dec("1"));
        });
        assert_eq!(outcome.state, Some(Stage::PositionOpen), "given up: {given_up}");
        assert_eq!(order(&desk, &entry).status, Status::Filled, "given up: {given_up}");
        desk.assert_replays();
    }
}

#[test]
fn a_milestone_of_an_order_answers_whether_it_arrived() {
    for kind in [Kind::Stopped, Kind::Triggered] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "2", "99");
        let entry = desk.submitted();
        desk.event(Kind::SendTimeout, &entry, |_| {});
        assert_eq!(doubt(&desk, &entry), OrderDoubt::Submit, "{kind}");
        assert_eq!(desk.event(kind, &entry, |_| {}).code, Code::Ok, "{kind}");
        assert_eq!((doubt(&desk, &entry), desk.stage(0)), (OrderDoubt::None, Stage::EntryWorking), "{kind}");
        desk.assert_replays();
    }
}
