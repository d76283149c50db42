//! What the exits of one trade may sell together: never more than it holds, whatever made it smaller, whatever the venue
//! refuses, and whatever has not been confirmed.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Attachment, ControlChange, ExitSpec, Input, InstrumentSpec, OrderBounds};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    ControlGate, ExitKind, KernelCommandType as Action, KernelDiagnosticCode as Code,
    KernelEventKind as Kind, OrderSide, OrderType, PositionSide, Product, Severity, TradeStage as Stage,
    TriggerBy, VenueOrderStatus as Status,
};
use dita_kernel::outcome::{Detail, Outcome};

const SECOND: i64 = 1_000_000_000;

fn exit(desk: &mut Desk, order_type: OrderType, size: Option<&str>, price: &str, group: &str) -> Outcome {
    let (size, price) = (size.map(dec), Some(dec(price)));
    let limited = matches!(order_type, OrderType::Limit);
    desk.intent(Action::Exit, 0, |intent| {
        intent.target_size = size;
        intent.order_type = order_type;
        (intent.limit_price, intent.trigger_price) = if limited { (price, None) } else { (None, price) };
        intent.oco_group = id(group);
    })
}

fn limit(desk: &mut Desk, size: Option<&str>, price: &str) -> Id {
    let outcome = exit(desk, OrderType::Limit, size, price, "");
    assert!(outcome.accepted, "{outcome:?}");
    acknowledged(desk)
}

fn stop(desk: &mut Desk, size: Option<&str>, price: &str) -> Id {
    let outcome = exit(desk, OrderType::StopMarket, size, price, "");
    assert!(outcome.accepted, "{outcome:?}");
    acknowledged(desk)
}

/// The order that was just sent, once the venue has it.
fn acknowledged(desk: &mut Desk) -> Id {
    let order = desk.submitted();
    desk.ack(&order, &format!("X{}", desk.now));
    order
}

/// What left with the last input, in short.
fn sent(desk: &Desk) -> Vec<String> {
    let short = |command: &Command| match command {
        Command::Submit(order) => format!("{} {}", order.order_type, order.size),
        Command::Amend(order) => format!("amend {}", order.size),
        Command::Cancel(_) => "cancel".to_owned(),
        Command::Query(_) => "query".to_owned(),
        Command::SetLeverage { .. } => "leverage".to_owned(),
    };
    desk.effects.commands.iter().map(short).collect()
}

/// What works of an order, by the kernel's own record.
fn status(desk: &Desk, order: &Id) -> Status {
    let place = desk.kernel.orders().by_client_id(order).expect("an order");
    desk.kernel.orders().at(place).status
}

fn two_trades() -> Desk {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.open(1, "1", "100");
    desk
}

fn amend_ack(desk: &mut Desk, order: &Id) {
    desk.event(Kind::AmendAck, order, |_| {});
}

// --------------------------------------------------------------------------------------- cut by whatever made it fall

#[test]
fn a_stop_is_cut_when_an_own_exit_fills() {
    let mut desk = two_trades();
    stop(&mut desk, None, "90");
    desk.exit_size(0, "0.6");
    let sale = desk.submitted();
    desk.fill(&sale, "S1", "0.2", "101");
    assert_eq!(sent(&desk), ["amend 0.800"]);
    desk.fill(&sale, "S2", "0.4", "101");
    assert!(sent(&desk).is_empty() || sent(&desk) == ["amend 0.400"], "{:?}", sent(&desk));
    desk.assert_replays();
}

#[test]
fn a_stop_whose_cut_is_under_way_is_cut_again_once_that_is_answered() {
    let mut desk = two_trades();
    let guard = stop(&mut desk, None, "90");
    desk.exit_size(0, "0.6");
    let sale = desk.submitted();
    desk.fill(&sale, "S1", "0.2", "101");
    desk.fill(&sale, "S2", "0.4", "101");
    assert!(sent(&desk).is_empty(), "one request at a time, and the stop stays");
    amend_ack(&mut desk, &guard);
    assert_eq!(sent(&desk), ["amend 0.400"]);
    amend_ack(&mut desk, &guard);
    assert!(sent(&desk).is_empty());
    // What it sells is its own trade's.
    desk.fill(&guard, "S3", "0.4", "90");
    assert_eq!((desk.stage(0), desk.size(1).as_str()), (Stage::Closed, "1.000"));
    assert_eq!(desk.book(), ("1.000".into(), "0.000".into()));
    desk.assert_replays();
}

