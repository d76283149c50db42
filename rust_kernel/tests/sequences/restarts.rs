//! Sequences 6, 7, 8 and 10: what a process that starts again meets, beside silence. With the log itself they stand in
//! `rust_kernel/engine/tests`: `durable.rs`, `power.rs` and `kill.rs`.

use super::{SECOND, because, order, questions, resting, standing, status};
use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, Recalled, RecalledEvent, VenueEvent, Verdict};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderDoubt,
    OrderSide, TradeStage as Stage, VenueOrderStatus as Status,
};

const MINUTE: i64 = 60 * SECOND;

/// The process dies, and comes back with what it has stored.
fn restart(desk: &mut Desk) {
    let stored = desk.kernel.to_snapshot().expect("a snapshot");
    desk.kernel = Kernel::from_snapshot(&stored).expect("a kernel");
    assert_eq!(desk.put(Input::Restart).code, Code::Ok);
}

fn submits(desk: &Desk) -> usize {
    desk.effects.commands.iter().filter(|command| matches!(command, Command::Submit(_))).count()
}

/// An exit of a position of 2 that may have left, or not.
fn exit_in_doubt(crash: bool) -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    let until = desk.now + 60 * MINUTE;
    desk.intent(Action::Exit, 0, |intent| intent.valid_until_ns = Some(until));
    let exit = desk.submitted();
    if crash {
        restart(&mut desk);
    } else {
        desk.event(Kind::SendTimeout, &exit, |_| {});
    }
    assert_eq!((order(&desk, &exit).doubt, questions(&desk)), (OrderDoubt::Submit, 1));
    (desk, exit)
}

#[test]
fn s06_a_timeout_the_order_live_the_retry_answered_duplicate_client_id() {
    for crash in [false, true] {
        let (mut desk, exit) = exit_in_doubt(crash);
        desk.now += 6 * SECOND;
        desk.put(Input::Time);
        desk.event(Kind::OrderNotFound, &exit, |_| {});
        assert_eq!((submits(&desk), desk.submitted()), (1, exit.clone()), "crash {crash}: under the same id");
        because(&mut desk, Kind::OrderReject, &exit, "DUPLICATE_CLIENT_ID");
        assert_eq!(
            (submits(&desk), questions(&desk)),
            (0, 1),
            "crash {crash}: that is a question, not an end"
        );
        assert_eq!((desk.stage(0), order(&desk, &exit).doubt), (Stage::ExitSent, OrderDoubt::Submit));
        // It had been there all the time, and has filled.
        status(&mut desk, &exit, Status::Filled, Some("2"));
        desk.fill(&exit, "T9", "2", "100");
        assert_eq!(standing(&desk, &exit), (Status::Filled, "2.000".into()), "crash {crash}");
        assert_eq!(
            (desk.stage(0), desk.book().0),
            (Stage::Closed, "0.000".into()),
            "crash {crash}: sold once"
        );
        desk.assert_replays();
    }
}

#[test]
fn s07_not_found_for_half_a_second_after_placing() {
    for crash in [false, true] {
        let (mut desk, exit) = exit_in_doubt(crash);
        desk.now += SECOND / 2;
        assert_eq!(desk.event(Kind::OrderNotFound, &exit, |_| {}).code, Code::InDoubt, "crash {crash}");
        assert_eq!(submits(&desk), 0, "crash {crash}: it proves nothing yet, and nothing is sent again");
        desk.now += 6 * SECOND;
        assert_eq!(desk.event(Kind::OrderNotFound, &exit, |_| {}).code, Code::InDoubt, "crash {crash}");
        assert_eq!(
            submits(&desk),
            0,
            "crash {crash}: nor where it is heard late, having been asked for early"
        );
        assert_eq!((desk.stage(0), order(&desk, &exit).doubt), (Stage::ExitSent, OrderDoubt::Submit));
        status(&mut desk, &exit, Status::Acked, Some("0"));
        desk.fill(&exit, "T9", "2", "100");
        assert_eq!(
            (desk.stage(0), desk.book().0),
            (Stage::Closed, "0.000".into()),
            "crash {crash}: sold once"
        );
        desk.assert_replays();
    }
}

#[test]
fn s07_what_is_not_found_yet_after_a_restart_is_asked_for_again() {
    // It was acknowledged before the crash and filled while the process was away: no stream tells of that again.
    let (mut desk, entry) = resting();
    restart(&mut desk);
    desk.now += SECOND / 2;
    assert_eq!(desk.event(Kind::OrderNotFound, &entry, |_| {}).code, Code::InDoubt);
    desk.now += 5 * SECOND;
    desk.put(Input::Time);
    assert_eq!(questions(&desk), 1);
    status(&mut desk, &entry, Status::Filled, Some("2"));
    assert_eq!((desk.stage(0), desk.size(0)), (Stage::PositionOpen, "2.000".into()));
    desk.assert_replays();
}

