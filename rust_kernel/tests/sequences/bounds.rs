//! Sequence 24, this project's own: a venue takes no order as large as the position, and lets only so many be open.

use super::order;
use crate::common::{Desk, dec, id};
use dita_kernel::effect::{Command, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{Attachment, ExitSpec, InstrumentSpec, OrderBounds};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    ExitKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    TradeStage as Stage, TriggerBy, VenueOrderStatus as Status,
};

/// 25 held at a venue that takes 10 at once.
fn opened(exits: Vec<ExitSpec>) -> Desk {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.bounds = Some(Box::new(OrderBounds {
        market_max_qty: Some(dec("10")),
        max_open_orders: Some(5),
        ..OrderBounds::default()
    }));
    let config = KernelConfig { max_slots: 6, ..KernelConfig::default() };
    let mut desk = Desk::over_with(config, spec, &[("USDT", "100000")], "100");
    let outcome = desk.intent(Action::Enter, 0, |intent| {
        intent.order_type = dita_kernel::names::OrderType::Limit;
        intent.limit_price = Some(dec("100"));
        intent.target_size = Some(dec("25"));
        intent.attached = Some(Box::new(Attachment { exits, ..Attachment::NONE }));
    });
    assert!(outcome.accepted, "{outcome:?}");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "25", "100");
    desk
}

fn submitted(desk: &Desk) -> Vec<OrderRequest> {
    let of = |command: &Command| match command {
        Command::Submit(request) => Some(request.clone()),
        Command::Cancel(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

fn sizes(requests: &[OrderRequest]) -> Vec<String> {
    requests.iter().map(|request| request.size.to_string()).collect()
}

fn canceled(desk: &Desk) -> Vec<Id> {
    let of = |command: &Command| match command {
        Command::Cancel(request) => Some(request.venue_client_id.clone()),
        Command::Submit(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

#[test]
fn s24_an_exit_above_the_largest_order_leaves_in_parts_and_closes_the_slot() {
    let mut desk = opened(vec![]);
    assert!(desk.exit(0).accepted);
    let parts = submitted(&desk);
    assert_eq!(sizes(&parts), ["10.000", "10.000", "5.000"]);
    assert!(parts.iter().all(|part| part.reduce_only && part.slot_id == 0));
    for (at, part) in parts.iter().enumerate() {
        assert_ne!(desk.stage(0), Stage::Closed);
        desk.fill(&part.venue_client_id, &format!("X{at}"), &part.size.to_string(), "100");
    }
    assert_eq!(desk.stage(0), Stage::Closed);
    assert!(parts.iter().all(|part| order(&desk, &part.venue_client_id).status == Status::Filled));
    desk.assert_replays();
}

#[test]
fn s24_a_cancel_of_one_part_takes_back_the_exit() {
    let mut desk = opened(vec![]);
    desk.exit(0);
    let parts = submitted(&desk);
    for (at, part) in parts.iter().enumerate() {
        desk.ack(&part.venue_client_id, &format!("V{at}"));
    }
    assert_eq!(desk.cancel(0).code, Code::Ok, "they are one exit: none has to be named");
    let mut taken_back = canceled(&desk);
    taken_back.sort();
    let mut all: Vec<Id> = parts.iter().map(|part| part.venue_client_id.clone()).collect();
    all.sort();
    assert_eq!(taken_back, all);
}

#[test]
fn s24_a_stop_covers_a_position_that_the_venue_takes_no_one_stop_for() {
    let stop = ExitSpec {
        kind: ExitKind::Stop,
        trigger_price: Some(dec("90")),
        offset: None,
        limit_price: None,
        ratio: dec("1"),
        trigger_by: TriggerBy::Last,
    };
    let mut desk = opened(vec![stop]);
    let stops = submitted(&desk);
    assert_eq!(sizes(&stops), ["10.000", "10.000", "5.000"]);
    for (at, part) in stops.iter().enumerate() {
        desk.ack(&part.venue_client_id, &format!("S{at}"));
    }
    assert!(!desk.kernel.slot(0).expect("a slot").unprotected);
    for (at, part) in stops.iter().enumerate() {
        desk.fill(&part.venue_client_id, &format!("X{at}"), &part.size.to_string(), "90");
    }
    assert_eq!(desk.stage(0), Stage::Closed);
    desk.assert_replays();
}

#[test]
fn s24_entries_leave_room_for_exits() {
    let mut desk = opened(vec![]);
    for slot in 1..5 {
        let outcome = desk.enter_limit(slot, "1", "90");
        assert!(outcome.accepted, "{slot}: {outcome:?}");
    }
    let refused = desk.enter_limit(5, "1", "90");
    assert_eq!(refused.code, Code::RiskBlocked);
    assert!(format!("{:?}", refused.detail).contains("max_open_orders"), "{:?}", refused.detail);
    assert!(desk.exit_size(0, "1").accepted, "an exit takes what is kept");
    assert!(desk.exit_size(0, "1").accepted, "and what is not");
    desk.event(Kind::OrderReject, &desk.submitted(), |event| event.status = Some(Status::Rejected));
    assert_eq!(desk.size(0), "25.000");
}
