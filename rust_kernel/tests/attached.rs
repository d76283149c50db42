//! Exits that are attached to an entry: sent at its first fill, sized with its fills, resized as the venue allows.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::{AmendRequest, Command, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{Attachment, ExitSpec, Input, InstrumentSpec, Intent};
use dita_kernel::names::{
    ExitKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderType,
    Severity, TradeSide, TradeStage as Stage, TriggerBy, VenueOrderStatus as Status,
};
use dita_kernel::num::Decimal;
use dita_kernel::outcome::{Detail, Outcome};

const SECOND: i64 = 1_000_000_000;

pub fn spec(kind: ExitKind) -> ExitSpec {
    ExitSpec {
        kind,
        trigger_price: None,
        offset: None,
        limit_price: None,
        ratio: dec("1"),
        trigger_by: TriggerBy::Last,
    }
}

fn stop(trigger: &str) -> ExitSpec {
    ExitSpec { trigger_price: Some(dec(trigger)), ..spec(ExitKind::Stop) }
}

fn stop_off(offset: &str) -> ExitSpec {
    ExitSpec { offset: Some(dec(offset)), ..spec(ExitKind::Stop) }
}

fn target(trigger: &str, ratio: &str) -> ExitSpec {
    ExitSpec { trigger_price: Some(dec(trigger)), ratio: dec(ratio), ..spec(ExitKind::Target) }
}

fn resting(limit: &str, ratio: &str) -> ExitSpec {
    ExitSpec { limit_price: Some(dec(limit)), ratio: dec(ratio), ..spec(ExitKind::Target) }
}

fn trail(offset: &str) -> ExitSpec {
    ExitSpec { offset: Some(dec(offset)), ..spec(ExitKind::Trail) }
}

fn attach(intent: &mut Intent, exits: Vec<ExitSpec>) {
    intent.attached = Some(Box::new(Attachment { exits, ..Attachment::NONE }));
}

fn enter_with(desk: &mut Desk, size: &str, exits: Vec<ExitSpec>) -> Outcome {
    desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec(size));
        attach(intent, exits);
    })
}

fn add(desk: &mut Desk, size: &str, change: impl FnOnce(&mut Intent)) -> Outcome {
    let trade = desk.kernel.slot(0).expect("a slot").trade_id.clone();
    let side = desk.kernel.slot(0).expect("a slot").side;
    desk.intent(Action::Enter, 0, |intent| {
        intent.trade_id = trade;
        intent.side = side;
        intent.target_size = Some(dec(size));
        intent.attached = Some(Box::new(Attachment { add: true, ..Attachment::NONE }));
        change(intent);
    })
}