#[test]
fn a_late_fill_of_an_ended_exit_cuts_the_one_that_works() {
    let mut desk = two_trades();
    let first = limit(&mut desk, Some("0.6"), "110");
    desk.event(Kind::CancelAck, &first, |_| {});
    limit(&mut desk, None, "111");
    desk.fill(&first, "late", "0.6", "110");
    assert_eq!(sent(&desk), ["amend 0.400"]);
}

#[test]
fn a_stop_that_fills_cuts_the_target_beside_it() {
    let mut desk = two_trades();
    let guard = stop(&mut desk, None, "90");
    limit(&mut desk, None, "110");
    desk.fill(&guard, "S1", "0.3", "90");
    assert_eq!(sent(&desk), ["amend 0.700"]);
}

#[test]
fn a_liquidation_cuts_what_is_left_of_the_exits() {
    let mut desk = two_trades();
    stop(&mut desk, None, "90");
    desk.event(Kind::Liquidation, &Id::EMPTY, |event| {
        (event.asset, event.venue_trade_id) = (id("BTCUSDT"), id("forced"));
        (event.order_side, event.position_side) = (Some(OrderSide::Sell), Some(PositionSide::Both));
        (event.size, event.price) = (Some(dec("0.5")), Some(dec("80")));
    });
    assert_eq!((desk.size(0).as_str(), sent(&desk)), ("0.500", vec!["amend 0.500".to_owned()]));
}

// -------------------------------------------------------------------------------------- a venue that refuses amends

#[test]
fn a_plain_stop_that_cannot_be_amended_is_replaced_new_then_old() {
    let mut desk = two_trades();
    let old = stop(&mut desk, None, "90");
    desk.exit_size(0, "0.6");
    let sale = desk.submitted();
    desk.fill(&sale, "S1", "0.6", "101");
    assert_eq!(sent(&desk), ["amend 0.400"]);
    desk.event(Kind::AmendReject, &old, |_| {});
    assert_eq!(sent(&desk), ["STOP_MARKET 0.400"], "the old one guards until the new one is there");
    let new = desk.submitted();
    desk.ack(&new, "NEW");
    assert_eq!(sent(&desk), ["cancel"]);
    desk.event(Kind::CancelAck, &old, |_| {});
    assert!(sent(&desk).is_empty() && !desk.kernel.slot(0).expect("a slot").unprotected);
    assert_eq!(status(&desk, &new), Status::Acked);
    desk.assert_replays();
}

#[test]
fn a_plain_stop_that_can_be_neither_amended_nor_doubled_goes_and_that_is_told() {
    let mut desk = two_trades();
    let old = stop(&mut desk, None, "90");
    desk.exit_size(0, "0.6");
    let sale = desk.submitted();
    desk.fill(&sale, "S1", "0.6", "101");
    desk.event(Kind::AmendReject, &old, |_| {});
    let new = desk.submitted();
    desk.event(Kind::OrderReject, &new, |event| event.status = Some(Status::Rejected));
    assert_eq!(sent(&desk), ["cancel"], "it would sell 0.6 of the other trade");
    assert!(desk.kernel.slot(0).expect("a slot").unprotected);
    assert!(desk.effects.notices.iter().any(|notice| notice.severity == Severity::Critical));
    desk.event(Kind::CancelAck, &old, |_| {});
    assert!(sent(&desk).is_empty(), "and nothing goes on for ever");
}

#[test]
fn a_plain_target_that_cannot_be_amended_is_canceled() {
    let mut desk = two_trades();
    let guard = stop(&mut desk, None, "90");
    let target = limit(&mut desk, None, "110");
    desk.fill(&guard, "S1", "0.3", "90");
    desk.event(Kind::AmendReject, &target, |_| {});
    assert_eq!(sent(&desk), ["cancel"]);
}