#[test]
fn s08_fills_replayed_on_restart() {
    let (mut desk, entry) = resting();
    desk.fill(&entry, "T1", "1", "99");
    let before = (desk.k(), desk.book());
    restart(&mut desk);
    for late in [0, 40 * MINUTE] {
        desk.now += late;
        assert_eq!(desk.fill(&entry, "T1", "1", "99").code, Code::DuplicateEvent, "{late} ns later");
        assert_eq!((desk.k(), desk.book()), before, "{late} ns later");
    }
    assert_eq!(desk.fill(&entry, "T2", "1", "99").code, Code::Ok, "and a new one counts");
    assert_eq!(desk.size(0), "2.000");
    desk.assert_replays();
}

#[test]
fn s08_a_fill_whose_order_is_forgotten_comes_40_minutes_late() {
    // Eight orders are remembered, and this is the ninth before the last.
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    let (first_ns, first) = (desk.now, format!("T{}-0", desk.now - 2));
    for number in 0..9 {
        desk.exit(0);
        let exit = desk.submitted();
        desk.fill(&exit, &format!("X{number}"), "1", "100");
        desk.open(0, "1", "100");
    }
    desk.now += 40 * MINUTE;
    restart(&mut desk);
    let before = (desk.k(), desk.book());
    let mut late = VenueEvent::new(Kind::FullFill, first_ns);
    late.asset = id("BTCUSDT");
    late.order_side = Some(OrderSide::Buy);
    late.venue_order_id = id("V-forgotten");
    super::figures(&mut late, &first, "1", "100");
    let outcome = desk.put(Input::Venue(Box::new(late.clone())));
    assert!(!outcome.accepted && outcome.asks_the_log(), "only the log can tell: {outcome:?}");
    let event = RecalledEvent::Venue(Box::new(late));
    let verdict = Verdict::Booked { seq: 5 };
    let outcome = desk.put(Input::Recalled(Box::new(Recalled { verdict, event })));
    assert_eq!((outcome.accepted, outcome.code), (true, Code::DuplicateEvent));
    assert_eq!((desk.k(), desk.book()), before, "booked once");
    desk.assert_replays();
}

#[test]
fn s08_what_only_a_total_told_of_before_the_crash_is_asked_for_and_told_again() {
    let (mut desk, entry) = resting();
    status(&mut desk, &entry, Status::Filled, Some("2"));
    restart(&mut desk);
    assert_eq!(questions(&desk), 1, "its fills, and what they cost, were still to come");
    desk.event(Kind::PartialFill, &entry, |event| {
        super::figures(event, "T1", "2", "99");
        event.fee = Some(dec("0.5"));
    });
    assert_eq!((desk.size(0), desk.money(0).1), ("2.000".into(), "0.5".into()), "the fee that was paid");
    desk.assert_replays();
}

/// A fill that the adapter names, with the order's total, as a venue without trade ids tells it.
fn named_by_run(desk: &mut Desk, client: &Id, name: &str, size: &str, total: &str) -> Code {
    desk.event(Kind::PartialFill, client, |event| {
        super::figures(event, "", size, "99");
        event.event_id = id(name);
        event.filled_size = Some(dec(total));
    })
    .code
}

#[test]
fn s10_synthetic_ids_that_differ_per_run() {
    let (mut desk, entry) = resting();
    assert_eq!(named_by_run(&mut desk, &entry, "run1-1", "0.5", "0.5"), Code::Ok);
    assert_eq!(named_by_run(&mut desk, &entry, "run1-2", "0.5", "1"), Code::Ok);
    let before = (desk.k(), desk.book(), desk.size(0));
    restart(&mut desk);
    for (name, total) in [("run2-1", "0.5"), ("run2-2", "1")] {
        assert_ne!(
            named_by_run(&mut desk, &entry, name, "0.5", total),
            Code::Ok,
            "{name}: the total has not moved"
        );
    }
    assert_eq!((desk.k(), desk.book(), desk.size(0)), before);
    assert_eq!(named_by_run(&mut desk, &entry, "run2-3", "1", "2"), Code::Ok, "and a new one counts");
    assert_eq!(standing(&desk, &entry), (Status::Filled, "2.000".into()));
    desk.assert_replays();
}
