//! The process started again: what may have left is in doubt, the venue is asked, and nothing is sent twice.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::input::Input;
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderDoubt,
    TradeStage, VenueOrderStatus as Status,
};

const SETTLING_NS: i64 = 5_000_000_000;

/// What the step asked the venue for, in words.
fn asked(desk: &Desk) -> Vec<String> {
    let words = |command: &Command| match command {
        Command::Submit(order) => format!("submit {}", order.venue_client_id),
        Command::Cancel(order) => format!("cancel {}", order.venue_client_id),
        Command::Amend(order) => format!("amend {}", order.venue_client_id),
        Command::Query(order) => format!("query {}", order.venue_client_id),
        Command::SetLeverage { symbol, leverage } => format!("leverage {symbol} {leverage}"),
    };
    desk.effects.commands.iter().map(words).collect()
}

fn restart(desk: &mut Desk) -> Vec<String> {
    let stored = desk.kernel.to_snapshot().expect("a snapshot");
    desk.kernel = dita_kernel::kernel::Kernel::from_snapshot(&stored).expect("a kernel");
    let outcome = desk.put(Input::Restart);
    assert!(outcome.accepted && outcome.code == Code::Ok, "{outcome:?}");
    asked(desk)
}

fn doubt(desk: &Desk, order: &dita_kernel::id::Id) -> OrderDoubt {
    let place = desk.kernel.orders().by_client_id(order).expect("an order");
    desk.kernel.orders().at(place).doubt
}

#[test]
fn an_entry_that_may_have_left_is_asked_for_and_not_sent_again() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let order = desk.submitted();
    assert_eq!(restart(&mut desk), [format!("query {order}")]);
    assert_eq!(doubt(&desk, &order), OrderDoubt::Submit);
    desk.assert_replays();
}

#[test]
fn an_entry_that_arrived_before_the_crash_goes_on() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let order = desk.submitted();
    restart(&mut desk);
    desk.event(Kind::OrderStatus, &order, |event| {
        event.status = Some(Status::Acked);
        event.venue_order_id = id("V1");
    });
    assert_eq!((desk.stage(0), doubt(&desk, &order)), (TradeStage::EntryWorking, OrderDoubt::None));
    desk.fill(&order, "T1", "1", "100");
    assert_eq!(desk.stage(0), TradeStage::PositionOpen);
    desk.assert_replays();
}

#[test]
fn an_entry_that_never_arrived_ends_once_the_settling_window_has_passed() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let order = desk.submitted();
    restart(&mut desk);
    desk.event(Kind::OrderNotFound, &order, |_| {});
    assert_eq!(doubt(&desk, &order), OrderDoubt::Submit, "too early to prove anything");
    assert_eq!(later(&mut desk), [format!("query {order}")]);
    desk.event(Kind::OrderNotFound, &order, |_| {});
    assert_eq!(desk.stage(0), TradeStage::Closed);
    assert!(asked(&desk).is_empty(), "{:?}", asked(&desk));
    desk.assert_replays();
}

#[test]
fn an_exit_that_never_arrived_is_sent_again_under_its_id_while_it_is_valid() {
    for (valid_for_ns, sent_again) in [(i64::MAX / 2, true), (SETTLING_NS / 2, false)] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        let until = desk.now + valid_for_ns;
        desk.intent(Action::Exit, 0, |intent| intent.valid_until_ns = Some(until));
        let order = desk.submitted();
        restart(&mut desk);
        later(&mut desk);
        desk.event(Kind::OrderNotFound, &order, |_| {});
        let expected: Vec<String> = sent_again.then(|| format!("submit {order}")).into_iter().collect();
        assert_eq!(asked(&desk), expected, "valid for {valid_for_ns} ns");
        desk.assert_replays();
    }
}

#[test]
fn a_fill_that_came_while_the_process_was_away_is_found_by_the_question() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "100");
    let order = desk.submitted();
    desk.ack(&order, "V1");
    assert_eq!(restart(&mut desk), [format!("query {order}")]);
    assert_eq!(doubt(&desk, &order), OrderDoubt::None, "it was acknowledged: it is only old news");
    desk.event(Kind::OrderStatus, &order, |event| {
        event.status = Some(Status::Filled);
        event.filled_size = Some(dec("1"));
        event.average_price = Some(dec("99.5"));
    });
    assert_eq!((desk.stage(0), desk.size(0)), (TradeStage::PositionOpen, "1.000".into()));
    desk.fill(&order, "T1", "1", "99.5");
    assert_eq!(desk.size(0), "1.000", "the real fill replaces the inferred one");
    desk.assert_replays();
}