#[test]
fn a_lost_cut_is_given_up_though_the_venue_reports_no_total() {
    for (is_stop, wanted) in [(false, "cancel"), (true, "STOP_MARKET 0.400")] {
        let mut desk = two_trades();
        let exit = if is_stop { stop(&mut desk, None, "90") } else { limit(&mut desk, Some("0.9"), "110") };
        desk.exit_size(0, if is_stop { "0.6" } else { "0.1" });
        let sale = desk.submitted();
        desk.fill(&sale, "S1", if is_stop { "0.6" } else { "0.1" }, "101");
        if !is_stop {
            // A late fill of what was sold makes the trade smaller than the exit beside it.
            desk.fill(&sale, "S2", "0.5", "101");
        }
        assert_eq!(sent(&desk), ["amend 0.400"]);
        desk.event(Kind::SendTimeout, &exit, |_| {});
        assert_eq!(sent(&desk), ["query"]);
        let works = |desk: &mut Desk| {
            let outcome = desk.event(Kind::OrderStatus, &exit, |event| event.status = Some(Status::Acked));
            (outcome.code, sent(desk))
        };
        assert_eq!(works(&mut desk), (Code::InDoubt, vec![]), "it may be on its way");
        desk.now += 60 * SECOND;
        let (code, commands) = works(&mut desk);
        assert_eq!((code, commands), (Code::Ok, vec![wanted.to_owned()]));
        desk.assert_replays();
    }
}

#[test]
fn a_cut_on_spot_is_in_whole_lots() {
    let mut coin = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    coin.product = Product::Spot;
    let mut desk = Desk::over(coin, &[("USDT", "1000")], "100");
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.event(Kind::FullFill, &entry, |event| {
        event.venue_trade_id = id("T1");
        (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
        (event.fee, event.fee_asset) = (Some(dec("0.0005")), id("BTC"));
    });
    stop(&mut desk, None, "90");
    desk.exit_size(0, "0.6");
    let sale = desk.submitted();
    desk.fill(&sale, "S1", "0.6", "101");
    assert_eq!(desk.size(0), "0.39950000", "0.0005 of it went to the fee");
    assert_eq!(sent(&desk), ["amend 0.39900000"]);
}

#[test]
fn an_inverse_market_exit_that_was_asked_to_shrink_ends_by_its_status() {
    let mut coin = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USD"), dec("0.1"), dec("1"));
    (coin.inverse, coin.settle) = (true, id("BTC"));
    let mut desk = Desk::over(coin, &[("BTC", "10")], "10000");
    desk.open(0, "19", "10000");
    desk.exit(0);
    let exit = acknowledged(&mut desk);
    desk.event(Kind::Adl, &Id::EMPTY, |event| {
        (event.asset, event.venue_trade_id) = (id("BTCUSDT"), id("A1"));
        (event.order_side, event.position_side) = (Some(OrderSide::Sell), Some(PositionSide::Both));
        (event.size, event.price) = (Some(dec("1")), Some(dec("10000")));
    });
    assert_eq!(sent(&desk), ["amend 18"]);
    desk.fill(&exit, "S1", "18", "10000");
    desk.now += 60 * SECOND;
    let outcome = desk.event(Kind::OrderStatus, &exit, |event| {
        event.status = Some(Status::Filled);
        (event.order_size, event.filled_size) = (Some(dec("18")), Some(dec("18")));
    });
    assert_eq!((outcome.code, desk.stage(0)), (Code::Ok, Stage::Closed));
    desk.assert_replays();
}

fn spec(kind: ExitKind, trigger: Option<&str>, limit: Option<&str>, ratio: &str) -> ExitSpec {
    ExitSpec {
        kind,
        trigger_price: trigger.map(dec),
        offset: None,
        limit_price: limit.map(dec),
        ratio: dec(ratio),
        trigger_by: TriggerBy::Last,
    }
}

/// A trade of 1 beside another of 1, with these exits, which the venue has.
fn attached(exits: Vec<ExitSpec>) -> (Desk, Vec<Id>) {
    let mut desk = Desk::new();
    desk.open(1, "1", "100");
    desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.attached = Some(Box::new(Attachment { exits, ..Attachment::NONE }));
    });
    let entry = desk.submitted();
    desk.fill(&entry, "E1", "1", "100");
    let orders: Vec<Id> = desk
        .effects
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Submit(order) => Some(order.venue_client_id.clone()),
            Command::Amend(_) | Command::Cancel(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
        })
        .collect();
    for (at, order) in orders.iter().enumerate() {
        desk.ack(order, &format!("A{at}"));
    }
    (desk, orders)
}