fn submits(desk: &Desk) -> Vec<OrderRequest> {
    let of = |command: &Command| match command {
        Command::Submit(request) => Some(request.clone()),
        Command::Cancel(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

fn amends(desk: &Desk) -> Vec<AmendRequest> {
    let of = |command: &Command| match command {
        Command::Amend(request) => Some(request.clone()),
        Command::Cancel(_) | Command::Submit(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

fn cancels(desk: &Desk) -> Vec<Id> {
    let of = |command: &Command| match command {
        Command::Cancel(request) => Some(request.venue_client_id.clone()),
        Command::Amend(_) | Command::Submit(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

/// Without the zeros that the venue's form has behind the point.
fn plain(value: Decimal) -> String {
    let text = value.to_string();
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// What was sent in this step, in short: type, size, trigger or limit.
fn sent(desk: &Desk) -> Vec<String> {
    let short = |order: &OrderRequest| {
        let price = order
            .trigger_price
            .or(order.limit_price)
            .map_or(String::new(), |price| format!(" {}", plain(price)));
        format!("{} {} {}{price}", order.order_side, order.order_type, plain(order.size))
    };
    submits(desk).iter().map(short).collect()
}

fn amended(desk: &Desk) -> Vec<String> {
    let price = |order: &AmendRequest| order.trigger_price.or(order.limit_price).map(plain);
    amends(desk)
        .iter()
        .map(|order| format!("{} {}", plain(order.size), price(order).unwrap_or_default()))
        .collect()
}

fn amend_ack(desk: &mut Desk, order: &Id) {
    let request = desk.kernel.orders().by_client_id(order).and_then(|place| {
        desk.kernel.orders().at(place).amendment().map(|amendment| amendment.request_id.clone())
    });
    desk.event(Kind::AmendAck, order, |event| {
        event.rare.get_or_insert_default().request_id = request.unwrap_or_default();
    });
}

fn amend_reject(desk: &mut Desk, order: &Id) {
    desk.event(Kind::AmendReject, order, |_| {});
}

fn unprotected(desk: &Desk) -> bool {
    desk.kernel.slot(0).expect("a slot").unprotected
}

fn criticals(desk: &Desk) -> usize {
    desk.effects.notices.iter().filter(|notice| notice.severity == Severity::Critical).count()
}

fn tick(desk: &mut Desk, at: i64) {
    desk.now = at;
    desk.put_at(at, Input::Time);
}

fn working(desk: &Desk) -> Vec<Id> {
    let live = desk.kernel.orders().iter().filter(|order| order.is_live());
    let mut live: Vec<_> = live.map(|order| (order.number, order.client_id.clone())).collect();
    live.sort_unstable();
    live.into_iter().map(|(_, id)| id).collect()
}

/// Entered with these exits, and filled at 100; the exits are acknowledged. Returns their ids.
fn opened(size: &str, exits: Vec<ExitSpec>) -> (Desk, Vec<Id>) {
    let mut desk = Desk::new();
    let outcome = enter_with(&mut desk, size, exits);
    assert!(outcome.accepted, "{outcome:?}");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", size, "100");
    let exits: Vec<Id> = submits(&desk).into_iter().map(|order| order.venue_client_id).collect();
    for (at, exit) in exits.iter().enumerate() {
        desk.ack(exit, &format!("X{at}"));
    }
    (desk, exits)
}

#[test]
fn exits_are_sent_at_the_first_fill_and_sized_with_the_fills() {
    let mut desk = Desk::new();
    assert!(enter_with(&mut desk, "10", vec![stop("90"), target("110", "0.5")]).accepted);
    let entry = desk.submitted();
    assert_eq!(sent(&desk), ["BUY MARKET 10"], "nothing before the fill");
    desk.ack(&entry, "V1");
    assert!(sent(&desk).is_empty());
    desk.fill(&entry, "T1", "4", "100");
    assert_eq!(sent(&desk), ["SELL STOP_MARKET 4 90", "SELL TAKE_PROFIT 2 110"]);
    assert!(submits(&desk).iter().all(|order| order.reduce_only && order.oco_group.is_none()));
    assert_eq!(desk.stage(0), Stage::ExitSent);
    let exits: Vec<Id> = submits(&desk).into_iter().map(|order| order.venue_client_id).collect();
    desk.fill(&entry, "T2", "6", "100");
    assert!(sent(&desk).is_empty() && amended(&desk).is_empty(), "they are on their way");
    desk.ack(&exits[0], "X1");
    assert_eq!(amended(&desk), ["10 90"]);
    desk.ack(&exits[1], "X2");
    assert_eq!(amended(&desk), ["5 110"]);
    amend_ack(&mut desk, &exits[0]);
    amend_ack(&mut desk, &exits[1]);
    assert!(amended(&desk).is_empty() && sent(&desk).is_empty());
    assert!(!unprotected(&desk));
    desk.assert_replays();
}

#[test]
fn a_target_that_fills_lessens_the_stop_and_a_stop_that_fills_cancels_the_targets() {
    let (mut desk, exits) = opened("10", vec![stop("90"), target("110", "0.3"), resting("120", "0.7")]);
    desk.fill(&exits[1], "T2", "1", "110");
    assert_eq!(amended(&desk), ["9 90"]);
    amend_ack(&mut desk, &exits[0]);
    desk.fill(&exits[1], "T3", "2", "110");
    assert_eq!(amended(&desk), ["7 90"]);
    assert!(cancels(&desk).is_empty(), "the rest of the bracket stays");
    amend_ack(&mut desk, &exits[0]);
    desk.fill(&exits[0], "T4", "7", "90");
    assert_eq!(cancels(&desk), [exits[2].clone()]);
    desk.event(Kind::CancelAck, &exits[2], |_| {});
    assert_eq!(desk.stage(0), Stage::Closed);
    assert_eq!(desk.kernel.slot(0).expect("a slot").close_reason.as_str(), "STOP");
    assert!(working(&desk).is_empty());
    desk.assert_replays();
}

#[test]
fn targets_that_close_everything_cancel_the_stop() {
    let (mut desk, exits) = opened("10", vec![stop("90"), target("110", "0.25"), target("120", "0.75")]);
    desk.fill(&exits[1], "T2", "2.5", "110");
    amend_ack(&mut desk, &exits[0]);
    desk.fill(&exits[2], "T3", "7.5", "120");
    assert_eq!(cancels(&desk), [exits[0].clone()]);
    desk.event(Kind::CancelAck, &exits[0], |_| {});
    assert_eq!(desk.stage(0), Stage::Closed);
    assert_eq!(desk.kernel.slot(0).expect("a slot").close_reason.as_str(), "TARGET");
}

#[test]
#[rustfmt::skip]
fn sizes_round_down_to_the_lot_and_the_last_target_takes_the_rest() {
    for (size, ratios, sizes) in [
        ("10",    &["0.5"][..],                 &["5"][..]),
        ("0.007", &["0.5", "0.5"][..],          &["0.003", "0.004"][..]),
        ("0.010", &["0.33", "0.33", "0.34"][..], &["0.003", "0.003", "0.004"][..]),
        ("0.010", &["0.33", "0.33"][..],        &["0.003", "0.003"][..]),
        ("0.001", &["0.5", "0.5"][..],          &["0.001"][..]), // half a lot is none: the last takes it
    ] {
        let specs = ratios.iter().map(|ratio| target("110", ratio)).collect();
        let mut desk = Desk::new();
        assert!(enter_with(&mut desk, size, specs).accepted);
        let entry = desk.submitted();
        desk.fill(&entry, "T1", size, "100");
        let sent: Vec<_> = submits(&desk).iter().map(|order| plain(order.size)).collect();
        assert_eq!(sent, sizes, "{size} {ratios:?}");
    }
}

#[test]
#[rustfmt::skip]
fn an_offset_is_of_the_average_entry_price_and_never_ends_looser() {
    for (side, kind, offset, price, trigger) in [
        (TradeSide::Long,  ExitKind::Stop,   "0.05",  "100",    "95"),
        (TradeSide::Long,  ExitKind::Stop,   "0.05",  "100.01", "95.1"),  // 95.0095: up, the tighter stop
        (TradeSide::Short, ExitKind::Stop,   "0.05",  "100.01", "105"),   // 105.0105: down
        (TradeSide::Long,  ExitKind::Target, "0.1",   "100.01", "110.1"), // 110.011: up, to the passive side
        (TradeSide::Short, ExitKind::Target, "0.1",   "100.01", "90"),    // 90.009: down
        (TradeSide::Long,  ExitKind::Trail,  "0.02",  "100",    "98"),
        (TradeSide::Short, ExitKind::Trail,  "0.02",  "100",    "102"),
        (TradeSide::Short, ExitKind::Stop,   "2",     "100",    "300"),
    ] {
        let mut desk = Desk::new();
        let exits = vec![ExitSpec { offset: Some(dec(offset)), ..spec(kind) }];
        let outcome = desk.intent(Action::Enter, 0, |intent| {
            intent.side = side;
            intent.target_size = Some(dec("1"));
            attach(intent, exits);
        });
        assert!(outcome.accepted, "{outcome:?}");
        let entry = desk.submitted();
        desk.fill(&entry, "T1", "1", price);
        let sent: Vec<_> = submits(&desk).iter().filter_map(|order| order.trigger_price).map(plain).collect();
        assert_eq!(sent, [trigger], "{side} {kind} {offset} of {price}");
    }
}

#[test]
#[rustfmt::skip]
fn an_exit_that_contradicts_itself_is_refused_with_its_field() {
    let off = |kind, offset: &str| ExitSpec { offset: Some(dec(offset)), ..spec(kind) };
    let both = ExitSpec { offset: Some(dec("0.1")), ..stop("90") };
    let half = ExitSpec { ratio: dec("0.5"), ..stop("90") };
    for (what, exits, field) in [
        ("nothing to go by",       vec![spec(ExitKind::Stop)],              "exits.trigger_price"),
        ("both",                   vec![both],                              "exits.trigger_price"),
        ("a target of nothing",    vec![spec(ExitKind::Target)],            "exits.trigger_price"),
        ("a part of a stop",       vec![half],                              "exits.ratio"),
        ("no ratio",               vec![target("110", "0")],                "exits.ratio"),
        ("more than all",          vec![target("110", "1.1")],              "exits.ratio"),
        ("more than all in sum",   vec![target("110", "0.6"), target("120", "0.5")], "exits.ratio"),
        ("two stops",              vec![stop("90"), stop("80")],            "exits.kind"),
        ("a trail with a price",   vec![ExitSpec { trigger_price: Some(dec("90")), ..trail("0.1") }], "exits.offset"),
        ("a trail without offset", vec![spec(ExitKind::Trail)],             "exits.offset"),
        ("no distance",            vec![off(ExitKind::Stop, "0")],          "exits.offset"),
        ("under zero",             vec![off(ExitKind::Stop, "1")],          "exits.offset"),
        ("too far",                vec![off(ExitKind::Target, "100")],      "exits.offset"),
        ("a price of zero",        vec![stop("0")],                         "exits.trigger_price"),
        ("a limit below zero",     vec![resting("-1", "1")],                "exits.limit_price"),
        ("too many",               vec![target("110", "0.1"); 7],           "exits"),
    ] {
        let mut desk = Desk::new();
        let outcome = enter_with(&mut desk, "1", exits);
        let Detail::Field { field: told, .. } = &outcome.detail else { panic!("{what}: {outcome:?}") };
        assert_eq!((outcome.code, *told), (Code::InvalidIntent, field), "{what}");
    }
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    for (what, change, field) in [
        ("exits of an exit", Attachment { exits: vec![stop("90")], ..Attachment::NONE }, "exits"),
        ("an exit that adds", Attachment { add: true, ..Attachment::NONE }, "add"),
        ("no trigger",  Attachment { trigger_by: TriggerBy::Mark, ..Attachment::NONE }, "trigger_by"),
    ] {
        let outcome = desk.intent(Action::Exit, 0, |intent| intent.attached = Some(Box::new(change)));
        let Detail::Field { field: told, .. } = &outcome.detail else { panic!("{what}: {outcome:?}") };
        assert_eq!((outcome.code, *told), (Code::InvalidIntent, field), "{what}");
    }
}

#[test]
fn a_trigger_is_held_against_the_price_that_was_named() {
    let mark = ExitSpec { trigger_by: TriggerBy::Mark, ..stop("90") };
    let (desk, exits) = opened("1", vec![mark, target("110", "1")]);
    let by = |exit: &Id| {
        let place = desk.kernel.orders().by_client_id(exit).expect("an order");
        desk.kernel.orders().at(place).trigger_by()
    };
    assert_eq!((by(&exits[0]), by(&exits[1])), (TriggerBy::Mark, TriggerBy::Last));
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.intent(Action::Exit, 0, |intent| {
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("90"));
        intent.attached = Some(Box::new(Attachment { trigger_by: TriggerBy::Mark, ..Attachment::NONE }));
    });
    assert_eq!(submits(&desk)[0].trigger_by, TriggerBy::Mark);
}

#[test]
fn a_venue_that_cannot_amend_gets_the_new_stop_before_the_old_one_goes() {
    let (mut desk, exits) = opened("10", vec![stop("90"), target("110", "0.5")]);
    desk.fill(&exits[1], "T2", "2", "110");
    assert_eq!(amended(&desk), ["8 90"]);
    amend_reject(&mut desk, &exits[0]);
    assert_eq!(sent(&desk), ["SELL STOP_MARKET 8 90"], "at once, by another way");
    assert!(cancels(&desk).is_empty(), "the old one protects until the new one is there");
    assert!(!unprotected(&desk));
    let new = desk.submitted();
    desk.ack(&new, "X9");
    assert_eq!(cancels(&desk), [exits[0].clone()]);
    desk.event(Kind::CancelAck, &exits[0], |_| {});
    assert!(!unprotected(&desk) && sent(&desk).is_empty());
    desk.fill(&exits[1], "T3", "1", "110");
    assert!(amended(&desk).is_empty(), "what was refused is not asked for again");
    assert_eq!(sent(&desk), ["SELL STOP_MARKET 7 90"]);
    desk.assert_replays();
}

#[test]
fn a_venue_that_takes_no_second_stop_has_the_old_one_canceled_first_and_that_is_told_after_two_seconds() {
    let (mut desk, exits) = opened("10", vec![stop("90"), target("110", "0.5")]);
    desk.fill(&exits[1], "T2", "2", "110");
    amend_reject(&mut desk, &exits[0]);
    let new = desk.submitted();
    desk.event(Kind::OrderReject, &new, |event| event.status = Some(Status::Rejected));
    assert_eq!(cancels(&desk), [exits[0].clone()]);
    assert!(unprotected(&desk), "from the request on");
    let began = desk.now;
    assert!(desk.kernel.next_due_ns().is_some_and(|due_ns| due_ns <= began + 2 * SECOND));
    tick(&mut desk, began + 2 * SECOND - 1);
    assert_eq!(criticals(&desk), 0);
    tick(&mut desk, began + 2 * SECOND);
    assert_eq!(criticals(&desk), 1);
    tick(&mut desk, began + 3 * SECOND);
    assert_eq!(criticals(&desk), 0, "once");
    desk.event(Kind::CancelAck, &exits[0], |_| {});
    assert_eq!(sent(&desk), ["SELL STOP_MARKET 8 90"]);
    assert!(unprotected(&desk), "until it is there");
    let new = desk.submitted();
    desk.ack(&new, "X9");
    assert!(!unprotected(&desk));
    desk.assert_replays();
}

#[test]
fn a_stop_that_the_venue_refuses_is_told_at_once_and_tried_again_a_few_times() {
    let mut desk = Desk::new();
    assert!(enter_with(&mut desk, "1", vec![stop("90")]).accepted);
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    let mut tries = 0;
    loop {
        let stops = submits(&desk);
        let Some(order) = stops.first().map(|order| order.venue_client_id.clone()) else { break };
        tries += 1;
        desk.event(Kind::OrderReject, &order, |event| event.status = Some(Status::Rejected));
        assert!(unprotected(&desk));
        assert!(criticals(&desk) > 0);
        assert!(sent(&desk).is_empty(), "not at once");
        while let Some(due_ns) = desk.kernel.next_due_ns().filter(|due_ns| *due_ns < 60 * SECOND) {
            tick(&mut desk, due_ns);
            if !submits(&desk).is_empty() {
                break;
            }
        }
    }
    assert_eq!(tries, 5);
    assert!(unprotected(&desk));
    assert_eq!(desk.stage(0), Stage::PositionOpen);
    desk.assert_replays();
}

#[test]
fn an_addition_belongs_to_the_trade_and_the_exits_grow_with_it() {
    let (mut desk, exits) = opened("1", vec![stop_off("0.1"), target("110", "0.5")]);
    desk.fill(&exits[1], "T2", "0.5", "110");
    amend_ack(&mut desk, &exits[0]);
    assert!(add(&mut desk, "1", |_| {}).accepted);
    assert_eq!(desk.stage(0), Stage::ExitWorking);
    let entry = desk.submitted();
    desk.ack(&entry, "V2");
    desk.fill(&entry, "T3", "1", "80");
    // Bought 1 at 100 and 1 at 80: 90 on average; half of the 2 is for the target, of which 0.5 is sold.
    assert_eq!(amended(&desk), ["1.5 81"]);
    assert_eq!(sent(&desk), ["SELL TAKE_PROFIT 0.5 110"], "what was sold stays sold");
    let slot = desk.kernel.slot(0).expect("a slot");
    assert_eq!((slot.initial.0, slot.size().0), (2000, 1500));
    assert_eq!(slot.trade_number, 1);
    desk.assert_replays();
}

#[test]
fn a_stop_at_a_price_stays_where_it_is_when_the_trade_grows() {
    let (mut desk, exits) = opened("1", vec![stop("90")]);
    assert!(add(&mut desk, "1", |_| {}).accepted);
    let entry = desk.submitted();
    desk.fill(&entry, "T3", "0.4", "95");
    assert_eq!(amended(&desk), ["1.4 90"]);
    desk.fill(&entry, "T4", "0.6", "95");
    assert!(amended(&desk).is_empty(), "one request in flight");
    amend_ack(&mut desk, &exits[0]);
    assert_eq!(amended(&desk), ["2 90"]);
}

#[test]
#[rustfmt::skip]
fn an_addition_to_another_trade_is_slot_busy() {
    type Change = fn(&mut Intent);
    let cases: &[(&str, Change, Code)] = &[
        ("another trade",    |intent| intent.trade_id = id("other"),          Code::SlotBusy),
        ("another side",     |intent| intent.side = TradeSide::Short,         Code::SlotBusy),
        ("another leverage", |intent| intent.leverage = Some(dec("7")),       Code::SlotBusy),
        ("another slot",     |intent| intent.slot_id = 1,                     Code::NoPosition),
        ("another owner",    |intent| intent.owner = id("somebody"),          Code::InvalidIntent),
        ("another ladder",   |intent| intent.exit_leg_ratios = vec![dec("0.5"), dec("0.5")], Code::InvalidIntent),
        ("with exits",       |intent| intent.attached = Some(Box::new(Attachment { add: true, exits: vec![stop("90")], ..Attachment::NONE })), Code::InvalidIntent),
        ("not said so",      |intent| intent.attached = None,                 Code::SlotBusy),
        ("as it should be",  |intent| intent.leverage = Some(dec("1")),       Code::Ok),
    ];
    for (what, change, code) in cases {
        let (mut desk, _) = opened("1", vec![stop("90")]);
        assert_eq!(add(&mut desk, "1", change).code, *code, "{what}");
    }
    let (mut desk, _) = opened("1", vec![stop("90")]);
    let spec = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    desk.put(Input::Instrument(Box::new(spec)));
    assert_eq!(add(&mut desk, "1", |intent| intent.asset = id("ETHUSDT")).code, Code::SlotBusy);
    assert!(add(&mut desk, "1", |_| {}).accepted);
    assert_eq!(add(&mut desk, "1", |_| {}).code, Code::SlotBusy, "one entry at a time");
}

#[test]
fn an_addition_that_is_refused_leaves_the_trade_as_it_was() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    assert!(add(&mut desk, "1", |_| {}).accepted);
    assert_eq!(desk.stage(0), Stage::OrderSent);
    let entry = desk.submitted();
    desk.event(Kind::OrderReject, &entry, |event| event.status = Some(Status::Rejected));
    assert_eq!(desk.stage(0), Stage::PositionOpen);
    assert_eq!(desk.kernel.slot(0).expect("a slot").close_reason.as_str(), "");
    assert!(desk.exit(0).accepted);
}

#[test]
fn an_exit_while_an_addition_is_on_its_way_takes_it_back() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    assert!(add(&mut desk, "1", |_| {}).accepted);
    let entry = desk.submitted();
    assert!(desk.exit(0).accepted, "a position may always be closed");
    assert_eq!(cancels(&desk), std::slice::from_ref(&entry));
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "1", "100");
    assert_eq!(desk.stage(0), Stage::OrderSent, "the addition has not been heard of");
    desk.event(Kind::CancelAck, &entry, |_| {});
    assert_eq!(desk.stage(0), Stage::Closed);
}

#[test]
fn a_stop_that_fills_calls_off_an_addition_and_what_it_fills_late_is_protected() {
    let (mut desk, exits) = opened("1", vec![stop("90")]);
    let limit = |intent: &mut Intent| {
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(dec("92"));
    };
    assert!(add(&mut desk, "1", limit).accepted);
    let entry = desk.submitted();
    desk.ack(&entry, "V2");
    desk.fill(&exits[0], "T2", "0.5", "90");
    assert_eq!(cancels(&desk), std::slice::from_ref(&entry));
    desk.fill(&exits[0], "T3", "0.5", "90");
    desk.fill(&entry, "T4", "1", "92");
    assert_eq!(sent(&desk), ["SELL STOP_MARKET 1 90"]);
    assert_eq!(desk.size(0), "1.000");
    desk.assert_replays();
}

#[test]
fn canceling_the_entry_keeps_the_exits_of_what_is_held() {
    let mut desk = Desk::new();
    desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec("2"));
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(dec("100"));
        attach(intent, vec![stop("90")]);
    });
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "1", "100");
    let stop = desk.submitted();
    desk.ack(&stop, "X1");
    desk.intent(Action::Cancel, 0, |intent| intent.target_client_id = entry.clone());
    desk.event(Kind::CancelAck, &entry, |_| {});
    assert_eq!(working(&desk), [stop]);
    assert!(!unprotected(&desk));
}

#[test]
fn what_the_strategy_cancels_is_withdrawn_and_what_it_amends_is_refused() {
    let (mut desk, exits) = opened("1", vec![stop("90"), target("110", "1")]);
    let amend = desk.intent(Action::Amend, 0, |intent| {
        intent.target_client_id = exits[0].clone();
        intent.trigger_price = Some(dec("95"));
    });
    assert_eq!(amend.code, Code::InvalidIntent);
    desk.intent(Action::Cancel, 0, |intent| intent.target_client_id = exits[1].clone());
    desk.event(Kind::CancelAck, &exits[1], |_| {});
    assert!(sent(&desk).is_empty());
    assert!(add(&mut desk, "1", |_| {}).accepted);
    let entry = desk.submitted();
    desk.fill(&entry, "T3", "1", "100");
    assert!(sent(&desk).is_empty(), "the target stays away");
    assert_eq!(amended(&desk), ["2 90"]);
}

#[test]
fn an_exit_of_the_strategy_beside_them_may_close_everything() {
    let (mut desk, exits) = opened("1", vec![stop("90"), target("110", "1")]);
    assert!(desk.exit(0).accepted);
    assert_eq!(
        (sent(&desk), cancels(&desk)),
        (vec![], vec![exits[1].clone()]),
        "the target makes room first"
    );
    desk.event(Kind::CancelAck, &exits[1], |_| {});
    assert_eq!(sent(&desk), ["SELL MARKET 1"]);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "1", "100");
    assert_eq!(cancels(&desk), exits[..1]);
    desk.event(Kind::CancelAck, &exits[0], |_| {});
    assert_eq!(desk.stage(0), Stage::Closed);
    assert!(desk.enter(0, "1").accepted, "the next trade has none of them");
    let entry = desk.submitted();
    desk.fill(&entry, "T3", "1", "100");
    assert!(sent(&desk).is_empty());
}

#[test]
fn a_fill_that_is_taken_back_lessens_the_exits() {
    let mut desk = Desk::new();
    enter_with(&mut desk, "2", vec![stop("90"), target("110", "0.5")]);
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "1", "100");
    let exits: Vec<Id> = submits(&desk).into_iter().map(|order| order.venue_client_id).collect();
    desk.ack(&exits[0], "X1");
    desk.ack(&exits[1], "X2");
    desk.fill(&entry, "T2", "1", "100");
    amend_ack(&mut desk, &exits[0]);
    amend_ack(&mut desk, &exits[1]);
    desk.event(Kind::TradeBust, &entry, |event| event.rare.get_or_insert_default().ref_trade_id = id("T2"));
    assert_eq!(amended(&desk), ["1 90", "0.5 110"]);
    desk.assert_replays();
}

