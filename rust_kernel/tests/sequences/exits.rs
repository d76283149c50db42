//! Sequence 23, this project's own: a trade's exits are resized while it fills, is added to and is closed in parts.

use super::{SECOND, order};
use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Attachment, ExitSpec, Input};
use dita_kernel::names::{
    ExitKind, KernelCommandType as Action, KernelEventKind as Kind, Severity, TriggerBy,
    VenueOrderStatus as Status,
};

fn exit(kind: ExitKind, offset: &str, ratio: &str) -> ExitSpec {
    ExitSpec {
        kind,
        trigger_price: None,
        offset: Some(dec(offset)),
        limit_price: None,
        ratio: dec(ratio),
        trigger_by: TriggerBy::Last,
    }
}

/// Entered with these, filled 10 at 100, and the exits acknowledged.
fn opened(exits: Vec<ExitSpec>) -> (Desk, Vec<Id>) {
    let mut desk = Desk::new();
    desk.put(Input::Seed { asset: id("USDT"), amount: dec("10000") });
    desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec("10"));
        intent.attached = Some(Box::new(Attachment { exits, ..Attachment::NONE }));
    });
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "10", "100");
    let exits = submitted(&desk);
    for (at, exit) in exits.iter().enumerate() {
        desk.ack(exit, &format!("X{at}"));
    }
    (desk, exits)
}

fn submitted(desk: &Desk) -> Vec<Id> {
    let of = |command: &Command| match command {
        Command::Submit(request) => Some(request.venue_client_id.clone()),
        Command::Cancel(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

fn canceled(desk: &Desk) -> Vec<Id> {
    let of = |command: &Command| match command {
        Command::Cancel(request) => Some(request.venue_client_id.clone()),
        Command::Submit(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

/// The totals and triggers that were asked for in this step.
fn changes(desk: &Desk) -> Vec<(String, String)> {
    let rules = &desk.kernel.instruments()[0];
    let of = |command: &Command| match command {
        Command::Amend(request) => {
            let size = rules.qty(request.size).map(|qty| rules.qty_decimal(qty).to_string());
            let price = request.trigger_price.and_then(|price| rules.price(price).ok());
            Some((size.expect("a size"), format!("{:.1}", price.expect("a trigger").0 as f64 / 1e15)))
        }
        Command::Submit(_) | Command::Cancel(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

fn pair(size: &str, price: &str) -> (String, String) {
    (size.to_owned(), price.to_owned())
}

fn add(desk: &mut Desk, size: &str, price: &str) {
    let trade = desk.kernel.slot(0).expect("a slot").trade_id.clone();
    desk.intent(Action::Enter, 0, |intent| {
        intent.trade_id = trade;
        intent.target_size = Some(dec(size));
        intent.attached = Some(Box::new(Attachment { add: true, ..Attachment::NONE }));
    });
    let entry = desk.submitted();
    desk.fill(&entry, "T9", size, price);
}

#[test]
fn s23_the_stop_covers_what_is_held_after_each_fill() {
    let (mut desk, exits) =
        opened(vec![exit(ExitKind::Stop, "0.1", "1"), exit(ExitKind::Target, "0.1", "0.4")]);
    desk.fill(&exits[1], "T2", "4", "110");
    assert_eq!(changes(&desk), [pair("6.000", "90.0")]);
}

#[test]
fn s23_what_a_trade_grows_by_is_of_the_same_trade() {
    let (mut desk, exits) =
        opened(vec![exit(ExitKind::Stop, "0.1", "1"), exit(ExitKind::Target, "0.1", "0.5")]);
    add(&mut desk, "10", "80");
    assert_eq!(changes(&desk), [pair("20.000", "81.0"), pair("10.000", "99.0")]);
    assert_eq!(order(&desk, &exits[0]).trade_number, 1);
}

#[test]
fn s23_a_target_for_which_nothing_is_left_goes() {
    let (mut desk, exits) =
        opened(vec![exit(ExitKind::Target, "0.1", "0.5"), exit(ExitKind::Target, "0.2", "0.5")]);
    desk.exit_size(0, "6");
    assert_eq!(canceled(&desk), [exits[1].clone()]);
}

#[test]
fn s23_an_exit_leaves_once_the_target_in_its_way_is_gone() {
    let (mut desk, exits) = opened(vec![exit(ExitKind::Target, "0.1", "1")]);
    desk.exit(0);
    assert!(submitted(&desk).is_empty(), "10 and 10 would be for sale of a trade of 10");
    desk.event(Kind::CancelAck, &exits[0], |_| {});
    assert_eq!(submitted(&desk).len(), 1);
}

#[test]
fn s23_a_position_without_its_stop_is_told_after_two_seconds() {
    let (mut desk, exits) = opened(vec![exit(ExitKind::Stop, "0.1", "1")]);
    desk.exit_size(0, "1");
    let own = desk.submitted();
    desk.fill(&own, "T2", "1", "100");
    desk.event(Kind::AmendReject, &exits[0], |_| {});
    let new = desk.submitted();
    desk.event(Kind::OrderReject, &new, |event| event.status = Some(Status::Rejected));
    assert_eq!(canceled(&desk), [exits[0].clone()]);
    assert!(desk.kernel.slot(0).expect("a slot").unprotected);
    let at = desk.now + 2 * SECOND;
    desk.put_at(at, Input::Time);
    assert!(desk.effects.notices.iter().any(|notice| notice.severity == Severity::Critical));
}

#[test]
fn s23_a_trailing_stop_is_never_loosened_and_moves_once_a_second() {
    let (mut desk, exits) = opened(vec![exit(ExitKind::Trail, "0.05", "1")]);
    desk.mark("110");
    assert_eq!(changes(&desk), [pair("10.000", "105.0")]);
    desk.event(Kind::AmendAck, &exits[0], |_| {});
    desk.mark("112");
    assert!(changes(&desk).is_empty(), "one a second");
    desk.now += 2 * SECOND;
    desk.put_at(desk.now, Input::Time);
    assert_eq!(changes(&desk), [pair("10.000", "107.0")]);
    desk.event(Kind::AmendAck, &exits[0], |_| {});
    desk.now += 2 * SECOND;
    add(&mut desk, "10", "130");
    assert_eq!(changes(&desk), [pair("20.000", "107.0")], "a larger distance from the new average");
}