#[test]
fn a_refused_amend_of_the_stop_says_nothing_of_the_targets() {
    let (mut desk, orders) = attached(vec![
        spec(ExitKind::Stop, Some("90"), None, "1"),
        spec(ExitKind::Target, None, Some("110"), "0.2"),
        spec(ExitKind::Target, None, Some("120"), "0.8"),
    ]);
    desk.exit_size(0, "0.4");
    let sale = desk.submitted_or_waiting();
    assert!(!sent(&desk).is_empty());
    // The targets make room first, by amends: the last gives way.
    amend_ack(&mut desk, &orders[2]);
    desk.fill(&sale, "S1", "0.4", "101");
    assert_eq!(sent(&desk), ["amend 0.600"]);
    desk.event(Kind::AmendReject, &orders[0], |_| {});
    assert_eq!(sent(&desk), ["STOP_MARKET 0.600"], "the stop new then old");
    let new = desk.submitted();
    desk.ack(&new, "NEW");
    desk.event(Kind::CancelAck, &orders[0], |_| {});
    // And the targets are amended still.
    desk.fill(&new, "S2", "0.5", "90");
    assert!(sent(&desk).iter().any(|what| what.starts_with("amend")), "{:?}", sent(&desk));
    assert!(!sent(&desk).iter().any(|what| what.starts_with("LIMIT")), "{:?}", sent(&desk));
    desk.assert_replays();
}

#[test]
fn a_target_that_cannot_be_amended_is_canceled_before_it_is_sent_anew() {
    let (mut desk, orders) = attached(vec![
        spec(ExitKind::Stop, Some("90"), None, "1"),
        spec(ExitKind::Target, None, Some("110"), "1"),
    ]);
    desk.fill(&orders[0], "S1", "0.4", "90");
    assert_eq!(sent(&desk), ["amend 0.600"], "the target");
    desk.event(Kind::AmendReject, &orders[1], |_| {});
    assert_eq!(sent(&desk), ["cancel"], "0.6 and 1 would be for sale of a trade of 0.6");
    desk.event(Kind::CancelAck, &orders[1], |_| {});
    assert_eq!(sent(&desk), ["LIMIT 0.600"]);
    // The stops are amended still.
    let target = acknowledged(&mut desk);
    desk.fill(&target, "S2", "0.1", "110");
    assert_eq!(sent(&desk), ["amend 0.900"], "0.4 of it has filled");
    desk.assert_replays();
}

#[test]
fn of_a_stop_and_a_trailing_one_only_the_tighter_rests() {
    let mut trail = spec(ExitKind::Trail, None, None, "1");
    trail.offset = Some(dec("0.15"));
    let (mut desk, orders) = attached(vec![spec(ExitKind::Stop, Some("90"), None, "1"), trail]);
    assert_eq!(orders.len(), 1, "90, and not 85 beside it");
    desk.mark("115");
    assert_eq!(sent(&desk), ["STOP_MARKET 1.000"], "100");
    let trailing = desk.submitted();
    desk.ack(&trailing, "TRAIL");
    assert_eq!(sent(&desk), ["cancel"]);
    desk.event(Kind::CancelAck, &orders[0], |_| {});
    assert!(sent(&desk).is_empty() && !desk.kernel.slot(0).expect("a slot").unprotected);
    desk.assert_replays();
}

// --------------------------------------------------------------------------------------- an exit that is sent