#[test]
fn a_trailing_stop_follows_the_best_mark_by_tenths_of_its_distance_and_never_goes_back() {
    let (mut desk, exits) = opened("1", vec![trail("0.05")]);
    desk.mark("100.4");
    assert!(amended(&desk).is_empty(), "under a tenth of 5");
    desk.mark("100.5");
    assert_eq!(amended(&desk), ["1 95.5"]);
    desk.mark("103");
    assert!(amended(&desk).is_empty(), "one amend in flight");
    amend_ack(&mut desk, &exits[0]);
    assert!(amended(&desk).is_empty(), "one a second");
    let due_ns = desk.kernel.next_due_ns().expect("the stop is to be moved");
    desk.mark("101");
    tick(&mut desk, due_ns);
    assert_eq!(amended(&desk), ["1 98"], "of the best mark, not of the last");
    amend_ack(&mut desk, &exits[0]);
    desk.now += 2 * SECOND;
    desk.mark("90");
    assert!(amended(&desk).is_empty());
    desk.assert_replays();
}

#[test]
fn a_trailing_stop_is_not_loosened_by_an_addition() {
    let (mut desk, exits) = opened("1", vec![trail("0.05")]);
    desk.mark("110");
    assert_eq!(amended(&desk), ["1 105"]);
    amend_ack(&mut desk, &exits[0]);
    assert!(add(&mut desk, "1", |_| {}).accepted);
    let entry = desk.submitted();
    desk.now += 2 * SECOND;
    desk.fill(&entry, "T2", "1", "130");
    assert_eq!(amended(&desk), ["2 105"], "5 % of the new average is more than of the old one");
}