/// A limit order that the venue has, and a restart whose question the venue cannot answer yet.
fn not_found_yet() -> (Desk, dita_kernel::id::Id) {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "100");
    let order = desk.submitted();
    desk.ack(&order, "V1");
    restart(&mut desk);
    assert_eq!(desk.event(Kind::OrderNotFound, &order, |_| {}).code, Code::InDoubt, "too early");
    (desk, order)
}

fn later(desk: &mut Desk) -> Vec<String> {
    desk.now += SETTLING_NS;
    desk.put(Input::Time);
    asked(desk)
}

#[test]
fn an_order_that_is_not_found_yet_after_a_restart_is_asked_for_until_the_venue_says_how_it_stands() {
    let (mut desk, order) = not_found_yet();
    for _ in 0..2 {
        assert_eq!(later(&mut desk), [format!("query {order}")]);
    }
    desk.event(Kind::OrderStatus, &order, |event| {
        event.status = Some(Status::PartiallyFilled);
        event.filled_size = Some(dec("1"));
        event.average_price = Some(dec("100"));
    });
    assert_eq!(desk.size(0), "1.000", "what was missed while the process was away");
    desk.fill(&order, "T1", "1", "100");
    assert!(later(&mut desk).is_empty(), "it is answered");
    desk.assert_replays();
}

#[test]
fn a_fill_that_comes_first_after_a_restart_does_not_hide_those_that_were_missed() {
    for ends in [false, true] {
        let (mut desk, order) = not_found_yet();
        if ends {
            desk.event(Kind::CancelAck, &order, |_| {});
        } else {
            desk.fill(&order, "T2", "0.5", "100");
        }
        assert_eq!(later(&mut desk), [format!("query {order}")], "ends {ends}");
        desk.event(Kind::OrderStatus, &order, |event| {
            event.status = Some(if ends { Status::Canceled } else { Status::PartiallyFilled });
            event.filled_size = Some(dec("1.5"));
            event.average_price = Some(dec("100"));
        });
        assert_eq!(desk.size(0), "1.500", "ends {ends}");
        assert!(later(&mut desk).is_empty(), "ends {ends}");
        desk.assert_replays();
    }
}

#[test]
fn an_ended_order_that_the_venue_has_put_away_is_not_asked_for_for_ever() {
    let (mut desk, order) = not_found_yet();
    desk.event(Kind::CancelAck, &order, |_| {});
    desk.now += SETTLING_NS;
    assert_eq!(later(&mut desk), [format!("query {order}")]);
    desk.event(Kind::OrderNotFound, &order, |_| {});
    assert!(later(&mut desk).is_empty());
    desk.assert_replays();
}

/// An order that was asked for while the venue did not show it yet, and then canceled: of its fills nothing is known.
fn canceled_unheard(desk: &mut Desk) -> dita_kernel::id::Id {
    desk.enter_limit(0, "2", "100");
    let order = desk.submitted();
    desk.ack(&order, "V1");
    restart(desk);
    desk.event(Kind::CancelAck, &order, |_| {});
    order
}

#[test]
fn an_answer_to_a_question_that_was_asked_too_early_is_none_however_late_it_is_heard() {
    let mut desk = Desk::new();
    let order = canceled_unheard(&mut desk);
    desk.now += 2 * SETTLING_NS;
    desk.event(Kind::OrderNotFound, &order, |_| {});
    assert_eq!(later(&mut desk), [format!("query {order}")], "the venue may not have shown it yet");
    desk.event(Kind::OrderNotFound, &order, |_| {});
    assert!(later(&mut desk).is_empty());
    desk.assert_replays();
}

#[test]
fn an_order_that_ended_unheard_is_asked_for_after_the_next_restart_too() {
    let mut desk = Desk::new();
    let order = canceled_unheard(&mut desk);
    assert_eq!(restart(&mut desk), [format!("query {order}")]);
    desk.event(Kind::OrderStatus, &order, |event| {
        event.status = Some(Status::Canceled);
        event.filled_size = Some(dec("0.5"));
        event.average_price = Some(dec("100"));
    });
    assert_eq!((desk.stage(0), desk.size(0)), (TradeStage::PositionOpen, "0.500".into()));
    desk.fill(&order, "T1", "0.5", "100");
    assert!(restart(&mut desk).is_empty(), "it is answered");
    desk.assert_replays();
}