#[test]
fn a_market_exit_takes_the_place_of_a_limit_exit_once_that_is_confirmed() {
    for (cancels, filled) in [(true, "0"), (true, "0.3"), (false, "1")] {
        let mut desk = two_trades();
        let target = limit(&mut desk, None, "110");
        let outcome = desk.exit(0);
        assert!(outcome.accepted, "{outcome:?}");
        assert_eq!(sent(&desk), ["cancel"], "1 and 1 would be for sale of a trade of 1");
        let Detail::Order(sale) = &outcome.detail else { panic!("{outcome:?}") };
        assert_eq!(status(&desk, sale), Status::New);
        if filled != "0" {
            desk.fill(&target, "F1", filled, "110");
        }
        if cancels {
            desk.event(Kind::CancelAck, &target, |_| {});
            let left = if filled == "0" { "MARKET 1.000" } else { "MARKET 0.700" };
            assert_eq!((sent(&desk), desk.stage(0)), (vec![left.to_owned()], Stage::ExitSent));
            desk.fill(sale, "F2", if filled == "0" { "1" } else { "0.7" }, "99");
        } else {
            assert!(sent(&desk).is_empty());
            assert_eq!(status(&desk, sale), Status::Canceled, "it never left");
        }
        assert_eq!((desk.stage(0), desk.size(1).as_str()), (Stage::Closed, "1.000"));
        desk.assert_replays();
    }
}

#[test]
fn a_part_that_leaves_at_the_market_cuts_a_limit_exit() {
    let mut desk = two_trades();
    let target = limit(&mut desk, None, "110");
    desk.exit_size(0, "0.6");
    assert_eq!(sent(&desk), ["amend 0.400"]);
    amend_ack(&mut desk, &target);
    assert_eq!(sent(&desk), ["MARKET 0.600"]);
    let second = desk.exit_size(0, "0.5");
    assert!(second.accepted, "0.4 is left beside the 0.6: {second:?}");
    assert_eq!(desk.exit_size(0, "0.1").code, Code::SlotBusy, "all of it is on its way");
}

#[test]
fn a_market_exit_whose_way_is_not_cleared_asks_again() {
    let mut desk = two_trades();
    let target = limit(&mut desk, None, "110");
    desk.exit(0);
    desk.event(Kind::CancelReject, &target, |_| {});
    assert!(sent(&desk).is_empty(), "not at once");
    let due = desk.kernel.next_due_ns().expect("a tick is wanted");
    assert!(due <= desk.now + 5 * SECOND);
    desk.now = due;
    desk.put_at(due, Input::Time);
    assert_eq!(sent(&desk), ["cancel"]);
    // An answer that never comes is asked for.
    let due = desk.kernel.next_due_ns().expect("a tick is wanted");
    desk.now = due;
    desk.put_at(due, Input::Time);
    assert_eq!(sent(&desk), ["query"]);
    desk.event(Kind::CancelAck, &target, |_| {});
    assert_eq!(sent(&desk), ["MARKET 1.000"]);
    desk.assert_replays();
}

#[test]
fn a_waiting_exit_can_be_canceled_and_survives_a_restart() {
    let mut desk = two_trades();
    let target = limit(&mut desk, None, "110");
    let outcome = desk.exit(0);
    let Detail::Order(sale) = outcome.detail else { panic!("{outcome:?}") };
    desk.put(Input::Restart);
    desk.event(Kind::OrderStatus, &target, |event| event.status = Some(Status::Canceled));
    assert_eq!(sent(&desk), ["MARKET 1.000"]);
    let mut desk = two_trades();
    limit(&mut desk, None, "110");
    desk.exit(0);
    let canceled = desk.intent(Action::Cancel, 0, |intent| intent.target_client_id = sale.clone());
    assert!(canceled.accepted, "{canceled:?}");
    assert!(sent(&desk).is_empty());
    assert_eq!((status(&desk, &sale), desk.stage(0)), (Status::Canceled, Stage::ExitWorking));
    desk.assert_replays();
}