#[test]
fn only_a_mark_that_moves_a_stop_is_wanted_at_once() {
    let (desk, _) = opened("1", vec![trail("0.05")]);
    let mark =
        |price: &str| Input::Mark { symbol: id("BTCUSDT"), price: dec(price), venue_time_ns: 0, ages: false };
    assert!(!desk.kernel.moves_a_stop(&mark("100.4")));
    assert!(desk.kernel.moves_a_stop(&mark("100.5")));
    assert!(!desk.kernel.moves_a_stop(&mark("90")));
    let (desk, _) = opened("1", vec![stop("90")]);
    assert!(!desk.kernel.moves_a_stop(&mark("150")));
}

#[test]
fn after_a_restart_no_second_stop_is_sent() {
    let mut desk = Desk::new();
    enter_with(&mut desk, "2", vec![stop("90")]);
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "1", "100");
    let stop = desk.submitted();
    desk.put(Input::Restart);
    assert!(sent(&desk).is_empty());
    desk.fill(&entry, "T2", "1", "100");
    assert!(sent(&desk).is_empty() && amended(&desk).is_empty(), "nobody knows yet whether it is there");
    desk.event(Kind::OrderStatus, &stop, |event| {
        event.status = Some(Status::Acked);
        event.venue_order_id = id("X1");
        event.filled_size = Some(dec("0"));
    });
    assert!(sent(&desk).is_empty());
    assert_eq!(amended(&desk), ["2 90"]);
    desk.assert_replays();
}

#[test]
fn the_state_comes_back_with_its_exits() {
    let (mut desk, exits) = opened("10", vec![stop("90"), target("110", "0.5")]);
    let bytes = desk.kernel.to_snapshot().expect("bytes");
    desk.kernel = dita_kernel::kernel::Kernel::from_snapshot(&bytes).expect("a kernel");
    assert_eq!(desk.kernel.to_snapshot().expect("bytes"), bytes);
    desk.fill(&exits[1], "T2", "5", "110");
    assert_eq!(amended(&desk), ["5 90"]);
}

#[test]
fn what_is_under_the_venues_minimum_is_not_sent_and_the_position_is_unprotected() {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.min_qty = Some(dec("0.5"));
    let mut desk = Desk::over(spec, &[("USDT", "1000")], "100");
    enter_with(&mut desk, "1", vec![stop("90"), target("110", "0.5")]);
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "0.4", "100");
    assert!(sent(&desk).is_empty() && unprotected(&desk));
    desk.fill(&entry, "T2", "0.6", "100");
    assert_eq!(sent(&desk), ["SELL STOP_MARKET 1 90", "SELL TAKE_PROFIT 0.5 110"]);
}