#[test]
fn an_order_that_ended_unheard_is_remembered_until_it_is_answered() {
    let mut desk = Desk::with(KernelConfig { max_slots: 3, remembered_orders: 2, ..KernelConfig::default() });
    let order = canceled_unheard(&mut desk);
    for number in 0..4 {
        desk.enter_limit(1, "1", "100");
        let other = desk.submitted();
        desk.ack(&other, &format!("V2{number}"));
        desk.event(Kind::CancelAck, &other, |_| {});
    }
    assert_eq!(later(&mut desk), [format!("query {order}")]);
    desk.fill(&order, "T1", "0.5", "100");
    assert_eq!(desk.size(0), "0.500");
}

#[test]
fn fills_that_only_a_total_told_of_are_asked_for_after_a_restart() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let order = desk.submitted();
    desk.event(Kind::OrderStatus, &order, |event| {
        event.status = Some(Status::Filled);
        event.filled_size = Some(dec("1"));
        event.average_price = Some(dec("100"));
    });
    assert_eq!(
        restart(&mut desk),
        [format!("query {order}")],
        "its fills, and what they cost, may have been lost"
    );
    assert_eq!((desk.stage(0), doubt(&desk, &order)), (TradeStage::PositionOpen, OrderDoubt::None));
    desk.fill(&order, "T1", "1", "100");
    assert!(restart(&mut desk).is_empty());
    desk.assert_replays();
}

#[test]
fn a_cancel_and_an_amend_without_an_answer_are_in_doubt() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "100");
    let first = desk.submitted();
    desk.ack(&first, "V1");
    desk.cancel(0);
    desk.enter_limit(1, "1", "100");
    let second = desk.submitted();
    desk.ack(&second, "V2");
    desk.intent(Action::Amend, 1, |intent| intent.limit_price = Some(dec("99")));
    let mut questions = restart(&mut desk);
    questions.sort();
    let mut expected = [format!("query {first}"), format!("query {second}")];
    expected.sort();
    assert_eq!(questions, expected);
    assert_eq!((doubt(&desk, &first), doubt(&desk, &second)), (OrderDoubt::Cancel, OrderDoubt::Amend));
    desk.assert_replays();
}

#[test]
fn an_entry_that_waited_for_its_leverage_asks_for_it_again() {
    let mut desk = Desk::new();
    desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.leverage = Some(dec("5"));
    });
    assert_eq!(asked(&desk), ["leverage BTCUSDT 5"]);
    assert_eq!(restart(&mut desk), ["leverage BTCUSDT 5"], "and no order: it has not left");
    desk.assert_replays();
}

#[test]
fn what_has_ended_is_not_asked_for() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    assert!(restart(&mut desk).is_empty());
    assert_eq!(desk.stage(0), TradeStage::PositionOpen);
}

#[test]
fn a_second_crash_asks_again_and_changes_nothing_else() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let first = restart(&mut desk);
    let stage = desk.stage(0);
    assert_eq!(restart(&mut desk), first);
    assert_eq!(desk.stage(0), stage);
    desk.assert_replays();
}

#[test]
fn a_filled_order_that_was_to_grow_is_asked_for_after_a_crash() {
    for in_doubt in [false, true] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "2", "100");
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        assert!(desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("3"))).accepted);
        desk.fill(&entry, "T1", "2", "100");
        if in_doubt {
            desk.event(Kind::SendTimeout, &entry, |_| {});
        }
        assert_eq!(restart(&mut desk), [format!("query {entry}")], "{in_doubt}");
        assert_eq!(doubt(&desk, &entry), OrderDoubt::Amend);
        desk.event(Kind::OrderStatus, &entry, |event| {
            (event.status, event.order_size) = (Some(Status::PartiallyFilled), Some(dec("3")));
            event.filled_size = Some(dec("2"));
        });
        assert_eq!((desk.stage(0), doubt(&desk, &entry)), (TradeStage::EntryWorking, OrderDoubt::None));
        desk.assert_replays();
    }
}
