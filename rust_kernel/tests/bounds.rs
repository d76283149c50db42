//! What a venue bounds of orders beside grid and minimums: entries are refused by name, exits go in parts.

use crate::common::{Desk, dec, id};
use dita_kernel::codec::{decode, encode};
use dita_kernel::effect::{Command, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{Attachment, ExitSpec, Input, InstrumentSpec, Intent, OrderBounds, PriceBand};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{
    ExitKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderType,
    Severity, TradeSide, TradeStage as Stage, TriggerBy, VenueOrderStatus as Status,
};
use dita_kernel::outcome::{Detail, Outcome};

fn bounds() -> OrderBounds {
    OrderBounds {
        market_max_qty: Some(dec("10")),
        price_band: Some(PriceBand { low: dec("0.95"), high: dec("1.05") }),
        max_open_orders: None,
        max_open_stops: None,
    }
}

fn spec(bounds: OrderBounds) -> InstrumentSpec {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.min_qty = Some(dec("0.005"));
    spec.max_qty = Some(dec("500"));
    spec.bounds = Some(Box::new(bounds));
    spec
}

fn desk(bounds: OrderBounds) -> Desk {
    let config = KernelConfig { max_slots: 8, ..KernelConfig::default() };
    Desk::over_with(config, spec(bounds), &[("USDT", "1000000")], "100")
}

/// A trade that holds so much, entered by limit.
fn holding(bounds: OrderBounds, size: &str, exits: Vec<ExitSpec>) -> Desk {
    let mut desk = desk(bounds);
    let outcome = desk.intent(Action::Enter, 0, |intent| {
        limit(intent, size, "100");
        intent.attached = Some(Box::new(Attachment { exits, ..Attachment::NONE }));
    });
    assert!(outcome.accepted, "{outcome:?}");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", size, "100");
    desk
}

fn limit(intent: &mut Intent, size: &str, price: &str) {
    intent.order_type = OrderType::Limit;
    intent.target_size = Some(dec(size));
    intent.limit_price = Some(dec(price));
}

fn sent(desk: &Desk) -> Vec<OrderRequest> {
    let of = |command: &Command| match command {
        Command::Submit(request) => Some(request.clone()),
        Command::Cancel(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

fn sizes(desk: &Desk) -> Vec<String> {
    sent(desk).iter().map(|request| request.size.to_string()).collect()
}

/// What was asked for in this step beside new orders: totals that orders are amended to, and cancels.
fn changes(desk: &Desk) -> Vec<String> {
    let of = |command: &Command| match command {
        Command::Amend(request) => Some(request.size.to_string()),
        Command::Cancel(_) => Some("cancel".to_owned()),
        Command::Submit(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

/// The limit or field that a refusal names.
fn named(outcome: &Outcome) -> String {
    match &outcome.detail {
        Detail::Limit { limit, .. } => (*limit).to_owned(),
        Detail::Field { field, why, .. } => format!("{field} {why}"),
        other => format!("{other:?}"),
    }
}

fn stop_at(price: &str) -> ExitSpec {
    ExitSpec {
        kind: ExitKind::Stop,
        trigger_price: Some(dec(price)),
        offset: None,
        limit_price: None,
        ratio: dec("1"),
        trigger_by: TriggerBy::Last,
    }
}

fn reject(desk: &mut Desk, order: &Id) {
    desk.event(Kind::OrderReject, order, |event| event.status = Some(Status::Rejected));
}

fn acknowledge(desk: &mut Desk, orders: &[OrderRequest]) {
    for order in orders {
        let venue_id = format!("V{}", order.venue_client_id);
        desk.ack(&order.venue_client_id, &venue_id[venue_id.len().saturating_sub(12)..]);
    }
}

// ------------------------------------------------------------------------------------------------------- entries

#[test]
#[rustfmt::skip]
fn an_entry_is_held_against_the_bounds_in_this_order() {
    let market = |intent: &mut Intent, size: &str| intent.target_size = Some(dec(size));
    let full = || OrderBounds { max_open_orders: Some(1), max_open_stops: Some(1), ..bounds() };
    let stop = |intent: &mut Intent, size: &str| {
        market(intent, size);
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("120"));
    };
    type Change<'a> = &'a dyn Fn(&mut Intent);
    let cases: [(Change<'_>, Code, &str); 8] = [
        (&|i| market(i, "501"),           Code::InvalidIntent, "target_size is above the venue's largest order"),
        (&|i| market(i, "10.001"),        Code::InvalidIntent, "target_size is above the venue's largest market order, market_max_qty"),
        (&|i| stop(i, "10.001"),          Code::InvalidIntent, "target_size is above the venue's largest market order, market_max_qty"),
        (&|i| limit(i, "20", "105.1"),    Code::RiskBlocked,   "price_band"),
        (&|i| limit(i, "20", "105"),      Code::RiskBlocked,   "max_open_orders"),
        (&|i| limit(i, "20", "50"),       Code::RiskBlocked,   "max_open_orders"), // a bid may be far below the mark
        (&|i| market(i, "10"),            Code::RiskBlocked,   "max_open_orders"),
        (&|i| stop(i, "10"),              Code::RiskBlocked,   "max_open_orders"),
    ];
    for (change, code, name) in cases {
        let mut desk = desk(full());
        assert!(desk.enter_limit(1, "1", "90").accepted);
        let before = desk.kernel.state_hash();
        let outcome = desk.intent(Action::Enter, 2, |intent| { intent.side = TradeSide::Long; change(intent) });
        assert_eq!((outcome.code, named(&outcome).as_str()), (code, name));
        assert_eq!(desk.kernel.state_hash(), before, "a refused intent changes nothing");
    }
}

#[test]
fn a_sell_may_not_be_far_below_the_mark() {
    for (price, accepted) in [("94.9", false), ("95", true), ("300", true)] {
        let outcome = desk(bounds()).intent(Action::Enter, 0, |intent| {
            limit(intent, "20", price);
            intent.side = TradeSide::Short;
        });
        assert_eq!(outcome.accepted, accepted, "{price}: {outcome:?}");
    }
}

#[test]
fn stops_that_wait_for_their_entry_count_as_open() {
    let mut desk = desk(OrderBounds { max_open_stops: Some(3), ..bounds() });
    let with_stop = |desk: &mut Desk, slot: u32| {
        desk.intent(Action::Enter, slot, |intent| {
            limit(intent, "1", "90");
            intent.attached = Some(Box::new(Attachment { exits: vec![stop_at("80")], ..Attachment::NONE }));
        })
    };
    for slot in 0..3 {
        assert!(with_stop(&mut desk, slot).accepted, "{slot}");
    }
    let refused = with_stop(&mut desk, 3);
    assert_eq!((refused.code, named(&refused).as_str()), (Code::RiskBlocked, "max_open_stops"));
    assert!(desk.enter_limit(3, "1", "90").accepted, "one without a stop needs no room for it");
    let refused = desk.intent(Action::Enter, 4, |intent| {
        intent.order_type = OrderType::StopMarket;
        intent.target_size = Some(dec("1"));
        intent.trigger_price = Some(dec("120"));
    });
    assert_eq!((refused.code, named(&refused).as_str()), (Code::RiskBlocked, "max_open_stops"));
}

#[test]
fn a_fifth_of_the_open_orders_is_kept_and_said_so() {
    let mut desk = desk(OrderBounds { max_open_orders: Some(5), ..bounds() });
    for slot in 0..4 {
        assert!(desk.enter_limit(slot, "1", "90").accepted, "{slot}");
    }
    let refused = desk.enter_limit(4, "1", "90");
    let Detail::Limit { limit, value, attempt } = &refused.detail else { panic!("{refused:?}") };
    assert_eq!((*limit, &**value, &**attempt), ("max_open_orders", "4 (5 less 1 for exits)", "5"));
    desk.cancel(0);
    desk.event(Kind::CancelAck, &id_of(&desk, 0), |_| {});
    assert!(desk.enter_limit(4, "1", "90").accepted, "one that has ended is not open");
}

fn id_of(desk: &Desk, slot: u32) -> Id {
    let entry = desk.kernel.slot(slot).and_then(|slot| slot.entry).expect("an entry");
    desk.kernel.orders().at(entry.place).client_id.clone()
}

#[test]
fn an_amended_entry_stays_within_the_band_and_the_largest_order() {
    let mut desk = desk(bounds());
    desk.enter_limit(0, "1", "90");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    for (price, accepted) in [("105", true), ("105.1", false)] {
        let outcome = desk.intent(Action::Amend, 0, |intent| {
            intent.target_size = None;
            intent.limit_price = Some(dec(price));
        });
        assert_eq!(outcome.accepted, accepted, "{price}: {outcome:?}");
        if accepted {
            desk.event(Kind::AmendAck, &entry, |event| event.order_price = Some(dec(price)));
        } else {
            assert_eq!((outcome.code, named(&outcome).as_str()), (Code::RiskBlocked, "price_band"));
        }
    }
}

// --------------------------------------------------------------------------------------------------------- exits

#[test]
#[rustfmt::skip]
fn an_exit_is_cut_into_orders_that_the_venue_takes() {
    for (held, exit, expected) in [
        ("10",     None,          &["10.000"][..]),
        ("10.001", None,          &["9.996", "0.005"][..]), // the smallest order is 0.005
        ("30",     None,          &["10.000", "10.000", "10.000"][..]),
        ("30",     Some("25"),    &["10.000", "10.000", "5.000"][..]),
        ("30",     Some("9"),     &["9.000"][..]),
    ] {
        let mut desk = holding(bounds(), held, vec![]);
        let outcome = match exit { Some(size) => desk.exit_size(0, size), None => desk.exit(0) };
        assert!(outcome.accepted, "{outcome:?}");
        assert_eq!(sizes(&desk), expected, "{held} {exit:?}");
        let Detail::Order(first) = &outcome.detail else { panic!("{outcome:?}") };
        assert_eq!(*first, sent(&desk)[0].venue_client_id, "the answer names the first of them");
        desk.assert_replays();
    }
}

#[test]
fn a_stop_of_a_group_leaves_in_parts_and_a_limit_exit_as_one_order() {
    let mut desk = holding(bounds(), "30", vec![]);
    let grouped = desk.intent(Action::Exit, 0, |intent| {
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("90"));
        intent.oco_group = id("G");
    });
    assert!(grouped.accepted, "{grouped:?}");
    assert_eq!(sizes(&desk), ["10.000", "10.000", "10.000"]);
    assert!(desk.intent(Action::Exit, 0, |intent| limit(intent, "30", "110")).accepted);
    assert_eq!(sizes(&desk), ["30.000"]);
}

#[test]
#[rustfmt::skip]
fn a_limit_exit_beyond_the_band_goes_to_its_end() {
    for (side, price, expected) in [
        (TradeSide::Long,  "94.9",  "95"),
        (TradeSide::Long,  "1",     "95"),
        (TradeSide::Long,  "95.1",  "95.1"),
        (TradeSide::Long,  "300",   "300"), // a target
        (TradeSide::Short, "106",   "105"),
        (TradeSide::Short, "50",    "50"),
    ] {
        let mut desk = desk(bounds());
        assert!(desk.enter_side(0, side, "5").accepted);
        let entry = desk.submitted();
        desk.fill(&entry, "T1", "5", "100");
        assert!(desk.intent(Action::Exit, 0, |intent| limit(intent, "5", price)).accepted);
        let wanted = sent(&desk)[0].limit_price.expect("a limit");
        let rules = &desk.kernel.instruments()[0];
        assert_eq!(rules.price(wanted), rules.price(dec(expected)), "{side:?} {price}");
    }
}

#[test]
fn a_part_that_is_refused_leaves_its_share_open() {
    let mut desk = holding(bounds(), "25", vec![]);
    desk.exit(0);
    let parts = sent(&desk);
    acknowledge(&mut desk, &parts);
    reject(&mut desk, &parts[1].venue_client_id);
    desk.fill(&parts[0].venue_client_id, "X0", "10", "100");
    assert_eq!(desk.stage(0), Stage::ExitWorking);
    desk.fill(&parts[2].venue_client_id, "X2", "5", "100");
    assert_eq!((desk.stage(0), desk.size(0).as_str()), (Stage::PositionOpen, "10.000"));
    assert!(desk.exit(0).accepted);
    assert_eq!(sizes(&desk), ["10.000"]);
    desk.assert_replays();
}

#[test]
fn a_part_is_not_amended_and_what_is_left_of_an_exit_is() {
    let mut desk = holding(bounds(), "20", vec![]);
    desk.exit(0);
    let parts = sent(&desk);
    acknowledge(&mut desk, &parts);
    let amend = |desk: &mut Desk, order: &Id| {
        desk.intent(Action::Amend, 0, |intent| {
            intent.target_client_id = order.clone();
            intent.target_size = Some(dec("5"));
        })
    };
    let refused = amend(&mut desk, &parts[0].venue_client_id);
    assert_eq!(refused.code, Code::InvalidIntent);
    assert!(named(&refused).contains("exit in parts"), "{refused:?}");
    desk.fill(&parts[0].venue_client_id, "X0", "10", "100");
    assert!(
        amend(&mut desk, &parts[1].venue_client_id).accepted,
        "the last of them is an order like any other"
    );
}

#[test]
fn an_exit_in_parts_is_one_beside_others() {
    let mut desk = holding(bounds(), "90", vec![]);
    assert!(desk.exit_size(0, "81").accepted);
    assert_eq!(sent(&desk).len(), 9, "more than the exits that may be asked for one by one");
    assert!(desk.exit_size(0, "9").accepted, "another one has room");
    let covered = desk.exit_size(0, "1");
    assert_eq!(covered.code, Code::SlotBusy, "nothing of the position is left");
}

#[test]
fn an_exit_of_more_parts_than_there_may_be_leaves_as_many() {
    let mut desk = holding(OrderBounds { market_max_qty: Some(dec("1")), ..bounds() }, "100", vec![]);
    assert!(desk.exit(0).accepted);
    let parts = sent(&desk);
    assert_eq!(parts.len(), dita_kernel::bounds::PARTS_MAX);
    for (at, part) in parts.iter().enumerate() {
        desk.fill(&part.venue_client_id, &format!("X{at}"), "1", "100");
    }
    assert_eq!((desk.stage(0), desk.size(0).as_str()), (Stage::PositionOpen, "36.000"), "the rest is open");
    desk.assert_replays();
}

#[test]
fn a_stop_of_which_one_part_is_refused_leaves_the_position_unprotected() {
    let mut desk = holding(bounds(), "25", vec![]);
    let stop = |intent: &mut Intent| {
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("90"));
    };
    assert!(desk.intent(Action::Exit, 0, stop).accepted);
    let stops = sent(&desk);
    assert_eq!(stops.len(), 3);
    acknowledge(&mut desk, &stops[..1]);
    reject(&mut desk, &stops[1].venue_client_id);
    assert!(desk.effects.notices.iter().any(|notice| notice.severity == Severity::Critical));
    acknowledge(&mut desk, &stops[2..]);
    assert!(desk.kernel.slot(0).expect("a slot").unprotected, "two of three cover a part of it");
}

// ------------------------------------------------------------------------------------------------ attached exits

#[test]
fn attached_stops_follow_the_position_with_few_changes() {
    let mut desk = holding(bounds(), "25", vec![stop_at("90")]);
    let stops = sent(&desk);
    assert_eq!(sizes(&desk), ["10.000", "10.000", "5.000"]);
    acknowledge(&mut desk, &stops);
    // Added to: the smallest grows to the largest order, and a new one takes the rest.
    let trade = desk.kernel.slot(0).expect("a slot").trade_id.clone();
    assert!(
        desk.intent(Action::Enter, 0, |intent| {
            intent.trade_id = trade;
            limit(intent, "8", "100");
            intent.attached = Some(Box::new(Attachment { add: true, ..Attachment::NONE }));
        })
        .accepted
    );
    let entry = desk.submitted();
    desk.fill(&entry, "T2", "8", "100");
    assert_eq!((changes(&desk), sizes(&desk)), (vec!["10.000".to_owned()], vec!["3.000".to_owned()]));
    let fourth = sent(&desk);
    desk.event(Kind::AmendAck, &stops[2].venue_client_id, |event| event.order_size = Some(dec("10")));
    acknowledge(&mut desk, &fourth);
    assert!(changes(&desk).is_empty() && sizes(&desk).is_empty(), "they cover 33");
    assert!(!desk.kernel.slot(0).expect("a slot").unprotected);
    // Closed in part: the newest gives way.
    assert!(desk.exit_size(0, "6").accepted);
    let exit = desk.submitted();
    desk.fill(&exit, "X1", "6", "100");
    assert_eq!((changes(&desk), sizes(&desk)), (vec!["7.000".to_owned(), "cancel".to_owned()], vec![]));
    desk.assert_replays();
}

#[test]
fn triggered_stops_that_fill_in_any_order_are_left_alone() {
    let mut desk = holding(bounds(), "25", vec![stop_at("90")]);
    let stops = sent(&desk);
    acknowledge(&mut desk, &stops);
    for (trade, at, size) in [("X0", 1, "4"), ("X1", 0, "7"), ("X2", 2, "5"), ("X3", 1, "6"), ("X4", 0, "3")]
    {
        desk.fill(&stops[at].venue_client_id, trade, size, "90");
        assert_eq!((changes(&desk), sizes(&desk)), (vec![], vec![]), "{trade}");
    }
    assert_eq!(desk.stage(0), Stage::Closed);
    desk.assert_replays();
}

#[test]
fn an_attached_stop_of_which_a_part_is_refused_is_sent_again() {
    let mut desk = holding(bounds(), "25", vec![stop_at("90")]);
    let stops = sent(&desk);
    acknowledge(&mut desk, &stops[1..]);
    reject(&mut desk, &stops[0].venue_client_id);
    assert!(desk.kernel.slot(0).expect("a slot").unprotected);
    desk.put_at(desk.now + 2_000_000_000, Input::Time);
    // The newest of the others takes what it can.
    assert_eq!((changes(&desk), sizes(&desk)), (vec!["10.000".to_owned()], vec!["5.000".to_owned()]));
}

// -------------------------------------------------------------------------------------------- what stores them

#[test]
fn an_instrument_with_bounds_is_read_as_it_was_written() {
    for given in [bounds(), OrderBounds { max_open_stops: Some(7), ..OrderBounds::default() }] {
        let input = Input::instrument(spec(given));
        assert!(matches!(input, Input::Listed(_)));
        let mut bytes = Vec::new();
        encode(&input, &mut bytes).expect("encodes");
        assert_eq!(decode::<Input>(&bytes), Ok(input));
    }
    assert!(
        matches!(Input::instrument(spec(OrderBounds::default())), Input::Instrument(_)),
        "nothing to store"
    );
}

#[test]
fn a_form_that_would_lose_the_bounds_is_refused() {
    let mut desk = Desk::new();
    let refused = desk.put(Input::Instrument(Box::new(spec(bounds()))));
    assert_eq!(refused.code, Code::InvalidIntent);
    assert!(named(&refused).starts_with("bounds"), "{refused:?}");
}

#[test]
#[rustfmt::skip]
fn bounds_that_cannot_be_are_refused_by_name() {
    let band = |low, high| OrderBounds { price_band: Some(PriceBand { low: dec(low), high: dec(high) }), ..OrderBounds::default() };
    for (given, field) in [
        (OrderBounds { market_max_qty: Some(dec("0.0001")), ..OrderBounds::default() }, "market_max_qty"),
        (OrderBounds { market_max_qty: Some(dec("-1")), ..OrderBounds::default() },     "market_max_qty"),
        (band("1.01", "1.05"),                                                          "price_band"),
        (band("0.95", "0.99"),                                                          "price_band"),
        (band("-0.1", "1.05"),                                                          "price_band"),
        (OrderBounds { max_open_orders: Some(0), ..OrderBounds::default() },            "max_open_orders"),
        (OrderBounds { max_open_stops: Some(0), ..OrderBounds::default() },             "max_open_stops"),
    ] {
        let outcome = Desk::new().put(Input::instrument(spec(given)));
        assert_eq!(outcome.code, Code::Precision);
        assert!(named(&outcome).starts_with(field), "{field}: {outcome:?}");
    }
}

#[test]
fn a_stored_state_keeps_its_bounds_and_goes_on_by_them() {
    let mut desk = holding(bounds(), "25", vec![stop_at("90")]);
    let bytes = desk.kernel.to_snapshot().expect("writes");
    let read = Kernel::from_snapshot(&bytes).expect("reads");
    assert_eq!(read.state_hash(), desk.kernel.state_hash());
    assert_eq!(read.instruments()[0], desk.kernel.instruments()[0]);
    assert_eq!(read.to_snapshot().expect("writes"), bytes);
    desk.kernel = read;
    assert!(desk.exit(0).accepted);
    assert_eq!(sizes(&desk).len(), 3);
}

#[test]
fn bounds_that_are_taken_away_leave_nothing_behind() {
    let mut plain = desk(OrderBounds::default());
    let mut desk = desk(bounds());
    assert_ne!(desk.kernel.state_hash(), plain.kernel.state_hash(), "they are a part of the state");
    desk.put(Input::instrument(spec(OrderBounds::default())));
    plain.put(Input::instrument(spec(OrderBounds::default())));
    assert_eq!(desk.kernel.state_hash(), plain.kernel.state_hash());
    assert!(desk.enter(0, "20").accepted);
}