#[test]
fn an_exit_beside_attached_targets_waits_for_their_room() {
    let (mut desk, orders) = attached(vec![spec(ExitKind::Target, None, Some("110"), "1")]);
    let outcome = exit(&mut desk, OrderType::Limit, Some("0.4"), "105", "");
    assert!(outcome.accepted);
    assert_eq!(sent(&desk), ["amend 0.600"]);
    amend_ack(&mut desk, &orders[0]);
    assert_eq!(sent(&desk), ["LIMIT 0.400"]);
    let own = acknowledged(&mut desk);
    // Once it is gone the target covers all again, and not before.
    desk.intent(Action::Cancel, 0, |intent| intent.target_client_id = own.clone());
    assert_eq!(sent(&desk), ["cancel"]);
    desk.event(Kind::CancelAck, &own, |_| {});
    assert_eq!(sent(&desk), ["amend 1.000"]);
    desk.assert_replays();
}

#[test]
fn a_newer_stop_takes_the_place_of_the_older_ones_once_it_is_there() {
    let mut desk = two_trades();
    stop(&mut desk, Some("0.5"), "90");
    let outcome = exit(&mut desk, OrderType::StopMarket, None, "95", "");
    assert!(outcome.accepted);
    assert_eq!(sent(&desk), ["STOP_MARKET 1.000"]);
    let refused = exit(&mut desk, OrderType::StopMarket, None, "96", "");
    assert_eq!(refused.code, Code::SlotBusy, "one stop is replaced at a time");
    assert_eq!(desk.effects.commands.len(), 0);
    let newest = desk.kernel.slot(0).and_then(|slot| slot.exit).expect("an exit");
    let newest = desk.kernel.orders().at(newest.place).client_id.clone();
    desk.ack(&newest, "NEWEST");
    assert_eq!(sent(&desk), ["cancel"]);
}

#[test]
fn an_own_stop_takes_the_place_of_an_attached_one_and_gives_it_back() {
    let (mut desk, orders) = attached(vec![spec(ExitKind::Stop, Some("90"), None, "1")]);
    let own = stop(&mut desk, None, "95");
    assert_eq!(sent(&desk), ["cancel"]);
    desk.event(Kind::CancelAck, &orders[0], |_| {});
    desk.event(Kind::Expired, &own, |_| {});
    assert_eq!(sent(&desk), ["STOP_MARKET 1.000"], "the trade's own stop is back at once");
}

#[test]
fn an_exit_is_not_amended_past_what_the_others_leave() {
    let mut desk = two_trades();
    let first = limit(&mut desk, Some("0.4"), "110");
    limit(&mut desk, Some("0.6"), "111");
    let raised = desk.intent(Action::Amend, 0, |intent| {
        intent.target_client_id = first.clone();
        intent.target_size = Some(dec("0.5"));
    });
    assert_eq!(raised.code, Code::InvalidIntent);
}

// ------------------------------------------------------------------------------------------------------------ halted

#[test]
fn a_halt_takes_back_the_entries_that_rest() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "90");
    let entry = acknowledged(&mut desk);
    desk.control(ControlChange { gate: Some(ControlGate::Halted), ..ControlChange::default() });
    assert_eq!(sent(&desk), ["cancel"]);
    desk.event(Kind::CancelAck, &entry, |_| {});
    assert_eq!(desk.stage(0), Stage::Closed);
}

#[test]
fn a_group_of_exits_above_the_largest_market_order_leaves_in_parts() {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.bounds = Some(Box::new(OrderBounds { market_max_qty: Some(dec("0.5")), ..OrderBounds::default() }));
    let config = KernelConfig { max_slots: 3, remembered_orders: 16, ..KernelConfig::default() };
    let mut desk = Desk::over_with(config, spec, &[("USDT", "1000")], "100");
    desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("100")));
    });
    let entry = desk.submitted();
    desk.fill(&entry, "E1", "1", "100");
    let outcome = exit(&mut desk, OrderType::StopMarket, None, "90", "g");
    assert!(outcome.accepted, "{outcome:?}");
    assert_eq!(sent(&desk), ["STOP_MARKET 0.500", "STOP_MARKET 0.500"]);
    let stops: Vec<Id> = desk
        .effects
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Submit(order) => {
                assert!(order.oco_group.is_none(), "a venue that knows groups would end the other part");
                Some(order.venue_client_id.clone())
            }
            Command::Amend(_) | Command::Cancel(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
        })
        .collect();
    let target = exit(&mut desk, OrderType::Limit, None, "110", "g");
    assert!(target.accepted);
    let target = desk.submitted();
    for order in stops.iter().chain([&target]) {
        desk.ack(order, &format!("V{}", order));
    }
    desk.fill(&stops[0], "S1", "0.5", "90");
    assert_eq!(sent(&desk), ["amend 0.500"], "the target is cut, and the other part works on");
    desk.fill(&stops[1], "S2", "0.5", "90");
    assert_eq!(sent(&desk), ["cancel"], "all of the stop has filled: the target goes");
}

// ------------------------------------------------------------------------------------------- a slot that is stuck

/// Slot 0 is 1 long, somebody has sold 1 by hand: the venue is flat.
fn stuck() -> Desk {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.event(Kind::FullFill, &Id::EMPTY, |event| {
        (event.asset, event.venue_trade_id, event.venue_order_id) = (id("BTCUSDT"), id("hand"), id("H1"));
        (event.order_side, event.size, event.price) =
            (Some(OrderSide::Sell), Some(dec("1")), Some(dec("110")));
    });
    assert_eq!(desk.book(), ("0.000".into(), "-1.000".into()));
    desk
}

#[test]
fn a_slot_and_its_opposite_are_paired_off_once_the_venue_says_that_it_is_flat() {
    for by_report in [true, false] {
        let mut desk = stuck();
        if by_report {
            let told = desk.account(dita_kernel::names::AccountEventKind::PositionUpdate, |event| {
                event.size = Some(dec("0"));
                event.position_side = Some(PositionSide::Both);
            });
            assert!(told.accepted, "{told:?}");
        } else {
            desk.exit(0);
            let refused = desk.submitted();
            desk.event(Kind::OrderReject, &refused, |event| event.status = Some(Status::Rejected));
        }
        assert_eq!(desk.book(), ("0.000".into(), "0.000".into()), "by report: {by_report}");
        let slot = desk.kernel.slot(0).expect("a slot");
        assert_eq!((desk.stage(0), slot.close_reason.as_str()), (Stage::Closed, "PAIRED_OFF"));
        assert_eq!(desk.money(0).0, "10", "closed at what it was sold for");
        assert!(desk.enter(0, "1").accepted, "the slot is free");
        desk.assert_replays();
    }
}

#[test]
fn what_is_not_the_exact_opposite_is_not_paired_off() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.open(1, "1", "100");
    desk.event(Kind::FullFill, &Id::EMPTY, |event| {
        (event.asset, event.venue_trade_id, event.venue_order_id) = (id("BTCUSDT"), id("hand"), id("H1"));
        (event.order_side, event.size, event.price) =
            (Some(OrderSide::Sell), Some(dec("1")), Some(dec("110")));
    });
    desk.exit(0);
    let refused = desk.submitted();
    desk.event(Kind::OrderReject, &refused, |event| event.status = Some(Status::Rejected));
    assert_eq!((desk.stage(0), desk.book().1), (Stage::PositionOpen, "-1.000".into()), "the venue holds 1");
}

#[test]
fn an_exit_sells_what_the_venue_still_has_and_the_rest_is_paired_off() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.event(Kind::FullFill, &Id::EMPTY, |event| {
        (event.asset, event.venue_trade_id, event.venue_order_id) = (id("BTCUSDT"), id("hand"), id("H1"));
        (event.order_side, event.size, event.price) =
            (Some(OrderSide::Sell), Some(dec("0.4")), Some(dec("110")));
    });
    assert!(desk.exit(0).accepted);
    assert_eq!(sent(&desk), ["MARKET 0.600"], "a venue may refuse one that is larger than the position");
    let sale = desk.submitted();
    desk.fill(&sale, "S1", "0.6", "105");
    assert_eq!((desk.size(0).as_str(), desk.stage(0)), ("0.400", Stage::PositionOpen));
    desk.exit(0);
    let refused = desk.submitted();
    desk.event(Kind::OrderReject, &refused, |event| event.status = Some(Status::Rejected));
    assert_eq!((desk.stage(0), desk.book()), (Stage::Closed, ("0.000".into(), "0.000".into())));
    assert_eq!(desk.money(0).0, "7", "3 and 4");
    desk.assert_replays();
}
